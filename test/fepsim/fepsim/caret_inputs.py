"""Parameters of danxian's requests: their names by position, their kinds, and their checks.

A field is written `name:KIND`, with `!` behind it if it must be there. Kinds:
Cn text of at most n bytes that programs read, Xn text that people read, M amount,
Q price or quantity, R ratio, T time, Y day, I whole number. After `$` stands a
record.
"""

import re
from dataclasses import dataclass

from .caret_layout import RATIO
from .caret_record import CHARSET, Record, free_text, structural
from .clock import is_date, is_time
from .money import parse_e4, parse_yuan
from .refusals import Refusal

_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)

_VISIT = "visit_no:C20! visit_id:C30!"
_SETTLE = (f"{_VISIT} bill:C20! med_type:C2! time:T! out_time:T out_reason:C1 out_diag:C20 "
           "out_diag_name:X60 use_account:C1! total:M! operator:X50 mid:C1!")
_IN = {
    "9100": "password:C32! terminal:C32 time:T!",
    "9110": "forced:C1!",
    "1800": "",
    "2100": "kind:C1! value:C30! name:X50 med_type:C2 date:Y",
    "2210": ("psn_no:C20! visit_no:C20! med_type:C2! time:T! diag:C20 diag_name:X60 dept:X50 "
             "bed:C20 doctor_code:C20 doctor:X50 operator:X50 treat_region:C6 hospital:C12 "
             "hospital_name:X70 filing_no:C20 name:X50"),
    "2240": f"{_VISIT} operator:X50",
    "2310": (f"{_VISIT} count:I! sum:M! $ line_no:C20! rx_no:C20 time:T! his_code:C30! "
             "his_name:X100! ctr_code:C30 ctr_name:X100 kind:C1! fee_cat:C2! price:Q! qty:Q! "
             "amount:M! unit:X10 spec:X40 dosage_form:X20 dept:X50 doctor:X50 level:C1! "
             "ratio:R! full:M! pre:M! over:M! scope:M! needs_approval:C1 approval_no:C20"),
    "2320": f"{_VISIT} line_no:C20! operator:X50",
    "2420": _SETTLE,
    "2410": _SETTLE,
    "2430": f"{_VISIT} setl_id:C30! bill:C20! time:T! operator:X50 reason:X100",
    "2421": "code:C4! serial:C40! psn_no:C20 visit_no:C20 date:Y",
    "1110": ("date:Y! insurance:C2 settlements:I! cancellations:I! total:M! fund:M! acct:M! "
             "cash:M!"),
    "1120": "date:Y! page:I! size:I!",
    "1300": "kind:C1! since:T page:I! size:I!",
    "1600": "psn_no:C20! approval:C2! region:C6! hospital:C12 date:Y!",
}


@dataclass(frozen=True)
class Field:
    """One position."""

    name: str
    kind: str
    size: int
    needed: bool


def _fields(text: str) -> tuple[Field, ...]:
    fields = []
    for word in text.split():
        name, _, kind = word.partition(":")
        fields.append(Field(name, kind[0], int(kind[1:].rstrip("!") or 0), kind.endswith("!")))
    return tuple(fields)


INPUTS = {code: tuple(_fields(part) for part in (text + " $ ").split("$")[:2])
          for code, text in _IN.items()}


def read_input(code: str, params: Record) -> tuple[dict, list[dict]]:
    """Return the plain fields and the records of a request."""
    plain, row = INPUTS[code]
    records = [_read(row, raws) for raws in params.records] if row else []
    return _read(plain, params.fields), records


def _read(fields: tuple[Field, ...], raws: list[bytes]) -> dict:
    """Fields beyond the layout are ignored, missing ones at the end are empty."""
    padded = list(raws) + [b""] * (len(fields) - len(raws))
    values = {}
    for place, raw in zip(fields, padded):
        text = free_text(raw) if place.kind == "X" else structural(raw)
        if not text and place.needed:
            raise Refusal("1003", place.name)
        try:
            values[place.name] = _value(place, text)
        except ValueError as error:
            raise Refusal("1003", place.name) from error
    return values


def _value(place: Field, text: str) -> str | int | None:
    if place.kind in "CX":
        if len(text.encode(CHARSET)) > place.size:
            raise ValueError("too long")
        return text
    if place.kind in "TY":
        if text and not (is_time(text) if place.kind == "T" else is_date(text)):
            raise ValueError("no such moment")
        return text
    return _READERS[place.kind](text) if text else None


def _ratio(text: str) -> int:
    if not RATIO.fullmatch(text) or parse_e4(text) > 10000:
        raise ValueError(text)
    return parse_e4(text)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


_READERS = {"M": parse_yuan, "Q": parse_e4, "R": _ratio, "I": _whole}
