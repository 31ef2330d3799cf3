#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A guest that means harm: what has broken others' user-mode networks (doc/gateway.md has the table), floods, and
limits that are met. Afterwards the gateway lives, is within its bounds, and serves.

usage: gateway_hostile.py WEFT [CASE...]

The guest speaks by a packet socket on its TAP, from addresses that its kernel does not have, so nothing interferes.
Prints a line `ok - NAME` or `not ok - NAME` a case. Needs root, for the namespaces that it makes.
"""
import sys
import tempfile
import threading
import time

from gateway_kit import CLIENT, FAR4, FAR6, GUEST4, HOST4, SERVER, World, client, eventually, expect, main

WEFT = sys.argv[1]

# Frames of a guest 10.0.2.101, fd00::101, with a TCP of its own.
RAW = r"""
import errno, os, random, select, socket, struct, sys, time
rng = random.Random(11)
ME4, ME6, GW4, GW6, FAR4, FAR6 = "10.0.2.101", "fd00::101", "10.0.2.2", "fd00::2", "192.0.2.2", "2001:db8:2::2"
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
raw.bind(("tap0", 3)); raw.setblocking(False)
ME = raw.getsockname()[4]
n4, n6 = socket.inet_aton, lambda a: socket.inet_pton(socket.AF_INET6, a)

def checksum(data):
    t = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while t >> 16:
        t = (t & 0xffff) + (t >> 16)
    return 0xffff - t

def ip4(proto, payload, dst=FAR4, src=ME4, frag=0, options=b"", length=None, ttl=64, ident=None):
    head = struct.pack(">BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload) if length is None else length,
                       rng.randrange(65536) if ident is None else ident, frag, ttl, proto, 0, n4(src), n4(dst)) + options
    return b"\x08\0" + head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload

def ip6(proto, payload, dst=FAR6, src=ME6, length=None, hops=64):
    return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(payload) if length is None else length, proto, hops) + n6(src) + n6(dst) + payload

def pseudo(src, dst, proto, n):
    return n6(src) + n6(dst) + struct.pack(">II", n, proto) if ":" in src else n4(src) + n4(dst) + struct.pack(">HH", proto, n)

def udp(data, dport, sport=4000, src=ME4, dst=FAR4):
    head = struct.pack(">HHHH", sport, dport, 8 + len(data), 0)
    return head[:6] + struct.pack(">H", checksum(pseudo(src, dst, 17, 8 + len(data)) + head + data) or 0xffff) + data

def tcp(sport, dport, seq, ack, flags, data=b"", src=ME4, dst=FAR4, options=b"", window=65535, urgent=0, offset=None):
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                       (5 + len(options) // 4 if offset is None else offset) << 4, flags, window, 0, urgent) + options
    return head[:16] + struct.pack(">H", checksum(pseudo(src, dst, 6, len(head + data)) + head + data)) + head[18:] + data

def echo4(data, ident=7, seq=1):
    m = struct.pack(">BBHHH", 8, 0, 0, ident, seq) + data
    return m[:2] + struct.pack(">H", checksum(m)) + m[4:]

def icmp6(type, body, src=ME6, dst=GW6, code=0):
    m = struct.pack(">BBH", type, code, 0) + body
    return m[:2] + struct.pack(">H", checksum(pseudo(src, dst, 58, len(m)) + m)) + m[4:]

def arp(op, tpa=GW4, sha=None, spa=ME4, tha=bytes(6)):
    return b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, op) + (sha or ME) + n4(spa) + tha + n4(tpa)

gw_mac = b"\xff" * 6

def send(frame, to=None):
    whole = (to or gw_mac) + ME + frame
    for _ in range(1000):
        try:
            return raw.send(whole)
        except OSError as e:
            if e.errno not in (errno.EAGAIN, errno.ENOBUFS):
                return 0  # too short for a frame, or too long
            time.sleep(0.001)

def frames(seconds):
    # What comes in, without Ethernet's addresses; ARP and neighbour discovery for us are seen to.
    global gw_mac
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([raw], [], [], left)[0]:
            return
        try:
            data, at = raw.recvfrom(70000)
        except BlockingIOError:
            continue
        if at[2] == 4:  # ours
            continue
        f = data[12:]
        if f[:2] == b"\x08\x06" and f[22:26] != b"":
            if f[8:10] == b"\0\1" and f[26:30] == n4(ME4):
                send(arp(2, socket.inet_ntoa(f[16:20]), tha=f[10:16]), f[10:16])
            elif f[16:20] == n4(GW4):
                gw_mac = f[10:16]
        elif f[:2] == b"\x86\xdd" and f[8:9] == b"\x3a" and f[42:43] == b"\x87" and f[50:66] == n6(ME6):
            src = socket.inet_ntop(socket.AF_INET6, f[10:26])
            send(ip6(58, icmp6(136, b"\x60\0\0\0" + n6(ME6) + b"\2\1" + ME, dst=src), dst=src, hops=255))
        yield f

def find_gateway():
    while gw_mac[0] == 0xff:
        send(arp(1))
        for f in frames(0.2):
            if gw_mac[0] != 0xff:
                break

