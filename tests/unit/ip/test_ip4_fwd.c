/* SPDX-License-Identifier: MIT */
/* IPv4 forwarding, by the cases of RFC 1812 §5. */
#include "ip4_fixture.h"

#include "unit.h"

static int setup(void **state)
{
	*state = ip4_fix_router();
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

/* A datagram that is to be forwarded from eth0 to the host behind eth1. */
#define THROUGH(...) DGRAM(.hdr.dst = {{10, 0, 1, 2}}, __VA_ARGS__)

static void datagram_is_forwarded_with_its_ttl_decremented(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	rx(f->a, THROUGH(.hdr.id = 99, .hdr.tos = 0xb8, .padding = 6));
	sent_ip4(f->b, &s);
	assert_true(eth_addr_eq(&s.eth.dst, &(struct eth_addr){{2, 0, 0, 0, 0, MAC_B2}}));
	assert_true(eth_addr_eq(&s.eth.src, &f->b->netif.hwaddr));
	assert_ip4(s.hdr.src, "10.0.0.2");
	assert_ip4(s.hdr.dst, "10.0.1.2");
	assert_int_equal(s.hdr.ttl, 63);
	assert_int_equal(s.hdr.id, 99);
	assert_int_equal(s.hdr.tos, 0xb8);
	assert_int_equal(s.l4_len, PAYLOAD_LEN);
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
	assert_int_equal(f->st->mib[MIB_IpForwDatagrams], 1);
}

static void every_ttl_keeps_the_checksum_right(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	for (int ttl = 2; ttl <= 255; ttl++) {
		rx(f->a, THROUGH(.hdr.ttl = (uint8_t)ttl, .hdr.id = (uint16_t)(ttl * 257)));
		sent_ip4(f->b, &s);
		assert_int_equal(s.hdr.ttl, ttl - 1);
	}
}

static void options_are_forwarded_as_they_are(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	rx(f->a, THROUGH(.hdr.hdr_len = 24, .opts = {148, 4, 0, 0}));
	sent_ip4(f->b, &s);
	assert_int_equal(s.hdr.hdr_len, 24);
	assert_int_equal(s.ip[IP4_HDR_LEN], 148);
}

static void fragments_are_forwarded(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	rx(f->a, THROUGH(.hdr.mf = true, .hdr.frag_off = 16));
	sent_ip4(f->b, &s);
	assert_true(s.hdr.mf);
	assert_int_equal(s.hdr.frag_off, 16);
}

static void forwarding_switched_off_drops_in_silence(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.ip_forward", 0);
	assert_int_equal(rx_verdict(f->a, THROUGH()), DROP_IP4_NOT_LOCAL);
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
	assert_int_equal(f->st->mib[MIB_IpInAddrErrors], 1);
}

static void ttl_that_runs_out_is_told_to_the_source(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	struct sent s;

	for (uint8_t ttl = 0; ttl <= 1; ttl++) {
		assert_int_equal(rx_verdict(f->a, THROUGH(.hdr.ttl = ttl, .hdr.tos = 0x1f)),
				 DROP_IP_TTL);
		hdr = sent_icmp4(f->a, &s);
		assert_int_equal(hdr.type, ICMP4_TIME_EXCEEDED);
		assert_int_equal(hdr.code, ICMP4_EXCEEDED_TTL);
		assert_ip4(s.hdr.src, "10.0.0.1");
		assert_ip4(s.hdr.dst, "10.0.0.2");
		assert_int_equal(s.hdr.ttl, 64);
		assert_int_equal(s.hdr.tos, 0xdc);
		/* As it arrived: RFC 1812 §4.3.2.3. */
		assert_int_equal(s.l4[ICMP4_HDR_LEN + 8], ttl);
	}
	fix_assert_silent(f->b);
	assert_int_equal(f->st->mib[MIB_IcmpOutTimeExcds], 2);
}

static void ttl_of_one_is_enough_for_us(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.ttl = 1)), DROP_NONE);
	assert_int_equal(seen.n, 1);
}

static void destination_without_route_is_net_unreachable(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.dst = ip4("192.0.2.1"))), DROP_IP_NO_ROUTE);
	assert_icmp4(f->a, ICMP4_UNREACH, ICMP4_UNREACH_NET);
	assert_int_equal(f->st->mib[MIB_IpOutNoRoutes], 1);
}

