#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares weft with the kernel on this machine, in pairs of runs, and prints a table.

usage: bench/bench.py [--build DIR] [--out DIR] [--baseline FILE] [--check | --update-baseline] [FIGURE...]
figures: bulk-inproc bulk-inproc6 bulk-inproc-cold bulk-inproc-zc bulk-inproc-mtu bulk-inproc-gro bulk-tap-out
bulk-tap-out-zc bulk-tap-in rr-inproc rr-inproc6 crr-inproc udp-inproc udp-inproc6 udp-inproc-gso fwd4 fwd6 mem-conn mem-conn-time
timers-1e3 timers-1e5 timers-1e7 scale2 shard2 shard2-cross lab500-up lab500-sim lab500-memory; peer-gvisor peer-gvisor-gso
peer-gvisor-rr peer-lwip-out peer-lwip-in, which need these; gw-out-1500 gw-in-1500 gw-out-65520
gw-in-65520 gw-rr gw-crr gw-16 gw-1000 gw-udp-out gw-udp-in gw-out6-1500 gw-out6-65520 gw-rr6, or gw for all
of these, which need slirp4netns and pasta (all that can be run, unless named); bulk-DRIVER-out
bulk-DRIVER-in udp-DRIVER-out udp-DRIVER-in of the drivers packet, blocks and xdp, udp- of tap too, or
devices for all of these, which have to be named

FIGURES, PAIRS (5) and SECONDS (1.5, of one run) in the environment say the same. Writes results.json,
and runs.json with every single run, to DIR (bench/out). Needs root or user namespaces: the networks
are in namespaces of their own, which end with this program, however it ends. With --check the ratios
are compared with FILE (baseline.json). --update-baseline runs nothing: the medians of results.json, less 20 %, become the ratios in
FILE of what it has already, or of the figures that are named. The programs are those that bench/build has put into DIR
(build/installed/bench). Exits with 0, 1 when a run failed or a ratio is more than 15 % below the baseline, 2 for a mistake
in the arguments, 77 when this machine does not allow namespaces or TAPs. README.md explains the figures.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from gateways import Gateways, HOST, Pasta, Pasta6, SERVER_PORT, Slirp, Weft, Weft6

ROOT = pathlib.Path(__file__).resolve().parent.parent
CANNOT = 77  # the exit status that test runners take as "skipped"
TRIAL_ROUNDS = 2
ENDS_S = 90  # what a run may take besides its window
LAB_NODES = 500
LAB_SECONDS = 60  # of virtual time
GW_STREAMS = {"gw-16": (16, 32 << 20), "gw-1000": (1000, 256 << 10)}  # downloads, and bytes of each
GW_TRIES = 3
GW_PEERS = [Slirp, Pasta]
# How gVisor's stacks are joined (gvisor_bench.go), the best of which is found by trial, as is the MTU.
GVISOR_LINKS = {"peer-gvisor": ["pipe", "channel"], "peer-gvisor-gso": ["pipe-gso", "channel-gso"],
                "peer-gvisor-rr": ["pipe", "channel"]}
GVISOR_MTUS = [1500, 65535]
LAB_UP_LIMIT_S, LAB_SIM_LIMIT_S, LAB_LIMIT_GB = 2, 10, 0.5  # what weft allows itself
MEM_CONNS = 500000  # both ends of each are in the process
MEM_CONNS_BRIEF = 10000  # in runs of less than a second
MEM_LIMIT_BYTES, MEM_LIMIT_S = 1024, 15  # an endpoint, and the set-up of all
TIMER_MISSES = 4  # cache misses that a stop and a start may take
FWD_ROUTES = 1000
MEM_RUNS = 5  # of some seven seconds each
LIMIT_SHARE = 0.1  # of a run's length, for each of the physical limits
PEERS = ROOT / "bench/peers"
PEER_PACKAGES = ["slirp4netns", "passt", "golang-gvisor-gvisor-dev", "golang-go", "liblwip0"]
BASELINE = ROOT / "bench/baseline.json"
BASELINE_DROP = 0.15
BASELINE_MARGIN = 0.20  # by which the ratios of another hour on such a machine are lower
BASELINE_PAIRS = 5
# The ratio that a figure is to reach against a peer: of what is measured, and of that a CPU second.
BARS = {("bulk-inproc", "linux veth"): (3, 5), ("bulk-inproc-zc", "linux veth"): (3.5, None),
        ("bulk-inproc-mtu", "linux veth"): (8, None), ("bulk-tap-out", "tap-floor"): (0.85, None),
        ("bulk-tap-in", "tap-floor"): (0.85, None), ("rr-inproc", "linux veth"): (20, None),
        ("crr-inproc", "linux veth"): (8, None), ("udp-inproc", "linux veth"): (15, None),
        ("udp-inproc-gso", "linux veth"): (3, None), ("fwd4", "linux router"): (5, None),
        ("fwd6", "linux router"): (5, None), ("mem-conn", "limit"): (1, None),
        ("mem-conn-time", "limit"): (1, None), ("timers-1e3", "limit"): (1, None),
        ("timers-1e5", "limit"): (1, None), ("timers-1e7", "limit"): (1, None),
        ("lab500-up", "limit"): (1, None), ("lab500-sim", "limit"): (1, None),
        ("lab500-memory", "limit"): (1, None), ("peer-gvisor", "gvisor"): (15, None),
        ("peer-gvisor-gso", "gvisor"): (15, None), ("peer-lwip-out", "lwip"): (4, None),
        ("peer-lwip-in", "lwip"): (4, None), ("scale2", "one engine"): (1.8, None)}
