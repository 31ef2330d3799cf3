/* SPDX-License-Identifier: MIT */
/* Settings: the two profiles, and that each choice does what its text says. */
#include "core/sysctl.h"
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	MSS = 1460,
};

static void set(struct tf *f, const char *name, int64_t value)
{
	assert_int_equal(sysctl_set(f->host.st, name, value), 0);
}

static void profile_rfc_and_back_changes_every_choice_and_nothing_else(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_conf linux_conf = f->host.st->tcp->conf, now;

	set(f, "tcp.profile", 1);
	now = f->host.st->tcp->conf;
	assert_int_equal(now.rto_min_ms, 1000);
	assert_int_equal(now.init_cwnd, 0);
	assert_int_equal(now.tw_timeout_s, 240);
	assert_int_equal(now.quickacks, 0);
	assert_int_equal(now.syn_retries, 7);
	assert_int_equal(now.rmem_max, linux_conf.rmem_max);
	set(f, "tcp.profile", 0);
	assert_memory_equal(&f->host.st->tcp->conf, &linux_conf, sizeof(linux_conf));
	assert_int_equal(sysctl_set(f->host.st, "tcp.profile", 2), -EINVAL);
	tf_end(f);
}

static void initial_window_is_the_setting_s_or_rfc_5681_s(void **state UNUSED)
{
	static const struct {
		uint16_t mss;
		uint32_t n;
	} v[] = {{536, 4}, {1095, 4}, {1096, 3}, {1460, 3}};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct tcp_opts opts = {.has_mss = true, .mss = v[i].mss};
		struct tf *f = tf_new();

		set(f, "net.ipv4.tcp_init_cwnd", 0);
		tf_established_with(f, &opts);
		assert_int_equal(tf_conn(f)->cc.cwnd, v[i].n * v[i].mss);
		tf_end(f);

		f = tf_new();
		set(f, "net.ipv4.tcp_init_cwnd", 7);
		tf_established_with(f, &opts);
		assert_int_equal(tf_conn(f)->cc.cwnd, 7u * v[i].mss);
		tf_end(f);
	}
}

static void rfc_6298_timeout_is_a_second_at_least(void **state UNUSED)
{
	struct tf *f = tf_new();

	set(f, "tcp.profile", 1);
	tf_established(f);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	tf_ignore(f);
	fix_advance(f->eng, 100 * MSEC);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	assert_int_equal(tf_conn(f)->rto_us, 1000000);
	assert_int_equal(tf_send(f->sk, "y", 1, 0), 1);
	tf_ignore(f);
	fix_advance(f->eng, 999 * MSEC);
	tf_assert_silent(f);
	fix_advance(f->eng, 1 * MSEC);
	assert_int_equal(tf_pop(f).len, 1);
	tf_end(f);
}

static void initial_and_longest_timeout_are_settings(void **state UNUSED)
{
	struct tf *f = tf_new();
	int64_t gaps[] = {300, 600, 1000, 1000, 1000};

	set(f, "net.ipv4.tcp_rto_initial_ms", 300);
	set(f, "net.ipv4.tcp_rto_max_ms", 1000);
	tf_syn_sent(f);
	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++) {
		fix_advance(f->eng, gaps[i] * MSEC - 1);
		tf_assert_silent(f);
		fix_advance(f->eng, 1);
		assert_int_equal(tf_pop(f).flags, TCP_F_SYN);
	}
	tf_end(f);
}

static void quick_acks_and_their_delay_are_settings(void **state UNUSED)
{
	struct tf *f = tf_new();

	set(f, "net.ipv4.tcp_quickacks", 0);
	set(f, "net.ipv4.tcp_delack_ms", 123);
	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1));
	fix_advance(f->eng, 123 * MSEC - 1);
	tf_assert_silent(f);
	fix_advance(f->eng, 1);
	assert_int_equal(tf_pop(f).ack, NXT + 1);
	tf_end(f);
}

