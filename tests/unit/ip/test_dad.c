/* SPDX-License-Identifier: MIT */
/* Duplicate address detection, and lifetimes of addresses (RFC 4862 §5.4, §5.5.4; RFC 7527). */
#include "nd_net.h"

static int put(struct nd_net *n, const char *text, const struct weft_addr_how *how)
{
	struct weft_addr addr;

	assert_int_equal(weft_addr_parse(text, &addr), 0);
	return weft_addr_put(n->nif, &addr, 64, how);
}

static void tentative(struct nd_net *n)
{
	nd_net_start(n, true);
	nd_set(n, "net.ipv6.conf.eth0.accept_dad", 1);
	assert_int_equal(put(n, "2001:db8::1", &(struct weft_addr_how){.dad = true}), 0);
	nd_settle(n);
	assert_int_equal(nd_ifaddr(n, "2001:db8::1")->state, IP6_ADDR_TENTATIVE);
}

static void link_local_is_asked_about_within_a_second_and_serves_a_second_later(void **state UNUSED)
{
	const struct nd_said *ns;
	struct nd_net n;

	nd_net_start(&n, false);
	assert_int_equal(nd_ifaddr(&n, ND_HOST_LL)->state, IP6_ADDR_TENTATIVE);
	nd_advance(&n, ND_SEC);
	ns = nd_heard(&n, ICMP6_NEIGH_SOLICIT);
	assert_non_null(ns);
	assert_ip6(&ns->ip.src, "::");
	assert_ip6(&ns->ip.dst, "ff02::1:ff00:1");
	assert_ip6(&ns->target, ND_HOST_LL);
	assert_false(ns->opts.has_src);
	assert_true(ns->opts.has_nonce);
	nd_advance(&n, ns->at_ns + ND_SEC - ND_MSEC - weft_engine_now_ns(n.eng));
	assert_int_equal(nd_ifaddr(&n, ND_HOST_LL)->state, IP6_ADDR_TENTATIVE);
	nd_advance(&n, ND_MSEC);
	assert_int_equal(nd_ifaddr(&n, ND_HOST_LL)->state, IP6_ADDR_PREFERRED);
	assert_null(nd_heard(&n, ICMP6_NEIGH_SOLICIT));
	nd_net_end(&n);
}

static void tentative_is_asked_about_as_often_as_the_setting_says(void **state UNUSED)
{
	uint32_t n_asked = 0;
	struct nd_net n;

	nd_net_start(&n, true);
	nd_set(&n, "net.ipv6.conf.all.accept_dad", 1);
	nd_set(&n, "net.ipv6.conf.eth0.dad_transmits", 3);
	assert_int_equal(put(&n, "2001:db8::1", &(struct weft_addr_how){.dad = true}), 0);
	nd_advance(&n, 3 * ND_SEC - 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_TENTATIVE);
	while (nd_heard(&n, ICMP6_NEIGH_SOLICIT))
		n_asked++;
	assert_int_equal(n_asked, 3);
	nd_advance(&n, 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_PREFERRED);
	nd_net_end(&n);
}

static void tentative_is_no_source_and_no_destination(void **state UNUSED)
{
	const struct ip6_addr a = nd_addr("2001:db8::1");
	struct nd_net n;

	tentative(&n);
	assert_false(ip6_own(nd_netif(&n)->stack->ip6, &a));
	nd_ns(&n, "fe80::9", "ff02::1:ff00:1", "2001:db8::1", NULL);
	assert_null(nd_heard(&n, ICMP6_NEIGH_ADVERT));
	assert_int_equal(nd_netif(&n)->stack->drops[DROP_ND_TENTATIVE], 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_TENTATIVE);
	nd_advance(&n, ND_SEC);
	nd_ns(&n, "fe80::9", "ff02::1:ff00:1", "2001:db8::1", NULL);
	assert_non_null(nd_heard(&n, ICMP6_NEIGH_ADVERT));
	assert_true(ip6_own(nd_netif(&n)->stack->ip6, &a));
	nd_net_end(&n);
}