def tcp_in(seconds=3):
    # TCP segments to us: source port, destination port, seq, ack, flags, options, data.
    for f in frames(seconds):
        if f[:2] == b"\x08\0" and f[11] == 6 and f[18:22] == n4(ME4):
            t = f[2 + (f[2] & 15) * 4:2 + struct.unpack(">H", f[4:6])[0]]
        elif f[:2] == b"\x86\xdd" and f[8] == 6 and f[26:42] == n6(ME6):
            t = f[42:42 + struct.unpack(">H", f[6:8])[0]]
        else:
            continue
        sport, dport, seq, ack, off, flags = struct.unpack(">HHIIBB", t[:14])
        yield sport, dport, seq, ack, flags, t[20:(off >> 4) * 4], t[(off >> 4) * 4:]

class Tcp:
    # As plain as can be: what is sent is not repeated.
    def __init__(self, dport, dst=FAR4, options=b"", seq=1000):
        self.port, self.dport, self.dst = rng.randrange(20000, 60000), dport, dst
        self.src = ME6 if ":" in dst else ME4
        self.seq, self.ack = seq, 0
        self.segment(2, options=options)
        for s in self.heard():
            if s[4] == 0x12:
                self.isn, self.ack, self.mss = s[2], s[2] + 1, s[5]
                self.seq += 1
                self.segment(0x10)
                return
        raise SystemExit(f"no SYN-ACK from {dst}")
    def segment(self, flags, data=b"", **kw):
        t = tcp(self.port, self.dport, kw.pop("seq", self.seq), self.ack, flags, data, src=self.src, dst=self.dst, **kw)
        send(ip6(6, t, dst=self.dst) if ":" in self.dst else ip4(6, t, dst=self.dst))
    def heard(self, seconds=3):
        return (s for s in tcp_in(seconds) if s[0] == self.dport and s[1] == self.port)
    def say(self, data, flags=0x18, **kw):
        self.segment(flags, data, **kw)
        self.seq += len(data)
    def all(self, seconds=5):
        got = b""
        for _, _, seq, _, flags, _, data in self.heard(seconds):
            if flags & 4:
                return got + b" reset"
            if seq == self.ack & 0xffffffff:
                got += data; self.ack += len(data) + (flags & 1)
                self.segment(0x10)
            if flags & 1:
                return got
        return got + b" silence"

find_gateway()
"""

# Says the length of every datagram that comes to its port, of both families.
HEAR = r"""
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", int(sys.argv[1])))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(70000)
    s.sendto(data, peer)
    print(len(data), flush=True)
"""


def hostile(w, source, *argv, timeout=60):
    return w.python("guest", RAW + source, *argv, timeout=timeout)


def serves(w, what="afterwards"):
    """An honest program of the guest is served, both families; nothing is left of what was."""
    client(w, """
for addr in sys.argv[1:]:
    data = os.urandom(100000)
    assert ask(addr, 7000, "echo", data) == data, addr
""", FAR4, FAR6)
    expect(w.gateway.poll() is None, f"the gateway has ended {what}")


def within_bounds(w, fds=4096 + 1024 + 100, kib=300000):
    expect(w.n_fds() < fds, f"{w.n_fds()} descriptors")
    expect(w.rss_kib() < kib, f"{w.rss_kib()} KiB")


def rests(w):
    """It does not spin: a second costs little."""
    cpu = w.cpu_s()
    time.sleep(1)
    cpu = w.cpu_s() - cpu
    expect(cpu < 0.3, f"{cpu:.2f} s of CPU in a second in which nothing happens")


# Connects, and is never spoken to.
DEAF = """
import socket, time
s = socket.socket(socket.AF_INET6); s.bind(("::", 7003)); s.listen(4096)
print("ready", flush=True)
time.sleep(3600)
"""

# Lets everybody in, says nothing, and closes when the other side does.
HOLDER = """
import resource, select, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
s = socket.socket(socket.AF_INET6); s.bind(("::", int(sys.argv[1]))); s.listen(4096); s.setblocking(False)
p = select.epoll(); p.register(s, select.EPOLLIN); held = {}
print("ready", flush=True)
while True:
    for fd, _ in p.poll():
        if fd != s.fileno():
            p.unregister(fd); held.pop(fd).close()
            continue
        try:
            while True:
                c, _ = s.accept(); held[c.fileno()] = c; p.register(c, select.EPOLLIN)
        except BlockingIOError:
            pass
"""

# Sends to whoever comes, without end.
GIVER = """
import resource, select, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
s = socket.socket(socket.AF_INET6); s.bind(("::", 7004)); s.listen(4096); s.setblocking(False)
p = select.epoll(); p.register(s, select.EPOLLIN); held, data = {}, bytes(65536)
print("ready", flush=True)
while True:
    for fd, _ in p.poll():
        try:
            if fd == s.fileno():
                while True:
                    c, _ = s.accept(); c.setblocking(False); held[c.fileno()] = c; p.register(c, select.EPOLLOUT)
            held[fd].send(data)
        except BlockingIOError:
            pass
        except OSError:
            p.unregister(fd); held.pop(fd).close()
"""

# A frame of each kind that something on the way parses.
KINDS = r"""
dhcp = struct.pack(">BBBBIHH4s4s4s4s16s192s4s", 1, 1, 6, 0, 77, 0, 0x8000, bytes(4), bytes(4), bytes(4), bytes(4), ME + bytes(10), bytes(192),
                   b"\x63\x82\x53\x63") + b"\x35\1\1\x37\4\1\3\6\x0f\x0c\5guest\xff"
