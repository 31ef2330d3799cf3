/* SPDX-License-Identifier: MIT */
/* Congestion control by tables of events: no connection, no clock. */
#include "transport/cc/cc.h"
#include "unit.h"

enum {
	MSS = 1000,
};

static struct cc_state fresh(void)
{
	struct cc_state cc;

	cc_init(&cc, &cc_newreno, MSS);
	return cc;
}

static void ack(struct cc_state *cc, uint32_t bytes, bool limited)
{
	cc->ops->on_ack(cc, &(struct cc_ack){.acked_bytes = bytes,
					     .flight_bytes = cc->cwnd,
					     .is_cwnd_limited = limited});
}

static void slow_start_doubles_in_a_round_trip(void **state UNUSED)
{
	struct cc_state cc = fresh();

	assert_int_equal(cc.cwnd, 10 * MSS);
	ack(&cc, 10 * MSS, true);
	assert_int_equal(cc.cwnd, 20 * MSS);
	ack(&cc, MSS, false); /* not limited by the window: says nothing about it */
	assert_int_equal(cc.cwnd, 20 * MSS);
}

static void avoidance_adds_a_segment_in_a_round_trip(void **state UNUSED)
{
	struct cc_state cc = fresh();

	cc.ssthresh = 10 * MSS;
	for (int i = 0; i < 9; i++)
		ack(&cc, MSS, true);
	assert_int_equal(cc.cwnd, 10 * MSS);
	ack(&cc, MSS, true);
	assert_int_equal(cc.cwnd, 11 * MSS);
}

static void slow_start_ends_at_the_threshold(void **state UNUSED)
{
	struct cc_state cc = fresh();

	cc.ssthresh = 12 * MSS;
	ack(&cc, 8 * MSS, true);
	assert_int_equal(cc.cwnd, 12 * MSS);
	assert_int_equal(cc.acked, 6 * MSS);
}

static void loss_halves_and_timeout_starts_over(void **state UNUSED)
{
	struct cc_state cc = fresh();

	cc.ops->on_loss(&cc, &(struct cc_loss){.flight_bytes = 10 * MSS});
	assert_int_equal(cc.ssthresh, 5 * MSS);
	assert_int_equal(cc.cwnd, 5 * MSS);
	cc.ops->on_loss(&cc, &(struct cc_loss){.flight_bytes = 5 * MSS, .is_timeout = true});
	assert_int_equal(cc.ssthresh, 2500);
	assert_int_equal(cc.cwnd, MSS);
	cc.ops->on_loss(&cc, &(struct cc_loss){
				     .flight_bytes = MSS, .is_timeout = true, .is_repeated = true});
	assert_int_equal(cc.ssthresh, 2500);
	cc.ops->on_loss(&cc, &(struct cc_loss){.flight_bytes = 0});
	assert_int_equal(cc.ssthresh, 2 * MSS);
}

static void idle_time_shrinks_to_the_initial_window(void **state UNUSED)
{
	struct cc_state cc = fresh();

	cc.cwnd = 100 * MSS;
	cc.ops->on_idle(&cc, 450000, 200000);
	assert_int_equal(cc.cwnd, 25 * MSS);
	cc.ops->on_idle(&cc, UINT64_MAX / 2, 200000);
	assert_int_equal(cc.cwnd, 10 * MSS);
}

static void window_is_bounded(void **state UNUSED)
{
	struct cc_state cc = fresh();

	for (int i = 0; i < 100; i++)
		ack(&cc, cc.cwnd, true);
	assert_int_equal(cc.cwnd, CC_CWND_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_start_doubles_in_a_round_trip),
		cmocka_unit_test(avoidance_adds_a_segment_in_a_round_trip),
		cmocka_unit_test(slow_start_ends_at_the_threshold),
		cmocka_unit_test(loss_halves_and_timeout_starts_over),
		cmocka_unit_test(idle_time_shrinks_to_the_initial_window),
		cmocka_unit_test(window_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
