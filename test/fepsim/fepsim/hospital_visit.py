"""What a hospital remembers of a visit, read off the books.

Nothing is kept beside the books: a visit is the sum of the requests that took
effect, in the order of sending. So a reversal needs no undoing and a restart
no second file; a request that was reversed is simply not counted.
"""

from dataclasses import dataclass, field

from .asking_books import AskingBooks

TOOK_EFFECT = ("good", "stands")


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
        getattr(self, "_on_" + request["code"])(request, out)

    def _on_2210(self, request: dict, out: dict) -> None:
        self.registered = True
        self.facts = request
        self.visit_id = out.get("visit_id", "")
        self.lines, self.settlements = {}, []

    def _on_2240(self, request: dict, out: dict) -> None:
        self.registered = False

    def _on_2310(self, request: dict, out: dict) -> None:
        self.lines.update(request["line_amounts"])

    def _on_2320(self, request: dict, out: dict) -> None:
        if request["line_no"] == "0000":
            self.lines = {}
        else:
            self.lines.pop(request["line_no"], None)

    def _on_2410(self, request: dict, out: dict) -> None:
        self.settlements.append(
            Settlement(request["serial"], out.get("setl_id", ""), self.lines, out))
        self.lines = {}

    def _on_2430(self, request: dict, out: dict) -> None:
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
