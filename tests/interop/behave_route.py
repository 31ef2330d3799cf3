# SPDX-License-Identifier: MIT
"""Rows: forwarding, and the errors that routers send."""
from behave_kit import *  # noqa: F403

SECTION = "Routers: forwarding, errors, redirects"


def over(t, **kw):
    """From the peer through the router to the far peer."""
    return t.ip(**({"dst": t.far_peer} | kw))


def prohibited(t, kind):
    t.h.route(f"{kind} {'192.0.2.0/24' if t.v == 4 else '2001:db8:9::/48'}")
    return t.ask(t.ip(dst="192.0.2.1" if t.v == 4 else "2001:db8:9::1") / t.echo())


@router(4, 6)
def a_packet_is_forwarded(t):
    return t.ask(over(t, ttl=10) / t.echo())


@router(4, 6)
def the_class_is_kept(t):
    return t.ask(over(t, tos=0xba) / t.echo())


@router(4, 6)
def a_packet_with_a_hop_left_is_forwarded(t):
    return t.ask(over(t, ttl=2) / t.echo())


@router(4, 6)
def a_packet_with_no_hop_left_is_told(t):
    return t.ask(over(t, ttl=1) / t.udp())


@router(4, 6)
def a_packet_with_no_hop_at_all_is_told(t):
    return t.ask(over(t, ttl=0) / t.udp())


@router(4, 6)
def no_error_about_an_error_with_no_hop_left(t):
    kind, code = (3, 3) if t.v == 4 else (1, 4)
    return t.ask(over(t, ttl=1, proto=1 if t.v == 4 else 58) / Raw(t.icmp_bytes(
        struct.pack("!BBHI", kind, code, 0, 0) + bytes(t.quoted()), t.peer, t.far_peer)))


@router(4, 6)
def an_echo_request_with_no_hop_left_is_told(t):
    return t.ask(over(t, ttl=1) / t.echo())


@router(4)
def no_error_about_a_later_fragment_with_no_hop_left(t):
    return t.ask(over(t, ttl=1, frag=10, proto=17) / Raw(DATA))


@router(4, 6)
def a_destination_without_a_route_is_told(t):
    return t.ask(t.ip(dst=t.nowhere) / t.echo())


@router(4, 6)
def a_prohibited_destination_is_told(t):
    return prohibited(t, "prohibit")


@router(4, 6)
def an_unreachable_destination_is_told(t):
    return prohibited(t, "unreachable")


@router(4, 6)
def a_blackholed_destination_is_not_told(t):
    return prohibited(t, "blackhole")


@router(4, 6, mtu=1400)
def a_packet_too_big_is_told_with_the_mtu(t):
    return t.ask(over(t, **({"flags": 2} if t.v == 4 else {})) / t.echo(bytes(1440)))


@router(4, mtu=600)
def a_datagram_too_big_is_cut_into_fragments(t):
    return t.ask(over(t) / t.echo(bytes(1400)))


@router(4, mtu=600)
def a_fragment_too_big_is_cut_again(t):
    return t.ask(over(t, flags=1, frag=100, proto=17) / Raw(bytes(1400)))


@router(4, mtu=600)
def the_last_fragment_cut_again_ends_as_the_last(t):
    return t.ask(over(t, frag=100, proto=17) / Raw(bytes(1000)))


@router(4, mtu=600)
def a_datagram_with_df_is_not_cut(t):
    return t.ask(over(t, flags=2) / t.echo(bytes(1400)))


@router(4, 6, known=True, settings={"net.ipv4.icmp_ratelimit": 0},
        kernel_settings={"net.ipv4.neigh.eth1.retrans_time_ms": 100, "net.ipv6.neigh.eth1.retrans_time_ms": 100},
        weft_settings={"net.ipv4.neigh.default.retrans_time_ms": 100, "net.ipv6.neigh.default.retrans_time_ms": 100})
def a_host_that_does_not_answer_is_told(t):
    return t.ask(t.ip(dst="10.0.1.9" if t.v == 4 else "2001:db8:1::9") / t.echo(), ms=450)


@router(4, 6)
def a_group_is_not_forwarded(t):
    mac, dst = ("01:00:5e:01:01:01", "239.1.1.1") if t.v == 4 else ("33:33:00:00:01:01", "ff0e::101")
    return t.ask(t.ip(mac, dst=dst, ttl=9) / t.udp())


@router(4)
def a_directed_broadcast_is_not_forwarded(t):
    return t.ask(t.ip(dst="10.0.1.255") / t.udp())


