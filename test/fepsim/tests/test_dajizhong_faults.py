"""Each fault over a real socket: what is posted, what the client sees, and once only."""

import threading
import unittest
from unittest import mock

from djz_peer import HOSPITAL, PeerCase, Visit
from fepsim.books import load
from fepsim.djz_desk import after
from fepsim.djz_record import HEADER_SIZE, LENGTH_SIZE


class FaultCase(PeerCase):
    """Whatever the stand-in puts off is held back until the test lets it happen."""

    options = ("--late-seconds", "75.5", "--slow-seconds", "20.5")

    def setUp(self) -> None:
        super().setUp()
        self.serial = self.client.new_serial()
        self.put_off: list[tuple] = []
        for module in ("djz_desk", "djz_server"):
            held = mock.patch(f"fepsim.{module}.after",
                              lambda seconds, work: self.put_off.append((seconds, work)))
            held.start()
            self.addCleanup(held.stop)

    def let_happen(self, seconds: float) -> None:
        """Check that one thing was put off for so long, and do it now."""
        ((waited, work),) = self.put_off
        self.assertEqual(waited, seconds)
        self.put_off.clear()
        work()

    def start_settling(self, number: str) -> Visit:
        """Send the settlement; the answer is for the test to read, if there is one."""
        visit = self.ready_visit(number)
        self.client.send(self.client.record("400002", visit.settle_values(1000_00),
                                            H_SERIAL=self.serial))
        return visit

    def closed(self) -> None:
        self.assertEqual(self.client.stream.read(1), b"")

    def again(self, visit: Visit) -> Visit:
        """Go on with the visit on a new connection."""
        self.client = visit.client = self.connect()
        return visit

    def settlements(self) -> int:
        return sum(posting["kind"] == "settle" for posting in load(self.books).money())

    def state(self, visit: Visit) -> str:
        return visit.inquire("400002", self.serial).values["IR-STATE"]

    def assert_posted_and_well(self, visit: Visit) -> None:
        """The fault is over: inquiry and repeat deliver the undamaged answer."""
        self.assertEqual(self.state(visit), "1")
        repeat = visit.settle(1000_00, self.serial)
        self.code(repeat, "000000")
        # 1,000.00 - 400.00 = 600.00 x 85 % = 510.00; account 490.00
        self.assertEqual((repeat.values["SR-FUND"], repeat.values["SR-ACCT"],
                          repeat.values["SR-CASH"]), (510_00, 490_00, 0))
        self.assertEqual(self.settlements(), 1)


