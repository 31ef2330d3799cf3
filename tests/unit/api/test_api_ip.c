/* SPDX-License-Identifier: MIT */
/* The public calls about addresses, routes and neighbours. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>

#include "api/api_priv.h"
#include "ip/ip4.h"
#include "link/loopback.h"
#include "weft/netif.h"

struct world {
	struct engine *eng;
	struct weft_stack *st;
	struct weft_netif *eth0, *eth1;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct netif *lo;

	w->eng = fix_engine();
	w->st = weft_stack_of(fix_stack(w->eng, "host"));
	assert_int_equal(ip4_init(stack_of(w->st)), 0);
	assert_int_equal(loopback_new(stack_of(w->st), "lo", &lo), 0);
	w->eth0 = weft_netif_of(&fix_if_new(stack_of(w->st), "eth0")->netif);
	w->eth1 = weft_netif_of(&fix_if_new(stack_of(w->st), "eth1")->netif);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	fix_end(w->eng);
	free(w);
	return 0;
}

static struct weft_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return weft_addr_of(&a, ip_addr_family(&a));
}

static int add(struct weft_netif *nif, const char *text, uint8_t len)
{
	struct weft_addr a = addr(text);

	return weft_addr_add(nif, &a, len);
}

/* Lists as text, a line an entry. */
struct lines {
	char text[2048];
};

static void lines_add(struct lines *l, const char *line)
{
	assert_true(strlen(l->text) + strlen(line) + 2 < sizeof(l->text));
	strncat(l->text, line, sizeof(l->text) - strlen(l->text) - 1);
	strncat(l->text, "\n", sizeof(l->text) - strlen(l->text) - 1);
}

static const char *print(const struct weft_addr *a, char buf[IP_ADDR_STRLEN])
{
	struct ip_addr ip;

	return ip_addr_of(a, &ip) == 0 ? ip_addr_print(&ip, buf) : "-";
}

static void note_addr(void *arg, const struct weft_addr_info *info)
{
	char line[256], a[IP_ADDR_STRLEN], b[IP_ADDR_STRLEN];

	snprintf(line, sizeof(line), "%s %s/%d brd %s%s", weft_netif_name(info->dev),
		 print(&info->addr, a), info->prefix_len, print(&info->broadcast, b),
		 info->is_secondary ? " secondary" : "");
	lines_add(arg, line);
}

static void note_route(void *arg, const struct weft_route_info *info)
{
	static const char *const types[] = {"unicast",  "unreachable", "blackhole",
					    "prohibit", "local",       "broadcast"};
	const struct weft_route *r = &info->route;
	char line[256], d[IP_ADDR_STRLEN], v[IP_ADDR_STRLEN], s[IP_ADDR_STRLEN];

	snprintf(line, sizeof(line), "%s %s/%d via %s dev %s src %s metric %u proto %d%s",
		 types[r->type], print(&r->dst, d), r->prefix_len, print(&r->via, v),
		 r->dev ? weft_netif_name(r->dev) : "-", print(&r->src, s), r->metric, info->proto,
		 info->is_dead ? " dead" : "");
	lines_add(arg, line);
}

static void note_neigh(void *arg, const struct weft_neigh_info *info)
{
	char line[256], a[IP_ADDR_STRLEN];

	snprintf(line, sizeof(line), "%s %s %s %02x", weft_netif_name(info->dev),
		 print(&info->addr, a), info->state, info->has_mac ? info->mac[5] : 0);
	lines_add(arg, line);
}

static void addresses_are_listed_by_interface(void **state)
{
	struct world *w = *state;
	struct lines l = {{0}};

	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	assert_int_equal(add(w->eth0, "10.0.0.2", 24), 0);
	assert_int_equal(add(w->eth1, "10.0.1.1", 31), 0);
	weft_addrs(w->st, note_addr, &l);
	assert_string_equal(l.text, "lo 127.0.0.1/8 brd -\n"
				    "eth0 10.0.0.1/24 brd 10.0.0.255\n"
				    "eth0 10.0.0.2/24 brd 10.0.0.255 secondary\n"
				    "eth1 10.0.1.1/31 brd -\n");
}

