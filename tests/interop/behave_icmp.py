# SPDX-License-Identifier: MIT
"""Rows: echo, and the errors that a host sends."""
from behave_kit import *  # noqa: F403

SECTION = "Echo, and errors that hosts send"


@alone(4, 6)
def an_echo_request_is_answered(t):
    return t.ask(t.ip() / t.echo())


@alone(4, 6)
def an_echo_request_without_data_is_answered(t):
    return t.ask(t.ip() / t.echo(b""))


@alone(4, 6)
def an_echo_request_as_large_as_the_mtu_is_answered(t):
    return t.ask(t.ip() / t.echo(bytes(1500 - (28 if t.v == 4 else 48))))


@alone(4, 6)
def an_echo_reply_has_the_class_of_the_request(t):
    return t.ask(t.ip(tos=0xb8) / t.echo())


@alone(4, 6)
def an_echo_reply_leaves_with_our_own_hop_limit(t):
    return t.ask(t.ip(ttl=3) / t.echo())


@alone(4, 6)
def an_echo_request_with_a_code_is_answered(t):
    return t.ask(t.ip() / t.echo(code=5))


@alone(4, 6)
def an_echo_request_with_a_bad_checksum_is_dropped(t):
    return t.ask(t.ip() / (t.echo(chksum=1) if t.v == 4 else t.echo(cksum=1)))


@alone(4, 6)
def an_echo_request_cut_short_is_dropped(t):
    return t.ask(t.ip(proto=1 if t.v == 4 else 58) / Raw(t.icmp_bytes(bytes([8 if t.v == 4 else 128, 0, 0, 0, 0]))))


@alone(4, 6)
def an_echo_reply_nobody_waits_for_is_dropped(t):
    return t.ask(t.ip(proto=1 if t.v == 4 else 58) / Raw(t.icmp_bytes(bytes([0 if t.v == 4 else 129, 0, 0, 0, 0, 1, 0, 1]) + DATA)))


@alone(4, 6)
def an_echo_request_to_all_hosts(t):
    mac, dst = ("01:00:5e:00:00:01", "224.0.0.1") if t.v == 4 else ("33:33:00:00:00:01", "ff02::1")
    return t.ask(t.ip(mac, dst=dst) / t.echo())


@alone(4)
def an_echo_request_to_the_broadcast_address(t):
    return t.ask(t.ip(MAC_ALL, dst="10.0.0.255") / t.echo())


@alone(4)
def an_echo_request_to_the_limited_broadcast_address(t):
    return t.ask(t.ip(MAC_ALL, dst="255.255.255.255") / t.echo())


@alone(4, 6, differs="RFC 1122 §3.3.6 wants it dropped")
def a_unicast_echo_request_in_a_broadcast_frame(t):
    return t.ask(t.ip(MAC_ALL if t.v == 4 else "33:33:00:00:00:01") / t.echo())


@alone(4)
def an_echo_request_for_another_address_is_dropped(t):
    return t.ask(t.ip(dst=t.nowhere) / t.echo())


@alone(6, differs="Linux looks for a route before it knows that it does not forward; RFC 8200 §3: discarded")
def an_echo_request_for_another_address_is_answered_by_no_host(t):
    return t.ask(t.ip(dst=t.nowhere) / t.echo())


@alone(4, 6)
def an_echo_request_in_another_hosts_frame_is_dropped(t):
    return t.ask(t.ip("02:00:00:00:77:77") / t.echo())


@alone(4, 6)
def an_echo_request_from_a_group_is_dropped(t):
    return t.ask(t.ip(src="224.1.2.3" if t.v == 4 else "ff02::3") / t.echo())


@alone(4, 6)
def an_echo_request_from_loopback_is_dropped(t):
    return t.ask(t.ip(src="127.0.0.1" if t.v == 4 else "::1") / t.echo())


@alone(4)
def an_echo_request_from_our_own_address_is_dropped(t):
    return t.ask(t.ip(src=t.me) / t.echo())


@alone(4, 6)
def an_echo_request_from_no_address_is_dropped(t):
    return t.ask(t.ip(src="0.0.0.0" if t.v == 4 else "::") / t.echo())


