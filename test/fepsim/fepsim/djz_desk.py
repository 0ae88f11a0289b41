"""The desk of `dajizhong`: each record from its checks to its answer.

The order of the checks is part of the protocol: what can be read, the checksum,
the sign-on, the transaction code, the serial; then the repeat; only then fields,
clock, accounting date and business.
"""

import hashlib
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from . import djz_answers, djz_codes, djz_requests
from .books import Key
from .clock import Clock, is_date, moment_of
from .counter import Counter, Prepared
from .djz_copybook import ANSWERS, HEADER, REQUESTS
from .djz_queries import Queries
from .djz_record import (HEADER_SIZE, Record, Unreadable, content_of, decode_identifier,
                         mac_of, overlay, read_body, read_header, seal)
from .insurer import Insurer
from .manners import ILLEGAL_TEXT, Manner, after
from .refusals import GOOD, Refusal
from .requests import Origin

GOOD_TEXT = "交易成功"
CLOCK_TOLERANCE = timedelta(minutes=10)
MOST_WINDOW = 16

SIGN_ON, SIGN_OFF, INQUIRY, REVERSAL = "900001", "900002", "500002", "500001"

# transaction: (operation of the insurer, reader of the request, writer of the answer body)
POSTINGS = {
    "200001": ("register", djz_requests.register, djz_answers.registered),
    "200002": ("cancel_register", djz_requests.cancel_register, lambda line: b""),
    "300001": ("details", djz_requests.details, None),
    "300002": ("cancel_details", djz_requests.cancel_details, djz_answers.details_removed),
    "400002": ("settle", djz_requests.settle, djz_answers.settled),
    "400003": ("cancel", djz_requests.cancel, djz_answers.cancelled),
    "500001": ("reverse", djz_requests.reverse, djz_answers.reversed_),
}

# Transactions about no visit: region of treatment, insured region and hospital may be blank.
WITHOUT_REGION = frozenset({"600001", "600002", "600003", "700001", SIGN_ON, SIGN_OFF})
WITHOUT_HOSPITAL = WITHOUT_REGION | {"100001", "800001", INQUIRY, REVERSAL}


class Session(Protocol):
    """What the desk needs of a connection."""

    signed_on: bool
    window: int

    def over_window(self) -> bool: ...
    def deliver(self, record: bytes, manner: Manner) -> None: ...


@dataclass(frozen=True)
class Settings:
    """Who the two nodes are, and how this stand-in is to behave."""

    node: str
    gateway: str
    password: str
    window: int = MOST_WINDOW
    check_clock: bool = True
    late_seconds: float = 75.0
    slow_seconds: float = 20.0
    files: str = ""
    direction: str = "2"


class Numbers:
    """Numbers in the form of `dajizhong`: 20 characters, DJ in front."""

    def visit_id(self, stamp: str, n: int) -> str:
        return f"DJ{stamp[:8]}{n:010d}"

    def settlement_id(self, stamp: str, n: int) -> str:
        return f"DJS{stamp[:8]}{n:09d}"

    def receiver_serial(self, stamp: str, n: int) -> str:
        return f"DJ{stamp}{n % 10000:04d}"

    def twin_serial(self, serial: str, n: int) -> str:
        return f"{serial[:8]}9{n:011d}"


