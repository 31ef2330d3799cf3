/* SPDX-License-Identifier: MIT */
/* RFC 9293 §3.10.7: what each state does with each kind of segment. */
#include "tcp_fix.h"

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
	RST = TCP_F_RST,
	FIN = TCP_F_FIN,
};

#define NXT (f->irs + 1) /* what we expect from the peer */
#define UNA (f->iss + 1) /* what the peer expects from us */

static void send_str(struct tf *f, const char *text)
{
	assert_int_equal(tf_send(f->sk, text, strlen(text), 0), (ptrdiff_t)strlen(text));
}

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

/* Closed: nobody there */

static void closed_syn_is_reset_with_its_number_acknowledged(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = 7)), DROP_TCP_NO_SOCKET);
	got = tf_pop(f);
	assert_int_equal(got.flags, RST | ACK);
	assert_int_equal(got.seq, 0);
	assert_int_equal(got.ack, 8);
	tf_end(f);
}

static void closed_ack_is_reset_with_its_ack(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_rx(f, TSEG(.seq = 7, .ack = 99, .len = 5));
	got = tf_pop(f);
	assert_int_equal(got.flags, RST);
	assert_int_equal(got.seq, 99);
	tf_end(f);
}

static void closed_rst_is_not_answered(void **state UNUSED)
{
	struct tf *f = tf_new();

	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = RST, .seq = 7)), DROP_TCP_NO_SOCKET_RST);
	tf_assert_silent(f);
	tf_end(f);
}

static void segments_of_no_host_are_dropped_in_silence(void **state UNUSED)
{
	struct ip4_addr group4 = IP4_ADDR(224, 0, 0, 1), zero4 = IP4_ADDR_ANY,
			bcast4 = IP4_ADDR_BROADCAST;
	struct ip_addr group = ip_addr_from_ip4(&group4), zero = ip_addr_from_ip4(&zero4),
		       bcast = ip_addr_from_ip4(&bcast4);
	struct tf *f = tf_new();

	tf_close(tf_listen(&f->peer, TF_PORT, 1));
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .src = &group)), DROP_TCP_BAD_ADDR);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .src = &zero)), DROP_TCP_BAD_ADDR);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .src = &bcast)), DROP_TCP_BAD_ADDR);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .dst = &group)), DROP_TCP_BAD_ADDR);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .is_broadcast = true)),
			 DROP_TCP_BAD_ADDR);
	assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .bad_csum = true)), DROP_TCP_CSUM);
	tf_assert_silent(f);
	tf_end(f);
}

/* SYN-SENT */

static void connect_sends_a_syn_as_linux_does(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg syn;

	f->sk = tf_connect(&f->host, &f->peer.addr, TF_PEER_PORT);
	syn = tf_pop(f);
	assert_int_equal(syn.flags, SYN);
	assert_int_equal(syn.opts.mss, 1460);
	assert_true(syn.opts.sack_ok && syn.opts.has_ts && syn.opts.has_wscale);
	assert_int_equal(syn.opts.wscale, 10);
	assert_int_equal(syn.opts.ts_ecr, 0);
	assert_int_equal(syn.wnd, 65535);
	tf_end(f);
}

static void syn_sent_syn_ack_establishes(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_true(tf_events(f->sk) & SOCK_OUT);
	assert_int_equal(f->sk->err, 0);
	tf_end(f);
}

static void syn_sent_ack_of_something_else_is_reset(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_syn_sent(f);
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = f->iss));
	expect_rst(f, f->iss);
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = f->iss + 2));
	expect_rst(f, f->iss + 2);
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	tcp_conn_check(tf_conn(f));
	tf_end(f);
}

