/* SPDX-License-Identifier: MIT */
/*
 * What the controls share: Reno's pieces, which most of them fall back on or start from, and small
 * arithmetic.
 */
#pragma once

#include "transport/cc/cc.h"

#define CC_NS_PER_S 1000000000LL

static inline uint32_t cc_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t cc_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint64_t cc_min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t cc_max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Sequence numbers: a is at or after b. */
static inline bool cc_seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/* RFC 5681 §3.1, equation (2) with byte counting. Returns the bytes left for what follows. */
uint32_t cc_slow_start(struct cc_state *cc, uint32_t acked);
/* One segment for each window acknowledged. */
void cc_avoidance(struct cc_state *cc, uint32_t acked);
/* RFC 6582 §3.2 step 3: the window never was inflated, so there is nothing to take back. */
void cc_reno_on_recovered(struct cc_state *cc);
/* The window is at least what it was. */
void cc_reno_on_undo(struct cc_state *cc, const struct cc_undo *ev);
/* RFC 2861 §2. */
void cc_reno_on_idle(struct cc_state *cc, uint64_t idle_us, uint32_t rto_us);
