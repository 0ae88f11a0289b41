"""What the hazard tests share: a pair of regions with short call times, so that a time-out is a matter of seconds."""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from pairs import Pair, System, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import SOURCE, Gateway, World, wait_until  # noqa: E402

POSTING_CALL_S = 4
LINES = [("0001", "12.50", "2"), ("0002", "100.55", "1")]
COLD = {"diag": "J06.900", "diag_name": "急性上呼吸道感染"}


class QuickWorld(World):
    """A world whose updates wait only some seconds for the local system."""

    def _config_text(self, gateway: Gateway, run: pathlib.Path, peers: list[str]) -> str:
        table = (SOURCE / "schema" / "transactions.cfg").read_text(encoding="utf-8")
        quick = self.directory / "transactions.cfg"
        quick.write_text(re.sub(r'(class = "(?:update|reversal)"; call_time_s =) \d+', rf"\1 {POSTING_CALL_S}", table),
                         encoding="utf-8")
        return super()._config_text(gateway, run, peers).replace(f"{SOURCE}/schema/transactions.cfg", str(quick))


class Place(unittest.TestCase):
    """One pair of regions for all cases of a class: each case has persons of its own."""

    asking: System
    asked: System
    insurer_options: dict[str, object] = {}
    common: dict[str, object] = {}

    @classmethod
    def setUpClass(cls) -> None:
        if cls is Place:
            raise unittest.SkipTest("what the places have in common")
        cls.world = QuickWorld(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, cls.asking, cls.asked, **cls.common)
        cls.prepare()
        cls.pair.start(**cls.insurer_options)

    @classmethod
    def prepare(cls) -> None:
        """Change what a class wants otherwise before anything starts."""

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
        """Do one operation that must be refused with this code."""
        answer = self.ask(op, **fields)
        self.assertEqual((answer["told"], self.code_of(answer)), ("refused", code), f"{op}: {answer}")
        return answer

    @staticmethod
    def code_of(answer: dict) -> int:
        """Return a return code in the numbers all systems share."""
        code = abs(int(answer["code"]))
        return code // 100000 * 1000 + code % 1000 if code >= 100000 else code

    def person_number(self, number: str) -> str:
        """Return the number of a test person of the insured region."""
        return self.asked.region + "0" * 10 + number

    def register(self, prefix: str, number: str, name: str) -> str:
        """Open a visit; return its number."""
        visit_no, psn_no = visits.new_visit_number(prefix), self.person_number(number)
        self.good("person", kind="psn_no", value=psn_no, name=name)
        self.good("register", psn_no=psn_no, name=name, visit_no=visit_no, med_type="11", **COLD)
        return visit_no

    def lines(self, items: list[tuple[str, str, str]], first: int = 1) -> list[dict]:
        """Return fee lines of items: last four digits of the code, price, quantity."""
        return [{"line_no": str(number), "item": f"{self.asking.region[:4]}-{item}", "price": price, "qty": quantity}
                for number, (item, price, quantity) in enumerate(items, first)]

    def charge(self, prefix: str, number: str, name: str) -> str:
        """Register a visit and upload two lines, 125.55 yuan."""
        visit_no = self.register(prefix, number, name)
        self.good("details", visit_no=visit_no, lines=self.lines(LINES))
        return visit_no

    def end_of(self, answer: dict) -> str:
        """Wait until an outcome that was not known has an end; return what it is."""
        if answer["told"] != "unknown":
            return answer["told"]
        ended = self.world.ask(self.pair.hospitals, {"op": "conclusion", "serial": answer["serial"], "seconds": 200}, 210)
        self.assertTrue(ended and ended["ok"], ended)
        return ended["told"]

    def settle(self, visit_no: str) -> str:
        """Settle and wait for the end; return what was told in the end."""
        return self.end_of(self.ask("settle", visit_no=visit_no, use_acct=0))

    def settlements_of(self, number: str, *states: str) -> list[dict]:
        """Return the insurer's settlements of a person, of these states only if any are named."""
        return [posting for posting in self.pair.books()[1] if posting["kind"] == "settle"
                and posting["psn_no"] == self.person_number(number) and (not states or posting["state"] in states)]

    def books_agree(self) -> None:
        """Everything comes to its end, and both books say the same."""
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)
        self.assertEqual(compare_books(self.pair), [])
