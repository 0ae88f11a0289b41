"""A chain of three gateways with loopback modules under a stream of updates. Backups are taken under load, business goes
on, a gateway is killed and comes back from its backup, each role in turn: what it forgot is neither posted twice nor told
otherwise, and every answer that was told stays true. The operator's part of the drill is played with fepctl, from the far
side's book."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "scenario"), str(ROOT / "fepsim")]

from callers import LoopbackCaller  # noqa: E402
from fepsim import china_time, visits  # noqa: E402
from pairs import DANXIAN, WUXIAN, Pair, compare_books  # noqa: E402
import test_chain_kills as chain  # noqa: E402  # its callers, not its tests
from regions import Regions  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import NANNING, PLATFORM, YULIN, NotReached, World, wait_until  # noqa: E402

CALLERS = 6
RESTORES = int(os.environ.get("FEP_RESTORES", "3"))


def resolving(world: World, node: str) -> dict:
    """Return what fepctl says is not resolved yet at a gateway; {} while it does not answer."""
    text = world.control(world.gateways[node], "resolving", "--json", check=False)
    return json.loads(text) if text.startswith("{") else {}


class Restore(unittest.TestCase):
    """One world for all roles."""

    def setUp(self) -> None:
        self.world = World(syslog=False)
        self.addCleanup(self.world.stop)
        self.regions = Regions(self.world, loopback=True)
        self.streams: list[chain.Stream] = []

    def more_answers(self, count: int) -> None:
        """Wait until so many further updates were answered."""
        before = chain.answered(self.streams)
        wait_until(f"{count} more answers", lambda: chain.answered(self.streams) >= before + count, chain.PATIENCE_S)

    def back_up(self, node: str, name: str) -> pathlib.Path:
        """Take a backup of a running gateway."""
        directory = self.world.directory / name
        self.world.control(self.world.gateways[node], "backup", str(directory))
        return directory

    def kill_all(self, node: str) -> None:
        """End every process of a gateway at once, the keeper first."""
        for pid in self.world.family(node):
            os.kill(pid, signal.SIGKILL)
        self.world.processes.pop(node).wait()

    def put_back(self, node: str, backup: pathlib.Path) -> None:
        """The drill up to the start."""
        gateway = self.world.gateways[node]
        wait_until("the lock is free", lambda: subprocess.run(
            ["flock", "-n", gateway.directory / "state" / "lock", "true"], check=False).returncode == 0)
        self.world.control(gateway, "restore", str(backup), "--why", "drill")
        self.world.start_gateway(node)
        self.world.wait_ready(node)

    def serial_in_book(self, msgid: str) -> str:
        """As a person would look it up: the serial under which the far side holds it in force, or absent."""
        serial = "absent"
        for entry in self.regions.posted.read_text(encoding="utf-8").splitlines():
            word, *middle, posted = entry.split()
            if posted == msgid:
                serial = middle[0] + middle[1] if word == "post" else "absent" if word == "reverse" else serial
        return serial

    def resolve(self, node: str) -> None:
        """The peers speak for themselves; for the instances a person looks into the book."""
        gateway = self.world.gateways[node]
        try:
            wait_until("every peer was heard", lambda: (found := resolving(self.world, node)) and not [
                one for one in found["resolving"] if one["kind"] == "peer"])
        except NotReached as error:
            logs = "\n".join(f"--- {name}\n{self.world.output(name)[-3000:]}" for name in self.world.gateways)
            raise NotReached(f"{error}: {node} {resolving(self.world, node)}\n{logs}") from None
        found = resolving(self.world, node)
        for lost in found["without_serial"]:
            self.world.control(gateway, "traced", lost["instance"], lost["msgid"], self.serial_in_book(lost["msgid"]),
                               "--why", "looked it up")
        for one in found["resolving"]:
            wait_until(f"{one['name']} is resolved", lambda name=one["name"]: subprocess.run(
                [self.world.fepctl, "-c", gateway.config, "resolved", name, "--why", "drill"],
                capture_output=True, check=False).returncode == 0, 60)

    def told_again(self, endings: dict[str, str]) -> list[str]:
        """Ask once more about what was told as answered; return what is told otherwise now."""
        caller = LoopbackCaller(self.regions.asking_socket, 130)
        wrong = []
        for msgid in [msgid for msgid, ending in endings.items() if ending == "answered"][-200:]:
            number = int(msgid[26:28])
            body = b'{"input":{"data":{"psn_no":"P' + str(number).encode() + b'"}}}'
            head, _ = caller.ask(msgid, body, person=f"P{number}")
            if head["kind"] != "answered":
                wrong.append(f"{msgid}: told answered, now {head}")
        caller.close()
        return wrong

    def test_each_role_comes_back_from_a_backup_under_load(self) -> None:
        """Destination, transit and origin, from backups of different age."""
        seed = int(os.environ.get("FEP_SEED", time.time_ns() % 1_000_000))
        print(f"# FEP_SEED={seed}", flush=True)
        dice = random.Random(seed)
        self.regions.start()
        self.streams = [chain.Stream(self.regions, number) for number in range(CALLERS)]
        for stream in self.streams:
            stream.daemon = True
        for stream in self.streams:
            stream.start()
        try:
            for node in ((YULIN, PLATFORM, NANNING) * RESTORES)[:RESTORES]:
                self.more_answers(dice.randint(5, 40))
                name = f"{node}-{len(list(self.world.directory.glob('*-backup*')))}-backup"
                backup = self.back_up(node, name)
                self.more_answers(dice.randint(5, 60))
                self.kill_all(node)
                threading.Event().wait(dice.uniform(0.0, 0.5))  # how long it is away is what is random here
                self.put_back(node, backup)
                self.resolve(node)
                self.more_answers(10)
        finally:
            for stream in self.streams:
                stream.stop.set()
        for stream in self.streams:
            stream.join()
        logs = "\n".join(f"--- {node}\n{self.world.output(node)[-4000:]}" for node in self.world.gateways)
        wait_until("every update has its ending everywhere", lambda: not open_anywhere(self.world), chain.PATIENCE_S)
        endings = {msgid: ending for stream in self.streams for msgid, ending in stream.endings.items()}
        self.assertEqual(chain.ChainKills.differences(self.regions, endings), [], logs)
        self.assertEqual(self.told_again(endings), [], logs)
        self.assertEqual(chain.ChainKills.differences(self.regions, endings), [], logs)

    def test_the_drill_refuses_what_would_do_harm(self) -> None:
        """A running gateway, another one's backup, a name in use."""
        self.regions.start()
        world = self.world
        yulin, nanning = world.gateways[YULIN], world.gateways[NANNING]
        backup = self.back_up(YULIN, "yulin-backup")
        for words in (["backup", str(backup)], ["restore", str(backup), "--why", "drill"], ["restore", str(backup)]):
            done = subprocess.run([world.fepctl, "-c", yulin.config, *words], capture_output=True, check=False)
            self.assertNotEqual(done.returncode, 0, words)
        self.assertEqual(world.stop_process(NANNING), 0)
        done = subprocess.run([world.fepctl, "-c", nanning.config, "restore", str(backup), "--why", "drill"],
                              capture_output=True, text=True, check=False)
        self.assertIn(YULIN, done.stderr)
        self.assertFalse(list((nanning.directory / "state").glob("replaced-*")))
        shutil.rmtree(backup)
        self.assertFalse([one for one in self.resolving_of(YULIN)])

    def resolving_of(self, node: str) -> list:
        """Return the names that are resolving at a gateway."""
        return resolving(self.world, node).get("resolving", [])


