/* SPDX-License-Identifier: MIT */
/*
 * The records of what is in flight against a naive twin, which knows of each number when it was
 * sent last and what became of it.
 */
#include "tcp_fix.h"

enum {
	SPAN = 20000, /* numbers of a round */
	ROUNDS = 60,
	STEPS = 200,
};

struct twin {
	uint32_t base, una, nxt; /* una, nxt: within the arrays */
	int64_t tx_ns[SPAN];
	uint8_t flags[SPAN];
	uint32_t n_delivered; /* numbers that arrived, as the ACKs of this step should tell */
};

static const struct tcp_txrec *record_of(struct tcp_conn *conn, uint32_t seq)
{
	struct tcp_txq *q = conn->txq;
	uint32_t i = tcp_txq_find(q, seq);

	assert_true(i < q->n);
	return tcp_txq_at(q, i);
}

/* Times of what is held are nobody's business. */
static void compare(struct tcp_conn *conn, const struct twin *t)
{
	uint32_t held = 0, lost = 0, again = 0, seq, end;
	bool is_due = false;

	tcp_txq_check(conn);
	for (uint32_t i = t->una; i < t->nxt;) {
		const struct tcp_txrec *r = record_of(conn, t->base + i);

		assert_true(seq_leq(r->seq, t->base + i));
		for (; i < r->end - t->base; i++) {
			assert_int_equal(r->flags & 7, t->flags[i]);
			if (!(t->flags[i] & TXR_HELD))
				assert_int_equal(r->tx_ns, t->tx_ns[i]);
			held += !!(t->flags[i] & TXR_HELD);
			lost += !!(t->flags[i] & TXR_LOST);
			again += !!(t->flags[i] & TXR_AGAIN);
			if (t->flags[i] != TXR_LOST || is_due)
				continue;
			is_due = true;
			assert_true(tcp_txq_next_lost(conn, &seq, &end));
			assert_int_equal(seq, t->base + i);
		}
	}
	if (!is_due)
		assert_false(tcp_txq_next_lost(conn, &seq, &end));
	if (t->una == t->nxt) {
		assert_null(conn->txq);
		return;
	}
	assert_int_equal(conn->txq->held_bytes, held);
	assert_int_equal(conn->txq->lost_bytes, lost);
	assert_int_equal(conn->txq->again_bytes, again);
}

static void send_new(struct tf *f, struct twin *t)
{
	struct tcp_conn *conn = tf_conn(f);
	uint32_t n_segs = 1 + (uint32_t)prng_below(&f->prng, 5);
	uint32_t len = n_segs * conn->mss;

	if (prng_below(&f->prng, 3) == 0)
		len -= (uint32_t)prng_below(&f->prng, conn->mss);
	if (t->nxt + len > SPAN)
		return;
	assert_true(tcp_txq_open(conn));
	tcp_txq_sent(conn, len, n_segs);
	conn->snd_nxt = conn->snd_end = conn->snd_nxt + len;
	for (uint32_t i = t->nxt; i < t->nxt + len; i++) {
		t->flags[i] = 0;
		t->tx_ns[i] = f->eng->now_ns;
	}
	t->nxt += len;
}

static void send_again(struct tf *f, struct twin *t)
{
	uint32_t seq, end, len;

	if (!tcp_txq_next_lost(tf_conn(f), &seq, &end))
		return;
	len = 1 + (uint32_t)prng_below(&f->prng, end - seq);
	tcp_txq_again(tf_conn(f), seq, len);
	for (uint32_t i = seq - t->base; i < seq - t->base + len; i++) {
		assert_int_equal(t->flags[i], TXR_LOST);
		t->flags[i] |= TXR_AGAIN;
		t->tx_ns[i] = f->eng->now_ns;
	}
}

