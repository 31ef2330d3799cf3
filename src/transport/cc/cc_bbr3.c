/* SPDX-License-Identifier: MIT */
/*
 * BBR, version 3, from its Internet-Draft (draft-ietf-ccwg-bbr-06), whose names are used; the page
 * doc/rfc.md goes through its clauses.
 *
 * How it works: as version 1 (cc_bbr.c) it paces at the path's largest delivery rate and bounds
 * what is in flight by rate and delay; what is new is that it listens to losses and leaves room.
 *
 *	inflight_longterm   what was in flight when more than 2 % of it was lost: the most
 *	inflight_shortterm, bw_shortterm   as low as losses since the last probe have asked for
 *
 *	STARTUP 2.77 --> DRAIN 0.5 --> DOWN 0.9 --> CRUISE 1 --> REFILL 1 --> UP 1.25
 *	                                ^           15 % below     one round     |
 *	                                `---------- every 2 to 3 s, or when Reno would have grown
 *
 * PROBE_RTT is every 5 s, with half of the product in flight.
 *
 * Each transmission that is lost is looked at: with what was in flight and has been lost since it
 * was sent it is known at which amount in flight the share of losses went beyond 2 %.
 *
 * The draft leaves ECN open. Here a mark is what RFC 3168 §5 asks for, a loss without the loss: it
 * ends a probe at what is in flight, lowers the short-term bounds after the round, and ends STARTUP
 * when it comes in two windows.
 */
#include "transport/cc/cc_bbr_math.h"
#include "transport/cc/cc_filter.h"

enum bbr3_state {
	BBR3_STARTUP,
	BBR3_DRAIN,
	BBR3_DOWN,
	BBR3_CRUISE,
	BBR3_REFILL,
	BBR3_UP,
	BBR3_PROBE_RTT,
};

/* What the next ACKs tell of. */
enum bbr3_acks {
	BBR3_ACKS_INIT,
	BBR3_ACKS_REFILLING,
	BBR3_ACKS_STARTING, /* from before the probe */
	BBR3_ACKS_FEEDBACK, /* of the probe */
	BBR3_ACKS_STOPPING, /* of the probe, which is over */
};

enum {
	BBR3_STARTUP_GAIN = 710, /* 4 ln 2 */
	BBR3_DRAIN_GAIN = BBR_UNIT / 2,
	BBR3_DOWN_GAIN = 230, /* 0.9 */
	BBR3_UP_GAIN = BBR_UNIT * 5 / 4,
	BBR3_CWND_GAIN = BBR_UNIT * 2,
	BBR3_UP_CWND_GAIN = BBR_UNIT * 9 / 4,
	BBR3_PROBE_RTT_GAIN = BBR_UNIT / 2,
	BBR3_FULL_BW_GAIN = BBR_UNIT * 5 / 4,
	BBR3_FULL_BW_ROUNDS = 3,
	BBR3_DRAIN_ROUNDS = 3,
	BBR3_FULL_LOSSES = 6, /* ranges in a round of STARTUP */
	BBR3_FULL_MARKS = 2,  /* windows with marks in STARTUP */
	BBR3_LOSS_PERCENT = 2,
	BBR3_BETA_PERCENT = 70,
	BBR3_HEADROOM_PERCENT = 15,
	BBR3_MAX_BW_CYCLES = 2,
	BBR3_EXTRA_ROUNDS = 10,
	BBR3_UP_ROUNDS_MAX = 30,
	BBR3_RENO_ROUNDS_MAX = 63,
};

#define BBR3_MIN_RTT_NS        (10 * CC_NS_PER_S)
#define BBR3_PROBE_RTT_EACH_NS (5 * CC_NS_PER_S)
#define BBR3_PROBE_RTT_NS      (CC_NS_PER_S / 5)

