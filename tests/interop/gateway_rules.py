#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Whom the guest reaches, and who reaches it: access rules, filtering and life of UDP mappings (RFC 4787),
hairpin, ranges of forwards, pings that nobody answers.

usage: gateway_rules.py WEFT [CASE...]

Prints a line `ok - NAME` or `not ok - NAME` a case. Needs root, for the namespaces that it makes.
"""
import queue
import socket
import subprocess
import sys
import threading
import time

from gateway_kit import (FAR4, FAR6, GUEST4, GUEST6, HOST4, HOST6, SERVER, World, client, eventually, expect, main, run)

WEFT = sys.argv[1]

# A datagram to whom stdin says; prints what comes, until `end`.
PORT = """
import select, socket, sys
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
p = select.poll(); p.register(s, select.POLLIN); p.register(0, select.POLLIN)
while True:
    for fd, _ in p.poll():
        if fd == 0:
            line = sys.stdin.readline().split()
            if not line:
                sys.exit(0)
            s.sendto(line[2].encode(), (line[0], int(line[1])))
        else:
            data, peer = s.recvfrom(2000)
            print(data.decode(), peer[0], peer[1], flush=True)
"""


class Port:
    """A UDP port in a namespace: says to whom, hears from whom."""

    def __init__(self, world, name, addr, port):
        self.proc = world.spawn(name, PORT, addr, str(port))
        self.heard = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.proc.stdout:
            self.heard.put(line)

    def say(self, addr, port, word):
        self.proc.stdin.write(f"{addr} {port} {word}\n")
        self.proc.stdin.flush()

    def hears(self):
        """What comes in the next seconds, from whom; [] if nothing does."""
        try:
            return self.heard.get(timeout=5).split()
        except queue.Empty:
            return []


def rules_decide_by_prefix_protocol_and_port():
    args = ["--allow", "tcp,192.0.2.2,7000-7001", "--deny", "tcp,192.0.2.0/24", "--deny", "any,2001:db8:2::/64,7001",
            "--deny", "icmp,192.0.2.2", "--deny", "udp,any,53"]
    with World(WEFT, *args) as w:
        for port in "7000", "7001", "7002":
            w.spawn("far", SERVER, port)
        got = client(w, """
for addr, ports in (("192.0.2.2", (7000, 7001, 7002, 9)), ("192.0.2.1", (7000,)), ("2001:db8:2::2", (7000, 7001))):
    for port in ports:
        print(fails(addr, port))
""").split()
        # Prohibited: EHOSTUNREACH of IPv4, EACCES of IPv6.
        want = ["connected", "connected", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH", "connected", "EACCES"]
        expect(got == want, f"{got}, not {want}")
        expect(run("ip", "netns", "exec", w.names["guest"], "ping", "-c1", "-W2", FAR4, check=False).returncode == 1,
               "a ping that is denied")
        expect(run("ip", "netns", "exec", w.names["guest"], "ping", "-c1", "-W2", FAR6, check=False).returncode == 0,
               "a ping that is allowed")
        got = client(w, """
for port in 53, 54:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
    s.connect(("192.0.2.2", port)); s.send(b"x")
    try:
        print(s.recv(1))
    except OSError as e:
        print(errno.errorcode[e.errno])