@alone(4, 6)
def an_unknown_type_is_dropped(t):
    return t.ask(t.ip(proto=1 if t.v == 4 else 58) / Raw(t.icmp_bytes(bytes([42 if t.v == 4 else 200, 0, 0, 0]) + DATA)))


@alone(4, differs="RFC 1122 §3.2.2.8: a host MAY answer; weft does not tell strangers its time")
def a_timestamp_request(t):
    return t.ask(t.ip() / ICMP(type=13, id=1, seq=2))


@alone(4)
def an_address_mask_request_is_dropped(t):
    return t.ask(t.ip() / ICMP(type=17, id=1, seq=2) / Raw(b"\0\0\0\0"))


@alone(4)
def an_information_request_is_dropped(t):
    return t.ask(t.ip() / ICMP(type=15, id=1, seq=2))


@alone(4, 6)
def a_closed_udp_port_is_unreachable(t):
    return t.ask(t.ip() / t.udp())


@alone(4, 6)
def an_error_quotes_as_much_as_may_be(t):
    return t.ask(t.ip() / t.udp(bytes(1400)))


@alone(4, 6)
def an_error_about_a_datagram_with_a_class(t):
    return t.ask(t.ip(tos=0x28) / t.udp())


@alone(4, 6)
def an_unknown_protocol_is_told(t):
    return t.ask(t.ip(proto=253) / Raw(DATA))


@alone(4, 6)
def no_error_about_a_datagram_to_a_group(t):
    mac, dst = ("01:00:5e:00:00:01", "224.0.0.1") if t.v == 4 else ("33:33:00:00:00:01", "ff02::1")
    return t.ask(t.ip(mac, dst=dst) / t.udp())


@alone(4, 6)
def no_error_about_an_unknown_protocol_to_a_group(t):
    mac, dst = ("01:00:5e:00:00:01", "224.0.0.1") if t.v == 4 else ("33:33:00:00:00:01", "ff02::1")
    return t.ask(t.ip(mac, dst=dst, proto=253) / Raw(DATA))


@alone(4)
def no_error_about_a_broadcast(t):
    return t.ask(t.ip(MAC_ALL, dst="10.0.0.255") / t.udp())


@alone(4, 6)
def no_error_about_a_unicast_datagram_in_a_broadcast_frame(t):
    return t.ask(t.ip(MAC_ALL if t.v == 4 else "33:33:00:00:00:01") / t.udp())


@alone(4, 6)
def no_error_to_a_source_that_is_a_group(t):
    return t.ask(t.ip(src="224.1.2.3" if t.v == 4 else "ff02::3") / t.udp())


@alone(4, 6)
def no_error_to_a_source_that_is_unspecified(t):
    return t.ask(t.ip(src="0.0.0.0" if t.v == 4 else "::") / t.udp())


@alone(4, 6)
def no_error_about_a_datagram_whose_checksum_is_wrong(t):
    return t.ask(t.ip() / t.udp(chksum=1))


@alone(4, 6)
def no_error_about_an_error_that_is_unknown(t):
    return t.ask(t.icmp_error(44 if t.v == 4 else 77, 0))


@alone(4, 6)
def errors_to_one_host_are_limited(t):
    n = len([f for _, f in t.raw(*[t.ip() / t.udp(sport=1000 + i) for i in range(40)])])
    return "a few of forty" if n <= 10 else f"{n} of forty"


@alone(4, 6)
def echo_replies_are_not_limited(t):
    n = len([f for _, f in t.raw(*[t.ip() / t.echo() for i in range(40)])])
    return f"{n} of forty"


@alone(4, 6)
def a_syn_to_a_closed_port_is_reset(t):
    return t.ask(t.ip() / t.syn())


@alone(4, 6)
def a_reset_to_a_closed_port_is_dropped(t):
    return t.ask(t.ip() / t.syn(flags="R"))


@alone(4, 6)
def a_syn_to_a_group_is_dropped(t):
    mac, dst = ("01:00:5e:00:00:01", "224.0.0.1") if t.v == 4 else ("33:33:00:00:00:01", "ff02::1")
    return t.ask(t.ip(mac, dst=dst) / t.syn())


@alone(4, 6)
def a_syn_with_a_bad_checksum_is_dropped(t):
    return t.ask(t.ip() / t.syn(chksum=1))
