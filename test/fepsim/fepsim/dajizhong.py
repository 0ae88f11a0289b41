"""The asked `dajizhong` as a program: its command line and its parts put together."""

import argparse

from . import data, djz_copybook
from .asked_system import AskedSystem, add_common_arguments, until_told_to_stop
from .djz_desk import MOST_WINDOW, Desk, Numbers, Settings
from .djz_server import IDLE_SECONDS, Server


def _window(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST_WINDOW:
        raise argparse.ArgumentTypeError(f"not a window of 1..{MOST_WINDOW}: {text}")
    return int(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    add_common_arguments(parser)
    parser.add_argument("--password", default="secret")
    parser.add_argument("--node", help="own node code; DJ, region, 0001 unless given")
    parser.add_argument("--gateway-node", help="the client's; GW, region, 0001 unless given")
    parser.add_argument("--files", default="",
                        help="directory where detail and catalogue files are offered")
    parser.add_argument("--person-number", type=int, default=data.PERSON_NUMBER, metavar="BYTES",
                        help="length of person numbers: another region's build of the same product")
    parser.add_argument("--window", type=_window, default=MOST_WINDOW,
                        help="most requests outstanding on a connection")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS,
                        help="close a connection after so long without a byte")


class Dajizhong(AskedSystem):
    """One running stand-in: books, insurer, socket and control door."""

    def __init__(self, args: argparse.Namespace):
        if args.person_number != data.PERSON_NUMBER:
            data.use_person_number(args.person_number)
            djz_copybook.use_person_number(args.person_number)
        super().__init__(args, Numbers())
        settings = Settings(
            node=args.node or f"DJ{args.region}0001",
            gateway=args.gateway_node or f"GW{args.region}0001",
            password=args.password, window=args.window,
            check_clock=args.treat_clock == "check",
            late_seconds=args.late_seconds, slow_seconds=args.slow_seconds,
            files=args.files)
        desk = Desk(self.insurer, self.clock, settings)
        self.open(Server(args.listen, desk, args.idle_seconds), args.control)


SYSTEM = Dajizhong


def main(args: argparse.Namespace) -> int:
    """Serve until told to stop; says on standard output where."""
    return until_told_to_stop(lambda: Dajizhong(args), lambda running: f"ready {running.address}")
