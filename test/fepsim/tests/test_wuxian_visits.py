"""Visits at a running `wuxian` stand-in: money, order, repeats, reversals and refusals."""

import subprocess
import sys
import unittest

from fepsim.books import load
from fepsim.control import ask
from wuxian_peer import (DATE, HOSPITAL, NODE, REGION, RESIDENT, RETIRED, TIME, WORKER, Client,
                         PeerCase, Visit, line, plain_line, texts)

COURSE = (
    line("1", "4503-0002", 60, 100, (6000_00, 0, 600_00, 0, 5400_00), "2", 1000),
    line("2", "4503-0008", 100, 50, (5000_00, 0, 220_31, 593_83, 4185_86), "4", 500),
    line("3", "4503-0001", 20, 100, (2000_00, 0, 0, 0, 2000_00)),
    line("4", "", 1000, 1, (1000_00, 0, 200_00, 0, 800_00), "2", 2000,
         AKE003="2", AKA063="22"))
# The figures are reckoned by hand beside the same course in the tests of the rule.
COURSE_SHARES = {
    "AKC264": "14000.00", "AKC260": "11386.57", "AKC255": "1234.56", "AKC261": "1378.87",
    "AKE039": "10787.27", "AKE029": "0.00", "AKC262": "0.00", "AKE035": "599.30",
    "AKE026": "0.00", "BKA821": "0.00", "AKE173": "0.00", "AKC253": "0.00",
    "AKC228": "1020.31", "AKC268": "593.83", "BKC042": "12385.86", "AKA151": "400.00",
    "AKC087": "0.00"}


class Course(PeerCase):
    def test_chemotherapy_settled_cancelled_and_settled_again(self):
        visit = Visit(self.client, "ZY1", RETIRED)
        registered = visit.register()
        self.assertEqual(("ZY1", "400.00"),
                         (registered.values["AKC190"], registered.values["AKC270"]))
        stored = visit.details(*COURSE)
        self.assertEqual(("4", "14000.00"), (stored.values["ROWNUM"], stored.values["AKC264"]))
        self.assertEqual(["0.0000", "88.1234", "0.0000", "0.0000"],
                         [row["AKA068"] for row in stored.rows])
        self.assertEqual([("2", "0", "0"), ("2", "0", "0"), ("1", "0", "0"), ("2", "0", "1")],
                         [(row["AKA065"], row["CFBZ"], row["WDZ"]) for row in stored.rows])
        trial = visit.settle(14000_00, code="1401")
        self.assertEqual(COURSE_SHARES, {name: trial.values[name] for name in COURSE_SHARES})
        self.assertEqual(("", "FP1", ""), (trial.values["AAZ216"], trial.values["AAE072"],
                                           trial.head["REFMSGID"]))
        settled = visit.settle(14000_00)
        number = settled.values["AAZ216"]
        self.assertRegex(number, "^WX20261122[0-9]{14}$")
        self.assertRegex(settled.head["REFMSGID"], "^WX450300000120261122[0-9]{10}$")
        self.assertEqual(("1", COURSE_SHARES), (settled.head["RETURNNUM"], {
            name: settled.values[name] for name in COURSE_SHARES}))
        self.assertEqual((0, 10787_27, 1), self.books_of(RETIRED))
        back = visit.cancel(number)
        self.assertEqual(number, back.values["ORGAAZ216"])
        self.assertEqual(("-14000.00", "-1378.87", "0.00", "1234.56"), tuple(
            back.values[name] for name in ("AKC264", "AKC261", "AKC253", "AKC087")))
        self.assertEqual((1234_56, 0, 0), self.books_of(RETIRED))
        self.assertEqual("1378.87", visit.settle(14000_00).values["AKC261"])

    def books_of(self, psn_no: str) -> tuple[int, int, int]:
        insurance = self.insurance(psn_no)
        return insurance.balance_fen, insurance.pool_cum_fen, insurance.stays


