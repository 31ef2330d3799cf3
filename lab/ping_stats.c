/* SPDX-License-Identifier: MIT */
/* The figures of a ping; the contract is in ping_stats.h. */
#include "lab/ping_stats.h"

enum {
	NS_PER_US = 1000,
	/* Longer ones (11 days) are counted as this, so that squares fit. */
	RTT_MAX_US = 1000000000,
};

void ping_stats_sent(struct ping_stats *s, int64_t now_ns)
{
	if (!s->n_sent)
		s->start_ns = now_ns;
	s->n_sent++;
	s->last_ns = now_ns;
}

static void pipe_note(struct ping_stats *s, uint64_t seq)
{
	if (seq <= s->n_sent && s->n_sent - seq + 1 > s->pipe)
		s->pipe = s->n_sent - seq + 1;
}

void ping_stats_reply(struct ping_stats *s, uint64_t seq, int64_t rtt_ns, bool is_duplicate)
{
	int64_t us = rtt_ns / NS_PER_US;

	if (is_duplicate)
		s->n_duplicates++;
	else
		s->n_received++;
	pipe_note(s, seq);
	if (rtt_ns < 0)
		return;
	if (us > RTT_MAX_US)
		us = RTT_MAX_US;
	if (!s->n_timed || us < s->min_us)
		s->min_us = us;
	if (us > s->max_us)
		s->max_us = us;
	s->sum_us += us;
	if (s->sum2_us2 <= UINT64_MAX - (uint64_t)(us * us))
		s->sum2_us2 += (uint64_t)(us * us);
	s->ewma_8us = s->n_timed ? s->ewma_8us + us - s->ewma_8us / 8 : us * 8;
	s->n_timed++;
}

void ping_stats_error(struct ping_stats *s, uint64_t seq)
{
	s->n_errors++;
	pipe_note(s, seq);
}

int64_t ping_stats_avg_us(const struct ping_stats *s)
{
	return s->n_timed ? s->sum_us / (int64_t)s->n_timed : 0;
}

/* The largest r with r * r <= n. */
static uint64_t root(uint64_t n)
{
	uint64_t r = 0;

	for (int bit = 31; bit >= 0; bit--) {
		uint64_t try = r | UINT64_C(1) << bit;

		if (try * try <= n)
			r = try;
	}
	return r;
}

int64_t ping_stats_mdev_us(const struct ping_stats *s)
{
	uint64_t mean2, square;

	if (!s->n_timed)
		return 0;
	mean2 = s->sum2_us2 / s->n_timed;
	square = (uint64_t)(ping_stats_avg_us(s) * ping_stats_avg_us(s));
	return mean2 > square ? (int64_t)root(mean2 - square) : 0;
}
