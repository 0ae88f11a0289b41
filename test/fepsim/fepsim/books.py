"""The books of a stand-in: what it posted, on the disk before anyone hears of it.

A JSON-lines file, only ever appended to.  A line holds a whole posting together
with the stored answer, so that no crash can leave one without the other, and a
test can read after `kill -9` what a real insurer would hold the region to.

Every line has `kind`: `open` (the first one, naming the region), `register`,
`cancel_register`, `details`, `cancel_details`, `settle`, `cancel`, `reverse` or
`close_month`.  `state` says `posted` or `refused` when it was written; what later
lines made of it is worked out by `Postings`.  A line of state `noted` changes no
person and no visit: what a protocol has to remember besides (`sign_in`,
`sign_out`, `compared`, `query`).
"""

import json
import os
from collections.abc import Iterator

SUMMED = ("total", "fund", "acct", "cash")
MONEY_KINDS = ("settle", "cancel")

Key = tuple[str, str, str]


class Postings:
    """The lines of a book, each with the state it has come to.

    States: posted, refused, reversed, cancelled (a settlement cancelled later).
    A key is (sender, transaction, serial).
    """

    def __init__(self) -> None:
        self.order: list[dict] = []
        self.by_key: dict[Key, dict] = {}
        self.blocked: set[Key] = set()
        self._settlements: dict[str, dict] = {}

    def take(self, line: dict) -> None:
        """Add one line and let it change the earlier ones."""
        posting = dict(line)
        self.order.append(posting)
        if "key" in posting:
            self.by_key[tuple(posting["key"])] = posting
        if posting.get("state") != "posted":
            return
        if posting["kind"] == "settle":
            self._settlements[posting["setl_id"]] = posting
        elif posting["kind"] == "cancel":
            self._settlements[posting["org_setl_id"]]["state"] = "cancelled"
        elif posting["kind"] == "reverse":
            self._take_reversal(posting)

    def _take_reversal(self, reversal: dict) -> None:
        """Block the original's serial; take the original out of force if it was in."""
        org_key = tuple(reversal["org_key"])
        self.blocked.add(org_key)
        if reversal["result"] != "1":
            return
        original = self.by_key[org_key]
        original["state"] = "reversed"
        if original["kind"] == "cancel" and not original.get("twin"):
            self._settlements[original["org_setl_id"]]["state"] = "posted"

    def money(self) -> Iterator[dict]:
        """Yield settlements and cancellations that were ever posted, in order."""
        return (p for p in self.order
                if p["kind"] in MONEY_KINDS and p["state"] != "refused")

    def in_force(self) -> dict[str, dict[str, int]]:
        """Return per person what is in force: settlements less cancellations.

        A reversed posting counts nowhere; a settlement and its cancellation are
        both there and come to nothing.  A doubled posting (`twin`) counts, for
        that is what the books say.
        """
        sums: dict[str, dict[str, int]] = {}
        for posting in self.money():
            if posting["state"] == "reversed":
                continue
            person = sums.setdefault(posting["psn_no"],
                                     dict.fromkeys(("settlements", *SUMMED), 0))
            person["settlements"] += 1 if posting["kind"] == "settle" else -1
            for name in SUMMED:
                person[name] += posting[name]
        return sums


class Books:
    """The book file of one region, open for appending."""

    def __init__(self, path: str, region: str):
        self.postings = Postings()
        self._file = open(path, "ab+")
        for line in self._whole_lines():
            self.postings.take(line)
        if not self.postings.order:
            self.append({"kind": "open", "region": region})
        elif self.postings.order[0].get("region") != region:
            self.close()
            raise ValueError(f"{path} is not a book of region {region}")

    def _whole_lines(self) -> list[dict]:
        """Read the lines; one torn by a crash was never promised to anybody."""
        self._file.seek(0)
        lines, end = [], 0
        for raw in self._file:
            if not raw.endswith(b"\n"):
                break
            lines.append(json.loads(raw))
            end += len(raw)
        self._file.truncate(end)
        return lines

    def append(self, *lines: dict) -> None:
        """Put lines on the disk together, then count them."""
        data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        self._file.write(data.encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        for line in lines:
            self.postings.take(line)

    def close(self) -> None:
        """Close the file; everything in it is on the disk already."""
        self._file.close()


def load(path: str) -> Postings:
    """Read a book without touching it, also while its owner is writing."""
    postings = Postings()
    with open(path, "rb") as book:
        for raw in book:
            if not raw.endswith(b"\n"):
                break
            postings.take(json.loads(raw))
    return postings
