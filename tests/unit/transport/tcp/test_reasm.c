/* SPDX-License-Identifier: MIT */
/* The out-of-order queue against a naive twin: an array of bytes. */
#include "tcp_fix.h"

enum {
	SPAN = 4000, /* numbers in play */
	ROUNDS = 200,
	SEGS = 300,
};

static struct pkt *data_pkt(struct tf *f, uint32_t base, uint32_t off, uint32_t len, bool fin)
{
	struct pkt *pkt = pkt_alloc(&f->eng->pkts, len);
	uint8_t *p;

	assert_non_null(pkt);
	p = pkt_put(pkt, len);
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)((off + i) * 31 >> 3);
	pkt->tcp.seq = base + off;
	pkt->tcp.end_seq = base + off + len + fin;
	pkt->tcp.flags = fin ? TCP_F_FIN : 0;
	return pkt;
}

/* The blocks of the twin's gaps equal the queue's runs. */
static void compare_runs(const struct tcp_conn *conn, const bool *have, uint32_t base)
{
	const struct tcp_reasm *r = conn->reasm;
	uint32_t n = 0;

	for (uint32_t i = 0; i < SPAN; i++) {
		bool starts = have[i] && (i == 0 || !have[i - 1]);

		if (!starts)
			continue;
		assert_non_null(r);
		assert_true(n < r->n);
		assert_int_equal(r->runs[n].seq, base + i);
		while (i < SPAN && have[i])
			i++;
		assert_int_equal(r->runs[n].end_seq, base + i);
		n++;
	}
	assert_int_equal(r ? r->n : 0, n);
}

static void check_blocks(const struct tcp_conn *conn, uint32_t newest)
{
	struct tcp_sack_block b[TCP_SACK_MAX];
	uint8_t n = tcp_reasm_blocks(conn, b, TCP_SACK_MAX);

	if (!conn->reasm)
		return;
	assert_true(n > 0);
	/* RFC 2018 §4: the first block holds the segment that came last. */
	assert_true(seq_leq(b[0].start, newest) && seq_lt(newest, b[0].end));
	for (uint8_t i = 0; i < n; i++)
		for (uint8_t j = 0; j < i; j++)
			assert_int_not_equal(b[i].start, b[j].start);
}

static void one_round(struct tf *f, struct prng *prng)
{
	struct tcp_conn *conn = tf_conn(f);
	uint32_t base = conn->rcv_nxt, read = 0;
	bool have[SPAN] = {false}; /* [0] is never there: rcv_nxt stays */
	static uint8_t buf[SPAN];

	for (int s = 0; s < SEGS; s++) {
		uint32_t off = 1 + (uint32_t)prng_below(prng, SPAN - 301);
		uint32_t len = 1 + (uint32_t)prng_below(prng, 300);
		struct pkt *pkt = data_pkt(f, base, off, len, false);
		enum drop why = tcp_reasm_add(conn, pkt);

		assert_true(why == DROP_NONE || why == DROP_TCP_OLD_SEQ);
		for (uint32_t i = off; i < off + len; i++) {
			assert_true(why == DROP_NONE || have[i]);
			have[i] = true;
		}
		compare_runs(conn, have, base);
		check_blocks(conn, base + off);
		tf_check(&f->host);
	}
	/* Fill from the front: everything that touches comes out. */
	while (read < SPAN) {
		uint32_t start = conn->rcv_nxt - base;
		struct weft_iovec iov = {.base = buf + read, .len = sizeof(buf) - read};
		struct sock_msg msg = {.iov = &iov, .n_iov = 1, .n_bytes = iov.len};

		if (start < SPAN && !have[start]) {
			tcp_rcvq_push(conn, data_pkt(f, base, start, 1, false));
			conn->rcv_nxt++;
		}
		assert_false(tcp_reasm_drain(conn));
		read += (uint32_t)tcp_rcvq_read(conn, &msg, false, 0, UINT32_MAX);
	}
	for (uint32_t i = 0; i < SPAN; i++)
		assert_int_equal(buf[i], (uint8_t)(i * 31 >> 3));
	assert_null(conn->reasm);
	assert_int_equal(conn->rcv_truesize, 0);
	conn->rcv_adv = seq_max(conn->rcv_adv, conn->rcv_nxt);
	conn->rcv_wup = conn->rcv_nxt;
}

static void any_order_of_segments_equals_the_naive_twin(void **state UNUSED)
{
	struct prng prng = prng_make();
	struct tf *f = tf_new();

	f->irs = 0xffffff00u - 1; /* wraps in the first round */
	tf_established(f);
	for (int i = 0; i < ROUNDS / 10; i++)
		one_round(f, &prng);
	tf_end(f);
}

static void runs_are_bounded_and_the_bound_still_joins(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_conn *conn;
	uint32_t base, n = 0;
	struct pkt *pkt;

	tf_established(f);
	conn = tf_conn(f);
	base = conn->rcv_nxt;
	for (; n < TCP_REASM_RUNS_MAX; n++)
		assert_int_equal(tcp_reasm_add(conn, data_pkt(f, base, 2 * n + 1, 1, false)),
				 DROP_NONE);
	pkt = data_pkt(f, base, 2 * n + 1, 1, false);
	assert_int_equal(tcp_reasm_add(conn, pkt), DROP_TCP_REASM);
	pkt_free(pkt);
	/* What fills a hole needs no run of its own. */
	assert_int_equal(tcp_reasm_add(conn, data_pkt(f, base, 2, 1, false)), DROP_NONE);
	assert_int_equal(conn->reasm->n, TCP_REASM_RUNS_MAX - 1);
	tcp_reasm_purge(conn);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_segments_equals_the_naive_twin),
		cmocka_unit_test(runs_are_bounded_and_the_bound_still_joins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
