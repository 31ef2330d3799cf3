#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft gateway` for a namespace that exists already: of a process, or by a file; how it ends; and the clients
that people use, behind it.

usage: gateway_setup.py WEFT [CASE...]
"""
import os
import shutil
import signal
import subprocess
import time

from unshare_kit import eventually, expect, expect_no_rights, gateway_pid, run_cases


def guest_start(w):
    """A namespace of the user's; returns the process and its PID."""
    guest = w.start("unshare", "-rn", "sh", "-c", "echo $$; exec sleep 1000", stdout=-1)
    return guest, int(guest.stdout.readline())


def inside(w, pid, command, status=0):
    return w.run("nsenter", "-t", pid, "-U", "-n", "--preserve-credentials", "sh", "-c", command, status=status)


def gateway_start(w, *options, user=True):
    p = w.start(w.weft, "gateway", *options, user=user, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    line = p.stdout.readline()
    expect(line == "gateway is up\n", line)
    return p


def namespace_of_a_process_gets_a_network_and_takes_the_gateway_along(w):
    port = w.http_server()
    guest, pid = guest_start(w)
    p = gateway_start(w, "--pid", str(pid), "--allow-host-loopback")
    out = inside(w, pid, f"ip -o addr; ip route; curl -sS --max-time 10 http://10.0.2.2:{port}/").stdout
    for words in ("tap0    inet 10.0.2.100/24", "fd00::100/64", "default via 10.0.2.2", "hello from 127.0.0.1"):
        expect(words in out, f"no {words!r} in {out}")
    expect("gateway" in w.run(w.weft, "ls").stdout, "weft ls does not show it")
    guest.terminate()
    guest.wait()
    expect(p.wait(10) == 0, f"status {p.returncode}: {p.stdout.read()}")


def namespace_of_a_file_gets_a_network(w):
    port = w.http_server()
    guest, pid = guest_start(w)
    path = w.folder / "home/ns"
    path.touch()
    # Root may enter whatever namespace it is; its gateway has no more rights than a user's.
    w.run("mount", "--bind", f"/proc/{pid}/ns/net", path, user=False)
    for user in True, False:
        p = gateway_start(w, "--netns", str(path), "--ifname", f"net{int(user)}", "--name", f"one{int(user)}",
                          "--allow-host-loopback", user=user)
        expect("hello" in inside(w, pid, f"curl -sS --max-time 10 http://10.0.2.2:{port}/").stdout, "no answer")
        p.terminate()
        expect(p.wait(10) == 0, f"status {p.returncode}")
    w.run("umount", path, user=False)
    guest.terminate()


def device_not_configured_is_left_alone(w):
    guest, pid = guest_start(w)
    p = gateway_start(w, "--pid", str(pid), "--no-configure", "--ifname", "up0")
    out = inside(w, pid, "ip -o addr; ip -o link show up0").stdout
    expect("inet" not in out and "state DOWN" in out, out)
    p.terminate()
    p.wait(10)
    guest.terminate()


def gateway_has_no_right_left(w):
    """Of a user and of root, on a TAP of either family and for QEMU."""
    guest, pid = guest_start(w)
    for user in True, False:
        for options in ["--pid", str(pid)], ["--pid", str(pid), "--ipv4-only"], ["--pid", str(pid), "--ipv6-only"], ["--qemu", str(w.folder / "run/q")]:
            p = gateway_start(w, *options, user=user)
            expect_no_rights(gateway_pid(w))
            p.terminate()
            expect(p.wait(10) == 0, f"status {p.returncode}")
    guest.terminate()


def killed_gateway_is_followed_without_a_complaint(w):
    """SIGKILL leaves the sockets of the file system: the next one takes their place."""
    guest, pid = guest_start(w)
    qemu = w.folder / "run/qemu.sock"
    for options in ["--pid", str(pid)], ["--qemu", str(qemu)]:
        p = gateway_start(w, *options)
        left = list((w.folder / "run").rglob("*.sock"))
        expect(len(left) == 1 + (options[0] == "--qemu"), f"sockets {left}")
        child = gateway_pid(w)
        for one in child, p.pid:
            os.kill(one, signal.SIGKILL)
        p.wait(10)
        eventually("they are gone", lambda: not gateway_pid(w))
        expect(all(path.exists() for path in left), "somebody has cleaned up")
        p = gateway_start(w, *options)
        expect("gateway" in w.run(w.weft, "ls").stdout, "the next one is not seen")
        p.terminate()
        expect(p.wait(10) == 0 and not p.stdout.read(), f"status {p.returncode}, or a word too many")
        expect(not any(path.exists() for path in left), "the next one leaves its sockets")
    guest.terminate()


def second_gateway_and_a_namespace_that_vanishes_have_their_words(w):
    guest, pid = guest_start(w)
    p = gateway_start(w, "--pid", str(pid))
    err = w.run(w.weft, "gateway", "--pid", str(pid), status=1).stderr
    expect("the namespace has an interface tap0 already" in err, err)
    err = w.run(w.weft, "gateway", "--pid", str(pid), "--ifname", "tap1", status=1).stderr
    expect("has a default route already" in err and "--no-configure" in err, err)
    err = w.run(w.weft, "gateway", "--pid", str(pid), "--ifname", "tap2", "--no-configure", status=1).stderr
    expect("a lab `gateway` is running; give this one another name" in err, err)
    # A second device is one, for who wants two.
    second = gateway_start(w, "--pid", str(pid), "--ifname", "tap1", "--name", "second", "--no-configure")
    guest.kill()
    guest.wait()
    for one in p, second:
        expect(one.wait(10) == 0 and not one.stdout.read(), f"status {one.returncode}, or a word too many")
    err = w.run(w.weft, "gateway", "flows", status=1).stderr
    expect("no lab is running" in err and "weft gateway" in err, err)


def absent_and_closed_devices_are_explained(w):
    guest, pid = guest_start(w)
    for argv in ["gateway", "--pid", str(pid)], ["unshare", "--", "true"]:
        w.run("chmod", "0600", "/dev/net/tun", user=False)
        err = w.run(w.weft, *argv, status=1).stderr
        expect(err.startswith(f"weft {argv[0]}: /dev/net/tun may not be opened") and "chmod 0666" in err, err)
        w.run("rm", "/dev/net/tun", user=False)
        err = w.run(w.weft, *argv, status=1).stderr
        expect(err.startswith(f"weft {argv[0]}: there is no /dev/net/tun") and "modprobe tun" in err, err)
        w.run("mknod", "-m", "0666", "/dev/net/tun", "c", "10", "200", user=False)
    guest.terminate()


def wrong_targets_are_refused_in_words(w):
    for argv, status, words in ((["--pid", "999999999"], 1, "no process"), (["--netns", "/nonexistent"], 1, "/nonexistent"),
                                (["--netns", "/etc/passwd"], 1, "not a network namespace"), (["--pid", "x"], 2, "--pid"),
                                ([], 2, "usage"), (["--pid", "1", "--netns", "/x"], 2, "usage"), (["--pid", "1", "x"], 2, "`x`"), (["bogus"], 2, "`bogus`"),
                                (["--pid", "1", "--guest", "1.1.1.1"], 2, "1.1.1.1: not within 10.0.2.0/24"),
                                (["--pid", "1", "--guest", "fd01::1"], 2, "fd01::1: not within fd00::/64"),
                                (["--pid", "1", "--guest", "10.0.2.3"], 2, "gateway's own"), (["--pid", "1", "--guest", "10.0.2.255"], 2, "broadcast"),
                                (["--tap-fd", "99"], 2, "--tap-fd"), (["--pid", "1", "--mtu", "5"], 2, "--mtu"),
                                (["--pid", "1", "--forward", "tcp,x"], 2, "--forward")):
        done = w.run(w.weft, "gateway", *argv, status=status)
        expect(words in done.stderr, f"{argv}: {done.stderr}")
    # Of another user.
    root = w.start("unshare", "--net", "sh", "-c", "echo $$; exec sleep 100", user=False, stdout=-1)
    done = w.run(w.weft, "gateway", "--pid", root.stdout.readline().strip(), status=1)
    expect("another user" in done.stderr or "owner" in done.stderr, done.stderr)
    root.terminate()


def descriptors_say_ready_and_end(w):
    guest, pid = guest_start(w)
    ready, ready_w = os.pipe()
    exit_r, exit_w = os.pipe()
    p = w.start(w.weft, "gateway", "--pid", str(pid), "--ready-fd", str(ready_w), "--exit-fd", str(exit_r),
                pass_fds=[ready_w, exit_r], stdout=-3, stderr=-3)
    os.close(ready_w)
    expect(os.read(ready, 10) == b"1" and os.read(ready, 10) == b"", "not ready")
    os.close(exit_w)
    expect(p.wait(10) == 0, f"status {p.returncode}")
    os.close(ready)
    os.close(exit_r)
    guest.terminate()


def clients_work_behind_it(w):
    """What is installed of what people use, in both families, against servers of the host's loopback."""
    port, port6 = w.http_server(), w.http_server("::1")
    urls = [f"http://10.0.2.2:{port}/100000", f"http://[fd00::2]:{port6}/100000"]
    guest, pid = guest_start(w)
    p = gateway_start(w, "--pid", str(pid), "--allow-host-loopback")
    tried = 0
    for program, command in (
            ("curl", "curl -sS --max-time 20 '{}' | wc -c"),
            ("wget", "wget -T 20 -qO- '{}' | wc -c"),
            ("python3", "python3 -c \"import urllib.request as r; print(len(r.urlopen('{}', timeout=20).read()))\""),
            ("node", "node -e \"require('http').get('{}', r => {{ let n = 0; r.on('data', d => n += d.length); "
                     "r.on('end', () => console.log(n)) }})\"")):
        if not shutil.which(program, path=w.env["PATH"]):
            continue
        for url in urls:
            out = inside(w, pid, command.format(url)).stdout
            expect(out.split() == ["100000"], f"{program} {url}: {out}")
            tried += 1
    expect(tried >= 4, "too few programs")
    for address in "10.0.2.2", "fd00::2":
        inside(w, pid, f"ping -c 2 -i 0.2 -W 2 {address}")
    if shutil.which("iperf3"):
        server = w.start("iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", "5299", stdout=-3)
        time.sleep(0.5)
        inside(w, pid, "iperf3 -c 10.0.2.2 -p 5299 -t 1")
        server.wait(10)
    if shutil.which("git"):
        repo = w.folder / "home/repo.git"
        w.run("git", "init", "-q", "--bare", repo)
        server = w.start("git", "daemon", "--listen=127.0.0.1", "--port=9418", "--export-all", f"--base-path={repo.parent}", stderr=-3)
        time.sleep(0.5)
        inside(w, pid, "git ls-remote git://10.0.2.2/repo.git")
        server.terminate()
    p.terminate()
    p.wait(10)
    guest.terminate()


if __name__ == "__main__":
    run_cases([
        namespace_of_a_process_gets_a_network_and_takes_the_gateway_along,
        namespace_of_a_file_gets_a_network,
        device_not_configured_is_left_alone,
        gateway_has_no_right_left,
        killed_gateway_is_followed_without_a_complaint,
        second_gateway_and_a_namespace_that_vanishes_have_their_words,
        absent_and_closed_devices_are_explained,
        wrong_targets_are_refused_in_words,
        descriptors_say_ready_and_end,
        clients_work_behind_it,
    ])
