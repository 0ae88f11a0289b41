"""Nanning's danxian reconciled both ways: its hospitals hold the gateway's totals, details and catalogue against their own
books and sign out without force; the gateway holds its centre's against its own, with exactly the planted difference; and
what can not be reversed any more is found in the centre's details and cancelled."""

import concurrent.futures
import datetime
import json
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from fepsim.caret_queries import CATALOGUE_VERSION  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, System, whole_id  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

CHINA = datetime.timezone(datetime.timedelta(hours=8))
AMOUNTS = ("total", "fund", "acct", "cash")
NO_DIFFERENCE, DIFFERENCES = 0, 1
CASES = ("inpatient_course", "outpatient_visit", "pharmacy_and_refund")


def today() -> str:
    """Return China's date, eight digits."""
    return datetime.datetime.now(CHINA).strftime("%Y%m%d")


class Journey:
    """One world for a pair."""

    asking: System
    asked: System

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, cls.asking, cls.asked)
        cls.prepare()
        cls.pair.start(treat_clock="ignore")

    @classmethod
    def prepare(cls) -> None:
        """Change what a class wants otherwise before anything starts."""

    @classmethod
    def ask(cls, op: str, **fields: object) -> dict:
        """Do one operation at the hospitals."""
        answer = cls.world.ask(cls.pair.hospitals, {"op": op, "area": cls.asked.region, **fields})
        if not answer or not answer["ok"]:
            raise AssertionError(f"{op}: {answer}")
        return answer

    @classmethod
    def good(cls, op: str, **fields: object) -> dict:
        """Do one operation that must be told good."""
        answer = cls.ask(op, **fields)
        if answer["told"] != "good":
            raise AssertionError(f"{op}: {answer}")
        return answer

    @classmethod
    def charge(cls, prefix: str, number: str, name: str) -> str:
        """Register a visit and upload two lines."""
        visit_no, psn_no = visits.new_visit_number(prefix), cls.asked.region + "0" * 10 + number
        item = cls.asking.region[:4]
        cls.good("person", kind="psn_no", value=psn_no, name=name)
        cls.good("register", psn_no=psn_no, name=name, visit_no=visit_no, med_type="11", diag="J06.900",
                 diag_name="急性上呼吸道感染")
        cls.good("details", visit_no=visit_no, lines=[
            {"line_no": "1", "item": f"{item}-0001", "price": "12.50", "qty": "2"},
            {"line_no": "2", "item": f"{item}-0002", "price": "100.55", "qty": "1"}])
        return visit_no

    @classmethod
    def settle(cls, prefix: str, number: str, name: str) -> dict:
        """Register, upload, settle; return what the settlement was told."""
        return cls.good("settle", visit_no=cls.charge(prefix, number, name), use_acct=0)

    @classmethod
    def play_day(cls) -> None:
        """Play every kind of business, and take one settlement back."""
        for case in CASES:
            steps = visits.CASES[case](str(cls.pair.hospitals), area=cls.asked.region, region=cls.asking.region)
            if not steps[-1]["expected"]:
                raise AssertionError(f"{case}: {steps[-1]}")
        cls.good("reverse", serial=cls.settle("MZ", "0002", "莫试")["serial"])
        wait_until("everything is closed", lambda: not open_anywhere(cls.world), 240)


