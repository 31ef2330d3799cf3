/* SPDX-License-Identifier: MIT */
/*
 * Hosts through the public API alone, in virtual time:
 *
 *	client 10.0.0.1/24 eth0 ---- eth0 10.0.0.2/24 server
 *
 *	struct world w;
 *	world_start(&w);
 *	struct weft_sock *s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
 *	world_settle(&w);                       runs what is due now
 *	world_end(&w);                          frees all; every pool is at zero
 */
#pragma once

#include <errno.h>
#include <stdio.h>

#include "unit.h"
#include "weft/weft.h"

struct world {
	struct weft_engine *eng;
	struct weft_stack *client, *server;
	struct weft_netif *client_if, *server_if;
};

/* An address "10.0.0.1:80". */
static inline struct weft_sockaddr world_at(const char *text)
{
	struct weft_sockaddr sa;

	assert_int_equal(weft_sockaddr_parse(text, &sa), 0);
	return sa;
}

static inline struct weft_addr world_addr(const char *text)
{
	struct weft_addr addr;

	assert_int_equal(weft_addr_parse(text, &addr), 0);
	return addr;
}

static inline void world_start(struct world *w)
{
	const struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct weft_addr a = world_addr("10.0.0.1"), b = world_addr("10.0.0.2");

	assert_int_equal(weft_engine_new(&cfg, &w->eng), 0);
	assert_int_equal(weft_stack_new(w->eng, "client", &w->client), 0);
	assert_int_equal(weft_stack_new(w->eng, "server", &w->server), 0);
	assert_int_equal(
		weft_veth_new(w->client, "eth0", w->server, "eth0", &w->client_if, &w->server_if),
		0);
	assert_int_equal(weft_addr_add(w->client_if, &a, 24), 0);
	assert_int_equal(weft_addr_add(w->server_if, &b, 24), 0);
}

static inline void world_settle(struct world *w)
{
	int64_t now_ns = weft_engine_now_ns(w->eng);

	while (weft_engine_run(w->eng, now_ns) || weft_engine_next_ns(w->eng) <= now_ns)
		;
}

/* Lets `ns` pass, stopping at every deadline on the way. */
static inline void world_advance(struct world *w, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(w->eng) + ns;

	world_settle(w);
	for (int64_t next_ns; (next_ns = weft_engine_next_ns(w->eng)) <= end_ns;)
		(void)weft_engine_run(w->eng, next_ns);
	(void)weft_engine_run(w->eng, end_ns);
	world_settle(w);
}

static inline void world_end(struct world *w)
{
	struct weft_engine_stats stats;

	weft_stack_free(w->client);
	weft_stack_free(w->server);
	weft_engine_stats(w->eng, &stats);
	assert_int_equal(stats.pkts_used, 0);
	assert_int_equal(stats.bufs_used, 0);
	assert_int_equal(stats.n_timers, 0);
	weft_engine_free(w->eng);
}

static inline struct weft_sock *world_socket(struct weft_stack *st, int type, int protocol)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, WEFT_AF_INET, type, protocol, &s), 0);
	return s;
}

/* A datagram socket of `st` at an address. */
static inline struct weft_sock *world_bound(struct weft_stack *st, const char *at)
{
	struct weft_sock *s = world_socket(st, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr sa = world_at(at);

	assert_int_equal(weft_bind(s, &sa), 0);
	return s;
}
