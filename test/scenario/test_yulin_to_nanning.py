"""Yulin's dajizhong asks the gateway, and the gateway asks Nanning's danxian: every case, its figures, both books, and
nothing left open; then what is lost, cut, repeated and taken back on either side, and the end of a day."""

import concurrent.futures
import datetime
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import reference, visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

SUSPENDED, BLOCKED = 2002, 2504
CHINA = datetime.timezone(datetime.timedelta(hours=8))


def code_of(told: dict) -> int:
    """Return the canonical four digits of a return code: 200301 and -2301 are 2301."""
    code = str(told["code"])
    return int(code[0] + code[3:]) if len(code) == 6 else abs(int(code))


class Journey:
    """One world for all cases of a class: they are different persons' visits."""

    insurer_options: dict[str, object] = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DAJIZHONG, DANXIAN)
        cls.prepare()
        cls.pair.start(**cls.insurer_options)

    @classmethod
    def prepare(cls) -> None:
        """Change what a class wants otherwise before anything starts."""

    def ask(self, op: str, **fields: object) -> dict:
        """Do one operation at the asking side."""
        answer = self.world.ask(self.pair.hospitals, {"op": op, "area": DANXIAN.region, **fields})
        self.assertTrue(answer and answer["ok"], f"{op}: {answer}")
        return answer

    def good(self, op: str, **fields: object) -> dict:
        """Do one operation that must be told good."""
        answer = self.ask(op, **fields)
        self.assertEqual(answer["told"], "good", f"{op}: {answer}")
        return answer

    def charge(self, prefix: str, number: str, name: str) -> str:
        """Register a visit and upload two lines."""
        visit_no, psn_no = visits.new_visit_number(prefix), DANXIAN.region + "0" * 10 + number
        self.good("person", kind="psn_no", value=psn_no, name=name)
        self.good("register", psn_no=psn_no, name=name, visit_no=visit_no, med_type="11", diag="J06.900",
                  diag_name="急性上呼吸道感染")
        self.good("details", visit_no=visit_no, lines=[
            {"line_no": "1", "item": "4509-0001", "price": "12.50", "qty": "2"},
            {"line_no": "2", "item": "4509-0002", "price": "100.55", "qty": "1"}])
        return visit_no

    def end_of(self, answer: dict) -> str:
        """Wait until an outcome that was not known has an end; return what it is."""
        if answer["told"] != "unknown":
            return answer["told"]
        ended = self.world.ask(self.pair.hospitals, {"op": "conclusion", "serial": answer["serial"], "seconds": 240}, 250)
        self.assertTrue(ended and ended["ok"], ended)
        return ended["told"]

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        self.assertEqual(compare_books(self.pair), [])


class YulinToNanning(Journey, unittest.TestCase):
    """The day's ordinary business."""

    def play(self, case: str) -> list[dict]:
        """Play a case; every figure told is the rule's."""
        steps = visits.CASES[case](str(self.pair.hospitals), area=DANXIAN.region, region=DAJIZHONG.region)
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
        self.assertEqual(register["told"], "refused", register)
        self.assertEqual(code_of(register), SUSPENDED, register)

    def test_cancel_of_one_line_of_all_and_of_the_visit(self) -> None:
        visit_no = self.charge("MZ", "0009", "吐尔逊·测试")
        self.assertEqual(int(self.good("cancel_details", visit_no=visit_no, line_no="1")["out"]["removed"]), 1)
        self.assertEqual(int(self.good("cancel_details", visit_no=visit_no)["out"]["removed"]), 1)
        self.good("cancel_register", visit_no=visit_no)

    def test_a_repeat_gets_the_stored_answer(self) -> None:
        visit_no = self.charge("MZ", "0008", "陈珅")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        again = self.good("repeat", serial=settled["serial"])
        self.assertEqual(again["out"], settled["out"])

    def test_reversal_takes_a_settlement_back_and_blocks_it(self) -> None:
        visit_no = self.charge("MZ", "0010", "䶮小测")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        self.good("reverse", serial=settled["serial"])
        again = self.ask("repeat", serial=settled["serial"])
        self.assertEqual((again["told"], code_of(again)), ("refused", BLOCKED), again)
        self.good("settle", visit_no=visit_no, use_acct=0)

    def test_a_person_who_is_not_this_visits(self) -> None:
        told = self.ask("register", psn_no=DANXIAN.region + "0" * 10 + "0001", name="别人", visit_no=visits.new_visit_number("MZ"),
                        med_type="11", diag="J06.900", diag_name="急性上呼吸道感染")
        self.assertEqual((told["told"], code_of(told)), ("refused", 2003), told)


