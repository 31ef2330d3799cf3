# SPDX-License-Identifier: MIT
"""Rows: groups, what hosts say of them and what they hear."""
from behave_kit import *  # noqa: F403

SECTION = "Groups: IGMP, MLD, source filters, delivery"
GROUP = {4: "239.1.2.3", 6: "ff15::1:2:3"}
MAC = {4: "01:00:5e:01:02:03", 6: "33:33:00:02:00:03"}
SRC = {4: "10.0.0.2", 6: "2001:db8::2"}
ROUTER = {4: "10.0.0.254", 6: "fe80::254"}
JOIN, LEAVE, JOIN_SRC, LEAVE_SRC, BLOCK, UNBLOCK = 42, 45, 46, 47, 43, 44
TENTH_MS = 130  # queries ask for answers in a tenth of a second
UNSOLICITED_MS = 1100


def level(t):
    return 0 if t.v == 4 else 41


def join(t, s, group=None, leave=False):
    group = group or GROUP[t.v]
    if t.v == 4:
        raw = socket.inet_aton(group) + bytes(4) + struct.pack("i", t.h.ifindex(0))
        return s.setopt(0, 36 if leave else 35, raw)
    return s.setopt(41, 21 if leave else 20, socket.inet_pton(10, group) + struct.pack("i", t.h.ifindex(0)))


def reports(t, ms=TENTH_MS):
    """Every record or message that names our group, once each, whatever the order or the repetition."""
    t.wait(ms)
    words = [say(f) for _, f in t.h.sent]
    out = []
    for w in words:
        if GROUP[t.v] not in w:
            continue
        if "[" in w:
            body = w[w.index("[") + 1:w.index("]")]
            kept = [r for r in split_records(body) if GROUP[t.v] in r]
            w = f"{w[:w.index('[')]}[{', '.join(kept)}]{w[w.index(']') + 1:]}"
        if w not in out:
            out.append(w)
    return "; ".join(out) or "nothing"


def split_records(body):
    out, depth, cur = [], 0, ""
    for c in body:
        depth += (c == "{") - (c == "}")
        if c == "," and not depth:
            out.append(cur.strip())
            cur = ""
        else:
            cur += c
    return [*out, cur.strip()]


def query(t, version=3, group=None, sources=(), code=1, hops=1, src=None, alert=True, dst=None):
    """General without `group`. `code`: tenths of a second, MLD: a hundred milliseconds each."""
    group_raw = socket.inet_pton(FAMILY[t.v], group) if group else bytes(4 if t.v == 4 else 16)
    src = src or ROUTER[t.v]
    tail = struct.pack("!BBH", 2, 125, len(sources)) + b"".join(socket.inet_pton(FAMILY[t.v], s) for s in sources)
    if t.v == 4:
        body = struct.pack("!BBH", 0x11, 0 if version == 1 else code, 0) + group_raw + (tail if version == 3 else b"")
        body = body[:2] + struct.pack("!H", csum(body)) + body[4:]
        dst = dst or group or "224.0.0.1"
        mac = "01:00:5e:" + ":".join(f"{b & (0x7f if i == 0 else 0xff):02x}" for i, b in enumerate(socket.inet_aton(dst)[1:]))
        options = [] if not alert else [__import__("scapy.all").all.IPOption_Router_Alert()]
        return t.ip(mac, proto=2, ttl=hops, src=src, dst=dst, options=options) / Raw(body)
    dst = dst or group or "ff02::1"
    body = struct.pack("!BBHHH", 130, 0, 0, code * 100, 0) + group_raw + (tail if version == 2 else b"")
    body = t.icmp_bytes(body, src, dst)
    mac = "33:33:" + socket.inet_pton(10, dst)[12:].hex(":")
    if not alert:
        return t.ip(mac, proto=58, ttl=hops, src=src, dst=dst) / Raw(body)
    return t.ip(mac, proto=0, ttl=hops, src=src, dst=dst) / Raw(bytes([58, 0, 5, 2, 0, 0, 1, 0]) + body)


def newest(t):
    return 3 if t.v == 4 else 2


def said_all(t):
    t.wait(UNSOLICITED_MS if t.v == 6 or not t.w.is_real else 20)


def member(t):
    """A socket in the group, and what was said about it is over."""
    s = t.server()
    join(t, s)
    said_all(t)
    return s


def asked(t, *frames, ms=TENTH_MS):
    del t.h.sent[:]
    for f in frames:
        t.rx(f)
        t.wait(1)
    return reports(t, ms)


