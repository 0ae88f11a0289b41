"""What the hospital sends and what it is told, through the control socket."""

import unittest

from caret_server import CaretCase, close, good, refuse, text_of
from fepsim.asking_books import msgid_of


class Hospital(CaretCase):
    def setUp(self):
        super().setUp()
        self.start()

    def sent(self, code):
        request = self.server.of(code)[-1]
        return [text_of(f) for f in request.params.fields]

    def test_person_with_a_rare_character(self):
        told = self.op("person", kind="psn_no", value="45090000000000000010", name="䶮小测")
        self.assertEqual(["3", "45090000000000000010", "䶮小测"], self.sent("2100")[:3])
        self.assertEqual("䶮小测", told["out"]["name"])
        self.assertEqual({"gend": "2", "insutype": "390", "psn_insu_stas": "1",
                          "psn_type": "14", "psn_cert_type": "01"}, told["out"]["national"])
        self.assertEqual(msgid_of(told["serial"]), told["msgid"])

    def test_register(self):
        told = self.register()
        sent = self.sent("2210")
        self.assertEqual(16, len(sent))
        self.assertEqual([self.psn_no, "MZ0001", "11"], sent[:3])
        self.assertEqual(["450100", "H45010000003"], sent[11:13])
        self.assertEqual("罗玘", sent[15])
        self.assertEqual("VMZ0001", told["out"]["visit_id"])

    def test_lines_are_classified_by_this_regions_catalogue(self):
        self.register()
        self.upload({"line_no": 1, "item": "4501-0008", "price": "100.00", "qty": "50"},
                    {"line_no": 2, "item": "4501-0003", "price": "30.00", "qty": "1"},
                    {"line_no": 3, "item": "", "name": "手术", "price": "1000.00", "qty": 1,
                     "level": "B", "ratio": "0.2000", "kind": "2", "fee_cat": "06"})
        self.assertEqual(["MZ0001", "VMZ0001", "3", "6030.00"], self.sent("2310"))
        rows = [[text_of(f) for f in row]
                for row in self.server.of("2310")[-1].params.records]
        self.assertEqual([25, 25, 25], [len(row) for row in rows])
        self.assertEqual(["4501-0008", "玘珅丸＾试｜样", "1", "02"], rows[0][5:9])
        self.assertEqual(["100.0000", "50.0000", "5000.00"], rows[0][9:12])
        self.assertEqual(["1", "0.0500", "0.00", "220.31", "593.83", "4185.86"],
                         rows[0][17:23])
        self.assertEqual(["2", "1.0000", "30.00", "0.00", "0.00", "0.00"], rows[1][17:23])
        self.assertEqual(["", "", "2", "09"], rows[2][5:9])
        self.assertEqual(["1", "0.2000", "0.00", "200.00", "0.00", "800.00"], rows[2][17:23])

    def test_a_settlement_and_its_refund(self):
        self.ready_to_settle()
        self.upload({"line_no": 2, "item": "4501-0001", "price": "5.00", "qty": "1"})
        trial = self.op("trial", visit_no=self.visit_no)
        self.assertEqual(("", 2500), (trial["out"]["setl_id"], trial["out"]["total"]))
        told = self.op("settle", visit_no=self.visit_no, use_acct=1)
        sent = self.sent("2410")
        self.assertEqual(["MZ0001", "VMZ0001"], sent[:2])
        self.assertEqual(["", "", "J06.900", "感冒", "1", "25.00"], sent[5:11])
        self.assertEqual("0", sent[12])
        told = self.op("cancel_settlement", visit_no=self.visit_no)
        self.assertEqual("good", told["told"])
        visit = self.op("visit", visit_no=self.visit_no)["visit"]
        self.assertEqual(([], 2500), (visit["settlements"], visit["unsettled_total"]))

    def test_an_inpatient_leaves_with_a_discharge(self):
        self.op("register", psn_no=self.psn_no, name="罗玘", med_type="22", visit_no="ZY1",
                diag="C34.900", diag_name="肺癌")
        self.assertEqual("21", self.sent("2210")[2])
        self.upload(visit_no="ZY1")
        self.op("settle", visit_no="ZY1", mid=1)
        self.assertEqual(["", ""], self.sent("2410")[5:7])
        self.upload(visit_no="ZY1")
        self.op("settle", visit_no="ZY1", bill="FP1")
        sent = self.sent("2410")
        self.assertEqual(14, len(sent[5]))
        self.assertEqual(["0", "C34.900", "肺癌"], sent[6:9])

    def test_cancelled_details_and_registration(self):
        self.ready_to_settle()
        self.assertEqual("good", self.op("cancel_details", visit_no="MZ0001")["told"])
        self.assertEqual("0000", self.sent("2320")[2])
        self.assertEqual("good", self.op("cancel_register", visit_no="MZ0001")["told"])
        visit = self.op("visit", visit_no="MZ0001")["visit"]
        self.assertEqual((False, 0), (visit["registered"], visit["unsettled_total"]))

    def test_a_refusal_is_told_with_its_code(self):
        self.server.on("2210", refuse(-2002, "参保状态暂停"))
        told = self.register(told="refused")
        self.assertEqual((-2002, "参保状态暂停"), (told["code"], told["text"]))
        self.assertEqual([], self.server.of("2421"))

    def test_what_danxian_cannot_carry_is_not_sent(self):
        told = self.op("register", psn_no=self.psn_no, name="罗玘", med_type="52",
                       visit_no="ZY1")
        self.assertEqual(("refused", -1003, ""),
                         (told["told"], told["code"], told["serial"]))
        self.assertEqual([], self.server.requests)

    def test_the_answer_to_another_bill_is_not_believed(self):
        self.ready_to_settle()

        def another(server, request):
            request.params.fields[2] = b"FP0"
            return server.good(request)

        self.server.on("2410", another)
        self.assertEqual("unknown", self.op("settle", visit_no="MZ0001")["told"])

    def test_visits_survive_a_restart(self):
        self.ready_to_settle()
        self.stop()
        self.start()
        self.op("settle", visit_no=self.visit_no)
        self.assertEqual(["MZ0001", "VMZ0001"], self.sent("2410")[:2])

    def test_the_books_show_requests_before_their_answers(self):
        self.ready_to_settle()
        entries = self.op("books", visit_no="MZ0001")["entries"]
        self.assertEqual(["2210", "2310"], [e["code"] for e in entries])
        self.assertEqual({"1": 2000}, entries[1]["line_amounts"])
        self.assertEqual("good", entries[1]["conclusion"]["told"])


