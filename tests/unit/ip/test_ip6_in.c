/* SPDX-License-Identifier: MIT */
/* What an IPv6 host does with headers, options and fragments, and what it says of them. */
#include "nd_net.h"

#include "wire/ip6_ext.h"

#define HOST  "2001:db8::1"
#define PEER  "2001:db8::9"
#define GROUP "ff02::1"

enum {
	EXT = 8,
	ECHO_LEN = ICMP6_HDR_LEN + 8,
	UNKNOWN_OPT = 30,
	UNKNOWN_PROTO = 253,
};

static void setup_host(struct nd_net *n)
{
	struct weft_addr a;

	nd_net_start(n, true);
	assert_int_equal(weft_stack_set(n->host, "net.ipv6.icmp.ratelimit", 0), 0);
	assert_int_equal(weft_addr_parse(HOST, &a), 0);
	assert_int_equal(weft_addr_add(n->nif, &a, 64), 0);
	assert_int_equal(weft_addr_parse(PEER, &a), 0);
	assert_int_equal(weft_neigh_add(n->nif, &a, nd_peer_mac), 0);
	n->n_said = n->n_heard = 0;
}

/* A packet of `len` bytes behind the fixed header, of which the first header is `proto`. */
static void put(struct nd_net *n, const char *src, const char *dst, uint8_t proto,
		const void *bytes, size_t len)
{
	uint8_t frame[ETH_HDR_LEN + IP6_HDR_LEN + 256] = {0};
	struct ip6_hdr hdr = {.src = nd_addr(src),
			      .dst = nd_addr(dst),
			      .payload_len = (uint16_t)len,
			      .next_hdr = proto,
			      .hop_limit = 64};

	assert_true(len <= 256);
	if (hdr.dst.b[0] == 0xff) {
		frame[0] = frame[1] = 0x33;
		memcpy(frame + 2, hdr.dst.b + 12, 4);
	} else {
		memcpy(frame, nd_host_mac, 6);
	}
	memcpy(frame + 6, nd_peer_mac, 6);
	store_be16(frame + 12, ETHERTYPE_IPV6);
	ip6_hdr_write(frame + ETH_HDR_LEN, &hdr);
	memcpy(frame + ETH_HDR_LEN + IP6_HDR_LEN, bytes, len);
	n->n_heard = n->n_said;
	assert_int_equal(weft_netif_rx(n->nif, frame, ETH_HDR_LEN + IP6_HDR_LEN + len), 0);
	nd_settle(n);
}

/* An echo request, complete, for what is between `src` and `dst`. */
static void echo_write(uint8_t *p, const char *src, const char *dst)
{
	struct ip6_addr s6 = nd_addr(src), d6 = nd_addr(dst);
	struct ip_addr s = ip_addr_from_ip6(&s6), d = ip_addr_from_ip6(&d6);
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	memset(p, 0, ECHO_LEN);
	icmp6_hdr_write(p, &(struct icmp6_hdr){.type = ICMP6_ECHO, .u.echo = {.id = 7, .seq = 9}});
	icmp6_csum_store(p, csum_finish(csum_add(&cpu, p, ECHO_LEN,
						 pseudo_sum(&s, &d, IP_PROTO_ICMPV6, ECHO_LEN))));
}

/* RFC 8200 §4.2: every action, in both headers, to one host and to a group. */
static void unknown_option_is_treated_as_its_action_says(void **state UNUSED)
{
	static const struct {
		uint8_t action;
		bool is_taken;
		bool is_told[2]; /* of a packet to one host, to a group */
	} cases[] = {
		{IP6_OPT_SKIP, true, {false, false}},
		{IP6_OPT_DISCARD, false, {false, false}},
		{IP6_OPT_ICMP, false, {true, true}},
		{IP6_OPT_ICMP_UNICAST, false, {true, false}},
	};
	static const uint8_t headers[] = {IP_PROTO_HOPOPTS, IP_PROTO_DSTOPTS};
	struct nd_net n;

	setup_host(&n);
	for (int i = 0; i < 16; i++) {
		bool is_group = i & 1;
		const char *dst = is_group ? GROUP : HOST;
		const struct nd_said *said;
		uint8_t bytes[EXT + ECHO_LEN] = {IP_PROTO_ICMPV6, 0, 0, 4};

		bytes[2] = (uint8_t)(cases[i / 4].action << 6 | UNKNOWN_OPT);
		echo_write(bytes + EXT, PEER, dst);
		put(&n, PEER, dst, headers[i >> 1 & 1], bytes, sizeof(bytes));
		assert_true(!!nd_heard(&n, ICMP6_ECHO_REPLY) == cases[i / 4].is_taken);
		put(&n, PEER, dst, headers[i >> 1 & 1], bytes, sizeof(bytes));
		said = nd_heard(&n, ICMP6_PARAM_PROBLEM);
		assert_true(!!said == cases[i / 4].is_told[is_group]);
		if (!said)
			continue;
		assert_int_equal(said->icmp.code, ICMP6_PARAM_OPTION);
		assert_int_equal(said->icmp.u.pointer, IP6_HDR_LEN + 2);
		assert_ip6(&said->ip.dst, PEER);
	}
	assert_int_equal(weft_stack_counter(n.host, "IP6_OPTION"), 2 * 12);
	nd_net_end(&n);
}

