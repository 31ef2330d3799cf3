#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts the instructions that a packet costs, by callgrind, and prints a table.

usage: bench/instr.py [--build DIR] [--profile FIGURE]

Runs figures of weft_bench for a moment under callgrind and divides what functions have executed, with all that
they called, by how often they were called. Instructions hardly depend on the machine or on who else uses it; what
they do not tell is what they wait for. --profile prints what each function of a figure executes itself for each of
its operations. Exits with 0; 1 when a run failed; 77 when valgrind is not there. doc/performance.md says what the
instructions do.
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
SECONDS = "0.5"
PROFILE_ROWS = 40
# What is measured, in which figure, and the function; the last is what a call of it stands for.
ROWS = [
    ("TCP segment out, from the send call", "rr-inproc", "weft_send", "segment"),
    ("TCP segment in, to the receive queue", "rr-inproc", "netif_rx", "segment"),
    ("TCP receive call that finds a byte, or none", "rr-inproc", "weft_recv", "call"),
    ("demultiplexing (TCP)", "rr-inproc", "conn_find", "segment"),
    ("ACK out", "bulk-inproc", "tcp_send_ack", "ACK"),
    ("what an ACK does", "bulk-inproc", "tcp_ack", "segment"),
    ("super-packet of 64 KiB out, without the copy", "bulk-inproc", "tcp_output", "call"),
    ("cutting a super-packet into 45 frames", "bulk-inproc-mtu", "pkt_segment", "super-packet"),
    ("checksum of a frame of 1500 bytes, computed", "bulk-inproc-mtu", "pkt_csum_complete", "frame"),
    ("UDP datagram out, from the send call", "udp-inproc", "weft_send", "datagram"),
    ("UDP datagram in, to the receive queue", "udp-inproc", "netif_rx", "datagram"),
    ("UDP receive call", "udp-inproc", "weft_recv", "call"),
    ("forwarding, IPv4: from the first interface to the second", "fwd4", "netif_rx", "packet"),
    ("forwarding, IPv6", "fwd6", "netif_rx", "packet"),
    ("route lookup, IPv4, 1,000 routes", "fwd4", "fib4_lookup", "lookup"),
    ("route lookup, IPv6, 1,000 routes", "fwd6", "fib6_lookup", "lookup"),
    ("handing a frame in (copy of 64 bytes)", "fwd4", "weft_netif_rx", "frame"),
    ("packet: allocate", "udp-inproc", "pkt_alloc", "packet"),
    ("packet: free", "udp-inproc", "pkt_free", "packet"),
    ("timer: start, 1,000 pending", "timers-1e3", "weft_timer_start", "start"),
    ("timer: stop, 1,000 pending", "timers-1e3", "weft_timer_stop", "stop"),
    ("timer: start, 100,000 pending", "timers-1e5", "weft_timer_start", "start"),
    ("timer: stop, 100,000 pending", "timers-1e5", "weft_timer_stop", "stop"),
    ("connection, both ends: connect, a byte each way, close", "crr-inproc", "weft_connect", "connection"),
]
WHOLE = {"weft_connect"}  # all that the program executes, divided by these calls


class Failed(Exception):
    """Something that the user is told in one line."""


class Counts:
    """A callgrind file: instructions of functions alone and with what they call, and calls."""

    def __init__(self, path):
        self.own, self.all, self.calls = collections.Counter(), collections.Counter(), collections.Counter()
        names, fn, callee, n_calls = {}, None, None, None

        def name(text):
            number, text = re.match(r"\((\d+)\)(?: (.*))?", text).groups()
            if text:
                names[number] = re.sub(r"\.(isra|part|constprop)\.\d+.*|'\d+$", "", text)
            return names[number]

        for line in open(path):
            if line.startswith("fn="):
                fn = name(line[3:])
            elif line.startswith("cfn="):
                callee = name(line[4:])
            elif line.startswith("calls="):
                n_calls = int(line[6:].split()[0])
            elif line[0] in "0123456789+-*" and len(fields := line.split()) > 1:
                if n_calls is None:
                    self.own[fn] += int(fields[1])
                    continue
                self.calls[callee] += n_calls
                self.all[callee] += int(fields[1]) if callee != fn else 0
                n_calls = None
        self.total = sum(self.own.values())


def count(build, figure):
    with tempfile.TemporaryDirectory(prefix="weft-instr-") as out:
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}/%p",
                               str(build / "weft_bench"), figure, SECONDS], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{figure}: {done.stderr.strip().splitlines()[-1]}")
        both = [Counts(path) for path in pathlib.Path(out).iterdir()]  # the meter and its worker
        return max(both, key=lambda counts: counts.total), json.loads(done.stdout)


def print_profile(build, figure):
    counts, run = count(build, figure)
    # The window is only a part of the run, so the operations of all of it are not known: shares are.
    print(f"{figure}: {counts.total} instructions, {run['value']:.4g} a second")
    for fn, n in counts.own.most_common(PROFILE_ROWS):
        print(f"{100 * n / counts.total:5.1f} %  {counts.calls[fn]:9} calls of {n / max(1, counts.calls[fn]):7.1f}  {fn}")


def print_table(build):
    known = {}
    print("| what | instructions |\n|---|---|")
    for what, figure, fn, unit in ROWS:
        if figure not in known:
            known[figure] = count(build, figure)[0]
        counts = known[figure]
        if not counts.calls[fn]:
            continue
        n = (counts.total if fn in WHOLE else counts.all[fn]) / counts.calls[fn]
        print(f"| {what} | {n:,.0f} a {unit} |", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip().removeprefix("usage: "))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release/bench")
    parser.add_argument("--profile", metavar="FIGURE")
    args = parser.parse_args()
    if not shutil.which("valgrind"):
        print("instr: needs valgrind (apt-get install valgrind)", file=sys.stderr)
        return CANNOT
    try:
        if args.profile:
            print_profile(args.build, args.profile)
        else:
            print_table(args.build)
    except Failed as why:
        print(f"instr: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
