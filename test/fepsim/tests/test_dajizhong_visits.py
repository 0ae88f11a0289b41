"""Visits at a running `dajizhong` stand-in: money, order and refusals."""

import unittest

from djz_peer import (DATE, HOSPITAL, RESIDENT, RETIRED, PeerCase, Visit, line,
                      plain_line)

COURSE = (
    line("1", "4509-0002", "60", 100, (6000_00, 0, 600_00, 0, 5400_00), "B", 1000),
    line("2", "4509-0008", "100", 50, (5000_00, 0, 220_31, 593_83, 4185_86), "B", 500),
    line("3", "4509-0001", "20", 100, (2000_00, 0, 0, 0, 2000_00)),
    line("4", "", "1000", 1, (1000_00, 0, 200_00, 0, 800_00), "B", 2000,
         **{"FQ-KIND": "2", "FQ-FEE-CAT": "ZL"}))

# The figures are reckoned by hand beside the same course in the tests of the rule.
COURSE_SHARES = {
    "SR-TOTAL": 14000_00, "SR-FUND": 11386_57, "SR-ACCT": 1234_56, "SR-CASH": 1378_87,
    "SR-POOL": 10787_27, "SR-LARGE": 0, "SR-ILLNESS": 0, "SR-CIVIL": 599_30, "SR-CORP": 0,
    "SR-AID": 0, "SR-OTHER": 0, "SR-FULLSELF": 0, "SR-PRESELF": 1020_31,
    "SR-OVERLMT": 593_83, "SR-INSCOPE": 12385_86, "SR-DEDC": 400_00, "SR-BALANCE": 0}


class Course(PeerCase):
    def test_chemotherapy_settled_cancelled_and_settled_again(self):
        visit = Visit(self.client, "ZY1", RETIRED)
        registered = visit.register()
        self.assertEqual(registered.values["RR-DEDC"], 400_00)
        stored = visit.details(*COURSE)
        self.assertEqual(stored.values["FR-SUM"], 14000_00)
        self.assertEqual([row["FR-LIMIT"] for row in stored.rows], [0, 88_1234, 0, 0])
        self.assertEqual([row["FR-LEVEL"] for row in stored.rows], ["B", "B", "A", "B"])
        trial = visit.settle(14000_00, tran="400001")
        self.assertEqual(trial.values, {"SR-SETL-NO": "", "SR-BILL-NO": "FP1"} | COURSE_SHARES)
        settled = visit.settle(14000_00)
        number = settled.values["SR-SETL-NO"]
        self.assertRegex(number, "^DJS[0-9]{17}$")
        self.assertEqual(settled.values, trial.values | {"SR-SETL-NO": number})
        self.assert_books(0, 10787_27, 1)
        back = visit.cancel(number)
        self.assertEqual(back.values, {
            name: -value for name, value in COURSE_SHARES.items()} | {
            "SR-SETL-NO": back.values["SR-SETL-NO"], "SR-BILL-NO": "FP2",
            "SR-ORG-SETL-NO": number, "SR-BALANCE": 1234_56})
        self.assert_books(1234_56, 0, 0)
        again = visit.settle(14000_00)
        self.assertEqual(again.values["SR-CASH"], 1378_87)
        self.assert_books(0, 10787_27, 1)

    def assert_books(self, balance: int, pool: int, stays: int) -> None:
        insurance = self.insurance(RETIRED)
        self.assertEqual((insurance.balance_fen, insurance.pool_cum_fen, insurance.stays),
                         (balance, pool, stays))


