/* SPDX-License-Identifier: MIT */
/* IPv6 between two hosts through the public API alone: neighbours, echo, UDP, TCP, both families
 * in one socket. */
#include "world.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct weft_addr a = world_addr("2001:db8::1"), b = world_addr("2001:db8::2");

	world_start(w);
	assert_int_equal(weft_addr_add(w->client_if, &a, 64), 0);
	assert_int_equal(weft_addr_add(w->server_if, &b, 64), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

static struct weft_sock *socket6(struct weft_stack *st, int type, int protocol)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, WEFT_AF_INET6, type, protocol, &s), 0);
	return s;
}

static struct weft_sock *bound6(struct weft_stack *st, int type, const char *at)
{
	struct weft_sock *s = socket6(st, type, 0);
	struct weft_sockaddr sa = world_at(at);

	assert_int_equal(weft_bind(s, &sa), 0);
	return s;
}

/* ICMPv6 echo request without data; id and checksum are the socket's. */
static const uint8_t echo[8] = {128, 0, 0, 0, 0, 0, 0, 7};

static void ping_finds_the_neighbour_and_is_answered(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMPV6);
	struct weft_sockaddr from;
	uint8_t buf[64];

	assert_int_equal(world_sendto(s, echo, sizeof(echo), "[2001:db8::2]:0"), sizeof(echo));
	world_settle(w);
	assert_int_equal(weft_recvfrom(s, buf, sizeof(buf), 0, &from), sizeof(echo));
	world_assert_at(&from, "[2001:db8::2]:0");
	assert_int_equal(buf[0], 129);
	assert_int_equal(buf[7], 7);
	assert_int_equal(weft_stack_counter(w->client, "Icmp6OutNeighborSolicits"), 1);
	assert_int_equal(weft_stack_counter(w->client, "Icmp6InNeighborAdvertisements"), 1);
	assert_int_equal(weft_stack_counter(w->server, "Icmp6InEchos"), 1);
	/* The answer needs no solicitation: the question told the address. */
	assert_int_equal(weft_stack_counter(w->server, "Icmp6OutNeighborSolicits"), 0);
	weft_close(s);
}

static void packets_are_counted_by_their_ecn(void **state)
{
	static const char *const names[] = {"Ip6InNoECTPkts", "Ip6InECT1Pkts", "Ip6InECT0Pkts",
					    "Ip6InCEPkts"};
	struct world *w = *state;
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_DGRAM, 0);
	struct weft_sock *to = bound6(w->server, WEFT_SOCK_DGRAM, "[2001:db8::2]:9");
	uint64_t was[4];

	/* Neighbour discovery first. */
	assert_int_equal(world_sendto(s, "x", 1, "[2001:db8::2]:9"), 1);
	world_settle(w);
	for (int ecn = 0; ecn < 4; ecn++)
		was[ecn] = weft_stack_counter(w->server, names[ecn]);
	for (int ecn = 0; ecn < 4; ecn++) {
		world_setopt(s, WEFT_IPPROTO_IPV6, WEFT_IPV6_TCLASS, ecn);
		for (int n = 0; n <= ecn; n++)
			assert_int_equal(world_sendto(s, "x", 1, "[2001:db8::2]:9"), 1);
		world_settle(w);
	}
	for (int ecn = 0; ecn < 4; ecn++)
		assert_int_equal(weft_stack_counter(w->server, names[ecn]) - was[ecn], ecn + 1);
	weft_close(s);
	weft_close(to);
}

static void ping_of_loopback_is_answered(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMPV6);
	uint8_t buf[64];

	assert_int_equal(world_sendto(s, echo, sizeof(echo), "[::1]:0"), sizeof(echo));
	world_settle(w);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), sizeof(echo));
	weft_close(s);
}

static struct weft_addr link_local_of;

static void find_link_local(void *arg, const struct weft_addr_info *info)
{
	if (info->dev == arg && info->addr.family == WEFT_AF_INET6 && info->addr.bytes[0] == 0xfe)
		link_local_of = info->addr;
}

