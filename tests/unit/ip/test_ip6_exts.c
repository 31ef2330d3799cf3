/* SPDX-License-Identifier: MIT */
/* Extension headers that an application sends: kept, refused, laid out (RFC 3542, RFC 8200 §4.1).
 */
#include "ip/ip6_exts.h"

#include <errno.h>
#include <string.h>

#include "unit.h"
#include "wire/ip4.h"

static void *count_realloc(void *ctx UNUSED, void *ptr, size_t old_bytes UNUSED, size_t new_bytes)
{
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

static struct mem memory(void)
{
	struct mem mem;

	mem_init(&mem, count_realloc, NULL, UINT64_MAX);
	return mem;
}

static const uint8_t pad[8] = {0, 0, 1, 4};
static const uint8_t pad16[16] = {0, 1, 1, 12};
static const uint8_t mobile[24] = {0, 2, 2, 1, [8] = 0x20, 1, [23] = 7};

static struct ip6_addr addr(uint8_t last)
{
	return (struct ip6_addr){{0x20, 1, [15] = last}};
}

static void set(struct mem *mem, struct ip6_exts **e, enum ip6_exts_kind kind, const uint8_t *p,
		size_t len)
{
	assert_int_equal(ip6_exts_set(mem, e, kind, p, len), 0);
}

static void headers_stand_in_their_order_whatever_was_set_first(void **state UNUSED)
{
	/* hop-by-hop, options for those on the way, routing, options for the last */
	static const uint8_t want[] = {60, 0, 1,    4, 0,        0,  0, 0, 43, 0,       1,
				       4,  0, 0,    0, 0,        60, 2, 2, 1,  0,       0,
				       0,  0, 0x20, 1, [39] = 9, 17, 1, 1, 12, [55] = 0};
	struct mem mem = memory();
	struct ip6_exts *e = NULL;
	struct ip6_addr dst = addr(9);
	uint8_t got[sizeof(want)];

	set(&mem, &e, IP6_EXTS_DST1, pad16, 16);
	set(&mem, &e, IP6_EXTS_RT, mobile, 24);
	set(&mem, &e, IP6_EXTS_DST0, pad, 8);
	set(&mem, &e, IP6_EXTS_HOP, pad16, 16);
	set(&mem, &e, IP6_EXTS_HOP, pad, 8); /* another in its place */
	assert_int_equal(ip6_exts_len(e), sizeof(want));
	assert_int_equal(ip6_exts_unfrag_len(e), 40);
	assert_int_equal(ip6_exts_write(e, got, IP_PROTO_UDP, &dst), IP_PROTO_HOPOPTS);
	assert_memory_equal(got, want, sizeof(want));
	ip6_exts_free(&mem, e);
	assert_int_equal(mem.n_bytes, 0);
}

static void options_for_those_on_the_way_go_with_a_routing_header_alone(void **state UNUSED)
{
	struct mem mem = memory();
	struct ip6_exts *e = NULL;
	struct ip6_addr dst = addr(9);
	uint8_t got[8];

	set(&mem, &e, IP6_EXTS_DST0, pad, 8);
	assert_int_equal(ip6_exts_len(e), 0);
	assert_int_equal(ip6_exts_write(e, got, IP_PROTO_UDP, &dst), IP_PROTO_UDP);
	set(&mem, &e, IP6_EXTS_DST0, NULL, 0);
	assert_null(e);
	assert_int_equal(mem.n_bytes, 0);
}

static void routing_header_leads_to_the_first_and_ends_at_the_destination(void **state UNUSED)
{
	/* RFC 8754 §2: the last one first; 2 is where the segments that are left begin. */
	uint8_t srh[56] = {0, 6, 4, 2, 2};
	struct mem mem = memory();
	struct ip6_exts *e = NULL;
	struct ip6_addr dst = addr(9), at;
	struct ip_addr to = ip_addr_from_ip6(&dst), via;
	uint8_t got[sizeof(srh)];

	for (uint8_t i = 0; i < 3; i++) {
		at = addr(i);
		memcpy(srh + 8 + 16 * i, &at, sizeof(at));
	}
	set(&mem, &e, IP6_EXTS_RT, mobile, 24);
	via = ip6_exts_via(e, &to);
	assert_memory_equal(via.b, mobile + 8, 16);
	set(&mem, &e, IP6_EXTS_RT, srh, sizeof(srh));
	via = ip6_exts_via(e, &to);
	assert_int_equal(via.b[15], 2);
	assert_int_equal(ip6_exts_write(e, got, IP_PROTO_TCP, &dst), IP_PROTO_ROUTING);
	assert_memory_equal(got + 8, &dst, 16);
	assert_memory_equal(got + 24, srh + 24, 32);
	/* Nobody is left to be visited. */
	srh[3] = 0;
	set(&mem, &e, IP6_EXTS_RT, srh, sizeof(srh));
	via = ip6_exts_via(e, &to);
	assert_memory_equal(&via, &to, sizeof(to));
	via = ip6_exts_via(NULL, &to);
	assert_memory_equal(&via, &to, sizeof(to));
	ip6_exts_free(&mem, e);
	assert_int_equal(mem.n_bytes, 0);
}

static void header_that_is_none_is_refused_and_changes_nothing(void **state UNUSED)
{
	static const struct {
		enum ip6_exts_kind kind;
		size_t len;
		uint8_t bytes[24];
	} bad[] = {
		{IP6_EXTS_HOP, 7, {0}},
		{IP6_EXTS_HOP, 12, {0}},
		{IP6_EXTS_HOP, 8, {0, 1}},
		{IP6_EXTS_RT, 8, {0, 0, 0, 0}},
		{IP6_EXTS_RT, 24, {0, 2, 0, 1}}, /* RFC 5095 */
		{IP6_EXTS_RT, 24, {0, 2, 2, 0}},
		{IP6_EXTS_RT, 24, {0, 2, 2, 2}},
		{IP6_EXTS_RT, 24, {0, 2, 4, 1, 0}}, /* beyond its last entry */
		{IP6_EXTS_RT, 24, {0, 2, 4, 0, 1}}, /* entries that it has not */
		{IP6_EXTS_RT, 24, {0, 2, 9, 0}},
	};
	static const uint8_t huge[8 * 256] = {0, 255};
	struct mem mem = memory();
	struct ip6_exts *e = NULL;
	size_t len;

	set(&mem, &e, IP6_EXTS_HOP, pad, 8);
	set(&mem, &e, IP6_EXTS_RT, mobile, 24);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ip6_exts_set(&mem, &e, bad[i].kind, bad[i].bytes, bad[i].len),
				 -EINVAL);
	assert_int_equal(ip6_exts_set(&mem, &e, IP6_EXTS_HOP, huge, sizeof(huge)), -EINVAL);
	(void)ip6_exts_get(e, IP6_EXTS_HOP, &len);
	assert_int_equal(len, 8);
	(void)ip6_exts_get(e, IP6_EXTS_RT, &len);
	assert_int_equal(len, 24);
	mem.limit_bytes = mem.n_bytes;
	assert_int_equal(ip6_exts_set(&mem, &e, IP6_EXTS_DST1, pad, 8), -ENOMEM);
	(void)ip6_exts_get(e, IP6_EXTS_HOP, &len);
	assert_int_equal(len, 8);
	ip6_exts_free(&mem, e);
	assert_int_equal(mem.n_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_stand_in_their_order_whatever_was_set_first),
		cmocka_unit_test(options_for_those_on_the_way_go_with_a_routing_header_alone),
		cmocka_unit_test(routing_header_leads_to_the_first_and_ends_at_the_destination),
		cmocka_unit_test(header_that_is_none_is_refused_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
