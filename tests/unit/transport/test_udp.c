/* SPDX-License-Identifier: MIT */
/* UDP from socket to socket, through the public API. */
#include "world.h"

enum {
	UDP_MAX = 65507,
};

/* A datagram of `len` bytes arrives, from `from`. */
static void assert_recv(struct weft_sock *s, const void *want, size_t len, const char *from)
{
	static uint8_t buf[65536];
	struct weft_sockaddr sa;

	assert_int_equal(weft_recvfrom(s, buf, sizeof(buf), 0, &sa), (ptrdiff_t)len);
	assert_memory_equal(buf, want, len);
	if (from)
		world_assert_at(&sa, from);
}

static void assert_nothing(struct weft_sock *s)
{
	char c;

	assert_int_equal(weft_recv(s, &c, 1, 0), -EAGAIN);
}

static void datagram_sent_arrives_with_its_source(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	b = world_bound(w.server, "10.0.0.2:53");
	assert_int_equal(world_sendto(a, "ping", 4, "10.0.0.2:53"), 4);
	assert_nothing(b);
	world_settle(&w);
	assert_recv(b, "ping", 4, "10.0.0.1:1000");
	assert_nothing(b);
	assert_int_equal(world_sendto(b, "pong!", 5, "10.0.0.1:1000"), 5);
	world_settle(&w);
	assert_recv(a, "pong!", 5, "10.0.0.2:53");
	assert_int_equal(weft_stack_counter(w.client, "UdpOutDatagrams"), 1);
	assert_int_equal(weft_stack_counter(w.server, "UdpInDatagrams"), 1);
	world_end(&w);
}

static void datagrams_of_any_size_arrive_in_order(void **state UNUSED)
{
	const size_t sizes[] = {0, 1, 7, 100, 119, 120, 121, 128, 129, 1000, 1471, 1472};
	static uint8_t data[2000];
	struct weft_sock *a, *b;
	struct world w;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(world_sendto(a, data + i, sizes[i], "10.0.0.2:53"),
				 (ptrdiff_t)sizes[i]);
	world_settle(&w);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_recv(b, data + i, sizes[i], NULL);
	assert_nothing(b);
	world_end(&w);
}

static void largest_datagram_crosses_a_link_in_fragments(void **state UNUSED)
{
	static uint8_t data[UDP_MAX];
	struct weft_sock *a, *b;
	struct world w;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i >> 3);
	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	for (size_t len = 1473; len < UDP_MAX; len += 9977) {
		assert_int_equal(world_sendto(a, data, len, "10.0.0.2:53"), (ptrdiff_t)len);
		world_settle(&w);
		assert_recv(b, data, len, NULL);
	}
	assert_int_equal(world_sendto(a, data, UDP_MAX, "10.0.0.2:53"), UDP_MAX);
	world_settle(&w);
	assert_recv(b, data, UDP_MAX, NULL);
	assert_int_equal(weft_stack_counter(w.client, "IpFragOKs"), 8);
	assert_int_equal(weft_stack_counter(w.server, "IpReasmOKs"), 8);
	world_end(&w);
}

static void largest_datagram_crosses_the_loopback(void **state UNUSED)
{
	static uint8_t data[UDP_MAX + 1];
	struct weft_sock *a, *b;
	struct world w;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i >> 3);
	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.client, "127.0.0.1:53");
	assert_int_equal(world_sendto(a, data, UDP_MAX, "127.0.0.1:53"), UDP_MAX);
	assert_int_equal(world_sendto(a, data, UDP_MAX + 1, "127.0.0.1:53"), -EMSGSIZE);
	world_settle(&w);
	assert_recv(b, data, UDP_MAX, NULL);
	/* As in Linux, the unspecified address means this host. */
	assert_int_equal(world_sendto(a, data, 1, "0.0.0.0:53"), 1);
	world_settle(&w);
	assert_recv(b, data, 1, NULL);
	world_end(&w);
}

