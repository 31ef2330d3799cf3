# SPDX-License-Identifier: MIT
"""Rows: fragments and their reassembly."""
from behave_kit import *  # noqa: F403

SECTION = "Fragments"
ONE_S = {"net.ipv4.ipfrag_time": 1, "net.ipv6.ip6frag_time": 1}
EXPIRE_MS = 1600


def whole(t, n=240, ident=7):
    """An ICMP echo request as the payload of IP, `n` bytes."""
    body = bytes([8 if t.v == 4 else 128, 0, 0, 0, 0, 7, 0, 9]) + (bytes(range(256)) * (n // 256 + 1))[:n - 8]
    return t.icmp_bytes(body)


def frag(t, off, data, more=True, ident=7, proto=None, head=b"", **kw):
    """One fragment. `head`: what is between IPv6's fragment header and the data."""
    if proto is None:
        proto = 1 if t.v == 4 else 58
    if t.v == 4:
        return t.ip(proto=proto, id=ident, frag=off // 8, flags=kw.pop("flags", 0) | (1 if more else 0), **kw) / Raw(data)
    return t.ip(proto=44, **kw) / Raw(struct.pack("!BBHI", proto, 0, off | (1 if more else 0), ident) + data)


def cut(t, body, size, **kw):
    return [frag(t, at, body[at:at + size], at + size < len(body), **kw) for at in range(0, len(body), size)]


@alone(4, 6)
def fragments_in_order_are_put_together(t):
    return t.ask(*cut(t, whole(t), 80))


@alone(4, 6)
def fragments_in_reverse_are_put_together(t):
    return t.ask(*reversed(cut(t, whole(t), 80)))


@alone(4, 6)
def fragments_in_disorder_are_put_together(t):
    f = cut(t, whole(t, 400), 80)
    return t.ask(f[3], f[0], f[4], f[2], f[1])


@alone(4, 6)
def fragments_of_eight_bytes_are_put_together(t):
    return t.ask(*cut(t, whole(t, 160), 8))


@alone(4, 6)
def a_datagram_of_nearly_64k_is_put_together(t):
    body = t.icmp_bytes(bytes([8 if t.v == 4 else 128, 0, 0, 0, 0, 7, 0, 9]) + bytes(65000))
    sent = [f for _, f in t.raw(*cut(t, body, 1400), ms=60)]
    total = sum(len(f) - (34 if t.v == 4 else 62) for f in sent)
    return f"an answer of {total} bytes in {len(sent)} fragments" if sent else "nothing"


@alone(4, 6)
def two_datagrams_at_a_time_are_kept_apart(t):
    a, b = cut(t, whole(t), 80, ident=1), cut(t, whole(t, 248), 80, ident=2)
    return t.ask(a[0], b[0], b[1], a[1], a[2], b[2], b[3])


@alone(4, 6)
def two_sources_with_one_identification_are_kept_apart(t):
    a, b = cut(t, whole(t), 80), cut(t, whole(t), 80, src=t.third)
    return "answered" if t.ask(a[0], b[1], b[2], a[1], ms=3) == "nothing" and t.ask(a[2]) != "nothing" else "mixed"


@alone(4)
def two_protocols_with_one_identification_are_kept_apart(t):
    a = cut(t, whole(t), 80)
    return t.ask(a[0], frag(t, 80, bytes(80), proto=17), a[1], a[2])


@alone(4, 6)
def an_exact_duplicate_is_ignored(t):
    f = cut(t, whole(t), 80)
    return t.ask(f[0], f[0], f[1], f[1], f[2])


@alone(4, 6)
def a_duplicate_of_the_last_is_ignored(t):
    f = cut(t, whole(t), 80)
    return t.ask(f[2], f[2], f[0], f[1])


@alone(4, 6, differs="weft drops the whole datagram, whatever bytes came twice (RFC 5722 §4); Linux takes what lies within "
       "what has come for a duplicate")
def a_fragment_within_another_ends_the_datagram(t):
    f, body = cut(t, whole(t), 80), whole(t)
    return t.ask(f[0], frag(t, 8, body[8:24]), f[1], f[2])


@alone(4, 6)
def a_fragment_that_overlaps_the_one_before_ends_the_datagram(t):
    f, body = cut(t, whole(t), 80), whole(t)
    return t.ask(f[0], frag(t, 72, body[72:160]), f[2])


@alone(4, 6)
def a_fragment_that_overlaps_the_one_behind_ends_the_datagram(t):
    f, body = cut(t, whole(t), 80), whole(t)
    return t.ask(f[1], frag(t, 0, body[:88]), f[2])


@alone(4, 6)
def a_fragment_around_another_ends_the_datagram(t):
    f, body = cut(t, whole(t), 80), whole(t)
    return t.ask(f[1], frag(t, 72, body[72:168]), f[0], f[2])


@alone(4, 6)
def two_ends_that_contradict_end_the_datagram(t):
    f, body = cut(t, whole(t), 80), whole(t)
    return t.ask(f[2], frag(t, 80, body[80:160], False), f[0], f[1])


@alone(4, 6)
def data_behind_the_last_fragment_ends_the_datagram(t):
    f = cut(t, whole(t), 80)
    return t.ask(f[2], frag(t, 240, bytes(80)), f[0], f[1])


@alone(4, 6, settings=ONE_S)
def a_gap_is_told_when_time_is_over(t):
    f = cut(t, whole(t), 80)
    return t.ask(f[0], f[2], ms=EXPIRE_MS)


@alone(4, 6, settings=ONE_S)
def a_last_fragment_that_is_missing_is_told(t):
    f = cut(t, whole(t), 80)
    return t.ask(f[0], f[1], ms=EXPIRE_MS)


@alone(4, 6, settings=ONE_S)
def nothing_is_told_when_the_first_fragment_is_missing(t):
    f = cut(t, whole(t), 80)
    return t.ask(f[1], f[2], ms=EXPIRE_MS)


@alone(4, 6, settings=ONE_S)
def the_rest_of_a_datagram_whose_time_is_over_completes_nothing(t):
    f = cut(t, whole(t), 80)
    t.ask(f[1], f[2], ms=EXPIRE_MS)
    return t.ask(f[0])


@alone(4, 6)
def an_only_fragment_is_a_datagram(t):
    return t.ask(frag(t, 0, whole(t), False))


@alone(6)
def an_atomic_fragment_does_not_meet_others_with_its_identification(t):
    f = cut(t, whole(t), 80)
    return t.ask(f[0], f[1], frag(t, 0, whole(t), False), f[2])


@alone(4, 6)
def a_fragment_beyond_65535_bytes(t):
    return t.ask(frag(t, 65528, bytes(80), False))


@alone(4, 6)
def a_fragment_that_is_no_multiple_of_eight(t):
    return t.ask(frag(t, 0, bytes(81)))


@alone(4, 6)
def an_empty_fragment_that_is_not_the_last(t):
    f = cut(t, whole(t), 80)
    return t.ask(frag(t, 80, b""), *f)


@alone(4, 6)
def a_first_fragment_without_the_header_behind_it(t):
    proto = 17
    return t.ask(frag(t, 0, b"\x17\x70\x13\x88" if t.v == 6 else b"\x17\x70\x13\x88\0\0\0\0"[:8], t.v == 4, proto=proto))


@alone(6)
def a_first_fragment_whose_headers_go_on_in_the_next(t):
    return t.ask(frag(t, 0, bytes([58, 1, 1, 4, 0, 0, 0, 0]), True, proto=60))


@alone(6)
def a_fragment_with_reserved_bits_is_taken(t):
    body = whole(t)
    return t.ask(t.ip(proto=44) / Raw(struct.pack("!BBHI", 58, 0xff, 7, 9) + body[:80]),
                 t.ip(proto=44) / Raw(struct.pack("!BBHI", 58, 0xff, 80 | 6, 9) + body[80:]))


@alone(6, differs="a packet that ends within its headers is dropped in silence, as with all headers that are cut short")
def a_fragment_header_cut_short_is_dropped(t):
    return t.ask(t.ip(proto=44) / Raw(bytes([58, 0, 0, 1])))


@alone(4)
def fragments_with_df_are_put_together(t):
    return t.ask(*cut(t, whole(t), 80, flags=2))


@alone(4, 6)
def congestion_marked_on_one_fragment_marks_the_datagram(t):
    body = bytes(t.udp(dport=PORT))
    s = t.server(opts=[(0, 13, 1) if t.v == 4 else (41, 66, 1)])
    full = bytes((IP(src=t.peer, dst=t.me) if t.v == 4 else IPv6(src=t.peer, dst=t.me)) / t.udp(dport=PORT))
    body = full[20:] if t.v == 4 else full[40:]
    t.raw(frag(t, 0, body[:32], proto=17, tos=2), frag(t, 32, body[32:], False, proto=17, tos=3))
    m = s.recvmsg()
    s.close()
    return m if isinstance(m, str) else ", ".join(f"class {raw[0]:#x}" for _, _, raw in m[1])


@alone(4, 6)
def fragments_whose_congestion_fields_exclude_each_other_are_dropped(t):
    body = whole(t)
    return t.ask(frag(t, 0, body[:80], tos=0), frag(t, 80, body[80:], False, tos=3))


@alone(4, 6)
def the_class_of_an_answer_is_that_of_the_first_fragment(t):
    body = whole(t)
    return t.ask(frag(t, 0, body[:80], tos=0x28), frag(t, 80, body[80:], False, tos=0x50))


@alone(4, 6)
def a_closed_port_is_told_of_a_datagram_put_together(t):
    full = bytes((IP(src=t.peer, dst=t.me) if t.v == 4 else IPv6(src=t.peer, dst=t.me)) / t.udp(bytes(200)))
    return t.ask(*cut(t, full[20:] if t.v == 4 else full[40:], 80, proto=17))


@alone(4, 6)
def an_unknown_protocol_in_fragments_is_told(t):
    return t.ask(*cut(t, bytes(200), 80, proto=253))


@alone(4, 6)
def fragments_to_a_group_are_put_together(t):
    mac, dst = ("01:00:5e:00:00:01", "224.0.0.1") if t.v == 4 else ("33:33:00:00:00:01", "ff02::1")
    full = bytes((IP(src=t.peer, dst=dst) if t.v == 4 else IPv6(src=t.peer, dst=dst)) / t.udp(dport=PORT))
    s = t.server()
    t.raw(*cut(t, full[20:] if t.v == 4 else full[40:], 40, proto=17, mac=mac, dst=dst))
    said = t.got(s)
    s.close()
    return said


# What is sent

@alone(4, 6)
def a_datagram_larger_than_the_mtu_is_sent_in_fragments(t):
    s = t.server()
    s.sendto(bytes(4000), t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    said = t.words(t.h.sent)
    s.close()
    return said


@alone(4, 6)
def the_largest_datagram_is_sent_in_fragments(t):
    s = t.server()
    rc = s.sendto(bytes(65507 if t.v == 4 else 65527), t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    n = len(t.sent())
    s.close()
    return f"{rc} bytes, {n} fragments"


@alone(4, 6)
def an_echo_reply_larger_than_the_mtu_is_sent_in_fragments(t):
    return t.ask(*cut(t, whole(t, 3000), 1400))


@alone(4, 6)
def a_datagram_of_one_byte_more_than_the_largest_is_refused(t):
    s = t.server()
    rc = s.sendto(bytes(65508 if t.v == 4 else 65528), t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    s.close()
    return f"{rc}, sent {t.words(t.sent())}"


def ident_of(t, f):
    return f[18:20] if t.v == 4 else f[58:62]


@alone(4, 6)
def fragments_of_two_datagrams_differ_in_their_identification(t):
    s = t.server()
    for _ in range(3):
        s.sendto(bytes(2000), t.peer, PEER_PORT)
    t.wait(ANSWER_MS)
    idents = [ident_of(t, f) for _, f in t.h.sent if "fragment" in say(f)]
    s.close()
    return f"{len(idents)} fragments, {len(set(idents))} identifications"


@pair(4, 6)
def a_large_datagram_crosses_in_fragments(t):
    src, dst = (t.me, t.peer)
    b = t.server(t.b)
    a = t.a.socket(FAMILY[t.v], DGRAM)
    n = a.sendto(bytes(20000), dst, PORT)
    said = t.got(b, 500)
    a.close(), b.close()
    return f"{n} sent, {said} received"


@pair(4, 6)
def the_largest_datagram_crosses_in_fragments(t):
    b = t.server(t.b)
    a = t.a.socket(FAMILY[t.v], DGRAM)
    n = a.sendto(bytes(65507 if t.v == 4 else 65527), t.peer, PORT)
    said = t.got(b, 500)
    a.close(), b.close()
    return f"{n} sent, {said} received"
