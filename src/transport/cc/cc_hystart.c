/* SPDX-License-Identifier: MIT */
/* HyStart++ (RFC 9406 §4.2); names are the RFC's. */
#include "transport/cc/cc_hystart.h"

#include "transport/cc/cc_priv.h"

enum {
	MIN_RTT_THRESH_US = 4000,
	MAX_RTT_THRESH_US = 16000,
	MIN_RTT_DIVISOR = 8,
	N_RTT_SAMPLE = 8,
	CSS_GROWTH_DIVISOR = 4,
	CSS_ROUNDS = 5,
};

void cc_hystart_init(struct cc_hystart *hs, uint32_t nxt)
{
	*hs = (struct cc_hystart){.window_end = nxt};
}

static void hystart_round(struct cc_hystart *hs, const struct cc_ack *ev)
{
	hs->window_end = ev->nxt;
	hs->last_min_us = hs->curr_min_us;
	hs->curr_min_us = 0;
	hs->n_samples = 0;
	if (hs->css_rounds > 0)
		hs->css_rounds++;
}

static void hystart_sample(struct cc_hystart *hs, uint32_t rtt_us)
{
	if (rtt_us == 0)
		return;
	if (!hs->curr_min_us || rtt_us < hs->curr_min_us)
		hs->curr_min_us = rtt_us;
	if (hs->n_samples < UINT8_MAX)
		hs->n_samples++;
}

static bool hystart_sees_delay(const struct cc_hystart *hs)
{
	uint32_t thresh_us = cc_max(MIN_RTT_THRESH_US,
				    cc_min(hs->last_min_us / MIN_RTT_DIVISOR, MAX_RTT_THRESH_US));

	return hs->n_samples >= N_RTT_SAMPLE && hs->last_min_us && hs->curr_min_us &&
	       hs->curr_min_us >= hs->last_min_us + thresh_us;
}

uint32_t cc_hystart_on_ack(struct cc_hystart *hs, struct cc_state *cc, const struct cc_ack *ev)
{
	uint32_t grow = ev->acked_bytes;

	if (cc_seq_geq(ev->una, hs->window_end))
		hystart_round(hs, ev);
	hystart_sample(hs, ev->rate.rtt_us);
	if (hs->css_rounds == 0) {
		if (!hystart_sees_delay(hs))
			return cc_slow_start(cc, grow);
		hs->css_rounds = 1;
		hs->baseline_min_us = hs->curr_min_us;
		hs->rest = 0;
	} else if (hs->n_samples >= N_RTT_SAMPLE && hs->curr_min_us < hs->baseline_min_us) {
		hs->css_rounds = 0; /* a false alarm */
		return cc_slow_start(cc, grow);
	}
	if (hs->css_rounds > CSS_ROUNDS) {
		cc->ssthresh = cc->cwnd;
		return grow;
	}
	hs->rest += grow;
	grow = hs->rest / CSS_GROWTH_DIVISOR;
	hs->rest %= CSS_GROWTH_DIVISOR;
	return cc_slow_start(cc, grow);
}
