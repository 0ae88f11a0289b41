"""The bytes of danxian, against the examples of the protocol text."""

import unittest

from fepsim.caret_desk import judge
from fepsim.caret_layout import read_output
from fepsim.caret_record import (Record, Request, Unreadable, char_length, clean,
                                 decode_answer, decode_request, encode_answer,
                                 encode_request, free_text, split, structural)

SETTLE = Request(
    "2410", "H45010000003", "000012", "0003-00000012-20261122001",
    "20261122101502-H45010000003-0007", "440100",
    Record(["MZ20261122000045", "GW20261122000000000201", "FP0099881", "11",
            "20261122101455", "", "", "J06.900", "急性上呼吸道感染", "0", "125.55", "陈珅",
            "0"]))
SETTLED = ("0^GW20261122101503000117^0003-00000012-20261122001^GW2026112200000000000778|"
           "FP0099881|125.55|55.65|0.00|69.90|55.65|0.00|0.00|0.00|0.00|0.00|0.00|12.00|"
           "2.26|0.00|111.29|0.00|0.00|^^\r\n").encode("gb18030")
REFUSED = Request(
    "2410", "H44010000002", "GW001", "0002-000GW001-20261122001",
    "20261122110811-H44010000002-0003", "440100",
    Record(["ZY0020011", "NN20261121000000000033", "GZ2026112200400", "21",
            "20261122110805", "20261122100000", "0", "I10.x00", "原发性高血压", "0",
            "800.00", "前置机", "0"]))


class Examples(unittest.TestCase):
    def test_request_of_207_bytes(self):
        line = encode_request(SETTLE)
        self.assertEqual(207, len(line))
        self.assertIn(bytes.fromhex("b3c2ab7c") + b"|0|^1^\r\n", line)
        fields = decode_request(line).params.fields
        self.assertEqual(13, len(fields))
        self.assertEqual("陈珅", free_text(fields[11]))

    def test_answer_of_183_bytes(self):
        self.assertEqual(183, len(SETTLED))
        out = read_output("2410", decode_answer(SETTLED).output)
        self.assertEqual((12555, 5565, 0, 6990), tuple(
            out[n] for n in ("total", "fund", "acct", "cash")))
        fields = SETTLED.split(b"^")[3].decode().split("|")[:-1]
        self.assertEqual(SETTLED, encode_answer(
            0, "GW20261122101503000117", "0003-00000012-20261122001", fields))

    def test_request_of_218_bytes(self):
        self.assertEqual(218, len(encode_request(REFUSED)))

    def test_answer_of_65_bytes(self):
        line = encode_answer(-2303, "", REFUSED.cycle, text="该登记号已结算, 不能重复结算")
        self.assertEqual(65, len(line))
        self.assertEqual(-2303, decode_answer(line).code)

    def test_sign_in_line(self):
        line = encode_request(Request(
            "9100", "H44010000002", "GW001", "", "20261122000005-H44010000002-0001",
            "450100", Record(["secret", "GW4501000001", "20261122000005"])))
        self.assertEqual(
            b"9100^H44010000002^GW001^^20261122000005-H44010000002-0001^450100^"
            b"secret|GW4501000001|20261122000005|^1^\r\n", line)


class Characters(unittest.TestCase):
    def test_names_hold_the_bytes_of_separators(self):
        for name, code in (("罗玘", "c2deab5e"), ("陈珅", "b3c2ab7c"), ("䶮", "fe9f")):
            data = name.encode("gb18030")
            self.assertEqual(code, data.hex())
            for separator in "^|":
                mark = separator.encode()
                self.assertEqual([data, b"x"], split(data + mark + b"x", separator))

    def test_four_byte_character(self):
        data = "㐀".encode("gb18030")
        self.assertEqual(4, len(data))
        self.assertEqual([data, data], split(data + b"|" + data, "|"))

    def test_half_character_swallows_nothing_that_is_safe_behind_it(self):
        for follower in (0x24, 0x0D, 0x0A, 0x20):
            self.assertEqual(1, char_length(bytes([0xB0, follower]), 0))
        self.assertEqual([b"a\xb0 ", b"b"], split(b"a\xb0 |b", "|"))
        self.assertEqual(1, char_length(b"\x81\x30^^", 0))

    def test_separators_in_data_become_full_width(self):
        self.assertEqual("＾｜＄ a  bc〓", clean("^|$\ta\r\nb\x00\x7fc\ufffd"))

    def test_full_width_digits_in_codes(self):
        self.assertEqual("2026x", structural(" ２０２６ｘ ".encode("gb18030")))

    def test_nul_inside_a_code(self):
        self.assertEqual("a", structural(b"a\0\0 "))
        with self.assertRaises(Unreadable):
            structural(b"a\0b")


class Strictness(unittest.TestCase):
    def test_illegal_bytes_in_the_error_text_are_harmless(self):
        line = SETTLED[:-3] + b"\xb0\x20\xff^\r\n"
        told = judge("2410", line)
        self.assertEqual("good", told.told)
        self.assertIn("\ufffd", told.text)

    def test_illegal_bytes_elsewhere_make_it_unknown(self):
        line = SETTLED.replace(b"FP0099881", b"FP\xb0\x20\xff")
        self.assertEqual("unknown", judge("2410", line).told)

    def test_unreadable_answers_are_unknown(self):
        for line in (SETTLED[:90], SETTLED[:-2] + b"\n", b"0^^^\r\n", b"\r\n",
                     SETTLED.replace(b"0^GW", b"good^GW"), SETTLED.replace(b"^GW", b"\r^GW"),
                     SETTLED.replace(b"125.55", b"125.5"), SETTLED.replace(b"0.00", b"-0.00"),
                     SETTLED.replace(b"|0.00|^^", b"|0.00^^"),
                     SETTLED.replace(b"|69.90|", b"|69.91|"),
                     SETTLED.replace(b"GW2026112200000000000778", b"")):
            self.assertEqual("unknown", judge("2410", line).told, line)

    def test_empty_head_of_a_1001_is_read(self):
        told = judge("2410", "-1001^^^^坏^\r\n".encode("gb18030"))
        self.assertEqual(("refused", -1001, "坏"), (told.told, told.code, told.text))

    def test_fields_beyond_the_known_are_ignored_and_missing_ones_empty(self):
        self.assertEqual("good", judge("2410", SETTLED.replace(b"|^^", b"|new|^^more^")).told)
        self.assertEqual(None, judge("2210", b"0^S^C^V1|^^\r\n").out["dedc"])

    def test_classes_of_codes(self):
        def told(transaction, code):
            return judge(transaction, f"{code}^^^^^\r\n".encode()).told
        self.assertEqual("refused", told("2410", -9001))
        self.assertEqual("unknown", told("2410", -9002))
        self.assertEqual("unknown", told("2410", -4711))
        self.assertEqual("refused", told("2100", -4711))

    def test_answer_to_another_request(self):
        self.assertEqual("unknown", judge("2410", SETTLED, expected={"bill": "FP1"}).told)
        self.assertEqual("unknown", judge("2410", SETTLED, cycle="another").told)


if __name__ == "__main__":
    unittest.main()
