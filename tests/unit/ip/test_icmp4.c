/* SPDX-License-Identifier: MIT */
/* ICMP: echo, errors never sent, errors quoted, errors received, the rate limits. */
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

/* Finishes the ICMP checksum of a frame made by dgram_frame(). */
static void seal(struct ip4_fix *f, struct fix_frame *fr, uint32_t hdr_len)
{
	uint8_t *p = fr->b + ETH_HDR_LEN + hdr_len;
	size_t len = fr->len - ETH_HDR_LEN - hdr_len;

	icmp4_csum_store(p, 0);
	icmp4_csum_store(p, csum_finish(csum_add(&f->eng->cpu, p, len, 0)));
}

static void rx_icmp(struct ip4_fix *f, struct fix_if *nif, struct dgram d)
{
	struct fix_frame fr;

	d.hdr.proto = IP_PROTO_ICMP;
	fr = dgram_frame(nif, &d);
	seal(f, &fr, d.hdr.hdr_len);
	fix_rx(nif, &fr);
}

/*
 * Echo.
 */

#define ECHO(...) DGRAM(.len = 64, .head = {ICMP4_ECHO, 0, 0, 0, 0x12, 0x34, 0, 7}, __VA_ARGS__)

static void echo_request_is_answered_with_its_bytes(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	uint8_t want[64];
	struct sent s;

	rx_icmp(f, f->a, ECHO(.hdr.tos = 0x20, .hdr.ttl = 3));
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_ECHO_REPLY);
	assert_int_equal(hdr.u.echo.id, 0x1234);
	assert_int_equal(hdr.u.echo.seq, 7);
	assert_ip4(s.hdr.src, "10.0.0.1");
	assert_ip4(s.hdr.dst, "10.0.0.2");
	assert_int_equal(s.hdr.ttl, 64);
	assert_int_equal(s.hdr.tos, 0x20);
	fill(want, sizeof(want));
	assert_int_equal(s.l4_len, 64);
	assert_memory_equal(s.l4 + 16, want + 16, 48);
	fix_assert_silent(f->a);
	assert_int_equal(f->st->mib[MIB_IcmpInEchos], 1);
	assert_int_equal(f->st->mib[MIB_IcmpOutEchoReps], 1);
}

static void echo_of_every_size_keeps_its_checksum(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	for (uint32_t len = ICMP4_HDR_LEN; len <= 1480; len++) {
		rx_icmp(f, f->a, ECHO(.len = len));
		assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
		assert_int_equal(s.l4_len, len);
	}
}

/* One's complement has two zeroes, and only one of them is right here (csum_update16()). */
static void echo_of_nothing_but_zeroes_keeps_its_checksum(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	rx_icmp(f, f->a, DGRAM(.len = ICMP4_HDR_LEN, .head = {ICMP4_ECHO}));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
}

static void echo_to_the_other_interface_is_answered_from_there(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	rx_icmp(f, f->a, ECHO(.hdr.dst = ip4("10.0.1.1")));
	sent_icmp4(f->a, &s);
	assert_ip4(s.hdr.src, "10.0.1.1");
}

static void echo_to_a_group_is_ignored_unless_allowed(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	rx_icmp(f, f->a, ECHO(.hdr.dst = ip4("10.0.0.255")));
	rx_icmp(f, f->a, ECHO(.hdr.dst = ip4("224.0.0.1")));
	rx_icmp(f, f->a, ECHO(.hdr.dst = ip4("255.255.255.255")));
	fix_assert_silent(f->a);
	fix_assert_drops(f->st, DROP_ICMP_BROADCAST, 3);
	set_sysctl(f->st, "net.ipv4.icmp_echo_ignore_broadcasts", 0);
	rx_icmp(f, f->a, ECHO(.hdr.dst = ip4("10.0.0.255")));
	sent_icmp4(f->a, &s);
	assert_ip4(s.hdr.src, "10.0.0.1");
}

static void echo_can_be_switched_off(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.icmp_echo_ignore_all", 1);
	rx_icmp(f, f->a, ECHO());
	fix_assert_silent(f->a);
	fix_assert_drops(f->st, DROP_ICMP_IGNORED, 1);
}

