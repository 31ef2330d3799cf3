/* SPDX-License-Identifier: MIT */
/*
 * Engines and stacks.
 *
 * An engine is driven by its caller: hand it the time with weft_engine_run(), hand frames to its
 * interfaces, and ask weft_engine_next_ns() when it wants to run again. It does no I/O and reads no
 * clock, so the same code serves real time, virtual time and tests. libweft-io (weft/io.h) has a
 * ready-made real-time loop.
 *
 * One thread owns an engine and everything made from it. Engines share nothing with each other.
 */
#pragma once

#include "weft/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All zero is not valid: a seed or an entropy callback must be given. */
struct weft_engine_config {
	int64_t now_ns;   /* the clock's start; any monotonic origin */
	int64_t epoch_ns; /* time since 1970 when the clock is 0: for captures and logs only */
	/* Deterministic numbers (sequence numbers, ports, hash keys) for simulations and tests. */
	bool has_seed;
	uint64_t seed;
	/* Otherwise: fills `buf` with unpredictable bytes, returns 0 or -Exxx (RFC 6528, RFC 6056).
	 * weft_io_entropy in libweft-io is the system's. */
	int (*entropy)(void *ctx, void *buf, size_t len);
	void *entropy_ctx;
	/* Allocator: new_bytes 0 frees; old_bytes 0 allocates. NULL: realloc() and free(). */
	void *(*realloc)(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes);
	void *mem_ctx;
	uint64_t mem_limit_bytes;    /* 0: none */
	uint32_t max_pkts;           /* packets in flight in the engine; 0: default (65536) */
	uint32_t trace_events;       /* events kept in the trace ring; 0: default (1024) */
	uint32_t trace_sample_every; /* trace the hops of one packet in so many; 0: none */
};

/* Returns 0; -EINVAL (neither seed nor entropy), -ENOMEM, or what `entropy` returned. The engine is
 * the caller's, to be freed after its stacks. */
WEFT_API int weft_engine_new(const struct weft_engine_config *cfg, struct weft_engine **ret);
/* Frees the engine; all its stacks must have been freed. NULL is fine. */
WEFT_API void weft_engine_free(struct weft_engine *eng);
/* The calling thread owns the engine from now on; before, the thread does that ran it first. Calls
 * of sockets, timers and the engine from another one abort, saying so, unless the library was built
 * without assertions (NDEBUG) or for a CPU that does not tell threads apart. Whoever hands an
 * engine over sees to it that the other thread sees all that was done. */
WEFT_API void weft_engine_adopt(struct weft_engine *eng);
/* Does everything due at `now_ns` (monotonic, nanoseconds; earlier than before counts as before),
 * then calls the sockets' callbacks. True: there is more to do, call again without waiting. Must
 * not be called from a callback. */
WEFT_API bool weft_engine_run(struct weft_engine *eng, int64_t now_ns);
/* When to run next if no frame comes in before; INT64_MAX: never. */
WEFT_API int64_t weft_engine_next_ns(struct weft_engine *eng);
/*
 * Engines of several threads: cables (weft/cable.h) and shards (weft/shard.h) bring an engine work
 * from other threads. Whoever drives it with a loop of its own must be woken for that, and says
 * when it sleeps; weft_loop (weft/io.h) does all of it.
 *
 * `wake` is called by another thread when something came while the engine dozed; it must not call
 * into any engine, and should not wait (it writes to an eventfd, say). NULL: nobody needs waking.
 * On the thread that owns the engine; the function is not called any more once another one is set.
 */
WEFT_API void weft_engine_set_wake(struct weft_engine *eng, void (*wake)(void *arg), void *arg);
/* Before sleeping: false: something came, run again instead. True: `wake` is called when something
 * comes, until weft_engine_run() is called. */
WEFT_API bool weft_engine_doze(struct weft_engine *eng);
/* The time last given to weft_engine_run(). */
WEFT_API int64_t weft_engine_now_ns(const struct weft_engine *eng);

struct weft_engine_stats {
	uint64_t pkts_used, pkts_peak;      /* packets taken from the pool now, and at most */
	uint64_t bufs_used, bufs_peak;      /* buffers of all classes */
	uint64_t mem_bytes, mem_peak_bytes; /* allocated by the engine and its stacks */
	uint64_t n_alloc_failed;
	uint32_t n_timers; /* armed */
	uint32_t n_stacks;
};
WEFT_API void weft_engine_stats(const struct weft_engine *eng, struct weft_engine_stats *ret);

/* A random number from the engine's source (deterministic when seeded). */
WEFT_API uint64_t weft_engine_random(struct weft_engine *eng);

/* Application timer: `fn(arg)` is called once from weft_engine_run() at or after `at_ns`. */
struct weft_timer;
WEFT_API struct weft_timer *weft_timer_new(struct weft_engine *eng, void (*fn)(void *arg),
					   void *arg);
