#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""weft called slirp4netns: its command line and its API socket, as RootlessKit and Podman use them.

usage: slirp4netns.py WEFT [CASE...]
"""
import json
import os
import socket
import subprocess
import time

from unshare_kit import Failed, expect, run_cases


class Slirp:
    """A namespace of the user's with a gateway."""

    def __init__(self, w, *options, target="pid", surplus=()):
        self.w = w
        self.guest = w.start("unshare", "-rn", "sh", "-c", "echo $$; exec sleep 1000", stdout=-1)
        self.pid = int(self.guest.stdout.readline())
        ready, ready_w = os.pipe()
        self.exit_r, self.exit_w = os.pipe()
        where = ["--netns-type=path", f"/proc/{self.pid}/ns/net"] if target == "path" else [str(self.pid)]
        options = [str(o).replace("PID", str(self.pid)) for o in options]
        self.log = open(w.folder / "slirp.log", "w+", encoding="utf-8")
        self.gateway = w.start(w.slirp4netns, "-r", str(ready_w), "-e", str(self.exit_r), *options, *where, "tap0",
                               *surplus, pass_fds=[ready_w, self.exit_r], stdout=self.log, stderr=self.log)
        os.close(ready_w)
        said = os.read(ready, 10)
        expect(said == b"1" and os.read(ready, 10) == b"", f"it is not ready: {said} {self.output()}")
        os.close(ready)

    def output(self):
        return (self.w.folder / "slirp.log").read_text(encoding="utf-8")

    def inside(self, command, status=0):
        return self.w.run("nsenter", "-t", self.pid, "-U", "-n", "--preserve-credentials", "sh", "-c", command,
                          status=status)

    def stop(self):
        os.close(self.exit_w)
        expect(self.gateway.wait(10) == 0, f"status {self.gateway.returncode}: {self.output()}")
        os.close(self.exit_r)
        self.guest.terminate()
        self.guest.wait()


def call(path, request, shut=True):
    """One request to the API socket; returns the answer as text."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.settimeout(10)
        s.sendall(request if isinstance(request, bytes) else json.dumps(request).encode())
        if shut:
            s.shutdown(socket.SHUT_WR)
        got = b""
        while piece := s.recv(65536):
            got += piece
    return json.loads(got) if got else None


def configured_namespace_has_the_network(w):
    port = w.http_server()
    s = Slirp(w, "-c", "--mtu=65520", "--macaddress=02:00:00:01:02:03", "--enable-sandbox", "--enable-seccomp")
    out = s.inside("ip -o addr; ip -o link show tap0; ip route").stdout
    for words in ("127.0.0.1/8", "10.0.2.100/24", "mtu 65520", "02:00:00:01:02:03", "default via 10.0.2.2"):
        expect(words in out, f"no {words!r} in {out}")
    expect(s.inside(f"curl -sS --max-time 10 http://10.0.2.2:{port}/").stdout == "hello from 127.0.0.1\n", "no answer")
    s.stop()


def options_change_the_network(w):
    port, port6 = w.http_server(), w.http_server("::1")
    s = Slirp(w, "-c", "-6", "--cidr=192.168.77.0/24", "--disable-dns", target="path")
    out = s.inside("ip -o addr; ip -6 route").stdout
    for words in ("192.168.77.100/24", "192.168.77.255", "fd00::100/64", "default via fd00::2"):
        expect(words in out, f"no {words!r} in {out}")
    s.inside(f"curl -sS --max-time 10 http://192.168.77.2:{port}/ && curl -sS --max-time 10 http://[fd00::2]:{port6}/")
    s.stop()
    s = Slirp(w, "--configure", "--disable-host-loopback")
    s.inside(f"curl -sS --max-time 3 http://10.0.2.2:{port}/ && exit 99; exit 5", status=5)
    s.stop()


# Asks 10.0.2.3 for a name by UDP: says whether anything comes.
ASK = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(20); s.connect(("10.0.2.3", 53))
try:
    s.send(b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7example\\3org\\0\\0\\1\\0\\1")
    print("answer", len(s.recv(1000)) > 12)
except OSError as e:
    print("none", e)
"""