struct bbr3 {
	struct cc_filter max_bw; /* bytes a second, by cycle */
	struct cc_filter extra;  /* bytes, by round */
	uint64_t bw_shortterm;   /* UINT64_MAX: no bound */
	uint64_t undo_bw_shortterm;
	uint64_t bw; /* the least of bounds and estimate */
	uint64_t bw_latest;
	uint64_t inflight_latest;
	uint64_t full_bw;
	uint64_t pacing_Bps;
	uint64_t total_bytes;      /* delivered up to the last ACK */
	uint64_t next_round_bytes; /* a round ends when what was sent now is delivered */
	uint64_t loss_round_bytes; /* the same for losses */
	int64_t min_rtt_ns;        /* when min_rtt_us was measured */
	int64_t probe_rtt_min_ns;  /* the same of probe_rtt_min_us */
	int64_t probe_rtt_done_ns; /* 0: not in flight little enough yet */
	int64_t cycle_ns;          /* when the phase began */
	int64_t wait_ns;           /* from there to the next probe */
	int64_t extra_ns;          /* of counting lumps */
	uint64_t extra_bytes;
	uint64_t up_acks;           /* bytes since inflight_longterm grew */
	uint32_t up_per_byte;       /* of which so many make it grow by one */
	uint32_t inflight_longterm; /* UINT32_MAX: no bound, as the next three */
	uint32_t inflight_shortterm;
	uint32_t undo_inflight_shortterm;
	uint32_t undo_inflight_longterm;
	uint32_t min_rtt_us; /* UINT32_MAX: not measured */
	uint32_t probe_rtt_min_us;
	uint32_t prior_cwnd;
	uint32_t n_rounds, n_cycles;
	uint32_t drain_round; /* n_rounds when DRAIN began */
	uint32_t rounds_since_probe;
	uint32_t lost_end; /* of the last range that was lost */
	uint32_t seed;
	uint16_t pacing_gain, cwnd_gain;
	uint16_t n_losses;  /* ranges lost in this round of STARTUP */
	uint8_t state;      /* enum bbr3_state */
	uint8_t undo_state; /* what losses ended: STARTUP or UP; else DRAIN, which stands for none
			     */
	uint8_t acks;       /* enum bbr3_acks */
	uint8_t prev_phase;
	uint8_t n_full_bw;
	uint8_t up_rounds;
	uint8_t n_marks;         /* in STARTUP */
	bool is_full_bw_reached; /* once for all */
	bool is_full_bw_now;     /* of this probe */
	bool is_round_start, is_loss_round_start;
	bool is_loss_in_round;
	bool is_recovery_round; /* a whole round has been in recovery */
	bool is_prev_too_high;  /* the last probe lost too much: the next is a careful one */
	bool is_prev_careful;   /* and ended as soon as that much was in flight */
	bool is_idle_restart;
	bool is_probe_rtt_round_done;
	bool is_probe_rtt_expired;
	bool is_probing; /* losses now are the probe's */
};

static bool bbr3_is_in_probe_bw(const struct bbr3 *b)
{
	return b->state >= BBR3_DOWN && b->state <= BBR3_UP;
}

static uint64_t bbr3_bdp(const struct bbr3 *b, const struct cc_state *cc, uint64_t bw,
			 uint32_t gain)
{
	if (b->min_rtt_us == UINT32_MAX)
		return (uint64_t)CC_INITIAL_WINDOW * cc->mss;
	return bbr_gain(bbr_in_time(bw, b->min_rtt_us), gain);
}

/* QuantizationBudget */
static uint32_t bbr3_quantize(const struct bbr3 *b, const struct cc_state *cc, uint64_t bytes)
{
	uint32_t quantum = cc_max(bbr_quantum(b->pacing_Bps, cc->mss), 2 * cc->mss);

	bytes = cc_max64(bytes, 3 * (uint64_t)quantum);
	bytes = cc_max64(bytes, BBR_MIN_PIPE * (uint64_t)cc->mss);
	if (b->state == BBR3_UP)
		bytes += 2 * (uint64_t)cc->mss;
	return (uint32_t)cc_min64(bytes, CC_CWND_MAX);
}

static uint32_t bbr3_inflight(const struct bbr3 *b, const struct cc_state *cc, uint64_t bw,
			      uint32_t gain)
{
	return bbr3_quantize(b, cc, bbr3_bdp(b, cc, bw, gain));
}

static uint32_t bbr3_with_headroom(const struct bbr3 *b, const struct cc_state *cc)
{
	uint32_t most = b->inflight_longterm, room;

	if (most == UINT32_MAX)
		return most;
	room = cc_max((uint32_t)((uint64_t)most * BBR3_HEADROOM_PERCENT / 100), cc->mss);
	return cc_max(most > room ? most - room : 0, BBR_MIN_PIPE * cc->mss);
}

static uint32_t bbr3_target(const struct bbr3 *b, const struct cc_state *cc)
{
	return (uint32_t)cc_min64(bbr3_bdp(b, cc, b->bw, BBR_UNIT), cc->cwnd);
}

static void bbr3_save_cwnd(struct bbr3 *b, const struct cc_state *cc)
{
	if (b->prev_phase == CC_OPEN && b->state != BBR3_PROBE_RTT)
		b->prior_cwnd = cc->cwnd;
	else
		b->prior_cwnd = cc_max(b->prior_cwnd, cc->cwnd);
}

/* SaveStateUponLoss: what is given back if it was none. */
static void bbr3_save_state(struct bbr3 *b, const struct cc_state *cc)
{
	bbr3_save_cwnd(b, cc);
	b->undo_state = BBR3_DRAIN;
	b->undo_bw_shortterm = b->bw_shortterm;
	b->undo_inflight_shortterm = b->inflight_shortterm;
	b->undo_inflight_longterm = b->inflight_longterm;
}

static void bbr3_pace(struct bbr3 *b, uint32_t gain)
{
	uint64_t rate = bbr_pacing(b->bw, gain);

	if (b->is_full_bw_reached || rate > b->pacing_Bps)
		b->pacing_Bps = rate;
}

