/* SPDX-License-Identifier: MIT */
/* Redirects of IPv6, heeded and sent (RFC 4861 §8). */
#include <stdio.h>

#include "link/neigh.h"
#include "nd_net.h"

#define R1  "fe80::9"
#define R2  "fe80::2"
#define FAR "2001:db8:1::1"

static void route_add(struct nd_net *n, const char *text)
{
	assert_int_equal(weft_route_add_text(n->host, text), 0);
}

static void host_start(struct nd_net *n)
{
	nd_net_start(n, true);
	route_add(n, "default via " R1 " dev eth0");
}

static size_t redirect_write(uint8_t *icmp, const char *target, const char *dst, bool has_lladdr)
{
	const struct ip6_addr t = nd_addr(target), d = nd_addr(dst);
	const struct eth_addr mac = {{2, 0, 0, 0, 0, 2}};
	struct wr w = wr_make(icmp + ICMP6_HDR_LEN, 64);

	icmp6_hdr_write(icmp, &(struct icmp6_hdr){.type = ICMP6_REDIRECT});
	wr_bytes(&w, &t, sizeof(t));
	wr_bytes(&w, &d, sizeof(d));
	if (has_lladdr)
		nd_opt_lladdr_write(&w, ND_OPT_DST_LLADDR, &mac);
	return ICMP6_HDR_LEN + wr_len(&w);
}

static void redirect(struct nd_net *n, const char *src, const char *target, const char *dst)
{
	uint8_t icmp[80];
	size_t len = redirect_write(icmp, target, dst, true);

	nd_put(n, src, ND_HOST_LL, icmp, len);
}

static const struct fib6_route *route_to(struct nd_net *n, const char *dst)
{
	const struct ip6_addr a = nd_addr(dst);

	return fib6_lookup(&nd_netif(n)->stack->ip6->fib, &a);
}

static uint64_t drops(struct nd_net *n, enum drop why)
{
	return nd_netif(n)->stack->drops[why];
}

static void redirect_to_a_router_is_heeded_for_its_time(void **state UNUSED)
{
	struct ip_addr r2;
	struct nd_net n;

	host_start(&n);
	redirect(&n, R1, R2, FAR);
	assert_ip6(&route_to(&n, FAR)->via, R2);
	assert_ip6(&route_to(&n, "2001:db8:1::2")->via, R1);
	assert_int_equal(ip_addr_parse(R2, &r2), 0);
	assert_int_equal(neigh_find(nd_netif(&n), &r2)->state, NEIGH_STALE);
	nd_advance(&n, (REDIRECT6_S - 1) * ND_SEC);
	assert_ip6(&route_to(&n, FAR)->via, R2);
	nd_advance(&n, ND_SEC);
	assert_ip6(&route_to(&n, FAR)->via, R1);
	nd_net_end(&n);
}

static void redirect_to_the_destination_itself_puts_it_on_the_link(void **state UNUSED)
{
	struct nd_net n;

	host_start(&n);
	redirect(&n, R1, FAR, FAR);
	assert_ip6(&route_to(&n, FAR)->via, "::");
	assert_int_equal(route_to(&n, FAR)->proto, ROUTE_PROTO_REDIRECT);
	nd_net_end(&n);
}

static void redirect_from_another_than_the_first_hop_is_dropped(void **state UNUSED)
{
	struct nd_net n;

	host_start(&n);
	redirect(&n, R2, "fe80::3", FAR);
	assert_int_equal(drops(&n, DROP_ND_REDIRECT_SRC), 1);
	redirect(&n, R1, R2, FAR);
	redirect(&n, R1, "fe80::3", FAR); /* is the first hop no more */
	assert_int_equal(drops(&n, DROP_ND_REDIRECT_SRC), 2);
	redirect(&n, R2, "fe80::3", FAR);
	assert_ip6(&route_to(&n, FAR)->via, "fe80::3");
	nd_net_end(&n);
}

static void invalid_redirects_are_dropped_with_their_reason(void **state UNUSED)
{
	uint8_t icmp[96];
	struct nd_net n;
	size_t len;

	host_start(&n);
	len = redirect_write(icmp, R2, FAR, false);
	nd_put_hops(&n, R1, ND_HOST_LL, 254, icmp, len);
	assert_int_equal(drops(&n, DROP_ND_HOPS), 1);
	nd_put(&n, "2001:db8::9", ND_HOST_LL, icmp, len);
	nd_put(&n, R1, ND_HOST_LL, icmp, len - 1);
	icmp[1] = 1;
	nd_put(&n, R1, ND_HOST_LL, icmp, len);
	icmp[1] = 0;
	memset(icmp + len, 0, 8);
	nd_put(&n, R1, ND_HOST_LL, icmp, len + 8);
	assert_int_equal(drops(&n, DROP_ND_HDR), 4);
	redirect(&n, R1, R2, "ff02::5");
	redirect(&n, R1, "2001:db8::7", FAR); /* neither link-local nor the destination */
	assert_int_equal(drops(&n, DROP_ND_HDR), 6);
	assert_ip6(&route_to(&n, FAR)->via, R1);
	nd_net_end(&n);
}

static void redirect_is_ignored_where_the_setting_or_forwarding_says_so(void **state UNUSED)
{
	struct nd_net n;

	host_start(&n);
	nd_set(&n, "net.ipv6.conf.eth0.accept_redirects", 0);
	redirect(&n, R1, R2, FAR);
	nd_set(&n, "net.ipv6.conf.eth0.accept_redirects", 1);
	nd_set(&n, "net.ipv6.conf.all.forwarding", 1);
	redirect(&n, R1, R2, FAR);
	assert_int_equal(drops(&n, DROP_ND_REDIRECT_IGNORED), 2);
	assert_ip6(&route_to(&n, FAR)->via, R1);
	nd_net_end(&n);
}

