"""The kit's bench: one module in a real fep-adapter, and the router's end of its link in our hands.

Frames are dictionaries as router_stand prints them. Every wait has a bound and says what it waited for."""

import contextlib
import json
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time

LIBRARY = pathlib.Path(__file__).resolve().parents[1] / "lib"
sys.path[:0] = [str(LIBRARY)]

from world import SOURCE, write_secret  # noqa: E402

ANSWERED, NOT_SENT, REFUSED, UNKNOWN = 1, 2, 3, 4
KINDS = {ANSWERED: "answered", NOT_SENT: "not sent", REFUSED: "refused", UNKNOWN: "unknown"}
UP, STOPPING = 2, 5
SUBMIT, INQUIRE, REVERSE, QUERY = 1, 2, 3, 6
INSTANCE = "local1"
PATIENCE_S = 20.0
LAST_WORDS_S = 0.5  # after a host's end, for what it still sent


class Broken(AssertionError):
    """A module did not do what it must."""


def expect(condition: object, what: str) -> None:
    """Broken, with what was expected, unless the condition holds."""
    if not condition:
        raise Broken(what)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else '"' + str(value) + '"'


class Bench:
    """A run directory, the router's stand-in, and one fep-adapter after the other."""

    def __init__(self, build: pathlib.Path, directory: pathlib.Path, node: str, region: str):
        self.build, self.directory = build, directory
        self.node, self.region = node, region
        self.config = directory / "fepd.conf"
        self.endpoint = f"ipc://{directory}/router"
        self.epoch = 0
        self.host: subprocess.Popen | None = None
        self.frames: queue.Queue = queue.Queue()
        self.dones: dict[int, list[dict]] = {}
        self.health: dict = {}
        self.aborts: list[str] = []
        self._waiting: list[dict] = []
        self._lost_since = 0.0
        self._stand = self._start_stand()

    def _start_stand(self) -> subprocess.Popen:
        (self.directory / "router").unlink(missing_ok=True)
        with (self.directory / "router.err").open("ab") as errors:
            stand = subprocess.Popen([self.build / "test" / "conformance" / "router_stand", self.endpoint], text=True,
                                     errors="replace", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        threading.Thread(target=self._read, args=(stand,), daemon=True).start()
        self.take("bound")
        return stand

    def _read(self, stand: subprocess.Popen) -> None:
        for line in stand.stdout:
            self.frames.put(json.loads(line))

    # --- the host ---------------------------------------------------------------------------------------------

    def configure(self, module: str, mapping: str, window: int, caller_inquires: bool, options: dict) -> None:
        """Write the gateway's configuration with this one instance."""
        write_secret(self.directory / "key", "00" * 32 + "\n")
        (self.directory / "routes.cfg").write_text("routes = ();\n", encoding="utf-8")
        more = (f'mapping = "{mapping}"; ' if mapping else "") + ("caller_inquires = true; " if caller_inquires else "")
        values = " ".join(f"{name} = {_value(value)};" for name, value in options.items())
        self.config.write_text(
            f'gateway = {{ node = "{self.node}"; name = "kit"; region = "{self.region}";\n'
            f'  state_directory = "{self.directory}"; run_directory = "{self.directory}"; '
            f'pseudonym_key_file = "key"; }};\nroutes = "routes.cfg"; '
            f'transactions = "{SOURCE}/schema/transactions.cfg"; schema_directory = "{SOURCE}/schema"; '
            f'adapter_directory = "{self.build}/adapters";\n'
            f'instances = ( {{ name = "{INSTANCE}"; module = "{module}"; {more}window = {window}; '
            f"options = {{ {values} }}; }} );\n", encoding="utf-8")

    def start_host(self) -> None:
        """Start the adapter host under the next epoch."""
        self.epoch += 1
        with (self.directory / "host.out").open("ab") as out:
            self.host = subprocess.Popen(
                [self.build / "gateway" / "host" / "fep-adapter", "--instance", INSTANCE, "--config", self.config,
                 "--router", self.endpoint, "--epoch", str(self.epoch)], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT)

    def ready(self, seconds: float = PATIENCE_S) -> dict:
        """Wait until the module says that it is ready."""
        return self.take("host_ready", seconds=seconds)

    def wait_exit(self, seconds: float = PATIENCE_S) -> int:
        """Return how the host ended."""
        try:
            code = self.host.wait(seconds)
        except subprocess.TimeoutExpired:
            self.host.kill()
            self.host.wait()
            raise Broken(f"the host did not end in {seconds:.0f} s") from None
        if code < 0 and code != -signal.SIGKILL:
            self.aborts.append(f"signal {-code}: {self.said()[-300:]}")
        return code

    def kill_host(self) -> None:
        """As a power cut would."""
        self.host.kill()
        self.host.wait()

    def stop_host(self) -> None:
        """End the host in order, and see that it does."""
        if self.host is None:
            return
        if self.host.poll() is None:
            self.host.send_signal(signal.SIGTERM)
        code = self.wait_exit()
        self.host = None
        expect(code in (0, -signal.SIGKILL), f"the host ended with {code}; it printed: {self.said()[-600:]}")

    def said(self) -> str:
        """Return what the host printed."""
        return (self.directory / "host.out").read_text(errors="replace")

    def close(self) -> None:
        """Stop everything."""
        if self.host is not None and self.host.poll() is None:
            self.host.kill()
            self.host.wait()
        with contextlib.suppress(OSError):
            self._stand.stdin.close()
        try:
            self._stand.wait(5)
        except subprocess.TimeoutExpired:
            self._stand.kill()
        self._stand.wait()

    # --- frames -----------------------------------------------------------------------------------------------

    def send(self, frame: str, **more: object) -> None:
        """Send one frame under the host's epoch."""
        line = json.dumps({"frame": frame, "epoch": self.epoch, **more}, ensure_ascii=False)
        self._stand.stdin.write(line + "\n")
        self._stand.stdin.flush()

    def acknowledge(self, frame: dict) -> None:
        """Say that what this frame says is committed."""
        self.send("host_ack", sequence=frame["sequence"], acked=frame["frame"])

    def acknowledge_all(self) -> None:
        """Say so of every DONE, so that nothing keeps the host from its end."""
        if self.host is not None and self.host.poll() is None:
            for number in self.dones:
                self.send("host_ack", sequence=number, acked="done")

    def _note(self, frame: dict) -> None:
        if frame.get("epoch") not in (None, self.epoch):
            return
        if frame["frame"] == "health":
            self.health = frame
        elif frame["frame"] == "done":
            self.dones.setdefault(frame["sequence"], []).append(frame)
        self._waiting.append(frame)

    def _pump(self, seconds: float) -> bool:
        try:
            self._note(self.frames.get(timeout=max(0.0, seconds)))
        except queue.Empty:
            return False
        return True

    def find(self, fits) -> dict | None:
        """Take the first frame that came and fits, if there is one."""
        while self._pump(0.0):
            pass
        for frame in self._waiting:
            if fits(frame):
                self._waiting.remove(frame)
                return frame
        return None

    def wait(self, what: str, look, seconds: float = PATIENCE_S) -> object:
        """Return what `look` returns as soon as it is true; looks at every frame that comes."""
        end = time.monotonic() + seconds
        while True:
            value = look()
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0 or self._is_lost():
                raise Broken(f"not in {seconds:.0f} s: {what}{self._host_note()}")
            self._pump(min(left, 0.05))

    def _is_lost(self) -> bool:
        """Has the host ended, and is nothing left to read?"""
        if self.host is None or self.host.poll() is None or self.frames.qsize() > 0:
            self._lost_since = 0.0
            return False
        self._lost_since = self._lost_since or time.monotonic()
        return time.monotonic() - self._lost_since > LAST_WORDS_S

    def _host_note(self) -> str:
        if self.host is None or self.host.poll() is None:
            return ""
        return f"; the host ended with {self.host.returncode}: {self.said()[-400:]}"

    def take(self, kind: str, seconds: float = PATIENCE_S, sequence: int | None = None) -> dict:
        """Return the next frame of a kind."""
        return self.wait(f"a {kind} comes", lambda: self.find(
            lambda frame: frame["frame"] == kind and sequence in (None, frame.get("sequence"))), seconds)

    def nothing(self, kind: str, seconds: float, what: str) -> None:
        """See that no frame of this kind comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._pump(min(0.05, end - time.monotonic()))
            frame = self.find(lambda each: each["frame"] == kind)
            expect(frame is None, f"{what}: {frame}")

    def forget(self) -> None:
        """Drop what came so far, for a new host."""
        while self._pump(0.0):
            pass
        self._waiting.clear()
        self.dones.clear()
        self.health = {}
