/* SPDX-License-Identifier: MIT */
/* The IPv4 forwarding table; how it works is in fib4.h. */
#include "ip/fib/fib4.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "core/netif.h"

enum {
	STRIDE = 6,
	DEPTH_MAX = 6, /* nodes on a path: 32 bits in strides of 6 */
};

/* Heap bits of all prefixes of the five bits v: 1, 1x, 1xx … 1xxxxx. */
#define ANCESTORS(v)                                                       \
	(1ULL << 1 | 1ULL << (2 + ((v) >> 4)) | 1ULL << (4 + ((v) >> 3)) | \
	 1ULL << (8 + ((v) >> 2)) | 1ULL << (16 + ((v) >> 1)) | 1ULL << (32 + (v)))
#define ANCESTORS4(v) ANCESTORS(v), ANCESTORS((v) + 1), ANCESTORS((v) + 2), ANCESTORS((v) + 3)

static const uint64_t ancestors[32] = {
	ANCESTORS4(0),  ANCESTORS4(4),  ANCESTORS4(8),  ANCESTORS4(12),
	ANCESTORS4(16), ANCESTORS4(20), ANCESTORS4(24), ANCESTORS4(28),
};

/* Without -mpopcnt the builtin is a call; this is twelve instructions. */
static inline unsigned int popcount64(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned int)(v * 0x0101010101010101 >> 56);
}

/* Where the entry of `bit` is, or would be, in a dense array. */
static inline unsigned int rank(uint64_t map, unsigned int bit)
{
	return popcount64(map & ((1ULL << bit) - 1));
}

static inline unsigned int top_bit(uint64_t map)
{
	return 63 - (unsigned int)__builtin_clzll(map);
}

/* The address, left-aligned in 64 bits: the top six are the next stride, zeroes follow. */
static inline uint64_t key_of(struct ip4_addr a)
{
	return (uint64_t)ip4_addr_u32(&a) << 32;
}

static inline unsigned int key_chunk(uint64_t key)
{
	return (unsigned int)(key >> (64 - STRIDE));
}

/* The heap bit in its node of a prefix of which `len` (0 to 5) bits are left. */
static inline unsigned int prefix_bit(uint64_t key, unsigned int len)
{
	return 1u << len | (len ? (unsigned int)(key >> (64 - len)) : 0);
}

static inline const struct fib4_node *node_child(const struct fib4_node *n, unsigned int chunk)
{
	return n->children >> chunk & 1 ? &n->nodes[rank(n->children, chunk)] : NULL;
}

/* First route in use of a prefix whose `live` bit is set. */
static inline const struct fib4_route *node_live_route(const struct fib4_node *n, unsigned int bit)
{
	const struct fib4_route *r = n->routes[rank(n->present, bit)];

	while (unlikely(r->is_dead))
		r = r->next;
	return r;
}

const struct fib4_route *fib4_lookup(const struct fib4 *fib, struct ip4_addr dst)
{
	const struct fib4_node *n = &fib->root, *best = NULL;
	uint64_t key = key_of(dst), hits, best_hits = 0;

	for (; n; key <<= STRIDE) {
		hits = n->live & ancestors[key_chunk(key) >> 1];
		if (hits) {
			best = n;
			best_hits = hits;
		}
		n = node_child(n, key_chunk(key));
	}
	return best ? node_live_route(best, top_bit(best_hits)) : NULL;
}

unsigned int fib4_span(const struct fib4 *fib, struct ip4_addr dst)
{
	const struct fib4_node *n = &fib->root, *next;
	uint64_t key = key_of(dst);
	unsigned int bits = 0;

	while ((next = node_child(n, key_chunk(key)))) {
		n = next;
		key <<= STRIDE;
		bits += STRIDE;
	}
	if (n->children)
		bits += STRIDE;
	else if (n->live) /* the longest prefix: a heap has as many levels as the index has bits */
		bits += 31 - (unsigned int)__builtin_clz(top_bit(n->live));
	return bits < 32 ? bits : 32;
}

