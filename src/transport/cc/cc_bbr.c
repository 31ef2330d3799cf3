/* SPDX-License-Identifier: MIT */
/*
 * BBR, version 1, as Linux has it (N. Cardwell et al., "BBR: Congestion-Based Congestion Control",
 * 2016): the window and the pacing rate follow a model of the path, not its losses.
 *
 * How it works: the model is the largest delivery rate of the last ten rounds (bw) and the least
 * round trip of the last ten seconds (min_rtt). Data is paced at bw times a gain, and at most bw
 * times min_rtt times a gain is in flight.
 *
 *	STARTUP ---- no growth in three rounds ----> DRAIN ---- queue is empty ----> PROBE_BW
 *	   gain 2.89                                  1/2.89         5/4, 3/4, 1, 1, 1, 1, 1, 1
 *	   ^                                                               |
 *	   `---- PROBE_RTT <------- no new least round trip in 10 s -------'
 *	         four segments in flight for 200 ms and a round
 *
 * Losses are looked at in two places: in the first round of a recovery no more is sent than is
 * delivered, and a path that loses much at a steady rate is held to be policed (lt_*).
 */
#include "transport/cc/cc_bbr_math.h"
#include "transport/cc/cc_filter.h"

enum bbr_mode {
	BBR_STARTUP,
	BBR_DRAIN,
	BBR_PROBE_BW,
	BBR_PROBE_RTT,
};

enum {
	BBR_HIGH_GAIN = 739, /* 2 / ln 2 */
	BBR_DRAIN_GAIN = 88,
	BBR_CWND_GAIN = 2 * BBR_UNIT,
	BBR_CYCLE_LEN = 8,
	BBR_BW_ROUNDS = BBR_CYCLE_LEN + 2,
	BBR_FULL_BW_ROUNDS = 3,
	BBR_FULL_BW_GAIN = BBR_UNIT * 5 / 4,
	/* a policer: */
	BBR_LT_MIN_ROUNDS = 4,
	BBR_LT_MAX_ROUNDS = 4 * BBR_LT_MIN_ROUNDS,
	BBR_LT_LOSS = 50,     /* of 256: a fifth lost */
	BBR_LT_BW_DIFF = 500, /* bytes a second */
	BBR_LT_BW_RATIO = 32, /* of 256: an eighth */
	BBR_LT_USE_ROUNDS = 48,
	/* ACKs that come in lumps: */
	BBR_EXTRA_ROUNDS = 5,
	BBR_EXTRA_MAX_US = 100000,
	BBR_EPOCH_MAX = 1 << 20, /* segments */
};

#define BBR_MIN_RTT_NS   (10 * CC_NS_PER_S)
#define BBR_PROBE_RTT_NS (CC_NS_PER_S / 5)

static const uint16_t bbr_cycle[BBR_CYCLE_LEN] = {
	BBR_UNIT * 5 / 4, /* ask for more */
	BBR_UNIT * 3 / 4, /* drain what that has queued */
	BBR_UNIT,         BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT,
};

struct bbr {
	struct cc_filter bw;       /* bytes a second, by round */
	uint64_t next_round_bytes; /* a round ends when what was sent now is delivered */
	uint64_t pacing_Bps;
	uint64_t full_bw;
	int64_t min_rtt_ns;   /* when min_rtt_us was measured */
	int64_t probe_rtt_ns; /* when PROBE_RTT may end; 0: not in flight little enough yet */
	int64_t cycle_ns;     /* when the phase of the cycle began */
	int64_t epoch_ns;     /* of counting lumps */
	uint64_t epoch_bytes;
	uint64_t lt_bw;
	uint64_t lt_bytes, lt_lost_bytes; /* delivered and lost when the interval began */
	int64_t lt_ns;
	uint32_t min_rtt_us; /* UINT32_MAX: not measured */
	uint32_t n_rounds;
	uint32_t prior_cwnd; /* before a recovery or PROBE_RTT */
	uint32_t extra_bytes[2];
	uint32_t seed;
	uint16_t pacing_gain, cwnd_gain;
	uint8_t mode;       /* enum bbr_mode */
	uint8_t prev_phase; /* enum cc_phase */
	uint8_t cycle;
	uint8_t n_full_bw;
	uint8_t extra_rounds, extra_i;
	uint8_t lt_rounds;
	bool is_conserving; /* first round of a recovery: send what is delivered */
	bool is_round_start;
	bool is_idle_restart;
	bool is_probe_rtt_round_done;
	bool is_lt_sampling, is_lt_used;
	bool is_full_bw;
	bool has_seen_rtt;
};

