"""The desk of an asked danxian: each line from its checks to its answer.

The order of the checks is part of the protocol: what can be read, the code, the
form of the serial; then whether the serial was used, for nothing is ever
replayed; only then fields, clock, cycle and business.
"""

import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from . import caret_answers as answers, caret_requests as requests
from .books import Key
from .caret_cycles import Cycle, Cycles
from .caret_inputs import INPUTS, read_input
from .caret_positions import SERIAL_FORMS, Positions
from .caret_queries import Queries
from .caret_record import (LINE_END, Request, Unreadable, closed_fields, decode_request,
                           encode_answer)
from .caret_requests import key_of
from .clock import Clock, is_time, moment_of
from .counter import Counter, Prepared
from .insurer import Insurer
from .manners import ILLEGAL_TEXT, Manner, after
from .money import format_yuan, parse_yuan
from .refusals import Refusal
from .requests import Origin

CLOCK_TOLERANCE = timedelta(minutes=10)
SIGN_IN, SIGN_OUT, CENTRE_TIME, REVERSAL = "9100", "9110", "1800", "2421"
OWN_REGION = frozenset({SIGN_IN, SIGN_OUT, CENTRE_TIME, "1110", "1120", "1300"})

# transaction: (operation of the insurer, reader of the request, writer of the output)
POSTINGS = {
    "2210": ("register", requests.register, answers.registered),
    "2240": ("cancel_register", requests.cancel_register, answers.nothing),
    "2310": ("details", requests.details, answers.details),
    "2320": ("cancel_details", requests.cancel_details, answers.details_removed),
    "2410": ("settle", requests.settle, answers.settled),
    "2430": ("cancel", requests.cancel, answers.cancelled),
    "2421": ("reverse", requests.reverse, answers.reversed_),
}
_CODES = {kind: code for code, (kind, _, _) in POSTINGS.items()}

_REGION = re.compile(r"[0-9]{6}", re.ASCII)
_INSTITUTION = re.compile(r"[0-9A-Z]{12}", re.ASCII)
_OPERATOR = re.compile(r"[0-9A-Za-z]{1,8}", re.ASCII)
_TEXT = 4
PRICED = frozenset({"2410", "2420", "2430"})


class Exchange(Protocol):
    """What the desk needs of a connection on which one line came."""

    def deliver(self, body: bytes, manner: Manner) -> None: ...


@dataclass(frozen=True)
class Settings:
    """Whose server this is, and how it is to behave."""

    region: str
    password: str
    check_clock: bool = True
    slow_seconds: float = 20.0
    positions: Positions = Positions()
    serial_form: str = "time-first"


class Numbers:
    """Numbers in the form of danxian."""

    def visit_id(self, stamp: str, n: int) -> str:
        return f"DX{stamp[:8]}{n:012d}"

    def settlement_id(self, stamp: str, n: int) -> str:
        return f"DX{stamp[:8]}{n:014d}"

    def receiver_serial(self, stamp: str, n: int) -> str:
        return f"DX{stamp}{n % 1_000_000:06d}"

    def twin_serial(self, serial: str, n: int) -> str:
        return f"{serial[:14]}-TWIN{n}-{n % 10000:04d}"


