"""An asking local system: its hospitals treat visitors from elsewhere.

A client of the gateway and nothing else. What the hospitals do is told to it
through the control socket; what became of it stands in its books. What a
former run left undecided is settled before anything new is done on that visit.

Operations of the control socket. Amounts are whole fen or text in yuan; codes
are national ones; `area` is the region of insurance, `hospital` is needed only
for another one than the default.

    person            area kind(card|certificate|psn_no) value [name med_type]
    register          area psn_no name visit_no med_type [insutype diag diag_name ...];
                      the insurance is the one the last person answer named first
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
    filing            area psn_no [name date]
    catalogue         kind(1 drug, 2 service, 3 facility, 4 disease) [since]
    echo              is the gateway there
    totals, day       [date]: totals compared; all postings the gateway has
    raw               hex [seconds]: any bytes on a connection of their own
    signin, signout   [forced], where the protocol has it

Most are answered with told (good, refused, unknown, not_sent, blocked), code,
text, serial, msgid, out and ms. Codes are the common ones as negative numbers.
`conclusion` may also tell reversed, stands, cancelled and for_reconciliation.
"""

import argparse
from collections.abc import Callable

from . import china_time
from .asking import Told, told_by
from .asking_books import AskingBooks
from .asking_desk import AskingDesk
from .control import ControlServer
from .front import Front
from .hospital import Hospital
from .ladder import Ladder
from .operations import OPERATION_OF
from .serial_forms import SerialForm
from .wire import NoAnswer, NotSent

CONCLUSION_SECONDS = 60
RAW_SECONDS = 50


def add_common_arguments(parser: argparse.ArgumentParser, region: str, gateway: str,
                         hospital: str, operator: str) -> None:
    """Declare the options that all asking systems have, with one's usual values."""
    parser.add_argument("--region", default=region, help="region of the hospitals")
    parser.add_argument("--gateway", default=gateway, help="HOST:PORT")
    parser.add_argument("--control", required=True, help="path of the control socket")
    parser.add_argument("--books", required=True, help="path of the books (JSON lines)")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--hospital", help=f"default institution; H<region>{hospital}")
    parser.add_argument("--operator", default=operator)
    parser.add_argument("--timeout-scale", type=float, default=1.0,
                        help="factor for all waiting, for tests")


def gateway_of(args: argparse.Namespace) -> tuple[str, int]:
    """Return where the gateway listens."""
    host, _, port = args.gateway.rpartition(":")
    return host, int(port)


class System:
    """The parts of one running asking system, and the operations on its control socket."""

    desk: AskingDesk
    front: Front
    ladder: Ladder

    def __init__(self, args: argparse.Namespace, serials: SerialForm, hospital: str):
        self.region = args.region
        self.institution = args.hospital or f"H{args.region}{hospital}"
        self.scale = args.timeout_scale
        self.books = AskingBooks(args.books, serials=serials)

    def furnish(self, control: str) -> None:
        """Put the hospital and the control socket on top of desk, front and ladder."""
        self.hospital = Hospital(self.front, self.books, self.ladder, self.region,
                                 self.institution)
        self.control = ControlServer(control, self._handlers())

    def start(self):
        """Take up what is undecided, then open the control socket."""
        self.ladder.recover()
        self.control.start()
        return self

    def close(self) -> None:
        """Stop taking orders; what is undecided stays in the books."""
        self.control.close()
        self.hang_up()
        self.ladder.stop()
        self.books.close()

    def hang_up(self) -> None:
        """End all connections to the gateway."""

    def told_operations(self) -> dict[str, Callable[[dict], Told]]:
        """Return what is answered with how it was told; a protocol adds its own."""
        hospital = self.hospital
        return {"echo": lambda op: self.front.echo(hospital.of(op)),
                "totals": lambda op: self.front.totals(hospital.of(op), _day(op)),
                "day": lambda op: self.front.day(hospital.of(op), _day(op)),
                "filing": lambda op: self.front.filing(hospital.of(op), op),
                "catalogue": lambda op: self.front.catalogue(hospital.of(op), op),
                "repeat": self._repeat,
                "person": hospital.person, "register": hospital.register,
                "details": hospital.details, "trial": hospital.trial,
                "settle": hospital.settle, "reverse": hospital.reverse,
                "cancel_settlement": hospital.cancel_settlement,
                "cancel_details": hospital.cancel_details,
                "cancel_register": hospital.cancel_register}

    def _handlers(self) -> dict[str, Callable[[dict], dict]]:
        told = {name: told_by(handler) for name, handler in self.told_operations().items()}
        return {**told, "conclusion": self._conclusion, "books": self._books,
                "raw": self._raw,
                "visit": lambda op: {"visit": self.hospital.visit(op).as_answer()}}

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
        return {**last, "serial": serial, "msgid": self.books.serials.msgid(serial),
                "decided": self.books.is_decided(serial)}

    def _books(self, op: dict) -> dict:
        """All requests with what holds of them; narrowed by visit or code."""
        entries = [{**{k: v for k, v in entry.items() if k != "line"},
                    "operation": OPERATION_OF[entry["code"]]}
                   for entry in self.books.everything()
                   if all(entry.get(key) == op[key]
                          for key in ("visit_no", "code", "serial") if key in op)]
        return {"entries": entries}

    def _raw(self, op: dict) -> dict:
        """Send any bytes on a connection of their own, unknown to the books."""
        seconds = op.get("seconds", RAW_SECONDS * self.scale)
        try:
            answer, text = self.front.raw(bytes.fromhex(op["hex"]), seconds)
        except (NotSent, NoAnswer) as error:
            told = "not_sent" if isinstance(error, NotSent) else "no_answer"
            return {"told": told, "hex": "", "text": str(error)}
        return {"told": "answer", "hex": answer.hex(), "text": text}


def _day(op: dict) -> str:
    return op.get("date") or china_time.today()
