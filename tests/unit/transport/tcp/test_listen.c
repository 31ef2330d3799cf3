/* SPDX-License-Identifier: MIT */
/* RFC 9293 §3.10.7.2: listeners, the SYN queue and the accept queue. */
#include "tcp_fix.h"

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
	RST = TCP_F_RST,
	FIN = TCP_F_FIN,
};

#define NXT (f->irs + 1) /* what we expect from the peer */
#define UNA (f->iss + 1) /* what the peer expects from us */

static void expect_ack(struct tf *f, uint32_t seq, uint32_t ack)
{
	struct tseg got = tf_pop(f);

	assert_int_equal(got.flags, ACK);
	assert_int_equal(got.seq, seq);
	assert_int_equal(got.ack, ack);
	assert_int_equal(got.len, 0);
	tf_assert_silent(f);
}

static void expect_rst(struct tf *f, uint32_t seq)
{
	struct tseg got = tf_pop(f);

	assert_true(got.flags & RST);
	assert_int_equal(got.seq, seq);
	tf_assert_silent(f);
}

static struct sock *listening(struct tf *f)
{
	return tf_listen(&f->host, TF_PORT, 2);
}

static void listen_handshake_makes_a_connection(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);
	struct tseg sa;

	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs,
		      .opts = {.has_mss = true,
			       .mss = 1400,
			       .sack_ok = true,
			       .has_wscale = true,
			       .wscale = 3,
			       .has_ts = true,
			       .ts_val = 77}));
	sa = tf_pop(f);
	assert_int_equal(sa.flags, SYN | ACK);
	assert_int_equal(sa.ack, f->irs + 1);
	assert_int_equal(sa.opts.ts_ecr, 77);
	assert_int_equal(sa.opts.wscale, 10);
	assert_true(sa.opts.sack_ok && sa.opts.has_mss);
	assert_null(tf_accept(l));
	f->iss = sa.seq;
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 1000, .len = 3, .data = "abc",
		      .opts = {.has_ts = true, .ts_val = 78, .ts_ecr = sa.opts.ts_val}));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	assert_int_equal(tf_conn(f)->snd_wnd, 8000);
	assert_int_equal(tf_conn(f)->mss, 1388);
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 3);
	tf_close(l);
	tf_end(f);
}

static void listen_offers_only_what_the_syn_had(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);
	struct tseg sa;

	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	sa = tf_pop(f);
	assert_true(sa.opts.has_mss);
	assert_false(sa.opts.has_ts || sa.opts.sack_ok || sa.opts.has_wscale);
	tf_rx(f, TSEG(.seq = NXT, .ack = sa.seq + 1));
	f->sk = tf_accept(l);
	assert_int_equal(tf_conn(f)->mss, 536);
	tf_close(l);
	tf_end(f);
}

static void listen_ack_is_reset_and_rst_ignored(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);

	tf_rx(f, TSEG(.flags = RST, .seq = 1));
	tf_assert_silent(f);
	tf_rx(f, TSEG(.seq = 1, .ack = 55));
	expect_rst(f, 55);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN | FIN, .seq = 1)), DROP_TCP_FLAGS);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = 0, .seq = 1)), DROP_TCP_FLAGS);
	tf_assert_silent(f);
	tf_close(l);
	tf_end(f);
}

static void syn_queue_repeats_the_syn_ack_and_gives_up(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);

	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	assert_int_equal(tf_pop(f).flags, SYN | ACK);
	for (int i = 0; i < 5; i++) {
		fix_advance(f->eng, (int64_t)(1 << i) * SEC + MSEC);
		assert_int_equal(tf_pop(f).flags, SYN | ACK);
		tf_assert_silent(f);
	}
	fix_advance(f->eng, 32 * SEC + MSEC);
	tf_assert_silent(f);
	assert_int_equal(tcp_conn_of(l)->listen->n_reqs, 0);
	tf_close(l);
	tf_end(f);
}

static void syn_queue_entry_answers_as_syn_received(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);
	struct tcp_listen *lst = tcp_conn_of(l)->listen;

	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	f->iss = tf_pop(f).seq;
	/* the SYN again */
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	assert_int_equal(tf_pop(f).flags, SYN | ACK);
	/* out of window, SYN in window, wrong ACK, no ACK */
	tf_rx(f, TSEG(.seq = NXT + 70000, .ack = UNA));
	tf_assert_silent(f); /* half a second after the last answer */
	fix_advance(f->eng, 501 * MSEC);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT + 70000, .ack = UNA));
	expect_ack(f, UNA, NXT);
	fix_advance(f->eng, 501 * MSEC);
	tf_ignore(f);
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = NXT, .ack = UNA));
	expect_ack(f, UNA, NXT);
	fix_advance(f->eng, 501 * MSEC);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	expect_rst(f, UNA + 1);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = 0, .seq = NXT)), DROP_TCP_NO_ACK);
	/* a reset elsewhere in the window is questioned, at the edge believed */
	tf_rx(f, TSEG(.flags = RST, .seq = NXT + 10));
	expect_ack(f, UNA, NXT);
	assert_int_equal(lst->n_reqs, 1);
	tf_rx(f, TSEG(.flags = RST, .seq = NXT));
	tf_assert_silent(f);
	assert_int_equal(lst->n_reqs, 0);
	tf_close(l);
	tf_end(f);
}

