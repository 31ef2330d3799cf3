/* SPDX-License-Identifier: MIT */
/* Router discovery and address autoconfiguration of a host (RFC 4861 §6, 4862 §5.5, 4191, 8106). */
#include <errno.h>
#include <stdio.h>

#include "ip/ra.h"
#include "link/neigh.h"
#include "nd_net.h"

#define R1 "fe80::ff:fe00:9"
#define R2 "fe80::2"

struct ra_said {
	struct nd_ra ra;
	uint8_t opts[512];
	struct wr w;
};

static void ra_begin(struct ra_said *s, uint16_t lifetime_s)
{
	*s = (struct ra_said){.ra.router_lifetime_s = lifetime_s};
	s->w = wr_make(s->opts, sizeof(s->opts));
}

static void ra_prefix(struct ra_said *s, const char *prefix, uint32_t valid_s, uint32_t preferred_s)
{
	nd_opt_prefix_write(&s->w, &(struct nd_prefix){.prefix = nd_addr(prefix),
						       .len = 64,
						       .on_link = true,
						       .autonomous = true,
						       .valid_s = valid_s,
						       .preferred_s = preferred_s});
}

static void ra_route(struct ra_said *s, const char *prefix, uint8_t len, uint8_t pref,
		     uint32_t life_s)
{
	nd_opt_route_write(&s->w, &(struct nd_route){.prefix = nd_addr(prefix),
						     .len = len,
						     .pref = pref,
						     .lifetime_s = life_s});
}

static size_t ra_write(const struct ra_said *s, uint8_t *icmp)
{
	struct wr w = wr_make(icmp + ICMP6_HDR_LEN, 600);

	icmp6_hdr_write(icmp, &(struct icmp6_hdr){.type = ICMP6_ROUTER_ADVERT,
						  .u.rest = nd_ra_rest(&s->ra)});
	nd_ra_write(&w, &s->ra);
	wr_bytes(&w, s->opts, wr_len(&s->w));
	return ICMP6_HDR_LEN + wr_len(&w);
}

static void ra_send(struct nd_net *n, const struct ra_said *s, const char *src)
{
	uint8_t icmp[700];

	nd_put(n, src, "ff02::1", icmp, ra_write(s, icmp));
}

static void listen_start(struct nd_net *n)
{
	nd_net_start(n, true);
	nd_set(n, "net.ipv6.conf.eth0.router_solicitations", 0);
	nd_set(n, "net.ipv6.conf.eth0.accept_ra", 1);
}

static const struct fib6_route *route_to(struct nd_net *n, const char *dst)
{
	const struct ip6_addr a = nd_addr(dst);

	return fib6_lookup(&nd_netif(n)->stack->ip6->fib, &a);
}

static void prefix_say(struct nd_net *n, uint32_t valid_s, uint32_t preferred_s)
{
	struct ra_said s;

	ra_begin(&s, 1800);
	ra_prefix(&s, "2001:db8::", valid_s, preferred_s);
	ra_send(n, &s, R1);
}

#define AUTO "2001:db8::ff:fe00:1"

static int64_t left_s(struct nd_net *n, const char *addr)
{
	return (nd_ifaddr(n, addr)->valid_until_ns - weft_engine_now_ns(n->eng)) / ND_SEC;
}

static uint64_t drops(struct nd_net *n, enum drop why)
{
	return nd_netif(n)->stack->drops[why];
}

static void host_asks_for_routers_ever_more_rarely(void **state UNUSED)
{
	const struct nd_said *rs;
	int64_t last_ns = 0, gap_ns = 0;
	struct nd_net n;

	nd_net_start(&n, false);
	nd_advance(&n, 3 * ND_SEC);
	for (int i = 0; i < 5; i++) {
		rs = nd_heard(&n, ICMP6_ROUTER_SOLICIT);
		assert_non_null(rs);
		assert_ip6(&rs->ip.src, ND_HOST_LL);
		assert_ip6(&rs->ip.dst, "ff02::2");
		assert_true(rs->opts.has_src);
		if (i == 1)
			assert_in_range(rs->at_ns - last_ns, 36 * ND_SEC / 10, 44 * ND_SEC / 10);
		if (i > 1)
			assert_in_range(rs->at_ns - last_ns, gap_ns * 19 / 10, gap_ns * 21 / 10);
		gap_ns = rs->at_ns - last_ns;
		last_ns = rs->at_ns;
		nd_advance(&n, i ? 5 * gap_ns / 2 : 5 * ND_SEC);
	}
	prefix_say(&n, 3600, 1800);
	while (nd_heard(&n, ICMP6_ROUTER_SOLICIT))
		;
	nd_advance(&n, 1700 * ND_SEC);
	assert_null(nd_heard(&n, ICMP6_ROUTER_SOLICIT));
	nd_net_end(&n);
}

