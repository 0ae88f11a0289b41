"""Each fault of an asked `danxian` over a real socket; and its asking side against it."""

import dataclasses
import unittest
from unittest import mock

from asking_case import PairCase, PairTests
from caret_peer import PeerCase, Visit
from fepsim import danxian, danxian_asked, reference, visits
from fepsim.books import load
from fepsim.caret_layout import read_output
from fepsim.caret_record import decode_answer


class Faults(PeerCase):
    """Whatever the stand-in puts off is held back until the test lets it happen."""

    options = ("--late-seconds", "75.5", "--slow-seconds", "20.5")

    def setUp(self) -> None:
        super().setUp()
        self.serial = self.client.new_serial()
        self.put_off: list[tuple] = []
        for module in ("caret_asked_desk", "one_by_one"):
            held = mock.patch(f"fepsim.{module}.after",
                              lambda seconds, work: self.put_off.append((seconds, work)))
            held.start()
            self.addCleanup(held.stop)

    def let_happen(self, seconds: float) -> None:
        ((waited, work),) = self.put_off
        self.assertEqual(seconds, waited)
        self.put_off.clear()
        work()

    def start_settling(self, number: str) -> Visit:
        visit = self.ready_visit(number)
        self.client.send(self.client.line("2410", *visit.settle_params(), serial=self.serial))
        return visit

    def again(self, visit: Visit) -> Visit:
        """Go on with the visit on a new connection."""
        self.client = visit.client = self.connect()
        return visit

    def wait_for(self, condition) -> None:
        """Ask the server until something has happened that nobody announces."""
        other = self.connect()
        for _ in range(500):
            if condition():
                return
            other.good("1800")
        self.fail("it did not happen")

    def settlements(self) -> int:
        return sum(posting["kind"] == "settle" for posting in load(self.books).money())

    def result(self, visit: Visit) -> str:
        return read_output("2421", visit.reverse("2410", self.serial).output)["result"]

    def test_zz01_answers_late(self):
        self.start_settling("ZZ010001")
        self.wait_for(lambda: self.put_off)
        self.assertEqual(1, self.settlements())
        self.let_happen(75.5)
        self.code(decode_answer(self.client.read_line()), 0)

    def test_zz02_closes_unposted(self):
        visit = self.start_settling("ZZ020001")
        self.assertEqual(b"", self.client.read_line())
        self.assertEqual("2", self.result(self.again(visit)))
        self.assertEqual(0, self.settlements())

    def test_zz03_and_zz04_post_and_close(self):
        visit = self.start_settling("ZZ030001")
        self.assertEqual(b"", self.client.read_line())
        self.assertEqual("1", self.result(self.again(visit)))
        self.serial = self.client.new_serial()
        visit = self.start_settling("ZZ040001")
        part = self.client.stream.read()
        self.assertTrue(part.startswith(b"0^DX") and not part.endswith(b"\r\n"), part)
        self.code(self.again(visit).settle(serial=self.serial), -1005)
        self.assertEqual("1", self.result(visit))

    def test_zz05_is_busy_twice(self):
        visit = self.start_settling("ZZ050001")
        self.code(decode_answer(self.client.read_line()), -9001)
        self.code(visit.settle(serial=self.serial), -9001)
        self.code(visit.settle(serial=self.serial), 0)

    def test_zz06_and_zz07_do_not_know(self):
        visit = self.start_settling("ZZ060001")
        self.code(decode_answer(self.client.read_line()), -9002)
        self.assertEqual("1", self.result(visit))
        self.serial = self.client.new_serial()
        visit = self.start_settling("ZZ070001")
        self.code(decode_answer(self.client.read_line()), -9002)
        self.assertEqual("2", self.result(visit))

    def test_zz08_has_a_fen_too_much(self):
        self.start_settling("ZZ080001")
        out = read_output("2410", decode_answer(self.client.read_line()).output)
        self.assertEqual((490_00, 1, 510_00), (out["acct"], out["cash"], out["pool"]))

    def test_zz09_never_answers_and_keeps_the_connection(self):
        visit = self.start_settling("ZZ090001")
        self.wait_for(lambda: self.settlements() == 1)
        silent = self.client.socket
        silent.setblocking(False)
        with self.assertRaises(BlockingIOError):
            silent.recv(1)
        self.assertEqual("1", self.result(self.again(visit)))

    def test_zz10_has_illegal_bytes_in_the_text(self):
        self.start_settling("ZZ100001")
        raw = self.client.read_line()
        self.assertTrue(raw.endswith(b"^\xb0\x20\xff^\r\n"), raw)
        self.code(decode_answer(raw), 0)

    def test_zz11_leaves_two_reversals_unanswered(self):
        visit = self.start_settling("ZZ110001")
        self.assertEqual(b"", self.client.read_line())
        for _ in range(2):
            self.again(visit)
            self.client.send(self.client.line("2421", "2410", self.serial, "", "", ""))
            self.assertEqual(b"", self.client.read_line())
        self.assertEqual("3", self.result(self.again(visit)))

    def test_zz12_posts_slowly(self):
        visit = self.start_settling("ZZ120001")
        self.wait_for(lambda: self.put_off)
        slow, visit.client = self.client, self.connect()
        self.code(visit.reverse("2410", self.serial), -9001)
        self.code(visit.settle(serial=self.serial), -1005)
        self.assertEqual(0, self.settlements())
        self.let_happen(20.5)
        self.code(decode_answer(slow.read_line()), 0)
        self.assertEqual("1", self.result(visit))

    def test_zz13_posts_twice(self):
        self.start_settling("ZZ130001")
        self.code(decode_answer(self.client.read_line()), 0)
        first, twin = load(self.books).money()
        self.assertNotEqual(first["serial"], twin["serial"])
        self.assertEqual(310_00, self.insurance(first["psn_no"]).balance_fen)
        self.assertEqual(2, self.client.good("1120", "20261122", "1", "9")["count"])


