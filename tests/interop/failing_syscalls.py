#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every system call of a lab that comes up, runs a program and goes down is made to fail, one by one.
Each time: no crash, no hang, a message when weft fails, and nothing left after the next `weft ls`.

usage: failing_syscalls.py WEFT [STEP [NAME...]]      every STEP-th call (1: all), of the named system calls

The n-th call of each process fails: of weft's, of the node's, of the program's. Needs strace. Prints a line
`ok - NAME` or `not ok - NAME` a system call.
"""
import collections
import os
import pathlib
import re
import subprocess
import sys

from leftovers import Trial

WEFT = str(pathlib.Path(sys.argv[1]).resolve())
STEP = int(sys.argv[2]) if len(sys.argv) > 2 else 1
NAMES = sys.argv[3:]
HANGS_S = 20

LAB = """
lab: syscalls
nodes:
  a: { kind: kernel, interfaces: { eth0: { address: 10.0.0.1/24 } }, routes: [default via 10.0.0.2] }
  s: { kind: switch }
  w:
    forwarding: true
    interfaces: { eth0: { address: 10.0.0.2/24 } }
    services: [ { http: { port: 80, root: ., files: { /f: { size: 1MB } } } }, { echo: { port: 7 } } ]
links: [ "a:eth0 -- s:p1", "w:eth0 -- s:p2" ]
"""
ARGV = [WEFT, "run", "lab.yaml", "--report", "--pcap", ".", "-n", "a", "--", "true"]
# They cannot fail so. (close() frees the descriptor whatever it returns; under strace it would not.)
CANNOT_FAIL = {"brk", "close", "exit", "exit_group", "futex", "restart_syscall", "rt_sigreturn"}
ERRORS = ["ENOMEM", "EPERM"]
WAITS = {"connect", "epoll_pwait2", "flock", "openat", "poll", "read", "recvfrom", "recvmsg", "sendmsg",
         "sendto", "wait4", "write"}  # a signal can interrupt these
MAIN = re.compile(r'^(\d+) +openat\(AT_FDCWD, "/dev/null", O_RDWR\)', re.M)  # the first thing that weft does


def strace(trial, *options):
    """Runs the lab under strace; returns status (None: it hangs), messages, the trace."""
    trace = trial.folder / "trace"
    argv = ["strace", "-f", "-qq", "-o", trace, *options, *ARGV]
    with subprocess.Popen(argv, cwd=trial.folder, env=trial.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as p:
        try:
            out, _ = p.communicate(timeout=HANGS_S)
        except subprocess.TimeoutExpired:
            for pid in trial.pids():
                os.kill(pid, 9)
            return None, p.communicate()[0], trace.read_text()
    return p.returncode, out.split("-- what happened in")[0].strip(), trace.read_text()


def most_of_a_process(trace):
    """How often each system call is made, by the process that makes it most often."""
    most = {}
    for (_, name), n in collections.Counter(re.findall(r"^(\d+) +([a-z_0-9]+)\(", trace, re.M)).items():
        most[name] = max(n, most.get(name, 0))
    return most


def calls():
    """For each system call: how often it is made, and how often by the loader, before main()."""
    with Trial(WEFT) as trial:
        trial.write("lab.yaml", LAB)
        trial.files |= {"trace", "syscalls.pcapng"}
        status, out, trace = strace(trial)
        if status:
            print(f"not ok - without a failure\nstatus {status}: {out}")
            sys.exit(1)
    loader = most_of_a_process(trace[:MAIN.search(trace).start()])
    return {name: (n, loader.get(name, 0)) for name, n in sorted(most_of_a_process(trace).items())
            if name not in CANNOT_FAIL}


def fail_once(name, n, error, is_loaders):
    """What is wrong when the n-th call of `name` fails; None: all is well."""
    with Trial(WEFT) as trial:
        trial.write("lab.yaml", LAB)
        trial.files |= {"trace", "syscalls.pcapng"}
        # The trace also has every start and end of a program, for the messages below.
        status, out, trace = strace(trial, "--seccomp-bpf", f"--trace={name}",
                                    f"--inject={name}:error={error}:when={n}")
        wrong = []
        if status is None:
            wrong.append("it hangs")
        elif re.search(r"killed by SIG(SEGV|ABRT|BUS|ILL|FPE|TRAP)", trace) and not is_loaders:
            wrong.append(f"a crash, status {status}")
        elif status > 0 and not out and name != "write":  # which the message needs
            wrong.append(f"status {status} without a word")
        elif status == 0 and out:
            wrong.append("status 0 in spite of a message")
        wrong += trial.rest()
        if wrong:
            return f"{error} from call {n} of {name}: " + "; ".join(wrong) + f"\n    {out[:500]}"
    return None


def main():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("/dev/net/tun cannot be opened")
        sys.exit(77)
    if b"__asan_init" in pathlib.Path(WEFT).read_bytes():
        print("weft is sanitized: the sanitizers' own system calls must not fail")
        sys.exit(77)
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"]).returncode:
        print("strace may not trace here")
        sys.exit(77)
    n_failed = i = 0
    for name, (n_calls, n_loaders) in calls().items():
        if NAMES and name not in NAMES:
            continue
        wrong = []
        n_tried = 0
        for n in range(2 if name == "execve" else 1, n_calls + 1):  # the first execve is strace's own
            for error in ERRORS + (["EINTR"] if name in WAITS else []):
                i += 1
                if i % STEP == 0:
                    n_tried += 1
                    wrong.append(fail_once(name, n, error, n <= n_loaders))
        wrong = [w for w in wrong if w]
        n_failed += len(wrong)
        if n_tried:
            print(f"{'not ok' if wrong else 'ok'} - {name}, {n_tried} failures", *wrong, sep="\n  ", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
