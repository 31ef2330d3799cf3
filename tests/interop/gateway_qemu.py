#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft gateway --qemu`: guests on a socket, each frame with its length in front.

usage: gateway_qemu.py WEFT [CASE...]

Most cases speak the framing themselves. `a_linux_guest_*` boot Debian's kernel with an initramfs of busybox, in
software emulation, under qemu-system-x86_64; with --linux only those run. The kernel is the one in /boot, or in the
folder $WEFT_TEST_KERNEL_ROOT, or is fetched by `apt-get download` and unpacked, never installed; a case
that misses something is skipped, and says so.
"""
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

from unshare_kit import USER, Hello, Server, Skipped, expect, need, run_cases

GUEST, GW, MAC = "10.0.2.100", "10.0.2.2", bytes.fromhex("525400123456")


def gateway_start(w, *options):
    p = w.start(w.weft, "gateway", *options, "--allow-host-loopback", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    line = p.stdout.readline()
    expect(line == "gateway is up\n", line)
    return p


def gateway_stop(p):
    p.terminate()
    expect(p.wait(10) == 0, f"status {p.returncode}")
    return p.stdout.read()


class Guest:
    """The other end of the socket: frames in and out, ARP answered, and a TCP client that is as plain as can be."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(10)
        self.held = b""
        self.gw_mac = b"\xff" * 6
        self.port = random.randrange(30000, 60000)

    def exactly(self, n):
        while len(self.held) < n:
            got = self.sock.recv(65536)
            expect(got, "the gateway has closed the connection")
            self.held += got
        out, self.held = self.held[:n], self.held[n:]
        return out

    def send(self, frame):
        self.sock.sendall(struct.pack(">I", len(frame)) + frame)

    def recv(self):
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])

    def arp(self, op, mac, address):
        self.send(mac + MAC + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, op) + MAC + socket.inet_aton(GUEST) +
                  (mac if op == 2 else bytes(6)) + socket.inet_aton(address))

    def ip(self):
        """The next IPv4 packet; ARP is seen to."""
        while True:
            frame = self.recv()
            if frame[12:14] == b"\x08\x06":
                sender = socket.inet_ntoa(frame[28:32])
                if frame[20:22] == b"\x00\x01" and frame[38:42] == socket.inet_aton(GUEST):
                    self.arp(2, frame[22:28], sender)
                elif sender == GW:
                    self.gw_mac = frame[22:28]
                    return None
            elif frame[12:14] == b"\x08\x00":
                return frame[14:14 + struct.unpack(">H", frame[16:18])[0]]

    def find_gateway(self):
        self.arp(1, b"\xff" * 6, GW)
        while self.ip() is not None:
            pass

    def send_ip(self, proto, payload, to):
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0, socket.inet_aton(GUEST),
                           socket.inet_aton(to))
        self.send(self.gw_mac + MAC + b"\x08\x00" + head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload)

    def ping(self, to):
        echo = struct.pack(">BBHHH", 8, 0, 0, 7, 1) + b"x" * 40
        self.send_ip(1, echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:], to)
        while True:
            packet = self.ip()
            if packet and packet[9] == 1 and packet[20] == 0:
                return socket.inet_ntoa(packet[12:16])

    def segment(self, port, seq, ack, flags, data=b""):
        tcp = struct.pack(">HHIIBBHHH", self.port, port, seq, ack, 0x50, flags, 65535, 0, 0) + data
        pseudo = socket.inet_aton(GUEST) + socket.inet_aton(GW) + struct.pack(">HH", 6, len(tcp))
        self.send_ip(6, tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:], GW)

    def fetch(self, port, request):
        """What a server on port `port` of the host's loopback answers, until it has finished."""
        seq, body = 1000, b""
        self.segment(port, seq, 0, 0x02)
        seq, ack, sent = seq + 1, None, False
        while True:
            packet = self.ip()
            if not packet or packet[9] != 6 or packet[22:24] != struct.pack(">H", self.port):
                continue  # of a guest before this one, perhaps
            tcp = packet[20:]
            their_seq, flags = struct.unpack(">I", tcp[4:8])[0], tcp[13]
            data = tcp[(tcp[12] >> 4) * 4:]
            expect(not flags & 0x04, "reset")
            if flags & 0x02:
                ack = their_seq + 1
            elif their_seq == ack:
                body, ack = body + data, ack + len(data)
                if flags & 0x01:
                    self.segment(port, seq, ack + 1, 0x11)
                    return body
            if not sent:
                self.segment(port, seq, ack, 0x18, request)
                seq, sent = seq + len(request), True
            elif data or flags & 0x02:
                self.segment(port, seq, ack, 0x10)


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def guest_of(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(path))
    return Guest(s)


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


