"""Servers whose connections carry one request at a time, each served by its own thread."""

import socket
import socketserver
import threading
from collections.abc import Callable

from .manners import Manner, after


class Connection(socketserver.BaseRequestHandler):
    """One connection; a protocol says how a request is read and served."""

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(self.server.idle_seconds)
        self.server.connections.add(self)

    def finish(self) -> None:
        self.server.connections.discard(self)

    def receive(self) -> bytes:
        """Return the next bytes; b"" is the end."""
        return self.request.recv(65536)

    def send(self, data: bytes) -> None:
        """Send whole; a peer that has gone is no concern of the insurer's."""
        try:
            self.request.sendall(data)
        except OSError:
            pass

    def wait_until_gone(self) -> None:
        """Keep the connection, saying nothing, until the peer ends it."""
        try:
            while self.receive():
                pass
        except OSError:
            pass

    def close(self) -> None:
        """End the connection from whatever thread."""
        try:
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Exchange:
    """One request on a connection; the answer may come from another thread."""

    def __init__(self, connection: Connection, wrap: Callable[[bytes], bytes],
                 keep: bool = True):
        self._connection = connection
        self._wrap = wrap
        self._keep = keep
        self._silent = False
        self._done = threading.Event()

    def deliver(self, body: bytes, manner: Manner) -> None:
        """Send an answer the way it is meant to leave."""
        if manner is Manner.LATE:
            after(self._connection.server.late_seconds,
                  lambda: self.deliver(body, Manner.PLAIN))
            return
        self._silent = manner is Manner.SILENT
        self._keep = self._keep and manner is Manner.PLAIN
        if manner in (Manner.PLAIN, Manner.LAST, Manner.HALF):
            data = self._wrap(body)
            self._connection.send(data[:len(data) // 2] if manner is Manner.HALF else data)
        self._done.set()

    def wait(self) -> bool:
        """Wait until the answer left or was withheld; tell whether the connection stays."""
        self._done.wait()
        if self._silent:
            self._connection.wait_until_gone()
        return self._keep


class Server(socketserver.ThreadingTCPServer):
    """Listens for the gateway."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[Connection], desk,
                 late_seconds: float, idle_seconds: float):
        self.desk = desk
        self.late_seconds = late_seconds
        self.idle_seconds = idle_seconds
        self.connections: set[Connection] = set()
        super().__init__(address, handler)

    def start(self) -> "Server":
        """Begin to serve in a thread; return the server itself."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05},
                         name="server", daemon=True).start()
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
