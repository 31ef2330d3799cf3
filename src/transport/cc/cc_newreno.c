/* SPDX-License-Identifier: MIT */
/*
 * NewReno: RFC 5681 slow start, congestion avoidance and the halving after a loss; RFC 6928 initial
 * window; RFC 3465 byte counting, without its limit of two segments an ACK, because one ACK stands
 * for a whole super-packet here (as in Linux). RFC 2861 §2 after an idle time.
 */
#include "transport/cc/cc_priv.h"

static void newreno_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	uint32_t acked = ev->acked_bytes;

	/* RFC 7661 in its simplest form: a window that is not used is not known to be good. */
	if (!ev->is_cwnd_limited)
		return;
	if (cc->cwnd < cc->ssthresh)
		acked = cc_slow_start(cc, acked);
	if (acked > 0)
		cc_avoidance(cc, acked);
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

const struct cc_ops cc_newreno = {
	.name = "reno", /* as Linux and the programs that ask for it */
	.flags = CC_REST,
	.on_ack = newreno_on_ack,
	.on_loss = newreno_on_loss,
	.on_recovered = cc_reno_on_recovered,
	.on_undo = cc_reno_on_undo,
	.on_idle = cc_reno_on_idle,
};