static void syn_sent_rst_with_our_ack_refuses(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_syn_sent(f);
	tf_rx(f, TSEG(.flags = RST, .seq = 0));
	tf_rx(f, TSEG(.flags = RST | ACK, .seq = 0, .ack = f->iss));
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	tf_rx(f, TSEG(.flags = RST | ACK, .seq = 0, .ack = f->iss + 1));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, ECONNREFUSED);
	assert_int_equal(tf_events(f->sk) & (SOCK_ERR | SOCK_HUP), SOCK_ERR | SOCK_HUP);
	tf_assert_silent(f);
	tf_end(f);
}

static void syn_sent_without_an_answer_gives_up_after_127_seconds(void **state UNUSED)
{
	struct tf *f = tf_new();
	int64_t start;

	tf_syn_sent(f);
	start = f->eng->now_ns;
	for (int i = 0; i < 6; i++) {
		fix_advance(f->eng, (int64_t)(1 << i) * SEC - 1);
		tf_assert_silent(f);
		fix_advance(f->eng, 1);
		assert_int_equal(tf_pop(f).flags, SYN);
	}
	fix_advance(f->eng, 64 * SEC - 1);
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	fix_advance(f->eng, 1);
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->eng->now_ns - start, 127 * SEC);
	assert_int_equal(f->sk->err, ETIMEDOUT);
	tf_assert_silent(f);
	tf_end(f);
}

static void syn_sent_syn_opens_simultaneously(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_syn_sent(f);
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs, .opts = {.has_mss = true, .mss = 1000}));
	tf_assert_state(f, WEFT_TCP_SYN_RECV);
	got = tf_pop(f);
	assert_int_equal(got.flags, SYN | ACK);
	assert_int_equal(got.seq, f->iss);
	assert_int_equal(got.ack, NXT);
	tf_rx(f, TSEG(.flags = SYN | ACK, .seq = f->irs, .ack = UNA));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	expect_ack(f, UNA, NXT);
	tf_end(f);
}

static void syn_rcvd_of_a_simultaneous_open_retransmits_and_takes_a_plain_ack(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_syn_sent(f);
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs));
	assert_int_equal(tf_pop(f).flags, SYN | ACK);
	fix_advance(f->eng, SEC);
	assert_int_equal(tf_pop(f).flags, SYN | ACK);
	tf_rx(f, TSEG(.seq = NXT, .ack = f->iss));
	expect_rst(f, f->iss);
	tf_assert_state(f, WEFT_TCP_SYN_RECV);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	tf_assert_silent(f);
	tf_end(f);
}

static void two_hosts_that_connect_to_each_other_meet(void **state UNUSED)
{
	struct tf *f = tf_pipe_new(&(struct tf_pipe){.delay_ns = 5 * MSEC}, 1);
	struct sock *a = tf_socket(&f->host), *b = tf_socket(&f->peer);
	char buf[8];

	assert_int_equal(tcp_proto.bind(a, &f->host.addr, 1000), 0);
	assert_int_equal(tcp_proto.bind(b, &f->peer.addr, 2000), 0);
	assert_int_equal(tcp_proto.connect(a, &f->peer.addr, 2000), -EINPROGRESS);
	assert_int_equal(tcp_proto.connect(b, &f->host.addr, 1000), -EINPROGRESS);
	fix_advance(f->eng, 20 * MSEC);
	assert_int_equal(tcp_conn_of(a)->state, WEFT_TCP_ESTABLISHED);
	assert_int_equal(tcp_conn_of(b)->state, WEFT_TCP_ESTABLISHED);
	assert_int_equal(tf_send(a, "hi", 2, 0), 2);
	fix_advance(f->eng, 10 * MSEC);
	assert_int_equal(tf_recv(b, buf, sizeof(buf), 0), 2);
	tf_close(a);
	tf_close(b);
	fix_advance(f->eng, 100 * SEC);
	tf_end(f);
}

