#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Malformed packets made by scapy: each ends in a counted drop reason, or the right ICMP error.

usage: malformed.py MALFORMED        (tests/interop/malformed.c)

Every case names, by a regular expression, the reasons one of which must come and, where the standards
want one, the ICMP error. What nobody may notice is not a case. At least 2,000 cases are made, and no
reason may account for more than 30 % of them. Exits with 77 where there is no scapy.
"""
import collections
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile

try:
    from scapy.all import (ARP, Dot1Q, Ether, ICMP, IP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                           IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                           ICMPv6ND_RA, ICMPv6ND_Redirect, HBHOptUnknown, Raw, TCP, UDP)
except ImportError as e:
    if e.name != "scapy":
        raise
    sys.exit(77)

ME, PEER = "10.0.0.1", "10.0.0.2"
ME6, PEER6 = "2001:db8::1", "2001:db8::2"
ETH = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
DATA = bytes(range(64))
MIN_CASES = 2000
MAX_SHARE = 30


class Cases:
    def __init__(self):
        self.frames, self.wants = [], []

    def add(self, name, frame, want, icmp=None):
        self.frames.append(bytes(frame))
        self.wants.append((name, want, icmp))

    def ip(self, name, payload, want, icmp=None, **fields):
        fields = {"src": PEER, "dst": ME} | fields
        self.add(name, ETH / IP(**fields) / payload, want, icmp)

    def ip6(self, name, payload, want, icmp=None, **fields):
        fields = {"src": PEER6, "dst": ME6} | fields
        self.add(name, ETH / IPv6(**fields) / payload, want, icmp)


def csum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def ip4_fixed(header):
    """A header with its checksum made right."""
    header = header[:10] + b"\0\0" + header[12:]
    return header[:10] + struct.pack("!H", csum(header)) + header[12:]


def ethernet(c):
    whole = bytes(ETH / IP(src=PEER, dst=ME) / UDP(dport=53) / DATA)
    for n in range(14):
        c.add(f"frame of {n} bytes", whole[:n], r"ETH_HDR|refused")
    for t in range(0x0600, 0xffff, 1201):
        if t not in (0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8):
            c.add(f"EtherType {t:#x}", whole[:12] + struct.pack("!H", t) + DATA, r"ETH_PROTO|ETH_VLAN")
    for n in range(0, 1501, 50):
        c.add(f"802.3 length {n}", whole[:12] + struct.pack("!H", n) + DATA, r"ETH_PROTO")
    for last in range(3, 33):
        c.add("another host's frame", Ether(dst=f"02:00:00:00:00:{last:02x}") / IP(src=PEER, dst=ME) / UDP() / DATA,
              r"ETH_OTHERHOST")
        c.add("group source", Ether(dst=ETH.dst, src=f"03:00:00:00:00:{last:02x}") / IP(src=PEER, dst=ME) / UDP(dport=53),
              r"ETH_SRC")
        c.add("VLAN not here", ETH / Dot1Q(vlan=last) / IP(src=PEER, dst=ME) / UDP(dport=53) / DATA, r"ETH_VLAN")
        c.add("unicast in a broadcast", Ether(dst="ff:ff:ff:ff:ff:ff", src=ETH.src) / IP(src=PEER, dst=ME) /
              UDP(dport=53, sport=last), r"IP_LINK_BROADCAST")


def arp(c):
    whole = bytes(ETH / ARP(op=1, psrc=PEER, pdst=ME, hwsrc=ETH.src))
    for n in range(14, 14 + 28):
        c.add(f"ARP cut at {n}", whole[:n], r"ARP_HDR")
    for field, values in {"hwtype": range(2, 34), "ptype": range(0x801, 0x821), "hwlen": [0, 1, 5, 7, 8, 255],
                          "plen": [0, 3, 5, 16, 255], "op": [0, *range(3, 25)]}.items():
        for v in values:
            c.add(f"ARP {field} {v}", ETH / ARP(**({"op": 1, "psrc": PEER, "pdst": ME} | {field: v})), r"ARP_")


def ip4_header(c):
    header = bytes(IP(src=PEER, dst=ME, len=20 + 72) / UDP(dport=53) / DATA)
    for n in range(20):
        c.add(f"IPv4 header cut at {n}", bytes(ETH)[:12] + b"\x08\0" + header[:n], r"IP4_HDR|IP4_VERSION")
    for v in range(16):
        if v != 4:
            for ihl in (5, 6, 15):
                c.ip(f"version {v}", UDP() / DATA, r"IP4_VERSION", version=v, ihl=ihl)
    for ihl in range(5):
        for n in range(4):
            c.ip(f"ihl {ihl}", UDP(sport=n) / DATA, r"IP4_HDR", ihl=ihl)
    for ihl in range(6, 16):
        c.add(f"ihl {ihl} beyond the datagram", ETH / IP(src=PEER, dst=ME, ihl=ihl, len=ihl * 4 - 4) / Raw(b"\1" * 16),
              r"IP4_HDR")
    for n in [*range(20), *range(93, 123), 1500, 65535]:
        c.ip(f"total length {n}", UDP(dport=53) / DATA, r"IP4_HDR", len=n)
    for bit in range(160):
        broken = bytearray(header)
        broken[bit // 8] ^= 0x80 >> bit % 8
        c.add(f"bit {bit} flipped", bytes(ETH)[:12] + b"\x08\0" + bytes(broken), r"IP4_CSUM|IP4_VERSION|IP4_HDR")


def ip4_addresses(c):
    bad_src = ["10.0.0.1", "10.0.0.255", "255.255.255.255", "0.0.0.0"]
    bad_src += [f"{a}.1.2.3" for a in (0, 127, *range(224, 256))] + [f"0.0.0.{n}" for n in range(1, 20)]
    bad_src += [f"127.0.0.{n}" for n in range(1, 10)]
    for src in bad_src:
        c.ip(f"source {src}", UDP(dport=53) / DATA, r"IP4_SRC", src=src)
    for dst in [f"{a}.1.2.3" for a in (0, 127, *range(240, 256))]:
        c.ip(f"destination {dst}", UDP(dport=53) / DATA, r"IP4_DST", dst=dst)
    for n in range(1, 40):
        c.ip("destination elsewhere", UDP(dport=53) / DATA, r"IP4_NOT_LOCAL", dst=f"198.51.100.{n}")
        c.add("group not joined", Ether(dst=f"01:00:5e:01:02:{n:02x}") / IP(src=PEER, dst=f"239.1.2.{n}") / UDP(dport=53),
              r"IP4_NOT_LOCAL|ETH_OTHERHOST")


def ip4_options(c):
    """Each of these has its pointer, but for source routes, which are refused."""
    def opt(name, data, want, icmp):
        data += b"\0" * (-len(data) % 4)
        header = bytes(IP(src=PEER, dst=ME, ihl=5 + len(data) // 4, len=20 + len(data) + 8, proto=17))[:20]
        header = ip4_fixed(header + data)
        c.add(name, bytes(ETH)[:12] + b"\x08\0" + header + bytes(UDP(sport=9, dport=53, len=8, chksum=0)), want, icmp)

    for t in (7, 30, 68, 94, 130, 131, 133, 134, 136, 137, 148, 158, 205, 222):
        for n in (0, 1, 9, 12, 40, 255):
            opt(f"option {t} of length {n}", bytes([t, n, 4, 0]), r"IP4_OPTIONS", "icmp:12/0")
        for pad in range(0, 4):
            opt(f"option {t} cut off", b"\1" * (7 - pad) + bytes([t]) if pad == 0 else
                b"\1" * (4 - pad) + bytes([t, 20]) + b"\1" * (pad - 1 if pad else 0), r"IP4_OPTIONS|IP4_SOURCE_ROUTE",
                None)
    for t in (7, 131, 137):
        for ptr in (0, 1, 2, 3, 5, 6, 7, 9, 255):
            opt(f"route {t} with pointer {ptr}", bytes([t, 11, ptr]) + b"\0" * 8, r"IP4_OPTIONS", "icmp:12/0")
    for ptr in (0, 1, 2, 3, 4, 6, 7, 8, 10, 255):
        opt(f"timestamp with pointer {ptr}", bytes([68, 12, ptr, 0]) + b"\0" * 8, r"IP4_OPTIONS", "icmp:12/0")
    for flag in (2, *range(4, 16)):
        opt(f"timestamp with flag {flag}", bytes([68, 12, 5, flag]) + b"\0" * 8, r"IP4_OPTIONS", "icmp:12/0")
    for n in range(3, 20):
        opt("source route", bytes([131, 11, 4]) + bytes([10, 0, 0, n, 10, 0, 0, 2]), r"IP4_SOURCE_ROUTE", None)
        opt("strict source route", bytes([137, 7, 4]) + bytes([10, 0, 0, n]), r"IP4_SOURCE_ROUTE", None)


def ip4_fragments(c):
    def frag(name, off, n, more, want, ident, icmp=None, **fields):
        c.ip(name, Raw((bytes(range(256)) * 6)[:n]), want, icmp, proto=17, id=ident, frag=off // 8,
             flags=1 if more else 0, **fields)

    for n in range(1, 8):
        for k in range(8):
            frag("not the last and no multiple of 8", 0, 8 * k + n, True, r"IP_FRAG_SIZE", 100 + n)
    for off in range(8, 400, 8):
        frag("empty fragment", off, 0, bool(off & 8), r"IP_FRAG_SIZE", 200)
    for off in range(65528, 65528 - 12 * 8, -8):
        frag("beyond 65535 bytes", off, 120, False, r"IP4_HDR", 300)
    for n in range(40):
        frag("first alone", 0, 64, True, r"IP_FRAG_TIMEOUT", 400 + n, "icmp:11/1")
        frag("last alone", 64, 64, False, r"IP_FRAG_TIMEOUT", 500 + n)


def udp(c, v):
    ip, me, want_icmp = (c.ip, ME, "icmp:3/3") if v == 4 else (c.ip6, ME6, "icmp6:1/4")
    proto = {"proto": 17} if v == 4 else {"nh": 17}
    for n in range(8):
        ip(f"UDP header cut at {n}", Raw(bytes(UDP(dport=53))[:n]), r"UDP_HDR", **proto)
    for n in [*range(8), *range(73, 93), 1000, 65535]:
        if v == 4 or n:
            ip(f"UDP length {n}", UDP(dport=53, len=n, chksum=1) / DATA, r"UDP_HDR|UDP_CSUM")
    good = bytes((IP(src=PEER, dst=ME) if v == 4 else IPv6(src=PEER6, dst=ME6)) / UDP(dport=53, sport=9) / DATA)
    head = 20 if v == 4 else 40
    etype = b"\x08\0" if v == 4 else b"\x86\xdd"
    for bit in range(0, 72 * 8, 5):
        broken = bytearray(good)
        broken[head + bit // 8] ^= 0x80 >> bit % 8
        c.add(f"UDP bit {bit} flipped", bytes(ETH)[:12] + etype + bytes(broken), r"UDP_CSUM|UDP_HDR")
    for port in [0, *range(54, 110)]:
        ip(f"UDP to port {port}", UDP(dport=port, sport=9) / DATA, r"UDP_NO_PORT", want_icmp)
    if v == 6:
        for n in range(20):
            ip("UDP without checksum", UDP(dport=53, sport=n, chksum=0) / DATA, r"UDP_CSUM")


def tcp(c, v):
    ip = c.ip if v == 4 else c.ip6
    proto = {"proto": 6} if v == 4 else {"nh": 6}
    for n in range(20):
        ip(f"TCP header cut at {n}", Raw(bytes(TCP(dport=80))[:n]), r"TCP_HDR", **proto)
    for off in [*range(5), *range(6, 16)]:
        ip(f"TCP data offset {off}", TCP(dport=80, dataofs=off), r"TCP_HDR|TCP_OPTIONS|TCP_CSUM")
    for n in range(60):
        ip("TCP checksum", TCP(dport=80, sport=1000 + n, chksum=1 + n) / DATA[:n], r"TCP_CSUM")
    for flags in range(256):
        if flags & 0x3f not in (2, 0) and not flags & 4:
            ip(f"TCP flags {flags:#x} to a closed port", TCP(dport=81, sport=1000, flags=flags, ack=1),
               r"TCP_NO_SOCKET|TCP_FLAGS")
    for kind, length in [(k, n) for k in (2, 3, 4, 5, 8, 30, 34) for n in (0, 1, 41, 255)]:
        ip(f"TCP option {kind} of length {length}", TCP(sport=1000, dport=80, flags="S", dataofs=6) /
           Raw(bytes([kind, length, 1, 1])), r"TCP_OPTIONS")


def icmp4(c):
    for n in range(8):
        c.ip(f"ICMP cut at {n}", Raw(bytes(ICMP())[:n]), r"ICMP_HDR", proto=1)
    for n in range(40):
        c.ip("ICMP checksum", ICMP(type=8, id=n, chksum=n + 1) / DATA[:n], r"ICMP_CSUM")
    for t in [1, 2, 4, 6, 7, *range(15, 60)]:
        c.ip(f"ICMP type {t}", ICMP(type=t) / DATA, r"ICMP_TYPE")
    for code in range(16, 40):
        c.ip(f"unreachable, code {code}", ICMP(type=3, code=code) / IP(src=ME, dst=PEER) / UDP() / DATA, r"ICMP_TYPE")
    for n in range(0, 28):
        c.ip(f"quote of {n} bytes", ICMP(type=3, code=3) / Raw(bytes(IP(src=ME, dst=PEER) / UDP())[:n]), r"ICMP_QUOTE")
    for n in range(3, 30):
        c.ip("quote of another's", ICMP(type=3, code=1) / IP(src=f"10.0.0.{n}", dst=PEER) / UDP() / DATA, r"ICMP_QUOTE")
        c.ip("quote of a later fragment", ICMP(type=3, code=1) / IP(src=ME, dst=PEER, frag=n, proto=17) / Raw(DATA),
             r"ICMP_QUOTE")
        c.ip("echo reply nobody waits for", ICMP(type=0, id=n) / DATA, r"ICMP_NO_SOCKET")
    for p in range(140, 253):
        c.ip(f"protocol {p}", Raw(DATA), r"IP4_NO_PROTO", "icmp:3/2", proto=p)


def ip6_header(c):
    whole = bytes(IPv6(src=PEER6, dst=ME6) / UDP(dport=53) / DATA)
    for n in range(40):
        c.add(f"IPv6 header cut at {n}", bytes(ETH)[:12] + b"\x86\xdd" + whole[:n], r"IP6_HDR|IP6_VERSION")
    for v in range(16):
        if v != 6:
            c.ip6(f"IPv6 version {v}", UDP(dport=53) / DATA, r"IP6_VERSION", version=v)
    for n in [*range(73, 110), 1000, 65535]:
        c.ip6(f"payload length {n}", UDP(dport=53) / DATA, r"IP6_HDR", plen=n)
    for src in ["::1", ME6, *(f"ff{n:02x}::1" for n in range(0, 256, 9))]:
        c.ip6(f"source {src}", UDP(dport=53) / DATA, r"IP6_SRC|IP6_SCOPE", src=src)
    for dst in ["::", "::1", *(f"ff0{n}::1" for n in (0, 1))]:
        c.ip6(f"destination {dst}", UDP(dport=53) / DATA, r"IP6_DST|IP6_NOT_LOCAL", dst=dst)
    for n in range(2, 60):
        c.ip6("destination elsewhere", UDP(dport=53) / DATA, r"IP6_NOT_LOCAL", dst=f"2001:db8:1::{n}")
    for p in [*range(61, 88), *range(140, 170)]:
        c.ip6(f"next header {p}", Raw(DATA), r"IP6_NO_PROTO", "icmp6:4/1", nh=p)
    for n in range(4):
        c.ip6("no next header", Raw(DATA[:n]), r"IP6_NO_NEXT", nh=59)


def ip6_extensions(c):
    for ext in (IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt):
        for action in range(1, 4):
            for t in (1, 9, 17, 30, 31):
                opt = HBHOptUnknown(otype=action << 6 | t, optdata=b"abcd")
                c.ip6(f"option {action << 6 | t:#x}", ext(options=[opt]) / UDP(dport=53) / DATA, r"IP6_OPTION",
                      "icmp6:4/2" if action >= 2 else None)
        nh = 0 if ext is IPv6ExtHdrHopByHop else 60
        for n in range(0, 8):
            c.ip6(f"extension cut at {n}", Raw(b"\x11\0\1\4\0\0\0\0"[:n]), r"IP6_EXT|IP6_HDR", nh=nh)
        for n in range(1, 40):
            c.ip6(f"extension of {n} words", Raw(bytes([17, n + 16]) + b"\1\4\0\0\0\0" + DATA), r"IP6_EXT|IP6_HDR", nh=nh)
        for n in range(5, 40):
            c.ip6("option beyond its header", Raw(bytes([17, 0, 5, n, 0, 0, 0, 0]) + bytes(UDP(dport=53))),
                  r"IP6_EXT|IP6_OPTION", nh=nh)
    for n in range(1, 30):
        c.ip6("routing header", IPv6ExtHdrRouting(type=0, segleft=n, addresses=[PEER6]) / UDP(dport=53),
              r"IP6_ROUTING|IP6_EXT", None)
        c.ip6("hop-by-hop behind another", IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / UDP(dport=53, sport=n),
              r"IP6_EXT|IP6_NO_PROTO", "icmp6:4/1")
    for n in range(1, 8):
        for k in range(5):
            c.ip6("fragment no multiple of 8", IPv6ExtHdrFragment(m=1, id=n, nh=17) / Raw(b"x" * (8 * k + n)),
                  r"IP_FRAG|IP6_FRAG")
    for n in range(40):
        c.ip6("last fragment alone", IPv6ExtHdrFragment(offset=8, m=0, id=100 + n, nh=17) / DATA, r"IP_FRAG|IP6_FRAG")
        c.ip6("first fragment alone", IPv6ExtHdrFragment(offset=0, m=1, id=200 + n, nh=17) / DATA, r"IP_FRAG|IP6_FRAG")


def icmp6(c):
    for n in range(4):
        c.ip6(f"ICMPv6 cut at {n}", Raw(b"\x80\0\0\0"[:n]), r"ICMP_HDR|ICMP_CSUM", nh=58)
    for n in range(40):
        c.ip6("ICMPv6 checksum", ICMPv6EchoRequest(id=n, cksum=n + 1) / DATA[:n], r"ICMP_CSUM")
    for make in (ICMPv6ND_NS(tgt=ME6), ICMPv6ND_NA(tgt=PEER6), ICMPv6ND_RA(), ICMPv6ND_Redirect(tgt=PEER6, dst=PEER6)):
        for hops in range(1, 255, 9):
            c.ip6("discovery from off the link", make, r"ND_HOPS|ICMP_TYPE", hlim=hops)
        for code in range(1, 20):
            bad = make.copy()
            bad.code = code
            c.ip6("discovery with a code", bad, r"ND_|ICMP_", hlim=255)
    for n in range(2, 30):
        c.ip6("discovery of another", ICMPv6ND_NS(tgt=f"2001:db8::{n:x}00"), r"ND_NOT_US", hlim=255)


def alerted(body):
    """An IPv6 payload of ICMPv6 behind a router alert."""
    return Raw(bytes([58, 0, 5, 2, 0, 0, 1, 0]) + body)


def icmp6_body(body, src, dst):
    pseudo = socket.inet_pton(10, src) + socket.inet_pton(10, dst) + struct.pack("!II", len(body), 58)
    return body[:2] + struct.pack("!H", csum(pseudo + body[:2] + b"\0\0" + body[4:])) + body[4:]


def igmp(c):
    mac, all_hosts, group = "01:00:5e:00:00:01", "224.0.0.1", bytes([239, 1, 2, 3])

    def add(name, body, want, ttl=1, fix=True, **kw):
        if fix and len(body) >= 4:
            body = body[:2] + struct.pack("!H", csum(body[:2] + b"\0\0" + body[4:])) + body[4:]
        ip = IP(**({"src": PEER, "dst": all_hosts, "ttl": ttl, "proto": 2} | kw))
        c.add(name, Ether(dst=mac, src=ETH.src) / ip / Raw(body), want)

    query = bytes([0x11, 1, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0])
    for n in range(8):
        add(f"IGMP cut at {n}", query[:n], r"IGMP_HDR|IGMP_CSUM")
    for n in range(9, 12):
        add(f"IGMP query cut at {n}", query[:n], r"IGMP_HDR")
    for n in range(1, 40):
        add("IGMP checksum", query[:2] + struct.pack("!H", n) + query[4:], r"IGMP_CSUM", fix=False)
    for ttl in [*range(2, 40), 255]:
        add(f"IGMP query with TTL {ttl}", query, r"IGMP_TTL", ttl=ttl)
        add(f"IGMP report with TTL {ttl}", bytes([0x16, 0, 0, 0]) + group, r"IGMP_TTL", ttl=ttl)
    for t in [*range(0, 0x11), 0x13, 0x14, 0x15, *range(0x18, 0x22), *range(0x23, 0x60)]:
        add(f"IGMP type {t:#x}", bytes([t, 0, 0, 0]) + group, r"IGMP_TYPE")
    for n in range(1, 40):
        add(f"IGMP query of {n} sources that are not there", query[:10] + struct.pack("!H", n) + bytes(4 * n - 1), r"IGMP_HDR")
    for n in range(4):
        add("IGMP query for a host", bytes([0x11, 1, 0, 0, 10, 0, 0, n + 1]), r"IGMP_HDR")


def mld(c):
    mac, dst, src = "33:33:00:00:00:01", "ff02::1", "fe80::2"
    query = struct.pack("!BBHHH", 130, 0, 0, 1000, 0) + bytes(16) + bytes([2, 125, 0, 0])

    def add(name, body, want, src=src, hops=1, alert=True):
        body = icmp6_body(body, src, dst)
        ip = IPv6(src=src, dst=dst, hlim=hops, nh=0 if alert else 58)
        c.add(name, Ether(dst=mac, src=ETH.src) / ip / (alerted(body) if alert else Raw(body)), want)

    for n in range(8, 24):
        add(f"MLD query cut at {n}", query[:n], r"MLD_HDR|ICMP_HDR")
    for n in range(25, 28):
        add(f"MLD query cut at {n}", query[:n], r"MLD_HDR")
    for hops in [0, *range(2, 40), 255]:
        add(f"MLD query with hop limit {hops}", query, r"MLD_SRC", hops=hops)
    for n in range(1, 30):
        add("MLD query from a global address", query, r"MLD_SRC", src=f"2001:db8::{n + 0x100:x}")
        add("MLD query without a router alert", query[:24] + bytes([2, n, 0, 0]), r"MLD_SRC", alert=False)
        add("MLD query of sources that are not there", query[:26] + struct.pack("!H", n) + bytes(16 * n - 1), r"MLD_HDR")


ND_MESSAGES = {133: 8, 134: 16, 135: 24, 136: 24, 137: 40}


def discovery(c):
    """Messages of discovery: their lengths, and their options'."""
    router, target = "fe80::2", socket.inet_pton(10, ME6)

    def add(name, kind, tail, want, src=None, dst=None, rest=0):
        src, dst = src or (router if kind in (134, 137) else PEER6), dst or (ME6 if kind != 134 else "ff02::1")
        mac = ETH.dst if kind != 134 else "33:33:00:00:00:01"
        body = icmp6_body(struct.pack("!BBHI", kind, 0, 0, rest) + tail, src, dst)
        c.add(name, Ether(dst=mac, src=ETH.src) / IPv6(src=src, dst=dst, hlim=255, nh=58) / Raw(body), want)

    for kind, length in ND_MESSAGES.items():
        fixed = {133: b"", 134: bytes(8), 135: target, 136: socket.inet_pton(10, PEER6),
                 137: socket.inet_pton(10, "fe80::9") + socket.inet_pton(10, "2001:db8:9::1")}[kind]
        if kind == 133:
            continue  # hosts do not listen to solicitations of routers
        malformed = r"ND_HDR" if kind != 137 else r"ND_HDR|ICMP_TYPE"  # redirects are not listened to everywhere
        for n in range(length - 8):
            add(f"discovery {kind} cut at {8 + n}", kind, fixed[:n], r"ND_|ICMP_")
        for t in (1, 2, 3, 4, 5, 14, 24, 25, 31, 77):
            add(f"option {t} of length 0 in {kind}", kind, fixed + bytes([t, 0]) + bytes(6), malformed)
            for units in (2, 31, 255):
                add(f"option {t} of {units} units beyond {kind}", kind, fixed + bytes([t, units]) + bytes(6), malformed)
            for n in range(1, 8):
                add(f"option {t} cut at {n} in {kind}", kind, fixed + (bytes([t, 1]) + bytes(6))[:n], malformed)
    for n in range(1, 20):
        add("advertisement of a router from a global address", 134, bytes(8), r"ND_", src=f"2001:db8::{n + 0x100:x}")
        add("solicitation for a group", 135, socket.inet_pton(10, f"ff02::{n:x}"), r"ND_")
        add("advertisement of a group", 136, socket.inet_pton(10, f"ff02::{n:x}"), r"ND_")
        add("solicited advertisement to a group", 136, socket.inet_pton(10, PEER6), r"ND_|ICMP_|IP6_NOT_LOCAL",
            dst="ff02::1", rest=0x40000000)


