/* SPDX-License-Identifier: MIT */
/*
 * The meter: runs the processes of a benchmark, lets them warm up, and measures over a window.
 *
 * Every benchmark program here is the same three things: a few workers, each a process of its own;
 * a page of memory that they share, where the one that receives counts; and the meter, which sleeps
 * through the warm-up and the window and reads that page, the clock and the workers' CPU clocks at
 * both ends. So our side and the kernel's are measured by the same code, over the same window, and
 * nothing that is measured has to look at the time.
 */
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	BULK_BYTES = 128 * 1024, /* the application's buffer in bulk figures, on every side */
	DGRAM_BYTES = 64,        /* payload of a datagram */
	DGRAM_BATCH = 64,        /* datagrams sent, and at most received, at a time */
	BENCH_PORT = 5001,
	CRR_OUTSTANDING = 64, /* connections under way at a time */
	FWD_ROUTES = 1000,
	FWD_FEW = 8,                /* destinations, when there are few */
	FWD_MANY = 16 * FWD_ROUTES, /* 16 by each route */
	FWD_STEP = 389,             /* from a packet's route to the next one's */
	FWD_FRAME = 64,             /* bytes, without FCS */
	FWD_FIRST6 =
		0x1000, /* route i goes to 2001:db8:(FWD_FIRST6 + i)::/48, or to 172.16+.i.0/24 */
};

/* What workers count. One writer a field. */
struct gauge {
	alignas(64) _Atomic uint64_t n_bytes; /* payload that the receiving application got */
	_Atomic uint64_t n_ops;               /* round trips done, datagrams or frames received */
	/* Notes about the whole run, for who looks for the reason of a figure; 0: none. */
	_Atomic uint64_t sent_units, sent_unit_bytes; /* frames, and super-packets counting once */
	_Atomic uint64_t n_retrans;
	_Atomic uint64_t setup_ns, setup_bytes; /* CPU time, resident memory: before it was ready */
	alignas(64) _Atomic uint32_t n_ready;   /* workers that are ready for the next to start */
	_Atomic bool is_stopping;
};

struct worker {
	const char *name;
	void (*fn)(struct gauge *g, const void *arg); /* returns soon after gauge_is_stopping() */
	const void *arg;
	const char *netns; /* path of the network namespace it runs in; NULL: that of the caller */
	pid_t pid; /* 0; else one that runs already, and whose CPU time is read; no `fn` then */
};

enum unit {
	UNIT_GBIT_S, /* of n_bytes */
	UNIT_PER_S,  /* of n_ops */
};

static inline void gauge_add(_Atomic uint64_t *field, uint64_t n)
{
	uint64_t now = atomic_load_explicit(field, memory_order_relaxed);

	atomic_store_explicit(field, now + n, memory_order_relaxed);
}

static inline bool gauge_is_stopping(const struct gauge *g)
{
	return atomic_load_explicit(&g->is_stopping, memory_order_relaxed);
}

/* Said once by every worker, when the one listed after it may start. */
static inline void gauge_ready(struct gauge *g)
{
	atomic_fetch_add(&g->n_ready, 1);
}

/* Starts the workers in their order, measures for `seconds` after a warm-up, ends them, and prints
 * one line of JSON: value (in `unit`), bytes, ops, seconds (of the window), cpu_s (user and system
 * time of all workers and of the kernel's softirq threads), cpu_s_by (each), and the gauge's notes.
 * `note` is more of the JSON object, as `"key": value, `; may be empty. Exits with a message when a
 * worker ends early or nothing was received. */
void meter_run(const struct worker *workers, size_t n_workers, enum unit unit, double seconds,
	       const char *note);

/* A whole number from `min` to `max`; exits when it is none. */
long meter_number(const char *text, long min, long max);
/* The argument SECONDS of a program; exits when it is no number above 0 and up to 3600. */
double meter_seconds(const char *text);

/* Print "PROGRAM: what: reason" and exit. `err` is a negative errno; must() only does so then. */
_Noreturn void die(const char *what, int err);
void must(int err, const char *what);
/* The same for what returns -1 and sets errno; returns `ret`. */
int must_sys(int ret, const char *what);
/* A worker's process goes into the namespace; exits when it cannot. */
void netns_enter(const char *path);
