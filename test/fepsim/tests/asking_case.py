"""An asking system played against the asked one of the same protocol.

The asked system stands where the gateway will: it serves the other direction and
knows the catalogue codes of the hospitals' region, which a gateway would have
translated. What was posted stands in its books, what was told in the asking
side's; both are compared.
"""

import argparse
import os
import tempfile
import unittest
from datetime import timedelta

from fepsim import china_time, data, reference, visits
from fepsim.books import load
from fepsim.control import ask
from fepsim.operations import WITH_MONEY

SCALE = 0.01
"""A settlement then waits one second, an inquiry half of one; the ladder starts at once."""


class PairCase(unittest.TestCase):
    """A protocol's own tests say how its two systems are made."""

    asked: object
    asking: object
    region = "450300"
    area = "450900"
    options: tuple[str, ...] = ()
    psn_no = "45090000000000000007"
    name = "罗玘"

    def turn_round(self) -> None:
        """Let the asked system serve local systems instead of the gateway."""

    def more_asked_options(self) -> list[str]:
        """Return what the asked system needs besides."""
        return []

    def more_options(self) -> list[str]:
        """Return what the asking system needs besides."""
        return []

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.control = os.path.join(self.folder, "asking.sock")
        self.books = os.path.join(self.folder, "asking.jsonl")
        self.posted = os.path.join(self.folder, "asked.jsonl")
        self.peer = self.make(self.asked, [
            "--region", self.area, "--listen", "127.0.0.1:0", "--control",
            os.path.join(self.folder, "asked.sock"), "--books", self.posted,
            "--treat-clock", "ignore", *self.options, *self.more_asked_options()])
        self.addCleanup(self.close_peer)
        self.peer.insurer.catalogue = data.catalogue(self.region)
        self.turn_round()
        self.system = None
        self.addCleanup(self.stop)
        self.start()

    @staticmethod
    def make(module, arguments: list[str]):
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        return module.SYSTEM(parser.parse_args(arguments))

    def close_peer(self) -> None:
        if self.peer:
            self.peer.close()
            self.peer = None

    def start(self, scale: float = SCALE) -> None:
        self.system = self.make(self.asking, [
            "--region", self.region, "--gateway", self.peer.address, "--control",
            self.control, "--books", self.books, "--timeout-scale", str(scale),
            *self.more_options()]).start()

    def stop(self) -> None:
        if self.system:
            self.system.close()
            self.system = None

    # ---- operations ----------------------------------------------------------

    def op(self, op: str, /, **fields) -> dict:
        answer = ask(self.control, {"op": op, "area": self.area, **fields}, 30)
        self.assertTrue(answer["ok"], answer)
        return answer

    def good(self, op: str, /, **fields) -> dict:
        answer = self.op(op, **fields)
        self.assertEqual("good", answer["told"], answer)
        return answer

    def register(self, visit_no: str, med_type: str = "11") -> dict:
        return self.good("register", psn_no=self.psn_no, name=self.name, visit_no=visit_no,
                         med_type=med_type, diag="J06.900", diag_name="感冒")

    def upload(self, visit_no: str, *numbers: int) -> dict:
        return self.good("details", visit_no=visit_no, lines=[
            {"line_no": number, "item": f"{self.region[:4]}-0001", "price": "10.00",
             "qty": "2"} for number in numbers or (1,)])

    def ready(self, visit_no: str) -> None:
        self.register(visit_no)
        self.upload(visit_no)

    def settle(self, visit_no: str) -> dict:
        return self.op("settle", visit_no=visit_no)

    def conclusion(self, serial: str, seconds: float = 20) -> dict:
        return self.op("conclusion", serial=serial, seconds=seconds)

    def visit(self, visit_no: str) -> dict:
        return self.op("visit", visit_no=visit_no)["visit"]

    def sent(self, operation: str) -> list[dict]:
        return [entry for entry in self.op("books")["entries"]
                if entry["operation"] == operation]

    # ---- verdicts ------------------------------------------------------------

    def money_posted(self) -> list[dict]:
        return [posting for posting in load(self.posted).money()
                if posting["state"] != "reversed"]

    def compare_books(self) -> None:
        """What the hospitals were told is exactly what the insurer posted."""
        told = {}
        for entry in self.op("books")["entries"]:
            if entry["operation"] in WITH_MONEY \
                    and entry["conclusion"]["told"] in ("good", "stands"):
                out = entry["conclusion"].get("out") or {}
                told[out["setl_id"]] = [out[n] for n in ("total", "fund", "acct", "cash")]
        posted = {p["setl_id"]: [p[n] for n in ("total", "fund", "acct", "cash")]
                  for p in self.money_posted()}
        self.assertEqual(posted, told)


