"""Requests of wuxian turned into what the insurer understands.

Here a field is refused that is missing or holds no code of its dictionary; the
insurer then judges the business.
"""

import hashlib
import json
from dataclasses import dataclass

from . import wuxian_dictionary as codes
from .books import Key
from .refusals import Refusal
from .requests import (Cancel, CancelDetails, Details, Line, Register, Reverse, Settle,
                       VisitRef)
from .wuxian_dictionary import inward
from .wuxian_layout import INPUTS, Values, read, read_rows
from .wuxian_xml import Element

# What a reversal may name; the two cancels among them are answered, never undone.
REVERSAL_TARGETS = frozenset({"1201", "1202", "1301", "1302", "1402", "1403"})
ALL_LINES = "0000"


@dataclass
class Request:
    """A request whose head and input are read."""

    head: Values
    input: Element
    values: Values

    @property
    def code(self) -> str:
        return str(self.head["MSGNO"])

    def rows(self) -> list[Values]:
        """Return the rows; their number is declared."""
        rows = read_rows(INPUTS[self.code].row, self.input)
        if self.values["ROWNUM"] != len(rows):
            raise Refusal("1003", "ROWNUM")
        return rows


def key_of(serial: str, code: str) -> Key:
    """Return the key of a request; the sender is the beginning of its serial."""
    return serial[:12], code, serial


def digest_of(document: Element) -> str:
    """Return what stands for a request's content: everything but the clock, order apart."""
    return _digest(_plain(document, skip="OPTTIME"))


def _digest(content) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(element: Element, skip: str = ""):
    """Return an element as text, or as a list of its children by name; empty ones are none."""
    if not element.children:
        return element.text
    inside = [[child.local, _plain(child, skip)] for child in element.children
              if child.local != skip]
    return sorted((pair for pair in inside if pair[1]), key=json.dumps)


def register(request: Request) -> Register:
    values = request.values
    return Register(
        visit_no=values["AKC190"], psn_no=values["AAC001"], name=values["AAC003"],
        insutype=inward(codes.INSURANCE_TYPES, "AAE140", values["AAE140"]),
        med_type=inward(codes.MEDICAL_CATEGORIES, "AKA130", values["AKA130"]),
        time=values["AKC192"])


def cancel_register(request: Request) -> VisitRef:
    return VisitRef(request.values["AKC190"], request.values["AAZ217"])


def details(request: Request) -> Details:
    values = request.values
    elements = request.input.child("DETAILS").all("ROW")
    lines = tuple(_line(row, element) for row, element in zip(request.rows(), elements))
    return Details(values["AKC190"], values["AAZ217"], values["AKC264"], lines)


def _line(row: Values, element: Element) -> Line:
    inward(codes.ITEM_KINDS, "AKE003", row["AKE003"])
    inward(codes.FEE_CATEGORIES, "AKA063", row["AKA063"])
    if row["SPBZ"]:
        inward(codes.FLAGS, "SPBZ", row["SPBZ"])
    return Line(
        no=row["AAZ213"], time=row["AKC221"], his_code=row["AKC515"], ctr_code=row["AKC222"],
        price_e4=row["AKC225"], qty_e4=row["AKC226"], amount=row["AKC227"],
        level=inward(codes.LEVELS, "AKA065", row["AKA065"]), ratio_e4=row["AKA069"],
        full=row["AKC253"], pre=row["AKC228"], over=row["AKC268"], scope=row["BKC042"],
        mark=_digest(_plain(element))[:16])


def cancel_details(request: Request) -> CancelDetails:
    values = request.values
    rows = request.rows()
    if not rows and values["AAZ213"] != ALL_LINES or rows and values["AAZ213"]:
        raise Refusal("1003", "AAZ213")
    numbers = tuple(row["AAZ213"] for row in rows) or None
    return CancelDetails(values["AKC190"], values["AAZ217"], numbers)


def settle(request: Request) -> Settle:
    values = request.values
    if values["AKC195"]:
        inward(codes.LEAVING_REASONS, "AKC195", values["AKC195"])
    return Settle(
        visit_no=values["AKC190"], visit_id=values["AAZ217"], psn_no=values["AAC001"],
        bill=values["AAE072"],
        med_type=inward(codes.MEDICAL_CATEGORIES, "AKA130", values["AKA130"]),
        out_time=values["AKC194"], out_reason=values["AKC195"], out_diag=values["AKC196"],
        use_account=inward(codes.FLAGS, "ZHSYBZ", values["ZHSYBZ"]),
        mid=inward(codes.FLAGS, "ZTJSBZ", values["ZTJSBZ"]), total=values["AKC264"])


def cancel(request: Request) -> Cancel:
    values = request.values
    return Cancel(values["AKC190"], values["AAZ217"], values["AAC001"], values["AAZ216"],
                  values["AAE072"])


def reverse(request: Request) -> Reverse:
    key = original_key(request.head)
    if key[1] not in REVERSAL_TARGETS:
        raise Refusal("1003", "ORGMSGNO")
    return Reverse(key)


def original_key(head: Values) -> Key:
    """Return the key of the original of a reversal or inquiry."""
    for name in ("ORGMSGNO", "ORGMSGID"):
        if not head[name]:
            raise Refusal("1003", name)
    if head["ORGMSGNO"] not in INPUTS:
        raise Refusal("1003", "ORGMSGNO")
    return key_of(head["ORGMSGID"], head["ORGMSGNO"])


def read_input(code: str, element: Element) -> Values:
    """Read the plain fields of an input."""
    return read(INPUTS[code].plain, element)
