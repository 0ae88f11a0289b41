"""Sign-in, the cycle, and the change of day."""

import unittest
from datetime import timedelta

from caret_server import CaretCase, close, cycle_of, good, refuse
from fepsim import china_time
from fepsim.caret_record import encode_answer

YESTERDAY = china_time.stamp(china_time.now() - timedelta(days=1))[:8]


def resumed_yesterday(server, request):
    return encode_answer(0, "", cycle_of(request, YESTERDAY), [china_time.stamp(), "1"])


def signed_in_yesterday(server, request):
    return encode_answer(0, "", cycle_of(request, YESTERDAY), [YESTERDAY + "235959", "0"])


class Cycle(CaretCase):
    def setUp(self):
        super().setUp()
        self.start()

    def codes(self):
        return [r.code for r in self.server.requests]

    def test_signs_in_once_when_first_needed(self):
        self.register("MZ1")
        self.register("MZ2")
        self.assertEqual(["9100", "2210", "2210"], self.codes())
        sign_in, register, _ = self.server.requests
        self.assertEqual(("", "450100"), (sign_in.cycle, sign_in.centre))
        self.assertEqual([b"secret", b"DX4501000001"], sign_in.params.fields[:2])
        self.assertEqual("0003-00000012-" + china_time.today() + "001", register.cycle)
        self.assertEqual("450900", register.centre)

    def test_not_signed_in_is_sent_again_under_the_same_serial(self):
        self.server.on("2210", refuse(-9101), good)
        told = self.register()
        first, second = self.server.of("2210")
        self.assertEqual(first.serial, second.serial)
        self.assertEqual(told["serial"], second.serial)
        self.assertEqual(["9100", "2210", "9100", "2210"], self.codes())

    def test_refused_sign_in_sends_nothing(self):
        self.server.on("9100", refuse(-1004))
        told = self.register(told="not_sent")
        self.assertEqual(-1004, told["code"])
        self.assertEqual(["9100"], self.codes())

    def test_each_institution_has_its_own_cycle(self):
        self.op("signin")
        told = self.op("signin", hospital="H45010000004")
        self.assertEqual("0004-00000012-" + china_time.today() + "001", told["out"]["cycle"])

    def test_day_change(self):
        self.server.on("9100", signed_in_yesterday)
        self.register("MZ0")
        self.upload(visit_no="MZ0")
        self.op("settle", visit_no="MZ0")
        self.server.on("2210", refuse(-9102), good)
        self.register()
        self.assertEqual(["2410", "2210", "1110", "9110", "9100", "2210"], self.codes()[-6:])
        totals, = self.server.of("1110")
        self.assertEqual([YESTERDAY, "", "1", "0", "20.00", "0.00", "0.00", "20.00"],
                         [f.decode() for f in totals.params.fields])
        self.assertEqual([b"0"], self.server.of("9110")[0].params.fields)
        old, new = self.server.of("2210")[-2:]
        self.assertEqual(old.serial, new.serial)
        self.assertIn(YESTERDAY, old.cycle)
        self.assertIn(china_time.today(), new.cycle)

    def test_a_difference_does_not_keep_the_day_open(self):
        self.server.on("9100", signed_in_yesterday)
        self.register("MZ0")
        self.server.on("1110", lambda server, request: encode_answer(
            0, "", request.cycle, ["1", "7", "0", "1.00", "0.00", "0.00", "1.00"]))
        self.server.on("2210", refuse(-9102))
        self.register()
        self.assertEqual([b"1"], self.server.of("9110")[0].params.fields)

    def test_sign_out_that_wants_reconciliation_is_forced(self):
        self.server.on("9100", signed_in_yesterday)
        self.register("MZ0")
        self.server.on("2210", refuse(-9102))
        self.server.on("9110", refuse(-2601))
        self.register()
        self.assertEqual([[b"0"], [b"1"]],
                         [r.params.fields for r in self.server.of("9110")])

    def test_a_resumed_cycle_of_yesterday_is_closed_first(self):
        self.server.on("9100", resumed_yesterday)
        self.register()
        self.assertEqual(["9100", "1110", "9110", "9100", "2210"], self.codes())

    def test_the_day_change_waits_for_unknown_outcomes(self):
        self.server.on("9100", signed_in_yesterday)
        self.register("MZ0")
        self.upload(visit_no="MZ0")
        self.server.on("2410", close)
        self.op("settle", visit_no="MZ0")
        self.server.on("2210", refuse(-9102))
        self.register()
        codes = self.codes()
        self.assertLess(codes.index("2421"), codes.index("9110"))


class OwnTotals(CaretCase):
    def test_what_was_reversed_or_cancelled(self):
        self.start()
        for number in ("MZ1", "MZ2"):
            self.register(number)
            self.upload(visit_no=number)
            told = self.op("settle", visit_no=number)
        self.op("reverse", serial=told["serial"])
        self.op("cancel_settlement", visit_no="MZ1")
        told = self.op("totals")
        self.assertEqual((1, 1, 2000), tuple(told["out"]["own"][n] for n in (
            "settlements", "cancellations", "total")))
        self.assertEqual("0", told["out"]["differs"])


if __name__ == "__main__":
    unittest.main()
