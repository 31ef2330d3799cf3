/* SPDX-License-Identifier: MIT */
/* Settings of single interfaces, net.ipv4.conf.IF.*: what they do there, and that others are as
 * they were. */
#include "ip4_fixture.h"
#include "link/neigh.h"

static int setup(void **state)
{
	*state = ip4_fix_router();
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

#define THROUGH(...) DGRAM(.hdr.dst = {{10, 0, 1, 2}}, __VA_ARGS__)
#define BACK(...)    DGRAM(.hdr.src = {{10, 0, 1, 2}}, .hdr.dst = {{10, 0, 0, 2}}, __VA_ARGS__)

static int64_t get(struct ip4_fix *f, const char *name)
{
	int64_t v = -1;

	assert_int_equal(sysctl_get(f->st, name, &v), 0);
	return v;
}

static void interface_that_does_not_forward_drops_what_comes_in(void **state)
{
	struct ip4_fix *f = *state;

	assert_int_equal(get(f, "net.ipv4.conf.eth0.forwarding"), 1);
	set_sysctl(f->st, "net.ipv4.conf.eth0.forwarding", 0);
	assert_int_equal(rx_verdict(f->a, THROUGH()), DROP_IP4_NOT_LOCAL);
	assert_int_equal(rx_verdict(f->b, BACK()), DROP_NONE);
	/* The stack's setting is every interface's, and the default. */
	set_sysctl(f->st, "net.ipv4.ip_forward", 0);
	assert_int_equal(rx_verdict(f->b, BACK()), DROP_IP4_NOT_LOCAL);
	assert_int_equal(get(f, "net.ipv4.conf.all.forwarding"), 0);
	set_sysctl(f->st, "net.ipv4.conf.all.forwarding", 1);
	assert_int_equal(get(f, "net.ipv4.ip_forward"), 1);
	assert_int_equal(get(f, "net.ipv4.conf.default.forwarding"), 1);
	assert_int_equal(rx_verdict(f->a, THROUGH()), DROP_NONE);
	assert_int_equal(sysctl_set(f->st, "net.ipv4.conf.eth7.forwarding", 1), -ENODEV);
	assert_int_equal(sysctl_set(f->st, "net.ipv4.conf.eth0.forwarding", 2), -EINVAL);
}

static void new_interface_has_what_is_the_default(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.conf.default.rp_filter", 2);
	set_sysctl(f->st, "net.ipv4.conf.default.arp_ignore", 8);
	(void)fix_if_new(f->st, "eth2");
	assert_int_equal(get(f, "net.ipv4.conf.eth2.rp_filter"), 2);
	assert_int_equal(get(f, "net.ipv4.conf.eth2.arp_ignore"), 8);
	assert_int_equal(get(f, "net.ipv4.conf.eth0.rp_filter"), 0);
}

static void way_back_is_looked_at_where_it_is_asked_for(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.conf.eth0.rp_filter", 1);
	assert_int_equal(rx_verdict(f->a, DGRAM(.hdr.src = ip4("10.0.1.2"))), DROP_IP_RPFILTER);
	assert_int_equal(rx_verdict(f->b, DGRAM(.hdr.dst = ip4("10.0.1.1"))), DROP_NONE);
}

static void source_route_is_taken_where_it_is_accepted(void **state)
{
	struct ip4_fix *f = *state;
	const struct dgram d = DGRAM(.hdr.hdr_len = 28, .opts = {131, 7, 8, 10, 0, 0, 9});

	set_sysctl(f->st, "net.ipv4.conf.eth0.accept_source_route", 1);
	assert_int_equal(rx_verdict(f->a, d), DROP_NONE);
	assert_int_equal(rx_verdict(f->b, d), DROP_IP4_SOURCE_ROUTE);
}

static void redirects_are_sent_where_they_are_wanted(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	add_neigh(f->a, "10.0.0.9", 0xa9);
	add_route(f->st, "198.51.100.0", 24, "10.0.0.9", NULL);
	set_sysctl(f->st, "net.ipv4.conf.eth1.send_redirects", 0);
	rx(f->a, THROUGH(.hdr.dst = ip4("198.51.100.1")));
	assert_int_equal(sent_icmp4(f->a, &s).type, ICMP4_REDIRECT);
	fix_ignore_sent(f->a);
	set_sysctl(f->st, "net.ipv4.conf.eth0.send_redirects", 0);
	fix_advance(f->eng, 60 * SEC);
	rx(f->a, THROUGH(.hdr.dst = ip4("198.51.100.1")));
	sent_ip4(f->a, &s);
	assert_ip4(s.hdr.dst, "198.51.100.1");
	fix_assert_silent(f->a);
}

/* RFC 1812 §5.3.5.2, RFC 2644. */
static void directed_broadcast_goes_to_another_link_when_that_is_asked_for(void **state)
{
	struct ip4_fix *f = *state;
	struct sent s;

	set_sysctl(f->st, "net.ipv4.conf.eth0.bc_forwarding", 1);
	assert_int_equal(rx_verdict(f->a, THROUGH(.hdr.dst = ip4("10.0.1.255"))), DROP_NONE);
	assert_int_equal(seen.n, 1); /* it is ours, too */
	sent_ip4(f->b, &s);
	assert_int_equal(s.hdr.ttl, 63);
	assert_int_equal(s.eth.dst.b[0], 0xff);
	assert_int_equal(s.l4_len, PAYLOAD_LEN);
	fix_assert_silent(f->b);
	/* Not to where it came from, not at the end of its time, not in a frame to all, not from
	 * another interface, not when nothing is forwarded. */
	rx(f->a, THROUGH(.hdr.dst = ip4("10.0.0.255")));
	rx(f->a, THROUGH(.hdr.dst = ip4("10.0.1.255"), .hdr.ttl = 1));
	rx(f->a, THROUGH(.hdr.dst = ip4("10.0.1.255"), .l2_dst = ETH_ADDR_BROADCAST));
	rx(f->b, BACK(.hdr.dst = ip4("10.0.0.255")));
	set_sysctl(f->st, "net.ipv4.conf.eth0.forwarding", 0);
	rx(f->a, THROUGH(.hdr.dst = ip4("10.0.1.255")));
	fix_assert_silent(f->a);
	fix_assert_silent(f->b);
	assert_int_equal(seen.n, 6);
}

/*
 * ARP.
 */

static void ask(struct fix_if *nif, const char *who, const char *whom)
{
	const struct arp req = {
		.op = ARP_REQUEST, .sha = fix_mac(0x55), .spa = ip4(who), .tpa = ip4(whom)};
	struct fix_frame fr = fix_arp_frame(ETH_ADDR_BROADCAST, &req);

	fix_rx(nif, &fr);
}

static bool answers(struct fix_if *nif, const char *who, const char *whom)
{
	struct fix_frame fr;

	ask(nif, who, whom);
	if (!fix_sent(nif, &fr))
		return false;
	assert_int_equal(fix_arp_of(&fr).op, ARP_REPLY);
	assert_ip4(fix_arp_of(&fr).spa, whom);
	return true;
}

static void arp_ignore_says_for_which_addresses_is_answered(void **state)
{
	static const struct {
		int mode;
		bool own, other, stranger;
	} cases[] = {{0, true, true, true},
		     {1, true, false, true},
		     {2, true, false, false},
		     {3, true, true, true},
		     {8, false, false, false}};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_sysctl(f->st, "net.ipv4.conf.eth0.arp_ignore", cases[i].mode);
		assert_int_equal(answers(f->a, "10.0.0.7", "10.0.0.1"), cases[i].own);
		assert_int_equal(answers(f->a, "10.0.0.7", "10.0.1.1"), cases[i].other);
		assert_int_equal(answers(f->a, "192.0.2.7", "10.0.0.1"), cases[i].stranger);
	}
	assert_true(answers(f->b, "10.0.1.7", "10.0.0.1"));
}

