"""What a hospital remembers of a visit, read off the books.

Nothing is kept beside the books: a visit is the sum of the requests that took
effect, in the order of sending. So a reversal needs no undoing and a restart
no second file; a request that was reversed is simply not counted.
"""

from dataclasses import dataclass, field

from .asking_books import AskingBooks
from .operations import OPERATION_OF

TOOK_EFFECT = ("good", "stands")
ALL_LINES = "0000"


@dataclass
class Settlement:
    """A settlement in force, with the lines it settled."""

    serial: str
    setl_id: str
    lines: dict[str, int]
    out: dict


@dataclass
class Visit:
    """A visit as far as the hospital knows."""

    institution: str
    visit_no: str
    registered: bool = False
    facts: dict = field(default_factory=dict)
    visit_id: str = ""
    lines: dict[str, int] = field(default_factory=dict)
    settlements: list[Settlement] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    for_reconciliation: bool = False

    @property
    def unsettled_total(self) -> int:
        """Return the sum of the lines still to be settled, in fen."""
        return sum(self.lines.values())

    def apply(self, request: dict, out: dict) -> None:
        """Count a request that took effect."""
        getattr(self, "_on_" + OPERATION_OF[request["code"]])(request, out)

    def _on_register(self, request: dict, out: dict) -> None:
        self.registered = True
        self.facts = request
        self.visit_id = out.get("visit_id", "")
        self.lines, self.settlements = {}, []

    def _on_cancel_register(self, request: dict, out: dict) -> None:
        self.registered = False

    def _on_details(self, request: dict, out: dict) -> None:
        self.lines.update(request["line_amounts"])

    def _on_cancel_details(self, request: dict, out: dict) -> None:
        if request["line_no"] == ALL_LINES:
            self.lines = {}
        else:
            self.lines.pop(request["line_no"], None)

    def _on_settle(self, request: dict, out: dict) -> None:
        self.settlements.append(
            Settlement(request["serial"], out.get("setl_id", ""), self.lines, out))
        self.lines = {}

    def _on_cancel_settlement(self, request: dict, out: dict) -> None:
        """The lines of a cancelled settlement are there to be settled again."""
        for settlement in list(self.settlements):
            if settlement.setl_id == request["setl_id"]:
                self.settlements.remove(settlement)
                self.lines = {**settlement.lines, **self.lines}

    def as_answer(self) -> dict:
        """Return the visit for the control socket."""
        return {"institution": self.institution, "visit_no": self.visit_no,
                "registered": self.registered, "visit_id": self.visit_id,
                "area": self.facts.get("centre", ""), "lines": self.lines,
                "unsettled_total": self.unsettled_total,
                "settlements": [vars(s) for s in self.settlements],
                "undecided": self.undecided,
                "for_reconciliation": self.for_reconciliation}


def visit_of(books: AskingBooks, institution: str, visit_no: str) -> Visit:
    """Add up a visit from the books."""
    visit = Visit(institution, visit_no)
    for request, conclusion in books.of_visit(institution, visit_no):
        if not request["posts"]:
            continue
        told = conclusion["told"] if conclusion else "unknown"
        if told in TOOK_EFFECT:
            visit.apply(request, books.good_answer(request["serial"]))
        elif told == "unknown":
            visit.undecided.append(request["serial"])
        elif told == "for_reconciliation":
            visit.for_reconciliation = True
    return visit
