#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the guest of a gateway is told: DHCP by busybox's client, DHCPv6 by dhclient, router advertisements by the kernel, names
by the forwarder from the host's resolver.

usage: gateway_config.py WEFT [CASE...]

Prints a line `ok - NAME` or `not ok - NAME` a case. Needs root, for the namespaces that it makes.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from gateway_kit import FAR4, FAR6, GUEST4, GUEST6, GW4, HOST4, World, client, eventually, expect, main, SERVER

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

# What dhclient calls; dhclient-script(8).
SCRIPT6 = """#!/bin/sh
case "$reason" in
BOUND6|REBIND6) ip -6 addr replace "$new_ip6_address/64" dev "$interface" nodad ;;
RELEASE6|STOP6|EXPIRE6) ip -6 addr del "$old_ip6_address/64" dev "$interface" ;;
esac
echo "$reason $new_ip6_address $old_ip6_address dns $new_dhcp6_name_servers search $new_dhcp6_domain_search" >>"$LOG"
exit 0
"""

# Asks for a router, and prints what its advertisement has.
SOLICIT = r"""
import ipaddress, socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"tap0")
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.settimeout(20)
s.sendto(bytes([133, 0, 0, 0, 0, 0, 0, 0]), ("ff02::2%tap0", 0))
while True:
    a = s.recv(2000)
    if a[0] == 134:
        break
print("flags", a[5] & 0xc0, end="")
i = 16
while i < len(a):
    kind, n, body = a[i], a[i + 1] * 8, a[i + 2:i + a[i + 1] * 8]
    i += n
    if kind == 3:
        print(" prefix", ipaddress.ip_address(body[14:30]), body[0], body[1] & 0xc0, end="")
    elif kind == 25:
        print(" dns", ipaddress.ip_address(body[6:22]), end="")
    elif kind == 31:
        print(" search", body[6:], end="")
print()
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

    def link_local(self):
        eventually("the guest has an address of the link", lambda: "link" in self.ip(
            "guest", "-6", "-o", "addr", "show", "dev", "tap0", "scope", "link", "-tentative").stdout, 20)

    def dhclient(self, *options):
        """Debian's client, over IPv6: what its script was called with."""
        folder = pathlib.Path(self.folder.name)
        script, log, pid = folder / "dhclient.sh", folder / "dhclient.log", folder / "dhclient.pid"
        script.write_text(SCRIPT6)
        script.chmod(0o755)
        (folder / "dhclient.conf").write_text("also request dhcp6.domain-search;\n")
        log.write_text("")
        self.link_local()
        self.run("guest", "dhclient", "-6", "-1", "-cf", str(folder / "dhclient.conf"), "-lf", str(folder / "leases"), "-pf",
                 str(pid), "-sf", str(script), "-e", f"LOG={log}", *options, "tap0", stdin=subprocess.DEVNULL)
        return log.read_text()

    def dhclient_end(self):
        file = pathlib.Path(self.folder.name) / "dhclient.pid"
        eventually("dhclient has a number", lambda: file.exists() and file.read_text().strip().isdigit(), 20)
        pid = int(file.read_text())
        os.kill(pid, signal.SIGTERM)
        eventually("dhclient ends", lambda: not os.path.exists(f"/proc/{pid}"), 20)

    def addrs6(self):
        return self.ip("guest", "-6", "-o", "addr", "show", "dev", "tap0", "scope", "global").stdout

    def start(self):
        self.conf = resolv_conf(self, "search example.org\nnameserver 127.0.0.53\n")
        self.resolver = self.spawn("host", RESOLVER)
        # The guest's kernel asks at once.
        for key, value in ("accept_dad", "0"), ("router_solicitation_delay", "0"):
            for which in "all", "default":
                self.sysctl("guest", f"net.ipv6.conf.{which}.{key}", value)
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


def dhcpv6_client_gets_an_address_name_server_and_search_list():
    with Guest(WEFT, slaac=True) as w:
        w.ip("guest", "-6", "addr", "flush", "dev", "tap0", "scope", "global")
        out = w.dhclient()
        expect(f"BOUND6 {GUEST6}  dns {DNS6} search example.org." in out, out)
        expect(GUEST6 in w.addrs6(), w.addrs6())
        expect(w.python("guest", ASK, DNS6, "www.example.org") == "udp 0 192.0.2.55\n", "no answer")
        w.dhclient_end()
        # Whether it is still on that link, which a client asks when it starts again (Confirm).
        out = w.dhclient()
        expect("REBOOT" in out or "BOUND6" in out or "REBIND6" in out, out)
        stats = w.control("stats", "--json")
        expect(stats["dhcp6_leased"] == 1 and stats["dhcp6_leases"] == 1, stats)
        out = w.dhclient("-r")
        expect("RELEASE6" in out, out)
        stats = w.control("stats", "--json")
        expect(stats["dhcp6_released"] == 1 and stats["dhcp6_leases"] == 0, stats)
        # Without an address: name servers alone.
        out = w.dhclient("-S")
        expect(f"dns {DNS6} search example.org." in out, out)
        w.dhclient_end()


