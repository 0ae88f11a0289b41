"""The asked `wuxian` as a program: its command line and its parts put together."""

import argparse

from .asked_system import AskedSystem, add_common_arguments, until_told_to_stop
from .wuxian_desk import Desk, Numbers, Settings
from .wuxian_server import IDLE_SECONDS, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    add_common_arguments(parser)
    parser.add_argument("--grant", help="the gateway's access word; GW and region unless given")
    parser.add_argument("--password", default="",
                        help="of no use here; taken so that all kinds start alike")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS,
                        help="close a kept connection after so long without a byte")


class Wuxian(AskedSystem):
    """One running stand-in: books, insurer, socket and control door."""

    def __init__(self, args: argparse.Namespace):
        super().__init__(args, Numbers(args.region), takes_lines_again=True)
        settings = Settings(grant=args.grant or f"GW{args.region}",
                            check_clock=args.treat_clock == "check",
                            slow_seconds=args.slow_seconds)
        desk = Desk(self.insurer, self.clock, settings)
        self.open(serve(args.listen, desk, args.late_seconds, args.idle_seconds),
                  args.control)


SYSTEM = Wuxian


def main(args: argparse.Namespace) -> int:
    """Serve until told to stop; says on standard output where."""
    return until_told_to_stop(lambda: Wuxian(args), lambda running: f"ready {running.address}")
