"""Every shipped profile that signs or encrypts, both ways: a hospital's sealed requests come in, go out sealed to a platform, and
its sealed answers come back. The stand-in and this test seal with code of their own (fepsim's platform_seal)."""

import concurrent.futures
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import sm  # noqa: E402
from fepsim.platform_seal import NotSealed, Seal  # noqa: E402
from world import NANNING, SOURCE, Gateway, Instance, World, free_port, listens, wait_until, write_secret  # noqa: E402

ENDPOINT = "/fsi/api/rsfComIfsService/callService"
REGIONS = {"x-tif": "360100", "zhejiang": "330100", "jilin": "220100", "hubei": "420100", "envelope": "340100",
           "portal": "350100", "java": "370100"}
CALLER, GATEWAY, PLATFORM = sm.Key(), sm.Key(), sm.Key()
COMMON = {"app_id": "00112233445566778899AABBCCDDEEFF", "app_secret": "FFEEDDCCBBAA99887766554433221100",
          "header_id": "H45010000001", "header_token": "0123456789ABCDEF", "bearer_token": "token-of-the-test"}


class Seals(unittest.TestCase):
    """One gateway with an instance to serve and one to call for each profile, and a stand-in platform for each."""

    numbers = itertools.count(1)

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        world = cls.world
        cls.folders = {name: cls.secrets(name, own, peer) for name, own, peer in (
            ("caller", CALLER, GATEWAY), ("serving", GATEWAY, CALLER), ("calling", GATEWAY, PLATFORM),
            ("platform", PLATFORM, GATEWAY))}
        cls.ports = {kind: free_port() for kind in REGIONS}
        platforms = {kind: free_port() for kind in REGIONS}
        instances, routes = [], []
        for kind, region in REGIONS.items():
            profile = str(cls.profile(kind))
            instances += [
                Instance(f"in-{kind}", "national", options={
                    "mode": "serve", "listen": f"127.0.0.1:{cls.ports[kind]}", "profile": profile, "area": "450100",
                    "secrets": str(cls.folders["serving"])}),
                Instance(f"out-{kind}", "national", options={
                    "mode": "call", "connect": f"127.0.0.1:{platforms[kind]}", "profile": profile, "quiet_time": 300,
                    "secrets": str(cls.folders["calling"])})]
            routes.append({"prefix": region[:4], "to": [f"out-{kind}"]})
        world.add(Gateway(NANNING, "南宁", "450100", world.directory / "gateway", instances=instances, routes=routes))
        world.prepare()
        cls.platforms = {kind: world.start_fepsim(
            "platform", f"platform-{kind}", region=region, listen=f"127.0.0.1:{platforms[kind]}", treat_clock="ignore",
            seal=kind, secrets=str(cls.folders["platform"])) for kind, region in REGIONS.items()}
        world.start_gateway(NANNING)
        world.wait_ready(NANNING)
        for port in cls.ports.values():
            wait_until("the port listens", lambda port=port: listens(port))
        cls.seals = {kind: Seal(kind, str(cls.folders["caller"])) for kind in REGIONS}

    @classmethod
    def secrets(cls, name: str, own: sm.Key, peer: sm.Key) -> pathlib.Path:
        """Make a folder with the keys of one end."""
        folder = cls.world.directory / "secrets" / name
        for file, text in {**COMMON, "sign_key": own.private_hex, "verify_key": peer.public_hex}.items():
            write_secret(folder / file, text + "\n")
        return folder

    @classmethod
    def profile(cls, kind: str) -> pathlib.Path:
        """Return the shipped profile; portal and java are profiles of the envelope with one of the shipped seals for it."""
        shipped = pathlib.Path(SOURCE, "etc", "profile")
        seals = {"portal": "seal-portal.cfg", "java": "seal-envelope.cfg"}
        if kind not in seals:
            return shipped / f"{kind}.cfg"
        folder = cls.world.directory / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("baseline.inc", seals[kind]):
            shutil.copy(shipped / name, folder)
        text = (shipped / "envelope.cfg").read_text(encoding="utf-8")
        (folder / f"{kind}.cfg").write_text(text.replace('seal = { message = "envelope"; };', f'@include "{seals[kind]}"'),
                                            encoding="utf-8")
        return folder / f"{kind}.cfg"

    def envelope(self, kind: str, infno: str, given: dict) -> bytes:
        """Return a plain request with a message id of its own."""
        return json.dumps({
            "infno": infno, "msgid": f"H45010000001202611221015{next(self.numbers):06d}", "mdtrtarea_admvs": "450100",
            "insuplc_admdvs": REGIONS[kind], "recer_sys_code": "X", "cainfo": "", "signtype": "", "infver": "V1.0",
            "opter_type": "1", "opter": "1007", "opter_name": "测试员", "inf_time": "2026-11-22 10:15:03",
            "fixmedins_code": "H45010000001", "fixmedins_name": "测试医院", "sign_no": "", "input": given},
            ensure_ascii=False).encode()

    def post(self, kind: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Put bytes to the instance of that kind."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[kind], timeout=60)
        connection.request("POST", ENDPOINT, body, headers)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        told = answer.read()
        connection.close()
        return told

    def ask(self, kind: str, infno: str, given: dict) -> dict:
        """Ask sealed; the answer's seal must hold."""
        seal = self.seals[kind]
        body = seal.seal(self.envelope(kind, infno, given), "input")
        headers = {**{name.title(): text for name, text in seal.headers(body).items()},  # names of headers have no case
                   "content-type": "text/plain"}  # as the official sample has it
        return json.loads(seal.open(self.post(kind, body, headers), "output"))

    def person(self, kind: str, number: int = 1) -> str:
        """Return a person's number."""
        return REGIONS[kind] + f"{number:014d}"

    def register(self, kind: str, visit: str, number: int) -> str:
        """Admit somebody and upload a line; return the visit's id."""
        person = self.person(kind, number)
        told = self.ask(kind, "2401", {"mdtrtinfo": {
            "psn_no": person, "insutype": "310", "ipt_no": visit, "med_type": "21",
            "begntime": "2026-11-22 10:00:00", "medfee": "1", "medOrgOrd": 2, "dscgTime": "x", "ratio": 1.50, "nothing": None, "empty": ""}})
        self.assertEqual(told["infcode"], 0, (kind, told))
        mdtrt_id = told["output"]["result"]["mdtrt_id"]
        told = self.ask(kind, "2301", {"data": {"mdtrt_id": mdtrt_id, "psn_no": person}, "feedetail": [{
            "feedetl_sn": "1", "fee_ocur_time": "2026-11-22 10:00:00", "medins_list_codg": "X1", "med_list_codg": "T000001",
            "pric": 100.5, "cnt": 10, "det_item_fee_sumamt": "1005.00", "chrgitm_lv": "01", "selfpay_prop": 0,
            "fulamt_ownpay_amt": 0, "preselfpay_amt": 0, "overlmt_amt": 0, "inscp_scp_amt": 1005.00}]})
        self.assertEqual(told["infcode"], 0, (kind, told))
        return mdtrt_id

    def settling(self, kind: str, mdtrt_id: str, visit: str, bill: str, number: int) -> dict:
        """Return the input of a settlement."""
        return {"data": {
            "psn_no": self.person(kind, number), "mdtrt_id": mdtrt_id, "ipt_otp_no": visit, "med_type": "21", "invono": bill,
            "insutype": "310", "medfee_sumamt": 1005.00, "acct_used_flag": "0", "mid_setl_flag": "0",
            "endtime": "2026-11-23 10:00:00", "dscg_way": "1", "dscg_maindiag_code": "J18.900", "psn_setlway": "01"}}

    def settle(self, kind: str, visit: str, bill: str, number: int) -> dict:
        """Admit somebody and settle; `kind` may plan a fault: "jilin unsealed"."""
        kind, _, fault = kind.partition(" ")
        mdtrt_id = self.register(kind, visit, number)
        self.world.ask(self.platforms[kind], {"op": "fault", "fault": fault})
        return self.ask(kind, "2304", self.settling(kind, mdtrt_id, visit, bill, number))

    def postings(self, kind: str, bill: str) -> list[dict]:
        """Return the settlements of a bill in the platform's books."""
        books = self.world.ask(self.platforms[kind], {"op": "books"})["postings"]
        return [line for line in books if line["kind"] == "settle" and line.get("bill") == bill]

    def asked(self, kind: str, infno: str) -> int:
        """Count what the platform was asked."""
        return sum(m["infno"] == infno for m in self.world.ask(self.platforms[kind], {"op": "seen"})["messages"])

    def test_a_settlement_of_each_profile(self) -> None:
        """Its answer says another content type than it has, which decides nothing."""
        for kind in REGIONS:
            with self.subTest(kind):
                told = self.settle(f"{kind} wrong_type", "ZY0001", "B1", 1)
                self.assertEqual(told["infcode"], 0, told)
                self.assertEqual(told["unknown_here"], {"kept": "1.50"})
                self.assertEqual([line["serial"] for line in self.postings(kind, "B1")],
                                 [told["output"]["setlinfo"]["medins_setl_id"]])

    def test_a_refusal_of_each_profile(self) -> None:
        for kind in REGIONS:
            with self.subTest(kind):
                told = self.ask(kind, "1101", {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": "nobody"}})
                self.assertEqual(told["infcode"], -2, told)
                self.assertIn("未找到参保人", told["err_msg"])

    def forge(self, kind: str) -> http.client.HTTPConnection:
        """Settle with somebody on the way who answers without a seal that all is well; return the caller's connection."""
        mdtrt_id = self.register(kind, "ZY0003", 1)
        self.world.ask(self.platforms[kind], {"op": "fault", "fault": "forged"})
        before = self.asked(kind, "2304")
        body = self.seals[kind].seal(self.envelope(kind, "2304", self.settling(kind, mdtrt_id, "ZY0003", "B3", 1)), "input")
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[kind], timeout=60)
        connection.request("POST", ENDPOINT, body, self.seals[kind].headers(body))
        wait_until("it was sent", lambda: self.asked(kind, "2304") > before)
        return connection

    def test_zz_an_answer_whose_seal_does_not_hold_is_no_answer(self) -> None:
        # A refusal of jilin's has no seal, so that not everything without one can be thrown away.
        cases = {"x-tif": "html", "zhejiang": "status_500", "jilin": "unsealed", "hubei": "missealed",
                 "envelope": "unsealed", "portal": "missealed", "java": "missealed"}
        before = {kind: self.asked(kind, "5203") for kind in cases}
        forged = self.forge("jilin")
        with concurrent.futures.ThreadPoolExecutor() as threads:
            told = {kind: threads.submit(self.settle, f"{kind} {fault}", "ZY0002", "B2", 3) for kind, fault in cases.items()}
        for kind, answer in told.items():
            with self.subTest(kind):
                self.assertEqual(answer.result()["infcode"], 0, answer.result())  # found by inquiry
                self.assertGreater(self.asked(kind, "5203"), before[kind])
                self.assertEqual(len(self.postings(kind, "B2")), 1)
        wait_until("both are looked for", lambda: self.asked("jilin", "5203") > before["jilin"] + 1)
        self.assertEqual(self.postings("jilin", "B3"), [])
        forged.sock.setblocking(False)
        with self.assertRaises(BlockingIOError):  # nobody was told that it is settled
            forged.sock.recv(1)
        forged.close()
        for pid in self.world.family(NANNING):  # the reversal of what was forged would go on for a while
            os.kill(pid, signal.SIGKILL)

    def test_a_form_is_no_way_round_the_seal(self) -> None:
        """Not for what is unsealed, and for nothing but an upload."""
        given = {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": self.person("envelope")}}
        for kind, infno in (("envelope", "1101"), ("envelope", "9101"), ("hubei", "9101"), ("x-tif", "9101"), ("x-tif", "1101")):
            plain = self.envelope(kind, infno, given)
            form = (b'--b\r\nContent-Disposition: form-data; name="jsonStr"\r\n\r\n' + plain +
                    b'\r\n--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n')
            headers = self.seals[kind].headers(form) if (kind, infno) == ("x-tif", "1101") else {}
            before = self.asked(kind, "1101")
            told = json.loads(self.seals[kind].open(self.post(
                kind, form, {**headers, "content-type": "multipart/form-data; boundary=b"}), "output"))
            self.assertEqual((told["infcode"], self.asked(kind, "1101")), (-2, before), (kind, infno, told))

    def test_a_request_that_is_not_sealed_or_not_by_a_caller_we_know_is_refused(self) -> None:
        for kind in REGIONS:
            seal = self.seals[kind]
            plain = self.envelope(kind, "1101", {"data": {"mdtrt_cert_type": "04", "mdtrt_cert_no": self.person(kind)}})
            sealed = seal.seal(plain, "input")
            strangers = Seal(kind, str(self.folders["platform"])).seal(plain, "input")
            wrong = {name: text[:-2] + "xx" for name, text in seal.headers(sealed).items()}
            cases = [(sealed, wrong)] if wrong else []
            cases += [(strangers, seal.headers(strangers)), (plain, seal.headers(plain))] if strangers != plain else []
            before = self.asked(kind, "1101")
            for body, headers in cases:
                with self.subTest(kind):
                    raw = self.post(kind, body, headers)
                    try:
                        told = json.loads(seal.open(raw, "output"))
                    except NotSealed:
                        self.fail(f"the refusal is not sealed: {raw!r}")
                    self.assertEqual(told["infcode"], -2, told)
            self.assertEqual(self.asked(kind, "1101"), before)


if __name__ == "__main__":
    unittest.main()
