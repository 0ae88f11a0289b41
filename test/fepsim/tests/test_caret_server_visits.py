"""Visits at a running asked `danxian`: money, refusals, serials, reversals, lists."""

import unittest

from caret_peer import (DATE, HOSPITAL, RETIRED, WORKER, PeerCase, Visit, line)
from fepsim.caret_layout import read_output
from fepsim.caret_record import encode_answer

COURSE = (
    line("1", "4501-0002", "60.0000", "100.0000",
         ("6000.00", "0.00", "600.00", "0.00", "5400.00"), "1", "0.1000"),
    line("2", "4501-0008", "100.0000", "50.0000",
         ("5000.00", "0.00", "220.31", "593.83", "4185.86"), "1", "0.0500", fee_cat="02"),
    line("3", "4501-0001", "20.0000", "100.0000",
         ("2000.00", "0.00", "0.00", "0.00", "2000.00")),
    line("4", "", "1000.0000", "1.0000", ("1000.00", "0.00", "200.00", "0.00", "800.00"),
         "1", "0.2000", "2", "09"))
# The figures are reckoned by hand beside the same course in the tests of the rule.
COURSE_SHARES = {"total": 14000_00, "fund": 11386_57, "acct": 1234_56, "cash": 1378_87,
                 "pool": 10787_27, "civil": 599_30, "pre": 1020_31, "over": 593_83,
                 "scope": 12385_86, "dedc": 400_00, "balance": 0}


class Course(PeerCase):
    def test_chemotherapy_settled_cancelled_and_settled_again(self):
        visit = Visit(self.client, "ZY1", RETIRED)
        self.assertEqual(400_00, read_output("2210", visit.register().output)["dedc"])
        stored = read_output("2310", visit.details(*COURSE, total="14000.00").output)
        self.assertEqual((4, 14000_00), (stored["count"], stored["sum"]))
        self.assertEqual([("1", "0.0000", "0"), ("1", "88.1234", "0"), ("0", "0.0000", "0"),
                          ("1", "0.0000", "1")],
                         [(r["level"], r["ceiling"], r["not_mapped"]) for r in stored["rows"]])
        trial = read_output("2420", visit.settle("14000.00", "2420").output)
        self.assertEqual(COURSE_SHARES, {name: trial[name] for name in COURSE_SHARES})
        answer = visit.settle("14000.00")
        settled = read_output("2410", answer.output)
        self.assertEqual(trial | {"setl_id": settled["setl_id"]}, settled)
        self.assertRegex(answer.centre_serial, "^DX20261122[0-9]{12}$")
        self.assertEqual(self.client.cycle, answer.cycle)
        self.assertEqual(0, self.insurance(RETIRED).balance_fen)
        back = read_output("2430", visit.cancel(settled["setl_id"]).output)
        self.assertEqual((-14000_00, -1378_87, 1234_56, settled["setl_id"]), tuple(
            back[name] for name in ("total", "cash", "balance", "cancelled_id")))
        again = read_output("2410", visit.settle("14000.00").output)
        self.assertEqual(1378_87, again["cash"])

    def test_the_wording_of_a_refusal(self):
        visit = self.ready_visit("ZY1")
        visit.settle()
        self.client.send(self.client.line("2410", *visit.settle_params()))
        self.assertEqual(encode_answer(-2303, "", self.client.cycle,
                                       text="该登记号已结算, 不能重复结算"),
                         self.client.read_line())