static void connection_keeps_its_address_when_the_route_would_choose_another(void **state UNUSED)
{
	struct tf *f = tf_pipe_new(&(struct tf_pipe){.delay_ns = 5 * MSEC}, 1);
	struct ip4_addr other = IP4_ADDR(10, 0, 0, 9);
	struct sock *l = tf_listen(&f->peer, 2000, 1);
	struct sock *a = tf_connect(&f->host, &f->peer.addr, 2000), *b;
	struct ip_addr was = f->host.addr;
	char buf[8];

	fix_advance(f->eng, 20 * MSEC);
	b = tf_accept(l);
	assert_non_null(b);
	f->host.addr = ip_addr_from_ip4(&other);
	f->host.gen++; /* as after any change of routes or addresses */
	assert_int_equal(tf_send(a, "hi", 2, 0), 2);
	fix_advance(f->eng, 10 * MSEC);
	assert_true(ip_addr_eq(&a->conn.laddr, &was));
	assert_int_equal(tf_recv(b, buf, sizeof(buf), 0), 2);
	tf_close(a);
	tf_close(b);
	tf_close(l);
	fix_advance(f->eng, 100 * SEC);
	tf_end(f);
}

/* Found by the model test: an ACK brought the route up to date, but not the segment size. */
static void segments_fit_a_smaller_mtu_that_an_ack_has_met_first(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	f->host.netif.mtu = 1000;
	f->host.gen++;
	tf_rx(f, TSEG(.seq = f->irs + 1, .ack = f->iss + 1, .len = 10));
	assert_int_equal(tf_pop(f).len, 0);
	assert_int_equal(tf_send(f->sk, (char[3000]){0}, 3000, 0), 3000);
	fix_settle(f->eng);
	assert_in_range(tf_pop(f).gso, 1, 960);
	tf_ignore(f);
	tf_end(f);
}

/* Found by fuzzing: the probe was built by the old route, and sent by the new one. */
static void loss_probe_fits_a_smaller_mtu(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_send(f->sk, (char[1400]){0}, 1400, 0), 1400);
	fix_settle(f->eng);
	assert_int_equal(tf_pop(f).len, 1400);
	f->host.netif.mtu = 1000;
	f->host.gen++;
	fix_advance(f->eng, 300 * MSEC);
	assert_in_range(tf_pop(f).gso, 1, 960);
	tf_ignore(f);
	tf_end(f);
}

/* Found by the model test: memory that came back took the flag, and the writer was never called. */
static void writer_to_a_full_buffer_still_waits_when_memory_comes_back(void **state UNUSED)
{
	static const char data[100000];
	struct tf *f = tf_new();
	struct pool *pkts = &f->eng->pkts.pkts;
	uint32_t max = pkts->max_objs;
	struct pktq taken;

	tf_established(f);
	pkts->max_objs = pkts->n_objs;
	pktq_init(&taken);
	for (struct pkt *pkt; (pkt = pkt_alloc(&f->eng->pkts, 0));)
		pktq_push(&taken, pkt);
	while (tf_send(f->sk, data, sizeof(data), 0) > 0)
		;
	assert_true(tf_conn(f)->flags & TCPC_NOSPACE);
	assert_int_equal(tf_conn(f)->rexmt_kind, TCP_REXMT_MEM);
	pkts->max_objs = max;
	pktq_purge(&taken);
	fix_advance(f->eng, 100 * MSEC);
	assert_int_equal(tf_conn(f)->rexmt_kind, TCP_REXMT_RTO);
	assert_true(tf_conn(f)->flags & TCPC_NOSPACE);
	tf_ignore(f);
	tf_end(f);
}

static void bind_of_a_bound_socket_is_refused(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *sk = tf_socket(&f->host);

	assert_int_equal(tcp_proto.bind(sk, &f->host.addr, 1000), 0);
	assert_int_equal(tcp_proto.bind(sk, &f->host.addr, 1001), -EINVAL);
	assert_int_equal(sk->conn.lport, 1000);
	tf_close(sk);
	tf_end(f);
}

/* Synchronised states, all alike */

static void fin_wait_2(struct tf *f)
{
	tf_fin_wait_2(f);
}

