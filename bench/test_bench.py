#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs every figure for a moment: that they work, what is written, and that nothing is left behind.

usage: test_bench.py BUILD-DIR

The values say nothing here; `make bench` measures.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent / "bench.py"
FIELDS = {"figure": str, "unit": str, "direction": str, "ours": float, "peer_name": str, "peer": float,
          "peer_settings": str, "ratio_min": float, "ratio_median": float, "ratio_max": float,
          "ratio_cpu_median": float, "bar": float, "bar_cpu": float, "is_met": bool, "cpu_s_ours": float, "cpu_s_peer": float, "runs": int}
# All but timers-1e7, which takes a gigabyte and is timers-1e5 otherwise.
ROWS = [("bulk-inproc", "linux veth"), ("bulk-inproc6", "weft ipv4"), ("bulk-inproc-cold", "linux veth"),
        ("bulk-inproc-zc", "linux veth"), ("bulk-inproc-mtu", "linux veth"), ("bulk-inproc-gro", "weft gro off"),
        ("bulk-tap-out", "linux veth"),
        ("bulk-tap-out", "tap-floor"), ("bulk-tap-out", "tap-floor-copy"), ("bulk-tap-out-zc", "linux veth"),
        ("bulk-tap-out-zc", "tap-floor"), ("bulk-tap-in", "linux veth"), ("bulk-tap-in", "tap-floor"),
        ("rr-inproc", "linux veth"), ("rr-inproc6", "weft ipv4"), ("crr-inproc", "linux veth"),
        ("udp-inproc", "linux veth"), ("udp-inproc6", "weft ipv4"), ("udp-inproc-gso", "linux veth"),
        ("fwd4", "linux router"), ("fwd6", "linux router"), ("mem-conn", "limit"), ("mem-conn-time", "limit"),
        ("timers-1e3", "limit"), ("timers-1e5", "limit"), ("scale2", "one engine"), ("shard2", "one engine"), ("shard2-cross", "one engine"),
        ("lab500-up", "limit"), ("lab500-sim", "limit"),
        ("lab500-memory", "limit"), ("bulk-packet-out", "linux veth"), ("udp-packet-in", "linux veth")]
SETTINGS = ["cubic", "MTU 1500", "1 pairs of 0.2 s", "gso_max_segs 1"]
MAY_BE_NONE = ["bar", "bar_cpu", "is_met"]
UNITS = ["Gbit/s", "round trips/s", "datagrams/s", "nodes/s", "virtual s/s", "nodes/GB",
         "connections/s", "packets/s", "endpoints/GB", "endpoints/s", "restarts/s", "round trips/cpu s"]
CURVES = {"size", "conns", "hops", "routes", "stacks", "timers", "loss"}
SKIPPED = 77
GW_PEERS = ["slirp4netns", "pasta"]
HAS_GW_PEERS = all(map(shutil.which, GW_PEERS))
if HAS_GW_PEERS:  # one of the figures: each has to start three gateways
    ROWS += [(row, peer) for peer in GW_PEERS for row in ("gw-rr", "gw-rr-cpu")]

PEERS = {"gvisor": ["peer-gvisor", "peer-gvisor-gso", "peer-gvisor-rr"], "lwip": ["peer-lwip-out", "peer-lwip-in"]}
for peer, figures in PEERS.items():
    if subprocess.run([str(BENCH.parent / "peers/build"), "--check", peer], capture_output=True).returncode == 0:
        ROWS += [(figure, peer) for figure in figures]

n_failed = 0


def check(name, is_ok, why=""):
    global n_failed
    n_failed += not is_ok
    print(f"{'ok' if is_ok else 'not ok'} - {name}" + ("" if is_ok else f": {why}"), flush=True)


def argv(build, *args):
    return [sys.executable, str(BENCH), "--build", build, *args]


def env(**settings):
    return {**os.environ, "FIGURES": "", **settings}


def row_errors(row):
    if list(row) != list(FIELDS):
        return [f"its fields are {list(row)}"]
    there = {name: kind for name, kind in FIELDS.items() if name not in MAY_BE_NONE or row[name] is not None}
    bad = [f"{name} is {row[name]!r}" for name, kind in there.items() if not isinstance(row[name], (int, float) if kind is float else kind)]
    bad += [f"{name} is {row[name]!r}" for name, kind in there.items() if kind in (int, float) and not row[name] > 0]
    if row["direction"] != "higher":
        bad.append(f"direction is {row['direction']}")
    if not bad and not row["ratio_min"] <= row["ratio_median"] <= row["ratio_max"]:
        bad.append("its ratios are not in order")
    return bad