static void link_local_peer_is_reached_by_scope(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = bound6(w->server, WEFT_SOCK_DGRAM, "[::]:7");
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr to = {.port = 7}, from;
	char buf[8];

	weft_addrs(w->server, find_link_local, w->server_if);
	to.addr = link_local_of;
	assert_int_equal(weft_connect(s, &to), -EINVAL); /* on which link? */
	to.scope_id = weft_netif_index(w->client_if);
	assert_int_equal(weft_connect(s, &to), 0);
	assert_int_equal(weft_send(s, "hi", 2, 0), 2);
	world_settle(w);
	assert_int_equal(weft_recvfrom(server, buf, sizeof(buf), 0, &from), 2);
	assert_int_equal(from.addr.bytes[0], 0xfe);
	assert_int_equal(from.scope_id, weft_netif_index(w->server_if));
	assert_int_equal(weft_sendto(server, "ho", 2, 0, &from), 2);
	world_settle(w);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), 2);
	weft_close(server);
	weft_close(s);
}

static void udp_port_without_socket_refuses_a_connected_socket(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_DGRAM, 0);

	assert_int_equal(world_connect(s, "[2001:db8::2]:9"), 0);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
	world_settle(w);
	assert_int_equal(world_error(s), ECONNREFUSED);
	assert_int_equal(weft_stack_counter(w->server, "Icmp6OutDestUnreachs"), 1);
	weft_close(s);
}

