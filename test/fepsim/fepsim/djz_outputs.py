"""Answer bodies of dajizhong under the names that all asking systems use."""

from . import djz_codes as codes
from .djz_answers import SHARE_FIELDS
from .djz_record import Record
from .money import format_e4

_SETTLED = {"SR-SETL-NO": "setl_id", "SR-BILL-NO": "bill", "SR-ORG-SETL-NO": "cancelled_id",
            **{name: share for share, name in SHARE_FIELDS.items()}}
_PARTS = {"FR-FULLSELF": "full", "FR-PRESELF": "pre", "FR-OVERLMT": "over",
          "FR-INSCOPE": "scope"}
_FILE = {"DR-STATUS": "status", "DR-FILE": "file", "DR-SIZE": "size", "DR-CRC": "crc",
         "DR-CNT": "count"}

_PLAIN = {
    "100001": {"PR-PSN-NO": "psn_no", "PR-CARD-NO": "card", "PR-CERT-TYPE": "cert_type",
               "PR-CERT-NO": "certno", "PR-NAME": "name", "PR-SEX": "sex",
               "PR-BIRTH": "birth"},
    "200001": {"RR-CTR-VISIT": "visit_id", "RR-VISIT-NO": "visit_no", "RR-DEDC": "dedc"},
    "300001": {"FR-SUM": "sum"},
    "300002": {"FD-CNT": "removed"},
    "400001": _SETTLED, "400002": _SETTLED, "400003": _SETTLED,
    "500001": {"VR-RESULT": "result", "VR-ORG-CTR": "original_centre_serial"},
    "500002": {"IR-STATE": "state", "IR-ORG-RET": "code",
               "IR-ORG-CTR": "original_centre_serial"},
    "600002": _FILE,
    "700001": {**_FILE, "KR-VERSION": "version"},
    "900001": {"LR-BUS-DATE": "bus_date", "LR-CTR-TIME": "server_time",
               "LR-WINDOW": "window"},
}
_ROW = {
    "100001": {"PR-INS-TYPE": "insurance", "PR-PSN-CAT": "psn_cat", "PR-STATE": "state",
               "PR-BALANCE": "balance", "PR-IN-TIMES": "stays", "PR-POOL-CUM": "pool_paid",
               "PR-DEDC": "dedc", "PR-UNIT": "unit"},
    "300001": {"FR-LINE-NO": "line_no", "FR-AMT": "amount", "FR-LEVEL": "level", **_PARTS},
    "600001": {"TR-INS-TYPE": "insurance", "TR-CLR-CAT": "clearing", "TR-POS": "pos",
               "TR-NEG": "neg", "TR-TOTAL": "total", "TR-FUND": "fund", "TR-ACCT": "acct",
               "TR-CASH": "cash", "TR-RESULT": "result"},
    "800001": {"GR-NO": "filing_no", "GR-TYPE": "type", "GR-BEGIN": "begin",
               "GR-END": "end", "GR-RGN": "region", "GR-HOSP": "hospital",
               "GR-STATE": "state"},
}
_FLAGS = {"PR-CIVIL": "civil", "PR-POOR": "low_income", "PR-FROZEN": "frozen"}
_DECIMALS = {"FR-RATIO": "ratio", "FR-LIMIT": "ceiling"}
_PREFERRED = ("310", "390")


def named(tran: str, record: Record) -> dict:
    """Return the body of a good answer; amounts in fen, records in `rows`.

    A person's first insurance stands among the plain fields, as with a system
    that knows only one.
    """
    out = {name: record.values[field] for field, name in _PLAIN.get(tran, {}).items()
           if field in record.values}
    if tran in _ROW:
        out["rows"] = [_row(tran, row) for row in record.rows]
        if tran != "100001":
            out["count"] = len(out["rows"])
    if tran == "100001":
        out = {**min(out["rows"], key=_preference, default={}), **out}
    return out


def _row(tran: str, row: dict) -> dict:
    """Return a record of a group; flags are 0 and 1 as everywhere, decimals are text."""
    inside = {name: row[field] for field, name in _ROW[tran].items()}
    inside |= {name: "1" if row[field] == "Y" else "0" for field, name in _FLAGS.items()
               if field in row}
    return inside | {name: format_e4(row[field]) for field, name in _DECIMALS.items()
                     if field in row}


def _preference(row: dict) -> int:
    insutype = codes.INSURANCE_TYPES.get(row["insurance"], "")
    return _PREFERRED.index(insutype) if insutype in _PREFERRED else len(_PREFERRED)


def national_person(out: dict) -> dict:
    """Return the coded fields of a person answer in national codes, "" if unknown."""
    return {"gend": codes.SEXES.get(out["sex"], ""),
            "insutype": codes.INSURANCE_TYPES.get(out.get("insurance", ""), ""),
            "psn_insu_stas": codes.STATES.get(out.get("state", ""), ""),
            "psn_type": codes.PERSON_CATEGORIES.get(out.get("psn_cat", ""), ""),
            "psn_cert_type": codes.CERTIFICATES.get(out["cert_type"], "")}
