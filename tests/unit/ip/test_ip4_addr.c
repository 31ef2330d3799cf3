/* SPDX-License-Identifier: MIT */
/* IPv4 addresses of interfaces, and the routes that follow from them. */
#include "ip4_fixture.h"

#include "unit.h"

static int setup(void **state)
{
	*state = ip4_fix_bare(0);
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

/* Type of the route that `dst` finds; 0: none. */
static int route_type(struct ip4_fix *f, const char *dst)
{
	const struct fib4_route *r = fib4_lookup(&f->st->ip4->fib, ip4(dst));

	return r ? r->type : 0;
}

static int del(struct fix_if *nif, const char *text, uint8_t len)
{
	return ip4_addr_del(&nif->netif, ip4(text), len);
}

static bool is_ours(struct ip4_fix *f, const char *text)
{
	return ip4_own(f->st->ip4, ip4(text)) == IP4_OWN_LOCAL;
}

static void loopback_has_its_address_by_itself(void **state)
{
	struct ip4_fix *f = *state;

	assert_true(is_ours(f, "127.0.0.1"));
	assert_int_equal(route_type(f, "127.9.9.9"), ROUTE_LOCAL);
	assert_int_equal(route_type(f, "127.255.255.255"), ROUTE_LOCAL);
	assert_int_equal(route_type(f, "10.0.0.1"), 0);
}

static void address_brings_local_connected_and_broadcast_routes(void **state)
{
	struct ip4_fix *f = *state;

	add_addr(f->a, "10.0.0.1", 24);
	assert_int_equal(route_type(f, "10.0.0.1"), ROUTE_LOCAL);
	assert_int_equal(route_type(f, "10.0.0.2"), ROUTE_UNICAST);
	assert_int_equal(route_type(f, "10.0.0.0"), ROUTE_UNICAST);
	assert_int_equal(route_type(f, "10.0.0.255"), ROUTE_BROADCAST);
	assert_int_equal(route_type(f, "10.0.1.0"), 0);
	assert_int_equal(del(f->a, "10.0.0.1", 24), 0);
	assert_int_equal(route_type(f, "10.0.0.1"), 0);
	assert_int_equal(route_type(f, "10.0.0.255"), 0);
	assert_int_equal(ip4_own(f->st->ip4, ip4("10.0.0.255")), IP4_OWN_NO);
	assert_int_equal(del(f->a, "10.0.0.1", 24), -EADDRNOTAVAIL);
}

static void short_links_have_no_broadcast(void **state)
{
	struct ip4_fix *f = *state;

	add_addr(f->a, "10.0.0.1", 31);
	assert_int_equal(route_type(f, "10.0.0.0"), ROUTE_UNICAST);
	assert_int_equal(route_type(f, "10.0.0.1"), ROUTE_LOCAL);
	add_addr(f->b, "10.0.1.1", 32);
	assert_int_equal(route_type(f, "10.0.1.1"), ROUTE_LOCAL);
	assert_int_equal(route_type(f, "10.0.1.0"), 0);
}

static void addresses_that_name_no_host_are_refused(void **state)
{
	struct ip4_fix *f = *state;
	const struct {
		const char *addr;
		uint8_t len;
		int want;
	} cases[] = {
		{"0.0.0.0", 0, -EINVAL},     {"0.0.0.1", 8, -EINVAL},
		{"224.0.0.1", 24, -EINVAL},  {"255.255.255.255", 32, -EINVAL},
		{"240.0.0.1", 24, -EINVAL},  {"10.0.0.1", 33, -EINVAL},
		{"10.0.0.255", 24, -EINVAL}, {"10.0.0.3", 30, -EINVAL},
		{"10.0.0.255", 31, 0},       {"10.0.0.255", 32, 0},
		{"10.0.0.255", 31, -EEXIST}, {"10.1.0.255", 16, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ip4_addr_add(&f->a->netif, ip4(cases[i].addr), cases[i].len),
				 cases[i].want);
}

static void second_address_of_a_prefix_keeps_its_routes_until_the_last_goes(void **state)
{
	struct ip4_fix *f = *state;
	struct ip4_addr src;

	add_addr(f->a, "10.0.0.1", 24);
	add_addr(f->a, "10.0.0.9", 24);
	assert_true(ip4_addr_select(f->st, &f->a->netif, ip4("10.0.0.2"), &src));
	assert_ip4(src, "10.0.0.1");
	assert_int_equal(del(f->a, "10.0.0.1", 24), 0);
	assert_int_equal(route_type(f, "10.0.0.2"), ROUTE_UNICAST);
	assert_int_equal(route_type(f, "10.0.0.255"), ROUTE_BROADCAST);
	assert_int_equal(route_type(f, "10.0.0.1"), ROUTE_UNICAST);
	assert_true(ip4_addr_select(f->st, &f->a->netif, ip4("10.0.0.2"), &src));
	assert_ip4(src, "10.0.0.9");
	assert_int_equal(del(f->a, "10.0.0.9", 24), 0);
	assert_int_equal(route_type(f, "10.0.0.2"), 0);
}

static void primary_addresses_come_before_secondary_ones(void **state)
{
	struct ip4_fix *f = *state;
	const struct ip4_ifaddr *ifa;
	static const char *const want[] = {"10.0.0.1", "10.0.1.1", "10.0.0.2"};
	size_t i = 0;

	add_addr(f->a, "10.0.0.1", 24);
	add_addr(f->a, "10.0.0.2", 24);
	add_addr(f->a, "10.0.1.1", 24);
	list_for_each (ifa, &f->a->netif.ip4->addrs, link) {
		if (i < ARRAY_SIZE(want))
			assert_ip4(ifa->addr, want[i]);
		assert_int_equal(ifa->is_secondary, i == 2);
		i++;
	}
	assert_int_equal(i, ARRAY_SIZE(want));
	assert_int_equal(del(f->a, "10.0.0.1", 24), 0);
	ifa = ip4_addr_on_link(&f->a->netif, ip4("10.0.0.7"));
	assert_ip4(ifa->addr, "10.0.0.2");
	assert_false(ifa->is_secondary);
}

static void oldest_of_several_secondary_addresses_becomes_primary(void **state)
{
	struct ip4_fix *f = *state;
	const struct ip4_ifaddr *ifa;

	add_addr(f->a, "10.0.0.1", 24);
	add_addr(f->a, "10.0.0.2", 24);
	add_addr(f->a, "10.0.0.3", 24);
	add_addr(f->a, "10.0.1.1", 24);
	assert_int_equal(del(f->a, "10.0.0.1", 24), 0);
	ifa = ip4_addr_on_link(&f->a->netif, ip4("10.0.0.7"));
	assert_ip4(ifa->addr, "10.0.0.2");
	list_for_each (ifa, &f->a->netif.ip4->addrs, link)
		assert_int_equal(ifa->is_secondary,
				 ip4_addr_eq(&ifa->addr, &IP4_ADDR(10, 0, 0, 3)));
}

static void same_address_with_two_prefixes_stays_ours_until_both_go(void **state)
{
	struct ip4_fix *f = *state;

	add_addr(f->a, "10.0.0.1", 24);
	add_addr(f->a, "10.0.0.1", 16);
	assert_int_equal(route_type(f, "10.0.9.9"), ROUTE_UNICAST);
	assert_int_equal(del(f->a, "10.0.0.1", 16), 0);
	assert_int_equal(route_type(f, "10.0.9.9"), 0);
	assert_true(is_ours(f, "10.0.0.1"));
	assert_int_equal(route_type(f, "10.0.0.1"), ROUTE_LOCAL);
	assert_int_equal(del(f->a, "10.0.0.1", 24), 0);
	assert_false(is_ours(f, "10.0.0.1"));
}

static void same_prefix_on_two_interfaces_survives_on_the_other(void **state)
{
	struct ip4_fix *f = *state;

	add_addr(f->a, "10.0.0.1", 24);
	add_addr(f->b, "10.0.0.2", 24);
	assert_ptr_equal(fib4_lookup(&f->st->ip4->fib, ip4("10.0.0.9"))->netif, &f->a->netif);
	netif_set_up(&f->a->netif, false);
	assert_ptr_equal(fib4_lookup(&f->st->ip4->fib, ip4("10.0.0.9"))->netif, &f->b->netif);
	assert_int_equal(del(f->a, "10.0.0.1", 24), 0);
	assert_int_equal(route_type(f, "10.0.0.9"), ROUTE_UNICAST);
}

static void lost_address_takes_routes_that_prefer_it_along(void **state)
{
	struct ip4_fix *f = *state;
	struct fib4_route r = {.dst = ip4("192.0.2.0"),
			       .prefix_len = 24,
			       .netif = &f->b->netif,
			       .src = ip4("10.0.0.1"),
			       .type = ROUTE_UNICAST};

	add_addr(f->a, "10.0.0.1", 24);
	assert_int_equal(ip4_route_add(f->st, &r), 0);
	assert_int_equal(del(f->a, "10.0.0.1", 24), 0);
	assert_int_equal(route_type(f, "192.0.2.1"), 0);
}

static void deleted_interface_takes_addresses_and_routes_along(void **state)
{
	struct ip4_fix *f = *state;

	add_addr(f->a, "10.0.0.1", 24);
	add_addr(f->b, "10.0.1.1", 24);
	add_route(f->st, "192.0.2.0", 24, "10.0.1.2", NULL);
	netif_del(&f->b->netif);
	assert_false(is_ours(f, "10.0.1.1"));
	assert_int_equal(route_type(f, "10.0.1.2"), 0);
	assert_int_equal(route_type(f, "192.0.2.1"), 0);
	assert_int_equal(route_type(f, "10.0.0.2"), ROUTE_UNICAST);
}

static void address_of_a_stopped_interface_is_ours_but_its_link_is_not_reached(void **state)
{
	struct ip4_fix *f = *state;

	netif_set_up(&f->a->netif, false);
	add_addr(f->a, "10.0.0.1", 24);
	assert_true(is_ours(f, "10.0.0.1"));
	assert_int_equal(route_type(f, "10.0.0.1"), ROUTE_LOCAL);
	assert_int_equal(route_type(f, "10.0.0.2"), 0);
	netif_set_up(&f->a->netif, true);
	assert_int_equal(route_type(f, "10.0.0.2"), ROUTE_UNICAST);
}

static void address_is_announced_when_added_and_when_the_interface_starts(void **state)
{
	struct ip4_fix *f = *state;
	struct fix_frame fr;
	struct arp arp;

	add_addr(f->a, "10.0.0.1", 24);
	fix_settle(f->eng);
	assert_true(fix_sent(f->a, &fr));
	arp = fix_arp_of(&fr);
	assert_ip4(arp.spa, "10.0.0.1");
	assert_ip4(arp.tpa, "10.0.0.1");
	fix_ignore_sent(f->a);
	netif_set_carrier(&f->a->netif, false);
	fix_settle(f->eng);
	fix_assert_silent(f->a);
	netif_set_carrier(&f->a->netif, true);
	fix_settle(f->eng);
	assert_true(fix_n_unseen(f->a) > 0);
}

static void thousands_of_addresses_are_found_and_given_back(void **state)
{
	struct ip4_fix *f = *state;
	enum {
		N = 5000
	};

	netif_set_up(&f->a->netif, false);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(
			ip4_addr_add(&f->a->netif, ip4_addr_from_u32(0x0a000001 + i * 7), 32), 0);
	assert_true(f->st->ip4->own_mask >= N / 4);
	for (uint32_t i = 0; i < N * 7; i++)
		assert_int_equal(ip4_own(f->st->ip4, ip4_addr_from_u32(0x0a000001 + i)),
				 i % 7 == 0 ? IP4_OWN_LOCAL : IP4_OWN_NO);
}

static void *failing_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	int *left = ctx;

	if (new_bytes > old_bytes && (*left)-- <= 0)
		return NULL;
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

/* Each allocation on the way fails once: an error, nothing half done, nothing leaked. */
static void address_without_memory_leaves_no_trace(void **state)
{
	struct ip4_fix *f = *state;
	struct mem *mem = &f->eng->mem;
	uint64_t n_blocks;
	uint32_t n_routes = f->st->ip4->fib.n_routes;
	void *ctx = mem->ctx;
	mem_realloc_fn *fn = mem->realloc;
	int err = -ENOMEM, left;

	netif_set_up(&f->a->netif, false); /* no announcement */
	n_blocks = mem->n_blocks;
	for (int n = 0; err; n++) {
		left = n;
		mem->realloc = failing_realloc;
		mem->ctx = &left;
		err = ip4_addr_add(&f->a->netif, ip4("10.0.0.1"), 24);
		mem->realloc = fn;
		mem->ctx = ctx;
		assert_true(err == 0 || err == -ENOMEM);
		if (!err)
			break;
		assert_int_equal(mem->n_blocks, n_blocks);
		assert_int_equal(f->st->ip4->fib.n_routes, n_routes);
		assert_false(is_ours(f, "10.0.0.1"));
	}
	assert_true(is_ours(f, "10.0.0.1"));
}

static void stack_without_memory_is_refused_and_freed(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct mem *mem = &eng->mem;
	mem_realloc_fn *fn = mem->realloc;
	void *ctx = mem->ctx;
	int err = -ENOMEM, left;

	for (int n = 0; err; n++) {
		struct stack *st = fix_stack(eng, "poor");

		left = n;
		mem->realloc = failing_realloc;
		mem->ctx = &left;
		err = ip4_init(st);
		mem->realloc = fn;
		mem->ctx = ctx;
		assert_true(err == 0 || err == -ENOMEM);
		stack_free(st);
	}
	fix_end(eng);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(loopback_has_its_address_by_itself),
		T(address_brings_local_connected_and_broadcast_routes),
		T(short_links_have_no_broadcast),
		T(addresses_that_name_no_host_are_refused),
		T(second_address_of_a_prefix_keeps_its_routes_until_the_last_goes),
		T(primary_addresses_come_before_secondary_ones),
		T(oldest_of_several_secondary_addresses_becomes_primary),
		T(same_address_with_two_prefixes_stays_ours_until_both_go),
		T(same_prefix_on_two_interfaces_survives_on_the_other),
		T(lost_address_takes_routes_that_prefer_it_along),
		T(deleted_interface_takes_addresses_and_routes_along),
		T(address_of_a_stopped_interface_is_ours_but_its_link_is_not_reached),
		T(address_is_announced_when_added_and_when_the_interface_starts),
		T(thousands_of_addresses_are_found_and_given_back),
		T(address_without_memory_leaves_no_trace),
		cmocka_unit_test(stack_without_memory_is_refused_and_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
