"""One page about how the promise was tried: sums the last lines of long runs into REPORT.md.

A run's last line is `summary what=KIND key=value ...` (README.md). Lines that are not such are passed over, so that the
whole output of a run may be kept or piped in.

    test/report/make                    runs/*.txt -> REPORT.md
    test/report/make --add FILE|-       keep the summary lines of a run first, with commit, machine and time
    test/report/make --print            to standard output, changing nothing
"""

import argparse
import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PAIR = re.compile(r"^[a-z0-9_.]+=\S*$")
KINDS = {"crash_images": "store", "kills": "kills", "fuzz_hours": "fuzz", "worlds": "sim", "caught": "mutations"}

Run = dict[str, str]


def read_line(line: str) -> Run | None:
    """A summary line as a dictionary, or None if it is something else. `summary` and `what` may be missing."""
    words = line.split()
    if words[:1] in (["summary"], ["summary:"]):
        words = words[1:]
    if len(words) < 2 or not all(PAIR.match(word) for word in words):
        return None
    run = dict(word.split("=", 1) for word in words)
    if "what" not in run:
        kinds = [kind for key, kind in KINDS.items() if key in run]
        if not kinds:
            return None
        run["what"] = kinds[0]
    return run


def read_runs(text: str) -> list[Run]:
    """All summary lines of a text."""
    found = (read_line(line) for line in text.splitlines())
    return [run for run in found if run is not None]


def number(run: Run, key: str) -> float:
    """A value as a number; 0 where there is none."""
    try:
        return float(run.get(key, "0"))
    except ValueError:
        return 0.0


def total(runs: list[Run], key: str) -> float:
    """The sum of one key."""
    return sum(number(run, key) for run in runs)


def of_kind(runs: list[Run], kind: str) -> list[Run]:
    """The runs of one tool."""
    return [run for run in runs if run["what"] == kind]


def count(value: float) -> str:
    """12,345,678."""
    return f"{value:,.0f}"


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"


def simulated(runs: list[Run]) -> list[str]:
    """The simulator, by store."""
    lines = ["## Simulated", "", row("store", "worlds", "updates", "exchanges", "a minute", "failed"), row(*["---"] * 6)]
    sims = of_kind(runs, "sim")
    for store in sorted({run.get("store", "memory") for run in sims}):
        chosen = [run for run in sims if run.get("store", "memory") == store]
        minutes = total(chosen, "seconds") / 60
        pace = total(chosen, "exchanges") / minutes if minutes else 0
        lines.append(row(store, *(count(total(chosen, key)) for key in ("worlds", "updates", "exchanges")), count(pace),
                         count(total(chosen, "failed"))))
    lines += ["", "An exchange is an update at one gateway. Faults injected:", "", row("fault", "times"), row("---", "---")]
    names = sorted({key for run in sims for key in run if key.startswith("fault.")})
    lines += [row(name[6:].replace("_", " "), count(total(sims, name))) for name in names]
    return lines + [""]


def others(runs: list[Run]) -> list[str]:
    """What ran against real files and real processes."""
    store, kills, fuzz = of_kind(runs, "store"), of_kind(runs, "kills"), of_kind(runs, "fuzz")
    lines = ["## With real files and real processes", "", row("what", "how much"), row("---", "---")]
    for chosen, pairs in (
        (store, (("crash images opened", "crash_images"), ("operations that failed", "faults"), ("damages", "damage"))),
        (kills, (("processes killed", "kills"), ("processes frozen", "freezes"), ("links cut", "cuts"),
                 ("disks filled", "disk_full"), ("clocks stepped", "clock_steps"),
                 ("updates under kills", "updates"), ("seconds of kills", "seconds"))),
        (fuzz, (("fuzz hours", "fuzz_hours"), ("inputs tried", "inputs"))),
        (of_kind(runs, "mutations"), (("rules broken on purpose", "mutations"), ("of these noticed", "caught"))),
        (of_kind(runs, "drill"), (("updates of the drill", "updates"),)),
    ):
        lines += [row(name, count(total(chosen, key)) if key != "fuzz_hours" else f"{total(chosen, key):.1f}")
                  for name, key in pairs if chosen]
    tried = store + kills + fuzz
    return lines + [row("failed", count(total(tried, "failed"))), ""]


def mended(readmes: list[pathlib.Path]) -> list[str]:
    """The tables "What it found" of the tests' own pages."""
    lines = ["## What failed and was mended", ""]
    for path in readmes:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        match = re.search(r"^## What (?:it|they) found\n(.*?)(?=^## |\Z)", text, re.S | re.M)
        if match:
            lines += [f"**{path.parent.name}**", "", match.group(1).strip(), ""]
    return lines


def where(runs: list[Run]) -> list[str]:
    """Which runs, of which commit, on what."""
    lines = ["## The runs", "", row("what", "when", "commit", "machine", "seed", "seconds", "failed"), row(*["---"] * 7)]
    for run in runs:
        name = run["what"] + (" " + run["store"] if "store" in run else "")
        lines.append(row(name, *(run.get(key, "").replace("_", " ") for key in ("when", "commit", "machine", "seed",
                                                                             "seconds", "failed"))))
    return lines + [""]


def make_page(runs: list[Run], readmes: list[pathlib.Path]) -> str:
    """The whole page."""
    head = ["# How the promise was tried", "",
            "Made by `test/report/make` from the last lines of long runs (`runs/`); do not edit.", ""]
    return "\n".join(head + simulated(runs) + others(runs) + mended(readmes) + where(runs))


def machine() -> str:
    """Processor and cores, without blanks."""
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return re.sub(r"\s+", "_", f"{model}, {os.cpu_count()} cores")


def commit() -> str:
    """The commit that was tried; `+` behind it if the tree was changed since."""
    def ask(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(HERE), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()
    changed = ask("status", "--porcelain", "--untracked-files=no")
    return (ask("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def keep(text: str, directory: pathlib.Path) -> int:
    """Appends the summary lines of a run to runs/, with where and when. Returns how many there were."""
    runs = read_runs(text)
    stamp = {"when": datetime.date.today().isoformat(), "commit": commit(), "machine": machine()}
    directory.mkdir(exist_ok=True)
    for run in runs:
        full = {**stamp, **run}
        with open(directory / f"{run['what']}.txt", "a", encoding="utf-8") as file:
            file.write("summary " + " ".join(f"{key}={value}" for key, value in full.items()) + "\n")
    return len(runs)


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description="makes the report")
    parser.add_argument("--add", metavar="FILE", action="append", default=[])
    parser.add_argument("--print", action="store_true", dest="show")
    parser.add_argument("--directory", type=pathlib.Path, default=HERE / "runs")
    options = parser.parse_args()
    for name in options.add:
        text = sys.stdin.read() if name == "-" else pathlib.Path(name).read_text(encoding="utf-8", errors="replace")
        if keep(text, options.directory) == 0:
            print(f"{name}: no summary line", file=sys.stderr)
            return 1
    runs = [run for path in sorted(options.directory.glob("*.txt")) for run in read_runs(path.read_text(encoding="utf-8"))]
    page = make_page(runs, [HERE.parent / name / "README.md" for name in ("sim", "store", "kills", "fuzz")])
    if options.show:
        print(page)
    else:
        (HERE / "REPORT.md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
