"""fepctl's commands that read files only: keys, config check, route explain, events, codes; and how it is used
wrongly."""

import json
import re
import stat
import unittest

from fepctl import BUILD, SOURCE, FepctlCase

LOOPBACK = BUILD / "adapters" / "loopback" / "loopback.so"
CARET = BUILD / "adapters" / "caret" / "caret.so"
FIXED = BUILD / "adapters" / "fixed" / "fixed.so"
MAPPINGS = SOURCE / "etc" / "mapping"


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

    def test_one_files_problems_do_not_hide_the_others(self):
        (self.directory / "keys" / "pseudonym").write_text("no key\n", encoding="ascii")
        (self.directory / "keys" / "pseudonym").chmod(0o600)
        (self.directory / "routes.cfg").write_text('routes = (\n  { prefix = "45"; to = ( "NOBODY" ); }\n);\n',
                                                   encoding="utf-8")
        (self.directory / "table.cfg").write_text("transactions = (\n  { infno = 5; }\n);\n", encoding="utf-8")
        (self.directory / "map.cfg").write_text("name = 5;\n", encoding="utf-8")
        self.write_config(instances='{ name = "x"; module = "loopback"; mapping = "map.cfg"; windwo = 4;\n'
                                    '  options = { no_such = 1; }; }')
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace(f'"{SOURCE}/schema/transactions.cfg"', '"table.cfg"'), encoding="utf-8")
        _, err = self.expect(100, "config", "check")
        for expected in (r"fepd\.conf:5: unknown key windwo: did you mean window", r"routes\.cfg:2: to: unknown target",
                         r"table\.cfg:2: infno: expected a text", r"map\.cfg:1: name: expected a text",
                         r"fepd\.conf:6: unknown option no_such", r"fepd\.conf:3: pseudonym_key_file: FEP-1021",
                         r"fepd\.conf:2: link_key_file: FEP-1020"):
            with self.subTest(expected):
                self.assertRegex(err, expected)
        self.assertRegex(err, rf"{len(err.splitlines()) - 1} problems")

    def test_nothing_is_held_against_a_file_that_cannot_be_read(self):
        self.config.write_text("gateway = {\n", encoding="utf-8")
        out, err = self.expect(100, "config", "check")
        self.assertEqual("", out)
        self.assertRegex(err, r"^\S+fepd\.conf:\d+: syntax error\n1 problems\n$")
        _, err = self.expect(100, "config", "check", self.directory / "nowhere" / "fepd.conf")
        self.assertEqual(2, len(err.splitlines()), err)

    def test_key_problems_name_the_line_of_the_setting(self):
        _, err = self.expect(100, "config", "check")
        self.assertRegex(err, r"fepd\.conf:2: link_key_file: FEP-1020")
        self.assertRegex(err, r"fepd\.conf:3: pseudonym_key_file: FEP-1020")
        self.assertRegex(err, r"fepd\.conf:4: GW4500000001: FEP-1020")

    def test_wrong_value_is_reported_once(self):
        self.make_keys()
        for wrong, expected in (("link_key_file = 5", "link_key_file: expected a text"),
                                ("link_key_file = \"\"", "link_key_file is missing")):
            with self.subTest(wrong):
                self.write_config()
                text = self.config.read_text(encoding="utf-8")
                self.config.write_text(text.replace('link_key_file = "keys/link"', wrong), encoding="utf-8")
                _, err = self.expect(100, "config", "check")
                self.assertEqual(1, err.count("link_key_file"), err)
                self.assertRegex(err, rf"fepd\.conf:\d+: {expected}")
        self.write_config(more="bounds = { max_hops = 4294967396; };")
        _, err = self.expect(100, "config", "check")
        self.assertEqual(2, len(err.splitlines()), err)
        self.assertRegex(err, r"number 4294967396 needs an L")

    def test_routes_without_rules(self):
        self.make_keys()
        (self.directory / "routes.cfg").write_text("routes = ();\n", encoding="utf-8")
        _, err = self.expect(100, "config", "check")
        self.assertRegex(err, r"routes\.cfg:1: routes: the list is empty")

    def caret(self, options="", mapping=MAPPINGS / "danxian-450100.cfg"):
        """Write a configuration with a caret instance whose options are good but for those given."""
        password = self.directory / "password"
        password.write_text("secret\n", encoding="ascii")
        password.chmod(0o600)
        given = {"mode": '"serve"', "listen": '"127.0.0.1:17021"', "password_file": '"password"',
                 "state_directory": f'"{self.directory}"'}
        given.update(part.split(" = ") for part in options.split("; ") if part)
        listed = " ".join(f"{name} = {value};" for name, value in given.items())
        self.write_config(instances=f'{{ name = "dx"; module = "caret"; mapping = "{mapping}";\n'
                                    f'  options = {{ {listed} }}; }}')

    @unittest.skipUnless(CARET.exists(), "the caret module is not built")
    def test_options_must_be_what_the_module_says(self):
        self.make_keys()
        self.caret()
        self.assertEqual("", self.expect(0, "config", "check")[1])
        for wrong, expected in (('mode = "server"', 'option mode is "server"; expected serve|call'),
                                ('listen = "local:17021"', 'option listen is "local:17021"; expected ADDRESS:PORT'),
                                ("max_connections = 0", "option max_connections is 0; expected 1 to"),
                                ('idle_time = "soon"', 'option idle_time is "soon"; expected a duration'),
                                ('password_file = "nowhere"', "option password_file: the file cannot be used")):
            with self.subTest(wrong):
                self.caret(wrong)
                _, err = self.expect(100, "config", "check")
                self.assertIn(expected, err)
                self.assertRegex(err, r"^\S+fepd\.conf:6: option")
                self.assertEqual(2, len(err.splitlines()), err)

    @unittest.skipUnless(FIXED.exists(), "the fixed module is not built")
    def test_missing_option_names_its_instance(self):
        self.make_keys()
        self.write_config(instances=f'{{ name = "dx"; module = "fixed"; mapping = "{MAPPINGS}/dajizhong-450900.cfg";\n'
                                    '  options = { connect = "127.0.0.1:9"; }; }')
        _, err = self.expect(100, "config", "check")
        self.assertRegex(err, r"^\S+fepd\.conf:5: dx: option password_file is missing")

    @unittest.skipUnless(CARET.exists(), "the caret module is not built")
    def test_mapping_must_be_of_the_modules_family(self):
        self.make_keys()
        self.caret(mapping=MAPPINGS / "dajizhong-450900.cfg")
        _, err = self.expect(100, "config", "check")
        self.assertRegex(err, r"fepd\.conf:5: dx: FEP-5020 .* is for the family fixed, the module is caret")

    @unittest.skipUnless(CARET.exists(), "the caret module is not built")
    def test_facts_of_the_wire_are_checked(self):
        self.make_keys()
        text = (MAPPINGS / "danxian-450100.cfg").read_text(encoding="utf-8")
        text = text.replace("crosswalk/", f"{SOURCE}/etc/crosswalk/")
        for change, to, expected in (
                ('serial_field = "SERIAL"', 'serial_field = "SERIALL"', "the layout head-Q has no field SERIALL"),
                ('sign_in = "9100"', 'sign_in = "9101"', "the mapping has no local transaction 9101"),
                ('max_line = "262144"', 'max_line = "256k"', '"256k"; expected a whole number'),
                ('good = "0";', "", "wire.good is missing"),
                ("text_field =", "text_feild =", "did you mean text_field?")):
            with self.subTest(to):
                self.assertIn(change, text)
                (self.directory / "map.cfg").write_text(text.replace(change, to, 1), encoding="utf-8")
                self.caret(mapping=self.directory / "map.cfg")
                _, err = self.expect(100, "config", "check")
                line = text[:text.index(change)].count("\n") + 1
                self.assertIn(expected, err)
                if "missing" not in expected:
                    self.assertRegex(err, rf"map\.cfg:{line}: ")

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
