"""Any two of the trial's regions with the platform between them: one asks, the other is asked. Three gateways as real
processes, and a stand-in on either side."""

import dataclasses
import pathlib
from collections.abc import Callable

from fepsim.operations import OPERATION_OF, WITH_MONEY
from world import NANNING, PLATFORM, SOURCE, YULIN, Gateway, Instance, World, free_port, listens, wait_until, write_secret

GUILIN = "GW4503000001"


@dataclasses.dataclass(frozen=True)
class System:
    """A local system and its region."""

    name: str
    region: str
    node: str
    city: str
    settle: str  # its transactions for a settlement and for the cancel of one
    cancel: str

    @property
    def mapping(self) -> str:
        """Return the mapping file."""
        return f"{SOURCE}/etc/mapping/{self.name}-{self.region}.cfg"


DANXIAN = System("danxian", "450100", NANNING, "南宁", "2410", "2430")
WUXIAN = System("wuxian", "450300", GUILIN, "桂林", "1402", "1403")
DAJIZHONG = System("dajizhong", "450900", YULIN, "玉林", "400002", "400003")

CHANGZHOU = System("platform", "320400", "GW3204000001", "常州", "2304", "2305")  # of another province, over the national interface


def _serving_caret(system: System, port: int, directory: pathlib.Path) -> Instance:
    write_secret(directory / "keys" / "danxian.password", "secret\n")
    (directory / "cycles").mkdir(parents=True, exist_ok=True)
    return Instance("asking", "caret", mapping=system.mapping,
                    options={"mode": "serve", "listen": f"127.0.0.1:{port}",
                             "password_file": str(directory / "keys" / "danxian.password"),
                             "state_directory": str(directory / "cycles")})


def _serving_soap(system: System, port: int, _directory: pathlib.Path) -> Instance:
    return Instance("asking", "soap", mapping=system.mapping, caller_inquires=True,
                    options={"mode": "serve", "listen": f"127.0.0.1:{port}"})


def _calling_soap(system: System, port: int, _directory: pathlib.Path) -> Instance:
    return Instance("asked", "soap", mapping=system.mapping,
                    options={"mode": "call", "connect": f"127.0.0.1:{port}"})


def shared_files(system: System, directory: pathlib.Path) -> dict[str, object]:
    """Return the stand-in's option for the directory of files that it shares with the gateway in `directory`."""
    if system.name != "dajizhong":
        return {}
    (directory / "files").mkdir(parents=True, exist_ok=True)
    return {"files": directory / "files"}


def _file_options(directory: pathlib.Path) -> dict[str, str]:
    """Both directions in one directory: the files' names keep them apart."""
    (directory / "files").mkdir(parents=True, exist_ok=True)
    return {"file_in": str(directory / "files"), "file_out": str(directory / "files")}


def _calling_fixed(system: System, port: int, directory: pathlib.Path) -> Instance:
    write_secret(directory / "keys" / "dajizhong.password", "secret\n")
    return Instance("asked", "fixed", mapping=system.mapping,
                    options={"connect": f"127.0.0.1:{port}", **_file_options(directory),
                             "password_file": str(directory / "keys" / "dajizhong.password")})


def _serving_fixed(system: System, port: int, directory: pathlib.Path) -> Instance:
    write_secret(directory / "keys" / "dajizhong.password", "secret\n")
    (directory / "answers").mkdir(parents=True, exist_ok=True)
    return Instance("asking", "fixed", mapping=system.mapping, caller_inquires=True,
                    options={"mode": "serve", "listen": f"127.0.0.1:{port}",
                             "password_file": str(directory / "keys" / "dajizhong.password"),
                             "state_directory": str(directory / "answers"), **_file_options(directory)})


def _calling_caret(system: System, port: int, directory: pathlib.Path) -> Instance:
    write_secret(directory / "keys" / "danxian.password", "secret\n")
    (directory / "tally").mkdir(parents=True, exist_ok=True)
    return Instance("asked", "caret", mapping=system.mapping,
                    options={"mode": "call", "connect": f"127.0.0.1:{port}",
                             "password_file": str(directory / "keys" / "danxian.password"),
                             "state_directory": str(directory / "tally")})


def _national(name: str, **options: object) -> Instance:
    """Return an instance of the national interface, with the baseline's profile."""
    return Instance(name, "national", options={"profile": f"{SOURCE}/etc/profile/plain.cfg", **options})


def _serving_national(system: System, port: int, directory: pathlib.Path) -> Instance:
    (directory / "files").mkdir(parents=True, exist_ok=True)
    return _national("asking", mode="serve", listen=f"127.0.0.1:{port}", area=system.region,
                     file_directory=directory / "files")


def _calling_national(system: System, port: int, directory: pathlib.Path) -> Instance:
    (directory / "files").mkdir(parents=True, exist_ok=True)
    return _national("asked", mode="call", connect=f"127.0.0.1:{port}", quiet_time=1000, late_time=3000,
                     file_directory=directory / "files", institution="G45000000001", area="450000")


Make = Callable[[System, int, pathlib.Path], Instance]
ASKING: dict[str, Make] = {"danxian": _serving_caret, "wuxian": _serving_soap, "dajizhong": _serving_fixed,
                           "platform": _serving_national}
ASKED: dict[str, Make] = {"danxian": _calling_caret, "wuxian": _calling_soap, "dajizhong": _calling_fixed,
                          "platform": _calling_national}


