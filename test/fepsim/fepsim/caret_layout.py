"""Positions and types of danxian's answers, and what each code is.

An answer is believed only if it can be read to the last field: an amount that
is not an amount means the outcome is unknown, whatever the return code says.
"""

import re

from .caret_record import Record, Unreadable, free_text, structural
from .money import Shares, broken_equations, parse_e4, parse_yuan

RATIO = re.compile(r"[01]\.[0-9]{4}", re.ASCII)

POSTING = ("2210", "2240", "2310", "2320", "2410", "2430")
REVERSAL = "2421"

CALL_SECONDS = {"9100": 10, "9110": 10, "1800": 10, "2100": 10, "1600": 10,
                "2210": 15, "2240": 15, "2310": 30, "2320": 30, "2420": 30,
                "2410": 60, "2430": 60, "2421": 30, "1110": 30, "1120": 30,
                "1300": 30}
"""How long the call to a local system may take (9100 and 9110: as an echo)."""

LINE_SECONDS = 0.05
ASKING_EXTRA = 40
"""The asking local system waits this much longer than the innermost call."""

NOT_POSTED = {-1001, -1002, -1003, -1004, -1005, -1006,
              -2001, -2002, -2003, -2004, -2005, -2101, -2102, -2103,
              -2201, -2202, -2203, -2204, -2301, -2302, -2303,
              -2401, -2402, -2403, -2503, -2504, -2601,
              -9001, -9101, -9102, -9103}
"""Codes of classes N and R. A posting refused with any other is undecided."""

UNDECIDED = {-9002, -9999}

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


def check_output(code: str, out: dict, expected: dict) -> None:
    """Refuse an answer that does not fit its request or contradicts itself.

    The answer names no request, so whatever it repeats of one is compared:
    that is the only way to notice the answer to another request.
    """
    for name, value in expected.items():
        if out[name] != value:
            raise Unreadable(f"{name} is {out[name]!r}, asked with {value!r}")
    if code in ("2410", "2420", "2430"):
        broken = broken_equations(Shares.from_dict(out))
        if broken:
            raise Unreadable("broken: " + "; ".join(broken))
    must_name = {"2210": "visit_id", "2410": "setl_id", "2430": "setl_id"}.get(code)
    if must_name and not out[must_name]:
        raise Unreadable(f"{must_name} is empty")
    if code == "2421" and out["result"] not in ("1", "2", "3"):
        raise Unreadable(f"reversal result {out['result']!r}")


def seconds_to_wait(code: str, lines: int = 0) -> float:
    """Return how long this side waits for an answer."""
    return CALL_SECONDS[code] + LINE_SECONDS * lines + ASKING_EXTRA
