"""Small callers for tests: a danxian line without a stand-in around it, and the loopback module's own protocol."""

import json
import pathlib
import socket
import struct


def danxian_line(port: int, line: bytes, seconds: float = 60.0) -> str:
    """Send one line and return the answer line as text; "" if the gateway closed the connection instead."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as link:
        link.sendall(line)
        answer = b""
        while not answer.endswith(b"\r\n"):
            got = link.recv(65536)
            if not got:
                break
            answer += got
    return answer.decode("gb18030", "replace").rstrip("\r\n")


class LoopbackCaller:
    """Canonical requests over the loopback module's stream socket."""

    def __init__(self, path: pathlib.Path, seconds: float = 150.0):
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(seconds)
        self._link.connect(str(path))
        self._reader = self._link.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._link.close()

    def send(self, msgid: str, body: bytes, infno: str = "2207", insured_area: str = "450900",
             person: str = "P1", **more: str) -> None:
        """Send a request without waiting for its answer."""
        head = json.dumps({"infno": infno, "msgid": msgid, "insured_area": insured_area, "treat_area": "450100",
                           "person": person, **more}, separators=(",", ":"))
        message = head.encode() + b"\n" + body
        self._link.sendall(struct.pack(">I", len(message)) + message)

    def receive(self) -> tuple[dict, bytes]:
        """Return the next answer's head and body."""
        size = self._reader.read(4)
        if len(size) < 4:
            raise ConnectionError("the adapter hung up")
        message = self._reader.read(struct.unpack(">I", size)[0])
        head, _, body = message.partition(b"\n")
        return json.loads(head), body

    def ask(self, msgid: str, body: bytes, **more: str) -> tuple[dict, bytes]:
        """Send a request and return its answer."""
        self.send(msgid, body, **more)
        return self.receive()
