#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A lab whose nodes have interfaces of the machine: a host by AF_PACKET, by AF_XDP, behind a switch.

usage: lab_host.py WEFT

The machine is a network namespace of the test's own, with one end of a veth; the kernel's stack is at the other end, in
another one.
"""
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile
import time

CLONE_NEWNET = 0x40000000
PATIENCE_S = 60
SKIPPED = 77
LABS = {
    "a host by a packet socket": "nodes: { h: { interfaces: { eth0: { address: 10.0.0.1/24, host: veth0 } } } }",
    "a host by AF_XDP": "nodes: { h: { interfaces: { eth0: { address: 10.0.0.1/24, host: veth0, driver: xdp } } } }",
    "a host behind a switch": """
nodes:
  h: { interfaces: { eth0: 10.0.0.1/24 } }
  sw: { kind: switch, interfaces: { out: { host: veth0 } } }
links: [ h:eth0 -- sw:p1 ]
""",
}

n_failed = 0


def check(name, is_ok, why=""):
    global n_failed
    n_failed += not is_ok
    print(f"{'ok' if is_ok else 'not ok'} - {name}" + ("" if is_ok else f": {why}"), flush=True)


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S)


def answers(pid, lab):
    """Whether the lab's host answers the kernel's pings, as soon as it is there."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and lab.poll() is None:
        if run("nsenter", f"--net=/proc/{pid}/ns/net", "ping", "-c", "3", "-i", "0.2", "-W", "2", "10.0.0.1").returncode == 0:
            return True
    return False


def try_lab(weft, pid, name, text, tmp):
    path = tmp / "lab.yaml"
    path.write_text(f"lab: host\n{text}")
    lab = subprocess.Popen([weft, "up", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    is_up = answers(pid, lab)
    lab.terminate()
    err = lab.communicate(timeout=PATIENCE_S)[1]
    if "xdp" in text and ("not permitted" in err or "not supported" in err):
        print(f"ok - {name} # SKIP {err.strip()}")
        return
    check(f"{name}: the kernel's pings are answered", is_up, err)
    refused = run(weft, "up", "--sim", "--for", "1s", str(path))
    check(f"{name}: a simulation refuses it by name", refused.returncode != 0 and "of the machine" in refused.stderr,
          refused.stderr)


def try_missing(weft, tmp):
    path = tmp / "lab.yaml"
    path.write_text("nodes: { h: { interfaces: { eth0: { address: 10.0.0.1/24, host: nowhere7 } } } }")
    done = run(weft, "up", "--for", "1s", str(path))
    check("an interface that is not there is named", done.returncode != 0 and "nowhere7" in done.stderr, done.stderr)


def try_mtu(weft, tmp):
    """What the machine's interface does not send is not offered to anybody; less is."""
    path = tmp / "lab.yaml"
    for mtu, is_good in (1501, False), (1400, True):
        path.write_text(f"nodes: {{ h: {{ interfaces: {{ eth0: {{ address: 10.0.0.1/24, host: veth0, mtu: {mtu} }} }} }} }}")
        done = run(weft, "up", "--for", "1s", str(path))
        check(f"an MTU of {mtu} on an interface of 1500 is {'taken' if is_good else 'refused'}",
              (done.returncode == 0) == is_good and ("more than the 1500 of veth0" in done.stderr) != is_good, done.stderr)


def try_tags(weft, tmp):
    """What XDP loses, and how to keep it, is said where it can be lost."""
    path = tmp / "lab.yaml"
    path.write_text(LABS["a host by AF_XDP"])
    for setting in "on", "off":
        subprocess.run(["ethtool", "-K", "veth0", "rxvlan", setting], check=True)
        done = run(weft, "up", "--for", "1s", str(path))
        name = f"VLAN tags with rxvlan {setting}"
        if "not permitted" in done.stderr or "not supported" in done.stderr:
            print(f"ok - {name} # SKIP {done.stderr.strip()}")
            continue
        check(name, done.returncode == 0 and ("`ethtool -K veth0 rxvlan off`" in done.stderr) == (setting == "on"), done.stderr)


def main():
    weft = sys.argv[1]
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        print("not root, or no network namespaces")
        return SKIPPED
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    for line in [f"link add veth0 type veth peer name eth0 netns {holder.pid}", "link set veth0 up"]:
        subprocess.run(["ip", *line.split()], check=True)
    for line in ["addr add 10.0.0.2/24 dev eth0", "link set eth0 up"]:
        subprocess.run(["nsenter", f"--net=/proc/{holder.pid}/ns/net", "ip", *line.split()], check=True)
    with tempfile.TemporaryDirectory() as tmp:
        os.environ["XDG_RUNTIME_DIR"] = tmp
        for name, text in LABS.items():
            try_lab(weft, holder.pid, name, text, pathlib.Path(tmp))
        try_missing(weft, pathlib.Path(tmp))
        try_mtu(weft, pathlib.Path(tmp))
        try_tags(weft, pathlib.Path(tmp))
    holder.stdin.close()
    holder.wait()
    return n_failed != 0


sys.exit(main())