static const struct {
	const char *name;
	void (*enter)(struct tf *f);
	uint32_t n_peer, n_us; /* numbers that FINs have used up */
} synced[] = {
	{"ESTABLISHED", tf_established, 0, 0}, {"FIN-WAIT-1", tf_fin_wait_1, 0, 1},
	{"FIN-WAIT-2", fin_wait_2, 0, 1},      {"CLOSE-WAIT", tf_close_wait, 1, 0},
	{"LAST-ACK", tf_last_ack, 1, 1},       {"CLOSING", tf_closing, 1, 1},
};

#define FOR_SYNCED(body)                                     \
	for (size_t s = 0; s < ARRAY_SIZE(synced); s++) {    \
		struct tf *f = tf_new();                     \
		uint32_t nxt UNUSED, snd UNUSED, una UNUSED; \
		synced[s].enter(f);                          \
		nxt = NXT + synced[s].n_peer;                \
		snd = UNA + synced[s].n_us;                  \
		una = tf_conn(f)->snd_una;                   \
		body;                                        \
		tf_end(f);                                   \
	}

static void synced_rst_at_the_edge_resets(void **state UNUSED)
{
	FOR_SYNCED({
		assert_int_equal(tf_rx_verdict(f, TSEG(.flags = RST, .seq = nxt)), DROP_NONE);
		tf_assert_state(f, WEFT_TCP_CLOSE);
		tf_assert_silent(f);
	});
}

static void synced_rst_in_the_window_is_challenged(void **state UNUSED)
{
	FOR_SYNCED({
		assert_int_equal(tf_rx_verdict(f, TSEG(.flags = RST, .seq = nxt + 1)),
				 DROP_TCP_RST_SEQ);
		expect_ack(f, snd, nxt);
	});
}

static void synced_rst_outside_the_window_is_ignored(void **state UNUSED)
{
	FOR_SYNCED({
		tf_rx(f, TSEG(.flags = RST, .seq = nxt - 1));
		tf_rx(f, TSEG(.flags = RST, .seq = nxt + 1000000));
		tf_assert_silent(f);
		assert_string_equal(tcp_state_name(tf_conn(f)->state), synced[s].name);
	});
}

static void synced_syn_is_challenged(void **state UNUSED)
{
	FOR_SYNCED({
		assert_int_equal(tf_rx_verdict(f, TSEG(.flags = SYN, .seq = nxt)),
				 DROP_TCP_SYN_IN_WINDOW);
		expect_ack(f, snd, nxt);
		assert_string_equal(tcp_state_name(tf_conn(f)->state), synced[s].name);
	});
}

static void synced_segment_without_ack_is_dropped(void **state UNUSED)
{
	FOR_SYNCED({
		assert_int_equal(tf_rx_verdict(f, TSEG(.flags = 0, .seq = nxt, .len = 1)),
				 DROP_TCP_NO_ACK);
		tf_assert_silent(f);
	});
}

static void synced_ack_of_unsent_data_is_answered(void **state UNUSED)
{
	FOR_SYNCED({
		assert_int_equal(tf_rx_verdict(f, TSEG(.seq = nxt, .ack = snd + 1)),
				 DROP_TCP_ACK_UNSENT);
		expect_ack(f, snd, nxt);
	});
}

static void synced_ack_from_long_ago_is_answered(void **state UNUSED)
{
	FOR_SYNCED({
		assert_int_equal(tf_rx_verdict(f, TSEG(.seq = nxt, .ack = una - 100000)),
				 DROP_TCP_ACK_OLD);
		expect_ack(f, snd, nxt);
	});
}

