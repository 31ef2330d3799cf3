/* SPDX-License-Identifier: MIT */
/* Losses of simulated links; the contract is in media_loss.h. */
#include "link/media_loss.h"

#include "base/rng.h"
#include "link/media.h"

static bool media_loss_is_listed(const struct media_loss *state, const struct media_conf *conf)
{
	for (uint32_t i = 0; i < conf->n_lose; i++)
		if (state->n_frames >= conf->lose[i].first && state->n_frames <= conf->lose[i].last)
			return true;
	return false;
}

/* As in tc-netem(8), the state before the change decides about the frame. */
static bool media_loss_gemodel(struct media_loss *state, const struct media_conf *conf,
			       struct rng *rng)
{
	bool was_bad = state->is_bad;

	if (rng_chance_ppm(rng, was_bad ? conf->gemodel_r_ppm : conf->gemodel_p_ppm))
		state->is_bad = !was_bad;
	return rng_chance_ppm(rng, was_bad ? conf->gemodel_1h_ppm : conf->gemodel_1k_ppm);
}

bool media_loss_draw(struct media_loss *state, const struct media_conf *conf, struct rng *rng)
{
	bool is_lost = rng_chance_ppm(rng, conf->loss_ppm);

	state->n_frames++;
	if (conf->gemodel_p_ppm || conf->gemodel_1k_ppm)
		is_lost |= media_loss_gemodel(state, conf, rng);
	return is_lost || media_loss_is_listed(state, conf);
}

void media_loss_restart(struct media_loss *state)
{
	state->n_frames = 0;
}
