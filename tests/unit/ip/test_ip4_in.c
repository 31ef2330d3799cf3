/* SPDX-License-Identifier: MIT */
/* IPv4 input: what is refused and why, what is delivered, what is answered. */
#include "ip4_fixture.h"

#include "unit.h"

#include "wire/udp.h"

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

static void datagram_for_us_is_delivered_without_its_header(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.tos = 0xb8, .hdr.ttl = 7)), DROP_NONE);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.len, PAYLOAD_LEN);
	assert_ip(seen.info.src, "10.0.0.2");
	assert_ip(seen.info.dst, "10.0.0.1");
	assert_int_equal(seen.info.ttl, 7);
	assert_int_equal(seen.info.tos, 0xb8);
	assert_int_equal(seen.info.proto, TEST_PROTO);
	assert_false(seen.info.is_broadcast);
	assert_int_equal(f->st->mib[MIB_IpInReceives], 1);
	assert_int_equal(f->st->mib[MIB_IpInDelivers], 1);
	assert_int_equal(f->st->mib[MIB_IpExtInOctets], IP4_HDR_LEN + PAYLOAD_LEN);
	fix_assert_silent(f->a);
}

static void datagrams_are_counted_by_their_ecn(void **state)
{
	struct ip4_fix *f = *state;

	for (uint8_t ecn = 0; ecn < 4; ecn++)
		for (uint8_t n = 0; n <= ecn; n++)
			rx(f->a, DGRAM(.hdr.tos = (uint8_t)(0xb8 | ecn)));
	assert_int_equal(f->st->mib[MIB_IpExtInNoECTPkts], 1);
	assert_int_equal(f->st->mib[MIB_IpExtInECT1Pkts], 2);
	assert_int_equal(f->st->mib[MIB_IpExtInECT0Pkts], 3);
	assert_int_equal(f->st->mib[MIB_IpExtInCEPkts], 4);
	fix_assert_silent(f->a);
}

static void address_of_another_interface_is_ours_too(void **state)
{
	struct ip4_fix *f = *state;

	rx(f->a, DGRAM(.hdr.dst = ip4("10.0.1.1")));
	assert_int_equal(seen.n, 1);
}

/* The second datagram between two addresses takes the short way. */
static void known_addresses_are_judged_anew_after_a_change(void **state)
{
	struct ip4_fix *f = *state;

	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.tos = 1)), DROP_NONE);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.len, PAYLOAD_LEN);
	assert_int_equal(f->st->mib[MIB_IpInReceives], 3);
	assert_int_equal(f->st->mib[MIB_IpInDelivers], 3);
	assert_int_equal(f->st->mib[MIB_IpExtInECT1Pkts], 3);
	assert_int_equal(f->st->mib[MIB_IpExtInOctets], 3 * (IP4_HDR_LEN + PAYLOAD_LEN));
	/* The sender's address becomes ours. */
	assert_int_equal(ip4_addr_add(&f->a->netif, ip4("10.0.0.2"), 24), 0);
	assert_int_equal(rx_verdict(f->a, DGRAM()), DROP_IP4_SRC);
	assert_int_equal(ip4_addr_del(&f->a->netif, ip4("10.0.0.2"), 24), 0);
	assert_int_equal(rx_verdict(f->a, DGRAM()), DROP_NONE);
	/* What it was sent to is ours no more. */
	assert_int_equal(ip4_addr_del(&f->a->netif, ip4("10.0.0.1"), 24), 0);
	assert_true(rx_verdict(f->a, DGRAM()) != DROP_NONE);
	assert_int_equal(seen.n, 4);
}

static void ethernet_padding_is_not_delivered(void **state)
{
	struct ip4_fix *f = *state;

	rx(f->a, DGRAM(.padding = 20));
	assert_int_equal(seen.len, PAYLOAD_LEN);
}

static void options_are_skipped(void **state)
{
	struct ip4_fix *f = *state;

	/* Router alert, then an unknown option of 3 bytes, then the end. */
	rx(f->a, DGRAM(.hdr.hdr_len = 28, .opts = {148, 4, 0, 0, 222, 3, 9, 0}));
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.len, PAYLOAD_LEN);
}