""").split()
        expect(got == ["EHOSTUNREACH", "ECONNREFUSED"], f"UDP: {got}")
        expect(w.control("stats", "--json")["denied"] == 6, "what was denied is counted")


def rules_come_and_go_while_it_runs():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        asks = 'print(fails("192.0.2.2", 7000))'
        expect(client(w, asks) == "connected\n", "without a rule")
        expect(w.control("rule", "add", "deny", "tcp", "192.0.2.0/24", "7000-7001") == "rule 1\n", "the first rule")
        expect(client(w, asks) == "EHOSTUNREACH\n", "denied")
        w.control("rule", "add", "allow", "any", "192.0.2.2", "before", "1")
        expect(client(w, asks) == "connected\n", "the first that fits decides")
        rules = w.control("rule", "--json")
        expect([(r["id"], r["action"], r["proto"], r["prefix"], r["port_first"], r["port_last"], r["hits"])
                for r in rules] == [(2, "allow", "any", "192.0.2.2/32", 0, 0, 1),
                                    (1, "deny", "tcp", "192.0.2.0/24", 7000, 7001, 1)], f"{rules}")
        w.control("rule", "del", "2")
        expect(client(w, asks) == "EHOSTUNREACH\n", "denied again")
        text = w.control("rule").splitlines()
        expect(text[1].split() == ["1", "deny", "tcp", "192.0.2.0/24", "7000-7001", "2"], f"{text}")
        expect("no rule 2" in w.control("rule", "del", "2", status=1), "a rule that is not there")
        expect("no rule 9" in w.control("rule", "add", "deny", "any", "any", "before", "9", status=1), "before nothing")
        expect("write allow|deny" in w.control("rule", "add", "deny", "sctp", "any", status=2), "no such protocol")


# By family: the guest, the host outside, who it sends to; another two of the same network.
FAMILIES = ((GUEST4, HOST4, FAR4, "192.0.2.3", "192.0.2.4"), (GUEST6, HOST6, FAR6, "2001:db8:2::3", "2001:db8:2::4"))


def filtering(mode, want):
    """Who of three gets through to a port that has sent to the first: that one, another port, another address."""
    with World(WEFT, "--udp-filtering", mode) as w:
        filtered = 0
        for inside, outside, far, third_addr, fourth_addr in FAMILIES:
            for addr in third_addr, fourth_addr:
                w.ip("far", "addr", "add", *([f"{addr}/64", "nodad"] if ":" in addr else [f"{addr}/24"]), "dev", "v1")
            guest = Port(w, "guest", inside, 5555)
            peer, port, other, fourth = (Port(w, "far", a, p) for a, p in (
                (far, 7001), (far, 7002), (third_addr, 7001), (fourth_addr, 7001)))
            guest.say(far, 7001, "out")
            # The port is preserved, and the mapping is the same for all (REQ-1, REQ-3).
            expect(peer.hears() == ["out", outside, "5555"], "the guest's port is not the host's")
            guest.say(fourth_addr, 7001, "again")
            expect(fourth.hears() == ["again", outside, "5555"], "another mapping for another peer")
            port.say(outside, 5555, "port")
            other.say(outside, 5555, "other")
            peer.say(outside, 5555, "peer")
            got = set()
            for _ in want:
                got.update(guest.hears()[:1])
            expect(got == want, f"with {mode}, to {inside}: {got}")
            filtered += 3 - len(want)
            eventually("the others are counted", lambda n=filtered: w.control("stats", "--json")["udp_filtered"] == n)
            flow, = (f for f in w.control("flows", "--json") if f["guest"]["address"] == inside)
            expect(flow["proto"] == "udp" and flow["guest"]["port"] == 5555 and flow["host"]["port"] == 5555, f"{flow}")


def only_whom_the_guest_has_sent_to_answers():
    filtering("address-port", {"peer"})


def any_port_of_an_address_answers_with_address_filtering():
    filtering("address", {"peer", "port"})


def anybody_answers_without_filtering():
    filtering("none", {"peer", "port", "other"})


def two_ports_of_the_guest_meet_by_the_outside_address():
    with World(WEFT) as w:
        w.spawn("guest", SERVER, "7000")
        for n, (inside, outside, *_) in enumerate(FAMILIES, 1):
            one, two = Port(w, "guest", inside, 5001), Port(w, "guest", inside, 5002)
            one.say(outside, 5002, "lost")  # nobody has that port yet, but the mapping is there
            eventually("a mapping", lambda n=n: w.control("stats", "--json")["mappings"] == 2 * n - 1)
            two.say(outside, 5001, "hello")
            expect(one.hears() == ["hello", outside, "5002"], "RFC 4787 REQ-9: from the outside address and port")
            one.say(outside, 5002, "back")
            expect(two.hears() == ["back", outside, "5001"], "and back")
            # TCP meets by a forward.
            at, to = (f"[{outside}]", f"[{inside}]") if ":" in inside else (outside, inside)
            w.control("forward", "add", "tcp", f"{at}:8080", f"{to}:7000")
            got = client(w, f'print(ask("{outside}", 8080, "sum", b"x" * 100000).decode().split()[0])').strip()
            expect(got == "100000", f"TCP by the outside address: {got}")


# A port that sends to 80 others, then says how many of them have answered, and who.
ASKS_MANY = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5555)); s.settimeout(30)
print("ready", flush=True)
sys.stdin.readline()
for i in range(80): s.sendto(b"x", (sys.argv[2], 7000 + i))
print(*sorted(int(s.recv(100)) for _ in range(64)), flush=True)
s.settimeout(0.3)
try: print("one more:", s.recv(100), flush=True)
except TimeoutError: print("end", flush=True)
"""
ANSWER = """
import socket, sys
six = ":" in sys.argv[1]
socks = []
for i in range(80):
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 7000 + i)); socks.append(s)
print("ready", flush=True)
peers = [s.recvfrom(10)[1] for s in socks]
for s, peer in zip(socks, peers): s.sendto(str(s.getsockname()[1]).encode(), peer)
sys.stdin.read()
"""