static void refusing_routes_answer_by_their_type(void **state)
{
	struct ip4_fix *f = *state;

	add_route_type(f->st, "192.0.2.0", 26, ROUTE_UNREACHABLE);
	add_route_type(f->st, "192.0.2.64", 26, ROUTE_PROHIBIT);
	add_route_type(f->st, "192.0.2.128", 26, ROUTE_BLACKHOLE);
	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.dst = ip4("192.0.2.1"))),
			 DROP_IP_ROUTE_UNREACHABLE);
	assert_icmp4(f->a, ICMP4_UNREACH, ICMP4_UNREACH_HOST);
	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.dst = ip4("192.0.2.65"))),
			 DROP_IP_ROUTE_PROHIBIT);
	assert_icmp4(f->a, ICMP4_UNREACH, ICMP4_UNREACH_ADMIN_PROHIBITED);
	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.dst = ip4("192.0.2.129"))),
			 DROP_IP_ROUTE_BLACKHOLE);
	fix_assert_silent(f->a);
}

static void silent_neighbour_is_host_unreachable(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	struct sent s;

	rx(f->a, THROUGH(.hdr.dst = ip4("10.0.1.77")));
	fix_assert_silent(f->a);
	fix_advance(f->eng, 4 * SEC);
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_UNREACH);
	assert_int_equal(hdr.code, ICMP4_UNREACH_HOST);
	fix_assert_drops(f->st, DROP_NEIGH_FAILED, 1);
}

static void gateway_is_the_next_hop(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	add_route(f->st, "192.0.2.0", 24, "10.0.1.2", NULL);
	rx(f->a, DGRAM(.hdr.dst = ip4("192.0.2.1")));
	sent_ip4(f->b, &s);
	assert_true(eth_addr_eq(&s.eth.dst, &(struct eth_addr){{2, 0, 0, 0, 0, MAC_B2}}));
	assert_ip4(s.hdr.dst, "192.0.2.1");
}

/* What forwarding remembers of its neighbours ends with them. */
static void neighbour_that_is_gone_or_another_one_is_noticed(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_addr hop = ip("10.0.1.2");
	struct sent s;

	for (int i = 0; i < 2; i++) {
		rx(f->a, THROUGH());
		sent_ip4(f->b, &s);
	}
	add_neigh(f->b, "10.0.1.2", 0x77);
	rx(f->a, THROUGH());
	sent_ip4(f->b, &s);
	assert_true(eth_addr_eq(&s.eth.dst, &(struct eth_addr){{2, 0, 0, 0, 0, 0x77}}));
	assert_int_equal(neigh_del(&f->b->netif, &hop), 0);
	rx(f->a, THROUGH()); /* it waits for the neighbour, who is asked for */
	assert_int_equal(fix_n_unseen(f->b), 1);
	fix_ignore_sent(f->b);
	add_neigh(f->b, "10.0.1.2", MAC_B2);
	sent_ip4(f->b, &s);
	assert_true(eth_addr_eq(&s.eth.dst, &(struct eth_addr){{2, 0, 0, 0, 0, MAC_B2}}));
}

/* RFC 1812 §5.2.7.2 and §4.3.3.2. */
static void host_that_knows_no_nearer_gateway_is_told(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	struct sent s;

	add_neigh(f->a, "10.0.0.9", 0xa9);
	add_route(f->st, "198.51.100.0", 24, "10.0.0.9", NULL);
	rx(f->a, THROUGH(.hdr.dst = ip4("198.51.100.1")));
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_REDIRECT);
	assert_int_equal(hdr.code, ICMP4_REDIRECT_HOST);
	assert_ip4(hdr.u.gateway, "10.0.0.9");
	assert_ip4(s.hdr.dst, "10.0.0.2");
	assert_int_equal(s.l4[ICMP4_HDR_LEN + 8], 64);
	sent_ip4(f->a, &s);
	assert_ip4(s.hdr.dst, "198.51.100.1");
	assert_int_equal(f->st->mib[MIB_IcmpOutRedirects], 1);
	/* Not every time; not who is beyond a router; not when it is switched off. */
	for (int i = 0; i < 20; i++)
		rx(f->a, THROUGH(.hdr.dst = ip4("198.51.100.1")));
	assert_in_range(f->st->mib[MIB_IcmpOutRedirects], 2, 8);
	fix_ignore_sent(f->a);
	fix_advance(f->eng, 60 * SEC);
	rx(f->a, THROUGH(.hdr.src = ip4("192.0.2.7"), .hdr.dst = ip4("198.51.100.1")));
	sent_ip4(f->a, &s);
	assert_ip4(s.hdr.dst, "198.51.100.1");
	set_sysctl(f->st, "net.ipv4.conf.all.send_redirects", 0);
	rx(f->a, THROUGH(.hdr.dst = ip4("198.51.100.1")));
	sent_ip4(f->a, &s);
	assert_ip4(s.hdr.dst, "198.51.100.1");
	fix_assert_silent(f->a);
}

