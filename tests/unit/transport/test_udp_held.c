/* SPDX-License-Identifier: MIT */
/* Datagrams that several sends make (WEFT_MSG_MORE, UDP_CORK), and those put together on receipt
 * (UDP_GRO), in both families; the largest of each. */
#include "weft/intercept.h"
#include "weft/packet.h"
#include "world.h"

struct family {
	int family, ip_level, mtu_discover, recverr;
	size_t max, hdrs;
	const char *server, *server9, *any53, *any54;
};

static const struct family families[] = {
	{.family = WEFT_AF_INET,
	 .ip_level = WEFT_IPPROTO_IP,
	 .mtu_discover = WEFT_IP_MTU_DISCOVER,
	 .recverr = WEFT_IP_RECVERR,
	 .max = 65507,
	 .hdrs = 28,
	 .server = "10.0.0.2:53",
	 .server9 = "10.0.0.2:54",
	 .any53 = "0.0.0.0:53",
	 .any54 = "0.0.0.0:54"},
	{.family = WEFT_AF_INET6,
	 .ip_level = WEFT_IPPROTO_IPV6,
	 .mtu_discover = WEFT_IPV6_MTU_DISCOVER,
	 .recverr = WEFT_IPV6_RECVERR,
	 .max = 65527,
	 .hdrs = 48,
	 .server = "[2001:db8::2]:53",
	 .server9 = "[2001:db8::2]:54",
	 .any53 = "[::]:53",
	 .any54 = "[::]:54"},
};

struct held {
	struct world w;
	const struct family *f;
	struct weft_sock *a, *b, *other; /* b is at the server's port 53, `other` at 54 */
};

static struct weft_sock *socket_of(struct weft_stack *st, const struct family *f, int type)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, f->family, type, 0, &s), 0);
	return s;
}

static struct weft_sock *bound_of(struct weft_stack *st, const struct family *f, const char *at)
{
	struct weft_sock *s = socket_of(st, f, WEFT_SOCK_DGRAM);
	struct weft_sockaddr sa = world_at(at);

	assert_int_equal(weft_bind(s, &sa), 0);
	return s;
}

static void held_start(struct held *h, const struct family *f)
{
	struct weft_addr a = world_addr("2001:db8::1"), b = world_addr("2001:db8::2");

	h->f = f;
	world_start(&h->w);
	assert_int_equal(weft_addr_add(h->w.client_if, &a, 64), 0);
	assert_int_equal(weft_addr_add(h->w.server_if, &b, 64), 0);
	world_settle(&h->w);
	h->a = socket_of(h->w.client, f, WEFT_SOCK_DGRAM);
	h->b = bound_of(h->w.server, f, f->any53);
	h->other = bound_of(h->w.server, f, f->any54);
}

static ptrdiff_t send_to(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
			 const char *to)
{
	struct weft_sockaddr sa = world_at(to);

	return weft_sendto(s, buf, len, flags, &sa);
}

static void assert_recv(struct held *h, struct weft_sock *s, const void *want, size_t len)
{
	static uint8_t buf[65536];

	world_settle(&h->w);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), (ptrdiff_t)len);
	assert_memory_equal(buf, want, len);
}

static void assert_nothing(struct held *h, struct weft_sock *s)
{
	char c;

	world_settle(&h->w);
	assert_int_equal(weft_recv(s, &c, 1, 0), -EAGAIN);
}

static void each_family(void (*test)(struct held *h))
{
	for (size_t i = 0; i < 2; i++) {
		struct held h;

		held_start(&h, &families[i]);
		test(&h);
		world_end(&h.w);
	}
}

