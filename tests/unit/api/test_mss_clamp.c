/* SPDX-License-Identifier: MIT */
/*
 * MSS clamping of a router between two hosts, in both families, with checksums on the wire and
 * with those that are left to the last device:
 *
 *	client 10.1.0.1 ---- lan [router] wan ---- 10.2.0.2 server
 */
#include "world.h"

#include <string.h>

struct path {
	struct world w;
	struct weft_stack *router;
	struct weft_netif *lan, *wan;
};

static void give(struct weft_netif *nif, const char *four, const char *six)
{
	struct weft_addr a = world_addr(four), b = world_addr(six);

	assert_int_equal(weft_addr_add(nif, &a, 24), 0);
	assert_int_equal(weft_addr_add(nif, &b, 64), 0);
}

/* Two ends joined, by a wire that leaves checksums to others or by one that does not. */
static void join(struct weft_stack *a, const char *a_name, struct weft_stack *b, const char *b_name,
		 bool is_veth, struct weft_netif *ret[2])
{
	static const struct weft_link_dir plain = {.delay_ns = 1000};
	struct weft_link *link;

	if (is_veth) {
		assert_int_equal(weft_veth_new(a, a_name, b, b_name, &ret[0], &ret[1]), 0);
		return;
	}
	assert_int_equal(weft_link_new(a, a_name, b, b_name, &plain, &plain, &link), 0);
	ret[0] = weft_link_netif(link, 0);
	ret[1] = weft_link_netif(link, 1);
}

static void path_make(struct path *p, bool is_veth)
{
	struct weft_netif *lan[2], *wan[2];

	world_start(&p->w);
	assert_int_equal(weft_stack_new(p->w.eng, "router", &p->router), 0);
	world_quiet(p->router);
	join(p->w.client, "eth1", p->router, "lan", is_veth, lan);
	join(p->router, "wan", p->w.server, "eth1", is_veth, wan);
	p->lan = lan[1];
	p->wan = wan[0];
	give(lan[0], "10.1.0.1", "2001:db8:1::1");
	give(p->lan, "10.1.0.9", "2001:db8:1::9");
	give(p->wan, "10.2.0.9", "2001:db8:2::9");
	give(wan[1], "10.2.0.2", "2001:db8:2::2");
	assert_int_equal(weft_stack_set(p->router, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(weft_stack_set(p->router, "net.ipv6.conf.all.forwarding", 1), 0);
	assert_int_equal(weft_route_add_text(p->w.client, "default via 10.1.0.9"), 0);
	assert_int_equal(weft_route_add_text(p->w.client, "default via 2001:db8:1::9"), 0);
	assert_int_equal(weft_route_add_text(p->w.server, "default via 10.2.0.9"), 0);
	assert_int_equal(weft_route_add_text(p->w.server, "default via 2001:db8:2::9"), 0);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct path));
	path_make(*state, false);
	return 0;
}

static int setup_veth(void **state)
{
	*state = calloc(1, sizeof(struct path));
	path_make(*state, true);
	return 0;
}

static int teardown(void **state)
{
	struct path *p = *state;

	weft_stack_free(p->router);
	world_end(&p->w);
	free(p);
	return 0;
}

static int maxseg(const struct weft_sock *s)
{
	size_t len = sizeof(int);
	int mss = 0;

	assert_int_equal(weft_getsockopt((struct weft_sock *)(uintptr_t)s, WEFT_IPPROTO_TCP,
					 WEFT_TCP_MAXSEG, &mss, &len),
			 0);
	return mss;
}

