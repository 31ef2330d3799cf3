#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tour calls every function of libweft. usage: covers.py TOUR.c"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IO = ("io.h", "blocking.h")  # libweft-io: threads, descriptors, the host's sockets
GATEWAY = "weft_intercept_", "weft_tcp_request_"  # have tests of their own


def calls(text):
    return set(re.findall(r"\b(weft_\w+)\(", text))


io = set().union(*(calls((ROOT / "include/weft" / h).read_text()) for h in IO))
api = calls("\n".join(line for line in (ROOT / "include/abi.txt").read_text().splitlines() if line.startswith("call ")))
io = {name for name in io if name.startswith(("weft_b_", "weft_thread_", "weft_loop_", "weft_io_", "weft_tap_",
                                              "weft_host_net_", "weft_stream_"))}
api = {name for name in api if not name.startswith(GATEWAY)}
missing = sorted(api - io - calls(pathlib.Path(sys.argv[1]).read_text()))
if missing:
    print("not ok - not called:", " ".join(missing))
    sys.exit(1)
print(f"ok - all {len(api - io)} functions of libweft are called")
