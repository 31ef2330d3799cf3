/* SPDX-License-Identifier: MIT */
/* Options of IPPROTO_TCP, ioctls and TCP_INFO, with Linux's values, ranges and effects. */
#include "tcp_fix.h"

#define tcp_ca_state linux_ca_state /* both have one */
#include <linux/tcp.h>
#undef tcp_ca_state

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
	RST = TCP_F_RST,
	FIN = TCP_F_FIN,
	MSS = 1460,
};

static int opt(struct sock *sk, int name)
{
	size_t len = sizeof(int);
	int v = -1;

	assert_int_equal(tcp_proto.getopt(sk, WEFT_IPPROTO_TCP, name, &v, &len), 0);
	return v;
}

static void values_and_ranges_are_those_of_linux(void **state UNUSED)
{
	static const struct {
		int name, first, bad_low, low, high, bad_high;
	} opts[] = {
		{WEFT_TCP_MAXSEG, 536, 87, 88, 32767, 32768},
		{WEFT_TCP_SYNCNT, 6, 0, 1, 127, 128},
		{WEFT_TCP_INQ, 0, -1, 0, 1, 2},
		{WEFT_TCP_KEEPIDLE, 7200, 0, 1, 32767, 32768},
		{WEFT_TCP_KEEPCNT, 9, 0, 1, 127, 128},
	};
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		assert_int_equal(opt(f->sk, opts[i].name), opts[i].first);
		assert_int_equal(tf_sockopt(f->sk, opts[i].name, opts[i].bad_low), -EINVAL);
		assert_int_equal(tf_sockopt(f->sk, opts[i].name, opts[i].bad_high), -EINVAL);
		assert_int_equal(tf_sockopt(f->sk, opts[i].name, opts[i].low), 0);
		assert_int_equal(opt(f->sk, opts[i].name), opts[i].low);
		assert_int_equal(tf_sockopt(f->sk, opts[i].name, opts[i].high), 0);
		assert_int_equal(opt(f->sk, opts[i].name), opts[i].high);
	}
	assert_int_equal(tf_sockopt(f->sk, 9999, 1), -ENOPROTOOPT);
	tf_end(f);
}

static void defer_accept_is_counted_in_syn_acks(void **state UNUSED)
{
	static const struct {
		int set, get;
	} v[] = {{0, 0}, {-1, 0}, {1, 1}, {2, 3}, {3, 3}, {4, 7}, {10, 15}, {63, 63}};
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_DEFER_ACCEPT, v[i].set), 0);
		assert_int_equal(opt(f->sk, WEFT_TCP_DEFER_ACCEPT), v[i].get);
	}
	tf_end(f);
}

static void defer_accept_waits_for_data(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);

	assert_int_equal(tf_sockopt(l, WEFT_TCP_DEFER_ACCEPT, 5), 0);
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	f->iss = tf_pop(f).seq;
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT, .ack = UNA)), DROP_TCP_DEFER);
	assert_null(tf_accept(l));
	/* The peer is not asked again while there is time. */
	fix_advance(f->eng, 3500 * MSEC);
	tf_assert_silent(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 3));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_ignore(f);
	tf_close(l);
	tf_end(f);
}

static void defer_accept_keeps_who_has_answered_in_a_full_queue(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);

	f->host.st->tcp->conf.max_syn_backlog = 1;
	f->host.st->tcp->conf.syncookies = 0;
	assert_int_equal(tf_sockopt(l, WEFT_TCP_DEFER_ACCEPT, 5), 0);
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	f->iss = tf_pop(f).seq;
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT, .ack = UNA)), DROP_TCP_DEFER);
	fix_advance(f->eng, 3500 * MSEC);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = 1, .sport = 999)),
			 DROP_TCP_SYN_QUEUE);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 3));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_ignore(f);
	tf_close(l);
	tf_end(f);
}

