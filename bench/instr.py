#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts the instructions and cache misses that a packet costs, by callgrind, and prints a table.

usage: bench/instr.py [--build DIR] [--check | --update] [--profile FIGURE]

Runs figures of weft_bench under callgrind for a number of turns, with a clock and a seed of their own, so that the counts
of a binary are the same in every run, on a busy machine too; divides what functions have executed, with all that they
called, by how often they were called. Misses are those of callgrind's model of two caches (32 KiB, 1 MiB), which knows
no prefetching. What the instructions wait for, no count tells; where the machine has counters, perf stat adds its
own. --check compares with instr.json and fails when a row has grown by more than 10 %, when forwarding takes more than 300
instructions, and when a timer's start or stop depends on how many are pending; --update writes that file, and the table of
doc/performance.md.
--profile prints what each function of a figure executes itself. Exits with 0; 1 when a run failed or a row has grown;
77 when valgrind is not there. doc/performance.md says what the instructions do.
"""
import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CANNOT = 77
PROFILE_ROWS = 40
TABLE, PAGE = ROOT / "bench/instr.json", ROOT / "doc/performance.md"
TABLE_HEAD = "| what | instructions | misses of 32 KiB | of 1 MiB |"
GROWTH = 0.10
SLACK = 3  # instructions that no row is blamed for
# Turns of weft_bench: some thousands of operations each.
TURNS = {"rr-inproc": 5, "rr-inproc6": 5, "bulk-inproc": 1, "bulk-inproc-mtu": 2, "udp-inproc": 200, "udp-inproc-gso": 5000,
         "fwd4": 3000, "fwd6": 3000,
         "fwd4-few": 300, "fwd6-few": 300, "fwd4-many": 3000, "fwd6-many": 3000,
         "crr-inproc": 4, "timers-1e3": 100, "timers-1e5": 100, "timers-1e6": 1000}
CACHES = ["--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=1048576,16,64"]
EVENTS = ["Ir", "D1mr", "D1mw", "DLmr", "DLmw"]
PERF_EVENTS = "instructions,cycles,cache-misses"
# What is measured, in which figure, and the function; the last is what a call of it stands for. "f/g": what f executes,
# divided by the calls of g.
ROUTER = "weft_engine_run/app_netif_tx"
ROWS = [
    ("TCP segment out, from the send call", "rr-inproc", "weft_send", "segment"),
    ("TCP segment in, to the receive queue", "rr-inproc", "netif_backlog_run", "segment"),
    ("TCP segment out, IPv6", "rr-inproc6", "weft_send", "segment"),
    ("TCP segment in, IPv6", "rr-inproc6", "netif_backlog_run", "segment"),
    ("TCP receive call that finds a byte, or none", "rr-inproc", "weft_recv", "call"),
    ("demultiplexing (TCP)", "crr-inproc", "conn_find", "segment"),
    ("ACK out", "bulk-inproc", "tcp_send_ack", "pure ACK"),
    ("what an ACK does", "bulk-inproc", "tcp_ack", "segment"),
    ("all super-packets that may go, without the copy", "bulk-inproc", "tcp_output", "call"),
    ("cutting a super-packet into 45 frames", "bulk-inproc-mtu", "pkt_segment", "super-packet"),
    ("checksum of a frame of 1500 bytes, computed", "bulk-inproc-mtu", "pkt_csum_complete", "frame"),
    ("UDP datagram out, from the send call", "udp-inproc", "weft_send", "datagram"),
    ("UDP datagram in, to the receive queue", "udp-inproc", "netif_backlog_run", "datagram"),
    ("UDP receive call", "udp-inproc", "weft_recv", "call"),
    ("header of Ethernet, alone", "udp-inproc", "eth_input", "frame"),
    ("header of IPv4 and its checks, alone", "udp-inproc", "ip4_input", "packet"),
    ("header of UDP, alone", "udp-inproc", "udp_input", "datagram"),
    ("header of TCP and its checks, alone", "crr-inproc", "tcp_input", "segment"),
    ("forwarding, IPv4: from the frame that waits to the return of the driver", "fwd4", ROUTER, "packet"),
    ("forwarding, IPv4, 8 destinations", "fwd4-few", ROUTER, "packet"),
    ("forwarding, IPv4, 16,000 destinations", "fwd4-many", ROUTER, "packet"),
    ("forwarding, IPv6", "fwd6", ROUTER, "packet"),
    ("forwarding, IPv6, 8 destinations", "fwd6-few", ROUTER, "packet"),
    ("forwarding, IPv6, 16,000 destinations", "fwd6-many", ROUTER, "packet"),
    ("route lookup, IPv4, 1,000 routes", "fwd4", "fib4_lookup", "lookup"),
    ("route lookup, IPv6, 1,000 routes", "fwd6", "fib6_lookup", "lookup"),
    ("handing a frame in (copy of 64 bytes)", "fwd4", "weft_netif_rx", "frame"),
    ("packet: allocate", "udp-inproc", "pkt_alloc", "packet"),
    ("packet: free", "udp-inproc", "pkt_free", "packet"),
    ("timer: start, 1,000 pending", "timers-1e3", "weft_timer_start", "start"),
    ("timer: stop, 1,000 pending", "timers-1e3", "weft_timer_stop", "stop"),
    ("timer: start, 100,000 pending", "timers-1e5", "weft_timer_start", "start"),
    ("timer: stop, 100,000 pending", "timers-1e5", "weft_timer_stop", "stop"),
    ("timer: start, 1,000,000 pending", "timers-1e6", "weft_timer_start", "start"),
    ("timer: stop, 1,000,000 pending", "timers-1e6", "weft_timer_stop", "stop"),
    ("connection, both ends: connect, a byte each way, close", "crr-inproc", "weft_connect", "connection"),
]
WHOLE = {"weft_connect"}  # all that the program executes, divided by these calls
FLAT = ["timer: start", "timer: stop"]  # rows that begin so are alike
FLAT_SPREAD = 0.10
LIMITS = {"forwarding": 300}  # instructions of rows that begin so, however many they were
ALONE = {"eth_input", "ip4_input", "udp_input", "tcp_input"}  # without what they call


class Failed(Exception):
    """Something that the user is told in one line."""


class Cost:
    """Instructions, and misses of the first cache and of the last."""

    def __init__(self, events=None, fields=()):
        known = dict(zip(events or [], map(int, fields)))
        ir, d1r, d1w, llr, llw = (known.get(name, 0) for name in EVENTS)
        self.instructions, self.misses, self.far_misses = ir, d1r + d1w, llr + llw

    def add(self, other):
        self.instructions += other.instructions
        self.misses += other.misses
        self.far_misses += other.far_misses

    def each(self, n):
        return {"instructions": round(self.instructions / n, 1), "misses": round(self.misses / n, 2),
                "far_misses": round(self.far_misses / n, 2)}


class Counts:
    """A callgrind file: what functions cost alone and with what they call, and calls."""

    def __init__(self, path):
        self.own, self.all = collections.defaultdict(Cost), collections.defaultdict(Cost)
        self.calls = collections.Counter()
        self.total = Cost()
        names, events, fn, callee, n_calls = {}, [], None, None, None

        def name(text):
            number, text = re.match(r"\((\d+)\)(?: (.*))?", text).groups()
            if text:
                names[number] = re.sub(r"\.(isra|part|constprop)\.\d+.*|'\d+$", "", text)
            return names[number]

        for line in open(path):
            if line.startswith("events: "):
                events = line.split()[1:]
            elif line.startswith("fn="):
                fn = name(line[3:])
            elif line.startswith("cfn="):
                callee = name(line[4:])
            elif line.startswith("calls="):
                n_calls = int(line[6:].split()[0])
            elif line[0] in "0123456789+-*" and len(fields := line.split()) > 1:
                cost = Cost(events, fields[1:])
                if n_calls is None:
                    self.own[fn].add(cost)
                    self.total.add(cost)
                    continue
                self.calls[callee] += n_calls
                if callee != fn:
                    self.all[callee].add(cost)
                n_calls = None


def count(build, figure):
    with tempfile.TemporaryDirectory(prefix="weft-instr-") as out:
        path = pathlib.Path(out) / "counts"
        done = subprocess.run(["valgrind", "--tool=callgrind", *CACHES, f"--callgrind-out-file={path}",
                               str(build / "weft_bench"), "--count", str(TURNS[figure]), figure],
                              capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{figure}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
        return Counts(path), json.loads(done.stdout)


def print_profile(build, figure):
    counts, run = count(build, figure)
    ops = run["ops"] or 1
    print(f"{figure}: {counts.total.instructions} instructions, {run['ops']} operations, {run['bytes']} bytes; for each "
          "operation, with the set-up:")
    own = sorted(counts.own.items(), key=lambda item: -item[1].instructions)
    for fn, cost in own[:PROFILE_ROWS]:
        print(f"{100 * cost.instructions / counts.total.instructions:5.1f} %  {cost.instructions / ops:8.1f} instructions  "
              f"{cost.misses / ops:6.2f} misses  {counts.calls[fn] / ops:6.2f} calls  {fn}")


def measure(build):
    """The table: of each row's name its counts."""
    known, table = {}, {}
    for what, figure, fn, unit in ROWS:
        if figure not in known:
            known[figure] = count(build, figure)[0]
        counts = known[figure]
        fn, _, per = fn.partition("/")
        n_calls = counts.calls[per or fn]
        if not n_calls:
            print(f"instr: {what}: {per or fn}() is not called in {figure}", file=sys.stderr)
            continue
        cost = counts.total if fn in WHOLE else counts.own[fn] if fn in ALONE else counts.all[fn]
        table[what] = {**cost.each(n_calls), "unit": unit}
    return table


