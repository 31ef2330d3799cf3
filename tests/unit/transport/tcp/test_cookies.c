/* SPDX-License-Identifier: MIT */
/* SYN cookies: a full SYN queue turns nobody away, and keeps nothing. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
	RST = TCP_F_RST,
	BACKLOG = 16,
};

/* A listener whose SYN queue is full of strangers. */
static struct sock *flooded(struct tf *f)
{
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);

	f->host.st->tcp->conf.max_syn_backlog = BACKLOG;
	for (uint16_t i = 0; i < BACKLOG; i++)
		tf_rx(f, TSEG(.flags = SYN, .seq = i, .sport = (uint16_t)(1000 + i)));
	tf_ignore(f);
	assert_int_equal(tcp_conn_of(l)->listen->n_reqs, BACKLOG);
	return l;
}

static struct tcp_opts all_opts(void)
{
	return (struct tcp_opts){.has_mss = true,
				 .mss = 1400,
				 .sack_ok = true,
				 .has_wscale = true,
				 .wscale = 9,
				 .has_ts = true,
				 .ts_val = 777};
}

static struct tseg syn(struct tf *f, const struct tcp_opts *opts)
{
	struct tseg sa;

	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = f->irs, .opts = *opts)),
			 DROP_NONE);
	sa = tf_pop(f);
	assert_int_equal(sa.flags, SYN | ACK);
	assert_int_equal(sa.ack, NXT);
	f->iss = sa.seq;
	return sa;
}

static void cookie_brings_the_options_back_in_the_timestamp(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	uint64_t n_bytes = f->eng->mem.n_bytes;
	struct tcp_opts opts = all_opts();
	struct tseg sa;

	fix_advance(f->eng, 100 * MSEC);
	sa = syn(f, &opts);
	assert_true(sa.opts.sack_ok && sa.opts.has_wscale && sa.opts.has_ts && sa.opts.has_mss);
	assert_int_equal(sa.opts.ts_ecr, 777);
	assert_int_equal(f->eng->mem.n_bytes, n_bytes); /* nothing is kept */
	fix_advance(f->eng, 30 * MSEC);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 100, .len = 3, .data = "abc",
		      .opts = {.has_ts = true, .ts_val = 780, .ts_ecr = sa.opts.ts_val}));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	assert_int_equal(tf_conn(f)->flags & (TCPC_TS | TCPC_SACK | TCPC_WSCALE),
			 TCPC_TS | TCPC_SACK | TCPC_WSCALE);
	assert_int_equal(tf_conn(f)->snd_wscale, 9);
	assert_int_equal(tf_conn(f)->snd_wnd, 100 << 9);
	assert_int_equal(tf_conn(f)->mss_peer, 1300); /* the next lower of the table */
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 3);
	assert_int_equal(tf_conn(f)->ts_recent, 780);
	assert_in_range(tf_conn(f)->srtt_us8 / 8, 30000, 100000);
	assert_int_equal(tcp_conn_of(l)->listen->n_reqs, BACKLOG);
	tf_ignore(f);
	tf_close(l);
	tf_end(f);
}

static void cookie_without_timestamps_makes_a_plain_connection(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	struct tcp_opts opts = all_opts();
	struct tseg sa;

	opts.has_ts = false;
	sa = syn(f, &opts);
	assert_false(sa.opts.sack_ok || sa.opts.has_wscale || sa.opts.has_ts);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	assert_int_equal(tf_conn(f)->flags & (TCPC_TS | TCPC_SACK | TCPC_WSCALE), 0);
	assert_int_equal(tf_conn(f)->srtt_us8, 0);
	assert_int_equal(tf_conn(f)->rto_us, 3000000); /* not measured: RFC 6298 §5.7 */
	assert_int_equal(tf_conn(f)->handshake_us, 0);
	tf_close(l);
	tf_end(f);
}

static void cookie_with_an_echo_of_days_ago_measures_nothing(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	struct tcp_opts opts = all_opts();
	struct tseg sa;

	sa = syn(f, &opts);
	tf_rx(f,
	      TSEG(.seq = NXT, .ack = UNA,
		   .opts = {.has_ts = true, .ts_val = 780, .ts_ecr = sa.opts.ts_val - (1u << 29)}));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	assert_int_equal(tf_conn(f)->snd_wscale, 9);
	assert_int_equal(tf_conn(f)->srtt_us8, 0);
	assert_int_equal(tf_conn(f)->rto_us, 3000000);
	tf_close(l);
	tf_end(f);
}

static void expect_refused(struct tf *f, struct sock *l, const struct tseg *seg)
{
	assert_int_equal(tf_rx_verdict(f, seg), DROP_TCP_NO_SOCKET);
	assert_true(tf_pop(f).flags & RST);
	assert_null(tf_accept(l));
}