static void defer_accept_over_accepts_without_data(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);

	assert_int_equal(tf_sockopt(l, WEFT_TCP_DEFER_ACCEPT, 1), 0);
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	f->iss = tf_pop(f).seq;
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	assert_null(tf_accept(l));
	fix_advance(f->eng, SEC + MSEC);
	assert_int_equal(tf_pop(f).flags, SYN | ACK); /* the last chance */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_close(l);
	tf_end(f);
}

static void defer_accept_of_a_client_lets_data_carry_the_ack(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_DEFER_ACCEPT, 1), 0);
	assert_int_equal(tcp_proto.bind(f->sk, &f->host.addr, TF_PORT), 0);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -EINPROGRESS);
	f->iss = tf_pop(f).seq;
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = UNA));
	tf_assert_silent(f);
	fix_advance(f->eng, 199 * MSEC);
	tf_assert_silent(f);
	fix_advance(f->eng, 2 * MSEC);
	assert_int_equal(tf_pop(f).flags, ACK);
	tf_end(f);
}

static void syncnt_ends_a_connect_early(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_SYNCNT, 1), 0);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -EINPROGRESS);
	fix_advance(f->eng, 3 * SEC - 1);
	assert_int_equal(tf_n_sent(f), 2);
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	fix_advance(f->eng, 1);
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_ignore(f);
	tf_end(f);
}

/* FIN-WAIT-2 without an application */

static void close_it(struct tf *f)
{
	tf_close(f->sk);
	f->sk = NULL;
}

static void linger2_shortens_fin_wait_2(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_LINGER2, 5), 0);
	assert_int_equal(opt(f->sk, WEFT_TCP_LINGER2), 5);
	close_it(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	tf_ignore(f);
	fix_advance(f->eng, 4900 * MSEC);
	assert_false(list_is_empty(&f->host.st->socks->all));
	fix_advance(f->eng, 200 * MSEC);
	assert_true(list_is_empty(&f->host.st->socks->all));
	tf_end(f);
}

static void linger2_negative_resets_instead_of_fin_wait_2(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_LINGER2, -7), 0);
	assert_int_equal(opt(f->sk, WEFT_TCP_LINGER2), -1);
	close_it(f);
	assert_int_equal(tf_pop(f).flags, FIN | ACK);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	assert_true(tf_pop(f).flags & RST);
	assert_true(list_is_empty(&f->host.st->socks->all));
	tf_end(f);

	f = tf_new();
	tf_fin_wait_2(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_LINGER2, -1), 0);
	close_it(f);
	assert_true(tf_pop(f).flags & RST);
	tf_end(f);
}

/* Windows */

static void window_clamp_bounds_what_is_offered(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_WINDOW_CLAMP, 5000), 0);
	assert_int_equal(opt(f->sk, WEFT_TCP_WINDOW_CLAMP), 5000);
	assert_int_equal(tcp_proto.bind(f->sk, &f->host.addr, TF_PORT), 0);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -EINPROGRESS);
	assert_int_equal(tf_n_sent(f), 1);
	{
		struct tseg syn = tf_pop(f);

		assert_int_equal(syn.wnd, 5000);
		f->iss = syn.seq;
	}
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = UNA));
	tf_ignore(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_WINDOW_CLAMP, 0), -EINVAL);
	for (uint32_t i = 0; i < 50; i++) {
		char buf[200];

		tf_rx(f, TSEG(.seq = NXT + 100 * i, .ack = UNA, .len = 100));
		assert_int_equal(tf_recv(f->sk, buf, sizeof(buf), 0), 100);
		fix_settle(f->eng);
		assert_true(tcp_rcv_wnd(tf_conn(f)) <= 5000);
	}
	tf_ignore(f);
	tf_end(f);
}

static void window_clamp_is_at_least_half_the_least_buffer(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->sk = tf_socket(&f->host);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_WINDOW_CLAMP, 10), 0);
	assert_int_equal(opt(f->sk, WEFT_TCP_WINDOW_CLAMP), 1152);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_WINDOW_CLAMP, 0), 0);
	assert_int_equal(opt(f->sk, WEFT_TCP_WINDOW_CLAMP), 0);
	tf_end(f);
}

