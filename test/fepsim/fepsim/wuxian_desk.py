"""The desk of wuxian: each document from its checks to its answer.

The order of the checks is part of the protocol: what can be read, GRANTID, the
transaction number, the form of the serial; then the repeat; only then fields,
clock and business. A Fault is told exactly when the number and the serial of the
request cannot be read; anything else is an answer.
"""

import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from . import wuxian_answers as answers, wuxian_requests as requests
from .books import Key
from .clock import Clock, is_time, moment_of
from .counter import Counter, Prepared
from .insurer import Insurer
from .manners import ILLEGAL_TEXT, Manner, after
from .money import format_yuan, parse_yuan
from .refusals import GOOD, UNDECIDED, Refusal
from .requests import Origin
from .text import fold_identifier
from .wuxian_dictionary import NoSuchCode
from .wuxian_layout import ANSWER_HEAD, INPUTS, REQUEST_HEAD, BadField, read, write_fields
from .wuxian_queries import Queries
from .wuxian_requests import Request, digest_of, key_of, original_key, read_input
from .wuxian_xml import (Element, Markup, Unreadable, cut, envelope, inner_document,
                         write_answer)

CLOCK_TOLERANCE = timedelta(minutes=10)
MOST_TEXT = 200
INQUIRY, REVERSAL = "1902", "1901"

# transaction: (operation of the insurer, reader of the request, writer of the output)
POSTINGS = {
    "1201": ("register", requests.register, answers.registered),
    "1202": ("cancel_register", requests.cancel_register, answers.unregistered),
    "1301": ("details", requests.details, None),
    "1302": ("cancel_details", requests.cancel_details, answers.details_removed),
    "1402": ("settle", requests.settle, answers.settled),
    "1403": ("cancel", requests.cancel, answers.cancelled),
    "1901": ("reverse", requests.reverse, answers.reversed_),
}

# Transactions about no person: the region of insurance is whatever region they name.
WITHOUT_REGION = frozenset({"1501", "1502", "1601", "1999"})

_SERIAL = re.compile(r"[0-9A-Z]{12}([0-9]{14})[0-9]{4}", re.ASCII)
_REGION = re.compile(r"[0-9]{6}", re.ASCII)
_CASH = re.compile(r"<AKC261>([^<]*)</AKC261>")
_ERROR_TEXT = b"<ERRORMSG>"


class Exchange(Protocol):
    """What the desk needs of a connection on which one request came."""

    def fault(self, text: str) -> None: ...
    def deliver(self, body: bytes, manner: Manner) -> None: ...


@dataclass(frozen=True)
class Settings:
    """Who may ask, in which direction, and how this stand-in is to behave."""

    grant: str
    direction: str = "2"
    check_clock: bool = True
    slow_seconds: float = 20.0


class Numbers:
    """Numbers in the form of wuxian; a serial is node, time and four digits."""

    def __init__(self, region: str):
        self._node = f"WX{region}0001"

    def visit_id(self, stamp: str, n: int) -> str:
        return f"WX{stamp[:8]}{n:08d}"

    def settlement_id(self, stamp: str, n: int) -> str:
        return f"WX{stamp[:8]}{n:014d}"

    def receiver_serial(self, stamp: str, n: int) -> str:
        return f"{self._node}{stamp}{n % 10000:04d}"

    def twin_serial(self, serial: str, n: int) -> str:
        return f"{serial[:12]}9{n:017d}"