static void bytes_scattered_over_an_iovec_are_one_datagram(void **state UNUSED)
{
	char x[3], y[10];
	struct weft_iovec out[3] = {{"ab", 2}, {NULL, 0}, {"cdef", 4}};
	struct weft_iovec in[2] = {{x, sizeof(x)}, {y, sizeof(y)}};
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	assert_int_equal(world_connect(a, "10.0.0.2:53"), 0);
	assert_int_equal(weft_sendv(a, out, 3, 0), 6);
	world_settle(&w);
	assert_int_equal(weft_recvv(b, in, 2, 0), 6);
	assert_memory_equal(x, "abc", 3);
	assert_memory_equal(y, "def", 3);
	world_end(&w);
}

static void datagram_longer_than_the_buffer_is_cut(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct world w;
	char buf[4];

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	for (int i = 0; i < 3; i++)
		assert_int_equal(world_sendto(a, "0123456789", 10, "10.0.0.2:53"), 10);
	world_settle(&w);
	assert_int_equal(weft_recv(b, buf, 4, WEFT_MSG_PEEK | WEFT_MSG_TRUNC), 10);
	assert_int_equal(weft_recv(b, buf, 4, WEFT_MSG_PEEK), 4);
	assert_int_equal(weft_recv(b, buf, 4, 0), 4);
	assert_memory_equal(buf, "0123", 4);
	assert_int_equal(weft_recv(b, buf, 4, WEFT_MSG_TRUNC), 10);
	assert_int_equal(weft_recv(b, buf, 0, 0), 0);
	assert_nothing(b);
	assert_int_equal(weft_recv(b, buf, 4, WEFT_MSG_OOB), -EAGAIN); /* means nothing here */
	world_end(&w);
}

static void connected_socket_hears_its_peer_only(void **state UNUSED)
{
	struct weft_sock *a, *b, *other;
	struct weft_sockaddr sa;
	struct world w;

	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	b = world_bound(w.server, "0.0.0.0:53");
	other = world_bound(w.server, "0.0.0.0:54");
	assert_int_equal(weft_getpeername(a, &sa), -ENOTCONN);
	assert_int_equal(world_connect(a, "10.0.0.2:53"), 0);
	assert_int_equal(weft_getpeername(a, &sa), 0);
	world_assert_at(&sa, "10.0.0.2:53");
	assert_int_equal(weft_getsockname(a, &sa), 0);
	world_assert_at(&sa, "10.0.0.1:1000");
	assert_int_equal(world_sendto(other, "x", 1, "10.0.0.1:1000"), 1);
	assert_int_equal(world_sendto(b, "y", 1, "10.0.0.1:1000"), 1);
	world_settle(&w);
	assert_recv(a, "y", 1, "10.0.0.2:53");
	assert_nothing(a);
	assert_int_equal(weft_stack_counter(w.client, "UDP_NO_PORT"), 1);
	/* It may still send elsewhere, or have another peer. */
	assert_int_equal(world_sendto(a, "z", 1, "10.0.0.2:54"), 1);
	assert_int_equal(world_connect(a, "10.0.0.2:54"), 0);
	assert_int_equal(weft_send(a, "w", 1, 0), 1);
	world_settle(&w);
	assert_recv(other, "z", 1, "10.0.0.1:1000");
	assert_recv(other, "w", 1, "10.0.0.1:1000");
	world_end(&w);
}

static void connect_to_no_family_unsets_the_peer(void **state UNUSED)
{
	struct weft_sockaddr none = {.addr.family = WEFT_AF_UNSPEC}, sa;
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	b = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_connect(a, "10.0.0.2:53"), 0);
	assert_int_equal(world_connect(b, "10.0.0.2:53"), 0);
	assert_int_equal(weft_connect(a, &none), 0);
	assert_int_equal(weft_connect(b, &none), 0);
	assert_int_equal(weft_getpeername(a, &sa), -ENOTCONN);
	assert_int_equal(weft_send(a, "x", 1, 0), -EDESTADDRREQ);
	/* A port that the application chose stays; another goes. */
	assert_int_equal(weft_getsockname(a, &sa), 0);
	world_assert_at(&sa, "0.0.0.0:1000");
	assert_int_equal(weft_getsockname(b, &sa), 0);
	world_assert_at(&sa, "0.0.0.0:0");
	assert_int_equal(weft_connect(b, &none), 0);
	world_end(&w);
}

