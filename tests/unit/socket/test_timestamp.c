/* SPDX-License-Identifier: MIT */
/* SO_TIMESTAMP, SO_TIMESTAMPNS and SO_TIMESTAMPING: when what is received arrived. */
#include "weft/packet.h"
#include "world.h"

enum {
	ARRIVES_MS = 1500,
};

struct told {
	int n;
	struct weft_timeval tv;
	struct weft_timespec ts;
	struct weft_scm_timestamping scm;
	int types[4];
};

static void opt(struct weft_sock *s, int name, int v)
{
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, name, &v, sizeof(v)), 0);
}

static int opt_is(struct weft_sock *s, int name)
{
	size_t len = sizeof(int);
	int v;

	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, name, &v, &len), 0);
	return v;
}

static struct told receive(struct weft_sock *s)
{
	union {
		struct weft_cmsghdr align;
		char bytes[256];
	} ctl;
	char buf[64];
	struct weft_iovec iov = {buf, sizeof(buf)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = ctl.bytes, .control_len = sizeof(ctl)};
	struct told t = {.n = 0};

	assert_true(weft_recvmsg(s, &msg, 0) > 0);
	for (struct weft_cmsghdr *c = weft_cmsg_next(&msg, NULL); c && t.n < 4;
	     c = weft_cmsg_next(&msg, c)) {
		const void *data = weft_cmsg_data(c);

		assert_int_equal(c->level, WEFT_SOL_SOCKET);
		t.types[t.n++] = c->type;
		if (c->type == WEFT_SO_TIMESTAMP)
			memcpy(&t.tv, data, sizeof(t.tv));
		else if (c->type == WEFT_SO_TIMESTAMPNS)
			memcpy(&t.ts, data, sizeof(t.ts));
		else
			memcpy(&t.scm, data, sizeof(t.scm));
	}
	return t;
}

/* Sent at ARRIVES_MS, read half a second later. */
static struct told pass(struct world *w, struct weft_sock *from, const char *to,
			struct weft_sock *at)
{
	struct weft_sockaddr sa = world_at(to);

	world_advance(w, ARRIVES_MS * WORLD_MSEC - weft_engine_now_ns(w->eng));
	assert_int_equal(weft_sendto(from,
				     world_is_ip6 ? "\200\0\0\0\0\0\0\1" : "\10\0\0\0\0\0\0\1", 8,
				     0, &sa),
			 8);
	world_advance(w, WORLD_SEC / 2);
	return receive(at);
}

static void each_option_tells_in_its_own_unit(void **state UNUSED)
{
	struct world w;
	struct weft_sock *a, *b;
	struct told t;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "10.0.0.2:9");
	opt(b, WEFT_SO_TIMESTAMP, 1);
	opt(b, WEFT_SO_TIMESTAMPING, WEFT_SOF_RX_SOFTWARE | WEFT_SOF_SOFTWARE);
	t = pass(&w, a, "10.0.0.2:9", b);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.types[0], WEFT_SO_TIMESTAMP);
	assert_int_equal(t.tv.s, 1);
	assert_int_equal(t.tv.us, 500000);
	assert_int_equal(t.scm.software.s, 1);
	assert_int_equal(t.scm.software.ns, 500000000);
	assert_int_equal(t.scm.hardware.s + t.scm.hardware.ns, 0);
	world_end(&w);
}

static void the_options_replace_each_other_and_are_read_back(void **state UNUSED)
{
	struct world w;
	struct weft_sock *b;
	int v = 1 << 12;

	world_start(&w);
	b = world_bound(w.server, "10.0.0.2:9");
	opt(b, WEFT_SO_TIMESTAMP, 7);
	assert_int_equal(opt_is(b, WEFT_SO_TIMESTAMP), 1);
	opt(b, WEFT_SO_TIMESTAMPNS, 1);
	assert_int_equal(opt_is(b, WEFT_SO_TIMESTAMP), 0);
	assert_int_equal(opt_is(b, WEFT_SO_TIMESTAMPNS), 1);
	opt(b, WEFT_SO_TIMESTAMP, 0);
	assert_int_equal(opt_is(b, WEFT_SO_TIMESTAMPNS), 0);
	opt(b, WEFT_SO_TIMESTAMPING, WEFT_SOF_RX_HARDWARE | WEFT_SOF_SOFTWARE);
	assert_int_equal(opt_is(b, WEFT_SO_TIMESTAMPING), WEFT_SOF_RX_HARDWARE | WEFT_SOF_SOFTWARE);
	assert_int_equal(weft_setsockopt(b, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, &v, sizeof(v)),
			 -EINVAL);
	opt(b, WEFT_SO_RCVLOWAT, 0);
	assert_int_equal(opt_is(b, WEFT_SO_RCVLOWAT), 1);
	opt(b, WEFT_SO_RCVLOWAT, -1);
	assert_int_equal(opt_is(b, WEFT_SO_RCVLOWAT), INT32_MAX);
	world_end(&w);
}

static void drain(struct weft_sock *s)
{
	char buf[64];

	while (weft_recv(s, buf, sizeof(buf), 0) >= 0)
		;
}

static void all_kinds_of_datagram_sockets_tell(void **state UNUSED)
{
	struct world w;
	struct weft_sock *ping, *raw, *packet;
	int proto = world_is_ip6 ? WEFT_IPPROTO_ICMPV6 : WEFT_IPPROTO_ICMP;
	struct told t;

	world_start(&w);
	ping = world_socket(w.client, WEFT_SOCK_DGRAM, proto);
	raw = world_socket(w.server, WEFT_SOCK_RAW, proto);
	assert_int_equal(weft_socket(w.server, WEFT_AF_PACKET, WEFT_SOCK_RAW,
				     world_is_ip6 ? 0x86dd : 0x0800, &packet),
			 0);
	opt(ping, WEFT_SO_TIMESTAMPNS, 1);
	opt(raw, WEFT_SO_TIMESTAMPNS, 1);
	opt(packet, WEFT_SO_TIMESTAMPNS, 1);
	world_advance(&w, WORLD_SEC);
	drain(raw); /* what hosts say of themselves over IPv6 */
	drain(packet);
	t = pass(&w, ping, "10.0.0.2:0", ping);
	assert_int_equal(t.ts.ns, 500000000);
	t = receive(raw);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.ts.ns, 500000000);
	t = receive(packet);
	assert_int_equal(t.ts.s, 1);
	weft_close(packet);
	world_end(&w);
}

static void a_stream_tells_of_the_last_segment(void **state UNUSED)
{
	struct world w;
	struct weft_sock *lst, *a, *b;
	struct weft_sockaddr at = world_at("10.0.0.2:7");
	struct told t;

	world_start(&w);
	lst = world_bound_stream(w.server, "10.0.0.2:7");
	assert_int_equal(weft_listen(lst, 1), 0);
	opt(lst, WEFT_SO_TIMESTAMPNS, 1);
	a = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_connect(a, &at), -EINPROGRESS);
	world_settle(&w);
	assert_int_equal(weft_accept(lst, &b, NULL), 0);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_send(a, "x", 1, 0), 1);
	world_advance(&w, 2 * WORLD_SEC);
	assert_int_equal(weft_send(a, "y", 1, 0), 1);
	world_advance(&w, WORLD_SEC);
	t = receive(b);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.types[0], WEFT_SO_TIMESTAMPNS);
	assert_int_equal(t.ts.s, 3);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(each_option_tells_in_its_own_unit),
		in_both_families(the_options_replace_each_other_and_are_read_back),
		in_both_families(all_kinds_of_datagram_sockets_tell),
		in_both_families(a_stream_tells_of_the_last_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
