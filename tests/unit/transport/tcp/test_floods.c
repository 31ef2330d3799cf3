/* SPDX-License-Identifier: MIT */
/*
 * Floods of what a stranger can send: memory stays within its bound, answers within their limit,
 * and the connection goes on (doc/tcp-connection.md, "Bounds"). Each kind N times; WEFT_TEST_FLOOD
 * sets another number.
 */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	SYN = TCP_F_SYN,
	ACK = TCP_F_ACK,
	RST = TCP_F_RST,
	FLOOD = 100000,
	BACKLOG = 256,
};

static uint32_t flood_size(void)
{
	const char *env = getenv("WEFT_TEST_FLOOD");

	return env ? (uint32_t)strtoul(env, NULL, 10) : FLOOD;
}

/* An established connection, what it holds in memory, and what it answers to `n` segments. */
struct flood {
	struct tf *f;
	uint64_t n_bytes;
	uint32_t n_answers;
};

static struct flood flood_start(void)
{
	struct flood fl = {.f = tf_new()};

	tf_established(fl.f);
	fl.n_bytes = fl.f->eng->mem.n_bytes;
	return fl;
}

/* A millisecond for each hundred segments: 100,000 a second. */
static void flood_rx(struct flood *fl, uint32_t i, const struct tseg *seg)
{
	tf_rx(fl->f, seg);
	fl->n_answers += tf_n_sent(fl->f);
	pktq_purge(&fl->f->host.sent);
	if (i % 100 == 99)
		fix_advance(fl->f->eng, MSEC);
}

/* The stream still runs. */
static void flood_end(struct flood *fl, uint64_t more_bytes, uint32_t max_answers)
{
	struct tf *f = fl->f;
	char buf[8];

	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	assert_true(f->eng->mem.n_bytes <= fl->n_bytes + more_bytes);
	assert_true(fl->n_answers <= max_answers);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = tf_conn(f)->rcv_nxt, .ack = UNA, .len = 2, .data = "ok"));
	assert_true(tf_recv(f->sk, buf, sizeof(buf), 0) >= 2);
	tf_ignore(f);
	tf_end(f);
}

static uint32_t per_half_second(uint32_t n)
{
	return n / 100 / 500 + 2;
}

static void resets_in_and_out_of_window(void **state UNUSED)
{
	struct flood fl = flood_start();
	struct tf *f = fl.f;
	uint32_t n = flood_size();

	for (uint32_t i = 0; i < n; i++)
		flood_rx(&fl, i, TSEG(.flags = RST, .seq = NXT + 1 + i * 7919));
	flood_end(&fl, 0, per_half_second(n));
}

static void syns_on_a_connection(void **state UNUSED)
{
	struct flood fl = flood_start();
	struct tf *f = fl.f;
	uint32_t n = flood_size();

	for (uint32_t i = 0; i < n; i++)
		flood_rx(&fl, i, TSEG(.flags = SYN, .seq = NXT + i * 7919));
	flood_end(&fl, 0, per_half_second(n));
}

static void acks_of_what_was_and_was_not_sent(void **state UNUSED)
{
	struct flood fl = flood_start();
	struct tf *f = fl.f;
	uint32_t n = flood_size();

	for (uint32_t i = 0; i < n; i++)
		flood_rx(&fl, i, TSEG(.seq = NXT, .ack = UNA + 1 + i * 104729));
	flood_end(&fl, 0, per_half_second(n));
}

/* An answer each, since the peer may have to learn where we are; never more. */
static void data_out_of_window(void **state UNUSED)
{
	struct flood fl = flood_start();
	struct tf *f = fl.f;
	uint32_t n = flood_size();

	for (uint32_t i = 0; i < n; i++)
		flood_rx(&fl, i, TSEG(.seq = NXT + 1000000 + i, .ack = UNA, .len = 10));
	flood_end(&fl, 0, n);
}