def a_port_has_the_64_peers_that_it_has_sent_to_last():
    with World(WEFT) as w:
        for n, (inside, _, far, *_) in enumerate(FAMILIES, 1):
            neighbours_meet(w, far)
            w.spawn("far", ANSWER, far)
            guest = w.spawn("guest", ASKS_MANY, inside, far)
            guest.stdin.write("\n")
            guest.stdin.flush()
            got = [int(word) for word in guest.stdout.readline().split()]
            expect(got == list(range(7016, 7080)), f"{inside} hears from {got}")
            expect(guest.stdout.readline() == "end\n", "of more than 64")
            eventually("the others are counted", lambda n=n: w.control("stats", "--json")["udp_filtered"] == 16 * n)


def mappings_at_their_bound_keep_theirs_and_newcomers_are_dropped():
    """None of 1,024 ports has been idle for a minute: the others have no mapping, and these keep theirs."""
    with World(WEFT) as w:
        echo = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", 7000))
print("ready", flush=True)
while True: s.sendto(*s.recvfrom(100))
"""
        w.spawn("far", echo)
        got = client(w, """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
def port(addr):
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
    s.connect((addr, 7000)); return s
def answers(socks):
    n = 0
    for i in range(0, len(socks), 64):  # as many as fit into the queues on the way
        for s in socks[i:i + 64]: s.send(b"x")
        n += sum(s.recv(1) == b"x" for s in socks[i:i + 64])
    return n
held = [port(sys.argv[1 + i % 2]) for i in range(1124)]
first = answers(held[:1024])
for s in held[1024:]: s.send(b"x")
print(first, answers(held[:1024]))
for s in held[1024:]:
    s.setblocking(False)
    try: sys.exit(f"one more: {s.recv(1)}")
    except BlockingIOError: pass
""", FAR4, FAR6).split()
        expect(got == ["1024", "1024"], f"{got} of 1024 have an answer, and later")
        stats = w.control("stats", "--json")
        expect((stats["mappings"], stats["full"]) == (1024, 100), f"{stats}")


def errors_for_the_guest_are_a_thousand_a_second():
    with World(WEFT, "--deny", "udp,any") as w:
        start = time.monotonic()
        n_sent = 0
        while w.control("stats", "--json")["icmp_errors_limited"] == 0:
            expect(time.monotonic() < start + 30, f"of {n_sent} datagrams each was answered")
            n_sent += int(client(w, """
n = 0
for addr in (sys.argv[1], sys.argv[2]):
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(2500):
        try: n += s.sendto(b"x", (addr, 9))
        except OSError: pass
