"""A hospital that does not give up: it plays a short visit, and where a step's outcome is not known it waits for the end
and, if the step was undone or refused for the moment, does it again. So a visit reaches its end through any crash, and
whatever was told can be held against the books."""

import time

from regions import Regions
from world import World, wait_until

PATIENCE_S = 240.0
# Busy, not signed in, cycle over; undone by the gateway (the serial is blocked): all "nothing is posted, do it anew".
AGAIN = (-9001, -9101, -9102, -2504)


class Stuck(Exception):
    """A step never came to an end."""


class Hospital:
    """One visit of one person, step by step."""

    def __init__(self, world: World, regions: Regions, person: str, name: str, visit_no: str):
        self.world, self.regions = world, regions
        self.psn_no = "450900" + "0" * 10 + person
        self.name, self.visit_no = name, visit_no
        self.told: list[tuple[str, str, int]] = []

    def ask(self, op: str, **fields) -> dict:
        """Do one operation once."""
        answer = self.world.ask(self.regions.danxian, {"op": op, "area": "450900", "visit_no": self.visit_no, **fields})
        if answer is None or not answer["ok"]:
            raise Stuck(f"{op}: {answer}")
        self.told.append((op, answer["told"], answer["code"]))
        return answer

    def insist(self, op: str, **fields) -> dict:
        """Do a posting until it is known to have been done; Stuck if that does not happen."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            answer = self.ask(op, **fields)
            if answer["told"] == "unknown":
                answer = self.wait_conclusion(answer["serial"])
            if answer["told"] == "good":
                return answer
            if answer["told"] == "refused" and answer["code"] not in AGAIN:
                raise Stuck(f"{op} was refused: {answer['code']} {answer['text']}")
            if answer["told"] in ("stands", "for_reconciliation"):
                raise Stuck(f"{op} ended as {answer['told']}")
            wait_until("the gateway answers again", self.is_served, 60)
        raise Stuck(f"{op} did not come to an end in {PATIENCE_S:.0f} s: {self.told}")

    def wait_conclusion(self, serial: str) -> dict:
        """Wait until the ladder of an unknown outcome has ended."""
        ended = self.world.ask(self.regions.danxian, {"op": "conclusion", "serial": serial, "seconds": PATIENCE_S},
                               PATIENCE_S + 10)
        if ended is None or not ended["ok"] or ended["told"] == "unknown":
            raise Stuck(f"{serial}: no conclusion: {ended}")
        return {"text": "", "code": 0, **ended}

    def is_served(self) -> bool:
        """Does the gateway answer its local system?"""
        answer = self.world.ask(self.regions.danxian, {"op": "echo"})
        return bool(answer and answer["ok"] and answer["told"] == "good")

    def play(self, refund: bool = False) -> None:
        """Register, charge two lines, settle; with `refund` cancel the settlement again."""
        self.insist("register", psn_no=self.psn_no, name=self.name, med_type="11", diag="J06.900",
                    diag_name="急性上呼吸道感染")
        self.insist("details", lines=[{"line_no": "1", "item": "4501-0001", "price": "12.50", "qty": "2"},
                                      {"line_no": "2", "item": "4501-0002", "price": "100.55", "qty": "1"}])
        self.insist("settle", use_acct=0)
        if refund:
            self.insist("cancel_settlement", reason="退费")
