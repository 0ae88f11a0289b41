"""Misbehaviour on request: what a hospital visit number beginning with ZZ asks for.

Only the choice is made here.  The protocol's front acts on it, because most
faults are about what is sent and not about what is posted.
"""

from collections import Counter

KNOWN = frozenset(f"ZZ{n:02d}" for n in range(1, 14))
FAULTY_OPERATIONS = ("settle", "cancel")

# Decided before anything is posted; the others damage the answer to a good posting.
BEFORE_POSTING = frozenset({"ZZ02", "ZZ05", "ZZ07", "ZZ12"})

BUSY_TIMES = 2
UNANSWERED_TIMES = 2


def fault_for(visit_no: str, operation: str) -> str | None:
    """Return the fault that a visit number asks for in an operation."""
    fault = visit_no[:4].upper()
    return fault if fault in KNOWN and operation in FAULTY_OPERATIONS else None


class Faults:
    """Remembers which faults were shown, for each acts on the first request only.

    Counted per hospital, visit number and operation; ZZ05 acts on the first two.
    """

    def __init__(self) -> None:
        self._shown: Counter = Counter()
        self._unanswered: Counter = Counter()

    def due(self, hospital: str, visit_no: str, operation: str) -> str | None:
        """Return the fault to act out now, if it was not shown yet."""
        fault = fault_for(visit_no, operation)
        limit = BUSY_TIMES if fault == "ZZ05" else 1
        shown = self._shown[hospital, visit_no, operation]
        return fault if fault and shown < limit else None

    def show(self, hospital: str, visit_no: str, operation: str) -> None:
        """Note that the fault was acted out once."""
        self._shown[hospital, visit_no, operation] += 1

    def leaves_unanswered(self, original: dict | None) -> bool:
        """Tell whether a reversal or inquiry about this posting stays without an answer."""
        if not original or original.get("fault") != "ZZ11":
            return False
        key = tuple(original["key"])
        self._unanswered[key] += 1
        return self._unanswered[key] <= UNANSWERED_TIMES
