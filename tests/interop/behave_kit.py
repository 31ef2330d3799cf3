# SPDX-License-Identifier: MIT
"""What the rows of behave.py share: how they are declared, the network that they run in, and frames in words.

A row is a function whose name is the behaviour. It runs once with weft and once with the kernel as what it
looks at, and returns in words what it saw; both must say the same, unless `differs` says why they do not (or `pending`, of code that is not there).

@alone   one host, `t.h`, and a peer that is this program: `t.ask(frame)` brings what the host answers
@router  the same with two interfaces and forwarding
@pair    two hosts on a wire, `t.a` and `t.b`: weft is a and the kernel b, then the other way round
@bare    none yet; `t.kind` says in whose turn it is
"""
import socket
import struct

from scapy.all import ICMP, IP, TCP, UDP, Ether, ICMPv6EchoRequest, IPv6, Raw

from behave_hosts import World, mac_bytes

ME = {4: "10.0.0.1", 6: "2001:db8::1"}
PEER = {4: "10.0.0.2", 6: "2001:db8::2"}
THIRD = {4: "10.0.0.3", 6: "2001:db8::3"}
FAR_ME = {4: "10.0.1.1", 6: "2001:db8:1::1"}
FAR_PEER = {4: "10.0.1.2", 6: "2001:db8:1::2"}
NOWHERE = {4: "198.51.100.1", 6: "2001:db8:ffff::1"}
LL_ME, LL_PEER = "fe80::ff:fe00:1", "fe80::ff:fe00:ff02"
MAC_ME, MAC_PEER, MAC_THIRD = "02:00:00:00:00:01", "02:00:00:00:ff:02", "02:00:00:00:ff:03"
MAC_ALL = "ff:ff:ff:ff:ff:ff"
MAC_FAR = "02:00:00:00:fe:02"
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
DGRAM, STREAM, RAW = socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_RAW
PORT, CLOSED, PEER_PORT = 5000, 5001, 6000
DATA = bytes(range(64))
OWN_WORDS = ("MLD", "IGMP", "router solicitation")
ANSWER_MS = 12  # real time for the kernel to say nothing more

ROWS = []


class Row:
    def __init__(self, fn, shape, families, **opts):
        self.fn, self.shape, self.families, self.opts = fn, shape, families, opts
        self.differs = opts.get("differs")
        self.name = fn.__name__.replace("_", " ")
        self.section = fn.__globals__["SECTION"]


def _declare(shape):
    def with_options(*families, **opts):
        def take(fn):
            ROWS.append(Row(fn, shape, families, **opts))
            return fn
        return take
    return with_options


alone, router, pair, bare = _declare("alone"), _declare("router"), _declare("pair"), _declare("bare")


