#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes programs for fuzz_tcp_in into a folder: what needs a connection with a certain history, or a setting.

usage: fuzz/seed_tcp_in.py FOLDER        then: scripts/fuzz --merge tcp_in (FOLDER is build/fuzz-corpus/tcp_in)
"""
import pathlib
import re
import struct
import sys

CONNECT, LISTEN, ACCEPT, SEND, RECV, CLOSE, SETOPT, TIME, _, ERROR, WORLD, SEGMENT = range(12)
FAIL, CONF, LOOK = 16, 17, 18
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
TS, SACK, WSCALE = 1, 2, 4  # of the first byte
MORE, OOB, EOR, FAST = 1, 2, 4, 8
PEEK, OOB_IN, TRUNC = 1, 2, 4
STEPS = [0, 1, 100, 1000, 1460, 30000, 70000, 1 << 30]
OPTIONS = ("NODELAY CORK MAXSEG KEEPIDLE KEEPINTVL KEEPCNT QUICKACK USER_TIMEOUT SYNCNT LINGER2 DEFER_ACCEPT WINDOW_CLAMP INQ FASTOPEN "
           "NOTSENT_LOWAT FASTOPEN_CONNECT FASTOPEN_NO_COOKIE").split()
# The settings of the layers that the target has, in the order in which they register.
NAMES = re.findall(r"^\| `([a-z0-9_.]+)`", (pathlib.Path(__file__).parent.parent / "doc/sysctl.md").read_text(), re.M)
CTLS = NAMES[NAMES.index("net.core.somaxconn"):]
SYN_OPTS = bytes([2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7])
BIG = 60000


def be16(v):
    return struct.pack(">H", v & 0xFFFF)


def seg(sock=0, flags=ACK, length=0, seq=0, ack=0, raw=None, sack=None, wnd=255, urg=None, how=16, ts=False):
    """seq and ack: how far from what is expected, one of STEPS or its negative."""
    how = how if length else how | 1
    num = STEPS.index(abs(seq)) | (8 if seq < 0 else 0) | STEPS.index(abs(ack)) << 4 | (128 if ack > 0 else 0)
    opts, more = 0, b""
    if raw is not None:
        opts, more = 1 | len(raw) // 4 << 2, raw
    elif sack is not None:
        opts, more = 3 | len(sack) << 2 | (64 if ts else 0), (b"\x80" if ts else b"") + bytes(v for pair in sack for v in pair)
    elif ts:
        opts, more = 2, b"\x80"
    return bytes([SEGMENT, sock, how | (64 if urg is not None else 0), num, opts]) + (be16(length) if length else b"") + \
        bytes([flags, wnd]) + (be16(urg) if urg is not None else b"") + more


def send(sock=0, n=BIG, how=0):
    return bytes([SEND, sock]) + be16(n) + bytes([how])


def recv(sock=0, n=BIG, how=0):
    return bytes([RECV, sock]) + be16(n) + bytes([how])


def opt(name, value, sock=0):
    return bytes([SETOPT, OPTIONS.index(name), sock]) + be16(value)


def listener_opt(name, value):
    return bytes([SETOPT, 31, 0]) + be16(OPTIONS.index(name) * 64 + value)


def ms(n):
    exp = 0
    while n > 16 << 2 * exp:
        exp += 1
    return bytes([TIME, exp << 4 | max(0, (n >> 2 * exp) - 1)])


def conf(name, how):
    return bytes([CONF, next(i for i, n in enumerate(CTLS) if n.endswith(name)), how])


def fail(n, again=0):
    return bytes([FAIL, n, again])


def look(how=4 | 8, sock=0):
    return bytes([LOOK, how, sock])


def close(how=0, sock=0):
    return bytes([CLOSE, how, sock])


ACTIVE = bytes([CONNECT, 0]) + seg(flags=SYN | ACK, raw=SYN_OPTS)
PASSIVE = bytes([LISTEN, 0x50]) + seg(flags=SYN, raw=SYN_OPTS) + seg() + bytes([ACCEPT, 0])
WIDE = conf("tcp_init_cwnd", 31)  # 30000 bytes go at once, so that their number is one of STEPS


def flight(sock=0):
    return send(sock, 30000)


def held(*pairs, ack=-30000, **kw):
    return seg(ack=ack, sack=pairs, **kw)


def seeds():
    wide = WIDE + ACTIVE + flight()
    dups = held((20, 40)) + held((20, 60)) + held((20, 80)) + held((20, 120))
    for recovery in (0, 1, 3):
        start = conf("tcp_recovery", recovery) + conf("tcp_early_retrans", recovery)
        yield f"recovery_{recovery}", start + wide + dups + ms(100) + seg(ack=-1460) + seg() + flight() + seg()
        yield f"recovery_reno_{recovery}", start + WIDE + ACTIVE.replace(bytes([4, 2]), bytes([1, 1])) + flight() + seg(ack=-30000) * 5 + seg(ack=-1460) + seg()
        yield f"timeout_{recovery}", start + wide + ms(1500) + seg(ack=-1460) + ms(3000) + seg()
        yield f"spurious_{recovery}", start + wide + seg(ts=True) + flight() + ms(1500) + seg(ack=-1000, ts=True) + seg(ack=-100, ts=True) + seg(ts=True)
        yield f"late_{recovery}", start + wide + dups + seg(ack=-1460, sack=((0, 20),)) + seg(sack=((0, 40),)) + flight() + held((40, 90)) + ms(20) + held((40, 200), (10, 20))
        yield f"probe_{recovery}", start + wide + seg(ack=-1460) + ms(30) + ms(300) + seg(ack=-1460, sack=((250, 255),)) + seg() + send(0, 1000) + ms(400) + seg(sack=((200, 255),))
    yield "frto", conf("tcp_frto", 2) + wide + seg() + flight() + ms(1500) + seg(ack=-1460) + seg(ack=-1000) + seg(ack=-100) + ms(1500) + held((30, 60)) + seg(ack=-30000) * 3
    yield "cork", ACTIVE + opt("CORK", 1) + send(0, 100) + send(0, 100) + ms(300) + opt("CORK", 0) + opt("NODELAY", 1) + send(0, 10)
    yield "records", ACTIVE + send(0, 100, EOR) + send(0, 3000, EOR) + send(0, 10, MORE) + send(0, 70) + ms(300) + seg()
    yield "urgent_out", ACTIVE + send(0, 10, OOB) + send(0, 9000) + send(0, 1, OOB) + seg() + conf("tcp_stdurg", 1) + send(0, 5, OOB) + ms(600) + seg()
    for std in (0, 1):
        in_ = seg(flags=ACK | URG, length=100, urg=50)
        end = seg(flags=ACK | URG, length=100, urg=100)
        yield f"urgent_in_{std}", conf("tcp_stdurg", std) + ACTIVE + recv(0, 1, OOB_IN) + in_ + recv(0, 1, OOB_IN | PEEK) + recv(0, 0, OOB_IN) + recv(0, 1, OOB_IN) + recv(0, 200) + \
            seg(flags=ACK | URG, length=10, urg=500) + recv(0, 1, OOB_IN) + look(3) + recv(0, 10) + end + recv(0, 30) + recv(0, 300, PEEK) + recv(0, 300, TRUNC) + close() + recv(0, 1, OOB_IN)
    yield "low_water", ACTIVE + bytes([SETOPT, 28, 0]) + be16(500) + seg(length=100) + look() + seg(length=600) + look() + bytes([SETOPT, 28, 0]) + be16(0) + bytes([SETOPT, 30, 0]) + be16(4) + \
        opt("NOTSENT_LOWAT", 100) + send() + look()
    yield "clamp", ACTIVE + opt("WINDOW_CLAMP", 3000) + seg(length=2000) * 4 + recv() + seg(length=1000)
    yield "pacing", conf("tcp_congestion_control", 4) + ACTIVE + send() + ms(30) + seg() + ms(30) + send() + ms(10) + seg(ack=-1460) + bytes([SETOPT, 29, 0]) + be16(30000) + ms(500) + seg()
    for cc in range(6):
        yield f"control_{cc}", conf("tcp_congestion_control", cc) + conf("tcp_ecn", 1) + WIDE + ACTIVE + (flight() + ms(20) + seg() + send() + ms(20) + seg(flags=ACK | ECE)) * 3 + dups + ms(900) + \
            seg() + look()
    full = send(0, 60000) * 20
    yield "buffer_full", ACTIVE + full + look() + seg() + ms(60) + seg() * 9 + look()
    yield "slow_reader", ACTIVE + bytes([SETOPT, 64, 0]) + be16(3000) + seg(length=1460) * 6 + recv(0, 2000) + seg(length=1460) * 2 + recv() + ms(50) + seg(length=1460, how=0) * 5 + recv()
    yield "out_of_order", ACTIVE + seg(length=100, seq=1460) + seg(length=100, seq=1000) + seg(length=500, seq=100) + seg(length=50, seq=1) + seg(length=9, seq=100) + seg(length=1460) + recv()
    yield "pruned", ACTIVE + bytes([SETOPT, 64, 0]) + be16(1) + b"".join(seg(length=1 + i % 3, seq=(100, 1000, 1460)[i % 3], how=0) for i in range(30)) + seg(length=1400) + recv()
    scattered = b"".join(seg(length=1, seq=1) + seg(length=1) + seg(length=2, seq=1) for _ in range(30))
    yield "collapsed", ACTIVE + scattered + recv()
    yield "short_memory", conf("tcp_mem_min", 0) + conf("tcp_mem_pressure", 0) + conf("tcp_mem_max", 1) + ACTIVE + send() + seg(length=1460) * 9 + seg(length=1460, seq=1000) * 3 + recv() + \
        ms(500) + seg() + look()
    yield "short_memory_least", conf("tcp_mem_max", 0) + conf("tcp_rmem_min", 1) + conf("tcp_wmem_min", 1) + ACTIVE + send() + seg(length=1460) * 3 + ms(300)
    yield "defer", bytes([LISTEN, 0x50]) + listener_opt("DEFER_ACCEPT", 3) + seg(flags=SYN, raw=SYN_OPTS) + seg() + seg() + ms(1200) + ms(2500) + seg(length=10) + bytes([ACCEPT, 0]) + recv()
    yield "listener_options", bytes([LISTEN, 0x50]) + listener_opt("MAXSEG", 60) + listener_opt("SYNCNT", 2) + listener_opt("LINGER2", 3) + listener_opt("MAXSEG", 0) + \
        seg(flags=SYN, raw=SYN_OPTS) + seg() + bytes([ACCEPT, 0]) + look()
    cookie = bytes([34, 2, 1, 1])
    for name, c in (("all", 255), ("no_cookie", 31)):
        yield f"fast_open_{name}", conf("tcp_fastopen", c) + bytes([LISTEN, 0x50]) + listener_opt("FASTOPEN", 5) + listener_opt("FASTOPEN_NO_COOKIE", 1) + \
            seg(flags=SYN, length=100, raw=cookie) + bytes([ACCEPT, 0]) + recv() + send(0, 100) + ms(1500) + seg(flags=SYN, length=100, seq=-1) + seg() + seg() + close()
        yield f"fast_open_reset_{name}", conf("tcp_fastopen", c) + bytes([LISTEN, 0x50]) + listener_opt("FASTOPEN", 1) + listener_opt("FASTOPEN_NO_COOKIE", 1) + \
            (seg(flags=SYN, length=100) + seg(flags=RST)) * 2
    answer = bytes([2, 4, 5, 180, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1])
    yield "fast_open_out", bytes([CONNECT, 1]) + close(1, 1) + send(0, 100, FAST) + bytes([CONNECT, 0]) + conf("tcp_fastopen", 31) + look(16) + send(0, 100, FAST) + \
        seg(flags=SYN | ACK, raw=answer) + look() + seg()
    yield "fast_open_out_part", conf("tcp_fastopen", 7) + bytes([CONNECT, 0]) + look(16) + send(0, 1000, FAST) + seg(flags=SYN | ACK, raw=answer, ack=-1000) + ms(900) + seg()
    for v in (0, 1, 2):
        ecn = conf("tcp_ecn", v)
        yield f"ecn_{v}", ecn + bytes([CONNECT, 0]) + seg(flags=SYN | ACK | ECE, raw=SYN_OPTS) + send() + seg(flags=ACK | ECE, ack=-1460) + send() + seg(flags=ACK | CWR, length=100) + seg()
        yield f"ecn_in_{v}", ecn + bytes([LISTEN, 0x50]) + seg(flags=SYN | ECE | CWR, raw=SYN_OPTS) + seg() + bytes([ACCEPT, 0]) + seg(length=100) + send() + seg(flags=ACK | ECE)
    yield "cookies", conf("tcp_syncookies", 2) + bytes([LISTEN, 0x50]) + seg(flags=SYN, raw=SYN_OPTS) + seg(seq=1) + bytes([ACCEPT, 0]) + seg(sock=1, flags=SYN, how=0) + seg(sock=1)
    yield "linger", ACTIVE + send() + opt("LINGER2", 5) + close() + ms(400) + seg() + ms(9000)
    yield "linger_none", ACTIVE + opt("LINGER2", 65535) + send(0, 10) + close() + seg()
    yield "keepalive", ACTIVE + opt("KEEPIDLE", 1) + opt("KEEPINTVL", 1) + opt("KEEPCNT", 2) + bytes([SETOPT, 128, 0]) + be16(1) + ms(1500) + seg() + ms(9000)
    yield "disconnect", ACTIVE + look(16) + bytes([CONNECT, 0]) + look(16) + bytes([LISTEN, 0x50]) + look()
    yield "soft_errors", ACTIVE + send(0, 10) + bytes([ERROR, 0]) + ms(1500) + bytes([ERROR, 32]) + bytes([ERROR, 16]) + be16(536) + bytes([ERROR, 0x50]) + be16(1000) + seg()
    yield "hard_errors", conf("tcp_icmp_aborts", 1) + ACTIVE + send(0, 10) + bytes([ERROR, 0x40]) + bytes([CONNECT, 1, ERROR, 1])
    yield "no_route", ACTIVE + bytes([WORLD, 1]) + send() + ms(2000) + bytes([WORLD, 1]) + ms(9000) + seg() + bytes([WORLD, 2, WORLD, 0x92]) + send() + seg()
    yield "ticks", conf("tcp_ts_tick_ms", 31) + conf("tcp_paws_window", 0) + ACTIVE + seg(ts=True, length=10) + ms(5000) + seg(ts=True, length=10)
    yield "rfc_rto", conf("tcp_rto_min_of_variance", 0) + ACTIVE + send(0, 100) + ms(50) + seg() + send(0, 100) + ms(50) + seg()
    yield "records_acked", wide + seg(ack=-1460) + dups + look() + seg() + send(0, 10) + ms(9000) + seg(ack=-1, sack=((0, 255),))
    for n in range(1, 26):
        yield f"no_memory_{n}", fail(n, 0) + ACTIVE + send() + seg(length=100) + seg(length=100, seq=1000) + ms(100) + seg() + close()
        yield f"no_memory_passive_{n}", fail(n, 1) + PASSIVE + send() + fail(0) + ms(500) + seg() + close()
        yield f"no_memory_early_{n}", conf("tcp_fastopen", 255) + bytes([LISTEN, 0x50]) + listener_opt("FASTOPEN", 5) + listener_opt("FASTOPEN_NO_COOKIE", 1) + fail(n, n % 3) + \
            seg(flags=SYN, length=100) + bytes([ACCEPT, 0]) + recv()
    for n in range(1, 8):
        yield f"no_memory_send_{n}", ACTIVE + fail(n, 1) + send() + ms(40) + fail(0) + ms(500) + seg() + seg()
        yield f"no_memory_recover_{n}", wide + fail(n, n % 2) + dups + ms(1500) + fail(0) + ms(2000) + seg()
        yield f"no_memory_receive_{n}", ACTIVE + fail(n, 1) + seg(length=1460) * 3 + seg(length=1460, seq=1460) * 2 + recv() + opt("CORK", 1) + send(0, 5)
        yield f"no_memory_option_{n}", ACTIVE + fail(1, 1) + opt("MAXSEG", 500) + bytes([SETOPT, 28 + n % 3, 0]) + be16(9) + listener_opt("MAXSEG", 9)
    for i in range(len(CTLS)):
        for how in (0, 1, 255):
            yield f"setting_{i}_{how}", bytes([CONF, i, how]) + PASSIVE + send() + seg() + ms(300) + seg(length=100) + recv() + close() + seg() + seg(flags=FIN | ACK) + ms(900)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in seeds():
        for how in (0, TS | SACK | WSCALE, SACK | WSCALE):
            (folder / f"{name}_{how}").write_bytes(bytes([how]) + program)


if __name__ == "__main__":
    main()
