"""One case's surroundings: a directory, a host with the module, its local system, and a proxy between the two."""

import contextlib
import datetime
import pathlib
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable

from bench import ANSWERED, PATIENCE_S, QUERY, SUBMIT, Bench, Broken, expect
from kit_profile import Place, Profile, Request
from proxy import Proxy
from world import listens, wait_until

CHINA = datetime.timezone(datetime.timedelta(hours=8))
NEVER_ARRIVED = 6
MAGIC = b"APEF\x01\x00"


class LeftOut(Exception):
    """A case that says nothing about this module; the text says why."""


Case = Callable[["Trial"], None]


def case(function: Case) -> Case:
    """Mark a function as one of the kit's cases."""
    function.is_case = True
    return function


def today() -> int:
    """Return the day in China as yyyymmdd."""
    return int(datetime.datetime.now(CHINA).strftime("%Y%m%d"))


class Trial:
    """What a case plays with."""

    def __init__(self, profile: Profile, build: pathlib.Path, directory: pathlib.Path, serving: bool):
        self.profile, self.serving = profile, serving
        self.place = Place(build, directory)
        self.bench = Bench(build, directory, profile.node, profile.region)
        ends = (self.place.peer_port, self.place.module_port)
        self.proxy = Proxy(*ends) if serving else Proxy(*reversed(ends))
        self.with_peer = profile.has_peer and not serving
        self.last_done: dict = {}
        self._calls = self._serial = 0
        self._peer_open = False
        self._before_hold = 0
        self._ends: queue.Queue = queue.Queue()

    def close(self) -> None:
        """End everything, in order where something still runs."""
        try:
            self.bench.acknowledge_all()
            self.bench.stop_host()
        finally:
            self.proxy.close()
            self.place.close()
            self.bench.close()

    # --- beginning --------------------------------------------------------------------------------------------

    def start(self, module: pathlib.Path | None = None, wait_ready: bool = True, peer: bool = True,
              more: dict | None = None) -> None:
        """Start the local system (unless peer is False), the proxy, and a host with the module."""
        if peer and self.with_peer:
            self.open_peer()
        profile = self.profile
        options = {**profile.options(self.place), **(more or {})}
        self.bench.configure(str(module or profile.module_path(self.place.build)), profile.mapping, profile.window,
                             profile.caller_inquires, options)
        self.bench.start_host()
        if not wait_ready:
            return
        self.bench.ready()
        if self.serving:
            wait_until("the module listens", lambda: listens(self.place.module_port), PATIENCE_S)
            self.proxy.open()
            profile.start_peer(self.place)

    def open_peer(self) -> None:
        """Start the local system and let the module reach it, unless that is done."""
        if self._peer_open:
            return
        self._peer_open = True
        self.profile.start_peer(self.place)
        wait_until("the local system listens", lambda: listens(self.place.peer_port), PATIENCE_S)
        self.proxy.open()

    def start_slow(self) -> None:
        """Start, and have the next calls stay open until `release`."""
        if self.with_peer:
            self.start()
            self._warm_up()
            self._before_hold = self.proxy.requests
            self.proxy.next("hold")
        elif self.profile.slow_options is not None:
            self.start(more=self.profile.slow_options)
        else:
            raise LeftOut("its calls end in the function that begins them")

    def _warm_up(self) -> None:
        def answered() -> bool:
            done = self.bench.take("done", sequence=self.submit())
            self.bench.acknowledge(done)
            return done["result"]["kind"] == ANSWERED
        self.bench.wait("a first request is answered", answered, self.profile.deaf_seconds)

    def need_peer(self) -> None:
        """Leave the case out if there is no other side."""
        if not self.with_peer:
            raise LeftOut("it has no local system on a line")

    def restart(self, wait_calls: bool = True) -> dict:
        """Start the next process; return how it introduced itself."""
        self.bench.forget()
        self.bench.start_host()
        hello = self.bench.take("host_hello")
        if wait_calls:
            self.bench.ready(60)
        else:
            self.bench.ready()
        return hello

    def patched_module(self, name: str, offset: int, data: bytes) -> pathlib.Path:
        """Return a copy of the module with bytes of its descriptor changed."""
        content = self.profile.module_path(self.place.build).read_bytes()
        at = content.find(MAGIC)
        expect(at >= 0 and content.find(MAGIC, at + 1) < 0, "the descriptor stands once in the file")
        copy = self.bench.directory / f"{name}.so"
        copy.write_bytes(content[:at + offset] + data + content[at + offset + len(data):])
        return copy

    # --- asking the module ------------------------------------------------------------------------------------

    def next_serial(self) -> int:
        """Return a local serial that was not used."""
        self._serial += 1
        return int(time.time()) % 1_000_000 * 1000 + self._serial

    def submit(self, request: Request | None = None, operation: int = SUBMIT, number: int | None = None,
               serial: int | None = None, seconds: float = 60.0) -> int:
        """Offer a call; return its number."""
        if number is None:
            self._calls += 1
            number = self._calls
        request = request or self.profile.update()
        operation = operation if request.posts or operation != SUBMIT else QUERY
        serial = serial if serial is not None else self.next_serial()
        day = today()
        header = {"infno": request.infno, "origin": "GW4503000001", "treat_area": request.treat_area,
                  "msgid": f"{request.institution}{day}{serial:010d}", "insured_area": request.insured_area,
                  "institution": request.institution, "class": 2 if request.posts else 1, "day": day}
        attempt = {"operation": operation, "serial": serial, "serial_date": day, "time_left_ms": int(seconds * 1000)}
        self.bench.send("submit", sequence=number, header=header, attempt=attempt, body=request.body)
        return number

    def ask_about(self, request: Request, serial: int, operation: int) -> dict:
        """Inquire about a serial or reverse it; asked again while nothing was sent."""
        def ask() -> dict | None:
            done = self.bench.take("done", sequence=self.submit(request, operation, serial=serial))
            self.bench.acknowledge(done)
            return done if done["result"]["kind"] != 2 else None
        return self.bench.wait(f"operation {operation} leaves", ask, 60)

    def requests_seen(self) -> int:
        """How many chunks went to the local system."""
        return self.proxy.requests if self.with_peer else 0

    def wait_sent(self) -> None:
        """Wait until a request is with the other side."""
        if self.with_peer:
            self.bench.wait("the request leaves", lambda: self.proxy.requests > self._before_hold)

    def release(self) -> None:
        """Let the answers pass."""
        if self.with_peer:
            self.proxy.release()

    def freeze(self) -> None:
        """Stop the host where it stands."""
        self.bench.host.send_signal(signal.SIGSTOP)

    # --- callers ----------------------------------------------------------------------------------------------

    def begin_call(self) -> None:
        """A local caller asks, in a thread."""
        call = self.profile.call(self.place)
        threading.Thread(target=lambda: self._ends.put(call()), daemon=True).start()

    def end_call(self, seconds: float = 60.0) -> dict:
        """Return what it was told."""
        def look() -> dict | None:
            self._answer_others()
            with contextlib.suppress(queue.Empty):
                return self._ends.get_nowait()
            return None
        return self.bench.wait("the caller is told", look, seconds)

    def take_request(self, seconds: float = PATIENCE_S) -> dict:
        """Return the next request that is one of ours; a caller's own reversals and inquiries are answered."""
        return self.bench.wait("a request comes", self.ours, seconds)

    def ours(self) -> dict | None:
        """Return a request of ours if one has come."""
        self._answer_others()
        return self.bench.find(lambda frame: frame["frame"] == "request" and self._is_ours(frame))

    def _is_ours(self, frame: dict) -> bool:
        return self.profile.call_infno in ("", frame["header"]["infno"])

    def _answer_others(self) -> None:
        while (frame := self.bench.find(lambda each: each["frame"] == "request" and not self._is_ours(each))):
            self.bench.acknowledge(frame)
            self.bench.send("tell", sequence=frame["sequence"], result={"kind": ANSWERED, "finding": NEVER_ARRIVED})

    def raw(self, data: bytes, hang_up: bool = False) -> None:
        """Send bytes on a connection of their own; wait for the end of it or an answer, a second at most."""
        with socket.create_connection(("127.0.0.1", self.place.module_port), timeout=5) as link, \
                contextlib.suppress(OSError):
            link.sendall(data)
            if not hang_up:
                link.settimeout(1)
                link.recv(4096)


def run(function: Case, trial: Trial) -> None:
    """Play one case and see that the host ends in order."""
    try:
        function(trial)
    except Exception:
        if trial.bench.host is not None and trial.bench.host.poll() is None:
            trial.bench.kill_host()
        elif trial.bench.host is not None:
            with contextlib.suppress(Broken):
                trial.bench.wait_exit(1)
        trial.bench.host = None
        trial.close()
        raise
    trial.close()
