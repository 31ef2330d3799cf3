/* SPDX-License-Identifier: MIT */
/*
 * Whether a run in real time can be believed: how late the machine was with what was due.
 *
 * A simulated link delivers a frame when its delay has passed; when the machine is too slow, frames
 * arrive later than the link says, and whoever measures, measures the machine. So every deadline of
 * the loop is compared with the clock when it is met. Later than the tolerance is too late: half
 * the shortest delay that a link of the lab has, but at least 1 ms (what a sleeping process of a
 * system in order can be woken late by) and at most 10 ms. A run is believed as long as at most one
 * deadline in a hundred was met too late (two are forgiven), and none so late (200 ms) that TCP's
 * retransmission timers fire for nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct lab;

enum {
	LAB_BELIEF_MIN_NS = 1000000,  /* least tolerance */
	LAB_BELIEF_MAX_NS = 10000000, /* most */
	LAB_BELIEF_FORGIVEN = 2,
	LAB_BELIEF_LATE_PPM = 10000,     /* deadlines of a million that may be met too late */
	LAB_BELIEF_STALL_NS = 200000000, /* none may be met later than this */
};

struct lab_belief {
	bool is_believable; /* always, in virtual time */
	int64_t tolerance_ns;
	uint64_t n_deadlines, n_late;
	uint32_t late_ppm; /* of the deadlines */
	int64_t late_max_ns;
};

/* Tells the loop what is too late, by the links as they are now. */
void lab_belief_start(struct lab *lab);
void lab_belief_get(const struct lab *lab, struct lab_belief *ret);
/* One line for a report; of virtual time, nothing. */
void lab_belief_print(const struct lab *lab, FILE *out);
/* One line of warning when the run cannot be believed; else nothing. */
void lab_belief_warn(const struct lab *lab, FILE *out);