OFFLOADS = {"rx-checksumming": "rx-csum", "tx-checksumming": "tx-csum", "scatter-gather": "sg",
            "tcp-segmentation-offload": "tso", "generic-segmentation-offload": "gso",
            "generic-receive-offload": "gro"}
FIELDS = ["figure", "unit", "direction", "ours", "peer_name", "peer", "peer_settings", "ratio_min",
          "ratio_median", "ratio_max", "ratio_cpu_median", "bar", "bar_cpu", "is_met", "cpu_s_ours",
          "cpu_s_peer", "runs"]


# The loops without a stack that run beside a figure: tap_floor.c
FLOORS = {"bulk-tap-out": {"tap-floor": "out", "tap-floor-copy": "out-copy"},
          "bulk-tap-out-zc": {"tap-floor": "out"}, "bulk-tap-in": {"tap-floor": "in"}}
FLOOR_SETTINGS = {"out": "loop of write of 64 KiB TSO frames", "in": "loop of read of 64 KiB TSO frames",
                  "out-copy": "the same with a copy of each byte into a queue that keeps it until it is acknowledged"}
# The drivers of the host's interfaces, with a TAP beside them: device_bench.c
DEVICE_FIGURES = [f"{shape}-{driver}-{way}" for driver in ("tap", "packet", "blocks", "xdp")
                  for shape in ("bulk", "udp") for way in ("out", "in") if (shape, driver) != ("bulk", "tap")]


class Failed(Exception):
    """Something that the user is told in one line."""


