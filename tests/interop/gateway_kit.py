# SPDX-License-Identifier: MIT
"""What the tests of the gateway share: three namespaces and a gateway.

    guest  tap0 10.0.2.100, fd00::100  == weft gateway ==  host 192.0.2.1  -- veth --  far 192.0.2.2
                                                                2001:db8:2::1               2001:db8:2::2

Nothing of it is the machine's own network; everything goes with the test.
"""
import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x2, 0x1000, 0x4000
FAR4, FAR6, HOST4, HOST6 = "192.0.2.2", "2001:db8:2::2", "192.0.2.1", "2001:db8:2::1"
GUEST4, GUEST6, GW4, GW6 = "10.0.2.100", "fd00::100", "10.0.2.2", "fd00::2"


class Failed(Exception):
    """A case did not see what it expected."""


class Skipped(Exception):
    """A case cannot run here: why."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def need(*programs):
    """Leaves the case out where one of them is not installed."""
    for name in programs:
        if not shutil.which(name) and not shutil.which(f"/usr/sbin/{name}"):
            raise Skipped(f"{name} is not installed")


def run(*argv, **kw):
    return subprocess.run(argv, check=kw.pop("check", True), capture_output=True, text=True, timeout=60, **kw)


def enter(name):
    """This process is in that namespace from now on."""
    fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def tap_open(name, ifname):
    """A TAP with a vnet header in a namespace: its descriptor."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            enter(name)
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", ifname.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
            socket.send_fds(theirs, [b"x"], [fd])
        finally:
            os._exit(0)
    theirs.close()
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(pid, 0)
    ours.close()
    return fds[0]


