/* SPDX-License-Identifier: MIT */
/* What time does to a connection: user timeout, backoff, Karn, the initial window after a lost SYN,
 * NewReno's memory of the last recovery, a path MTU that ages, no memory for long. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	MSS = 1460,
};

/* User timeout (RFC 9293 §3.8.3, RFC 5482) */

static void user_timeout_ends_a_connect(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_USER_TIMEOUT, 2500), 0);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -EINPROGRESS);
	/* From the first SYN on. */
	fix_advance(f->eng, 2499 * MSEC);
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	fix_advance(f->eng, 1 * MSEC);
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_ignore(f);
	tf_end(f);
}

static void user_timeout_is_kept_to_the_millisecond(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_no_probes(f);
	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_USER_TIMEOUT, 10000), 0);
	tf_send_n(f, 5);
	fix_advance(f->eng, tf_conn(f)->rto_us * USEC + 9999 * MSEC);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	fix_advance(f->eng, 2 * MSEC);
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_ignore(f);
	tf_end(f);
}

static void user_timeout_ends_a_zero_window_that_answers(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_USER_TIMEOUT, 5000), 0);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	tf_send_n(f, 100);
	for (int i = 0; i < 30 && tf_conn(f)->state != WEFT_TCP_CLOSE; i++) {
		fix_advance(f->eng, 200 * MSEC);
		tf_ignore(f);
		if (tf_conn(f)->state != WEFT_TCP_CLOSE)
			tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	}
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_end(f);
}

/* Handshake */

static void lose_syns(struct tf *f, int n)
{
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .sack_ok = true};

	tf_syn_sent(f);
	for (int i = 0; i < n; i++) {
		fix_advance(f->eng, (1 << i) * SEC);
		assert_int_equal(tf_pop(f).flags, TCP_F_SYN);
	}
	tf_rx(f,
	      TSEG(.flags = TCP_F_SYN | TCP_F_ACK, .seq = f->irs, .ack = f->iss + 1, .opts = opts));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_ignore(f);
}

static void initial_window_after_lost_syns_is_one_segment(void **state UNUSED)
{
	struct tf *f = tf_new();

	lose_syns(f, 1);
	assert_int_equal(tf_conn(f)->cc.cwnd, 10 * MSS); /* Linux forgives one */
	tf_end(f);

	f = tf_new();
	lose_syns(f, 2);
	tf_send_n(f, 5 * MSS);
	tf_expect_data(f, 0, MSS);
	tf_assert_silent(f);
	tf_end(f);

	f = tf_new();
	f->host.st->tcp->conf.syn_loss_iw = 1; /* RFC 5681 §3.1 */
	lose_syns(f, 1);
	assert_int_equal(tf_conn(f)->cc.cwnd, MSS);
	tf_end(f);
}

static void initial_window_after_lost_syn_acks_is_one_segment(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);

	tf_rx(f, TSEG(.flags = TCP_F_SYN, .seq = f->irs, .opts = {.has_mss = true, .mss = MSS}));
	f->iss = tf_pop(f).seq;
	fix_advance(f->eng, 4 * SEC);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	f->sk = tf_accept(l);
	assert_int_equal(tf_conn(f)->cc.cwnd, MSS);
	assert_int_equal(tf_conn(f)->rto_us, 3000000); /* RFC 6298 §5.7 */
	tf_close(l);
	tf_end(f);
}

static void syn_repeated_is_measured_by_the_timestamp_that_comes_back(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .has_ts = true, .ts_val = 1};

	tf_syn_sent(f);
	fix_advance(f->eng, 3 * SEC);
	tf_pop(f);
	opts.ts_ecr = tf_pop(f).opts.ts_val; /* of the third SYN */
	fix_advance(f->eng, 40 * MSEC);
	tf_rx(f,
	      TSEG(.flags = TCP_F_SYN | TCP_F_ACK, .seq = f->irs, .ack = f->iss + 1, .opts = opts));
	assert_int_equal(tf_conn(f)->srtt_us8 / 8, 40000);
	assert_int_equal(tf_conn(f)->rto_us, 240000);
	assert_int_equal(tf_conn(f)->cc.cwnd, tf_conn(f)->mss); /* two SYNs are lost all the same */
	tf_ignore(f);
	tf_end(f);
}

/* A connect that fails */

static void connect_refused_keeps_the_port_that_was_bound(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_syn_sent(f);
	f->sk->flags |= SOCK_F_BOUND_PORT | SOCK_F_BOUND_ADDR; /* as the socket layer's bind */
	tf_rx(f, TSEG(.flags = TCP_F_RST | TCP_F_ACK, .seq = 0, .ack = f->iss + 1));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->conn.lport, TF_PORT);
	assert_true(ip_addr_eq(&f->sk->conn.laddr, &f->host.addr));
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -ECONNREFUSED);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -EINPROGRESS);
	assert_int_equal(tf_pop(f).sport, TF_PORT);
	tf_end(f);
}

