#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Labs in virtual time: what can be computed is compared with it, the rest with golden tables.

usage: sim.py WEFT [--quick|--long] [--update]

Prints ok/not ok lines. Each lab runs in both families: the files have IPv4, and for IPv6 each address and prefix of
theirs is replaced (ip6_text()). For each lab of GOLDEN there are NAME.golden and NAME-ip6.golden beside this file: the
table of its apps and, with a seed, the SHA-256 of its capture, which must be the same with every compiler and option.
--update writes them anew, to be looked at as a part of a change. What moves
gigabytes is left out over IPv6 unless --long, and over IPv4 too with --quick, for builds with sanitizers.
"""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = {"line": (30, 7), "bottleneck": (60, None), "trouble": (60, 7)}  # seconds, seed; None: no capture
NS_PER_MS = 1000000
COLUMNS = ("tries", "ok", "lost", "failed", "sent_bytes", "received_bytes", "rate_bps", "time_min_ns",
           "time_avg_ns", "time_max_ns")


# A full segment's payload, and the headers of IP and TCP with timestamps: of 1514 bytes of a frame.
PAYLOAD = {4: 1448, 6: 1428}
HEADERS = {4: 52, 6: 72}


def ip6_text(text):
    """A lab file with IPv6 in place of IPv4: 10.0.1.2/24 becomes fd00:10:0:1::2/64."""
    def address(m):
        a, b, c, d, plen = m.groups()
        host = f"{int(d):x}" if int(d) else ""
        return f"fd00:{a}:{b}:{c}::{host}" + (f"/{64 if int(plen) <= 24 else int(plen) + 96}" if plen else "")
    return re.sub(r"\b(\d+)\.(\d+)\.(\d+)\.(\d+)(?:/(\d+))?", address, text)


def lab_write(path, text, family):
    """The lab file at `path`, in a family."""
    path.write_text(ip6_text(text) if family == 6 else text, encoding="utf-8")
    return path


class Checks:
    """Counts what it prints."""

    def __init__(self):
        self.n_failed = 0
        self.family = 4

    def check(self, is_ok, name, *details):
        """One line, and details when it has failed."""
        print(f"{'ok' if is_ok else 'not ok'} - {name}{', over IPv6' if self.family == 6 else ''}")
        if not is_ok:
            self.n_failed += 1
            for line in details:
                print(f"#   {line}")


def up(weft, lab, seconds, *args):
    """Runs a lab file in virtual time: its JSON."""
    done = subprocess.run([weft, "up", "--sim", "--for", f"{seconds}s", "--json", *args, str(lab)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    if done.returncode or done.stderr:
        raise RuntimeError(f"weft up {lab}: status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def apps_of(result, node, kind):
    """The apps of a kind on a node, in their order."""
    return [a for a in result["apps"] if a["node"] == node and a["app"] == kind]


def lab_in(family, name, tmp):
    """A lab file of this folder, as it is for a family."""
    path = HERE / f"{name}.yaml"
    return path if family == 4 else lab_write(pathlib.Path(tmp) / f"{name}.yaml", path.read_text(encoding="utf-8"), 6)


def golden_text(weft, lab, seconds, seed, tmp):
    """What the golden file of a lab should be."""
    pcap = pathlib.Path(tmp) / "golden.pcapng"
    args = ["--seed", str(seed), "--pcap", str(pcap)] if seed else []
    result = up(weft, lab, seconds, *args)
    lines = ["\t".join(("node", "app", "to") + COLUMNS + ("error",))]
    for app in result["apps"]:
        lines.append("\t".join(str(app.get(c, "")) for c in ("node", "app", "to") + COLUMNS + ("error",)))
    if seed:
        lines.append(f"sha256\t{hashlib.sha256(pcap.read_bytes()).hexdigest()}\t{pcap.stat().st_size} bytes")
    return "\n".join(lines) + "\n"


def check_golden(weft, checks, update):
    """Each lab's table and capture."""
    with tempfile.TemporaryDirectory() as tmp:
        for name, (seconds, seed) in GOLDEN.items():
            path = HERE / (f"{name}.golden" if checks.family == 4 else f"{name}-ip6.golden")
            text = golden_text(weft, lab_in(checks.family, name, tmp), seconds, seed, tmp)
            if update:
                path.write_text(text, encoding="utf-8")
            want = path.read_text(encoding="utf-8") if path.exists() else ""
            if update or want:
                checks.check(text == want, f"{name}: table and capture are the golden ones",
                             "was:", *want.splitlines(), "is:", *text.splitlines())


