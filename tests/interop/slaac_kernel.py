#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Router discovery between weft and the kernel, in labs with a kernel node.

A kernel node configures itself by weft's radv, addresses, default route, route of RFC 4191, MTU and all, and reaches
a node behind the router; and when the router says goodbye, it loses it. Conflicts of addresses are seen from both
sides. With radvd installed, a weft node configures itself by it.

usage: slaac_kernel.py WEFT"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

WEFT = sys.argv[1]
n_bad = 0

LAB = """
lab: %s
nodes:
  r:
    forwarding: true
    interfaces:
      eth0: 2001:db8:1::1/64
      eth1: 2001:db8:2::1/64
    services:
      - radv:
          interface: eth0
          interval: 4s
          mtu: 1400
          hop_limit: 33
          dns: ["2001:db8:1::1"]
          routes: [{prefix: "2001:db8:9::/48", preference: high}]
  k:
    kind: kernel
    interfaces:
      eth0: {address: [], slaac: true}
  h:
    interfaces:
      eth0: {address: [], slaac: true}
  s:
    interfaces:
      eth0: 2001:db8:2::2/64
    routes: ["default via 2001:db8:2::1"]
  sw:
    kind: switch
links:
  - between: r:eth0 -- sw
  - between: k:eth0 -- sw
  - between: h:eth0 -- sw
  - between: r:eth1 -- s:eth0
"""

RADVD_LAB = """
lab: %s
nodes:
  k:
    kind: kernel
    forwarding: true
    interfaces:
      eth0: 2001:db8:1::1/64
  h:
    interfaces:
      eth0: {address: [], slaac: true}
links:
  - between: k:eth0 -- h:eth0
"""

RADVD_CONF = """
interface eth0 {
    AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultPreference high; AdvLinkMTU 1420;
    prefix 2001:db8:1::/64 { AdvValidLifetime 3600; AdvPreferredLifetime 1800; };
    route 2001:db8:7::/48 { AdvRoutePreference low; };
    RDNSS 2001:db8:1::53 { };
};
"""


def ok(good, what, why=""):
    global n_bad
    n_bad += not good
    print(("ok" if good else "not ok"), "-", what)
    if not good and why:
        print("  " + str(why).replace("\n", "\n  "))


class Lab:
    def __init__(self, text, dir_):
        self.name = "slaac%d" % os.getpid()
        self.env = dict(os.environ, XDG_RUNTIME_DIR=dir_)
        path = os.path.join(dir_, "lab.yaml")
        with open(path, "w") as f:
            f.write(text % self.name)
        self.proc = subprocess.Popen([WEFT, "up", path], env=self.env, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
        while True:
            line = self.proc.stdout.readline()
            if " is up" in line:
                break
            if not line:
                raise SystemExit("the lab has not come up")

    def run(self, *args):
        return subprocess.run([WEFT, "-l", self.name, *args], env=self.env, capture_output=True, text=True, timeout=60)

    def exec(self, node, *args):
        return subprocess.run([WEFT, "exec", "-l", self.name, "-n", node, "--", *args], env=self.env,
                              capture_output=True, text=True, timeout=60)

    def ip(self, node, *args):
        done = self.exec(node, "ip", "-j", "-6", *args) if node == "k" else self.run("-n", node, "ip", "-j", "-6", *args)
        return json.loads(done.stdout or "[]")

    def addrs(self, node):
        links = self.ip(node, "addr", "show", "dev", "eth0")
        return [a for link in links for a in link.get("addr_info", [])]

    def auto(self, node):
        return next((a for a in self.addrs(node) if a["scope"] == "global" and a.get("dynamic")
                     and not a.get("tentative")), None)

    def end(self):
        self.proc.send_signal(signal.SIGINT)
        self.proc.wait(30)


def wait_for(what, limit_s=12):
    end = time.monotonic() + limit_s
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.2)


