"""The copybook of `dajizhong` as tables: every record's fields in their order.

A field is written `NAME KIND`.  Kinds:

    Xn   PIC X(n) that programs read: codes, numbers, identifiers
    Tn   PIC X(n) that people read: names and free text
    9n   PIC 9(n), unsigned digits
    Dn   PIC 9(n) holding a date (8) or a time stamp (14); zeros mean none
    M    money, sign and 12 digits of fen
    Q    price or quantity, sign and 12 digits, four of them decimals
    R    ratio, PIC 9V9(4)
"""

import re
from dataclasses import dataclass

_SIZES = {"M": 13, "Q": 13, "R": 5}
_KIND = re.compile(r"([XT9D])([0-9]+)|([MQR])")


@dataclass(frozen=True)
class Field:
    """A field with its place in the record or group."""

    name: str
    kind: str
    offset: int
    size: int


@dataclass(frozen=True)
class Layout:
    """A fixed run of fields."""

    fields: tuple[Field, ...]
    size: int

    def __getitem__(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


@dataclass(frozen=True)
class Body:
    """A body: a fixed part and, if `group` has fields, a repeating group."""

    fixed: Layout
    group: Layout


def layout(text: str) -> Layout:
    """Read a table of `NAME KIND`, one field a line."""
    fields, offset = [], 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        name, kind = line.split()
        letter, length, plain = _KIND.fullmatch(kind).groups()
        size = _SIZES[plain] if plain else int(length)
        fields.append(Field(name, plain or letter, offset, size))
        offset += size
    return Layout(tuple(fields), offset)


def _body(fixed: str = "", group: str = "") -> Body:
    return Body(layout(fixed), layout(group))


HEADER = layout("""
    H-VERSION    X2
    H-KIND       X1
    H-TRAN       X6
    H-DIR        X1
    H-SENDER     X12
    H-RECEIVER   X12
    H-SERIAL     X20
    H-ORG-TRAN   X6
    H-ORG-SERIAL X20
    H-TREAT-RGN  X6
    H-INSU-RGN   X6
    H-HOSP       X12
    H-OPER       X10
    H-DATE       98
    H-TIME       96
    H-BUS-DATE   98
    H-RET-CODE   X6
    H-RET-MSG    T60
    H-CTR-SERIAL X20
    H-PAGE       94
    H-MORE       X1
    H-REC-CNT    94
    H-MAC        X8
    H-FILLER     T17
""")

_PERSON = """
    PR-PSN-NO    X20
    PR-CARD-NO   X20
    PR-CERT-TYPE X3
    PR-CERT-NO   X20
    PR-NAME      T50
    PR-SEX       X1
    PR-BIRTH     D8
"""

_INSURANCE = """
    PR-INS-TYPE  X2
    PR-PSN-CAT   X2
    PR-STATE     X1
    PR-BALANCE   M
    PR-CIVIL     X1
    PR-POOR      X1
    PR-FROZEN    X1
    PR-IN-TIMES  93
    PR-POOL-CUM  M
    PR-DEDC      M
    PR-UNIT      T60
"""

_REGISTER = """
    RQ-VISIT-NO  X20
    RQ-PSN-NO    X20
    RQ-NAME      T50
    RQ-INS-TYPE  X2
    RQ-MED-CAT   X2
    RQ-TIME      D14
    RQ-DIAG      X20
    RQ-DIAG-NAME T60
    RQ-DEPT      T30
    RQ-BED       T10
    RQ-DR-CODE   X20
    RQ-DR-NAME   T50
    RQ-HOSP-NAME T60
    RQ-FILING-NO X20
"""

_FEE_LINE = """
    FQ-LINE-NO   X20
    FQ-RX-NO     X20
    FQ-TIME      D14
    FQ-HIS-CODE  X20
    FQ-HIS-NAME  T60
    FQ-CTR-CODE  X30
    FQ-CTR-NAME  T60
    FQ-KIND      X1
    FQ-FEE-CAT   X2
    FQ-PRICE     Q
    FQ-QTY       Q
    FQ-AMT       M
    FQ-UNIT      T10
    FQ-SPEC      T40
    FQ-FORM      T20
    FQ-DEPT      T30
    FQ-DR        T50
    FQ-LEVEL     X1
    FQ-RATIO     R
    FQ-FULLSELF  M
    FQ-PRESELF   M
    FQ-OVERLMT   M
    FQ-INSCOPE   M
    FQ-APPR-FLAG X1
    FQ-APPR-NO   X20
"""

_FEE_RESULT = """
    FR-LINE-NO   X20
    FR-AMT       M
    FR-LEVEL     X1
    FR-RATIO     R
    FR-LIMIT     Q
    FR-FULLSELF  M
    FR-PRESELF   M
    FR-OVERLMT   M
    FR-INSCOPE   M
"""

_SETTLE = """
    SQ-CTR-VISIT X20
    SQ-VISIT-NO  X20
    SQ-PSN-NO    X20
    SQ-BILL-NO   X20
    SQ-MED-CAT   X2
    SQ-TIME      D14
    SQ-OUT-TIME  D14
    SQ-OUT-REASON X1
    SQ-OUT-DIAG  X20
    SQ-OUT-DIAG-NAME T60
    SQ-ACCT-FLAG X1
    SQ-MID-FLAG  X1
    SQ-HIS-TOTAL M
"""

_SETTLED = """
    SR-SETL-NO   X20
    SR-BILL-NO   X20
    SR-TOTAL     M
    SR-FUND      M
    SR-ACCT      M
    SR-CASH      M
    SR-POOL      M
    SR-LARGE     M
    SR-ILLNESS   M
    SR-CIVIL     M
    SR-CORP      M
    SR-AID       M
    SR-OTHER     M
    SR-FULLSELF  M
    SR-PRESELF   M
    SR-OVERLMT   M
    SR-INSCOPE   M
    SR-DEDC      M
    SR-BALANCE   M
"""

_CANCEL = """
    CQ-CTR-VISIT X20
    CQ-VISIT-NO  X20
    CQ-PSN-NO    X20
    CQ-ORG-SETL-NO X20
    CQ-BILL-NO   X20
    CQ-TIME      D14
    CQ-REASON    T60
"""

_ORIGINAL = """
    VQ-PSN-NO    X20
    VQ-VISIT-NO  X20
    VQ-ORG-DATE  D8
"""

_FILING_QUERY = """
    GQ-PSN-NO    X20
    GQ-CERT-NO   X20
    GQ-NAME      T50
    GQ-RGN       X6
    GQ-HOSP      X12
    GQ-DATE      D8
"""

_FILING = """
    GR-NO        X20
    GR-TYPE      X2
    GR-BEGIN     D8
    GR-END       D8
    GR-RGN       X6
    GR-HOSP      X12
    GR-STATE     X1
"""

_TOTALS = """
    {0}-INS-TYPE X2
    {0}-CLR-CAT  X2
    {0}-POS      98
    {0}-NEG      98
    {0}-TOTAL    M
    {0}-FUND     M
    {0}-ACCT     M
    {0}-CASH     M
"""

_FILE_QUERY = "DQ-BUS-DATE D8 \n DQ-KIND X2 \n"
_FILE = "DR-STATUS X1 \n DR-FILE X64 \n DR-SIZE 912 \n DR-CRC X8 \n DR-CNT 98 \n"

REQUESTS = {
    "100001": _body("PQ-KIND X1 \n PQ-VALUE X30 \n PQ-NAME T50 \n PQ-MED-CAT X2 \n PQ-DATE D8"),
    "200001": _body(_REGISTER),
    "200002": _body("RC-CTR-VISIT X20 \n RC-VISIT-NO X20"),
    "300001": _body("FQ-CTR-VISIT X20 \n FQ-VISIT-NO X20 \n FQ-SUM M", _FEE_LINE),
    "300002": _body("FC-CTR-VISIT X20 \n FC-VISIT-NO X20 \n FC-ALL X1", "FC-LINE-NO X20"),
    "400001": _body(_SETTLE),
    "400002": _body(_SETTLE),
    "400003": _body(_CANCEL),
    "500001": _body(_ORIGINAL),
    "500002": _body(_ORIGINAL),
    "600001": _body("", _TOTALS.format("TQ")),
    "600002": _body(_FILE_QUERY),
    "600003": _body(_FILE_QUERY + _FILE),
    "700001": _body("KQ-KIND X1 \n KQ-SINCE D14"),
    "800001": _body(_FILING_QUERY),
    "900001": _body("LQ-PASSWORD X32 \n LQ-WINDOW 92"),
    "900002": _body(),
}

ANSWERS = {
    "100001": _body(_PERSON, _INSURANCE),
    "200001": _body("RR-CTR-VISIT X20 \n RR-VISIT-NO X20 \n RR-DEDC M"),
    "200002": _body(),
    "300001": _body("FR-SUM M", _FEE_RESULT),
    "300002": _body("FD-CNT 94"),
    "400001": _body(_SETTLED),
    "400002": _body(_SETTLED),
    "400003": _body(_SETTLED + "SR-ORG-SETL-NO X20"),
    "500001": _body("VR-RESULT X1 \n VR-ORG-CTR X20"),
    "500002": _body("IR-STATE X1 \n IR-ORG-RET X6 \n IR-ORG-CTR X20 \n IR-ORG-LEN 96"),
    "600001": _body("", _TOTALS.format("TR") + "TR-RESULT X1"),
    "600002": _body(_FILE),
    "600003": _body(),
    "700001": _body(_FILE + "KR-VERSION X20"),
    "800001": _body("", _FILING),
    "900001": _body("LR-BUS-DATE D8 \n LR-CTR-TIME D14 \n LR-WINDOW 92"),
    "900002": _body(),
}


def use_person_number(size: int) -> None:
    """Let person numbers take so many bytes in all bodies, as another region's build has it: everything behind shifts."""
    for bodies in (REQUESTS, ANSWERS):
        for code, body in bodies.items():
            bodies[code] = Body(_with_person_number(body.fixed, size), body.group)


def _with_person_number(fixed: Layout, size: int) -> Layout:
    fields, offset = [], 0
    for field in fixed.fields:
        wide = size if field.name.endswith("-PSN-NO") else field.size
        fields.append(Field(field.name, field.kind, offset, wide))
        offset += wide
    return Layout(tuple(fields), offset)
