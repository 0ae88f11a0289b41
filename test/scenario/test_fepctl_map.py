"""fepctl map check and map test, with the shipped mapping files."""

import json
import pathlib
import unittest

from fepctl import SOURCE, FepctlCase

MAPPINGS = SOURCE / "etc" / "mapping"
MESSAGES = pathlib.Path(__file__).resolve().parent / "messages"
DANXIAN, DAJIZHONG = MAPPINGS / "danxian-450100.cfg", MAPPINGS / "dajizhong-450900.cfg"


class MapCheck(FepctlCase):
    """map check."""

    def test_shipped_mappings_hold(self):
        for path in sorted(MAPPINGS.glob("*.cfg")):
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


if __name__ == "__main__":
    unittest.main()
