/* SPDX-License-Identifier: MIT */
/*
 * Who gets a datagram: every kind of address that a socket can be bound to, by every kind of
 * destination, by the device it is bound to, in both families.
 *
 *	client 10.0.0.1, 2001:db8::1 eth0 ==== eth0 10.0.0.2, 2001:db8::2 server
 *	                             eth1 ==== eth1 10.0.1.2, 2001:db8:1::2
 */
#include "world.h"

#include <string.h>

#include "weft/mcast.h"

enum {
	PORT = 7,
};

struct net {
	struct world w;
	struct weft_netif *client1, *server1;
};

static int setup(void **state)
{
	struct net *n = calloc(1, sizeof(*n));
	const struct weft_addr a6 = world_addr("2001:db8::1"), b6 = world_addr("2001:db8::2");
	const struct weft_addr a1 = world_addr("10.0.1.1"), b1 = world_addr("10.0.1.2");
	const struct weft_addr c6 = world_addr("2001:db8:1::1"), d6 = world_addr("2001:db8:1::2");

	world_start(&n->w);
	assert_int_equal(
		weft_veth_new(n->w.client, "eth1", n->w.server, "eth1", &n->client1, &n->server1),
		0);
	assert_int_equal(weft_addr_add(n->w.client_if, &a6, 64), 0);
	assert_int_equal(weft_addr_add(n->w.server_if, &b6, 64), 0);
	assert_int_equal(weft_addr_add(n->client1, &a1, 24), 0);
	assert_int_equal(weft_addr_add(n->server1, &b1, 24), 0);
	assert_int_equal(weft_addr_add(n->client1, &c6, 64), 0);
	assert_int_equal(weft_addr_add(n->server1, &d6, 64), 0);
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	world_end(&((struct net *)*state)->w);
	free(*state);
	return 0;
}

static void bind_to_device(struct weft_sock *s, const char *dev)
{
	assert_int_equal(
		weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, dev, strlen(dev)), 0);
}

static void join(struct weft_sock *s, bool is_six, uint32_t ifindex)
{
	const struct weft_addr four = world_addr("239.1.1.1"), six = world_addr("ff05::77");
	struct weft_group_req req = {.ifindex = ifindex};

	req.group = is_six ? six : four;
	assert_int_equal(weft_setsockopt(s, is_six ? WEFT_IPPROTO_IPV6 : WEFT_IPPROTO_IP,
					 WEFT_MCAST_JOIN_GROUP, &req, sizeof(req)),
			 0);
}

/* Whether a datagram to `dst`, sent by the client's eth0, reaches a server bound so. */
static bool arrives(struct net *n, const char *bound, const char *dst, const char *dev)
{
	bool is_six = strchr(dst, ':') != NULL;
	int family = is_six ? WEFT_AF_INET6 : WEFT_AF_INET, on = 1;
	struct weft_sockaddr at = {.addr = world_addr(bound), .port = PORT};
	struct weft_sockaddr to = {.addr = world_addr(dst), .port = PORT};
	struct weft_sock *server, *s;
	char buf[4];
	bool ret;

	assert_int_equal(weft_socket(n->w.server, family, WEFT_SOCK_DGRAM, 0, &server), 0);
	if (dev)
		bind_to_device(server, dev);
	assert_int_equal(weft_bind(server, &at), 0);
	join(server, is_six, weft_netif_index(n->w.server_if));
	assert_int_equal(weft_socket(n->w.client, family, WEFT_SOCK_DGRAM, 0, &s), 0);
	bind_to_device(s, "eth0");
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, &on, sizeof(on)),
			 0);
	assert_int_equal(weft_sendto(s, "x", 1, 0, &to), 1);
	world_advance(&n->w, WORLD_SEC);
	ret = weft_recv(server, buf, sizeof(buf), 0) == 1;
	weft_close(server);
	weft_close(s);
	world_advance(&n->w, WORLD_SEC);
	return ret;
}

/* Every bound address by every destination: "any" takes all, the others what is to them; and a
 * device only what came in by it. */
static void check_matrix(struct net *n, const char *const *bounds, size_t n_bounds,
			 const char *const *dsts, size_t n_dsts)
{
	static const char *const devs[] = {NULL, "eth0", "eth1"};

	for (size_t b = 0; b < n_bounds; b++) {
		for (size_t d = 0; d < n_dsts; d++) {
			for (size_t v = 0; v < ARRAY_SIZE(devs); v++) {
				bool want = (b == 0 || !strcmp(bounds[b], dsts[d])) && v != 2;

				if (arrives(n, bounds[b], dsts[d], devs[v]) != want)
					fail_msg("bound to %s %s, to %s: %s", bounds[b],
						 devs[v] ? devs[v] : "(no device)", dsts[d],
						 want ? "did not arrive" : "arrived");
			}
		}
	}
}

