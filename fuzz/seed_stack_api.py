# SPDX-License-Identifier: MIT
"""More programs for fuzz_stack, for seed_stack.py: fast open, control messages and the error queue, groups, packet
and raw sockets, IPv6, congestion controls, and every option and setting once."""
import pathlib
import re

from seed_stack import (
    ABORT, ACCEPT, ACK, ACTIVE, BIND, CLOSE, CONNECT, CWR, ECE, FAIL, FILTER, FIN, FRAMES, GETOPT, GROUP, IOCTL, LINK,
    LINK_MORE, LISTEN, LOOK, MSS, OPEN, OPTS_ALL, PACKET, PORT, PSH, RECVMSG, ROUTE, RST_, SEND, SENDMSG, SETBYTES, SETOPT,
    SERVE, SOCKET, SYN, SYN_F, SYSCTL, TIME, URG, acks, active, be16, burst, finish, ms, passive, recv, send, syn_in, tcp)

SOURCE = (pathlib.Path(__file__).parent / "stack_opts.c").read_text()
OPTIONS = {name: i for i, (_, name) in enumerate(re.findall(r"^\t\{(\w+), (\w+)\},$", SOURCE.split("options[]")[1].split("};")[0], re.M))}
CTLS = [name for name in re.findall(r'^\t\t\{"([a-z0-9_.]+)", \{', SOURCE.split("ctls[]")[1], re.M)]
SLOT = 8  # the first free one
# Kinds of sockets: world_socket().
UDP, PING, RAW, RAW_TCP, RAW_ICMP = 1, 2, 3, 4, 5
TCP6, UDP6, PING6, RAW6, RAW_ICMP6, RAW_HDR, PACKET_RAW, PACKET_IP, PACKET_NONE, PACKET_ALL, RAW_UDP6 = range(8, 19)
KINDS = 25
# Addresses: rd_sockaddr().
PEER, PEER_1, ANY, HERE, OWN, EVERYBODY, FAR, NOWHERE = range(8)
AT_80, AT_7, AT_81, AT_8080, AT_53, AT_1000, AT_0, AT_49152 = (i << 3 for i in range(8))
MORE = 0x80
SYN_IP6, SYN_TFO, SYN_COOKIE = 32, 64, 128
FILTER_ALL, FILTER_20, FILTER_IP4, FILTER_ODD = 4, 5, 6, 7
UDP_IN, ICMP_IN, ERROR_IN, ARP_IN, MIRROR, RAW_IN, ICMP6_IN, IGMP_IN, TCP_IN = range(9)
WRAP, SPLIT = 0x40, 0x80
DRAIN = 3  # enum serve
MLD_QUERY, MLD_REPORT, MLD_DONE, RS, RA, NS, NA, REDIRECT, MLD2_REPORT = range(2, 11)
FAST = 3  # op_send(): with MSG_FASTOPEN, to an address


def at(where, ip6=None, packet=None):
    """An address: of the table of IPv4's, or the number of one of IPv6's, or of a packet socket."""
    if packet is not None:
        return bytes([where | MORE, 0x80 | packet])
    return bytes([where]) if ip6 is None else bytes([where | MORE, ip6 << 2])


def socket(kind, serve=0):
    return bytes([SOCKET, (kind & 7) | serve << 3 | kind >> 3 << 6])


def bind(slot, sa):
    return bytes([BIND, slot]) + sa


def connect(slot, sa):
    return bytes([CONNECT, slot]) + sa


def opt(slot, name, value=1):
    return bytes([SETOPT, slot, OPTIONS["WEFT_" + name], value & 0xFF])


def opt_bytes(slot, name, data):
    return bytes([SETBYTES, slot, OPTIONS["WEFT_" + name], len(data)]) + data


def get(slot, name, size=0):
    return bytes([GETOPT, slot, OPTIONS["WEFT_" + name], size])


