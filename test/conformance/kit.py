#!/usr/bin/python3
"""The conformance kit: runs one adapter module in a real fep-adapter and prints, as TAP, what it passed.

    kit.py PROFILE.py [--build DIR] [--keep] [CASE ...]

PROFILE.py says what the module's local system is and which requests it takes; `profiles/` has those of the modules of
this tree. Exit code 0 if nothing failed, 1 otherwise."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import calls_cases  # noqa: E402
import serves_cases  # noqa: E402
from kit_profile import Place, Profile, load  # noqa: E402
from kit_trial import LeftOut, Trial, run  # noqa: E402


class Report:
    """TAP on standard output."""

    def __init__(self) -> None:
        self.number = self.failed = 0

    def say(self, good: bool, name: str, rest: str = "", details: str = "") -> None:
        """Print one item."""
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}{rest}")
        for line in details.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def end(self) -> int:
        """Print the plan; return the exit code."""
        print(f"1..{self.number}", flush=True)
        return 1 if self.failed or self.number == 0 else 0


class Kit:
    """One run over one module."""

    def __init__(self, profile: Profile, build: pathlib.Path, root: pathlib.Path):
        self.profile, self.build, self.root = profile, build, root
        self.report = Report()
        self.aborts: list[str] = []

    def selftest(self) -> None:
        """What `fepctl adapter selftest` says: descriptor, versions, options, charset, open and close."""
        directory = self.root / "selftest"
        directory.mkdir()
        place = Place(self.build, directory)
        command = [self.build / "gateway" / "ctl" / "fepctl", "--lang", "en", "adapter", "selftest",
                   self.profile.module_path(self.build), *self.profile.selftest_options(place)]
        if self.profile.mapping:
            command += ["--mapping", self.profile.mapping]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
        self._forward(done.stdout)
        if not done.stdout.startswith("#"):
            self.report.say(False, "selftest runs", details=done.stderr)

    def _forward(self, text: str) -> None:
        name, good, details = "", True, []
        for line in [*text.splitlines(), "ok 0 - end"]:
            if line.startswith(("ok ", "not ok ")):
                if name:
                    self.report.say(good, name, details="\n".join(details))
                name, good, details = "selftest: " + line.split(" - ", 1)[1], line.startswith("ok"), []
            elif line.startswith("# ") and name:
                details.append(line[2:])

    def play(self, name: str, function, serving: bool) -> None:
        """Play one case in a directory of its own."""
        directory = pathlib.Path(tempfile.mkdtemp(prefix="k-", dir=self.root))
        begun = time.monotonic()
        trial = Trial(self.profile, self.build, directory, serving)
        try:
            run(function, trial)
            self.report.say(True, name)
        except LeftOut as why:
            self.report.say(True, name, f" # SKIP {why}")
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.report.say(False, name, details=f"{type(error).__name__}: {error}\n{function.__doc__}\n"
                                                 f"{trial.bench.said()[-1500:]}")
        self.aborts += [f"{name}: {abort}" for abort in trial.bench.aborts]
        print(f"# {time.monotonic() - begun:.1f} s", flush=True)

    def play_all(self, wanted: list[str]) -> int:
        """Play every case that concerns the module."""
        print(f"# {self.profile.name}: {self.profile.module_path(self.build)} {self.profile.mapping}", flush=True)
        if not wanted:
            self.selftest()
        for cases, concerns in ((calls_cases, self.profile.asks), (serves_cases, self.profile.serves)):
            for name, function in vars(cases).items():
                if concerns and getattr(function, "is_case", False) and (not wanted or name in wanted):
                    self.play(name.replace("_", " "), function, cases is serves_cases)
        self.report.say(not self.aborts, "no call was completed twice and no process aborted, in the whole run",
                        details="\n".join(self.aborts))
        return self.report.end()


def main() -> int:
    """Run the kit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", type=pathlib.Path)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="only these, by function name")
    parser.add_argument("--build", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("FEP_BUILD", HERE.parents[1] / "build")))
    parser.add_argument("--keep", action="store_true", help="leave the run directories, and say where")
    arguments = parser.parse_intermixed_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="fep-kit-"))
    try:
        return Kit(load(arguments.profile), arguments.build.resolve(), root).play_all(arguments.cases)
    finally:
        if arguments.keep:
            print(f"# run directories: {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
