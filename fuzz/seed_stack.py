#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes programs for fuzz_stack into a folder, one a situation that is far from the first byte:
handshakes, loss recovery with and without SACK, closed windows, every way to end a connection.

usage: fuzz/seed_stack.py FOLDER        then: scripts/fuzz --merge stack (FOLDER is build/fuzz-corpus/stack)

The bytes are those that fuzz_stack.c and peer.c read; a change there is a change here.
"""
import itertools
import pathlib
import struct
import sys

TCP, SYN, ACKS, FRAMES, BURST, TIME, SOCKET, OPEN, CONNECT, BIND, LISTEN, ACCEPT, SEND, RECV, FINISH, \
    SERVE, PORT, ADDR, ROUTE, NEIGH, SETOPT, GETOPT, SYSCTL, FAIL, LOOK, LINK, SENDMSG, RECVMSG, IOCTL, \
    SETBYTES, GROUP, FILTER, PACKET, LINK_MORE = (
        0, 4, 6, 8, 10, 12, 14, 15, 17, 18, 19, 20, 21, 23, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
        41, 42, 43, 44, 45)
FIN, RST_, PSH, ACK = 1, 4, 8, 16
URG, ECE, CWR = 32, 64, 128
IP6 = 8  # in the first byte of a program: both families
SYN_F = 2
X_OPTS, X_SACK, X_NO_TS, X_WND, X_IP, X_SYN_OPTS, X_TS, X_SUPER = 1, 2, 4, 8, 16, 32, 64, 128
ACTIVE = 7  # the slot of the connection that is being opened
LISTENER = 0
OPTS_ALL, OPTS_TS, OPTS_NONE = 0x7F, 0x0C, 0x08


def be16(*values):
    return b"".join(struct.pack(">H", v & 0xFFFF) for v in values)


def body(flow=0, flags=ACK, length=0, seq=None, ack=None, sack=None, wnd=None, syn=None, ip=None, super=False,
         raw=None):
    """What peer_make_tcp() reads: seq and ack as offsets, from what is next and what was acknowledged."""
    what, operands = flow, b""
    if seq is not None:
        what |= 1 << 3 if seq >= 0 else 2 << 3
        operands += be16(abs(seq))
    if ack is not None:
        what |= 1 << 5 if ack >= 0 else 2 << 5
        operands += be16(abs(ack))
    extras, more = 0, b""
    if syn is not None:
        extras |= X_SYN_OPTS
        more += bytes([syn]) + be16(1460)
    if sack:
        extras |= X_SACK
        more += bytes([0x80 | len(sack)]) + b"".join(be16(a, b - a) for a, b in sack)
    if wnd is not None:
        extras |= X_WND
        more += be16(wnd)
    if ip is not None:
        extras |= X_IP
        more += bytes([ip])
    if raw is not None:
        extras |= X_OPTS
        raw += b"\1" * (-len(raw) % 4)
        more += bytes([len(raw) // 4]) + raw
    if super:
        extras |= X_SUPER
    if extras:
        what |= 0x80
        more = bytes([extras]) + more
    return bytes([what, flags, length]) + operands + more


def tcp(**kw):
    return bytes([TCP]) + body(**kw)


def burst(*bodies):
    return bytes([BURST, len(bodies) - 1]) + b"".join(bodies)


def syn_in(what=0, port=1):
    return bytes([SYN, what, port])


def acks(n=0):
    return bytes([ACKS, n])


def ms(n):
    if n > 40000:
        return bytes([TIME, 239]) + ms(n - 40000)
    return bytes([TIME, n if n < 64 else 63 + n // 50 if n < 4850 else 159 + n // 500])


def send(slot, code, how=0):
    return bytes([SEND, slot, code, how])


def recv(slot, code=255, how=0):
    return bytes([RECV, slot, code, how])


def finish(slot, how):
    return bytes([FINISH, slot, how])


SHUT_RD, SHUT_WR, CLOSE, ABORT = 0, 1, 4, 7
MSS = 1448


def active(opts=OPTS_ALL):
    return tcp(flags=SYN_F | ACK, syn=opts)


def passive(what=0, slot_serve=0):
    """Flow 1 opens a connection to port 80, which is accepted into slot 8."""
    return syn_in(what) + tcp(flow=1) + bytes([ACCEPT, LISTENER, slot_serve])


def sysctl(i, value):
    return bytes([SYSCTL, i, value])


def setopt(slot, i, value):
    return bytes([SETOPT, slot, i, value & 0xFF])


def blocks(*segs):
    return [(a * MSS, b * MSS) for a, b in segs]


def seeds():
    a, p = active(), passive()
    yield "active_bulk", a + send(ACTIVE, 255) + acks(20) + send(ACTIVE, 255) + acks(31) + finish(ACTIVE, CLOSE) + acks(3)
    yield "active_close_all", a + finish(ACTIVE, CLOSE) + acks() + tcp(flags=FIN | ACK) + ms(1000) + tcp(flags=FIN | ACK, seq=-1) + ms(62000)
    yield "passive_echo", syn_in(2) + tcp(flow=1) + tcp(flow=1, length=255) + tcp(flow=1, length=100) + acks(9) + \
        tcp(flow=1, flags=FIN | ACK) + acks(4) + ms(2000)
    yield "passive_read", p + tcp(flow=1, length=255) + tcp(flow=1, length=255) + recv(8, 5, 2) + recv(8, 100) + recv(8, 255, 2) + \
        recv(8, 255, 3) + tcp(flow=1, flags=FIN | ACK) + recv(8) + finish(8, CLOSE) + acks(2)
    for name, opts in (("sack", OPTS_ALL), ("reno", OPTS_NONE), ("reno_ts", OPTS_TS)):
        start = active(opts) + send(ACTIVE, 255) + acks(8) + send(ACTIVE, 255)
        sacked = [tcp(ack=0, sack=blocks((1, n)) if opts & 1 else None) for n in range(2, 8)]
        yield name + "_recovery", start + b"".join(sacked) + tcp(ack=MSS) + tcp(ack=2 * MSS) + acks(20) + ms(500)
        yield name + "_timeout", start + ms(500) + tcp(ack=MSS) + ms(1000) + ms(4000) + tcp(ack=3 * MSS) + acks(20)
        yield name + "_recovery_timeout", start + b"".join(sacked) + ms(1000) + ms(3000) + tcp(ack=MSS) + acks(30)
        yield name + "_give_up", sysctl(8, 1) + start + b"".join(sacked[:3]) + ms(100000) + ms(100000)
        yield name + "_close_in_recovery", start + b"".join(sacked) + finish(ACTIVE, CLOSE) + tcp(ack=MSS) + acks(31) + \
            tcp(flags=FIN | ACK) + ms(100)
    start = a + send(ACTIVE, 255) + acks(10) + send(ACTIVE, 255)
    yield "sack_holes", start + b"".join(tcp(ack=0, sack=blocks((2 * i + 1, 2 * i + 2))) for i in range(8)) + acks(9)
    yield "sack_merge", start + tcp(ack=0, sack=blocks((1, 2), (3, 4), (5, 6))) + tcp(ack=0, sack=blocks((2, 5))) + \
        tcp(ack=0, sack=blocks((0, 9))) + ms(2000) + acks(5)
    yield "sack_many_holes", start + b"".join(
        tcp(ack=0, sack=[(1500 + 300 * i, 1600 + 300 * i), (1650 + 300 * i, 1700 + 300 * i)]) for i in range(14)) + ms(900) + acks(9)
    yield "sack_dsack", start + ms(700) + tcp(ack=2 * MSS, sack=blocks((0, 1))) + tcp(ack=MSS, sack=[(0, 100), (0, 2000)]) + acks(9)
    yield "sack_reordered", start + tcp(ack=0, sack=blocks((4, 5))) + tcp(ack=0, sack=blocks((1, 5))) + tcp(ack=5 * MSS) + acks(9)
    yield "sack_reneged", start + tcp(ack=0, sack=blocks((1, 3))) + tcp(ack=MSS - 0) + ms(1500) + acks(9)
    yield "sack_hostile", start + tcp(ack=0, sack=[(60000, 65000), (10, 5), (0, 1), (7, 7)]) + tcp(ack=0, sack=[(-500, -100)]) + acks(3)
    yield "zero_window", a + tcp(wnd=0) + send(ACTIVE, 100) + ms(1000) + ms(4000) + ms(20000) + tcp(wnd=50) + tcp(wnd=65535) + acks(3)
    yield "small_window", a + tcp(wnd=3) + send(ACTIVE, 255) + acks(4) + ms(3000) + tcp(wnd=65535) + acks(20)
    yield "nagle", a + send(ACTIVE, 10) + send(ACTIVE, 10) + send(ACTIVE, 10, 4) + acks(1) + ms(400) + setopt(ACTIVE, 13, 1) + \
        send(ACTIVE, 10) + setopt(ACTIVE, 15, 1) + send(ACTIVE, 10) + ms(500) + setopt(ACTIVE, 15, 0) + acks(2)
    yield "out_of_order", p + tcp(flow=1, length=100, seq=300) + tcp(flow=1, length=100, seq=500) + tcp(flow=1, length=150, seq=700) + \
        tcp(flow=1, length=100, seq=200) + tcp(flow=1, length=200, seq=400) + tcp(flow=1, length=100, seq=450) + \
        tcp(flow=1, length=100, seq=100) + tcp(flow=1, length=100) + recv(8) + tcp(flow=1, length=255) + recv(8)
    yield "out_of_order_fin", p + tcp(flow=1, flags=FIN | ACK, length=100, seq=100) + tcp(flow=1, length=100) + recv(8) + finish(8, CLOSE)
    yield "out_of_order_many", p + b"".join(tcp(flow=1, length=2, seq=10 + 5 * i) for i in range(40)) + \
        b"".join(tcp(flow=1, length=200, seq=50 * i) for i in (3, 1, 0)) + recv(8)
    yield "overlaps", p + tcp(flow=1, length=200, seq=50) + tcp(flow=1, length=100) + tcp(flow=1, length=100, seq=-50) + \
        tcp(flow=1, length=50, seq=-100) + recv(8)
    yield "super_packets", p + tcp(flow=1, length=255, super=True) + tcp(flow=1, length=255, super=True) + recv(8, 255) + recv(8, 255) + \
        tcp(flow=1, length=255, seq=3000, super=True) + tcp(flow=1, length=255, super=True) + recv(8, 255)
    yield "receive_full", p + setopt(8, 5, 1) + tcp(flow=1, length=255, super=True) * 3 + tcp(flow=1, length=1) + recv(8, 140) + \
        recv(8, 255) + ms(100) + tcp(flow=1, length=255)
    yield "single_bytes", p + tcp(flow=1, length=1) * 30 + recv(8)
    yield "simultaneous_open", tcp(flags=SYN_F, syn=OPTS_ALL) + tcp(flags=SYN_F | ACK, seq=-1, syn=OPTS_ALL) + tcp() + send(ACTIVE, 50) + acks(2)
    yield "simultaneous_open_slow", tcp(flags=SYN_F, syn=OPTS_ALL) + ms(1500) + ms(3500) + tcp(length=10) + recv(ACTIVE)
    yield "simultaneous_open_closed", tcp(flags=SYN_F, syn=OPTS_ALL) + finish(ACTIVE, CLOSE)
    yield "simultaneous_close", a + finish(ACTIVE, CLOSE) + tcp(flags=FIN | ACK, ack=0) + acks(1) + ms(70000)
    yield "half_close", a + finish(ACTIVE, SHUT_WR) + acks(1) + tcp(length=200) + recv(ACTIVE) + tcp(flags=FIN | ACK, length=5) + recv(ACTIVE)
    yield "peer_half_close", a + tcp(flags=FIN | ACK) + send(ACTIVE, 200) + acks(3) + finish(ACTIVE, CLOSE) + acks(1)
    yield "refused", tcp(flags=RST_ | ACK)
    yield "reset", a + send(ACTIVE, 100) + tcp(flags=RST_) + recv(ACTIVE) + send(ACTIVE, 1)
    yield "reset_in_window", a + tcp(flags=RST_, seq=10) + tcp(flags=SYN_F, seq=5) + tcp(ack=500) + tcp(flags=0) + tcp(flags=RST_)
    yield "close_unread", p + tcp(flow=1, length=10) + finish(8, CLOSE)
    yield "data_after_close", a + finish(ACTIVE, CLOSE) + acks(1) + tcp(length=10)
    yield "abort", p + send(8, 100) + finish(8, ABORT)
    yield "linger", a + setopt(ACTIVE, 7, 1) + finish(ACTIVE, CLOSE)
    yield "fin_wait_2_expires", a + finish(ACTIVE, CLOSE) + acks(1) + ms(70000)
    yield "fin_lost", a + send(ACTIVE, 20) + finish(ACTIVE, CLOSE) + ms(500) + ms(2000) + acks(2) + tcp(flags=FIN | ACK)
    yield "keepalive", sysctl(12, 0) + sysctl(13, 0) + a + setopt(ACTIVE, 6, 1) + ms(1500) + tcp() + ms(20000)
    yield "user_timeout", a + setopt(ACTIVE, 21, 100) + send(ACTIVE, 100) + ms(5000)
    yield "syn_gives_up", ms(140000) + ms(20000)
    yield "synack_again", syn_in() + ms(1100) + ms(2200) + syn_in() + ms(70000)
    yield "syn_queue_full", sysctl(3, 1) + b"".join(syn_in(0, i) for i in range(4)) + ms(1500) + b"".join(syn_in(0, i) for i in range(4, 7))
    yield "accept_queue_full", b"".join(syn_in(0, i) + tcp(flow=i) for i in range(1, 8)) + bytes([LISTEN, LISTENER, 0]) + \
        bytes([ACCEPT, LISTENER, 1]) * 3 + finish(LISTENER, CLOSE)
    yield "time_wait_reopen", a + finish(ACTIVE, CLOSE) + tcp(flags=FIN | ACK) + acks(1) + ms(100) + tcp(flags=SYN_F, seq=1000, syn=OPTS_ALL)
    yield "time_wait_reset", sysctl(14, 0) + a + finish(ACTIVE, CLOSE) + tcp(flags=FIN | ACK) + tcp(flags=RST_, seq=0)
    yield "paws", a + ms(500) + tcp(length=10) + bytes([TCP, 0x80, ACK, 5, X_TS]) + be16(3000) + bytes([TIME, 255]) + \
        bytes([TCP, 0x80, ACK, 5, X_TS]) + be16(3000)
    yield "icmp_refuses", bytes([FRAMES, 2, 0, 0, 1, 0, 0])
    yield "icmp_mtu", a + send(ACTIVE, 255) + bytes([FRAMES, 2, 0, 0, 4]) + be16(600) + acks(20) + bytes([FRAMES, 2, 0, 0, 4]) + be16(0)
    yield "icmp_soft", sysctl(8, 0) + a + send(ACTIVE, 100) + bytes([FRAMES, 2, 0, 0, 1, 0, 0]) + ms(5000) + recv(ACTIVE)
    for to in (3, 4, 3 | 1 << 3):
        yield f"to_itself_{to}", bytes([OPEN, 0, to, SEND, 8, 255, 0, SEND, 8, 255, 0]) + recv(8) + finish(8, SHUT_WR) + recv(8) + ms(300)
    yield "to_itself_read", bytes([OPEN, 0, 3, ACCEPT, 0, 0]) + send(8, 255) + recv(9, 140) + recv(9) + send(9, 255) + recv(8) + \
        finish(8, CLOSE) + recv(9) + finish(9, CLOSE) + ms(1000)
    yield "to_itself_small", sysctl(5, 0) + bytes([OPEN, 0, 3, ACCEPT, 0, 0]) + send(8, 255) + recv(9, 140) + ms(500) + recv(9) + ms(5000) + recv(9)
    yield "udp", bytes([FRAMES, 0x30, 0, 0x00, 20]) + recv(2, 100, 3) + send(2, 100, 2) + b"\0" + recv(3) + send(3, 10) + \
        bytes([FRAMES, 0, 0, 0x21, 9])
    yield "udp_group", bytes([SOCKET, 1]) + setopt(8, 0, 1) + setopt(2, 0, 1) + bytes([BIND, 8, 2 | 4 << 3]) + \
        bytes([FRAMES, 0, 4, 4, 0x00, 20]) * 2 + recv(8) + recv(2)
    yield "udp_refused", send(3, 10) + bytes([FRAMES, 2, 0, 0, 3, 0, 0]) + recv(3) + send(3, 10)
    yield "ping", bytes([CONNECT, 4, 0]) + send(4, 40) + bytes([FRAMES, 4, 0]) + recv(4, 100, 3) + \
        send(4, 40) + bytes([FRAMES, 2, 0, 0, 1, 0, 0]) + recv(4)
    yield "ports_run_out", sysctl(22, 1) + sysctl(23, 0) + bytes([SOCKET, 1, BIND, 8, 2 | 6 << 3, SOCKET, 1, BIND, 9, 2 | 6 << 3,
        SOCKET, 1, BIND, 10, 2 | 6 << 3, SOCKET, 1, BIND, 11, 2 | 6 << 3, SOCKET, 1, BIND, 12, 2 | 6 << 3]) + finish(9, CLOSE) + \
        bytes([BIND, 12, 2 | 6 << 3, TIME, 180]) + b"".join(bytes([OPEN, 0, 0]) for _ in range(6))
    for kind, port, frames in ((0, 3, b"".join(syn_in(3 << 1, i) for i in range(4))),
                               (1, 5, bytes([FRAMES, 0, 0, 0x10, 20]) + bytes([FRAMES, 0, 1, 0x10, 20]))):
        pair = bytes([SOCKET, kind, SOCKET, kind])
        bind = bytes([BIND, 8, 2 | port << 3, BIND, 9, 2 | port << 3])
        connect = bytes([CONNECT, 8, 0, CONNECT, 9, 0])
        yield f"reuse_port_{kind}", pair + setopt(8, 8, 1) + setopt(9, 8, 1) + bind + bytes([LISTEN, 8, 4, LISTEN, 9, 4]) + frames
        yield f"reuse_port_device_{kind}", pair + setopt(8, 8, 1) + setopt(9, 8, 1) + setopt(8, 9, 1) + bind + \
            bytes([LISTEN, 8, 4, LISTEN, 9, 4]) + frames
        yield f"reuse_addr_{kind}", pair + setopt(8, 0, 1) + setopt(9, 0, 1) + bind + connect + finish(8, CLOSE) + connect
        yield f"bind_conflict_{kind}", pair + bytes([BIND, 8, 4 | port << 3]) + bind + bytes([LISTEN, 8, 4, BIND, 9, 3 | port << 3]) + frames
        yield f"bind_conflict_any_{kind}", pair + bytes([BIND, 8, 2 | port << 3, LISTEN, 8, 1, BIND, 9, 4 | port << 3]) + frames
    yield "port_range_crossed", sysctl(23, 0) + sysctl(22, 3) + bytes([OPEN, 0, 0]) + sysctl(23, 2) + sysctl(22, 1) + sysctl(23, 0)
    full = setopt(2, 5, 1)
    yield "udp_full", full + bytes([FRAMES, 0, 0, 0x00, 255]) * 4 + recv(2)
    yield "udp_group_full", bytes([SOCKET, 1]) + setopt(8, 0, 1) + setopt(2, 0, 1) + bytes([BIND, 8, 2 | 4 << 3]) + full + \
        bytes([FRAMES, 0, 4, 4, 0x00, 255]) * 4 + setopt(8, 5, 1) + bytes([FRAMES, 0, 4, 4, 0x00, 255]) * 2
    yield "ping_full", setopt(4, 5, 1) + bytes([CONNECT, 4, 0]) + (send(4, 127) + bytes([FRAMES, 4, 0])) * 6 + finish(4, CLOSE) + bytes([FRAMES, 4, 0])
    yield "udp_error_late", send(3, 10) + finish(3, CLOSE) + bytes([FRAMES, 2, 0, 0, 3, 0, 0])
    yield "keepalive_data", sysctl(12, 0) + a + setopt(ACTIVE, 6, 1) + tcp(wnd=0) + send(ACTIVE, 100) + ms(5000) + tcp(wnd=0) + ms(3000)
    yield "keepalive_user_timeout", sysctl(12, 0) + sysctl(13, 0) + a + setopt(ACTIVE, 21, 120) + setopt(ACTIVE, 6, 1) + ms(9000)
    yield "keepalive_options", a + setopt(ACTIVE, 16, 2) + setopt(ACTIVE, 17, 1) + setopt(ACTIVE, 18, 2) + setopt(ACTIVE, 6, 1) + ms(2500) + \
        tcp() + ms(9000)
    for i, (what, bad) in enumerate(((0, 0), (6, 0), (7 | 16, 2), (2 | 4, 0x80), (3 | 4 | 64, 0x80), (7, 0x0A), (5 | 32, 0x20), (6, 0xFF))):
        start = bytes([LINK, what, bad, OPEN, 0, 6])
        yield f"link_{i}", start + ms(500) + send(9, 255) + ms(900) + recv(9) + recv(9) + ms(3000) + send(9, 255) + ms(3000) + recv(9) + \
            recv(9) + finish(9, SHUT_WR) + ms(5000) + recv(9) + finish(9, CLOSE) + ms(70000)
        yield f"link_down_{i}", start + ms(500) + send(9, 255) + bytes([LINK, 128, 0]) + ms(3000) + bytes([LINK, 128, 1]) + ms(9000) + recv(9) + \
            bytes([LINK, 2, 0, LINK, 32, 3]) + send(9, 255) + ms(2000)
    for n in range(1, 30, 2):
        yield f"no_memory_{n}", bytes([FAIL, n, 1]) + a + passive() + send(ACTIVE, 200) + acks(3) + tcp(flow=1, length=100, seq=200) + ms(50)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in itertools.chain(seeds(), seed_stack_api.seeds()):
        for how in (0, 1, 2, IP6):
            (folder / f"{name}_{how}").write_bytes(bytes([how]) + program)


if __name__ == "__main__":
    import seed_stack_api
    main()