def ip6_options(c):
    """Every option of each action; padding that nobody honest makes; routing headers of all types."""
    for nh in (0, 60):
        for t in range(2, 32):
            for action in (1, 2, 3):
                c.ip6(f"option {action << 6 | t:#x}, empty", Raw(bytes([17, 0, action << 6 | t, 0, 0, 0, 0, 0]) +
                      bytes(UDP(dport=53, chksum=1))), r"IP6_OPTION", "icmp6:4/2" if action > 1 else None, nh=nh)
        for n in range(1, 5):
            c.ip6(f"padding that carries {n}", Raw(bytes([17, 0, 1, 4]) + bytes(4 - n) + b"x" * n), r"IP6_EXT", nh=nh)
        for n in range(6, 13):
            c.ip6(f"padding of {n + 2}", Raw(bytes([17, 1, 1, n]) + bytes(12)), r"IP6_EXT", nh=nh)
        c.ip6("padding of single bytes", Raw(bytes([17, 1]) + bytes(14)), r"IP6_EXT", nh=nh)
        for n in range(9, 15):
            c.ip6(f"{n} options", Raw(bytes([17, 3]) + bytes([30, 0]) * n + b"\1\0" * (15 - n)), r"IP6_EXT", nh=nh)
    for t in [*range(1, 6), 77, 253, 255]:
        for left in (1, 2, 23, 24, 255):
            c.ip6(f"routing header of type {t}, {left} left", Raw(bytes([17, 0, t, left, 0, 0, 0, 0])), r"IP6_ROUTING",
                  "icmp6:4/0", nh=43)
    for n in range(9, 15):
        c.ip6(f"{n} extension headers", Raw((bytes([60, 0, 1, 4]) + bytes(4)) * (n - 1) + bytes([17, 0, 1, 4]) + bytes(4)),
              r"IP6_EXT", nh=60)


