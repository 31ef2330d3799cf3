#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a kernel host sees of weft's routers: hops, errors, MTUs, and what passes through.

usage: lab_paths.py WEFT [CASE...]        lab_paths.py --inside CASE (by itself, in the lab's node)

    laptop (kernel) --- r1 --- r2 --- server (weft), far (kernel)
    10.1.0.0/24   10.2.0.0/24, MTU 1400   10.3.0.0/24, with a switch

Each case runs in the laptop. Prints a line `ok - NAME` or `not ok - NAME` a case.
"""
import errno
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

LAB = """
lab: paths
nodes:
  laptop:
    kind: kernel
    interfaces: { eth0: { address: 10.1.0.10/24 } }
    routes: [default via 10.1.0.1]
  r1:
    forwarding: true
    interfaces: { a: { address: 10.1.0.1/24 }, b: { address: 10.2.0.1/24 } }
    routes: [10.3.0.0/24 via 10.2.0.2, 10.4.0.0/24 via 10.2.0.2]
  r2:
    forwarding: true
    interfaces: { a: { address: 10.2.0.2/24 }, b: { address: 10.3.0.1/24 } }
    routes: [10.1.0.0/24 via 10.2.0.1]
  switch: { kind: switch }
  server:
    interfaces: { eth0: { address: 10.3.0.20/24 } }
    routes: [default via 10.3.0.1]
    services:
      - http: { port: 80, files: { /1m: { size: 1MB } } }
      - echo: { port: 7, proto: [tcp, udp] }
  far:
    kind: kernel
    interfaces: { eth0: { address: 10.3.0.30/24 } }
    routes: [default via 10.3.0.1]
links:
  - laptop:eth0 -- r1:a
  - { between: [r1:b, r2:a], mtu: 1400 }
  - r2:b -- switch:p1
  - server:eth0 -- switch:p2
  - far:eth0 -- switch:p3
"""
R1, R2, SERVER, FAR = "10.1.0.1", "10.2.0.2", "10.3.0.20", "10.3.0.30"
NOBODY, NO_ROUTE = "10.3.0.99", "10.4.0.1"
WAIT_S = 10

IP_RECVERR, MSG_ERRQUEUE, IP_MTU_DISCOVER, IP_MTU, PMTUDISC_DO = 11, 0x2000, 10, 14, 2
ECHO, ECHO_REPLY = 8, 0
UNREACH, TIME_EXCEEDED = 3, 11
CODE_NET, CODE_HOST, CODE_PORT, CODE_FRAG = 0, 1, 3, 4


class Failed(Exception):
    """A case did not see what it expected."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def udp_socket(to, port, ttl=64):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(WAIT_S)
    s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    s.connect((to, port))
    return s


def icmp_error(s):
    """The ICMP error about a socket: errno, type, code, sender, MTU."""
    end = time.monotonic() + WAIT_S
    while True:
        try:
            _, control, _, _ = s.recvmsg(0, 512, MSG_ERRQUEUE)
            break
        except BlockingIOError:
            expect(time.monotonic() < end, "no ICMP error came")
            time.sleep(0.001)
    for level, kind, data in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
            err, _, typ, code, _, info, _ = struct.unpack_from("IBBBBII", data)
            return err, typ, code, socket.inet_ntoa(data[20:24]), info
    raise Failed("an error without its ICMP message")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def echo_request(ident, seq, payload):
    head = struct.pack("!BBHHH", ECHO, 0, 0, ident, seq)
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload


def icmp_socket(ttl=64):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(WAIT_S)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    return s


def icmp_answer(s, ident, seq):
    """The answer to an echo request: type, code, sender, TTL, what follows the ICMP header."""
    while True:
        packet, (sender, _) = s.recvfrom(65536)
        typ, code, _, got_id, got_seq = struct.unpack_from("!BBHHH", packet, 20)
        if typ == ECHO_REPLY and (got_id, got_seq) == (ident, seq):
            return typ, code, sender, packet[8], packet[28:]
        if typ in (UNREACH, TIME_EXCEEDED) and packet[28 + 9] == socket.IPPROTO_ICMP \
                and struct.unpack_from("!HH", packet, 28 + 20 + 4) == (ident, seq):
            return typ, code, sender, packet[8], packet[28:]


def traceroute_by_udp_names_every_hop():
    hops = []
    for ttl in range(1, 4):
        with udp_socket(SERVER, 33434 + ttl, ttl) as s:
            s.send(b"probe" * 8)
            _, typ, code, sender, _ = icmp_error(s)
            hops.append((typ, code, sender))
    expect(hops == [(TIME_EXCEEDED, 0, R1), (TIME_EXCEEDED, 0, R2), (UNREACH, CODE_PORT, SERVER)], hops)


def traceroute_by_icmp_names_every_hop():
    hops = []
    for ttl in range(1, 4):
        with icmp_socket(ttl) as s:
            s.sendto(echo_request(7, ttl, b"x" * 32), (SERVER, 0))
            hops.append(icmp_answer(s, 7, ttl)[:3])
    expect(hops == [(TIME_EXCEEDED, 0, R1), (TIME_EXCEEDED, 0, R2), (ECHO_REPLY, 0, SERVER)], hops)


def error_quotes_what_was_refused():
    """The quote begins with the packet as it came to the router (RFC 1812 §4.3.2.3)."""
    with icmp_socket(1) as s:
        request = echo_request(9, 1, bytes(range(64)))
        s.sendto(request, (SERVER, 0))
        quote = icmp_answer(s, 9, 1)[4]
    expect(quote[20:] == request[:len(quote) - 20] and len(quote) >= 28, quote.hex())
    expect(checksum(quote[:20]) == 0, f"the quoted header has a wrong checksum: {quote[:20].hex()}")
    expect(quote[8] == 1, f"the quoted header has TTL {quote[8]}")


def pings_pass_through_two_routers():
    for target in (SERVER, FAR):
        with icmp_socket() as s:
            for size in [*range(0, 1372, 7), 1371, 1372]:  # MTU 1400
                payload = os.urandom(size)
                s.sendto(echo_request(5, size, payload), (target, 0))
                typ, _, sender, ttl, data = icmp_answer(s, 5, size)
                expect((typ, sender, data) == (ECHO_REPLY, target, payload), f"{target}, {size} bytes")
                expect(ttl == 62, f"{target}: TTL {ttl}")


def every_address_of_a_router_answers():
    for target in ("10.1.0.1", "10.2.0.1", "10.2.0.2", "10.3.0.1"):
        with icmp_socket() as s:
            s.sendto(echo_request(6, 1, b""), (target, 0))
            expect(icmp_answer(s, 6, 1)[2] == target, target)


def udp_of_every_size_comes_back():
    with udp_socket(SERVER, 7) as s:
        for size in [*range(0, 1372, 13), 1372]:
            payload = os.urandom(size)
            s.send(payload)
            expect(s.recv(2000) == payload, f"{size} bytes")


def tcp_passes_below_a_smaller_mtu():
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", f"http://{SERVER}/1m"],
                          capture_output=True, text=True, timeout=60)
    expect(done.stdout == "1000000", done.stderr)
    with socket.create_connection((SERVER, 7), WAIT_S) as s:
        sent = os.urandom(200000)
        s.sendall(sent[:100000])
        got = b""
        while len(got) < 100000:
            got += s.recv(65536)
        expect(got == sent[:100000], "the echo differs")


