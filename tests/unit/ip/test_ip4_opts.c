/* SPDX-License-Identifier: MIT */
/* IPv4 options at work: record route, timestamp, source routes (RFC 791 §3.1, RFC 1122 §3.2.1.8,
 * RFC 1812 §5.3.13). */
#include "ip/ip4_opts.h"

#include "ip4_fixture.h"
#include "unit.h"

/* An address in options. */
#define A(a, b, c, d) a, b, c, d

static int setup_host(void **state)
{
	*state = ip4_fix_host();
	return 0;
}

static int setup_router(void **state)
{
	*state = ip4_fix_router();
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

/* An echo request from 10.0.0.2 with `n` bytes of options. */
static void rx_echo(struct ip4_fix *f, const uint8_t *opts, uint8_t n)
{
	struct dgram d = DGRAM(.len = 64, .head = {ICMP4_ECHO}, .hdr.proto = IP_PROTO_ICMP);
	struct fix_frame fr;
	uint8_t *p;

	d.hdr.hdr_len = (uint8_t)(IP4_HDR_LEN + n);
	memcpy(d.opts, opts, n);
	fr = dgram_frame(f->a, &d);
	p = fr.b + ETH_HDR_LEN + d.hdr.hdr_len;
	icmp4_csum_store(p, 0);
	icmp4_csum_store(p, csum_finish(csum_add(&f->eng->cpu, p, d.len, 0)));
	fix_rx(f->a, &fr);
}

#define RX_ECHO(f, ...) \
	rx_echo(f, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void assert_opts(const struct sent *s, const uint8_t *want, size_t n)
{
	assert_int_equal(s->hdr.hdr_len, IP4_HDR_LEN + n);
	assert_memory_equal(s->ip + IP4_HDR_LEN, want, n);
}

#define ASSERT_OPTS(s, ...) \
	assert_opts(s, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void echo_reply_goes_on_with_the_record_of_its_route(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	/* Ours when it came, ours when the reply left. */
	RX_ECHO(f, 7, 15, 8, A(1, 2, 3, 4), A(0, 0, 0, 0), A(0, 0, 0, 0), 0);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	ASSERT_OPTS(&s, 7, 15, 16, A(1, 2, 3, 4), A(10, 0, 0, 1), A(10, 0, 0, 1), 0);
	/* Room for one, and for none. */
	RX_ECHO(f, 7, 7, 4, A(0, 0, 0, 0), 0);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	ASSERT_OPTS(&s, 7, 7, 8, A(10, 0, 0, 1), 0);
	RX_ECHO(f, 7, 7, 8, A(1, 2, 3, 4), 0);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	ASSERT_OPTS(&s, 7, 7, 8, A(1, 2, 3, 4), 0);
	/* Others do not come back. */
	RX_ECHO(f, 148, 4, 0, 0);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	assert_int_equal(s.hdr.hdr_len, IP4_HDR_LEN);
}

static void echo_reply_goes_on_with_the_timestamps(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	RX_ECHO(f, 68, 12, 5, 0, A(0, 0, 0, 0), A(0, 0, 0, 0));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	/* What time it is nobody has said: the highest bit is set. */
	ASSERT_OPTS(&s, 68, 12, 13, 0, A(0x80, 0, 0, 1), A(0x80, 0, 0, 1));
	RX_ECHO(f, 68, 12, 5, 1, A(0, 0, 0, 0), A(0, 0, 0, 0));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	ASSERT_OPTS(&s, 68, 12, 13, 1, A(10, 0, 0, 1), A(0x80, 0, 0, 1));
	/* Named: ours is filled in, another's not. */
	RX_ECHO(f, 68, 20, 5, 3, A(10, 0, 0, 1), A(0, 0, 0, 0), A(10, 0, 0, 9), A(0, 0, 0, 0));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	ASSERT_OPTS(&s, 68, 20, 13, 3, A(10, 0, 0, 1), A(0x80, 0, 0, 1), A(10, 0, 0, 9),
		    A(0, 0, 0, 0));
	/* No room: counted once. */
	RX_ECHO(f, 68, 8, 9, 0x20, A(1, 1, 1, 1));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	ASSERT_OPTS(&s, 68, 8, 9, 0x30, A(1, 1, 1, 1));
}

static void assert_fault(struct ip4_fix *f, uint8_t pointer)
{
	struct icmp4_hdr hdr;
	struct sent s;

	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_PARAM_PROBLEM);
	assert_int_equal(hdr.u.err.pointer, pointer);
	fix_assert_silent(f->a);
}

static void rest_that_holds_no_entry_has_a_pointer(void **state)
{
	struct ip4_fix *f = *state;

	RX_ECHO(f, 7, 6, 4, A(0, 0, 0, 0), 0); /* three bytes for an address */
	assert_fault(f, 22);
	RX_ECHO(f, 68, 8, 5, 1, A(0, 0, 0, 0)); /* four for an address and a time */
	assert_fault(f, 22);
	RX_ECHO(f, 68, 8, 9, 0xf0, A(0, 0, 0, 0)); /* the sixteenth who has no room */
	assert_fault(f, 23);
	fix_assert_drops(f->st, DROP_IP4_OPTIONS, 3);
}

/* A datagram from 10.0.0.2 to 10.0.1.2 with options; what leaves by the other interface. */
static void forward(struct ip4_fix *f, const uint8_t *opts, uint8_t n, struct sent *ret)
{
	struct dgram d = DGRAM(.hdr.dst = {{10, 0, 1, 2}});

	d.hdr.hdr_len = (uint8_t)(IP4_HDR_LEN + n);
	memcpy(d.opts, opts, n);
	rx(f->a, d);
	sent_ip4(f->b, ret);
	assert_int_equal(ret->hdr.ttl, 63);
	fix_assert_silent(f->a);
}

#define FORWARD(f, s, ...) \
	forward(f, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), s)

static void router_records_the_address_it_sends_from(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	FORWARD(f, &s, 7, 11, 4, A(0, 0, 0, 0), A(0, 0, 0, 0), 0);
	ASSERT_OPTS(&s, 7, 11, 8, A(10, 0, 1, 1), A(0, 0, 0, 0), 0);
	FORWARD(f, &s, 7, 7, 8, A(1, 2, 3, 4), 0);
	ASSERT_OPTS(&s, 7, 7, 8, A(1, 2, 3, 4), 0);
	FORWARD(f, &s, 68, 12, 5, 1, A(0, 0, 0, 0), A(0, 0, 0, 0));
	ASSERT_OPTS(&s, 68, 12, 13, 1, A(10, 0, 1, 1), A(0x80, 0, 0, 1));
	FORWARD(f, &s, 68, 8, 9, 0xe0, A(1, 1, 1, 1));
	ASSERT_OPTS(&s, 68, 8, 9, 0xf0, A(1, 1, 1, 1));
	/* Unknown ones go as they came. */
	FORWARD(f, &s, 222, 6, 1, 2, 3, 4, 1, 0);
	ASSERT_OPTS(&s, 222, 6, 1, 2, 3, 4, 1, 0);
}

static void source_routes_are_refused_unless_they_are_accepted(void **state)
{
	struct ip4_fix *f = *state;
	const uint8_t types[] = {IP4_OPT_LSRR, IP4_OPT_SSRR};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		assert_int_equal(
			rx_verdict(f->a, DGRAM(.hdr.hdr_len = 28,
					       .opts = {types[i], 7, 4, A(10, 0, 1, 2), 0})),
			DROP_IP4_SOURCE_ROUTE);
		assert_int_equal(
			rx_verdict(f->a, DGRAM(.hdr.hdr_len = 28, .hdr.dst = {{10, 0, 1, 2}},
					       .opts = {types[i], 7, 4, A(1, 1, 1, 1), 0})),
			DROP_IP4_SOURCE_ROUTE);
	}
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static void accepted_source_route_is_followed(void **state)
{
	struct ip4_fix *f = *state;
	const uint8_t types[] = {IP4_OPT_LSRR, IP4_OPT_SSRR};
	struct sent s;

	set_sysctl(f->st, "net.ipv4.conf.all.accept_source_route", 1);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		rx(f->a, DGRAM(.hdr.hdr_len = 32,
			       .opts = {types[i], 11, 4, A(10, 0, 1, 2), A(9, 9, 9, 9), 0}));
		sent_ip4(f->b, &s);
		assert_ip4(s.hdr.dst, "10.0.1.2");
		assert_ip4(s.hdr.src, "10.0.0.2");
		ASSERT_OPTS(&s, types[i], 11, 8, A(10, 0, 1, 1), A(9, 9, 9, 9), 0);
		/* One that has not come to us yet is left as it is. */
		rx(f->a, DGRAM(.hdr.hdr_len = 28, .hdr.dst = {{10, 0, 1, 2}},
			       .opts = {types[i], 7, 4, A(9, 9, 9, 9), 0}));
		sent_ip4(f->b, &s);
		ASSERT_OPTS(&s, types[i], 7, 4, A(9, 9, 9, 9), 0);
		/* At its end it is delivered. */
		seen.n = 0;
		rx(f->a, DGRAM(.hdr.hdr_len = 28, .opts = {types[i], 7, 8, A(9, 9, 9, 9), 0}));
		assert_int_equal(seen.n, 1);
	}
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static void source_route_that_cannot_be_followed_is_dropped(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.conf.all.accept_source_route", 1);
	add_route(f->st, "192.0.2.0", 24, "10.0.1.2", NULL);
	/* To a group, to everybody, to ourselves again. */
	rx(f->a, DGRAM(.hdr.hdr_len = 28, .opts = {131, 7, 4, A(224, 0, 0, 5), 0}));
	rx(f->a, DGRAM(.hdr.hdr_len = 28, .opts = {131, 7, 4, A(255, 255, 255, 255), 0}));
	rx(f->a, DGRAM(.hdr.hdr_len = 28, .opts = {131, 7, 4, A(10, 0, 1, 1), 0}));
	fix_assert_silent(f->a);
	fix_assert_drops(f->st, DROP_IP4_SOURCE_ROUTE, 3);
	/* A strict one by a gateway (RFC 1812 §5.2.7.1, code 5). */
	rx(f->a, DGRAM(.hdr.hdr_len = 28, .opts = {137, 7, 4, A(192, 0, 2, 1), 0}));
	assert_icmp4(f->a, ICMP4_UNREACH, ICMP4_UNREACH_SRC_ROUTE);
	fix_assert_drops(f->st, DROP_IP4_SOURCE_ROUTE, 4);
	/* Two routes in one datagram. */
	RX_ECHO(f, 131, 7, 8, A(1, 1, 1, 1), 137, 7, 8, A(1, 1, 1, 1), 0, 0);
	assert_fault(f, 27);
	/* A host passes nothing on. */
	set_sysctl(f->st, "net.ipv4.ip_forward", 0);
	rx(f->a, DGRAM(.hdr.hdr_len = 28, .opts = {131, 7, 4, A(10, 0, 1, 2), 0}));
	fix_assert_drops(f->st, DROP_IP4_SOURCE_ROUTE, 5);
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
}

static void application_sends_what_is_well_formed(void **state)
{
	static const uint8_t rr[] = {7, 7, 4, A(0, 0, 0, 0)};
	static const uint8_t bad[][4] = {
		{7, 3, 3, 0}, {7, 9, 4, 0}, {222, 1, 0, 0}, {148, 3, 0, 0}, {1, 1, 1, 7}};
	static const uint8_t route[] = {131, 7, 4, A(10, 0, 0, 9)};
	struct ip4_fix *f = *state;
	struct ip4_opts opts = {0};
	struct ip_out out = {
		.flow = {.dst = ip("10.0.0.2"), .src = ip("10.0.0.1"), .proto = TEST_PROTO},
		.opts = &opts};
	uint8_t many[41] = {0};
	struct sent s;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ip4_opts_set(f->st, &opts, bad[i], sizeof(bad[i])), -EINVAL);
	assert_int_equal(ip4_opts_set(f->st, &opts, route, sizeof(route)), -EOPNOTSUPP);
	assert_int_equal(ip4_opts_set(f->st, &opts, many, sizeof(many)), -EINVAL);
	assert_int_equal(opts.len, 0);
	assert_int_equal(ip4_opts_set(f->st, &opts, rr, sizeof(rr)), 0);
	assert_int_equal(opts.len, 8);
	assert_int_equal(ip_output(f->st, payload_pkt(f, 100), &out), 0);
	fix_settle(f->eng);
	sent_ip4(f->a, &s);
	ASSERT_OPTS(&s, 7, 7, 8, A(10, 0, 0, 1), 0);
	assert_int_equal(s.l4_len, 100);
	assert_int_equal(ip4_opts_set(f->st, &opts, NULL, 0), 0);
	assert_int_equal(opts.len, 0);
}

