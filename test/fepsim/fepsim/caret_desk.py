"""Sends one danxian request and says how it ended.

The order is fixed: write the request down, send it, judge the answer, write
the conclusion down, tell. Everything that talks to the gateway goes through
here, so nothing leaves that the books do not know.
"""

from dataclasses import dataclass, field

from .asking_books import AskingBooks, msgid_of
from .caret_client import CaretClient, NoAnswer, NotSent
from .caret_layout import (NOT_POSTED, POSTING, UNDECIDED, check_output, read_output,
                           seconds_to_wait)
from .caret_record import (Record, Request, Unreadable, decode_answer, encode_request)


@dataclass
class Told:
    """How a request ended, as its hospital is told."""

    told: str
    code: int = 0
    text: str = ""
    serial: str = ""
    centre_serial: str = ""
    cycle: str = ""
    out: dict = field(default_factory=dict)

    def as_answer(self) -> dict:
        """Return what goes through the control socket and into the books."""
        return {**vars(self), "msgid": msgid_of(self.serial) if self.serial else ""}


def judge(code: str, line: bytes, cycle: str = "", expected: dict | None = None) -> Told:
    """Turn an answer line into an outcome; what cannot be read is unknown."""
    try:
        answer = decode_answer(line)
        if answer.code == 0:
            out = read_output(code, answer.output)
            check_output(code, out, expected or {})
            if cycle and answer.cycle != cycle:
                raise Unreadable(f"cycle {answer.cycle!r} is not the request's")
            return Told("good", 0, answer.text, "", answer.centre_serial,
                        answer.cycle, out)
    except Unreadable as error:
        return Told("unknown", 0, f"unreadable answer: {error}")
    final = answer.code in NOT_POSTED or (
        code not in POSTING and answer.code not in UNDECIDED)
    return Told("refused" if final else "unknown", answer.code, answer.text, "",
                answer.centre_serial, answer.cycle)


class Desk:
    """The one place from which requests leave."""

    def __init__(self, client: CaretClient, books: AskingBooks, operator: str,
                 scale: float = 1.0):
        self.client = client
        self.books = books
        self.operator = operator
        self.scale = scale

    def send(self, code: str, institution: str, cycle: str, centre: str, params: list,
             rows: list = (), serial: str = "", expected: dict | None = None,
             **facts) -> Told:
        """Send a request; a serial is given only to send that request again.

        `expected` are output fields that must repeat what was asked; `facts`
        are kept in the books with the request.
        """
        serial = serial or self.books.next_serial(institution)
        line = encode_request(Request(code, institution, self.operator, cycle, serial,
                                      centre, Record(params, rows)))
        self.books.request(serial, line, code in POSTING, code=code, cycle=cycle,
                           institution=institution, centre=centre, lines=len(rows),
                           expected=expected or {}, **facts)
        told = self._exchange(self.books.find(serial))
        self._conclude(told)
        return told

    def repeat(self, serial: str) -> Told:
        """Send the very same bytes again on a connection of their own.

        The books take the outcome for the request's own only if the request
        was not posted before; anything else has been decided already.
        """
        entry = self.books.find(serial)
        last = self.books.conclusion(serial)
        may_post = last is not None and last["told"] in ("refused", "not_sent")
        if may_post:
            facts = {k: v for k, v in entry.items()
                     if k not in ("kind", "serial", "msgid", "at", "line", "posts")}
            self.books.request(serial, bytes.fromhex(entry["line"]), entry["posts"], **facts)
        told = self._exchange(entry, fresh=True)
        if may_post:
            self._conclude(told)
        else:
            self.books.repeat(serial, told.as_answer())
        return told

    def _exchange(self, entry: dict, fresh: bool = False) -> Told:
        code = entry["code"]
        seconds = seconds_to_wait(code, entry["lines"]) * self.scale
        # 9100 is answered with a new cycle, all others echo theirs.
        cycle = "" if code == "9100" else entry["cycle"]
        try:
            line = self.client.exchange(bytes.fromhex(entry["line"]), seconds, fresh)
            told = judge(code, line, cycle, entry["expected"])
        except NotSent as error:
            told = Told("not_sent", 0, str(error))
        except NoAnswer as error:
            told = Told("unknown", 0, str(error))
        told.serial = entry["serial"]
        return told

    def _conclude(self, told: Told) -> None:
        answer = told.as_answer()
        self.books.conclude(answer.pop("serial"), answer.pop("told"), **answer)


