"""What may be asked of an insurer, in national vocabulary and free of any protocol."""

from dataclasses import asdict, dataclass

from .books import Key


@dataclass(frozen=True)
class Origin:
    """Where a posting request comes from and when it arrived.

    `acct_date` is fixed on receipt: at midnight that moment decides.  `digest`
    stands for the request's content without its clock fields. `cycle` is the
    business cycle it was sent in, where the protocol has such a thing.
    """

    key: Key
    digest: str
    hospital: str
    treat_region: str
    acct_date: str
    at: str
    fault: str | None = None
    cycle: str = ""


@dataclass(frozen=True)
class Register:
    """A visit to be opened; an empty name is not compared."""

    visit_no: str
    psn_no: str
    name: str
    insutype: str
    med_type: str
    time: str


@dataclass(frozen=True)
class Line:
    """A fee line, classified by the place of treatment.

    `mark` stands for what the insurer does not judge (names, units, doctors), so
    that a line sent again can be told from another one; empty where that is all
    the same.
    """

    no: str
    time: str
    his_code: str
    ctr_code: str
    price_e4: int
    qty_e4: int
    amount: int
    level: str
    ratio_e4: int
    full: int
    pre: int
    over: int
    scope: int
    mark: str = ""

    @property
    def item(self) -> tuple[str, str]:
        """Return what returns are netted by: the centre's code, else the hospital's."""
        return ("centre", self.ctr_code) if self.ctr_code else ("hospital", self.his_code)

    def as_dict(self) -> dict:
        """Return the line as it is written in the books."""
        return asdict(self)


@dataclass(frozen=True)
class VisitRef:
    """A visit named twice: by the hospital and by the insurer."""

    visit_no: str
    visit_id: str


@dataclass(frozen=True)
class Details(VisitRef):
    """A batch of lines with the sum that the hospital found."""

    sum: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class CancelDetails(VisitRef):
    """Lines to remove; None means all that are not settled."""

    line_nos: tuple[str, ...] | None


@dataclass(frozen=True)
class Settle(VisitRef):
    """A trial or a settlement; an empty person number is not compared."""

    psn_no: str
    bill: str
    med_type: str
    out_time: str
    out_reason: str
    out_diag: str
    use_account: bool
    mid: bool
    total: int


@dataclass(frozen=True)
class Cancel(VisitRef):
    """A settlement to take back whole."""

    psn_no: str
    setl_id: str
    bill: str


@dataclass(frozen=True)
class Reverse:
    """A posting to undo, named by its key."""

    org_key: Key