class CentreOfNanning(Journey, unittest.TestCase):
    """The centre's answers are lost, cut, late, untrue: the faults every stand-in knows, by the visit number's beginning.
    It can not be asked what became of a settlement, so what is not known is undone, and the hospital settles anew."""

    insurer_options = {"late_seconds": 65, "slow_seconds": 5}

    def undone_and_settled_anew(self, prefix: str, number: str, name: str) -> None:
        """The first settlement ends as not posted, however long that takes; the second one is good."""
        visit_no = self.charge(prefix, number, name)
        first = self.end_of(self.ask("settle", visit_no=visit_no, use_acct=0))
        self.assertIn(first, ("refused", "reversed"), prefix)
        self.good("settle", visit_no=visit_no, use_acct=0)

    def settled_all_the_same(self, prefix: str, number: str, name: str) -> None:
        visit_no = self.charge(prefix, number, name)
        self.assertEqual(self.end_of(self.ask("settle", visit_no=visit_no, use_acct=0)), "good", prefix)

    def test_closed_on_receipt(self) -> None:
        self.undone_and_settled_anew("ZZ02", "0001", "韦测")

    def test_closed_without_an_answer(self) -> None:
        self.undone_and_settled_anew("ZZ03", "0001", "韦测")

    def test_half_an_answer(self) -> None:
        self.undone_and_settled_anew("ZZ04", "0001", "韦测")

    def test_told_unknown_though_posted(self) -> None:
        self.undone_and_settled_anew("ZZ06", "0001", "韦测")

    def test_told_unknown_and_not_posted(self) -> None:
        self.undone_and_settled_anew("ZZ07", "0001", "韦测")

    def test_cash_one_fen_too_high_is_undone(self) -> None:
        self.undone_and_settled_anew("ZZ08", "0001", "韦测")

    def test_busy_twice(self) -> None:
        self.settled_all_the_same("ZZ05", "0001", "韦测")

    def test_illegal_bytes_in_a_text(self) -> None:
        self.settled_all_the_same("ZZ10", "0001", "韦测")

    def test_slow(self) -> None:
        self.settled_all_the_same("ZZ12", "0001", "韦测")

    def test_never_late_and_unanswered(self) -> None:
        """A minute each and more, so side by side: different persons."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done in [pool.submit(self.undone_and_settled_anew, *case) for case in
                         (("ZZ01", "0002", "莫试"), ("ZZ09", "0003", "覃检"), ("ZZ11", "0007", "罗玘"))]:
                done.result()


class EndOfDay(Journey, unittest.TestCase):
    """The centre's day ends: totals are compared, the cycle is signed out, and the next request goes out under a new one."""

    insurer_options = {"treat_clock": "ignore"}

    @classmethod
    def prepare(cls) -> None:
        cls.calling = cls.world.gateways[DANXIAN.node].instances[0]
        cls.calling.options["clock_tolerance"] = 0

    def test_day_change(self) -> None:
        tally = pathlib.Path(str(self.calling.options["state_directory"]))
        for number, name in (("0001", "韦测"), ("0002", "莫试")):
            visit_no = self.charge("MZ", number, name)
            self.good("settle", visit_no=visit_no, use_acct=0)
        self.good("cancel_settlement", visit_no=visit_no, reason="退费")
        today = datetime.datetime.now(CHINA)
        self.assertEqual([file.name for file in tally.iterdir()], [f"tally-{today:%Y%m%d}"])
        tomorrow = today + datetime.timedelta(days=1)
        self.world.ask(self.pair.insurer, {"op": "clock", "date": f"{tomorrow:%Y%m%d}", "time": "000010"})
        visit_no = self.charge("MZ", "0003", "覃检")
        self.good("settle", visit_no=visit_no, use_acct=0)
        # Equal totals let go of the old day's tally; the new settlement is in the new day's.
        self.assertEqual([file.name for file in tally.iterdir()], [f"tally-{tomorrow:%Y%m%d}"])


if __name__ == "__main__":
    unittest.main()
