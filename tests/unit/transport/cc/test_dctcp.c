/* SPDX-License-Identifier: MIT */
/* DCTCP and Tahoe by tables of events. */
#include "transport/cc/cc.h"
#include "unit.h"

enum {
	MSS = 1000,
};

struct flow {
	struct cc_state cc;
	uint64_t priv[8];
	uint32_t una;
};

static void flow_start(struct flow *f, uint32_t cwnd)
{
	*f = (struct flow){.una = 1};
	cc_init(&f->cc, &cc_dctcp, MSS);
	f->cc.priv = f->priv;
	f->cc.ops->init(&f->cc, 0, 0, f->una);
	f->cc.cwnd = f->cc.ssthresh = cwnd;
}

static void ack(struct flow *f, uint32_t bytes, bool is_ece)
{
	f->una += bytes;
	cc_on_ack(&f->cc, &(struct cc_ack){.acked_bytes = bytes,
					   .is_ece = is_ece,
					   .una = f->una,
					   .nxt = f->una + 10 * MSS});
}

static uint32_t alpha(const struct flow *f)
{
	struct cc_info info;

	f->cc.ops->info(&f->cc, &info);
	assert_true(info.has_alpha);
	return info.alpha_1024;
}

/* Each window of ten segments of which `marked` came back with ECE. */
static void windows(struct flow *f, int n, int marked)
{
	while (n-- > 0)
		for (int i = 0; i < 10; i++)
			ack(f, MSS, i < marked);
}

static void alpha_is_the_moving_average_of_marks(void **state UNUSED)
{
	struct flow f;

	flow_start(&f, 10 * MSS);
	assert_int_equal(alpha(&f), 1024);
	windows(&f, 1, 0);
	assert_in_range(alpha(&f), 1024 * 15 / 16 - 1, 1024 * 15 / 16 + 1);
	windows(&f, 200, 0);
	assert_int_equal(alpha(&f), 0);
	windows(&f, 200, 5);
	assert_in_range(alpha(&f), 500, 524);
	windows(&f, 200, 10);
	assert_in_range(alpha(&f), 1020, 1024);
}

static void mark_takes_half_of_alpha(void **state UNUSED)
{
	struct flow f;

	flow_start(&f, 100 * MSS);
	cc_on_loss(&f.cc, &(struct cc_loss){.is_ecn = true});
	assert_int_equal(f.cc.cwnd, 50 * MSS); /* alpha is 1 at first */
	windows(&f, 200, 2);                   /* a fifth: a tenth of the window */
	f.cc.cwnd = 100 * MSS;
	cc_on_loss(&f.cc, &(struct cc_loss){.is_ecn = true});
	assert_in_range(f.cc.cwnd, 89 * MSS, 91 * MSS);
	f.cc.cwnd = 2 * MSS;
	cc_on_loss(&f.cc, &(struct cc_loss){.is_ecn = true});
	assert_int_equal(f.cc.cwnd, 2 * MSS);
}

static void loss_halves_as_reno(void **state UNUSED)
{
	struct flow f;

	flow_start(&f, 100 * MSS);
	windows(&f, 200, 0);
	cc_on_loss(&f.cc, &(struct cc_loss){.flight_bytes = 100 * MSS});
	assert_int_equal(f.cc.cwnd, 50 * MSS);
}

static void tahoe_starts_over_after_any_loss(void **state UNUSED)
{
	struct cc_state cc;

	cc_init(&cc, &cc_tahoe, MSS);
	cc.cwnd = 20 * MSS;
	cc_on_loss(&cc, &(struct cc_loss){.flight_bytes = 20 * MSS});
	assert_int_equal(cc.cwnd, MSS);
	assert_int_equal(cc.ssthresh, 10 * MSS);
	cc_on_recovered(&cc);
	assert_int_equal(cc.cwnd, MSS);
	for (int i = 0; i < 9; i++)
		cc_on_ack(&cc, &(struct cc_ack){.acked_bytes = MSS, .is_cwnd_limited = true});
	assert_int_equal(cc.cwnd, 10 * MSS);
	for (int i = 0; i < 10; i++)
		cc_on_ack(&cc, &(struct cc_ack){.acked_bytes = MSS, .is_cwnd_limited = true});
	assert_int_equal(cc.cwnd, 11 * MSS);
}

static void names_find_their_controls(void **state UNUSED)
{
	for (size_t i = 0; i < CC_COUNT; i++) {
		const struct cc_ops *ops = cc_at(i);

		assert_ptr_equal(cc_find(ops->name), ops);
		assert_int_equal(cc_index(ops), i);
		assert_true(strlen(ops->name) < CC_NAME_MAX);
	}
	assert_ptr_equal(cc_at(0), &cc_cubic);
	assert_null(cc_at(CC_COUNT));
	assert_null(cc_find("vegas"));
	assert_null(cc_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alpha_is_the_moving_average_of_marks),
		cmocka_unit_test(mark_takes_half_of_alpha),
		cmocka_unit_test(loss_halves_as_reno),
		cmocka_unit_test(tahoe_starts_over_after_any_loss),
		cmocka_unit_test(names_find_their_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
