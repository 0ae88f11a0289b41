"""What the kit must be told about a module: a profile. Copy one of `profiles/` for a module of your own.

A profile is a Python file with a class `Profile` derived from this one. The kit asks a module through the host link, so
bodies are canonical; what its local system is, and how that system's answers can be damaged, only the profile knows."""

import contextlib
import dataclasses
import importlib.util
import itertools
import pathlib
import subprocess
from collections.abc import Callable

from bench import ANSWERED
from world import PYTHON, SOURCE, World, free_port, wait_until

ERRORS = (OSError, ValueError)


@dataclasses.dataclass(frozen=True)
class Request:
    """A canonical request for the module's local system."""

    infno: str
    body: str
    posts: bool
    insured_area: str = "450900"
    treat_area: str = "450100"
    institution: str = "H45010000001"


class Place:
    """Where one trial runs: its directory, and the ports between module, proxy and local system."""

    def __init__(self, build: pathlib.Path, directory: pathlib.Path):
        self.build, self.directory = build, directory
        self.module_port = free_port()  # asked: the module connects there; serving: the module listens there
        self.peer_port = free_port()    # asked: the local system listens there; serving: it connects there
        self._peers: list[subprocess.Popen] = []

    def spawn(self, name: str, command: list, environment: dict[str, str] | None = None) -> subprocess.Popen:
        """Start a local system's stand-in; what it prints goes to a file."""
        with (self.directory / f"{name}.out").open("ab") as out:
            peer = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, env=environment)
        self._peers.append(peer)
        return peer

    def start_fepsim(self, system: str, *more: str) -> pathlib.Path:
        """Start a stand-in of test/fepsim; return its control socket once it answers."""
        control = self.directory / "peer.ctl"
        self.spawn("peer", [PYTHON, "-m", "fepsim", system, "--control", control, "--books",
                            self.directory / "peer.books", "--password", "secret", *more],
                   {"PYTHONPATH": f"{SOURCE}/test/fepsim", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})
        wait_until("the stand-in answers", lambda: World.ask(control, {"op": "ping"}) is not None)
        return control

    def close(self) -> None:
        """End the stand-ins."""
        for peer in self._peers:
            if peer.poll() is None:
                peer.terminate()
        for peer in self._peers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                peer.wait(5)
            if peer.poll() is None:
                peer.kill()
                peer.wait()


class Profile:
    """A module, its local system's stand-in, and requests for it. What is None or empty makes cases be left out."""

    name = ""
    module = ""         # a path, or a name in the build's adapters
    mapping = ""        # the mapping file, or "" where bodies pass through
    node, region = "GW4501000001", "450100"  # the gateway's
    window = 4
    asks = serves = False
    has_peer = True     # there is a local system to connect to (asked side)
    call_infno = ""     # serving: the transaction that `call` puts; others are a caller's own reversals and inquiries
    caller_inquires = False
    good_kind = ANSWERED          # what a good request ends as
    slow_options: dict | None = None  # without a peer: options that keep a call open for two seconds
    deaf_seconds = 20.0           # how long a module may need to be ready again when its system is back

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def options(self, place: Place) -> dict:
        """Return the instance's options."""
        raise NotImplementedError

    def start_peer(self, place: Place) -> None:
        """Start the local system: asked, it listens on place.peer_port; serving, it calls 127.0.0.1:place.peer_port."""

    def stranger(self) -> Request | None:
        """Return a request that can not be put into the local system's terms; None: there is none."""
        return None

    # --- asked ------------------------------------------------------------------------------------------------

    def update(self) -> Request:
        """Return a request that posts, another one each time."""
        raise NotImplementedError

    def query(self) -> Request | None:
        """Return a request that posts nothing, or None."""
        return None

    def oversize(self, _answer: bytes) -> bytes:
        """Make of an answer one that is longer than the protocol allows."""
        return b"9" * (9 << 20)

    def bad_charset(self, answer: bytes) -> bytes:
        """Make of an answer one with bytes that are no characters."""
        middle = len(answer) // 2
        return answer[:middle] + b"\xff\xff" + answer[middle + 2:]

    # --- serving ----------------------------------------------------------------------------------------------

    def call(self, _place: Place) -> Callable[[], dict]:
        """Return a function that puts one new request to the gateway and returns {"told": good | refused | unknown |
        none, ...}; it may take long, the kit runs it in a thread."""
        raise NotImplementedError

    def answer_body(self, frame: dict) -> str:
        """Return the canonical answer to a REQUEST of `call`."""
        raise NotImplementedError

    def raw_oversize(self) -> bytes:
        """Return bytes of a request that is too long for the protocol."""
        return b"9" * (9 << 20)

    def raw_garbage(self) -> bytes:
        """Return bytes that are no request."""
        return b"\xff\xfe\x00\x01garbage\r\n\r\n"

    def selftest_options(self, place: Place) -> list[str]:
        """Return the options for `fepctl adapter selftest`."""
        return [part for name, value in self.options(place).items()
                for part in ("--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}")]

    def module_path(self, build: pathlib.Path) -> pathlib.Path:
        """Return the shared object."""
        if "/" in self.module:
            return pathlib.Path(self.module).resolve()
        return build / "adapters" / self.module / f"{self.module}.so"


def load(path: pathlib.Path) -> Profile:
    """Load a profile file."""
    spec = importlib.util.spec_from_file_location("profile_file", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Profile()
