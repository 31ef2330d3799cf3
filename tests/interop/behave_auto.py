# SPDX-License-Identifier: MIT
"""Rows: duplicate address detection, routers, addresses made of prefixes, redirects of IPv6."""
from behave_kit import *  # noqa: F403
from behave_link import nd, ns, opt, state

SECTION = "IPv6: duplicate addresses, router advertisements, addresses by themselves, redirects"
ROUTER_LL, MAC_ROUTER = "fe80::ff:fe00:ff09", "02:00:00:00:ff:09"
ROUTER2_LL, MAC_ROUTER2 = "fe80::ff:fe00:ff0a", "02:00:00:00:ff:0a"
ALL_MAC, ALL = "33:33:00:00:00:01", "ff02::1"
PREFIX, EUI = "2001:db8:5::", "2001:db8:5::ff:fe00:1"
LISTEN = {"net.ipv6.conf.default.accept_ra": 1, "net.ipv6.conf.default.addr_gen_mode": 0}
DAD = {"net.ipv6.conf.default.accept_dad": 1, "net.ipv6.conf.default.dad_transmits": 1}
FAST_DAD = {"kernel_settings": {"net.ipv6.neigh.eth0.retrans_time_ms": 100},
            "weft_settings": {"net.ipv6.neigh.default.retrans_time_ms": 100}}
ASK = {"net.ipv6.conf.default.router_solicitations": 2, "net.ipv6.conf.default.router_solicitation_interval": 1,
       "net.ipv6.conf.default.router_solicitation_delay": 0}
HIGH, MEDIUM, LOW = 1, 0, 3


def pio(prefix=PREFIX, length=64, flags=0xc0, valid=3600, preferred=1800):
    return struct.pack("!BBBBIII", 3, 4, length, flags, valid, preferred, 0) + socket.inet_pton(10, prefix)


def mtu_option(mtu):
    return struct.pack("!BBHI", 5, 1, 0, mtu)


def route_option(prefix, length, pref=MEDIUM, lifetime=600):
    return struct.pack("!BBBBI", 24, 3, length, pref << 3, lifetime) + socket.inet_pton(10, prefix)


def ra(t, *options, lifetime=1800, hops=0, pref=MEDIUM, flags=0, src=ROUTER_LL, mac=MAC_ROUTER, ttl=255, reachable=0,
       retrans=0, code=0):
    lladdr = (opt(1, mac),) if mac else ()
    body = struct.pack("!BBHBBHII", 134, code, 0, hops, flags | pref << 3, lifetime, reachable, retrans) + b"".join(
        [*lladdr, *options])
    return nd(t, body, src=src, dst=ALL, mac=ALL_MAC, mac_src=mac or MAC_ROUTER, ttl=ttl)


def hear(t, *frames, ms=40):
    t.raw(*frames, ms=ms)


def answers(t, addr):
    """Whether an address is ours, and in use: it answers."""
    return "ours" if "echo reply" in t.ask(t.ip(dst=addr) / t.echo()) else "not ours"


def leaves_by(t, dst=NOWHERE[6], size=10):
    """Through whom, from where and with what hop limit a datagram leaves."""
    s = t.h.socket(FAMILY[6], DGRAM)
    del t.h.sent[:]
    rc = s.sendto(bytes(size), dst, PEER_PORT)
    t.wait(ANSWER_MS)
    if isinstance(rc, str):
        return rc
    for _, f in t.sent():
        if "UDP" in say(f) or "fragment" in say(f):
            return f"to {f[:6].hex(':')}, hop limit {f[21]}"
    for _, f in t.sent():
        if "solicitation" in say(f):
            return f"asks for {socket.inet_ntop(10, f[62:78])}"
    return "nothing"


def on(*families, **opts):
    opts = {"settings": LISTEN | opts.pop("settings", {})} | opts
    return alone(6, **opts)


# Duplicate addresses

def new_address(t, addr="2001:db8::77", ms=0):
    """An address is added; what is said then."""
    del t.h.sent[:]
    t.h.addr_add(f"{addr}/64")
    t.wait(ms)
    return t


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def an_address_is_asked_about_first(t):
    new_address(t, ms=1300)
    return "; ".join(dict.fromkeys(say(f).replace("source", "").replace("nonce", "") for _, f in t.h.sent if "db8::77" in say(f)))


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def a_question_about_an_address_has_no_source(t):
    new_address(t, ms=1300)
    f = [f for _, f in t.h.sent if "db8::77" in say(f)][0]
    return f"from {socket.inet_ntop(10, f[22:38])} to {f[:6].hex(':')}, options {f[78:80].hex()}"


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def an_address_that_nobody_has_is_used(t):
    new_address(t, ms=2300)
    return answers(t, "2001:db8::77")


