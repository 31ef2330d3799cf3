#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ip, ss and nstat of weft nodes, compared with the originals, invocation by invocation.

usage: tools_ip.py WEFT [TOOL...]        (root; prints `ok - ...` and `not ok - ...` lines)

Two labs with the same addresses, routes and traffic: in one, node `a` is a kernel node, where `weft ip` is the
system's ip; in the other it is a weft node. Each invocation is run on both, and exit status, standard output and
standard error are compared, field by field (words between blanks). What may differ is in DIFFERENCES, with the reason;
weft-ip(1), weft-ss(1) and weft-nstat(1) say the same to users.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

WEFT = str(pathlib.Path(sys.argv[1]).resolve())
ONLY = sys.argv[2:]
n_failed = 0
n_compared = {}

LAB = """
lab: {name}
nodes:
  a:
    kind: {kind}
    interfaces:
      eth0: {{ address: 10.0.0.1/24, mac: "02:00:00:00:01:01" }}
      eth1: {{ address: 192.168.7.1/24, mac: "02:00:00:00:01:02" }}
    routes: [default via 10.0.0.2]
{services}
  b:
    kind: kernel
    interfaces:
      eth0: {{ address: 10.0.0.2/24, mac: "02:00:00:00:02:01" }}
      eth1: {{ address: 192.168.7.2/24, mac: "02:00:00:00:02:02" }}
links:
  - a:eth0 -- b:eth0
  - a:eth1 -- b:eth1
"""
SERVICES = """    services:
      - http: { port: 80, files: { /x: { size: 100B, seed: 1 }, /big: { size: 20MB, seed: 1 } } }
      - echo: { port: 7, proto: [tcp, udp] }
    sysctls: { net.ipv6.conf.all.disable_ipv6: 1 }
"""

# On the kernel's side: what the services of the weft node do.
SERVER = r"""
import select, signal, socket, sys
def bound(family, kind, port):
    s = socket.socket(family, kind)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
    s.bind(('::' if family == socket.AF_INET6 else '0.0.0.0', port)); return s
def listen(port, family=socket.AF_INET):
    s = bound(family, socket.SOCK_STREAM, port); s.listen(1024); return s
http, echo = listen(80), listen(7)
udp = bound(socket.AF_INET, socket.SOCK_DGRAM, 7)
others = [listen(80, socket.AF_INET6), listen(7, socket.AF_INET6), bound(socket.AF_INET6, socket.SOCK_DGRAM, 7)]
conns = {}
print('ready', flush=True)
signal.signal(signal.SIGINT, lambda *a: sys.exit(0))
while True:
    for s in select.select([http, echo, udp, *conns], [], [])[0]:
        if s in (http, echo):
            conns[s.accept()[0]] = s
        elif s is udp:
            data, peer = s.recvfrom(9000); s.sendto(data, peer)
        else:
            data = s.recv(9000)
            if data and conns[s] is echo:
                s.send(data)
            elif data:
                s.send(b'HTTP/1.0 200 OK\r\n\r\n' + b'x' * 100); del conns[s]; s.close()
            else:
                del conns[s]; s.close()
"""

# On b: the same traffic in both labs, from ports that are the same.
CLIENT = r"""
import signal, socket, sys
def connect(port, to):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('10.0.0.2', port)); s.connect(('10.0.0.1', to)); return s
e = connect(40001, 7); e.send(b'hello'); e.recv(100)
h = connect(40002, 80)
g = connect(40003, 80); g.send(b'GET /x HTTP/1.0\r\n\r\n')
while g.recv(9000): pass
g.close()
print('ready', flush=True)
signal.signal(signal.SIGINT, lambda *a: sys.exit(0))
sys.stdin.read()
"""

# On b: asks for much and reads nothing.
LAZY = r"""
import signal, socket, sys
s = socket.socket(); s.bind(('10.0.0.2', 40010)); s.connect(('10.0.0.1', 80))
s.send(b'GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
print('ready', flush=True)
signal.signal(signal.SIGINT, lambda *a: sys.exit(0))
sys.stdin.read()
"""

