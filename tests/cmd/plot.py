#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft plot` and `weft up --trace`: pictures of a lab and of a trace, and what is said and left when something fails.

usage: plot.py WEFT    (prints ok and not ok lines)
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LAB = """\
nodes:
  a: { interfaces: { eth0: 10.0.0.1/24 }, apps: [ bulk: { to: b, time: 3s } ] }
  b: { interfaces: { eth0: 10.0.0.2/24 }, services: [ discard ] }
links:
  - { between: a:eth0 -- b:eth0, rate: 10mbit, delay: 10ms, queue: 40kB }
"""
n_failed = 0


def check(what, good, why=""):
    global n_failed
    n_failed += not good
    print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f": {why}"), flush=True)


def check_trace(weft, lab, trace):
    """The trace has what is needed."""
    subprocess.run([weft, "up", "--sim", "--for", "4s", "--trace", trace, lab], check=True, stdout=subprocess.DEVNULL)
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    tcp = [e for e in events if e["event"] == "tcp" and e["stack"] == "a"]
    queue = [e for e in events if e["event"] == "queue"]
    check("a trace has figures of connections and queues", len(tcp) > 500 and len(queue) > 500 and
          {e["event"] for e in events} == {"tcp", "queue"}, (len(tcp), len(queue)))
    check("figures of a connection make sense", all(
        e["una"] <= e["nxt"] and e["cwnd"] >= 1448 and e["flight"] <= e["nxt"] - e["una"] for e in tcp))
    check("so do those of a queue", max(e["waiting"] for e in queue) in range(20, 28) and
          {e["if"] for e in queue} == {"eth0"}, max(e["waiting"] for e in queue))


def check_pictures(plot, lab, trace, out):
    """What gnuplot makes of it."""
    if not shutil.which("gnuplot"):
        print("ok - plot: pictures # SKIP there is no gnuplot")
        return
    done = plot(lab, "--for", "4s", "-o", out / "a.svg")
    svg = (out / "a.svg").read_text() if (out / "a.svg").exists() else ""
    check("draws a lab file as SVG", done.returncode == 0 and not done.stderr and "</svg>" in svg, done.stderr)
    check("panels are cwnd, rtt and queue", all(t in svg for t in ("cwnd", "ssthresh", "smoothed round trip", "a:eth0")))
    done = plot(trace, "--what", "cwnd,flight,seq,rate", "--from", "1s", "--to", "2s", "-o", out / "a.PNG")
    png = (out / "a.PNG").read_bytes() if (out / "a.PNG").exists() else b""
    check("draws a trace as PNG", done.returncode == 0 and not done.stderr and png.startswith(b"\x89PNG"), done.stderr)
    done = plot(trace, "-o", out / "b.svg")
    names = re.findall(r">[^<]*(a:\d+(?:&gt;|>)9)", svg)
    check("the trace's picture is that of the lab", names and names[0] in (out / "b.svg").read_text(), names)


def check_refusals(plot, lab, trace, out):
    """What is wrong is said, and nothing is left."""
    (out / "old.svg").write_text("old")
    before = sorted(out.iterdir())
    for argv, status, word, what in (
            ([lab, "-o", out / "a.gif"], 2, ".svg or .png", "another kind of picture is refused"),
            ([lab], 2, "usage", "without a picture there is nothing to do"),
            ([lab, "-o", out / "old.svg", "--what", "cwmd"], 2, "did you mean cwnd", "an unknown quantity is refused"),
            ([lab, "-o", out / "old.svg", "--for", "3"], 2, "--for 3", "a time without a unit is refused"),
            ([trace, "-o", out / "old.svg", "--flow", "nobody"], 1, "a:", "an unknown flow is refused, others are named"),
            ([trace, "-o", out / "old.svg", "--from", "50s"], 1, "nothing happened", "an empty time is refused"),
            ([out / "none.yaml", "-o", out / "old.svg"], 2, "none.yaml", "a file that is not there is refused"),
            ([out / "bad.trace", "-o", out / "old.svg"], 1, "no trace events", "what is no trace is refused")):
        if what.startswith("what is no"):
            (out / "bad.trace").write_text("{\n" * 20)
        done = plot(*argv)
        check(what, done.returncode == status and word in done.stderr, (done.returncode, done.stderr))
    (out / "bad.trace").unlink()
    done = plot(trace, "-o", out / "old.svg", env={"PATH": "/nowhere"})
    check("without gnuplot it says what to install", done.returncode == 1 and "gnuplot-nox" in done.stderr, done.stderr)
    check("what was there stays, and nothing comes besides", sorted(out.iterdir()) == before and
          (out / "old.svg").read_text() == "old", sorted(out.iterdir()))


def main():
    """The command line."""
    weft = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="weft-plot-") as tmp:
        out = pathlib.Path(tmp)
        lab, trace = out / "lab.yaml", out / "lab.trace"
        lab.write_text(LAB)

        def plot(*argv, **kw):
            return subprocess.run([weft, "plot", *map(str, argv)], capture_output=True, text=True, timeout=60,
                                  check=False, **kw)

        check_trace(weft, lab, trace)
        check_pictures(plot, lab, trace, out)
        check_refusals(plot, lab, trace, out)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