/* Found by the model test: the window of a reader that has emptied its queue never opened again. */
static void window_clamp_below_a_segment_opens_the_window_after_it_was_full(void **state UNUSED)
{
	struct tf *f = tf_new();
	char buf[4000];

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1460));
	assert_int_equal(tf_recv(f->sk, buf, sizeof(buf), 0), 1460);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_WINDOW_CLAMP, 1152), 0);
	for (uint32_t n = 1460; tcp_rcv_wnd(tf_conn(f)) > 0;) {
		uint32_t len = tcp_min(tcp_rcv_wnd(tf_conn(f)), 1460);

		tf_rx(f, TSEG(.seq = NXT + n, .ack = UNA, .len = len));
		n += len;
	}
	tf_ignore(f);
	while (tf_recv(f->sk, buf, sizeof(buf), 0) > 0)
		;
	fix_settle(f->eng);
	assert_int_equal(tf_pop(f).wnd << tf_conn(f)->rcv_wscale, 1152);
	tf_end(f);
}

/* Figures */

static int ask(struct tf *f, unsigned int request)
{
	int v = -1;

	assert_int_equal(tcp_proto.ioctl(f->sk, request, &v), 0);
	return v;
}

static void ioctls_tell_the_queues(void **state UNUSED)
{
	static uint8_t buf[20 * MSS];
	struct tf *f = tf_new();
	struct sock *l;
	int v;

	tf_syn_sent(f);
	assert_int_equal(ask(f, WEFT_SIOCOUTQ), 0);
	assert_int_equal(ask(f, WEFT_SIOCOUTQNSD), 0);
	tf_close(f->sk);
	tf_established(f);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(ask(f, WEFT_SIOCOUTQ), 20 * MSS);
	assert_int_equal(ask(f, WEFT_SIOCOUTQNSD), 10 * MSS);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS, .len = 7));
	assert_int_equal(ask(f, WEFT_SIOCOUTQ), 19 * MSS);
	assert_int_equal(ask(f, WEFT_SIOCINQ), 7);
	assert_int_equal(tcp_proto.ioctl(f->sk, 0x1234, &v), -ENOTTY);
	tf_ignore(f);
	l = tf_listen(&f->host, 99, 1);
	assert_int_equal(tcp_proto.ioctl(l, WEFT_SIOCINQ, &v), -EINVAL);
	tf_close(l);
	tf_end(f);
}

static void inq_tells_what_is_left(void **state UNUSED)
{
	char buf[4];
	struct weft_iovec iov = {.base = buf, .len = sizeof(buf)};
	struct sock_msg msg = {.iov = &iov, .n_iov = 1, .n_bytes = sizeof(buf)};
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 10));
	assert_int_equal(tcp_proto.recv(f->sk, &msg), 4);
	assert_false(msg.has_inq);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_INQ, 1), 0);
	assert_int_equal(tcp_proto.recv(f->sk, &msg), 4);
	assert_true(msg.has_inq);
	assert_int_equal(msg.inq_bytes, 2);
	tf_ignore(f);
	tf_end(f);
}