static void addresses_that_cannot_be_are_refused(void **state)
{
	struct world *w = *state;
	struct weft_addr none = {0}, ours = addr("10.0.0.1");

	assert_int_equal(add(w->eth0, "10.0.0.1", 33), -EINVAL);
	assert_int_equal(add(w->eth0, "224.0.0.1", 24), -EINVAL);
	assert_int_equal(add(w->eth0, "2001:db8::1", 64), -EAFNOSUPPORT);
	assert_int_equal(weft_addr_add(w->eth0, &none, 24), -EINVAL);
	assert_int_equal(weft_addr_del(w->eth0, &ours, 24), -EADDRNOTAVAIL);
	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	assert_int_equal(add(w->eth0, "10.0.0.1", 24), -EEXIST);
	assert_int_equal(weft_addr_del(w->eth0, &ours, 24), 0);
}

static void routes_as_text_are_added_and_listed_in_order(void **state)
{
	struct world *w = *state;
	struct lines l = {{0}};

	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	assert_int_equal(add(w->eth1, "10.0.1.1", 24), 0);
	assert_int_equal(weft_route_add_text(w->st, "default via 10.0.0.254"), 0);
	assert_int_equal(weft_route_add_text(
				 w->st, "192.0.2.0/24 via 10.0.1.2 dev eth1 metric 7 src 10.0.0.1"),
			 0);
	assert_int_equal(weft_route_add_text(w->st, "  192.0.2.0/24\tdev eth0 "), 0);
	assert_int_equal(weft_route_add_text(w->st, "unreachable 198.51.100.0/24"), 0);
	assert_int_equal(weft_route_add_text(w->st, "blackhole 198.51.101.0/24 metric 9"), 0);
	assert_int_equal(weft_route_add_text(w->st, "prohibit 198.51.102.7"), 0);
	weft_netif_set_up(w->eth1, false);
	weft_routes(w->st, note_route, &l);
	assert_string_equal(
		l.text,
		"unicast 0.0.0.0/0 via 10.0.0.254 dev eth0 src - metric 0 proto 3\n"
		"unicast 10.0.0.0/24 via - dev eth0 src 10.0.0.1 metric 0 proto 2\n"
		"local 10.0.0.1/32 via - dev eth0 src 10.0.0.1 metric 0 proto 2\n"
		"broadcast 10.0.0.255/32 via - dev eth0 src 10.0.0.1 metric 0 proto 2\n"
		"unicast 10.0.1.0/24 via - dev eth1 src 10.0.1.1 metric 0 proto 2 dead\n"
		"local 10.0.1.1/32 via - dev eth1 src 10.0.1.1 metric 0 proto 2\n"
		"broadcast 10.0.1.255/32 via - dev eth1 src 10.0.1.1 metric 0 proto 2 dead\n"
		"local 127.0.0.0/8 via - dev lo src 127.0.0.1 metric 0 proto 2\n"
		"local 127.0.0.1/32 via - dev lo src 127.0.0.1 metric 0 proto 2\n"
		"unicast 192.0.2.0/24 via - dev eth0 src - metric 0 proto 3\n"
		"unicast 192.0.2.0/24 via 10.0.1.2 dev eth1 src 10.0.0.1 metric 7 proto 3 dead\n"
		"unreachable 198.51.100.0/24 via - dev - src - metric 0 proto 3\n"
		"blackhole 198.51.101.0/24 via - dev - src - metric 9 proto 3\n"
		"prohibit 198.51.102.7/32 via - dev - src - metric 0 proto 3\n");
}

static void routes_that_make_no_sense_are_refused(void **state)
{
	struct world *w = *state;
	const struct {
		const char *text;
		int want;
	} cases[] = {
		{"", -EINVAL},
		{"   ", -EINVAL},
		{"unreachable", -EINVAL},
		{"nonsense", -EINVAL},
		{"default", -EINVAL},
		{"default via", -EINVAL},
		{"default via 10.0.0.300", -EINVAL},
		{"default via 10.0.0.254 speed 9", -EINVAL},
		{"default via 10.0.0.254 metric", -EINVAL},
		{"default via 10.0.0.254 metric x", -EINVAL},
		{"default via 10.0.0.254 metric 4294967296", -EINVAL},
		{"default via 10.0.0.254 metric -1", -EINVAL},
		{"default via 10.0.0.254 dev eth9", -ENODEV},
		{"default via 10.0.0.1", -EINVAL},
		{"default via 10.9.0.1", -ENETUNREACH},
		{"default via 10.0.0.254 dev eth1", -ENETUNREACH},
		{"192.0.2.1/24 dev eth0", -EINVAL},
		{"192.0.2.0/33 dev eth0", -EINVAL},
		{"192.0.2.0/24 dev eth0 src 10.0.0.9", -EINVAL},
		{"2001:db8::/32 dev eth0", -EAFNOSUPPORT},
		{"192.0.2.0/24 via 2001:db8::1", -EINVAL},
		{"10.0.0.0/24 dev eth0", -EEXIST},
		{"default via 10.0.0.254 dev "
		 "a-name-that-is-much-too-long-for-anything-that-could-be-meant-here-at-all",
		 -EINVAL},
		{"a-prefix-that-is-much-too-long-for-anything-that-could-be-meant-here-at-all",
		 -EINVAL},
		{"default via 10.0.0.254 "
		 "a-word-that-is-much-too-long-for-anything-that-could-be-meant-here-at-all 1",
		 -EINVAL},
	};
	uint32_t n;

	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	n = stack_of(w->st)->ip4->fib.n_routes;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(weft_route_add_text(w->st, cases[i].text), cases[i].want);
	assert_int_equal(stack_of(w->st)->ip4->fib.n_routes, n);
}