static void advertisement_gives_address_route_and_default_router(void **state UNUSED)
{
	struct ip_addr router;
	struct nd_net n;

	listen_start(&n);
	nd_set(&n, "net.ipv6.conf.eth0.accept_dad", 1);
	prefix_say(&n, 3600, 1800);
	assert_int_equal(nd_ifaddr(&n, AUTO)->state, IP6_ADDR_TENTATIVE);
	nd_advance(&n, 2 * ND_SEC);
	assert_int_equal(nd_ifaddr(&n, AUTO)->state, IP6_ADDR_PREFERRED);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R1);
	assert_int_equal(route_to(&n, "2001:db8:1::1")->proto, ROUTE_PROTO_RA);
	assert_ip6(&route_to(&n, "2001:db8::5")->via, "::");
	assert_int_equal(ip_addr_parse(R1, &router), 0);
	assert_null(neigh_find(nd_netif(&n), &router)); /* it has not said where it is */
	nd_advance(&n, 1800 * ND_SEC);
	assert_null(route_to(&n, "2001:db8:1::1"));
	assert_int_equal(nd_ifaddr(&n, AUTO)->state, IP6_ADDR_DEPRECATED);
	nd_advance(&n, 1800 * ND_SEC);
	assert_null(nd_ifaddr(&n, AUTO));
	assert_null(route_to(&n, "2001:db8::5"));
	nd_net_end(&n);
}

static void advertisement_sets_what_it_says_of_the_link(void **state UNUSED)
{
	struct eth_addr mac = {{2, 0, 0, 0, 0, 9}};
	struct ip_addr router;
	struct ra_said s;
	struct nd_net n;

	listen_start(&n);
	ra_begin(&s, 100);
	s.ra.hop_limit = 33;
	s.ra.reachable_ms = 12345;
	s.ra.retrans_ms = 777;
	s.ra.managed = s.ra.other = true;
	nd_opt_mtu_write(&s.w, 1400);
	nd_opt_lladdr_write(&s.w, ND_OPT_SRC_LLADDR, &mac);
	ra_send(&n, &s, R1);
	assert_int_equal(nd_netif(&n)->ip6->conf.hop_limit, 33);
	assert_int_equal(nd_netif(&n)->neigh6->base_reachable_time_ms, 12345);
	assert_int_equal(nd_retrans_ms(nd_netif(&n)), 777);
	assert_int_equal(ip6_netif_mtu(nd_netif(&n)), 1400);
	assert_true(nd_netif(&n)->ip6->ra->managed && nd_netif(&n)->ip6->ra->other);
	assert_int_equal(ip_addr_parse(R1, &router), 0);
	assert_int_equal(neigh_find(nd_netif(&n), &router)->state, NEIGH_STALE);
	for (uint32_t mtu = 1279; mtu < 2000; mtu += 400) {
		ra_begin(&s, 100);
		nd_opt_mtu_write(&s.w, mtu == 1679 ? 1501 : mtu);
		ra_send(&n, &s, R1);
		assert_int_equal(ip6_netif_mtu(nd_netif(&n)), 1400);
	}
	/* With less than that nobody could answer in time. */
	ra_begin(&s, 100);
	s.ra.reachable_ms = s.ra.retrans_ms = 1;
	ra_send(&n, &s, R1);
	assert_int_equal(nd_netif(&n)->neigh6->base_reachable_time_ms, 100);
	assert_int_equal(nd_retrans_ms(nd_netif(&n)), 10);
	nd_net_end(&n);
}

static void address_whose_time_is_over_is_not_made(void **state UNUSED)
{
	struct nd_net n;
	struct ip6_addr prefix;
	int64_t now_ns;

	listen_start(&n);
	prefix = (struct ip6_addr){{0x20, 0x01, 0x0d, 0xb8}};
	now_ns = nd_netif(&n)->stack->eng->now_ns;
	assert_null(slaac_add(nd_netif(&n), &prefix, 77, 0, now_ns, now_ns));
	assert_null(slaac_find(nd_netif(&n), &prefix));
	nd_net_end(&n);
}

