/* SPDX-License-Identifier: MIT */
/* Retransmission: timeouts, duplicate ACKs and SACK, round trips, segments of another size. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	MSS = 1460,
};

static void timeout_backs_off_and_gives_up_after_15_minutes(void **state UNUSED)
{
	struct tf *f = tf_new();
	int64_t start, wait;

	tf_no_probes(f);
	tf_established(f);
	tf_send_n(f, 5);
	tf_expect_data(f, 0, 5);
	start = f->eng->now_ns;
	wait = (int64_t)tf_conn(f)->rto_us * USEC;
	for (int i = 0; i < 8; i++) {
		fix_advance(f->eng, wait - 1);
		tf_assert_silent(f);
		fix_advance(f->eng, 1);
		tf_expect_data(f, 0, 5);
		wait *= 2;
	}
	fix_advance(f->eng, 800 * SEC);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_ignore(f);
	fix_advance(f->eng, 400 * SEC);
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	assert_true(f->eng->now_ns - start >= 924 * SEC);
	tf_end(f);
}

static void user_timeout_gives_up_earlier(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_USER_TIMEOUT, 3000), 0);
	tf_send_n(f, 5);
	fix_advance(f->eng, 3 * SEC);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	fix_advance(f->eng, 10 * SEC);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_end(f);
}

static void three_duplicate_acks_retransmit_without_sack(void **state UNUSED)
{
	struct tcp_opts opts = tf_plain_opts();
	struct tf *f = tf_new();

	f->host.st->tcp->conf.congestion_control = (uint8_t)cc_index(&cc_newreno);
	tf_established_with(f, &opts);
	tf_send_n(f, 10 * MSS);
	tf_pop(f);
	tf_send_n(f, 10 * MSS);
	for (int i = 0; i < 2; i++) {
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
		tf_expect_data(f, (uint32_t)(10 + i) * MSS, MSS); /* limited transmit, RFC 3042 */
	}
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	tf_expect_data(f, 0, MSS);
	tf_assert_silent(f);
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_RECOVERY);
	assert_int_equal(tf_conn(f)->cc.ssthresh, 5 * MSS); /* of ten, not of what was added */
	/* A partial ACK shows the next hole. */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 4 * MSS));
	tf_expect_data(f, 4 * MSS, MSS);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = tf_conn(f)->snd_nxt));
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_OPEN);
	tf_end(f);
}

static void sack_retransmits_exactly_the_holes(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 10 * MSS);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.n_sack = 2,
			       .sack = {{UNA + 6 * MSS, UNA + 10 * MSS},
					{UNA + 1 * MSS, UNA + 3 * MSS}}}));
	/* held: 1-3, 6-10; lost: 0, and 3-6 since four segments above are held */
	tf_expect_data(f, 0, MSS);
	tf_expect_data(f, 3 * MSS, 3 * MSS);
	tf_assert_silent(f);
	assert_int_equal(tf_conn(f)->txq->n, 4);
	assert_int_equal(tcp_held_bytes(tf_conn(f)), 6 * MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10 * MSS));
	assert_int_equal(tcp_held_bytes(tf_conn(f)), 0);
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_OPEN);
	tf_assert_silent(f);
	tf_end(f);
}

static void sack_blocks_that_cannot_be_are_ignored(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 10 * MSS);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.n_sack = 3,
			       .sack = {{UNA + 5, UNA + 5},
					{UNA + 9 * MSS, UNA + 11 * MSS},
					{UNA - 50, UNA - 1}}}));
	assert_int_equal(tcp_held_bytes(tf_conn(f)), 0);
	tf_assert_silent(f);
	tf_end(f);
}

static void ack_within_what_is_held_clears_the_scoreboard(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 10 * MSS);
	tf_pop(f);
	tf_rx(f,
	      TSEG(.seq = NXT, .ack = UNA,
		   .opts = {.n_sack = 2,
			    .sack = {{UNA + MSS, UNA + 2 * MSS}, {UNA + 3 * MSS, UNA + 4 * MSS}}}));
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 2 * MSS - 1));
	tcp_conn_check(tf_conn(f));
	assert_int_equal(tcp_held_bytes(tf_conn(f)), 0); /* less than it said to hold: reneged */
	tf_ignore(f);
	tf_end(f);
}

static void timeout_after_sack_skips_what_is_held(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->host.st->tcp->conf.recovery = 0;
	tf_no_probes(f);
	tf_established(f);
	tf_send_n(f, 4 * MSS);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.n_sack = 1, .sack = {{UNA + MSS, UNA + 2 * MSS}}}));
	tf_assert_silent(f);
	fix_advance(f->eng, 210 * MSEC);
	tf_expect_data(f, 0, MSS);
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_LOSS);
	assert_int_equal(tf_conn(f)->cc.cwnd, MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 2 * MSS));
	tf_expect_data(f, 2 * MSS, 2 * MSS);
	tf_end(f);
}

