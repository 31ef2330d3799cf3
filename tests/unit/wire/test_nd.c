/* SPDX-License-Identifier: MIT */
/* Messages of neighbour discovery: router advertisements and options. */
#include "wire_test.h"

#include <errno.h>

#include "wire/nd.h"

static const struct ip6_addr site = {.b = {0x20, 1, 0x0d, 0xb8, 0, 5}};

static int opts_parse(const void *bytes, size_t len, struct nd_opts *ret)
{
	uint8_t *copy = exact_copy(bytes, len);
	struct rd r = rd_make(copy, len);
	int err = nd_opts_parse(&r, ret);

	free(copy);
	return err;
}

/* Every option that there is, once. */
static size_t all_write(uint8_t *p, size_t size)
{
	static const uint8_t nonce[ND_NONCE_LEN] = {1, 2, 3, 4, 5, 6};
	static const struct eth_addr mac = {.b = {2, 0, 0, 0, 0, 9}};
	static const uint8_t names[] = "\4weft\4test";
	struct wr w = wr_make(p, size);

	nd_opt_lladdr_write(&w, ND_OPT_SRC_LLADDR, &mac);
	nd_opt_lladdr_write(&w, ND_OPT_DST_LLADDR, &mac);
	nd_opt_nonce_write(&w, nonce);
	nd_opt_mtu_write(&w, 1400);
	nd_opt_prefix_write(&w, &(struct nd_prefix){.prefix = site,
						    .len = 64,
						    .autonomous = true,
						    .valid_s = 600,
						    .preferred_s = ND_INFINITE_S});
	nd_opt_route_write(
		&w, &(struct nd_route){
			    .prefix = site, .len = 48, .pref = ND_PREF_LOW, .lifetime_s = 7});
	nd_opt_rdnss_write(&w, &site, 1, 8);
	nd_opt_dnssl_write(&w, names, sizeof(names), 9);
	assert_true(wr_ok(&w));
	return (size_t)(w.p - p);
}

static void options_are_read_as_they_were_written(void **state UNUSED)
{
	uint8_t p[256];
	size_t len = all_write(p, sizeof(p));
	struct rd r = rd_make(p, len);
	struct nd_opts o;

	assert_int_equal(len % 8, 0);
	assert_int_equal(nd_opts_parse(&r, &o), 0);
	assert_true(o.has_src_lladdr && o.has_dst_lladdr && o.has_mtu && o.has_nonce);
	assert_int_equal(o.src_lladdr.b[5], 9);
	assert_int_equal(o.nonce[5], 6);
	assert_int_equal(o.mtu, 1400);
	assert_int_equal(o.n_prefixes, 1);
	assert_true(o.prefixes[0].autonomous && !o.prefixes[0].on_link);
	assert_int_equal(o.prefixes[0].valid_s, 600);
	assert_true(o.prefixes[0].preferred_s == ND_INFINITE_S);
	assert_int_equal(o.n_routes, 1);
	assert_int_equal(o.routes[0].len, 48);
	assert_int_equal(o.routes[0].pref, ND_PREF_LOW);
	assert_memory_equal(&o.routes[0].prefix, &site, sizeof(site));
	assert_int_equal(o.n_dns, 1);
	assert_int_equal(o.dns[0].lifetime_s, 8);
	assert_int_equal(o.dnssl_lifetime_s, 9);
	assert_memory_equal(o.dnssl, "\4weft\4test", 11);
}

/* RFC 4861 §4.6: one of length zero, or beyond the end, discards the whole message. */
static void options_cut_within_one_are_refused(void **state UNUSED)
{
	uint8_t p[256];
	size_t len = all_write(p, sizeof(p)), next = 0;

	for (size_t n = 0; n <= len; n++) {
		struct nd_opts o = {.mtu = 77};
		bool is_whole = n == next;

		assert_int_equal(opts_parse(p, n, &o), is_whole ? 0 : -EBADMSG);
		if (!is_whole)
			assert_int_equal(o.mtu, 77);
		else if (n < len)
			next += p[n + 1] * 8u;
	}
}

static void option_of_length_zero_discards_the_message(void **state UNUSED)
{
	static const uint8_t bytes[] = {1, 1, 2, 0, 0, 0, 0, 9, 99, 0, 0, 0, 0, 0, 0, 0};
	struct rd r = rd_make(bytes, sizeof(bytes));
	struct nd_lladdrs a;
	struct nd_opts o;

	assert_int_equal(opts_parse(bytes, sizeof(bytes), &o), -EBADMSG);
	assert_int_equal(nd_lladdrs_parse(&r, &a), -EBADMSG);
}

