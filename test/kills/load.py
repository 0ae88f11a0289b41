"""Who works with the system while it is being hurt: hospitals that play short visits through the three kinds of local
system, and callers of the loopback pair, some of which give up and reverse. They remember what they were told; what was
true is judged later, by the books."""

import contextlib
import dataclasses
import threading
import time

from callers import LoopbackCaller
from pairs import System as Kind
from system import LOOP_AREA, System
from trial import SYSTEMS
from world import NotReached, wait_until

PERSONS = (("0001", "韦测"), ("0002", "莫试"), ("0003", "覃检"), ("0007", "罗玘"), ("0008", "陈珅"), ("0011", "岑高"))
COLD = {"med_type": "11", "diag": "J06.900", "diag_name": "急性上呼吸道感染"}
POSTS = ("register", "details", "settle", "cancel_settlement")
ASK_S, CONCLUSION_S, STEP_S = 60.0, 200.0, 240.0
LOOP_ASK_S = 60.0
MADE_UP_S = 60.0  # people who could not be served come again


class Pace:
    """Lets so many pass in a second, all together."""

    def __init__(self, rate: float):
        self._gap = 1.0 / rate
        self._lock = threading.Lock()
        self._next = time.monotonic()

    def wait(self, stop: threading.Event) -> None:
        """Wait for one's turn; what was missed while nothing answered is made up for, if it is not too much."""
        with self._lock:
            now = time.monotonic()
            turn = self._next = max(self._next + self._gap, now - MADE_UP_S)
        stop.wait(max(0.0, turn - now))


