/* SPDX-License-Identifier: MIT */
/* Moving data: windows, ACK policy, Nagle, retransmission and recovery, PAWS, path MTU, keepalive.
 */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	MSS = 1460,
};

static void send_n(struct tf *f, uint32_t n)
{
	static uint8_t buf[200000];

	for (uint32_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(i * 7);
	assert_int_equal(tf_send(f->sk, buf, n, 0), n);
	tf_check(&f->host);
}

static void expect_data(struct tf *f, uint32_t off, uint32_t len)
{
	struct tseg got = tf_pop(f);

	assert_int_equal(got.seq, UNA + off);
	assert_int_equal(got.len, len);
	assert_true(got.flags & TCP_F_ACK);
	assert_int_equal(got.gso, len > tf_conn(f)->mss ? tf_conn(f)->mss : 0);
}

static void established_with_window(struct tf *f, uint16_t wnd)
{
	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = wnd));
	tf_assert_silent(f);
}

/* Sending */

static void first_flight_is_ten_segments_in_one_super_packet(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	send_n(f, 40000);
	expect_data(f, 0, 10 * MSS);
	tf_assert_silent(f);
	assert_int_equal(tcp_wait_reason(tf_conn(f)), WEFT_TCP_WAIT_CWND);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10 * MSS));
	expect_data(f, 10 * MSS, 40000 - 10 * MSS);
	tf_end(f);
}

static void segment_carries_the_bytes_and_push_at_the_end(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	send_n(f, 3000);
	got = tf_pop(f);
	assert_true(got.flags & TCP_F_PSH);
	for (uint32_t i = 0; i < 3000; i++)
		assert_int_equal(got.payload[i], (uint8_t)(i * 7));
	tf_end(f);
}

static void device_without_offload_gets_single_segments(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->host.netif.gso_max_bytes = 1500;
	tf_established(f);
	send_n(f, 3 * MSS);
	for (uint32_t i = 0; i < 3; i++)
		expect_data(f, i * MSS, MSS);
	tf_assert_silent(f);
	tf_end(f);
}

static void peer_window_limits_and_small_openings_are_not_used(void **state UNUSED)
{
	struct tf *f = tf_new();

	established_with_window(f, 4000);
	send_n(f, 20000);
	expect_data(f, 0, 2 * MSS);
	tf_assert_silent(f);
	assert_int_equal(tcp_wait_reason(tf_conn(f)), WEFT_TCP_WAIT_RWND);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 2 * MSS, .wnd = 100));
	tf_assert_silent(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 2 * MSS, .wnd = MSS));
	expect_data(f, 2 * MSS, MSS);
	tf_end(f);
}

static void zero_window_is_probed_with_backoff_for_as_long_as_it_answers(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;
	int64_t wait = 200 * MSEC;

	tf_established(f);
	send_n(f, 10);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10, .wnd = 0));
	send_n(f, 100);
	tf_assert_silent(f);
	assert_int_equal(tcp_wait_reason(tf_conn(f)), WEFT_TCP_WAIT_RWND);
	for (int i = 0; i < 30; i++) {
		fix_advance(f->eng, wait);
		fix_advance(f->eng, wait / 4);
		assert_int_equal(tf_n_sent(f), 1);
		got = tf_pop(f);
		assert_int_equal(got.seq, UNA + 9);
		assert_int_equal(got.len, 0);
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10, .wnd = 0));
		wait = wait * 2 < 100 * SEC ? wait * 2 : 120 * SEC;
		if (i < 10)
			fix_advance(f->eng, 0);
		else
			break;
	}
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10, .wnd = 1000));
	expect_data(f, 10, 100);
	tf_end(f);
}

static void silent_peer_with_a_zero_window_is_given_up(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	send_n(f, 100);
	fix_advance(f->eng, 2000 * SEC);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_end(f);
}

static void probes_that_nobody_answers_are_counted(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->host.st->tcp->conf.retries2 = 3;
	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	send_n(f, 100);
	fix_advance(f->eng, 60 * SEC);
	assert_int_equal(tf_n_sent(f), 3);
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_ignore(f);
	tf_end(f);
}

static void window_taken_back_is_no_reason_to_give_up(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	send_n(f, 100);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	for (int i = 0; i < 60; i++) {
		fix_advance(f->eng, 60 * SEC);
		tf_ignore(f);
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	}
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	fix_advance(f->eng, 2000 * SEC);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_end(f);
}

