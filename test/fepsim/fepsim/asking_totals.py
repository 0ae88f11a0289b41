"""What the asking side posted on a day, by its own books, and how it compares."""

from collections.abc import Iterator

from .asking_books import AskingBooks
from .books import SUMMED
from .hospital_visit import TOOK_EFFECT
from .operations import OPERATION_OF, WITH_MONEY
from .totals import Row, rows_of

Key = tuple[str, str]
_KINDS = {"settle": "settle", "cancel_settlement": "cancel"}


def own_postings(books: AskingBooks, day: str) -> Iterator[dict]:
    """Yield settlements and cancellations that stand, by the day the gateway gave them.

    What was reversed counts nowhere; what was cancelled counts twice, once in
    each direction.
    """
    for entry in books.everything():
        operation = OPERATION_OF[entry["code"]]
        conclusion = entry["conclusion"] or {}
        if operation not in WITH_MONEY or conclusion.get("told") not in TOOK_EFFECT:
            continue
        sent_on = entry["at"][:10].replace("-", "")
        if (conclusion.get("acct_date") or sent_on) != day:
            continue
        out = books.good_answer(entry["serial"])
        yield {"kind": _KINDS[operation], "state": "posted", "serial": entry["serial"],
               "insutype": entry["insutype"], "med_type": entry["med_type"],
               "setl_id": out.get("setl_id", ""),
               **{name: out.get(name, 0) for name in SUMMED}}


def own_rows(books: AskingBooks, day: str) -> dict[Key, Row]:
    """Add up a day by insurance type and clearing category, both in national codes."""
    return rows_of(list(own_postings(books, day)))


def in_all(rows: dict[Key, Row]) -> dict[str, int]:
    """Return counts and sums over all rows, named as every system's totals are."""
    return {"settlements": sum(row.pos for row in rows.values()),
            "cancellations": sum(row.neg for row in rows.values()),
            **{name: sum(getattr(row, name) for row in rows.values()) for name in SUMMED}}


def compared(asked: dict[Key, Row], answered: dict[Key, Row], results: dict[Key, str]) -> dict:
    """Return the output of a comparison: the answering side's figures, and this side's."""
    return {"differs": "1" if any(result != "0" for result in results.values()) else "0",
            **in_all(answered), "own": in_all(asked),
            "rows": [{"insutype": insutype, "clearing": clearing, "result": result,
                      **vars(answered[insutype, clearing])}
                     for (insutype, clearing), result in results.items()]}