static void nagle_as_rfc_896_waits_for_any_data_in_flight(void **state UNUSED)
{
	static uint8_t buf[MSS + 10];
	struct tf *f = tf_new();

	/* Minshall's: after a full segment a small one may go. */
	tf_established(f);
	assert_int_equal(tf_send(f->sk, buf, MSS, 0), MSS);
	assert_int_equal(tf_send(f->sk, buf, 10, 0), 10);
	assert_int_equal(tf_n_sent(f), 2);
	tf_ignore(f);
	tf_end(f);

	f = tf_new();
	set(f, "net.ipv4.tcp_nagle_minshall", 0);
	tf_established(f);
	assert_int_equal(tf_send(f->sk, buf, MSS, 0), MSS);
	assert_int_equal(tf_send(f->sk, buf, 10, 0), 10);
	assert_int_equal(tf_n_sent(f), 1);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS));
	assert_int_equal(tf_pop(f).len, 10);
	tf_end(f);
}

static void timestamp_clock_ticks_as_set(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .has_ts = true, .ts_val = f->ts_val};
	uint32_t ts;

	set(f, "net.ipv4.tcp_ts_tick_ms", 100);
	tf_established_with(f, &opts);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	ts = tf_pop(f).opts.ts_val;
	fix_advance(f->eng, 150 * MSEC);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	fix_advance(f->eng, 850 * MSEC);
	assert_int_equal(tf_send(f->sk, "y", 1, 0), 1);
	assert_int_equal(tf_pop(f).opts.ts_val - ts, 10);
	tf_end(f);
}

static void paws_forgives_as_many_ticks_as_set(void **state UNUSED)
{
	for (uint32_t window = 0; window < 3; window++) {
		struct tf *f = tf_new();
		struct tcp_opts opts = {
			.has_mss = true, .mss = MSS, .has_ts = true, .ts_val = f->ts_val};

		set(f, "net.ipv4.tcp_paws_window", window);
		tf_established_with(f, &opts);
		f->ts_val--;
		assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT, .ack = UNA, .len = 1)),
				 window ? DROP_NONE : DROP_TCP_PAWS);
		tf_ignore(f);
		tf_end(f);
	}
}

static void time_wait_lasts_as_long_as_set(void **state UNUSED)
{
	struct tf *f = tf_new();

	set(f, "net.ipv4.tcp_tw_timeout", 7);
	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = NXT, .ack = UNA + 1));
	tf_ignore(f);
	fix_advance(f->eng, 7 * SEC - MSEC);
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	fix_advance(f->eng, 3 * MSEC);
	assert_int_equal(f->host.st->tcp->n_tw, 0);
	tf_end(f);
}

static void duplicate_acks_that_tell_of_a_loss_are_a_setting(void **state UNUSED)
{
	struct tcp_opts opts = {.has_mss = true, .mss = MSS};
	static uint8_t buf[10 * MSS];
	struct tf *f = tf_new();

	set(f, "net.ipv4.tcp_reordering", 5);
	tf_established_with(f, &opts);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	tf_ignore(f);
	for (int i = 0; i < 4; i++)
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_DISORDER);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_RECOVERY);
	tf_ignore(f);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profile_rfc_and_back_changes_every_choice_and_nothing_else),
		cmocka_unit_test(initial_window_is_the_setting_s_or_rfc_5681_s),
		cmocka_unit_test(rfc_6298_timeout_is_a_second_at_least),
		cmocka_unit_test(initial_and_longest_timeout_are_settings),
		cmocka_unit_test(quick_acks_and_their_delay_are_settings),
		cmocka_unit_test(nagle_as_rfc_896_waits_for_any_data_in_flight),
		cmocka_unit_test(timestamp_clock_ticks_as_set),
		cmocka_unit_test(paws_forgives_as_many_ticks_as_set),
		cmocka_unit_test(time_wait_lasts_as_long_as_set),
		cmocka_unit_test(duplicate_acks_that_tell_of_a_loss_are_a_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