static void two_hours_is_the_least_that_is_left(void **state UNUSED)
{
	struct nd_net n;

	listen_start(&n);
	prefix_say(&n, 86400, 86400);
	assert_int_equal(left_s(&n, AUTO), 86400);
	prefix_say(&n, 10, 5);
	assert_int_equal(left_s(&n, AUTO), 7200);
	nd_advance(&n, 6 * ND_SEC);
	assert_int_equal(nd_ifaddr(&n, AUTO)->state, IP6_ADDR_DEPRECATED);
	prefix_say(&n, 100, 50);
	assert_int_equal(left_s(&n, AUTO), 7194);
	assert_int_equal(nd_ifaddr(&n, AUTO)->state, IP6_ADDR_PREFERRED);
	prefix_say(&n, 0, 0);
	assert_int_equal(left_s(&n, AUTO), 7194);
	prefix_say(&n, 7195, 50);
	assert_int_equal(left_s(&n, AUTO), 7195);
	prefix_say(&n, ND_INFINITE_S, ND_INFINITE_S);
	assert_int_equal(nd_ifaddr(&n, AUTO)->valid_until_ns, INT64_MAX);
	nd_net_end(&n);
}

static void prefixes_that_make_no_address(void **state UNUSED)
{
	struct nd_prefix p = {.prefix = nd_addr("2001:db8::"),
			      .len = 64,
			      .autonomous = true,
			      .valid_s = 100,
			      .preferred_s = 50};
	struct nd_prefix bad[5];
	struct nd_net n;

	for (int i = 0; i < 5; i++)
		bad[i] = p;
	bad[0].preferred_s = 101;
	bad[1].len = 63;
	bad[2].autonomous = false;
	bad[3].prefix = nd_addr("fe80::");
	bad[4].valid_s = bad[4].preferred_s = 0;
	listen_start(&n);
	for (int i = 0; i < 5; i++) {
		struct ra_said s;

		ra_begin(&s, 0);
		nd_opt_prefix_write(&s.w, &bad[i]);
		ra_send(&n, &s, R1);
		assert_int_equal(nd_netif(&n)->ip6->n_addrs, 1);
	}
	nd_set(&n, "net.ipv6.conf.eth0.autoconf", 0);
	prefix_say(&n, 3600, 1800);
	assert_int_equal(nd_netif(&n)->ip6->n_addrs, 1);
	nd_net_end(&n);
}

static void invalid_advertisements_are_dropped_with_their_reason(void **state UNUSED)
{
	uint8_t icmp[700];
	struct ra_said s;
	struct nd_net n;
	size_t len;

	listen_start(&n);
	ra_begin(&s, 1800);
	len = ra_write(&s, icmp);
	nd_put_hops(&n, R1, "ff02::1", 254, icmp, len);
	assert_int_equal(drops(&n, DROP_ND_HOPS), 1);
	nd_put(&n, "2001:db8::9", "ff02::1", icmp, len);
	assert_int_equal(drops(&n, DROP_ND_RA_SRC), 1);
	icmp[1] = 1; /* code */
	nd_put(&n, R1, "ff02::1", icmp, len);
	icmp[1] = 0;
	nd_put(&n, R1, "ff02::1", icmp, len - 1);
	memset(icmp + len, 0, 8); /* an option of length 0 */
	nd_put(&n, R1, "ff02::1", icmp, len + 8);
	assert_int_equal(drops(&n, DROP_ND_HDR), 3);
	assert_null(route_to(&n, "2001:db8::1"));
	nd_set(&n, "net.ipv6.conf.all.forwarding", 1);
	nd_put(&n, R1, "ff02::1", icmp, len);
	assert_int_equal(drops(&n, DROP_ND_RA_IGNORED), 1);
	nd_set(&n, "net.ipv6.conf.eth0.accept_ra", 2);
	nd_put(&n, R1, "ff02::1", icmp, len);
	assert_non_null(route_to(&n, "2001:db8::1"));
	nd_net_end(&n);
}

static void router_with_lifetime_zero_goes(void **state UNUSED)
{
	struct ra_said s;
	struct nd_net n;

	listen_start(&n);
	prefix_say(&n, 3600, 1800);
	assert_non_null(route_to(&n, "2001:db8:1::1"));
	ra_begin(&s, 0);
	ra_send(&n, &s, R1);
	assert_null(route_to(&n, "2001:db8:1::1"));
	assert_non_null(nd_ifaddr(&n, AUTO));
	nd_net_end(&n);
}

