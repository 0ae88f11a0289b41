"""Connections of an asked danxian: a line, its answer, the next line."""

from .caret_asked_desk import Desk, refused_unread
from .caret_record import LINE_END, LONGEST_LINE
from .one_by_one import Connection, Exchange, Server

IDLE_SECONDS = 300


class LineConnection(Connection):
    """One connection."""

    def handle(self) -> None:
        """Read lines until the peer ends it or a line is too long."""
        data = b""
        try:
            while True:
                end = data.find(LINE_END)
                if end + len(LINE_END) > LONGEST_LINE or end < 0 and len(data) >= LONGEST_LINE:
                    self.send(refused_unread("报文过长"))
                    return
                if end < 0:
                    piece = self.receive()
                    if not piece:
                        return
                    data += piece
                    continue
                line, data = data[:end + len(LINE_END)], data[end + len(LINE_END):]
                exchange = Exchange(self, bytes)
                self.server.desk.receive(line, exchange)
                if not exchange.wait():
                    return
        except OSError:
            return  # the peer has gone


def serve(address: tuple[str, int], desk: Desk, late_seconds: float,
          idle_seconds: float) -> Server:
    """Make a server of danxian."""
    return Server(address, LineConnection, desk, late_seconds, idle_seconds)
