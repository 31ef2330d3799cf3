/* SPDX-License-Identifier: MIT */
/*
 * What has happened to packets lately: the lab's one listener to the engine's trace. `weft why`
 * asks it, and the report hears from it.
 *
 * How it works: two rings of lines as the engine writes them, one of drops and one of the hops of
 * traced packets, so that many hops do not push the drops out. The oldest line gives way. Lines are
 * read only when somebody asks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct lab;
struct trace_store;

enum {
	TRACE_STORE_DROPS = 1024,
	TRACE_STORE_HOPS = 8192,
};

/* Listens to lab->eng from now on. 0 or -ENOMEM. */
int trace_store_new(struct lab *lab, struct trace_store **ret) MUST_CHECK;
void trace_store_free(struct trace_store *ts); /* NULL is fine */
/* A line, as the engine's listener gets it. */
void trace_store_add(struct trace_store *ts, const char *line);
/* `fn` gets every line too, as it comes; NULL: nobody any more. */
void trace_store_forward(struct trace_store *ts, void (*fn)(void *arg, const char *line),
			 void *arg);
/* Drops (or hops), the newest first, until `fn` returns false. */
void trace_store_drops(const struct trace_store *ts, bool (*fn)(void *arg, const char *line),
		       void *arg);
void trace_store_hops(const struct trace_store *ts, bool (*fn)(void *arg, const char *line),
		      void *arg);
