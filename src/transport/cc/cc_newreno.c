/* SPDX-License-Identifier: MIT */
/*
 * NewReno: RFC 5681 slow start, congestion avoidance and the halving after a loss; RFC 6928 initial
 * window; RFC 3465 byte counting, without its limit of two segments an ACK, because one ACK stands
 * for a whole super-packet here (as in Linux). RFC 2861 §2 after an idle time.
 */
#include "transport/cc/cc.h"

static uint32_t cc_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t cc_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
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
}

/* RFC 5681 §3.1, equation (2) with byte counting. Returns the bytes left for what follows. */
static uint32_t newreno_slow_start(struct cc_state *cc, uint32_t acked)
{
	uint32_t grow = cc_min(acked, cc->ssthresh - cc->cwnd);

	cc->cwnd += grow;
	return acked - grow;
}

/* One segment for each window acknowledged. */
static void newreno_avoidance(struct cc_state *cc, uint32_t acked)
{
	cc->acked += acked;
	while (cc->acked >= cc->cwnd) {
		cc->acked -= cc->cwnd;
		cc->cwnd += cc->mss;
	}
}

static void newreno_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	uint32_t acked = ev->acked_bytes;

	/* RFC 7661 in its simplest form: a window that is not used is not known to be good. */
	if (!ev->is_cwnd_limited)
		return;
	if (cc->cwnd < cc->ssthresh)
		acked = newreno_slow_start(cc, acked);
	if (acked > 0)
		newreno_avoidance(cc, acked);
	cc->cwnd = cc_min(cc->cwnd, CC_CWND_MAX);
}

static void newreno_on_loss(struct cc_state *cc, const struct cc_loss *ev)
{
	/* RFC 5681 §3.1, equation (4); held constant when the same segment times out again. */
	if (!ev->is_repeated)
		cc->ssthresh = cc_max(ev->flight_bytes / 2, 2 * cc->mss);
	cc->cwnd = ev->is_timeout ? cc->mss : cc->ssthresh;
	cc->acked = 0;
}

/* RFC 6582 §3.2 step 3: the window never was inflated, so there is nothing to take back. */
static void newreno_on_recovered(struct cc_state *cc)
{
	cc->cwnd = cc->ssthresh;
	cc->acked = 0;
}

static void newreno_on_idle(struct cc_state *cc, uint64_t idle_us, uint32_t rto_us)
{
	uint32_t restart = cc_min(CC_INITIAL_WINDOW * cc->mss, cc->cwnd);
	uint32_t cwnd = cc->cwnd;

	cc->ssthresh = cc_max(cc->ssthresh, cwnd / 4 * 3);
	for (; idle_us > rto_us && cwnd > restart; idle_us -= rto_us)
		cwnd /= 2;
	cc->cwnd = cc_max(cwnd, restart);
	cc->acked = 0;
}

const struct cc_ops cc_newreno = {
	.name = "newreno",
	.on_ack = newreno_on_ack,
	.on_loss = newreno_on_loss,
	.on_recovered = newreno_on_recovered,
	.on_idle = newreno_on_idle,
};
