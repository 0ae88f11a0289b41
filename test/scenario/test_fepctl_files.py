"""fepctl's commands that read files only: keys, config check, route explain, events, codes; and how it is used
wrongly."""

import json
import re
import stat
import unittest

from fepctl import BUILD, SOURCE, FepctlCase

LOOPBACK = BUILD / "adapters" / "loopback" / "loopback.so"


class Usage(FepctlCase):
    """Nothing is done when it is used wrongly."""

    def test_wrong_use_ends_with_100_and_says_what_is_right(self):
        for words in ((), ("nothing",), ("why",), ("why", "A", "B"), ("route",), ("route", "explain"), ("status", "x"),
                      ("status", "--overwrite"), ("keys", "link"), ("--lang", "fr", "codes"), ("status", "--unknown")):
            with self.subTest(words=words):
                out, err = self.expect(100, *words)
                self.assertEqual("", out)
                self.assertIn("fepctl", err)

    def test_help_and_version_are_good(self):
        self.assertIn("route explain AREA", self.expect(0, "--help")[0])
        self.assertRegex(self.expect(0, "--version")[0], r"^fepctl \d")

    def test_locale_and_option_decide_the_language(self):
        self.assertIn("结果暂时不明", self.expect(0, "codes", "2411", locale="zh_CN.UTF-8")[0])
        self.assertIn("not known yet", self.expect(0, "codes", "2411", locale="C.UTF-8")[0])
        self.assertIn("结果暂时不明", self.expect(0, "codes", "2411", "--lang", "zh")[0])


class Tables(FepctlCase):
    """The closed lists."""

    def test_events_and_codes_as_json(self):
        events = {event["event"]: event for event in json.loads(self.expect(0, "events", "--json")[0])}
        self.assertTrue(events["exchange"]["keys"].startswith("msgid infno role"))
        codes = json.loads(self.expect(0, "codes", "--json")[0])
        self.assertEqual(len(codes), len({code["code"] for code in codes}))
        for code in codes:
            self.assertTrue(code["zh"] and code["en"] and code["next_zh"] and code["next_en"], code)

    def test_unknown_code_is_not_found(self):
        self.expect(1, "codes", "FEP-9999")


class Keys(FepctlCase):
    """Making keys."""

    def test_keys_are_private_and_never_printed(self):
        for kind in ("link", "body", "pseudonym"):
            with self.subTest(kind):
                path = self.directory / "keys" / kind
                out, err = self.expect(0, "keys", kind, path)
                self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
                self.assertNotIn(path.read_text(encoding="ascii").strip(), out + err)
        self.assertRegex((self.directory / "keys" / "pseudonym").read_text(encoding="ascii"), r"^[0-9a-f]{64}\n$")

    def test_existing_keys_are_kept(self):
        self.make_keys()
        for kind in ("link", "body", "pseudonym"):
            with self.subTest(kind):
                path = self.directory / "keys" / kind
                before = path.read_bytes()
                _, err = self.expect(1, "keys", kind, path)
                self.assertIn("exists already", err)
                self.assertEqual(before, path.read_bytes())
        before = (self.directory / "keys" / "link").read_bytes()
        self.expect(0, "keys", "link", self.directory / "keys" / "link", "--overwrite")
        self.assertNotEqual(before, (self.directory / "keys" / "link").read_bytes())

    def test_directory_that_is_not_there(self):
        self.expect(111, "keys", "body", self.directory / "nowhere" / "body")


