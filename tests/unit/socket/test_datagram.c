/* SPDX-License-Identifier: MIT */
/* UDP, raw and echo sockets as an application sees them. */
#include "world.h"

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	world_start(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

static void send_to(struct weft_sock *s, const char *to, const char *text)
{
	struct weft_sockaddr sa = world_at(to);
	size_t len = strlen(text);

	assert_int_equal(weft_sendto(s, text, len, 0, &sa), len);
}

static void assert_received(struct weft_sock *s, const char *text, struct weft_sockaddr *ret_from)
{
	char buf[256];
	ptrdiff_t n = weft_recvfrom(s, buf, sizeof(buf), 0, ret_from);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, (size_t)n);
}

static void assert_at(const struct weft_sockaddr *sa, const char *want)
{
	char buf[WEFT_SOCKADDR_STRLEN];

	assert_string_equal(weft_sockaddr_print(sa, buf, sizeof(buf)), want);
}

static void datagram_and_its_answer_arrive(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_bound(w->server, "0.0.0.0:53");
	struct weft_sock *client = world_bound(w->client, "0.0.0.0:5353");
	struct weft_sockaddr from;

	send_to(client, "10.0.0.2:53", "question");
	world_settle(w);
	assert_int_equal(weft_events(server), WEFT_IN | WEFT_OUT);
	assert_received(server, "question", &from);
	assert_at(&from, "10.0.0.1:5353");
	assert_int_equal(weft_sendto(server, "answer", 6, 0, &from), 6);
	world_settle(w);
	assert_received(client, "answer", &from);
	assert_at(&from, "10.0.0.2:53");
	assert_int_equal(weft_recv(client, &from, sizeof(from), 0), -EAGAIN);
}

static void empty_datagram_is_received_as_zero_bytes(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_bound(w->server, "10.0.0.2:53");
	struct weft_sock *client = world_bound(w->client, "0.0.0.0:0");
	struct weft_sockaddr to = world_at("10.0.0.2:53");
	char byte;

	assert_int_equal(weft_sendto(client, NULL, 0, 0, &to), 0);
	world_settle(w);
	assert_int_equal(weft_recv(server, &byte, 1, 0), 0);
	assert_int_equal(weft_recv(server, &byte, 1, 0), -EAGAIN);
}

static void datagram_that_is_too_long_is_cut_or_measured(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_bound(w->server, "0.0.0.0:53");
	struct weft_sock *client = world_bound(w->client, "0.0.0.0:0");
	char buf[4];

	send_to(client, "10.0.0.2:53", "0123456789");
	send_to(client, "10.0.0.2:53", "next");
	world_settle(w);
	assert_int_equal(weft_recv(server, buf, 4, WEFT_MSG_PEEK | WEFT_MSG_TRUNC), 10);
	assert_int_equal(weft_recv(server, buf, 4, WEFT_MSG_PEEK), 4);
	assert_int_equal(weft_recv(server, buf, 4, 0), 4);
	assert_memory_equal(buf, "0123", 4);
	assert_received(server, "next", NULL);
}

static void datagrams_wait_for_the_application_when_their_interface_goes(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_bound(w->server, "0.0.0.0:53");
	struct weft_sock *client = world_bound(w->client, "10.0.0.1:5353");
	struct weft_sockaddr from;

	send_to(client, "10.0.0.2:53", "last words");
	world_settle(w);
	weft_netif_del(w->server_if);
	assert_received(server, "last words", &from);
	assert_at(&from, "10.0.0.1:5353");
}

static void closed_port_is_told_to_a_connected_socket_once(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr to = world_at("10.0.0.2:53");
	int err = 0;
	size_t len = sizeof(err);
	char byte;

	assert_int_equal(weft_connect(s, &to), 0);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
	world_settle(w);
	assert_true(weft_events(s) & WEFT_ERR);
	assert_int_equal(weft_recv(s, &byte, 1, 0), -ECONNREFUSED);
	assert_int_equal(weft_recv(s, &byte, 1, 0), -EAGAIN);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
	world_settle(w);
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len), 0);
	assert_int_equal(err, ECONNREFUSED);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
}