class Details(unittest.TestCase):
    """A danxian that can show its day: its details give lost postings their serials back."""

    def test_the_days_details_give_the_serials_back(self) -> None:
        """What was posted and told since the backup is known again to the fen, and nothing is posted before."""
        with World(syslog=False) as world:
            pair = Pair(world, WUXIAN, DANXIAN)
            pair.start()
            gateway = world.gateways[NANNING]
            backup = world.directory / "backup"
            world.control(gateway, "backup", str(backup))
            for step in visits.EVERY["outpatient_visit"](str(pair.hospitals), area="450100", region="450300"):
                self.assertTrue(step["expected"], step)
            wait_until("everything is closed", lambda: not open_anywhere(world))
            for pid in world.family(NANNING):
                os.kill(pid, signal.SIGKILL)
            world.processes.pop(NANNING).wait()
            wait_until("the lock is free", lambda: subprocess.run(
                ["flock", "-n", gateway.directory / "state" / "lock", "true"], check=False).returncode == 0)
            world.control(gateway, "restore", str(backup), "--why", "drill")
            world.start_gateway(NANNING)
            world.wait_ready(NANNING)
            wait_until("the platform was heard", lambda: [
                one["kind"] for one in resolving(world, NANNING).get("resolving", [])] == ["instance"])
            settled = [one for one in resolving(world, NANNING)["without_serial"] if one["setl_id"]]
            self.assertTrue(settled)
            done = subprocess.run([world.fepctl, "-c", gateway.config, "resolve", "asked"], capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertIn(f"serials found {len(settled)}", done.stdout, done.stderr)
            self.assertFalse([one for one in resolving(world, NANNING)["without_serial"] if one["setl_id"]])
            world.control(gateway, "resolved", "asked", "--why", "compared")
            wait_until("everything is closed", lambda: not open_anywhere(world))
            world.control(gateway, "reconcile", "asked", china_time.stamp()[:8])  # equal, or it fails
            for step in visits.EVERY["pharmacy_and_refund"](str(pair.hospitals), area="450100", region="450300"):
                self.assertTrue(step["expected"], step)
            self.assertEqual(compare_books(pair), [])


if __name__ == "__main__":
    unittest.main()
