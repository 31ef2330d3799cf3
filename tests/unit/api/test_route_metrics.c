/* SPDX-License-Identifier: MIT */
/*
 * What a route says of the traffic that takes it, in both families:
 *
 *	client 10.0.0.1/24 ---- 10.0.0.2/24 server, which is 10.9.0.1 too
 *	       fd00::1/64 ----- fd00::2/64          and fd09::1
 */
#include "world.h"

enum {
	LEVEL_TCP = WEFT_IPPROTO_TCP,
};

struct family {
	const char *near, *far; /* addresses of the server */
	const char *route;      /* from the client to the far one */
	const char *bind;
	const char *back; /* from the server to the client */
	uint32_t mss_near;
};

static const struct family families[] = {
	{"10.0.0.2:80", "10.9.0.1:80", "10.9.0.0/16 via 10.0.0.2", "0.0.0.0:80",
	 "10.0.0.1/32 dev eth0", 1448},
	{"[fd00::2]:80", "[fd09::1]:80", "fd09::/16 via fd00::2", "[::]:80", "fd00::1/128 dev eth0",
	 1428},
};

struct pair {
	struct weft_sock *listener, *client, *server;
};

static void address(struct weft_netif *nif, const char *text, uint8_t len)
{
	struct weft_addr a = world_addr(text);

	assert_int_equal(weft_addr_add(nif, &a, len), 0);
}

static void start(struct world *w)
{
	world_start(w);
	address(w->client_if, "fd00::1", 64);
	address(w->server_if, "fd00::2", 64);
	address(w->server_if, "fd09::1", 128);
	address(w->server_if, "10.9.0.1", 32);
}

static void add(struct weft_stack *st, const char *route, const char *metrics, int want)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s %s", route, metrics);
	assert_int_equal(weft_route_add_text(st, text), want);
}

static struct pair connected(struct world *w, const struct family *f, const char *to)
{
	struct weft_sockaddr at = world_at(f->bind), dst = world_at(to);
	uint16_t family = dst.addr.family;
	struct pair p;

	assert_int_equal(weft_socket(w->server, family, WEFT_SOCK_STREAM, 0, &p.listener), 0);
	assert_int_equal(weft_bind(p.listener, &at), 0);
	assert_int_equal(weft_listen(p.listener, 1), 0);
	assert_int_equal(weft_socket(w->client, family, WEFT_SOCK_STREAM, 0, &p.client), 0);
	assert_int_equal(weft_connect(p.client, &dst), -EINPROGRESS);
	world_advance(w, WORLD_SEC);
	assert_int_equal(weft_accept(p.listener, &p.server, NULL), 0);
	return p;
}

static void end_pair(struct world *w, struct pair *p)
{
	weft_close(p->client);
	weft_close(p->server);
	weft_close(p->listener);
	world_advance(w, 100 * WORLD_SEC);
}

static void assert_control(struct weft_sock *s, const char *want)
{
	char name[16];
	size_t len = sizeof(name);

	assert_int_equal(weft_getsockopt(s, LEVEL_TCP, WEFT_TCP_CONGESTION, name, &len), 0);
	assert_string_equal(name, want);
}

static struct weft_tcp_info info_of(struct weft_sock *s)
{
	struct weft_tcp_info info;
	size_t len = sizeof(info);

	assert_int_equal(weft_getsockopt(s, LEVEL_TCP, WEFT_TCP_INFO, &info, &len), 0);
	return info;
}

static void connection_is_as_its_route_says(void **state UNUSED)
{
	for (size_t i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		struct weft_tcp_info info;
		struct world w;
		struct pair p;

		start(&w);
		add(w.client, f->route, "mtu 1400 initcwnd 20 features ecn congctl reno", 0);
		p = connected(&w, f, f->far);
		assert_control(p.client, "reno");
		assert_control(p.server, "cubic");
		info = info_of(p.client);
		assert_int_equal(info.snd_cwnd, 20);
		assert_int_equal(info.snd_mss, f->mss_near - 100);
		assert_true(info.has_ecn);
		end_pair(&w, &p);
		/* Another destination does not take it. */
		p = connected(&w, f, f->near);
		assert_control(p.client, "cubic");
		info = info_of(p.client);
		assert_int_equal(info.snd_cwnd, 10);
		assert_int_equal(info.snd_mss, f->mss_near);
		assert_false(info.has_ecn);
		end_pair(&w, &p);
		world_end(&w);
	}
}

