"""Bad input: never stops a process, never loses another message, and is answered with what was wrong and where."""

import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from callers import LoopbackCaller, danxian_line  # noqa: E402
from fepsim import china_time, visits  # noqa: E402
from regions import Regions  # noqa: E402
from world import NANNING, PLATFORM, YULIN, Gateway, World, wait_until  # noqa: E402

HOSPITAL = "H45010000003"


def line(code: str, parameters: str, area: str = "450900", serial: str = "0001", cycle: str = "") -> bytes:
    """Return a danxian request line."""
    return (f"{code}^{HOSPITAL}^000099^{cycle}^20261122101502-{HOSPITAL}-{serial}^{area}^{parameters}^1^\r\n"
            ).encode("gb18030")


class AtTheLocalSide(unittest.TestCase):
    """What a local system may send to its gateway."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.regions = Regions(cls.world)
        cls.regions.start()
        signed_in = cls.send(line("9100", f"secret|T1|{china_time.stamp()}|", area="450100"))
        if not signed_in.startswith("0^"):
            raise AssertionError(f"sign-in: {signed_in}")
        cls.cycle = signed_in.split("^")[2]
        cls.before = {node: cls.world.family(node) for node in cls.world.gateways}

    @classmethod
    def send(cls, data: bytes) -> str:
        """Send a line to Nanning's gateway."""
        return danxian_line(cls.regions.danxian_port, data)

    def tearDown(self) -> None:
        """Whatever was sent: the same processes still run."""
        self.assertEqual({node: self.world.family(node) for node in self.world.gateways}, self.before)

    def check(self, answer: str, code: int, *words: str) -> None:
        """The answer has this code and its text says these words."""
        fields = answer.split("^")
        self.assertEqual(fields[0], str(code), answer)
        for word in words:
            self.assertIn(word, fields[4], answer)

    def test_line_of_too_few_fields(self) -> None:
        self.check(self.send(b"2410^abc^\r\n"), -1001)

    def test_oversize_line(self) -> None:
        self.check(self.send(line("2410", "x" * 300_000)), -1001)

    def test_illegal_gb18030_in_a_code(self) -> None:
        data = line("2210", "4509\x01", cycle=self.cycle).replace(b"\x01", b"\xb0\x20\xff")
        self.check(self.send(data), -1001)

    def test_missing_field_is_named(self) -> None:
        self.check(self.send(line("2210", "45090000000000000001||11|20261122101455|J06.900|", cycle=self.cycle,
                                  serial="0002")), -1003, "VISIT-NO")

    def test_unknown_transaction(self) -> None:
        self.check(self.send(line("7777", "x|", cycle=self.cycle)), -1002)

    def test_unknown_area(self) -> None:
        answer = self.send(line("2100", "3|99990000000000000001||11|20261122|", area="999900", cycle=self.cycle,
                                serial="0003"))
        self.assertTrue(answer.startswith("-"), answer)
        self.assertIn("999900", answer)

    def test_zz_a_good_visit_still_passes(self) -> None:
        for step in visits.CASES["outpatient_visit"](str(self.regions.danxian), area="450900", region="450100"):
            self.assertTrue(step["expected"], step)