/* Both ends exchange a few hundred kilobytes, in super-packets. */
static void stream_exchange(struct world *w, const char *at, const char *to)
{
	struct weft_sock *listener = bound6(w->server, WEFT_SOCK_STREAM, at), *peer;
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_STREAM, 0);
	static uint8_t out[300000], in[300000];
	size_t n_out = 0, n_in = 0;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(weft_listen(listener, 1), 0);
	assert_int_equal(world_connect(s, to), -EINPROGRESS);
	world_advance(w, 10 * WORLD_MSEC);
	assert_int_equal(weft_accept(listener, &peer, NULL), 0);
	for (int i = 0; i < 1000 && n_in < sizeof(in); i++) {
		ptrdiff_t n = weft_send(s, out + n_out, sizeof(out) - n_out, 0);

		n_out += n > 0 ? (size_t)n : 0;
		world_advance(w, WORLD_MSEC);
		n = weft_recv(peer, in + n_in, sizeof(in) - n_in, 0);
		n_in += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(n_in, sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	weft_close(s);
	weft_close(peer);
	weft_close(listener);
}

static void tcp_carries_a_stream(void **state)
{
	struct world *w = *state;

	stream_exchange(w, "[2001:db8::2]:80", "[2001:db8::2]:80");
	assert_int_equal(weft_stack_counter(w->client, "IpOutRequests"), 0);
}

static void tcp_over_a_link_without_offloads_carries_a_stream(void **state)
{
	struct world *w = *state;
	const struct weft_link_dir dir = {.loss_ppm = 1, .delay_ns = 100000};
	struct weft_addr a = world_addr("2001:db8:1::1"), b = world_addr("2001:db8:1::2");
	struct weft_link *link;

	assert_int_equal(weft_link_new(w->client, "eth1", w->server, "eth1", &dir, &dir, &link), 0);
	assert_int_equal(weft_addr_add(weft_link_netif(link, 0), &a, 64), 0);
	assert_int_equal(weft_addr_add(weft_link_netif(link, 1), &b, 64), 0);
	stream_exchange(w, "[::]:80", "[2001:db8:1::2]:80");
}

static void dual_stack_listener_takes_both_families(void **state)
{
	struct world *w = *state;
	struct weft_sock *listener = bound6(w->server, WEFT_SOCK_STREAM, "[::]:80"), *peer;
	struct weft_sock *four = world_socket(w->client, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr from;

	assert_int_equal(weft_listen(listener, 1), 0);
	assert_int_equal(world_connect(four, "10.0.0.2:80"), -EINPROGRESS);
	world_settle(w);
	assert_int_equal(weft_accept(listener, &peer, &from), 0);
	assert_int_equal(from.addr.family, WEFT_AF_INET6);
	from.port = 0;
	world_assert_at(&from, "[::ffff:10.0.0.1]:0");
	weft_close(peer);
	weft_close(four);
	weft_close(listener);
	stream_exchange(w, "[::]:81", "[::ffff:10.0.0.2]:81");
}

static void v6only_listener_refuses_ipv4(void **state)
{
	struct world *w = *state;
	struct weft_sock *listener = socket6(w->server, WEFT_SOCK_STREAM, 0);
	struct weft_sock *other = world_socket(w->server, WEFT_SOCK_STREAM, 0);
	struct weft_sock *four = world_socket(w->client, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr at = world_at("[::]:80"), at4 = world_at("0.0.0.0:80");

	world_setopt(listener, WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY, 1);
	assert_int_equal(weft_bind(listener, &at), 0);
	assert_int_equal(weft_listen(listener, 1), 0);
	assert_int_equal(world_connect(four, "10.0.0.2:80"), -EINPROGRESS);
	world_settle(w);
	assert_int_equal(world_error(four), ECONNREFUSED);
	/* The port is free for IPv4. */
	assert_int_equal(weft_bind(other, &at4), 0);
	weft_close(four);
	weft_close(other);
	weft_close(listener);
}

static void dual_stack_socket_holds_the_port_for_both(void **state)
{
	struct world *w = *state;
	struct weft_sock *six = bound6(w->server, WEFT_SOCK_DGRAM, "[::]:53");
	struct weft_sock *four = world_socket(w->server, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr at4 = world_at("0.0.0.0:53");

	assert_int_equal(weft_bind(four, &at4), -EADDRINUSE);
	assert_int_equal(
		weft_setsockopt(six, WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY, &(int){1}, sizeof(int)),
		-EINVAL);
	weft_close(six);
	weft_close(four);
}

static void large_datagram_goes_in_fragments_and_arrives_whole(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = bound6(w->server, WEFT_SOCK_DGRAM, "[::]:7");
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_DGRAM, 0);
	static uint8_t out[5000], in[5001];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(world_sendto(s, out, sizeof(out), "[2001:db8::2]:7"), sizeof(out));
	world_settle(w);
	assert_int_equal(weft_recv(server, in, sizeof(in), 0), sizeof(out));
	assert_memory_equal(in, out, sizeof(out));
	assert_int_equal(weft_stack_counter(w->client, "Ip6FragOKs"), 1);
	assert_int_equal(weft_stack_counter(w->client, "Ip6FragCreates"), 4);
	assert_int_equal(weft_stack_counter(w->server, "Ip6ReasmReqds"), 4);
	assert_int_equal(weft_stack_counter(w->server, "Ip6ReasmOKs"), 1);
	weft_close(server);
	weft_close(s);
}

static void ipv4_socket_gets_no_ipv6_packets(void **state)
{
	struct world *w = *state;
	struct weft_sock *four = world_bound(w->server, "0.0.0.0:53");
	struct weft_sock *six = socket6(w->client, WEFT_SOCK_DGRAM, 0);
	char buf[4];

	assert_int_equal(world_sendto(six, "x", 1, "[2001:db8::2]:53"), 1);
	world_settle(w);
	assert_int_equal(weft_recv(four, buf, sizeof(buf), 0), -EAGAIN);
	weft_close(four);
	weft_close(six);
}

static void route_text_of_ipv6_is_understood(void **state)
{
	struct world *w = *state;
	struct weft_addr to = world_addr("2001:db8:5::1");
	struct weft_route_info info;
	char text[WEFT_ADDR_STRLEN];

	assert_int_equal(weft_route_get(w->client, &to, NULL, NULL, &info), -ENETUNREACH);
	assert_int_equal(weft_route_add_text(w->client, "default via 2001:db8::2"), 0);
	assert_int_equal(weft_route_get(w->client, &to, NULL, NULL, &info), 0);
	assert_string_equal(weft_addr_print(&info.route.via, text, sizeof(text)), "2001:db8::2");
	assert_string_equal(weft_addr_print(&info.route.src, text, sizeof(text)), "2001:db8::1");
	assert_int_equal(weft_route_add_text(w->client, "2001:db8:5::/48 via fe80::1 dev eth0"), 0);
	assert_int_equal(weft_route_get(w->client, &to, NULL, NULL, &info), 0);
	assert_string_equal(weft_addr_print(&info.route.via, text, sizeof(text)), "fe80::1");
	assert_int_equal(weft_route_add_text(w->client, "2001:db8:6::/48 via 2001:dead::1"),
			 -ENETUNREACH);
	assert_int_equal(weft_route_add_text(w->client, "2001:db8:6::/48 via 10.0.0.2"), -EINVAL);
}

static void sort3(struct weft_stack *st, const char *a, const char *b, const char *c, char ret[160])
{
	struct weft_addr list[3] = {world_addr(a), world_addr(b), world_addr(c)};
	size_t len = 0;

	assert_int_equal(weft_addrs_sort(st, list, 3), 0);
	for (size_t i = 0; i < 3; i++) {
		weft_addr_print(&list[i], ret + len, WEFT_ADDR_STRLEN);
		len += strlen(ret + len);
		ret[len++] = i < 2 ? ' ' : '\0';
	}
}

static void n_policies_count(void *arg, const struct weft_addr_policy *row)
{
	*(unsigned int *)arg += row->prefix_len <= 128;
}

static void destinations_are_sorted_by_reach_and_policy(void **state)
{
	const struct weft_addr_policy ip4_first[] = {
		{world_addr("::ffff:0:0"), 96, 100, 4},
		{world_addr("::"), 0, 40, 1},
	};
	struct world *w = *state;
	unsigned int n = 0;
	char text[160];

	/* No way, then IPv6 before IPv4. */
	sort3(w->client, "2001:db8:5::1", "10.0.0.2", "2001:db8::2", text);
	assert_string_equal(text, "2001:db8::2 10.0.0.2 2001:db8:5::1");
	assert_int_equal(weft_addr_policies_set(w->client, ip4_first, 2), 0);
	sort3(w->client, "2001:db8:5::1", "2001:db8::2", "10.0.0.2", text);
	assert_string_equal(text, "10.0.0.2 2001:db8::2 2001:db8:5::1");
	weft_addr_policies(w->client, n_policies_count, &n);
	assert_int_equal(n, 2);
	assert_int_equal(weft_addr_policies_set(w->client, NULL, 0), 0);
	sort3(w->client, "10.0.0.2", "2001:db8::2", "10.0.0.3", text);
	assert_string_equal(text, "2001:db8::2 10.0.0.2 10.0.0.3");
	/* What has been asked for as v4-mapped stays that. */
	sort3(w->client, "::ffff:10.0.0.2", "2001:db8:5::1", "2001:db8::2", text);
	assert_string_equal(text, "2001:db8::2 ::ffff:10.0.0.2 2001:db8:5::1");
}

static void wrong_policies_are_refused_and_change_nothing(void **state)
{
	struct world *w = *state;
	struct weft_addr_policy twice[] = {
		{world_addr("2001:db8::1"), 32, 1, 1},
		{world_addr("2001:db8::2"), 32, 2, 2},
	};
	struct weft_addr_policy many[65] = {{.prefix_len = 0}};
	struct weft_addr none[1] = {{0}};
	unsigned int n = 0;

	assert_int_equal(weft_addr_policies_set(w->client, twice, 2), -EINVAL);
	twice[1].prefix_len = 129;
	assert_int_equal(weft_addr_policies_set(w->client, twice, 2), -EINVAL);
	twice[1] = (struct weft_addr_policy){world_addr("10.0.0.0"), 8, 1, 1};
	assert_int_equal(weft_addr_policies_set(w->client, twice, 2), -EINVAL);
	assert_int_equal(weft_addr_policies_set(w->client, many, 65), -E2BIG);
	weft_addr_policies(w->client, n_policies_count, &n);
	assert_int_equal(n, 9);
	assert_int_equal(weft_addrs_sort(w->client, none, 1), -EAFNOSUPPORT);
	assert_int_equal(weft_addrs_sort(w->client, none, 0), 0);
	assert_int_equal(weft_addrs_sort(w->client, none, 5000), -E2BIG);
}

/* RFC 6724 §5 by way of connect(): label, interface, what is of another link. */
static void source_of_a_connection_is_selected_by_the_rules(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = socket6(w->client, WEFT_SOCK_DGRAM, 0);
	struct weft_addr local = world_addr("fd00::1"), global = world_addr("2001:db8::1");
	struct weft_sockaddr name;

	assert_int_equal(weft_addr_add(w->client_if, &local, 64), 0);
	assert_int_equal(weft_route_add_text(w->client, "default via 2001:db8::2"), 0);
	assert_int_equal(world_connect(s, "[fd00:0:0:5::1]:9"), 0);
	assert_int_equal(weft_getsockname(s, &name), 0);
	assert_memory_equal(name.addr.bytes, local.bytes, 16);
	assert_int_equal(world_connect(s, "[2001:db8:5::1]:9"), 0);
	assert_int_equal(weft_getsockname(s, &name), 0);
	assert_memory_equal(name.addr.bytes, global.bytes, 16);
	weft_close(s);
}

static void zone_is_the_name_or_number_of_an_interface(void **state)
{
	static const char *const missing[] = {"[fe80::1%nope]:7", "[fe80::1%77]:7"};
	static const char *const wrong[] = {"[2001:db8::1%eth0]:7", "[fe80::1%]:7", "[fe80::1%eth0",
					    "fe80::1%eth0:7", "[fe80::1%0123456789abcdef]:7"};
	struct world *w = *state;
	uint32_t index = weft_netif_index(w->client_if), scope = 99;
	const char *name = weft_netif_name(w->client_if);
	char text[WEFT_SOCKADDR_STRLEN], want[WEFT_SOCKADDR_STRLEN];
	struct weft_sockaddr sa;
	struct weft_addr addr;

	snprintf(text, sizeof(text), "[fe80::1%%%s]:7", name);
	assert_int_equal(weft_sockaddr_parse_scoped(w->client, text, &sa), 0);
	assert_int_equal(sa.scope_id, index);
	assert_int_equal(sa.port, 7);
	snprintf(text, sizeof(text), "ff02::fb%%%u", index);
	assert_int_equal(weft_addr_parse_scoped(w->client, text, &addr, &scope), 0);
	assert_int_equal(scope, index);
	snprintf(want, sizeof(want), "ff02::fb%%%s", name);
	assert_string_equal(weft_addr_print_scoped(w->client, &addr, scope, text, sizeof(text)),
			    want);
	assert_string_equal(weft_addr_print_scoped(w->client, &addr, 77, text, sizeof(text)),
			    "ff02::fb%77");
	assert_int_equal(weft_addr_parse_scoped(w->client, "10.0.0.1", &addr, &scope), 0);
	assert_int_equal(scope, 0);
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
		assert_int_equal(weft_sockaddr_parse_scoped(w->client, missing[i], &sa), -ENODEV);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(weft_sockaddr_parse_scoped(w->client, wrong[i], &sa), -EINVAL);
	assert_int_equal(sa.port, 7);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(ping_finds_the_neighbour_and_is_answered),
		T(packets_are_counted_by_their_ecn),
		T(ping_of_loopback_is_answered),
		T(link_local_peer_is_reached_by_scope),
		T(udp_port_without_socket_refuses_a_connected_socket),
		T(tcp_carries_a_stream),
		T(tcp_over_a_link_without_offloads_carries_a_stream),
		T(dual_stack_listener_takes_both_families),
		T(v6only_listener_refuses_ipv4),
		T(dual_stack_socket_holds_the_port_for_both),
		T(large_datagram_goes_in_fragments_and_arrives_whole),
		T(ipv4_socket_gets_no_ipv6_packets),
		T(route_text_of_ipv6_is_understood),
		T(zone_is_the_name_or_number_of_an_interface),
		T(destinations_are_sorted_by_reach_and_policy),
		T(wrong_policies_are_refused_and_change_nothing),
		T(source_of_a_connection_is_selected_by_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
