/* SPDX-License-Identifier: MIT */
/* Arithmetic of both versions of BBR: gains in 256ths, rates in bytes a second. */
#pragma once

#include "transport/cc/cc_priv.h"

enum {
	BBR_UNIT = 256,
	BBR_MIN_PIPE = 4,          /* segments in flight that keep ACKs coming */
	BBR_PACING_MARGIN = 1,     /* percent below the estimate, so that no queue is left */
	BBR_GSO_MAX_BYTES = 65536, /* a super-packet */
	BBR_SLOW_BPS = 150000,     /* 1.2 Mbit/s: below, segments are sent singly */
};

#define BBR_RATE_MAX_BPS (UINT64_MAX >> 20)

static inline uint64_t bbr_gain(uint64_t v, uint32_t gain)
{
	return v * gain / BBR_UNIT;
}

/* Delivery rate of a sample, bytes a second; 0: it is not valid. */
static inline uint64_t bbr_rate(const struct cc_sample *rs)
{
	if (rs->interval_ns <= 0)
		return 0;
	return cc_min64(rs->delivered_bytes, CC_CWND_MAX) * CC_NS_PER_S / (uint64_t)rs->interval_ns;
}

/* What a rate delivers in a time. */
static inline uint64_t bbr_in_time(uint64_t bps, uint64_t us)
{
	return bps / 1000000 * us + bps % 1000000 * us / 1000000;
}

static inline uint64_t bbr_pacing(uint64_t bps, uint32_t gain)
{
	return cc_min64(bbr_gain(bps, gain) / 100 * (100 - BBR_PACING_MARGIN), BBR_RATE_MAX_BPS);
}

/* Bytes in a super-packet at a pacing rate: about a millisecond's. */
static inline uint32_t bbr_quantum(uint64_t bps, uint32_t mss)
{
	uint32_t least = bps < BBR_SLOW_BPS ? mss : 2 * mss;

	return cc_max((uint32_t)cc_min64(bps >> 10, BBR_GSO_MAX_BYTES), least);
}

/* A cheap generator: phases of flows that began together need not stay together. */
static inline uint32_t bbr_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}
