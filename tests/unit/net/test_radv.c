/* SPDX-License-Identifier: MIT */
/* Router advertisements as a service (RFC 4861 §6.2), heard by a host of ours. */
#include "net/radv/radv.h"
#include "net/radv/radv_msg.h"
#include "world.h"

struct net {
	struct world w;
	struct radv *radv;
};

static struct radv_config quick(void)
{
	struct radv_config cfg = radv_defaults;

	cfg.max_interval_s = 10;
	return cfg;
}

static void net_start(struct net *n, const struct radv_config *cfg)
{
	struct weft_addr a = world_addr("2001:db8::1");

	world_start(&n->w);
	assert_int_equal(weft_addr_add(n->w.server_if, &a, 64), 0);
	assert_int_equal(weft_stack_set(n->w.server, "net.ipv6.conf.all.forwarding", 1), 0);
	assert_int_equal(weft_stack_set(n->w.client, "net.ipv6.conf.eth0.accept_ra", 1), 0);
	assert_int_equal(radv_new(n->w.server_if, n->w.server, cfg, &n->radv), 0);
}

static void net_end(struct net *n)
{
	radv_free(n->radv);
	world_end(&n->w);
}

static struct radv_stats stats_of(const struct net *n)
{
	struct radv_stats stats;

	radv_stats(n->radv, &stats);
	return stats;
}

struct seen {
	const char *dst; /* a route to it, or an address of a prefix that begins so */
	uint32_t n;
};

static void route_see(void *arg, const struct weft_route_info *info)
{
	char text[WEFT_ADDR_STRLEN];
	struct seen *seen = arg;

	weft_addr_print(&info->route.dst, text, sizeof(text));
	seen->n += info->proto == 9 && !strcmp(text, seen->dst);
}

static uint32_t n_routes(struct net *n, const char *dst)
{
	struct seen seen = {.dst = dst};

	weft_routes(n->w.client, route_see, &seen);
	return seen.n;
}

static void addr_see(void *arg, const struct weft_addr_info *info)
{
	char text[WEFT_ADDR_STRLEN];
	struct seen *seen = arg;

	weft_addr_print(&info->addr, text, sizeof(text));
	seen->n += info->is_auto && !strncmp(text, seen->dst, strlen(seen->dst));
}

static uint32_t n_addrs(struct net *n, const char *prefix)
{
	struct seen seen = {.dst = prefix};

	weft_addrs(n->w.client, addr_see, &seen);
	return seen.n;
}

static void prefix_of_the_interface_is_advertised_at_once(void **state UNUSED)
{
	struct radv_config cfg = quick();
	struct net n;

	net_start(&n, &cfg);
	world_settle(&n.w);
	assert_int_equal(n_addrs(&n, "2001:db8::"), 1);
	assert_int_equal(n_routes(&n, "::"), 1);
	assert_int_equal(n_routes(&n, "2001:db8::"), 1);
	net_end(&n);
}

static void advertisements_come_at_intervals_between_the_bounds(void **state UNUSED)
{
	struct radv_config cfg = quick();
	struct net n;

	net_start(&n, &cfg);
	assert_int_equal(weft_stack_set(n.w.client, "net.ipv6.conf.eth0.accept_ra", 0), 0);
	world_advance(&n.w, 1000 * WORLD_SEC);
	assert_in_range(stats_of(&n).n_sent, 101, 301);
	net_end(&n);
}

static void solicitation_is_answered_within_half_a_second_but_not_too_often(void **state UNUSED)
{
	struct radv_config cfg = quick();
	struct net n;
	uint64_t n_sent;

	cfg.max_interval_s = 1800;
	net_start(&n, &cfg);
	world_advance(&n.w, 200 * WORLD_SEC);
	n_sent = stats_of(&n).n_sent;
	for (int i = 0; i < 5; i++) {
		weft_netif_set_up(n.w.client_if, false);
		weft_netif_set_up(n.w.client_if, true); /* asks, after up to a second */
		world_advance(&n.w, 1200 * WORLD_MSEC);
	}
	assert_int_equal(stats_of(&n).n_solicited, 5);
	world_advance(&n.w, 4 * WORLD_SEC);
	assert_in_range(stats_of(&n).n_sent - n_sent, 2, 4);
	assert_int_equal(n_addrs(&n, "2001:db8::"), 1);
	net_end(&n);
}

