"""Money of the reference rule: integer fen, prices and quantities in ten-thousandths.

Every figure here is an integer.  Rounding is half up, away from zero for
negatives, and happens once per line or share, never on sums.
"""

import re
from dataclasses import asdict, dataclass, fields, replace

E4 = 10_000
LINE_TOLERANCE = 5
POOL_CEILING = 200_000_00

INPATIENT_MED_TYPES = frozenset({"21", "22", "23", "24", "52"})
RETIRED_CATEGORIES = frozenset({"12", "13"})

_YUAN = re.compile(r"-?(?:0|[1-9][0-9]{0,13})\.[0-9]{2}", re.ASCII)
_E4 = re.compile(r"-?(?:0|[1-9][0-9]{0,13})\.[0-9]{4}", re.ASCII)


def round_half_up(num: int, den: int) -> int:
    """Return num / den to the nearest integer, halves away from zero."""
    if den <= 0:
        raise ValueError("the divisor must be positive")
    magnitude = (2 * abs(num) + den) // (2 * den)
    return -magnitude if num < 0 else magnitude


def parse_yuan(text: str) -> int:
    """Turn '-12.30' into -1230 fen; anything but that exact form is a ValueError."""
    if not _YUAN.fullmatch(text) or text == "-0.00":
        raise ValueError(f"not an amount in yuan: {text!r}")
    return int(text.replace(".", ""))


def format_yuan(fen: int) -> str:
    """Write fen as yuan with two decimals; zero never carries a sign."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def parse_e4(text: str) -> int:
    """Turn a price, quantity or ratio with exactly four decimals into ten-thousandths."""
    if not _E4.fullmatch(text) or text == "-0.0000":
        raise ValueError(f"not a number with four decimals: {text!r}")
    return int(text.replace(".", ""))


def format_e4(value: int) -> str:
    """Write ten-thousandths with exactly four decimals."""
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // E4}.{abs(value) % E4:04d}"


def line_amount(price_e4: int, qty_e4: int) -> int:
    """Return price x quantity in fen, rounded once (yuan 10^-8 to fen: 10^6)."""
    return round_half_up(price_e4 * qty_e4, 1_000_000)


def amount_fits(amount: int, price_e4: int, qty_e4: int) -> bool:
    """Tell whether an uploaded amount is near enough to price x quantity."""
    return abs(amount - line_amount(price_e4, qty_e4)) <= LINE_TOLERANCE


def line_part(amount: int, qty_e4: int, level: str, ratio_e4: int,
              ceiling_e4: int) -> tuple[int, int, int, int]:
    """Split a line into (full, pre, over, scope) by the treatment place's catalogue.

    A returned line mirrors the sale it takes back: it is computed with the
    absolute values and the four results change their sign.
    """
    sign = -1 if amount < 0 else 1
    amount, qty_e4 = abs(amount), abs(qty_e4)
    if level == "C":
        return sign * amount, 0, 0, 0
    over = max(0, amount - line_amount(ceiling_e4, qty_e4)) if ceiling_e4 > 0 else 0
    pre = round_half_up((amount - over) * ratio_e4, E4) if level == "B" else 0
    return 0, sign * pre, sign * over, sign * (amount - over - pre)


@dataclass(frozen=True)
class LineSums:
    """The four parts of the lines to be settled, and their total."""

    total: int = 0
    full: int = 0
    pre: int = 0
    over: int = 0
    scope: int = 0


@dataclass(frozen=True)
class Entitlement:
    """What the person part depends on besides the lines."""

    insutype: str
    category: str
    inpatient: bool
    civil: bool
    poor: bool
    balance: int
    pool_cum: int
    dedc_left: int


@dataclass(frozen=True)
class Shares:
    """Who pays what of a settlement; amounts of a cancellation are the negated ones."""

    total: int = 0
    fund: int = 0
    acct: int = 0
    cash: int = 0
    pool: int = 0
    large: int = 0
    illness: int = 0
    civil: int = 0
    corp: int = 0
    aid: int = 0
    other: int = 0
    full: int = 0
    pre: int = 0
    over: int = 0
    scope: int = 0
    dedc: int = 0
    balance: int = 0

    def negated(self, balance: int) -> "Shares":
        """Return the shares of the cancellation, with the balance after it."""
        turned = {f.name: -getattr(self, f.name) for f in fields(self)}
        return replace(Shares(**turned), balance=balance)

    def as_dict(self) -> dict[str, int]:
        """Return the shares by name, in the order of the answer."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict) -> "Shares":
        """Pick the shares out of a record that holds other things as well."""
        return cls(**{f.name: record[f.name] for f in fields(cls)})


SHARE_NAMES = tuple(f.name for f in fields(Shares))


def standard_deductible(insutype: str, inpatient: bool, stays: int) -> int:
    """Return the deductible of a visit: halved when it is not the year's first stay."""
    if not inpatient:
        return 0
    standard = {"310": 400_00, "390": 300_00}[insutype]
    return standard if stays == 0 else round_half_up(standard, 2)


def pool_rate(insutype: str, category: str, inpatient: bool) -> int:
    """Return the pool's share of the base in percent."""
    if insutype == "390":
        return 70 if inpatient else 50
    retired = category[:2] in RETIRED_CATEGORIES
    if inpatient:
        return 90 if retired else 85
    return 60 if retired else 50


def person_part(sums: LineSums, who: Entitlement, use_account: bool) -> Shares:
    """Apply the insuring side's rule to the classified lines."""
    dedc = max(0, min(sums.scope, who.dedc_left))
    base = sums.scope - dedc
    reckoned = round_half_up(base * pool_rate(who.insutype, who.category, who.inpatient), 100)
    pool = min(reckoned, POOL_CEILING - who.pool_cum)
    beyond = round_half_up((reckoned - pool) * 80, 100)
    large, illness = (beyond, 0) if who.insutype == "310" else (0, beyond)
    rest = base - pool - beyond
    civil = round_half_up(rest * 50, 100) if who.civil else 0
    rest -= civil
    aid = round_half_up(rest * 70, 100) if who.poor else 0
    fund = pool + large + illness + civil + aid
    need = sums.total - fund
    may_use = use_account and who.insutype == "310"
    acct = max(0, min(who.balance, need)) if may_use else 0
    return Shares(total=sums.total, fund=fund, acct=acct, cash=need - acct, pool=pool,
                  large=large, illness=illness, civil=civil, aid=aid, full=sums.full,
                  pre=sums.pre, over=sums.over, scope=sums.scope, dedc=dedc,
                  balance=who.balance - acct)


def broken_equations(shares: Shares) -> list[str]:
    """Name the equations of an answer that do not hold; an empty list is good."""
    broken = []
    if shares.total != shares.full + shares.pre + shares.over + shares.scope:
        broken.append("total = full + pre + over + scope")
    funds = (shares.pool, shares.large, shares.illness, shares.civil, shares.corp,
             shares.aid, shares.other)
    if shares.fund != sum(funds):
        broken.append("fund = sum of the funds")
    if shares.total != shares.fund + shares.acct + shares.cash:
        broken.append("total = fund + account + cash")
    return broken
