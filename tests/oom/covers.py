#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tours call every function of both libraries. usage: covers.py TOUR.c..."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def calls(text):
    return set(re.findall(r"\b(weft_\w+)\(", text))


api = calls("\n".join(line for line in (ROOT / "include/abi.txt").read_text().splitlines() if line.startswith("call ")))
missing = sorted(api - calls("\n".join(pathlib.Path(tour).read_text() for tour in sys.argv[1:])))
if missing:
    print("not ok - not called:", " ".join(missing))
    sys.exit(1)
print(f"ok - all {len(api)} functions of libweft and libweft-io are called")
