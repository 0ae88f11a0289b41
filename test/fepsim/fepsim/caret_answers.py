"""Outputs of danxian by position, made from what the insurer decided or knows."""

from . import caret_dictionary as codes
from .caret_dictionary import outward
from .caret_requests import insurance_of
from .data import Filing, Item, Person
from .money import Shares, format_e4, format_yuan
from .operations import DANXIAN

Output = tuple[list, list[list]]

_CODES = {"settle": DANXIAN["settle"], "cancel": DANXIAN["cancel_settlement"]}


def _flag(value: bool) -> str:
    return "1" if value else "0"


def shares(of: Shares) -> list[str]:
    """Write the amounts of a settlement; their order is that of the rule."""
    return [format_yuan(amount) for amount in of.as_dict().values()]


def person(found: Person, deductible: int, region: str) -> Output:
    """Write a person with the one insurance that is told."""
    insurance = insurance_of(found)
    return [found.psn_no, found.card_no, outward(codes.CERTIFICATE_BACK, found.cert_type),
            found.cert_no, found.name, outward(codes.SEX_BACK, found.sex), found.birth,
            codes.category(insurance.category),
            outward(codes.INSURANCE_BACK, insurance.insutype),
            outward(codes.STATE_BACK, found.state), region, found.unit,
            format_yuan(insurance.balance_fen), _flag(insurance.civil),
            _flag(insurance.poor), _flag(found.frozen), insurance.stays,
            format_yuan(insurance.pool_cum_fen), format_yuan(deductible)], []


def registered(line: dict, catalogue: dict) -> Output:
    return [line["visit_id"], format_yuan(line["dedc"])], []


def nothing(line: dict, catalogue: dict) -> Output:
    return [], []


def details(line: dict, catalogue: dict[str, Item]) -> Output:
    """Write the stored lines back, as classified by the place of treatment."""
    rows = []
    for fee in line["lines"]:
        item = catalogue.get(fee["ctr_code"])
        rows.append([fee["no"], format_yuan(fee["amount"]),
                     outward(codes.LEVEL_IN, fee["level"]), format_e4(fee["ratio_e4"]),
                     format_e4(item.ceiling_e4 if item else 0),
                     *(format_yuan(fee[part]) for part in ("full", "pre", "over", "scope")),
                     _flag(not fee["ctr_code"])])
    return [len(rows), format_yuan(line["sum"])], rows


def details_removed(line: dict, catalogue: dict) -> Output:
    return [len(line["line_nos"])], []


def settled(line: dict, catalogue: dict) -> Output:
    return [line["setl_id"], line["bill"], *shares(Shares.from_dict(line))], []


def cancelled(line: dict, catalogue: dict) -> Output:
    return [*settled(line, catalogue)[0], line["org_setl_id"]], []


def reversed_(line: dict, catalogue: dict) -> Output:
    return [line["result"], line["org_ctr"]], []


def posting(posted: dict) -> list:
    """Write one settlement or cancellation of a day."""
    return [posted["serial"], _CODES[posted["kind"]], posted["ctr_serial"],
            posted["visit_id"], posted["setl_id"], posted.get("org_setl_id", ""),
            posted["psn_no"], posted["hospital"], posted["at"],
            outward(codes.INSURANCE_BACK, posted["insutype"]),
            outward(codes.MED_TYPE_IN, posted["med_type"]),
            *(format_yuan(posted[name]) for name in ("total", "fund", "acct", "cash")),
            outward(codes.POSTING_STATES, posted["state"])]


def item(known: Item, today: str) -> list:
    """Write one item of the catalogue."""
    return [known.local, known.name, known.kind,
            outward(codes.FEE_CATEGORY_IN, known.fee_category),
            outward(codes.LEVEL_IN, known.level), format_e4(known.ratio_e4),
            format_e4(known.ceiling_e4), "", "", "", known.valid_from, known.valid_to,
            _flag(known.valid_on(today))]


def filing(known: Filing) -> list:
    """Write one valid filing."""
    return [known.number, known.kind, known.begin, known.end, known.region, known.hospital,
            "1"]
