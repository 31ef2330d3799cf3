/* SPDX-License-Identifier: MIT */
/* RFC 2883: duplicates reported and heard of. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	MSS = 1460,
};

/* What the ACK to [off, off+len) reports; its cumulative ACK is `ack`. */
static struct tseg answer(struct tf *f, uint32_t off, uint32_t len, uint32_t ack)
{
	struct tseg got;

	tf_rx(f, TSEG(.seq = NXT + off, .ack = UNA, .len = len));
	got = tf_pop(f);
	tf_assert_silent(f);
	assert_int_equal(got.ack, NXT + ack);
	return got;
}

static void expect_block(struct tf *f, const struct tseg *got, uint32_t i, uint32_t start,
			 uint32_t end)
{
	assert_true(got->opts.n_sack > i);
	assert_int_equal(got->opts.sack[i].start, NXT + start);
	assert_int_equal(got->opts.sack[i].end, NXT + end);
}

/* RFC 2883 §4.1, examples 1 and 2 */
static void full_duplicate_below_the_ack_is_the_first_block(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	answer(f, 0, 500, 500);
	got = answer(f, 0, 500, 500);
	assert_int_equal(got.opts.n_sack, 1);
	expect_block(f, &got, 0, 0, 500);
	got = answer(f, 1000, 500, 500);
	assert_int_equal(got.opts.n_sack, 1); /* said once */
	got = answer(f, 0, 500, 500);
	assert_int_equal(got.opts.n_sack, 2);
	expect_block(f, &got, 0, 0, 500);
	expect_block(f, &got, 1, 1000, 1500);
	tf_end(f);
}

/* §4.1, example 3: above the ACK the second block holds the first */
static void duplicate_out_of_order_is_followed_by_its_block(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	answer(f, 1000, 500, 0);
	answer(f, 1500, 500, 0);
	got = answer(f, 1500, 500, 0);
	assert_int_equal(got.opts.n_sack, 2);
	expect_block(f, &got, 0, 1500, 2000);
	expect_block(f, &got, 1, 1000, 2000);
	tf_end(f);
}

/* §4.2: only the part that came twice */
static void partial_duplicate_reports_its_first_piece(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	answer(f, 1000, 500, 0);
	got = answer(f, 1200, 800, 0);
	expect_block(f, &got, 0, 1200, 1500);
	expect_block(f, &got, 1, 1000, 2000);
	/* over two runs: the first */
	answer(f, 3000, 500, 0);
	got = answer(f, 1500, 2000, 0);
	expect_block(f, &got, 0, 1500, 2000);
	expect_block(f, &got, 1, 1000, 3500);
	/* and in order, when it reaches into what waits */
	got = answer(f, 0, 1100, 3500);
	expect_block(f, &got, 0, 1000, 1100);
	tf_end(f);
}

static void duplicate_is_not_reported_without_sack(void **state UNUSED)
{
	struct tcp_opts opts = {.has_mss = true, .mss = MSS};
	struct tf *f = tf_new();

	tf_established_with(f, &opts);
	answer(f, 0, 500, 500);
	assert_int_equal(answer(f, 0, 500, 500).opts.n_sack, 0);
	tf_end(f);
}

/* Heard */

static void report_of_what_was_sent_is_counted_and_makes_us_slower_to_resend(void **state UNUSED)
{
	static uint8_t buf[10 * MSS];
	struct tf *f = tf_new();

	f->host.st->tcp->conf.recovery = 0;
	tf_no_probes(f);
	tf_established(f);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	fix_advance(f->eng, 250 * MSEC); /* one goes again, needlessly */
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10 * MSS,
		      .opts = {.n_sack = 1, .sack = {{UNA, UNA + MSS}}}));
	assert_int_equal(tf_conn(f)->n_dsack_in, 1);
	assert_int_equal(tf_conn(f)->reordering, 4);
	assert_int_equal(tcp_held_bytes(tf_conn(f)), 0); /* it is no news of what is held */
	tf_end(f);
}

static void report_that_cannot_be_is_ignored(void **state UNUSED)
{
	static uint8_t buf[10 * MSS];
	struct tf *f = tf_new();
	const struct tcp_sack_block bad[] = {
		{UNA - 200000, UNA - 190000}, /* long before anything */
		{UNA - 1, UNA + 5},           /* the SYN */
		{UNA + 50, UNA + 50},         /* nothing */
		{UNA + 60, UNA + 50},         /* less */
	};

	tf_established(f);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	tf_ignore(f);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 9 * MSS,
			      .opts = {.n_sack = 1, .sack = {bad[i]}}));
		assert_int_equal(tf_conn(f)->n_dsack_in, 0);
	}
	tf_ignore(f);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_duplicate_below_the_ack_is_the_first_block),
		cmocka_unit_test(duplicate_out_of_order_is_followed_by_its_block),
		cmocka_unit_test(partial_duplicate_reports_its_first_piece),
		cmocka_unit_test(duplicate_is_not_reported_without_sack),
		cmocka_unit_test(report_of_what_was_sent_is_counted_and_makes_us_slower_to_resend),
		cmocka_unit_test(report_that_cannot_be_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
