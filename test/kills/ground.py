"""What the machine lets a test do to itself: process, mount and network namespaces, small disks, packet filters, clocks
that lie. Whatever is not permitted is named in `missing` with its reason, and the rest goes on without it.

Everything made here lives in namespaces of the run: when its first process ends, however it ends, the kernel takes
processes, mounts and links away. Nothing outside is changed.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

from trial import faketime_library

PARTS = ("pid", "mount", "net")
INSIDE = "FEP_KILLS_INSIDE"  # which of the parts the process is inside of
OPTIONS = {"pid": ["--pid", "--fork", "--kill-child", "--mount-proc"], "mount": ["--mount"], "net": ["--net"]}
TRIED = (("pid", "mount", "net"), ("pid", "mount"))


def run(*command: object) -> subprocess.CompletedProcess:
    """Run a short command; never raises."""
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def do(*command: object) -> None:
    """Run a short command that must succeed."""
    done = run(*command)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


def unshare_command(parts: tuple[str, ...], as_user: bool) -> list[str]:
    """Return the command that puts another one into namespaces of its own."""
    options = [option for part in parts for option in OPTIONS[part]]
    return ["unshare", *options, *(["--map-root-user"] if as_user else []), "--"]


def enter(argv: list[str]) -> None:
    """Become the same program inside of as many namespaces as may be had. Returns if there are none to be had."""
    for parts in TRIED:
        for as_user in (False, True):
            command = unshare_command(parts, as_user)
            if run(*command, "true").returncode == 0:
                os.environ[INSIDE] = ",".join(parts)
                sys.stdout.flush()
                os.execvp(command[0], [*command, *argv])
    os.environ[INSIDE] = "none"


def reap_until_done(work) -> int:
    """Do `work` in a child and bury whatever is left to the first process of the namespace meanwhile."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = work()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xFF


class Net:
    """A network namespace joined to the run's own by one pair of virtual Ethernet devices."""

    def __init__(self, number: int):
        self.device = "up"
        self.address, self.far = f"10.77.{number}.2", f"10.77.{number}.1"
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
                                       stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.holder.stdout.readline()  # from here on it is in its namespace
        self.within = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        do("ip", "link", "add", "name", f"region{number}", "type", "veth", "peer", "name", self.device, "netns",
           self.holder.pid)
        do("ip", "address", "add", f"{self.far}/30", "dev", f"region{number}")
        do("ip", "link", "set", f"region{number}", "up")
        for command in (("ip", "link", "set", "lo", "up"), ("ip", "address", "add", f"{self.address}/30", "dev", "up"),
                        ("ip", "link", "set", "dev", "up", "up"), ("ip", "route", "add", "default", "via", self.far)):
            do(*self.within, *command)

    def filter_ready(self) -> bool:
        """Make the tables that packets are dropped in; False where the kernel or the tool lacks it."""
        rules = ("add table inet kills\n"
                 "add chain inet kills out { type filter hook output priority 0; }\n"
                 "add chain inet kills in { type filter hook input priority 0; }\n")
        with contextlib.suppress(OSError):
            done = subprocess.run([*self.within, "nft", "-f", "-"], input=rules, text=True, capture_output=True, check=False)
            return done.returncode == 0
        return False

    def drop(self, ways: tuple[str, ...], percent: int) -> None:
        """Drop packets that leave ("out") or come ("in") on the link."""
        for way in ways:
            match = ["oifname" if way == "out" else "iifname", self.device]
            chance = [] if percent >= 100 else ["numgen", "random", "mod", "100", "<", str(percent)]
            do(*self.within, "nft", "add", "rule", "inet", "kills", way, *match, *chance, "drop")

    def pass_all(self) -> None:
        """Drop nothing any more."""
        for way in ("out", "in"):
            do(*self.within, "nft", "flush", "chain", "inet", "kills", way)

    def set_link(self, up: bool) -> None:
        """Pull the cable, or plug it in."""
        do(*self.within, "ip", "link", "set", "dev", self.device, "up" if up else "down")
        if up:
            do(*self.within, "ip", "route", "replace", "default", "via", self.far)


class Disk:
    """A small file system of one gateway's store, which can be filled to the last byte."""

    def __init__(self, place: pathlib.Path, image: pathlib.Path, megabytes: int):
        self.place, self.filler = place, place / "filler"
        place.mkdir(parents=True, exist_ok=True)
        self.kind = "ext4" if self._mount_image(image, megabytes) else "tmpfs"
        if self.kind == "tmpfs":
            image.unlink(missing_ok=True)
            do("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "none", place)
        place.chmod(0o700)

    def _mount_image(self, image: pathlib.Path, megabytes: int) -> bool:
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        return (run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", image).returncode == 0
                and run("mount", "-o", "loop", image, self.place).returncode == 0)

    def fill(self) -> None:
        """Leave no byte free."""
        with self.filler.open("wb") as file:
            room = os.statvfs(self.place)
            with contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, room.f_bfree * room.f_bsize)
            with contextlib.suppress(OSError):
                file.seek(0, os.SEEK_END)
                while True:
                    os.write(file.fileno(), bytes(4096))

    def free(self) -> None:
        """Give the room back."""
        self.filler.unlink(missing_ok=True)


class Ground:
    """What may be done here."""

    def __init__(self) -> None:
        self.inside = set(os.environ.get(INSIDE, "none").split(",")) & set(PARTS)
        self.missing: dict[str, str] = {}
        if "mount" in self.inside and run("mount", "-t", "tmpfs", "none", "/dev/shm").returncode != 0:
            self.missing["small disks"] = "no mount in a namespace of its own"
        elif "mount" not in self.inside:
            self.missing["small disks"] = "no mount namespace may be made"
        if "net" not in self.inside or run("ip", "link", "set", "lo", "up").returncode != 0:
            self.missing["cut links"] = "no network namespace may be made"
        if not faketime_library():
            self.missing["clock steps"] = "libfaketime is not installed"

    def nets(self, count: int) -> list[Net]:
        """Make network namespaces; none where it is not permitted."""
        if "cut links" in self.missing:
            return []
        try:
            made = [Net(number + 1) for number in range(count)]
        except (OSError, RuntimeError) as error:
            self.missing["cut links"] = str(error)
            return []
        if not all(net.filter_ready() for net in made):
            self.missing["dropped packets"] = "nft is not installed or not permitted"
        return made

    def disk(self, place: pathlib.Path, image: pathlib.Path, megabytes: int) -> Disk | None:
        """Make a small disk; None where it is not permitted."""
        if "small disks" in self.missing:
            return None
        try:
            return Disk(place, image, megabytes)
        except (OSError, RuntimeError) as error:
            self.missing["small disks"] = str(error)
            return None


def keep_tree(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy what would go with its namespace; what can not be copied is left out."""
    with contextlib.suppress(OSError, shutil.Error):
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("filler", "ballast*", "lost+found"), dirs_exist_ok=True)
