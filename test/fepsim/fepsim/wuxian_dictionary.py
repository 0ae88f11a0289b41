"""wuxian's own codes against the national ones.

Many look alike and differ: its 12 is the pharmacy, its 22 a transfer within the
city, its 52 sterilisation. The tables read inwards, local to national; where two
local codes share a national one, the first is the way back. What only leaves
has a table of its own. A value that has no entry is refused, never guessed.
"""

INSURANCE_TYPES = {"310": "310", "31": "310", "390": "390", "391": "390", "380": "390",
                   "392": "392", "320": "320", "330": "330", "340": "340", "350": "350",
                   "510": "510"}
MEDICAL_CATEGORIES = {"11": "11", "16": "13", "14": "14", "12": "41", "21": "21", "22": "21",
                      "23": "22", "24": "23", "25": "24", "51": "51", "53": "52", "52": "53",
                      "54": "53"}
_MEDICAL_OUT = {"12": "11", "15": "14"}
FEE_CATEGORIES = {"31": "01", "32": "02", "21": "03", "23": "04", "22": "05", "24": "06",
                  "25": "07", "26": "08", "11": "09", "13": "10", "12": "11", "33": "12",
                  "34": "13", "91": "14"}
LEVELS = {"1": "A", "2": "B", "3": "C", "4": "B"}
CERTIFICATES = {"01": "01", "02": "02", "03": "03", "04": "04", "05": "05", "06": "06",
                "07": "07", "08": "08", "99": "99"}
PERSON_CATEGORIES = {"11": "11", "21": "12", "22": "12", "31": "13", "41": "14", "42": "15",
                     "43": "16"}
SEXES = {"1": "1", "2": "2", "9": "9"}
STATES = {"1": "1", "2": "2", "3": "3"}
ITEM_KINDS = {"1": "1", "2": "2", "3": "3"}
DISEASES = {"4": "4"}
PERSON_QUERIES = {"01": "number", "02": "certificate", "03": "card"}
FLAGS = {"0": False, "1": True}
CLEARING_CATEGORIES = {"11": "11", "21": "21", "41": "41"}
LEAVING_REASONS = {"0": "1", "1": "1", "2": "2", "3": "2", "4": "1", "5": "1", "6": "5",
                   "7": "3"}
_LEAVING_OUT = {"4": "1"}
FILING_KINDS = {"1": "1", "2": "2", "3": "3", "4": "4"}
POSTING_STATES = {"1": "posted", "4": "reversed", "5": "cancelled"}
INQUIRY_STATES = {"0": "unknown", "2": "refused", "3": "in progress", **POSTING_STATES}


class NoSuchCode(ValueError):
    """A value stands in no dictionary; the text names the field and the value."""


def inward(codes: dict, name: str, local: str):
    """Return the national value of a local code."""
    if local not in codes:
        raise NoSuchCode(f"{name} {local}")
    return codes[local]


def outward(codes: dict, national) -> str:
    """Return the local code of a national value."""
    for local, value in codes.items():
        if value == national:
            return local
    raise NoSuchCode(str(national))


def medical_category(national: str) -> str:
    """Return the local code of a medical category, also of those that only leave."""
    return _MEDICAL_OUT.get(national) or outward(MEDICAL_CATEGORIES, national)


def leaving_reason(national: str) -> str:
    """Return the local code of a discharge reason."""
    return _LEAVING_OUT.get(national) or outward(LEAVING_REASONS, national)
