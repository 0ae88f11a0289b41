"""What is done about an outcome nobody knows.

danxian cannot be asked what became of a request, so the request is reversed
until the server says how it finally stands: reversed now, never arrived,
reversed before (all three: not posted), or it stays posted. A time-out of the
reversal itself ends nothing.
"""

import threading
import time
from collections.abc import Iterator

from . import china_time
from .asking_books import AskingBooks, moment_of
from .caret_day import find_posting
from .caret_desk import Told
from .caret_session import Session

RUNGS = (3, 10, 30, 60, 120)
"""Seconds after the outcome became unknown."""
EVERY = 300
STOP_SECONDS = 5
STAYS_POSTED = -2503


def reversal_of(session: Session, request: dict) -> Told:
    """Send one reversal of a request, with a serial of its own."""
    params = [request["code"], request["serial"], request.get("psn_no", ""),
              request.get("visit_no", ""), request["serial"][:8]]
    return session.ask("2421", request["institution"], request["centre"], params,
                       original=request["serial"])


class Ladder:
    """Takes undecided postings up the rungs, each in a thread of its own."""

    def __init__(self, session: Session, books: AskingBooks, scale: float = 1.0):
        self._session = session
        self._books = books
        self._scale = scale
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._climbing: dict[str, threading.Thread] = {}

    def recover(self) -> list[str]:
        """Take up the postings a former run left undecided; return their serials."""
        taken = []
        for serial in self._books.undecided():
            if self._books.conclusion(serial) is None:
                self._books.conclude(serial, "unknown", code=0,
                                     text="no conclusion at start")
            if self._books.find(serial)["posts"]:
                taken.append(serial)
                self.climb(serial)
        return taken

    def reverse_now(self, serial: str) -> Told:
        """Send one reversal at once; the rungs follow if it was not final.

        From here on the request is undecided, so that a crash between the
        two steps ends in another reversal and not in a forgotten one.
        """
        self._books.conclude(serial, "unknown", code=0, text="to be reversed")
        told = reversal_of(self._session, self._books.find(serial))
        if not self.end(serial, told):
            self.climb(serial)
        return told

    def climb(self, serial: str) -> None:
        """Start reversing a request, unless that is under way."""
        with self._lock:
            if serial in self._climbing or self._stop.is_set():
                return
            climber = threading.Thread(target=self._run, args=(serial,), daemon=True,
                                       name=f"ladder {serial}")
            self._climbing[serial] = climber
        climber.start()

    def end(self, serial: str, reversal: Told) -> bool:
        """Conclude a request if this answer to its reversal is final."""
        if reversal.told == "good":
            self._books.conclude(serial, "reversed", code=0,
                                 result=reversal.out["result"], by=reversal.serial)
            return True
        if reversal.code == STAYS_POSTED:
            request = self._books.find(serial)
            found = self._books.good_answer(serial)
            if not found and request["code"] in ("2410", "2430"):
                found = find_posting(self._session, request)
            self._books.conclude(serial, "stands", code=STAYS_POSTED,
                                 text=reversal.text, by=reversal.serial, out=found)
            return True
        return False

    def stop(self) -> None:
        """End every climber; the books keep what is undecided."""
        self._stop.set()
        with self._lock:
            climbers = list(self._climbing.values())
        for climber in climbers:
            climber.join(STOP_SECONDS)

    def _run(self, serial: str) -> None:
        """Go up the rungs; and again if it was doubted anew in the meantime."""
        try:
            self._reverse_until_final(serial)
        finally:
            with self._lock:
                self._climbing.pop(serial, None)
        if not self._stop.is_set() and not self._books.is_decided(serial):
            self.climb(serial)

    def _reverse_until_final(self, serial: str) -> None:
        begin = time.monotonic()
        for rung, offset in enumerate(_offsets(), 1):
            pause = begin + offset * self._scale - time.monotonic()
            if self._stop.wait(max(0, pause)):
                return
            request = self._books.find(serial)
            if self.end(serial, reversal_of(self._session, request)):
                return
            day_is_over = moment_of(request).strftime("%Y%m%d") < china_time.today()
            if rung >= len(RUNGS) and day_is_over:
                self._books.conclude(serial, "for_reconciliation", code=0,
                                     text="no final result by the end of the day")
                return


def _offsets() -> Iterator[int]:
    yield from RUNGS
    last = RUNGS[-1]
    while True:
        last += EVERY
        yield last
