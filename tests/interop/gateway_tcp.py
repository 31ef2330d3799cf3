#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""TCP through the gateway: what each state on one side becomes on the other, in both families.

usage: gateway_tcp.py WEFT [CASE...]

Prints a line `ok - NAME` or `not ok - NAME` a case. Needs root, for the namespaces that it makes.
"""
import hashlib
import re
import socket
import sys
import threading
import time

from gateway_kit import (FAR4, FAR6, GUEST4, GUEST6, GW4, HOST4, CLIENT, SERVER, World, client, eventually, expect, main)

WEFT = sys.argv[1]


def both_ways_every_size_arrives_as_it_was():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        for addr in (FAR4, FAR6):
            client(w, """
for n in (0, 1, 1459, 1460, 1461, 65535, 65536, 1000003, 30000001):
    data = os.urandom(n)
    got = ask(sys.argv[1], 7000, "sum", data)
    assert got == f"{n} {hashlib.sha256(data).hexdigest()}\\n".encode(), (n, got)
    if n < 2000000:
        assert ask(sys.argv[1], 7000, "echo", data) == data, n
for n in (1, 65536, 50000000):
    want = hashlib.sha256((bytes(range(256)) * (n // 256 + 1))[:n]).hexdigest()
    assert hashlib.sha256(ask(sys.argv[1], 7000, f"give {n}")).hexdigest() == want, n
""", addr)


def refused_unreachable_and_silent_are_told_apart():
    with World(WEFT) as w:
        # A neighbour that does not exist is unreachable at once, an address that swallows is silent.
        w.ip("host", "route", "add", "unreachable", "198.51.100.0/24")
        w.ip("host", "route", "add", "prohibit", "203.0.113.0/24")
        w.ip("host", "-6", "route", "add", "unreachable", "2001:db8:66::/48")
        got = client(w, """
for addr, port in (("%s", 9), ("%s", 9), ("198.51.100.7", 80), ("203.0.113.7", 80), ("2001:db8:66::1", 80),
                   ("198.18.0.1", 80), ("10.0.2.2", 80), ("10.0.2.2", 7)):
    print(fails(addr, port))
""" % (FAR4, FAR6))
        want = ["ECONNREFUSED", "ECONNREFUSED", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH", "ENETUNREACH",
                "ECONNREFUSED", "ECONNREFUSED"]
        expect(got.split() == want, f"{got.split()}, not {want}")


def no_syn_ack_before_the_host_has_connected():
    with World(WEFT) as w:
        # Nobody answers ARP there: the host's connect takes its time, and fails.
        got = client(w, """
s = socket.socket(); s.setblocking(False)
assert s.connect_ex(("192.0.2.77", 80)) == errno.EINPROGRESS
time.sleep(1)
print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0])
""")
        expect(got.split() == ["2"], f"state {got.strip()} after a second, not SYN-SENT")


def one_direction_ends_and_the_other_goes_on():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        client(w, """
for addr in sys.argv[1:]:
    # The guest ends first: `sum` answers after that.
    assert ask(addr, 7000, "sum", b"x" * 100000).startswith(b"100000 ")
    # The host ends first, and goes on reading.
    s = connect(addr, 7000)
    s.sendall(b"give 10\\n")
    assert s.recv(100, socket.MSG_WAITALL) == bytes(range(10))
    assert s.recv(1) == b""
    s.close()
""", FAR4, FAR6)


def a_reset_on_one_side_is_one_on_the_other():
    with World(WEFT) as w:
        server = w.spawn("far", SERVER, "7000")
        client(w, """
for addr in sys.argv[1:]:
    s = connect(addr, 7000)
    s.sendall(b"reset\\n")
    try:
        s.recv(1)
        sys.exit("no reset")
    except ConnectionResetError:
        pass
    s = connect(addr, 7000)
    s.sendall(b"until\\n")
    assert s.recv(1) == b"!"
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
""", FAR4, FAR6)
        for _ in range(2):
            line = server.stdout.readline()
            expect(line == "reset\n", f"the server saw {line!r}")


def who_does_not_read_stops_the_sender_within_bounds():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        before = w.rss_kib()
        sender = threading.Thread(target=lambda: client(w, """
s = connect(sys.argv[1], 7000)
s.sendall(b"hold 3\\n")
n, block = 0, b"x" * 65536
end = time.monotonic() + 2
s.setblocking(False)
while time.monotonic() < end:
    try:
        n += s.send(block)
    except BlockingIOError:
        time.sleep(0.02)
assert n < 40000000, n
s.setblocking(True)
s.sendall(b"y" * 1000000)
s.shutdown(socket.SHUT_WR)
assert int(s.makefile().readline()) == n + 1000000
""", FAR4))
        sender.start()
        time.sleep(1.5)
        held = w.rss_kib() - before
        sender.join()
        expect(held < 49152, f"the gateway holds {held} KiB for a connection whose reader sleeps")
        # And the other way: the guest does not read, until it is told to.
        before = w.rss_kib()
        guest = w.spawn("guest", CLIENT + """
s = connect(sys.argv[1], 7000)
s.sendall(b"give 100000000\\n")
print("ready", flush=True)
sys.stdin.readline()
n = 0
while True:
    d = s.recv(1 << 20)
    if not d:
        break
    n += len(d)
print(n, flush=True)
""", FAR4)
        eventually("it waits for the guest", lambda: [f["wait"] for f in w.control("flows", "--json")] == ["guest-window"], 30)
        held = w.rss_kib() - before
        expect(held < 8192, f"the gateway holds {held} KiB for a guest that does not read")  # 2048 may wait
        guest.stdin.write("go\n")
        guest.stdin.flush()
        expect(guest.stdout.readline() == "100000000\n", "not all has come")


def a_thousand_at_once_complete():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        client(w, """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
socks = []
for i in range(1000):
    s = socket.socket(); s.setblocking(False)
    s.connect_ex((sys.argv[1], 7000)); socks.append(s)
for s in socks:
    s.settimeout(30)
for i, s in enumerate(socks):
    for _ in range(300):
        try:
            s.sendall(f"give {1000 + i}\\n".encode()); break
        except OSError as e:
            if e.errno not in (errno.ENOTCONN, errno.EAGAIN): raise
            time.sleep(0.05)
for i, s in enumerate(socks):
    n = 0
    while True:
        d = s.recv(65536)
        if not d:
            break
        n += len(d)
    assert n == 1000 + i, (i, n)
    s.close()
""", FAR4)
        eventually("descriptors go with the connections", lambda: w.n_fds() < 100, 20)


def a_side_that_dies_takes_the_connection_along():
    with World(WEFT) as w:
        server = w.spawn("far", SERVER, "7000")
        idle = w.n_fds()
        guest = w.spawn("guest", CLIENT + """
socks = [connect(sys.argv[1], 7000) for _ in range(50)]
for s in socks: s.sendall(b"echo\\n")
print("ready", flush=True)
time.sleep(60)
""", FAR4)
        expect(w.n_fds() >= idle + 50, "fifty connections are not fifty sockets")
        guest.kill()
        eventually("descriptors go with the guest's program", lambda: w.n_fds() <= idle + 1)
        guest = w.spawn("guest", CLIENT + """
socks = [connect(sys.argv[1], 7000) for _ in range(50)]
for s in socks:
    s.sendall(b"echo\\n!")
    assert s.recv(1) == b"!"
print("ready", flush=True)
for s in socks: assert s.recv(1) == b""
print("gone", flush=True)
""", FAR4)
        server.kill()
        expect(guest.stdout.readline() == "gone\n", "the guest's program does not see the server's end")
        guest.wait()
        eventually("descriptors go with the server", lambda: w.n_fds() <= idle + 1)


def a_peer_gone_without_a_word_is_asked_within_a_minute():
    """Sixty seconds idle, on either side; the questions and their end are the kernels' own, and ours."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        w.spawn("guest", SERVER, "7001")
        w.control("forward", "add", "tcp", f"{HOST4}:8080", f"{GUEST4}:7001")
        for where, addr, port in ("guest", FAR4, "7000"), ("guest", FAR6, "7000"), ("far", HOST4, "8080"):
            w.spawn(where, CLIENT + """
s = connect(sys.argv[1], int(sys.argv[2])); s.sendall(b"echo\\n!"); assert s.recv(1) == b"!"
print("ready", flush=True); sys.stdin.readline()
""", addr, port)

        def idle(text):
            """Seconds until each timer of a connection that stands asks."""
            found = re.findall(r"timer:\((\w+),(?:(\d+)min)?(?:([\d.]+)sec)?", text)
            return [int(m or 0) * 60 + float(s or 0) for name, m, s in found if name == "keepalive"]

        for said in lambda: w.run("host", "ss", "-Htno").stdout, lambda: w.tool("ss", "-to"):
            eventually("all three are idle", lambda s=said: len(idle(s())) == 3, 30)
            expect(all(0 < s <= 60 for s in idle(said())), said())


def loopback_of_the_host_is_closed_unless_it_is_allowed():
    for args, want in (([], "ECONNREFUSED"), (["--allow-host-loopback"], "connected")):
        with World(WEFT, *args) as w:
            w.spawn("host", SERVER, "7000")
            got = client(w, """
print(fails("%s", 7000))
print(fails("fd00::2", 7000))
""" % GW4).split()
            expect(got == [want, want], f"with {args}: {got}")


def forwards_bring_clients_in_with_their_addresses():
    with World(WEFT, "--forward", f"tcp,{HOST4}:8080,{GUEST4}:7000", "--forward", "tcp,[::]:8086,[fd00::100]:7000",
               "--forward", f"tcp,{HOST4}:8081,{GUEST4}:9") as w:
        w.spawn("guest", SERVER, "7000")
        got = client(w, """
print(ask("192.0.2.1", 8080, "peer").decode(), end="")
print(ask("2001:db8:2::1", 8086, "peer").decode(), end="")
data = os.urandom(5000001)
assert ask("192.0.2.1", 8080, "sum", data) == f"{len(data)} {hashlib.sha256(data).hexdigest()}\\n".encode()
assert len(ask("192.0.2.1", 8080, "give 20000000")) == 20000000
# A guest that does not listen: the client is reset.
try:
    s = connect("192.0.2.1", 8081)
    print(s.recv(1))
except ConnectionResetError:
    print("reset")
""", where="far").split()
        expect(got[0] == "::ffff:192.0.2.2" and got[2] == FAR6 and got[4] == "reset", f"the guest saw {got}")
        # A client on the host's loopback has no address that the guest could answer.
        got = client(w, 'print(ask("192.0.2.1", 8080, "peer").decode(), end="")', where="host").split()
        expect(got[0] == "::ffff:192.0.2.1", f"a client of the host itself appears as {got}")


def a_guest_that_speaks_for_others_is_not_heard():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        w.ip("guest", "addr", "add", "172.16.0.1/32", "dev", "tap0")
        got = client(w, """
s = socket.socket(); s.bind(("172.16.0.1", 0)); s.settimeout(2)
try:
    s.connect((sys.argv[1], 7000)); print("connected")
except TimeoutError:
    print("silence")
""", FAR4).strip()
        expect(got == "silence", f"from a foreign address: {got}")


URGENT = """
import socket, sys
s = socket.create_server(("0.0.0.0", 7000)); print("ready", flush=True)
c, _ = s.accept()
for i in range(200):
    c.sendall(b"a" * 999)
    c.send(b"!", socket.MSG_OOB)
c.sendall(b"end")
c.recv(1)
"""


def urgent_bytes_stay_in_their_place():
    """The host's reads stop at each mark; what is behind it comes all the same, with the end still far."""
    with World(WEFT) as w:
        w.spawn("far", URGENT)
        client(w, """
s = connect(sys.argv[1], 7000)
s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
got = b""
while len(got) < 200003:
    d = s.recv(1 << 20)
    assert d, len(got)
    got += d
assert got == (b"a" * 999 + b"!") * 200 + b"end"
""", FAR4)


def a_flood_of_syns_leaves_others_alive():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        # Nobody is at these addresses: the host's connects stay under way.
        client(w, """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
socks = []
for i in range(3000):
    s = socket.socket(); s.setblocking(False)
    s.connect_ex(("192.0.2.%d" % (10 + i % 200), 1 + i)); socks.append(s)
time.sleep(7)
assert ask(sys.argv[1], 7000, "sum", b"x" * 1000).startswith(b"1000 ")
""", FAR4)
        expect(w.rss_kib() < 400000, f"{w.rss_kib()} KiB")
        expect(w.n_fds() < 1400, f"{w.n_fds()} descriptors")


if __name__ == "__main__":
    main([both_ways_every_size_arrives_as_it_was, refused_unreachable_and_silent_are_told_apart,
          no_syn_ack_before_the_host_has_connected, one_direction_ends_and_the_other_goes_on,
          a_reset_on_one_side_is_one_on_the_other, who_does_not_read_stops_the_sender_within_bounds,
          a_thousand_at_once_complete, a_side_that_dies_takes_the_connection_along,
          a_peer_gone_without_a_word_is_asked_within_a_minute,
          loopback_of_the_host_is_closed_unless_it_is_allowed, forwards_bring_clients_in_with_their_addresses,
          a_guest_that_speaks_for_others_is_not_heard, urgent_bytes_stay_in_their_place,
          a_flood_of_syns_leaves_others_alive])