static const struct fib4_route *chain_find_netif(const struct fib4_route *r,
						 const struct netif *netif)
{
	for (; r; r = r->next)
		if (!r->is_dead && (r->netif == netif || !r->netif))
			return r;
	return NULL;
}

const struct fib4_route *fib4_lookup_netif(const struct fib4 *fib, struct ip4_addr dst,
					   const struct netif *netif)
{
	const struct fib4_node *path[DEPTH_MAX], *n = &fib->root;
	const struct fib4_route *r;
	uint64_t key = key_of(dst);
	int depth = 0;

	for (uint64_t k = key; n && depth < DEPTH_MAX; k <<= STRIDE) {
		path[depth++] = n;
		n = node_child(n, key_chunk(k));
	}
	while (depth-- > 0) {
		uint64_t k = key << STRIDE * depth;
		uint64_t hits = path[depth]->live & ancestors[key_chunk(k) >> 1];

		for (; hits; hits &= ~(1ULL << top_bit(hits))) {
			r = path[depth]->routes[rank(path[depth]->present, top_bit(hits))];
			r = chain_find_netif(r, netif);
			if (r)
				return r;
		}
	}
	return NULL;
}

/*
 * Dense arrays. `cap` is kept beside each, so that one which could not shrink is freed right.
 */

/* Opens a gap at `at` in an array of `n` elements of `size` bytes. */
static int array_insert(struct mem *mem, void **array, uint8_t *cap, unsigned int n,
			unsigned int at, size_t size)
{
	if (n == *cap) {
		unsigned int new_cap = n < 4 ? n + 1 : n < 32 ? n + n / 4 : 64;
		void *p = n ? mem_resize(mem, *array, n * size, new_cap * size)
			    : mem_alloc(mem, new_cap * size);

		if (!p)
			return -ENOMEM;
		*array = p;
		*cap = (uint8_t)new_cap;
	}
	memmove((char *)*array + (at + 1) * size, (char *)*array + at * size, (n - at) * size);
	return 0;
}

/* Closes the gap that the element at `at` leaves in an array of `n`. */
static void array_remove(struct mem *mem, void **array, uint8_t *cap, unsigned int n,
			 unsigned int at, size_t size)
{
	void *p;

	memmove((char *)*array + at * size, (char *)*array + (at + 1) * size, (n - at - 1) * size);
	if (n == 1) {
		mem_free(mem, *array, *cap * size);
		*array = NULL;
		*cap = 0;
	} else if (*cap >= 2 * n) {
		p = mem_resize(mem, *array, *cap * size, n * size);
		if (p) {
			*array = p;
			*cap = (uint8_t)n;
		}
	}
}

static bool node_is_empty(const struct fib4_node *n)
{
	return !n->present && !n->children;
}

/* The child for `chunk`, made if need be. NULL: no memory. */
static struct fib4_node *node_get_child(struct fib4 *fib, struct fib4_node *n, unsigned int chunk)
{
	unsigned int at = rank(n->children, chunk);
	void *array = n->nodes;

	if (n->children >> chunk & 1)
		return &n->nodes[at];
	if (array_insert(fib->mem, &array, &n->nodes_cap, popcount64(n->children), at,
			 sizeof(*n->nodes)))
		return NULL;
	n->nodes = array;
	n->nodes[at] = (struct fib4_node){0};
	n->children |= 1ULL << chunk;
	return &n->nodes[at];
}

static void node_del_child(struct fib4 *fib, struct fib4_node *n, unsigned int chunk)
{
	void *array = n->nodes;

	array_remove(fib->mem, &array, &n->nodes_cap, popcount64(n->children),
		     rank(n->children, chunk), sizeof(*n->nodes));
	n->nodes = array;
	n->children &= ~(1ULL << chunk);
}