static void writer_without_memory_is_woken_when_there_is_some(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t max[BUF_CLASSES];

	tf_established(f);
	for (int i = 0; i < BUF_CLASSES; i++)
		max[i] = f->eng->pkts.bufs[i].max_objs;
	for (int i = 0; i < BUF_CLASSES; i++)
		f->eng->pkts.bufs[i].max_objs = 0;
	assert_int_equal(tf_send(f->sk, "abc", 3, 0), -EAGAIN);
	f->sk->pending = 0;
	fix_advance(f->eng, 5 * MSEC);
	assert_int_equal(f->sk->pending, 0);
	for (int i = 0; i < BUF_CLASSES; i++)
		f->eng->pkts.bufs[i].max_objs = max[i];
	fix_advance(f->eng, 10 * MSEC);
	assert_int_equal(f->sk->pending & SOCK_OUT, SOCK_OUT);
	send_n(f, 3);
	expect_data(f, 0, 3);
	tf_end(f);
}

/* Nobody is left who could give up, and the peer must not keep the data for ever. */
static void zero_window_after_close_is_given_up(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	send_n(f, 100);
	tf_close(f->sk);
	f->sk = NULL;
	for (int i = 0; i < 40 && !list_is_empty(&f->host.st->socks->all); i++) {
		fix_advance(f->eng, 10 * SEC);
		tf_ignore(f);
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
		tf_ignore(f);
	}
	assert_true(list_is_empty(&f->host.st->socks->all));
	tf_end(f);
}

/* The application tries again and again; the lost segment may be what holds the buffers. */
static void writer_without_buffers_does_not_put_off_the_retransmission(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct pkt_pools *pools = &f->eng->pkts;
	uint32_t max_objs[2] = {pools->bufs[0].max_objs, pools->bufs[1].max_objs};
	struct buf *held[100];
	static uint8_t buf[1000];

	tf_established(f);
	send_n(f, 1000);
	for (uint32_t i = 0; i < ARRAY_SIZE(held); i++)
		held[i] = buf_alloc(pools, BUF_S);
	pools->bufs[0].max_objs = pools->bufs[0].n_used + 20;
	pools->bufs[1].max_objs = 0;
	for (uint32_t i = 0; i < 100; i++) {
		while (tf_send(f->sk, buf, sizeof(buf), 0) > 0)
			;
		tf_ignore(f);
		fix_advance(f->eng, 10 * MSEC);
	}
	assert_true(tf_conn(f)->n_rexmt > 0);
	tf_ignore(f);
	for (uint32_t i = 0; i < ARRAY_SIZE(held); i++)
		buf_unref(held[i]);
	pools->bufs[0].max_objs = max_objs[0];
	pools->bufs[1].max_objs = max_objs[1];
	tf_end(f);
}

/* The window opens by less than is worth a segment: the wait for more does not go on with the
 * backoff of the probes. */
static void small_window_after_long_probing_is_used_within_a_second(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	send_n(f, 5000);
	for (int i = 0; i < 10; i++) {
		fix_advance(f->eng, 60 * SEC);
		tf_ignore(f);
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	}
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 100));
	tf_assert_silent(f);
	fix_advance(f->eng, 1 * SEC);
	expect_data(f, 0, 100);
	tf_ignore(f);
	tf_end(f);
}

/* In simulated time any number of answers fit into one millisecond. */
static void empty_segments_out_of_window_get_one_answer_a_moment(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	for (int i = 0; i < 2; i++) {
		fix_advance(f->eng, 1 * SEC + MSEC);
		for (int k = 0; k < 5; k++)
			tf_rx(f, TSEG(.seq = NXT - 1, .ack = UNA));
		assert_int_equal(tf_n_sent(f), 1);
		tf_ignore(f);
	}
	tf_end(f);
}

static void nagle_holds_the_second_small_segment(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	send_n(f, 10);
	expect_data(f, 0, 10);
	send_n(f, 10);
	send_n(f, 10);
	tf_assert_silent(f);
	assert_int_equal(tcp_wait_reason(tf_conn(f)), WEFT_TCP_WAIT_NAGLE);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10));
	expect_data(f, 10, 20);
	tf_end(f);
}

static void nagle_forgets_a_small_segment_of_two_gigabytes_ago(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_conn(f)->snd_sml = tf_conn(f)->snd_una - 0x80000001u;
	send_n(f, 10);
	expect_data(f, 0, 10);
	tf_end(f);
}

