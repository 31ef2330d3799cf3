/* SPDX-License-Identifier: MIT */
/* SO_TIMESTAMPING of what is sent, through the error queue. tests/oracle compares what is told with
 * the kernel; here are times, losses and bounds. */
#include "world.h"

enum {
	SND = WEFT_SOF_TX_SOFTWARE,
	SCHED = WEFT_SOF_TX_SCHED,
	ACK = WEFT_SOF_TX_ACK,
	TOLD = WEFT_SOF_SOFTWARE | WEFT_SOF_OPT_TSONLY | WEFT_SOF_OPT_ID,
};

/* One entry of the error queue. */
struct told {
	ptrdiff_t n; /* bytes; -EAGAIN: there was none */
	int64_t ms;
	struct weft_sock_extended_err ee;
	uint8_t bytes[256];
};

static struct told next(struct weft_sock *s)
{
	union {
		struct weft_cmsghdr align;
		char bytes[256];
	} ctl;
	struct told t = {.ms = -1};
	struct weft_iovec iov = {t.bytes, sizeof(t.bytes)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = ctl.bytes, .control_len = sizeof(ctl)};

	t.n = weft_recvmsg(s, &msg, WEFT_MSG_ERRQUEUE);
	if (t.n < 0)
		return t;
	for (struct weft_cmsghdr *c = weft_cmsg_next(&msg, NULL); c; c = weft_cmsg_next(&msg, c)) {
		struct weft_scm_timestamping scm;

		if (c->level != WEFT_SOL_SOCKET) {
			memcpy(&t.ee, weft_cmsg_data(c), sizeof(t.ee));
			continue;
		}
		memcpy(&scm, weft_cmsg_data(c), sizeof(scm));
		t.ms = scm.software.s * 1000 + scm.software.ns / WORLD_MSEC;
	}
	assert_int_equal(t.ee.err, ENOMSG);
	assert_int_equal(t.ee.origin, WEFT_SO_EE_ORIGIN_TIMESTAMPING);
	return t;
}

static void assert_next(struct weft_sock *s, uint32_t what, uint32_t id, int64_t ms)
{
	struct told t = next(s);

	assert_int_equal(t.n, 0);
	assert_int_equal(t.ee.info, what);
	assert_int_equal(t.ee.data, id);
	assert_int_equal(t.ms, ms);
}

static void assert_none(struct weft_sock *s)
{
	assert_int_equal(next(s).n, -EAGAIN);
	assert_int_equal(weft_events(s) & WEFT_ERR, 0);
}

static void stamping(struct weft_sock *s, int v)
{
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, v);
}

static void count(struct weft_sock *s UNUSED, void *arg, uint32_t events)
{
	*(int *)arg += (events & WEFT_ERR) != 0;
}

static struct weft_sock *stream(struct world *w, struct weft_sock **ret_peer)
{
	struct weft_sock *lst = world_bound_stream(w->server, "10.0.0.2:7"), *s;

	assert_int_equal(weft_listen(lst, 1), 0);
	s = world_socket(w->client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(s, "10.0.0.2:7"), -EINPROGRESS);
	world_advance(w, WORLD_SEC);
	assert_int_equal(weft_accept(lst, ret_peer, NULL), 0);
	return s;
}

