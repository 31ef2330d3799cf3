# SPDX-License-Identifier: MIT
"""Rows: the header of IPv4 and its options, addresses that no datagram has."""
from behave_kit import *  # noqa: F403

SECTION = "IPv4: header, addresses, options"


def fixed(header):
    """A header with its checksum made right."""
    header = header[:10] + b"\0\0" + header[12:]
    return header[:10] + struct.pack("!H", csum(header)) + header[12:]


def with_options(t, options, payload=None, proto=17):
    options += b"\0" * (-len(options) % 4)
    body = bytes(payload if payload is not None else t.udp())
    head = bytes(IP(src=t.peer, dst=t.me, ihl=5 + len(options) // 4, len=20 + len(options) + len(body), proto=proto,
                    id=0))[:20]
    return bytes(t.eth())[:12] + b"\x08\0" + fixed(head + options) + body


def with_echo(t, options):
    return with_options(t, options, t.echo(b"data"), 1)


@alone(4)
def a_header_with_a_bad_checksum_is_dropped(t):
    return t.ask(t.ip(chksum=1) / t.echo())


@alone(4)
def a_header_of_another_version_is_dropped(t):
    return t.ask(t.ip(version=5) / t.echo())


@alone(4)
def a_header_shorter_than_twenty_bytes_is_dropped(t):
    return t.ask(t.ip(ihl=4) / t.echo())


@alone(4)
def a_header_longer_than_its_datagram_is_dropped(t):
    return t.ask(t.ip(ihl=15, len=40) / Raw(bytes(20)))


@alone(4)
def a_total_length_beyond_the_frame_is_dropped(t):
    return t.ask(t.ip(len=1000) / t.echo())


@alone(4)
def what_follows_the_datagram_in_its_frame_is_ignored(t):
    return t.ask(t.ip(len=20 + 8 + 4) / t.echo(b"abcd") / Raw(b"padding"))


@alone(4)
def the_reserved_flag_does_not_matter(t):
    return t.ask(t.ip(flags=4) / t.echo())


@alone(4)
def a_time_to_live_of_zero_does_not_matter_at_its_destination(t):
    return t.ask(t.ip(ttl=0) / t.echo())


@alone(4)
def a_source_of_class_e_is_dropped(t):
    return t.ask(t.ip(src="240.1.2.3") / t.echo())


@alone(4)
def a_source_of_this_network_is_dropped(t):
    return t.ask(t.ip(src="0.1.2.3") / t.echo())


@alone(4, differs="RFC 1122 §3.2.1.3: no datagram has such a source")
def a_source_that_is_the_broadcast_address_is_dropped(t):
    return t.ask(t.ip(src="10.0.0.255") / t.echo())


@alone(4)
def a_destination_that_is_loopback_is_dropped(t):
    return t.ask(t.ip(dst="127.0.0.1") / t.echo())


@alone(4)
def a_destination_of_class_e_is_dropped(t):
    return t.ask(t.ip(dst="240.1.2.3") / t.echo())


@alone(4)
def no_operation_options_are_skipped(t):
    return t.ask(with_options(t, b"\1\1\1\0"))


@alone(4)
def an_option_that_is_not_known_is_skipped(t):
    return t.ask(with_options(t, b"\x9e\4ab"))


LENGTH = "RFC 792 wants the octet where the mistake is: the length; Linux points at the option"


@alone(4)
def an_option_without_a_length_has_a_pointer(t):
    return t.ask(with_options(t, b"\1\1\1\x07"))


@alone(4, differs=LENGTH)
def an_option_of_length_zero_has_a_pointer(t):
    return t.ask(with_options(t, b"\x07\0\4\0"))


@alone(4, differs=LENGTH)
def an_option_of_length_one_has_a_pointer(t):
    return t.ask(with_options(t, b"\x9e\1\0\0"))


@alone(4, differs=LENGTH)
def an_option_beyond_the_header_has_a_pointer(t):
    return t.ask(with_options(t, b"\x07\x0b\4\0"))


@alone(4)
def a_record_route_whose_pointer_is_too_small_has_a_pointer(t):
    return t.ask(with_options(t, b"\x07\x07\3" + bytes(5)))


@alone(4)
def a_timestamp_whose_pointer_is_too_small_has_a_pointer(t):
    return t.ask(with_options(t, b"\x44\x08\4\0" + bytes(4)))


@alone(4)
def a_loose_source_route_to_us_is_dropped(t):
    return t.ask(with_echo(t, b"\x83\x07\4\x0a\0\0\3\0"))


@alone(4)
def a_strict_source_route_to_us_is_dropped(t):
    return t.ask(with_echo(t, b"\x89\x07\4\x0a\0\0\3\0"))


@alone(4)
def a_router_alert_is_no_concern_of_a_host(t):
    return t.ask(with_options(t, b"\x94\4\0\0"))


@alone(4)
def an_error_about_a_datagram_with_options_quotes_them(t):
    return t.ask(with_options(t, b"\1" * 12))
