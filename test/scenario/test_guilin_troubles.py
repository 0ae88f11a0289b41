"""Guilin's wuxian both ways when things go wrong or come twice: lost, half and untrue answers of its centre, cancels,
repeats and reversals of its hospitals. In the end both books agree."""

import datetime
import http.client
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from journey import Journey  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN  # noqa: E402


class Troubles(Journey):
    """What any pair has in common."""

    def test_cancel_of_one_line_of_all_and_of_the_visit(self) -> None:
        visit_no = self.charge("MZ", "0001", "韦测")
        self.assertEqual(int(self.good("cancel_details", visit_no=visit_no, line_no="1")["out"]["removed"]), 1)
        self.assertEqual(int(self.good("cancel_details", visit_no=visit_no)["out"]["removed"]), 1)
        self.good("cancel_register", visit_no=visit_no)

    def settled_and_cancelled(self, prefix: str, number: str, name: str) -> None:
        """The fault acts on the settlement and on its cancel; what it undoes is made anew. One cancel is in force in the end."""
        visit_no = self.charge(prefix, number, name)
        for op, fields in (("settle", {"use_acct": 0}), ("cancel_settlement", {"reason": "退费"})):
            ended = self.end_of(self.ask(op, visit_no=visit_no, **fields))
            if ended != "good":
                self.assertIn(ended, ("refused", "reversed"), op)
                self.good(op, visit_no=visit_no, **fields)
        postings = [posting for posting in self.pair.books()[1]
                    if posting["kind"] in ("settle", "cancel") and posting["visit"] == visit_no]
        self.assertEqual({posting["kind"] for posting in postings if posting.get("fault") == prefix}, {"settle", "cancel"})
        in_force = [(posting["kind"], posting["state"]) for posting in postings if posting["state"] != "reversed"]
        self.assertEqual(in_force, [("settle", "cancelled"), ("cancel", "posted")])

    def test_cancel_closed_without_an_answer(self) -> None:
        self.settled_and_cancelled("ZZ03", "0009", "吐尔逊·测试")


class CentreOfGuilin(Troubles, unittest.TestCase):
    """The centre's answers are late, lost, cut, untrue: the faults every stand-in knows, by the visit number's beginning."""

    asking, asked = DANXIAN, WUXIAN
    insurer_options = {"late_seconds": 65, "slow_seconds": 5}

    def test_busy_twice(self) -> None:
        self.found_and_told("ZZ05", "0001", "韦测")

    def test_slow(self) -> None:
        self.found_and_told("ZZ12", "0002", "莫试")

    def test_two_minutes_and_more(self) -> None:
        """Side by side: different persons. What is not found after two minutes is undone."""
        self.side_by_side((self.undone_and_settled_anew, "ZZ02", "0003", "覃检"), (self.undone_and_settled_anew, "ZZ07", "0007", "罗玘"),
                          (self.found_and_told, "ZZ01", "0008", "陈珅"), (self.found_and_told, "ZZ09", "0011", "岑高"),
                          (self.found_and_told, "ZZ11", "0009", "吐尔逊·测试"))

    def test_closed_without_an_answer(self) -> None:
        self.assertEqual(self.settle("ZZ03", "0001", "韦测"), "good")

    def test_half_an_answer(self) -> None:
        self.assertEqual(self.settle("ZZ04", "0002", "莫试"), "good")

    def test_posted_but_told_unknown(self) -> None:
        self.assertEqual(self.settle("ZZ06", "0003", "覃检"), "good")

    def test_cash_one_fen_too_high_is_undone(self) -> None:
        self.assertIn(self.settle("ZZ08", "0007", "罗玘"), ("refused", "reversed"))

    def test_illegal_bytes_in_a_text(self) -> None:
        self.assertEqual(self.settle("ZZ10", "0008", "陈珅"), "good")

    def test_a_name_that_gbk_can_not_hold(self) -> None:
        self.assertEqual(self.settle("MZ", "0010", "䶮小测"), "good")


