"""Connections of a danxian client: one request at a time on each, at most 8.

An answer carries nothing that says which request it belongs to. So a
connection on which anything went wrong is closed and never read again: the
answer that might still come would be taken for the answer to the next request.
"""

import select
import threading
import time

from .caret_record import LINE_END, LONGEST_LINE
from .wire import NoAnswer, NotSent, Wire

MOST_CONNECTIONS = 8
CONNECT_SECONDS = 3
IDLE_SECONDS = 240
"""Below the 300 s after which the server hangs up on an idle client."""


class _Connection(Wire):
    """One socket on which request and answer take turns."""

    def __init__(self, address: tuple[str, int], deadline: float):
        super().__init__(address, deadline)
        self.used_at = time.monotonic()

    def is_fresh(self) -> bool:
        """Tell whether it is still open, and the server sent nothing it was not asked for."""
        if time.monotonic() - self.used_at > IDLE_SECONDS:
            return False
        return not select.select([self.socket], [], [], 0)[0]

    def exchange(self, line: bytes, deadline: float) -> tuple[bytes, bool]:
        """Send a line and read the answer line; NoAnswer when it fails midway."""
        try:
            self.send(line, deadline)
            answer = self._receive_line(deadline)
        except OSError as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        self.used_at = time.monotonic()
        return answer

    def _receive_line(self, deadline: float) -> tuple[bytes, bool]:
        """Return the answer's line, and whether bytes followed that nobody asked for."""
        data = b""
        while True:
            end = data.find(LINE_END)
            if 0 <= end <= LONGEST_LINE - len(LINE_END):
                return data[:end + len(LINE_END)], end + len(LINE_END) < len(data)
            if len(data) >= LONGEST_LINE:
                raise NoAnswer("the answer is too long for a line")
            piece = self.receive(deadline)
            if not piece:
                raise NoAnswer(f"closed after {len(data)} bytes of the answer")
            data += piece


class CaretClient:
    """A bounded pool of connections to one danxian server."""

    def __init__(self, address: tuple[str, int], connect_seconds: float = CONNECT_SECONDS):
        self._address = address
        self._connect_seconds = connect_seconds
        self._slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._closed = False

    def exchange(self, line: bytes, seconds: float, fresh: bool = False) -> bytes:
        """Send one line and return the answer's line, within so many seconds.

        `fresh` opens a connection for this request alone. Raises NotSent or
        NoAnswer; after either the connection is gone.
        """
        deadline = time.monotonic() + seconds
        if not self._slots.acquire(timeout=seconds):
            raise NotSent("all connections are busy")
        try:
            connection = self._connection(deadline, fresh)
            try:
                answer, more = connection.exchange(line, deadline)
            except Exception:
                self._done(connection, keep=False)
                raise
            self._done(connection, keep=not more and not fresh)
            return answer
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close everything; whoever waits for an answer gets NoAnswer."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for connection in idle:
            connection.close()
        for connection in busy:
            connection.break_off()

    def _connection(self, deadline: float, fresh: bool) -> _Connection:
        """Take an idle connection or open one."""
        connection = self._take_idle()
        if fresh and connection is not None:
            connection.close()
            connection = None
        if connection is None:
            connect_by = min(deadline, time.monotonic() + self._connect_seconds)
            connection = _Connection(self._address, connect_by)
        with self._lock:
            if self._closed:
                connection.close()
                raise NotSent("this client is closed")
            self._busy.add(connection)
        return connection

    def _take_idle(self) -> _Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.close()

    def _done(self, connection: _Connection, keep: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            keep = keep and not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