static void synced_data_outside_the_window_is_answered(void **state UNUSED)
{
	FOR_SYNCED({
		assert_int_equal(tf_rx_verdict(f, TSEG(.seq = nxt + 100000, .ack = una, .len = 1)),
				 DROP_TCP_WINDOW);
		expect_ack(f, snd, nxt);
		assert_int_equal(tf_rx_verdict(f, TSEG(.seq = nxt - 1, .ack = una, .len = 1)),
				 DROP_TCP_OLD_SEQ);
		expect_ack(f, snd, nxt);
	});
}

static void synced_challenge_acks_are_limited(void **state UNUSED)
{
	FOR_SYNCED({
		for (int i = 0; i < 100; i++)
			tf_rx(f, TSEG(.flags = SYN, .seq = nxt));
		assert_int_equal(tf_n_sent(f), 1);
		tf_ignore(f);
	});
}

/* Closing, in every order */

static void established_fin_moves_to_close_wait_and_is_acknowledged(void **state UNUSED)
{
	struct tf *f = tf_new();
	char c;

	tf_established(f);
	tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT, .ack = UNA, .len = 2, .data = "ab"));
	expect_ack(f, UNA, NXT + 3);
	tf_assert_state(f, WEFT_TCP_CLOSE_WAIT);
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), 1);
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), 1);
	assert_int_equal(c, 'b');
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), 0);
	assert_int_equal(tf_events(f->sk) & (SOCK_IN | SOCK_RDHUP | SOCK_OUT | SOCK_HUP),
			 SOCK_IN | SOCK_RDHUP | SOCK_OUT);
	tf_end(f);
}

static void close_wait_still_sends(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_close_wait(f);
	send_str(f, "bye");
	got = tf_pop(f);
	assert_int_equal(got.len, 3);
	tf_rx(f, TSEG(.seq = NXT + 1, .ack = UNA + 3));
	assert_int_equal(tcp_proto.shutdown(f->sk, false, true), 0);
	assert_int_equal(tf_pop(f).seq, UNA + 3);
	tf_assert_state(f, WEFT_TCP_LAST_ACK);
	tf_rx(f, TSEG(.seq = NXT + 1, .ack = UNA + 4));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	tf_end(f);
}

static void fin_wait_2_receives_until_the_fin_then_waits(void **state UNUSED)
{
	struct tf *f = tf_new();
	char buf[8];

	tf_fin_wait_2(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1, .len = 2, .data = "hi"));
	tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT + 2, .ack = UNA + 1));
	tf_ignore(f);
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	assert_int_equal(tf_recv(f->sk, buf, sizeof(buf), 0), 2);
	assert_int_equal(tf_recv(f->sk, buf, sizeof(buf), 0), 0);
	/* the FIN again: acknowledged again, and the wait starts anew */
	fix_advance(f->eng, 59 * SEC);
	tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT + 2, .ack = UNA + 1));
	assert_int_equal(tf_pop(f).ack, NXT + 3);
	fix_advance(f->eng, 59 * SEC);
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	fix_advance(f->eng, 2 * SEC);
	assert_int_equal(f->host.st->tcp->n_tw, 0);
	tf_end(f);
}

static void fin_wait_1_fin_and_ack_together_go_to_time_wait(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT, .ack = UNA + 1));
	assert_int_equal(tf_pop(f).ack, NXT + 1);
	tf_assert_silent(f);
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	tf_end(f);
}

static void closing_ack_goes_to_time_wait(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_closing(f);
	tf_rx(f, TSEG(.seq = NXT + 1, .ack = UNA + 1));
	tf_assert_silent(f);
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	tf_end(f);
}

static void last_ack_ack_closes(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_last_ack(f);
	tf_rx(f, TSEG(.seq = NXT + 1, .ack = UNA + 1));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->host.st->tcp->n_tw, 0);
	tf_assert_silent(f);
	tf_end(f);
}