static void router_that_is_none_any_more_goes(void **state UNUSED)
{
	struct ra_said s;
	struct eth_addr mac = {{2, 0, 0, 0, 0, 9}};
	struct nd_net n;

	listen_start(&n);
	ra_begin(&s, 1800);
	nd_opt_lladdr_write(&s.w, ND_OPT_SRC_LLADDR, &mac);
	ra_send(&n, &s, R1);
	nd_na(&n, R1, "ff02::1", R1, ND_NA_OVERRIDE | ND_NA_ROUTER);
	assert_non_null(route_to(&n, "2001:db8:1::1"));
	nd_na(&n, R1, "ff02::1", R1, ND_NA_OVERRIDE);
	assert_null(route_to(&n, "2001:db8:1::1"));
	nd_net_end(&n);
}

static void router_of_higher_preference_is_used(void **state UNUSED)
{
	struct ra_said s;
	struct nd_net n;

	listen_start(&n);
	ra_begin(&s, 1800);
	ra_send(&n, &s, R1);
	s.ra.pref = ND_PREF_HIGH;
	ra_send(&n, &s, R2);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R2);
	s.ra.pref = ND_PREF_LOW;
	ra_send(&n, &s, R2);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R1);
	nd_net_end(&n);
}

static void silent_router_stands_behind_the_others(void **state UNUSED)
{
	const struct ip6_addr r1 = nd_addr(R1), r2 = nd_addr(R2);
	struct ra_said s;
	struct nd_net n;

	listen_start(&n);
	ra_begin(&s, 1800);
	ra_send(&n, &s, R2);
	s.ra.pref = ND_PREF_HIGH;
	ra_send(&n, &s, R1);
	ra_router_heard(nd_netif(&n), &r1, true);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R2);
	ra_router_heard(nd_netif(&n), &r2, true); /* both: in turn */
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R1);
	ra_router_heard(nd_netif(&n), &r1, true);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R2);
	ra_send(&n, &s, R1); /* heard again */
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R1);
	nd_net_end(&n);
}

static void router_that_does_not_answer_is_given_up_for_another(void **state UNUSED)
{
	struct weft_sockaddr to;
	struct weft_sock *s;
	struct ra_said ra;
	struct nd_net n;

	listen_start(&n);
	ra_begin(&ra, 1800);
	ra_prefix(&ra, "2001:db8::", 3600, 3600);
	ra.ra.pref = ND_PREF_HIGH;
	ra_send(&n, &ra, R1);
	ra.ra.pref = ND_PREF_MEDIUM;
	ra_send(&n, &ra, R2);
	assert_int_equal(weft_socket(n.host, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, &s), 0);
	assert_int_equal(weft_sockaddr_parse("[2001:db8:1::1]:9", &to), 0);
	assert_true(weft_sendto(s, "x", 1, 0, &to) == 1);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R1);
	nd_advance(&n, 4 * ND_SEC);
	assert_ip6(&route_to(&n, "2001:db8:1::1")->via, R2);
	weft_close(s);
	nd_net_end(&n);
}

static void route_information_is_a_route(void **state UNUSED)
{
	struct ra_said s;
	struct nd_net n;

	listen_start(&n);
	ra_begin(&s, 0);
	ra_route(&s, "2001:db8:7::", 48, ND_PREF_MEDIUM, 60);
	ra_route(&s, "2001:db8:8::", 48, ND_PREF_RESERVED, 60);
	ra_send(&n, &s, R1);
	assert_ip6(&route_to(&n, "2001:db8:7::1")->via, R1);
	assert_null(route_to(&n, "2001:db8:8::1"));
	nd_set(&n, "net.ipv6.conf.eth0.accept_ra_rt_info_max_plen", 47);
	ra_begin(&s, 0);
	ra_route(&s, "2001:db8:9::", 48, ND_PREF_MEDIUM, 60);
	ra_send(&n, &s, R1);
	assert_null(route_to(&n, "2001:db8:9::1"));
	nd_advance(&n, 60 * ND_SEC);
	assert_null(route_to(&n, "2001:db8:7::1"));
	nd_net_end(&n);
}

