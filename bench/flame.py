#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Draws where the time of a figure goes: a flame graph, by perf.

usage: bench/flame.py [--build DIR] [--seconds S] -o FILE.svg FIGURE

Each box is a function, as wide as the share of samples in which it was on the stack; above it stand those that it
called. Needs linux-perf, and perf events to be allowed (kernel.perf_event_paranoid); samples are taken by the clock where the
machine has no counters. Exits with 0; 1 when a run failed; 77 without perf. The pictures of doc/performance.md
are made by `bench/flame.py -o doc/img/flame-FIGURE.svg FIGURE`.
"""
import argparse
import html
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CANNOT = 77
HERTZ = 997
STACK_BYTES = 4096
WIDTH, ROW, CHAR = 900, 16, 6.2
LEAST = 0.006  # of all samples: a narrower box is left out
ROOT_FN = "meter_run"  # what is below it, every figure has
FILLS = ["#f4c67a", "#f0b45c", "#f6d08c", "#eda94a"]


class Failed(Exception):
    """Something that the user is told in one line."""


class Box:
    def __init__(self, name):
        self.name, self.n, self.above = name, 0, {}

    def depth(self, least):
        return 1 + max((box.depth(least) for box in self.above.values() if box.n >= least), default=0)


def record(build, figure, seconds):
    """What perf says of a run: a paragraph a sample."""
    with tempfile.TemporaryDirectory(prefix="weft-flame-") as tmp:
        data = f"{tmp}/data"
        done = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", str(HERTZ), "--call-graph",
                               f"dwarf,{STACK_BYTES}", "-o", data, str(build / "weft_bench"), figure, seconds],
                              capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"perf record: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym"], capture_output=True, text=True).stdout


def stacks(text):
    """The functions of each sample, outermost first, from the worker on."""
    for sample in text.split("\n\n"):
        names = [re.sub(r"\.(isra|part|constprop|cold)\b.*| \(inlined\)", "", line.split(None, 1)[1])
                 for line in sample.splitlines() if len(line.split(None, 1)) == 2]
        if ROOT_FN in names:
            yield names[:names.index(ROOT_FN)][::-1]


def grow(samples):
    root = Box("all")
    for names in samples:
        box = root
        box.n += 1
        for name in names:
            box = box.above.setdefault(name, Box(name))
            box.n += 1
    if not root.n:
        raise Failed(f"no sample has {ROOT_FN}() on its stack")
    return root


def boxes(box, total, x, level, least):
    """SVG of a box and those above it; x in samples."""
    left, width = WIDTH * x / total, WIDTH * box.n / total
    share = f"{100 * box.n / total:.1f} %"
    fits = int(width / CHAR)
    text = box.name if len(box.name) <= fits else box.name[:fits - 1] + "…" if fits > 3 else ""
    y = -(level + 1) * ROW
    yield (f'<g><title>{html.escape(box.name)} {share}</title><rect x="{left:.1f}" y="{y}" width="{width:.1f}" '
           f'height="{ROW - 1}" fill="{FILLS[sum(map(ord, box.name)) % len(FILLS)]}"/>'
           + (f'<text x="{left + 2:.1f}" y="{y + 11}">{html.escape(text)}</text>' if text else "") + "</g>")
    for above in sorted(box.above.values(), key=lambda b: (-b.n, b.name)):
        if above.n >= least:
            yield from boxes(above, total, x, level + 1, least)
        x += above.n


def svg(root, figure):
    least = LEAST * root.n
    height = (root.depth(least) + 2) * ROW
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {-height + ROW} {WIDTH} {height}" '
            f'font-family="sans-serif" font-size="10">\n<rect x="0" y="{-height + ROW}" width="{WIDTH}" height="{height}" '
            f'fill="white"/>\n<text x="2" y="{-height + ROW + 12}">{html.escape(figure)}: {root.n} samples; what each '
            "function calls stands above it</text>\n")
    return head + "\n".join(boxes(root, root.n, 0, 0, least)) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip().removeprefix("usage: "))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/installed/bench")
    parser.add_argument("--seconds", default="2")
    parser.add_argument("-o", dest="out", type=pathlib.Path, required=True)
    parser.add_argument("figure")
    args = parser.parse_args()
    if not shutil.which("perf"):
        print("flame: needs perf (apt-get install linux-perf)", file=sys.stderr)
        return CANNOT
    try:
        args.out.write_text(svg(grow(stacks(record(args.build, args.figure, args.seconds))), args.figure))
    except Failed as why:
        print(f"flame: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