static void lose_one(struct tf *f, struct twin *t)
{
	struct tcp_txq *q = tf_conn(f)->txq;
	uint32_t i = (uint32_t)prng_below(&f->prng, q->n);
	struct tcp_txrec *r = tcp_txq_at(q, i);

	if (r->flags & TXR_HELD)
		return;
	for (uint32_t k = r->seq - t->base; k < r->end - t->base; k++)
		t->flags[k] = TXR_LOST;
	tcp_txq_lose(tf_conn(f), i);
}

static void lose_below(struct tf *f, struct twin *t)
{
	uint32_t end = t->una + 1 + (uint32_t)prng_below(&f->prng, t->nxt - t->una);

	tcp_txq_lose_below(tf_conn(f), t->base + end);
	for (uint32_t i = t->una; i < end; i++)
		if (!(t->flags[i] & (TXR_HELD | TXR_LOST)))
			t->flags[i] = (uint8_t)(TXR_LOST);
}

static void lose_or_find_all(struct tf *f, struct twin *t, bool are_lost)
{
	if (are_lost)
		tcp_txq_lose_all(tf_conn(f));
	else
		tcp_txq_unlose_all(tf_conn(f));
	for (uint32_t i = t->una; i < t->nxt; i++)
		if (!(t->flags[i] & TXR_HELD))
			t->flags[i] = are_lost ? TXR_LOST : 0;
}

static void hold(struct tf *f, struct twin *t)
{
	struct tcp_ack_event ev = {.acked_bytes = 0};
	uint32_t start, end, n_new = 0;

	if (t->nxt - t->una < 3)
		return;
	start = t->una + 1 + (uint32_t)prng_below(&f->prng, t->nxt - t->una - 2);
	end = start + 1 + (uint32_t)prng_below(&f->prng, t->nxt - start);
	if (end - start > 3000)
		end = start + 3000;
	for (uint32_t i = start; i < end; i++) {
		n_new += !(t->flags[i] & TXR_HELD);
		t->flags[i] = TXR_HELD;
	}
	assert_int_equal(tcp_txq_hold(tf_conn(f), t->base + start, t->base + end, &ev), n_new);
}

static void acknowledge(struct tf *f, struct twin *t)
{
	struct tcp_conn *conn = tf_conn(f);
	struct tcp_ack_event ev = {.acked_bytes = 0};
	uint32_t una = t->una + 1 + (uint32_t)prng_below(&f->prng, t->nxt - t->una);
	bool reneges = una < t->nxt && (t->flags[una] & TXR_HELD);

	conn->snd_una = t->base + una;
	t->una = una;
	assert_int_equal(tcp_txq_ack(conn, &ev), !reneges);
	for (uint32_t i = una; reneges && i < t->nxt; i++)
		if (t->flags[i] & TXR_HELD) {
			t->flags[i] = 0;
			t->tx_ns[i] = record_of(conn, t->base + i)->tx_ns;
		}
}

static void step(struct tf *f, struct twin *t)
{
	uint64_t what = prng_below(&f->prng, 40);

	if (prng_below(&f->prng, 2))
		f->eng->now_ns += 1000;
	if (what < 14 || t->una == t->nxt)
		send_new(f, t);
	else if (what < 22)
		hold(f, t);
	else if (what < 27)
		lose_one(f, t);
	else if (what < 29)
		lose_below(f, t);
	else if (what < 34)
		send_again(f, t);
	else if (what < 36)
		lose_or_find_all(f, t, what == 35);
	else
		acknowledge(f, t);
}

static void records_equal_the_naive_twin(void **state UNUSED)
{
	struct tf *f = tf_new();
	static struct twin t;
	struct tcp_conn *conn;

	tf_established(f);
	assert_non_null(tcp_sender_get(tf_conn(f)));
	f->prng = prng_make();
	conn = tf_conn(f);
	for (int round = 0; round < ROUNDS; round++) {
		t = (struct twin){.base = 0u - (uint32_t)prng_below(&f->prng, SPAN)};
		conn->mss = (uint16_t)(50 + prng_below(&f->prng, 300));
		conn->snd_una = conn->snd_nxt = conn->snd_end = t.base;
		for (int i = 0; i < STEPS; i++) {
			step(f, &t);
			compare(conn, &t);
		}
		tcp_txq_free(conn);
	}
	conn->snd_una = conn->snd_nxt = conn->snd_end = UINT32_C(7);
	tf_end(f);
}

