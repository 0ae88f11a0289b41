"""The byte rules of `dajizhong`, against the protocol text's own examples."""

import unittest

from fepsim.djz_copybook import ANSWERS, HEADER, REQUESTS
from fepsim.djz_record import (HEADER_SIZE, Unreadable, build, content_of, decode_free_text,
                               decode_identifier, encode_body, encode_text, frame, mac_of,
                               overlay, read_answer, read_request)

HEADER_OF_EXAMPLE = {
    "H-KIND": "Q", "H-TRAN": "400002", "H-DIR": "2", "H-SENDER": "GW4509000001",
    "H-RECEIVER": "DJ4509000001", "H-SERIAL": "20261122000000001234",
    "H-TREAT-RGN": "440100", "H-INSU-RGN": "450900", "H-HOSP": "H44010000002",
    "H-OPER": "GW", "H-DATE": "20261122", "H-TIME": "113005", "H-BUS-DATE": "20261122"}

SETTLE_OF_EXAMPLE = {
    "SQ-CTR-VISIT": "DJ202611150000000091", "SQ-VISIT-NO": "ZY0021777",
    "SQ-PSN-NO": "45090000000000055512", "SQ-BILL-NO": "GZ2026112200512",
    "SQ-MED-CAT": "10", "SQ-TIME": "20261122113001", "SQ-OUT-TIME": "20261122103000",
    "SQ-OUT-REASON": "0", "SQ-OUT-DIAG": "K80.100", "SQ-OUT-DIAG-NAME": "胆囊结石伴慢性胆囊炎",
    "SQ-ACCT-FLAG": "Y", "SQ-MID-FLAG": "N", "SQ-HIS-TOTAL": 1106567}

SETTLED_OF_EXAMPLE = {
    "SR-SETL-NO": "DJS20261122000000451", "SR-BILL-NO": "GZ2026112200512",
    "SR-TOTAL": 1106567, "SR-FUND": 957272, "SR-ACCT": 123456, "SR-CASH": 25839,
    "SR-POOL": 906889, "SR-LARGE": 0, "SR-ILLNESS": 0, "SR-CIVIL": 50383, "SR-CORP": 0,
    "SR-AID": 0, "SR-OTHER": 0, "SR-FULLSELF": 12000, "SR-PRESELF": 46913, "SR-OVERLMT": 0,
    "SR-INSCOPE": 1047654, "SR-DEDC": 40000, "SR-BALANCE": 0}

FIRST_BYTES = bytes.fromhex(
    "30 30 30 34 36 32 30 31 51 34 30 30 30 30 32 32 47 57 34 35 30 39 30 30 30 30 30 31 44 4A"
    "34 35 30 39 30 30 30 30 30 31 32 30 32 36 31 31 32 32 30 30 30 30 30 30 30 30 31 32 33 34"
    "20 20 20 20")

# Sizes of the copybook: transaction, fixed part and group of the request and of the answer.
SIZES = {
    "100001": (91, 0, 122, 110), "200001": (378, 0, 53, 0), "200002": (40, 0, 0, 0),
    "300001": (53, 495, 13, 104), "300002": (41, 20, 4, 0), "400001": (206, 0, 261, 0),
    "400002": (206, 0, 261, 0), "400003": (174, 0, 281, 0), "500001": (48, 0, 21, 0),
    "500002": (48, 0, 33, 0), "600001": (0, 72, 0, 73), "600002": (10, 0, 93, 0),
    "600003": (103, 0, 0, 0), "700001": (15, 0, 113, 0), "800001": (116, 0, 0, 57),
    "900001": (34, 0, 24, 0), "900002": (0, 0, 0, 0)}


def example_request() -> bytes:
    return build(HEADER_OF_EXAMPLE, encode_body(REQUESTS["400002"], SETTLE_OF_EXAMPLE))


class Copybook(unittest.TestCase):
    def test_sizes_are_the_printed_ones(self):
        self.assertEqual(HEADER.size, 256)
        for tran, sizes in SIZES.items():
            with self.subTest(tran):
                asked, answered = REQUESTS[tran], ANSWERS[tran]
                self.assertEqual((asked.fixed.size, asked.group.size,
                                  answered.fixed.size, answered.group.size), sizes)

    def test_offsets_at_the_ends_are_the_printed_ones(self):
        for place, offset in ((HEADER["H-FILLER"], 239), (HEADER["H-MAC"], 231),
                              (REQUESTS["300001"].group["FQ-APPR-NO"], 475),
                              (REQUESTS["400002"].fixed["SQ-HIS-TOTAL"], 193),
                              (ANSWERS["400003"].fixed["SR-ORG-SETL-NO"], 261),
                              (ANSWERS["100001"].group["PR-UNIT"], 50),
                              (ANSWERS["500002"].fixed["IR-ORG-LEN"], 27)):
            with self.subTest(place.name):
                self.assertEqual(place.offset, offset)