def with_objection(t, objection):
    """The address is asked about; when the question is there, the objection comes."""
    t.h.addr_add("2001:db8::77/64")
    t.wait(1500, lambda: any("solicitation 2001:db8::77" in say(f) for _, f in t.h.sent))
    asked = [f for _, f in t.h.sent if "solicitation 2001:db8::77" in say(f)]
    if objection:
        t.rx(objection(asked[0]) if callable(objection) else objection)
    t.wait(1200)
    return answers(t, "2001:db8::77")


def node(addr):
    return "ff02::1:ff" + socket.inet_pton(10, addr)[13:].hex()[:2] + ":" + socket.inet_pton(10, addr)[14:].hex()


def na_all(t, target="2001:db8::77", flags=0x20000000):
    body = struct.pack("!BBHI", 136, 0, 0, flags) + socket.inet_pton(10, target) + opt(2, MAC_PEER)
    return nd(t, body, src="2001:db8::77", dst=ALL, mac=ALL_MAC)


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def an_address_that_somebody_has_is_not_used(t):
    return with_objection(t, na_all(t))


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def an_address_that_somebody_asks_about_too_is_not_used(t):
    body = struct.pack("!BBHI", 135, 0, 0, 0) + socket.inet_pton(10, "2001:db8::77")
    return with_objection(t, nd(t, body, src="::", dst=node("2001:db8::77"), mac="33:33:ff:00:00:77"))


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def our_own_question_that_comes_back_does_not_matter(t):
    return with_objection(t, lambda asked: asked)


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def an_address_that_is_asked_about_does_not_answer_yet(t):
    t.h.addr_add("2001:db8::77/64")
    said = t.ask(ns(t, "2001:db8::77", dst=node("2001:db8::77"), mac="33:33:ff:00:00:77", group=False))
    return "nothing" if "advertisement" not in said else said


@alone(6, addrs=["10.0.0.1/24"], settings=DAD, **FAST_DAD)
def an_advertisement_of_another_address_is_no_objection(t):
    return with_objection(t, na_all(t, "2001:db8::78"))


# Routers

@on(settings=ASK)
def a_host_asks_for_routers(t):
    t.wait(1500)
    return "asked" if any(say(f).startswith("router solicitation") for f in [*t.h.begun, *(f for _, f in t.h.sent)]) else "not asked"


@on(known=False)
def a_router_is_the_way_out(t):
    hear(t, ra(t))
    return leaves_by(t)


@on(known=False)
def a_router_with_a_lifetime_of_zero_is_none(t):
    hear(t, ra(t, lifetime=0))
    return leaves_by(t)


@on(known=False)
def a_router_that_gives_up_is_none_any_more(t):
    hear(t, ra(t), ra(t, lifetime=0))
    return leaves_by(t)


@on(known=False)
def a_router_whose_lifetime_is_over_is_none_any_more(t):
    hear(t, ra(t, lifetime=1), ms=2300)
    return leaves_by(t)


@on(known=False)
def the_preferred_of_two_routers_is_the_way_out(t):
    hear(t, ra(t, pref=LOW), ra(t, src=ROUTER2_LL, mac=MAC_ROUTER2, pref=HIGH))
    return leaves_by(t)


@on(known=False)
def the_preferred_of_two_routers_in_the_other_order_is_it_too(t):
    hear(t, ra(t, src=ROUTER2_LL, mac=MAC_ROUTER2, pref=HIGH), ra(t, pref=LOW))
    return leaves_by(t)


@on(known=False)
def a_reserved_preference_is_medium(t):
    hear(t, ra(t, pref=2), ra(t, src=ROUTER2_LL, mac=MAC_ROUTER2, pref=LOW))
    return leaves_by(t)


@on(known=False)
def an_advertisement_from_off_the_link_is_dropped(t):
    hear(t, ra(t, ttl=254))
    return leaves_by(t)


@on(known=False)
def an_advertisement_from_a_global_address_is_dropped(t):
    hear(t, ra(t, src="2001:db8::9"))
    return leaves_by(t)


@on(known=False)
def an_advertisement_with_a_code_is_dropped(t):
    hear(t, ra(t, code=1))
    return leaves_by(t)


@on(known=False)
def an_advertisement_with_an_option_of_length_zero_is_dropped(t):
    hear(t, ra(t, bytes([99, 0]) + bytes(6)))
    return leaves_by(t)


@on(known=False)
def an_advertisement_with_unknown_options_is_taken(t):
    hear(t, ra(t, bytes([99, 1]) + bytes(6)))
    return leaves_by(t)


@on(known=False)
def an_advertisement_makes_its_sender_a_neighbour(t):
    hear(t, ra(t))
    return state(t, ROUTER_LL)


@on(known=False)
def an_advertisement_without_an_address_makes_no_neighbour(t):
    hear(t, ra(t, mac=None))
    return leaves_by(t)


