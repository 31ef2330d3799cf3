/* SPDX-License-Identifier: MIT */
/*
 * One allocation fails: what the tours of libweft and libweft-io share.
 *
 * inject_fails() is asked by whatever allocates, and says yes to the `fail_at`th. When the engine
 * then gives back what it held for nobody and asks again at once, that fails too: it is the same
 * want. The calls of a tour are made by CALL(), which makes one again that found no memory.
 */
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	uint64_t n_allocs, fail_at, n_refused;
	/* What the allocation that failed asked for; and whether anything was freed since. */
	const void *ptr;
	size_t old_bytes, new_bytes;
	bool has_freed;
} inj;

static bool inject_fails(const void *ptr, size_t old_bytes, size_t new_bytes)
{
	if (++inj.n_allocs == inj.fail_at) {
		inj.ptr = ptr;
		inj.old_bytes = old_bytes;
		inj.new_bytes = new_bytes;
		inj.has_freed = false;
		return true;
	}
	if (inj.n_allocs != inj.fail_at + 1 || !inj.has_freed || inj.ptr != ptr ||
	    inj.old_bytes != old_bytes || inj.new_bytes != new_bytes)
		return false;
	inj.new_bytes = 0;
	return true;
}

static __attribute__((noreturn)) void die(const char *what, long long got, int line)
{
	printf("not ok - %s: %lld, line %d, when allocation %" PRIu64 " of %" PRIu64 " fails\n",
	       what, got, line, inj.fail_at, inj.n_allocs);
	exit(1);
}

static bool is_memory(long long err)
{
	return inj.fail_at && inj.n_allocs >= inj.fail_at &&
	       (err == -ENOMEM || err == -ENOBUFS || err == -EAGAIN);
}

/* A call that may find no memory, once. */
#define CALL(expr)                                  \
	do {                                        \
		long long got_ = (expr);            \
                                                    \
		if (got_ < 0 && is_memory(got_)) {  \
			inj.n_refused++;            \
			inj.new_bytes = 0;          \
			got_ = (expr);              \
		}                                   \
		if (got_ < 0)                       \
			die(#expr, got_, __LINE__); \
	} while (0)
/* One that never says so. */
#define HOLDS(expr)                              \
	do {                                     \
		if (!(expr))                     \
			die(#expr, 0, __LINE__); \
	} while (0)
