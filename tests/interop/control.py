#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Labs that run, from outside: up, ls, exec, link, node, addr, down, and the control socket itself.

usage: control.py WEFT [CASE...]

Everything runs in namespaces that weft makes, and its sockets in a directory that goes with the
test. Prints a line `ok - NAME` or `not ok - NAME` a case.
"""
import concurrent.futures
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

WEFT = str(pathlib.Path(sys.argv[1]).resolve())

LAB = """
lab: {name}
nodes:
  pc: {{ kind: kernel, interfaces: {{ eth0: {{ address: {net}.10/24 }} }} }}
  sw: {{ kind: switch }}
  srv: {{ interfaces: {{ eth0: {{ address: {net}.1/24 }} }} }}
links:
  - pc:eth0 -- sw:p1
  - sw:p2 -- srv:eth0
"""


class Failed(Exception):
    """A case did not see what it expected."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


class World:
    """A folder with a runtime directory, in which the labs of one case live."""

    def __init__(self, folder):
        self.folder = folder
        self.run_dir = folder / "run"
        self.run_dir.mkdir(mode=0o700)
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(self.run_dir)}

    def weft(self, *argv, status=0, stdin="", timeout=60):
        """Runs weft, expects its exit status (None: any); returns it with .stdout and .stderr."""
        done = subprocess.run([WEFT, *argv], input=stdin, capture_output=True, text=True,
                              timeout=timeout, env=self.env)
        if status is not None:
            expect(done.returncode == status,
                   f"weft {' '.join(argv)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def file(self, name="one", net="10.1.1", text=LAB):
        path = self.folder / f"{name}.yaml"
        path.write_text(text.format(name=name, net=net))
        return str(path)

    def up(self, name="one", net="10.1.1"):
        self.weft("up", "-d", self.file(name, net))

    def socket_path(self, name="one"):
        return self.run_dir / "weft" / f"{name}.sock"

    def pid(self, name="one"):
        return json.loads(self.weft("-l", name, "rpc", "lab.info").stdout)["pid"]

    def ping(self, where, to, *options):
        """Round trip times in ms of the echos that came back."""
        done = self.weft(*options, "exec", "-n", where, "--", "ping", "-n", "-c", "3", "-i", "0.2",
                         "-W", "1", to, status=None)
        return [float(t) for t in re.findall(r"time=([0-9.]+) ms", done.stdout)]

    def popen(self, *argv, **kw):
        return subprocess.Popen([WEFT, *argv], env=self.env, text=True, **kw)

    def sockets(self):
        folder = self.run_dir / "weft"
        return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def gone(pid, seconds=5):
    """Whether the process ends in time; who should collect it is not our affair."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def rpc(world, text, name="one"):
    """Sends bytes to the socket and says no more; returns the messages that come back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(str(world.socket_path(name)))
        s.sendall(text if isinstance(text, bytes) else text.encode())
        s.shutdown(socket.SHUT_WR)
        got = b""
        while piece := s.recv(65536):
            got += piece
    return [json.loads(line) for line in got.splitlines()]


# ---- labs ------------------------------------------------------------------------------------

def two_labs_run_side_by_side(w):
    w.up("one", "10.1.1")
    w.up("two", "10.2.2")
    out = w.weft("ls").stdout
    expect([line.split()[0] for line in out.splitlines()] == ["LAB", "one", "two"], out)
    labs = json.loads(w.weft("--json", "ls").stdout)
    expect([(lab["name"], lab["nodes"], lab["links"]) for lab in labs] == [("one", 3, 2), ("two", 3, 2)],
           str(labs))
    expect(all(lab["file"] == str(w.folder / f"{lab['name']}.yaml") for lab in labs), str(labs))
    err = w.weft("link", status=2).stderr
    expect("several labs are running: one, two" in err and "-l" in err, err)
    expect("did you mean `two`" in w.weft("-l", "tow", "link", status=1).stderr, "no suggestion")
    for name, net in ("one", "10.1.1"), ("two", "10.2.2"):
        addrs = w.weft("-l", name, "exec", "-n", "pc", "--", "ip", "-br", "addr").stdout
        expect(f"{net}.10/24" in addrs, addrs)
        expect(len(w.ping("pc", f"{net}.1", "-l", name)) == 3, f"lab {name} does not ping")
    expect(not w.ping("pc", "10.2.2.1", "-l", "one"), "one lab reaches the other")
    pid = w.pid("one")
    expect("one is down" in w.weft("down", "-l", "one").stdout, "down says nothing")
    expect(gone(pid, 0.1), "down returned before the lab's process had ended")
    expect("sw:p1" in w.weft("link").stdout, "-l is needed with one lab")
    w.weft("down", "--all")
    expect(w.weft("ls").stdout == "" and w.sockets() == [], "something is left")


def name_in_use_is_refused_and_another_is_not(w):
    w.up()
    done = w.weft("up", "-d", w.file(), status=1)
    expect("a lab `one` is running" in done.stderr and "--name" in done.stderr, done.stderr)
    w.weft("up", "-d", "--name", "other", w.file())
    expect(len(json.loads(w.weft("ls", "--json").stdout)) == 2, "the second lab is not there")
    expect("is not the name of a lab" in w.weft("up", "--name", "A B", w.file(), status=2).stderr, "name")


def background_start_tells_what_is_wrong(w):
    bad = w.folder / "bad.yaml"
    bad.write_text("lab: bad\nnodes: { a: { kind: kernle } }\n")
    expect("bad.yaml:2:" in w.weft("up", "-d", str(bad), status=2).stderr, "no error of the file")
    expect("--report" in w.weft("up", "-d", "--report", w.file(), status=2).stderr, "-d --report")
    expect(w.weft("ls").stdout == "", "a lab runs")


def lab_in_the_background_keeps_nothing_of_who_started_it(w):
    read_end, write_end = os.pipe()
    subprocess.run([WEFT, "up", "-d", w.file()], env=w.env, pass_fds=[write_end], timeout=60, check=True,
                   stdout=subprocess.DEVNULL)
    os.close(write_end)
    expect(select.select([read_end], [], [], 5)[0] and os.read(read_end, 1) == b"", "the pipe is open in the lab")
    os.close(read_end)
    w.weft("down")


def no_lab_is_said_so(w):
    for argv in (["link"], ["down"], ["exec", "-n", "pc", "true"], ["rpc", "lab.info"]):
        expect("no lab is running" in w.weft(*argv, status=1).stderr, " ".join(argv))
    w.weft("down", "--all")


def lab_of_weft_run_can_be_looked_at(w):
    p = w.popen("run", w.file(), "-n", "pc", "--", "sleep", "60")
    for _ in range(200):
        if w.weft("ls").stdout:
            break
        time.sleep(0.05)
    expect(len(w.ping("pc", "10.1.1.1")) == 3, "exec in the lab of weft run")
    err = w.weft("node", "del", "pc", status=1).stderr
    expect("runs in pc" in err, err)
    w.weft("node", "del", "srv")
    w.weft("down")
    expect(p.wait(10) == 128 + signal.SIGTERM, f"weft run ended with {p.returncode}")


def killed_lab_is_swept_away_by_the_next_command(w):
    for command in (["ls"], ["link"], ["up", "-d", w.file()]):
        w.up()
        pid = w.pid()
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        expect(children, "the kernel node has no process")
        os.kill(pid, signal.SIGKILL)
        expect(all(gone(p) for p in [pid, *children]), "a process is left")
        expect(w.sockets() == ["one.sock"], str(w.sockets()))
        w.weft(*command, status=None)
        expect(w.sockets() == (["one.sock"] if command[0] == "up" else []), f"{command}: {w.sockets()}")
    w.up("two", "10.2.2")
    pid = w.pid("one")
    os.kill(pid, signal.SIGKILL)
    expect(gone(pid), "it lives on")
    w.weft("-l", "two", "link")
    expect(w.sockets() == ["two.sock"], f"a command for another lab: {w.sockets()}")
    w.weft("down")


def signals_end_a_lab_in_order(w):
    for signo in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
        w.up()
        pid = w.pid()
        os.kill(pid, signo)
        expect(gone(pid), f"signal {signo} does not end it")
        expect(w.sockets() == [], f"signal {signo}: {w.sockets()}")


def capture_that_cannot_be_written_is_a_failure(w):
    link = w.folder / "full.pcapng"
    link.symlink_to("/dev/full")
    done = w.weft("up", "--for", "300ms", "--pcap", str(link), w.file(), status=1)
    expect("No space left" in done.stderr, done.stderr)


# ---- exec ------------------------------------------------------------------------------------

def exec_is_transparent(w):
    w.up()
    run = lambda *argv, **kw: w.weft("exec", "-n", "pc", "--", *argv, **kw)
    expect(run("cat", stdin="a\0b\n").stdout == "a\0b\n", "stdin and stdout")
    expect(run("sh", "-c", "echo out; echo err >&2").stderr == "err\n", "stderr")
    expect(run("pwd").stdout.strip() == os.getcwd(), "directory")
    expect(run("hostname").stdout.strip() == "pc", "host name")
    expect(run("getent", "hosts", "srv").stdout.split()[0] == "10.1.1.1", "names")
    expect(run("printf", "%s|", "-n", "--", "a b", "").stdout == "-n|--|a b||", "arguments")
    for script, status in (("exit 42", 42), ("kill -TERM $$", 143), ("kill -KILL $$", 137)):
        run("sh", "-c", script, status=status)
    expect("No such file" in run("/no/such", status=127).stderr, "127")
    expect("Permission denied" in run("/etc/passwd", status=126).stderr, "126")
    expect("1\n" in run("sh", "-c", "cat /proc/1/comm >/dev/null && echo 1").stdout, "/proc")
    expect(run("sh", "-c", "ls /proc/self/fd | wc -l").stdout.strip() == "4", "descriptors are left open")


def exec_where_it_cannot_be_is_explained(w):
    w.up()
    err = w.weft("exec", "-n", "srv", "true", status=2).stderr
    expect("srv is not of kind kernel" in err, err)
    expect("did you mean `pc`" in w.weft("exec", "-n", "pd", "true", status=2).stderr, "pd")
    expect("usage" in w.weft("exec", "true", status=2).stderr, "without -n")


def fifty_programs_at_once(w):
    w.up()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        jobs = [pool.submit(w.weft, "exec", "-n", "pc", "--", "sh", "-c", f"sleep 0.2; exit {i}",
                            status=None) for i in range(50)]
        for i, job in enumerate(jobs):
            expect(job.result().returncode == i, f"{i}: {job.result()}")


def signals_to_exec_reach_the_program(w):
    w.up()
    for signo in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        p = w.popen("exec", "-n", "pc", "--", "sh", "-c",
                    f"trap 'echo got; exit 7' {int(signo)}; echo ready; while :; do sleep 0.1; done",
                    stdout=subprocess.PIPE)
        expect(p.stdout.readline() == "ready\n", "not started")
        p.send_signal(signo)
        expect(p.communicate(timeout=10)[0] == "got\n" and p.returncode == 7, f"signal {signo}")


def keys_of_the_terminal_are_the_programs(w):
    w.up()
    pid, tty = pty.fork()
    if pid == 0:
        os.execvpe(WEFT, [WEFT, "exec", "-n", "pc", "--", "sh", "-c",
                          "trap 'echo caught; exit 9' INT; test -t 0 && echo tty; sleep 20"], w.env)
    seen = b""
    while b"tty" not in seen:
        seen += os.read(tty, 1000)
    time.sleep(0.3)
    os.write(tty, b"\x03")
    # One read gives one write's worth: the echoed ^C alone, when the answer comes a moment later.
    try:
        while chunk := os.read(tty, 1000):
            seen += chunk
    except OSError:
        pass  # EIO: the last program on the terminal has ended
    os.close(tty)
    _, status = os.waitpid(pid, 0)
    expect(b"caught" in seen and os.waitstatus_to_exitcode(status) == 9, f"{seen}: {status}")


def program_ends_with_the_lab(w):
    w.up()
    p = w.popen("exec", "-n", "pc", "--", "sleep", "60")
    time.sleep(0.5)
    w.weft("down")
    expect(p.wait(5) == 137, f"exit status {p.returncode}")


AS_USER = """
set -e
mount -t tmpfs -o mode=0755 none "$D"
mknod $D/tun c 10 200 && chmod 0666 $D/tun
mount --bind "$D" /dev/net
exec setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=-all "$@"
"""


def ordinary_user_can_do_all_of_it(w):
    def run(*argv):
        return subprocess.run(["unshare", "--mount", "sh", "-c", AS_USER, "sh", WEFT, *argv], cwd="/",
                              capture_output=True, text=True, timeout=30,
                              env={**w.env, "D": str(w.folder / "net")})
    for path in w.folder, w.run_dir:
        os.chown(path, 54321, 54321)
    (w.folder / "net").mkdir()
    done = run("up", "-d", w.file())
    if done.returncode and "user namespaces" in done.stderr:
        return
    expect(done.returncode == 0, done.stderr)
    try:
        done = run("exec", "-n", "pc", "--", "sh", "-c",
                   "id -u; ping -c1 -W1 10.1.1.1 >/dev/null && echo pong")
        expect(done.stdout == "0\npong\n", done.stdout + done.stderr)
        done = run("node", "add", "k", "kind", "kernel", "link", "pc", "addr", "10.3.3.1/24")
        expect(done.returncode == 0, done.stderr)
        done = run("exec", "-n", "pc", "--", "getent", "hosts", "k")
        expect("10.3.3.1" in done.stdout, done.stdout + done.stderr)
        done = run("exec", "-n", "pc", "--", "ip", "link", "show", "eth1")
        expect("state" in done.stdout, done.stdout + done.stderr)
    finally:
        expect(run("down").returncode == 0, "down")


# ---- changes ---------------------------------------------------------------------------------

def links_change_while_packets_flow(w):
    w.up()
    expect(len(w.ping("pc", "10.1.1.1")) == 3, "no ping")
    w.weft("link", "set", "pc-sw", "delay", "30ms")
    times = w.ping("pc", "10.1.1.1")
    expect(len(times) == 3 and all(60 <= t < 90 for t in times), str(times))
    w.weft("link", "set", "pc->sw", "delay", "0")
    times = w.ping("pc", "10.1.1.1")
    expect(len(times) == 3 and all(30 <= t < 60 for t in times), str(times))
    w.weft("link", "set", "sw:p1", "delay", "0", "loss", "100%")
    expect(not w.ping("pc", "10.1.1.1"), "100% loss lets something through")
    w.weft("link", "set", "pc:eth0--sw:p1", "loss", "0")
    expect(len(w.ping("pc", "10.1.1.1")) == 3, "no ping after the loss")
    w.weft("link", "set", "pc-sw", "down")
    expect(" down " in w.weft("link").stdout and not w.ping("pc", "10.1.1.1"), "down")
    w.weft("link", "set", "pc-sw", "up")
    expect(len(w.ping("pc", "10.1.1.1")) == 3, "no ping after up")


def what_link_prints_can_be_set(w):
    w.up()
    w.weft("link", "set", "pc->sw", "rate", "10mbit", "delay", "5ms", "jitter", "1ms", "loss", "0.25%",
           "duplicate", "1%", "corrupt", "0.0001%", "reorder", "2%", "reorder_delay", "3us", "queue", "64KiB")
    before = w.weft("link").stdout
    line = next(x for x in before.splitlines() if "pc:eth0->" in x).split()
    expect(len(line) == 19, str(line))
    w.weft("link", "set", "pc->sw", "rate", "unlimited", "delay", "0", "loss", "0", "queue", "5")
    w.weft("link", "set", *line)
    expect(w.weft("link").stdout == before, before + w.weft("link").stdout)


def wrong_changes_of_links_are_refused_whole(w):
    w.up()
    before = w.weft("link").stdout
    for words, text in (
            (["pc-sw", "loss", "5"], "% sign"),
            (["pc-sw", "delay", "5ms", "loss", "101%"], "loss"),
            (["pc-sw", "los", "5%"], "did you mean `loss`"),
            (["pc-sw", "delay"], "needs a value"),
            (["pc-srv", "delay", "1ms"], "no link"),
            (["pc-swx", "delay", "1ms"], "did you mean `pc-sw`"),
            (["pc->sw", "down"], "both directions"),
            (["pc-sw"], "usage")):
        err = w.weft("link", "set", *words, status=2).stderr
        expect(text in err, f"{words}: {err}")
    expect(w.weft("link").stdout == before, "something has changed")


def nodes_come_and_go(w):
    w.up()
    w.weft("node", "add", "tab", "link", "sw", "addr", "10.1.1.20/24", "delay", "10ms")
    times = w.ping("pc", "tab")
    expect(len(times) == 3 and min(times) >= 20, str(times))
    w.weft("node", "add", "pc2", "kind", "kernel", "link", "sw:port", "dev", "lan", "addr", "10.1.1.21/24")
    expect(len(w.ping("pc2", "tab")) == 3 and len(w.ping("pc", "pc2")) == 3, "the new nodes do not ping")
    shown = w.weft("node").stdout
    expect("pc2 kernel\n  lan 10.1.1.21/24 -- sw:port" in shown, shown)
    w.weft("node", "add", "far", "link", "srv", "addr", "10.9.9.2/24", "via", "10.9.9.1")
    w.weft("addr", "add", "10.9.9.1/24", "dev", "eth1", "-n", "srv")
    out = w.weft("-n", "srv", "ip", "-br", "addr").stdout
    expect("10.9.9.1/24" in out, out)
    w.weft("node", "del", "far")
    expect("eth1" not in w.weft("-n", "srv", "ip", "-br", "addr").stdout, "its interface is left")
    pid = json.loads(w.weft("rpc", "node.info", '{"node": "pc2"}').stdout)["pid"]
    w.weft("node", "del", "pc2")
    expect(gone(pid), "the process of the node is left")
    expect(not w.ping("pc", "10.1.1.21") and len(w.ping("pc", "tab")) == 3, "the wrong node has gone")
    w.weft("exec", "-n", "pc", "--", "getent", "hosts", "pc2", status=2)


def switch_is_replaced_under_its_hosts(w):
    w.up()
    w.weft("-n", "srv", "ip", "route", "add", "10.7.0.0/16", "via", "10.1.1.10")
    routes = w.weft("-n", "srv", "ip", "route").stdout
    w.weft("node", "del", "sw")
    expect(not w.ping("pc", "10.1.1.1"), "without the switch")
    w.weft("node", "add", "sw", "kind", "switch", "link", "pc:eth0", "link", "srv:eth0")
    expect(len(w.ping("pc", "10.1.1.1")) == 3, "with the new switch")
    expect(w.weft("-n", "srv", "ip", "route").stdout == routes, "routes are not what they were")


def interface_of_a_running_kernel_node_comes_and_goes(w):
    w.up()
    w.weft("node", "add", "peer", "link", "pc", "addr", "10.4.4.1/24")
    w.weft("addr", "add", "10.4.4.2/24", "dev", "eth1", "-n", "pc")
    expect(len(w.ping("pc", "10.4.4.1")) == 3, "no ping over the new interface")
    w.weft("node", "del", "peer")
    expect("eth1" not in w.weft("-n", "pc", "ip", "-br", "link").stdout, "its interface is left")


def wrong_nodes_are_refused_whole(w):
    w.up()
    before = w.weft("node").stdout + w.weft("link").stdout
    for words, status, text in (
            (["pc", "link", "sw", "addr", "10.1.1.9/24"], 1, "has a node pc"),
            (["a b", "link", "sw"], 2, "name of a node"),
            (["n", "link", "sx", "addr", "10.1.1.9/24"], 2, "did you mean `sw`"),
            (["n", "link", "sw:p1", "addr", "10.1.1.9/24"], 1, "has a link already"),
            (["n", "link", "sw", "addr", "10.1.1.10/24"], 1, "address of node pc"),
            (["n", "link", "sw", "addr", "10.1.1.300/24"], 2, "10.1.1.300"),
            (["n", "link", "sw", "addr", "10.1.1.9/24", "los", "5%"], 2, "loss"),
            (["n", "link", "sw", "addr", "10.1.1.9/24", "via", "10.2.2.2"], 2, "10.2.2.2"),
            (["n", "addr", "10.1.1.9/24"], 2, "belongs to a link"),
            (["n", "kind", "kernle", "link", "sw"], 2, "kernel"),
            (["n", "link"], 2, "needs a value")):
        err = w.weft("node", "add", *words, status=status).stderr
        expect(text in err, f"{words}: {err}")
    w.weft("node", "del", "pcc", status=2)
    expect(w.weft("node").stdout + w.weft("link").stdout == before, "something has changed")


def hundred_nodes_come_and_go(w):
    w.up()
    call = lambda i, method, params: json.dumps({"jsonrpc": "2.0", "id": i, "method": method,
                                                 "params": params}) + "\n"
    add = "".join(call(i, "node.add", {
        "name": f"n{i}", "node": {"interfaces": {"eth0": {"address": f"10.1.1.{i + 100}/24"}}},
        "links": [{"to": "sw"}]}) for i in range(100))
    for _ in range(3):
        answers = rpc(w, add)
        expect(len(answers) == 100 and all("result" in a for a in answers), str(answers[-1]))
        expect(len(w.ping("pc", "10.1.1.199")) == 3, "the last one does not answer")
        answers = rpc(w, "".join(call(i, "node.del", [f"n{i}"]) for i in range(100)))
        expect(len(answers) == 100 and all("result" in a for a in answers), str(answers[-1]))
    expect(w.weft("node").stdout.count("10.1.1.") == 2, "nodes are left")


# ---- the socket ------------------------------------------------------------------------------

def socket_speaks_json_rpc(w):
    w.up()
    expect(w.socket_path().stat().st_mode & 0o777 == 0o600, "mode of the socket")
    expect(w.socket_path().parent.stat().st_mode & 0o777 == 0o700, "mode of the directory")
    answer, = rpc(w, '{"jsonrpc": "2.0", "id": 1, "method": "lab.info"}')
    expect(answer["result"]["name"] == "one" and answer["id"] == 1, str(answer))
    answer, = rpc(w, '[{"jsonrpc": "2.0", "id": 1, "method": "lab.info"}, {"jsonrpc": "2.0", "id": "x", '
                     '"method": "node.inof"}, 7]')
    expect([("error" in a, a["id"]) for a in answer] == [(False, 1), (True, "x"), (True, None)], str(answer))
    answer, = rpc(w, b"\xff\xfe junk\n")
    expect(answer["error"]["code"] == -32700, str(answer))
    answer, = rpc(w, b"[" * 100000)
    expect(answer["error"]["code"] == -32700, str(answer))
    done = w.weft("rpc", "node.info", '["srv"]')
    expect(json.loads(done.stdout)["kind"] == "weft", done.stdout)
    w.weft("rpc", "node.info", '{"node": "srv"', status=2)
    w.weft("rpc", "node.info", '{"node": "zzz"}', status=1)
    methods = {m["name"] for m in json.loads(w.weft("rpc", "rpc.list").stdout)}
    listed = {line.split()[0] for line in w.weft("rpc", "--list").stdout.splitlines()}
    # What a gateway answers besides is listed, and a lab that is none does not have it.
    expect(methods == {m for m in listed if not m.startswith("gateway.")}, str(methods ^ listed))


def tools_end_when_their_node_goes(w):
    w.up()
    p = w.popen("-n", "srv", "ping", "10.1.1.10", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect("PING" in p.stdout.readline(), "ping has not started")
    p.stdout.readline()
    w.weft("node", "del", "srv")
    err = p.communicate(timeout=10)[1]
    expect("removed" in err and p.returncode, f"{p.returncode}: {err}")


def traceroute_ends_its_line_when_its_node_goes(w):
    w.up()
    p = w.popen("-n", "srv", "traceroute", "10.1.1.77", stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
    expect(p.stdout.read(10) == "traceroute", "it has not started")
    w.weft("node", "del", "srv")
    out, err = p.communicate(timeout=10)
    expect("removed" in err and out.endswith("\n"), f"{out!r} {err!r}")


def flood_client(client):
    """Has packets for it until it says something; false when it has not asked for any."""
    with client, client.makefile("r") as lines:
        line = lines.readline()
        request = json.loads(line) if line else {"method": ""}
        if request["method"] == "node.info":
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"kind": "weft"}}
            client.sendall(json.dumps(answer).encode() + b"\n")
        if request["method"] != "dump.start":
            return False
        note = {"jsonrpc": "2.0", "method": "dump.packets",
                "params": {"id": request["id"], "packets": []}}
        burst = (json.dumps(note).encode() + b"\n") * 10000
        while not select.select([client], [], [], 0)[0]:
            client.sendall(burst)
        answer = {"jsonrpc": "2.0", "id": request["id"],
                  "error": {"code": -32003, "message": "cancelled"}}
        client.sendall(json.dumps(answer).encode() + b"\n")
        return True


def flooding_lab(path):
    """A lab that looks like one, and has packets all the time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.bind(str(path))
        s.listen()
        while True:
            client = s.accept()[0]
            client.settimeout(30)
            try:
                if flood_client(client):
                    return
            except OSError:
                return  # it was killed


def interrupt_is_heard_in_a_flood_of_packets(w):
    w.socket_path().parent.mkdir(mode=0o700)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        lab = pool.submit(flooding_lab, w.socket_path("flood"))
        time.sleep(0.2)
        p = w.popen("-l", "flood", "-n", "srv", "dump", stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE)
        time.sleep(0.5)
        p.send_signal(signal.SIGINT)
        try:
            p.communicate(timeout=10)
        finally:
            p.kill()
            lab.result()


def output_that_cannot_be_written_is_a_failure(w):
    w.up()
    for words in (["ls"], ["node"], ["-n", "srv", "ss", "-s"], ["schema"],
                  ["check", w.file()]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            p = w.popen(*words, stdout=full, stderr=subprocess.PIPE)
            err = p.communicate(timeout=30)[1]
        expect(p.returncode == 1 and "No space left" in err, f"{words}: {p.returncode}: {err}")
    p = w.popen("up", "--sim", "--for", "1s", "--report", w.file(text=LAB.replace("kernel", "weft")),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    err = p.stderr.read()
    expect(p.wait(timeout=30) == 0 and not err, f"a reader that goes: {p.returncode}: {err}")


def packets_are_traced_along_the_links_of_now(w):
    path = w.file(text="lab: one\nnodes:\n  a: {{ interfaces: {{ eth0: 10.0.0.1/24 }} }}\n"
                       "  b: {{ interfaces: {{ eth0: 10.0.0.2/24 }} }}\nlinks: [ a:eth0 -- b:eth0 ]\n")
    w.weft("up", "-d", path)
    w.weft("node", "del", "a")
    w.weft("node", "add", "c", "link", "b:eth0", "addr", "10.0.0.3/24")
    w.weft("-n", "c", "traceroute", "-q", "1", "b")
    drops = json.loads(w.weft("why", "--reason", "UDP_NO_PORT", "--json").stdout)
    expect(drops[0]["hops"][0] == {"hop": "stack", "node": "c"}, str(drops[0]["hops"]))


def directory_that_cannot_be_is_said_so(w):
    run_dir = w.run_dir / ("d" * 120)
    run_dir.mkdir(mode=0o700)
    w.env["XDG_RUNTIME_DIR"] = str(run_dir)
    for words in (["ls"], ["node"], ["down", "--all"], ["up", w.file()]):
        done = w.weft(*words, status=1)
        expect("File name too long" in done.stderr, f"{words}: {done.stderr}")


def lab_that_is_stopped_is_not_waited_for_for_ever(w):
    w.up()
    pid = w.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        done = w.weft("down", status=1)
        expect("has not ended" in done.stderr, done.stderr)
    finally:
        os.kill(pid, signal.SIGCONT)
    expect(gone(pid), "it has not heard it afterwards")


CASES = [
    two_labs_run_side_by_side,
    name_in_use_is_refused_and_another_is_not,
    background_start_tells_what_is_wrong,
    lab_in_the_background_keeps_nothing_of_who_started_it,
    no_lab_is_said_so,
    lab_of_weft_run_can_be_looked_at,
    killed_lab_is_swept_away_by_the_next_command,
    signals_end_a_lab_in_order,
    capture_that_cannot_be_written_is_a_failure,
    exec_is_transparent,
    exec_where_it_cannot_be_is_explained,
    fifty_programs_at_once,
    signals_to_exec_reach_the_program,
    keys_of_the_terminal_are_the_programs,
    program_ends_with_the_lab,
    ordinary_user_can_do_all_of_it,
    links_change_while_packets_flow,
    what_link_prints_can_be_set,
    wrong_changes_of_links_are_refused_whole,
    nodes_come_and_go,
    switch_is_replaced_under_its_hosts,
    interface_of_a_running_kernel_node_comes_and_goes,
    wrong_nodes_are_refused_whole,
    hundred_nodes_come_and_go,
    socket_speaks_json_rpc,
    tools_end_when_their_node_goes,
    traceroute_ends_its_line_when_its_node_goes,
    interrupt_is_heard_in_a_flood_of_packets,
    output_that_cannot_be_written_is_a_failure,
    packets_are_traced_along_the_links_of_now,
    directory_that_cannot_be_is_said_so,
    lab_that_is_stopped_is_not_waited_for_for_ever,
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
            world = World(pathlib.Path(folder))
            try:
                case(world)
                print(f"ok - {case.__name__}", flush=True)
            except (Failed, subprocess.TimeoutExpired, OSError) as e:
                n_failed += 1
                print(f"not ok - {case.__name__}\n{e}", flush=True)
            world.weft("down", "--all", status=None)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
