"""Business cycles of an asked danxian: who is signed in, and since which day.

A cycle belongs to an institution and an operator, lasts until the operator signs
out, and can be used for work on its own day only. It stands in the books, so a
restarted server knows it.
"""

import threading
from dataclasses import dataclass

from .insurer import Insurer
from .refusals import Refusal

GATEWAY_NODE = "GW"
AFTER_MIDNIGHT = frozenset({"1110", "1120", "2421", "9110"})


@dataclass
class Cycle:
    """One cycle; that of a gateway's node serves every institution it names."""

    number: str
    institution: str
    operator: str
    open: bool = True

    @property
    def date(self) -> str:
        """Return the accounting day."""
        return self.number.rsplit("-", 1)[-1][:8]

    def serves(self, institution: str, operator: str) -> bool:
        """Tell whether a request may use it."""
        return self.operator == operator and (
            self.institution == institution or self.institution.startswith(GATEWAY_NODE))


class Cycles:
    """All cycles that were ever opened."""

    def __init__(self, insurer: Insurer):
        self._insurer = insurer
        self._lock = threading.Lock()
        self._cycles: dict[str, Cycle] = {}
        for line in insurer.postings.order:
            self._take(line)

    def _take(self, line: dict) -> None:
        if line["kind"] == "sign_in":
            cycle = Cycle(line["cycle"], line["institution"], line["operator"])
            self._cycles[cycle.number] = cycle
        elif line["kind"] == "sign_out":
            self._cycles[line["cycle"]].open = False

    def _note(self, kind: str, cycle: str, **facts) -> None:
        line = {"kind": kind, "cycle": cycle, **facts}
        self._insurer.note(line)
        self._take(line)

    def sign_in(self, institution: str, operator: str, day: str) -> tuple[Cycle, bool]:
        """Return the cycle of an operator, and whether it was open already.

        An expired one is open until it is signed out.
        """
        with self._lock:
            for cycle in self._cycles.values():
                if cycle.open and (cycle.institution, cycle.operator) == (institution, operator):
                    return cycle, True
            prefix = f"{institution[-4:]}-{operator:0>8}-{day}"
            used = sum(number.startswith(prefix) for number in self._cycles)
            number = f"{prefix}{used + 1:03d}"
            self._note("sign_in", number, institution=institution, operator=operator)
            return self._cycles[number], False

    def sign_out(self, cycle: Cycle, forced: bool) -> None:
        """Close a cycle; unless forced, only after its totals were found equal."""
        with self._lock:
            if not forced and not self._is_reconciled(cycle):
                raise Refusal("2601", "业务周期未对账")
            self._note("sign_out", cycle.number)

    def compared_equal(self, cycle: Cycle) -> None:
        """Remember that the totals of the cycle's day were equal just now."""
        with self._lock:
            self._note("compared", cycle.number)

    def _is_reconciled(self, cycle: Cycle) -> bool:
        """Tell whether nothing was posted on the cycle's day since the totals were equal."""
        for line in reversed(self._insurer.postings_now()):
            if line["kind"] == "compared" and line["cycle"] == cycle.number:
                return True
            if _posts(line) and line["acct_date"] == cycle.date:
                return False
        return False

    def for_use(self, number: str, institution: str, operator: str, code: str,
                today: str) -> Cycle:
        """Return the cycle that a request carries, if it may be used for that."""
        with self._lock:
            cycle = self._cycles.get(number)
        if cycle is None or not cycle.open:
            raise Refusal("9101")
        if not cycle.serves(institution, operator):
            raise Refusal("9103")
        if cycle.date < today and code not in AFTER_MIDNIGHT:
            raise Refusal("9102")
        return cycle

    def is_open(self, posting: dict) -> bool:
        """Tell whether a posting may still be reversed: while its cycle is open."""
        cycle = self._cycles.get(posting.get("cycle", ""))
        return cycle is not None and cycle.open


def _posts(line: dict) -> bool:
    """Tell whether a line of the books changed anything for a person."""
    if line["state"] in ("refused", "noted") or "acct_date" not in line:
        return False
    return line["kind"] != "reverse" or line["result"] == "1"
