#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A gateway under mixed load, for as long as one likes: connections both ways that are killed at random on both
sides, datagrams, pings, a guest that sends garbage, a host whose address changes. Afterwards nothing is left.

usage: gateway_soak.py WEFT [SECONDS]

What must hold: memory is flat from the first quarter on, descriptors and connections are those of before, and
doing nothing costs nothing. Prints figures as it goes. Needs root, for the namespaces that it makes.
"""
import os
import random
import statistics
import subprocess
import sys
import time

from gateway_kit import CLIENT, FAR4, FAR6, GUEST4, GUEST6, HOST4, HOST6, SERVER, World, client, eventually, expect, main

WEFT = sys.argv[1]
SECONDS = float(sys.argv.pop(2)) if len(sys.argv) > 2 and sys.argv[2][0].isdigit() else 20
OTHER4, OTHER6 = "192.0.2.7", "2001:db8:2::7"  # what the host's addresses change to

DATAGRAMS = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", %d))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(65536)
    try:
        s.sendto(data, peer)
    except OSError:
        pass
"""

# Does one thing after the other, at random; says what came of them at the end of its input. Anything may fail
# while the host has another address, but what arrives is right.
LOAD = CLIENT + """
import random, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
rng = random.Random(int(sys.argv[1]))
where = [(a, int(p)) for a, p in (w.rsplit("/", 1) for w in sys.argv[2].split(","))]
datagrams = [(a, int(p)) for a, p in (w.rsplit("/", 1) for w in sys.argv[3].split(","))]
done, failed, wrong = {}, {}, []
ending = threading.Event()

def connect(addr, port):
    return socket.create_connection((addr, port), 4)

def kill(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()

def all_of(s, most=1 << 30):
    n = 0
    while n < most:
        d = s.recv(1 << 18)
        if not d:
            break
        n += len(d)
    return n

def op_sum(to):
    data = rng.randbytes(rng.choice((0, 1, 1460, 70000, 900000)))
    got = ask(*to, "sum", data)
    if got and got != f"{len(data)} {hashlib.sha256(data).hexdigest()}\\n".encode():
        wrong.append(("sum", len(data), got))

def op_give(to):
    n = rng.choice((1, 1000, 100000, 3000000)); got = len(ask(*to, f"give {n}"))
    if got > n:
        wrong.append(("give", n, got))

def op_killed_by_us(to):
    s = connect(*to); s.sendall(b"give 5000000\\n"); all_of(s, rng.choice((1, 100000, 2000000))); kill(s)

def op_killed_by_us_in_writing(to):
    s = connect(*to); s.sendall(b"sum\\n" + bytes(rng.choice((10, 200000)))); kill(s)

def op_killed_by_them(to):
    s = connect(*to); s.sendall(b"reset\\n")
    try:
        s.recv(1)
    except ConnectionResetError:
        pass

def op_closed_unread(to):
    s = connect(*to); s.sendall(b"give 2000000\\n"); s.recv(1); s.close()

def op_slow(to):
    s = connect(*to); s.sendall(b"hold 0.5\\n" + bytes(rng.choice((10, 1000000)))); s.shutdown(socket.SHUT_WR); all_of(s)

def op_nobody(to):
    try:
        connect(to[0], 9)
    except ConnectionRefusedError:
        pass

def op_left_open(to):
    s = connect(*to); s.sendall(b"echo\\nx"); s.recv(1); time.sleep(rng.random()); s.close()

def op_datagrams(to):
    to = rng.choice(datagrams)
    s = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
    for _ in range(20):
        data = rng.randbytes(rng.choice((0, 100, 1400, 9000)))
        s.sendto(data, to)
        try:
            got = s.recv(65536)
        except TimeoutError:
            continue
        if len(got) not in (0, 100, 1400, 9000):
            wrong.append(("datagram", len(data), len(got)))
    s.close()

OPS = [op_sum, op_give, op_killed_by_us, op_killed_by_us_in_writing, op_killed_by_them, op_closed_unread, op_slow, op_nobody,
       op_left_open, op_datagrams]

def work():
    while not ending.is_set():
        op = rng.choice(OPS)
        try:
            op(rng.choice(where)); done[op.__name__] = done.get(op.__name__, 0) + 1
        except (OSError, ValueError) as e:
            failed[type(e).__name__] = failed.get(type(e).__name__, 0) + 1

threads = [threading.Thread(target=work) for _ in range(int(sys.argv[4]))]
for t in threads: t.start()
print("ready", flush=True)
sys.stdin.read()
ending.set()
for t in threads: t.join()
print(sum(done.values()), sum(failed.values()), len(done), repr(failed), wrong[:3], sep="|", flush=True)
"""

