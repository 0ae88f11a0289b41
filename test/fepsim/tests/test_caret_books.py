"""The asking system's books: serials, order of writing, what a restart finds."""

import json
import os
import tempfile
import unittest
from datetime import datetime

from fepsim.asking_books import AskingBooks, msgid_of
from fepsim.china_time import CHINA
from fepsim.hospital_visit import visit_of

HOSPITAL = "H45010000003"


class Books(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "books.jsonl")
        self.books = None
        self.moment = datetime(2026, 11, 22, 10, 15, 2, tzinfo=CHINA)

    def open(self):
        """Open the books, as the next run does after this one has ended."""
        if self.books:
            self.books.close()
        self.books = AskingBooks(self.path, clock=lambda: self.moment)
        self.addCleanup(self.books.close)
        return self.books

    def post(self, books, code="2210", **facts):
        serial = books.next_serial(HOSPITAL)
        books.request(serial, b"x", True, code=code, institution=HOSPITAL, cycle="c",
                      visit_no="MZ1", **facts)
        return serial

    def test_message_id_of_a_serial(self):
        self.assertEqual("H45010000003" + "20261122101502" + "0007",
                         msgid_of("20261122101502-H45010000003-0007"))

    def test_serials_never_repeat_after_a_restart(self):
        first = [self.post(self.open()) for _ in range(2)]
        again = self.post(self.open())
        self.assertEqual(["0001", "0002"], [s[-4:] for s in first])
        self.assertEqual("20261122101502-H45010000003-0003", again)

    def test_serials_survive_a_clock_set_back(self):
        books = self.open()
        first = self.post(books)
        self.moment = self.moment.replace(second=3)
        self.post(books)
        self.moment = self.moment.replace(second=2)
        self.assertNotEqual(first, self.post(books))

    def test_a_full_second_runs_over_into_the_next(self):
        books = self.open()
        serials = {books.next_serial(HOSPITAL) for _ in range(10001)}
        self.assertEqual(10001, len(serials))
        self.assertIn("20261122101503-H45010000003-0001", serials)

    def test_only_one_run_at_a_time(self):
        self.open()
        with self.assertRaises(BlockingIOError):
            AskingBooks(self.path)

    def test_a_request_is_on_the_disk_at_once(self):
        serial = self.post(self.open(), psn_no="1")
        with open(self.path, encoding="utf-8") as lines:
            entry = json.loads(lines.readlines()[-1])
        self.assertEqual((serial, msgid_of(serial), "78"),
                         (entry["serial"], entry["msgid"], entry["line"]))

    def test_no_conclusion_means_undecided(self):
        books = self.open()
        decided, undecided = self.post(books), self.post(books)
        books.conclude(decided, "good", out={})
        self.assertEqual([undecided], self.open().undecided())

    def test_sent_again_means_undecided_again(self):
        books = self.open()
        serial = self.post(books)
        books.conclude(serial, "refused", code=-9102)
        self.assertTrue(books.is_decided(serial))
        books.request(serial, b"y", True, code="2210", institution=HOSPITAL, cycle="d",
                      visit_no="MZ1")
        self.assertEqual([serial], self.open().undecided())

    def test_a_torn_last_line_is_cut_off(self):
        books = self.open()
        serial = self.post(books)
        with open(self.path, "ab") as file:
            file.write(b'{"kind": "conclusion", "serial": "2026')
        books = self.open()
        self.assertEqual([serial], books.undecided())
        books.conclude(serial, "good", out={})
        self.assertEqual([], self.open().undecided())

    def test_a_reversed_request_is_not_counted_for_its_visit(self):
        books = self.open()
        for code, facts in (("2210", {"psn_no": "1"}),
                            ("2310", {"line_amounts": {"1": 500}}),
                            ("2410", {})):
            serial = self.post(books, code, **facts)
            books.conclude(serial, "good", out={"visit_id": "V1", "setl_id": "S1"})
        self.assertEqual(["S1"], [s.setl_id for s in visit_of(
            books, HOSPITAL, "MZ1").settlements])
        books.conclude(serial, "reversed", result="1")
        visit = visit_of(self.open(), HOSPITAL, "MZ1")
        self.assertEqual(([], {"1": 500}, "V1"),
                         (visit.settlements, visit.lines, visit.visit_id))


if __name__ == "__main__":
    unittest.main()
