"""Two days of business of one region, and the questions of the third: what the tests of reports and reconciliation have in
common. Days have passed as the trial's clocks are told (libfaketime)."""

import datetime
import json
import subprocess

from fepsim import visits
from pairs import System, whole_id
from trial import Trial
from verdict import open_anywhere
from world import World, wait_until

AMOUNTS = ("total", "fund", "acct", "cash")
FIGURES = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
NO_DIFFERENCE, DIFFERENCES, NOT_DONE = 0, 1, 111


def stamp_of(day: datetime.date) -> str:
    """Return a day as eight digits."""
    return day.strftime("%Y%m%d")


class TwoDays:
    """Derive from it and from unittest.TestCase; name the region, say what its days hold."""

    region: System
    first_day: tuple[tuple[System, System], ...]        # who asks whom for every kind of business
    second_day: tuple[tuple[System, System, str], ...]  # one settlement each, by the visit number's beginning

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.trial = Trial(cls.world)
        cls.prepare()
        cls.trial.set_day(-2)
        cls.trial.start()
        cls.first = stamp_of(cls.trial.today)
        cls.play_first_day()
        cls.close_all()
        cls.trial.next_day(-1)
        cls.second = stamp_of(cls.trial.today)
        cls.settled_second = [cls.play_visit(asking, asked, prefix, "0009", "吐尔逊·测试")
                              for asking, asked, prefix in cls.second_day]
        cls.close_all()
        cls.trial.next_day(0)
        cls.third = stamp_of(cls.trial.today)

    @classmethod
    def prepare(cls) -> None:
        """Change the configuration before anything starts."""

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
    def play_first_day(cls) -> None:
        """Every kind of business."""
        for asking, asked in cls.first_day:
            for case in ("inpatient_course", "outpatient_visit", "pharmacy_and_refund"):
                steps = visits.CASES[case](str(cls.trial.hospitals[asking.name]), area=asked.region, region=asking.region)
                if not steps[-1]["expected"]:
                    raise AssertionError(f"{case}: {steps[-1]}")
            settled = cls.play_visit(asking, asked, "MZ", "0002", "莫试")
            cls.good(asking, "reverse", serial=settled["serial"])

    @classmethod
    def close_all(cls) -> None:
        """Wait until everything has an end and nothing is left undecided."""
        wait_until("everything is closed", lambda: not open_anywhere(cls.world), 240)

    def fepctl_json(self, code: int, *words: str) -> dict:
        """Let fepctl do something at the region's gateway; it must end with this code."""
        gateway = self.world.gateways[self.region.node]
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, *words, "--json"],
                              capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if code != NOT_DONE else {}

    def reconcile(self, day: str, code: int) -> dict:
        """Let the gateway reconcile a day with its centre; fepctl must end with this code."""
        return self.fepctl_json(code, "reconcile", "asked", day)

    def catalogue(self, code: int, *kinds: str) -> dict:
        """Let the gateway compare its crosswalk with the centre's catalogue; fepctl must end with this code."""
        return self.fepctl_json(code, "catalogue", "asked", *kinds)

    def test_totals_of_both_days_are_those_of_the_hospitals(self) -> None:
        for day, rows in ((self.first, {("310", "21"), ("310", "11"), ("390", "41")}), (self.second, {("310", "11")})):
            told = self.good(self.region, "totals", date=day)["out"]
            self.assertEqual(told["differs"], "0", told)
            self.assertGreaterEqual({(row["insutype"], row["clearing"]) for row in told["rows"]}, rows, told)
            self.assertEqual({name: told[name] for name in told["own"]}, told["own"])

    def test_totals_of_an_open_day_may_be_asked_for_again(self) -> None:
        told = self.ask(self.region, "totals", date=self.third)
        self.assertEqual((told["told"], abs(int(told["code"]))), ("refused", 2601), told)

    def test_reconciled_day_is_equal(self) -> None:
        result = self.reconcile(self.first, NO_DIFFERENCE)
        self.assertTrue(result["equal"])
        self.assertEqual(result["differences"], [])
        self.assertEqual({row["stmt_rslt"] for row in result["totals"]}, {"0"})

    def test_double_of_the_centre_is_the_only_difference(self) -> None:
        result = self.reconcile(self.second, DIFFERENCES)
        self.assertFalse(result["equal"])
        twin = next(posting for posting in self.trial.books(self.region)[1] if posting.get("twin"))
        self.assertEqual([(each["kind"], whole_id(each["setl_id"])) for each in result["differences"]],
                         [("only_there", twin["setl_id"])], result)
        theirs = result["differences"][0]["theirs"]
        self.assertEqual([round(float(theirs[name]) * 100) for name in FIGURES],
                         [self.settled_second[0]["out"][name] for name in AMOUNTS])
