"""Requests of `dajizhong` turned into what the insurer understands.

Here a field is refused that is missing or holds no code of its dictionary; the
insurer then judges the business.
"""

from . import djz_codes as codes
from .djz_copybook import REQUESTS
from .djz_record import Record
from .refusals import Refusal
from .requests import (Cancel, CancelDetails, Details, Line, Register, Reverse, Settle,
                       VisitRef)

# What a reversal may name; the two cancels among them are answered, never undone.
REVERSAL_TARGETS = frozenset({"200001", "200002", "300001", "300002", "400002", "400003"})


def required(values: dict, *names: str) -> None:
    """Refuse the first of these fields that is empty."""
    for name in names:
        if not values[name]:
            raise Refusal("1003", name)


def register(record: Record) -> Register:
    values = record.values
    required(values, "RQ-VISIT-NO", "RQ-PSN-NO", "RQ-NAME", "RQ-TIME")
    return Register(
        visit_no=values["RQ-VISIT-NO"], psn_no=values["RQ-PSN-NO"], name=values["RQ-NAME"],
        insutype=codes.inward(codes.INSURANCE_TYPES, "RQ-INS-TYPE", values["RQ-INS-TYPE"]),
        med_type=codes.inward(codes.MEDICAL_CATEGORIES, "RQ-MED-CAT", values["RQ-MED-CAT"]),
        time=values["RQ-TIME"])


def cancel_register(record: Record) -> VisitRef:
    required(record.values, "RC-CTR-VISIT", "RC-VISIT-NO")
    return VisitRef(record.values["RC-VISIT-NO"], record.values["RC-CTR-VISIT"])


def details(record: Record) -> Details:
    values = record.values
    required(values, "FQ-CTR-VISIT", "FQ-VISIT-NO")
    return Details(values["FQ-VISIT-NO"], values["FQ-CTR-VISIT"], values["FQ-SUM"],
                   tuple(_line(row) for row in record.rows))


def _line(row: dict) -> Line:
    required(row, "FQ-LINE-NO", "FQ-TIME", "FQ-HIS-CODE", "FQ-HIS-NAME")
    codes.inward(codes.ITEM_KINDS, "FQ-KIND", row["FQ-KIND"])
    codes.inward(codes.FEE_CATEGORIES, "FQ-FEE-CAT", row["FQ-FEE-CAT"])
    codes.inward(codes.YES_NO, "FQ-APPR-FLAG", row["FQ-APPR-FLAG"])
    if row["FQ-RATIO"] > 10000:
        raise Refusal("1003", "FQ-RATIO")
    return Line(
        no=row["FQ-LINE-NO"], time=row["FQ-TIME"], his_code=row["FQ-HIS-CODE"],
        ctr_code=row["FQ-CTR-CODE"], price_e4=row["FQ-PRICE"], qty_e4=row["FQ-QTY"],
        amount=row["FQ-AMT"], level=codes.inward(codes.LEVELS, "FQ-LEVEL", row["FQ-LEVEL"]),
        ratio_e4=row["FQ-RATIO"], full=row["FQ-FULLSELF"], pre=row["FQ-PRESELF"],
        over=row["FQ-OVERLMT"], scope=row["FQ-INSCOPE"])


def cancel_details(record: Record) -> CancelDetails:
    values = record.values
    required(values, "FC-CTR-VISIT", "FC-VISIT-NO")
    everything = codes.inward(codes.YES_NO, "FC-ALL", values["FC-ALL"])
    if everything == bool(record.rows):
        raise Refusal("1003", "FC-ALL")
    numbers = None if everything else tuple(row["FC-LINE-NO"] for row in record.rows)
    return CancelDetails(values["FC-VISIT-NO"], values["FC-CTR-VISIT"], numbers)


def settle(record: Record) -> Settle:
    values = record.values
    required(values, "SQ-CTR-VISIT", "SQ-VISIT-NO", "SQ-PSN-NO", "SQ-TIME")
    if record.header["H-TRAN"] == "400002":
        required(values, "SQ-BILL-NO")
    if values["SQ-OUT-REASON"]:
        codes.inward(codes.LEAVING_REASONS, "SQ-OUT-REASON", values["SQ-OUT-REASON"])
    return Settle(
        visit_no=values["SQ-VISIT-NO"], visit_id=values["SQ-CTR-VISIT"],
        psn_no=values["SQ-PSN-NO"], bill=values["SQ-BILL-NO"],
        med_type=codes.inward(codes.MEDICAL_CATEGORIES, "SQ-MED-CAT", values["SQ-MED-CAT"]),
        out_time=values["SQ-OUT-TIME"], out_reason=values["SQ-OUT-REASON"],
        out_diag=values["SQ-OUT-DIAG"],
        use_account=codes.inward(codes.YES_NO, "SQ-ACCT-FLAG", values["SQ-ACCT-FLAG"]),
        mid=codes.inward(codes.YES_NO, "SQ-MID-FLAG", values["SQ-MID-FLAG"]),
        total=values["SQ-HIS-TOTAL"])


def cancel(record: Record) -> Cancel:
    values = record.values
    required(values, "CQ-CTR-VISIT", "CQ-VISIT-NO", "CQ-PSN-NO", "CQ-ORG-SETL-NO",
             "CQ-BILL-NO", "CQ-TIME")
    return Cancel(values["CQ-VISIT-NO"], values["CQ-CTR-VISIT"], values["CQ-PSN-NO"],
                  values["CQ-ORG-SETL-NO"], values["CQ-BILL-NO"])


def reverse(record: Record) -> Reverse:
    key = original_key(record)
    if key[1] not in REVERSAL_TARGETS:
        raise Refusal("1003", "H-ORG-TRAN")
    return Reverse(key)


def original_key(record: Record) -> tuple[str, str, str]:
    """Return the key of the original of a reversal or inquiry."""
    header = record.header
    required(header, "H-ORG-TRAN", "H-ORG-SERIAL")
    if header["H-ORG-TRAN"] not in REQUESTS:
        raise Refusal("1003", "H-ORG-TRAN")
    return header["H-SENDER"], header["H-ORG-TRAN"], header["H-ORG-SERIAL"]
