"""Outputs of wuxian, made from what the insurer decided or knows."""

from . import wuxian_dictionary as codes
from .data import Filing, Insurance, Item, Person
from .money import Shares
from .totals import Row
from .wuxian_dictionary import outward
from .wuxian_layout import OUTPUTS, SHARE_FIELDS, write_values
from .wuxian_xml import Markup, write


def _flag(value: bool) -> str:
    return outward(codes.FLAGS, value)


def _shares(shares: Shares) -> dict:
    amounts = shares.as_dict()
    return {name: amounts[share] for name, share in SHARE_FIELDS.items()}


def age_on(day: str, birth: str) -> int:
    """Return full years."""
    return int(day[:4]) - int(birth[:4]) - (day[4:] < birth[4:])


def person(found: Person, deductibles: dict[str, int], today: str) -> Markup:
    """Write a person with the insurances."""
    rows = [_insurance(found, insurance, deductibles[insutype])
            for insutype, insurance in sorted(found.insurances.items())]
    return write_values(OUTPUTS["1101"], {
        "AAC001": found.psn_no, "AKC020": found.card_no,
        "AAC058": outward(codes.CERTIFICATES, found.cert_type), "AAC002": found.cert_no,
        "AAC003": found.name, "AAC004": outward(codes.SEXES, found.sex),
        "AAC006": found.birth, "AKC023": age_on(today, found.birth),
        "ROWNUM": len(rows)}, rows)


def _insurance(found: Person, insurance: Insurance, deductible: int) -> dict:
    return {"AAE140": outward(codes.INSURANCE_TYPES, insurance.insutype),
            "AKC021": outward(codes.PERSON_CATEGORIES, insurance.category),
            "AAC031": outward(codes.STATES, found.state), "AAB004": found.unit,
            "AKC087": insurance.balance_fen, "AKC025": _flag(insurance.civil),
            "SAC004": _flag(insurance.poor), "BKA888": _flag(found.frozen),
            "AKC090": insurance.stays, "AKC251": insurance.pool_cum_fen,
            "AKC270": deductible}


def registered(line: dict) -> Markup:
    return write_values(OUTPUTS["1201"], {
        "AAZ217": line["visit_id"], "AKC190": line["visit"], "AKC270": line["dedc"]})


def unregistered(line: dict) -> Markup:
    return write_values(OUTPUTS["1202"], {"AAZ217": line["visit_id"]})


def details(line: dict, catalogue: dict[str, Item]) -> Markup:
    """Write the lines back in the order sent, those stored before with their old results."""
    fees = {fee["no"]: fee for fee in line["lines"] + line.get("again", [])}
    before = {fee["no"] for fee in line.get("again", [])}
    rows = [_fee(fees[number], number in before, catalogue)
            for number in line.get("order", fees)]
    return write_values(OUTPUTS["1301"], {"ROWNUM": len(rows), "AKC264": line["sum"]}, rows)


def _fee(fee: dict, before: bool, catalogue: dict[str, Item]) -> dict:
    item = catalogue.get(fee["ctr_code"])
    return {"AAZ213": fee["no"], "AKC227": fee["amount"],
            "AKA065": outward(codes.LEVELS, fee["level"]), "AKA069": fee["ratio_e4"],
            "AKA068": item.ceiling_e4 if item else 0, "AKC253": fee["full"],
            "AKC228": fee["pre"], "AKC268": fee["over"], "BKC042": fee["scope"],
            "CFBZ": _flag(before), "WDZ": _flag(not fee["ctr_code"])}


def details_removed(line: dict) -> Markup:
    return write_values(OUTPUTS["1302"], {"ROWNUM": len(line["line_nos"])})


def trial(shares: Shares, bill: str, stamp: str) -> Markup:
    """Write a trial: a settlement without a number."""
    return write_values(OUTPUTS["1401"], {"AAE072": bill, "AAE040": stamp, **_shares(shares)})


def settled(line: dict) -> Markup:
    return write_values(OUTPUTS["1402"], {
        "AAZ216": line["setl_id"], "AAE072": line["bill"], "AAE040": line["at"],
        **_shares(Shares.from_dict(line))})


def cancelled(line: dict) -> Markup:
    return write_values(OUTPUTS["1403"], {
        "AAZ216": line["setl_id"], "ORGAAZ216": line["org_setl_id"], "AAE072": line["bill"],
        "AAE040": line["at"], **_shares(Shares.from_dict(line))})