static void dns_count(void *arg, const struct weft_ra_dns *dns)
{
	uint32_t *n = arg;

	n[dns->domain ? 1 : 0]++;
	assert_int_equal(dns->lifetime_s, 60);
}

static void application_reads_what_routers_said(void **state UNUSED)
{
	static const uint8_t names[] = "\3lab\0";
	const struct ip6_addr server = nd_addr("2001:db8::53");
	uint32_t n_dns[2] = {0};
	struct weft_ra_info info;
	struct ra_said s;
	struct nd_net n;

	listen_start(&n);
	assert_int_equal(weft_ra_info(n.nif, &info), -ENOENT);
	ra_begin(&s, 100);
	s.ra.managed = true;
	s.ra.hop_limit = 9;
	nd_opt_mtu_write(&s.w, 1300);
	nd_opt_rdnss_write(&s.w, &server, 1, 100);
	nd_opt_dnssl_write(&s.w, names, sizeof(names) - 1, 100);
	ra_send(&n, &s, R1);
	nd_advance(&n, 40 * ND_SEC);
	assert_int_equal(weft_ra_info(n.nif, &info), 0);
	assert_true(info.managed && !info.other);
	assert_int_equal(info.hop_limit, 9);
	assert_int_equal(info.mtu, 1300);
	assert_int_equal(info.heard_ago_ns, 40 * ND_SEC);
	weft_ra_dns(n.nif, dns_count, n_dns);
	assert_int_equal(n_dns[0], 1);
	assert_int_equal(n_dns[1], 1);
	nd_advance(&n, 60 * ND_SEC);
	weft_ra_dns(n.nif, dns_count, n_dns); /* their time is over */
	assert_int_equal(n_dns[0] + n_dns[1], 2);
	nd_net_end(&n);
}

static void name_servers_and_domains_are_kept_for_their_time(void **state UNUSED)
{
	static const uint8_t names[] = "\7example\3org\0\3Lab\0";
	const struct ip6_addr servers[] = {nd_addr("2001:db8::53"), nd_addr("2001:db8::54")};
	const struct ra_if *ra;
	struct ra_said s;
	struct nd_net n;

	listen_start(&n);
	ra_begin(&s, 0);
	nd_opt_rdnss_write(&s.w, servers, 2, 100);
	nd_opt_dnssl_write(&s.w, names, sizeof(names) - 1, 100);
	ra_send(&n, &s, R1);
	ra = nd_netif(&n)->ip6->ra;
	assert_int_equal(ra->n_servers, 2);
	assert_ip6(&ra->servers[1].addr, "2001:db8::54");
	assert_int_equal(ra->n_domains, 2);
	assert_string_equal(ra->domains[0].name, "example.org");
	assert_string_equal(ra->domains[1].name, "lab");
	ra_begin(&s, 0);
	nd_opt_rdnss_write(&s.w, servers, 1, 0);
	ra_send(&n, &s, R1);
	assert_int_equal(ra->n_servers, 1);
	for (uint8_t i = 0; i < 20; i++) {
		struct ip6_addr many = nd_addr("2001:db8::5300");

		many.b[15] = i;
		ra_begin(&s, 0);
		nd_opt_rdnss_write(&s.w, &many, 1, 1000u + i);
		ra_send(&n, &s, R1);
	}
	assert_int_equal(ra->n_servers, RA_DNS_MAX);
	nd_net_end(&n);
}

static void flood_stays_within_its_bounds(void **state UNUSED)
{
	struct nd_net *n = malloc(sizeof(*n));
	const struct ra_if *ra;

	assert_non_null(n);
	listen_start(n);
	for (uint32_t i = 0; i < 300; i++) {
		char src[40], prefix[40];
		struct ra_said s;

		snprintf(src, sizeof(src), "fe80::1:%x", i);
		ra_begin(&s, 1800);
		for (uint32_t k = 0; k < 3; k++) {
			snprintf(prefix, sizeof(prefix), "2001:db8:%x:%x::", i, k);
			ra_prefix(&s, prefix, 3600, 1800);
			ra_route(&s, prefix, 64, ND_PREF_HIGH, 3600);
		}
		ra_send(n, &s, src);
	}
	ra = nd_netif(n)->ip6->ra;
	assert_int_equal(nd_netif(n)->ip6->n_addrs, 1 + 16);
	assert_int_equal(ra->n_routes[RA_ROUTER], RA_ROUTERS_MAX);
	assert_int_equal(ra->n_routes[RA_ROUTE], RA_ROUTES_MAX);
	assert_int_equal(ra->n_routes[RA_PREFIX], RA_PREFIXES_MAX);
	assert_true(nd_netif(n)->stack->mib[MIB_Ip6AutoconfLimit] > 0);
	nd_net_end(n);
	free(n);
}

