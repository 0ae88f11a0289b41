"""The COBOL dajizhong on a socket: frames, heartbeats and H-MAC are done here, everything else by `dajizhong.cob`.

Run as: peer.py --program PROGRAM --listen HOST:PORT --control SOCKET --book DIRECTORY --region 450900 --password secret.
Every connection has a thread; the COBOL program takes one record at a time. The control socket knows `ping` and `books`.
"""

import argparse
import os
import pathlib
import socket
import socketserver
import subprocess
import sys
import threading
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "fepsim"))

from fepsim.asked_system import until_told_to_stop  # noqa: E402
from fepsim.control import ControlServer  # noqa: E402

LENGTH_DIGITS, SMALLEST, LARGEST = 6, 256, 262_144
HEARTBEAT = b"000000"
MAC = slice(231, 239)
IDLE_SECONDS = 180
STATES = {"1": "posted", "4": "reversed", "5": "cancelled"}


def mac_of(record: bytes) -> bytes:
    """Return H-MAC: CRC-32 over the record with H-MAC itself as zeros."""
    return b"%08X" % zlib.crc32(record[:MAC.start] + b"0" * 8 + record[MAC.stop:])


def seal(record: bytes) -> bytes:
    """Return the record with its H-MAC filled in."""
    return record[:MAC.start] + mac_of(record) + record[MAC.stop:]


class Cobol:
    """The program behind a pipe; one request at a time."""

    def __init__(self, program: str, book: str, region: str, password: str):
        self._lock = threading.Lock()
        environment = {**os.environ, "DJZ_BOOK": book, "DJZ_REGION": region, "DJZ_PASSWORD": password, "TZ": "CST-8"}
        self._process = subprocess.Popen([program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _ask(self, head: bytes, record: bytes) -> tuple[str, bool, bytes]:
        with self._lock:
            self._process.stdin.write(head + b"%06d" % len(record) + record)
            self._process.stdin.flush()
            answer = self._process.stdout.read(8)
            if len(answer) < 8:
                raise ConnectionError("the COBOL program has ended")
            return chr(answer[0]), answer[1:2] == b"Y", self._process.stdout.read(int(answer[2:]))

    def serve(self, record: bytes, signed_on: bool) -> tuple[str, bool, bytes]:
        """Return how the answer leaves, whether the connection is signed on now, and the sealed answer."""
        head = b"Q" + (b"Y" if signed_on else b"N") + (b"Y" if record[MAC] == mac_of(record) else b"N")
        manner, signed_on, answer = self._ask(head, record)
        return manner, signed_on, seal(answer)

    def books(self) -> list[dict]:
        """Return settlements and cancels as its files hold them."""
        postings = []
        for line in self._ask(b"BNN", b"")[2].decode("ascii").splitlines():
            setl_id, kind, state, psn_no, *amounts = line.split()
            total, fund, acct, cash = map(int, amounts)
            postings.append({"setl_id": setl_id, "kind": kind, "state": STATES[state], "psn_no": psn_no, "total": total,
                             "fund": fund, "acct": acct, "cash": cash})
        return postings

    def close(self) -> None:
        """Let it close its files."""
        with self._lock:
            self._process.stdin.close()
            self._process.wait(10)


class Connection(socketserver.BaseRequestHandler):
    """One connection: frames in, frames out, in order."""

    def handle(self) -> None:
        """Read frames until the peer, a broken frame or a fault ends it."""
        self.request.settimeout(IDLE_SECONDS)
        signed_on = False
        while True:
            length = self._read(LENGTH_DIGITS)
            if length == HEARTBEAT:
                self.request.sendall(HEARTBEAT)
                continue
            if not length.isdigit() or not SMALLEST <= int(length) <= LARGEST:
                return
            manner, signed_on, answer = self.server.cobol.serve(self._read(int(length)), signed_on)
            if manner != "D":
                self.request.sendall(b"%06d" % len(answer) + answer)
            if manner != "S":
                return

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self.request.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return bytes(data)


class Server(socketserver.ThreadingTCPServer):
    """Listens for the gateway."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], cobol: Cobol):
        self.cobol = cobol
        super().__init__(address, Connection)

    def handle_error(self, request: socket.socket, client_address: object) -> None:
        """Say in a line why a connection ended; that a peer leaves is nothing to be told."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"{client_address}: {type(error).__name__}: {error}", file=sys.stderr)


class Peer:
    """The program, its socket and its control door."""

    def __init__(self, arguments: argparse.Namespace):
        pathlib.Path(arguments.book).mkdir(parents=True, exist_ok=True)
        self.cobol = Cobol(arguments.program, arguments.book, arguments.region, arguments.password)
        host, _, port = arguments.listen.rpartition(":")
        self.server = Server((host, int(port)), self.cobol)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.control = ControlServer(arguments.control, {"books": lambda _: {"postings": self.cobol.books()}}).start()

    def close(self) -> None:
        """Stop listening, then let the program end in order."""
        self.control.close()
        self.server.shutdown()
        self.server.server_close()
        self.cobol.close()


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("program", "listen", "control", "book", "region", "password"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    return until_told_to_stop(lambda: Peer(arguments), lambda _: "ready")


if __name__ == "__main__":
    sys.exit(main())