# A host repeats what it reports within a second: with a robustness of 1 it does not. The kernel has that setting for
# IGMP alone; for MLD rows wait until it has said all.
QRV = {"kernel_settings": {"net.ipv4.igmp_qrv": 1}, "weft_settings": {"net.ipv4.igmp_qrv": 1}}


@alone(4, 6, **QRV)
def a_group_that_is_joined_is_reported(t):
    s = t.server()
    del t.h.sent[:]
    join(t, s)
    return reports(t)


@alone(4, 6, **QRV)
def a_group_that_is_left_is_reported(t):
    s = member(t)
    del t.h.sent[:]
    join(t, s, leave=True)
    return reports(t)


@alone(4, 6, **QRV)
def a_socket_that_is_closed_leaves_its_groups(t):
    s = member(t)
    del t.h.sent[:]
    s.close()
    return reports(t)


@alone(4, 6, **QRV)
def a_second_member_of_a_group_is_not_reported(t):
    s = member(t)
    b = t.server(port=PORT + 5)
    del t.h.sent[:]
    join(t, b)
    said = reports(t)
    join(t, s, leave=True)
    return f"{said}; when one leaves: {reports(t)}"


@alone(4, 6, **QRV)
def a_report_has_a_hop_limit_of_one_and_an_option_for_routers(t):
    s = t.server()
    del t.h.sent[:]
    join(t, s)
    t.wait(TENTH_MS)
    f = [f for _, f in t.h.sent if GROUP[t.v] in say(f)][0]
    if t.v == 4:
        return f"TTL {f[22]}, TOS {f[15]:#x}, header {(f[14] & 15) * 4} bytes: {f[34:38].hex()}, to {f[:6].hex(':')}"
    return f"hop limit {f[21]}, next header {f[20]}: {f[54:62].hex()}, from {socket.inet_ntop(10, f[22:38])}, to {f[:6].hex(':')}"


@alone(4, 6, **QRV)
def a_general_query_is_answered(t):
    member(t)
    return asked(t, query(t, newest(t)))


@alone(4, 6, **QRV)
def a_query_for_the_group_is_answered(t):
    member(t)
    return asked(t, query(t, newest(t), GROUP[t.v]))


@alone(4, 6, **QRV)
def a_query_for_another_group_is_not_answered(t):
    member(t)
    return asked(t, query(t, newest(t), "239.9.9.9" if t.v == 4 else "ff15::9"))


WITH_SOURCES = "RFC 3376 §5.2, RFC 3810 §6.2: IS_IN with those of the sources asked for that are wanted"
ONE_GROUP = "RFC 3376 §7.2.1: general queries tell which version the querier speaks"


@alone(4, 6, differs=WITH_SOURCES, **QRV)
def a_query_for_a_group_and_sources_is_answered(t):
    member(t)
    return asked(t, query(t, newest(t), GROUP[t.v], [SRC[t.v], THIRD[t.v]]))


@alone(4, 6, differs=WITH_SOURCES, **QRV)
def a_query_for_sources_that_are_blocked_is_answered_without_them(t):
    s = member(t)
    s.group_source(BLOCK, GROUP[t.v], THIRD[t.v])
    t.wait(20)
    return asked(t, query(t, newest(t), GROUP[t.v], [SRC[t.v], THIRD[t.v]]))


@alone(4, 6, **QRV)
def a_query_of_the_first_version_has_an_answer_of_it(t):
    member(t)
    v = 2 if t.v == 4 else 1
    return asked(t, query(t, v))


@alone(4, 6, differs=ONE_GROUP, **QRV)
def a_query_of_the_older_version_for_the_group(t):
    member(t)
    return asked(t, query(t, 2 if t.v == 4 else 1, GROUP[t.v]))


@alone(4, long=True, **QRV)
def a_query_of_igmp_version_1_has_an_answer_of_it(t):
    member(t)
    return asked(t, query(t, 1), ms=10500)


@alone(4, 6, **QRV)
def a_group_left_while_the_querier_is_older_is_told_in_its_words(t):
    s = member(t)
    asked(t, query(t, 2 if t.v == 4 else 1))
    del t.h.sent[:]
    join(t, s, leave=True)
    return reports(t)


@alone(4, 6, **QRV)
def a_group_joined_while_the_querier_is_older_is_told_in_its_words(t):
    asked(t, query(t, 2 if t.v == 4 else 1))
    s = t.server()
    del t.h.sent[:]
    join(t, s)
    return reports(t)