def datagram_too_big_is_told_the_mtu():
    with udp_socket(SERVER, 7) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        s.send(b"x" * 1472)
        err, typ, code, sender, mtu = icmp_error(s)
        expect((err, typ, code, sender, mtu) == (errno.EMSGSIZE, UNREACH, CODE_FRAG, R1, 1400),
               f"{errno.errorcode.get(err)} {typ} {code} {sender} {mtu}")
        expect(s.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1400, "the kernel does not believe it")
        s.send(b"x" * 1372)
        expect(s.recv(2000) == b"x" * 1372, "what fits does not pass")


def unknown_network_is_unreachable():
    with udp_socket(NO_ROUTE, 9) as s:
        s.send(b"x")
        err, typ, code, sender, _ = icmp_error(s)
        expect((err, typ, code, sender) == (errno.ENETUNREACH, UNREACH, CODE_NET, R2), (err, typ, code, sender))


def silent_host_is_unreachable():
    start = time.monotonic()
    with udp_socket(NOBODY, 9) as s:
        s.send(b"x")
        err, typ, code, sender, _ = icmp_error(s)
        expect((err, typ, code, sender) == (errno.EHOSTUNREACH, UNREACH, CODE_HOST, R2), (err, typ, code, sender))
    expect(time.monotonic() - start < 6, "it took too long")


CASES = [
    traceroute_by_udp_names_every_hop,
    traceroute_by_icmp_names_every_hop,
    error_quotes_what_was_refused,
    pings_pass_through_two_routers,
    every_address_of_a_router_answers,
    udp_of_every_size_comes_back,
    tcp_passes_below_a_smaller_mtu,
    datagram_too_big_is_told_the_mtu,
    unknown_network_is_unreachable,
    silent_host_is_unreachable,
]


def run_inside(name):
    """In the laptop: one case, its failure on standard output."""
    try:
        next(case for case in CASES if case.__name__ == name)()
    except (Failed, OSError) as e:
        print(f"{type(e).__name__}: {e}")
        return 1
    return 0


def run_case(weft, name):
    with tempfile.TemporaryDirectory(prefix="weft-test-") as folder:
        lab = pathlib.Path(folder, "lab.yaml")
        lab.write_text(LAB)
        try:
            done = subprocess.run([weft, "run", lab, "-n", "laptop", "--", sys.executable, __file__, "--inside", name],
                                  env={**os.environ, "XDG_RUNTIME_DIR": folder}, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=90)
        except subprocess.TimeoutExpired:
            return "it hangs"
    return done.stdout + done.stderr if done.returncode else None


def main():
    if sys.argv[1] == "--inside":
        sys.exit(run_inside(sys.argv[2]))
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    n_failed = 0
    for name in sys.argv[2:] or [case.__name__ for case in CASES]:
        fault = run_case(pathlib.Path(sys.argv[1]).resolve(), name)
        n_failed += fault is not None
        print(f"ok - {name}" if fault is None else f"not ok - {name}\n{fault}", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