class LinesAgain(PeerCase):
    """The one exception from all or nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.visit = Visit(self.client, "ZY1")
        self.visit.register()
        self.visit.details(plain_line("1", 100))

    def stored(self) -> set[str]:
        return set(self.peer.insurer.ledger.open_visit(HOSPITAL, "ZY1").lines)

    def test_an_identical_line_is_answered_and_not_stored_again(self):
        answer = self.visit.details(plain_line("2", 50), plain_line("1", 100))
        self.code(answer, "0000")
        self.assertEqual(("150.00", [("2", "0", "50.00"), ("1", "1", "100.00")]), (
            answer.values["AKC264"],
            [(row["AAZ213"], row["CFBZ"], row["AKC227"]) for row in answer.rows]))
        self.assertEqual({"1", "2"}, self.stored())
        self.assertEqual("150.00", self.visit.settle(150_00, code="1401").values["AKC264"])

    def test_another_content_refuses_the_batch(self):
        for other in (plain_line("1", 101), plain_line("1", 100, AKE022="别的医生"),
                      plain_line("1", 100, AKC221=DATE + "080001")):
            answer = self.visit.details(plain_line("2", 50), other)
            self.code(answer, "2201")
            self.assertIn("1", answer.head["ERRORMSG"])
        self.code(self.visit.details(plain_line("3"), plain_line("3")), "2201")
        self.assertEqual({"1"}, self.stored())

    def test_only_the_new_lines_go_with_a_reversal(self):
        serial = self.client.new_serial()
        self.visit.details(plain_line("2", 50), plain_line("1", 100), head={"MSGID": serial})
        self.assertEqual("1", self.visit.reverse("1301", serial).values["CZJG"])
        self.assertEqual({"1"}, self.stored())

    def test_a_settled_line_too(self):
        self.visit.settle(100_00, mid=True)
        self.code(self.visit.details(plain_line("1", 100)), "0000")
        self.visit.details(plain_line("2", 100))
        self.visit.settle(100_00)
        self.code(self.visit.details(plain_line("1", 100)), "2103")


class Refusals(PeerCase):
    def person(self, number: str, **values):
        return Visit(self.client, "ZY" + number, "4503000000000000" + number).register(**values)

    def test_registration(self):
        for number, values, code in (
                ("0099", {}, "2001"), ("0004", {}, "2003"), ("0004", {"AAC003": "陆停"}, "2002"),
                ("0005", {"AAC003": "黄冻"}, "2005"), ("0006", {"AAC003": "蓝外"}, "2004"),
                ("0006", {"AAC003": "蓝外", "AKA130": "16"}, "0000"),
                ("0002", {"AAC003": "莫试", "AAE140": "310"}, "2002"),
                ("0002", {"AAC003": "莫试", "AAE140": "391"}, "0000"),
                ("0001", {"AAE140": "31"}, "0000"), ("0001", {"AAE140": "410"}, "1003"),
                ("0001", {"AAE140": "510"}, "2002"), ("0001", {"AKA130": "13"}, "1003"),
                ("0001", {"AKC193": ""}, "1003")):
            with self.subTest(f"{number} {values}"):
                self.code(self.person(number, **values), code)
        self.code(Visit(self.client, "ZY0001").register(), "2102")

    def test_pharmacy_and_inpatient_by_their_own_numbers(self):
        sale = self.ready_visit("YD1", category="12", yuan=10)
        self.code(sale.settle(10_00), "0000")
        self.code(Visit(self.client, "ZY1", category="22").register(), "0000")
        posted = {p["visit"]: p["med_type"] for p in load(self.books).order
                  if p["kind"] == "register"}
        self.assertEqual({"YD1": "41", "ZY1": "21"}, posted)

    def test_details(self):
        visit = Visit(self.client, "ZY1")
        visit.register()
        good = plain_line("1", 100)
        for lines, values, code in (
                ((), {}, "2204"), ((good,), {"ROWNUM": 2}, "1003"),
                ((good | {"AKC222": "4503-0099"},), {}, "2202"),
                ((good | {"AKC222": "4503-0007"},), {}, "2202"),
                ((good | {"AKC228": 1},), {}, "2203"), ((good,), {"AKC264": 1}, "2203"),
                ((good | {"AKA065": "5"},), {}, "1003"), ((good | {"AKA063": "09"},), {}, "1003"),
                ((good | {"AKC515": ""},), {}, "1003"),
                ((plain_line("1", -100) | {"AKC225": 1000000, "AKC226": -10000},), {}, "1003")):
            with self.subTest(code):
                self.code(visit.details(*lines, **values), code)
        self.code(visit.details(good), "0000")
        self.code(visit.remove("2"), "1003")
        self.code(self.client.ask("1302", visit.named | {"ROWNUM": 0, "AAZ213": "1"}), "1003")
        self.assertEqual("1", visit.remove("1").values["ROWNUM"])
        self.assertEqual("0", visit.remove().values["ROWNUM"])

    def test_settlement(self):
        visit = self.ready_visit("ZY1")
        values = visit.settle_values(1000_00)
        for change, code in (({"AAC001": RESIDENT}, "2003"), ({"AKA130": "11"}, "1003"),
                             ({"AKC194": ""}, "1003"), ({"AKC196": ""}, "1003"),
                             ({"AKC195": "9"}, "1003"), ({"AAZ217": "WX1"}, "2101"),
                             ({"ZHSYBZ": "Y"}, "1003"), ({"AKC264": 1}, "2301"),
                             ({"AAC003": ""}, "1003")):
            with self.subTest(change):
                answer = self.client.ask("1402", values | change)
                self.code(answer, code)
                self.assertEqual(("-1", {}), (answer.head["RETURNNUM"], answer.values))
        self.code(self.client.ask("1401", values | {"AKC194": ""}), "0000")

    def test_registration_is_cancelled_only_when_empty(self):
        visit = self.ready_visit("ZY1")
        cancel = visit.named | {"AAE011": "前置机"}
        self.code(self.client.ask("1202", cancel), "2103")
        visit.remove()
        self.assertEqual(visit.id, self.client.ask("1202", cancel).values["AAZ217"])
        self.code(self.client.ask("1202", cancel), "2101")

    def test_the_head(self):
        for head, code in (({"GRANTID": "WX450300"}, "1004"), ({"MSGNO": "1999x"}, "1002"),
                           ({"JYFX": "1"}, "1003"), ({"AAA027": "4509"}, "1003"),
                           ({"AAB301": "4501"}, "1003"), ({"AKB020": ""}, "1003"),
                           ({"OPTTIME": DATE + "100459"}, "1006"),
                           ({"OPTTIME": DATE + "100600"}, "0000"),
                           ({"MSGID": NODE + "20261322101500" + "0001"}, "1003")):
            with self.subTest(head):
                document = self.client.document("1999", {}, **{
                    k: v for k, v in head.items() if k != "MSGNO"})
                if "MSGNO" in head:
                    document = document.replace(">1999<", ">1998<")
                self.code(self.client.ask_document(document), code)
        other = self.client.ask("1701", {"AAC001": WORKER, "AAB301": "450100",
                                         "AAE030": DATE}, AAA027="450900")
        self.code(other, "1003")


class Repeats(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.visit = self.ready_visit("ZY1")
        self.serial = self.client.new_serial()

    def test_a_repeat_hears_the_same_bytes(self):
        values = self.visit.settle_values(1000_00)
        first = self.client.ask("1402", values, MSGID=self.serial)
        self.peer.clock.set(time="101730")
        again = self.client.ask("1402", values, MSGID=self.serial, OPTTIME=DATE + "101700")
        self.assertEqual(first.raw, again.raw)
        other = self.client.ask("1402", values | {"AAE072": "FP9"}, MSGID=self.serial)
        self.code(other, "1005")
        self.assertEqual(310_00, self.insurance(WORKER).balance_fen)

    def test_another_order_is_the_same_content(self):
        values = self.visit.settle_values(1000_00)
        first = self.client.ask("1402", values, MSGID=self.serial)
        document = self.client.document("1402", values, MSGID=self.serial)
        head, rest = document.split("<INPUT>")
        turned = rest.replace("<AAE011>前置机</AAE011>", "")
        again = self.client.ask_document(f"{head}<INPUT><AAE011>前置机</AAE011>{turned}")
        self.assertEqual(first.raw, again.raw)

    def test_a_stored_refusal_is_replayed_and_a_formal_one_is_not(self):
        self.code(self.visit.settle(1, self.serial), "2301")
        self.code(self.visit.settle(1000_00, self.serial), "1005")
        serial = self.client.new_serial()
        values = self.visit.settle_values(1000_00)
        self.code(self.client.ask("1402", values | {"AAE011": ""}, MSGID=serial), "1003")
        self.code(self.client.ask("1402", values, MSGID=serial), "0000")

    def test_reversal_and_inquiry(self):
        settled = self.visit.settle(1000_00, self.serial)
        asked = self.visit.inquire("1402", self.serial)
        self.assertEqual(("1", "1", "0000", settled.head["REFMSGID"]), tuple(
            asked.values[n] for n in ("JYZT", "ORGRETURNNUM", "ORGERRORCODE", "ORGREFMSGID")))
        self.assertEqual(settled.values, texts(asked.output.child("ORGOUTPUT")))
        answer = self.visit.reverse("1402", self.serial)
        self.assertEqual(("1", settled.head["REFMSGID"]),
                         (answer.values["CZJG"], answer.values["ORGREFMSGID"]))
        self.assertEqual("3", self.visit.reverse("1402", self.serial).values["CZJG"])
        self.assertEqual("4", self.visit.inquire("1402", self.serial).values["JYZT"])
        self.code(self.visit.settle(1000_00, self.serial), "2504")
        self.assertEqual(800_00, self.insurance(WORKER).balance_fen)

    def test_what_never_arrived_is_blocked(self):
        self.assertEqual("0", self.visit.inquire("1402", self.serial).values["JYZT"])
        self.assertEqual("2", self.visit.reverse("1402", self.serial).values["CZJG"])
        self.code(self.visit.settle(1000_00, self.serial), "2504")
        asked = self.visit.inquire("1402", self.serial)
        self.assertEqual(("4", ""), (asked.values["JYZT"], asked.values["ORGRETURNNUM"]))

    def test_a_refused_one_and_a_cancelled_one(self):
        self.visit.settle(1, self.serial)
        asked = self.visit.inquire("1402", self.serial)
        self.assertEqual(("2", "-1", "2301"), tuple(
            asked.values[n] for n in ("JYZT", "ORGRETURNNUM", "ORGERRORCODE")))
        serial = self.client.new_serial()
        number = self.visit.settle(1000_00, serial).values["AAZ216"]
        self.visit.cancel(number)
        self.assertEqual("5", self.visit.inquire("1402", serial).values["JYZT"])
        self.code(self.visit.reverse("1402", serial), "2503")

    def test_reversals_end_at_two_in_the_morning(self):
        self.visit.settle(1000_00, self.serial)
        self.peer.clock.set("20261123", "020000")
        answer = self.client.ask("1901", {"AKC190": "ZY1", "ORGDATE": DATE}, ORGMSGNO="1402",
                                 ORGMSGID=self.serial, OPTTIME="20261123020000")
        self.code(answer, "2503")

    def test_what_cannot_be_reversed(self):
        self.code(self.visit.reverse("1401", self.serial), "1003")
        self.code(self.visit.reverse("", self.serial), "1003")
        self.visit.remove()
        posted = load(self.books).order[-1]
        self.code(self.visit.reverse("1302", posted["serial"]), "2503")


class Restart(PeerCase):
    """The stand-in as a process: killed without warning, started again from its books."""

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fepsim", "wuxian", "--role", "asked", "--region", REGION,
             "--listen", "127.0.0.1:0", "--control", self.control, "--books", self.books,
             "--clock", DATE + TIME, "--grant", "OTHER"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.client = Client(self.process.stdout.readline().split()[1])
        self.client.grant = "OTHER"

    def test_killed_between_posting_and_answer(self):
        visit = Visit(self.client, "ZZ030001")
        visit.register()
        visit.details(plain_line(yuan=1000))
        serial = Client.new_serial()
        message = visit.client.message("1402", visit.settle_values(1000_00), MSGID=serial)
        self.assertEqual(b"", visit.client.send(message))
        self.process.kill()
        self.process.wait()
        self.start()
        visit.client = self.client
        self.assertEqual(490_00, load(self.books).in_force()[WORKER]["acct"])
        self.assertEqual("1", visit.inquire("1402", serial).values["JYZT"])
        self.assertEqual("310.00", visit.settle(1000_00, serial).values["AKC087"])
        persons = ask(self.control, {"op": "balances"})["persons"]
        self.assertEqual(310_00, persons[WORKER]["insurances"][0]["balance_fen"])


if __name__ == "__main__":
    unittest.main()
