/* SPDX-License-Identifier: MIT */
/*
 * A whole life of two hosts while memory runs out: engine, stacks, links, addresses, routes, a
 * capture, TCP both ways over a link that loses frames, UDP, echo, and the end.
 *
 * Each allocation fails in turn. Either a call says so (-ENOMEM, -ENOBUFS) and the caller gives up,
 * or it happened to a packet or a timer's work and everything still arrives. Then the same with
 * every allocation from the n-th on. Nothing is left in any case.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "weft/weft.h"

enum {
	BYTES = 200000, /* each way */
	STEP_MS = 20,
	STEPS_MAX = 10000, /* 200 s */
	STEPS_FOR_GOOD = 200,
};

#define NS_PER_MS INT64_C(1000000)

struct flow {
	struct weft_sock *s;
	size_t n_sent, n_rcvd;
	bool is_shut, is_done;
};

struct life {
	/* memory */
	uint64_t n_allocs;
	uint64_t fail_at; /* the number of the allocation that fails; 0: none */
	bool for_good;    /* and all after it */
	size_t n_bytes;

	int64_t now_ns;
	struct weft_engine *eng;
	struct weft_stack *a, *b;
	struct weft_capture *cap;
	struct weft_timer *timer;
	struct weft_sock *listener, *udp_a, *udp_b, *ping;
	struct flow client, server;
	bool has_udp, has_ping, has_timer;
	uint32_t n_ended;
	uint8_t buf[BYTES];
};

static void *life_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct life *l = ctx;
	void *p;

	if (new_bytes > old_bytes) {
		l->n_allocs++;
		if (l->fail_at &&
		    (l->for_good ? l->n_allocs >= l->fail_at : l->n_allocs == l->fail_at))
			return NULL;
	}
	l->n_bytes += new_bytes - old_bytes;
	if (new_bytes == 0) {
		free(ptr);
		return NULL;
	}
	p = realloc(ptr, new_bytes);
	assert_non_null(p);
	return p;
}

/* The only errors that memory may cause. */
static int life_err(const struct life *l, int err)
{
	if (err == 0)
		return 0;
	assert_true(l->fail_at && l->n_allocs >= l->fail_at);
	assert_true(err == -ENOMEM || err == -ENOBUFS);
	return err;
}

#define TRY(call)                               \
	do {                                    \
		int err_ = life_err(l, (call)); \
		if (err_)                       \
			return err_;            \
	} while (0)

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

static struct weft_sockaddr sockaddr(const char *text)
{
	struct weft_sockaddr sa;

	assert_int_equal(weft_sockaddr_parse(text, &sa), 0);
	return sa;
}

static int frame_tx(void *arg, const void *frame, size_t len)
{
	(void)arg;
	(void)frame;
	(void)len;
	return 0;
}

static void on_blocks(void *arg, const void *blocks, size_t len)
{
	(void)arg;
	(void)blocks;
	(void)len;
}

static void on_timer(void *arg)
{
	*(bool *)arg = true;
}

static void on_end(void *arg, const struct weft_sock_info *info)
{
	uint32_t *n = arg;

	assert_non_null(info->tcp);
	++*n;
}

static int life_hosts(struct life *l)
{
	struct weft_engine_config cfg = {.has_seed = true,
					 .seed = 1,
					 .realloc = life_realloc,
					 .mem_ctx = l,
					 .trace_sample_every = 3};

	TRY(weft_engine_new(&cfg, &l->eng));
	TRY(weft_stack_new(l->eng, "a", &l->a));
	TRY(weft_stack_new(l->eng, "b", &l->b));
	weft_stack_on_tcp_end(l->a, on_end, &l->n_ended);
	weft_stack_on_tcp_end(l->b, on_end, &l->n_ended);
	l->timer = weft_timer_new(l->eng, on_timer, &l->has_timer);
	TRY(l->timer ? 0 : -ENOMEM);
	weft_timer_start(l->timer, 100 * NS_PER_MS);
	return 0;
}

