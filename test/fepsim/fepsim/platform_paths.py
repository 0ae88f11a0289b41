"""One path for each transaction, as Hebei's and Zhejiang's editions have it; misspellings are part of the interface."""

PREFIX = "/fsi/api/"

_OUTPATIENT, _OUT_SETTLE = "outpatientDocInfoService/", "outpatientSettleService/"
PATHS = {
    "9001": "signInSignOutService/signIn", "9002": "signInSignOutService/signOut",
    "9101": "fileupload/upload", "9102": "fileupload/download", "1101": "fsiPsnInfoService/queryPsnInfo",
    "2201": _OUTPATIENT + "outpatientRregistration", "2202": _OUTPATIENT + "outpatientRegistrationCancel",
    "2203": _OUTPATIENT + "outpatientMdtrtinfoUp", "2203A": _OUTPATIENT + "outpatientMdtrtinfoUpA",
    "2204": _OUTPATIENT + "outpatientFeeListUp", "2205": _OUTPATIENT + "outpatientFeeListUpCancel",
    "2206A": _OUT_SETTLE + "preSettletmentA", "2207A": _OUT_SETTLE + "saveSettletment",
    "2208": _OUT_SETTLE + "cancleSettletment",
    "2301": "hospFeeDtlService/feeDtlUp", "2302": "hospFeeDtlService/feeDtlCl",
    "2303": "hospSettService/preSett", "2304": "hospSettService/settV2", "2305": "hospSettService/settCl",
    "2401": "hospitalRegisterService/hospitalRegisterSave", "2404": "hospitalRegisterService/hospitalRegisterCancel",
    "1301": "catalogdownservice/downCatalog1301", "1305": "catalogdownservice/downCatalog1305",
    "1306": "catalogdownservice/downCatalog1306",
    "2601": "reverseService/revsMethod", "3201": "ybSettlementStmtService/stmtTotal",
    "3202": "ybSettlementStmtService/stmtDetail", "5203": "fsiIntegratedQueryService/querySetlInfo"}

NUMBERS = {"2206": "2206A", "2207": "2207A"}
"""Transactions that have another number where each has its path."""

BASELINE = {number: name for name, number in NUMBERS.items()}


def path_of(number: str) -> str:
    """Return where a transaction is posted to; "" if it is not known there."""
    return PREFIX + PATHS[number] if number in PATHS else ""