def other_report(t):
    """Another host's report in the older version."""
    if t.v == 4:
        body = struct.pack("!BBH", 0x16, 0, 0) + socket.inet_aton(GROUP[4])
        body = body[:2] + struct.pack("!H", csum(body)) + body[4:]
        return t.ip(MAC[4], proto=2, ttl=1, src=THIRD[4], dst=GROUP[4],
                    options=[__import__("scapy.all").all.IPOption_Router_Alert()]) / Raw(body)
    body = t.icmp_bytes(struct.pack("!BBHHH", 131, 0, 0, 0, 0) + socket.inet_pton(10, GROUP[6]), "fe80::9", GROUP[6])
    return t.ip(MAC[6], proto=0, ttl=1, src="fe80::9", dst=GROUP[6]) / Raw(bytes([58, 0, 5, 2, 0, 0, 1, 0]) + body)


@alone(4, 6, **QRV)
def another_hosts_report_saves_ours_in_the_older_version(t):
    member(t)
    v = 2 if t.v == 4 else 1
    return asked(t, query(t, v, code=3), other_report(t), ms=350)


@alone(4, 6, **QRV)
def another_hosts_report_does_not_save_ours_in_the_newer_version(t):
    member(t)
    return asked(t, query(t, newest(t), code=2), other_report(t), ms=250)


@alone(6, **QRV)
def a_query_from_off_the_link(t):
    member(t)
    return asked(t, query(t, newest(t), hops=9))


@alone(4, differs="RFC 3376 §4: messages of IGMP have a TTL of 1; others are not from this link", **QRV)
def a_query_of_igmp_from_off_the_link(t):
    member(t)
    return asked(t, query(t, newest(t), hops=9))


@alone(6, **QRV)
def a_query_from_a_global_address_is_dropped(t):
    member(t)
    return asked(t, query(t, 2, src="2001:db8::254"))


@alone(6, **QRV)
def a_query_without_a_router_alert(t):
    member(t)
    return asked(t, query(t, 2, alert=False))


@alone(4, **QRV)
def a_query_of_igmp_without_a_router_alert(t):
    member(t)
    return asked(t, query(t, 3, alert=False))


@alone(4, 6, **QRV)
def a_general_query_says_nothing_of_the_group_of_all_hosts(t):
    member(t)
    del t.h.sent[:]
    t.rx(query(t, newest(t)))
    t.wait(TENTH_MS)
    all_hosts = "224.0.0.1" if t.v == 4 else "ff02::1"
    text = " ".join(say(f) for _, f in t.h.sent)
    return "said" if any(f" {all_hosts}{end}" in text.replace("to " + all_hosts, "") for end in (",", "]")) else "not said"


def sourced(t, first, *rest, host=None):
    """A socket that makes these changes; what is reported of the last."""
    s = t.server()
    for name, arg in (first, *rest)[:-1]:
        change(t, s, name, arg)
        t.wait(20)
    said_all(t)
    del t.h.sent[:]
    change(t, s, *(first, *rest)[-1])
    return reports(t)


def change(t, s, name, arg=None):
    rc = (join(t, s) if name == "join" else join(t, s, leave=True) if name == "leave" else
          s.group_source(name, GROUP[t.v], arg))
    assert rc == 0, (name, arg, rc)


@alone(4, 6, **QRV)
def a_group_joined_for_one_source_is_reported_with_it(t):
    return sourced(t, (JOIN_SRC, SRC[t.v]))


@alone(4, 6, **QRV)
def a_second_source_is_reported_alone(t):
    return sourced(t, (JOIN_SRC, SRC[t.v]), (JOIN_SRC, THIRD[t.v]))


@alone(4, 6, **QRV)
def a_source_that_is_left_is_reported_as_blocked(t):
    return sourced(t, (JOIN_SRC, SRC[t.v]), (JOIN_SRC, THIRD[t.v]), (LEAVE_SRC, SRC[t.v]))


@alone(4, 6, **QRV)
def the_last_source_that_is_left_ends_the_membership(t):
    return sourced(t, (JOIN_SRC, SRC[t.v]), (LEAVE_SRC, SRC[t.v]))


@alone(4, 6, **QRV)
def a_source_that_is_blocked_is_reported(t):
    return sourced(t, ("join", None), (BLOCK, SRC[t.v]))


@alone(4, 6, **QRV)
def a_source_that_is_unblocked_is_reported(t):
    return sourced(t, ("join", None), (BLOCK, SRC[t.v]), (UNBLOCK, SRC[t.v]))


