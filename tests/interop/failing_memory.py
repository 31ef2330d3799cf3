#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every allocation that can fail is made to fail: in a lab that comes up and goes down, in a gateway that
starts, and in the embed example. Each time: no crash, a message and a status that says so (or success), nothing leaked,
no process left.

usage: failing_memory.py FAILALLOC.so WEFT EMBED [STEP]      every STEP-th allocation (1: all)

Prints a line `ok - NAME` or `not ok - NAME` a program.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

FAILALLOC, WEFT, EMBED = (str(pathlib.Path(a).resolve()) for a in sys.argv[1:4])
STEP = int(sys.argv[4]) if len(sys.argv) > 4 else 1

LAB = """
lab: oom
nodes:
  a: { kind: kernel, interfaces: { eth0: { address: 10.0.0.1/24 } }, routes: [default via 10.0.0.2] }
  s: { kind: switch }
  w:
    forwarding: true
    interfaces: { eth0: { address: 10.0.0.2/24 } }
    routes: [10.9.0.0/16 via 10.0.0.1]
    services: [ { http: { port: 80, root: ., files: { /f: { size: 1MB } } } }, { echo: { port: 7, proto: [tcp, udp] } } ]
links: [ { between: ["a:eth0", "s:p1"], delay: 1ms }, "w:eth0 -- s:p2" ]
"""


def run(argv, at, folder):
    """Returns exit status, messages, and (calls, live blocks at exit) or None when it died."""
    out = folder / "counts"
    out.unlink(missing_ok=True)
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "LD_PRELOAD": FAILALLOC, "FAILALLOC_AT": str(at), "FAILALLOC_OUT": str(out),
           "FAILALLOC_PROGRAM": pathlib.Path(argv[0]).name}
    done = subprocess.run(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    counts = out.read_text().split() if out.exists() else None
    return done.returncode, done.stdout + done.stderr, counts and (int(counts[0]), int(counts[1]))


def judge(status, text, counts, live, at, talks):
    """What is wrong with a run, or None."""
    if status < 0 or status > 127 or counts is None:
        return f"allocation {at}: died with status {status}: {text[-300:]}"
    if status and talks and not text.strip():
        return f"allocation {at}: status {status} without a word"
    if counts[1] > live:
        return f"allocation {at}: {counts[1] - live} blocks leaked (status {status}): {text[-300:]}"
    return None


def check(name, argv, folder, talks):
    status, text, counts = run(argv, 0, folder)
    if status or not counts or counts[0] < 50:  # none seen: the allocator is not in the way
        print(f"not ok - {name}\nwithout a failure: status {status}, {counts}: {text}")
        return False
    calls, live = counts
    wrong = []
    for at in range(1, calls + 1, STEP):
        try:
            wrong.append(judge(*run(argv, at, folder), live, at, talks))
        except subprocess.TimeoutExpired:
            wrong.append(f"allocation {at}: hangs")
    wrong = [w for w in wrong if w]
    print(f"{'not ok' if wrong else 'ok'} - {name}, {calls} allocations, every {STEP}", *wrong[:20],
          sep="\n  ", flush=True)
    return not wrong


def check_child(name, argv, folder, calls):
    """The same of a program whose child has the allocations, and counts none: the first `calls` of them."""
    wrong = []
    for at in range(1, calls + 1, 2 * STEP if STEP > 1 else 1):
        try:
            wrong.append(judge(*run(argv, at, folder), 0, at, True))
        except subprocess.TimeoutExpired:
            wrong.append(f"allocation {at}: hangs")
    wrong = [w for w in wrong if w]
    print(f"{'not ok' if wrong else 'ok'} - {name}, {calls} allocations, every {STEP}", *wrong[:20],
          sep="\n  ", flush=True)
    return not wrong


def is_sanitized(program):
    """A sanitizer's allocator comes before any that is preloaded, and would complain besides."""
    return b"__asan_init" in pathlib.Path(program).read_bytes()


def main():
    if is_sanitized(WEFT):
        print("the programs are sanitized: there is no way to put an allocator before theirs")
        sys.exit(77)
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="weft-test-") as name:
        folder = pathlib.Path(name)
        (folder / "lab.yaml").write_text(LAB)
        good = check("embed", [EMBED], folder, False)
        good &= check("lab up and down", [WEFT, "run", "lab.yaml", "--report", "--pcap", "cap", "-n", "a", "--",
                                          "true"], folder, True)
        # What libseccomp needs for its filter comes behind these.
        good &= check_child("gateway", [WEFT, "unshare", "--", "true"], folder, 250)
    sys.exit(not good)


if __name__ == "__main__":
    main()
