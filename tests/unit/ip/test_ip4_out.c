/* SPDX-License-Identifier: MIT */
/* IPv4 output and routing as transports see them: ip_route(), ip_output(), ip_dst_*(). */
#include "ip4_fixture.h"

#include "unit.h"

static int setup(void **state)
{
	*state = ip4_fix_host();
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

/*
 * ip_route().
 */

struct routed {
	int err;
	struct ip_dst dst;
	struct ip_addr src;
};

static struct routed route(struct ip4_fix *f, const char *dst, const char *src, uint32_t oif)
{
	struct ip_flow flow = {.dst = ip(dst), .oif = oif};
	struct routed r = {0};

	if (src)
		flow.src = ip(src);
	r.err = ip_route(f->st, &flow, &r.dst, &r.src);
	return r;
}

static void connected_destination_leaves_from_our_address_there(void **state)
{
	struct ip4_fix *f = *state;
	struct routed r = route(f, "10.0.1.2", NULL, 0);

	assert_int_equal(r.err, 0);
	assert_ptr_equal(r.dst.netif, &f->b->netif);
	assert_ip(r.dst.nexthop, "10.0.1.2");
	assert_ip(r.src, "10.0.1.1");
	assert_int_equal(r.dst.mtu, 1500);
	assert_int_equal(r.dst.prefix_len, 24);
	assert_false(r.dst.is_local);
	assert_non_null(r.dst.neigh);
}

static void gateway_route_leaves_from_our_address_on_the_gateways_link(void **state)
{
	struct ip4_fix *f = *state;
	struct routed r;

	add_addr(f->b, "172.16.0.1", 16);
	add_route(f->st, "0.0.0.0", 0, "172.16.0.9", NULL);
	r = route(f, "192.0.2.1", NULL, 0);
	assert_int_equal(r.err, 0);
	assert_ip(r.dst.nexthop, "172.16.0.9");
	assert_ip(r.src, "172.16.0.1");
}

static void route_with_a_preferred_source_uses_it(void **state)
{
	struct ip4_fix *f = *state;
	struct fib4_route rt = {.dst = ip4("192.0.2.0"),
				.prefix_len = 24,
				.via = ip4("10.0.1.2"),
				.src = ip4("10.0.0.1"),
				.type = ROUTE_UNICAST};

	assert_int_equal(ip4_route_add(f->st, &rt), 0);
	assert_ip(route(f, "192.0.2.1", NULL, 0).src, "10.0.0.1");
	/* What the application has bound comes before that. */
	assert_ip(route(f, "192.0.2.1", "10.0.1.1", 0).src, "10.0.1.1");
}

static void unnumbered_interface_borrows_an_address(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(ip4_addr_del(&f->b->netif, ip4("10.0.1.1"), 24), 0);
	add_route(f->st, "192.0.2.0", 24, NULL, f->b);
	assert_ip(route(f, "192.0.2.1", NULL, 0).src, "10.0.0.1");
}

static void no_address_at_all_means_no_source(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(ip4_addr_del(&f->a->netif, ip4("10.0.0.1"), 24), 0);
	assert_int_equal(ip4_addr_del(&f->b->netif, ip4("10.0.1.1"), 24), 0);
	add_route(f->st, "192.0.2.0", 24, NULL, f->b);
	assert_int_equal(route(f, "192.0.2.1", NULL, 0).err, -EADDRNOTAVAIL);
	/* A host that asks for its address must be able to speak. */
	assert_int_equal(route(f, "255.255.255.255", NULL, f->b->netif.index).err, 0);
	assert_ip(route(f, "255.255.255.255", NULL, f->b->netif.index).src, "0.0.0.0");
}

static void refusals_have_their_errno(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_flow v6 = {.dst = {{0x20, 1, 0xd, 0xb8}}};
	struct ip_dst dst = {.gen = 12345};
	struct ip_addr src = {{9}};

	assert_int_equal(route(f, "192.0.2.1", NULL, 0).err, -ENETUNREACH);
	assert_int_equal(route(f, "0.0.0.0", NULL, 0).err, -ENETUNREACH);
	add_route_type(f->st, "192.0.2.0", 28, ROUTE_UNREACHABLE);
	add_route_type(f->st, "192.0.2.16", 28, ROUTE_PROHIBIT);
	add_route_type(f->st, "192.0.2.32", 28, ROUTE_BLACKHOLE);
	assert_int_equal(route(f, "192.0.2.1", NULL, 0).err, -EHOSTUNREACH);
	assert_int_equal(route(f, "192.0.2.17", NULL, 0).err, -EACCES);
	assert_int_equal(route(f, "192.0.2.33", NULL, 0).err, -EINVAL);
	assert_int_equal(route(f, "10.0.1.2", NULL, 99).err, -ENETDOWN);
	assert_int_equal(ip_route(f->st, &v6, &dst, &src), -EAFNOSUPPORT);
	assert_int_equal(dst.gen, 12345);
	assert_int_equal(src.b[0], 9);
}

static void our_addresses_are_reached_over_loopback(void **state)
{
	struct ip4_fix *f = *state;
	struct routed r = route(f, "10.0.1.1", NULL, 0);

	assert_ptr_equal(r.dst.netif, f->lo);
	assert_true(r.dst.is_local);
	assert_ip(r.src, "10.0.1.1");
	r = route(f, "127.1.2.3", NULL, 0);
	assert_true(r.dst.is_local);
	assert_ip(r.src, "127.0.0.1");
	/* Whatever interface is asked for. */
	assert_true(route(f, "10.0.1.1", NULL, f->a->netif.index).dst.is_local);
}

static void loopback_source_does_not_leave_the_host(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(route(f, "10.0.1.2", "127.0.0.1", 0).err, -EADDRNOTAVAIL);
}

static void loopback_without_its_address_is_not_reached_by_the_default_route(void **state)
{
	struct ip4_fix *f = *state;

	add_route(f->st, "0.0.0.0", 0, "10.0.0.2", NULL);
	assert_int_equal(ip4_addr_del(f->lo, ip4("127.0.0.1"), 8), 0);
	assert_int_equal(route(f, "127.0.0.1", NULL, 0).err, -ENETUNREACH);
	assert_int_equal(route(f, "127.0.0.1", NULL, f->a->netif.index).err, -ENETUNREACH);
}

static void bound_interface_is_used_even_without_a_route(void **state)
{
	struct ip4_fix *f = *state;
	struct routed r;

	add_route(f->st, "0.0.0.0", 0, "10.0.0.2", NULL);
	r = route(f, "192.0.2.1", NULL, f->a->netif.index);
	assert_ip(r.dst.nexthop, "10.0.0.2");
	r = route(f, "192.0.2.1", NULL, f->b->netif.index);
	assert_int_equal(r.err, 0);
	assert_ptr_equal(r.dst.netif, &f->b->netif);
	assert_ip(r.dst.nexthop, "192.0.2.1");
	netif_set_up(&f->b->netif, false);
	assert_int_equal(route(f, "192.0.2.1", NULL, f->b->netif.index).err, -ENETDOWN);
}

static void groups_leave_by_the_interface_asked_for_or_the_sources_or_a_route(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(route(f, "224.1.1.1", NULL, 0).err, -ENETUNREACH);
	assert_ptr_equal(route(f, "224.1.1.1", NULL, f->b->netif.index).dst.netif, &f->b->netif);
	assert_ptr_equal(route(f, "224.1.1.1", "10.0.1.1", 0).dst.netif, &f->b->netif);
	assert_ptr_equal(route(f, "255.255.255.255", "10.0.1.1", 0).dst.netif, &f->b->netif);
	add_route(f->st, "0.0.0.0", 0, "10.0.0.2", NULL);
	assert_ptr_equal(route(f, "224.1.1.1", NULL, 0).dst.netif, &f->a->netif);
	assert_ip(route(f, "224.1.1.1", NULL, 0).dst.nexthop, "224.1.1.1");
	assert_ip(route(f, "224.1.1.1", NULL, 0).src, "10.0.0.1");
}

static void cached_destination_is_valid_until_something_changes(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_dst empty = {0};
	struct ip_dst dst = route(f, "10.0.1.2", NULL, 0).dst;

	assert_false(ip_dst_is_valid(f->st, &empty));
	assert_true(ip_dst_is_valid(f->st, &dst));
	add_route(f->st, "192.0.2.0", 24, "10.0.1.2", NULL);
	assert_false(ip_dst_is_valid(f->st, &dst));

	dst = route(f, "10.0.1.2", NULL, 0).dst;
	add_addr(f->b, "10.0.9.1", 24);
	assert_false(ip_dst_is_valid(f->st, &dst));

	dst = route(f, "10.0.1.2", NULL, 0).dst;
	assert_int_equal(netif_set_mtu(&f->b->netif, 1400), 0);
	assert_false(ip_dst_is_valid(f->st, &dst));
	assert_int_equal(route(f, "10.0.1.2", NULL, 0).dst.mtu, 1400);

	dst = route(f, "10.0.1.2", NULL, 0).dst;
	neigh_flush(&f->b->netif, true);
	assert_false(ip_dst_is_valid(f->st, &dst));

	dst = route(f, "10.0.1.2", NULL, 0).dst;
	netif_set_up(&f->b->netif, false);
	assert_false(ip_dst_is_valid(f->st, &dst));

	f->st->ip4->dst_gen = UINT32_MAX;
	ip_dst_invalidate_all(f->st);
	assert_false(ip_dst_is_valid(f->st, &empty));
}

static void local_addresses_are_told_from_others(void **state)
{
	struct ip4_fix *f = *state;
	const struct {
		const char *addr;
		bool want;
	} cases[] = {
		{"10.0.0.1", true},    {"10.0.1.1", true},   {"127.0.0.1", true},
		{"127.200.0.1", true}, {"10.0.0.2", false},  {"10.0.0.255", false},
		{"0.0.0.0", false},    {"192.0.2.1", false}, {"255.255.255.255", false},
	};
	struct ip_addr v6 = {{0x20, 1}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr a = ip(cases[i].addr);

		assert_int_equal(ip_addr_is_local(f->st, &a), cases[i].want);
	}
	assert_false(ip_addr_is_local(f->st, &v6));
}

/*
 * ip_output().
 */

static void packet_gets_a_header_and_goes_to_its_neighbour(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	assert_int_equal(out(f, 100, IP_OUT("10.0.0.2", .flow.tos = 0x10)), 0);
	sent_ip4(f->a, &s);
	assert_true(eth_addr_eq(&s.eth.dst, &(struct eth_addr){{2, 0, 0, 0, 0, MAC_A2}}));
	assert_ip4(s.hdr.src, "10.0.0.1");
	assert_ip4(s.hdr.dst, "10.0.0.2");
	assert_int_equal(s.hdr.ttl, 64);
	assert_int_equal(s.hdr.tos, 0x10);
	assert_int_equal(s.hdr.proto, TEST_PROTO);
	assert_false(s.hdr.df);
	assert_int_equal(s.l4_len, 100);
	assert_int_equal(f->st->mib[MIB_IpOutRequests], 1);
	assert_int_equal(f->st->mib[MIB_IpExtOutOctets], 120);
}

static void ttl_comes_from_the_packet_or_the_setting(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	set_sysctl(f->st, "net.ipv4.ip_default_ttl", 33);
	assert_int_equal(out(f, 8, IP_OUT("10.0.0.2")), 0);
	sent_ip4(f->a, &s);
	assert_int_equal(s.hdr.ttl, 33);
	assert_int_equal(out(f, 8, IP_OUT("10.0.0.2", .ttl = 5)), 0);
	sent_ip4(f->a, &s);
	assert_int_equal(s.hdr.ttl, 5);
	/* A group is not for the whole world by default. */
	assert_int_equal(out(f, 8, IP_OUT("224.0.0.5")), 0);
	sent_ip4(f->a, &s);
	assert_int_equal(s.hdr.ttl, 1);
}

static void atomic_datagrams_have_no_id_and_others_differ(void **state)
{
	struct ip4_fix *f = *state;
	uint16_t ids[16];
	struct sent s;

	assert_int_equal(out(f, 8, IP_OUT("10.0.0.2", .df = true)), 0);
	sent_ip4(f->a, &s);
	assert_true(s.hdr.df);
	assert_int_equal(s.hdr.id, 0);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(out(f, 8, IP_OUT("10.0.0.2")), 0);
		sent_ip4(f->a, &s);
		ids[i] = s.hdr.id;
		for (int j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
}

static void caller_keeps_the_resolved_destination(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_dst dst = {0};
	struct fib4 fib;
	struct sent s;

	assert_int_equal(out(f, 8, IP_OUT("10.0.0.2", .dst = &dst)), 0);
	assert_true(ip_dst_is_valid(f->st, &dst));
	assert_non_null(dst.neigh);
	/* The second packet goes where the cache says, without looking at the table. */
	fib = f->st->ip4->fib;
	fib4_init(&f->st->ip4->fib, &f->eng->mem);
	assert_int_equal(out(f, 8, IP_OUT("10.0.0.2", .dst = &dst)), 0);
	f->st->ip4->fib = fib;
	sent_ip4(f->a, &s);
	sent_ip4(f->a, &s);
	ip_dst_confirm(f->st, &dst);
}

static void neighbour_made_by_the_first_packet_is_cached_later(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_dst dst = {0};

	assert_int_equal(out(f, 8, IP_OUT("10.0.0.99", .dst = &dst)), 0);
	assert_null(dst.neigh);
	assert_int_equal(out(f, 8, IP_OUT("10.0.0.99", .dst = &dst)), 0);
	assert_non_null(dst.neigh);
	fix_advance(f->eng, 4 * SEC); /* nobody answers: both dropped */
	fix_assert_drops(f->st, DROP_NEIGH_FAILED, 2);
}

static void silent_neighbour_is_told_to_the_sending_transport(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(out(f, 16, IP_OUT("10.0.0.99")), 0);
	fix_advance(f->eng, 4 * SEC);
	assert_int_equal(seen.n_errors, 1);
	assert_int_equal(seen.err.err, EHOSTUNREACH);
	assert_false(seen.err.is_hard);
	assert_ip(seen.err.src, "10.0.0.1");
	assert_ip(seen.err.dst, "10.0.0.99");
	assert_int_equal(seen.quote_len, 16);
	assert_int_equal(seen.quote[0], 1);
}

static void refused_packets_are_dropped_with_their_errno(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_out v6 = {.flow.dst = {{0x20, 1}}};

	assert_int_equal(out(f, 8, IP_OUT("192.0.2.1")), -ENETUNREACH);
	fix_assert_drops(f->st, DROP_IP_NO_ROUTE, 1);
	assert_int_equal(f->st->mib[MIB_IpOutNoRoutes], 1);
	assert_int_equal(out(f, 8, v6), -EAFNOSUPPORT);
	assert_int_equal(out(f, 65516, IP_OUT("10.0.0.2")), -EMSGSIZE);
	fix_assert_drops(f->st, DROP_IP4_TOO_LONG, 1);
	assert_int_equal(out(f, 8, IP_OUT("10.0.0.2", .flow.oif = 99)), -ENETDOWN);
	fix_assert_silent(f->a);
}

static void larger_than_the_mtu_and_not_to_be_cut_is_refused(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(out(f, 1480, IP_OUT("10.0.0.2", .df = true)), 0);
	fix_ignore_sent(f->a);
	assert_int_equal(out(f, 1481, IP_OUT("10.0.0.2", .df = true)), -EMSGSIZE);
	assert_int_equal(out(f, 1481, IP_OUT("10.0.0.2", .no_frag = true)), -EMSGSIZE);
	assert_int_equal(f->st->mib[MIB_IpFragFails], 2);
	fix_assert_drops(f->st, DROP_IP_MTU, 2);
	fix_assert_silent(f->a);
}

static void broadcast_needs_permission(void **state)
{
	static const char *const dsts[] = {"10.0.0.255", "255.255.255.255"};
	struct ip4_fix *f = *state;
	struct sent s;

	for (size_t i = 0; i < ARRAY_SIZE(dsts); i++) {
		assert_int_equal(out(f, 8, IP_OUT(dsts[i])), -EACCES);
		fix_assert_silent(f->a);
		assert_int_equal(out(f, 8, IP_OUT(dsts[i], .may_broadcast = true)), 0);
		sent_ip4(f->a, &s);
		assert_true(eth_addr_is_broadcast(&s.eth.dst));
		assert_ip4(s.hdr.dst, dsts[i]);
	}
}

static void group_goes_to_its_ethernet_address(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	assert_int_equal(out(f, 8, IP_OUT("224.129.2.3", .flow.oif = f->b->netif.index)), 0);
	sent_ip4(f->b, &s);
	assert_true(eth_addr_eq(&s.eth.dst, &(struct eth_addr){{1, 0, 0x5e, 1, 2, 3}}));
}

static void packet_to_ourselves_comes_back(void **state)
{
	static const char *const dsts[] = {"10.0.0.1", "10.0.1.1", "127.0.0.1", "127.3.2.1"};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(dsts); i++) {
		struct ip_out o = IP_OUT(dsts[i]);

		assert_int_equal(out(f, 20, o), 0);
		assert_int_equal(seen.n, i + 1);
		assert_ip(seen.info.dst, dsts[i]);
		assert_ip(seen.info.src, "10.0.0.1");
	}
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static enum ip_verdict refuse(struct ip_hook *hook UNUSED, struct pkt *pkt UNUSED,
			      struct ip_hook_ctx *ctx)
{
	assert_null(ctx->in);
	assert_non_null(ctx->out);
	ctx->why = DROP_IP_ROUTE_PROHIBIT;
	return IP_DROP;
}

static enum ip_verdict steal(struct ip_hook *hook UNUSED, struct pkt *pkt,
			     struct ip_hook_ctx *ctx UNUSED)
{
	pkt_free(pkt);
	return IP_STOLEN;
}

static void hooks_on_the_way_out_can_drop_and_steal(void **state)
{
	static const enum ip_hook_point points[] = {IP_HOOK_OUTPUT, IP_HOOK_POSTROUTING};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		struct ip_hook hook = {.fn = refuse};

		ip_hook_add(&f->st->ip4->hooks, points[i], &hook);
		assert_int_equal(out(f, 8, IP_OUT("10.0.0.2")), -EACCES);
		hook.fn = steal;
		assert_int_equal(out(f, 8, IP_OUT("10.0.0.2")), 0);
		ip_hook_del(&hook);
	}
	fix_assert_silent(f->a);
}

/* By ip4_output_plain(), which leaves the packet to ip_output() when it cannot send it. True: sent.
 */
static bool out_plain(struct ip4_fix *f, struct pkt *pkt, const struct ip_out *o)
{
	const struct ip_plain plain = {.dst = o->dst,
				       .src = &o->flow.src,
				       .to = &o->flow.dst,
				       .proto = o->flow.proto,
				       .tos = o->flow.tos,
				       .ttl = o->ttl};
	int err = ip4_output_plain(f->st, pkt, &plain);
	bool is_sent = err != IP_NOT_PLAIN;

	assert_true(!is_sent || err == 0);
	if (!is_sent)
		pkt_free(pkt);
	fix_settle(f->eng);
	return is_sent;
}

static void plain_packets_leave_as_others_do(void **state)
{
	static const uint32_t lens[] = {1, 8, 33, 100};
	struct ip4_fix *f = *state;
	struct ip_dst dst = {0};
	struct ip_out o = IP_OUT("10.0.0.2", .df = true, .dst = &dst);
	struct fix_frame a, b;
	uint64_t mib;

	assert_false(out_plain(f, payload_pkt(f, 8), &o)); /* there is no route yet */
	assert_int_equal(out(f, 8, o), 0);
	fix_ignore_sent(f->a);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		o.ttl = i % 2 ? 0 : 7;
		o.flow.tos = (uint8_t)(i * 8);
		assert_int_equal(out(f, lens[i], o), 0);
		mib = f->st->mib[MIB_IpExtOutOctets];
		assert_true(out_plain(f, payload_pkt(f, lens[i]), &o));
		assert_int_equal(f->st->mib[MIB_IpExtOutOctets] - mib, lens[i] + IP4_HDR_LEN);
		assert_true(fix_sent(f->a, &a) && fix_sent(f->a, &b));
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.b, b.b, a.len);
	}
	assert_int_equal(f->st->mib[MIB_IpOutRequests], 1 + 2 * ARRAY_SIZE(lens));
}