@on(known=False, settings={"net.ipv6.conf.default.accept_ra": 0})
def a_host_that_does_not_listen_takes_no_router(t):
    hear(t, ra(t, pio()))
    return f"{leaves_by(t)}, {answers(t, EUI)}"


@on(known=False, settings={"net.ipv6.conf.all.forwarding": 1})
def a_router_does_not_listen_to_others(t):
    hear(t, ra(t, pio()))
    return f"{leaves_by(t)}, {answers(t, EUI)}"


@on(known=False)
def the_hop_limit_of_an_advertisement_is_used(t):
    hear(t, ra(t, hops=17))
    return leaves_by(t)


@on(known=False)
def the_mtu_of_an_advertisement_is_used(t):
    hear(t, ra(t, mtu_option(1400)))
    return t.words(sent_of(t, 1380))


def sent_of(t, size):
    s = t.h.socket(FAMILY[6], DGRAM)
    del t.h.sent[:]
    s.sendto(bytes(size), NOWHERE[6], PEER_PORT)
    t.wait(ANSWER_MS)
    return t.sent()


@on(known=False)
def an_mtu_below_1280_in_an_advertisement_is_ignored(t):
    hear(t, ra(t, mtu_option(1200)))
    return t.words(sent_of(t, 1300))


@on(known=False)
def an_mtu_larger_than_the_interfaces_in_an_advertisement_is_ignored(t):
    hear(t, ra(t, mtu_option(9000)))
    return t.words(sent_of(t, 1452)) + "; " + t.words(sent_of(t, 1453))


@on(known=False, kernel_settings={"net.ipv6.conf.default.accept_ra_rt_info_max_plen": 64})
def a_route_of_an_advertisement_is_used(t):
    hear(t, ra(t), ra(t, route_option("2001:db8:7::", 48), src=ROUTER2_LL, mac=MAC_ROUTER2, lifetime=0))
    return f"{leaves_by(t, '2001:db8:7::1')}; else {leaves_by(t)}"


@on(known=False, kernel_settings={"net.ipv6.conf.default.accept_ra_rt_info_max_plen": 64})
def a_route_of_an_advertisement_ends_with_a_lifetime_of_zero(t):
    hear(t, ra(t), ra(t, route_option("2001:db8:7::", 48), src=ROUTER2_LL, mac=MAC_ROUTER2, lifetime=0),
         ra(t, route_option("2001:db8:7::", 48, lifetime=0), src=ROUTER2_LL, mac=MAC_ROUTER2, lifetime=0))
    return f"{leaves_by(t, '2001:db8:7::1')}"


# Addresses of prefixes

@on()
def a_prefix_makes_an_address(t):
    hear(t, ra(t, pio()), ms=60)
    return answers(t, EUI)


@on()
def a_prefix_of_another_length_makes_no_address(t):
    hear(t, ra(t, pio(length=63)), ra(t, pio("2001:db8:6::", length=65)), ms=60)
    return f"{answers(t, EUI)}, {answers(t, '2001:db8:6::ff:fe00:1')}"


@on()
def a_prefix_that_is_not_autonomous_makes_no_address(t):
    hear(t, ra(t, pio(flags=0x80)), ms=60)
    return answers(t, EUI)


@on()
def a_link_local_prefix_makes_no_address(t):
    hear(t, ra(t, pio("fe80:0:0:5::")), ms=60)
    return answers(t, "fe80:0:0:5::ff:fe00:1")


@on()
def a_prefix_that_is_preferred_longer_than_it_is_valid_makes_no_address(t):
    hear(t, ra(t, pio(valid=100, preferred=200)), ms=60)
    return answers(t, EUI)


@on()
def a_prefix_with_a_valid_lifetime_of_zero_makes_no_address(t):
    hear(t, ra(t, pio(valid=0, preferred=0)), ms=60)
    return answers(t, EUI)


@on(known=False)
def a_prefix_on_the_link_is_asked_for_directly(t):
    hear(t, ra(t, pio()), ms=60)
    return leaves_by(t, "2001:db8:5::9")


@on(known=False)
def a_prefix_that_is_not_on_the_link_is_reached_by_the_router(t):
    hear(t, ra(t, pio(flags=0x40)), ms=60)
    return leaves_by(t, "2001:db8:5::9")


@on()
def an_address_whose_prefix_has_ended_is_gone(t):
    hear(t, ra(t, pio(valid=1, preferred=1)), ms=60)
    first = answers(t, EUI)
    t.wait(3300)
    return f"{first}, then {answers(t, EUI)}"


@on()
def a_short_lifetime_does_not_end_an_address_at_once(t):
    hear(t, ra(t, pio(valid=86400, preferred=86400)), ra(t, pio(valid=0, preferred=0)), ms=60)
    t.wait(50)
    return answers(t, EUI)


