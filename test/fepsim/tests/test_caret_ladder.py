"""Unknown outcomes: reversed until the server says how they finally stand."""

import json
import threading
import unittest

from caret_server import CaretCase, after, close, good, half, refuse, silent
from fepsim import china_time
from fepsim.caret_record import encode_answer


def result(value):
    return lambda server, request: encode_answer(0, "GW1", request.cycle, [value, ""])


def slightly_wrong(server, request):
    """A good settlement with one fen too much cash."""
    return server.good(request).replace(b"|20.00|0.00|0.00|20.00|",
                                        b"|20.00|0.00|0.00|20.01|")


class Outcomes(CaretCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.ready_to_settle()

    def settle(self):
        return self.op("settle", visit_no=self.visit_no)

    def test_every_kind_of_lost_answer_is_reversed(self):
        for behaviour in (close, half, refuse(-9002), refuse(-9999), refuse(-7777),
                          slightly_wrong):
            self.server.on("2410", behaviour)
            told = self.settle()
            self.assertEqual("unknown", told["told"], told)
            end = self.conclusion(told["serial"])
            self.assertEqual(("reversed", "1"), (end["told"], end["result"]))
            reversal = self.server.of("2421")[-1]
            self.assertEqual([b"2410", told["serial"].encode(), self.psn_no.encode(),
                              self.visit_no.encode(), told["serial"][:8].encode()],
                             reversal.params.fields)
            self.assertNotEqual(told["serial"], reversal.serial)
        self.assertEqual("good", self.settle()["told"])

    def test_a_time_out_is_unknown(self):
        self.server.on("2410", silent)
        told = self.settle()
        self.assertEqual("unknown", told["told"])
        self.assertGreaterEqual(told["ms"], 990)
        self.assertEqual("reversed", self.conclusion(told["serial"])["told"])

    def test_nothing_but_a_final_result_ends_it(self):
        self.server.on("2410", close)
        self.server.on("2421", close, refuse(-9001), refuse(-1003), result("9"), result("3"))
        told = self.settle()
        end = self.conclusion(told["serial"])
        self.assertEqual(("reversed", "3"), (end["told"], end["result"]))
        serials = [r.serial for r in self.server.of("2421")]
        self.assertEqual(5, len(serials))
        self.assertEqual(5, len(set(serials)))

    def test_never_arrived(self):
        self.server.on("2410", close)
        self.server.on("2421", result("2"))
        told = self.settle()
        self.assertEqual("2", self.conclusion(told["serial"])["result"])

    def test_it_stands_and_is_found_among_the_days_details(self):
        lost = []

        def details(server, request):
            row = [lost[0].serial, "2410", "GW1", "V1", "S77", "", self.psn_no,
                   "H45010000003", china_time.stamp(), "1", "11", "20.00", "10.00",
                   "0.00", "10.00", "1"]
            return encode_answer(0, "", request.cycle, ["1", "1", "1"], [row])

        def lose(server, request):
            lost.append(request)
            return close(server, request)

        self.server.on("2410", lose)
        self.server.on("2421", refuse(-2503))
        self.server.on("1120", details)
        end = self.conclusion(self.settle()["serial"])
        self.assertEqual(("stands", "S77", 1000),
                         (end["told"], end["out"]["setl_id"], end["out"]["fund"]))
        self.assertEqual("good", self.op("cancel_settlement",
                                         visit_no=self.visit_no)["told"])
        self.assertEqual(b"S77", self.server.of("2430")[0].params.fields[2])

    def test_the_visit_waits_for_its_outcome(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.server.on("2410", close)
        self.server.on("2421", after(hold, result("1")))
        told = self.settle()
        blocked = self.settle()
        self.assertEqual("blocked", blocked["told"])
        self.assertIn(told["serial"], blocked["text"])
        hold.set()
        self.conclusion(told["serial"])
        self.assertEqual("good", self.settle()["told"])

    def test_a_question_is_not_reversed(self):
        self.server.on("2420", close)
        told = self.op("trial", visit_no=self.visit_no)
        self.assertEqual("unknown", told["told"])
        self.assertTrue(self.conclusion(told["serial"])["decided"])
        self.assertEqual([], self.server.of("2421"))


class Restart(CaretCase):
    def test_a_request_without_conclusion_is_reversed_at_start(self):
        self.start(scale=1)
        self.ready_to_settle()
        self.server.on("2410", close)
        told = self.op("settle", visit_no=self.visit_no)
        self.assertEqual([], self.server.of("2421"))
        self.stop()
        self.forget_conclusion()
        self.start()
        self.assertEqual("reversed", self.conclusion(told["serial"])["told"])
        visit = self.op("visit", visit_no=self.visit_no)["visit"]
        self.assertEqual(([], 2000), (visit["settlements"], visit["unsettled_total"]))
        again = self.op("settle", visit_no=self.visit_no)
        self.assertEqual("good", again["told"])
        serials = [r.serial for r in self.server.requests]
        self.assertEqual(len(serials), len(set(serials)))

    def test_yesterdays_is_left_for_reconciliation_after_the_last_rung(self):
        self.start(scale=1)
        self.ready_to_settle()
        self.server.on("2410", close)
        told = self.op("settle", visit_no=self.visit_no)
        self.stop()
        self.forget_conclusion()
        self.date_back(told["serial"])
        self.server.on("2421", *[refuse(-9001)] * 5)
        self.start(scale=0.001)
        self.assertEqual("for_reconciliation", self.conclusion(told["serial"])["told"])
        self.assertEqual(5, len(self.server.of("2421")))
        self.assertEqual("blocked", self.op("settle", visit_no=self.visit_no)["told"])

    def date_back(self, serial):
        with open(self.books_path, encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        for entry in entries:
            if entry["serial"] == serial:
                entry["at"] = "2026-01-01T12:00:00+08:00"
        with open(self.books_path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in entries)

    def forget_conclusion(self):
        """Leave the books as a crash before the conclusion would."""
        with open(self.books_path, encoding="utf-8") as file:
            lines = file.readlines()
        self.assertIn('"conclusion"', lines[-1])
        with open(self.books_path, "w", encoding="utf-8") as file:
            file.writelines(lines[:-1])


class OnDemand(CaretCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.ready_to_settle()
        self.settled = self.op("settle", visit_no=self.visit_no)

    def test_a_good_settlement_reversed(self):
        told = self.op("reverse", serial=self.settled["serial"])
        self.assertEqual(("good", "1"), (told["told"], told["out"]["result"]))
        visit = self.op("visit", visit_no=self.visit_no)["visit"]
        self.assertEqual(([], 2000), (visit["settlements"], visit["unsettled_total"]))

    def test_a_reversal_that_is_refused_leaves_it_posted(self):
        self.server.on("2421", refuse(-2503))
        told = self.op("reverse", serial=self.settled["serial"])
        self.assertEqual(("refused", -2503), (told["told"], told["code"]))
        visit = self.op("visit", visit_no=self.visit_no)["visit"]
        self.assertEqual([self.settled["out"]["setl_id"]],
                         [s["setl_id"] for s in visit["settlements"]])

    def test_a_reversal_without_answer_is_repeated(self):
        self.server.on("2421", close, good)
        told = self.op("reverse", serial=self.settled["serial"])
        self.assertEqual("unknown", told["told"])
        self.assertEqual("reversed", self.conclusion(self.settled["serial"])["told"])

    def test_a_serial_that_was_never_sent(self):
        self.server.on("2421", result("2"))
        told = self.op("reverse", serial="20260101000000-H45010000003-9999", code="2410")
        self.assertEqual("2", told["out"]["result"])


if __name__ == "__main__":
    unittest.main()
