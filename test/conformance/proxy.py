"""The other side's bad manners, for any protocol over TCP: everything passes through here, and what a case asks for is
done to the next answer (or request) that passes."""

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Callable

Change = Callable[[bytes], bytes]
CHUNK = 65536
GIVE_UP_S = 30.0  # a write that nobody reads


class _Pair:
    """One connection from the asking side, and its other half to the answering side."""

    def __init__(self, asking: socket.socket, answering: socket.socket):
        self.asking, self.answering = asking, answering
        self.late: list[bytes] = []
        self.ended = False  # the answering side has closed; what is late is still to come
        for end in (asking, answering):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(GIVE_UP_S)

    def close(self, reset: bool = False) -> None:
        """Close both halves; with `reset` the asking side sees a reset."""
        for end in (self.asking, self.answering):
            with contextlib.suppress(OSError):
                if reset and end is self.asking:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Listens for the asking side and connects to the answering side for it.

    `plan` names what happens next: "" passes; for an answer "hold" keeps it until `release`, "half" passes half and
    closes, "twice" passes it two times, "change" passes what `change` makes of it; for a request "reset" passes it and
    resets, "part" passes half of it and no more, "cut" passes half and closes, "alter" passes what `change` makes of it.
    Each is done once; "hold" until `release`."""

    def __init__(self, port: int, target: int):
        self.port, self.target = port, target
        self.plan, self.change = "", bytes
        self.requests = self.answers = self.done = 0
        self._pairs: list[_Pair] = []
        self._lock = threading.RLock()
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Begin to listen."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and end every connection: the other side is dead."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """End every connection."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.close()

    def next(self, plan: str, change: Change = bytes) -> None:
        """Say what is to be done to what comes next."""
        with self._lock:
            self.plan, self.change, self.done = plan, change, 0

    def release(self) -> None:
        """Let pass what was held, and all that follows."""
        with self._lock:
            self.plan = ""
            for pair in list(self._pairs):
                late, pair.late = b"".join(pair.late), []
                if late:
                    with contextlib.suppress(OSError):
                        pair.asking.sendall(late)
                if pair.ended:
                    pair.close()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                asking, _ = listener.accept()
            except OSError:
                return
            try:
                answering = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                asking.close()
                continue
            pair = _Pair(asking, answering)
            with self._lock:
                self._pairs.append(pair)
            threading.Thread(target=self._serve, args=(pair,), daemon=True).start()

    def _serve(self, pair: _Pair) -> None:
        try:
            with selectors.DefaultSelector() as watch:
                watch.register(pair.asking, selectors.EVENT_READ)
                watch.register(pair.answering, selectors.EVENT_READ)
                while all(self._pass(pair, key.fileobj, watch) for key, _ in watch.select()):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            pair.close()
            with self._lock, contextlib.suppress(ValueError):
                self._pairs.remove(pair)

    def _pass(self, pair: _Pair, end: socket.socket, watch: selectors.BaseSelector) -> bool:
        data = end.recv(CHUNK)
        with self._lock:
            if not data and end is pair.answering and pair.late:
                watch.unregister(end)
                pair.ended = True
                return True
            if not data:
                return False
            return self._request(pair, data) if end is pair.asking else self._answer(pair, data)

    def _spend(self) -> None:
        self.plan = ""
        self.done += 1

    def _request(self, pair: _Pair, data: bytes) -> bool:
        self.requests += 1
        plan = self.plan
        if plan == "alter":
            data = self.change(data)
        if plan in ("part", "cut"):
            data = data[:len(data) // 2]
        pair.answering.sendall(data)
        if plan in ("reset", "part", "cut", "alter"):
            self._spend()
        if plan == "reset":
            pair.close(reset=True)
        return plan not in ("reset", "cut")

    def _answer(self, pair: _Pair, data: bytes) -> bool:
        self.answers += 1
        if self.plan == "hold":
            pair.late.append(data)
            return True
        plan = self.plan
        if plan == "half":
            data = data[:len(data) // 2]
        elif plan == "twice":
            data += data
        elif plan == "change":
            data = self.change(data)
        if plan in ("half", "twice", "change"):
            self._spend()
        pair.asking.sendall(data)
        return plan != "half"