query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"
dhcp6 = b"\1\0\0\1" + b"\0\1\0\x0a\0\3\0\1" + ME + b"\0\3\0\x0c\0\0\0\1" + bytes(8) + b"\0\6\0\2\0\x17"
hop = b"\x3a\0\5\2\0\0\1\0"
kinds = {
    "arp": arp(1), "arp reply": arp(2),
    "echo": ip4(1, echo4(b"x" * 56), GW4), "echo out": ip4(1, echo4(b"x" * 56)),
    "udp": ip4(17, udp(b"x" * 30, 7001)), "dns": ip4(17, udp(query, 53, dst="10.0.2.3"), "10.0.2.3"),
    "dhcp": ip4(17, udp(dhcp, 67, 68, "0.0.0.0", "255.255.255.255"), "255.255.255.255", "0.0.0.0"),
    "syn": ip4(6, tcp(5555, 7000, 1, 0, 2, options=b"\2\4\5\xb4\4\2\x08\x0a\0\0\0\1\0\0\0\0\1\3\3\7")),
    "fragment": ip4(17, udp(b"x" * 40, 7001), frag=0x2000), "options": ip4(17, udp(b"x", 7001), options=b"\x94\4\0\0\1\1\1\0"),
    "unreachable": ip4(1, b"\3\1\0\0" + bytes(4) + ip4(17, udp(b"", 9), ME4, FAR4)[2:], GW4),
    "echo6": ip6(58, icmp6(128, struct.pack(">HH", 7, 1) + b"x" * 40), GW6), "rs": ip6(58, icmp6(133, bytes(4) + b"\1\1" + ME, dst="ff02::2"), "ff02::2", hops=255),
    "ns": ip6(58, icmp6(135, bytes(4) + n6(GW6) + b"\1\1" + ME, dst=GW6), GW6, hops=255),
    "mld": ip6(0, hop + icmp6(143, b"\0\0\0\1\4\0\0\0" + n6("ff02::fb"), dst="ff02::16"), "ff02::16", hops=1),
    "udp6": ip6(17, udp(b"x" * 30, 7001, src=ME6, dst=FAR6)), "dhcp6": ip6(17, udp(dhcp6, 547, 546, ME6, "ff02::1:2"), "ff02::1:2"),
    "syn6": ip6(6, tcp(5556, 7000, 1, 0, 2, src=ME6, dst=FAR6)), "dns6": ip6(17, udp(query, 53, src=ME6, dst="fd00::3"), "fd00::3"),
    "too big": ip6(58, icmp6(2, struct.pack(">I", 1280) + ip6(17, udp(b"", 9, src=FAR6, dst=ME6), ME6, FAR6)[2:])),
    "fragment6": ip6(44, b"\x11\0\0\1\0\0\0\7" + udp(b"x" * 40, 7001, src=ME6, dst=FAR6)),
    "chain": ip6(0, b"\x3c\0\1\4\0\0\0\0" + b"\x2b\0\1\4\0\0\0\0" + b"\x11\0\0\0\0\0\0\0" + udp(b"x", 7001, src=ME6, dst=FAR6)),
}
"""


def frames_cut_at_every_byte_and_garbled_are_survived():
    """Rows 1, 4, 7 and 8: a length is believed by nobody."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        got = hostile(w, KINDS + """
longest = n = 0
def look():
    global longest
    for f in frames(0.01):
        if f[:2] == b"\\x08\\0" and f[11] == 1 and f[22] == 0:
            longest = max(longest, struct.unpack(">H", f[4:6])[0])
        if f[:2] == b"\\x86\\xdd" and f[8] == 58 and f[42] == 129:
            longest = max(longest, 40 + struct.unpack(">H", f[6:8])[0])
for name, frame in kinds.items():
    for cut in range(len(frame)):
        send(frame[:cut]); n += 1
    for _ in range(150):
        bad = bytearray(frame)
        for _ in range(rng.choice((1, 1, 2, 5))):
            bad[rng.randrange(len(bad))] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        send(bytes(bad)); n += 1
    look()
# Lengths that say more than there is.
for claim in (85, 200, 1500, 9000, 65535):
    send(ip4(1, echo4(b"x" * 56), GW4, length=claim)); send(ip6(58, icmp6(128, struct.pack(">HH", 7, 1) + b"x" * 40), GW6, length=claim)); look()
print(n, longest)
""")
        n, longest = map(int, got.split())
        expect(n > 4000 and 0 < longest <= 96, f"{n} frames; an answer of {longest} bytes to a request of 88")
        serves(w)
        rests(w)


def fragments_overlapping_endless_and_late_are_survived():
    """Row 2; and what is whole arrives, in whatever order."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        hear = w.spawn("far", HEAR, "7001")
        hostile(w, """
def fragment(data, at, more, ident):
    return ip4(17, data, frag=(0x2000 if more else 0) | at // 8, ident=ident)
for n in range(3000):
    ident = rng.randrange(50)
    send(fragment(rng.randbytes(8 * rng.randrange(0, 20)), 8 * rng.choice((0, 1, 2, 10, 8000, 8191)), rng.random() < .7, ident))
    send(ip6(44, struct.pack(">BBHI", 17, 0, 8 * rng.choice((0, 1, 3, 8191)) | (rng.random() < .7), ident) + rng.randbytes(8 * rng.randrange(0, 20))))
for n in (2000, 9000, 60000):
    whole = udp(bytes(n), 7001)
    cuts = list(range(0, len(whole), 1400 // 8 * 8)); rng.shuffle(cuts)
    for at in cuts:
        part = whole[at:at + 1400 // 8 * 8]
        for _ in range(rng.choice((1, 1, 2))):
            send(fragment(part, at, at + len(part) < len(whole), n))
""")
        for want in 2000, 9000, 60000:
            expect(int(hear.stdout.readline()) == want, f"not a datagram of {want}")
        within_bounds(w)
        serves(w)


