"""The desk of `dajizhong`: each record from its checks to its answer.

The order of the checks is part of the protocol: what can be read, the checksum,
the sign-on, the transaction code, the serial; then the repeat; only then fields,
clock, accounting date and business.
"""

import hashlib
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Protocol

from . import djz_answers, djz_codes, djz_requests
from .clock import Clock, is_date, moment_of
from .djz_copybook import ANSWERS, HEADER, REQUESTS
from .djz_queries import Queries
from .djz_record import (HEADER_SIZE, Record, Unreadable, content_of, decode_identifier,
                         mac_of, overlay, read_body, read_header, seal)
from .faults import BEFORE_POSTING, FAULTY_OPERATIONS
from .insurer import Insurer
from .refusals import GOOD, Refusal
from .requests import Origin

GOOD_TEXT = "交易成功"
CLOCK_TOLERANCE = timedelta(minutes=10)
MOST_WINDOW = 16
ILLEGAL_TEXT = b"\xb0\x20\xff"

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


class Manner(Enum):
    """What becomes of an answer on its way out."""

    PLAIN = auto()
    LAST = auto()    # sent, then the connection is closed
    LATE = auto()    # sent after the client has given up
    HALF = auto()    # half of its bytes, then closed
    DROP = auto()    # closed without an answer
    SILENT = auto()  # never sent; the connection stays


_MANNERS = {"ZZ01": Manner.LATE, "ZZ03": Manner.DROP, "ZZ04": Manner.HALF,
            "ZZ09": Manner.SILENT, "ZZ11": Manner.DROP}


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


def after(seconds: float, work: Callable[[], None]) -> None:
    """Do something later without holding up the end of the process."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


class Desk:
    """Serves records of any connection against one insurer."""

    def __init__(self, insurer: Insurer, clock: Clock, settings: Settings):
        self.insurer = insurer
        self.clock = clock
        self.settings = settings
        self._queries = Queries(insurer, clock, settings.files)

    # ---- the path of a record ------------------------------------------------

    def receive(self, raw: bytes, session: Session) -> None:
        """Take one record; its answer is delivered now or later, or never."""
        self._guard(raw, session, lambda: self._receive(raw, session))

    def _guard(self, raw: bytes, session: Session, work: Callable[[], None]) -> None:
        """Do the work; whatever it raises becomes an answer."""
        try:
            work()
        except Refusal as refusal:
            self._refuse(raw, session, refusal)
        except Unreadable as trouble:
            self._refuse(raw, session, Refusal("1001", str(trouble)))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self._refuse(raw, session, Refusal("9999"))

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
            session.deliver(self._answer(raw), Manner.LAST)
            return
        else:
            body, count = self._queries.answer(tran, record)
        manner = self._manner_about_original(record) if tran == INQUIRY else Manner.PLAIN
        session.deliver(self._answer(raw, body=body, count=count), manner)

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
        fixed = {"H-VERSION": "01", "H-KIND": "Q", "H-DIR": "2", "H-PAGE": 1, "H-MORE": "N",
                 "H-RECEIVER": self.settings.node, "H-RET-CODE": "", "H-RET-MSG": "",
                 "H-CTR-SERIAL": ""}
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
        stored = self.insurer.serials.arrive(key, digest)
        if stored is not None:
            session.deliver(bytes.fromhex(stored), self._manner_about_original(record))
            return
        try:
            self._check_fields(record, stamp)
            if f"{header['H-BUS-DATE']:08d}" != stamp[:8]:
                raise Refusal("9202")
            kind, read, _ = POSTINGS[header["H-TRAN"]]
            request = read(record)
            fault = self._due_fault(kind, header["H-HOSP"], request)
            origin = Origin(key, digest, header["H-HOSP"], header["H-TREAT-RGN"],
                            stamp[:8], stamp, fault)
            if fault in BEFORE_POSTING:
                self._act_before_posting(origin, request, kind, record, session)
                return
        except BaseException:
            self.insurer.serials.release(key)
            raise
        self._post(origin, request, kind, record, session)

    def _due_fault(self, kind: str, hospital: str, request) -> str | None:
        if kind not in FAULTY_OPERATIONS:
            return None
        return self.insurer.faults.due(hospital, request.visit_no, kind)

    def _act_before_posting(self, origin: Origin, request, kind: str, record: Record,
                            session: Session) -> None:
        """Act out a fault that keeps the posting back, for good or for a while."""
        self.insurer.faults.show(origin.hospital, request.visit_no, kind)
        if origin.fault == "ZZ05":
            raise Refusal("9001")
        if origin.fault == "ZZ07":
            raise Refusal("9002")
        if origin.fault == "ZZ02":
            self.insurer.serials.release(origin.key)
            session.deliver(b"", Manner.DROP)
            return
        after(self.settings.slow_seconds, lambda: self._guard(
            record.raw, session,
            lambda: self._post(origin, request, kind, record, session)))

    def _post(self, origin: Origin, request, kind: str, record: Record,
              session: Session) -> None:
        """Post, and send the answer the way the fault wants it."""
        raw = record.raw
        line = self.insurer.post(
            origin, kind, request,
            lambda line: self._good_posting(raw, line).hex(),
            lambda refusal, line: self._answer(raw, refusal.code, refusal.text,
                                               acct_date=line["acct_date"]).hex())
        answer = bytes.fromhex(line["answer"])
        if kind == "reverse":
            session.deliver(answer, self._manner_about_original(record))
        elif line["state"] == "refused":
            session.deliver(answer, Manner.PLAIN)
        elif origin.fault == "ZZ06":
            self._refuse(raw, session, Refusal("9002"))
        else:
            session.deliver(_damaged(answer, origin.fault),
                            _MANNERS.get(origin.fault, Manner.PLAIN))

    def _good_posting(self, raw: bytes, line: dict) -> bytes:
        count = 0
        if line["kind"] == "details":
            body = djz_answers.details(line, self.insurer.catalogue)
            count = len(line["lines"])
        else:
            body = POSTINGS[line["tran"]][2](line)
        return self._answer(raw, body=body, count=count, ctr_serial=line["ctr_serial"],
                            acct_date=line["acct_date"])

    def _manner_about_original(self, record: Record) -> Manner:
        """Say how to answer a reversal or inquiry, given the fault of its original."""
        header = record.header
        if header["H-TRAN"] not in (INQUIRY, REVERSAL):
            return Manner.PLAIN
        original = self.insurer.postings.by_key.get(djz_requests.original_key(record))
        unanswered = self.insurer.faults.leaves_unanswered(original)
        return Manner.DROP if unanswered else Manner.PLAIN

    # ---- answers -------------------------------------------------------------

    def _answer(self, raw: bytes, code: str = GOOD, text: str = GOOD_TEXT, body: bytes = b"",
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

    def _refuse(self, raw: bytes, session: Session, refusal: Refusal) -> None:
        session.deliver(self._answer(raw, refusal.code, refusal.text), Manner.PLAIN)


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