class Faults(FaultCase):
    def test_zz01_answers_late(self):
        visit = self.start_settling("ZZ010001")
        self.assertEqual(self.state(visit), "1")  # posted at once
        self.let_happen(75.5)
        answer = self.client.read()
        self.assertEqual(answer.header["H-SERIAL"], self.serial)
        self.assert_posted_and_well(visit)

    def test_zz02_closes_unposted(self):
        visit = self.start_settling("ZZ020001")
        self.closed()
        self.assertEqual(self.state(self.again(visit)), "0")
        self.code(visit.settle(1000_00, self.serial), "000000")

    def test_zz03_posts_and_closes(self):
        visit = self.start_settling("ZZ030001")
        self.closed()
        self.assert_posted_and_well(self.again(visit))

    def test_zz03_acts_on_the_cancel_too(self):
        visit = self.start_settling("ZZ030001")
        self.closed()
        number = self.again(visit).settle(1000_00, self.serial).values["SR-SETL-NO"]
        serial = self.client.new_serial()
        self.client.send(self.client.record("400003", visit.cancel_values(number),
                                            H_SERIAL=serial))
        self.closed()
        self.again(visit)
        self.assertEqual(visit.inquire("400003", serial).values["IR-STATE"], "1")
        self.assertEqual(self.state(visit), "5")

    def test_zz04_sends_half(self):
        visit = self.start_settling("ZZ040001")
        part = self.client.stream.read()
        self.assertEqual(len(part), (LENGTH_SIZE + HEADER_SIZE + 261) // 2)
        self.assert_posted_and_well(self.again(visit))

    def test_zz05_is_busy_twice(self):
        visit = self.start_settling("ZZ050001")
        self.code(self.client.read(), "900001")
        self.assertEqual(self.state(visit), "0")
        self.code(visit.settle(1000_00, self.serial), "900001")
        self.code(visit.settle(1000_00, self.serial), "000000")

    def test_zz06_posts_and_says_that_it_does_not_know(self):
        visit = self.start_settling("ZZ060001")
        self.code(self.client.read(), "900002")
        self.assert_posted_and_well(visit)

    def test_zz07_does_not_post_and_says_that_it_does_not_know(self):
        visit = self.start_settling("ZZ070001")
        self.code(self.client.read(), "900002")
        self.assertEqual(self.state(visit), "0")
        self.assertEqual(self.settlements(), 0)
        self.code(visit.settle(1000_00, self.serial), "000000")

    def test_zz08_has_a_fen_too_much(self):
        visit = self.start_settling("ZZ080001")
        self.assertEqual(self.client.read().values["SR-CASH"], 1)
        self.assert_posted_and_well(visit)

    def test_zz09_never_answers(self):
        visit = self.start_settling("ZZ090001")
        self.assert_posted_and_well(visit)  # on the same connection, which stays

    def test_zz10_has_illegal_bytes_in_the_text(self):
        visit = self.start_settling("ZZ100001")
        answer = self.client.read()
        self.assertEqual(answer.raw[142:145], b"\xb0\x20\xff")
        self.code(answer, "000000")
        self.assert_posted_and_well(visit)

    def test_zz11_leaves_two_inquiries_unanswered(self):
        visit = self.start_settling("ZZ110001")
        self.closed()
        for tran in ("500002", "500001"):
            self.again(visit)
            self.client.send(self.client.record(tran, H_ORG_TRAN="400002",
                                                H_ORG_SERIAL=self.serial))
            self.closed()
        self.assertEqual(self.state(self.again(visit)), "4")

    def test_zz12_posts_slowly(self):
        visit = self.start_settling("ZZ120001")
        self.assertEqual(self.state(visit), "3")
        self.code(visit.reverse("400002", self.serial), "900001")
        self.code(visit.settle(1000_00, self.serial), "900001")
        self.assertEqual(self.settlements(), 0)
        self.let_happen(20.5)
        self.code(self.client.read(), "000000")
        self.assert_posted_and_well(visit)

    def test_zz12_belongs_to_the_day_of_its_receipt(self):
        self.start_settling("ZZ120001")
        self.client.ask("500002", H_ORG_TRAN="400002", H_ORG_SERIAL=self.serial)
        self.peer.clock.set("20261123", "000005")
        self.let_happen(20.5)
        self.assertEqual(self.client.read().header["H-BUS-DATE"], 20261122)
        (posting,) = load(self.books).money()
        self.assertEqual(posting["acct_date"], "20261122")

    def test_zz13_posts_twice(self):
        visit = self.start_settling("ZZ130001")
        self.code(self.client.read(), "000000")
        first, twin = load(self.books).money()
        self.assertTrue(twin["twin"])
        self.assertNotEqual(first["serial"], twin["serial"])
        self.assertNotEqual(first["setl_id"], twin["setl_id"])
        self.assertEqual((first["fund"], first["state"]), (twin["fund"], twin["state"]))
        self.assertEqual(self.insurance(visit.psn_no).balance_fen, 310_00)
        self.assertEqual(load(self.books).in_force()[visit.psn_no]["fund"], 1020_00)

    def test_zz13_the_double_can_be_cancelled(self):
        visit = self.start_settling("ZZ130001")
        self.client.read()
        self.peer.insurer.faults.show(HOSPITAL, "ZZ130001", "cancel")
        _, twin = load(self.books).money()
        self.code(visit.cancel(twin["setl_id"]), "000000")
        self.assertEqual(self.insurance(visit.psn_no).balance_fen, 310_00)
        self.assertEqual(load(self.books).in_force()[visit.psn_no], {
            "settlements": 1, "total": 1000_00, "fund": 510_00, "acct": 490_00, "cash": 0})

    def test_the_next_request_of_the_visit_is_served_well(self):
        visit = self.start_settling("ZZ060001")
        self.code(self.client.read(), "900002")
        visit.reverse("400002", self.serial)
        self.code(visit.settle(1000_00), "000000")

    def test_a_refused_settlement_does_not_use_the_fault_up(self):
        visit = self.ready_visit("ZZ060001")
        self.code(visit.settle(1_00), "200301")
        self.code(visit.settle(1000_00), "900002")

    def test_hospitals_are_counted_apart(self):
        for hospital in (HOSPITAL, "H45010000009"):
            self.assertEqual(self.peer.insurer.faults.due(hospital, "ZZ050001", "settle"),
                             "ZZ05")
            self.peer.insurer.faults.show(hospital, "ZZ050001", "settle")
        self.peer.insurer.faults.show(HOSPITAL, "ZZ050001", "settle")
        self.assertIsNone(self.peer.insurer.faults.due(HOSPITAL, "ZZ050001", "settle"))
        self.assertIsNone(self.peer.insurer.faults.due(HOSPITAL, "ZZ140001", "settle"))
        self.assertIsNone(self.peer.insurer.faults.due(HOSPITAL, "ZZ010001", "details"))

    def test_putting_off_really_waits(self):
        happened = threading.Event()
        after(0.01, happened.set)
        self.assertTrue(happened.wait(5))


class Race(PeerCase):
    def test_many_serials_settle_a_visit_once(self):
        visit = self.ready_visit("ZY1")
        codes: list[str] = []

        def settle(client):
            visit_there = Visit(client, "ZY1")
            visit_there.id = visit.id
            codes.append(visit_there.settle(1000_00).header["H-RET-CODE"])

        threads = [threading.Thread(target=settle, args=(self.connect(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(codes), ["000000"] + ["200303"] * 7)


if __name__ == "__main__":
    unittest.main()