# Frames of every kind with something wrong in them, 500 a second.
GARBAGE = """
import random, socket, struct, sys, time
rng = random.Random(7)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("tap0", 0))
me = s.getsockname()[4]
gw = bytes.fromhex(sys.argv[1].replace(":", ""))
def ip4(proto, payload):
    head = bytearray(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), rng.randrange(65536), 0, 64, proto, 0,
                     socket.inet_aton("10.0.2.100"), socket.inet_aton(rng.choice(("192.0.2.2", "10.0.2.2", "10.0.2.3", "8.8.8.8")))))
    if rng.random() < 0.3:
        head[6:8] = struct.pack(">H", rng.choice((0x2000, 0x2001, 0x1fff, 0x0010, 0x3fff)))
    if rng.random() < 0.2:
        head[rng.randrange(20)] = rng.randrange(256)
    head[10:12] = b"\\0\\0"
    t = sum(struct.unpack(">10H", bytes(head))); t = (t & 65535) + (t >> 16); t = (t & 65535) + (t >> 16)
    head[10:12] = struct.pack(">H", 65535 - t)
    return b"\\x08\\0" + head + payload
def ip6(proto, payload):
    src, dst = (socket.inet_pton(socket.AF_INET6, a) for a in ("fd00::100", rng.choice(("2001:db8:2::2", "fd00::2", "ff02::1", "fd00::3"))))
    return b"\\x86\\xdd" + struct.pack(">IHBB", 6 << 28, rng.choice((len(payload), len(payload), 0, 65535)), proto, 64) + src + dst + payload
print("ready", flush=True)
while True:
    body = rng.randbytes(rng.choice((0, 4, 8, 20, 28, 40, 200, 1400)))
    kind = rng.randrange(5)
    if kind == 0:
        frame = rng.choice((b"\\x08\\x06", b"\\x08\\0", b"\\x86\\xdd", b"\\x81\\0", rng.randbytes(2))) + body
    elif kind == 1:
        frame = b"\\x08\\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, rng.randrange(3)) + rng.randbytes(20)
    elif kind == 2:
        frame = ip6(rng.choice((0, 6, 17, 43, 44, 58, 60)), body)
    else:
        frame = ip4(rng.choice((1, 2, 6, 17, 47)), body)
    try:
        s.send(rng.choice((gw, gw, b"\\xff" * 6)) + me + frame)
    except OSError:
        pass
    time.sleep(0.002)
"""


def addresses_change(w, to_other):
    """The host gives up the addresses that it had, and has others."""
    old, new = ((HOST4, HOST6), (OTHER4, OTHER6))[::1 if to_other else -1]
    for i, bits in ((0, 24), (1, 64)):
        nodad = ["nodad"] if i else []
        w.ip("host", "addr", "add", f"{new[i]}/{bits}", "dev", "v0", *nodad)
        w.ip("host", "addr", "del", f"{old[i]}/{bits}", "dev", "v0")


def holder_dies(w, rng):
    """A program with twenty open connections is killed."""
    where, to = rng.choice((("guest", FAR4), ("guest", FAR6)))
    p = subprocess.Popen(["ip", "netns", "exec", w.names[where], sys.executable, "-c", CLIENT + """
held = []
for i in range(20):
    try:
        s = connect(sys.argv[1], 7000, 3); s.sendall(b"give 1000000\\n" if i % 2 else b"echo\\nx"); held.append(s)
    except OSError:
        pass
print("ready", flush=True)
time.sleep(600)
""", to], stdout=subprocess.PIPE)
    p.stdout.readline()
    p.kill()
    p.wait()
    p.stdout.close()


def peak(w):
    """More at once than the load will have: what memory is taken for it stays, and what comes after needs no more.
    So what has been lost in between is seen when it is done again. In KiB."""
    client(w, """
def run(i):
    s = connect(sys.argv[1 + i % 2], 7000); s.sendall(b"give 3000000\\n" if i % 3 else b"sum\\n" + bytes(2000000))
    s.shutdown(socket.SHUT_WR)
    if i % 5 == 0: time.sleep(1)
    while s.recv(65536): pass
threads = [threading.Thread(target=run, args=(i,)) for i in range(150)]
for t in threads: t.start()
for t in threads: t.join()
""", FAR4, FAR6)
    eventually("nothing is open", lambda: w.control("stats", "--json")["flows"] == 0, 20)
    return w.rss_kib()


def loads(w):
    """Those of the guest, and of those who come to it by forwards."""
    out = f"{FAR4}/7000,{FAR6}/7000"
    into = f"{HOST4}/8080,{HOST6}/8080,{OTHER4}/8080,{OTHER6}/8080"
    return [w.spawn("guest", LOAD, "1", out, f"{FAR4}/7001,{FAR6}/7001", "6"),
            w.spawn("far", LOAD, "2", into, f"{HOST4}/8081,{HOST6}/8081", "4")]


