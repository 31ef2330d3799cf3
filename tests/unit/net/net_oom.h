/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail when a test says so: malloc() and its like of the services, which are
 * compiled once more with other names for this (net_oom in meson.build), and an engine's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static struct {
	bool is_on;
	bool and_all_after;
	long n;       /* allocations so far */
	long fail_at; /* the first that fails; -1: none */
	long n_failed;
} oom;

void *oom_malloc(size_t size);
void *oom_calloc(size_t n, size_t size);
void *oom_realloc(void *ptr, size_t size);

static bool alloc_fails(void)
{
	long n;
	bool fails;

	if (!oom.is_on)
		return false;
	n = oom.n++;
	fails = oom.fail_at >= 0 && (oom.and_all_after ? n >= oom.fail_at : n == oom.fail_at);
	oom.n_failed += fails;
	return fails;
}

void *oom_malloc(size_t size)
{
	return alloc_fails() ? NULL : malloc(size);
}

void *oom_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : calloc(n, size);
}

void *oom_realloc(void *ptr, size_t size)
{
	return alloc_fails() ? NULL : realloc(ptr, size);
}

/* For struct weft_engine_config. */
static inline void *engine_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	(void)ctx;
	(void)old_bytes;
	if (new_bytes)
		return oom_realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}
