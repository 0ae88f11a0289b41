"""The local system "desk", for which module.c is written:  desk.py PORT BOOK"""

import pathlib
import socketserver
import sys


class Desk(socketserver.StreamRequestHandler):
    """One request a connection; what was posted stands in BOOK."""

    def handle(self) -> None:
        line = self.rfile.readline().decode("utf-8", "replace")
        if not line.endswith("\n"):
            return  # half a request is none
        verb, serial, *rest = line.rstrip("\n").split(" ", 3)
        self.wfile.write(getattr(self, verb.lower(), self.unheard)(serial, *rest).encode() + b"\n")

    def unheard(self, *_rest: str) -> str:
        """No such verb."""
        return "NO 1002 no such verb"

    def post(self, serial: str, _infno: str, body: str) -> str:
        """Post once; the same again has the same answer."""
        state = self.server.book.setdefault(serial, '{"infcode":0,"output":{"of":"' + serial + '","request":' + body + "}}")
        if state == "undone":
            return "NO 2504 taken back"
        with self.server.path.open("a", encoding="utf-8") as book:
            book.write(f"{serial}\n")
        return f"OK {state}"

    def state(self, serial: str) -> str:
        """What became of it?"""
        state = self.server.book.get(serial)
        return "NOTHING" if state is None else "UNDONE" if state == "undone" else f"POSTED {state}"

    def undo(self, serial: str) -> str:
        """Take it back, or block it for ever."""
        known = self.server.book.get(serial)
        self.server.book[serial] = "undone"
        return "UNDONE" if known else "NEVER"


class Server(socketserver.ThreadingTCPServer):
    """The listener."""

    allow_reuse_address = daemon_threads = True


with Server(("127.0.0.1", int(sys.argv[1])), Desk) as server:
    server.book, server.path = {}, pathlib.Path(sys.argv[2])
    server.serve_forever()