static void check_more(struct held *h)
{
	assert_int_equal(send_to(h->a, "one ", 4, WEFT_MSG_MORE, h->f->server), 4);
	assert_nothing(h, h->b);
	/* Where it goes was said by the first, and that it need not be said again. */
	assert_int_equal(send_to(h->a, "two ", 4, WEFT_MSG_MORE, h->f->server9), 4);
	assert_int_equal(weft_send(h->a, "", 0, WEFT_MSG_MORE), 0);
	assert_nothing(h, h->b);
	assert_int_equal(weft_send(h->a, "three", 5, 0), 5);
	assert_recv(h, h->b, "one two three", 13);
	assert_nothing(h, h->b);
	assert_nothing(h, h->other);
	assert_int_equal(weft_stack_counter(h->w.client, "UdpOutDatagrams"), 1);
	/* It is over: the next stands for itself. */
	assert_int_equal(weft_send(h->a, "x", 1, 0), -EDESTADDRREQ);
	assert_int_equal(send_to(h->a, "x", 1, 0, h->f->server9), 1);
	assert_recv(h, h->other, "x", 1);
	/* Empty ones are datagrams, too. */
	assert_int_equal(send_to(h->a, "", 0, WEFT_MSG_MORE, h->f->server), 0);
	assert_int_equal(weft_send(h->a, "", 0, 0), 0);
	assert_recv(h, h->b, "", 0);
}

static void sends_with_more_are_one_datagram(void **state UNUSED)
{
	each_family(check_more);
}

static void check_cork(struct held *h)
{
	world_setopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_CORK, 1);
	assert_int_equal(world_getopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_CORK), 1);
	assert_int_equal(send_to(h->a, "ab", 2, 0, h->f->server), 2);
	assert_int_equal(weft_send(h->a, "cd", 2, 0), 2);
	assert_nothing(h, h->b);
	world_setopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_CORK, 0);
	assert_recv(h, h->b, "abcd", 4);
	assert_int_equal(world_getopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_CORK), 0);
	/* Nothing held: nothing sent. */
	world_setopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_CORK, 1);
	world_setopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_CORK, 0);
	assert_nothing(h, h->b);
	/* What is held when the socket goes is not sent. */
	world_setopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_CORK, 1);
	assert_int_equal(send_to(h->a, "lost", 4, 0, h->f->server), 4);
	weft_close(h->a);
	assert_nothing(h, h->b);
}

static void corked_sends_are_one_datagram(void **state UNUSED)
{
	each_family(check_cork);
}

static void check_bounds(struct held *h)
{
	static uint8_t big[70000];

	/* All of it, to the byte. */
	assert_int_equal(send_to(h->a, big, 40000, WEFT_MSG_MORE, h->f->server), 40000);
	assert_int_equal(weft_send(h->a, big, h->f->max - 40000, 0), h->f->max - 40000);
	assert_recv(h, h->b, big, h->f->max);
	/* One more, and all is lost. */
	assert_int_equal(send_to(h->a, big, 40000, WEFT_MSG_MORE, h->f->server), 40000);
	assert_int_equal(weft_send(h->a, big, h->f->max - 40000 + 1, WEFT_MSG_MORE), -EMSGSIZE);
	assert_int_equal(weft_send(h->a, big, 1, 0), -EDESTADDRREQ);
	assert_nothing(h, h->b);
	/* Where nothing may be cut, the path's MTU is the bound. */
	world_setopt(h->a, h->f->ip_level, h->f->mtu_discover, WEFT_IP_PMTUDISC_DO);
	world_setopt(h->a, h->f->ip_level, h->f->recverr, 1);
	assert_int_equal(send_to(h->a, big, 1000, WEFT_MSG_MORE, h->f->server), 1000);
	assert_int_equal(weft_send(h->a, big, 1500 - h->f->hdrs - 1000, 0),
			 1500 - h->f->hdrs - 1000);
	assert_recv(h, h->b, big, 1500 - h->f->hdrs);
	assert_int_equal(weft_events(h->a) & WEFT_ERR, 0);
	assert_int_equal(send_to(h->a, big, 1000, WEFT_MSG_MORE, h->f->server), 1000);
	assert_int_equal(weft_send(h->a, big, 1500 - h->f->hdrs - 999, WEFT_MSG_MORE), -EMSGSIZE);
	assert_int_equal(weft_events(h->a) & WEFT_ERR, WEFT_ERR);
}

