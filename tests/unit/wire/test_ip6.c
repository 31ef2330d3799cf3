/* SPDX-License-Identifier: MIT */
/* The fixed IPv6 header (RFC 8200). */
#include "wire_test.h"

#include "wire/ip4.h"
#include "wire/ip6.h"

static void parse(struct rd *r, size_t len)
{
	const uint8_t *start = r->p;
	struct ip6_hdr hdr = {.hop_limit = 1};
	enum ip6_hdr_err err = ip6_hdr_parse(r, &hdr);

	if (len < 48) {
		assert_int_equal(err, len < IP6_HDR_LEN ? IP6_HDR_SHORT : IP6_HDR_TRUNCATED);
		assert_int_equal(hdr.hop_limit, 1);
		assert_ptr_equal(r->p, start);
		return;
	}
	assert_int_equal(err, IP6_HDR_OK);
	assert_int_equal(rd_left(r), len - IP6_HDR_LEN);
	assert_int_equal(hdr.tclass, 0xb9);
	assert_int_equal(hdr.flow, 0xabcde);
	assert_int_equal(hdr.next_hdr, IP_PROTO_UDP);
	assert_int_equal(hdr.hop_limit, 64);
	assert_int_equal(hdr.dst.b[15], 2);
}

static void packet_cut_anywhere_is_refused_and_padding_stays(void **state UNUSED)
{
	uint8_t bytes[50] = {0};

	ip6_hdr_write(bytes, &(struct ip6_hdr){.tclass = 0xb9,
					       .flow = 0xabcde,
					       .payload_len = 8,
					       .next_hdr = IP_PROTO_UDP,
					       .hop_limit = 64,
					       .src = {{0x20, 1, [15] = 1}},
					       .dst = {{0x20, 1, [15] = 2}}});
	assert_int_equal(load_be32(bytes), 0x6b9abcde);
	each_truncation(bytes, sizeof(bytes), parse);
}

static void other_version_is_refused(void **state UNUSED)
{
	uint8_t bytes[IP6_HDR_LEN] = {0x45};
	struct rd r = rd_make(bytes, sizeof(bytes));
	struct ip6_hdr hdr;

	assert_int_equal(ip6_hdr_parse(&r, &hdr), IP6_HDR_VERSION);
}

static void headers_at_random_are_written_as_they_were_read(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[IP6_HDR_LEN], out[IP6_HDR_LEN];
		struct ip6_hdr hdr;

		rng_bytes(&rng, in, sizeof(in));
		in[0] = 0x60 | (in[0] & 0xf);
		ip6_hdr_read(in, &hdr);
		assert_int_equal(ip6_hdr_check(&hdr, IP6_HDR_LEN + hdr.payload_len), IP6_HDR_OK);
		assert_int_equal(ip6_hdr_check(&hdr, IP6_HDR_LEN - 1), IP6_HDR_SHORT);
		ip6_hdr_write(out, &hdr);
		assert_memory_equal(in, out, sizeof(in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_cut_anywhere_is_refused_and_padding_stays),
		cmocka_unit_test(other_version_is_refused),
		cmocka_unit_test(headers_at_random_are_written_as_they_were_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
