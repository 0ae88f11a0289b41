"""Visits between one pair of regions, step by step: what the tests of troubles have in common. A class of cases shares one
world; its cases are different persons' visits."""

import concurrent.futures

from fepsim import visits
from pairs import Pair, System, compare_books
from verdict import open_anywhere
from world import World, wait_until


class Journey:
    """Derive from it and from unittest.TestCase; name the two sides."""

    asking: System
    asked: System
    asked_instance_options: dict[str, object] = {}
    insurer_options: dict[str, object] = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, cls.asking, cls.asked)
        for instance in cls.world.gateways[cls.asked.node].instances:
            instance.options.update(cls.asked_instance_options)
        cls.pair.start(**cls.insurer_options)

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

    def charge(self, prefix: str, number: str, name: str, med_type: str = "11") -> str:
        """Register a visit and upload two lines."""
        visit_no, psn_no = visits.new_visit_number(prefix), self.asked.region + "0" * 10 + number
        self.good("person", kind="psn_no", value=psn_no, name=name)
        self.good("register", psn_no=psn_no, name=name, visit_no=visit_no, med_type=med_type, diag="J06.900",
                  diag_name="急性上呼吸道感染")
        item = self.asking.region[:4]
        self.good("details", visit_no=visit_no, lines=[
            {"line_no": "1", "item": f"{item}-0001", "price": "12.50", "qty": "2"},
            {"line_no": "2", "item": f"{item}-0002", "price": "100.55", "qty": "1"}])
        return visit_no

    def end_of(self, answer: dict) -> str:
        """Wait until an outcome that was not known has an end; return what it is."""
        if answer["told"] != "unknown":
            return answer["told"]
        ended = self.world.ask(self.pair.hospitals, {"op": "conclusion", "serial": answer["serial"], "seconds": 300}, 310)
        self.assertTrue(ended and ended["ok"], ended)
        return ended["told"]

    def settle(self, prefix: str, number: str, name: str) -> str:
        """Charge and settle a visit; return how that ended."""
        visit_no = self.charge(prefix, number, name)
        return self.end_of(self.ask("settle", visit_no=visit_no, use_acct=0))

    def found_and_told(self, prefix: str, number: str, name: str) -> None:
        """It was posted once, and that is what the hospital is told in the end."""
        self.assertEqual(self.settle(prefix, number, name), "good", prefix)

    def undone_and_settled_anew(self, prefix: str, number: str, name: str) -> None:
        """The first settlement ends as not posted, however long that takes; the second one is good."""
        visit_no = self.charge(prefix, number, name)
        first = self.end_of(self.ask("settle", visit_no=visit_no, use_acct=0))
        self.assertIn(first, ("refused", "reversed"), prefix)
        self.good("settle", visit_no=visit_no, use_acct=0)

    def side_by_side(self, *cases: tuple) -> None:
        """Do each case, a function and what it takes, at the same time; each needs a person of its own."""
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            for done in [pool.submit(each, *case) for each, *case in cases]:
                done.result()

    def test_zz_books_agree_and_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 300)
        self.assertEqual(compare_books(self.pair), [])
