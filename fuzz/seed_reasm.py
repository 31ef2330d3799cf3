#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes programs for fuzz_reasm into a folder: datagrams in each way of putting them together, each rule that drops
one, each bound, and memory that fails.

usage: fuzz/seed_reasm.py FOLDER        then: scripts/fuzz --merge reasm (FOLDER is build/fuzz-corpus/reasm)
"""
import pathlib
import struct
import sys

MORE, SHARED, LONG, OTHER_STEP, FLUSH, OTHER = 1, 2, 16, 32, 64, 128
TIME, FAIL, BOUND, DIST = range(4)
ECT0, CE = 2 << 2, 3 << 2


def frag(ident, off, units, flags=0):
    """`units`: bytes, or 64 of them with LONG."""
    return struct.pack(">BHBB", ident, off, units, flags)


def other(what, a=0, b=0, c=0, flags=0):
    return bytes([what, a, b, c, OTHER_STEP | flags])


def datagram(ident, n, units, flags=0, order=None):
    size = units * (64 if flags & LONG else 1)
    pieces = [frag(ident, i * size, units, flags | (MORE if i + 1 < n else 0)) for i in range(n)]
    return b"".join(pieces[i] for i in (order or range(n)))


def seeds():
    for flags in (0, SHARED, LONG, LONG | SHARED):
        yield f"whole_{flags}", datagram(1, 3, 16, flags) + datagram(2, 3, 16, flags, (2, 1, 0)) + datagram(3, 20, 8, flags)
        for n in range(1, 9):
            yield f"no_memory_{flags}_{n}", other(FAIL, n, 0) + datagram(1, 3, 16, flags) + other(FAIL, n, 1) + datagram(2, 20, 8, flags) + \
                datagram(3, 3, 16, flags)
    big = other(BOUND, 4, 4)
    yield "too_long", big + b"".join(frag(1, i * 16320, 255, LONG | MORE) for i in range(4)) + frag(1, 65280, 248)
    yield "longest", big + b"".join(frag(1, i * 16320, 255, LONG | MORE) for i in range(4)) + frag(1, 65280, 200)
    yield "out_of_range", frag(1, 65528, 200) + frag(1, 65528, 8)
    yield "empty", frag(1, 8, 0) + frag(1, 8, 7, MORE)
    yield "duplicate", frag(1, 8, 8, MORE) * 2 + frag(1, 8, 8) + frag(1, 0, 8, MORE)
    yield "overlap", frag(1, 16, 16, MORE) + frag(1, 24, 16, MORE) + frag(1, 0, 8, MORE)
    yield "overlap_before", frag(1, 16, 16, MORE) + frag(1, 8, 16, MORE)
    yield "two_ends", frag(1, 16, 8) + frag(1, 32, 8) + frag(2, 16, 8) + frag(2, 8, 8) + frag(3, 16, 8, MORE) + frag(3, 8, 8) + frag(4, 16, 8) + frag(4, 24, 8, MORE)
    yield "ecn", datagram(1, 3, 8, ECT0) + frag(2, 0, 8, ECT0 | MORE) + frag(2, 8, 8, CE) + frag(3, 0, 8, MORE) + frag(3, 8, 8, CE) + frag(3, 8, 8)
    yield "time", frag(1, 0, 8, MORE) + frag(2, 8, 8, MORE) + other(TIME, c=100) + frag(3, 0, 8, MORE) + other(TIME, c=100) + other(TIME, c=160)
    yield "time_dead", frag(1, 16, 16, MORE) + frag(1, 8, 16, MORE) + other(TIME, c=160)
    yield "flush", frag(1, 0, 8, MORE) + frag(2, 8, 8, MORE) + other(TIME, flags=FLUSH)
    yield "distance", other(DIST, 2) + frag(1, 0, 8, MORE) + datagram(2, 4, 8) + frag(1, 8, 8) + other(DIST, 0) + datagram(2, 4, 8) + frag(1, 0, 8, MORE)
    for high in range(5):
        for low in range(5):
            many = b"".join(frag(i % 8 | (i // 8 % 8) << 3, 8 * i, 16, LONG | MORE | (OTHER if i & 1 else 0)) for i in range(80))
            yield f"bound_{high}_{low}", other(BOUND, high, low) + many + other(BOUND, 2, low) + many[:50]
    yield "source_full", b"".join(frag(i % 8, 1024 * i, 16, LONG | MORE) for i in range(40))
    yield "source_full_alone", b"".join(frag(1, 1024 * i, 16, LONG | MORE) for i in range(40))
    yield "packets_full", big + b"".join(frag(i % 8 | (i // 8 % 8) << 3, 8 * (i // 64), 8, MORE | (OTHER if i & 1 else 0)) for i in range(260))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in seeds():
        (folder / name).write_bytes(program)


if __name__ == "__main__":
    main()