static void connecting_to_port_zero_selects_a_source_address(void **state UNUSED)
{
	struct weft_sockaddr sa;
	struct weft_sock *a;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_connect(a, "10.0.0.2:0"), 0);
	assert_int_equal(weft_getsockname(a, &sa), 0);
	sa.port = 0;
	world_assert_at(&sa, "10.0.0.1:0");
	assert_int_equal(weft_send(a, "x", 1, 0), -EINVAL);
	world_end(&w);
}

struct watch {
	uint32_t n, events;
};

static void watch_call(struct weft_sock *s UNUSED, void *arg, uint32_t events)
{
	struct watch *w = arg;

	w->n++;
	w->events = events;
}

static void closed_port_refuses_connected_sockets(void **state UNUSED)
{
	struct weft_sock *a, *free_one;
	struct watch seen = {0};
	struct world w;
	char c;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	free_one = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_connect(a, "10.0.0.2:9"), 0);
	weft_on_event(a, watch_call, &seen);
	world_settle(&w);
	assert_int_equal(seen.n, 1); /* writable */
	assert_int_equal(weft_send(a, "x", 1, 0), 1);
	assert_int_equal(world_sendto(free_one, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_int_equal(seen.n, 2);
	assert_true(seen.events & WEFT_ERR);
	assert_true(weft_events(a) & WEFT_ERR);
	assert_int_equal(world_error(a), ECONNREFUSED);
	assert_int_equal(world_error(a), 0);
	assert_int_equal(world_error(free_one), 0);
	assert_int_equal(weft_stack_counter(w.server, "UdpNoPorts"), 2);
	/* The next call tells, too, and only once. */
	assert_int_equal(weft_send(a, "x", 1, 0), 1);
	world_settle(&w);
	assert_int_equal(weft_recv(a, &c, 1, 0), -ECONNREFUSED);
	assert_int_equal(weft_recv(a, &c, 1, 0), -EAGAIN);
	assert_int_equal(weft_send(a, "x", 1, 0), 1);
	world_settle(&w);
	assert_int_equal(weft_send(a, "x", 1, 0), -ECONNREFUSED);
	world_end(&w);
}

static void impossible_sends_are_refused(void **state UNUSED)
{
	struct weft_sockaddr v6 = world_at("[2001:db8::1]:9");
	static uint8_t big[2000];
	struct weft_sock *a;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_send(a, "x", 1, 0), -EDESTADDRREQ);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:0"), -EINVAL);
	assert_int_equal(world_sendto(a, "x", 1, "192.0.2.1:9"), -ENETUNREACH);
	assert_int_equal(weft_sendto(a, "x", 1, 0, &v6), -EAFNOSUPPORT);
	assert_int_equal(weft_connect(a, &v6), -EAFNOSUPPORT);
	assert_int_equal(world_connect(a, "192.0.2.1:9"), -ENETUNREACH);
	assert_int_equal(world_sendto(a, big, 1472, "10.0.0.2:9"), 1472);
	assert_int_equal(world_connect(a, "10.0.0.2:9"), 0);
	assert_int_equal(weft_send(a, "x", 1, WEFT_MSG_OOB), -EOPNOTSUPP);
	assert_int_equal(weft_send(a, "x", 1, WEFT_MSG_NOSIGNAL | WEFT_MSG_DONTWAIT), 1);
	assert_int_equal(weft_shutdown(a, WEFT_SHUT_WR), 0);
	assert_int_equal(weft_send(a, "x", 1, 0), -EPIPE);
	world_end(&w);
}

static void shut_down_socket_reads_the_end_after_its_queue(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	b = world_bound(w.server, "0.0.0.0:53");
	assert_int_equal(weft_shutdown(a, WEFT_SHUT_RDWR), -ENOTCONN);
	assert_int_equal(world_connect(a, "10.0.0.2:53"), 0);
	assert_int_equal(world_sendto(b, "x", 1, "10.0.0.1:1000"), 1);
	world_settle(&w);
	assert_int_equal(weft_shutdown(a, 3), -EINVAL);
	assert_int_equal(weft_shutdown(a, WEFT_SHUT_RDWR), 0);
	assert_int_equal(weft_events(a), WEFT_IN | WEFT_OUT | WEFT_RDHUP | WEFT_HUP);
	assert_recv(a, "x", 1, NULL);
	assert_recv(a, "", 0, NULL);
	world_end(&w);
}

