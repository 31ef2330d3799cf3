/* SPDX-License-Identifier: MIT */
/*
 * The IPv4 forwarding table: longest-prefix match, then lowest metric.
 *
 * How it works
 * - A tree bitmap (Eatherton, Varghese and Dittia, 2004): a trie that consumes six address bits a
 *   node, so that a lookup visits at most six nodes. A node keeps its 63 possible prefixes (0 to 5
 *   bits) as a bitmap in heap order (bit 1 is the empty prefix, the children of bit i are 2i and
 *   2i+1) and its 64 possible children as another; both point into dense arrays, indexed by
 *   counting the bits below. A node is 48 bytes whatever its fan-out: a host's table takes about a
 *   kilobyte, a full Internet table some 100 bytes a prefix with its route.
 *
 *	address bits   0-5      6-11     12-17    18-23    24-29    30-31
 *	              root ---> node --> node --> node --> node --> node
 *	prefix len     0-5      6-11     12-17    18-23    24-29    30-32
 *
 * - Routes of one prefix form a chain, lowest metric first, then in the order of adding. A route
 *   whose interface does not run is dead: it stays in the chain, but `live` has a prefix's bit only
 *   while some route of it is alive, so a lookup falls through to shorter prefixes by itself.
 * - Adding may fail for want of memory and leaves no trace then. Deleting cannot fail.
 *
 * RFC 1812 §5.2.4.3: longest match; RFC 4632.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "ip/fib/route.h"
#include "wire/addr.h"

struct mem;
struct netif;

struct fib4_route {
	struct fib4_route *next; /* of the same prefix */
	struct netif *netif;     /* leaves by; NULL: a route of a refusing type */
	struct ip4_addr dst;     /* bits beyond prefix_len are zero */
	struct ip4_addr via;     /* gateway; unspecified: the destination is on the link */
	struct ip4_addr src;     /* preferred source; unspecified: selected by address */
	uint32_t metric;
	uint8_t prefix_len;
	uint8_t type;  /* enum route_type */
	uint8_t proto; /* enum route_proto or a daemon's number */
	uint8_t scope; /* enum route_scope */
	bool is_dead;  /* its interface is down; never set on local routes */
	struct route_metrics metrics;
};

struct fib4_node {
	uint64_t live;     /* prefixes that have a route in use */
	uint64_t present;  /* prefixes that have a route */
	uint64_t children; /* by the next six bits */
	struct fib4_node *nodes;
	struct fib4_route **routes; /* heads of chains */
	uint8_t nodes_cap;          /* room in `nodes`: at most 64 */
	uint8_t routes_cap;
};

struct fib4 {
	struct mem *mem;
	struct fib4_node root;
	uint32_t n_routes;
};

void fib4_init(struct fib4 *fib, struct mem *mem);
void fib4_fini(struct fib4 *fib);

/* The best route in use for `dst`; NULL: none. Valid until the table changes. */
const struct fib4_route *fib4_lookup(const struct fib4 *fib, struct ip4_addr dst);
/* How many bits of `dst` decide that, or a few more: for all addresses that begin with these the
 * look-up finds the same. */
unsigned int fib4_span(const struct fib4 *fib, struct ip4_addr dst);
/* The same among routes that leave by `netif` and routes of refusing types. */
const struct fib4_route *fib4_lookup_netif(const struct fib4 *fib, struct ip4_addr dst,
					   const struct netif *netif);

/* What adding looks at when the prefix has routes already. */
enum fib4_add {
	FIB4_EXCLUSIVE, /* none may have the same metric (`ip route add`) */
	FIB4_APPEND,    /* none may be the same in everything: connected routes */
};
/*
 * Adds a copy of `r` (`next` ignored; host bits of `dst` must be zero).
 * 0, -EEXIST, -ENOMEM, -EINVAL (host bits, prefix longer than 32).
 */
int fib4_add(struct fib4 *fib, const struct fib4_route *r, enum fib4_add how) MUST_CHECK;

/* Which of a prefix's routes is meant; a zero or NULL field that is not said to matter does not. */
struct fib4_key {
	struct ip4_addr dst;
	uint8_t prefix_len;
	bool has_metric;
	uint32_t metric;
	uint8_t type;        /* 0: any */
	uint8_t proto;       /* 0: any */
	struct netif *netif; /* NULL: any */
	struct ip4_addr via; /* unspecified: any */
	struct ip4_addr src; /* unspecified: any */
};
/* Deletes the first route that `key` fits. 0, or -ESRCH. */
int fib4_del(struct fib4 *fib, const struct fib4_key *key);
/* The first route that `key` fits, in use or not; NULL: none. */
const struct fib4_route *fib4_find(const struct fib4 *fib, const struct fib4_key *key);

/* The interface was set up or down: its routes, except local ones, come alive or die. A carrier
 * that comes and goes changes nothing, as in Linux (ignore_routes_with_linkdown 0): what is sent
 * there is lost silently, as behind a cable that is cut. */
void fib4_netif_set_up(struct fib4 *fib, const struct netif *netif, bool up);
/* Deletes all routes through `netif`. */
void fib4_netif_del(struct fib4 *fib, const struct netif *netif);
/* Deletes the routes that name `src` as their source, which is no longer ours. */
void fib4_src_del(struct fib4 *fib, struct ip4_addr src);

/* Calls `fn` for every route, by address, then prefix length, then in order of preference, until it
 * returns false. `fn` must not change the table. */
void fib4_for_each(const struct fib4 *fib, bool (*fn)(void *arg, const struct fib4_route *r),
		   void *arg);