class Desk:
    """Serves records of any connection against one insurer."""

    def __init__(self, insurer: Insurer, clock: Clock, settings: Settings):
        self.insurer = insurer
        self.clock = clock
        self.settings = settings
        self._queries = Queries(insurer, clock, settings.files)
        self._counter = Counter(insurer, settings.slow_seconds,
                                lambda seconds, work: after(seconds, work))

    # ---- the path of a record ------------------------------------------------

    def receive(self, raw: bytes, session: Session) -> None:
        """Take one record; its answer is delivered now or later, or never."""
        self.guard(raw, session, lambda: self._receive(raw, session))

    def guard(self, raw: bytes, session: Session, work: Callable[[], None]) -> None:
        """Do the work; whatever it raises becomes an answer."""
        try:
            work()
        except Refusal as refusal:
            self.refuse(raw, session, refusal)
        except Unreadable as trouble:
            self.refuse(raw, session, Refusal("1001", str(trouble)))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self.refuse(raw, session, Refusal("9999"))

    def _receive(self, raw: bytes, session: Session) -> None:
        stamp = self.clock.stamp()
        record = read_header(raw)
        self._check_access(record, session)
        read_body(record, REQUESTS)
        tran = record.header["H-TRAN"]
        if tran in POSTINGS:
            self._take_posting(record, session, stamp)
            return
        self._check_fields(record, stamp)
        if tran == SIGN_ON:
            body, count = self._sign_on(record, session, stamp), 0
        elif tran == SIGN_OFF:
            session.deliver(self.answer(raw), Manner.LAST)
            return
        else:
            body, count = self._queries.answer(tran, record)
        manner = self._counter.manner_about(_original(record))
        session.deliver(self.answer(raw, body=body, count=count), manner)

    def _check_access(self, record: Record, session: Session) -> None:
        """Check what comes before the repeat check, in its order."""
        header = record.header
        if header["H-MAC"] != mac_of(record.raw):
            raise Refusal("1007")
        tran = header["H-TRAN"]
        if not session.signed_on and tran != SIGN_ON:
            raise Refusal("9201")
        if tran not in REQUESTS:
            raise Refusal("1002", tran)
        serial = header["H-SERIAL"]
        if not (len(serial) == 20 and serial.isascii() and serial.isdigit()
                and is_date(serial[:8])):
            raise Refusal("1003", "H-SERIAL")
        if session.over_window():
            raise Refusal("9001", "超出窗口")

    def _check_fields(self, record: Record, stamp: str) -> None:
        """Check the header's fields and the clock, after the repeat check."""
        header = record.header
        if record.bad:
            raise Refusal("1003", record.bad[0])
        if header["H-SENDER"] != self.settings.gateway:
            raise Refusal("1004", header["H-SENDER"])
        fixed = {"H-VERSION": "01", "H-KIND": "Q", "H-PAGE": 1, "H-MORE": "N",
                 "H-DIR": self.settings.direction, "H-RECEIVER": self.settings.node,
                 "H-RET-CODE": "", "H-RET-MSG": "", "H-CTR-SERIAL": ""}
        tran = header["H-TRAN"]
        if tran not in WITHOUT_REGION:
            fixed["H-INSU-RGN"] = self.insurer.region
        if tran not in (INQUIRY, REVERSAL):
            fixed |= {"H-ORG-TRAN": "", "H-ORG-SERIAL": ""}
        for name, value in fixed.items():
            if header[name] != value:
                raise Refusal("1003", name)
        if tran not in WITHOUT_REGION and not _is_region(header["H-TREAT-RGN"]):
            raise Refusal("1003", "H-TREAT-RGN")
        if tran not in WITHOUT_HOSPITAL and not header["H-HOSP"]:
            raise Refusal("1003", "H-HOSP")
        self._check_clock(header, stamp)

    def _check_clock(self, header: dict, stamp: str) -> None:
        sent = f"{header['H-DATE']:08d}{header['H-TIME']:06d}"
        try:
            skew = moment_of(sent) - moment_of(stamp)
        except ValueError as error:
            raise Refusal("1003", "H-DATE") from error
        if self.settings.check_clock and abs(skew) > CLOCK_TOLERANCE:
            raise Refusal("1006")

    def _sign_on(self, record: Record, session: Session, stamp: str) -> bytes:
        """Sign the connection on; a second time gives a new window."""
        session.signed_on = False
        if record.values["LQ-PASSWORD"] != self.settings.password:
            raise Refusal("1004")
        wanted = record.values["LQ-WINDOW"]
        if not 1 <= wanted <= MOST_WINDOW:
            raise Refusal("1003", "LQ-WINDOW")
        session.signed_on = True
        session.window = min(wanted, self.settings.window)
        return djz_answers.signed_on(stamp, session.window)

    # ---- postings ------------------------------------------------------------

    def _take_posting(self, record: Record, session: Session, stamp: str) -> None:
        """Replay a repeat, or carry a posting as far as its faults let it go."""
        header = record.header
        key = (header["H-SENDER"], header["H-TRAN"], header["H-SERIAL"])
        digest = hashlib.sha256(content_of(record.raw)).hexdigest()

        def prepare() -> Prepared:
            self._check_fields(record, stamp)
            if f"{header['H-BUS-DATE']:08d}" != stamp[:8]:
                raise Refusal("9202")
            kind, read, _ = POSTINGS[header["H-TRAN"]]
            return Origin(key, digest, header["H-HOSP"], header["H-TREAT-RGN"],
                          stamp[:8], stamp), kind, read(record)

        self._counter.take(key, digest, _Talk(self, record, session), prepare)

    def good_posting(self, raw: bytes, line: dict) -> bytes:
        """Write the good answer to a posting."""
        count = 0
        if line["kind"] == "details":
            body = djz_answers.details(line, self.insurer.catalogue)
            count = len(line["lines"])
        else:
            body = POSTINGS[line["tran"]][2](line)
        return self.answer(raw, body=body, count=count, ctr_serial=line["ctr_serial"],
                           acct_date=line["acct_date"])

    # ---- answers -------------------------------------------------------------

    def answer(self, raw: bytes, code: str = GOOD, text: str = GOOD_TEXT, body: bytes = b"",
                count: int = 0, ctr_serial: str = "", acct_date: str = "") -> bytes:
        """Turn a request's header into its answer's, byte by byte, and add a body.

        The accounting date of a posting is the one of its receipt, also if midnight
        has passed since.
        """
        stamp = self.clock.stamp()
        sender, receiver = HEADER["H-SENDER"], HEADER["H-RECEIVER"]
        split, end = receiver.offset, receiver.offset + receiver.size
        header = (raw[:sender.offset] + raw[split:end] + raw[sender.offset:split]
                  + raw[end:HEADER_SIZE])
        header = overlay(header, {
            "H-KIND": "R", "H-DATE": stamp[:8], "H-TIME": stamp[8:],
            "H-BUS-DATE": acct_date or stamp[:8], "H-RET-CODE": djz_codes.return_code(code),
            "H-RET-MSG": text, "H-CTR-SERIAL": ctr_serial, "H-PAGE": 1, "H-MORE": "N",
            "H-REC-CNT": count})
        return seal(header + body)

    def refuse(self, raw: bytes, session: Session, refusal: Refusal) -> None:
        session.deliver(self.answer(raw, refusal.code, refusal.text), Manner.PLAIN)