class Pair:
    """One region's hospitals treat the other's insured."""

    def __init__(self, world: World, asking: System, asked: System, **common: object):
        self.world = world
        self.asking, self.asked = asking, asked
        self.platform_port, self.asking_port, self.asked_port = free_port(), free_port(), free_port()
        self.hospitals: pathlib.Path | None = None  # control sockets
        self.insurer: pathlib.Path | None = None
        self._add_gateways(common)

    def _add_gateways(self, common: dict) -> None:
        root, asking, asked = self.world.directory, self.asking, self.asked
        prefix = asked.region[:4]
        serving = ASKING[asking.name](asking, self.asking_port, root / "asking")
        calling = ASKED[asked.name](asked, self.asked_port, root / "asked")
        self.world.add(Gateway(asking.node, asking.city, asking.region, root / "asking",
                               dials={PLATFORM: self.platform_port}, instances=[serving],
                               routes=[{"prefix": "", "to": [PLATFORM]}], **common))
        self.world.add(Gateway(PLATFORM, "平台", "", root / "platform", listen=self.platform_port,
                               accepts=[asking.node, asked.node],
                               routes=[{"prefix": prefix, "to": [asked.node]}], **common))
        self.world.add(Gateway(asked.node, asked.city, asked.region, root / "asked",
                               dials={PLATFORM: self.platform_port}, instances=[calling],
                               routes=[{"prefix": prefix, "to": [calling.name]}, {"prefix": "", "to": [PLATFORM]}],
                               **common))

    def start(self, hospital_options: dict | None = None, **insurer_options: object) -> None:
        """Start everything and wait until the first request can pass."""
        world = self.world
        world.prepare()
        if world.with_syslog:
            world.start_syslog()
        self.insurer = world.start_fepsim(self.asked.name, "insurer", role="asked", region=self.asked.region,
                                          listen=f"127.0.0.1:{self.asked_port}",
                                          **shared_files(self.asked, world.directory / "asked"), **insurer_options)
        for gateway in world.gateways:
            world.start_gateway(gateway)
        for gateway in world.gateways:
            world.wait_ready(gateway)
        wait_until("the asking side's port listens", lambda: listens(self.asking_port))
        self.hospitals = world.start_fepsim(self.asking.name, "hospitals", role="asking", region=self.asking.region,
                                            gateway=f"127.0.0.1:{self.asking_port}", **(hospital_options or {}),
                                            **shared_files(self.asking, world.directory / "asking"))

    def books(self) -> tuple[list[dict], list[dict]]:
        """Return what the hospitals were told and what the insurer posted."""
        told, posted = self.world.ask(self.hospitals, {"op": "books"}), self.world.ask(self.insurer, {"op": "books"})
        if not told or not told["ok"] or not posted or not posted["ok"]:
            raise RuntimeError("a stand-in does not show its books")
        return told["entries"], posted["postings"]


ALIAS_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._:/+*=@"
ALIAS_LETTERS, ALIAS_LENGTH = 4, 30


def whole_id(told: str) -> str:
    """Return the id behind an alias: one that is longer than a local field is told as ~ and 19 digits to the base 45,
    which hold its letters, its digits, and how many there are of each."""
    if not told.startswith("~"):
        return told
    value = 0
    for digit in told[1:]:
        value = value * len(ALIAS_DIGITS) + ALIAS_DIGITS.index(digit)
    value, form = divmod(value, (ALIAS_LETTERS + 1) * (ALIAS_LENGTH + 1))
    letters, length = divmod(form, ALIAS_LENGTH + 1)
    number = str(value % 10 ** (length - letters)).zfill(length - letters) if length > letters else ""
    value //= 10 ** (length - letters)
    head = ""
    for _ in range(letters):
        value, letter = divmod(value, 26)
        head = chr(ord("A") + letter) + head
    return head + number


AMOUNTS = ("total", "fund", "acct", "cash")
IN_FORCE = ("posted", "cancelled")  # a cancelled settlement and its cancellation both stand and come to nothing


def compare_books(pair: Pair) -> list[str]:
    """Return in words what the hospitals believe and the insurer does not hold, and the other way round."""
    entries, postings = pair.books()
    standing = {posting["setl_id"]: posting for posting in postings
                if posting["kind"] in ("settle", "cancel") and posting["state"] in IN_FORCE}
    differences: list[str] = []
    believed: set[str] = set()
    for entry in entries:
        if OPERATION_OF.get(entry["code"]) not in WITH_MONEY:
            continue
        ended = entry["conclusion"]
        if ended is None:
            differences.append(f"{entry['msgid']}: the hospital still waits for an end")
        elif ended["told"] in ("good", "stands"):
            setl_id = whole_id(ended["out"]["setl_id"])
            believed.add(setl_id)
            posting = standing.get(setl_id)
            if posting is None:
                differences.append(f"{entry['msgid']}: told good, which the insurer does not hold in force")
            elif any(posting[name] != ended["out"][name] for name in AMOUNTS):
                differences.append(f"{entry['msgid']}: told with other amounts than were posted")
        elif ended["told"] not in ("refused", "not_sent", "reversed"):
            differences.append(f"{entry['msgid']}: ended as {ended['told']}")
    return differences + [f"{setl_id}: posted and in force, but the hospital was not told so"
                          for setl_id in standing.keys() - believed]
