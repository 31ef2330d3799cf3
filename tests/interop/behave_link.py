# SPDX-License-Identifier: MIT
"""Rows: neighbours, by ARP and by neighbour discovery."""
from scapy.all import ARP

from behave_kit import *  # noqa: F403

SECTION = "Neighbours: ARP, neighbour discovery, unreachability"
FAST = {"kernel_settings": {f"net.{f}.neigh.eth0.{n}": v for f in ("ipv4", "ipv6") for n, v in (
            ("retrans_time_ms", 150), ("delay_first_probe_time", 1), ("locktime", 0))} | {
            f"net.{f}.neigh.eth0.base_reachable_time_ms": 100000 for f in ("ipv4", "ipv6")},
        "weft_settings": {f"net.{f}.neigh.default.{n}": v for f in ("ipv4", "ipv6") for n, v in (
            ("retrans_time_ms", 150), ("delay_first_probe_ms", 1000), ("locktime_ms", 0),
            ("base_reachable_time_ms", 100000))}}
TENTH = 150


def arp(op=1, psrc=PEER[4], pdst=ME[4], mac=MAC_PEER, to=MAC_ALL, **kw):
    return Ether(dst=to, src=mac) / ARP(**({"op": op, "psrc": psrc, "pdst": pdst, "hwsrc": mac,
                                            "hwdst": "00:00:00:00:00:00" if op == 1 else MAC_ME} | kw))


def solicited_node(addr):
    return "ff02::1:ff" + socket.inet_pton(10, addr)[13:].hex()[:2] + ":" + socket.inet_pton(10, addr)[14:].hex()


def opt(kind, mac):
    return bytes([kind, 1]) + mac_bytes(mac)


def nd(t, body, src=PEER[6], dst=ME[6], ttl=255, mac=MAC_ME, mac_src=MAC_PEER, **kw):
    return t.ip(mac, ttl=ttl, proto=58, src=src, dst=dst, mac_src=mac_src, **kw) / Raw(t.icmp_bytes(body, src, dst))


def ns(t, target=ME[6], options=opt(1, MAC_PEER), code=0, group=True, **kw):
    kw = {"dst": solicited_node(target), "mac": "33:33:ff" + MAC_ME[8:]} | kw if group else kw
    return nd(t, struct.pack("!BBHI", 135, code, 0, 0) + socket.inet_pton(10, target) + options, **kw)


def na(t, target=PEER[6], flags="SO", options=None, mac=MAC_PEER, code=0, **kw):
    bits = sum({"R": 0x80, "S": 0x40, "O": 0x20}[c] for c in flags) << 24
    return nd(t, struct.pack("!BBHI", 136, code, 0, bits) + socket.inet_pton(10, target) +
              (opt(2, mac) if options is None else options), src=kw.pop("src", target), mac_src=mac, **kw)


def answer(t, mac=MAC_PEER, addr=None):
    """The peer says what its address is, as it was asked."""
    return arp(2, psrc=addr or t.peer, mac=mac, to=MAC_ME) if t.v == 4 else na(t, addr or t.peer, mac=mac)


def request(t, mac=MAC_PEER):
    return arp(mac=mac) if t.v == 4 else ns(t, options=opt(1, mac), mac_src=mac)


def state(t, addr=None):
    s = t.h.neigh_state(addr or t.peer)
    return f"{s[0]} {s[1]}" if s and s[1] else s[0] if s else "no entry"


def learn(t, n=DATA):
    """The peer becomes a neighbour: something is sent to it, it answers what is asked."""
    s = t.h.socket(FAMILY[t.v], DGRAM)
    s.connect(t.peer, PEER_PORT)
    s.send(b"first")
    t.wait(ANSWER_MS)
    t.rx(answer(t))
    t.wait(ANSWER_MS)
    return s


def goes_to(t, s):
    """Where a datagram goes now."""
    del t.h.sent[:]
    s.send(b"where?")
    t.wait(ANSWER_MS)
    macs = [f[:6].hex(":") for _, f in t.sent() if say(f).startswith("UDP")]
    return ", ".join(macs) or t.words(t.h.sent)


