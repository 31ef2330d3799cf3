#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Draws scaling curves: what weft costs as there is more of something.

usage: bench/curves.py [--build DIR] [--out DIR] [--quick] [CURVE...]
curves: size conns hops routes stacks timers loss (all unless named)

Writes NAME.csv and NAME.svg of each curve to DIR (bench/out/curves). Everything runs in one process and
thread without namespaces, so it needs no privilege. A point is the median of three runs, of one where the set-up takes long; --quick, or QUICK=1 in the
environment, makes one short run of few points each, to see that all works. doc/performance.md explains the
curves; `make bench-curves && cp bench/out/curves/* doc/img/curves/` is how its pictures are made. Exits with 0, 1 when a run
failed, 2 for a mistake in the arguments, 77 without gnuplot.
"""
import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
CANNOT = 77
RUNS, SECONDS = 3, 0.3
QUICK_SECONDS = 0.05
QUICK_POINTS = 3
QUICK_MOST = 10000  # of what a curve counts
VIRTUAL_SECONDS, QUICK_VIRTUAL_SECONDS = 120, 10
RUN_LIMIT_S = 240
TRIES = 3
LONG_RUN_S = 10  # set-up that takes so long is not repeated
PPM = 1e6


@dataclass
class Line:
    """One line of a picture: a column of a series of runs."""

    program: str  # the curve as weft_curves calls it
    column: str
    title: str
    is_right: bool = False  # of the right axis


@dataclass
class Curve:
    """A picture: its points, axes and lines."""

    title: str
    points: list
    x: str
    left: str
    right: str
    lines: list
    scale: float = 1  # from a point to what the picture shows
    is_linear: bool = False  # the left axis
    has_zero: bool = False  # a point at 0, so the axis of points cannot be logarithmic
    programs: list = field(default_factory=list)

    def __post_init__(self):
        self.programs = list(dict.fromkeys(line.program for line in self.lines))


def tens(first, last):
    return [10**e for e in range(first, last + 1)]


# Columns: rate (of weft_curves, a CPU second), mbit (in virtual time), ns_byte and ns_op (CPU time), and of the set-up, for each that there is, ns and bytes.
CURVES = {
    "size": Curve("One stream in process, by the size of messages", [4**e for e in range(0, 11)],
                  "bytes a send() and recv()", "Gbit a CPU second", "ns of CPU time",
                  [Line("size", "rate", "throughput"), Line("size", "ns_byte", "a byte", True),
                   Line("size", "ns_op", "a message received", True)]),
    "conns": Curve("Connections in a process, used in turn: 1 KiB there and back", tens(0, 6), "connections", "Gbit a CPU second",
                   "ns of CPU time",
                   [Line("conns", "rate", "throughput"), Line("conns", "ns_op", "a round trip", True),
                    Line("conns", "setup_ns", "a connection set up", True)]),
    "hops": Curve("One stream through routers in a row", [2**e for e in range(0, 7)], "routers", "Gbit a CPU second",
                  "ns of CPU time",
                  [Line("hops", "rate", "throughput"), Line("hops", "ns_kib", "1 KiB", True),
                   Line("hops", "ns_kib_each", "1 KiB, for each router", True)]),
    "routes": Curve("Forwarding of 64-byte packets to random routes", tens(1, 6), "routes", "packets a CPU second", "ns of CPU time",
                    [Line("routes", "rate", "IPv4, rate"), Line("routes6", "rate", "IPv6, rate"),
                     Line("routes", "ns_op", "IPv4, a packet", True), Line("routes6", "ns_op", "IPv6, a packet", True),
                     Line("routes", "setup_ns", "IPv4, a route added", True),
                     Line("routes6", "setup_ns", "IPv6, a route added", True)]),
    "stacks": Curve("Stacks in a process, in pairs: datagrams of 64 bytes there and back", [1, 2, 10, 100, 1000, 10000],
                    "stacks", "round trips a CPU second", "ns of CPU time",
                    [Line("stacks", "rate", "rate"), Line("stacks", "ns_op", "a round trip", True),
                     Line("stacks", "setup_ns", "a stack set up", True)]),
    "timers": Curve("Timers: stop and start one of those pending", tens(2, 7), "timers", "restarts a CPU second", "ns of CPU time",
                    [Line("timers", "rate", "rate"), Line("timers", "ns_op", "a restart", True)]),
    "loss": Curve("100 Mbit/s, 20 ms there and back, by loss of frames", [0, 100, 1000, 3000, 10000, 20000, 50000, 100000],
                  "lost, %", "Mbit/s in virtual time", "ns of CPU time a byte",
                  [Line("loss", "mbit", "CUBIC"), Line("loss-bbr", "mbit", "BBR"),
                   Line("loss", "ns_byte", "CUBIC, CPU", True), Line("loss-bbr", "ns_byte", "BBR, CPU", True)],
                  scale=100 / PPM, is_linear=True, has_zero=True),
}
GNUPLOT = """set terminal svg size 680,380 dynamic rounded font 'sans-serif,11' background 'white'
set datafile separator ','
set output '{svg}'
set title '{title}'
set xlabel '{x}'
set ylabel '{left}'
set y2label '{right}'
set grid
set key below
set ytics nomirror
set y2tics
unset mxtics
unset mytics
unset my2tics
set logscale y2
{scales}
plot {plots}
"""


class Failed(Exception):
    """Something that the user is told in one line."""


def measure(build, program, n, seconds):
    argv = [str(build / "weft_curves"), program, str(n), f"{seconds:g}"]
    for _ in range(TRIES):  # a busy machine may let a window of a moment pass without giving it a turn
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{' '.join(argv)}: still running after {RUN_LIMIT_S} s") from None
        if "nothing was received" not in done.stderr:
            break
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {done.stderr.strip() or f'status {done.returncode}'}")
    return json.loads(done.stdout)


def columns(n, run):
    """What a line can show of a run, nothing where the run does not know it."""
    ns, ops, setup_s = run["cpu_s"] * 1e9, run.get("ops"), run.get("setup_s")
    ns_byte = ns / run["bytes"] if run["bytes"] else None
    rate = run["value"] * run["seconds"] / run["cpu_s"]  # what others took of the machine does not count
    return {"rate": rate, "mbit": run["value"] * 1e3, "ns_byte": ns_byte, "ns_op": ns / ops if ops else None,
            "ns_kib": ns_byte and ns_byte * 1024, "ns_kib_each": ns_byte and n and ns_byte * 1024 / n,
            "setup_ns": setup_s and setup_s * 1e9 / n, "setup_bytes": run["setup_bytes"] / n if setup_s else None}


def point(args, program, n):
    """The median run, by CPU time for what was done."""
    is_virtual = program.startswith("loss")
    if args.quick:
        seconds = QUICK_VIRTUAL_SECONDS if is_virtual else QUICK_SECONDS
    else:
        seconds = VIRTUAL_SECONDS if is_virtual else SECONDS
    runs, start = [], time.monotonic()
    while not runs or len(runs) < (1 if args.quick else RUNS) and time.monotonic() - start < LONG_RUN_S:
        runs.append(columns(n, measure(args.build, program, n, seconds)))
    return {name: statistics.median_low(run[name] for run in runs) if runs[0][name] is not None else None
            for name in runs[0]}


def quick_points(curve):
    few = [n for n in curve.points if n <= QUICK_MOST or curve.has_zero]
    return sorted({few[0], few[len(few) // QUICK_POINTS], few[-1]})


def write_csv(path, curve, rows):
    """What the lines show, and the memory of the set-up; returns the names of the columns after the first."""
    names = list(dict.fromkeys([(line.program, line.column) for line in curve.lines]))
    names += [(program, "setup_bytes") for program in curve.programs if (program, "setup_ns") in names]
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow([curve.x.split(",")[0], *(f"{program} {column}" for program, column in names)])
        for n, row in rows.items():
            out.writerow([f"{n * curve.scale:g}", *(f"{row[program][column]:.4g}" for program, column in names)])
    return names


def draw(path, curve, names):
    scales = [] if curve.has_zero else ["set logscale x", "set format x '10^{%L}'" if curve.points[-1] > 4**10
                                        else "set format x '%.0f'"]
    scales.append("set yrange [0:*]" if curve.is_linear else "set logscale y")
    plots = [f"'{path.with_suffix('.csv')}' skip 1 using 1:{names.index((line.program, line.column)) + 2} "
             f"axes x1y{2 if line.is_right else 1} with linespoints lw 2 {'dt 2' if line.is_right else 'pt 7'} "
             f"title '{line.title}'" for line in curve.lines]
    script = GNUPLOT.format(svg=path, title=curve.title, x=curve.x, left=curve.left, right=curve.right,
                            scales="\n".join(scales), plots=", \\\n ".join(plots))
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True)
    if done.returncode or not path.exists():
        raise Failed(f"gnuplot: {done.stderr.strip()}")


def run(args):
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.curves:
        curve = CURVES[name]
        rows = {}
        for n in quick_points(curve) if args.quick else curve.points:
            rows[n] = {program: point(args, program, n) for program in curve.programs}
            shown = "  ".join(f"{line.title} {rows[n][line.program][line.column]:.4g}" for line in curve.lines
                              if rows[n][line.program][line.column] is not None)
            print(f"{name} {n * curve.scale:g}: {shown}", file=sys.stderr, flush=True)
        names = write_csv(args.out / f"{name}.csv", curve, rows)
        draw(args.out / f"{name}.svg", curve, names)
    print(f"written: {args.out}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip().removeprefix("usage: "))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/installed/bench")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/out/curves")
    parser.add_argument("--quick", action="store_true", default=os.environ.get("QUICK", "0") not in ("", "0"))
    parser.add_argument("curves", nargs="*", metavar="CURVE")
    args = parser.parse_args()
    args.curves = args.curves or list(CURVES)
    for name in args.curves:
        if name not in CURVES:
            parser.error(f"no curve {name!r}; there are: {' '.join(CURVES)}")
    if not (args.build / "weft_curves").exists():
        parser.error(f"{args.build}/weft_curves is not there; `make bench-curves` builds it")
    if not shutil.which("gnuplot"):
        print("curves: needs gnuplot (apt-get install gnuplot-nox)", file=sys.stderr)
        return CANNOT
    try:
        run(args)
    except Failed as why:
        print(f"curves: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