static void options_of_odd_lengths_or_unknown_are_passed_over(void **state UNUSED)
{
	static const uint8_t bytes[] = {
		1,  2, 2,  0,    0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, /* an address of 14 bytes */
		99, 1, 0,  0,    0, 0, 0, 0,                         /* unknown */
		5,  2, 0,  0,    0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* MTU of two units */
		3,  1, 64, 0xc0, 0, 0, 0, 9,                         /* a prefix without its end */
		24, 1, 1,  0,    0, 0, 0, 9,                         /* one bit of no prefix */
		24, 2, 0,  16,   0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, /* reserved preference */
		25, 1, 0,  0,    0, 0, 0, 9,                         /* no server */
		31, 1, 0,  0,    0, 0, 0, 9,                         /* no name */
	};
	struct nd_opts o;

	assert_int_equal(opts_parse(bytes, sizeof(bytes), &o), 0);
	assert_false(o.has_src_lladdr || o.has_mtu);
	assert_int_equal(o.n_prefixes + o.n_routes + o.n_dns, 0);
	assert_int_equal(o.dnssl_len, 0);
}

static void first_address_of_a_kind_counts(void **state UNUSED)
{
	static const uint8_t bytes[] = {1, 1, 2, 0, 0, 0, 0, 9, 1, 1, 2, 0, 0, 0, 0, 8};
	struct nd_opts o;

	assert_int_equal(opts_parse(bytes, sizeof(bytes), &o), 0);
	assert_int_equal(o.src_lladdr.b[5], 9);
}

static void bits_behind_a_prefix_are_cleared(void **state UNUSED)
{
	struct nd_prefix p = {.len = 61};
	uint8_t bytes[ND_PREFIX_OPT_LEN];
	struct wr w = wr_make(bytes, sizeof(bytes));
	struct nd_opts o;

	memset(&p.prefix, 0xff, sizeof(p.prefix));
	nd_opt_prefix_write(&w, &p);
	assert_int_equal(opts_parse(bytes, sizeof(bytes), &o), 0);
	assert_int_equal(o.prefixes[0].prefix.b[6], 0xff);
	assert_int_equal(o.prefixes[0].prefix.b[7], 0xf8);
	assert_int_equal(o.prefixes[0].prefix.b[8], 0);
	bytes[2] = 129; /* longer than an address */
	assert_int_equal(opts_parse(bytes, sizeof(bytes), &o), 0);
	assert_int_equal(o.n_prefixes, 0);
}

static void more_than_is_taken_is_ignored(void **state UNUSED)
{
	uint8_t bytes[ND_PREFIX_OPT_LEN * (ND_PREFIXES_MAX + 3)];
	struct wr w = wr_make(bytes, sizeof(bytes));
	struct nd_opts o;

	for (int i = 0; i < ND_PREFIXES_MAX + 3; i++)
		nd_opt_prefix_write(&w, &(struct nd_prefix){.prefix = site, .len = 64});
	assert_int_equal(opts_parse(bytes, sizeof(bytes), &o), 0);
	assert_int_equal(o.n_prefixes, ND_PREFIXES_MAX);
}

static void advertisement_is_read_as_it_was_written(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		struct nd_ra ra = {.hop_limit = (uint8_t)rng_u32(&rng),
				   .managed = rng_bool(&rng),
				   .other = rng_bool(&rng),
				   .pref = (uint8_t)(rng_u32(&rng) % 4),
				   .router_lifetime_s = (uint16_t)rng_u32(&rng),
				   .reachable_ms = rng_u32(&rng),
				   .retrans_ms = rng_u32(&rng)};
		uint8_t bytes[ND_RA_LEN - 8];
		struct wr w = wr_make(bytes, sizeof(bytes));
		struct rd r = rd_make(bytes, sizeof(bytes)), cut = rd_make(bytes, 7);
		struct nd_ra got;

		nd_ra_write(&w, &ra);
		assert_int_equal(nd_ra_parse(nd_ra_rest(&ra), &cut, &got), -EBADMSG);
		assert_int_equal(nd_ra_parse(nd_ra_rest(&ra), &r, &got), 0);
		/* RFC 4191 §2.2 */
		assert_int_equal(got.pref, ra.pref == ND_PREF_RESERVED ? ND_PREF_MEDIUM : ra.pref);
		assert_int_equal(got.hop_limit, ra.hop_limit);
		assert_int_equal(got.managed, ra.managed);
		assert_int_equal(got.other, ra.other);
		assert_int_equal(got.router_lifetime_s, ra.router_lifetime_s);
		assert_true(got.reachable_ms == ra.reachable_ms && got.retrans_ms == ra.retrans_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read_as_they_were_written),
		cmocka_unit_test(options_cut_within_one_are_refused),
		cmocka_unit_test(option_of_length_zero_discards_the_message),
		cmocka_unit_test(options_of_odd_lengths_or_unknown_are_passed_over),
		cmocka_unit_test(first_address_of_a_kind_counts),
		cmocka_unit_test(bits_behind_a_prefix_are_cleared),
		cmocka_unit_test(more_than_is_taken_is_ignored),
		cmocka_unit_test(advertisement_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