@alone(4)
def an_arp_request_is_answered(t):
    return t.ask(arp())


@alone(4)
def an_arp_request_in_a_unicast_frame_is_answered(t):
    return t.ask(arp(to=MAC_ME))


@alone(4)
def an_arp_probe_is_answered(t):
    return t.ask(arp(psrc="0.0.0.0"))


@alone(4)
def an_arp_request_for_another_is_not_answered(t):
    return t.ask(arp(pdst="10.0.0.9"))


@alone(4)
def an_arp_request_from_another_network(t):
    return t.ask(arp(psrc="192.0.2.1"))


@alone(4)
def an_arp_request_for_the_broadcast_address(t):
    return t.ask(arp(pdst="10.0.0.255"))


@alone(4)
def an_arp_request_for_loopback(t):
    return t.ask(arp(pdst="127.0.0.1"))


@alone(4)
def an_arp_packet_of_another_hardware_is_dropped(t):
    return t.ask(arp(hwtype=6))


@alone(4)
def an_arp_packet_of_another_protocol_is_dropped(t):
    return t.ask(arp(ptype=0x86dd))


@alone(4)
def an_arp_packet_with_odd_lengths_is_dropped(t):
    return t.ask(arp(hwlen=8))


@alone(4)
def an_arp_packet_cut_short_is_dropped(t):
    return t.ask(bytes(arp())[:40])


@alone(4)
def an_unknown_arp_operation_is_dropped(t):
    return t.ask(arp(op=9))


@alone(4, 6, known=False)
def who_asks_for_us_becomes_a_neighbour(t):
    t.raw(request(t))
    return state(t)


@alone(4, 6, known=False)
def who_asks_for_another_does_not_become_a_neighbour(t):
    t.raw(arp(pdst="10.0.0.9") if t.v == 4 else ns(t, "2001:db8::9"))
    return state(t)


@alone(4, 6, known=False)
def an_answer_that_was_not_asked_for_makes_no_neighbour(t):
    t.raw(answer(t))
    return state(t)


@alone(4, known=False)
def a_gratuitous_announcement_makes_no_neighbour(t):
    t.raw(arp(psrc=t.peer, pdst=t.peer))
    return state(t)


