/* SPDX-License-Identifier: MIT */
/* Receiving: when ACKs go, order, windows, PAWS; silent peers, and what is known of a connection.
 */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	MSS = 1460,
};

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
	tf_send_n(f, 4);
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
	tf_send_n(f, 4);
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
	tf_send_n(f, 4);
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
	tf_send_n(f, 5000);
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
	tf_send_n(f, 2 * MSS);
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