def outbound_addresses_user_namespace_and_no_names(w):
    w.run("sh", "-ec", "for a in 192.0.2.1/32 192.0.2.9/32; do ip addr add $a dev lo; done\n"
          "for a in 2001:db8::1/128 2001:db8::9/128; do ip addr add $a dev lo nodad; done", user=False)
    port, port6 = w.http_server("192.0.2.1"), w.http_server("2001:db8::1")
    s = Slirp(w, "-c", "-6", "--outbound-addr=192.0.2.9", "--outbound-addr6=2001:db8::9", "--userns-path=/proc/PID/ns/user",
              "--disable-dns", target="path")
    for url, want in (f"192.0.2.1:{port}", "192.0.2.9"), (f"[2001:db8::1]:{port6}", "2001:db8::9"):
        got = s.inside(f"curl -gsS --max-time 20 http://{url}/").stdout
        expect(got == f"hello from {want}\n", f"{url}: {got}")
    said = s.inside(f"python3 -c '{ASK}'").stdout
    expect(said.startswith("none"), f"names are answered: {said}")
    s.stop()
    s = Slirp(w, "-c", surplus=["surplus"])
    expect("`surplus` is too much" in s.output(), s.output())
    said = s.inside(f"python3 -c '{ASK}'").stdout
    expect(said == "answer True\n", f"names: {said}")
    s.stop()


def unconfigured_device_is_left_alone(w):
    s = Slirp(w)
    out = s.inside("ip -o addr; ip -o link show tap0").stdout
    expect("inet" not in out and "state DOWN" in out, out)
    s.stop()


def wrong_command_lines_are_refused(w):
    for argv, words in ((["x", "tap0"], "PID"), (["1"], "usage"), ([], "usage"), (["-m", "70000", "1", "t"], "--mtu"),
                        (["--cidr=10.0.0.1/24", "1", "t"], "network"), (["--cidr=10.0.0.0/26", "1", "t"], "100"),
                        (["--netns-type=x", "1", "t"], "path or pid"), (["--macaddress=02:00:00:00:00:01", "1", "t"], "--configure"),
                        (["--netns-type=path", "/nonexistent", "t"], "/nonexistent"), (["999999999", "t"], "no process"),
                        (["-r", "99", "1", "t"], "--ready-fd"), (["--target-type=bess", "x", "t"], "netns"),
                        (["--outbound-addr=zz", "1", "t"], "--outbound-addr"), (["--bogus", "1", "t"], "bogus")):
        done = w.run(w.slirp4netns, *argv, status=1)
        expect(words in done.stderr, f"{argv}: {done.stderr}")


def words_that_clients_look_for_are_there(w):
    text = w.run(w.slirp4netns, "--help").stdout
    for option in ("--configure", "--exit-fd", "--ready-fd", "--mtu", "--enable-ipv6", "--api-socket", "--cidr",
                   "--disable-host-loopback", "--netns-type", "--userns-path", "--enable-sandbox", "--enable-seccomp",
                   "--outbound-addr", "--outbound-addr6", "--disable-dns", "--macaddress", "--target-type"):
        expect(option in text, f"no {option}")
    expect(w.run(w.slirp4netns, "--version").stdout.startswith("slirp4netns version 1."), "version")


def api_adds_lists_and_removes_forwards(w):
    path = w.folder / "run/api.sock"
    s = Slirp(w, "-c", "--api-socket", path)
    expect(path.stat().st_mode & 0o777 == 0o700 or path.stat().st_mode & 0o077 == 0, "others may use it")
    expect(call(path, {"execute": "list_hostfwd"}) == {"return": {"entries": []}, "entries": []}, "not empty")
    add = {"proto": "tcp", "host_addr": "127.0.0.1", "host_port": 18080, "guest_addr": "10.0.2.100", "guest_port": 80}
    expect(call(path, {"execute": "add_hostfwd", "arguments": add}) == {"return": {"id": 1}}, "add")
    udp = {"proto": "udp", "host_port": 18080, "guest_port": 81}
    expect(call(path, {"execute": "add_hostfwd", "arguments": udp}, shut=False) == {"return": {"id": 2}}, "add udp")
    want = [{"id": 1, **add}, {"id": 2, **udp, "host_addr": "0.0.0.0", "guest_addr": "10.0.2.100"}]
    got = call(path, {"execute": "list_hostfwd"})
    expect(got["entries"] == want and got["return"]["entries"] == want, str(got))
    server = w.start("nsenter", "-t", s.pid, "-U", "-n", "--preserve-credentials", "python3", "-c",
                     "import socket; s = socket.create_server(('', 80)); c, a = s.accept(); c.sendall(b'inside ' + a[0].encode())")
    for _ in range(100):
        try:
            with w.connect(18080) as c:
                text = c.recv(100)
        except ConnectionResetError:  # nobody listens in there yet
            text = b""
        if text:
            break
        time.sleep(0.1)
    expect(text.startswith(b"inside "), str(text))
    server.wait(10)
    expect(call(path, {"execute": "remove_hostfwd", "arguments": {"id": 1}}) == {"return": {}}, "remove")
    try:
        w.connect(18080).close()
        raise Failed("the removed forward still listens")
    except ConnectionRefusedError:
        pass
    s.stop()
    expect(not path.exists(), "the API socket is left")