static void malformed_headers_are_dropped_with_their_reason(void **state)
{
	struct ip4_fix *f = *state;
	const struct {
		struct dgram in;
		enum drop want;
	} cases[] = {
		{DGRAM(.bad_csum = true), DROP_IP4_CSUM},
		{DGRAM(.version_ihl = 0x55), DROP_IP4_VERSION},
		{DGRAM(.version_ihl = 0x65), DROP_IP4_VERSION},
		{DGRAM(.version_ihl = 0x44), DROP_IP4_HDR},
		{DGRAM(.version_ihl = 0x4f), DROP_IP4_HDR},
		{DGRAM(.hdr.tot_len = IP4_HDR_LEN - 1), DROP_IP4_HDR},
		{DGRAM(.hdr.tot_len = IP4_HDR_LEN + PAYLOAD_LEN + 1), DROP_IP4_HDR},
		{DGRAM(.cut = 1), DROP_IP4_HDR},
		{DGRAM(.len = 0, .cut = 1), DROP_IP4_HDR},
		{DGRAM(.len = 0, .cut = IP4_HDR_LEN), DROP_IP4_HDR},
		{DGRAM(.hdr.frag_off = 65528), DROP_IP4_HDR},
		{DGRAM(.hdr.mf = true, .len = 9), DROP_IP_FRAG_SIZE},
		{DGRAM(.hdr.frag_off = 8, .len = 0), DROP_IP_FRAG_SIZE},
		{DGRAM(.hdr.hdr_len = 24, .opts = {131, 3, 4, 0}), DROP_IP4_SOURCE_ROUTE},
		{DGRAM(.hdr.hdr_len = 24, .opts = {137, 3, 4, 0}), DROP_IP4_SOURCE_ROUTE},
		{DGRAM(.hdr.hdr_len = 24, .opts = {148, 5, 0, 0}), DROP_IP4_OPTIONS},
		{DGRAM(.hdr.hdr_len = 24, .opts = {1, 1, 1, 7}), DROP_IP4_OPTIONS},
		{DGRAM(.hdr.hdr_len = 24, .opts = {222, 1, 0, 0}), DROP_IP4_OPTIONS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(rx_verdict(f->a, cases[i].in), cases[i].want);
	assert_int_equal(seen.n, 0);
	assert_int_equal(f->st->mib[MIB_IpInReceives], ARRAY_SIZE(cases));
	assert_int_equal(f->st->mib[MIB_IpInHdrErrors], 14);
	assert_int_equal(f->st->mib[MIB_IpInDiscards], 2);
	assert_int_equal(f->st->mib[MIB_IpReasmReqds], 2);
}

static void every_truncation_of_a_frame_is_refused(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = DGRAM(.hdr.hdr_len = 32, .opts = {148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0});

	for (uint32_t cut = 1; cut <= 32 + PAYLOAD_LEN; cut++) {
		d.cut = cut;
		assert_int_equal(rx_verdict(f->a, d), DROP_IP4_HDR);
	}
	assert_int_equal(seen.n, 0);
}

static void malformed_option_is_answered_with_its_place(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	struct sent s;

	rx(f->a, DGRAM(.hdr.hdr_len = 24, .opts = {1, 148, 9, 0}));
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_PARAM_PROBLEM);
	assert_int_equal(hdr.code, ICMP4_PARAM_POINTER);
	assert_in_range(hdr.u.err.pointer, 21, 22);
}

static void martians_are_refused(void **state)
{
	struct ip4_fix *f = *state;
	const struct {
		const char *src, *dst;
		enum drop want;
	} cases[] = {
		/* sources */
		{"127.0.0.1", "10.0.0.1", DROP_IP4_SRC},
		{"127.255.1.1", "10.0.0.1", DROP_IP4_SRC},
		{"0.0.0.0", "10.0.0.1", DROP_IP4_SRC},
		{"0.1.2.3", "255.255.255.255", DROP_IP4_SRC},
		{"0.0.0.0", "10.0.0.255", DROP_IP4_SRC},
		{"224.0.0.1", "10.0.0.1", DROP_IP4_SRC},
		{"239.1.2.3", "10.0.0.1", DROP_IP4_SRC},
		{"240.0.0.1", "10.0.0.1", DROP_IP4_SRC},
		{"255.255.255.255", "10.0.0.1", DROP_IP4_SRC},
		{"10.0.0.255", "10.0.0.1", DROP_IP4_SRC}, /* smurf */
		{"10.0.1.255", "10.0.0.1", DROP_IP4_SRC},
		{"10.0.0.1", "10.0.0.1", DROP_IP4_SRC}, /* land */
		{"10.0.1.1", "10.0.0.1", DROP_IP4_SRC},
		/* destinations */
		{"10.0.0.2", "127.0.0.1", DROP_IP4_DST},
		{"10.0.0.2", "127.9.9.9", DROP_IP4_DST},
		{"10.0.0.2", "0.0.0.0", DROP_IP4_DST},
		{"10.0.0.2", "0.0.0.1", DROP_IP4_DST},
		{"10.0.0.2", "240.0.0.1", DROP_IP4_DST},
		{"10.0.0.2", "255.255.255.254", DROP_IP4_DST},
		{"10.0.0.2", "10.0.0.3", DROP_IP4_NOT_LOCAL},
		{"10.0.0.2", "239.1.2.3", DROP_IP4_NOT_LOCAL}, /* group nobody joined */
		/* what may look odd but is good */
		{"0.0.0.0", "255.255.255.255", DROP_NONE}, /* DHCP */
		{"0.0.0.0", "224.0.0.1", DROP_NONE},
		{"10.0.0.2", "224.0.0.1", DROP_NONE},
		{"10.0.0.2", "10.0.0.255", DROP_NONE},
		{"10.0.0.2", "10.0.1.255", DROP_NONE},
		{"10.0.0.2", "255.255.255.255", DROP_NONE},
		{"192.0.2.1", "10.0.0.1", DROP_NONE},
		{"169.254.1.1", "10.0.0.1", DROP_NONE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dgram d = DGRAM();

		d.hdr.src = ip4(cases[i].src);
		d.hdr.dst = ip4(cases[i].dst);
		assert_int_equal(rx_verdict(f->a, d), cases[i].want);
	}
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static void group_destinations_are_marked_as_such(void **state)
{
	static const char *const groups[] = {"255.255.255.255", "10.0.0.255", "224.0.0.1"};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		rx(f->a, DGRAM(.hdr.dst = ip4(groups[i])));
		assert_int_equal(seen.n, i + 1);
		assert_true(seen.info.is_broadcast);
	}
}

static void unicast_datagram_in_a_group_frame_is_refused(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, DGRAM(.l2_dst = ETH_ADDR_BROADCAST)),
			 DROP_IP_LINK_BROADCAST);
	assert_int_equal(rx_verdict(f->a, DGRAM(.l2_dst = ETH_ADDR(1, 0, 0x5e, 0, 0, 1))),
			 DROP_IP_LINK_BROADCAST);
}

