/* SPDX-License-Identifier: MIT */
/*
 * Destinations that a router has sent to of late, and the neighbour through which: what
 * ip/fastfwd.h asks in the place of routes and neighbour cache. One of each family in a stack.
 *
 * How it works: an open hash table. An entry is in one of the DST_CACHE_WAYS places from that of
 * its hash on, so that a look-up ends after as many.
 *
 *	hash(addr) -> |.....|  a  |  b  |  c  |.....|.....|     DST_CACHE_WAYS 4
 *	                 ^     ^     ^     ^
 *
 * - An entry is valid while its generation is the stack's, as a struct ip_dst is: any change of
 *   routes, addresses, interfaces or neighbours' lifetime voids all of them at once. What may
 *   change without that (the neighbour's state, the interfaces' flags) is not in it.
 * - It holds only what follows from the destination alone. Sources are looked at each time.
 * - There is no memory for it before the first entry. When valid entries have to give way again and
 *   again it becomes four times as large, and so on up to DST_CACHE_MAX places (512 KiB).
 *   Without memory it stays as it is. With more destinations than that, some go the ordinary way.
 * - The hash is keyed. Who finds collisions all the same makes four destinations take turns, which
 *   is the ordinary way again and nothing worse.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct mem;
struct neigh;
struct siphash_key;

enum {
	DST_CACHE_WAYS = 4,
	DST_CACHE_MIN = 256, /* places; powers of two */
	DST_CACHE_MAX = 16384,
};

/* An address, or what addresses that go the same way begin with: ip/fastfwd.c knows which. */
struct dst_key {
	uint64_t hi, lo;
};

struct dst_entry {
	struct dst_key key;
	struct neigh *neigh; /* the next hop; packets leave by its interface */
	uint32_t gen;        /* 0: free */
	uint16_t hops[2];    /* hop codes of the route and of the interface */
};
static_assert(sizeof(struct dst_entry) == 32, "two in a cache line");

struct dst_cache {
	struct dst_entry *entries; /* DST_CACHE_WAYS - 1 more than there are places; NULL: none */
	uint64_t secret[2];
	uint32_t shift;    /* of a hash, to a place */
	uint32_t n_places; /* a power of two */
	uint32_t n_pushed; /* valid entries that have given way since the table has this size */
	uint8_t sizes;     /* of blocks that there may be entries of, as ip/fastfwd.c has them */
};

void dst_cache_fini(struct dst_cache *c, struct mem *mem);
/* Puts an entry in, or in the place of one of the same address. `secret` is the engine's. */
void dst_cache_put(struct dst_cache *c, struct mem *mem, const struct siphash_key *secret,
		   const struct dst_entry *entry);

static inline uint32_t dst_cache_place(const struct dst_cache *c, struct dst_key key)
{
	return (uint32_t)((((key.hi * c->secret[0]) ^ key.lo) * c->secret[1]) >> c->shift);
}

/* The valid entry of an address; NULL: none. There must be a table. */
static inline const struct dst_entry *dst_cache_find(const struct dst_cache *c, struct dst_key key,
						     uint32_t gen)
{
	const struct dst_entry *e = &c->entries[dst_cache_place(c, key)];

	for (int i = 0; i < DST_CACHE_WAYS; i++, e++)
		if (likely(e->key.lo == key.lo && e->key.hi == key.hi && e->gen == gen))
			return e;
	return NULL;
}
