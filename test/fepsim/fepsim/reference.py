"""What the settlements of the cases must come to, computed a second time.

Written from the text of the benefit rule alone, in decimal yuan instead of
integer fen and without the code the stand-ins use, so that one misreading
cannot hide in both. Only the result is in fen.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from .visits import COURSE, LOST, OUTPATIENT, PHARMACY

CENT = Decimal("0.01")

# level, ratio, ceiling by the last four digits of the item; "" is the
# procedure outside every catalogue
ITEMS = {"0001": ("A", "0", "0"), "0002": ("B", "0.10", "0"), "0003": ("C", "1", "0"),
         "0004": ("A", "0", "15"), "0008": ("B", "0.05", "88.1234"),
         "": ("B", "0.20", "0")}


@dataclass
class Insured:
    """A test person before the case, at the start of the year unless said."""

    insurance: int
    retired: bool = False
    civil: bool = False
    poor: bool = False
    balance: str = "0.00"
    pool_so_far: str = "0.00"
    first_stay: bool = True


def to_cent(value: Decimal) -> Decimal:
    """Round to the cent; ROUND_HALF_UP takes halves away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def line(number: str, price: str, quantity: str) -> dict[str, Decimal]:
    """Divide one line by the catalogue of the treatment place."""
    level, ratio, ceiling = ITEMS[number]
    amount = to_cent(Decimal(price) * Decimal(quantity))
    full = over = pre = Decimal(0)
    if level == "C":
        full = amount
    else:
        if Decimal(ceiling) > 0:
            over = max(Decimal(0), amount - to_cent(Decimal(ceiling) * Decimal(quantity)))
        if level == "B":
            pre = to_cent((amount - over) * Decimal(ratio))
    return {"total": amount, "full": full, "pre": pre, "over": over,
            "scope": amount - full - over - pre}


def rate(person: Insured, inpatient: bool) -> Decimal:
    """Return the pool's rate for a person."""
    if person.insurance == 390:
        return Decimal("0.70") if inpatient else Decimal("0.50")
    if inpatient:
        return Decimal("0.90") if person.retired else Decimal("0.85")
    return Decimal("0.60") if person.retired else Decimal("0.50")


def deductible(person: Insured, inpatient: bool) -> Decimal:
    """Return the standard deductible of the visit."""
    if not inpatient:
        return Decimal(0)
    standard = Decimal("400.00") if person.insurance == 310 else Decimal("300.00")
    return standard if person.first_stay else to_cent(standard / 2)


def settlement(person: Insured, items: list, inpatient: bool, use_account: bool) -> dict:
    """Return all figures of a settlement in fen."""
    lines = [line(*item) for item in items]
    sums = {name: sum(part[name] for part in lines)
            for name in ("total", "full", "pre", "over", "scope")}
    dedc = min(sums["scope"], deductible(person, inpatient))
    base = sums["scope"] - dedc
    due = to_cent(base * rate(person, inpatient))
    pool = min(due, Decimal("200000.00") - Decimal(person.pool_so_far))
    beyond = to_cent((due - pool) * Decimal("0.80"))
    rest = base - pool - beyond
    civil = to_cent(rest * Decimal("0.50")) if person.civil else Decimal(0)
    aid = to_cent((rest - civil) * Decimal("0.70")) if person.poor else Decimal(0)
    fund = pool + beyond + civil + aid
    need = sums["total"] - fund
    balance = Decimal(person.balance)
    may_use = use_account and person.insurance == 310
    account = min(balance, need) if may_use else Decimal(0)
    figures = {**sums, "fund": fund, "acct": account, "cash": need - account, "pool": pool,
               "large": beyond if person.insurance == 310 else Decimal(0),
               "illness": beyond if person.insurance == 390 else Decimal(0),
               "civil": civil, "corp": Decimal(0), "aid": aid, "other": Decimal(0),
               "dedc": dedc, "balance": balance - account}
    return {name: int(value * 100) for name, value in figures.items()}


def refund(figures: dict, balance: str) -> dict:
    """Return the figures of cancelling a settlement: negated, and the balance back."""
    return {**{name: -value for name, value in figures.items()},
            "balance": int(Decimal(balance) * 100)}


def yuan(fen: int) -> str:
    """Return fen as yuan."""
    return str(Decimal(fen) / 100)


def inpatient_course(before: int = 0) -> dict:
    """Person 0003: retired civil servant; `before` courses of the same kind this year."""
    person = Insured(310, retired=True, civil=True, balance="1234.56")
    for _ in range(before):
        figures = settlement(person, [*COURSE[0], *COURSE[1]], True, True)
        person.balance, person.first_stay = yuan(figures["balance"]), False
        person.pool_so_far = str(Decimal(person.pool_so_far) + Decimal(yuan(figures["pool"])))
    return settlement(person, [*COURSE[0], *COURSE[1]], True, True)


def outpatient_visit(before: int = 0) -> dict:
    """Person 0001: in work; `before` visits of the same kind this year."""
    person = Insured(310, balance="800.00")
    for _ in range(before):
        person.balance = yuan(settlement(person, OUTPATIENT, False, True)["balance"])
    return settlement(person, OUTPATIENT, False, True)


def pharmacy(_before: int = 0) -> dict:
    """Person 0002: a resident, who has no account to use."""
    return settlement(Insured(390), PHARMACY, False, False)


def pharmacy_refund(_before: int = 0) -> dict:
    """The same purchase, brought back."""
    return refund(pharmacy(), "0.00")


def lost_answer(_before: int = 0) -> dict:
    """Person 0007: in work, with an empty account."""
    return settlement(Insured(310), LOST, False, False)


EXPECTED = {("inpatient_course", "trial"): inpatient_course,
            ("inpatient_course", "settle"): inpatient_course,
            ("outpatient_visit", "trial"): outpatient_visit,
            ("outpatient_visit", "settle"): outpatient_visit,
            ("pharmacy_and_refund", "settle"): pharmacy,
            ("pharmacy_and_refund", "refund"): pharmacy_refund,
            ("lost_answer", "settle"): lost_answer}
"""By case and step. Called without an argument: for persons nothing has been posted on before; with a number: after the
same case was played so often."""

PLANTED = {("posted_twice", "settle"): lost_answer}
"""The same for the cases that leave the books in disagreement."""