class Stream(threading.Thread):
    """One after the other, of one person."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.done = 0  # visits, or updates of the loopback pair, brought to a good end

    def run(self) -> None:
        """Go on until asked to stop."""
        serial = 0
        while not self.stop.is_set():
            serial += 1
            self.play(serial)

    def play(self, serial: int) -> None:
        """Do one whole thing."""
        raise NotImplementedError


class Visits(Stream):
    """A person of one region who falls ill in another, again and again."""

    def __init__(self, system: System, asking: Kind, asked: Kind, person: tuple[str, str]):
        super().__init__()
        self.system, self.asking, self.asked = system, asking, asked
        self.number, self.name_of = person
        self.known = False

    def play(self, serial: int) -> None:
        """Register, charge, settle, and take every other settlement back."""
        visit_no = f"MZ{SYSTEMS.index(self.asking)}{SYSTEMS.index(self.asked)}{self.number}{serial:06d}"
        psn_no = f"{self.asked.region}{'0' * 10}{self.number}"
        if not self.known:
            told = self.ask("person", kind="psn_no", value=psn_no, name=self.name_of)
            self.known = told is not None and told.get("told") == "good"
        steps = [("register", {"psn_no": psn_no, "name": self.name_of, **COLD}),
                 ("details", {"lines": [{"line_no": "1", "item": f"{self.asking.region[:4]}-0001", "price": "12.50",
                                         "qty": "2"}]}),
                 ("settle", {"use_acct": 0})]
        if serial % 2:
            steps.append(("cancel_settlement", {"reason": "退费"}))
        if all(self.bring(op, visit_no, fields) for op, fields in steps):
            self.done += 1
        else:
            self.stop.wait(0.3)

    def ask(self, op: str, **fields: object) -> dict | None:
        """Do one operation once; None while the hospital itself is not there."""
        with contextlib.suppress(ValueError, OSError):
            answer = self.system.world.ask(self.system.hospitals[self.asking.name],
                                           {"op": op, "area": self.asked.region, **fields}, ASK_S)
            if answer is not None and answer["ok"]:
                return answer
        return None

    def bring(self, op: str, visit_no: str, fields: dict) -> bool:
        """Do a step until it is known to be done; False: this visit goes no further."""
        end = time.monotonic() + STEP_S
        while time.monotonic() < end and not self.stop.is_set():
            answer = self.ask(op, visit_no=visit_no, **fields)
            if answer is not None and answer["told"] == "unknown":
                answer = self.conclusion(answer["serial"])
            told = answer["told"] if answer is not None else "away"
            if told == "good":
                return True
            if told not in ("away", "blocked", "not_sent", "reversed"):
                return False
            self.stop.wait(0.5)
        return False

    def conclusion(self, serial: str) -> dict | None:
        """Wait until the ladder of an unknown outcome has ended, or the test has."""
        end = time.monotonic() + CONCLUSION_S
        while time.monotonic() < end and not self.stop.is_set():
            ended = self.ask("conclusion", serial=serial, seconds=5)
            if ended is None or ended["told"] != "unknown":
                return ended
        return None


@dataclasses.dataclass
class Update:
    """What a loopback caller was told of one update in the end."""

    ending: str = "no ending"
    given_up: bool = False


class Loop(Stream):
    """A caller of the loopback pair; every so many updates it hangs up at once and reverses what it had asked for."""

    give_up_every = 17

    def __init__(self, system: System, node: str, number: int, pace: Pace, patience_s: float):
        super().__init__()
        self.system, self.node, self.number, self.pace, self.patience_s = system, node, number, pace, patience_s
        self.updates: dict[str, Update] = {}
        self.reversals = 0
        self.caller: LoopbackCaller | None = None

    def msgid(self, institution: str, serial: int) -> str:
        """Return a message id of our own: institution, date, a counter where the time stands, four digits."""
        return f"H4501{institution}{self.number:06d}20261124{serial // 10000:06d}{serial % 10000:04d}"

    def play(self, serial: int) -> None:
        """One update to its end."""
        self.pace.wait(self.stop)
        if self.stop.is_set():
            return
        msgid = self.msgid("0", serial)
        update = self.updates[msgid] = Update()
        body = b'{"input":{"data":{"psn_no":"L%d"}}}' % self.number
        if serial % self.give_up_every == 0:
            update.given_up = True
            self.vanish(msgid, body)
            self.reversals += 1
            reversal = self.msgid("1", serial)
            told = self.until_told(reversal, b"{}", infno="2601", original_msgid=msgid, original_infno="2207")
            update.ending = "no ending" if told is None else "stands" if told["effect"] == "posted" else "reversed"
        else:
            told = self.until_told(msgid, body)
            update.ending = "no ending" if told is None else told["kind"]
        self.done += update.ending in ("answered", "reversed")

    def vanish(self, msgid: str, body: bytes) -> None:
        """Send, and hang up without reading."""
        with contextlib.suppress(OSError):
            self.connected().send(msgid, body, insured_area=LOOP_AREA, person=f"L{self.number}")
        self.hang_up()

    def until_told(self, msgid: str, body: bytes, **more: str) -> dict | None:
        """Ask until told an ending; None if none was to be had. Told "open" it asks again, as its text says."""
        try:
            return wait_until(f"an ending of {msgid}", lambda: self.told(msgid, body, **more), self.patience_s, pause=0.1)
        except NotReached:
            return None

    def told(self, msgid: str, body: bytes, **more: str) -> dict | None:
        """Ask once; None unless told an ending."""
        try:
            head, _ = self.connected().ask(msgid, body, insured_area=LOOP_AREA, person=f"L{self.number}", **more)
        except (OSError, ConnectionError, ValueError):
            self.hang_up()
            return None
        return head if head["kind"] in ("answered", "refused") else None

    def connected(self) -> LoopbackCaller:
        """Return the connection, made anew where there is none."""
        if self.caller is None:
            self.caller = LoopbackCaller(self.system.loop_callers[self.node], LOOP_ASK_S)
        return self.caller

    def hang_up(self) -> None:
        """Let the connection go."""
        if self.caller is not None:
            self.caller.close()
        self.caller = None


class Load:
    """All streams."""

    def __init__(self, system: System, rate: float, loop_streams: int, patience_s: float):
        pace = Pace(rate)
        nodes = list(system.loop_callers)
        self.loops = [Loop(system, nodes[number % len(nodes)], number, pace, patience_s) for number in range(loop_streams)]
        self.visits = [Visits(system, asking, asked, person) for number, person in enumerate(PERSONS)
                       for at, asked in enumerate(SYSTEMS)
                       for asking in [[each for each in SYSTEMS if each is not asked][(number + at) % 2]]]

    @property
    def streams(self) -> list[Stream]:
        """Return all of them."""
        return [*self.loops, *self.visits]

    def start(self) -> None:
        """Begin."""
        for stream in self.streams:
            stream.start()

    def stop(self) -> None:
        """Begin nothing new; what is under way is brought to its end."""
        for stream in self.streams:
            stream.stop.set()
        for stream in self.streams:
            stream.join()
