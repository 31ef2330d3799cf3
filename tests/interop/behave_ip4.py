# SPDX-License-Identifier: MIT
"""Rows: the header of IPv4 and its options, addresses that no datagram has."""
from behave_kit import *  # noqa: F403

SECTION = "IPv4: header, addresses, options"


def fixed(header):
    """A header with its checksum made right."""
    header = header[:10] + b"\0\0" + header[12:]
    return header[:10] + struct.pack("!H", csum(header)) + header[12:]


def with_options(t, options, payload=None, proto=17, dst=None):
    options += b"\0" * (-len(options) % 4)
    body = bytes(payload if payload is not None else t.udp())
    head = bytes(IP(src=t.peer, dst=dst or t.me, ihl=5 + len(options) // 4, len=20 + len(options) + len(body), proto=proto,
                    id=0))[:20]
    return bytes(t.eth())[:12] + b"\x08\0" + fixed(head + options) + body


def with_echo(t, options, dst=None):
    return with_options(t, options, t.echo(b"data"), 1, dst)


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


def options_of(t, frames):
    """The options of what was sent, the time masked."""
    said = []
    for i, f in frames:
        n = (f[14] & 15) * 4 - 20
        raw = bytearray(f[34:34 + n])
        if raw and raw[0] == 68:  # every entry's time, when it is not zero
            step = 4 if raw[3] & 15 == 0 else 8
            for at in range(4 + step - 4, raw[1] - 3, step):
                if any(raw[at:at + 4]):
                    raw[at:at + 4] = b"time"
        where = f" on eth{i}" if t.row.shape == "router" else ""
        said.append(f"{say(f).split(' id')[0].split(',')[0]}{where}, options {raw.hex() or 'none'} to {socket.inet_ntop(2, f[30:34])}")
    return "; ".join(said) or "nothing"


ROUTED = {"a record route with room": b"\x07\x0f\4" + bytes(12) + b"\0", "a record route with room for one": b"\x07\x07\4" + bytes(5),
          "a record route that is full": b"\x07\x07\x08\1\2\3\4\0", "a record route with half a place": b"\x07\x05\4" + bytes(5),
          "timestamps": b"\x44\x0c\5\0" + bytes(8), "timestamps with addresses": b"\x44\x14\5\1" + bytes(16),
          "timestamps of named hosts": b"\x44\x0c\5\3\x0a\0\0\1" + bytes(4),
          "timestamps of other hosts": b"\x44\x0c\5\3\x0a\0\0\7" + bytes(4),
          "timestamps that are full": b"\x44\x08\x09\x20\1\1\1\1", "timestamps that nobody can count": b"\x44\x08\x09\xf0\1\1\1\1",
          "timestamps with half a place": b"\x44\x08\5\1" + bytes(4)}


BY_WHERE = "as record routes do, weft's have the address by which the packet leaves; Linux's that by which it came"


def option_rows():
    for name, options in ROUTED.items():
        def at_host(t, options=options):
            return options_of(t, t.raw(with_echo(t, options)))

        def at_router(t, options=options):
            return options_of(t, t.raw(with_echo(t, options, t.far_peer)))

        at_host.__name__ = f"an echo request with {name}".replace(" ", "_")
        at_router.__name__ = f"{name} in a packet to be forwarded".replace(" ", "_")
        alone(4)(at_host)
        router(4, differs=BY_WHERE if name == "timestamps with addresses" else None)(at_router)


option_rows()
SOURCE_ROUTES = {"net.ipv4.conf.all.accept_source_route": 1}


@router(4, settings=SOURCE_ROUTES)
def a_loose_source_route_is_followed_where_it_is_accepted(t):
    return options_of(t, t.raw(with_echo(t, b"\x83\x0b\4\x0a\0\1\2\x0a\0\1\3\0")))


@router(4, settings=SOURCE_ROUTES)
def a_strict_source_route_is_followed_where_it_is_accepted(t):
    return options_of(t, t.raw(with_echo(t, b"\x89\x07\4\x0a\0\1\2\0")))


@router(4, settings=SOURCE_ROUTES)
def a_strict_source_route_by_a_gateway_is_refused(t):
    t.h.route("192.0.2.0/24 via 10.0.1.2")
    return t.ask(with_echo(t, b"\x89\x07\4\xc0\0\2\1\0"))


@router(4)
def a_source_route_through_a_router_is_dropped_by_default(t):
    return t.ask(with_echo(t, b"\x83\x07\4\x0a\0\1\2\0", t.far_peer))


@alone(4)
def a_socket_sends_its_options(t):
    s = t.server()
    rcs = [s.setopt(0, 4, b"\x07\x07\4" + bytes(4)), s.sendto(DATA, t.peer, PEER_PORT)]
    t.wait(ANSWER_MS)
    rcs += [s.setopt(0, 4, b"\x94\4\0\0"), s.sendto(DATA, t.peer, PEER_PORT)]
    t.wait(ANSWER_MS)
    rcs += [s.setopt(0, 4, b""), s.sendto(DATA, t.peer, PEER_PORT)]
    t.wait(ANSWER_MS)
    return f"{rcs}: {options_of(t, t.sent())}"


@alone(4)
def options_that_are_malformed_are_refused(t):
    s = t.server()
    return str([s.setopt(0, 4, raw) for raw in (b"\x07\x03\3\0", b"\x07\x09\4\0", b"\xde\1\0\0", b"\1\1\1\x07", bytes(41))])


@alone(4)
def a_socket_is_told_the_options_of_a_datagram(t):
    s = t.server()
    for name in (6, 7):
        assert s.setopt(0, name, 1) == 0
    t.raw(with_options(t, b"\x94\4\0\0\x07\x0b\4" + bytes(9), t.udp(dport=PORT, chksum=0)))
    m = s.recvmsg()
    return "; ".join(f"{kind}: {raw.hex()}" for level, kind, raw in m[1]) if not isinstance(m, str) else m