static void cookie_that_was_changed_is_refused(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	struct tcp_opts opts = {.has_mss = true, .mss = 1460};

	syn(f, &opts);
	expect_refused(f, l, TSEG(.seq = NXT, .ack = UNA + 7));
	expect_refused(f, l, TSEG(.seq = NXT, .ack = UNA + (1 << 24)));
	expect_refused(f, l, TSEG(.seq = NXT + 1, .ack = UNA));
	expect_refused(f, l, TSEG(.seq = NXT, .ack = UNA, .sport = 9));
	/* as it was sent it is good */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_close(l);
	tf_end(f);
}

static void cookie_is_good_for_a_minute_at_least_and_two_at_most(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	struct tcp_opts opts = {.has_mss = true, .mss = 1460};

	syn(f, &opts);
	fix_advance(f->eng, 59 * SEC);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_abort(f->sk);
	f->sk = NULL;
	fix_advance(f->eng, 61 * SEC);
	tf_ignore(f);
	expect_refused(f, l, TSEG(.seq = NXT, .ack = UNA));
	tf_close(l);
	tf_end(f);
}

static void ack_is_no_cookie_while_none_was_sent(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	struct tcp_opts opts = {.has_mss = true, .mss = 1460};

	syn(f, &opts);
	tcp_conn_of(l)->listen->cookie_s = 0;
	expect_refused(f, l, TSEG(.seq = NXT, .ack = UNA));
	tf_close(l);
	tf_end(f);
}

static void cookie_waits_for_room_in_the_accept_queue(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f), *sk;
	struct tcp_opts opts = {.has_mss = true, .mss = 1460};

	for (uint16_t i = 0; i < 3; i++) {
		syn(f, &opts);
		tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
		sk = tf_accept(l);
		assert_non_null(sk);
		tf_abort(sk);
		tf_ignore(f);
	}
	tcp_conn_of(l)->listen->n_accept = 3; /* as if so many waited */
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT, .ack = UNA)), DROP_TCP_ACCEPT_QUEUE);
	tf_assert_silent(f);
	assert_int_equal(tcp_conn_of(l)->listen->n_reqs, BACKLOG);
	tcp_conn_of(l)->listen->n_accept = 0;
	/* the peer's data comes again, and with it the cookie */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_ignore(f);
	tf_close(l);
	tf_end(f);
}

static void data_ahead_of_its_cookie_is_dropped_in_silence(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	struct tcp_opts opts = {.has_mss = true, .mss = 1460};

	syn(f, &opts);
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT + 100, .ack = UNA, .len = 100)),
			 DROP_TCP_COOKIE);
	assert_int_equal(
		tf_rx_verdict(f, TSEG(.flags = ACK | TCP_F_FIN, .seq = NXT + 200, .ack = UNA)),
		DROP_TCP_COOKIE);
	tf_assert_silent(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 100));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_ignore(f);
	tf_close(l);
	tf_end(f);
}

static void cookies_always_keep_no_entry_at_all(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);
	struct tcp_opts opts = all_opts();

	f->host.st->tcp->conf.syncookies = 2;
	syn(f, &opts);
	assert_int_equal(tcp_conn_of(l)->listen->n_reqs, 0);
	tf_close(l);
	tf_end(f);
}

/* A million would do as well, it only takes longer here: memory stays, a client gets through. */
static void flood_of_syns_keeps_nobody_out(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = flooded(f);
	uint64_t n_bytes = f->eng->mem.n_bytes;
	struct tcp_opts opts = all_opts();
	struct tseg sa;

	for (uint32_t i = 0; i < 20000; i++) {
		struct ip4_addr from4 = IP4_ADDR(192, 0, (uint8_t)(i >> 8), (uint8_t)i);
		struct ip_addr from = ip_addr_from_ip4(&from4);

		tf_rx(f, TSEG(.flags = SYN, .seq = i, .sport = (uint16_t)(2000 + i), .src = &from));
		tf_ignore(f);
	}
	assert_int_equal(f->eng->mem.n_bytes, n_bytes);
	sa = syn(f, &opts);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA,
		      .opts = {.has_ts = true, .ts_val = 780, .ts_ecr = sa.opts.ts_val}));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_close(l);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_brings_the_options_back_in_the_timestamp),
		cmocka_unit_test(cookie_without_timestamps_makes_a_plain_connection),
		cmocka_unit_test(cookie_with_an_echo_of_days_ago_measures_nothing),
		cmocka_unit_test(cookie_that_was_changed_is_refused),
		cmocka_unit_test(cookie_is_good_for_a_minute_at_least_and_two_at_most),
		cmocka_unit_test(ack_is_no_cookie_while_none_was_sent),
		cmocka_unit_test(cookie_waits_for_room_in_the_accept_queue),
		cmocka_unit_test(data_ahead_of_its_cookie_is_dropped_in_silence),
		cmocka_unit_test(cookies_always_keep_no_entry_at_all),
		cmocka_unit_test(flood_of_syns_keeps_nobody_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