static void held_datagram_that_grows_too_large_is_lost(void **state UNUSED)
{
	each_family(check_bounds);
}

static void check_failures(struct held *h)
{
	assert_int_equal(send_to(h->a, "x", 1, WEFT_MSG_MORE | WEFT_MSG_OOB, h->f->server),
			 -EOPNOTSUPP);
	assert_int_equal(weft_send(h->a, "x", 1, WEFT_MSG_MORE), -EDESTADDRREQ);
	/* No memory for what is held, or for more of it. */
	assert_int_equal(send_to(h->a, "x", 1, WEFT_MSG_MORE, h->f->server), 1);
	assert_int_equal(weft_send(h->a, "y", 1, 0), 1);
	assert_recv(h, h->b, "xy", 2);
	for (int n = 0; n < 2; n++) {
		world_fail_after(&h->w, n);
		assert_int_equal(send_to(h->a, "x", 1, WEFT_MSG_MORE, h->f->server), -ENOBUFS);
		world_fail_after(&h->w, -1);
		assert_int_equal(weft_send(h->a, "y", 1, 0), -EDESTADDRREQ);
	}
	/* Shut down in between. */
	assert_int_equal(send_to(h->a, "x", 1, WEFT_MSG_MORE, h->f->server), 1);
	(void)weft_shutdown(h->a, WEFT_SHUT_WR);
	assert_int_equal(weft_send(h->a, "y", 1, 0), -EPIPE);
	assert_nothing(h, h->b);
}

static void failed_send_ends_what_is_held(void **state UNUSED)
{
	each_family(check_failures);
}

static void check_segments(struct held *h)
{
	static uint8_t data[3000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	world_setopt(h->a, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, 1000);
	assert_int_equal(send_to(h->a, data, 1500, WEFT_MSG_MORE, h->f->server), 1500);
	assert_int_equal(weft_send(h->a, data + 1500, 1200, 0), 1200);
	assert_recv(h, h->b, data, 1000);
	assert_recv(h, h->b, data + 1000, 1000);
	assert_recv(h, h->b, data + 2000, 700);
	assert_nothing(h, h->b);
}

static void held_bytes_are_cut_into_segments(void **state UNUSED)
{
	each_family(check_segments);
}

static void check_largest(struct held *h)
{
	static uint8_t big[70000];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 13 + i / 256);
	assert_int_equal(send_to(h->a, big, h->f->max, 0, h->f->server), h->f->max);
	assert_recv(h, h->b, big, h->f->max);
	assert_int_equal(send_to(h->a, big, h->f->max + 1, 0, h->f->server), -EMSGSIZE);
	assert_int_equal(send_to(h->a, big, 65536, 0, h->f->server), -EMSGSIZE);
	/* To ourselves. */
	assert_int_equal(send_to(h->b, big, h->f->max, 0, h->f->server9), h->f->max);
	assert_recv(h, h->other, big, h->f->max);
}

static void largest_datagram_is_that_of_the_family(void **state UNUSED)
{
	each_family(check_largest);
}

/* What waits, with the size that the control message says; 0: none. */
static ptrdiff_t recv_group(struct held *h, struct weft_sock *s, void *buf, size_t size, int *ret)
{
	_Alignas(8) uint8_t control[64];
	struct weft_iovec iov = {buf, size};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = control, .control_len = sizeof(control)};
	struct weft_cmsghdr *c;
	ptrdiff_t n;

	world_settle(&h->w);
	*ret = 0;
	n = weft_recvmsg(s, &msg, 0);
	c = n >= 0 ? weft_cmsg_next(&msg, NULL) : NULL;
	if (c) {
		assert_int_equal(c->level, WEFT_IPPROTO_UDP);
		assert_int_equal(c->type, WEFT_UDP_GRO);
		memcpy(ret, weft_cmsg_data(c), sizeof(*ret));
	}
	return n;
}

