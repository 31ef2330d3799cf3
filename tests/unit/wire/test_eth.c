/* SPDX-License-Identifier: MIT */
/* Ethernet headers and VLAN tags. */
#include "wire_test.h"

#include <errno.h>

#include "wire/eth.h"
#include "wire/vlan.h"

static const uint8_t frame[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x01, 0x81, 0x00, /* Ethernet */
	0xb0, 0x64, 0x08, 0x00, /* PCP 5, DEI, VID 100 */
};

static void parse_eth(struct rd *r, size_t len)
{
	struct eth_hdr hdr = {.type = 1};

	if (len < ETH_HDR_LEN) {
		assert_int_equal(eth_hdr_parse(r, &hdr), -EBADMSG);
		assert_int_equal(hdr.type, 1);
		return;
	}
	assert_int_equal(eth_hdr_parse(r, &hdr), 0);
	assert_int_equal(rd_left(r), len - ETH_HDR_LEN);
	assert_true(eth_addr_is_broadcast(&hdr.dst));
	assert_true(eth_addr_eq(&hdr.src, &ETH_ADDR(2, 0, 0, 0, 0, 1)));
	assert_int_equal(hdr.type, ETHERTYPE_VLAN);
}

static void eth_header_cut_anywhere_is_refused(void **state UNUSED)
{
	each_truncation(frame, sizeof(frame), parse_eth);
}

static void parse_vlan(struct rd *r, size_t len)
{
	struct vlan_hdr hdr = {.type = 1};

	if (len < VLAN_HDR_LEN) {
		assert_int_equal(vlan_hdr_parse(r, &hdr), -EBADMSG);
		assert_int_equal(hdr.type, 1);
		return;
	}
	assert_int_equal(vlan_hdr_parse(r, &hdr), 0);
	assert_int_equal(rd_left(r), 0);
	assert_int_equal(hdr.pcp, 5);
	assert_true(hdr.dei);
	assert_int_equal(hdr.vid, 100);
	assert_int_equal(hdr.type, ETHERTYPE_IPV4);
}

static void vlan_tag_cut_anywhere_is_refused(void **state UNUSED)
{
	each_truncation(frame + ETH_HDR_LEN, VLAN_HDR_LEN, parse_vlan);
}

static void length_in_place_of_the_type_is_refused(void **state UNUSED)
{
	uint8_t copy[ETH_HDR_LEN];
	struct eth_hdr hdr;
	struct rd r;

	memcpy(copy, frame, sizeof(copy));
	store_be16(copy + 12, ETH_TYPE_MIN - 1);
	r = rd_make(copy, sizeof(copy));
	assert_int_equal(eth_hdr_parse(&r, &hdr), -EBADMSG);
	store_be16(copy + 12, ETH_TYPE_MIN);
	r = rd_make(copy, sizeof(copy));
	assert_int_equal(eth_hdr_parse(&r, &hdr), 0);
}

static void reserved_vlan_identifier_is_refused(void **state UNUSED)
{
	const uint8_t tag[] = {0x0f, 0xff, 0x08, 0x00};
	struct rd r = rd_make(tag, sizeof(tag));
	struct vlan_hdr hdr;

	assert_int_equal(vlan_hdr_parse(&r, &hdr), -EBADMSG);
}

static void headers_at_random_are_written_as_they_were_read(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t in[ETH_HDR_LEN + VLAN_HDR_LEN], out[sizeof(in)];
		struct eth_hdr eth;
		struct vlan_hdr vlan;

		rng_bytes(&rng, in, sizeof(in));
		eth_hdr_read(in, &eth);
		vlan_hdr_read(in + ETH_HDR_LEN, &vlan);
		eth_hdr_write(out, &eth);
		vlan_hdr_write(out + ETH_HDR_LEN, &vlan);
		assert_memory_equal(in, out, sizeof(in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eth_header_cut_anywhere_is_refused),
		cmocka_unit_test(vlan_tag_cut_anywhere_is_refused),
		cmocka_unit_test(length_in_place_of_the_type_is_refused),
		cmocka_unit_test(reserved_vlan_identifier_is_refused),
		cmocka_unit_test(headers_at_random_are_written_as_they_were_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