static void socket_that_sends_unbound_gets_a_port_once(void **state UNUSED)
{
	struct weft_sockaddr first, second;
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	assert_int_equal(weft_getsockname(a, &first), 0);
	assert_in_range(first.port, 32768, 60999);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	assert_int_equal(weft_getsockname(a, &second), 0);
	assert_int_equal(first.port, second.port);
	world_settle(&w);
	assert_int_equal(weft_recvfrom(b, &(char){0}, 1, 0, &second), 1);
	assert_int_equal(first.port, second.port);
	world_end(&w);
}

/* Memory counts, not bytes: 300 datagrams of one byte fill what 200 KB of payload would not. */
static void receive_queue_at_its_bound_drops_and_recovers(void **state UNUSED)
{
	struct weft_sock *a, *b;
	uint32_t n = 0;
	struct world w;
	char c;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	world_setopt(b, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 5000);
	for (int i = 0; i < 100; i++)
		assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	while (weft_recv(b, &c, 1, 0) == 1)
		n++;
	assert_in_range(n, 10, 20); /* 10000 / 576 */
	assert_int_equal(weft_stack_counter(w.server, "UDP_RCVBUF"), 100 - n);
	assert_int_equal(weft_stack_counter(w.server, "UdpRcvbufErrors"), 100 - n);
	assert_int_equal(weft_stack_counter(w.server, "UdpInErrors"), 100 - n);
	assert_int_equal(world_sendto(a, "y", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_recv(b, "y", 1, NULL);
	world_end(&w);
}

static void datagram_larger_than_the_bound_fits_an_empty_queue(void **state UNUSED)
{
	static uint8_t big[60000];
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.client, "0.0.0.0:53");
	world_setopt(b, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 0);
	assert_int_equal(world_sendto(a, big, sizeof(big), "127.0.0.1:53"), sizeof(big));
	assert_int_equal(world_sendto(a, "x", 1, "127.0.0.1:53"), 1);
	world_settle(&w);
	assert_recv(b, big, sizeof(big), NULL);
	assert_nothing(b);
	world_end(&w);
}

/* Sockets bound to any address and to the broadcast address hear it, one bound to a host's does
 * not. */
static void broadcast_needs_permission_and_reaches_all(void **state UNUSED)
{
	const struct {
		const char *bind;
		bool hears_limited, hears_directed;
	} listeners[] = {
		{"0.0.0.0:53", true, true},     {"0.0.0.0:53", true, true},
		{"10.0.0.255:53", false, true}, {"255.255.255.255:53", true, false},
		{"10.0.0.2:53", false, false},
	};
	struct weft_sock *a, *b[ARRAY_SIZE(listeners)];
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
		struct weft_sockaddr sa = world_at(listeners[i].bind);

		b[i] = world_socket(w.server, WEFT_SOCK_DGRAM, 0);
		world_setopt(b[i], WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, 1);
		assert_int_equal(weft_bind(b[i], &sa), 0);
	}
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.255:53"), -EACCES);
	world_setopt(a, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, 1);
	/* The limited broadcast has no route; the interface is the application's choice. */
	assert_int_equal(world_sendto(a, "x", 1, "255.255.255.255:53"), -ENETUNREACH);
	assert_int_equal(weft_setsockopt(a, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "eth0", 4), 0);
	assert_int_equal(world_sendto(a, "limited", 7, "255.255.255.255:53"), 7);
	assert_int_equal(world_sendto(a, "directed", 8, "10.0.0.255:53"), 8);
	world_settle(&w);
	for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
		if (listeners[i].hears_limited)
			assert_recv(b[i], "limited", 7, NULL);
		if (listeners[i].hears_directed)
			assert_recv(b[i], "directed", 8, NULL);
		assert_nothing(b[i]);
	}
	/* A closed port is not answered. */
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.255:54"), 1);
	world_settle(&w);
	assert_int_equal(weft_stack_counter(w.server, "UDP_NO_PORT"), 1);
	assert_int_equal(weft_stack_counter(w.server, "IcmpOutDestUnreachs"), 0);
	world_end(&w);
}

