"""The dictionaries of `dajizhong`: its codes against the national ones.

A code that has no entry is refused, never guessed; where two local codes share a
national one, the first of them is the way back.
"""

from .refusals import Refusal

INSURANCE_TYPES = {"Z1": "310", "R1": "390", "R2": "390", "R3": "390",
                   "L1": "340", "L2": "350", "S1": "510"}

MEDICAL_CATEGORIES = {"01": "11", "02": "12", "03": "13", "04": "14", "05": "15",
                      "06": "41", "10": "21", "11": "22", "12": "23", "13": "24",
                      "20": "51", "21": "52", "22": "53"}

FEE_CATEGORIES = {"CW": "01", "ZJ": "02", "JC": "03", "HY": "04", "ZL": "05", "SS": "06",
                  "HL": "07", "CL": "08", "XY": "09", "ZC": "10", "ZY": "11", "YZ": "12",
                  "GH": "13", "QT": "14"}

PERSON_CATEGORIES = {"ZZ": "11", "TX": "12", "LX": "13", "WC": "14", "CN": "15", "LN": "16"}
SEXES = {"M": "1", "F": "2", "X": "9"}
STATES = {"A": "1", "S": "2", "T": "3"}
CERTIFICATES = {"SFZ": "01", "JGZ": "02", "WJZ": "03", "GAZ": "04", "TWZ": "06",
                "YJZ": "07", "HZ": "08", "QTZ": "99"}
CLEARING_CATEGORIES = {"OP": "11", "IP": "21", "PH": "41"}
FILING_KINDS = {"01": "1", "02": "2", "03": "3", "04": "4"}
PERSON_QUERIES = {"C": "card", "I": "certificate", "P": "number"}
ITEM_KINDS = {"1": "1", "2": "2", "3": "3"}
LEVELS = {"A": "A", "B": "B", "C": "C"}
LEAVING_REASONS = {"0": "0", "1": "1", "2": "2", "3": "3", "9": "9"}
YES_NO = {"Y": True, "N": False}
POSTING_STATES = {"1": "posted", "4": "reversed", "5": "cancelled"}
INQUIRY_STATES = {"0": "unknown", "2": "refused", "3": "in progress", **POSTING_STATES}


def inward(codes: dict, name: str, local: str):
    """Return the national value of a local code; name the field if there is none."""
    folded = local.upper()
    if folded not in codes:
        raise Refusal("1003", f"{name} {local}")
    return codes[folded]


def outward(codes: dict, national) -> str:
    """Return the local code of a national value."""
    return next(local for local, value in codes.items() if value == national)


def return_code(code: str) -> str:
    """Write a common error number: its first digit, two zeros, its last three."""
    return f"{code[0]}00{code[1:]}"


NO_COMMON_CODE = -999999


def common_code(code: str) -> int:
    """Return the common error number, negative; one of another form is none we know."""
    if len(code) == 6 and code.isascii() and code.isdigit():
        common = code[0] + code[3:]
        if return_code(common) == code:
            return -int(common)
    return NO_COMMON_CODE
