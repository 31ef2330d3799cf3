/* SPDX-License-Identifier: MIT */
/*
 * The figures of a ping, as iputils' counts them: kept by the lab for the result, and by the
 * command from the notifications, for when it is interrupted. No floating point.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ping_stats {
	uint64_t n_sent, n_received, n_duplicates, n_errors;
	uint64_t n_timed;          /* answers with a time, duplicates too */
	int64_t start_ns, last_ns; /* first request, last request */
	int64_t min_us, max_us, sum_us;
	uint64_t sum2_us2;
	int64_t ewma_8us; /* eight times the moving average */
	uint64_t pipe;    /* most requests under way when one of them was answered */
};

void ping_stats_sent(struct ping_stats *s, int64_t now_ns);
/* `rtt_ns` < 0: not known. `seq` counts from 1. */
void ping_stats_reply(struct ping_stats *s, uint64_t seq, int64_t rtt_ns, bool is_duplicate);
void ping_stats_error(struct ping_stats *s, uint64_t seq);
int64_t ping_stats_avg_us(const struct ping_stats *s);
/* Standard deviation. */
int64_t ping_stats_mdev_us(const struct ping_stats *s);
