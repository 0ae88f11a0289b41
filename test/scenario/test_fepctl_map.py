"""fepctl map: check, test, golden, coverage and import-copybook, with the shipped mapping files."""

import json
import pathlib
import re
import shutil
import unittest

from fepctl import SOURCE, FepctlCase

MAPPINGS = SOURCE / "etc" / "mapping"
MESSAGES = pathlib.Path(__file__).resolve().parent / "messages"
DANXIAN, DAJIZHONG = MAPPINGS / "danxian-450100.cfg", MAPPINGS / "dajizhong-450900.cfg"


class MapCheck(FepctlCase):
    """map check."""

    def test_shipped_mappings_hold(self):
        for path in sorted(MAPPINGS.rglob("*.cfg")):
            with self.subTest(path.name):
                out, err = self.expect(0, "map", "check", path)
                self.assertEqual("", err)
                self.assertIn("no problems", out)

    def test_problems_name_file_and_line(self):
        text = DANXIAN.read_text(encoding="utf-8")
        broken = self.directory / "broken.cfg"
        broken.write_text(text.replace("charset =", "charsett =", 1), encoding="utf-8")
        line = text[:text.index("charset =")].count("\n") + 1
        _, err = self.expect(100, "map", "check", broken, "--base", SOURCE / "etc")
        self.assertRegex(err, rf"broken\.cfg:{line}: .*charsett")
        self.assertIn("FEP-5020", err)

    def without(self, mapping, part):
        """Write a mapping in which rules that hold `part` are replaced by one that sets nothing of interest."""
        head, tail = mapping.read_text(encoding="utf-8").split("\ntransactions = (", 1)
        lines = []
        for line in tail.splitlines(keepends=True):
            at = line.find(part)
            while at >= 0:
                begin, depth, end = line.rindex("(\"", 0, at + 2), 0, 0
                for end in range(begin, len(line)):
                    depth += {"(": 1, ")": -1}.get(line[end], 0)
                    if depth == 0:
                        break
                line = line[:begin] + '("-", "envelope.x", "=1")' + line[end + 1:]
                at = line.find(part)
            lines.append(line)
        broken = self.directory / "broken.cfg"
        broken.write_text(head + "\ntransactions = (" + "".join(lines), encoding="utf-8")
        return broken

    def test_missing_required_fields_are_found_on_both_sides(self):
        for mapping, part, expected in (
                (DANXIAN, '("PSN-NO", "data.psn_no"', "2201 is served: its canonical request must have data.psn_no"),
                (DANXIAN, '("MED-CAT", ', "2207 is served: its canonical request must have data.med_type"),
                (DANXIAN, '"data.setl_id"', "2305 is served: its canonical request must have data.setl_id"),
                (DAJIZHONG, '("RQ-PSN-NO", ', "field RQ-PSN-NO of 200001-Q is required and no rule fills it"),
                (DAJIZHONG, '-MED-CAT", ', "field SQ-MED-CAT of 400002-Q is required and no rule fills it"),
                (DAJIZHONG, '"data.setl_id"', "field CQ-ORG-SETL-NO of 400003-Q is required and no rule fills it"),
                (DAJIZHONG, '"setlinfo.psn_cash_pay")',
                 "2304 is asked: its canonical answer must have setlinfo.psn_cash_pay")):
            with self.subTest(mapping=mapping.name, part=part):
                _, err = self.expect(100, "map", "check", self.without(mapping, part), "--base", SOURCE / "etc")
                self.assertRegex(err, rf"broken\.cfg:\d+: {expected}")

    def test_update_without_its_person_is_found(self):
        text = DANXIAN.read_text(encoding="utf-8").replace('    person = "data.psn_no";\n', "\n")
        (self.directory / "broken.cfg").write_text(text, encoding="utf-8")
        _, err = self.expect(100, "map", "check", self.directory / "broken.cfg", "--base", SOURCE / "etc")
        line = text[:text.index('{ infno = "2304"')].count("\n") + 1
        self.assertRegex(err, rf"broken\.cfg:{line}: person is missing: 2304 is an update")

    def test_it_does_not_hold_what_nothing_was_there_to_hold_it_against(self):
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace(f"{SOURCE}/schema", "nowhere"), encoding="utf-8")
        out, err = self.expect(100, "map", "check", DANXIAN)
        self.assertNotIn("no problems", out)
        for name in ("transactions.cfg", "canonical.cfg", "wire.cfg"):
            self.assertIn(f"nowhere/{name}", err)

    def test_file_that_is_not_there(self):
        self.assertNotEqual(0, self.run_fepctl("map", "check", self.directory / "nothing.cfg").returncode)