class Order(PeerCase):
    def test_mid_stay_settlements_share_one_deductible(self):
        visit = Visit(self.client, "ZY1")
        visit.register()
        visit.details(plain_line("1", 300))
        first = visit.settle(300_00, mid=True, account=False)
        self.assertEqual(first.values["SR-DEDC"], 300_00)
        visit.details(plain_line("2", 1000))
        last = visit.settle(1000_00, account=False)
        self.assertEqual(last.values["SR-DEDC"], 100_00)
        self.assertEqual(self.insurance(visit.psn_no).stays, 1)
        self.code(visit.cancel(first.values["SR-SETL-NO"]), "200303")
        self.code(visit.cancel(last.values["SR-SETL-NO"]), "000000")
        self.code(visit.cancel(last.values["SR-SETL-NO"]), "200402")
        self.code(visit.cancel(first.values["SR-SETL-NO"]), "000000")
        self.code(visit.cancel("DJS0"), "200401")
        # the whole stay at once now: deductible 400.00 again
        self.assertEqual(visit.settle(1300_00, tran="400001").values["SR-DEDC"], 400_00)

    def test_after_the_final_settlement(self):
        visit = self.ready_visit("ZY1")
        self.code(visit.settle(1000_00), "000000")
        self.code(visit.details(plain_line("2")), "200103")
        self.code(visit.settle(1000_00), "200303")
        self.code(self.remove(visit, "1"), "200103")
        everything = self.remove(visit)
        self.assertEqual(everything.values["FD-CNT"], 0)

    def remove(self, visit: Visit, *numbers: str):
        return self.client.ask("300002", {
            "FC-CTR-VISIT": visit.id, "FC-VISIT-NO": visit.number,
            "FC-ALL": "N" if numbers else "Y"}, [{"FC-LINE-NO": n} for n in numbers])

    def unregister(self, visit: Visit):
        return self.client.ask("200002", {"RC-CTR-VISIT": visit.id,
                                          "RC-VISIT-NO": visit.number})

    def test_registration_is_cancelled_only_when_empty(self):
        visit = self.ready_visit("ZY1")
        self.code(self.unregister(visit), "200103")
        self.code(self.remove(visit, "1", "2"), "100003")
        self.code(self.remove(visit, "1"), "000000")
        self.code(self.unregister(visit), "000000")
        self.code(visit.details(plain_line()), "200101")
        former = visit.id
        self.code(visit.register(), "000000")
        self.assertNotEqual(visit.id, former)
        self.code(visit.register(), "200102")

    def test_settlement_refusals(self):
        visit = Visit(self.client, "ZY1")
        visit.register()
        self.code(visit.settle(0), "200302")
        visit.details(plain_line("1", 100))
        self.code(visit.settle(100_01), "200301")
        values = visit.settle_values(100_00)
        for change, code in (({"SQ-PSN-NO": RESIDENT}, "200003"),
                             ({"SQ-MED-CAT": "01"}, "100003"),
                             ({"SQ-OUT-TIME": ""}, "100003"),
                             ({"SQ-OUT-DIAG": ""}, "100003"),
                             ({"SQ-OUT-REASON": "7"}, "100003"),
                             ({"SQ-CTR-VISIT": "DJ1"}, "200101"),
                             ({"SQ-ACCT-FLAG": "1"}, "100003")):
            with self.subTest(change):
                self.code(self.client.ask("400002", values | change), code)
        self.code(self.client.ask("400001", values | {"SQ-OUT-TIME": ""}), "000000")

    def test_a_negative_total_wants_a_cancellation(self):
        visit = Visit(self.client, "MZ1", category="01")
        visit.register()
        visit.details(line("1", "4509-0001", "10", 2, (20_00, 0, 0, 0, 20_00)),
                      line("2", "4509-0001", "30", -1, (-30_00, 0, 0, 0, -30_00)))
        self.code(visit.settle(-10_00), "200302")

    def test_a_closed_month_keeps_its_settlements(self):
        visit = self.ready_visit("ZY1")
        number = visit.settle(1000_00).values["SR-SETL-NO"]
        self.peer.insurer.close_month(DATE[:6])
        self.code(visit.cancel(number), "200403")