static void info_is_laid_out_as_linux_has_it(void **state UNUSED)
{
	struct tcp_opts opts = {
		.has_mss = true, .mss = MSS, .sack_ok = true, .has_wscale = true, .wscale = 3};
	struct tcp_info info = {0};
	size_t len = sizeof(info);
	struct tf *f = tf_new();
	static uint8_t buf[5 * MSS];

	assert_int_equal(sizeof(info), sizeof(struct weft_tcp_info_linux));
	tf_no_probes(f);
	tf_established_with(f, &opts);
	fix_advance(f->eng, 50 * MSEC);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	fix_advance(f->eng, 20 * MSEC);
	tf_rx(f, TSEG(.seq = NXT + 5, .ack = UNA + 2 * MSS, .wnd = 1000, .len = 10));
	assert_int_equal(
		tcp_proto.getopt(f->sk, WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX, &info, &len), 0);
	assert_int_equal(len, sizeof(info));
	assert_int_equal(info.tcpi_state, WEFT_TCP_ESTABLISHED);
	assert_int_equal(info.tcpi_options, TCPI_OPT_SACK | TCPI_OPT_WSCALE);
	assert_int_equal(info.tcpi_snd_wscale, 3);
	assert_int_equal(info.tcpi_rcv_wscale, 10);
	assert_int_equal(info.tcpi_snd_mss, MSS);
	assert_int_equal(info.tcpi_advmss, MSS);
	assert_int_equal(info.tcpi_pmtu, 1500);
	assert_int_equal(info.tcpi_unacked, 3);
	assert_int_equal(info.tcpi_snd_cwnd, 10);
	assert_int_equal(info.tcpi_snd_ssthresh, 0x7fffffff);
	assert_int_equal(info.tcpi_last_data_sent, 20);
	assert_int_equal(info.tcpi_reordering, 3);
	assert_int_equal(info.tcpi_bytes_acked, 2 * MSS);
	assert_int_equal(info.tcpi_bytes_sent, 5 * MSS);
	assert_int_equal(info.tcpi_data_segs_out, 5);
	assert_int_equal(info.tcpi_rcv_ooopack, 1);
	assert_int_equal(info.tcpi_snd_wnd, 8000);
	assert_int_equal(info.tcpi_delivered, 2);
	assert_in_range(info.tcpi_busy_time, 19990, 20010);
	assert_int_equal(info.tcpi_max_pacing_rate, UINT64_MAX);
	assert_true(info.tcpi_pacing_rate > 0 && info.tcpi_pacing_rate < UINT64_MAX);
	/* shorter when there is less room */
	len = 8;
	assert_int_equal(
		tcp_proto.getopt(f->sk, WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX, &info, &len), 0);
	assert_int_equal(len, 8);
	tf_ignore(f);
	tf_end(f);
}

static void info_of_a_listener_tells_its_queue(void **state UNUSED)
{
	struct tcp_info info = {0};
	size_t len = sizeof(info);
	struct tf *f = tf_new();

	f->sk = tf_listen(&f->host, TF_PORT, 7);
	assert_int_equal(
		tcp_proto.getopt(f->sk, WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX, &info, &len), 0);
	assert_int_equal(info.tcpi_state, WEFT_TCP_LISTEN);
	assert_int_equal(info.tcpi_unacked, 0);
	assert_int_equal(info.tcpi_sacked, 7);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_ranges_are_those_of_linux),
		cmocka_unit_test(defer_accept_is_counted_in_syn_acks),
		cmocka_unit_test(defer_accept_waits_for_data),
		cmocka_unit_test(defer_accept_keeps_who_has_answered_in_a_full_queue),
		cmocka_unit_test(defer_accept_over_accepts_without_data),
		cmocka_unit_test(defer_accept_of_a_client_lets_data_carry_the_ack),
		cmocka_unit_test(syncnt_ends_a_connect_early),
		cmocka_unit_test(linger2_shortens_fin_wait_2),
		cmocka_unit_test(linger2_negative_resets_instead_of_fin_wait_2),
		cmocka_unit_test(window_clamp_bounds_what_is_offered),
		cmocka_unit_test(window_clamp_is_at_least_half_the_least_buffer),
		cmocka_unit_test(window_clamp_below_a_segment_opens_the_window_after_it_was_full),
		cmocka_unit_test(ioctls_tell_the_queues),
		cmocka_unit_test(inq_tells_what_is_left),
		cmocka_unit_test(info_is_laid_out_as_linux_has_it),
		cmocka_unit_test(info_of_a_listener_tells_its_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