def ctl(name, i):
    """The i-th value of a setting (the second line of one that has two from 4 on)."""
    lines = [n for n, c in enumerate(CTLS) if c.endswith(name)]
    return bytes([SYSCTL, lines[i // 4], i % 4])


def frame(kind, data, wrap=b"", pieces=None):
    what = kind | (WRAP if wrap else 0) | (SPLIT if pieces is not None else 0)
    return bytes([FRAMES, what]) + data + wrap + (bytes([pieces]) if pieces is not None else b"")


def udp_in(port=0, ends=0, length=20, dst=None, ip6=False, src=None):
    what = port | (16 if ip6 else 0) | (2 if src is not None else 0) | (4 if dst is not None else 0)
    return bytes([what]) + (src or b"") + (dst or b"") + bytes([ends, length])


def icmp6(kind, code=0, head=bytes(4), addrs=(), rest=b"", dst=None, src=None, odd=None):
    what = 16 | (2 if src is not None else 0) | (4 if dst is not None else 0) | (8 if odd is not None else 0)
    return bytes([what]) + (bytes([src]) if src is not None else b"") + (bytes([dst]) if dst is not None else b"") + \
        (bytes([odd]) if odd is not None else b"") + bytes([kind, code]) + head + bytes([len(addrs) | len(rest) << 2, *addrs]) + rest


def igmp(kind, code=0, group=bytes(4), rest=b"", dst=8):
    return bytes([4, dst, kind, code]) + group + bytes([len(rest) << 2]) + rest


def error(kind, code=0, mtu=0, back=0):
    return frame(ERROR_IN, bytes([back, kind, code]) + be16(mtu))


def sendmsg(slot, size, how=0, sa=b"", controls=()):
    return bytes([SENDMSG, slot, size, how | (1 if sa else 0) | len(controls) << 6]) + sa + b"".join(bytes(c) for c in controls)


def recvmsg(slot, size=255, flags=0, room=7):
    return bytes([RECVMSG, slot, size, flags | room << 5])


PEEK_, TRUNC_, ERRQUEUE_, OOB_, NO_NAME = 1, 2, 4, 8, 16


def group(slot, what, who=0x80, filter=None):
    return bytes([GROUP, slot, what, who]) + (bytes([filter]) if filter is not None else b"")


def look(what=0):
    return bytes([LOOK, what])


def fast_open():
    serve = ctl("tcp_fastopen", 1) + opt(0, "TCP_FASTOPEN", 5)
    ask = bytes([SYN, 0, 1 | SYN_TFO]) + tcp(flow=1) + bytes([ACCEPT, 0, 0])
    child = bytes([SYN, 0, 2 | SYN_COOKIE, 100])
    take = bytes([ACCEPT, 0, 0])
    yield "tfo_passive", serve + ask + child + take + recv(9) + send(9, 100) + tcp(flow=2) + acks(2) + recvmsg(9) + \
        get(9, "TCP_INFO_LINUX") + finish(9, CLOSE) + acks(2) + tcp(flow=2, flags=FIN | ACK)
    yield "tfo_passive_early", serve + ask + child + tcp(flow=2, length=50) + take + recv(9) + finish(9, 1) + ms(500) + acks(1)
    yield "tfo_passive_reset", serve + ask + child + tcp(flow=2, flags=RST_) + child + tcp(flow=3, flags=RST_) + bytes([TIME, 239]) * 2 + child
    yield "tfo_passive_closed", serve + ask + child + take + finish(9, CLOSE) + tcp(flow=2) + ms(1500)
    yield "tfo_passive_slow", serve + ask + child + ms(1200) + ms(3000) + ms(40000) + ms(40000)
    yield "tfo_passive_again", serve + ask + bytes([SYN, 64, 2 | SYN_COOKIE, 100]) + be16(1, 1) + bytes([SYN, 64, 2 | SYN_COOKIE, 100]) + \
        be16(1, 1) + ms(600) + bytes([SYN, 64, 2 | SYN_COOKIE, 100]) + be16(1, 1)
    yield "tfo_passive_key", serve + opt_bytes(0, "TCP_FASTOPEN_KEY", bytes(range(16))) + ask + \
        opt_bytes(0, "TCP_FASTOPEN_KEY", bytes(range(1, 17)) + bytes(range(16))) + child + get(0, "TCP_FASTOPEN_KEY") + take + recv(9)
    yield "tfo_passive_sysctl_key", serve + ctl("tcp_fastopen_key.4", 1) + ctl("tcp_fastopen_key.0", 1) + ask + child + take
    yield "tfo_passive_experimental", serve + bytes([SYN, 0, 1 | SYN_TFO | SYN_COOKIE, 10]) + tcp(flow=1) + \
        bytes([SYN, 0, 2 | SYN_TFO | SYN_COOKIE, 10])
    yield "tfo_passive_no_cookie", serve + opt(0, "TCP_FASTOPEN_NO_COOKIE") + bytes([SYN, 0, 2 | SYN_COOKIE, 100]) + take + recv(8)
    yield "tfo_passive_all", ctl("tcp_fastopen", 3) + bytes([LISTEN, 0, 5, SYN, 0, 2 | SYN_COOKIE, 100]) + take + recv(8)
    yield "tfo_passive_full", ctl("tcp_fastopen", 1) + opt(0, "TCP_FASTOPEN", 1) + ask + child + bytes([SYN, 0, 3 | SYN_COOKIE, 9]) + \
        finish(0, CLOSE) + tcp(flow=2)
    yield "tfo_passive_bad_cookie", serve + bytes([SYN, 128, 2 | SYN_COOKIE, 9, 1, 5, 34, 10]) + bytes(8) + bytes([1] * 10)
    cookie = bytes([2, 4, 5, 180, 34, 10]) + bytes(range(8)) + bytes([1, 1])
    exp = bytes([2, 4, 5, 180, 254, 12, 0xF9, 0x89]) + bytes(range(8))
    first = socket(0) + send(8, 50, FAST) + at(PEER | AT_8080) + tcp(flow=1, flags=SYN_F | ACK, raw=cookie) + acks(2)
    again = socket(0) + send(9, 100, FAST) + at(PEER | AT_8080)
    yield "tfo_active", first + again + tcp(flow=2, flags=SYN_F | ACK, syn=OPTS_ALL) + acks(2) + send(9, 100) + acks(3) + get(9, "TCP_INFO_LINUX")
    yield "tfo_active_not_taken", first + again + tcp(flow=2, flags=SYN_F | ACK, syn=OPTS_ALL, ack=1) + acks(3) + get(9, "TCP_INFO_LINUX")
    yield "tfo_active_lost", first + again + ms(1500) + tcp(flow=2, flags=SYN_F | ACK, syn=OPTS_ALL, ack=1) + acks(3)
    yield "tfo_active_part", first + again + tcp(flow=2, flags=SYN_F | ACK, syn=OPTS_ALL, ack=30) + acks(3)
    yield "tfo_active_refused", first + again + tcp(flow=2, flags=RST_ | ACK) + again
    yield "tfo_active_blackhole", ctl("blackhole_timeout_sec", 2) + first + again + ms(40000) + ms(40000) + ms(40000) + ms(10000) + again + \
        socket(0) + send(10, 9, FAST) + at(PEER | AT_8080)
    yield "tfo_active_experimental", socket(0) + send(8, 50, FAST) + at(PEER | AT_8080) + tcp(flow=1, flags=SYN_F | ACK, syn=OPTS_ALL) + \
        again + tcp(flow=2, flags=SYN_F | ACK, raw=exp) + socket(0) + send(10, 100, FAST) + at(PEER | AT_8080)
    yield "tfo_active_no_cookie", ctl("tcp_fastopen", 2) + socket(0) + send(8, 200, FAST) + at(PEER | AT_8080) + \
        tcp(flow=1, flags=SYN_F | ACK, syn=OPTS_ALL) + acks(2)
    yield "tfo_active_connect", first + socket(0) + opt(9, "TCP_FASTOPEN_CONNECT") + connect(9, at(PEER | AT_8080)) + send(9, 100) + \
        tcp(flow=2, flags=SYN_F | ACK, syn=OPTS_ALL) + acks(2) + recv(9)
    yield "tfo_active_connect_recv", first + socket(0) + opt(9, "TCP_FASTOPEN_CONNECT") + connect(9, at(PEER | AT_8080)) + recv(9) + \
        finish(9, CLOSE)
    yield "tfo_active_no_option", ctl("tcp_fastopen", 0) + socket(0) + send(8, 20, FAST) + at(PEER) + opt(8, "TCP_FASTOPEN_CONNECT")
    yield "tfo_itself", ctl("tcp_fastopen", 3) + bytes([LISTEN, 1, 5]) + (socket(0) + send(8, 100, FAST) + at(HERE | AT_7) + ms(50) +
        recv(8) + finish(8, CLOSE) + ms(2000)) * 3
    yield "tfo_itself_6", ctl("tcp_fastopen", 3) + bytes([LISTEN, 1, 5]) + (socket(TCP6) + send(8, 100, FAST) + at(AT_7, 4) + ms(50) +
        recv(8) + finish(8, CLOSE) + ms(2000)) * 3
    for n in range(1, 12, 2):
        yield f"tfo_no_memory_{n}", serve + first + bytes([FAIL, n, 1]) + again + tcp(flow=2, flags=SYN_F | ACK, syn=OPTS_ALL) + acks(2)
        yield f"tfo_passive_no_memory_{n}", serve + ask + bytes([FAIL, n, 1]) + child + take + recv(9) + tcp(flow=2)


def messages():
    wants = b"".join(opt(2, o) for o in ("IP_PKTINFO", "IP_RECVTTL", "IP_RECVTOS", "IPV6_RECVPKTINFO", "IPV6_RECVHOPLIMIT",
                                         "IPV6_RECVTCLASS"))
    for ip6 in (False, True):
        got = frame(UDP_IN, udp_in(ip6=ip6))
        yield f"cmsg_recv_{ip6:d}", wants + got * 4 + recvmsg(2) + recvmsg(2, 5, PEEK_) + recvmsg(2, 5, TRUNC_, 2) + recvmsg(2, 5, 0, 0) + \
            recvmsg(2, 50, NO_NAME, 3) + recvmsg(2)
    for kind, to in ((UDP, at(PEER | AT_53)), (UDP6, at(AT_53, 1)), (UDP6, at(AT_53, 5)), (PING, at(PEER)), (PING6, at(0, 1)),
                     (RAW, at(PEER)), (RAW6, at(0, 1)), (0, b"")):
        name = f"{kind}_{to.hex()}"
        controls = [(i, v) for i in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10) for v in (3, 255)] + \
            [(i, v) for i in (11, 12) for v in (0, 1, 2, 3, 4, 8, 9, 12, 28)] + [(0x40, 200), (0x82, 1), (0x80, 1), (0x8B, 0), (0x8C, 0), (0x20, 1), (0x10, 1)]
        yield f"cmsg_send_{name}", socket(kind) + b"".join(sendmsg(8, 30, 0, to, (c,)) for c in controls) + \
            sendmsg(8, 30, 0, to, ((0, 5), (1, 7), (11, 9)))
        yield f"cmsg_send_connected_{name}", socket(kind) + (connect(8, to) if to else b"") + sendmsg(8, 30, 0, b"", ((4, 5), (1, 7))) + \
            sendmsg(8, 30, 2) + sendmsg(8, 0) + sendmsg(8, 30, 0, at(0, 11)) + sendmsg(8, 30, 0, at(0, 6)) + sendmsg(8, 30, 0, at(0, 7))
    for slot, start, to in ((3, b"", b""), (8, socket(UDP6), at(AT_1000, 1)), (8, socket(PING), at(PEER)), (8, socket(RAW), at(PEER)),
                            (8, socket(RAW6), at(0, 1))):
        name = f"{slot}_{start.hex()}"
        on = start + (connect(slot, to) if to else b"") + opt(slot, "IP_RECVERR") + opt(slot, "IPV6_RECVERR")
        yield f"errq_{name}", on + send(slot, 40) + error(0, 3) + error(1, 4, 600) + recvmsg(slot, 10, ERRQUEUE_) + recvmsg(slot, 200, ERRQUEUE_, 3) + \
            recvmsg(slot, 5, ERRQUEUE_) + get(slot, "SO_ERROR") + send(slot, 40) + error(2) * 12 + opt(slot, "IP_RECVERR", 0) + opt(slot, "IPV6_RECVERR", 0)
        for how in range(6):
            yield f"pmtud_{name}_{how}", on + opt(slot, "IP_MTU_DISCOVER", how) + opt(slot, "IPV6_MTU_DISCOVER", how) + send(slot, 40) + \
                error(1, 4, 1300) + send(slot, 130) + recvmsg(slot, 9, ERRQUEUE_) + get(slot, "IP_MTU") + get(slot, "IPV6_MTU") + \
                opt(slot, "IP_MTU_DISCOVER", 9)
    yield "inq", passive() + opt(8, "TCP_INQ") + tcp(flow=1, length=200) + recvmsg(8, 10) + recvmsg(8, 10, PEEK_) + recvmsg(8, 10, TRUNC_) + \
        recvmsg(8, 10, ERRQUEUE_) + b"".join(bytes([IOCTL, 8, i]) for i in range(5)) + bytes([IOCTL, 2, 0, IOCTL, 0, 0]) + send(8, 100) + bytes([IOCTL, 8, 1])
    yield "rcvlowat", passive() + opt(8, "SO_RCVLOWAT", 100) + bytes([27, 8, 3]) + tcp(flow=1, length=50) + tcp(flow=1, length=60) + ms(10) + \
        opt(8, "SO_RCVLOWAT", 127) + be16(0x7FFF, 0xFFFF) + tcp(flow=1, length=9) + get(8, "SO_RCVLOWAT")
    for how, name in ((0, "exact"), (PSH, "inside"), (CWR, "beyond")):
        seg = tcp(flow=1, flags=ACK | URG | how, length=20)
        yield f"urgent_{name}", passive() + seg + recvmsg(8, 5) + bytes([IOCTL, 8, 3]) + recvmsg(8, 1, OOB_) + recvmsg(8, 1, OOB_ | PEEK_) + recv(8, 10) + \
            tcp(flow=1, length=30) + recv(8, 5) + seg * 2 + recv(8, 1, 1) + recv(8)
        yield f"urgent_inline_{name}", passive() + opt(8, "SO_OOBINLINE") + seg + recv(8, 3) + bytes([IOCTL, 8, 3]) + recv(8) + recv(8, 1, 1) + \
            ctl("tcp_stdurg", 1) + seg + recv(8)
    yield "urgent_send", active() + send(ACTIVE, 10, 8) + send(ACTIVE, 100) + send(ACTIVE, 1, 8) + acks(2) + ctl("tcp_stdurg", 1) + send(ACTIVE, 5, 8) + acks(3)


def groups():
    words = [(0, 0x80), (3, 0x80), (3, 0x84), (5, 0x84), (6, 0x84), (4, 0x80), (5, 0x80), (1, 0x80), (2, 0x80), (0x40, 0x80), (0x42, 0x80),
             (0x43, 0x81), (0x20, 0x80), (9, 0xC0), (11, 0xC4), (13, 0xC4), (14, 0xC4), (12, 0xC4), (10, 0xC0), (9, 0x03), (9, 0xC2)]
    got = frame(UDP_IN, bytes([4, 15, 224, 0, 1, 2, 0, 9]))
    yield "groups_4", socket(UDP) + bind(8, at(ANY | AT_1000)) + b"".join(group(8, a, b) for a, b in words) + got + look() + recv(8)
    yield "groups_4_filters", socket(UDP) + group(8, 0) + b"".join(
        group(8, 15, 0x80, f) for f in (0x04, 0x08, 0x88, 0x09, 0x89, 0x49, 0x3D, 0x02, 0x01, 0x81)) + group(8, 0) + group(8, 0x2F, 0x80, 9) + got
    for a in range(16):
        yield f"group_{a}_twice", socket(UDP) + (group(8, a, 0x84, 5 if a == 15 else None) * 2 + got) * 2 + finish(8, CLOSE)
        yield f"group_{a}_6", socket(UDP6) + group(8, 7) + (group(8, a | 16, 0x84, 5 if a == 15 else None) * 2) * 2 + \
            group(8, a | 0x70, 0x84, 5 if a == 15 else None) + finish(8, CLOSE)
    yield "groups_6", socket(UDP6) + bind(8, at(AT_53, 0)) + b"".join(
        group(8, a | 16, b) for a, b in words if a not in (0, 2, 3, 4, 5, 6, 1)) + frame(UDP_IN, bytes([20, 11, 0, 9])) + look() + recv(8)
    yield "groups_6_filters", socket(UDP6) + group(8, 7) + b"".join(
        group(8, 0x1F, 0x80, f) for f in (0x04, 0x08, 0x88, 0x09, 0x89, 0x49, 0x3D, 0x02, 0x01, 0x81)) + group(8, 8)
    to4, to6 = bytes([0x80 | AT_53, 2]), at(AT_53, 8)
    for name, kind, to in (("4", UDP, to4), ("6", UDP6, to6), ("mapped", UDP6, at(AT_53, 15))):
        opts = b"".join(opt(8, f"{p}_MULTICAST_{o}", v) for p in ("IP", "IPV6") for o, v in (
            ("TTL" if p == "IP" else "HOPS", 0), ("LOOP", 1), ("ALL", 0), ("IF", 3)))
        yield f"group_send_{name}", socket(kind) + send(8, 30, 2) + to + opts + send(8, 30, 2) + to + opts.replace(b"\0", b"\5") + \
            send(8, 30, 2) + to + group(8, 2, 0x80) + send(8, 30, 2) + to + connect(8, to) + send(8, 20)
        yield f"group_loop_{name}", socket(kind) + group(8, 16 if kind != UDP else 0) + group(8, 7) + bind(8, at(ANY | AT_53) if kind == UDP else at(AT_53, 0)) + \
            socket(kind) + send(9, 30, 2) + to + recv(8) + opt(9, "IP_MULTICAST_LOOP", 0) + opt(9, "IPV6_MULTICAST_LOOP", 0) + send(9, 30, 2) + to + recv(8)
    query = igmp(0x11, 100)
    for name, q in (("v2", query), ("v1", igmp(0x11)), ("v3", igmp(0x11, 20, rest=bytes([2, 125, 0, 0]))),
                    ("group", igmp(0x11, 10, bytes([224, 0, 1, 2]), bytes([2, 125, 0, 0]))),
                    ("sources", igmp(0x11, 10, bytes([224, 0, 1, 2]), bytes([2, 125, 0, 1, 10, 0, 0, 3])))):
        router_alert = bytes([0]) + bytes([0x94, 4, 0, 0])
        yield f"igmp_{name}", socket(UDP) + group(8, 0) + group(8, 5, 0x84) + frame(IGMP_IN, q) + ms(3000) + frame(IGMP_IN, q, router_alert) + ms(11000) + \
            group(8, 1) + ms(5000)
    for name, q in (("v1", icmp6(MLD_QUERY, 0, be16(1000, 0), (7,), dst=4, src=8)),
                    ("v2", icmp6(MLD_QUERY, 0, be16(1000, 0), (7,), bytes([2, 125, 0, 0]), dst=4, src=8)),
                    ("group", icmp6(MLD_QUERY, 0, be16(10, 0), (11,), bytes([2, 125, 0, 0]), dst=4, src=8))):
        alert = bytes([0]) + bytes([0, 0, 5, 2, 0, 0, 1, 0])
        low = bytes([q[0] | 8]) + q[1:3] + bytes([16]) + q[3:]
        yield f"mld_{name}", socket(UDP6) + group(8, 7) + group(8, 0x1D, 0x84) + frame(ICMP6_IN, low, alert) + ms(3000) + frame(ICMP6_IN, q) + ms(11000) + \
            group(8, 8) + ms(5000)
    for v in (1, 2, 3):
        yield f"force_{v}", ctl("force_igmp_version", v) + ctl("force_mld_version", min(v, 2)) + socket(UDP6) + group(8, 0) + group(8, 7) + ms(3000) + \
            group(8, 1) + group(8, 8) + ms(3000)
    report = bytes([0, 0, 0, 1, 4, 0, 0, 1, 224, 0, 1, 2, 10, 0, 0, 3])
    yield "querier", ctl("igmp_querier", 1) + ms(1000) + frame(IGMP_IN, igmp(0x16, 0, bytes([224, 0, 1, 2]))) + \
        frame(IGMP_IN, igmp(0x22, 0, report[:4], report[4:])) + look() + ms(1000) + frame(IGMP_IN, igmp(0x17, 0, bytes([224, 0, 1, 2]))) + ms(9000) + \
        frame(IGMP_IN, query) + ms(40000)


def packets():
    got = frame(UDP_IN, udp_in()) + frame(ARP_IN, bytes([2, 0, 0]))
    for kind in (PACKET_RAW, PACKET_IP, PACKET_NONE, PACKET_ALL):
        yield f"packet_{kind}", socket(kind) + got + recvmsg(8) + recv(8, 100, 3) + recv(8) + bind(8, at(0, packet=1 | 2 << 2)) + got + recv(8) + \
            bytes([GETOPT, 8, OPTIONS["WEFT_SO_TYPE"], 0]) + get(8, "PACKET_STATISTICS") + get(8, "PACKET_STATISTICS", 3) + finish(8, CLOSE)
        yield f"packet_send_{kind}", socket(kind) + bind(8, at(0, packet=0 | 2 << 2)) + frame(UDP_IN, udp_in()) + send(8, 62) + sendmsg(8, 60, 0, at(0, packet=2 << 2)) + \
            sendmsg(8, 60, 0, at(0, packet=3 << 2)) + sendmsg(8, 60, 0, at(0, packet=16 | 2 << 2)) + sendmsg(8, 5) + sendmsg(8, 255, 0, at(0, packet=2 << 2)) + \
            sendmsg(8, 60, 0, at(PEER)) + bytes([PORT, 0]) + send(8, 60) + recv(8) + send(8, 60)
        yield f"packet_filter_{kind}", socket(kind) + b"".join(bytes([FILTER, 8, f]) + got + recv(8) for f in range(4, 8)) + \
            bytes([FILTER, 8, 8, FILTER, 8, 0x48, FILTER, 8, 0xC8, FILTER, 8, 0, 1, 6, 0, 0, 9, FILTER, 8, 0, 1, 0xFF, 0, 0, 9, FILTER, 8, 0x24]) + \
            opt(8, "SO_LOCK_FILTER") + bytes([FILTER, 8, 4]) + opt(8, "SO_DETACH_FILTER")
        yield f"packet_full_{kind}", socket(kind) + opt(8, "SO_RCVBUF", 1) + frame(UDP_IN, udp_in(length=255)) * 5 + get(8, "PACKET_STATISTICS") + recv(8)
    for mode in range(8):
        for flags in (0, 1, 2, 4, 7):
            join = bytes([PACKET, 8, 2, mode | flags << 4, PACKET, 9, 2, mode | flags << 4])
            yield f"fanout_{mode}_{flags}", socket(PACKET_RAW) * 3 + join + bytes([FILTER, 8, 0x16, FILTER, 10, 0x16]) + got + frame(UDP_IN, udp_in(ip6=True)) + \
                frame(UDP_IN, udp_in(1), pieces=1) + frame(ICMP_IN, bytes([0, 8, 0, 9])) + get(8, "PACKET_FANOUT") + join + bytes([PACKET, 10, 2, 1]) + \
                bind(8, at(0, packet=1)) + recv(8) + finish(8, CLOSE) + got + recv(9)
    yield "packet_members", socket(PACKET_RAW) + b"".join(bytes([PACKET, 8, i << 4 | d, t]) for i in (0, 1, 2, 3) for d in (0, 0, 1, 8) for t in (0, 1, 2, 3, 5, 9)) + \
        b"".join(bytes([PACKET, 8, 0x20, t << 4]) for t in range(16)) + bytes([PORT, 8])
    yield "packet_if_gone", socket(PACKET_RAW) + bind(8, at(0, packet=3 | 2 << 2)) + bytes([PACKET, 8, 0x20, 1, PACKET, 8, 2, 0, PORT, 8]) + recv(8) + send(8, 60) + \
        bind(8, at(0, packet=3 | 9 << 2)) + bytes([PORT, 10]) + got
    yield "packet_outgoing", socket(PACKET_RAW) + send(3, 30) + recv(8) + opt(8, "PACKET_IGNORE_OUTGOING") + send(3, 30) + recv(8) + get(8, "PACKET_IGNORE_OUTGOING") + \
        active() + send(ACTIVE, 255) + recv(8)
    yield "packet_lo", socket(PACKET_ALL) + opt(8, "PACKET_IGNORE_OUTGOING", 0) + bytes([OPEN, 0, 3]) + recvmsg(8) + recvmsg(8)
    for kind in (UDP, UDP6, PING, RAW, RAW6):
        to = at(AT_53, 1) if kind in (UDP6, RAW6) else at(PEER | AT_53)
        yield f"filter_{kind}", socket(kind) + bind(8, to if kind == 99 else at(AT_1000, 0) if kind in (UDP6, RAW6) else at(ANY | AT_1000)) + b"".join(
            bytes([FILTER, 8, f]) + got + frame(UDP_IN, udp_in(ends=0x10, ip6=kind == UDP6)) + send(8, 20, 2) + to + frame(MIRROR, b"\0") + recv(8)
            for f in (4, 5, 7)) + bytes([FILTER, 8, 8])


def programs():
    """Every kind of place that a filter may look at, in every size."""
    got = b"".join(frame(k, d) for k, d in ((UDP_IN, udp_in()), (UDP_IN, udp_in(ip6=True)), (ICMP_IN, bytes([0, 8, 0, 9])), (TCP_IN, bytes([0, 16, 5])),
                                            (IGMP_IN, igmp(0x11)), (ARP_IN, bytes([2, 0, 0])), (UDP_IN, bytes([8, 8, 0, 20]))))
    for kind in (UDP, UDP6, PACKET_RAW, PACKET_ALL):
        start = socket(kind) + (bind(8, at(AT_1000, 0) if kind == UDP6 else at(ANY | AT_1000)) if kind in (UDP, UDP6) else b"")
        got_8 = got + frame(UDP_IN, udp_in(ends=0x10)) + frame(UDP_IN, udp_in(ends=0x10, ip6=True))
        for k in (0, 1, 100, *range(0x80, 0xC0, 4), 0xC0, 0xC9, 0xDF, 0xE0, 0xEC, 0xFF):
            yield f"program_{kind}_{k}", start + b"".join(bytes([FILTER, 8, 0, 2, size, 0, 0, k, 0x16, 0, 0, 0]) + got_8 for size in (0x20, 0x28, 0x30)) + recv(8)
        yield f"program_{kind}_index", start + b"".join(bytes([FILTER, 8, 0, 4, 0x01, 0, 0, x, op, 0, 0, 0, 0x80, 0, 0, 0, 6, 0, 0, 90]) + got_8
                                                         for x in (2, 100, 0xC0) for op in (0x40, 0x48, 0x50, 0xB1)) + recv(8)


def raws():
    for kind in (RAW, RAW_TCP, RAW_ICMP, RAW6, RAW_ICMP6, RAW_HDR, RAW_UDP6):
        opts = b"".join(opt(8, o, v) + get(8, o) + get(8, o, 2) for o in ("IP_HDRINCL", "ICMP_FILTER", "ICMP6_FILTER") for v in (0, 1))
        yield f"raw_options_{kind}", socket(kind) + opts + opt_bytes(8, "ICMP_FILTER", b"\xff" * 5) + opt_bytes(8, "ICMP6_FILTER", b"\xff" * 40) + \
            opt_bytes(8, "ICMP_FILTER", b"") + opt_bytes(8, "IP_HDRINCL", b"\1") + get(8, "ICMP_FILTER")
        for i, v in ((OPTIONS["WEFT_IPV6_CHECKSUM"], 0), (OPTIONS["WEFT_IPV6_CHECKSUM"] - 1, 0)):
            sums = b"".join(bytes([SETOPT, 8, i, x & 0xFF]) + send(8, 30, 2) + at(0, 1) for x in (0, 1, 2, -1, 100, 2))
            yield f"raw_checksum_{kind}_{i}", socket(kind) + sums + bytes([GETOPT, 8, i, 0, SETOPT, 8, i, 125])
        to = at(0, 1) if kind in (RAW6, RAW_ICMP6, RAW_UDP6) else at(PEER)
        frames = frame(UDP_IN, udp_in()) + frame(ICMP_IN, bytes([0, 8, 0, 9])) + frame(UDP_IN, udp_in(ip6=True)) + frame(ICMP6_IN, icmp6(0)) + frame(ICMP6_IN, icmp6(1)) + \
            frame(TCP_IN, bytes([0, 16, 5]))
        yield f"raw_recv_{kind}", socket(kind) + frames + recvmsg(8) + recv(8) + connect(8, to) + frames + recv(8) + send(8, 40) + send(8, 255) + frame(MIRROR, b"\0") + \
            bind(8, at(OWN)) + frames
        yield f"raw_header_{kind}", frame(UDP_IN, udp_in()) + socket(kind) + opt(8, "IP_HDRINCL") + send(8, 50, 2) + to + send(8, 10, 2) + to + send(8, 255, 2) + to + \
            frame(RAW_IN, bytes([0, 40, 0x45]) + bytes(39)) + send(8, 40, 2) + to + frame(RAW_IN, bytes([0, 40, 0x4F]) + bytes(39)) + send(8, 40, 2) + to + \
            frame(RAW_IN, bytes([0, 40, 0x41]) + bytes(39)) + send(8, 40, 2) + to
        yield f"raw_full_{kind}", socket(kind) + opt(8, "SO_RCVBUF", 1) + frames * 3
    yield "ping6", socket(PING6) + connect(8, at(0, 1)) + send(8, 40) + frame(MIRROR, b"\0") + recvmsg(8) + send(8, 40, 2) + at(PEER) + send(8, 3) + bind(8, at(AT_53, 9)) + \
        send(8, 40) + error(0) + recv(8) + send(8, 40, 2) + at(0, 10)
    yield "ping_bind", socket(PING) * 2 + bind(8, at(OWN | AT_53)) + bind(9, at(OWN | AT_53)) + bind(9, bytes([0x80, 2])) + bind(9, at(EVERYBODY)) + send(8, 40, 2) + at(PEER) + \
        frame(MIRROR, b"\0") + recv(8)


def udp_offload():
    for name, to, kind in (("lo", at(HERE | AT_53), UDP), ("lo6", at(AT_53, 4), UDP6), ("out", at(PEER | AT_53), UDP), ("out6", at(AT_53, 1), UDP6)):
        for gro in (0, 1):
            yield f"udp_segment_{name}_{gro}", opt(2, "UDP_GRO", gro) + socket(kind) + opt(8, "UDP_SEGMENT", 100) + send(8, 128, 2) + to + send(8, 50, 2) + to + \
                send(8, 255, 2) + to + sendmsg(8, 129, 0, to, ((5, 90),)) + sendmsg(8, 129, 0, to, ((0x45, 250),)) + sendmsg(8, 129, 0, to, ((6, 1),)) + \
                sendmsg(8, 129, 0, to, ((0x85, 1),)) + recvmsg(2) + recv(2) + recvmsg(2) + get(8, "UDP_SEGMENT") + get(2, "UDP_GRO", 2) + opt(8, "UDP_SEGMENT", -1)
        yield f"udp_segment_full_{name}", opt(2, "SO_RCVBUF", 1) + socket(kind) + opt(8, "UDP_SEGMENT", 100) + send(8, 140, 2) + to + send(8, 140, 2) + to
        yield f"udp_segment_filter_{name}", bytes([FILTER, 2, 5]) + socket(kind) + opt(8, "UDP_SEGMENT", 100) + send(8, 140, 2) + to + bytes([FILTER, 2, 7]) + send(8, 140, 2) + to
    for n in range(1, 9, 2):
        yield f"udp_segment_no_memory_{n}", socket(UDP) + opt(8, "UDP_SEGMENT", 100) + bytes([FAIL, n, 1]) + (send(8, 140, 2) + at(HERE | AT_53)) * 3


def controls():
    names = ["cubic", "reno", "bbr", None, "tahoe", "dctcp", "bbr3"]
    for i, name in enumerate(names):
        if not name:
            continue
        for loss in ((0, 0), (2, 0), (6, 0x08), (7 | 16, 2), (5 | 32, 0x20)):
            start = ctl("tcp_congestion_control", i) + ctl("tcp_ecn", 1) + bytes([LINK, *loss, OPEN, 0, 6]) + ms(300) + bytes([SERVE, 10, DRAIN])
            yield f"cc_{name}_{loss[0]}_{loss[1]}", start + (send(9, 255) + ms(400)) * 6 + get(9, "TCP_INFO") + look() + \
                bytes([LINK_MORE, 1, 16]) + (send(9, 255) + ms(200)) * 6 + ms(12000) + (send(9, 255) + ms(2000)) * 3
            yield f"cc_{name}_idle_{loss[0]}_{loss[1]}", start + (send(9, 255) + ms(1000)) * 3 + ms(20000) + (send(9, 200) + ms(700)) * 8 + finish(9, CLOSE) + ms(9000)
        for what, bad in ((1 | 4, 0), (1 | 8 | 16, 0), (2 | 4, 0x01), (1 | 4, 0x02), (2 | 12 | 64, 0x40)):
            yield f"cc_{name}_long_{what}_{bad}", ctl("tcp_congestion_control", i) + bytes([LINK, what, bad, OPEN, 0, 6]) + ms(300) + bytes([SERVE, 10, DRAIN]) + \
                (send(9, 255) + ms(500)) * 16 + bytes([LINK, what ^ 3, bad]) + (send(9, 255) + ms(500)) * 12 + look() + ms(3000) + (send(9, 255) + ms(800)) * 4
        a = bytes([SETOPT, ACTIVE, OPTIONS["WEFT_TCP_CONGESTION"], [0, 1, 4, 0, 2, 3, 5][i]])
        acked = b"".join(ms(30) + acks(0) for _ in range(12))
        yield f"cc_{name}_acks", a + active() + send(ACTIVE, 255) + acked + send(ACTIVE, 255) + acked + tcp(ack=MSS, flags=ACK | ECE) + ms(50) + acks(3) + get(ACTIVE, "TCP_INFO_LINUX")
        yield f"cc_{name}_change", a + active() + send(ACTIVE, 255) + acked + bytes([SETOPT, ACTIVE, OPTIONS["WEFT_TCP_CONGESTION"], (i + 1) % 8]) + send(ACTIVE, 255) + acked + \
            ms(3000) + get(ACTIVE, "TCP_CONGESTION") + get(ACTIVE, "TCP_CONGESTION", 2)
        for n in (1, 2, 3, 5):
            yield f"cc_{name}_no_memory_{n}", bytes([FAIL, n, 1]) + a + active() + send(ACTIVE, 255) + acked
    yield "pacing", opt(ACTIVE, "SO_MAX_PACING_RATE", 126) + be16(60000) + b"\0" + active() + (send(ACTIVE, 255) + ms(40) + acks(5)) * 5 + get(ACTIVE, "SO_MAX_PACING_RATE") + \
        get(ACTIVE, "SO_MAX_PACING_RATE", 4) + opt(ACTIVE, "SO_MAX_PACING_RATE", 123) + opt(ACTIVE, "SO_MAX_PACING_RATE", 125)
    ecn_syn = tcp(flow=1, flags=SYN_F | ECE | CWR, syn=OPTS_ALL, seq=100)
    for v in (0, 1, 2):
        yield f"ecn_passive_{v}", ctl("tcp_ecn", v) + syn_in() + tcp(flow=1, flags=RST_) + ecn_syn + tcp(flow=1, seq=101) + bytes([ACCEPT, 0, 0]) + \
            b"".join(tcp(flow=1, length=100, seq=101 + 100 * i, ip=32 if i == 1 else 0) for i in range(4)) + \
            tcp(flow=1, flags=ACK | CWR, length=100, seq=501) + recv(8) + send(8, 200) + tcp(flow=1, flags=ACK | ECE, ack=50) + ms(50) + acks(2) + send(8, 200)
        yield f"ecn_active_{v}", ctl("tcp_ecn", v) + bytes([OPEN, 0, PEER_1]) + tcp(flow=1, flags=SYN_F | ACK | ECE, syn=OPTS_ALL) + send(8, 255) + acks(2) + send(8, 255) + \
            tcp(flow=1, flags=ACK | ECE, ack=2 * MSS) + ms(40) + tcp(flow=1, flags=ACK | ECE) + acks(4) + tcp(flow=1, length=50, ip=32) + tcp(flow=1, length=50, flags=ACK | CWR) + \
            get(8, "TCP_INFO_LINUX")
        yield f"ecn_fallback_{v}", ctl("tcp_ecn", v) + ctl("tcp_ecn_fallback", v & 1) + bytes([OPEN, 0, PEER_1]) + ms(1500) + tcp(flow=1, flags=SYN_F | ACK, syn=OPTS_ALL)
        yield f"ecn_cookie_{v}", ctl("tcp_ecn", v) + ctl("tcp_syncookies", 2) + syn_in() + ms(10) + tcp(flow=1, flags=SYN_F | ECE | CWR, syn=OPTS_ALL) + tcp(flow=1) + \
            bytes([ACCEPT, 0, 0])
    for what in (0, 8, 16, 32, 56):
        yield f"cookie_{what}", ctl("tcp_syncookies", 2) + syn_in(what) + tcp(flow=1, length=20) + bytes([ACCEPT, 0, 0]) + recv(8) + tcp(flow=1, ack=77) + \
            bytes([SYN, what, 9 | SYN_IP6]) + tcp(flow=2) + bytes([ACCEPT, 0, 0]) + ms(1000)
    yield "cookie_full", ctl("tcp_max_syn_backlog", 0) + b"".join(syn_in(0, i) for i in range(5)) + b"".join(tcp(flow=i) for i in range(1, 6)) + \
        bytes([TIME, 255]) + tcp(flow=3) + ctl("tcp_syncookies", 0) + b"".join(syn_in(0, i) for i in range(5, 10))
    for name, values in (("mem", ("tcp_mem_min", "tcp_mem_pressure", "tcp_mem_max")),):
        for v in (0, 1):
            short = b"".join(ctl(c, v) for c in values)
            yield f"short_{name}_{v}", short + active() + passive() + send(ACTIVE, 255) + send(ACTIVE, 255) + acks(3) + tcp(flow=1, length=255, super=True) * 4 + \
                tcp(flow=1, length=255, seq=30000) * 3 + recv(8) + ms(1000) + acks(9) + ctl("tcp_rmem_min", 0) + ctl("tcp_wmem_min", 0) + tcp(flow=1, length=255)
    yield "pruned", passive() + opt(8, "SO_RCVBUF", 1) + b"".join(tcp(flow=1, length=3, seq=20 + 9 * i) for i in range(60)) + tcp(flow=1, length=20) + recv(8)
    for i in range(3):
        yield f"recovery_{i}", ctl("tcp_recovery", i) + ctl("tcp_early_retrans", i) + ctl("tcp_frto", i) + active() + send(ACTIVE, 255) + acks(9) + send(ACTIVE, 255) + \
            b"".join(tcp(ack=0, sack=[(MSS, n * MSS)]) for n in range(2, 8)) + ms(300) + ms(300) + tcp(ack=3 * MSS, sack=[(5 * MSS, 9 * MSS)]) + acks(9) + send(ACTIVE, 200) + ms(50) + ms(200) + \
            tcp(ack=9, sack=[(0, 200)]) + acks(9)
        yield f"undo_{i}", ctl("tcp_frto", i) + active() + send(ACTIVE, 255) + acks(9) + send(ACTIVE, 255) + ms(400) + tcp(ack=MSS) + tcp(ack=3 * MSS) + acks(9) + send(ACTIVE, 255) + \
            b"".join(tcp(ack=0, sack=[(MSS, n * MSS)]) for n in range(2, 8)) + ms(5) + tcp(ack=8 * MSS, sack=[(0, MSS)]) + acks(9)
    yield "profile", ctl("profile", 1) + bytes([OPEN, 0, PEER_1]) + tcp(flow=1, flags=SYN_F | ACK, syn=OPTS_ALL) + send(8, 255) + acks(9) + ctl("profile", 0) + send(8, 255) + acks(9) + \
        ctl("profile", 2)
    yield "rtt_clamp", active() + send(ACTIVE, 50) + ms(40000) + acks(1) + ctl("tcp_retries1", 0) + send(ACTIVE, 50) + ms(9000) + acks(1)
    yield "icmp_aborts", ctl("tcp_icmp_aborts", 1) + active() + send(ACTIVE, 50) + error(1, 3) + error(1, 2) + recv(ACTIVE)
    yield "icmp_fails", ctl("tcp_icmp_fails_connect", 0) + error(0, 1) + error(0, 3)


def both_families():
    syn6 = bytes([SYN, 0, 1 | SYN_IP6])
    yield "six_passive", syn6 + tcp(flow=1) + bytes([ACCEPT, 0, 0x80]) + tcp(flow=1, length=255) + tcp(flow=1, length=255, super=True) + recv(8) + send(8, 255) + acks(9) + \
        error(1, 0, 1300, 0) + acks(2) + finish(8, CLOSE) + acks(2) + tcp(flow=1, flags=FIN | ACK)
    yield "six_refused", bytes([SYN, 4, 1 | SYN_IP6]) + frame(UDP_IN, udp_in(ends=0x40, ip6=True)) + bytes([OPEN, 0x40]) + at(AT_80, 1) + tcp(flow=2, flags=RST_ | ACK)
    for i in range(16):
        yield f"six_open_{i}", bytes([OPEN, 0x40]) + at(AT_7, i) + tcp(flow=1, flags=SYN_F | ACK, syn=OPTS_ALL) + send(8, 255) + acks(5) + recv(8) + error(0) + ms(50) + \
            finish(8, CLOSE) + acks(1)
        yield f"six_udp_{i}", socket(UDP6) + send(8, 30, 2) + at(AT_53, i) + connect(8, at(AT_53, i)) + send(8, 200) + frame(MIRROR, b"\0") + recv(8, 255, 3) + error(0, 4) + send(8, 9)
        yield f"six_bind_{i}", socket(TCP6) + bind(8, at(AT_1000, i)) + bytes([LISTEN, 8, 3]) + socket(0) + bind(9, at(ANY | AT_1000)) + bytes([LISTEN, 9, 3]) + socket(TCP6) + \
            opt(10, "IPV6_V6ONLY") + bind(10, at(AT_1000, 0)) + bytes([LISTEN, 10, 3])
        yield f"six_bind_udp_{i}", socket(UDP6) + bind(8, at(AT_1000, i)) + socket(UDP) + bind(9, at(OWN | AT_1000)) + socket(UDP6) + opt(10, "SO_REUSEADDR") + bind(10, at(AT_1000, i)) + \
            opt(8, "SO_BINDTODEVICE") + frame(UDP_IN, udp_in(ends=0x10, ip6=True)) + recv(8)
    yield "six_only", ctl("bindv6only", 1) + socket(TCP6) + socket(UDP6) + connect(8, at(AT_80, 5)) + connect(9, at(AT_80, 5)) + connect(8, at(PEER)) + opt(8, "IPV6_V6ONLY", 0) + \
        bind(8, at(AT_1000, 3)) + opt(8, "IPV6_V6ONLY", 1) + connect(8, at(AT_80, 5))
    yield "six_fragments", b"".join(frame(UDP_IN, udp_in(ip6=ip6, length=255), pieces=p) for ip6 in (False, True) for p in (1, 3, 0x0B, 0x13, 0x23, 0x43, 0x07)) + recv(2) + ms(40000) + ms(40000)
    exts = [bytes([0]) + bytes([0, 0, 1, 4, 0, 0, 0, 0]), bytes([1]) + bytes([0, 0, 0x3E, 4, 0, 0, 0, 0]), bytes([1]) + bytes([0, 0, 0xBE, 4, 0, 0, 0, 0]),
            bytes([0]) + bytes([0, 0, 0xFE, 4, 0, 0, 0, 0]), bytes([0]) + bytes([0, 0, 0xC2, 4, 0, 1, 0, 0]), bytes([2]) + bytes([0, 0, 0, 0, 0, 0, 0, 0]),
            bytes([2]) + bytes([0, 0, 0, 1, 0, 0, 0, 0]), bytes([3]) + bytes(8), bytes([4]) + bytes(8), bytes([5]) + bytes(8), bytes([7]) + bytes(8), bytes([0x41]) + bytes([0, 0, 1, 4, 0, 0, 0, 0]) + bytes([0]) + bytes(8),
            bytes([0x80]) + bytes([0, 9, 1, 4, 0, 0, 0, 0])]
    for i, ext in enumerate(exts):
        yield f"six_ext_{i}", frame(UDP_IN, udp_in(ip6=True), ext) + frame(ICMP_IN, bytes([16, 0, 0, 20]), ext) + recv(2) + ms(1500) + frame(UDP_IN, udp_in(ip6=True, dst=b"\1"), ext)
    for i, opts in enumerate((bytes([0x94, 4, 0, 0]), bytes([7, 4, 4, 0]), bytes([0x83, 4, 4, 0]), bytes([68, 4, 5, 0]), bytes([1, 1, 1, 0]), bytes([0x99, 9, 0, 0]))):
        yield f"four_options_{i}", frame(UDP_IN, udp_in(), bytes([0]) + opts) + frame(ICMP_IN, bytes([0, 8, 0, 20]), bytes([0]) + opts) + frame(UDP_IN, udp_in(dst=b"\1"), bytes([0]) + opts)
    link = bytes([1, 1, 2, 0, 0, 0, 1, 0])
    tlink = bytes([2]) + link[1:]
    prefix = bytes([3, 4, 64, 0xC0]) + be16(0, 3600, 0, 3600, 0, 0, 0x2001, 0xDB8) + bytes(12)
    for name, body in (("ns", icmp6(NS, 0, bytes(4), (2,), link, dst=10)), ("ns_dad", icmp6(NS, 0, bytes(4), (2,), src=7, dst=10)), ("ns_ll", icmp6(NS, 0, bytes(4), (9,), link, src=8, dst=9)),
                       ("na", icmp6(NA, 0, bytes([0x60, 0, 0, 0]), (0,), tlink)), ("na_all", icmp6(NA, 0, bytes([0x20, 0, 0, 0]), (14,), tlink, dst=4)),
                       ("na_ours", icmp6(NA, 0, bytes([0x20, 0, 0, 0]), (2,), tlink, dst=4)), ("rs", icmp6(RS, rest=link, src=8, dst=5)),
                       ("ra", icmp6(RA, 0, bytes([64, 0, 7, 8]), (), bytes(8) + prefix, src=8, dst=4)), ("redirect", icmp6(REDIRECT, 0, bytes(4), (8, 13), src=8)),
                       ("ns_bad", icmp6(NS, 1, bytes(4), (2,), bytes([1, 0]), odd=16))):
        yield f"nd_{name}", frame(ICMP6_IN, body) + socket(UDP6) + send(8, 20, 2) + at(AT_53, 13) + frame(ICMP6_IN, body) + ms(5000) + frame(ICMP6_IN, body, b"", 1) + send(8, 20, 2) + at(AT_53, 13) + ms(4000)
    yield "six_routes", b"".join(bytes([ROUTE, i, ROUTE, i]) for i in range(16)) + socket(UDP6) + b"".join(send(8, 20, 2) + at(AT_53, i) for i in (1, 2, 11, 13)) + \
        b"".join(bytes([ROUTE, 0x80 | i]) for i in range(16))
    yield "forward", b"".join(frame(UDP_IN, udp_in(dst=b"\1", ip6=ip6, length=l)) for ip6 in (False, True) for l in (20, 255)) + frame(UDP_IN, bytes([12, 1, 16, 0, 9])) + \
        frame(UDP_IN, bytes([28, 1, 16, 0, 9])) + bytes([PORT, 5, 60]) + frame(UDP_IN, udp_in(dst=b"\1", ip6=True, length=255))


def everything():
    names = list(OPTIONS)
    for kind in range(KINDS):
        for part in range(0, len(names), 14):
            some = range(part, min(part + 14, len(names)))
            program = b"".join(bytes([SETOPT, 8, i, v]) for i in some for v in (1, 0)) + b"".join(bytes([GETOPT, 8, i, n]) for i in some for n in (0, 2))
            yield f"options_{kind}_{part}", socket(kind) + program
            yield f"options_short_{kind}_{part}", socket(kind) + b"".join(bytes([SETOPT, 8, i, v]) for i in some for v in (124, 125, 255, 120))
    for i in range(len(CTLS)):
        yield f"setting_{i}", b"".join(bytes([SYSCTL, i, v]) for v in (0, 4, 13, 1, 5, 2, 6)) + active() + syn_in() + tcp(flow=1, length=200) + send(ACTIVE, 200) + acks(2) + \
            frame(UDP_IN, udp_in(), pieces=1) + frame(UDP_IN, udp_in(ip6=True)) + ms(300)
        yield f"setting_3_{i}", bytes([SYSCTL, i, 3]) + active() + syn_in() + tcp(flow=1, length=200) + send(ACTIVE, 200) + acks(2) + ms(300)
    for what in range(0, 256, 8):
        yield f"look_{what}", look(what | what >> 3 & 7) + active() + socket(PACKET_RAW) + socket(RAW) + finish(ACTIVE, CLOSE) + tcp(flags=FIN | ACK) + acks(1) + look(what ^ 0x18)
    for what in range(0, 128, 7):
        yield f"link_more_{what}", bytes([LINK_MORE, what, what * 5 & 0xFF, OPEN, 0, FAR]) + ms(300) + (send(9, 255) + ms(300)) * 4 + bytes([LINK_MORE, what | 0x80, what * 3 & 0xFF]) + \
            (send(9, 255) + ms(300)) * 4 + finish(9, CLOSE) + ms(9000)
    yield "bursts", passive() + burst(*[b"\1\x10\x05"] * 3)
    yield "abort_listener", syn_in() + tcp(flow=1) + finish(0, ABORT)


def seeds():
    for part in (fast_open, messages, groups, packets, programs, raws, udp_offload, controls, both_families, everything):
        yield from part()