class MapTest(FepctlCase):
    """map test: one message's journey."""

    def test_local_request_and_its_answer(self):
        out, _ = self.expect(0, "map", "test", DANXIAN, MESSAGES / "danxian-2100.json")
        self.assertRegex(out, r'KIND "2" -> data\.mdtrt_cert_type "02" +danxian-450100\.cfg:\d+')
        self.assertIn("infno=1101 msgid=H45010000001202611221000000001 treat=450100 insured=450900", out)
        self.assertRegex(out, r'BALANCE "12\.30" <- \S*balc "12\.30?"')

    def test_canonical_request_and_its_answer(self):
        out, _ = self.expect(0, "map", "test", DAJIZHONG, MESSAGES / "dajizhong-100001.json")
        self.assertRegex(out, r'PQ-KIND "I" <- data\.mdtrt_cert_type "02"')
        self.assertIn("local transaction  100001", out)
        self.assertRegex(out, r'PR-INS-TYPE\[1\] "Z1" -> insutype "310"')

    def test_personal_fields_are_masked_unless_asked_for(self):
        for mapping, message in ((DANXIAN, "danxian-2100.json"), (DAJIZHONG, "dajizhong-100001.json")):
            with self.subTest(message):
                out, err = self.expect(0, "map", "test", mapping, MESSAGES / message)
                for secret in ("林测试", "450902198001010011", "19800101"):
                    self.assertNotIn(secret, out + err)
                out, _ = self.expect(0, "map", "test", "--show", mapping, MESSAGES / message)
                self.assertIn('"林测试"', out)
                self.assertIn('"450902198001010011"', out)

    def changed(self, message, change):
        """Run a sample message after `change` was made to it."""
        sample = json.loads((MESSAGES / message).read_text(encoding="utf-8"))
        change(sample)
        return json.dumps(sample, ensure_ascii=False)

    def test_code_that_is_not_mapped_names_its_field_and_line(self):
        given = self.changed("danxian-2100.json", lambda sample: sample["body"].update(KIND="8"))
        _, err = self.expect(1, "map", "test", DANXIAN, given=given)
        self.assertRegex(err, r"^fepctl: \d{4} field KIND \(danxian-450100\.cfg:\d+\)")

    def test_what_is_wrong_with_the_message_is_said(self):
        for change, code, part in (
                (lambda sample: sample.update(direction="up"), 1, "in or out expected"),
                (lambda sample: sample.update(local="0000"), 1, "0000"),
                (lambda sample: sample["body"].update(NOSUCH="1"), 1, "NOSUCH"),
                (lambda sample: sample.update(body=[1]), 1, "an object with its fields"),
                (lambda sample: sample.update(head={}), 1, "")):
            _, err = self.expect(code, "map", "test", DANXIAN, given=self.changed("danxian-2100.json", change))
            self.assertIn(part, err)
            self.assertRegex(err, r"^fepctl: (FEP-)?\d{4} ")

    def test_message_that_is_no_json(self):
        for text in ("", "[]", '{"direction": ', "\0" * 9, "[" * 1000):
            with self.subTest(text[:12]):
                self.expect(100, "map", "test", DANXIAN, given=text)


def load_exactly(text):
    """Read JSON with the digits of its numbers kept, as marked texts."""
    return json.loads(text, parse_float=lambda digits: f"@@{digits}")


def dump_exactly(tree):
    """Write it again."""
    return re.sub(r'"@@([^"]+)"', r"\1", json.dumps(tree, ensure_ascii=False))


