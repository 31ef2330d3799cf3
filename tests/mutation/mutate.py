#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Puts small faults into TCP, one at a time, and says whether the packet scripts notice.

usage: mutate.py [--check] [--write] [--scratch DIR] [NUMBER...]

Works on a copy of the tree in DIR (build/mutation), which is left there for the next run. --check only says
whether each fault still fits the code. --write brings doc/mutation.md up to date. NUMBERs are faults to try
(all). Exit status: 0 when at least 76 of 80 were caught, 1 when not or when one does not fit.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

import faults

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NEEDED = 0.95  # share of the faults that must be caught
PAGE = ROOT / "doc/mutation.md"
# In the copies every segment takes TCP's general path, where the faults are: test_fast.c compares the two.
SHORT_WAY = ("src/transport/tcp/tcp_fast.c", b"!conn->sk.stack->tcp->has_no_fast", b"false")
BEGIN, END = "<!-- result -->\n", "<!-- end -->\n"


def fits(tree):
    """The faults whose text is not there exactly once."""
    return [name for name, path, old, _ in faults.FAULTS
            if (tree / "src" / path).read_text().count(old) != 1]


def copy_tree(scratch):
    """The tracked files as they stand, written only where they differ: the build stays small."""
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True, text=True)
    for name in filter(None, names.stdout.split("\0")):
        source, target = ROOT / name, scratch / "tree" / name
        if not source.is_file() or name.startswith("fuzz/corpus/"):
            continue
        text = source.read_bytes()
        if name == SHORT_WAY[0]:
            assert SHORT_WAY[1] in text
            text = text.replace(*SHORT_WAY[1:])
        if target.exists() and target.read_bytes() == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
        shutil.copymode(source, target)


def build(scratch):
    """True: it builds."""
    out = scratch / "build"
    if not (out / "build.ninja").exists():
        subprocess.run(["meson", "setup", out, scratch / "tree", "-Dbuildtype=debug", "-Dtests=disabled",
                        "-Dwerror=false"], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(["ninja", "-C", out, "cmd/weft"], capture_output=True, text=True, check=False)
    return done.returncode == 0


def scripts_fail(scratch):
    """How many scripts fail, with the name of one; a stack that hangs or dies fails all."""
    argv = [scratch / "build/cmd/weft", "drill", "--tap", "-q", "--nothing_left", "--tcp_ts_tick_usecs=1000",
            f"--known={ROOT / 'tests/script/KNOWN'}", "tests/script/tcp"]
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return 1, "(the run hangs)"
    bad = [line[9:] for line in done.stdout.splitlines() if line.startswith("not ok - ")]
    if bad:
        return len(bad), bad[0].removeprefix("tests/script/tcp/")
    return (0, "") if done.returncode in (0, 2) else (1, f"(status {done.returncode})")


def try_fault(scratch, fault):
    name, path, old, new = fault
    target = scratch / "tree/src" / path
    text = target.read_text()
    target.write_text(text.replace(old, new))
    try:
        if not build(scratch):
            return name, None, "does not build"
        n_failed, first = scripts_fail(scratch)
        return name, n_failed, first
    finally:
        target.write_text(text)


def table(results):
    lines = ["| fault | scripts that fail | one of them |\n", "|---|---|---|\n"]
    for name, n_failed, first in results:
        shown = f"`{first}`" if n_failed and not first.startswith("(") else first
        lines.append(f"| {name} | {n_failed or 'none'} | {shown} |\n")
    return "".join(lines)


def recovery_line(results):
    """Of the faults in recovery and congestion control."""
    names = [name for name, *_ in results]
    part = results[names.index(faults.RECOVERY[0]):names.index(faults.RECOVERY[1])]
    n_caught = sum(1 for _, n_failed, _ in part if n_failed)
    return f"{n_caught} of the {len(part)} in recovery and congestion control ({part[0][0]}, to: {part[-1][0]})."


def write_page(results, n_caught):
    text = PAGE.read_text()
    head, tail = text[:text.index(BEGIN) + len(BEGIN)], text[text.index(END):]
    PAGE.write_text(f"{head}{n_caught} of {len(results)} are caught; {recovery_line(results)}\n\n{table(results)}{tail}")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--check", action="store_true")
    args.add_argument("--write", action="store_true")
    args.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build/mutation")
    args.add_argument("numbers", nargs="*", type=int)
    opts = args.parse_args()

    misfits = fits(ROOT)
    for name in misfits:
        print(f"not ok - the fault \"{name}\" no longer fits the code")
    if opts.check or misfits:
        if not misfits:
            print(f"ok - all {len(faults.FAULTS)} faults fit the code")
        return 1 if misfits else 0
    opts.scratch.mkdir(parents=True, exist_ok=True)
    copy_tree(opts.scratch)
    if not build(opts.scratch) or scripts_fail(opts.scratch)[0]:
        print("not ok - without a fault the scripts pass")
        return 1
    wanted = opts.numbers or range(1, len(faults.FAULTS) + 1)
    results = []
    for number in wanted:
        name, n_failed, first = try_fault(opts.scratch, faults.FAULTS[number - 1])
        results.append((name, n_failed, first))
        print(f"{number:2} {'caught' if n_failed else 'NOT CAUGHT'}: {name}: {n_failed} fail, {first}", flush=True)
    n_caught = sum(1 for _, n_failed, _ in results if n_failed)
    print(f"{n_caught} of {len(results)} caught")
    if opts.write and not opts.numbers:
        write_page(results, n_caught)
    return 0 if n_caught >= NEEDED * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
