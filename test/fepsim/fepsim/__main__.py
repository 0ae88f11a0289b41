"""Command line: one sub-command per kind of local system."""

import argparse
import importlib
import sys

KINDS = {
    "dajizhong": "fixed-width records over long TCP connections",
    "danxian": "caret strings, one request at a time per TCP connection",
}


def main(argv: list[str] | None = None) -> int:
    """Load only the kind asked for, and run it."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="fepsim", description="Stand-ins for local medical-insurance systems")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, help_text in KINDS.items():
        sub = kinds.add_parser(name, help=help_text)
        if name in argv[:1]:
            importlib.import_module(f"fepsim.{name}").add_arguments(sub)
    args = parser.parse_args(argv)
    return importlib.import_module(f"fepsim.{args.kind}").main(args) or 0


if __name__ == "__main__":
    sys.exit(main())