static int life_addr(struct life *l, struct weft_netif *nif, const char *text)
{
	struct weft_addr a = addr(text);

	return life_err(l, weft_addr_add(nif, &a, 24));
}

/* A wire, a link that loses and reorders, and a bridge with an interface of the application's. */
static int life_net(struct life *l)
{
	static const struct weft_frame_ops ops = {.tx = frame_tx};
	const struct weft_link_dir dir = {.rate_bps = 20000000,
					  .delay_ns = 5 * NS_PER_MS,
					  .loss_ppm = 50000,
					  .reorder_ppm = 50000,
					  .reorder_ns = 3 * NS_PER_MS};
	const uint8_t mac[6] = {2, 0, 0, 0, 9, 9};
	struct weft_addr gone = addr("10.0.0.77");
	struct weft_netif *na, *nb, *port;
	struct weft_bridge *br;
	struct weft_link *link;

	TRY(weft_veth_new(l->a, "eth0", l->b, "eth0", &na, &nb));
	TRY(life_addr(l, na, "10.0.0.1"));
	TRY(life_addr(l, nb, "10.0.0.2"));
	TRY(weft_link_new(l->a, "eth1", l->b, "eth1", &dir, &dir, &link));
	TRY(life_addr(l, weft_link_netif(link, 0), "10.0.1.1"));
	TRY(life_addr(l, weft_link_netif(link, 1), "10.0.1.2"));
	TRY(weft_route_add_text(l->a, "192.0.2.0/24 via 10.0.1.2"));
	TRY(weft_route_add_text(l->a, "default via 10.0.1.2 metric 5"));
	TRY(weft_neigh_add(na, &gone, mac));
	TRY(weft_neigh_del(na, &gone));
	TRY(weft_netif_new(l->b, "port0", mac, 1500, &ops, NULL, &port));
	TRY(weft_bridge_new(l->b, &br));
	TRY(weft_bridge_add(br, port));
	TRY(weft_capture_new(l->eng, 128, on_blocks, NULL, &l->cap));
	TRY(weft_capture_add(l->cap, na));
	TRY(weft_capture_add(l->cap, weft_link_netif(link, 1)));
	return 0;
}

static int life_sockets(struct life *l)
{
	struct weft_sockaddr tcp = sockaddr("10.0.1.2:80"), udp = sockaddr("10.0.0.2:53");
	int err;

	TRY(weft_socket(l->b, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &l->listener));
	TRY(weft_bind(l->listener, &tcp));
	TRY(weft_listen(l->listener, 4));
	TRY(weft_socket(l->b, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &l->udp_b));
	TRY(weft_bind(l->udp_b, &udp));
	TRY(weft_socket(l->a, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &l->udp_a));
	TRY(weft_connect(l->udp_a, &udp));
	TRY(weft_socket(l->a, WEFT_AF_INET, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP, &l->ping));
	TRY(weft_connect(l->ping, &udp));
	TRY(weft_socket(l->a, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &l->client.s));
	err = weft_connect(l->client.s, &tcp);
	return err == -EINPROGRESS ? 0 : life_err(l, err);
}

/* Sends what fits, reads what is there, finishes when both are through. */
static void flow_step(struct life *l, struct flow *f)
{
	ptrdiff_t n = 1;

	if (!f->s || f->is_done)
		return;
	while (f->n_sent < BYTES && n > 0) {
		for (size_t i = 0; i < 5000; i++)
			l->buf[i] = (uint8_t)((f->n_sent + i) * 31 >> 3);
		n = BYTES - f->n_sent < 5000 ? (ptrdiff_t)(BYTES - f->n_sent) : 5000;
		n = weft_send(f->s, l->buf, (size_t)n, 0);
		assert_true(n > 0 || n == -EAGAIN || l->for_good);
		f->n_sent += n > 0 ? (size_t)n : 0;
	}
	if (f->n_sent == BYTES && !f->is_shut)
		f->is_shut = weft_shutdown(f->s, WEFT_SHUT_WR) == 0;
	while ((n = weft_recv(f->s, l->buf, BYTES, 0)) > 0) {
		for (size_t i = 0; i < (size_t)n; i++)
			assert_int_equal(l->buf[i], (uint8_t)((f->n_rcvd + i) * 31 >> 3));
		f->n_rcvd += (size_t)n;
	}
	f->is_done = n == 0 && f->is_shut;
	assert_true(n == 0 || n == -EAGAIN || l->for_good);
}

