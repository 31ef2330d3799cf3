#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Real programs in labs: curl and python3 on a kernel node against servers on weft nodes.

usage: lab_curl.py WEFT [CASE...]

Everything runs in namespaces that weft makes. Prints a line `ok - NAME` or `not ok - NAME` a case.
"""
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GIB = 1 << 30
MIB = 1 << 20
WEFT = str(pathlib.Path(sys.argv[1]).resolve())

# examples/home.yaml with a WAN as given.
HOME = """
lab: home
nodes:
  laptop:
    kind: kernel
    interfaces: {{ eth0: {{ address: 192.168.1.10/24 }} }}
    routes: [default via 192.168.1.1]
  switch: {{ kind: switch }}
  home-router:
    forwarding: true
    interfaces: {{ lan: {{ address: 192.168.1.1/24 }}, wan: {{ address: 203.0.113.2/30 }} }}
    routes: [default via 203.0.113.1]
  isp:
    forwarding: true
    interfaces: {{ cust: {{ address: 203.0.113.1/30 }}, core: {{ address: 198.51.100.1/24 }} }}
    routes: [192.168.1.0/24 via 203.0.113.2]
  server:
    interfaces: {{ eth0: {{ address: 198.51.100.10/24 }} }}
    routes: [default via 198.51.100.1]
    services:
      - http: {{ port: 80, root: {root}, files: {{ /10m: {{ size: 10MB, seed: 1 }} }} }}
      - echo: {{ port: 7, proto: [tcp, udp] }}
links:
  - laptop:eth0 -- switch:p1
  - switch:p2 -- home-router:lan
  - {{ between: [home-router:wan, isp:cust]{wan} }}
  - {{ between: [isp:core, server:eth0]{last} }}
"""


class Failed(Exception):
    """A case did not see what it expected."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def weft_run(lab, script, *options, timeout=120, node="laptop"):
    """Runs a shell script on the node; returns exit status, standard output, standard error."""
    done = subprocess.run([WEFT, "run", str(lab), *options, "-n", node, "--", "sh", "-c", script],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def lab_file(folder, wan="", last="", name="lab.yaml"):
    (folder / "www").mkdir(exist_ok=True)
    path = folder / name
    path.write_text(HOME.format(root="www", wan=wan, last=last))
    return path


def random_file(path, size):
    """Fills a file with random bytes; returns their SHA-256."""
    sha = hashlib.sha256()
    with open(path, "wb") as f:
        while size:
            piece = os.urandom(min(size, 16 * MIB))
            f.write(piece)
            sha.update(piece)
            size -= len(piece)
    return sha.hexdigest()


def tap_mean(report, what):
    """Mean bytes of a read or write on the laptop's TAP, from the report."""
    m = re.search(rf"^tap laptop:eth0: .*?\d+ {what} of (\d+) bytes", report, re.M)
    expect(m, f"no line about the TAP in the report:\n{report}")
    return int(m[1])


def example_home_serves_page_and_file(folder):
    home = ROOT / "examples" / "home.yaml"
    status, out, err = weft_run(home, "curl -sS http://www.example.org/ && "
                                "curl -sS -o /dev/null -w '%{http_code} %{size_download}' http://server/10m",
                                "--report")
    expect(status == 0, err)
    expect("It travelled" in out and out.endswith("200 10000000"), out)
    for word in ("path of", "handshake", "link isp:cust", "drop"):
        expect(word in err, f"no {word!r} in the report:\n{err}")


def gibibyte_arrives_in_super_packets(folder):
    lab = lab_file(folder)
    want = random_file(folder / "www" / "big", GIB)
    status, out, err = weft_run(lab, "curl -sS http://server/big | sha256sum", "--report")
    (folder / "www" / "big").unlink()
    expect(status == 0 and out.split()[0] == want, out + err)
    expect(tap_mean(err, "writes") >= 30000, f"small writes on the TAP:\n{err}")


UPLOAD = """python3 -c '
import hashlib, os, socket, threading
piece = os.urandom(1 << 20); n = 256
s = socket.create_connection(("server", 7)); s.settimeout(60)
def send():
    for i in range(n):
        s.sendall(piece)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
want = hashlib.sha256(); got = hashlib.sha256(); total = 0
for i in range(n):
    want.update(piece)
while True:
    b = s.recv(1 << 20)
    if not b:
        break
    got.update(b); total += len(b)
print(total == n << 20 and want.digest() == got.digest())
'"""


def upload_comes_in_super_packets_and_back_whole(folder):
    status, out, err = weft_run(lab_file(folder), UPLOAD, "--report")
    expect(status == 0 and out.strip() == "True", out + err)
    expect(tap_mean(err, "reads") >= 30000, f"small reads on the TAP:\n{err}")


def loss_and_reordering_keep_every_byte(folder):
    lab = lab_file(folder, wan=", delay: 1ms, loss: 1%, reorder: 5%")
    want = random_file(folder / "www" / "lossy", 32 * MIB)
    status, out, err = weft_run(lab, "curl -sS http://server/lossy | sha256sum", "--report",
                                "--seed", "1")
    expect(status == 0 and out.split()[0] == want, out + err)
    expect("LINK_LOSS" in err, f"nothing was lost:\n{err}")


def two_hundred_curls_at_once_succeed(folder):
    lab = lab_file(folder)
    want = random_file(folder / "www" / "page", 100000)
    status, out, err = weft_run(lab,
                                "seq 200 | xargs -P 200 -I{} sh -c "
                                "'curl -sS --max-time 60 http://server/page | sha256sum'")
    expect(status == 0 and out.split().count(want) == 200, out[-500:] + err)


def closed_port_is_refused_at_once(folder):
    start = time.monotonic()
    status, _, err = weft_run(lab_file(folder), "curl -sS -w '%{errormsg}' http://server:81/; "
                              "python3 -c 'import socket; socket.create_connection((\"server\", 81), 20)'")
    expect("(7)" in err and "Connection refused" in err, f"{status}: {err}")
    expect(time.monotonic() - start < 10, "it took too long")


def unknown_address_is_unreachable_promptly(folder):
    start = time.monotonic()
    status, _, err = weft_run(lab_file(folder),
                              "python3 -c 'import socket; "
                              "socket.create_connection((\"198.51.100.99\", 80), 20)'")
    expect(status == 1 and "No route to host" in err, f"{status}: {err}")
    expect(time.monotonic() - start < 10, "it took too long")


def host_behind_a_dead_link_times_out(folder):
    status, _, err = weft_run(lab_file(folder, last=", up: false"),
                              "curl -sS --connect-timeout 2 http://server/", "--report")
    expect(status == 28, f"{status}: {err}")
    expect("IF_CARRIER" in err, f"the report does not say why:\n{err}")


def exit_status_is_the_programs(folder):
    lab = lab_file(folder)
    for script, want in (("exit 42", 42), ("true", 0), ("kill -TERM $$", 128 + 15)):
        status, _, err = weft_run(lab, script)
        expect(status == want, f"{script}: {status}: {err}")
    done = subprocess.run([WEFT, "run", str(lab), "-n", "laptop", "--", "/no/such/program"],
                          capture_output=True, text=True)
    expect(done.returncode == 127 and "No such file" in done.stderr, done.stderr)


def closed_standard_streams_are_null_in_the_node(folder):
    lab = lab_file(folder)
    show = "for fd in 0 1 2; do readlink /proc/self/fd/$fd; done > $0"
    out = folder / "streams"
    argv = [WEFT, "run", str(lab), "-n", "laptop", "--", "sh", "-c", show, str(out)]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *argv], timeout=60)
    streams = out.read_text().split() if out.exists() else []
    expect(done.returncode == 0 and streams == ["/dev/null", str(out), "/dev/null"],
           f"{done.returncode}: {streams}")


