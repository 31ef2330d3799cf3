#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How fast weft's TCP is beside the kernel's over the same lab links, with the same losses.

usage: rates.py WEFT [--long] [--update] [--samples N] [--seconds N] [--only WORD]

Each link has four hosts, of which two use it at a time:

    k1 (kernel) --+                          +-- k2 (kernel)
                  +-- switch == link == switch
    w1 (weft) ----+                          +-- w2 (weft)

and each condition and control has a link of its own; all are used at once. A run is one lab file and one seed; it is done
with k1 to k2, then w1 to k2, then k1 to w2. The link's random numbers are the same each time and decide by the number of
the frame, so the same frames are lost. Goodput is what the receiving application (with a receiver on weft: the ACK)
has had in the time after the connection was there.

Without --long it is one run of each kind, short, with a bound that only finds what is badly wrong. With --long there are
15, and the medians must be as CONDITIONS says. --update writes the table of doc/interop.md.

Then every control of weft sends to every control of the kernel and back, both at once, over a link with losses and
reordering: what comes back must have the SHA-256 of what was sent.
"""
import argparse
import hashlib
import json
import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "doc" / "interop.md"
MARKS = ("<!-- rates -->\n", "<!-- end of rates -->\n")

RATE_MBIT = 100
RTT_MS = 50
PORT = 9
# name, what the link does besides, least share of the kernel's goodput in percent
CONDITIONS = [
    ("no loss", "", 98),
    ("0.1 % loss", ", loss: 0.1%", 95),
    ("1 % loss", ", loss: 1%", 95),
    ("3 % reordered", ", reorder: 3%, reorder_delay: 5ms", 95),
]
CONTROLS = ["cubic", "bbr"]
KINDS = {"kernel": ("k1", "k2"), "sends": ("w1", "k2"), "receives": ("k1", "w2")}
SHORT_SHARE = 40  # percent: one short run says no more

WEFT_CONTROLS = ["cubic", "reno", "tahoe", "bbr", "bbr3", "dctcp"]
KERNEL_CONTROLS = ["cubic", "reno", "bbr"]
ECHO_BYTES = 2 << 20
TCP_CONGESTION = 13
TCP_INFO_BYTES_ACKED = 120  # offset in struct tcp_info


# ---- programs in kernel nodes ------------------------------------------------------------------


def quiet_ipv6():
    """Its multicast would take random numbers of the link."""
    pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1", encoding="ascii")


def wait_until(at):
    time.sleep(max(0, at - time.monotonic()))


def node_receive(seconds):
    """Takes what comes for so long after the connection is there, and prints how much that was."""
    with socket.create_server(("", PORT)) as server:
        server.settimeout(60)
        quiet_ipv6()
        s, _ = server.accept()
    end = time.monotonic() + seconds
    s.settimeout(1)
    total = 0
    buf = bytearray(1 << 18)
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            n = s.recv_into(buf)
        except TimeoutError:
            break
        if n == 0:
            break
        total += n
    print(total, flush=True)
    # Without a reset: what the lab has of the rest is not measured.
    os._exit(0)


def connect(to):
    """The receiver may be late on a busy machine."""
    last = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection((to, PORT), 10)
        except ConnectionRefusedError:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)


def node_send(to, control, at, seconds):
    """Sends for so long, and prints what the peer has acknowledged by then."""
    quiet_ipv6()
    wait_until(at)
    s = connect(to)
    s.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, control.encode())
    end = time.monotonic() + seconds

    def feed():
        piece = bytes(1 << 18)
        try:
            while True:
                s.sendall(piece)
        except OSError:
            pass

    s.settimeout(None)
    threading.Thread(target=feed, daemon=True).start()
    wait_until(end)
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    print(struct.unpack_from("=Q", info, TCP_INFO_BYTES_ACKED)[0], flush=True)
    # The receiver ends with what it has; wait for it not to count our end.
    time.sleep(0.5)
    os._exit(0)


def node_echo(to, control):
    """Sends random bytes to the echo service and takes them back; prints whether they are the same."""
    data = os.urandom(ECHO_BYTES)
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, control.encode())
    s.settimeout(90)
    s.connect((to, 7))

    def feed():
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)

    threading.Thread(target=feed, daemon=True).start()
    got = hashlib.sha256()
    total = 0
    while piece := s.recv(1 << 16):
        got.update(piece)
        total += len(piece)
    same = total == len(data) and got.digest() == hashlib.sha256(data).digest()
    print("same" if same else f"other: {total} of {len(data)} bytes", flush=True)


# ---- labs --------------------------------------------------------------------------------------


class Lab:
    """A lab in the background, in a runtime directory of its own."""

    def __init__(self, weft, text, seed):
        self.weft = weft
        self.text = text
        self.seed = seed

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weft-rates-")
        self.env = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        file = pathlib.Path(self.folder.name) / "rates.yaml"
        file.write_text(self.text, encoding="utf-8")
        self.up_at = time.monotonic()
        subprocess.run([self.weft, "up", "-d", "--seed", str(self.seed), str(file)], env=self.env, check=True,
                       timeout=60, stdout=subprocess.DEVNULL)
        info = subprocess.run([self.weft, "rpc", "lab.info"], env=self.env, check=True, capture_output=True, timeout=60)
        prefer(json.loads(info.stdout)["pid"])
        return self

    def __exit__(self, *_):
        subprocess.run([self.weft, "down"], env=self.env, check=False, timeout=60, stdout=subprocess.DEVNULL)
        self.folder.cleanup()

    def start(self, node, *words):
        """Starts this program in the node."""
        return subprocess.Popen([self.weft, "exec", "-n", node, "--", sys.executable, __file__, "--node",
                                 *map(str, words)], env=self.env, stdout=subprocess.PIPE, text=True)


def rates_lab(pairs, kind, at, seconds):
    """A link for each pair of condition and control."""
    nodes, links = [], []
    for i, (condition, control) in enumerate(pairs):
        net = f"10.1.{i}"
        start = f"{at}s" if kind == "sends" else "3600s"
        nodes += [
            f"  p{i}k1: {{ kind: kernel, interfaces: {{ eth0: {net}.1/24 }} }}",
            f"  p{i}k2: {{ kind: kernel, interfaces: {{ eth0: {net}.2/24 }} }}",
            f"  p{i}w1: {{ interfaces: {{ eth0: {net}.3/24 }}, sysctls: {{ net.ipv4.tcp_congestion_control: {control} }},",
            f"    apps: [ bulk: {{ to: p{i}k2, time: {seconds + 1}s, at: {start}, count: 5 }} ] }}",
            f"  p{i}w2: {{ interfaces: {{ eth0: {net}.4/24 }}, services: [ discard ] }}",
            f"  p{i}a: {{ kind: switch }}",
            f"  p{i}b: {{ kind: switch }}",
        ]
        # Nothing random happens to what hosts say when they appear.
        links += [
            f"  - {{ between: p{i}a:x -- p{i}b:x, rate: {RATE_MBIT}mbit, delay: {RTT_MS / 2}ms,",
            f"      queue: {RATE_MBIT * RTT_MS // 8}kB,",
            f"      changes: [ {{ at: {at - 0.5}s, set: {{ {condition[1].lstrip(', ')} }} }} ] }}" if condition[1] else "}",
        ] + [f"  - p{i}{h} -- p{i}{s}" for h, s in (("k1:eth0", "a:p1"), ("w1:eth0", "a:p2"),
                                                     ("k2:eth0", "b:p1"), ("w2:eth0", "b:p2"))]
    return "\n".join(["lab: rates", "nodes:", *nodes, "links:", *links]) + "\n"


def said_number(program):
    """What the program printed; one that had no peer or no end counts as nothing."""
    try:
        return int(program.communicate(timeout=60)[0] or 0)
    except subprocess.TimeoutExpired:
        program.kill()
        return 0


def run_rates(weft, pairs, kind, seed, seconds, at=2):
    """Bytes by pair: what the receiver had, or with a receiver on weft, what was acknowledged; and what was acknowledged."""
    sender, receiver = KINDS[kind]
    with Lab(weft, rates_lab(pairs, kind, at, seconds), seed) as lab:
        takes = [lab.start(f"p{i}k2", "receive", seconds) if receiver == "k2" else None for i in range(len(pairs))]
        gives = [lab.start(f"p{i}k1", "send", f"10.1.{i}.{2 if receiver == 'k2' else 4}", control, lab.up_at + at,
                           seconds) if sender == "k1" else None for i, (_, control) in enumerate(pairs)]
        had = [said_number(p) if p else None for p in takes]
        acked = [said_number(p) if p else None for p in gives]
    return [(h, a) for h, a in zip(had, acked)]


def echo_lab():
    nodes = ["  k: { kind: kernel, interfaces: { eth0: 10.2.0.1/24 } }", "  a: { kind: switch }", "  b: { kind: switch }"]
    links = ["  - k:eth0 -- a:k", "  - { between: a:x -- b:x, rate: 200mbit, delay: 2ms, loss: 0.5%, reorder: 2% }"]
    for i, control in enumerate(WEFT_CONTROLS):
        nodes.append(f"  w{i}: {{ interfaces: {{ eth0: 10.2.0.{10 + i}/24 }}, services: [ echo ],"
                     f" sysctls: {{ net.ipv4.tcp_congestion_control: {control} }} }}")
        links.append(f"  - w{i}:eth0 -- b:w{i}")
    return "\n".join(["lab: rates", "nodes:", *nodes, "links:", *links]) + "\n"


def check_echo(weft, report):
    with Lab(weft, echo_lab(), 1) as lab:
        started = [(w, k, lab.start("k", "echo", f"10.2.0.{10 + i}", k))
                   for i, w in enumerate(WEFT_CONTROLS) for k in KERNEL_CONTROLS]
        for w, k, p in started:
            said = p.communicate(timeout=120)[0].strip()
            report(said == "same", f"weft's {w} and the kernel's {k} send to each other: the same SHA-256", said)


# ---- figures -----------------------------------------------------------------------------------


def mbit(count, seconds):
    return count * 8 / 1e6 / seconds


class Figures:
    """Goodput in Mbit/s of all samples, by pair and kind."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.v = {(i, kind): [] for i in range(len(pairs)) for kind in ("kernel", "kernel acked", *KINDS)}

    def add(self, kind, results, seconds):
        for i, (had, acked) in enumerate(results):
            self.v[i, kind].append(mbit(had if had is not None else acked, seconds))
            if kind == "kernel":
                self.v[i, "kernel acked"].append(mbit(acked, seconds))

    def median(self, i, kind):
        return statistics.median(self.v[i, kind])

    def share(self, i, kind):
        """Of the kernel's, measured at the same place, in percent."""
        base = self.median(i, "kernel acked" if kind == "receives" else "kernel")
        return 100 * self.median(i, kind) / base if base else 0

    def table(self):
        lines = ["| link | control | kernel to kernel | weft to kernel | share | kernel to weft | share |",
                 "|---|---|---|---|---|---|---|"]
        for i, (condition, control) in enumerate(self.pairs):
            cells = []
            for kind in ("sends", "receives"):
                if not self.v[i, kind]:
                    cells += ["", ""]
                    continue
                cells += [f"{self.median(i, kind):.1f}", f"{self.share(i, kind):.0f} %"]
            lines.append(f"| {condition[0]} | {control} | {self.median(i, 'kernel'):.1f} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"


def prefer(pid):
    """What else the machine does should not count. The scheduler weighs sessions, where it groups them."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, -15)
        pathlib.Path(f"/proc/{pid}/autogroup").write_text("-15", encoding="ascii")
    except OSError:
        pass


def kernel_controls():
    return pathlib.Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text(encoding="ascii").split()


def update_page(figures, samples, seconds, load):
    """The part of doc/interop.md between the marks."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    if not rest or not tail and MARKS[1] not in rest:
        sys.exit(f"{PAGE}: no marks")
    when = time.strftime("%Y-%m-%d")
    said = (f"`tests/interop/rates.py build/release/cmd/weft --long --update` on {when}: {samples} samples of {seconds} s each,"
            f" Linux {os.uname().release.split('-')[0]}, {os.cpu_count()} CPUs, load {load} before it began;"
            " medians in Mbit/s.\n\n")
    PAGE.write_text(head + MARKS[0] + said + figures.table() + MARKS[1] + tail, encoding="utf-8")


# ---- the program -------------------------------------------------------------------------------


def main_node(words):
    what = {"receive": lambda s: node_receive(float(s)),
            "send": lambda to, control, at, s: node_send(to, control, float(at), float(s)),
            "echo": node_echo}[words[0]]
    what(*words[1:])


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("weft")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--only", default="", help="pairs of which the name has this")
    parser.add_argument("--kinds", default="sends,receives" if "--long" in sys.argv else "sends")
    return parser.parse_args()


def main():
    if sys.argv[1:2] == ["--node"]:
        main_node(sys.argv[2:])
        return
    args = parse_args()
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    weft = str(pathlib.Path(args.weft).resolve())
    load = os.getloadavg()[0]
    prefer(os.getpid())
    n_failed = 0

    def report(good, name, *what):
        nonlocal n_failed
        n_failed += not good
        print(f"{'ok' if good else 'not ok'} - {name}", flush=True)
        if not good:
            print(*what, flush=True)

    samples = args.samples or (15 if args.long else 1)
    seconds = args.seconds or (6 if args.long else 3)
    controls = [c for c in CONTROLS if c in kernel_controls()]
    for control in set(CONTROLS) - set(controls):
        print(f"ok - {control} # SKIP the kernel has none")
    pairs = [(c, control) for c in CONDITIONS for control in controls if args.only in f"{c[0]} {control}"]
    figures = Figures(pairs)
    for seed in range(1, samples + 1):
        for kind in ["kernel", *args.kinds.split(",")]:
            figures.add(kind, run_rates(weft, pairs, kind, seed, seconds), seconds)
            print(f"# {seed} {kind}:", *(f"{figures.v[i, kind][-1]:.1f}" for i in range(len(pairs))), flush=True)
    print(figures.table(), end="")
    for i, (condition, control) in enumerate(pairs):
        for kind in args.kinds.split(","):
            least = condition[2] if args.long else SHORT_SHARE
            report(figures.share(i, kind) >= least,
                   f"{condition[0]}, {control}: weft {kind} at {least} % of the kernel's rate or more",
                   f"{figures.share(i, kind):.1f} %:", *(f"{v:.1f}" for v in figures.v[i, kind]), "kernel:",
                   *(f"{v:.1f}" for v in figures.v[i, "kernel"]))
    if not args.only:
        check_echo(weft, report)
    if args.update:
        update_page(figures, samples, seconds, f"{load:.1f}")
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
