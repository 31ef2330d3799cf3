# SPDX-License-Identifier: MIT
"""Rows: path MTUs, of hosts and through routers; traceroute."""
from behave_kit import *  # noqa: F403

SECTION = "Path MTU, hosts and routers in a row"
DISCOVER = {4: (0, 10), 6: (41, 23)}
MTU_OPT = {4: (0, 14), 6: (41, 24)}
RECVERR = {4: (0, 11), 6: (41, 25)}
DONT, WANT, DO, PROBE = 0, 1, 2, 3


def too_big(t, mtu, quote=None, **kw):
    """What a router on the way says."""
    kind, code = (3, 4) if t.v == 4 else (2, 0)
    return t.icmp_error(kind, code, mtu, quote or large(t), src=t.third, mac_src=MAC_THIRD, **kw)


def large(t, **kw):
    """The beginning of a datagram of 1,500 bytes, as routers quote."""
    return bytes(t.quoted(UDP(sport=kw.pop("sport", PORT), dport=PEER_PORT) / Raw(bytes(1472 if t.v == 4 else 1452)), **kw))[:300]


def client(t, discover=WANT):
    s = t.server(port=PORT)
    s.setopt(*DISCOVER[t.v], discover)
    s.setopt(*RECVERR[t.v], 1)
    s.connect(t.peer, PEER_PORT)
    return s


def after(t, mtu, size, discover=WANT, **kw):
    """What becomes of a datagram of `size` bytes when the path has been said to have this MTU."""
    s = client(t, discover)
    s.send(DATA)
    t.wait(2)
    t.rx(too_big(t, mtu, **kw))
    t.wait(5)
    said = t.error_queue(s, 3)
    del t.h.sent[:]
    rc = s.send(bytes(size))
    t.wait(ANSWER_MS)
    text = f"{said}; MTU now {s.getopt(*MTU_OPT[t.v])}; {rc}: {t.words(t.h.sent)}"
    s.close()
    return text


@alone(4, 6)
def a_datagram_socket_is_told_of_a_smaller_mtu(t):
    return after(t, 1400, 100)


@alone(4, 6)
def a_datagram_larger_than_the_path_is_sent_in_fragments(t):
    return after(t, 1400, 1450)


@alone(4, 6)
def a_datagram_larger_than_the_path_is_refused_if_it_must_not_be_cut(t):
    return after(t, 1400, 1450, DO)


@alone(4, 6)
def a_datagram_as_large_as_the_path_is_sent_whole(t):
    return after(t, 1400, 1400 - (28 if t.v == 4 else 48), DO)


@alone(4, 6)
def a_probing_socket_looks_at_its_interface_alone(t):
    return after(t, 1400, 1450, PROBE)


@alone(4, differs="a datagram without DF elicits no such error: it is not believed (RFC 5927 §7)")
def a_socket_without_discovery_sends_without_df(t):
    return after(t, 1400, 100, DONT)


@alone(4)
def an_mtu_below_the_least_is_raised_to_it(t):
    return after(t, 100, 1000)


@alone(4, differs="RFC 1191 §5: the next of the usual MTUs; Linux takes the least at once")
def an_mtu_of_zero_is_from_an_old_router(t):
    return after(t, 0, 1000)


@alone(6, differs="RFC 8201 §4: it must be discarded; Linux tells the socket, too")
def an_mtu_below_1280(t):
    return after(t, 1000, 1400)


@alone(4, differs="RFC 5927 §7.2: an error about a datagram that is not too big for what it says is a forgery")
def an_mtu_about_a_datagram_that_would_fit_is_not_believed(t):
    return after(t, 1400, 1440, WANT, quote=t.quoted())


@alone(6)
def an_mtu_larger_than_the_interfaces_changes_nothing(t):
    return after(t, 9000, 1400)


@alone(4, differs="RFC 5927 §7.2, as above")
def an_mtu_larger_than_the_datagram_is_not_believed(t):
    return after(t, 9000, 1400)


@alone(4, 6)
def an_mtu_about_a_datagram_that_was_not_sent_is_not_believed(t):
    return after(t, 1400, 1440, WANT, quote=large(t, src=t.third))


@alone(4, 6)
def an_mtu_about_another_port_changes_the_path_and_not_the_socket(t):
    return after(t, 1400, 1440, WANT, quote=large(t, sport=PORT + 7))


@alone(4, 6)
def another_destination_is_not_concerned(t):
    s = client(t)
    t.rx(too_big(t, 1400))
    t.wait(5)
    s2 = t.server(port=PORT + 1)
    s2.connect(t.third, PEER_PORT)
    text = f"{s.getopt(*MTU_OPT[t.v])} and {s2.getopt(*MTU_OPT[t.v])}"
    s.close(), s2.close()
    return text


@alone(4, 6)
def a_datagram_larger_than_the_interface_is_refused_if_it_must_not_be_cut(t):
    s = client(t, DO)
    rc = s.send(bytes(1600))
    text = f"{rc}, {t.error_queue(s, 3)}"
    s.close()
    return text


