/* SPDX-License-Identifier: MIT */
/* ICMPv6 headers by type, and the packets that errors quote. */
#include "wire_test.h"

#include <errno.h>

#include "wire/icmp6.h"
#include "wire/ip4.h"

enum {
	EXT = 8,
	QUOTE_LEN = IP6_HDR_LEN + EXT + 8,
};

/* Header, destination options and the first 8 bytes of a datagram of 100. */
static void quote_write(uint8_t *p)
{
	static const uint8_t tail[EXT + 8] = {IP_PROTO_UDP, 0,    1, 4,  0, 0,  0,    0,
					      0xc1,         0x5c, 0, 53, 0, 80, 0xab, 0xcd};

	ip6_hdr_write(p, &(struct ip6_hdr){.payload_len = 100,
					   .next_hdr = IP_PROTO_DSTOPTS,
					   .hop_limit = 1,
					   .src = {.b = {0x20, 1, [15] = 1}},
					   .dst = {.b = {0x20, 1, [15] = 2}}});
	memcpy(p + IP6_HDR_LEN, tail, sizeof(tail));
}

static int quote_parse(const uint8_t *p, size_t len, struct icmp6_hdr hdr, struct icmp6_quote *ret)
{
	uint8_t *copy = exact_copy(p, len);
	struct rd r = rd_make(copy, len);
	int err = icmp6_quote_parse(&r, &hdr, ret);

	if (!err) /* bytes, not addresses, outlive the copy */
		ret->l4 = p + (ret->l4 - copy);
	free(copy);
	return err;
}

static void parse_echo(struct rd *r, size_t len)
{
	struct icmp6_hdr hdr = {.type = 99};

	if (len < ICMP6_HDR_LEN) {
		assert_int_equal(icmp6_hdr_parse(r, &hdr), -EBADMSG);
		assert_int_equal(hdr.type, 99);
		return;
	}
	assert_int_equal(icmp6_hdr_parse(r, &hdr), 0);
	assert_int_equal(rd_left(r), len - ICMP6_HDR_LEN);
	assert_int_equal(hdr.type, ICMP6_ECHO);
	assert_int_equal(hdr.csum, 0x1234);
	assert_int_equal(hdr.u.echo.id, 0x5678);
	assert_int_equal(hdr.u.echo.seq, 0x9abc);
}

static void echo_cut_anywhere_is_refused(void **state UNUSED)
{
	uint8_t bytes[ICMP6_HDR_LEN + 4] = {0};

	icmp6_hdr_write(bytes, &(struct icmp6_hdr){.type = ICMP6_ECHO,
						   .csum = 0x1234,
						   .u.echo = {.id = 0x5678, .seq = 0x9abc}});
	each_truncation(bytes, sizeof(bytes), parse_echo);
}

static void header_of_any_type_is_read_as_it_was_written(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[ICMP6_HDR_LEN], out[ICMP6_HDR_LEN];
		struct rd r = rd_make(in, sizeof(in));
		struct icmp6_hdr hdr;

		rng_bytes(&rng, in, sizeof(in));
		in[0] = i < 256 ? (uint8_t)i : in[0];
		if (in[0] == ICMP6_UNREACH || in[0] == ICMP6_TIME_EXCEEDED)
			memset(in + 5, 0, 3); /* unused */
		assert_int_equal(icmp6_hdr_parse(&r, &hdr), 0);
		icmp6_hdr_write(out, &hdr);
		assert_memory_equal(in, out, sizeof(in));
	}
}

static void types_below_128_are_errors_and_five_are_of_discovery(void **state UNUSED)
{
	int n_errors = 0, n_nd = 0;

	for (int t = 0; t < 256; t++) {
		n_errors += icmp6_type_is_error((uint8_t)t);
		n_nd += icmp6_type_is_nd((uint8_t)t);
	}
	assert_int_equal(n_errors, 128);
	assert_int_equal(n_nd, 5);
	assert_true(icmp6_type_is_nd(ICMP6_REDIRECT));
	assert_false(icmp6_type_is_nd(ICMP6_MLD_DONE));
}

static void quote_is_found_behind_extension_headers(void **state UNUSED)
{
	struct icmp6_hdr hdr = {.type = ICMP6_PACKET_TOO_BIG};
	struct icmp6_quote quote;
	uint8_t p[QUOTE_LEN];

	quote_write(p);
	assert_int_equal(quote_parse(p, sizeof(p), hdr, &quote), 0);
	assert_int_equal(quote.proto, IP_PROTO_UDP);
	assert_int_equal(quote.ip.payload_len, 100);
	assert_ptr_equal(quote.l4, p + IP6_HDR_LEN + EXT);
	assert_int_equal(quote.l4_len, 8);
	assert_false(quote.is_later_frag);
}

static void quote_cut_anywhere_is_refused(void **state UNUSED)
{
	struct icmp6_hdr hdr = {.type = ICMP6_UNREACH};
	struct icmp6_quote quote = {.proto = 99};
	uint8_t p[QUOTE_LEN];

	quote_write(p);
	for (size_t n = 0; n < sizeof(p); n++) {
		assert_int_equal(quote_parse(p, n, hdr, &quote), -EBADMSG);
		assert_int_equal(quote.proto, 99);
	}
}

static void quote_that_lies_is_refused(void **state UNUSED)
{
	static const struct {
		size_t at;
		uint8_t value;
	} lies[] = {
		{0, 0x40},              /* version 4 */
		{5, 15},                /* a payload that ends before the ports */
		{IP6_HDR_LEN + 1, 4},   /* options beyond the quote */
		{6, IP_PROTO_FRAGMENT}, /* fine: a fragment header in their place */
	};
	struct icmp6_hdr hdr = {.type = ICMP6_UNREACH};
	struct icmp6_quote quote;
	uint8_t p[QUOTE_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		quote_write(p);
		p[lies[i].at] = lies[i].value;
		assert_int_equal(quote_parse(p, sizeof(p), hdr, &quote), i == 3 ? 0 : -EBADMSG);
	}
	assert_true(quote.is_later_frag); /* the options' padding is an offset now */
}

/* RFC 4884 §4: extensions come behind at least 128 bytes, of which the header says how many. */
static void extensions_are_no_part_of_the_quote(void **state UNUSED)
{
	struct icmp6_hdr hdr = {.type = ICMP6_UNREACH, .quote_len = 16};
	uint8_t p[128 + 12] = {0};
	struct icmp6_quote quote;

	quote_write(p);
	assert_int_equal(quote_parse(p, sizeof(p), hdr, &quote), 0);
	assert_int_equal(quote.l4_len, 128 - IP6_HDR_LEN - EXT);
	hdr.quote_len = 15; /* less than may be: no extensions */
	assert_int_equal(quote_parse(p, sizeof(p), hdr, &quote), 0);
	assert_int_equal(quote.l4_len, 100 - EXT);
	hdr.quote_len = 255;
	assert_int_equal(quote_parse(p, sizeof(p), hdr, &quote), 0);
	assert_int_equal(quote.l4_len, 100 - EXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_cut_anywhere_is_refused),
		cmocka_unit_test(header_of_any_type_is_read_as_it_was_written),
		cmocka_unit_test(types_below_128_are_errors_and_five_are_of_discovery),
		cmocka_unit_test(quote_is_found_behind_extension_headers),
		cmocka_unit_test(quote_cut_anywhere_is_refused),
		cmocka_unit_test(quote_that_lies_is_refused),
		cmocka_unit_test(extensions_are_no_part_of_the_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
