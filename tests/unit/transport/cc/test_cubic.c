/* SPDX-License-Identifier: MIT */
/*
 * CUBIC against the formulas of RFC 9438 in floating point: the model below shares nothing with
 * the code but the RFC.
 */
#include "transport/cc/cc.h"
#include "unit.h"

enum {
	MSS = 1000,
};

#define SEC 1000000000LL
#define MS  1000000LL

struct flow {
	struct cc_state cc;
	uint64_t priv[32];
	int64_t now_ns;
	uint32_t rtt_us;
	uint32_t una;
};

static struct flow flow_at(uint32_t cwnd, uint32_t rtt_ms)
{
	struct flow f = {.now_ns = SEC, .rtt_us = rtt_ms * 1000, .una = 1};

	assert_true(cc_cubic.priv_bytes <= sizeof(f.priv));
	cc_init(&f.cc, &cc_cubic, MSS);
	f.cc.cwnd = cwnd;
	return f;
}

/* After the struct has found its place. */
static void flow_start(struct flow *f)
{
	f->cc.priv = f->priv;
	f->cc.ops->init(&f->cc, f->now_ns, f->rtt_us, f->una);
}

static void ack(struct flow *f, uint32_t bytes)
{
	f->una += bytes;
	cc_on_ack(&f->cc, &(struct cc_ack){.now_ns = f->now_ns,
					   .acked_bytes = bytes,
					   .flight_bytes = f->cc.cwnd,
					   .srtt_us = f->rtt_us,
					   .is_cwnd_limited = true,
					   .una = f->una,
					   .nxt = f->una + f->cc.cwnd});
}

static void lose(struct flow *f)
{
	cc_on_loss(&f->cc, &(struct cc_loss){.now_ns = f->now_ns, .flight_bytes = f->cc.cwnd});
	f->now_ns += f->rtt_us * 1000LL;
	cc_on_recovered(&f->cc);
}

/* One round trip: the window is acknowledged, segment by segment. */
static void round_trip(struct flow *f)
{
	uint32_t n = f->cc.cwnd / MSS;
	int64_t end_ns = f->now_ns + f->rtt_us * 1000LL;

	for (uint32_t i = 0; i < n; i++) {
		f->now_ns += f->rtt_us * 1000LL / n;
		ack(f, MSS);
	}
	f->now_ns = end_ns;
}

/* By bisection, so that the test needs no library. */
static double cube_root(double v)
{
	double lo = 0, hi = 1000;

	for (int i = 0; i < 80; i++) {
		double mid = (lo + hi) / 2;

		if (mid * mid * mid > v)
			hi = mid;
		else
			lo = mid;
	}
	return lo;
}

static double cube(double v)
{
	return v * v * v;
}

static double distance(double a, double b)
{
	return a > b ? a - b : b - a;
}

/* RFC 9438 §4.1 and §4.2 to the letter, in segments and seconds. */
struct model {
	double w_max, k, w_est, cwnd, cwnd_prior, start;
};

static void model_start(struct model *m, double cwnd, double w_max, double prior, double now)
{
	*m = (struct model){
		.w_max = w_max,
		.k = cube_root((w_max - cwnd) / 0.4),
		.w_est = cwnd,
		.cwnd = cwnd,
		.cwnd_prior = prior,
		.start = now,
	};
}

static void model_ack(struct model *m, double now, double rtt)
{
	double t = now - m->start, target = 0.4 * cube(t + rtt - m->k) + m->w_max;
	double alpha = m->w_est < m->cwnd_prior ? 3 * 0.3 / 1.7 : 1;

	target = target < m->cwnd ? m->cwnd : target > 1.5 * m->cwnd ? 1.5 * m->cwnd : target;
	m->w_est += alpha / m->cwnd;
	m->cwnd += (target - m->cwnd) / m->cwnd;
	if (m->w_est > m->cwnd)
		m->cwnd = m->w_est;
}

/* Both for `rounds` round trips after a loss at `w` segments: never a segment and a percent apart.
 */
