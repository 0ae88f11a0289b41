"""HTTP/1.1 as wuxian uses it, for both sides: one message read whole or not at all."""

from collections.abc import Callable
from dataclasses import dataclass

from .wuxian_xml import LARGEST_BODY

PATH = "/services/YdjyService"
CONTENT_TYPE = "text/xml; charset=GBK"
ACTION = '"urn:wuxian:ydjy#business"'
LONGEST_HEAD = 16384

_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 411: "Length Required",
            413: "Content Too Large", 415: "Unsupported Media Type",
            500: "Internal Server Error", 503: "Service Unavailable"}


class BadMessage(ValueError):
    """What came is not an HTTP message of the kind expected."""


class TooLarge(BadMessage):
    """The body is beyond the limit."""


@dataclass
class Message:
    """The first line, the headers by lower-case name, and the body."""

    first: str
    headers: dict[str, str]
    body: bytes = b""
    raw: bytes = b""

    def says(self, name: str, word: str) -> bool:
        """Tell whether a header holds a word, whatever its case."""
        words = self.headers.get(name, "").lower().split(",")
        return word in [part.strip() for part in words]

    @property
    def status(self) -> int:
        """Return the status of an answer."""
        parts = self.first.split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdecimal():
            raise BadMessage(f"status line {self.first!r}")
        return int(parts[1])


class Reader:
    """Reads messages from what `receive` returns piece by piece; b"" is the end."""

    def __init__(self, receive: Callable[[], bytes]):
        self._receive = receive
        self._data = b""
        self._taken = b""

    def head(self) -> Message | None:
        """Read a first line and headers; None if the peer closed before any byte."""
        self._taken = b""
        while b"\r\n\r\n" not in self._data:
            if len(self._data) > LONGEST_HEAD:
                raise BadMessage("the head is too long")
            if not self._more():
                if self._data:
                    raise BadMessage("closed inside the head")
                return None
        lines = self._take(self._data.index(b"\r\n\r\n") + 4).decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:-2]:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadMessage(f"header {line!r}")
            headers[name.strip().lower()] = value.strip()
        return Message(lines[0], headers, raw=self._taken)

    def body_of_length(self, message: Message) -> None:
        """Read a body whose length is declared."""
        length = message.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            raise BadMessage(f"Content-Length {length!r}")
        if int(length) > LARGEST_BODY:
            raise TooLarge(length)
        message.body = self._exactly(int(length))
        message.raw = self._taken

    def body_of_answer(self, message: Message) -> None:
        """Read a body of declared length, in chunks, or up to the end of the connection."""
        if message.says("transfer-encoding", "chunked"):
            message.body = self._chunks()
        elif "content-length" in message.headers:
            self.body_of_length(message)
        else:
            while self._more():
                if len(self._data) > LARGEST_BODY:
                    raise TooLarge("body")
            message.body = self._take(len(self._data))
        message.raw = self._taken

    def _chunks(self) -> bytes:
        body = b""
        while True:
            size = int(self._line().partition(";")[0].strip() or "x", 16)
            if size < 0 or len(body) + size > LARGEST_BODY:
                raise TooLarge("chunks")
            if size == 0:
                break
            body += self._exactly(size)
            if self._exactly(2) != b"\r\n":
                raise BadMessage("a chunk without its end")
        while self._line():
            pass  # trailers say nothing to us
        return body

    def _line(self) -> str:
        while b"\r\n" not in self._data:
            if len(self._data) > LONGEST_HEAD or not self._more():
                raise BadMessage("a line without its end")
        return self._take(self._data.index(b"\r\n") + 2)[:-2].decode("latin-1")

    def _exactly(self, count: int) -> bytes:
        while len(self._data) < count:
            if not self._more():
                raise BadMessage(f"closed after {len(self._data)} of {count} bytes")
        return self._take(count)

    def _take(self, count: int) -> bytes:
        piece, self._data = self._data[:count], self._data[count:]
        self._taken += piece
        return piece

    def _more(self) -> bool:
        piece = self._receive()
        self._data += piece
        return bool(piece)


def request(host: str, body: bytes) -> bytes:
    """Write a request, its headers exactly as all clients send them."""
    head = (f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {CONTENT_TYPE}\r\n"
            f"SOAPAction: {ACTION}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n")
    return head.encode("ascii") + body


def answer(status: int, body: bytes = b"", keep: bool = False) -> bytes:
    """Write an answer."""
    head = (f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n")
    return head.encode("ascii") + body