static void bbr3_full_bw_reset(struct bbr3 *b, uint64_t bw)
{
	b->full_bw = bw;
	b->n_full_bw = 0;
	b->is_full_bw_now = false;
}

static void bbr3_signals_reset(struct bbr3 *b)
{
	b->is_loss_in_round = false;
	b->bw_latest = 0;
	b->inflight_latest = 0;
}

static void bbr3_shortterm_reset(struct bbr3 *b)
{
	b->bw_shortterm = UINT64_MAX;
	b->inflight_shortterm = UINT32_MAX;
}

/* ---- states -------------------------------------------------------------------------------- */

static void bbr3_round_begin(struct bbr3 *b, const struct cc_ack *ev)
{
	b->next_round_bytes = ev->rate.total_bytes;
}

static void bbr3_enter(struct bbr3 *b, enum bbr3_state state, uint32_t pacing_gain,
		       uint32_t cwnd_gain)
{
	b->state = (uint8_t)state;
	b->pacing_gain = (uint16_t)pacing_gain;
	b->cwnd_gain = (uint16_t)cwnd_gain;
}

static void bbr3_enter_startup(struct bbr3 *b)
{
	bbr3_enter(b, BBR3_STARTUP, BBR3_STARTUP_GAIN, BBR3_CWND_GAIN);
}

static void bbr3_enter_down(struct bbr3 *b, const struct cc_ack *ev)
{
	bbr3_signals_reset(b);
	b->up_per_byte = UINT32_MAX;
	/* Flows that share a path shall not probe together. */
	b->rounds_since_probe = bbr_random(&b->seed) & 1;
	b->wait_ns = 2 * CC_NS_PER_S + (int64_t)(bbr_random(&b->seed) % 1000) * 1000000;
	b->cycle_ns = ev->now_ns;
	b->acks = BBR3_ACKS_STOPPING;
	bbr3_round_begin(b, ev);
	bbr3_enter(b, BBR3_DOWN, BBR3_DOWN_GAIN, BBR3_CWND_GAIN);
}

static void bbr3_enter_refill(struct bbr3 *b, const struct cc_ack *ev)
{
	bbr3_shortterm_reset(b);
	b->up_rounds = 0;
	b->up_acks = 0;
	b->is_prev_careful = false;
	b->acks = BBR3_ACKS_REFILLING;
	bbr3_round_begin(b, ev);
	bbr3_enter(b, BBR3_REFILL, BBR_UNIT, BBR3_CWND_GAIN);
}

/* Growth of inflight_longterm: one segment in the first round, twice as many in each further. */
static void bbr3_raise_slope(struct bbr3 *b, const struct cc_state *cc)
{
	uint64_t growth = (uint64_t)cc->mss << b->up_rounds;

	if (b->up_rounds < BBR3_UP_ROUNDS_MAX)
		b->up_rounds++;
	b->up_per_byte = (uint32_t)cc_max64(cc->cwnd / growth, 1);
}

static void bbr3_enter_up(struct bbr3 *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	b->acks = BBR3_ACKS_STARTING;
	bbr3_round_begin(b, ev);
	bbr3_full_bw_reset(b, bbr_rate(&ev->rate));
	b->cycle_ns = ev->now_ns;
	bbr3_enter(b, BBR3_UP, BBR3_UP_GAIN, BBR3_UP_CWND_GAIN);
	bbr3_raise_slope(b, cc);
}

/* ---- the model: rate ----------------------------------------------------------------------- */

static void bbr3_update_round(struct bbr3 *b, const struct cc_ack *ev)
{
	b->is_round_start = ev->rate.prior_bytes >= b->next_round_bytes;
	if (!b->is_round_start)
		return;
	bbr3_round_begin(b, ev);
	b->n_rounds++;
	b->rounds_since_probe++;
}

static void bbr3_update_max_bw(struct bbr3 *b, const struct cc_ack *ev)
{
	uint64_t bw = bbr_rate(&ev->rate);

	bbr3_update_round(b, ev);
	if (bw > 0 && (bw >= cc_filter_max(&b->max_bw) || !ev->rate.is_app_limited))
		cc_filter_add(&b->max_bw, BBR3_MAX_BW_CYCLES - 1, b->n_cycles, bw);
}

static void bbr3_update_latest(struct bbr3 *b, const struct cc_ack *ev)
{
	b->is_loss_round_start = false;
	b->bw_latest = cc_max64(b->bw_latest, bbr_rate(&ev->rate));
	b->inflight_latest = cc_max64(b->inflight_latest, ev->rate.delivered_bytes);
	if (ev->rate.prior_bytes >= b->loss_round_bytes) {
		b->loss_round_bytes = ev->rate.total_bytes;
		b->is_loss_round_start = true;
	}
}

static void bbr3_advance_latest(struct bbr3 *b, const struct cc_ack *ev)
{
	if (!b->is_loss_round_start)
		return;
	b->bw_latest = bbr_rate(&ev->rate);
	b->inflight_latest = ev->rate.delivered_bytes;
}

