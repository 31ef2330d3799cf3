#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A lab in which no address and no route is written, seen from a kernel node: its addresses, routes and names are
those that `weft check --plan` prints, and everybody can be reached by name.

usage: lab_assigned.py WEFT    (prints ok and not ok lines)

Everything runs in namespaces that weft makes.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LAB = """
routing: auto
defaults:
  weft: { services: [ echo ] }
nodes:
  core: { forwarding: true }
  r: { forwarding: true, count: 2 }
  lan: { kind: switch, count: 2, prefix: 10.1.0.0/24 }
  h: { count: 4 }
  pc: { kind: kernel, count: 2 }
  kr: { kind: kernel, forwarding: true }
  far: { hosts: { myself: far } }
  six: { kind: kernel, gateway: none }
  six2: { kind: kernel, forwarding: true, gateway: none }
links:
  - { between: core:r -- r:up, prefix: 10.0.0.0/30 }
  - r:lan -- lan
  - h:eth0 -- lan
  - pc:eth0 -- lan
  - { between: kr:up -- core:kr, prefix: 10.2.0.0/30 }
  - { between: kr:down -- far:eth0, prefix: 10.3.0.0/24 }
  - { between: six:eth0 -- six2:eth0, prefix: "2001:db8:7::/64" }
hosts:
  www.example.org: h4
  core: 10.2.0.1
"""
# What pc2 runs: words about itself, then one line for each name that answers.
SCRIPT = """ip -br -4 addr show dev eth0 | awk '{print "addr", $3}'
ip route | sed 's/^/route /'
for name in core r1 r2 h1 h2 h3 h4 pc1 kr far www.example.org; do
    getent hosts $name | awk '{print "name", $2, $1}'
    ping -c 3 -i 0.2 -W 3 -q $name >/dev/null && echo reach $name
done
exit 0
"""
n_failed = 0


def check(what, good, why=""):
    global n_failed
    n_failed += not good
    print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f": {why}"), flush=True)


def main():
    weft = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="weft-assigned-") as tmp:
        lab = pathlib.Path(tmp) / "assigned.yaml"
        lab.write_text(LAB)
        env = {**os.environ, "XDG_RUNTIME_DIR": tmp}
        os.chmod(tmp, 0o700)

        def run(*argv):
            return subprocess.run([weft, *argv], capture_output=True, text=True, timeout=120, env=env, check=False)

        plan = run("check", "--plan", str(lab)).stdout
        node = plan[plan.index("\npc2 ("):].split("\n")
        done = run("run", str(lab), "-n", "pc2", "--", "sh", "-c", SCRIPT)
        said = done.stdout.splitlines()
        check("a program runs", done.returncode == 0 and said, done.stderr)
        addr = re.search(r"eth0 (\S+)", node[2]).group(1)
        check("its address is that of the plan", f"addr {addr}" in said and addr == "10.1.1.4/24", (addr, said))
        via = re.search(r"default via (\S+)", node[3]).group(1)
        check("its default route is that of the plan", any(f"route default via {via} " in line for line in said), said)
        names = dict(line.split()[1:] for line in said if line.startswith("name "))
        want = {"r2": "10.0.0.6", "h4": "10.1.1.3", "www.example.org": "10.1.1.3", "pc1": "10.1.0.4", "kr": "10.2.0.2",
                "far": "10.3.0.2", "core": "10.2.0.1"}
        check("names stand for addresses, and hosts win over nodes", all(names.get(k) == v for k, v in want.items()),
              names)
        reached = {line.split()[1] for line in said if line.startswith("reach ")}
        check("everybody can be reached", len(reached) == 11, f"only {sorted(reached)}")
        done = run("run", str(lab), "-n", "six", "--", "sh", "-c",
                   "ping -6 -c 3 -i 0.2 -W 3 -q six2 >/dev/null && ip -6 route show default")
        check("kernel nodes get IPv6 addresses from a prefix", done.returncode == 0, done.stderr)
        check("gateway: none keeps the default route away", not done.stdout.strip(), done.stdout)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
