/* SPDX-License-Identifier: MIT */
/* `weft nstat`: counters as nstat prints them, apart from where they come from. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct nstat_opts {
	bool is_absolute; /* -a: since the node came up, not since the last call */
	bool has_zeros;   /* -z */
	bool no_output;   /* -n */
	bool no_update;   /* -s */
	bool is_reset;    /* -r */
	bool json, pretty;
	char *const *patterns; /* of names, ended by NULL; none: all */
};

/* The counters to show, in nstat's order, from the answer of nstat.read: the caller's. */
json_t *nstat_pick(const json_t *answer, const struct nstat_opts *o);
void nstat_print(FILE *out, const json_t *counters, const struct nstat_opts *o);
