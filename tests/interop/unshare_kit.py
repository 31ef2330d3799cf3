# SPDX-License-Identifier: MIT
"""An ordinary user on a machine of the test's own: network and mount namespaces with a loopback, /dev/net/tun
that users may open, ping sockets for all, and servers on the loopback. What the tests of gateways share.

A case is a function of a World; run_cases() is a test's main().
"""
import http.server
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

USER = 54321  # has no name, no home, no files
CASE_S = 60  # no case takes as long

# $D is the folder of the test. The process stays, as the machine, until its input ends.
MACHINE = """
set -e
mount -t tmpfs -o mode=0755 none "$D/net"
mknod "$D/net/tun" c 10 200 && chmod 0666 "$D/net/tun"
mount --bind "$D/net" /dev/net
ip link set lo up
sysctl -qw net.ipv4.ping_group_range='0 2147483647'
echo ready
read line
"""


class Failed(Exception):
    """A case did not see what it expected."""


class Skipped(Exception):
    """A case cannot run here: why."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def need(*programs):
    """Leaves the case out where one of them is not installed."""
    for name in programs:
        if not shutil.which(name):
            raise Skipped(f"{name} is not installed")


def eventually(what, test, seconds=10):
    end = time.monotonic() + seconds
    while not test():
        expect(time.monotonic() < end, f"not in {seconds} s: {what}")
        time.sleep(0.05)


class Hello(http.server.BaseHTTPRequestHandler):
    """Says hello, or as many bytes as the path asks for."""

    def do_GET(self):  # noqa: N802
        text = self.path[1:]
        body = b"x" * int(text) if text.isdigit() else f"hello from {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class World:
    """The machine, and a folder that the user owns."""

    def __init__(self, weft, folder):
        self.folder = folder
        for name in "net", "run", "bin", "home":
            (folder / name).mkdir(mode=0o755)
        for name in "run", "home":
            os.chown(folder / name, USER, USER)
        (folder / "run").chmod(0o700)
        shutil.copy(weft, folder / "bin/weft")  # the source tree may be closed to others
        (folder / "bin/weft").chmod(0o755)
        (folder / "bin/slirp4netns").symlink_to("weft")
        self.weft = str(folder / "bin/weft")
        self.slirp4netns = str(folder / "bin/slirp4netns")
        self.env = {**os.environ, "D": str(folder), "HOME": str(folder / "home"), "SHELL": "/bin/sh",
                    "XDG_RUNTIME_DIR": str(folder / "run"), "PATH": f"{folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.machine = subprocess.Popen(["unshare", "--mount", "--net", "sh", "-c", MACHINE], env=self.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(self.machine.stdout.readline() == "ready\n", "the machine could not be set up")
        self.started = []

    def enter(self, *argv, user=True):
        """The command line that runs something on the machine."""
        me = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all"]
        return ["nsenter", "-t", str(self.machine.pid), "-m", "-n", "--", *(me if user else []), *map(str, argv)]

    def run(self, *argv, status=0, user=True, timeout=60, stdin="", **kw):
        done = subprocess.run(self.enter(*argv, user=user), env=self.env, cwd="/", input=stdin, text=True,
                              capture_output=True, timeout=timeout, check=False, **kw)
        if status is not None:
            expect(done.returncode == status, f"{' '.join(map(str, argv))}: {done.returncode}: "
                   f"{done.stdout}{done.stderr}")
        return done

    def start(self, *argv, user=True, **kw):
        """Starts something that stop() ends at the latest."""
        p = subprocess.Popen(self.enter(*argv, user=user), env=self.env, cwd="/", text=True, **kw)
        self.started.append(p)
        return p

    def on_machine(self, fn):
        """Calls fn in a thread that is in the machine's network namespace; returns what it returns."""
        out = []

        def main():
            with open(f"/proc/{self.machine.pid}/ns/net", encoding="ascii") as ns:
                setns(ns.fileno())
            try:
                out.append(fn())
            except OSError as e:
                out.append(e)
        t = threading.Thread(target=main)
        t.start()
        t.join()
        if isinstance(out[0], OSError):
            raise out[0]
        return out[0]

    def http_server(self, address="127.0.0.1"):
        """A server on the machine; returns its port."""
        def make():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            kind = type("Server", (Server,), {"address_family": family})
            return kind((address, 0), Hello)
        server = self.on_machine(make)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.started.append(server)
        return server.server_address[1]

    def connect(self, port, address="127.0.0.1"):
        return self.on_machine(lambda: socket.create_connection((address, port), timeout=10))

    def unshare(self, *argv, **kw):
        return self.run(self.weft, "unshare", *argv, **kw)

    def processes(self):
        """PIDs of everything in the machine's mount namespace or below, but the machine itself: what a case
        has left. They are known by the folder in their environment."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) in (os.getpid(), self.machine.pid):
                continue
            try:
                if f"D={self.folder}\0".encode() in (entry / "environ").read_bytes():
                    if (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                        found.append(int(entry.name))
            except OSError:
                pass
        return found

    def expect_nothing_left(self, seconds=5):
        end = time.monotonic() + seconds
        while self.processes() and time.monotonic() < end:
            time.sleep(0.05)
        left = self.processes()
        expect(not left, f"processes are left: {[pathlib.Path(f'/proc/{p}/cmdline').read_text() for p in left]}")
        sockets = sorted(p.name for p in (self.folder / "run").rglob("*.sock"))
        expect(not sockets, f"sockets are left: {sockets}")

    def stop(self):
        for one in self.started:
            if isinstance(one, Server):
                one.shutdown()
                one.server_close()
            elif one.poll() is None:
                one.send_signal(signal.SIGTERM)
                try:
                    one.wait(10)
                except subprocess.TimeoutExpired:
                    one.kill()
                    one.wait()
        self.machine.stdin.close()
        self.machine.wait()


def gateway_pid(w):
    """The process that has a filter of system calls."""
    for pid in w.processes():
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            if "Seccomp:\t2" in f.read():
                return pid
    return 0


def expect_no_rights(pid):
    """No capability in any set, nothing to be gained by an exec, an empty root, a filter, and no file but the TAP and a device of nothing."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        status = f.read()
    for line in (*(f"Cap{which}:\t0000000000000000" for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")), "NoNewPrivs:\t1", "Seccomp:\t2"):
        expect(line in status, f"no {line!r} in {status}")
    expect(os.listdir(f"/proc/{pid}/root") == [], "its root is not empty")
    for fd in os.listdir(f"/proc/{pid}/fd"):
        what = os.readlink(f"/proc/{pid}/fd/{fd}")
        expect(int(fd) < 3 or what.startswith(("socket:", "pipe:", "anon_inode:")) or what.endswith(("/net/tun", "/dev/null")), f"descriptor {fd} is {what}")


def setns(fd):
    """os.setns() is Python 3.12's."""
    import ctypes  # pylint: disable=import-outside-toplevel
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0):
        raise OSError(ctypes.get_errno(), "setns")


def too_late(_signo, _frame):
    raise Failed("the case takes too long")


def run_cases(cases):
    weft = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    if os.geteuid():
        print("needs root, to become another user")
        sys.exit(77)
    n_failed = 0
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="weft-test-") as name:
            os.chmod(name, 0o755)
            w = World(weft, pathlib.Path(name))
            signal.signal(signal.SIGALRM, too_late)
            signal.alarm(CASE_S)
            try:
                case(w)
                w.stop()
                w.expect_nothing_left()
                print(f"ok - {case.__name__}", flush=True)
            except Skipped as e:
                print(f"ok - {case.__name__} # SKIP {e}", flush=True)
                w.stop()
            except Exception as e:  # pylint: disable=broad-exception-caught
                n_failed += 1
                print(f"not ok - {case.__name__}\n{type(e).__name__}: {e}", flush=True)
                w.stop()
            finally:
                signal.alarm(0)
                for pid in w.processes():
                    os.kill(pid, signal.SIGKILL)
    sys.exit(n_failed > 0)
