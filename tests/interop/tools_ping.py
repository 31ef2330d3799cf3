#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ping, traceroute and dump on a weft node, compared with the originals on a kernel node beside it.

usage: tools_ping.py WEFT [CASE...]

Both nodes hang on one switch; each invocation runs on both, and the lines are compared field by field
after times, identifiers and the nodes' own addresses have been made the same. What is meant to differ is
in doc/tools.md. Prints a line `ok - NAME` or `not ok - NAME` a case.
"""
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

WEFT = str(pathlib.Path(sys.argv[1]).resolve())
ONLY = sys.argv[2:]
LAB = """
lab: tools
nodes:
  a:
    interfaces: { eth0: { address: 10.9.1.1/24 } }
    routes: [default via 10.9.1.2]
  k:
    kind: kernel
    interfaces: { eth0: { address: 10.9.1.11/24 } }
    routes: [default via 10.9.1.2]
  sw: { kind: switch }
  r:
    forwarding: true
    sysctls: { net.ipv4.icmp_ratelimit: 0 } # whoever is slower would be answered more
    interfaces: { lan: { address: 10.9.1.2/24 }, wan: { address: 10.9.2.2/24 } }
  c:
    interfaces: { eth0: { address: 10.9.2.3/24 } }
    routes: [default via 10.9.2.2]
    services:
      - echo: { port: 7, proto: [tcp, udp] }
      - http: { port: 80, files: { /page: { size: 20kB, seed: 1 } } }
links:
  - a:eth0 -- sw:p1
  - k:eth0 -- sw:p2
  - r:lan -- sw:p3
  - { between: [r:wan, c:eth0], delay: 2ms }