static void arp_filter_answers_where_packets_would_leave(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.conf.eth0.arp_filter", 1);
	assert_true(answers(f->a, "10.0.0.7", "10.0.0.1"));
	assert_false(answers(f->a, "10.0.1.7", "10.0.0.1"));
	assert_false(answers(f->a, "203.0.113.7", "10.0.0.1"));
	assert_true(answers(f->a, "0.0.0.0", "10.0.0.1")); /* a probe: RFC 5227 */
}

static struct neigh *entry(struct fix_if *nif, const char *text)
{
	struct ip_addr addr = ip(text);

	return neigh_find(&nif->netif, &addr);
}

static void arp_accept_learns_from_announcements(void **state)
{
	struct ip4_fix *f = *state;

	ask(f->a, "10.0.0.7", "10.0.0.7");
	assert_null(entry(f->a, "10.0.0.7"));
	set_sysctl(f->st, "net.ipv4.conf.eth0.arp_accept", 2);
	ask(f->a, "192.0.2.7", "192.0.2.7");
	assert_null(entry(f->a, "192.0.2.7"));
	ask(f->a, "10.0.0.7", "10.0.0.7");
	assert_non_null(entry(f->a, "10.0.0.7"));
	set_sysctl(f->st, "net.ipv4.conf.eth0.arp_accept", 1);
	ask(f->a, "192.0.2.7", "192.0.2.7");
	assert_non_null(entry(f->a, "192.0.2.7"));
}

