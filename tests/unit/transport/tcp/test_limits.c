/* SPDX-License-Identifier: MIT */
/* What a stranger can make us say: limits of answers to segments that are not the stream's. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
	RST = TCP_F_RST,
	FIN = TCP_F_FIN,
};

static uint32_t answers(struct tf *f)
{
	uint32_t n;

	fix_settle(f->eng);
	n = tf_n_sent(f);
	tf_ignore(f);
	return n;
}

static void challenge_acks_of_a_connection_are_half_a_second_apart(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t n = 0;

	tf_established(f);
	for (int i = 0; i < 1000; i++) {
		tf_rx(f, TSEG(.flags = RST, .seq = NXT + 1 + (uint32_t)i));
		n += answers(f);
		fix_advance(f->eng, 10 * MSEC);
	}
	assert_in_range(n, 18, 21); /* in ten seconds */
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_end(f);
}

static void answers_without_a_limit_are_all_sent(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t n = 0;

	tf_established(f);
	f->host.st->tcp->conf.invalid_ratelimit_ms = 0;
	f->host.st->tcp->conf.challenge_ack_limit = INT32_MAX;
	for (int i = 0; i < 20; i++) {
		tf_rx(f, TSEG(.flags = RST, .seq = NXT + 1 + (uint32_t)i));
		n += answers(f);
		if (i % 5 == 4)
			fix_advance(f->eng, MSEC);
	}
	assert_int_equal(n, 20);
	tf_end(f);
}

/* CVE-2016-5696: an attacker counts how many challenges are left for himself. */
static void challenge_acks_of_all_are_limited_by_a_number_that_changes(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t seen[8], n_different = 0;

	tf_established(f);
	f->host.st->tcp->conf.challenge_ack_limit = 100;
	for (int s = 0; s < 8; s++) {
		fix_advance(f->eng, SEC);
		seen[s] = 0;
		for (int i = 0; i < 300; i++) {
			f->sk->conn.answered_ms = 0; /* each another connection */
			tf_rx(f, TSEG(.flags = SYN, .seq = NXT));
			seen[s] += answers(f);
		}
		assert_in_range(seen[s], 50, 149);
		n_different += s > 0 && seen[s] != seen[s - 1];
	}
	assert_true(n_different > 3);
	f->host.st->tcp->conf.challenge_ack_limit = 0;
	fix_advance(f->eng, SEC);
	tf_rx(f, TSEG(.flags = SYN, .seq = NXT));
	assert_int_equal(answers(f), 0);
	tf_end(f);
}

static void flood_of_one_connection_leaves_the_others_their_challenges(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	for (int i = 0; i < 5000; i++) {
		tf_rx(f, TSEG(.flags = SYN, .seq = NXT));
		tf_ignore(f);
	}
	f->sk->conn.answered_ms = 0; /* another connection */
	tf_rx(f, TSEG(.flags = SYN, .seq = NXT));
	assert_int_equal(answers(f), 1);
	tf_end(f);
}

static void syn_repeated_is_answered_twice_a_second_at_most(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);
	uint32_t n = 0;

	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	assert_int_equal(tf_pop(f).flags, SYN | ACK);
	for (int i = 0; i < 90; i++) {
		tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
		n += answers(f);
		fix_advance(f->eng, 10 * MSEC);
	}
	assert_int_equal(n, 2);
	tf_close(l);
	tf_end(f);
}

static void half_open_entry_is_challenged_at_the_same_rate(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);

	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	f->iss = tf_pop(f).seq;
	for (int i = 0; i < 50; i++) {
		tf_rx(f, TSEG(.flags = RST, .seq = NXT + 5));
		tf_rx(f, TSEG(.flags = SYN | ACK, .seq = NXT, .ack = UNA));
		tf_rx(f, TSEG(.seq = NXT + 100000, .ack = UNA));
	}
	assert_int_equal(answers(f), 1);
	assert_int_equal(tcp_conn_of(l)->listen->n_reqs, 1);
	tf_close(l);
	tf_end(f);
}

/* TIME-WAIT */

static void time_wait(struct tf *f)
{
	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT, .ack = UNA + 1));
	tf_ignore(f);
	tf_close(f->sk);
	f->sk = NULL;
	assert_int_equal(f->host.st->tcp->n_tw, 1);
}

static void time_wait_newer_syn_without_a_listener_is_acknowledged(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	time_wait(f);
	tf_rx(f, TSEG(.flags = SYN, .seq = NXT + 100));
	got = tf_pop(f);
	assert_int_equal(got.flags, ACK);
	assert_int_equal(got.seq, UNA + 1);
	assert_int_equal(got.ack, NXT + 1);
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	tf_assert_silent(f);
	tf_end(f);
}

static void time_wait_empty_segments_out_of_window_get_one_answer(void **state UNUSED)
{
	struct tf *f = tf_new();

	time_wait(f);
	for (int i = 0; i < 50; i++)
		tf_rx(f, TSEG(.seq = NXT + 1000, .ack = UNA + 1));
	assert_int_equal(answers(f), 1);
	for (int i = 0; i < 3; i++) /* the FIN again wants its ACK each time */
		tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT, .ack = UNA + 1));
	assert_int_equal(answers(f), 3);
	tf_end(f);
}

static void time_wait_segment_without_ack_is_dropped(void **state UNUSED)
{
	struct tf *f = tf_new();

	time_wait(f);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = 0, .seq = NXT + 1, .len = 5)),
			 DROP_TCP_NO_ACK);
	tf_assert_silent(f);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenge_acks_of_a_connection_are_half_a_second_apart),
		cmocka_unit_test(answers_without_a_limit_are_all_sent),
		cmocka_unit_test(challenge_acks_of_all_are_limited_by_a_number_that_changes),
		cmocka_unit_test(flood_of_one_connection_leaves_the_others_their_challenges),
		cmocka_unit_test(syn_repeated_is_answered_twice_a_second_at_most),
		cmocka_unit_test(half_open_entry_is_challenged_at_the_same_rate),
		cmocka_unit_test(time_wait_newer_syn_without_a_listener_is_acknowledged),
		cmocka_unit_test(time_wait_segment_without_ack_is_dropped),
		cmocka_unit_test(time_wait_empty_segments_out_of_window_get_one_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