def urgent_pointers_of_every_kind_are_data():
    """Row 3: an urgent byte is data in its place, wherever the pointer leads."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        got = hostile(w, """
for dst in FAR4, FAR6:
    c = Tcp(7000, dst)
    c.say(b"sum\\n")
    want = 0
    for urgent in (0, 1, 2, 10, 11, 1000, 32767, 65535):
        c.say(b"0123456789", 0x38, urgent=urgent); want += 10
    c.say(b"", 0x30, urgent=65535)      # nothing but the pointer
    c.say(b"x", 0x39, urgent=60000, seq=c.seq); want += 1
    c.seq += 1
    print(c.all().split()[0].decode() == str(want))
""")
        expect(got.split() == ["True", "True"], f"{got}")
        serves(w)


def chains_of_extension_headers_end():
    """Row 4: each length, each order, each depth."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        hear = w.spawn("far", HEAR, "7001")
        hostile(w, """
inner = udp(b"x" * 8, 7001, src=ME6, dst=FAR6)
def option(next, n, kind=1, opt_len=None):
    body = bytes([next, n, kind, 8 * n + 4 if opt_len is None else opt_len]) + bytes(8 * n + 4)
    return body
for first in (0, 43, 44, 51, 60, 135, 139, 140, 253):
    for n in (0, 1, 31, 255):
        for opt_len in (None, 0, 1, 3, 5, 255):
            send(ip6(first, option(17, min(n, 31), opt_len=opt_len and min(opt_len, 255)) + inner))
            send(ip6(first, bytes([17, n]) + bytes(6) + inner))
for depth in (1, 2, 7, 8, 9, 30, 150):
    for kind in (0, 60, 43, 44):
        send(ip6(kind, bytes([kind, 0, 1, 4, 0, 0, 0, 0]) * (depth - 1) + bytes([17, 0, 1, 4, 0, 0, 0, 0]) + inner))
for length in (0, 1, 7, 8, 39, 40, 1000, 65535):
    send(ip6(17, inner, length=length)); send(ip6(0, b"\\x11\\0\\1\\4\\0\\0\\0\\0" + inner, length=length))
send(ip6(17, udp(b"the end", 7001, src=ME6, dst=FAR6)))
""")
        while (line := hear.stdout.readline().strip()) != "7":
            expect(line == "8", f"a datagram of {line!r} bytes")
        serves(w)
        rests(w)


def malformed_questions_are_not_answered_and_the_next_is():
    """Row 5: RFC 9267, section by section, at the forwarder."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        got = hostile(w, """
head = lambda qd=1, an=0, ns=0, ar=0: struct.pack(">HHHHHH", 7, 0x100, qd, an, ns, ar)
tail = b"\\0\\1\\0\\1"
bad = [head() + b"\\xc0\\x0c" + tail, head() + b"\\xc0\\xff" + tail, head() + b"\\xff\\xff" + tail, head() + b"\\1a\\xc0\\x0c" + tail,
       head() + b"\\x3f" + b"a" * 63 + b"\\0" + tail, head() + b"\\x40" + b"a" * 64 + b"\\0" + tail, head() + b"\\x3f" + b"a" * 20,
       head() + (b"\\x3f" + b"a" * 63) * 4 + b"\\0" + tail, head() + b"\\1a" * 127 + b"\\0" + tail, head() + b"\\1a" * 200 + b"\\0" + tail,
       head() + b"\\7example", head(), head(65535) + b"\\0" + tail, head(1, 65535, 65535, 65535) + b"\\1a\\0" + tail, head(0), b"", b"\\0",
       head(1, 0, 0, 1) + b"\\1a\\0" + tail + b"\\0\\0\\x29\\x10\\0\\0\\0\\0\\0\\xff\\xff", head(1, 0, 0, 1) + b"\\1a\\0" + tail + b"\\0\\0\\x29",
       struct.pack(">HHHHHH", 7, 0x8180, 1, 1, 0, 0) + b"\\1a\\0" + tail]
for m in bad:
    for dst, make in (("10.0.2.3", lambda m: ip4(17, udp(m, 53, dst="10.0.2.3"), "10.0.2.3")),
                      ("fd00::3", lambda m: ip6(17, udp(m, 53, src=ME6, dst="fd00::3"), "fd00::3"))):
        send(make(m))
answers = [f for f in frames(1) if f[:2] == b"\\x08\\0" and f[11] == 17 and f[14:18] == n4("10.0.2.3")]
print(max((len(f) for f in answers), default=0) < 400)
""")
        expect(got.strip() == "True", "a long answer to a malformed question")
        serves(w)


def numbers_cannot_be_guessed():
    """Row 6: initial sequence numbers, and ports and identifiers of questions that go on."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        isns = list(map(int, hostile(w, "print(*[Tcp(7000).isn for _ in range(40)])").split()))
        steps = {(b - a) & 0xFFFFFFFF for a, b in zip(isns, isns[1:])}
        expect(len(steps) == 39 and max(steps) > 1 << 30, f"sequence numbers follow each other: {isns}")
        serves(w)