/* RFC 1122 §3.2.2.6: by way of whom it came, with the last of them as the first address. */
static void echo_reply_goes_back_along_the_source_route(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	set_sysctl(f->st, "net.ipv4.conf.all.accept_source_route", 1);
	/* 10.0.0.2 sent it by 10.0.0.7, then itself. */
	RX_ECHO(f, 131, 11, 12, A(10, 0, 0, 7), A(10, 0, 0, 2), 0);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	assert_true(ip4_addr_eq(&s.hdr.dst, &(struct ip4_addr){{10, 0, 0, 2}}));
	ASSERT_OPTS(&s, 131, 11, 4, A(10, 0, 0, 7), A(10, 0, 0, 2), 0);
	/* RFC 1812 §5.2.4.1: a sender that is its own first gateway. */
	RX_ECHO(f, 131, 11, 12, A(10, 0, 0, 2), A(10, 0, 0, 2), 0);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	assert_true(ip4_addr_eq(&s.hdr.dst, &(struct ip4_addr){{10, 0, 0, 2}}));
	ASSERT_OPTS(&s, 131, 7, 4, A(10, 0, 0, 2), 0);
	RX_ECHO(f, 131, 7, 8, A(10, 0, 0, 2), 0);
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_ECHO_REPLY);
	assert_int_equal(s.hdr.hdr_len, IP4_HDR_LEN);
}