def command(argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


class Netns:
    """A network namespace without a name: it lasts as long as its holder, and the holder as long as
    the pipe from us, so that nothing is left behind even by SIGKILL."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        if not self.holder.stdout.readline():
            raise Failed("cannot create a network namespace")
        self.pid = str(self.holder.pid)
        self.path = f"/proc/{self.pid}/ns/net"
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                 "net.ipv6.conf.default.disable_ipv6=1")

    def run(self, *argv):
        return command(["nsenter", f"--net={self.path}", *argv])

    def up(self, dev, address):
        self.run("ip", "address", "add", address, "dev", dev)
        self.run("ip", "link", "set", dev, "up")

    def describe(self, dev):
        """MTU and offloads of an interface, as peer_settings wants them."""
        mtu = json.loads(self.run("ip", "-json", "link", "show", dev))[0]["mtu"]
        if not shutil.which("ethtool", path="/usr/sbin:/sbin:" + os.environ.get("PATH", "")):
            return f"MTU {mtu}, offloads unknown (no ethtool)"
        on, off = [], []
        for line in self.run("ethtool", "-k", dev).splitlines():
            name, _, value = line.strip().partition(": ")
            if name in OFFLOADS:
                (on if value.startswith("on") else off).append(OFFLOADS[name])
        return f"MTU {mtu}, {' '.join(on)} on" + (f", {' '.join(off)} off" if off else "")

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


class Networks:
    """Two namespaces joined by a veth, and one with a TAP; made when first asked for."""

    def __init__(self):
        self.made = []
        self.veths = {}
        self.plugs = {}
        self.tap = self.plain_tap = self.router = None

    def new(self):
        self.made.append(Netns())
        return self.made[-1]

    def get_veth(self, has_offloads=True):
        """Without: every frame is a packet of its own, with checksums that are computed."""
        if has_offloads not in self.veths:
            a, b = self.new(), self.new()
            a.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b.pid)
            a.up("eth0", "10.0.0.1/24")
            b.up("eth0", "10.0.0.2/24")
            for end in [] if has_offloads else [a, b]:
                end.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off")
                end.run("ip", "link", "set", "eth0", "gso_max_segs", "1")
            self.veths[has_offloads] = a, b
        return self.veths[has_offloads]

    def get_plug(self, driver):
        """The kernel's namespace, ours and the device: a veth's end that has no address there, or a TAP."""
        if driver == "tap":
            return self.get_tap(), self.get_tap(), "tap0"
        if driver not in self.plugs:
            ours, kernel = self.new(), self.new()
            ours.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", kernel.pid)
            ours.run("ip", "link", "set", "eth0", "up")
            kernel.up("eth0", "10.0.0.2/24")
            self.plugs[driver] = kernel, ours, "eth0"
        return self.plugs[driver]

    def get_router(self):
        """Who sends, and who receives: the router between them has the routes of weft_fwd.c."""
        if not self.router:
            a, r, c = self.new(), self.new(), self.new()
            for end, port in ((a, "in"), (c, "out")):
                end.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", r.pid)
                end.run("ip", "link", "set", "eth0", "up")
            for n, port in ((1, "in"), (2, "out")):
                r.run("sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=0")
                r.run("ip", "link", "set", port, "address", f"02:00:00:00:00:0{n}", "up")
                r.run("ip", "address", "add", f"10.0.{n}.1/24", "dev", port)
                r.run("ip", "address", "add", f"2001:db8:{n}::1/64", "dev", port, "nodad")
            r.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
            for hop in ("10.0.2.2", "2001:db8:2::2"):
                r.run("ip", "neigh", "add", hop, "lladdr", "02:00:00:00:00:03", "dev", "out", "nud", "permanent")
            lines = [f"route add 172.{16 + i // 256}.{i % 256}.0/24 via 10.0.2.2\n"
                     f"-6 route add 2001:db8:{0x1000 + i:x}::/48 via 2001:db8:2::2\n" for i in range(FWD_ROUTES)]
            with tempfile.NamedTemporaryFile("w", suffix=".batch") as batch:
                batch.write("".join(lines).replace("-6 route", "route"))
                batch.flush()
                r.run("ip", "-batch", batch.name)
            self.router = a, c, r
        return self.router

    def get_tap(self):
        if not self.tap:
            self.tap = self.new()
            self.tap.run("ip", "tuntap", "add", "tap0", "mode", "tap", "vnet_hdr")
            self.tap.up("tap0", "10.0.0.2/24")
        return self.tap

    def get_plain_tap(self):
        """For who knows nothing of offloads: every frame has its checksums, and is one of the MTU's."""
        if not self.plain_tap:
            self.plain_tap = self.new()
            self.plain_tap.run("ip", "tuntap", "add", "tap0", "mode", "tap")
            self.plain_tap.up("tap0", "10.0.0.2/24")
        return self.plain_tap

    def close(self):
        for netns in self.made:
            netns.close()


class Bench:
    def __init__(self, build, pairs, seconds):
        self.build = build
        self.pairs = pairs
        self.seconds = seconds
        self.networks = Networks()
        self.results = []
        self.runs = []
        self.child = None
        self.labs = None  # a folder for the lab files
        self.gateways = Gateways(self.networks, self.build.parent / "weft", Failed)
        self.machine = None  # the physical limits

    def program(self, name, *args, seconds=None):
        """Runs one of the programs and returns what it measured."""
        seconds = seconds or self.seconds
        argv = [str(self.build / name), *(str(seconds) if a is None else a for a in args)]
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = self.child.communicate(timeout=seconds + ENDS_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{' '.join(argv)}: still running after {seconds + ENDS_S:.0f} s") from None
        if self.child.returncode:
            raise Failed(f"{' '.join(argv)}: {err.strip() or f'status {self.child.returncode}'}")
        self.child = None
        run = json.loads(out)
        self.runs.append({"argv": [name, *argv[1:]], **run})
        return run

    def close(self):
        if self.child:
            self.child.kill()
            self.child.wait()
        if self.labs:
            self.labs.cleanup()
        self.gateways.close()
        self.networks.close()

    def ours(self, figure):
        if figure in DEVICE_FIGURES:
            shape, driver, way = figure.split("-")
            kernel, ours, dev = self.networks.get_plug(driver)
            return self.program("device_bench", shape, driver, way, None, kernel.path, ours.path, dev)
        if "-tap-" in figure:
            return self.program("weft_bench", figure, None, self.networks.get_tap().path, "tap0")
        return self.program("weft_bench", figure, None)

    def kernel(self, shape, wait, seconds=None, has_offloads=True):
        a, b = self.networks.get_veth(has_offloads)
        return self.program("kernel_bench", shape, wait, None, a.path, b.path, seconds=seconds)

    def limits(self):
        if not self.machine:
            self.machine = self.program("limits", f"{max(0.02, self.seconds * LIMIT_SHARE):g}")
        return self.machine

    def floor(self, way):
        return self.program("tap_floor", way, None, self.networks.get_tap().path, "tap0")

    def best_of(self, ways, run):
        """Which of the ways serves a peer best here, by short trials; and these in words."""
        seconds = min(0.5, self.seconds)
        trials = {way: [run(way, seconds)["value"] for _ in range(TRIAL_ROUNDS)] for way in ways}
        best = max(trials, key=lambda way: statistics.median(trials[way]))
        return best, ", ".join(f"{way} {statistics.median(v):.4g}" for way, v in trials.items())

    def best_wait(self, shape, waits):
        """The way of waiting that serves the kernel best."""
        best, tried = self.best_of(waits, lambda wait, seconds: self.kernel(shape, wait, seconds))
        return best, f"{best} wait (tried: {tried})"

    def add(self, figure, unit, pairs, peer_name, settings, cpu=lambda run: run["cpu_s"]):
        """One row: `pairs` are (our run, the peer's); `cpu` says what of a run counts."""
        median = statistics.median
        ratios = [ours["value"] / peer["value"] for ours, peer in pairs]
        by_cpu = [r * cpu(peer) / cpu(ours) if cpu(ours) and cpu(peer) else r
                  for r, (ours, peer) in zip(ratios, pairs)]
        bar, bar_cpu = BARS.get((figure, peer_name), (None, None))
        is_met = None if bar is None else median(ratios) >= bar and (bar_cpu is None or median(by_cpu) >= bar_cpu)
        values = [figure, unit, "higher", median(o["value"] for o, _ in pairs), peer_name,
                  median(p["value"] for _, p in pairs),
                  f"{settings}; {len(pairs)} pairs of {self.seconds:g} s", min(ratios), median(ratios),
                  max(ratios), median(by_cpu), bar, bar_cpu, is_met, median(cpu(o) for o, _ in pairs),
                  median(cpu(p) for _, p in pairs), len(pairs)]
        self.results.append(dict(zip(FIELDS, values)))

    def progress(self, figure, n, *runs):
        values = "  ".join(f"{name} {run['value']:.4g}" for name, run in runs)
        print(f"{figure} {n + 1}/{self.pairs}  {values}", file=sys.stderr, flush=True)

    def veth_settings(self, what, has_offloads=True):
        return f"two processes, {what}; {self.networks.get_veth(has_offloads)[1].describe('eth0')}"

    def bulk(self, figure):
        """In process, and over a TAP, where loops without a stack run beside."""
        floors = FLOORS.get(figure, {})
        has_offloads = not figure.endswith("-mtu")
        by_kernel, by_floor = [], {name: [] for name in floors}
        for n in range(self.pairs):
            ours, kernel = self.ours(figure), self.kernel("bulk", "blocking", has_offloads=has_offloads)
            by_kernel.append((ours, kernel))
            for name, way in floors.items():
                by_floor[name].append((ours, self.floor(way)))
            self.progress(figure, n, ("weft", ours), ("linux", kernel),
                          *((name, pairs[-1][1]) for name, pairs in by_floor.items()))
        cc = by_kernel[0][1]["cc"]
        self.add(figure, "Gbit/s", by_kernel, "linux veth",
                 self.veth_settings(f"{cc}, 128 KiB send and recv"
                                    + ("" if has_offloads else ", gso_max_segs 1"), has_offloads))
        for name, way in floors.items():
            self.add(figure, "Gbit/s", by_floor[name], name,
                     FLOOR_SETTINGS[way] + "; cpu_s of the process at the TAP alone; "
                     + self.networks.get_tap().describe("tap0"),
                     cpu=lambda run: run["cpu_s_by"].get("weft") or run["cpu_s_by"]["loop"])

    def device(self, figure):
        """A driver of the host's interfaces, beside the kernel's own two ends of a veth."""
        shape, driver, _ = figure.split("-")
        unit, what = ("Gbit/s", "128 KiB send and recv") if shape == "bulk" else ("datagrams/s", "64 bytes")
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(figure), self.kernel(shape, "blocking")))
            self.progress(figure, n, ("weft", pairs[-1][0]), ("linux", pairs[-1][1]))
        kernel, _, dev = self.networks.get_plug(driver)
        self.add(figure, unit, pairs, "linux veth", self.veth_settings(what) + f"; ours at {kernel.describe(dev)}")

    def by_ops(self, figure, shape, waits, unit, what):
        wait, how = self.best_wait(shape, waits)
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(figure), self.kernel(shape, wait)))
            self.progress(figure, n, ("weft", pairs[-1][0]), ("linux", pairs[-1][1]))
        self.add(figure, unit, pairs, "linux veth", self.veth_settings(f"{what}, {how}"))

    def rr(self, figure):
        self.by_ops(figure, "rr", ["blocking", "epoll", "spin"], "round trips/s",
                    "1 byte, TCP_NODELAY")

    def crr(self, figure):
        self.by_ops(figure, "crr", ["epoll"], "connections/s",
                    "64 outstanding, 1 byte each way, the server closes first")

    def udp(self, figure):
        gso = figure.endswith("-gso")
        self.by_ops(figure, "udp-gso" if gso else "udp", ["blocking", "spin"], "datagrams/s",
                    "64 B, 64 at a time by sendmmsg and recvmmsg"
                    + (", each of 64 by UDP_SEGMENT and UDP_GRO" if gso else ""))

    def fwd(self, figure):
        a, c, r = self.networks.get_router()
        pairs = []
        for n in range(self.pairs):
            kernel = self.program("kernel_bench", figure, "spin", None, a.path, c.path)
            pairs.append((self.ours(figure), kernel))
            self.progress(figure, n, ("weft", pairs[-1][0]), ("linux", pairs[-1][1]))
        self.add(figure, "packets/s", pairs, "linux router",
                 f"three namespaces, {FWD_ROUTES} routes, 64 B frames of a packet socket (PACKET_QDISC_BYPASS, "
                 f"sendmmsg), on CPU 0; {r.describe('in')}")

    def mem(self, figure):
        """Both rows come out of the same runs, which are as long as they need to be."""
        if figure == "mem-conn-time" and any(r["figure"] == figure for r in self.results):
            return
        conns = MEM_CONNS if self.seconds >= 1 else MEM_CONNS_BRIEF
        memory, times = [], []
        for n in range(min(self.pairs, MEM_RUNS)):
            run = self.program("weft_bench", "mem-conn", str(conns))
            limit = {"value": 1e9 / MEM_LIMIT_BYTES, "cpu_s": run["cpu_s"]}
            memory.append((run, limit))
            least = {"value": 2 * MEM_CONNS / MEM_LIMIT_S, "cpu_s": MEM_LIMIT_S * conns / MEM_CONNS}
            times.append(({**run, "value": run["endpoints"] / run["seconds"]}, least))
            self.progress(figure, n, ("weft", run), ("limit", limit))
        what = f"{2 * conns:,} endpoints, IPv4 and IPv6 in halves, "
        self.add("mem-conn", "endpoints/GB", memory, "limit", what + f"{MEM_LIMIT_BYTES} bytes of resident memory each")
        self.add("mem-conn-time", "endpoints/s", times, "limit",
                 what + f"a million within {MEM_LIMIT_S} s; each echoes a byte afterwards")

    def timers(self, figure):
        limit = {"value": 1e9 / self.limits()["miss_ns"] / TIMER_MISSES, "cpu_s": self.seconds}
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(figure), limit))
            self.progress(figure, n, ("weft", pairs[-1][0]), ("limit", limit))
        self.add(figure, "restarts/s", pairs, "limit",
                 f"a stop and a start in {TIMER_MISSES} cache misses of {self.limits()['miss_ns']:.0f} ns")

    def scale(self, figure):
        """Two engines on two CPUs beside one."""
        one = figure.partition("2")[0] + "1"
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(figure), self.ours(one)))
            self.progress(figure, n, ("two", pairs[-1][0]), ("one", pairs[-1][1]))
        what = {"scale2": "pairs of stacks of their own", "shard2": "a shard of client and server each, one key",
                "shard2-cross": "a shard of client and server each, two keys"}[figure]
        self.add(figure, "round trips/s", pairs, "one engine", f"16 connections an engine, {what}, a thread and CPU each")

    def family(self, figure):
        """Over IPv6, beside the same over IPv4."""
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(figure), self.ours(figure.removesuffix("6"))))
            self.progress(figure, n, ("ipv6", pairs[-1][0]), ("ipv4", pairs[-1][1]))
        unit = {"bulk": "Gbit/s", "rr": "round trips/s", "udp": "datagrams/s"}[figure.partition("-")[0]]
        self.add(figure, unit, pairs, "weft ipv4", f"{figure.removesuffix('6')}, two stacks of weft")

    def gro(self, figure):
        """Frames of the MTU that are joined on reception, beside the same that are not."""
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(figure), self.ours("bulk-inproc-mtu")))
            self.progress(figure, n, ("gro on", pairs[-1][0]), ("gro off", pairs[-1][1]))
        self.add(figure, "Gbit/s", pairs, "weft gro off", "bulk-inproc-mtu, two stacks of weft")

    def build_peer(self, name):
        done = subprocess.run([str(PEERS / "build"), str(self.build), name], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"bench/peers/build {name}: {(done.stderr or done.stdout).strip()}")

    def gvisor(self, figure):
        """Two stacks of gVisor in one process, joined and sized as serves them best."""
        self.build_peer("gvisor")
        shape, ours = ("rr", "rr-inproc") if figure.endswith("-rr") else ("bulk", "bulk-inproc")

        def peer(way, seconds=None):
            return self.program("gvisor_bench", shape, None, *way.split(" MTU "), seconds=seconds)

        best, tried = self.best_of([f"{link} MTU {mtu}" for link in GVISOR_LINKS[figure] for mtu in GVISOR_MTUS],
                                   peer)
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(ours), peer(best)))
            self.progress(figure, n, ("weft", pairs[-1][0]), ("gvisor", pairs[-1][1]))
        self.add(figure, "round trips/s" if shape == "rr" else "Gbit/s", pairs, "gvisor",
                 f"{debian_version('golang-gvisor-gvisor-dev')}, {best} (tried: {tried}); cubic, SACK, buffers up to "
                 f"8 MiB, all CPUs; beside {ours}")

    def lwip(self, figure):
        """Over a TAP of the kind that it knows; ours over one with offloads."""
        self.build_peer("lwip")
        direction, tap = figure.rpartition("-")[2], self.networks.get_plain_tap()
        pairs = []
        for n in range(self.pairs):
            pairs.append((self.ours(f"bulk-tap-{direction}"),
                          self.program("lwip_bench", direction, None, tap.path, "tap0")))
            self.progress(figure, n, ("weft", pairs[-1][0]), ("lwip", pairs[-1][1]))
        self.add(figure, "Gbit/s", pairs, "lwip",
                 f"{debian_version('liblwip0')}, raw API, window and send buffer 65,535 bytes as Debian compiles it; "
                 f"the kernel's end {pairs[0][1]['cc']}; {tap.describe('tap0')}; beside bulk-tap-{direction}")

    def gateway(self, kind, figure, is_spliced=False):
        """One run through a gateway: what it did, CPU time of the gateway alone, frames on its TAP."""
        shape = gw_shape(figure)
        gateway = self.gateways.get(kind, gw_mtu(figure))
        host, far = self.gateways.get_sides()
        client, server, address, port = gateway.guest, host, gateway.inside, SERVER_PORT
        if "-in" in figure:
            client, server, address, port = far, gateway.guest, HOST, gateway.port
        if is_spliced:
            client, address = host, "127.0.0.1"
        if figure in GW_STREAMS:
            what = ["many", "{}:{}".format(*GW_STREAMS[figure])]
        else:
            what = [{"out": "bulk", "in": "bulk"}.get(shape, shape), None]
        before = gateway.frames()
        argv = ["gw_bench", *what, client.path, server.path, address, str(port), *gateway.pids()]
        for tries in range(1 if issubclass(kind, Weft) else GW_TRIES, 0, -1):
            try:
                run = self.program(*argv)
                break
            except Failed as why:  # a peer that stood still for the whole window has another try
                if tries == 1:
                    raise
                print(f"{figure}: {gateway.name} again: {why}", file=sys.stderr)
        after = gateway.frames()
        run["gateway"] = gateway.name
        run["gateway_s"] = sum(s for name, s in run["cpu_s_by"].items() if name.startswith("gateway"))
        run["frame_bytes_mean"] = {
            "to guest": mean_of(before["rx"], after["rx"]), "from guest": mean_of(before["tx"], after["tx"])}
        return run

    def gw(self, figure):
        """Through weft's gateway, and through the others, one after the other."""
        kinds = gw_kinds(figure)
        runs = {kind.name: [] for kind in kinds}
        if figure.startswith("gw-in-"):
            runs["pasta splice"] = []
        for n in range(self.pairs):
            for kind in kinds:
                runs[kind.name].append(self.gateway(kind, figure))
            if "pasta splice" in runs:
                runs["pasta splice"].append(self.gateway(Pasta, figure, is_spliced=True))
            self.progress(figure, n, *((name, of[-1]) for name, of in runs.items()))
        for name in list(runs)[1:]:
            self.gw_rows(figure, name, runs)

    def gw_rows(self, figure, name, runs):
        """The figure; what it cost; of many downloads how fairly it was shared."""
        ours, theirs = runs["weft"], runs[name]
        us, *others = gw_kinds(figure)
        kind = {k.name: k for k in others}.get(name, Pasta)
        settings = "; ".join(self.gateways.get(k, gw_mtu(figure)).settings for k in (kind, us))
        unit = GW_UNITS.get(gw_shape(figure), "Gbit/s")
        frames = statistics.median(max(r["frame_bytes_mean"].values()) for r in theirs)
        what = f"{settings}; {self.gateways.cc} on the host's side; mean frame on its TAP {frames:.0f} bytes"
        if "completed" in ours[0]:
            lost = [r for r in ours if r["completed"] != GW_STREAMS[figure][0]]
            if lost:
                raise Failed(f"{figure}: {lost[0]['completed']} downloads of {GW_STREAMS[figure][0]} completed")
            what += f"; completed {min(r['completed'] for r in theirs)} of {GW_STREAMS[figure][0]}"

        def cpu(run):
            return run["gateway_s"]

        self.add(figure, unit, list(zip(ours, theirs)), name, what, cpu=cpu)
        per_cpu_s = "GB" if unit == "Gbit/s" else unit.removesuffix("/s")
        self.add(figure + "-cpu", f"{per_cpu_s}/cpu s",
                 [(per_cpu(o, per_cpu_s), per_cpu(t, per_cpu_s)) for o, t in zip(ours, theirs)], name, settings, cpu=cpu)
        if "jain" in ours[0]:
            self.add(figure + "-jain", "Jain", [({**o, "value": o["jain"]}, {**t, "value": t["jain"]})
                                                for o, t in zip(ours, theirs)], name, what, cpu=cpu)

    def tree(self):
        """The lab file of the tree of tests/sim, with its background traffic."""
        if not self.labs:
            self.labs = tempfile.TemporaryDirectory(prefix="weft-bench-")
        path = pathlib.Path(self.labs.name) / "tree.yaml"
        path.write_text(command([sys.executable, str(ROOT / "tests/sim/tree.py"), "--nodes", str(LAB_NODES)]))
        return path

    def weft(self, *args):
        """Runs the command: how long it took, its CPU time and its memory."""
        argv = [str(self.build.parent / "weft"), *args]
        start = time.monotonic()
        self.child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, "XDG_RUNTIME_DIR": self.labs.name})
        err = self.child.stderr.read()
        _, status, usage = os.wait4(self.child.pid, 0)
        took = time.monotonic() - start
        self.child.returncode = os.waitstatus_to_exitcode(status)
        self.child = None
        if status:
            raise Failed(f"{' '.join(argv)}: {err.strip() or f'status {status}'}")
        return {"s": took, "cpu_s": usage.ru_utime + usage.ru_stime, "gb": usage.ru_maxrss / 1e6}

    def lab(self, figure):
        """A large lab against what weft allows itself; the whole process, from start to end."""
        tree = str(self.tree())
        pairs = []
        for n in range(self.pairs):
            if figure == "lab500-up":
                run = self.weft("up", "--for", "1ms", tree)
                run["value"], limit = LAB_NODES / run["s"], {"value": LAB_NODES / LAB_UP_LIMIT_S,
                                                             "cpu_s": LAB_UP_LIMIT_S}
            else:
                run = self.weft("up", "--sim", "--for", f"{LAB_SECONDS}s", tree)
                run["value"], limit = LAB_SECONDS / run["s"], {"value": LAB_SECONDS / LAB_SIM_LIMIT_S,
                                                               "cpu_s": LAB_SIM_LIMIT_S}
            if figure == "lab500-memory":
                run["value"], limit["value"] = LAB_NODES / run["gb"], LAB_NODES / LAB_LIMIT_GB
            self.runs.append({"argv": ["weft", figure], **run})
            pairs.append((run, limit))
            self.progress(figure, n, ("weft", run), ("limit", limit))
        unit = {"lab500-up": "nodes/s", "lab500-sim": "virtual s/s", "lab500-memory": "nodes/GB"}[figure]
        self.add(figure, unit, pairs, "limit", f"{LAB_UP_LIMIT_S} s and {LAB_LIMIT_GB} GB for {LAB_NODES} nodes, "
                 f"{LAB_SIM_LIMIT_S} s for {LAB_SECONDS} s of virtual time")


