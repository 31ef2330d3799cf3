# SPDX-License-Identifier: MIT
"""Two kinds of host behind one face: weft's stack (libweft.so in this process) and the kernel's (a namespace
of its own, its interfaces TAPs). What behave.py and its rows do with a host, they can do with either.

A World drives them: frames of joined interfaces cross, those of the others are kept for the test in `sent`.
With weft alone time is virtual; with a kernel in it, it is real.
"""
import ctypes
import errno
import fcntl
import functools
import os
import pathlib
import select
import socket
import struct
import subprocess
import time

NS_PER_MS = 1_000_000
SOL_IP, SOL_IPV6, SOL_SOCKET = 0, 41, 1
IP_RECVERR, IPV6_RECVERR, MSG_ERRQUEUE = 11, 25, 0x2000
SHORT_MS = 40  # who waits so long waits for an answer, not for something to expire
SETTLE_MS = 5000  # virtual, after a stack of ours has its addresses: duplicates have been looked for
# Hosts begin with neither questions about their addresses nor for routers; rows about these say otherwise.
QUIET = {"net.ipv6.conf.default.router_solicitations": 0, "net.ipv6.conf.default.accept_dad": 0,
         "net.ipv6.conf.default.dad_transmits": 0, "net.ipv6.conf.default.accept_ra": 0}
libc = ctypes.CDLL(None, use_errno=True)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def packed(addr):
    return socket.inet_pton(socket.AF_INET6 if ":" in addr else socket.AF_INET, addr)


def errno_name(n):
    return errno.errorcode.get(abs(n), str(n))


# ---------------------------------------------------------------------------------------------- weft

class Addr(ctypes.Structure):
    _fields_ = [("family", ctypes.c_uint8), ("bytes", ctypes.c_uint8 * 16)]


class SockAddr(ctypes.Structure):
    _fields_ = [("addr", Addr), ("port", ctypes.c_uint16), ("scope_id", ctypes.c_uint32)]