class PairTests:
    """What holds in every protocol; mixed into a PairCase."""

    def test_every_case_comes_to_the_figures_of_the_reference(self):
        compared = set()
        for name in visits.CASES:
            steps = visits.CASES[name](self.control, area=self.area, region=self.region)
            if name == "lost_answer":
                self.assertEqual("unknown", steps[-1]["told"], steps[-1])
                steps[-1]["figures"] = self.conclusion_of_lost(steps[-1]["serial"])
            else:
                self.assertTrue(steps and all(s["expected"] for s in steps), steps)
            for step in steps:
                expected = reference.EXPECTED.get((name, step["name"]))
                if expected and step["figures"]:
                    compared.add((name, step["name"]))
                    figures = expected()
                    self.assertEqual(figures, {k: step["figures"][k] for k in figures})
        self.assert_compared(compared)
        self.compare_books()

    def conclusion_of_lost(self, serial: str) -> dict:
        ended = self.conclusion(serial)
        self.assertEqual("good", ended["told"], ended)
        return ended["out"]

    def assert_compared(self, compared: set) -> None:
        self.assertEqual(set(reference.EXPECTED), compared)

    def test_a_person_in_the_names_of_all_systems(self):
        told = self.good("person", kind="psn_no", value=self.area + "0" * 12 + "10",
                         name="䶮小测", med_type="21")
        self.assertEqual({"gend": "2", "insutype": "390", "psn_insu_stas": "1",
                          "psn_type": "14", "psn_cert_type": "01"}, told["out"]["national"])
        self.assertEqual((0, "1"), (told["out"]["balance"], told["out"]["low_income"]))
        self.assertEqual(told["msgid"], self.system.books.serials.msgid(told["serial"]))
        missing = self.op("person", kind="card", value="K1")
        self.assertEqual(("refused", -2001), (missing["told"], missing["code"]))

    def test_lines_and_registration_taken_back(self):
        self.register("MZ1")
        told = self.upload("MZ1", 1, 2)
        self.assertEqual([("1", 2000), ("2", 2000)], [
            (row["line_no"], row["amount"]) for row in told["out"]["rows"]])
        self.assertEqual(1, self.good("cancel_details", visit_no="MZ1",
                                      line_no="2")["out"]["removed"])
        self.assertEqual(2000, self.visit("MZ1")["unsettled_total"])
        self.assertEqual(1, self.good("cancel_details", visit_no="MZ1")["out"]["removed"])
        self.good("cancel_register", visit_no="MZ1")
        self.assertFalse(self.visit("MZ1")["registered"])
        again = self.op("cancel_register", visit_no="MZ1")
        self.assertEqual(("refused", -2101), (again["told"], again["code"]))

    def test_mid_stay_and_final(self):
        self.register("ZY1", "21")
        self.upload("ZY1", 1)
        self.good("settle", visit_no="ZY1", mid=1)
        self.upload("ZY1", 2)
        self.good("settle", visit_no="ZY1")
        self.assertEqual(2, len(self.visit("ZY1")["settlements"]))
        self.good("cancel_settlement", visit_no="ZY1")
        self.assertEqual(2000, self.visit("ZY1")["unsettled_total"])
        self.compare_books()

    def test_what_cannot_be_said_is_not_sent(self):
        told = self.op("register", psn_no=self.psn_no, name="x", visit_no="ZY1",
                       med_type="77")
        self.assertEqual(("refused", -1003, ""), (told["told"], told["code"], told["serial"]))

    def test_filing_and_catalogue(self):
        told = self.good("filing", psn_no=self.psn_no)
        self.assertEqual(["BA00000007"], [row["filing_no"] for row in told["out"]["rows"]])

    def test_the_gateway_is_not_there(self):
        self.close_peer()
        told = self.op("register", psn_no=self.psn_no, name="x", visit_no="MZ1",
                       med_type="11")
        self.assertEqual("not_sent", told["told"], told)
        self.assertEqual([], self.visit("MZ1")["undecided"])

    def test_a_repeat_changes_nothing(self):
        self.ready("MZ1")
        settled = self.settle("MZ1")
        self.op("repeat", serial=settled["serial"])
        self.assertEqual("good", self.conclusion(settled["serial"])["told"])
        self.assertEqual(1, len(self.money_posted()))

    def test_busy_and_sent_again_under_the_same_serial(self):
        self.ready("ZZ05001")
        told = self.settle("ZZ05001")
        self.assertEqual(("refused", -9001), (told["told"], told["code"]))
        self.assertEqual("refused", self.op("repeat", serial=told["serial"])["told"])
        self.assertEqual("good", self.op("repeat", serial=told["serial"])["told"])
        self.compare_books()

    def test_a_good_settlement_reversed_on_demand(self):
        self.ready("MZ1")
        serial = self.settle("MZ1")["serial"]
        told = self.good("reverse", serial=serial)
        self.assertEqual("1", told["out"]["result"])
        self.assertEqual("reversed", self.conclusion(serial)["told"])
        self.assertEqual([], self.money_posted())
        self.assertEqual("good", self.settle("MZ1")["told"])
        self.compare_books()


