"""What is done to the system, when and to whom: drawn from one seed. Each fault that lasts is taken back at its time, and
at the end all are. The timeline is what a person reads first when a verdict is bad."""

import collections
import contextlib
import heapq
import itertools
import os
import pathlib
import random
import signal
import time
from collections.abc import Callable

from ground import Net
from system import System
from trial import SYSTEMS
from world import NotReached, wait_until

MEAN_GAP_S = 1.2   # between two faults
AT_ONCE = 4        # faults that last
HEALING_S = 90.0


class Timeline:
    """Everything that was done, in a file and for the end."""

    def __init__(self, path: pathlib.Path):
        self.begin = time.monotonic()
        self.directory = path.parent
        self.lines: list[str] = []
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def note(self, text: str) -> None:
        """Write a line with the seconds since the begin and the time of day."""
        line = f"{time.monotonic() - self.begin:9.3f} {time.strftime('%H:%M:%S')} {text}"
        self.lines.append(line)
        self._file.write(line + "\n")


def name_of(pid: int) -> str:
    """Say what a process of a gateway is: keeper, router, or the host of an instance."""
    with contextlib.suppress(OSError):
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        if "--instance" in words:
            return "host " + words[words.index("--instance") + 1]
        return "router" if "--router" in words else "keeper"
    return "nobody"


