/* SPDX-License-Identifier: MIT */
/*
 * An arena: memory that is handed out piece by piece and freed as a whole. Everything that a lab
 * file turns into lives in one, so a half-built lab is thrown away with one call.
 */
#pragma once

#include "base/compiler.h"

#include <stddef.h>

struct arena_block;

/* All zero is an empty arena. */
struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used_bytes;          /* of the newest block */
	size_t total_bytes;         /* asked from the system so far */
};

void arena_fini(struct arena *a);

/* Zeroed memory, aligned for every type; NULL when there is none. `size` may be 0. */
void *arena_alloc(struct arena *a, size_t size) MUST_CHECK;

/* The same for `n` elements of `size` bytes; NULL also when the product does not fit size_t. */
void *arena_alloc_array(struct arena *a, size_t n, size_t size) MUST_CHECK;

/* A copy of `len` bytes with a NUL behind it. */
char *arena_strndup(struct arena *a, const char *s, size_t len) MUST_CHECK;
char *arena_strdup(struct arena *a, const char *s) MUST_CHECK;

char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