static void unknown_next_header_is_told_with_its_pointer(void **state UNUSED)
{
	static const uint8_t chain[2 * EXT + 8] = {IP_PROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0,
						   UNKNOWN_PROTO,    0, 1, 4};
	const struct nd_said *said;
	struct nd_net n;

	setup_host(&n);
	put(&n, PEER, HOST, UNKNOWN_PROTO, chain, 8);
	said = nd_heard(&n, ICMP6_PARAM_PROBLEM);
	assert_non_null(said);
	assert_int_equal(said->icmp.code, ICMP6_PARAM_NEXT_HDR);
	assert_int_equal(said->icmp.u.pointer, 6);
	put(&n, PEER, HOST, IP_PROTO_HOPOPTS, chain, sizeof(chain));
	said = nd_heard(&n, ICMP6_PARAM_PROBLEM);
	assert_non_null(said);
	assert_int_equal(said->icmp.code, ICMP6_PARAM_NEXT_HDR);
	assert_int_equal(said->icmp.u.pointer, IP6_HDR_LEN + EXT);
	assert_int_equal(weft_stack_counter(n.host, "IP6_NO_PROTO"), 2);
	nd_net_end(&n);
}

static void routing_header_of_type_0_is_refused(void **state UNUSED)
{
	uint8_t bytes[24 + ECHO_LEN] = {IP_PROTO_ICMPV6, 2, 0, 1};
	const struct nd_said *said;
	struct nd_net n;

	setup_host(&n);
	echo_write(bytes + 24, PEER, HOST);
	put(&n, PEER, HOST, IP_PROTO_ROUTING, bytes, sizeof(bytes));
	said = nd_heard(&n, ICMP6_PARAM_PROBLEM);
	assert_non_null(said);
	assert_int_equal(said->icmp.u.pointer, IP6_HDR_LEN + 2);
	assert_int_equal(weft_stack_counter(n.host, "IP6_ROUTING"), 1);
	bytes[3] = 0; /* nothing left to visit: passed over (RFC 8200 §4.4) */
	put(&n, PEER, HOST, IP_PROTO_ROUTING, bytes, sizeof(bytes));
	assert_non_null(nd_heard(&n, ICMP6_ECHO_REPLY));
	nd_net_end(&n);
}

static void packet_with_a_group_as_its_source_is_dropped_in_silence(void **state UNUSED)
{
	uint8_t bytes[ECHO_LEN];
	struct nd_net n;

	setup_host(&n);
	echo_write(bytes, GROUP, HOST);
	put(&n, GROUP, HOST, IP_PROTO_ICMPV6, bytes, sizeof(bytes));
	put(&n, GROUP, HOST, UNKNOWN_PROTO, bytes, sizeof(bytes));
	assert_int_equal(n.n_said, 0);
	assert_int_equal(weft_stack_counter(n.host, "IP6_SRC"), 2);
	nd_net_end(&n);
}

/* RFC 6980 §5: in fragments it says nothing, also when there is only one. */
static void solicitation_in_a_fragment_is_dropped(void **state UNUSED)
{
	const struct ip6_addr target = nd_addr(HOST);
	uint8_t bytes[IP6_FRAG_LEN + ICMP6_HDR_LEN + 16] = {IP_PROTO_ICMPV6, 0, 0, 0, 0, 0, 0, 7};
	struct ip6_addr s6 = nd_addr(PEER);
	struct ip_addr s = ip_addr_from_ip6(&s6), d = ip_addr_from_ip6(&target);
	uint8_t *icmp = bytes + IP6_FRAG_LEN;
	struct cpu_ops cpu;
	struct nd_net n;

	cpu_ops_init(&cpu);
	setup_host(&n);
	icmp[0] = ICMP6_NEIGH_SOLICIT;
	memcpy(icmp + ICMP6_HDR_LEN, &target, sizeof(target));
	icmp6_csum_store(icmp, csum_finish(csum_add(&cpu, icmp, 24, pseudo_sum(&s, &d, 58, 24))));
	put(&n, PEER, HOST, IP_PROTO_FRAGMENT, bytes, sizeof(bytes));
	assert_int_equal(n.n_said, 0);
	assert_int_equal(weft_stack_counter(n.host, "ND_FRAG"), 1);
	nd_net_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_option_is_treated_as_its_action_says),
		cmocka_unit_test(unknown_next_header_is_told_with_its_pointer),
		cmocka_unit_test(routing_header_of_type_0_is_refused),
		cmocka_unit_test(packet_with_a_group_as_its_source_is_dropped_in_silence),
		cmocka_unit_test(solicitation_in_a_fragment_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
