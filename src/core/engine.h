/* SPDX-License-Identifier: MIT */
/*
 * An engine: what stacks that share a thread share. Clock, timing wheel, packet pools, random
 * source, trace ring, CPU-dispatched routines, and nothing else. One thread owns it.
 *
 * How it works: the caller hands in frames through drivers, and the time through engine_run(). That
 * fires timers, empties the receive backlogs (frames between stacks), then calls the deferred
 * callbacks of sockets, again and again until nothing is left to do at this time or the budget is
 * used up (then each callback that waits is called once); then it flushes the drivers.
 * engine_next_ns() tells when it wants to run again. Nothing here reads a clock, sleeps or does
 * I/O.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cpu.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/wheel.h"
#include "core/trace.h"
#include "pkt/pkt.h"

struct stack;

enum {
	ENGINE_BUDGET_PKTS = 4096, /* frames taken from backlogs in one engine_run() */
};

struct engine_config {
	int64_t now_ns;
	int64_t epoch_ns; /* added to the clock for what people read: time since 1970 at clock 0 */
	bool has_seed;
	uint64_t seed; /* deterministic numbers: for simulations and tests only */
	/* Else: fills `buf` with unpredictable bytes; 0 or -Exxx. */
	int (*entropy)(void *ctx, void *buf, size_t len);
	void *entropy_ctx;
	/* NULL: libc's. See base/mem.h. */
	void *(*realloc)(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes);
	void *mem_ctx;
	uint64_t mem_limit_bytes; /* 0: none */
	struct pkt_limits limits; /* zeroes: defaults */
	uint32_t trace_events;    /* size of the trace ring; 0: default (1024) */
	uint32_t trace_sample_every;
};

/* Work that waits until the engine has finished with the current packet: socket wake-ups, ACKs at
 * the end of a burst. Embedded in its object; `fn` may defer again. */
struct engine_work {
	struct list link; /* self-linked: not pending */
	void (*fn)(struct engine_work *work);
};

struct engine {
	int64_t now_ns;
	int64_t epoch_ns;    /* wall clock minus now_ns */
	struct list backlog; /* netifs with frames waiting, in order of arrival */
	struct list works;   /* struct engine_work, in order */
	struct list flush;   /* netifs whose driver wants ops->flush */
	struct list doors;   /* struct door: what other engines hand over (core/door.h) */
	struct wheel wheel;
	struct pkt_pools pkts;
	struct cpu_ops cpu;
	struct siphash_key hash_key; /* for everything keyed by a remote peer */
	struct rng rng;
	struct trace trace;
	struct mem mem;
	int64_t reclaim_ns; /* pools are not asked for memory again before */
	struct list stacks;
	uint32_t n_stacks_ever;
	struct stack **stacks_by_id; /* max_stack_ids of them, so 8 bytes for each that ever was */
	uint32_t max_stack_ids;
	void *api;       /* what api/ keeps with it, freed by api/ */
	uintptr_t owner; /* cpu_thread() of who ran it first, or adopted it; 0: nobody yet */
	bool is_running; /* inside engine_run(): callbacks may not call it */
	bool is_dozing;  /* its doors may be */
	void (*wake)(void *arg); /* of engine_set_wake() */
	void *wake_arg;
};

/* Returns 0; -EINVAL: neither seed nor entropy; -ENOMEM; or what `entropy` returned. */
int engine_new(const struct engine_config *cfg, struct engine **ret) MUST_CHECK;
/* All stacks must be gone. Asserts that all pools are empty. NULL is fine. */
void engine_free(struct engine *eng);

/* Calls what is deferred still, when all stacks are gone. */
void engine_finish(struct engine *eng);

/* Does everything that is due at `now_ns` (never before the last time given; an earlier one counts
 * as that). Returns true when the budget ran out and it should be called again at once. */
bool engine_run(struct engine *eng, int64_t now_ns);
/* When to call engine_run() next if no frame arrives before: `now_ns` when work is waiting,
 * INT64_MAX when there is none. */
int64_t engine_next_ns(struct engine *eng);
/* The same for those who only want to sleep: never later, perhaps earlier, and cheap however often
 * timers are restarted. */
int64_t engine_bound_ns(const struct engine *eng);

/* The engine belongs to another thread: a bug of the application's, which cannot be reported. */
static inline void engine_check_thread(const struct engine *eng)
{
	assert((!eng->owner || eng->owner == cpu_thread()) &&
	       "this engine belongs to another thread (weft/engine.h, weft/blocking.h)");
}

static inline void engine_work_init(struct engine_work *work, void (*fn)(struct engine_work *))
{
	list_init(&work->link);
	work->fn = fn;
}

static inline bool engine_work_is_pending(const struct engine_work *work)
{
	return !list_is_empty(&work->link);
}

static inline void engine_work_defer(struct engine *eng, struct engine_work *work)
{
	if (!engine_work_is_pending(work))
		list_add_tail(&eng->works, &work->link);
}

static inline void engine_work_cancel(struct engine_work *work)
{
	list_del(&work->link);
	list_init(&work->link);
}