class Refusals(PeerCase):
    def test_registration(self):
        for number, name, category, code in (
                ("0099", "某人", "21", -2001), ("0004", "某人", "21", -2003),
                ("0004", "陆停", "21", -2002), ("0004", "", "21", -2002),
                ("0005", "黄冻", "21", -2005), ("0006", "蓝外", "21", -2004),
                ("0006", "蓝外", "13", 0), ("0001", "韦测", "53", -1003),
                ("0001", "韦测", "15", 0), ("0001", "韦测", "21", -2102),
                ("0007", "罗玘", "23", 0), ("0008", "陈珅", "11", 0)):
            with self.subTest(f"{number} {category}"):
                visit = Visit(self.client, "ZY" + number, WORKER[:-4] + number, category)
                self.code(visit.register(name), code)

    def test_details(self):
        visit = Visit(self.client, "ZY1")
        visit.register()
        bad_level, bad_ratio, bad_price = line("1"), line("1"), line("1")
        bad_level[17], bad_ratio[18], bad_price[9] = "3", "1.0001", "1000.00"
        for lines, how, code in (
                ((), {"total": "0.00"}, -2204), ((line("1"),), {"count": 2}, -1003),
                ((line("1"), line("1")), {"total": "2000.00"}, -2201),
                ((line("1", "4501-0007"),), {}, -2202), ((line("1"),), {"total": "1.00"}, -2203),
                ((bad_level,), {}, -1003), ((bad_ratio,), {}, -1003), ((bad_price,), {}, -1003),
                ((line("1")[:10],), {}, -1003)):
            with self.subTest(code):
                self.code(visit.details(*lines, **how), code)
        self.code(visit.details(line("1")), 0)
        self.code(visit.details(line("1")), -2201)  # identical or not
        self.code(self.client.ask("2320", "ZY1", visit.id, "9", "前置机"), -1003)
        self.assertEqual(1, self.client.good("2320", "ZY1", visit.id, "0000", "前")["removed"])
        self.assertEqual(0, self.client.good("2320", "ZY1", visit.id, "0000", "前")["removed"])
        self.code(self.client.ask("2240", "ZY1", visit.id, "前置机"), 0)
        self.code(self.client.ask("2240", "ZY1", visit.id, "前置机"), -2101)

    def test_settlement(self):
        visit = self.ready_visit("ZY1")
        for place, value, code in ((3, "11", -1003), (5, "", -1003), (7, "", -1003),
                                   (9, "Y", -1003), (9, "", -1003), (10, "1.00", -2301),
                                   (10, "1", -1003), (1, "DX1", -2101)):
            params = visit.settle_params()
            params[place] = value
            with self.subTest(place):
                self.code(self.client.ask("2410", *params), code)

    def test_the_head(self):
        for head, code in (({"serial": "1"}, -1003),
                           ({"serial": "20261322000000-X-0001"}, -1003),
                           ({"online": "0"}, -1003), ({"online": ""}, 0),
                           ({"centre": "4401"}, -1003), ({"institution": "H1"}, -1003),
                           ({"operator": "123456789"}, -1003), ({"code": "9120"}, -1002)):
            code_asked = head.pop("code", "2100")
            with self.subTest(head):
                self.code(self.client.ask(code_asked, "3", WORKER, **head), code)
        self.code(self.client.ask("1300", "1", "", "1", "10", centre="440100"), -1003)

    def test_what_cannot_be_read(self):
        for bad in (b"\r\n", b"2100^a^\r\n", b"2100^H44010000002^GW001^\xff\x20^s^440100^^1^\r\n"):
            self.client.send(bad)
            self.assertTrue(self.client.read_line().startswith(b"-1001^^"), bad)
        line_ = self.client.line("2100", "3", WORKER)
        self.client.send(line_.replace(b"|^1^", b"|x^1^"))
        self.assertTrue(self.client.read_line().startswith(b"-1001^^^^"))
        self.code(self.client.ask("2100", "3", WORKER), 0)  # the connection stays
        self.client.send(b"x" * 262144)
        self.assertTrue(self.client.read_line().startswith(b"-1001^^^^"))
        self.assertEqual(b"", self.client.read_line())

    def test_names_with_the_bytes_of_separators(self):
        found = self.client.good("2100", "3", WORKER[:-4] + "0008", "陈珅", "11", DATE)
        self.assertEqual(("陈珅", "450100490105008", "5", "2"), tuple(
            found[name] for name in ("name", "certno", "psn_cat", "insurance")))


