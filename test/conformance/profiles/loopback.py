"""loopback: a local system inside the module, and callers on a socket."""

import contextlib
import json
import socket

import kit_profile
from callers import LoopbackCaller

KINDS = {"answered": "good", "refused": "refused", "not_sent": "refused", "open": "unknown"}


class Caller(LoopbackCaller):
    """A caller over TCP, so that the kit can stand between."""

    def __init__(self, port: int, seconds: float = 60.0):  # pylint: disable=super-init-not-called
        self._link = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._reader = self._link.makefile("rb")


class Profile(kit_profile.Profile):
    """Both sides at once, without a mapping."""

    name = module = "loopback"
    asks = serves = True
    has_peer = False
    slow_options = {"delay_ms": 2000}

    def options(self, place: kit_profile.Place) -> dict:
        return {"listen": f"tcp:127.0.0.1:{place.module_port}", "book": str(place.directory / "book")}

    def update(self) -> kit_profile.Request:
        return kit_profile.Request("2304", f'{{"input":{{"n":{next(self.numbers)}}}}}', True)

    def query(self) -> kit_profile.Request:
        return kit_profile.Request("1101", f'{{"input":{{"n":{next(self.numbers)}}}}}', False)

    def call(self, place: kit_profile.Place):
        number = next(self.numbers)

        def ask() -> dict:
            try:
                with contextlib.closing(Caller(place.peer_port)) as caller:
                    head, body = caller.ask(f"M{number}", b'{"input":{"n":%d}}' % number)
            except kit_profile.ERRORS as error:
                return {"told": "none", "why": str(error)}
            return {"told": KINDS.get(head["kind"], "none"), **head, "body": body.decode()}
        return ask

    def answer_body(self, frame: dict) -> str:
        return json.dumps({"infcode": 0, "err_msg": "", "output": {"of": frame["header"]["msgid"]}})

    def raw_oversize(self) -> bytes:
        return b"\x7f\xff\xff\xff" + b"9" * (1 << 20)

    def raw_garbage(self) -> bytes:
        return b"\x00\x00\x00\x08garbage!"