static void time_wait_ignores_resets_and_reopens_for_a_newer_syn(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l;
	struct tseg sa;
	uint32_t snd = 0;

	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT, .ack = UNA + 1));
	tf_ignore(f);
	snd = UNA + 1;
	tf_close(f->sk);
	f->sk = NULL;
	l = tf_listen(&f->host, TF_PORT, 2);
	tf_rx(f, TSEG(.flags = RST, .seq = NXT + 1));
	assert_int_equal(f->host.st->tcp->n_tw, 1);
	tf_rx(f, TSEG(.flags = SYN, .seq = NXT)); /* not newer */
	assert_int_equal(tf_pop(f).flags, ACK);
	tf_rx(f, TSEG(.flags = SYN, .seq = NXT + 100));
	sa = tf_pop(f);
	assert_int_equal(sa.flags, SYN | ACK);
	assert_true(seq_gt(sa.seq, snd));
	assert_int_equal(f->host.st->tcp->n_tw, 0);
	tf_close(l);
	tf_end(f);
}

static void time_wait_entries_are_bounded(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->host.st->tcp->conf.max_tw_buckets = 0;
	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.flags = FIN | ACK, .seq = NXT, .ack = UNA + 1));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->host.st->tcp->n_tw, 0);
	tf_end(f);
}

static void close_with_unread_data_resets(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 5));
	tf_ignore(f);
	tf_close(f->sk);
	f->sk = NULL;
	expect_rst(f, UNA);
	tf_end(f);
}

static void linger_zero_resets(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	f->sk->flags |= SOCK_F_LINGER;
	tf_close(f->sk);
	f->sk = NULL;
	expect_rst(f, UNA);
	tf_end(f);
}

static void data_after_close_is_reset(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_close(f->sk);
	f->sk = NULL;
	assert_int_equal(tf_pop(f).flags, FIN | ACK);
	assert_int_equal(tf_rx_verdict(f, TSEG(.seq = NXT, .ack = UNA + 1, .len = 1)),
			 DROP_TCP_CLOSED);
	expect_rst(f, UNA + 1);
	tf_end(f);
}

static void closed_fin_wait_2_ends_after_a_minute(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_close(f->sk);
	f->sk = NULL;
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	tf_ignore(f);
	fix_advance(f->eng, 59 * SEC);
	assert_false(list_is_empty(&f->host.st->socks->all));
	fix_advance(f->eng, 2 * SEC);
	assert_true(list_is_empty(&f->host.st->socks->all));
	tf_assert_silent(f);
	tf_end(f);
}

static void reset_reports_connreset_then_epipe(void **state UNUSED)
{
	struct tf *f = tf_new();
	char c;

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1));
	tf_ignore(f);
	tf_rx(f, TSEG(.flags = RST, .seq = NXT + 1));
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), 1); /* what came before can be read */
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), -ECONNRESET);
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), 0);
	assert_int_equal(tf_send(f->sk, &c, 1, 0), -EPIPE);
	tf_end(f);
}

static void icmp_unreachable_fails_connect_only(void **state UNUSED)
{
	uint8_t quote[8];
	struct icmp_err err = {.err = EHOSTUNREACH};
	struct tf *f = tf_new();

	tf_syn_sent(f);
	err.src = f->host.addr;
	err.dst = f->peer.addr;
	store_be16(quote, TF_PORT);
	store_be16(quote + 2, TF_PEER_PORT);
	store_be32(quote + 4, f->iss + 5); /* not in flight: forged */
	tcp_error(f->host.st, &err, quote, sizeof(quote));
	tf_assert_state(f, WEFT_TCP_SYN_SENT);
	store_be32(quote + 4, f->iss);
	tcp_error(f->host.st, &err, quote, sizeof(quote));
	tf_assert_state(f, WEFT_TCP_CLOSE);
	assert_int_equal(f->sk->err, EHOSTUNREACH);
	tf_close(f->sk);

	tf_established(f);
	send_str(f, "x");
	tf_ignore(f);
	store_be32(quote + 4, UNA);
	tcp_error(f->host.st, &err, quote, sizeof(quote));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	assert_int_equal(f->sk->err, 0);
	fix_advance(f->eng, 2000 * SEC);
	assert_int_equal(f->sk->err, EHOSTUNREACH);
	tf_end(f);
}

