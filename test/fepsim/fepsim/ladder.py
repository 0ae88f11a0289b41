"""What is done about an outcome nobody knows.

danxian cannot be asked what became of a request, so the request is reversed
until the server says how it finally stands: reversed now, never arrived,
reversed before (all three: not posted), or it stays posted. wuxian and
dajizhong are asked first, and reverse only what the server still does not know
when it could have arrived long since. A time-out of the reversal itself ends
nothing.
"""

import threading
import time
from collections.abc import Iterator

from . import china_time
from .asking import STAYS_POSTED, Told
from .asking_books import AskingBooks, moment_of
from .front import AskingFront, Finding, Front
from .operations import OPERATION_OF, WITH_MONEY

STOP_SECONDS = 5


class Ladder:
    """Takes undecided postings up the rungs, each in a thread of its own."""

    def __init__(self, front: Front, books: AskingBooks, scale: float = 1.0):
        self._front = front
        self._books = books
        self._scale = scale
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._climbing: dict[str, threading.Thread] = {}

    def until_final(self, serial: str) -> None:
        """Do what the protocol wants until the request is decided or this is stopped."""
        raise NotImplementedError

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
        self._books.conclude(serial, "unknown", code=0, text="to be reversed",
                             to_reverse=True)
        told = self._front.reversal_of(self._books.find(serial))
        if not self.end(serial, told):
            self.climb(serial)
        return told

    def climb(self, serial: str) -> None:
        """Start up the rungs with a request, unless that is under way."""
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
            if not found and OPERATION_OF[request["code"]] in WITH_MONEY:
                found = self._front.find_posting(request)
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
            self.until_final(serial)
        finally:
            with self._lock:
                self._climbing.pop(serial, None)
        if not self._stop.is_set() and not self._books.is_decided(serial):
            self.climb(serial)

    def _rungs(self, seconds: tuple[int, ...], every: int) -> Iterator[int]:
        """Yield each rung when its time has come; end when this is stopped."""
        begin = time.monotonic()
        for offset in _offsets(seconds, every):
            pause = begin + offset * self._scale - time.monotonic()
            if self._stop.wait(max(0, pause)):
                return
            yield offset

    def _reverse(self, serial: str, is_last: bool) -> bool:
        """Reverse once; tell whether this ended it.

        When the last rung is reached and its day is over, people decide.
        """
        request = self._books.find(serial)
        if self.end(serial, self._front.reversal_of(request)):
            return True
        day_is_over = moment_of(request).strftime("%Y%m%d") < china_time.today()
        if is_last and day_is_over:
            self._books.conclude(serial, "for_reconciliation", code=0,
                                 text="no final result by the end of the day")
            return True
        return False


class ReversalLadder(Ladder):
    """For a protocol without inquiry."""

    seconds = (3, 10, 30, 60, 120)
    every = 300

    def until_final(self, serial: str) -> None:
        for offset in self._rungs(self.seconds, self.every):
            if self._reverse(serial, offset >= self.seconds[-1]):
                return


class InquiryLadder(Ladder):
    """For a protocol in which an outcome can be asked for."""

    seconds = (5, 15, 45, 120)
    every = 60
    patience = 900
    _front: AskingFront

    def until_final(self, serial: str) -> None:
        """Inquire; reverse what is still unknown, or what was to be reversed anyway."""
        last = self._books.conclusion(serial) or {}
        reversing = bool(last.get("to_reverse"))
        for offset in self._rungs(self.seconds, self.every):
            late = offset >= self.seconds[-1]
            if not reversing:
                finding = self._front.inquire(self._books.find(serial))
                if self._ends(serial, finding):
                    return
                reversing = late and finding.state == "unknown"
                if not reversing and offset >= self.patience:
                    self._books.conclude(serial, "for_reconciliation", code=0,
                                         text="no outcome to be had by inquiry")
                    return
                if reversing:
                    self._books.conclude(serial, "unknown", code=0, to_reverse=True,
                                         text="unknown to the gateway")
            if reversing and self._reverse(serial, late):
                return

    def _ends(self, serial: str, finding: Finding) -> bool:
        """Conclude a request by what an inquiry found, if that is final."""
        if finding.state in ("posted", "cancelled", "refused"):
            self._books.conclude(serial, **self._as_conclusion(finding))
            return True
        if finding.state == "reversed":
            self._books.conclude(serial, "reversed", code=0, result="", by=finding.by)
            return True
        return False

    @staticmethod
    def _as_conclusion(finding: Finding) -> dict:
        """Return the conclusion the lost answer itself would have led to.

        What is posted stands, even if its answer cannot be believed.
        """
        told = finding.original.as_answer()
        del told["serial"]
        if finding.state == "cancelled":
            told["told"] = "cancelled"
        elif finding.state == "posted" and told["told"] != "good":
            told["told"] = "stands"
        return {**told, "by": finding.by}


def _offsets(seconds: tuple[int, ...], every: int) -> Iterator[int]:
    yield from seconds
    last = seconds[-1]
    while True:
        last += every
        yield last
