/* SPDX-License-Identifier: MIT */
/* What is the same for all kinds of sockets: creation, names, states, callbacks. */
#include "world.h"

static int bind_to(struct weft_sock *s, const char *addr)
{
	struct weft_sockaddr sa = world_at(addr);

	return weft_bind(s, &sa);
}

static void sockets_that_do_not_exist_are_refused_as_in_linux(void **state UNUSED)
{
	struct weft_sock *s = NULL;
	struct world w;

	world_start(&w);
	assert_int_equal(weft_socket(w.client, 1, WEFT_SOCK_STREAM, 0, &s), -EAFNOSUPPORT);
	assert_int_equal(weft_socket(w.client, WEFT_AF_INET, 99, 0, &s), -EINVAL);
	assert_int_equal(weft_socket(w.client, WEFT_AF_INET, -1, 0, &s), -EINVAL);
	assert_int_equal(weft_socket(w.client, WEFT_AF_INET, WEFT_SOCK_DGRAM, -1, &s), -EINVAL);
	assert_int_equal(weft_socket(w.client, WEFT_AF_INET, WEFT_SOCK_DGRAM, 256, &s), -EINVAL);
	assert_int_equal(weft_socket(w.client, WEFT_AF_INET, 5, 0, &s), -ESOCKTNOSUPPORT);
	assert_int_equal(
		weft_socket(w.client, WEFT_AF_INET, WEFT_SOCK_STREAM, WEFT_IPPROTO_UDP, &s),
		-EPROTONOSUPPORT);
	assert_null(s);
	world_end(&w);
}

static void protocol_zero_is_the_default_of_the_type(void **state UNUSED)
{
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	s = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_PROTOCOL), WEFT_IPPROTO_TCP);
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_PROTOCOL), WEFT_IPPROTO_UDP);
	s = world_socket(w.client, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_PROTOCOL), WEFT_IPPROTO_ICMP);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_TYPE), WEFT_SOCK_DGRAM);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_DOMAIN), WEFT_AF_INET);
	world_end(&w);
}

static void bind_takes_addresses_of_ours_and_of_groups_only(void **state UNUSED)
{
	const struct {
		const char *addr;
		int want;
	} cases[] = {
		{"10.0.0.1:1", 0},
		{"127.0.0.1:1", 0},
		{"127.9.9.9:1", 0},
		{"0.0.0.0:1", 0},
		{"10.0.0.2:1", -EADDRNOTAVAIL},
		{"192.0.2.1:1", -EADDRNOTAVAIL},
		{"10.0.0.255:1", 0},
		{"255.255.255.255:1", 0},
		{"224.0.0.251:1", 0},
		{"[::]:1", -EAFNOSUPPORT},
	};
	struct weft_sockaddr none = {.addr.family = WEFT_AF_UNSPEC, .port = 77}, sa;
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
		if (bind_to(s, cases[i].addr) != cases[i].want)
			fail_msg("%s", cases[i].addr);
		weft_close(s);
	}
	/* AF_UNSPEC with 0.0.0.0 passes for AF_INET. */
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_bind(s, &none), 0);
	assert_int_equal(weft_getsockname(s, &sa), 0);
	world_assert_at(&sa, "0.0.0.0:77");
	world_end(&w);
}

static void second_bind_of_a_socket_is_refused(void **state UNUSED)
{
	struct weft_sock *socks[2];
	struct weft_sockaddr sa;
	struct world w;

	world_start(&w);
	socks[0] = world_bound(w.client, "10.0.0.1:80");
	socks[1] = world_bound_stream(w.client, "10.0.0.1:80");
	for (size_t i = 0; i < ARRAY_SIZE(socks); i++) {
		assert_int_equal(bind_to(socks[i], "10.0.0.1:81"), -EINVAL);
		assert_int_equal(weft_getsockname(socks[i], &sa), 0);
		world_assert_at(&sa, "10.0.0.1:80");
	}
	world_end(&w);
}

static void calls_that_a_kind_of_socket_lacks_say_so(void **state UNUSED)
{
	struct weft_sock *udp, *tcp, *s;
	struct weft_sockaddr sa;
	char c;
	struct world w;

	world_start(&w);
	udp = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	tcp = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_listen(udp, 1), -EOPNOTSUPP);
	assert_int_equal(weft_accept(udp, &s, NULL), -EOPNOTSUPP);
	assert_int_equal(weft_accept(tcp, &s, NULL), -EINVAL);
	assert_int_equal(weft_recv(tcp, &c, 1, 0), -ENOTCONN);
	assert_int_equal(weft_shutdown(tcp, WEFT_SHUT_WR), -ENOTCONN);
	assert_int_equal(weft_getpeername(tcp, &sa), -ENOTCONN);
	assert_int_equal(weft_getsockname(tcp, &sa), 0);
	world_assert_at(&sa, "0.0.0.0:0");
	world_end(&w);
}