def tunnels_and_source_routes_lead_nowhere():
    """Row 7: nothing is unpacked, nothing sent by the way that a packet wants."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        hear = w.spawn("far", HEAR, "7001")
        hostile(w, """
inner4, inner6 = ip4(17, udp(b"x" * 8, 7001))[2:], ip6(17, udp(b"x" * 8, 7001, src=ME6, dst=FAR6))[2:]
for dst in GW4, FAR4:
    send(ip4(4, inner4, dst)); send(ip4(41, inner6, dst)); send(ip4(47, b"\\0\\0\\x08\\0" + inner4, dst))
    for kind in (0x83, 0x89):       # loose and strict source routes
        send(ip4(17, udp(b"x" * 8, 7001, dst=dst), dst, options=bytes([kind, 7, 4]) + n4(FAR4) + b"\\0"))
for dst in GW6, FAR6:
    send(ip6(4, inner4, dst)); send(ip6(41, inner6, dst))
    send(ip6(43, b"\\x11\\2\\0\\1\\0\\0\\0\\0" + n6(FAR6) + udp(b"x" * 8, 7001, src=ME6, dst=dst), dst))
send(ip4(17, udp(b"the end", 7001)))
""")
        expect(hear.stdout.readline() == "7\n", "what was in a tunnel or had a source route has arrived")
        stats = w.control("stats", "--json")
        expect(stats["udp_out"] == 1, f"{stats}")
        serves(w)


def leases_have_their_bound_whatever_is_asked():
    """Row 8: options with lengths that lie; a thousand hardware addresses."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        got = hostile(w, """
def ask(mac, options):
    m = struct.pack(">BBBBIHH4s4s4s4s16s192s4s", 1, 1, 6, 0, rng.randrange(1 << 32), 0, 0x8000, bytes(4), bytes(4), bytes(4), bytes(4),
                    mac + bytes(10), bytes(192), b"\\x63\\x82\\x53\\x63") + options
    send(ip4(17, udp(m, 67, 68, "0.0.0.0", "255.255.255.255"), "255.255.255.255", "0.0.0.0"))
for options in (b"", b"\\x35", b"\\x35\\xff", b"\\x35\\0\\xff", b"\\x35\\1", b"\\x35\\1\\1\\x0c\\xff" + b"a" * 20, b"\\x35\\1\\1" + b"\\x37\\xff" + bytes(255) + b"\\xff",
                b"\\x35\\1\\1" * 100 + b"\\xff", b"\\x35\\1\\3\\x32\\4\\xff\\xff\\xff\\xff\\xff", b"\\x35\\1\\3\\x36\\4" + n4(GW4) + b"\\x32\\3abc\\xff", b"\\0" * 300,
                b"\\x35\\1\\1\\x34\\1\\3\\xff", b"\\x3d\\0\\x35\\1\\1\\xff", b"\\x35\\1\\1\\x39\\2\\0\\1\\xff"):
    ask(ME, options)
offers = set()
for i in range(1000):
    ask(b"\\2" + struct.pack(">I", i) + b"\\1", b"\\x35\\1\\1\\xff")
    for f in frames(0.001):
        if f[:2] == b"\\x08\\0" and f[11] == 17 and f[22:26] == b"\\0\\x43\\0\\x44":
            offers.add(f[46:50])
print(len(offers - {bytes(4)}))     # a refusal has none
""")
        expect(1 <= int(got) <= 16, f"{got} addresses were offered")
        serves(w)


def segments_that_mean_harm_cost_little():
    """Row 9: a maximum segment size of nothing, options that lie, sources that are nobody."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        hostile(w, """
# Options with every length, sources that no host has.
for options in (b"\\2\\4\\0\\0", b"\\2\\4\\0\\1", b"\\2\\4\\0\\x30", b"\\2\\0\\0\\0", b"\\2\\1\\0\\0", b"\\2\\xff\\0\\0", b"\\3\\3\\xff\\0", b"\\5\\2\\0\\0", b"\\5\\xff\\0\\0",
                b"\\x08\\x0a\\0\\0", b"\\xfe\\0\\0\\0", b"\\x22\\xff\\0\\0", b"\\1" * 40, b"\\0" * 40):
    send(ip4(6, tcp(rng.randrange(1024, 60000), 7000, 5, 0, 2, options=options)))
for src in ("0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1", "10.0.2.255", "10.0.2.2", "192.0.2.2"):
    send(ip4(6, tcp(1, 7000, 5, 0, 2, src=src), src=src)); send(ip4(17, udp(b"", 7001, src=src), src=src)); send(ip4(1, echo4(b""), src=src))
for src in ("::", "::1", "ff02::1", "fd00::2", "2001:db8:2::2", "::ffff:10.0.2.101"):
    send(ip6(6, tcp(1, 7000, 5, 0, 2, src=src, dst=FAR6), src=src)); send(ip6(17, udp(b"", 7001, src=src, dst=FAR6), src=src))
for flags in range(64):
    send(ip4(6, tcp(1200 + flags, 7000, 5, 5, flags))); send(ip4(6, tcp(1300 + flags, 7000, 5, 5, flags, offset=flags % 16)))
# A peer with a window of a few bytes, of nothing, and segments out of order without end.
c = Tcp(7000, options=b"\\2\\4\\0\\1")
c.say(b"give 3000\\n", window=100)
n = 0
for s in c.heard(1):
    n += 1
