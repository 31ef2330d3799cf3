#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""weft for a user without root: it works where /dev/net/tun and user namespaces allow it, and says
what to do where they do not.

usage: rootless.py WEFT

The test itself needs root: each case runs in a mount namespace whose /dev/net/tun is as the case wants
it, as a user whom nothing belongs to. Prints a line `ok - NAME` or `not ok - NAME` a case.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WEFT = pathlib.Path(sys.argv[1]).resolve()
USER = 54321  # has no name, no home, no files

# What /dev/net is in the case's mount namespace. $D is an empty folder of the test.
OPEN_TO_ALL = "mknod $D/tun c 10 200 && chmod 0666 $D/tun"
ROOT_ONLY = "mknod $D/tun c 10 200 && chmod 0600 $D/tun"
ABSENT = "true"

PREPARE = """
set -e
mount -t tmpfs -o mode=0755 none "$D"
%s
mount --bind "$D" /dev/net
cd "$HOME"
%s
exec %s setpriv --reuid=%d --regid=%d --clear-groups --inh-caps=-all "$@"
"""
# A chroot gets no user namespaces (user_namespaces(7)); it stands for all that forbid them.
CHROOT = """mount --rbind / "$D/../root"; mount --rbind /dev/net "$D/../root/dev/net\""""


class Failed(Exception):
    """A case did not see what it expected."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def as_user(folder, device, argv, chroot=False):
    """Runs a program as the user; returns status, standard output, standard error."""
    script = PREPARE % (device, CHROOT if chroot else "", f'chroot "{folder}/root"' if chroot else "",
                        USER, USER)
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", *argv],
                          env={**os.environ, "D": str(folder / "net"), "HOME": str(folder),
                               "XDG_RUNTIME_DIR": str(folder / "run")}, timeout=60, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def lab_runs_for_a_user(folder):
    status, out, err = as_user(folder, OPEN_TO_ALL,
                               [folder / "weft", "run", folder / "examples/home.yaml", "--report", "-n", "laptop",
                                "--", "sh", "-c", "id -u; curl -sS --fail http://www.example.org/ && "
                                "curl -sS --fail -o /dev/null -w '%{size_download}' http://server/10m"])
    expect(status == 0, f"status {status}: {err}")
    expect(out.startswith("0\n") and "It travelled" in out and out.endswith("10000000"), out)
    expect("tcp  server" in err, err)


def captures_belong_to_the_user(folder):
    (folder / "out").mkdir()
    os.chown(folder / "out", USER, USER)
    status, _, err = as_user(folder, OPEN_TO_ALL,
                             [folder / "weft", "run", folder / "examples/home.yaml", "--pcap", folder / "out", "-n",
                              "laptop", "--", "true"])
    expect(status == 0, f"status {status}: {err}")
    expect((folder / "out/home.pcapng").stat().st_uid == USER, "the capture is somebody else's")


def refused(folder, device, words, **kw):
    status, out, err = as_user(folder, device,
                               [folder / "weft", "run", folder / "examples/home.yaml", "-n", "laptop", "--", "echo",
                                "it ran"], **kw)
    expect(status == 1 and not out, f"status {status}: {out}")
    expect(len(err.splitlines()) == 1, f"not one line: {err}")
    for word in words:
        expect(word in err, f"no {word!r} in the message: {err}")


def closed_device_is_explained(folder):
    refused(folder, ROOT_ONLY, ["/dev/net/tun may not be opened", "run as root", "chmod 0666 /dev/net/tun"])


def absent_device_is_explained(folder):
    refused(folder, ABSENT, ["there is no /dev/net/tun", "modprobe tun"])


def forbidden_user_namespaces_are_explained(folder):
    refused(folder, OPEN_TO_ALL, ["user namespaces", "run as root", "user.max_user_namespaces",
                                  "kernel.apparmor_restrict_unprivileged_userns)"], chroot=True)


def unshare_without_user_namespaces_is_explained(folder):
    status, out, err = as_user(folder, OPEN_TO_ALL, [folder / "weft", "unshare", "--", "echo", "it ran"], chroot=True)
    expect(status == 1 and not out, f"status {status}: {out}")
    expect(err.startswith("weft unshare: ") and len(err.splitlines()) == 1, f"not one line: {err}")
    for word in "cannot create namespaces", "`weft doctor` says":
        expect(word in err, f"no {word!r} in the message: {err}")


CASES = [
    lab_runs_for_a_user,
    captures_belong_to_the_user,
    closed_device_is_explained,
    absent_device_is_explained,
    forbidden_user_namespaces_are_explained,
    unshare_without_user_namespaces_is_explained,
]


def check_possible():
    """Says why and ends when the cases cannot be set up here."""
    if os.geteuid():
        print("needs root, to become another user")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="weft-test-") as name:
        (pathlib.Path(name) / "net").mkdir()
        (pathlib.Path(name) / "root").mkdir()
        os.chmod(name, 0o755)
        status, _, err = as_user(pathlib.Path(name), OPEN_TO_ALL, ["unshare", "--user", "true"])
    if status:
        print(f"no user namespaces for ordinary users here: {err.strip()}")
        sys.exit(77)


def main():
    check_possible()
    n_failed = 0
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="weft-test-") as name:
            folder = pathlib.Path(name)
            os.chmod(folder, 0o755)
            (folder / "net").mkdir()
            (folder / "root").mkdir()
            (folder / "run").mkdir(mode=0o700)
            os.chown(folder / "run", USER, USER)
            shutil.copy(WEFT, folder / "weft")  # the source tree may be closed to others
            shutil.copytree(ROOT / "examples", folder / "examples")
            subprocess.run(["chmod", "-R", "a+rX", folder / "examples", folder / "weft"], check=True)
            try:
                case(folder)
                print(f"ok - {case.__name__}", flush=True)
            except (Failed, subprocess.TimeoutExpired) as e:
                n_failed += 1
                print(f"not ok - {case.__name__}\n{e}", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
