/* SPDX-License-Identifier: MIT */
/* The arena of arena.h: a list of blocks, each filled from its start. */
#include "lab/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARENA_BLOCK_BYTES = 16 * 1024,
};

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(max_align_t) unsigned char mem[];
};

void arena_fini(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}

static int arena_grow(struct arena *a, size_t size)
{
	struct arena_block *b;

	if (size < ARENA_BLOCK_BYTES)
		size = ARENA_BLOCK_BYTES;
	b = calloc(1, sizeof(*b) + size);
	if (!b)
		return -1;
	b->next = a->blocks;
	b->size = size;
	a->blocks = b;
	a->used_bytes = 0;
	a->total_bytes += size;
	return 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *mem;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!a->blocks || a->blocks->size - a->used_bytes < size) {
		if (arena_grow(a, size) < 0)
			return NULL;
	}
	mem = a->blocks->mem + a->used_bytes;
	a->used_bytes += size;
	return mem;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, n * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *s = NULL;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len >= 0)
		s = arena_alloc(a, (size_t)len + 1);
	if (s)
		vsnprintf(s, (size_t)len + 1, fmt, again);
	va_end(again);
	return s;
}
