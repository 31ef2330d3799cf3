/* SPDX-License-Identifier: MIT */
/* HyStart++ (RFC 9406) by rounds: how far slow start goes with given round trips. */
#include "transport/cc/cc_hystart.h"
#include "unit.h"

enum {
	MSS = 1000,
};

struct flow {
	struct cc_state cc;
	struct cc_hystart hs;
	uint32_t una, nxt;
};

static void flow_start(struct flow *f)
{
	*f = (struct flow){.una = 1, .nxt = 1};
	cc_init(&f->cc, &cc_cubic, MSS);
	cc_hystart_init(&f->hs, f->nxt);
	f->nxt += f->cc.cwnd;
}

/* A window's ACKs, each of a segment. Returns the bytes that were left for avoidance. */
static uint32_t round_of(struct flow *f, uint32_t rtt_us)
{
	uint32_t end = f->nxt, rest = 0;

	while ((int32_t)(end - f->una) > 0) {
		f->una += MSS;
		f->nxt = f->una + f->cc.cwnd;
		rest += cc_hystart_on_ack(&f->hs, &f->cc,
					  &(struct cc_ack){.acked_bytes = MSS,
							   .una = f->una,
							   .nxt = f->nxt,
							   .rate.rtt_us = rtt_us});
		f->nxt = f->una + f->cc.cwnd;
	}
	return rest;
}

static void constant_round_trips_double_the_window(void **state UNUSED)
{
	struct flow f;

	flow_start(&f);
	for (uint32_t want = 20; want <= 640; want *= 2) {
		assert_int_equal(round_of(&f, 50000), 0);
		assert_in_range(f.cc.cwnd, want * MSS - MSS, want * MSS + MSS);
	}
	assert_int_equal(f.cc.ssthresh, UINT32_MAX);
}

/* §4.2: an eighth of the round trip, 4 to 16 ms, and eight samples. */
static void longer_round_trips_slow_growth_to_a_quarter(void **state UNUSED)
{
	uint32_t before;
	struct flow f;

	flow_start(&f);
	round_of(&f, 40000);
	round_of(&f, 44000); /* less than an eighth */
	assert_int_equal(f.hs.css_rounds, 0);
	round_of(&f, 49500); /* 44 + 5.5 */
	assert_int_equal(f.hs.css_rounds, 1);
	before = f.cc.cwnd;
	round_of(&f, 60000);
	assert_in_range(f.cc.cwnd, before + before / 5, before + before / 3);
}

static void delay_that_stays_for_five_rounds_ends_slow_start(void **state UNUSED)
{
	struct flow f;
	int n = 0;

	flow_start(&f);
	round_of(&f, 40000);
	round_of(&f, 40000);
	while (f.cc.ssthresh == UINT32_MAX && n < 20) {
		round_of(&f, 80000);
		n++;
	}
	assert_int_equal(n, 6); /* the one that saw it, and five */
	assert_true(f.cc.ssthresh <= f.cc.cwnd);
}

static void delay_that_goes_away_was_a_false_alarm(void **state UNUSED)
{
	uint32_t before;
	struct flow f;

	flow_start(&f);
	round_of(&f, 40000);
	round_of(&f, 60000);
	assert_int_equal(f.hs.css_rounds, 1);
	round_of(&f, 41000);
	assert_int_equal(f.hs.css_rounds, 0);
	before = f.cc.cwnd;
	round_of(&f, 41000);
	assert_in_range(f.cc.cwnd, 2 * before - 2 * MSS, 2 * before + 2 * MSS);
}

static void few_samples_say_nothing(void **state UNUSED)
{
	struct flow f;

	flow_start(&f);
	round_of(&f, 40000);
	f.una += 20 * MSS; /* one ACK for all of the window */
	cc_hystart_on_ack(&f.hs, &f.cc,
			  &(struct cc_ack){.acked_bytes = 20 * MSS,
					   .una = f.una,
					   .nxt = f.una + 40 * MSS,
					   .rate.rtt_us = 90000});
	assert_int_equal(f.hs.css_rounds, 0);
	assert_int_equal(f.cc.cwnd, 40 * MSS);
}

static void jitter_below_four_milliseconds_is_none(void **state UNUSED)
{
	struct flow f;

	flow_start(&f);
	round_of(&f, 1000);
	round_of(&f, 4900);
	assert_int_equal(f.hs.css_rounds, 0);
	round_of(&f, 9000);
	assert_int_equal(f.hs.css_rounds, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_round_trips_double_the_window),
		cmocka_unit_test(longer_round_trips_slow_growth_to_a_quarter),
		cmocka_unit_test(delay_that_stays_for_five_rounds_ends_slow_start),
		cmocka_unit_test(delay_that_goes_away_was_a_false_alarm),
		cmocka_unit_test(few_samples_say_nothing),
		cmocka_unit_test(jitter_below_four_milliseconds_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
