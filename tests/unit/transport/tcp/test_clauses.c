/* SPDX-License-Identifier: MIT */
/* Clauses of the RFCs that need a look inside or at what stays the same: doc/rfc.md names them. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
	RST = TCP_F_RST,
	FIN = TCP_F_FIN,
	MSS = 1460,
};

/* RFC 6528: initial sequence numbers */

static struct conn_node node_to(const struct tf *f, uint16_t rport)
{
	return (struct conn_node){
		.laddr = f->host.addr, .raddr = f->peer.addr, .lport = TF_PORT, .rport = rport};
}

static void isn_grows_with_the_clock_for_each_peer(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct conn_node node = node_to(f, 7);
	uint32_t first = tcp_isn(f->host.st, &node);

	fix_advance(f->eng, MSEC);
	assert_int_equal(tcp_isn(f->host.st, &node) - first, MSEC / 64);
	tf_end(f);
}

static void isn_of_one_peer_says_nothing_of_anothers(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t gaps[64];

	/* Neighbouring ports: the gaps are neither equal nor small. */
	for (uint16_t i = 0; i < 64; i++) {
		struct conn_node a = node_to(f, i), b = node_to(f, (uint16_t)(i + 1));

		gaps[i] = tcp_isn(f->host.st, &b) - tcp_isn(f->host.st, &a);
		for (uint16_t k = 0; k < i; k++)
			assert_int_not_equal(gaps[i], gaps[k]);
	}
	tf_end(f);
}

static void isn_of_another_stack_is_another(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct conn_node node = node_to(f, 7);

	assert_int_not_equal(tcp_isn(f->host.st, &node), tcp_isn(f->peer.st, &node));
	tf_end(f);
}

/* Alike in all but the engine's seed. */
static void isn_of_another_boot_is_another(void **state UNUSED)
{
	struct tf *a = tf_pipe_new(&(struct tf_pipe){0}, 1);
	struct tf *b = tf_pipe_new(&(struct tf_pipe){0}, 2);
	struct conn_node node = node_to(a, 7);

	assert_int_equal(a->host.st->id, b->host.st->id);
	assert_int_not_equal(tcp_isn(a->host.st, &node), tcp_isn(b->host.st, &node));
	tf_end(a);
	tf_end(b);
}

/* RFC 7323: timestamps */

static void timestamp_clock_shows_every_host_another_time(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct conn_node a = node_to(f, 7), b = node_to(f, 8), c = node_to(f, 7);

	c.raddr.b[15] ^= 1;
	/* Between two hosts it is one, so that TIME-WAIT can tell old from new. */
	assert_int_equal(tcp_ts_offset(f->host.st, &a), tcp_ts_offset(f->host.st, &b));
	assert_int_not_equal(tcp_ts_offset(f->host.st, &a), tcp_ts_offset(f->host.st, &c));
	tf_end(f);
}

static struct tcp_opts ts_opts(const struct tf *f)
{
	return (struct tcp_opts){
		.has_mss = true, .mss = MSS, .sack_ok = true, .has_ts = true, .ts_val = f->ts_val};
}

static void every_segment_of_a_connection_with_timestamps_has_one(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = ts_opts(f);
	struct tseg got;

	tf_established_with(f, &opts);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	got = tf_pop(f);
	assert_true(got.opts.has_ts);
	assert_int_equal(got.opts.ts_ecr, f->ts_val);
	assert_int_equal(tcp_proto.shutdown(f->sk, false, true), 0);
	got = tf_pop(f);
	assert_true((got.flags & FIN) && got.opts.has_ts);
	tf_abort(f->sk);
	f->sk = NULL;
	got = tf_pop(f);
	assert_true((got.flags & RST) && got.opts.has_ts);
	tf_end(f);
}

