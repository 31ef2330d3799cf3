/* SPDX-License-Identifier: MIT */
/*
 * The allocator of an engine: every byte that src/ keeps comes from here.
 *
 * One function does all the work, so that an embedder can put its own heap underneath and a test
 * can make the n-th allocation fail. Sizes are given back on free, which lets a heap do without
 * headers and lets us account: `n_bytes` and `n_blocks` are zero when everything has been freed.
 * Like everything of an engine, a `struct mem` belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/*
 * Resizes the block at `ptr` from `old_bytes` to `new_bytes`; the result is aligned for any type.
 * ptr NULL (old_bytes 0): a new block, uninitialised. new_bytes 0: frees, returns NULL. Otherwise
 * NULL means that there is no memory, and the old block is as it was.
 */
typedef void *mem_realloc_fn(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes);

struct mem {
	mem_realloc_fn *realloc;
	void *ctx;            /* first argument of `realloc` */
	uint64_t n_bytes;     /* in use now, as the callers asked for them */
	uint64_t n_bytes_max; /* most there ever were in use */
	uint64_t limit_bytes; /* no block is given that would bring n_bytes above this */
	uint64_t n_blocks;    /* blocks in use now */
	uint64_t n_failed;    /* allocations refused, by the limit or by `realloc` */
	/* Gives back what is held for nobody, before an allocation is refused: true when there was
	 * something. It may free, and allocates nothing. NULL: nobody holds such. */
	bool (*reclaim)(void *ctx);
	void *reclaim_ctx;
};

/* `fn` NULL: libc's heap. `limit_bytes` 0: no limit. */
void mem_init(struct mem *mem, mem_realloc_fn *fn, void *ctx, uint64_t limit_bytes);

/* A block of `size` bytes, uninitialised, or NULL. A block of size 0 is a block and is freed. */
void *mem_alloc(struct mem *mem, size_t size) MUST_CHECK;
/* The same, zeroed. */
void *mem_zalloc(struct mem *mem, size_t size) MUST_CHECK;
/* An array of `n` zeroed elements, freed with mem_free(mem, ptr, n * size); NULL also when the
 * product overflows. */
void *mem_zalloc_array(struct mem *mem, size_t n, size_t size) MUST_CHECK;
/* Resizes; new_size must not be 0. On NULL the old block is as it was. */
void *mem_resize(struct mem *mem, void *ptr, size_t old_size, size_t new_size) MUST_CHECK;
/* `size` is the size asked for. NULL is accepted. */
void mem_free(struct mem *mem, void *ptr, size_t size);

/* A block of `size` bytes, uninitialised, that starts at a multiple of `align`, a power of two. */
void *mem_alloc_aligned(struct mem *mem, size_t size, size_t align) MUST_CHECK;
/* `size` and `align` as asked for. NULL is accepted. */
void mem_free_aligned(struct mem *mem, void *ptr, size_t size, size_t align);
