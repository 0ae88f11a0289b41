"""Sends one danxian request and judges its answer."""

from .asking import Told
from .asking_books import AskingBooks
from .asking_desk import AskingDesk
from .belief import NotBelieved, check_output
from .caret_client import CaretClient
from .caret_layout import NOT_POSTED, POSTING, UNDECIDED, read_output, seconds_to_wait
from .caret_record import Record, Request, Unreadable, decode_answer, encode_request
from .operations import OPERATION_OF


def judge(code: str, line: bytes, cycle: str = "", expected: dict | None = None) -> Told:
    """Turn an answer line into an outcome; what cannot be read is unknown."""
    try:
        answer = decode_answer(line)
        if answer.code == 0:
            out = read_output(code, answer.output)
            check_output(OPERATION_OF[code], out, expected or {})
            if cycle and answer.cycle != cycle:
                raise Unreadable(f"cycle {answer.cycle!r} is not the request's")
            return Told("good", 0, answer.text, "", answer.centre_serial,
                        answer.cycle, out)
    except (Unreadable, NotBelieved) as error:
        return Told("unknown", 0, f"unreadable answer: {error}")
    final = answer.code in NOT_POSTED or (
        code not in POSTING and answer.code not in UNDECIDED)
    return Told("refused" if final else "unknown", answer.code, answer.text, "",
                answer.centre_serial, answer.cycle)


class Desk(AskingDesk):
    """The one place from which requests leave."""

    def __init__(self, client: CaretClient, books: AskingBooks, operator: str,
                 scale: float = 1.0):
        super().__init__(books, scale)
        self.client = client
        self.operator = operator

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
        return self.dispatch(serial, line, code in POSTING, code=code, cycle=cycle,
                             institution=institution, centre=centre, lines=len(rows),
                             expected=expected or {}, **facts)

    def exchange(self, entry: dict, fresh: bool) -> Told:
        code = entry["code"]
        seconds = seconds_to_wait(code, entry["lines"]) * self.scale
        # 9100 is answered with a new cycle, all others echo theirs.
        cycle = "" if code == "9100" else entry["cycle"]
        line = self.client.exchange(bytes.fromhex(entry["line"]), seconds, fresh)
        return judge(code, line, cycle, entry["expected"])
