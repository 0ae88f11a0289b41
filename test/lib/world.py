"""A world for the demo and the whole-system tests: gateways as real processes on loopback, each with its own
configuration, keys, store and logs under one directory; a private syslog-ng with the shipped configuration; and the
stand-ins for the local systems.

Nothing here waits for luck: every wait names its condition and has a bound, and says what was missing when it ends.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
NANNING, PLATFORM, YULIN = "GW4501000001", "GW4500000001", "GW4509000001"


class NotReached(Exception):
    """A condition did not come true in time."""


def wait_until(what: str, condition: Callable[[], object], seconds: float = 30.0, pause: float = 0.02) -> object:
    """Return the condition's value as soon as it is true; NotReached, naming it, after `seconds`. It is looked at again
    after each `pause`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise NotReached(f"not reached in {seconds:.0f} s: {what}")
        time.sleep(pause)


_given_ports: set[int] = set()


def free_port() -> int:
    """Return a loopback port nobody listens on and nobody was given before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def listens(port: int) -> bool:
    """Is somebody listening on this loopback port?"""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_secret(path: pathlib.Path, text: str) -> None:
    """Write a file only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


@dataclasses.dataclass
class Instance:
    """One adapter instance of a gateway's configuration."""

    name: str
    module: str
    mapping: str = ""
    window: int = 16
    caller_inquires: bool = False
    options: dict[str, str | int | bool] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Gateway:
    """One gateway: what its configuration says and the process that runs it."""

    node: str
    name: str
    region: str
    directory: pathlib.Path
    listen: int = 0
    address: str = "127.0.0.1"  # where it listens
    dials: dict[str, int] = dataclasses.field(default_factory=dict)  # peer -> port
    dials_at: str = "127.0.0.1"  # at which address
    accepts: list[str] = dataclasses.field(default_factory=list)
    instances: list[Instance] = dataclasses.field(default_factory=list)
    routes: list[dict] = dataclasses.field(default_factory=list)
    bounds: dict[str, int] = dataclasses.field(default_factory=dict)
    log_debug: bool = False
    encrypt: bool = True
    process: subprocess.Popen | None = None

    @property
    def config(self) -> pathlib.Path:
        """Return the configuration file."""
        return self.directory / "fepd.conf"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