class Goldens(FepctlCase):
    """map golden and map coverage."""

    def goldens_of(self, mapping):
        """Copy the goldens of a mapping to where they may be changed."""
        target = self.directory / "goldens"
        shutil.copytree(MAPPINGS / "goldens" / mapping.stem, target)
        return target

    def change(self, path, change):
        """Rewrite a file of goldens."""
        cases = load_exactly(path.read_text(encoding="utf-8"))
        change(cases)
        path.write_text(dump_exactly(cases), encoding="utf-8")

    def test_shipped_goldens_hold_and_cover_what_is_required(self):
        for mapping in sorted(MAPPINGS.glob("*.cfg")):
            with self.subTest(mapping.name):
                out, _ = self.expect(0, "map", "golden", mapping)
                self.assertRegex(out, r"^\d\d+ goldens, 0 not as expected\n$")
                out, _ = self.expect(0, "map", "coverage", mapping)
                self.assertNotIn("!!", out)
                self.assertIn("required and not covered: 0", out)
                counts = re.search(r"^transactions (\d+) / (\d+)$", out, re.MULTILINE)
                self.assertEqual(counts.group(1), counts.group(2))

    def test_what_differs_is_named(self):
        goldens = self.goldens_of(DAJIZHONG)
        path = goldens / "2304-settlement-in-patient.json"
        before = path.read_text(encoding="utf-8")
        for change, expected in (
                (lambda c: c[0]["expect"]["body"].update({"SQ-HIS-TOTAL": "14000.0"}),
                 r'expect\.body\.SQ-HIS-TOTAL: expected "14000\.0", got "14000\.00"'),
                (lambda c: c[0]["expect"]["body"].pop("SQ-BILL-NO"),
                 r"expect\.body\.SQ-BILL-NO: expected nothing, got"),
                (lambda c: c[1]["expect"]["body"]["input"]["data"].update(extra="1"),
                 r'expect\.body\.input\.data\.extra: expected "1", got nothing'),
                (lambda c: c[1]["answer"]["output"]["setlinfo"].update(psn_cash_pay=1),
                 r"expect_answer: expected .*, got \{\"error\":\d+"),
                (lambda c: c[0].pop("expect"), r"settlement, in-patient, asked: expect is missing; got"),
                (lambda c: c[0].update(direction="up"), r"in or out expected"),
                (lambda c: c[1]["body"].update(NOSUCH="1"), r"has no field NOSUCH")):
            with self.subTest(expected):
                path.write_text(before, encoding="utf-8")
                self.change(path, change)
                out, _ = self.expect(1, "map", "golden", DAJIZHONG, goldens)
                self.assertRegex(out, r"2304-settlement-in-patient\.json: " + r"[^\n]*" + expected)
                self.assertRegex(out, r"goldens, 1 not as expected")
                self.expect(1, "map", "coverage", DAJIZHONG, goldens)

    def test_refusals_are_goldens_too(self):
        goldens = self.goldens_of(DANXIAN)
        path = goldens / "1101-person.json"

        def refuse(cases):
            cases[1]["body"]["KIND"] = "8"
            cases[1]["expect"] = {"error": 1003, "text": "field KIND"}
        self.change(path, refuse)
        self.expect(0, "map", "golden", DANXIAN, goldens)
        self.change(path, lambda cases: cases[1]["expect"].update(error=1001))
        out, _ = self.expect(1, "map", "golden", DANXIAN, goldens)
        self.assertIn('expect: expected {"error":1001', out)

    def test_they_are_written_anew_only_when_told(self):
        goldens = self.goldens_of(DANXIAN)
        path = goldens / "3201-totals.json"
        before = json.loads(path.read_text(encoding="utf-8"))
        self.change(path, lambda cases: cases[0].pop("expect"))
        self.expect(1, "map", "golden", DANXIAN, goldens)
        self.assertNotIn("expect", json.loads(path.read_text(encoding="utf-8"))[0])
        self.expect(0, "map", "golden", DANXIAN, goldens, "--overwrite")
        self.assertEqual(before[0]["expect"], json.loads(path.read_text(encoding="utf-8"))[0]["expect"])
        self.expect(0, "map", "golden", DANXIAN, goldens)

    def test_what_nothing_exercises_is_listed(self):
        goldens = self.goldens_of(DAJIZHONG)
        (goldens / "2305-cancel-of-a-settlement-in-patient.json").unlink()
        (goldens / "codes.json").unlink()
        out, _ = self.expect(1, "map", "coverage", DAJIZHONG, goldens)
        for line in (r"!! transaction: 2305 400003 request in dajizhong-450900\.cfg:\d+",
                     r"!! transaction: 2305 400003 answer in dajizhong-450900\.cfg:\d+",
                     r"-  code: list cert_type out: 05 -> GAZ"):
            self.assertRegex(out, line)
        self.assertNotRegex(out, r"rule: 2305")
        self.assertRegex(out, r"required and not covered: 4\n$")

    def test_missing_codes_alone_are_no_failure(self):
        goldens = self.goldens_of(DAJIZHONG)
        (goldens / "codes.json").unlink()
        out, _ = self.expect(0, "map", "coverage", DAJIZHONG, goldens)
        self.assertIn("code: list", out)

    def test_a_directory_without_goldens(self):
        self.expect(100, "map", "golden", DAJIZHONG, self.directory / "nothing")
        (self.directory / "empty").mkdir()
        for command in ("golden", "coverage"):
            self.expect(100, "map", command, DAJIZHONG, self.directory / "empty")