static void routes_are_deleted_by_what_is_said_of_them(void **state)
{
	struct world *w = *state;
	struct weft_route r = {.dst = addr("192.0.2.0"), .prefix_len = 24, .dev = w->eth0};
	struct weft_route any = {.dst = addr("192.0.2.0"), .prefix_len = 24};

	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	assert_int_equal(weft_route_add(w->st, &r), 0);
	r.metric = 5;
	assert_int_equal(weft_route_add(w->st, &r), 0);
	assert_int_equal(weft_route_add(w->st, &r), -EEXIST);
	any.metric = 6;
	assert_int_equal(weft_route_del(w->st, &any), -ESRCH);
	any.metric = 5;
	assert_int_equal(weft_route_del(w->st, &any), 0);
	any.metric = 0;
	any.type = WEFT_ROUTE_BLACKHOLE;
	assert_int_equal(weft_route_del(w->st, &any), -ESRCH);
	any.type = WEFT_ROUTE_UNICAST;
	assert_int_equal(weft_route_del(w->st, &any), 0);
	assert_int_equal(weft_route_del(w->st, &any), -ESRCH);
	any.type = (enum weft_route_type)99;
	assert_int_equal(weft_route_add(w->st, &any), -EINVAL);
	assert_int_equal(weft_route_del(w->st, &any), -EINVAL);
	any = (struct weft_route){.dev = w->eth0};
	assert_int_equal(weft_route_add(w->st, &any), -EINVAL);
}

static void interface_of_another_stack_is_refused(void **state)
{
	struct world *w = *state;
	struct weft_stack *other = weft_stack_of(fix_stack(w->eng, "other"));
	struct weft_route r = {.dst = addr("192.0.2.0"), .prefix_len = 24, .dev = w->eth0};

	assert_int_equal(ip4_init(stack_of(other)), 0);
	assert_int_equal(weft_route_add(other, &r), -EINVAL);
}

static void neighbours_are_listed_and_deleted(void **state)
{
	struct world *w = *state;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x42};
	struct weft_addr a = addr("10.0.0.7"), none = {0};
	struct lines l = {{0}};

	assert_int_equal(weft_neigh_add(w->eth0, &a, mac), 0);
	weft_neighs(w->st, note_neigh, &l);
	assert_string_equal(l.text, "eth0 10.0.0.7 PERMANENT 42\n");
	assert_int_equal(weft_neigh_del(w->eth0, &none), -EAFNOSUPPORT);
	assert_int_equal(weft_neigh_del(w->eth0, &a), 0);
	assert_int_equal(weft_neigh_del(w->eth0, &a), -ENOENT);
}

static struct weft_route to(const char *dst, uint8_t len, const char *via)
{
	return (struct weft_route){.dst = addr(dst), .prefix_len = len, .via = addr(via)};
}

/* The user's routes alone. */
static void note_user_route(void *arg, const struct weft_route_info *info)
{
	if (info->proto != ROUTE_PROTO_KERNEL)
		note_route(arg, info);
}

static const char *user_routes(struct world *w, struct lines *l)
{
	l->text[0] = '\0';
	weft_routes(w->st, note_user_route, l);
	return l->text;
}

