"""wuxian as the asking local system; its operations are those of `asking_system`."""

import argparse

from .asked_system import until_told_to_stop
from .asking_system import System, add_common_arguments, gateway_of
from .ladder import InquiryLadder
from .serial_forms import WuxianSerials
from .wuxian_client import WuxianClient
from .wuxian_front import Desk, WuxianFront

USUAL_HOSPITAL = "00001"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_common_arguments(parser, "450300", "127.0.0.1:18081", USUAL_HOSPITAL, "1007")
    parser.add_argument("--grant", help="own access word; WX and region unless given")


class AskingSystem(System):
    """The parts of one running system."""

    def __init__(self, args: argparse.Namespace):
        super().__init__(args, WuxianSerials(), USUAL_HOSPITAL)
        self.client = WuxianClient(gateway_of(args))
        self.desk = Desk(self.client, self.books, args.region, args.operator,
                         args.grant or f"WX{args.region}", self.scale)
        self.front = WuxianFront(self.desk, self.client, self.books, args.region)
        self.ladder = InquiryLadder(self.front, self.books, self.scale)
        self.furnish(args.control)

    def hang_up(self) -> None:
        self.client.close()


SYSTEM = AskingSystem


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    return until_told_to_stop(
        lambda: AskingSystem(args).start(),
        lambda system: f"wuxian {args.region} asks {args.gateway}; control {args.control}")
