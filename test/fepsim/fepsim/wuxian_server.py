"""Connections of wuxian: one request each, or more where both sides keep it alive."""

from . import wuxian_http as http
from .manners import Manner
from .one_by_one import Connection, Exchange, Server
from .wuxian_desk import Desk
from .wuxian_xml import fault

IDLE_SECONDS = 60


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
        """Serve one request; tell whether the connection stays."""
        message = reader.head()
        if message is None:
            return False
        status = _status_of_head(message)
        if status == 200:
            try:
                reader.body_of_length(message)
            except http.TooLarge:
                status = 413
        if status != 200:
            self.send(http.answer(status))
            return False
        keep = message.says("connection", "keep-alive")
        exchange = _HttpExchange(self, keep)
        action = message.headers.get("soapaction", "").strip('"')
        self.server.desk.receive(message.body, action == http.ACTION.strip('"'), exchange)
        return exchange.wait()


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


class _HttpExchange(Exchange):
    """One request and its answer, which may be a Fault."""

    def __init__(self, connection: Connection, keep: bool):
        super().__init__(connection, lambda body: http.answer(self._status, body, keep), keep)
        self._status = 200

    def fault(self, text: str) -> None:
        """Answer that the request cannot be read."""
        self._status = 500
        self.deliver(fault(text), Manner.PLAIN)


def serve(address: tuple[str, int], desk: Desk, late_seconds: float,
          idle_seconds: float) -> Server:
    """Make a server of wuxian."""
    return Server(address, HttpConnection, desk, late_seconds, idle_seconds)