class EngineConfig(ctypes.Structure):
    _fields_ = [("now_ns", ctypes.c_int64), ("epoch_ns", ctypes.c_int64), ("has_seed", ctypes.c_bool),
                ("seed", ctypes.c_uint64), ("entropy", ctypes.c_void_p), ("entropy_ctx", ctypes.c_void_p),
                ("realloc", ctypes.c_void_p), ("mem_ctx", ctypes.c_void_p), ("mem_limit_bytes", ctypes.c_uint64),
                ("max_pkts", ctypes.c_uint32), ("trace_events", ctypes.c_uint32),
                ("trace_sample_every", ctypes.c_uint32)]


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class MsgHdr(ctypes.Structure):
    _fields_ = [("name", ctypes.POINTER(SockAddr)), ("iov", ctypes.POINTER(Iovec)), ("n_iov", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_len", ctypes.c_size_t), ("flags", ctypes.c_uint32)]


TX_FN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
NEIGH_FN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class FrameOps(ctypes.Structure):
    _fields_ = [("tx", TX_FN)]


class NeighInfo(ctypes.Structure):
    _fields_ = [("dev", ctypes.c_void_p), ("addr", Addr), ("mac", ctypes.c_uint8 * 6), ("has_mac", ctypes.c_bool),
                ("state", ctypes.c_char_p)]


class AddrHow(ctypes.Structure):
    _fields_ = [("dad", ctypes.c_bool), ("no_prefix_route", ctypes.c_bool), ("preferred_s", ctypes.c_uint32),
                ("valid_s", ctypes.c_uint32)]


class AddrInfo(ctypes.Structure):
    _fields_ = [("dev", ctypes.c_void_p), ("addr", Addr), ("broadcast", Addr), ("prefix_len", ctypes.c_uint8),
                ("is_secondary", ctypes.c_bool), ("is_auto", ctypes.c_bool), ("is_dynamic", ctypes.c_bool),
                ("is_temporary", ctypes.c_bool), ("state", ctypes.c_int)]


@functools.cache
def load(path):
    lib = ctypes.CDLL(path)
    for name in ("weft_engine_next_ns", "weft_engine_now_ns"):
        getattr(lib, name).restype = ctypes.c_int64
    for name in ("weft_send", "weft_sendto", "weft_recvfrom", "weft_recvmsg", "weft_sendmsg"):
        getattr(lib, name).restype = ctypes.c_ssize_t
    lib.weft_stack_counter.restype = ctypes.c_uint64
    lib.weft_netif_index.restype = ctypes.c_uint32
    return lib


def weft_addr(text):
    raw = packed(text)
    return Addr(2 if len(raw) == 4 else 10, (ctypes.c_uint8 * 16)(*raw))


class WeftSock:
    def __init__(self, host, family, kind, proto):
        self.host, self.lib, self.p = host, host.lib, ctypes.c_void_p()
        self.v = 6 if family == socket.AF_INET6 else 4
        self.error = self.lib.weft_socket(host.st, int(family), int(kind), proto, ctypes.byref(self.p))
        if self.error:
            raise OSError(-self.error, "weft_socket")

    def _sa(self, addr, port):
        scope = self.host.ifindex(0) if addr.startswith(("fe80", "ff02")) else 0
        return ctypes.byref(SockAddr(weft_addr(addr), port, scope))

    def bind(self, addr, port):
        return self._done(self.lib.weft_bind(self.p, self._sa(addr, port)))

    def connect(self, addr, port):
        return self._done(self.lib.weft_connect(self.p, self._sa(addr, port)))

    def listen(self):
        return self._done(self.lib.weft_listen(self.p, 16))

    def accept(self):
        new = ctypes.c_void_p()
        if self.lib.weft_accept(self.p, ctypes.byref(new), None):
            return None
        s = object.__new__(WeftSock)
        s.host, s.lib, s.p, s.v = self.host, self.lib, new, self.v
        return s

    @staticmethod
    def _done(rc):
        return errno_name(rc) if rc < 0 else rc

    def send(self, data, flags=0):
        return self._done(self.lib.weft_send(self.p, data, ctypes.c_size_t(len(data)), flags))

    def sendto(self, data, addr, port, flags=0):
        return self._done(self.lib.weft_sendto(self.p, data, ctypes.c_size_t(len(data)), flags, self._sa(addr, port)))

    def recvmsg(self, flags=0):
        """(data, [(level, type, bytes)], sender) or the name of an errno."""
        buf, ctl, sa = ctypes.create_string_buffer(66000), ctypes.create_string_buffer(1024), SockAddr()
        iov = Iovec(ctypes.cast(buf, ctypes.c_void_p), 66000)
        msg = MsgHdr(ctypes.pointer(sa), ctypes.pointer(iov), 1, ctypes.cast(ctl, ctypes.c_void_p), 1024, 0)
        n = self.lib.weft_recvmsg(self.p, ctypes.byref(msg), flags)
        if n < 0:
            return errno_name(n)
        out, at = [], 0
        while at + 16 <= msg.control_len:
            length, level, kind = struct.unpack_from("Qii", ctl.raw, at)
            if length < 16:
                break
            out.append((level, kind, ctl.raw[at + 16:at + length]))
            at += (length + 7) & ~7
        raw = bytes(sa.addr.bytes)
        text = {2: lambda: socket.inet_ntop(socket.AF_INET, raw[:4]),
                10: lambda: socket.inet_ntop(socket.AF_INET6, raw)}.get(sa.addr.family, lambda: "")()
        return buf.raw[:n], out, (text, sa.port)

    def setopt(self, level, name, value):
        raw = struct.pack("i", value) if isinstance(value, int) else value
        return self._done(self.lib.weft_setsockopt(self.p, level, name, raw, ctypes.c_size_t(len(raw))))

    def getopt(self, level, name):
        buf, n = ctypes.create_string_buffer(4), ctypes.c_size_t(4)
        rc = self.lib.weft_getsockopt(self.p, level, name, buf, ctypes.byref(n))
        return errno_name(rc) if rc < 0 else struct.unpack("i", buf.raw)[0]

    def group_source(self, name, group, source):
        raw = struct.pack("I", self.host.ifindex(0)) + bytes(weft_addr(group)) + bytes(weft_addr(source))
        return self.setopt(SOL_IPV6 if ":" in group else SOL_IP, name, raw.ljust(40, b"\0"))

    def close(self):
        self.lib.weft_close(self.p)
        self.p = ctypes.c_void_p()


class WeftHost:
    kind = "weft"

    def __init__(self, world, lib, addrs, mtu=1500, settings=None):
        self.world, self.lib, self.sent, self.nifs, self.keep = world, lib, [], [], []
        self.eng, self.st, self.has_frames = ctypes.c_void_p(), ctypes.c_void_p(), False
        cfg = EngineConfig(now_ns=world.now_ns(), has_seed=True, seed=1)
        assert lib.weft_engine_new(ctypes.byref(cfg), ctypes.byref(self.eng)) == 0
        assert lib.weft_stack_new(self.eng, b"weft", ctypes.byref(self.st)) == 0
        for name, value in (QUIET | (settings or {})).items():
            self.set(name, value)
        for i, prefixes in enumerate(addrs):
            self._netif(i, mtu[i] if isinstance(mtu, list) else mtu)
            for prefix in prefixes:
                self.addr_add(prefix, i, False)

    def _netif(self, i, mtu):
        def tx(_arg, frame, n):
            self.world.carry(self, i, ctypes.string_at(frame, n))
            return 0

        nif, ops = ctypes.c_void_p(), FrameOps(TX_FN(tx))
        self.keep.append(ops)
        mac = mac_bytes(self.world.mac_of(self, i))
        assert self.lib.weft_netif_new(self.st, f"eth{i}".encode(), mac, mtu, ctypes.byref(ops), None,
                                       ctypes.byref(nif)) == 0
        self.nifs.append(nif)

    def addr_add(self, prefix, i=0, dad=True):
        addr, length = prefix.split("/")
        a, how = weft_addr(addr), AddrHow(dad=dad and ":" in addr)
        assert self.lib.weft_addr_put(self.nifs[i], ctypes.byref(a), ctypes.c_uint8(int(length)),
                                      ctypes.byref(how)) == 0, prefix

    def addr_state(self, addr):
        """"usable", "tentative", "duplicate" or "none"."""
        found, want = ["none"], packed(addr)

        def each(_arg, info):
            i = ctypes.cast(info, ctypes.POINTER(AddrInfo)).contents
            if bytes(i.addr.bytes)[:len(want)] == want:
                found[0] = ("usable", "usable", "tentative", "duplicate")[i.state]

        fn = NEIGH_FN(each)
        self.lib.weft_addrs(self.st, fn, None)
        return found[0]

    def set(self, name, value):
        return self.lib.weft_stack_set(self.st, name.encode(), ctypes.c_int64(value))

    def route(self, text):
        rc = self.lib.weft_route_add_text(self.st, text.encode())
        assert rc == 0, (text, rc)

    def neigh(self, addr, mac, i=0):
        a = weft_addr(addr)
        assert self.lib.weft_neigh_add(self.nifs[i], ctypes.byref(a), mac_bytes(mac)) == 0

    def neigh_state(self, addr):
        """(state, MAC or None) of a neighbour, or None."""
        found, want = [], packed(addr)

        def each(_arg, info):
            n = ctypes.cast(info, ctypes.POINTER(NeighInfo)).contents
            if bytes(n.addr.bytes)[:len(want)] == want and (n.addr.family == 2) == (len(want) == 4):
                found.append((n.state.decode(), bytes(n.mac).hex(":") if n.has_mac else None))

        fn = NEIGH_FN(each)
        self.lib.weft_neighs(self.st, fn, None)
        return found[0] if found else None

    def ifindex(self, i):
        return self.lib.weft_netif_index(self.nifs[i])

    def socket(self, family, kind, proto=0):
        return WeftSock(self, family, kind, proto)

    def rx(self, i, frame):
        self.has_frames = True
        self.lib.weft_netif_rx(self.nifs[i], frame, ctypes.c_size_t(len(frame)))

    def run(self, now_ns):
        self.lib.weft_engine_run(self.eng, ctypes.c_int64(now_ns))

    def next_ns(self):
        return self.lib.weft_engine_next_ns(self.eng)

    def counter(self, name):
        return self.lib.weft_stack_counter(self.st, name.encode())

    def close(self):
        self.lib.weft_stack_free(self.st)
        self.lib.weft_engine_free(self.eng)


# -------------------------------------------------------------------------------------------- kernel

class KernelSock:
    def __init__(self, host, family, kind, proto):
        self.host, self.v = host, 6 if family == socket.AF_INET6 else 4
        with host:
            self.s = socket.socket(family, kind, proto)
        self.s.setblocking(False)

    def _sa(self, addr, port):
        if self.v == 6:
            return (addr, port, 0, self.host.ifindex(0) if addr.startswith(("fe80", "ff02")) else 0)
        return (addr, port)

    @staticmethod
    def _try(call, *args):
        try:
            return call(*args) or 0
        except OSError as e:
            return errno_name(e.errno)

    def bind(self, addr, port):
        return self._try(self.s.bind, self._sa(addr, port))

    def connect(self, addr, port):
        return self._try(self.s.connect, self._sa(addr, port))

    def listen(self):
        return self._try(self.s.listen, 16)

    def accept(self):
        try:
            new, _ = self.s.accept()
        except OSError:
            return None
        s = object.__new__(KernelSock)
        s.host, s.v, s.s = self.host, self.v, new
        new.setblocking(False)
        return s

    def send(self, data, flags=0):
        return self._try(self.s.send, data, flags)

    def sendto(self, data, addr, port, flags=0):
        return self._try(self.s.sendto, data, flags, self._sa(addr, port))

    def recvmsg(self, flags=0):
        try:
            data, ctl, _, sa = self.s.recvmsg(66000, 1024, flags)
        except OSError as e:
            return errno_name(e.errno)
        return data, ctl, sa[:2] if sa else ("", 0)

    def setopt(self, level, name, value):
        return self._try(self.s.setsockopt, level, name, value)

    def getopt(self, level, name):
        return self._try(self.s.getsockopt, level, name)

    def group_source(self, name, group, source):
        def storage(addr):
            raw = packed(addr)
            sa = struct.pack("HHI", socket.AF_INET6, 0, 0) + raw if len(raw) == 16 else \
                struct.pack("HH", socket.AF_INET, 0) + raw
            return sa.ljust(128, b"\0")

        raw = struct.pack("IxxxxQ", self.host.ifindex(0), 0)[:8] + storage(group) + storage(source)
        return self.setopt(SOL_IPV6 if ":" in group else SOL_IP, name, raw)

    def close(self):
        self.s.close()


def netns_enter(fd):
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


class KernelHost:
    kind = "kernel"

    def __init__(self, world, addrs, mtu=1500, settings=None):
        self.world, self.sent, self.taps, self.later = world, [], [], []
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        if libc.unshare(0x40000000):
            raise OSError(ctypes.get_errno(), "unshare")
        self.ns = os.open("/proc/self/ns/net", os.O_RDONLY)
        given = settings or {}
        for name, value in (QUIET | given).items():
            if ".eth" not in name:
                self._sysctl(name, value)
        lines = ["link set lo up"]
        for i, prefixes in enumerate(addrs):
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", f"eth{i}".encode(), 0x1002))
            self.taps.append(tap)
            m = mtu[i] if isinstance(mtu, list) else mtu
            lines.append(f"link set eth{i} address {world.mac_of(self, i)} mtu {m} up")
            lines += [f"addr add {p} dev eth{i} {'nodad' if ':' in p else 'brd +'}" for p in prefixes]
        self._ip(lines)
        for name, value in given.items():
            if ".eth" in name:
                self._sysctl(name, value)
        netns_enter(self.home)

    def __enter__(self):
        netns_enter(self.ns)

    def __exit__(self, *_):
        netns_enter(self.home)

    @staticmethod
    def _sysctl(name, value):
        pathlib.Path("/proc/sys", *name.split(".")).write_text(str(value))

    @staticmethod
    def _ip(lines):
        subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def addr_add(self, prefix):
        with self:
            self._ip([f"addr add {prefix} dev eth0"])

    def addr_state(self, addr):
        with self:
            out = subprocess.run(["ip", "-o", "addr", "show", "to", addr], text=True, capture_output=True, check=True)
        words = out.stdout.split()
        if not words:
            return "none"
        return "duplicate" if "dadfailed" in words else "tentative" if "tentative" in words else "usable"

    def set(self, name, value):
        with self:
            self._sysctl(name, value)

    def route(self, text):
        with self:
            self._ip([f"route add {text}"])

    def neigh(self, addr, mac, i=0):
        self.later.append(f"neigh replace {addr} lladdr {mac} dev eth{i} nud permanent")

    def flush(self):
        """Neighbours are handed over all at once: starting ip(8) is what costs."""
        if self.later:
            with self:
                self._ip(self.later)
        self.later = []

    def neigh_state(self, addr):
        with self:
            out = subprocess.run(["ip", "neigh", "show", "to", addr], text=True, capture_output=True, check=True)
        words = out.stdout.split()
        if not words:
            return None
        return words[-1], words[words.index("lladdr") + 1] if "lladdr" in words else None

    def ifindex(self, i):
        with self:
            return socket.if_nametoindex(f"eth{i}")

    def socket(self, family, kind, proto=0):
        return KernelSock(self, family, kind, proto)

    def rx(self, i, frame):
        try:
            os.write(self.taps[i], frame)
        except OSError as e:  # too short for the driver: it is refused, too
            if e.errno != errno.EINVAL:
                raise

    def drain(self):
        """Carries what the kernel has sent; says whether there was any."""
        n = 0
        for i, tap in enumerate(self.taps):
            while True:
                try:
                    frame = os.read(tap, 70000)
                except BlockingIOError:
                    break
                self.world.carry(self, i, frame)
                n += 1
        return n > 0

    def close(self):
        """The namespace stays until this process ends: the kernel takes its time to take one down."""
        os.close(self.home)
        for tap in self.taps:
            os.close(tap)


# ---------------------------------------------------------------------------------------------- world

class World:
    def __init__(self, lib, patience=1):
        self.patience = patience  # how much longer than an idle machine a busy one takes to answer
        self.lib, self.hosts, self.joined, self.virtual_ns, self.is_real = lib, [], {}, 10**9, False

    def mac_of(self, host, i):
        """02:00:00:00:HH:II. The first host is 00, its first interface 01."""
        n = self.hosts.index(host) if host in self.hosts else len(self.hosts)
        return f"02:00:00:00:{n:02x}:{i + 1:02x}"

    def now_ns(self):
        return time.monotonic_ns() if self.is_real else self.virtual_ns

    def add(self, kind, addrs, **kw):
        """`addrs` has a list of prefixes for each interface. A kernel must come before any weft."""
        if kind == "kernel":
            self.is_real = True
            h = KernelHost(self, addrs, **kw)
        else:
            h = WeftHost(self, self.lib, addrs, **kw)
        self.hosts.append(h)
        return h

    def join(self, a, i, b, j):
        self.joined[a, i], self.joined[b, j] = (b, j), (a, i)

    def carry(self, host, i, frame):
        to = self.joined.get((host, i))
        if to:
            to[0].rx(to[1], frame)
        else:
            host.sent.append((i, frame))

    def _step(self):
        """Lets everybody do what there is to do now; says whether a frame moved."""
        now, moved = self.now_ns(), False
        for h in self.hosts:
            if h.kind == "kernel":
                moved |= h.drain()
            elif h.has_frames or h.next_ns() <= now:
                h.has_frames = False
                h.run(now)
                moved = True
        return moved

    def run(self, ms, until=None):
        """Runs for `ms`, or until `until()` is true; says whether it became so."""
        if self.is_real and (until or ms <= SHORT_MS):
            ms *= self.patience
        end = self.now_ns() + ms * NS_PER_MS
        while True:
            for _ in range(100):
                if not self._step():
                    break
            if until and until():
                return True
            now = self.now_ns()
            if now >= end:
                for h in self.hosts:
                    if h.kind == "weft":
                        h.run(now)
                return False
            next_ns = min([h.next_ns() for h in self.hosts if h.kind == "weft"] + [end])
            if not self.is_real:
                self.virtual_ns = max(now, next_ns)
                continue
            taps = [t for h in self.hosts if h.kind == "kernel" for t in h.taps]
            select.select(taps, [], [], max(0, min(next_ns, end) - now) / 1e9)

    def settle(self):
        """Addresses become usable, and what hosts say at their start is over."""
        for h in self.hosts:
            if h.kind == "kernel":
                h.flush()
        self.run(SETTLE_MS if not self.is_real else 5)
        for h in self.hosts:
            h.begun = [f for _, f in h.sent]
            h.sent.clear()

    def close(self):
        for h in self.hosts:
            h.close()