class Bench:
    """The network of one run of a row."""

    def __init__(self, lib, row, v, kind, patience=1):
        self.v, self.row, self.keep, opts = v, row, [], row.opts
        self.w = World(lib, patience)
        self.me, self.peer, self.third = ME[v], PEER[v], THIRD[v]
        self.nowhere, self.far_me, self.far_peer = NOWHERE[v], FAR_ME[v], FAR_PEER[v]
        self.mtu = opts.get("mtu", 1500)
        getattr(self, "_" + row.shape)(kind, opts)

    def _alone(self, kind, opts):
        self.h = self.w.add(kind, [opts.get("addrs", [f"{ME[4]}/24", f"{ME[6]}/64"])], mtu=self.mtu,
                            settings=self._settings(kind, opts))
        self.known(opts)
        self.w.settle()

    def _router(self, kind, opts):
        forward = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
        families = (4, 6) if self.mtu >= 1280 else (4,)
        lengths = {4: 24, 6: 64}
        self.h = self.w.add(kind, [[f"{ME[v]}/{lengths[v]}" for v in families], [f"{FAR_ME[v]}/{lengths[v]}" for v in families]],
                            mtu=[1500, self.mtu], settings=forward | self._settings(kind, opts))
        self.known(opts, families)
        for v in families:
            self.h.neigh(FAR_PEER[v], MAC_FAR, 1)
        self.w.settle()

    def _bare(self, kind, opts):
        self.kind = kind

    def _pair(self, kind, opts):
        """`kind` is what a is; b is the other."""
        hosts = {}
        for name in ("kernel", "weft"):
            v4, v6 = (ME[4], ME[6]) if name == kind else (PEER[4], PEER[6])
            hosts[name] = self.w.add(name, [[f"{v4}/24", f"{v6}/64"]], mtu=self.mtu,
                                     settings=self._settings(name, opts))
        self.a, self.b = hosts[kind], hosts["weft" if kind == "kernel" else "kernel"]
        self.w.join(self.a, 0, self.b, 0)
        self.w.settle()

    @staticmethod
    def _settings(kind, opts):
        return opts.get("settings", {}) | opts.get(kind + "_settings", {})

    def known(self, opts, families=(4, 6)):
        if opts.get("known", True):
            for v in families:
                self.h.neigh(PEER[v], MAC_PEER)
                self.h.neigh(THIRD[v], MAC_THIRD)
            if 6 in families:
                self.h.neigh(LL_PEER, MAC_PEER)

    # Frames

    def eth(self, dst=MAC_ME, src=MAC_PEER):
        return Ether(dst=dst, src=src)

    def ip(self, mac=MAC_ME, ttl=None, tos=None, proto=None, mac_src=MAC_PEER, **kw):
        """An IP header behind an Ethernet header, from the peer to the host unless said otherwise."""
        kw = {"src": self.peer, "dst": self.me} | kw
        names = ("ttl", "tos", "proto") if self.v == 4 else ("hlim", "tc", "nh")
        kw |= {n: val for n, val in zip(names, (ttl, tos, proto)) if val is not None}
        return self.eth(mac, mac_src) / (IP(**kw) if self.v == 4 else IPv6(**kw))

    def echo(self, data=DATA, **kw):
        if self.v == 4:
            return ICMP(type=8, id=7, seq=9, **kw) / Raw(data)
        return ICMPv6EchoRequest(id=7, seq=9, data=data, **kw)

    def udp(self, data=DATA, sport=PEER_PORT, dport=CLOSED, **kw):
        return UDP(sport=sport, dport=dport, **kw) / Raw(data)

    def syn(self, **kw):
        return TCP(**({"sport": PEER_PORT, "dport": CLOSED, "seq": 1000, "flags": "S"} | kw))

    def quoted(self, payload=None, **kw):
        """A datagram of the host's own, for an error to quote: header and payload."""
        kw = {"src": self.me, "dst": self.peer} | kw
        return (IP(**kw) if self.v == 4 else IPv6(**kw)) / (payload or UDP(sport=PORT, dport=PEER_PORT) / Raw(DATA))

    def icmp_error(self, kind, code, info=0, quote=None, **kw):
        """An ICMP error about `quote`. `info` is the header's second word."""
        return self.ip(proto=1 if self.v == 4 else 58, **kw) / Raw(self.icmp_bytes(
            struct.pack("!BBHI", kind, code, 0, info) + bytes(quote if quote is not None else self.quoted()),
            kw.get("src", self.peer), kw.get("dst", self.me)))

    def icmp_bytes(self, body, src=None, dst=None):
        """An ICMP message with its checksum."""
        pseudo = b""
        if self.v == 6:
            pseudo = socket.inet_pton(socket.AF_INET6, src or self.peer) + socket.inet_pton(
                socket.AF_INET6, dst or self.me) + struct.pack("!II", len(body), 58)
        body = body[:2] + b"\0\0" + body[4:]
        return body[:2] + struct.pack("!H", csum(pseudo + body)) + body[4:]

    # Running

    def rx(self, frame, i=0):
        self.h.rx(i, bytes(frame))

    def wait(self, ms, until=None):
        return self.w.run(ms, until)

    def ask(self, *frames, ms=ANSWER_MS, i=0, rest=False):
        """Frames go in at interface `i`; what the host sends then, in words."""
        return self.words(self.raw(*frames, ms=ms, i=i), rest)

    def raw(self, *frames, ms=ANSWER_MS, i=0):
        del self.h.sent[:]
        for f in frames:
            self.rx(f, i)
            if self.w.is_real:
                continue
            self.w.run(0)
        self.w.run(ms)
        return self.sent()

    def sent(self, host=None):
        """What was sent, without what hosts say by themselves."""
        return [(i, f) for i, f in (host or self.h).sent if not say(f).startswith(OWN_WORDS)]

    def words(self, sent, rest=False):
        """`rest`: with what hosts say by themselves, neighbour discovery and reports of groups."""
        said = [(i, say(f)) for i, f in sent]
        said = [f"{w} (eth{i})" if self.row.shape == "router" else w for i, w in said
                if rest or not w.startswith(OWN_WORDS)]
        return "; ".join(said) or "nothing"

    def server(self, host=None, kind=DGRAM, port=PORT, addr=None, opts=()):
        s = (host or self.h).socket(FAMILY[self.v], kind)
        for level, name, value in opts:
            assert s.setopt(level, name, value) == 0, (level, name)
        rc = s.bind(addr or ("0.0.0.0" if self.v == 4 else "::"), port)
        assert rc == 0, rc
        self.keep.append(s)  # Python would close the kernel's
        if kind == STREAM:
            s.listen()
        return s

    def got(self, s, ms=ANSWER_MS):
        """What a datagram socket receives next, in words."""
        if s is None:
            return "no socket"
        have = []

        def try_it():
            m = s.recvmsg()
            if m != "EAGAIN":
                have.append(m)
            return bool(have)

        try_it() or self.w.run(ms, try_it)
        if not have:
            return "nothing"
        return have[0] if isinstance(have[0], str) else f"{len(have[0][0])} bytes"

    def error_queue(self, s, ms=ANSWER_MS):
        """The next error that a socket with RECVERR has, in words."""
        have = []

        def try_it():
            m = s.recvmsg(0x2000)
            if not isinstance(m, str):
                have.append(m)
            return bool(have)

        try_it() or self.w.run(ms, try_it)
        if not have:
            return "no error"
        for level, kind, raw in have[0][1]:
            if (level, kind) in ((0, 11), (41, 25)):
                err, origin, t, code, _, info, _ = struct.unpack_from("IBBBBII", raw)
                return f"{errno_word(err)}, {('none', 'local', 'ICMP', 'ICMPv6')[origin]} {t}/{code}" + (
                    f", {info}" if info else "")
        return "an error without its cause"


