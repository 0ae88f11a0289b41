"""Reversals and repeats by the hospitals of each kind of system: what is taken back, what stays posted, what was never
seen, and what comes twice, the same or with other content. Both books agree in the end."""

import json
import pathlib
import re
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import china_time, visits  # noqa: E402
from fepsim.djz_client import Connection  # noqa: E402
from fepsim.djz_codes import common_code  # noqa: E402
from fepsim.djz_record import read_header, seal  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN, Pair, System, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402

COLD = {"med_type": "11", "diag": "J06.900", "diag_name": "急性上呼吸道感染"}
DONE, NEVER_ARRIVED, DONE_BEFORE = "1", "2", "3"
OTHER_CONTENT, STAYS_POSTED, TAKEN_BACK = 1005, 2503, 2504


def code_of(told: dict) -> int:
    """Return the common four digits of what was told."""
    return abs(int(told["code"]))


class Reversals:
    """What any pair has in common."""

    asking: System
    asked: System
    register_code: str
    blocked: tuple[int, ...] = (TAKEN_BACK,)  # how a serial is refused that was taken back before it came

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, cls.asking, cls.asked)
        cls.pair.start()

    def ask(self, op: str, **fields: object) -> dict:
        """Do one operation at the asking side."""
        answer = self.world.ask(self.pair.hospitals, {"op": op, "area": self.asked.region, **fields})
        self.assertTrue(answer and answer["ok"], f"{op}: {answer}")
        return answer

    def good(self, op: str, **fields: object) -> dict:
        """Do one operation that must be told good."""
        answer = self.ask(op, **fields)
        self.assertEqual(answer["told"], "good", f"{op}: {answer}")
        return answer

    def refused(self, code: int, op: str, **fields: object) -> dict:
        """Do one operation that must be refused with a code."""
        answer = self.ask(op, **fields)
        self.assertEqual((answer["told"], code_of(answer)), ("refused", code), f"{op}: {answer}")
        return answer

    def take_back(self, serial: str, *results: str, **fields: object) -> None:
        """Reverse a request; the reversal has one of these results, or is done now."""
        told = self.good("reverse", serial=serial, **fields)
        self.assertIn(str(told["out"]["result"]), results or (DONE,), told)

    def register(self, visit_no: str) -> dict:
        """Open a visit."""
        psn_no = self.asked.region + "0" * 10 + "0001"
        self.good("person", kind="psn_no", value=psn_no, name="韦测")
        return self.good("register", psn_no=psn_no, name="韦测", visit_no=visit_no, **COLD)

    def upload(self, visit_no: str, line_no: str = "1") -> dict:
        """Upload one line of 25.00."""
        return self.good("details", visit_no=visit_no, lines=[
            {"line_no": line_no, "item": f"{self.asking.region[:4]}-0001", "price": "12.50", "qty": "2"}])

    def settle(self, visit_no: str) -> dict:
        """Settle what is there: 25.00."""
        told = self.good("settle", visit_no=visit_no, use_acct=0)
        self.assertEqual(told["out"]["total"], 2500, told)
        return told

    def states(self, visit_no: str, kind: str) -> list[str]:
        """Return how the insurer's postings of a kind stand, of one visit."""
        return [posting["state"] for posting in self.pair.books()[1]
                if posting["kind"] == kind and posting.get("visit") == visit_no]

    def sent(self, serial: str) -> bytes:
        """Return the bytes of a request as its hospital sent it."""
        for line in (self.world.directory / "hospitals.books").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["kind"] == "request" and entry["serial"] == serial:
                return bytes.fromhex(entry["line"])
        raise AssertionError(f"{serial} was not sent")

    def changed(self, serial: str, old: str, new: str) -> bytes:
        """Return a request with other content of the same length."""
        data = self.sent(serial)
        self.assertIn(old.encode("gbk"), data)
        return data.replace(old.encode("gbk"), new.encode("gbk"))

    def code_to(self, data: bytes) -> int:
        """Send bytes; return the common code of the answer."""
        raise NotImplementedError

    def unseen_serial(self) -> str:
        """Return a serial that no request has had: its number within the second is the highest."""
        raise NotImplementedError

    def is_told_again(self, first: dict) -> None:
        """The very same bytes again are answered as the protocol has it."""
        again = self.good("repeat", serial=first["serial"])
        self.assertEqual((again["out"], again["centre_serial"]), (first["out"], first["centre_serial"]))

    # --- taken back ---

    def test_registration_is_taken_back(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        first = self.register(visit_no)
        self.take_back(first["serial"])
        self.assertEqual(self.states(visit_no, "register"), ["reversed"])
        self.register(visit_no)
        self.assertEqual(self.states(visit_no, "register"), ["reversed", "posted"])

    def test_lines_are_taken_back(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        self.register(visit_no)
        first = self.upload(visit_no)
        self.take_back(first["serial"])
        self.assertEqual(self.states(visit_no, "details"), ["reversed"])
        self.upload(visit_no)
        self.settle(visit_no)

    def test_a_cancel_is_taken_back_and_then_its_settlement(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        self.register(visit_no)
        self.upload(visit_no)
        settled = self.settle(visit_no)
        cancelled = self.good("cancel_settlement", visit_no=visit_no, reason="退费")
        self.assertEqual(cancelled["out"]["total"], -2500)
        self.take_back(cancelled["serial"])
        self.assertEqual((self.states(visit_no, "settle"), self.states(visit_no, "cancel")), (["posted"], ["reversed"]))
        self.take_back(settled["serial"])
        self.assertEqual(self.states(visit_no, "settle"), ["reversed"])
        self.settle(visit_no)

    def test_a_cancel_that_was_taken_back_leaves_its_settlement_in_force(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        self.register(visit_no)
        self.upload(visit_no)
        self.settle(visit_no)
        self.take_back(self.good("cancel_settlement", visit_no=visit_no, reason="退费")["serial"])
        self.assertEqual(self.states(visit_no, "settle"), ["posted"])

    def test_a_reversal_again_is_done_already(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        self.register(visit_no)
        self.upload(visit_no)
        settled = self.settle(visit_no)
        self.take_back(settled["serial"])
        self.take_back(settled["serial"], DONE, DONE_BEFORE)
        self.assertEqual(self.states(visit_no, "settle"), ["reversed"])

    # --- stays posted ---

    def test_what_something_depends_on_stays_posted(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        registered = self.register(visit_no)
        uploaded = self.upload(visit_no)
        self.refused(STAYS_POSTED, "reverse", serial=registered["serial"])
        self.settle(visit_no)
        self.refused(STAYS_POSTED, "reverse", serial=uploaded["serial"])
        self.assertEqual([self.states(visit_no, kind) for kind in ("register", "details", "settle")], [["posted"]] * 3)

    def test_a_settlement_that_the_hospital_cancelled_stays_posted_beside_its_cancel(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        self.register(visit_no)
        self.upload(visit_no)
        settled = self.settle(visit_no)
        self.good("cancel_settlement", visit_no=visit_no, reason="退费")
        self.refused(STAYS_POSTED, "reverse", serial=settled["serial"])

    def test_cancels_of_lines_and_of_a_registration_are_for_good(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        self.register(visit_no)
        self.upload(visit_no)
        for op in ("cancel_details", "cancel_register"):
            self.refused(STAYS_POSTED, "reverse", serial=self.good(op, visit_no=visit_no)["serial"])
            self.assertEqual(self.states(visit_no, op), ["posted"])

    # --- never seen ---

    def test_what_was_never_seen_is_kept_from_arriving(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        real, unseen = self.register(visit_no)["serial"], self.unseen_serial()
        self.take_back(unseen, NEVER_ARRIVED, code=self.register_code)
        self.assertIn(self.code_to(self.renumbered(real, unseen)), self.blocked)
        self.assertEqual(self.states(visit_no, "register"), ["posted"])

    def renumbered(self, serial: str, other: str) -> bytes:
        """Return a request under another serial."""
        return self.sent(serial).replace(serial.encode(), other.encode())

    # --- twice ---

    def test_repeats_of_registration_and_lines(self) -> None:
        visit_no = visits.new_visit_number("MZ")
        for kind, first in (("register", self.register(visit_no)), ("details", self.upload(visit_no))):
            self.is_told_again(first)
            self.assertEqual(self.code_to(self.changed(first["serial"], "韦医", "陆医")), OTHER_CONTENT, kind)
            self.assertEqual(self.states(visit_no, kind), ["posted"])
        self.settle(visit_no)

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 60)
        self.assertEqual(compare_books(self.pair), [])


class NanningAtGuilin(Reversals, unittest.TestCase):
    """danxian asks and never answers a number twice; wuxian is asked."""

    asking, asked, register_code = DANXIAN, WUXIAN, "2210"
    blocked = (TAKEN_BACK, OTHER_CONTENT)  # both mean to danxian that it is not posted

    def code_to(self, data: bytes) -> int:
        told = self.ask("raw", hex=data.hex())
        self.assertEqual(told["told"], "answer", told)
        return abs(int(told["text"].split("^")[0]))

    def unseen_serial(self) -> str:
        return f"{china_time.stamp()}-H45010000001-9999"

    def is_told_again(self, first: dict) -> None:
        self.refused(OTHER_CONTENT, "repeat", serial=first["serial"])


class GuilinAtYulin(Reversals, unittest.TestCase):
    """wuxian asks, dajizhong is asked."""

    asking, asked, register_code = WUXIAN, DAJIZHONG, "1201"

    def code_to(self, data: bytes) -> int:
        told = self.ask("raw", hex=data.hex())
        self.assertEqual(told["told"], "answer", told)
        found = re.search(r"<ERRORCODE>(\d{4})</ERRORCODE>", told["text"])
        self.assertTrue(found, told)
        return int(found[1])

    def unseen_serial(self) -> str:
        return f"H45030000001{china_time.stamp()}9999"


class YulinAtNanning(Reversals, unittest.TestCase):
    """dajizhong asks, danxian is asked."""

    asking, asked, register_code = DAJIZHONG, DANXIAN, "200001"

    def code_to(self, data: bytes) -> int:
        """Send it, sealed, on a signed-on connection of its own."""
        signing = next(entry["serial"] for entry in self.pair.books()[0] if entry["operation"] == "sign_in")
        connection = Connection(("127.0.0.1", self.pair.asking_port), time.monotonic() + 10, 60)
        try:
            connection.exchange(self.sent(signing), 10)
            answer = read_header(connection.exchange(seal(data), 60)).header
        finally:
            connection.close()
        return abs(common_code(answer["H-RET-CODE"]))

    def unseen_serial(self) -> str:
        return f"{china_time.stamp()}999999"


if __name__ == "__main__":
    unittest.main()
