/* SPDX-License-Identifier: MIT */
/*
 * A simulated link: a pair of interfaces whose frames take time and may be lost, repeated, damaged
 * or reordered, separately in each direction.
 *
 * How it works: a frame passes three places.
 *
 *	tx -> queue (waits for the transmitter) -> transmitter (1/rate) -> in flight (delay) -> rx
 *
 * The transmitter sends frames back to back: the end of one is the start of the next, in integer
 * nanoseconds with the remainder carried, so that N bits take exactly floor(N * 10^9 / rate) ns
 * however they are cut into frames and however late timers are served. What is random is decided
 * when a frame leaves the transmitter, in the order of the frames, by a random source of the
 * direction's own (media_loss.h, media_delay.h). Frames in flight keep their order; those that are
 * to be reordered fly on a second list beside it. There is one timer a direction.
 *
 * Without rate and randomness super-packets pass whole; otherwise the interface does without GSO,
 * so that netif_tx() splits them. A damaged frame loses PARTIAL and VERIFIED: its bytes count.
 *
 * Bounds: queue_pkts and queue_bytes before the transmitter (dropped with LINK_QUEUE). What is in
 * flight is bounded by the engine's packet pool alone, as on a long fat pipe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct netif;
struct stack;
struct media;

enum {
	MEDIA_QUEUE_PKTS = 1000, /* where 0 is given */
	MEDIA_PPM = 1000000,
	MEDIA_LOSE_MAX = 8, /* ranges of frames to lose */
};

/* How what jitter adds to the delay is distributed. */
enum media_dist {
	MEDIA_DIST_UNIFORM,      /* evenly from 0 to the jitter */
	MEDIA_DIST_NORMAL,       /* the jitter is the standard deviation, cut at four of it */
	MEDIA_DIST_PARETO,       /* the same of a distribution with a long tail */
	MEDIA_DIST_PARETONORMAL, /* a quarter of the normal, three quarters of the Pareto */
	MEDIA_DISTS,
};

#define MEDIA_RATE_MAX_BPS ((uint64_t)1000 * 1000 * 1000 * 1000 * 1000) /* 1 Pbit/s */
#define MEDIA_TIME_MAX_NS  ((int64_t)3600 * 1000 * 1000 * 1000)         /* 1 h */

/* What one direction does to frames. All zero: nothing. */
struct media_conf {
	uint64_t rate_bps; /* of Ethernet frames without FCS; 0: unlimited */
	int64_t delay_ns;  /* after serialisation */
	int64_t jitter_ns; /* varies the delay by `jitter_dist`; keeps the order */
	enum media_dist jitter_dist;
	int64_t reorder_ns; /* a reordered frame is this much late; 0: it skips the delay */
	uint32_t loss_ppm;
	uint32_t duplicate_ppm;
	uint32_t corrupt_ppm;
	uint32_t reorder_ppm;
	/* Losses in bursts (media_loss.h), with the names of tc-netem(8): from good to bad, from
	 * bad to good, lost in the bad state, lost in the good one. p and 1-k 0: none. */
	uint32_t gemodel_p_ppm, gemodel_r_ppm, gemodel_1h_ppm, gemodel_1k_ppm;
	uint32_t reorder_gap;      /* reordered frames are at least so many apart; 0: any */
	uint32_t reorder_corr_ppm; /* how often the last decision about reordering is repeated */
	uint32_t ecn_pkts;    /* with so many waiting, who can be told is marked CE; 0: never */
	uint32_t queue_pkts;  /* 0: MEDIA_QUEUE_PKTS */
	uint32_t queue_bytes; /* 0: no limit */
	uint32_t n_lose;
	struct {
		uint64_t first, last;
	} lose[MEDIA_LOSE_MAX]; /* frames to lose, the next being 1 */
};

/* Frames as on the wire: a super-packet counts for all of its frames. */
struct media_stats {
	uint64_t frames, bytes; /* delivered to the other end, duplicates too */
	uint64_t lost, queue_drops, duplicated, corrupted, reordered, marked;
	uint64_t down_drops; /* lost because the link went down */
	uint64_t queue_peak_pkts;
	int64_t busy_ns; /* time spent serialising */
};

struct media_end {
	struct stack *stack;
	const char *name;
	const struct media_conf *conf; /* of the direction that starts here */
};

/* Both ends are down; the link is up. As with veth, an end has carrier while the link and the other
 * end are up, and deleting one end deletes both and the link. 0; -EINVAL: a value out of range;
 * -ENOMEM, or as netif_add(). */
int media_new(const struct media_end *a, const struct media_end *b, struct media **ret) MUST_CHECK;
struct netif *media_netif(struct media *m, int end); /* 0: a, 1: b */
/* The link of an interface; NULL: it is not an end of one. */
struct media *media_of(const struct netif *netif);
/* Changes one direction (0: from a to b). Frames in the transmitter and in flight keep their times;
 * those that wait are served as the new values say, and none of them is dropped. 0 or -EINVAL. */
int media_set(struct media *m, int dir, const struct media_conf *conf) MUST_CHECK;
/* A link that is down loses what it carries. */
void media_set_up(struct media *m, bool up);
/* Frames that wait for the transmitter now. */
uint32_t media_queue_pkts(const struct media *m, int dir);
const struct media_stats *media_stats(const struct media *m, int dir);
