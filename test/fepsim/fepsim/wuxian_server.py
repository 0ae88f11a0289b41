"""Connections of wuxian: one request at a time, one each unless both keep it alive."""

import socket
import socketserver
import threading

from . import wuxian_http as http
from .manners import Manner, after
from .wuxian_desk import Desk
from .wuxian_xml import fault

IDLE_SECONDS = 60


class Connection(socketserver.BaseRequestHandler):
    """One connection, served by a thread of its own."""

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(self.server.idle_seconds)
        self.server.connections.add(self)

    def finish(self) -> None:
        self.server.connections.discard(self)

    def handle(self) -> None:
        """Read requests until either side wants to end it."""
        reader = http.Reader(lambda: self.request.recv(65536))
        try:
            while self._serve_one(reader):
                pass
        except (OSError, ValueError):
            return  # the peer has gone, or what it sends is not HTTP

    def _serve_one(self, reader: http.Reader) -> bool:
        """Serve one request; tell whether the connection stays."""
        message = reader.head()
        if message is None:
            return False
        status = self._status_of_head(message)
        if status == 200:
            try:
                reader.body_of_length(message)
            except http.TooLarge:
                status = 413
        if status != 200:
            self.send(http.answer(status))
            return False
        keep = message.says("connection", "keep-alive")
        exchange = _Exchange(self, keep)
        action = message.headers.get("soapaction", "").strip('"')
        self.server.desk.receive(message.body, action == http.ACTION.strip('"'), exchange)
        return exchange.wait()

    @staticmethod
    def _status_of_head(message: http.Message) -> int:
        parts = message.first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise http.BadMessage(message.first)
        if parts[1].partition("?")[0] != http.PATH:
            return 404
        if parts[0] != "POST":
            return 405
        if not message.headers.get("content-type", "").lower().startswith("text/xml"):
            return 415
        return 200 if "content-length" in message.headers else 411

    def send(self, data: bytes) -> None:
        """Send whole; a peer that has gone is no concern of the insurer's."""
        try:
            self.request.sendall(data)
        except OSError:
            pass

    def wait_until_gone(self) -> None:
        """Keep the connection, saying nothing, until the peer ends it."""
        try:
            while self.request.recv(65536):
                pass
        except OSError:
            pass

    def close(self) -> None:
        """End the connection from whatever thread."""
        try:
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class _Exchange:
    """One request on a connection; the answer may come from another thread."""

    def __init__(self, connection: Connection, keep: bool):
        self._connection = connection
        self._keep = keep
        self._silent = False
        self._done = threading.Event()

    def fault(self, text: str) -> None:
        self._connection.send(http.answer(500, fault(text), self._keep))
        self._done.set()

    def deliver(self, body: bytes, manner: Manner) -> None:
        """Send an answer the way it is meant to leave."""
        if manner is Manner.LATE:
            after(self._connection.server.late_seconds,
                  lambda: self.deliver(body, Manner.PLAIN))
            return
        data = http.answer(200, body, self._keep)
        if manner is Manner.HALF:
            self._connection.send(data[:len(data) // 2])
        elif manner is Manner.PLAIN:
            self._connection.send(data)
        self._silent = manner is Manner.SILENT
        self._keep = self._keep and manner is Manner.PLAIN
        self._done.set()

    def wait(self) -> bool:
        """Wait until the answer left or was withheld; tell whether to go on."""
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

    def __init__(self, address: tuple[str, int], desk: Desk, late_seconds: float,
                 idle_seconds: float = IDLE_SECONDS):
        self.desk = desk
        self.late_seconds = late_seconds
        self.idle_seconds = idle_seconds
        self.connections: set[Connection] = set()
        super().__init__(address, Connection)

    def start(self) -> "Server":
        """Begin to serve in a thread; return the server itself."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05},
                         name="wuxian", daemon=True).start()
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