/* A callback that answers in pieces. */
static void answer_in_pieces(struct weft_sock *s, void *arg UNUSED, uint32_t events)
{
	struct sock *sk = (struct sock *)(void *)s;
	char buf[64];

	if (!(events & SOCK_IN) || tf_recv(sk, buf, sizeof(buf), 0) <= 0)
		return;
	for (int i = 0; i < 5; i++)
		assert_int_equal(tf_send(sk, "abcd", 4, 0), 4);
}

static void
pieces_written_in_a_callback_share_a_segment_while_data_is_in_flight(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_NODELAY, 1), 0);
	send_n(f, 10);
	expect_data(f, 0, 10);
	sock_set_callback(f->sk, answer_in_pieces, NULL);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1));
	got = tf_pop(f);
	assert_int_equal(got.len, 20);
	assert_int_equal(got.ack, NXT + 1); /* and they carry the ACK */
	tf_assert_silent(f);
	tf_end(f);
}

static void nodelay_sends_at_once(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	send_n(f, 10);
	send_n(f, 10);
	expect_data(f, 0, 10);
	tf_assert_silent(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_NODELAY, 1), 0);
	expect_data(f, 10, 10);
	send_n(f, 10);
	expect_data(f, 20, 10);
	tf_end(f);
}

static void cork_holds_what_is_not_full_for_200_ms(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_CORK, 1), 0);
	send_n(f, MSS + 10);
	expect_data(f, 0, MSS);
	tf_assert_silent(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_CORK, 0), 0);
	expect_data(f, MSS, 10);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS + 10));
	assert_int_equal(tf_send(f->sk, "a", 1, WEFT_MSG_MORE), 1);
	tf_assert_silent(f);
	fix_advance(f->eng, 250 * MSEC);
	expect_data(f, MSS + 10, 1);
	tf_end(f);
}

static void fin_follows_the_last_byte_past_nagle(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	send_n(f, 10);
	tf_pop(f);
	send_n(f, 10);
	tf_assert_silent(f);
	assert_int_equal(tcp_proto.shutdown(f->sk, false, true), 0);
	got = tf_pop(f);
	assert_int_equal(got.len, 10);
	assert_true(got.flags & TCP_F_FIN);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), -EPIPE);
	tf_end(f);
}

static void full_send_buffer_refuses_and_wakes_later(void **state UNUSED)
{
	static uint8_t buf[400000];
	struct tf *f = tf_new();
	ptrdiff_t n;

	tf_established(f);
	n = tf_send(f->sk, buf, sizeof(buf), 0);
	assert_true(n > 0 && n < (ptrdiff_t)sizeof(buf));
	assert_int_equal(tf_send(f->sk, buf, 1, 0), -EAGAIN);
	assert_int_equal(tf_events(f->sk) & SOCK_OUT, 0);
	tf_ignore(f);
	f->sk->pending = 0;
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10 * MSS));
	assert_true(tf_events(f->sk) & SOCK_OUT);
	tf_ignore(f);
	tf_end(f);
}

/* Retransmission */

static void timeout_backs_off_and_gives_up_after_15_minutes(void **state UNUSED)
{
	struct tf *f = tf_new();
	int64_t start, wait;

	tf_no_probes(f);
	tf_established(f);
	send_n(f, 5);
	expect_data(f, 0, 5);
	start = f->eng->now_ns;
	wait = (int64_t)tf_conn(f)->rto_us * USEC;
	for (int i = 0; i < 8; i++) {
		fix_advance(f->eng, wait - 1);
		tf_assert_silent(f);
		fix_advance(f->eng, 1);
		expect_data(f, 0, 5);
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
	send_n(f, 5);
	fix_advance(f->eng, 3 * SEC);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	fix_advance(f->eng, 10 * SEC);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_end(f);
}

static struct tcp_opts plain_opts(void)
{
	return (struct tcp_opts){.has_mss = true, .mss = MSS};
}

static void three_duplicate_acks_retransmit_without_sack(void **state UNUSED)
{
	struct tcp_opts opts = plain_opts();
	struct tf *f = tf_new();

	f->host.st->tcp->conf.congestion_control = (uint8_t)cc_index(&cc_newreno);
	tf_established_with(f, &opts);
	send_n(f, 10 * MSS);
	tf_pop(f);
	send_n(f, 10 * MSS);
	for (int i = 0; i < 2; i++) {
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
		expect_data(f, (uint32_t)(10 + i) * MSS, MSS); /* limited transmit, RFC 3042 */
	}
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	expect_data(f, 0, MSS);
	tf_assert_silent(f);
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_RECOVERY);
	assert_int_equal(tf_conn(f)->cc.ssthresh, 5 * MSS); /* of ten, not of what was added */
	/* A partial ACK shows the next hole. */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 4 * MSS));
	expect_data(f, 4 * MSS, MSS);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = tf_conn(f)->snd_nxt));
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_OPEN);
	tf_end(f);
}

