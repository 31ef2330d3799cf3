# SPDX-License-Identifier: MIT
"""Rows: UDP, raw and ping sockets: checksums, who gets a datagram, errors and their errno."""
from behave_kit import *  # noqa: F403

SECTION = "Sockets: UDP, raw, ping, errors and their errno"
RECVERR = {4: (0, 11), 6: (41, 25)}
REUSEADDR, REUSEPORT, BROADCAST = (1, 2, 1), (1, 15, 1), (1, 6, 1)
PKTINFO = {4: (0, 8, 1), 6: (41, 49, 1)}


def arrives(t, frame, s=None, **kw):
    s = s or t.server(**kw)
    answered = t.ask(frame)
    return f"received: {t.got(s)}, answered: {answered}"


def connected(t, recverr=False):
    s = t.server()
    if recverr:
        s.setopt(*RECVERR[t.v], 1)
    s.connect(t.peer, PEER_PORT)
    return s


@alone(4, 6)
def a_datagram_arrives(t):
    return arrives(t, t.ip() / t.udp(dport=PORT))


@alone(4, 6)
def an_empty_datagram_arrives(t):
    return arrives(t, t.ip() / t.udp(b"", dport=PORT))


@alone(4, 6)
def a_datagram_with_a_bad_checksum(t):
    return arrives(t, t.ip() / t.udp(dport=PORT, chksum=0x1234))


@alone(4, 6)
def a_datagram_without_a_checksum(t):
    return arrives(t, t.ip() / t.udp(dport=PORT, chksum=0))


@alone(4, 6)
def a_datagram_whose_length_is_too_large(t):
    return arrives(t, t.ip() / t.udp(dport=PORT, len=100, chksum=0 if t.v == 4 else None))


@alone(4, 6)
def a_datagram_whose_length_is_less_than_its_header(t):
    return arrives(t, t.ip() / t.udp(dport=PORT, len=7, chksum=0 if t.v == 4 else None))


@alone(4)
def a_datagram_shorter_than_its_packet_is_cut_to_its_length(t):
    return arrives(t, t.ip() / t.udp(dport=PORT, len=8 + 10, chksum=0))


@alone(6)
def a_datagram_shorter_than_its_packet_is_cut_to_its_length_in_ipv6(t):
    head = struct.pack("!HHHH", PEER_PORT, PORT, 18, 0) + DATA[:10]
    pseudo = socket.inet_pton(10, t.peer) + socket.inet_pton(10, t.me) + struct.pack("!II", 18, 17)
    head = head[:6] + struct.pack("!H", csum(pseudo + head)) + head[8:]
    return arrives(t, t.ip(proto=17) / Raw(head + b"beyond"))


@alone(6, differs="RFC 2675 §4: jumbograms alone have a length of 0, and weft has none")
def a_datagram_with_a_length_of_zero_in_ipv6(t):
    return arrives(t, t.ip() / t.udp(dport=PORT, len=0))


@alone(4, 6)
def a_header_cut_short(t):
    return arrives(t, t.ip(proto=17) / Raw(b"\x17\x70\x13\x88\0"))


@alone(4, 6)
def a_datagram_to_port_zero(t):
    return t.ask(t.ip() / t.udp(dport=0))


@alone(4, 6)
def a_datagram_from_port_zero(t):
    return arrives(t, t.ip() / t.udp(sport=0, dport=PORT))


