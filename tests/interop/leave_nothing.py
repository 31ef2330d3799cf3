#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""However a lab ends, nothing of it is left: no process, namespace, TAP, socket or file.

usage: leave_nothing.py WEFT [N]      ends a lab N times (10), at moments drawn at random

Prints a line `ok - NAME` or `not ok - NAME` a case; the seed of a failure is in its name.
"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

WEFT = str(pathlib.Path(sys.argv[1]).resolve())
N = int(sys.argv[2]) if len(sys.argv) > 2 else 10
GONE_S = 5  # so long may the kernel take to tear namespaces down

LAB = """
lab: leave
nodes:
  a: { kind: kernel, interfaces: { eth0: { address: 10.0.0.1/24 } } }
  b: { kind: kernel, interfaces: { eth0: { address: 10.0.0.2/24 } } }
  s: { kind: switch }
  w:
    interfaces: { eth0: { address: 10.0.0.3/24 } }
    services: [ { http: { port: 80, files: { /f: { size: 100MB } } } }, { echo: { port: 7 } } ]
links: [ "a:eth0 -- s:p1", "b:eth0 -- s:p2", "w:eth0 -- s:p3" ]
"""


def descendants(pid):
    """PIDs of a process and all below it, from /proc."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        todo += children.get(p, [])
    return found


def namespaces(pids):
    """The network namespaces of these processes that are not ours."""
    ours = os.readlink("/proc/self/ns/net")
    found = set()
    for pid in pids:
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/net"))
        except OSError:
            pass
    return found - {ours}


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def all_namespaces():
    return namespaces(int(e) for e in os.listdir("/proc") if e.isdigit())


def left_over(pids, spaces, folder, files, devices):
    """What is still there, in words; empty when all is gone."""
    rest = [f"process {p}" for p in pids if is_alive(p)]
    rest += [f"namespace {s}" for s in spaces & all_namespaces()]
    rest += [f"file {f}" for f in set(os.listdir(folder)) - files]
    rest += [f"device {d}" for d in set(os.listdir("/sys/class/net")) - devices]
    return rest


def end_once(folder, rng):
    """Starts a lab, ends it at a random moment. Returns what is left."""
    sig = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
    (folder / "lab.yaml").write_text(LAB)
    files, devices = set(os.listdir(folder)), set(os.listdir("/sys/class/net"))
    argv = rng.choice([
        [WEFT, "up", "lab.yaml"],
        [WEFT, "run", "lab.yaml", "-n", "a", "--", "sleep", "100"],
        [WEFT, "run", "lab.yaml", "-n", "b", "--", "sh", "-c",
         "curl -s -o /dev/null http://w/f & trap '' INT TERM; sleep 100"],
    ])
    with subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, start_new_session=True) as p:
        time.sleep(rng.uniform(0, 0.6))
        pids = descendants(p.pid)
        spaces = namespaces(pids)
        p.send_signal(sig)
        try:
            p.wait(timeout=10)
        except subprocess.TimeoutExpired:
            p.kill()
            return [f"weft itself, 10 s after {sig.name} ({' '.join(argv[1:2])})"]
    end = time.monotonic() + GONE_S
    while (rest := left_over(pids, spaces, folder, files, devices)) and time.monotonic() < end:
        time.sleep(0.05)
    return [f"{r} after {sig.name} of `weft {argv[1]}`" for r in rest]


def main():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    n_failed = 0
    for i in range(N):
        seed = int(os.environ.get("WEFT_TEST_SEED", time.time_ns())) + i
        with tempfile.TemporaryDirectory(prefix="weft-test-") as folder:
            rest = end_once(pathlib.Path(folder), random.Random(seed))
        n_failed += bool(rest)
        print(f"{'not ok' if rest else 'ok'} - nothing is left, seed {seed}", *rest, sep="\n  ",
              flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
