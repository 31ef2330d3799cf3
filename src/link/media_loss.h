/* SPDX-License-Identifier: MIT */
/*
 * Which frames a simulated link loses: at random, each by itself; in bursts, by the model of
 * Gilbert and Elliott; and those of a list, for tests.
 *
 *	            p
 *	      ------------->
 *	good                 bad        lost in the good state: 1-k, in the bad one: 1-h
 *	      <-------------
 *	            r
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct media_conf;
struct rng;

/* Of one direction; all zero at first. */
struct media_loss {
	uint64_t n_frames; /* seen since the list was set */
	bool is_bad;
};

/* Whether the next frame is lost. */
bool media_loss_draw(struct media_loss *state, const struct media_conf *conf, struct rng *rng);
/* The direction has another list: it counts from here. */
void media_loss_restart(struct media_loss *state);
