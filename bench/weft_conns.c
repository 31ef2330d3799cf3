/* SPDX-License-Identifier: MIT */
/*
 * Connections: how fast they come and go, and what memory they take.
 *
 * crr: 64 clients at a time connect, send a byte, get one back, and see the server close first, so
 * that TIME-WAIT is where connections end in practice, at the server, with default settings.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_peer.h"
#include "weft_side.h"

enum {
	NS_PER_S = 1000000000,
	OPEN_BATCH = 500,
	PORTS = 20, /* an address has 28,232 ephemeral ports for each */
	TURN_CONNS = 64,
	TURN_BYTES = 1024, /* there, and back */
	TURN_STEP = 7919,  /* from a connection to the next one used */
};

struct crr {
	struct gauge *gauge;
	struct side_pair pair;
	struct weft_sockaddr to;
};

static void crr_open(struct crr *c);

static void on_crr_server(struct weft_sock *s, void *arg, uint32_t events)
{
	char byte;

	(void)arg;
	(void)events;
	if (weft_recv(s, &byte, 1, 0) != 1)
		return;
	if (weft_send(s, "b", 1, 0) != 1)
		die("a byte was not taken", -EAGAIN);
	weft_close(s);
}

static void on_crr_accept(struct weft_sock *listener, void *arg, uint32_t events)
{
	struct weft_sock *s;

	(void)events;
	while (weft_accept(listener, &s, NULL) == 0)
		weft_on_event(s, on_crr_server, arg);
}

/* The first event is that it is connected, the next ones are the byte and the end. */
static void on_crr_client(struct weft_sock *s, void *arg, uint32_t events)
{
	struct crr *c = arg;
	char byte;
	ptrdiff_t n;

	if (!(events & WEFT_IN)) {
		if (events & (WEFT_ERR | WEFT_HUP))
			die("client", -ECONNRESET);
		if (weft_send(s, "a", 1, 0) != 1)
			die("a byte was not taken", -EAGAIN);
		return;
	}
	while ((n = weft_recv(s, &byte, 1, 0)) == 1)
		gauge_add(&c->gauge->n_ops, 1);
	if (n == -EAGAIN)
		return;
	must((int)n, "client");
	weft_close(s);
	if (!gauge_is_stopping(c->gauge))
		crr_open(c);
}

static void crr_open(struct crr *c)
{
	struct weft_sock *s;
	int err;

	must(weft_socket(c->pair.st[0], WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s), "socket");
	weft_on_event(s, on_crr_client, c);
	err = weft_connect(s, &c->to);
	if (err != -EINPROGRESS)
		must(err, "connect");
}

void weft_crr(struct gauge *g, const void *arg)
{
	struct crr c = {.gauge = g};
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = BENCH_PORT};
	struct weft_sock *listener;

	(void)arg;
	side_pair_init(&c.pair);
	side_sockaddr(&c.to, "10.0.0.2", BENCH_PORT);
	must(weft_socket(c.pair.st[1], WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &listener), "socket");
	must(weft_bind(listener, &any), "bind");
	must(weft_listen(listener, CRR_OUTSTANDING), "listen");
	weft_on_event(listener, on_crr_accept, &c);
	for (int i = 0; i < CRR_OUTSTANDING; i++)
		crr_open(&c);
	gauge_ready(g);
	while (!gauge_is_stopping(g))
		side_run(c.pair.eng);
	side_pair_fini(&c.pair);
}

/* --- memory --- */

struct conns {
	struct side_pair pair;
	struct weft_sock *listeners[2][PORTS];
	struct weft_sock **socks; /* clients, then those that were accepted */
	uint32_t n, n_accepted, n_echoed;
	struct gauge *gauge; /* of the curve */
};

static void conns_run(struct conns *c, int64_t ns)
{
	int64_t end_ns = weft_io_now_ns() + ns;
	bool has_more;

	do
		has_more = weft_engine_run(c->pair.eng, weft_io_now_ns());
	while (has_more || weft_io_now_ns() < end_ns);
}

static void conns_listen(struct conns *c)
{
	for (int ip6 = 0; ip6 < 2; ip6++) {
		for (int i = 0; i < PORTS; i++) {
			uint8_t family = ip6 ? WEFT_AF_INET6 : WEFT_AF_INET;
			struct weft_sockaddr any = {.addr.family = family,
						    .port = (uint16_t)(BENCH_PORT + i)};
			struct weft_sock **s = &c->listeners[ip6][i];

			must(weft_socket(c->pair.st[1], family, WEFT_SOCK_STREAM, 0, s), "socket");
			if (ip6) {
				int one = 1;

				must(weft_setsockopt(*s, WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY, &one,
						     sizeof(one)),
				     "IPV6_V6ONLY");
			}
			must(weft_bind(*s, &any), "bind");
			must(weft_listen(*s, OPEN_BATCH), "listen");
		}
	}
}

static void conns_accept(struct conns *c)
{
	for (int i = 0; i < 2 * PORTS; i++) {
		struct weft_sock *s;

		while (weft_accept(c->listeners[i / PORTS][i % PORTS], &s, NULL) == 0)
			c->socks[c->n + c->n_accepted++] = s;
	}
}