def check_results(build):
    with tempfile.TemporaryDirectory() as out:
        figures = list(dict.fromkeys(row.removesuffix("-cpu") for row, _ in ROWS))
        done = subprocess.run(argv(build, "--out", out, *figures), env=env(PAIRS="1", SECONDS="0.2"),
                              capture_output=True, text=True)
        if done.returncode == SKIPPED:
            print(done.stderr.strip())
            sys.exit(SKIPPED)
        check("all figures, briefly: exit status 0", done.returncode == 0, done.stdout + done.stderr)
        if done.returncode:
            return
        rows = json.loads((pathlib.Path(out) / "results.json").read_text())
    got = [(row.get("figure"), row.get("peer_name")) for row in rows]
    check("results.json has a row for each figure and peer", got == ROWS, got)
    for row in rows:
        bad = row_errors(row)
        check(f"{row.get('figure')} against {row.get('peer_name')}: all fields, all positive", not bad, bad)
    settings = " ".join(row["peer_settings"] for row in rows)
    missing = [text for text in SETTINGS if text not in settings]
    check("the peer's settings name congestion control and MTU", not missing, missing)
    table = [line.split()[0] for line in done.stdout.splitlines() if any(f"  {unit}  " in line for unit in UNITS)]
    check("the table has the same rows", table == [figure for figure, _ in ROWS], done.stdout)


def check_curves(build):
    if not shutil.which("gnuplot"):
        print("ok - curves # SKIP no gnuplot")
        return
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run([sys.executable, str(BENCH.parent / "curves.py"), "--build", build, "--out", out, "--quick"],
                              capture_output=True, text=True)
        check("scaling curves, briefly: exit status 0", done.returncode == 0, done.stdout + done.stderr)
        tables = {p.stem: p.read_text().splitlines() for p in pathlib.Path(out).glob("*.csv")}
        pictures = {p.stem for p in pathlib.Path(out).glob("*.svg") if "</svg>" in p.read_text()}
        check("a table and a picture of each", set(tables) == CURVES and pictures == CURVES, (list(tables), pictures))
        for name, lines in tables.items():
            rows = [line.split(",") for line in lines]
            good = len(rows) == 4 and all(len(row) == len(rows[0]) for row in rows)
            check(f"curve {name}: three points of numbers", good and all(float(c or 1) >= 0 for row in rows[1:] for c in row), lines)


def check_baseline(build):
    """Medians less a fifth, of what is there already and has pairs enough."""
    with tempfile.TemporaryDirectory() as out:
        rows = [("rr-inproc", 30.0, 5), ("bulk-inproc", 4.0, 1), ("fwd4", 80.0, 5)]
        (pathlib.Path(out) / "results.json").write_text(json.dumps(
            [{"figure": figure, "peer_name": "p", "ratio_median": ratio, "runs": runs} for figure, ratio, runs in rows]))
        baseline = pathlib.Path(out) / "baseline.json"
        baseline.write_text('{"bulk-inproc / p": 3.0, "rr-inproc / p": 20.0}')
        how = ["--out", out, "--baseline", str(baseline), "--update-baseline"]
        for what, figures, want in [("is written of what it has", [], {"bulk-inproc / p": 3, "rr-inproc / p": 24}),
                                    ("is written of what is named", ["fwd4"],
                                     {"bulk-inproc / p": 3, "fwd4 / p": 64, "rr-inproc / p": 24})]:
            done = subprocess.run(argv(build, *how, *figures), env=env(), capture_output=True, text=True)
            got = json.loads(baseline.read_text())
            check(f"the baseline {what}", done.returncode == 0 and got == want, (done, got))


def descendants(pid):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def is_alive(pid):
    try:
        stat = pathlib.Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_until(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def check_kill(build, number):
    """Its namespaces have no names and end with the processes, so it is these that must be gone."""
    with tempfile.TemporaryDirectory() as out:
        p = subprocess.Popen(argv(build, "--out", out, "bulk-tap-out"), env=env(PAIRS="1", SECONDS="60"),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The holder of the namespace, the meter and its two workers.
        wait_until(20, lambda: len(descendants(p.pid)) >= 4)
        below = descendants(p.pid)
        p.send_signal(number)
        p.wait()
        is_gone = wait_until(5, lambda: not any(map(is_alive, below)))
        name = signal.Signals(number).name
        check(f"{name} in the middle leaves no process behind", len(below) >= 4 and is_gone, below)


def check_mistakes(build):
    for what, args, settings in [("an unknown figure", ["bulk"], {}), ("no pairs", [], {"PAIRS": "0"}),
                                 ("seconds that are no number", [], {"SECONDS": "x"})]:
        done = subprocess.run(argv(build, *args), env=env(**settings), capture_output=True, text=True)
        check(f"{what}: exit status 2 and a message", done.returncode == 2 and done.stderr, done)


def main():
    build = sys.argv[1]
    check_results(build)
    check_curves(build)
    check_mistakes(build)
    check_baseline(build)
    check_kill(build, signal.SIGTERM)
    check_kill(build, signal.SIGINT)
    check_kill(build, signal.SIGKILL)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
