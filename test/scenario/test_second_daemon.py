"""Two daemons on one store: the second, with a run directory of its own, must not start, must say why, and must leave the
first one alone."""

import dataclasses
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from world import Gateway, Instance, World  # noqa: E402

NODE = "GW4501000001"
MISCONFIGURED = 100


class SecondDaemonTest(unittest.TestCase):
    """The same configuration but for the run directory."""

    def test_second_daemon_on_the_same_store_ends_with_100(self) -> None:
        """A lock that another holds does not go away by trying: not restarted, exit code 100, pid in the text."""
        with World(syslog=False) as world:
            loopback = Instance("loop", "loopback", options={})
            gateway = world.add(Gateway(NODE, "南宁", "450100", world.directory / "one", instances=[loopback],
                                        routes=[{"prefix": "4501", "to": ["loop"]}]))
            world.prepare()
            world.start_gateway(NODE)
            before = world.wait_ready(NODE)
            second = dataclasses.replace(gateway, directory=world.directory / "two")
            second.directory.mkdir()
            run = world.sockets / "two"
            run.mkdir(mode=0o700)
            text = gateway.config.read_text(encoding="utf-8").replace(str(world.sockets / NODE), str(run))
            for relative in ("state", "keys/", "routes.cfg"):
                text = text.replace(f'"{relative}', f'"{gateway.directory}/{relative}')
            second.config.write_text(text, encoding="utf-8")
            done = subprocess.run([world.fepd, "--config", second.config], capture_output=True, text=True, timeout=30,
                                  check=False)
            self.assertEqual(done.returncode, MISCONFIGURED, done.stdout + done.stderr)
            self.assertRegex(done.stdout + done.stderr, r"in use by the process with pid \d+")
            self.assertFalse((run / "control").exists(), "nobody can reach the second one")
            after = world.status(NODE)
            self.assertIsNotNone(after)
            self.assertEqual(after["incarnation"], before["incarnation"])
            self.assertTrue(all(each["ready"] for each in after["instances"]))


if __name__ == "__main__":
    unittest.main()