def errno_word(n):
    from behave_hosts import errno_name
    return errno_name(n)


def csum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


# Frames in words

ICMP4 = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded",
         12: "parameter problem", 14: "timestamp reply"}
ICMP6 = {1: "unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem", 128: "echo request",
         129: "echo reply", 133: "router solicitation", 134: "router advertisement",
         135: "neighbour solicitation", 136: "neighbour advertisement", 137: "redirect"}


def say(frame):
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x806:
        return say_arp(frame)
    if kind == 0x800:
        return say_ip4(frame[14:])
    if kind == 0x86dd:
        return say_ip6(frame)
    return f"EtherType {kind:#x}"


def say_arp(frame):
    op, _, src, _, dst = struct.unpack_from("!H6s4s6s4s", frame, 20)
    to = "broadcast" if frame[:6] == b"\xff" * 6 else "unicast"
    ip = socket.inet_ntop
    if op == 1:
        return f"ARP request for {ip(2, dst)} from {ip(2, src)}, {to}"
    return f"ARP reply, {ip(2, src)} to {ip(2, dst)}, {to}"


def say_ip4(p):
    ihl, tos, total, ident, off, ttl, proto = (p[0] & 15) * 4, p[1], *struct.unpack_from("!HHHBB", p, 2)
    src, dst = socket.inet_ntop(2, p[12:16]), socket.inet_ntop(2, p[16:20])
    fault = "" if csum(p[:ihl]) == 0 else ", bad checksum"
    how = f"TTL {ttl}" + (f", TOS {tos:#x}" if tos else "") + (f", {ihl - 20} bytes of options" if ihl > 20 else "")
    how += ", DF" if off & 0x4000 else ""
    body = p[ihl:total]
    if off & 0x3fff:
        more = ", more" if off & 0x2000 else ""
        return f"fragment at {(off & 0x1fff) * 8}, {len(body)} bytes{more}, {how}{fault}"
    return f"{say_upper(proto, body, b'', src, dst)}, {how}{fault}"


def say_ip6(frame):
    p = frame[14:]
    tc, plen, nh, hops = (p[0] & 15) << 4 | p[1] >> 4, *struct.unpack_from("!HBB", p, 4)
    src, dst, body = socket.inet_ntop(10, p[8:24]), socket.inet_ntop(10, p[24:40]), p[40:40 + plen]
    how = f"hop limit {hops}" + (f", class {tc:#x}" if tc else "")
    while nh in (0, 60, 43, 44):
        if nh == 44:
            off = struct.unpack_from("!H", body, 2)[0]
            if off & 0xfff9:
                more = ", more" if off & 1 else ""
                return f"fragment at {off & 0xfff8}, {len(body) - 8} bytes{more}, {how}"
            how += ", atomic fragment"
            nh, body = body[0], body[8:]
            continue
        how += {0: ", hop-by-hop", 60: ", destination options", 43: ", routing header"}[nh]
        nh, body = body[0], body[body[1] * 8 + 8:]
    pseudo = p[8:40] + struct.pack("!II", len(body), nh)
    return f"{say_upper(nh, body, pseudo, src, dst)}, {how}"


