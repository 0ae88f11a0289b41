"""Answer bodies of `dajizhong`, made from what the insurer decided or knows."""

from . import djz_codes as codes
from .data import Filing, Insurance, Item, Person
from .djz_copybook import ANSWERS
from .djz_record import Values, encode_body
from .money import Shares
from .totals import Row

SHARE_FIELDS = {
    "total": "SR-TOTAL", "fund": "SR-FUND", "acct": "SR-ACCT", "cash": "SR-CASH",
    "pool": "SR-POOL", "large": "SR-LARGE", "illness": "SR-ILLNESS", "civil": "SR-CIVIL",
    "corp": "SR-CORP", "aid": "SR-AID", "other": "SR-OTHER", "full": "SR-FULLSELF",
    "pre": "SR-PRESELF", "over": "SR-OVERLMT", "scope": "SR-INSCOPE", "dedc": "SR-DEDC",
    "balance": "SR-BALANCE",
}


def _flag(value: bool) -> str:
    return codes.outward(codes.YES_NO, value)


def share_values(shares: Shares) -> Values:
    """Return the amounts of a settlement by field name."""
    amounts = shares.as_dict()
    return {name: amounts[share] for share, name in SHARE_FIELDS.items()}


def person(found: Person, deductibles: dict[str, int]) -> tuple[bytes, int]:
    """Write a person with the insurances; return the body and their number."""
    values = {"PR-PSN-NO": found.psn_no, "PR-CARD-NO": found.card_no,
              "PR-CERT-TYPE": codes.outward(codes.CERTIFICATES, found.cert_type),
              "PR-CERT-NO": found.cert_no, "PR-NAME": found.name,
              "PR-SEX": codes.outward(codes.SEXES, found.sex), "PR-BIRTH": found.birth}
    rows = [_insurance(found, insurance, deductibles[insutype])
            for insutype, insurance in sorted(found.insurances.items())]
    return encode_body(ANSWERS["100001"], values, rows), len(rows)


def _insurance(found: Person, insurance: Insurance, deductible: int) -> Values:
    return {"PR-INS-TYPE": codes.outward(codes.INSURANCE_TYPES, insurance.insutype),
            "PR-PSN-CAT": codes.outward(codes.PERSON_CATEGORIES, insurance.category),
            "PR-STATE": codes.outward(codes.STATES, found.state),
            "PR-BALANCE": insurance.balance_fen, "PR-CIVIL": _flag(insurance.civil),
            "PR-POOR": _flag(insurance.poor), "PR-FROZEN": _flag(found.frozen),
            "PR-IN-TIMES": insurance.stays, "PR-POOL-CUM": insurance.pool_cum_fen,
            "PR-DEDC": deductible, "PR-UNIT": found.unit}


def registered(line: dict) -> bytes:
    """Write the answer to a registration."""
    return encode_body(ANSWERS["200001"], {
        "RR-CTR-VISIT": line["visit_id"], "RR-VISIT-NO": line["visit"],
        "RR-DEDC": line["dedc"]})


def details(line: dict, catalogue: dict[str, Item]) -> bytes:
    """Write the stored lines back, as classified by the place of treatment."""
    rows = []
    for fee in line["lines"]:
        item = catalogue.get(fee["ctr_code"])
        rows.append({"FR-LINE-NO": fee["no"], "FR-AMT": fee["amount"],
                     "FR-LEVEL": fee["level"], "FR-RATIO": fee["ratio_e4"],
                     "FR-LIMIT": item.ceiling_e4 if item else 0,
                     "FR-FULLSELF": fee["full"], "FR-PRESELF": fee["pre"],
                     "FR-OVERLMT": fee["over"], "FR-INSCOPE": fee["scope"]})
    return encode_body(ANSWERS["300001"], {"FR-SUM": line["sum"]}, rows)


def details_removed(line: dict) -> bytes:
    """Write how many lines were removed."""
    return encode_body(ANSWERS["300002"], {"FD-CNT": len(line["line_nos"])})


def trial(shares: Shares, bill: str) -> bytes:
    """Write a trial: a settlement without a number."""
    return encode_body(ANSWERS["400001"], {"SR-BILL-NO": bill} | share_values(shares))


def settled(line: dict) -> bytes:
    """Write the answer to a settlement."""
    return encode_body(ANSWERS["400002"], {
        "SR-SETL-NO": line["setl_id"], "SR-BILL-NO": line["bill"],
        **share_values(Shares.from_dict(line))})


def cancelled(line: dict) -> bytes:
    """Write the answer to the cancellation of a settlement."""
    return encode_body(ANSWERS["400003"], {
        "SR-SETL-NO": line["setl_id"], "SR-BILL-NO": line["bill"],
        "SR-ORG-SETL-NO": line["org_setl_id"], **share_values(Shares.from_dict(line))})


def reversed_(line: dict) -> bytes:
    """Write the result of a reversal."""
    return encode_body(ANSWERS["500001"], {
        "VR-RESULT": line["result"], "VR-ORG-CTR": line["org_ctr"]})


def inquired(state: str, original: dict | None, org_body: bytes) -> bytes:
    """Write what became of a request, with the body of its good answer."""
    values: Values = {"IR-STATE": codes.outward(codes.INQUIRY_STATES, state),
                      "IR-ORG-LEN": len(org_body)}
    if original:
        values["IR-ORG-RET"] = codes.return_code(original.get("code", "0000"))
        values["IR-ORG-CTR"] = original["ctr_serial"]
    return encode_body(ANSWERS["500002"], values) + org_body


def totals(known: dict[tuple[str, str], Row],
           results: dict[tuple[str, str], str]) -> tuple[bytes, int]:
    """Write the answerer's figures for every row of either side."""
    rows = []
    for (insutype, category), result in results.items():
        row = known.get((insutype, category), Row())
        rows.append({"TR-INS-TYPE": codes.outward(codes.INSURANCE_TYPES, insutype),
                     "TR-CLR-CAT": codes.outward(codes.CLEARING_CATEGORIES, category),
                     "TR-POS": row.pos, "TR-NEG": row.neg, "TR-TOTAL": row.total,
                     "TR-FUND": row.fund, "TR-ACCT": row.acct, "TR-CASH": row.cash,
                     "TR-RESULT": result})
    return encode_body(ANSWERS["600001"], {}, rows), len(rows)


def filings(found: list[Filing]) -> tuple[bytes, int]:
    """Write the filings that are valid on the day asked for."""
    rows = [{"GR-NO": filing.number, "GR-BEGIN": filing.begin, "GR-END": filing.end,
             "GR-TYPE": codes.outward(codes.FILING_KINDS, filing.kind),
             "GR-RGN": filing.region, "GR-HOSP": filing.hospital, "GR-STATE": "V"}
            for filing in found]
    return encode_body(ANSWERS["800001"], {}, rows), len(rows)


def signed_on(stamp: str, window: int) -> bytes:
    """Write the answer to a sign-on."""
    return encode_body(ANSWERS["900001"], {
        "LR-BUS-DATE": stamp[:8], "LR-CTR-TIME": stamp, "LR-WINDOW": window})