class Bytes(CaretCase):
    def setUp(self):
        super().setUp()
        self.start()

    def test_echo(self):
        self.assertEqual(14, len(self.op("echo")["out"]["server_time"]))
        self.assertEqual(("", "450100"), (self.server.requests[0].cycle,
                                          self.server.requests[0].centre))

    def test_raw_bytes(self):
        told = self.op("raw", hex=b"no caret\r\n".hex())
        self.assertEqual(("answer", "-1001^^^^坏^"), (told["told"], told["text"]))
        self.assertEqual("no_answer",
                         self.op("raw", hex=b"no end".hex(), seconds=0.1)["told"])

    def test_repeat_sends_the_same_bytes_and_changes_nothing(self):
        told = self.register()
        self.server.on("2210", refuse(-1005))
        again = self.op("repeat", serial=told["serial"])
        self.assertEqual(-1005, again["code"])
        self.assertEqual(self.server.lines[-2], self.server.lines[-1])
        self.assertEqual("good", self.conclusion(told["serial"])["told"])

    def test_repeat_of_a_refused_request_decides_it_anew(self):
        self.server.on("2210", refuse(-9001), good)
        told = self.register(told="refused")
        self.assertEqual("good", self.op("repeat", serial=told["serial"])["told"])
        self.assertTrue(self.op("visit", visit_no=self.visit_no)["visit"]["registered"])

    def test_repeat_of_a_refused_request_that_is_lost_is_reversed(self):
        self.server.on("2210", refuse(-9001), close)
        told = self.register(told="refused")
        self.assertEqual("unknown", self.op("repeat", serial=told["serial"])["told"])
        self.assertEqual("reversed", self.conclusion(told["serial"])["told"])

    def test_illegal_bytes_in_a_name_are_shown_as_such(self):
        def damaged(server, request):
            line = server.good(request)
            return line.replace("䶮小测".encode("gb18030"), b"\xb0\x20\xff")
        self.server.on("2100", damaged)
        told = self.op("person", kind="psn_no", value="1")
        self.assertEqual(("good", "\ufffd \ufffd"), (told["told"], told["out"]["name"]))

    def test_bad_json_is_answered(self):
        with self.assertRaises(AssertionError):
            self.op("settle")


if __name__ == "__main__":
    unittest.main()
