"""What every asked system has around its protocol: command line, books, insurer, door.

Operations of the control socket:

    address       where it listens
    books         all lines of the books, and per person what is in force
    balances      persons and their insurances as they stand
    clock         [date] [time]: set the clock; answers now
    close_month   month: settlements of that month cannot be cancelled any more
    disconnect    close every connection, as a failing line would
"""

import argparse
import signal
import threading
from collections.abc import Callable

from .books import Books
from .clock import Clock, is_time
from .control import ControlServer, Handler
from .insurer import Insurer, Numbering

_HIDDEN = ("answer", "digest")


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT from a command line."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"not HOST:PORT: {text}")
    return host, int(port)


def _stamp(text: str) -> str:
    if not is_time(text):
        raise argparse.ArgumentTypeError(f"not YYYYMMDDHHMMSS: {text}")
    return text


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that all asked systems have."""
    parser.add_argument("--region", required=True, help="insured region, six digits")
    parser.add_argument("--listen", required=True, type=address, metavar="HOST:PORT")
    parser.add_argument("--control", required=True, help="path of the control socket")
    parser.add_argument("--books", required=True, help="file that postings are kept in")
    parser.add_argument("--clock", type=_stamp, default=None,
                        help="start with this time, YYYYMMDDHHMMSS")
    parser.add_argument("--treat-clock", choices=("check", "ignore"), default="check",
                        help="refuse requests whose clock is ten minutes off, or not")
    parser.add_argument("--late-seconds", type=float, default=75.0,
                        help="ZZ01 answers so long after receipt")
    parser.add_argument("--slow-seconds", type=float, default=20.0,
                        help="ZZ12 posts so long after receipt")


class AskedSystem:
    """One running stand-in: books, insurer, socket and control door."""

    def __init__(self, args: argparse.Namespace, numbering: Numbering, **how):
        self.clock = Clock(args.clock)
        self.books = Books(args.books, args.region)
        self.insurer = Insurer(args.region, self.books, self.clock, numbering, **how)

    def open(self, server, control_path: str) -> None:
        """Begin to serve: first the protocol, then the control door."""
        self.server = server.start()
        self.control = ControlServer(control_path, self._handlers()).start()

    @property
    def address(self) -> str:
        host, port = self.server.server_address
        return f"{host}:{port}"

    def _handlers(self) -> dict[str, Handler]:
        return {"address": lambda request: {"address": self.address},
                "books": lambda request: self._books(),
                "balances": lambda request: {"persons": self._balances()},
                "clock": self._set_clock,
                "close_month": self._close_month,
                "disconnect": lambda request: {"closed": self.server.disconnect()}}

    def _books(self) -> dict:
        lines = [{name: value for name, value in line.items() if name not in _HIDDEN}
                 for line in self.insurer.postings_now()]
        return {"postings": lines, "in_force": self.insurer.postings.in_force()}

    def _balances(self) -> dict:
        return {psn_no: {"name": person.name,
                         "insurances": [vars(i) for i in person.insurances.values()]}
                for psn_no, person in self.insurer.ledger.people.items()}

    def _set_clock(self, request: dict) -> dict:
        if request.get("date") or request.get("time"):
            self.clock.set(request.get("date", ""), request.get("time", ""))
        return {"now": self.clock.stamp()}

    def _close_month(self, request: dict) -> dict:
        self.insurer.close_month(request["month"])
        return {"month": request["month"]}

    def close(self) -> None:
        """Stop serving; the books are complete at any moment."""
        self.control.close()
        self.server.close()
        self.books.close()


def until_told_to_stop(start: Callable, ready: Callable[[object], str]) -> int:
    """Run a system until SIGTERM or SIGINT; say on standard output when it is ready."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    running = start()
    print(ready(running), flush=True)
    stop.wait()
    running.close()
    return 0