static void compare(uint32_t w, uint32_t rtt_ms, int rounds)
{
	struct flow f = flow_at(w * MSS, rtt_ms);
	struct model m;

	flow_start(&f);
	f.cc.ssthresh = f.cc.cwnd;
	lose(&f);
	assert_int_equal(f.cc.cwnd, w * MSS * 7 / 10);
	model_start(&m, f.cc.cwnd / 1000., w, w, 0);
	for (int r = 0; r < rounds; r++) {
		uint32_t n = f.cc.cwnd / MSS;
		int64_t end_ns = f.now_ns + f.rtt_us * 1000LL;

		for (uint32_t i = 0; i < n; i++) {
			f.now_ns += f.rtt_us * 1000LL / n;
			if (m.start == 0)
				m.start = (double)f.now_ns / SEC;
			ack(&f, MSS);
			model_ack(&m, (double)f.now_ns / SEC, f.rtt_us / 1e6);
		}
		f.now_ns = end_ns;
		if (distance(f.cc.cwnd / 1000., m.cwnd) > 1 + m.cwnd / 100)
			fail_msg(
				"after %d round trips of %u ms from %u segments: %f, by the RFC %f",
				r + 1, rtt_ms, w, f.cc.cwnd / 1000., m.cwnd);
	}
}

static void window_follows_the_cubic_function(void **state UNUSED)
{
	compare(100, 100, 200);
	compare(1000, 100, 300);
	compare(10000, 50, 200);
	compare(50, 300, 100);
}

static void short_round_trips_follow_renos_estimate(void **state UNUSED)
{
	compare(20, 5, 400);
	compare(10, 10, 300);
	compare(4, 1, 1000);
}

static void loss_takes_three_tenths(void **state UNUSED)
{
	struct flow f = flow_at(100 * MSS, 50);

	flow_start(&f);
	cc_on_loss(&f.cc, &(struct cc_loss){.now_ns = f.now_ns, .flight_bytes = 100 * MSS});
	assert_int_equal(f.cc.ssthresh, 70 * MSS);
	assert_int_equal(f.cc.cwnd, 70 * MSS);
	f.cc.cwnd = 2 * MSS;
	cc_on_loss(&f.cc, &(struct cc_loss){.now_ns = f.now_ns, .flight_bytes = 2 * MSS});
	assert_int_equal(f.cc.ssthresh, 2 * MSS);
}

/* K = cbrt(30 / 0.4) = 4.217 s after a loss at 100 segments. */
static void window_is_back_at_w_max_after_k(void **state UNUSED)
{
	struct flow f = flow_at(100 * MSS, 100);
	int64_t start_ns;

	flow_start(&f);
	f.cc.ssthresh = f.cc.cwnd;
	lose(&f);
	start_ns = f.now_ns;
	while (f.cc.cwnd < 995 * MSS / 10)
		round_trip(&f);
	assert_in_range((f.now_ns - start_ns) / MS, 3000, 4300);
	while (f.now_ns - start_ns < 4217 * MS)
		round_trip(&f);
	assert_in_range(f.cc.cwnd, 99 * MSS, 101 * MSS);
}

/* §4.7: the second loss, below W_max, makes room: W_max becomes 0.85 of the window. */
static void second_loss_at_less_lowers_w_max(void **state UNUSED)
{
	struct flow f = flow_at(1000 * MSS, 100);
	int64_t start_ns;

	flow_start(&f);
	f.cc.ssthresh = f.cc.cwnd;
	lose(&f);
	f.cc.cwnd = 800 * MSS;
	lose(&f);
	assert_int_equal(f.cc.cwnd, 560 * MSS);
	start_ns = f.now_ns;
	/* W_max 680, K = cbrt(120 / 0.4) = 6.694 s: flat there, not at 800. */
	while (f.now_ns - start_ns < 6694 * MS)
		round_trip(&f);
	assert_in_range(f.cc.cwnd, 675 * MSS, 685 * MSS);
}

static void timeout_begins_anew_without_a_plateau(void **state UNUSED)
{
	struct flow f = flow_at(100 * MSS, 100);

	flow_start(&f);
	cc_on_loss(&f.cc, &(struct cc_loss){.now_ns = f.now_ns,
					    .flight_bytes = 100 * MSS,
					    .is_timeout = true});
	assert_int_equal(f.cc.cwnd, MSS);
	assert_int_equal(f.cc.ssthresh, 70 * MSS);
	cc_on_loss(&f.cc, &(struct cc_loss){.now_ns = f.now_ns,
					    .flight_bytes = MSS,
					    .is_timeout = true,
					    .is_repeated = true});
	assert_int_equal(f.cc.ssthresh, 70 * MSS);
	while (f.cc.cwnd < 70 * MSS)
		round_trip(&f);
	/* K is 0: 0.4 t^3 above it, and Reno's estimate at first. */
	for (int i = 0; i < 50; i++)
		round_trip(&f);
	assert_in_range(f.cc.cwnd, 100 * MSS, 130 * MSS);
}

