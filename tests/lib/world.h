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
 *	world_end(&w);                          frees all; every pool is at zero, no byte is left
 *
 * In a test that in_both_families() runs, 10.A.B.C is 2001:db8:0:AB::C the second time, 0.0.0.0 and
 * 127.0.0.1 are :: and ::1, and sockets are of that family.
 */
#pragma once

#include <errno.h>
#include <stdio.h>

#include "unit.h"
#include "weft/weft.h"

#define WORLD_MSEC INT64_C(1000000)
#define WORLD_SEC  (1000 * WORLD_MSEC)

struct world {
	uint64_t n_bytes;  /* that the engine has allocated */
	uint64_t n_allocs; /* ever: new blocks, and blocks that grew or shrank */
	int allocs_left;   /* before they fail; -1: they do not */
	struct weft_engine *eng;
	struct weft_stack *client, *server;
	struct weft_netif *client_if, *server_if;
};

static bool world_is_ip6 UNUSED;

static inline int world_ip6_begin(void **state UNUSED)
{
	world_is_ip6 = true;
	return 0;
}

static inline int world_ip6_end(void **state UNUSED)
{
	world_is_ip6 = false;
	return 0;
}

/* Of a test without set-up of its own. */
#define in_both_families(name)                                            \
	{#name "_ipv4", name, NULL, NULL, NULL},                          \
	{                                                                 \
#name "_ipv6", name, world_ip6_begin, world_ip6_end, NULL \
	}

static inline struct weft_addr world_family(struct weft_addr a)
{
	static const uint8_t any[4], lo[4] = {127, 0, 0, 1};
	struct weft_addr six = {.family = WEFT_AF_INET6, .bytes = {0x20, 1, 0x0d, 0xb8}};

	if (!world_is_ip6 || a.family != WEFT_AF_INET)
		return a;
	if (!memcmp(a.bytes, any, 4))
		return (struct weft_addr){.family = WEFT_AF_INET6};
	if (!memcmp(a.bytes, lo, 4))
		return (struct weft_addr){.family = WEFT_AF_INET6, .bytes = {[15] = 1}};
	if (a.bytes[0] != 10)
		return a;
	six.bytes[6] = a.bytes[1];
	six.bytes[7] = a.bytes[2];
	six.bytes[15] = a.bytes[3];
	return six;
}

/* An address "10.0.0.1:80". */
static inline struct weft_sockaddr world_at(const char *text)
{
	struct weft_sockaddr sa;

	assert_int_equal(weft_sockaddr_parse(text, &sa), 0);
	sa.addr = world_family(sa.addr);
	return sa;
}

static inline struct weft_addr world_addr(const char *text)
{
	struct weft_addr addr;

	assert_int_equal(weft_addr_parse(text, &addr), 0);
	return world_family(addr);
}

static inline void *world_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct world *w = ctx;

	if (new_bytes && w->allocs_left == 0)
		return NULL;
	if (new_bytes && w->allocs_left > 0)
		w->allocs_left--;
	w->n_bytes += new_bytes - old_bytes;
	w->n_allocs += new_bytes > 0;
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

/* No IPv6 address is asked about, no router looked for: tests of that switch it on. */
static inline void world_quiet(struct weft_stack *st)
{
	assert_int_equal(weft_stack_set(st, "net.ipv6.conf.all.accept_dad", 0), 0);
	assert_int_equal(weft_stack_set(st, "net.ipv6.conf.all.accept_ra", 0), 0);
}

static inline void world_start(struct world *w)
{
	const struct weft_engine_config cfg = {
		.has_seed = true, .seed = 1, .realloc = world_realloc, .mem_ctx = w};
	struct weft_addr a = world_addr("10.0.0.1"), b = world_addr("10.0.0.2");

	*w = (struct world){.allocs_left = -1};
	assert_int_equal(weft_engine_new(&cfg, &w->eng), 0);
	assert_int_equal(weft_stack_new(w->eng, "client", &w->client), 0);
	assert_int_equal(weft_stack_new(w->eng, "server", &w->server), 0);
	world_quiet(w->client);
	world_quiet(w->server);
	assert_int_equal(
		weft_veth_new(w->client, "eth0", w->server, "eth0", &w->client_if, &w->server_if),
		0);
	assert_int_equal(weft_addr_add(w->client_if, &a, world_is_ip6 ? 64 : 24), 0);
	assert_int_equal(weft_addr_add(w->server_if, &b, world_is_ip6 ? 64 : 24), 0);
}

/* After `n` more allocations they fail; -1: they do not any more. */
static inline void world_fail_after(struct world *w, int n)
{
	w->allocs_left = n;
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
	assert_int_equal(w->n_bytes, 0);
}

static inline struct weft_sock *world_socket(struct weft_stack *st, int type, int protocol)
{
	struct weft_sock *s;

	assert_int_equal(
		weft_socket(st, world_is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET, type, protocol, &s),
		0);
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

static inline struct weft_sock *world_bound_stream(struct weft_stack *st, const char *at)
{
	struct weft_sock *s = world_socket(st, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr sa = world_at(at);

	assert_int_equal(weft_bind(s, &sa), 0);
	return s;
}

static inline int world_connect(struct weft_sock *s, const char *to)
{
	struct weft_sockaddr sa = world_at(to);

	return weft_connect(s, &sa);
}

static inline ptrdiff_t world_sendto(struct weft_sock *s, const void *buf, size_t len,
				     const char *to)
{
	struct weft_sockaddr sa = world_at(to);

	return weft_sendto(s, buf, len, 0, &sa);
}

static inline void world_setopt(struct weft_sock *s, int level, int name, int v)
{
	assert_int_equal(weft_setsockopt(s, level, name, &v, sizeof(v)), 0);
}

static inline int world_getopt(struct weft_sock *s, int level, int name)
{
	size_t len = sizeof(int);
	int v;

	assert_int_equal(weft_getsockopt(s, level, name, &v, &len), 0);
	assert_int_equal(len, sizeof(v));
	return v;
}

/* SO_ERROR, which it clears. */
static inline int world_error(struct weft_sock *s)
{
	return world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR);
}

static inline void world_assert_at(const struct weft_sockaddr *sa, const char *want)
{
	char text[WEFT_SOCKADDR_STRLEN], wanted[WEFT_SOCKADDR_STRLEN];
	struct weft_sockaddr at;

	if (world_is_ip6) {
		at = world_at(want);
		want = weft_sockaddr_print(&at, wanted, sizeof(wanted));
	}
	assert_string_equal(weft_sockaddr_print(sa, text, sizeof(text)), want);
}