class ConfigCheck(FepctlCase):
    """config check: what a start would read."""

    def test_good_configuration_prints_its_bounds(self):
        self.make_keys()
        out, err = self.expect(0, "config", "check")
        self.assertEqual("", err)
        self.assertIn("max_in_flight = 1000", out)
        self.assertIn("max_body_bytes = 4194304", out)

    def test_missing_keys_are_all_named(self):
        _, err = self.expect(100, "config", "check")
        for name in ("link_key_file", "body_key_file", "pseudonym_key_file", "GW4500000001"):
            self.assertIn(name, err)

    def test_all_problems_of_the_file_with_their_lines(self):
        self.config.write_text("gateway = {\n  nodes = 1;\n};\nbounds = { max_hops = 99; };\n", encoding="utf-8")
        _, err = self.expect(100, "config", "check", self.config)
        self.assertRegex(err, r"fepd\.conf:2: .*did you mean node")
        self.assertRegex(err, r"fepd\.conf:4: max_hops")
        self.assertRegex(err, r"fepd\.conf:1: node is missing")

    def test_routes_are_checked_too(self):
        self.make_keys()
        (self.directory / "routes.cfg").write_text('routes = (\n  { prefix = "45"; to = ( "NOBODY" ); }\n);\n',
                                                   encoding="utf-8")
        _, err = self.expect(100, "config", "check")
        self.assertRegex(err, r'routes\.cfg:2: to: unknown target "NOBODY"')

    def test_secret_that_others_may_read(self):
        self.make_keys()
        (self.directory / "keys" / "pseudonym").chmod(0o644)
        _, err = self.expect(100, "config", "check")
        self.assertIn("pseudonym_key_file: FEP-1021", err)

    @unittest.skipUnless(LOOPBACK.exists(), "the loopback module is not built")
    def test_options_are_checked_against_the_module(self):
        self.make_keys()
        self.write_config(instances='{ name = "x"; module = "loopback"; options = { no_such = 1; }; }')
        _, err = self.expect(100, "config", "check")
        self.assertRegex(err, r"fepd\.conf:\d+: .*no_such")

    def test_module_that_is_not_there(self):
        self.make_keys()
        self.write_config(instances='{ name = "x"; module = "nothing"; }')
        _, err = self.expect(100, "config", "check")
        self.assertIn("x: FEP-5010", err)
        self.assertIn("nothing.so", err)


class RouteExplain(FepctlCase):
    """route explain."""

    def test_longest_prefix_wins_and_the_others_are_shown(self):
        out, _ = self.expect(0, "route", "explain", "450199")
        winners = [line for line in out.splitlines() if line.startswith("=>")]
        self.assertEqual(1, len(winners))
        self.assertRegex(winners[0], r'routes\.cfg:3 +prefix="450199" +-> GW4500000001')
        self.assertIn('routes.cfg:2  prefix="4501"', out)
        self.assertIn('routes.cfg:5  prefix="45"', out)

    def test_refusal_gives_its_text(self):
        _, err = self.expect(1, "route", "explain", "450103")
        self.assertIn("FEP-2111", err)
        self.assertIn("local", err)

    def test_conditions_decide(self):
        self.expect(0, "route", "explain", "450900", "2304")
        self.expect(0, "route", "explain", "450900", "2304", "--med-type", "21")
        _, err = self.expect(1, "route", "explain", "450900", "2304", "--med-type", "11")
        self.assertIn("no outpatient", err)

    def test_days_decide(self):
        self.expect(0, "route", "explain", "660001", "--date", "2026-12-31")
        _, err = self.expect(1, "route", "explain", "660001", "--date", "2027-01-01")
        self.assertIn("FEP-2113", err)

    def test_no_rule(self):
        _, err = self.expect(1, "route", "explain", "310115")
        self.assertIn("310115", err)

    def test_unknown_transaction(self):
        _, err = self.expect(1, "route", "explain", "450900", "9999")
        self.assertIn("FEP-2016", err)

    def test_wrong_words(self):
        for words in (("4501",), ("45010x",), ("450100", "23x4!"), ("450100", "--date", "2026-02-30")):
            with self.subTest(words=words):
                self.expect(100, "route", "explain", *words)


class Shipped(FepctlCase):
    """The files under etc/."""

    def test_example_routes_hold_for_the_example_gateway(self):
        for name in ("fepd.conf", "routes.cfg"):
            (self.directory / name).write_bytes((SOURCE / "etc" / name).read_bytes())
        (self.directory / "adapters.d").mkdir()
        for path in (SOURCE / "etc" / "adapters.d").iterdir():
            (self.directory / "adapters.d" / path.name).write_bytes(path.read_bytes())
        for area, line in (("450199", '"450199"'), ("459900", '"4599"'), ("450900", '"45"'), ("310115", '"31"'),
                           ("500155", '"50"'), ("660100", '"66"'), ("650100", '""'), ("910000", '"910000"')):
            with self.subTest(area):
                done = self.run_fepctl("route", "explain", area)
                self.assertRegex(done.stdout, rf"=> routes\.cfg:\d+ +prefix={re.escape(line)}", done.stderr)


if __name__ == "__main__":
    unittest.main()
