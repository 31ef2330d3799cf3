/* SPDX-License-Identifier: MIT */
/*
 * Journeys: the trace events of sampled packets, joined to paths with average times.
 *
 * An event says: packet `trace` passed interface `node:if` at `t_ns`, in or out. The events of one
 * packet in order of time are its journey. Journeys that pass the same interfaces are one path.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lab/report.h"

enum {
	JOURNEY_PLACE_MAX = 80, /* "node:interface" with the NUL */
};

/* One interface passed. Places are compared by what they say. */
struct journey_step {
	char node[64];
	char iface[16];
	bool is_tx;
	int64_t t_ns;
};

struct journey {
	uint32_t trace_id; /* 0: free */
	uint32_t n_steps;
	struct journey_step steps[REPORT_STEPS];
};

struct journey_path {
	uint32_t n_steps;
	struct journey_step
		steps[REPORT_STEPS]; /* t_ns: sum over all journeys since the first step */
	uint64_t n_journeys;
};

struct journeys {
	struct journey live[REPORT_JOURNEYS];
	uint32_t next; /* place for the next new one: round robin */
	struct journey_path paths[REPORT_PATHS];
	uint32_t n_paths;
	uint64_t n_lost; /* journeys whose path found no room */
};

/* Takes an event in; `line` is one JSON line of the trace. Others than rx and tx are ignored. */
void journeys_event(struct journeys *js, const char *line);
/* Ends all journeys: they count for their paths. */
void journeys_finish(struct journeys *js);
