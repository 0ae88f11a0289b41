"""Nanning's hospitals (danxian) settle for Yulin's insured, whose system is the dajizhong written in COBOL: every case,
its figures, the COBOL book, and nothing left open."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import reference, visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import PYTHON, SOURCE, World, wait_until  # noqa: E402


class CobolWorld(World):
    """A world in which the insurer is the COBOL program."""

    def start_fepsim(self, system: str, name: str, **options: object) -> pathlib.Path:
        """Start a stand-in; the insurer's is the COBOL program behind its socket."""
        if name != "insurer":
            return super().start_fepsim(system, name, **options)
        control = self.sockets / f"{name}.ctl"
        peers = "test/peers/cobol"
        self.spawn(name, [PYTHON, SOURCE / peers / "peer.py", "--program", self.build / peers / "dajizhong", "--control",
                          control, "--listen", options["listen"], "--book", self.directory / "cobol-book",
                          "--region", options["region"], "--password", "secret"])
        wait_until(f"{name} answers", lambda: self.ask(control, {"op": "ping"}) is not None)
        return control


class CobolPeer(unittest.TestCase):
    """One world for all cases: they are different persons' visits."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = CobolWorld(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DANXIAN, DAJIZHONG)
        cls.pair.start()

    def play(self, case: str) -> list[dict]:
        """Play a case; every step is told as it should be and every figure is the rule's."""
        steps = visits.CASES[case](str(self.pair.hospitals), area="450900", region="450100")
        for step in steps:
            self.assertTrue(step["expected"], f"{case} {step['name']}: told {step['told']} {step['code']} {step['text']}")
            expected = reference.EXPECTED.get((case, step["name"]))
            for key, value in (expected() if expected else {}).items():
                self.assertEqual(step["figures"].get(key), value, f"{case} {step['name']}: {key}")
        return steps

    def held(self, setl_id: str) -> dict:
        """Return what the COBOL book says of a settlement."""
        return next(posting for posting in self.pair.books()[1] if posting["setl_id"] == setl_id)

    def test_inpatient_course_is_in_the_cobol_book(self) -> None:
        settled = self.play("inpatient_course")[-1]["figures"]
        posting = self.held(settled["setl_id"])
        self.assertEqual(posting["state"], "posted")
        for key in ("total", "fund", "acct", "cash"):
            self.assertEqual(posting[key], reference.inpatient_course()[key], key)

    def test_outpatient_visit(self) -> None:
        self.play("outpatient_visit")

    def test_refund_is_a_posting_of_its_own(self) -> None:
        *_, settled, refunded = self.play("pharmacy_and_refund")
        self.assertEqual(self.held(settled["figures"]["setl_id"])["state"], "cancelled")
        self.assertEqual(self.held(refunded["figures"]["setl_id"])["total"], -reference.pharmacy()["total"])

    def test_suspended_insurance_is_refused_with_its_own_code(self) -> None:
        self.play("refusal")

    def test_lost_answer_is_found_by_inquiry_and_posted_once(self) -> None:
        settled = self.play("lost_answer")[-1]["figures"]
        of_person = [posting for posting in self.pair.books()[1]
                     if posting["psn_no"] == self.held(settled["setl_id"])["psn_no"]]
        self.assertEqual(len(of_person), 1)

    def test_reversal_undoes_a_settlement_and_blocks_its_serial(self) -> None:
        """A visit of person 0008, settled and reversed by the hospital: the book holds it as reversed."""
        clerk = visits.Clerk(str(self.pair.hospitals))
        visit_no = clerk.open_visit("0008", "陈珅", "MZ", "11", visits.COLD)
        clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(visits.LOST, 1))
        settled = clerk.step("settle", "settle", visit_no=visit_no)
        clerk.step("reverse", "reverse", told=("good", "reversed"), serial=settled["serial"])
        self.assertEqual(self.held(settled["figures"]["setl_id"])["state"], "reversed")

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        self.assertEqual(compare_books(self.pair), [])


if __name__ == "__main__":
    unittest.main()
