/* SPDX-License-Identifier: MIT */
/* TCP headers and options; the option layouts are Linux's, byte by byte. */
#include "wire_test.h"

#include <errno.h>

#include "wire/tcp.h"

static void parse_hdr(struct rd *r, size_t len)
{
	struct tcp_hdr hdr = {.wnd = 99};

	if (len < 32) {
		assert_int_equal(tcp_hdr_parse(r, &hdr), -EBADMSG);
		assert_int_equal(hdr.wnd, 99);
		return;
	}
	assert_int_equal(tcp_hdr_parse(r, &hdr), 0);
	assert_int_equal(rd_left(r), len - 32);
	assert_int_equal(hdr.src_port, 49500);
	assert_int_equal(hdr.dst_port, 80);
	assert_int_equal(hdr.seq, 0x01020304);
	assert_int_equal(hdr.ack, 0xf1f2f3f4);
	assert_int_equal(hdr.data_off, 32);
	assert_int_equal(hdr.flags, TCP_F_ACK | TCP_F_PSH | TCP_F_AE);
	assert_int_equal(hdr.wnd, 501);
	assert_int_equal(hdr.csum, 0xabcd);
	assert_int_equal(hdr.urg, 7);
}

static void segment_cut_anywhere_in_its_header_is_refused(void **state UNUSED)
{
	uint8_t bytes[35] = {0};

	tcp_hdr_write(bytes, &(struct tcp_hdr){.src_port = 49500,
					       .dst_port = 80,
					       .seq = 0x01020304,
					       .ack = 0xf1f2f3f4,
					       .data_off = 32,
					       .flags = TCP_F_ACK | TCP_F_PSH | TCP_F_AE,
					       .wnd = 501,
					       .csum = 0xabcd,
					       .urg = 7});
	each_truncation(bytes, sizeof(bytes), parse_hdr);
}

static void data_offset_below_the_header_is_refused(void **state UNUSED)
{
	for (uint8_t words = 0; words < 16; words++) {
		uint8_t bytes[TCP_HDR_MAX] = {[12] = (uint8_t)(words << 4)};
		struct rd r = rd_make(bytes, sizeof(bytes));
		struct tcp_hdr hdr;

		assert_int_equal(tcp_hdr_parse(&r, &hdr), words < 5 ? -EBADMSG : 0);
	}
}

static void each_flag_is_where_it_belongs(void **state UNUSED)
{
	const struct {
		uint8_t b12, b13;
		uint16_t flag;
	} cases[] = {
		{0, 0x01, TCP_F_FIN}, {0, 0x02, TCP_F_SYN}, {0, 0x04, TCP_F_RST},
		{0, 0x08, TCP_F_PSH}, {0, 0x10, TCP_F_ACK}, {0, 0x20, TCP_F_URG},
		{0, 0x40, TCP_F_ECE}, {0, 0x80, TCP_F_CWR}, {1, 0x00, TCP_F_AE},
		{0x0e, 0, 0}, /* reserved: ignored */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t bytes[TCP_HDR_LEN] = {[12] = cases[i].b12, [13] = cases[i].b13};
		struct tcp_hdr hdr;

		tcp_hdr_read(bytes, &hdr);
		assert_int_equal(hdr.flags, cases[i].flag);
	}
}

static void headers_at_random_are_written_as_they_were_read(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[TCP_HDR_LEN], out[TCP_HDR_LEN];
		struct tcp_hdr hdr;

		rng_bytes(&rng, in, sizeof(in));
		in[12] &= 0xf1;
		tcp_hdr_read(in, &hdr);
		tcp_hdr_write(out, &hdr);
		assert_memory_equal(in, out, sizeof(in));
	}
}

/* Parses from a block of the options' own size, which the caller frees. */
static int parse_exact(const uint8_t *bytes, size_t len, struct tcp_opts *ret, uint8_t **ret_copy)
{
	*ret_copy = exact_copy(bytes, len);
	return tcp_opts_parse(*ret_copy, len, ret);
}