class World:
    """All processes of one trial. Use as a context manager: whatever happens, nothing is left running."""

    def __init__(self, build: str | os.PathLike = "", directory: str | os.PathLike = "", syslog: bool = True):
        self.build = pathlib.Path(build or os.environ.get("FEP_BUILD", SOURCE / "build")).resolve()
        self.directory = pathlib.Path(directory).resolve() if directory else pathlib.Path(
            tempfile.mkdtemp(prefix="fep-"))
        self._temporary = not directory
        # Unix socket paths end at 107 bytes, whatever the depth of the directory above.
        self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="fep-"))
        self.with_syslog = syslog
        self.gateways: dict[str, Gateway] = {}
        self.processes: dict[str, subprocess.Popen] = {}
        self.environment: dict[str, dict[str, str]] = {}  # extra environment by gateway
        self.within: dict[str, list[str]] = {}  # by process: a command that becomes the one given to it (a namespace)
        self.keep = False

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_exception) -> None:
        if not self.keep:
            self.stop()

    # --- programs ---------------------------------------------------------------------------------------------

    @property
    def fepd(self) -> pathlib.Path:
        """Return the daemon's path in the build tree."""
        return self.build / "gateway" / "daemon" / "fepd"

    @property
    def fepctl(self) -> pathlib.Path:
        """Return the operator command's path in the build tree."""
        return self.build / "gateway" / "ctl" / "fepctl"

    def module(self, name: str) -> pathlib.Path:
        """Return an adapter module's path in the build tree."""
        return self.build / "adapters" / name / f"{name}.so"

    def control(self, gateway: Gateway, *arguments: str, check: bool = True) -> str:
        """Run fepctl for a gateway and return what it prints."""
        done = subprocess.run([self.fepctl, "-c", gateway.config, *arguments], capture_output=True, text=True,
                              timeout=30, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"fepctl {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def status(self, node: str) -> dict | None:
        """Return a gateway's status, or None while its router does not answer."""
        done = subprocess.run([self.fepctl, "-c", self.gateways[node].config, "status", "--json"],
                              capture_output=True, text=True, timeout=30, check=False)
        try:
            status = json.loads(done.stdout)
        except ValueError:
            return None
        return status if done.returncode == 0 and status.get("ok") else None

    # --- configuration ----------------------------------------------------------------------------------------

    def add(self, gateway: Gateway) -> Gateway:
        """Make a gateway part of this world."""
        self.gateways[gateway.node] = gateway
        return gateway

    def log_socket(self) -> pathlib.Path:
        """Return the datagram socket the private syslog-ng reads."""
        return self.sockets / "log"

    def prepare(self) -> None:
        """Write keys and configurations of all gateways."""
        pseudonym = secrets.token_hex(32)
        for gateway in self.gateways.values():
            keys = gateway.directory / "keys"
            keys.mkdir(parents=True, exist_ok=True)
            if not (keys / "link.secret").exists():
                self._make_keys(keys)
            write_secret(keys / "pseudonym.key", pseudonym + "\n")
        for gateway in self.gateways.values():
            self.configure(gateway)

    def _make_keys(self, keys: pathlib.Path) -> None:
        for kind, name in (("link", "link.secret"), ("body", "body.key")):
            done = subprocess.run([self.fepctl, "keys", kind, keys / name], capture_output=True, text=True,
                                  timeout=30, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"fepctl keys {kind}: {done.stderr}")

    def configure(self, gateway: Gateway) -> None:
        """Write one gateway's configuration and routes."""
        run = self.sockets / gateway.node
        run.mkdir(mode=0o700, exist_ok=True)
        peers = [*gateway.dials, *gateway.accepts]
        for peer in peers:
            shutil.copy(self.gateways[peer].directory / "keys" / "link.secret.pub",
                        gateway.directory / "keys" / f"{peer}.pub")
        gateway.config.write_text(self._config_text(gateway, run, peers), encoding="utf-8")
        rules = ",\n  ".join("{ " + " ".join(
            f"{key} = " + ("[" + ", ".join(_value(one) for one in value) + "]" if isinstance(value, list)
                           else _value(value)) + ";" for key, value in rule.items()) + " }"
            for rule in gateway.routes)
        (gateway.directory / "routes.cfg").write_text(f"routes = (\n  {rules}\n);\n", encoding="utf-8")

    def _config_text(self, gateway: Gateway, run: pathlib.Path, peers: list[str]) -> str:
        endpoints = {peer: f'endpoint = "tcp://{gateway.dials_at}:{port}"; ' for peer, port in gateway.dials.items()}
        peer_text = ",\n  ".join(
            f'{{ name = "{peer}"; {endpoints.get(peer, "")}public_key_file = "keys/{peer}.pub"; }}' for peer in peers)
        instances = ",\n  ".join(self._instance_text(instance) for instance in gateway.instances)
        listen = f'  listen = "tcp://{gateway.address}:{gateway.listen}";\n' if gateway.listen else ""
        region = f'  region = "{gateway.region}";\n' if gateway.region else ""
        body_key = '  body_key_file = "keys/body.key";\n' if gateway.encrypt else ""
        socket_text = f'socket = "{self.log_socket()}"; ' if self.with_syslog else ""
        bounds = " ".join(f"{key} = {value};" for key, value in gateway.bounds.items())
        return (f'gateway = {{\n  node = "{gateway.node}";\n  name = "{gateway.name}";\n{region}{listen}'
                f'  state_directory = "state";\n  run_directory = "{run}";\n'
                f'  link_key_file = "keys/link.secret";\n{body_key}  pseudonym_key_file = "keys/pseudonym.key";\n}};\n'
                f"peers = (\n  {peer_text}\n);\ninstances = (\n  {instances}\n);\n"
                f'routes = "routes.cfg";\ntransactions = "{SOURCE}/schema/transactions.cfg";\n'
                f'schema_directory = "{SOURCE}/schema";\nadapter_directory = "{self.build}/adapters";\n'
                f"bounds = {{ {bounds} }};\n"
                f"log = {{ {socket_text}debug = {_value(gateway.log_debug)}; }};\n")

    def _instance_text(self, instance: Instance) -> str:
        options = " ".join(f"{key} = {_value(value)};" for key, value in instance.options.items())
        mapping = f'mapping = "{instance.mapping}"; ' if instance.mapping else ""
        if instance.caller_inquires:
            mapping += "caller_inquires = true; "
        return (f'{{ name = "{instance.name}"; module = "{self.module(instance.module)}"; {mapping}'
                f"window = {instance.window}; options = {{ {options} }}; }}")

    # --- processes --------------------------------------------------------------------------------------------

    def spawn(self, name: str, command: list, environment: dict[str, str] | None = None) -> subprocess.Popen:
        """Start a process whose output goes to NAME.out under the world's directory."""
        out = (self.directory / f"{name}.out").open("ab")
        whole = [str(part) for part in [*self.within.get(name, []), *command]]
        process = subprocess.Popen(whole, stdout=out, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        out.close()
        self.processes[name] = process
        return process

    def start_syslog(self) -> None:
        """Start a private syslog-ng that includes the shipped configuration, unprivileged in its own directory."""
        logs = self.directory / "log"
        logs.mkdir(parents=True, exist_ok=True)
        shipped = SOURCE / "etc" / "syslog-ng" / "fep.conf"
        wrapper = self.directory / "syslog-ng.conf"
        wrapper.write_text(f'@version: 3.35\n@include "scl.conf"\n@define fep_socket "{self.log_socket()}"\n'
                           f'@define fep_log_directory "{logs}"\n@include "{shipped}"\n', encoding="utf-8")
        self.spawn("syslog-ng", ["/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", wrapper, "-R",
                                 self.sockets / "syslog.persist", "-p", self.sockets / "syslog.pid", "-c",
                                 self.sockets / "syslog.ctl"])
        wait_until("syslog-ng opens its socket", self.log_socket().exists)

    def start_gateway(self, node: str) -> None:
        """Start a gateway's keeper (which starts the rest)."""
        gateway = self.gateways[node]
        gateway.process = self.spawn(node, [self.fepd, "--config", gateway.config], self.environment.get(node))

    def wait_ready(self, node: str, peers: bool = True, seconds: float = 30.0) -> dict:
        """Wait until router, instances and (unless told otherwise) links of a gateway are up."""
        def look() -> dict | None:
            status = self.status(node)
            if status is None or not all(each["ready"] for each in status["instances"]):
                return None
            return status if not peers or all(each["up"] for each in status["peers"]) else None
        try:
            return wait_until(f"{node} is ready", look, seconds)
        except NotReached as error:
            raise NotReached(f"{error}; status {self.status(node)}\n{self.output(node)[-3000:]}") from None

    def output(self, name: str) -> str:
        """Return what a process has printed."""
        path = self.directory / f"{name}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_lines(self) -> list[str]:
        """Return what the private syslog-ng has written of all days."""
        return [line for path in sorted((self.directory / "log").glob("all-*.log"))
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]

    def start_fepsim(self, system: str, name: str, environment: dict[str, str] | None = None,
                     **options: object) -> pathlib.Path:
        """Start a stand-in for a local system; returns its control socket once it answers."""
        control = self.sockets / f"{name}.ctl"
        arguments = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
        self.spawn(name, [PYTHON, "-m", "fepsim", system, "--control", control, "--books",
                          self.directory / f"{name}.books", "--password", "secret", *arguments],
                   {"PYTHONPATH": str(SOURCE / "test" / "fepsim"), **(environment or {})})
        wait_until(f"{name} answers", lambda: self.ask(control, {"op": "ping"}) is not None)
        return control

    @staticmethod
    def ask(control: pathlib.Path, request: dict, seconds: float = 150.0) -> dict | None:
        """Put one request to a stand-in's control socket; None while it is not there."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
            link.settimeout(seconds)
            link.connect(str(control))
            link.sendall(json.dumps(request, ensure_ascii=False).encode() + b"\n")
            return json.loads(link.makefile(encoding="utf-8").readline())
        return None

    def family(self, name: str) -> list[int]:
        """Return the pids of a process started here and of its children."""
        process = self.processes[name]
        pids = [process.pid]
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == process.pid:
                        pids.append(int(entry.name))
        return pids

    def stop_process(self, name: str, seconds: float = 20.0) -> int | None:
        """Stop a process in order; kill it after `seconds`. Returns its exit code."""
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                print(f"{name} did not stop in {seconds:.0f} s; killed", file=sys.stderr)
                process.kill()
        return process.wait()

    def stop(self) -> None:
        """Stop everything, gateways first, and remove what was temporary."""
        names = sorted(self.processes, key=lambda name: (name == "syslog-ng", name not in self.gateways))
        for name in names:
            self.stop_process(name)
        shutil.rmtree(self.sockets, ignore_errors=True)
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)
