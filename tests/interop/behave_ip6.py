# SPDX-License-Identifier: MIT
"""Rows: the header of IPv6 and its extension headers."""
from behave_kit import *  # noqa: F403

SECTION = "IPv6: header, extension headers, options"
HOP, DST, NONE = 0, 60, 59
ALL_MAC, ALL = "33:33:00:00:00:01", "ff02::1"


def ext(nh, options):
    """A hop-by-hop or destination options header."""
    body = bytes([nh, 0]) + options
    n = -len(body) % 8
    body += bytes([1, n - 2]) + bytes(n - 2) if n > 1 else bytes(n)
    return bytes([body[0], len(body) // 8 - 1]) + body[2:]


def chain(t, first, headers, payload=None, nh=58, mac=MAC_ME, **kw):
    """`headers`: (what it is, options) each; the last is followed by an echo request."""
    kinds = [k for k, _ in headers][1:] + [nh]
    body = b"".join(ext(n, o) if isinstance(o, bytes) else o[0](n) for n, (_, o) in zip(kinds, headers))
    last = t.icmp_bytes(bytes([128, 0, 0, 0, 0, 7, 0, 9]) + DATA, dst=kw.get("dst")) if payload is None else payload
    return t.ip(mac, proto=first, **kw) / Raw(body + last)


def routing(kind, left, n=0):
    return lambda nh: bytes([nh, 2 * n, kind, left]) + bytes(4) + socket.inet_pton(10, PEER[6]) * n


def options_row(header, action, group):
    what = ["is skipped", "drops the packet", "is told with its pointer", "is told with its pointer to one address alone"][action]
    name = f"a {'hop-by-hop' if header == HOP else 'destination'} option of action {action} to {'a group' if group else 'one host'} {what}"

    def row(t):
        to = {"mac": ALL_MAC, "dst": ALL} if group else {}
        return t.ask(chain(t, header, [(header, bytes([action << 6 | 30, 2, 1, 2]))], **to))

    row.__name__ = name.replace(" ", "_")
    return row


for _header in (HOP, DST):
    for _group in (False, True):
        for _action in range(4):
            alone(6)(options_row(_header, _action, _group))


@alone(6)
def an_unknown_next_header_has_a_pointer(t):
    return t.ask(t.ip(proto=200) / Raw(DATA))


@alone(6)
def an_unknown_next_header_behind_others_has_a_pointer(t):
    return t.ask(chain(t, HOP, [(HOP, b""), (DST, b"")], DATA, 200))


@alone(6)
def no_next_header_ends_a_packet_in_silence(t):
    return t.ask(t.ip(proto=NONE) / Raw(DATA))


@alone(6)
def no_next_header_behind_options_ends_it_too(t):
    return t.ask(chain(t, DST, [(DST, b"")], b"", NONE))


@alone(6)
def hop_by_hop_options_not_in_the_first_place_are_unknown(t):
    return t.ask(chain(t, DST, [(DST, b""), (HOP, b"")]))


@alone(6)
def hop_by_hop_options_twice_are_unknown(t):
    return t.ask(chain(t, HOP, [(HOP, b""), (HOP, b"")]))


@alone(6)
def destination_options_twice_are_taken(t):
    return t.ask(chain(t, DST, [(DST, b""), (DST, b"")]))


@alone(6)
def options_of_one_pad_byte_each_are_taken(t):
    return t.ask(chain(t, DST, [(DST, bytes(6))]))


@alone(6)
def padding_of_more_than_seven_bytes(t):
    return t.ask(chain(t, DST, [(DST, bytes([1, 12]) + bytes(12))]))


@alone(6)
def padding_that_is_not_zero(t):
    return t.ask(chain(t, DST, [(DST, bytes([1, 4]) + b"abcd")]))


@alone(6)
def more_than_eight_unknown_options(t):
    return t.ask(chain(t, DST, [(DST, bytes([30, 0]) * 11)]))


@alone(6, differs="RFC 4443 §3.4 has an error for a header with a mistake; Linux is silent")
def an_option_beyond_its_header(t):
    return t.ask(chain(t, DST, [(DST, bytes([30, 20, 0, 0, 0, 0]))]))


@alone(6)
def options_beyond_the_packet(t):
    return t.ask(t.ip(proto=DST) / Raw(bytes([58, 30, 1, 4, 0, 0, 0, 0])))


@alone(6)
def a_hop_by_hop_header_beyond_the_packet(t):
    return t.ask(t.ip(proto=HOP) / Raw(bytes([58, 30, 1, 4, 0, 0, 0, 0])))


@alone(6)
def a_router_alert_does_not_matter_to_a_host(t):
    return t.ask(chain(t, HOP, [(HOP, bytes([5, 2, 0, 0]))]))


@alone(6)
def a_routing_header_of_type_0_that_is_over_is_skipped(t):
    return t.ask(chain(t, 43, [(43, (routing(0, 0),))]))


@alone(6)
def a_routing_header_of_type_0_is_refused_with_a_pointer(t):
    return t.ask(chain(t, 43, [(43, (routing(0, 1, 1),))]))


@alone(6)
def a_routing_header_of_an_unknown_type_that_is_over_is_skipped(t):
    return t.ask(chain(t, 43, [(43, (routing(77, 0),))]))


@alone(6)
def a_routing_header_of_an_unknown_type_is_refused_with_a_pointer(t):
    return t.ask(chain(t, 43, [(43, (routing(77, 3),))]))


@alone(6)
def eight_destination_options_headers(t):
    return t.ask(chain(t, DST, [(DST, b"")] * 8))


@alone(6)
def a_payload_length_beyond_the_frame_is_dropped(t):
    return t.ask(t.ip(plen=500) / t.echo())


@alone(6)
def what_follows_the_packet_in_its_frame_is_ignored(t):
    return t.ask(t.ip(plen=8 + 4) / Raw(t.icmp_bytes(bytes([128, 0, 0, 0, 0, 7, 0, 9]) + b"abcd")) / Raw(b"padding"))


@alone(6)
def another_version_is_dropped(t):
    return t.ask(t.ip(version=5) / t.echo())


@alone(6)
def a_hop_limit_of_zero_does_not_matter_at_its_destination(t):
    return t.ask(t.ip(ttl=0) / t.echo())


@alone(6)
def a_flow_label_and_class_do_not_matter(t):
    return t.ask(t.ip(fl=0x12345, tos=0x20) / t.echo())


@alone(6)
def a_source_that_is_a_mapped_ipv4_address(t):
    return t.ask(t.ip(src="::ffff:10.0.0.2") / t.echo())


@alone(6)
def a_group_of_the_interfaces_own_scope_is_dropped(t):
    return t.ask(t.ip(ALL_MAC, dst="ff01::1") / t.echo())


@alone(6)
def a_group_of_reserved_scope_zero_is_dropped(t):
    return t.ask(t.ip(ALL_MAC, dst="ff00::1") / t.echo())


@alone(6)
def a_group_that_nobody_has_joined_is_dropped(t):
    return t.ask(t.ip("33:33:00:00:12:34", dst="ff02::1234") / t.echo())


@alone(6)
def an_error_about_a_packet_with_extension_headers_quotes_them(t):
    return t.ask(chain(t, DST, [(DST, b"")], bytes(t.ip() / t.udp())[54:], 17))


@alone(6)
def no_error_about_an_error_with_an_unknown_option(t):
    body = t.icmp_bytes(struct.pack("!BBHI", 1, 4, 0, 0) + bytes(t.quoted()))
    return t.ask(chain(t, DST, [(DST, bytes([2 << 6 | 30, 2, 1, 2]))], body))
