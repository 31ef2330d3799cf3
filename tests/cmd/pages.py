#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every command explains itself: in `weft --help`, with its own --help that fits a screen, on a manual
page that formats without a warning, and to bash's completion.

usage: pages.py WEFT    (from anywhere; prints ok and not ok lines)
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINES, COLUMNS = 50, 100
n_failed = 0


def check(what, good, why=""):
    global n_failed
    n_failed += not good
    print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f": {why}"), flush=True)


def run(*argv, **kw):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **kw)


def fits(text):
    lines = text.splitlines()
    if len(lines) > LINES:
        return f"{len(lines)} lines"
    wide = [line for line in lines if len(line) > COLUMNS]
    return f"{len(wide[0])} columns: {wide[0]}" if wide else ""


def check_help(weft, name):
    done = run(weft, name, "--help")
    why = ""
    if done.returncode or done.stderr:
        why = f"status {done.returncode}, stderr {done.stderr!r}"
    elif not done.stdout.startswith("usage: weft"):
        why = f"begins with {done.stdout[:40]!r}"
    check(f"weft {name} --help", not why and not fits(done.stdout), why or fits(done.stdout))


def check_page(page):
    text = page.read_text() if page.exists() else ""
    if not text:
        check(page.name, False, "there is no such page")
        return
    done = run("groff", "-ww", "-man", "-Tutf8", "-z", str(page))
    why = done.stderr.strip()
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION"):
        if not re.search(rf'^\.SH "?{section}', text, re.M):
            why = why or f"no section {section}"
    listed = f"'{page.name}'" in (ROOT / "man/meson.build").read_text()
    check(page.name, not why and listed, why or "not in man/meson.build")


def complete(weft, *words):
    """What bash offers for the last of `words`."""
    script = f"""source {ROOT}/completions/weft
COMP_WORDS=({' '.join([weft, *(w or "''" for w in words)])}); COMP_CWORD={len(words)}; _weft; printf '%s\\n' "${{COMPREPLY[@]}}" """
    return run("bash", "-c", script).stdout.split()


def main():
    weft = sys.argv[1]
    usage = run(weft, "--help")
    check("weft --help", usage.returncode == 0 and not fits(usage.stdout), fits(usage.stdout))
    names = re.findall(r"^  ([a-z][a-z-]*) ", usage.stdout, re.M)
    check("there are commands", len(names) >= 3, usage.stdout)
    for name in names:
        check_help(weft, name)
        check_page(ROOT / "man" / f"weft-{name}.1")
    for page in sorted((ROOT / "man").glob("*.[1-8]")):
        if page.name[len("weft-"):-2] not in names:
            check_page(page)
    offered = complete(weft, "")
    check("completion offers the commands", set(names) <= set(offered), f"{offered}")
    check("completion of a word", complete(weft, "che") == ["check"], complete(weft, "che"))
    offered = complete(weft, "run", "--pc")
    check("completion of an option", offered == ["--pcap"], offered)
    offered = complete(weft, "-n", "a", "ip", "ro")
    check("completion of ip's objects", offered == ["route"], offered)
    offered = complete(weft, "-n", "a", "ss", "state", "time")
    check("completion of ss's states", offered == ["time-wait"], offered)
    offered = complete(weft, "serve", "")
    check("completion of services", offered == ["discard", "echo", "http", "rr"], offered)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