static void connect_errors_come_from_the_route_and_the_state(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct ip4_addr group4 = IP4_ADDR(224, 0, 0, 1);
	struct ip_addr group = ip_addr_from_ip4(&group4);

	f->sk = tf_socket(&f->host);
	assert_int_equal(tcp_proto.connect(f->sk, &group, 1), -ENETUNREACH);
	f->host.route_err = -EHOSTUNREACH;
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, 1), -EHOSTUNREACH);
	f->host.route_err = 0;
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, 1), -EINPROGRESS);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, 1), -EALREADY);
	tf_ignore(f);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_syn_is_reset_with_its_number_acknowledged),
		cmocka_unit_test(closed_ack_is_reset_with_its_ack),
		cmocka_unit_test(closed_rst_is_not_answered),
		cmocka_unit_test(segments_of_no_host_are_dropped_in_silence),
		cmocka_unit_test(connect_sends_a_syn_as_linux_does),
		cmocka_unit_test(syn_sent_syn_ack_establishes),
		cmocka_unit_test(syn_sent_ack_of_something_else_is_reset),
		cmocka_unit_test(syn_sent_rst_with_our_ack_refuses),
		cmocka_unit_test(syn_sent_without_an_answer_gives_up_after_127_seconds),
		cmocka_unit_test(syn_sent_syn_opens_simultaneously),
		cmocka_unit_test(syn_rcvd_of_a_simultaneous_open_retransmits_and_takes_a_plain_ack),
		cmocka_unit_test(two_hosts_that_connect_to_each_other_meet),
		cmocka_unit_test(connection_keeps_its_address_when_the_route_would_choose_another),
		cmocka_unit_test(segments_fit_a_smaller_mtu_that_an_ack_has_met_first),
		cmocka_unit_test(loss_probe_fits_a_smaller_mtu),
		cmocka_unit_test(writer_to_a_full_buffer_still_waits_when_memory_comes_back),
		cmocka_unit_test(bind_of_a_bound_socket_is_refused),
		cmocka_unit_test(synced_rst_at_the_edge_resets),
		cmocka_unit_test(synced_rst_in_the_window_is_challenged),
		cmocka_unit_test(synced_rst_outside_the_window_is_ignored),
		cmocka_unit_test(synced_syn_is_challenged),
		cmocka_unit_test(synced_segment_without_ack_is_dropped),
		cmocka_unit_test(synced_ack_of_unsent_data_is_answered),
		cmocka_unit_test(synced_ack_from_long_ago_is_answered),
		cmocka_unit_test(synced_data_outside_the_window_is_answered),
		cmocka_unit_test(synced_challenge_acks_are_limited),
		cmocka_unit_test(established_fin_moves_to_close_wait_and_is_acknowledged),
		cmocka_unit_test(close_wait_still_sends),
		cmocka_unit_test(fin_wait_2_receives_until_the_fin_then_waits),
		cmocka_unit_test(fin_wait_1_fin_and_ack_together_go_to_time_wait),
		cmocka_unit_test(closing_ack_goes_to_time_wait),
		cmocka_unit_test(last_ack_ack_closes),
		cmocka_unit_test(time_wait_ignores_resets_and_reopens_for_a_newer_syn),
		cmocka_unit_test(time_wait_entries_are_bounded),
		cmocka_unit_test(close_with_unread_data_resets),
		cmocka_unit_test(linger_zero_resets),
		cmocka_unit_test(data_after_close_is_reset),
		cmocka_unit_test(closed_fin_wait_2_ends_after_a_minute),
		cmocka_unit_test(reset_reports_connreset_then_epipe),
		cmocka_unit_test(icmp_unreachable_fails_connect_only),
		cmocka_unit_test(connect_errors_come_from_the_route_and_the_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
