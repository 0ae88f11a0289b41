"""fepctl queue and stuck: updates that a local system never answers, seen by hop, by age and one by one."""

import json
import pathlib
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "scenario"), str(ROOT / "fepsim")]

from callers import LoopbackCaller  # noqa: E402
from test_unknown import BAD, MISUSED, NODE, SilentSystem  # noqa: E402
from world import Gateway, Instance, World, wait_until  # noqa: E402

UPDATES = 25
SHOWN = 20


class QueueTest(unittest.TestCase):
    """One gateway whose local system says nothing."""

    world: World

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.calls = cls.world.sockets / "calls"
        cls.world.add(Gateway(NODE, "南宁", "450100", cls.world.directory / "one",
                              instances=[Instance("asking", "loopback", options={"listen": f"unix:{cls.calls}"}),
                                         Instance("loop", "nowhere", window=100)],
                              routes=[{"prefix": "4501", "to": ["loop"]}]))
        cls.world.prepare()
        cls.world.start_gateway(NODE)
        wait_until("it answers", lambda: cls.world.status(NODE))
        cls.system = SilentSystem(cls.world, 3000)
        cls.addClassCleanup(cls.system.stop)
        wait_until("both hosts are ready", lambda: all(
            one["ready"] for one in (cls.world.status(NODE) or {"instances": [{"ready": False}]})["instances"]))

    def fepctl(self, *words: object) -> subprocess.CompletedProcess:
        """Run fepctl in English."""
        return subprocess.run([self.world.fepctl, "-c", self.world.gateways[NODE].config, "--lang", "en",
                               *map(str, words)], capture_output=True, text=True, timeout=60, check=False)

    def queue(self) -> dict:
        """Return what fepctl queue says."""
        done = self.fepctl("queue", "--json")
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def test_what_is_open_by_hop_and_age(self) -> None:
        """Nothing, then what waits: how many for whom, the oldest first, and no word of a person."""
        empty = self.fepctl("stuck", "--seconds", 1)
        self.assertEqual((0, "open for longer than 1 s: 0\n"), (empty.returncode, empty.stdout), empty.stderr)
        self.assertEqual([], self.queue()["hops"])
        caller = LoopbackCaller(self.calls)
        self.addCleanup(caller.close)
        begin = time.monotonic()
        for number in range(UPDATES):
            caller.send(f"M{number}", b'{"input":{}}', insured_area="450100", person=f"SECRETPERSON{number}")
        everything = wait_until("all are open", lambda: (now := self.queue())["count"] >= 2 * UPDATES and now)
        held = [one for one in everything["oldest"] if one["role"] == "destination"]
        self.assertEqual({f"M{number}" for number in range(UPDATES)}, {one["msgid"] for one in held})
        self.assertEqual(sorted(one["accepted_ms"] for one in everything["oldest"]),
                         [one["accepted_ms"] for one in everything["oldest"]])
        self.assertIn("loop", [hop["to"] for hop in everything["hops"]])
        self.assertEqual(everything["count"], sum(sum(hop["open"].values()) for hop in everything["hops"]))
        shown = self.fepctl("queue").stdout
        self.assertRegex(shown, r"^open \d+\n")
        self.assertIn(f"more: {everything['count'] - SHOWN}", shown)
        self.assertNotIn("SECRETPERSON", shown + json.dumps(everything))
        wait_until("a second has gone by", lambda: time.monotonic() - begin > 1.1)
        stuck = self.fepctl("stuck", "--seconds", 1)
        self.assertEqual(BAD, stuck.returncode, stuck.stderr)
        self.assertRegex(stuck.stdout, rf"M0  2207 outpatient settlement +\w+ \(destination\) +{NODE} -> loop")
        self.assertIn("fepctl why", stuck.stdout)
        self.assertEqual(0, self.fepctl("stuck", "--seconds", 3600).returncode)

    def test_bad_seconds(self) -> None:
        """What is no span is said so."""
        for seconds in ("0", "-1", "x", "", "99999999"):
            self.assertEqual(MISUSED, self.fepctl("stuck", "--seconds", seconds).returncode, seconds)


if __name__ == "__main__":
    unittest.main()
