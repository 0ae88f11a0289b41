"""A side door for tests and demonstrations: JSON lines on a Unix stream socket.

The door shows what a stand-in posted and moves its clock; it is no part of any
protocol, so a test can ask the books without disturbing the business side.
"""

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable

Handler = Callable[[dict], dict]


class _Session(socketserver.StreamRequestHandler):
    """One connection: an answer line for every request line."""

    def handle(self) -> None:
        for line in self.rfile:
            if not line.strip():
                continue
            answer = answer_line(self.server.handlers, line)
            try:
                self.wfile.write(answer)
            except OSError:
                return


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def answer_line(handlers: dict[str, Handler], line: bytes) -> bytes:
    """Run one request line; whatever goes wrong becomes an error answer."""
    try:
        request = json.loads(line)
        operation = request.get("op") if isinstance(request, dict) else None
        if operation not in handlers:
            raise ValueError(f"unknown op {operation!r}; known: {', '.join(sorted(handlers))}")
        answer = {"ok": True, **(handlers[operation](request) or {})}
    except Exception as trouble:  # the door must survive any handler
        answer = {"ok": False, "error": f"{type(trouble).__name__}: {trouble}"}
    return json.dumps(answer, ensure_ascii=False).encode() + b"\n"


class ControlServer:
    """Serves the handlers by name in a thread of its own until closed.

    `ping` is always there.  A socket file left by a killed process is replaced.
    """

    def __init__(self, path: str, handlers: dict[str, Handler]):
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        self._server = _UnixServer(path, _Session)
        self._server.handlers = {"ping": lambda request: {}, **handlers}
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        kwargs={"poll_interval": 0.05},
                                        name="control", daemon=True)

    def start(self) -> "ControlServer":
        """Begin to serve; return the server itself."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving and remove the socket file."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if os.path.exists(self.path):
            os.unlink(self.path)


def ask(path: str, request: dict, timeout: float = 5.0) -> dict:
    """Send one request to a control socket and return its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(timeout)
        door.connect(path)
        door.sendall(json.dumps(request, ensure_ascii=False).encode() + b"\n")
        with door.makefile("rb") as answers:
            line = answers.readline()
    if not line:
        raise ConnectionError(f"{path}: closed without an answer")
    return json.loads(line)