static void udp_socket_gets_what_is_for_its_address_and_device(void **state)
{
	static const char *const bounds[] = {"0.0.0.0", "10.0.0.2", "10.0.0.255", "255.255.255.255",
					     "239.1.1.1"};
	static const char *const dsts[] = {"10.0.0.2", "10.0.0.255", "255.255.255.255",
					   "239.1.1.1"};

	check_matrix(*state, bounds, ARRAY_SIZE(bounds), dsts, ARRAY_SIZE(dsts));
}

static void udp6_socket_gets_what_is_for_its_address_and_device(void **state)
{
	static const char *const bounds[] = {"::", "2001:db8::2", "ff05::77"};
	static const char *const dsts[] = {"2001:db8::2", "ff05::77"};

	check_matrix(*state, bounds, ARRAY_SIZE(bounds), dsts, ARRAY_SIZE(dsts));
}

/* An echo socket bound to `bound` and a device asks `dst`: whether it is answered. -1: the bind is
 * refused, -2: the send. */
static int answered(struct net *n, const char *bound, const char *dst, const char *dev)
{
	bool is_six = strchr(dst, ':') != NULL;
	const uint8_t echo[8] = {is_six ? 128 : 8, 0, 0, 0, 0, 0, 0, 1};
	struct weft_sockaddr at = {.addr = world_addr(bound)};
	struct weft_sockaddr to = {.addr = world_addr(dst)};
	struct weft_sock *s;
	uint8_t buf[64];
	int ret, on = 1;

	assert_int_equal(weft_socket(n->w.client, is_six ? WEFT_AF_INET6 : WEFT_AF_INET,
				     WEFT_SOCK_DGRAM,
				     is_six ? WEFT_IPPROTO_ICMPV6 : WEFT_IPPROTO_ICMP, &s),
			 0);
	if (dev)
		bind_to_device(s, dev);
	if (weft_bind(s, &at) < 0) {
		weft_close(s);
		return -1;
	}
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, &on, sizeof(on)),
			 0);
	ret = weft_sendto(s, echo, sizeof(echo), 0, &to) < 0 ? -2 : 0;
	world_advance(&n->w, WORLD_SEC);
	if (ret == 0)
		ret = weft_recv(s, buf, sizeof(buf), 0) == sizeof(echo);
	weft_close(s);
	world_advance(&n->w, 5 * WORLD_SEC);
	return ret;
}

/* As a table says it: a column a destination, of it a letter a device: none, eth0, eth1. y:
 * answered; n: not; s: the send is refused; b: the bind is. */
struct echo_row {
	const char *bound;
	const char *want[4];
};

static void check_echo(struct net *n, const struct echo_row *rows, size_t n_rows,
		       const char *const *dsts, size_t n_dsts)
{
	static const char *const devs[] = {NULL, "eth0", "eth1"};
	static const char letters[] = "sbny";

	for (size_t r = 0; r < n_rows; r++) {
		for (size_t c = 0; c < n_dsts * ARRAY_SIZE(devs); c++) {
			const char *dst = dsts[c / ARRAY_SIZE(devs)];
			const char *dev = devs[c % ARRAY_SIZE(devs)];
			char want = rows[r].want[c / ARRAY_SIZE(devs)][c % ARRAY_SIZE(devs)];
			char got = letters[2 + answered(n, rows[r].bound, dst, dev)];

			if (got != want)
				fail_msg("bound to %s %s, to %s: %c, not %c", rows[r].bound,
					 dev ? dev : "(no device)", dst, got, want);
		}
	}
}

/* Groups and broadcasts are answered here; without an address or a device there is no way to
 * 255.255.255.255 or a group. A question by eth1 for an address of eth0 is answered for (arp_ignore
 * 0), and an answer goes where its destination is, whatever device the question came by. */
static void echo_socket_is_answered_at_its_address_and_device(void **state)
{
	static const char *const dsts[] = {"10.0.0.2", "10.0.0.255", "255.255.255.255",
					   "239.1.1.1"};
	static const struct echo_row rows[] = {
		{"0.0.0.0", {"yyy", "yyn", "syy", "syn"}},
		{"10.0.0.1", {"yyn", "yyn", "yyn", "yyn"}},
		{"10.0.1.1", {"yny", "ynn", "yny", "nnn"}},
		{"10.0.0.255", {"bbb", "bbb", "bbb", "bbb"}},
		{"255.255.255.255", {"bbb", "bbb", "bbb", "bbb"}},
		{"239.1.1.1", {"bbb", "bbb", "bbb", "bbb"}},
		{"10.0.0.9", {"bbb", "bbb", "bbb", "bbb"}},
	};
	struct net *n = *state;
	struct weft_sock *member;

	assert_int_equal(weft_stack_set(n->w.server, "net.ipv4.icmp_echo_ignore_broadcasts", 0), 0);
	assert_int_equal(weft_socket(n->w.server, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &member), 0);
	join(member, false, weft_netif_index(n->w.server_if));
	check_echo(n, rows, ARRAY_SIZE(rows), dsts, ARRAY_SIZE(dsts));
	weft_close(member);
	world_advance(&n->w, WORLD_SEC);
}