class Desk:
    """Serves documents against one insurer."""

    def __init__(self, insurer: Insurer, clock: Clock, settings: Settings):
        self.insurer = insurer
        self.clock = clock
        self.settings = settings
        self._queries = Queries(insurer, clock)
        self._counter = Counter(insurer, settings.slow_seconds,
                                lambda seconds, work: after(seconds, work))

    def receive(self, body: bytes, action_fits: bool, exchange: Exchange) -> None:
        """Take one document; its answer is delivered now or later, or never."""
        try:
            document = inner_document(body, "business", "inputXml")
            if document.name != "REQUEST":
                raise Unreadable(document.local)
            head = document.child("HEAD")
            talk = _Talk(self, document, _name(head, "MSGNO"), _name(head, "MSGID"), exchange)
        except Unreadable as trouble:
            exchange.fault(str(trouble))
            return
        talk.guard(lambda: self._receive(talk, action_fits))

    def _receive(self, talk: "_Talk", action_fits: bool) -> None:
        stamp = self.clock.stamp()
        if not action_fits:
            raise Refusal("1001", "SOAPAction")
        self._check_access(talk)
        if talk.code in POSTINGS:
            self._take_posting(talk, stamp)
            return
        request = self._request(talk, stamp)
        talk.tell(self._queries.answer(request), self._counter.manner_about(talk.original()))

    def _check_access(self, talk: "_Talk") -> None:
        """Check what comes before the repeat check, in its order."""
        grant = talk.document.child("HEAD").child("GRANTID").text
        if fold_identifier(grant) != self.settings.grant:
            raise Refusal("1004")
        if talk.code not in INPUTS:
            raise Refusal("1002", talk.code)
        form = _SERIAL.fullmatch(talk.serial)
        if not form or not is_time(form[1]):
            raise Refusal("1003", "MSGID")

    def _take_posting(self, talk: "_Talk", stamp: str) -> None:
        key = key_of(talk.serial, talk.code)
        digest = digest_of(talk.document)

        def prepare() -> Prepared:
            request = self._request(talk, stamp)
            kind, read_request, _ = POSTINGS[talk.code]
            return Origin(key, digest, request.head["AKB020"], request.head["AAB301"],
                          stamp[:8], stamp), kind, read_request(request)

        self._counter.take(key, digest, talk, prepare)

    def _request(self, talk: "_Talk", stamp: str) -> Request:
        """Check the head and read the input, after the repeat check."""
        head = read(REQUEST_HEAD.plain, talk.document.child("HEAD"))
        if head["JYFX"] != self.settings.direction:
            raise Refusal("1003", "JYFX")
        for name in ("AAA027", "AAB301"):
            if not _REGION.fullmatch(head[name]):
                raise Refusal("1003", name)
        if talk.code not in WITHOUT_REGION and head["AAA027"] != self.insurer.region:
            raise Refusal("1003", "AAA027")
        if talk.code not in (INQUIRY, REVERSAL) and (head["ORGMSGNO"] or head["ORGMSGID"]):
            raise Refusal("1003", "ORGMSGNO")
        element = talk.document.child("INPUT")
        values = read_input(talk.code, element)
        skew = moment_of(head["OPTTIME"]) - moment_of(stamp)
        if self.settings.check_clock and abs(skew) > CLOCK_TOLERANCE:
            raise Refusal("1006")
        return Request(head, element, values)

    def good_posting(self, talk: "_Talk", line: dict) -> str:
        """Write the good answer to a posting."""
        if line["kind"] == "details":
            output = answers.details(line, self.insurer.catalogue)
        else:
            output = POSTINGS[line["tran"]][2](line)
        return self.document(talk, output=output, ctr_serial=line["ctr_serial"])

    def document(self, talk: "_Talk", code: str = GOOD, text: str = "",
                 output: Markup = Markup(), ctr_serial: str = "") -> str:
        """Write the inner document of an answer."""
        result = "1" if code == GOOD else "-9" if code in UNDECIDED else "-1"
        head = write_fields(ANSWER_HEAD.plain, {
            "MSGNO": talk.code, "MSGID": talk.serial, "REFMSGID": ctr_serial,
            "RETURNNUM": result, "ERRORCODE": code, "ERRORMSG": cut(text, MOST_TEXT),
            "OPTTIME": self.clock.stamp()})
        return write_answer(head, output)


def _name(head: Element, name: str) -> str:
    """Read the number or the serial of a request; without them there is no answer."""
    text = head.child(name).text
    if not text or "\ufffd" in text:
        raise Unreadable(name)
    return fold_identifier(text)


class _Talk:
    """A request on its way to its answer."""

    def __init__(self, desk: Desk, document: Element, code: str, serial: str,
                 exchange: Exchange):
        self._desk = desk
        self.document = document
        self.code = code
        self.serial = serial
        self._exchange = exchange

    def render(self, line: dict) -> str:
        return self._desk.good_posting(self, line)

    def render_refusal(self, refusal: Refusal, line: dict) -> str:
        return self._desk.document(self, refusal.code, refusal.text)

    def original(self) -> Key | None:
        if self.code not in (INQUIRY, REVERSAL):
            return None
        head = self.document.child("HEAD")
        return original_key({name: fold_identifier(head.child(name).text)
                             for name in ("ORGMSGNO", "ORGMSGID")})

    def send(self, stored: str, manner: Manner, fault: str | None = None) -> None:
        if fault == "ZZ08":
            stored = _CASH.sub(_one_fen_more, stored, count=1)
        body = envelope("businessResponse", "businessReturn", stored) if stored else b""
        if fault == "ZZ10":
            body = body.replace(_ERROR_TEXT, _ERROR_TEXT + ILLEGAL_TEXT, 1)
        self._exchange.deliver(body, manner)

    def tell(self, output: Markup, manner: Manner) -> None:
        """Answer a question."""
        self.send(self._desk.document(self, output=output), manner)

    def refuse(self, refusal: Refusal) -> None:
        self.send(self._desk.document(self, refusal.code, refusal.text), Manner.PLAIN)

    def guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Refusal as refusal:
            self.refuse(refusal)
        except (BadField, NoSuchCode) as trouble:
            self.refuse(Refusal("1003", str(trouble)))
        except Unreadable as trouble:
            self.refuse(Refusal("1001", str(trouble)))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self.refuse(Refusal("9999"))


def _one_fen_more(cash: re.Match) -> str:
    return f"<AKC261>{format_yuan(parse_yuan(cash[1]) + 1)}</AKC261>"