static void overlapping_segments_out_of_order(void **state UNUSED)
{
	struct flood fl = flood_start();
	struct tf *f = fl.f;
	struct prng prng = {.x = 5};
	uint32_t n = flood_size(), most;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t off = 1 + (uint32_t)prng_below(&prng, 60000);

		flood_rx(&fl, i,
			 TSEG(.seq = NXT + off, .ack = UNA,
			      .len = 1 + (uint32_t)prng_below(&prng, i % 2 ? 3 : 300)));
		assert_true(!tf_conn(f)->reasm || tf_conn(f)->reasm->n <= TCP_REASM_RUNS_MAX);
		most = 2 * f->sk->rcvbuf_bytes + 64 * 1024 + 4096;
		assert_true(tf_conn(f)->rcv_truesize <= most);
	}
	/* Single bytes with gaps: as many runs as there may be. */
	for (uint32_t i = 0; i < 5000; i++)
		flood_rx(&fl, i, TSEG(.seq = NXT + 1 + 2 * i, .ack = UNA, .len = 1));
	tf_conn(f)->rcv_adv = seq_max(tf_conn(f)->rcv_adv, tf_conn(f)->rcv_nxt + 10);
	/* A byte too many arrived, so the stream goes on behind all of it. */
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1400));
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	assert_true(tf_conn(f)->rcvq.n_bytes >= 1400);
	tf_ignore(f);
	tf_end(f);
}

static void icmp_errors_right_and_wrong(void **state UNUSED)
{
	struct flood fl = flood_start();
	struct tf *f = fl.f;
	uint32_t n = flood_size();
	uint8_t quote[8];

	assert_int_equal(tf_send(f->sk, "x", 1, 0), 1);
	tf_ignore(f);
	fl.n_bytes = f->eng->mem.n_bytes;
	store_be16(quote, TF_PORT);
	store_be16(quote + 2, TF_PEER_PORT);
	for (uint32_t i = 0; i < n; i++) {
		struct icmp_err err = {.src = f->host.addr,
				       .dst = f->peer.addr,
				       .err = i % 3 ? ECONNREFUSED : EMSGSIZE,
				       .is_hard = i % 3,
				       .mtu = i % 3 ? 0 : 68 + i % 2000};

		store_be32(quote + 4, UNA + (i % 2 ? i * 7919 : 0));
		tcp_error(f->host.st, &err, quote, sizeof(quote));
	}
	fix_settle(f->eng);
	/* One retransmission for a smaller segment at most, whatever number of errors. */
	assert_true(tf_n_sent(f) <= 1);
	assert_true(tf_conn(f)->mss >= 552 - 40);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 1));
	tf_ignore(f);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
	assert_true(f->eng->mem.n_bytes <= fl.n_bytes);
	tf_end(f);
}

static void syns_of_strangers(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *l = tf_listen(&f->host, TF_PORT, 2);
	uint32_t n = flood_size();
	struct flood fl = {.f = f};
	struct tseg sa;

	f->host.st->tcp->conf.max_syn_backlog = BACKLOG;
	for (uint32_t i = 0; i < n; i++) {
		struct ip4_addr from4 =
			IP4_ADDR(100, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
		struct ip_addr from = ip_addr_from_ip4(&from4);

		flood_rx(&fl, i, TSEG(.flags = SYN, .seq = i * 7919, .src = &from));
		if (i == BACKLOG)
			fl.n_bytes = f->eng->mem.n_bytes;
	}
	assert_true(f->eng->mem.n_bytes <= fl.n_bytes + 4096);
	assert_true(tcp_conn_of(l)->listen->n_reqs <= BACKLOG);
	/* Somebody real: one SYN, one answer, one ACK. */
	tf_ignore(f);
	tf_rx(f, TSEG(.flags = SYN, .seq = f->irs, .opts = {.has_mss = true, .mss = 1460}));
	sa = tf_pop(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = sa.seq + 1));
	f->sk = tf_accept(l);
	assert_non_null(f->sk);
	tf_close(l);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_in_and_out_of_window),
		cmocka_unit_test(syns_on_a_connection),
		cmocka_unit_test(acks_of_what_was_and_was_not_sent),
		cmocka_unit_test(data_out_of_window),
		cmocka_unit_test(overlapping_segments_out_of_order),
		cmocka_unit_test(icmp_errors_right_and_wrong),
		cmocka_unit_test(syns_of_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
