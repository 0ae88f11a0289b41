"""dajizhong as the asking local system; its operations are those of `asking_system`.

`day` and `catalogue` read files that the gateway offers in a shared directory;
`out` then also has status (0 not ready, 1 ready, 2 no data). `echo` is a heartbeat; `inquire`
asks what became of a serial, and tells it in the protocol's own words.
"""

import argparse

from .asked_system import until_told_to_stop
from .asking_system import System, add_common_arguments, gateway_of
from .djz_asking_desk import Desk
from .djz_client import HEARTBEAT_SECONDS, DjzClient
from .djz_front import DjzFront
from .ladder import InquiryLadder
from .serial_forms import DjzSerials

USUAL_HOSPITAL = "00001"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_common_arguments(parser, "450900", "127.0.0.1:17031", USUAL_HOSPITAL, "1007")
    parser.add_argument("--node", help="own node code; DJ, region, 0001 unless given")
    parser.add_argument("--gateway-node", help="the gateway's; GW, region, 0001 unless given")
    parser.add_argument("--files", default="",
                        help="directory where the gateway offers its files")
    parser.add_argument("--heartbeat-seconds", type=float, default=HEARTBEAT_SECONDS,
                        help="send a heartbeat after so long a silence")


class AskingSystem(System):
    """The parts of one running system."""

    def __init__(self, args: argparse.Namespace):
        node = args.node or f"DJ{args.region}0001"
        super().__init__(args, DjzSerials(node), USUAL_HOSPITAL)
        self.desk = Desk(self.books, args.region, node,
                         args.gateway_node or f"GW{args.region}0001", args.operator,
                         args.password, self.scale)
        self.client = DjzClient(gateway_of(args), self.desk.sign_on, args.heartbeat_seconds)
        self.desk.client, self.desk.institution = self.client, self.institution
        self.front = DjzFront(self.desk, self.client, self.books, args.region, args.files)
        self.ladder = InquiryLadder(self.front, self.books, self.scale)
        self.furnish(args.control)

    def hang_up(self) -> None:
        self.client.close()

    def told_operations(self) -> dict:
        return {**super().told_operations(), "signin": lambda op: self.desk.sign_in(),
                "signout": lambda op: self.desk.sign_out(self.hospital.of(op)),
                "inquire": lambda op: self.front.ask_about(self.books.find(op["serial"]))}


SYSTEM = AskingSystem


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    return until_told_to_stop(
        lambda: AskingSystem(args).start(),
        lambda system: f"dajizhong {args.region} asks {args.gateway}; control {args.control}")
