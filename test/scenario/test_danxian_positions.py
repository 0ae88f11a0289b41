"""One product, three regions, no line of C between them: Baise's danxian has the figures of a settlement at other positions
and other serials than Nanning's (etc/mapping/examples/danxian-451000.cfg), and a third region has them elsewhere again. Only
the mapping file differs."""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import reference, visits  # noqa: E402
from pairs import DAJIZHONG, Pair, System, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import SOURCE, World, wait_until  # noqa: E402

EXAMPLE = SOURCE / "etc" / "mapping" / "examples" / "danxian-451000.cfg"
FIELDS = {"total": "TOTAL", "acct": "ACCT", "pool": "POOL", "cash": "CASH"}


class Baise(System):
    """The region of the example."""

    @property
    def mapping(self) -> str:
        """Return the mapping file."""
        return str(EXAMPLE)


class Elsewhere(System):
    """A region whose mapping the test writes: the example with its figures moved."""

    path = pathlib.Path()

    @property
    def mapping(self) -> str:
        """Return the mapping file."""
        return str(self.path)


BAISE = Baise("danxian", "451000", "GW4510000001", "百色", "2410", "2430")
ELSEWHERE = Elsewhere("danxian", "451000", "GW4510000001", "别处", "2410", "2430")


def move_fields(text: str, places: dict[str, int]) -> str:
    """Return the mapping with the figures of a settlement at these places, and the others before them in their order."""
    def moved(match: re.Match) -> str:
        fields = re.findall(r'\(("[A-Z-]+", [^)]*)\)', match[3])
        by_name = {field.split('"')[1]: field for field in fields}
        placed = {place: by_name.pop(FIELDS[name]) for name, place in places.items()}
        rest, order = iter(by_name.values()), []
        while len(order) < max(placed):
            here = len(order) + 1
            order.append(placed.get(here) or next(rest, f'"UNUSED-{here}", "text", 0'))
        inside = ", ".join(f"({field})" for field in [*order, *rest])
        return f"{match[1]}{inside}{match[4]}"

    return re.sub(r'(\{ name = "(2410|2420|2430)-R"; fields = \()(.*?)(\); \})', moved, text, flags=re.DOTALL)


class Journey:
    """One world for a region."""

    region: System
    places: dict[str, int]

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.prepare()
        cls.pair = Pair(cls.world, DAJIZHONG, cls.region)
        cls.pair.start(positions=",".join(f"{name}={place}" for name, place in cls.places.items()),
                       serial_form="institution-first")

    @classmethod
    def prepare(cls) -> None:
        """Write what a class needs before its gateways."""

    def play(self, case: str) -> None:
        """Play a case; every step is told as it should be and every figure is the rule's."""
        for step in visits.CASES[case](str(self.pair.hospitals), area=self.region.region, region=DAJIZHONG.region):
            self.assertTrue(step["expected"], f"{case} {step['name']}: told {step['told']} {step['code']} {step['text']}")
            expected = reference.EXPECTED.get((case, step["name"]))
            for key, value in (expected() if expected else {}).items():
                self.assertEqual(step["figures"].get(key), value, f"{case} {step['name']}: {key}")

    def test_inpatient_course(self) -> None:
        self.play("inpatient_course")

    def test_outpatient_visit(self) -> None:
        self.play("outpatient_visit")

    def test_pharmacy_purchase_and_refund(self) -> None:
        self.play("pharmacy_and_refund")

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        self.assertEqual(compare_books(self.pair), [])

    def test_zz_the_reconciled_day_is_equal(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        day = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).strftime("%Y%m%d")
        gateway = self.world.gateways[self.region.node]
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, "reconcile", "asked", day, "--json"],
                              capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["differences"], [])


class TheExample(Journey, unittest.TestCase):
    """Total, account, pool and cash at 11, 14, 12 and 15."""

    region, places = BAISE, {"total": 11, "acct": 14, "pool": 12, "cash": 15}


class FarToTheRight(Journey, unittest.TestCase):
    """Total, account, pool and cash at 48, 50, 52 and 51."""

    region, places = ELSEWHERE, {"total": 48, "acct": 50, "pool": 52, "cash": 51}

    @classmethod
    def prepare(cls) -> None:
        text = move_fields(EXAMPLE.read_text(encoding="utf-8"), cls.places)
        text = text.replace('crosswalk = "examples/', f'crosswalk = "{EXAMPLE.parent}/')
        Elsewhere.path = cls.world.directory / "elsewhere.cfg"
        Elsewhere.path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    unittest.main()