print(n)
""", FAR4, FAR6))
        stats, seconds = w.control("stats", "--json"), time.monotonic() - start
        expect(stats["denied"] <= n_sent, f"{n_sent} datagrams, denied: {stats}")
        expect(stats["icmp_errors"] + stats["icmp_errors_limited"] == stats["denied"], f"each has an error, or none: {stats}")
        expect(stats["icmp_errors"] <= 1000 * (seconds + 2), f"in {seconds:.1f} s: {stats}")


# Datagrams of many sizes in a row, one a call, or (a segment's size, how many, a shorter one behind) many a call;
# the first bytes of each are its number. A row for each line of stdin, so that no queue on the way has to hold all.
ROW = """
import socket, struct, sys
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
if not six:
    s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: may be fragmented
s.bind((sys.argv[4], 7000)) if len(sys.argv) > 4 else None
s.connect((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
n = 0
for row in eval(sys.argv[3]):
    sys.stdin.readline()
    sizes = [row[0]] * row[1] + list(filter(None, row[2:]))
    parts = [struct.pack("!H", n + i).ljust(size, b"x")[:size] for i, size in enumerate(sizes)]
    n += len(parts)
    if len(row) == 2:
        for part in parts:
            s.send(part)
    else:
        s.sendmsg([b"".join(parts)], [(17, 103, struct.pack("=H", row[0]))])  # UDP_SEGMENT
"""
HEARER = """
import socket, struct, sys
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
s.bind((sys.argv[1], int(sys.argv[2]))); s.settimeout(20)
if len(sys.argv) > 4:
    s.sendto(b"knock", (sys.argv[4], 6000))
print("ready", flush=True)
for _ in range(int(sys.argv[3])):
    data = s.recv(70000)
    print(len(data), struct.unpack("!H", data[:2])[0] if len(data) >= 2 else "-", flush=True)
"""


def rows_pass(world, rows, sender, to, port, hearer, at, answer_from=None, knock_at=None):
    """Each datagram arrives, in its order and its size. How many there were."""
    sizes = [[size] * n + list(filter(None, rest)) for size, n, *rest in rows]
    n = 0
    says = world.spawn(sender, ROW, to, str(port), repr(rows), *filter(None, [answer_from]))
    hears = world.spawn(hearer, HEARER, at, "7000", str(sum(map(len, sizes))), *filter(None, [knock_at]))
    for row in sizes:
        says.stdin.write("\n")
        says.stdin.flush()
        got = [hears.stdout.readline().strip() for _ in row]
        want = [f"{size} {n + i if size >= 2 else '-'}" for i, size in enumerate(row)]
        expect(got == want, f"{sender} to {to}: {[pair for pair in zip(got, want) if pair[0] != pair[1]][:5]}")
        n += len(row)
    hears.wait()
    return n


def neighbours_meet(w, far):
    """Whoever is on the way knows the next one's address afterwards: what waits for it may be overtaken."""
    done = run("ip", "netns", "exec", w.names["guest"], "ping", "-c1", "-W5", far, check=False)
    expect(done.returncode == 0, f"{far} answers: {done.stdout}")


def datagrams_that_go_together_arrive_as_they_were_sent():
    rows = [(100, 70), (60, 1), (100, 3), (1, 1), (0, 1), (1400, 40), (1399, 1), (1400, 2), (4000, 2), (500, 40, 7),
            (1200, 5, 0), (2, 60, 0)]
    forwards = [f"udp,{HOST4}:6000,{GUEST4}:7000", f"udp,[{HOST6}]:6000,[{GUEST6}]:7000"]
    with World(WEFT, *(word for f in forwards for word in ("--forward", f))) as w:
        n = 0
        for far, host, guest in (FAR4, HOST4, GUEST4), (FAR6, HOST6, GUEST6):
            neighbours_meet(w, far)
            n += rows_pass(w, rows, "guest", far, 7000, "far", far)
            rows_pass(w, rows, "far", host, 6000, "guest", guest)
            # What answers a client of a forward, which has knocked.
            n += rows_pass(w, rows, "guest", far, 7000, "far", far, answer_from=guest, knock_at=host)
        stats = w.control("stats", "--json")
        expect((stats["udp_out"], stats["udp_in"]) == (n, n // 2 + 2), f"each is counted: {stats}")


def datagrams_too_large_for_the_way_go_one_by_one():
    with World(WEFT) as w:
        for name, dev in ("host", "v0"), ("far", "v1"):
            w.ip(name, "link", "set", dev, "mtu", "1000")
        neighbours_meet(w, FAR4)
        rows_pass(w, [(1400, 30), (900, 10), (1300, 8, 0)], "guest", FAR4, 7000, "far", FAR4)


def a_ping_to_an_unused_address_is_never_answered():
    with World(WEFT) as w:
        for addr in "192.0.2.77", "10.0.2.77", "198.51.100.1", "2001:db8:2::77", "fd00::77", "2001:db8:99::1":
            done = run("ip", "netns", "exec", w.names["guest"], "ping", "-c2", "-i0.3", "-W1", addr, check=False)
            expect(done.returncode == 1 and "bytes from" not in done.stdout, f"{addr}: {done.stdout}")
        stats = w.control("stats", "--json")
        expect(stats["echo_in"] == 0 and stats["echo_out"] > 0, f"{stats}")
        done = run("ip", "netns", "exec", w.names["guest"], "ping", "-c1", "-W2", FAR4)
        expect("1 received" in done.stdout, "somebody who is there")


def a_host_without_ping_sockets_is_named_and_hinted_at():
    with World(WEFT) as w:
        w.sysctl("host", "net.ipv4.ping_group_range", "1 0")
        for addr in FAR4, FAR6:
            done = run("ip", "netns", "exec", w.names["guest"], "ping", "-c1", "-W1", addr, check=False)
            expect(done.returncode == 1 and "bytes from" not in done.stdout, f"{addr}: {done.stdout}")
        stats = w.control("stats", "--json")
        expect(stats["echo_not_allowed"] == 2 and "net.ipv4.ping_group_range" in stats["ping_hint"], f"{stats}")
        expect("sysctl net.ipv4.ping_group_range" in w.control("stats"), "the hint in words")


def mappings_go_after_their_time_whoever_sends_from_outside():
    with World(WEFT, "--udp-timeout", "2", "--udp-filtering", "none") as w:
        guest, peer = Port(w, "guest", GUEST4, 5555), Port(w, "far", FAR4, 7001)
        stranger = Port(w, "far", FAR4, 7003)
        guest.say("192.0.2.2", 7001, "out")
        expect(peer.hears()[:1] == ["out"], "out")
        w.ip("far", "addr", "add", "192.0.2.3/24", "dev", "v1")
        stranger.proc.stdin.close()
        stranger = Port(w, "far", "192.0.2.3", 7004)
        # Somebody whom the guest has not sent to gets in, but does not keep the mapping (REQ-6).
        for _ in range(20):
            stranger.say(HOST4, 5555, "knock")
            time.sleep(0.5)
            if w.control("stats", "--json")["mappings"] == 0:
                break
        expect(w.control("stats", "--json")["mappings"] == 0, "a stranger keeps a mapping alive")
        # The guest itself does.
        for _ in range(12):
            guest.say("192.0.2.2", 7001, "on")
            time.sleep(0.7)
            expect(w.control("stats", "--json")["mappings"] == 1, "a mapping that is used went")


def many_ports_are_one_forward():
    with World(WEFT) as w:
        w.control("forward", "add", "tcp", f"{HOST4}:20000-20999", f"{GUEST4}:30000")
        expect(w.control("stats", "--json")["descriptors"] >= 1000, "a socket a port")
        for port in "30000", "30500", "30999":
            w.spawn("guest", SERVER, port)
        got = client(w, f"""
for port in 20000, 20500, 20999:
    print(ask("{HOST4}", port, "sum", b"x" * port).decode().split()[0])
print(fails("{HOST4}", 19999), fails("{HOST4}", 21000))
""", where="far").split()
        expect(got == ["20000", "20500", "20999", "ECONNREFUSED", "ECONNREFUSED"], f"{got}")
        one, = w.control("forward", "--json")
        expect(one["accepted"] == 3 and one["state"] == "listening", f"{one}")
        w.control("forward", "del", "1")
        eventually("descriptors go with the forward", lambda: w.control("stats", "--json")["descriptors"] < 20)
        # The port is free again, for anybody of the host.
        w.spawn("host", SERVER, "20500")


# A connection that says what stdin says, and what comes back.
TALKER = """
import socket, sys
s = socket.create_connection((sys.argv[1], 7000)); s.settimeout(30); s.sendall(b"echo\\n")
print("ready", flush=True)
for line in sys.stdin:
    try:
        s.sendall(line.encode()); print(s.recv(100).decode().strip() or "end", flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
"""


def connections_whose_address_the_host_has_lost_are_reset():
    with World(WEFT) as w:
        w.ip("host", "addr", "add", "2001:db8:2::10/64", "dev", "v0", "nodad", "preferred_lft", "0")
        w.spawn("far", SERVER, "7000")
        four, six = w.spawn("guest", TALKER, FAR4), w.spawn("guest", TALKER, FAR6)

        def says(talker, word):
            talker.stdin.write(word + "\n")
            talker.stdin.flush()
            return talker.stdout.readline().strip()

        expect(says(four, "one") == "one" and says(six, "one") == "one", "the connections")
        w.ip("host", "addr", "del", f"{HOST6}/64", "dev", "v0")
        # Back at once: nothing happens.
        w.ip("host", "addr", "del", f"{HOST4}/24", "dev", "v0")
        w.ip("host", "addr", "add", f"{HOST4}/24", "dev", "v0")
        eventually("one is reset", lambda: w.control("stats", "--json")["tcp_addr_gone"] == 1, 20)
        expect(says(six, "two") in ("ConnectionResetError", "BrokenPipeError"), "the guest hears of it")
        expect(says(four, "two") == "two", "the other lives")
        got = client(w, f'print(ask("{FAR6}", 7000, "peer").decode())')
        expect("2001:db8:2::10" in got, f"the next has another address: {got}")


def ipv6_forwards_and_low_ports_work_from_the_start():
    args = ["--forward", f"tcp,[{HOST6}]:88,[{GUEST6}]:7000", "--forward", "tcp,[::1]:8080", "--forward", f"tcp,{HOST4}:80,{GUEST4}:7000",
            "--forward", f"udp,[{HOST6}]:5353,[{GUEST6}]:5555"]
    with World(WEFT, *args) as w:
        w.spawn("guest", SERVER, "7000")
        w.spawn("guest", SERVER, "8080")
        peer = 'print(ask(sys.argv[1], int(sys.argv[2]), "peer").decode())'
        # From elsewhere with its own address; from the host's loopback as the gateway.
        expect(client(w, peer, HOST6, "88", where="far").startswith(f"{FAR6} "), "the client's address")
        expect(client(w, peer, HOST4, "80", where="far").startswith(f"::ffff:{FAR4} "), "the client's IPv4 address")
        expect(client(w, peer, "::1", "8080", where="host").startswith("fd00::2 "), "from the loopback")
        guest, far = Port(w, "guest", GUEST6, 5555), Port(w, "far", FAR6, 7001)
        far.say(HOST6, 5353, "in")
        expect(guest.hears() == ["in", FAR6, "7001"], "a datagram")
        guest.say(FAR6, 7001, "back")
        expect(far.hears() == ["back", HOST6, "5353"], "and its answer")
        # Later it is without rights.
        said = w.control("forward", "add", "tcp", f"{HOST4}:81", status=1)
        expect("ip_unprivileged_port_start" in said, said)


OWN4, OWN6 = "192.0.2.9", "2001:db8:2::9"

# Says who pings: a line for each of both families.
PINGED = """
import select, socket
socks = [socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
         socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)]
print("ready", flush=True)
while True:
    for s in select.select(socks, [], [])[0]:
        data, peer = s.recvfrom(2000)
        if data[20 if s.family == socket.AF_INET else 0] in (8, 128):
            print(peer[0], flush=True)
"""


class OutboundWorld(World):
    """The host has a second address of each family, and the guest's traffic leaves by those."""

    def start(self):
        self.ip("host", "addr", "add", f"{OWN4}/24", "dev", "v0")
        self.ip("host", "addr", "add", f"{OWN6}/64", "dev", "v0", "nodad")
        self.args += ["--outbound", OWN4, "--outbound", OWN6]
        super().start()


def what_leaves_has_the_outbound_address_and_its_loss_is_told():
    with OutboundWorld(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        pinged = w.spawn("far", PINGED)
        for addr, own, guest in (FAR4, OWN4, GUEST4), (FAR6, OWN6, GUEST6):
            said = client(w, 'print(ask(sys.argv[1], 7000, "peer").decode())', addr)
            expect(said.split()[0].removeprefix("::ffff:") == own, f"TCP comes from {said}")
            far, port = Port(w, "far", addr, 7001), Port(w, "guest", guest, 5000)
            port.say(addr, 7001, "hello")
            expect(far.hears() == ["hello", own, "5000"], "UDP comes from elsewhere")
            w.run("guest", "ping", "-c1", "-W5", addr)
            said = pinged.stdout.readline()
            expect(said == own + "\n", f"a ping comes from {said}")
        w.ip("host", "addr", "del", f"{OWN4}/24", "dev", "v0")
        w.ip("host", "addr", "del", f"{OWN6}/64", "dev", "v0")
        for addr, level, recverr in (FAR4, socket.IPPROTO_IP, 11), (FAR6, socket.IPPROTO_IPV6, 25):
            expect(client(w, """
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(int(sys.argv[2]), int(sys.argv[3]), 1); s.settimeout(10)
s.connect((sys.argv[1], 9)); s.send(b"x")
try: s.recv(1)
except OSError as e: print(errno.errorcode.get(e.errno, e))
print(fails(sys.argv[1], 7000))
""", addr, str(level), str(recverr)).split() == ["ENETUNREACH"] * 2, f"the guest is not told about {addr}")
            done = w.run("guest", "ping", "-c1", "-W5", addr, check=False)
            expect("nreachable" in done.stdout or "No route" in done.stdout, f"ping: {done.stdout}")
        said = w.tool_of_lab("why")
        expect("Cannot assign requested address" in said and "--outbound names" in said, said)
        expect(w.control("stats", "--json")["full"] == 0, "no limit was met")


def options_that_are_wrong_are_refused():
    for args in (["--allow", "tcp"], ["--deny", "sctp,any"], ["--deny", "tcp,10.0.0.0/33"], ["--deny", "icmp,any,1"],
                 ["--allow", "tcp,any,9-8"], ["--allow", "tcp,any,1,2"], ["--udp-filtering", "some"],
                 ["--udp-timeout", "0"], ["--outbound", "9.9.9.9"], ["--outbound", "2001:db8::9"], ["--outbound", "nosuch0"]):
        done = subprocess.run([WEFT, "gateway", "--pid", "1", *args], capture_output=True, text=True, timeout=20,
                              check=False)
        expect(done.returncode == 2 and args[1] in done.stderr, f"{args}: {done.returncode} {done.stderr}")


if __name__ == "__main__":
    main([rules_decide_by_prefix_protocol_and_port, rules_come_and_go_while_it_runs, only_whom_the_guest_has_sent_to_answers,
          any_port_of_an_address_answers_with_address_filtering, anybody_answers_without_filtering,
          two_ports_of_the_guest_meet_by_the_outside_address, a_port_has_the_64_peers_that_it_has_sent_to_last,
          mappings_at_their_bound_keep_theirs_and_newcomers_are_dropped, errors_for_the_guest_are_a_thousand_a_second,
          datagrams_that_go_together_arrive_as_they_were_sent,
          datagrams_too_large_for_the_way_go_one_by_one, a_ping_to_an_unused_address_is_never_answered,
          connections_whose_address_the_host_has_lost_are_reset, ipv6_forwards_and_low_ports_work_from_the_start,
          a_host_without_ping_sockets_is_named_and_hinted_at, options_that_are_wrong_are_refused,
          what_leaves_has_the_outbound_address_and_its_loss_is_told,
          many_ports_are_one_forward, mappings_go_after_their_time_whoever_sends_from_outside])