static void sack_retransmits_exactly_the_holes(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	send_n(f, 10 * MSS);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.n_sack = 2,
			       .sack = {{UNA + 6 * MSS, UNA + 10 * MSS},
					{UNA + 1 * MSS, UNA + 3 * MSS}}}));
	/* held: 1-3, 6-10; lost: 0, and 3-6 since four segments above are held */
	expect_data(f, 0, MSS);
	expect_data(f, 3 * MSS, 3 * MSS);
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
	send_n(f, 10 * MSS);
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
	send_n(f, 10 * MSS);
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
	send_n(f, 4 * MSS);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.n_sack = 1, .sack = {{UNA + MSS, UNA + 2 * MSS}}}));
	tf_assert_silent(f);
	fix_advance(f->eng, 210 * MSEC);
	expect_data(f, 0, MSS);
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_LOSS);
	assert_int_equal(tf_conn(f)->cc.cwnd, MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 2 * MSS));
	expect_data(f, 2 * MSS, 2 * MSS);
	tf_end(f);
}

static void ack_that_ends_where_held_data_begins_makes_it_lost(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->host.st->tcp->conf.recovery = 0;
	tf_no_probes(f);
	tf_established(f);
	send_n(f, 3 * MSS);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.n_sack = 1, .sack = {{UNA + MSS, UNA + 3 * MSS}}}));
	fix_advance(f->eng, 250 * MSEC);
	expect_data(f, 0, MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS)); /* and what of the rest? */
	expect_data(f, MSS, 2 * MSS);
	tf_end(f);
}

static void reneging_peer_gets_everything_again(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_no_probes(f);
	tf_established(f);
	send_n(f, 2 * MSS);
	tf_pop(f);
	tf_rx(f,
	      TSEG(.seq = NXT, .ack = UNA, .opts = {.n_sack = 1, .sack = {{UNA, UNA + 2 * MSS}}}));
	fix_advance(f->eng, 210 * MSEC);
	expect_data(f, 0, MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS));
	expect_data(f, MSS, MSS);
	tf_end(f);
}

static void rtt_is_measured_and_retransmissions_are_not(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	send_n(f, 5);
	tf_pop(f);
	fix_advance(f->eng, 100 * MSEC);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 5));
	/* The SYN took no time, this 100 ms: 1/8 of it. */
	assert_in_range(tf_conn(f)->srtt_us8 / 8, 12500, 12503);
	assert_in_range(tf_conn(f)->rto_us, 212500, 240000);
	send_n(f, 5);
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
	send_n(f, 3 * MSS);
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
		send_n(f, 5000);
		tf_ignore(f);
		tf_end(f);
	}
}

/* Receiving */

static void rx_data(struct tf *f, uint32_t off, uint32_t len)
{
	tf_rx(f, TSEG(.seq = NXT + off, .ack = tf_conn(f)->snd_una, .len = len));
}

/* Beyond the quick ACKs of the beginning. */
static void no_more_quickacks(struct tf *f)
{
	tf_conn(f)->n_quickacks = 0;
}

static void small_data_is_acknowledged_after_40_ms(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	no_more_quickacks(f);
	rx_data(f, 0, 10);
	tf_assert_silent(f);
	fix_advance(f->eng, 40 * MSEC - 1);
	tf_assert_silent(f);
	fix_advance(f->eng, 1);
	assert_int_equal(tf_pop(f).ack, NXT + 10);
	tf_assert_silent(f);
	tf_end(f);
}

static void every_second_full_segment_is_acknowledged(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	rx_data(f, 0, MSS);
	tf_ignore(f);
	no_more_quickacks(f);
	rx_data(f, MSS, MSS);
	tf_assert_silent(f);
	rx_data(f, 2 * MSS, MSS);
	assert_int_equal(tf_pop(f).ack, NXT + 3 * MSS);
	tf_assert_silent(f);
	/* a super-packet is more than one */
	tf_rx(f, TSEG(.seq = NXT + 3 * MSS, .ack = UNA, .len = 3 * MSS, .gso = MSS));
	assert_int_equal(tf_pop(f).ack, NXT + 6 * MSS);
	assert_int_equal(tf_conn(f)->rcv_mss, MSS);
	tf_end(f);
}