static void assert_written(const struct tcp_opts *opts, const uint8_t *want, size_t len)
{
	uint8_t out[TCP_OPTS_MAX];

	assert_int_equal(tcp_opts_len(opts), len);
	assert_int_equal(tcp_opts_write(out, opts), len);
	assert_memory_equal(out, want, len);
}

static void linux_syn_is_read_and_written(void **state UNUSED)
{
	static const uint8_t syn[] = {2,    4,    0x05, 0xb4, 4, 2, 8, 10, 0x11, 0x22,
				      0x33, 0x44, 0,    0,    0, 0, 1, 3,  3,    7};
	struct tcp_opts opts;
	uint8_t *copy;

	assert_int_equal(parse_exact(syn, sizeof(syn), &opts, &copy), 0);
	assert_true(opts.has_mss && opts.has_wscale && opts.sack_ok && opts.has_ts);
	assert_false(opts.has_tfo);
	assert_null(opts.md5);
	assert_int_equal(opts.mss, 1460);
	assert_int_equal(opts.wscale, 7);
	assert_int_equal(opts.ts_val, 0x11223344);
	assert_int_equal(opts.ts_ecr, 0);
	assert_int_equal(opts.n_sack, 0);
	assert_int_equal(opts.n_unknown, 0);
	assert_written(&opts, syn, sizeof(syn));
	free(copy);
}

static void timestamps_alone_take_the_short_way(void **state UNUSED)
{
	static const uint8_t data[] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
	struct tcp_opts opts;
	uint8_t *copy;

	memset(&opts, 0xff, sizeof(opts));
	assert_true(tcp_opts_is_ts_only(data, sizeof(data)));
	assert_int_equal(parse_exact(data, sizeof(data), &opts, &copy), 0);
	assert_true(opts.has_ts);
	assert_int_equal(opts.ts_val, 0x01020304);
	assert_int_equal(opts.ts_ecr, 0x05060708);
	assert_false(opts.has_mss || opts.has_wscale || opts.sack_ok || opts.has_tfo);
	assert_int_equal(opts.n_sack, 0);
	assert_null(opts.md5);
	assert_written(&opts, data, sizeof(data));
	free(copy);
}

static void timestamps_in_another_layout_give_the_same(void **state UNUSED)
{
	static const uint8_t data[] = {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0};
	struct tcp_opts opts;
	uint8_t *copy;

	assert_false(tcp_opts_is_ts_only(data, sizeof(data)));
	assert_int_equal(parse_exact(data, sizeof(data), &opts, &copy), 0);
	assert_true(opts.has_ts);
	assert_int_equal(opts.ts_val, 0x01020304);
	assert_int_equal(opts.ts_ecr, 0x05060708);
	free(copy);
}

static void three_sack_blocks_fit_beside_timestamps(void **state UNUSED)
{
	static const uint8_t ack[] = {1, 1,  8, 10, 1,    2,    3,    4,    5, 6, 7, 8, 1, 1,
				      5, 26, 0, 0,  0,    1,    0,    0,    0, 2, 0, 0, 0, 3,
				      0, 0,  0, 4,  0xff, 0xff, 0xff, 0xff, 0, 0, 0, 6};
	struct tcp_opts opts;
	uint8_t *copy;

	assert_int_equal(parse_exact(ack, sizeof(ack), &opts, &copy), 0);
	assert_int_equal(opts.n_sack, 3);
	assert_int_equal(opts.sack[0].start, 1);
	assert_int_equal(opts.sack[1].end, 4);
	assert_int_equal(opts.sack[2].start, 0xffffffff);
	assert_int_equal(opts.sack[2].end, 6);
	assert_written(&opts, ack, sizeof(ack));
	assert_int_equal(tcp_opts_sack_room(&opts), 3);
	free(copy);
}

