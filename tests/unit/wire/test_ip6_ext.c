/* SPDX-License-Identifier: MIT */
/* Extension headers of IPv6: options and their padding, fragment headers, chains. */
#include "wire_test.h"

#include <errno.h>

#include "wire/ip4.h"
#include "wire/ip6_ext.h"

/* What the options of a header of `len` bytes come to: how many, or the error. */
static int count_opts(const uint8_t *hdr, uint16_t len, uint16_t *ret_off)
{
	uint8_t *copy = exact_copy(hdr, len);
	struct ip6_opts_iter it = ip6_opts_iter(copy, len);
	struct ip6_opt opt;
	int err, n = 0;

	while ((err = ip6_opts_next(&it, &opt)) > 0) {
		assert_true(opt.off + 2 + opt.len <= len);
		n++;
	}
	*ret_off = it.off;
	free(copy);
	return err ? err : n;
}

static void options_are_found_between_padding(void **state UNUSED)
{
	static const uint8_t hdr[] = {58, 1, 1, 0, 5, 2, 0, 7, 0, 0x1e, 1, 9, 1, 2, 0, 0};
	struct ip6_opts_iter it = ip6_opts_iter(hdr, sizeof(hdr));
	struct ip6_opt opt;

	assert_int_equal(ip6_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, IP6_OPT_ROUTER_ALERT);
	assert_int_equal(opt.off, 4);
	assert_int_equal(opt.len, 2);
	assert_int_equal(opt.data[1], 7);
	assert_int_equal(ip6_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, 0x1e);
	assert_int_equal(opt.off, 9);
	assert_int_equal(ip6_opts_next(&it, &opt), 0);
	assert_int_equal(ip6_opts_next(&it, &opt), 0);
}

static void options_beyond_their_header_are_refused_where_they_begin(void **state UNUSED)
{
	static const struct {
		uint8_t hdr[8];
		uint16_t off;
	} cases[] = {
		{{58, 0, 5, 20, 0, 0, 0, 0}, 2}, /* too long */
		{{58, 0, 5, 5, 0, 0, 0, 0}, 2},  /* by one byte */
		{{58, 0, 1, 3, 0, 0, 0, 5}, 7},  /* no room for a length */
		{{58, 0, 1, 255, 0, 0, 0, 0}, 2},
	};
	uint16_t off;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(count_opts(cases[i].hdr, 8, &off), -EBADMSG);
		assert_int_equal(off, cases[i].off);
	}
}

/* RFC 4942 §2.1.9.5: padding carries nothing, and is as long as it must be. */
static void padding_that_no_honest_sender_makes_is_refused(void **state UNUSED)
{
	static const struct {
		uint8_t hdr[16];
		uint16_t len;
		int want;
	} cases[] = {
		{{58, 0, 1, 4}, 8, 0},
		{{58, 0, 0, 0, 0, 0, 0, 0}, 8, 0},
		{{58, 1, 0, 1, 4, 0, 0, 0, 0, 5, 2, 0, 0, 1, 1}, 16, 1}, /* 7 bytes, and 3 behind */
		{{58, 0, 1, 4, 0, 0, 0, 9}, 8, -EINVAL},                 /* not zero */
		{{58, 1, 1, 12}, 16, -EINVAL},                           /* too much at once */
		{{58, 1, 1, 4, 0, 0, 0, 0, 1, 6}, 16, -EINVAL},          /* too much together */
		{{58, 1}, 16, -EINVAL},                                  /* of single bytes */
	};
	uint16_t off;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(count_opts(cases[i].hdr, cases[i].len, &off), cases[i].want);
}

static void fragment_header_is_read_as_it_was_written(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		struct ip6_frag frag = {.id = rng_u32(&rng),
					.off = (uint16_t)(rng_u32(&rng) & 0xfff8),
					.next_hdr = (uint8_t)rng_u32(&rng),
					.more = rng_bool(&rng)};
		uint8_t bytes[IP6_FRAG_LEN];
		struct ip6_frag got;

		ip6_frag_write(bytes, &frag);
		assert_int_equal(bytes[1], 0);
		bytes[1] = 0xff; /* reserved: not looked at */
		bytes[3] |= 6;
		ip6_frag_read(bytes, &got);
		assert_int_equal(got.id, frag.id);
		assert_int_equal(got.off, frag.off);
		assert_int_equal(got.next_hdr, frag.next_hdr);
		assert_int_equal(got.more, frag.more);
	}
}

