#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chat on the host: each line of a client's standard input is heard, also when they come at once
and the last one has no end.

usage: test_chat.py CHAT
"""
import socket
import subprocess
import sys
import time

TIMEOUT_S = 30
LINES = [f"line {i}" for i in range(50)]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port):
    """The server may not listen yet."""
    for _ in range(TIMEOUT_S * 20):
        try:
            return socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        except ConnectionRefusedError:
            time.sleep(0.05)
    sys.exit("the server does not listen")


def main():
    chat, port = sys.argv[1], free_port()
    server = subprocess.Popen([chat, "serve", f"127.0.0.1:{port}"])
    try:
        with connect(port) as other, other.makefile("r") as lines:
            other.sendall(b"NICK other\n")
            assert lines.readline() == "OK you are other, in hall\n"
            client = subprocess.run([chat, f"127.0.0.1:{port}", "me"], input="\n".join(LINES),
                                    text=True, capture_output=True, timeout=TIMEOUT_S, check=True)
            assert client.stdout.count("OK\n") == len(LINES), client.stdout
            heard = [lines.readline() for _ in range(len(LINES) + 2)]
            want = ["hall me is here", *[f"hall me: {line}" for line in LINES], "hall me has left"]
            assert heard == [line + "\n" for line in want], heard
    finally:
        server.kill()
        server.wait()


main()
