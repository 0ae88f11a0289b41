"""What nobody knows, settled by two people: a local system that was asked and never says what became of a settlement.
The host beside it is moved by hand; the operators are other users of this machine."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from callers import LoopbackCaller  # noqa: E402
from world import Gateway, Instance, World, wait_until  # noqa: E402

NODE = "GW4501000001"
BAD, MISUSED = 1, 100
ANSWERED, REFUSED, UNKNOWN = 1, 3, 4
SUBMIT, QUERY = 1, 6
IN_PROGRESS = 3
CALLS_OUT, INQUIRES, REVERSES = 1, 4, 8
FIRST, SECOND, STRANGER = 20001, 20002, 20003
GOOD_ANSWER = {"setl_id": "S20261122000000000001", "medfee_sumamt": "100.00", "fund_pay_sumamt": "60.00",
               "acct_pay": "15.00", "psn_cash_pay": "25.00"}


class SilentSystem:
    """A host whose local system takes everything and tells nothing."""

    def __init__(self, world: World, epoch: int):
        program = world.build / "test" / "scenario" / "speak_as_host"
        endpoint = f"ipc://{world.sockets}/{NODE}/control"
        abilities = CALLS_OUT | INQUIRES | REVERSES
        self.process = subprocess.Popen([program, endpoint, "loop", str(epoch), str(abilities)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.submitted: list[int] = []  # calls that were first submissions
        self.others = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._live, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            kind, number, _ok, _code, operation, _text = line.rstrip("\n").split(" ", 5)
            if kind != "submit":
                continue
            if int(operation) == QUERY:
                self.say(f"done {number} {REFUSED} 1101 0")
            elif int(operation) == SUBMIT:
                self.submitted.append(int(number))
                self.say(f"done {number} {UNKNOWN} 9002 0")
            else:
                self.others += 1
                self.say(f"done {number} {ANSWERED} 0 {IN_PROGRESS}")

    def _live(self) -> None:
        """Say every second that it lives, as a host does, until the process has ended."""
        ended = False
        while not ended:
            self.say("health 0")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
                ended = True

    def say(self, line: str) -> None:
        """Send one frame."""
        with self._lock:
            try:
                self.process.stdin.write(line + "\n")
                self.process.stdin.flush()
            except (OSError, ValueError):
                pass  # it was stopped

    def stop(self) -> None:
        """End it."""
        with self._lock:
            self.process.stdin.close()
        self.process.wait(10)


@unittest.skipIf(os.geteuid() != 0, "needs to run commands as other users")
class UnknownTest(unittest.TestCase):
    """One gateway; the tests run in the order of their names, as a story."""

    world: World
    system: SilentSystem
    epoch = 2000

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.calls = cls.world.sockets / "calls"
        gateway = cls.world.add(Gateway(
            NODE, "南宁", "450100", cls.world.directory / "one", bounds={"unclear_ms": 1000},
            instances=[Instance("asking", "loopback", options={"listen": f"unix:{cls.calls}"}),
                       Instance("loop", "nowhere")],  # no such module: the place is this test's
            routes=[{"prefix": "4501", "to": ["loop"]}]))
        cls.world.prepare()
        cls.operators = cls.world.sockets / "operators"
        cls.operators.mkdir(mode=0o755)
        with gateway.config.open("a", encoding="utf-8") as config:
            config.write(f'operators = {{ socket = "{cls.operators}/socket"; uids = [ {FIRST}, {SECOND} ]; }};\n')
        for directory in (cls.world.sockets, cls.world.directory, gateway.directory):
            directory.chmod(0o711)  # other users may pass, not look
        gateway.config.chmod(0o644)
        cls.world.start_gateway(NODE)
        wait_until("it answers", lambda: cls.world.status(NODE))
        cls.new_system()

    @classmethod
    def new_system(cls) -> None:
        """A host of the next epoch, in place of the last."""
        if cls.epoch > 2000:
            cls.system.stop()
        cls.epoch += 1
        cls.system = SilentSystem(cls.world, cls.epoch)
        cls.addClassCleanup(cls.system.stop)
        wait_until("both hosts are ready", lambda: all(
            one["ready"] for one in (cls.world.status(NODE) or {"instances": [{"ready": False}]})["instances"]))

    # --- what people do ---------------------------------------------------------------------------------------

    def fepctl(self, uid: int, *words: object) -> subprocess.CompletedProcess:
        """Run fepctl as this user."""
        return subprocess.run([self.world.fepctl, "-c", self.world.gateways[NODE].config, "--lang", "en",
                               *map(str, words)], capture_output=True, text=True, timeout=60, check=False, user=uid)

    def unknown(self, uid: int = FIRST) -> dict:
        """Return what `fepctl unknown` says."""
        return json.loads(self.fepctl(uid, "unknown", "--json").stdout)

    def entry(self, msgid: str) -> dict:
        """Return the destination's entry about a message, or {}."""
        return next((one for one in self.unknown()["unclear"]
                     if one["msgid"] == msgid and one["role"] == "destination"), {})

    def proposals(self) -> list[dict]:
        """Return all proposals, the newest first."""
        done = self.fepctl(SECOND, "proposals", "--all", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def answer_file(self, **changes: object) -> pathlib.Path:
        """Write what a clerk found in the local system's details."""
        path = self.world.directory / "answer.json"
        path.write_text(json.dumps({**GOOD_ANSWER, **changes}), encoding="utf-8")
        path.chmod(0o644)
        return path

    def refused(self, done: subprocess.CompletedProcess, code: int) -> None:
        """It was refused with this code."""
        self.assertEqual(done.returncode, BAD, done.stdout + done.stderr)
        self.assertIn(f"FEP-{code}", done.stderr)

    def propose(self, *words: object, uid: int = FIRST) -> int:
        """Propose; return the proposal's number."""
        done = self.fepctl(uid, "propose", *words, "--why", "seen in the details of the day")
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout.split()[1])

    def confirm(self, number: int, uid: int = SECOND) -> None:
        """Confirm when no call is open any more."""
        def tried() -> bool:
            done = self.fepctl(uid, "confirm", number)
            if "FEP-2423" in done.stderr:
                return False
            self.assertEqual(done.returncode, 0, done.stderr)
            return True
        wait_until("the proposal can be confirmed", tried)

    def ask(self, msgid: str, person: str) -> LoopbackCaller:
        """Ask for a settlement whose outcome nobody will tell; returns the caller who waits."""
        caller = LoopbackCaller(self.calls)
        self.addCleanup(caller.close)
        wait_until("the caller's host takes something", lambda: caller.ask(
            f"Q{msgid}", b"{}", infno="1101", insured_area="450100", person=person)[0]["kind"] != "not_sent")
        caller.send(msgid, b'{"input":{}}', insured_area="450100", person=person)
        wait_until("it is unknown", lambda: self.entry(msgid).get("state") == "unknown")
        return caller

    def log(self) -> str:
        """Return the gateway's log."""
        return "".join(path.read_text(encoding="utf-8", errors="replace")
                       for path in self.world.directory.glob("*.out"))

    # --- the story --------------------------------------------------------------------------------------------

    def test_1_posted_needs_an_answer_and_two_people(self) -> None:
        """One proposes, another confirms; the caller gets the answer that they brought."""
        caller = self.ask("M1", "P1")
        entry = wait_until("in progress for too long", lambda: self.entry("M1") if self.entry("M1").get("person")
                           else None)
        self.assertEqual((entry["wait"], entry["settles"], entry["name_zh"]),
                         ("in_progress", ["posted", "not-posted", "undone"], "门诊结算"))
        self.assertGreaterEqual(entry["asked"], 1)
        shown = self.fepctl(FIRST, "unknown")
        self.assertEqual(shown.returncode, BAD)
        self.assertIn("A PERSON IS NEEDED", shown.stdout)
        self.assertIn("fepctl propose M1 posted --answer FILE --why TEXT", shown.stdout)
        self.assertIn("event=incident_open incident=unknown msgid=M1", self.log())

        self.refused(self.fepctl(FIRST, "propose", "M1", "posted", "--why", "x"), 2425)
        wrong = self.answer_file(fund_pay_sumamt="60.01")
        self.refused(self.fepctl(FIRST, "propose", "M1", "posted", "--answer", wrong, "--why", "x"), 2015)
        self.refused(self.fepctl(FIRST, "propose", "M1", "stands", "--why", "x"), 2425)
        self.refused(self.fepctl(FIRST, "propose", "M9", "undone", "--why", "x"), 2424)
        self.refused(self.fepctl(STRANGER, "propose", "M1", "undone", "--why", "x"), 2427)
        number = self.propose("M1", "posted", "--answer", self.answer_file())
        self.refused(self.fepctl(FIRST, "confirm", number), 2426)
        self.refused(self.fepctl(0, "confirm", number), 2427)
        self.assertEqual(self.entry("M1")["proposal"], number)
        self.confirm(number)
        head, body = caller.receive()
        self.assertEqual((head["kind"], head["effect"]), ("answered", "posted"))
        self.assertEqual(json.loads(body)["output"]["setlinfo"]["setl_id"], GOOD_ANSWER["setl_id"])
        wait_until("it is applied", lambda: self.proposals()[0]["state"] == "applied")
        row = self.proposals()[0]
        self.assertEqual((row["ended"], row["proposed_by"], row["decided_by"], row["total_fen"]),
                         ("answered", FIRST, SECOND, 10000))
        self.assertIn("event=incident_close incident=unknown msgid=M1", self.log())
        self.assertIn(f"event=audit what=propose-posted msgid=M1 instance=loop uid={FIRST}", self.log())
        self.assertIn(f"event=audit what=confirm-posted msgid=M1 instance=loop uid={SECOND}", self.log())

    def test_2_a_later_answer_that_says_otherwise_is_recorded(self) -> None:
        """What was told stays; an alarm is raised and the proposal says so."""
        self.system.say(f"late {self.system.submitted[0]} {REFUSED} 2301 0")
        wait_until("it is contradicted", lambda: self.proposals()[0]["contradicted_ms"] != 0)
        self.assertIn("event=alarm code=2422 msgid=M1", self.log())

    def test_3_a_proposal_outlives_the_router(self) -> None:
        """Withdrawn is withdrawn; proposed again it waits over a kill, and is confirmed after it."""
        self.ask("M2", "P2")
        number = self.propose("M2", "undone")
        self.assertEqual(self.fepctl(SECOND, "withdraw", number, "--why", "look again").returncode, 0)
        self.refused(self.fepctl(SECOND, "confirm", number), 1052)
        number = self.propose("M2", "undone", uid=SECOND)
        router = next(pid for pid in self.world.family(NODE)[1:]
                      if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"fepd"))
        os.kill(router, 9)
        wait_until("another router", lambda: router not in self.world.family(NODE))
        wait_until("it answers", lambda: self.world.status(NODE))
        self.new_system()
        wait_until("the new host is there", lambda: self.entry("M2").get("wait") not in (None, "line"))
        row = self.proposals()[0]
        self.assertEqual((row["id"], row["state"], row["proposed_by"]), (number, "open", SECOND))
        self.refused(self.fepctl(SECOND, "confirm", number), 2426)
        self.confirm(number, uid=FIRST)
        wait_until("it is applied", lambda: self.proposals()[0]["ended"] == "reversed")
        self.assertEqual(self.entry("M2"), {})

    def test_4_what_stands_waits_for_somebody_to_see_to_it(self) -> None:
        """A reversal that the local system will never do, said by two; the caller's side keeps it until acknowledged."""
        self.ask("M3", "P3")
        undoer = LoopbackCaller(self.calls)
        self.addCleanup(undoer.close)
        undoer.send("R3", b"{}", infno="2601", insured_area="450100", person="P3", original_msgid="M3",
                    original_infno="2207")
        wait_until("it is being reversed", lambda: self.entry("M3").get("state") == "reversing")
        self.assertEqual(self.entry("M3")["settles"], ["posted", "not-posted", "undone", "stands"])
        self.confirm(self.propose("M3", "stands"))
        wait_until("it stands", lambda: self.unknown()["standing_count"] > 0 and not self.entry("M3"))
        (standing,) = self.unknown()["standing"]
        self.assertEqual((standing["msgid"], standing["role"]), ("M3", "origin"))
        self.assertEqual(self.fepctl(FIRST, "acknowledge", standing["id"]).returncode, MISUSED)
        done = self.fepctl(FIRST, "acknowledge", standing["id"], "--why", "the clerk was called")
        self.assertEqual(done.returncode, 0, done.stderr)
        nothing = self.fepctl(FIRST, "unknown")
        self.assertEqual(nothing.returncode, 0, nothing.stdout)


if __name__ == "__main__":
    unittest.main()