assert n < 3000, n
c = Tcp(7000, seq=0xfffffff0)
c.say(b"sum\\n")
for i in range(3000):
    c.segment(0x10, b"y" * 10, seq=c.seq + 20 * rng.randrange(1, 2000))
c.say(b"x" * 10); c.segment(4)
""", timeout=90)
        within_bounds(w)
        serves(w)
        stats = w.control("stats", "--json")
        expect(stats["bad_source"] >= 3, f"{stats}")


FLOODS = {
    "SYNs to who is there": 'send(ip4(6, tcp(1024 + n % 4000, 7003, 1, 0, 2)))',
    "SYNs to nobody": 'send(ip4(6, tcp(rng.randrange(1024, 65536), 80, 1, 0, 2, dst=(d := "192.0.2.%d" % rng.randrange(10, 250))), d))',
    "SYNs of IPv6": 'send(ip6(6, tcp(1024 + n % 4000, rng.choice((7003, 9)), 1, 0, 2, src=ME6, dst=FAR6)))',
    "datagrams of many ports": 'send(ip4(17, udp(bytes(100), rng.randrange(1, 65536), rng.randrange(1, 65536))))',
    "datagrams of one port": 'send(ip4(17, udp(bytes(1400), 9)))',
    "datagrams of IPv6": 'send(ip6(17, udp(bytes(100), 9, rng.randrange(1, 65536), ME6, FAR6)))',
    "fragments": 'send(ip4(17, bytes(1400), frag=0x2000 | rng.randrange(100) * 175)); send(ip6(44, struct.pack(">BBHI", 17, 0, 1, rng.randrange(1 << 32)) + bytes(1000)))',
    "echoes": 'send(ip4(1, echo4(bytes(100), rng.randrange(65536)))); send(ip6(58, icmp6(128, rng.randbytes(4), dst=FAR6), FAR6))',
    "ARP": 'send(arp(rng.choice((1, 2)), rng.choice((GW4, "10.0.2.77")), rng.randbytes(6), "10.0.2.%d" % rng.randrange(110, 250)), b"\\xff" * 6)',
    "neighbour discovery": ('src = "fd00::%x" % rng.randrange(512, 1 << 16); send(ip6(58, icmp6(rng.choice((133, 135, 136)), bytes(4) + n6(GW6) + b"\\1\\1" + '
                            'rng.randbytes(6), src), src=src, dst=GW6, hops=255))'),
    "garbage": 'send(rng.choice((b"\\x08\\0", b"\\x86\\xdd", b"\\x08\\6", rng.randbytes(2))) + rng.randbytes(rng.randrange(0, 300)))',
}


def flooded(w, name, seconds):
    """The honest connection's rate beside the flood."""
    echoes = threading.Thread(target=hostile, args=(w, f"""
end = time.monotonic() + {seconds}
n = 0
while time.monotonic() < end:
    {FLOODS[name]}
    n += 1
    if n % 64 == 0:
        for f in frames(0): pass
if "SYN" in sys.argv[1]:        # what was begun ends
    for port in range(1024, 1024 + 4000):
        send(ip4(6, tcp(port, 7003, 2, 0, 4))); send(ip6(6, tcp(port, 7003, 2, 0, 4, src=ME6, dst=FAR6)))
        if port % 64 == 0:
            for f in frames(0): pass
""", name))
    echoes.start()
    n = int(client(w, f"""
s = connect(sys.argv[1], 7000, 10)
s.sendall(b"echo\\n")
n, end = 0, time.monotonic() + {seconds}
while time.monotonic() < end:
    s.sendall(b"x" * 10000)
    got = 0
    while got < 10000:
        got += len(s.recv(65536))
    n += 1
print(n)
""", FAR4, timeout=30 + seconds))
    echoes.join()
    return n


def floods(names, seconds):
    with World(WEFT, "--udp-timeout", "5") as w:
        w.spawn("far", SERVER, "7000")
        w.spawn("far", DEAF)
        for name in names:
            n = flooded(w, name, seconds)
            within_bounds(w)
            stats = w.control("stats", "--json")
            expect(stats["flows"] <= 4096 and stats["connecting"] <= 1024 and stats["mappings"] <= 1024, f"{name}: {stats}")
            expect(n >= seconds, f"{name}: the other connection stands still: {n} exchanges in {seconds} s")
            print(f"# {name}: {n / seconds:.0f} exchanges/s beside it; {w.n_fds()} descriptors, {w.rss_kib()} KiB", flush=True)
        eventually("those that were never answered are given up", lambda: w.control("stats", "--json")["connecting"] == 0, 200)
        serves(w)
        rests(w)


def floods_leave_other_connections_alive():
    floods(list(FLOODS), 3)


def short_floods_leave_other_connections_alive():
    floods(["SYNs to who is there", "fragments", "garbage"], 0.5)


def syns_with_ecn_bits_are_answered():
    """A SYN that asks for ECN, rightly (ECE and CWR, RFC 3168) or with one of both, is a SYN: others have sent a reset."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        hostile(w, """
