/* SPDX-License-Identifier: MIT */
/*
 * Blocks of one size that nobody needs at the moment, kept for who needs one next: what comes and
 * goes with every message is not to be allocated and freed each time.
 *
 * Unlike a pool (pool.h) it has no slabs and does not bound what is in use: blocks are single ones
 * of the engine's memory, at most `max` wait here, and one that waits is poisoned. Kept blocks
 * count as memory in use.
 */
#pragma once

#include <stdint.h>

#include "base/mem.h"

struct spares {
	struct mem *mem;
	struct spare *first; /* the one given back last, which the cache still has */
	size_t size;         /* of a block, bytes; at least a pointer's */
	uint32_t n, max;
};

/* Nothing is kept yet. `size` >= sizeof(void *). */
void spares_init(struct spares *s, struct mem *mem, size_t size, uint32_t max);
/* A kept block or a new one, uninitialised; NULL: no memory. */
void *spares_get(struct spares *s) MUST_CHECK;
/* Keeps the block, or frees it when there are enough. NULL is accepted. */
void spares_put(struct spares *s, void *block);
/* At most `max` from now on; frees what is kept beyond. 0: none, as at the end. */
void spares_bound(struct spares *s, uint32_t max);