def check_repeat(weft, checks):
    """Without a seed it is 1; another seed gives another run."""
    with tempfile.TemporaryDirectory() as tmp:
        sums = []
        for i, args in enumerate(([], ["--seed", "1"], ["--seed", "2"])):
            pcap = pathlib.Path(tmp) / f"{i}.pcapng"
            up(weft, HERE / "trouble.yaml", 10, "--pcap", str(pcap), *args)
            sums.append(hashlib.sha256(pcap.read_bytes()).hexdigest())
        checks.check(sums[0] == sums[1], "a simulation without a seed has seed 1")
        checks.check(sums[0] != sums[2], "another seed gives another run")


def check_line(weft, checks, tmp):
    """Round trips over a line of three links are sums of their delays."""
    result = up(weft, lab_in(checks.family, "line", tmp), 30)
    rtt_ns = 2 * (1000000 + 5000000 + 2000001)
    for app in result["apps"]:
        what = f"line: {app['app']} #{result['apps'].index(app)}"
        checks.check(app["ok"] == app["tries"] > 0 and app["is_done"], f"{what}: all tries ended well", app)
        if app["app"] == "http":
            # The handshake and the exchange.
            checks.check(app["time_min_ns"] == 2 * rtt_ns, f"{what}: takes two round trips", app)
        else:
            checks.check(app["time_min_ns"] == rtt_ns, f"{what}: the least time is the sum of delays", app)
    ping = apps_of(result, "a", "ping")[1]
    checks.check(ping["time_max_ns"] == rtt_ns, "line: so are all when addresses are known", ping)
    first = apps_of(result, "a", "ping")[0]
    checks.check(rtt_ns < first["time_max_ns"] <= 2 * rtt_ns, "line: the first one waits for ARP or ND on each link", first)