class AtTheSockets(unittest.TestCase):
    """Frames, keys, copies, a second daemon: with loopback modules."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.regions = Regions(cls.world, loopback=True)
        cls.regions.start()

    def caller(self) -> LoopbackCaller:
        """Return a caller at Nanning's adapter."""
        caller = LoopbackCaller(self.regions.asking_socket)
        self.addCleanup(caller.close)
        return caller

    def test_same_msgid_with_other_content_is_refused_and_raises_an_alarm(self) -> None:
        caller = self.caller()
        first, _ = caller.ask("H45010000003202611221015020001", b'{"input":{"a":1}}')
        self.assertEqual(first["kind"], "answered", first)
        other, _ = caller.ask("H45010000003202611221015020001", b'{"input":{"a":2}}')
        self.assertEqual(other["kind"], "refused", other)
        wait_until("the alarm is in the log",
                   lambda: "event=alarm" in self.world.output(NANNING) and "2310" in self.world.output(NANNING))

    def test_a_copy_gets_the_stored_answer(self) -> None:
        caller = self.caller()
        first = caller.ask("H45010000003202611221015020002", b'{"input":{"b":1}}')
        copy = caller.ask("H45010000003202611221015020002", b'{"input":{"b":1}}')
        self.assertEqual((first[0]["kind"], first[1]), (copy[0]["kind"], copy[1]))
        posted = [entry for entry in self.regions.posted.read_text(encoding="utf-8").splitlines()
                  if "H45010000003202611221015020002" in entry]
        self.assertEqual(len(posted), 1, posted)

    def test_oversize_body_is_refused(self) -> None:
        caller = self.caller()
        caller.send("H45010000003202611221015020003", b'{"input":"' + b"x" * (4 << 20) + b'"}')
        try:
            answer, _ = caller.receive()
            self.assertIn(answer["kind"], ("refused", "not_sent"))
        except (ConnectionError, OSError):
            pass  # the adapter may also hang up on a caller who sends more than the protocol allows
        self.assertEqual(self.caller().ask("H45010000003202611221015020004", b'{"input":{}}')[0]["kind"], "answered")

    def test_malformed_frames_stop_nothing(self) -> None:
        before = self.world.family(NANNING)
        endpoint = f"ipc://{self.world.sockets}/{NANNING}/control"
        garbage = self.world.build / "test" / "scenario" / "send_garbage"
        done = subprocess.run([garbage, endpoint, "2000", "11"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(int(done.stdout), 0)
        wait_until("the router counted them",
                   lambda: (self.world.status(NANNING) or {}).get("frames_refused", 0) > 100)
        self.assertEqual(self.caller().ask("H45010000003202611221015020005", b'{"input":{}}')[0]["kind"], "answered")
        self.assertEqual(self.world.family(NANNING), before)

    def test_unknown_peer_key_is_refused_and_counted(self) -> None:
        stranger = Gateway("GW9999000001", "stranger", "999900", self.world.directory / "stranger",
                           dials={PLATFORM: self.regions.platform_port}, routes=[{"prefix": "", "to": [PLATFORM]}])
        self.world.add(stranger)
        self.addCleanup(self.world.gateways.pop, stranger.node)
        self.addCleanup(self.world.stop_process, stranger.node)
        self.world.prepare()
        self.world.start_gateway(stranger.node)
        wait_until("the platform counts a refused key",
                   lambda: (self.world.status(PLATFORM) or {}).get("keys_refused", 0) > 0)
        status = wait_until("the stranger runs", lambda: self.world.status(stranger.node))
        self.assertFalse(status["peers"][0]["up"])

    def test_second_daemon_on_one_store(self) -> None:
        done = subprocess.run([self.world.fepd, "--config", self.world.gateways[YULIN].config], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 111, done.stderr)
        self.assertIn("another", done.stderr)
        self.assertEqual(self.caller().ask("H45010000003202611221015020006", b'{"input":{}}')[0]["kind"], "answered")


@unittest.skipUnless(os.geteuid() == 0, "a small disk of its own needs root")
class FullDisk(unittest.TestCase):
    """Nanning's store on a disk of 48 MiB that fills up and gets room again."""

    def test_refused_while_full_and_taken_again(self) -> None:
        with World(syslog=False) as world:
            regions = Regions(world, loopback=True)
            regions.common.clear()
            state = world.gateways[NANNING].directory / "state"
            state.mkdir(parents=True)
            world.gateways[NANNING].bounds = {"min_free_bytes": 4 << 20, "ballast_bytes": 4 << 20}
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", state], check=True)
            try:
                self.fill_and_clear(world, regions, state)
            finally:
                world.stop_process(NANNING)
                subprocess.run(["umount", "-l", state], check=True)

    def fill_and_clear(self, world: World, regions: Regions, state: pathlib.Path) -> None:
        """Accepted, refused while full, accepted again; nothing told is untrue."""
        regions.start()
        caller = LoopbackCaller(regions.asking_socket)
        self.addCleanup(caller.close)
        self.assertEqual(caller.ask("H45010000003202611221015030001", b'{"input":{}}')[0]["kind"], "answered")
        filler = state / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        wait_until("admission is closed", lambda: not (world.status(NANNING) or {"room": True})["room"])
        refused, _ = caller.ask("H45010000003202611221015030002", b'{"input":{}}')
        self.assertIn(refused["kind"], ("refused", "not_sent"), refused)
        filler.unlink()
        wait_until("admission is open again", lambda: (world.status(NANNING) or {"room": False})["room"])
        again, _ = caller.ask("H45010000003202611221015030003", b'{"input":{}}')
        self.assertEqual(again["kind"], "answered", again)
        self.assertNotIn("H45010000003202611221015030002", regions.posted.read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
