#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The programs given print the same page, and are as short as the README says.

usage: test_pages.py PROGRAM...    (prints ok and not ok lines)
"""
import pathlib
import subprocess
import sys

LINES_MAX = 150
HERE = pathlib.Path(__file__).resolve().parent


def main():
    bad = 0
    for program in sys.argv[1:]:
        name = pathlib.Path(program).name
        done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
        good = done.returncode == 0 and done.stdout.startswith("HTTP/1.0 200 OK") and done.stdout.endswith(
            "<p>This page comes from a TCP/IP stack in this process.\n")
        print("ok" if good else "not ok", "-", name, "" if good else done)
        n_lines = len((HERE / f"{name}.c").read_text().splitlines())
        print("ok" if n_lines < LINES_MAX else "not ok", "-", name, "has", n_lines, "lines")
        bad += not good or n_lines >= LINES_MAX
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
