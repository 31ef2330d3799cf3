/* SPDX-License-Identifier: MIT */
/*
 * Bounded pools of objects of one size: packets, flows, connections.
 *
 * Objects start on a cache line and are carved from slabs; the free ones form a stack, so that the
 * object used last, still warm, is given out first. A pool never holds more than `max_objs`: at
 * the bound pool_alloc() returns NULL, and the caller has a drop reason for it. Slabs stay until
 * pool_trim() or pool_fini().
 *
 *	slab     | obj | obj | obj | ... |        64 KiB, or one object if that is larger
 *	free  ->   obj -> obj -> obj -> NULL      links inside the free objects
 *
 * A pool belongs to one thread. Under AddressSanitizer free objects are poisoned, so that use after
 * pool_free(), freeing twice and running over an object's end are reported where they happen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "base/poison.h"

struct pool_obj {
	struct pool_obj *next;
};

struct pool_slab; /* in pool.c */

struct pool {
	struct pool_obj *free;
	uint32_t n_used;     /* objects given out now */
	uint32_t n_peak;     /* most there ever were */
	uint32_t obj_bytes;  /* as asked for */
	uint32_t step_bytes; /* from one object to the next */
	uint32_t max_objs;   /* bound of n_used */
	uint32_t n_objs;     /* in the slabs, given out or free */
	uint64_t n_failed;   /* allocations refused, by the bound or for want of memory */
	struct mem *mem;
	struct pool_slab *slabs; /* n_slabs of them, sorted by address */
	uint32_t n_slabs;
	uint32_t cap_slabs; /* elements that `slabs` has room for */
	bool is_growing;    /* inside pool_grow(): not to be trimmed */
};

/* An empty pool; memory is first taken by pool_alloc(). Neither number may be 0. */
void pool_init(struct pool *pool, struct mem *mem, uint32_t obj_bytes, uint32_t max_objs);
/* Gives all memory back, also that of objects still in use. An all-zero pool is fine. */
void pool_fini(struct pool *pool);
/* Gives the slabs back of which no object is in use. O(free objects * log(slabs)). Nothing happens
 * to a pool that grows, so that its own want of memory may ask others to be trimmed. */
void pool_trim(struct pool *pool);

/* Puts the objects of a new slab on the free stack. Returns 0; or -ENOMEM, counted as a failure,
 * when the bound is reached or there is no memory. */
int pool_grow(struct pool *pool) MUST_CHECK;

/* Three quarters are in use: what can do without shall not hold on to more. */
static inline bool pool_is_short(const struct pool *pool)
{
	return pool->n_used >= pool->max_objs - pool->max_objs / 4;
}

/* An object, uninitialised, or NULL. */
MUST_CHECK static inline void *pool_alloc(struct pool *pool)
{
	struct pool_obj *obj;

	if (unlikely(!pool->free) && pool_grow(pool) < 0)
		return NULL;
	obj = pool->free;
	unpoison(obj, pool->obj_bytes);
	pool->free = obj->next;
	if (++pool->n_used > pool->n_peak)
		pool->n_peak = pool->n_used;
	return obj;
}

/* NULL is accepted. */
static inline void pool_free(struct pool *pool, void *ptr)
{
	struct pool_obj *obj = ptr;

	if (!obj)
		return;
	obj->next = pool->free;
	pool->free = obj;
	pool->n_used--;
	poison(obj, pool->obj_bytes);
}