static void frame_for_another_host_is_refused(void **state)
{
	struct ip4_fix *f = *state;

	f->a->netif.flags |= NETIF_PROMISC;
	assert_int_equal(rx_verdict(f->a, DGRAM(.l2_dst = fix_mac(0x55))), DROP_ETH_OTHERHOST);
	assert_int_equal(f->st->mib[MIB_IpInReceives], 0);
}

static void unknown_protocol_is_answered(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.proto = 200)), DROP_IP4_NO_PROTO);
	assert_icmp4(f->a, ICMP4_UNREACH, ICMP4_UNREACH_PROTO);
	assert_int_equal(f->st->mib[MIB_IpInUnknownProtos], 1);
	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.proto = 200, .hdr.dst = ip4("10.0.0.255"))),
			 DROP_IP4_NO_PROTO);
	fix_assert_silent(f->a);
}

static bool raw_takes(struct stack *st UNUSED, struct pkt *pkt UNUSED,
		      const struct ip_info *info UNUSED)
{
	return true;
}

static void unknown_protocol_that_a_raw_socket_took_is_not_answered(void **state)
{
	struct ip4_fix *f = *state;

	f->st->raw_input = raw_takes;
	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.proto = 200)), DROP_NONE);
	fix_assert_silent(f->a);
	assert_int_equal(f->st->mib[MIB_IpInDelivers], 1);
}

