/* SPDX-License-Identifier: MIT */
/*
 * Intrusive chained hash table.
 *
 * The caller brings the hash, keyed where a peer chooses the key (base/hash.h), and compares keys
 * itself: htab_first() and htab_next() give the nodes of equal hash.
 *
 *	for (n = htab_first(&t, hash); n; n = htab_next(n))
 *		if (key_equal(container_of(n, struct flow, node), key))
 *			...
 *
 * How it works
 *
 * A bucket is the low bits of the hash. With more nodes than buckets the table doubles: old bucket
 * i splits into i and i + n_old of the new array. No operation does that at once: every addition
 * splits two old buckets, so a doubling is over long before the next. Meanwhile a node is in its
 * old bucket when that one is not yet split, else in its new one: always in exactly one.
 *
 *	old      | split ........ n_split | not yet ............ |
 *	buckets  | valid ........ n_split | no memory touched .. | valid ........ | not ........ |
 *
 * When there is no memory for a doubling the table stays as it is, with longer chains, and tries
 * again later. It does not shrink. Deleting moves nothing but the node.
 *
 * The order of a walk follows the hashes, which are random: it must not decide anything that can
 * be seen outside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/mem.h"

struct htab_node {
	struct htab_node *next;
	struct htab_node **pprev; /* the pointer that points here; NULL: in no table */
	uint32_t hash;
	uint32_t room; /* the user's: it would be padding */
};

_Static_assert(sizeof(struct htab_node) <= 24, "a node is part of every connection");

struct htab {
	struct htab_node **buckets; /* mask + 1 of them */
	struct htab_node **old; /* while doubling: the (mask + 1) / 2 buckets before; else NULL */
	uint32_t mask;
	uint32_t n_split; /* old buckets below this one have been split */
	uint32_t n_nodes;
	uint32_t grow_at; /* doubles when n_nodes exceeds this */
	uint32_t max_buckets;
	struct mem *mem;
};

/*
 * An empty table of `min_buckets` that grows up to `max_buckets`, both powers of two not above
 * 2^31. Returns 0 or -ENOMEM; after that htab_fini() is harmless.
 */
int htab_init(struct htab *ht, struct mem *mem, uint32_t min_buckets,
	      uint32_t max_buckets) MUST_CHECK;
/* Frees the buckets; what nodes there still are belong to the caller. An all-zero table is fine. */
void htab_fini(struct htab *ht);

/* Adds `node`, which is in no table, in front of those with the same hash. */
void htab_add(struct htab *ht, struct htab_node *node, uint32_t hash);
/* Takes `node` out of the table `ht`, if it is in it. */
void htab_del(struct htab *ht, struct htab_node *node);

/* The next nodes in any order: see struct htab_iter. */
struct htab_node *htab_scan(const struct htab *ht, uint64_t *cursor);

static inline bool htab_is_linked(const struct htab_node *node)
{
	return node->pprev != NULL;
}

/* Where the chain of `hash` begins. */
static inline struct htab_node **htab_bucket(const struct htab *ht, uint32_t hash)
{
	if (unlikely(ht->old) && (hash & (ht->mask >> 1)) >= ht->n_split)
		return &ht->old[hash & (ht->mask >> 1)];
	return &ht->buckets[hash & ht->mask];
}

static inline struct htab_node *htab_match(struct htab_node *node, uint32_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

/* The first node added with `hash`, or NULL. Nothing may be added between first and next. */
static inline struct htab_node *htab_first(const struct htab *ht, uint32_t hash)
{
	return htab_match(*htab_bucket(ht, hash), hash);
}

static inline struct htab_node *htab_next(const struct htab_node *node)
{
	return htab_match(node->next, node->hash);
}

/*
 * Walks over everything come in two strengths.
 *
 * htab_scan() returns the chain of the next bucket that is not empty (follow `next`), NULL at the
 * end; `*cursor` starts at 0. Between two calls anything may happen to the table, also growth:
 * a node that is there all the time is seen exactly once, one that comes or goes at most once. For
 * dumps in portions, ageing a few buckets at a time, and bodies that delete whatever they like.
 * (The cursor is a position in the space of bit-reversed hashes, where a bucket is an interval and
 * doubling halves it, so what has been seen is a prefix under any number of buckets.)
 *
 * htab_iter_next() returns node after node, NULL at the end; start with an all-zero iterator. The
 * node returned last may be deleted and freed; otherwise nothing may be added or deleted.
 */
struct htab_iter {
	uint64_t cursor;
	struct htab_node *next;
};

static inline struct htab_node *htab_iter_next(const struct htab *ht, struct htab_iter *it)
{
	struct htab_node *node = it->next ? it->next : htab_scan(ht, &it->cursor);

	it->next = node ? node->next : NULL;
	return node;
}
