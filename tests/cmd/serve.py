#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft serve`: the services on the host's own sockets, on loopback.

usage: serve.py WEFT    (prints ok and not ok lines)
"""
import contextlib
import http.client
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile

n_failed = 0
WAIT_S = 20


def check(what, good, why=""):
    global n_failed
    n_failed += not good
    print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f": {why}"), flush=True)


def free_port(family=socket.AF_INET, host="127.0.0.1"):
    with socket.socket(family) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def serve(weft, *args):
    """The service, once it has said that it listens; ended by SIGTERM, with status 0."""
    process = subprocess.Popen([weft, "serve", *args], stdout=subprocess.PIPE, text=True)
    try:
        process.first = process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=WAIT_S)
        process.rest = out
        check(f"serve {args[0]} ends at SIGTERM", process.returncode == 0, process.returncode)


def test_http(weft, root):
    (root / "index.html").write_text("<p>hello\n")
    (root / "big").write_bytes(bytes(range(256)) * 8192)
    port = free_port()
    with serve(weft, "http", "--listen", f"127.0.0.1:{port}", str(root)) as process:
        check("it says where it is", process.first == f"weft serve: http on 127.0.0.1:{port}\n", process.first)
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        for path, status, body in (("/", 200, b"<p>hello\n"), ("/none", 404, None),
                                   ("/big", 200, (root / "big").read_bytes())):
            conn.request("GET", path)
            got = conn.getresponse()
            text = got.read()
            check(f"GET {path}", got.status == status and body in (None, text), (got.status, len(text)))
        conn.request("GET", "/big", headers={"Range": "bytes=10-19"})
        got = conn.getresponse()
        check("a range", got.status == 206 and got.read() == bytes(range(10, 20)), got.status)
        conn.close()
        # More at a time than one turn of the loop takes in.
        conns = [socket.create_connection(("127.0.0.1", port), WAIT_S) for _ in range(150)]
        for s in conns:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        good = sum(b"200 OK" in s.makefile("rb").read() for s in conns)
        check("150 connections at a time", good == 150, good)
        for s in conns:
            s.close()
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as s:
            s.sendall(b"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n")
            check("a way out of the folder is refused", b" 400 " in s.recv(4096))
        refused = subprocess.run([weft, "serve", "http", "--listen", f"127.0.0.1:{port}", str(root)],
                                 capture_output=True, text=True, timeout=WAIT_S, check=False)
        check("an address in use", refused.returncode == 1 and "Address already in use" in refused.stderr, refused)
    check("a line a request", '"GET /none HTTP/1.1" 404' in process.rest, process.rest[:200])


def test_echo(weft, family, host, text):
    port = free_port(family, host)
    with serve(weft, "echo", "--listen", f"{text}:{port}"):
        with socket.create_connection((host, port), WAIT_S) as s:
            data = bytes(range(256)) * 40
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            check(f"echo over TCP, {host}", s.makefile("rb").read() == data)
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(WAIT_S)
            s.sendto(b"datagram", (host, port))
            check(f"echo over UDP, {host}", s.recv(100) == b"datagram")


def test_discard(weft):
    port = free_port()
    with serve(weft, "discard", "--listen", f"127.0.0.1:{port}"):
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as s:
            s.sendall(bytes(100000))
            s.shutdown(socket.SHUT_WR)
            check("discard takes all and answers nothing", s.recv(100) == b"")


def test_rr(weft):
    port = free_port()
    with serve(weft, "rr", "--listen", f"127.0.0.1:{port}"):
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as s:
            s.sendall(struct.pack(">II", 20, 30000) + bytes(12))
            s.shutdown(socket.SHUT_WR)
            check("rr answers as it is asked", len(s.makefile("rb").read()) == 30000)


def test_refusals(weft, root):
    for args, word in (((), "which service"), (("http",), "where"), (("http", "--listen", "127.0.0.1:80"), "folder"),
                       (("echo", "--listen", "nonsense"), "nonsense"), (("echo", "--listen", "127.0.0.1:0"), "65535"),
                       (("gopher", "--listen", "127.0.0.1:80", "."), "gopher"),
                       (("echo", "--listen", "127.0.0.1:80", "more"), "more")):
        done = subprocess.run([weft, "serve", *args], capture_output=True, text=True, timeout=WAIT_S, check=False)
        check(f"refused: {' '.join(args)}", done.returncode == 2 and word in done.stderr, done)
    done = subprocess.run([weft, "serve", "http", "--listen", f"127.0.0.1:{free_port()}", str(root / "none")],
                          capture_output=True, text=True, timeout=WAIT_S, check=False)
    check("a folder that is not there", done.returncode == 1 and "No such file" in done.stderr, done)


def main():
    weft = sys.argv[1]
    with tempfile.TemporaryDirectory() as tmp:
        test_http(weft, pathlib.Path(tmp))
        test_refusals(weft, pathlib.Path(tmp))
    test_discard(weft)
    test_rr(weft)
    test_echo(weft, socket.AF_INET, "127.0.0.1", "127.0.0.1")
    if socket.has_ipv6:
        with contextlib.suppress(OSError):
            free_port(socket.AF_INET6, "::1")
            test_echo(weft, socket.AF_INET6, "::1", "[::1]")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