static void closed_port_is_answered_with_the_whole_datagram(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = DGRAM(.hdr.id = 77);
	struct fix_frame fr = dgram_frame(f->a, &d);
	struct icmp4_hdr hdr;
	struct sent s;

	seen.verdict = DROP_UDP_NO_PORT;
	assert_int_equal(rx_verdict(f->a, d), DROP_UDP_NO_PORT);
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_UNREACH);
	assert_int_equal(hdr.code, ICMP4_UNREACH_PORT);
	assert_ip4(s.hdr.src, "10.0.0.1");
	assert_ip4(s.hdr.dst, "10.0.0.2");
	assert_int_equal(s.l4_len, ICMP4_HDR_LEN + IP4_HDR_LEN + PAYLOAD_LEN);
	assert_memory_equal(s.l4 + ICMP4_HDR_LEN, fr.b + ETH_HDR_LEN, IP4_HDR_LEN + PAYLOAD_LEN);
}

static void other_refusals_of_a_transport_are_silent(void **state)
{
	struct ip4_fix *f = *state;

	seen.verdict = DROP_TCP_NO_SOCKET;
	assert_int_equal(rx_verdict(f->a, DGRAM()), DROP_TCP_NO_SOCKET);
	fix_assert_silent(f->a);
}

/* A TCP super-packet of 4 segments: 3 of 1000 bytes and one of 500. */
static struct pkt *super_pkt(struct ip4_fix *f, struct dgram *d)
{
	struct fix_frame fr;
	struct pkt *pkt;

	d->hdr.proto = IP_PROTO_TCP;
	d->len = 20;
	d->hdr.tot_len = IP4_HDR_LEN + 20 + 3500;
	d->head[12] = 0x50; /* data offset */
	fr = dgram_frame(f->a, d);
	pkt = pkt_alloc(&f->eng->pkts, 4096);
	memcpy(pkt_put(pkt, (uint32_t)fr.len), fr.b, fr.len);
	memset(pkt_put(pkt, 3500), 'x', 3500);
	pkt->gso_size = 1000;
	pkt->gso_type = PKT_GSO_TCP4;
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN + IP4_HDR_LEN);
	pkt->csum_off = 16;
	return pkt;
}

static enum drop tcp_takes(struct stack *st UNUSED, struct pkt *pkt, const struct ip_info *info)
{
	return seen_input(st, pkt, info);
}

static const struct ip_proto tcp_proto = {.proto = IP_PROTO_TCP, .input = tcp_takes};

static void super_packet_is_delivered_whole_and_counted_by_frames(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = DGRAM(.hdr.df = true);

	assert_int_equal(stack_ip_proto_add(f->st, &tcp_proto), 0);
	netif_rx(&f->a->netif, super_pkt(f, &d));
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.len, 3520);
	assert_int_equal(seen.gso_size, 1000);
	assert_int_equal(f->st->mib[MIB_IpInReceives], 4);
	assert_int_equal(f->st->mib[MIB_IpInDelivers], 4);
	assert_int_equal(f->st->mib[MIB_IpExtInOctets], 3500 + 4 * 40);
}