class World:
    """The namespaces, and a gateway with the given arguments."""

    def __init__(self, weft, *args, mtu=1500, slaac=False, most_fds=0):
        self.weft, self.mtu, self.slaac = pathlib.Path(weft).resolve(), mtu, slaac
        self.args = list(args)
        self.most_fds = most_fds  # RLIMIT_NOFILE of the gateway; 0: as it is
        self.names = {n: f"weftgw-{os.getpid()}-{n}" for n in ("guest", "host", "far")}
        self.procs = []
        self.gateway = None
        self.folder = None

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def ip(self, name, *argv):
        return run("ip", "-n", self.names[name], *argv)

    def up(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weftgw.")
        for name in self.names.values():
            run("ip", "netns", "add", name)
        run("ip", "-n", self.names["host"], "link", "add", "v0", "type", "veth", "peer", "name", "v1",
            "netns", self.names["far"])
        for name in self.names:
            self.ip(name, "link", "set", "lo", "up")
        for name, dev, four, six in (("host", "v0", HOST4, HOST6), ("far", "v1", FAR4, FAR6)):
            self.ip(name, "addr", "add", f"{four}/24", "dev", dev)
            self.ip(name, "addr", "add", f"{six}/64", "dev", dev, "nodad")
            self.ip(name, "link", "set", dev, "up")
        self.sysctl("host", "net.ipv4.ping_group_range", "0 2147483647")
        self.start()

    def sysctl(self, name, key, value):
        self.run(name, "sysctl", "-qw", f"{key}={value}")

    def start(self):
        fd = tap_open(self.names["guest"], "tap0")
        env = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        # Memory is measured; what the sanitizer keeps of what was freed is none of ours.
        env["ASAN_OPTIONS"] = ":".join(filter(None, [env.get("ASAN_OPTIONS"), "quarantine_size_mb=16"]))
        self.gateway = subprocess.Popen(
            [*(["prlimit", f"--nofile={self.most_fds}:{self.most_fds}"] if self.most_fds else []),
             "ip", "netns", "exec", self.names["host"], self.weft, "gateway", "--tap-fd", str(fd), "--mtu",
             str(self.mtu), *self.args],
            pass_fds=[fd], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        os.close(fd)
        line = self.gateway.stdout.readline()
        expect(line == "gateway is up\n", f"the gateway says {line!r}")
        self.ip("guest", "link", "set", "tap0", "mtu", str(self.mtu), "up")
        self.ip("guest", "addr", "add", f"{GUEST4}/24", "dev", "tap0")
        self.ip("guest", "route", "add", "default", "via", GW4)
        if not self.slaac:
            self.ip("guest", "addr", "add", f"{GUEST6}/64", "dev", "tap0", "nodad")
            self.ip("guest", "route", "add", "default", "via", GW6, "metric", "10")

    def stop(self):
        """Ends the gateway; it must have lived, and left nothing to say."""
        if not self.gateway:
            return
        gateway, self.gateway = self.gateway, None
        alive = gateway.poll() is None
        gateway.send_signal(signal.SIGTERM)
        try:
            _, err = gateway.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            gateway.kill()
            raise Failed("the gateway does not end") from None
        expect(alive and gateway.returncode == 0, f"the gateway ended with {gateway.returncode}: {err[-3000:]}")

    def __exit__(self, *exc):
        for p in self.procs:
            if p.poll() is None:
                p.kill()
            p.wait()
        try:
            self.stop()
        finally:
            for name in self.names.values():
                subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
            if self.folder:
                self.folder.cleanup()

    def run(self, name, *argv, **kw):
        return run("ip", "netns", "exec", self.names[name], *argv, **kw)

    def python(self, name, source, *argv, timeout=60):
        """Runs a script in a namespace: its output; fails with what it says."""
        done = subprocess.run(["ip", "netns", "exec", self.names[name], sys.executable, "-c", source, *argv],
                              capture_output=True, text=True, timeout=timeout)
        expect(done.returncode == 0, f"in {name}: {done.stderr[-2000:]}")
        return done.stdout

    def spawn(self, name, source, *argv):
        """A script that serves: returns when it has said its first line, which is `ready`."""
        p = subprocess.Popen(["ip", "netns", "exec", self.names[name], sys.executable, "-c", source, *argv],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.procs.append(p)
        line = p.stdout.readline()
        expect(line == "ready\n", f"a server in {name} says {line!r}")
        return p

    def tool(self, *argv):
        """A tool of weft on the gateway."""
        env = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        return subprocess.run([self.weft, "-n", "gateway", *argv], capture_output=True, text=True, timeout=30,
                              env=env).stdout

    def tool_of_lab(self, *argv):
        """A tool of weft on the whole lab: what it prints."""
        env = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        done = subprocess.run([self.weft, *argv], capture_output=True, text=True, timeout=30, env=env, check=False)
        return done.stdout + done.stderr

    def control(self, *argv, status=0):
        """`weft gateway ...` of the one that runs: what it prints; with --json, what that is."""
        env = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        done = subprocess.run([self.weft, "gateway", *argv], capture_output=True, text=True, timeout=30, env=env,
                              check=False)
        expect(done.returncode == status, f"weft gateway {' '.join(argv)}: {done.returncode}: {done.stdout}{done.stderr}")
        if status:
            return done.stderr
        return json.loads(done.stdout) if "--json" in argv else done.stdout

    def pid(self):
        """Of the gateway itself: the child of what `ip netns exec` has become, which only waits."""
        children = open(f"/proc/{self.gateway.pid}/task/{self.gateway.pid}/children").read().split()
        expect(len(children) == 1, f"the gateway's process has children {children}")
        return int(children[0])

    def n_fds(self):
        return len(os.listdir(f"/proc/{self.pid()}/fd"))

    def rss_kib(self):
        for line in open(f"/proc/{self.pid()}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def cpu_s(self):
        f = open(f"/proc/{self.pid()}/stat").read().rsplit(")", 1)[1].split()
        return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


# A server for what the cases want: the first line of a connection says what it does with it.
SERVER = r"""
import hashlib, os, socket, struct, sys, threading, time

def reset(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()

def serve(c, peer):
    f = c.makefile("rb")
    words = f.readline().split()
    if not words:
        return c.close()
    verb = words[0]
    if verb == b"echo":
        while True:
            data = f.read1(65536)
            if not data:
                break
            c.sendall(data)
        c.close()
    elif verb == b"sum":          # all until the end, then its digest
        h, n = hashlib.sha256(), 0
        while True:
            data = f.read1(1 << 20)
            if not data:
                break
            h.update(data); n += len(data)
        c.sendall(f"{n} {h.hexdigest()}\n".encode()); c.close()
    elif verb == b"give":         # so many bytes, and the end
        n = int(words[1]); block = bytes(range(256)) * 4096
        while n:
            n -= c.send(block[:min(n, len(block))])
        c.close()
    elif verb == b"reset":
        reset(c)
    elif verb == b"peer":
        c.sendall(f"{peer[0]} {peer[1]}\n".encode()); c.close()
    elif verb == b"hold":         # reads nothing for so many seconds, then everything
        time.sleep(float(words[1])); n = 0
        while True:
            data = f.read1(1 << 20)
            if not data:
                break
            n += len(data)
        c.sendall(f"{n}\n".encode()); c.close()
    elif verb == b"until":        # says what the end was like
        c.sendall(b"!")
        try:
            end = "end" if f.read(1) == b"" else "data"
        except ConnectionResetError:
            end = "reset"
        print(end, flush=True); c.close()

def served(c, peer):
    try:
        serve(c, peer)
    except OSError:
        c.close()

s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", int(sys.argv[1]))); s.listen(1500)
print("ready", flush=True)
while True:
    c, peer = s.accept()
    threading.Thread(target=served, args=(c, peer), daemon=True).start()
"""

CLIENT = """
import errno, hashlib, os, socket, struct, sys, threading, time
def connect(addr, port, timeout=20):
    s = socket.create_connection((addr, port), timeout)
    return s
def ask(addr, port, line, data=b""):
    s = connect(addr, port)
    s.sendall(line.encode() + b"\\n" + data)
    s.shutdown(socket.SHUT_WR)
    got = bytearray()
    while True:
        d = s.recv(1 << 20)
        if not d:
            return bytes(got)
        got += d
def fails(addr, port, timeout=10):
    start = time.monotonic()
    try:
        connect(addr, port, timeout)
        return "connected"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
"""


def client(world, source, *argv, where="guest", timeout=60):
    return world.python(where, CLIENT + source, *argv, timeout=timeout)


def eventually(what, test, seconds=20):
    end = time.monotonic() + seconds
    while not test():
        expect(time.monotonic() < end, f"not in {seconds} s: {what}")
        time.sleep(0.05)


def main(cases):
    """Runs them all, or those named after the first argument. Each prints a line."""
    failed = 0
    # Who is told to end, as by a time-out, leaves no namespaces either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for case in cases:
        name = case.__name__.replace("_", " ")
        if len(sys.argv) > 2 and case.__name__ not in sys.argv[2:]:
            continue
        start = time.monotonic()
        try:
            case()
            print(f"ok - {name} ({time.monotonic() - start:.1f} s)", flush=True)
        except Skipped as e:
            print(f"ok - {name} # SKIP {e}", flush=True)
        except Exception as e:  # pylint: disable=broad-exception-caught
            failed += 1
            said = getattr(e, "stderr", None)
            print(f"not ok - {name}: {type(e).__name__}: {e} {said or ''}", flush=True)
    sys.exit(1 if failed else 0)