/* RFC 3704 §2.2, §2.4. */
static void way_back_to_the_source_is_looked_at_as_asked_for(void **state)
{
	static const struct {
		const char *src;
		int mode;
		enum drop want;
	} cases[] = {
		{"10.0.0.2", 1, DROP_NONE},
		{"10.0.1.2", 0, DROP_NONE},
		{"10.0.1.2", 1, DROP_IP_RPFILTER}, /* reached by the other interface */
		{"10.0.1.2", 2, DROP_NONE},
		{"203.0.113.1", 0, DROP_NONE},
		{"203.0.113.1", 1, DROP_IP_RPFILTER}, /* not reached at all */
		{"203.0.113.1", 2, DROP_IP_RPFILTER},
		{"198.51.100.1", 2, DROP_IP_RPFILTER}, /* a blackhole */
	};
	struct ip4_fix *f = *state;
	uint64_t n = 0;

	add_route_type(f->st, "198.51.100.0", 24, ROUTE_BLACKHOLE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_sysctl(f->st, "net.ipv4.conf.all.rp_filter", cases[i].mode);
		assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.src = ip4(cases[i].src))),
				 cases[i].want);
		n += cases[i].want != DROP_NONE;
	}
	assert_int_equal(f->st->mib[MIB_TcpExtIPReversePathFilter], n);
}

static void datagram_may_leave_where_it_came_in(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	rx(f->a, DGRAM(.hdr.src = ip4("192.0.2.9"), .hdr.dst = ip4("10.0.0.2")));
	sent_ip4(f->a, &s);
	assert_int_equal(s.hdr.ttl, 63);
	fix_assert_silent(f->a); /* no redirect */
}

static void too_large_with_df_learns_the_mtu(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	struct sent s;

	assert_int_equal(netif_set_mtu(&f->b->netif, 1000), 0);
	assert_int_equal(rx_verdict(f->a, THROUGH(.hdr.df = true, .len = 980)), DROP_NONE);
	fix_ignore_sent(f->b);
	assert_int_equal(rx_verdict(f->a, THROUGH(.hdr.df = true, .len = 981)), DROP_IP_MTU);
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_UNREACH);
	assert_int_equal(hdr.code, ICMP4_UNREACH_FRAG_NEEDED);
	assert_int_equal(hdr.u.err.mtu, 1000);
	/* RFC 1812 §4.3.2.3: as much as fits into 576 bytes. */
	assert_int_equal(s.hdr.tot_len, IP4_MIN_REASM);
	fix_assert_silent(f->b);
}

static void martians_are_not_forwarded(void **state)
{
	struct ip4_fix *f = *state;
	const struct {
		const char *src, *dst;
		enum drop want;
	} cases[] = {
		{"127.0.0.1", "10.0.1.2", DROP_IP4_SRC},
		{"0.0.0.0", "10.0.1.2", DROP_IP4_SRC},
		{"240.1.1.1", "10.0.1.2", DROP_IP4_SRC},
		{"224.1.1.1", "10.0.1.2", DROP_IP4_SRC},
		{"10.0.1.1", "10.0.1.2", DROP_IP4_SRC},
		{"10.0.1.255", "10.0.1.2", DROP_IP4_SRC},
		{"169.254.1.1", "10.0.1.2", DROP_IP4_SRC},
		{"10.0.0.2", "169.254.1.1", DROP_IP4_DST},
		{"10.0.0.2", "127.0.0.1", DROP_IP4_DST},
		{"10.0.0.2", "240.0.0.1", DROP_IP4_DST},
		{"10.0.0.2", "224.1.1.1", DROP_IP4_NOT_LOCAL},
	};

	add_route(f->st, "0.0.0.0", 0, "10.0.1.2", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dgram d = THROUGH();

		d.hdr.src = ip4(cases[i].src);
		d.hdr.dst = ip4(cases[i].dst);
		assert_int_equal(rx_verdict(f->a, d), cases[i].want);
	}
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static void group_frames_are_not_forwarded(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, THROUGH(.l2_dst = ETH_ADDR_BROADCAST)),
			 DROP_IP_LINK_BROADCAST);
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static void directed_broadcast_is_ours_and_goes_no_further(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, THROUGH(.hdr.dst = ip4("10.0.1.255"))), DROP_NONE);
	assert_int_equal(seen.n, 1);
	assert_true(seen.info.is_broadcast);
	fix_assert_silent(f->b);
}