static void sending_fails_with_the_reason(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_DGRAM, 0);
	static char big[65508];
	const struct {
		const char *to;
		size_t len;
		ptrdiff_t want;
	} cases[] = {
		{"192.0.2.1:53", 1, -ENETUNREACH}, {"10.0.0.2:0", 1, -EINVAL},
		{"10.0.0.255:53", 1, -EACCES},     {"255.255.255.255:53", 1, -ENETUNREACH},
		{"10.0.0.2:53", 65508, -EMSGSIZE}, {"10.0.0.2:53", 1473, -EMSGSIZE},
		{"10.0.0.2:53", 1472, 1472},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct weft_sockaddr to = world_at(cases[i].to);

		assert_int_equal(weft_sendto(s, big, cases[i].len, 0, &to), cases[i].want);
	}
	assert_int_equal(weft_send(s, "x", 1, 0), -EDESTADDRREQ);
	assert_int_equal(weft_send(s, "x", 1, WEFT_MSG_MORE), -EOPNOTSUPP);
	assert_int_equal(weft_shutdown(s, WEFT_SHUT_WR), -ENOTCONN);
}

static void largest_datagram_goes_over_loopback(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_bound(w->client, "127.0.0.1:53");
	struct weft_sock *client = world_bound(w->client, "127.0.0.1:0");
	struct weft_sockaddr to = world_at("127.0.0.1:53");
	static char out[65507], in[65508];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7);
	assert_int_equal(weft_sendto(client, out, sizeof(out), 0, &to), sizeof(out));
	world_settle(w);
	assert_int_equal(weft_recv(server, in, sizeof(in), 0), sizeof(out));
	assert_memory_equal(in, out, sizeof(out));
}

static void receive_queue_is_bounded_by_its_memory(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_bound(w->server, "0.0.0.0:53");
	struct weft_sock *client = world_bound(w->client, "0.0.0.0:0");
	int bytes = 4096, n = 0;
	char byte;

	assert_int_equal(
		weft_setsockopt(server, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, &bytes, sizeof(bytes)), 0);
	for (int i = 0; i < 100; i++)
		send_to(client, "10.0.0.2:53", "x");
	world_settle(w);
	while (weft_recv(server, &byte, 1, 0) == 1)
		n++;
	assert_in_range(n, 1, 16);
	assert_int_equal(weft_stack_counter(w->server, "UDP_RCVBUF"), 100 - n);
	assert_int_equal(weft_stack_counter(w->server, "UdpRcvbufErrors"), 100 - n);
}

static void broadcast_reaches_every_socket_of_the_port(void **state)
{
	struct world *w = *state;
	struct weft_sock *client = world_bound(w->client, "0.0.0.0:0");
	struct weft_sock *servers[3];
	int on = 1;

	for (int i = 0; i < 3; i++) {
		struct weft_sockaddr sa = world_at(i == 2 ? "10.0.0.255:67" : "0.0.0.0:67");

		servers[i] = world_socket(w->server, WEFT_SOCK_DGRAM, 0);
		assert_int_equal(weft_setsockopt(servers[i], WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR,
						 &on, sizeof(on)),
				 0);
		assert_int_equal(weft_bind(servers[i], &sa), 0);
	}
	assert_int_equal(
		weft_setsockopt(client, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, &on, sizeof(on)), 0);
	send_to(client, "10.0.0.255:67", "to all");
	world_settle(w);
	for (int i = 0; i < 3; i++)
		assert_received(servers[i], "to all", NULL);
}

static void connected_socket_hears_its_peer_only(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = world_bound(w->server, "0.0.0.0:53");
	struct weft_sock *peer = world_bound(w->client, "0.0.0.0:1000");
	struct weft_sock *other = world_bound(w->client, "0.0.0.0:1001");
	struct weft_sockaddr to = world_at("10.0.0.1:1000"), none = {.port = 0};
	char byte;

	assert_int_equal(weft_connect(s, &to), 0);
	send_to(other, "10.0.0.2:53", "other");
	send_to(peer, "10.0.0.2:53", "peer");
	world_settle(w);
	assert_received(s, "peer", NULL);
	assert_int_equal(weft_recv(s, &byte, 1, 0), -EAGAIN);
	assert_int_equal(weft_connect(s, &none), 0);
	assert_int_equal(weft_getpeername(s, &to), -ENOTCONN);
	send_to(other, "10.0.0.2:53", "again");
	world_settle(w);
	assert_received(s, "again", NULL);
}