/* A peer that holds every second byte makes as many records as there may be, and no more. */
static void records_are_bounded_and_the_bound_is_survived(void **state UNUSED)
{
	struct tcp_ack_event ev = {.acked_bytes = 0};
	struct tf *f = tf_new();
	struct tcp_conn *conn;
	uint32_t base, n = 3 * TCP_TXQ_MAX, seq, end;

	tf_established(f);
	assert_non_null(tcp_sender_get(tf_conn(f)));
	conn = tf_conn(f);
	base = conn->snd_una;
	assert_true(tcp_txq_open(conn));
	tcp_txq_sent(conn, n, n / conn->mss + 1);
	conn->snd_nxt = conn->snd_end = base + n;
	for (uint32_t i = 1; i + 1 < n; i += 2) {
		(void)tcp_txq_hold(conn, base + i, base + i + 1, &ev);
		if (i % 1000 == 1)
			tcp_txq_check(conn);
	}
	assert_int_equal(conn->txq->n, TCP_TXQ_MAX);
	/* New segments go on, and what is lost is sent again, if not with the same exactness. */
	for (int i = 0; i < 5; i++) {
		f->eng->now_ns += 1000;
		tcp_txq_sent(conn, 100, 1);
		conn->snd_nxt = conn->snd_end = conn->snd_nxt + 100;
		tcp_txq_check(conn);
	}
	tcp_txq_lose_all(conn);
	while (tcp_txq_next_lost(conn, &seq, &end)) {
		tcp_txq_again(conn, seq, 1);
		tcp_txq_check(conn);
	}
	/* What is counted to a segment sent again is sent again, also when it is cut off later. */
	end = conn->snd_nxt;
	tcp_txq_sent(conn, 100, 1);
	conn->snd_nxt = conn->snd_end = conn->snd_nxt + 100;
	conn->snd_una = base + 100;
	assert_true(tcp_txq_ack(conn, &ev));
	(void)tcp_txq_hold(conn, end + 10, end + 20, &ev);
	tcp_txq_check(conn);
	conn->snd_una = conn->snd_nxt;
	assert_true(tcp_txq_ack(conn, &ev));
	assert_null(conn->txq);
	tf_end(f);
}

static void ten_super_packets_of_one_instant_are_one_record(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tcp_conn *conn;

	tf_established(f);
	assert_non_null(tcp_sender_get(tf_conn(f)));
	conn = tf_conn(f);
	assert_true(tcp_txq_open(conn));
	for (int i = 0; i < 10; i++) {
		tcp_txq_sent(conn, 40u * conn->mss, 40);
		conn->snd_nxt = conn->snd_end = conn->snd_nxt + 40u * conn->mss;
	}
	assert_int_equal(conn->txq->n, 1);
	assert_int_equal(tcp_txq_at(conn->txq, 0)->n_segs, 400);
	/* A segment that is not full stays the last of its record: its end is known. */
	tcp_txq_sent(conn, 10, 1);
	conn->snd_nxt = conn->snd_end = conn->snd_nxt + 10;
	tcp_txq_sent(conn, conn->mss, 1);
	conn->snd_nxt = conn->snd_end = conn->snd_nxt + conn->mss;
	assert_int_equal(conn->txq->n, 2);
	tcp_txq_free(conn);
	conn->snd_una = conn->snd_nxt;
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_equal_the_naive_twin),
		cmocka_unit_test(records_are_bounded_and_the_bound_is_survived),
		cmocka_unit_test(ten_super_packets_of_one_instant_are_one_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
