"""The whole trial: Nanning (danxian), Guilin (wuxian) and Yulin (dajizhong), each with one gateway that serves its
hospitals and asks its insurer, and the platform between them; six stand-ins. Every ordered pair of regions can settle.
With `province` the platform's gateway also has another province behind it, which asks and is asked over the national
interface: two stand-ins more.

The trial's clocks may stand on another day than this machine's (libfaketime), so that a day can be closed and reconciled
without waiting for it.
"""

import dataclasses
import datetime
import pathlib

from fepsim.operations import OPERATION_OF, WITH_MONEY
from pairs import (AMOUNTS, ASKED, ASKING, CHANGZHOU, DAJIZHONG, DANXIAN, IN_FORCE, WUXIAN, System, shared_files, whole_id)
from world import PLATFORM, Gateway, World, free_port, listens, wait_until

SYSTEMS = (DANXIAN, WUXIAN, DAJIZHONG)
PROVINCE = dataclasses.replace(CHANGZHOU, node=PLATFORM)  # it has no gateway of its own
PAIRS = tuple((asking, asked) for asking in SYSTEMS for asked in SYSTEMS if asking is not asked)


def faketime_library() -> str:
    """Return libfaketime's path, empty if it is not installed."""
    found = sorted(pathlib.Path("/usr/lib").glob("*-linux-gnu/faketime/libfaketime.so.1"))
    return str(found[0]) if found else ""


