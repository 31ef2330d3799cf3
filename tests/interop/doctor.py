#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft doctor` for an ordinary user, on machines as the cases make them: what is missing is said, and the
command that it names grants it.

usage: doctor.py WEFT

Needs root, to become another user and to change what the case's own namespaces allow; nothing outside of
them is touched. Prints a line `ok - NAME` or `not ok - NAME` a case.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WEFT = pathlib.Path(sys.argv[1]).resolve()
USER = 54321  # has no name, no home, no files

# $D is an empty folder of the test, mounted over /dev/net; $1 prepares, $2 is run afterwards as root, then the
# doctor looks again.
SCRIPT = """
set -e
mount -t tmpfs -o mode=0755 none "$D/net"
mount --bind "$D/net" /dev/net
as_user() { setpriv --reuid=%d --regid=%d --clear-groups --inh-caps=-all "$D/weft" doctor --json || true; }
eval "$1"
as_user
if [ -n "$2" ]; then eval "$2" >/dev/null; as_user; fi
""" % (USER, USER)
TUN = "mknod /dev/net/tun c 10 200 && chmod 0666 /dev/net/tun"


class Failed(Exception):
    """A case did not see what it expected."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def doctor(folder, prepare, then=""):
    """What it finds, as {check: finding}; a second time after `then`."""
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", SCRIPT, "sh", prepare, then],
                          env={**os.environ, "D": str(folder)}, timeout=60, capture_output=True, text=True)
    expect(done.returncode == 0, done.stderr)
    return [{one["check"]: one for one in json.loads(line)} for line in done.stdout.splitlines()]


def granted(folder, prepare, check, words):
    """A thing is missing, and its command, run by root, grants it."""
    before, = doctor(folder, prepare)
    expect(before[check]["status"] != "ok" and words in before[check]["found"] and before[check]["means"],
           str(before[check]))
    command = before[check]["command"]
    expect(command.startswith("sudo "), command)
    _, after = doctor(folder, prepare, command.removeprefix("sudo "))
    expect(after[check]["status"] == "ok", str(after[check]))


def machine_that_allows_all_is_healthy(folder):
    found, = doctor(folder, TUN + "; sysctl -qw net.ipv4.ping_group_range='0 2147483647' "
                    "net.ipv4.ip_unprivileged_port_start=0")
    for check in "tun", "offload", "namespaces", "ping", "ports", "seccomp":
        expect(found[check]["status"] == "ok", str(found[check]))


def closed_device_is_opened_by_the_command(folder):
    granted(folder, TUN + " && chmod 0600 /dev/net/tun", "tun", "not for this user")


def absent_device_is_named(folder):
    found, = doctor(folder, "true")
    expect(found["tun"]["status"] == "missing" and found["tun"]["command"] == "sudo modprobe tun", str(found))


def ping_is_granted_by_the_command(folder):
    granted(folder, TUN + "; sysctl -qw net.ipv4.ping_group_range='1 0'", "ping", f"group {USER}")


def ports_are_granted_by_the_command(folder):
    granted(folder, TUN + "; sysctl -qw net.ipv4.ip_unprivileged_port_start=1024", "ports", "1024")


def text_and_status_say_the_same(folder):
    done = subprocess.run([WEFT, "doctor"], capture_output=True, text=True, timeout=60, check=False)
    found = json.loads(subprocess.run([WEFT, "--json", "doctor"], capture_output=True, text=True, timeout=60,
                                      check=False).stdout)
    expect(done.returncode == any(one["status"] == "missing" for one in found), done.stdout)
    lines = done.stdout.splitlines()
    for one in found:
        expect(any(line.split(maxsplit=2) == [one["status"], one["check"], one["found"]] for line in lines), str(one))
    bad = subprocess.run([WEFT, "doctor", "me"], capture_output=True, text=True, timeout=60, check=False)
    expect(bad.returncode == 2 and "`me`" in bad.stderr, bad.stderr)


CASES = [
    machine_that_allows_all_is_healthy,
    closed_device_is_opened_by_the_command,
    absent_device_is_named,
    ping_is_granted_by_the_command,
    ports_are_granted_by_the_command,
    text_and_status_say_the_same,
]


def main():
    if os.geteuid():
        print("needs root, to become another user")
        sys.exit(77)
    n_failed = 0
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="weft-test-") as name:
            folder = pathlib.Path(name)
            os.chmod(folder, 0o755)
            (folder / "net").mkdir()
            shutil.copy(WEFT, folder / "weft")  # the source tree may be closed to others
            os.chmod(folder / "weft", 0o755)
            try:
                case(folder)
                print(f"ok - {case.__name__}", flush=True)
            except (Failed, subprocess.TimeoutExpired) as e:
                n_failed += 1
                print(f"not ok - {case.__name__}\n{e}", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
