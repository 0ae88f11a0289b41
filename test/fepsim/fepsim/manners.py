"""How an answer leaves: whole, late, in part, or not at all.

A fault that acts after the posting damages only the way its answer is told.
"""

import threading
from collections.abc import Callable
from enum import Enum, auto


class Manner(Enum):
    """What becomes of an answer on its way out."""

    PLAIN = auto()
    LAST = auto()    # sent, then the connection is closed
    LATE = auto()    # sent after the client has given up
    HALF = auto()    # half of its bytes, then closed
    DROP = auto()    # closed without an answer
    SILENT = auto()  # never sent; the connection stays


OF_FAULT = {"ZZ01": Manner.LATE, "ZZ03": Manner.DROP, "ZZ04": Manner.HALF,
            "ZZ09": Manner.SILENT, "ZZ11": Manner.DROP}

ILLEGAL_TEXT = b"\xb0\x20\xff"
"""What ZZ10 puts at the beginning of a text for people."""


def after(seconds: float, work: Callable[[], None]) -> None:
    """Do something later without holding up the end of the process."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
