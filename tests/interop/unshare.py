#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft unshare` for an ordinary user: who one is inside, what the network reaches, how it ends, and that
nothing is left.

usage: unshare.py WEFT [CASE...]
"""
import os
import pty
import re
import select
import signal
import subprocess
import time

from unshare_kit import USER, expect, expect_no_rights, gateway_pid, run_cases


def status_of_the_program_is_passed_on(w):
    w.unshare("--", "true")
    w.unshare("--", "sh", "-c", "exit 7", status=7)
    w.unshare("--", "sh", "-c", "kill -USR1 $$", status=128 + signal.SIGUSR1)
    err = w.unshare("--", "no-such-program", status=127).stderr
    expect("no-such-program" in err, err)
    err = w.unshare("--", "/etc/passwd", status=126).stderr
    expect("/etc/passwd" in err, err)
    w.unshare("--no-such-option", status=2)
    w.unshare("--forward", "tcp,1", status=2)


def user_is_itself_or_root_inside(w):
    out = w.unshare("--", "sh", "-c", "id -u; id -g; grep CapEff /proc/self/status").stdout.split()
    expect(out[:2] == [str(USER)] * 2 and int(out[3], 16) == 0, str(out))
    out = w.unshare("-r", "--", "sh", "-c", "id -u; ip link set eth0 mtu 1400 && echo rights").stdout.split()
    expect(out == ["0", "rights"], str(out))


def other_ids_of_the_user_are_there_when_it_has_them(w):
    err = w.unshare("--map-auto", "--", "true", status=1).stderr
    expect("/etc/subuid" in err and "usermod" in err, err)
    # The user has a name and ranges, for this case.
    for name, text in (("passwd", f"ann:x:{USER}:{USER}::/:/bin/sh\n"), ("subuid", "ann:200000:65536\n"),
                       ("subgid", "ann:300000:1000\n")):
        (w.folder / name).write_text(text)
        subprocess.run(w.enter("mount", "--bind", w.folder / name, f"/etc/{name}", user=False), check=True)
    try:
        out = w.unshare("--map-auto", "--", "sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/gid_map; "
                        "setpriv --reuid=1234 --regid=5 --clear-groups id -u; ip link set eth0 mtu 1400 && echo rights").stdout.split()
        expect(out == ["0", "0", str(USER), "1", "1", "200000", "65535", "0", str(USER), "1", "1", "300000", "1000", "1234",
                       "rights"], str(out))
    finally:
        for name in "passwd", "subuid", "subgid":
            subprocess.run(w.enter("umount", f"/etc/{name}", user=False), check=True)


def namespace_has_the_network_and_no_other(w):
    out = w.unshare("--", "sh", "-c", "ip -o addr; ip route; ip -6 route; cat /etc/resolv.conf; ps ax | wc -l").stdout
    for words in ("127.0.0.1/8", "eth0    inet 10.0.2.100/24", "default via 10.0.2.2 dev eth0",
                  "inet6 fd00::100/64", "default via fd00::2 dev eth0", "nameserver 10.0.2.3"):
        expect(words in out, f"no {words!r} in {out}")
    expect(int(out.split()[-1]) < 8, f"processes of others are seen: {out}")
    before = open("/etc/resolv.conf", encoding="utf-8").read()
    out = w.unshare("--no-dns", "--ipv4-only", "--", "sh", "-c", "cat /etc/resolv.conf; ip -6 addr show dev eth0").stdout
    expect(before in out and "fd00" not in out, out)


def clients_reach_the_host_when_they_may(w):
    port, port6 = w.http_server(), w.http_server("::1")
    get = "curl -sS --max-time 10"
    out = w.unshare("--allow-host-loopback", "--", "sh", "-c",
                    f"{get} http://10.0.2.2:{port}/; {get} http://[fd00::2]:{port6}/; {get} http://10.0.2.2:{port}/3000000 | wc -c").stdout
    expect(out.split("\n")[:3] == ["hello from 127.0.0.1", "hello from ::1", "3000000"], out)
    # Refused on the host: refused inside, at once.
    done = w.unshare("--allow-host-loopback", "--", "sh", "-c", f"{get} http://10.0.2.2:1/", status=7)
    expect("refused" in done.stderr.lower() or "connect" in done.stderr, done.stderr)
    # Not allowed by default.
    w.unshare("--", "sh", "-c", f"{get} --max-time 3 http://10.0.2.2:{port}/ && exit 99; exit 5", status=5)


def servers_are_reached_by_forwards(w):
    done = w.unshare("--forward", "tcp,127.0.0.1:8081,10.0.2.100:80", "--", "sh", "-c",
                     "cd /usr/share; python3 -m http.server 80 >/dev/null 2>&1 & "
                     f"nsenter --version >/dev/null; echo up; read line", stdin="\n")
    expect(done.stdout == "up\n", done.stderr)
    p = w.start(w.weft, "unshare", "--forward", "tcp,127.0.0.1:8081,10.0.2.100:80", "--", "python3", "-m", "http.server",
                "80", "--directory", "/etc/alternatives", stdout=-3, stderr=-3)
    end = time.monotonic() + 20
    text = ""
    while "HTTP/1.0 200" not in text and time.monotonic() < end:
        done = w.run("curl", "-sS", "-i", "--max-time", "5", "http://127.0.0.1:8081/", status=None)
        text = done.stdout
        time.sleep(0.1)
    expect("HTTP/1.0 200" in text, text + done.stderr)
    p.send_signal(signal.SIGTERM)
    expect(p.wait(10) == 128 + signal.SIGTERM, f"status {p.returncode}")


def signals_reach_the_program(w):
    p = w.start(w.weft, "unshare", "--", "sh", "-c", "trap 'echo got; exit 3' TERM; echo up; while :; do sleep 0.05; done",
                stdout=-1)
    expect(p.stdout.readline() == "up\n", "it did not start")
    p.send_signal(signal.SIGTERM)
    expect(p.stdout.readline() == "got\n" and p.wait(10) == 3, f"status {p.returncode}")


def terminal_is_the_programs(w):
    pid, fd = pty.fork()
    if pid == 0:
        argv = w.enter(w.weft, "unshare", "--", "sh", "-c", "stty size; echo up; exec sleep 30")
        os.execvpe(argv[0], argv, w.env)
    text = b""
    end = time.monotonic() + 20
    while b"up" not in text and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            text += os.read(fd, 1000)
    expect(re.search(rb"\d+ \d+\r\nup", text), str(text))
    os.write(fd, b"\x03")  # Ctrl-C
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    expect(os.waitstatus_to_exitcode(status) == 128 + signal.SIGINT, f"status {status}")


def everything_ends_with_the_program(w):
    w.unshare("--", "sh", "-c", "setsid sleep 1000 & setsid sleep 1000 >/dev/null 2>&1 </dev/null & exit 0", stdin=None)
    w.expect_nothing_left()


def everything_ends_when_weft_is_killed(w):
    p = w.start(w.weft, "unshare", "--", "sh", "-c", "setsid sleep 1000 & echo up; sleep 1000", stdout=-1)
    expect(p.stdout.readline() == "up\n", "it did not start")
    p.kill()
    p.wait()
    w.expect_nothing_left()


def gateway_is_looked_into_as_a_node(w):
    p = w.start(w.weft, "unshare", "--name", "mine", "--", "sh", "-c", "echo up; exec sleep 1000", stdout=-1)
    expect(p.stdout.readline() == "up\n", "it did not start")
    expect("mine" in w.run(w.weft, "ls").stdout, "weft ls does not show it")
    out = w.run(w.weft, "-l", "mine", "-n", "gateway", "ip", "addr").stdout
    expect("10.0.2.2/24" in out and "fd00::2/64" in out, out)
    status = open(f"/proc/{gateway_pid(w)}/status", encoding="ascii").read()
    expect(status, "there is none")


def gateway_has_no_right_left_with_either_family(w):
    for options in [], ["--ipv4-only"], ["--ipv6-only"]:
        p = w.start(w.weft, "unshare", *options, "--", "sh", "-c", "echo up; exec sleep 1000", stdout=-1)
        expect(p.stdout.readline() == "up\n", "it did not start")
        expect_no_rights(gateway_pid(w))
        p.terminate()
        p.wait(10)


def resolv_conf_is_covered_and_nothing_else(w):
    """What the program sees of /etc: our name servers with the system's other words; all else as it is."""
    etc, hosts = w.folder / "resolv.conf", open("/etc/hosts", encoding="utf-8").read()
    etc.write_text("# a word\nnameserver 192.0.2.53\nsearch example.org other.test\noptions ndots:2 edns0\nsortlist 10.0.0.0\n")
    w.run("mount", "--bind", etc, "/etc/resolv.conf", user=False)
    try:
        show = ["sh", "-c", "cat /etc/resolv.conf; echo --; cat /etc/hosts"]
        seen, _, names = w.unshare("--", *show).stdout.partition("--\n")
        expect(seen == "nameserver 10.0.2.3\nnameserver fd00::3\nsearch example.org other.test\noptions ndots:2 edns0\n", seen)
        expect(names == hosts, f"/etc/hosts has changed: {names}")
        seen = w.unshare("--ipv6-only", "--search", "a.test", "--search", "b.test", "--", *show).stdout.partition("--\n")[0]
        expect(seen == "nameserver fd00::3\nsearch a.test b.test\noptions ndots:2 edns0\n", seen)
        seen = w.unshare("--ipv4-only", "--search", "none", "--", *show).stdout.partition("--\n")[0]
        expect(seen == "nameserver 10.0.2.3\noptions ndots:2 edns0\n", seen)
        seen = w.unshare("--no-dns", "--", *show).stdout.partition("--\n")[0]
        expect(seen == etc.read_text(), seen)
        expect("192.0.2.53" in w.run("cat", "/etc/resolv.conf").stdout, "the system's file has changed")
    finally:
        w.run("umount", "/etc/resolv.conf", user=False)
    # Names of /etc/hosts are known inside; localhost is the namespace's own.
    expect("127.0.0.1" in w.unshare("--", "getent", "ahostsv4", "localhost").stdout, "localhost")


if __name__ == "__main__":
    run_cases([
        status_of_the_program_is_passed_on,
        user_is_itself_or_root_inside,
        other_ids_of_the_user_are_there_when_it_has_them,
        namespace_has_the_network_and_no_other,
        clients_reach_the_host_when_they_may,
        servers_are_reached_by_forwards,
        signals_reach_the_program,
        terminal_is_the_programs,
        everything_ends_with_the_program,
        everything_ends_when_weft_is_killed,
        gateway_is_looked_into_as_a_node,
        gateway_has_no_right_left_with_either_family,
        resolv_conf_is_covered_and_nothing_else,
    ])
