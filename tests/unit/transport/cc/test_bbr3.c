/* SPDX-License-Identifier: MIT */
/* BBR, version 3, against its own model: a path that is nothing but a rate, a delay and a queue. */
#include "cc_path.h"

enum {
	RATE = 1250000, /* 10 Mbit/s */
};

static struct path *ten_mbit_forty_ms(uint64_t buffer_bdp_percent)
{
	struct path *p = path_new(&cc_bbr3, RATE, 40 * PATH_MS, 0);

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

	assert_int_equal(path_info(p).pacing_gain_256, 710);
	assert_int_equal(path_info(p).cwnd_gain_256, 512);
	path_run(p, 1 * PATH_SEC);
	assert_within(path_info(p).bw_Bps, RATE, 3);
	assert_int_equal(path_info(p).min_rtt_us / 1000, 40);
	path_run(p, 500 * PATH_MS);
	/* Cruising: no queue but a segment or two. */
	assert_true(p->queue_max_ns <= 4 * PATH_MS);
	free(p);
}

/* DOWN, CRUISE, REFILL, UP; a cycle takes two to three seconds, or 63 rounds of 40 ms. */
static void cycle_probes_every_two_to_three_seconds(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	uint32_t n_up = 0, n_down = 0, n_probes = 0, last = 0;

	path_run(p, 2 * PATH_SEC);
	for (int ms = 0; ms < 24000; ms++) {
		uint32_t gain = path_info(p).pacing_gain_256;

		n_probes += gain == 320 && last != 320;
		n_up += gain == 320;
		n_down += gain == 230;
		last = gain;
		path_run(p, PATH_MS);
	}
	assert_in_range(n_probes, 7, 13);
	/* Up until the rate has not grown for three rounds, down until the queue is gone. */
	assert_in_range(n_up / n_probes, 80, 400);
	assert_true(n_down > 0);
	assert_within(path_info(p).bw_Bps, RATE, 3);
	free(p);
}

static void inflight_never_exceeds_twice_the_product(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);

	path_run(p, 2 * PATH_SEC);
	path_run(p, 20 * PATH_SEC);
	/* Gain 2.25 while it probes, and what it needs to keep super-packets coming. */
	assert_true(p->flight_max <= path_bdp(p) * 9 / 4 + 8 * PATH_MSS);
	assert_true(p->queue_max_ns <= 40 * PATH_MS * 5 / 4);
	free(p);
}

static void probe_rtt_every_five_seconds_halves_what_is_in_flight(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	int n_dips = 0;
	bool was_small = false;

	path_run(p, 2 * PATH_SEC);
	for (int ms = 0; ms < 22000; ms++) {
		bool is_small;

		path_run(p, PATH_MS);
		is_small = p->cc.ops->limits_itself(&p->cc);
		if (is_small)
			assert_true(p->cc.cwnd <= path_bdp(p) / 2 + 4 * PATH_MSS);
		n_dips += is_small && !was_small;
		was_small = is_small;
	}
	assert_in_range(n_dips, 3, 5);
	free(p);
}

static void loss_in_a_probe_sets_the_longterm_bound(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(15);
	uint64_t lost, sent;

	path_run(p, 10 * PATH_SEC);
	lost = p->lost;
	sent = p->delivered + p->lost;
	path_run(p, 20 * PATH_SEC);
	lost = p->lost - lost;
	sent = p->delivered + p->lost - sent;
	/* Two percent of a probe, which is a fraction of the time. */
	assert_true(lost * 100 <= sent * 2);
	assert_within(sent - lost, 20 * RATE, 12);
	free(p);
}

static void headroom_is_left_while_it_cruises(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(15);
	uint32_t worst = 0;

	path_run(p, 10 * PATH_SEC);
	for (int ms = 0; ms < 5000; ms++) {
		path_run(p, PATH_MS);
		if (path_info(p).pacing_gain_256 == 256 && p->phase == CC_OPEN)
			worst = p->cc.cwnd > worst ? p->cc.cwnd : worst;
	}
	assert_true(worst <= (path_bdp(p) + p->buffer_bytes) * 105 / 100);
	free(p);
}