static void datagrams_are_numbered_and_their_times_wake_the_application(void **state UNUSED)
{
	struct world w;
	struct weft_sock *s;
	int n_calls = 0;

	world_start(&w);
	(void)world_bound(w.server, "10.0.0.2:9");
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	weft_on_event(s, count, &n_calls);
	stamping(s, SND | SCHED | TOLD);
	assert_int_equal(world_sendto(s, "x", 1, "10.0.0.2:9"), 1);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(n_calls, 1);
	assert_true(weft_events(s) & WEFT_ERR);
	assert_int_equal(world_error(s), 0);
	assert_int_equal(world_sendto(s, "y", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_next(s, WEFT_SCM_TSTAMP_SCHED, 0, 0);
	assert_next(s, WEFT_SCM_TSTAMP_SND, 0, 0);
	assert_next(s, WEFT_SCM_TSTAMP_SCHED, 1, 1000);
	assert_next(s, WEFT_SCM_TSTAMP_SND, 1, 1000);
	assert_none(s);
	world_end(&w);
}

static void echo_and_raw_sockets_tell_too(void **state UNUSED)
{
	static const uint8_t echo4[8] = {8}, echo6[8] = {128};
	const uint8_t *echo = world_is_ip6 ? echo6 : echo4;
	int proto = world_is_ip6 ? WEFT_IPPROTO_ICMPV6 : WEFT_IPPROTO_ICMP;
	struct world w;
	struct weft_sock *s[2];

	world_start(&w);
	s[0] = world_socket(w.client, WEFT_SOCK_DGRAM, proto);
	s[1] = world_socket(w.client, WEFT_SOCK_RAW, proto);
	world_advance(&w, 3 * WORLD_SEC);
	for (int i = 0; i < 2; i++) {
		stamping(s[i], SND | TOLD);
		assert_int_equal(world_sendto(s[i], echo, 8, "10.0.0.2:0"), 8);
		world_settle(&w);
		assert_next(s[i], WEFT_SCM_TSTAMP_SND, 0, 3000);
		assert_none(s[i]);
	}
	world_end(&w);
}

/* Of an echo: behind its Ethernet and IP headers. */
static void without_tsonly_the_frame_comes_back(void **state UNUSED)
{
	struct world w;
	struct weft_sock *s;
	struct told t;
	size_t hdrs = 14 + (world_is_ip6 ? 40 : 20) + 8;

	world_start(&w);
	(void)world_bound(w.server, "10.0.0.2:9");
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	stamping(s, SND | WEFT_SOF_SOFTWARE);
	assert_int_equal(world_sendto(s, "hello", 5, "10.0.0.2:9"), 5);
	world_settle(&w);
	t = next(s);
	assert_int_equal(t.n, hdrs + 5);
	assert_memory_equal(t.bytes + hdrs, "hello", 5);
	world_end(&w);
}

/* The peer's interface is down when it is sent first: the repetition leaves, and arrives. */
static void a_stream_tells_of_each_transmission_and_of_the_arrival(void **state UNUSED)
{
	struct world w;
	struct weft_sock *s, *peer;
	struct told t;
	int n_snd = 0;

	world_start(&w);
	s = stream(&w, &peer);
	stamping(s, SND | ACK | TOLD | WEFT_SOF_OPT_ID_TCP);
	assert_int_equal(weft_send(s, "hello", 5, 0), 5);
	world_advance(&w, WORLD_SEC);
	assert_next(s, WEFT_SCM_TSTAMP_SND, 4, 1000);
	assert_next(s, WEFT_SCM_TSTAMP_ACK, 4, 1000);
	assert_none(s);
	weft_netif_set_up(w.server_if, false);
	assert_int_equal(weft_send(s, "world", 5, 0), 5);
	world_advance(&w, 200 * WORLD_MSEC);
	assert_none(s); /* nothing has left */
	weft_netif_set_up(w.server_if, true);
	world_advance(&w, 20 * WORLD_SEC);
	while ((t = next(s)).n == 0 && t.ee.info == WEFT_SCM_TSTAMP_SND) {
		assert_int_equal(t.ee.data, 9);
		assert_true(t.ms > 2000);
		n_snd++;
	}
	assert_true(n_snd > 0);
	assert_int_equal(t.ee.info, WEFT_SCM_TSTAMP_ACK);
	assert_int_equal(t.ee.data, 9);
	assert_none(s);
	world_end(&w);
}

static void connections_inherit_what_their_listener_asks_for(void **state UNUSED)
{
	struct world w;
	struct weft_sock *lst, *s, *peer;

	world_start(&w);
	lst = world_bound_stream(w.server, "10.0.0.2:7");
	stamping(lst, SND | WEFT_SOF_SOFTWARE | WEFT_SOF_OPT_TSONLY);
	assert_int_equal(weft_listen(lst, 1), 0);
	s = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(s, "10.0.0.2:7"), -EINPROGRESS);
	world_settle(&w);
	assert_int_equal(weft_accept(lst, &peer, NULL), 0);
	assert_int_equal(weft_send(peer, "x", 1, 0), 1);
	world_settle(&w);
	assert_next(peer, WEFT_SCM_TSTAMP_SND, 0, 0);
	world_end(&w);
}

/* As many as the receive buffer has room for. The rest is lost, and what comes later is told. */
static void times_that_nobody_reads_are_bounded(void **state UNUSED)
{
	struct world w;
	struct weft_sock *s;
	int n = 0;

	world_start(&w);
	(void)world_bound(w.server, "10.0.0.2:9");
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 4000);
	stamping(s, SND | TOLD);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(world_sendto(s, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	while (next(s).n == 0)
		n++;
	assert_int_equal(n, 8000 / 768);
	assert_int_equal(world_sendto(s, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_next(s, WEFT_SCM_TSTAMP_SND, 1000, 0);
	world_end(&w);
}

/* They wait for a neighbour that does not answer, more of them than are remembered. */
static void packets_that_never_leave_are_forgotten(void **state UNUSED)
{
	struct world w;
	struct weft_sock *s;

	world_start(&w);
	for (int i = 0; i < 100; i++) {
		s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
		stamping(s, SND | TOLD);
		for (int k = 0; k < 5; k++)
			assert_int_equal(world_sendto(s, "x", 1, "10.0.0.77:9"), 1);
		if (i % 2)
			weft_close(s);
	}
	world_advance(&w, 10 * WORLD_SEC);
	world_end(&w);
}

static void what_is_not_known_is_refused(void **state UNUSED)
{
	struct {
		struct weft_cmsghdr h;
		uint32_t v[2];
	} ctl = {.h = {sizeof(ctl.h) + 4, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING}};
	struct weft_iovec iov = {"x", 1};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = &ctl, .control_len = sizeof(ctl)};
	struct weft_sockaddr to = world_at("10.0.0.2:9");
	struct world w;
	struct weft_sock *s, *packet;
	int stats = 1 << 12, snd = SND;

	world_start(&w);
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, &stats, 4),
			 -EINVAL);
	msg.name = &to;
	ctl.v[0] = WEFT_SOF_SOFTWARE;
	assert_int_equal(weft_sendmsg(s, &msg, 0), -EINVAL);
	ctl.v[0] = SND;
	ctl.h.type = 99;
	assert_int_equal(weft_sendmsg(s, &msg, 0), -EINVAL);
	assert_int_equal(weft_socket(w.client, WEFT_AF_PACKET, WEFT_SOCK_RAW, 0x0800, &packet), 0);
	assert_int_equal(weft_setsockopt(packet, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, &snd, 4),
			 -EINVAL);
	world_end(&w);
}

/* Without memory a send goes all the same, and nothing is told. */
static void without_memory_nothing_is_told(void **state UNUSED)
{
	struct world w;
	struct weft_sock *s, *peer, *dgram;

	world_start(&w);
	s = stream(&w, &peer);
	dgram = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	for (int n = 0; n < 30; n++) {
		int v = SND | SCHED | ACK | TOLD, err;
		ptrdiff_t sent;

		world_fail_after(&w, n);
		err = weft_setsockopt(dgram, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, &v, sizeof(v));
		assert_true(err == 0 || err == -ENOMEM);
		err = weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, &v, sizeof(v));
		assert_true(err == 0 || err == -ENOMEM);
		(void)world_sendto(dgram, "x", 1, "10.0.0.2:9");
		sent = weft_send(s, "x", 1, 0);
		assert_true(sent == 1 || sent == -EAGAIN);
		world_advance(&w, WORLD_SEC);
		world_fail_after(&w, -1);
		while (next(s).n == 0)
			;
		while (next(dgram).n == 0)
			;
	}
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(datagrams_are_numbered_and_their_times_wake_the_application),
		in_both_families(echo_and_raw_sockets_tell_too),
		in_both_families(without_tsonly_the_frame_comes_back),
		in_both_families(a_stream_tells_of_each_transmission_and_of_the_arrival),
		in_both_families(connections_inherit_what_their_listener_asks_for),
		in_both_families(times_that_nobody_reads_are_bounded),
		in_both_families(packets_that_never_leave_are_forgotten),
		in_both_families(what_is_not_known_is_refused),
		in_both_families(without_memory_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