class Registration(PeerCase):
    def person(self, number: str, **values):
        return Visit(self.client, "ZY" + number, "4509000000000000" + number).register(**values)

    def test_refusals(self):
        self.code(self.person("0099"), "200001")
        self.code(self.person("0004"), "200003")
        self.code(self.person("0004", **{"RQ-NAME": "陆停"}), "200002")
        self.code(self.person("0005", **{"RQ-NAME": "黄冻"}), "200005")
        self.code(self.person("0006", **{"RQ-NAME": "蓝外"}), "200004")
        self.code(self.person("0006", **{"RQ-NAME": "蓝外", "RQ-MED-CAT": "03"}), "000000")
        self.code(self.person("0002", **{"RQ-NAME": "莫试"}), "200002")
        self.code(self.person("0002", **{"RQ-NAME": "莫试", "RQ-INS-TYPE": "R2"}), "000000")
        self.code(self.person("0001", **{"RQ-NAME": "韦测", "RQ-INS-TYPE": "S1"}), "200002")
        self.code(self.person("0001", **{"RQ-NAME": "韦测", "RQ-INS-TYPE": "31"}), "100003")
        self.code(self.person("0001", **{"RQ-NAME": "韦测", "RQ-TIME": "20251231080000"}),
                  "200004")
        self.code(self.person("0001", **{"RQ-NAME": "韦测", "RQ-MED-CAT": "30"}), "100003")

    def test_the_second_stay_has_half_the_deductible(self):
        visit = self.ready_visit("ZY1")
        visit.settle(1000_00)
        self.assertEqual(Visit(self.client, "ZY2").register().values["RR-DEDC"], 200_00)


class Details(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.visit = Visit(self.client, "ZY1")
        self.visit.register()

    def test_refusals_store_nothing(self):
        good = plain_line("1", 100)
        for lines, code in (
                ((), "200204"),
                ((good, good), "200201"),
                ((good | {"FQ-CTR-CODE": "4509-0099"},), "200202"),
                ((good | {"FQ-CTR-CODE": "4509-0007"},), "200202"),
                ((good | {"FQ-AMT": 100_06, "FQ-INSCOPE": 100_06},), "200203"),
                ((good | {"FQ-PRESELF": 1},), "200203"),
                ((good | {"FQ-LEVEL": "1"},), "100003"),
                ((good | {"FQ-FEE-CAT": "99"},), "100003"),
                ((good, plain_line("2") | {"FQ-HIS-CODE": ""}), "100003")):
            with self.subTest(code):
                self.code(self.visit.details(*lines), code)
        self.code(self.visit.details(good | {"FQ-AMT": 100_05, "FQ-INSCOPE": 100_05}), "000000")
        self.code(self.visit.details(good), "200201")

    def test_the_batch_sum_is_exact(self):
        answer = self.client.ask("300001", {
            "FQ-CTR-VISIT": self.visit.id, "FQ-VISIT-NO": "ZY1", "FQ-SUM": 1}, [plain_line()])
        self.code(answer, "200203")

    def test_returns_are_netted_by_item(self):
        self.visit.details(line("1", "4509-0001", "10", 2, (20_00, 0, 0, 0, 20_00)))
        for number, quantity, code in (("2", -3, "100003"), ("3", -2, "000000"),
                                       ("4", -1, "100003")):
            fen = quantity * 10_00
            answer = self.visit.details(line(number, "4509-0001", "10", quantity,
                                             (fen, 0, 0, 0, fen)))
            self.code(answer, code)

    def test_five_hundred_lines_and_no_more(self):
        many = [plain_line(str(n), 1) for n in range(501)]
        self.code(self.visit.details(*many), "200204")
        self.assertEqual(len(self.visit.details(*many[:500]).rows), 500)

    def test_the_hospital_belongs_to_the_visit(self):
        self.code(self.visit.details(plain_line(), H_HOSP=HOSPITAL[:-1] + "4"), "200101")


if __name__ == "__main__":
    unittest.main()
