#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every piece of C in doc/first-stack.md stands in examples/embed.c, which is compiled and run.

usage: test_guide.py    (prints ok and not ok lines)
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    program = (ROOT / "examples/embed.c").read_text()
    pieces = re.findall(r"^```c\n(.*?)^```$", (ROOT / "doc/first-stack.md").read_text(), re.M | re.S)
    bad = [piece for piece in pieces if piece not in program]
    print("ok" if len(pieces) > 5 else "not ok", "-", len(pieces), "pieces of code")
    for piece in bad:
        print("not ok - is not in embed.c:\n" + piece)
    return 1 if bad or len(pieces) <= 5 else 0


if __name__ == "__main__":
    sys.exit(main())
