"""danxian's own codes beside the national ones.

The numbers look alike and mean different things: its level 1 is B, its fee
category 01 is western medicine. A table whose way back is not one to one has
that way written out; a value missing from a table must be refused, not guessed.
"""

from .china_time import today
from .refusals import Refusal

MED_TYPE = {"11": "11", "12": "11", "13": "13", "14": "14", "15": "15",
            "41": "41", "21": "21", "22": "21", "23": "22", "24": "23"}
"""Birth and family planning are not carried by a single-insurance system."""

FEE_CATEGORY = {"01": "04", "02": "05", "03": "06", "04": "07", "05": "08",
                "06": "09", "07": "10", "08": "11", "09": "01", "10": "03",
                "11": "02", "12": "12", "13": "13", "14": "99"}

LEVEL = {"A": "0", "B": "1", "C": "2"}

DISCHARGE = {"1": "0", "2": "2", "3": "2", "4": "1", "5": "3", "9": "9"}

SEX_BACK = {"1": "1", "0": "2", "9": "9"}
INSURANCE_BACK = {"1": "310", "2": "390", "3": "390", "4": "390",
                  "5": "340", "6": "350"}
STATE_BACK = {"0": "1", "1": "2", "2": "3"}
CATEGORY_BACK = {"0": "11", "1": "12", "2": "13"}
RESIDENT = "5"
CERTIFICATE_BACK = {"1": "01", "2": "02", "3": "03", "5": "06", "6": "08",
                    "7": "07", "9": "99"}

QUERY_KIND = {"card": "1", "certificate": "2", "psn_no": "3"}


MED_TYPE_IN = {"11": "11", "13": "13", "14": "14", "15": "14", "41": "41", "21": "21",
               "22": "23", "23": "24"}
FEE_CATEGORY_IN = {local: national for national, local in FEE_CATEGORY.items()}
LEVEL_IN = {local: national for national, local in LEVEL.items()}
DISCHARGE_IN = {"0": "1", "1": "1", "2": "2", "3": "5", "9": "9"}
_RESIDENTS = ("14", "15", "16")
ITEM_KINDS = {"1": "1", "2": "2", "3": "3"}
DISEASES = {"4": "4"}
FLAGS = {"0": False, "1": True}
PERSON_QUERIES = {"1": "card", "2": "certificate", "3": "number"}
POSTING_STATES = {"1": "posted", "2": "reversed", "3": "cancelled"}


def inward(table: dict, name: str, local: str):
    """The national value of a local code; a field without one is refused."""
    if local not in table:
        raise Refusal("1003", f"{name} {local}")
    return table[local]


def outward(table: dict, national) -> str:
    """The local code of a national value."""
    return next(local for local, value in table.items() if value == national)


def category(national: str) -> str:
    """The local code of a person category: residents of any age have one."""
    return RESIDENT if national in _RESIDENTS else outward(CATEGORY_BACK, national)


def _resident_by_age(birth: str) -> str:
    if not birth:
        return ""
    day = today()
    age = int(day[:4]) - int(birth[:4]) - (day[4:] < birth[4:])
    return "14" if age < 18 else "16" if age >= 60 else "15"


def national_person(out: dict) -> dict:
    """The coded fields of a person answer in national codes, "" if unknown."""
    certificate = CERTIFICATE_BACK.get(out["cert_type"], "")
    if out["cert_type"] == "4":
        certificate = {"H": "04", "M": "05"}.get(out["certno"][:1].upper(), "")
    category = CATEGORY_BACK.get(out["psn_cat"], "")
    if out["psn_cat"] == RESIDENT:
        category = _resident_by_age(out["birth"])
    return {"gend": SEX_BACK.get(out["sex"], ""),
            "insutype": INSURANCE_BACK.get(out["insurance"], ""),
            "psn_insu_stas": STATE_BACK.get(out["state"], ""),
            "psn_type": category, "psn_cert_type": certificate}
