/* SPDX-License-Identifier: MIT */
/* The virtio header in both its lengths, judged against its frame. */
#include "wire_test.h"

#include <errno.h>

#include "wire/vnet.h"

/* A TCP super-packet of a TAP; a test names only what it changes. */
#define VNET(...)                                      \
	((struct vnet_hdr){.flags = VNET_F_NEEDS_CSUM, \
			   .gso_type = VNET_GSO_TCPV4, \
			   .hdr_len = 66,              \
			   .gso_size = 1448,           \
			   .csum_start = 34,           \
			   .csum_offset = 16,          \
			   .num_buffers = 1,           \
			   __VA_ARGS__})

static const uint8_t known[VNET_HDR_MRG_LEN] = {1, 1, 66, 0, 0xa8, 0x05, 34, 0, 16, 0, 1, 0};

static void header_is_little_endian_in_both_lengths(void **state UNUSED)
{
	uint8_t out[VNET_HDR_MRG_LEN] = {0};
	struct vnet_hdr hdr;

	vnet_hdr_write(out, VNET_HDR_MRG_LEN, &VNET());
	assert_memory_equal(out, known, sizeof(known));
	memset(out, 0xee, sizeof(out));
	vnet_hdr_write(out, VNET_HDR_LEN, &VNET());
	assert_memory_equal(out, known, VNET_HDR_LEN);
	assert_int_equal(out[VNET_HDR_LEN], 0xee);
	vnet_hdr_read(known, VNET_HDR_MRG_LEN, &hdr);
	assert_memory_equal(&hdr, &VNET(), sizeof(hdr));
	vnet_hdr_read(known, VNET_HDR_LEN, &hdr);
	assert_int_equal(hdr.num_buffers, 0);
}

static void parse_of_len(struct rd *r, size_t len, size_t hdr_len)
{
	struct vnet_hdr hdr = {.gso_size = 99};

	if (len < hdr_len + 66) {
		assert_int_equal(vnet_hdr_parse(r, hdr_len, &hdr), -EBADMSG);
		assert_int_equal(hdr.gso_size, 99);
		return;
	}
	assert_int_equal(vnet_hdr_parse(r, hdr_len, &hdr), 0);
	assert_int_equal(rd_left(r), len - hdr_len);
	assert_int_equal(hdr.gso_size, 1448);
}

static void parse_short(struct rd *r, size_t len)
{
	parse_of_len(r, len, VNET_HDR_LEN);
}

static void parse_long(struct rd *r, size_t len)
{
	parse_of_len(r, len, VNET_HDR_MRG_LEN);
}

static void frame_cut_anywhere_in_its_headers_is_refused(void **state UNUSED)
{
	uint8_t bytes[100] = {0};

	memcpy(bytes, known, sizeof(known));
	each_truncation(bytes, sizeof(bytes), parse_short);
	each_truncation(bytes, sizeof(bytes), parse_long);
}

static void header_that_does_not_fit_its_frame_is_refused(void **state UNUSED)
{
	const struct {
		struct vnet_hdr hdr;
		uint32_t frame_len;
		int want;
	} cases[] = {
		{VNET(), 66, 0},
		{VNET(), 65, -EBADMSG},
		{VNET(.hdr_len = 0), 52, 0},
		{VNET(.hdr_len = 0), 51, -EBADMSG},
		{VNET(.hdr_len = 65535), 2000, -EBADMSG},
		{VNET(.csum_start = 65535, .csum_offset = 65535), 65535, -EBADMSG},
		{VNET(.csum_start = 65535, .csum_offset = 65535, .flags = 0), 100, 0},
		{VNET(.flags = VNET_F_DATA_VALID), 66, 0},
		{VNET(.gso_size = 0), 66, -EBADMSG},
		{VNET(.gso_type = VNET_GSO_TCPV4 | VNET_GSO_ECN), 66, 0},
		{VNET(.gso_type = VNET_GSO_TCPV6 | VNET_GSO_ECN), 66, 0},
		{VNET(.gso_type = VNET_GSO_TCPV6), 66, 0},
		{VNET(.gso_type = VNET_GSO_UDP), 66, 0},
		{VNET(.gso_type = VNET_GSO_UDP_L4), 66, 0},
		{VNET(.gso_type = VNET_GSO_UDP_L4, .gso_size = 0), 66, -EBADMSG},
		{VNET(.gso_type = VNET_GSO_UDP_L4 | VNET_GSO_ECN), 66, -EBADMSG},
		{VNET(.gso_type = VNET_GSO_ECN), 66, -EBADMSG},
		{VNET(.gso_type = 2), 66, -EBADMSG},
		{VNET(.gso_type = 6), 66, -EBADMSG},
		{VNET(.gso_type = 0x7f), 66, -EBADMSG},
		{VNET(.gso_type = VNET_GSO_NONE, .hdr_len = 9999), 66, 0},
		{{.flags = 0}, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(vnet_hdr_check(&cases[i].hdr, cases[i].frame_len), cases[i].want);
}

static void headers_at_random_are_written_as_they_were_read(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[VNET_HDR_MRG_LEN], out[VNET_HDR_MRG_LEN];
		struct vnet_hdr hdr;

		rng_bytes(&rng, in, sizeof(in));
		vnet_hdr_read(in, sizeof(in), &hdr);
		vnet_hdr_write(out, sizeof(out), &hdr);
		assert_memory_equal(in, out, sizeof(in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_little_endian_in_both_lengths),
		cmocka_unit_test(frame_cut_anywhere_in_its_headers_is_refused),
		cmocka_unit_test(header_that_does_not_fit_its_frame_is_refused),
		cmocka_unit_test(headers_at_random_are_written_as_they_were_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
