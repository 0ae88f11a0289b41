"""A day's postings compared with the gateway's: totals (1110) and details (1120)."""

from .asking import Told
from .asking_books import AskingBooks
from .caret_desk import Desk
from .money import format_yuan

PAGE_SIZE = 100
SUMS = ("total", "fund", "acct", "cash")


def day_of_posting(request: dict, conclusion: dict) -> str:
    """Return the accounting day: the date in the cycle the answer carries."""
    cycle = conclusion.get("cycle") or request["cycle"]
    return cycle.rsplit("-", 1)[-1][:8]


def own_totals(books: AskingBooks, day: str) -> dict:
    """Count what is posted on a day over all hospitals; the sums are net.

    What was reversed counts nowhere; what was cancelled counts twice, once in
    each direction.
    """
    totals = dict.fromkeys(("settlements", "cancellations", *SUMS), 0)
    for entry in books.everything():
        conclusion = entry["conclusion"] or {}
        if entry["code"] not in ("2410", "2430") \
                or conclusion.get("told") not in ("good", "stands") \
                or day_of_posting(entry, conclusion) != day:
            continue
        kind = "settlements" if entry["code"] == "2410" else "cancellations"
        totals[kind] += 1
        out = books.good_answer(entry["serial"])
        for name in SUMS:
            totals[name] += out.get(name, 0)
    return totals


def reconcile(desk: Desk, institution: str, cycle: str, region: str, day: str,
              totals: dict) -> Told:
    """Ask the gateway to compare totals of a day, all insurance types together."""
    params = [day, "", totals["settlements"], totals["cancellations"],
              *(format_yuan(totals[name]) for name in SUMS)]
    return desk.send("1110", institution, cycle, region, params)


def details_of_day(session, institution: str, day: str) -> Told:
    """Fetch all postings of a day as the gateway knows them, page after page."""
    return pages(session, "1120", institution, [day], PAGE_SIZE)


def pages(session, code: str, institution: str, params: list, size: int) -> Told:
    """Ask for a list page after page; return all its rows at once."""
    rows, page = [], 1
    while True:
        told = session.ask(code, institution, session.region, [*params, page, size])
        if told.told != "good":
            return told
        rows += told.out["rows"]
        if told.out["last"] == "1" or not told.out["rows"]:
            kept = {k: v for k, v in told.out.items() if k in ("count", "version")}
            told.out = {**kept, "rows": rows}
            return told
        page += 1


def find_posting(session, request: dict) -> dict:
    """Find what the gateway has of a settlement whose answer was lost; {} if nothing."""
    day = day_of_posting(request, {})
    told = details_of_day(session, request["institution"], day)
    for row in told.out.get("rows", []):
        if row["serial"] == request["serial"]:
            return {name: row[name] for name in ("setl_id", *SUMS)}
    return {}