/* AdaptLowerBoundsFromCongestion, once a round. */
static void bbr3_adapt_shortterm(struct bbr3 *b, const struct cc_state *cc)
{
	if (b->state == BBR3_STARTUP || b->state == BBR3_REFILL || b->state == BBR3_UP)
		return;
	if (!b->is_loss_in_round)
		return;
	if (b->bw_shortterm == UINT64_MAX)
		b->bw_shortterm = cc_filter_max(&b->max_bw);
	if (b->inflight_shortterm == UINT32_MAX)
		b->inflight_shortterm = cc->cwnd;
	b->bw_shortterm = cc_max64(b->bw_latest, b->bw_shortterm / 100 * BBR3_BETA_PERCENT);
	b->inflight_shortterm =
		cc_max((uint32_t)cc_min64(b->inflight_latest, CC_CWND_MAX),
		       (uint32_t)((uint64_t)b->inflight_shortterm * BBR3_BETA_PERCENT / 100));
}

static void bbr3_update_signals(struct bbr3 *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	bbr3_update_max_bw(b, ev);
	if (!b->is_loss_round_start)
		return;
	bbr3_adapt_shortterm(b, cc);
	b->is_loss_in_round = false;
}

static void bbr3_update_extra(struct bbr3 *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	uint64_t us = (uint64_t)(ev->now_ns - b->extra_ns) / 1000;
	uint64_t expected = bbr_in_time(b->bw, us);

	if (b->extra_bytes <= expected) {
		b->extra_bytes = 0;
		b->extra_ns = ev->now_ns;
		expected = 0;
	}
	b->extra_bytes += ev->rate.newly_bytes;
	cc_filter_add(&b->extra, b->is_full_bw_reached ? BBR3_EXTRA_ROUNDS : 1, b->n_rounds,
		      cc_min64(b->extra_bytes - expected, cc->cwnd));
}

/* ---- STARTUP and DRAIN --------------------------------------------------------------------- */

static void bbr3_check_full_bw(struct bbr3 *b, const struct cc_ack *ev)
{
	uint64_t bw = bbr_rate(&ev->rate);

	if (b->is_full_bw_now || !b->is_round_start || ev->rate.is_app_limited)
		return;
	if (bw >= bbr_gain(b->full_bw, BBR3_FULL_BW_GAIN)) {
		bbr3_full_bw_reset(b, bw);
		return;
	}
	b->is_full_bw_now = ++b->n_full_bw >= BBR3_FULL_BW_ROUNDS;
	if (b->is_full_bw_now)
		b->is_full_bw_reached = true;
}

static bool bbr3_is_much(uint64_t lost, uint32_t tx_in_flight)
{
	return tx_in_flight > 0 && lost * 100 > (uint64_t)tx_in_flight * BBR3_LOSS_PERCENT;
}

/* Without SACK one loss a round trip is all that can be seen. */
static bool bbr3_loses_much(const struct cc_sample *rs)
{
	uint64_t lost = rs->lost_total_bytes - rs->prior_lost_bytes;

	return (rs->has_no_sack && lost > 0) || bbr3_is_much(lost, rs->tx_in_flight_bytes);
}

/* The pipe is full, as losses or marks say. */
static void bbr3_startup_is_full(struct bbr3 *b, const struct cc_state *cc)
{
	b->is_full_bw_reached = true;
	b->undo_state = BBR3_STARTUP;
	b->inflight_longterm = (uint32_t)cc_min64(
		cc_max64(bbr3_bdp(b, cc, b->bw, BBR_UNIT), b->inflight_latest), CC_CWND_MAX);
}

/* CheckStartupHighLoss: a whole round in recovery, much lost, in many places. */
static void bbr3_check_startup_loss(struct bbr3 *b, const struct cc_state *cc,
				    const struct cc_ack *ev)
{
	if (b->is_full_bw_reached || ev->rate.is_app_limited)
		return;
	if (!b->is_loss_round_start)
		return;
	if (ev->phase == CC_RECOVERY && bbr3_loses_much(&ev->rate) &&
	    (ev->rate.has_no_sack || (b->is_recovery_round && b->n_losses >= BBR3_FULL_LOSSES)))
		bbr3_startup_is_full(b, cc);
	b->is_recovery_round = ev->phase == CC_RECOVERY;
	b->n_losses = 0;
}

static void bbr3_check_startup_and_drain(struct bbr3 *b, struct cc_state *cc,
					 const struct cc_ack *ev)
{
	if (b->state == BBR3_STARTUP) {
		bbr3_check_startup_loss(b, cc, ev);
		if (b->is_full_bw_reached) {
			bbr3_enter(b, BBR3_DRAIN, BBR3_DRAIN_GAIN, BBR3_CWND_GAIN);
			b->drain_round = b->n_rounds;
			cc->ssthresh = bbr3_inflight(b, cc, b->bw, BBR_UNIT);
		}
	}
	/* Three rounds are enough: the rate may be too high an estimate. */
	if (b->state == BBR3_DRAIN && (ev->pipe_bytes <= bbr3_inflight(b, cc, b->bw, BBR_UNIT) ||
				       b->n_rounds - b->drain_round > BBR3_DRAIN_ROUNDS))
		bbr3_enter_down(b, ev);
}

