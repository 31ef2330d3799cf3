#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the guest of a gateway is told: DHCP by busybox's client, names by the forwarder from the host's resolver.

usage: gateway_config.py WEFT [CASE...]

Prints a line `ok - NAME` or `not ok - NAME` a case. Needs root, for the namespaces that it makes.
"""
import pathlib
import shutil
import sys

from gateway_kit import GUEST4, GW4, World, eventually, expect, main

WEFT = sys.argv[1]
DNS4, DNS6 = "10.0.2.3", "fd00::3"

# What udhcpc calls with what it was given.
SCRIPT = """#!/bin/sh
case "$1" in
bound|renew)
	ip addr flush dev "$interface" scope global
	ip addr add "$ip/$mask" dev "$interface"
	ip route replace default via "$router"
	echo "$1 $ip/$mask via $router dns $dns mtu $mtu lease $lease server $serverid" ;;
esac
"""

# A resolver of the host's: the answer to an A question is 192.0.2.55; names that begin with "big" do not fit.
RESOLVER = r"""
import socket, struct, sys, threading

def name_end(q):
    i = 12
    while q[i]:
        i += 1 + q[i]
    return i + 5

def answer(q, udp):
    end = name_end(q)
    n, flags = (1, 0x8180) if not (udp and q[13:16] == b"big") else (0, 0x8380)
    rr = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 55])
    return q[:2] + struct.pack(">HHHHH", flags, 1, n, 0, 0) + q[12:end] + rr * n

def tcp(listener):
    while True:
        c, _ = listener.accept()
        f = c.makefile("rb")
        q = f.read(struct.unpack(">H", f.read(2))[0])
        a = answer(q, False)
        c.sendall(struct.pack(">H", len(a)) + a)
        c.close()

u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.53", 53))
t = socket.create_server(("127.0.0.53", 53))
threading.Thread(target=tcp, args=(t,), daemon=True).start()
print("ready", flush=True)
while True:
    q, who = u.recvfrom(4096)
    u.sendto(answer(q, True), who)
"""

# Asks for one name by UDP, over TCP when it is told to, as a stub resolver does.
ASK = r"""
import socket, struct, sys
at, name = sys.argv[1:]
family = socket.AF_INET6 if ":" in at else socket.AF_INET
q = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + b"".join(bytes([len(w)]) + w.encode() for w in name.split(".")) + b"\0\0\1\0\1"
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(q, (at, 53))
a, who = s.recvfrom(4096)
assert who[0] == at and a[:2] == q[:2], (who, a)
how = "udp"
if a[2] & 2:
    how = "tcp"
    s = socket.create_connection((at, 53), 10)
    s.sendall(struct.pack(">H", len(q)) + q)
    f = s.makefile("rb")
    a = f.read(struct.unpack(">H", f.read(2))[0])
print(how, a[3] & 15, ".".join(map(str, a[-4:])))
"""


def resolv_conf(w, text):
    """The host namespace's resolv.conf, as `ip netns exec` lays it over the machine's."""
    folder = pathlib.Path("/etc/netns") / w.names["host"]
    folder.mkdir(parents=True)
    (folder / "resolv.conf").write_text(text)
    return folder


class Guest(World):
    """A world whose gateway has a resolver on the host's loopback."""

    def start(self):
        self.conf = resolv_conf(self, "search example.org\nnameserver 127.0.0.53\n")
        self.resolver = self.spawn("host", RESOLVER)
        super().start()

    def __exit__(self, *exc):
        super().__exit__(*exc)
        shutil.rmtree(self.conf)


def dhcp_client_gets_address_router_and_name_server():
    with Guest(WEFT) as w:
        w.ip("guest", "addr", "flush", "dev", "tap0", "scope", "global")
        script = pathlib.Path(w.folder.name) / "udhcpc.sh"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        out = w.run("guest", "busybox", "udhcpc", "-i", "tap0", "-n", "-q", "-t", "5", "-T", "1", "-O", "mtu", "-O",
                    "search", "-s",
                    str(script)).stdout
        expect(f"bound {GUEST4}/24 via {GW4} dns {DNS4} mtu 1500 lease" in out and f"server {GW4}" in out, out)
        # It is used: names are asked for from the address that was given.
        expect(w.python("guest", ASK, DNS4, "www.example.org") == "udp 0 192.0.2.55\n", "no answer")
        # Again, with the flag that wants broadcasts.
        out = w.run("guest", "busybox", "udhcpc", "-i", "tap0", "-n", "-q", "-B", "-t", "5", "-T", "1", "-s",
                    str(script)).stdout
        expect(f"bound {GUEST4}/24" in out, out)


def names_are_those_of_a_resolver_on_the_hosts_loopback():
    with Guest(WEFT) as w:
        for at in DNS4, DNS6:
            expect(w.python("guest", ASK, at, "www.example.org") == "udp 0 192.0.2.55\n", f"by UDP, {at}")
            expect(w.python("guest", ASK, at, "big.example.org") == "tcp 0 192.0.2.55\n", f"over TCP, {at}")
        n_fds = w.n_fds()
        for i in range(4):
            w.python("guest", ASK, DNS4, f"n{i}.example.org")
        eventually("sockets are closed", lambda: w.n_fds() <= n_fds)
        w.resolver.kill()
        w.resolver.wait()
        expect(w.python("guest", ASK, DNS4, "www.example.org").startswith("udp 2"), "no SERVFAIL without a resolver")


if __name__ == "__main__":
    main([dhcp_client_gets_address_router_and_name_server, names_are_those_of_a_resolver_on_the_hosts_loopback])