static void packets_with_something_in_their_way_are_not_plain(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_dst dst = {0};
	struct ip_out o = IP_OUT("10.0.0.2", .df = true, .dst = &dst);
	struct ip_hook hook = {.fn = steal};

	assert_int_equal(out(f, 8, o), 0);
	fix_ignore_sent(f->a);
	assert_false(out_plain(f, payload_pkt(f, 2000), &o)); /* not in its own room; too long */
	ip_hook_add(&f->st->ip4->hooks, IP_HOOK_OUTPUT, &hook);
	assert_false(out_plain(f, payload_pkt(f, 8), &o));
	ip_hook_del(&hook);
	ip_dst_invalidate_all(f->st);
	assert_false(out_plain(f, payload_pkt(f, 8), &o));
	fix_assert_silent(f->a);
	/* A neighbour that has to be asked for. */
	o = IP_OUT("10.0.0.99", .df = true, .dst = &dst);
	dst.gen = 0;
	assert_int_equal(out(f, 8, o), 0);
	assert_int_equal(out(f, 8, o), 0);
	assert_non_null(dst.neigh);
	assert_false(out_plain(f, payload_pkt(f, 8), &o));
	fix_advance(f->eng, 4 * SEC);
}

/*
 * Routes as a user adds them.
 */

static int add_via(struct ip4_fix *f, const char *via, struct fix_if *nif)
{
	struct fib4_route r = {.dst = ip4("192.0.2.0"),
			       .prefix_len = 24,
			       .via = ip4(via),
			       .netif = nif ? &nif->netif : NULL,
			       .type = ROUTE_UNICAST};

	return ip4_route_add(f->st, &r);
}