/* ---- PROBE_BW ------------------------------------------------------------------------------ */

static void bbr3_too_high(struct bbr3 *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	b->is_probing = false;
	b->is_prev_too_high = true;
	if (!ev->rate.is_app_limited)
		b->inflight_longterm =
			cc_max(ev->rate.tx_in_flight_bytes,
			       (uint32_t)((uint64_t)bbr3_target(b, cc) * BBR3_BETA_PERCENT / 100));
	if (b->state == BBR3_UP) {
		b->undo_state = BBR3_UP;
		bbr3_enter_down(b, ev);
	}
}

static void bbr3_probe_upward(struct bbr3 *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	uint64_t delta;

	if (!ev->is_cwnd_limited || cc->cwnd < b->inflight_longterm)
		return;
	b->up_acks += ev->rate.newly_bytes;
	delta = b->up_acks / b->up_per_byte;
	b->up_acks -= delta * b->up_per_byte;
	b->inflight_longterm = (uint32_t)cc_min64(b->inflight_longterm + delta, CC_CWND_MAX);
	if (b->is_round_start)
		bbr3_raise_slope(b, cc);
}

/* AdaptLongTermModel. True: it has chosen the next state, as a careful probe lost nothing: the next
 * follows at once. */
static bool bbr3_adapt_longterm(struct bbr3 *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	if (b->acks == BBR3_ACKS_STARTING && b->is_round_start)
		b->acks = BBR3_ACKS_FEEDBACK;
	if (b->acks == BBR3_ACKS_STOPPING && b->is_round_start) {
		b->is_probing = false;
		b->acks = BBR3_ACKS_INIT;
		if (bbr3_is_in_probe_bw(b) && !ev->rate.is_app_limited)
			b->n_cycles++;
		if (bbr3_is_in_probe_bw(b) && b->is_prev_careful && !b->is_prev_too_high) {
			bbr3_enter_refill(b, ev);
			return true;
		}
	}
	if (bbr3_loses_much(&ev->rate) || b->inflight_longterm == UINT32_MAX)
		return false;
	b->inflight_longterm = cc_max(b->inflight_longterm, ev->rate.tx_in_flight_bytes);
	if (b->state == BBR3_UP)
		bbr3_probe_upward(b, cc, ev);
	return false;
}

/* After two to three seconds, or as many rounds as Reno would need to grow by a segment a round to
 * the double: whoever shares the path with Reno must not be slower. */
static bool bbr3_is_time_to_probe(const struct bbr3 *b, const struct cc_state *cc,
				  const struct cc_ack *ev)
{
	uint32_t rounds = cc_min(bbr3_target(b, cc) / cc->mss, BBR3_RENO_ROUNDS_MAX);

	return ev->now_ns > b->cycle_ns + b->wait_ns || b->rounds_since_probe >= cc_max(rounds, 1);
}

static bool bbr3_is_time_to_cruise(const struct bbr3 *b, const struct cc_state *cc,
				   const struct cc_ack *ev)
{
	return ev->pipe_bytes <= bbr3_with_headroom(b, cc) &&
	       ev->pipe_bytes <= bbr3_inflight(b, cc, cc_filter_max(&b->max_bw), BBR_UNIT);
}

static bool bbr3_is_time_to_go_down(struct bbr3 *b, const struct cc_state *cc,
				    const struct cc_ack *ev)
{
	/* Before this ACK, as it makes room; and by whole segments no more fits. */
	if (b->is_prev_too_high && b->inflight_longterm != UINT32_MAX &&
	    ev->flight_bytes + cc->mss > b->inflight_longterm) {
		b->is_prev_careful = true;
		return true;
	}
	/* Its own bound, not the path, holds it: what is delivered says nothing. */
	if (ev->is_cwnd_limited && cc->cwnd >= b->inflight_longterm) {
		bbr3_full_bw_reset(b, bbr_rate(&ev->rate));
		return false;
	}
	return b->is_full_bw_now;
}

static void bbr3_update_cycle(struct bbr3 *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	if (!b->is_full_bw_reached || bbr3_adapt_longterm(b, cc, ev))
		return;
	switch ((enum bbr3_state)b->state) {
	case BBR3_DOWN:
		if (bbr3_is_time_to_probe(b, cc, ev))
			bbr3_enter_refill(b, ev);
		else if (bbr3_is_time_to_cruise(b, cc, ev))
			bbr3_enter(b, BBR3_CRUISE, BBR_UNIT, BBR3_CWND_GAIN);
		break;
	case BBR3_CRUISE:
		if (bbr3_is_time_to_probe(b, cc, ev))
			bbr3_enter_refill(b, ev);
		break;
	case BBR3_REFILL:
		if (b->is_round_start) {
			b->is_probing = true;
			bbr3_enter_up(b, cc, ev);
		}
		break;
	case BBR3_UP:
		if (bbr3_is_time_to_go_down(b, cc, ev)) {
			b->is_prev_too_high = false; /* not yet */
			bbr3_enter_down(b, ev);
		}
		break;
	case BBR3_STARTUP:
	case BBR3_DRAIN:
	case BBR3_PROBE_RTT:
		break;
	}
}

