#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A gateway that runs: its connections and why each waits, forwards that come and go, its figures.

usage: gateway_rpc.py WEFT [CASE...]

Prints a line `ok - NAME` or `not ok - NAME` a case. Needs root, for the namespaces that it makes.
"""
import json
import subprocess
import sys

from gateway_kit import CLIENT, FAR4, FAR6, GUEST4, GW4, HOST4, SERVER, Failed, World, client, eventually, expect, main

WEFT = sys.argv[1]

HOLD = """
print("ready", flush=True)
sys.stdin.read()
"""

UDP_ECHO = """
import socket, sys
socks = []
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(2000)
    s.sendto(f"{peer[0]} ".encode() + data, peer)
"""

UDP_ASK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
print(s.recv(2000).decode())
"""


def each_connection_has_one_word_for_what_it_waits_for():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        w.control("forward", "add", "tcp", f"{HOST4}:8082", "10.0.2.50:80")
        w.spawn("guest", CLIENT + """
def big(line):
    s = connect(sys.argv[1], 7000); s.sendall(line); return s
quiet = big(b"echo\\n")
ended = big(b"give 10\\n")
window = big(b"give 100000000\\n")
hold = big(b"hold 30\\n")
hold.setblocking(False)
end = time.monotonic() + 1
while time.monotonic() < end:
    try: hold.send(b"x" * 65536)
    except BlockingIOError: time.sleep(0.02)
half = big(b"hold 30\\n"); half.shutdown(socket.SHUT_WR)
syn = socket.socket(); syn.setblocking(False); syn.connect_ex(("192.0.2.77", 80))
""" + HOLD, FAR4)
        w.spawn("far", CLIENT + 's = connect("%s", 8082)' % HOST4 + HOLD)
        want = {"host-connecting", "guest-connecting", "idle", "host-finished", "guest-finished", "host-not-reading",
                "guest-window"}
        seen = set()

        def all_seen():
            flows = w.control("flows", "--json")
            expect(all(f["proto"] == "tcp" and isinstance(f["wait"], str) for f in flows), f"{flows}")
            seen.update(f["wait"] for f in flows)
            return want <= seen

        try:
            eventually("every word", all_seen, 10)
        except Exception as e:
            raise type(e)(f"{e}: missing {want - seen}") from None
        lines = w.control("flows").splitlines()
        expect(lines[0].split()[:3] == ["Proto", "Dir", "Wait"] and any(f"{FAR4}:7000" in x for x in lines[1:]),
               "\n".join(lines))
        out = [f for f in w.control("flows", "--json") if f["direction"] == "out"]
        expect(all(f["guest"]["address"] == GUEST4 for f in out), f"{out}")
        expect({f["remote"]["port"] for f in out} <= {7000, 80}, f"{out}")


def a_connection_that_flows_and_one_whose_guest_does_not_acknowledge_have_their_words():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")

        def waits():
            return [f["wait"] for f in w.control("flows", "--json")]

        w.spawn("guest", CLIENT + """
s = connect(sys.argv[1], 7000); s.sendall(b"give 1000000000000\\n"); s.recv(1)
print("ready", flush=True)
while s.recv(1 << 18): pass
""", FAR4)

        def unheard():
            """Whether it waits for acknowledgements once what the guest sends is for nobody. When the last one that
            was heard closed the window, it waits for that instead."""
            eventually("it moves", lambda: waits() == ["moving"], 30)
            w.ip("guest", "neigh", "replace", GW4, "lladdr", "02:00:00:00:00:99", "dev", "tap0", "nud", "permanent")
            eventually("it stands", lambda: waits() != ["moving"], 30)
            if waits() == ["guest-network"]:
                return True
            w.ip("guest", "neigh", "del", GW4, "dev", "tap0")
            return False

        eventually("no acknowledgements", unheard, 30)