static void complete(struct tf *f, uint16_t sport)
{
	struct tseg sa;

	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs, .sport = sport));
	sa = tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = sa.seq + 1, .sport = sport));
}

static void accept_queue_full_keeps_the_handshake_waiting(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f), *sk;
	struct tcp_listen *lst = tcp_conn_of(l)->listen;
	struct tseg sa;

	for (uint16_t i = 0; i < 2; i++)
		complete(f, (uint16_t)(1000 + i));
	/* A third SYN comes in while there is room, its ACK when there is none. */
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs, .sport = 3000));
	sa = tf_pop(f);
	complete(f, 1002);
	assert_int_equal(lst->n_accept, 3);
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT, .ack = sa.seq + 1, .sport = 3000)),
			 DROP_TCP_ACCEPT_QUEUE);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = 1, .sport = 3001)),
			 DROP_TCP_ACCEPT_QUEUE);
	tf_assert_silent(f);
	while ((sk = tf_accept(l)))
		tf_abort(sk);
	tf_ignore(f);
	/* The SYN-ACK goes out again, its ACK is taken now. */
	fix_advance(f->eng, SEC + MSEC);
	assert_int_equal(tf_pop(f).seq, sa.seq);
	tf_rx(f, TSEG(.seq = NXT, .ack = sa.seq + 1, .sport = 3000));
	sk = tf_accept(l);
	assert_non_null(sk);
	tf_close(sk);
	tf_close(l);
	tf_end(f);
}

static void syn_flood_is_bounded_and_old_entries_give_way(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);
	struct tcp_listen *lst = tcp_conn_of(l)->listen;
	uint16_t port = 1000;

	f->host.st->tcp->conf.max_syn_backlog = 64;
	f->host.st->tcp->conf.syncookies = 0;
	for (; lst->n_reqs < 64; port++)
		tf_rx(f, TSEG(.flags = SYN, .seq = port, .sport = port));
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = 1, .sport = port)),
			 DROP_TCP_SYN_QUEUE);
	tf_ignore(f);
	fix_advance(f->eng, SEC + MSEC); /* all have been asked a second time */
	tf_ignore(f);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = 1, .sport = port)), DROP_NONE);
	assert_int_equal(lst->n_reqs, 64);
	tf_close(l);
	tf_end(f);
}

static void listener_closed_resets_what_waits(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);

	complete(f, 1000);
	tf_rx(f, TSEG(.flags = SYN, .seq = 5, .sport = 1001));
	tf_ignore(f);
	tf_close(l);
	assert_true(tf_pop(f).flags & RST);
	tf_assert_silent(f);
	tf_end(f);
}

/* A socket that does not listen gets no SYN, though it holds the port. */
static void expect_syn_refused(struct tf *f)
{
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = 7)), DROP_TCP_NO_SOCKET);
	assert_int_equal(tf_pop(f).flags, RST | ACK);
	tf_assert_silent(f);
}

static void listener_without_memory_refuses_connections(void **state UNUSED)
{
	static const struct ip_addr any;
	struct tf *f = tf_new();
	struct sock *sk = tf_socket(&f->host);
	uint64_t limit_bytes = f->eng->mem.limit_bytes;

	assert_int_equal(tcp_proto.bind(sk, &any, TF_PORT), 0);
	f->eng->mem.limit_bytes = f->eng->mem.n_bytes;
	assert_int_equal(tcp_proto.listen(sk, 2), -ENOMEM);
	f->eng->mem.limit_bytes = limit_bytes;
	expect_syn_refused(f);
	tf_close(sk);
	tf_end(f);
}

static void listener_shut_down_and_bound_again_refuses_connections(void **state UNUSED)
{
	static const struct ip_addr any;
	struct tf *f = tf_new();
	struct sock *l = listening(f);

	assert_int_equal(tcp_proto.shutdown(l, true, false), 0);
	assert_int_equal(tcp_proto.bind(l, &any, TF_PORT), 0);
	expect_syn_refused(f);
	tf_close(l);
	tf_end(f);
}

static void child_reset_before_accept_reports_it(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = listening(f);
	char c;

	complete(f, TF_PEER_PORT);
	tf_rx(f, TSEG(.flags = RST, .seq = NXT));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), -ECONNRESET);
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), 0);
	tf_close(l);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listen_handshake_makes_a_connection),
		cmocka_unit_test(listen_offers_only_what_the_syn_had),
		cmocka_unit_test(listen_ack_is_reset_and_rst_ignored),
		cmocka_unit_test(syn_queue_repeats_the_syn_ack_and_gives_up),
		cmocka_unit_test(syn_queue_entry_answers_as_syn_received),
		cmocka_unit_test(accept_queue_full_keeps_the_handshake_waiting),
		cmocka_unit_test(syn_flood_is_bounded_and_old_entries_give_way),
		cmocka_unit_test(listener_closed_resets_what_waits),
		cmocka_unit_test(listener_without_memory_refuses_connections),
		cmocka_unit_test(listener_shut_down_and_bound_again_refuses_connections),
		cmocka_unit_test(child_reset_before_accept_reports_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
