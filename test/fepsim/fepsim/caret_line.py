"""A fee line made into a danxian record."""

from . import china_time
from .asking import translate
from .caret_dictionary import FEE_CATEGORY, LEVEL
from .fee_line import his_code
from .money import format_e4, format_yuan


def line_record(line: dict, facts: dict) -> list[str]:
    """Return the 25 fields of a line."""
    return [facts["line_no"], line.get("rx_no", ""), line.get("time") or china_time.stamp(),
            his_code(line, facts), facts["his_name"], facts["item"],
            facts["name"] if facts["item"] else "", facts["kind"],
            translate(FEE_CATEGORY, facts["fee_cat"], "fee category"),
            format_e4(facts["price_e4"]), format_e4(facts["qty_e4"]),
            format_yuan(facts["amount"]), line.get("unit", ""), line.get("spec", ""),
            line.get("dosage_form", ""), line.get("dept", "内科"), line.get("doctor", "韦医"),
            translate(LEVEL, facts["level"], "level"), format_e4(facts["ratio_e4"]),
            *(format_yuan(part) for part in facts["parts"]),
            str(line.get("needs_approval", 0)), line.get("approval_no", "")]
