"""Yulin's centre, a dajizhong, answers late, by half, twice busy or not at all: the faults every stand-in knows, by the
visit number's beginning. It can be asked what became of a settlement and it replays, so what was posted is found and told,
and only what was not, or is untrue, is undone. And Yulin's hospitals ask the gateway what became of theirs."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from journey import Journey  # noqa: E402
from pairs import DAJIZHONG, DANXIAN  # noqa: E402


class CentreOfYulin(Journey, unittest.TestCase):
    """Nanning's hospitals treat Yulin's insured."""

    asking, asked = DANXIAN, DAJIZHONG
    # Side by side must not mean on one connection: a fault that closes it would take the others' requests along.
    asked_instance_options = {"connections": 8}
    insurer_options = {"late_seconds": 65, "slow_seconds": 5}

    def test_closed_without_an_answer(self) -> None:
        self.found_and_told("ZZ03", "0001", "韦测")

    def test_half_an_answer(self) -> None:
        self.found_and_told("ZZ04", "0001", "韦测")

    def test_busy_twice(self) -> None:
        self.found_and_told("ZZ05", "0001", "韦测")

    def test_told_unknown_though_posted(self) -> None:
        self.found_and_told("ZZ06", "0001", "韦测")

    def test_illegal_bytes_in_a_text(self) -> None:
        self.found_and_told("ZZ10", "0001", "韦测")

    def test_slow(self) -> None:
        self.found_and_told("ZZ12", "0001", "韦测")

    def test_two_minutes_and_more(self) -> None:
        """Side by side: different persons. What is not found after two minutes is undone."""
        self.side_by_side((self.undone_and_settled_anew, "ZZ02", "0002", "莫试"), (self.undone_and_settled_anew, "ZZ07", "0003", "覃检"),
                          (self.found_and_told, "ZZ01", "0007", "罗玘"), (self.found_and_told, "ZZ09", "0008", "陈珅"),
                          (self.found_and_told, "ZZ11", "0009", "吐尔逊·测试"), (self.undone_and_settled_anew, "ZZ08", "0010", "䶮小测"))


class HospitalsOfYulin(Journey, unittest.TestCase):
    """Yulin's hospitals treat Nanning's insured, and ask what became of what they sent."""

    asking, asked = DAJIZHONG, DANXIAN

    def test_what_was_posted_is_found_with_its_answer(self) -> None:
        visit_no = self.charge("MZ", "0002", "莫试")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        found = self.good("inquire", serial=settled["serial"])["out"]
        self.assertEqual((found["state"], found["code"]), ("1", "000000"), found)
        # The first field of the original's answer is the settlement's number.
        self.assertEqual(bytes.fromhex(found["original_body"])[:20].decode().rstrip(), settled["out"]["setl_id"])

    def test_what_was_cancelled_since_is_found_so(self) -> None:
        visit_no = self.charge("MZ", "0009", "吐尔逊·测试")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        self.good("cancel_settlement", visit_no=visit_no, reason="退费")
        self.assertEqual(self.good("inquire", serial=settled["serial"])["out"]["state"], "5")

    def test_what_was_taken_back_or_refused_is_found_so(self) -> None:
        visit_no = self.charge("MZ", "0003", "覃检")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        self.good("reverse", serial=settled["serial"])
        self.assertEqual(self.good("inquire", serial=settled["serial"])["out"]["state"], "4")
        refused = self.ask("register", psn_no=DANXIAN.region + "0" * 10 + "0004", name="陆停", med_type="11",
                           visit_no=visits.new_visit_number("MZ"), diag="J06.900", diag_name="急性上呼吸道感染")
        self.assertEqual(refused["told"], "refused", refused)
        found = self.good("inquire", serial=refused["serial"])["out"]
        self.assertEqual((found["state"], found["code"]), ("2", "200002"), found)


if __name__ == "__main__":
    unittest.main()