/* Hop-by-hop, destination options of 16 bytes, a fragment header, then UDP. */
static const uint8_t chain_bytes[] = {
	IP_PROTO_DSTOPTS,
	0,
	1,
	4,
	0,
	0,
	0,
	0, /* hop by hop */
	IP_PROTO_FRAGMENT,
	1,
	0x1e,
	6,
	0,
	0,
	0,
	0,
	0,
	0,
	1,
	4,
	0,
	0,
	0,
	0, /* options */
	IP_PROTO_UDP,
	9,
	0,
	1,
	1,
	2,
	3,
	4, /* fragment */
	0x17,
	0x70, /* payload */
};

static void chain_leads_to_the_transport(void **state UNUSED)
{
	struct ip6_chain chain;

	assert_int_equal(ip6_chain_skip(chain_bytes, sizeof(chain_bytes), IP_PROTO_HOPOPTS, &chain),
			 0);
	assert_int_equal(chain.proto, IP_PROTO_UDP);
	assert_int_equal(chain.len,
			 32); /* a fragment header has 8 bytes whatever its second says */
	assert_int_equal(chain.next_off, 24);
	assert_false(chain.is_later_frag);
	assert_int_equal(ip6_chain_skip(NULL, 0, IP_PROTO_UDP, &chain), 0);
	assert_int_equal(chain.len, 0);
	assert_true(chain.next_off == UINT32_MAX);
}

static void chain_cut_anywhere_is_refused(void **state UNUSED)
{
	for (size_t n = 0; n < 32; n++) {
		uint8_t *copy = exact_copy(chain_bytes, n);
		struct ip6_chain chain = {.proto = 99};

		assert_int_equal(ip6_chain_skip(copy, n, IP_PROTO_HOPOPTS, &chain), -EBADMSG);
		assert_int_equal(chain.proto, 99);
		free(copy);
	}
}

static void chain_ends_at_a_later_fragment(void **state UNUSED)
{
	static const uint8_t bytes[] = {IP_PROTO_DSTOPTS, 0, 0, 8, 0, 0, 0, 1};
	struct ip6_chain chain;

	assert_int_equal(ip6_chain_skip(bytes, sizeof(bytes), IP_PROTO_FRAGMENT, &chain), 0);
	assert_true(chain.is_later_frag);
	assert_int_equal(chain.proto, IP_PROTO_DSTOPTS); /* what the first fragment had */
	assert_int_equal(chain.len, IP6_FRAG_LEN);
}

static void chain_of_too_many_headers_is_refused(void **state UNUSED)
{
	uint8_t bytes[(IP6_EXTS_MAX + 1) * 8] = {0};
	struct ip6_chain chain;

	for (size_t i = 0; i < sizeof(bytes); i += 8)
		memcpy(bytes + i, (uint8_t[]){IP_PROTO_DSTOPTS, 0, 1, 4}, 4);
	bytes[IP6_EXTS_MAX * 8 - 8] = IP_PROTO_UDP;
	assert_int_equal(ip6_chain_skip(bytes, sizeof(bytes), IP_PROTO_DSTOPTS, &chain), 0);
	assert_int_equal(chain.len, IP6_EXTS_MAX * 8);
	bytes[IP6_EXTS_MAX * 8 - 8] = IP_PROTO_DSTOPTS;
	bytes[IP6_EXTS_MAX * 8] = IP_PROTO_UDP;
	assert_int_equal(ip6_chain_skip(bytes, sizeof(bytes), IP_PROTO_DSTOPTS, &chain), -EBADMSG);
}

static void chain_of_random_bytes_stays_within_them(void **state UNUSED)
{
	static const uint8_t kinds[] = {IP_PROTO_HOPOPTS, IP_PROTO_ROUTING, IP_PROTO_DSTOPTS,
					IP_PROTO_FRAGMENT};
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		size_t len = rng_u32(&rng) % 64;
		struct ip6_chain chain;
		uint8_t bytes[64], *copy;

		rng_bytes(&rng, bytes, sizeof(bytes));
		for (size_t at = 0; at < sizeof(bytes); at += 8) {
			bytes[at] = kinds[rng_u32(&rng) % ARRAY_SIZE(kinds)];
			bytes[at + 1] %= 3;
		}
		copy = exact_copy(bytes, len);
		if (ip6_chain_skip(copy, len, kinds[i % 4], &chain) == 0)
			assert_true(chain.len <= len);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_found_between_padding),
		cmocka_unit_test(options_beyond_their_header_are_refused_where_they_begin),
		cmocka_unit_test(padding_that_no_honest_sender_makes_is_refused),
		cmocka_unit_test(fragment_header_is_read_as_it_was_written),
		cmocka_unit_test(chain_leads_to_the_transport),
		cmocka_unit_test(chain_cut_anywhere_is_refused),
		cmocka_unit_test(chain_ends_at_a_later_fragment),
		cmocka_unit_test(chain_of_too_many_headers_is_refused),
		cmocka_unit_test(chain_of_random_bytes_stays_within_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