def wrong_requests_are_answered_in_words(w):
    path = w.folder / "run/api.sock"
    s = Slirp(w, "-c", "-a", path)
    good = {"proto": "tcp", "host_addr": "127.0.0.1", "host_port": 18080, "guest_addr": "10.0.2.100", "guest_port": 80}
    call(path, {"execute": "add_hostfwd", "arguments": good})

    def said(request):
        return call(path, request)["error"]["desc"]
    for change, key in (({"proto": "sctp"}, "proto"), ({"proto": None}, "proto"), ({"host_port": 0}, "host_port"),
                        ({"host_port": 70000}, "host_port"), ({"host_port": "1"}, "host_port"), ({"host_addr": "x"}, "host_addr"),
                        ({"guest_addr": "bad"}, "guest_addr"), ({"guest_addr": "fd00::100"}, "guest_addr"),
                        ({"guest_port": 0}, "guest_port"), ({"guest_port": None}, "guest_port")):
        desc = said({"execute": "add_hostfwd", "arguments": {**good, **change}})
        expect(desc == f"bad request: add_hostfwd: bad arguments.{key}", f"{change}: {desc}")
    desc = said({"execute": "add_hostfwd", "arguments": good})
    expect(desc == "bad request: add_hostfwd: slirp_add_hostfwd failed", desc)
    reason = call(path, {"execute": "add_hostfwd", "arguments": good})["error"]["reason"]
    expect("127.0.0.1:18080: in use" in reason, reason)
    reason = call(path, {"execute": "add_hostfwd", "arguments": {**good, "host_port": 81}})["error"]["reason"]
    expect("not permitted" in reason and "sysctl" in reason, reason)
    # Numbers may be floating ones, as to slirp4netns all are; addresses of IPv6, which it does not know.
    six = {"proto": "tcp", "host_addr": "::1", "host_port": 18086.0, "guest_addr": "fd00::100", "guest_port": 80}
    expect(call(path, {"execute": "add_hostfwd", "arguments": six}) == {"return": {"id": 2}}, "IPv6")
    listed = call(path, {"execute": "list_hostfwd"})["entries"][1]
    expect(listed == {"id": 2, **six}, str(listed))
    expect(call(path, {"execute": "remove_hostfwd", "arguments": {"id": 2.0}}) == {"return": {}}, "remove")
    for arguments in {}, {"id": 99}, {"id": "x"}, {"id": -1}:
        desc = said({"execute": "remove_hostfwd", "arguments": arguments})
        expect(desc == "bad request: remove_hostfwd: bad arguments.id", desc)
    expect("bad arguments" in said({"execute": "add_hostfwd"}), "no arguments")
    for request, desc in (({"execute": "nonsense"}, "unknown execute"), ({"execute": 5}, "no execute found"), ({}, "no execute found"),
                          (b"", "cannot parse JSON"), (b"{", "cannot parse JSON"), ([], "json_object() failed")):
        expect(said(request) == f"bad request: {desc}", f"{request}: {said(request)}")
    said = call(path, b'{"execute": "' + b"x" * 5000 + b'"}')
    expect(said == {"error": {"desc": "bad request: too large message"}}, f"a long request: {said}")
    # Clients that say nothing do not keep others out.
    idle = [socket.socket(socket.AF_UNIX) for _ in range(30)]
    for one in idle:
        one.connect(str(path))
    expect(len(call(path, {"execute": "list_hostfwd"})["entries"]) == 1, "it does not answer any more")
    for one in idle:
        one.close()
    s.stop()


def end_by_signal_leaves_nothing(w):
    path = w.folder / "run/api.sock"
    s = Slirp(w, "-c", "-a", path)
    s.gateway.terminate()
    expect(s.gateway.wait(10) == 0 and not path.exists(), f"status {s.gateway.returncode}")
    s.stop()
    s = Slirp(w, "-c", "-a", path)
    s.gateway.kill()
    s.gateway.wait()
    os.close(s.exit_w)
    s.guest.terminate()
    s.guest.wait()
    w.run(w.weft, "ls")
    # The API socket of the killed one is in nobody's way.
    s = Slirp(w, "-c", "-a", path)
    s.stop()


if __name__ == "__main__":
    run_cases([
        configured_namespace_has_the_network,
        options_change_the_network,
        outbound_addresses_user_namespace_and_no_names,
        unconfigured_device_is_left_alone,
        wrong_command_lines_are_refused,
        words_that_clients_look_for_are_there,
        api_adds_lists_and_removes_forwards,
        wrong_requests_are_answered_in_words,
        end_by_signal_leaves_nothing,
    ])
