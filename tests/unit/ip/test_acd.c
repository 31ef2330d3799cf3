/* SPDX-License-Identifier: MIT */
/*
 * Address conflict detection (RFC 5227) and IPv4 link-local addresses (RFC 3927): what is sent and
 * when, and what conflicts do. Times are exact: the clock is the test's.
 */
#include "ip4_fixture.h"

#include "unit.h"

#include "ip/acd.h"
#include "link/arp.h"

static const struct eth_addr stranger = {{2, 0, 0, 0, 0, 0x77}};

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

/* What has left by eth0: probes and announcements, when each, and for which address. */
static uint32_t n_probes, n_announcements;
static int64_t times_ns[16];
static struct ip4_addr last_addr;

static void take_sent(struct ip4_fix *f)
{
	struct fix_frame frame;

	while (fix_sent(f->a, &frame)) {
		struct arp arp = fix_arp_of(&frame);

		assert_true(eth_addr_is_broadcast((const struct eth_addr *)(const void *)frame.b));
		assert_int_equal(arp.op, ARP_REQUEST);
		times_ns[(n_probes + n_announcements) % 16] = f->eng->now_ns;
		last_addr = arp.tpa;
		if (ip4_addr_is_unspecified(&arp.spa))
			n_probes++;
		else
			n_announcements++;
		if (!ip4_addr_is_unspecified(&arp.spa))
			assert_true(ip4_addr_eq(&arp.spa, &arp.tpa));
	}
}

/* Lets time pass in steps of 10 ms, and counts what is sent meanwhile. */
static void pass(struct ip4_fix *f, int64_t ns)
{
	int64_t end_ns = f->eng->now_ns + ns;

	while (f->eng->now_ns < end_ns) {
		int64_t left_ns = end_ns - f->eng->now_ns;

		fix_advance(f->eng, left_ns < 10 * MSEC ? left_ns : 10 * MSEC);
		take_sent(f);
	}
}

static void count_anew(void)
{
	n_probes = n_announcements = 0;
	memset(times_ns, 0, sizeof(times_ns));
}

static void begin(struct ip4_fix *f, const char *addr)
{
	count_anew();
	fix_ignore_sent(f->a);
	assert_int_equal(acd_add(&f->a->netif, ip4(addr), 24), 0);
}

static void hear(struct ip4_fix *f, struct arp arp)
{
	struct fix_frame frame;

	arp.sha = stranger;
	frame = fix_arp_frame(ETH_ADDR_BROADCAST, &arp);
	fix_rx(f->a, &frame);
}

static bool is_used(const struct ip4_fix *f, const char *addr)
{
	return ip4_own(f->st->ip4, ip4(addr)) == IP4_OWN_LOCAL;
}

static uint8_t state_of(const struct ip4_fix *f)
{
	struct list *first = list_first(&f->a->netif.ip4->acds);

	assert_non_null(first);
	return container_of(first, struct acd, link)->state;
}

static void address_is_probed_three_times_then_announced_twice(void **state)
{
	struct ip4_fix *f = *state;
	int64_t start_ns;

	begin(f, "10.0.0.1");
	start_ns = f->eng->now_ns;
	assert_false(is_used(f, "10.0.0.1"));
	pass(f, 12 * SEC);
	assert_int_equal(n_probes, 3);
	assert_int_equal(n_announcements, 2);
	assert_ip4(last_addr, "10.0.0.1");
	/* RFC 5227 §1.1: PROBE_WAIT, PROBE_MIN and MAX, ANNOUNCE_WAIT, ANNOUNCE_INTERVAL. */
	assert_in_range(times_ns[0] - start_ns, 0, SEC + 10 * MSEC);
	for (int i = 1; i < 3; i++)
		assert_in_range(times_ns[i] - times_ns[i - 1], SEC - 10 * MSEC,
				2 * SEC + 10 * MSEC);
	assert_in_range(times_ns[3] - times_ns[2], 2 * SEC - 10 * MSEC, 2 * SEC + 10 * MSEC);
	assert_in_range(times_ns[4] - times_ns[3], 2 * SEC - 10 * MSEC, 2 * SEC + 10 * MSEC);
	assert_true(is_used(f, "10.0.0.1"));
	assert_int_equal(state_of(f), ACD_BOUND);
}