/* ---- the model: delay ---------------------------------------------------------------------- */

static void bbr3_update_min_rtt(struct bbr3 *b, const struct cc_ack *ev)
{
	uint32_t rtt_us = ev->rate.rtt_us;

	b->is_probe_rtt_expired = ev->now_ns > b->probe_rtt_min_ns + BBR3_PROBE_RTT_EACH_NS;
	if (rtt_us && (rtt_us < b->probe_rtt_min_us || b->is_probe_rtt_expired)) {
		b->probe_rtt_min_us = rtt_us;
		b->probe_rtt_min_ns = ev->now_ns;
	}
	if (b->probe_rtt_min_us < b->min_rtt_us || ev->now_ns > b->min_rtt_ns + BBR3_MIN_RTT_NS) {
		b->min_rtt_us = b->probe_rtt_min_us;
		b->min_rtt_ns = b->probe_rtt_min_ns;
	}
}

static uint32_t bbr3_probe_rtt_cwnd(const struct bbr3 *b, const struct cc_state *cc)
{
	return (uint32_t)cc_max64(
		cc_min64(bbr3_bdp(b, cc, b->bw, BBR3_PROBE_RTT_GAIN), CC_CWND_MAX),
		BBR_MIN_PIPE * (uint64_t)cc->mss);
}

static void bbr3_check_probe_rtt_done(struct bbr3 *b, struct cc_state *cc, const struct cc_ack *ev)
{
	if (!b->probe_rtt_done_ns || ev->now_ns <= b->probe_rtt_done_ns)
		return;
	b->probe_rtt_min_ns = ev->now_ns;
	cc->cwnd = cc_max(cc->cwnd, b->prior_cwnd);
	bbr3_shortterm_reset(b);
	if (!b->is_full_bw_reached) {
		bbr3_enter_startup(b);
		return;
	}
	bbr3_enter_down(b, ev);
	bbr3_enter(b, BBR3_CRUISE, BBR_UNIT, BBR3_CWND_GAIN);
}

static void bbr3_check_probe_rtt(struct bbr3 *b, struct cc_state *cc, const struct cc_ack *ev)
{
	if (b->state != BBR3_PROBE_RTT && b->is_probe_rtt_expired && !b->is_idle_restart) {
		bbr3_save_cwnd(b, cc);
		bbr3_enter(b, BBR3_PROBE_RTT, BBR_UNIT, BBR3_PROBE_RTT_GAIN);
		b->probe_rtt_done_ns = 0;
		b->acks = BBR3_ACKS_STOPPING;
		bbr3_round_begin(b, ev);
	}
	if (b->state != BBR3_PROBE_RTT)
		return;
	if (!b->probe_rtt_done_ns) {
		if (ev->pipe_bytes > bbr3_probe_rtt_cwnd(b, cc))
			return;
		b->probe_rtt_done_ns = ev->now_ns + BBR3_PROBE_RTT_NS;
		b->is_probe_rtt_round_done = false;
		bbr3_round_begin(b, ev);
		return;
	}
	if (b->is_round_start)
		b->is_probe_rtt_round_done = true;
	if (b->is_probe_rtt_round_done)
		bbr3_check_probe_rtt_done(b, cc, ev);
}

/* ---- the window ---------------------------------------------------------------------------- */

/* A recovery that is over gives back the window of before. */
static void bbr3_leave_recovery(struct bbr3 *b, struct cc_state *cc, const struct cc_ack *ev)
{
	if (ev->phase == CC_OPEN && b->prev_phase != CC_OPEN)
		cc->cwnd = cc_max(cc->cwnd, b->prior_cwnd);
	b->prev_phase = ev->phase;
}

static uint32_t bbr3_cap(const struct bbr3 *b, const struct cc_state *cc)
{
	uint32_t cap = UINT32_MAX;

	if (b->state == BBR3_CRUISE || b->state == BBR3_PROBE_RTT)
		cap = bbr3_with_headroom(b, cc);
	else if (bbr3_is_in_probe_bw(b))
		cap = b->inflight_longterm;
	cap = cc_min(cap, b->inflight_shortterm);
	return cc_max(cap, BBR_MIN_PIPE * cc->mss);
}

