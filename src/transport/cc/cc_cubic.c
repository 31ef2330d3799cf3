/* SPDX-License-Identifier: MIT */
/*
 * CUBIC (RFC 9438), with HyStart++ (RFC 9406) as slow start. The RFC's names, but bytes for its
 * segments and 1/1024 s for its seconds.
 *
 * How it works: after a loss at W_max the window is 0.7 of it and follows a cubic function of the
 * time since: fast at first, flat around W_max, fast again beyond.
 *
 *	W_cubic(t) = C (t - K)^3 + W_max      C = 0.4 segments/s^3
 *	K          = cbrt((W_max - cwnd) / C)  so that W_cubic(0) = cwnd
 *
 * Where Reno would be faster (short round trips, small windows) its estimate W_est is followed.
 *
 *	(t - K)^3 is computed in 2^-30 s^3; times the segment size, times 2/5, shifted by 30, bytes.
 *
 * The time that the application or an idle connection does not use the window does not count: the
 * epoch is moved by it.
 */
#include "transport/cc/cc_hystart.h"
#include "transport/cc/cc_priv.h"

enum {
	CUBIC_HZ_SHIFT = 10,     /* units of time in a second */
	CUBIC_T_EXACT = 1 << 16, /* 64 s: beyond, the cube is shifted before it is multiplied */
	CUBIC_T_MAX = 1 << 20,
	BETA_NUM = 7, /* beta_cubic = 0.7 (RFC 9438 §4.6) */
	BETA_DEN = 10,
	ALPHA_NUM = 9, /* alpha_cubic = 3 (1 - beta) / (1 + beta) = 9/17 (§4.3) */
	ALPHA_DEN = 17,
};

/* What a congestion event changes, and a spurious one gives back (§4.9). */
struct cubic_epoch {
	int64_t start_ns;    /* 0: congestion avoidance has not begun since the last event */
	uint32_t w_max;      /* bytes; 0: not known */
	uint32_t origin;     /* W_max of this epoch: where the curve is flat */
	uint32_t k;          /* 1/1024 s */
	uint32_t w_est;      /* bytes */
	uint32_t cwnd_prior; /* bytes, before the last event */
	uint32_t unused;
};

struct cubic {
	struct cubic_epoch now, before;
	int64_t last_ns;    /* of the last ACK, or of the first data after idling */
	uint64_t cwnd_rest; /* of the division by cwnd, below it */
	uint64_t est_rest;  /* the same of W_est */
	struct cc_hystart hs;
};

/* Largest r with r^3 <= v, digit by binary digit. */
static uint32_t cubic_root(uint64_t v)
{
	uint64_t r = 0;

	for (int bit = 21; bit >= 0; bit--) {
		uint64_t try = r | 1ull << bit;

		if (try < 2642246 && try * try * try <= v) /* 2642245^3 < 2^64 */
			r = try;
	}
	return (uint32_t)r;
}

/* C |d|^3 in bytes, d in 1/1024 s. */
static uint64_t cubic_curve(uint64_t d, uint32_t mss)
{
	d = cc_min64(d, CUBIC_T_MAX);
	if (d < CUBIC_T_EXACT)
		return d * d * d * mss / 5 * 2 >> 3 * CUBIC_HZ_SHIFT;
	return (d * d * d >> 3 * CUBIC_HZ_SHIFT) * mss / 5 * 2;
}

/* W_cubic(t), bytes. */
static uint64_t cubic_at(const struct cubic *cu, uint64_t t, uint32_t mss)
{
	uint64_t rise;

	if (t >= cu->now.k)
		return cu->now.origin + cubic_curve(t - cu->now.k, mss);
	rise = cubic_curve(cu->now.k - t, mss);
	return cu->now.origin > rise ? cu->now.origin - rise : 0;
}

/* Congestion avoidance begins (§4.2). */
static void cubic_epoch_start(struct cubic *cu, const struct cc_state *cc, int64_t now_ns)
{
	struct cubic_epoch *e = &cu->now;

	e->start_ns = now_ns;
	e->w_est = cc->cwnd;
	cu->cwnd_rest = cu->est_rest = 0;
	if (cc->cwnd >= e->w_max) {
		/* After a timeout, or before the first event: from here the curve only rises. */
		e->k = 0;
		e->origin = cc->cwnd;
		return;
	}
	e->origin = e->w_max;
	/* (W_max - cwnd) / mss / 0.4 s^3 */
	e->k = cubic_root(((uint64_t)(e->w_max - cc->cwnd) << 3 * CUBIC_HZ_SHIFT) / cc->mss * 5 /
			  2);
}

/* §4.3: what Reno with the same average would have. */
static void cubic_reno_estimate(struct cubic *cu, const struct cc_state *cc, uint32_t acked)
{
	struct cubic_epoch *e = &cu->now;
	/* From the window before the last event on, Reno's own speed. */
	uint32_t alpha = e->w_est < e->cwnd_prior ? ALPHA_NUM : ALPHA_DEN;
	uint64_t unit = (uint64_t)cc->cwnd * ALPHA_DEN;

	cu->est_rest += (uint64_t)acked * alpha * cc->mss;
	e->w_est = (uint32_t)cc_min64(e->w_est + cu->est_rest / unit, CC_CWND_MAX);
	cu->est_rest %= unit;
}

