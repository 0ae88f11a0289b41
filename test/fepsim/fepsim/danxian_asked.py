"""The asked `danxian` as a program: its command line and its parts put together."""

import argparse

from .asked_system import AskedSystem, add_common_arguments, until_told_to_stop
from .caret_asked_desk import Desk, Numbers, Settings
from .caret_cycles import Cycles
from .caret_listener import IDLE_SECONDS, serve
from .caret_positions import SERIAL_FORMS, Positions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    add_common_arguments(parser)
    parser.add_argument("--password", default="secret")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS,
                        help="close a connection after so long without a byte")
    parser.add_argument("--positions", type=Positions.read, default=Positions(),
                        metavar="NAME=PLACE,…", help="where a settlement's figures stand, total=11,acct=14")
    parser.add_argument("--serial-form", choices=sorted(SERIAL_FORMS), default="time-first")


class Danxian(AskedSystem):
    """One running stand-in: books, insurer, cycles, socket and control door."""

    def __init__(self, args: argparse.Namespace):
        super().__init__(args, Numbers(), replays=False,
                         is_open=lambda posting: self.cycles.is_open(posting))
        self.cycles = Cycles(self.insurer)
        settings = Settings(region=args.region, password=args.password,
                            check_clock=args.treat_clock == "check",
                            slow_seconds=args.slow_seconds,
                            positions=args.positions, serial_form=args.serial_form)
        desk = Desk(self.insurer, self.cycles, self.clock, settings)
        self.open(serve(args.listen, desk, args.late_seconds, args.idle_seconds),
                  args.control)


SYSTEM = Danxian


def main(args: argparse.Namespace) -> int:
    """Serve until told to stop; says on standard output where."""
    return until_told_to_stop(lambda: Danxian(args), lambda running: f"ready {running.address}")