class Faults:
    """The scheduler."""

    def __init__(self, system: System, dice: random.Random, timeline: Timeline):
        self.system, self.dice, self.timeline = system, dice, timeline
        self.counts: collections.Counter[str] = collections.Counter()
        self._undo: list[tuple[float, int, str, Callable[[], None]]] = []
        self._order = itertools.count()
        self._hurt: set[str] = set()  # what is under a lasting fault now
        self._kinds = self._possible()

    def _possible(self) -> list[Callable[[], None]]:
        """List the kinds of fault that this machine permits, the likelier ones more often."""
        ground = self.system.ground
        kinds = [self.kill_process] * 5 + [self.kill_local] * 3 + [self.kill_syslog] + [self.freeze] * 5
        kinds += [self.line_trouble] * 5
        if self.system.nets:
            kinds += [self.cut_link] * 4
        if self.system.disks:
            kinds += [self.fill_disk] * 3
        if "clock steps" not in ground.missing:
            kinds += [self.step_clock] * 3
        return kinds

    # --- the course of things ---------------------------------------------------------------------------------

    def go_on(self, seconds: float) -> None:
        """Hurt the system for so long, then heal it."""
        end = time.monotonic() + seconds
        following = time.monotonic()
        while time.monotonic() < end and not self.system.broken:
            if time.monotonic() >= following:
                following = time.monotonic() + self.dice.expovariate(1 / MEAN_GAP_S)
                self.dice.choice(self._kinds)()
            self._take_back(time.monotonic())
            time.sleep(max(0.0, min(0.05, following - time.monotonic())))  # until the next fault or its end

    def heal(self) -> None:
        """Take every fault back and wait until everything runs."""
        self._take_back(float("inf"))
        self.timeline.note("healed")
        world = self.system.world
        for node in world.gateways:
            wait_until(f"{node} has a keeper", lambda node=node: world.processes[node].poll() is None, HEALING_S)
            world.wait_ready(node, seconds=HEALING_S)
        for system in SYSTEMS:
            for doors in (self.system.hospitals, self.system.insurers):
                wait_until(f"{system.name}'s local systems answer",
                           lambda door=doors[system.name]: self._answers(door), HEALING_S)
        self.timeline.note("everything runs")

    def _answers(self, door: pathlib.Path) -> bool:
        with contextlib.suppress(ValueError, OSError):
            return self.system.world.ask(door, {"op": "ping"}, 5) is not None
        return False

    def _lasting(self, whom: str, kind: str, text: str, seconds: float, undo: Callable[[], None]) -> None:
        self._hurt.add(whom)
        self.counts[kind] += 1
        self.timeline.note(f"{text} for {seconds:.1f} s")

        def over() -> None:
            self._hurt.discard(whom)
            undo()
            self.timeline.note(f"over: {text}")
        heapq.heappush(self._undo, (time.monotonic() + seconds, next(self._order), text, over))

    def _take_back(self, now: float) -> None:
        while self._undo and self._undo[0][0] <= now:
            heapq.heappop(self._undo)[3]()

    def _may(self, whom: str) -> bool:
        return whom not in self._hurt and len(self._undo) < AT_ONCE

    def _seconds(self, most: float) -> float:
        """Mostly short, now and then longer than every patience on the way."""
        return self.dice.uniform(0.2, most) if self.dice.random() < 0.85 else self.dice.uniform(most, 3 * most)

    # --- processes --------------------------------------------------------------------------------------------

    def _victim(self) -> tuple[str, int]:
        node = self.dice.choice(sorted(self.system.world.gateways))
        pids = self.system.world.family(node)
        return node, self.dice.choice(pids)

    def kill_process(self) -> None:
        """SIGKILL to a keeper, a router or a host."""
        node, pid = self._victim()
        text = f"kill {node} {name_of(pid)} {pid}"
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.counts["kills"] += 1
            self.timeline.note(text)

    def kill_local(self) -> None:
        """SIGKILL to a local system, on either side."""
        self._kill_named(f"{self.dice.choice(SYSTEMS).name}-{self.dice.choice(('insurer', 'hospitals'))}")

    def kill_syslog(self) -> None:
        """SIGKILL to syslog-ng."""
        self._kill_named("syslog-ng")

    def _kill_named(self, name: str) -> None:
        process = self.system.world.processes.get(name)
        if process is not None and process.poll() is None:
            process.kill()
            self.counts["kills"] += 1
            self.timeline.note(f"kill {name} {process.pid}")

    def freeze(self) -> None:
        """SIGSTOP, and SIGCONT after a while, to any process there is."""
        if self.dice.random() < 0.7:
            node, pid = self._victim()
            text = f"freeze {node} {name_of(pid)} {pid}"
        else:
            name = self.dice.choice(["syslog-ng", *(f"{system.name}-{role}" for system in SYSTEMS
                                                    for role in ("insurer", "hospitals"))])
            pid = self.system.world.processes[name].pid
            text = f"freeze {name} {pid}"
        if not self._may(str(pid)):
            return
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(pid)
            signal.pidfd_send_signal(handle, signal.SIGSTOP)
            self._lasting(str(pid), "freezes", text, self._seconds(6), lambda: self._thaw(handle))

    @staticmethod
    def _thaw(handle: int) -> None:
        with contextlib.suppress(OSError):  # it may have been killed meanwhile
            signal.pidfd_send_signal(handle, signal.SIGCONT)
        os.close(handle)

    # --- links and lines --------------------------------------------------------------------------------------

    def cut_link(self) -> None:
        """The link between a region and the platform loses packets, one way or both, or its cable."""
        node = self.dice.choice(sorted(self.system.nets))
        net: Net = self.system.nets[node]
        if not self._may(f"link {node}"):
            return
        if "dropped packets" in self.system.ground.missing or self.dice.random() < 0.2:
            net.set_link(False)
            self._lasting(f"link {node}", "cuts", f"unplug {node}", self._seconds(8), lambda: net.set_link(True))
            return
        ways = self.dice.choice((("in", "out"), ("in", "out"), ("in",), ("out",)))
        percent = self.dice.choice((100, 100, self.dice.randint(5, 60)))
        net.drop(ways, percent)
        self._lasting(f"link {node}", "cuts", f"drop {percent} % {'+'.join(ways)} at {node}", self._seconds(8), net.pass_all)

    def line_trouble(self) -> None:
        """A line through a proxy is slow, stands still, breaks in the middle of a message, or is not taken."""
        line = self.dice.choice(sorted(self.system.lines))
        name = line.split("-")[0]
        mode = self.dice.choice(("delay", "stall", "cut", "refuse"))
        if not self._may(f"line {line}"):
            return
        slow = self.dice.uniform(0.05, 1.5)
        if not self.system.order_proxy(name, {"line": line, "mode": mode, "seconds": slow}):
            return
        if mode == "cut":
            self.counts["cuts"] += 1
            self.timeline.note(f"cut line {line} in the middle of a message")
            return
        self._lasting(f"line {line}", "cuts", f"{mode} line {line}", self._seconds(6),
                      lambda: self.system.order_proxy(name, {"line": line, "mode": "pass"}))

    # --- disks and clocks -------------------------------------------------------------------------------------

    def fill_disk(self) -> None:
        """A gateway's disk is full to the last byte."""
        node = self.dice.choice(sorted(self.system.disks))
        if not self._may(f"disk {node}"):
            return
        disk = self.system.disks[node]
        disk.fill()
        self._lasting(f"disk {node}", "disk_full", f"fill disk of {node}", self._seconds(6), disk.free)

    def step_clock(self) -> None:
        """A clock jumps, forward or back, and jumps back later."""
        groups = [*sorted(self.system.world.gateways), *(system.name for system in SYSTEMS)]
        group = self.dice.choice(groups)
        if not self._may(f"clock {group}"):
            return
        seconds = self.dice.choice((-1, 1)) * self.dice.choice((3, 40, 400, 4000))
        self.system.step_clock(group, seconds)
        self._lasting(f"clock {group}", "clock_steps", f"clock of {group} {seconds:+d} s", self._seconds(10),
                      lambda: self.system.step_clock(group, 0))
