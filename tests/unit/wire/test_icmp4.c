/* SPDX-License-Identifier: MIT */
/* ICMP headers by type, and the datagrams that errors quote. */
#include "wire_test.h"

#include <errno.h>

#include "wire/icmp4.h"

enum {
	QUOTE_LEN = IP4_HDR_LEN + 8,
};

/* The header and first 8 bytes of a datagram of 100 bytes. */
static void quote_write(uint8_t *p)
{
	static const uint8_t l4[8] = {0xc1, 0x5c, 0, 53, 0, 80, 0xab, 0xcd};

	ip4_hdr_write(p, &(struct ip4_hdr){.hdr_len = IP4_HDR_LEN,
					   .tot_len = 100,
					   .ttl = 1,
					   .proto = IP_PROTO_UDP,
					   .src = IP4_ADDR(192, 0, 2, 1),
					   .dst = IP4_ADDR(198, 51, 100, 2)});
	memcpy(p + IP4_HDR_LEN, l4, sizeof(l4));
}

static int quote_parse(const uint8_t *p, size_t len, struct icmp4_hdr hdr, struct icmp4_quote *ret)
{
	struct rd r = rd_make(p, len);

	return icmp4_quote_parse(&r, &hdr, ret);
}

static void parse_echo(struct rd *r, size_t len)
{
	struct icmp4_hdr hdr = {.type = 99};

	if (len < ICMP4_HDR_LEN) {
		assert_int_equal(icmp4_hdr_parse(r, &hdr), -EBADMSG);
		assert_int_equal(hdr.type, 99);
		return;
	}
	assert_int_equal(icmp4_hdr_parse(r, &hdr), 0);
	assert_int_equal(rd_left(r), len - ICMP4_HDR_LEN);
	assert_int_equal(hdr.type, ICMP4_ECHO);
	assert_int_equal(hdr.csum, 0x1234);
	assert_int_equal(hdr.u.echo.id, 0x5678);
	assert_int_equal(hdr.u.echo.seq, 0x9abc);
}

static void echo_cut_anywhere_is_refused(void **state UNUSED)
{
	uint8_t bytes[ICMP4_HDR_LEN + 4] = {0};

	icmp4_hdr_write(bytes, &(struct icmp4_hdr){.type = ICMP4_ECHO,
						   .csum = 0x1234,
						   .u.echo = {.id = 0x5678, .seq = 0x9abc}});
	each_truncation(bytes, sizeof(bytes), parse_echo);
}

static struct icmp4_hdr parsed(const uint8_t bytes[static ICMP4_HDR_LEN])
{
	struct rd r = rd_make(bytes, ICMP4_HDR_LEN);
	struct icmp4_hdr hdr;

	assert_int_equal(icmp4_hdr_parse(&r, &hdr), 0);
	return hdr;
}

static void second_word_means_what_the_type_says(void **state UNUSED)
{
	uint8_t bytes[ICMP4_HDR_LEN] = {[4] = 9, [5] = 33, [6] = 0x05, [7] = 0xdc};
	struct icmp4_hdr hdr;

	bytes[0] = ICMP4_UNREACH;
	bytes[1] = ICMP4_UNREACH_FRAG_NEEDED;
	hdr = parsed(bytes);
	assert_int_equal(hdr.u.err.mtu, 1500);
	assert_int_equal(hdr.u.err.quote_len, 33);
	assert_int_equal(hdr.u.err.pointer, 0);
	bytes[1] = ICMP4_UNREACH_PORT;
	assert_int_equal(parsed(bytes).u.err.mtu, 0);
	bytes[0] = ICMP4_PARAM_PROBLEM;
	hdr = parsed(bytes);
	assert_int_equal(hdr.u.err.pointer, 9);
	assert_int_equal(hdr.u.err.mtu, 0);
	bytes[0] = ICMP4_REDIRECT;
	hdr = parsed(bytes);
	assert_true(ip4_addr_eq(&hdr.u.gateway, &IP4_ADDR(9, 33, 5, 0xdc)));
	bytes[0] = 200;
	assert_int_equal(parsed(bytes).u.rest, 0x092105dc);
}

static void errors_are_told_from_queries(void **state UNUSED)
{
	const uint8_t errors[] = {ICMP4_UNREACH, ICMP4_SOURCE_QUENCH, ICMP4_REDIRECT,
				  ICMP4_TIME_EXCEEDED, ICMP4_PARAM_PROBLEM};
	unsigned int n = 0;

	for (unsigned int type = 0; type < 256; type++)
		n += icmp4_type_is_error((uint8_t)type);
	assert_int_equal(n, ARRAY_SIZE(errors));
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		assert_true(icmp4_type_is_error(errors[i]));
}

static void parse_quote(struct rd *r, size_t len)
{
	struct icmp4_quote quote = {.l4_len = 99};
	struct icmp4_hdr hdr = {.type = ICMP4_TIME_EXCEEDED};

	if (len < QUOTE_LEN) {
		assert_int_equal(icmp4_quote_parse(r, &hdr, &quote), -EBADMSG);
		assert_int_equal(quote.l4_len, 99);
		return;
	}
	assert_int_equal(icmp4_quote_parse(r, &hdr, &quote), 0);
	assert_int_equal(rd_left(r), 0);
	assert_int_equal(quote.ip.proto, IP_PROTO_UDP);
	assert_int_equal(quote.l4_len, len - IP4_HDR_LEN);
	assert_int_equal(load_be16(quote.l4), 0xc15c);
}

