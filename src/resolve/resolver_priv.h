/* SPDX-License-Identifier: MIT */
/*
 * A resolver's parts:
 *
 *	ask (resolve_ask.c)      what an application asked: a name, through the search list, in
 *	                         one or two types; each type is a `half`
 *	query (resolve_query.c)  one name and type that is being asked of servers; several halves
 *	                         may wait for it, since the same question twice at a time would
 *	                         double a forger's chances (RFC 5452 §5)
 *	cache (resolve_cache.c)  answers, positive and negative, until their time is over
 *
 * Nothing is answered from inside a call of the application: what is known at once waits for the
 * ask's timer.
 */
#pragma once

#include "api/api_priv.h"
#include "base/hash.h"
#include "base/htab.h"
#include "base/list.h"
#include "base/mem.h"
#include "resolve/resolve_answer.h"
#include "weft/engine.h"
#include "weft/resolver.h"

enum {
	RESOLVER_ASKS_MAX = 1024,
	RESOLVER_QUERIES_MAX = 512,
	RESOLVER_ROUNDS_MAX = 10,
	RESOLVER_FOREIGN_MAX = 8,  /* messages that are no answer, before TCP is used instead */
	RESOLVER_UDP_BYTES = 1232, /* that we say we take: no fragments on any path */
};

struct resolver_server {
	struct weft_sockaddr at;
	bool no_edns; /* it has refused that */
};

struct resolver_cache {
	struct htab entries; /* by name and type */
	struct list by_age;  /* the one that was used longest ago is first */
	struct siphash_key key;
	struct mem *mem;
	uint32_t max;
};

struct weft_resolver {
	struct weft_net net;
	struct mem *mem;
	struct weft_stack *st; /* NULL: it is not a stack's */
	struct resolver_cache cache;
	struct list asks, queries;
	uint32_t n_asks, n_queries;
	struct resolver_server servers[WEFT_RESOLVER_SERVERS_MAX];
	struct dns_name search[WEFT_RESOLVER_SEARCH_MAX];
	uint32_t n_servers, n_search;
	uint32_t n_servers_own, n_search_own; /* without those that were advertised */
	uint32_t first;                       /* the server to begin with */
	uint32_t ndots, rounds;
	int64_t timeout_ns;
	bool with_advertised, rotate, mixed_case, always_tcp;
	struct weft_resolver_stats stats;
};

struct query;

struct half {
	struct list link; /* query.waiters, or none */
	struct weft_resolver_ask *ask;
	struct query *query; /* NULL: it is not being asked */
	uint16_t type;       /* of records */
	bool is_done;
	struct resolved res;
};

/* Starts or joins the query for a name and type; the half is told with ask_half_done(). -EAGAIN,
 * -ENOMEM. */
int query_join(struct weft_resolver *r, const struct dns_name *name, uint16_t type,
	       struct half *h) MUST_CHECK;
/* The half waits no more; a query for which nobody waits ends. */
void query_leave(struct half *h);
/* All of them; `has_sockets` false: the network is gone, and with it their sockets. */
void queries_free(struct weft_resolver *r, bool has_sockets);
void ask_half_done(struct half *h, const struct resolved *res);
/* Nobody is told. */
void asks_free(struct weft_resolver *r);
/* Servers and domains as routers say them now, if that is asked for. */
void resolver_advertised_take(struct weft_resolver *r);

int resolver_cache_init(struct resolver_cache *c, struct weft_engine *eng, struct mem *mem,
			uint32_t max) MUST_CHECK;
void resolver_cache_fini(struct resolver_cache *c);
void resolver_cache_flush(struct resolver_cache *c);
/* True: `ret`. */
bool resolver_cache_get(struct resolver_cache *c, const struct dns_name *name, uint16_t type,
			int64_t now_ns, struct resolved *ret);
/* Keeps an answer as long as its TTL says; at the bound the one that was not used for longest goes.
 * Without memory it is not kept. */
void resolver_cache_put(struct resolver_cache *c, const struct dns_name *name, uint16_t type,
			int64_t now_ns, const struct resolved *res);
