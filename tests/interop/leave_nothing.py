#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""However a lab ends, nothing of it is left: no process, namespace, TAP, socket or file.

usage: leave_nothing.py WEFT [N]      ends a lab N times (10), at moments drawn at random

Prints a line `ok - NAME` or `not ok - NAME` a case; WEFT_TEST_SEED=SEED repeats the first one.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

from leftovers import Trial

WEFT = str(pathlib.Path(sys.argv[1]).resolve())
N = int(sys.argv[2]) if len(sys.argv) > 2 else 10

LAB = """
lab: leave
nodes:
  a: { kind: kernel, interfaces: { eth0: { address: 10.0.0.1/24 } } }
  b: { kind: kernel, interfaces: { eth0: { address: 10.0.0.2/24 } } }
  s: { kind: switch }
  w:
    interfaces: { eth0: { address: 10.0.0.3/24 } }
    services: [ { http: { port: 80, files: { /f: { size: 100MB } } } }, { echo: { port: 7 } } ]
links: [ "a:eth0 -- s:p1", "b:eth0 -- s:p2", "w:eth0 -- s:p3" ]
"""
# Takes long enough to come up for somebody to kill what starts it.
LARGE = "lab: leave\nnodes:\n" + "".join(f"  k{i}: {{ kind: kernel }}\n" for i in range(150))
STUBBORN = "curl -s -o /dev/null http://w/f & (trap '' HUP INT TERM; sleep 100) & trap '' HUP INT TERM; sleep 100"
LABS = [
    ["up", "lab.yaml"],
    ["up", "lab.yaml", "--report"],
    ["run", "lab.yaml", "-n", "a", "--", "sleep", "100"],
    ["run", "lab.yaml", "-n", "b", "--", "sh", "-c", STUBBORN],
]
CLIENTS = [
    ["exec", "-n", "a", "--", "sleep", "100"],
    ["exec", "-n", "b", "--", "sh", "-c", STUBBORN],
    ["rpc", "lab.info"],
    ["ls"],
    ["down"],
]
# SIGINT ends `weft run` only when it comes from somebody else than the terminal, as here.
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGQUIT]


def start(trial, argv):
    return subprocess.Popen([WEFT, *argv], cwd=trial.folder, env=trial.env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)) # nohup's is inherited


def wait(process, what):
    """Waits for the end of a process; what is wrong, or None."""
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"{what} itself, after 30 s"
    return None


def has_children(pid):
    try:
        return bool(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text())
    except OSError:
        return True  # it has ended, or this kernel does not tell


def end_detached(rng):
    """The same for a lab in the background: whoever starts it is killed as soon as it has forked, or the
    lab when it is up."""
    sig = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    while_it_comes_up = rng.random() < 0.5
    with Trial(WEFT) as trial:
        trial.write("lab.yaml", LARGE if while_it_comes_up else LAB)
        starter = start(trial, ["up", "-d", "lab.yaml"])
        if while_it_comes_up:
            while starter.poll() is None and not has_children(starter.pid):
                pass
            starter.send_signal(sig)
        wrong = wait(starter, "weft up -d")
        how = f"{sig.name} to `weft up -d` while it came up"
        if starter.returncode == 0:
            how = f"{sig.name} to what `weft up -d` has left"
            trial.look()
            labs = subprocess.run([WEFT, "ls", "--json"], env=trial.env, capture_output=True, text=True, check=True)
            time.sleep(rng.uniform(0, 0.1))
            for lab in json.loads(labs.stdout):
                os.kill(lab["pid"], sig)
        return how, ([wrong] if wrong else []) + trial.rest()


def end_once(rng):
    """Starts a lab and perhaps clients of it, ends it at a random moment. Returns how, and what is left."""
    argv = rng.choice(LABS)
    clients = rng.choices(CLIENTS, k=rng.choice([0, 0, 1, 2]))
    sig = rng.choice(SIGNALS)
    how = f"{sig.name} to `weft {argv[0]}`" + "".join(f", `weft {c[0]}`" for c in clients)
    with Trial(WEFT) as trial:
        trial.write("lab.yaml", LAB)
        lab = start(trial, argv)
        if clients:
            time.sleep(rng.uniform(0, 0.4))
        running = [start(trial, c) for c in clients]
        time.sleep(rng.uniform(0, 0.4))
        trial.look()
        lab.send_signal(sig)
        if rng.random() < 0.3:  # while it is going down
            time.sleep(rng.uniform(0, 0.03))
            lab.kill()
        wrong = [wait(lab, "weft")] + [wait(p, f"weft {c[0]}") for p, c in zip(running, clients)]
        return how, [w for w in wrong if w] + trial.rest()


def main():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    n_failed = 0
    first = int(os.environ.get("WEFT_TEST_SEED", time.time_ns()))
    for i in range(N):
        rng = random.Random(first + i)
        how, rest = end_detached(rng) if rng.random() < 0.2 else end_once(rng)
        n_failed += bool(rest)
        print(f"{'not ok' if rest else 'ok'} - nothing is left, seed {first + i}: {how}", *rest, sep="\n  ", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