class PrintedExamples(unittest.TestCase):
    def test_good_settlement_request(self):
        data = frame(example_request())
        self.assertEqual(len(data), 468)
        self.assertEqual(data[:64], FIRST_BYTES)
        self.assertEqual(mac_of(data[6:]), "4EFAD19D")
        self.assertEqual(data[6 + 231:6 + 239], b"4EFAD19D")

    def test_good_settlement_answer(self):
        header = HEADER_OF_EXAMPLE | {
            "H-KIND": "R", "H-SENDER": "DJ4509000001", "H-RECEIVER": "GW4509000001",
            "H-TIME": "113006", "H-RET-CODE": "000000", "H-RET-MSG": "交易成功",
            "H-CTR-SERIAL": "DJ202611221130060088"}
        record = build(header, encode_body(ANSWERS["400002"], SETTLED_OF_EXAMPLE))
        self.assertEqual(len(frame(record)), 523)
        self.assertEqual(mac_of(record), "0C03A81F")
        self.assertEqual(read_answer(record).values, SETTLED_OF_EXAMPLE)

    def test_undecided_settlement_of_the_other_direction(self):
        header = HEADER_OF_EXAMPLE | {
            "H-DIR": "1", "H-SENDER": "DJ4509000001", "H-RECEIVER": "GW4509000001",
            "H-SERIAL": "20261122000000000093", "H-TREAT-RGN": "450900",
            "H-INSU-RGN": "451200", "H-HOSP": "H45090000001", "H-OPER": "1007",
            "H-TIME": "162040"}
        body = encode_body(REQUESTS["400002"], {
            "SQ-CTR-VISIT": "GW202611200000000561", "SQ-VISIT-NO": "ZY2026110123",
            "SQ-PSN-NO": "45120000000000099999", "SQ-BILL-NO": "FP2026112200391",
            "SQ-MED-CAT": "10", "SQ-TIME": "20261122162038", "SQ-OUT-TIME": "20261122150000",
            "SQ-OUT-REASON": "0", "SQ-OUT-DIAG": "I63.900", "SQ-OUT-DIAG-NAME": "脑梗死",
            "SQ-ACCT-FLAG": "N", "SQ-MID-FLAG": "N", "SQ-HIS-TOTAL": 620815})
        request = build(header, body)
        self.assertEqual((len(frame(request)), mac_of(request)), (468, "D8EC216C"))
        answer = build(header | {
            "H-KIND": "R", "H-SENDER": "GW4509000001", "H-RECEIVER": "DJ4509000001",
            "H-TIME": "162140", "H-RET-CODE": "900002",
            "H-RET-MSG": "参保地处理超时, 结果未知, 请查询原交易"})
        self.assertEqual((len(frame(answer)), mac_of(answer)), (262, "F14F4FDE"))

    def test_reading_gives_back_what_was_written(self):
        record = read_request(example_request())
        self.assertEqual(record.values, SETTLE_OF_EXAMPLE)
        self.assertEqual(record.bad, [])
        self.assertEqual(record.header["H-RET-CODE"], "")

    def test_content_leaves_out_the_clock(self):
        request = example_request()
        later = overlay(request, {"H-DATE": 20261123, "H-TIME": 1, "H-BUS-DATE": 20261123})
        self.assertEqual(content_of(request), content_of(later))
        other = overlay(request, {"H-OPER": "GX"})
        self.assertNotEqual(content_of(request), content_of(other))


class Text(unittest.TestCase):
    def test_cut_at_a_character_boundary(self):
        self.assertEqual(encode_text("吐尔逊", 5), "吐尔".encode("gbk") + b" ")

    def test_what_gbk_lacks_becomes_the_geta_sign(self):
        self.assertEqual(encode_text("䶮小", 6), b"\xa1\xfe" + "小".encode("gbk") + b"  ")

    def test_control_characters_become_blanks(self):
        self.assertEqual(encode_text("a\tb\n", 5), b"a b  ")

    def test_blanks_nul_and_a_lone_lead_byte_are_dropped(self):
        self.assertEqual(decode_free_text(b"\xb3\xc2\xab\x7c \0 "), "陈珅")
        self.assertEqual(decode_free_text("覃检".encode("gbk")[:3]), "覃")
        self.assertEqual(decode_identifier(b"ZY1\xb0  ", "X"), "ZY1")

    def test_illegal_bytes_end_an_identifier_but_not_a_name(self):
        self.assertEqual(decode_free_text(b"\xb0\x20\xffok"), "\ufffd \ufffdok")
        with self.assertRaises(Unreadable):
            decode_identifier(b"\xb0\x20\xff0", "H-HOSP")

    def test_full_width_letters_are_folded_in_identifiers(self):
        self.assertEqual(decode_identifier("ＺＹ１２".encode("gbk"), "X"), "ZY12")


class Numbers(unittest.TestCase):
    def settle_with(self, field: str, raw: bytes):
        request = bytearray(example_request())
        place = REQUESTS["400002"].fixed[field]
        start = HEADER_SIZE + place.offset
        request[start:start + place.size] = raw
        return read_request(bytes(request))

    def test_a_blank_sign_is_plus(self):
        record = self.settle_with("SQ-HIS-TOTAL", b" 000000000123")
        self.assertEqual(record.values["SQ-HIS-TOTAL"], 123)

    def test_other_signs_and_digits_are_refused(self):
        for raw in (b"*000000000123", b"0000000000123", b"+00000000 123", b" " * 13,
                    b"+00000000\xa3\xb123"):
            with self.subTest(raw):
                self.assertEqual(self.settle_with("SQ-HIS-TOTAL", raw).bad, ["SQ-HIS-TOTAL"])

    def test_an_empty_time_is_zeros_or_blanks(self):
        for raw in (b"0" * 14, b" " * 14):
            self.assertEqual(self.settle_with("SQ-OUT-TIME", raw).values["SQ-OUT-TIME"], "")
        self.assertEqual(self.settle_with("SQ-OUT-TIME", b"20261322000000").bad,
                         ["SQ-OUT-TIME"])

    def test_the_length_must_be_exact(self):
        for wrong in (example_request() + b" ", example_request()[:-1]):
            with self.assertRaises(Unreadable):
                read_request(wrong)


if __name__ == "__main__":
    unittest.main()