static void close_in_the_callback(struct weft_sock *s, void *arg, uint32_t events)
{
	int *n = arg;

	assert_true(events & WEFT_IN);
	++*n;
	weft_close(s);
}

static void socket_may_be_closed_in_its_callback(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_bound(w->server, "0.0.0.0:53");
	struct weft_sock *client = world_bound(w->client, "0.0.0.0:0");
	int n = 0;

	world_settle(w);
	weft_on_event(server, close_in_the_callback, &n);
	send_to(client, "10.0.0.2:53", "x");
	send_to(client, "10.0.0.2:53", "y");
	world_advance(w, 1);
	assert_int_equal(n, 1);
}

static void echo_socket_gets_its_reply(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP);
	uint8_t request[] = {8, 0, 0, 0, 0, 0, 0, 7, 'h', 'i'};
	struct weft_sockaddr to = world_at("10.0.0.2:0"), from, me;
	uint8_t reply[64];

	assert_int_equal(weft_sendto(s, request, sizeof(request), 0, &to), sizeof(request));
	world_settle(w);
	assert_int_equal(weft_recvfrom(s, reply, sizeof(reply), 0, &from), sizeof(request));
	assert_int_equal(reply[0], 0);
	assert_memory_equal(reply + 6, request + 6, 4);
	assert_at(&from, "10.0.0.2:0");
	assert_int_equal(weft_getsockname(s, &me), 0);
	assert_int_equal(reply[4] << 8 | reply[5], me.port);
	request[0] = 13;
	assert_int_equal(weft_sendto(s, request, sizeof(request), 0, &to), -EINVAL);
	request[0] = 8;
	assert_int_equal(weft_sendto(s, request, 7, 0, &to), -EINVAL);
}

static void raw_socket_sees_datagrams_with_their_ip_header(void **state)
{
	struct world *w = *state;
	struct weft_sock *raw = world_socket(w->server, WEFT_SOCK_RAW, 253);
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_RAW, 253);
	struct weft_sockaddr to = world_at("10.0.0.2:0"), from;
	uint8_t buf[64];

	assert_int_equal(weft_sendto(s, "payload", 7, 0, &to), 7);
	world_settle(w);
	assert_int_equal(weft_recvfrom(raw, buf, sizeof(buf), 0, &from), 27);
	assert_int_equal(buf[0], 0x45);
	assert_int_equal(buf[9], 253);
	assert_memory_equal(buf + 20, "payload", 7);
	assert_at(&from, "10.0.0.1:0");
	weft_close(raw);
	assert_int_equal(weft_sendto(s, "payload", 7, 0, &to), 7);
	world_settle(w);
	assert_int_equal(weft_stack_counter(w->server, "IP4_NO_PROTO"), 1);
}

static void raw_socket_keeps_its_copy_when_the_interface_goes(void **state)
{
	struct world *w = *state;
	struct weft_sock *raw = world_socket(w->server, WEFT_SOCK_RAW, 253);
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_RAW, 253);
	struct weft_sockaddr to = world_at("10.0.0.2:0");
	uint8_t buf[64];

	assert_int_equal(weft_sendto(s, "payload", 7, 0, &to), 7);
	world_settle(w);
	weft_netif_del(w->client_if);
	assert_int_equal(weft_recv(raw, buf, sizeof(buf), 0), 27);
}

