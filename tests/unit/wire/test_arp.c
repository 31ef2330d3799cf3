/* SPDX-License-Identifier: MIT */
/* ARP packets (RFC 826): damage, other media, and what the fields of a good one mean. */
#include "wire_test.h"

#include <errno.h>

#include "wire/arp.h"

/* Who has 192.0.2.2? Tell 192.0.2.1 at 02::01; then padding. */
static const uint8_t request[] = {
	0, 1, 8, 0, 6, 4, 0, 1, 2,   0, 0, 0, 0, 1, 192, 0,
	2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2, 0, 0, 0,
};

/* A good request; a test names only what it changes. */
#define ARP(...)                                   \
	((struct arp){.op = ARP_REQUEST,           \
		      .sha = {{2, 0, 0, 0, 0, 1}}, \
		      .spa = {{192, 0, 2, 1}},     \
		      .tpa = {{192, 0, 2, 2}},     \
		      __VA_ARGS__})

static void parse(struct rd *r, size_t len)
{
	struct arp arp = {.op = 99};

	if (len < ARP_LEN) {
		assert_int_equal(arp_parse(r, &arp), -EBADMSG);
		assert_int_equal(arp.op, 99);
		return;
	}
	assert_int_equal(arp_parse(r, &arp), 0);
	assert_int_equal(rd_left(r), len - ARP_LEN);
	assert_memory_equal(&arp, &ARP(), sizeof(arp));
}

static void packet_cut_anywhere_is_refused_and_padding_stays(void **state UNUSED)
{
	each_truncation(request, sizeof(request), parse);
}

static void other_media_and_protocols_are_told_apart_from_damage(void **state UNUSED)
{
	for (size_t i = 0; i < 6; i++) {
		uint8_t copy[ARP_LEN];
		struct rd r = rd_make(copy, sizeof(copy));
		struct arp arp;

		memcpy(copy, request, sizeof(copy));
		copy[i] ^= 4;
		assert_int_equal(arp_parse(&r, &arp), -EPROTONOSUPPORT);
	}
}

static void packet_is_written_as_it_was_read(void **state UNUSED)
{
	uint8_t out[ARP_LEN];
	struct wr w = wr_make(out, sizeof(out));

	arp_write(&w, &ARP());
	assert_true(wr_ok(&w));
	assert_int_equal(wr_left(&w), 0);
	assert_memory_equal(out, request, ARP_LEN);
}

static void write_into_too_little_room_is_reported(void **state UNUSED)
{
	uint8_t out[ARP_LEN - 1];
	struct wr w = wr_make(out, sizeof(out));

	arp_write(&w, &ARP());
	assert_false(wr_ok(&w));
}

static void packets_are_classified_by_their_fields(void **state UNUSED)
{
	const struct ip4_addr zero = IP4_ADDR_ANY, multicast = IP4_ADDR(224, 0, 0, 1),
			      broadcast = IP4_ADDR_BROADCAST, loopback = IP4_ADDR(127, 0, 0, 1);
	const struct {
		struct arp arp;
		enum arp_kind want;
	} cases[] = {
		{ARP(), ARP_KIND_REQUEST},
		{ARP(.op = ARP_REPLY), ARP_KIND_REPLY},
		{ARP(.spa = zero), ARP_KIND_PROBE},
		{ARP(.tpa = IP4_ADDR(192, 0, 2, 1)), ARP_KIND_ANNOUNCEMENT},
		{ARP(.op = ARP_REPLY, .tpa = IP4_ADDR(192, 0, 2, 1)), ARP_KIND_ANNOUNCEMENT},
		{ARP(.op = 0), ARP_KIND_BAD_OP},
		{ARP(.op = 3), ARP_KIND_BAD_OP},
		{ARP(.sha = ETH_ADDR_BROADCAST), ARP_KIND_BAD_SENDER},
		{ARP(.sha = ETH_ADDR(0, 0, 0, 0, 0, 0)), ARP_KIND_BAD_SENDER},
		{ARP(.op = ARP_REPLY, .spa = zero), ARP_KIND_BAD_SENDER},
		{ARP(.spa = multicast), ARP_KIND_BAD_SENDER},
		{ARP(.spa = broadcast), ARP_KIND_BAD_SENDER},
		{ARP(.spa = loopback), ARP_KIND_BAD_SENDER},
		{ARP(.tpa = zero), ARP_KIND_BAD_TARGET},
		{ARP(.tpa = multicast), ARP_KIND_BAD_TARGET},
		{ARP(.tpa = broadcast), ARP_KIND_BAD_TARGET},
		{ARP(.tpa = loopback), ARP_KIND_BAD_TARGET},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(arp_classify(&cases[i].arp), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_cut_anywhere_is_refused_and_padding_stays),
		cmocka_unit_test(other_media_and_protocols_are_told_apart_from_damage),
		cmocka_unit_test(packet_is_written_as_it_was_read),
		cmocka_unit_test(write_into_too_little_room_is_reported),
		cmocka_unit_test(packets_are_classified_by_their_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