/* The whole way of a connection, as an application sees it. */
static void stream_connects_carries_bytes_and_ends(void **state UNUSED)
{
	struct weft_sock *listener, *client, *server = NULL;
	char text[WEFT_SOCKADDR_STRLEN];
	struct weft_sockaddr sa, peer;
	struct world w;
	char buf[16];

	world_start(&w);
	listener = world_bound_stream(w.server, "0.0.0.0:80");
	assert_int_equal(weft_listen(listener, 8), 0);
	assert_int_equal(world_getopt(listener, WEFT_SOL_SOCKET, WEFT_SO_ACCEPTCONN), 1);
	assert_int_equal(weft_accept(listener, &server, &peer), -EAGAIN);
	client = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(client, "10.0.0.2:80"), -EINPROGRESS);
	assert_int_equal(world_connect(client, "10.0.0.2:80"), -EALREADY);
	world_advance(&w, WORLD_SEC);
	assert_true(weft_events(client) & WEFT_OUT);
	assert_int_equal(world_error(client), 0);
	assert_int_equal(world_connect(client, "10.0.0.2:80"), 0); /* it has succeeded: said once */
	assert_int_equal(world_connect(client, "10.0.0.2:80"), -EISCONN);
	assert_true(weft_events(listener) & WEFT_IN);
	assert_int_equal(weft_accept(listener, &server, &peer), 0);
	assert_int_equal(weft_getsockname(client, &sa), 0);
	world_assert_at(&peer, weft_sockaddr_print(&sa, text, sizeof(text)));
	assert_int_equal(weft_getpeername(client, &sa), 0);
	world_assert_at(&sa, "10.0.0.2:80");
	assert_int_equal(weft_send(client, "hello", 5, 0), 5);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_recv(server, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(weft_shutdown(client, WEFT_SHUT_WR), 0);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_recv(server, buf, sizeof(buf), 0), 0);
	weft_close(server);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_recv(client, buf, sizeof(buf), 0), 0);
	weft_close(client);
	world_end(&w);
}

static void backlog_send_q(void *arg, const struct weft_sock_info *info)
{
	*(uint32_t *)arg = info->send_q;
}

static void backlog_is_bounded_by_somaxconn(void **state UNUSED)
{
	const struct {
		int asked;
		uint32_t want;
	} cases[] = {{5, 5}, {100, 7}, {-1, 7}, {0, 0}};
	struct weft_sock *s;
	uint32_t backlog;
	struct world w;

	world_start(&w);
	assert_int_equal(weft_stack_set(w.client, "net.core.somaxconn", 7), 0);
	s = world_bound_stream(w.client, "0.0.0.0:80");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(weft_listen(s, cases[i].asked), 0);
		weft_stack_sockets(w.client, backlog_send_q, &backlog);
		assert_int_equal(backlog, cases[i].want);
	}
	world_end(&w);
}

static void refused_stream_tells_once(void **state UNUSED)
{
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	s = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(s, "10.0.0.2:81"), -EINPROGRESS);
	world_advance(&w, WORLD_SEC);
	assert_true(weft_events(s) & WEFT_ERR);
	assert_int_equal(world_error(s), ECONNREFUSED);
	assert_int_equal(world_error(s), 0);
	world_end(&w);
}

static void linger_of_zero_resets(void **state UNUSED)
{
	struct weft_linger linger = {.onoff = 1, .linger_s = 0};
	struct weft_sock *listener, *client, *server;
	struct world w;
	char c;

	world_start(&w);
	listener = world_bound_stream(w.server, "0.0.0.0:80");
	assert_int_equal(weft_listen(listener, 8), 0);
	client = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(client, "10.0.0.2:80"), -EINPROGRESS);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_accept(listener, &server, NULL), 0);
	assert_int_equal(
		weft_setsockopt(client, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &linger, sizeof(linger)),
		0);
	weft_close(client);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_recv(server, &c, 1, 0), -ECONNRESET);
	world_end(&w);
}

struct chatter {
	uint32_t n_calls;
	struct weft_sock *s;
};

static void close_self(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct chatter *c = arg;

	c->n_calls++;
	weft_close(s);
}

static void callback_that_closes_its_socket_is_the_last(void **state UNUSED)
{
	struct chatter c = {0};
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	weft_on_event(b, close_self, &c);
	assert_int_equal(c.n_calls, 0); /* never from inside a call */
	for (int i = 0; i < 3; i++)
		assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_int_equal(c.n_calls, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(sockets_that_do_not_exist_are_refused_as_in_linux),
		cmocka_unit_test(protocol_zero_is_the_default_of_the_type),
		cmocka_unit_test(bind_takes_addresses_of_ours_and_of_groups_only),
		in_both_families(second_bind_of_a_socket_is_refused),
		in_both_families(calls_that_a_kind_of_socket_lacks_say_so),
		in_both_families(stream_connects_carries_bytes_and_ends),
		in_both_families(backlog_is_bounded_by_somaxconn),
		in_both_families(refused_stream_tells_once),
		in_both_families(linger_of_zero_resets),
		in_both_families(callback_that_closes_its_socket_is_the_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
