#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doc/rfc.md and doc/failures.md name functions and tests: each must be there.

usage: check-rfc.py SOURCE_DIR

Column three of its tables has names of the code, column four tests: of unit tests by their name, of packet
scripts as FOLDER/FILE.pkt below tests/script/tcp or as net/FOLDER/FILE.pkt, of fuzz targets as fuzz_NAME.
"""
import pathlib
import re
import sys


def words(root, folders, pattern):
    found = set()
    for folder in folders:
        for path in (root / folder).rglob("*.[ch]"):
            found.update(re.findall(pattern, path.read_text()))
    return found


def bad_names(cells, code, tests, scripts, targets):
    """What the cells of a row name and is not there."""
    bad = [w for w in re.findall(r"`([^`]+)`", cells[2]) if w not in code and f"net.ipv4.{w}" not in code
           and not w.startswith("tcp.") and w.removeprefix("tcp_") not in code and w != "TCP_INFO"]
    for name in re.findall(r"`([^`]+)`", cells[3]):
        if name.endswith(".pkt"):
            # Before there are any scripts there is nothing to compare with.
            if scripts.is_dir() and not (scripts / name).is_file() and not (scripts.parent / name).is_file():
                bad.append(name)
        elif name not in tests and name not in code and name not in targets:
            bad.append(name)
    if not re.search("[`]", cells[3]) and not re.search("Deviation|see|of applications", cells[2]):
        bad.append("(no test)")
    return bad


def check(root, page, n_least):
    """How many names are missing."""
    code = words(root, ["src", "include", "net"], r"\b\w+\b")
    tests = words(root, ["tests/unit"], r"\b\w+\b")
    targets = {path.stem for path in (root / "fuzz").glob("fuzz_*.c")}
    n_bad = n_rows = 0
    for n, line in enumerate((root / page).read_text().splitlines(), 1):
        cells = [c.strip() for c in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 4 or cells[0] in ("clause", "what failed elsewhere"):
            continue
        n_rows += 1
        for name in bad_names(cells, code, tests, root / "tests/script/tcp", targets):
            print(f"{page}:{n}: there is no {name}")
            n_bad += 1
    if n_rows < n_least:
        print(f"{page}: only {n_rows} rows were understood")
        n_bad += 1
    print(f"{page}: {n_rows} rows, {n_bad} bad")
    return n_bad


def main():
    root = pathlib.Path(sys.argv[1])
    return 1 if check(root, "doc/rfc.md", 100) + check(root, "doc/failures.md", 20) else 0


if __name__ == "__main__":
    sys.exit(main())
