# SPDX-License-Identifier: MIT
"""The gateways of the gw- figures, and the namespaces that they connect.

    guest  tap0 10.0.2.100  == gateway ==  host 192.0.2.1  -- veth --  far 192.0.2.2

A guest for each gateway, and one host's side and one far side for all. Outbound, the server is on the
host's side, and the guest reaches it by the gateway's own address. Inbound, the client is on the far
side, so that its address is no loopback's, and no gateway goes past its TAP; but in `splice`.
"""
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

READY_S = 10
HOST, FAR, INSIDE, GUEST = "192.0.2.1", "192.0.2.2", "10.0.2.2", "10.0.2.100"
HOST6, FAR6, INSIDE6, GUEST6 = "2001:db8:2::1", "2001:db8:2::2", "fd00::2", "fd00::100"
SERVER_PORT = 5001  # BENCH_PORT of meter.h
FIRST_PORT = 5101   # of the host, that lead to the guests'


def shown(arg):
    path = pathlib.Path(str(arg).partition("=")[2] or str(arg))
    return str(arg).replace(str(path), "...") if path.is_absolute() else str(arg)


class Gateway:
    """One that runs, and its guest. A subclass says how it is started."""
    name = None
    inside = INSIDE

    def __init__(self, failed, host, guest, weft, mtu, port):
        self.failed, self.host, self.guest, self.weft = failed, host, guest, weft
        self.mtu, self.port = mtu, port
        self.folder = tempfile.TemporaryDirectory(prefix="weft-bench-")
        self.process = None
        self.settings = ""
        try:
            self.start()
            self.wait(lambda: "tap0" in self.guest.run("ip", "-o", "link"), "its interface")
            self.wait(lambda: self.inside in self.guest.run("ip", self.family(), "route"), "its route")
            self.wait(self.answers, "an answer from its side")
        except BaseException:
            self.close()
            raise

    def start(self):
        raise NotImplementedError

    def family(self):
        return "-6" if ":" in self.inside else "-4"

    def spawn(self, *argv, pass_fds=()):
        """Runs the gateway on the host's side; what it was called with is shown, but for paths and PIDs."""
        self.settings = " ".join(shown(a) for a in argv)
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+")
        # None outlives this program, however it ends.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "nsenter", f"--net={self.host.path}",
                                         *map(str, argv)],
                                        pass_fds=pass_fds, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={**os.environ, "XDG_RUNTIME_DIR": self.folder.name})

    def said(self):
        self.log.seek(0)
        return self.log.read()[-500:].strip()

    def wait(self, is_there, what):
        end = time.monotonic() + READY_S
        while not is_there():
            if self.process.poll() is not None:
                raise self.failed(f"{self.name} ended: {self.said()}")
            if time.monotonic() > end:
                raise self.failed(f"{self.name}: {what} is not there after {READY_S} s: {self.said()}")
            time.sleep(0.05)

    def answers(self):
        """To the guest's question for the gateway's link address."""
        self.guest.run("bash", "-c", f"echo > /dev/udp/{self.inside}/9")
        neighbours = json.loads(self.guest.run("ip", "-json", self.family(), "neigh", "show", self.inside))
        return any("lladdr" in n for n in neighbours)

    def pids(self):
        """Of all its processes: CPU time is theirs together."""
        found = [self.process.pid]
        for pid in found:
            try:
                children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
            except OSError:
                continue
            found += [int(child) for child in children.split()]
        return [str(pid) for pid in found]

    def frames(self):
        """Frames and bytes that the guest's side of the TAP has received and sent; super-packets once."""
        stats = json.loads(self.guest.run("ip", "-json", "-s", "link", "show", "tap0"))[0]["stats64"]
        return {way: (stats[way]["packets"], stats[way]["bytes"]) for way in ("rx", "tx")}

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process:
            self.log.close()
        self.folder.cleanup()


class Weft(Gateway):
    name = "weft"

    def start(self):
        self.spawn(self.weft, "gateway", "--netns", self.guest.path, "--mtu", self.mtu, "--allow-host-loopback",
                   *(option for proto in ("tcp", "udp")
                     for option in ("--forward", f"{proto},0.0.0.0:{self.port},{GUEST}:{SERVER_PORT}")))
        self.wait(lambda: "gateway is up" in self.said(), "its word")


