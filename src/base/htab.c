/* SPDX-License-Identifier: MIT */
/* Hash table: growth, additions, walks; how it works is in htab.h. */
#include "base/htab.h"

#include <assert.h>
#include <errno.h>

enum {
	HTAB_SPLITS_PER_ADD = 2,
};

int htab_init(struct htab *ht, struct mem *mem, uint32_t min_buckets, uint32_t max_buckets)
{
	assert(min_buckets > 0 && (min_buckets & (min_buckets - 1)) == 0);
	assert(max_buckets >= min_buckets && (max_buckets & (max_buckets - 1)) == 0);
	*ht = (struct htab){
		.buckets = mem_zalloc_array(mem, min_buckets, sizeof(struct htab_node *)),
		.mask = min_buckets - 1,
		.grow_at = min_buckets,
		.max_buckets = max_buckets,
		.mem = mem,
	};
	return ht->buckets ? 0 : -ENOMEM;
}

static size_t htab_bytes(uint32_t n_buckets)
{
	return (size_t)n_buckets * sizeof(struct htab_node *);
}

void htab_fini(struct htab *ht)
{
	if (!ht->buckets)
		return;
	mem_free(ht->mem, ht->old, htab_bytes((ht->mask >> 1) + 1));
	mem_free(ht->mem, ht->buckets, htab_bytes(ht->mask + 1));
	ht->old = NULL;
	ht->buckets = NULL;
}

static void htab_link(struct htab_node **at, struct htab_node *node)
{
	node->next = *at;
	node->pprev = at;
	if (node->next)
		node->next->pprev = &node->next;
	*at = node;
}

/* Deals the chain of the next old bucket out to its two new ones, keeping the order. */
static void htab_split_one(struct htab *ht)
{
	uint32_t n_old = (ht->mask >> 1) + 1, i = ht->n_split++;
	struct htab_node **tail[2] = {&ht->buckets[i], &ht->buckets[i + n_old]};
	struct htab_node *node = ht->old[i], *next;

	for (; node; node = next) {
		unsigned int half = (node->hash & n_old) != 0;

		next = node->next;
		*tail[half] = node;
		node->pprev = tail[half];
		tail[half] = &node->next;
	}
	*tail[0] = NULL;
	*tail[1] = NULL;
}

static void htab_split_some(struct htab *ht)
{
	uint32_t n_old = (ht->mask >> 1) + 1;

	for (int i = 0; i < HTAB_SPLITS_PER_ADD && ht->n_split < n_old; i++)
		htab_split_one(ht);
	if (ht->n_split < n_old)
		return;
	mem_free(ht->mem, ht->old, htab_bytes(n_old));
	ht->old = NULL;
}

/* The new array is not zeroed, which would be O(n): a bucket is written when it is split. */
static void htab_grow_begin(struct htab *ht)
{
	uint32_t n_buckets = ht->mask + 1;
	struct htab_node **bigger;

	if (n_buckets >= ht->max_buckets) {
		ht->grow_at = UINT32_MAX;
		return;
	}
	bigger = mem_alloc(ht->mem, htab_bytes(2 * n_buckets));
	if (!bigger) { /* again when a quarter more has come */
		ht->grow_at += ht->grow_at / 4 + 1;
		return;
	}
	ht->old = ht->buckets;
	ht->buckets = bigger;
	ht->mask = 2 * n_buckets - 1;
	ht->n_split = 0;
	ht->grow_at = 2 * n_buckets;
}

void htab_add(struct htab *ht, struct htab_node *node, uint32_t hash)
{
	if (ht->old)
		htab_split_some(ht);
	else if (ht->n_nodes >= ht->grow_at)
		htab_grow_begin(ht);
	node->hash = hash;
	htab_link(htab_bucket(ht, hash), node);
	ht->n_nodes++;
}

void htab_del(struct htab *ht, struct htab_node *node)
{
	if (!node->pprev)
		return;
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	node->next = NULL;
	node->pprev = NULL;
	ht->n_nodes--;
}

static uint32_t htab_reverse_bits(uint32_t v)
{
	v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
	v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
	v = (v >> 4 & 0x0f0f0f0f) | (v & 0x0f0f0f0f) << 4;
	return __builtin_bswap32(v);
}

/* How much of the cursor's space the bucket of `hash` covers: 2^32 over the number of buckets of
 * the array that it is in. */
static uint64_t htab_bucket_span(const struct htab *ht, uint32_t hash)
{
	bool in_old = ht->old && (hash & (ht->mask >> 1)) >= ht->n_split;
	uint64_t n_buckets = (uint64_t)(in_old ? ht->mask >> 1 : ht->mask) + 1;

	return ((uint64_t)1 << 32) / n_buckets;
}

struct htab_node *htab_scan(const struct htab *ht, uint64_t *cursor)
{
	while (*cursor >> 32 == 0) {
		uint32_t hash = htab_reverse_bits((uint32_t)*cursor);
		uint64_t span = htab_bucket_span(ht, hash);
		struct htab_node *first = *htab_bucket(ht, hash);

		*cursor += span;
		if (first)
			return first;
	}
	return NULL;
}
