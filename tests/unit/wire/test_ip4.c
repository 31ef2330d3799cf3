/* SPDX-License-Identifier: MIT */
/* IPv4 headers, their checksum, and options. */
#include "wire_test.h"

#include <errno.h>

#include "wire/ip4.h"

/* A well-known header whose checksum is 0xb861, and four bytes of payload; tot_len adapted where a
 * test parses it. */
static const uint8_t known[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
				0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

/* A good header of a whole datagram with 8 bytes of payload; a test names only what it changes. */
#define HDR(...)                                            \
	((struct ip4_hdr){.version = 4,                     \
			  .hdr_len = IP4_HDR_LEN,           \
			  .tot_len = IP4_HDR_LEN + 8,       \
			  .ttl = 64,                        \
			  .proto = IP_PROTO_UDP,            \
			  .df = true,                       \
			  .src = IP4_ADDR(192, 0, 2, 1),    \
			  .dst = IP4_ADDR(198, 51, 100, 2), \
			  __VA_ARGS__})

static void known_header_is_read_field_by_field(void **state UNUSED)
{
	struct ip4_hdr hdr;

	ip4_hdr_read(known, &hdr);
	assert_int_equal(hdr.version, 4);
	assert_int_equal(hdr.hdr_len, 20);
	assert_int_equal(hdr.tot_len, 0x73);
	assert_int_equal(hdr.id, 0);
	assert_true(hdr.df);
	assert_false(hdr.mf || hdr.rf);
	assert_int_equal(hdr.frag_off, 0);
	assert_false(ip4_hdr_is_frag(&hdr));
	assert_int_equal(hdr.ttl, 64);
	assert_int_equal(hdr.proto, IP_PROTO_UDP);
	assert_int_equal(hdr.csum, 0xb861);
	assert_true(ip4_addr_eq(&hdr.src, &IP4_ADDR(192, 168, 0, 1)));
	assert_true(ip4_addr_eq(&hdr.dst, &IP4_ADDR(192, 168, 0, 199)));
	assert_true(ip4_hdr_csum_ok(known, sizeof(known)));
}

static void known_header_is_written_with_its_checksum(void **state UNUSED)
{
	uint8_t out[IP4_HDR_LEN];
	struct ip4_hdr hdr;

	ip4_hdr_read(known, &hdr);
	hdr.csum = 0xdead;
	ip4_hdr_write(out, &hdr);
	assert_memory_equal(out, known, sizeof(known));
}

static void any_flipped_bit_breaks_the_checksum(void **state UNUSED)
{
	uint8_t copy[sizeof(known)];

	for (size_t bit = 0; bit < sizeof(known) * 8; bit++) {
		memcpy(copy, known, sizeof(known));
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(ip4_hdr_csum_ok(copy, sizeof(copy)));
	}
}

static void parse_with_options(struct rd *r, size_t len)
{
	struct ip4_hdr hdr = {.tot_len = 1};
	const uint8_t *start = r->p;
	enum ip4_hdr_err err = ip4_hdr_parse(r, &hdr);

	if (len == 36) {
		assert_int_equal(err, IP4_HDR_OK);
		assert_int_equal(hdr.hdr_len, 28);
		assert_int_equal(rd_left(r), 8);
		return;
	}
	assert_int_equal(err, len < 28 ? IP4_HDR_SHORT : IP4_HDR_TRUNCATED);
	assert_int_equal(hdr.tot_len, 1);
	assert_ptr_equal(r->p, start);
}

static void datagram_cut_anywhere_is_refused_with_its_reason(void **state UNUSED)
{
	uint8_t bytes[36] = {0};

	ip4_hdr_write(bytes, &HDR(.hdr_len = 28, .tot_len = 36));
	each_truncation(bytes, sizeof(bytes), parse_with_options);
}

static void each_bad_header_has_its_own_reason(void **state UNUSED)
{
	const struct {
		struct ip4_hdr hdr;
		size_t len;
		enum ip4_hdr_err want;
	} cases[] = {
		{HDR(), 28, IP4_HDR_OK},
		{HDR(), 60, IP4_HDR_OK}, /* padding */
		{HDR(.version = 6), 28, IP4_HDR_VERSION},
		{HDR(.version = 0), 28, IP4_HDR_VERSION},
		{HDR(.hdr_len = 16), 28, IP4_HDR_IHL},
		{HDR(.hdr_len = 0), 28, IP4_HDR_IHL},
		{HDR(.hdr_len = 32), 28, IP4_HDR_SHORT},
		{HDR(.tot_len = 19), 28, IP4_HDR_TOT_SHORT},
		{HDR(.tot_len = 0), 28, IP4_HDR_TOT_SHORT},
		{HDR(.hdr_len = 24, .tot_len = 23), 28, IP4_HDR_TOT_SHORT},
		{HDR(.tot_len = 20), 20, IP4_HDR_OK},
		{HDR(.tot_len = 29), 28, IP4_HDR_TRUNCATED},
		{HDR(.tot_len = 65535), 65534, IP4_HDR_TRUNCATED},
		{HDR(.tot_len = 65535), 65535, IP4_HDR_OK},
		{HDR(.frag_off = 65504), 28, IP4_HDR_OK},
		{HDR(.frag_off = 65512), 28, IP4_HDR_FRAG_RANGE},
		{HDR(.frag_off = 65528), 28, IP4_HDR_FRAG_RANGE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ip4_hdr_check(&cases[i].hdr, cases[i].len), cases[i].want);
}

static void headers_at_random_are_written_as_they_were_read(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[IP4_HDR_MAX], out[IP4_HDR_MAX];
		size_t hdr_len = 20 + rng_u32(&rng) % 11 * 4;
		struct ip4_hdr hdr;

		rng_bytes(&rng, in, sizeof(in));
		in[0] = (uint8_t)(0x40 | hdr_len / 4);
		ip4_hdr_csum_set(in, hdr_len);
		assert_true(ip4_hdr_csum_ok(in, hdr_len));
		memcpy(out + 20, in + 20, sizeof(in) - 20);
		ip4_hdr_read(in, &hdr);
		ip4_hdr_write(out, &hdr);
		assert_memory_equal(in, out, hdr_len);
		assert_int_equal(ip4_hdr_is_frag(&hdr), hdr.mf || hdr.frag_off);
	}
}

/* One's complement has two zeros; the update must agree with a checksum computed anew, bit by bit
 * (RFC 1624 §4 is about getting that wrong). */
static void ttl_decrement_gives_the_checksum_computed_anew(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (uint32_t id = 0; id < 0x10000; id += id < 0x100 || id > 0xff00 ? 1 : 97) {
		uint8_t hdr[IP4_HDR_LEN], anew[IP4_HDR_LEN];

		ip4_hdr_write(hdr, &HDR(.id = (uint16_t)id, .ttl = (uint8_t)(1 + id % 255),
					.proto = (uint8_t)rng_u32(&rng)));
		memcpy(anew, hdr, sizeof(anew));
		anew[8]--;
		ip4_hdr_csum_set(anew, sizeof(anew));
		ip4_ttl_dec(hdr);
		assert_memory_equal(hdr, anew, sizeof(hdr));
	}
}

static void ecn_mark_changes_two_bits_and_the_checksum(void **state UNUSED)
{
	for (uint32_t tos = 0; tos < 256; tos++) {
		uint8_t hdr[IP4_HDR_LEN], anew[IP4_HDR_LEN];

		ip4_hdr_write(hdr, &HDR(.tos = (uint8_t)tos));
		ip4_hdr_write(anew, &HDR(.tos = (uint8_t)(tos | IP_ECN_CE)));
		ip4_ecn_set(hdr, IP_ECN_CE);
		assert_memory_equal(hdr, anew, sizeof(hdr));
	}
}

/* A header with `len` option bytes, in a block of its own size. */
static uint8_t *with_options(const void *opts, size_t len, struct ip4_opts_iter *ret_it)
{
	uint8_t bytes[IP4_HDR_MAX] = {0};

	memcpy(bytes + IP4_HDR_LEN, opts, len);
	uint8_t *copy = exact_copy(bytes, IP4_HDR_LEN + len);

	*ret_it = ip4_opts_iter(copy, IP4_HDR_LEN + len);
	return copy;
}

static void options_are_iterated_with_their_fields(void **state UNUSED)
{
	static const uint8_t opts[] = {
		IP4_OPT_NOP,                           /* 20 */
		IP4_OPT_RR,   7,  4, 0,    0, 0, 0,    /* 21 */
		IP4_OPT_TS,   8,  5, 0x21, 0, 0, 0, 0, /* 28 */
		IP4_OPT_RA,   4,  0, 7,                /* 36 */
		IP4_OPT_SSRR, 7,  8, 192,  0, 2, 1,    /* 40 */
		0x5e,         3,  9,                   /* 47: unknown */
		IP4_OPT_EOL,  99,                      /* not looked at */
	};
	struct ip4_opts_iter it;
	struct ip4_opt opt;
	uint8_t *hdr = with_options(opts, sizeof(opts), &it);

	assert_int_equal(ip4_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, IP4_OPT_NOP);
	assert_int_equal(opt.len, 1);
	assert_int_equal(ip4_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, IP4_OPT_RR);
	assert_int_equal(opt.off, 21);
	assert_int_equal(opt.ptr, 4);
	assert_int_equal(ip4_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, IP4_OPT_TS);
	assert_int_equal(opt.ts_overflow, 2);
	assert_int_equal(opt.ts_flag, IP4_OPT_TS_ADDR);
	assert_int_equal(ip4_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, IP4_OPT_RA);
	assert_int_equal(opt.ra_value, 7);
	assert_int_equal(ip4_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, IP4_OPT_SSRR);
	assert_true(opt.ptr > opt.len); /* full */
	assert_int_equal(opt.data[1], 192);
	assert_int_equal(ip4_opts_next(&it, &opt), 1);
	assert_int_equal(opt.type, 0x5e);
	assert_int_equal(opt.off, 47);
	assert_int_equal(ip4_opts_next(&it, &opt), 0);
	assert_int_equal(ip4_opts_next(&it, &opt), 0);
	assert_int_equal(opt.type, 0x5e);
	free(hdr);
}

static void header_without_options_has_none(void **state UNUSED)
{
	struct ip4_opts_iter it;
	struct ip4_opt opt;
	uint8_t *hdr = with_options("", 0, &it);

	assert_int_equal(ip4_opts_next(&it, &opt), 0);
	free(hdr);
}

static void malformed_option_is_refused_and_points_at_the_byte(void **state UNUSED)
{
	const struct {
		uint8_t opts[8];
		size_t len;
		uint8_t err_off;
	} cases[] = {
		{{IP4_OPT_RR}, 1, 20},                        /* no length */
		{{IP4_OPT_NOP, IP4_OPT_RR, 0, 0}, 4, 22},     /* length 0 */
		{{IP4_OPT_RR, 1, 4, 0}, 4, 21},               /* length 1 */
		{{IP4_OPT_RR, 2, 4, 0}, 4, 21},               /* no pointer */
		{{IP4_OPT_RR, 5, 4, 0}, 4, 21},               /* past the end */
		{{IP4_OPT_RR, 255, 4, 0}, 4, 21},             /* far past the end */
		{{IP4_OPT_RR, 7, 3, 0, 0, 0, 0, 0}, 8, 22},   /* pointer before the data */
		{{IP4_OPT_LSRR, 7, 5, 0, 0, 0, 0, 0}, 8, 22}, /* pointer into an address */
		{{IP4_OPT_TS, 3, 5, 0}, 4, 21},               /* no flags */
		{{IP4_OPT_TS, 8, 4, 0, 0, 0, 0, 0}, 8, 22},   /* pointer before the data */
		{{IP4_OPT_TS, 8, 6, 0, 0, 0, 0, 0}, 8, 22},   /* pointer into an entry */
		{{IP4_OPT_TS, 8, 9, 1, 0, 0, 0, 0}, 8, 22},   /* the same, with addresses */
		{{IP4_OPT_TS, 8, 5, 2, 0, 0, 0, 0}, 8, 22},   /* unknown flag */
		{{IP4_OPT_RA, 3, 0, 0}, 4, 21},               /* wrong length */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip4_opts_iter it;
		struct ip4_opt opt = {.type = 99};
		uint8_t *hdr = with_options(cases[i].opts, cases[i].len, &it);
		int err;

		while ((err = ip4_opts_next(&it, &opt)) > 0)
			assert_int_equal(opt.type, IP4_OPT_NOP);
		assert_int_equal(err, -EBADMSG);
		assert_int_equal(it.err_off, cases[i].err_off);
		assert_int_equal(ip4_opts_next(&it, &opt), 0); /* and no more */
		free(hdr);
	}
}

static void options_at_random_end_within_their_bytes(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM * 10; i++) {
		uint8_t opts[IP4_OPTS_MAX];
		size_t len = rng_u32(&rng) % 11 * 4;
		struct ip4_opts_iter it;
		struct ip4_opt opt;
		uint8_t *hdr;
		size_t pos = IP4_HDR_LEN;
		int err;

		rng_bytes(&rng, opts, sizeof(opts));
		for (size_t j = 0; j < sizeof(opts); j++) /* mostly small, so that lengths fit */
			opts[j] &= rng_bool(&rng) ? 0x07 : 0xff;
		hdr = with_options(opts, len, &it);
		while ((err = ip4_opts_next(&it, &opt)) > 0) {
			assert_int_equal(opt.off, pos);
			pos += opt.len;
			assert_true(pos <= IP4_HDR_LEN + len);
		}
		assert_true(err == 0 || it.err_off < IP4_HDR_LEN + len + 1);
		free(hdr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_header_is_read_field_by_field),
		cmocka_unit_test(known_header_is_written_with_its_checksum),
		cmocka_unit_test(any_flipped_bit_breaks_the_checksum),
		cmocka_unit_test(datagram_cut_anywhere_is_refused_with_its_reason),
		cmocka_unit_test(each_bad_header_has_its_own_reason),
		cmocka_unit_test(headers_at_random_are_written_as_they_were_read),
		cmocka_unit_test(ttl_decrement_gives_the_checksum_computed_anew),
		cmocka_unit_test(ecn_mark_changes_two_bits_and_the_checksum),
		cmocka_unit_test(options_are_iterated_with_their_fields),
		cmocka_unit_test(header_without_options_has_none),
		cmocka_unit_test(malformed_option_is_refused_and_points_at_the_byte),
		cmocka_unit_test(options_at_random_end_within_their_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