static void reply_carries_the_ack(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	no_more_quickacks(f);
	rx_data(f, 0, 10);
	send_n(f, 4);
	got = tf_pop(f);
	assert_int_equal(got.ack, NXT + 10);
	assert_int_equal(got.len, 4);
	fix_advance(f->eng, 100 * MSEC);
	tf_assert_silent(f);
	tf_end(f);
}

/* As Linux: an answer soon after data makes the connection interactive, ACKs then wait. */
static void answer_makes_later_acks_wait(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	rx_data(f, 0, 10);
	assert_int_equal(tf_pop(f).ack, NXT + 10); /* quick, as at every beginning */
	send_n(f, 4);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT + 10, .ack = UNA + 4, .len = 10));
	tf_assert_silent(f);
	fix_advance(f->eng, 40 * MSEC);
	assert_int_equal(tf_pop(f).ack, NXT + 20);
	/* Nobody answered in time, so it is interactive no more. */
	rx_data(f, 20, 10);
	assert_int_equal(tf_pop(f).ack, NXT + 30);
	/* An answer after a while is none. */
	fix_advance(f->eng, 50 * MSEC);
	send_n(f, 4);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT + 30, .ack = UNA + 8, .len = 10));
	assert_int_equal(tf_pop(f).ack, NXT + 40);
	tf_end(f);
}

static void out_of_order_data_is_reported_and_joined(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;
	char buf[32];

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT + 8, .ack = UNA, .len = 4, .data = "ijkl"));
	got = tf_pop(f);
	assert_int_equal(got.ack, NXT);
	assert_int_equal(got.opts.n_sack, 1);
	assert_int_equal(got.opts.sack[0].start, NXT + 8);
	assert_int_equal(got.opts.sack[0].end, NXT + 12);
	tf_rx(f, TSEG(.seq = NXT + 4, .ack = UNA, .len = 2, .data = "ef"));
	got = tf_pop(f);
	assert_int_equal(got.opts.n_sack, 2);
	assert_int_equal(got.opts.sack[0].start, NXT + 4); /* the most recent first */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 9, .data = "abcdefghi"));
	got = tf_pop(f);
	assert_int_equal(got.ack, NXT + 12);
	assert_int_equal(got.opts.n_sack, 1); /* what came twice, RFC 2883 */
	assert_int_equal(got.opts.sack[0].start, NXT + 4);
	assert_int_equal(got.opts.sack[0].end, NXT + 6);
	assert_null(tf_conn(f)->reasm);
	assert_int_equal(tf_recv(f->sk, buf, sizeof(buf), 0), 12);
	assert_memory_equal(buf, "abcdefghijkl", 12);
	tf_end(f);
}

static void duplicate_data_is_reported_as_dsack(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	rx_data(f, 0, 100);
	tf_ignore(f);
	rx_data(f, 0, 100);
	got = tf_pop(f);
	assert_int_equal(got.ack, NXT + 100);
	assert_int_equal(got.opts.n_sack, 1);
	assert_int_equal(got.opts.sack[0].start, NXT);
	assert_int_equal(got.opts.sack[0].end, NXT + 100);
	tf_end(f);
}

static void fin_out_of_order_waits_for_its_turn(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = NXT + 5, .ack = UNA));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_ignore(f);
	rx_data(f, 0, 5);
	tf_assert_state(f, WEFT_TCP_CLOSE_WAIT);
	assert_int_equal(tf_pop(f).ack, NXT + 6);
	tf_end(f);
}

static void data_behind_a_fin_is_not_delivered(void **state UNUSED)
{
	struct tf *f = tf_new();

	/* the FIN, data over and behind it, and what makes it all be in order */
	tf_established(f);
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = NXT + 5, .ack = UNA, .len = 5));
	rx_data(f, 10, 20);
	rx_data(f, 40, 20);
	rx_data(f, 0, 5);
	tf_assert_state(f, WEFT_TCP_CLOSE_WAIT);
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 10);
	tcp_conn_check(tf_conn(f));
	tf_ignore(f);
	tf_end(f);
}

