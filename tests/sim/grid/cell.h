/* SPDX-License-Identifier: MIT */
/*
 * One cell of the grid: bulk senders through one bottleneck for some virtual time, and what was
 * measured.
 *
 *	sender ---- bottleneck ---- receiver                  all flows with one round trip
 *
 *	sender 1 --- access 1 ---\
 *	sender 2 --- access 2 ----- router --- bottleneck --- receiver      a round trip each
 *
 * The bottleneck limits the direction of the data; ACKs have the same rate and their own queue.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "weft/weft.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

enum {
	CELL_FLOWS_MAX = 16,
	CELL_SAMPLES_MAX = 12000,
};
#define CELL_SAMPLE_NS (10 * MS)

struct cell {
	/* what is asked */
	bool is_ip6;
	uint64_t seed; /* of all that is random */
	uint32_t n_flows;
	const char *cc[CELL_FLOWS_MAX]; /* congestion control of each */
	int64_t rtt_ns[CELL_FLOWS_MAX]; /* of each without queues */
	uint64_t rate_bps;              /* of frames */
	uint64_t buffer_bytes;          /* before the bottleneck; 0: a bandwidth-delay product */
	struct weft_link_dir link;      /* what else it does in the direction of the data */
	bool marks;                     /* ECN is agreed, and the queue marks */
	int64_t start_ns;               /* measured from here ... */
	int64_t end_ns;                 /* ... to here */
	int64_t stagger_ns;             /* from the start of one flow to that of the next */
	int64_t outage_ns;              /* at start_ns everything is lost for so long; 0: none */

	/* what was found */
	uint64_t bytes[CELL_FLOWS_MAX]; /* received while it was measured */
	uint64_t segs, again, spurious; /* sent, sent again, of these the peer had already */
	uint64_t timeouts;
	uint32_t n_samples;
	uint32_t queue[CELL_SAMPLES_MAX];    /* frames waiting, every CELL_SAMPLE_NS */
	uint64_t received[CELL_SAMPLES_MAX]; /* bytes of all flows up to then */
};

void cell_run(struct cell *c);
/* Payload as a share of what the bottleneck could carry, in a thousand. */
uint32_t cell_goodput(const struct cell *c);
/* Jain's index of what the flows got, in a thousand: 1000 is fair, 1000/n is one taking all. */
uint32_t cell_fairness(const struct cell *c);
/* Milliseconds in tenths: waiting before the bottleneck on average, and the 95th percentile. */
uint32_t cell_queue_avg(const struct cell *c);
uint32_t cell_queue_p95(const struct cell *c);
/* The same on average within a part of the time. */
uint32_t cell_queue_between(const struct cell *c, int64_t from_ns, int64_t to_ns);
/* Segments sent again, and those in vain, in ten thousand of all. */
uint32_t cell_again(const struct cell *c);
uint32_t cell_spurious(const struct cell *c);
/* From the end of the outage until a tenth of a second has nine tenths of the rate before it; ms.
 * UINT32_MAX: never. */
uint32_t cell_recovery_ms(const struct cell *c);