def debian_version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    return f"{package} {done.stdout or '(version unknown)'}"


def mean_of(before, after):
    frames, octets = (b - a for a, b in zip(before, after))
    return octets / frames if frames else 0


def gw_mtu(figure):
    return 1500 if figure.endswith("-1500") else 65520


def gw_shape(figure):
    """What is measured: out, in, rr, crr, udp; a number of downloads."""
    return figure.split("-")[1].removesuffix("" if figure in GW_STREAMS else "6")


def gw_kinds(figure):
    """Ours and the others: slirp4netns calls its IPv6 experimental."""
    return [Weft6, Pasta6] if figure in GW_FIGURES6 else [Weft, *GW_PEERS]


def per_cpu(run, unit):
    """The same run, its value being what a second of the gateway's CPU time moves."""
    return {**run, "value": (run["bytes"] / 1e9 if unit == "GB" else run["ops"]) / max(run["gateway_s"], 1e-3)}


FIGURES = {"bulk-inproc": Bench.bulk, "bulk-inproc6": Bench.family, "bulk-inproc-cold": Bench.bulk,
           "bulk-inproc-zc": Bench.bulk, "bulk-inproc-mtu": Bench.bulk, "bulk-inproc-gro": Bench.gro,
           "bulk-tap-out": Bench.bulk, "bulk-tap-out-zc": Bench.bulk, "bulk-tap-in": Bench.bulk, "rr-inproc": Bench.rr, "rr-inproc6": Bench.family,
           "crr-inproc": Bench.crr, "udp-inproc": Bench.udp, "udp-inproc6": Bench.family,
           "udp-inproc-gso": Bench.udp, "fwd4": Bench.fwd, "fwd6": Bench.fwd,
           "mem-conn": Bench.mem, "mem-conn-time": Bench.mem, "timers-1e3": Bench.timers,
           "timers-1e5": Bench.timers, "timers-1e7": Bench.timers, "scale2": Bench.scale, "shard2": Bench.scale, "shard2-cross": Bench.scale,
           "lab500-up": Bench.lab, "lab500-sim": Bench.lab, "lab500-memory": Bench.lab}
