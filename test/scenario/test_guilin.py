"""Guilin's wuxian both ways, through three gateways: its insured are treated by a danxian's hospitals in Nanning, and its
own hospitals treat the insured of Yulin's dajizhong. Every case, its figures, both books, and nothing left open."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import reference, visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN, Pair, System, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

SUSPENDED = 2002


class Journey:
    """One world for all cases of a pair: they are different persons' visits."""

    asking: System
    asked: System

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, cls.asking, cls.asked)
        cls.pair.start()

    def play(self, case: str) -> list[dict]:
        """Play a case; every figure told is the rule's."""
        steps = visits.CASES[case](str(self.pair.hospitals), area=self.asked.region, region=self.asking.region)
        for step in steps:
            expected = reference.EXPECTED.get((case, step["name"]))
            for key, value in (expected() if expected else {}).items():
                self.assertEqual(step["figures"].get(key), value, f"{case} {step['name']}: {key}")
        return steps

    def play_well(self, case: str) -> None:
        """Play a case in which every step is told as it should be."""
        for step in self.play(case):
            self.assertTrue(step["expected"], f"{case} {step['name']}: told {step['told']} {step['code']} {step['text']}")

    def test_inpatient_course_of_14000_yuan(self) -> None:
        self.play_well("inpatient_course")

    def test_outpatient_visit(self) -> None:
        self.play_well("outpatient_visit")

    def test_pharmacy_purchase_and_refund(self) -> None:
        self.play_well("pharmacy_and_refund")

    def test_suspended_insurance_is_refused_with_its_own_code(self) -> None:
        person, register = self.play("refusal")
        self.assertEqual(person["told"], "good", person)
        self.assertEqual((register["told"], abs(int(register["code"]))), ("refused", SUSPENDED), register)

    def test_lost_answer_is_found_by_inquiry_and_still_answered(self) -> None:
        self.play_well("lost_answer")

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        self.assertEqual(compare_books(self.pair), [])


class NanningToGuilin(Journey, unittest.TestCase):
    """The gateway calls wuxian."""

    asking, asked = DANXIAN, WUXIAN


class GuilinToYulin(Journey, unittest.TestCase):
    """wuxian's hospitals call the gateway."""

    asking, asked = WUXIAN, DAJIZHONG


if __name__ == "__main__":
    unittest.main()
