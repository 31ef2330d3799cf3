/* SPDX-License-Identifier: MIT */
/* Random delays and reordering of simulated links; the contract is in media_delay.h. */
#include "link/media_delay.h"

#include "base/rng.h"
#include "link/media.h"

/* The value of a table at a random place, between two quantiles by a straight line; in 1/8192. */
static int32_t media_dist_draw(const int16_t *table, struct rng *rng)
{
	uint32_t u = rng_u32(rng);
	uint32_t i = u >> 22, rest = u >> 6 & 0xffff; /* of 1024, and of 65536 within */
	int32_t step = table[i + 1] - table[i];

	return table[i] + (int32_t)((int64_t)step * rest / 65536);
}

/* Multiples of the jitter, in 1/8192. */
static int32_t media_jitter_draw(enum media_dist dist, struct rng *rng)
{
	int32_t normal;

	switch (dist) {
	case MEDIA_DIST_NORMAL:
		return media_dist_draw(media_dist_normal, rng);
	case MEDIA_DIST_PARETO:
		return media_dist_draw(media_dist_pareto, rng);
	case MEDIA_DIST_PARETONORMAL:
	default:
		/* As tc-netem(8) mixes them. */
		normal = media_dist_draw(media_dist_normal, rng);
		return (normal + 3 * media_dist_draw(media_dist_pareto, rng)) / 4;
	}
}

int64_t media_delay_draw(const struct media_conf *conf, struct rng *rng)
{
	int64_t delay_ns = conf->delay_ns, jitter_ns = conf->jitter_ns;
	int64_t whole, part;
	int32_t k;

	if (!jitter_ns)
		return delay_ns;
	if (conf->jitter_dist == MEDIA_DIST_UNIFORM)
		return delay_ns + (int64_t)rng_below(rng, (uint64_t)jitter_ns + 1);
	/* An hour in ns times 4 * 8192 does not overflow. */
	k = media_jitter_draw(conf->jitter_dist, rng);
	whole = jitter_ns * k;
	part = whole / MEDIA_DIST_ONE;
	return delay_ns + part > 0 ? delay_ns + part : 0;
}

bool media_reorder_draw(struct media_reorder *state, const struct media_conf *conf, struct rng *rng)
{
	uint32_t gap = conf->reorder_gap;
	bool is_due = !gap || state->n_since + 1 >= gap;

	/* Drawn in any case, so that a gap does not shift all that comes after. With correlation
	 * the last decision is repeated that often: the share stays the same. */
	if (!conf->reorder_corr_ppm || !rng_chance_ppm(rng, conf->reorder_corr_ppm))
		state->was = rng_chance_ppm(rng, conf->reorder_ppm);
	if (state->was && is_due) {
		state->n_since = 0;
		return true;
	}
	if (state->n_since < UINT32_MAX - 1)
		state->n_since++;
	return false;
}
