"""The stand-in for a national or provincial platform as a program: its command line and its parts put together."""

import argparse

from .asked_system import AskedSystem, add_common_arguments, until_told_to_stop
from .platform_desk import Desk, Numbers
from .platform_seal import KINDS, Seal
from .platform_server import IDLE_SECONDS, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    add_common_arguments(parser)
    parser.add_argument("--password", default="", help="of no use here; taken so that all kinds start alike")
    parser.add_argument("--sign-in", choices=("needed", "bearer", "ignored"), default="ignored",
                        help="refuse whoever has not signed in with 9001; bearer: before the platform, by the token shown")
    parser.add_argument("--seal", choices=KINDS, help="messages, or headers for the gateway in front, are sealed like this")
    parser.add_argument("--secrets", help="folder with the keys for that")
    parser.add_argument("--service-paths", choices=("one", "each"), default="one",
                        help="one endpoint for all, or a path for each transaction")
    parser.add_argument("--certificate", help="HTTPS: certificate, PEM")
    parser.add_argument("--key", help="HTTPS: private key, PEM")
    parser.add_argument("--client-ca", help="HTTPS: callers must show a certificate of this CA")


class Platform(AskedSystem):
    """One running stand-in: books, insurer, socket and control door."""

    def __init__(self, args: argparse.Namespace):
        super().__init__(args, Numbers(args.region), replays=False)
        self.desk = Desk(self.insurer, self.clock, args.slow_seconds, args.sign_in,
                         Seal(args.seal, args.secrets) if args.seal else None, args.service_paths == "each")
        self.open(serve(args.listen, self.desk, args.late_seconds, IDLE_SECONDS,
                        (args.certificate, args.key, args.client_ca)), args.control)

    def _handlers(self) -> dict:
        return {**super()._handlers(), "seen": lambda request: {"messages": self.desk.seen},
                "miscompare": self._miscompare,
                "catalogue_copies": self._copy_catalogue,
                "headers": lambda request: {"headers": self.desk.headers},
                "sign_all_out": lambda request: {"signed_out": self.desk.sign_all_out()},
                "fault": lambda request: {"next": self.desk.plan_fault(request["fault"])}}

    def _miscompare(self, request: dict) -> dict:
        self.desk.files.miscompares = True
        return {}

    def _copy_catalogue(self, request: dict) -> dict:
        self.desk.catalogue_copies = int(request["copies"])
        return {"copies": self.desk.catalogue_copies}


SYSTEM = Platform


def main(args: argparse.Namespace) -> int:
    """Serve until told to stop; says on standard output where."""
    return until_told_to_stop(lambda: Platform(args), lambda running: f"ready {running.address}")
