/* SPDX-License-Identifier: MIT */
/*
 * Sequence-number arithmetic modulo 2^32 (RFC 9293 §3.4). Comparisons hold for numbers less than
 * 2^31 apart; every comparison of sequence numbers and TCP timestamps in the tree goes through
 * here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How far `a` is ahead of `b`; negative when it is behind. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_geq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) >= 0;
}

/* Whether `seq` lies in [start, end), which may wrap. */
static inline bool seq_between(uint32_t start, uint32_t seq, uint32_t end)
{
	return seq - start < end - start;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}
