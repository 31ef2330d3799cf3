/* SPDX-License-Identifier: MIT */
/* The IPv6 forwarding table; how it works is in fib6.h. */
#include "ip/fib/fib6.h"

#include <assert.h>
#include <errno.h>

#include "base/load.h"
#include "base/mem.h"
#include "core/netif.h"

enum {
	BITS = 128,
};

/* An address as a number of 128 bits. */
struct key {
	uint64_t hi, lo;
};

struct fib6_node {
	struct key key; /* bits beyond len are zero */
	struct fib6_node *parent, *child[2];
	struct fib6_route *routes;     /* NULL: a fork */
	const struct fib6_route *best; /* the first of `routes` that is alive */
	unsigned int len;
};

static inline struct key key_of(const struct ip6_addr *a)
{
	return (struct key){load_be64(a->b), load_be64(a->b + 8)};
}

/* `len` 0 to 128. */
static inline struct key key_mask(unsigned int len)
{
	if (len == 0)
		return (struct key){0, 0};
	if (len <= 64)
		return (struct key){UINT64_MAX << (64 - len), 0};
	return (struct key){UINT64_MAX, UINT64_MAX << (BITS - len)};
}

static inline bool key_begins_with(struct key k, const struct fib6_node *n)
{
	struct key mask = key_mask(n->len);

	return (((k.hi ^ n->key.hi) & mask.hi) | ((k.lo ^ n->key.lo) & mask.lo)) == 0;
}

/* Bit `at`, 0 to 127, counted from the top. */
static inline unsigned int key_bit(struct key k, unsigned int at)
{
	return (unsigned int)((at < 64 ? k.hi >> (63 - at) : k.lo >> (127 - at)) & 1);
}

/* How many bits are the same from the top on. */
static unsigned int key_common(struct key a, struct key b)
{
	if (a.hi != b.hi)
		return (unsigned int)__builtin_clzll(a.hi ^ b.hi);
	return a.lo != b.lo ? 64 + (unsigned int)__builtin_clzll(a.lo ^ b.lo) : BITS;
}

/* The node below `n` on the way to `k`; NULL: none. */
static inline struct fib6_node *node_towards(const struct fib6_node *n, struct key k)
{
	return n->len < BITS ? n->child[key_bit(k, n->len)] : NULL;
}

const struct fib6_route *fib6_lookup(const struct fib6 *fib, const struct ip6_addr *dst)
{
	const struct fib6_route *best = NULL;
	struct key k = key_of(dst);

	for (const struct fib6_node *n = fib->root; n && key_begins_with(k, n);
	     n = node_towards(n, k))
		if (n->best)
			best = n->best;
	return best;
}

unsigned int fib6_span(const struct fib6 *fib, const struct ip6_addr *dst)
{
	const struct fib6_node *n = fib->root, *last = NULL;
	struct key k = key_of(dst);

	for (; n && key_begins_with(k, n); n = node_towards(n, k))
		last = n;
	if (n) /* where it parts from that node's prefix */
		return key_common(k, n->key) + 1;
	if (!last)
		return 0;
	return last->child[0] || last->child[1] ? last->len + 1 : last->len;
}

static const struct fib6_route *chain_find_netif(const struct fib6_route *r,
						 const struct netif *netif)
{
	for (; r; r = r->next)
		if (!r->is_dead && (r->netif == netif || !r->netif))
			return r;
	return NULL;
}

const struct fib6_route *fib6_lookup_netif(const struct fib6 *fib, const struct ip6_addr *dst,
					   const struct netif *netif)
{
	const struct fib6_route *best = NULL;
	struct key k = key_of(dst);

	for (const struct fib6_node *n = fib->root; n && key_begins_with(k, n);
	     n = node_towards(n, k)) {
		const struct fib6_route *r = chain_find_netif(n->best, netif);

		if (r)
			best = r;
	}
	return best;
}

/*
 * Nodes.
 */

/* The link that holds `n`. */
static struct fib6_node **node_link(struct fib6 *fib, const struct fib6_node *n)
{
	return n->parent ? &n->parent->child[n->parent->child[1] == n] : &fib->root;
}

static void node_join(struct fib6_node *parent, struct fib6_node *child)
{
	parent->child[key_bit(child->key, parent->len)] = child;
	child->parent = parent;
}

static struct fib6_node *node_new(struct fib6 *fib, struct key k, unsigned int len)
{
	struct fib6_node *n = mem_zalloc(fib->mem, sizeof(*n));
	struct key mask = key_mask(len);

	if (!n)
		return NULL;
	n->key = (struct key){k.hi & mask.hi, k.lo & mask.lo};
	n->len = len;
	return n;
}

/* Puts `n` where `old` is, and `old` below it. */
static void node_insert_above(struct fib6 *fib, struct fib6_node *old, struct fib6_node *n)
{
	*node_link(fib, old) = n;
	n->parent = old->parent;
	node_join(n, old);
}