class Trial:
    """Three regions and a platform. Clocks: `day` days from today at ten in the morning, or this machine's if None."""

    def __init__(self, world: World, province: bool = False, **common: object):
        self.world = world
        self.common = common
        self.systems = (*SYSTEMS, PROVINCE) if province else SYSTEMS
        self.platform_port = free_port()
        self.ports = {system.name: {"asking": free_port(), "asked": free_port()} for system in self.systems}
        self.hospitals: dict[str, pathlib.Path] = {}  # control sockets by system
        self.insurers: dict[str, pathlib.Path] = {}
        self.clock: dict[str, str] = {}               # environment of every process
        self.today = datetime.date.today()
        self.offset = datetime.timedelta()            # of the processes' clocks against this machine's
        self._add_gateways()

    def _add_gateways(self) -> None:
        root = self.world.directory
        for system in SYSTEMS:
            directory = root / system.name
            serving = ASKING[system.name](system, self.ports[system.name]["asking"], directory)
            calling = ASKED[system.name](system, self.ports[system.name]["asked"], directory)
            self.world.add(Gateway(system.node, system.city, system.region, directory,
                                   dials={PLATFORM: self.platform_port}, instances=[serving, calling],
                                   routes=[{"prefix": system.region[:4], "to": [calling.name]},
                                           {"prefix": "", "to": [PLATFORM]}], **self.common))
        beyond = [make[PROVINCE.name](PROVINCE, self.ports[PROVINCE.name][role], root / "platform")
                  for make, role in ((ASKING, "asking"), (ASKED, "asked")) if PROVINCE in self.systems]
        self.world.add(Gateway(PLATFORM, "平台", "450000" if beyond else "", root / "platform", listen=self.platform_port,
                               accepts=[system.node for system in SYSTEMS], instances=beyond,
                               routes=[*({"prefix": system.region[:4], "to": [system.node]} for system in SYSTEMS),
                                       *({"prefix": PROVINCE.region[:4], "to": [instance.name]} for instance in beyond[1:])],
                               **self.common))

    def set_day(self, day: int) -> None:
        """Let the processes started from now on live `day` days from today, from ten in the morning of China's clock."""
        china = datetime.timezone(datetime.timedelta(hours=8))
        now = datetime.datetime.now(china)
        then = now.replace(hour=10, minute=0, second=0) + datetime.timedelta(days=day)
        self.today = then.date()
        self.offset = then - now
        self.clock = {"LD_PRELOAD": faketime_library(), "FAKETIME": f"{(then - now).total_seconds():+.0f}",
                      "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def start(self) -> None:
        """Start everything and wait until the first request can pass."""
        self.world.prepare()
        if self.world.with_syslog:
            self.world.start_syslog()
        self.start_processes()

    def start_processes(self) -> None:
        """Start stand-ins and gateways (again)."""
        world = self.world
        for system in self.systems:
            self.insurers[system.name] = world.start_fepsim(
                system.name, f"{system.name}-insurer", self.clock, role="asked", region=system.region,
                listen=f"127.0.0.1:{self.ports[system.name]['asked']}",
                **shared_files(system, world.directory / system.name))
        for node in world.gateways:
            world.environment[node] = self.clock
            world.start_gateway(node)
        for node in world.gateways:
            world.wait_ready(node)
        for system in self.systems:
            port = self.ports[system.name]["asking"]
            wait_until(f"{system.name}'s port listens", lambda port=port: listens(port))
            self.hospitals[system.name] = world.start_fepsim(
                system.name, f"{system.name}-hospitals", self.clock, role="asking", region=system.region,
                gateway=f"127.0.0.1:{port}", **shared_files(system, world.directory / system.name))

    def stop_processes(self) -> None:
        """Stop stand-ins and gateways in order, as for a night; books, stores and logs stay."""
        for system in self.systems:
            self.world.stop_process(f"{system.name}-hospitals")
        for node in self.world.gateways:
            self.world.stop_process(node)
        for system in self.systems:
            self.world.stop_process(f"{system.name}-insurer")

    def next_day(self, day: int) -> None:
        """Everything is stopped and starts again on another day."""
        self.stop_processes()
        self.set_day(day)
        self.start_processes()

    def books(self, system: System) -> tuple[list[dict], list[dict]]:
        """Return what a region's hospitals were told and what its insurer posted."""
        told = self.world.ask(self.hospitals[system.name], {"op": "books"})
        posted = self.world.ask(self.insurers[system.name], {"op": "books"})
        if not told or not told["ok"] or not posted or not posted["ok"]:
            raise RuntimeError(f"a stand-in of {system.city} does not show its books")
        return told["entries"], posted["postings"]


def compare_all_books(trial: Trial) -> tuple[list[str], dict[str, int]]:
    """Hold the asking books against the insurers'. Returns the differences in words, and the fund's net
    payments by insured region (fen)."""
    books = {system.name: trial.books(system) for system in trial.systems}
    standing = {(system.region, posting["setl_id"]): posting for system in trial.systems
                for posting in books[system.name][1]
                if posting["kind"] in ("settle", "cancel") and posting["state"] in IN_FORCE}
    differences: list[str] = []
    believed: set[tuple[str, str]] = set()
    for system in trial.systems:
        for entry in books[system.name][0]:
            if OPERATION_OF.get(entry["code"]) not in WITH_MONEY:
                continue
            differences += compare_entry(entry, standing, believed)
    differences += [f"{setl_id} of {region}: posted and in force, but no hospital was told so"
                    for region, setl_id in standing.keys() - believed]
    fund: dict[str, int] = {system.region: 0 for system in trial.systems}
    for (region, _), posting in standing.items():
        fund[region] += posting["fund"]
    return differences, fund


def compare_entry(entry: dict, standing: dict[tuple[str, str], dict], believed: set[tuple[str, str]]) -> list[str]:
    """Hold one thing that a hospital was told against what is in force."""
    ended = entry["conclusion"]
    if ended is None:
        return [f"{entry['msgid']}: the hospital still waits for an end"]
    if ended["told"] not in ("good", "stands"):
        return [] if ended["told"] in ("refused", "not_sent", "reversed") else [
            f"{entry['msgid']}: ended as {ended['told']}"]
    key = (entry["centre"], whole_id(ended["out"]["setl_id"]))
    believed.add(key)
    posting = standing.get(key)
    if posting is None:
        return [f"{entry['msgid']}: told good, which the insurer does not hold in force"]
    if any(posting[name] != ended["out"][name] for name in AMOUNTS):
        return [f"{entry['msgid']}: told with other amounts than were posted"]
    return []
