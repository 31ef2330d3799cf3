/* SPDX-License-Identifier: MIT */
/* Pacing when the process comes late: what the timer should have sent meanwhile is not lost. */
#include "tcp_fix.h"

enum {
	MSS = 1460,
	RATE = MSS * 1000, /* bytes a second: a segment a millisecond */
	N_SEGS = 150,
};

/* Paced, with much to send and a window for all of it; the first ten segments are gone. */
static struct tf *sending(uint32_t n_segs)
{
	static uint8_t buf[N_SEGS * MSS];
	struct tf *f = tf_new();
	struct tcp_conn *conn;

	tf_no_probes(f);
	tf_established(f);
	conn = tf_conn(f);
	assert_int_equal(tcp_pace_set_max(conn, RATE), 0);
	conn->rtt_min_us = 50000; /* super-packets of two segments */
	conn->sk.sndbuf_bytes = 4 << 20;
	conn->cc.cwnd = conn->snd_wnd = 1 << 20;
	assert_int_equal(tf_send(f->sk, buf, n_segs * MSS, 0), n_segs * MSS);
	fix_advance(f->eng, 20 * MSEC);
	return f;
}

/* Segments sent in so many nanoseconds without the engine running in between. */
static uint32_t sent_after_stall(struct tf *f, int64_t ns)
{
	uint32_t nxt = tf_conn(f)->snd_nxt;

	(void)engine_run(f->eng, f->eng->now_ns + ns);
	fix_settle(f->eng);
	return (tf_conn(f)->snd_nxt - nxt) / MSS;
}

static void timer_on_time_sends_at_the_rate(void **state UNUSED)
{
	struct tf *f = sending(N_SEGS);
	uint32_t nxt = tf_conn(f)->snd_nxt;

	fix_advance(f->eng, 40 * MSEC);
	assert_in_range((tf_conn(f)->snd_nxt - nxt) / MSS, 38, 42);
	tf_ignore(f);
	tf_end(f);
}

static void timer_that_is_late_sends_what_was_due(void **state UNUSED)
{
	struct tf *f = sending(N_SEGS);
	uint32_t n = 0;

	for (int i = 0; i < 10; i++)
		n += sent_after_stall(f, 10 * MSEC);
	assert_in_range(n, 98, 102);
	/* And goes on as before. */
	assert_in_range(sent_after_stall(f, 0), 0, 0);
	tf_ignore(f);
	tf_end(f);
}

static void long_stall_ends_in_a_bounded_burst(void **state UNUSED)
{
	struct tf *f = sending(N_SEGS);

	assert_in_range(sent_after_stall(f, 150 * MSEC), 20, 24);
	tf_ignore(f);
	tf_end(f);
}

/* Nobody waited for the timer: a pause of the application is not made up for. */
static void pause_of_the_application_is_no_credit(void **state UNUSED)
{
	static uint8_t buf[40 * MSS];
	struct tf *f = sending(30);
	uint32_t nxt;

	fix_advance(f->eng, 30 * MSEC);
	assert_int_equal(tcp_unsent(tf_conn(f)), 0);
	nxt = tf_conn(f)->snd_nxt;
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	assert_in_range((tf_conn(f)->snd_nxt - nxt) / MSS, 2, 4);
	tf_ignore(f);
	tf_end(f);
}

/* In slow start with this window on a path of 100 ms, all of N_SEGS written; segments sent of them
 * at once, and in 10 ms more. */
static void slow_start_sends(const char *cc, uint32_t cwnd, uint32_t rtt_us, uint32_t *ret_at_once,
			     uint32_t *ret_later)
{
	static uint8_t buf[N_SEGS * MSS];
	struct tf *f = tf_new();
	struct tcp_conn *conn;
	uint32_t nxt;

	tf_no_probes(f);
	tf_established(f);
	conn = tf_conn(f);
	assert_int_equal(tcp_cc_set(conn, cc_find(cc)), 0);
	assert_non_null(tcp_sender_get(conn));
	conn->data_segs_out = 1000;
	conn->rtt_min_us = rtt_us;
	conn->srtt_us8 = 8 * 100000;
	conn->sk.sndbuf_bytes = 4 << 20;
	conn->snd_wnd = 1 << 20;
	conn->cc.cwnd = cwnd;
	nxt = conn->snd_nxt;
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	*ret_at_once = (conn->snd_nxt - nxt) / MSS;
	fix_advance(f->eng, 10 * MSEC);
	*ret_later = (conn->snd_nxt - nxt) / MSS - *ret_at_once;
	tf_ignore(f);
	tf_end(f);
}

static void large_window_of_slow_start_leaves_at_twice_its_rate(void **state UNUSED)
{
	uint32_t at_once, later;

	/* Two windows in 100 ms: 41 segments in 10 ms. */
	slow_start_sends("cubic", 300000, 100000, &at_once, &later);
	assert_in_range(at_once, 1, 12);
	assert_in_range(later, 36, 46);
}

static void other_windows_of_slow_start_leave_at_once(void **state UNUSED)
{
	static const struct {
		const char *cc;
		uint32_t cwnd, rtt_us;
	} others[] = {
		{"cubic", 250000, 100000}, /* four super-packets */
		{"cubic", 300000, 9000},   /* a short path */
		{"reno", 300000, 100000},
	};
	uint32_t at_once, later;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		slow_start_sends(others[i].cc, others[i].cwnd, others[i].rtt_us, &at_once, &later);
		assert_int_equal(at_once, N_SEGS);
		assert_int_equal(later, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timer_on_time_sends_at_the_rate),
		cmocka_unit_test(timer_that_is_late_sends_what_was_due),
		cmocka_unit_test(long_stall_ends_in_a_bounded_burst),
		cmocka_unit_test(pause_of_the_application_is_no_credit),
		cmocka_unit_test(large_window_of_slow_start_leaves_at_twice_its_rate),
		cmocka_unit_test(other_windows_of_slow_start_leave_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