static void sack_room_is_what_the_other_options_leave(void **state UNUSED)
{
	static const uint8_t md5[TCP_MD5_LEN];
	const struct {
		struct tcp_opts opts;
		unsigned int want;
	} cases[] = {
		{{.mss = 0}, 4},
		{{.has_ts = true}, 3},
		{{.has_ts = true, .sack_ok = true}, 3},
		{{.md5 = md5}, 2},
		{{.md5 = md5, .has_ts = true}, 0},
		{{.md5 = md5, .has_ts = true, .has_tfo = true, .tfo_len = 16}, 0},
		{{.has_mss = true, .has_wscale = true}, 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tcp_opts opts = cases[i].opts;

		assert_int_equal(tcp_opts_sack_room(&opts), cases[i].want);
		opts.n_sack = (uint8_t)cases[i].want;
		if (cases[i].want > 0)
			assert_true(tcp_opts_len(&opts) <= TCP_OPTS_MAX);
	}
}

static void syn_without_timestamps_pads_each_option(void **state UNUSED)
{
	static const uint8_t syn[] = {2, 4, 0x02, 0x18, 1, 1, 4, 2, 1, 3, 3, 14};
	const struct tcp_opts opts = {.has_mss = true,
				      .mss = 536,
				      .sack_ok = true,
				      .has_wscale = true,
				      .wscale = TCP_WSCALE_MAX};

	assert_written(&opts, syn, sizeof(syn));
}

static void fast_open_cookie_is_read_and_written_in_both_forms(void **state UNUSED)
{
	static const uint8_t standard[] = {34, 8, 1, 2, 3, 4, 5, 6};
	static const uint8_t experimental[] = {254, 8, 0xf9, 0x89, 1, 2, 3, 4};
	static const uint8_t request[] = {34, 2, 1, 1};
	static const uint8_t padded[] = {34, 6, 1, 2, 3, 4, 1, 1};
	struct tcp_opts opts;
	uint8_t *copy;

	assert_int_equal(parse_exact(standard, sizeof(standard), &opts, &copy), 0);
	assert_true(opts.has_tfo && !opts.tfo_exp);
	assert_int_equal(opts.tfo_len, 6);
	assert_memory_equal(opts.tfo, standard + 2, 6);
	assert_written(&opts, standard, sizeof(standard));
	free(copy);
	assert_int_equal(parse_exact(experimental, sizeof(experimental), &opts, &copy), 0);
	assert_true(opts.has_tfo && opts.tfo_exp);
	assert_int_equal(opts.tfo_len, 4);
	assert_written(&opts, experimental, sizeof(experimental));
	free(copy);
	assert_int_equal(parse_exact(request, sizeof(request), &opts, &copy), 0);
	assert_true(opts.has_tfo && !opts.tfo_exp);
	assert_int_equal(opts.tfo_len, 0);
	assert_written(&opts, request, sizeof(request));
	free(copy);
	assert_int_equal(parse_exact(padded, sizeof(padded), &opts, &copy), 0);
	assert_written(&opts, padded, sizeof(padded));
	free(copy);
}

static void md5_digest_comes_first(void **state UNUSED)
{
	uint8_t want[24] = {1, 1, 19, 18, [20] = 2, 4, 5, 180};
	struct tcp_opts opts;
	uint8_t *copy;

	memset(want + 4, 0xab, TCP_MD5_LEN);
	assert_int_equal(parse_exact(want, sizeof(want), &opts, &copy), 0);
	assert_non_null(opts.md5);
	assert_memory_equal(opts.md5, want + 4, TCP_MD5_LEN);
	assert_int_equal(opts.mss, 1460);
	assert_written(&opts, want, sizeof(want));
	free(copy);
}

static void malformed_length_is_refused(void **state UNUSED)
{
	const struct {
		uint8_t bytes[8];
		size_t len;
	} cases[] = {
		{{2}, 1},                       /* no length */
		{{1, 1, 1, 8}, 4},              /* the same at the end */
		{{2, 0, 5, 180}, 4},            /* 0 would loop for ever */
		{{2, 1, 5, 180}, 4},            /* 1 as well */
		{{2, 5, 5, 180}, 4},            /* one too far */
		{{99, 255, 0, 0}, 4},           /* unknown, too far */
		{{5, 10, 0, 0, 0, 1, 0, 0}, 8}, /* SACK block cut off */
		{{254, 2, 99, 3}, 4},           /* after a short experiment */
		{{19, 18, 0, 0}, 4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tcp_opts opts;
		uint8_t *copy;

		assert_int_equal(parse_exact(cases[i].bytes, cases[i].len, &opts, &copy), -EBADMSG);
		free(copy);
	}
}

static void options_before_a_malformed_one_are_kept(void **state UNUSED)
{
	static const uint8_t bytes[] = {2, 4, 5, 180, 3, 0, 0, 0};
	struct tcp_opts opts;

	assert_int_equal(tcp_opts_parse(bytes, sizeof(bytes), &opts), -EBADMSG);
	assert_true(opts.has_mss);
	assert_int_equal(opts.mss, 1460);
	assert_false(opts.has_wscale);
}

static void known_option_of_the_wrong_length_is_skipped(void **state UNUSED)
{
	const struct {
		uint8_t bytes[24];
		size_t len;
	} cases[] = {
		{{2, 3, 5, 1}, 4},
		{{2, 2, 1, 1}, 4},
		{{3, 2, 1, 1}, 4},
		{{3, 4, 7, 7}, 4},
		{{4, 3, 1, 1}, 4},
		{{5, 2, 1, 1}, 4},                          /* SACK without a block */
		{{5, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 12}, /* or with a piece of one */
		{{5, 11, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 12},
		{{8, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 12},
		{{19, 4, 1, 1}, 4},
		{{34, 3, 9, 1}, 4},                    /* cookie of odd length */
		{{34, 4, 9, 9}, 4},                    /* too short */
		{{34, 20, [20] = 1, 1, 1, 1}, 24},     /* too long */
		{{254, 3, 9, 1}, 4},                   /* experiment without identifier */
		{{254, 4, 0xf9, 0x8a}, 4},             /* with another one */
		{{253, 5, 0xf9, 0x89, 1, 1, 1, 1}, 8}, /* ours, odd cookie */
		{{99, 2, 1, 1}, 4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tcp_opts opts;
		uint8_t *copy;

		assert_int_equal(parse_exact(cases[i].bytes, cases[i].len, &opts, &copy), 0);
		assert_int_equal(opts.n_unknown, 1);
		assert_int_equal(tcp_opts_len(&opts), 0);
		free(copy);
	}
}

static void end_of_options_hides_what_follows(void **state UNUSED)
{
	static const uint8_t bytes[] = {3, 3, 7, 0, 2, 1, 99, 99};
	struct tcp_opts opts;

	assert_int_equal(tcp_opts_parse(bytes, sizeof(bytes), &opts), 0);
	assert_true(opts.has_wscale);
	assert_int_equal(opts.n_unknown, 0);
	assert_int_equal(tcp_opts_parse(NULL, 0, &opts), 0);
	assert_int_equal(tcp_opts_len(&opts), 0);
}

static void last_of_repeated_options_counts(void **state UNUSED)
{
	static const uint8_t bytes[] = {2, 4, 1, 1, 2, 4, 2, 2};
	struct tcp_opts opts;

	assert_int_equal(tcp_opts_parse(bytes, sizeof(bytes), &opts), 0);
	assert_int_equal(opts.mss, 0x0202);
}

static struct tcp_opts random_opts(struct rng *rng, const uint8_t *cookie)
{
	struct tcp_opts opts = {.has_mss = rng_bool(rng),
				.has_wscale = rng_bool(rng),
				.sack_ok = rng_bool(rng),
				.has_ts = rng_bool(rng),
				.has_tfo = rng_u32(rng) % 4 == 0,
				.md5 = rng_u32(rng) % 8 == 0 ? cookie : NULL};

	opts.mss = opts.has_mss ? (uint16_t)rng_u32(rng) : 0;
	opts.wscale = opts.has_wscale ? (uint8_t)rng_u32(rng) : 0;
	opts.ts_val = opts.has_ts ? rng_u32(rng) : 0;
	opts.ts_ecr = opts.has_ts ? rng_u32(rng) : 0;
	if (opts.has_tfo) {
		opts.tfo_exp = rng_bool(rng);
		opts.tfo_len = rng_bool(rng) ? 0 : (uint8_t)(4 + rng_u32(rng) % 7 * 2);
		opts.tfo = cookie;
	}
	if (rng_bool(rng))
		opts.n_sack = (uint8_t)(rng_u32(rng) % (tcp_opts_sack_room(&opts) + 1));
	for (size_t i = 0; i < opts.n_sack; i++)
		opts.sack[i] = (struct tcp_sack_block){rng_u32(rng), rng_u32(rng)};
	return opts;
}

static void options_at_random_survive_a_round_trip(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;
	unsigned int n_tried = 0;

	for (int i = 0; i < N_RANDOM * 5; i++) {
		uint8_t cookie[16], *copy;
		struct tcp_opts in, out;
		size_t len;

		rng_bytes(&rng, cookie, sizeof(cookie));
		in = random_opts(&rng, cookie);
		len = tcp_opts_len(&in);
		assert_int_equal(len % 4, 0);
		if (len > TCP_OPTS_MAX)
			continue;
		n_tried++;
		copy = malloc(len + 1); /* of no options, too */
		assert_int_equal(tcp_opts_write(copy + 1, &in), len);
		assert_int_equal(tcp_opts_parse(copy + 1, len, &out), 0);
		assert_int_equal(out.n_unknown, 0);
		if (in.md5)
			assert_memory_equal(out.md5, in.md5, TCP_MD5_LEN);
		if (in.has_tfo && in.tfo_len > 0)
			assert_memory_equal(out.tfo, in.tfo, in.tfo_len);
		assert_memory_equal(out.sack, in.sack, in.n_sack * sizeof(in.sack[0]));
		out.md5 = in.md5;
		out.tfo = in.tfo;
		assert_memory_equal(&out, &in, offsetof(struct tcp_opts, sack));
		free(copy);
	}
	assert_true(n_tried > N_RANDOM);
}

static void bytes_at_random_are_read_within_their_end(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM * 10; i++) {
		uint8_t bytes[TCP_OPTS_MAX], *copy;
		size_t len = rng_u32(&rng) % (TCP_OPTS_MAX + 1);
		struct tcp_opts opts;

		rng_bytes(&rng, bytes, sizeof(bytes));
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] &= rng_bool(&rng) ? 0x0b : 0xff;
		if (parse_exact(bytes, len, &opts, &copy) == 0)
			assert_true(opts.n_sack <= TCP_SACK_MAX);
		free(copy);
	}
}

/* The one's complement sum of an even number of bytes, folded. */
static uint16_t sum16(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += load_be16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* A SYN with options, its length and a checksum over all of it (as if of nothing but that). */
static size_t syn_with(uint8_t p[TCP_HDR_MAX], const uint8_t *opts, size_t len)
{
	struct tcp_hdr hdr = {.seq = 0x12345678,
			      .src_port = 1000,
			      .dst_port = 80,
			      .flags = TCP_F_SYN,
			      .data_off = (uint8_t)(TCP_HDR_LEN + len)};

	tcp_hdr_write(p, &hdr);
	memcpy(p + TCP_HDR_LEN, opts, len);
	store_be16(p + 16, (uint16_t)~sum16(p, TCP_HDR_LEN + len));
	return TCP_HDR_LEN + len;
}

static void mss_is_lowered_wherever_it_stands_and_the_checksum_follows(void **state UNUSED)
{
	for (size_t at = 0; at <= 8; at++) {
		uint8_t opts[12], p[TCP_HDR_MAX];
		size_t len;

		memset(opts, TCP_OPT_NOP, sizeof(opts));
		opts[at] = TCP_OPT_MSS;
		opts[at + 1] = 4;
		store_be16(opts + at + 2, 1460);
		len = syn_with(p, opts, sizeof(opts));
		assert_int_equal(tcp_mss_lower(p, len, 1460, true), 0);
		assert_int_equal(tcp_mss_lower(p, len, 1301, true), 1);
		assert_int_equal(load_be16(p + TCP_HDR_LEN + at + 2), 1301);
		assert_int_equal(sum16(p, len), 0xffff);
		assert_int_equal(tcp_mss_lower(p, len, 1400, true), 0);
	}
}

static void mss_with_a_partial_checksum_leaves_that_alone(void **state UNUSED)
{
	static const uint8_t opts[] = {TCP_OPT_MSS, 4, 5, 0xb4};
	uint8_t p[TCP_HDR_MAX];
	size_t len = syn_with(p, opts, sizeof(opts));
	uint16_t csum = load_be16(p + 16);

	assert_int_equal(tcp_mss_lower(p, len, 1000, false), 1);
	assert_int_equal(load_be16(p + 16), csum);
}

static void malformed_or_signed_options_are_left_alone(void **state UNUSED)
{
	static const uint8_t rows[][8] = {
		{TCP_OPT_MSS, 3, 5, 0xb4, 1, 1, 1, 1},
		{TCP_OPT_MSS, 1, 5, 0xb4, 1, 1, 1, 1},
		{TCP_OPT_MSS, 9, 5, 0xb4, 1, 1, 1, 1},
		{1, 1, 1, 1, 1, 1, 1, TCP_OPT_MSS},
		{TCP_OPT_MSS, 4, 5, 0xb4, TCP_OPT_MSS, 4, 5, 0xb4},
		{TCP_OPT_MD5, 4, 5, 0xb4, TCP_OPT_MSS, 4, 5, 0xb4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t p[TCP_HDR_MAX], was[TCP_HDR_MAX];
		size_t len = syn_with(p, rows[i], sizeof(rows[i]));

		memcpy(was, p, len);
		assert_int_equal(tcp_mss_lower(p, len, 100, true), -EBADMSG);
		assert_memory_equal(p, was, len);
	}
}

static void header_without_mss_is_left_alone(void **state UNUSED)
{
	static const uint8_t opts[] = {TCP_OPT_EOL, TCP_OPT_MSS, 4, 5};
	uint8_t p[TCP_HDR_MAX];

	assert_int_equal(tcp_mss_lower(p, syn_with(p, opts, 0), 100, true), 0);
	assert_int_equal(tcp_mss_lower(p, syn_with(p, opts, sizeof(opts)), 100, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mss_is_lowered_wherever_it_stands_and_the_checksum_follows),
		cmocka_unit_test(mss_with_a_partial_checksum_leaves_that_alone),
		cmocka_unit_test(malformed_or_signed_options_are_left_alone),
		cmocka_unit_test(header_without_mss_is_left_alone),
		cmocka_unit_test(segment_cut_anywhere_in_its_header_is_refused),
		cmocka_unit_test(data_offset_below_the_header_is_refused),
		cmocka_unit_test(each_flag_is_where_it_belongs),
		cmocka_unit_test(headers_at_random_are_written_as_they_were_read),
		cmocka_unit_test(linux_syn_is_read_and_written),
		cmocka_unit_test(timestamps_alone_take_the_short_way),
		cmocka_unit_test(timestamps_in_another_layout_give_the_same),
		cmocka_unit_test(three_sack_blocks_fit_beside_timestamps),
		cmocka_unit_test(sack_room_is_what_the_other_options_leave),
		cmocka_unit_test(syn_without_timestamps_pads_each_option),
		cmocka_unit_test(fast_open_cookie_is_read_and_written_in_both_forms),
		cmocka_unit_test(md5_digest_comes_first),
		cmocka_unit_test(malformed_length_is_refused),
		cmocka_unit_test(options_before_a_malformed_one_are_kept),
		cmocka_unit_test(known_option_of_the_wrong_length_is_skipped),
		cmocka_unit_test(end_of_options_hides_what_follows),
		cmocka_unit_test(last_of_repeated_options_counts),
		cmocka_unit_test(options_at_random_survive_a_round_trip),
		cmocka_unit_test(bytes_at_random_are_read_within_their_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
