"""danxian as the asking local system: its hospitals treat visitors from elsewhere.

A client of the gateway and nothing else. What the hospitals do is told to it
through the control socket; what became of it stands in its books. What a
former run left undecided is reversed before anything new is done on that visit.

Operations of the control socket. Amounts are whole fen or text in yuan; codes
are national ones; `area` is the region of insurance, `hospital` is needed only
for another one than the default.

    person            area kind(card|certificate|psn_no) value [name med_type]
    register          area psn_no name visit_no med_type [diag diag_name ...]
    details           visit_no lines:[{line_no item price qty [amount], and for an
                      item outside the catalogue: name kind fee_cat level ratio}]
    trial, settle     visit_no [use_acct mid bill med_type total
                      discharge:{time reason diag diag_name}]
    cancel_settlement visit_no [setl_id bill reason]
    cancel_details    visit_no [line_no]
    cancel_register   visit_no
    reverse           serial, and for one not in the books: code area
    repeat            serial: the very same bytes again
    conclusion        serial [seconds]: wait until it is decided
    visit, books      visit_no; [visit_no code serial]
    signin, signout, echo, totals, day   [forced] [date]
    raw               hex [seconds]: any bytes on a connection of their own

Most are answered with told (good, refused, unknown, not_sent, blocked), code,
text, serial, msgid, out and ms. `conclusion` may also tell reversed, stands
and for_reconciliation.
"""

import argparse
import signal
import threading
import time
from collections.abc import Callable

from . import china_time
from .asking_books import AskingBooks, msgid_of
from .caret_client import CaretClient, NoAnswer, NotSent
from .caret_day import details_of_day, own_totals, reconcile
from .caret_desk import Desk, Told
from .caret_dictionary import NotCarried
from .caret_record import CHARSET
from .caret_session import Session, SignInFailed
from .control import ControlServer
from .hospital import INVALID, Hospital
from .ladder import Ladder

CONCLUSION_SECONDS = 60
RAW_SECONDS = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--region", default="450100", help="region of the hospitals")
    parser.add_argument("--gateway", default="127.0.0.1:17021", help="HOST:PORT")
    parser.add_argument("--control", required=True, help="path of the control socket")
    parser.add_argument("--books", required=True, help="path of the books (JSON lines)")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--hospital", help="default institution; H<region>00003")
    parser.add_argument("--operator", default="000012")
    parser.add_argument("--timeout-scale", type=float, default=1.0,
                        help="factor for all waiting, for tests")


class AskingSystem:
    """The parts of one running system, and the operations on its control socket."""

    def __init__(self, args: argparse.Namespace):
        host, _, port = args.gateway.rpartition(":")
        scale = args.timeout_scale
        self.region = args.region
        self.institution = args.hospital or f"H{args.region}00003"
        self.scale = scale
        self.books = AskingBooks(args.books)
        self.client = CaretClient((host, int(port)))
        self.desk = Desk(self.client, self.books, args.operator, scale)
        self.session = Session(self.desk, args.region, args.password,
                               f"DX{args.region}0001")
        self.ladder = Ladder(self.session, self.books, scale)
        self.hospital = Hospital(self.session, self.books, self.ladder, args.region,
                                 self.institution)
        self.control = ControlServer(args.control, self._handlers())

    def start(self) -> "AskingSystem":
        """Take up what is undecided, then open the control socket."""
        self.ladder.recover()
        self.control.start()
        return self

    def close(self) -> None:
        """Stop taking orders; what is undecided stays in the books."""
        self.control.close()
        self.client.close()
        self.ladder.stop()
        self.books.close()

    def _handlers(self) -> dict[str, Callable[[dict], dict]]:
        hospital = self.hospital
        asking = {"signin": self._sign_in, "signout": self._sign_out, "echo": self._echo,
                  "totals": self._totals, "day": self._day, "repeat": self._repeat,
                  "person": hospital.person, "register": hospital.register,
                  "details": hospital.details, "trial": hospital.trial,
                  "settle": hospital.settle, "reverse": hospital.reverse,
                  "cancel_settlement": hospital.cancel_settlement,
                  "cancel_details": hospital.cancel_details,
                  "cancel_register": hospital.cancel_register}
        return {**{name: told_by(handler) for name, handler in asking.items()},
                "conclusion": self._conclusion, "books": self._books, "raw": self._raw,
                "visit": lambda op: {"visit": hospital.visit(op).as_answer()}}

    def _of(self, op: dict) -> str:
        return op.get("hospital") or self.institution

    def _sign_in(self, op: dict) -> Told:
        told = self.session.sign_in(self._of(op))
        told.out["cycle"] = told.cycle
        return told

    def _sign_out(self, op: dict) -> Told:
        return self.session.sign_out(self._of(op), bool(op.get("forced")))

    def _echo(self, op: dict) -> Told:
        return self.desk.send("1800", self._of(op), "", self.region, [])

    def _totals(self, op: dict) -> Told:
        """Reconcile a day; `own` shows what this side sent."""
        day = op.get("date") or china_time.today()
        own = own_totals(self.books, day)
        institution = self._of(op)
        told = reconcile(self.desk, institution, self.session.cycle(institution),
                         self.region, day, own)
        told.out["own"] = own
        return told

    def _day(self, op: dict) -> Told:
        return details_of_day(self.session, self._of(op),
                              op.get("date") or china_time.today())

    def _repeat(self, op: dict) -> Told:
        told = self.desk.repeat(op["serial"])
        request = self.books.find(op["serial"])
        if request["posts"] and not self.books.is_decided(op["serial"]):
            self.ladder.climb(op["serial"])
        return told

    def _conclusion(self, op: dict) -> dict:
        """Wait, bounded, until a request is decided."""
        serial = op["serial"]
        seconds = op.get("seconds", CONCLUSION_SECONDS)
        last = self.books.wait_decided(serial, seconds) or {"told": "unknown"}
        return {**last, "serial": serial, "msgid": msgid_of(serial),
                "decided": self.books.is_decided(serial)}

    def _books(self, op: dict) -> dict:
        """All requests with what holds of them; narrowed by visit or code."""
        entries = [{k: v for k, v in entry.items() if k != "line"}
                   for entry in self.books.everything()
                   if all(entry.get(key) == op[key]
                          for key in ("visit_no", "code", "serial") if key in op)]
        return {"entries": entries}

    def _raw(self, op: dict) -> dict:
        """Send any bytes on a connection of their own, unknown to the books."""
        seconds = op.get("seconds", RAW_SECONDS * self.scale)
        try:
            line = self.client.exchange(bytes.fromhex(op["hex"]), seconds, fresh=True)
        except (NotSent, NoAnswer) as error:
            told = "not_sent" if isinstance(error, NotSent) else "no_answer"
            return {"told": told, "hex": "", "text": str(error)}
        return {"told": "answer", "hex": line.hex(),
                "text": line.decode(CHARSET, "replace").rstrip("\r\n")}


def told_by(operation: Callable[[dict], Told]) -> Callable[[dict], dict]:
    """Make an operation a handler: it is timed, and refusals of its own are told."""
    def handle(op: dict) -> dict:
        begin = time.monotonic()
        try:
            told = operation(op)
        except NotCarried as error:
            told = Told("refused", INVALID, str(error))
        except SignInFailed as failed:
            told = failed.told
        return {**told.as_answer(), "ms": round((time.monotonic() - begin) * 1000)}
    return handle


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    system = AskingSystem(args).start()
    print(f"danxian {args.region} asks {args.gateway}; control {args.control}", flush=True)
    ended.wait()
    system.close()
    return 0