static uint64_t bbr_bw(const struct bbr *b)
{
	return b->is_lt_used ? b->lt_bw : cc_filter_max(&b->bw);
}

static uint64_t bbr_bdp(const struct bbr *b, const struct cc_state *cc, uint64_t bw, uint32_t gain)
{
	if (b->min_rtt_us == UINT32_MAX)
		return (uint64_t)CC_INITIAL_WINDOW * cc->mss;
	return bbr_gain(bbr_in_time(bw, b->min_rtt_us), gain);
}

/* Room for what is on its way down the sender's own stack, and for delayed ACKs. */
static uint32_t bbr_quantize(const struct bbr *b, const struct cc_state *cc, uint64_t bytes)
{
	bytes += 3 * (uint64_t)bbr_quantum(b->pacing_Bps, cc->mss);
	bytes = (bytes + 2ull * cc->mss - 1) / (2ull * cc->mss) * (2ull * cc->mss);
	if (b->mode == BBR_PROBE_BW && b->cycle == 0)
		bytes += 2ull * cc->mss;
	return (uint32_t)cc_min64(bytes, CC_CWND_MAX);
}

static uint32_t bbr_inflight(const struct bbr *b, const struct cc_state *cc, uint64_t bw,
			     uint32_t gain)
{
	return bbr_quantize(b, cc, bbr_bdp(b, cc, bw, gain));
}

static void bbr_pace_from_window(struct bbr *b, const struct cc_state *cc, uint32_t srtt_us)
{
	if (srtt_us)
		b->has_seen_rtt = true;
	else
		srtt_us = 1000;
	b->pacing_Bps = bbr_pacing((uint64_t)cc->cwnd * 1000000 / srtt_us, BBR_HIGH_GAIN);
}

static void bbr_pace(struct bbr *b, const struct cc_state *cc, uint64_t bw, uint32_t gain,
		     uint32_t srtt_us)
{
	uint64_t rate = bbr_pacing(bw, gain);

	if (!b->has_seen_rtt && srtt_us)
		bbr_pace_from_window(b, cc, srtt_us);
	/* Until the pipe is full an estimate that is lower says nothing. */
	if (b->is_full_bw || rate > b->pacing_Bps)
		b->pacing_Bps = rate;
}

static void bbr_save_cwnd(struct bbr *b, const struct cc_state *cc)
{
	if (b->prev_phase == CC_OPEN && b->mode != BBR_PROBE_RTT)
		b->prior_cwnd = cc->cwnd;
	else
		b->prior_cwnd = cc_max(b->prior_cwnd, cc->cwnd);
}

static void bbr_cycle_next(struct bbr *b, int64_t now_ns)
{
	b->cycle = (uint8_t)((b->cycle + 1) % BBR_CYCLE_LEN);
	b->cycle_ns = now_ns;
}

/* Any phase but the one that drains may be the first. */
static void bbr_mode_reset(struct bbr *b, int64_t now_ns)
{
	if (!b->is_full_bw) {
		b->mode = BBR_STARTUP;
		return;
	}
	b->mode = BBR_PROBE_BW;
	b->cycle = (uint8_t)(BBR_CYCLE_LEN - 1 - bbr_random(&b->seed) % (BBR_CYCLE_LEN - 1));
	bbr_cycle_next(b, now_ns);
}

/* ---- policers ------------------------------------------------------------------------------ */

static void bbr_lt_interval(struct bbr *b, const struct cc_sample *rs, int64_t now_ns)
{
	b->lt_ns = now_ns;
	b->lt_bytes = rs->total_bytes;
	b->lt_lost_bytes = rs->lost_total_bytes;
	b->lt_rounds = 0;
}

