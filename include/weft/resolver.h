/* SPDX-License-Identifier: MIT */
/*
 * Names by asking DNS servers: a stub resolver on any network (weft/net.h). A stack that is given
 * one with weft_stack_resolver_set() answers net->ops->resolve with it; on the host, where
 * getaddrinfo(3) does that, an application makes one to ask servers of its own choice.
 *
 * What it does, and what it defends against, is in doc/resolver.md.
 */
#pragma once

#include "weft/net.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weft_resolver;
struct weft_resolver_ask; /* a question under way */

enum {
	WEFT_RESOLVER_SERVERS_MAX = 8,
	WEFT_RESOLVER_SEARCH_MAX = 8,
	WEFT_RESOLVER_ADDRS_MAX = 16, /* of a name and family; more are left out */
};

/* All zero with one server is fine. */
struct weft_resolver_config {
	const struct weft_sockaddr *servers; /* port 0: 53; in order of preference */
	size_t n_servers;                    /* at most WEFT_RESOLVER_SERVERS_MAX */
	/* Also the servers and domains of router advertisements (RFC 8106), after those here. Of a
	 * stack's resolver only. */
	bool with_advertised;
	const char *const *search; /* domains that are tried behind a name; copied */
	size_t n_search;           /* at most WEFT_RESOLVER_SEARCH_MAX */
	uint32_t ndots;            /* a name with so many dots is tried as it is first; 0: 1 */
	int64_t timeout_ns;        /* of the first try, doubled with each round; 0: 2 s */
	uint32_t rounds;           /* over all servers before it gives up; 0: 3; at most 10 */
	uint32_t cache_entries;    /* answers kept; 0: 256 */
	bool no_cache;
	bool rotate;     /* each question begins with another server */
	bool mixed_case; /* names in random case, which answers must repeat: more to be guessed */
	bool always_tcp;
};

/* The network and its engine outlive the resolver. 0; -EINVAL: too many, a server without address,
 * no server (and none can be advertised), a search domain that is no name; -ENOMEM. */
WEFT_API int weft_resolver_new(const struct weft_net *net, const struct weft_resolver_config *cfg,
			       struct weft_resolver **ret);
/* Ends its questions without a call. Not from one of its callbacks. NULL is fine. */
WEFT_API void weft_resolver_free(struct weft_resolver *r);
/* Asks for the addresses of a name: A, AAAA or both (`family` WEFT_AF_UNSPEC), through the search
 * list unless the name ends with a dot. `fn` is called once, later, as weft_resolve_fn says, and
 * the question is gone then. -EINVAL: no name; -EAGAIN: too many questions; -ENOMEM. */
WEFT_API int weft_resolver_ask(struct weft_resolver *r, const char *name, int family,
			       weft_resolve_fn *fn, void *arg, struct weft_resolver_ask **ret);
/* `fn` is not called. NULL is fine. */
WEFT_API void weft_resolver_cancel(struct weft_resolver_ask *ask);
/* Forgets what it has learnt. */
WEFT_API void weft_resolver_flush(struct weft_resolver *r);

struct weft_resolver_stats {
	uint64_t n_asked;    /* of weft_resolver_ask() */
	uint64_t n_cached;   /* names and types that the cache knew */
	uint64_t n_sent;     /* queries to servers, TCP included */
	uint64_t n_tcp;      /* of them, over TCP */
	uint64_t n_timeouts; /* tries without an answer in time */
	uint64_t n_errors;   /* tries ended by an error of the network or the server */
	uint64_t n_refused;  /* messages that were no answer to the question: late, broken or forged
			      */
	uint32_t n_entries;  /* in the cache */
	uint32_t n_waiting;  /* questions under way */
};
WEFT_API void weft_resolver_stats(const struct weft_resolver *r, struct weft_resolver_stats *ret);

/* The stack's resolver from now on, in place of an earlier one, whose questions end with -EAGAIN;
 * `cfg` NULL: none. Addresses, names of weft_stack_host_add() and "localhost" are answered before.
 * As weft_resolver_new(). Not from a callback of a question. */
WEFT_API int weft_stack_resolver_set(struct weft_stack *st, const struct weft_resolver_config *cfg);
/* NULL: it has none. */
WEFT_API struct weft_resolver *weft_stack_resolver(struct weft_stack *st);

#ifdef __cplusplus
}
#endif
