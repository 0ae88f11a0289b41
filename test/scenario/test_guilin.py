"""Guilin's wuxian is asked: a danxian's hospitals in Nanning treat its insured, through three gateways. Every case, its
figures, both books, and nothing left open."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import reference, visits  # noqa: E402
from pairs import DANXIAN, WUXIAN, Pair, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402


class NanningToGuilin(unittest.TestCase):
    """One world for all cases: they are different persons' visits."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DANXIAN, WUXIAN)
        cls.pair.start()

    def play(self, case: str) -> None:
        """Play a case; every step is told as it should be and every figure is the rule's."""
        steps = visits.CASES[case](str(self.pair.hospitals), area="450300", region="450100")
        for step in steps:
            self.assertTrue(step["expected"], f"{case} {step['name']}: told {step['told']} {step['code']} {step['text']}")
            expected = reference.EXPECTED.get((case, step["name"]))
            for key, value in (expected() if expected else {}).items():
                self.assertEqual(step["figures"].get(key), value, f"{case} {step['name']}: {key}")

    def test_inpatient_course_of_14000_yuan(self) -> None:
        self.play("inpatient_course")

    def test_outpatient_visit(self) -> None:
        self.play("outpatient_visit")

    def test_pharmacy_purchase_and_refund(self) -> None:
        self.play("pharmacy_and_refund")

    def test_suspended_insurance_is_refused_with_its_own_code(self) -> None:
        self.play("refusal")

    def test_lost_answer_is_found_by_inquiry_and_still_answered(self) -> None:
        self.play("lost_answer")

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        self.assertEqual(compare_books(self.pair), [])


if __name__ == "__main__":
    unittest.main()