class _Talk:
    """A posting request on its way to its answer."""

    def __init__(self, desk: Desk, record: Record, session: Session):
        self._desk = desk
        self._record = record
        self._session = session

    def render(self, line: dict) -> str:
        return self._desk.good_posting(self._record.raw, line).hex()

    def render_refusal(self, refusal: Refusal, line: dict) -> str:
        return self._desk.answer(self._record.raw, refusal.code, refusal.text,
                                 acct_date=line["acct_date"]).hex()

    def original(self) -> Key | None:
        return _original(self._record)

    def send(self, stored: str, manner: Manner, fault: str | None = None) -> None:
        self._session.deliver(_damaged(bytes.fromhex(stored), fault), manner)

    def refuse(self, refusal: Refusal) -> None:
        self._desk.refuse(self._record.raw, self._session, refusal)

    def guard(self, work: Callable[[], None]) -> None:
        self._desk.guard(self._record.raw, self._session, work)


def _original(record: Record) -> Key | None:
    """Return the key of the original of a reversal or inquiry."""
    if record.header["H-TRAN"] not in (INQUIRY, REVERSAL):
        return None
    return djz_requests.original_key(record)


def _is_region(code: str) -> bool:
    return len(code) == 6 and code.isascii() and code.isdigit()


def _damaged(answer: bytes, fault: str | None) -> bytes:
    """Return a good answer with the damage that two of the faults want."""
    if fault == "ZZ08":
        tran = decode_identifier(answer[HEADER["H-TRAN"].offset:][:6], "H-TRAN")
        cash = ANSWERS[tran].fixed["SR-CASH"]
        start = HEADER_SIZE + cash.offset
        amount = int(answer[start:start + cash.size]) + 1
        return seal(answer[:start] + b"%+013d" % amount + answer[start + cash.size:])
    if fault == "ZZ10":
        start = HEADER["H-RET-MSG"].offset
        return seal(answer[:start] + ILLEGAL_TEXT + answer[start + len(ILLEGAL_TEXT):])
    return answer