INQUIRY = """<?xml version="1.0" encoding="GBK"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><ns1:business \
xmlns:ns1="urn:wuxian:ydjy"><inputXml><![CDATA[<?xml version="1.0" encoding="GBK"?>
<REQUEST><HEAD><MSGNO>1902</MSGNO><MSGID>{serial}</MSGID><ORGMSGNO>1402</ORGMSGNO><ORGMSGID>{original}</ORGMSGID>\
<JYFX>1</JYFX><AAB301>450300</AAB301><AAA027>450900</AAA027><AKB020>H45030000001</AKB020><OPERID>1007</OPERID>\
<OPERNAME>陆测试</OPERNAME><OPTTIME>{clock}</OPTTIME><GRANTID>WX450300</GRANTID></HEAD>
<INPUT><ORGDATE>{day}</ORGDATE></INPUT></REQUEST>]]></inputXml></ns1:business></soapenv:Body></soapenv:Envelope>"""


class CentreOfNanning(Troubles, unittest.TestCase):
    """A centre that can not be asked what became of a settlement or of its cancel."""

    asking, asked = WUXIAN, DANXIAN

    def test_cancel_with_half_an_answer(self) -> None:
        self.settled_and_cancelled("ZZ04", "0001", "韦测")

    def test_cancel_told_unknown_though_posted(self) -> None:
        self.settled_and_cancelled("ZZ06", "0002", "莫试")


class HospitalsOfGuilin(Troubles, unittest.TestCase):
    """The hospitals' front repeats, asks what became of a request, and takes back."""

    asking, asked = WUXIAN, DAJIZHONG

    def inquire(self, original: str) -> dict[str, str]:
        """Ask the gateway what became of a request; return the fields of the answer."""
        clock = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).strftime("%Y%m%d%H%M%S")
        type(self).asked_so_far = getattr(self, "asked_so_far", 0) + 1
        body = INQUIRY.format(serial=f"H45030000009{clock}{self.asked_so_far:04d}", original=original, clock=clock,
                              day=clock[:8])
        link = http.client.HTTPConnection("127.0.0.1", self.pair.asking_port, timeout=30)
        link.request("POST", "/services/YdjyService", body.encode("gbk"), {"Content-Type": "text/xml; charset=GBK"})
        answer = link.getresponse().read().decode("gbk")
        link.close()
        return dict(re.findall(r"<([A-Z0-9]+)>([^<]*)</", answer))

    def test_inquiries_are_answered_from_the_store(self) -> None:
        visit_no = self.charge("MZ", "0001", "韦测")
        self.assertEqual(self.inquire("H45030000001" + "20261122093015" + "0009")["JYZT"], "0")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        found = self.inquire(settled["serial"])
        self.assertEqual((found["JYZT"], found["ORGRETURNNUM"], found["ORGERRORCODE"]), ("1", "1", "0000"), found)
        self.assertEqual(found["AAZ216"], settled["out"]["setl_id"])
        self.good("reverse", serial=settled["serial"])
        self.assertEqual(self.inquire(settled["serial"])["JYZT"], "4")
        refused = self.ask("settle", visit_no=visit_no, use_acct=0, total="1.00")
        self.assertEqual(refused["told"], "refused", refused)
        found = self.inquire(refused["serial"])
        self.assertEqual((found["JYZT"], found["ORGRETURNNUM"], found["ORGERRORCODE"]), ("2", "-1", "2301"), found)

    def test_a_repeat_gets_the_stored_answer(self) -> None:
        visit_no = self.charge("MZ", "0002", "莫试")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        again = self.good("repeat", serial=settled["serial"])
        self.assertEqual(again["out"], settled["out"])

    def test_lost_answer_of_the_other_region(self) -> None:
        visit_no = self.charge("ZZ03", "0007", "罗玘")
        self.assertEqual(self.end_of(self.ask("settle", visit_no=visit_no, use_acct=0)), "good")

    def test_reversal_takes_a_settlement_back(self) -> None:
        visit_no = self.charge("MZ", "0003", "覃检")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        self.good("reverse", serial=settled["serial"])
        again = self.ask("repeat", serial=settled["serial"])
        self.assertEqual((again["told"], abs(int(again["code"]))), ("refused", 2504), again)

    def test_reversal_of_what_never_came_blocks_it(self) -> None:
        serial = "H45030000001" + "20261122093015" + "0001"
        told = self.good("reverse", serial=serial, code="1402")
        self.assertEqual(str(told["out"]["result"]), "2", told)


if __name__ == "__main__":
    unittest.main()
