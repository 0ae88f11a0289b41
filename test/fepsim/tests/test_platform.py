"""The platform's desk: what it wants of an envelope, what it posts, what 5203 and 2601 say of it, and its faults."""

import json
import pathlib
import tempfile
import threading
import unittest

from fepsim.books import Books
from fepsim.clock import Clock
from fepsim.insurer import Insurer
from fepsim.manners import Manner
from fepsim.platform_desk import Desk, Numbers, write, yuan

REGION, PERSON = "320400", "320400" + "0" * 10 + "0001"


class Line:
    """Stands for a connection."""

    def __init__(self) -> None:
        self.status, self.content_type, self.times = 200, "", 1
        self.told = threading.Event()
        self.body, self.manner = b"", Manner.PLAIN

    def deliver(self, body: bytes, manner: Manner) -> None:
        """Keep what is sent."""
        self.body, self.manner = body, manner
        self.told.set()


class PlatformDesk(unittest.TestCase):
    """One desk with fresh books for each test."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        clock = Clock("20261122101503")
        books = Books(str(pathlib.Path(folder.name, "books")), REGION)
        self.addCleanup(books.close)
        self.desk = Desk(Insurer(REGION, books, clock, Numbers(REGION), replays=False), clock, 1.0, False)
        self.number = 0

    def send(self, infno: str, given: dict, **more: object) -> Line:
        """Put an envelope on the desk."""
        self.number += 1
        envelope = {"infno": infno, "msgid": f"H45010000001202611221015{self.number:06d}", "mdtrtarea_admvs": "450100",
                    "insuplc_admdvs": REGION, "recer_sys_code": "X", "infver": "V1.0", "opter_type": "1", "opter": "1",
                    "opter_name": "x", "inf_time": "2026-11-22 10:15:03", "fixmedins_code": "H45010000001",
                    "fixmedins_name": "x", "sign_no": "", "input": given, **more}
        line = Line()
        self.desk.receive(json.dumps(envelope).encode(), line)
        return line

    def ask(self, infno: str, given: dict, **more: object) -> dict:
        """Return the answer's envelope."""
        return json.loads(self.send(infno, given, **more).body)

    def register(self) -> str:
        """Admit the person; return the visit's id."""
        told = self.ask("2401", {"mdtrtinfo": {
            "psn_no": PERSON, "psn_name": "韦测", "insutype": "310", "ipt_no": f"Z{self.number}", "med_type": "21",
            "begntime": "2026-11-22 10:00:00", "mdtrt_cert_type": "02", "mdtrt_cert_no": "1"}})
        self.assertEqual(told["infcode"], 0, told)
        return told["output"]["result"]["mdtrt_id"]

    def settle(self, mdtrt_id: str) -> Line:
        """Upload a line and settle it."""
        told = self.ask("2301", {"feedetail": [{
            "feedetl_sn": "1", "mdtrt_id": mdtrt_id, "psn_no": PERSON, "fee_ocur_time": "2026-11-22 10:00:00",
            "medins_list_codg": "X", "med_list_codg": "T000001", "pric": 100.5, "cnt": 10, "det_item_fee_sumamt": 1005,
            "chrgitm_lv": "01", "selfpay_prop": 0, "fulamt_ownpay_amt": 0, "preselfpay_amt": 0, "overlmt_amt": 0,
            "inscp_scp_amt": 1005}]})
        self.assertEqual(told["infcode"], 0, told)
        return self.send("2304", {"data": {
            "psn_no": PERSON, "mdtrt_id": mdtrt_id, "mdtrt_cert_type": "02", "mdtrt_cert_no": "1", "med_type": "21",
            "medfee_sumamt": "1005.00", "psn_setlway": "01", "acct_used_flag": "0", "insutype": "310", "mid_setl_flag": "1"}})

    def inquire(self, mdtrt_id: str) -> list[dict]:
        """Return the rows of 5203."""
        return self.ask("5203", {"data": {"psn_no": PERSON, "mdtrt_id": mdtrt_id}})["output"]["setlinfo"]

    def test_a_settlement_is_found_under_its_message_id_and_reversed(self) -> None:
        mdtrt_id = self.register()
        told = json.loads(self.settle(mdtrt_id).body)
        self.assertEqual(told["infcode"], 0, told)
        original = told["output"]["setlinfo"]["medins_setl_id"]
        self.assertEqual([(row["medins_setl_id"], row["refd_setl_flag"]) for row in self.inquire(mdtrt_id)], [(original, "0")])
        reversed_ = self.ask("2601", {"data": {"psn_no": PERSON, "omsgid": original, "oinfno": "2304"}})
        self.assertEqual((reversed_["infcode"], reversed_["output"]), (0, None))
        self.assertEqual([row["refd_setl_flag"] for row in self.inquire(mdtrt_id)], ["1"])

    def test_a_message_id_is_good_once(self) -> None:
        self.register()
        told = self.ask("2401", {"mdtrtinfo": {}}, msgid="H45010000001202611221015000001")
        self.assertEqual(told["infcode"], -1005)

    def test_2601_reverses_its_seven_only(self) -> None:
        told = self.ask("2601", {"data": {"psn_no": PERSON, "omsgid": "M", "oinfno": "2204"}})
        self.assertEqual(told["infcode"], -2503)

    def test_an_envelope_must_be_whole(self) -> None:
        self.assertEqual(self.ask("1101", {"data": {}}, opter="")["infcode"], -1003)
        self.assertEqual(self.ask("4711", {})["infcode"], -1002)

    def test_faults_after_posting_have_posted(self) -> None:
        for fault, sign in (("html", b"<html>"), ("minus_one_after", b'"infcode":-1'), ("no_infcode", b'{"err_msg"'),
                            ("no_envelope", b'{"code":"999"')):
            mdtrt_id = self.register()
            self.desk.plan_fault(fault)
            self.assertTrue(self.settle(mdtrt_id).body.startswith((sign, b"{" + sign)), fault)
            self.assertEqual(len(self.inquire(mdtrt_id)), 1, fault)

    def test_a_fault_before_posting_has_not_posted(self) -> None:
        mdtrt_id = self.register()
        self.desk.plan_fault("drop_before")
        self.assertIs(self.settle(mdtrt_id).manner, Manner.DROP)
        self.assertEqual(self.inquire(mdtrt_id), [])

    def test_amounts_are_written_with_two_decimals(self) -> None:
        self.assertEqual(write({"a": [yuan(1230), yuan(-5), yuan(0)]}), b'{"a":[12.30,-0.05,0.00]}')


if __name__ == "__main__":
    unittest.main()
