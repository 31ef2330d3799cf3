/* SPDX-License-Identifier: MIT */
/* The table of path MTUs (RFC 1191, RFC 8201). */
#include "ip4_fixture.h"

#include "unit.h"

static int setup(void **state)
{
	*state = ip4_fix_host();
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

static uint32_t cap(struct ip4_fix *f, const struct ip_addr *dst)
{
	bool is_floor;

	return pmtu_cap(&f->st->ip4->pmtu, dst, 1500, &is_floor);
}

static void entry_only_lowers_and_ipv6_never_below_1280(void **state)
{
	struct ip4_fix *f = *state;
	struct pmtu *p = &f->st->ip4->pmtu;
	struct ip_addr four = ip("192.0.2.1"), six = {{0x20, 1}}, other = ip("192.0.2.2");

	assert_true(pmtu_learn(p, &four, 1400));
	assert_false(pmtu_learn(p, &four, 1450));
	assert_false(pmtu_learn(p, &four, 1400));
	assert_int_equal(cap(f, &four), 1400);
	assert_true(pmtu_learn(p, &four, 1000));
	assert_int_equal(cap(f, &four), 1000);
	assert_int_equal(cap(f, &other), 1500);
	assert_false(pmtu_learn(p, &six, 1279));
	assert_true(pmtu_learn(p, &six, 1280));
	assert_int_equal(cap(f, &six), 1280);
	pmtu_flush(p);
	assert_int_equal(cap(f, &four), 1500);
}

static void route_has_the_paths_mtu_until_the_entry_is_too_old(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_flow flow = {.dst = ip("10.0.0.2")};
	struct ip_dst dst;

	ip_pmtu_learn(f->st, &flow.dst, 1300);
	assert_int_equal(ip_route(f->st, &flow, &dst, NULL), 0);
	assert_int_equal(dst.mtu, 1300);
	assert_false(dst.is_mtu_floor);
	fix_advance(f->eng, 599 * SEC);
	assert_true(ip_dst_is_valid(f->st, &dst));
	fix_advance(f->eng, 2 * SEC);
	assert_false(ip_dst_is_valid(f->st, &dst));
	assert_int_equal(ip_route(f->st, &flow, &dst, NULL), 0);
	assert_int_equal(dst.mtu, 1500);
	ip_pmtu_learn(f->st, &flow.dst, 100);
	assert_int_equal(ip_route(f->st, &flow, &dst, NULL), 0);
	assert_int_equal(dst.mtu, 552);
	assert_true(dst.is_mtu_floor);
}

static void table_is_bounded_and_the_oldest_goes(void **state)
{
	struct ip4_fix *f = *state;
	struct pmtu *p = &f->st->ip4->pmtu;
	struct ip_addr first = ip("172.16.0.0"), last = ip("172.16.19.135");

	for (uint32_t i = 0; i < 5000; i++) {
		struct ip4_addr a = ip4_addr_from_u32(0xac100000u + i);
		struct ip_addr dst = ip_addr_from_ip4(&a);

		assert_true(pmtu_learn(p, &dst, 1400));
	}
	assert_int_equal(p->n_entries, PMTU_ENTRIES_MAX);
	assert_int_equal(cap(f, &first), 1500);
	assert_int_equal(cap(f, &last), 1400);
}

static void nothing_is_kept_without_time_or_memory(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_addr dst = ip("192.0.2.1");

	ip_pmtu_conf_set(f->st, 552, 0);
	assert_false(pmtu_learn(&f->st->ip4->pmtu, &dst, 1400));
	ip_pmtu_conf_set(f->st, 552, 600);
	f->eng->mem.limit_bytes = 0; /* idle packets give theirs back */
	assert_false(pmtu_learn(&f->st->ip4->pmtu, &dst, 1400));
	f->eng->mem.limit_bytes = UINT64_MAX;
	assert_int_equal(cap(f, &dst), 1500);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(entry_only_lowers_and_ipv6_never_below_1280),
		T(route_has_the_paths_mtu_until_the_entry_is_too_old),
		T(table_is_bounded_and_the_oldest_goes),
		T(nothing_is_kept_without_time_or_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