def tools_see_what_passes():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        dump = subprocess.Popen([w.weft, "-n", "gateway", "dump", "-n", "-c", "4", "tcp port 7000"], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"XDG_RUNTIME_DIR": w.folder.name})
        w.procs.append(dump)
        dump.stderr.readline()  # it has begun
        w.spawn("guest", CLIENT + 's = connect(sys.argv[1], 7000); s.sendall(b"echo\\n!"); s.recv(1)' + HOLD, FAR4)
        lines = dump.communicate(timeout=30)[0].splitlines()
        expect(len(lines) == 4 and all(f"{FAR4}.7000" in one for one in lines), f"4 packets: {lines}")
        expect(f"{GUEST4}." in lines[0] and "Flags [S]" in lines[0] and "Flags [S.]" in lines[1], f"a handshake: {lines}")
        # Its end of the connection has the address that the guest has asked for.
        head, *socks = w.tool("ss", "-tn").splitlines()
        expect(head.startswith("State") and len(socks) == 1, f"ss: {socks}")
        state, _, _, local, peer = socks[0].split()[:5]
        expect((state, local) == ("ESTAB", f"{FAR4}:7000") and peer.startswith(f"{GUEST4}:"), f"ss: {socks}")
        expect(["TcpPassiveOpens", "1"] in [one.split()[:2] for one in w.tool("nstat").splitlines()], "nstat: no passive open")


def forwards_come_and_go_while_it_runs():
    with World(WEFT) as w:
        for port in "7000", "7001", "7002":
            w.spawn("guest", SERVER, port)
        expect(w.control("forward", "list", "--json") == [], "a forward of nobody's")
        expect(w.control("forward", "add", "tcp", f"{HOST4}:8080", f"{GUEST4}:7000") == "forward 1\n", "the first")
        expect(w.control("forward", "add", "tcp", "*:7000-7002", "--json") == {"id": 2}, "a range")
        got = client(w, """
print(ask("192.0.2.1", 8080, "sum", b"x" * 1000).decode().split()[0])
for port in 7000, 7001, 7002:
    for addr in "192.0.2.1", "2001:db8:2::1":
        print(ask(addr, port, "peer").decode().split()[0])
print(fails("192.0.2.1", 7003))
""", where="far").split()
        expect(got == ["1000"] + [f"::ffff:{FAR4}", FAR6] * 3 + ["ECONNREFUSED"], f"{got}")
        one, both = w.control("forward", "--json")
        expect(one["accepted"] == 1 and one["bytes_in"] == 1004 and one["bytes_out"] > 64 and
               one["state"] == "listening" and one["guest_addr"] == GUEST4 and one["guest_port"] == 7000, f"{one}")
        expect(both["accepted"] == 6 and both["n_ports"] == 3 and both["host_addr"] is None, f"{both}")
        expect("*:7000-7002" in w.control("forward"), "the range in words")
        # One that stands survives its forward.
        kept = w.spawn("far", CLIENT + """
s = connect("192.0.2.1", 8080); s.sendall(b"echo\\n")
print("ready", flush=True)
sys.stdin.readline()
s.sendall(b"still"); s.settimeout(5)
print(s.recv(5, socket.MSG_WAITALL).decode(), flush=True)
""")
        expect(w.control("forward", "del", "1") == "", "nothing to say")
        w.control("forward", "del", "tcp", "*:7000-7002")
        kept.stdin.write("\n")
        kept.stdin.flush()
        expect(kept.stdout.readline() == "still\n", "the connection went with its forward")
        got = client(w, 'print(fails("192.0.2.1", 8080), fails("192.0.2.1", 7001))', where="far").split()
        expect(got == ["ECONNREFUSED"] * 2, f"after the end: {got}")
        expect("no forward" in w.control("forward", "del", "1", status=1), "one that has gone")
        expect("no forward" in w.control("forward", "del", "udp", "*:7000-7002", status=1), "one that never was")


