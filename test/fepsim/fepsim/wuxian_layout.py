"""The fields of wuxian's transactions, in the order in which senders write them.

A field is written `NAME KIND`, with a star behind the name if it must be there.
Kinds:

    Cn  text of at most n bytes that programs read
    Xn  text of at most n bytes that people read
    M   amount in yuan with two decimals, here in fen
    Q   price or quantity with up to four decimals, here in ten-thousandths
    R   ratio from 0 to 1 with four decimals
    T   time, 14 digits
    Y   day, 8 digits
    I   whole number

After `|` stand the fields of a ROW in DETAILS.
"""

import re
from dataclasses import dataclass

from .clock import is_date, is_time
from .money import E4, format_e4, format_yuan, parse_e4, parse_yuan
from .text import fold_identifier
from .wuxian_xml import Element, Markup, Unreadable, size_of, write, write_all

Values = dict[str, str | int | None]

_QUANTITY = re.compile(r"-?(?:0|[1-9][0-9]{0,13})(?:\.[0-9]{1,4})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)


class BadField(ValueError):
    """A field is missing or is not of its kind; the text names it."""


@dataclass(frozen=True)
class Field:
    """One element."""

    name: str
    kind: str
    size: int
    needed: bool


@dataclass(frozen=True)
class Layout:
    """The plain fields, and those of a row if rows repeat."""

    plain: tuple[Field, ...]
    row: tuple[Field, ...]


def _fields(text: str) -> tuple[Field, ...]:
    fields = []
    for entry in filter(str.strip, text.replace("\n", ",").split(",")):
        name, kind = entry.split()
        fields.append(Field(name.rstrip("*"), kind[0], int(kind[1:] or 0), name.endswith("*")))
    return tuple(fields)


def layout(text: str) -> Layout:
    """Read a table."""
    plain, _, row = text.partition("|")
    return Layout(_fields(plain), _fields(row))


REQUEST_HEAD = layout("""
    MSGNO* C4, MSGID* C30, ORGMSGNO C4, ORGMSGID C30, JYFX* C1, AAB301* C6, AAA027* C6
    AKB020* C12, AAC001 C20, OPERID* C20, OPERNAME* X50, OPTTIME* T, GRANTID* C20
""")
ANSWER_HEAD = layout("""
    MSGNO* C4, MSGID* C30, REFMSGID C30, RETURNNUM* C2, ERRORCODE* C4, ERRORMSG X200
    OPTTIME* T
""")

_PARTS = "AKC253* M, AKC228* M, AKC268* M, BKC042* M"
_SETTLE = """
    AAZ217* C30, AKC190* C20, AAC001* C20, AAC003* X50, AKA130* C3, AAE072* C20, AAE040* T
    AKC194 T, AKC195 C2, AKC196 C20, BKZ102 X60, ZHSYBZ* C1, ZTJSBZ* C1, AKC264* M
    AAE011* X50
"""
_SHARES = f"""
    AAE072 C20, AAE040 T, AKC264* M, AKC260* M, AKC255* M, AKC261* M, AKE039* M, AKE029* M
    AKC262* M, AKE035* M, AKE026* M, BKA821* M, AKE173* M, {_PARTS}, AKA151* M, AKC087* M
"""
_PAGE = "PAGENO* I, PAGESIZE* I"
_TOTALS = """AAE140* C3, QSLB* C2, POSNUM* I, NEGNUM* I, AKC264* M, AKC260* M, AKC255* M
    AKC261* M"""

INPUTS = {code: layout(text) for code, text in {
    "1101": "BKA895* C6, BKA896* C30, AAC003 X50, AKA130 C3, AAE030* Y",
    "1201": """AKC190* C20, AAC001* C20, AAC003* X50, AAE140* C3, AKA130* C3, AKC192* T
        AKC193* C20, BKZ101 X60, AKF001 C20, BKA020 X50, AKE020 X20, AKE021 C20, AKE022 X50
        AKB021 X70, BAH C20, AAE011* X50""",
    "1202": "AAZ217* C30, AKC190* C20, AAE011* X50",
    "1301": f"""AAZ217* C30, AKC190* C20, ROWNUM* I, AKC264* M
        | AAZ213* C20, AKC220 C20, AKC231 I, AKC221* T, AKC515* C30, AKC516* X100, AKC222 C30
        AKC223 X100, AKE003* C1, AKA063* C2, AKC225* Q, AKC226* Q, AKC227* M, AKA067 X10
        AKA074 X40, AKA070 X20, AKF001 C20, AKE022 X50, AKA065* C1, AKA069* R, {_PARTS}
        SPBZ C1, AAE073 C20""",
    "1302": "AAZ217* C30, AKC190* C20, ROWNUM* I, AAZ213 C20 | AAZ213* C20",
    "1401": _SETTLE,
    "1402": _SETTLE,
    "1403": """AAZ217* C30, AKC190* C20, AAC001* C20, AAZ216* C30, AAE072* C20, AAE040* T
        AAE013 X200, AAE011* X50""",
    "1901": "AAC001 C20, AKC190* C20, ORGDATE* Y",
    "1902": "AKC190 C20, ORGDATE* Y",
    "1501": f"AAE041* Y, AAE042* Y, ROWNUM* I | {_TOTALS}",
    "1502": f"AAE041* Y, {_PAGE}",
    "1601": f"AKE003* C1, AAE036 T, {_PAGE}",
    "1701": "AAC001* C20, AAC002 C20, AAC003 X50, AAB301* C6, AKB020 C12, AAE030* Y",
    "1999": "ECHO X100",
}.items()}

OUTPUTS = {code: layout(text) for code, text in {
    "1101": """AAC001* C20, AKC020 C20, AAC058 C2, AAC002 C20, AAC003* X50, AAC004 C1
        AAC005 C2, AAC006 Y, AKC023 I, ROWNUM* I
        | AAE140* C3, AKC021 C3, AAC031* C1, AAB001 C20, AAB004 X100, AKC087 M, AKC025 C1
        SAC004 C1, BKA888 C1, AKC090 I, AKC251 M, AKC270 M""",
    "1201": "AAZ217* C30, AKC190 C20, AKC270 M",
    "1202": "AAZ217 C30",
    "1301": f"""ROWNUM* I, AKC264* M
        | AAZ213* C20, AKC227* M, AKA065 C1, AKA069 R, AKA068 Q, {_PARTS}, CFBZ C1, WDZ C1""",
    "1302": "ROWNUM* I",
    "1401": "AAZ216 C30," + _SHARES,
    "1402": "AAZ216* C30," + _SHARES,
    "1403": "AAZ216* C30, ORGAAZ216* C30," + _SHARES,
    "1901": "CZJG* C1, ORGREFMSGID C30",
    "1902": """JYZT* C1, ORGRETURNNUM C2, ORGERRORCODE C4, ORGREFMSGID C30""",
    "1501": f"ROWNUM* I | {_TOTALS}, DZJG* C1",
    "1502": """TOTALNUM* I, PAGENO* I, LASTPAGE* C1, ROWNUM* I
        | MSGID* C30, MSGNO* C4, REFMSGID C30, AAZ217 C30, AAZ216* C30, ORGAAZ216 C30
        AAC001 C20, AKB020 C12, AAE040 T, AAE140 C3, AKA130 C3, AKC264* M, AKC260* M
        AKC255* M, AKC261* M, JYZT* C1""",
    "1601": """VER* C20, TOTALNUM* I, LASTPAGE* C1, ROWNUM I
        | AKC222* C30, AKC223 X100, AKE003 C1, AKA063 C2, AKA065 C1, AKA069 R, AKA068 Q
        AKA067 X10, AKA074 X40, AKA070 X20, AAE030 Y, AAE031 Y, AAE100 C1""",
    "1701": """BAZT* C1, ROWNUM I
        | BAH C20, BALX C1, AAE030 Y, AAE031 Y, AAB301 C6, AKB020 C12, AAE100 C1""",
    "1999": "ECHO X100, AAE036 T",
}.items()}

SHARE_FIELDS = {
    "AKC264": "total", "AKC260": "fund", "AKC255": "acct", "AKC261": "cash", "AKE039": "pool",
    "AKE029": "large", "AKC262": "illness", "AKE035": "civil", "AKE026": "corp",
    "BKA821": "aid", "AKE173": "other", "AKC253": "full", "AKC228": "pre", "AKC268": "over",
    "BKC042": "scope", "AKA151": "dedc", "AKC087": "balance"}


# ---- reading -----------------------------------------------------------------

def read(fields: tuple[Field, ...], element: Element) -> Values:
    """Read the fields of an element; unknown elements are ignored."""
    values: Values = {}
    for place in fields:
        text = element.child(place.name).text
        if place.kind != "X":
            if "\ufffd" in text:
                raise Unreadable(f"{place.name}: 非法字节")
            text = fold_identifier(text).strip()
        if not text and place.needed:
            raise BadField(place.name)
        try:
            values[place.name] = _value(place, text)
        except ValueError as error:
            raise BadField(place.name) from error
    return values


def _value(place: Field, text: str) -> str | int | None:
    if place.kind in "CX":
        if size_of(text) > place.size:
            raise ValueError("too long")
        return text
    if place.kind in "TY":
        if text and not (is_time(text) if place.kind == "T" else is_date(text)):
            raise ValueError("no such moment")
        return text
    return _READERS[place.kind](text) if text else None


def _quantity(text: str) -> int:
    if not _QUANTITY.fullmatch(text):
        raise ValueError(text)
    whole, _, decimals = text.partition(".")
    return parse_e4(f"{whole}.{decimals:0<4}")


def _ratio(text: str) -> int:
    value = parse_e4(text)
    if not 0 <= value <= E4:
        raise ValueError(text)
    return value


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


_READERS = {"M": parse_yuan, "Q": _quantity, "R": _ratio, "I": _whole}


def read_rows(fields: tuple[Field, ...], element: Element) -> list[Values]:
    """Read the rows; DETAILS may be missing where there are none."""
    return [read(fields, row) for row in element.child("DETAILS").all("ROW")]


# ---- writing -----------------------------------------------------------------

def write_fields(fields: tuple[Field, ...], values: dict) -> Markup:
    """Write fields in their order; a missing one is an empty element."""
    unknown = values.keys() - {place.name for place in fields}
    if unknown:
        raise KeyError(f"no such fields: {sorted(unknown)}")
    return write_all((place.name, _text(place, values.get(place.name, "")))
                     for place in fields)


def _text(place: Field, value) -> object:
    if value == "" or value is None:
        return ""
    if place.kind == "M":
        return format_yuan(value)
    return format_e4(value) if place.kind in "QR" else value


def write_values(table: Layout, values: dict, rows: list[dict] | None = None) -> Markup:
    """Write the plain fields, and DETAILS where rows are given."""
    text = write_fields(table.plain, values)
    if rows is not None:
        text += write("DETAILS", Markup("".join(
            write("ROW", write_fields(table.row, row)) for row in rows)))
    return Markup(text)