static void ack_that_ends_where_held_data_begins_makes_it_lost(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->host.st->tcp->conf.recovery = 0;
	tf_no_probes(f);
	tf_established(f);
	tf_send_n(f, 3 * MSS);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.n_sack = 1, .sack = {{UNA + MSS, UNA + 3 * MSS}}}));
	fix_advance(f->eng, 250 * MSEC);
	tf_expect_data(f, 0, MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS)); /* and what of the rest? */
	tf_expect_data(f, MSS, 2 * MSS);
	tf_end(f);
}

static void reneging_peer_gets_everything_again(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_no_probes(f);
	tf_established(f);
	tf_send_n(f, 2 * MSS);
	tf_pop(f);
	tf_rx(f,
	      TSEG(.seq = NXT, .ack = UNA, .opts = {.n_sack = 1, .sack = {{UNA, UNA + 2 * MSS}}}));
	fix_advance(f->eng, 210 * MSEC);
	tf_expect_data(f, 0, MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS));
	tf_expect_data(f, MSS, MSS);
	tf_end(f);
}

static void rtt_is_measured_and_retransmissions_are_not(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 5);
	tf_pop(f);
	fix_advance(f->eng, 100 * MSEC);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 5));
	/* The SYN took no time, this 100 ms: 1/8 of it. */
	assert_in_range(tf_conn(f)->srtt_us8 / 8, 12500, 12503);
	assert_in_range(tf_conn(f)->rto_us, 212500, 240000);
	tf_send_n(f, 5);
	tf_pop(f);
	fix_advance(f->eng, 300 * MSEC);
	assert_int_equal(tf_pop(f).seq, UNA + 5);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10));
	assert_in_range(tf_conn(f)->srtt_us8 / 8, 12500, 12503);
	tf_end(f);
}

static void fragmentation_needed_makes_segments_smaller(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct icmp_err err = {.err = EMSGSIZE, .mtu = 1000};
	uint8_t quote[8];
	struct tseg got;

	tf_established(f);
	tf_send_n(f, 3 * MSS);
	tf_pop(f);
	err.src = f->host.addr;
	err.dst = f->peer.addr;
	store_be16(quote, TF_PORT);
	store_be16(quote + 2, TF_PEER_PORT);
	store_be32(quote + 4, UNA);
	tcp_error(f->host.st, &err, quote, sizeof(quote));
	fix_settle(f->eng);
	got = tf_pop(f);
	assert_int_equal(got.seq, UNA);
	assert_int_equal(got.gso, 960);
	assert_int_equal(tf_conn(f)->mss, 960);
	assert_int_equal(tf_conn(f)->cc.ssthresh, UINT32_MAX); /* not congestion */
	tf_ignore(f);
	tf_end(f);
}

/* The least that Linux believes: a hostile MSS must not make us send bytes one by one. */
static void tiny_mss_of_the_peer_is_raised(void **state UNUSED)
{
	const uint16_t mss[] = {0, 1, 47, 48};

	for (size_t i = 0; i < ARRAY_SIZE(mss); i++) {
		struct tcp_opts opts = {.has_mss = true, .mss = mss[i]};
		struct tf *f = tf_new();

		tf_established_with(f, &opts);
		assert_int_equal(tf_conn(f)->mss, mss[i] ? 48 : 536);
		tf_send_n(f, 5000);
		tf_ignore(f);
		tf_end(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeout_backs_off_and_gives_up_after_15_minutes),
		cmocka_unit_test(user_timeout_gives_up_earlier),
		cmocka_unit_test(three_duplicate_acks_retransmit_without_sack),
		cmocka_unit_test(sack_retransmits_exactly_the_holes),
		cmocka_unit_test(sack_blocks_that_cannot_be_are_ignored),
		cmocka_unit_test(ack_within_what_is_held_clears_the_scoreboard),
		cmocka_unit_test(timeout_after_sack_skips_what_is_held),
		cmocka_unit_test(ack_that_ends_where_held_data_begins_makes_it_lost),
		cmocka_unit_test(reneging_peer_gets_everything_again),
		cmocka_unit_test(rtt_is_measured_and_retransmissions_are_not),
		cmocka_unit_test(fragmentation_needed_makes_segments_smaller),
		cmocka_unit_test(tiny_mss_of_the_peer_is_raised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