static void random_losses_below_two_percent_cost_a_margin_only(void **state UNUSED)
{
	struct path *p = path_new(&cc_bbr3, 10 * RATE, 40 * PATH_MS, 10 * RATE);
	uint64_t before;

	path_run(p, 2 * PATH_SEC);
	before = p->delivered;
	for (int i = 0; i < 100; i++) {
		path_run(p, 100 * PATH_MS);
		if (p->head != p->tail)
			p->pkts[(p->tail - 1) % PATH_PKTS].is_lost = true;
	}
	assert_true(p->lost > 50 * PATH_MSS);
	/* Each round with a loss lowers the short-term bound by the pacing margin of a percent,
	 * until the next probe two to three seconds later. */
	assert_within(p->delivered - before, 100 * RATE, 25);
	free(p);
}

static void rate_that_changes_is_followed_by_the_next_probes(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(100000);

	path_run(p, 3 * PATH_SEC);
	p->rate_Bps = RATE / 4;
	path_run(p, 12 * PATH_SEC);
	assert_within(path_info(p).bw_Bps, RATE / 4, 10);
	p->rate_Bps = RATE;
	path_run(p, 30 * PATH_SEC);
	assert_within(path_info(p).bw_Bps, RATE, 10);
	free(p);
}

static void undo_gives_back_window_and_bounds(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	uint32_t cwnd;

	path_run(p, 3 * PATH_SEC);
	cwnd = p->cc.cwnd;
	cc_on_loss(&p->cc, &(struct cc_loss){.now_ns = p->now_ns, .is_timeout = true});
	assert_int_equal(p->cc.cwnd, PATH_MSS);
	cc_on_undo(&p->cc, &(struct cc_undo){.now_ns = p->now_ns, .prior_cwnd = cwnd});
	assert_int_equal(p->cc.cwnd, cwnd);
	path_run(p, 2 * PATH_SEC);
	assert_within(path_info(p).bw_Bps, RATE, 3);
	free(p);
}

/* BBRInflightAtLoss: 54,000 bytes were in flight before this segment and 1000 of them lost; 2 % are
 * reached with 81 bytes of it. */
static void probe_ends_where_the_share_of_losses_went_beyond(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	struct cc_lost ev = {.seq = 1000, .end = 2000, .tx_in_flight_bytes = 55000};

	path_run(p, 2 * PATH_SEC);
	for (int ms = 0; ms < 4000 && path_info(p).pacing_gain_256 != 320; ms++)
		path_run(p, PATH_MS);
	assert_int_equal(path_info(p).pacing_gain_256, 320);
	ev.now_ns = p->now_ns;
	ev.lost_bytes = 1000;
	cc_on_lost(&p->cc, &ev);
	assert_int_equal(path_info(p).pacing_gain_256, 320); /* not more than 2 % */
	ev.lost_bytes = 2000;
	cc_on_lost(&p->cc, &ev);
	assert_int_equal(path_info(p).pacing_gain_256, 230);
	path_run(p, 60 * PATH_MS);
	assert_int_equal(p->cc.cwnd, 54081 - 54081 * 15 / 100); /* it cruises, with headroom */
	free(p);
}

/* Runs until it paces with this gain. */
static void until(struct path *p, uint32_t gain)
{
	for (int ms = 0; ms < 8000 && path_info(p).pacing_gain_256 != gain; ms++)
		path_run(p, PATH_MS);
	assert_int_equal(path_info(p).pacing_gain_256, gain);
}

/* A probe that lost too much, with so much in flight. */
static void probe_that_fails(struct path *p, uint32_t in_flight)
{
	struct cc_lost ev = {.seq = 1000, .end = 2000, .lost_bytes = 5000};

	until(p, 320);
	ev.now_ns = p->now_ns;
	ev.tx_in_flight_bytes = in_flight;
	cc_on_lost(&p->cc, &ev);
	assert_int_equal(path_info(p).pacing_gain_256, 230);
}

