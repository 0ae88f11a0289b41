"""The stand-in as a process: killed without warning, started again from its books."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from djz_peer import DATE, REGION, TIME, WORKER, Client, Visit, plain_line
from fepsim.books import Books, load
from fepsim.control import ask


class Restart(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="fepsim-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.books = os.path.join(self.folder, "books.jsonl")
        self.control = os.path.join(self.folder, "control.sock")
        self.start()

    def start(self) -> None:
        """Start the program and wait until it says where it listens."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fepsim", "dajizhong", "--region", REGION,
             "--listen", "127.0.0.1:0", "--control", self.control, "--books", self.books,
             "--password", "secret", "--clock", DATE + TIME],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.address = self.process.stdout.readline().split()[1]
        self.client = Client(self.address)
        self.addCleanup(self.client.close)

    def kill_and_start(self) -> None:
        self.process.kill()
        self.process.wait()
        self.start()

    def test_killed_after_posting_and_before_the_answer(self):
        visit = Visit(self.client, "ZZ030001")
        visit.register()
        visit.details(plain_line(yuan=1000))
        serial = self.client.new_serial()
        self.client.send(self.client.record("400002", visit.settle_values(1000_00),
                                            H_SERIAL=serial))
        self.assertEqual(self.client.stream.read(1), b"")
        self.kill_and_start()
        self.assertEqual(load(self.books).in_force()[WORKER]["acct"], 490_00)
        visit.client = self.client
        self.assertEqual(visit.inquire("400002", serial).values["IR-STATE"], "1")
        repeat = visit.settle(1000_00, serial)
        self.assertEqual(repeat.values["SR-BALANCE"], 310_00)
        balances = ask(self.control, {"op": "balances"})["persons"][WORKER]
        self.assertEqual(balances["insurances"][0]["balance_fen"], 310_00)
        self.assertEqual(balances["insurances"][0]["stays"], 1)

    def test_reversed_blocked_cancelled_and_refused_outlive_the_process(self):
        visit = Visit(self.client, "ZY1")
        visit.register()
        visit.details(plain_line(yuan=1000))
        reversed_, blocked, refused, last, cancel = (
            self.client.new_serial() for _ in range(5))
        visit.settle(1_00, refused)
        visit.settle(1000_00, reversed_)
        visit.reverse("400002", reversed_)
        visit.reverse("400002", blocked)
        number = visit.settle(1000_00, last).values["SR-SETL-NO"]
        visit.cancel(number, H_SERIAL=cancel)
        self.kill_and_start()
        visit.client = self.client
        states = {serial: visit.inquire("400002", serial).values["IR-STATE"]
                  for serial in (reversed_, blocked, refused, last)}
        self.assertEqual(list(states.values()), ["4", "4", "2", "5"])
        self.assertEqual(visit.inquire("400003", cancel).values["IR-STATE"], "1")
        self.assertEqual(visit.settle(1000_00, blocked).header["H-RET-CODE"], "200504")
        self.assertEqual(visit.reverse("400003", cancel).values["VR-RESULT"], "1")
        again = visit.settle(1000_00)
        self.assertEqual(again.header["H-RET-CODE"], "200303")  # in force once more

    def test_numbers_are_not_given_out_twice(self):
        first = Visit(self.client, "ZY1")
        first.register()
        self.kill_and_start()
        second = Visit(self.client, "ZY2")
        second.register()
        self.assertNotEqual(first.id, second.id)

    def test_the_control_door(self):
        self.assertEqual(ask(self.control, {"op": "ping"}), {"ok": True})
        self.assertEqual(ask(self.control, {"op": "address"})["address"], self.address)
        Visit(self.client, "ZY1").register()
        books = ask(self.control, {"op": "books"})
        self.assertEqual([line["kind"] for line in books["postings"]], ["open", "register"])
        moved = ask(self.control, {"op": "clock", "date": "20261123", "time": "235959"})
        self.assertEqual(moved["now"][:8], "20261123")
        self.assertFalse(ask(self.control, {"op": "clock", "date": "20261301"})["ok"])
        self.assertIn("unknown op", ask(self.control, {"op": "nothing"})["error"])
        self.assertEqual(ask(self.control, {"op": "disconnect"})["closed"], 1)
        self.assertEqual(self.client.stream.read(1), b"")

    def test_told_to_stop_it_ends_well(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(10), 0)
        self.assertFalse(os.path.exists(self.control))


class BookFile(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="fepsim-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "books.jsonl")

    def test_a_torn_line_was_never_promised(self):
        books = Books(self.path, REGION)
        books.append({"kind": "close_month", "state": "posted", "month": "202610"})
        books.close()
        with open(self.path, "ab") as file:
            file.write(b'{"kind": "settle", "sta')
        self.assertEqual(len(load(self.path).order), 2)
        books = Books(self.path, REGION)
        books.append({"kind": "close_month", "state": "posted", "month": "202611"})
        books.close()
        with open(self.path, "rb") as file:
            months = [json.loads(line).get("month") for line in file]
        self.assertEqual(months, [None, "202610", "202611"])

    def test_a_book_belongs_to_one_region(self):
        Books(self.path, REGION).close()
        with self.assertRaises(ValueError):
            Books(self.path, "450100")


if __name__ == "__main__":
    unittest.main()
