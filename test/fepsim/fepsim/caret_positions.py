"""Where a region's danxian puts the figures of a settlement.

The same product differs by region in positions and in the form of serials:
what stands at 3, 4, 5 and 6 in one answer stands at 11, 14, 12 and 15 in
another. Everything that is not placed keeps its order in the places left over.
"""

import re
from dataclasses import dataclass, field

NAMES = ("setl_id", "bill", "total", "fund", "acct", "cash", "pool", "large", "illness", "civil", "corp",
         "aid", "other", "full", "pre", "over", "scope", "dedc", "balance", "org_setl_id")
SERIAL_FORMS = {
    "time-first": re.compile(r"(?P<time>[0-9]{14})-[0-9A-Za-z]{1,20}-[0-9]{4}", re.ASCII),
    "institution-first": re.compile(r"[0-9A-Za-z]{1,20}-(?P<time>[0-9]{14})-[0-9]{4,12}", re.ASCII),
}


@dataclass(frozen=True)
class Positions:
    """Places (from 1) of some figures; without any, all stand in their usual order."""

    places: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Positions":
        """Read `total=11,acct=14`."""
        places = {name: int(place) for name, _, place in (part.partition("=") for part in text.split(","))}
        if not set(places) <= set(NAMES) or len(set(places.values())) != len(places):
            raise ValueError(f"not positions of a settlement's figures: {text}")
        return cls(places)

    def place_of(self, name: str) -> int:
        """Return the index of a figure in an answer's output."""
        return self._order(len(NAMES)).index(name)

    def arrange(self, values: list) -> list:
        """Put figures in their usual order into their places; gaps are empty."""
        known = dict(zip(NAMES, values))
        return [known.get(name, "") for name in self._order(len(values))]

    def _order(self, count: int) -> list[str]:
        free = iter([name for name in NAMES[:count] if name not in self.places])
        by_place = {place: name for name, place in self.places.items()}
        order: list[str] = []
        last = max(by_place, default=0)
        while len(order) < last:
            order.append(by_place.get(len(order) + 1) or next(free, ""))
        return [*order, *free]