class NanningsHospitals(Journey, unittest.TestCase):
    """danxian asks: the gateway answers from what it has stored."""

    asking, asked = DANXIAN, DAJIZHONG

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.play_day()

    def test_totals_are_those_of_the_hospitals(self) -> None:
        told = self.good("totals")["out"]
        self.assertEqual(told["differs"], "0", told)
        self.assertEqual({name: told[name] for name in told["own"]}, told["own"])
        self.assertGreaterEqual(told["settlements"], 3)
        self.assertEqual(told["cancellations"], 1)

    def test_totals_that_are_wrong_are_told_with_the_right_ones(self) -> None:
        own = self.good("totals")["out"]
        line = self.line("1110", f"{today()}||{own['settlements'] + 1}|0|0.00|0.00|0.00|0.00|")
        self.assertEqual(line[0], "0")
        told = line[3].split("|")
        self.assertEqual(told[:3], ["1", str(own["settlements"]), str(own["cancellations"])])

    def test_totals_of_one_insurance_are_a_part(self) -> None:
        own = self.good("totals")["out"]
        parts = [self.line("1110", f"{today()}|{kind}|0|0|0.00|0.00|0.00|0.00|")[3].split("|") for kind in ("1", "2")]
        self.assertEqual(sum(int(part[1]) for part in parts), own["settlements"])
        self.assertTrue(all(int(part[1]) > 0 for part in parts), parts)

    def line(self, code: str, params: str) -> list[str]:
        """Ask with a line of one's own under the hospitals' cycle; return the answer's fields."""
        signed = self.good("signin")
        serial = f"{datetime.datetime.now(CHINA):%Y%m%d%H%M%S}-H45010000003-{self.number():04d}"
        raw = f"{code}^H45010000003^000012^{signed['out']['cycle']}^{serial}^450100^{params}^1^\r\n"
        told = self.world.ask(self.pair.hospitals, {"op": "raw", "hex": raw.encode("gb18030").hex()})
        self.assertEqual(told["told"], "answer", told)
        return told["text"].split("^")

    _number = 9000

    @classmethod
    def number(cls) -> int:
        """Return the next number of a serial."""
        cls._number += 1
        return cls._number

    def test_details_show_every_posting_with_its_state(self) -> None:
        told = self.good("day")["out"]
        entries = {entry["serial"]: entry for entry in self.pair.books()[0]
                   if entry["code"] in ("2410", "2430") and entry["conclusion"]["told"] in ("good", "reversed")}
        rows = {row["serial"]: row for row in told["rows"]}
        self.assertEqual(rows.keys(), entries.keys())
        self.assertEqual(told["count"], len(rows))
        states = sorted((row["code"], row["state"]) for row in rows.values())
        self.assertEqual(states, [("2410", "1"), ("2410", "1"), ("2410", "2"), ("2410", "3"), ("2430", "1")])
        cancelled = next(row for row in rows.values() if row["state"] == "3")
        self.assertEqual([row["cancelled_id"] for row in rows.values() if row["code"] == "2430"], [cancelled["setl_id"]])
        for row in rows.values():
            self.assertIn(row["insurance"], ("1", "2"), row)
            if row["state"] != "2":
                out = entries[row["serial"]]["conclusion"]["out"]
                self.assertEqual([row[name] for name in AMOUNTS], [out[name] for name in AMOUNTS], row)
                self.assertEqual(row["setl_id"], out["setl_id"])

    def test_details_come_page_by_page(self) -> None:
        whole = self.good("day")["out"]["rows"]
        seen, page = [], 1
        while True:
            fields = self.line("1120", f"{today()}|{page}|2|")
            self.assertEqual(fields[0], "0", fields)
            plain, *rows = fields[3].split("$")
            count, number, last, _ = plain.split("|")
            self.assertEqual((count, number), (str(len(whole)), str(page)))
            seen += [row.split("|")[0] for row in rows]
            if last == "1":
                break
            page += 1
        self.assertEqual(seen, [row["serial"] for row in whole])
        self.assertEqual(self.line("1120", f"{today()}|1|101|")[0], "-1003")

    def test_catalogue_is_the_crosswalk_in_force(self) -> None:
        told = self.good("catalogue", kind="1")["out"]
        self.assertTrue(told["version"])
        rows = {row["code"]: row for row in told["rows"]}
        self.assertEqual((rows["4501-0002"]["name"], rows["4501-0002"]["level"]), ("测试片乙", "1"))
        self.assertEqual(rows["4501-0007"]["valid"], "0")
        self.assertEqual(rows["4501-0008"]["name"], "玘珅丸＾试｜样")

    def test_filings_are_asked_of_the_insured_place(self) -> None:
        filed = self.good("filing", psn_no=DAJIZHONG.region + "0" * 10 + "0001")["out"]
        self.assertEqual([(row["type"], row["state"]) for row in filed["rows"]], [("1", "1")], filed)
        none = self.good("filing", psn_no=DAJIZHONG.region + "0" * 10 + "0006")["out"]
        self.assertEqual((none["count"], none["rows"]), (0, []), none)

    def test_zz_equal_totals_let_the_hospital_sign_out(self) -> None:
        self.good("totals")
        self.settle("MZ", "0009", "吐尔逊·测试")
        refused = self.ask("signout", forced=False)
        self.assertEqual((refused["told"], int(refused["code"])), ("refused", -2601), refused)
        self.assertEqual(self.good("totals")["out"]["differs"], "0")
        self.good("signout", forced=False)


