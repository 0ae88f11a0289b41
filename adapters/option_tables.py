#!/usr/bin/python3
"""Writes the option tables of the READMEs from the modules themselves: what stands between two marker lines,

    <!-- options of NAME, by fepctl adapter describe -->
    <!-- end of options -->

in README.md here and in every module's folder, is what `fepctl --lang en adapter describe --markdown NAME` prints.

    option_tables.py [--check]      FEP_BUILD names the build tree; --check changes nothing and exits 1 on a difference"""

import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("FEP_BUILD", HERE.parent / "build"))
MARKED = re.compile(r"(<!-- options of (\w+), by fepctl adapter describe -->\n)(.*?)(<!-- end of options -->\n)", re.S)


def table_of(name: str) -> str:
    """Return a module's table."""
    module = BUILD / "adapters" / name / f"{name}.so"
    return subprocess.run([BUILD / "gateway" / "ctl" / "fepctl", "--lang", "en", "adapter", "describe", "--markdown",
                           module], capture_output=True, text=True, check=True, timeout=30).stdout


def main() -> int:
    """Write the tables, or say which are not up to date."""
    check = sys.argv[1:] == ["--check"]
    old: list[str] = []
    found: set[str] = set()
    for readme in sorted([HERE / "README.md", *HERE.glob("*/README.md")]):
        text = readme.read_text(encoding="utf-8")
        found |= {match[1] for match in MARKED.findall(text)}
        fresh = MARKED.sub(lambda match: match[1] + "\n" + table_of(match[2]) + "\n" + match[4], text)
        if fresh != text:
            old.append(str(readme.relative_to(HERE.parent)))
            if not check:
                readme.write_text(fresh, encoding="utf-8")
    missing = {module.parent.name for module in HERE.glob("*/module.c")} - found - {"example"}
    for name in sorted(missing):
        print(f"adapters/{name}/README.md has no marked table")
    for name in old:
        print(f"{name}: {'not up to date' if check else 'written'}")
    return 1 if missing or (check and old) else 0


if __name__ == "__main__":
    sys.exit(main())
