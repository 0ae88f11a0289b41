"""Requests of danxian turned into what the insurer understands.

A code that stands in no dictionary is refused, never guessed; the insurer then
judges the business.
"""

from . import caret_dictionary as codes
from .books import Key
from .caret_dictionary import inward
from .data import Person
from .hospital_visit import ALL_LINES
from .refusals import Refusal
from .requests import (Cancel, CancelDetails, Details, Line, Register, Reverse, Settle,
                       VisitRef)

# What a reversal may name; the two cancels among them are answered, never undone.
REVERSAL_TARGETS = frozenset({"2210", "2240", "2310", "2320", "2410", "2430"})
_PREFERRED = ("310", "390")


def key_of(serial: str) -> Key:
    """Return the key of a request: the serial alone, whoever sends what under it."""
    return "", "", serial


def insurance_of(person: Person):
    """Return the one insurance that this kind of system knows of a person."""
    for insutype in _PREFERRED:
        if insutype in person.insurances:
            return person.insurances[insutype]
    return next(iter(person.insurances.values()))


def register(values: dict, rows: list, people: dict[str, Person]) -> Register:
    person = people.get(values["psn_no"])
    return Register(
        visit_no=values["visit_no"], psn_no=values["psn_no"], name=values["name"],
        insutype=insurance_of(person).insutype if person else "",
        med_type=inward(codes.MED_TYPE_IN, "med_type", values["med_type"]),
        time=values["time"])


def cancel_register(values: dict, rows: list, people: dict) -> VisitRef:
    return VisitRef(values["visit_no"], values["visit_id"])


def details(values: dict, rows: list, people: dict) -> Details:
    if values["count"] != len(rows):
        raise Refusal("1003", "count")
    return Details(values["visit_no"], values["visit_id"], values["sum"],
                   tuple(_line(row) for row in rows))


def _line(row: dict) -> Line:
    inward(codes.ITEM_KINDS, "kind", row["kind"])
    inward(codes.FEE_CATEGORY_IN, "fee_cat", row["fee_cat"])
    if row["needs_approval"]:
        inward(codes.FLAGS, "needs_approval", row["needs_approval"])
    return Line(
        no=row["line_no"], time=row["time"], his_code=row["his_code"],
        ctr_code=row["ctr_code"], price_e4=row["price"], qty_e4=row["qty"],
        amount=row["amount"], level=inward(codes.LEVEL_IN, "level", row["level"]),
        ratio_e4=row["ratio"], full=row["full"], pre=row["pre"], over=row["over"],
        scope=row["scope"])


def cancel_details(values: dict, rows: list, people: dict) -> CancelDetails:
    number = values["line_no"]
    return CancelDetails(values["visit_no"], values["visit_id"],
                         None if number == ALL_LINES else (number,))


def settle(values: dict, rows: list, people: dict) -> Settle:
    if values["out_reason"]:
        inward(codes.DISCHARGE_IN, "out_reason", values["out_reason"])
    return Settle(
        visit_no=values["visit_no"], visit_id=values["visit_id"], psn_no="",
        bill=values["bill"], med_type=inward(codes.MED_TYPE_IN, "med_type", values["med_type"]),
        out_time=values["out_time"], out_reason=values["out_reason"],
        out_diag=values["out_diag"],
        use_account=inward(codes.FLAGS, "use_account", values["use_account"]),
        mid=inward(codes.FLAGS, "mid", values["mid"]), total=values["total"])


def cancel(values: dict, rows: list, people: dict) -> Cancel:
    return Cancel(values["visit_no"], values["visit_id"], "", values["setl_id"],
                  values["bill"])


def reverse(values: dict, rows: list, people: dict) -> Reverse:
    if values["code"] not in REVERSAL_TARGETS:
        raise Refusal("1003", "code")
    return Reverse(key_of(values["serial"]))
