"""The national interface both ways: a danxian's hospitals settle the insured of a platform's region (the gateway calls), and a
system that speaks the interface asks the gateway (the gateway serves)."""

import concurrent.futures
import contextlib
import csv
import dataclasses
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import china_time, reference, visits  # noqa: E402
from pairs import CHANGZHOU, DANXIAN, Pair, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import NANNING, SOURCE, Gateway, Instance, World, free_port, listens, wait_until, write_secret  # noqa: E402

ENDPOINT = "/fsi/api/rsfComIfsService/callService"
PROFILE = f"{SOURCE}/etc/profile/plain.cfg"


class OutOverTheInterface(unittest.TestCase):
    """A visitor's settlement goes out over the national interface."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DANXIAN, CHANGZHOU)
        cls.pair.start(treat_clock="ignore")

    def play_well(self, case: str) -> None:
        """Play a case in which every step is told as it should be, with the rule's figures."""
        steps = visits.CASES[case](str(self.pair.hospitals), area="320400", region="450100")
        for step in steps:
            expected = reference.EXPECTED.get((case, step["name"]))
            for key, value in (expected() if expected else {}).items():
                self.assertEqual(step["figures"].get(key), value, f"{case} {step['name']}: {key}")
            self.assertTrue(step["expected"], f"{case} {step['name']}: told {step['told']} {step['code']} {step['text']}")

    def test_inpatient_course_of_14000_yuan(self) -> None:
        self.play_well("inpatient_course")

    def test_outpatient_visit(self) -> None:
        self.play_well("outpatient_visit")

    def test_pharmacy_purchase_and_refund(self) -> None:
        self.play_well("pharmacy_and_refund")

    def test_lost_answer_is_found_by_inquiry_and_still_answered(self) -> None:
        self.play_well("lost_answer")

    def test_an_answer_that_is_none_is_found_out_by_inquiry(self) -> None:
        self.world.ask(self.pair.insurer, {"op": "fault", "fault": "minus_one_after"})
        self.play_well("pharmacy_and_refund")

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        self.assertEqual(compare_books(self.pair), [])

    # --- 3201, 3202, 9101, 9102 ----------------------------------------------------------------------------------

    def reconcile(self, *words: str) -> tuple[int, dict, str]:
        """Hold the day against the platform's books."""
        config = self.world.gateways[CHANGZHOU.node].config
        done = subprocess.run([self.world.fepctl, "-c", config, "reconcile", "asked", china_time.today(), *words, "--json"],
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    def test_zzz_the_day_is_equal_by_totals_and_by_files_of_details(self) -> None:
        code, found, trouble = self.reconcile()
        self.assertEqual((code, found.get("equal"), found.get("differences")), (0, True, []), (found, trouble))
        self.assertTrue(found["totals_compared"] and found["details_compared"])
        seen = [m["infno"] for m in self.world.ask(self.pair.insurer, {"op": "seen"})["messages"]]
        self.assertEqual(seen[-3:], ["9101", "3202", "9102"])
        self.assertIn("3201", seen)

    def test_zzz_what_the_platform_calls_different_is_never_equal(self) -> None:
        """Also where the amounts are the same."""
        self.world.ask(self.pair.insurer, {"op": "miscompare"})
        code, found, trouble = self.reconcile()
        self.assertEqual((code, found.get("equal")), (1, False), trouble)
        self.assertEqual([(d["kind"], d["theirs"]["state"]) for d in found["differences"]], [("state_differs", "3")])

    def test_zzz_catalogues_come_as_files_and_become_a_crosswalk(self) -> None:
        gateway = self.world.gateways[CHANGZHOU.node]
        self.world.ask(self.pair.insurer, {"op": "catalogue_copies", "copies": 300})
        done = subprocess.run([self.world.fepctl, "-c", gateway.config, "catalogue", "asked", "--json"],
                              capture_output=True, text=True, timeout=90, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        with open(found["file"], encoding="utf-8", newline="") as file:
            rows = {row["local_code"]: row for row in csv.DictReader(file)}
        self.assertEqual((found["items"], len(rows)), (2400, 2400))
        self.assertEqual({name: rows["T000005"][name] for name in ("national_code", "name", "kind", "unit", "valid_from")},
                         {"national_code": "T000005", "name": "测试检查乙", "kind": "2", "unit": "次", "valid_from": "20200101"})
        self.assertEqual((rows["T000001-299"]["kind"], rows["T000001-299"]["spec"], rows["T000006"]["kind"]),
                         ("1", "10mg", "3"))
        self.assertEqual(list((gateway.directory / "files").iterdir()), [])  # nothing is left behind

    def test_zzzz_what_the_platform_posted_twice_is_the_only_difference(self) -> None:
        steps = visits.EVERY["posted_twice"](str(self.pair.hospitals), area="320400", region="450100")
        self.assertTrue(steps[-1]["expected"], steps[-1])
        twin = next(p for p in self.pair.books()[1] if p.get("twin"))
        code, found, trouble = self.reconcile()
        self.assertEqual((code, found.get("equal")), (1, False), trouble)
        self.assertEqual([(d["kind"], d["setl_id"]) for d in found["differences"]], [("only_there", twin["setl_id"])])
        self.assertEqual(found["differences"][0]["msgid"], twin["serial"])
        self.assertEqual(round(100 * float(found["differences"][0]["theirs"]["medfee_sumamt"])), twin["total"])
        self.assertEqual([row["stmt_rslt"] for row in found["totals"] if "medfee_sumamt" not in row], ["1"])


class VisitorsOfThePlatform(unittest.TestCase):
    """Hospitals of another province treat a danxian's insured: their requests come in over the national interface."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, CHANGZHOU, DANXIAN)
        cls.pair.start(treat_clock="ignore")

    def test_every_kind_of_visit_is_settled_with_the_rules_figures(self) -> None:
        for case in ("inpatient_course", "outpatient_visit", "pharmacy_and_refund"):
            for step in visits.CASES[case](str(self.pair.hospitals), area="450100", region="320400"):
                expected = reference.EXPECTED.get((case, step["name"]))
                for key, value in (expected() if expected else {}).items():
                    self.assertEqual(step["figures"].get(key), value, f"{case} {step['name']}: {key}")
                self.assertTrue(step["expected"], f"{case} {step['name']}: told {step['told']} {step['code']} {step['text']}")
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        self.assertEqual(compare_books(self.pair), [])

    def test_totals_are_answered_here_for_the_institution_that_asks(self) -> None:
        """Kind by kind; a refund, which does not say of which kinds it is, counts with its purchase."""
        told = self.world.ask(self.pair.hospitals, {"op": "totals"})
        self.assertEqual((told["told"], told["out"]["differs"]), ("good", "0"), told)
        self.assertEqual({(row["insutype"], row["clearing"]) for row in told["out"]["rows"]},
                         {("310", "21"), ("310", "11"), ("390", "41")})
        told = self.world.ask(self.pair.hospitals, {"op": "totals", "hospital": "H32040000002"})
        self.assertEqual((told["told"], told["out"]["differs"]), ("good", "1"), told)

    def test_zz_details_are_compared_by_files_for_the_institution_that_asks(self) -> None:
        told = self.world.ask(self.pair.hospitals, {"op": "day"})
        self.assertEqual(told["told"], "good", told)
        rows = told["out"]["rows"]
        self.assertEqual((len(rows), {row["stmt_rslt"] for row in rows}), (told["out"]["own"], {"0"}), rows)
        self.assertEqual([row["refd_setl_flag"] for row in rows].count("1"), 1)
        self.assertTrue(all(row["msgid"].startswith("H32040000001") and row["psn_no"].startswith("450100") for row in rows))
        # Another institution has none of that here.
        told = self.world.ask(self.pair.hospitals, {"op": "day", "hospital": "H32040000002"})
        self.assertEqual({row["stmt_rslt"] for row in told["out"]["rows"]}, {"2"}, told)


class OnePathForEachTransaction(unittest.TestCase):
    """Hebei's edition, both ways in one world: paths and numbers of its own, nothing signed."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, CHANGZHOU, dataclasses.replace(CHANGZHOU, region="130100", node="GW1301000001"))
        for gateway in cls.world.gateways.values():
            for instance in gateway.instances:
                instance.options["profile"] = f"{SOURCE}/etc/profile/hebei.cfg"
        cls.pair.start({"service_paths": "each"}, treat_clock="ignore", service_paths="each")

    def test_every_kind_of_visit_and_the_day_s_reconciliation(self) -> None:
        cases = ("inpatient_course", "outpatient_visit", "pharmacy_and_refund", "lost_answer")
        with concurrent.futures.ThreadPoolExecutor() as threads:
            played = {case: threads.submit(visits.CASES[case], str(self.pair.hospitals), area="130100", region="320400")
                      for case in cases}
        for case, steps in played.items():
            for step in steps.result():
                expected = reference.EXPECTED.get((case, step["name"]))
                for key, value in (expected() if expected else {}).items():
                    self.assertEqual(step["figures"].get(key), value, f"{case} {step['name']}: {key}")
                self.assertTrue(step["expected"], f"{case} {step['name']}: told {step['told']} {step['code']} {step['text']}")
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        self.assertEqual(compare_books(self.pair), [])
        config = self.world.gateways["GW1301000001"].config
        done = subprocess.run([self.world.fepctl, "-c", config, "reconcile", "asked", china_time.today()],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def informed(self) -> list[str]:
        """Return what came right behind each registration."""
        seen = [m["infno"] for m in self.world.ask(self.pair.insurer, {"op": "seen"})["messages"]]
        return ["".join(seen[at + 1:at + 3]) for at, infno in enumerate(seen) if infno == "2201"]

    def test_visit_information_follows_each_registration_and_once_more_if_lost(self) -> None:
        steps = visits.CASES["outpatient_visit"](str(self.pair.hospitals), area="130100", region="320400")
        self.assertTrue(steps[-1]["expected"], steps[-1])
        self.assertEqual(self.informed()[-1], "2203A2204")
        self.world.ask(self.pair.insurer, {"op": "fault", "fault": "drop_information"})
        steps = visits.CASES["outpatient_visit"](str(self.pair.hospitals), area="130100", region="320400")
        self.assertTrue(steps[-1]["expected"], steps[-1])
        self.assertEqual(self.informed()[-1], "2203A2203A")


class TokenOfTheSignIn(unittest.TestCase):
    """The number of the sign-in goes as a bearer token, on both sides."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        world = cls.world
        folder = world.directory / "profiles"
        folder.mkdir(parents=True)
        shutil.copy(f"{SOURCE}/etc/profile/bearer.cfg", folder)
        text = pathlib.Path(f"{SOURCE}/etc/profile/baseline.inc").read_text(encoding="utf-8")
        (folder / "baseline.inc").write_text(text.replace("serve = {", "serve = { bearer = true;"), encoding="utf-8")
        cls.port, platform_port = free_port(), free_port()
        common = {"profile": str(folder / "bearer.cfg"), "area": "450100", "institution": "H45010000001"}
        world.add(Gateway(NANNING, "南宁", "450100", world.directory / "gateway", instances=[
            Instance("hospitals", "national", options={"mode": "serve", "listen": f"127.0.0.1:{cls.port}", **common}),
            Instance("platform", "national", options={"mode": "call", "connect": f"127.0.0.1:{platform_port}",
                                                      "pause_min": 100, **common})],
            routes=[{"prefix": "3204", "to": ["platform"]}]))
        world.prepare()
        cls.platform = world.start_fepsim("platform", "platform", sign_in="bearer", region="320400",
                                          listen=f"127.0.0.1:{platform_port}", treat_clock="ignore")
        world.start_gateway(NANNING)
        world.wait_ready(NANNING)
        wait_until("the port listens", lambda: listens(cls.port))

    def post(self, number: int, infno: str, given: dict, **headers: str) -> tuple[int, dict]:
        """Ask; return the status and the envelope."""
        body = json.dumps({"infno": infno, "msgid": f"H45010000001202611221015{number:06d}", "mdtrtarea_admvs": "450100",
                           "insuplc_admdvs": "320400", "infver": "V1.0", "opter_type": "1", "opter": "1",
                           "opter_name": "a", "inf_time": "2026-11-22 10:15:03", "fixmedins_code": "H45010000001",
                           "fixmedins_name": "b", "recer_sys_code": "c", "input": given})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", ENDPOINT, body, headers)
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        return answer.status, json.loads(told or "{}")

    def test_who_shows_no_token_of_ours_is_not_served_and_ours_is_renewed(self) -> None:
        person = {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": "320400" + "0" * 10 + "0001"}}
        self.assertEqual(self.post(1, "1101", person)[0], 401)
        self.assertEqual(self.post(2, "1101", person, Authorization="Bearer 1")[0], 401)
        status, told = self.post(3, "9001", {"signIn": {"opter_no": "1", "mac": "x", "ip": "x"}})
        token = told["output"]["signinoutb"]["sign_no"]
        self.assertEqual((status, len(token)), (200, 20))
        numbers = itertools.count(4)
        def ask() -> dict:  # names of headers and of the scheme have no case
            status, told = self.post(next(numbers), "1101", person, AUTHORIZATION=f"bearer {token}")
            self.assertEqual(status, 200)
            return told
        wait_until("signed in at the platform", lambda: ask()["infcode"] == 0)
        self.world.ask(self.platform, {"op": "sign_all_out"})
        self.assertEqual(ask()["infcode"], -2)
        wait_until("signed in again", lambda: ask()["infcode"] == 0)
        headers = self.world.ask(self.platform, {"op": "headers"})["headers"]
        self.assertTrue(headers["authorization"].startswith("Bearer 320400G"), headers)


def make_certificates(directory: pathlib.Path) -> None:
    """Make a CA, and certificates of it for a server on 127.0.0.1 and for a client; and a client of nobody's."""
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=directory)
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    directory.mkdir(parents=True, exist_ok=True)
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                f"{name}.pem", "-days", "2", "-extfile", "names")
    openssl("req", "-x509", *new_key, "-keyout", "stranger.key", "-out", "stranger.pem", "-subj", "/CN=x", "-days", "2")


class InOverTheInterface(unittest.TestCase):
    """One gateway: a hospital's system asks it over HTTPS, and it asks a platform over HTTPS."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        world = cls.world
        cls.certificates = world.directory / "certificates"
        make_certificates(cls.certificates)
        cls.port, cls.plain_port = free_port(), free_port()
        cls.platform_port, cls.signed_port = free_port(), free_port()
        ours = {"tls": True, "ca_file": f"{cls.certificates}/ca.pem", "profile": PROFILE}
        serving = {**ours, "mode": "serve", "area": "450100", "certificate_file": f"{cls.certificates}/server.pem",
                   "key_file": f"{cls.certificates}/server.key"}
        profile = cls.signing_profile()
        world.add(Gateway(NANNING, "南宁", "450100", world.directory / "gateway", instances=[
            Instance("hospitals", "national", options={**serving, "listen": f"127.0.0.1:{cls.port}"}),
            Instance("plain", "national", options={"mode": "serve", "listen": f"127.0.0.1:{cls.plain_port}",
                                                   "profile": PROFILE, "area": "450100", "request_time": 1000,
                                                   "max_per_address": 4}),
            Instance("platform", "national", options={
                **ours, "mode": "call", "connect": f"127.0.0.1:{cls.platform_port}", "quiet_time": 1000,
                "certificate_file": f"{cls.certificates}/client.pem", "key_file": f"{cls.certificates}/client.key"}),
            *(Instance(name, "national", options={
                "mode": "call", "connect": f"127.0.0.1:{cls.signed_port}", "secrets": str(cls.secrets(name, token)),
                "profile": str(profile), "pause_min": 100, "area": "450100",
                "institution": "H45010000001"})
              for name, token in (("signed", "0123456789ABCDEF"), ("missigned", "WRONG")))],
            routes=[{"prefix": "3204", "to": ["platform"]}, {"prefix": "3205", "to": ["signed"]},
                    {"prefix": "3206", "to": ["missigned"]}]))
        world.prepare()
        cls.platform = world.start_fepsim(
            "platform", "platform", region="320400", listen=f"127.0.0.1:{cls.platform_port}", treat_clock="ignore",
            certificate=f"{cls.certificates}/server.pem", key=f"{cls.certificates}/server.key",
            client_ca=f"{cls.certificates}/ca.pem")
        cls.signed = world.start_fepsim(
            "platform", "signed-platform", sign_in="needed", region="320500", listen=f"127.0.0.1:{cls.signed_port}",
            treat_clock="ignore", seal="x-tif",
            secrets=str(world.directory / "secrets" / "signed"))
        world.environment[NANNING] = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
        world.start_gateway(NANNING)
        world.wait_ready(NANNING)
        for port in (cls.port, cls.plain_port):
            wait_until("the port listens", lambda port=port: listens(port))

    @classmethod
    def signing_profile(cls) -> pathlib.Path:
        """Make a profile of a platform that wants x-tif headers and a sign-in."""
        folder = cls.world.directory / "profiles"
        folder.mkdir(parents=True)
        for name in ("x-tif.cfg", "baseline.inc"):
            shutil.copy(f"{SOURCE}/etc/profile/{name}", folder)
        with (folder / "x-tif.cfg").open("a", encoding="utf-8") as profile:
            profile.write('sign_in = { infno = "9001"; answer = "signinoutb.sign_no"; refused = "-9001";\n'
                          '  request = ( ("signIn.opter_no", "=1"), ("signIn.mac", "=x"), ("signIn.ip", "=x") ); };\n')
        return folder / "x-tif.cfg"

    @classmethod
    def secrets(cls, name: str, token: str) -> pathlib.Path:
        """Make a folder with the secrets of x-tif headers."""
        folder = cls.world.directory / "secrets" / name
        folder.mkdir(parents=True)
        write_secret(folder / "header_id", "PAAS01\n")
        write_secret(folder / "header_token", token + "\n")
        return folder

    def curl(self, body: str, certificate: str = "client", path: str = ENDPOINT) -> tuple[int, str]:
        """Ask with curl; return its exit code, and what it printed."""
        who = self.certificates / certificate
        asked = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert",
             f"{self.certificates}/ca.pem", "--cert", f"{who}.pem", "--key", f"{who}.key", "--header",
             "Content-Type: application/json", "--data-binary", "@-", f"https://127.0.0.1:{self.port}{path}"],
            input=body, capture_output=True, text=True, check=False)
        return asked.returncode, asked.stdout or asked.stderr

    def ask(self, infno: str, given: dict, **more: object) -> dict:
        """Ask over plain HTTP with a message of its own."""
        type(self).number = getattr(type(self), "number", 0) + 1
        envelope = {"infno": infno, "msgid": f"H45010000001202611221015{self.number:06d}", "mdtrtarea_admvs": "450100",
                    "insuplc_admdvs": "320400", "recer_sys_code": "MBS_LOCAL", "infver": "V1.0", "opter_type": "1",
                    "opter": "1007", "opter_name": "测试员", "inf_time": "2026-11-22 10:15:03",
                    "fixmedins_code": "H45010000001", "fixmedins_name": "测试医院", "sign_no": "1", "input": given, **more}
        return self.post(json.dumps(envelope, ensure_ascii=False))

    def post(self, body: str) -> dict:
        """Put a body to the plain port; return the envelope that comes back."""
        connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=60)
        connection.request("POST", ENDPOINT, body.encode())
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        told = json.loads(answer.read())
        connection.close()
        return told

    def raw(self, data: bytes, wait: bool = True) -> bytes:
        """Send bytes to the plain port; return all that comes until the gateway closes."""
        with socket.create_connection(("127.0.0.1", self.plain_port), timeout=15) as link:
            link.sendall(data)
            got = b""
            while wait and (piece := link.recv(65536)):
                got += piece
        return got

    # --- what the README promises -----------------------------------------------------------------------------

    def test_the_readme_s_example_with_a_client_certificate(self) -> None:
        text = pathlib.Path(SOURCE, "adapters", "national", "README.md").read_text(encoding="utf-8")
        request, answer = (part.split("```")[0] for part in text.split("```json\n")[1:3])
        command = re.search(r"^    (curl .*?)\n\n", text, re.DOTALL | re.MULTILINE).group(1)
        folder = self.certificates / "readme"
        folder.mkdir()
        for name in ("ca.pem", "client.pem", "client.key"):
            shutil.copy(self.certificates / name, folder)
        (folder / "request.json").write_text(request, encoding="utf-8")
        asked = subprocess.run(["sh", "-c", command.replace(":18090/", f":{self.port}/")], cwd=folder, capture_output=True,
                               text=True, timeout=30, check=False, env={**os.environ, "no_proxy": "*"})
        self.assertEqual(asked.returncode, 0, asked.stderr)
        told = asked.stdout
        for volatile in ("inf_refmsgid", "refmsg_time", "respond_time"):
            told = re.sub(f'"{volatile}":"[0-9]+"', f'"{volatile}":"…"', told)
        self.assertEqual(told, "".join(line.strip() for line in answer.splitlines()))

    def test_without_a_certificate_of_the_ca_nobody_is_served(self) -> None:
        code, told = self.curl("{}", "stranger")
        self.assertNotEqual(code, 0, told)

    # --- a visit over both sides ------------------------------------------------------------------------------

    def settle(self, visit: str, bill: str) -> tuple[dict, str]:
        """Register, upload, settle; return the settlement's answer and the visit's id."""
        person = "320400" + "0" * 10 + "0001"
        registered = self.ask("2401", {"mdtrtinfo": {
            "psn_no": person, "psn_name": "韦测", "insutype": "310", "ipt_no": visit, "med_type": "21",
            "begntime": "2026-11-22 10:00:00"}})
        self.assertEqual(registered["infcode"], 0, registered)
        mdtrt_id = registered["output"]["result"]["mdtrt_id"]
        line = {"feedetl_sn": "1", "fee_ocur_time": "2026-11-22 10:00:00", "medins_list_codg": "X1", "med_list_codg": "T000001",
                "pric": 100.500000, "cnt": 10, "det_item_fee_sumamt": "1005.00", "chrgitm_lv": "01", "selfpay_prop": 0,
                "fulamt_ownpay_amt": 0, "preselfpay_amt": 0, "overlmt_amt": 0, "inscp_scp_amt": 1005.00}
        uploaded = self.ask("2301", {"data": {"mdtrt_id": mdtrt_id, "psn_no": person}, "feedetail": [line]})
        self.assertEqual(uploaded["output"]["data"]["det_item_fee_sumamt"], 1005, uploaded)
        return self.ask("2304", {"data": {
            "psn_no": person, "mdtrt_id": mdtrt_id, "ipt_otp_no": visit, "med_type": "21", "invono": bill, "insutype": "310",
            "medfee_sumamt": 1005.00, "acct_used_flag": "0", "mid_setl_flag": "0", "endtime": "2026-11-23 10:00:00",
            "dscg_way": "1", "dscg_maindiag_code": "J18.900", "psn_setlway": "01"}}, cainfo="04AbC+/="), mdtrt_id

    def test_a_settlement_comes_in_and_goes_out_once(self) -> None:
        told, _ = self.settle("ZY0001", "B1")
        self.assertEqual(told["infcode"], 0, told)
        self.assertEqual(told["unknown_here"], {"kept": "1.50"})
        setlinfo = told["output"]["setlinfo"]
        seen = [m for m in self.world.ask(self.platform, {"op": "seen"})["messages"] if m["infno"] == "2304"]
        self.assertEqual([m["msgid"] for m in seen if m["msgid"] == setlinfo["medins_setl_id"]], [setlinfo["medins_setl_id"]])
        self.assertEqual(seen[-1]["cainfo"], "04AbC+/=")
        postings = self.world.ask(self.platform, {"op": "books"})["postings"]
        self.assertEqual([p["serial"] for p in postings if p["kind"] == "settle" and p["bill"] == "B1"],
                         [setlinfo["medins_setl_id"]])

    def test_a_repeat_gets_the_stored_answer_and_other_content_is_refused(self) -> None:
        given = {"mdtrtinfo": {"psn_no": "320400" + "0" * 10 + "0003", "psn_name": "覃检", "insutype": "310", "ipt_no": "ZY0002",
                               "med_type": "21", "begntime": "2026-11-22 10:00:00"}}
        first = self.ask("2401", given, msgid="H450100000012026112210159999")
        again = self.ask("2401", given, msgid="H450100000012026112210159999", inf_time="2026-11-22 10:17:00")
        self.assertEqual(first["output"], again["output"])
        given["mdtrtinfo"]["ipt_no"] = "ZY0003"
        other = self.ask("2401", given, msgid="H450100000012026112210159999")
        self.assertEqual(other["infcode"], -2, other)

    def test_a_refusal_is_told_as_one(self) -> None:
        told = self.ask("1101", {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": "nobody"}})
        self.assertEqual(told["infcode"], -2, told)
        self.assertIn("未找到参保人", told["err_msg"])

    def test_sign_in_is_answered_here(self) -> None:
        told = self.ask("9001", {"signIn": {"opter_no": "1", "mac": "x", "ip": "x"}}, insuplc_admdvs="")
        self.assertTrue(told["output"]["signinoutb"]["sign_no"].startswith("450100"), told)

    def test_input_may_be_a_text(self) -> None:
        told = self.ask("1101", json.dumps({"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": "320400" + "0" * 10 + "0001"}}))
        self.assertEqual(told["output"]["baseinfo"]["psn_name"], "韦测", told)

    # --- calling ----------------------------------------------------------------------------------------------

    def test_signed_headers_are_accepted_and_wrong_ones_refused_before_the_platform(self) -> None:
        given = {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": "320500" + "0" * 10 + "0001"}}
        wait_until("signed in", lambda: self.ask("1101", given, insuplc_admdvs="320500")["infcode"] == 0)
        told = self.ask("1101", given, insuplc_admdvs="320600")
        self.assertEqual(told["infcode"], -2, told)  # it could not even sign in, so nothing was sent
        self.assertEqual(told["output"], {})

    def test_who_was_signed_out_signs_in_again(self) -> None:
        given = {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": "320500" + "0" * 10 + "0001"}}
        wait_until("signed in", lambda: self.ask("1101", given, insuplc_admdvs="320500")["infcode"] == 0)
        self.assertGreaterEqual(self.world.ask(self.signed, {"op": "sign_all_out"})["signed_out"], 1)
        self.assertEqual(self.ask("1101", given, insuplc_admdvs="320500")["infcode"], -2)
        wait_until("signed in again", lambda: self.ask("1101", given, insuplc_admdvs="320500")["infcode"] == 0)

    def test_two_mebibytes_go_through_without_being_announced(self) -> None:
        told = self.ask("1101", {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": "320400" + "0" * 10 + "0001"},
                                 "padding": "x" * (2 << 20)})
        self.assertEqual(told["infcode"], 0, told)
        headers = self.world.ask(self.platform, {"op": "headers"})["headers"]
        self.assertNotIn("expect", headers)
        self.assertEqual(headers["content-type"], "application/json;charset=utf-8")
        self.assertEqual(headers["host"], f"127.0.0.1:{self.platform_port}")

    # --- HTTP -------------------------------------------------------------------------------------------------

    def test_what_evhttp_would_let_pass_is_refused_and_the_connection_ends(self) -> None:
        head = f"POST {ENDPOINT} HTTP/1.1\r\n"
        for more in ("Host: a\r\nContent-Length: 2\r\nContent-Length: 4\r\n", "Host: a\r\nContent-Length: +2\r\n",
                     "Host: a\r\nContent-Length : 2\r\n", "Content-Length: 2\r\n", "Host: a\r\nHost: b\r\nContent-Length: 2\r\n"):
            got = self.raw((head + more + "\r\n{}").encode())
            self.assertIn(b" 400 ", got.split(b"\r\n")[0], (more, got))
            self.assertEqual(got.count(b"HTTP/1.1"), 1, (more, got))
        self.assertIn(b" 405 ", self.raw(f"GET {ENDPOINT} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).split(b"\r\n")[0])

    def test_bounds_of_head_and_body(self) -> None:
        head = f"POST {ENDPOINT} HTTP/1.1\r\nHost: a\r\n"
        self.assertIn(b" 413 ", self.raw((head + "Content-Length: 5000000\r\n\r\n").encode()).split(b"\r\n")[0])
        self.assertIn(b" 400 ", self.raw((head + f"X: {'y' * 20000}\r\n\r\n").encode()).split(b"\r\n")[0])

    def test_a_request_that_drips_is_cut_off(self) -> None:
        with socket.create_connection(("127.0.0.1", self.plain_port), timeout=15) as link:
            link.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n")
            with contextlib.suppress(OSError):
                for _ in range(100):
                    link.sendall(b"X")
                    link.settimeout(0.1)
                    with contextlib.suppress(TimeoutError):
                        self.assertEqual(link.recv(1), b"")
                        return
                self.fail("ten seconds, and still there")

    def test_one_address_has_so_many_connections(self) -> None:
        with contextlib.ExitStack() as stack:
            links = [stack.enter_context(socket.create_connection(("127.0.0.1", self.plain_port))) for _ in range(6)]
            def ended() -> int:
                count = 0
                for link in links:
                    link.setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        count += link.recv(1) == b""
                return count
            wait_until("those above the bound are cut off", lambda: ended() >= 2)

    def test_a_reset_in_the_middle_hurts_nobody(self) -> None:
        for port in (self.port, self.plain_port):
            for _ in range(20):
                link = socket.create_connection(("127.0.0.1", port))
                link.sendall(b"\x16\x03\x01\x02\x00" if port == self.port else b"POST / HTTP/1.1\r\n")
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                link.close()
        self.test_sign_in_is_answered_here()
        self.assertEqual(self.world.status(NANNING)["instances"][0]["epoch"], 1)

    def test_connections_are_kept_and_answers_are_not_delayed(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=20)
        for _ in range(3):
            connection.request("POST", ENDPOINT, b"x" * 2000)
            answer = connection.getresponse()
            self.assertEqual((answer.status, json.loads(answer.read())["infcode"]), (200, -2))
            local = connection.sock.getsockname()
        self.assertEqual(connection.sock.getsockname(), local)
        connection.close()


if __name__ == "__main__":
    unittest.main()