static void connect_refused_gives_an_ephemeral_port_back(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg syn;

	f->sk = tf_connect(&f->host, &f->peer.addr, TF_PEER_PORT);
	syn = tf_pop(f);
	tf_rx(f, TSEG(.flags = TCP_F_RST | TCP_F_ACK, .seq = 0, .ack = syn.seq + 1,
		      .dport = syn.sport));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_null(f->sk->conn.port); /* getsockname() still names it, as in Linux */
	assert_int_equal(f->sk->conn.lport, syn.sport);
	tf_end(f);
}

/* Who is heard */

static void segment_out_of_window_is_no_sign_of_life(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	f->sk->flags |= SOCK_F_KEEPALIVE;
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_KEEPIDLE, 10), 0);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_KEEPINTVL, 2), 0);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_KEEPCNT, 3), 0);
	for (int i = 0; i < 17 && tf_conn(f)->state != WEFT_TCP_CLOSE; i++) {
		fix_advance(f->eng, SEC);
		/* Blind: outside of the window, and inside with an ACK of what was not sent. */
		tf_rx(f, TSEG(.seq = NXT + 1000000, .ack = UNA, .len = 1));
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1000000));
		tf_ignore(f);
	}
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_end(f);
}

/* Retransmission */

static void reno_duplicates_up_to_recover_start_no_recovery(void **state UNUSED)
{
	struct tcp_opts opts = tf_plain_opts();
	struct tf *f = tf_new();

	tf_established_with(f, &opts);
	tf_send_n(f, 4 * MSS);
	tf_ignore(f);
	fix_advance(f->eng, 250 * MSEC);
	tf_expect_data(f, 0, MSS);
	/* The originals were only late: all is acknowledged, and what was sent again makes the peer
	 * repeat that ACK (RFC 6582 §3.2 step 2). */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 4 * MSS));
	tf_send_n(f, 8 * MSS);
	tf_ignore(f);
	for (int i = 0; i < 4; i++)
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 4 * MSS));
	assert_int_not_equal(tf_conn(f)->ca_state, TCP_CA_RECOVERY);
	tf_ignore(f);
	/* Beyond, three mean a loss as ever. */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 5 * MSS));
	tf_ignore(f);
	for (int i = 0; i < 3; i++)
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 5 * MSS));
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_RECOVERY);
	tf_ignore(f);
	tf_end(f);
}

static void reno_first_segment_lost_is_recovered_fast(void **state UNUSED)
{
	struct tcp_opts opts = tf_plain_opts();
	struct tf *f = tf_new();

	tf_established_with(f, &opts);
	tf_send_n(f, 5 * MSS);
	tf_ignore(f);
	for (int i = 0; i < 3; i++)
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	assert_int_equal(tf_conn(f)->ca_state, TCP_CA_RECOVERY);
	tf_expect_data(f, 0, MSS);
	tf_end(f);
}

static void backoff_ends_with_the_echo_of_a_late_segment(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .has_ts = true, .ts_val = f->ts_val};
	uint32_t sent_ts;

	tf_established_with(f, &opts);
	tf_send_n(f, 100);
	sent_ts = tf_pop(f).opts.ts_val;
	fix_advance(f->eng, 200 * SEC);
	tf_ignore(f);
	assert_true(tf_conn(f)->n_backoffs > 0);
	/* Two hundred seconds under way: longer than any timeout, and still a measurement. */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 100,
		      .opts = {.has_ts = true, .ts_val = f->ts_val, .ts_ecr = sent_ts}));
	assert_int_equal(tf_conn(f)->n_backoffs, 0);
	tf_end(f);
}

static void window_that_opens_again_ends_the_backoff(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 100);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0)); /* taken back */
	for (int i = 0; i < 10; i++) {
		fix_advance(f->eng, 30 * SEC);
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	}
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 1000));
	tf_ignore(f);
	fix_advance(f->eng, 300 * MSEC);
	tf_expect_data(f, 0, 100);
	tf_end(f);
}

static void window_that_shrank_bounds_what_is_sent_again(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 6 * MSS);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 2 * MSS));
	for (int i = 0; i < 3; i++)
		tf_rx(f,
		      TSEG(.seq = NXT, .ack = UNA, .wnd = 2 * MSS,
			   .opts = {.n_sack = 1,
				    .sack = {{UNA + 5 * MSS, UNA + 5 * MSS + 100 + (uint32_t)i}}}));
	fix_advance(f->eng, 250 * MSEC); /* everything not held is lost */
	tf_conn(f)->cc.cwnd = 20 * MSS;
	tf_ignore(f);
	tcp_txq_lose_all(tf_conn(f));
	tcp_output(tf_conn(f));
	tf_expect_data(f, 0, 2 * MSS);
	tf_assert_silent(f);
	tf_end(f);
}