static void bbr3_set_cwnd(struct bbr3 *b, struct cc_state *cc, const struct cc_ack *ev)
{
	uint32_t newly = ev->rate.newly_bytes, most;

	if (newly > 0) {
		bbr3_leave_recovery(b, cc, ev);
		most = bbr3_quantize(
			b, cc, bbr3_bdp(b, cc, b->bw, b->cwnd_gain) + cc_filter_max(&b->extra));
		if (b->is_full_bw_reached)
			cc->cwnd = cc_min(cc->cwnd + newly, most);
		else if (cc->cwnd < most ||
			 ev->rate.total_bytes < (uint64_t)CC_INITIAL_WINDOW * cc->mss)
			cc->cwnd += newly;
		cc->cwnd = cc_max(cc->cwnd, BBR_MIN_PIPE * cc->mss);
	}
	cc->cwnd = cc_max(cc_min(cc->cwnd, CC_CWND_MAX), cc->mss);
	if (b->state == BBR3_PROBE_RTT)
		cc->cwnd = cc_min(cc->cwnd, bbr3_probe_rtt_cwnd(b, cc));
	cc->cwnd = cc_min(cc->cwnd, bbr3_cap(b, cc));
}

static void bbr3_bound_bw(struct bbr3 *b)
{
	b->bw = cc_min64(cc_filter_max(&b->max_bw), b->bw_shortterm);
}

static void bbr3_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	struct bbr3 *b = cc->priv;

	b->total_bytes = ev->rate.total_bytes;
	if (ev->rate.interval_ns > 0) {
		bbr3_update_latest(b, ev);
		bbr3_update_signals(b, cc, ev);
		bbr3_update_extra(b, cc, ev);
		bbr3_check_full_bw(b, ev);
		bbr3_check_startup_and_drain(b, cc, ev);
		bbr3_update_cycle(b, cc, ev);
	} else {
		b->is_round_start = b->is_loss_round_start = false;
	}
	bbr3_update_min_rtt(b, ev);
	bbr3_check_probe_rtt(b, cc, ev);
	if (ev->rate.delivered_bytes > 0)
		b->is_idle_restart = false;
	if (ev->rate.interval_ns > 0)
		bbr3_advance_latest(b, ev);
	bbr3_bound_bw(b);
	bbr3_pace(b, b->pacing_gain);
	bbr3_set_cwnd(b, cc, ev);
}

/* ---- other events -------------------------------------------------------------------------- */

static void bbr3_init(struct cc_state *cc, int64_t now_ns, uint32_t srtt_us, uint32_t nxt)
{
	struct bbr3 *b = cc->priv;
	uint64_t nominal = (uint64_t)cc->cwnd * 1000000 / (srtt_us ? srtt_us : 1000);

	*b = (struct bbr3){
		.min_rtt_us = srtt_us ? srtt_us : UINT32_MAX,
		.probe_rtt_min_us = srtt_us ? srtt_us : UINT32_MAX,
		.min_rtt_ns = now_ns,
		.probe_rtt_min_ns = now_ns,
		.cycle_ns = now_ns,
		.extra_ns = now_ns,
		.inflight_longterm = UINT32_MAX,
		.undo_inflight_longterm = UINT32_MAX,
		.up_per_byte = UINT32_MAX,
		.seed = nxt | 1,
		.undo_state = BBR3_DRAIN,
	};
	cc->ssthresh = UINT32_MAX;
	bbr3_shortterm_reset(b);
	bbr3_enter_startup(b);
	b->pacing_Bps = bbr_gain(nominal, BBR3_STARTUP_GAIN);
}

/* NoteLoss */
static void bbr3_note_loss(struct bbr3 *b, const struct cc_state *cc)
{
	if (!b->is_loss_in_round) {
		b->loss_round_bytes = b->total_bytes;
		bbr3_save_state(b, cc);
	}
	b->is_loss_in_round = true;
}

/* InflightAtLoss: what was in flight when the share of losses went beyond what is borne, which
 * was with a part of this transmission. */
static uint32_t bbr3_inflight_at_loss(const struct cc_lost *ev)
{
	uint32_t n = ev->end - ev->seq;
	uint32_t flight = ev->tx_in_flight_bytes - cc_min(n, ev->tx_in_flight_bytes);
	uint64_t lost = ev->lost_bytes - cc_min64(n, ev->lost_bytes);
	uint64_t borne = (uint64_t)flight * BBR3_LOSS_PERCENT;
	uint64_t more = borne > lost * 100 ? borne - lost * 100 : 0;

	return (uint32_t)cc_min64(flight + more / (100 - BBR3_LOSS_PERCENT), CC_CWND_MAX);
}

/* The probe that is under way, or has just ended, was too much. */
static void bbr3_probe_failed(struct bbr3 *b, const struct cc_state *cc, int64_t now_ns,
			      uint32_t inflight, bool is_app_limited)
{
	const struct cc_ack ev = {.now_ns = now_ns,
				  .rate = {.total_bytes = b->total_bytes,
					   .tx_in_flight_bytes = inflight,
					   .is_app_limited = is_app_limited}};

	bbr3_too_high(b, cc, &ev);
}

