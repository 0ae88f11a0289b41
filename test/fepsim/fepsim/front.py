"""What the hospitals and ladders of an asking system need of its protocol.

Operations are those of `operations`; what is wanted is in national vocabulary,
amounts in fen. A front turns it into its own request and its answers back into
names all systems share.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from .asking import Told


@dataclass
class Finding:
    """What an inquiry brought: nothing certain, or how the original stands.

    `state` is one of the insurer's words (unknown, posted, refused, in progress,
    reversed, cancelled), or empty when the inquiry itself was not answered.
    """

    state: str = ""
    original: Told | None = None
    by: str = ""


class Front(Protocol):
    """One protocol, as seen by what is the same in all of them."""

    codes: dict[str, str]

    def compose(self, operation: str, wanted: dict, rows: list) -> Any:
        """Turn a request into the protocol's own; NotCarried if it cannot be said."""

    def send(self, operation: str, institution: str, area: str, composed: Any,
             **facts) -> Told:
        """Send what was composed."""

    def national_person(self, out: dict) -> dict:
        """Return the coded fields of a person answer in national codes."""

    def reversal_of(self, request: dict) -> Told:
        """Send one reversal of a request, with a serial of its own."""

    def find_posting(self, request: dict) -> dict:
        """Find what the gateway has of a settlement whose answer was lost; {} if nothing."""

    def totals(self, institution: str, day: str) -> Told:
        """Reconcile a day; `own` shows what this side sent."""

    def day(self, institution: str, day: str) -> Told:
        """Fetch all postings of a day as the gateway knows them."""

    def echo(self, institution: str) -> Told:
        """See whether the gateway is there."""

    def filing(self, institution: str, op: dict) -> Told:
        """Ask for a person's filings."""

    def catalogue(self, institution: str, op: dict) -> Told:
        """Fetch the catalogue of one kind of item."""

    def raw(self, data: bytes, seconds: float) -> tuple[bytes, str]:
        """Send any bytes on a connection of their own; return the answer and as text."""


class AskingFront(Front, Protocol):
    """A protocol in which an outcome can be asked for."""

    def inquire(self, request: dict) -> Finding:
        """Ask what became of a request."""