static void interface_set_down_forgets_what_routers_said(void **state UNUSED)
{
	struct nd_net n;

	listen_start(&n);
	prefix_say(&n, 3600, 1800);
	weft_netif_set_up(n.nif, false);
	assert_null(nd_ifaddr(&n, AUTO));
	assert_null(nd_netif(&n)->ip6->ra);
	weft_netif_set_up(n.nif, true);
	assert_null(route_to(&n, "2001:db8:1::1"));
	nd_net_end(&n);
}

static const struct ip6_ifaddr *auto_addr(struct nd_net *n, bool is_temporary)
{
	const struct ip6_ifaddr *ifa;

	list_for_each (ifa, &nd_netif(n)->ip6->addrs, link)
		if (!ip6_addr_is_link_local(&ifa->addr) && (ifa->flags & IP6_ADDR_F_AUTO) &&
		    (ifa->flags & IP6_ADDR_F_TEMPORARY) ==
			    (is_temporary ? IP6_ADDR_F_TEMPORARY : 0))
			return ifa;
	return NULL;
}

static void opaque_identifier_is_stable_and_changes_when_taken(void **state UNUSED)
{
	struct ip6_addr first, second;
	char text[IP6_ADDR_STRLEN];
	struct nd_net n;

	listen_start(&n);
	nd_set(&n, "net.ipv6.conf.eth0.addr_gen_mode", 2);
	prefix_say(&n, 3600, 1800);
	first = auto_addr(&n, false)->addr;
	assert_null(nd_ifaddr(&n, AUTO));
	weft_netif_set_up(n.nif, false);
	weft_netif_set_up(n.nif, true);
	prefix_say(&n, 3600, 1800);
	assert_true(ip6_addr_eq(&first, &auto_addr(&n, false)->addr));
	weft_netif_set_up(n.nif, false);
	weft_netif_set_up(n.nif, true);
	nd_set(&n, "net.ipv6.conf.eth0.accept_dad", 1);
	for (int i = 0; i < 4; i++) {
		prefix_say(&n, 3600, 1800);
		second = auto_addr(&n, false)->addr;
		assert_int_equal(ip6_addr_eq(&first, &second), i == 0);
		ip6_addr_print(&second, text);
		nd_na(&n, text, "ff02::1", text, ND_NA_OVERRIDE);
	}
	assert_int_equal(auto_addr(&n, false)->state, IP6_ADDR_DUPLICATE);
	nd_net_end(&n);
}

/* RFC 7217 §5: the secret makes it, so that with one that is kept the address outlives the stack.
 */
static void opaque_identifier_follows_from_the_secret_that_is_set(void **state UNUSED)
{
	struct ip6_addr got[3], ll[3];
	const struct ip6_ifaddr *ifa;
	struct nd_net n;

	for (int i = 0; i < 3; i++) {
		listen_start(&n);
		nd_set(&n, "net.ipv6.conf.eth0.stable_secret.0", 0x20010db8);
		nd_set(&n, "net.ipv6.conf.eth0.stable_secret.3", i < 2 ? 7 : 8);
		prefix_say(&n, 3600, 1800);
		got[i] = auto_addr(&n, false)->addr;
		list_for_each (ifa, &nd_netif(&n)->ip6->addrs, link)
			if (ip6_addr_is_link_local(&ifa->addr))
				ll[i] = ifa->addr;
		assert_int_equal(nd_netif(&n)->ip6->conf.addr_gen_mode, IP6_GEN_STABLE);
		nd_net_end(&n);
	}
	assert_true(ip6_addr_eq(&got[0], &got[1]));
	assert_false(ip6_addr_eq(&got[0], &got[2]));
	assert_true(ip6_addr_eq(&ll[0], &ll[1]));
	assert_false(ip6_addr_eq(&ll[0], &ll[2]));
}

