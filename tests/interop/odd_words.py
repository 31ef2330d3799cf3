#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Words that nobody means: commands, tools and requests with arguments drawn at random. Each ends in time
with a documented status, says something when it fails, and neither it nor the lab crashes.

usage: odd_words.py WEFT [N]      N invocations a command (30)

Prints a line `ok - NAME` or `not ok - NAME` a command; WEFT_TEST_SEED=SEED repeats a run. Worth most in a
build with sanitizers.
"""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

from leftovers import Trial

WEFT = str(pathlib.Path(sys.argv[1]).resolve())
N = int(sys.argv[2]) if len(sys.argv) > 2 else 30
HANGS_S = 20

LAB = """
lab: odd
nodes:
  k: { kind: kernel, interfaces: { eth0: { address: 10.0.0.1/24 } }, routes: [default via 10.0.0.2] }
  s: { kind: switch }
  r:
    forwarding: true
    interfaces: { eth0: { address: 10.0.0.2/24 }, eth1: { address: 10.1.0.1/24 } }
  w:
    interfaces: { eth0: { address: 10.1.0.2/24 } }
    routes: [default via 10.1.0.1]
    services: [ { http: { port: 80, files: { /f: { size: 1MB } } } }, { echo: { port: 7, proto: [tcp, udp] } } ]
