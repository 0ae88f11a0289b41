"""Sends one dajizhong record and judges its answer; signs connections on.

The accounting date that records carry is the server's, learnt when signing on;
a posting refused for a wrong one goes out again under its serial with the date
of that answer.
"""

import threading
import time

from . import china_time, djz_codes
from .asking import CODES_UNDECIDED, CannotAsk, Told, codes_not_posted
from .asking_books import AskingBooks
from .asking_desk import AskingDesk
from .belief import NotBelieved, check_output
from .djz_client import MOST_WINDOW, Connection, DjzClient
from .djz_copybook import ANSWERS, REQUESTS
from .djz_outputs import named
from .djz_record import HEADER_SIZE, Record, Unreadable, build, encode_body, read_answer
from .operations import DAJIZHONG, OPERATION_OF, POSTING, seconds_to_wait
from .wire import NoAnswer, NotSent

GOOD = "000000"
NOT_SIGNED_ON, WRONG_DATE = -9201, -9202
NOT_POSTED = codes_not_posted("9101", "9102", "9103")
TIMES = 3


def judge(entry: dict, raw: bytes) -> Told:
    """Turn an answer into an outcome; what cannot be read is unknown."""
    try:
        record = read_answer(raw)
        return _judge_record(entry, record)
    except (Unreadable, NotBelieved) as error:
        return Told("unknown", 0, f"unreadable answer: {error}")


def _judge_record(entry: dict, record: Record) -> Told:
    header, code = record.header, entry["code"]
    if record.bad:
        raise Unreadable(record.bad[0])
    if (header["H-KIND"], header["H-TRAN"], header["H-SERIAL"]) != ("R", code,
                                                                    entry["serial"]):
        raise Unreadable("the answer to another request")
    told = Told("good", 0, header["H-RET-MSG"], "", header["H-CTR-SERIAL"],
                acct_date=f"{header['H-BUS-DATE']:08d}")
    if header["H-RET-CODE"] == GOOD:
        told.out = named(code, record)
        if OPERATION_OF[code] == "inquire":
            told.out["original_body"] = record.raw[
                HEADER_SIZE + ANSWERS[code].fixed.size:].hex()
        check_output(OPERATION_OF[code], told.out, entry["expected"])
        return told
    told.code = djz_codes.common_code(header["H-RET-CODE"])
    final = told.code in NOT_POSTED or (
        OPERATION_OF[code] not in POSTING and told.code not in CODES_UNDECIDED)
    told.told = "refused" if final else "unknown"
    return told


class Desk(AskingDesk):
    """The one place from which records leave."""

    def __init__(self, books: AskingBooks, region: str, node: str, gateway_node: str,
                 operator: str, password: str, scale: float = 1.0):
        super().__init__(books, scale)
        self._region = region
        self._node = node
        self._gateway_node = gateway_node
        self._operator = operator
        self._password = password
        self._signing = threading.local()
        self.institution = ""
        self.bus_date = ""
        self.client: DjzClient | None = None

    def send(self, operation: str, institution: str, area: str, composed: tuple,
             original: dict | None = None, expected: dict | None = None,
             bus_date: str = "", **facts) -> Told:
        """Send a request; `original` is the one that a reversal or inquiry speaks of.

        Refusals that only say that the connection or the date is not right do
        not consume the serial: the request goes out again under it.
        """
        serial = self.books.next_serial(institution)
        facts |= {"institution": institution, "centre": area, "expected": expected or {},
                  "code": DAJIZHONG[operation], "cycle": "", "lines": len(composed[1])}
        if original:
            facts["original"], facts["original_code"] = original["serial"], original["code"]
        told = Told("not_sent")
        for _ in range(TIMES):
            date = bus_date or self._date()
            record = self._record(operation, serial, composed, facts, date)
            told = self.dispatch(serial, record, operation in POSTING, bus_date=date, **facts)
            if told.code == WRONG_DATE and told.acct_date != date:
                self.bus_date = told.acct_date
            elif told.code == NOT_SIGNED_ON and told.told == "refused":
                self.client.drop()
            else:
                break
        return told

    def _date(self) -> str:
        """Return the server's accounting date, signing on to learn it if need be."""
        if not self.bus_date:
            try:
                self.client.connection(
                    time.monotonic() + seconds_to_wait("sign_in") * self.scale)
            except (NotSent, NoAnswer):
                return china_time.today()  # the request itself will meet the same trouble
        return self.bus_date

    def _record(self, operation: str, serial: str, composed: tuple, facts: dict,
                date: str) -> bytes:
        values, rows = composed
        code, stamp = facts["code"], china_time.stamp()
        try:
            body = encode_body(REQUESTS[code], values, rows)
        except ValueError as error:
            raise CannotAsk(Told("refused", -1003, str(error))) from error
        return build({
            "H-KIND": "Q", "H-TRAN": code, "H-DIR": "1", "H-SENDER": self._node,
            "H-RECEIVER": self._gateway_node, "H-SERIAL": serial,
            "H-ORG-TRAN": facts.get("original_code", ""),
            "H-ORG-SERIAL": facts.get("original", ""), "H-TREAT-RGN": self._region,
            "H-INSU-RGN": facts["centre"], "H-HOSP": facts["institution"],
            "H-OPER": self._operator, "H-DATE": stamp[:8], "H-TIME": stamp[8:],
            "H-BUS-DATE": date}, body, len(rows))

    def exchange(self, entry: dict, fresh: bool) -> Told:
        seconds = seconds_to_wait(OPERATION_OF[entry["code"]], entry["lines"]) * self.scale
        record = bytes.fromhex(entry["line"])
        connection = getattr(self._signing, "connection", None)
        if connection is not None:
            return judge(entry, connection.exchange(record, seconds))
        return judge(entry, self.client.exchange(record, seconds, fresh))

    # ---- connections ---------------------------------------------------------

    def sign_on(self, connection: Connection) -> None:
        """Sign a new connection on; NotSent if the server will not have it."""
        self._signing.connection = connection
        try:
            serial = self.books.next_serial(self.institution)
            facts = {"institution": self.institution, "centre": self._region,
                     "expected": {}, "code": DAJIZHONG["sign_in"], "cycle": "", "lines": 0}
            record = self._record("sign_in", serial, (
                {"LQ-PASSWORD": self._password, "LQ-WINDOW": MOST_WINDOW}, []), facts, "")
            told = self.dispatch(serial, record, False, **facts)
        finally:
            self._signing.connection = None
        if told.told != "good":
            raise NotSent(f"sign-on: {told.text}", told.code)
        connection.open_window(told.out["window"])
        self.bus_date = told.out["bus_date"]
        self.signed_on = told

    def sign_in(self) -> Told:
        """Sign a new connection on now."""
        try:
            self.client.sign_on_again(seconds_to_wait("sign_in") * self.scale)
        except NotSent as error:
            return Told("refused" if error.code else "not_sent", error.code, str(error))
        return self.signed_on

    def sign_out(self, institution: str) -> Told:
        """Sign the connection off; the server closes it."""
        told = self.send("sign_out", institution, self._region, ({}, []))
        self.client.drop()
        return told

    def beat(self, seconds: float) -> Told:
        """See whether the server answers a heartbeat."""
        deadline = time.monotonic() + seconds * self.scale
        try:
            self.client.connection(deadline).beat(deadline - time.monotonic())
        except NotSent as error:
            return Told("not_sent", error.code, str(error))
        except NoAnswer as error:
            return Told("unknown", 0, str(error))
        return Told("good")