static void lost_carrier_loses_packets_silently(void **state)
{
	struct ip4_fix *f = *state;

	netif_set_carrier(&f->b->netif, false);
	assert_int_equal(rx_verdict(f->a, THROUGH()), DROP_IF_CARRIER);
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static void interface_set_down_makes_its_net_unreachable_until_it_is_up(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	netif_set_up(&f->b->netif, false);
	assert_int_equal(rx_verdict(f->a, THROUGH()), DROP_IP_NO_ROUTE);
	assert_icmp4(f->a, ICMP4_UNREACH, ICMP4_UNREACH_NET);
	netif_set_up(&f->b->netif, true);
	fix_ignore_sent(f->b); /* gratuitous ARP */
	add_neigh(f->b, "10.0.1.2", MAC_B2);
	assert_int_equal(rx_verdict(f->a, THROUGH()), DROP_NONE);
	sent_ip4(f->b, &s);
}

/* A TCP super-packet: 40 bytes of headers, 3 segments of 900 and one of 300 bytes. */
static struct pkt *super_pkt(struct ip4_fix *f)
{
	struct dgram d = THROUGH(.hdr.df = true, .hdr.proto = IP_PROTO_TCP, .len = 20,
				 .hdr.tot_len = IP4_HDR_LEN + 20 + 3000);
	struct fix_frame fr;
	struct pkt *pkt;

	d.head[12] = 0x50;
	fr = dgram_frame(f->a, &d);
	pkt = pkt_alloc(&f->eng->pkts, 4096);
	memcpy(pkt_put(pkt, (uint32_t)fr.len), fr.b, fr.len);
	memset(pkt_put(pkt, 3000), 'x', 3000);
	pkt->gso_size = 900;
	pkt->gso_type = PKT_GSO_TCP4;
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN + IP4_HDR_LEN);
	pkt->csum_off = 16;
	return pkt;
}

static void super_packet_is_forwarded_by_the_size_of_its_frames(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	assert_int_equal(netif_set_mtu(&f->b->netif, 940), 0);
	netif_rx(&f->a->netif, super_pkt(f));
	fix_settle(f->eng);
	assert_int_equal(fix_n_unseen(f->b), 4);
	for (int i = 0; i < 4; i++) {
		sent_ip4(f->b, &s);
		assert_int_equal(s.hdr.tot_len, i < 3 ? 940 : 340);
		assert_int_equal(s.hdr.ttl, 63);
	}
	assert_int_equal(f->st->mib[MIB_IpForwDatagrams], 4);
}

/* A device hands over a checksum to be completed at `start` + `off` from the Ethernet header. */
static enum drop rx_partial(struct ip4_fix *f, const struct dgram *d, uint16_t start, uint16_t off)
{
	struct fix_frame fr = dgram_frame(f->a, d);
	struct pkt *pkt = fix_pkt(f->eng, fr.b, fr.len);
	uint64_t n_drops = f->st->drops[DROP_IP4_HDR];

	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + start);
	pkt->csum_off = off;
	netif_rx(&f->a->netif, pkt);
	fix_settle(f->eng);
	return f->st->drops[DROP_IP4_HDR] > n_drops ? DROP_IP4_HDR : DROP_NONE;
}

