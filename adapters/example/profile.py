"""The example module, for the conformance kit: kit.py profile.py, where example.so was built in the current folder."""

import pathlib
import sys

import kit_profile

HERE = pathlib.Path(__file__).resolve().parent


class Profile(kit_profile.Profile):
    """What the kit must know: the module, its options, how to start its local system, good requests."""

    name, module = "example", "./example.so"
    asks = True

    def options(self, place: kit_profile.Place) -> dict:
        return {"connect": f"127.0.0.1:{place.module_port}"}

    def start_peer(self, place: kit_profile.Place) -> None:
        place.spawn("desk", [sys.executable, HERE / "desk.py", place.peer_port, place.directory / "book"])

    def update(self) -> kit_profile.Request:
        return kit_profile.Request("2304", f'{{"input":{{"n":{next(self.numbers)}}}}}', True)
