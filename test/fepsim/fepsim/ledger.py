"""Persons, visits and settlements as they stand, derived from the books alone.

`apply` is the only way to change anything here and it takes a line of the books.
So a restart, which reads the book again, ends where the stopped process was.
"""

from dataclasses import dataclass, field

from . import data
from .books import Key, Postings
from .money import INPATIENT_MED_TYPES, LineSums, Shares
from .requests import Line


@dataclass
class StoredLine:
    """A line of a visit; `setl_id` is empty until it is settled."""

    line: Line
    batch: Key
    setl_id: str = ""


@dataclass
class Settlement:
    """A settlement with what is needed to take it back.

    A twin is the double that a faulty insurer posted by itself: it stands in the
    books, but the person's balance and the visit know nothing of it.
    """

    setl_id: str
    visit_id: str
    shares: Shares
    mid: bool
    line_nos: tuple[str, ...]
    acct_date: str
    twin: bool = False
    cancelled: bool = False
    reversed: bool = False

    @property
    def in_force(self) -> bool:
        return not (self.cancelled or self.reversed)


@dataclass
class Visit:
    """A registered visit; `dedc` is the standard deductible fixed at registration."""

    visit_id: str
    visit_no: str
    hospital: str
    psn_no: str
    insutype: str
    category: str
    med_type: str
    dedc: int
    closed: bool = False
    lines: dict[str, StoredLine] = field(default_factory=dict)
    settlements: list[Settlement] = field(default_factory=list)
    history: list[Key] = field(default_factory=list)

    @property
    def inpatient(self) -> bool:
        return self.med_type in INPATIENT_MED_TYPES

    def in_force(self) -> list[Settlement]:
        """Return the settlements in force, oldest first."""
        return [s for s in self.settlements if s.in_force]

    def final_in_force(self) -> bool:
        """Tell whether the visit is settled for good."""
        return any(not s.mid for s in self.in_force())

    def unsettled(self) -> list[StoredLine]:
        """Return the lines that the next settlement takes."""
        return [stored for stored in self.lines.values() if not stored.setl_id]

    def dedc_left(self) -> int:
        """Return what earlier settlements left of the deductible."""
        return self.dedc - sum(s.shares.dedc for s in self.in_force())


def sums_of(lines: list[StoredLine]) -> LineSums:
    """Add up the parts of lines."""
    parts = [stored.line for stored in lines]
    return LineSums(total=sum(p.amount for p in parts), full=sum(p.full for p in parts),
                    pre=sum(p.pre for p in parts), over=sum(p.over for p in parts),
                    scope=sum(p.scope for p in parts))


class Ledger:
    """The present state of a region."""

    def __init__(self, region: str, postings: Postings):
        self.people = data.persons(region)
        self.visits: dict[str, Visit] = {}
        self.settlements: dict[str, Settlement] = {}
        self.closed_months: set[str] = set()
        self._open: dict[tuple[str, str], str] = {}
        self._postings = postings

    def open_visit(self, hospital: str, visit_no: str) -> Visit | None:
        """Return the visit that now holds a hospital's visit number."""
        return self.visits.get(self._open.get((hospital, visit_no), ""))

    def insurance_of(self, visit: Visit) -> data.Insurance:
        """Return the insurance that pays for a visit."""
        return self.people[visit.psn_no].insurances[visit.insutype]

    def apply(self, posted: dict) -> None:
        """Let a line of the books take effect."""
        if posted.get("state") in ("refused", "noted") or posted["kind"] == "open":
            return
        getattr(self, "_apply_" + posted["kind"])(posted)
        if posted.get("visit_id") in self.visits and not posted.get("twin"):
            self.visits[posted["visit_id"]].history.append(tuple(posted["key"]))

    def _apply_close_month(self, posted: dict) -> None:
        self.closed_months.add(posted["month"])

    def _apply_register(self, posted: dict) -> None:
        visit = Visit(posted["visit_id"], posted["visit"], posted["hospital"],
                      posted["psn_no"], posted["insutype"], posted["category"],
                      posted["med_type"], posted["dedc"])
        self.visits[visit.visit_id] = visit
        self._open[visit.hospital, visit.visit_no] = visit.visit_id

    def _apply_cancel_register(self, posted: dict) -> None:
        visit = self.visits[posted["visit_id"]]
        visit.closed = True
        del self._open[visit.hospital, visit.visit_no]

    def _apply_details(self, posted: dict) -> None:
        lines = self.visits[posted["visit_id"]].lines
        for record in posted["lines"]:
            lines[record["no"]] = StoredLine(Line(**record), tuple(posted["key"]))

    def _apply_cancel_details(self, posted: dict) -> None:
        lines = self.visits[posted["visit_id"]].lines
        for number in posted["line_nos"]:
            del lines[number]

    def _apply_settle(self, posted: dict) -> None:
        settlement = Settlement(posted["setl_id"], posted["visit_id"],
                                Shares.from_dict(posted), posted["mid"],
                                tuple(posted["line_nos"]), posted["acct_date"],
                                posted.get("twin", False))
        self.settlements[settlement.setl_id] = settlement
        if not settlement.twin:
            self.visits[settlement.visit_id].settlements.append(settlement)
            self._put_in_force(settlement)

    def _apply_cancel(self, posted: dict) -> None:
        if posted.get("twin"):
            return
        settlement = self.settlements[posted["org_setl_id"]]
        settlement.cancelled = True
        self._take_out_of_force(settlement)

    def _apply_reverse(self, posted: dict) -> None:
        if posted["result"] == "1":
            original = self._postings.by_key[tuple(posted["org_key"])]
            if not (original["kind"] == "cancel" and original.get("twin")):
                getattr(self, "_undo_" + original["kind"])(original)

    def _undo_register(self, original: dict) -> None:
        self._apply_cancel_register(original)

    def _undo_details(self, original: dict) -> None:
        lines = self.visits[original["visit_id"]].lines
        for record in original["lines"]:
            del lines[record["no"]]

    def _undo_settle(self, original: dict) -> None:
        settlement = self.settlements[original["setl_id"]]
        settlement.reversed = True
        self._take_out_of_force(settlement)

    def _undo_cancel(self, original: dict) -> None:
        settlement = self.settlements[original["org_setl_id"]]
        settlement.cancelled = False
        self._put_in_force(settlement)

    def _put_in_force(self, settlement: Settlement) -> None:
        self._turn(settlement, 1, settlement.setl_id)

    def _take_out_of_force(self, settlement: Settlement) -> None:
        self._turn(settlement, -1, "")

    def _turn(self, settlement: Settlement, sign: int, setl_id: str) -> None:
        """Move balance, cumulations and lines with a settlement, one way or back."""
        if settlement.twin:
            return
        visit = self.visits[settlement.visit_id]
        insurance = self.insurance_of(visit)
        insurance.balance_fen -= sign * settlement.shares.acct
        insurance.pool_cum_fen += sign * settlement.shares.pool
        if visit.inpatient and not settlement.mid:
            insurance.stays += sign
        for number in settlement.line_nos:
            visit.lines[number].setl_id = setl_id