static void timestamps_that_were_not_agreed_on_are_ignored(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1, .opts = {.has_ts = true, .ts_val = 9}));
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 1);
	assert_false(tf_pop(f).opts.has_ts);
	tf_rx(f, TSEG(.seq = NXT + 1, .ack = UNA, .len = 1, .opts = {.has_ts = true, .ts_val = 1}));
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 2);
	tf_ignore(f);
	tf_end(f);
}

static void segment_without_its_timestamp_does_not_end_the_connection(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = ts_opts(f);

	tf_established_with(f, &opts);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1, .no_opts = true));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_ignore(f);
	tf_end(f);
}

static void echo_is_of_the_segment_that_the_last_ack_waits_for(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = ts_opts(f);
	struct tseg got;

	/* RFC 7323 §4.3: with a hole, the timestamp of what came before it. */
	tf_established_with(f, &opts);
	f->ts_val = 6000;
	tf_rx(f, TSEG(.seq = NXT + 10, .ack = UNA, .len = 10));
	got = tf_pop(f);
	assert_int_equal(got.opts.ts_ecr, 5000);
	f->ts_val = 7000;
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 10));
	got = tf_pop(f);
	assert_int_equal(got.opts.ts_ecr, 7000);
	tf_end(f);
}

static void timestamp_of_a_segment_out_of_window_is_not_noted(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = ts_opts(f);

	tf_established_with(f, &opts);
	f->ts_val = 9000;
	tf_rx(f, TSEG(.seq = NXT - 5, .ack = UNA, .len = 1));
	tf_rx(f, TSEG(.seq = NXT + 1000000, .ack = UNA, .len = 1));
	assert_int_equal(tf_conn(f)->ts_recent, 5000);
	tf_ignore(f);
	tf_end(f);
}

static void syn_ack_that_echoes_another_timestamp_is_refused(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .has_ts = true, .ts_val = 1};

	tf_syn_sent(f);
	fix_advance(f->eng, 10 * MSEC);
	opts.ts_ecr = tcp_ts_now(tf_conn(f)) + 1;
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = f->iss + 1, .opts = opts));
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	opts.ts_ecr = tcp_ts_now(tf_conn(f)) - 1000;
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = f->iss + 1, .opts = opts));
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	tf_ignore(f);
	tf_end(f);
}

/* Longer than microseconds in 32 bits. */
static void syn_ack_after_hours_may_echo_the_first_syn(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_opts opts = {.has_mss = true, .mss = MSS, .has_ts = true, .ts_val = 1};

	tf_syn_sent(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_SYNCNT, 127), 0);
	opts.ts_ecr = tcp_ts_now(tf_conn(f));
	fix_advance(f->eng, 4300 * SEC);
	tf_ignore(f);
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = f->iss + 1, .opts = opts));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_ignore(f);
	tf_end(f);
}

/* RFC 6298: the timer */

static void round_trips_that_never_differ_leave_a_tick_of_variance(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	f->host.st->tcp->conf.rto_min_of_variance = 0;
	f->host.st->tcp->conf.rto_min_ms = 1;
	for (int i = 0; i < 100; i++)
		tcp_rtt_sample(tf_conn(f), 100000);
	assert_in_range(tf_conn(f)->rto_us, 100000 + 1000, 100000 + 2000);
	tf_end(f);
}

static void timer_stops_when_all_is_acknowledged_and_restarts_otherwise(void **state UNUSED)
{
	static uint8_t buf[3 * MSS];
	struct tf *f = tf_new();

	tf_no_probes(f);
	tf_established(f);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	tf_ignore(f);
	fix_advance(f->eng, 150 * MSEC);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS));
	assert_int_equal(tf_conn(f)->rexmt_ns - f->eng->now_ns, tf_conn(f)->rto_us * USEC);
	fix_advance(f->eng, 100 * MSEC);
	tf_assert_silent(f); /* 250 ms after the first: the timer began anew */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 3 * MSS));
	assert_int_equal(tf_conn(f)->rexmt_ns, 0);
	tf_end(f);
}

