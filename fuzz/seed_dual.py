#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes programs for fuzz_dual into a folder: routers' words and addresses made of them, duplicates, redirects, groups
with a querier, fragments, small paths, neighbours that fail, routes of every kind, memory that fails.

usage: fuzz/seed_dual.py FOLDER         then: scripts/fuzz --merge dual (FOLDER is build/fuzz-corpus/dual)
"""
import pathlib
import re
import struct
import sys

from seed_stack import be16
from seed_stack_api import MLD2_REPORT, MLD_DONE, MLD_QUERY, MLD_REPORT, NA, NS, RA, REDIRECT, RS, icmp6, igmp, udp_in

TIME, _, TROUBLE, FRAME, _, _, REPLAY, _, SEND, _, OPEN, WRITE, _, FINISH, GROUP, OPTION, ADDR, ROUTE, SYSCTL, _, NETIF, NEIGH, FAIL, LOOK, HOOK = range(25)
AUTO, QUERIER = 1, 2
A, R, B = range(3)
UDP, ICMP, ICMP6, _, IGMP, ARP, ERROR, MIRROR, RAW = range(9)
TO_HOST, WRAP, SPLIT = 0x10, 0x40, 0x80
LOSS, TWICE, LATE, XOR, CUT = range(1, 6)
# rd_known()
(A4, B4, R4, R4_1, NO4, BCAST4, FAR4, GROUP4, A6, B6, R6, NO6, RLL, RLL_1, ALL6, GROUP6, DB8, LO6, ANY6, MAPPED, BCAST, ALL4, LO4,
 UNSPEC) = range(24)
SOURCE = (pathlib.Path(__file__).parent / "fuzz_dual.c").read_text()
CTLS = re.findall(r'^\t\t"(net\.[a-z0-9_.]+)",', SOURCE, re.M)


def ms(n):
    if n < 320:
        return bytes([TIME, n // 5])
    return bytes([TIME, 63 + n // 250]) if n < 24000 else bytes([TIME, min(239, 159 + n // 4000)])


def hours(n):
    return bytes([TIME, 239 + n])


def trouble(end, what, n=1, at=0, with_=0):
    kinds = [w for w in range(256) if w % 4 == end and (w >> 2) % 6 == what]
    return bytes([TROUBLE, kinds[0], n, at, with_])


def frame(kind, data, wrap=b"", pieces=None, host=False):
    what = kind | (WRAP if wrap else 0) | (SPLIT if pieces is not None else 0) | (TO_HOST if host else 0)
    return bytes([FRAME, what]) + data + wrap + (bytes([pieces]) if pieces is not None else b"")


def replay(what, *edits):
    return bytes([REPLAY, what, len(edits)]) + b"".join(bytes(e) for e in edits)


def send(node, to, size=20, kind=1, stays=False):
    if kind == 1 and (to <= GROUP4 or to in (BCAST, ALL4, LO4)):
        kind = 0
    return bytes([SEND, kind | node << 4 | (0x80 if stays else 0), to, size])


def ctl(node, name, value):
    return bytes([SYSCTL, node, next(i for i, c in enumerate(CTLS) if c.endswith(name)), value])


def addr(end, a, length, flags=0):
    return bytes([ADDR, end | flags, length, a])


DEL, DAD, NO_PREFIX, PREFERRED, VALID = 4, 8, 16, 32, 64


def route(node, how, dst, length, via=None, dev=None, src=None, more=0):
    """how: 0 del, 2 get, 3 default by the link-local address, 4 to 7 add, replace, change, append."""
    what = how << 3 | (1 if via is not None else 0) | (2 if dev is not None else 0) | (4 if src is not None else 0) | (128 if dev == 1 else 0)
    return bytes([ROUTE, node, what, more, dst, length]) + (bytes([via]) if via is not None else b"") + (bytes([src]) if src is not None else b"")


def words(values):
    return b"".join(struct.pack(">I", v) for v in values)


def prefix(flags=0xC0, valid=3600, preferred=1800, length=64, net=(0x20, 1, 0xD, 0xB8)):
    return bytes([3, 4, length, flags]) + words([valid, preferred, 0]) + bytes(net) + bytes(16 - len(net))


def ra(*options, hops=64, flags=0, life=1800, times=bytes(8), src=9, dst=4, odd=None):
    return icmp6(RA, 0, bytes([hops, flags]) + be16(life), (), times + b"".join(options), src=src, dst=dst, odd=odd)


LINK = bytes([1, 1, 2, 0, 0, 0, 0, 0])
MTU = bytes([5, 1, 0, 0]) + struct.pack(">I", 1400)


def rio(length, pref, life, n=2):
    return bytes([24, n, length, pref]) + struct.pack(">I", life) + (bytes([0x20, 1, 0xD, 0xB9]) + bytes(12))[:8 * n - 8]


def rdnss(life):
    return bytes([25, 3, 0, 0]) + struct.pack(">I", life) + bytes([0x20, 1, 0xD, 0xB8]) + bytes(11) + b"\5"


def dnssl(life):
    return bytes([31, 2, 0, 0]) + struct.pack(">I", life) + b"\2ab\1c\0\0\0"


def tell_from(last, flags=0, life=1800):
    """What the router fe80::LAST says to all."""
    return frame(ICMP6, bytes([16 | 2 | 4, 16, 0xFE, 0x80]) + bytes(13) + bytes([last, 4, RA, 0, 64, flags]) + be16(life) + bytes([8 << 2]) + bytes(8), host=True)


def routers():
    tell = lambda *o, **k: frame(ICMP6, ra(*o, **k), host=True)  # noqa: E731
    use = send(A, DB8) + send(A, B6) + bytes([LOOK, A])
    for how in (0, AUTO):
        yield how, "ra", tell(prefix(), LINK) + ms(2000) + use + tell(prefix(valid=100, preferred=50), LINK) + ms(60000) + use + ms(60000) + use
        yield how, "ra_options", tell(MTU, rio(48, 0, 600), LINK, times=words([5000, 300])) + tell(rio(64, 0x18, 600), rio(0, 8, 600, 1)) + use + tell(rio(64, 0x18, 0), rio(0, 0x10, 5, 1)) + \
            ms(9000) + tell(rdnss(600), dnssl(600)) + tell(rdnss(0), dnssl(0)) + tell(rdnss(0xFFFFFFFF)) + use
        for i, bad in enumerate((tell(src=0), tell(odd=16), tell(life=0), tell(bytes([3, 0])), tell(bytes([3, 1]) + bytes(6)), tell(prefix(length=200)), tell(prefix(length=63)),
                                 tell(prefix(preferred=9999)), tell(prefix(net=(0xFE, 0x80))), tell(prefix(valid=0)), tell(prefix(flags=0x40)), tell(prefix(flags=0x80)),
                                 tell(prefix(flags=0)), tell(bytes([5, 1, 0, 0]) + struct.pack(">I", 100)), tell(rio(129, 0, 5)), tell(hops=0), tell(flags=8), tell(flags=0x18), tell(flags=0x10),
                                 tell(prefix(net=(0xFD,))), tell(prefix(valid=0xFFFFFFFF, preferred=0xFFFFFFFF)), frame(ICMP6, ra(prefix())))):
            yield how, f"ra_case_{i}", tell(prefix(), LINK) + bad + ms(1000) + bad + use + ms(3000)
        for v in (1, 2):
            yield how, f"temporary_{v}", ctl(A, "eth0.use_tempaddr", v) + ctl(A, "max_desync_factor", 0) + tell(prefix(valid=60, preferred=30), LINK) + ms(3000) + use + ms(20000) + ms(20000) + \
                tell(prefix(), LINK) + use + hours(16) + hours(16)
            yield how, f"temporary_short_{v}", ctl(A, "temp_prefered_lft", 20) + ctl(A, "temp_valid_lft", 40) + ctl(A, "eth0.use_tempaddr", v) + tell(prefix(), LINK) + ms(24000) * 3 + use
        for mode in range(4):
            yield how, f"generate_{mode}", ctl(A, "addr_gen_mode", mode) + bytes([NETIF, 0, 0, NETIF, 0, 1]) + ms(2000) + tell(prefix(), LINK) + ms(2000) + use
    for name, values in (("accept_ra", (0, 2)), ("accept_ra_defrtr", (0,)), ("accept_ra_pinfo", (0,)), ("accept_ra_mtu", (0,)), ("accept_ra_rtr_pref", (0,)), ("plen", (0, 50)),
                         ("autoconf", (0,)), ("max_addresses", (0, 1)), ("eth0.hop_limit", (9,)), ("eth0.mtu", (201, 0)), ("regen_max_retry", (0,)), ("eth0.accept_dad", (0, 2)),
                         ("dad_transmits", (0, 3)), ("enhanced_dad", (0,)), ("eth0.disable_ipv6", (1,)), ("all.disable_ipv6", (1,)), ("all.accept_dad", (0,)), ("accept_redirects", (0,))):
        for v in values:
            yield AUTO, f"ra_{name}_{v}", ctl(A, name, v) + tell(prefix()) + tell(prefix(net=(0x20, 1, 0xD, 0xB9))) + tell(MTU, rio(48, 8, 600), LINK, flags=8) + ms(2000) + use + ctl(A, name, 1) + ms(2000) + \
                tell(prefix(), LINK) + use
    for mode in range(4):
        for temp in (0, 2):
            for retry in (0, 3):
                echo = b"".join(ms(60) + replay(16) + replay(16 | 1) for _ in range(60))
                yield AUTO, f"duplicates_{mode}_{temp}_{retry}", ctl(A, "enhanced_dad", 0) + ctl(A, "addr_gen_mode", mode) + ctl(A, "use_tempaddr", temp) + ctl(A, "max_desync_factor", 0) + ctl(A, "regen_max_retry", retry) + \
                    ms(2000) + tell(prefix(), LINK) + echo + use
                yield AUTO, f"duplicates_link_{mode}_{temp}_{retry}", ctl(A, "enhanced_dad", 0) + ctl(A, "eth0.accept_dad", 2 if retry else 1) + ctl(A, "addr_gen_mode", mode) + bytes([NETIF, 0, 0, NETIF, 0, 1]) + echo + use
    yield AUTO, "same_hardware_address", ms(3000) + bytes([NETIF, 3 << 2, 0, NETIF, 0, 0, NETIF, 0, 1]) + ms(3000) + tell(prefix(), LINK) + ms(3000) + use
    dns = b"".join(tell(bytes([25, 3, 0, 0]) + words([600 + i * 7 % 50]) + bytes([0x20, 1, 0xD, 0xB8]) + bytes(11) + bytes([i])) + tell(bytes([31, 2, 0, 0]) + words([600 + i]) + bytes([2, 97, 98 + i, 1, 99, 0, 0, 0])) for i in range(12))
    yield AUTO, "many_names", dns + ms(1000) + tell(rdnss(0), dnssl(0)) + tell(dnssl(5)) + ms(9000) + tell(bytes([31, 2, 0, 0]) + words([600]) + b"\x09ab\1c\0\0\0") + tell(bytes([31, 2, 0, 0]) + words([600]) + bytes(8)) + \
        tell(bytes([25, 2, 0, 0]) + words([600]) + bytes(8)) + tell(bytes([25, 1, 0, 0]) + words([600])) + tell(bytes([31, 1, 0, 0]) + words([600])) + hours(1)
    lost = trouble(1, LOSS, 15)
    for pref in (0, 8, 0x18, 0x10):
        yield AUTO, f"silent_router_{pref}", tell(flags=pref) + tell(src=8) + use + lost + send(A, DB8) + ms(9000) + lost + send(A, DB8) + ms(9000) + use + tell(flags=pref) + use
        yield AUTO, f"router_changes_{pref}", tell(rio(48, pref, 600), flags=pref) + tell(rio(48, pref, 600), flags=8) + tell(src=8, flags=pref) + use + tell(life=0, flags=pref) + use + frame(ICMP6, icmp6(NA, 0, bytes([0x20, 0, 0, 0]), (9,), \
            bytes([2, 1, 2, 0, 0, 0, 0, 0]), src=9, dst=4), host=True) + use + frame(ICMP6, icmp6(NA, 0, bytes([0xA0, 0, 0, 0]), (8,), bytes([2, 1, 2, 0, 0, 0, 0, 0]), src=8, dst=4), host=True) + use
    for prefs in ((0,) * 10, (0x18,) * 8 + (0, 8), (8,) * 8 + (0x18, 0), (0x18, 0, 8) * 4):
        told = b"".join(tell_from(i + 16, flags=pref) for i, pref in enumerate(prefs))
        yield AUTO, f"nine_routers_{prefs[0]}_{prefs[8]}", ms(2000) + told + use + trouble(1, LOSS, 15) + ms(9000) + use + ms(9000) + tell(flags=8) + tell_from(40, flags=8) + use + tell_from(16, life=0) + use
        yield AUTO, f"silent_routers_{prefs[0]}_{prefs[8]}", ms(2000) + told + (send(A, DB8) + ms(4000)) * 9 + tell_from(41) + tell_from(42, flags=8) + (send(A, DB8) + ms(4000)) * 3 + told + use
    for flags in (0x20, 0x60, 0xA0, 0, 0x40):
        gone = frame(ICMP6, icmp6(NA, 0, bytes([flags, 0, 0, 0]), (9,), bytes([2, 1, 2, 0, 0, 0, 0, 0]), src=9, dst=4), host=True)
        yield AUTO, f"no_router_any_more_{flags}", ms(2000) + tell(prefix(), LINK) + tell(rio(48, 0, 600)) + tell(src=8) + ms(2000) + use + gone + use + tell(prefix(), LINK) + gone + use
    yield AUTO, "asking", ms(5000) + ms(9000) + ctl(A, "router_solicitation_interval", 1) + ctl(A, "router_solicitations", 3) + bytes([NETIF, 0, 0, NETIF, 0, 1]) + ms(9000) + \
        frame(ICMP6, icmp6(RS, 0, bytes(4), (), LINK, src=8, dst=5)) + frame(ICMP6, icmp6(RS, 0, bytes(4), (), b"", src=7, dst=5)) + frame(ICMP6, icmp6(RS, 1, bytes(4), (), b"", src=8, dst=5))
    yield AUTO, "asking_never", ctl(A, "router_solicitations", 0) + bytes([NETIF, 0, 0, NETIF, 0, 1]) + ms(9000)
    many = b"".join(tell(prefix(net=(0x20, 1, 0xD, 0xB8, 0, 0, 0, i))) for i in range(20))
    yield AUTO, "many_prefixes", many + ms(2000) + use
    yield AUTO, "many_routers", b"".join(tell(src=s) for s in (8, 9)) + use + ms(2000) + tell(life=0) + use + b"".join(tell(rio(48 + i, 0, 600)) for i in range(10)) + use
    for n in range(1, 24, 2):
        yield AUTO, f"ra_no_memory_{n}", ctl(A, "eth0.use_tempaddr", 2) + bytes([FAIL, n, 0]) + tell(prefix(), LINK) + bytes([FAIL, n, 1]) + tell(prefix(net=(0x20, 1, 0xD, 0xB9)), rio(48, 0, 60, 2)) + ms(2000) + \
            bytes([FAIL, 0, 0]) + use


def neighbours():
    link, tlink = bytes([1, 1, 2, 0, 0, 0, 1, 0]), bytes([2, 1, 2, 0, 0, 0, 1, 0])
    cases = [icmp6(NS, 0, bytes(4), (2,), link, dst=10), icmp6(NS, 0, bytes(4), (2,), src=7, dst=10), icmp6(NS, 0, bytes(4), (2,), bytes([14, 1, 1, 2, 3, 4, 5, 6]), src=7, dst=10),
             icmp6(NS, 0, bytes(4), (2,), link, src=7, dst=10), icmp6(NS, 0, bytes(4), (2,)), icmp6(NS, 0, bytes(4), (4,), link), icmp6(NS, 0, bytes(4), (13,), link), icmp6(NS, 0, bytes(4), (2,), link, odd=16),
             icmp6(NS, 1, bytes(4), (2,), link), icmp6(NS, 0, bytes(4), (2,), bytes([1, 0])), icmp6(NS, 0, bytes(4), (), b"abc"), icmp6(NS, 0, bytes(4), (2,), bytes([1, 2]) + bytes(14)),
             icmp6(NA, 0, bytes([0x60, 0, 0, 0]), (0,), tlink), icmp6(NA, 0, bytes([0x20, 0, 0, 0]), (0,), tlink, dst=4), icmp6(NA, 0, bytes([0x40, 0, 0, 0]), (0,)), icmp6(NA, 0, bytes([0xE0, 0, 0, 0]), (0,), tlink),
             icmp6(NA, 0, bytes([0x40, 0, 0, 0]), (0,), tlink, dst=4), icmp6(NA, 0, bytes(4), (2,), tlink, dst=4), icmp6(NA, 0, bytes(4), (0,), tlink), icmp6(NA, 0, bytes(4), (4,), tlink), icmp6(NA, 1, bytes(4), (0,)),
             icmp6(NA, 0, bytes([0x20, 0, 0, 0]), (14,), tlink, dst=4), icmp6(NA, 0, bytes(4), (), b"xy"),
             icmp6(REDIRECT, 0, bytes(4), (8, 13), tlink, src=9), icmp6(REDIRECT, 0, bytes(4), (13, 13), tlink, src=9), icmp6(REDIRECT, 0, bytes(4), (0, 13), src=9), icmp6(REDIRECT, 0, bytes(4), (8, 4), src=9),
             icmp6(REDIRECT, 0, bytes(4), (8, 13), src=0), icmp6(REDIRECT, 1, bytes(4), (8, 13), src=9), icmp6(REDIRECT, 0, bytes(4), (8,), src=9)]
    for i, c in enumerate(cases):
        host = bytes([c[0] | 4]) + c[1:] if False else c
        yield 0, f"nd_{i}", frame(ICMP6, c) + send(R, A6) + frame(ICMP6, c) + ms(9000) + frame(ICMP6, c) + send(R, A6) + ms(24000) + frame(ICMP6, c) + send(R, NO6) + frame(ICMP6, c)
        yield 0, f"nd_host_{i}", route(A, 3, A6, 0) + send(A, B6) + frame(ICMP6, host, host=True) + send(A, B6) + send(A, RLL) + ms(9000) + frame(ICMP6, host, host=True) + send(A, B6)
    yield 0, "nobody", send(A, NO6) * 3 + send(A, NO4) * 3 + ms(5000) + send(A, NO6) + send(A, NO4) + ms(100000) + bytes([LOOK, A])
    yield 0, "nobody_behind", send(B, NO6, stays=True) + send(B, NO4, stays=True) + ms(9000) + send(B, NO6) + ms(3000)
    for to in (NO6, NO4):
        hold = b"".join(ms(200) + send(A, to) + send(B, to) for _ in range(24))
        yield 0, f"nobody_long_{to}", send(A, to, stays=True) + send(B, to, stays=True) + hold + bytes([NETIF, 0, 0]) + send(A, to) + bytes([NETIF, 0, 1]) + ms(24000) * 4 + bytes([LOOK, A])
        yield 0, f"nobody_opened_{to}", bytes([OPEN, B, to]) + hold
    yield 0, "many_neighbours", ctl(A, "gc_thresh3", 3) + b"".join(bytes([NEIGH, s << 3, a]) + send(A, a) for a in (NO6, NO4, R6, R4, RLL, DB8, FAR4) for s in (2, 1, 0)) + ms(3250) + send(A, NO6) + send(A, R4) + ms(24000) * 3
    yield 0, "many_neighbours_pending", ctl(A, "gc_thresh3", 2) + b"".join(send(A, a) for a in (NO6, NO4, R6, R4, RLL, A4)) + ms(3250) + send(A, NO6) + send(A, R4)
    yield 0, "reachable", send(A, B6) + ms(24000) * 2 + send(A, B6) + ms(9000) + trouble(1, LOSS, 15) + ms(24000) * 2 + send(A, B6) + ms(9000) + send(A, B6)
    yield 0, "neighbour_set", b"".join(bytes([NEIGH, s << 3 | 0, a]) + send(A, a) for s in range(3) for a in (NO6, NO4, R6, GROUP6)) + b"".join(bytes([NEIGH, 4, a]) for a in (NO6, NO4, R6)) + ms(9000)
    yield 0, "neighbours_full", ctl(A, "gc_thresh3", 2) + b"".join(send(A, a) for a in (NO6, NO4, R6, RLL, R4)) + ms(5000) + send(A, B6)
    for name, v in (("mcast_solicit", 1), ("ucast_solicit", 0), ("eth0.unres_qlen", 1), ("retrans_time_ms", 100), ("base_reachable_time_ms", 1), ("delay_first_probe_ms", 0), ("default.unres_qlen", 1),
                    ("locktime_ms", 0)):
        yield 0, f"neigh_{name}", ctl(A, name, v) + send(A, B6) * 2 + send(A, NO6) * 3 + ms(3000) + send(A, B6) + bytes([NETIF, 3 << 2 | 1, 9]) + send(A, B4) + ms(9000) + send(A, B6) + send(A, B4)
    yield 0, "hardware_address", send(A, B6) + send(A, B4) + bytes([NETIF, 3 << 2, 7]) + ms(1000) + send(B, A6) + send(B, A4) + bytes([NETIF, 3 << 2 | 1, 9]) + ms(3000) + send(A, B6)
    for i in range(4):
        yield 0, f"arp_{i}", frame(ARP, bytes([2 | i << 6, 0, 2])) + frame(ARP, bytes([4 | 8, 0, 0])) + frame(ARP, bytes([4, 0, 2])) + frame(ARP, bytes([i << 1, 2, 2])) + frame(ARP, bytes([2, 9, 2])) + \
            frame(ARP, bytes([2, 0, 2]), host=True) + frame(ARP, bytes([4, 2, 0]), host=True) + send(A, R4) + ms(1000) + send(A, B4)


def addresses():
    yield 0, "duplicate", addr(0, NO6, 64, DAD) + frame(ICMP6, icmp6(NS, 0, bytes(4), (7,), src=7, dst=4), host=True) + replay(8 | 16) + ms(2000) + send(A, B6) + bytes([LOOK, A])
    yield 0, "duplicate_na", addr(0, NO6, 64, DAD) + replay(8, (54, 136), (24, 0)) + frame(ICMP6, icmp6(NA, 0, bytes([0x20, 0, 0, 0]), (14,), dst=4), host=True) + ms(2000) + bytes([LOOK, A])
    yield 0, "duplicate_of_the_router", addr(0, R6, 64, DAD) + ms(2000) + bytes([LOOK, A]) + addr(0, R6, 64, DEL)
    yield 0, "duplicate_heard_itself", addr(0, NO6, 64, DAD) + replay(16) + replay(16 | 1) + ms(2000)
    yield 0, "duplicate_fatal", ctl(A, "eth0.accept_dad", 2) + ctl(A, "addr_gen_mode", 0) + bytes([NETIF, 0, 0, NETIF, 0, 1]) + replay(16) + replay(8 | 16, (54, 136)) + ms(3000)
    for a in range(24):
        for length in (0, 8, 24, 32, 64, 128):
            flags = (DAD, NO_PREFIX, PREFERRED | VALID, PREFERRED, VALID, 0)[(a + length) % 6]
            yield 0, f"address_{a}_{length}", addr(0, a, length, flags) * 2 + send(A, B6) + send(A, B4) + bytes([LOOK, A | 4 << 2, A6, B6, DB8, A4]) + ms(24000) + send(A, DB8) + addr(0, a, length, DEL) + \
                addr(0, a, (length + 1) % 129, DEL) + send(A, B6)
    yield 0, "choice", b"".join(addr(0, a, n) for a, n in ((DB8, 64), (NO6, 64), (A6, 128))) + b"".join(send(A, d) for d in (B6, DB8, RLL, ALL6, GROUP6, NO6)) + \
        bytes([LOOK, A | 7 << 2, A6, B6, DB8, A4, RLL, ANY6, MAPPED]) + bytes([LOOK, A | 7 << 2, LO6, GROUP6, UNSPEC, BCAST, FAR4, LO4, NO6])
    yield 0, "policies", b"".join(bytes([LOOK, A | 3 << 2 | 32 | n << 6, A6, B6, A4, x, 64, y, 128, ALL6, 16]) for n in range(4) for x, y in ((DB8, A6), (A4, B6), (A6, A6))) + send(A, B6)
    for to in (NO6, DB8):
        yield 0, f"duplicate_told_{to}", addr(0, NO6, 64, DAD) + (frame(ICMP6, icmp6(NS, 0, bytes(4), (14,), src=7, dst=4), host=True) if to == NO6 else
                                                                 frame(ICMP6, icmp6(NA, 0, bytes([0x20, 0, 0, 0]), (14,), bytes([2, 1, 2, 0, 0, 0, 9, 9]), dst=4), host=True)) + ms(3000) + send(A, B6) + addr(0, NO6, 64) + bytes([LOOK, A])
    yield 0, "moves", addr(0, A6, 64, DEL) + send(A, B6) + addr(0, A4, 24, DEL) + send(A, B4) + addr(1, R6, 64, DEL) + send(B, A6) + addr(0, A6, 64) + send(A, B6)
    routes = [(4, dict(via=R6)), (4, dict(via=R6, src=A6)), (4, dict(via=NO6, dev=0)), (4, dict(dev=0)), (4, dict()), (4, dict(via=B6)), (5, dict(via=R6)), (5, dict(via=RLL, dev=0)), (6, dict(via=R6, more=1)), (7, dict(via=R6)),
              (7, dict(via=RLL, dev=0)), (4, dict(via=R4)), (4, dict(via=RLL)), (4, dict(via=ALL6)), (4, dict(src=DB8, dev=0))]
    gets = b"".join(route(A, 2, d, 128) + route(A, 2, d, 128, src=A6) + route(A, 2, d, 128, dev=0) for d in (DB8, B6, NO6, RLL, ALL6, LO6, ANY6, A6, B4, A4, FAR4, ALL4, BCAST))
    for i, (how, kw) in enumerate(routes):
        for more in (0, 8, 12, 16, 33, 64):
            kw = dict(kw, more=kw.get("more", 0) | more)
            r = route(A, how, DB8, 64, **kw)
            yield 0, f"route_{i}_{more}", r * 2 + send(A, DB8) + (gets if more == 0 else b"") + route(A, 0, DB8, 64, **kw) + route(A, 0, DB8, 64) + send(A, DB8)
    yield 0, "routes_together", b"".join(route(A, 7, DB8, 64, via=v, dev=0) for v in (R6, RLL, NO6)) + send(A, DB8) + trouble(1, LOSS, 15) + ms(9000) + send(A, DB8) + bytes([NETIF, 0, 0]) + send(A, DB8) + \
        bytes([NETIF, 0, 1]) + send(A, DB8) + route(A, 0, DB8, 64) * 4
    for length in (0, 1, 7, 48, 63, 65, 127, 128):
        yield 0, f"route_length_{length}", route(A, 4, DB8, length, dev=0) + route(R, 4, DB8, length, via=B6, dev=1) + send(A, DB8) + gets + route(A, 5, DB8, length, via=R6) + send(A, DB8) + route(R, 0, DB8, length)
    yield 0, "refused", b"".join(route(R, 4, DB8, 64, more=m) + send(A, DB8, stays=True) + route(R, 0, DB8, 64, more=m) for m in (8, 12, 16))


def wires():
    talk = bytes([OPEN, A, B6]) + b"".join(bytes([WRITE, s, 250]) for s in (6, 7)) + ms(300)
    for what in (LOSS, TWICE, LATE, XOR, CUT):
        for end in range(4):
            yield 0, f"trouble_{what}_{end}", talk + trouble(end, what, 5, 60, 3) + bytes([WRITE, 6, 200, WRITE, 7, 120]) + ms(2000) + send(A, B6, 220) + trouble(end, what, 9, 20, 9) + send(B, A4, 200) + ms(9000) + \
                bytes([FINISH, 6, 1, FINISH, 7, 2]) + ms(3000)
    yield 0, "talk_4", bytes([OPEN, A, B4]) + bytes([WRITE, 6, 250]) + ms(500) + bytes([FINISH, 6, 2]) + ms(3000)
    for size in (20, 105, 130, 200, 250):
        for kind, a, b in ((0, A4, B4), (1, A6, B6), (2, A4, B4), (3, A6, B6), (4, A6, B6)):
            yield 0, f"datagram_{kind}_{size}", send(A, b, size, kind, True) + ms(50) + send(B, a, size, kind) + trouble(0, LATE, 3) + send(A, b, size, kind) + trouble(0, LOSS, 1) + send(A, b, size, kind) + ms(60000) + ms(60000)
    for mtu in (0, 60, 175, 190, 250):
        yield 0, f"small_path_{mtu}", bytes([NETIF, 1 << 2 | 3, mtu]) + send(A, B6, 110, stays=True) + send(A, B6, 110, stays=True) + send(A, B4, 110, stays=True) + send(A, B4, 110) + talk + ms(3000) + hours(1) + send(A, B6, 110) + \
            bytes([NETIF, 1 << 2 | 2, mtu]) + ms(1000) + send(A, B6, 110)
        for clamp in (0, 1, 100, 140):
            yield 0, f"clamp_{mtu}_{clamp}", bytes([NETIF, 1 << 2 | 3, mtu, NETIF, 2 << 2 | 1, clamp, NETIF, 2 << 2 | 3, clamp]) + talk + bytes([OPEN, A, B4]) + bytes([OPEN, B, A6]) + ms(900)
    for i in range(10):
        yield 0, f"option_{i}", b"".join(send(A, B6, 20, stays=True) + bytes([OPTION, 6, i, v]) + bytes([WRITE, 6, s]) for v, s in ((0, 110), (1, 110), (2, 110), (3, 200), (4, 200), (5, 110), (120, 105)))
    for pieces in (1, 3, 0x0B, 0x13, 0x23, 0x43, 7):
        for ip6 in (False, True):
            for to in (None, b"\1"):
                yield 0, f"fragments_{pieces}_{ip6:d}_{to is None:d}", frame(UDP, udp_in(ip6=ip6, length=255, dst=to), pieces=pieces) * 2 + ms(60000) + ms(60000)
    for n in (0, 201, 210):
        yield 0, f"fragments_bound_{n}", ctl(R, "ip6frag_high_thresh", n) + ctl(R, "ip6frag_low_thresh", n) + ctl(R, "ipfrag_high_thresh", n) + frame(UDP, udp_in(ip6=True, length=255), pieces=3) + frame(UDP, udp_in(length=255), pieces=3) + \
            ctl(R, "ip6frag_time", 1) + frame(UDP, udp_in(ip6=True, length=255), pieces=0x13) + ms(5000)
    exts = [bytes([k]) + bytes(o) for k in (0, 1) for o in ((0, 0, 1, 4, 0, 0, 0, 0), (0, 0, 0x3E, 4, 0, 0, 0, 0), (0, 0, 0x7E, 4, 0, 0, 0, 0), (0, 0, 0xBE, 4, 0, 0, 0, 0), (0, 0, 0xFE, 4, 0, 0, 0, 0), (0, 0, 0xC2, 4, 0, 1, 0, 0),
                                                            (0, 0, 5, 2, 0, 0, 1, 0), (0, 0, 1, 9, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0xC9, 4, 0, 0, 0, 0))]
    exts += [bytes([2]) + bytes([0, 0, t, n, 0, 0, 0, 0]) for t in (0, 2, 4) for n in (0, 1)] + [bytes([k]) + bytes(8) for k in (3, 4, 5, 6, 7)] + [bytes([0x80]) + bytes([0, 9, 1, 4, 0, 0, 0, 0])]
    exts += [bytes([0x41, 0, 0, 1, 4, 0, 0, 0, 0]) * n + exts[0] for n in (1, 2, 9)] + [bytes([0x40, 0, 0, 1, 4, 0, 0, 0, 0]) + exts[0], bytes([3, 0, 0, 0, 1, 0, 0, 0, 0]), bytes([3, 0, 0, 0, 9, 0, 0, 0, 0])]
    for i, ext in enumerate(exts):
        yield 0, f"extension_{i}", frame(UDP, udp_in(ip6=True), ext) + frame(ICMP, bytes([16, 0, 0, 20]), ext) + frame(UDP, udp_in(ip6=True, dst=b"\1"), ext) + frame(UDP, udp_in(ip6=True, dst=b"\4"), ext) + ms(1500) + \
            frame(UDP, udp_in(ip6=True, length=100), ext, pieces=2) + frame(UDP, udp_in(ip6=True, dst=b"\0"), ext, host=True)
    for i in range(16):
        both = frame(UDP, udp_in(ip6=True, dst=bytes([i]))) + frame(ICMP, bytes([20, i, 0, 0, 20])) + frame(UDP, udp_in(ip6=True, src=bytes([i]))) + frame(UDP, bytes([18 | 8 | 4, i, 1, 16, 0x00, 20]))
        yield 0, f"from_to_{i}", both + ctl(R, "icmp.ratelimit", 0) + both + bytes([NETIF, 2, 0]) + both + frame(UDP, udp_in(ip6=True, dst=bytes([i])), host=True) + frame(UDP, udp_in(ends=0x40, ip6=True, dst=bytes([i])))
        yield 0, f"from_to_4_{i}", frame(UDP, udp_in(dst=bytes([i]) + bytes(4 if i > 14 else 0))) + frame(ICMP, bytes([4, i]) + bytes(4 if i > 14 else 0) + bytes([8, 0, 20]))
    for i in range(16):
        yield 0, f"refused_from_{i}", ctl(R, "icmp.ratelimit", 0) + frame(UDP, udp_in(ends=0x40, ip6=True, src=bytes([i]))) + frame(UDP, udp_in(ends=0x40, ip6=True, dst=bytes([i]))) + \
            b"".join(frame(ICMP6, icmp6(k, 0, bytes(4), (), b"x" * 20, src=i, dst=1, odd=16)) for k in (0, 1, 9, 11, 12, 14)) + frame(UDP, udp_in(ip6=True, src=bytes([i])), bytes([1]) + bytes([0, 0, 0xBE, 4, 0, 0, 0, 0])) + \
            frame(UDP, udp_in(ip6=True, src=bytes([i]), length=255), pieces=0x13) + frame(UDP, udp_in(ip6=True, dst=bytes([i]), length=255), pieces=3) + ms(60000) + ms(9000)
    for odd in (2, 128, 1, 64):
        for k in range(15):
            yield 0, f"odd_{odd}_{k}", frame(ICMP6, icmp6(k, 0, bytes(4), (2,), b"y" * 8, odd=odd)) + frame(ICMP6, icmp6(k, 0, bytes(4), (2,), b"y" * 8, src=9, dst=4, odd=odd), host=True) + \
                frame(ICMP6, icmp6(k, 0, bytes(4), (2,), b"y" * 8), pieces=1) + frame(ICMP6, icmp6(k, 0, bytes(4), (2,), b"y" * 8), bytes([3]) + bytes(8)) + frame(ICMP6, icmp6(k, 0, bytes(4)), b"", None)
    for i in range(6):
        for mtu in (68, 600, 1280, 1400, 9000):
            yield 0, f"path_{i}_{mtu}", b"".join(send(A, to, 20, stays=True) + frame(ERROR, bytes([0, i, 4]) + be16(mtu)) + frame(ERROR, bytes([1, i, 4]) + be16(mtu - 20)) + bytes([WRITE, 6, 110]) for to in (B6, B4, DB8)) + \
                ctl(A, "mtu_expires", 0) + frame(ERROR, bytes([0, i, 4]) + be16(mtu)) + ctl(A, "mtu_expires", 5) + frame(ERROR, bytes([0, i, 4]) + be16(mtu)) + ms(9000) + send(A, B6) + send(A, B4)
    for i in range(6):
        for code in (0, 1, 4, 7):
            yield 0, f"error_{i}_{code}", send(A, B6, 130, stays=True) + frame(ERROR, bytes([0, i, code]) + be16(1280)) + frame(ERROR, bytes([0, i, code]) + be16(600), host=True) + bytes([WRITE, 6, 130]) + \
                frame(ERROR, bytes([1, i | 64, code]) + be16(1300), host=True) + bytes([OPTION, 6, 7, 1]) + frame(ERROR, bytes([2, i, code]) + be16(1290), host=True) + bytes([WRITE, 6, 130])
    for end in range(4):
        for what in range(6):
            yield 0, f"interface_{end}_{what}", send(A, B6) + bytes([NETIF, what << 2 | end, 0]) + send(A, B6) + send(A, B4) + ms(2000) + bytes([NETIF, what << 2 | end, 1]) + ms(2000) + send(A, B6) + send(B, A6)
    for v in (1, 2):
        for node in (A, R, B):
            for point in range(5):
                for four in (0, 32):
                    yield 0, f"hook_{v}_{node}_{point}_{four}", bytes([HOOK, node | point << 2 | four | v << 6]) + send(A, B6) + send(A, B4) + send(B, A6, 130) + send(R, A6) + send(A, ALL6, kind=3) + send(A, GROUP4) + \
                        frame(UDP, udp_in(ip6=True, length=255), pieces=3) + bytes([HOOK, 0]) + send(A, B6)
    syn = lambda to: bytes([NETIF, 2 << 2 | 1, 60, NETIF, 2 << 2 | 3, 90]) + bytes([OPEN, A, to])  # noqa: E731
    for off, to in ((66, B6), (46, B4)):
        for i, edits in enumerate((((off, 0x50),), ((off, 0xF0),), ((off, 0x40),), ((off, 0x60),), ((off + 8, 1),), ((off + 8, 0),), ((off + 9, 0),), ((off + 9, 1),), ((off + 9, 40),), ((off + 9, 3),), ((off + 8, 9),),
                                   ((off + 10, 0), (off + 11, 10)), ((off + 1, 18),), ((off + 1, 16),), ((20, 44),), ((20, 60),), ((20, 0),), ((off + 10, 255),), ((off + 8, 1), (off + 9, 1), (off + 10, 2), (off + 11, 4)))):
            yield 0, f"syn_{to}_{i}", syn(to) + b"".join(replay(8 | b, *edits) for b in range(8))
    yield 0, "replays", talk + b"".join(replay(b | 8 | o, (54 + b, 1), (20, 7)) for b in range(8) for o in (0, 16, 32))
    yield 0, "not_forwarding", ctl(R, "all.forwarding", 0) + send(A, B6) + ctl(R, "ip_forward", 0) + send(A, B4) + ctl(R, "all.forwarding", 1) + send(A, B6)
    yield 0, "echo_ignored", ctl(B, "echo_ignore_all", 1) + send(A, B6, kind=3) + ctl(A, "echo_ignore_multicast", 1) + send(R, ALL6, kind=3) + ctl(A, "echo_ignore_multicast", 0) + send(R, ALL6, kind=3, stays=True)
    yield 0, "no_labels", ctl(A, "auto_flowlabels", 0) + send(A, B6) + talk
    for n in range(1, 30, 2):
        yield 0, f"no_memory_{n}", bytes([FAIL, n, 2]) + send(A, B6, 130) + send(B, A4, 130) + bytes([FAIL, n, 0]) + frame(UDP, udp_in(ip6=True, length=255), pieces=3) + bytes([FAIL, n, 1]) + addr(0, DB8, 64, DAD) + route(A, 4, DB8, 48, via=R6) + \
            bytes([FAIL, n, 0]) + bytes([GROUP, 1, 0, GROUP6, A6]) + ms(500) + bytes([FAIL, n, 3]) + talk + route(A, 5, DB8, 48, via=RLL, dev=0) + frame(ICMP, bytes([16, 0, 0, 90]))


def groups():
    def join(slot, name, g, src=A6, ip4=False, other=False):
        return bytes([GROUP, slot, name | (16 if ip4 else 0) | (32 if other else 0), g, src])

    JOIN, BLOCK, UNBLOCK, LEAVE, JOIN_SOURCE, LEAVE_SOURCE = range(6)
    v4 = send(A, B4, kind=0, stays=True)  # slot 6, of IPv4
    query = icmp6(MLD_QUERY, 0, be16(1000, 0), (7,), bytes([2, 125, 0, 0]), dst=4, src=8)
    alert = bytes([0]) + bytes([0, 0, 5, 2, 0, 0, 1, 0])
    one = lambda q: bytes([q[0] | 8]) + q[1:3] + bytes([16]) + q[3:]  # noqa: E731 (hop limit 1)
    for how in (0, QUERIER):
        yield how, "members", join(1, JOIN, GROUP6) + v4 + join(6, JOIN, GROUP4, ip4=True) + ms(9000) + send(R, GROUP6) + send(R, GROUP4, kind=0) + join(1, BLOCK, GROUP6, A6) + join(1, BLOCK, GROUP6, NO6) + \
            join(6, BLOCK, GROUP4, NO4, True) + ms(5000) + join(1, UNBLOCK, GROUP6, A6) + ms(2000) + join(1, LEAVE, GROUP6) + join(6, LEAVE, GROUP4, A4, True) + ms(9000) + bytes([LOOK, R])
        yield how, "sources", join(1, JOIN_SOURCE, GROUP6, R6) + join(1, JOIN_SOURCE, GROUP6, NO6) + v4 + join(6, JOIN_SOURCE, GROUP4, R4, True) + ms(9000) + send(R, GROUP6) + send(R, GROUP4, kind=0) + \
            join(1, LEAVE_SOURCE, GROUP6, NO6) + join(6, LEAVE_SOURCE, GROUP4, R4, True) + ms(9000) + join(1, LEAVE_SOURCE, GROUP6, R6) + ms(9000) + bytes([LOOK, R])
        yield how, "two_members", join(1, JOIN, GROUP6) + join(5, JOIN, GROUP6) + send(A, A4, kind=1, stays=True) + join(6, JOIN_SOURCE, GROUP6, R6) + ms(9000) + ms(100000) + ms(60000) + join(1, LEAVE, GROUP6) + ms(9000) + \
            join(6, LEAVE, GROUP6) + ms(100000) * 3
        for v in (1, 2, 3):
            yield how, f"version_{v}", ctl(A, "force_igmp_version", v) + ctl(A, "force_mld_version", min(v, 2)) + ctl(R, "force_igmp_version", v) + ctl(R, "force_mld_version", min(v, 2)) + join(1, JOIN, GROUP6) + v4 + \
                join(6, JOIN, GROUP4, ip4=True) + ms(12000) + join(1, LEAVE, GROUP6) + join(6, LEAVE, GROUP4, A4, True) + ms(100000) + bytes([LOOK, R])
        for i, (q, host) in enumerate(((query, True), (icmp6(MLD_QUERY, 0, be16(1000, 0), (7,), dst=4, src=8), True), (icmp6(MLD_QUERY, 0, be16(9, 0), (11,), bytes([2, 125, 0, 0]), dst=4, src=8), True),
                                       (icmp6(MLD_QUERY, 0, be16(0x9000, 0), (11,), bytes([0x8A, 0x99, 0, 0]), dst=4, src=8), True),
                                       (icmp6(MLD_QUERY, 0, be16(1000, 0), (7,), bytes([2, 125, 0, 0]), dst=4, src=8), False), (icmp6(MLD_REPORT, 0, bytes(4), (11,), dst=11, src=8), False),
                                       (icmp6(MLD_DONE, 0, bytes(4), (11,), dst=5, src=8), False), (icmp6(MLD2_REPORT, 0, bytes([0, 0, 0, 1]), (), bytes([4, 0, 0, 0, 0xFF, 0x15]) + bytes(12) + bytes([1, 5]), dst=12, src=8), False),
                                       (icmp6(MLD2_REPORT, 0, bytes([0, 0, 0, 1]), (), bytes([1, 0, 0, 1, 0xFF, 0x15]) + bytes(12) + bytes([1, 5, 0xFD]) + bytes(14) + b"\7", dst=12, src=8), False),
                                       (icmp6(MLD2_REPORT, 0, bytes([0, 0, 0, 1]), (), bytes([6, 0, 0, 1, 0xFF, 0x15]) + bytes(12) + bytes([1, 5, 0xFD]) + bytes(14) + b"\7", dst=12, src=8), False),
                                       (icmp6(MLD2_REPORT, 0, bytes([0, 0, 0, 9]), (), bytes([6, 0, 0, 9]), dst=12, src=8), False), (query, False))):
            f = frame(ICMP6, one(q), alert, host=host)
            yield how, f"mld_{i}", join(1, JOIN, GROUP6) + join(1, BLOCK, GROUP6, NO6) + ms(1000) + f + ms(2000) + f + ms(12000) + frame(ICMP6, q, host=host) + frame(ICMP6, one(q), host=host) + ms(100000) + bytes([LOOK, R])
        g4 = bytes([239, 1, 1, 1])
        for i, (q, host) in enumerate(((igmp(0x11, 100), True), (igmp(0x11), True), (igmp(0x11, 20, rest=bytes([2, 125, 0, 0])), True), (igmp(0x11, 0x90, g4, bytes([0x8A, 0x99, 0, 0])), True),
                                       (igmp(0x11, 10, g4, bytes([2, 125, 0, 1, 10, 0, 0, 3])), True), (igmp(0x11, 20, rest=bytes([2, 125, 0, 0])), False), (igmp(0x12, 0, g4), False), (igmp(0x16, 0, g4), False), (igmp(0x17, 0, g4), False),
                                       (igmp(0x22, 0, bytes([0, 0, 0, 1]), bytes([4, 0, 0, 0]) + g4), False), (igmp(0x22, 0, bytes([0, 0, 0, 1]), bytes([1, 0, 0, 1]) + g4 + bytes([10, 0, 0, 2])), False),
                                       (igmp(0x22, 0, bytes([0, 0, 0, 1]), bytes([6, 0, 0, 1]) + g4 + bytes([10, 0, 0, 2])), False), (igmp(0x22, 0, bytes([0, 0, 0, 1]), bytes([3, 0, 0, 1]) + g4 + bytes([10, 0, 0, 2])), False),
                                       (igmp(0x22, 0, bytes([0, 0, 0, 1]), bytes([2, 0, 0, 1]) + g4 + bytes([10, 0, 0, 2])), False), (igmp(0x22, 0, bytes([0, 0, 0, 1]), bytes([5, 0, 0, 1]) + g4 + bytes([10, 0, 0, 2])), False),
                                       (igmp(0x22, 0, bytes([0, 0, 0, 9]), bytes([5, 0, 0, 1]) + g4), False))):
            f = frame(IGMP, q, bytes([0, 0x94, 4, 0, 0]), host=host)
            yield how, f"igmp_{i}", v4 + join(6, JOIN, GROUP4, ip4=True) + join(6, BLOCK, GROUP4, NO4, True) + ms(1000) + f + ms(2000) + f + ms(12000) + frame(IGMP, q, host=host) + ms(100000) + ms(100000) + bytes([LOOK, R])
    yield QUERIER, "querier_settings", ctl(R, "igmp_query_interval", 1) + ctl(R, "response_interval", 100) + ctl(R, "igmp_qrv", 7) + ms(9000) + join(1, JOIN, GROUP6) + ms(5000) + ctl(R, "igmp_querier", 0) + ms(9000) + ctl(R, "igmp_querier", 1) + \
        join(1, LEAVE, GROUP6) + ms(9000)
    v3 = lambda kind, n, g, srcs=b"": igmp(0x22, 0, bytes([0, 0, 0, n]), bytes([kind, 0, 0, len(srcs) // 4]) + g + srcs)  # noqa: E731
    alert4 = bytes([0, 0x94, 4, 0, 0])
    ten = b"".join(bytes([10, 0, 0, 20 + i]) for i in range(12))
    for kind in range(8):
        for was in (1, 2, 3, 4):
            for srcs in (b"", bytes([10, 0, 0, 2]), ten):
                yield QUERIER, f"record_{was}_{kind}_{len(srcs)}", ms(500) + frame(IGMP, v3(was, 1, g4, bytes([10, 0, 0, 2, 10, 0, 0, 9])), alert4) + frame(IGMP, v3(kind, 1, g4, srcs), alert4) + ms(3000) + \
                    frame(IGMP, v3(was, 1, g4, srcs), alert4) + send(R, GROUP4, kind=0) + ms(9000) + ms(100000)
        yield QUERIER, f"record_no_group_{kind}", frame(IGMP, v3(kind, 1, bytes([10, 0, 0, 9])), alert4) + frame(IGMP, v3(kind, 2, bytes([224, 0, 0, 1])), alert4)
        yield QUERIER, f"record_old_{kind}", frame(IGMP, igmp(0x12 if kind & 1 else 0x16, 0, g4), alert4) + frame(IGMP, v3(kind, 1, g4, ten), alert4) + frame(IGMP, igmp(0x17, 0, g4), alert4) + ms(3000) + frame(IGMP, v3(4, 1, g4), alert4) + ms(100000)
    for odd in (2, 16, 128, 18):
        for q in (bytes([12, 8, odd]), bytes([8, odd])):
            for body in (bytes([0x11, 20]) + bytes(4) + bytes([4 << 2, 2, 125, 0, 0]), bytes([0x16, 0]) + g4 + b"\0", bytes([0x99, 0]) + g4 + b"\0", bytes([0x11, 5]) + bytes(4) + bytes([2 << 2, 1, 2])):
                yield QUERIER, f"igmp_odd_{odd}_{len(q)}_{body[0]}_{len(body)}", v4 + join(6, JOIN, GROUP4, ip4=True) + frame(IGMP, q + body, alert4) + frame(IGMP, q + body, alert4, host=True) + frame(IGMP, q + body, host=True)
    many = b"".join(join(1, JOIN_SOURCE, GROUP6, s) for s in (A6, B6, R6, NO6, DB8, RLL)) + b"".join(join(1, JOIN, g) for g in (GROUP6, ALL6))
    yield QUERIER, "many_sources", ctl(A, "igmp_max_msf", 64) + ctl(A, "igmp_max_memberships", 200) + many + v4 + b"".join(join(6, JOIN_SOURCE, GROUP4, s, True) for s in (A4, B4, R4, R4_1, NO4, FAR4)) + ms(9000) + \
        b"".join(join(6, LEAVE_SOURCE, GROUP4, s, True) for s in (A4, B4, R4, R4_1, NO4, FAR4)) + ms(9000)
    yield QUERIER, "excluded_by_both", join(1, JOIN, GROUP6) + join(1, BLOCK, GROUP6, R6) + send(A, A6, stays=True) + join(6, JOIN, GROUP6) + join(6, BLOCK, GROUP6, R6) + join(6, BLOCK, GROUP6, B6) + ms(9000) + join(6, UNBLOCK, GROUP6, R6) + \
        join(1, LEAVE, GROUP6) + ms(9000) + frame(ICMP6, one(query), alert, host=True) + ms(9000)
    yield QUERIER, "other_querier", frame(IGMP, bytes([6, 10, 8, 0x11, 20]) + bytes(4) + bytes([4 << 2, 2, 125, 0, 0]), alert4) + frame(IGMP, bytes([6, 13, 8, 0x11, 20]) + bytes(4) + bytes([4 << 2, 2, 125, 0, 0]), alert4) + \
        frame(IGMP, igmp(0x16, 0, g4), alert4) + frame(IGMP, bytes([6, 13, 8, 0x11, 20]) + g4 + bytes([4 << 2, 2, 125, 0, 0]), alert4) + frame(IGMP, bytes([6, 9, 8, 0x11, 20]) + bytes(4) + bytes([4 << 2, 2, 125, 0, 0]), alert4) + ms(100000) * 3
    for n in range(1, 16, 2):
        yield QUERIER, f"groups_no_memory_{n}", bytes([FAIL, n, 1]) + join(1, JOIN, GROUP6) + join(1, BLOCK, GROUP6, NO6) + bytes([FAIL, n, 1]) + join(5, JOIN_SOURCE, GROUP6, R6) + ms(3000) + bytes([FAIL, n, 0]) + ms(9000) + \
            frame(ICMP6, one(query), alert, host=True) + ms(9000) + bytes([FAIL, 0, 0]) + join(1, LEAVE, GROUP6) + ms(9000)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    starved = re.compile(r"ra|ra_options|temporary_2|generate_2|many_names|many_routers|silent_router_0|nobody|arp_0|duplicate|choice|route_6_0|route_9_0|datagram_[0-4]_130|small_path_60|"
                         r"fragments_3_1_0|extension_0|from_to_3|from_to_4_3|error_1_0|members|sources|version_[12]|igmp_2|mld_0|igmp_9|mld_8|clamp_60_1")
    for part in (routers, neighbours, addresses, wires, groups):
        for how, name, program in part():
            (folder / f"{name}_{how}").write_bytes(bytes([how]) + program)
            if how & AUTO:  # when the link-local addresses are valid
                (folder / f"{name}_{how}_later").write_bytes(bytes([how]) + ms(2000) + program)
            for n in range(1, 40 if starved.fullmatch(name) else 1):
                (folder / f"{name}_{how}_starved_{n}").write_bytes(bytes([how, FAIL, n, n % 8 if n % 3 == 0 else 0]) + program)
    for i in range(len(CTLS)):
        for v in (0, 1, 2, 255):
            for node in (A, R):
                (folder / f"setting_{i}_{v}_{node}").write_bytes(bytes([AUTO if node == A else QUERIER, SYSCTL, node, i, v]) + send(A, B6, 110) + send(A, B4, 110) + ms(2000) + frame(ICMP6, ra(prefix(), LINK), host=True) +
                                                                 ms(3000))


if __name__ == "__main__":
    main()
