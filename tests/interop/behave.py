#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What weft and the kernel do, side by side: the Internet layer of both families.

usage: behave.py LIBWEFT.so [--update DOC] [--long] [ROW...]

Each row is a behaviour (behave_kit.py says how rows look; behave_icmp.py and the others have them). It runs
with weft and with the kernel as the host that is looked at, and prints `ok - NAME` when both do the same, or
differ in the way that the row expects. ROW: only those whose name has one of these words. --long also runs
those that wait for long. --update DOC writes the table between DOC's markers.
Exits with 77 where there is no scapy or /dev/net/tun.
"""
import argparse
import concurrent.futures
import functools
import importlib
import multiprocessing
import os
import pathlib
import platform
import sys
import time

SUBJECTS = ["icmp", "ip4", "ip6", "frag", "route", "link", "group", "path", "sock", "auto"]
BEGIN, END = "<!-- ip table -->", "<!-- end ip table -->"


def run_row(lib, row, v, kind, patience):
    from behave_hosts import load
    from behave_kit import Bench
    t = Bench(load(lib), row, v, kind, patience)
    try:
        return row.fn(t)
    except Exception as e:  # a row that cannot even be run says so in its line
        return f"{kind}: {type(e).__name__}: {e}"
    finally:
        t.w.close()


def run_both(lib, i, v):
    """What weft and the kernel say of row `i`, and how long it took. In a process of the pool."""
    from behave_kit import ROWS
    begin, row = time.monotonic(), ROWS[i]
    for patience in (1, 4, 12):  # time is real for the kernel, and the machine may be busy
        weft, kernel = (run_row(lib, row, v, kind, patience) for kind in ("weft", "kernel"))
        if not judge(row, weft, kernel):
            break
    return weft, kernel, time.monotonic() - begin


def judge(row, weft, kernel):
    """None, or what is wrong. A `pending` row passes either way: the code that it waits for may come."""
    if row.opts.get("pending"):
        return None
    if not row.differs:
        return None if weft == kernel else "they differ"
    if weft == kernel:
        return "they do not differ any more"
    return None


def table(results):
    lines, section = [], None
    for row, v, weft, kernel in results:
        if row.section != section:
            section = row.section
            lines += ["", f"### {section}", "", "| behaviour | family | what weft does | the kernel |", "|---|---|---|---|"]
        other = "the same" if weft == kernel else f"{kernel}. {row.differs or row.opts.get('pending', 'A fault.')}"
        lines.append(f"| {row.name} | IPv{v} | {weft} | {other} |".replace("||", "| |"))
    same = sum(w == k for _, _, w, k in results)
    missing = sum(w != k and not row.differs for row, _, w, k in results)
    head = [f"{len(results)} behaviours, each with weft and with the kernel (Linux {platform.release().split('-')[0]}) in the "
            f"role that is looked at: {same} the same, {len(results) - same - missing} differ on purpose" +
            (f", {missing} because something is missing." if missing else ".")]
    return "\n".join(head + lines + [""])


def update(path, text):
    page = pathlib.Path(path)
    old = page.read_text()
    before, rest = old.split(BEGIN + "\n", 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("lib")
    ap.add_argument("--update")
    ap.add_argument("--long", action="store_true")
    ap.add_argument("--times", action="store_true")
    ap.add_argument("--jobs", type=int, default=4)
    ap.add_argument("words", nargs="*")
    args = ap.parse_args()
    try:
        import behave_hosts
        import behave_kit
    except ImportError as e:
        if e.name not in ("scapy", "scapy.all"):
            raise
        sys.exit(77)
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        sys.exit(77)
    if os.geteuid():
        os.execvp("unshare", ["unshare", "-Urn", sys.executable, *sys.argv])
    here = pathlib.Path(__file__).parent
    for name in SUBJECTS:
        if (here / f"behave_{name}.py").exists():
            importlib.import_module(f"behave_{name}")
    wanted = [(i, v) for i, row in enumerate(behave_kit.ROWS) for v in row.families
              if (args.long or not row.opts.get("long")) and
              (not args.words or any(w in row.name for w in args.words))]
    results, n_bad = [], 0
    # Rows mostly wait for the kernel to say nothing more: some at a time.
    with concurrent.futures.ProcessPoolExecutor(args.jobs, multiprocessing.get_context("fork")) as pool:
        runs = pool.map(functools.partial(run_both, args.lib), *zip(*wanted, strict=True)) if wanted else []
        for n, ((i, v), (weft, kernel, took)) in enumerate(zip(wanted, runs, strict=True), 1):
            row = behave_kit.ROWS[i]
            fault = judge(row, weft, kernel)
            n_bad += bool(fault)
            print(f"{'not ok' if fault else 'ok'} {n} - IPv{v}: {row.name}" + (f" ({took:.2f} s)" if args.times else ""))
            if fault or args.words:
                print(f"#   weft:   {weft}\n#   kernel: {kernel}" + (f"\n#   {fault}" if fault else ""))
            results.append((row, v, weft, kernel))
    print(f"1..{len(results)}")
    if args.update:
        update(args.update, table(results))
    sys.exit(n_bad > 0 or not results)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    main()