static void error_about_a_super_packet_quotes_its_first_frame(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = DGRAM(.hdr.df = true);
	struct icmp4_hdr hdr;
	struct ip4_hdr quoted;
	struct sent s;

	netif_rx(&f->a->netif, super_pkt(f, &d)); /* nobody has registered TCP */
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.code, ICMP4_UNREACH_PROTO);
	assert_int_equal(s.hdr.tot_len, IP4_MIN_REASM);
	ip4_hdr_read(s.l4 + ICMP4_HDR_LEN, &quoted);
	assert_int_equal(quoted.tot_len, IP4_HDR_LEN + 20 + 1000);
	assert_true(ip4_hdr_csum_ok(s.l4 + ICMP4_HDR_LEN, IP4_HDR_LEN));
}

static enum ip_verdict hook_verdict;
static int hook_calls;

static enum ip_verdict hook_fn(struct ip_hook *hook UNUSED, struct pkt *pkt,
			       struct ip_hook_ctx *ctx)
{
	hook_calls++;
	ctx->why = DROP_IP_ROUTE_PROHIBIT;
	if (hook_verdict == IP_STOLEN)
		pkt_free(pkt);
	return hook_verdict;
}

static void hooks_on_the_way_in_can_accept_drop_and_steal(void **state)
{
	static const enum ip_hook_point points[] = {IP_HOOK_PREROUTING, IP_HOOK_INPUT};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		struct ip_hook hook = {.fn = hook_fn};

		memset(&seen, 0, sizeof(seen));
		hook_calls = 0;
		ip_hook_add(&f->st->ip4->hooks, points[i], &hook);
		hook_verdict = IP_ACCEPT;
		assert_int_equal(rx_verdict(f->a, DGRAM()), DROP_NONE);
		assert_int_equal(seen.n, 1);
		hook_verdict = IP_DROP;
		assert_int_equal(rx_verdict(f->a, DGRAM()), DROP_IP_ROUTE_PROHIBIT);
		hook_verdict = IP_STOLEN;
		assert_int_equal(rx_verdict(f->a, DGRAM()), DROP_NONE);
		assert_int_equal(seen.n, 1);
		assert_int_equal(hook_calls, 3);
		ip_hook_del(&hook);
		rx(f->a, DGRAM());
		assert_int_equal(hook_calls, 3);
	}
}

static void empty_pools_answer_nothing_and_lose_nothing(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = DGRAM(.hdr.proto = 200);
	struct fix_frame fr = dgram_frame(f->a, &d);
	struct pkt *pkt = fix_pkt(f->eng, fr.b, fr.len), *hog;
	struct pktq hogs;

	pktq_init(&hogs);
	f->eng->pkts.pkts.max_objs = f->eng->pkts.pkts.n_objs;
	while ((hog = pkt_alloc(&f->eng->pkts, 0)))
		pktq_push(&hogs, hog);
	netif_rx(&f->a->netif, pkt);
	pktq_purge(&hogs);
	fix_assert_silent(f->a);
	assert_int_equal(f->st->mib[MIB_IcmpOutErrors], 1);
	fix_assert_drops(f->st, DROP_IP4_NO_PROTO, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(datagram_for_us_is_delivered_without_its_header),
		T(datagrams_are_counted_by_their_ecn),
		T(address_of_another_interface_is_ours_too),
		T(known_addresses_are_judged_anew_after_a_change),
		T(ethernet_padding_is_not_delivered),
		T(options_are_skipped),
		T(malformed_headers_are_dropped_with_their_reason),
		T(every_truncation_of_a_frame_is_refused),
		T(malformed_option_is_answered_with_its_place),
		T(martians_are_refused),
		T(group_destinations_are_marked_as_such),
		T(unicast_datagram_in_a_group_frame_is_refused),
		T(frame_for_another_host_is_refused),
		T(unknown_protocol_is_answered),
		T(unknown_protocol_that_a_raw_socket_took_is_not_answered),
		T(closed_port_is_answered_with_the_whole_datagram),
		T(other_refusals_of_a_transport_are_silent),
		T(super_packet_is_delivered_whole_and_counted_by_frames),
		T(error_about_a_super_packet_quotes_its_first_frame),
		T(hooks_on_the_way_in_can_accept_drop_and_steal),
		T(empty_pools_answer_nothing_and_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
