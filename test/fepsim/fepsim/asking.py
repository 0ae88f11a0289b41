"""What an asking system says of a request, the same in every protocol.

Codes are those common to the systems, as negative numbers; 0 is good.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .refusals import TEXTS, UNDECIDED

INVALID = -1003
STAYS_POSTED = -2503


class NotCarried(ValueError):
    """A value the local system has no code for: refused with class 1003."""


def translate(table: dict, value: str, what: str) -> str:
    """The code for a value that decides money or routing."""
    if value not in table:
        raise NotCarried(f"{what} {value!r} cannot be carried")
    return table[value]


def codes_not_posted(*unknown: str) -> frozenset[int]:
    """Return the codes of classes N and R, less those the system does not have.

    A posting refused with any other code is undecided.
    """
    return frozenset(-int(code) for code in TEXTS if code not in (*unknown, *UNDECIDED))


CODES_UNDECIDED = frozenset(-int(code) for code in UNDECIDED)


@dataclass
class Told:
    """How a request ended, as its hospital is told."""

    told: str
    code: int = 0
    text: str = ""
    serial: str = ""
    centre_serial: str = ""
    cycle: str = ""
    out: dict = field(default_factory=dict)
    acct_date: str = ""
    msgid: str = ""

    def as_answer(self) -> dict:
        """Return what goes through the control socket and into the books."""
        return dict(vars(self))


class CannotAsk(Exception):
    """The system may not ask now, so the request in hand cannot be sent."""

    def __init__(self, told: Told):
        super().__init__(told.text)
        self.told = told


def told_by(operation: Callable[[dict], Told]) -> Callable[[dict], dict]:
    """Make an operation a handler: it is timed, and refusals of its own are told."""
    def handle(op: dict) -> dict:
        begin = time.monotonic()
        try:
            told = operation(op)
        except NotCarried as error:
            told = Told("refused", INVALID, str(error))
        except CannotAsk as failed:
            told = failed.told
        return {**told.as_answer(), "ms": round((time.monotonic() - begin) * 1000)}
    return handle