/* §6.2.6, RFC 7772 §5.1: nobody else hears of it, and the next one to all stays where it was. */
static void host_that_asks_is_answered_alone_if_that_is_wanted(void **state UNUSED)
{
	struct radv_config cfg = quick();
	struct radv_stats before;
	struct net n;

	cfg.max_interval_s = 1800;
	cfg.unicast = true;
	net_start(&n, &cfg);
	world_advance(&n.w, 200 * WORLD_SEC);
	before = stats_of(&n);
	for (int i = 0; i < 5; i++) {
		weft_netif_set_up(n.w.client_if, false);
		weft_netif_set_up(n.w.client_if, true);
		world_advance(&n.w, 1600 * WORLD_MSEC);
		assert_int_equal(n_addrs(&n, "2001:db8::"), 1);
	}
	assert_int_equal(stats_of(&n).n_solicited - before.n_solicited, 5);
	assert_int_equal(stats_of(&n).n_unicast, 5);
	assert_int_equal(stats_of(&n).n_sent - before.n_sent, 5);
	net_end(&n);
}

static void valid_see(void *arg, const struct weft_addr_info *info)
{
	uint32_t *valid_s = arg;

	if (info->is_auto && info->addr.bytes[0] == 0x20)
		*valid_s = info->valid_s;
}

/* §6.2.1: at their end the prefix is no more, however often it is said. */
static void lifetimes_run_down_if_that_is_wanted(void **state UNUSED)
{
	struct radv_config cfg = quick();
	uint32_t valid_s = 0;
	struct net n;

	cfg.run_down = true;
	cfg.valid_s = 20000;
	cfg.preferred_s = 100;
	net_start(&n, &cfg);
	world_advance(&n.w, 5000 * WORLD_SEC);
	weft_addrs(n.w.client, valid_see, &valid_s);
	assert_in_range(valid_s, 14985, 15001);
	/* RFC 4862 §5.5.3 e: what is said by nobody we know shortens none below two hours, and then
	 * it runs out. */
	world_advance(&n.w, 15010 * WORLD_SEC);
	assert_int_equal(n_addrs(&n, "2001:db8::"), 0);
	assert_int_equal(n_routes(&n, "2001:db8::"), 0);
	assert_int_equal(n_routes(&n, "::"), 1); /* the router is one all the same */
	net_end(&n);
}

/* More than are taken at a time; none waits for the next one to come. */
static void every_solicitation_of_a_crowd_is_heard(void **state UNUSED)
{
	static const uint8_t rs[8] = {133};
	const struct weft_sockaddr routers = {
		.addr = {.family = WEFT_AF_INET6, .bytes = {0xff, 2, [15] = 2}}};
	struct radv_config cfg = quick();
	struct weft_sockaddr to = routers;
	struct weft_sock *s;
	struct net n;
	uint64_t was;
	int hops = 255;

	net_start(&n, &cfg);
	world_advance(&n.w, 5 * WORLD_SEC);
	was = stats_of(&n).n_solicited;
	assert_int_equal(
		weft_socket(n.w.client, WEFT_AF_INET6, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMPV6, &s), 0);
	assert_int_equal(weft_setsockopt(s, WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_HOPS, &hops,
					 sizeof(hops)),
			 0);
	to.scope_id = weft_netif_index(n.w.client_if);
	for (int i = 0; i < 100; i++)
		assert_int_equal(weft_sendto(s, rs, sizeof(rs), 0, &to), sizeof(rs));
	world_settle(&n.w);
	assert_int_equal(stats_of(&n).n_solicited - was, 100);
	weft_close(s);
	net_end(&n);
}

static void all_that_is_configured_arrives(void **state UNUSED)
{
	struct radv_config cfg = quick();
	struct net n;

	cfg.n_prefixes = 1;
	memcpy(cfg.prefixes[0].prefix, world_addr("2001:db8:5::").bytes, 16);
	cfg.prefixes[0].len = 64;
	cfg.prefixes[0].autonomous = true;
	cfg.prefixes[0].valid_s = cfg.prefixes[0].preferred_s = RADV_INFINITE_S;
	cfg.n_routes = 2;
	memcpy(cfg.routes[0].prefix, world_addr("2001:db8:6::").bytes, 16);
	cfg.routes[0].len = 48;
	cfg.routes[0].lifetime_s = 100;
	memcpy(cfg.routes[1].prefix, world_addr("2001:db8:7::1").bytes, 16);
	cfg.routes[1].len = 128;
	cfg.routes[1].lifetime_s = 100;
	cfg.n_dns = cfg.n_search = 1;
	cfg.dns[0][15] = 1;
	cfg.search[0] = "example.org";
	cfg.mtu = 1400;
	cfg.lifetime_s = 0;
	net_start(&n, &cfg);
	world_settle(&n.w);
	assert_int_equal(n_addrs(&n, "2001:db8:5:"), 1);
	assert_int_equal(n_addrs(&n, "2001:db8::"), 0);
	assert_int_equal(n_routes(&n, "2001:db8:5::"), 0); /* not on the link */
	assert_int_equal(n_routes(&n, "2001:db8:6::"), 1);
	assert_int_equal(n_routes(&n, "2001:db8:7::1"), 1);
	assert_int_equal(n_routes(&n, "::"), 0);
	net_end(&n);
}