"""

PING = """
-c 1 10.9.2.3
-c 3 -i 0.2 10.9.2.3
-c 2 -i 0.2 -n c
-c 2 -i 0.2 c
-q -c 2 -i 0.2 10.9.2.3
-c 1 -s 0 10.9.2.3
-c 1 -s 4 10.9.2.3
-c 1 -s 1472 10.9.2.3
-c 1 -D 10.9.2.3
-c 1 -p ff00 10.9.2.3
-c 1 -t 1 10.9.2.3
-c 1 -t 1 c
-c 1 -I eth0 10.9.2.3
-c 1 -Q 0x10 10.9.2.3
-c 2 -A 10.9.2.3
-c 1 10.9.3.3
-c 1 10.9.4.4
-c 1 -W 0.5 10.9.5.5
-c 1 -W 5 10.9.1.77
-w 1 -c 10 -i 0.3 10.9.5.5
-c 1 127.0.0.1
-c 1 10.9.1.255
-I 9.9.9.9 10.9.2.3
-c 0 10.9.2.3
-c x 10.9.2.3
-t 300 10.9.2.3
-Q 300 10.9.2.3
-p xyz 10.9.2.3
"""

TRACEROUTE = """
-n -q 1 -N 1 10.9.2.3
-q 1 -N 1 c
-n -q 1 -N 1 c
-n -I -q 1 -N 1 10.9.2.3
-I -q 1 -N 1 c
-n -q 1 -N 1 -f 2 10.9.2.3
-n -q 1 -N 1 -m 1 10.9.2.3
-n -q 1 -N 1 10.9.2.3 100
-n -q 1 -N 1 -p 7 -f 2 10.9.2.3
-n -q 1 -N 1 -t 16 10.9.2.3
-n -q 1 -N 1 -i eth0 10.9.2.3
-n -q 2 -N 1 -z 0.2 10.9.1.2
-n -q 1 -N 1 10.9.3.3
-n -q 1 -N 1 10.9.4.4
-n -q 1 -N 1 -m 2 -w 0.5 10.9.5.5
-n -q 1 -N 1 -m 1 10.9.1.77
-n -q 1 127.0.0.1
-m 0 10.9.2.3
-m 300 10.9.2.3
-f 50 10.9.2.3
-q 20 10.9.2.3
10.9.2.3 70000
"""

# Of one capture, by both programs.
READ = """
-n
-n -t
-n -tt
-n -ttt
-n -tttt
-n -e
-n -v
-n -e -v
-n -vv
-n -q
-n -S
-n -x
-n -xx
-n -X
-n -A
-n -c 3
-n -t tcp
-n -t tcp port 80 and host 10.9.2.3
-n -t icmp or arp
-n -t udp[8:2] != 0
-n -t tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
"""

# As packets pass: what is asked of the interface, and what makes the packets.
LIVE = """
-n -c 2 icmp
-n -e -c 2 icmp
-n -v -c 2 icmp
-n -X -c 1 icmp
-n -q -c 2 icmp
-c 2 icmp and host c
"""


class Failed(Exception):
    """A case did not see what it expected."""


def run(command, env, timeout=30):
    p = subprocess.run(command, env=env, text=True, capture_output=True, timeout=timeout,
                       stdin=subprocess.DEVNULL)
    return p.returncode, p.stdout, p.stderr


def same(text):
    """Makes equal what may differ: who we are, when it was, how long it took."""
    text = re.sub(r"\b10\.9\.1\.1(1?)\b(?!\.\d)", "SELF", text)
    text = re.sub(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC", text)
    text = re.sub(r"(time|ttl)=[0-9.]+ ms", r"\1=T ms", text)
    text = re.sub(r"= [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms", "= RTT ms", text)
    text = re.sub(r"ipg/ewma [0-9.]+/[0-9.]+ ms", "ipg/ewma T", text)
    text = re.sub(r"time [0-9]+ms", "time T", text)
    text = re.sub(r"  [0-9.]+ ms", "  T ms", text)
    text = re.sub(r"^\[[0-9]+\.[0-9]{6}\]", "[T]", text, flags=re.M)
    text = re.sub(r"(, )?pipe \d+", "", text)
    return text


def same_packet(text):
    text = re.sub(r"^\d\d:\d\d:\d\d\.\d{6}", "T", text, flags=re.M)
    text = re.sub(r"\bid \d+", "id N", text)
    text = re.sub(r"flags \[\w*\]", "flags [F]", text)
    text = re.sub(r"\n\t0x.*", "\n\t0x", text)
    return re.sub(r"\b[ak]\b", "SELF", same(text))


class Lab:
    def __init__(self, folder):
        self.folder = folder
        self.env = dict(os.environ, XDG_RUNTIME_DIR=str(folder), TZ="UTC")
        path = folder / "lab.yaml"
        path.write_text(LAB)
        self.up = subprocess.Popen([WEFT, "up", str(path)], env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        if "is up" not in self.up.stdout.readline():
            raise SystemExit("not ok - the lab did not come up")
        self.weft("r", "ip route add prohibit 10.9.4.0/24")
        self.weft("r", "ip route add blackhole 10.9.5.0/24")
        for node in "a", "k": # so that nobody has to be asked for an address later
            self.weft(node, "ping -c 1 10.9.2.3")

    def weft(self, node, words):
        return run([WEFT, "-n", node, *shlex.split(words)], self.env)

    def down(self):
        self.up.send_signal(signal.SIGTERM)
        self.up.wait(timeout=20)


def compare(lab, tool, arguments):
    ours, theirs = (lab.weft(node, f"{tool} {arguments}") for node in ("a", "k"))
    if ours[0] != theirs[0]:
        raise Failed(f"exit status {ours[0]}, not {theirs[0]}\n{ours[1]}{ours[2]}")
    # Messages may say more than the originals', never less.
    if ours[0] == 0 or theirs[1]:
        if same(ours[1]) != same(theirs[1]):
            raise Failed(f"weft prints\n{ours[1]}instead of\n{theirs[1]}")
    if theirs[2] and not ours[2]:
        raise Failed(f"weft says nothing, and not\n{theirs[2]}")


def capture_make(lab):
    """A capture with what the tools have to print, from a router that sees all of it."""
    path = lab.folder / "all.pcapng"
    dump = subprocess.Popen([WEFT, "-n", "r", "dump", "-i", "lan", "-w", str(path)], env=lab.env,
                            stderr=subprocess.PIPE, text=True)
    dump.stderr.readline()
    lab.weft("k", "ping -c 2 -i 0.2 10.9.2.3")
    lab.weft("a", "traceroute -n -q 1 -N 1 10.9.2.3")
    lab.weft("a", "ping -c 1 -s 100 10.9.3.3")
    run([WEFT, "exec", "-n", "k", "--", "curl", "-s", "-o", "/dev/null", "http://10.9.2.3/page"], lab.env)
    run([WEFT, "exec", "-n", "k", "--", "bash", "-c", "exec 3<>/dev/udp/10.9.2.3/7; echo hello >&3; "
         "read -t 2 -u 3"], lab.env) # waits: the kernel's ICMP error would quote a checksum left to the device
    run([WEFT, "exec", "-n", "k", "--", "bash", "-c", "echo > /dev/tcp/10.9.2.3/81"], lab.env)
    run([WEFT, "exec", "-n", "k", "--", "ip", "neigh", "flush", "all"], lab.env)
    lab.weft("k", "ping -c 1 10.9.1.2")
    time.sleep(0.2)
    dump.send_signal(signal.SIGINT)
    if dump.wait(timeout=20) != 0:
        raise Failed("weft dump -w failed")
    return path


def case_capture_is_read_by_tshark(lab, path):
    fields = ["-T", "fields", "-e", "frame.number", "-e", "_ws.malformed", "-e", "tcp.checksum.status",
              "-e", "udp.checksum.status", "-e", "ip.checksum.status"]
    status, out, err = run(["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o",
                            "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", *fields], lab.env)
    lines = [line.split("\t") for line in out.splitlines()]
    if status or len(lines) < 20:
        raise Failed(f"tshark: {status}, {len(lines)} packets: {err}")
    for number, malformed, *sums in lines:
        # "2" is unchecked; two values where an ICMP error quotes a packet, cut.
        if malformed or any(s.split(",")[0] == "0" for s in sums):
            raise Failed(f"packet {number}: malformed {malformed!r}, checksums {sums}")


def compare_read(lab, path, arguments):
    words = shlex.split(arguments)
    ours = run([WEFT, "dump", "-r", str(path), *words], lab.env)
    theirs = run(["tcpdump", "-Z", "root", "-r", str(path), *words], lab.env)
    if ours[0] != theirs[0]:
        raise Failed(f"exit status {ours[0]}, not {theirs[0]}\n{ours[2]}")
    mine = re.sub(r" \[dropped( later)?: \w+\]", "", ours[1]).splitlines()
    for i, (x, y) in enumerate(zip(mine, theirs[1].splitlines())):
        if x != y:
            raise Failed(f"line {i + 1}: weft prints\n{x}\ninstead of\n{y}")
    if len(mine) != len(theirs[1].splitlines()) or not mine:
        raise Failed(f"{len(mine)} lines, not {len(theirs[1].splitlines())}")


def live(lab, node, arguments):
    dump = subprocess.Popen([WEFT, "-n", node, "dump", *shlex.split(arguments)], env=lab.env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while "listening on" not in dump.stderr.readline():
        if dump.poll() is not None:
            raise Failed(f"dump on {node} ended with {dump.returncode}")
    lab.weft(node, "ping -c 2 -i 0.2 10.9.2.3")
    out, err = dump.communicate(timeout=20)
    return dump.returncode, out, err


def compare_live(lab, arguments):
    ours, theirs = (live(lab, node, arguments) for node in ("a", "k"))
    if ours[0] != theirs[0] or same_packet(ours[1]) != same_packet(theirs[1]):
        raise Failed(f"weft ({ours[0]}) prints\n{ours[1]}instead of ({theirs[0]})\n{theirs[1]}")
    if re.sub(r"\d+", "N", ours[2].splitlines()[-1]) != re.sub(r"\d+", "N", theirs[2].splitlines()[-1]):
        raise Failed(f"weft says\n{ours[2]}instead of\n{theirs[2]}")


def case_drop_is_shown_with_its_reason(lab, path):
    _, out, _ = run([WEFT, "dump", "-n", "-r", str(path)], lab.env)
    if "[dropped: IP_NO_ROUTE]" not in out or "[dropped: IP_TTL]" not in out:
        raise Failed(out)


def case_ids_of_a_capture_are_those_of_why(lab, path):
    _, out, _ = run([WEFT, "dump", "--json", "-r", str(path)], lab.env)
    packets = [json.loads(line) for line in out.splitlines()]
    dropped = next(p for p in packets if p.get("dropped") == "IP_NO_ROUTE")
    status, out, err = run([WEFT, "why", "--trace", str(dropped["trace"])], lab.env)
    if status or "dropped: IP_NO_ROUTE" not in out or "comes in by lan" not in out:
        raise Failed(out + err)


def case_why_tells_the_journey_of_a_sampled_packet(lab, _):
    run([WEFT, "why", "--sample", "1"], lab.env)
    lab.weft("a", "ping -c 1 10.9.3.9")
    run([WEFT, "why", "--sample", "0"], lab.env)
    _, out, _ = run([WEFT, "why", "--drops=1", "-n", "r", "--json"], lab.env)
    trace = json.loads(out)[0]["trace"]
    status, out, err = run([WEFT, "why", "--trace", str(trace)], lab.env)
    for words in " ms  a ", " ms  sw ", " ms  r ", "IP_NO_ROUTE", "ip route add":
        if words not in out:
            raise Failed(f"{words!r} is missing: {status} {out}{err}")


def case_interrupted_ping_prints_its_figures(lab, _):
    ping = subprocess.Popen([WEFT, "-n", "a", "ping", "-i", "0.2", "c"], env=lab.env, text=True,
                            stdout=subprocess.PIPE)
    for _ in range(3):
        ping.stdout.readline()
    ping.send_signal(signal.SIGINT)
    out, _ = ping.communicate(timeout=10)
    if ping.returncode != 0 or not re.search(r"\d packets transmitted, \d received, 0% packet loss", out):
        raise Failed(f"{ping.returncode}: {out}")


def main():
    bad = 0

    def check(name, function, *args):
        nonlocal bad
        if ONLY and not any(word in name for word in ONLY):
            return
        try:
            function(*args)
            print(f"ok - {name}", flush=True)
        except (Failed, subprocess.TimeoutExpired, StopIteration) as e:
            bad += 1
            print(f"not ok - {name}", flush=True)
            print("\n".join(f"  # {line}" for line in str(e).splitlines()), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(pathlib.Path(folder))
        try:
            for arguments in PING.strip().splitlines():
                check(f"ping {arguments}", compare, lab, "ping", arguments)
            for arguments in TRACEROUTE.strip().splitlines():
                check(f"traceroute {arguments}", compare, lab, "traceroute", arguments)
                time.sleep(0.6) # so that no router withholds errors
            path = capture_make(lab)
            for arguments in READ.strip().splitlines():
                words = arguments.split()
                n = next((i for i, w in enumerate(words) if not w.startswith("-") and not w.isdigit()),
                         len(words))
                check(f"dump -r {arguments}", compare_read, lab, path,
                      " ".join(words[:n]) + " " + shlex.quote(" ".join(words[n:])))
            for arguments in LIVE.strip().splitlines():
                check(f"dump {arguments}", compare_live, lab, arguments)
            for name, function in list(globals().items()):
                if name.startswith("case_"):
                    check(name[5:].replace("_", " "), function, lab, path)
        finally:
            lab.down()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