static void bbr_lt_reset(struct bbr *b, const struct cc_sample *rs, int64_t now_ns)
{
	b->lt_bw = 0;
	b->is_lt_used = false;
	b->is_lt_sampling = false;
	bbr_lt_interval(b, rs, now_ns);
}

/* Two intervals in a row with the same rate: that is the policer's. */
static void bbr_lt_done(struct bbr *b, const struct cc_sample *rs, int64_t now_ns, uint64_t bw)
{
	uint64_t diff = bw > b->lt_bw ? bw - b->lt_bw : b->lt_bw - bw;

	if (b->lt_bw && (diff * BBR_UNIT <= BBR_LT_BW_RATIO * b->lt_bw || diff <= BBR_LT_BW_DIFF)) {
		b->lt_bw = (bw + b->lt_bw) / 2;
		b->is_lt_used = true;
		b->pacing_gain = BBR_UNIT;
		b->lt_rounds = 0;
		return;
	}
	b->lt_bw = bw;
	bbr_lt_interval(b, rs, now_ns);
}

static void bbr_lt_sample(struct bbr *b, const struct cc_sample *rs, int64_t now_ns, bool has_loss)
{
	uint64_t lost, delivered;
	int64_t t_ns;

	if (b->is_lt_used) {
		if (b->mode == BBR_PROBE_BW && b->is_round_start &&
		    ++b->lt_rounds >= BBR_LT_USE_ROUNDS) {
			bbr_lt_reset(b, rs, now_ns);
			bbr_mode_reset(b, now_ns);
		}
		return;
	}
	if (!b->is_lt_sampling) {
		if (!has_loss)
			return;
		bbr_lt_interval(b, rs, now_ns);
		b->is_lt_sampling = true;
	}
	if (rs->is_app_limited) {
		bbr_lt_reset(b, rs, now_ns);
		return;
	}
	if (b->is_round_start)
		b->lt_rounds++;
	if (b->lt_rounds < BBR_LT_MIN_ROUNDS)
		return;
	if (b->lt_rounds > BBR_LT_MAX_ROUNDS) {
		bbr_lt_reset(b, rs, now_ns);
		return;
	}
	/* An interval ends with a loss, when the policer's bucket is empty. */
	if (!has_loss)
		return;
	lost = rs->lost_total_bytes - b->lt_lost_bytes;
	delivered = rs->total_bytes - b->lt_bytes;
	if (!delivered || lost * BBR_UNIT < delivered * BBR_LT_LOSS)
		return;
	t_ns = now_ns - b->lt_ns;
	if (t_ns < 1000000)
		return;
	bbr_lt_done(b, rs, now_ns,
		    cc_min64(delivered, UINT64_MAX / CC_NS_PER_S) * CC_NS_PER_S / (uint64_t)t_ns);
}

/* ---- the model ----------------------------------------------------------------------------- */

static void bbr_update_bw(struct bbr *b, const struct cc_ack *ev)
{
	const struct cc_sample *rs = &ev->rate;
	uint64_t bw = bbr_rate(rs);

	b->is_round_start = false;
	if (rs->interval_ns <= 0)
		return;
	if (rs->prior_bytes >= b->next_round_bytes) {
		b->next_round_bytes = rs->total_bytes;
		b->n_rounds++;
		b->is_round_start = true;
		b->is_conserving = false;
	}
	bbr_lt_sample(b, rs, ev->now_ns, rs->newly_lost_bytes > 0);
	/* An application that sends little shows a lower bound. */
	if (!rs->is_app_limited || bw >= cc_filter_max(&b->bw))
		cc_filter_add(&b->bw, BBR_BW_ROUNDS, b->n_rounds, bw);
}

/* Links that send ACKs in lumps need more in flight than the product of rate and delay: by what
 * came in a lump beyond what the rate explains, the most of five to ten rounds. */
