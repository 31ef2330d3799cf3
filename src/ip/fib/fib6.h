/* SPDX-License-Identifier: MIT */
/*
 * The IPv6 forwarding table: longest-prefix match, then lowest metric.
 *
 * How it works
 * - A binary trie with its paths compressed (Morrison's PATRICIA, 1968): a node is there for every
 *   prefix that has a route, and for every place where two such prefixes part. So there are at most
 *   two nodes a prefix, whatever the length of the addresses, and a host's table of a dozen routes
 *   is some four nodes deep.
 *
 *	              ::/0
 *	             /    \
 *	  2001:db8::/32    fe80::/10 (fork)
 *	      |             /       \
 *	2001:db8:1::/48  fe80::/64  ff00::/8
 *
 *   Invariants: the prefix of a node begins with that of its parent and is longer; a node without
 *   routes has two children.
 *
 * - Routes of one prefix form a chain, lowest metric first, then in the order of adding. A route
 *   whose interface is down is dead: it stays in the chain, but `best` of its node is the first
 *   that is alive, so a lookup falls back to shorter prefixes by itself.
 * - Adding may fail for want of memory and leaves no trace then. Deleting cannot fail.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "ip/fib/route.h"
#include "wire/addr.h"

struct mem;
struct netif;

struct fib6_route {
	struct fib6_route *next; /* of the same prefix */
	struct netif *netif;     /* leaves by; NULL: a route of a refusing type */
	struct ip6_addr dst;     /* bits beyond prefix_len are zero */
	struct ip6_addr via;     /* gateway; unspecified: the destination is on the link */
	struct ip6_addr src;     /* preferred source; unspecified: selected */
	uint32_t metric;
	uint8_t prefix_len;
	uint8_t type;     /* enum route_type */
	uint8_t proto;    /* enum route_proto or a daemon's number */
	uint8_t scope;    /* enum route_scope; IPv6 shows none but the universe's */
	uint8_t pref;     /* RFC 4191 §2.1, two bits: 0 medium, 1 high, 3 low */
	bool is_dead;     /* its interface is down; never set on local routes */
	int64_t until_ns; /* when its owner takes it away, for those who look; 0, INT64_MAX: never
			   */
	struct route_metrics metrics;
};

struct fib6_node;

struct fib6 {
	struct mem *mem;
	struct fib6_node *root; /* NULL: empty */
	uint32_t n_routes;
};

void fib6_init(struct fib6 *fib, struct mem *mem);
void fib6_fini(struct fib6 *fib);

/* The best route in use for `dst`; NULL: none. Valid until the table changes. */
const struct fib6_route *fib6_lookup(const struct fib6 *fib, const struct ip6_addr *dst);
/* How many bits of `dst` decide that: for all addresses that begin with these the look-up finds the
 * same. */
unsigned int fib6_span(const struct fib6 *fib, const struct ip6_addr *dst);
/* The same among routes that leave by `netif` and routes of refusing types. */
const struct fib6_route *fib6_lookup_netif(const struct fib6 *fib, const struct ip6_addr *dst,
					   const struct netif *netif);

/* What adding looks at when the prefix has routes already. */
enum fib6_add {
	FIB6_EXCLUSIVE, /* none may have the same metric (`ip route add`) */
	FIB6_APPEND,    /* none may be the same in everything: connected routes */
};
/*
 * Adds a copy of `r` (`next` ignored; host bits of `dst` must be zero).
 * 0, -EEXIST, -ENOMEM, -EINVAL (host bits, prefix longer than 128).
 */
int fib6_add(struct fib6 *fib, const struct fib6_route *r, enum fib6_add how) MUST_CHECK;

/* Which of a prefix's routes is meant; a zero or NULL field that is not said to matter does not. */
struct fib6_key {
	struct ip6_addr dst;
	uint8_t prefix_len;
	bool has_metric;
	uint32_t metric;
	uint8_t type;        /* 0: any */
	uint8_t proto;       /* 0: any */
	struct netif *netif; /* NULL: any */
	struct ip6_addr via; /* unspecified: any */
	struct ip6_addr src; /* unspecified: any */
};
/* Deletes the first route that `key` fits. 0, or -ESRCH. */
int fib6_del(struct fib6 *fib, const struct fib6_key *key);
/* The first route that `key` fits, in use or not; NULL: none. */
const struct fib6_route *fib6_find(const struct fib6 *fib, const struct fib6_key *key);

/* The interface was set up or down: its routes, except local ones, come alive or die. */
void fib6_netif_set_up(struct fib6 *fib, const struct netif *netif, bool up);
/* Deletes all routes through `netif`. */
void fib6_netif_del(struct fib6 *fib, const struct netif *netif);
/* Deletes the routes that name `src` as their source, which is no longer ours. */
void fib6_src_del(struct fib6 *fib, const struct ip6_addr *src);

/* Calls `fn` for every route, by address, then prefix length, then in order of preference, until it
 * returns false. `fn` must not change the table. */
void fib6_for_each(const struct fib6 *fib, bool (*fn)(void *arg, const struct fib6_route *r),
		   void *arg);