static void fin_in_order_before_queued_data_ends_the_stream(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	rx_data(f, 11, 20);
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = NXT, .ack = UNA, .len = 10));
	tf_assert_state(f, WEFT_TCP_CLOSE_WAIT);
	assert_null(tf_conn(f)->reasm);
	tcp_conn_check(tf_conn(f));
	tf_ignore(f);
	tf_end(f);
}

static void window_closes_as_data_waits_and_opens_when_read(void **state UNUSED)
{
	static uint8_t buf[200000];
	struct tf *f = tf_new();
	uint32_t off = 0, edge;
	struct tseg got;

	tf_established(f);
	for (int i = 0; i < 1000 && tcp_rcv_wnd(tf_conn(f)) >= MSS; i++) {
		uint32_t before = tf_conn(f)->rcv_adv;

		rx_data(f, off, MSS);
		off += MSS;
		assert_true(seq_geq(tf_conn(f)->rcv_adv, before)); /* the edge stays */
	}
	edge = tf_conn(f)->rcv_adv - NXT;
	if (edge > off)
		rx_data(f, off, edge - off);
	tf_ignore(f);
	assert_int_equal(tcp_rcv_wnd(tf_conn(f)), 0);
	/* a probe of the closed window is answered, not taken */
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT + edge, .ack = UNA, .len = 1)),
			 DROP_TCP_WINDOW);
	got = tf_pop(f);
	assert_int_equal(got.ack, NXT + edge);
	assert_int_equal(got.wnd, 0);
	assert_int_equal(tf_recv(f->sk, buf, sizeof(buf), 0), edge);
	fix_settle(f->eng);
	got = tf_pop(f);
	assert_true(got.wnd > MSS);
	tf_assert_silent(f);
	tf_end(f);
}

static void data_beyond_the_window_is_cut(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_conn(f)->rcv_adv = NXT + 10;
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = NXT, .ack = UNA, .len = 20));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 10);
	tf_ignore(f);
	tf_end(f);
}

static void data_that_begins_where_the_window_ends_is_refused(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_conn(f)->rcv_adv = NXT + 10;
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT + 10, .ack = UNA, .len = 20)),
			 DROP_TCP_WINDOW);
	assert_null(tf_conn(f)->reasm);
	tcp_conn_check(tf_conn(f));
	tf_ignore(f);
	tf_end(f);
}

static void single_bytes_do_not_fill_the_memory(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	for (uint32_t i = 0; i < 20000; i++) {
		rx_data(f, i, 1);
		pktq_purge(&f->host.sent);
	}
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 20000);
	assert_true(tf_conn(f)->rcv_truesize < 400000);
	tf_end(f);
}

/* A scaled window cannot say "five bytes": a peer that always leaves a few must not be given a
 * whole unit for them again and again. */
static void window_that_is_never_quite_filled_is_no_source_of_memory(void **state UNUSED)
{
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .has_wscale = true, .wscale = 7};
	struct tf *f = tf_new();
	uint32_t off = 0, left;

	tf_established_with(f, &opts);
	for (int i = 0; i < 6000 && (left = tcp_rcv_wnd(tf_conn(f))) > 1; i++) {
		uint32_t n = left - 1 < MSS ? left - 1 : MSS;

		rx_data(f, off, n);
		off += n;
		fix_advance(f->eng, 50 * MSEC);
		pktq_purge(&f->host.sent);
	}
	assert_true(tf_conn(f)->rcvq.n_bytes < f->sk->rcvbuf_bytes);
	tf_end(f);
}

/* In line urgent data is data, and the pointer is never believed (RFC 6093, CVE-2026-9539). */
static void urgent_pointer_changes_nothing_in_the_stream(void **state UNUSED)
{
	const uint16_t urg[] = {0, 1, 3, 4, 1000, 65535};
	struct tf *f = tf_new();
	char buf[64];
	ptrdiff_t n = 0;

	tf_established(f);
	f->sk->flags |= SOCK_F_OOBINLINE;
	for (uint32_t i = 0; i < ARRAY_SIZE(urg); i++)
		tf_rx(f, TSEG(.flags = TCP_F_ACK | TCP_F_URG, .seq = NXT + 3 * i, .ack = UNA,
			      .len = 3, .urg = urg[i], .data = "abc"));
	tf_ignore(f);
	while (n < 18)
		n += tf_recv(f->sk, buf + n, sizeof(buf) - (size_t)n, 0);
	assert_int_equal(n, 18);
	assert_memory_equal(buf, "abcabcabc", 9);
	tf_end(f);
}