def text_of(table):
    """As Markdown."""
    rows = [f"| {what} | {row['instructions']:,.0f} a {row['unit']} | {row['misses']:.1f} | {row['far_misses']:.1f} |"
            for what, row in table.items()]
    return "\n".join([TABLE_HEAD, "|---|---|---|---|", *rows])


def update(table):
    """Both files that have the table."""
    TABLE.write_text(json.dumps(table, indent=1) + "\n")
    before, head, rest = PAGE.read_text().partition(TABLE_HEAD)
    if head:
        PAGE.write_text(before + text_of(table) + rest[rest.index("\n\n"):])


def print_counters(build):
    """What the machine's own counters say of a run, if it has any."""
    if not shutil.which("perf"):
        print("\nperf stat: no counters (perf is not installed)")
        return
    done = subprocess.run(["perf", "stat", "-x,", "-e", PERF_EVENTS, str(build / "weft_bench"), "fwd4", "0.5"],
                          capture_output=True, text=True)
    rows = [line.split(",") for line in done.stderr.splitlines() if line.count(",") > 3]
    counted = {row[2]: int(row[0]) for row in rows if row[0].isdigit()}
    if done.returncode or not counted:
        print("\nperf stat: no counters on this machine")
        return
    print("\nperf stat of fwd4: " + ", ".join(f"{n:,} {name}" for name, n in counted.items()))