for n, flags in enumerate((0xc2, 0x42, 0x82, 0x102)):
    for dst, src in ((FAR4, ME4), (FAR6, ME6)):
        port = 30000 + n
        t = tcp(port, 7000, 1, 0, flags & 0xff, src=src, dst=dst)
        if flags & 0x100: # the bit of accurate ECN, RFC 9768, among the others
            t = t[:12] + bytes([t[12] | 1, 0xc2, 255, 255, 0, 0]) + t[18:]
            t = t[:16] + struct.pack(">H", checksum(pseudo(src, dst, 6, len(t)) + t)) + t[18:]
        send(ip6(6, t, dst=dst) if ":" in dst else ip4(6, t, dst=dst))
        got = next((s[4] for s in tcp_in(10) if s[0] == 7000 and s[1] == port), 0)
        assert got & 0x17 == 0x12, (hex(flags), dst, got)
""")
        # And the kernel's own.
        w.sysctl("guest", "net.ipv4.tcp_ecn", "1")
        serves(w)


def super_packets_with_fields_that_lie_are_survived():
    """What a kernel lets pass of a header for segmentation."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        got = hostile(w, KINDS + """
raw.setsockopt(263, 15, 1)    # SOL_PACKET, PACKET_VNET_HDR
n = taken = 0
big = ip4(6, tcp(6000, 7000, 1, 1, 0x18, bytes(30000))), ip6(6, tcp(6000, 7000, 1, 1, 0x18, bytes(30000), src=ME6, dst=FAR6))
for frame in (*kinds.values(), *big):
    for _ in range(60):
        flags, gso = rng.choice((0, 1, 1, 2, 3)), rng.choice((0, 1, 3, 4, 5, 0x81, 0x84))
        h = struct.pack("<BBHHHH", flags, gso, rng.choice((0, 14, 54, 66, 1500, 65535)), rng.choice((0, 1, 7, 100, 1448, 65535)),
                        rng.choice((0, 14, 34, 54, len(frame), 65535)), rng.choice((0, 6, 16, 40, 65535)))
        n += 1
        try:
            raw.send(h + gw_mac + ME + frame); taken += 1
        except OSError:
            pass
print(n, taken)
""")
        expect(int(got.split()[1]) > 100, f"the kernel took {got}")
        serves(w)


def clients_without_a_descriptor_wait_and_cost_nothing():
    """Descriptors run out: whom the kernel has let in waits; nothing spins; when there are some again he is served."""
    with World(WEFT, "--forward", f"tcp,{HOST4}:8080,{GUEST4}:7000", most_fds=40) as w:
        w.spawn("guest", SERVER, "7000")
        w.spawn("far", SERVER, "7000")
        p = w.spawn("far", CLIENT + """
all = [connect("192.0.2.1", 8080) for _ in range(60)]
for s in all: s.sendall(b"echo\\n!")
for s in all[:10]: assert s.recv(1) == b"!"
print("ready", flush=True)
sys.stdin.readline()
for i, s in enumerate(all):
    s.settimeout(20)
    if i >= 10: assert s.recv(1) == b"!", i
    s.close()
print("served", flush=True)
""")
        eventually("it says why", lambda: w.control("forward", "list", "--json")[0]["state"] == "no-descriptors", 20)
        rests(w)
        # Of the guest's own: refused, not left in doubt.
        got = client(w, 'print(*(fails("%s", 7000) for _ in range(3)))' % FAR4).split()
        expect(set(got) <= {"ECONNREFUSED", "connected"} and "ECONNREFUSED" in got, f"{got}")
        p.stdin.write("\n")
        p.stdin.flush()
        expect(p.stdout.readline() == "served\n", "who waited is not let in")


def memory_has_its_bound_whoever_does_not_read():
    """Two thousand downloads that nobody reads; each other one goes on."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        w.spawn("far", GIVER)
        guest = w.spawn("guest", CLIENT + """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = [connect(sys.argv[1], 7004) for _ in range(2000)]
print("ready", flush=True)
time.sleep(600)
""", FAR4)
        time.sleep(3)
        expect(w.control("stats", "--json")["flows"] >= 2000, "they are not there")
        expect(w.rss_kib() < 360000, f"{w.rss_kib()} KiB")  # 220000, and what a sanitizer adds to each block
        print(f"# 2000 downloads that are not read: {w.rss_kib()} KiB", flush=True)
        serves(w)
        rests(w)
        guest.kill()
        eventually("they go with their program", lambda: w.control("stats", "--json")["flows"] == 0, 30)


def what_is_never_acknowledged_counts_and_is_given_up():
    """Both sides have finished, but the guest does not acknowledge what it got: it cannot have more and more of these."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        hostile(w, """
for i in range(20):
    c = Tcp(7000, (FAR4, FAR6)[i % 2])
    c.say(b"give 50000\\n"); c.segment(0x11)