static void tentative_asked_for_by_another_is_a_duplicate(void **state UNUSED)
{
	static const uint8_t theirs[ND_NONCE_LEN] = {1};
	struct nd_net n;

	for (int i = 0; i < 2; i++) {
		tentative(&n);
		nd_ns(&n, "::", "ff02::1:ff00:1", "2001:db8::1", i ? theirs : NULL);
		assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_DUPLICATE);
		nd_advance(&n, 60 * ND_SEC);
		assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_DUPLICATE);
		assert_int_equal(nd_netif(&n)->stack->mib[MIB_Ip6DadFailed], 1);
		nd_net_end(&n);
	}
}

static void tentative_advertised_by_another_is_a_duplicate(void **state UNUSED)
{
	struct nd_net n;

	tentative(&n);
	nd_na(&n, "2001:db8::1", "ff02::1", "2001:db8::1", ND_NA_OVERRIDE);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_DUPLICATE);
	nd_net_end(&n);
}

static void own_probe_that_comes_back_is_no_duplicate_but_asked_again(void **state UNUSED)
{
	const struct nd_said *ns;
	struct nd_net n;

	tentative(&n);
	ns = nd_heard(&n, ICMP6_NEIGH_SOLICIT);
	assert_non_null(ns);
	nd_ns(&n, "::", "ff02::1:ff00:1", "2001:db8::1", ns->opts.nonce);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_TENTATIVE);
	assert_int_equal(nd_netif(&n)->stack->drops[DROP_ND_LOOPED], 1);
	nd_advance(&n, 4 * ND_SEC - 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_TENTATIVE);
	for (int i = 0; i < 3; i++)
		assert_non_null(nd_heard(&n, ICMP6_NEIGH_SOLICIT));
	assert_null(nd_heard(&n, ICMP6_NEIGH_SOLICIT));
	nd_advance(&n, 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_PREFERRED);
	nd_net_end(&n);
}

static void without_carrier_nothing_is_asked(void **state UNUSED)
{
	struct nd_net n;

	nd_net_start(&n, true);
	nd_set(&n, "net.ipv6.conf.all.accept_dad", 1);
	netif_set_carrier(nd_netif(&n), false);
	assert_int_equal(put(&n, "2001:db8::1", &(struct weft_addr_how){.dad = true}), 0);
	nd_advance(&n, 10 * ND_SEC);
	assert_null(nd_heard(&n, ICMP6_NEIGH_SOLICIT));
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_TENTATIVE);
	netif_set_carrier(nd_netif(&n), true);
	nd_settle(&n);
	assert_non_null(nd_heard(&n, ICMP6_NEIGH_SOLICIT));
	nd_advance(&n, ND_SEC);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_PREFERRED);
	nd_net_end(&n);
}

static void lifetimes_deprecate_and_take_away(void **state UNUSED)
{
	struct nd_net n;

	nd_net_start(&n, true);
	assert_int_equal(
		put(&n, "2001:db8::1", &(struct weft_addr_how){.preferred_s = 10, .valid_s = 30}),
		0);
	assert_int_equal(
		put(&n, "2001:db8::2", &(struct weft_addr_how){.preferred_s = 40, .valid_s = 30}),
		-EINVAL);
	nd_advance(&n, 10 * ND_SEC - 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_PREFERRED);
	nd_advance(&n, 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_DEPRECATED);
	nd_advance(&n, 20 * ND_SEC);
	assert_null(nd_ifaddr(&n, "2001:db8::1"));
	nd_net_end(&n);
}

static void solicitation_from_off_the_link_is_dropped(void **state UNUSED)
{
	uint8_t icmp[ND_NS_LEN] = {0};
	const struct ip6_addr t = nd_addr("2001:db8::1");
	struct nd_net n;

	tentative(&n);
	icmp6_hdr_write(icmp, &(struct icmp6_hdr){.type = ICMP6_NEIGH_SOLICIT});
	memcpy(icmp + ICMP6_HDR_LEN, &t, sizeof(t));
	nd_put_hops(&n, "::", "ff02::1:ff00:1", 254, icmp, sizeof(icmp));
	assert_int_equal(nd_netif(&n)->stack->drops[DROP_ND_HOPS], 1);
	assert_int_equal(nd_ifaddr(&n, "2001:db8::1")->state, IP6_ADDR_TENTATIVE);
	nd_net_end(&n);
}

