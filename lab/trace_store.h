/* SPDX-License-Identifier: MIT */
/*
 * What has happened to packets lately: the lab's one listener to the engine's trace. `weft why`
 * asks it, and the report hears from it.
 *
 * How it works: three rings of events as the engine has them: drops, drops that belong to how a
 * network works (what a switch floods), and the hops of traced packets, so that many of one do not
 * push the others out. The oldest gives way. Keeping one costs a copy; text is made when somebody
 * asks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct lab;
struct trace_store;
struct weft_trace_event;

enum {
	TRACE_STORE_DROPS = 1024,
	TRACE_STORE_ORDINARY = 256,
	TRACE_STORE_HOPS = 8192, /* room for them is made when the first one comes */
};

/* Listens to lab->eng from now on. 0 or -ENOMEM. */
int trace_store_new(struct lab *lab, struct trace_store **ret) MUST_CHECK;
void trace_store_free(struct trace_store *ts); /* NULL is fine */
/* An event, as the engine's watcher gets it. */
void trace_store_add(struct trace_store *ts, const struct weft_trace_event *ev);
/* `fn` gets the line of every hop too, as it comes; NULL: nobody any more. */
void trace_store_forward(struct trace_store *ts, void (*fn)(void *arg, const char *line),
			 void *arg);

/* `fn` gets the line of every figure for plots ("tcp" and "queue" events), which begin to be
 * traced; NULL: nobody any more. */
void trace_store_figures(struct trace_store *ts, void (*fn)(void *arg, const char *line),
			 void *arg);

enum trace_store_what {
	TRACE_STORE_DROP,
	TRACE_STORE_ORDINARY_DROP,
	TRACE_STORE_HOP,
};
/* The lines of one kind, the newest first, until `fn` returns false. `trace_id` 0: of all packets.
 */
void trace_store_each(const struct trace_store *ts, enum trace_store_what what, uint32_t trace_id,
		      bool (*fn)(void *arg, const char *line), void *arg);
