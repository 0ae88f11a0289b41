"""Repeats: which serials are free, in work, used or blocked."""

import threading

from .books import Key, Postings
from .refusals import Refusal


class Serials:
    """Answers, before anything else is looked at, whether a serial may go on.

    What was posted or finally refused is in the books; only what is in work
    right now is kept here, for a crash ends that work.
    """

    def __init__(self, postings: Postings, replays: bool = True):
        self._postings = postings
        self._replays = replays
        self._in_work: set[Key] = set()
        self._lock = threading.Lock()

    def arrive(self, key: Key, digest: str) -> str | None:
        """Return the stored answer of a repeat, or None and take the serial into work."""
        with self._lock:
            if key in self._in_work:
                raise Refusal("9001" if self._replays else "1005")
            known = self._postings.by_key.get(key)
            if not self._replays and known:
                raise Refusal("1005")
            if key in self._postings.blocked:
                raise Refusal("2504")
            if known is None:
                self._in_work.add(key)
                return None
            if known["digest"] != digest:
                raise Refusal("1005", "内容不同")
            return known["answer"]

    def release(self, key: Key) -> None:
        """End the work on a serial; unless the books have it now, it is free again."""
        with self._lock:
            self._in_work.discard(key)

    def is_in_work(self, key: Key) -> bool:
        """Tell whether a request under this serial has not been decided yet."""
        with self._lock:
            return key in self._in_work