def a_guest_pings_and_fetches_and_the_next_one_too(w):
    path = w.folder / "run/guest"
    port = w.http_server()
    p = gateway_start(w, "--qemu", str(path))
    expect(path.stat().st_mode & 0o777 == 0o600, "others may connect")
    for _ in range(2):
        g = guest_of(path)
        g.find_gateway()
        expect(g.ping(GW) == GW, "no echo")
        body = body_of(g.fetch(port, b"GET /200000 HTTP/1.0\r\n\r\n"))
        expect(body == b"x" * 200000, f"{len(body)} bytes")
        g.sock.close()
        for words in "a guest has come", "the guest has gone":
            line = p.stdout.readline()
            expect(words in line, line)
    gateway_stop(p)
    expect(not path.exists(), "the socket is left")


def second_guest_and_a_broken_stream_are_sent_away(w):
    path = w.folder / "run/guest"
    p = gateway_start(w, "--qemu", str(path))
    first = guest_of(path)
    first.find_gateway()
    second = guest_of(path)
    second.sock.settimeout(10)
    expect(second.sock.recv(1) == b"", "a second guest stays")
    first.find_gateway()
    for length in 0, 65554, 0xFFFFFFFF:
        first.sock.sendall(struct.pack(">I", length))
        try:
            while first.sock.recv(65536):
                pass
        except ConnectionResetError:
            pass
        first = guest_of(path)
        first.find_gateway()
    text = gateway_stop(p)
    for words in ("there is one already", "a frame of 0 bytes", "a frame of 65554 bytes", "a frame of 4294967295 bytes"):
        expect(words in text, text)


def what_a_guest_had_open_goes_with_it_and_the_next_is_let_in_at_once(w):
    path = w.folder / "run/guest"
    listener = w.on_machine(lambda: socket.create_server(("127.0.0.1", 0)))
    listener.settimeout(10)
    port = listener.getsockname()[1]
    p = gateway_start(w, "--qemu", str(path))
    for _ in range(20):
        g = guest_of(path)
        g.find_gateway()
        g.segment(port, 1000, 0, 0x02)
        conn = listener.accept()[0]
        conn.settimeout(10)
        g.sock.close()
        try:
            expect(conn.recv(1) != b"", "an end, as if the guest had said it")
        except ConnectionResetError:
            pass
        conn.close()
    listener.close()
    text = gateway_stop(p)
    expect("sent away" not in text and text.count("the guest has gone") == 20, text)


def frames_of_a_stream_that_mean_harm_are_survived(w):
    path = w.folder / "run/guest"
    port = w.http_server()
    rng = random.Random(5)
    p = gateway_start(w, "--qemu", str(path))
    g = guest_of(path)
    g.find_gateway()
    for n in (1, 13, 14, 15, 33, 34, 1514, 9000, 65553):
        for _ in range(20):
            g.send((g.gw_mac + MAC + rng.choice((b"\x08\0", b"\x86\xdd", b"\x08\6", b"\x81\0")) + rng.randbytes(n))[:n])
    # Lengths and frames in pieces, a byte at a time.
    for byte in struct.pack(">I", 60) + g.gw_mac + MAC + b"\x08\0" + bytes(46):
        g.sock.sendall(bytes([byte]))
    expect(len(body_of(g.fetch(port, b"GET /20000 HTTP/1.0\r\n\r\n"))) == 20000, "another file")
    # Nothing but a beginning: the next guest is served.
    for rest in (b"\0", b"\0\0\1", struct.pack(">I", 1500) + bytes(700)):
        g.sock.sendall(rest)
        g.sock.close()
        g = guest_of(path)
        g.find_gateway()
    gateway_stop(p)