static void link_local_address_follows_the_mode_but_none_goes(void **state UNUSED)
{
	struct nd_net n;

	nd_net_start(&n, false);
	nd_set(&n, "net.ipv6.conf.eth0.accept_dad", 0);
	assert_non_null(nd_ifaddr(&n, ND_HOST_LL));
	nd_set(&n, "net.ipv6.conf.eth0.addr_gen_mode", 1);
	assert_non_null(nd_ifaddr(&n, ND_HOST_LL));
	nd_set(&n, "net.ipv6.conf.eth0.addr_gen_mode", 2);
	assert_null(nd_ifaddr(&n, ND_HOST_LL));
	assert_int_equal(nd_netif(&n)->ip6->n_addrs, 1);
	nd_set(&n, "net.ipv6.conf.eth0.addr_gen_mode", 0);
	assert_non_null(nd_ifaddr(&n, ND_HOST_LL));
	nd_net_end(&n);
}

static void temporary_address_is_made_and_replaced_before_it_ends(void **state UNUSED)
{
	struct ip6_addr first;
	uint32_t n_temps = 0;
	struct ip6_ifaddr *ifa;
	struct nd_net n;

	listen_start(&n);
	nd_set(&n, "net.ipv6.conf.eth0.use_tempaddr", 2);
	nd_set(&n, "net.ipv6.conf.eth0.temp_prefered_lft", 1000);
	nd_set(&n, "net.ipv6.conf.eth0.temp_valid_lft", 2000);
	prefix_say(&n, ND_INFINITE_S, ND_INFINITE_S);
	assert_non_null(auto_addr(&n, false));
	assert_non_null(auto_addr(&n, true));
	first = auto_addr(&n, true)->addr;
	nd_advance(&n, 1000 * ND_SEC);
	list_for_each (ifa, &nd_netif(&n)->ip6->addrs, link)
		n_temps += !!(ifa->flags & IP6_ADDR_F_TEMPORARY);
	assert_in_range(n_temps, 2, 3);
	ifa = ip6_ifaddr_find(nd_netif(&n), &first);
	assert_int_equal(ifa->state, IP6_ADDR_DEPRECATED);
	nd_advance(&n, 1000 * ND_SEC);
	assert_null(ip6_ifaddr_find(nd_netif(&n), &first));
	/* The prefix is to end: so do they. */
	prefix_say(&n, 0, 0);
	nd_advance(&n, 7200 * ND_SEC);
	assert_null(auto_addr(&n, true));
	assert_null(auto_addr(&n, false));
	nd_net_end(&n);
}

static void source_chosen(struct nd_net *n, uint8_t prefs, struct ip6_addr *ret)
{
	/* One of another prefix, as near to both. */
	const struct ip6_addr_want want = {
		.out = nd_netif(n), .dst = {{0x20, 0x02, [15] = 1}}, .prefs = prefs};

	assert_true(ip6_addr_select_best(nd_netif(n)->stack, &want, ret));
}

/* RFC 6724 §5 rule 7, and RFC 5014 §3, which has the application's word for it. */
static void application_chooses_between_public_and_temporary(void **state UNUSED)
{
	struct ip6_addr got;
	struct nd_net n;

	for (int use = 1; use <= 2; use++) {
		listen_start(&n);
		nd_set(&n, "net.ipv6.conf.eth0.use_tempaddr", use);
		prefix_say(&n, 86400, 86400);
		source_chosen(&n, 0, &got);
		assert_true(ip6_addr_eq(&got, &auto_addr(&n, use == 2)->addr));
		source_chosen(&n, IP_SRC_PUBLIC, &got);
		assert_true(ip6_addr_eq(&got, &auto_addr(&n, false)->addr));
		source_chosen(&n, IP_SRC_TEMPORARY, &got);
		assert_true(ip6_addr_eq(&got, &auto_addr(&n, true)->addr));
		nd_net_end(&n);
	}
}

/* RFC 6724 §5 rule 5.5: each of two routers has advertised a prefix of its own; whichever the way
 * leads by, packets come from its prefix, though the other one matches longer. */
static void source_is_of_the_prefix_of_the_router_that_packets_go_by(void **state UNUSED)
{
	const struct ip_flow flow = {
		.dst = ip_addr_from_ip6(&(struct ip6_addr){{0x20, 1, 0xd, 0xb8, 0x80}})};
	static const char *const routers[] = {R1, R2};
	static const char *const prefixes[] = {"2001:db8:1::", "2001:db8:8001::"};
	struct ip_addr src;
	struct ip_dst dst;
	struct nd_net n;

	for (int by = 0; by < 2; by++) {
		for (int temp = 0; temp <= 2; temp += 2) {
			listen_start(&n);
			nd_set(&n, "net.ipv6.conf.eth0.use_tempaddr", temp);
			for (int i = 0; i < 2; i++) {
				struct ra_said s;

				ra_begin(&s, by == i ? 1800 : 0);
				ra_prefix(&s, prefixes[i], 86400, 86400);
				ra_send(&n, &s, routers[i]);
			}
			assert_int_equal(ip_route(nd_netif(&n)->stack, &flow, &dst, &src), 0);
			assert_int_equal(src.b[4] == 0x80, by);
			nd_net_end(&n);
		}
	}
}

