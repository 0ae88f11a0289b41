"""The integrator's guide, adapters/README.md, performed word for word: its files are written, its commands run in one
shell, its promised output is looked for. Only what the guide leaves to others is played here: the neighbour."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib")]

from world import NANNING, SOURCE, Gateway, Instance, World, free_port, listens, wait_until, write_secret  # noqa: E402

GUIDE = SOURCE / "adapters" / "README.md"
BUILD = pathlib.Path(os.environ.get("FEP_BUILD", SOURCE / "build")).resolve()
BAISE, BAISE_PORT = "GW4510000001", 7702
PERSON, NAME, CERTIFICATE = "45100000000000000001", "韦测", "451000198503120011"
STEP = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$|^<!-- ([^\n]*?) -->$", re.M | re.S)
END = "guide-step-ended"
STEP_SECONDS = 240


class Shell:
    """One shell for all commands of the guide, as a reader has one."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.jobs: list[int] = []
        self.process = subprocess.Popen(
            ["/bin/bash", "--norc"], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
            env={**os.environ, "FEP_SOURCE": str(SOURCE), "FEP_BUILD": str(BUILD), "PYTHONDONTWRITEBYTECODE": "1"})

    def run(self, commands: str) -> str:
        """Run a block of commands, each of which must end well; return what it printed."""
        self.process.stdin.write(f"set -e -o pipefail\n{commands}set +e\necho {END} $?\n")
        self.process.stdin.flush()
        said = []
        end = time.monotonic() + STEP_SECONDS
        for line in self.process.stdout:
            if line.startswith(END):
                return "".join(said)
            said.append(line)
            if time.monotonic() > end:
                break
        raise AssertionError(f"a command failed or took too long:\n{commands}\n{''.join(said)[-3000:]}")

    def start(self, commands: str) -> int:
        """Run a block in the background; return its process."""
        number = len(self.jobs)
        self.run(f"{{ {commands.rstrip()}\n}} > job{number}.out 2>&1 &\necho $! > job{number}.pid\n")
        self.jobs.append(int((self.directory / f"job{number}.pid").read_text()))
        return number

    def ended(self, number: int) -> bool:
        """Has a background block ended?"""
        return not pathlib.Path(f"/proc/{self.jobs[number]}").exists()

    def output(self, number: int) -> str:
        """Return what a background block printed."""
        return (self.directory / f"job{number}.out").read_text(errors="replace")

    def close(self) -> None:
        """End the shell and what it started, gateways in order."""
        for pid in reversed(self.jobs):
            for child in [pid, *self._children(pid)]:
                try:
                    os.kill(child, signal.SIGTERM)
                except ProcessLookupError:
                    pass
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()

    @staticmethod
    def _children(pid: int) -> list[int]:
        path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return [int(each) for each in path.read_text().split()] if path.exists() else []


class Neighbour:
    """Nanning: a gateway with a hospital, dialling Baise."""

    def __init__(self, world: World):
        self.world = world
        self.port = free_port()
        self.hospitals: pathlib.Path | None = None
        self.captured = world.directory
        directory = world.directory / "nanning"
        write_secret(directory / "keys" / "danxian.password", "secret\n")
        (directory / "cycles").mkdir(parents=True)
        asking = Instance("danxian", "caret", mapping=f"{SOURCE}/etc/mapping/danxian-450100.cfg",
                          options={"mode": "serve", "listen": f"127.0.0.1:{self.port}",
                                   "password_file": str(directory / "keys" / "danxian.password"),
                                   "state_directory": str(directory / "cycles")})
        world.add(Gateway(NANNING, "南宁", "450100", directory, dials={BAISE: BAISE_PORT}, instances=[asking],
                          routes=[{"prefix": "", "to": [BAISE]}]))
        world.add(Gateway(BAISE, "百色", "451000", world.directory / "placeholder", accepts=[NANNING],
                          routes=[{"prefix": "", "to": [NANNING]}]))

    def exchange_keys(self, guide: pathlib.Path) -> None:
        """Give ours, take theirs."""
        self.world.prepare()
        ours = self.world.gateways[NANNING].directory / "keys"
        shutil.copy(ours / "link.secret.pub", guide / "keys" / f"{NANNING}.pub")
        shutil.copy(guide / "keys" / "link.key.pub", ours / f"{BAISE}.pub")
        config = self.world.gateways[NANNING].config
        config.write_text(config.read_text(encoding="utf-8").replace("gateway = {", "gateway = { capture_allowed = true;", 1),
                          encoding="utf-8")

    def start(self) -> None:
        """Start the gateway and its hospital; wait until Baise is linked."""
        self.world.start_gateway(NANNING)
        self.world.wait_ready(NANNING)
        wait_until("danxian's port listens", lambda: listens(self.port))
        self.hospitals = self.world.start_fepsim("danxian", "danxian", region="450100", gateway=f"127.0.0.1:{self.port}")

    def ask(self, op: str, **fields: object) -> dict:
        """Do one operation at the hospital, which must be told good; return its figures."""
        answer = self.world.ask(self.hospitals, {"op": op, "area": "451000", "visit_no": "MZGUIDE0001", **fields})
        if not answer or not answer["ok"] or answer["told"] != "good":
            raise AssertionError(f"{op}: {answer}")
        return answer["out"]

    def begin_capture(self) -> None:
        """Nanning's own exchanges too: those of a system that asks."""
        self.captured = self.world.directory / "captured"
        self.captured.mkdir()
        self.world.spawn("capture", [self.world.fepctl, "-c", self.world.gateways[NANNING].config, "capture", "danxian", "5",
                                     "--out", self.captured, "--why", "trial"])

    def check_capture(self) -> list[pathlib.Path]:
        """What was captured is a set of goldens of the mapping."""
        wait_until("Nanning's capture has ended", lambda: self.world.processes["capture"].poll() is not None, 30)
        for more in (["--overwrite"], []):
            done = subprocess.run([self.world.fepctl, "--lang", "en", "map", "golden", *more,
                                   f"{SOURCE}/etc/mapping/danxian-450100.cfg", self.captured], capture_output=True, text=True,
                                  timeout=60, check=False)
            if done.returncode != 0 or "5 goldens" not in done.stdout:
                raise AssertionError(f"map golden: {done.stdout}{done.stderr}{self.world.output('capture')}")
        return sorted(self.captured.glob("*.json"))

    def treat(self) -> tuple[dict, dict]:
        """A visit with two lines, settled and cancelled; return both ends' figures."""
        self.ask("person", kind="psn_no", value=PERSON, name=NAME, med_type="11")
        self.ask("register", psn_no=PERSON, name=NAME, med_type="11", diag="J06.900", diag_name="急性上呼吸道感染")
        self.ask("details", lines=[{"line_no": "1", "item": "4501-0001", "price": "12.50", "qty": "2"},
                                   {"line_no": "2", "item": "4501-0002", "price": "100.55", "qty": "1"}])
        return self.ask("settle", use_acct=0), self.ask("cancel_settlement", reason="退费")