static void address_that_somebody_speaks_with_is_never_used(void **state)
{
	struct ip4_fix *f = *state;

	begin(f, "10.0.0.1");
	pass(f, 1500 * MSEC);
	hear(f, (struct arp){.op = ARP_REPLY, .spa = ip4("10.0.0.1"), .tpa = ip4("10.0.0.9")});
	pass(f, 20 * SEC);
	assert_false(is_used(f, "10.0.0.1"));
	assert_int_equal(n_announcements, 0);
	assert_int_equal(state_of(f), ACD_DUPLICATE);
	assert_int_equal(f->st->mib[MIB_ArpAcdConflicts], 1);
}

static void probe_of_another_host_for_it_is_a_conflict_too(void **state)
{
	struct ip4_fix *f = *state;

	begin(f, "10.0.0.1");
	pass(f, 4500 * MSEC);
	hear(f, (struct arp){.op = ARP_REQUEST, .tpa = ip4("10.0.0.1")});
	assert_int_equal(state_of(f), ACD_DUPLICATE);
	/* Not a question of somebody who has an address, nor a probe for another one. */
	assert_int_equal(acd_add(&f->a->netif, ip4("10.0.0.3"), 24), 0);
	pass(f, 500 * MSEC);
	hear(f, (struct arp){.op = ARP_REQUEST, .spa = ip4("10.0.0.9"), .tpa = ip4("10.0.0.3")});
	hear(f, (struct arp){.op = ARP_REQUEST, .tpa = ip4("10.0.0.4")});
	pass(f, 8 * SEC);
	assert_true(is_used(f, "10.0.0.3"));
}

static void first_conflict_is_answered_and_a_second_soon_gives_up(void **state)
{
	struct ip4_fix *f = *state;
	const struct arp theirs = {
		.op = ARP_REQUEST, .spa = ip4("10.0.0.1"), .tpa = ip4("10.0.0.9")};

	begin(f, "10.0.0.1");
	pass(f, 12 * SEC);
	count_anew();
	hear(f, theirs);
	take_sent(f);
	assert_int_equal(n_announcements, 1);
	assert_true(is_used(f, "10.0.0.1"));
	pass(f, 11 * SEC); /* DEFEND_INTERVAL is 10 s */
	hear(f, theirs);
	take_sent(f);
	assert_int_equal(n_announcements, 2);
	assert_true(is_used(f, "10.0.0.1"));
	assert_int_equal(f->st->mib[MIB_ArpAcdDefends], 2);
	pass(f, 9 * SEC);
	hear(f, theirs);
	take_sent(f);
	assert_int_equal(n_announcements, 2);
	assert_false(is_used(f, "10.0.0.1"));
	assert_int_equal(state_of(f), ACD_DUPLICATE);
	pass(f, 60 * SEC);
	assert_int_equal(n_probes, 0);
}

static void link_that_comes_back_is_asked_again(void **state)
{
	struct ip4_fix *f = *state;

	begin(f, "10.0.0.1");
	hear(f, (struct arp){.op = ARP_REQUEST, .tpa = ip4("10.0.0.1")});
	assert_int_equal(state_of(f), ACD_DUPLICATE);
	netif_set_carrier(&f->a->netif, false);
	assert_int_equal(state_of(f), ACD_DOWN);
	pass(f, 5 * SEC);
	assert_int_equal(n_probes, 0);
	netif_set_carrier(&f->a->netif, true);
	pass(f, 12 * SEC);
	assert_int_equal(n_probes, 3);
	assert_true(is_used(f, "10.0.0.1"));
	netif_set_carrier(&f->a->netif, false);
	assert_false(is_used(f, "10.0.0.1"));
}

static void probed_address_is_deleted_like_any_other(void **state)
{
	struct ip4_fix *f = *state;

	begin(f, "10.0.0.1");
	assert_int_equal(acd_add(&f->a->netif, ip4("10.0.0.1"), 24), -EEXIST);
	assert_int_equal(ip4_addr_del(&f->a->netif, ip4("10.0.0.1"), 24), 0);
	assert_int_equal(ip4_addr_del(&f->a->netif, ip4("10.0.0.1"), 24), -EADDRNOTAVAIL);
	pass(f, 12 * SEC);
	assert_int_equal(n_probes, 0);
	begin(f, "10.0.0.1");
	pass(f, 12 * SEC);
	assert_int_equal(ip4_addr_del(&f->a->netif, ip4("10.0.0.1"), 24), 0);
	assert_false(is_used(f, "10.0.0.1"));
	/* Added by hand it is used at once. */
	begin(f, "10.0.0.1");
	assert_int_equal(ip4_addr_add(&f->a->netif, ip4("10.0.0.1"), 24), 0);
	assert_true(is_used(f, "10.0.0.1"));
	assert_null(list_first(&f->a->netif.ip4->acds));
	assert_int_equal(acd_add(&f->a->netif, ip4("10.0.0.1"), 24), -EEXIST);
	assert_int_equal(acd_add(f->lo, ip4("10.0.0.5"), 24), -EINVAL);
	assert_int_equal(acd_add(&f->a->netif, ip4("10.0.0.5"), 33), -EINVAL);
	assert_int_equal(acd_add(&f->a->netif, ip4("224.0.0.5"), 24), -EINVAL);
}