static void duplicate_ack_does_not_restart_the_timer(void **state UNUSED)
{
	struct tf *f = tf_new();
	int64_t at_ns;

	tf_established(f);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	tf_ignore(f);
	at_ns = tf_conn(f)->rexmt_ns;
	fix_advance(f->eng, 50 * MSEC);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	assert_int_equal(tf_conn(f)->rexmt_ns, at_ns);
	tf_end(f);
}

static void rtt_variance_is_taken_before_the_mean_moves(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	tcp_rtt_sample(tf_conn(f), 100000);
	assert_int_equal(tf_conn(f)->srtt_us8 / 8, 100000);
	assert_int_equal(tf_conn(f)->rttvar_us4 / 4, 50000);
	tcp_rtt_sample(tf_conn(f), 180000);
	/* |100 - 180| = 80: 3/4 * 50 + 1/4 * 80; 7/8 * 100 + 1/8 * 180 */
	assert_int_equal(tf_conn(f)->rttvar_us4 / 4, 57500);
	assert_int_equal(tf_conn(f)->srtt_us8 / 8, 110000);
	assert_int_equal(tf_conn(f)->rto_us, 110000 + 4 * 57500);
	tf_end(f);
}

/* RFC 9293 */

static void timeouts_in_a_row_look_for_another_route(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	f->host.netif.mtu = 1000; /* what a look at the routes would show */
	fix_advance(f->eng, SEC);
	assert_int_equal(tf_conn(f)->mss, MSS);
	fix_advance(f->eng, SEC); /* the third: R1 */
	assert_int_equal(tf_conn(f)->mss, 960);
	tf_ignore(f);
	tf_end(f);
}

static void keepalive_is_off_unless_asked_for(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	fix_advance(f->eng, 3 * 7200 * SEC);
	tf_assert_silent(f);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	f->sk->flags |= SOCK_F_KEEPALIVE;
	tcp_idle_arm(tf_conn(f));
	tf_conn(f)->last_rcv_ms = tcp_clock_ms(f->host.st);
	fix_advance(f->eng, 7199 * SEC);
	tf_assert_silent(f);
	fix_advance(f->eng, 2 * SEC);
	assert_int_equal(tf_pop(f).len, 0);
	tf_end(f);
}

static void window_edge_moves_by_a_segment_at_least(void **state UNUSED)
{
	static uint8_t buf[200000];
	struct tf *f = tf_new();
	uint32_t off = 0, edge;

	tf_established(f);
	while (tcp_rcv_wnd(tf_conn(f)) >= MSS) {
		tf_rx(f, TSEG(.seq = NXT + off, .ack = UNA, .len = MSS));
		off += MSS;
	}
	tf_ignore(f);
	edge = tf_conn(f)->rcv_adv;
	/* RFC 9293 §3.8.6.2.2: a few bytes read are no reason to move it. */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(tf_recv(f->sk, buf, 100, 0), 100);
		fix_settle(f->eng);
	}
	assert_int_equal(tf_conn(f)->rcv_adv, edge);
	while (tf_recv(f->sk, buf, sizeof(buf), 0) > 0)
		;
	fix_settle(f->eng);
	assert_true(tf_conn(f)->rcv_adv - edge >= MSS);
	tf_ignore(f);
	tf_end(f);
}

static void closed_window_takes_resets_and_urgent_pointers(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_conn(f)->rcv_adv = tf_conn(f)->rcv_nxt;
	tf_rx(f, TSEG(.flags = ACK | TCP_F_URG, .seq = NXT, .ack = UNA, .len = 5, .urg = 3));
	assert_true(tf_conn(f)->flags & TCPC_RCV_URG);
	assert_int_equal(tf_conn(f)->rcv_urg, NXT + 2);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 77)); /* the ACK counts too (MUST-66) */
	assert_int_equal(tf_conn(f)->snd_wnd, 77);
	tf_rx(f, TSEG(.flags = RST, .seq = NXT));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	tf_ignore(f);
	tf_end(f);
}

