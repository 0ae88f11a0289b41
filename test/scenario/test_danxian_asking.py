"""Nanning's danxian asks and things go wrong: repeats, reversals of every kind, cycles that are not one's own, separators
inside names. Nothing is ever replayed there, and each refusal has its own code."""

import datetime
import pathlib
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

CHINA = datetime.timezone(datetime.timedelta(hours=8))
HOSPITAL, OPERATOR = "H45010000003", "000012"


class NanningAsks(unittest.TestCase):
    """One world for all cases: they are different persons' visits."""

    number = 9000

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DANXIAN, DAJIZHONG)
        cls.pair.start(slow_seconds=15)

    def ask(self, op: str, **fields: object) -> dict:
        """Do one operation at the hospitals."""
        answer = self.world.ask(self.pair.hospitals, {"op": op, "area": DAJIZHONG.region, **fields})
        self.assertTrue(answer and answer["ok"], f"{op}: {answer}")
        return answer

    def good(self, op: str, **fields: object) -> dict:
        """Do one operation that must be told good."""
        answer = self.ask(op, **fields)
        self.assertEqual(answer["told"], "good", f"{op}: {answer}")
        return answer

    def charge(self, prefix: str, number: str, name: str) -> str:
        """Register a visit and upload a line."""
        visit_no, psn_no = visits.new_visit_number(prefix), DAJIZHONG.region + "0" * 10 + number
        self.good("person", kind="psn_no", value=psn_no, name=name)
        self.good("register", psn_no=psn_no, name=name, visit_no=visit_no, med_type="11", diag="J06.900",
                  diag_name="急性上呼吸道感染")
        self.good("details", visit_no=visit_no, lines=[{"line_no": "1", "item": "4501-0001", "price": "12.50", "qty": "2"}])
        return visit_no

    def new_serial(self) -> str:
        """Return a serial nobody used."""
        type(self).number += 1
        return f"{datetime.datetime.now(CHINA):%Y%m%d%H%M%S}-{HOSPITAL}-{self.number:04d}"

    def line(self, code: str, params: str, serial: str = "", cycle: str | None = None, operator: str = OPERATOR) -> list[str]:
        """Ask with a line of one's own; return the answer's fields."""
        if cycle is None:
            cycle = self.good("signin")["out"]["cycle"]
        raw = f"{code}^{HOSPITAL}^{operator}^{cycle}^{serial or self.new_serial()}^{DAJIZHONG.region}^{params}^1^\r\n"
        told = self.world.ask(self.pair.hospitals, {"op": "raw", "hex": raw.encode("gb18030").hex(), "seconds": 150})
        self.assertEqual(told["told"], "answer", told)
        return told["text"].split("^")

    def reverse(self, serial: str, code: str = "2410") -> list[str]:
        """Reverse a request by its serial; return the answer's fields."""
        return self.line("2421", f"{code}|{serial}||||")

    def test_a_repeat_is_refused_whatever_it_holds(self) -> None:
        visit_no = self.charge("MZ", "0001", "韦测")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        again = self.ask("repeat", serial=settled["serial"])
        self.assertEqual((again["told"], int(again["code"])), ("refused", -1005), again)
        visit_id = self.ask("visit", visit_no=visit_no)["visit"]["visit_id"]
        other = self.line("2430", f"{visit_no}|{visit_id}|{settled['out']['setl_id']}|FP2|20261122101455|员|退费|", settled["serial"])
        self.assertEqual(other[0], "-1005", other)
        self.assertEqual(sum(entry["kind"] == "settle" and entry["visit"] == visit_no for entry in self.pair.books()[1]), 1)

    def test_reversal_of_what_never_came_blocks_it(self) -> None:
        visit_no = self.charge("MZ", "0002", "莫试")
        serial = self.new_serial()
        told = self.reverse(serial)
        self.assertEqual((told[0], told[3].split("|")[0]), ("0", "2"), told)
        visit_id = self.ask("visit", visit_no=visit_no)["visit"]["visit_id"]
        late = self.line("2410", f"{visit_no}|{visit_id}|FP1|11|20261122101455|||J06.900|感染|0|25.00|员|0|", serial)
        self.assertIn(late[0], ("-2504", "-1005"), late)
        self.good("settle", visit_no=visit_no, use_acct=0)

    def test_reversal_is_told_the_same_again(self) -> None:
        visit_no = self.charge("MZ", "0003", "覃检")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        self.good("reverse", serial=settled["serial"])
        told = self.reverse(settled["serial"])
        self.assertEqual(told[0], "0", told)
        self.assertIn(told[3].split("|")[0], ("1", "3"), told)
        self.good("settle", visit_no=visit_no, use_acct=0)

    def test_reversal_of_a_settlement_that_the_hospital_cancelled_comes_to_an_end(self) -> None:
        """The centre declines it for good, and the gateway finds the hospital's own cancel: it stands beside it."""
        visit_no = self.charge("MZ", "0008", "陈珅")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        self.good("cancel_settlement", visit_no=visit_no, reason="退费")
        wait_until("the reversal has an end", lambda: self.reverse(settled["serial"])[0] == "-2503", 30)
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 30)

    def test_reversal_while_the_original_is_under_way_is_busy(self) -> None:
        visit_no = self.charge("ZZ12", "0009", "吐尔逊·测试")
        before = {entry["serial"] for entry in self.entries(visit_no)}
        told: list[dict] = []
        settling = threading.Thread(target=lambda: told.append(self.ask("settle", visit_no=visit_no, use_acct=0)))
        settling.start()
        serial = wait_until("the settlement is on its way", lambda: next(
            (entry["serial"] for entry in self.entries(visit_no) if entry["serial"] not in before), None))
        answer = self.reverse(serial)
        settling.join()
        self.assertIn(answer[0], ("-9001", "0"), answer)
        if answer[0] == "0":
            self.assertEqual(told[0]["told"], "refused", told)
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        self.assertEqual(self.reverse(serial)[0], "0")
        entry = next(entry for entry in self.entries(visit_no) if entry["serial"] == serial)
        if entry["conclusion"]["told"] == "good":
            self.good("reverse", serial=serial)

    def entries(self, visit_no: str) -> list[dict]:
        """Return the hospital's settlements of a visit."""
        return self.ask("books", visit_no=visit_no, code="2410")["entries"]

    def test_cycles_belong_to_their_operator_and_institution(self) -> None:
        signed = self.good("signin")
        cycle = signed["out"]["cycle"]
        self.assertEqual(self.good("signin")["out"]["resumed"], "1")
        self.assertEqual(self.line("2240", "X|Y||", cycle=cycle, operator="000099")[0], "-9103")
        self.assertEqual(self.line("2240", "X|Y||", cycle="0003-00000012-20200101001")[0], "-9101")
        self.assertEqual(self.line("2240", "X|Y||", cycle="")[0], "-9101")

    def test_refusals_of_the_insured_place_keep_their_codes(self) -> None:
        for number, name, code in (("0004", "陆停", -2002), ("0005", "黄冻", -2005), ("0006", "蓝外", -2004), ("0099", "无名", -2001)):
            told = self.ask("register", psn_no=DAJIZHONG.region + "0" * 10 + number, name=name,
                            visit_no=visits.new_visit_number("MZ"), med_type="11", diag="J06.900", diag_name="感染")
            self.assertEqual((told["told"], int(told["code"])), ("refused", code), told)

    def test_separators_inside_characters_move_no_field(self) -> None:
        for number, name in (("0007", "罗玘"), ("0008", "陈珅"), ("0010", "䶮小测")):
            visit_no = self.charge("MZ", number, name)
            settled = self.good("settle", visit_no=visit_no, use_acct=0)
            self.assertEqual(settled["out"]["total"], 2500, settled)

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        self.assertEqual(compare_books(self.pair), [])


if __name__ == "__main__":
    unittest.main()
