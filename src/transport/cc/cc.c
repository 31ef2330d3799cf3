/* SPDX-License-Identifier: MIT */
/* The table of controls, and what they share: a new state, slow start, Reno's answers. */
#include "transport/cc/cc.h"

#include <assert.h>
#include <string.h>

#include "transport/cc/cc_priv.h"

static const struct cc_ops *const cc_table[] = {
	&cc_cubic, &cc_newreno, &cc_tahoe, &cc_dctcp, &cc_bbr, &cc_bbr3,
};

static_assert(sizeof(cc_table) / sizeof(cc_table[0]) == CC_COUNT, "the table is whole");

const struct cc_ops *cc_at(size_t i)
{
	return i < CC_COUNT ? cc_table[i] : NULL;
}

const struct cc_ops *cc_find(const char *name)
{
	for (size_t i = 0; i < CC_COUNT; i++)
		if (strcmp(cc_table[i]->name, name) == 0)
			return cc_table[i];
	return NULL;
}

size_t cc_index(const struct cc_ops *ops)
{
	size_t i = 0;

	while (i < CC_COUNT - 1 && cc_table[i] != ops)
		i++;
	return i;
}

void cc_init(struct cc_state *cc, const struct cc_ops *ops, uint32_t mss)
{
	*cc = (struct cc_state){
		.cwnd = CC_INITIAL_WINDOW * mss,
		.ssthresh = UINT32_MAX,
		.mss = mss,
		.ops = ops,
	};
}

void cc_set_mss(struct cc_state *cc, uint32_t mss)
{
	cc->mss = mss;
	cc->cwnd = cc_max(cc->cwnd, mss);
	cc->ssthresh = cc_max(cc->ssthresh, 2 * mss); /* what cwnd is after a recovery */
}

uint32_t cc_slow_start(struct cc_state *cc, uint32_t acked)
{
	uint32_t grow = cc_min(acked, cc->ssthresh - cc->cwnd);

	cc->cwnd += grow;
	return acked - grow;
}

void cc_avoidance(struct cc_state *cc, uint32_t acked)
{
	cc->acked += acked;
	while (cc->acked >= cc->cwnd) {
		cc->acked -= cc->cwnd;
		cc->cwnd += cc->mss;
	}
}

void cc_reno_on_recovered(struct cc_state *cc)
{
	cc->cwnd = cc->ssthresh;
	cc->acked = 0;
}

void cc_reno_on_undo(struct cc_state *cc, const struct cc_undo *ev)
{
	cc->cwnd = cc_max(cc->cwnd, ev->prior_cwnd);
	cc->ssthresh = cc_max(cc->ssthresh, ev->prior_ssthresh);
	cc->acked = 0;
}

void cc_reno_on_idle(struct cc_state *cc, uint64_t idle_us, uint32_t rto_us)
{
	uint32_t restart = cc_min(CC_INITIAL_WINDOW * cc->mss, cc->cwnd);
	uint32_t cwnd = cc->cwnd;

	cc->ssthresh = cc_max(cc->ssthresh, cwnd / 4 * 3);
	for (; idle_us > rto_us && cwnd > restart; idle_us -= rto_us)
		cwnd /= 2;
	cc->cwnd = cc_max(cwnd, restart);
	cc->acked = 0;
}