static void gateway_must_be_another_host_on_the_link(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(add_via(f, "198.51.100.1", NULL), -ENETUNREACH);
	assert_int_equal(add_via(f, "10.0.1.2", f->a), -ENETUNREACH);
	assert_int_equal(add_via(f, "10.0.0.1", NULL), -EINVAL);
	assert_int_equal(add_via(f, "10.0.0.255", NULL), -EINVAL);
	assert_int_equal(add_via(f, "224.0.0.1", NULL), -EINVAL);
	assert_int_equal(add_via(f, "127.0.0.2", NULL), -EINVAL);
	assert_int_equal(add_via(f, "10.0.1.2", f->b), 0);
	assert_int_equal(add_via(f, "10.0.1.3", f->b), -EEXIST);
}

static void gateway_may_be_reached_by_a_route_to_its_link(void **state)
{
	struct ip4_fix *f = *state;

	add_route(f->st, "198.51.100.1", 32, NULL, f->b);
	assert_int_equal(add_via(f, "198.51.100.1", NULL), 0);
	assert_ptr_equal(route(f, "192.0.2.1", NULL, 0).dst.netif, &f->b->netif);
}

static void gateway_on_a_stopped_interface_is_accepted_and_waits(void **state)
{
	struct ip4_fix *f = *state;

	netif_set_up(&f->b->netif, false);
	assert_int_equal(add_via(f, "10.0.1.2", NULL), 0);
	assert_int_equal(route(f, "192.0.2.1", NULL, 0).err, -ENETUNREACH);
	netif_set_up(&f->b->netif, true);
	assert_int_equal(route(f, "192.0.2.1", NULL, 0).err, 0);
}

