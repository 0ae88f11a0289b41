"""The keeper and whoever starts it: a service manager hears readiness, signs of life and the end; a router that hangs is
ended and starts anew, and what it had taken is still there."""

import json
import os
import pathlib
import signal
import socket
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from callers import LoopbackCaller  # noqa: E402
from world import Gateway, Instance, World, wait_until  # noqa: E402

NODE = "GW4501000001"
WATCHDOG_S = 1.0
BODY = b'{"input":{"data":{"psn_no":"P1"}}}'


class KeeperTest(unittest.TestCase):
    """One gateway, started as a service manager would."""

    def setUp(self) -> None:
        self.world = World(syslog=False)
        self.addCleanup(self.world.stop)
        self.calls = self.world.sockets / "calls"
        self.gateway = self.world.add(Gateway(
            NODE, "南宁", "450100", self.world.directory / "one", bounds={"router_silent_ms": 3000},
            instances=[Instance("asking", "loopback", options={"listen": f"unix:{self.calls}"}),
                       Instance("asked", "loopback", options={})],
            routes=[{"prefix": "4501", "to": ["asked"]}]))
        self.world.prepare()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.settimeout(30)

    def start(self, address: str) -> None:
        """Listen as the manager and start the gateway."""
        self.manager.bind("\0" + address[1:] if address.startswith("@") else address)
        self.world.environment[NODE] = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        self.world.start_gateway(NODE)

    def word(self) -> str:
        """Return the next word for the manager."""
        return self.manager.recv(4096).decode()

    def router(self) -> int:
        """Return the router's process id; 0 while there is none."""
        for pid in self.world.family(NODE):
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--router" in words and words[0].endswith(b"fepd"):
                return pid
        return 0

    def test_manager_hears_readiness_life_and_end(self) -> None:
        """READY when work is taken and not before, WATCHDOG again and again, STOPPING; the children say nothing."""
        self.start(str(self.world.directory / "notify"))
        words = [self.word()]
        while words[-1] != "READY=1":
            self.assertEqual("WATCHDOG=1", words[-1])
            words.append(self.word())
        self.assertIsNotNone(self.world.status(NODE))
        self.assertEqual(["WATCHDOG=1"] * 3, [self.word() for _ in range(3)])
        child = pathlib.Path(f"/proc/{self.router()}/environ").read_bytes()
        self.assertNotIn(b"NOTIFY_SOCKET", child)
        self.world.processes[NODE].send_signal(signal.SIGTERM)
        last = self.word()
        while last == "WATCHDOG=1":
            last = self.word()
        self.assertEqual("STOPPING=1", last)
        self.assertEqual(0, self.world.stop_process(NODE))

    def test_abstract_socket(self) -> None:
        """A name that begins with @ is an abstract one."""
        self.start(f"@fep-test-{os.getpid()}")
        while self.word() != "READY=1":
            pass

    def test_router_that_hangs_starts_anew(self) -> None:
        """It is ended after the configured silence; what it had answered, the next one knows."""
        self.start(str(self.world.directory / "notify"))
        self.world.wait_ready(NODE)
        caller = LoopbackCaller(self.calls)
        self.addCleanup(caller.close)
        first = wait_until("there is a router", self.router)
        answer = caller.ask("M1", BODY, insured_area="450100", person="P1")
        os.kill(first, signal.SIGSTOP)
        second = wait_until("another router runs", lambda: (now := self.router()) != first and now, 60)
        self.assertNotEqual(first, second)
        self.world.wait_ready(NODE)
        self.assertIn("no sign of life", self.world.output(NODE))
        again = LoopbackCaller(self.calls)
        self.addCleanup(again.close)

        def same() -> bool:
            head, body = again.ask("M1", BODY, insured_area="450100", person="P1")
            return (head["kind"], body) == (answer[0]["kind"], answer[1])
        wait_until("the same answer", same)
        why = json.loads(self.world.control(self.gateway, "why", "M1", "--json"))
        self.assertTrue(why)


if __name__ == "__main__":
    unittest.main()