/* Opens a connection and sends both ways; what each end may send in a segment. */
static void assert_mss(struct path *p, const char *server, int want)
{
	bool is_six = server[0] == '[';
	struct weft_sockaddr at = world_at(is_six ? "[::]:80" : "0.0.0.0:80");
	struct weft_sockaddr to = world_at(server);
	struct weft_sock *listener, *s, *peer;
	int family = is_six ? WEFT_AF_INET6 : WEFT_AF_INET, on = 1;
	char buf[8];

	assert_int_equal(weft_socket(p->w.server, family, WEFT_SOCK_STREAM, 0, &listener), 0);
	assert_int_equal(
		weft_setsockopt(listener, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(weft_bind(listener, &at), 0);
	assert_int_equal(weft_listen(listener, 1), 0);
	assert_int_equal(weft_socket(p->w.client, family, WEFT_SOCK_STREAM, 0, &s), 0);
	assert_int_equal(weft_connect(s, &to), -EINPROGRESS);
	world_advance(&p->w, WORLD_SEC);
	assert_int_equal(weft_accept(listener, &peer, NULL), 0);
	/* Timestamps take 12 bytes of each segment; TCP_MAXSEG is without them. */
	assert_int_equal(maxseg(s) + 12, want);
	assert_int_equal(maxseg(peer) + 12, want);
	assert_int_equal(weft_send(s, "there", 5, 0), 5);
	assert_int_equal(weft_send(peer, "back", 4, 0), 4);
	world_advance(&p->w, WORLD_SEC);
	assert_int_equal(weft_recv(peer, buf, sizeof(buf), 0), 5);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), 4);
	weft_close(s);
	weft_close(peer);
	weft_close(listener);
	world_advance(&p->w, 5 * WORLD_SEC);
}

static void without_the_setting_nothing_is_changed(void **state)
{
	struct path *p = *state;

	assert_mss(p, "10.2.0.2:80", 1460);
	assert_mss(p, "[2001:db8:2::2]:80", 1440);
	assert_int_equal(weft_stack_counter(p->router, "IpExtMssClamps"), 0);
}

static void fixed_bytes_are_told_to_both_ends(void **state)
{
	struct path *p = *state;
	struct weft_netif_info info;

	assert_int_equal(weft_netif_set_mss_clamp(p->wan, 1200), 0);
	weft_netif_info(p->wan, &info);
	assert_int_equal(info.mss_clamp, 1200);
	assert_mss(p, "10.2.0.2:80", 1200);
	assert_mss(p, "[2001:db8:2::2]:80", 1200);
	assert_int_equal(weft_stack_counter(p->router, "IpExtMssClamps"), 4);
	assert_int_equal(weft_netif_set_mss_clamp(p->wan, 9000), 0); /* never raised */
	assert_mss(p, "10.2.0.2:80", 1460);
	assert_int_equal(weft_stack_counter(p->router, "IpExtMssClamps"), 4);
	assert_int_equal(weft_stack_counter(p->router, "IpExtMssClampMalformed"), 0);
}

static void path_mtu_is_that_of_the_smaller_interface(void **state)
{
	struct path *p = *state;

	assert_int_equal(weft_netif_set_mtu(p->wan, 1400), 0);
	assert_int_equal(weft_netif_set_mss_clamp(p->lan, WEFT_MSS_PMTU), 0);
	assert_mss(p, "10.2.0.2:80", 1360);
	assert_mss(p, "[2001:db8:2::2]:80", 1340);
	assert_int_equal(weft_netif_set_mss_clamp(p->wan, 1000), 0); /* the smaller one */
	assert_mss(p, "10.2.0.2:80", 1000);
}

static void values_that_are_no_segment_size_are_refused(void **state)
{
	struct path *p = *state;

	assert_int_equal(weft_netif_set_mss_clamp(p->wan, 47), -EINVAL);
	assert_int_equal(weft_netif_set_mss_clamp(p->wan, 65536), -EINVAL);
	assert_int_equal(weft_netif_set_mss_clamp(p->wan, 48), 0);
	assert_int_equal(weft_netif_set_mss_clamp(p->wan, 0), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define VETH(test)                                                                    \
	{                                                                             \
		.name = #test " (veth)", .test_func = test, .setup_func = setup_veth, \
		.teardown_func = teardown                                             \
	}
	const struct CMUnitTest tests[] = {
		T(without_the_setting_nothing_is_changed),
		T(fixed_bytes_are_told_to_both_ends),
		T(path_mtu_is_that_of_the_smaller_interface),
		T(values_that_are_no_segment_size_are_refused),
		VETH(without_the_setting_nothing_is_changed),
		VETH(fixed_bytes_are_told_to_both_ends),
		VETH(path_mtu_is_that_of_the_smaller_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