static void partial_echo_from_inside_the_process_is_completed(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = ECHO(.hdr.proto = IP_PROTO_ICMP);
	struct fix_frame fr = dgram_frame(f->a, &d);
	struct pkt *pkt;
	struct sent s;

	pkt = fix_pkt(f->eng, fr.b, fr.len);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN + IP4_HDR_LEN);
	pkt->csum_off = 2;
	netif_rx(&f->a->netif, pkt);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
}

static void malformed_messages_are_dropped_with_their_reason(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(rx_verdict(f->a, ECHO(.hdr.proto = IP_PROTO_ICMP)), DROP_ICMP_CSUM);
	for (uint32_t len = 0; len < ICMP4_HDR_LEN; len++)
		assert_int_equal(rx_verdict(f->a, ECHO(.hdr.proto = IP_PROTO_ICMP, .len = len)),
				 DROP_ICMP_HDR);
	assert_int_equal(f->st->mib[MIB_IcmpInCsumErrors], 1);
	assert_int_equal(f->st->mib[MIB_IcmpInErrors], 9);
	fix_assert_silent(f->a);
}

static void types_nobody_handles_are_dropped_in_silence(void **state)
{
	static const uint8_t types[] = {
		ICMP4_SOURCE_QUENCH, ICMP4_ROUTER_ADVERT, ICMP4_TIMESTAMP, 17, 42, 255};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		rx_icmp(f, f->a, ECHO(.head = {types[i]}));
	fix_assert_drops(f->st, DROP_ICMP_TYPE, ARRAY_SIZE(types));
	rx_icmp(f, f->a, ECHO(.head = {ICMP4_ECHO_REPLY}));
	fix_assert_drops(f->st, DROP_ICMP_NO_SOCKET, 1);
	fix_assert_silent(f->a);
}

static enum drop take_reply(struct stack *st UNUSED, struct pkt *pkt, const struct ip_info *info)
{
	assert_int_equal(pkt->data[0], ICMP4_ECHO_REPLY);
	assert_ip(info->src, "10.0.0.2");
	seen.n++;
	pkt_free(pkt);
	return DROP_NONE;
}

static void echo_reply_goes_to_ping_sockets(void **state)
{
	struct ip4_fix *f = *state;

	f->st->icmp->echo_reply = take_reply;
	rx_icmp(f, f->a, ECHO(.head = {ICMP4_ECHO_REPLY}));
	assert_int_equal(seen.n, 1);
}

/*
 * Errors that are not sent.
 */

static void errors_are_never_sent_about_these(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram cases[] = {
		/* groups, at either layer (RFC 1122 §3.2.2) */
		DGRAM(.hdr.dst = {{255, 255, 255, 255}}),
		DGRAM(.hdr.dst = {{10, 0, 0, 255}}),
		DGRAM(.hdr.dst = {{224, 0, 0, 1}}),
		DGRAM(.l2_dst = ETH_ADDR_BROADCAST),
		/* sources that are no host */
		DGRAM(.hdr.src = {{0, 0, 0, 0}}, .hdr.dst = {{255, 255, 255, 255}}),
		DGRAM(.hdr.src = {{127, 0, 0, 1}}),
		DGRAM(.hdr.src = {{224, 0, 0, 9}}),
		DGRAM(.hdr.src = {{10, 0, 0, 255}}),
		/* fragments */
		DGRAM(.hdr.frag_off = 8),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cases[i].hdr.proto = 200; /* unknown: would be answered */
		rx(f->a, cases[i]);
		fix_assert_silent(f->a);
	}
	assert_int_equal(f->st->mib[MIB_IcmpOutMsgs], 0);
}

static void errors_are_never_sent_about_errors(void **state)
{
	struct ip4_fix *f = *state;
	uint8_t never[] = {ICMP4_UNREACH,       ICMP4_SOURCE_QUENCH, ICMP4_REDIRECT,
			   ICMP4_TIME_EXCEEDED, ICMP4_PARAM_PROBLEM, 99};
	struct sent s;

	set_sysctl(f->st, "net.ipv4.ip_forward", 1);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		rx_icmp(f, f->a,
			ECHO(.head = {never[i]}, .hdr.dst = ip4("10.0.1.2"), .hdr.ttl = 1));
		fix_assert_silent(f->a);
	}
	/* Cut off before its type: may have been one. */
	rx(f->a,
	   DGRAM(.hdr.proto = IP_PROTO_ICMP, .len = 0, .hdr.dst = ip4("10.0.1.2"), .hdr.ttl = 1));
	fix_assert_silent(f->a);
	/* But about a query: traceroute -I. */
	rx_icmp(f, f->a, ECHO(.hdr.dst = ip4("10.0.1.2"), .hdr.ttl = 1));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_TIME_EXCEEDED);
}