/* HandleLostPacket */
static void bbr3_on_lost(struct cc_state *cc, const struct cc_lost *ev)
{
	struct bbr3 *b = cc->priv;

	if ((b->n_losses == 0 || ev->seq != b->lost_end) && b->n_losses < UINT16_MAX)
		b->n_losses++;
	b->lost_end = ev->end;
	bbr3_note_loss(b, cc);
	if (b->is_probing &&
	    (ev->has_no_sack || bbr3_is_much(ev->lost_bytes, ev->tx_in_flight_bytes)))
		bbr3_probe_failed(b, cc, ev->now_ns, bbr3_inflight_at_loss(ev), ev->is_app_limited);
}

static void bbr3_on_mark(struct bbr3 *b, const struct cc_state *cc, const struct cc_loss *ev)
{
	bbr3_note_loss(b, cc);
	if (b->state == BBR3_STARTUP && ++b->n_marks >= BBR3_FULL_MARKS)
		bbr3_startup_is_full(b, cc);
	if (b->is_probing)
		bbr3_probe_failed(b, cc, ev->now_ns, ev->flight_bytes, false);
}

static void bbr3_on_loss(struct cc_state *cc, const struct cc_loss *ev)
{
	struct bbr3 *b = cc->priv;

	if (ev->is_ecn) {
		bbr3_on_mark(b, cc, ev);
		return;
	}
	/* What the first loss of this round found was kept then, before it had its effect. */
	if (b->is_loss_in_round)
		bbr3_save_cwnd(b, cc);
	else
		bbr3_save_state(b, cc);
	if (!ev->is_timeout)
		return;
	b->prev_phase = CC_LOSS;
	cc->cwnd = cc->mss;
}

/* The state that losses have ended, if they were none. */
static void bbr3_undo_state(struct bbr3 *b, const struct cc_undo *ev)
{
	const struct cc_ack now = {.now_ns = ev->now_ns, .rate.total_bytes = b->total_bytes};

	if (b->undo_state == BBR3_STARTUP && b->state != BBR3_STARTUP) {
		b->is_full_bw_reached = false;
		if (b->state != BBR3_PROBE_RTT)
			bbr3_enter_startup(b);
	} else if (b->undo_state == BBR3_UP && b->state != BBR3_UP && b->state != BBR3_PROBE_RTT) {
		bbr3_enter_refill(b, &now);
	}
	b->undo_state = BBR3_DRAIN;
}

/* HandleSpuriousLossDetection */
static void bbr3_on_undo(struct cc_state *cc, const struct cc_undo *ev)
{
	struct bbr3 *b = cc->priv;

	b->is_loss_in_round = false;
	bbr3_full_bw_reset(b, 0);
	b->bw_shortterm = cc_max64(b->bw_shortterm, b->undo_bw_shortterm);
	b->inflight_shortterm = cc_max(b->inflight_shortterm, b->undo_inflight_shortterm);
	b->inflight_longterm = cc_max(b->inflight_longterm, b->undo_inflight_longterm);
	bbr3_undo_state(b, ev);
	cc->cwnd = cc_max(cc->cwnd, cc_max(ev->prior_cwnd, b->prior_cwnd));
}

static void bbr3_on_restart(struct cc_state *cc, const struct cc_restart *ev)
{
	const struct cc_ack now = {.now_ns = ev->now_ns, .rate.total_bytes = ev->total_bytes};
	struct bbr3 *b = cc->priv;

	if (!ev->is_app_limited)
		return;
	b->is_idle_restart = true;
	b->extra_ns = ev->now_ns;
	b->extra_bytes = 0;
	if (bbr3_is_in_probe_bw(b))
		bbr3_pace(b, BBR_UNIT);
	else if (b->state == BBR3_PROBE_RTT)
		bbr3_check_probe_rtt_done(b, cc, &now);
}

static uint64_t bbr3_pacing_rate(const struct cc_state *cc)
{
	const struct bbr3 *b = cc->priv;

	return b->pacing_Bps;
}

static bool bbr3_limits_itself(const struct cc_state *cc)
{
	const struct bbr3 *b = cc->priv;

	return b->state == BBR3_PROBE_RTT;
}

static void bbr3_info(const struct cc_state *cc, struct cc_info *ret)
{
	const struct bbr3 *b = cc->priv;

	*ret = (struct cc_info){
		.bw_Bps = b->bw,
		.min_rtt_us = b->min_rtt_us,
		.pacing_gain_256 = b->pacing_gain,
		.cwnd_gain_256 = b->cwnd_gain,
		.has_bw = true,
	};
}

const struct cc_ops cc_bbr3 = {
	.name = "bbr3",
	.priv_bytes = sizeof(struct bbr3),
	.flags = CC_OWN_CWND | CC_PACED,
	.init = bbr3_init,
	.on_ack = bbr3_on_ack,
	.on_loss = bbr3_on_loss,
	.on_lost = bbr3_on_lost,
	.on_undo = bbr3_on_undo,
	.on_restart = bbr3_on_restart,
	.pacing_rate = bbr3_pacing_rate,
	.limits_itself = bbr3_limits_itself,
	.info = bbr3_info,
};