def udp_forwards_bring_clients_in_and_their_answers_out():
    with World(WEFT) as w:
        for port in "5000", "5001":
            w.spawn("guest", UDP_ECHO, port)
        w.control("forward", "add", "udp", f"{HOST4}:6000-6001", f"{GUEST4}:5000")
        w.control("forward", "add", "udp", f"{HOST4}:6002", f"{GUEST4}:5001", "hide-source")
        for port, peer in ("6000", FAR4), ("6001", FAR4), ("6002", "10.0.2.2"):
            got = w.python("far", UDP_ASK, HOST4, port).strip()
            expect(got == f"{peer} hello", f"at {port}: {got}")
        flows = w.control("flows", "--json")
        expect(len(flows) == 3 and all(f["direction"] == "in" and f["proto"] == "udp" for f in flows), f"{flows}")
        expect(w.control("forward", "--json")[0]["accepted"] == 2, "two clients")
        w.control("forward", "del", "udp", f"{HOST4}:6000-6001")
        expect(len(w.control("flows", "--json")) == 1, "mappings go with their forward")


def a_forward_that_refuses_says_why():
    with World(WEFT) as w:
        w.spawn("host", SERVER, "8001")

        def refused(word, *spec):
            said = w.control("forward", "add", *spec, status=1)
            expect(word in said, f"{spec}: {said}")

        refused("in use", "tcp", f"{HOST4}:8001", f"{GUEST4}:80")
        refused("not permitted; `sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80`", "tcp", f"{HOST4}:80")
        refused("start the gateway with --forward", "tcp", f"{HOST4}:80")  # this one was root's
        w.sysctl("host", "net.ipv4.ip_unprivileged_port_start", "80")
        w.control("forward", "add", "tcp", f"{HOST4}:80")
        w.control("forward", "del", "tcp", f"{HOST4}:80")
        refused("not an address of the host", "udp", "203.0.113.9:8080")
        refused("ports are 1 to 65535", "tcp", f"{HOST4}:8080-8090", f"{GUEST4}:65530")
        refused("more than", "tcp", "*:10000-20000")
        # All of a range, or none of it.
        refused("in use", "tcp", f"{HOST4}:7990-8010")
        expect(client(w, f'print(fails("{HOST4}", 7990))', where="far").strip() == "ECONNREFUSED", "part of a range")
        for words in (["tcp"], ["sctp", "1.2.3.4:5"], ["tcp", "1.2.3.4"], ["tcp", "*:0"], ["tcp", "*:9-8"], ["tcp", "a", "b", "c"]):
            w.control("forward", "add", *words, status=2)
        w.control("forward", "grow", status=2)
        w.control("forward", "del", "x", status=2)
        w.control("flows", "now", status=2)
        expect(w.control("forward", "--json") == [], "a refused forward stays")
        # What a client finds behind one is its state.
        w.control("forward", "add", "tcp", f"{HOST4}:8080", f"{GUEST4}:9")
        expect(client(w, f"""
try:
    s = connect("{HOST4}", 8080); print(s.recv(1))
except ConnectionResetError:
    print("reset")
""", where="far").strip() == "reset", "a guest that does not listen")
        one, = w.control("forward", "--json")
        expect(one["state"] == "guest-refuses" and one["refused"] == 1 and one["open"] == 0, f"{one}")
        # The gateway has no route to that one.
        w.control("forward", "add", "tcp", f"{HOST4}:8081", "203.0.113.5:80")
        client(w, f"""
try:
    s = connect("{HOST4}", 8081); s.recv(1)
except ConnectionResetError:
    pass
""", where="far")
        two = w.control("forward", "--json")[1]
        expect(two["state"] == "guest-unreachable" and two["refused"] == 1 and two["open"] == 0, f"{two}")


