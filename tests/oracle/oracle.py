#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same socket cases on the kernel's sockets and on weft's: what they print is equal, but for what
differences.txt lists with a reason.

usage: oracle.py KERNEL WEFT DIFFERENCES

The kernel's cases run twice, in network namespaces of their own: lines in which it differs from itself
are noise, counted and left out. A difference that is listed and does not appear is an error too.
Prints ok and not ok lines; needs root, or user namespaces.
"""
import os
import pathlib
import re
import subprocess
import sys

CASES_MIN = 300
NOISE_MAX = 30
TIMEOUT_S = 100


def start(*argv):
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines_of(process, what):
    out, err = process.communicate(timeout=TIMEOUT_S)
    if process.returncode:
        sys.exit(f"not ok - {what} ran: status {process.returncode}: {err.strip()}")
    return dict(line.split(":", 1) for line in out.splitlines())


def read_differences(path):
    """Patterns for names of cases, each with the reason above it."""
    reason, ret = "", []
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith("# "):
            reason = line[2:]
        elif line.strip():
            ret.append((re.compile(line), reason))
    return ret


def main():
    kernel, weft, listed = sys.argv[1:4]
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        print("ok - skipped: no network namespaces")
        return 77
    runs = [start(*unshare, kernel), start(*unshare, kernel), start(weft)]
    first, second, ours = (lines_of(run, name) for run, name in zip(runs, ("kernel", "kernel", "weft")))
    bad = 0

    def check(what, good):
        nonlocal bad
        bad += not good
        print("ok" if good else "not ok", "-", what, flush=True)

    check(f"{len(first)} cases", len(first) >= CASES_MIN and first.keys() == second.keys() == ours.keys())
    noise = {name for name in first if first[name] != second.get(name)}
    check(f"the kernel differs from itself in {len(noise)} cases", len(noise) <= NOISE_MAX)
    differences = read_differences(listed)
    used = set()
    n_listed = 0
    unlisted = []
    for name in first:
        if name in noise or first[name] == ours.get(name):
            continue
        known = [p for p, _ in differences if p.fullmatch(name)]
        used.update(known)
        n_listed += bool(known)
        if not known:
            unlisted.append(name)
    if unlisted:  # on a machine with too much to do, once more tells what is chance
        again, ours_again = (lines_of(start(*argv), argv[-1]) for argv in ([*unshare, kernel], [weft]))
        unlisted = [name for name in unlisted if again.get(name) != ours_again.get(name)]
    for name in unlisted:
        check(f"{name}\n  kernel:{first[name]}\n  weft:  {ours.get(name)}", False)
    check(f"{n_listed} of {len(first)} cases differ for a reason that is listed", True)
    for pattern, reason in differences:
        if "timing" not in reason and not any(pattern.fullmatch(name) for name in first):
            check(f"{pattern.pattern} names a case", False)
        elif "timing" not in reason and "host's" not in reason and pattern not in used:
            check(f"{pattern.pattern} is still a difference", any(pattern.fullmatch(name) for name in noise))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
