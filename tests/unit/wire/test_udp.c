/* SPDX-License-Identifier: MIT */
/* UDP headers (RFC 768): the length field against the bytes present. */
#include "wire_test.h"

#include <errno.h>

#include "wire/udp.h"

static void parse(struct rd *r, size_t len)
{
	struct udp_hdr hdr = {.csum = 1};

	if (len < UDP_HDR_LEN + 3) {
		assert_int_equal(udp_hdr_parse(r, &hdr), -EBADMSG);
		assert_int_equal(hdr.csum, 1);
		return;
	}
	assert_int_equal(udp_hdr_parse(r, &hdr), 0);
	assert_int_equal(rd_left(r), len - UDP_HDR_LEN);
	assert_int_equal(hdr.src_port, 49500);
	assert_int_equal(hdr.dst_port, 53);
	assert_int_equal(hdr.len, UDP_HDR_LEN + 3);
	assert_int_equal(hdr.csum, 0xabcd);
}

static void datagram_cut_anywhere_is_refused_and_padding_stays(void **state UNUSED)
{
	uint8_t bytes[UDP_HDR_LEN + 3 + 2] = {0};

	udp_hdr_write(bytes, &(struct udp_hdr){.src_port = 49500,
					       .dst_port = 53,
					       .len = UDP_HDR_LEN + 3,
					       .csum = 0xabcd});
	each_truncation(bytes, sizeof(bytes), parse);
}

static void length_must_hold_the_header_and_fit_the_bytes(void **state UNUSED)
{
	assert_false(udp_hdr_len_ok(&(struct udp_hdr){.len = 0}, 100));
	assert_false(udp_hdr_len_ok(&(struct udp_hdr){.len = 7}, 100));
	assert_true(udp_hdr_len_ok(&(struct udp_hdr){.len = 8}, 8));
	assert_true(udp_hdr_len_ok(&(struct udp_hdr){.len = 100}, 100));
	assert_false(udp_hdr_len_ok(&(struct udp_hdr){.len = 101}, 100));
	assert_true(udp_hdr_len_ok(&(struct udp_hdr){.len = 65535}, 65535));
}

static void headers_at_random_are_written_as_they_were_read(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[UDP_HDR_LEN], out[UDP_HDR_LEN];
		struct udp_hdr hdr;

		rng_bytes(&rng, in, sizeof(in));
		udp_hdr_read(in, &hdr);
		udp_hdr_write(out, &hdr);
		assert_memory_equal(in, out, sizeof(in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagram_cut_anywhere_is_refused_and_padding_stays),
		cmocka_unit_test(length_must_hold_the_header_and_fit_the_bytes),
		cmocka_unit_test(headers_at_random_are_written_as_they_were_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