/* Head of the chain for `bit`, made (empty) if need be. NULL: no memory. */
static struct fib4_route **node_get_slot(struct fib4 *fib, struct fib4_node *n, unsigned int bit)
{
	unsigned int at = rank(n->present, bit);
	void *array = n->routes;

	if (n->present >> bit & 1)
		return &n->routes[at];
	if (array_insert(fib->mem, &array, &n->routes_cap, popcount64(n->present), at,
			 sizeof(struct fib4_route *)))
		return NULL;
	n->routes = array;
	n->routes[at] = NULL;
	n->present |= 1ULL << bit;
	return &n->routes[at];
}

/* The chain of `bit` has changed: drops an empty one, sets whether any route is in use. */
static void node_update_slot(struct fib4 *fib, struct fib4_node *n, unsigned int bit)
{
	unsigned int at = rank(n->present, bit);
	const struct fib4_route *r = n->routes[at];
	void *array = n->routes;

	if (!r) {
		array_remove(fib->mem, &array, &n->routes_cap, popcount64(n->present), at,
			     sizeof(struct fib4_route *));
		n->routes = array;
		n->present &= ~(1ULL << bit);
	}
	while (r && r->is_dead)
		r = r->next;
	n->live &= ~(1ULL << bit);
	n->live |= (uint64_t)(r != NULL) << bit;
}

/* The path to a prefix: nodes from the root down; `bit` is its place in the last. */
struct path {
	struct fib4_node *nodes[DEPTH_MAX];
	unsigned int chunks[DEPTH_MAX]; /* taken from each node but the last */
	int depth;                      /* of the last node */
	unsigned int bit;
};

/* Removes nodes that have become empty, from the end of the path upwards. */
static void path_prune(struct fib4 *fib, struct path *p)
{
	for (; p->depth > 0 && node_is_empty(p->nodes[p->depth]); p->depth--)
		node_del_child(fib, p->nodes[p->depth - 1], p->chunks[p->depth - 1]);
}

/* Walks to the node of a prefix. With `make`, makes the nodes: 0 or -ENOMEM; without: -ESRCH. */
static int path_walk(struct fib4 *fib, struct ip4_addr dst, unsigned int len, bool make,
		     struct path *p)
{
	uint64_t key = key_of(dst);

	*p = (struct path){.nodes = {&fib->root}};
	for (; len >= STRIDE; len -= STRIDE, key <<= STRIDE) {
		struct fib4_node *n = p->nodes[p->depth];
		unsigned int chunk = key_chunk(key);

		if (!make && !(n->children >> chunk & 1))
			return -ESRCH;
		n = node_get_child(fib, n, chunk);
		if (!n) {
			path_prune(fib, p);
			return -ENOMEM;
		}
		p->chunks[p->depth++] = chunk;
		p->nodes[p->depth] = n;
	}
	p->bit = prefix_bit(key, len);
	return make || p->nodes[p->depth]->present >> p->bit & 1 ? 0 : -ESRCH;
}

static bool route_is_same(const struct fib4_route *a, const struct fib4_route *b)
{
	return a->netif == b->netif && ip4_addr_eq(&a->via, &b->via) &&
	       ip4_addr_eq(&a->src, &b->src) && a->type == b->type;
}

static bool prefix_is_valid(struct ip4_addr dst, unsigned int len)
{
	return len <= 32 && (ip4_addr_u32(&dst) & ~ip4_prefix_mask(len)) == 0;
}

/* Where in the chain `r` goes; NULL: it is there already. */
static struct fib4_route **chain_place(struct fib4_route **slot, const struct fib4_route *r,
				       enum fib4_add how)
{
	for (; *slot && (*slot)->metric <= r->metric; slot = &(*slot)->next)
		if ((*slot)->metric == r->metric &&
		    (how == FIB4_EXCLUSIVE || route_is_same(*slot, r)))
			return NULL;
	return slot;
}