static void accepted_connection_is_as_the_way_back_says(void **state UNUSED)
{
	for (size_t i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		struct world w;
		struct pair p;

		start(&w);
		assert_int_equal(weft_stack_set(w.client, "net.ipv4.tcp_ecn", 1), 0);
		assert_int_equal(weft_stack_set(w.server, "net.ipv4.tcp_ecn", 0), 0);
		add(w.server, f->back, "initcwnd 5 features ecn congctl bbr", 0);
		p = connected(&w, f, f->near);
		assert_control(p.client, "cubic");
		assert_control(p.server, "bbr");
		assert_int_equal(info_of(p.server).snd_cwnd, 5);
		assert_true(info_of(p.server).has_ecn);
		assert_control(p.listener, "cubic");
		end_pair(&w, &p);
		world_end(&w);
	}
}

/* As in Linux: the route's comes first, and the application may choose another from then on. */
static void application_may_choose_another_control_later(void **state UNUSED)
{
	const struct family *f = &families[0];
	struct weft_sockaddr dst = world_at(f->far);
	struct weft_sock *s;
	struct world w;

	start(&w);
	add(w.client, f->route, "congctl reno", 0);
	s = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_setsockopt(s, LEVEL_TCP, WEFT_TCP_CONGESTION, "tahoe", 5), 0);
	assert_int_equal(weft_connect(s, &dst), -EINPROGRESS);
	assert_control(s, "reno");
	assert_int_equal(weft_setsockopt(s, LEVEL_TCP, WEFT_TCP_CONGESTION, "tahoe", 5), 0);
	assert_control(s, "tahoe");
	weft_close(s);
	world_advance(&w, 200 * WORLD_SEC);
	world_end(&w);
}

static void route_seen(void *arg, const struct weft_route_info *info)
{
	const struct weft_route *r = &info->route;
	int *n = arg;

	if (!r->mtu)
		return;
	assert_int_equal(r->mtu, 1400);
	assert_int_equal(r->initcwnd, 20);
	assert_true(r->ecn);
	assert_string_equal(r->congctl, "bbr3");
	++*n;
}

static void what_a_route_says_is_listed_and_got(void **state UNUSED)
{
	struct weft_addr far[] = {world_addr("10.9.0.1"), world_addr("fd09::1")};
	struct weft_route_info info;
	struct world w;
	int n = 0;

	start(&w);
	for (size_t i = 0; i < 2; i++) {
		add(w.client, families[i].route, "mtu 1400 initcwnd 20 features ecn congctl bbr3",
		    0);
		assert_int_equal(weft_route_get(w.client, &far[i], NULL, NULL, &info), 0);
		route_seen(&n, &info);
	}
	weft_routes(w.client, route_seen, &n);
	assert_int_equal(n, 4);
	world_end(&w);
}

static void nonsense_is_refused(void **state UNUSED)
{
	struct world w;

	start(&w);
	for (size_t i = 0; i < 2; i++) {
		const char *route = families[i].route;

		add(w.client, route, "congctl nosuch", -EPROTONOSUPPORT);
		add(w.client, route, "congctl", -EINVAL);
		add(w.client, route, "congctl cubiccubiccubiccubic", -EINVAL);
		add(w.client, route, "features foo", -EINVAL);
		add(w.client, route, "initcwnd 65536", -EINVAL);
		add(w.client, route, "mtu -1", -EINVAL);
		add(w.client, route, "mtu lock 1400", -EINVAL);
	}
	world_end(&w);
}

/* The interface's MTU bounds the route's. */
static void larger_mtu_than_the_interfaces_is_not_used(void **state UNUSED)
{
	const struct family *f = &families[0];
	struct world w;
	struct pair p;

	start(&w);
	add(w.client, f->route, "mtu 9000", 0);
	p = connected(&w, f, f->far);
	assert_int_equal(info_of(p.client).snd_mss, f->mss_near);
	end_pair(&w, &p);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connection_is_as_its_route_says),
		cmocka_unit_test(accepted_connection_is_as_the_way_back_says),
		cmocka_unit_test(application_may_choose_another_control_later),
		cmocka_unit_test(what_a_route_says_is_listed_and_got),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(larger_mtu_than_the_interfaces_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
