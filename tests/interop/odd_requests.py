#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The control socket among clients that do it no good: requests with odd parameters, in pieces, in batches,
by the thousand without reading the answers, cancelled, cut off; bytes that are no requests at all. Every
request with an id is answered once or its connection ends; the lab goes on answering others; when the
clients have gone it has the descriptors that it had before.

usage: odd_requests.py WEFT [SECONDS]      so long for each way of being odd (3)

Prints a line `ok - NAME` or `not ok - NAME` a way; WEFT_TEST_SEED=SEED repeats a run, as far as time allows.
Worth most in a build with sanitizers.
"""
import json
import os
import pathlib
import random
import select
import socket
import sys
import time

from leftovers import Trial
from odd_words import ADDRESSES, LAB, NAMES, lab_end, lab_start

WEFT = str(pathlib.Path(sys.argv[1]).resolve())
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 3
PATIENCE_S = 20
NOT_CALLED = {"lab.down"}
INTEGERS = [0, 1, -1, 2, 7, 64, 255, 256, 1000, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -2**63]
TEXTS = [*ADDRESSES, *NAMES, "5%", "10ms", "1mbit", "icmp", "tcp and (", "port 80", "UP", "established", "\x01", "\U0001f600"]


class Failed(Exception):
    """A client did not see what it expected."""


class Client:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)  # waits while others wait to be accepted
        self.s.settimeout(PATIENCE_S)
        self.got = b""

    def send(self, data):
        """False: the server has closed the connection."""
        try:
            self.s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def line(self):
        """The next message; None at the end."""
        while b"\n" not in self.got:
            try:
                piece = self.s.recv(1 << 20)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            self.got += piece
        line, self.got = self.got.split(b"\n", 1)
        return json.loads(line)

    def answers(self, ids, others=()):
        """Reads until each of the ids has its answer, and perhaps others; a closed connection answers all."""
        left = list(ids)
        others = list(others)
        while left:
            try:
                message = self.line()
            except TimeoutError as e:
                raise Failed(f"no answer to {left} of {PATIENCE_S} s ago") from e
            if message is None:
                return
            for answer in message if isinstance(message, list) else [message]:
                if "method" in answer or answer["id"] is None:
                    continue
                waiting = left if answer["id"] in left else others
                if answer["id"] not in waiting:
                    raise Failed(f"an answer too many, to {answer['id']}: {json.dumps(answer)[:300]}")
                waiting.remove(answer["id"])

    def close(self):
        self.s.close()


def request(ident, method, params=None):
    message = {"jsonrpc": "2.0", "id": ident, "method": method}
    return message if params is None else {**message, "params": params}


def value(rng, param):
    if rng.random() < 0.1:
        return rng.choice([None, True, -1.5, [], {}, [[]], "", 0, {"a": None}])
    kind = param["type"]
    if kind == "integer":
        return rng.choice(INTEGERS)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "node":
        return rng.choice(["w", "r", "k", "s", "nobody", "W", "new"])
    if kind == "array":
        return [rng.choice(TEXTS) for _ in range(rng.randint(0, 4))]
    if kind == "object":
        return {rng.choice(["kind", "interfaces", "loss", "delay", "rate", "x"]): rng.choice(TEXTS + INTEGERS)
                for _ in range(rng.randint(0, 3))}
    return rng.choice(TEXTS)


def odd_request(rng, methods, ident):
    method = rng.choice(methods)
    params = {p["name"]: value(rng, p) for p in method["params"] if p["required"] or rng.random() < 0.4}
    if rng.random() < 0.05:
        params["unheard"] = 1
    return request(ident, method["name"], params)


def encode(message):
    return json.dumps(message).encode() + b"\n"


def odd_parameters(rng, path, methods):
    c = Client(path)
    ids = list(range(20))
    asked = [odd_request(rng, methods, i) for i in ids]
    for message in asked:
        c.send(encode(message))
    for i in ids:  # those that would go on for ever
        c.send(encode(request(f"c{i}", "rpc.cancel", {"id": i})))
    try:
        c.answers([*ids, *(f"c{i}" for i in ids)])
    except Failed as e:
        raise Failed(f"{e}; asked: {json.dumps(asked)}") from e
    c.close()


def odd_batches(rng, path, methods):
    c = Client(path)
    ids = list(range(rng.randint(1, 30)))
    batch = [odd_request(rng, methods, i) for i in ids]
    batch += [rng.choice([1, None, [], {}, "x", {"id": 1}, {"jsonrpc": "2.0", "method": "lab.info"}])]
    rng.shuffle(batch)
    c.send(encode(batch))
    for i in ids:
        c.send(encode(request(f"c{i}", "rpc.cancel", {"id": i})))
    c.send(encode(request("end", "lab.info")))
    c.answers(["end"], [*ids, *(f"c{i}" for i in ids), 1])
    c.close()


def bytes_that_are_no_requests(rng, path, _):
    c = Client(path)
    junk = rng.choice([
        os.urandom(rng.randint(1, 5000)), b"\n" * 3000, b"{" * 100000, b"[" * 50000 + b"\n", b"\0" * 1000 + b"\n",
        b'{"jsonrpc":"2.0","id":1,"method":"lab.info"' + b" " * 70000 + b"}\n", b'"' + b"a" * (1 << 20) + b'"\n',
        b"x" * (2 << 20), b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"lab.info"}\n', b"\xff\xfe\n",
        b'{"jsonrpc":"2.0","id":1,"method":"node.info","params":{"node":"\\u0000"}}\n', b'{"id":{"a":1},"jsonrpc":"2.0","method":"lab.info"}\n', b'{"jsonrpc":"2.0","id":1,"id":2,"method":"rpc.list"}\n'])
    c.send(junk)
    if rng.random() < 0.5:
        try:
            c.s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        while c.line() is not None:
            pass
    c.close()


def requests_in_pieces(rng, path, methods):
    c = Client(path)
    data = b"".join(encode(odd_request(rng, methods, i)) for i in range(5))
    data += b"".join(encode(request(f"c{i}", "rpc.cancel", {"id": i})) for i in range(5))
    while data:
        n = rng.randint(1, 60)
        c.send(data[:n])
        data = data[n:]
    c.answers([*range(5), *(f"c{i}" for i in range(5))])
    c.close()


def answers_that_nobody_reads(rng, path, methods):
    """Sends until the server takes no more or gives it up, then reads a little, then goes."""
    c = Client(path)
    c.s.setblocking(False)
    end = time.monotonic() + 1
    data = b"".join(encode(odd_request(rng, methods, i)) for i in range(rng.choice([10, 200, 2000])))
    while time.monotonic() < end:
        _, writable, _ = select.select([], [c.s], [], 0.1)
        try:
            if not writable or not c.s.send(data):
                break
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            break
    if rng.random() < 0.5:
        try:
            c.s.recv(100000)
        except OSError:
            pass
    c.close()


def clients_that_come_and_go(rng, path, methods):
    clients = []
    for _ in range(rng.randint(1, 80)):  # more than are taken at a time
        c = Client(path)
        for i in range(rng.randint(0, 3)):
            c.send(encode(odd_request(rng, methods, i)))
        clients.append(c)
    rng.shuffle(clients)
    for c in clients:
        c.close()


def nodes_that_come_and_go(rng, path, _):
    """With calls about them under way, links that change, and interfaces of others made for them."""
    c = Client(path)
    names = ["n1", "n2", "n3"]
    asked = []

    def ask(method, params):
        asked.append(len(asked))
        c.send(encode(request(asked[-1], method, params)))

    for _ in range(rng.randint(3, 25)):
        name = rng.choice(names)
        other = rng.choice(["s", "r", "w", "k", *names])
        number = rng.randint(1, 250)
        what = rng.randrange(8)
        if what < 2:
            link = {"to": rng.choice([other, f"{other}:e{rng.randint(0, 3)}"])}
            if rng.random() < 0.3:
                link["delay"] = "1ms"
            spec = {"kind": rng.choice(["weft", "weft", "switch", "kernel"])}
            if spec["kind"] != "switch":
                spec["interfaces"] = {"eth0": {"address": f"10.{rng.randint(0, 2)}.0.{number}/24"}}
            ask("node.add", {"name": name, "node": spec, "links": [link] * rng.choice([1, 1, 1, 2])})
        elif what == 2:
            ask("node.del", {"node": name})
        elif what == 3:
            ask("ping.start", {"node": rng.choice([name, "w", "r"]), "host": rng.choice([f"10.0.0.{number}", other])})
        elif what == 4:
            ask("traceroute.start", {"node": rng.choice([name, "w", "r"]), "host": rng.choice(["10.0.0.1", other])})
        elif what == 5:
            ask("dump.start", {"node": rng.choice([name, "w", "r", "s", "k"])})
        elif what == 6:
            ask("link.set", {"link": f"{name}-{other}", **rng.choice([
                {"up": False}, {"up": True}, {"loss_ppm": 50000}, {"delay_ns": 1000000}, {"rate_bps": 1000}])})
        else:
            ask(rng.choice(["ip.addrs", "ss.list", "node.info", "ip.neighs", "nstat.read"]), {"node": name})
    if rng.random() < 0.3:  # goes without a word
        c.close()
        return
    for i in asked:
        c.send(encode(request(f"c{i}", "rpc.cancel", {"id": i})))
    c.answers([*asked, *(f"c{i}" for i in asked)])
    c.close()


WAYS = [
    nodes_that_come_and_go,
    odd_parameters,
    odd_batches,
    bytes_that_are_no_requests,
    requests_in_pieces,
    answers_that_nobody_reads,
    clients_that_come_and_go,
]


def n_descriptors(lab):
    return len(os.listdir(f"/proc/{lab.pid}/fd"))


def remove_new_nodes(path):
    """Nodes and descriptors that node.add has made."""
    while True:
        c = Client(path)
        c.send(encode(request(1, "node.list")))
        answer = c.line()
        if answer and "result" in answer:  # not refused, for clients that have not gone yet
            break
        c.close()
        time.sleep(0.05)
    for i, node in enumerate(answer["result"]):
        if node["name"] not in ("k", "s", "r", "w"):
            c.send(encode(request(f"del{i}", "node.del", {"node": node["name"]})))
            c.line()
    c.close()


def try_way(way, seed):
    with Trial(WEFT) as trial:
        trial.write("lab.yaml", LAB)
        lab = lab_start(trial)
        path = str(trial.run / "weft" / "odd.sock")
        c = Client(path)
        c.send(encode(request(1, "rpc.list")))
        # node.del would leave nobody to ask.
        methods = [m for m in c.line()["result"] if m["name"] not in NOT_CALLED | {"node.del"}]
        c.close()
        time.sleep(0.2)
        before = n_descriptors(lab)
        rng = random.Random(f"{seed} {way.__name__}")
        fault = None
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                way(rng, path, methods)
                c = Client(path)
                c.send(encode(request("alive", "lab.info")))
                c.answers(["alive"])
                c.close()
            remove_new_nodes(path)
            end = time.monotonic() + 5
            while n_descriptors(lab) > before and time.monotonic() < end:
                time.sleep(0.05)
            if n_descriptors(lab) > before:
                fault = f"{n_descriptors(lab)} descriptors, {before} before"
        except (Failed, OSError, ValueError) as e:
            fault = f"{type(e).__name__}: {e}"
        if lab.poll() is not None:
            fault = f"the lab has ended with status {lab.returncode}: {lab.stderr.read()[:3000]}"
        return fault or lab_end(trial, lab)


def main():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    seed = int(os.environ.get("WEFT_TEST_SEED", time.time_ns()))
    n_failed = 0
    for way in WAYS:
        if sys.argv[3:] and way.__name__ not in sys.argv[3:]:
            continue
        fault = try_way(way, seed)
        n_failed += fault is not None
        print(f"{'ok' if fault is None else 'not ok'} - {way.__name__}, seed {seed}", *([fault] if fault else []),
              sep="\n  ", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