class InquiryTests(PairTests):
    """What holds where an outcome can be asked for."""

    options = ("--late-seconds", "2", "--slow-seconds", "0.3")

    def test_lost_answers_are_found_by_inquiry(self):
        for fault in ("ZZ01", "ZZ03", "ZZ04", "ZZ06", "ZZ08", "ZZ11"):
            with self.subTest(fault):
                self.ready(fault + "1")
                told = self.settle(fault + "1")
                self.assertEqual("unknown", told["told"], told)
                ended = self.conclusion(told["serial"])
                self.assertEqual(("good", 2000), (ended["told"], ended["out"]["total"]))
                self.assertEqual(china_time.today(), ended["acct_date"])
        self.assertEqual([], self.sent("reverse"))
        self.compare_books()

    def test_illegal_bytes_in_a_text_are_no_failure(self):
        self.ready("ZZ101")
        self.assertEqual("good", self.settle("ZZ101")["told"])

    def test_a_time_out_is_unknown(self):
        self.ready("ZZ091")
        told = self.settle("ZZ091")
        self.assertEqual("unknown", told["told"])
        self.assertGreaterEqual(told["ms"], 990)
        self.assertEqual("good", self.conclusion(told["serial"])["told"])

    def test_what_never_arrived_is_reversed_when_it_could_not_arrive_any_more(self):
        faults = ("ZZ02", "ZZ07")
        for fault in faults:
            self.ready(fault + "1")
        lost = [self.settle(fault + "1") for fault in faults]
        self.assertEqual(["unknown"] * 2, [told["told"] for told in lost])
        self.assertEqual("blocked", self.settle("ZZ021")["told"])
        for fault, told in zip(faults, lost):
            ended = self.conclusion(told["serial"])
            self.assertEqual(("reversed", "2"), (ended["told"], ended["result"]))
            inquiries = [entry for entry in self.sent("inquire")
                         if entry["original"] == told["serial"]]
            self.assertEqual(4, len(inquiries))
            self.assertEqual("good", self.settle(fault + "1")["told"])
        self.compare_books()

    def test_in_progress_is_waited_for(self):
        self.ready("ZZ121")
        told = self.settle("ZZ121")
        self.assertEqual("good", self.conclusion(told["serial"])["told"], told)
        self.compare_books()

    def test_a_restart_asks_what_became_of_the_undecided(self):
        self.ready("ZZ031")
        told = self.settle("ZZ031")
        self.stop()
        with open(self.books, encoding="utf-8") as file:
            lines = file.readlines()
        with open(self.books, "w", encoding="utf-8") as file:
            file.writelines(line for line in lines
                            if not (told["serial"] in line and '"conclusion"' in line))
        self.start()
        self.assertEqual("good", self.conclusion(told["serial"])["told"])
        self.assertEqual(1, len(self.visit("ZZ031")["settlements"]))
        self.compare_books()

    def test_a_reversal_that_is_lost_goes_on(self):
        self.ready("ZZ111")
        told = self.settle("ZZ111")
        lost = self.op("reverse", serial=told["serial"])
        self.assertEqual("unknown", lost["told"])
        self.assertEqual("reversed", self.conclusion(told["serial"])["told"])
        self.assertEqual([], self.money_posted())

    def test_what_is_posted_and_too_late_to_reverse_stands(self):
        self.ready("MZ1")
        serial = self.settle("MZ1")["serial"]
        self.good("cancel_settlement", visit_no="MZ1")
        told = self.op("reverse", serial=serial)
        self.assertEqual(("refused", -2503), (told["told"], told["code"]))
        self.assertEqual("stands", self.conclusion(serial)["told"])

    def test_a_question_is_not_inquired_after(self):
        self.ready("MZ1")
        told = self.op("trial", visit_no="MZ1", total=1)
        self.assertEqual(("refused", -2301), (told["told"], told["code"]))
        self.assertEqual([], self.sent("inquire"))

    def test_totals_are_compared_by_kind(self):
        for visit_no in ("MZ1", "MZ2"):
            self.ready(visit_no)
            self.good("settle", visit_no=visit_no)
        self.good("cancel_settlement", visit_no="MZ2")
        early = self.op("totals")
        self.assertEqual(("refused", -2601), (early["told"], early["code"]))
        self.next_day()
        told = self.good("totals", date=self.today)
        self.assertEqual("0", told["out"]["differs"], told)
        self.assertEqual((2, 1, 2000), tuple(
            told["out"]["own"][n] for n in ("settlements", "cancellations", "total")))
        self.assertEqual(("310", "11", "0"), tuple(
            told["out"]["rows"][0][n] for n in ("insutype", "clearing", "result")))

    def next_day(self) -> None:
        self.today = china_time.today()
        self.peer.clock.set(china_time.stamp(
            china_time.now() + timedelta(days=1))[:8], "120000")
