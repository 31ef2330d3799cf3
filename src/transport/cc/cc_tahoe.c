/* SPDX-License-Identifier: MIT */
/*
 * Tahoe, for teaching: as 4.3BSD-Tahoe had it (V. Jacobson, "Congestion Avoidance and Control",
 * 1988). Every loss, however it was found, starts over from one segment; slow start to half of what
 * was in flight, then one segment a round trip. What NewReno adds (fast recovery) is seen beside
 * it.
 */
#include "transport/cc/cc_priv.h"

static void tahoe_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	/* Each ACK opens the window by a segment at most, whatever it acknowledges. */
	uint32_t acked = cc_min(ev->acked_bytes, cc->mss);

	if (!ev->is_cwnd_limited)
		return;
	if (cc->cwnd < cc->ssthresh)
		acked = cc_slow_start(cc, acked);
	if (acked > 0)
		cc_avoidance(cc, acked);
	cc->cwnd = cc_min(cc->cwnd, CC_CWND_MAX);
}

/* A mark (ECN) is a loss. */
static void tahoe_on_loss(struct cc_state *cc, const struct cc_loss *ev)
{
	if (!ev->is_repeated)
		cc->ssthresh = cc_max(ev->flight_bytes / 2, 2 * cc->mss);
	cc->cwnd = cc->mss;
	cc->acked = 0;
}

/* The window goes on from where slow start is. */
static void tahoe_on_recovered(struct cc_state *cc)
{
	cc->cwnd = cc->mss;
	cc->acked = 0;
}

const struct cc_ops cc_tahoe = {
	.name = "tahoe",
	.flags = CC_REST,
	.on_ack = tahoe_on_ack,
	.on_loss = tahoe_on_loss,
	.on_recovered = tahoe_on_recovered,
	.on_undo = cc_reno_on_undo,
	.on_idle = cc_reno_on_idle,
};