static void route_needs_an_interface_and_a_source_of_ours(void **state)
{
	struct ip4_fix *f = *state;
	struct fib4_route r = {.dst = ip4("192.0.2.0"), .prefix_len = 24, .type = ROUTE_UNICAST};

	assert_int_equal(ip4_route_add(f->st, &r), -EINVAL);
	r.netif = &f->a->netif;
	r.src = ip4("10.0.0.2");
	assert_int_equal(ip4_route_add(f->st, &r), -EINVAL);
	r.src = ip4("10.0.1.1");
	assert_int_equal(ip4_route_add(f->st, &r), 0);
	r.type = ROUTE_LOCAL;
	assert_int_equal(ip4_route_add(f->st, &r), -EINVAL);
}

static void deleted_route_is_not_found_again(void **state)
{
	struct ip4_fix *f = *state;
	struct fib4_key key = {.dst = ip4("192.0.2.0"), .prefix_len = 24};

	assert_int_equal(ip4_route_del(f->st, &key), -ESRCH);
	assert_int_equal(add_via(f, "10.0.1.2", NULL), 0);
	assert_int_equal(ip4_route_del(f->st, &key), 0);
	assert_int_equal(route(f, "192.0.2.1", NULL, 0).err, -ENETUNREACH);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(connected_destination_leaves_from_our_address_there),
		T(gateway_route_leaves_from_our_address_on_the_gateways_link),
		T(route_with_a_preferred_source_uses_it),
		T(unnumbered_interface_borrows_an_address),
		T(no_address_at_all_means_no_source),
		T(refusals_have_their_errno),
		T(our_addresses_are_reached_over_loopback),
		T(loopback_source_does_not_leave_the_host),
		T(loopback_without_its_address_is_not_reached_by_the_default_route),
		T(bound_interface_is_used_even_without_a_route),
		T(groups_leave_by_the_interface_asked_for_or_the_sources_or_a_route),
		T(cached_destination_is_valid_until_something_changes),
		T(local_addresses_are_told_from_others),
		T(packet_gets_a_header_and_goes_to_its_neighbour),
		T(ttl_comes_from_the_packet_or_the_setting),
		T(atomic_datagrams_have_no_id_and_others_differ),
		T(caller_keeps_the_resolved_destination),
		T(neighbour_made_by_the_first_packet_is_cached_later),
		T(silent_neighbour_is_told_to_the_sending_transport),
		T(refused_packets_are_dropped_with_their_errno),
		T(larger_than_the_mtu_and_not_to_be_cut_is_refused),
		T(broadcast_needs_permission),
		T(group_goes_to_its_ethernet_address),
		T(packet_to_ourselves_comes_back),
		T(hooks_on_the_way_out_can_drop_and_steal),
		T(plain_packets_leave_as_others_do),
		T(packets_with_something_in_their_way_are_not_plain),
		T(gateway_must_be_another_host_on_the_link),
		T(gateway_may_be_reached_by_a_route_to_its_link),
		T(gateway_on_a_stopped_interface_is_accepted_and_waits),
		T(route_needs_an_interface_and_a_source_of_ours),
		T(deleted_route_is_not_found_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
