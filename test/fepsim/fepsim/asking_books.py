"""The asking system's own books: what it sent and how each of it ended.

A JSON-lines file, only ever appended to. A request is on the disk before its
first byte leaves, so after a crash every request without a conclusion is known
to be undecided rather than forgotten. Two kinds of entry:

    request     a line about to be sent; sent again, it is undecided again
    conclusion  how it ended; the last one of a serial holds
    repeat      a line sent once more although it is decided, for the record
"""

import fcntl
import json
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from . import china_time
from .serial_forms import CaretSerials, SerialForm

FINAL = ("good", "refused", "not_sent", "reversed", "stands", "cancelled",
         "for_reconciliation")
"""Conclusions after which nothing more is done for a posting. The other one,
`unknown`, ends only a query: that is simply asked again under a new serial.
`cancelled` is a settlement that somebody else has cancelled since."""


def msgid_of(serial: str) -> str:
    """Return the canonical message id that belongs to a danxian serial, one to one."""
    return CaretSerials().msgid(serial)


class AskingBooks:
    """Requests by serial in the order of sending, each with its conclusions.

    One process at a time may have them open: two would use the same serials.
    """

    def __init__(self, path: str, clock: Callable[[], datetime] = china_time.now,
                 serials: SerialForm | None = None):
        self._clock = clock
        self.serials = serials or CaretSerials()
        self._changed = threading.Condition()
        self._requests: dict[str, dict] = {}
        self._conclusions: dict[str, list[dict | None]] = {}
        self._by_visit: dict[tuple[str, str], list[str]] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._file = open(path, "ab+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load()
        except BaseException:
            self._file.close()
            raise

    def _load(self) -> None:
        """Read what is there; a line torn by a crash was never promised."""
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._take(json.loads(line))
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)

    def _take(self, entry: dict) -> None:
        serial = entry["serial"]
        if entry["kind"] == "conclusion":
            self._conclusions.setdefault(serial, []).append(entry)
        if entry["kind"] != "request":
            return
        self._note_number(serial)
        if serial not in self._requests and entry.get("visit_no"):
            key = (entry["institution"], entry["visit_no"])
            self._by_visit.setdefault(key, []).append(serial)
        self._requests[serial] = entry
        if serial in self._conclusions:
            self._conclusions[serial].append(None)

    def _write(self, entry: dict) -> None:
        data = json.dumps(entry, ensure_ascii=False) + "\n"
        self._file.write(data.encode("utf-8"))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _note_number(self, serial: str) -> None:
        who, stamp, number = self.serials.parts(serial)
        self._numbers[who, stamp] = max(self._numbers.get((who, stamp), 0), number)

    def next_serial(self, institution: str) -> str:
        """Return a serial that was never used, restarts and clock steps included.

        The second moves on when its numbers are used up.
        """
        with self._changed:
            moment = self._clock()
            while True:
                stamp = china_time.stamp(moment)
                first = self.serials.make(institution, stamp, 0)
                number = self._numbers.get(self.serials.parts(first)[:2], 0) + 1
                if number <= self.serials.last:
                    break
                moment += timedelta(seconds=1)
            serial = self.serials.make(institution, stamp, number)
            self._note_number(serial)
            return serial

    def request(self, serial: str, line: bytes, posts: bool, **facts) -> None:
        """Record a request; on return it is on the disk and may be sent."""
        entry = {"kind": "request", "serial": serial, "msgid": self.serials.msgid(serial),
                 "at": self._clock().isoformat(), "posts": posts,
                 "line": line.hex(), **facts}
        self._append(entry)

    def conclude(self, serial: str, told: str, **facts) -> None:
        """Record how a request ended, and wake whoever waits for it."""
        self._append({"kind": "conclusion", "serial": serial, "told": told,
                      "at": self._clock().isoformat(), **facts})

    def repeat(self, serial: str, answer: dict) -> None:
        """Record what a repeat of a decided request was told."""
        self._append({"kind": "repeat", "serial": serial, "answer": answer,
                      "at": self._clock().isoformat()})

    def _append(self, entry: dict) -> None:
        with self._changed:
            self._write(entry)
            self._take(entry)
            self._changed.notify_all()

    def find(self, serial: str) -> dict | None:
        """Return the request under this serial, or None."""
        with self._changed:
            return self._requests.get(serial)

    def conclusion(self, serial: str) -> dict | None:
        """Return the conclusion that holds for this serial, or None."""
        with self._changed:
            return self._conclusion(serial)

    def _conclusion(self, serial: str) -> dict | None:
        return (self._conclusions.get(serial) or [None])[-1]

    def good_answer(self, serial: str) -> dict:
        """Return what a posting gave: its good answer, also if it was doubted later.

        A posting that stands after a lost answer has only what was found out
        about it afterwards.
        """
        with self._changed:
            known = [c for c in self._conclusions.get(serial, []) if c]
            for told in ("good", "stands"):
                for entry in reversed(known):
                    if entry["told"] == told:
                        return entry.get("out", {})
            return {}

    def is_decided(self, serial: str) -> bool:
        """Tell whether nothing more has to be done about a request."""
        with self._changed:
            return self._decided(serial)

    def _decided(self, serial: str) -> bool:
        last = self._conclusion(serial)
        if last is None:
            return False
        return last["told"] in FINAL or not self._requests[serial]["posts"]

    def wait_decided(self, serial: str, seconds: float) -> dict | None:
        """Wait until a serial is decided; return its last conclusion either way."""
        with self._changed:
            self._changed.wait_for(lambda: self._decided(serial), seconds)
            return self._conclusion(serial)

    def undecided(self) -> list[str]:
        """Return the serials nobody knows the end of yet, oldest first."""
        with self._changed:
            return [s for s in self._requests if not self._decided(s)]

    def wait_no_unknown(self, cycle: str, seconds: float) -> None:
        """Wait, bounded, until no unknown outcome of this cycle is left."""
        def settled() -> bool:
            return not any(
                entry.get("cycle") == cycle and entry["posts"]
                and (self._conclusion(serial) or {}).get("told") == "unknown"
                for serial, entry in self._requests.items())
        with self._changed:
            self._changed.wait_for(settled, seconds)

    def of_visit(self, institution: str, visit_no: str) -> list[tuple[dict, dict | None]]:
        """Return the requests of a visit with their conclusions, in order of sending."""
        with self._changed:
            serials = self._by_visit.get((institution, visit_no), [])
            return [(self._requests[s], self._conclusion(s)) for s in serials]

    def everything(self) -> list[dict]:
        """Return all requests, each with the conclusion that holds."""
        with self._changed:
            return [{**entry, "conclusion": self._conclusion(serial)}
                    for serial, entry in self._requests.items()]

    def close(self) -> None:
        """Close the file; whatever is told to the books afterwards fails."""
        with self._changed:
            self._file.close()


def moment_of(entry: dict) -> datetime:
    """Return when an entry was written."""
    return datetime.fromisoformat(entry["at"])
