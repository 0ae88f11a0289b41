"""Each fault of `wuxian` over a real socket: what is posted, what the client sees, once only."""

import unittest
from unittest import mock

from fepsim.books import load
from wuxian_peer import Answer, PeerCase, Visit, read_all


class Faults(PeerCase):
    """Whatever the stand-in puts off is held back until the test lets it happen."""

    options = ("--late-seconds", "75.5", "--slow-seconds", "20.5")

    def setUp(self) -> None:
        super().setUp()
        self.serial = self.client.new_serial()
        self.put_off: list[tuple] = []
        for module in ("wuxian_desk", "one_by_one"):
            held = mock.patch(f"fepsim.{module}.after",
                              lambda seconds, work: self.put_off.append((seconds, work)))
            held.start()
            self.addCleanup(held.stop)

    def let_happen(self, seconds: float) -> None:
        """Check that one thing was put off for so long, and do it now."""
        ((waited, work),) = self.put_off
        self.assertEqual(seconds, waited)
        self.put_off.clear()
        work()

    def message(self, visit: Visit) -> bytes:
        return self.client.message("1402", visit.settle_values(1000_00), MSGID=self.serial)

    def start_settling(self, number: str):
        """Send the settlement; return the visit and the connection the answer is due on."""
        visit = self.ready_visit(number)
        connection = self.client.open(self.message(visit))
        self.addCleanup(connection.close)
        return visit, connection

    def settlements(self) -> int:
        return sum(posting["kind"] == "settle" for posting in load(self.books).money())

    def state(self, visit: Visit) -> str:
        return visit.inquire("1402", self.serial).values["JYZT"]

    def assert_posted_and_well(self, visit: Visit) -> None:
        """The fault is over: inquiry and repeat deliver the undamaged answer."""
        self.assertEqual("1", self.state(visit))
        repeat = visit.settle(1000_00, self.serial)
        self.code(repeat, "0000")
        # 1,000.00 - 400.00 = 600.00 x 85 % = 510.00; account 490.00
        self.assertEqual(("510.00", "490.00", "0.00", ""), (
            *(repeat.values[n] for n in ("AKC260", "AKC255", "AKC261")),
            repeat.head["ERRORMSG"]))
        self.assertEqual(1, self.settlements())

    def wait_posted(self, visit: Visit) -> None:
        """Wait, bounded, for a posting that nobody announces."""
        for _ in range(200):
            if self.state(visit) == "1":
                return
        self.fail("not posted")

    def test_zz01_answers_late(self):
        visit, connection = self.start_settling("ZZ010001")
        self.wait_posted(visit)
        self.let_happen(75.5)
        self.code(Answer(read_all(connection)), "0000")
        self.assert_posted_and_well(visit)

    def test_zz02_closes_unposted(self):
        visit, connection = self.start_settling("ZZ020001")
        self.assertEqual(b"", read_all(connection))
        self.assertEqual("0", self.state(visit))
        self.code(visit.settle(1000_00, self.serial), "0000")

    def test_zz03_posts_and_closes_also_on_a_cancel(self):
        visit, connection = self.start_settling("ZZ030001")
        self.assertEqual(b"", read_all(connection))
        self.assert_posted_and_well(visit)
        number = visit.settle(1000_00, self.serial).values["AAZ216"]
        serial = self.client.new_serial()
        message = self.client.message("1403", visit.cancel_values(number), MSGID=serial)
        self.assertEqual(b"", self.client.send(message))
        self.assertEqual("1", visit.inquire("1403", serial).values["JYZT"])
        self.assertEqual("5", self.state(visit))

    def test_zz04_sends_half(self):
        visit, connection = self.start_settling("ZZ040001")
        part = read_all(connection)
        whole = self.client.send(self.message(visit))
        self.assertEqual(whole[:len(whole) // 2], part)
        self.assert_posted_and_well(visit)

    def test_zz05_is_busy_twice(self):
        visit, connection = self.start_settling("ZZ050001")
        answer = Answer(read_all(connection))
        self.assertEqual(("9001", "-1"), (answer.code, answer.head["RETURNNUM"]))
        self.assertEqual("0", self.state(visit))
        self.code(visit.settle(1000_00, self.serial), "9001")
        self.code(visit.settle(1000_00, self.serial), "0000")

    def test_zz06_and_zz07_do_not_know(self):
        visit, connection = self.start_settling("ZZ060001")
        answer = Answer(read_all(connection))
        self.assertEqual(("9002", "-9"), (answer.code, answer.head["RETURNNUM"]))
        self.assert_posted_and_well(visit)
        other = self.ready_visit("ZZ070001")
        serial = self.client.new_serial()
        self.code(other.settle(1000_00, serial), "9002")
        self.assertEqual("0", other.inquire("1402", serial).values["JYZT"])
        self.code(other.settle(1000_00, serial), "0000")

    def test_zz08_has_a_fen_too_much(self):
        visit, connection = self.start_settling("ZZ080001")
        self.assertEqual("0.01", Answer(read_all(connection)).values["AKC261"])
        self.assert_posted_and_well(visit)

    def test_zz09_never_answers_and_keeps_the_connection(self):
        visit, connection = self.start_settling("ZZ090001")
        self.wait_posted(visit)
        self.assert_posted_and_well(visit)
        connection.setblocking(False)
        with self.assertRaises(BlockingIOError):
            connection.recv(1)
        self.assertEqual(1, self.peer.server.disconnect())

    def test_zz10_has_illegal_bytes_in_the_text(self):
        visit, connection = self.start_settling("ZZ100001")
        raw = read_all(connection)
        self.assertIn(b"<ERRORMSG>\xb0\x20\xff</ERRORMSG>", raw)
        self.code(Answer(raw), "0000")
        self.assertEqual(f"Content-Length: {len(Answer(raw).body)}".encode(),
                         raw.split(b"\r\n")[2])
        self.assert_posted_and_well(visit)

    def test_zz11_leaves_two_inquiries_unanswered(self):
        visit, connection = self.start_settling("ZZ110001")
        self.assertEqual(b"", read_all(connection))
        for code in ("1902", "1901"):
            self.assertEqual(b"", self.client.send(self.client.message(
                code, {"AKC190": visit.number, "ORGDATE": "20261122"}, ORGMSGNO="1402",
                ORGMSGID=self.serial)))
        self.assertEqual("4", self.state(visit))

    def test_zz12_posts_slowly(self):
        visit, connection = self.start_settling("ZZ120001")
        for _ in range(200):
            if self.put_off:
                break
            self.state(visit)
        self.assertEqual("3", self.state(visit))
        self.code(visit.reverse("1402", self.serial), "9001")
        self.code(visit.settle(1000_00, self.serial), "9001")
        self.assertEqual(0, self.settlements())
        self.let_happen(20.5)
        self.code(Answer(read_all(connection)), "0000")
        self.assert_posted_and_well(visit)

    def test_zz13_posts_twice(self):
        visit, connection = self.start_settling("ZZ130001")
        self.code(Answer(read_all(connection)), "0000")
        first, twin = load(self.books).money()
        self.assertEqual((30, 30), (len(first["serial"]), len(twin["serial"])))
        self.assertNotEqual(first["serial"], twin["serial"])
        self.assertNotEqual(first["setl_id"], twin["setl_id"])
        self.assertEqual(310_00, self.insurance(visit.psn_no).balance_fen)
        rows = self.client.ask("1502", {"AAE041": "20261122", "PAGENO": 1,
                                        "PAGESIZE": 9}).rows
        self.assertEqual(["1", "1"], [row["JYZT"] for row in rows])


if __name__ == "__main__":
    unittest.main()