static void bbr_update_lumps(struct bbr *b, const struct cc_state *cc, const struct cc_ack *ev)
{
	uint64_t expected;
	uint32_t extra;

	if (ev->rate.newly_bytes == 0 || ev->rate.interval_ns <= 0)
		return;
	if (b->is_round_start && ++b->extra_rounds >= BBR_EXTRA_ROUNDS) {
		b->extra_rounds = 0;
		b->extra_i = !b->extra_i;
		b->extra_bytes[b->extra_i] = 0;
	}
	expected = bbr_in_time(bbr_bw(b), (uint64_t)(ev->now_ns - b->epoch_ns) / 1000);
	if (b->epoch_bytes <= expected ||
	    b->epoch_bytes + ev->rate.newly_bytes >= (uint64_t)BBR_EPOCH_MAX * cc->mss) {
		b->epoch_bytes = 0;
		b->epoch_ns = ev->now_ns;
		expected = 0;
	}
	b->epoch_bytes += ev->rate.newly_bytes;
	extra = (uint32_t)cc_min64(b->epoch_bytes - expected, cc->cwnd);
	b->extra_bytes[b->extra_i] = cc_max(b->extra_bytes[b->extra_i], extra);
}

/* In flight when the quantum that is being paced has left. */
static uint32_t bbr_in_net(const struct bbr *b, const struct cc_state *cc, uint32_t bytes)
{
	return b->pacing_gain > BBR_UNIT ? bytes + bbr_quantum(b->pacing_Bps, cc->mss) : bytes;
}

static bool bbr_phase_is_over(const struct bbr *b, const struct cc_state *cc,
			      const struct cc_ack *ev)
{
	bool is_full = ev->now_ns - b->cycle_ns > (int64_t)b->min_rtt_us * 1000;
	uint32_t inflight = bbr_in_net(b, cc, ev->flight_bytes);
	uint64_t bw = cc_filter_max(&b->bw);

	if (b->pacing_gain == BBR_UNIT)
		return is_full;
	if (b->pacing_gain > BBR_UNIT)
		return is_full && (ev->rate.newly_lost_bytes > 0 ||
				   inflight >= bbr_inflight(b, cc, bw, b->pacing_gain));
	return is_full || inflight <= bbr_inflight(b, cc, bw, BBR_UNIT);
}

static void bbr_check_full_bw(struct bbr *b, const struct cc_ack *ev)
{
	uint64_t bw = cc_filter_max(&b->bw);

	if (b->is_full_bw || !b->is_round_start || ev->rate.is_app_limited)
		return;
	if (bw >= bbr_gain(b->full_bw, BBR_FULL_BW_GAIN)) {
		b->full_bw = bw;
		b->n_full_bw = 0;
		return;
	}
	b->is_full_bw = ++b->n_full_bw >= BBR_FULL_BW_ROUNDS;
}

static void bbr_check_drain(struct bbr *b, struct cc_state *cc, const struct cc_ack *ev)
{
	uint64_t bw = cc_filter_max(&b->bw);

	if (b->mode == BBR_STARTUP && b->is_full_bw) {
		b->mode = BBR_DRAIN;
		cc->ssthresh = bbr_inflight(b, cc, bw, BBR_UNIT);
	}
	if (b->mode == BBR_DRAIN &&
	    bbr_in_net(b, cc, ev->pipe_bytes) <= bbr_inflight(b, cc, bw, BBR_UNIT))
		bbr_mode_reset(b, ev->now_ns);
}

static void bbr_check_probe_rtt_done(struct bbr *b, struct cc_state *cc, int64_t now_ns)
{
	if (!b->probe_rtt_ns || now_ns <= b->probe_rtt_ns)
		return;
	b->min_rtt_ns = now_ns;
	cc->cwnd = cc_max(cc->cwnd, b->prior_cwnd);
	bbr_mode_reset(b, now_ns);
}

static void bbr_in_probe_rtt(struct bbr *b, struct cc_state *cc, const struct cc_ack *ev)
{
	if (!b->probe_rtt_ns) {
		if (ev->pipe_bytes > BBR_MIN_PIPE * cc->mss)
			return;
		b->probe_rtt_ns = ev->now_ns + BBR_PROBE_RTT_NS;
		b->is_probe_rtt_round_done = false;
		b->next_round_bytes = ev->rate.total_bytes;
		return;
	}
	if (b->is_round_start)
		b->is_probe_rtt_round_done = true;
	if (b->is_probe_rtt_round_done)
		bbr_check_probe_rtt_done(b, cc, ev->now_ns);
}