links: [ "k:eth0 -- s:p1", "r:eth0 -- s:p2", "r:eth1 -- w:eth0" ]
"""

NUMBERS = ["0", "1", "-1", "7", "33", "255", "256", "65535", "65536", "4294967295", "4294967296",
           "9223372036854775807", "18446744073709551616", "1e9", "0x10", "1.5", "٣", "+1", " 1", "1 ", ""]
ADDRESSES = ["10.0.0.1", "10.1.0.2", "10.9.9.9", "0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1", "10.0.0.0/24",
             "10.0.0.1/33", "10.0.0.1/0", "10.0.0", "10.0.0.256", "::1", "fe80::1%eth0", "2001:db8::/32", "default",
             "w", "k", "nobody", "w:80", "*:80", ":", "10.1.0.2:http", "[::1]:80"]
NAMES = ["eth0", "eth1", "lo", "eth0@if3", "r", "w", "k", "s", "A-B", "r-w", "r:eth1-w:eth0", "k-s", "x" * 300, "é",
         "\x7f", "\n", "%s%n", "../../etc/passwd", "-", "--", "---", "a b", "'", '"', "{}", "[]"]
WORDS = {
    "ip": "addr address a link l route r neigh n show list add del replace change append get flush dev via metric "
          "proto scope src table nud lladdr up down mtu address set brd label peer from to iif oif on -4 -6 -s -d -j -p "
          "-br -o -json -stats help permanent reachable all main local host link unicast blackhole".split(),
    "ss": "-t -u -l -a -n -i -e -o -m -s -x -H -4 -6 -p -K -O state exclude established listening connected all dst src "
          "sport dport = == eq ne lt le > < gt ge and or not && || ! ( ) dev autobound --help -tan".split(),
    "nstat": "-a -z -n -s -r -j -d -t --json --help Ip* *Tcp* [ ] [a-z TcpInSegs ???".split(),
    "ping": "-c -i -w -W -s -t -q -n -D -I -p -Q -f -A -l -M do want dont --help -4 -6 -v".split(),
    "traceroute": "-I -U -T -n -q -w -m -f -p -z -N -s -i -t -F -A --icmp --help".split(),
    "dump": "-i any -c -n -nn -e -w -r -s -q -v -vv -x -X -A -t -tt -l -p tcp udp icmp arp port host net src dst and or "
            "not ( ) greater less vlan ip6 ether proto [ ] tcp[13]&2!=0 --help".split(),
    "link": "show set down up loss 5% delay 30ms rate 1mbit jitter queue 10 reorder corrupt duplicate mtu a-b b-a "
            "--json --help 100% 101% -1ms".split(),
    "node": "show add del kind weft kernel switch forwarding link dev addr rate delay via route --json --help".split(),
    "addr": "add del dev -n --help".split(),
    "rpc": ["lab.info", "lab.down ", "rpc.cancel", "link.set", "link.show", "node.show", "node.enter", "ip.addr", "ip.route",
            "ss.show", "ping.start", "dump.start", "{}", "[]", "null", "[1,2]", '{"node":"w"}', '{"node":1}', '{"node":null}',
            '{"node":"w","x":1}', "{", '"', "[" * 3000, '{"a":' * 500 + "1" + "}" * 500, '{"node":"\\u0000"}'],
    "exec": ["true", "sh", "-c", "exit 3", "/no/such", "--", "--help"],
    "ls": ["--json", "--help", "-l"],
    "check": ["lab.yaml", "none.yaml", ".", "/dev/null", "--help", "--json"],
    "graph": ["lab.yaml", "none.yaml", "-o", "/dev/null/x.svg", "--help", "--dot"],
    "schema": ["--help", "--json", "x"],
}
# What somebody would mean; a word of it is replaced, or left out, or one comes in between.
MEANT = {
    "ip": ["addr show dev eth0", "addr add 10.5.0.1/24 dev eth1", "addr del 10.5.0.1/24 dev eth1", "addr flush dev eth1",
           "link set eth0 down", "link set dev eth0 up", "link set eth1 mtu 1400", "link set eth1 address 02:00:00:00:00:99",
           "-s link show", "route add 10.7.0.0/16 via 10.1.0.1", "route add default via 10.0.0.1 dev eth0 metric 5",
           "route replace 10.7.0.0/16 dev eth1", "route del 10.7.0.0/16", "route get 10.1.0.2", "route show table main",
           "route flush proto static", "neigh show", "neigh add 10.0.0.9 lladdr 02:00:00:00:00:07 dev eth0 nud permanent",
           "neigh del 10.0.0.9 dev eth0", "neigh flush dev eth0", "-br -4 addr", "-j -p route show"],
    "ss": ["-tln", "-tan state established dport = 80", "-uan sport = :7", "-ti dst 10.0.0.0/24", "-tanoem",
           "-l ( sport = :80 or sport = :7 )", "-a not dst 10.0.0.1", "-s", "-t exclude listening"],
    "nstat": ["-az", "-a Tcp*", "-r", "-s Ip* Udp*"],
    "ping": ["-c 1 10.0.0.1", "-c 2 -i 0.2 -s 100 w", "-W 1 -c 1 10.9.9.9", "-t 1 -c 1 10.1.0.2", "-q -c 1 -Q 0x10 k",
             "-f -c 5 10.1.0.2", "-s 65507 -c 1 w", "-I eth0 -c 1 10.0.0.1", "-p ff -c 1 w"],
    "traceroute": ["-n 10.1.0.2", "-I -q 1 w", "-m 2 -w 1 -q 1 10.9.9.9", "-n w 1400", "-f 2 -p 4000 -q 1 k"],
    "dump": ["-i eth0 -c 1 icmp", "-c 1 -n tcp port 80 and host w", "-w x.pcapng -c 1", "-r x.pcapng -n", "-nvvX -c 1",
             "-i any -e -c 1 not arp", "-s 64 -c 1"],
    "link": ["set r-w loss 5%", "set r-w delay 30ms jitter 2ms", "set r-w rate 1mbit queue 10", "set r-w down", "set r-w up",
             "set r-s reorder 1% corrupt 1% duplicate 1%", "show r-w", "set r-w delay 0 loss 0 rate 0"],
    "node": ["add x link s addr 10.0.0.77/24 via 10.0.0.2", "del x", "add y kind switch link r", "del y", "show w",
             "add z kind kernel link s addr 10.0.0.78/24", "del z", "add q forwarding link w:e9 addr 10.9.0.1/24 delay 1ms"],
    "addr": ["add 10.8.0.1/24 dev eth0", "del 10.8.0.1/24 dev eth0"],
    "rpc": ['node.show {"node":"w"}', 'link.set {"link":"r-w","loss":"1%"}', 'ping.start {"node":"r","host":"10.1.0.2"}',
            'dump.start {"node":"r"}', 'ss.show {"node":"w"}', "lab.info {}", 'ip.addr {"node":"r"}'],
}
ON_NODE = {"ip", "ss", "nstat", "ping", "traceroute", "dump", "exec", "addr"}
SIGNALLED = {124, 128 + signal.SIGINT, 128 + signal.SIGTERM}
BAD = re.compile(r"runtime error|AddressSanitizer|LeakSanitizer|Assertion|core dumped")


def word(rng, command):
    pool = WORDS[command]
    return rng.choice(rng.choice([pool, pool, pool, NUMBERS, ADDRESSES, NAMES]))


def words(rng, command):
    if command not in MEANT or rng.random() < 0.3:
        return [word(rng, command) for _ in range(rng.randint(0, 7))]
    meant = rng.choice(MEANT[command]).split(" ")
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        at = rng.randrange(len(meant) + 1)
        meant[at:at + rng.choice([0, 1, 1])] = [word(rng, command)] * rng.choice([0, 1, 1, 1])
    return meant


def argv_of(rng, command):
    argv = []
    if rng.random() < 0.05:
        argv += ["-l", rng.choice(["odd", *NAMES])]
    if command in ON_NODE:
        argv += ["-n", rng.choice(["w", "w", "r", "r", "r", "k", "s", "nobody"])]
    if rng.random() < 0.2:
        argv.append("--json")
    return [*argv, command, *words(rng, command)]


def invoke(trial, argv):
    """Runs one; a tool that goes on for ever is interrupted. What is wrong, or None."""
    with subprocess.Popen([WEFT, *argv], cwd=trial.folder, env=trial.env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        try:
            out, err = p.communicate(timeout=0.7)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGINT)
            try:
                out, err = p.communicate(timeout=HANGS_S)
            except subprocess.TimeoutExpired:
                p.kill()
                return "it hangs"
    err = err.decode(errors="replace")
    if BAD.search(err):
        return f"status {p.returncode}: {err[:1500]}"
    if p.returncode < 0 and p.returncode != -signal.SIGINT:
        return f"died of signal {-p.returncode}: {err[:500]}"
    if p.returncode > 0 and not err.strip() and not out.strip() and argv[-1] != "exit 3":
        return f"status {p.returncode} without a word" if p.returncode not in SIGNALLED else None
    return None


def lab_lives(trial, lab):
    if lab.poll() is not None:
        return f"the lab has ended with status {lab.returncode}: {lab.stderr.read()[:3000]}"
    done = subprocess.run([WEFT, "rpc", "lab.info"], env=trial.env, capture_output=True, text=True, timeout=HANGS_S)
    return None if done.returncode == 0 and "nodes" in done.stdout else f"the lab does not answer: {done.stderr}"


def lab_start(trial):
    lab = subprocess.Popen([WEFT, "up", "lab.yaml"], cwd=trial.folder, env=trial.env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lab.stdout.readline()
    return lab


def lab_end(trial, lab):
    """Ends the lab; what it had to say that it should not."""
    if lab.poll() is None:
        lab.send_signal(signal.SIGTERM)
    try:
        _, err = lab.communicate(timeout=HANGS_S)
    except subprocess.TimeoutExpired:
        lab.kill()
        return "the lab does not end"
    return err[:3000] if BAD.search(err) else None


def try_command(command, seed):
    rng = random.Random(f"{seed} {command}")
    wrong = []
    with Trial(WEFT) as trial:
        trial.write("lab.yaml", LAB)
        lab = lab_start(trial)
        for _ in range(N):
            argv = argv_of(rng, command)
            fault = invoke(trial, argv) or lab_lives(trial, lab)
            if fault:
                wrong.append(f"weft {' '.join(json.dumps(w) for w in argv)[:500]}: {fault}")
                if lab.poll() is not None:
                    lab = lab_start(trial)
        fault = lab_end(trial, lab)
        return wrong + ([fault] if fault else [])


def main():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    seed = int(os.environ.get("WEFT_TEST_SEED", time.time_ns()))
    known = subprocess.run([WEFT, "--help"], capture_output=True, text=True, check=True).stdout
    n_failed = 0
    for command in sys.argv[3:] or WORDS:
        if not re.search(rf"^  {command} ", known, re.M):
            continue
        wrong = try_command(command, seed)
        n_failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} - odd words for weft {command}, seed {seed}", *wrong[:10], sep="\n  ",
              flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