static void check_gro(struct held *h)
{
	static uint8_t data[100 * 1000], buf[70000];
	int size;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	world_setopt(h->b, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, 1);
	world_setopt(h->b, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 200000);
	/* One alone is no group. */
	assert_int_equal(send_to(h->a, data, 1000, 0, h->f->server), 1000);
	assert_int_equal(recv_group(h, h->b, buf, sizeof(buf), &size), 1000);
	assert_int_equal(size, 0);
	/* Of one size are one, the shorter is the last, and the next begins anew. */
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
			send_to(h->a, data + i * 1000, i < 4 ? 1000 : 300, 0, h->f->server),
			i < 4 ? 1000 : 300);
	assert_int_equal(send_to(h->a, data, 300, 0, h->f->server), 300);
	assert_int_equal(recv_group(h, h->b, buf, sizeof(buf), &size), 4300);
	assert_int_equal(size, 1000);
	assert_memory_equal(buf, data, 4300);
	assert_int_equal(recv_group(h, h->b, buf, sizeof(buf), &size), 300);
	assert_int_equal(size, 0);
	/* At most 64, and at most what one datagram carries. */
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(send_to(h->a, data + i * 10, 10, 0, h->f->server), 10);
	assert_int_equal(recv_group(h, h->b, buf, sizeof(buf), &size), 640);
	assert_int_equal(size, 10);
	assert_memory_equal(buf, data, 640);
	assert_int_equal(recv_group(h, h->b, buf, sizeof(buf), &size), 360);
	assert_memory_equal(buf, data + 640, 360);
	for (size_t i = 0; i < 70; i++)
		assert_int_equal(send_to(h->a, data + i * 1000, 1000, 0, h->f->server), 1000);
	for (size_t at = 0; at < 70000; at += (size_t)size) {
		ptrdiff_t n = recv_group(h, h->b, buf, sizeof(buf), &size);

		assert_in_range(n, 1000, 65507);
		assert_memory_equal(buf, data + at, (size_t)n);
		size = (int)n;
	}
	assert_nothing(h, h->b);
}

static void datagrams_that_wait_are_put_together_for_who_asks(void **state UNUSED)
{
	each_family(check_gro);
}

static void check_gro_apart(struct held *h)
{
	struct weft_sock *second = socket_of(h->w.client, h->f, WEFT_SOCK_DGRAM);
	int level = h->f->ip_level, size;
	uint8_t buf[500];

	world_setopt(h->b, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, 1);
	/* Another sender, class or hop limit, a larger one, an empty one. */
	assert_int_equal(send_to(h->a, "aaaa", 4, 0, h->f->server), 4);
	assert_int_equal(send_to(second, "bbbb", 4, 0, h->f->server), 4);
	world_setopt(second, level, level == WEFT_IPPROTO_IP ? WEFT_IP_TOS : WEFT_IPV6_TCLASS, 8);
	assert_int_equal(send_to(second, "cccc", 4, 0, h->f->server), 4);
	world_setopt(second, level, level == WEFT_IPPROTO_IP ? WEFT_IP_TTL : WEFT_IPV6_UNICAST_HOPS,
		     9);
	assert_int_equal(send_to(second, "dddd", 4, 0, h->f->server), 4);
	assert_int_equal(send_to(second, "eeeee", 5, 0, h->f->server), 5);
	assert_int_equal(send_to(second, "", 0, 0, h->f->server), 0);
	for (size_t i = 0; i < 6; i++) {
		static const int sizes[] = {4, 4, 4, 4, 5, 0};

		assert_int_equal(recv_group(h, h->b, buf, sizeof(buf), &size), sizes[i]);
		assert_int_equal(size, 0);
	}
	/* Nor for who does not ask. */
	world_setopt(h->b, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_to(h->a, "aaaa", 4, 0, h->f->server), 4);
	for (int i = 0; i < 3; i++)
		assert_int_equal(recv_group(h, h->b, buf, sizeof(buf), &size), 4);
	assert_nothing(h, h->b);
}

static void datagrams_that_differ_stay_apart(void **state UNUSED)
{
	each_family(check_gro_apart);
}