/* Datagrams that memory cost are sent again. */
static void dgrams_step(struct life *l)
{
	static const uint8_t echo[64] = {8};
	struct weft_sockaddr from;

	if (!l->has_udp)
		(void)!weft_send(l->udp_a, "datagram", 8, 0);
	if (!l->has_ping)
		(void)!weft_send(l->ping, echo, sizeof(echo), 0);
	if (weft_recvfrom(l->udp_b, l->buf, BYTES, 0, &from) == 8)
		l->has_udp = true;
	if (weft_recv(l->ping, l->buf, BYTES, 0) == sizeof(echo))
		l->has_ping = true;
}

static void advance(struct life *l, int64_t ns)
{
	int64_t end_ns = l->now_ns + ns;

	while ((l->now_ns = weft_engine_next_ns(l->eng)) < end_ns)
		while (weft_engine_run(l->eng, l->now_ns))
			;
	l->now_ns = end_ns;
	while (weft_engine_run(l->eng, l->now_ns))
		;
}

static bool life_is_through(const struct life *l)
{
	return l->client.is_done && l->server.is_done && l->has_udp && l->has_ping && l->has_timer;
}

static void life_transfer(struct life *l)
{
	int max = l->for_good ? STEPS_FOR_GOOD : STEPS_MAX;

	for (int i = 0; i < max && !life_is_through(l); i++) {
		dgrams_step(l);
		if (!l->server.s)
			(void)!weft_accept(l->listener, &l->server.s, NULL);
		flow_step(l, &l->client);
		flow_step(l, &l->server);
		advance(l, STEP_MS * NS_PER_MS);
	}
	if (l->for_good)
		return;
	assert_true(life_is_through(l));
	assert_int_equal(l->client.n_rcvd, BYTES);
	assert_int_equal(l->server.n_rcvd, BYTES);
}

static void life_close(struct life *l)
{
	weft_close(l->client.s);
	weft_close(l->server.s);
	weft_close(l->listener);
	weft_close(l->udp_a);
	weft_close(l->udp_b);
	weft_close(l->ping);
	if (!l->for_good)
		advance(l, 100000 * NS_PER_MS);
}

/* From the beginning to the end, or to the first call that has no memory. */
static int life_live(struct life *l)
{
	TRY(life_hosts(l));
	TRY(life_net(l));
	TRY(life_sockets(l));
	life_transfer(l);
	life_close(l);
	return 0;
}

/* Returns the number of allocations. */
static uint64_t life(uint64_t fail_at, bool for_good)
{
	struct life *l = calloc(1, sizeof(*l));
	struct weft_engine_stats stats;
	uint64_t n;

	assert_non_null(l);
	l->fail_at = fail_at;
	l->for_good = for_good;
	if (life_live(l) == 0 && !for_good) {
		assert_int_equal(l->n_ended, 2);
		weft_engine_stats(l->eng, &stats);
		assert_int_equal(stats.pkts_used, 0);
		assert_int_equal(stats.bufs_used, 0);
	}
	weft_timer_free(l->timer);
	weft_stack_free(l->a);
	weft_stack_free(l->b);
	weft_capture_free(l->cap);
	weft_engine_free(l->eng);
	assert_int_equal(l->n_bytes, 0);
	n = l->n_allocs;
	free(l);
	return n;
}

static void every_single_allocation_may_fail(void **state UNUSED)
{
	uint64_t n = life(0, false);

	assert_true(n > 100);
	for (uint64_t i = 1; i <= n; i++)
		life(i, false);
}

static void memory_may_end_at_any_allocation(void **state UNUSED)
{
	uint64_t n = life(0, false);

	for (uint64_t i = 1; i <= n; i++)
		life(i, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_single_allocation_may_fail),
		cmocka_unit_test(memory_may_end_at_any_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
