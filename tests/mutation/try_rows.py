#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Disables the code of rows of doc/rfc.md and says whether the tests that they name fail.

usage: try_rows.py [--draw N] [--seed N] [--check] [--list] [--scratch DIR] [CLAUSE...]

Without CLAUSEs (such as "9293 MUST-61" or "6298 §5.3", as --list prints them) all rows are tried; --draw 20 tries twenty
drawn at random, by --seed or by the clock. Works on a copy of the tree in DIR (build/rows), which is left there for the
next run. --check only says whether each row has its faults in rows.py and each fault fits the code. Exit status: 0 when
every test that the rows name fails, 1 when not.
"""
import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import time

import mutate
import rows

ROOT = mutate.ROOT
PAGE = ROOT / "doc/rfc.md"
LIMIT_S = 120


def read_page():
    """clause -> names of tests, in the page's order."""
    found, rfc, seen = {}, None, {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            heading = re.match(r"## RFC (\d+)", line)
            rfc = heading and heading.group(1)
        cells = [c.strip() for c in line.strip("|").split("|")]
        if not rfc or not line.startswith("| ") or len(cells) != 4 or cells[0] == "clause":
            continue
        clause = f"{rfc} {cells[0]}"
        seen[clause] = seen.get(clause, 0) + 1
        if seen[clause] > 1:
            clause += f"#{seen[clause]}"
        found[clause] = re.findall(r"`([^`]+)`(?!')", cells[3])
    return found


def unit_tests():
    """Name of a test -> its executable below the build folder."""
    found = {}
    for path in sorted((ROOT / "tests/unit").rglob("test_*.c")):
        folder = path.parent.relative_to(ROOT / "tests/unit").as_posix().replace("/", "_")
        for name in re.findall(r"^static void (\w+)\(void \*\*state", path.read_text(), re.M):
            found[name] = f"tests/{folder}_{path.stem}"
    return found


def check(page):
    """What is wrong with rows.py, as lines."""
    bad = [f"{c}: no faults in rows.py" for c in page
           if c.split()[0] in rows.COMPLETE and not rows.ROWS.get(c) and c not in rows.NOTHING]
    bad += [f"{c}: no such row in doc/rfc.md" for c in list(rows.ROWS) + list(rows.NOTHING) if c not in page]
    for clause, faults in rows.ROWS.items():
        for path, old, _ in (edit for fault in faults for edit in edits_of(fault)):
            if (ROOT / "src" / path).read_text().count(old) != 1:
                bad.append(f"{clause}: a fault no longer fits {path}: {old.strip().splitlines()[0]}")
    return bad


def edits_of(fault):
    return fault if isinstance(fault, list) else [fault]


class Scratch:
    def __init__(self, path):
        self.path, self.out = path, path / "build"
        self.units = unit_tests()
        path.mkdir(parents=True, exist_ok=True)
        mutate.copy_tree(path)
        if not (self.out / "build.ninja").exists():
            subprocess.run(["meson", "setup", self.out, path / "tree", "-Dbuildtype=debug", "-Dtests=enabled",
                            "-Dwerror=false"], check=True, stdout=subprocess.DEVNULL)

    def build(self, names):
        """What the compiler says; empty: it builds."""
        targets = {self.units.get(n, "cmd/weft") for n in names}
        done = subprocess.run(["ninja", "-C", self.out, *sorted(targets)], capture_output=True, text=True, check=False)
        said = [line for line in done.stdout.splitlines() if re.search("error|FAILED|undefined", line)]
        return "" if done.returncode == 0 else (said or [f"ninja: {done.returncode}"])[-1]

    def fails(self, name):
        """A test that hangs or dies has failed, too."""
        if name.endswith(".pkt"):
            argv = [self.out / "cmd/weft", "drill", "-q", "--nothing_left", "--tcp_ts_tick_usecs=1000",
                    ROOT / "tests/script/tcp" / name]
        else:
            argv = [self.out / self.units[name]]
        env = dict(os.environ, WEFT_TEST_FLOOD="1000")
        try:
            done = subprocess.run(argv, capture_output=True, timeout=LIMIT_S, check=False, cwd=ROOT, env=env)
        except subprocess.TimeoutExpired:
            return True
        text = (done.stdout + done.stderr).decode(errors="replace")
        if name.endswith(".pkt") or done.returncode < 0:
            return done.returncode != 0
        return re.search(rf"FAILED  \] {name}$", text, re.M) is not None

    def put(self, fault):
        """Texts of the files as they were; None: it does not fit."""
        was = {}
        for path, old, new in edits_of(fault):
            target = self.path / "tree/src" / path
            text = target.read_text()
            was.setdefault(target, text)
            if text.count(old) != 1:
                self.restore(was)
                return None
            target.write_text(text.replace(old, new))
        return was

    @staticmethod
    def restore(was):
        for target, text in was.items():
            if target.read_text() != text:
                target.write_text(text)

    def try_fault(self, fault, names):
        """The names of the tests that fail with it, or what is wrong."""
        was = self.put(fault)
        if was is None:
            return set(), "does not fit"
        try:
            said = self.build(names)
            if said:
                return set(), f"does not build: {said}"
            caught = {name for name in names if self.fails(name)}
            return caught, "" if caught else "is not noticed"
        finally:
            self.restore(was)

    def try_row(self, clause, names):
        """The tests that failed with none of the row's faults, and what else is wrong."""
        names = [n for n in names if n.endswith(".pkt") or n in self.units]
        left, trouble = set(names), []
        for n, fault in enumerate(rows.ROWS[clause], 1):
            caught, what = self.try_fault(fault, names)
            left -= caught
            if what:
                trouble.append(f"fault {n} {what}")
        return sorted(left), trouble


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--check", action="store_true")
    args.add_argument("--list", action="store_true")
    args.add_argument("--draw", type=int)
    args.add_argument("--seed", type=int, default=time.time_ns() // 1000000)
    args.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build/rows")
    args.add_argument("clauses", nargs="*", metavar="CLAUSE")
    opts = args.parse_args()
    page = read_page()

    if opts.check or opts.list:
        bad = check(page)
        for clause in page if opts.list else []:
            print(clause)
        for line in bad:
            print(f"not ok - {line}")
        if not bad:
            print(f"ok - {len(page)} rows, {sum(len(f) for f in rows.ROWS.values())} faults fit the code")
        return 1 if bad else 0
    wanted = opts.clauses or [c for c in page if rows.ROWS.get(c)]
    if opts.draw:
        print(f"drawn with --seed {opts.seed}")
        wanted = random.Random(opts.seed).sample(wanted, opts.draw)
    scratch = Scratch(opts.scratch)
    every = sorted({n for c in wanted for n in page[c]})
    said = scratch.build([n for n in every if n.endswith(".pkt") or n in scratch.units])
    if said:
        print(f"not ok - it does not build without a fault: {said}")
        return 1
    n_bad = 0
    for clause in wanted:
        left, trouble = scratch.try_row(clause, page[clause])
        said = [f"{name} does not fail" for name in left] + trouble
        print(f"{'not ok' if said else 'ok'} - {clause}{': ' if said else ''}{'; '.join(said)}", flush=True)
        n_bad += bool(said)
    print(f"# {len(wanted) - n_bad} of {len(wanted)} rows")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