/* An error quotes a fragment only if it is the first. */
static void first_fragment_may_be_quoted(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	set_sysctl(f->st, "net.ipv4.ip_forward", 1);
	rx(f->a, DGRAM(.hdr.mf = true, .hdr.dst = ip4("10.0.1.2"), .hdr.ttl = 1));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_TIME_EXCEEDED);
	rx(f->a, DGRAM(.hdr.frag_off = 8, .hdr.dst = ip4("10.0.1.2"), .hdr.ttl = 1));
	fix_assert_silent(f->a);
}

static void error_never_exceeds_576_bytes(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	set_sysctl(f->st, "net.ipv4.icmp_ratelimit", 0);
	for (uint32_t len = 520; len <= 540; len++) {
		rx(f->a, DGRAM(.hdr.proto = 200, .len = len));
		sent_icmp4(f->a, &s);
		assert_int_equal(s.hdr.tot_len, len + 48 < 576 ? len + 48 : 576);
		fix_advance(f->eng, SEC);
	}
}

static void error_about_a_partial_packet_quotes_a_right_checksum(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = DGRAM(.hdr.proto = 200, .len = 700);
	struct fix_frame fr = dgram_frame(f->a, &d), whole;
	uint8_t *l4 = fr.b + ETH_HDR_LEN + IP4_HDR_LEN;
	struct pkt *pkt;
	struct sent s;

	store_be16(l4 + 6, 0x1234); /* the pseudo-header's sum */
	whole = fr;
	store_be16(whole.b + ETH_HDR_LEN + IP4_HDR_LEN + 6,
		   csum_finish(csum_add(&f->eng->cpu, l4, d.len, 0)));
	pkt = fix_pkt(f->eng, fr.b, fr.len);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN + IP4_HDR_LEN);
	pkt->csum_off = 6;
	netif_rx(&f->a->netif, pkt);
	assert_int_equal(sent_icmp4(f->a, &s).code, ICMP4_UNREACH_PROTO);
	assert_memory_equal(s.l4 + ICMP4_HDR_LEN, whole.b + ETH_HDR_LEN, ICMP4_QUOTE_MAX);
}

/*
 * Rate limits (RFC 1812 §4.3.2.8).
 */

static uint32_t count_errors(struct ip4_fix *f)
{
	uint32_t n = fix_n_unseen(f->a);

	fix_ignore_sent(f->a);
	return n;
}

static void one_host_gets_a_burst_and_then_one_a_second(void **state)
{
	struct ip4_fix *f = *state;

	for (int i = 0; i < 100; i++)
		rx(f->a, DGRAM(.hdr.proto = 200));
	assert_int_equal(count_errors(f), ICMP_LIMIT_BURST);
	assert_int_equal(f->st->mib[MIB_IcmpOutRateLimitHost], 100 - ICMP_LIMIT_BURST);
	fix_assert_drops(f->st, DROP_ICMP_RATELIMIT, 100 - ICMP_LIMIT_BURST);
	for (int i = 0; i < 100; i++) { /* 10 s */
		fix_advance(f->eng, 100 * MSEC);
		rx(f->a, DGRAM(.hdr.proto = 200));
	}
	assert_int_equal(count_errors(f), 10);
	fix_advance(f->eng, 60 * SEC);
	for (int i = 0; i < 100; i++)
		rx(f->a, DGRAM(.hdr.proto = 200));
	assert_int_equal(count_errors(f), ICMP_LIMIT_BURST);
}

static void all_hosts_together_are_limited(void **state)
{
	struct ip4_fix *f = *state;
	uint32_t n;

	add_route(f->st, "172.16.0.0", 12, "10.0.0.2", NULL);
	for (uint32_t i = 0; i < 500; i++) {
		struct dgram d = DGRAM(.hdr.proto = 200);

		d.hdr.src = ip4_addr_from_u32(0xac100001 + i);
		rx(f->a, d);
	}
	n = count_errors(f);
	assert_in_range(n, 40, 50);
	for (uint32_t i = 0; i < 10000; i++) { /* 1 s */
		struct dgram d = DGRAM(.hdr.proto = 200);

		d.hdr.src = ip4_addr_from_u32(0xac110001 + i);
		fix_advance(f->eng, 100 * USEC);
		rx(f->a, d);
		if (i % 1000 == 999)
			n += count_errors(f);
	}
	/* msgs_burst + 1 s * msgs_per_sec */
	assert_in_range(n, 900, 1050);
}