WEFT_API void weft_timer_start(struct weft_timer *t, int64_t at_ns);
WEFT_API void weft_timer_stop(struct weft_timer *t);
WEFT_API void weft_timer_free(struct weft_timer *t); /* stops it; NULL is fine */

/* Takes the oldest unread trace event as a line of JSON (no newline, NUL-terminated, cut to
 * `size`). Returns its length; 0: none left. Drops and state changes are always there, hops of
 * sampled packets when trace_sample_every asks for them. Of IP packets `flow` says who sends to
 * whom; `hops` is the way so far, `names` what its stacks and interfaces are called. */
WEFT_API size_t weft_trace_read(struct weft_engine *eng, char *buf, size_t size);
/* From now on the hops of one packet in `every` are traced; 0: none. */
WEFT_API void weft_trace_sample(struct weft_engine *eng, uint32_t every);
/* From now on connections tell their figures after each ACK and timeout (events "tcp"), and links
 * how many frames wait whenever that changes ("queue"): for plots. False: no more. */
WEFT_API void weft_trace_figures(struct weft_engine *eng, bool wanted);
/* Calls `fn` with each event's line as it happens; it must not call into the engine. NULL: stop. */
WEFT_API void weft_trace_listen(struct weft_engine *eng, void (*fn)(void *arg, const char *line),
				void *arg);

/*
 * The same without making text of events: an event is WEFT_TRACE_EVENT_BYTES bytes that may be
 * copied and printed later, while the engine lives. `fn` may call the functions below, and nothing
 * else of the engine. NULL: stop.
 */
struct weft_trace_event;
enum {
	WEFT_TRACE_EVENT_BYTES = 256, /* to be aligned as an int64_t */
};
WEFT_API void weft_trace_watch(struct weft_engine *eng,
			       void (*fn)(void *arg, const struct weft_trace_event *ev), void *arg);
/* "rx", "tx" (a traced packet passes an interface), "drop", "state", "tcp", "queue" or "note". */
WEFT_API const char *weft_trace_kind(const struct weft_trace_event *ev);
/* Of a drop its reason, "UDP_NO_PORT"; else NULL. */
WEFT_API const char *weft_trace_reason(const struct weft_trace_event *ev);
WEFT_API uint32_t weft_trace_id(const struct weft_trace_event *ev); /* 0: not about a packet */
/* The event as weft_trace_read() has it. */
WEFT_API size_t weft_trace_print(struct weft_engine *eng, const struct weft_trace_event *ev,
				 char *buf, size_t size);

/* A host with no interfaces but `lo` (127.0.0.1/8, up). `name` is for traces. -ENOMEM. */
WEFT_API int weft_stack_new(struct weft_engine *eng, const char *name, struct weft_stack **ret);
/* Closes what is open without a word on the wire (a shard resets: weft/shard.h), removes the
 * interfaces, frees all. Sockets of the stack must not be used afterwards. Not from a callback of
 * one of its sockets. NULL is fine. */
WEFT_API void weft_stack_free(struct weft_stack *st);
WEFT_API struct weft_engine *weft_stack_engine(const struct weft_stack *st);
WEFT_API const char *weft_stack_name(const struct weft_stack *st);

/* Counters, named as nstat names them ("TcpRetransSegs"), and drop reasons ("UDP_NO_PORT").
 * Calls `fn` for each, zero or not; `text` explains it. */
WEFT_API void weft_stack_counters(const struct weft_stack *st,
				  void (*fn)(void *arg, const char *name, const char *text,
					     uint64_t n),
				  void *arg);
WEFT_API void
weft_stack_drops(const struct weft_stack *st,
		 void (*fn)(void *arg, const char *name, const char *text, uint64_t n), void *arg);
/* One counter or drop reason by name; 0 when there is none of that name. */
WEFT_API uint64_t weft_stack_counter(const struct weft_stack *st, const char *name);

/* Settings by their sysctl name ("net.ipv4.ip_forward"). 0; -ENOENT: unknown name; -EINVAL: value
 * out of range. doc/sysctl.md lists them. */
WEFT_API int weft_stack_set(struct weft_stack *st, const char *name, int64_t value);
WEFT_API int weft_stack_get(const struct weft_stack *st, const char *name, int64_t *ret);
/* The same as text, which may be a name where the values have names
 * (net.ipv4.tcp_congestion_control). -ENOSPC: it does not fit into `size` bytes. */
WEFT_API int weft_stack_set_text(struct weft_stack *st, const char *name, const char *text);
WEFT_API int weft_stack_get_text(const struct weft_stack *st, const char *name, char *ret,
				 size_t size);

#ifdef __cplusplus
}
#endif
