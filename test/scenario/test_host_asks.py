"""What a host asks of the router and the router of a host: lists, prompts and tasks, said by hand with an epoch of its own,
so that every answer can be counted."""

import contextlib
import json
import pathlib
import queue
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from world import Gateway, Instance, World, wait_until  # noqa: E402

NODE = "GW4501000001"
HOST_HELLO, PROMPT = 64, 85
BAD, SURROUNDINGS = 1, 111
USAGE, BOUND = 1050, 2210
LIST = {"day": 20261122, "role": 3, "infnos": ["2207"]}


class Host:
    """A host moved by hand."""

    def __init__(self, world: World, epoch: int):
        program = world.build / "test" / "scenario" / "speak_as_host"
        endpoint = f"ipc://{world.sockets}/{NODE}/control"
        self.process = subprocess.Popen([program, endpoint, "loop", str(epoch)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.heard: queue.Queue[list[str]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.wait("host_ack", HOST_HELLO)

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.heard.put(line.rstrip("\n").split(" ", 5))

    def say(self, *lines: str) -> None:
        """Send a frame for each line, all at once."""
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()

    def wait(self, kind: str, acked: int = 0, seconds: float = 20) -> list[str]:
        """Wait for a frame; others are passed over."""
        while True:
            frame = self.heard.get(timeout=seconds)
            if frame[0] == kind and int(frame[4]) == acked:
                return frame

    def stop(self) -> None:
        """End it; what it held is unknown to the router from then on."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def prompt(line: int, **changes: object) -> str:
    """Return a prompt's JSON."""
    return json.dumps({"msgid": "H45010000001202611221000000001", "line": line, "institution": "H45010000001",
                       "fixmedins_name": "南宁医院", "treat_area": "450100", "visit_id": "V1",
                       "medins_list_codg": "GX-1", "medins_list_name": "item", "med_list_codg": "T000009",
                       "chrgitm_lv": "02", "fee_fen": 100, "time": "2026-11-22 10:00:00", **changes},
                      ensure_ascii=False)


class HostAsksTest(unittest.TestCase):
    """One gateway; each test is a host of its own epoch."""

    world: World
    epoch = 1000

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.world.add(Gateway(NODE, "南宁", "450100", cls.world.directory / "one",
                              instances=[Instance("loop", "loopback", options={})],
                              routes=[{"prefix": "4501", "to": ["loop"]}]))
        cls.world.prepare()
        cls.world.start_gateway(NODE)
        cls.world.wait_ready(NODE)

    def setUp(self) -> None:
        HostAsksTest.epoch += 1
        self.host = Host(self.world, HostAsksTest.epoch)
        self.addCleanup(self.host.stop)

    def fepctl(self, *words: object) -> list:
        """Return the command of fepctl at this gateway."""
        return [self.world.fepctl, "-c", self.world.gateways[NODE].config, "--lang", "en", *map(str, words)]

    def prompts(self) -> list[dict]:
        """Return all prompts that are kept."""
        done = subprocess.run(self.fepctl("prompts", "--json", "--all"), capture_output=True, text=True, timeout=30,
                              check=True)
        return json.loads(done.stdout)

    # --- lists ------------------------------------------------------------------------------------------------

    def test_every_list_gets_one_end_and_too_many_are_refused(self) -> None:
        """Two of a host are worked on at once; what is refused may be asked again."""
        self.host.say(*(f"list {number} {json.dumps(LIST)}" for number in range(1, 21)))
        ends = {frame[1]: int(frame[3]) for frame in (self.host.wait("entry") for _ in range(20))}
        self.assertEqual(len(ends), 20)
        self.assertEqual(set(ends.values()), {0, BOUND})
        self.host.say(f"list 99 {json.dumps(LIST)}")
        self.assertEqual(self.host.wait("entry")[1:4], ["99", "0", "0"])

    def test_what_is_no_list_is_refused(self) -> None:
        """A question that is not one gets an end that says so, never an empty list."""
        wrong: list[object] = [[], {}, {**LIST, "role": 2}, {**LIST, "infnos": []}, {**LIST, "infnos": ["2207'"]},
                               {**LIST, "infnos": ["2207"] * 17}, {**LIST, "day": 20261340}, {**LIST, "limit": 0},
                               {**LIST, "from_day": 20260101, "to_day": 20261122}, {**LIST, "after": "x"}]
        for number, body in enumerate([*map(json.dumps, wrong), "{", "null"], 1):
            self.host.say(f"list {number} {body}")
            frame = self.host.wait("entry")
            self.assertEqual(frame[1:3], [str(number), "0"], body)
            self.assertEqual(int(frame[3]), USAGE, body)

    # --- prompts ----------------------------------------------------------------------------------------------

    def test_prompts_are_acknowledged_when_kept_and_kept_once(self) -> None:
        """Offered twice is kept once; what is none is acknowledged, so that it is not repeated for ever, and not kept."""
        kept = len(self.prompts())
        self.host.say(f"prompt 7 {prompt(1)}")
        self.assertEqual(self.host.wait("host_ack", PROMPT)[1], "7")
        self.assertEqual(len(self.prompts()), kept + 1)
        self.host.say(f"prompt 8 {prompt(1)}", f"prompt 9 {prompt(0)}", f"prompt 10 {prompt(2, visit_id='')}",
                      "prompt 11 []", f"prompt 12 {prompt(2, treat_area='45')}")
        acked = {self.host.wait("host_ack", PROMPT)[1] for _ in range(5)}
        self.assertEqual(acked, {"8", "9", "10", "11", "12"})
        self.assertEqual(len(self.prompts()), kept + 1)

    def test_a_flood_of_prompts_is_kept_in_the_end(self) -> None:
        """What finds no place is not acknowledged; offered again it is kept."""
        kept, left = len(self.prompts()), set(range(1000, 3500))
        while left:
            self.host.say(*(f"prompt {number} {prompt(number)}" for number in sorted(left)))
            with contextlib.suppress(queue.Empty):
                while left:
                    left.discard(int(self.host.wait("host_ack", PROMPT, 2)[1]))
        self.assertEqual(len(self.prompts()), kept + 2500)

    # --- tasks ------------------------------------------------------------------------------------------------

    def reload(self) -> tuple[subprocess.Popen, str]:
        """Begin a reload; return fepctl and the task's number."""
        asking = subprocess.Popen(self.fepctl("reload", "loop"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True)
        frame = self.host.wait("task")
        self.assertEqual(json.loads(frame[5]), {"do": "reload"})
        return asking, frame[1]

    def end(self, asking: subprocess.Popen) -> tuple[int, str, str]:
        """Return fepctl's exit code and what it has said."""
        out, error = asking.communicate(timeout=30)
        return asking.returncode, out, error

    def test_a_task_is_answered_in_parts_and_ends(self) -> None:
        """Parts go on at once; another task's number and an old one do not count."""
        asking, number = self.reload()
        self.host.say(f'result {int(number) + 1} ok {{"version":"wrong"}}', f'result {number} more {{"part":1}}',
                      f'result {number} ok {{"version":"20261122"}}', f'result {number} no {{"error":"late"}}')
        code, out, error = self.end(asking)
        self.assertEqual(code, 0, error)
        self.assertIn("20261122", out)

    def test_a_refused_task_says_why_and_leaves_no_audit_line(self) -> None:
        """All problems, and exit code 1."""
        asking, number = self.reload()
        self.host.say(f'result {number} no {{"error":"2 problems","code":1013,"problems":["a.csv:3: x","a.csv:9: y"]}}')
        code, _, error = self.end(asking)
        self.assertEqual(code, BAD, error)
        self.assertIn("a.csv:9: y", error)
        self.assertNotIn("event=audit", error)

    def test_a_host_that_goes_leaves_nobody_waiting(self) -> None:
        """Nobody knows whether it was done, and fepctl says just that."""
        asking, _ = self.reload()
        self.host.say("bye")
        code, _, error = self.end(asking)
        self.assertEqual(code, SURROUNDINGS)
        self.assertIn("nobody knows", error)
        wait_until("the instance is down", lambda: not self.world.status(NODE)["instances"][0]["up"])
        done = subprocess.run(self.fepctl("reload", "loop"), capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, SURROUNDINGS)
        self.assertIn("nothing was done", done.stderr)


if __name__ == "__main__":
    unittest.main()