def source_of(t, dst):
    s = t.h.socket(FAMILY[6], DGRAM)
    del t.h.sent[:]
    s.sendto(DATA, dst, PEER_PORT)
    t.wait(ANSWER_MS)
    return ", ".join(socket.inet_ntop(10, f[22:38]) for _, f in t.sent() if "UDP" in say(f)) or "nothing"


@on(addrs=["10.0.0.1/24"])
def an_address_that_is_deprecated_is_not_used_when_there_is_another(t):
    hear(t, ra(t, pio()), ra(t, pio("2001:db8:6::")), ra(t, pio(preferred=0)), ms=60)
    t.wait(30)
    return source_of(t, NOWHERE[6])


@on(addrs=["10.0.0.1/24"])
def an_address_of_the_routers_prefix_is_the_source(t):
    hear(t, ra(t, pio()), ms=60)
    return source_of(t, NOWHERE[6])


@on(settings=DAD, **FAST_DAD)
def an_address_of_a_prefix_is_asked_about(t):
    t.wait(1200)
    del t.h.sent[:]
    t.rx(ra(t, pio()))
    t.wait(2200)
    return "asked" if any(f"solicitation {EUI}" in say(f) for _, f in t.h.sent) else "not asked"


# Redirects
def redirect(t, target=ROUTER2_LL, dst=NOWHERE[6], src=ROUTER_LL, mac=MAC_ROUTER2, ttl=255, code=0, options=None):
    """Without the redirected packet: Linux looks for the socket that sent it, which is gone."""
    body = struct.pack("!BBHI", 137, code, 0, 0) + socket.inet_pton(10, target) + socket.inet_pton(10, dst)
    body += opt(2, mac) if options is None else options
    return nd(t, body, src=src, dst=t.me, mac_src=MAC_ROUTER, ttl=ttl)


def redirected(t, *frames):
    hear(t, ra(t))
    before = leaves_by(t)
    hear(t, *frames)
    return f"{before}, then {leaves_by(t)}"


@on(known=False)
def a_redirect_of_the_router_is_followed(t):
    return redirected(t, redirect(t))


@on(known=False)
def a_redirect_to_the_destination_itself_is_followed(t):
    return redirected(t, redirect(t, target=NOWHERE[6]))


@on(known=False)
def a_redirect_of_one_destination_concerns_it_alone(t):
    return redirected(t, redirect(t, dst="2001:db8:ffff::2"))


@on(known=False)
def a_redirect_of_another_than_the_router_is_not_followed(t):
    return redirected(t, redirect(t, src=ROUTER2_LL))


@on(known=False)
def a_redirect_from_off_the_link_is_not_followed(t):
    return redirected(t, redirect(t, ttl=254))


@on(known=False)
def a_redirect_from_a_global_address_is_not_followed(t):
    return redirected(t, redirect(t, src="2001:db8::9"))


@on(known=False)
def a_redirect_to_a_global_router_is_not_followed(t):
    return redirected(t, redirect(t, target="2001:db8::9"))


@on(known=False)
def a_redirect_of_a_group_is_not_followed(t):
    return redirected(t, redirect(t, dst="ff15::1"))


@on(known=False)
def a_redirect_with_a_code_is_not_followed(t):
    return redirected(t, redirect(t, code=1))


@on(known=False)
def a_redirect_with_an_option_of_length_zero_is_not_followed(t):
    return redirected(t, redirect(t, options=bytes([2, 0]) + bytes(6)))


@on(known=False)
def a_redirect_cut_short_is_not_followed(t):
    body = struct.pack("!BBHI", 137, 0, 0, 0) + socket.inet_pton(10, ROUTER2_LL)
    return redirected(t, nd(t, body, src=ROUTER_LL, dst=t.me, mac_src=MAC_ROUTER))


@on(known=False, settings={"net.ipv6.conf.default.accept_redirects": 0})
def a_host_that_follows_no_redirects_does_not(t):
    return redirected(t, redirect(t))


@router(6)
def a_router_redirects_to_a_neighbour_of_the_sender(t):
    return t.ask(t.ip(dst=t.third) / t.echo())


@router(6)
def a_router_redirects_to_a_nearer_router(t):
    t.h.neigh(ROUTER_LL, MAC_ROUTER)
    t.w.settle()
    t.h.route(f"2001:db8:9::/48 via {ROUTER_LL} dev eth0")
    return t.ask(t.ip(dst="2001:db8:9::1") / t.echo())


@pair(6, settings=DAD)
def two_hosts_with_one_address_find_out(t):
    t.a.addr_add("2001:db8::88/64")
    t.wait(2500)
    t.b.addr_add("2001:db8::88/64")
    t.wait(2500)
    return f"{t.b.addr_state('2001:db8::88')}"