/* Milliseconds until it no longer paces with this gain. */
static uint32_t lasts_ms(struct path *p, uint32_t gain)
{
	uint32_t ms = 0;

	for (; path_info(p).pacing_gain_256 == gain && ms < 8000; ms++)
		path_run(p, PATH_MS);
	return ms;
}

/* Precautionary probing (§5.3.3.6): after a probe that lost too much, one that ends when that much
 * is in flight, and if it lost nothing another as soon as the ACKs of a round have said so and the
 * pipe is full. */
static void probe_after_one_that_failed_is_short_and_the_next_follows_at_once(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(15);
	int between_ms = 0;

	path_run(p, 10 * PATH_SEC);
	until(p, 320);
	assert_in_range(lasts_ms(p, 320), 1, 110);
	p->buffer_bytes = path_bdp(p) * 10; /* another was there, and has gone */
	path_run(p, 200 * PATH_MS);
	assert_int_not_equal(path_info(p).pacing_gain_256, 320);
	until(p, 320);
	assert_in_range(lasts_ms(p, 320), 1, 110);
	for (; path_info(p).pacing_gain_256 != 320 && between_ms < 4000; between_ms++)
		path_run(p, PATH_MS);
	assert_in_range(between_ms, 40, 200);
	/* Which is not cut short: three rounds in which the rate does not grow. */
	assert_in_range(lasts_ms(p, 320), 120, 400);
	free(p);
}

static void undo_of_a_failed_probe_begins_it_again(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	uint32_t cwnd;
	int ms = 0;

	path_run(p, 2 * PATH_SEC);
	until(p, 320);
	cwnd = p->cc.cwnd;
	probe_that_fails(p, 45000);
	cc_on_undo(&p->cc, &(struct cc_undo){.now_ns = p->now_ns, .prior_cwnd = cwnd});
	assert_true(p->cc.cwnd >= cwnd);
	assert_int_equal(path_info(p).pacing_gain_256, 256);
	for (; path_info(p).pacing_gain_256 != 320 && ms < 4000; ms++)
		path_run(p, PATH_MS);
	assert_in_range(ms, 1, 120);
	free(p);
}

static void after_idling_it_paces_at_the_estimated_rate(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);

	path_run(p, 2 * PATH_SEC);
	until(p, 320);
	assert_within(cc_pacing_rate(&p->cc), path_info(p).bw_Bps * 5 / 4, 2);
	cc_on_restart(&p->cc, &(struct cc_restart){.now_ns = p->now_ns});
	assert_within(cc_pacing_rate(&p->cc), path_info(p).bw_Bps * 5 / 4, 2);
	cc_on_restart(&p->cc, &(struct cc_restart){.now_ns = p->now_ns, .is_app_limited = true});
	assert_within(cc_pacing_rate(&p->cc), path_info(p).bw_Bps, 2);
	free(p);
}

/* §5.3.2: the estimate is four times too high, so what is in flight never fits it again. */
static void drain_ends_after_three_rounds(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(10000);
	int ms = 0;

	path_run(p, 100 * PATH_MS);
	until(p, 128);
	p->rate_Bps = RATE / 50;
	for (; path_info(p).pacing_gain_256 == 128 && ms < 20000; ms++)
		path_run(p, PATH_MS);
	assert_in_range(ms, 1, 15000);
	free(p);
}

