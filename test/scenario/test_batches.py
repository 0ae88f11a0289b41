"""Yulin's centre takes two fee lines at a time: what Nanning's hospitals upload in one goes there in several postings, all of
which stand or none."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

SPREAD = """    batch = { most = 2; sum = "data.det_item_fee_sumamt"; };
    request_group = { path = "feedetail";"""


def lines(last_amount: str = "10.00") -> list[dict[str, str]]:
    """Return five fee lines; the last one's amount may be another than price by quantity."""
    prices = ["12.50", "100.55", "7.50", "1.00", "10.00"]
    all_lines = [{"line_no": str(i + 1), "item": f"4501-000{i % 2 + 1}", "price": price, "qty": "1"}
                 for i, price in enumerate(prices)]
    if last_amount != prices[-1]:
        all_lines[-1]["amount"] = last_amount
    return all_lines


class SpreadUploads(unittest.TestCase):
    """One world for all cases: they are different persons' visits."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DANXIAN, DAJIZHONG)
        text = pathlib.Path(DAJIZHONG.mapping).read_text(encoding="utf-8")
        spread = text.replace('    request_group = { path = "feedetail";', SPREAD)
        # No more than two fit the record, so that five lines in one posting are refused before they are sent.
        spread = spread.replace('name = "FQ-LINE"; max = 500', 'name = "FQ-LINE"; max = 2')
        assert spread.count("batch = {") >= 2 and "max = 2;" in spread, "the mapping's uploads look otherwise now"
        mapping = cls.world.directory / "mapping" / "dajizhong.cfg"
        mapping.parent.mkdir()
        mapping.write_text(spread, encoding="utf-8")
        source = pathlib.Path(DAJIZHONG.mapping).parent
        (cls.world.directory / "crosswalk").symlink_to(source.parent / "crosswalk")
        for instance in cls.world.gateways[DAJIZHONG.node].instances:
            instance.mapping = str(mapping)
        cls.pair.start()

    def ask(self, op: str, **fields: object) -> dict:
        """Do one operation at Nanning's hospitals."""
        answer = self.world.ask(self.pair.hospitals, {"op": op, "area": DAJIZHONG.region, **fields})
        self.assertTrue(answer and answer["ok"], f"{op}: {answer}")
        return answer

    def good(self, op: str, **fields: object) -> dict:
        """Do one operation that must be told good."""
        answer = self.ask(op, **fields)
        self.assertEqual(answer["told"], "good", f"{op}: {answer}")
        return answer

    def register(self, number: str, name: str) -> str:
        """Register a visit."""
        visit_no, psn_no = visits.new_visit_number("MZ"), DAJIZHONG.region + "0" * 10 + number
        self.good("person", kind="psn_no", value=psn_no, name=name)
        self.good("register", psn_no=psn_no, name=name, visit_no=visit_no, med_type="11", diag="J06.900",
                  diag_name="急性上呼吸道感染")
        return visit_no

    def test_five_lines_in_three_postings(self) -> None:
        visit_no = self.register("0001", "韦测")
        self.good("details", visit_no=visit_no, lines=lines())
        self.good("settle", visit_no=visit_no, use_acct=0)  # the sum of all five lines, or it would be refused

    def test_a_refused_posting_leaves_nothing(self) -> None:
        """The centre refuses a line number that it has: so the good upload shows that nothing of the bad one is left."""
        visit_no = self.register("0002", "莫试")
        refused = self.ask("details", visit_no=visit_no, lines=lines(last_amount="11.00"))
        self.assertEqual((refused["told"], refused["code"]), ("refused", -2203), refused)
        self.good("details", visit_no=visit_no, lines=lines())
        self.good("settle", visit_no=visit_no, use_acct=0)

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 120)
        self.assertEqual(compare_books(self.pair), [])