static void route_put_replaces_changes_and_appends(void **state)
{
	struct world *w = *state;
	struct weft_route a = to("192.0.2.0", 24, "10.0.0.2"), b = to("192.0.2.0", 24, "10.0.0.3");
	struct lines l;

	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	assert_int_equal(weft_route_put(w->st, &a, WEFT_ROUTE_CHANGE), -ENOENT);
	assert_int_equal(weft_route_put(w->st, &a, WEFT_ROUTE_REPLACE), 0);
	assert_int_equal(weft_route_put(w->st, &b, WEFT_ROUTE_ADD), -EEXIST);
	b.proto = 4;
	assert_int_equal(weft_route_put(w->st, &b, WEFT_ROUTE_REPLACE), 0);
	assert_string_equal(user_routes(w, &l),
			    "unicast 192.0.2.0/24 via 10.0.0.3 dev eth0 src - metric 0 proto 4\n");
	assert_int_equal(weft_route_put(w->st, &b, WEFT_ROUTE_CHANGE), 0); /* as it is */
	assert_int_equal(weft_route_put(w->st, &b, WEFT_ROUTE_APPEND), -EEXIST);
	assert_int_equal(weft_route_put(w->st, &a, WEFT_ROUTE_APPEND), 0);
	assert_string_equal(user_routes(w, &l),
			    "unicast 192.0.2.0/24 via 10.0.0.3 dev eth0 src - metric 0 proto 4\n"
			    "unicast 192.0.2.0/24 via 10.0.0.2 dev eth0 src - metric 0 proto 3\n");
	/* A refused one leaves what was there. */
	a.via = addr("10.9.0.1");
	assert_int_equal(weft_route_put(w->st, &a, WEFT_ROUTE_REPLACE), -ENETUNREACH);
	assert_int_equal(weft_route_put(w->st, &a, (enum weft_route_how)9), -EINVAL);
	b = (struct weft_route){
		.dst = addr("192.0.2.0"), .prefix_len = 24, .type = WEFT_ROUTE_PROHIBIT};
	assert_int_equal(weft_route_put(w->st, &b, WEFT_ROUTE_REPLACE), 0);
	assert_string_equal(user_routes(w, &l),
			    "unicast 192.0.2.0/24 via 10.0.0.2 dev eth0 src - metric 0 proto 3\n"
			    "prohibit 192.0.2.0/24 via - dev - src - metric 0 proto 3\n");
	/* Only of that protocol. */
	a = to("192.0.2.0", 24, "10.0.0.2");
	a.proto = 4;
	assert_int_equal(weft_route_del(w->st, &a), -ESRCH);
	a.proto = 3;
	assert_int_equal(weft_route_del(w->st, &a), 0);
}

static const char *got(struct world *w, const char *dst, const char *src, struct weft_netif *oif,
		       struct lines *l)
{
	struct weft_addr d = addr(dst), s = src ? addr(src) : (struct weft_addr){0};
	struct weft_route_info info;
	int err = weft_route_get(w->st, &d, src ? &s : NULL, oif, &info);

	l->text[0] = '\0';
	if (err)
		lines_add(l, strerrorname_np(-err));
	else if (info.route.type == WEFT_ROUTE_MULTICAST)
		lines_add(l, "multicast");
	else
		note_route(l, &info);
	return l->text;
}

static void route_get_tells_where_packets_go(void **state)
{
	struct world *w = *state;
	struct weft_addr six = {.family = WEFT_AF_INET6, .bytes = {0x20, 1}};
	struct weft_route_info info;
	struct lines l;

	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	assert_int_equal(add(w->eth0, "10.0.0.2", 24), 0);
	assert_int_equal(add(w->eth1, "10.0.1.1", 24), 0);
	assert_string_equal(got(w, "8.8.8.8", NULL, NULL, &l), "ENETUNREACH\n");
	assert_int_equal(weft_route_add_text(w->st, "default via 10.0.0.254"), 0);
	assert_int_equal(weft_route_add_text(w->st, "unreachable 192.0.2.0/26"), 0);
	assert_int_equal(weft_route_add_text(w->st, "blackhole 192.0.2.64/26"), 0);
	assert_int_equal(weft_route_add_text(w->st, "prohibit 192.0.2.128/26"), 0);

	assert_string_equal(got(w, "8.8.8.8", NULL, NULL, &l),
			    "unicast 8.8.8.8/32 via 10.0.0.254 dev eth0 src 10.0.0.1 metric 0 "
			    "proto 0\n");
	assert_string_equal(got(w, "8.8.8.8", "10.0.0.2", NULL, &l),
			    "unicast 8.8.8.8/32 via 10.0.0.254 dev eth0 src 10.0.0.2 metric 0 "
			    "proto 0\n");
	assert_string_equal(got(w, "8.8.8.8", NULL, w->eth1, &l),
			    "unicast 8.8.8.8/32 via - dev eth1 src 10.0.1.1 metric 0 proto 0\n");
	assert_string_equal(got(w, "10.0.1.9", NULL, NULL, &l),
			    "unicast 10.0.1.9/32 via - dev eth1 src 10.0.1.1 metric 0 proto 0\n");
	assert_string_equal(got(w, "10.0.1.1", NULL, NULL, &l),
			    "local 10.0.1.1/32 via - dev lo src 10.0.1.1 metric 0 proto 0\n");
	assert_string_equal(got(w, "10.0.1.255", NULL, NULL, &l),
			    "broadcast 10.0.1.255/32 via - dev eth1 src 10.0.1.1 metric 0 "
			    "proto 0\n");
	assert_string_equal(got(w, "224.0.0.5", NULL, NULL, &l), "multicast\n");
	assert_string_equal(got(w, "192.0.2.1", NULL, NULL, &l), "EHOSTUNREACH\n");
	assert_string_equal(got(w, "192.0.2.65", NULL, NULL, &l), "EINVAL\n");
	assert_string_equal(got(w, "192.0.2.129", NULL, NULL, &l), "EACCES\n");
	assert_string_equal(got(w, "8.8.8.8", "10.0.0.99", NULL, &l), "ENETUNREACH\n");
	assert_int_equal(weft_route_get(w->st, &six, NULL, NULL, &info), -EAFNOSUPPORT);
	weft_netif_set_up(w->eth1, false);
	assert_string_equal(got(w, "8.8.8.8", NULL, w->eth1, &l), "ENETDOWN\n");
}