def kernel_makes_its_address_of_the_prefix_and_hears_of_names():
    with Guest(WEFT, slaac=True) as w:
        eventually("an address of the prefix", lambda: "fd00::" in w.addrs6() and "tentative" not in w.addrs6(), 20)
        expect("dynamic" in w.addrs6() and "inet6 fd00::" in w.addrs6(), w.addrs6())
        routes = w.ip("guest", "-6", "route", "show", "default").stdout
        expect("via fe80::" in routes and "proto ra" in routes, routes)
        said = w.python("guest", SOLICIT)
        expect(said.startswith("flags 192 prefix fd00:: 64 192"), said)
        expect(f"dns {DNS6}" in said and r"search b'\x07example\x03org" in said, said)
        w.spawn("far", SERVER, "7000")
        got = client(w, "print(ask(sys.argv[1], 7000, 'echo', b'x' * 1000) == b'x' * 1000)", FAR6)
        expect(got == "True\n", got)


def options_say_what_the_guest_is_told():
    options = ["--dns", "127.0.0.53", "--search", "a.test", "--search", "b.test", "--dhcpv6", "stateless", "--no-dhcp"]
    with Guest(WEFT, *options, slaac=True) as w:
        w.link_local()
        said = w.python("guest", SOLICIT)
        expect(said.startswith("flags 64 "), said)
        expect(r"search b'\x01a\x04test\x00\x01b\x04test" in said, said)
        expect(w.python("guest", ASK, DNS4, "www.example.org") == "udp 0 192.0.2.55\n", "no answer")
        stats = w.control("stats", "--json")
        expect("dhcp_acks" not in stats and stats["dns_queries"] == 1, stats)
        out = w.dhclient("-S")
        expect(f"dns {DNS6} search a.test. b.test." in out, out)
        w.dhclient_end()
    with World(WEFT, "--no-dns", "--no-ra", "--no-dhcpv6", "--ipv6-only") as w:
        stats = w.control("stats", "--json")
        expect(not [k for k in stats if k.startswith(("dns_", "ra_", "dhcp"))], stats)


def names_are_those_of_a_resolver_on_the_hosts_loopback():
    with Guest(WEFT) as w:
        for at in DNS4, DNS6:
            expect(w.python("guest", ASK, at, "www.example.org") == "udp 0 192.0.2.55\n", f"by UDP, {at}")
            big = f"big{at[0]}.example.org"
            expect(w.python("guest", ASK, at, big) == "tcp 0 192.0.2.55\n", f"over TCP, {at}")
            # It is kept by then, and fits.
            expect(w.python("guest", ASK, at, big) == "udp 0 192.0.2.55\n", f"kept, {at}")
        n_fds = w.n_fds()
        for i in range(4):
            w.python("guest", ASK, DNS4, f"n{i}.example.org")
        eventually("sockets are closed", lambda: w.n_fds() <= n_fds)
        w.resolver.kill()
        w.resolver.wait()
        expect(w.python("guest", ASK, DNS4, "other.example.org").startswith("udp 2"), "no SERVFAIL without a resolver")


def resolvers_are_those_of_resolv_conf_when_it_changes():
    with Guest(WEFT) as w:
        expect(w.python("guest", ASK, DNS4, "www.example.org") == "udp 0 192.0.2.55\n", "no answer")
        expect(w.python("guest", ASK, DNS4, "www.example.org") == "udp 0 192.0.2.55\n", "no answer from what is kept")
        stats = w.control("stats", "--json")
        expect(stats["dns_cache_hits"] == 1 and stats["dns_cached"] == 1 and stats["dns_tries"] == 1, stats)
        changes = 0
        for address, want in ("127.0.0.99", "udp 2"), ("127.0.0.53", "udp 0 192.0.2.55"):
            (w.conf / "resolv.conf").write_text(f"nameserver {address}\n")
            changes += 1
            eventually("the gateway has heard of it",
                       lambda: w.control("stats", "--json")["dns_resolver_changes"] == changes, 20)
            got = w.python("guest", ASK, DNS4, "www.example.org")
            expect(got.startswith(want), f"with {address}: {got}")
    # The search list goes with it: advertised at once, and told to who asks by DHCPv6.
    with Guest(WEFT, "--dns", FAR4, slaac=True) as w:
        w.link_local()
        expect(r"search b'\x07example\x03org" in w.python("guest", SOLICIT), "the first list")
        (w.conf / "resolv.conf").write_text("search other.test\nnameserver 127.0.0.53\n")
        eventually("the gateway has heard of it",
                   lambda: w.control("stats", "--json")["dns_resolver_changes"] == 1, 20)
        said = w.python("guest", SOLICIT)
        expect(r"search b'\x05other\x04test\x00" in said, said)
        expect("search other.test." in w.dhclient("-S"), "DHCPv6")
        w.dhclient_end()
        (w.conf / "resolv.conf").write_text("nameserver 127.0.0.53\n")
        eventually("the gateway has heard of it",
                   lambda: w.control("stats", "--json")["dns_resolver_changes"] == 2, 20)
        expect("search" not in w.python("guest", SOLICIT), "no list")
    # The addresses and the interface that the guest's connections have are those of the forwarder.
    with Guest(WEFT, "--outbound", HOST4, "--outbound", "v0", "--dns", FAR4) as w:
        w.spawn("far", RESOLVER.replace("127.0.0.53", FAR4))
        expect(w.python("guest", ASK, DNS4, "www.example.org") == "udp 0 192.0.2.55\n", "no answer by the interface")


if __name__ == "__main__":
    main([
        dhcp_client_gets_address_router_and_name_server,
        dhcpv6_client_gets_an_address_name_server_and_search_list,
        kernel_makes_its_address_of_the_prefix_and_hears_of_names,
        options_say_what_the_guest_is_told,
        names_are_those_of_a_resolver_on_the_hosts_loopback,
        resolvers_are_those_of_resolv_conf_when_it_changes,
    ])
