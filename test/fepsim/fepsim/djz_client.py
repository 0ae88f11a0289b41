"""The connection of a dajizhong client: signed on, many requests at once, answers in any order.

An answer belongs to the request whose serial it carries. A connection that
brings something else than whole, sealed records is given up, and with it
everything that waits on it.
"""

import select
import threading
import time
from collections.abc import Callable

from .djz_copybook import HEADER
from .djz_record import HEARTBEAT, LARGEST, LENGTH_SIZE, SMALLEST, frame, mac_of, read_header
from .wire import NoAnswer, NotSent, Wire

CONNECT_SECONDS = 3
HEARTBEAT_SECONDS = 60
SILENCE_SECONDS = 180
MOST_WINDOW = 16

_SERIAL = HEADER["H-SERIAL"]


def serial_of(record: bytes) -> str:
    """Return the serial that a record carries."""
    return record[_SERIAL.offset:_SERIAL.offset + _SERIAL.size].decode("ascii", "replace").rstrip()


class _Waiter:
    """A request on the way; its answer is a record, or the reason why there is none."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.record: bytes | None = None
        self.trouble = "time-out"


class Connection:
    """One connection with a thread that reads it."""

    def __init__(self, address: tuple[str, int], deadline: float, heartbeat: float):
        self._wire = Wire(address, deadline)
        self._heartbeat = heartbeat
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiter] = {}
        self._beats: list[_Waiter] = []
        self._moved = time.monotonic()
        self._window = threading.BoundedSemaphore(1)
        self.dead = False
        threading.Thread(target=self._read, name="dajizhong client", daemon=True).start()

    def open_window(self, size: int) -> None:
        """Let so many requests be outstanding from now on."""
        self._window = threading.BoundedSemaphore(max(1, min(size, MOST_WINDOW)))

    def is_alive(self) -> bool:
        """Tell whether a request may be put on it."""
        if self.dead:
            return False
        ended = select.poll()
        try:
            ended.register(self._wire.socket, select.POLLRDHUP)
        except ValueError:
            return False  # closed on this side
        return not ended.poll(0)

    def exchange(self, record: bytes, seconds: float) -> bytes:
        """Send a record and wait for the answer with its serial."""
        deadline = time.monotonic() + seconds
        window = self._window
        if not window.acquire(timeout=max(0.0, seconds)):
            raise NotSent("the window is full")
        try:
            waiter, serial = _Waiter(), serial_of(record)
            with self._lock:
                if self.dead or serial in self._waiting:
                    raise NotSent("not on this connection")
                self._waiting[serial] = waiter
            try:
                self._send(frame(record), deadline)
                return self._wait(waiter, deadline)
            finally:
                with self._lock:
                    self._waiting.pop(serial, None)
        finally:
            window.release()

    def beat(self, seconds: float) -> None:
        """Send a heartbeat and wait for its answer."""
        waiter = _Waiter()
        with self._lock:
            self._beats.append(waiter)
        deadline = time.monotonic() + seconds
        self._send(HEARTBEAT, deadline)
        self._wait(waiter, deadline)

    @staticmethod
    def _wait(waiter: _Waiter, deadline: float) -> bytes:
        waiter.arrived.wait(max(0.0, deadline - time.monotonic()))
        if waiter.record is None:
            raise NoAnswer(waiter.trouble)
        return waiter.record

    def _send(self, data: bytes, deadline: float) -> None:
        with self._lock:
            try:
                self._wire.send(data, deadline)
            except OSError as error:
                raise NoAnswer(str(error)) from error
            self._moved = time.monotonic()

    # ---- reading -------------------------------------------------------------

    def _read(self) -> None:
        """Read records until the connection ends; then nothing is left to wait for."""
        trouble = "closed"
        try:
            while True:
                length = self._exactly(LENGTH_SIZE)
                if length == HEARTBEAT:
                    self._answer(HEARTBEAT, self._beats.pop(0) if self._beats else None)
                    continue
                if not length.isdigit() or not SMALLEST <= int(length) <= LARGEST:
                    raise ValueError(f"length {length!r}")
                record = self._exactly(int(length))
                if read_header(record).header["H-MAC"] != mac_of(record):
                    raise ValueError("H-MAC")
                with self._lock:
                    waiter = self._waiting.get(serial_of(record))
                self._answer(record, waiter)
        except Exception as error:  # whatever it was, this connection is over
            trouble = str(error) or type(error).__name__
        self._give_up(trouble)

    @staticmethod
    def _answer(record: bytes, waiter: _Waiter | None) -> None:
        """Hand a record to who waits for it; nobody does after a time-out."""
        if waiter:
            waiter.record = record
            waiter.arrived.set()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            while not select.select([self._wire.socket], [], [], self._heartbeat)[0]:
                self._keep_alive()
            piece = self._wire.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError(f"closed after {len(data)} bytes")
            data += piece
            self._moved = time.monotonic()
        return data

    def _keep_alive(self) -> None:
        """Break a silence; too long a one ends the connection."""
        silence = time.monotonic() - self._moved
        if silence > SILENCE_SECONDS:
            raise ConnectionError("silence")
        if silence >= self._heartbeat:
            with self._lock:
                self._wire.send(HEARTBEAT, time.monotonic() + self._heartbeat)

    def _give_up(self, trouble: str) -> None:
        with self._lock:
            self.dead = True
            waiting = [*self._waiting.values(), *self._beats]
        for waiter in waiting:
            waiter.trouble = trouble
            waiter.arrived.set()
        self._wire.close()

    def close(self) -> None:
        """End it; the thread that reads it tells whoever waits."""
        self._wire.break_off()


class DjzClient:
    """Keeps one connection signed on, and opens another when it is gone."""

    def __init__(self, address: tuple[str, int],
                 sign_on: Callable[[Connection], None],
                 heartbeat: float = HEARTBEAT_SECONDS):
        self._address = address
        self._sign_on = sign_on
        self._heartbeat = heartbeat
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False

    def exchange(self, record: bytes, seconds: float, fresh: bool = False) -> bytes:
        """Send a record and return its answer, within so many seconds.

        `fresh` signs on a connection for this request alone. Raises NotSent or NoAnswer.
        """
        deadline = time.monotonic() + seconds
        connection = self._open(deadline) if fresh else self.connection(deadline)
        try:
            return connection.exchange(record, deadline - time.monotonic())
        finally:
            if fresh:
                connection.close()

    def connection(self, deadline: float) -> Connection:
        """Return the connection in use, or sign on a new one."""
        with self._lock:
            if self._connection is None or not self._connection.is_alive():
                self._drop()
                self._connection = self._open(deadline)
            return self._connection

    def sign_on_again(self, seconds: float) -> None:
        """Give the connection up and sign on another."""
        with self._lock:
            self._drop()
            self._connection = self._open(time.monotonic() + seconds)

    def raw(self, data: bytes, seconds: float) -> bytes:
        """Send any bytes on a connection that is not signed on; return one frame."""
        deadline = time.monotonic() + seconds
        wire = Wire(self._address, min(deadline, time.monotonic() + CONNECT_SECONDS))
        try:
            wire.send(data, deadline)
            answer = b""
            while len(answer) < LENGTH_SIZE or len(answer) < LENGTH_SIZE + int(answer[:6]):
                piece = wire.receive(deadline)
                if not piece:
                    raise NoAnswer(f"closed after {len(answer)} bytes")
                answer += piece
            return answer
        except (OSError, ValueError) as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        finally:
            wire.close()

    def drop(self) -> None:
        """Forget the connection; the next request signs on a new one."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self, deadline: float) -> Connection:
        if self._closed:
            raise NotSent("this client is closed")
        connect_by = min(deadline, time.monotonic() + CONNECT_SECONDS)
        connection = Connection(self._address, connect_by, self._heartbeat)
        try:
            self._sign_on(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """End everything; whoever waits for an answer gets NoAnswer."""
        self._closed = True
        connection = self._connection
        if connection is not None:
            connection.close()