static void service_that_ends_says_goodbye(void **state UNUSED)
{
	struct radv_config cfg = quick();
	struct net n;

	net_start(&n, &cfg);
	world_settle(&n.w);
	assert_int_equal(n_routes(&n, "::"), 1);
	radv_free(n.radv);
	n.radv = NULL;
	world_settle(&n.w);
	assert_int_equal(n_routes(&n, "::"), 0);
	assert_int_equal(n_addrs(&n, "2001:db8::"), 1);
	net_end(&n);
}

static void other_router_that_contradicts_is_counted(void **state UNUSED)
{
	struct radv_config cfg = quick(), other = cfg;
	struct radv *second;
	struct net n;

	net_start(&n, &cfg);
	assert_int_equal(radv_new(n.w.client_if, n.w.client, &other, &second), 0);
	world_settle(&n.w);
	assert_int_equal(stats_of(&n).n_heard, 1);
	assert_int_equal(stats_of(&n).n_inconsistent, 0);
	radv_free(second);
	other.managed = true;
	assert_int_equal(radv_new(n.w.client_if, n.w.client, &other, &second), 0);
	world_settle(&n.w);
	assert_int_equal(stats_of(&n).n_inconsistent, 1);
	radv_free(second);
	net_end(&n);
}

static void wrong_settings_are_refused(void **state UNUSED)
{
	struct radv_config cfgs[8];
	struct radv *radv;
	struct world w;

	for (size_t i = 0; i < 8; i++)
		cfgs[i] = radv_defaults;
	cfgs[0].max_interval_s = 3;
	cfgs[1].min_interval_s = 451;
	cfgs[2].lifetime_s = 599;
	cfgs[3].lifetime_s = 9001;
	cfgs[4].mtu = 1279;
	cfgs[5].preferred_s = cfgs[5].valid_s + 1;
	cfgs[6].n_search = 1;
	cfgs[6].search[0] = "a..b";
	cfgs[7].n_prefixes = RADV_PREFIXES_MAX + 1;
	world_start(&w);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(radv_new(w.server_if, w.server, &cfgs[i], &radv), -EINVAL);
	world_end(&w);
}

static void malformed_messages_are_told_from_right_ones(void **state UNUSED)
{
	static const uint8_t rs[] = {133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1, 0, 0};
	uint8_t ra[RADV_MSG_MAX] = {0};
	size_t len = radv_ra_write(&radv_defaults, rs, false, ra);

	assert_true(radv_rs_is_right(rs, 8, false));
	assert_true(radv_rs_is_right(rs, 16, false));
	assert_false(radv_rs_is_right(rs, 16, true)); /* from nobody, with an address */
	assert_false(radv_rs_is_right(rs, 7, false));
	assert_false(radv_rs_is_right(rs, 18, false)); /* an option of length 0 */
	assert_false(radv_rs_is_right(rs, 12, false)); /* cut off */
	assert_true(radv_ra_is_right(ra, len, true));
	assert_false(radv_ra_is_right(ra, len, false));
	assert_false(radv_ra_is_right(ra, len - 1, true));
	assert_false(radv_ra_is_right(ra, 15, true));
	ra[1] = 1;
	assert_false(radv_ra_is_right(ra, len, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_of_the_interface_is_advertised_at_once),
		cmocka_unit_test(advertisements_come_at_intervals_between_the_bounds),
		cmocka_unit_test(solicitation_is_answered_within_half_a_second_but_not_too_often),
		cmocka_unit_test(host_that_asks_is_answered_alone_if_that_is_wanted),
		cmocka_unit_test(lifetimes_run_down_if_that_is_wanted),
		cmocka_unit_test(every_solicitation_of_a_crowd_is_heard),
		cmocka_unit_test(all_that_is_configured_arrives),
		cmocka_unit_test(service_that_ends_says_goodbye),
		cmocka_unit_test(other_router_that_contradicts_is_counted),
		cmocka_unit_test(wrong_settings_are_refused),
		cmocka_unit_test(malformed_messages_are_told_from_right_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
