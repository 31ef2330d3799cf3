/* SPDX-License-Identifier: MIT */
/* ICMP errors about our segments (RFC 9293 §3.9.2.2, RFC 1122 §4.2.3.9, RFC 5927), by state. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
};

static const struct {
	int err;
	bool is_hard, ends_req, is_final;
} errors[] = {
	{ENETUNREACH, false, true, false}, {EHOSTUNREACH, false, true, false},
	{ENOPROTOOPT, true, true, true},   {ECONNREFUSED, true, true, true},
	{EOPNOTSUPP, false, false, false}, {EPROTO, true, true, false},
};

static void icmp(struct tf *f, size_t i, uint32_t seq)
{
	struct icmp_err err = {.err = errors[i].err,
			       .is_hard = errors[i].is_hard,
			       .src = f->host.addr,
			       .dst = f->peer.addr};
	uint8_t quote[8];

	store_be16(quote, TF_PORT);
	store_be16(quote + 2, TF_PEER_PORT);
	store_be32(quote + 4, seq);
	tcp_error(f->host.st, &err, quote, sizeof(quote));
	fix_settle(f->eng);
}

static uint64_t n_out_of_window(struct tf *f)
{
	return f->host.st->mib[MIB_TcpExtOutOfWindowIcmps];
}

static void syn_sent_any_error_fails_the_connect(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct tf *f = tf_new();

		tf_syn_sent(f);
		icmp(f, i, f->iss);
		tf_assert_state(f, WEFT_TCP_CLOSE);
		assert_int_equal(f->sk->err, errors[i].err);
		tf_assert_silent(f);
		tf_end(f);
	}
}

static void syn_sent_soft_errors_are_kept_when_set_so(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct tf *f = tf_new();

		f->host.st->tcp->conf.icmp_fails_connect = 0;
		tf_syn_sent(f);
		icmp(f, i, f->iss);
		tf_assert_state(f, errors[i].is_final ? WEFT_TCP_CLOSE : WEFT_TCP_SYN_SENT);
		fix_advance(f->eng, 200 * SEC);
		assert_int_equal(f->sk->err, errors[i].err); /* told when it has failed */
		tf_ignore(f);
		tf_end(f);
	}
}

static void error_about_a_number_not_in_flight_is_counted_and_ignored(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_syn_sent(f);
	icmp(f, 0, f->iss - 1);
	icmp(f, 0, f->iss + 2);
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	assert_int_equal(n_out_of_window(f), 2);
	tf_end(f);
}

static void half_open_entry_ends_when_there_is_no_way_to_the_peer(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct tf *f = tf_new();
		struct sock *l = tf_listen(&f->host, TF_PORT, 2);

		tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
		f->iss = tf_pop(f).seq;
		icmp(f, i, f->iss + 1); /* a guess */
		assert_int_equal(tcp_conn_of(l)->listen->n_reqs, 1);
		assert_int_equal(n_out_of_window(f), 1);
		icmp(f, i, f->iss);
		assert_int_equal(tcp_conn_of(l)->listen->n_reqs, !errors[i].ends_req);
		tf_assert_silent(f);
		tf_close(l);
		tf_end(f);
	}
}

/* Every state that has something in flight. */
static void (*const synced[])(struct tf *f) = {
	tf_established, tf_fin_wait_1, tf_close_wait, tf_last_ack, tf_closing,
};

/* What has sent its FIN has that. */
static void in_flight(struct tf *f)
{
	(void)tf_send(f->sk, "x", 1, 0);
	tf_ignore(f);
}

static void synced_errors_do_not_end_the_connection(void **state UNUSED)
{
	for (size_t s = 0; s < ARRAY_SIZE(synced); s++)
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			struct tf *f = tf_new();
			uint8_t was;

			synced[s](f);
			in_flight(f);
			was = tf_conn(f)->state;
			icmp(f, i, tf_conn(f)->snd_una);
			assert_int_equal(tf_conn(f)->state, was);
			assert_int_equal(f->sk->err, 0);
			tf_assert_silent(f);
			tf_end(f);
		}
}

static void synced_final_errors_abort_when_set_so(void **state UNUSED)
{
	for (size_t s = 0; s < ARRAY_SIZE(synced); s++)
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			struct tf *f = tf_new();

			f->host.st->tcp->conf.icmp_aborts = 1;
			synced[s](f);
			in_flight(f);
			icmp(f, i, tf_conn(f)->snd_una);
			assert_int_equal(tf_conn(f)->state == WEFT_TCP_CLOSE, errors[i].is_final);
			assert_int_equal(f->sk->err, errors[i].is_final ? errors[i].err : 0);
			tf_assert_silent(f);
			tf_end(f);
		}
}

static void established_error_is_the_reason_of_a_timeout(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	icmp(f, 1, UNA);
	fix_advance(f->eng, 2000 * SEC);
	assert_int_equal(f->sk->err, EHOSTUNREACH);
	tf_ignore(f);
	tf_end(f);
}

static void established_ack_makes_an_error_forgotten(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	icmp(f, 1, UNA);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	assert_int_equal(tf_send(f->sk, "y", 1, 0), 1);
	fix_advance(f->eng, 2000 * SEC);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_ignore(f);
	tf_end(f);
}

static void listener_and_time_wait_hear_nothing(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);

	icmp(f, 0, 0);
	assert_int_equal(tcp_conn_of(l)->state, WEFT_TCP_LISTEN);
	tf_close(l);
	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.flags = TCP_F_FIN | ACK, .seq = NXT, .ack = UNA + 1));
	tf_ignore(f);
	icmp(f, 3, UNA);
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_sent_any_error_fails_the_connect),
		cmocka_unit_test(syn_sent_soft_errors_are_kept_when_set_so),
		cmocka_unit_test(error_about_a_number_not_in_flight_is_counted_and_ignored),
		cmocka_unit_test(half_open_entry_ends_when_there_is_no_way_to_the_peer),
		cmocka_unit_test(synced_errors_do_not_end_the_connection),
		cmocka_unit_test(synced_final_errors_abort_when_set_so),
		cmocka_unit_test(established_error_is_the_reason_of_a_timeout),
		cmocka_unit_test(established_ack_makes_an_error_forgotten),
		cmocka_unit_test(listener_and_time_wait_hear_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