static void arp_announce_says_who_asks(void **state)
{
	static const struct {
		int mode;
		const char *want;
	} cases[] = {{0, "10.0.1.1"}, {1, "10.0.0.1"}, {2, "10.0.0.1"}};
	struct ip4_fix *f = *state;
	struct fix_frame fr;
	struct ip_out o;
	char to[] = "10.0.0.10";

	add_addr(f->a, "10.0.0.3", 24);
	fix_ignore_sent(f->a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_sysctl(f->st, "net.ipv4.conf.eth0.arp_announce", cases[i].mode);
		to[8]++;
		o = IP_OUT(to, .ttl = 64);
		o.flow.src = ip("10.0.1.1");
		assert_int_equal(out(f, PAYLOAD_LEN, o), 0);
		fix_settle(f->eng);
		assert_true(fix_sent(f->a, &fr));
		assert_ip4(fix_arp_of(&fr).spa, cases[i].want);
	}
	/* One of the prefix is kept by 1. */
	set_sysctl(f->st, "net.ipv4.conf.eth0.arp_announce", 1);
	o = IP_OUT("10.0.0.19", .ttl = 64);
	o.flow.src = ip("10.0.0.3");
	assert_int_equal(out(f, PAYLOAD_LEN, o), 0);
	fix_settle(f->eng);
	assert_true(fix_sent(f->a, &fr));
	assert_ip4(fix_arp_of(&fr).spa, "10.0.0.3");
}

static void arp_notify_tells_the_link_of_our_addresses(void **state)
{
	struct ip4_fix *f = *state;
	struct fix_frame fr;

	netif_set_up(&f->a->netif, false);
	fix_ignore_sent(f->a);
	netif_set_up(&f->a->netif, true);
	fix_settle(f->eng);
	assert_true(fix_sent(f->a, &fr));
	assert_ip4(fix_arp_of(&fr).spa, "10.0.0.1");
	set_sysctl(f->st, "net.ipv4.conf.eth0.arp_notify", 0);
	netif_set_up(&f->a->netif, false);
	fix_ignore_sent(f->a);
	netif_set_up(&f->a->netif, true);
	fix_settle(f->eng);
	fix_assert_silent(f->a);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(interface_that_does_not_forward_drops_what_comes_in),
		T(new_interface_has_what_is_the_default),
		T(way_back_is_looked_at_where_it_is_asked_for),
		T(source_route_is_taken_where_it_is_accepted),
		T(redirects_are_sent_where_they_are_wanted),
		T(directed_broadcast_goes_to_another_link_when_that_is_asked_for),
		T(arp_ignore_says_for_which_addresses_is_answered),
		T(arp_filter_answers_where_packets_would_leave),
		T(arp_accept_learns_from_announcements),
		T(arp_announce_says_who_asks),
		T(arp_notify_tells_the_link_of_our_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