# On b: traffic that is counted.
COUNTED = r"""
import socket, sys
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(3)
for port in (7, 7, 9):
    u.sendto(b'x' * 100, ('10.0.0.1', port))
    if port == 7: u.recv(1000)
try: socket.create_connection(('10.0.0.1', 99), 3)
except ConnectionRefusedError: pass
"""

# (tools, regular expression of arguments, pattern, replacement, reason): done to both outputs before they are compared.
DIFFERENCES = [
    ("ip", r"\b(a|addr|l|link)\b", r"\bqdisc \S+", "qdisc X", "a weft interface has no queue discipline"),
    ("ip", r"-j.*\b(addr|link)\b", r'"qdisc":"\w+"', '"qdisc":"X"', "the same"),
    ("ip", r"\b(a|addr|l|link)\b", r"(eth\d.*?)\bstate UNKNOWN", r"\1state UP", "a TAP has no operational state"),
    ("ip", r"-j.*\b(addr|link)\b", r'("ifname":"eth[^}]*?"operstate":)"UNKNOWN"', r'\1"UP"', "the same"),
    ("ip", r"-br", r"(eth\d +)UNKNOWN ", r"\1UP      ", "the same"),
    ("ip", r"\b(a|addr|l|link)\b", r"\bmtu 6553[56]", "mtu 65535", "no datagram is longer than 65535 bytes"),
    ("ip", r"-j.*\b(addr|link)\b", r'"mtu":6553[56]', '"mtu":65535', "the same"),
    ("ip", r"-s.*\b(addr|link)\b", r"(?<= )(\d+ +){6}", "FIGURES ", "ARP and programs on lo differ by packets"),
    ("ip", r"-j -s", r'"(bytes|packets)":\d+', r'"\1":N', "the same"),
    ("ip", r"table (local|all)", r"(?m)^broadcast 127\.255.*\n", "", "no broadcast to oneself"),
    ("ip", r"table all", r"(?m)^.*[0-9a-f]*::.*\n", "", "the kernel's namespace has what is left of IPv6"),
    ("ip", r"\b(n|neigh)\b", r"( ref \d+)? used \d+/\d+/\d+ *probes \d+", " used", "times; nobody refers to an entry"),
    ("ip", r"\b(n|neigh)\b", r"\b(REACHABLE|DELAY|STALE|PROBE)\b", "KNOWN", "they age while the test runs"),
    ("ss", r"-\w*i", r" (lastack|lastsnd|lastrcv|cwnd|rcv_rtt|rcv_ssthresh|delivered|minrtt|rto|rtt|busy|reordering"
     r"|rcv_space|ssthresh|snd_wnd|segs_in|segs_out|ato):\S+", "", "times and strategies of a host"),
    ("ss", r"-\w*i", r" (send|pacing_rate|delivery_rate) \S+| app_limited| bbr:\([^)]*\)| cubic:\([^)]*\)", "",
     "the same"),
    ("ss", r"-\w*i", r" (cubic|reno|bbr)\b", " CC", "the default congestion control differs"),
    ("ss", r"-\w*i", r" wait:\w+( \([^)]*\))?", "", "ours: why it is not sending"),
    ("ss", r"-\w*i", r"wscale:\d+,\d+", "wscale:N,N", "follows from the bounds of buffers"),
    ("ss", r"-\w*i", r"(?m)^\t CC cwnd:10.*\n", "", "a listener has no figures"),
    ("ss", r"-\w*m", r"\w+\d+(?=[,)])", "N", "the kernel counts the memory behind the data"),
    ("ss", r"-\w*o|-\w*e", r"timer:\((\w+),[^,]*,\d+\)", r"timer:(\1)", "times"),
    ("ss", r"-\w*e", r" (ino|sk|cgroup|uid):\S*| <->", "", "a weft socket has no inode"),
    ("ss", r"-\w*e", r"(?m)^Failed to (find|open) cgroup2 mount\n", "", "the original's, about the machine"),
    ("ss", r"-s", r"(?m)^(Total|TCP: ).*\n", "", "the kernel counts sockets of all kinds, and unbound ones"),
    ("ss", r"", r"(?m)^ss: bison.*(\n.*)*|^ss: the filter is wrong.*", "SYNTAX", "the original prints all its usage"),
    ("ss", r"--bogus", r"(?s).*", "USAGE", "help is ours"),
    ("nstat", r"-x", r"(?s).*", "USAGE", "help is ours"),
]


