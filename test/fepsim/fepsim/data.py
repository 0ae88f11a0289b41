"""The persons, filings and catalogue that every stand-in starts from.

They are the same for every region; only the codes carry the region, so that
stand-ins written apart agree about the figures and crosswalks are really used.
Codes here are the national ones.
"""

from dataclasses import dataclass, field

OPEN_END = "99991231"
FILING_BEGIN = "20260101"
CATALOGUE_BEGIN = "20200101"
UNIT_NAME = "测试单位"
CERT_ID_CARD = "01"
STATE_NORMAL, STATE_SUSPENDED = "1", "2"

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"


def with_check_digit(seventeen: str) -> str:
    """Complete the first 17 digits of a citizen id number."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, seventeen))
    return seventeen + _CHECK_DIGITS[total % 11]


def long_certificate(cert_no: str) -> str:
    """Bring a 15-digit number to 18 digits, so that both forms of one person compare equal."""
    cert_no = cert_no.upper()
    if len(cert_no) == 15 and cert_no.isascii() and cert_no.isdigit():
        return with_check_digit(cert_no[:6] + "19" + cert_no[6:])
    return cert_no


@dataclass
class Insurance:
    """One insurance of a person; balances and cumulations change as postings go by."""

    insutype: str
    category: str
    balance_fen: int = 0
    civil: bool = False
    poor: bool = False
    pool_cum_fen: int = 0
    stays: int = 0


@dataclass
class Person:
    """An insured person of the region."""

    psn_no: str
    card_no: str
    cert_type: str
    cert_no: str
    name: str
    sex: str
    birth: str
    unit: str
    insurances: dict[str, Insurance] = field(default_factory=dict)
    suspended: bool = False
    frozen: bool = False
    filed: bool = True

    @property
    def state(self) -> str:
        """Return the national insured state."""
        return STATE_SUSPENDED if self.suspended else STATE_NORMAL


@dataclass(frozen=True)
class Filing:
    """A registration for treatment elsewhere; an empty hospital means any."""

    number: str
    kind: str
    begin: str
    end: str
    region: str
    hospital: str = ""

    def covers(self, date: str) -> bool:
        """Tell whether the filing is valid on a day YYYYMMDD."""
        return self.begin <= date <= self.end


@dataclass(frozen=True)
class Item:
    """A catalogue item under the code of one region."""

    national: str
    local: str
    name: str
    kind: str
    fee_category: str
    level: str
    ratio_e4: int
    ceiling_e4: int
    valid_from: str
    valid_to: str

    def valid_on(self, date: str) -> bool:
        """Tell whether the item may be used on a day YYYYMMDD."""
        return self.valid_from <= date <= self.valid_to


# number, name, birth, third digit group, insurances, what is special
_PEOPLE = (
    ("0001", "韦测", "19850312", "001", [Insurance("310", "11", 800_00)], {}),
    ("0002", "莫试", "19790708", "002", [Insurance("390", "15")], {}),
    ("0003", "覃检", "19520521", "003", [Insurance("310", "12", 1234_56, civil=True)], {}),
    ("0004", "陆停", "19900101", "004", [Insurance("310", "11", 10_00)], {"suspended": True}),
    ("0005", "黄冻", "19900102", "005", [Insurance("310", "11", 10_00)], {"frozen": True}),
    ("0006", "蓝外", "19900103", "006", [Insurance("310", "11", 10_00)], {"filed": False}),
    ("0007", "罗玘", "19900104", "007", [Insurance("310", "11")], {}),
    ("0008", "陈珅", "19490105", "008", [Insurance("390", "16")], {"short": True}),
    ("0009", "吐尔逊·测试", "19900106", "009",
     [Insurance("310", "11", 55_00), Insurance("390", "15")], {}),
    ("0010", "䶮小测", "20150107", "010", [Insurance("390", "14", poor=True)], {}),
    ("0011", "岑高", "19700108", "011",
     [Insurance("310", "11", pool_cum_fen=199_000_00, stays=1)], {}),
)

# national code, name, kind, fee category, level, ratio, ceiling, last day
_ITEMS = (
    ("T000001", "测试胶囊甲", "1", "09", "A", 0, 0, OPEN_END),
    ("T000002", "测试片乙", "1", "09", "B", 1000, 0, OPEN_END),
    ("T000003", "测试口服液丙", "1", "11", "C", 10000, 0, OPEN_END),
    ("T000004", "测试输液甲", "1", "09", "A", 0, 150000, OPEN_END),
    ("T000005", "测试检查乙", "2", "03", "B", 2000, 0, OPEN_END),
    ("T000006", "测试床位", "3", "01", "A", 0, 300000, OPEN_END),
    ("T000007", "测试停用药", "1", "09", "A", 0, 0, "20251231"),
    ("T000008", "玘珅丸＾试｜样", "1", "11", "B", 500, 881234, OPEN_END),
)


def _certificate(region: str, birth: str, group: str, short: bool) -> str:
    """Return the certificate number, in the old 15-digit form where asked."""
    if short:
        return region + birth[2:] + group
    return with_check_digit(region + birth + group)


PERSON_NUMBER = 20


def person_number(region: str, number: str, size: int = 0) -> str:
    """Return a person's number: region, zeros, four digits; `size` characters, as the system here has them if 0."""
    return region + number.rjust((size or PERSON_NUMBER) - len(region), "0")


def use_person_number(size: int) -> None:
    """Let person numbers of this process have so many characters."""
    global PERSON_NUMBER
    PERSON_NUMBER = size


def persons(region: str) -> dict[str, Person]:
    """Return fresh persons of a region by person number."""
    people = {}
    for number, name, birth, group, insurances, special in _PEOPLE:
        special = dict(special)
        short = special.pop("short", False)
        psn_no = person_number(region, number)
        people[psn_no] = Person(
            psn_no=psn_no, card_no="K" + psn_no[-8:], cert_type=CERT_ID_CARD,
            cert_no=_certificate(region, birth, group, short), name=name,
            sex="1" if int(group) % 2 else "2", birth=birth, unit=UNIT_NAME,
            insurances={i.insutype: Insurance(**vars(i)) for i in insurances}, **special)
    return people


def province(region: str) -> str:
    """Return the province that a region belongs to."""
    return region[:2] + "0000"


def filings(person: Person, asking_region: str) -> list[Filing]:
    """Return the person's filings as seen by a region of treatment."""
    if not person.filed:
        return []
    return [Filing("BA" + person.psn_no[-8:], "1", FILING_BEGIN, OPEN_END,
                   province(asking_region))]


def local_code(region: str, national: str) -> str:
    """Return a region's own code of a national item code."""
    return f"{region[:4]}-{national[-4:]}"


def catalogue(region: str) -> dict[str, Item]:
    """Return the region's catalogue by local code."""
    items = {}
    for national, name, kind, fee_category, level, ratio, ceiling, last in _ITEMS:
        local = local_code(region, national)
        items[local] = Item(national, local, name, kind, fee_category, level, ratio,
                            ceiling, CATALOGUE_BEGIN, last)
    return items