static void neighbours_are_set_in_the_state_asked_for(void **state)
{
	struct world *w = *state;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x42}, group[6] = {1};
	struct weft_addr a = addr("10.0.0.7"), b = addr("10.0.0.8");
	struct lines l = {{0}};

	assert_int_equal(weft_neigh_set(w->eth0, &a, mac, WEFT_NUD_REACHABLE), 0);
	assert_int_equal(weft_neigh_set(w->eth0, &b, mac, WEFT_NUD_STALE), 0);
	assert_int_equal(weft_neigh_set(w->eth0, &b, group, WEFT_NUD_STALE), -EINVAL);
	weft_neighs(w->st, note_neigh, &l);
	assert_string_equal(l.text, "eth0 10.0.0.7 REACHABLE 42\neth0 10.0.0.8 STALE 42\n");
	assert_int_equal(weft_neigh_set(w->eth0, &b, mac, WEFT_NUD_PERMANENT), 0);
	l.text[0] = '\0';
	weft_neighs(w->st, note_neigh, &l);
	assert_string_equal(l.text, "eth0 10.0.0.7 REACHABLE 42\neth0 10.0.0.8 PERMANENT 42\n");
}
static void interface_gets_another_mac_neighbours_are_told(void **state)
{
	static const uint8_t mac[6] = {2, 9, 9, 9, 9, 9};
	struct world *w = *state;
	struct fix_if *eth0 = container_of(netif_of(w->eth0), struct fix_if, netif);
	struct fix_frame f;

	weft_netif_set_mac(w->eth0, mac); /* without an address there is nothing to tell */
	fix_settle(w->eng);
	fix_assert_silent(eth0);
	assert_int_equal(add(w->eth0, "10.0.0.1", 24), 0);
	assert_int_equal(add(w->eth0, "10.0.0.2", 24), 0);
	fix_settle(w->eng);
	fix_ignore_sent(eth0);
	weft_netif_set_mac(w->eth0, mac);
	fix_settle(w->eng);
	assert_int_equal(fix_n_unseen(eth0), 2);
	assert_true(fix_sent(eth0, &f));
	assert_memory_equal(f.b + 6, mac, sizeof(mac));
	assert_memory_equal(f.b + 22, mac, sizeof(mac));      /* sender's, of ARP */
	assert_memory_equal(f.b + 28, "\x0a\x00\x00\x01", 4); /* and its address */
	assert_memory_equal(f.b + 38, "\x0a\x00\x00\x01", 4); /* the target's */
	fix_ignore_sent(eth0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(addresses_are_listed_by_interface),
		T(addresses_that_cannot_be_are_refused),
		T(routes_as_text_are_added_and_listed_in_order),
		T(routes_that_make_no_sense_are_refused),
		T(routes_are_deleted_by_what_is_said_of_them),
		T(interface_of_another_stack_is_refused),
		T(neighbours_are_listed_and_deleted),
		T(interface_gets_another_mac_neighbours_are_told),
		T(route_put_replaces_changes_and_appends),
		T(route_get_tells_where_packets_go),
		T(neighbours_are_set_in_the_state_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