FIELD = re.compile(r'\("([^"]+)", *"(text|code|digits|decimal|ratio)", *(\d+)(?:, *(\d+))?(?:, *"([^"]*)")?\)')


def read_layouts(text):
    """Read what stands in `layouts`: name -> fields, group, fields of the group."""
    text = text[text.index("layouts = ("):]
    text = text[:re.search(r"\n(?:\);|local_only|head =|transactions)", text).start()]
    found = {}
    for part in re.split(r"\n  \{ name = ", text)[1:]:
        group = re.search(r'group = \{ name = "([^"]+)"; max = (\d+)', part)
        cut = group.start() if group else len(part)
        found[re.match(r'"([^"]+)"', part).group(1)] = (
            FIELD.findall(part[:cut]), group.groups() if group else None, FIELD.findall(part[cut:]))
    return found


class ImportCopybook(FepctlCase):
    """map import-copybook."""

    COPYBOOK = SOURCE / "test" / "data" / "dajizhong.cpy"

    def write(self, *lines):
        """Write a copybook."""
        path = self.directory / "book.cpy"
        path.write_text("".join(f"       {line}\n" for line in lines), encoding="utf-8")
        return path

    def test_the_copybook_of_dajizhong_gives_the_layouts_of_its_mapping(self):
        out, _ = self.expect(0, "map", "import-copybook", self.COPYBOOK)
        printed, shipped = read_layouts(out), read_layouts(DAJIZHONG.read_text(encoding="utf-8"))
        self.assertGreater(len(printed), 30)
        for name, layout in printed.items():
            with self.subTest(name):
                self.assertEqual(shipped[name], layout)
        # What is not of the protocol: the pages that the module makes of files; the catalogue's first and last record.
        self.assertLessEqual(set(shipped) - set(printed), {"MX-Q", "MX-R", "ML-Q", "ML-R", "ML-H", "ML-T"})

    def test_the_printed_layouts_load(self):
        out, _ = self.expect(0, "map", "import-copybook", self.write(
            "01 HEAD. *> [layout head-Q]", "   05 M PIC X(20). *> [code]",
            "01 BODY. *> [layout T1-Q]", "   05 F PIC X(30). *> [required]", "   05 N PIC 9(4).",
            "   05 FILLER PIC X(2)."))
        (self.directory / "map.cfg").write_text(
            'name = "t"; system = "t"; family = "t"; charset = "GBK"; region = "450100";\nmsgid = ( ("M", 0, 4) );\n'
            'errors = ( ("0", "N", 1) ); errors_default = ( ("N", "1"), ("R", "2"), ("U", "3") );\n' + out +
            'transactions = ( { infno = "1101"; local = "T1"; request = ( ("F", "data.f"), ("N", "data.n") ); } );\n',
            encoding="utf-8")
        _, err = self.expect(100, "map", "check", self.directory / "map.cfg")
        self.assertNotIn("layout", err.replace("no rule", ""))

    def test_kinds_of_fields(self):
        out, _ = self.expect(0, "map", "import-copybook", self.write(
            "01  A.", "   03 G1.", "      05 T PIC XXX.", "      05 C PIC X(20). *> [code personal]",
            "   03 D PICTURE IS 9(8) USAGE IS DISPLAY.", "   03 R PIC 9V9(4).", "   03 S PIC S9(8)V9(4)",
            "        SIGN IS LEADING SEPARATE CHARACTER.", "   03 M PIC S9(12) SIGN LEADING SEPARATE VALUE ZERO.",
            "   88 M-NONE VALUE 0.", "   03 ROWS OCCURS 0 TO 50 TIMES DEPENDING ON N.", "      05 X PIC X."))
        self.assertEqual({"A": ([("T", "text", "3", "", ""), ("C", "code", "20", "", "personal"),
                                 ("D", "digits", "8", "", ""), ("R", "ratio", "5", "4", ""),
                                 ("S", "decimal", "13", "4", ""),
                                 ("M", "decimal", "13", "0", "")],
                                ("ROWS", "50"), [("X", "text", "1", "", "")])}, read_layouts(out))

    def test_amounts_in_fen(self):
        out, _ = self.expect(0, "map", "import-copybook", self.write(
            "*> [amounts in fen]", "01 A.", "   05 M PIC S9(12) SIGN LEADING SEPARATE.", "   05 D PIC 9(8)."))
        self.assertEqual([("M", "decimal", "13", "2", ""), ("D", "digits", "8", "", "")], read_layouts(out)["A"][0])

    def test_old_cards(self):
        path = self.directory / "cards.cpy"
        path.write_text("000100 01 A.".ljust(72) + "OLDMARK1\n" + "000200*   A COMMENT.\n" +
                        "000300    05 F PIC X(5).".ljust(72) + "OLDMARK2\n", encoding="utf-8")
        out, _ = self.expect(0, "map", "import-copybook", path)
        self.assertEqual([("F", "text", "5", "", "")], read_layouts(out)["A"][0])

    def test_what_can_not_be_declared_is_refused_with_the_reason(self):
        for item, reason in (
                ("05 F PIC S9(5) COMP-3.", "packed and binary numbers"),
                ("05 F PIC S9(5) USAGE COMP.", "packed and binary numbers"),
                ("05 F PIC 9(5) BINARY.", "packed and binary numbers"),
                ("05 F REDEFINES G PIC X(5).", "REDEFINES: the same bytes with two meanings"),
                ("05 F PIC S9(5).", "the sign would be punched into a digit"),
                ("05 F PIC S9(5) SIGN TRAILING SEPARATE.", "SIGN TRAILING"),
                ("05 F OCCURS 5 TIMES.", "OCCURS without TO and DEPENDING ON"),
                ("05 F OCCURS 1 TO 5 TIMES.", "OCCURS without DEPENDING ON"),
                ("05 F PIC X OCCURS 1 TO 5 DEPENDING ON N.", "a table of single values"),
                ("05 F PIC ZZ9.", "only X(n), 9(n)"),
                ("05 F PIC X(0).", "a number from 1"),
                ("05 F PIC 9(30).", "at most 18 digits"),
                ("COPY OTHER.", "expected a level"),
                ("05 F PIC X(5) JUSTIFIED.", '"JUSTIFIED" is not understood'),
                ("05 G PIC X(5).", "G stands twice"),
                ("05 F PIC X(5)", "does not end with a full stop")):
            with self.subTest(item):
                book = self.write("01 A.", "   05 G PIC X.", "   " + item)
                out, err = self.expect(100, "map", "import-copybook", book)
                self.assertEqual("", out)
                self.assertRegex(err, r"book\.cpy:3: ")
                self.assertIn(reason, err)

    def test_order_of_a_record(self):
        rows = ("01 A.", "   05 ROWS OCCURS 0 TO 5 DEPENDING ON N.", "      10 X PIC X.")
        for lines, reason in ((rows + ("   05 Y PIC X.",), "stands behind the table ROWS"),
                              (rows + ("   05 T OCCURS 0 TO 5 DEPENDING ON N.",), "a second table"),
                              (("05 F PIC X.",), "stands before the first 01"), ((), "there is no record")):
            _, err = self.expect(100, "map", "import-copybook", self.write(*lines))
            self.assertIn(reason, err)
        self.expect(100, "map", "import-copybook", self.directory / "nothing.cpy")


if __name__ == "__main__":
    unittest.main()
