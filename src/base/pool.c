/* SPDX-License-Identifier: MIT */
/* Pools: slabs come and go here; the fast path is in pool.h. */
#include "base/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	POOL_SLAB_BYTES = 65536,
};

struct pool_slab {
	char *base;
	uint32_t n_objs;
	uint32_t n_free; /* valid during pool_trim() only */
};

void pool_init(struct pool *pool, struct mem *mem, uint32_t obj_bytes, uint32_t max_objs)
{
	uint32_t bytes = obj_bytes < sizeof(struct pool_obj) ? sizeof(struct pool_obj) : obj_bytes;

	assert(obj_bytes > 0 && obj_bytes <= UINT32_MAX - CACHE_LINE && max_objs > 0);
	*pool = (struct pool){
		.obj_bytes = bytes,
		.step_bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE,
		.max_objs = max_objs,
		.mem = mem,
	};
}

static size_t pool_slab_bytes(const struct pool *pool, const struct pool_slab *slab)
{
	return (size_t)slab->n_objs * pool->step_bytes;
}

static void pool_slab_free(struct pool *pool, const struct pool_slab *slab)
{
	size_t bytes = pool_slab_bytes(pool, slab);

	unpoison(slab->base, bytes);
	mem_free_aligned(pool->mem, slab->base, bytes, CACHE_LINE);
}

static void pool_slabs_free_array(struct pool *pool)
{
	mem_free(pool->mem, pool->slabs, pool->cap_slabs * sizeof(*pool->slabs));
	pool->slabs = NULL;
	pool->cap_slabs = 0;
}

void pool_fini(struct pool *pool)
{
	for (uint32_t i = 0; i < pool->n_slabs; i++)
		pool_slab_free(pool, &pool->slabs[i]);
	if (pool->slabs)
		pool_slabs_free_array(pool);
	pool->free = NULL;
	pool->n_objs = 0;
	pool->n_slabs = 0;
}

/* Makes room for one more slab in the array. */
static bool pool_slabs_reserve(struct pool *pool)
{
	uint32_t cap = pool->cap_slabs ? 2 * pool->cap_slabs : 4;
	struct pool_slab *slabs;

	if (pool->n_slabs < pool->cap_slabs)
		return true;
	slabs = mem_resize(pool->mem, pool->slabs, pool->cap_slabs * sizeof(*slabs),
			   cap * sizeof(*slabs));
	if (!slabs)
		return false;
	pool->slabs = slabs;
	pool->cap_slabs = cap;
	return true;
}

/* The number of slabs that start at or below `p`. */
static uint32_t pool_slab_rank(const struct pool *pool, const void *p)
{
	uint32_t lo = 0, hi = pool->n_slabs;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((uintptr_t)pool->slabs[mid].base <= (uintptr_t)p)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void pool_slab_add(struct pool *pool, struct pool_slab slab)
{
	uint32_t at = pool_slab_rank(pool, slab.base);

	memmove(&pool->slabs[at + 1], &pool->slabs[at],
		(pool->n_slabs - at) * sizeof(*pool->slabs));
	pool->slabs[at] = slab;
	pool->n_slabs++;
	pool->n_objs += slab.n_objs;
}

/* Puts all objects of a new slab on the free stack, the first one on top. */
static void pool_slab_carve(struct pool *pool, const struct pool_slab *slab)
{
	poison(slab->base, pool_slab_bytes(pool, slab));
	for (uint32_t i = slab->n_objs; i-- > 0;) {
		struct pool_obj *obj = (void *)(slab->base + (size_t)i * pool->step_bytes);

		unpoison(obj, sizeof(*obj));
		obj->next = pool->free;
		pool->free = obj;
		poison(obj, sizeof(*obj));
	}
}

static int pool_slab_new(struct pool *pool)
{
	struct pool_slab slab = {.n_objs = POOL_SLAB_BYTES / pool->step_bytes};
	uint32_t n_allowed = pool->max_objs - pool->n_objs;

	if (slab.n_objs == 0)
		slab.n_objs = 1;
	if (slab.n_objs > n_allowed)
		slab.n_objs = n_allowed;
	if (slab.n_objs == 0 || !pool_slabs_reserve(pool))
		return -ENOMEM;
	slab.base = mem_alloc_aligned(pool->mem, pool_slab_bytes(pool, &slab), CACHE_LINE);
	if (!slab.base)
		return -ENOMEM;
	pool_slab_add(pool, slab);
	pool_slab_carve(pool, &slab);
	return 0;
}

int pool_grow(struct pool *pool)
{
	int err;

	pool->is_growing = true;
	err = pool_slab_new(pool);
	pool->is_growing = false;
	if (err < 0)
		pool->n_failed++;
	return err;
}

static struct pool_obj *pool_obj_next(struct pool_obj *obj)
{
	struct pool_obj *next;

	unpoison(obj, sizeof(*obj));
	next = obj->next;
	poison(obj, sizeof(*obj));
	return next;
}

static void pool_obj_set_next(struct pool_obj *obj, struct pool_obj *next)
{
	unpoison(obj, sizeof(*obj));
	obj->next = next;
	poison(obj, sizeof(*obj));
}

static struct pool_slab *pool_slab_of(const struct pool *pool, const void *obj)
{
	return &pool->slabs[pool_slab_rank(pool, obj) - 1];
}

static void pool_count_free(struct pool *pool)
{
	for (uint32_t i = 0; i < pool->n_slabs; i++)
		pool->slabs[i].n_free = 0;
	for (struct pool_obj *obj = pool->free; obj; obj = pool_obj_next(obj))
		pool_slab_of(pool, obj)->n_free++;
}

/* Takes the objects of wholly free slabs off the free stack; the others keep their order. */
static void pool_unstack_idle(struct pool *pool)
{
	struct pool_obj *last = NULL, *next;

	for (struct pool_obj *obj = pool->free; obj; obj = next) {
		const struct pool_slab *slab = pool_slab_of(pool, obj);

		next = pool_obj_next(obj);
		if (slab->n_free < slab->n_objs)
			last = obj;
		else if (last)
			pool_obj_set_next(last, next);
		else
			pool->free = next;
	}
}

void pool_trim(struct pool *pool)
{
	uint32_t n_kept = 0;

	if (pool->is_growing)
		return;
	pool_count_free(pool);
	pool_unstack_idle(pool);
	for (uint32_t i = 0; i < pool->n_slabs; i++) {
		const struct pool_slab *slab = &pool->slabs[i];

		if (slab->n_free < slab->n_objs) {
			pool->slabs[n_kept++] = *slab;
			continue;
		}
		pool->n_objs -= slab->n_objs;
		pool_slab_free(pool, slab);
	}
	pool->n_slabs = n_kept;
	if (n_kept == 0 && pool->slabs)
		pool_slabs_free_array(pool);
}
