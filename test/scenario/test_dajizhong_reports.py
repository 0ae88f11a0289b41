"""Yulin's dajizhong reconciled both ways, over two days and by files: its hospitals hold the gateway's totals and its file
of details against their own books, and the gateway holds its centre's against its own: equal on the first day, on the
second exactly the double that the centre posted by itself. Days have passed as clocks are told (libfaketime)."""

import datetime
import json
import pathlib
import subprocess
import sys
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from fepsim.djz_queries import CATALOGUE_VERSION  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN, System, whole_id  # noqa: E402
from trial import Trial  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

AMOUNTS = ("total", "fund", "acct", "cash")
FIGURES = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
NO_DIFFERENCE, DIFFERENCES, NOT_DONE = 0, 1, 111
READY = "1"


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
        for instance in cls.world.gateways[DAJIZHONG.node].instances:
            instance.options["file_poll_time"] = 1000
        cls.files = cls.world.directory / DAJIZHONG.name / "files"
        cls.trial.set_day(-2)
        cls.trial.start()
        cls.first = stamp_of(cls.trial.today)
        cls.play_day()
        cls.close_all()
        cls.trial.next_day(-1)
        cls.second = stamp_of(cls.trial.today)
        cls.doubled = cls.play_visit(DANXIAN, DAJIZHONG, "ZZ13", "0009", "吐尔逊·测试")
        cls.play_visit(DAJIZHONG, DANXIAN, "MZ", "0009", "吐尔逊·测试")
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
    def play_visit(cls, asking: System, asked: System, prefix: str, number: str, name: str) -> dict:
        """Register, upload, settle; return what the settlement was told."""
        visit_no, psn_no = visits.new_visit_number(prefix), asked.region + "0" * 10 + number
        area, item = asked.region, asking.region[:4]
        cls.good(asking, "person", area=area, kind="psn_no", value=psn_no, name=name)
        cls.good(asking, "register", area=area, psn_no=psn_no, name=name, visit_no=visit_no, med_type="11",
                 diag="J06.900", diag_name="急性上呼吸道感染")
        cls.good(asking, "details", area=area, visit_no=visit_no, lines=[
            {"line_no": "1", "item": f"{item}-0001", "price": "12.50", "qty": "2"},
            {"line_no": "2", "item": f"{item}-0002", "price": "100.55", "qty": "1"}])
        return cls.good(asking, "settle", area=area, visit_no=visit_no, use_acct=0)

    @classmethod
    def play_day(cls) -> None:
        """Every kind of business, from Yulin's hospitals to Nanning and from Guilin's to Yulin."""
        for asking, asked in ((DAJIZHONG, DANXIAN), (WUXIAN, DAJIZHONG)):
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

    def reconcile(self, day: str, code: int) -> dict:
        """Let Yulin's gateway reconcile a day with its centre; fepctl must end with this code."""
        gateway = self.world.gateways[DAJIZHONG.node]
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, "reconcile", "asked", day, "--json"],
                              capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if code != NOT_DONE else {}

    def file_of(self, day: str) -> dict:
        """Return what the gateway tells of its file of details, and its records."""
        def look() -> dict | None:
            out = self.good(DAJIZHONG, "day", date=day)["out"]
            return out if out["status"] == READY else None
        return wait_until(f"the file of {day} is ready", look, 30)

    # --- dajizhong asks the gateway ---

    def test_totals_of_both_days_are_those_of_the_hospitals(self) -> None:
        for day, rows in ((self.first, {("310", "21"), ("310", "11"), ("390", "41")}), (self.second, {("310", "11")})):
            told = self.good(DAJIZHONG, "totals", date=day)["out"]
            self.assertEqual(told["differs"], "0", told)
            self.assertGreaterEqual({(row["insutype"], row["clearing"]) for row in told["rows"]}, rows, told)
            self.assertEqual({name: told[name] for name in told["own"]}, told["own"])

    def test_totals_of_an_open_day_may_be_asked_for_again(self) -> None:
        told = self.ask(DAJIZHONG, "totals", date=self.third)
        self.assertEqual((told["told"], abs(int(told["code"]))), ("refused", 2601), told)

    def test_file_shows_every_posting_with_its_state(self) -> None:
        rows = self.file_of(self.first)["rows"]
        entries = {entry["serial"]: entry for entry in self.trial.books(DAJIZHONG)[0]
                   if entry["code"] in (DAJIZHONG.settle, DAJIZHONG.cancel) and entry["serial"][:8] == self.first
                   and entry["conclusion"]["told"] in ("good", "reversed")}
        self.assertEqual({row["serial"] for row in rows}, entries.keys())
        states = sorted((row["code"], row["state"]) for row in rows)
        self.assertEqual(states, [("400002", "1"), ("400002", "1"), ("400002", "4"), ("400002", "5"), ("400003", "1")])
        cancelled = next(row for row in rows if row["state"] == "5")
        self.assertEqual([row["cancelled_id"] for row in rows if row["code"] == "400003"], [cancelled["setl_id"]])
        for row in rows:
            if row["state"] != "4":
                out = entries[row["serial"]]["conclusion"]["out"]
                self.assertEqual([row[name] for name in AMOUNTS], [out[name] for name in AMOUNTS], row)
                self.assertEqual(row["setl_id"], out["setl_id"])
                self.assertEqual(row["centre_serial"], entries[row["serial"]]["conclusion"]["centre_serial"])

    def test_file_of_a_day_stays_the_same_file(self) -> None:
        first, again = self.file_of(self.first), self.file_of(self.first)
        self.assertEqual((first["file"], first["crc"]), (again["file"], again["crc"]))
        self.assertTrue(first["file"].endswith("_001.txt"), first["file"])

    def test_file_of_an_open_day_is_not_ready(self) -> None:
        told = self.good(DAJIZHONG, "day", date=self.third)["out"]
        self.assertEqual((told["status"], told["rows"]), ("0", []))

    def test_file_is_made_unasked_and_told_to_the_centre(self) -> None:
        name = f"DZMX_{DAJIZHONG.node}_DJ4509000001_{self.second}_001.txt"
        wait_until("the file is there", (self.files / f"{name}.ok").exists, 30)
        wait_until("the centre has taken it", (self.files / f"{name}.told").exists, 30)

    def test_catalogue_is_the_crosswalk_in_force(self) -> None:
        told = self.good(DAJIZHONG, "catalogue", kind="1")["out"]
        self.assertEqual(told["status"], READY, told)
        rows = {row["code"]: row for row in told["rows"]}
        self.assertEqual((rows["4509-0002"]["name"], rows["4509-0002"]["level"]), ("测试片乙", "B"))
        self.assertEqual(rows["4509-0007"]["valid"], "N")

    def test_filings_are_asked_of_the_insured_place(self) -> None:
        for asking, asked in ((DAJIZHONG, WUXIAN), (DAJIZHONG, DANXIAN), (DANXIAN, DAJIZHONG), (WUXIAN, DAJIZHONG)):
            filed = self.good(asking, "filing", area=asked.region, psn_no=asked.region + "0" * 10 + "0001")["out"]
            self.assertEqual(len(filed["rows"]), 1, filed)

    # --- the gateway asks dajizhong ---

    def test_reconciled_day_is_equal(self) -> None:
        result = self.reconcile(self.first, NO_DIFFERENCE)
        self.assertTrue(result["equal"])
        self.assertEqual(result["differences"], [])
        self.assertEqual({row["stmt_rslt"] for row in result["totals"]}, {"0"})

    def test_double_of_the_centre_is_the_only_difference(self) -> None:
        result = self.reconcile(self.second, DIFFERENCES)
        self.assertFalse(result["equal"])
        twin = next(posting for posting in self.trial.books(DAJIZHONG)[1] if posting.get("twin"))
        self.assertEqual([(each["kind"], whole_id(each["setl_id"])) for each in result["differences"]],
                         [("only_there", twin["setl_id"])], result)
        theirs = result["differences"][0]["theirs"]
        self.assertEqual([round(float(theirs[name]) * 100) for name in FIGURES],
                         [self.doubled["out"][name] for name in AMOUNTS])

    def catalogue(self, code: int, *kinds: str) -> dict:
        """Let Yulin's gateway compare its crosswalk with the centre's catalogue; fepctl must end with this code."""
        gateway = self.world.gateways[DAJIZHONG.node]
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, "catalogue", "asked", *kinds, "--json"],
                              capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_catalogue_of_the_centre_is_compared_whole_or_one_kind_of_it(self) -> None:
        """It comes as a file for each kind; one service has no row in the crosswalk."""
        missing = [("no_row", "4509-0005", "02")]
        for kinds, items, found in (((), 8, missing), (("1",), 6, []), (("2",), 1, missing), (("3",), 1, [])):
            result = self.catalogue(DIFFERENCES if found else NO_DIFFERENCE, *kinds)
            self.assertEqual((result["version"], result["items"]), (CATALOGUE_VERSION, items), result)
            self.assertEqual([(each["kind"], each["local"], each["theirs"]) for each in result["differences"]], found)
            for kind in kinds:
                self.assertTrue(list(self.files.glob(f"MLXZ_{kind}_*.txt")))

    def test_file_that_does_not_add_up_is_not_reconciled_with(self) -> None:
        """A higher batch replaces the lower ones; this one is complete, and its trailer is not that of its details."""
        self.reconcile(self.first, NO_DIFFERENCE)
        name = f"DZMX_DJ4509000001_{DAJIZHONG.node}_{self.first}_00%d.txt"
        data = (self.files / (name % 1)).read_bytes()
        data = data[:35] + b"009" + data[38:]
        at = data.rindex(b"\nT") + 26
        spoiled = data[:at + 12] + (b"1" if data[at + 12:at + 13] != b"1" else b"2") + data[at + 13:]
        for content, code in ((spoiled, NOT_DONE), (data, NO_DIFFERENCE)):
            (self.files / (name % 9)).write_bytes(content)
            (self.files / f"{name % 9}.ok").write_text(
                f"{len(content):012d} {zlib.crc32(content):08X} {len(content) // 241 - 2:08d}\n")
            try:
                self.reconcile(self.first, code)
            finally:
                (self.files / f"{name % 9}.ok").unlink()
        self.assertTrue((self.files / (name % 9)).exists())


if __name__ == "__main__":
    unittest.main()
