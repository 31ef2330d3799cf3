#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""RootlessKit and Podman, for an ordinary user, with weft as their slirp4netns: their containers reach servers
of the host and serve.

usage: containers.py WEFT [CASE...]

The programs come from Debian (rootlesskit, podman, uidmap, busybox-static); a case whose program is missing is
skipped, and says so. Accounts and configuration are files of the test, bound over the machine's.
"""
import os
import pathlib
import shutil
import time

from unshare_kit import USER, expect, need, run_cases

# Over the machine's own, in the mount namespace of the test: a user with a name and ids of its own.
ACCOUNTS = {
    "/etc/passwd": f"root:x:0:0::/root:/bin/sh\nann:x:{USER}:{USER}::/tmp:/bin/sh\n",
    "/etc/group": f"root:x:0:\nann:x:{USER}:\n",
    "/etc/subuid": "ann:200000:65536\n",
    "/etc/subgid": "ann:200000:65536\n",
}


# Until there is an address by router advertisements, and nobody else has it.
SIX = ("i=0; until ip -6 -o addr show tap0 scope global | grep -qv tentative || [ $i = 100 ]; do sleep 0.1; i=$((i + 1)); done; "
       "ip -6 addr show tap0")


def accounts(w):
    folder = w.folder / "etc"
    folder.mkdir()
    for path, text in ACCOUNTS.items():
        mine = folder / path.rpartition("/")[2]
        mine.write_text(text)
        if not pathlib.Path(path).exists():
            continue
        w.run("mount", "--bind", mine, path, user=False)
    w.env["USER"] = "ann"
    for name in ("CI", "SUDO_USER", "DBUS_SESSION_BUS_ADDRESS"):
        w.env.pop(name, None)


def rootlesskit_has_weft_as_its_network(w):
    need("rootlesskit", "newuidmap", "ip", "curl")
    accounts(w)
    port, port6 = w.http_server(), w.http_server("::1")
    kit = ["rootlesskit", "--net=slirp4netns", "--ipv6", f"--slirp4netns-binary={w.slirp4netns}", "--mtu=65520",
           "--slirp4netns-sandbox=true", "--slirp4netns-seccomp=true", "--copy-up=/etc"]
    done = w.run(*kit, "sh", "-c", f"id -u; ip -o addr show tap0; cat /etc/resolv.conf; curl -sS http://10.0.2.2:{port}/; {SIX}; "
                 f"curl -sSg --max-time 10 http://[fd00::2]:{port6}/")
    for words in ("0\n", "10.0.2.100/24", "nameserver 10.0.2.3", "hello from 127.0.0.1", "hello from ::1"):
        expect(words in done.stdout, f"no {words!r}: {done.stdout}{done.stderr}")
    # Its port driver by the API socket: a server in the namespace, a client on the host.
    p = w.start(*kit, "--disable-host-loopback", "--port-driver=slirp4netns", "-p", "127.0.0.1:8082:80/tcp", "sh", "-c",
                f"curl -sS --max-time 2 http://10.0.2.2:{port}/ && exit 9; cd /etc; echo up; exec python3 -m http.server 80",
                stdout=-1, stderr=-3)
    expect(p.stdout.readline() == "up\n", "it did not start, or reached the host's loopback")
    done = fetch(w, "http://127.0.0.1:8082/")
    expect("Directory listing" in done, done)
    p.terminate()
    p.wait(20)
    w.run(w.weft, "ls")  # RootlessKit kills its network: the control socket is removed by whoever meets it


def fetch(w, url):
    """The page, once the server is up."""
    end = time.monotonic() + 20
    while True:
        done = w.run("curl", "-sS", "--max-time", "5", url, status=None)
        if done.returncode == 0 or time.monotonic() > end:
            return done.stdout + done.stderr
        time.sleep(0.2)


def small_root(folder):
    """A root directory with busybox."""
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "run", "var", "srv"):
        (folder / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), folder / "bin/busybox")
    for name in ("sh", "wget", "httpd", "ip", "cat", "grep", "sleep", "echo", "ping"):
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "srv/index.html").write_text("served by a container\n")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, USER, USER, follow_symlinks=False)
    return folder


def podman_has_weft_as_its_network(w):
    need("podman", "busybox", "newuidmap", "crun", "curl")
    accounts(w)
    port, port6 = w.http_server(), w.http_server("::1")
    root = small_root(w.folder / "root")
    # crun wants one hierarchy, whatever the machine has.
    w.run("sh", "-c", "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup", user=False)
    conf = w.folder / "containers.conf"
    conf.write_text(f'[engine]\nnetwork_cmd_path = "{w.slirp4netns}"\ncgroup_manager = "cgroupfs"\n'
                    'events_logger = "none"\nruntime = "crun"\n[containers]\ncgroups = "disabled"\nlog_driver = "none"\n')
    w.env["CONTAINERS_CONF"] = str(conf)
    podman = ["podman", "--root", w.folder / "home/storage", "--runroot", w.folder / "run/podman", "--storage-driver", "vfs"]
    run = [*podman, "run", "--rm", "--pull=never", "--network", "slirp4netns:allow_host_loopback=true,enable_ipv6=true"]
    done = w.run(*run, "--rootfs", root, "sh", "-c", f"ip addr show tap0; cat /etc/resolv.conf; wget -qO- http://10.0.2.2:{port}/; {SIX}; "
                 f"wget -qO- http://[fd00::2]:{port6}/", timeout=120)
    for words in ("10.0.2.100/24", "10.0.2.3", "hello from 127.0.0.1", "hello from ::1"):
        expect(words in done.stdout, f"no {words!r}: {done.stdout}{done.stderr}")
    p = w.start(*run, "-p", "127.0.0.1:8083:80", "--name", "server", "--rootfs", root, "httpd", "-f", "-p", "80", "-h", "/srv",
                stdout=-3, stderr=-3)
    done = fetch(w, "http://127.0.0.1:8083/index.html")
    expect(done == "served by a container\n", done)
    w.run(*podman, "kill", "server", status=None, timeout=60)
    p.wait(30)
    w.run(*podman, "system", "migrate", status=None)  # ends the process that holds its user namespace
    w.run(w.weft, "ls")


if __name__ == "__main__":
    run_cases([rootlesskit_has_weft_as_its_network, podman_has_weft_as_its_network])
