"""Sends one request of an asking system and says how it ended.

The order is fixed: write the request down, send it, judge the answer, write
the conclusion down, tell. Everything that talks to the gateway goes through
here, so nothing leaves that the books do not know.
"""

from .asking import Told
from .asking_books import AskingBooks
from .wire import NoAnswer, NotSent


class AskingDesk:
    """The one place from which requests leave; what travels is the protocol's business."""

    def __init__(self, books: AskingBooks, scale: float = 1.0):
        self.books = books
        self.scale = scale

    def exchange(self, entry: dict, fresh: bool) -> Told:
        """Send what the books hold of a request and judge the answer.

        `fresh` wants a connection for this request alone. Raises NotSent or NoAnswer.
        """
        raise NotImplementedError

    def dispatch(self, serial: str, message: bytes, posts: bool, **facts) -> Told:
        """Send a request that is not in the books yet."""
        self.books.request(serial, message, posts, **facts)
        told = self._outcome(self.books.find(serial))
        self._conclude(told)
        return told

    def repeat(self, serial: str) -> Told:
        """Send the very same bytes again on a connection of their own.

        The books take the outcome for the request's own only if the request
        was not posted before; anything else has been decided already.
        """
        entry = self.books.find(serial)
        last = self.books.conclusion(serial)
        may_post = last is not None and last["told"] in ("refused", "not_sent")
        if may_post:
            facts = {k: v for k, v in entry.items()
                     if k not in ("kind", "serial", "msgid", "at", "line", "posts")}
            self.books.request(serial, bytes.fromhex(entry["line"]), entry["posts"], **facts)
        told = self._outcome(entry, fresh=True)
        if may_post:
            self._conclude(told)
        else:
            self.books.repeat(serial, told.as_answer())
        return told

    def _outcome(self, entry: dict, fresh: bool = False) -> Told:
        try:
            told = self.exchange(entry, fresh)
        except NotSent as error:
            told = Told("not_sent", error.code, str(error))
        except NoAnswer as error:
            told = Told("unknown", 0, str(error))
        told.serial = entry["serial"]
        told.msgid = entry["msgid"]
        return told

    def _conclude(self, told: Told) -> None:
        answer = told.as_answer()
        self.books.conclude(answer.pop("serial"), answer.pop("told"), **answer)