@router(4)
def the_limited_broadcast_is_not_forwarded(t):
    return t.ask(t.ip(MAC_ALL, dst="255.255.255.255") / t.udp())


@router(4, differs="RFC 3927 §7: link-local addresses are not forwarded")
def a_link_local_source_of_ipv4_is_not_forwarded(t):
    return t.ask(over(t, src="169.254.1.1") / t.echo())


@router(6)
def a_link_local_source_is_not_forwarded(t):
    return t.ask(over(t, src=LL_PEER) / t.echo())


@router(6, differs="RFC 4291 §2.5.6: never forwarded; Linux does so within one link")
def a_link_local_destination_is_not_forwarded(t):
    return t.ask(t.ip(dst="fe80::1234") / t.echo())


@router(4, 6)
def a_loopback_source_is_not_forwarded(t):
    return t.ask(over(t, src="127.0.0.1" if t.v == 4 else "::1") / t.echo())


@router(4, 6)
def an_unspecified_source_is_not_forwarded(t):
    return t.ask(over(t, src="0.0.0.0" if t.v == 4 else "::") / t.echo())


@router(4, 6)
def a_group_as_the_source_is_not_forwarded(t):
    return t.ask(over(t, src="224.1.2.3" if t.v == 4 else "ff02::3") / t.echo())


@router(4, 6)
def a_unicast_packet_in_a_broadcast_frame_is_not_forwarded(t):
    return t.ask(over(t, mac=MAC_ALL if t.v == 4 else "33:33:00:00:00:01") / t.echo())


@router(4, 6)
def a_packet_to_the_routers_other_address_is_taken(t):
    return t.ask(t.ip(dst=t.far_me) / t.echo())


@router(4, 6)
def a_packet_back_onto_its_link_is_forwarded_and_redirected(t):
    t.h.route(f"{'192.0.2.0/24 via 10.0.0.3' if t.v == 4 else '2001:db8:9::/48 via 2001:db8::3'}")
    return t.ask(t.ip(dst="192.0.2.1" if t.v == 4 else "2001:db8:9::1") / t.echo())


@router(4)
def a_packet_to_a_neighbour_of_its_sender_is_forwarded_and_redirected(t):
    return t.ask(t.ip(dst=t.third) / t.echo())


@router(4, settings={"net.ipv4.conf.all.rp_filter": 1})
def a_source_of_another_interface_is_dropped_by_the_strict_filter(t):
    return t.ask(over(t, src="10.0.1.77") / t.echo())


@router(4, settings={"net.ipv4.conf.all.rp_filter": 2})
def a_source_of_another_interface_passes_the_loose_filter(t):
    return t.ask(over(t, src="10.0.1.77") / t.echo())


@router(4, settings={"net.ipv4.conf.all.rp_filter": 2})
def a_source_without_a_route_is_dropped_by_the_loose_filter(t):
    return t.ask(over(t, src=t.nowhere) / t.echo())


@router(4)
def a_source_route_is_refused(t):
    from behave_ip4 import with_options
    return t.ask(with_options(t, b"\x83\x07\4" + socket.inet_aton(t.far_peer), t.echo(), 1))


@router(4)
def fragments_are_forwarded_as_they_came(t):
    return t.ask(over(t, flags=1, proto=17) / Raw(bytes(80)), over(t, frag=10, proto=17) / Raw(bytes(80)))


@router(6)
def fragments_pass_a_router_as_they_came(t):
    return t.ask(over(t, proto=44) / Raw(struct.pack("!BBHI", 17, 0, 1, 7) + bytes(80)),
                 over(t, proto=44) / Raw(struct.pack("!BBHI", 17, 0, 80, 7) + bytes(80)))


@router(6)
def destination_options_are_no_concern_of_a_router(t):
    from behave_ip6 import DST, chain
    return t.ask(chain(t, DST, [(DST, bytes([2 << 6 | 30, 2, 1, 2]))], dst=t.far_peer))


@router(6)
def hop_by_hop_options_are_looked_at_by_a_router(t):
    from behave_ip6 import HOP, chain
    return t.ask(chain(t, HOP, [(HOP, bytes([2 << 6 | 30, 2, 1, 2]))], dst=t.far_peer))


@router(6)
def an_unknown_next_header_is_no_concern_of_a_router(t):
    return t.ask(over(t, proto=200) / Raw(DATA))


@router(4, 6)
def a_bad_checksum_of_a_transport_is_no_concern_of_a_router(t):
    return t.ask(over(t) / t.udp(chksum=0x1234))


