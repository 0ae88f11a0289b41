"""Sockets with a deadline, for the clients of every protocol."""

import socket
import time


class NotSent(Exception):
    """No byte of the request left: certainly not posted. `code` says who was refused."""

    def __init__(self, text: str, code: int = 0):
        super().__init__(text)
        self.code = code


class NoAnswer(Exception):
    """The request, or part of it, left and no whole answer came back."""


class Wire:
    """One connection; whatever it waits for has an end."""

    def __init__(self, address: tuple[str, int], deadline: float):
        left = max(0.001, deadline - time.monotonic())
        try:
            self.socket = socket.create_connection(address, timeout=left)
        except OSError as error:
            raise NotSent(f"connect: {error}") from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def wait(self, deadline: float) -> None:
        """Bound the next step by what is left of the time."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise NoAnswer("time-out")
        self.socket.settimeout(left)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of it; a failure before the first byte left is NotSent."""
        view, sent = memoryview(data), 0
        while sent < len(data):
            self.wait(deadline)
            try:
                sent += self.socket.send(view[sent:])
            except OSError as error:
                if sent == 0:
                    raise NotSent(f"send: {error}") from error
                raise

    def receive(self, deadline: float) -> bytes:
        """Return the next bytes; b"" is the end."""
        self.wait(deadline)
        return self.socket.recv(65536)

    def break_off(self) -> None:
        """Wake whoever waits on it with a lost connection."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # already gone

    def close(self) -> None:
        self.socket.close()
