"""fepctl adapter describe and selftest, and the option tables of the READMEs, which are made by describe."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

from fepctl import BUILD, SOURCE, FepctlCase

MODULES = ("null", "loopback", "caret", "fixed", "soap")
TABLES = SOURCE / "adapters" / "option_tables.py"


def module(name: str) -> pathlib.Path:
    """Return a module of the build."""
    return BUILD / "adapters" / name / f"{name}.so"


class Describe(FepctlCase):
    """adapter describe."""

    def test_every_module_says_all_of_its_options(self):
        for name in MODULES:
            with self.subTest(name):
                described = json.loads(self.expect(0, "adapter", "describe", "--json", module(name))[0])
                self.assertEqual(name, described["name"])
                self.assertEqual("1.0", described["abi"])
                self.assertTrue(described["abilities"])
                for option in described["options"]:
                    self.assertTrue(option["help_zh"] and option["help_en"], option["name"])
                    self.assertEqual(option["type"] == "secret file", option["secret"])

    def test_a_bare_name_is_found_as_in_the_configuration(self):
        out, _ = self.expect(0, "--lang", "en", "adapter", "describe", "soap")
        self.assertIn("calls the local system", out)
        self.assertRegex(out, r"mode  \(text call\|serve\)\n.*\n +required")

    def test_both_languages(self):
        self.assertIn("必填", self.expect(0, "--lang", "zh", "adapter", "describe", module("soap"))[0])

    def test_markdown_is_a_table_with_bars_in_it_escaped(self):
        out, _ = self.expect(0, "--lang", "en", "adapter", "describe", "--markdown", module("fixed"))
        self.assertIn("| `mode` | `call\\|serve` | `call` |", out)
        self.assertIn("| `silence_time` | duration | 3 min | 20 ms to 60 min |", out)
        self.assertIn("| `clock_tolerance` | duration | 10 min | 0 to 24 h |", out)

    def test_what_is_no_module_is_refused_with_the_reason(self):
        plain = self.directory / "plain.so"
        plain.write_bytes(b"no shared object")
        self.assertIn("FEP-50", self.expect(1, "adapter", "describe", plain)[1])
        self.assertIn("nothing.so", self.expect(1, "adapter", "describe", self.directory / "nothing.so")[1])

    def test_a_module_of_another_version_is_refused(self):
        content = module("null").read_bytes()
        at = content.index(b"APEF\x01\x00")
        other = self.directory / "other.so"
        other.write_bytes(content[:at + 4] + b"\x02\x00" + content[at + 6:])
        self.assertIn("ABI 2.0", self.expect(1, "adapter", "describe", other)[1])


class Selftest(FepctlCase):
    """adapter selftest."""

    def test_a_good_module_passes_every_item(self):
        out, _ = self.expect(0, "adapter", "selftest", module("null"))
        self.assertNotIn("not ok", out)
        self.assertIn("1..11", out)

    def test_with_a_mapping_the_charset_is_tried(self):
        secret = self.directory / "password"
        secret.touch(0o600)
        secret.write_text("secret\n", encoding="utf-8")
        out, _ = self.expect(0, "adapter", "selftest", module("fixed"), "--mapping",
                             SOURCE / "etc" / "mapping" / "dajizhong-450900.cfg", "--set", f"password_file={secret}",
                             "--set", "connect=127.0.0.1:9")
        self.assertIn("names come back from the mapping's charset as they went", out)
        self.assertIn("opens and closes fifty times", out)

    def test_missing_options_leave_the_opening_out_and_say_so(self):
        out, _ = self.expect(0, "adapter", "selftest", module("fixed"))
        self.assertIn("# SKIP", out)
        self.assertIn("password_file is missing", out)

    def test_a_mapping_of_another_family_fails(self):
        out, _ = self.expect(1, "adapter", "selftest", module("null"), "--mapping",
                             SOURCE / "etc" / "mapping" / "dajizhong-450900.cfg")
        self.assertIn("not ok 12 - the mapping is for this module's family", out)

    def test_a_module_that_does_not_open_fails(self):
        out, _ = self.expect(1, "adapter", "selftest", BUILD / "test" / "unit" / "adapters" / "trouble.so", "--set",
                             "mode=closed")
        self.assertRegex(out, r"not ok \d+ - opens and closes")


class Capture(FepctlCase):
    """capture: what is refused before anything is asked for. Its work is seen in test_integrator_guide.py."""

    def test_it_is_not_begun_without_a_reason_a_place_and_a_number(self):
        good = ("capture", "local1", "3", "--out", str(self.directory), "--why", "trial")
        for without in ("--why", "--out"):
            at = good.index(without)
            self.expect(100, *good[:at], *good[at + 2:])
        for count in ("0", "101", "x", "-1"):
            self.expect(100, *good[:2], *(("--", count) if count.startswith("-") else (count,)), *good[3:])
        self.expect(100, *good[:4], self.directory / "nowhere", *good[5:])

    def test_without_a_gateway_it_says_so(self):
        self.make_keys()
        _, err = self.expect(111, "capture", "local1", "3", "--out", self.directory, "--why", "trial")
        self.assertIn("FEP-", err)


class Tables(unittest.TestCase):
    """The option tables in adapters/README.md and adapters/*/README.md."""

    def test_they_are_what_the_modules_say(self):
        done = subprocess.run([sys.executable, TABLES, "--check"], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "FEP_SOURCE": str(SOURCE), "FEP_BUILD": str(BUILD)})
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
