"""The `dajizhong` stand-in as a program: its command line and its parts put together."""

import argparse
import signal
import threading

from .books import Books
from .clock import Clock, is_time
from .control import ControlServer
from .djz_desk import MOST_WINDOW, Desk, Numbers, Settings
from .djz_server import IDLE_SECONDS, Server
from .insurer import Insurer

_HIDDEN = ("answer", "digest")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"not HOST:PORT: {text}")
    return host, int(port)


def _window(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST_WINDOW:
        raise argparse.ArgumentTypeError(f"not a window of 1..{MOST_WINDOW}: {text}")
    return int(text)


def _stamp(text: str) -> str:
    if not is_time(text):
        raise argparse.ArgumentTypeError(f"not YYYYMMDDHHMMSS: {text}")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("--region", required=True, help="insured region, six digits")
    parser.add_argument("--listen", required=True, type=_address, metavar="HOST:PORT")
    parser.add_argument("--control", required=True, help="path of the control socket")
    parser.add_argument("--books", required=True, help="file that postings are kept in")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--node", help="own node code; DJ, region, 0001 unless given")
    parser.add_argument("--gateway-node", help="the client's; GW, region, 0001 unless given")
    parser.add_argument("--files", default="",
                        help="directory where detail and catalogue files are offered")
    parser.add_argument("--window", type=_window, default=MOST_WINDOW,
                        help="most requests outstanding on a connection")
    parser.add_argument("--clock", type=_stamp, default=None,
                        help="start with this time, YYYYMMDDHHMMSS")
    parser.add_argument("--treat-clock", choices=("check", "ignore"), default="check",
                        help="refuse requests whose clock is ten minutes off, or not")
    parser.add_argument("--late-seconds", type=float, default=75.0,
                        help="ZZ01 answers so long after receipt")
    parser.add_argument("--slow-seconds", type=float, default=20.0,
                        help="ZZ12 posts so long after receipt")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS,
                        help="close a connection after so long without a byte")


class Dajizhong:
    """One running stand-in: books, insurer, socket and control door."""

    def __init__(self, args: argparse.Namespace):
        self.clock = Clock(args.clock)
        self.books = Books(args.books, args.region)
        self.insurer = Insurer(args.region, self.books, self.clock, Numbers())
        settings = Settings(
            node=args.node or f"DJ{args.region}0001",
            gateway=args.gateway_node or f"GW{args.region}0001",
            password=args.password, window=args.window,
            check_clock=args.treat_clock == "check",
            late_seconds=args.late_seconds, slow_seconds=args.slow_seconds,
            files=args.files)
        self.server = Server(args.listen, Desk(self.insurer, self.clock, settings),
                             args.idle_seconds).start()
        self.control = ControlServer(args.control, {
            "address": lambda request: {"address": self.address},
            "books": lambda request: self._books(),
            "balances": lambda request: {"persons": self._balances()},
            "clock": self._set_clock,
            "close_month": self._close_month,
            "disconnect": lambda request: {"closed": self.server.disconnect()},
        }).start()

    @property
    def address(self) -> str:
        host, port = self.server.server_address
        return f"{host}:{port}"

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


def main(args: argparse.Namespace) -> int:
    """Serve until told to stop; says on standard output where."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    running = Dajizhong(args)
    print(f"ready {running.address}", flush=True)
    stop.wait()
    running.close()
    return 0
