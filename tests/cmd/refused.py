#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Wrong lab files, as the user of `weft up` meets them: refused with file, line and column, with status 2, at once, and
nothing is left behind. All of tests/lab/bad, and files that are too large, too deep or no text at all.

usage: refused.py WEFT    (prints ok and not ok lines)
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

BAD = pathlib.Path(__file__).resolve().parent.parent / "lab/bad"
AT_LEAST = 60
SECONDS = 20  # for one file, under sanitizers on a busy machine
n_failed = 0


def check(what, good, why=""):
    global n_failed
    n_failed += not good
    print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f": {why}"), flush=True)


def expected(path):
    """The messages that a file of tests/lab/bad announces."""
    lines = [line[len("# expect "):] for line in path.read_text().splitlines() if line.startswith("# expect ")]
    return [f"{path}:{line}" for line in lines]


def children():
    """Processes of ours that are still there: a lab's are our descendants or have no parent left."""
    found = set()
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"WEFT_TEST_REFUSED=1" in (proc / "environ").read_bytes().split(b"\0"):
                found.add(proc.name)
        except OSError:
            continue
    return found


class World:
    def __init__(self, weft):
        self.weft = os.path.abspath(weft)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weft-refused-"))
        self.run_dir = self.dir / "run"
        self.run_dir.mkdir(mode=0o700)
        self.work = self.dir / "work"
        self.work.mkdir()
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(self.run_dir), "TMPDIR": str(self.work),
                    "WEFT_TEST_REFUSED": "1"}

    def up(self, path, *argv):
        return subprocess.run([self.weft, "up", str(path), "--for", "1s", *argv], capture_output=True, cwd=self.work,
                              env=self.env, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)

    def left(self):
        files = [str(p) for p in self.dir.rglob("*") if p not in (self.run_dir, self.work)]
        return files + [f"process {pid}" for pid in children()]


def wrong(done, first):
    """Why this is not the refusal that it should be, or nothing."""
    text = done.stderr.decode(errors="replace")
    if done.returncode != 2:
        return f"status {done.returncode}: {text[-300:]}"
    return "" if text.startswith(first) else f"says {text[:300]!r}, not {first!r}"


def check_table(world):
    n, why = 0, []
    for path in sorted(BAD.glob("*.yaml")):
        lines = expected(path)
        if all(": warning: " in line for line in lines):
            continue
        done = world.up(path)
        n += 1
        text = done.stderr.decode(errors="replace")
        reason = wrong(done, lines[0])
        if not reason and not all(line in text for line in lines):
            reason = f"lacks some of {lines}"
        if reason:
            why.append(f"{path.name}: {reason}")
    check(f"{n} wrong files are refused with file, line and column", not why, "; ".join(why))
    check(f"there are at least {AT_LEAST}", n >= AT_LEAST)
    check("they leave nothing", not world.left(), world.left())


def hostile():
    """name, content, how the message goes on behind the file's name"""
    noise = random.Random(7).randbytes(200000)
    bomb = b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 12))
    return [
        ("empty", b"", ":1:1: the file is empty"),
        ("10-megabytes", b"nodes: {}\n" * 1000000, ": the file has 10000000 bytes"),
        ("deep", b"[" * 500000, ":1:33: nested more than 32 deep"),
        ("deep-blocks", b"".join(b" " * i + b"a:\n" for i in range(400)), ":33:33: nested more than 32 deep"),
        ("bomb", bomb, ":6:"),
        ("elf", b"\x7fELF\x02\x01\x01" + noise, ":1:1: control character 0x7f"),
        ("noise", noise, ":1:"),
        ("utf-16", "nodes: {a: {}}".encode("utf-16"), ":1:1: the file is UTF-16"),
        ("zeros", bytes(100000), ":1:1: control character 0x00"),
        ("long-line", b"nodes: {a: \"" + b"x" * 900000 + b"\"}", ":1:12: nodes.a: "),
        ("many-nodes", b"nodes:\n" + b"".join(b"  n%d: {count: 10000}\n" % i for i in range(50)), ":7:15: nodes.n5.count: "),
        ("many-errors", b"nodes: {a: {}}\nlinks:\n" + b"- 7\n" * 50000, ":3:3: links[0]: "),
    ]


def check_hostile(world):
    files = world.dir / "files"
    files.mkdir()
    for name, content, message in hostile():
        path = files / f"{name}.yaml"
        path.write_bytes(content)
        start = time.monotonic()
        done = world.up(path)
        reason = wrong(done, f"{path}{message}")
        check(f"{name} is refused", not reason, reason)
        check(f"{name} is refused at once, in few words", time.monotonic() - start < SECONDS / 2 and
              len(done.stderr) < 40000, f"{time.monotonic() - start:.1f} s, {len(done.stderr)} bytes")
    for path, message in [(files / "missing.yaml", ": cannot open the file: No such file"),
                          (files, ": cannot read the file: Is a directory"), ("/dev/zero", ": the file has more than")]:
        reason = wrong(world.up(path), f"{path}{message}")
        check(f"{pathlib.Path(path).name} is refused", not reason, reason)
    shutil.rmtree(files)
    check("none of these leaves anything", not world.left(), world.left())


def check_json(world):
    path = BAD / "several.yaml"
    done = subprocess.run([world.weft, "--json", "check", str(path)], capture_output=True, text=True, env=world.env,
                          timeout=SECONDS, check=False)
    found = json.loads(done.stdout)
    lines = [f"{path}:{m['line']}:{m['column']}: {m['message']}" for m in found["messages"]]
    check("weft --json check says the same", done.returncode == 2 and not done.stderr and lines == expected(path) and
          found["errors"] == len(lines) and found["good"] is False, found)


def main():
    world = World(sys.argv[1])
    try:
        check_table(world)
        check_hostile(world)
        check_json(world)
    finally:
        shutil.rmtree(world.dir)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