static void bbr_update_min_rtt(struct bbr *b, struct cc_state *cc, const struct cc_ack *ev)
{
	bool is_expired = ev->now_ns > b->min_rtt_ns + BBR_MIN_RTT_NS;
	uint32_t rtt_us = ev->rate.rtt_us;

	if (rtt_us && (rtt_us < b->min_rtt_us || (is_expired && !ev->rate.is_ack_delayed))) {
		b->min_rtt_us = rtt_us;
		b->min_rtt_ns = ev->now_ns;
	}
	if (is_expired && !b->is_idle_restart && b->mode != BBR_PROBE_RTT) {
		bbr_save_cwnd(b, cc);
		b->mode = BBR_PROBE_RTT;
		b->probe_rtt_ns = 0;
	}
	if (b->mode == BBR_PROBE_RTT)
		bbr_in_probe_rtt(b, cc, ev);
	if (ev->rate.delivered_bytes > 0)
		b->is_idle_restart = false;
}

static void bbr_update_gains(struct bbr *b)
{
	switch ((enum bbr_mode)b->mode) {
	case BBR_STARTUP:
		b->pacing_gain = b->cwnd_gain = BBR_HIGH_GAIN;
		break;
	case BBR_DRAIN:
		b->pacing_gain = BBR_DRAIN_GAIN;
		b->cwnd_gain = BBR_HIGH_GAIN;
		break;
	case BBR_PROBE_BW:
		b->pacing_gain = b->is_lt_used ? BBR_UNIT : bbr_cycle[b->cycle];
		b->cwnd_gain = BBR_CWND_GAIN;
		break;
	case BBR_PROBE_RTT:
		b->pacing_gain = b->cwnd_gain = BBR_UNIT;
		break;
	}
}

/* ---- the window ---------------------------------------------------------------------------- */

/* True: the window is that of a recovery's first round, and nothing is to be added. */
static bool bbr_in_recovery(struct bbr *b, struct cc_state *cc, const struct cc_ack *ev)
{
	uint32_t lost = ev->rate.newly_lost_bytes, newly = ev->rate.newly_bytes;

	if (lost > 0)
		cc->cwnd = cc_max(cc->cwnd - cc_min(lost, cc->cwnd), cc->mss);
	if (ev->phase == CC_RECOVERY && b->prev_phase != CC_RECOVERY) {
		b->is_conserving = true;
		b->next_round_bytes = ev->rate.total_bytes;
		cc->cwnd = ev->pipe_bytes + newly;
	} else if (ev->phase == CC_OPEN && b->prev_phase != CC_OPEN) {
		cc->cwnd = cc_max(cc->cwnd, b->prior_cwnd);
		b->is_conserving = false;
	}
	b->prev_phase = ev->phase;
	if (b->is_conserving)
		cc->cwnd = cc_max(cc->cwnd, ev->pipe_bytes + newly);
	return b->is_conserving;
}

static uint32_t bbr_lump_allowance(const struct bbr *b)
{
	uint32_t extra = cc_max(b->extra_bytes[0], b->extra_bytes[1]);

	if (!b->is_full_bw)
		return 0;
	return (uint32_t)cc_min64(extra, bbr_in_time(bbr_bw(b), BBR_EXTRA_MAX_US));
}

static void bbr_set_cwnd(struct bbr *b, struct cc_state *cc, const struct cc_ack *ev)
{
	uint32_t newly = ev->rate.newly_bytes, target, least = BBR_MIN_PIPE * cc->mss;

	if (newly > 0 && !bbr_in_recovery(b, cc, ev)) {
		target = bbr_quantize(
			b, cc, bbr_bdp(b, cc, bbr_bw(b), b->cwnd_gain) + bbr_lump_allowance(b));
		if (b->is_full_bw)
			cc->cwnd = cc_min(cc->cwnd + newly, target);
		else if (cc->cwnd < target ||
			 ev->rate.total_bytes < (uint64_t)CC_INITIAL_WINDOW * cc->mss)
			cc->cwnd += newly;
		cc->cwnd = cc_max(cc->cwnd, least);
	}
	cc->cwnd = cc_max(cc_min(cc->cwnd, CC_CWND_MAX), cc->mss);
	if (b->mode == BBR_PROBE_RTT)
		cc->cwnd = cc_min(cc->cwnd, least);
}