static void bind_refuses_what_is_taken_or_not_ours(void **state)
{
	struct world *w = *state;
	struct weft_sock *first = world_bound(w->server, "10.0.0.2:53");
	struct weft_sock *s = world_socket(w->server, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr taken = world_at("0.0.0.0:53"), foreign = world_at("10.0.0.3:53");
	struct weft_sockaddr free_port = world_at("10.0.0.2:54"), v6 = world_at("[::1]:54");

	assert_int_equal(weft_bind(s, &taken), -EADDRINUSE);
	assert_int_equal(weft_bind(s, &foreign), -EADDRNOTAVAIL);
	assert_int_equal(weft_bind(s, &v6), -EAFNOSUPPORT);
	assert_int_equal(weft_bind(s, &free_port), 0);
	assert_int_equal(weft_bind(s, &free_port), -EINVAL);
	weft_close(first);
}

static void unknown_kinds_of_sockets_are_refused(void **state)
{
	struct world *w = *state;
	struct weft_sock *s;

	assert_int_equal(weft_socket(w->client, 1, WEFT_SOCK_DGRAM, 0, &s), -EAFNOSUPPORT);
	assert_int_equal(weft_socket(w->client, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, &s),
			 -EAFNOSUPPORT);
	assert_int_equal(weft_socket(w->client, WEFT_AF_INET, 99, 0, &s), -EINVAL);
	assert_int_equal(weft_socket(w->client, WEFT_AF_INET, 5, 0, &s), -ESOCKTNOSUPPORT);
	assert_int_equal(
		weft_socket(w->client, WEFT_AF_INET, WEFT_SOCK_DGRAM, WEFT_IPPROTO_TCP, &s),
		-EPROTONOSUPPORT);
	assert_int_equal(weft_socket(w->client, WEFT_AF_INET, WEFT_SOCK_RAW, 0, &s),
			 -EPROTONOSUPPORT);
}

static void options_keep_what_they_are_given(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_DGRAM, 0);
	const struct {
		int level, name, set, want;
	} cases[] = {
		{WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, 5, 1},
		{WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, 1, 1},
		{WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE, 1, 1},
		{WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, 10000, 20000},
		{WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, 0, 4608},
		{WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, -1, 425984},
		{WEFT_IPPROTO_IP, WEFT_IP_TTL, 3, 3},
		{WEFT_IPPROTO_IP, WEFT_IP_TTL, -1, 64},
		{WEFT_IPPROTO_IP, WEFT_IP_TOS, 0xb9, 0xb9},
	};
	int v;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(weft_setsockopt(s, cases[i].level, cases[i].name, &cases[i].set,
						 sizeof(int)),
				 0);
		len = sizeof(v);
		assert_int_equal(weft_getsockopt(s, cases[i].level, cases[i].name, &v, &len), 0);
		assert_int_equal(v, cases[i].want);
		assert_int_equal(len, sizeof(v));
	}
	v = 256;
	assert_int_equal(weft_setsockopt(s, WEFT_IPPROTO_IP, WEFT_IP_TTL, &v, sizeof(v)), -EINVAL);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, 9999, &v, sizeof(v)), -ENOPROTOOPT);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &v, 3), -EINVAL);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "none", 4),
			 -ENODEV);
}

static void socket_bound_to_a_device_uses_no_other(void **state)
{
	struct world *w = *state;
	struct weft_sock *server = world_socket(w->server, WEFT_SOCK_DGRAM, 0);
	struct weft_sock *remote = world_bound(w->client, "0.0.0.0:0");
	struct weft_sock *local = world_bound(w->server, "0.0.0.0:0");
	struct weft_sockaddr sa = world_at("0.0.0.0:53");
	char name[16];
	size_t len = sizeof(name);

	assert_int_equal(weft_setsockopt(server, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "eth0", 4),
			 0);
	assert_int_equal(weft_getsockopt(server, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, name, &len),
			 0);
	assert_string_equal(name, "eth0");
	assert_int_equal(weft_bind(server, &sa), 0);
	send_to(local, "10.0.0.2:53", "over lo");
	send_to(remote, "10.0.0.2:53", "over eth0");
	world_settle(w);
	assert_received(server, "over eth0", NULL);
	assert_int_equal(weft_events(server), WEFT_OUT);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(datagram_and_its_answer_arrive),
		T(empty_datagram_is_received_as_zero_bytes),
		T(datagram_that_is_too_long_is_cut_or_measured),
		T(datagrams_wait_for_the_application_when_their_interface_goes),
		T(closed_port_is_told_to_a_connected_socket_once),
		T(sending_fails_with_the_reason),
		T(largest_datagram_goes_over_loopback),
		T(receive_queue_is_bounded_by_its_memory),
		T(broadcast_reaches_every_socket_of_the_port),
		T(connected_socket_hears_its_peer_only),
		T(socket_may_be_closed_in_its_callback),
		T(echo_socket_gets_its_reply),
		T(raw_socket_sees_datagrams_with_their_ip_header),
		T(raw_socket_keeps_its_copy_when_the_interface_goes),
		T(bind_refuses_what_is_taken_or_not_ours),
		T(unknown_kinds_of_sockets_are_refused),
		T(options_keep_what_they_are_given),
		T(socket_bound_to_a_device_uses_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