/* RFC 6980: not even in one fragment. */
static void solicitation_in_a_fragment_is_dropped(void **state UNUSED)
{
	const struct ip6_addr src = nd_addr("fe80::9"), dst = nd_addr("ff02::1:ff00:1"),
			      t = nd_addr("2001:db8::1");
	struct ip_addr s = ip_addr_from_ip6(&src), d = ip_addr_from_ip6(&dst);
	uint8_t frame[ETH_HDR_LEN + IP6_HDR_LEN + 8 + ND_NS_LEN] = {0x33, 0x33, 0xff, 0, 0, 1};
	uint8_t *ip = frame + ETH_HDR_LEN, *icmp = ip + IP6_HDR_LEN + 8;
	struct cpu_ops cpu;
	struct nd_net n;

	nd_net_start(&n, true);
	assert_int_equal(put(&n, "2001:db8::1", &(struct weft_addr_how){0}), 0);
	cpu_ops_init(&cpu);
	memcpy(frame + 6, nd_peer_mac, 6);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	ip6_hdr_write(ip, &(struct ip6_hdr){.src = src,
					    .dst = dst,
					    .payload_len = 8 + ND_NS_LEN,
					    .next_hdr = IP_PROTO_FRAGMENT,
					    .hop_limit = ND_HOP_LIMIT});
	ip[IP6_HDR_LEN] = IP_PROTO_ICMPV6;
	icmp6_hdr_write(icmp, &(struct icmp6_hdr){.type = ICMP6_NEIGH_SOLICIT});
	memcpy(icmp + ICMP6_HDR_LEN, &t, sizeof(t));
	icmp6_csum_store(icmp,
			 csum_finish(csum_add(&cpu, icmp, ND_NS_LEN,
					      pseudo_sum(&s, &d, IP_PROTO_ICMPV6, ND_NS_LEN))));
	assert_int_equal(weft_netif_rx(n.nif, frame, sizeof(frame)), 0);
	nd_settle(&n);
	assert_int_equal(nd_netif(&n)->stack->drops[DROP_ND_FRAG], 1);
	assert_null(nd_heard(&n, ICMP6_NEIGH_ADVERT));
	nd_net_end(&n);
}

static void setting_of_an_interface_follows_default_and_all(void **state UNUSED)
{
	int64_t v;
	struct nd_net n;

	nd_net_start(&n, true);
	nd_set(&n, "net.ipv6.conf.eth0.hop_limit", 7);
	assert_int_equal(weft_stack_get(n.host, "net.ipv6.conf.default.hop_limit", &v), 0);
	assert_int_equal(v, 64);
	nd_set(&n, "net.ipv6.conf.default.hop_limit", 9);
	assert_int_equal(weft_stack_get(n.host, "net.ipv6.conf.eth0.hop_limit", &v), 0);
	assert_int_equal(v, 7);
	nd_set(&n, "net.ipv6.conf.all.hop_limit", 5);
	assert_int_equal(weft_stack_get(n.host, "net.ipv6.conf.eth0.hop_limit", &v), 0);
	assert_int_equal(v, 5);
	assert_int_equal(weft_stack_set(n.host, "net.ipv6.conf.eth1.hop_limit", 5), -ENODEV);
	assert_int_equal(weft_stack_set(n.host, "net.ipv6.conf.eth0.hop_limit", 0), -EINVAL);
	nd_net_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			link_local_is_asked_about_within_a_second_and_serves_a_second_later),
		cmocka_unit_test(tentative_is_asked_about_as_often_as_the_setting_says),
		cmocka_unit_test(tentative_is_no_source_and_no_destination),
		cmocka_unit_test(tentative_asked_for_by_another_is_a_duplicate),
		cmocka_unit_test(tentative_advertised_by_another_is_a_duplicate),
		cmocka_unit_test(own_probe_that_comes_back_is_no_duplicate_but_asked_again),
		cmocka_unit_test(without_carrier_nothing_is_asked),
		cmocka_unit_test(lifetimes_deprecate_and_take_away),
		cmocka_unit_test(solicitation_from_off_the_link_is_dropped),
		cmocka_unit_test(solicitation_in_a_fragment_is_dropped),
		cmocka_unit_test(setting_of_an_interface_follows_default_and_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
