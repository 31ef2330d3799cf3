/* SPDX-License-Identifier: MIT */
/* BBR, version 1, over a path that is nothing but a rate, a delay and a queue. */
#include "cc_path.h"

enum {
	RATE = 1250000, /* 10 Mbit/s */
};

static struct path *ten_mbit_forty_ms(uint64_t buffer_bdp_percent)
{
	struct path *p = path_new(&cc_bbr, RATE, 40 * PATH_MS, 0);

	p->buffer_bytes = path_bdp(p) * buffer_bdp_percent / 100;
	return p;
}

static void assert_within(uint64_t seen, uint64_t want, uint64_t percent)
{
	assert_in_range(seen, want * (100 - percent) / 100, want * (100 + percent) / 100);
}

static void startup_finds_the_rate_and_drains_its_queue(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	struct cc_info info;

	assert_int_equal(path_info(p).pacing_gain_256, 739);
	path_run(p, 1 * PATH_SEC);
	info = path_info(p);
	assert_within(info.bw_Bps, RATE, 3);
	assert_int_equal(info.min_rtt_us / 1000, 40);
	assert_int_equal(info.cwnd_gain_256, 512);
	path_run(p, 1 * PATH_SEC);
	path_run(p, 2 * PATH_SEC);
	/* Of the queue that startup built nothing is left; the probes' is a quarter of the round
	 * trip, and three super-packets of two segments. */
	assert_true(p->queue_max_ns <= 10 * PATH_MS + 8 * PATH_MSS * PATH_SEC / RATE);
	assert_true(p->flight_max <= path_bdp(p) * 3 / 2);
	free(p);
}

static void cycle_has_eight_phases_of_a_round_trip(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	uint32_t n_up = 0, n_down = 0, n_flat = 0;

	path_run(p, 3 * PATH_SEC);
	for (int ms = 0; ms < 3200; ms++) {
		uint32_t gain = path_info(p).pacing_gain_256;

		n_up += gain == 320;
		n_down += gain == 192;
		n_flat += gain == 256;
		path_run(p, PATH_MS);
	}
	assert_int_equal(n_up + n_down + n_flat, 3200);
	/* Ten cycles of 320 ms; a phase is a little longer than a round trip. */
	assert_in_range(n_up, 300, 600);
	assert_in_range(n_down, 200, 500);
	assert_in_range(n_flat, 2100, 2700);
	free(p);
}

static void min_rtt_not_seen_for_ten_seconds_is_looked_for(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	uint32_t least = UINT32_MAX;
	int ms_small = 0;

	path_run(p, 5 * PATH_SEC);
	p->rtt_ns = 60 * PATH_MS; /* another route: the old least round trip is not seen again */
	for (int ms = 0; ms < 12000; ms++) {
		path_run(p, PATH_MS);
		least = p->cc.cwnd < least ? p->cc.cwnd : least;
		ms_small += p->cc.cwnd == 4 * PATH_MSS;
	}
	assert_int_equal(least, 4 * PATH_MSS);
	assert_in_range(ms_small, 200, 400); /* 200 ms and a round, at four segments in flight */
	assert_int_equal(path_info(p).min_rtt_us / 1000, 60);
	assert_true(p->cc.cwnd > path_bdp(p)); /* what it was before is given back */
	free(p);
}

static void random_losses_do_not_slow_it(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	uint64_t before;

	path_run(p, 2 * PATH_SEC);
	before = p->delivered;
	for (int i = 0; i < 100; i++) {
		path_run(p, 100 * PATH_MS);
		if (p->head != p->tail)
			p->pkts[(p->tail - 1) % PATH_PKTS].is_lost = true;
	}
	assert_true(p->lost > 50 * PATH_MSS);
	assert_within(p->delivered - before, 10 * RATE, 8);
	free(p);
}

static void rate_that_falls_is_followed_within_ten_rounds(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(100000);

	path_run(p, 3 * PATH_SEC);
	p->rate_Bps = RATE / 4;
	path_run(p, 5 * PATH_SEC);
	assert_within(path_info(p).bw_Bps, RATE / 4, 10);
	p->rate_Bps = RATE;
	path_run(p, 8 * PATH_SEC);
	assert_within(path_info(p).bw_Bps, RATE, 10);
	free(p);
}

static void policed_path_is_paced_at_the_policers_rate(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(5);
	uint64_t lost, sent;

	path_run(p, 10 * PATH_SEC);
	lost = p->lost;
	sent = p->delivered + p->lost;
	path_run(p, 5 * PATH_SEC);
	lost = p->lost - lost;
	sent = p->delivered + p->lost - sent;
	assert_true(lost * 10 < sent);
	free(p);
}

static void timeout_begins_with_one_segment_and_returns(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	uint32_t cwnd;

	path_run(p, 3 * PATH_SEC);
	cwnd = p->cc.cwnd;
	cc_on_loss(&p->cc, &(struct cc_loss){.now_ns = p->now_ns, .is_timeout = true});
	assert_int_equal(p->cc.cwnd, PATH_MSS);
	p->phase = CC_LOSS;
	path_run(p, 20 * PATH_MS);
	p->phase = CC_OPEN;
	path_run(p, 100 * PATH_MS);
	assert_true(p->cc.cwnd >= cwnd * 9 / 10);
	free(p);
}

static void application_that_sends_little_lowers_no_estimate(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	struct cc_ack ev;

	path_run(p, 3 * PATH_SEC);
	ev = (struct cc_ack){
		.now_ns = p->now_ns,
		.srtt_us = 40000,
		.rate = {.interval_ns = 40 * PATH_MS,
			 .delivered_bytes = PATH_MSS,
			 .newly_bytes = PATH_MSS,
			 .rtt_us = 40000,
			 .is_app_limited = true},
	};
	for (int i = 0; i < 50; i++) {
		p->delivered += PATH_MSS;
		ev.now_ns += 41 * PATH_MS;
		ev.rate.total_bytes = p->delivered;
		ev.rate.prior_bytes = p->delivered - PATH_MSS;
		cc_on_ack(&p->cc, &ev);
	}
	assert_within(path_info(p).bw_Bps, RATE, 3);
	/* The same from an application that had enough to send. */
	ev.rate.is_app_limited = false;
	for (int i = 0; i < 50; i++) {
		p->delivered += PATH_MSS;
		ev.now_ns += 41 * PATH_MS;
		ev.rate.total_bytes = p->delivered;
		ev.rate.prior_bytes = p->delivered - PATH_MSS;
		cc_on_ack(&p->cc, &ev);
	}
	assert_within(path_info(p).bw_Bps, 25000, 3);
	free(p);
}

static void first_rate_is_that_of_the_initial_window(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(100);

	/* 10000 bytes in 40 ms, times 2.89, less a percent. */
	assert_within(cc_pacing_rate(&p->cc), 250000 * 739 / 256 * 99 / 100, 1);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(startup_finds_the_rate_and_drains_its_queue),
		cmocka_unit_test(cycle_has_eight_phases_of_a_round_trip),
		cmocka_unit_test(min_rtt_not_seen_for_ten_seconds_is_looked_for),
		cmocka_unit_test(random_losses_do_not_slow_it),
		cmocka_unit_test(rate_that_falls_is_followed_within_ten_rounds),
		cmocka_unit_test(policed_path_is_paced_at_the_policers_rate),
		cmocka_unit_test(timeout_begins_with_one_segment_and_returns),
		cmocka_unit_test(application_that_sends_little_lowers_no_estimate),
		cmocka_unit_test(first_rate_is_that_of_the_initial_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