def why_tells_what_was_refused_and_what_to_do():
    with World(WEFT, "--deny", "tcp,192.0.2.0/24,81-90") as w:
        # Before the guest's interface was up it was sent to; that is over.
        eventually("the guest's kernel speaks", lambda: "MLD_SRC" in w.tool_of_lab("why", "--drops"), 20)
        text = w.tool_of_lab("why", "--drops")
        expect("IF_DRIVER" in text and "IF_DRIVER" not in w.tool_of_lab("why"), text)

        def said(source, *words):
            text = ""
            for _ in range(10):  # a message of the guest's kernel may have been dropped since
                client(w, source)
                text = w.tool_of_lab("why")
                if all(one in text for one in ("What to do: ", *words)):
                    return
            raise Failed(f"not {words} in {text}")

        said(f'print(fails("{FAR4}", 81))', f"> {FAR4}:81 tcp", "an access rule denies it (rule 1)",
             f"weft gateway rule add allow tcp {FAR4} 81 before 1")
        w.control("rule", "add", "allow", "tcp", FAR4, "81", "before", "1")
        said(f'print(fails("{FAR4}", 81))', "the host could not connect: Connection refused")
        said(f'print(fails("{FAR6}", 9))', f"[{FAR6}]:9 tcp", "Connection refused")
        said('print(fails("10.0.2.2", 80), fails("fd00::2", 80))', "[fd00::2]:80", "the host's loopback is closed", "--allow-host-loopback")
        mac = w.ip("guest", "neigh", "show", "10.0.2.2").stdout.split()[4]  # who has it is written down: else nobody is asked
        w.ip("guest", "neigh", "add", "10.0.2.77", "lladdr", mac, "dev", "tap0")
        said('print(fails("10.0.2.77", 80, 0.5))', "nobody has this address of the guest's own network")
        said("""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"x", ("127.0.0.1", 9)); s.sendto(b"x", ("10.0.2.2", 99)); time.sleep(0.2)
""", "10.0.2.2:99 udp", "closed")
        w.control("forward", "add", "tcp", f"{HOST4}:8081", f"{GUEST4}:9")
        client(w, f"""
try: s = connect("{HOST4}", 8081); s.recv(1)
except ConnectionResetError: pass
""", where="far")
        said("pass", "a forward's client was not let in (forward 1): Connection refused", "weft gateway forward list")
        lines = w.tool_of_lab("why", "--drops").splitlines()
        expect(len(lines) >= 6 and "forward" in lines[0] and any("rule 1" in x for x in lines), "\n".join(lines))
        got = json.loads(rpc(w, "gateway.refused", {}).stdout)
        expect([x["why"] for x in got if x["why"] in ("forward", "rule")] == ["forward", "rule"] and got[0]["forward"] == 1, f"{got}")
        both = json.loads(w.tool_of_lab("why", "--drops=1000", "--json"))
        expect({x["why"] for x in got} <= {x["why"] for x in both if x["event"] == "refused"}, f"refusals as JSON: {both}")
        expect(all((x["event"] == "drop") == ("reason" in x) for x in both), f"drops: {both}")
        expect([x["ago_ns"] for x in both] == sorted(x["ago_ns"] for x in both), f"not by time: {both}")
        expect(len(json.loads(w.tool_of_lab("why", "--json"))) == 1, "the last one alone")
        expect(all("reason" in x for x in json.loads(w.tool_of_lab("why", "--drops", "--reason", "IP4_NO_PROTO", "--json"))), "of a reason")
        # What the stack itself has dropped has advice for gateways.
        w.python("guest", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 99); s.sendto(b"x" * 20, ("192.0.2.2", 0))
""")
        text = w.tool_of_lab("why", "--reason", "IP4_NO_PROTO")
        expect("TCP, UDP and pings leave by a gateway" in text, text)
        # Groups of the guest's own link, much later, do not hide it.
        w.python("guest", """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.0.2.100"))