static void reuseport_sockets_share_the_senders(void **state UNUSED)
{
	enum {
		N = 4,
		SENDERS = 64
	};
	struct weft_sockaddr any = world_at("0.0.0.0:53");
	struct weft_sock *group[N];
	uint32_t total = 0;
	struct world w;
	char c;

	world_start(&w);
	for (size_t i = 0; i < N; i++) {
		group[i] = world_socket(w.server, WEFT_SOCK_DGRAM, 0);
		world_setopt(group[i], WEFT_SOL_SOCKET, WEFT_SO_REUSEPORT, 1);
		assert_int_equal(weft_bind(group[i], &any), 0);
	}
	for (size_t i = 0; i < SENDERS; i++) {
		struct weft_sock *s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);

		assert_int_equal(world_sendto(s, "x", 1, "10.0.0.2:53"), 1);
		world_settle(&w);
	}
	for (size_t i = 0; i < N; i++) {
		uint32_t n = 0;

		while (weft_recv(group[i], &c, 1, 0) == 1)
			n++;
		assert_in_range(n, 4, 40);
		total += n;
	}
	assert_int_equal(total, SENDERS);
	world_end(&w);
}

static void socket_closed_with_a_full_queue_leaves_nothing(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	for (int i = 0; i < 10; i++)
		assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	weft_close(b);
	weft_close(a);
	weft_close(NULL);
	b = world_bound(w.server, "0.0.0.0:53");
	assert_nothing(b);
	world_end(&w);
}

/* Replies to the source keep the address that the socket is bound to. */
static void socket_bound_to_one_of_two_addresses_sends_from_it(void **state UNUSED)
{
	struct weft_sockaddr second = world_at("10.0.0.77:0");
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	assert_int_equal(weft_addr_add(w.client_if, &second.addr, 24), 0);
	a = world_bound(w.client, "10.0.0.77:1000");
	b = world_bound(w.server, "0.0.0.0:53");
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_recv(b, "x", 1, "10.0.0.77:1000");
	assert_int_equal(world_connect(a, "10.0.0.2:53"), 0);
	assert_int_equal(weft_send(a, "y", 1, 0), 1);
	world_settle(&w);
	assert_recv(b, "y", 1, "10.0.0.77:1000");
	world_end(&w);
}