static void no_memory_for_long_is_tried_ever_more_rarely(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct pkt_pools *pools = &f->eng->pkts;
	struct pktq held;
	uint32_t max_objs, n_tries = 0;
	struct pkt *pkt;
	uint8_t was = 0;

	tf_established(f);
	max_objs = pools->pkts.max_objs;
	pools->pkts.max_objs = pools->pkts.n_objs;
	pktq_init(&held);
	while ((pkt = pkt_alloc(pools, 0)))
		pktq_push(&held, pkt);
	assert_int_equal(tf_send(f->sk, "abc", 3, 0), 3);
	assert_int_equal(tf_conn(f)->rexmt_kind, TCP_REXMT_MEM);
	for (int i = 0; i < 1000; i++) {
		int64_t at_ns = tf_conn(f)->rexmt_ns;

		fix_advance(f->eng, 10 * MSEC);
		n_tries += tf_conn(f)->rexmt_ns != at_ns;
		assert_true(tf_conn(f)->n_mem_tries >= was);
		was = tf_conn(f)->n_mem_tries;
	}
	assert_in_range(n_tries, 15, 25); /* in ten seconds */
	pools->pkts.max_objs = max_objs;
	pktq_purge(&held);
	fix_advance(f->eng, 640 * MSEC);
	tf_expect_data(f, 0, 3);
	assert_int_equal(tf_conn(f)->n_mem_tries, 0);
	tf_end(f);
}

/* Path MTU */

static void too_long(struct tf *f, uint32_t seq, uint32_t mtu)
{
	struct icmp_err err = {
		.err = EMSGSIZE, .mtu = mtu, .src = f->host.addr, .dst = f->peer.addr};
	uint8_t quote[8];

	store_be16(quote, TF_PORT);
	store_be16(quote + 2, TF_PEER_PORT);
	store_be32(quote + 4, seq);
	tcp_error(f->host.st, &err, quote, sizeof(quote));
	fix_settle(f->eng);
}

static void path_mtu_is_not_believed_below_the_floor(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 3 * MSS);
	tf_ignore(f);
	too_long(f, UNA, 68);
	assert_int_equal(tf_conn(f)->mss, 552 - 40);
	assert_true(tf_conn(f)->flags & TCPC_PMTU_FLOOR); /* fragments may be made of these */
	tf_ignore(f);
	tf_end(f);
}

static void path_mtu_is_forgotten_after_ten_minutes(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_send_n(f, 3 * MSS);
	tf_ignore(f);
	too_long(f, UNA, 1000);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 3 * MSS));
	fix_advance(f->eng, 599 * SEC);
	tf_send_n(f, 960);
	tf_expect_data(f, 3 * MSS, 960);
	assert_int_equal(tf_conn(f)->mss, 960);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 3 * MSS + 960));
	fix_advance(f->eng, 2 * SEC);
	tf_send_n(f, MSS);
	tf_expect_data(f, 3 * MSS + 960, MSS);
	assert_int_equal(tf_conn(f)->mss, MSS);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_timeout_ends_a_connect),
		cmocka_unit_test(user_timeout_is_kept_to_the_millisecond),
		cmocka_unit_test(user_timeout_ends_a_zero_window_that_answers),
		cmocka_unit_test(initial_window_after_lost_syns_is_one_segment),
		cmocka_unit_test(initial_window_after_lost_syn_acks_is_one_segment),
		cmocka_unit_test(syn_repeated_is_measured_by_the_timestamp_that_comes_back),
		cmocka_unit_test(connect_refused_keeps_the_port_that_was_bound),
		cmocka_unit_test(connect_refused_gives_an_ephemeral_port_back),
		cmocka_unit_test(segment_out_of_window_is_no_sign_of_life),
		cmocka_unit_test(reno_duplicates_up_to_recover_start_no_recovery),
		cmocka_unit_test(reno_first_segment_lost_is_recovered_fast),
		cmocka_unit_test(backoff_ends_with_the_echo_of_a_late_segment),
		cmocka_unit_test(window_that_opens_again_ends_the_backoff),
		cmocka_unit_test(window_that_shrank_bounds_what_is_sent_again),
		cmocka_unit_test(no_memory_for_long_is_tried_ever_more_rarely),
		cmocka_unit_test(path_mtu_is_not_believed_below_the_floor),
		cmocka_unit_test(path_mtu_is_forgotten_after_ten_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