static void without_sack_a_loss_ends_startup_and_a_probe(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	struct cc_lost ev = {
		.seq = 1000, .end = 2000, .lost_bytes = 1, .tx_in_flight_bytes = 50000};
	struct cc_ack ack = {.phase = CC_RECOVERY, .pipe_bytes = 200000};

	path_run(p, 130 * PATH_MS);
	assert_int_equal(path_info(p).pacing_gain_256, 710);
	ack.now_ns = p->now_ns;
	ack.rate = (struct cc_sample){.total_bytes = p->delivered,
				      .prior_bytes = p->delivered,
				      .delivered_bytes = 20000,
				      .interval_ns = 40 * PATH_MS,
				      .lost_total_bytes = 1000,
				      .tx_in_flight_bytes = 100000,
				      .newly_bytes = 1000,
				      .rtt_us = 40000};
	cc_on_ack(&p->cc, &ack);
	assert_int_equal(path_info(p).pacing_gain_256, 710); /* 1 %, in one place */
	ack.rate.has_no_sack = true;
	cc_on_ack(&p->cc, &ack);
	assert_int_equal(path_info(p).pacing_gain_256, 128);
	path_run(p, 2 * PATH_SEC);
	until(p, 320);
	ev.now_ns = p->now_ns;
	cc_on_lost(&p->cc, &ev);
	assert_int_equal(path_info(p).pacing_gain_256, 320);
	ev.has_no_sack = true;
	cc_on_lost(&p->cc, &ev);
	assert_int_equal(path_info(p).pacing_gain_256, 230);
	free(p);
}

/* A queue that marks and never overflows. */
static void marks_keep_the_queue_short_without_a_loss(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	int64_t unmarked_ns;
	uint64_t before;

	path_run(p, 2 * PATH_SEC);
	path_run(p, 20 * PATH_SEC);
	unmarked_ns = p->queue_max_ns;
	free(p);
	p = ten_mbit_forty_ms(1000);
	p->mark_bytes = 4 * PATH_MSS; /* 3.2 ms */
	path_run(p, 2 * PATH_SEC);
	before = p->delivered;
	path_run(p, 20 * PATH_SEC);
	assert_int_equal(p->lost, 0);
	assert_true(p->marked > 0);
	assert_true(p->queue_max_ns < unmarked_ns);
	assert_true(p->queue_max_ns <= 15 * PATH_MS);
	assert_within(p->delivered - before, 20 * RATE, 12);
	free(p);
}

static void marks_in_two_windows_end_startup(void **state UNUSED)
{
	struct path *p = ten_mbit_forty_ms(1000);
	struct cc_loss mark = {.is_ecn = true, .flight_bytes = 20000};

	path_run(p, 130 * PATH_MS);
	assert_int_equal(path_info(p).pacing_gain_256, 710);
	mark.now_ns = p->now_ns;
	cc_on_loss(&p->cc, &mark);
	path_run(p, 10 * PATH_MS);
	assert_int_equal(path_info(p).pacing_gain_256, 710);
	mark.now_ns = p->now_ns;
	cc_on_loss(&p->cc, &mark);
	path_run(p, 10 * PATH_MS);
	assert_int_not_equal(path_info(p).pacing_gain_256, 710);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(startup_finds_the_rate_and_drains_its_queue),
		cmocka_unit_test(cycle_probes_every_two_to_three_seconds),
		cmocka_unit_test(inflight_never_exceeds_twice_the_product),
		cmocka_unit_test(probe_rtt_every_five_seconds_halves_what_is_in_flight),
		cmocka_unit_test(loss_in_a_probe_sets_the_longterm_bound),
		cmocka_unit_test(headroom_is_left_while_it_cruises),
		cmocka_unit_test(random_losses_below_two_percent_cost_a_margin_only),
		cmocka_unit_test(rate_that_changes_is_followed_by_the_next_probes),
		cmocka_unit_test(probe_ends_where_the_share_of_losses_went_beyond),
		cmocka_unit_test(marks_keep_the_queue_short_without_a_loss),
		cmocka_unit_test(marks_in_two_windows_end_startup),
		cmocka_unit_test(undo_gives_back_window_and_bounds),
		cmocka_unit_test(probe_after_one_that_failed_is_short_and_the_next_follows_at_once),
		cmocka_unit_test(undo_of_a_failed_probe_begins_it_again),
		cmocka_unit_test(after_idling_it_paces_at_the_estimated_rate),
		cmocka_unit_test(drain_ends_after_three_rounds),
		cmocka_unit_test(without_sack_a_loss_ends_startup_and_a_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