def make_cases():
    c = Cases()
    ethernet(c)
    arp(c)
    ip4_header(c)
    ip4_addresses(c)
    ip4_options(c)
    ip4_fragments(c)
    udp(c, 4)
    tcp(c, 4)
    icmp4(c)
    ip6_header(c)
    ip6_extensions(c)
    udp(c, 6)
    tcp(c, 6)
    icmp6(c)
    igmp(c)
    mld(c)
    discovery(c)
    ip6_options(c)
    return c


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            f.write(struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame)


def main():
    cases = make_cases()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "malformed.pcap"
        write_pcap(path, cases.frames)
        out = subprocess.run([sys.argv[1], path], text=True, capture_output=True, timeout=600)
    if out.returncode:
        sys.exit(f"{out.stderr}\nnot ok - malformed ended with {out.returncode}")
    lines = out.stdout.splitlines()
    counts, n_bad = collections.Counter(), 0
    for line, (name, want, icmp) in zip(lines, cases.wants, strict=True):
        words = line.split()[1:]
        for word in words:
            counts[word] += ":" not in word
        if not any(re.fullmatch(f"(?:{want}).*", w) for w in words) or (icmp and icmp not in words):
            n_bad += 1
            if n_bad <= 40:
                print(f"not ok - {name} ({line.split()[0]}): want {want} {icmp or ''}, have {' '.join(words) or 'nothing'}")
    n = len(cases.wants)
    for reason, times in counts.most_common(12):
        print(f"# {reason} {times} ({100 * times / n:.1f} %)")
    worst, times = counts.most_common(1)[0]
    ok = [(n_bad == 0, f"{n} malformed packets are refused as they should be ({n_bad} are not)"),
          (n >= MIN_CASES, f"there are at least {MIN_CASES}"),
          (times * 100 <= MAX_SHARE * n, f"no reason has more than {MAX_SHARE} % ({worst}: {100 * times / n:.1f} %)")]
    for good, text in ok:
        print(f"{'ok' if good else 'not ok'} - {text}")
    sys.exit(not all(good for good, _ in ok))


if __name__ == "__main__":
    main()