@alone(4, 6, **QRV)
def a_query_is_answered_with_the_sources_that_are_wanted(t):
    s = t.server()
    change(t, s, JOIN_SRC, SRC[t.v])
    t.wait(30)
    return asked(t, query(t, newest(t)))


# What members hear

def to_group(t, src=None, group=None, dport=PORT, mac=None):
    return t.ip(mac or MAC[t.v], src=src or t.peer, dst=group or GROUP[t.v], ttl=9) / t.udp(dport=dport)


@alone(4, 6)
def a_member_hears_its_group(t):
    s = member(t)
    t.raw(to_group(t))
    return t.got(s)


@alone(4, 6)
def who_is_not_a_member_hears_nothing(t):
    s = t.server()
    t.raw(to_group(t))
    return t.got(s)


@alone(4, 6)
def who_has_left_hears_nothing(t):
    s = member(t)
    join(t, s, leave=True)
    t.raw(to_group(t))
    return t.got(s)


@alone(4, 6)
def a_blocked_source_is_not_heard(t):
    s = member(t)
    s.group_source(BLOCK, GROUP[t.v], t.peer)
    t.raw(to_group(t))
    return f"{t.got(s)}; of another: {t.raw(to_group(t, t.third)) and ''}{t.got(s)}"


@alone(4, 6)
def of_chosen_sources_alone_is_heard(t):
    s = t.server()
    change(t, s, JOIN_SRC, t.peer)
    t.raw(to_group(t))
    first = t.got(s)
    t.raw(to_group(t, t.third))
    return f"{first}; of another: {t.got(s)}"


@alone(4, 6)
def a_member_and_another_socket_of_its_port_both_hear(t):
    reuse = [(1, 2, 1)]
    a, b = t.server(opts=reuse), t.server(opts=reuse)
    join(t, a)
    t.wait(20)
    t.raw(to_group(t))
    return f"the member: {t.got(a)}, the other: {t.got(b)}"


@alone(4, 6)
def who_wants_his_own_groups_alone_hears_no_others(t):
    reuse = [(1, 2, 1)]
    a, b = t.server(opts=reuse), t.server(opts=[*reuse, (level(t), 49 if t.v == 4 else 29, 0)])
    join(t, a)
    t.wait(20)
    t.raw(to_group(t))
    return f"the member: {t.got(a)}, the other: {t.got(b)}"


@alone(4, 6)
def a_socket_bound_to_the_group_hears_it_alone(t):
    s = t.server(addr=GROUP[t.v])
    join(t, s)
    t.wait(20)
    t.raw(to_group(t), t.ip() / t.udp(dport=PORT))
    return f"{t.got(s)}, then {t.got(s)}"


@alone(4, 6)
def a_group_is_sent_to_with_a_hop_limit_of_one(t):
    s = t.server()
    del t.h.sent[:]
    s.setopt(level(t), 32 if t.v == 4 else 17, (bytes(8) if t.v == 4 else b"") + struct.pack("i", t.h.ifindex(0)))
    rc = s.sendto(DATA, GROUP[t.v], PEER_PORT)
    t.wait(ANSWER_MS)
    f = [f for _, f in t.sent()]
    return f"{rc}, {t.words(t.sent())}, to {f[0][:6].hex(':')}" if f else f"{rc}, nothing"


@alone(4, 6)
def a_member_hears_what_its_own_host_sends(t):
    s = member(t)
    s.setopt(level(t), 32 if t.v == 4 else 17, (bytes(8) if t.v == 4 else b"") + struct.pack("i", t.h.ifindex(0)))
    s.sendto(DATA, GROUP[t.v], PORT)
    return t.got(s)


@alone(4, 6)
def a_member_need_not_hear_what_its_own_host_sends(t):
    s = member(t)
    s.setopt(level(t), 34 if t.v == 4 else 19, 0)
    s.setopt(level(t), 32 if t.v == 4 else 17, (bytes(8) if t.v == 4 else b"") + struct.pack("i", t.h.ifindex(0)))
    s.sendto(DATA, GROUP[t.v], PORT)
    return t.got(s)


@alone(4, 6)
def a_group_of_multicast_names_is_usable(t):
    group, mac = ("224.0.0.251", "01:00:5e:00:00:fb") if t.v == 4 else ("ff02::fb", "33:33:00:00:00:fb")
    s = t.server(port=5353)
    rc = join(t, s, group)
    t.wait(20)
    t.raw(to_group(t, group=group, mac=mac, dport=5353))
    return f"{rc}, {t.got(s)}"