static void first_hop_that_does_not_answer_is_given_up(void **state UNUSED)
{
	const struct ip6_addr r2 = nd_addr(R2);
	struct nd_net n;

	host_start(&n);
	redirect(&n, R1, R2, FAR);
	redirect6_silent(nd_netif(&n), &r2);
	assert_ip6(&route_to(&n, FAR)->via, R1);
	nd_net_end(&n);
}

static void flood_of_redirects_stays_within_its_bound(void **state UNUSED)
{
	struct nd_net n;
	char dst[40];

	host_start(&n);
	for (unsigned int i = 1; i <= REDIRECT6_MAX + 100; i++) {
		snprintf(dst, sizeof(dst), "2001:db8:1::%x", i);
		redirect(&n, R1, R2, dst);
	}
	assert_int_equal(nd_netif(&n)->stack->ip6->redirects.n_entries, REDIRECT6_MAX);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R1);
	assert_ip6(&route_to(&n, dst)->via, R2);
	nd_net_end(&n);
}

/*
 * A router.
 */

static void router_start(struct nd_net *n)
{
	struct weft_addr addr;

	nd_net_start(n, true);
	nd_set(n, "net.ipv6.conf.all.forwarding", 1);
	assert_int_equal(weft_addr_parse("2001:db8::1", &addr), 0);
	assert_int_equal(weft_addr_add(n->nif, &addr, 64), 0);
	route_add(n, "2001:db8:1::/48 via " R2 " dev eth0");
	route_add(n, "2001:db8:2::/48 via 2001:db8::2");
}

/* `src` is made known, so that the redirect can be seen, and sends an echo request. */
static void ping(struct nd_net *n, const char *src, const char *dst)
{
	uint8_t icmp[64] = {ICMP6_ECHO};
	struct weft_addr addr;

	assert_int_equal(weft_addr_parse(src, &addr), 0);
	assert_int_equal(weft_neigh_add(n->nif, &addr, nd_peer_mac), 0);
	nd_put_hops(n, src, dst, 64, icmp, sizeof(icmp));
}

static void router_tells_a_neighbour_of_the_nearer_router(void **state UNUSED)
{
	static const uint8_t r2_mac[6] = {2, 0, 0, 0, 0, 2};
	const struct nd_said *s;
	struct weft_addr r2;
	struct ip6_hdr quoted;
	struct ip6_addr a;
	struct nd_net n;

	router_start(&n);
	assert_int_equal(weft_addr_parse(R2, &r2), 0);
	assert_int_equal(weft_neigh_add(n.nif, &r2, r2_mac), 0);
	ping(&n, "2001:db8::5", FAR);
	s = nd_heard(&n, ICMP6_REDIRECT);
	assert_non_null(s);
	assert_ip6(&s->ip.src, ND_HOST_LL);
	assert_ip6(&s->ip.dst, "2001:db8::5");
	assert_int_equal(s->ip.hop_limit, 255);
	memcpy(&a, s->bytes + 8, 16);
	assert_ip6(&a, R2);
	memcpy(&a, s->bytes + 24, 16);
	assert_ip6(&a, FAR);
	assert_int_equal(s->bytes[40], ND_OPT_DST_LLADDR);
	assert_memory_equal(s->bytes + 42, r2_mac, 6);
	assert_int_equal(s->bytes[48], ND_OPT_REDIRECTED);
	assert_int_equal(s->bytes[49], (8 + 40 + 64) / 8);
	ip6_hdr_read(s->bytes + 56, &quoted);
	assert_ip6(&quoted.src, "2001:db8::5");
	assert_int_equal(quoted.hop_limit, 64);
	assert_non_null(nd_heard(&n, ICMP6_ECHO)); /* and passes it on */
	nd_net_end(&n);
}

static void router_says_nothing_where_there_is_nothing_to_say(void **state UNUSED)
{
	struct nd_net n;

	router_start(&n);
	ping(&n, "2001:db8:9::5", FAR);           /* is no neighbour */
	ping(&n, "2001:db8::5", "2001:db8:2::1"); /* by a router without a link-local name */
	assert_null(nd_heard(&n, ICMP6_REDIRECT));
	nd_net_end(&n);
}

static void router_says_it_only_so_often(void **state UNUSED)
{
	uint32_t n_redirects = 0;
	struct nd_net n;

	router_start(&n);
	for (int i = 0; i < 50; i++)
		ping(&n, "2001:db8::5", FAR);
	while (nd_heard(&n, ICMP6_REDIRECT))
		n_redirects++;
	assert_in_range(n_redirects, 1, 10);
	nd_net_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redirect_to_a_router_is_heeded_for_its_time),
		cmocka_unit_test(redirect_to_the_destination_itself_puts_it_on_the_link),
		cmocka_unit_test(redirect_from_another_than_the_first_hop_is_dropped),
		cmocka_unit_test(invalid_redirects_are_dropped_with_their_reason),
		cmocka_unit_test(redirect_is_ignored_where_the_setting_or_forwarding_says_so),
		cmocka_unit_test(first_hop_that_does_not_answer_is_given_up),
		cmocka_unit_test(flood_of_redirects_stays_within_its_bound),
		cmocka_unit_test(router_tells_a_neighbour_of_the_nearer_router),
		cmocka_unit_test(router_says_nothing_where_there_is_nothing_to_say),
		cmocka_unit_test(router_says_it_only_so_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
