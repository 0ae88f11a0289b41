"""Daily totals: what a client posted, by insurance type and kind of clearing."""

from dataclasses import dataclass

from .books import SUMMED
from .money import INPATIENT_MED_TYPES

PHARMACY = "41"


def clearing_category(med_type: str) -> str:
    """Return the national clearing category: 41 pharmacy, 21 in-patient, 11 all others."""
    if med_type == PHARMACY:
        return "41"
    return "21" if med_type in INPATIENT_MED_TYPES else "11"


@dataclass
class Row:
    """Counts and net sums of one insurance type and clearing category."""

    pos: int = 0
    neg: int = 0
    total: int = 0
    fund: int = 0
    acct: int = 0
    cash: int = 0

    def add(self, posting: dict) -> None:
        """Count one settlement or cancellation."""
        if posting["kind"] == "settle":
            self.pos += 1
        else:
            self.neg += 1
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + posting[name])


def rows_of(postings: list[dict]) -> dict[tuple[str, str], Row]:
    """Add up postings; reversed ones count nowhere."""
    rows: dict[tuple[str, str], Row] = {}
    for posting in postings:
        if posting["state"] != "reversed":
            key = (posting["insutype"], clearing_category(posting["med_type"]))
            rows.setdefault(key, Row()).add(posting)
    return rows


def compare(asked: dict, known: dict) -> dict[tuple[str, str], str]:
    """Judge every row of either side: 0 equal, 1 differs, 2 only asker, 3 only answerer."""
    results = {}
    for key in sorted(asked.keys() | known.keys()):
        if key not in known:
            results[key] = "0" if asked[key] == Row() else "2"
        elif key not in asked:
            results[key] = "3"
        else:
            results[key] = "0" if asked[key] == known[key] else "1"
    return results
