"""danxian as the asking local system; its operations are those of `asking_system`."""

import argparse

from .asked_system import until_told_to_stop
from .asking import Told
from .asking_system import System, add_common_arguments, gateway_of
from .caret_client import CaretClient
from .caret_desk import Desk
from .caret_front import CaretFront
from .caret_session import Session
from .ladder import ReversalLadder
from .serial_forms import CaretSerials

USUAL_HOSPITAL = "00003"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_common_arguments(parser, "450100", "127.0.0.1:17021", USUAL_HOSPITAL, "000012")


class AskingSystem(System):
    """The parts of one running system."""

    def __init__(self, args: argparse.Namespace):
        super().__init__(args, CaretSerials(), USUAL_HOSPITAL)
        self.client = CaretClient(gateway_of(args))
        self.desk = Desk(self.client, self.books, args.operator, self.scale)
        self.session = Session(self.desk, args.region, args.password,
                               f"DX{args.region}0001")
        self.front = CaretFront(self.session, self.client, self.books)
        self.ladder = ReversalLadder(self.front, self.books, self.scale)
        self.furnish(args.control)

    def hang_up(self) -> None:
        self.client.close()

    def told_operations(self) -> dict:
        return {**super().told_operations(),
                "signin": self._sign_in, "signout": self._sign_out}

    def _sign_in(self, op: dict) -> Told:
        told = self.session.sign_in(self.hospital.of(op))
        told.out["cycle"] = told.cycle
        return told

    def _sign_out(self, op: dict) -> Told:
        return self.session.sign_out(self.hospital.of(op), bool(op.get("forced")))


SYSTEM = AskingSystem


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    return until_told_to_stop(
        lambda: AskingSystem(args).start(),
        lambda system: f"danxian {args.region} asks {args.gateway}; control {args.control}")