class Serials(PeerCase):
    """Nothing is replayed: a serial is used up by every request."""

    def setUp(self) -> None:
        super().setUp()
        self.visit = self.ready_visit("ZY1")
        self.serial = self.client.new_serial()

    def test_a_posting_and_a_question_use_it_up(self):
        self.code(self.visit.settle(serial=self.serial), 0)
        self.code(self.visit.settle(serial=self.serial), -1005)
        self.code(self.client.ask("1800", serial=self.serial), -1005)
        other = self.client.new_serial()
        self.code(self.client.ask("2100", "3", "1", serial=other), -2001)
        self.code(self.client.ask("2100", "3", WORKER, serial=other), -1005)

    def test_a_formal_refusal_and_a_class_r_one_do_not(self):
        params = self.visit.settle_params()
        self.code(self.client.ask("2410", *params[:9], serial=self.serial), -1003)
        self.code(self.client.ask("2410", *params, serial=self.serial, cycle="x"), -9101)
        self.code(self.client.ask("2410", *params, serial=self.serial), 0)

    def test_reversal(self):
        settled = self.visit.settle(serial=self.serial)
        answer = self.visit.reverse("2410", self.serial)
        self.assertEqual({"result": "1", "original_centre_serial": settled.centre_serial},
                         read_output("2421", answer.output))
        self.assertEqual("3", self.result("2410", self.serial))
        self.code(self.visit.settle(serial=self.serial), -1005)
        self.assertEqual(800_00, self.insurance(WORKER).balance_fen)

    def result(self, code: str, serial: str) -> str:
        return read_output("2421", self.visit.reverse(code, serial).output)["result"]

    def test_what_never_arrived_or_was_refused(self):
        self.assertEqual("2", self.result("2410", self.serial))
        self.code(self.visit.settle(serial=self.serial), -2504)
        other = self.client.new_serial()
        self.code(self.visit.settle("1.00", serial=other), -2301)
        self.assertEqual("2", self.result("2410", other))
        self.code(self.visit.settle(serial=other), -1005)

    def test_a_wrong_code_is_refused(self):
        self.visit.settle(serial=self.serial)
        self.code(self.visit.reverse("2430", self.serial), -1003)
        self.code(self.visit.reverse("2100", self.serial), -1003)

    def test_only_while_the_cycle_is_open(self):
        self.visit.settle(serial=self.serial)
        self.code(self.client.ask("9110", "1"), 0)
        self.client.sign_in()
        self.code(self.visit.reverse("2410", self.serial), -2503)
        self.assertEqual("2", self.result("2410", self.client.new_serial()))


class Lists(PeerCase):
    def test_totals_and_details(self):
        first = self.ready_visit("ZY1")
        settled = read_output("2410", first.settle().output)
        first.cancel(settled["setl_id"])
        reversed_ = self.client.new_serial()
        first.settle(serial=reversed_)
        first.reverse("2410", reversed_)
        first.settle()
        same = self.client.good("1110", DATE, "", 2, 1, "1000.00", "510.00", "490.00", "0.00")
        self.assertEqual(("0", 2, 1, 1000_00), tuple(
            same[n] for n in ("differs", "settlements", "cancellations", "total")))
        self.assertEqual("1", self.client.good(
            "1110", DATE, "2", 2, 1, "1000.00", "510.00", "490.00", "0.00")["differs"])
        pages = [self.client.good("1120", DATE, page, 3) for page in (1, 2)]
        self.assertEqual([(4, "0"), (4, "1")], [(p["count"], p["last"]) for p in pages])
        rows = pages[0]["rows"] + pages[1]["rows"]
        self.assertEqual([("2410", "3"), ("2430", "1"), ("2410", "2"), ("2410", "1")],
                         [(r["code"], r["state"]) for r in rows])
        self.assertEqual((settled["setl_id"], HOSPITAL, "21", "1"), tuple(
            rows[1][n] for n in ("cancelled_id", "hospital", "med_type", "insurance")))
        self.code(self.client.ask("1120", DATE, "1", "101"), -1003)

    def test_catalogue(self):
        told = self.client.good("1300", "1", "", "1", "200")
        self.assertEqual((6, "1", "20200101000000"),
                         (told["count"], told["last"], told["version"]))
        self.assertEqual(("4501-0008", "02", "1", "0.0500", "88.1234"), tuple(
            told["rows"][5][n] for n in ("code", "fee_cat", "level", "ratio", "ceiling")))
        self.assertEqual(0, self.client.good("1300", "4", "", "1", "200")["count"])

    def test_filings(self):
        told = self.client.good("1600", WORKER, "99", "440100", "", DATE)
        self.assertEqual([{"filing_no": "BA00000001", "type": "1", "begin": "20260101",
                           "end": "99991231", "region": "440000", "hospital": "",
                           "state": "1"}], told["rows"])
        self.assertEqual(0, self.client.good("1600", WORKER[:-4] + "0006", "99", "440100", "",
                                             DATE)["count"])
        self.code(self.client.ask("1600", WORKER, "01", "440100", "", DATE), -1003)

    def test_one_insurance_only(self):
        found = self.client.good("2100", "3", WORKER[:-4] + "0009", "吐尔逊·测试", "21", DATE)
        self.assertEqual(("1", 55_00, 400_00), tuple(
            found[n] for n in ("insurance", "balance", "dedc")))
        found = self.client.good("2100", "1", "K00000002", "", "", DATE)
        self.assertEqual(("0", "2", "5", "450100"), tuple(
            found[n] for n in ("sex", "insurance", "psn_cat", "region")))


if __name__ == "__main__":
    unittest.main()
