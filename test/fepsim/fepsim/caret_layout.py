"""Positions and types of danxian's answers, and what each code is.

An answer is believed only if it can be read to the last field: an amount that
is not an amount means the outcome is unknown, whatever the return code says.
"""

import re

from . import operations
from .asking import CODES_UNDECIDED, codes_not_posted
from .caret_record import Record, Unreadable, free_text, structural
from .money import parse_e4, parse_yuan

RATIO = re.compile(r"[01]\.[0-9]{4}", re.ASCII)

POSTING = frozenset(operations.DANXIAN[name] for name in operations.POSTING)
REVERSAL = operations.DANXIAN["reverse"]

NOT_POSTED = codes_not_posted("1007", "9201", "9202")
UNDECIDED = CODES_UNDECIDED

# name:type, in order. C text that must decode, X free text, M amount (! must
# be there), I whole number, Q quantity or price, R ratio; after $ a record.
_SETTLEMENT = ("setl_id:C bill:C total:M! fund:M! acct:M! cash:M! pool:M! large:M! "
               "illness:M! civil:M! corp:M! aid:M! other:M! full:M! pre:M! over:M! "
               "scope:M! dedc:M! balance:M!")
_OUT = {
    "9100": "server_time:C resumed:C",
    "9110": "",
    "1800": "server_time:C",
    "2100": ("psn_no:C card:C cert_type:C certno:C name:X sex:C birth:C psn_cat:C "
             "insurance:C state:C region:C unit:X balance:M civil:C low_income:C "
             "frozen:C stays:I pool_paid:M dedc:M"),
    "2210": "visit_id:C dedc:M",
    "2240": "",
    "2310": ("count:I sum:M! $ line_no:C amount:M! level:C ratio:R ceiling:Q "
             "full:M! pre:M! over:M! scope:M! not_mapped:C"),
    "2320": "removed:I",
    "2420": _SETTLEMENT,
    "2410": _SETTLEMENT,
    "2430": _SETTLEMENT + " cancelled_id:C",
    "2421": "result:C original_centre_serial:C",
    "1110": ("differs:C settlements:I cancellations:I total:M! fund:M! acct:M! "
             "cash:M!"),
    "1120": ("count:I page:I last:C $ serial:C code:C centre_serial:C visit_id:C "
             "setl_id:C cancelled_id:C psn_no:C hospital:C time:C insurance:C "
             "med_type:C total:M! fund:M! acct:M! cash:M! state:C"),
    "1600": ("count:I $ filing_no:C type:C begin:C end:C region:C hospital:C "
             "state:C"),
    "1300": ("count:I page:I last:C version:C $ code:C name:X kind:C fee_cat:C level:C "
             "ratio:R ceiling:Q unit:X spec:X dosage_form:X begin:C end:C valid:C"),
}


def _parse_layout(text: str) -> tuple:
    plain, _, row = text.partition("$")
    return tuple([tuple(word.split(":")) for word in part.split()]
                 for part in (plain, row))


OUT = {code: _parse_layout(text) for code, text in _OUT.items()}


def _value(raw: bytes, kind: str):
    if kind == "X":
        return free_text(raw)
    text = structural(raw)
    if kind == "M!":
        return parse_yuan(text)
    if text == "":
        return "" if kind in "CQR" else None
    if kind == "M":
        return parse_yuan(text)
    if kind == "I" and not (text.isascii() and text.isdecimal()):
        raise ValueError(f"not a whole number: {text!r}")
    if kind == "R" and not RATIO.fullmatch(text):
        raise ValueError(f"not a ratio: {text!r}")
    if kind == "Q":
        parse_e4(text)
    return int(text) if kind == "I" else text


def _named(layout: list, raws: list[bytes]) -> dict:
    """Fields beyond the layout are ignored, missing ones at the end are empty."""
    padded = list(raws) + [b""] * (len(layout) - len(raws))
    out = {}
    for (name, kind), raw in zip(layout, padded):
        try:
            out[name] = _value(raw, kind)
        except ValueError as error:
            raise Unreadable(f"{name}: {error}") from error
    return out


def read_output(code: str, output: Record) -> dict:
    """Return the named fields of a good answer; amounts in fen, records in `rows`."""
    plain, row = OUT[code]
    out = _named(plain, output.fields)
    if row:
        out["rows"] = [_named(row, fields) for fields in output.records]
    return out


def seconds_to_wait(code: str, lines: int = 0) -> float:
    """Return how long this side waits for an answer."""
    return operations.seconds_to_wait(operations.OPERATION_OF[code], lines)