PEER_FIGURES = {"peer-gvisor": Bench.gvisor, "peer-gvisor-gso": Bench.gvisor, "peer-gvisor-rr": Bench.gvisor,
                "peer-lwip-out": Bench.lwip, "peer-lwip-in": Bench.lwip}
FIGURES.update(PEER_FIGURES)
FIGURES.update({figure: Bench.device for figure in DEVICE_FIGURES})
GW_FIGURES6 = ["gw-out6-1500", "gw-out6-65520", "gw-rr6"]
GW_FIGURES = ["gw-out-1500", "gw-in-1500", "gw-out-65520", "gw-in-65520", "gw-rr", "gw-crr", *GW_STREAMS,
              "gw-udp-out", "gw-udp-in", *GW_FIGURES6]
GW_UNITS = {"crr": "connections/s", "rr": "round trips/s", "udp": "datagrams/s"}  # others: Gbit/s
FIGURES.update({figure: Bench.gw for figure in GW_FIGURES})
GW_BARS = {"gw-out-1500": 10, "gw-in-1500": 5, "gw-out-65520": 2, "gw-in-65520": 1.2, "gw-rr": 1.2, "gw-crr": 1.4,
           **{f"gw-{way}-{mtu}-cpu": 1.25 for way in ("out", "in") for mtu in (1500, 65520)}}