/* §4.4 and §4.5: towards where the curve is a round trip from now, half the window at most. */
static void cubic_avoidance(struct cubic *cu, struct cc_state *cc, const struct cc_ack *ev,
			    uint32_t acked)
{
	uint64_t t_ns, t, target;

	if (cu->now.start_ns == 0)
		cubic_epoch_start(cu, cc, ev->now_ns);
	t_ns = (uint64_t)(ev->now_ns - cu->now.start_ns) + (uint64_t)ev->srtt_us * 1000;
	/* ns * 1024 / 10^9; an hour has no more news than this. */
	t = cc_min64(t_ns, 3600 * (uint64_t)CC_NS_PER_S) * 2 / 1953125;
	target = cubic_at(cu, t, cc->mss);
	target = cc_min64(target, cc->cwnd + (uint64_t)cc->cwnd / 2);
	cubic_reno_estimate(cu, cc, acked);
	if (target > cc->cwnd) {
		cu->cwnd_rest += (target - cc->cwnd) * acked;
		cc->cwnd += (uint32_t)(cu->cwnd_rest / cc->cwnd);
		cu->cwnd_rest %= cc->cwnd;
	}
	cc->cwnd = cc_max(cc->cwnd, cu->now.w_est);
}

static void cubic_init(struct cc_state *cc, int64_t now_ns, uint32_t srtt_us UNUSED, uint32_t nxt)
{
	struct cubic *cu = cc->priv;

	cu->last_ns = now_ns;
	cc_hystart_init(&cu->hs, nxt);
}

/* The time since the last ACK did not use the window (§5.8). */
static void cubic_skip(struct cubic *cu, int64_t now_ns)
{
	if (cu->now.start_ns)
		cu->now.start_ns += now_ns - cu->last_ns;
	cu->last_ns = now_ns;
}

static void cubic_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	struct cubic *cu = cc->priv;
	uint32_t acked = ev->acked_bytes;

	if (!ev->is_cwnd_limited) {
		cubic_skip(cu, ev->now_ns);
		return;
	}
	cu->last_ns = ev->now_ns;
	if (cc->cwnd < cc->ssthresh) {
		/* HyStart++ is for the first slow start, where the threshold is not known. */
		if (cc->ssthresh == UINT32_MAX)
			acked = cc_hystart_on_ack(&cu->hs, cc, ev);
		else
			acked = cc_slow_start(cc, acked);
	}
	if (acked > 0)
		cubic_avoidance(cu, cc, ev, acked);
	cc->cwnd = cc_min(cc->cwnd, CC_CWND_MAX);
}

static void cubic_on_loss(struct cc_state *cc, const struct cc_loss *ev)
{
	struct cubic *cu = cc->priv;
	uint32_t cwnd = cc->cwnd;

	if (!ev->is_repeated) {
		uint32_t w = (uint32_t)((uint64_t)cwnd * BETA_NUM / BETA_DEN);

		cu->before = cu->now;
		cu->now.cwnd_prior = cwnd;
		/* Fast convergence (§4.7): the last loss was at more, so somebody came. */
		if (cwnd < cu->now.w_max)
			cu->now.w_max =
				(uint32_t)((uint64_t)cwnd * (BETA_DEN + BETA_NUM) / (2 * BETA_DEN));
		else
			cu->now.w_max = cwnd;
		cc->ssthresh = cc_max(w, 2 * cc->mss);
	}
	if (ev->is_timeout)
		cu->now.w_max = 0; /* §4.8: K is 0 in the first avoidance after a timeout */
	cc->cwnd = ev->is_timeout ? cc->mss : cc->ssthresh;
	cu->now.start_ns = 0;
	cc->acked = 0;
}

/* §4.9: as if it had not been. */
static void cubic_on_undo(struct cc_state *cc, const struct cc_undo *ev)
{
	struct cubic *cu = cc->priv;

	cc_reno_on_undo(cc, ev);
	cu->now = cu->before;
	/* What passed since was not spent on the curve. */
	cubic_skip(cu, ev->now_ns);
}

static void cubic_on_recovered(struct cc_state *cc)
{
	struct cubic *cu = cc->priv;

	cc_reno_on_recovered(cc);
	cu->now.start_ns = 0;
}

static void cubic_on_restart(struct cc_state *cc, const struct cc_restart *ev)
{
	cubic_skip(cc->priv, ev->now_ns);
}

const struct cc_ops cc_cubic = {
	.name = "cubic",
	.priv_bytes = sizeof(struct cubic),
	.flags = CC_PACED_START | CC_REST,
	.init = cubic_init,
	.on_ack = cubic_on_ack,
	.on_loss = cubic_on_loss,
	.on_recovered = cubic_on_recovered,
	.on_undo = cubic_on_undo,
	.on_idle = cc_reno_on_idle,
	.on_restart = cubic_on_restart,
};