class Guide(unittest.TestCase):
    """Every step of the guide, in its order."""

    def setUp(self) -> None:
        self.world = World(syslog=False)
        self.addCleanup(self.world.stop)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="fep-guide-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.neighbour = Neighbour(self.world)
        self.shell = Shell(self.directory)
        self.addCleanup(self.shell.close)
        self.said, self.played = "", 0
        self.figures: tuple[dict, dict] = ({}, {})

    def test_the_guide_word_for_word(self) -> None:
        played = {"the neighbour's key": lambda: self.neighbour.exchange_keys(self.directory),
                  "the gateway is ready": self.connect,
                  "the neighbour's hospital treats one of our insured": self.treat,
                  "the capture has ended": self.end_of_capture}
        for kind, more, text, comment in STEP.findall(GUIDE.read_text(encoding="utf-8")):
            with self.subTest(comment or f"{kind} {more} {text[:60]}"):
                if comment in played:
                    played.pop(comment)()
                elif not comment:
                    self.perform(kind, more.strip(), text)
        self.assertEqual({}, played)
        self.assertGreater(self.played, 20)
        self.check_book()

    def perform(self, kind: str, more: str, text: str) -> None:
        """Write a file, run commands, or look for output."""
        self.played += 1
        if more.startswith("file"):
            self.write(more, text)
        elif kind == "sh" and more == "background":
            self.shell.start(text)
        elif kind == "sh":
            self.said = self.shell.run(text)
        elif kind == "output":
            at = 0
            for line in text.splitlines():
                found = self.said.find(line.strip(), at)
                self.assertGreaterEqual(found, 0, f"{line!r} is not in what was said:\n{self.said}")
                at = found
        else:
            self.fail(f"a block that says neither file nor command: {kind} {more}")

    def write(self, more: str, text: str) -> None:
        """Write a file, or add to one."""
        operator, name = re.fullmatch(r"file(\+?=)(\S+)", more).groups()
        with (self.directory / name).open("a" if operator == "+=" else "w", encoding="utf-8") as file:
            file.write(text)

    def connect(self) -> None:
        """The neighbour dials in."""
        wait_until("Baise listens", lambda: listens(BAISE_PORT))
        self.neighbour.start()

    def treat(self) -> None:
        """The hospital waits until the capture has begun, so that it sees the whole visit."""
        wait_until("the capture has begun", lambda: "masked" in self.shell.output(1), 20)
        self.neighbour.begin_capture()
        wait_until("Nanning's capture has begun", lambda: "masked" in self.world.output(NANNING), 20)
        self.figures = self.neighbour.treat()

    def end_of_capture(self) -> None:
        """It has written what it promised, and nothing personal."""
        wait_until("the capture has ended", lambda: self.shell.ended(2), 30)
        files = sorted((self.directory / "captured").glob("*.json"))
        self.assertEqual(5, len(files), self.shell.output(2))
        theirs = self.neighbour.check_capture()
        self.assertEqual(5, len(theirs))
        for file in [*files, *theirs]:
            text = file.read_text(encoding="utf-8")
            for personal in (PERSON, NAME, CERTIFICATE):
                self.assertNotIn(personal, text, file.name)

    def check_book(self) -> None:
        """What Baise posted is what Nanning's hospital was told, to the fen, and settled and cancelled come to nothing."""
        book = [json.loads(line) for line in (self.directory / "pipeline.book").read_text(encoding="utf-8").splitlines()]
        self.assertEqual(["R01", "F01", "S01", "C01"], [entry["tran"] for entry in book])
        settled, cancelled = ({name: int(value) for name, value in zip(("total", "fund", "acct", "cash"), out)}
                              for out in (book[2]["out"][2:6], book[3]["out"][3:7]))
        self.assertEqual(12555, settled["total"])
        self.assertEqual(settled["total"], settled["fund"] + settled["acct"] + settled["cash"])
        for posted, told in ((settled, self.figures[0]), (cancelled, self.figures[1])):
            self.assertEqual(posted, {name: told[name] for name in posted})
        self.assertEqual({name: -value for name, value in settled.items()}, cancelled)


if __name__ == "__main__":
    unittest.main()