def soak(w, seconds):
    """Memory at intervals, in KiB."""
    rng = random.Random(3)
    start, samples, is_other, turn = time.monotonic(), [], False, 0
    while time.monotonic() - start < seconds:
        time.sleep(min(5, seconds / 10))
        turn += 1
        samples.append(w.rss_kib())
        if turn % 2 == 0:
            is_other = not is_other
            addresses_change(w, is_other)
        if turn % 3 == 0:
            holder_dies(w, rng)
        if turn % 12 == 0:
            s = w.control("stats", "--json")
            print(f"# {time.monotonic() - start:.0f} s: {samples[-1]} KiB, {s['flows']} connections, {s['mappings']} mappings, "
                  f"{w.n_fds()} descriptors, {w.cpu_s():.1f} s of CPU, {s['tcp_opened']} opened, {s['tcp_reset']} reset", flush=True)
    if is_other:
        addresses_change(w, False)
    # What still speaks to the other address finds it, as when a machine comes back to a network.
    w.ip("host", "addr", "add", f"{OTHER4}/24", "dev", "v0")
    w.ip("host", "addr", "add", f"{OTHER6}/64", "dev", "v0", "nodad")
    return samples


def ends(p):
    """A load ends: what it has done."""
    out, _ = p.communicate(timeout=120)
    n_done, n_failed, n_kinds, failed, wrong = out.strip().split("|")
    print(f"# {n_done} done, {n_failed} failed {failed}", flush=True)
    expect(wrong == "[]", f"what arrived was wrong: {wrong}")
    expect(int(n_done) > SECONDS and int(n_kinds) >= 9, f"little was done: {n_done} of {n_kinds} kinds")


def mixed_load_leaves_nothing_behind():
    args = ["--udp-timeout", "5"]
    for proto, port, to in (("tcp", 8080, 7000), ("udp", 8081, 7001)):
        args += ["--forward", f"{proto},0.0.0.0:{port},{GUEST4}:{to}", "--forward", f"{proto},[::]:{port},[{GUEST6}]:{to}"]
    with World(WEFT, *args) as w:
        w.sysctl("host", "net.ipv4.conf.all.promote_secondaries", "1")
        for where in "far", "guest":
            w.spawn(where, SERVER, "7000")
            w.spawn(where, DATAGRAMS % 7001)
        client(w, 'assert ask(sys.argv[1], 7000, "sum", b"x").startswith(b"1 ")', FAR4)
        most = max(peak(w), peak(w))
        n_fds = w.n_fds()
        running = loads(w)
        mac = next(line.split()[4] for line in w.ip("guest", "neigh").stdout.splitlines() if line.startswith("10.0.2.2 "))
        garbage = w.spawn("guest", GARBAGE, mac)
        # The mapping of an echo lives for a minute.
        pings = subprocess.Popen(["ip", "netns", "exec", w.names["guest"], "ping", "-q", "-i", "0.2", *(["-c", "1"] if SECONDS < 60 else []),
                                  FAR4], stdout=subprocess.DEVNULL)
        w.procs.append(pings)
        start = time.monotonic()
        samples = soak(w, SECONDS)
        pings.kill()
        garbage.kill()
        for p in running:
            ends(p)
        print(f"# the load ended after {time.monotonic() - start:.0f} s", flush=True)
        # What the load left open ends: a peer that heard nothing of it tries again within a minute.
        eventually("no connection is stuck", lambda: w.control("stats", "--json")["flows"] == 0, 150)
        print(f"# nothing was open after {time.monotonic() - start:.0f} s", flush=True)
        few = 1 if SECONDS < 60 else 0
        eventually("mappings go", lambda: w.control("stats", "--json")["mappings"] <= few, 80)
        eventually(f"descriptors are the {n_fds} of before", lambda: w.n_fds() <= n_fds + few, 20)
        quarter = max(len(samples) // 4, 1)
        first, last = (statistics.median(s) for s in (samples[quarter:2 * quarter], samples[-quarter:]))
        idle_s = 20 if SECONDS > 100 else 4
        cpu = w.cpu_s()
        time.sleep(idle_s)
        cpu = (w.cpu_s() - cpu) / idle_s
        again = peak(w)
        print(f"# memory {first:.0f} -> {last:.0f} KiB ({(last / first - 1) * 100:+.1f} %), at a peak {most} before and {again} after; idle CPU "
              f"{cpu * 100:.2f} %; {w.n_fds()} descriptors, {n_fds} before", flush=True)
        expect(last <= first * (1.05 if SECONDS >= 600 else 1.25), f"memory grows: {samples}")
        # How much is open at once at a peak is a matter of pace; a short load says nothing by it, but that the bound of
        # all bytes to the guest holds, 128 MiB.
        expect(again <= (most * 1.6 if SECONDS >= 600 else 256 << 10), f"a peak takes {again} KiB, and took {most}")
        expect(cpu < 0.01, f"idle, it takes {cpu * 100:.1f} % of a CPU")
        client(w, """
for addr in sys.argv[1:]:
    data = os.urandom(300000)
    assert ask(addr, 7000, "echo", data) == data
""", FAR4, FAR6)


if __name__ == "__main__":
    main([mixed_load_leaves_nothing_behind])