def three(t, kind, mtu):
    """A client of the one kind, a router of the other, and a far host of ours, with a small MTU behind the router."""
    far_v6 = mtu >= 1280
    other = "kernel" if kind == "weft" else "weft"
    two = lambda n4, n6: [f"{n4}/24"] + ([f"{n6}/64"] if far_v6 else [])  # noqa: E731
    fwd = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    make = {"weft": None, "kernel": None}
    for k in ("kernel", "weft"):
        if k == kind:
            make[k] = t.w.add(k, [two("10.0.0.2", "2001:db8::2")], mtu=1500)
        else:
            make[k] = t.w.add(k, [two("10.0.0.1", "2001:db8::1"), two("10.0.1.1", "2001:db8:1::1")], mtu=[1500, mtu], settings=fwd)
    client_, r = make[kind], make[other]
    far = t.w.add("weft", [two("10.0.1.2", "2001:db8:1::2")], mtu=1500)
    t.w.join(client_, 0, r, 0)
    t.w.join(r, 1, far, 0)
    t.w.settle()
    for h, via4, via6 in ((client_, "10.0.0.1", "2001:db8::1"), (far, "10.0.1.1", "2001:db8:1::1")):
        h.route(f"default via {via4}")
        if far_v6:
            h.route(f"default via {via6}")
    return client_, r, far


def chain_row(*families, mtu=1400, **opts):
    def take(fn):
        def row(t):
            return fn(t, *three(t, t.kind, mtu))
        row.__name__ = fn.__name__
        return bare(*families, **opts)(row)
    return take


@chain_row(4, 6)
def udp_finds_the_mtu_of_a_path_through_a_router(t, c, _r, far):
    s = c.socket(FAMILY[t.v], DGRAM)
    s.setopt(*DISCOVER[t.v], DO)
    s.setopt(*RECVERR[t.v], 1)
    s.connect(FAR_PEER[t.v], PORT)
    f = t.server(far)
    first = s.send(bytes(1440))
    said = t.error_queue(s, 300)
    again = s.send(bytes(1440))
    fits = s.send(bytes(1300))
    return f"{first}; {said}; {again}; {s.getopt(*MTU_OPT[t.v])}; {fits}; {t.got(f, 300)}"


@chain_row(4, 6)
def a_large_datagram_crosses_the_router_in_fragments(t, c, _r, far):
    s = c.socket(FAMILY[t.v], DGRAM)
    s.connect(FAR_PEER[t.v], PORT)
    f = t.server(far)
    said = []
    for _ in range(3):
        s.send(bytes(5000))
        said.append(t.got(f, 150))
        if said[-1] != "nothing":
            break
    return f"{said[-1]}"


def transfer(t, a, b, dst, n=120000):
    """`n` bytes from a to b over TCP; what arrived and what it took."""
    lst = t.server(b, STREAM)
    s = a.socket(FAMILY[t.v], STREAM)
    s.connect(dst, PORT)
    conn, got, sent = [], [0], [0]

    def turn():
        if not conn:
            new = lst.accept()
            if new:
                conn.append(new)
        while sent[0] < n:
            rc = s.send(bytes(min(30000, n - sent[0])))
            if isinstance(rc, str) or rc <= 0:
                break
            sent[0] += rc
        while conn:
            m = conn[0].recvmsg()
            if isinstance(m, str) or not m[0]:
                break
            got[0] += len(m[0])
        return got[0] >= n

    t.wait(4000, turn)
    mss = s.getopt(6, 2)
    return f"{got[0]} bytes, MSS {mss}"


@chain_row(4, 6)
def tcp_crosses_a_router_with_a_smaller_mtu(t, c, _r, far):
    return transfer(t, c, far, FAR_PEER[t.v])


@chain_row(4, 6)
def tcp_crosses_a_router_with_a_smaller_mtu_the_other_way(t, c, _r, far):
    return transfer(t, far, c, PEER[t.v])


@chain_row(4, mtu=600)
def tcp_crosses_a_router_with_an_mtu_of_600(t, c, _r, far):
    return transfer(t, c, far, FAR_PEER[t.v])


@chain_row(6, mtu=1280)
def tcp_crosses_a_router_with_the_least_mtu(t, c, _r, far):
    return transfer(t, c, far, FAR_PEER[t.v])


@chain_row(4, 6)
def a_trace_of_the_route_finds_router_and_host(t, c, _r, _far):
    hops = []
    s = c.socket(FAMILY[t.v], DGRAM)
    s.setopt(*RECVERR[t.v], 1)
    s.connect(FAR_PEER[t.v], 33434)
    for ttl in (1, 2):
        s.setopt(0 if t.v == 4 else 41, 2 if t.v == 4 else 16, ttl)
        s.send(DATA)
        hops.append(t.error_queue(s, 300))
    return "; ".join(hops)


@chain_row(4, 6)
def a_destination_the_router_does_not_know_is_unreachable(t, c, _r, _far):
    s = c.socket(FAMILY[t.v], DGRAM)
    s.setopt(*RECVERR[t.v], 1)
    s.connect(NOWHERE[t.v], 99)
    s.send(DATA)
    return t.error_queue(s, 300)


@chain_row(4, 6)
def a_connect_to_a_destination_the_router_does_not_know_fails(t, c, _r, _far):
    s = c.socket(FAMILY[t.v], STREAM)
    s.connect(NOWHERE[t.v], 99)
    t.wait(200)
    return errno_word(s.getopt(1, 4))


@chain_row(4, 6)
def a_closed_port_beyond_the_router_refuses(t, c, _r, _far):
    s = c.socket(FAMILY[t.v], STREAM)
    s.connect(FAR_PEER[t.v], 99)
    t.wait(200)
    return errno_word(s.getopt(1, 4))


@pair(4, 6)
def tcp_crosses_the_wire(t):
    return transfer(t, t.a, t.b, t.peer)