static void spurious_loss_is_as_if_it_had_not_been(void **state UNUSED)
{
	struct flow f = flow_at(100 * MSS, 100), g;

	flow_start(&f);
	f.cc.ssthresh = f.cc.cwnd;
	lose(&f);
	for (int i = 0; i < 20; i++)
		round_trip(&f);
	g = f;
	g.cc.priv = g.priv;
	cc_on_loss(&f.cc, &(struct cc_loss){.now_ns = f.now_ns, .flight_bytes = f.cc.cwnd});
	assert_true(f.cc.cwnd < g.cc.cwnd);
	cc_on_undo(&f.cc, &(struct cc_undo){.now_ns = f.now_ns,
					    .prior_cwnd = g.cc.cwnd,
					    .prior_ssthresh = g.cc.ssthresh});
	assert_int_equal(f.cc.ssthresh, g.cc.ssthresh);
	for (int i = 0; i < 50; i++) {
		round_trip(&f);
		round_trip(&g);
		assert_int_equal(f.cc.cwnd, g.cc.cwnd);
	}
}

/* §5.8: ten minutes without use are no ten minutes of growth. */
static void time_that_is_not_used_does_not_count(void **state UNUSED)
{
	struct flow f = flow_at(100 * MSS, 100), g;

	flow_start(&f);
	f.cc.ssthresh = f.cc.cwnd;
	lose(&f);
	for (int i = 0; i < 10; i++)
		round_trip(&f);
	g = f;
	g.cc.priv = g.priv;
	f.now_ns += 600 * SEC;
	cc_on_restart(&f.cc, &(struct cc_restart){.now_ns = f.now_ns});
	for (int i = 0; i < 20; i++) {
		round_trip(&f);
		round_trip(&g);
	}
	assert_int_equal(f.cc.cwnd, g.cc.cwnd);
	/* The same when the application sends a little all the time. */
	for (int i = 0; i < 6000; i++) {
		f.now_ns += 100 * MS;
		cc_on_ack(&f.cc, &(struct cc_ack){.now_ns = f.now_ns, .acked_bytes = MSS});
	}
	for (int i = 0; i < 20; i++) {
		round_trip(&f);
		round_trip(&g);
	}
	assert_int_equal(f.cc.cwnd, g.cc.cwnd);
}

static void slow_start_doubles_in_a_round_trip(void **state UNUSED)
{
	struct flow f = flow_at(10 * MSS, 100);

	flow_start(&f);
	round_trip(&f);
	assert_int_equal(f.cc.cwnd, 20 * MSS);
	round_trip(&f);
	assert_int_equal(f.cc.cwnd, 40 * MSS);
}

static void growth_in_a_round_trip_is_half_the_window_at_most(void **state UNUSED)
{
	struct flow f = flow_at(10 * MSS, 100);

	flow_start(&f);
	f.cc.ssthresh = f.cc.cwnd;
	round_trip(&f);
	f.now_ns += 60 * SEC; /* a stall with the window full */
	f.cc.cwnd = 10 * MSS;
	round_trip(&f);
	assert_in_range(f.cc.cwnd, 14 * MSS, 17 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_follows_the_cubic_function),
		cmocka_unit_test(short_round_trips_follow_renos_estimate),
		cmocka_unit_test(loss_takes_three_tenths),
		cmocka_unit_test(window_is_back_at_w_max_after_k),
		cmocka_unit_test(second_loss_at_less_lowers_w_max),
		cmocka_unit_test(timeout_begins_anew_without_a_plateau),
		cmocka_unit_test(spurious_loss_is_as_if_it_had_not_been),
		cmocka_unit_test(time_that_is_not_used_does_not_count),
		cmocka_unit_test(slow_start_doubles_in_a_round_trip),
		cmocka_unit_test(growth_in_a_round_trip_is_half_the_window_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