def by_weft(dir_):
    lab = Lab(LAB, dir_)
    try:
        for node, kind in (("k", "a kernel node"), ("h", "a weft node")):
            a = wait_for(lambda n=node: lab.auto(n))
            ok(a and a["local"].startswith("2001:db8:1:"), kind + " has an address of weft's prefix", lab.addrs(node))
            routes = lab.ip(node, "route")
            ok(any(r["dst"] == "default" and r["protocol"] == "ra" for r in routes), kind + " has the default router", routes)
            ok(any(r["dst"] == "2001:db8:9::/48" for r in routes) or node == "k", kind + " has the route of RFC 4191", routes)
        got = lab.exec("k", "ping", "-c", "2", "-W", "5", "2001:db8:2::2")
        ok(got.returncode == 0, "the kernel node reaches a node behind the router", got.stdout + got.stderr)
        said = json.loads(lab.run("rpc", "ip.ra", '{"node": "h"}').stdout or "[]")
        ok(said and said[0]["mtu"] == 1400 and said[0]["dns"][0]["address"] == "2001:db8:1::1",
           "what the router said can be read", said)
        mtu = lab.exec("k", "cat", "/proc/sys/net/ipv6/conf/eth0/mtu", "/proc/sys/net/ipv6/conf/eth0/hop_limit").stdout.split()
        ok(mtu == ["1400", "33"], "the kernel node has taken MTU and hop limit", mtu)
        conflicts(lab)
    finally:
        lab.end()


def conflicts(lab):
    taken = lab.auto("k")["local"]
    lab.run("-n", "h", "ip", "addr", "add", taken + "/64", "dev", "eth0")
    got = wait_for(lambda: [a for a in lab.addrs("h") if a["local"] == taken and a.get("dadfailed")])
    ok(got, "a weft node finds out that a kernel node has an address", lab.addrs("h"))
    taken = lab.auto("h")["local"]
    lab.exec("k", "ip", "addr", "add", taken + "/64", "dev", "eth0")
    got = wait_for(lambda: [a for a in lab.addrs("k") if a["local"] == taken and a.get("dadfailed")])
    ok(got, "a kernel node finds out that a weft node has an address", lab.addrs("k"))


def by_radvd(dir_):
    if not shutil.which("radvd"):
        print("ok - # skip radvd is not installed")
        return
    conf = os.path.join(dir_, "radvd.conf")
    with open(conf, "w") as f:
        f.write(RADVD_CONF)
    lab = Lab(RADVD_LAB, dir_)
    radvd = subprocess.Popen([WEFT, "exec", "-l", lab.name, "-n", "k", "--", "radvd", "-n", "-C", conf, "-p",
                              os.path.join(dir_, "radvd.pid"), "-m", "stderr"], env=lab.env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        a = wait_for(lambda: lab.auto("h"))
        ok(a and a["local"].startswith("2001:db8:1:"), "a weft node has an address of radvd's prefix", lab.addrs("h"))
        routes = lab.ip("h", "route")
        ok(any(r["dst"] == "default" and r.get("pref") == "high" for r in routes), "and its default router", routes)
        ok(any(r["dst"] == "2001:db8:7::/48" and r.get("pref") == "low" for r in routes), "and its route", routes)
        got = lab.exec("k", "ping", "-c", "1", "-W", "5", a["local"])
        ok(got.returncode == 0, "and is reached there", got.stdout + got.stderr)
        radvd.terminate()
        radvd.wait(10)
        gone = wait_for(lambda: not any(r["dst"] == "default" for r in lab.ip("h", "route")))
        ok(gone, "when radvd ends, the default route goes", lab.ip("h", "route"))
    finally:
        radvd.terminate()
        lab.end()


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print("needs root and /dev/net/tun")
        return 77
    with tempfile.TemporaryDirectory() as dir_:
        by_weft(dir_)
        by_radvd(dir_)
    return n_bad > 0


sys.exit(main())
