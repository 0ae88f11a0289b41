"""Command line: one sub-command per kind of local system, in one of its two roles."""

import argparse
import importlib
import sys

KINDS = {
    "wuxian": "GBK XML in SOAP over HTTP",
    "danxian": "caret strings, one request at a time per TCP connection",
    "dajizhong": "fixed-width records over long TCP connections",
    "platform": "the national interface: JSON over HTTP",
}
ASKED, ASKING = "asked", "asking"
MODULES = {("wuxian", ASKED): "wuxian", ("wuxian", ASKING): "wuxian_asking",
           ("danxian", ASKED): "danxian_asked", ("danxian", ASKING): "danxian",
           ("dajizhong", ASKED): "dajizhong", ("dajizhong", ASKING): "dajizhong_asking",
           ("platform", ASKED): "platform", ("platform", ASKING): "platform_asking"}
USUAL_ROLE = {"wuxian": ASKED, "danxian": ASKING, "dajizhong": ASKED,
              "platform": ASKED}


def main(argv: list[str] | None = None) -> int:
    """Load only the kind and role asked for, and run it."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="fepsim", description="Stand-ins for local medical-insurance systems")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    module = None
    for name, help_text in KINDS.items():
        sub = kinds.add_parser(name, help=help_text)
        sub.add_argument("--role", choices=(ASKED, ASKING), default=USUAL_ROLE[name],
                         help="the insurer that the gateway asks, or the side of the "
                              f"hospitals that asks the gateway; {USUAL_ROLE[name]} unless given")
        if name in argv[:1]:
            module = importlib.import_module("fepsim." + MODULES[name, _role(name, argv[1:])])
            module.add_arguments(sub)
    args = parser.parse_args(argv)
    return module.main(args) or 0


def _role(kind: str, argv: list[str]) -> str:
    """Find out which role is meant, before its options are known."""
    peek = argparse.ArgumentParser(add_help=False)
    peek.add_argument("--role", choices=(ASKED, ASKING), default=USUAL_ROLE[kind])
    return peek.parse_known_args(argv)[0].role


if __name__ == "__main__":
    sys.exit(main())