def wrong_words_are_explained(folder):
    lab = lab_file(folder)
    bad = folder / "bad.yaml"
    bad.write_text("lab: x\nnodes: { a: { kind: kernle } }\n")
    cases = [
        (["run", str(lab), "-n", "lptop", "--", "true"], "laptop"),
        (["run", str(lab), "-n", "server", "--", "true"], "kernel"),
        (["run", str(bad), "-n", "a", "--", "true"], "bad.yaml:2:"),
        (["run", str(folder / "none.yaml"), "-n", "a", "--", "true"], "none.yaml"),
        (["run", str(lab), "--name", "a/b", "-n", "laptop", "--", "true"], "not the name of a lab"),
        (["rnu"], "weft run"),
        (["run", str(lab)], "usage:"),
    ]
    for argv, word in cases:
        done = subprocess.run([WEFT, *argv], capture_output=True, text=True)
        expect(done.returncode == 2 and word in done.stderr, f"{argv}: {done.returncode}: {done.stderr}")


def capture_is_read_without_complaint(folder):
    lab = lab_file(folder, wan=", rate: 50mbit, delay: 1ms, loss: 1%, queue: 50")
    status, _, err = weft_run(lab, "curl -sS -o /dev/null http://server/10m", "--pcap", str(folder))
    expect(status == 0, err)
    path = str(folder / "home.pcapng")
    # Every segment is there once an interface, so streams cannot be put together.
    checks = ["-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.check_checksum:TRUE", "-o",
              "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    bad = subprocess.run(["tshark", "-r", path, *checks, "-Y",
                          "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0"],
                         capture_output=True, text=True, env={**os.environ, "HOME": str(folder)})
    expect(bad.returncode == 0 and not bad.stdout, bad.stdout[:1000] + bad.stderr[-1000:])
    drops = subprocess.run(["tshark", "-r", path, "-Y", 'frame.comment contains "LINK_LOSS"', "-T",
                            "fields", "-e", "frame.comment"],
                           capture_output=True, text=True, env={**os.environ, "HOME": str(folder)})
    expect("dropped" in drops.stdout and "trace" in drops.stdout, drops.stderr[-1000:])


CASES = [
    example_home_serves_page_and_file,
    gibibyte_arrives_in_super_packets,
    upload_comes_in_super_packets_and_back_whole,
    loss_and_reordering_keep_every_byte,
    two_hundred_curls_at_once_succeed,
    closed_port_is_refused_at_once,
    unknown_address_is_unreachable_promptly,
    host_behind_a_dead_link_times_out,
    exit_status_is_the_programs,
    closed_standard_streams_are_null_in_the_node,
    wrong_words_are_explained,
    capture_is_read_without_complaint,
]


def main():
    wanted = sys.argv[2:]
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    n_failed = 0
    for case in CASES:
        if wanted and case.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="weft-test-") as folder:
            os.environ["XDG_RUNTIME_DIR"] = folder  # labs of other runs have the same names
            try:
                case(pathlib.Path(folder))
                print(f"ok - {case.__name__}", flush=True)
            except (Failed, subprocess.TimeoutExpired) as e:
                n_failed += 1
                print(f"not ok - {case.__name__}\n{e}", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