/* Whatever the bytes are, they are refused or what leaves is well formed. */
static void random_options_leave_well_formed_or_not_at_all(void **state)
{
	struct ip4_fix *f = *state;
	uint64_t x = 1;

	set_sysctl(f->st, "net.ipv4.conf.all.accept_source_route", 1);
	set_sysctl(f->st, "net.ipv4.icmp_ratelimit", 0);
	for (int i = 0; i < 20000; i++) {
		static const uint8_t types[] = {0, 1, 7, 68, 131, 137, 148, 222};
		struct dgram d = DGRAM(.hdr.dst = {{10, 0, (uint8_t)(i & 1), 2}});
		uint8_t at = 0;

		if (i % 3 == 0)
			d.hdr.dst = ip4("10.0.0.1");
		x = x * 6364136223846793005u + 1442695040888963407u;
		d.hdr.hdr_len = (uint8_t)(IP4_HDR_LEN + (x >> 60) % 11 * 4);
		for (; at < d.hdr.hdr_len - IP4_HDR_LEN; at++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			d.opts[at] = (uint8_t)(x >> 33 & 1 ? types[x >> 40 & 7] : x >> 44 & 15);
		}
		rx(f->a, d);
		while (fix_n_unseen(f->a)) {
			struct sent s;

			sent_ip4(f->a, &s);
		}
		while (fix_n_unseen(f->b)) {
			struct ip4_opts_iter it;
			struct ip4_opt opt;
			struct sent s;
			int err;

			sent_ip4(f->b, &s);
			it = ip4_opts_iter(s.ip, s.hdr.hdr_len);
			while ((err = ip4_opts_next(&it, &opt)) > 0)
				;
			assert_int_equal(err, 0);
		}
	}
}

#define HOST(name)   cmocka_unit_test_setup_teardown(name, setup_host, teardown)
#define ROUTER(name) cmocka_unit_test_setup_teardown(name, setup_router, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST(echo_reply_goes_on_with_the_record_of_its_route),
		HOST(echo_reply_goes_back_along_the_source_route),
		HOST(echo_reply_goes_on_with_the_timestamps),
		HOST(rest_that_holds_no_entry_has_a_pointer),
		ROUTER(router_records_the_address_it_sends_from),
		ROUTER(source_routes_are_refused_unless_they_are_accepted),
		ROUTER(accepted_source_route_is_followed),
		ROUTER(source_route_that_cannot_be_followed_is_dropped),
		HOST(application_sends_what_is_well_formed),
		ROUTER(random_options_leave_well_formed_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