class Asked(Journey):
    """danxian is asked."""

    asking, asked = DAJIZHONG, DANXIAN

    def reconcile(self, day: str, code: int, *more: str) -> dict:
        """Let Nanning's gateway reconcile a day with its centre; fepctl must end with this code."""
        gateway = self.world.gateways[DANXIAN.node]
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, "reconcile", "asked", day, "--json", *more],
                              capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)


class NanningsCentre(Asked, unittest.TestCase):
    """The gateway asks for the day's totals and details."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.play_day()

    def test_a_the_day_is_equal(self) -> None:
        result = self.reconcile(today(), NO_DIFFERENCE)
        self.assertTrue(result["equal"], result)
        self.assertEqual(result["differences"], [])

    def test_b_the_double_of_the_centre_is_the_only_difference(self) -> None:
        doubled = self.settle("ZZ13", "0009", "吐尔逊·测试")
        result = self.reconcile(today(), DIFFERENCES)
        self.assertFalse(result["equal"])
        twin = next(posting for posting in self.pair.books()[1] if posting.get("twin"))
        self.assertEqual([(each["kind"], each["setl_id"]) for each in result["differences"]],
                         [("only_there", twin["setl_id"])], result)
        theirs = result["differences"][0]["theirs"]
        self.assertEqual(round(float(theirs["medfee_sumamt"]) * 100), doubled["out"]["total"])

    def catalogue(self, code: int, *kinds: str) -> dict:
        """Let Nanning's gateway compare its crosswalk with the centre's catalogue; fepctl must end with this code."""
        gateway = self.world.gateways[DANXIAN.node]
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, "catalogue", "asked", *kinds, "--json"],
                              capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_catalogue_of_the_centre_is_compared_whole_or_one_kind_of_it(self) -> None:
        for kinds, items in (((), 8), (("1",), 6), (("2",), 1), (("3",), 1)):
            result = self.catalogue(NO_DIFFERENCE, *kinds)
            self.assertEqual((result["version"], result["items"]), (CATALOGUE_VERSION, items), result)
            self.assertEqual((result["equal"], result["differences"]), (True, []))

    def test_filings_are_told_to_the_hospitals_of_the_other_region(self) -> None:
        filed = self.good("filing", psn_no=DANXIAN.region + "0" * 10 + "0001")["out"]
        self.assertEqual(len(filed["rows"]), 1, filed)


class NoWayBack(Asked, unittest.TestCase):
    """A settlement whose answer never came, in a cycle that is signed out: the centre declines the reversal for good, and
    only its details know the id."""

    @classmethod
    def prepare(cls) -> None:
        options = cls.world.gateways[DANXIAN.node].instances[0].options
        options.update(doubt_time=0, clock_tolerance=0)

    def posting(self, visit_no: str) -> dict | None:
        """Return the centre's settlement of a visit."""
        return next((posting for posting in self.pair.books()[1]
                     if posting["kind"] == "settle" and posting.get("visit") == visit_no), None)

    def test_it_is_found_in_the_details_and_cancelled(self) -> None:
        visit_no = self.charge("ZZ03", "0003", "覃检")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            settling = pool.submit(self.ask, "settle", visit_no=visit_no, use_acct=0)
            posted = wait_until("the centre has posted", lambda: self.posting(visit_no))
            tomorrow = datetime.datetime.now(CHINA) + datetime.timedelta(days=1)
            self.world.ask(self.pair.insurer, {"op": "clock", "date": f"{tomorrow:%Y%m%d}", "time": "000010"})
            # The first request of the new day makes the gateway sign the old cycle out.
            self.good("person", kind="psn_no", value=DANXIAN.region + "0" * 10 + "0001", name="韦测")
            told = settling.result()
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        if told["told"] == "unknown":
            told = self.world.ask(self.pair.hospitals, {"op": "conclusion", "serial": told["serial"], "seconds": 120}, 130)
        self.assertIn(told["told"], ("refused", "reversed"), told)
        # The fault acts on the cancel too: the first one's answer is lost as well, it is taken back and made anew.
        cancels = [posting for posting in self.pair.books()[1] if posting["kind"] == "cancel"
                   and posting.get("org_setl_id") == posted["setl_id"] and posting["state"] == "posted"]
        self.assertEqual(len(cancels), 1, "one cancel is in force")
        self.assertEqual(cancels[0]["total"], -posted["total"])
        self.assertEqual(self.posting(visit_no)["state"], "cancelled")
        self.assertEqual(whole_id(posted["setl_id"]), posted["setl_id"])


if __name__ == "__main__":
    unittest.main()