static struct ip4_addr link_local(const struct ip4_fix *f)
{
	struct list *first = list_first(&f->a->netif.ip4->acds);

	assert_non_null(first);
	return container_of(first, struct acd, link)->addr;
}

static void link_local_address_is_of_its_range_and_used_when_free(void **state)
{
	struct ip4_fix *f = *state;
	struct ip4_addr addr, again;

	count_anew();
	fix_ignore_sent(f->a);
	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	addr = link_local(f);
	assert_in_range(ip4_addr_u32(&addr), 0xa9fe0100u, 0xa9fefeffu); /* RFC 3927 §2.1 */
	pass(f, 12 * SEC);
	assert_int_equal(n_probes, 3);
	assert_int_equal(n_announcements, 2);
	assert_int_equal(ip4_own(f->st->ip4, addr), IP4_OWN_LOCAL);
	/* The same host finds the same address again. */
	assert_int_equal(acd_link_local_set(&f->a->netif, false), 0);
	assert_int_equal(ip4_own(f->st->ip4, addr), IP4_OWN_NO);
	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	again = link_local(f);
	assert_true(ip4_addr_eq(&addr, &again));
}

static void taken_link_local_address_makes_another_one_be_tried(void **state)
{
	struct ip4_fix *f = *state;
	struct ip4_addr first, second;

	count_anew();
	fix_ignore_sent(f->a);
	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	first = link_local(f);
	pass(f, 1500 * MSEC);
	hear(f, (struct arp){.op = ARP_REPLY, .spa = first, .tpa = ip4("10.0.0.9")});
	second = link_local(f);
	assert_false(ip4_addr_eq(&first, &second));
	pass(f, 12 * SEC);
	assert_int_equal(ip4_own(f->st->ip4, first), IP4_OWN_NO);
	assert_int_equal(ip4_own(f->st->ip4, second), IP4_OWN_LOCAL);
}

/* RFC 3927 §2.2.1, RFC 5227 §2.1.1: MAX_CONFLICTS, RATE_LIMIT_INTERVAL. */
static void after_ten_conflicts_one_address_a_minute_is_tried(void **state)
{
	struct ip4_fix *f = *state;

	fix_ignore_sent(f->a);
	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	for (int i = 0; i < 10; i++) {
		pass(f, 1100 * MSEC);
		hear(f,
		     (struct arp){.op = ARP_REPLY, .spa = link_local(f), .tpa = ip4("10.0.0.9")});
	}
	count_anew();
	pass(f, 59 * SEC);
	assert_int_equal(n_probes, 0);
	pass(f, 2 * SEC);
	assert_int_equal(n_probes, 1);
	hear(f, (struct arp){.op = ARP_REPLY, .spa = link_local(f), .tpa = ip4("10.0.0.9")});
	pass(f, 59 * SEC);
	assert_int_equal(n_probes, 1);
	pass(f, 12 * SEC);
	assert_int_equal(n_probes, 4);
	assert_int_equal(state_of(f), ACD_BOUND);
}

static void bound_link_local_address_is_defended_once_then_changed(void **state)
{
	struct ip4_fix *f = *state;
	struct ip4_addr first, second;
	struct arp theirs;

	fix_ignore_sent(f->a);
	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	pass(f, 12 * SEC);
	first = link_local(f);
	theirs = (struct arp){.op = ARP_REPLY, .spa = first, .tpa = ip4("10.0.0.9")};
	hear(f, theirs);
	pass(f, SEC);
	assert_int_equal(ip4_own(f->st->ip4, first), IP4_OWN_LOCAL);
	hear(f, theirs);
	assert_int_equal(ip4_own(f->st->ip4, first), IP4_OWN_NO);
	pass(f, 12 * SEC);
	second = link_local(f);
	assert_false(ip4_addr_eq(&first, &second));
	assert_int_equal(ip4_own(f->st->ip4, second), IP4_OWN_LOCAL);
}

