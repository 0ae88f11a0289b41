"""The system that is to survive: the trial's three regions and their platform with six stand-ins, each region in a network
of its own, each store on a small disk of its own, proxies on the lines, clocks that can be stepped; and beside the three
kinds of local system a pair of loopback modules, over which most of the load goes. A supervisor starts again what ends,
as the machine's own would."""

import pathlib
import random
import subprocess
import threading

from ground import Disk, Ground, Net
from pairs import DAJIZHONG, DANXIAN, WUXIAN, shared_files
from trial import SYSTEMS, Trial, faketime_library
from world import PLATFORM, PYTHON, Instance, NotReached, World, free_port, listens, wait_until

LOOP_AREA = "459900"   # insured where the loopback books stand: behind Yulin's gateway
LOOP_ASKS = (DANXIAN, WUXIAN)
PROXY = pathlib.Path(__file__).resolve().parent / "proxy.py"
USED_WRONGLY = 100     # an exit code after which nobody starts a gateway again


class System(Trial):
    """Everything that runs. `hurry`: how much sooner than their protocols have it hospitals give up and ask again."""

    def __init__(self, world: World, ground: Ground, dice: random.Random, disk_megabytes: int, hurry: float):
        self.ground, self.dice, self.disk_megabytes, self.hurry = ground, dice, disk_megabytes, hurry
        self.nets: dict[str, Net] = dict(zip((each.node for each in SYSTEMS), ground.nets(len(SYSTEMS))))
        self.disks: dict[str, Disk] = {}
        self.lines: dict[str, tuple[str, int, str, int]] = {}  # proxy's line: node, port, and where it leads to
        self.loop_callers = {system.node: world.sockets / f"loop-{system.name}" for system in LOOP_ASKS}
        self.loop_book = world.directory / "loop.book"
        self.starters: dict[str, object] = {}
        self.broken: list[str] = []  # what ended and must not have
        self.closing = threading.Event()
        # The hospitals' patience is shortened, so the gateways' wait for late answers must be.
        super().__init__(world, bounds={"adopt_wait_ms": 10000})

    # --- who is there -----------------------------------------------------------------------------------------

    def _add_gateways(self) -> None:
        super()._add_gateways()
        gateways = self.world.gateways
        if self.nets:
            gateways[PLATFORM].address = "0.0.0.0"
        by_proxy = self.dice.choice(SYSTEMS).node
        for system in SYSTEMS:
            gateway, node = gateways[system.node], system.node
            far = self.nets[node].far if self.nets else "127.0.0.1"
            gateway.dials_at = far
            if node == by_proxy:
                gateway.dials_at = "127.0.0.1"
                gateway.dials = {PLATFORM: self._line(f"{system.name}-link", node, far, self.platform_port)}
            calling = next(each for each in gateway.instances if each.name == "asked")
            calling.options["connect"] = "127.0.0.1:" + str(self._line(
                f"{system.name}-asked", node, "127.0.0.1", self.ports[system.name]["asked"]))
            self._line(f"{system.name}-asking", node, "127.0.0.1", self.ports[system.name]["asking"])
        self._add_loopback()

    def _line(self, name: str, node: str, host: str, port: int) -> int:
        own = free_port()
        self.lines[name] = (node, own, host, port)
        return own

    def _add_loopback(self) -> None:
        gateways = self.world.gateways
        for node, path in self.loop_callers.items():
            gateways[node].instances.append(Instance("loop-asking", "loopback", window=200, options={"listen": f"unix:{path}"}))
        gateways[DAJIZHONG.node].instances.append(
            Instance("loop-asked", "loopback", window=200, options={"book": str(self.loop_book)}))
        gateways[DAJIZHONG.node].routes.insert(0, {"prefix": LOOP_AREA, "to": ["loop-asked"]})
        gateways[PLATFORM].routes.insert(0, {"prefix": LOOP_AREA, "to": [DAJIZHONG.node]})

    # --- starting ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until the first request can pass."""
        world = self.world
        world.prepare()
        for node, gateway in world.gateways.items():
            disk = self.ground.disk(gateway.directory / "state", gateway.directory / "disk.image", self.disk_megabytes)
            if disk is not None:
                self.disks[node] = disk
        for node, net in self.nets.items():
            world.within[node] = net.within
        self.start_processes()

    def start_processes(self) -> None:
        world = self.world
        for system in SYSTEMS:
            self._start_proxy(system.name, system.node)
            self._start_insurer(system)
        self._begin("syslog-ng", world.start_syslog)
        for node in world.gateways:
            world.environment[node] = self.clock_of(node)
            self._begin(node, lambda node=node: world.start_gateway(node))
        for node in world.gateways:
            world.wait_ready(node, seconds=60)
        for system in SYSTEMS:
            self._start_hospitals(system)

    def _begin(self, name: str, start) -> None:
        """Start a process, and remember how it is started again."""
        start()
        self.starters[name] = start

    def _start_proxy(self, name: str, node: str) -> None:
        world, process = self.world, f"{name}-proxy"
        if node in self.nets:
            world.within[process] = self.nets[node].within
        lines = [f"{line}={own}:{host}:{port}" for line, (of, own, host, port) in self.lines.items() if of == node]
        world.spawn(process, [PYTHON, PROXY, world.sockets / f"{process}.ctl", *lines])
        wait_until(f"{process} answers", lambda: self.order_proxy(name, {"mode": "ping"}))

    def order_proxy(self, name: str, order: dict) -> bool:
        """Tell a region's proxy how a line behaves from now on."""
        return self.world.ask(self.world.sockets / f"{name}-proxy.ctl", order, 10) is not None

    def _start_insurer(self, system) -> None:
        name, world = f"{system.name}-insurer", self.world
        if system.node in self.nets:
            world.within[name] = self.nets[system.node].within

        def start() -> None:
            self.insurers[system.name] = world.start_fepsim(
                system.name, name, self.clock_of(system.name), role="asked", region=system.region,
                treat_clock="ignore", listen=f"127.0.0.1:{self.ports[system.name]['asked']}",
                **shared_files(system, world.directory / system.name))
        self._begin(name, start)

    def _start_hospitals(self, system) -> None:
        name, world = f"{system.name}-hospitals", self.world
        port = self.lines[f"{system.name}-asking"][1]
        if system.node in self.nets:
            world.within[name] = self.nets[system.node].within
        else:
            wait_until(f"{system.name}'s port listens", lambda: listens(self.ports[system.name]["asking"]))

        def start() -> None:
            self.hospitals[system.name] = world.start_fepsim(
                system.name, name, self.clock_of(system.name), role="asking", region=system.region,
                timeout_scale=self.hurry, gateway=f"127.0.0.1:{port}",
                **shared_files(system, world.directory / system.name))
        self._begin(name, start)

    # --- clocks -----------------------------------------------------------------------------------------------

    def clock_of(self, group: str) -> dict[str, str]:
        """Return the environment of the processes that look at one clock: a gateway's, or a region's local systems'."""
        if "clock steps" in self.ground.missing:
            return {}
        path = self.world.directory / f"clock-{group}"
        if not path.exists():
            path.write_text("+0\n", encoding="ascii")
        return {"LD_PRELOAD": faketime_library(), "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DISABLE_SHM": "1"}

    def step_clock(self, group: str, seconds: int) -> None:
        """Set a clock so many seconds off this machine's."""
        path = self.world.directory / f"clock-{group}"
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n", encoding="ascii")
        fresh.replace(path)

    # --- supervising ------------------------------------------------------------------------------------------

    def supervise(self) -> None:
        """Start again what has ended, until told to close; for a thread of its own."""
        starting: dict[str, threading.Thread] = {}
        while not self.closing.wait(0.1):
            for name, process in list(self.world.processes.items()):
                busy = starting.get(name)
                if (busy is not None and busy.is_alive()) or process.poll() is None or name in self.broken:
                    continue
                starting[name] = threading.Thread(target=self._start_again, args=(name, process), daemon=True)
                starting[name].start()

    def _start_again(self, name: str, process: subprocess.Popen) -> None:
        if name in self.world.gateways and process.returncode == USED_WRONGLY:
            self.broken.append(name)
            return
        if self.closing.wait(self.dice.choice((0.0, 0.2, 1.0))):
            return
        start = self.starters.get(name)
        if start is None:
            self.broken.append(name)
            return
        try:
            start()
        except (NotReached, OSError) as error:  # frozen or killed meanwhile: looked at again
            print(f"# {name} is not there yet: {error}", flush=True)