static struct tcp_opts ts_opts(const struct tf *f)
{
	return (struct tcp_opts){
		.has_mss = true, .mss = MSS, .sack_ok = true, .has_ts = true, .ts_val = f->ts_val};
}

static void paws_rejects_an_old_timestamp(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = ts_opts(f);
	struct tseg got;

	tf_established_with(f, &opts);
	assert_int_equal(tf_conn(f)->mss, MSS - 12);
	f->ts_val += 10;
	rx_data(f, 0, 5);
	got = tf_pop(f);
	assert_int_equal(got.opts.ts_ecr, f->ts_val);
	f->ts_val -= 5;
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT + 5, .ack = UNA, .len = 5)),
			 DROP_TCP_PAWS);
	assert_int_equal(tf_pop(f).ack, NXT + 5);
	/* a reset needs no timestamp */
	tf_rx(f, TSEG(.flags = TCP_F_RST, .seq = NXT + 5));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	tf_end(f);
}

static void paws_forgets_after_24_days(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = ts_opts(f);

	tf_established_with(f, &opts);
	fix_advance(f->eng, 25 * 24 * 3600 * SEC);
	f->ts_val -= 5;
	rx_data(f, 0, 5);
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 5);
	assert_int_equal(tf_conn(f)->ts_recent, f->ts_val);
	tf_ignore(f);
	tf_end(f);
}

static void sequence_numbers_wrap_both_ways(void **state UNUSED)
{
	struct tf *f = tf_new();
	char buf[64];

	f->irs = 0xfffffff0u - 1;
	tf_established(f);
	for (uint32_t i = 0; i < 4; i++)
		rx_data(f, 10 * i, 10);
	assert_int_equal(tf_conn(f)->rcv_nxt, 24);
	assert_int_equal(tf_recv(f->sk, buf, sizeof(buf), 0), 40);
	tf_rx(f, TSEG(.seq = NXT + 50, .ack = UNA, .len = 1));
	tf_rx(f, TSEG(.flags = TCP_F_RST, .seq = NXT - 1, .ack = UNA));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_ignore(f);
	tf_end(f);
}

static void window_scale_above_14_counts_as_14(void **state UNUSED)
{
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .has_wscale = true, .wscale = 255};
	struct tf *f = tf_new();

	tf_established_with(f, &opts);
	assert_int_equal(tf_conn(f)->snd_wscale, 14);
	assert_int_equal(tf_conn(f)->snd_wnd, 65535); /* of the SYN-ACK: not scaled */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 65535));
	assert_int_equal(tf_conn(f)->snd_wnd, 65535u << 14);
	tf_end(f);
}

static void peek_leaves_the_bytes(void **state UNUSED)
{
	struct tf *f = tf_new();
	char buf[16];

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 4, .data = "abcd"));
	assert_int_equal(tf_recv(f->sk, buf, 2, WEFT_MSG_PEEK), 2);
	assert_int_equal(tf_recv(f->sk, buf, 3, 0), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(tf_recv(f->sk, buf, 3, 0), 1);
	assert_int_equal(tf_recv(f->sk, buf, 3, 0), -EAGAIN);
	tf_ignore(f);
	tf_end(f);
}

static void keepalive_probes_a_silent_peer_and_gives_up(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	f->sk->flags |= SOCK_F_KEEPALIVE;
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_KEEPIDLE, 10), 0);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_KEEPINTVL, 2), 0);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_KEEPCNT, 3), 0);
	fix_advance(f->eng, 10 * SEC + MSEC);
	got = tf_pop(f);
	assert_int_equal(got.seq, UNA - 1);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA)); /* alive */
	fix_advance(f->eng, 9 * SEC);
	tf_assert_silent(f);
	fix_advance(f->eng, 2 * SEC);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tf_pop(f).seq, UNA - 1);
		tf_assert_silent(f);
		fix_advance(f->eng, 2 * SEC);
	}
	assert_true(tf_pop(f).flags & TCP_F_RST);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_end(f);
}

static void idle_connection_is_one_block_of_memory(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint64_t before, blocks;
	char buf[16];

	tf_established(f);
	before = f->eng->mem.n_bytes;
	blocks = f->eng->mem.n_blocks;
	send_n(f, 5000);
	rx_data(f, 10, 10);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 5000, .len = 10));
	tf_ignore(f);
	while (tf_recv(f->sk, buf, sizeof(buf), 0) > 0)
		;
	fix_advance(f->eng, SEC);
	tf_ignore(f);
	fix_assert_pools_empty(f->eng);
	assert_null(tf_conn(f)->reasm);
	assert_int_equal(tcp_held_bytes(tf_conn(f)), 0);
	assert_true(f->eng->mem.n_blocks >= blocks && before > 0);
	tf_end(f);
}