class Pair(PairTests, PairCase):
    """danxian's two sides: without inquiry, whatever is unknown is reversed."""

    asked, asking = danxian_asked, danxian
    region = "450100"

    def turn_round(self) -> None:
        desk = self.peer.server.desk
        desk.settings = dataclasses.replace(desk.settings, region=self.region)

    def conclusion_of_lost(self, serial: str) -> dict:
        ended = self.conclusion(serial)
        self.assertEqual(("reversed", "1"), (ended["told"], ended["result"]))
        return {}

    def assert_compared(self, compared: set) -> None:
        self.assertEqual(set(reference.EXPECTED) - {("lost_answer", "settle")}, compared)

    def test_unknown_outcomes_are_reversed(self):
        for fault, result in (("ZZ02", "2"), ("ZZ03", "1"), ("ZZ04", "1"), ("ZZ06", "1"),
                              ("ZZ07", "2"), ("ZZ08", "1"), ("ZZ09", "1")):
            with self.subTest(fault):
                self.ready(fault + "1")
                told = self.settle(fault + "1")
                self.assertEqual("unknown", told["told"], told)
                self.assertEqual(result, self.conclusion(told["serial"])["result"])
        self.compare_books()

    def test_catalogue_and_day(self):
        told = self.good("catalogue", kind=1)
        self.assertEqual((6, "20200101000000"), (told["out"]["count"], told["out"]["version"]))
        self.ready("MZ1")
        self.settle("MZ1")
        self.assertEqual(["1"], [r["state"] for r in self.good("day")["out"]["rows"]])
        told = self.good("totals")
        self.assertEqual(("0", 1), (told["out"]["differs"], told["out"]["own"]["settlements"]))
        self.assertEqual("good", self.op("signout")["told"])


class CannotBeAsked(PairCase):
    """The case of the lost answer where the insurer is danxian itself."""

    asked, asking = danxian_asked, danxian
    region, area = "450300", "450100"

    turn_round = Pair.turn_round

    def test_the_lost_settlement_is_made_again(self):
        steps = visits.lost_answer(self.control, area=self.area, region=self.region)
        self.assertEqual(["unknown", "reversed", "good"], [s["told"] for s in steps[-3:]])
        figures = reference.lost_answer()
        self.assertEqual(figures, {k: steps[-1]["figures"][k] for k in figures})
        self.compare_books()


if __name__ == "__main__":
    unittest.main()