BARS.update({(figure, kind.name): (bar, None) for figure, bar in GW_BARS.items() for kind in GW_PEERS})


def idle_percent(seconds=0.5):
    """How much of the machine nobody used just now."""
    def read():
        with open("/proc/stat") as f:
            fields = [int(n) for n in f.readline().split()[1:]]
        return sum(fields[:8]), fields[3] + fields[4]

    total, idle = read()
    time.sleep(seconds)
    later_total, later_idle = read()
    return 100 * (later_idle - idle) / max(1, later_total - total)


def cpu_model():
    with open("/proc/cpuinfo") as f:
        names = [line.partition(":")[2].strip() for line in f if line.startswith("model name")]
    return names[0] if names else platform.machine()


def bar_text(row):
    """The bar, and whether it is met."""
    if row["bar"] is None:
        return "", ""
    bar = f"{row['bar']:g}" + (f", {row['bar_cpu']:g}/cpu" if row["bar_cpu"] else "")
    return bar, "met" if row["is_met"] else "not met"


def print_table(bench):
    print()
    head = ["figure", "unit", "peer", "ours", "peer's", "ratio min", "median", "max", "by cpu", "bar", "",
            "cpu s ours", "peer's"]
    rows = [[r["figure"], r["unit"], r["peer_name"], f"{r['ours']:.4g}", f"{r['peer']:.4g}",
             f"{r['ratio_min']:.2f}", f"{r['ratio_median']:.2f}", f"{r['ratio_max']:.2f}",
             f"{r['ratio_cpu_median']:.2f}", *bar_text(r), f"{r['cpu_s_ours']:.2f}",
             f"{r['cpu_s_peer']:.2f}"] for r in bench.results]
    rows = [[f"{float(c):,.0f}" if "e+" in c else c for c in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(w) if i < 3 else cell.rjust(w)
                        for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
    print()
    for r in bench.results:
        print(f"{r['figure']} against {r['peer_name']}: {r['peer_settings']}")
    machine = bench.limits()
    print(f"\nthis machine: copies {machine['copy_hot_gbit']:.0f} Gbit/s within the cache, "
          f"{machine['copy_cold_gbit']:.0f} from memory; a checksum {machine['checksum_gbit']:.0f} Gbit/s; "
          f"a system call {machine['syscall_ns']:.0f} ns; a cache miss {machine['miss_ns']:.0f} ns")


def baseline_key(row):
    return f"{row['figure']} / {row['peer_name']}"


def baseline_check(baseline, results):
    """Says what has become slower; returns whether nothing has."""
    known = json.loads(baseline.read_text())
    is_good = True
    for row in results:
        was = known.get(baseline_key(row))
        if was is None or row["ratio_median"] >= was * (1 - BASELINE_DROP):
            continue
        print(f"bench: {baseline_key(row)}: ratio {row['ratio_median']:.3g}, was {was:.3g}", file=sys.stderr)
        is_good = False
    return is_good


def baseline_update(baseline, path, figures):
    """Takes the medians that `path` has over, less the margin; returns whether there were any."""
    if not path.exists():
        raise Failed(f"{path} is not there; `make bench` writes it")
    known = json.loads(baseline.read_text())
    taken = {}
    for row in json.loads(path.read_text()):
        key = baseline_key(row)
        if row["figure"] not in figures and (figures or key not in known):
            continue
        if row["runs"] < BASELINE_PAIRS:
            print(f"bench: {key}: {row['runs']} pairs are too few, it stays as it was", file=sys.stderr)
            continue
        taken[key] = float(f"{row['ratio_median'] * (1 - BASELINE_MARGIN):.2g}")
        print(f"{key}: {taken[key]:g}, was {known.get(key, 'not there')}")
    write_json(baseline, dict(sorted((known | taken).items())))
    return bool(taken)


def write_json(path, what):
    path.write_text(json.dumps(what, indent=1) + "\n")


def run(args):
    bench = Bench(args.build, args.pairs, args.seconds)
    try:
        idle = idle_percent()
        print(f"Linux {platform.release()}, {cpu_model()}, {os.cpu_count()} CPUs, "
              f"{idle:.0f} % idle before the start")
        print("peers: " + ", ".join(text for text in map(debian_version, PEER_PACKAGES) if "unknown" not in text))
        if idle < 80:
            print("This machine is busy: believe the ratios, if anything.")
        for figure in args.figures:
            FIGURES[figure](bench, figure)
        print_table(bench)
        args.out.mkdir(parents=True, exist_ok=True)
        write_json(args.out / "results.json", bench.results)
        write_json(args.out / "runs.json", bench.runs)
        write_json(args.out / "machine.json", bench.limits())
        print(f"\nwritten: {args.out / 'results.json'}")
        return baseline_check(args.baseline, bench.results) if args.check else True
    finally:
        bench.close()


def positive(kind, name, default):
    text = os.environ.get(name) or default
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not 0 < value <= 3600:
        print(f"bench: {name}={text}: not a number above 0", file=sys.stderr)
        sys.exit(2)
    return value


def default_figures():
    missing = [kind.name for kind in GW_PEERS if not shutil.which(kind.name)]
    if missing:
        print(f"bench: without the gw- figures: {' and '.join(missing)} not installed", file=sys.stderr)
    figures = [figure for figure in FIGURES if figure not in DEVICE_FIGURES and (not missing or figure not in GW_FIGURES)]
    for peer in ("gvisor", "lwip"):
        if subprocess.run([str(PEERS / "build"), "--check", peer], capture_output=True).returncode:
            print(f"bench: without the peer-{peer} figures: its packages are not installed", file=sys.stderr)
            figures = [figure for figure in figures if not figure.startswith(f"peer-{peer}")]
    return figures


def parse_args():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip().removeprefix("usage: "))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/installed/bench")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/out")
    parser.add_argument("--baseline", type=pathlib.Path, default=BASELINE)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--update-baseline", action="store_true")
    parser.add_argument("figures", nargs="*", metavar="FIGURE")
    args = parser.parse_args()
    args.figures = args.figures or os.environ.get("FIGURES", "").replace(",", " ").split()
    args.figures = args.figures or ([] if args.update_baseline else default_figures())
    groups = {"gw": GW_FIGURES, "devices": DEVICE_FIGURES}
    args.figures = [f for figure in args.figures for f in groups.get(figure, [figure])]
    for figure in args.figures:
        if figure not in FIGURES:
            parser.error(f"no figure {figure!r}; there are: {' '.join(FIGURES)}")
    args.pairs = positive(int, "PAIRS", "5")
    args.seconds = positive(float, "SECONDS", "1.5")
    if not args.update_baseline and not (args.build / "weft_bench").exists():
        parser.error(f"{args.build}/weft_bench is not there; bench/build builds it")
    return args