class Desk:
    """Serves lines against one insurer."""

    def __init__(self, insurer: Insurer, cycles: Cycles, clock: Clock, settings: Settings):
        self.insurer = insurer
        self.cycles = cycles
        self.clock = clock
        self.settings = settings
        self._queries = Queries(insurer, clock, cycles)
        self._counter = Counter(insurer, settings.slow_seconds,
                                lambda seconds, work: after(seconds, work))

    def receive(self, line: bytes, exchange: Exchange) -> None:
        """Take one line; its answer is delivered now or later, or never."""
        try:
            talk = _Talk(self, decode_request(line), exchange)
        except Unreadable as trouble:
            exchange.deliver(refused_unread(str(trouble)), Manner.PLAIN)
            return
        talk.guard(lambda: self._receive(talk))

    def _receive(self, talk: "_Talk") -> None:
        stamp = self.clock.stamp()
        request = talk.request
        if request.code not in INPUTS:
            raise Refusal("1002", request.code)
        form = SERIAL_FORMS[self.settings.serial_form].fullmatch(request.serial)
        if not form or not is_time(form["time"]):
            raise Refusal("1003", "serial")
        talk.key = key_of(request.serial)
        if request.code in POSTINGS:
            self._take_posting(talk, stamp)
        else:
            self._answer_query(talk, stamp)

    def _take_posting(self, talk: "_Talk", stamp: str) -> None:
        request = talk.request

        def prepare() -> Prepared:
            values, rows, cycle = self._read(request, stamp)
            talk.values = values
            kind, read, _ = POSTINGS[request.code]
            wanted = read(values, rows, self.insurer.ledger.people)
            if request.code == REVERSAL:
                self._check_original(values)
            region = values.get("treat_region") or request.centre
            return Origin(talk.key, "", request.institution, region, cycle.date, stamp,
                          cycle=cycle.number), kind, wanted

        self._counter.take(talk.key, "", talk, prepare)

    def _check_original(self, values: dict) -> None:
        """Refuse a reversal that names the right serial with the wrong code."""
        original = self.insurer.postings.by_key.get(key_of(values["serial"]))
        if original and _code_of(original) != values["code"]:
            raise Refusal("1003", "code")

    def _answer_query(self, talk: "_Talk", stamp: str) -> None:
        """Answer a question; its serial is used up by that."""
        request = talk.request
        self.insurer.serials.arrive(talk.key, "")
        try:
            values, _, cycle = self._read(request, stamp)
            number = request.cycle
            if request.code == SIGN_IN:
                cycle, resumed = self._sign_in(request, values, stamp)
                number, output = cycle.number, ([stamp, "1" if resumed else "0"], [])
            elif request.code == SIGN_OUT:
                output = self._sign_out(values, cycle)
            elif request.code == CENTRE_TIME:
                output = [stamp], []
            else:
                output = self.arranged(request.code, self._queries.answer(
                    request.code, values, request.institution, cycle))
            self.use_up(talk)
        finally:
            self.insurer.serials.release(talk.key)
        talk.tell(encode_answer(0, "", number, *output))

    def _read(self, request: Request, stamp: str) -> tuple[dict, list, Cycle | None]:
        """Check the head, the parameters and the cycle."""
        if request.online not in ("", "1"):
            raise Refusal("1003", "online")
        if not _INSTITUTION.fullmatch(request.institution):
            raise Refusal("1003", "institution")
        if not _OPERATOR.fullmatch(request.operator):
            raise Refusal("1003", "operator")
        own = request.code in OWN_REGION
        if not _REGION.fullmatch(request.centre) or (
                own and request.centre != self.settings.region):
            raise Refusal("1003", "centre")
        values, rows = read_input(request.code, request.params)
        cycle = None
        if request.code not in (SIGN_IN, CENTRE_TIME):
            cycle = self.cycles.for_use(request.cycle, request.institution,
                                        request.operator, request.code, stamp[:8])
        return values, rows, cycle

    def _sign_in(self, request: Request, values: dict, stamp: str) -> tuple[Cycle, bool]:
        skew = moment_of(values["time"]) - moment_of(stamp)
        if self.settings.check_clock and abs(skew) > CLOCK_TOLERANCE:
            raise Refusal("1006")
        if values["password"] != self.settings.password:
            raise Refusal("1004")
        return self.cycles.sign_in(request.institution, request.operator, stamp[:8])

    def _sign_out(self, values: dict, cycle: Cycle) -> answers.Output:
        if values["forced"] not in ("0", "1"):
            raise Refusal("1003", "forced")
        self.cycles.sign_out(cycle, values["forced"] == "1")
        return [], []

    def arranged(self, code: str, output: answers.Output) -> answers.Output:
        """Put the figures of a settlement where this region has them."""
        fields, rows = output
        return (self.settings.positions.arrange(fields) if code in PRICED else fields), rows

    def use_up(self, talk: "_Talk") -> None:
        """Remember a serial that no posting in the books stands for."""
        if talk.key and talk.key not in self.insurer.postings.by_key:
            self.insurer.note({"kind": "query", "key": list(talk.key),
                               "asked": talk.request.code})


def refused_unread(text: str) -> bytes:
    """Answer to a line that cannot be read."""
    return encode_answer(-1001, text=text)


def _code_of(line: dict) -> str:
    """Return the transaction code under which a line of the books was asked for."""
    return line["asked"] if line["kind"] == "query" else _CODES[line["kind"]]


class _Talk:
    """A request on its way to its answer."""

    def __init__(self, desk: Desk, request: Request, exchange: Exchange):
        self._desk = desk
        self.request = request
        self.key: Key | None = None
        self.values: dict = {}
        self._exchange = exchange

    def render(self, line: dict) -> str:
        write = POSTINGS[self.request.code][2]
        output = self._desk.arranged(self.request.code, write(line, self._desk.insurer.catalogue))
        return encode_answer(0, line["ctr_serial"], self.request.cycle, *output).hex()

    def render_refusal(self, refusal: Refusal, line: dict) -> str:
        return self._refusal(refusal).hex()

    def original(self) -> Key | None:
        if self.request.code != REVERSAL or not self.values:
            return None
        return key_of(self.values["serial"])

    def send(self, stored: str, manner: Manner, fault: str | None = None) -> None:
        self._exchange.deliver(_damaged(bytes.fromhex(stored), fault, self._cash()), manner)

    def _cash(self) -> int:
        return self._desk.settings.positions.place_of("cash")

    def tell(self, line: bytes) -> None:
        """Answer a question."""
        self._exchange.deliver(line, Manner.PLAIN)

    def refuse(self, refusal: Refusal) -> None:
        self.tell(self._refusal(refusal))

    def _refusal(self, refusal: Refusal) -> bytes:
        return encode_answer(-int(refusal.code), "", self.request.cycle, text=refusal.text)

    def guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Refusal as refusal:
            if refusal.is_stored:
                self._desk.use_up(self)
            self.refuse(refusal)
        except Unreadable as trouble:
            self.refuse(Refusal("1001", str(trouble)))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self.refuse(Refusal("9999"))


def _damaged(line: bytes, fault: str | None, cash: int) -> bytes:
    """Return a good answer with the damage that two of the faults want."""
    if fault not in ("ZZ08", "ZZ10"):
        return line
    fields, _ = closed_fields(line[:-len(LINE_END)], "^")
    if fault == "ZZ10":
        fields[_TEXT] = ILLEGAL_TEXT + fields[_TEXT]
    else:
        output, _ = closed_fields(fields[3], "|")
        output[cash] = format_yuan(parse_yuan(output[cash].decode()) + 1).encode()
        fields[3] = b"".join(value + b"|" for value in output)
    return b"".join(value + b"^" for value in fields) + LINE_END
