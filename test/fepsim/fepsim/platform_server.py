"""Connections of the platform: HTTP or HTTPS, kept alive, one request at a time."""

import ssl

from . import wuxian_http as http
from .one_by_one import Connection, Exchange, Server
from .platform_desk import Desk
from .platform_files import Form

IDLE_SECONDS = 60
MOST_BODY = 8 << 20


class HttpConnection(Connection):
    """One connection."""

    def handle(self) -> None:
        """Read requests until either side wants to end it."""
        reader = http.Reader(self.receive)
        try:
            while self._serve_one(reader):
                pass
        except (OSError, ValueError):
            return  # the peer has gone, or what it sends is not HTTP

    def _serve_one(self, reader: http.Reader) -> bool:
        message = reader.head()
        if message is None:
            return False
        parts = message.first.split(" ")
        path = parts[1].partition("?")[0]
        status = 404 if not self.server.desk.has_path(path) else 405 if parts[0] != "POST" else 200
        if status == 200 and not message.headers.get("content-length", "").isdigit():
            status = 411
        if status != 200:
            self.send(answer(status, b"", "text/plain", False))
            return False
        reader.body_of_length(message)
        self.server.desk.headers = dict(message.headers)
        if not self.server.desk.is_signed(message.headers, message.body):
            self.send(answer(401, b'{"code":"401"}', "application/json", False))
            return False
        try:
            envelope = self._without_file(message)
        except ValueError:
            self.send(answer(400, b"", "text/plain", False))
            return False
        keep = message.headers.get("connection", "").lower() != "close"
        exchange = PlatformExchange(self, keep)
        self.server.desk.receive(envelope, exchange, path)
        return exchange.wait()

    def _without_file(self, message: http.Message) -> bytes:
        """Return the message of a form, whose file the desk is given; or the body as it is."""
        content_type = message.headers.get("content-type", "")
        self.server.desk.files.came = None
        if not content_type.startswith("multipart/"):
            return message.body
        form = Form(content_type, message.body)
        self.server.desk.files.came = form["file"]
        return form["jsonStr"]


def answer(status: int, body: bytes, content_type: str, keep: bool) -> bytes:
    """Return an HTTP answer."""
    head = (f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n")
    return head.encode() + body


class PlatformExchange(Exchange):
    """One request; the desk may choose another status and content type than usual."""

    def __init__(self, connection: Connection, keep: bool):
        super().__init__(connection, lambda body: answer(self.status, body, self.content_type, keep) * self.times, keep)
        self.status, self.content_type, self.times = 200, "application/json;charset=utf-8", 1


class TlsServer(Server):
    """A server whose connections are TLS; the handshake is made in the connection's own thread."""

    context: ssl.SSLContext | None = None

    def finish_request(self, request, client_address) -> None:
        """Wrap the socket first."""
        if self.context is not None:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)


def serve(address: tuple[str, int], desk: Desk, late_seconds: float, idle_seconds: float,
          files: tuple[str | None, str | None, str | None]) -> Server:
    """Make a server of the platform."""
    certificate, key, client_ca = files
    server = TlsServer(address, HttpConnection, desk, late_seconds, idle_seconds)
    if certificate:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate, key)
        if client_ca:
            server.context.load_verify_locations(client_ca)
            server.context.verify_mode = ssl.CERT_REQUIRED
    return server
