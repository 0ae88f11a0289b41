"""fepctl capture: live exchanges become goldens of pseudonyms that the mapping still understands, where the gateway's
configuration permits it; and hold nobody's name or number."""

import pathlib
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import data, visits  # noqa: E402
from pairs import DANXIAN, GUILIN, WUXIAN, Pair, System  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import NANNING, Gateway, World, wait_until  # noqa: E402

COUNT = 7


class PermittingWorld(World):
    """Gateways that let exchanges be captured; the platform does not."""

    def _config_text(self, gateway: Gateway, run: pathlib.Path, peers: list[str]) -> str:
        text = super()._config_text(gateway, run, peers)
        return text.replace("  state_directory", "  capture_allowed = true;\n  state_directory", 1)


class CaptureTest(unittest.TestCase):
    """A hospital of Guilin (wuxian) treats somebody from Nanning (danxian); both gateways capture."""

    def setUp(self) -> None:
        self.world = PermittingWorld(syslog=False)
        self.addCleanup(self.world.stop)
        self.pair = Pair(self.world, WUXIAN, DANXIAN)
        self.pair.start()

    def fepctl(self, node: str, *words: object) -> list[str]:
        """Return the command at a gateway."""
        return [str(self.world.fepctl), "-c", str(self.world.gateways[node].config), "--lang", "en", *map(str, words)]

    def capture(self, node: str, instance: str, out: pathlib.Path) -> subprocess.Popen:
        """Begin to capture; it has begun when its audit line would be the next thing."""
        out.mkdir()
        child = subprocess.Popen(self.fepctl(node, "capture", instance, COUNT, "--out", out, "--why", "test"),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def golden(self, node: str, system: System, out: pathlib.Path, *more: str) -> subprocess.CompletedProcess:
        """Hold what was captured against the mapping."""
        return subprocess.run(self.fepctl(node, "map", "golden", system.mapping, out, *more), capture_output=True,
                              text=True, timeout=60, check=False)

    def test_captured_exchanges_are_goldens_of_nobody(self) -> None:
        """Both sides of one course: as many as were asked for, understood by the mapping, without a person."""
        directories = {NANNING: self.world.directory / "there", GUILIN: self.world.directory / "here"}
        captures = [self.capture(NANNING, "asked", directories[NANNING]),
                    self.capture(GUILIN, "asking", directories[GUILIN])]
        wait_until("both have begun", lambda: all("masked" in self.log(node) for node in directories))
        for case in ("inpatient_course", "outpatient_visit", "pharmacy_and_refund"):
            for step in visits.CASES[case](str(self.pair.hospitals), area="450100", region="450300"):
                self.assertTrue(step["expected"], step)
        for child in captures:
            out, error = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 0, out + error)
            self.assertIn(f"{COUNT} captured, 0 left out", out)
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        for node, system in ((NANNING, DANXIAN), (GUILIN, WUXIAN)):
            self.check_files(node, system, directories[node])

    def log(self, node: str) -> str:
        """Return what a gateway has logged."""
        return (self.world.directory / f"{node}.out").read_text(encoding="utf-8", errors="replace")

    def check_files(self, node: str, system: System, directory: pathlib.Path) -> None:
        """All files are there, speak of nobody, and go through the mapping as they are."""
        files = sorted(directory.glob("*.json"))
        self.assertEqual(len(files), COUNT)
        for file in files:
            text = file.read_text(encoding="utf-8")
            for personal in self.people():
                self.assertNotIn(personal, text, file)
        self.assertNotEqual(self.golden(node, system, directory).returncode, 0)  # nothing is expected yet
        done = self.golden(node, system, directory, "--overwrite")
        self.assertNotIn("\"error\"", "".join(file.read_text(encoding="utf-8") for file in files), done.stdout)
        again = self.golden(node, system, directory)
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
        shutil.rmtree(directory)

    @staticmethod
    def people() -> list[str]:
        """Return what must not be found: names and numbers of Nanning's insured."""
        people = data.persons("450100").values()
        return [value for person in people for value in (person.name, person.cert_no, person.psn_no)]


if __name__ == "__main__":
    unittest.main()