static void temporary_address_that_is_taken_is_replaced_three_times(void **state UNUSED)
{
	char text[IP6_ADDR_STRLEN];
	struct nd_net n;

	listen_start(&n);
	nd_set(&n, "net.ipv6.conf.eth0.use_tempaddr", 1);
	nd_set(&n, "net.ipv6.conf.eth0.accept_dad", 1);
	prefix_say(&n, 86400, 86400);
	for (int i = 0; i < 4; i++) {
		assert_non_null(auto_addr(&n, true));
		ip6_addr_print(&auto_addr(&n, true)->addr, text);
		nd_na(&n, text, "ff02::1", text, ND_NA_OVERRIDE);
		assert_null(nd_ifaddr(&n, text));
	}
	assert_null(auto_addr(&n, true));
	prefix_say(&n, 86400, 86400);
	assert_null(auto_addr(&n, true));
	nd_net_end(&n);
}

static void hardware_address_that_another_has_ends_ipv6_if_asked_for(void **state UNUSED)
{
	struct nd_net n;

	nd_net_start(&n, false);
	nd_na(&n, ND_HOST_LL, "ff02::1", ND_HOST_LL, ND_NA_OVERRIDE);
	assert_int_equal(nd_ifaddr(&n, ND_HOST_LL)->state, IP6_ADDR_DUPLICATE);
	nd_advance(&n, 30 * ND_SEC);
	assert_null(nd_heard(&n, ICMP6_ROUTER_SOLICIT));
	nd_net_end(&n);
	nd_net_start(&n, false);
	nd_set(&n, "net.ipv6.conf.eth0.accept_dad", 2);
	nd_na(&n, ND_HOST_LL, "ff02::1", ND_HOST_LL, ND_NA_OVERRIDE);
	assert_int_equal(nd_netif(&n)->ip6->n_addrs, 0);
	assert_true(nd_netif(&n)->ip6->conf.disable);
	nd_net_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_asks_for_routers_ever_more_rarely),
		cmocka_unit_test(advertisement_gives_address_route_and_default_router),
		cmocka_unit_test(advertisement_sets_what_it_says_of_the_link),
		cmocka_unit_test(address_whose_time_is_over_is_not_made),
		cmocka_unit_test(two_hours_is_the_least_that_is_left),
		cmocka_unit_test(prefixes_that_make_no_address),
		cmocka_unit_test(invalid_advertisements_are_dropped_with_their_reason),
		cmocka_unit_test(router_with_lifetime_zero_goes),
		cmocka_unit_test(router_that_is_none_any_more_goes),
		cmocka_unit_test(router_of_higher_preference_is_used),
		cmocka_unit_test(silent_router_stands_behind_the_others),
		cmocka_unit_test(router_that_does_not_answer_is_given_up_for_another),
		cmocka_unit_test(route_information_is_a_route),
		cmocka_unit_test(name_servers_and_domains_are_kept_for_their_time),
		cmocka_unit_test(application_reads_what_routers_said),
		cmocka_unit_test(flood_stays_within_its_bounds),
		cmocka_unit_test(interface_set_down_forgets_what_routers_said),
		cmocka_unit_test(opaque_identifier_is_stable_and_changes_when_taken),
		cmocka_unit_test(opaque_identifier_follows_from_the_secret_that_is_set),
		cmocka_unit_test(link_local_address_follows_the_mode_but_none_goes),
		cmocka_unit_test(temporary_address_is_made_and_replaced_before_it_ends),
		cmocka_unit_test(application_chooses_between_public_and_temporary),
		cmocka_unit_test(source_is_of_the_prefix_of_the_router_that_packets_go_by),
		cmocka_unit_test(temporary_address_that_is_taken_is_replaced_three_times),
		cmocka_unit_test(hardware_address_that_another_has_ends_ipv6_if_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
