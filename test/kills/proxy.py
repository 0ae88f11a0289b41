#!/usr/bin/python3
"""A line between two programs that behaves as lines do: it delays, stalls, breaks in the middle of a message, refuses.

    proxy.py CONTROL NAME=PORT:HOST:PORT ...

Listens on 127.0.0.1. Control: JSON lines on a Unix socket, {"line": NAME, "mode": pass|delay|stall|cut|refuse, "seconds"};
`cut` ends what is open after a part of the next bytes, `refuse` also ends what is new at once.
"""

import asyncio
import contextlib
import json
import os
import random
import sys

PIECE = 65536


class Line:
    """One listener and its connections."""

    def __init__(self, name: str, port: int, host: str, far_port: int):
        self.name, self.port, self.far = name, port, (host, far_port)
        self.mode, self.seconds = "pass", 0.0
        self.changed = asyncio.Event()
        self.connections = 0
        self.cut_below = 0  # connections older than this number are to be cut
        self.ends: set[asyncio.StreamWriter] = set()

    def set_mode(self, mode: str, seconds: float) -> None:
        """Behave otherwise from now on."""
        self.mode, self.seconds = mode, seconds
        if mode == "cut":
            self.cut_below, self.mode = self.connections + 1, "pass"
        if mode == "refuse":
            for end in list(self.ends):
                end.transport.abort()
        self.changed.set()
        self.changed = asyncio.Event()

    async def serve(self) -> None:
        """Listen for ever."""
        await asyncio.start_server(self._take, "127.0.0.1", self.port, limit=PIECE)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        if self.mode == "refuse":
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.far, limit=PIECE)
        except OSError:
            writer.transport.abort()
            return
        self.ends |= {writer, far_writer}
        await asyncio.gather(self._pump(number, reader, far_writer, writer), self._pump(number, far_reader, writer, far_writer))
        self.ends -= {writer, far_writer}
        for end in (writer, far_writer):
            end.close()

    async def _pump(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                    other: asyncio.StreamWriter) -> None:
        """Carry bytes one way until an end."""
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                while self.mode == "stall":
                    await self.changed.wait()
                if self.mode == "delay":
                    await asyncio.sleep(self.seconds)
                if number < self.cut_below:
                    writer.write(data[:random.randrange(len(data))])
                    await writer.drain()
                    break
                writer.write(data)
                await writer.drain()
            else:
                if writer.can_write_eof():
                    writer.write_eof()
                return
        for end in (writer, other):
            with contextlib.suppress(OSError):
                end.close()


async def control(lines: dict[str, Line], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do what is asked."""
    while text := await reader.readline():
        order = json.loads(text)
        if order["mode"] != "ping":
            lines[order["line"]].set_mode(order["mode"], order.get("seconds", 0.0))
        writer.write(b"{}\n")
        await writer.drain()
    writer.close()


async def main() -> None:
    """Serve until killed."""
    lines = {}
    for text in sys.argv[2:]:
        name, _, rest = text.partition("=")
        port, host, far_port = rest.split(":")
        lines[name] = Line(name, int(port), host, int(far_port))
        await lines[name].serve()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(sys.argv[1])
    await asyncio.start_unix_server(lambda reader, writer: control(lines, reader, writer), sys.argv[1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