def check_bottleneck(weft, checks, tmp):
    """What TCP gets out of 10 Mbit/s: the payload of each 1514 bytes on the wire."""
    result = up(weft, lab_in(checks.family, "bottleneck", tmp), 60)
    best_bps = 10000000 * PAYLOAD[checks.family] // 1514
    alone, shared = apps_of(result, "a", "bulk")
    other = apps_of(result, "c", "bulk")[0]
    checks.check(best_bps * 95 // 100 <= alone["rate_bps"] <= best_bps,
                 f"bottleneck: one sender gets 95 to 100 % of {best_bps} bit/s", alone)
    # Each rate is of its own transfer's time; together they have the time from the first start to the last end.
    span_ns = max(shared["end_ns"], other["end_ns"]) - min(shared["start_ns"], other["start_ns"])
    both = 8 * (shared["sent_bytes"] + other["sent_bytes"]) * 10**9 // span_ns
    checks.check(best_bps * 95 // 100 <= both <= best_bps, "bottleneck: and so do two together", shared, other)
    checks.check(min(shared["rate_bps"], other["rate_bps"]) * 3 >= both, "bottleneck: of which each has a third",
                 shared, other)


def sent_of(weft, lab, seconds):
    """What each bulk sender has written by then. Runs are repeatable, so two of them are two looks at one."""
    return [a["sent_bytes"] for a in up(weft, lab, seconds, "--seed", "1")["apps"]]


def check_longfat(weft, checks, tmp):
    """Default settings fill 1 Gbit/s and 100 ms: buffers grow in time, and congestion control leaves it full."""
    best_bytes = 10**9 // 8 * PAYLOAD[checks.family] // 1514
    one = lab_in(checks.family, "longfat", tmp)
    at = {s: sent_of(weft, one, s)[0] for s in (3, 4, 8, 12)}
    for start, end in ((3, 4), (4, 8), (8, 12)):
        rate = (at[end] - at[start]) // (end - start)
        checks.check(rate * 10 >= best_bytes * 9, f"longfat: one flow has 90 % of it from {start} to {end} s",
                     f"{rate} of {best_bytes} bytes a second")
    many = pathlib.Path(tmp) / "longfat16.yaml"
    app = "      - bulk: { to: b, at: 0s, time: 100s }\n"
    text = one.read_text(encoding="utf-8")
    many.write_text(text.replace(app, "".join(app.replace("0s,", f"{i * 10}ms,") for i in range(16))),
                    encoding="utf-8")
    before, after = sent_of(weft, many, 30), sent_of(weft, many, 40)
    rates = [(b - a) // 10 for a, b in zip(before, after)]
    jain = sum(rates) ** 2 / (len(rates) * sum(r * r for r in rates))
    checks.check(len(rates) == 16 and jain >= 0.95, "longfat: 16 flows share it, Jain at least 0.95 after 30 s",
                 f"{jain:.3f}", *rates)
    checks.check(sum(rates) * 10 >= best_bytes * 9, "longfat: and together they have 90 % of it", sum(rates))


def check_changes(weft, checks, tmp):
    """An outage of a second, and a longer delay afterwards, from the lab file."""
    lab = lab_write(pathlib.Path(tmp) / "changes.yaml",
                   "nodes:\n"
                   "  a: { interfaces: { eth0: 10.0.0.1/24 }, apps: [ ping: { to: b, count: 80, interval: 100ms } ] }\n"
                   "  b: { interfaces: { eth0: 10.0.0.2/24 } }\n"
                   "links:\n"
                   "  - between: a:eth0 -- b:eth0\n"
                   "    delay: 5ms\n"
                   "    changes:\n"
                   "      - { at: 3050ms, state: down }\n"
                   "      - { at: 4050ms, state: up, b_to_a: { delay: 15ms } }\n", checks.family)
    app = up(weft, lab, 20)["apps"][0]
    checks.check((app["tries"], app["ok"]) == (80, 70), "changes: an outage of 1 s costs ten pings of 100 ms", app)
    checks.check(app["time_min_ns"] == 10 * NS_PER_MS, "changes: before it the delay is as it was", app)
    checks.check(app["time_max_ns"] == 40 * NS_PER_MS,
                 "changes: after it one direction has another, for ARP too", app)


def check_black_hole(weft, checks, tmp):
    """Behind the router packets of more than 1300 bytes vanish without a word, and no error tells of them."""
    text = ("nodes:\n"
            "  a:\n"
            "    interfaces: { eth0: 10.0.0.1/24 }\n"
            "    gateway: 10.0.0.254\n"
            "    sysctls: { net.ipv4.tcp_mtu_probing: MODE }\n"
            "    apps: [ bulk: { to: b, at: 0s, time: 30s } ]\n"
            "  r: { forwarding: true, interfaces: { eth0: 10.0.0.254/24, eth1: 10.0.1.254/24 } }\n"
            "  s: { kind: switch }\n"
            "  t: { kind: switch }\n"
            "  b: { interfaces: { eth0: 10.0.1.1/24 }, gateway: 10.0.1.254, services: [ discard ] }\n"
            "links:\n"
            "  - { between: a:eth0 -- r:eth0, delay: 5ms }\n"
            "  - { between: r:eth1 -- s:1, delay: 5ms, rate: 10mbit, queue: 100 packets }\n"
            "  - { between: s:2 -- t:1, mtu: 1300 }\n"
            "  - { between: t:2 -- b:eth0 }\n")
    sent = []
    for mode in (0, 1, 2):
        lab = lab_write(pathlib.Path(tmp) / f"hole{mode}.yaml", text.replace("MODE", str(mode)), checks.family)
        sent.append([up(weft, lab, s, "--seed", "1")["apps"][0]["sent_bytes"] for s in (10, 20)])
    # Between 10 and 20 s: segments of at most 16 bytes less than fits, in frames with their headers.
    size = 1300 - HEADERS[checks.family] - 16
    best = 10 * 10**7 // 8 * size // (size + HEADERS[checks.family] + 14)
    checks.check(sent[0][0] == sent[0][1], "black hole: nothing gets through without probes", *sent)
    for mode in (1, 2):
        rate = sent[mode][1] - sent[mode][0]
        checks.check(rate >= best * 95 // 100, f"black hole: with tcp_mtu_probing {mode} the link is full from 10 s on",
                     rate, best)


def check_tree(weft, checks):
    """Any host can reach any other, through switches and routers."""
    tree = [sys.executable, str(HERE / "tree.py")]
    with tempfile.TemporaryDirectory() as tmp:
        lab = lab_write(pathlib.Path(tmp) / "tree.yaml",
                        subprocess.run(tree + ["--nodes", "49", "--routers", "4", "--all-pairs"], check=True,
                                       stdout=subprocess.PIPE, text=True).stdout, checks.family)
        result = up(weft, lab, 20)
        good = [a for a in result["apps"] if a["ok"] == 1]
        n = 49 - 1 - 4 - 8
        checks.check(len(good) == n * (n - 1), "tree: any of 36 hosts can ping any other", len(good))
        lab_write(lab, subprocess.run(tree + ["--nodes", "500"], check=True, stdout=subprocess.PIPE,
                                      text=True).stdout, checks.family)
        result = up(weft, lab, 3)
        bad = [a for a in result["apps"] if a["lost"] or a["failed"]]
        checks.check(len(result["apps"]) > 475 and not bad, "tree: 500 nodes, nothing fails", *bad[:5])


def check_capture(weft, checks, tmp):
    """A capture is well-formed to others, with all its checksums."""
    if not shutil.which("tshark"):
        print("ok - capture: tshark reads it # SKIP there is no tshark")
        return
    pcap = pathlib.Path(tmp) / "line.pcapng"
    up(weft, lab_in(checks.family, "line", tmp), 30, "--pcap", str(pcap))
    bad = "_ws.malformed || " + " || ".join(f'{p}.checksum.status == "Bad"'
                                            for p in ("ip", "tcp", "udp", "icmp", "icmpv6"))
    options = [a for p in ("ip", "tcp", "udp") for a in ("-o", f"{p}.check_checksum:TRUE")]
    done = subprocess.run(["tshark", "-r", str(pcap), *options, "-Y", bad], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    checks.check(done.returncode == 0 and not done.stdout, "capture: tshark reads it, and finds nothing malformed",
                 done.stderr, done.stdout[:500])


def check_still(weft, checks, tmp):
    """Traffic that takes no time does not stop the clock."""
    lab = pathlib.Path(tmp) / "still.yaml"
    lab_write(lab, "nodes:\n"
                   "  a: { interfaces: { eth0: 10.0.0.1/24 }, apps: [ bulk: { to: b, time: 20ms } ] }\n"
                   "  b: { interfaces: { eth0: 10.0.0.2/24 }, services: [ discard ] }\n"
                   "links: [ a:eth0 -- b:eth0 ]\n", checks.family)
    app = up(weft, lab, 1)["apps"][0]
    checks.check(app["is_done"] and app["ok"] == 1, "still: a transfer over a link without delay ends in time", app)
    lab_write(lab, "nodes:\n"
                   "  a: { interfaces: { eth0: 10.0.0.1/24 },\n"
                   "       apps: [ rr: { to: a, count: 0 } ], services: [ rr ] }\n"
                   "  b: { interfaces: { eth0: 10.0.0.2/24 } }\n"
                   "links: [ a:eth0 -- b:eth0 ]\n", checks.family)
    result = subprocess.run([weft, "up", "--sim", "--for", "3ms", "--json", str(lab)], stdout=subprocess.PIPE,
                            text=True, timeout=300, check=False)
    checks.check(result.returncode == 0 and json.loads(result.stdout)["ran_ns"] == 3 * NS_PER_MS,
                 "still: requests to oneself for ever end when the run does")


def check_refusals(weft, checks, tmp):
    """What cannot be simulated is said."""
    lab = pathlib.Path(tmp) / "kernel.yaml"
    lab.write_text("nodes:\n"
                   "  k1: { kind: kernel, interfaces: { eth0: 10.0.0.1/24 } }\n"
                   "  b: { interfaces: { eth0: 10.0.0.2/24 } }\n"
                   "links: [ k1:eth0 -- b:eth0 ]\n", encoding="utf-8")
    for args, word, what in ((["up", "--sim", "--for", "1s", str(lab)], "k1", "kernel nodes are refused by name"),
                             (["up", "--sim", str(lab)], "--for", "a run without an end is refused"),
                             (["run", "--sim", str(lab), "-n", "k1", "--", "true"], "weft up --sim",
                              "real programs are refused")):
        done = subprocess.run([weft, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False)
        checks.check(done.returncode == 2 and word in done.stderr, what, done.returncode, done.stderr)


def main():
    """The command line."""
    weft = sys.argv[1]
    checks = Checks()
    for checks.family in (4, 6):
        with tempfile.TemporaryDirectory() as tmp:
            check_line(weft, checks, tmp)
            check_bottleneck(weft, checks, tmp)
            check_tree(weft, checks)
            check_capture(weft, checks, tmp)
            check_still(weft, checks, tmp)
            check_changes(weft, checks, tmp)
            check_black_hole(weft, checks, tmp)
            if "--long" in sys.argv[2:] or (checks.family == 4 and "--quick" not in sys.argv[2:]):
                check_longfat(weft, checks, tmp)
        check_golden(weft, checks, "--update" in sys.argv[2:])
    checks.family = 4
    with tempfile.TemporaryDirectory() as tmp:
        check_refusals(weft, checks, tmp)
    check_repeat(weft, checks)
    sys.exit(1 if checks.n_failed else 0)


if __name__ == "__main__":
    main()