static void check_gro_bound(struct held *h)
{
	static uint8_t data[1400], buf[70000];
	size_t n_sent = 0, n_got = 0;
	ptrdiff_t n;
	int size;

	/* Put together or not, SO_RCVBUF is the bound. */
	world_setopt(h->b, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, 1);
	world_setopt(h->b, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 20000);
	for (; n_sent < 100; n_sent++) {
		assert_int_equal(send_to(h->a, data, sizeof(data), 0, h->f->server), sizeof(data));
		world_settle(&h->w);
	}
	while ((n = recv_group(h, h->b, buf, sizeof(buf), &size)) > 0)
		n_got += (size_t)n;
	assert_int_equal(n, -EAGAIN);
	assert_in_range(n_got, 10000, 40000);
	assert_int_equal(weft_stack_counter(h->w.server, "UdpRcvbufErrors"),
			 n_sent - n_got / sizeof(data));
}

static void groups_count_for_the_receive_buffer(void **state UNUSED)
{
	each_family(check_gro_bound);
}

static void check_raw(struct held *h)
{
	struct weft_sock *out, *in;
	uint8_t buf[100];
	ptrdiff_t n;

	assert_int_equal(weft_socket(h->w.client, h->f->family, WEFT_SOCK_RAW, 200, &out), 0);
	assert_int_equal(weft_socket(h->w.server, h->f->family, WEFT_SOCK_RAW, 200, &in), 0);
	assert_int_equal(send_to(out, "one ", 4, WEFT_MSG_MORE, h->f->server), 4);
	assert_nothing(h, in);
	assert_int_equal(weft_send(out, "two", 3, 0), 3);
	world_settle(&h->w);
	n = weft_recv(in, buf, sizeof(buf), 0);
	assert_in_range(n, 7, sizeof(buf));
	assert_memory_equal(buf + n - 7, "one two", 7);
}

static void raw_socket_holds_back_too(void **state UNUSED)
{
	each_family(check_raw);
}

/* What a socket says in another's name it says so too when it is held back. */
static void check_transparent(struct held *h)
{
	bool is_ip4 = h->f->family == WEFT_AF_INET;
	struct weft_sockaddr as = world_at(is_ip4 ? "10.0.0.77:7" : "[2001:db8::77]:7"), from;
	struct weft_sock *s = socket_of(h->w.client, h->f, WEFT_SOCK_DGRAM);
	char buf[16];

	world_setopt(s, h->f->ip_level, is_ip4 ? WEFT_IP_TRANSPARENT : WEFT_IPV6_TRANSPARENT, 1);
	assert_int_equal(weft_bind(s, &as), 0);
	assert_int_equal(send_to(s, "one ", 4, WEFT_MSG_MORE, h->f->server), 4);
	assert_int_equal(weft_send(s, "two", 3, 0), 3);
	world_settle(&h->w);
	assert_int_equal(weft_recvfrom(h->b, buf, sizeof(buf), 0, &from), 7);
	assert_memory_equal(&from.addr, &as.addr, sizeof(as.addr));
	weft_close(s);
}

static void held_datagram_speaks_in_the_name_of_another(void **state UNUSED)
{
	each_family(check_transparent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_with_more_are_one_datagram),
		cmocka_unit_test(corked_sends_are_one_datagram),
		cmocka_unit_test(held_datagram_that_grows_too_large_is_lost),
		cmocka_unit_test(failed_send_ends_what_is_held),
		cmocka_unit_test(held_bytes_are_cut_into_segments),
		cmocka_unit_test(largest_datagram_is_that_of_the_family),
		cmocka_unit_test(datagrams_that_wait_are_put_together_for_who_asks),
		cmocka_unit_test(datagrams_that_differ_stay_apart),
		cmocka_unit_test(groups_count_for_the_receive_buffer),
		cmocka_unit_test(raw_socket_holds_back_too),
		cmocka_unit_test(held_datagram_speaks_in_the_name_of_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