@alone(4, 6)
def a_datagram_that_is_sent_has_a_checksum(t):
    s = t.server()
    s.sendto(DATA, t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    return t.words(t.h.sent)


@alone(4, 6)
def a_checksum_of_zero_is_sent_as_all_ones(t):
    s = connected(t)
    src = socket.inet_pton(FAMILY[t.v], t.me) + socket.inet_pton(FAMILY[t.v], t.peer)
    head = struct.pack("!HHH", PORT, PEER_PORT, 10)
    s.send(struct.pack("!H", csum(src + struct.pack("!HH", 17, 10) + head)))
    t.wait(ANSWER_MS)
    f = t.sent()[0][1]
    at = 34 if t.v == 4 else 54
    return f"checksum {f[at + 6:at + 8].hex()}"


@alone(4, 6)
def an_ordinary_socket_sends_with_the_default_hop_limit(t):
    s = connected(t)
    s.send(DATA)
    t.wait(ANSWER_MS)
    return t.words(t.h.sent)


@alone(4, 6)
def a_socket_sends_with_the_hop_limit_and_class_it_was_given(t):
    s = connected(t)
    s.setopt(0 if t.v == 4 else 41, 2 if t.v == 4 else 16, 7)
    s.setopt(0 if t.v == 4 else 41, 1 if t.v == 4 else 67, 0x28)
    s.send(DATA)
    t.wait(ANSWER_MS)
    return t.words(t.h.sent)


@alone(4, 6)
def a_connected_socket_hears_its_peer_alone(t):
    s = connected(t)
    return f"{arrives(t, t.ip() / t.udp(dport=PORT), s)}; another: {arrives(t, t.ip(src=t.third) / t.udp(dport=PORT), s)}"


@alone(4, 6)
def a_connected_socket_is_preferred_to_one_that_is_not(t):
    a = t.server(opts=[REUSEADDR])
    b = t.server(opts=[REUSEADDR])
    b.connect(t.peer, PEER_PORT)
    t.raw(t.ip() / t.udp(dport=PORT))
    return f"connected: {t.got(b)}, other: {t.got(a)}"


@alone(4, 6)
def a_socket_bound_to_the_address_is_preferred_to_one_bound_to_any(t):
    a = t.server(opts=[REUSEADDR])
    b = t.server(opts=[REUSEADDR], addr=t.me)
    t.raw(t.ip() / t.udp(dport=PORT))
    return f"bound: {t.got(b)}, any: {t.got(a)}"


@alone(4, 6)
def the_last_of_two_that_share_a_port_hears(t):
    a, b = t.server(opts=[REUSEADDR]), t.server(opts=[REUSEADDR])
    t.raw(t.ip() / t.udp(dport=PORT))
    return f"first: {t.got(a)}, last: {t.got(b)}"


@alone(4, 6)
def two_that_divide_a_port_hear_every_peer_once(t):
    a, b = t.server(opts=[REUSEPORT]), t.server(opts=[REUSEPORT])
    t.raw(*[t.ip() / t.udp(sport=1000 + i, dport=PORT) for i in range(40)])
    n = [0, 0]
    for i, s in enumerate((a, b)):
        while not isinstance(s.recvmsg(), str):
            n[i] += 1
    return f"{sum(n)} in all, {'both' if min(n) >= 5 else 'one'}"


@alone(4, 6)
def a_port_that_is_taken_is_refused(t):
    s = t.server()
    b = t.h.socket(FAMILY[t.v], DGRAM)
    rc = b.bind("0.0.0.0" if t.v == 4 else "::", PORT)
    del s
    return f"{rc}"


@alone(4, 6)
def an_address_that_is_not_ours_is_refused(t):
    return f"{t.h.socket(FAMILY[t.v], DGRAM).bind(t.nowhere, PORT)}"


@alone(4)
def a_broadcast_reaches_all_sockets_of_its_port(t):
    a, b = t.server(opts=[REUSEADDR]), t.server(opts=[REUSEADDR])
    t.raw(t.ip(MAC_ALL, dst="10.0.0.255") / t.udp(dport=PORT))
    return f"{t.got(a)} and {t.got(b)}"


@alone(4)
def a_limited_broadcast_is_received(t):
    return arrives(t, t.ip(MAC_ALL, dst="255.255.255.255") / t.udp(dport=PORT))


@alone(4)
def a_broadcast_in_a_unicast_frame_is_received(t):
    return arrives(t, t.ip(dst="10.0.0.255") / t.udp(dport=PORT))


@alone(4)
def a_broadcast_does_not_reach_a_socket_bound_to_our_address(t):
    return arrives(t, t.ip(MAC_ALL, dst="10.0.0.255") / t.udp(dport=PORT), addr=t.me)


@alone(4)
def a_socket_bound_to_the_broadcast_address_hears_it(t):
    return arrives(t, t.ip(MAC_ALL, dst="10.0.0.255") / t.udp(dport=PORT), addr="10.0.0.255")


@alone(4, 6, differs="RFC 1122 §3.3.6 wants it dropped")
def a_unicast_datagram_in_a_broadcast_frame(t):
    return arrives(t, t.ip(MAC_ALL if t.v == 4 else "33:33:00:00:00:01") / t.udp(dport=PORT))


@alone(4)
def a_broadcast_is_sent_by_those_who_may(t):
    a, b = t.server(port=7001), t.server(port=7002, opts=[BROADCAST])
    said = [str(s.sendto(DATA, "10.0.0.255", PEER_PORT)) for s in (a, b)]
    t.wait(ANSWER_MS)
    return f"{' and '.join(said)}: {t.words(t.h.sent)}"


@alone(4, 6)
def to_a_destination_without_a_route(t):
    return f"{t.server().sendto(DATA, t.nowhere, PEER_PORT)}, connect: {t.server(port=7001).connect(t.nowhere, 9)}"


@alone(4, 6)
def a_datagram_larger_than_any(t):
    return f"{t.server().sendto(bytes(65600), t.peer, PEER_PORT)}"


@alone(4, 6)
def control_messages_tell_how_a_datagram_came(t):
    s = t.server(opts=[PKTINFO[t.v], (0, 12, 1) if t.v == 4 else (41, 51, 1), (0, 13, 1) if t.v == 4 else (41, 66, 1)])
    t.raw(t.ip(ttl=9, tos=0x28) / t.udp(dport=PORT))
    m = s.recvmsg()
    if isinstance(m, str):
        return m
    out = []
    for level, kind, raw in sorted(m[1]):
        if (level, kind) == (0, 8):
            raw = struct.pack("i", struct.unpack("i", raw[:4])[0] - t.h.ifindex(0)) + raw[4:]
        if (level, kind) == (41, 50):
            raw = raw[:16] + struct.pack("i", struct.unpack("i", raw[16:20])[0] - t.h.ifindex(0))
        out.append(f"{level}/{kind} {raw.hex()}")
    return ", ".join(out)


# Errors

def surfaces(t, kind, code, info=0, recverr=False, connect=True):
    """What a UDP socket says of an ICMP error."""
    s = connected(t, recverr) if connect else t.server()
    if recverr and not connect:
        s.setopt(*RECVERR[t.v], 1)
    s.send(DATA) if connect else s.sendto(DATA, t.peer, PEER_PORT)
    t.wait(2)
    t.raw(t.icmp_error(kind, code, info))
    if recverr:
        return t.error_queue(s, 3)
    return f"{t.got(s, 3)}"


CODES4 = {0: "network unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable", 5: "source route failed",
          6: "network unknown", 7: "host unknown", 8: "source host isolated", 9: "network prohibited", 10: "host prohibited",
          11: "network unreachable for this service", 12: "host unreachable for this service", 13: "communication prohibited",
          14: "host precedence violation", 15: "precedence cutoff"}
CODES6 = {0: "no route", 1: "communication prohibited", 2: "beyond the scope", 3: "address unreachable", 4: "port unreachable",
          5: "source address failed policy", 6: "reject route"}
OTHERS = {4: [(11, 0, "time exceeded in transit"), (11, 1, "time exceeded in reassembly"), (12, 0, "parameter problem"),
              (4, 0, "source quench"), (3, 16, "an unreachable code that is not known")],
          6: [(3, 0, "time exceeded in transit"), (3, 1, "time exceeded in reassembly"), (4, 0, "parameter problem"),
              (4, 1, "next header unknown"), (4, 2, "option unknown"), (1, 9, "an unreachable code that is not known")]}


DIFFER = {(4, 11, 1, True): "RFC 1122 §3.2.2.4 has it passed on to the transport",
          (6, 1, 9, False): "what a code that is not known says is not known either"}


def errno_rows():
    def make(v, kind, code, what):
        def row(t):
            return f"error queue: {surfaces(t, kind, code, recverr=True)}"

        def plain(t):
            return surfaces(t, kind, code)

        row.__name__ = f"{what} is told to an error queue".replace(" ", "_")
        plain.__name__ = f"{what} to a connected socket".replace(" ", "_")
        alone(v, differs=DIFFER.get((v, kind, code, True)))(row)
        alone(v, differs=DIFFER.get((v, kind, code, False)))(plain)

    for v, kind, codes in ((4, 3, CODES4), (6, 1, CODES6)):
        for code, what in codes.items():
            make(v, kind, code, what)
        for kind_, code, what in OTHERS[v]:
            make(v, kind_, code, what)


errno_rows()


@alone(4, 6)
def a_port_that_is_closed_is_told_to_a_socket_that_is_not_connected(t):
    return surfaces(t, 3 if t.v == 4 else 1, 3 if t.v == 4 else 4, connect=False)


@alone(4, 6)
def a_port_that_is_closed_is_told_to_an_error_queue_without_a_connection(t):
    return surfaces(t, 3 if t.v == 4 else 1, 3 if t.v == 4 else 4, connect=False, recverr=True)


@alone(4, 6)
def an_error_is_told_once(t):
    s = connected(t)
    s.send(DATA)
    t.raw(t.icmp_error(3 if t.v == 4 else 1, 3 if t.v == 4 else 4))
    return f"{t.got(s, 3)}, then {t.got(s, 3)}"


@alone(4, 6)
def an_error_is_told_by_the_next_send(t):
    s = connected(t)
    s.send(DATA)
    t.raw(t.icmp_error(3 if t.v == 4 else 1, 3 if t.v == 4 else 4))
    return f"{s.send(DATA)}, then {s.send(DATA)}"


@alone(4, 6)
def an_error_that_quotes_another_port_is_not_told(t):
    s = connected(t, True)
    s.send(DATA)
    t.raw(t.icmp_error(3 if t.v == 4 else 1, 3 if t.v == 4 else 4, quote=t.quoted(UDP(sport=PORT, dport=PEER_PORT + 1) / Raw(DATA))))
    return t.error_queue(s, 3)


@alone(4, 6)
def an_error_that_quotes_too_little_is_not_told(t):
    s = connected(t, True)
    s.send(DATA)
    t.raw(t.icmp_error(3 if t.v == 4 else 1, 3 if t.v == 4 else 4, quote=bytes(t.quoted())[:24 if t.v == 4 else 44]))
    return t.error_queue(s, 3)


@alone(4, 6)
def an_error_with_a_bad_checksum_is_not_told(t):
    s = connected(t, True)
    s.send(DATA)
    frame = bytearray(bytes(t.icmp_error(3 if t.v == 4 else 1, 3 if t.v == 4 else 4)))
    frame[(34 if t.v == 4 else 54) + 2] ^= 0x55
    t.raw(bytes(frame))
    return t.error_queue(s, 3)


@alone(4, 6)
def a_connect_to_a_closed_port_is_refused(t):
    s = t.h.socket(FAMILY[t.v], STREAM)
    rc = s.connect(t.peer, PEER_PORT)
    t.wait(2)
    syn = t.sent()[0][1]
    at = 34 if t.v == 4 else 54
    sport, seq = struct.unpack_from("!HxxI", syn, at)
    t.raw(t.ip() / TCP(sport=PEER_PORT, dport=sport, flags="RA", seq=0, ack=seq + 1))
    return f"{rc}, then {errno_word(s.getopt(1, 4))}"


@alone(4, 6)
def a_connect_that_is_prohibited_fails(t):
    s = t.h.socket(FAMILY[t.v], STREAM)
    s.connect(t.peer, PEER_PORT)
    t.wait(2)
    syn = t.sent()[0][1][14:]
    kind, code = (3, 13) if t.v == 4 else (1, 1)
    t.raw(t.icmp_error(kind, code, quote=syn))
    return errno_word(s.getopt(1, 4))


# Raw and ping sockets

def icmp_proto(t):
    return 1 if t.v == 4 else 58


@alone(4, 6)
def a_raw_socket_hears_echo_requests_that_are_answered_all_the_same(t):
    s = t.h.socket(FAMILY[t.v], RAW, icmp_proto(t))
    return f"{t.ask(t.ip() / t.echo())}; raw: {t.got(s)}"


@alone(4, 6)
def a_raw_socket_of_an_unknown_protocol_hears_it_and_nobody_is_told(t):
    s = t.h.socket(FAMILY[t.v], RAW, 253)
    return f"{t.ask(t.ip(proto=253) / Raw(DATA))}; raw: {t.got(s)}"


@alone(4, 6)
def a_raw_socket_of_udp_hears_what_no_port_has_and_the_port_is_unreachable(t):
    s = t.h.socket(FAMILY[t.v], RAW, 17)
    return f"{t.ask(t.ip() / t.udp())}; raw: {t.got(s)}"


@alone(4, 6)
def a_raw_socket_with_a_filter_hears_other_types_alone(t):
    s = t.h.socket(FAMILY[t.v], RAW, icmp_proto(t))
    if t.v == 4:
        s.setopt(255, 1, struct.pack("I", 1 << 8))
    else:
        s.setopt(58, 1, struct.pack("8I", *[1 if i == 4 else 0 for i in range(8)]))
    t.raw(t.ip() / t.echo())
    return f"{t.got(s)}; of another type: {t.raw(t.ip(proto=icmp_proto(t)) / Raw(t.icmp_bytes(bytes([8 + 120 * (t.v == 6) + 1, 0, 0, 0]) + DATA))) and ''}{t.got(s)}"


@alone(4, 6)
def a_raw_socket_does_not_hear_a_datagram_whose_header_is_wrong(t):
    s = t.h.socket(FAMILY[t.v], RAW, 253)
    t.raw(t.ip(proto=253, **({"chksum": 1} if t.v == 4 else {"version": 5})) / Raw(DATA))
    return t.got(s)


@alone(4, 6)
def a_raw_socket_hears_a_datagram_put_together(t):
    from behave_frag import cut
    s = t.h.socket(FAMILY[t.v], RAW, 253)
    t.raw(*cut(t, bytes(3000), 1400, proto=253))
    return t.got(s)


@alone(4, 6)
def a_raw_socket_sends_with_a_header_of_ours(t):
    s = t.h.socket(FAMILY[t.v], RAW, 253)
    s.sendto(DATA, t.peer, 0)
    t.wait(ANSWER_MS)
    return t.words(t.h.sent)


@alone(4)
def a_raw_socket_sends_with_a_header_of_its_own(t):
    s = t.h.socket(FAMILY[t.v], RAW, 255)
    s.sendto(bytes(IP(src=t.me, dst=t.peer, ttl=9, id=77, proto=253) / Raw(DATA)), t.peer, 0)
    t.wait(ANSWER_MS)
    return t.words(t.h.sent)


@alone(4)
def a_header_of_its_own_is_completed(t):
    s = t.h.socket(FAMILY[t.v], RAW, 255)
    s.sendto(bytes(IP(src="0.0.0.0", dst=t.peer, ttl=9, id=0, proto=253, chksum=0, len=0) / Raw(DATA)), t.peer, 0)
    t.wait(ANSWER_MS)
    sent = t.sent()
    return t.words(sent) + (f" from {socket.inet_ntop(2, sent[0][1][26:30])}" if sent else "")


@alone(6)
def a_raw_socket_of_icmpv6_has_its_checksum_made(t):
    s = t.h.socket(FAMILY[t.v], RAW, 58)
    s.sendto(bytes([128, 0, 0, 0, 0, 1, 0, 2]) + DATA, t.peer, 0)
    t.wait(ANSWER_MS)
    return t.words(t.h.sent)


@alone(4, 6, kernel_settings={"net.ipv4.ping_group_range": "0 2147483647"})
def a_ping_socket_sends_and_hears_its_echo_alone(t):
    s = t.h.socket(FAMILY[t.v], DGRAM, icmp_proto(t))
    s.connect(t.peer, 0)
    rc = s.send(bytes([8 if t.v == 4 else 128, 0, 0, 0, 0, 0, 0, 2]) + DATA)
    t.wait(ANSWER_MS)
    f = t.sent()[0][1]
    at = 34 if t.v == 4 else 54
    ident = f[at + 4:at + 6]
    kind = 0 if t.v == 4 else 129
    t.raw(t.ip(proto=icmp_proto(t)) / Raw(t.icmp_bytes(bytes([kind, 0, 0, 0]) + bytes([ident[0] ^ 1, ident[1]]) + b"\0\2" + DATA)))
    other = t.got(s, 3)
    t.raw(t.ip(proto=icmp_proto(t)) / Raw(t.icmp_bytes(bytes([kind, 0, 0, 0]) + ident + b"\0\2" + DATA)))
    return f"{rc}; of another: {other}; its own: {t.got(s, 3)}"


@alone(4, 6, kernel_settings={"net.ipv4.ping_group_range": "0 2147483647"})
def a_ping_socket_refuses_what_is_no_echo_request(t):
    s = t.h.socket(FAMILY[t.v], DGRAM, icmp_proto(t))
    return f"{s.sendto(bytes([13, 0, 0, 0, 0, 0, 0, 2]) + DATA, t.peer, 0)}"


MSG_MORE, UDP_CORK, UDP_SEGMENT, UDP_GRO, PMTUDISC = 0x8000, (17, 1), (17, 103), (17, 104), {4: (0, 10), 6: (41, 23)}


@alone(4, 6)
def sends_with_more_are_one_datagram(t):
    s = t.server()
    rcs = [s.sendto(b"one", t.peer, PEER_PORT, MSG_MORE), s.sendto(b"three", t.third, PEER_PORT + 1, MSG_MORE),
           s.send(b"", MSG_MORE)]
    t.wait(ANSWER_MS)
    before = t.words(t.sent())
    rcs.append(s.send(b"four"))
    t.wait(ANSWER_MS)
    rcs.append(s.send(b"and now?"))
    return f"{rcs}: {before}, then {t.words(t.sent())}"


@alone(4, 6)
def a_corked_socket_sends_when_the_cork_goes(t):
    s = connected(t)
    rcs = [s.setopt(*UDP_CORK, 1), s.getopt(*UDP_CORK), s.send(DATA), s.send(DATA)]
    t.wait(ANSWER_MS)
    before = t.words(t.sent())
    rcs += [s.setopt(*UDP_CORK, 0), s.getopt(*UDP_CORK)]
    t.wait(ANSWER_MS)
    return f"{rcs}: {before}, then {t.words(t.sent())}"


@alone(6)
def what_is_corked_goes_where_its_first_part_said(t):
    return cork_and_connect(t)


@alone(4, differs="in IPv4, not in IPv6, Linux's connect overwrites what its cork remembers")
def what_is_corked_goes_where_its_first_part_said_in_ipv4(t):
    return cork_and_connect(t)


def cork_and_connect(t):
    s = connected(t)
    s.send(DATA, MSG_MORE)
    s.connect(t.third, PEER_PORT)
    rc = s.send(DATA)
    t.wait(ANSWER_MS)
    return f"{rc}: {t.words(t.sent())}"


@alone(4, 6)
def what_is_corked_when_its_socket_closes_is_not_sent(t):
    s = connected(t)
    rc = s.send(DATA, MSG_MORE)
    s.close()
    t.wait(ANSWER_MS)
    return f"{rc}: {t.words(t.sent())}"


@alone(4, 6)
def a_corked_datagram_that_grows_too_large_is_lost(t):
    s = connected(t)
    s.setopt(*RECVERR[t.v], 1)
    rcs = [s.send(bytes(60000), MSG_MORE), s.send(bytes(6000), MSG_MORE)]
    said = t.error_queue(s)
    rcs.append(s.send(b"next"))
    t.wait(ANSWER_MS)
    return f"{rcs}, {said}: {t.words(t.sent())}"


@alone(4, 6)
def a_corked_datagram_that_must_be_whole_is_refused_at_the_mtu(t):
    s = connected(t)
    s.setopt(*RECVERR[t.v], 1)
    s.setopt(*PMTUDISC[t.v], 2)
    rcs = [s.send(bytes(1000), MSG_MORE), s.send(bytes(1000), MSG_MORE)]
    said = t.error_queue(s)
    return f"{rcs}, {said}: {t.words(t.sent())}"


@alone(4, 6)
def a_datagram_that_must_be_whole_is_refused_at_the_mtu(t):
    s = connected(t)
    s.setopt(*RECVERR[t.v], 1)
    s.setopt(*PMTUDISC[t.v], 2)
    rc = s.send(bytes(2000))
    said = t.error_queue(s)
    return f"{rc}, {said}: {t.words(t.sent())}"


@alone(4, 6)
def a_corked_datagram_is_cut_into_segments(t):
    s = connected(t)
    s.setopt(*UDP_SEGMENT, 100)
    rcs = [s.send(bytes(150), MSG_MORE), s.send(bytes(100))]
    t.wait(ANSWER_MS)
    return f"{rcs}: {t.words(t.sent())}"


@alone(4, 6)
def segments_to_ourselves_are_received_as_one_by_who_asks(t):
    s, said = t.server(), []
    for asks in (0, 1):
        s.setopt(*UDP_GRO, asks)
        a = t.h.socket(FAMILY[t.v], DGRAM)
        a.setopt(*UDP_SEGMENT, 100)
        a.sendto(bytes(250), t.me, PORT)
        t.wait(ANSWER_MS)
        while not isinstance(m := s.recvmsg(), str):
            sizes = [struct.unpack("i", raw)[0] for level, kind, raw in m[1] if (level, kind) == UDP_GRO]
            said.append(f"{len(m[0])} bytes" + (f" in {sizes[0]}s" if sizes else ""))
        a.close()
    return f"asked {s.getopt(*UDP_GRO)}: {', '.join(said)}"


@alone(4, 6)
def a_raw_socket_with_more_sends_one_packet(t):
    s = t.h.socket(FAMILY[t.v], RAW, 200)
    rcs = [s.sendto(DATA, t.peer, 0, MSG_MORE), s.sendto(DATA, t.peer, 0)]
    t.wait(ANSWER_MS)
    s.close()
    return f"{rcs}: {t.words(t.sent())}"


@alone(4, 6, kernel_settings={"net.ipv4.ping_group_range": "0 2147483647"})
def a_ping_socket_with_more_sends_at_once(t):
    s = t.h.socket(FAMILY[t.v], DGRAM, icmp_proto(t))
    rc = s.sendto(bytes([8 if t.v == 4 else 128, 0, 0, 0, 0, 0, 0, 1]) + DATA, t.peer, 0, MSG_MORE)
    t.wait(ANSWER_MS)
    s.close()
    return f"{rc}: {len(t.sent())} sent"


def ping_surfaces(t, kind, code, info, recverr, connect):
    """What a ping socket says after an error about its request: the next receive, and the error queue."""
    s = t.h.socket(FAMILY[t.v], DGRAM, icmp_proto(t))
    if recverr:
        s.setopt(*RECVERR[t.v], 1)
    s.bind(t.me, 77)
    if connect:
        s.connect(t.peer, 0)
    echo = bytes([8 if t.v == 4 else 128, 0, 0, 0, 0, 77, 0, 1]) + DATA + bytes(1336)
    s.sendto(echo, t.peer, 0)
    kw = {"proto": 1} if t.v == 4 else {"nh": 58}
    quote = t.quoted(Raw(t.icmp_bytes(echo, t.me, t.peer)), **kw)
    t.raw(t.icmp_error(kind, code, info, quote))
    said = s.recvmsg()
    said = said if isinstance(said, str) else "a reply"
    said = f"{said}; {t.error_queue(s, 2)}"
    s.close()
    return said


def ping_error_rows():
    rows = {4: {"a host that is unreachable": (3, 1, 0), "a port that is unreachable": (3, 3, 0),
                "a network that is prohibited": (3, 9, 0), "a time that is exceeded": (11, 0, 0),
                "a packet that is too big": (3, 4, 1300), "a parameter problem": (12, 0, 20 << 24)},
            6: {"a host that is unreachable": (1, 3, 0), "a port that is unreachable": (1, 4, 0),
                "a network that is prohibited": (1, 1, 0), "a time that is exceeded": (3, 0, 0),
                "a packet that is too big": (2, 0, 1300), "a parameter problem": (4, 0, 6)}}
    for name in rows[4]:
        for recverr, queue in ((False, ""), (True, " with an error queue")):
            def row(t, name=name, recverr=recverr):
                return "connected: {}; not: {}".format(
                    *(ping_surfaces(t, *rows[t.v][name], recverr, connect) for connect in (True, False)))
            row.__name__ = f"{name} for a ping socket{queue}".replace(" ", "_")
            alone(4, 6, kernel_settings={"net.ipv4.ping_group_range": "0 2147483647"})(row)


ping_error_rows()


@pair(4, 6)
def datagrams_of_many_sizes_cross_both_ways(t):
    a, b = t.server(t.a), t.server(t.b)
    n = 0
    for size in (0, 1, 7, 8, 100, 511, 1400, 1452, 1453, 1472, 1473, 3000, 9000, 30000):
        a.sendto(bytes(size), t.peer, PORT)
        n += t.got(b, 200) == f"{size} bytes"
        b.sendto(bytes(size), t.me, PORT)
        n += t.got(a, 200) == f"{size} bytes"
    return f"{n} of 28"


@pair(4, 6)
def a_closed_port_refuses(t):
    a = t.a.socket(FAMILY[t.v], DGRAM)
    a.connect(t.peer, CLOSED)
    a.send(DATA)
    return t.got(a, 200)


@pair(4, 6)
def a_closed_port_refuses_a_connect(t):
    a = t.a.socket(FAMILY[t.v], STREAM)
    a.connect(t.peer, CLOSED)
    t.wait(100)
    return errno_word(a.getopt(1, 4))


@pair(4, 6)
def an_unknown_protocol_is_told_to_the_socket_that_sent_it(t):
    a = t.a.socket(FAMILY[t.v], RAW, 253)
    a.setopt(*RECVERR[t.v], 1)
    a.connect(t.peer, 0)
    a.send(DATA)
    return t.error_queue(a, 200)


@pair(4, 6, kernel_settings={"net.ipv4.ping_group_range": "0 2147483647"})
def pings_of_many_sizes_are_answered(t):
    s = t.a.socket(FAMILY[t.v], DGRAM, icmp_proto(t))
    s.connect(t.peer, 0)
    n = 0
    for size in (0, 1, 56, 1000, 1444, 1445, 1472, 1473, 8000, 65000):
        s.send(bytes([8 if t.v == 4 else 128, 0, 0, 0, 0, 0, 0, 2]) + bytes(size))
        n += t.got(s, 300) == f"{size + 8} bytes"
    return f"{n} of 10"


@pair(4)
def a_broadcast_crosses(t):
    a, b = t.server(t.a, opts=[BROADCAST]), t.server(t.b)
    a.sendto(DATA, "10.0.0.255", PORT)
    return t.got(b, 200)


@pair(4, 6)
def a_group_crosses(t):
    group = "239.1.2.3" if t.v == 4 else "ff15::1:2:3"
    b = t.server(t.b)
    raw = (socket.inet_aton(group) + bytes(4) if t.v == 4 else socket.inet_pton(10, group)) + struct.pack("i", t.b.ifindex(0))
    b.setopt(0 if t.v == 4 else 41, 35 if t.v == 4 else 20, raw)
    a = t.server(t.a)
    a.setopt(0 if t.v == 4 else 41, 32 if t.v == 4 else 17, (bytes(8) if t.v == 4 else b"") + struct.pack("i", t.a.ifindex(0)))
    a.sendto(DATA, group, PORT)
    return t.got(b, 200)


# Bound address, destination and device

GROUP = {4: "239.1.2.3", 6: "ff15::1:2:3"}
GROUP_MAC = {4: "01:00:5e:01:02:03", 6: "33:33:00:02:00:03"}


def bound_places(t):
    return {"any": "0.0.0.0" if t.v == 4 else "::", "unicast": t.me, "group": GROUP[t.v]} | (
        {"broadcast": "10.0.0.255"} if t.v == 4 else {})


def joined(t, s):
    raw = (socket.inet_aton(GROUP[4]) + bytes(4) if t.v == 4 else socket.inet_pton(10, GROUP[6])) + struct.pack(
        "i", t.h.ifindex(0))
    assert s.setopt(0 if t.v == 4 else 41, 35 if t.v == 4 else 20, raw) == 0


def heard_by(t, s, frame):
    t.rx(frame)
    t.wait(2)
    n = 0
    while not isinstance(s.recvmsg(), str):
        n += 1
    return n


def matrix(bound):
    def udp_row(t):
        said = []
        for device in (b"", b"eth0\0", b"lo\0"):
            s = t.server(addr=bound_places(t)[bound], opts=[REUSEADDR])
            joined(t, s)
            if device:
                assert s.setopt(1, 25, device) == 0
            frames = {"unicast": t.ip(), "group": t.ip(GROUP_MAC[t.v], dst=GROUP[t.v])}
            if t.v == 4:
                frames["broadcast"] = t.ip(MAC_ALL, dst="10.0.0.255")
                frames["all ones"] = t.ip(MAC_ALL, dst="255.255.255.255")
            heard = [name for name, ip in frames.items() if heard_by(t, s, ip / t.udp(dport=PORT))]
            said.append(f"{device.decode().rstrip(chr(0)) or 'any device'}: {', '.join(heard) or 'nothing'}")
            s.close()
        return "; ".join(said)

    def ping_row(t):
        said = []
        for device in (b"", b"eth0\0", b"lo\0"):
            s = t.h.socket(FAMILY[t.v], DGRAM, icmp_proto(t))
            rc = s.bind(bound_places(t)[bound], 77)
            if rc:
                said.append(f"{rc}")
                break
            if device:
                assert s.setopt(1, 25, device) == 0
            echo = bytes([0 if t.v == 4 else 129, 0, 0, 0]) + struct.pack("!HH", 77, 1) + DATA
            frames = {"unicast": (t.ip(proto=icmp_proto(t)), t.me)}
            frames["group"] = (t.ip("01:00:5e:00:00:01" if t.v == 4 else "33:33:00:00:00:01", proto=icmp_proto(t),
                                    dst="224.0.0.1" if t.v == 4 else "ff02::1"), "224.0.0.1" if t.v == 4 else "ff02::1")
            if t.v == 4:
                frames["broadcast"] = (t.ip(MAC_ALL, proto=1, dst="10.0.0.255"), "10.0.0.255")
            heard = [n for n, (ip, dst) in frames.items() if heard_by(t, s, ip / Raw(t.icmp_bytes(echo, t.peer, dst)))]
            said.append(f"{device.decode().rstrip(chr(0)) or 'any device'}: {', '.join(heard) or 'nothing'}")
            s.close()
        return "; ".join(said)

    families = (4,) if bound == "broadcast" else (4, 6)
    place = {"any": "no address", "unicast": "our address", "group": "a group", "broadcast": "the broadcast address"}[bound]
    udp_row.__name__ = f"what a udp socket bound to {place} hears by device".replace(" ", "_")
    ping_row.__name__ = f"what a ping socket bound to {place} hears by device".replace(" ", "_")
    alone(*families)(udp_row)
    alone(*families, kernel_settings={"net.ipv4.ping_group_range": "0 2147483647"})(ping_row)


for _bound in ("any", "unicast", "group", "broadcast"):
    matrix(_bound)