/* Removes `n` when nothing needs it: its only child, if any, takes its place. Returns whether. */
static bool node_remove(struct fib6 *fib, struct fib6_node *n)
{
	struct fib6_node *child = n->child[0] ? n->child[0] : n->child[1];

	if (n->routes || (n->child[0] && n->child[1]))
		return false;
	*node_link(fib, n) = child;
	if (child)
		child->parent = n->parent;
	mem_free(fib->mem, n, sizeof(*n));
	return true;
}

/* The same, and then its parent if that was kept for it alone. */
static void node_prune(struct fib6 *fib, struct fib6_node *n)
{
	struct fib6_node *parent = n->parent;

	if (node_remove(fib, n) && parent)
		node_remove(fib, parent);
}

/* Two prefixes part at `common` bits: a fork above `old`, with a new node on its other side. */
static struct fib6_node *node_fork(struct fib6 *fib, struct fib6_node *old, struct key k,
				   unsigned int len, unsigned int common)
{
	struct fib6_node *n = node_new(fib, k, len), *fork;

	if (!n)
		return NULL;
	fork = node_new(fib, k, common);
	if (!fork) {
		mem_free(fib->mem, n, sizeof(*n));
		return NULL;
	}
	node_insert_above(fib, old, fork);
	node_join(fork, n);
	return n;
}

/* The last node on the way to the prefix whose own prefix is part of it, and the one below, which
 * is the prefix's, or parts from it after `*ret_common` bits. Either may be NULL. */
static struct fib6_node *node_walk(const struct fib6 *fib, struct key k, unsigned int len,
				   struct fib6_node **ret_next, unsigned int *ret_common)
{
	struct fib6_node *above = NULL, *n = fib->root;

	for (; n; above = n, n = n->child[key_bit(k, n->len)]) {
		*ret_common = key_common(n->key, k);
		if (*ret_common < n->len || n->len >= len)
			break;
	}
	*ret_next = n;
	return above;
}

static struct fib6_node *node_find(const struct fib6 *fib, struct key k, unsigned int len)
{
	struct fib6_node *n;
	unsigned int common;

	(void)node_walk(fib, k, len, &n, &common);
	return n && n->len == len && common >= len ? n : NULL;
}

/* The node of a prefix, made if need be. NULL: no memory. */
static struct fib6_node *node_get(struct fib6 *fib, struct key k, unsigned int len)
{
	struct fib6_node *next, *n, *above;
	unsigned int common = 0;

	above = node_walk(fib, k, len, &next, &common);
	if (next && next->len == len && common >= len)
		return next;
	if (next && common < len)
		return node_fork(fib, next, k, len, common);
	n = node_new(fib, k, len);
	if (!n)
		return NULL;
	if (next)
		node_insert_above(fib, next, n);
	else if (above)
		node_join(above, n);
	else
		fib->root = n;
	return n;
}

/* The next in the order of prefixes: a node before its children. */
static struct fib6_node *node_next(const struct fib6_node *n)
{
	if (n->child[0] || n->child[1])
		return n->child[0] ? n->child[0] : n->child[1];
	for (; n->parent; n = n->parent)
		if (n == n->parent->child[0] && n->parent->child[1])
			return n->parent->child[1];
	return NULL;
}

static struct fib6_node *node_first_leaf(struct fib6_node *n)
{
	while (n && (n->child[0] || n->child[1]))
		n = n->child[0] ? n->child[0] : n->child[1];
	return n;
}

/* The next in the order in which nodes may go: after its children. */
static struct fib6_node *node_next_up(const struct fib6_node *n)
{
	struct fib6_node *parent = n->parent;

	if (parent && n == parent->child[0] && parent->child[1])
		return node_first_leaf(parent->child[1]);
	return parent;
}

/*
 * Routes.
 */

static bool route_is_same(const struct fib6_route *a, const struct fib6_route *b)
{
	return a->netif == b->netif && ip6_addr_eq(&a->via, &b->via) &&
	       ip6_addr_eq(&a->src, &b->src) && a->type == b->type;
}

static bool prefix_is_valid(const struct ip6_addr *dst, unsigned int len)
{
	struct key k = key_of(dst), mask;

	if (len > BITS)
		return false;
	mask = key_mask(len);
	return (k.hi & ~mask.hi) == 0 && (k.lo & ~mask.lo) == 0;
}

/* Where in the chain `r` goes; NULL: it is there already. */
static struct fib6_route **chain_place(struct fib6_route **slot, const struct fib6_route *r,
				       enum fib6_add how)
{
	for (; *slot && (*slot)->metric <= r->metric; slot = &(*slot)->next)
		if ((*slot)->metric == r->metric &&
		    (how == FIB6_EXCLUSIVE || route_is_same(*slot, r)))
			return NULL;
	return slot;
}

static void node_update(struct fib6_node *n)
{
	n->best = n->routes;
	while (n->best && n->best->is_dead)
		n->best = n->best->next;
}

