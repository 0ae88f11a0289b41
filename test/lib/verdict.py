"""The verdict on money: what one local system was told, held against what the other posted. Only their own books count."""

from regions import Regions
from world import World

SETTLE, CANCEL = "2410", "2430"
AMOUNTS = ("total", "fund", "acct", "cash")
IN_FORCE = ("posted", "cancelled")  # a cancelled settlement and its cancellation both stand and come to nothing


def read_books(world: World, regions: Regions) -> tuple[list[dict], list[dict]]:
    """Return the asking side's entries and the insurer's postings."""
    told = world.ask(regions.danxian, {"op": "books"})
    posted = world.ask(regions.dajizhong, {"op": "books"})
    if not told or not told["ok"] or not posted or not posted["ok"]:
        raise RuntimeError("a stand-in does not show its books")
    return told["entries"], posted["postings"]


def compare_books(world: World, regions: Regions) -> tuple[list[str], int, int]:
    """Return the differences in words, the fund's net payments posted, and those told (fen)."""
    entries, postings = read_books(world, regions)
    standing = {posting["setl_id"]: posting for posting in postings
                if posting["kind"] in ("settle", "cancel") and posting["state"] in IN_FORCE}
    differences: list[str] = []
    believed: dict[str, dict] = {}
    for entry in entries:
        if entry["code"] not in (SETTLE, CANCEL):
            continue
        conclusion = entry["conclusion"]
        if conclusion is None:
            differences.append(f"{entry['msgid']}: the asking side still waits for an end")
        elif conclusion["told"] in ("good", "stands"):
            believed[conclusion["out"]["setl_id"]] = entry
        elif conclusion["told"] not in ("refused", "not_sent", "reversed"):
            differences.append(f"{entry['msgid']}: ended as {conclusion['told']}")
    for setl_id, entry in believed.items():
        posting = standing.get(setl_id)
        if posting is None:
            differences.append(f"{entry['msgid']}: told good as {setl_id}, which the insurer does not hold in force")
        elif any(posting[name] != entry["conclusion"]["out"][name] for name in AMOUNTS):
            differences.append(f"{entry['msgid']}: {setl_id} was told with other amounts than were posted")
    for setl_id in standing.keys() - believed.keys():
        differences.append(f"{setl_id}: posted and in force, but the asking side was not told so")
    return (differences, sum(posting["fund"] for posting in standing.values()),
            sum(entry["conclusion"]["out"]["fund"] for entry in believed.values()))


def open_anywhere(world: World) -> dict[str, tuple[int, int]]:
    """Return, for each gateway that has any, how many updates are unknown and open; {"node": (-1, -1)} if it is silent."""
    found = {}
    for node in world.gateways:
        status = world.status(node)
        if status is None:
            found[node] = (-1, -1)
        elif status["open_total"] or status["open_unknown"]:
            found[node] = (status["open_unknown"], status["open_total"])
    return found