@router(4)
def options_without_meaning_to_a_router_are_kept(t):
    from behave_ip4 import fixed
    head = fixed(bytes(IP(src=t.peer, dst=t.far_peer, ihl=6, len=24 + 16, proto=1, id=0))[:20] + b"\1\1\1\0")
    return t.ask(bytes(t.eth())[:12] + b"\x08\0" + head + bytes(t.echo(b"12345678")))


@router(4, 6, mtu=1400)
def an_error_from_a_router_is_from_the_interface_that_was_reached(t):
    sent = t.raw(over(t, ttl=1) / t.udp())
    return ", ".join(socket.inet_ntop(FAMILY[t.v], f[26:30] if t.v == 4 else f[22:38]) for _, f in sent) or "nothing"


def redirected(t, frame, settings=None):
    """Where datagrams to a host far away go before and after a redirect about one of them."""
    s = t.server()
    t.h.route("default via 10.0.0.2")
    s.connect(t.nowhere, PEER_PORT)

    def leaves_by():
        del t.h.sent[:]
        s.send(DATA)
        t.wait(ANSWER_MS)
        hops = {MAC_PEER: "the gateway", MAC_THIRD: "the other"}
        return " and ".join(hops.get(f[:6].hex(":"), f[:6].hex(":")) for _, f in t.sent() if f[12:14] == b"\x08\0") or "nowhere"

    before = leaves_by()
    t.raw(frame)
    return f"{before}, then {leaves_by()}"


def redirect(t, via="10.0.0.3", code=1, src="10.0.0.2", dst=NOWHERE[4], ours=True):
    quote = t.quoted(src=t.me if ours else "10.0.0.77", dst=dst)
    return t.icmp_error(5, code, struct.unpack("!I", socket.inet_aton(via))[0], quote, src=src)


@alone(4)
def a_redirect_of_the_gateway_is_followed(t):
    return redirected(t, redirect(t))


@alone(4)
def a_redirect_of_networks_is_followed_for_the_host(t):
    return redirected(t, redirect(t, code=0))


@alone(4)
def a_redirect_with_an_unknown_code_is_not_followed(t):
    return redirected(t, redirect(t, code=7))


@alone(4)
def a_redirect_of_another_than_the_gateway_is_not_followed(t):
    return redirected(t, redirect(t, src="10.0.0.7"))


@alone(4)
def a_redirect_from_off_the_link_is_not_followed_in_ipv4(t):
    return redirected(t, redirect(t, src="203.0.113.1"))


@alone(4)
def a_redirect_to_ourselves_is_not_followed(t):
    return redirected(t, redirect(t, via="10.0.0.1"))


@alone(4)
def a_redirect_to_a_group_is_not_followed(t):
    return redirected(t, redirect(t, via="224.0.0.5"))


@alone(4)
def a_redirect_to_the_broadcast_address_is_not_followed(t):
    return redirected(t, redirect(t, via="10.0.0.255"))


@alone(4)
def a_redirect_about_another_destination_changes_nothing_for_ours(t):
    return redirected(t, redirect(t, dst="198.51.100.2"))


@alone(4)
def a_redirect_about_a_packet_that_we_have_not_sent_is_not_followed(t):
    return redirected(t, redirect(t, ours=False))


@alone(4, settings={"net.ipv4.conf.all.accept_redirects": 0}, kernel_settings={"net.ipv4.conf.eth0.accept_redirects": 0})
def a_redirect_is_not_followed_where_the_setting_says_so(t):
    return redirected(t, redirect(t))


@alone(4, settings={"net.ipv4.conf.all.shared_media": 0}, kernel_settings={"net.ipv4.conf.eth0.shared_media": 0})
def a_secure_redirect_leads_to_gateways_of_default_routes_alone(t):
    return redirected(t, redirect(t))


@alone(4, settings={"net.ipv4.conf.all.shared_media": 0, "net.ipv4.conf.all.secure_redirects": 0},
       kernel_settings={"net.ipv4.conf.eth0.shared_media": 0, "net.ipv4.conf.eth0.secure_redirects": 0})
def a_redirect_that_need_not_be_secure_leads_to_others_on_the_link(t):
    return redirected(t, redirect(t))


@router(4)
def a_router_follows_no_redirects(t):
    t.h.route("default via 10.0.0.2")
    s = t.server()
    s.connect(t.nowhere, PEER_PORT)
    t.raw(redirect(t))
    s.send(DATA)
    t.wait(ANSWER_MS)
    return " and ".join(f[:6].hex(":") for _, f in t.sent())
