"""Repeats, reversals and inquiries: what becomes of a serial."""

import unittest

from djz_peer import DATE, TIME, PeerCase, Visit, about, plain_line
from fepsim.djz_record import HEADER_SIZE

REVERSED, NEVER_ARRIVED, REVERSED_EARLIER = "1", "2", "3"


class Repeats(PeerCase):
    def test_a_repeat_is_answered_from_the_store_byte_by_byte(self):
        visit = self.ready_visit("ZY1")
        values = visit.settle_values(1000_00)
        serial = self.client.new_serial()
        self.client.send(self.client.record("400002", values, H_SERIAL=serial))
        first = self.client.read_raw()
        later = self.client.record("400002", values, H_SERIAL=serial, H_DATE="20261124",
                                   H_TIME="000000", H_BUS_DATE="20261124")
        self.client.send(later)
        self.assertEqual(self.client.read_raw(), first)
        self.assertEqual(self.insurance(visit.psn_no).stays, 1)

    def test_other_content_under_the_serial_is_refused(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        self.code(visit.settle(1000_00, serial), "000000")
        self.code(visit.settle(1000_01, serial), "100005")
        self.code(visit.settle(1000_00, serial), "000000")

    def test_a_final_refusal_is_replayed(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        self.code(visit.settle(999_00, serial), "200301")
        self.code(visit.cancel("DJS0", H_SERIAL=serial), "200401")  # another transaction
        visit.details(line_to_remove())
        self.code(visit.settle(999_00, serial), "200301")
        self.assertEqual(visit.inquire("400002", serial).values["IR-ORG-RET"], "200301")

    def test_a_formal_refusal_leaves_the_serial_free(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        values = visit.settle_values(1000_00)
        self.code(self.client.ask("400002", values | {"SQ-MED-CAT": "99"}, H_SERIAL=serial),
                  "100003")
        self.code(self.client.ask("400002", values, H_SERIAL=serial, H_TIME="100459"),
                  "100006")
        self.code(self.client.ask("400002", values, H_SERIAL=serial, H_BUS_DATE="20261121"),
                  "900202")
        self.assertEqual(visit.inquire("400002", serial).values["IR-STATE"], "0")
        self.code(visit.settle(1000_00, serial), "000000")

    def test_questions_run_anew(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        self.code(visit.settle(1000_00, serial, tran="400001"), "000000")
        visit.details(plain_line("2", 5))
        self.code(visit.settle(1000_00, serial, tran="400001"), "200301")


def line_to_remove() -> dict:
    return plain_line("9", 1)


class Reversals(PeerCase):
    def result(self, answer) -> str:
        self.code(answer, "000000")
        return answer.values["VR-RESULT"]

    def test_a_settlement_is_undone(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        settled = visit.settle(1000_00, serial)
        answer = visit.reverse("400002", serial)
        self.assertEqual(self.result(answer), REVERSED)
        self.assertEqual(answer.values["VR-ORG-CTR"], settled.header["H-CTR-SERIAL"])
        insurance = self.insurance(visit.psn_no)
        self.assertEqual((insurance.balance_fen, insurance.pool_cum_fen, insurance.stays),
                         (800_00, 0, 0))
        self.assertEqual(self.result(visit.reverse("400002", serial)), REVERSED_EARLIER)
        self.code(visit.settle(1000_00, serial), "200504")
        self.assertEqual(visit.inquire("400002", serial).values["IR-STATE"], "4")
        self.code(visit.cancel(settled.values["SR-SETL-NO"]), "200401")
        self.code(visit.settle(1000_00), "000000")

    def test_what_never_arrived_is_blocked(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        for _ in range(2):
            self.assertEqual(self.result(visit.reverse("400002", serial)), NEVER_ARRIVED)
        self.code(visit.settle(1000_00, serial), "200504")
        self.assertEqual(visit.inquire("400002", serial).values["IR-STATE"], "4")

    def test_what_was_refused_was_not_posted(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        visit.settle(1_00, serial)
        self.assertEqual(self.result(visit.reverse("400002", serial)), NEVER_ARRIVED)
        self.code(visit.settle(1_00, serial), "200504")
        self.assertEqual(visit.inquire("400002", serial).values["IR-STATE"], "2")

    def test_what_something_depends_on_stays(self):
        visit = Visit(self.client, "ZY1")
        register, details, settle = (self.client.new_serial() for _ in range(3))
        first = self.client.ask("200001", {
            "RQ-VISIT-NO": "ZY1", "RQ-PSN-NO": visit.psn_no, "RQ-NAME": "韦测",
            "RQ-INS-TYPE": "Z1", "RQ-MED-CAT": "10", "RQ-TIME": DATE + "090000"},
            H_SERIAL=register)
        visit.id = first.values["RR-CTR-VISIT"]
        self.code(visit.details(plain_line(yuan=1000), H_SERIAL=details), "000000")
        self.code(visit.reverse("200001", register), "200503")
        settled = visit.settle(1000_00, settle)
        self.code(visit.reverse("300001", details), "200503")
        cancel = self.client.new_serial()
        self.code(visit.cancel(settled.values["SR-SETL-NO"], H_SERIAL=cancel), "000000")
        self.code(visit.reverse("400002", settle), "200503")
        self.assertEqual(visit.inquire("400002", settle).values["IR-STATE"], "5")
        # undone in the order of dependence: the cancel, the settlement, details, visit
        for tran, serial in (("400003", cancel), ("400002", settle), ("300001", details),
                             ("200001", register)):
            with self.subTest(tran):
                self.assertEqual(self.result(visit.reverse(tran, serial)), REVERSED)
        self.code(visit.details(plain_line()), "200101")

    def test_a_cancel_stays_when_the_visit_went_on_or_the_money_is_gone(self):
        visit = self.ready_visit("ZY1")
        cancel = self.client.new_serial()
        number = visit.settle(1000_00).values["SR-SETL-NO"]
        visit.cancel(number, H_SERIAL=cancel)
        details = self.client.new_serial()
        visit.details(plain_line("2"), H_SERIAL=details)
        self.code(visit.reverse("400003", cancel), "200503")
        self.assertEqual(self.result(visit.reverse("300001", details)), REVERSED)
        other = self.ready_visit("MZ1", yuan=2000, category="01")
        self.assertEqual(other.settle(2000_00).values["SR-ACCT"], 800_00)
        self.code(visit.reverse("400003", cancel), "200503")

    def test_cancels_of_registration_and_details_are_not_reversible(self):
        visit = self.ready_visit("ZY1")
        removal, unregister = self.client.new_serial(), self.client.new_serial()
        self.code(self.client.ask("300002", {
            "FC-CTR-VISIT": visit.id, "FC-VISIT-NO": "ZY1", "FC-ALL": "Y"},
            H_SERIAL=removal), "000000")
        self.code(self.client.ask("200002", {
            "RC-CTR-VISIT": visit.id, "RC-VISIT-NO": "ZY1"}, H_SERIAL=unregister), "000000")
        for tran, serial in (("300002", removal), ("200002", unregister)):
            self.code(visit.reverse(tran, serial), "200503")
            self.assertEqual(self.result(visit.reverse(tran, self.client.new_serial())),
                             NEVER_ARRIVED)
        for tran in ("400001", "500001", "123456", ""):
            self.code(visit.reverse(tran, removal), "100003")

    def test_until_two_in_the_morning(self):
        visit = self.ready_visit("ZY1")
        serial, second = self.client.new_serial(), self.client.new_serial()
        visit.settle(1000_00, serial)
        self.at("20261123", "015900")
        self.assertEqual(self.result(self.reverse_at("20261123", "015900", serial)), REVERSED)
        visit.client.good("400002", visit.settle_values(1000_00), H_SERIAL=second,
                          H_DATE="20261123", H_TIME="015900", H_BUS_DATE="20261123")
        self.at("20261124", "020001")
        self.code(self.reverse_at("20261124", "020001", second), "200503")
        never = self.reverse_at("20261124", "020001", self.client.new_serial())
        self.assertEqual(self.result(never), NEVER_ARRIVED)

    def at(self, date: str, time: str) -> None:
        self.peer.clock.set(date, time)

    def reverse_at(self, date: str, time: str, serial: str):
        return self.client.ask("500001", {"VQ-ORG-DATE": DATE}, H_ORG_TRAN="400002",
                               H_ORG_SERIAL=serial, H_DATE=date, H_TIME=time,
                               H_BUS_DATE=date)


class Inquiries(PeerCase):
    def test_a_posted_one_delivers_its_answer(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        self.client.send(self.client.record("400002", visit.settle_values(1000_00),
                                            H_SERIAL=serial))
        original = self.client.read_raw()
        answer = visit.inquire("400002", serial)
        self.assertEqual(answer.values["IR-STATE"], "1")
        self.assertEqual(answer.values["IR-ORG-RET"], "000000")
        self.assertEqual(answer.values["IR-ORG-LEN"], 261)
        self.assertEqual(answer.raw[HEADER_SIZE + 33:], original[HEADER_SIZE:])

    def test_an_unknown_one(self):
        answer = about(self.client, "500002", "400002", self.client.new_serial())
        self.assertEqual(answer.values, {"IR-STATE": "0", "IR-ORG-RET": "", "IR-ORG-CTR": "",
                                         "IR-ORG-LEN": 0})

    def test_the_transaction_is_part_of_the_name(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        visit.settle(1000_00, serial)
        self.assertEqual(visit.inquire("400003", serial).values["IR-STATE"], "0")

    def test_inquiry_does_not_look_at_the_accounting_date(self):
        answer = self.client.ask("500002", H_ORG_TRAN="400002", H_BUS_DATE="20200101",
                                 H_ORG_SERIAL=self.client.new_serial(), H_TIME=TIME)
        self.code(answer, "000000")


if __name__ == "__main__":
    unittest.main()