static void echo6_socket_is_answered_at_its_address_and_device(void **state)
{
	static const char *const dsts[] = {"2001:db8::2", "ff05::77"};
	static const struct echo_row rows[] = {
		{"::", {"yyn", "yyn"}},
		{"2001:db8::1", {"yyn", "yyn"}},
		{"2001:db8:1::1", {"ynn", "nnn"}},
		{"ff05::77", {"bbb", "bbb"}},
		{"2001:db8::9", {"bbb", "bbb"}},
	};
	struct net *n = *state;
	struct weft_sock *member;

	assert_int_equal(weft_socket(n->w.server, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, &member), 0);
	join(member, true, weft_netif_index(n->w.server_if));
	check_echo(n, rows, ARRAY_SIZE(rows), dsts, ARRAY_SIZE(dsts));
	weft_close(member);
	world_advance(&n->w, WORLD_SEC);
}

/* Without SO_BROADCAST none may be sent. */
static void echo_to_a_broadcast_needs_permission(void **state)
{
	const uint8_t echo[8] = {8, [7] = 1};
	struct weft_sockaddr to = {.addr = world_addr("10.0.0.255")};
	struct net *n = *state;
	struct weft_sock *s;

	assert_int_equal(
		weft_socket(n->w.client, WEFT_AF_INET, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP, &s), 0);
	assert_int_equal(weft_sendto(s, echo, sizeof(echo), 0, &to), -EACCES);
	weft_close(s);
}

/* What a connected socket hears of a datagram that the server refuses: SO_ERROR. */
static int error_of(struct net *n, const char *to, int ttl)
{
	bool is_six = to[0] == '[';
	struct weft_sockaddr at = world_at(to);
	struct weft_sock *s;
	size_t len = sizeof(int);
	int err = -1;

	assert_int_equal(weft_socket(n->w.client, is_six ? WEFT_AF_INET6 : WEFT_AF_INET,
				     WEFT_SOCK_DGRAM, 0, &s),
			 0);
	if (ttl)
		assert_int_equal(weft_setsockopt(s, is_six ? WEFT_IPPROTO_IPV6 : WEFT_IPPROTO_IP,
						 is_six ? WEFT_IPV6_UNICAST_HOPS : WEFT_IP_TTL,
						 &ttl, sizeof(ttl)),
				 0);
	assert_int_equal(weft_connect(s, &at), 0);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
	world_advance(&n->w, 5 * WORLD_SEC);
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len), 0);
	weft_close(s);
	return err;
}

static void only_port_unreachable_surfaces_on_a_connected_socket(void **state)
{
	static const char *const routes[] = {"default via 10.0.0.2", "default via 2001:db8::2"};
	static const char *const refusals[] = {"unreachable 10.9.1.0/24",
					       "unreachable 2001:db8:91::/48"};
	struct net *n = *state;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		assert_int_equal(weft_route_add_text(n->w.client, routes[i]), 0);
		assert_int_equal(weft_route_add_text(n->w.server, refusals[i]), 0);
	}
	assert_int_equal(weft_stack_set(n->w.server, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(weft_stack_set(n->w.server, "net.ipv6.conf.all.forwarding", 1), 0);
	assert_int_equal(error_of(n, "10.0.0.2:9", 0), ECONNREFUSED);
	assert_int_equal(error_of(n, "10.9.1.1:9", 0), 0); /* host unreachable */
	assert_int_equal(error_of(n, "10.9.2.1:9", 0), 0); /* network unreachable */
	assert_int_equal(error_of(n, "10.0.1.9:9", 1), 0); /* time exceeded, or nobody there */
	assert_int_equal(error_of(n, "[2001:db8::2]:9", 0), ECONNREFUSED);
	assert_int_equal(error_of(n, "[2001:db8:91::1]:9", 0), 0);
	assert_int_equal(error_of(n, "[2001:db8:92::1]:9", 0), 0);
	assert_true(weft_stack_counter(n->w.client, "IcmpInDestUnreachs") >= 3);
	assert_true(weft_stack_counter(n->w.client, "Icmp6InDestUnreachs") >= 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(udp_socket_gets_what_is_for_its_address_and_device),
		T(udp6_socket_gets_what_is_for_its_address_and_device),
		T(echo_socket_is_answered_at_its_address_and_device),
		T(echo6_socket_is_answered_at_its_address_and_device),
		T(echo_to_a_broadcast_needs_permission),
		T(only_port_unreachable_surfaces_on_a_connected_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