int fib4_add(struct fib4 *fib, const struct fib4_route *r, enum fib4_add how)
{
	struct fib4_route *copy, **slot, **place;
	struct path p;

	if (!prefix_is_valid(r->dst, r->prefix_len))
		return -EINVAL;
	copy = mem_alloc(fib->mem, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (path_walk(fib, r->dst, r->prefix_len, true, &p) < 0)
		goto nomem;
	slot = node_get_slot(fib, p.nodes[p.depth], p.bit);
	if (!slot)
		goto prune;

	place = chain_place(slot, r, how);
	if (!place) {
		mem_free(fib->mem, copy, sizeof(*copy));
		return -EEXIST;
	}
	*copy = *r;
	copy->is_dead = r->netif && r->type != ROUTE_LOCAL && !(r->netif->flags & NETIF_UP);
	copy->next = *place;
	*place = copy;
	node_update_slot(fib, p.nodes[p.depth], p.bit);
	fib->n_routes++;
	return 0;

prune:
	path_prune(fib, &p);
nomem:
	mem_free(fib->mem, copy, sizeof(*copy));
	return -ENOMEM;
}

static bool key_fits(const struct fib4_key *key, const struct fib4_route *r)
{
	return (!key->has_metric || key->metric == r->metric) &&
	       (!key->type || key->type == r->type) && (!key->proto || key->proto == r->proto) &&
	       (!key->netif || key->netif == r->netif) &&
	       (ip4_addr_is_unspecified(&key->via) || ip4_addr_eq(&key->via, &r->via)) &&
	       (ip4_addr_is_unspecified(&key->src) || ip4_addr_eq(&key->src, &r->src));
}

/* The link that points at the first route that `key` fits; NULL: none. */
static struct fib4_route **key_find(struct fib4 *fib, const struct fib4_key *key, struct path *p)
{
	struct fib4_route **slot;

	if (!prefix_is_valid(key->dst, key->prefix_len) ||
	    path_walk(fib, key->dst, key->prefix_len, false, p) < 0)
		return NULL;
	slot = node_get_slot(fib, p->nodes[p->depth], p->bit);
	while (*slot && !key_fits(key, *slot))
		slot = &(*slot)->next;
	return *slot ? slot : NULL;
}

static void route_free(struct fib4 *fib, struct fib4_route *r)
{
	mem_free(fib->mem, r, sizeof(*r));
	fib->n_routes--;
}

int fib4_del(struct fib4 *fib, const struct fib4_key *key)
{
	struct path p;
	struct fib4_route **link = key_find(fib, key, &p), *r;

	if (!link)
		return -ESRCH;
	r = *link;
	*link = r->next;
	route_free(fib, r);
	node_update_slot(fib, p.nodes[p.depth], p.bit);
	path_prune(fib, &p);
	return 0;
}

const struct fib4_route *fib4_find(const struct fib4 *fib, const struct fib4_key *key)
{
	struct path p;
	/* key_find() makes nothing: the const is only lost for its result. */
	struct fib4_route **link = key_find((struct fib4 *)(uintptr_t)fib, key, &p);

	return link ? *link : NULL;
}

/* What a sweep does with each route. */
enum sweep {
	SWEEP_KEEP,
	SWEEP_DEL,
};

struct sweeper {
	enum sweep (*visit)(const struct sweeper *sw, struct fib4_route *r);
	const struct netif *netif;
	struct ip4_addr src;
	bool up;
};

static void chain_sweep(struct fib4 *fib, struct fib4_route **link, const struct sweeper *sw)
{
	struct fib4_route *r;

	while ((r = *link)) {
		if (sw->visit(sw, r) == SWEEP_KEEP) {
			link = &r->next;
			continue;
		}
		*link = r->next;
		route_free(fib, r);
	}
}

/* Visits every route of a subtree; recursion is at most DEPTH_MAX deep. */
static void node_sweep(struct fib4 *fib, struct fib4_node *n, const struct sweeper *sw)
{
	for (uint64_t map = n->present; map; map &= map - 1) {
		unsigned int bit = (unsigned int)__builtin_ctzll(map);

		chain_sweep(fib, &n->routes[rank(n->present, bit)], sw);
		node_update_slot(fib, n, bit);
	}
	for (uint64_t map = n->children; map; map &= map - 1) {
		unsigned int chunk = (unsigned int)__builtin_ctzll(map);
		struct fib4_node *child = &n->nodes[rank(n->children, chunk)];

		assert(n->nodes); /* as long as there are children */
		node_sweep(fib, child, sw);
		if (node_is_empty(child))
			node_del_child(fib, n, chunk);
	}
}

static enum sweep sweep_up(const struct sweeper *sw, struct fib4_route *r)
{
	if (r->netif == sw->netif && r->type != ROUTE_LOCAL)
		r->is_dead = !sw->up;
	return SWEEP_KEEP;
}

static enum sweep sweep_netif(const struct sweeper *sw, struct fib4_route *r)
{
	return r->netif == sw->netif ? SWEEP_DEL : SWEEP_KEEP;
}

static enum sweep sweep_src(const struct sweeper *sw, struct fib4_route *r)
{
	return ip4_addr_eq(&r->src, &sw->src) ? SWEEP_DEL : SWEEP_KEEP;
}

static enum sweep sweep_all(const struct sweeper *sw UNUSED, struct fib4_route *r UNUSED)
{
	return SWEEP_DEL;
}

void fib4_netif_set_up(struct fib4 *fib, const struct netif *netif, bool up)
{
	node_sweep(fib, &fib->root, &(struct sweeper){.visit = sweep_up, .netif = netif, .up = up});
}

void fib4_netif_del(struct fib4 *fib, const struct netif *netif)
{
	node_sweep(fib, &fib->root, &(struct sweeper){.visit = sweep_netif, .netif = netif});
}

void fib4_src_del(struct fib4 *fib, struct ip4_addr src)
{
	assert(!ip4_addr_is_unspecified(&src));
	node_sweep(fib, &fib->root, &(struct sweeper){.visit = sweep_src, .src = src});
}

void fib4_init(struct fib4 *fib, struct mem *mem)
{
	*fib = (struct fib4){.mem = mem};
}

void fib4_fini(struct fib4 *fib)
{
	node_sweep(fib, &fib->root, &(struct sweeper){.visit = sweep_all});
}

struct walk {
	bool (*fn)(void *arg, const struct fib4_route *r);
	void *arg;
};

/* Routes of the prefixes whose first address begins with `chunk`, shortest first. */
static bool node_walk_chunk(const struct fib4_node *n, unsigned int chunk, const struct walk *w)
{
	for (unsigned int len = 0; len < STRIDE; len++) {
		unsigned int bit = 1u << len | chunk >> (STRIDE - len);

		if ((chunk & ((1u << (STRIDE - len)) - 1)) || !(n->present >> bit & 1))
			continue;
		for (const struct fib4_route *r = n->routes[rank(n->present, bit)]; r; r = r->next)
			if (!w->fn(w->arg, r))
				return false;
	}
	return true;
}

static bool node_walk(const struct fib4_node *n, const struct walk *w)
{
	for (unsigned int chunk = 0; chunk < 1u << STRIDE; chunk++) {
		const struct fib4_node *child = node_child(n, chunk);

		if (!node_walk_chunk(n, chunk, w) || (child && !node_walk(child, w)))
			return false;
	}
	return true;
}

void fib4_for_each(const struct fib4 *fib, bool (*fn)(void *arg, const struct fib4_route *r),
		   void *arg)
{
	node_walk(&fib->root, &(struct walk){.fn = fn, .arg = arg});
}