def grown(table):
    """Rows that have become dearer than they were, in words."""
    was = json.loads(TABLE.read_text())
    for what in was.keys() - table.keys():
        yield f"{what}: cannot be counted any more"
    for what, row in table.items():
        before = was.get(what, {}).get("instructions")
        if before is None:
            yield f"{what}: not in {TABLE.name}; --update writes it"
        elif row["instructions"] > before * (1 + GROWTH) + SLACK:
            yield f"{what}: {row['instructions']:,.0f} instructions, was {before:,.0f}"


def beyond(table):
    """Rows past what they may cost at all, and rows that are not as flat as they are to be, in words."""
    for what, row in table.items():
        for name, limit in LIMITS.items():
            if what.startswith(name) and row["instructions"] > limit:
                yield f"{what}: {row['instructions']:,.0f} instructions, the limit is {limit}"
    for name in FLAT:
        costs = [row["instructions"] for what, row in table.items() if what.startswith(name)]
        if costs and max(costs) > min(costs) * (1 + FLAT_SPREAD):
            yield f"{name}: {min(costs):,.0f} to {max(costs):,.0f} instructions, by how many are pending"


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip().removeprefix("usage: "))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/installed/bench")
    parser.add_argument("--profile", metavar="FIGURE", choices=TURNS)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    if not shutil.which("valgrind"):
        print("instr: needs valgrind (apt-get install valgrind)", file=sys.stderr)
        return CANNOT
    try:
        if args.profile:
            print_profile(args.build, args.profile)
            return 0
        table = measure(args.build)
    except Failed as why:
        print(f"instr: {why}", file=sys.stderr)
        return 1
    print(text_of(table))
    print_counters(args.build)
    if args.update:
        update(table)
    bad = [*grown(table), *beyond(table)] if args.check else []
    for text in bad:
        print(f"instr: {text}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