class Slirp(Gateway):
    name = "slirp4netns"

    def start(self):
        api = pathlib.Path(self.folder.name) / "api"
        self.spawn("slirp4netns", "--configure", f"--mtu={self.mtu}", f"--api-socket={api}", "--netns-type=path",
                   self.guest.path, "tap0")
        self.wait(api.exists, "its API socket")
        self.wait(lambda: "tap0" in self.guest.run("ip", "-o", "link"), "its interface")
        for proto in "tcp", "udp":
            self.forward(api, proto)

    def forward(self, api, proto):
        forward = {"execute": "add_hostfwd",
                   "arguments": {"proto": proto, "host_addr": "0.0.0.0", "host_port": self.port,
                                 "guest_addr": GUEST, "guest_port": SERVER_PORT}}
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(api))
            s.sendall(json.dumps(forward).encode())
            s.shutdown(socket.SHUT_WR)
            answer = s.recv(4096).decode()
        if "return" not in answer:
            raise self.failed(f"slirp4netns: add_hostfwd: {answer}")


class Pasta(Gateway):
    name = "pasta"
    addresses = ["--ipv4-only", "--address", GUEST, "--netmask", "255.255.255.0", "--gateway", INSIDE]

    def start(self):
        # -T, -U none: nothing outbound is spliced past the TAP; it runs as who starts it, as the others.
        # By a descriptor: it has given up the right to open /proc/PID/ns/net of a process that has more.
        fd = os.open(self.guest.path, os.O_RDONLY)
        self.spawn("pasta", "--foreground", "--stderr", "--quiet", "--runas", f"{os.getuid()}:{os.getgid()}",
                   "--config-net", "--ns-ifname", "tap0", "--mtu", self.mtu, *self.addresses, "--interface", "eth0",
                   "--tcp-ports", f"{self.port}:{SERVER_PORT}", "--udp-ports", f"{self.port}:{SERVER_PORT}",
                   "--tcp-ns", "none", "--udp-ns", "none", "--no-netns-quit", "--netns", f"/proc/self/fd/{fd}",
                   pass_fds=[fd])
        os.close(fd)


class Weft6(Weft):
    """The same; the guest is asked about IPv6."""
    inside = INSIDE6


class Pasta6(Pasta):
    inside = INSIDE6
    addresses = ["--ipv6-only", "--address", GUEST6, "--gateway", INSIDE6]


class Gateways:
    """All of them, made when first asked for."""

    def __init__(self, networks, weft, failed):
        self.networks, self.weft, self.failed = networks, weft, failed
        self.sides = None
        self.cc = ""
        self.running = {}

    def get_sides(self):
        if not self.sides:
            host, far = self.networks.new(), self.networks.new()
            host.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far.pid)
            host.up("eth0", f"{HOST}/24")
            far.up("eth0", f"{FAR}/24")
            host.run("ip", "route", "add", "default", "via", FAR)
            self.prepare(host)
            self.prepare(far)
            for netns, address in (host, HOST6), (far, FAR6):
                netns.run("ip", "address", "add", f"{address}/64", "dev", "eth0", "nodad")
            host.run("ip", "-6", "route", "add", "default", "via", FAR6)
            self.sides = host, far
        return self.sides

    def prepare(self, netns):
        """Connections that end leave their ports for the next ones after a second, on every side. A
        gateway's sockets have the congestion control of their namespace."""
        netns.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0",
                  "net.ipv6.conf.default.accept_dad=0")
        netns.run("ip", "link", "set", "lo", "up")
        netns.run("sysctl", "-qw", "net.ipv4.tcp_tw_reuse=1", "net.ipv4.ip_local_port_range=10000 65535")
        for self.cc in ("cubic", "reno"):  # not every machine allows the first to a namespace
            try:
                netns.run("sysctl", "-qw", f"net.ipv4.tcp_congestion_control={self.cc}")
                return
            except self.failed:
                pass
        raise self.failed("a namespace cannot have cubic or reno")

    def get(self, kind, mtu):
        if (kind, mtu) not in self.running:
            host, _ = self.get_sides()
            guest = self.networks.new()
            self.prepare(guest)
            port = FIRST_PORT + len(self.running)
            self.running[kind, mtu] = kind(self.failed, host, guest, self.weft, mtu, port)
        return self.running[kind, mtu]

    def close(self):
        for gateway in self.running.values():
            gateway.close()
