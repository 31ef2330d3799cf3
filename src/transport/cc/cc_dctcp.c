/* SPDX-License-Identifier: MIT */
/*
 * DCTCP (RFC 8257): the window shrinks by as much as the path is congested. The receiver echoes
 * marks exactly (tcp_ecn.c); here the fraction of marked bytes is averaged once a window,
 *
 *	DCTCP.Alpha = Alpha (1 - g) + g M        g = 1/16, M: marked bytes / bytes of this window
 *
 * and a mark makes cwnd (1 - Alpha / 2) of itself, once a window. Growth and losses are Reno's
 * (§3.5). For networks under one administration only: beside ordinary TCP it takes too much.
 */
#include "transport/cc/cc_priv.h"

enum {
	ALPHA_ONE = 1 << 20,
	G_SHIFT = 4,
};

struct dctcp {
	uint32_t alpha; /* of ALPHA_ONE */
	uint32_t window_end;
	uint64_t acked_bytes, marked_bytes; /* in this window */
};

static void dctcp_init(struct cc_state *cc, int64_t now_ns UNUSED, uint32_t srtt_us UNUSED,
		       uint32_t nxt)
{
	struct dctcp *d = cc->priv;

	/* §4.2: the first mark halves the window, as nothing is known of the path yet. */
	d->alpha = ALPHA_ONE;
	d->window_end = nxt;
}

/* §3.3, steps 4 to 7. */
static void dctcp_window_ends(struct dctcp *d, uint32_t nxt)
{
	uint64_t m = d->acked_bytes ? d->marked_bytes * ALPHA_ONE / d->acked_bytes : 0;

	d->alpha -= d->alpha >> G_SHIFT;
	d->alpha = cc_min(d->alpha + (uint32_t)(m >> G_SHIFT), ALPHA_ONE);
	if (d->alpha < 1 << G_SHIFT)
		d->alpha = 0;
	d->window_end = nxt;
	d->acked_bytes = d->marked_bytes = 0;
}

static void dctcp_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	struct dctcp *d = cc->priv;

	d->acked_bytes += ev->acked_bytes;
	if (ev->is_ece)
		d->marked_bytes += ev->acked_bytes;
	if (cc_seq_geq(ev->una, d->window_end))
		dctcp_window_ends(d, ev->nxt);
	cc_newreno.on_ack(cc, ev);
}

static void dctcp_on_loss(struct cc_state *cc, const struct cc_loss *ev)
{
	struct dctcp *d = cc->priv;

	if (!ev->is_ecn) {
		cc_newreno.on_loss(cc, ev);
		return;
	}
	/* §3.3, step 9 */
	cc->ssthresh = cc->cwnd - (uint32_t)((uint64_t)cc->cwnd * d->alpha / (2 * ALPHA_ONE));
	cc->ssthresh = cc_max(cc->ssthresh, 2 * cc->mss);
	cc->cwnd = cc_min(cc->cwnd, cc->ssthresh);
	cc->acked = 0;
}

static void dctcp_info(const struct cc_state *cc, struct cc_info *ret)
{
	const struct dctcp *d = cc->priv;

	*ret = (struct cc_info){
		.has_alpha = true,
		.alpha_1024 = (uint16_t)(d->alpha / (ALPHA_ONE / 1024)),
	};
}

const struct cc_ops cc_dctcp = {
	.name = "dctcp",
	.priv_bytes = sizeof(struct dctcp),
	.flags = CC_ECN | CC_ECN_EXACT,
	.init = dctcp_init,
	.on_ack = dctcp_on_ack,
	.on_loss = dctcp_on_loss,
	.on_recovered = cc_reno_on_recovered,
	.on_undo = cc_reno_on_undo,
	.on_idle = cc_reno_on_idle,
	.info = dctcp_info,
};