static void unlimited_types_pass(void **state)
{
	struct ip4_fix *f = *state;

	for (int i = 0; i < 100; i++)
		rx_icmp(f, f->a, ECHO());
	assert_int_equal(count_errors(f), 100);
	set_sysctl(f->st, "net.ipv4.icmp_ratemask", 0);
	for (int i = 0; i < 100; i++)
		rx(f->a, DGRAM(.hdr.proto = 200));
	assert_int_equal(count_errors(f), 100);
	/* Path MTU discovery must not stall. */
	set_sysctl(f->st, "net.ipv4.icmp_ratemask", 6168);
	set_sysctl(f->st, "net.ipv4.ip_forward", 1);
	assert_int_equal(netif_set_mtu(&f->b->netif, 500), 0);
	for (int i = 0; i < 100; i++)
		rx(f->a, DGRAM(.hdr.dst = ip4("10.0.1.2"), .hdr.df = true, .len = 600));
	assert_int_equal(count_errors(f), 100);
}

/*
 * Errors received.
 */

/* An error about a datagram of ours, 10.0.0.1 to 192.0.2.1; `quote` is what it quotes. */
static struct dgram error_about(uint8_t type, uint8_t code, const struct dgram *quote)
{
	struct dgram d = DGRAM(.head = {type, code});

	d.len = ICMP4_HDR_LEN + quote->hdr.hdr_len + quote->len;
	return d;
}

static void rx_error(struct ip4_fix *f, uint8_t type, uint8_t code, uint32_t rest,
		     struct dgram quote)
{
	struct dgram d = error_about(type, code, &quote);
	struct fix_frame q = dgram_frame(f->a, &quote), fr;
	uint8_t *p;

	d.hdr.proto = IP_PROTO_ICMP;
	fr = dgram_frame(f->a, &d);
	p = fr.b + ETH_HDR_LEN + IP4_HDR_LEN;
	store_be32(p + 4, rest);
	memcpy(p + ICMP4_HDR_LEN, q.b + ETH_HDR_LEN, q.len - ETH_HDR_LEN);
	seal(f, &fr, IP4_HDR_LEN);
	fix_rx(f->a, &fr);
}

#define OURS(...) \
	DGRAM(.hdr.src = {{10, 0, 0, 1}}, .hdr.dst = {{192, 0, 2, 1}}, .len = 8, __VA_ARGS__)

