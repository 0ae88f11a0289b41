"""fepctl metrics: a running gateway's figures in the Prometheus text format, judged by Prometheus's own promtool, once and
over HTTP; and what is said while the router is down."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from callers import LoopbackCaller  # noqa: E402
from world import Gateway, Instance, World, wait_until  # noqa: E402

NODE = "GW4501000001"
BUILD = pathlib.Path(os.environ.get("FEP_BUILD", ROOT.parent / "build"))
MISUSED = 100
UPDATES = 5
RULES = ROOT.parent / "packaging" / "prometheus" / "fep.rules.yml"


def find_promtool() -> str:
    """Return promtool's path; "" if it is not there."""
    unpacked = BUILD / "tools" / "usr" / "bin" / "promtool"
    return str(unpacked) if os.access(unpacked, os.X_OK) else shutil.which("promtool") or ""


def samples(text: str) -> dict[str, float]:
    """Return each sample's value by its name and labels."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


class MetricsTest(unittest.TestCase):
    """One gateway with a caller and a local system, both loopback."""

    world: World

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.calls = cls.world.sockets / "calls"
        cls.gateway = cls.world.add(Gateway(
            NODE, "南宁", "450100", cls.world.directory / "one",
            instances=[Instance("asking", "loopback", options={"listen": f"unix:{cls.calls}"}),
                       Instance("asked", "loopback", options={})],
            routes=[{"prefix": "4501", "to": ["asked"]}]))
        cls.world.prepare()
        cls.world.start_gateway(NODE)
        cls.world.wait_ready(NODE)

    def metrics(self) -> str:
        """Return what fepctl metrics prints."""
        return self.world.control(self.gateway, "metrics")

    def ask_some(self) -> None:
        """Let a few updates be answered."""
        caller = LoopbackCaller(self.calls)
        self.addCleanup(caller.close)
        for number in range(UPDATES):
            body = b'{"input":{"data":{"psn_no":"P%d"}}}' % number
            head, _ = caller.ask(f"H4501000000120261122101502{number:04d}", body, insured_area="450100",
                                 person=f"P{number}")
            self.assertEqual("answered", head["kind"], head)

    def judge(self, text: str) -> None:
        """Let promtool say whether this is what Prometheus expects."""
        promtool = find_promtool()
        if not promtool:
            self.skipTest("promtool is not installed")
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))

    def serve(self) -> tuple[subprocess.Popen, int]:
        """Start the server at a port of the system's choice."""
        server = subprocess.Popen([self.world.fepctl, "-c", self.gateway.config, "metrics", "--listen", "127.0.0.1:0"],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait, 20)
        self.addCleanup(server.terminate)
        where = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/metrics\n", server.stdout.readline())
        self.assertIsNotNone(where)
        return server, int(where[1])

    @staticmethod
    def get(port: int, path: str = "/metrics", method: str = "GET") -> tuple[int, str, str]:
        """Ask over HTTP; return status, content type and text."""
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            link.request(method, path)
            answer = link.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
        finally:
            link.close()

    def test_exchanges_are_counted_and_promtool_is_content(self) -> None:
        """Every ending counts once at each role, and every part of its time in one bucket."""
        before = samples(self.metrics())
        self.ask_some()
        ended = 'fep_exchanges_ended_total{role="%s",ending="%s"}'

        def grown() -> float:
            now = samples(self.metrics())
            return sum(now[ended % (role, ending)] - before[ended % (role, ending)]
                       for role in ("origin", "destination") for ending in ("answered", "refused"))
        wait_until("all are counted", lambda: grown() == 2 * UPDATES or grown() == UPDATES)
        text = self.metrics()
        now = samples(text)
        self.assertEqual("fep_unknown_open 0", next(line for line in text.splitlines() if not line.startswith("#")))
        self.assertEqual(1, now["fep_up"])
        self.assertEqual(1, now['fep_instance_ready{instance="asked"}'])
        whole = 'fep_exchange_duration_seconds_bucket{part="whole",le="%s"}'
        count = now['fep_exchange_duration_seconds_count{part="whole"}']
        self.assertEqual(count, now[whole % "+Inf"])
        self.assertGreaterEqual(count, UPDATES)
        self.assertLessEqual(now[whole % "0.005"], now[whole % "60"])
        self.assertGreater(now["fep_state_free_bytes"], 0)
        self.judge(text)

    def test_over_http(self) -> None:
        """What is served is what is printed; anything else is refused."""
        server, port = self.serve()
        status, kind, text = self.get(port)
        self.assertEqual((200, "text/plain; version=0.0.4; charset=utf-8"), (status, kind))
        self.assertEqual(set(samples(text)), set(samples(self.metrics())))
        self.judge(text)
        self.assertEqual(404, self.get(port, "/")[0])
        self.assertIn(self.get(port, method="POST")[0], (405, 501))
        server.send_signal(signal.SIGTERM)
        self.assertEqual(0, server.wait(20))

    def test_idle_connections_keep_nobody_out_for_long(self) -> None:
        """More connections that say nothing than are taken at once: they are cut, and a scraper gets its answer."""
        _, port = self.serve()
        idle = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(12)]
        try:
            self.assertEqual(200, self.get(port)[0])
        finally:
            for link in idle:
                link.close()

    def test_only_loopback(self) -> None:
        """An address that others could reach is refused, and so is what is none."""
        for address in ("0.0.0.0:0", "192.0.2.1:9464", "[::]:0", "9464", "127.0.0.1"):
            done = subprocess.run([self.world.fepctl, "-c", self.gateway.config, "metrics", "--listen", address],
                                  capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual(MISUSED, done.returncode, address)

    def test_rules_are_rules(self) -> None:
        """The alert rules that are shipped name only families there are."""
        promtool = find_promtool()
        if not promtool:
            self.skipTest("promtool is not installed")
        subprocess.run([promtool, "check", "rules", RULES], check=True, timeout=60, capture_output=True)
        known = {re.sub(r"_(bucket|sum|count)$", "", name.split("{")[0]) for name in samples(self.metrics())}
        text = RULES.read_text(encoding="utf-8")
        board = (RULES.parent / "fep-dashboard.json").read_text(encoding="utf-8")
        named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bfep_[a-z_]+\b", text + board)}
        peers = {name for name in named if name.startswith("fep_peer_")}  # this gateway has none
        self.assertEqual(set(), named - known - peers)

    def test_every_family_is_described(self) -> None:
        """The table of the figures names what there is, no more and no less."""
        table = (RULES.parent / "README.md").read_text(encoding="utf-8").split("| family")[1]
        told = set(re.findall(r"`(fep_[a-z_]+)`", table))
        known = set(re.findall(r"^# TYPE (\S+)", self.metrics(), re.MULTILINE))
        self.assertEqual(known, {name for name in told if not name.startswith("fep_peer_")})

    def test_zz_router_down(self) -> None:
        """The router being down is a figure, not an error."""
        self.world.stop_process(NODE)
        text = self.metrics()
        self.assertEqual(0, samples(text)["fep_up"])
        self.assertNotIn("fep_unknown_open", samples(text))
        self.judge(text)


if __name__ == "__main__":
    unittest.main()
