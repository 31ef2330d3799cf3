/* SPDX-License-Identifier: MIT */
/*
 * When a frame of a simulated link arrives: what is random about its delay, and which frames are
 * reordered. In fixed point, by tables of quantiles.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct media_conf;
struct rng;

enum {
	MEDIA_DIST_POINTS = 1025, /* quantiles at i/1024 */
	MEDIA_DIST_ONE = 8192,    /* a standard deviation in the tables */
};

extern const int16_t media_dist_normal[MEDIA_DIST_POINTS];
extern const int16_t media_dist_pareto[MEDIA_DIST_POINTS];

/* What remembers the last decisions of one direction; all zero at first. */
struct media_reorder {
	uint32_t n_since; /* frames in order since the last reordered one; saturates */
	bool was;         /* the last decision, for the correlation */
};

/* The delay of the next frame, not below 0. */
int64_t media_delay_draw(const struct media_conf *conf, struct rng *rng);
/* Whether the next frame is reordered. */
bool media_reorder_draw(struct media_reorder *state, const struct media_conf *conf,
			struct rng *rng);