/* The first two find the neighbours, for which few packets may wait. */
static void conns_open(struct conns *c)
{
	struct weft_sockaddr to[2];

	side_sockaddr(&to[0], "10.0.0.2", BENCH_PORT);
	side_sockaddr(&to[1], "2001:db8::2", BENCH_PORT);
	for (uint32_t id = 0; id < c->n;) {
		uint32_t batch = id ? OPEN_BATCH : 2;
		uint32_t end = c->n - id < batch ? c->n : id + batch;

		for (; id < end; id++) {
			struct weft_sockaddr sa = to[id & 1];
			int err;

			sa.port = (uint16_t)(BENCH_PORT + id / 2 % PORTS);
			must(weft_socket(c->pair.st[0], sa.addr.family, WEFT_SOCK_STREAM, 0,
					 &c->socks[id]),
			     "socket");
			err = weft_connect(c->socks[id], &sa);
			if (err != -EINPROGRESS)
				must(err, "connect");
		}
		conns_run(c, 0);
		conns_accept(c);
	}
	for (int i = 0; i < 100 && c->n_accepted < c->n; i++) {
		conns_run(c, NS_PER_S / 100);
		conns_accept(c);
	}
	if (c->n_accepted < c->n)
		die("connections were not accepted", -ETIMEDOUT);
}

static void on_mem_server(struct weft_sock *s, void *arg, uint32_t events)
{
	char byte;

	(void)arg;
	(void)events;
	while (weft_recv(s, &byte, 1, 0) == 1)
		if (weft_send(s, &byte, 1, 0) != 1)
			die("a byte was not taken", -EAGAIN);
}

static void on_mem_client(struct weft_sock *s, void *arg, uint32_t events)
{
	struct conns *c = arg;
	char byte;

	(void)events;
	while (weft_recv(s, &byte, 1, 0) == 1)
		c->n_echoed++;
}

/* A byte there and back on each, a batch at a time. */
static void conns_echo(struct conns *c)
{
	for (uint32_t i = 0; i < 2 * c->n; i++)
		weft_on_event(c->socks[i], i < c->n ? on_mem_client : on_mem_server, c);
	for (uint32_t at = 0; at < c->n; at += OPEN_BATCH) {
		uint32_t end = c->n - at < OPEN_BATCH ? c->n : at + OPEN_BATCH;

		for (uint32_t i = at; i < end; i++)
			if (weft_send(c->socks[i], "a", 1, 0) != 1)
				die("a byte was not taken", -EAGAIN);
		conns_run(c, 0);
	}
	if (c->n_echoed != c->n)
		die("not every connection echoes", -EIO);
}

void weft_mem_conn(uint32_t n_conns)
{
	struct conns c = {.n = n_conns};
	uint64_t rss;
	int64_t start_ns, took_ns;
	double bytes;

	side_pair_init(&c.pair);
	c.socks = calloc(n_conns, 2 * sizeof(*c.socks));
	if (!c.socks)
		die("memory", -ENOMEM);
	memset(c.socks, 0, 2 * sizeof(*c.socks) * n_conns);
	conns_run(&c, 3 * (int64_t)NS_PER_S); /* addresses are no longer tentative */
	conns_listen(&c);
	rss = side_rss_bytes();
	start_ns = weft_io_now_ns();
	conns_open(&c);
	took_ns = weft_io_now_ns() - start_ns;
	conns_run(&c, NS_PER_S / 2); /* delayed acknowledgements have gone */
	bytes = (double)(side_rss_bytes() - rss) / n_conns / 2;
	conns_echo(&c);
	printf("{\"value\": %.6g, \"bytes\": %.1f, \"endpoints\": %u, \"seconds\": %.3f, "
	       "\"cpu_s\": "
	       "%.3f}\n",
	       1e9 / bytes, bytes, 2 * n_conns, (double)took_ns / NS_PER_S,
	       (double)took_ns / NS_PER_S);
	free(c.socks);
	side_pair_fini(&c.pair);
}

/* --- many that are used in turn --- */

static void on_turn_server(struct weft_sock *s, void *arg, uint32_t events)
{
	uint8_t buf[TURN_BYTES];

	(void)arg;
	(void)events;
	while (weft_recv(s, buf, sizeof(buf), 0) == TURN_BYTES)
		if (weft_send(s, buf, sizeof(buf), 0) != TURN_BYTES)
			die("a message was not taken", -EAGAIN);
}

static void on_turn_client(struct weft_sock *s, void *arg, uint32_t events)
{
	struct conns *c = arg;
	uint8_t buf[TURN_BYTES];

	(void)events;
	while (weft_recv(s, buf, sizeof(buf), 0) == TURN_BYTES) {
		gauge_add(&c->gauge->n_ops, 1);
		gauge_add(&c->gauge->n_bytes, 2 * TURN_BYTES);
	}
}

/* Far from each other, so that none is found in a cache because its neighbour was used. */
static void turns_run(struct conns *c)
{
	static const uint8_t message[TURN_BYTES];
	uint32_t n_turn = c->n < TURN_CONNS ? c->n : TURN_CONNS, at = 0;

	while (!gauge_is_stopping(c->gauge)) {
		for (uint32_t i = 0; i < n_turn; i++, at = (at + TURN_STEP) % c->n)
			if (weft_send(c->socks[at], message, TURN_BYTES, 0) != TURN_BYTES)
				die("a message was not taken", -EAGAIN);
		conns_run(c, 0);
	}
}

void weft_conns(struct gauge *g, const void *arg)
{
	struct conns c = {.n = *(const uint32_t *)arg, .gauge = g};
	struct setup setup;

	side_pair_init(&c.pair);
	c.socks = calloc(c.n, 2 * sizeof(*c.socks));
	if (!c.socks)
		die("memory", -ENOMEM);
	conns_listen(&c);
	setup_start(&setup);
	conns_open(&c);
	setup_end(&setup, g);
	for (uint32_t i = 0; i < 2 * c.n; i++)
		weft_on_event(c.socks[i], i < c.n ? on_turn_client : on_turn_server, &c);
	conns_run(&c, 0); /* each is told once that it can send */
	gauge_ready(g);
	turns_run(&c);
	free(c.socks);
	side_pair_fini(&c.pair);
}