static void errors_reach_the_transport_with_their_errno(void **state)
{
	struct ip4_fix *f = *state;
	const struct {
		int type, code, err;
		bool is_hard;
	} cases[] = {
		{3, 0, ENETUNREACH, false},   {3, 1, EHOSTUNREACH, false},
		{3, 2, ENOPROTOOPT, true},    {3, 3, ECONNREFUSED, true},
		{3, 4, EMSGSIZE, false},      {3, 5, EOPNOTSUPP, false},
		{3, 6, ENETUNREACH, true},    {3, 7, EHOSTDOWN, true},
		{3, 8, ENONET, true},         {3, 9, ENETUNREACH, true},
		{3, 10, EHOSTUNREACH, true},  {3, 11, ENETUNREACH, false},
		{3, 12, EHOSTUNREACH, false}, {3, 13, EHOSTUNREACH, true},
		{3, 14, EHOSTUNREACH, true},  {3, 15, EHOSTUNREACH, true},
		{11, 0, EHOSTUNREACH, false}, {11, 1, EHOSTUNREACH, false},
		{12, 0, EPROTO, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rx_error(f, (uint8_t)cases[i].type, (uint8_t)cases[i].code, 0,
			 OURS(.head = {1, 2, 3, 4}));
		assert_int_equal(seen.n_errors, i + 1);
		assert_int_equal(seen.err.err, cases[i].err);
		assert_int_equal(seen.err.is_hard, cases[i].is_hard);
		assert_int_equal(seen.err.type, cases[i].type);
		assert_int_equal(seen.err.code, cases[i].code);
		assert_ip(seen.err.src, "10.0.0.1");
		assert_ip(seen.err.dst, "192.0.2.1");
		assert_ip(seen.err.offender, "10.0.0.2");
		assert_int_equal(seen.quote_len, 8);
		assert_memory_equal(seen.quote, ((uint8_t[]){1, 2, 3, 4}), 4);
	}
}

static void fragmentation_needed_brings_the_mtu(void **state)
{
	struct ip4_fix *f = *state;

	rx_error(f, 3, 4, 1400, OURS());
	assert_int_equal(seen.err.mtu, 1400);
	/* An old router says nothing: the plateau below the datagram's length. */
	rx_error(f, 3, 4, 0, OURS(.hdr.tot_len = 1500));
	assert_int_equal(seen.err.mtu, 1492);
	rx_error(f, 3, 4, 5, OURS());
	assert_int_equal(seen.err.mtu, IP4_MTU_MIN);
	rx_error(f, 3, 1, 1400, OURS());
	assert_int_equal(seen.err.mtu, 0);
	assert_int_equal(icmp4_next_mtu(0, 40), IP4_MTU_MIN);
	assert_int_equal(icmp4_next_mtu(0, 65535), 32000);
}

static void errors_that_cannot_be_about_us_are_dropped(void **state)
{
	struct ip4_fix *f = *state;

	rx_error(f, 3, 1, 0, OURS(.hdr.src = {{10, 0, 0, 9}}));
	rx_error(f, 3, 1, 0, OURS(.hdr.src = {{10, 0, 0, 255}}));
	rx_error(f, 3, 1, 0, OURS(.hdr.frag_off = 8));
	rx_error(f, 3, 1, 0, OURS(.len = 7));
	rx_error(f, 3, 1, 0, OURS(.version_ihl = 0x65));
	rx_error(f, 3, 1, 0, OURS(.hdr.proto = 200));
	fix_assert_drops(f->st, DROP_ICMP_QUOTE, 6);
	rx_error(f, 3, 16, 0, OURS());
	rx_error(f, 11, 2, 0, OURS());
	fix_assert_drops(f->st, DROP_ICMP_TYPE, 2);
	assert_int_equal(seen.n_errors, 0);
	fix_assert_silent(f->a);
}

static void ping_error(struct stack *st UNUSED, const struct icmp_err *err, const uint8_t *quote,
		       uint32_t quote_len)
{
	seen_error(st, err, quote, quote_len);
}

static void error_about_our_ping_goes_to_ping_sockets(void **state)
{
	struct ip4_fix *f = *state;

	rx_error(f, 3, 1, 0, OURS(.hdr.proto = IP_PROTO_ICMP, .head = {ICMP4_ECHO}));
	assert_int_equal(seen.n_errors, 0);
	f->st->icmp->echo_error = ping_error;
	rx_error(f, 3, 1, 0, OURS(.hdr.proto = IP_PROTO_ICMP, .head = {ICMP4_ECHO}));
	rx_error(f, 3, 1, 0, OURS(.hdr.proto = IP_PROTO_ICMP, .head = {ICMP4_ECHO_REPLY}));
	assert_int_equal(seen.n_errors, 1);
	assert_int_equal(seen.err.err, EHOSTUNREACH);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(echo_request_is_answered_with_its_bytes),
		T(echo_of_every_size_keeps_its_checksum),
		T(echo_of_nothing_but_zeroes_keeps_its_checksum),
		T(echo_to_the_other_interface_is_answered_from_there),
		T(echo_to_a_group_is_ignored_unless_allowed),
		T(echo_can_be_switched_off),
		T(partial_echo_from_inside_the_process_is_completed),
		T(malformed_messages_are_dropped_with_their_reason),
		T(types_nobody_handles_are_dropped_in_silence),
		T(echo_reply_goes_to_ping_sockets),
		T(errors_are_never_sent_about_these),
		T(errors_are_never_sent_about_errors),
		T(first_fragment_may_be_quoted),
		T(error_never_exceeds_576_bytes),
		T(error_about_a_partial_packet_quotes_a_right_checksum),
		T(one_host_gets_a_burst_and_then_one_a_second),
		T(all_hosts_together_are_limited),
		T(unlimited_types_pass),
		T(errors_reach_the_transport_with_their_errno),
		T(fragmentation_needed_brings_the_mtu),
		T(errors_that_cannot_be_about_us_are_dropped),
		T(error_about_our_ping_goes_to_ping_sockets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