static void full_segments_are_sent_when_there_is_enough(void **state UNUSED)
{
	static uint8_t buf[100];
	struct tf *f = tf_new();

	tf_established(f);
	for (int i = 0; i < 40; i++)
		assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(tf_pop(f).len, 100); /* nothing was in flight */
	assert_int_equal(tf_pop(f).len, MSS); /* SHLD-28: as soon as they fill one */
	assert_int_equal(tf_pop(f).len, MSS);
	tf_assert_silent(f);
	tf_end(f);
}

static void peer_that_names_no_segment_size_gets_536_bytes(void **state UNUSED)
{
	struct tcp_opts none = {0};
	struct tf *f = tf_new();
	struct ip_addr v6 = {{0x20, 1, [15] = 1}};

	tf_established_with(f, &none);
	assert_int_equal(tf_conn(f)->mss, 536);
	assert_int_equal(tcp_mss_default(&v6), 1220);
	tf_end(f);
}

static void syn_rcvd_closed_by_the_application_is_reset(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_syn_sent(f);
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	tf_assert_state(f, WEFT_TCP_SYN_RECV);
	tf_ignore(f);
	tf_close(f->sk);
	f->sk = NULL;
	assert_true(tf_pop(f).flags & RST);
	tf_assert_silent(f);
	tf_end(f);
}

/* As Linux: the application may ask by another connect() whether it has succeeded. */
static void connect_again_succeeds_once_when_it_has(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), 0);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -EISCONN);
	tf_end(f);
}

static void only_syns_name_a_segment_size(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	assert_false(tf_pop(f).opts.has_mss);
	/* and what others name later means nothing */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1, .opts = {.has_mss = true, .mss = 100}));
	assert_int_equal(tf_conn(f)->mss, MSS);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(isn_grows_with_the_clock_for_each_peer),
		cmocka_unit_test(isn_of_one_peer_says_nothing_of_anothers),
		cmocka_unit_test(isn_of_another_stack_is_another),
		cmocka_unit_test(isn_of_another_boot_is_another),
		cmocka_unit_test(every_segment_of_a_connection_with_timestamps_has_one),
		cmocka_unit_test(timestamp_clock_shows_every_host_another_time),
		cmocka_unit_test(timestamps_that_were_not_agreed_on_are_ignored),
		cmocka_unit_test(segment_without_its_timestamp_does_not_end_the_connection),
		cmocka_unit_test(echo_is_of_the_segment_that_the_last_ack_waits_for),
		cmocka_unit_test(timestamp_of_a_segment_out_of_window_is_not_noted),
		cmocka_unit_test(syn_ack_that_echoes_another_timestamp_is_refused),
		cmocka_unit_test(syn_ack_after_hours_may_echo_the_first_syn),
		cmocka_unit_test(round_trips_that_never_differ_leave_a_tick_of_variance),
		cmocka_unit_test(timer_stops_when_all_is_acknowledged_and_restarts_otherwise),
		cmocka_unit_test(duplicate_ack_does_not_restart_the_timer),
		cmocka_unit_test(rtt_variance_is_taken_before_the_mean_moves),
		cmocka_unit_test(timeouts_in_a_row_look_for_another_route),
		cmocka_unit_test(keepalive_is_off_unless_asked_for),
		cmocka_unit_test(window_edge_moves_by_a_segment_at_least),
		cmocka_unit_test(closed_window_takes_resets_and_urgent_pointers),
		cmocka_unit_test(full_segments_are_sent_when_there_is_enough),
		cmocka_unit_test(peer_that_names_no_segment_size_gets_536_bytes),
		cmocka_unit_test(syn_rcvd_closed_by_the_application_is_reset),
		cmocka_unit_test(connect_again_succeeds_once_when_it_has),
		cmocka_unit_test(only_syns_name_a_segment_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
