"""Another region's build of the same product over the same module: etc/mapping/examples/dajizhong-451300.cfg has person
numbers of 10 bytes instead of 20, so that everything behind them stands elsewhere, and no line of C knows of it. Nanning's
hospitals treat Laibin's insured: every kind of business, its figures, and both books."""

import difflib
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import data, visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, System, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import SOURCE, World, wait_until  # noqa: E402

NUMBER_SIZE = 10
EXPECTED_CHANGES = re.compile(r"4509|4513|-PSN-NO|^[-+]#|^[-+]$|^(---|\+\+\+|@@)")


class Example(System):
    """A system whose mapping is among the examples; it starts like Yulin's."""

    @property
    def mapping(self) -> str:
        """Return the mapping file."""
        return f"{SOURCE}/etc/mapping/examples/dajizhong-451300.cfg"


LAIBIN = Example("dajizhong", "451300", "GW4513000001", "来宾", "400002", "400003")


class LaibinIsAsked(unittest.TestCase):
    """The centre's records are those of the shorter copybook."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DANXIAN, LAIBIN)
        cls.pair.start(person_number=NUMBER_SIZE)

    def good(self, op: str, **fields: object) -> dict:
        """Do one operation at the asking side that must be told good."""
        answer = self.world.ask(self.pair.hospitals, {"op": op, "area": LAIBIN.region, **fields})
        self.assertTrue(answer and answer["ok"] and answer["told"] == "good", f"{op}: {answer}")
        return answer

    def settle(self, number: str, name: str) -> dict:
        """Register, upload, settle: every figure is the rule's."""
        visit_no, psn_no = visits.new_visit_number("MZ"), data.person_number(LAIBIN.region, number, NUMBER_SIZE)
        person = self.good("person", kind="psn_no", value=psn_no, name=name)["out"]
        self.assertEqual(person["psn_no"], psn_no)
        self.good("register", psn_no=psn_no, name=name, visit_no=visit_no, med_type="11", diag="J06.900",
                  diag_name="急性上呼吸道感染")
        self.good("details", visit_no=visit_no, lines=[
            {"line_no": "1", "item": "4501-0001", "price": "12.50", "qty": "2"},
            {"line_no": "2", "item": "4501-0002", "price": "100.00", "qty": "1"}])
        return self.good("settle", visit_no=visit_no, use_acct=0) | {"visit_no": visit_no}

    def test_only_lengths_and_the_region_differ(self) -> None:
        lines = [pathlib.Path(system.mapping).read_text(encoding="utf-8").splitlines() for system in (DAJIZHONG, LAIBIN)]
        changed = [line for line in difflib.unified_diff(*lines, lineterm="", n=0) if not EXPECTED_CHANGES.search(line)]
        self.assertEqual(changed, [])

    def test_settlement_refund_and_reversal(self) -> None:
        # 115.00 in scope (25.00 and 90.00), 50 % of it from the pool; the account is not used.
        settled = self.settle("0001", "韦测")
        self.assertEqual([settled["out"][name] for name in ("total", "fund", "acct", "cash")], [12500, 5750, 0, 6750])
        self.good("cancel_settlement", visit_no=settled["visit_no"], reason="退费")
        self.good("reverse", serial=self.settle("0007", "罗玘")["serial"])
        filed = self.good("filing", psn_no=data.person_number(LAIBIN.region, "0001", NUMBER_SIZE))["out"]["rows"]
        self.assertEqual(len(filed), 1, filed)

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        self.assertEqual(compare_books(self.pair), [])


if __name__ == "__main__":
    unittest.main()