def reversed_(line: dict) -> Markup:
    return write_values(OUTPUTS["1901"], {
        "CZJG": line["result"], "ORGREFMSGID": line["org_ctr"]})


def inquired(state: str, original: dict | None) -> Markup:
    """Write what became of a request, with what its good answer held."""
    values = {"JYZT": outward(codes.INQUIRY_STATES, state)}
    inside = Markup()
    if original:
        refused = state == "refused"
        values |= {"ORGRETURNNUM": "-1" if refused else "1",
                   "ORGERRORCODE": original.get("code", "0000"),
                   "ORGREFMSGID": original["ctr_serial"]}
        if not refused:
            inside = output_of(original["answer"])
    return Markup(write_values(OUTPUTS["1902"], values) + write("ORGOUTPUT", inside))


def output_of(document: str) -> Markup:
    """Return the children of the output of a stored answer."""
    begin = document.index("<OUTPUT>") + len("<OUTPUT>")
    return Markup(document[begin:document.rindex("</OUTPUT>")])


def totals(known: dict[tuple[str, str], Row],
           results: dict[tuple[str, str], str]) -> Markup:
    """Write the answerer's figures for every row of either side."""
    rows = []
    for (insutype, category), result in results.items():
        row = known.get((insutype, category), Row())
        rows.append({"AAE140": outward(codes.INSURANCE_TYPES, insutype),
                     "QSLB": outward(codes.CLEARING_CATEGORIES, category),
                     "POSNUM": row.pos, "NEGNUM": row.neg, "AKC264": row.total,
                     "AKC260": row.fund, "AKC255": row.acct, "AKC261": row.cash,
                     "DZJG": result})
    return write_values(OUTPUTS["1501"], {"ROWNUM": len(rows)}, rows)


def postings(found: list[dict], total: int, page: int, last: bool) -> Markup:
    """Write one page of a day's settlements and cancellations."""
    rows = [{"MSGID": posting["serial"], "MSGNO": posting["tran"],
             "REFMSGID": posting["ctr_serial"], "AAZ217": posting["visit_id"],
             "AAZ216": posting["setl_id"], "ORGAAZ216": posting.get("org_setl_id", ""),
             "AAC001": posting["psn_no"], "AKB020": posting["hospital"],
             "AAE040": posting["at"],
             "AAE140": outward(codes.INSURANCE_TYPES, posting["insutype"]),
             "AKA130": codes.medical_category(posting["med_type"]),
             "AKC264": posting["total"], "AKC260": posting["fund"],
             "AKC255": posting["acct"], "AKC261": posting["cash"],
             "JYZT": outward(codes.POSTING_STATES, posting["state"])} for posting in found]
    return write_values(OUTPUTS["1502"], {
        "TOTALNUM": total, "PAGENO": page, "LASTPAGE": _flag(last), "ROWNUM": len(rows)}, rows)


def items(found: list[Item], total: int, last: bool, version: str, today: str) -> Markup:
    """Write one page of the catalogue."""
    rows = [{"AKC222": item.local, "AKC223": item.name, "AKE003": item.kind,
             "AKA063": outward(codes.FEE_CATEGORIES, item.fee_category),
             "AKA065": outward(codes.LEVELS, item.level), "AKA069": item.ratio_e4,
             "AKA068": item.ceiling_e4, "AAE030": item.valid_from, "AAE031": item.valid_to,
             "AAE100": _flag(item.valid_on(today))} for item in found]
    return write_values(OUTPUTS["1601"], {
        "VER": version, "TOTALNUM": total, "LASTPAGE": _flag(last), "ROWNUM": len(rows)}, rows)


def filings(found: list[Filing]) -> Markup:
    """Write the filings that are valid on the day asked for."""
    rows = [{"BAH": filing.number, "BALX": outward(codes.FILING_KINDS, filing.kind),
             "AAE030": filing.begin, "AAE031": filing.end, "AAB301": filing.region,
             "AKB020": filing.hospital, "AAE100": "1"} for filing in found]
    return write_values(OUTPUTS["1701"], {"BAZT": _flag(bool(rows)), "ROWNUM": len(rows)}, rows)


def echo(text: str, stamp: str) -> Markup:
    return write_values(OUTPUTS["1999"], {"ECHO": text, "AAE036": stamp})