/* §2.5 (b): another one, also when the one that is lost was not the first. */
static void each_conflict_makes_another_link_local_address(void **state)
{
	struct ip4_fix *f = *state;
	struct ip4_addr were[4];

	fix_ignore_sent(f->a);
	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	for (int i = 0; i < 4; i++) {
		struct arp theirs = {.op = ARP_REPLY, .tpa = ip4("10.0.0.9")};

		pass(f, 12 * SEC);
		were[i] = theirs.spa = link_local(f);
		assert_int_equal(ip4_own(f->st->ip4, were[i]), IP4_OWN_LOCAL);
		for (int j = 0; j < i; j++)
			assert_false(ip4_addr_eq(&were[i], &were[j]));
		hear(f, theirs);
		hear(f, theirs);
	}
}

/* RFC 3927 §2.5: so that whoever has the same address hears of it. */
static void arp_from_a_link_local_address_is_broadcast(void **state)
{
	struct ip4_fix *f = *state;
	struct arp ask = {.op = ARP_REQUEST, .sha = stranger, .spa = ip4("169.254.9.9")};
	struct fix_frame frame;
	struct arp arp;

	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	pass(f, 12 * SEC);
	fix_ignore_sent(f->a);
	ask.tpa = link_local(f);
	frame = fix_arp_frame(f->a->netif.hwaddr, &ask);
	fix_rx(f->a, &frame);
	assert_true(fix_sent(f->a, &frame));
	arp = fix_arp_of(&frame);
	assert_int_equal(arp.op, ARP_REPLY);
	assert_int_equal(frame.b[0], 0xff);
	assert_int_equal(frame.b[5], 0xff);
}

/* RFC 3927 §2.6.1. */
static void link_local_address_is_no_source_for_others(void **state)
{
	struct ip4_fix *f = *state;
	struct ip4_addr src;

	assert_int_equal(acd_link_local_set(&f->a->netif, true), 0);
	pass(f, 12 * SEC);
	assert_int_equal(ip4_addr_add(&f->a->netif, ip4("10.0.0.1"), 24), 0);
	fix_ignore_sent(f->a);
	assert_true(ip4_addr_select(f->st, &f->a->netif, ip4("192.0.2.1"), &src));
	assert_ip4(src, "10.0.0.1");
	assert_true(ip4_addr_select(f->st, &f->a->netif, ip4("169.254.7.7"), &src));
	assert_int_equal(src.b[0], 169);
}

static void gateway_may_be_in_a_prefix_that_is_still_asked_about(void **state)
{
	struct ip4_fix *f = *state;
	struct fib4_route r = {.netif = &f->a->netif,
			       .via = ip4("10.0.0.254"),
			       .type = ROUTE_UNICAST,
			       .proto = ROUTE_PROTO_BOOT};

	assert_int_equal(ip4_route_add(f->st, &r), -ENETUNREACH);
	begin(f, "10.0.0.1");
	assert_int_equal(ip4_route_add(f->st, &r), 0);
	pass(f, 12 * SEC);
	assert_true(is_used(f, "10.0.0.1"));
}

static void as_many_addresses_as_the_bound_are_probed(void **state)
{
	struct ip4_fix *f = *state;

	for (uint32_t i = 0; i < ACD_PER_IF_MAX; i++)
		assert_int_equal(acd_add(&f->a->netif, ip4_addr_from_u32(0x0a010000 + 1 + i), 16),
				 0);
	assert_int_equal(acd_add(&f->a->netif, ip4("10.1.9.9"), 16), -ENOSPC);
	fix_ignore_sent(f->a);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(address_is_probed_three_times_then_announced_twice),
		T(address_that_somebody_speaks_with_is_never_used),
		T(probe_of_another_host_for_it_is_a_conflict_too),
		T(first_conflict_is_answered_and_a_second_soon_gives_up),
		T(link_that_comes_back_is_asked_again),
		T(probed_address_is_deleted_like_any_other),
		T(link_local_address_is_of_its_range_and_used_when_free),
		T(taken_link_local_address_makes_another_one_be_tried),
		T(after_ten_conflicts_one_address_a_minute_is_tried),
		T(bound_link_local_address_is_defended_once_then_changed),
		T(each_conflict_makes_another_link_local_address),
		T(arp_from_a_link_local_address_is_broadcast),
		T(link_local_address_is_no_source_for_others),
		T(gateway_may_be_in_a_prefix_that_is_still_asked_about),
		T(as_many_addresses_as_the_bound_are_probed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