for _ in range(300): s.sendto(b"x", ("239.1.2.3", 5353)); time.sleep(0.001)
""")
        eventually("the groups are dropped", lambda: w.tool_of_lab("why", "--drops=300").count("239.1.2.3") >= 200)
        text = w.tool_of_lab("why")
        expect("IP4_NO_PROTO" in text, text)


def a_ping_without_a_descriptor_left_is_not_taken_for_one_that_is_not_allowed():
    with World(WEFT, most_fds=64) as w:
        client(w, """
import subprocess
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(80)]
for s in socks: s.sendto(b"x", (sys.argv[1], 9))
subprocess.run(["ping", "-c", "1", "-W", "1", sys.argv[1]], stdout=subprocess.DEVNULL)
""", FAR4)
        stats = w.control("stats", "--json")
        expect(stats["full"] > 1 and stats["echo_not_allowed"] == 0, f"{stats}")
        said = w.tool_of_lab("rpc", "gateway.refused", "{}")
        ping = next(one for one in json.loads(said) if one["proto"] == "icmp")
        expect(ping["why"] == "full", f"{ping}")
        expect("ping_group_range" not in w.control("stats"), "a hint that does not help")


def figures_count_and_methods_refuse_in_words():
    with World(WEFT) as w:
        w.spawn("far", SERVER, "7000")
        client(w, f'ask("{FAR4}", 7000, "sum", b"x" * 1000); print(fails("{FAR4}", 9))')
        stats = w.control("stats", "--json")
        expect(stats["tcp_opened"] == 1 and stats["tcp_refused"] == 1 and stats["bytes_out"] == 1004 and
               "ping_hint" not in stats, f"{stats}")
        expect("tcp_refused          1\n" in w.control("stats"), "in words")
        for params, want in (({"proto": "x", "host_port": 8080}, "is `tcp` or `udp`"),
                             ({"proto": "tcp"}, "needs a parameter `host_port`"),
                             ({"proto": "tcp", "host_port": 0}, "from 1 to 65535"),
                             ({"proto": "tcp", "host_port": 8080, "host_addr": "x"}, "is not an IP address"),
                             ({"proto": "tcp", "host_port": 8080, "guest": "x"}, "has no parameter `guest`")):
            said = rpc(w, "gateway.forward_add", params)
            expect(said.returncode == 1 and want in said.stderr, f"{params}: {said.stderr}")
        for argv, want in ((["forward", "add", "tcp", f"{HOST4}:0"], f"`{HOST4}:0` is not"), (["forward", "add", "tcq", "*:80"], "`tcq` is"),
                           (["forward", "add", "tcp", "*:80", "fd00::100:80"], "`fd00::100:80` is not"),
                           (["rule", "add", "deny", "tcp", "10.0.0.0/33"], "`10.0.0.0/33` is neither"),
                           (["rule", "add", "deny", "tcp", "any", "9-8"], "`9-8` is not a port")):
            said = w.control(*argv, status=2)
            expect(want in said and "for example" in said, f"{argv}: {said}")
        listed = json.loads(rpc(w, "rpc.list", {}).stdout)
        expect({"lab.info", "gateway.flows"} <= {m["name"] for m in listed}, "the list of methods")


def rpc(w, method, params):
    return subprocess.run([w.weft, "rpc", method, json.dumps(params)], capture_output=True, text=True, timeout=30,
                          env={"XDG_RUNTIME_DIR": w.folder.name}, check=False)


if __name__ == "__main__":
    main([each_connection_has_one_word_for_what_it_waits_for,
          a_connection_that_flows_and_one_whose_guest_does_not_acknowledge_have_their_words, tools_see_what_passes,
          forwards_come_and_go_while_it_runs, udp_forwards_bring_clients_in_and_their_answers_out, a_forward_that_refuses_says_why,
          why_tells_what_was_refused_and_what_to_do,
          a_ping_without_a_descriptor_left_is_not_taken_for_one_that_is_not_allowed,
          figures_count_and_methods_refuse_in_words])
