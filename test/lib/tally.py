"""Counts test cases over the build directories given and prints the closing line "N passed, N failed".

Meson counts programs; people count cases. Each TAP line of a test program is one case; a program that printed no TAP,
or ended badly without saying so in TAP, is one case of its own. With --style the formatting of the C sources is one
case more.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

EXPLAINED = 40  # lines of a failed program's own words
TAP = re.compile(r"^(not )?ok\b(?P<rest>.*)$")


def count_test(entry: dict) -> tuple[int, int, int]:
    """Return how many cases of one test program passed, failed and were skipped."""
    passed = failed = skipped = 0
    for line in entry.get("stdout", "").splitlines():
        match = TAP.match(line)
        if match is None:
            continue
        if "# SKIP" in match["rest"].upper().replace("#SKIP", "# SKIP"):
            skipped += 1
        elif match[1]:
            failed += 1
        else:
            passed += 1
    if entry["result"] in ("OK", "EXPECTEDFAIL"):
        if passed + failed + skipped == 0:
            passed = 1
    elif entry["result"] == "SKIP":
        skipped = max(skipped, 1)
    elif failed == 0:
        failed = 1
    return passed, failed, skipped


def read_logs(directory: pathlib.Path) -> dict[str, dict]:
    """Return the last run of each test of one build directory; several runs append to several logs."""
    tests: dict[str, dict] = {}
    for log in sorted(directory.glob("meson-logs/check-*.json"), key=lambda path: path.stat().st_mtime):
        for line in log.read_text(errors="replace").splitlines():
            entry = json.loads(line)
            tests[entry["name"]] = entry
    return tests


def explain_failures(entry: dict) -> list[str]:
    """Return what the failed cases of a test program said: a closing line alone helps nobody who reads only the end."""
    lines, telling = [], False
    for line in entry.get("stdout", "").splitlines():
        match = TAP.match(line)
        if match is not None:
            telling = bool(match[1])
        if telling:
            lines.append(line[:400])
    return lines[:EXPLAINED] or [line[:400] for line in entry.get("stderr", "").splitlines()[-EXPLAINED:]]


def check_style(root: pathlib.Path) -> bool:
    """Return whether every C source is formatted as .clang-format says."""
    sources = subprocess.run(["git", "ls-files", "*.c"], cwd=root, capture_output=True, text=True, check=False)
    files = sources.stdout.split() or [str(path.relative_to(root)) for folder in ("gateway", "adapters", "test")
                                       for path in (root / folder).rglob("*.c")]
    result = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], cwd=root, capture_output=True,
                            text=True, check=False)
    if result.returncode != 0:
        print(result.stderr[:4000], file=sys.stderr)
    return result.returncode == 0


def main() -> int:
    """Print failures by name, then the closing line; exit 1 if anything failed or nothing ran."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--style", action="store_true")
    parser.add_argument("directories", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    totals = [0, 0, 0]
    for directory in arguments.directories:
        for name, entry in read_logs(directory).items():
            counted = count_test(entry)
            totals = [total + more for total, more in zip(totals, counted)]
            if counted[1]:
                print(f"FAILED {directory.name}: {name}", file=sys.stderr)
                print("\n".join(explain_failures(entry)), file=sys.stderr)
    if arguments.style:
        totals[0 if check_style(pathlib.Path(__file__).parents[2]) else 1] += 1
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