/* The route that a socket keeps must not outlive what it was made of. */
static void kept_route_follows_changes(void **state UNUSED)
{
	struct weft_sockaddr addr = world_at("10.0.0.1:0");
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_recv(b, "x", 1, NULL);
	assert_int_equal(weft_addr_del(w.client_if, &addr.addr, 24), 0);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), -ENETUNREACH);
	addr = world_at("10.0.0.99:0");
	assert_int_equal(weft_addr_add(w.client_if, &addr.addr, 24), 0);
	assert_int_equal(world_sendto(a, "y", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_int_equal(weft_recvfrom(b, &(char){0}, 1, 0, &addr), 1);
	addr.port = 0;
	world_assert_at(&addr, "10.0.0.99:0");
	world_end(&w);
}

static void datagrams_wait_for_the_application_when_their_interface_goes(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct world w;

	world_start(&w);
	a = world_bound(w.client, "10.0.0.1:1000");
	b = world_bound(w.server, "0.0.0.0:53");
	assert_int_equal(world_sendto(a, "last words", 10, "10.0.0.2:53"), 10);
	world_settle(&w);
	weft_netif_del(w.server_if);
	assert_recv(b, "last words", 10, "10.0.0.1:1000");
	world_end(&w);
}

/* One call is many datagrams, and back. */
static void segments_sent_at_once_are_datagrams(void **state UNUSED)
{
	static uint8_t data[10000], buf[10000];
	struct weft_sock *a, *b;
	struct world w;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	world_setopt(a, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, 1400);
	assert_int_equal(world_getopt(a, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT), 1400);
	assert_int_equal(world_sendto(a, data, sizeof(data), "10.0.0.2:53"), sizeof(data));
	world_settle(&w);
	for (size_t off = 0; off < sizeof(data); off += 1400)
		assert_recv(b, data + off, sizeof(data) - off < 1400 ? sizeof(data) - off : 1400,
			    NULL);
	assert_nothing(b);
	/* Who asks for it has them as one. */
	world_setopt(b, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, 1);
	assert_int_equal(world_sendto(a, data, sizeof(data), "10.0.0.2:53"), sizeof(data));
	world_settle(&w);
	assert_int_equal(weft_recv(b, buf, sizeof(buf), 0), sizeof(data));
	assert_memory_equal(buf, data, sizeof(data));
	assert_nothing(b);
	/* More than 64, or more than the path carries in one. */
	world_setopt(a, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, 100);
	assert_int_equal(world_sendto(a, data, 6401, "10.0.0.2:53"), -EINVAL);
	world_setopt(a, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, 1473);
	assert_int_equal(world_sendto(a, data, 6401, "10.0.0.2:53"), -EINVAL);
	world_end(&w);
}

static void segment_size_of_one_call_is_told_with_what_is_received(void **state UNUSED)
{
	union {
		struct weft_cmsghdr hdr;
		uint8_t bytes[64];
	} control = {.hdr = {.len = sizeof(struct weft_cmsghdr) + 2,
			     .level = WEFT_IPPROTO_UDP,
			     .type = WEFT_UDP_SEGMENT}};
	struct weft_sockaddr to = world_at("10.0.0.2:53");
	uint8_t data[250] = {1}, buf[300];
	struct weft_iovec iov = {data, sizeof(data)};
	struct weft_msghdr msg = {.name = &to,
				  .iov = &iov,
				  .n_iov = 1,
				  .control = &control,
				  .control_len = sizeof(struct weft_cmsghdr) + 8};
	uint16_t size = 100;
	struct weft_sock *a, *b;
	struct world w;
	int v;

	memcpy(weft_cmsg_data(&control.hdr), &size, sizeof(size));
	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	world_setopt(b, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, 1);
	assert_int_equal(weft_sendmsg(a, &msg, 0), sizeof(data));
	world_settle(&w);
	iov = (struct weft_iovec){buf, sizeof(buf)};
	msg.name = NULL;
	msg.control_len = sizeof(control);
	assert_int_equal(weft_recvmsg(b, &msg, 0), sizeof(data));
	assert_int_equal(control.hdr.level, WEFT_IPPROTO_UDP);
	assert_int_equal(control.hdr.type, WEFT_UDP_GRO);
	memcpy(&v, weft_cmsg_data(&control.hdr), sizeof(v));
	assert_int_equal(v, 100);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(segments_sent_at_once_are_datagrams),
		in_both_families(segment_size_of_one_call_is_told_with_what_is_received),
		in_both_families(datagram_sent_arrives_with_its_source),
		in_both_families(datagrams_of_any_size_arrive_in_order),
		cmocka_unit_test(largest_datagram_crosses_a_link_in_fragments),
		cmocka_unit_test(largest_datagram_crosses_the_loopback),
		in_both_families(bytes_scattered_over_an_iovec_are_one_datagram),
		in_both_families(datagram_longer_than_the_buffer_is_cut),
		in_both_families(connected_socket_hears_its_peer_only),
		in_both_families(connect_to_no_family_unsets_the_peer),
		in_both_families(connecting_to_port_zero_selects_a_source_address),
		in_both_families(closed_port_refuses_connected_sockets),
		cmocka_unit_test(impossible_sends_are_refused),
		in_both_families(shut_down_socket_reads_the_end_after_its_queue),
		in_both_families(socket_that_sends_unbound_gets_a_port_once),
		in_both_families(receive_queue_at_its_bound_drops_and_recovers),
		in_both_families(datagram_larger_than_the_bound_fits_an_empty_queue),
		cmocka_unit_test(broadcast_needs_permission_and_reaches_all),
		in_both_families(reuseport_sockets_share_the_senders),
		in_both_families(socket_closed_with_a_full_queue_leaves_nothing),
		in_both_families(socket_bound_to_one_of_two_addresses_sends_from_it),
		cmocka_unit_test(kept_route_follows_changes),
		in_both_families(datagrams_wait_for_the_application_when_their_interface_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
