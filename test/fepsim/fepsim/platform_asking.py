"""The platform's other side: its hospitals ask a gateway over the national interface; operations are those of `asking_system`."""

import argparse

from .asked_system import until_told_to_stop
from .asking_system import System, add_common_arguments, gateway_of
from .ladder import ReversalLadder
from .platform_front import Desk, PlatformFront
from .serial_forms import WuxianSerials
from .wuxian_client import WuxianClient

USUAL_HOSPITAL = "00001"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_common_arguments(parser, "320400", "127.0.0.1:18090", USUAL_HOSPITAL, "1007")
    parser.add_argument("--service-paths", choices=("one", "each"), default="one",
                        help="one endpoint for all, or a path for each transaction")


class AskingSystem(System):
    """The parts of one running system."""

    def __init__(self, args: argparse.Namespace):
        super().__init__(args, WuxianSerials(), USUAL_HOSPITAL)
        self.client = WuxianClient(gateway_of(args))
        self.desk = Desk(self.client, self.books, args.region, args.operator, self.scale,
                         args.service_paths == "each")
        self.front = PlatformFront(self.desk, self.client, self.books, args.region)
        self.ladder = ReversalLadder(self.front, self.books, self.scale)
        self.furnish(args.control)

    def hang_up(self) -> None:
        self.client.close()


SYSTEM = AskingSystem


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    return until_told_to_stop(
        lambda: AskingSystem(args).start(),
        lambda system: f"platform {args.region} asks {args.gateway}; control {args.control}")
