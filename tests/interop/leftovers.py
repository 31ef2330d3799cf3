# SPDX-License-Identifier: MIT
"""Finds what a lab has left behind: processes, network namespaces, devices, sockets, files.

What a test starts it starts in a Trial, whose mark is in the environment of every process that comes
of it, so that processes are found whoever their parent is by then.
"""
import os
import pathlib
import subprocess
import tempfile
import time
import uuid

GONE_S = 5  # so long may the kernel take to tear namespaces down


def network_namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None


def all_pids():
    return [int(e) for e in os.listdir("/proc") if e.isdigit()]


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Trial:
    """A temporary folder for a lab, with a run-time directory of its own, and what comes of it."""

    def __init__(self, weft):
        self.weft = weft
        self.mark = f"WEFT_TEST_TRIAL={uuid.uuid4()}"
        self.spaces = set()  # network namespaces that were seen
        self.devices = set(os.listdir("/sys/class/net"))
        self.temporary = tempfile.TemporaryDirectory(prefix="weft-test-")
        self.folder = pathlib.Path(self.temporary.name)
        self.run = self.folder / "run"
        self.run.mkdir(mode=0o700)
        self.env = {**os.environ, **dict([self.mark.split("=")]), "XDG_RUNTIME_DIR": str(self.run)}
        self.files = set()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for pid in self.pids():  # a failed test leaves nothing, either
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.temporary.cleanup()

    def write(self, name, text):
        (self.folder / name).write_text(text)
        self.files.add(name)

    def pids(self):
        """The processes of the trial."""
        found = []
        for pid in all_pids():
            try:
                if self.mark.encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.append(pid)
            except OSError:
                pass
        return [pid for pid in found if is_alive(pid)]

    def look(self):
        """Remembers the namespaces that are there now."""
        ours = network_namespace("self")
        self.spaces |= {network_namespace(pid) for pid in self.pids()} - {ours, None}

    def left_over(self):
        """What is still there, in words."""
        rest = [f"process {pid}" for pid in self.pids()]
        rest += [f"namespace {s}" for s in self.spaces & {network_namespace(pid) for pid in all_pids()}]
        rest += [f"device {d}" for d in set(os.listdir("/sys/class/net")) - self.devices]
        rest += [f"file {f}" for f in self.folder.rglob("*")
                 if not f.is_dir() and str(f.relative_to(self.folder)) not in self.files]
        return rest

    def ls(self):
        """`weft ls`, which cleans up; what is wrong with it, or None."""
        try:
            done = subprocess.run([self.weft, "ls"], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=20)
        except subprocess.TimeoutExpired:
            return "`weft ls` hangs"
        if done.returncode or done.stdout or done.stderr:
            return f"`weft ls`, status {done.returncode}: {done.stdout}{done.stderr}"
        return None

    def rest(self):
        """What is left after the next `weft ls`, in words; empty when all is gone."""
        end = time.monotonic() + GONE_S
        while self.pids() and time.monotonic() < end:
            time.sleep(0.02)
        wrong = self.ls()
        while (rest := self.left_over()) and time.monotonic() < end:
            time.sleep(0.05)
        return ([wrong] if wrong else []) + rest