static void bbr_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	struct bbr *b = cc->priv;

	bbr_update_bw(b, ev);
	bbr_update_lumps(b, cc, ev);
	if (b->mode == BBR_PROBE_BW && bbr_phase_is_over(b, cc, ev))
		bbr_cycle_next(b, ev->now_ns);
	bbr_check_full_bw(b, ev);
	bbr_check_drain(b, cc, ev);
	bbr_update_min_rtt(b, cc, ev);
	bbr_update_gains(b);
	bbr_pace(b, cc, bbr_bw(b), b->pacing_gain, ev->srtt_us);
	bbr_set_cwnd(b, cc, ev);
}

/* ---- other events -------------------------------------------------------------------------- */

static void bbr_init(struct cc_state *cc, int64_t now_ns, uint32_t srtt_us, uint32_t nxt)
{
	struct bbr *b = cc->priv;

	*b = (struct bbr){
		.min_rtt_us = srtt_us ? srtt_us : UINT32_MAX,
		.min_rtt_ns = now_ns,
		.epoch_ns = now_ns,
		.cycle_ns = now_ns,
		.lt_ns = now_ns,
		.seed = nxt | 1,
		.mode = BBR_STARTUP,
	};
	cc->ssthresh = UINT32_MAX;
	bbr_pace_from_window(b, cc, srtt_us);
	bbr_update_gains(b);
}

static void bbr_on_loss(struct cc_state *cc, const struct cc_loss *ev)
{
	struct bbr *b = cc->priv;

	if (ev->is_ecn)
		return;
	bbr_save_cwnd(b, cc);
	if (!ev->is_timeout)
		return;
	/* All that was in flight is held lost. */
	b->prev_phase = CC_LOSS;
	b->full_bw = 0;
	b->is_round_start = true;
	b->is_conserving = false;
	cc->cwnd = cc->mss;
}

static void bbr_on_undo(struct cc_state *cc, const struct cc_undo *ev)
{
	struct bbr *b = cc->priv;

	b->full_bw = 0;
	b->n_full_bw = 0;
	b->lt_bw = 0;
	b->is_lt_used = b->is_lt_sampling = false;
	cc->cwnd = cc_max(cc->cwnd, cc_max(ev->prior_cwnd, b->prior_cwnd));
}

/* With nothing in flight the queue is empty: go on at the rate of the path, without probing. */
static void bbr_on_restart(struct cc_state *cc, const struct cc_restart *ev)
{
	struct bbr *b = cc->priv;

	if (!ev->is_app_limited)
		return;
	b->is_idle_restart = true;
	b->epoch_ns = ev->now_ns;
	b->epoch_bytes = 0;
	if (b->mode == BBR_PROBE_BW)
		bbr_pace(b, cc, bbr_bw(b), BBR_UNIT, 0);
	else if (b->mode == BBR_PROBE_RTT)
		bbr_check_probe_rtt_done(b, cc, ev->now_ns);
}

static uint64_t bbr_pacing_rate(const struct cc_state *cc)
{
	const struct bbr *b = cc->priv;

	return b->pacing_Bps;
}

static bool bbr_limits_itself(const struct cc_state *cc)
{
	const struct bbr *b = cc->priv;

	return b->mode == BBR_PROBE_RTT;
}

static void bbr_info(const struct cc_state *cc, struct cc_info *ret)
{
	const struct bbr *b = cc->priv;

	*ret = (struct cc_info){
		.bw_Bps = bbr_bw(b),
		.min_rtt_us = b->min_rtt_us,
		.pacing_gain_256 = b->pacing_gain,
		.cwnd_gain_256 = b->cwnd_gain,
		.has_bw = true,
	};
}

const struct cc_ops cc_bbr = {
	.name = "bbr",
	.priv_bytes = sizeof(struct bbr),
	.flags = CC_OWN_CWND | CC_PACED,
	.init = bbr_init,
	.on_ack = bbr_on_ack,
	.on_loss = bbr_on_loss,
	.on_undo = bbr_on_undo,
	.on_restart = bbr_on_restart,
	.pacing_rate = bbr_pacing_rate,
	.limits_itself = bbr_limits_itself,
	.info = bbr_info,
};