def require_machine(args):
    """Becomes root of a user namespace when not root; leaves with a message when that cannot be."""
    if os.geteuid() != 0:
        as_root = ["unshare", "--user", "--map-root-user"]
        if subprocess.run([*as_root, "true"], capture_output=True).returncode:
            print("bench: needs root, or user namespaces to be allowed (sysctl "
                  "kernel.unprivileged_userns_clone=1 and user.max_user_namespaces above 0)",
                  file=sys.stderr)
            sys.exit(CANNOT)
        os.execvp("unshare", [*as_root, sys.executable, *sys.argv])
    if any("-tap-" in f or "-lwip-" in f or f in GW_FIGURES for f in args.figures) and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("bench: the -tap-, -lwip- and gw- figures need /dev/net/tun, which is not there or not open to you "
              "(modprobe tun; chmod 666 /dev/net/tun); FIGURES=\"bulk-inproc rr-inproc udp-inproc\" "
              "does without", file=sys.stderr)
        sys.exit(CANNOT)


def main():
    args = parse_args()
    if not args.update_baseline:
        require_machine(args)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda number, _: sys.exit(128 + number))
    try:
        is_good = baseline_update(args.baseline, args.out / "results.json", args.figures) if args.update_baseline else run(args)
        return 0 if is_good else 1
    except Failed as why:
        print(f"bench: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