time.sleep(1)
""")
        expect(w.control("stats", "--json")["flows"] == 20, "they are forgotten")
        eventually("they are given up", lambda: w.control("stats", "--json")["flows"] == 0, 100)
        serves(w)


def handshakes_never_completed_leave_others_alive():
    """The host's side stands, and the guest never says the last word: they have their own bound, by destination and together."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        for port in "7003", "7005":
            w.spawn("far", HOLDER, port)
        goes_on = tempfile.NamedTemporaryFile(prefix="weft-flood-")
        flood = threading.Thread(target=hostile, args=(w, f"""
import os
end = time.monotonic() + 60
port = 1024
while time.monotonic() < end and os.path.exists({goes_on.name!r}):
    for dport in (7003, 7005):
        send(ip4(6, tcp(port, dport, 1, 0, 2))); send(ip6(6, tcp(port, dport, 1, 0, 2, src=ME6, dst=FAR6)))
    port = 1024 + (port - 1023) % 60000
    if port % 64 == 0:
        for f in frames(0): pass
    time.sleep(0.0005)
"""))
        flood.start()
        try:
            eventually("they are at their bound", lambda: w.control("stats", "--json")["half_open_ended"] > 100, 50)
            for _ in range(5):
                client(w, """
for addr in sys.argv[1:]:
    start = time.monotonic()
    assert ask(addr, 7000, "echo", b"x" * 1000) == b"x" * 1000
    assert time.monotonic() - start < 20
""", FAR4, FAR6)
            stats = w.control("stats", "--json")
            expect(1000 <= stats["half_open"] <= 2049 and stats["flows"] < 4096, f"{stats}")
            said = w.tool_of_lab("rpc", "gateway.refused", "{}")
            expect("half-open" in said, said)
        finally:
            goes_on.close()
            flood.join()
        within_bounds(w)
        # By a forward, whose guest does not answer at all.
        w.control("forward", "add", "tcp", f"{HOST4}:8090", "10.0.2.50:80")
        w.python("far", """
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
socks = []
for i in range(1500):
    s = socket.socket(); s.settimeout(5); socks.append(s)
    try: s.connect(("192.0.2.1", 8090))
    except ConnectionResetError: pass # there was no place, or nobody answers for that address
time.sleep(0.5)
""")
        stats = w.control("stats", "--json")
        expect(stats["half_open"] <= 2049, f"{stats}")
        serves(w)
        rests(w)


def connections_at_their_bound_are_refused_until_one_ends():
    """4,096 that are complete, of both families: none gives way, the next is refused, and let in when they have gone."""
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        w.spawn("far", HOLDER, "7003")
        w.control("forward", "add", "tcp", f"{HOST4}:8080", f"{GUEST4}:7001")
        w.spawn("guest", SERVER, "7001")
        guest = w.spawn("guest", CLIENT + """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
held, said = [], {}
for i in range(4196):
    try:
        held.append(connect(sys.argv[1 + i % 2], 7003))
    except OSError as e:
        what = errno.errorcode.get(e.errno, str(e)); said[what] = said.get(what, 0) + 1
print("ready", flush=True)
print(len(held), said, flush=True)
for line in sys.stdin:
    held.pop().close()
""", FAR4, FAR6)
        got = guest.stdout.readline()
        expect(got == "4096 {'ECONNREFUSED': 100}\n", got)
        stats = w.control("stats", "--json")
        expect((stats["flows"], stats["full"], stats["half_open"]) == (4096, 100, 0), f"{stats}")
        expect("a limit was met" in w.tool_of_lab("why"), "why")
        # Nor by a forward.
        client(w, f"""
try:
    s = connect("{HOST4}", 8080); s.recv(1)
except ConnectionResetError:
    pass
""", where="far")
        expect(w.control("forward", "--json")[0]["state"] == "full", "the forward")
        within_bounds(w)
        rests(w)
        guest.stdin.write("\n")
        guest.stdin.flush()
        eventually("one has ended", lambda: w.control("stats", "--json")["flows"] == 4095, 30)
        expect(client(w, f'print(fails("{FAR6}", 7000))') == "connected\n", "there is room for one")
        guest.kill()
        eventually("they go with their program", lambda: w.control("stats", "--json")["flows"] == 0, 60)
        serves(w)


def sixteen_streams_share_fairly():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        got = client(w, """
N, counts, ending = 16, [0] * 16, threading.Event()
def run(i):
    s = connect(sys.argv[1 + i % 2], 7000)
    s.sendall(b"give 1000000000000\\n")
    while not ending.is_set():
        counts[i] += len(s.recv(1 << 18))
    s.close()
threads = [threading.Thread(target=run, args=(i,)) for i in range(N)]
for t in threads: t.start()
time.sleep(1); before = list(counts); time.sleep(5); after = list(counts); ending.set()
for t in threads: t.join()
got = [b - a for a, b in zip(before, after)]
print(sum(got) ** 2 / (N * sum(x * x for x in got)), min(got), max(got))
""", FAR4, FAR6)
        fairness = float(got.split()[0])
        expect(fairness > 0.8, f"Jain's index of 16 streams is {got}")
        print(f"# Jain's index {fairness:.3f}", flush=True)


CASES = [frames_cut_at_every_byte_and_garbled_are_survived, fragments_overlapping_endless_and_late_are_survived,
         urgent_pointers_of_every_kind_are_data, chains_of_extension_headers_end,
         malformed_questions_are_not_answered_and_the_next_is, numbers_cannot_be_guessed, tunnels_and_source_routes_lead_nowhere,
         leases_have_their_bound_whatever_is_asked, segments_that_mean_harm_cost_little, syns_with_ecn_bits_are_answered,
         super_packets_with_fields_that_lie_are_survived,
         clients_without_a_descriptor_wait_and_cost_nothing, memory_has_its_bound_whoever_does_not_read,
         what_is_never_acknowledged_counts_and_is_given_up, handshakes_never_completed_leave_others_alive,
         connections_at_their_bound_are_refused_until_one_ends, floods_leave_other_connections_alive,
         sixteen_streams_share_fairly]
if len(sys.argv) > 2:
    CASES.append(short_floods_leave_other_connections_alive)

if __name__ == "__main__":
    main(CASES)