int fib6_add(struct fib6 *fib, const struct fib6_route *r, enum fib6_add how)
{
	struct fib6_route *copy, **place;
	struct fib6_node *n;
	int err = -ENOMEM;

	if (!prefix_is_valid(&r->dst, r->prefix_len))
		return -EINVAL;
	copy = mem_alloc(fib->mem, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	n = node_get(fib, key_of(&r->dst), r->prefix_len);
	if (!n)
		goto fail;
	err = -EEXIST;
	place = chain_place(&n->routes, r, how);
	if (!place)
		goto fail;
	*copy = *r;
	copy->is_dead = r->netif && r->type != ROUTE_LOCAL && !(r->netif->flags & NETIF_UP);
	copy->next = *place;
	*place = copy;
	node_update(n);
	fib->n_routes++;
	return 0;

fail:
	mem_free(fib->mem, copy, sizeof(*copy));
	return err;
}

static bool key_fits(const struct fib6_key *key, const struct fib6_route *r)
{
	return (!key->has_metric || key->metric == r->metric) &&
	       (!key->type || key->type == r->type) && (!key->proto || key->proto == r->proto) &&
	       (!key->netif || key->netif == r->netif) &&
	       (ip6_addr_is_unspecified(&key->via) || ip6_addr_eq(&key->via, &r->via)) &&
	       (ip6_addr_is_unspecified(&key->src) || ip6_addr_eq(&key->src, &r->src));
}

/* The link that points at the first route that `key` fits; NULL: none. */
static struct fib6_route **key_find(const struct fib6 *fib, const struct fib6_key *key,
				    struct fib6_node **ret_node)
{
	struct fib6_route **link;

	if (!prefix_is_valid(&key->dst, key->prefix_len))
		return NULL;
	*ret_node = node_find(fib, key_of(&key->dst), key->prefix_len);
	if (!*ret_node)
		return NULL;
	link = &(*ret_node)->routes;
	while (*link && !key_fits(key, *link))
		link = &(*link)->next;
	return *link ? link : NULL;
}

static void route_free(struct fib6 *fib, struct fib6_route *r)
{
	mem_free(fib->mem, r, sizeof(*r));
	fib->n_routes--;
}

int fib6_del(struct fib6 *fib, const struct fib6_key *key)
{
	struct fib6_node *n;
	struct fib6_route **link = key_find(fib, key, &n), *r;

	if (!link)
		return -ESRCH;
	r = *link;
	*link = r->next;
	route_free(fib, r);
	node_update(n);
	node_prune(fib, n);
	return 0;
}

const struct fib6_route *fib6_find(const struct fib6 *fib, const struct fib6_key *key)
{
	struct fib6_node *n;
	struct fib6_route **link = key_find(fib, key, &n);

	return link ? *link : NULL;
}

/*
 * What concerns many routes.
 */

/* Returns true to delete the route. */
typedef bool sweep_fn(struct fib6_route *r, const void *arg);

static void node_sweep(struct fib6 *fib, struct fib6_node *n, sweep_fn *fn, const void *arg)
{
	struct fib6_route **link = &n->routes, *r;

	while ((r = *link)) {
		if (!fn(r, arg)) {
			link = &r->next;
			continue;
		}
		*link = r->next;
		route_free(fib, r);
	}
	node_update(n);
}

/* A node goes after its children, and before its parent is looked at. */
static void fib_sweep(struct fib6 *fib, sweep_fn *fn, const void *arg)
{
	struct fib6_node *n = node_first_leaf(fib->root), *next;

	for (; n; n = next) {
		next = node_next_up(n);
		node_sweep(fib, n, fn, arg);
		node_remove(fib, n);
	}
}

struct sweep_up {
	const struct netif *netif;
	bool up;
};

static bool sweep_set_up(struct fib6_route *r, const void *arg)
{
	const struct sweep_up *s = arg;

	if (r->netif == s->netif && r->type != ROUTE_LOCAL)
		r->is_dead = !s->up;
	return false;
}

static bool sweep_netif(struct fib6_route *r, const void *arg)
{
	return r->netif == arg;
}

static bool sweep_src(struct fib6_route *r, const void *arg)
{
	return ip6_addr_eq(&r->src, arg);
}

static bool sweep_all(struct fib6_route *r UNUSED, const void *arg UNUSED)
{
	return true;
}

void fib6_netif_set_up(struct fib6 *fib, const struct netif *netif, bool up)
{
	fib_sweep(fib, sweep_set_up, &(struct sweep_up){.netif = netif, .up = up});
}

void fib6_netif_del(struct fib6 *fib, const struct netif *netif)
{
	fib_sweep(fib, sweep_netif, netif);
}

void fib6_src_del(struct fib6 *fib, const struct ip6_addr *src)
{
	assert(!ip6_addr_is_unspecified(src));
	fib_sweep(fib, sweep_src, src);
}

void fib6_init(struct fib6 *fib, struct mem *mem)
{
	*fib = (struct fib6){.mem = mem};
}

void fib6_fini(struct fib6 *fib)
{
	fib_sweep(fib, sweep_all, NULL);
}

void fib6_for_each(const struct fib6 *fib, bool (*fn)(void *arg, const struct fib6_route *r),
		   void *arg)
{
	for (const struct fib6_node *n = fib->root; n; n = node_next(n))
		for (const struct fib6_route *r = n->routes; r; r = r->next)
			if (!fn(arg, r))
				return;
}
