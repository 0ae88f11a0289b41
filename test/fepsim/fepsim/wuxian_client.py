"""Connections of a wuxian client: one for every request."""

import threading
import time

from . import wuxian_http as http
from .wire import NoAnswer, NotSent, Wire

CONNECT_SECONDS = 3


class WuxianClient:
    """Sends requests to one wuxian server."""

    def __init__(self, address: tuple[str, int], connect_seconds: float = CONNECT_SECONDS):
        self.address = address
        self._connect_seconds = connect_seconds
        self._lock = threading.Lock()
        self._busy: set[Wire] = set()
        self._closed = False

    @property
    def host(self) -> str:
        """Return what a request names as its host."""
        return f"{self.address[0]}:{self.address[1]}"

    def exchange(self, message: bytes, seconds: float) -> http.Message:
        """Send one message and return the whole answer, within so many seconds.

        Raises NotSent or NoAnswer; a part of an answer is none.
        """
        deadline = time.monotonic() + seconds
        wire = Wire(self.address, min(deadline, time.monotonic() + self._connect_seconds))
        try:
            with self._lock:
                if self._closed:
                    raise NotSent("this client is closed")
                self._busy.add(wire)
            wire.send(message, deadline)
            return self._answer(wire, deadline)
        except (OSError, ValueError) as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        finally:
            with self._lock:
                self._busy.discard(wire)
            wire.close()

    @staticmethod
    def _answer(wire: Wire, deadline: float) -> http.Message:
        reader = http.Reader(lambda: wire.receive(deadline))
        answer = reader.head()
        if answer is None:
            raise NoAnswer("closed without an answer")
        reader.body_of_answer(answer)
        return answer

    def close(self) -> None:
        """End everything; whoever waits for an answer gets NoAnswer."""
        with self._lock:
            self._closed = True
            busy = list(self._busy)
        for wire in busy:
            wire.break_off()
