/* SPDX-License-Identifier: MIT */
/*
 * What `weft plot` has read of a trace, and drawing it: lines over time in panels one above the
 * other, one panel a quantity, by gnuplot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	PLOT_NAME_MAX = 128,
	PLOT_FLOWS_MAX = 8, /* drawn; those that sent most */
};

enum plot_what {
	PLOT_CWND,
	PLOT_RTT,
	PLOT_FLIGHT,
	PLOT_QUEUE,
	PLOT_SEQ,
	PLOT_RATE,
	PLOT_WHATS,
};

/* One line of the trace. */
struct plot_point {
	int64_t t_ns;
	uint64_t v[4]; /* of a queue: frames; of a flow: see enum plot_field */
	uint64_t more[4];
};

enum plot_field { /* in v, then in more */
	PLOT_F_CWND,
	PLOT_F_SSTHRESH,
	PLOT_F_SRTT,
	PLOT_F_FLIGHT,
	PLOT_F_UNA,
	PLOT_F_NXT,
	PLOT_F_WND,
	PLOT_F_RATE,
};

#define PLOT_NONE UINT64_MAX /* no such value at that time */

/* A connection's sender, or the queue of an interface. */
struct plot_series {
	char name[PLOT_NAME_MAX];
	bool is_queue;
	struct plot_point *points;
	size_t n, cap;
};

struct plot {
	struct plot_series *series;
	size_t n_series;
	int64_t start_ns; /* of the trace; INT64_MAX: nothing was read */
};

struct plot_options {
	uint32_t what[PLOT_WHATS]; /* enum plot_what, in the order of the panels */
	uint32_t n_what;
	const char *flow; /* only those with this in their name; NULL: all */
	const char *title;
	int64_t from_ns, to_ns; /* since start_ns; to_ns INT64_MAX: to the end */
	const char *type;       /* "svg" or "png" */
};

static inline uint64_t plot_value(const struct plot_point *p, enum plot_field f)
{
	return f < 4 ? p->v[f] : p->more[f - 4];
}

/* The word of a quantity; -EINVAL. */
int plot_what_parse(const char *word, uint32_t *ret) MUST_CHECK;
const char *plot_what_name(uint32_t what);
/* Writes the picture into a file: 0, or an exit status after a message. */
int plot_draw(struct plot *plot, const struct plot_options *o, const char *path) MUST_CHECK;