def gateway_that_connects_ends_with_its_guest(w):
    path = w.folder / "run/guest"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    os.chown(path, USER, USER)
    server.listen(1)
    p = gateway_start(w, "--qemu-connect", str(path))
    g = Guest(server.accept()[0])
    g.find_gateway()
    g.sock.close()
    expect(p.wait(10) == 0, f"status {p.returncode}")
    expect("it closed the connection" in p.stdout.read(), "not a word")
    expect(path.exists(), "the socket is not the gateway's")
    server.close()


def wrong_sockets_are_refused_in_words(w):
    path = w.folder / "run/guest"
    leftover = socket.socket(socket.AF_UNIX)
    leftover.bind(str(path))
    os.chown(path, USER, USER)
    leftover.close()
    p = gateway_start(w, "--qemu", str(path))  # in place of one whose owner has gone
    for argv, status, words in ((["--qemu", str(path)], 1, "in use"), (["--qemu", "/nonexistent/x"], 1, "No such file"),
                                (["--qemu", "x" * 200], 1, "too long"), (["--qemu-connect", "/nonexistent"], 1, "No such file"),
                                (["--qemu", "/x", "--pid", "1"], 2, "usage"), (["--qemu", "/x", "--qemu-connect", "/x"], 2, "usage")):
        done = w.run(w.weft, "gateway", *argv, status=status)
        expect(words in done.stderr, f"{argv}: {done.stderr}")
    guest_of(path).find_gateway()
    gateway_stop(p)


# What follows boots a kernel. wget of a static busybox would ask the C library for the port of http, which it cannot know.

INIT = """#!/bin/sh
/bin/busybox --install -s /bin
printf '#!/bin/sh\\n[ "$1" = bound ] && ip addr add $ip/$mask dev $interface && ip route add default via $router\\nexit 0\\n' >/bound
chmod +x /bound
mount -t proc none /proc
mount -t sysfs none /sys
for m in $(cat /modules); do insmod "/$m" || echo "no $m"; done
ip link set lo up
ip link set eth0 up
CONFIGURE
ip -o addr show eth0
ip route
ping -c 1 -W 5 10.0.2.2 | sed -n 2p
printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc 10.0.2.2 PORT >/answer
echo "SHA $(tail -c LENGTH /answer | sha256sum | cut -c1-64)"
i=0
until ip -6 -o addr show eth0 scope global | grep -qv tentative || [ $i = 100 ]; do sleep 0.2; i=$((i + 1)); done
ip -6 -o addr show eth0
printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc fd00::2 PART6 >/answer
echo "SHA6 $(tail -c LENGTH /answer | sha256sum | cut -c1-64)"
poweroff -f
"""
STATIC = "ip addr add 10.0.2.100/24 dev eth0; ip route add default via 10.0.2.2"
DHCP = "udhcpc -i eth0 -n -q -s /bound"
MODULES = ["virtio_pci", "virtio_net"]
BOOT_S = 400  # software emulation on a busy machine


def kernel_find(folder):
    """The newest kernel and its modules, or None."""
    for root in filter(None, (os.environ.get("WEFT_TEST_KERNEL_ROOT"), "/", str(folder))):
        for image in sorted(pathlib.Path(root, "boot").glob("vmlinuz-*"), reverse=True):
            modules = pathlib.Path(root, "lib/modules", image.name.removeprefix("vmlinuz-"))
            if modules.is_dir() and os.access(image, os.R_OK):
                return image, modules
    return None


def kernel_get(folder):
    """As kernel_find(); where there is none, Debian's is fetched and unpacked, which changes nothing of the machine."""
    found = kernel_find(folder)
    if found or not shutil.which("apt-get"):
        return found
    out = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], capture_output=True, text=True, check=False).stdout
    name = re.search(r"Depends: (linux-image-\S+)", out)
    if name and subprocess.run(["apt-get", "-q", "download", name[1]], cwd=folder, capture_output=True, check=False).returncode == 0:
        for deb in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
    return kernel_find(folder)


