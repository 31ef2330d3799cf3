#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft graph`: the text for dot, pictures of every good lab file and example, and what is said and left when
something fails.

usage: graph.py WEFT    (prints ok and not ok lines)
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HOME = ROOT / "examples/home.yaml"
n_failed = 0


def check(what, good, why=""):
    global n_failed
    n_failed += not good
    print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f": {why}"), flush=True)


def main():
    weft = sys.argv[1]
    out = pathlib.Path(tempfile.mkdtemp(prefix="weft-graph-"))

    def graph(*argv, **kw):
        return subprocess.run([weft, "graph", *map(str, argv)], capture_output=True, text=True, timeout=60,
                              check=False, **kw)

    done = graph(HOME)
    check("prints text for dot", done.returncode == 0 and done.stdout.startswith('graph "home" {'), done.stderr)
    check("routers, hosts and switches have shapes of their own", all(
        f'"{name}" [shape={shape}' in done.stdout
        for name, shape in {"isp": "ellipse", "laptop": "box, style=\"rounded", "switch": "box, style=filled"}.items()),
        done.stdout)
    check("addresses and shapes of links are there", all(
        text in done.stdout for text in ("192.168.1.10/24", "203.0.113.2/30", "50mbit 10ms loss 0.05%")), done.stdout)

    files = sorted([*(ROOT / "tests/lab/good").glob("*.yaml"), *(ROOT / "examples").glob("**/*.yaml")])
    for path in files:
        done = graph(path, "-o", out / "a.svg")
        svg = (out / "a.svg").read_text() if (out / "a.svg").exists() else ""
        if done.returncode or done.stderr or "</svg>" not in svg:
            check(f"draws {path.name}", False, done.stderr)
    check(f"draws {len(files)} files as SVG", len(files) >= 8)
    done = graph("-o", out / "a.PNG", HOME)
    png = (out / "a.PNG").read_bytes() if (out / "a.PNG").exists() else b""
    check("draws a PNG", done.returncode == 0 and png.startswith(b"\x89PNG"), done.stderr)
    check("pictures have the mode of other files", (out / "a.PNG").stat().st_mode & 0o777 == 0o666 & ~os.umask(0o022))

    done = graph(ROOT / "tests/lab/good/every-key.yaml")
    check("interfaces of the machine are boxes of their own", all(text in done.stdout for text in (
        '"host:enp1s0" [shape=box', '"sw2" -- "host:enp1s0" [tooltip="sw2:out -- enp1s0"]',
        "<b>enp2s0</b><br/><font point-size=\"9\">of the machine, xdp</font>", '"r1" -- "host:enp2s0"', "nic 10.77.0.1/24")),
        done.stdout)

    small = ROOT / "tests/lab/good/small.yaml"
    check("copies at one switch are one node", "h1 &#8211; h4" in graph(small).stdout and
          '"h3"' not in graph(small).stdout)
    check("--all draws each", '"h3"' in graph("--all", small).stdout)

    (out / "old.svg").write_text("old")
    before = sorted(out.iterdir())
    done = graph(HOME, "-o", out / "old.svg", env={"PATH": "/nowhere"})
    check("without dot it says what to install", done.returncode == 1 and "install Graphviz" in done.stderr,
          done.stderr)
    fake = out / "bin"
    fake.mkdir()
    (fake / "dot").write_text("#!/bin/sh\necho half\necho broken >&2\nexit 3\n")
    (fake / "dot").chmod(0o755)
    done = graph(HOME, "-o", out / "old.svg", env={"PATH": f"{fake}:/bin:/usr/bin"})
    check("when dot fails it says so", done.returncode == 1 and "dot failed (status 3)" in done.stderr, done.stderr)
    (fake / "dot").unlink()
    fake.rmdir()
    done = graph(HOME, "-o", out / "home.gif")
    check("another kind of picture is refused", done.returncode == 2 and ".svg or .png" in done.stderr, done.stderr)
    done = graph(HOME, "-o", out / "no/such.svg")
    check("a directory that is not there is an error", done.returncode == 1 and "No such file" in done.stderr,
          done.stderr)
    done = graph(ROOT / "tests/lab/bad/several.yaml", "-o", out / "old.svg")
    check("a wrong lab file is refused with its places", done.returncode == 2 and "several.yaml:7:28:" in done.stderr,
          done.stderr)
    check("what was there stays, and nothing comes besides", sorted(out.iterdir()) == before and
          (out / "old.svg").read_text() == "old", sorted(out.iterdir()))
    for path in out.iterdir():
        path.unlink()
    out.rmdir()
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