@alone(4, 6, known=False)
def a_packet_to_a_neighbour_asks_for_it_first(t):
    s = t.h.socket(FAMILY[t.v], DGRAM)
    del t.h.sent[:]
    s.sendto(DATA, t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    return t.words(t.h.sent)


@alone(4, 6, known=False)
def what_waited_is_sent_when_the_answer_comes(t):
    s = t.h.socket(FAMILY[t.v], DGRAM)
    for i in range(3):
        s.sendto(bytes(i + 1), t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    return t.ask(answer(t)) + f"; {state(t)}"


@alone(4, 6, known=False, **FAST)
def a_neighbour_that_does_not_answer_is_asked_three_times(t):
    s = t.h.socket(FAMILY[t.v], DGRAM)
    del t.h.sent[:]
    s.sendto(DATA, t.peer, PEER_PORT)
    t.wait(TENTH * 5)
    return t.words(t.h.sent) + f"; {state(t)}"


@alone(4, 6, known=False, **FAST)
def a_connect_to_a_neighbour_that_does_not_answer_fails(t):
    s = t.h.socket(FAMILY[t.v], STREAM)
    rc = s.connect(t.peer, PEER_PORT)
    t.wait(TENTH * 5)
    return f"{rc}, then {errno_word(s.getopt(1, 4))}"


@alone(4, 6, known=False, **FAST)
def a_socket_with_an_error_queue_hears_that_nobody_answers(t):
    s = t.h.socket(FAMILY[t.v], DGRAM)
    s.setopt(0 if t.v == 4 else 41, 11 if t.v == 4 else 25, 1)
    s.connect(t.peer, PEER_PORT)
    s.send(DATA)
    t.wait(TENTH * 5)
    return t.error_queue(s)


@alone(4, 6, known=False)
def an_answer_makes_a_neighbour_reachable(t):
    learn(t)
    return state(t)


@alone(4, 6, known=False, **FAST)
def a_neighbour_that_moved_tells_so_when_it_asks(t):
    s = learn(t)
    t.wait(40)
    t.raw(request(t, MAC_THIRD))
    return f"{state(t)}, used: {goes_to(t, s)}"


@alone(4, known=False, **FAST)
def a_gratuitous_announcement_of_a_neighbour_that_moved(t):
    s = learn(t)
    t.wait(40)
    t.raw(arp(psrc=t.peer, pdst=t.peer, mac=MAC_THIRD))
    return f"{state(t)}, used: {goes_to(t, s)}"


@alone(4, 6, known=False, **FAST)
def a_stale_neighbour_is_asked_for_while_it_is_used(t):
    t.raw(request(t))
    before = state(t)
    s = t.h.socket(FAMILY[t.v], DGRAM)
    s.connect(t.peer, PEER_PORT)
    to = goes_to(t, s)
    delayed = state(t)

    def probes():
        return [f[:6].hex(":") + " " + say(f) for _, f in t.h.sent if "request for" in say(f) or "solicitation" in say(f)]

    # The answer must come before the third probe has been in vain, however busy the machine is.
    t.wait(1000 + TENTH, until=probes)
    t.rx(answer(t))
    t.wait(ANSWER_MS)
    return f"{before}, used: {to}, {delayed}, asked: {probes()[0] if probes() else 'no'}, {state(t)}"


@alone(4, 6, known=False, **FAST)
def a_stale_neighbour_that_does_not_answer_is_given_up(t):
    t.raw(request(t))
    s = t.h.socket(FAMILY[t.v], DGRAM)
    s.connect(t.peer, PEER_PORT)
    s.send(DATA)
    del t.h.sent[:]
    t.wait(1000 + TENTH * 8)
    probes = [f[:6].hex(":") for _, f in t.h.sent if "request for" in say(f) or "solicitation" in say(f)]
    return f"asked {min(len(probes), 3)} times, {state(t).split()[0]}"


@alone(6)
def a_solicitation_is_answered(t):
    return t.ask(ns(t))


OPTIONAL = "RFC 4861 §7.2.4: the option MAY be left out; weft's answer always has it"


@alone(6, differs=OPTIONAL)
def a_solicitation_to_our_address_is_answered(t):
    return t.ask(ns(t, group=False))


@alone(6, differs=OPTIONAL)
def a_solicitation_without_its_senders_address_is_answered(t):
    return t.ask(ns(t, group=False, options=b""))


@alone(6)
def a_probe_for_our_address_is_answered_to_all(t):
    return t.ask(ns(t, src="::", options=b""))


@alone(6)
def a_probe_for_our_address_with_a_nonce_is_answered_to_all(t):
    return t.ask(ns(t, src="::", options=bytes([14, 1, 1, 2, 3, 4, 5, 6])))


@alone(6)
def a_probe_that_has_its_senders_address_is_dropped(t):
    return t.ask(ns(t, src="::"))


@alone(6)
def a_probe_that_is_not_to_the_solicited_nodes_group_is_dropped(t):
    return t.ask(ns(t, src="::", options=b"", group=False))


@alone(6)
def a_solicitation_for_another_is_dropped(t):
    return t.ask(ns(t, "2001:db8::9"))


@alone(6)
def a_solicitation_for_our_link_local_address_is_answered(t):
    return t.ask(ns(t, LL_ME, src=LL_PEER))


@alone(6)
def a_solicitation_with_a_hop_limit_of_254_is_dropped(t):
    return t.ask(ns(t, ttl=254))


@alone(6)
def a_solicitation_with_a_code_is_dropped(t):
    return t.ask(ns(t, code=1))


@alone(6)
def a_solicitation_for_a_group_is_dropped(t):
    return t.ask(ns(t, "ff02::1", group=False))


@alone(6)
def a_solicitation_with_an_option_of_length_zero_is_dropped(t):
    return t.ask(ns(t, options=bytes([1, 0]) + bytes(6)))


@alone(6)
def a_solicitation_with_an_option_beyond_its_end_is_dropped(t):
    return t.ask(ns(t, options=bytes([1, 2]) + bytes(6)))


@alone(6)
def a_solicitation_cut_short_is_dropped(t):
    return t.ask(nd(t, struct.pack("!BBHI", 135, 0, 0, 0) + bytes(12)))


@alone(6)
def a_solicitation_with_unknown_options_is_answered(t):
    return t.ask(ns(t, options=bytes([200, 1]) + bytes(6) + opt(1, MAC_PEER)))


@alone(6)
def a_solicitation_with_a_bad_checksum_is_dropped(t):
    return t.ask(t.ip(ttl=255, proto=58) / Raw(struct.pack("!BBHI", 135, 0, 0x1234, 0) + socket.inet_pton(10, t.me)))


@alone(6)
def a_solicitation_in_fragments_is_dropped(t):
    body = t.icmp_bytes(struct.pack("!BBHI", 135, 0, 0, 0) + socket.inet_pton(10, t.me) + opt(1, MAC_PEER))
    return t.ask(t.ip(ttl=255, proto=44) / Raw(struct.pack("!BBHI", 58, 0, 1, 7) + body[:16]),
                 t.ip(ttl=255, proto=44) / Raw(struct.pack("!BBHI", 58, 0, 16, 7) + body[16:]))


@alone(6)
def a_solicitation_as_an_atomic_fragment_is_dropped(t):
    body = t.icmp_bytes(struct.pack("!BBHI", 135, 0, 0, 0) + socket.inet_pton(10, t.me) + opt(1, MAC_PEER))
    return t.ask(t.ip(ttl=255, proto=44) / Raw(struct.pack("!BBHI", 58, 0, 0, 7) + body))


def advertised(flags, options=None, mac=MAC_THIRD):
    """What an advertisement with these flags makes of a neighbour that is REACHABLE at the peer's address."""
    def row(t):
        s = learn(t)
        t.raw(na(t, flags=flags, options=options, mac=mac))
        return f"{state(t)}, used: {goes_to(t, s)}"
    return row


for _flags, _name in (("SO", "a solicited advertisement that overrides"), ("O", "an unsolicited advertisement that overrides"),
                      ("S", "a solicited advertisement that does not override"),
                      ("", "an unsolicited advertisement that does not override")):
    for _mac, _what in ((MAC_THIRD, "another address"), (MAC_PEER, "the same address")):
        _row = advertised(_flags, mac=_mac)
        _row.__name__ = f"{_name} with {_what}".replace(" ", "_")
        alone(6, known=False, **FAST)(_row)


@alone(6, known=False, **FAST)
def an_advertisement_without_an_address_confirms_a_neighbour(t):
    return advertised("S", b"", MAC_PEER)(t)


@alone(6, known=False)
def an_advertisement_without_an_address_does_not_complete_a_neighbour(t):
    s = t.h.socket(FAMILY[t.v], DGRAM)
    s.sendto(DATA, t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    t.raw(na(t, options=b""))
    return state(t)


@alone(6, known=False)
def an_unsolicited_advertisement_completes_a_neighbour_as_stale(t):
    s = t.h.socket(FAMILY[t.v], DGRAM)
    s.sendto(DATA, t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    t.raw(na(t, flags="O"))
    return state(t)


@alone(6, known=False)
def a_solicited_advertisement_to_a_group_is_dropped(t):
    s = t.h.socket(FAMILY[t.v], DGRAM)
    s.sendto(DATA, t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    t.raw(na(t, dst="ff02::1", **{"mac": MAC_PEER}))
    return state(t)


@pair(4, 6)
def a_neighbour_is_found(t):
    b = t.server(t.b)
    a = t.a.socket(FAMILY[t.v], DGRAM)
    a.sendto(DATA, t.peer, PORT)
    said = t.got(b, 200)
    s, r = t.a.neigh_state(t.peer), t.b.neigh_state(t.me)
    return f"{said}, {s[0] if s else None} here, {'known' if r else None} there"