static void quote_cut_anywhere_is_refused(void **state UNUSED)
{
	uint8_t bytes[QUOTE_LEN + 5] = {0};

	quote_write(bytes);
	each_truncation(bytes, sizeof(bytes), parse_quote);
}

static void quote_that_contradicts_itself_is_refused(void **state UNUSED)
{
	const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{0, 0x65}, /* version */
		{0, 0x44}, /* header shorter than 20 */
		{0, 0x4f}, /* header longer than the quote */
		{3, 19},   /* datagram shorter than its header */
		{3, 27},   /* or with less than 8 bytes of data */
	};
	struct icmp4_quote quote;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		uint8_t bytes[QUOTE_LEN];

		quote_write(bytes);
		bytes[changes[i].at] = changes[i].value;
		assert_int_equal(quote_parse(bytes, sizeof(bytes),
					     (struct icmp4_hdr){.type = ICMP4_UNREACH}, &quote),
				 -EBADMSG);
	}
}

static void quote_ends_with_its_datagram(void **state UNUSED)
{
	uint8_t bytes[128] = {0};
	struct icmp4_quote quote;

	quote_write(bytes);
	assert_int_equal(quote_parse(bytes, sizeof(bytes),
				     (struct icmp4_hdr){.type = ICMP4_UNREACH}, &quote),
			 0);
	assert_int_equal(quote.l4_len, 100 - IP4_HDR_LEN);
}

/* RFC 4884: 128 bytes of quote, then extensions. Shorter lengths are an old sender's garbage. */
static void extensions_are_not_part_of_the_quote(void **state UNUSED)
{
	const struct {
		uint8_t type, quote_len;
		size_t want;
	} cases[] = {
		{ICMP4_TIME_EXCEEDED, 32, 128},  {ICMP4_UNREACH, 32, 128},
		{ICMP4_PARAM_PROBLEM, 33, 132},  {ICMP4_TIME_EXCEEDED, 0, 160},
		{ICMP4_TIME_EXCEEDED, 31, 160},  {ICMP4_TIME_EXCEEDED, 40, 160},
		{ICMP4_TIME_EXCEEDED, 255, 160}, {ICMP4_REDIRECT, 32, 160},
		{ICMP4_SOURCE_QUENCH, 32, 160},
	};
	uint8_t bytes[160] = {0};
	struct icmp4_quote quote;

	quote_write(bytes);
	store_be16(bytes + 2, 1400);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct icmp4_hdr hdr = {.type = cases[i].type,
					.u.err.quote_len = cases[i].quote_len};

		assert_int_equal(quote_parse(bytes, sizeof(bytes), hdr, &quote), 0);
		assert_int_equal(quote.l4_len, cases[i].want - IP4_HDR_LEN);
	}
}

static void parse_timestamp(struct rd *r, size_t len)
{
	struct icmp4_timestamp ts = {.originate = 99};

	if (len < ICMP4_TIMESTAMP_LEN - ICMP4_HDR_LEN) {
		assert_int_equal(icmp4_timestamp_parse(r, &ts), -EBADMSG);
		assert_int_equal(ts.originate, 99);
		return;
	}
	assert_int_equal(icmp4_timestamp_parse(r, &ts), 0);
	assert_int_equal(ts.originate, 0x01020304);
	assert_int_equal(ts.receive, 0x80000001);
	assert_int_equal(ts.transmit, 3);
}

static void timestamp_cut_anywhere_is_refused(void **state UNUSED)
{
	uint8_t bytes[ICMP4_TIMESTAMP_LEN - ICMP4_HDR_LEN];
	struct wr w = wr_make(bytes, sizeof(bytes));

	icmp4_timestamp_write(&w, &(struct icmp4_timestamp){0x01020304, 0x80000001, 3});
	assert_true(wr_ok(&w) && wr_left(&w) == 0);
	each_truncation(bytes, sizeof(bytes), parse_timestamp);
}

static void headers_at_random_survive_a_round_trip(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[ICMP4_HDR_LEN], out[ICMP4_HDR_LEN], again[ICMP4_HDR_LEN];
		struct icmp4_hdr hdr;

		rng_bytes(&rng, in, sizeof(in));
		in[0] &= 0x0f;
		in[1] &= 0x07;
		hdr = parsed(in);
		icmp4_hdr_write(out, &hdr);
		assert_memory_equal(in, out, 4);
		hdr = parsed(out);
		icmp4_hdr_write(again, &hdr);
		assert_memory_equal(out, again, sizeof(out));
		if (in[0] == ICMP4_ECHO || in[0] == ICMP4_REDIRECT || in[0] == ICMP4_ROUTER_ADVERT)
			assert_memory_equal(in, out, sizeof(in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_cut_anywhere_is_refused),
		cmocka_unit_test(second_word_means_what_the_type_says),
		cmocka_unit_test(errors_are_told_from_queries),
		cmocka_unit_test(quote_cut_anywhere_is_refused),
		cmocka_unit_test(quote_that_contradicts_itself_is_refused),
		cmocka_unit_test(quote_ends_with_its_datagram),
		cmocka_unit_test(extensions_are_not_part_of_the_quote),
		cmocka_unit_test(timestamp_cut_anywhere_is_refused),
		cmocka_unit_test(headers_at_random_survive_a_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