static void info_has_the_figures(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct weft_tcp_info info;

	tf_established(f);
	send_n(f, 2 * MSS);
	tf_ignore(f);
	rx_data(f, 0, 100);
	tcp_info_get(f->sk, &info);
	assert_int_equal(info.state, WEFT_TCP_ESTABLISHED);
	assert_int_equal(info.unacked, 2);
	assert_int_equal(info.snd_cwnd, 10);
	assert_int_equal(info.bytes_sent, 2 * MSS);
	assert_int_equal(info.bytes_received, 100);
	assert_int_equal(info.rcvq_bytes, 100);
	assert_int_equal(info.data_segs_out, 2);
	assert_int_equal(info.pmtu, 1500);
	tf_ignore(f);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_flight_is_ten_segments_in_one_super_packet),
		cmocka_unit_test(segment_carries_the_bytes_and_push_at_the_end),
		cmocka_unit_test(device_without_offload_gets_single_segments),
		cmocka_unit_test(peer_window_limits_and_small_openings_are_not_used),
		cmocka_unit_test(zero_window_is_probed_with_backoff_for_as_long_as_it_answers),
		cmocka_unit_test(silent_peer_with_a_zero_window_is_given_up),
		cmocka_unit_test(probes_that_nobody_answers_are_counted),
		cmocka_unit_test(window_taken_back_is_no_reason_to_give_up),
		cmocka_unit_test(writer_without_memory_is_woken_when_there_is_some),
		cmocka_unit_test(zero_window_after_close_is_given_up),
		cmocka_unit_test(writer_without_buffers_does_not_put_off_the_retransmission),
		cmocka_unit_test(small_window_after_long_probing_is_used_within_a_second),
		cmocka_unit_test(empty_segments_out_of_window_get_one_answer_a_moment),
		cmocka_unit_test(nagle_holds_the_second_small_segment),
		cmocka_unit_test(nagle_forgets_a_small_segment_of_two_gigabytes_ago),
		cmocka_unit_test(
			pieces_written_in_a_callback_share_a_segment_while_data_is_in_flight),
		cmocka_unit_test(nodelay_sends_at_once),
		cmocka_unit_test(cork_holds_what_is_not_full_for_200_ms),
		cmocka_unit_test(fin_follows_the_last_byte_past_nagle),
		cmocka_unit_test(full_send_buffer_refuses_and_wakes_later),
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
		cmocka_unit_test(small_data_is_acknowledged_after_40_ms),
		cmocka_unit_test(every_second_full_segment_is_acknowledged),
		cmocka_unit_test(reply_carries_the_ack),
		cmocka_unit_test(answer_makes_later_acks_wait),
		cmocka_unit_test(out_of_order_data_is_reported_and_joined),
		cmocka_unit_test(duplicate_data_is_reported_as_dsack),
		cmocka_unit_test(fin_out_of_order_waits_for_its_turn),
		cmocka_unit_test(data_behind_a_fin_is_not_delivered),
		cmocka_unit_test(fin_in_order_before_queued_data_ends_the_stream),
		cmocka_unit_test(window_closes_as_data_waits_and_opens_when_read),
		cmocka_unit_test(data_beyond_the_window_is_cut),
		cmocka_unit_test(data_that_begins_where_the_window_ends_is_refused),
		cmocka_unit_test(single_bytes_do_not_fill_the_memory),
		cmocka_unit_test(window_that_is_never_quite_filled_is_no_source_of_memory),
		cmocka_unit_test(urgent_pointer_changes_nothing_in_the_stream),
		cmocka_unit_test(paws_rejects_an_old_timestamp),
		cmocka_unit_test(paws_forgets_after_24_days),
		cmocka_unit_test(sequence_numbers_wrap_both_ways),
		cmocka_unit_test(window_scale_above_14_counts_as_14),
		cmocka_unit_test(peek_leaves_the_bytes),
		cmocka_unit_test(keepalive_probes_a_silent_peer_and_gives_up),
		cmocka_unit_test(idle_connection_is_one_block_of_memory),
		cmocka_unit_test(info_has_the_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
