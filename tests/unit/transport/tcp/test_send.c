/* SPDX-License-Identifier: MIT */
/* Sending: windows and probes, Nagle and cork, what waits for memory. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	MSS = 1460,
};

static void established_with_window(struct tf *f, uint16_t wnd)
{
	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = wnd));
	tf_assert_silent(f);
}

static void first_flight_is_ten_segments_in_one_super_packet(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 40000);
	tf_expect_data(f, 0, 10 * MSS);
	tf_assert_silent(f);
	assert_int_equal(tcp_wait_reason(tf_conn(f)), WEFT_TCP_WAIT_CWND);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10 * MSS));
	tf_expect_data(f, 10 * MSS, 40000 - 10 * MSS);
	tf_end(f);
}

static void segment_carries_the_bytes_and_push_at_the_end(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	tf_send_n(f, 3000);
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
	tf_send_n(f, 3 * MSS);
	for (uint32_t i = 0; i < 3; i++)
		tf_expect_data(f, i * MSS, MSS);
	tf_assert_silent(f);
	tf_end(f);
}

static void peer_window_limits_and_small_openings_are_not_used(void **state UNUSED)
{
	struct tf *f = tf_new();

	established_with_window(f, 4000);
	tf_send_n(f, 20000);
	tf_expect_data(f, 0, 2 * MSS);
	tf_assert_silent(f);
	assert_int_equal(tcp_wait_reason(tf_conn(f)), WEFT_TCP_WAIT_RWND);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 2 * MSS, .wnd = 100));
	tf_assert_silent(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 2 * MSS, .wnd = MSS));
	tf_expect_data(f, 2 * MSS, MSS);
	tf_end(f);
}

static void zero_window_is_probed_with_backoff_for_as_long_as_it_answers(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;
	int64_t wait = 200 * MSEC;

	tf_established(f);
	tf_send_n(f, 10);
	tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10, .wnd = 0));
	tf_send_n(f, 100);
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
	tf_expect_data(f, 10, 100);
	tf_end(f);
}

static void silent_peer_with_a_zero_window_is_given_up(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	tf_send_n(f, 100);
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
	tf_send_n(f, 100);
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
	tf_send_n(f, 100);
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
	tf_send_n(f, 3);
	tf_expect_data(f, 0, 3);
	tf_end(f);
}

/* Nobody is left who could give up, and the peer must not keep the data for ever. */
static void zero_window_after_close_is_given_up(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	tf_send_n(f, 100);
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
	tf_send_n(f, 1000);
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
	tf_send_n(f, 5000);
	for (int i = 0; i < 10; i++) {
		fix_advance(f->eng, 60 * SEC);
		tf_ignore(f);
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	}
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 100));
	tf_assert_silent(f);
	fix_advance(f->eng, 1 * SEC);
	tf_expect_data(f, 0, 100);
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
	tf_send_n(f, 10);
	tf_expect_data(f, 0, 10);
	tf_send_n(f, 10);
	tf_send_n(f, 10);
	tf_assert_silent(f);
	assert_int_equal(tcp_wait_reason(tf_conn(f)), WEFT_TCP_WAIT_NAGLE);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 10));
	tf_expect_data(f, 10, 20);
	tf_end(f);
}

static void nagle_forgets_a_small_segment_of_two_gigabytes_ago(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_conn(f)->snd_sml = tf_conn(f)->snd_una - 0x80000001u;
	tf_send_n(f, 10);
	tf_expect_data(f, 0, 10);
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
	tf_send_n(f, 10);
	tf_expect_data(f, 0, 10);
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
	tf_send_n(f, 10);
	tf_send_n(f, 10);
	tf_expect_data(f, 0, 10);
	tf_assert_silent(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_NODELAY, 1), 0);
	tf_expect_data(f, 10, 10);
	tf_send_n(f, 10);
	tf_expect_data(f, 20, 10);
	tf_end(f);
}

static void cork_holds_what_is_not_full_for_200_ms(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_CORK, 1), 0);
	tf_send_n(f, MSS + 10);
	tf_expect_data(f, 0, MSS);
	tf_assert_silent(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_CORK, 0), 0);
	tf_expect_data(f, MSS, 10);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS + 10));
	assert_int_equal(tf_send(f->sk, "a", 1, WEFT_MSG_MORE), 1);
	tf_assert_silent(f);
	fix_advance(f->eng, 250 * MSEC);
	tf_expect_data(f, MSS + 10, 1);
	tf_end(f);
}

static void fin_follows_the_last_byte_past_nagle(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	tf_send_n(f, 10);
	tf_pop(f);
	tf_send_n(f, 10);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