def say_upper(proto, body, pseudo, src, dst):
    if proto == 1:
        return say_icmp(body, ICMP4, "" if csum(body) == 0 else ", bad checksum")
    if proto == 58:
        return say_icmp6(body, "" if csum(pseudo + body) == 0 else ", bad checksum", dst)
    if proto == 17:
        sport, dport, _, sum_ = struct.unpack_from("!HHHH", body)
        full = pseudo or socket.inet_pton(2, src) + socket.inet_pton(2, dst) + struct.pack("!HH", 17, len(body))
        fault = ", no checksum" if not sum_ else "" if csum(full + body) == 0 else ", bad checksum"
        return f"UDP {len(body) - 8} bytes to {dst}{fault}"
    if proto == 6:
        return say_tcp(body)
    if proto == 2:
        return say_igmp(body, dst)
    return f"protocol {proto}, {len(body)} bytes"


def say_tcp(body):
    bits = body[13]
    flags = "".join(c for i, c in enumerate("FSRPAUEC") if bits >> i & 1)
    return f"TCP {flags}"


def say_icmp(body, names, fault):
    kind, code, word = body[0], body[1], struct.unpack_from("!I", body, 4)[0]
    name = names.get(kind, "ICMP")
    if name.startswith("echo"):
        return f"{name} id {word >> 16} seq {word & 0xffff}, {len(body) - 8} bytes{fault}"
    if kind >= 128 or name == "timestamp reply":
        return f"{name}{fault}"
    more = ""
    if name == "redirect":
        more = f", to {socket.inet_ntop(2, body[4:8])}"
    elif name == "parameter problem":
        more = f", pointer {word >> 24 if names is ICMP4 else word}"
    elif (names is ICMP4 and (kind, code) == (3, 4)) or name == "packet too big":
        more = f", MTU {word & 0xffff}"
    return f"{name} ({kind}/{code}){more}, quotes {len(body) - 8} bytes{fault}"


def say_icmp6(body, fault, dst):
    kind = body[0]
    if kind in (130, 131, 132, 143):
        return say_mld(body, dst) + fault
    if kind not in (133, 134, 135, 136, 137):
        return say_icmp(body, ICMP6, fault)
    text = ICMP6[kind]
    if kind == 133:
        return text
    target = socket.inet_ntop(10, body[8:24]) if kind != 134 else "advertised"
    if kind == 136:
        text += " " + "".join(c for i, c in enumerate("RSO") if body[4] & 0x80 >> i)
    if kind == 137:
        text += f" of {socket.inet_ntop(10, body[24:40])} to"
    options = {1: "source", 2: "target", 4: "redirected header", 14: "nonce"}
    at, seen = {135: 24, 136: 24, 137: 40, 134: 16}[kind], []
    while at + 2 <= len(body) and body[at + 1]:
        seen.append(options.get(body[at], str(body[at])))
        at += body[at + 1] * 8
    return f"{text} {target}, to {dst}, options: {', '.join(seen) or 'none'}{fault}"


RECORDS = {1: "IS_IN", 2: "IS_EX", 3: "TO_IN", 4: "TO_EX", 5: "ALLOW", 6: "BLOCK"}


def records(body, n, at, size):
    """The records of a report, sorted: it is a set."""
    family, out = (2, []) if size == 4 else (10, [])
    for _ in range(n):
        kind, aux, n_src = struct.unpack_from("!BBH", body, at)
        group = socket.inet_ntop(family, body[at + 4:at + 4 + size])
        srcs = [socket.inet_ntop(family, body[at + 4 + size * (i + 1):][:size]) for i in range(n_src)]
        out.append(f"{RECORDS.get(kind, kind)} {group}" + (f" {{{', '.join(sorted(srcs))}}}" if srcs else ""))
        at += 4 + size * (n_src + 1) + aux * 4
    return out


def say_igmp(body, dst):
    fault = "" if csum(body) == 0 else ", bad checksum"
    kind, group = body[0], socket.inet_ntop(2, body[4:8])
    if kind == 0x22:
        return f"IGMPv3 report [{', '.join(sorted(records(body, struct.unpack_from('!H', body, 6)[0], 8, 4)))}] to {dst}{fault}"
    name = {0x11: "query", 0x12: "v1 report", 0x16: "v2 report", 0x17: "leave"}.get(kind, str(kind))
    return f"IGMP{'' if name[0] == 'v' else ' '}{name} of {group}, to {dst}{fault}"


def say_mld(body, dst):
    if body[0] == 143:
        n = struct.unpack_from("!H", body, 6)[0]
        return f"MLDv2 report [{', '.join(sorted(records(body, n, 8, 16)))}] to {dst}"
    name = {130: "query", 131: "v1 report", 132: "v1 done"}[body[0]]
    return f"MLD{'' if name[0] == 'v' else ' '}{name} of {socket.inet_ntop(10, body[8:24])}, to {dst}"


__all__ = [n for n in dir() if not n.startswith("_")]
