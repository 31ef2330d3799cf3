/* SPDX-License-Identifier: MIT */
/*
 * Accounting and alignment around the one allocation function; contracts in mem.h.
 *
 * An aligned block is cut out of a larger one, whose address is kept just in front of it:
 *
 *	raw            ptr - 8   ptr (aligned)          raw + size + align + 8
 *	 |<- unused ->|<- raw ->|<------- size ------->|<- unused ->|
 */
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *mem_libc_realloc(void *ctx UNUSED, void *ptr, size_t old_bytes UNUSED,
			      size_t new_bytes)
{
	if (new_bytes > 0)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

void mem_init(struct mem *mem, mem_realloc_fn *fn, void *ctx, uint64_t limit_bytes)
{
	*mem = (struct mem){
		.realloc = fn ? fn : mem_libc_realloc,
		.ctx = ctx,
		.limit_bytes = limit_bytes ? limit_bytes : UINT64_MAX,
	};
}

/* A block of size 0 has an address of its own, like any other. */
static size_t mem_real_size(size_t size)
{
	return size ? size : 1;
}

/* What gets smaller may, also above a limit that has been lowered. */
static bool mem_is_allowed(const struct mem *mem, size_t old_size, size_t new_size)
{
	uint64_t others = mem->n_bytes - old_size;

	return new_size <= old_size ||
	       (new_size <= mem->limit_bytes && others <= mem->limit_bytes - new_size);
}

static void *mem_try_resize(struct mem *mem, void *ptr, size_t old_size, size_t new_size)
{
	if (!mem_is_allowed(mem, old_size, new_size))
		return NULL;
	return mem->realloc(mem->ctx, ptr, ptr ? mem_real_size(old_size) : 0,
			    mem_real_size(new_size));
}

void *mem_resize(struct mem *mem, void *ptr, size_t old_size, size_t new_size)
{
	void *moved;

	assert(old_size <= mem->n_bytes);
	moved = mem_try_resize(mem, ptr, old_size, new_size);
	if (unlikely(!moved) && mem->reclaim && mem->reclaim(mem->reclaim_ctx))
		moved = mem_try_resize(mem, ptr, old_size, new_size);
	if (!moved) {
		mem->n_failed++;
		return NULL;
	}
	mem->n_blocks += ptr == NULL;
	mem->n_bytes += new_size - old_size;
	if (mem->n_bytes > mem->n_bytes_max)
		mem->n_bytes_max = mem->n_bytes;
	return moved;
}

void *mem_alloc(struct mem *mem, size_t size)
{
	return mem_resize(mem, NULL, 0, size);
}

void *mem_zalloc(struct mem *mem, size_t size)
{
	void *ptr = mem_alloc(mem, size);

	if (ptr)
		memset(ptr, 0, size);
	return ptr;
}

void *mem_zalloc_array(struct mem *mem, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		mem->n_failed++;
		return NULL;
	}
	return mem_zalloc(mem, total);
}

void mem_free(struct mem *mem, void *ptr, size_t size)
{
	if (!ptr)
		return;
	assert(mem->n_blocks > 0 && mem->n_bytes >= size);
	mem->n_blocks--;
	mem->n_bytes -= size;
	mem->realloc(mem->ctx, ptr, mem_real_size(size), 0);
}

static size_t mem_aligned_extra(size_t align)
{
	return align + sizeof(void *);
}

void *mem_alloc_aligned(struct mem *mem, size_t size, size_t align)
{
	uintptr_t at;
	size_t total;
	char *raw, *ptr;

	assert(align > 0 && (align & (align - 1)) == 0);
	if (__builtin_add_overflow(size, mem_aligned_extra(align), &total)) {
		mem->n_failed++;
		return NULL;
	}
	raw = mem_alloc(mem, total);
	if (!raw)
		return NULL;
	at = ((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
	ptr = raw + (at - (uintptr_t)raw);
	memcpy(ptr - sizeof(void *), &raw, sizeof(raw));
	return ptr;
}

void mem_free_aligned(struct mem *mem, void *ptr, size_t size, size_t align)
{
	void *raw;

	if (!ptr)
		return;
	memcpy(&raw, (char *)ptr - sizeof(raw), sizeof(raw));
	mem_free(mem, raw, size + mem_aligned_extra(align));
}
