"""Guilin's wuxian reconciled both ways, over two days: its hospitals hold the gateway's totals, details and catalogue
against their own books, and the gateway holds its centre's against its own: equal on the first day, on the second exactly
the double that the centre posted by itself. The trial's days have passed already, as its clocks are told (libfaketime)."""

import datetime
import json
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from fepsim.data import OPEN_END  # noqa: E402
from fepsim.wuxian_queries import CATALOGUE_VERSION  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN, System  # noqa: E402
from trial import Trial  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

AMOUNTS = ("total", "fund", "acct", "cash")
FIGURES = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
NO_DIFFERENCE, DIFFERENCES = 0, 1


def stamp_of(day: datetime.date) -> str:
    """Return a day as eight digits."""
    return day.strftime("%Y%m%d")


class Reports(unittest.TestCase):
    """Two days of business, then the questions of the third."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.trial = Trial(cls.world)
        cls.trial.set_day(-2)
        cls.trial.start()
        cls.first = stamp_of(cls.trial.today)
        cls.play_day()
        cls.close_all()
        cls.trial.next_day(-1)
        cls.second = stamp_of(cls.trial.today)
        cls.doubled = cls.play_visit(DANXIAN, WUXIAN, "ZZ13", "0009", "吐尔逊·测试")
        cls.play_visit(WUXIAN, DAJIZHONG, "MZ", "0009", "吐尔逊·测试")
        cls.close_all()
        cls.trial.next_day(0)
        cls.third = stamp_of(cls.trial.today)

    @classmethod
    def ask(cls, system: System, op: str, **fields: object) -> dict:
        """Do one operation at a region's hospitals."""
        answer = cls.world.ask(cls.trial.hospitals[system.name], {"op": op, **fields})
        if not answer or not answer["ok"]:
            raise AssertionError(f"{op}: {answer}")
        return answer

    @classmethod
    def good(cls, system: System, op: str, **fields: object) -> dict:
        """Do one operation that must be told good."""
        answer = cls.ask(system, op, **fields)
        if answer["told"] != "good":
            raise AssertionError(f"{op}: {answer}")
        return answer

    @classmethod
    def play_visit(cls, asking: System, asked: System, prefix: str, number: str, name: str,
                   told: tuple[str, ...] = ("good",)) -> dict:
        """Register, upload, settle; return what the settlement was told."""
        visit_no, psn_no = visits.new_visit_number(prefix), asked.region + "0" * 10 + number
        area, item = asked.region, asking.region[:4]
        cls.good(asking, "person", area=area, kind="psn_no", value=psn_no, name=name)
        cls.good(asking, "register", area=area, psn_no=psn_no, name=name, visit_no=visit_no, med_type="11",
                 diag="J06.900", diag_name="急性上呼吸道感染")
        cls.good(asking, "details", area=area, visit_no=visit_no, lines=[
            {"line_no": "1", "item": f"{item}-0001", "price": "12.50", "qty": "2"},
            {"line_no": "2", "item": f"{item}-0002", "price": "100.55", "qty": "1"}])
        settled = cls.ask(asking, "settle", area=area, visit_no=visit_no, use_acct=0)
        if settled["told"] not in told:
            raise AssertionError(f"settle: {settled}")
        return settled

    @classmethod
    def play_day(cls) -> None:
        """Every kind of business, from Guilin's hospitals to Yulin and from Nanning's to Guilin."""
        for asking, asked in ((WUXIAN, DAJIZHONG), (DANXIAN, WUXIAN)):
            for case in ("inpatient_course", "outpatient_visit", "pharmacy_and_refund"):
                steps = visits.CASES[case](str(cls.trial.hospitals[asking.name]), area=asked.region, region=asking.region)
                if not steps[-1]["expected"]:
                    raise AssertionError(f"{case}: {steps[-1]}")
            settled = cls.play_visit(asking, asked, "MZ", "0002", "莫试")
            cls.good(asking, "reverse", serial=settled["serial"])
        # Of one the gateway knows the settlement by inquiry only; the other it undoes, and never learns its number.
        cls.play_visit(DANXIAN, WUXIAN, "ZZ03", "0001", "韦测", told=("good", "unknown"))
        cls.play_visit(DANXIAN, WUXIAN, "ZZ08", "0007", "罗玘", told=("refused", "unknown"))

    @classmethod
    def close_all(cls) -> None:
        """Wait until everything has an end and nothing is left undecided."""
        wait_until("everything is closed", lambda: not open_anywhere(cls.world), 240)

    def reconcile(self, day: str, code: int) -> dict:
        """Let Guilin's gateway reconcile a day with its centre; fepctl must end with this code."""
        gateway = self.world.gateways[WUXIAN.node]
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, "reconcile", "asked", day, "--json"],
                              capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    # --- wuxian asks the gateway ---

    def test_totals_of_both_days_are_those_of_the_hospitals(self) -> None:
        for day, rows in ((self.first, {("310", "21"), ("310", "11"), ("390", "41")}), (self.second, {("310", "11")})):
            told = self.good(WUXIAN, "totals", date=day)["out"]
            self.assertEqual(told["differs"], "0", told)
            self.assertGreaterEqual({(row["insutype"], row["clearing"]) for row in told["rows"]}, rows, told)
            self.assertEqual({name: told[name] for name in told["own"]}, told["own"])

    def test_totals_of_an_open_day_may_be_asked_for_again(self) -> None:
        told = self.ask(WUXIAN, "totals", date=self.third)
        self.assertEqual((told["told"], abs(int(told["code"]))), ("refused", 2601), told)

    def test_details_show_every_posting_with_its_state(self) -> None:
        rows = self.good(WUXIAN, "day", date=self.first)["out"]["rows"]
        entries = {entry["serial"]: entry for entry in self.trial.books(WUXIAN)[0]
                   if entry["code"] in (WUXIAN.settle, WUXIAN.cancel) and entry["serial"][12:20] == self.first
                   and entry["conclusion"]["told"] in ("good", "reversed")}
        self.assertEqual({row["serial"] for row in rows}, entries.keys())
        states = sorted((row["code"], row["state"]) for row in rows)
        self.assertEqual(states, [("1402", "1"), ("1402", "1"), ("1402", "4"), ("1402", "5"), ("1403", "1")])
        cancelled = next(row for row in rows if row["state"] == "5")
        self.assertEqual([row["cancelled_id"] for row in rows if row["code"] == "1403"], [cancelled["setl_id"]])
        for row in rows:
            if row["state"] != "4":
                out = entries[row["serial"]]["conclusion"]["out"]
                self.assertEqual([row[name] for name in AMOUNTS], [out[name] for name in AMOUNTS], row)
                self.assertEqual(row["setl_id"], out["setl_id"])

    def test_catalogue_is_the_crosswalk_in_force(self) -> None:
        told = self.good(WUXIAN, "catalogue", kind="1")["out"]
        self.assertTrue(told["version"])
        rows = {row["code"]: row for row in told["rows"]}
        self.assertEqual((rows["4503-0002"]["name"], rows["4503-0002"]["level"]), ("测试片乙", "2"))
        self.assertEqual(rows["4503-0007"]["valid"], "0")

    def test_filings_are_asked_of_the_insured_place(self) -> None:
        for asking, asked in ((WUXIAN, DAJIZHONG), (DANXIAN, WUXIAN)):
            filed = self.good(asking, "filing", area=asked.region, psn_no=asked.region + "0" * 10 + "0001")["out"]
            self.assertEqual([(row["type"], row["end"]) for row in filed["rows"]], [("1", OPEN_END)], filed)

    # --- the gateway asks wuxian ---

    def test_reconciled_day_is_equal(self) -> None:
        result = self.reconcile(self.first, NO_DIFFERENCE)
        self.assertTrue(result["equal"])
        self.assertEqual(result["differences"], [])
        self.assertEqual({row["stmt_rslt"] for row in result["totals"]}, {"0"})
        kinds = [(posting["kind"], posting["state"]) for posting in self.trial.books(WUXIAN)[1]
                 if posting["kind"] in ("settle", "cancel") and posting.get("at", "")[:8] == self.first]
        self.assertEqual(kinds.count(("settle", "reversed")), 2, kinds)
        self.assertEqual(kinds.count(("settle", "cancelled")), 1, kinds)

    def test_double_of_the_centre_is_the_only_difference(self) -> None:
        result = self.reconcile(self.second, DIFFERENCES)
        self.assertFalse(result["equal"])
        twin = next(posting for posting in self.trial.books(WUXIAN)[1] if posting.get("twin"))
        self.assertEqual([(each["kind"], each["setl_id"]) for each in result["differences"]],
                         [("only_there", twin["setl_id"])], result)
        theirs = result["differences"][0]["theirs"]
        self.assertEqual([round(float(theirs[name]) * 100) for name in FIGURES],
                         [self.doubled["out"][name] for name in AMOUNTS])

    def test_catalogue_of_the_centre_shows_the_item_without_a_row(self) -> None:
        gateway = self.world.gateways[WUXIAN.node]
        for kinds, items in (([], 8), (["1"], 6)):
            done = subprocess.run([self.world.fepctl, "-c", gateway.config, "catalogue", "asked", *kinds, "--json"],
                                  capture_output=True, text=True, timeout=150, check=False)
            self.assertEqual(done.returncode, DIFFERENCES, done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual((result["version"], result["items"]), (CATALOGUE_VERSION, items), result)
            self.assertEqual([(each["kind"], each["local"], each["theirs"]) for each in result["differences"]],
                             [("no_row", "4503-0004", "01")])

    def test_open_day_has_details_but_no_totals_yet(self) -> None:
        result = self.reconcile(self.third, NO_DIFFERENCE)
        self.assertEqual((result["totals_compared"], result["details_compared"], result["totals"]), (False, True, []))


if __name__ == "__main__":
    unittest.main()