def modules_of(folder):
    """The files of MODULES and of what they need, in the order of loading. What is built in has none."""
    files = {f.name.removesuffix(".ko").replace("-", "_"): f for f in folder.rglob("*.ko")}
    order = []

    def add(name):
        path = files.get(name.replace("-", "_"))
        if path and path not in order:
            needs = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
            for other in needs[1].decode().split(",") if needs else []:
                add(other)
            order.append(path)
    for name in MODULES:
        add(name)
    return order


def cpio_of(entries):
    """An initramfs ("newc") of (name, mode, bytes)."""
    out = bytearray()
    for ino, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")]):
        fields = (ino + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def initramfs(modules, init):
    entries = [(d, 0o040755, b"") for d in ("bin", "proc", "sys", "etc", "dev", "tmp")]
    entries += [("init", 0o100755, init.encode()), ("bin/busybox", 0o100755, pathlib.Path(shutil.which("busybox")).read_bytes()),
                ("bin/sh", 0o120777, b"busybox"), ("modules", 0o100644, "\n".join(f.name for f in modules).encode())]
    return cpio_of(entries + [(f.name, 0o100644, f.read_bytes()) for f in modules])


def file_server(w, body, address="127.0.0.1"):
    """A server of one file on the machine's loopback: its port."""
    class File(Hello):
        def do_GET(self):  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    kind = type("Server", (Server,), {"address_family": socket.AF_INET6 if ":" in address else socket.AF_INET})
    server = w.on_machine(lambda: kind((address, 0), File))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    w.started.append(server)
    return server.server_address[1]


def boot(w, configure):
    """Boots a guest, which fetches a file and goes. Everything it says, after the sums were compared."""
    need("qemu-system-x86_64", "busybox")
    folder = w.folder / "kernel"
    folder.mkdir(mode=0o777)
    signal.alarm(BOOT_S + 60)
    found = kernel_get(folder)
    if not found:
        raise Skipped("there is no kernel in /boot, and none can be fetched")
    image, modules = found
    body = random.Random(1).randbytes(3 << 20)
    init = INIT.replace("CONFIGURE", configure).replace("PORT", str(file_server(w, body))).replace("LENGTH", str(len(body)))
    init = init.replace("PART6", str(file_server(w, body, "::1")))
    (folder / "initrd").write_bytes(initramfs(modules_of(modules), init))
    shutil.copy(image, folder / "vmlinuz")
    path = w.folder / "run/guest"
    p = gateway_start(w, "--qemu", str(path))
    done = w.run("qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio",
                 "-kernel", folder / "vmlinuz", "-initrd", folder / "initrd", "-append", "console=ttyS0 quiet panic=-1",
                 "-netdev", f"stream,id=n,server=off,addr.type=unix,addr.path={path}",
                 "-device", "virtio-net-pci,netdev=n,romfile=", timeout=BOOT_S)
    for word in "SHA", "SHA6":
        expect(f"{word} {hashlib.sha256(body).hexdigest()}" in done.stdout, f"{word}: another file, or none: {done.stdout[-3000:]}")
    expect("inet6 fd00::" in done.stdout, f"no address by router advertisements: {done.stdout[-3000:]}")
    text = gateway_stop(p)
    expect("the guest has gone" in text, text)
    return done.stdout


def a_linux_guest_with_a_static_address_fetches_a_file(w):
    said = boot(w, STATIC)
    expect("10.0.2.100/24" in said and "bytes from 10.0.2.2" in said, said)


def a_linux_guest_with_an_address_of_dhcp_fetches_a_file(w):
    said = boot(w, DHCP)
    expect("10.0.2.100/24" in said and "bytes from 10.0.2.2" in said, said)


if __name__ == "__main__":
    linux = "--linux" in sys.argv
    if linux:
        sys.argv.remove("--linux")
    run_cases([
        a_linux_guest_with_a_static_address_fetches_a_file,
        a_linux_guest_with_an_address_of_dhcp_fetches_a_file,
    ] if linux else [
        a_guest_pings_and_fetches_and_the_next_one_too,
        second_guest_and_a_broken_stream_are_sent_away,
        what_a_guest_had_open_goes_with_it_and_the_next_is_let_in_at_once,
        frames_of_a_stream_that_mean_harm_are_survived,
        gateway_that_connects_ends_with_its_guest,
        wrong_sockets_are_refused_in_words,
    ])
