"""Outputs of wuxian under the names that all asking systems use."""

from . import wuxian_dictionary as codes
from .money import format_e4
from .wuxian_layout import OUTPUTS, SHARE_FIELDS, read, read_rows
from .wuxian_xml import Element

_SETTLED = {"AAZ216": "setl_id", "ORGAAZ216": "cancelled_id", "AAE072": "bill",
            "AAE040": "time", **SHARE_FIELDS}
_SUMS = {"AKC264": "total", "AKC260": "fund", "AKC255": "acct", "AKC261": "cash"}
_PARTS = {"AKC253": "full", "AKC228": "pre", "AKC268": "over", "BKC042": "scope"}

_PLAIN = {
    "1101": {"AAC001": "psn_no", "AKC020": "card", "AAC058": "cert_type", "AAC002": "certno",
             "AAC003": "name", "AAC004": "sex", "AAC006": "birth"},
    "1201": {"AAZ217": "visit_id", "AKC190": "visit_no", "AKC270": "dedc"},
    "1202": {"AAZ217": "visit_id"},
    "1301": {"ROWNUM": "count", "AKC264": "sum"},
    "1302": {"ROWNUM": "removed"},
    "1401": _SETTLED, "1402": _SETTLED, "1403": _SETTLED,
    "1901": {"CZJG": "result", "ORGREFMSGID": "original_centre_serial"},
    "1902": {"JYZT": "state", "ORGRETURNNUM": "return", "ORGERRORCODE": "code",
             "ORGREFMSGID": "original_centre_serial"},
    "1501": {},
    "1502": {"TOTALNUM": "count", "LASTPAGE": "last"},
    "1601": {"TOTALNUM": "count", "LASTPAGE": "last", "VER": "version"},
    "1701": {"BAZT": "filed", "ROWNUM": "count"},
    "1999": {"ECHO": "echo", "AAE036": "server_time"},
}
_ROW = {
    "1101": {"AAE140": "insurance", "AKC021": "psn_cat", "AAC031": "state", "AAB004": "unit",
             "AKC087": "balance", "AKC025": "civil", "SAC004": "low_income",
             "BKA888": "frozen", "AKC090": "stays", "AKC251": "pool_paid", "AKC270": "dedc"},
    "1301": {"AAZ213": "line_no", "AKC227": "amount", "AKA065": "level", "AKA069": "ratio",
             "AKA068": "ceiling", **_PARTS, "CFBZ": "stored_before", "WDZ": "not_mapped"},
    "1501": {"AAE140": "insurance", "QSLB": "clearing", "POSNUM": "pos", "NEGNUM": "neg",
             **_SUMS, "DZJG": "result"},
    "1502": {"MSGID": "serial", "MSGNO": "code", "REFMSGID": "centre_serial",
             "AAZ217": "visit_id", "AAZ216": "setl_id", "ORGAAZ216": "cancelled_id",
             "AAC001": "psn_no", "AKB020": "hospital", "AAE040": "time",
             "AAE140": "insurance", "AKA130": "med_type", **_SUMS, "JYZT": "state"},
    "1601": {"AKC222": "code", "AKC223": "name", "AKE003": "kind", "AKA063": "fee_cat",
             "AKA065": "level", "AKA069": "ratio", "AKA068": "ceiling", "AKA067": "unit",
             "AKA074": "spec", "AKA070": "dosage_form", "AAE030": "begin", "AAE031": "end",
             "AAE100": "valid"},
    "1701": {"BAH": "filing_no", "BALX": "type", "AAE030": "begin", "AAE031": "end",
             "AAB301": "region", "AKB020": "hospital", "AAE100": "state"},
}
_PREFERRED = ("310", "390")


def named(code: str, output: Element) -> dict:
    """Return the output of a good answer; amounts in fen, records in `rows`.

    A person's first insurance stands among the plain fields, as with a system
    that knows only one.
    """
    table = OUTPUTS[code]
    out = _renamed(table.plain, read(table.plain, output), _PLAIN[code])
    if code in _ROW:
        out["rows"] = [_renamed(table.row, row, _ROW[code])
                       for row in read_rows(table.row, output)]
    if code == "1101":
        out = {**min(out["rows"], key=_preference, default={}), **out}
    return out


def _renamed(fields: tuple, values: dict, names: dict[str, str]) -> dict:
    in_words = {place.name: format_e4(values[place.name]) for place in fields
                if place.kind in "QR" and values[place.name] is not None}
    return {name: in_words.get(field, values[field]) for field, name in names.items()
            if field in values}


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
