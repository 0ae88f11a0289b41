"""Connections of `dajizhong`: framing, heartbeats, the window, and how answers leave."""

import socket
import socketserver
import threading

from .djz_desk import Desk
from .djz_record import HEARTBEAT, LARGEST, LENGTH_SIZE, SMALLEST, frame
from .manners import Manner, after

IDLE_SECONDS = 180


class Connection(socketserver.BaseRequestHandler):
    """One connection.  It is read by its own thread; delayed answers come from others."""

    signed_on = False
    window = 1

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(self.server.idle_seconds)
        self._lock = threading.Lock()
        self._outstanding = 0
        self._closing = threading.Event()
        self.server.connections.add(self)

    def finish(self) -> None:
        self.server.connections.discard(self)

    def handle(self) -> None:
        """Read frames until the peer or a broken frame ends it."""
        while not self._closing.is_set():
            try:
                length = self._read(LENGTH_SIZE)
                if length == HEARTBEAT:
                    self._send(HEARTBEAT)
                    continue
                if not length.isdigit() or not SMALLEST <= int(length) <= LARGEST:
                    return
                record = self._read(int(length))
            except OSError:
                return
            with self._lock:
                self._outstanding += 1
            self.server.desk.receive(record, self)

    def _read(self, count: int) -> bytes:
        """Read exactly so many bytes; the end of the connection is an error."""
        data = bytearray()
        while len(data) < count:
            piece = self.request.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return bytes(data)

    def _send(self, data: bytes) -> None:
        """Send whole; a peer that has gone is no concern of the insurer's."""
        with self._lock:
            try:
                self.request.sendall(data)
            except OSError:
                self._closing.set()

    def over_window(self) -> bool:
        """Tell whether the peer has more requests outstanding than it was granted."""
        with self._lock:
            return self.signed_on and self._outstanding > self.window

    def deliver(self, record: bytes, manner: Manner) -> None:
        """Send an answer the way it is meant to leave."""
        if manner is Manner.LATE:
            after(self.server.desk.settings.late_seconds,
                  lambda: self.deliver(record, Manner.PLAIN))
            return
        with self._lock:
            self._outstanding -= 1
        data = frame(record)
        if manner is Manner.HALF:
            self._send(data[:len(data) // 2])
        elif manner in (Manner.PLAIN, Manner.LAST):
            self._send(data)
        if manner in (Manner.HALF, Manner.DROP, Manner.LAST):
            self.close()

    def close(self) -> None:
        """End the connection from whatever thread."""
        self._closing.set()
        try:
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    """Listens for the gateway."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], desk: Desk,
                 idle_seconds: float = IDLE_SECONDS):
        self.desk = desk
        self.idle_seconds = idle_seconds
        self.connections: set[Connection] = set()
        super().__init__(address, Connection)

    def start(self) -> "Server":
        """Begin to serve in a thread; return the server itself."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05},
                         name="dajizhong", daemon=True).start()
        return self

    def disconnect(self) -> int:
        """Close every connection, as a failing line would; return their number."""
        connections = list(self.connections)
        for connection in connections:
            connection.close()
        return len(connections)

    def close(self) -> None:
        """Stop listening and close every connection."""
        self.shutdown()
        self.server_close()
        self.disconnect()