def fixed(tool, args, text):
    for which, where, pattern, replacement, _ in DIFFERENCES:
        if which == tool and re.search(where, args):
            text = re.sub(pattern, replacement, text)
    return text


def weft(lab, *args, env=None):
    done = subprocess.run([WEFT, "-l", lab, "-n", "a", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, env={**os.environ, **(env or {})}, check=False)
    return done.returncode, done.stdout, done.stderr


def fields(text, is_sorted):
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return sorted(lines) if is_sorted else lines


def result(name, good, why=""):
    global n_failed
    n_failed += not good
    print(("ok - " if good else "not ok - ") + name, flush=True)
    if not good:
        print("\n".join("# " + line for line in why.splitlines()), flush=True)


def compare(tool, *args, is_sorted=False, only=None, exact=False):
    """Runs the invocation on both nodes. `only`: lines that this pattern finds; `exact`: the blanks count too."""
    if ONLY and tool not in ONLY:
        return
    env = {"NSTAT_HISTORY": HISTORY}
    seen = []
    for lab in ("tk", "tw"):
        status, out, err = weft(lab, tool, *args, env=env)
        words = " ".join(args)
        out, err = fixed(tool, words, out), fixed(tool, words, err)
        if only:
            out = "".join(line + "\n" for line in out.splitlines() if re.search(only, line))
        seen.append((status, out if exact else fields(out, is_sorted), fields(err, False)))
    n_compared[tool] = n_compared.get(tool, 0) + 1
    why = "\n".join(f"{who}: status {s}\n{o}\n{e}" for who, (s, o, e) in zip(("original", "weft"), seen))
    result(f"{tool} {' '.join(args)}", seen[0] == seen[1], why)


def both(*args):
    for lab in ("tk", "tw"):
        weft(lab, *args)


# ---- ip ------------------------------------------------------------------------------------------

def ip_shows():
    for args in ("addr", "a", "link", "l", "route", "r", "-4 addr", "-4 link", "-o addr", "-o link", "-br addr",
                 "-br link", "-s link", "-s addr", "-o -s link", "-j addr", "-j link", "-j route", "-br -j addr",
                 "-br -j link", "-j -s link", "-j -p route", "-d route", "-j -d route", "addr show eth0", "addr show dev eth1",
                 "link show dev eth0", "addr show up", "link show up", "addr show to 10.0.0.0/16", "addr show scope host",
                 "addr show primary", "addr show secondary", "addr show label eth*", "addr show dev lo", "-6 addr", "-6 route",
                 "route show table local", "route show table all", "route show table main", "route show default",
                 "route show 10.0.0.0/24", "route show dev eth0", "route show via 10.0.0.2", "route show proto kernel",
                 "route show scope link", "route show src 10.0.0.1", "route show to match 10.0.0.5",
                 "route show to root 192.168.0.0/16", "route show exact 10.0.0.0/24", "route show 99.0.0.0/8",
                 "-j route show dev eth0"):
        compare("ip", *args.split(), exact="-s" not in args)
    for args in ("8.8.8.8", "10.0.0.2", "10.0.0.1", "127.0.0.1", "192.168.7.9", "10.0.0.255", "8.8.8.8 from 10.0.0.1",
                 "8.8.8.8 oif eth1", "8.8.8.8 from 10.0.0.99"):
        compare("ip", "route", "get", *args.split(), exact=True)
    compare("ip", "-j", "route", "get", "8.8.8.8", exact=True)
    for args in ("route add 8.8.0.0/16 via 10.0.0.2 congctl reno features ecn", "route get 8.8.8.8",
                 "-j route get 8.8.8.8", "route del 8.8.0.0/16"):
        compare("ip", *args.split(), exact=True)
    compare("ip", "-o", "ro", "get", "10.0.0.1", exact=True)


def ip_neighs():
    both("ip", "neigh", "flush", "dev", "eth1")
    for args in ("add 192.168.7.9 lladdr 02:00:00:00:00:09 dev eth1", "add 192.168.7.9 lladdr 02:00:00:00:00:09 dev eth1",
                 "add 192.168.7.8 lladdr 02:00:00:00:00:08 dev eth1 nud reachable",
                 "replace 192.168.7.9 lladdr 02:00:00:00:00:0a dev eth1",
                 "change 192.168.7.77 lladdr 02:00:00:00:00:0a dev eth1", "add 192.168.7.10 dev eth1",
                 "add 192.168.7.10 lladdr 02:00:00:00:00:0a", "add 192.168.7.10 lladdr zz dev eth1",
                 "add 192.168.7.10 lladdr 02:00:00:00:00:0a dev nope", "show dev eth1", "show 192.168.7.9",
                 "show nud permanent", "show nud bogus", "show dev eth0", "get 192.168.7.9 dev eth1",
                 "get 192.168.7.99 dev eth1", "del 192.168.7.45 dev eth1", "del 192.168.7.9", "flush"):
        compare("ip", "neigh", *args.split(), is_sorted=True)
    compare("ip", "-s", "neigh", "show", "dev", "eth1", is_sorted=True)
    compare("ip", "-br", "neigh", "show", "dev", "eth1", is_sorted=True)
    compare("ip", "n", "show", "10.0.0.2")
    compare("ip", "neigh", "del", "192.168.7.9", "dev", "eth1")
    compare("ip", "neigh", "show", "192.168.7.9")


def ip_changes():
    for args in ("route add 5.0.0.0/8 via 10.0.0.2", "route add 5.0.0.0/8 via 10.0.0.2", "route show 5.0.0.0/8",
                 "route replace 5.0.0.0/8 via 192.168.7.2", "route show 5.0.0.0/8", "route change 6.0.0.0/8 via 10.0.0.2",
                 "route append 5.0.0.0/8 via 10.0.0.2", "route show 5.0.0.0/8", "route del 5.0.0.0/8", "route show 5.0.0.0/8",
                 "route flush 5.0.0.0/8", "route del 5.0.0.0/8", "route add 7.0.0.0/8 dev eth1 metric 50 proto static",
                 "route add unreachable 1.2.3.0/24", "route add blackhole 1.2.4.0/24", "route add prohibit 1.2.5.0/24",
                 "route", "-j route", "-d route", "route show type unreachable", "route show metric 50",
                 "route get 1.2.3.4", "route get 1.2.4.4", "route get 1.2.5.4", "route get 7.7.7.7",
                 "route add 8.0.0.0/8 via 10.0.0.2 mtu 1400 initcwnd 20 features ecn congctl cubic", "route show 8.0.0.0/8",
                 "-j route show 8.0.0.0/8", "route add 9.0.0.0/8 via 10.0.0.2 congctl nosuch",
                 "route add 9.0.0.0/8 via 10.0.0.2 features foo", "route add 9.0.0.0/8 via 10.0.0.2 initcwnd x",
                 "route add 9.0.0.0/8 via 10.0.0.2 metric x", "route del 8.0.0.0/8",
                 "route del 1.2.3.0/24", "route del blackhole 1.2.4.0/24", "route del 1.2.5.0/24", "route del 7.0.0.0/8",
                 "route add 5.0.0.0/8 via 99.9.9.9", "route add 5.0.0.0/8 dev nope", "route add 5.0.0.1/8 dev eth0",
                 "route add 5.0.0.0/33 dev eth0", "route add 5.0.0.0/8", "route add 5.0.0.0/8 bogus 3",
                 "route add 5.0.0.0/8 via", "route add 5.0.0.0/8 via x", "route foo", "route get", "route get nonsense",
                 "route flush",
                 "addr add 10.0.0.1/24 dev eth0", "addr add 10.0.0.9/24 brd + dev eth0", "addr show dev eth0",
                 "-br addr show dev eth0", "addr show secondary", "addr add 10.0.0.300/24 dev eth0",
                 "addr add 10.0.0.4/33 dev eth0", "addr add 10.0.0.4/24", "addr add dev eth0",
                 "addr add 10.0.0.4/24 dev nope", "addr add 10.0.0.4/24 dev eth0 bogus", "addr del 10.0.0.99/24 dev eth0",
                 "addr del 10.0.0.9 dev eth0", "addr del 10.0.0.9/24 dev eth0", "addr show dev nope", "addr show nope",
                 "addr flush", "addr flush dev nope", "addr foo", "foo", "-foo", "link show nope",
                 "link set nope up", "link set eth1", "link set eth1 mtu", "link set eth1 mtu 10", "link set eth1 mtu x",
                 "link set eth1 mtu 1400", "link show eth1", "link set eth1 mtu 1500", "link set eth1 address zz",
                 "link set eth1 address 01:00:00:00:00:01", "link set dev eth1 address 02:00:00:00:01:07",
                 "link show eth1", "link set eth1 bogus", "link set up", "link set dev eth1 down",
                 "link show eth1", "addr show eth1", "link set eth1 up"):
        compare("ip", *args.split())


# ---- ss ------------------------------------------------------------------------------------------

def ss_shows():
    for args in ("-tln", "-tan", "-uan", "-tn", "-lun", "-ltn sport = :80", "-tan state listening", "-tn state established",
                 "-tan exclude listening", "-tan state connected", "-tan state synchronized", "-tan state time-wait",
                 "-tan sport = :80 or sport = :7", "-tan not dst 10.0.0.0/24", "-tan dport gt :40001",
                 "-tan dst 10.0.0.2:40001", "-tan src 10.0.0.1 and dport = :40002", "-H -tn", "-at", "-4tan", "-6tan", "-x -a",
                 "-tuna", "-wan", "-tan sport != :80", "-tan dport >= 40002", "--tcp --numeric --all --no-header",
                 "-tno state established", "-tan ( sport = :80 and not dst 10.0.0.0/24 ) or sport = :7",
                 "-n -A tcp,udp -a", "-n -f inet -t", "-tano state time-wait"):
        compare("ss", *args.split(), is_sorted=True)
    for args in ("-tan ( sport = :80", "-tn state bogus", "-tn foo", "-tan sport = :bogus", "-tan dst 10.0.0.x", "--bogus"):
        compare("ss", *args.split())
    compare("ss", "-s")
    for args in ("-tni", "-tniO", "-tnie", "-tnm", "-tnoe"):
        compare("ss", args, "state", "established", is_sorted=True, only=r"^(?!Recv-Q)")


def ss_in_json():
    if ONLY and "ss" not in ONLY:
        return
    status, out, err = weft("tw", "--json", "ss", "-tn", "sport", "=", ":7")
    socks = json.loads(out) if status == 0 else []
    good = len(socks) == 1 and socks[0]["peer"] == {"address": "10.0.0.2", "port": 40001} and socks[0]["tcp"]["wait"] == "app"
    result("ss --json has the connection and why it waits", good, out + err)
    _, out, _ = weft("tw", "ss", "-tni", "sport", "=", ":7")
    result("ss -i says that there is nothing to send", "wait:app (nothing to send)" in out, out)
    lazy = started("tw", "b", LAZY)
    for _ in range(50):
        _, out, _ = weft("tw", "ss", "-tni", "dport", "=", ":40010")
        if "wait:rwnd" in out:
            break
        time.sleep(0.1)
    result("ss -i says that the peer's window is full", "wait:rwnd (the peer's window is full)" in out, out)
    lazy.send_signal(signal.SIGINT)
    lazy.wait(30)


# ---- nstat ---------------------------------------------------------------------------------------

def nstat_shows():
    both_nstat = {"NSTAT_HISTORY": HISTORY}
    for lab in ("tk", "tw"):
        weft(lab, "nstat", "-n", env=both_nstat)
    on_b("ping -q -c 3 -i 0.2 10.0.0.1 && exec python3 -c \"$0\"", COUNTED)
    names = ["IpInReceives", "IpInDelivers", "IpOutRequests", "IcmpIn*", "IcmpOut*", "Udp[INO]*", "TcpOutRsts",
             "TcpPassiveOpens"]
    for args in (["-s", "IcmpInEchos", "IcmpOutEchoReps"], ["-s", "IpInReceives", "IpInDelivers"], ["-s", "IpOutRequests"],
                 ["-s", "UdpInDatagrams", "UdpNoPorts", "UdpOutDatagrams"], ["-s", "icmpinechos"], ["-s", "TcpOutRsts"],
                 ["-s", "IcmpIn*"], ["-s", "IcmpOut*"], ["-sj", "IcmpIn*"], ["-s", "-j", "-p", "UdpInD*"], ["-sz", "TcpAttemptFails"],
                 ["-sz", "UdpInErrors", "UdpNoPorts"], ["-s", "Bogus"], ["-sj", "Bogus"], ["-s", "IcmpInE?ho*"],
                 ["-s", "--json", "TcpPassiveOpens"], ["-sn"], ["-x"], ["-s", *names], [*names], [*names], ["-z", "IcmpInEchos"],
                 ["-r", "Bogus"], ["IpInReceives"]):
        compare("nstat", *args, exact=True)
    on_b("ping -q -c 2 -i 0.2 10.0.0.1")
    compare("nstat", "-s", "Icmp*Echo*", exact=True)
    compare("nstat", "--ignore", "--noupdate", "--zeros", "TcpAttemptFails", exact=True)
    compare("nstat", "IcmpInEchos", exact=True)
    compare("nstat", "IcmpInEchos", exact=True)


# ---- labs ----------------------------------------------------------------------------------------

def on_b(script, *args):
    for lab in ("tk", "tw"):
        subprocess.run([WEFT, "-l", lab, "exec", "-n", "b", "--", "sh", "-c", script, *args], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60, check=True)


def started(lab, node, program):
    """A python program on a node, once it has said that it is ready."""
    p = subprocess.Popen([WEFT, "-l", lab, "exec", "-n", node, "--", "python3", "-c", program], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
    if p.stdout.readline() != "ready\n":
        raise RuntimeError(f"{lab}: the program on {node} did not start")
    return p


def lab_up(folder, name, kind):
    path = folder / f"{name}.yaml"
    path.write_text(LAB.format(name=name, kind=kind, services=SERVICES if kind == "weft" else ""))
    up = subprocess.Popen([WEFT, "up", str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for _ in range(200):
        done = subprocess.run([WEFT, "--json", "ls"], capture_output=True, text=True, check=False)
        if f'"{name}"' in done.stdout:
            return up
        time.sleep(0.1)
    raise RuntimeError(f"lab {name} did not come up")


def main():
    processes = []
    try:
        for name, kind in (("tk", "kernel"), ("tw", "weft")):
            processes.append(lab_up(pathlib.Path(FOLDER), name, kind))
        # The weft node has no IPv6, and the kernel's hosts must not talk of it.
        for lab, node in (("tk", "a"), ("tk", "b"), ("tw", "b")):
            subprocess.run([WEFT, "-l", lab, "exec", "-n", node, "--", "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"],
                           check=True)
        processes.append(started("tk", "a", SERVER))
        processes += [started(lab, "b", CLIENT) for lab in ("tk", "tw")]
        on_b("ping -q -c 1 10.0.0.1")
        ss_shows()
        ss_in_json()
        ip_shows()
        nstat_shows()
        ip_neighs()
        ip_changes()
        for tool, n in sorted(n_compared.items()):
            result(f"{n} invocations of {tool} were compared", n >= 15)
    finally:
        for p in reversed(processes):
            p.send_signal(signal.SIGINT)
            p.wait(30)
    return 1 if n_failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="weft-tools-") as FOLDER:
        HISTORY = FOLDER + "/nstat"
        os.environ["XDG_RUNTIME_DIR"] = FOLDER
        sys.exit(main())