static void partial_checksum_outside_the_datagram_is_refused(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram plain = THROUGH(), padded = THROUGH(.hdr.tot_len = IP4_HDR_LEN + 4);
	struct dgram options = THROUGH(.hdr.hdr_len = 24, .opts = {148, 4, 0, 0});
	const uint16_t l4 = ETH_HDR_LEN + IP4_HDR_LEN;

	assert_int_equal(rx_partial(f, &padded, l4, 6), DROP_IP4_HDR);
	assert_int_equal(rx_partial(f, &padded, l4, 3), DROP_IP4_HDR);
	assert_int_equal(rx_partial(f, &plain, 0, 6), DROP_IP4_HDR);
	assert_int_equal(rx_partial(f, &plain, ETH_HDR_LEN, 10), DROP_IP4_HDR);
	assert_int_equal(rx_partial(f, &options, l4, 6), DROP_IP4_HDR);
	fix_assert_silent(f->b);
	assert_int_equal(rx_partial(f, &padded, l4, 2), DROP_NONE);
	assert_int_equal(rx_partial(f, &options, l4 + 4, 6), DROP_NONE);
	assert_int_equal(fix_n_unseen(f->b), 2);
}

static void super_packet_with_frames_too_large_learns_the_mtu(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	struct ip4_hdr quoted;
	struct sent s;

	assert_int_equal(netif_set_mtu(&f->b->netif, 939), 0);
	netif_rx(&f->a->netif, super_pkt(f));
	fix_settle(f->eng);
	fix_assert_silent(f->b);
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.code, ICMP4_UNREACH_FRAG_NEEDED);
	assert_int_equal(hdr.u.err.mtu, 939);
	ip4_hdr_read(s.l4 + ICMP4_HDR_LEN, &quoted);
	assert_int_equal(quoted.tot_len, 940);
	fix_assert_drops(f->st, DROP_IP_MTU, 4);
}

static void shared_bytes_are_not_written(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = THROUGH(.len = 600);
	struct fix_frame fr = dgram_frame(f->a, &d);
	struct pkt *pkt = fix_pkt(f->eng, fr.b, fr.len);
	struct pkt *clone = pkt_clone(pkt);
	struct sent s;

	netif_rx(&f->a->netif, pkt);
	sent_ip4(f->b, &s);
	assert_int_equal(s.hdr.ttl, 63);
	assert_memory_equal(clone->data, fr.b, fr.len);
	pkt_free(clone);
}

static enum ip_verdict refuse(struct ip_hook *hook UNUSED, struct pkt *pkt UNUSED,
			      struct ip_hook_ctx *ctx)
{
	assert_non_null(ctx->in);
	assert_non_null(ctx->out);
	ctx->why = DROP_IP_ROUTE_PROHIBIT;
	return IP_DROP;
}

static void hooks_on_the_way_through_can_drop(void **state)
{
	static const enum ip_hook_point points[] = {IP_HOOK_FORWARD, IP_HOOK_POSTROUTING};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		struct ip_hook hook = {.fn = refuse};

		ip_hook_add(&f->st->ip4->hooks, points[i], &hook);
		assert_int_equal(rx_verdict(f->a, THROUGH()), DROP_IP_ROUTE_PROHIBIT);
		ip_hook_del(&hook);
	}
	fix_assert_silent(f->b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(datagram_is_forwarded_with_its_ttl_decremented),
		T(every_ttl_keeps_the_checksum_right),
		T(options_are_forwarded_as_they_are),
		T(fragments_are_forwarded),
		T(forwarding_switched_off_drops_in_silence),
		T(ttl_that_runs_out_is_told_to_the_source),
		T(ttl_of_one_is_enough_for_us),
		T(destination_without_route_is_net_unreachable),
		T(refusing_routes_answer_by_their_type),
		T(silent_neighbour_is_host_unreachable),
		T(gateway_is_the_next_hop),
		T(neighbour_that_is_gone_or_another_one_is_noticed),
		T(host_that_knows_no_nearer_gateway_is_told),
		T(way_back_to_the_source_is_looked_at_as_asked_for),
		T(datagram_may_leave_where_it_came_in),
		T(too_large_with_df_learns_the_mtu),
		T(martians_are_not_forwarded),
		T(group_frames_are_not_forwarded),
		T(directed_broadcast_is_ours_and_goes_no_further),
		T(lost_carrier_loses_packets_silently),
		T(interface_set_down_makes_its_net_unreachable_until_it_is_up),
		T(super_packet_is_forwarded_by_the_size_of_its_frames),
		T(partial_checksum_outside_the_datagram_is_refused),
		T(super_packet_with_frames_too_large_learns_the_mtu),
		T(shared_bytes_are_not_written),
		T(hooks_on_the_way_through_can_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
