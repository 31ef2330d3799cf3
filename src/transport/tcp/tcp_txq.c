/* SPDX-License-Identifier: MIT */
/*
 * The records of what is in flight (tcp_txq.h): when each piece was sent last, whether the peer
 * holds it (RFC 2018), whether it is held lost, whether it was sent again. This is the scoreboard
 * of RFC 6675 §3 and the list of segments of RFC 8985 §5.1 in one.
 *
 * How it works: a sorted array that slides through its block. Records touch each other and cover
 * [snd_una, snd_nxt) exactly.
 *
 *	recs[]   . . . [una     )[held  )[lost  )[lost, again)[held  )[       nxt) . . . .
 *	               ^first                                              first + n
 *
 * New data is appended, or lengthens the last record if it left in the same instant. An ACK drops
 * records at the front. Both touch one record, whatever is in flight. A SACK block is found by
 * binary search; pieces that become held unite with held neighbours, so that what a walk passes
 * over once it never sees again. Dividing a record moves the shorter side of the array by one.
 *
 * Bounds: TCP_TXQ_MAX records. At the bound, and without memory, records are not divided but
 * treated as a whole, or what is new is counted to the last: times become inexact, and the
 * retransmission timer does what the records cannot say. Dividing needs a segment that was sent, so
 * a peer cannot make more work than we made segments.
 *
 * The block is allocated before the first segment goes out, since a segment without a record could
 * not be recovered, and freed with the last. Some of the least size are kept for the stack's next
 * connections: who asks and answers would allocate and free one each time.
 */
#include "transport/tcp/tcp_txq.h"

#include <string.h>

#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

static size_t txq_size(uint32_t cap)
{
	return sizeof(struct tcp_txq) + cap * sizeof(struct tcp_txrec);
}

static bool txq_grow(struct tcp_conn *conn, uint32_t cap)
{
	struct tcp_txq *old = conn->txq, *q;

	q = mem_resize(&tcp_eng(conn)->mem, old, txq_size(old->cap), txq_size(cap));
	if (!q)
		return false;
	q->cap = cap;
	conn->txq = q;
	return true;
}

bool tcp_txq_open(struct tcp_conn *conn)
{
	if (conn->txq)
		return true;
	conn->txq = spares_get(&conn->sk.stack->tcp->txqs);
	if (!conn->txq)
		return false;
	*conn->txq = (struct tcp_txq){.cap = TCP_TXQ_MIN};
	return true;
}

void tcp_txq_free(struct tcp_conn *conn)
{
	struct tcp_txq *q = conn->txq;

	conn->txq = NULL;
	if (q && q->cap == TCP_TXQ_MIN)
		spares_put(&conn->sk.stack->tcp->txqs, q);
	else if (q)
		mem_free(&tcp_eng(conn)->mem, q, txq_size(q->cap));
}

void tcp_txq_init(struct tcp *tcp)
{
	spares_init(&tcp->txqs, &tcp->st->eng->mem, txq_size(TCP_TXQ_MIN), TCP_SPARES_MAX);
}

void tcp_txq_sent_first(struct tcp_conn *conn, uint32_t len)
{
	struct tcp_txq *q = conn->txq;
	struct tcp_sender *snd = tcp_sender(conn);

	/* As tcp_rate_stamp() has it. */
	snd->first_tx_ns = snd->delivered_ns = tcp_now(conn);
	q->recs[0] = (struct tcp_txrec){.seq = conn->snd_nxt,
					.end = conn->snd_nxt + len,
					.tx_ns = snd->first_tx_ns,
					.delivered_ns = snd->first_tx_ns,
					.first_tx_ns = snd->first_tx_ns,
					.delivered = snd->delivered_bytes,
					.n_segs = 1,
					.flags = snd->app_limited ? TXR_APP_LIMITED : 0,
					.tx_in_flight = len,
					.lost = (uint32_t)snd->lost_bytes};
	q->rexmt_seq = q->again_top = conn->snd_nxt;
	q->first = 0;
	q->n = 1;
}

static uint32_t txr_len(const struct tcp_txrec *r)
{
	return r->end - r->seq;
}

/* Adds the numbers of `r` to the sums that it belongs to, or takes them off. */
static void txq_count(struct tcp_txq *q, const struct tcp_txrec *r, bool is_on)
{
	uint32_t n = is_on ? txr_len(r) : 0 - txr_len(r);

	if (r->flags & TXR_HELD) {
		q->held_bytes += n;
		q->held_segs += is_on ? r->n_segs : 0 - (uint32_t)r->n_segs;
	}
	if (r->flags & TXR_LOST)
		q->lost_bytes += n;
	if (r->flags & TXR_AGAIN)
		q->again_bytes += n;
	if (tcp_txr_is_due(r))
		q->due_bytes += n;
}

static void txr_set_flags(struct tcp_txq *q, struct tcp_txrec *r, uint32_t on, uint32_t off)
{
	txq_count(q, r, false);
	r->flags = (uint8_t)((r->flags | on) & ~off);
	txq_count(q, r, true);
}

uint32_t tcp_txq_find(const struct tcp_txq *q, uint32_t seq)
{
	uint32_t lo = 0, hi = q->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_leq(tcp_txq_at_const(q, mid)->end, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Room behind the last record. */
static bool txq_make_room(struct tcp_conn *conn)
{
	struct tcp_txq *q = conn->txq;

	if (q->n >= TCP_TXQ_MAX)
		return false;
	if (q->first + q->n < q->cap)
		return true;
	/* Sliding back pays when half of the block is free; so each record is moved once at most.
	 */
	if (q->first < q->cap / 2 && q->cap < 2 * TCP_TXQ_MAX && txq_grow(conn, q->cap * 2))
		return true;
	q = conn->txq;
	if (q->first == 0)
		return false;
	memmove(&q->recs[0], &q->recs[q->first], q->n * sizeof(q->recs[0]));
	q->first = 0;
	return true;
}

/* A copy of record `i` in front of it. */
static bool txq_double(struct tcp_conn *conn, uint32_t i)
{
	struct tcp_txq *q = conn->txq;
	struct tcp_txrec *r;

	if (q->n >= TCP_TXQ_MAX)
		return false;
	if (q->first > 0 && i < q->n / 2) {
		r = &q->recs[q->first--];
		memmove(r - 1, r, (i + 1) * sizeof(*r));
	} else {
		if (!txq_make_room(conn))
			return false;
		q = conn->txq;
		r = tcp_txq_at(q, i);
		memmove(r + 1, r, (q->n - i) * sizeof(*r));
	}
	q->n++;
	return true;
}

static void txq_remove(struct tcp_txq *q, uint32_t i, uint32_t n)
{
	struct tcp_txrec *r = tcp_txq_at(q, i);

	if (i < q->n / 2) {
		struct tcp_txrec *first = &q->recs[q->first];

		memmove(first + n, first, i * sizeof(*first));
		q->first += n;
	} else {
		memmove(r, r + n, (q->n - i - n) * sizeof(*r));
	}
	q->n -= n;
}

/* Segments in the first `bytes` of a record. */
static uint32_t txr_segs_in(const struct tcp_conn *conn, const struct tcp_txrec *r, uint32_t bytes)
{
	uint32_t n = (bytes + conn->mss - 1) / conn->mss;

	return tcp_max(tcp_min(n, r->n_segs), 1);
}

bool tcp_txq_split(struct tcp_conn *conn, uint32_t i, uint32_t seq)
{
	struct tcp_txrec *r = tcp_txq_at(conn->txq, i);
	uint32_t left;

	assert(seq_gt(seq, r->seq) && seq_lt(seq, r->end));
	if (!txq_double(conn, i))
		return false;
	r = tcp_txq_at(conn->txq, i);
	txq_count(conn->txq, r, false);
	left = txr_segs_in(conn, r, seq - r->seq);
	r[1].n_segs = (uint16_t)tcp_max(r->n_segs - left, 1);
	r->n_segs = (uint16_t)left;
	r->end = r[1].seq = seq;
	txq_count(conn->txq, r, true);
	txq_count(conn->txq, r + 1, true);
	return true;
}

/* Nothing tells the two apart; of what is held only that it is held counts. */
static bool txr_is_same(const struct tcp_conn *conn, const struct tcp_txrec *a,
			const struct tcp_txrec *b)
{
	if (a->flags & b->flags & TXR_HELD)
		return true;
	return a->tx_ns == b->tx_ns && a->flags == b->flags && a->n_again == b->n_again &&
	       a->delivered == b->delivered && a->delivered_ns == b->delivered_ns &&
	       a->first_tx_ns == b->first_tx_ns && txr_len(a) == (uint32_t)a->n_segs * conn->mss &&
	       txr_len(b) <= (uint32_t)b->n_segs * conn->mss && a->n_segs + b->n_segs <= UINT16_MAX;
}

/* Unites what can be united of the records from `i` on that start before `end`. */
static void txq_unite(struct tcp_conn *conn, uint32_t i, uint32_t end)
{
	struct tcp_txq *q = conn->txq;
	uint32_t j = i + 1, n_gone;

	for (; j < q->n && seq_lt(tcp_txq_at(q, j)->seq, end); j++) {
		struct tcp_txrec *a = tcp_txq_at(q, i), *b = tcp_txq_at(q, j);

		if (!txr_is_same(conn, a, b)) {
			*tcp_txq_at(q, ++i) = *b;
			continue;
		}
		/* Of what is held, which wants no times, the count may saturate. */
		if (a->flags & TXR_HELD)
			q->held_segs -= a->n_segs + b->n_segs;
		a->n_segs = (uint16_t)tcp_min(a->n_segs + b->n_segs, UINT16_MAX);
		if (a->flags & TXR_HELD)
			q->held_segs += a->n_segs;
		a->end = b->end;
		a->flags |= b->flags & TXR_TWICE;
	}
	n_gone = j - i - 1;
	if (n_gone > 0)
		txq_remove(q, i + 1, n_gone);
}

/* Cuts so that a record begins at `seq`. Returns its index; when it could not be cut that of the
 * next, with `is_up`, or of the one around. */
static uint32_t txq_cut(struct tcp_conn *conn, uint32_t seq, bool is_up)
{
	struct tcp_txq *q = conn->txq;
	uint32_t i = tcp_txq_find(q, seq);

	if (i == q->n || seq_geq(tcp_txq_at(q, i)->seq, seq))
		return i;
	return tcp_txq_split(conn, i, seq) || is_up ? i + 1 : i;
}

static struct tcp_txrec txr_make(struct tcp_conn *conn, uint32_t seq, uint32_t end, uint32_t n_segs)
{
	struct tcp_txrec r = {
		.seq = seq,
		.end = end,
		.tx_ns = tcp_now(conn),
		.n_segs = (uint16_t)tcp_min(tcp_max(n_segs, 1), UINT16_MAX),
	};

	tcp_rate_stamp(conn, &r);
	return r;
}

void tcp_txq_sent(struct tcp_conn *conn, uint32_t len, uint32_t n_segs)
{
	struct tcp_txq *q = conn->txq;
	struct tcp_txrec r = txr_make(conn, conn->snd_nxt, conn->snd_nxt + len, n_segs);
	struct tcp_txrec *last = q->n > 0 ? tcp_txq_at(q, q->n - 1) : NULL;

	if (!last)
		q->rexmt_seq = q->again_top = r.seq;
	if (last && txr_is_same(conn, last, &r)) {
		last->end = r.end;
		last->n_segs = (uint16_t)(last->n_segs + r.n_segs);
		last->tx_in_flight = r.tx_in_flight;
		return;
	}
	if (txq_make_room(conn)) {
		q = conn->txq;
		*tcp_txq_at(q, q->n++) = r;
		return;
	}
	/* At the bound: counted to the last, as if it had left now. */
	q = conn->txq;
	last = tcp_txq_at(q, q->n - 1);
	txq_count(q, last, false);
	last->end = r.end;
	last->tx_ns = r.tx_ns;
	last->n_segs = (uint16_t)tcp_min(last->n_segs + r.n_segs, UINT16_MAX);
	last->flags &= (uint8_t)~TXR_HELD;
	if (last->flags & TXR_TWICE)
		q->again_top = r.end;
	txq_count(q, last, true);
}

void tcp_txq_again(struct tcp_conn *conn, uint32_t seq, uint32_t len)
{
	uint32_t end = seq + len;
	uint32_t i = txq_cut(conn, seq, false), j;
	struct tcp_txq *q;

	(void)txq_cut(conn, end, true);
	q = conn->txq;
	for (j = i; j < q->n && seq_lt(tcp_txq_at(q, j)->seq, end); j++) {
		struct tcp_txrec *r = tcp_txq_at(q, j);

		if (r->flags & TXR_HELD)
			continue;
		txr_set_flags(q, r, TXR_AGAIN | TXR_TWICE, TXR_APP_LIMITED);
		if (r->n_again < UINT8_MAX)
			r->n_again++;
		r->tx_ns = tcp_now(conn);
		q->again_top = seq_max(q->again_top, r->end);
		tcp_rate_stamp(conn, r);
	}
	txq_unite(conn, i, end);
}

uint32_t tcp_txq_hold(struct tcp_conn *conn, uint32_t start, uint32_t end, struct tcp_ack_event *ev)
{
	struct tcp_txq *q = conn->txq;
	uint32_t was = q->held_bytes;
	uint32_t i = txq_cut(conn, start, true);

	/* When it cannot be cut at the end, what it is part of is not held. */
	(void)txq_cut(conn, end, false);
	q = conn->txq;
	for (uint32_t j = i; j < q->n && seq_leq(tcp_txq_at(q, j)->end, end); j++) {
		struct tcp_txrec *r = tcp_txq_at(q, j);

		if (r->flags & TXR_HELD)
			continue;
		tcp_ack_delivered(conn, r, txr_len(r), ev);
		if (q->held_bytes == 0 || seq_gt(r->end, q->held_top))
			q->held_top = r->end;
		txr_set_flags(q, r, TXR_HELD, TXR_LOST | TXR_AGAIN);
	}
	was = q->held_bytes - was;
	txq_unite(conn, i > 0 ? i - 1 : 0, end + 1);
	return was;
}

/* RFC 2018 §8: nothing of what the peer said to hold is believed any more. During a recovery it has
 * to go again. */
static void txq_unhold(struct tcp_conn *conn)
{
	struct tcp_txq *q = conn->txq;

	for (uint32_t i = 0; i < q->n; i++) {
		struct tcp_txrec *r = tcp_txq_at(q, i);

		if (!(r->flags & TXR_HELD))
			continue;
		txr_set_flags(q, r, 0, TXR_HELD);
		if (conn->ca_state >= TCP_CA_RECOVERY)
			tcp_txq_lose(conn, i);
	}
}

bool tcp_txq_ack(struct tcp_conn *conn, struct tcp_ack_event *ev)
{
	struct tcp_txq *q = conn->txq;
	uint32_t una = conn->snd_una;

	while (q->n > 0) {
		struct tcp_txrec *r = tcp_txq_at(q, 0);
		uint32_t n_segs;

		if (seq_leq(una, r->seq))
			break;
		if (!(r->flags & TXR_HELD))
			tcp_ack_delivered(conn, r, seq_min(una, r->end) - r->seq, ev);
		txq_count(q, r, false);
		if (seq_geq(una, r->end)) {
			q->first++;
			q->n--;
			continue;
		}
		n_segs = (una - r->seq) / conn->mss;
		r->n_segs = (uint16_t)(r->n_segs - tcp_min(n_segs, r->n_segs - 1u));
		r->seq = una;
		txq_count(q, r, true);
	}
	q->rexmt_seq = seq_max(q->rexmt_seq, una);
	q->again_top = seq_max(q->again_top, una);
	/* The peer acknowledges less than it said to hold: it has let go of what came out of order.
	 */
	if (q->n > 0 && (tcp_txq_at(q, 0)->flags & TXR_HELD)) {
		txq_unhold(conn);
		return false;
	}
	if (q->n == 0)
		tcp_txq_free(conn);
	return true;
}

void tcp_txq_lose(struct tcp_conn *conn, uint32_t i)
{
	struct tcp_txq *q = conn->txq;
	struct tcp_txrec *r = tcp_txq_at(q, i);

	if (r->flags & TXR_AGAIN) {
		mib_add(conn->sk.stack, MIB_TcpExtTCPLostRetransmit, r->n_segs);
		if (r->tx_ns >= tcp_sender(conn)->reduced_ns)
			tcp_sender(conn)->marks |= TCP_SND_LOST_AGAIN;
	}
	if (!tcp_txr_is_due(r))
		tcp_rate_lost(conn, r);
	txr_set_flags(q, r, TXR_LOST, TXR_AGAIN);
	q->rexmt_seq = seq_min(q->rexmt_seq, r->seq);
}

void tcp_txq_lose_below(struct tcp_conn *conn, uint32_t limit)
{
	struct tcp_txq *q = conn->txq;
	uint32_t i;

	if (!q)
		return;
	(void)txq_cut(conn, limit, false);
	q = conn->txq;
	for (i = 0; i < q->n && seq_leq(tcp_txq_at(q, i)->end, limit); i++) {
		struct tcp_txrec *r = tcp_txq_at(q, i);

		if (r->flags & (TXR_HELD | TXR_LOST))
			continue;
		tcp_rate_lost(conn, r);
		txr_set_flags(q, r, TXR_LOST, 0);
		if (tcp_txr_is_due(r))
			q->rexmt_seq = seq_min(q->rexmt_seq, r->seq);
	}
}

void tcp_txq_lose_all(struct tcp_conn *conn)
{
	struct tcp_txq *q = conn->txq;

	for (uint32_t i = 0; q && i < q->n; i++)
		if (!(tcp_txq_at(q, i)->flags & TXR_HELD))
			tcp_txq_lose(conn, i);
}

void tcp_txq_unlose_all(struct tcp_conn *conn)
{
	struct tcp_txq *q = conn->txq;

	for (uint32_t i = 0; q && i < q->n; i++)
		txr_set_flags(q, tcp_txq_at(q, i), 0, TXR_LOST | TXR_AGAIN);
}

bool tcp_txq_next_lost(struct tcp_conn *conn, uint32_t *ret_seq, uint32_t *ret_end)
{
	struct tcp_txq *q = conn->txq;
	uint32_t i;

	if (!q || q->due_bytes == 0)
		return false;
	for (i = tcp_txq_find(q, q->rexmt_seq); i < q->n; i++)
		if (tcp_txr_is_due(tcp_txq_at(q, i)))
			break;
	assert(i < q->n);
	*ret_seq = q->rexmt_seq = tcp_txq_at(q, i)->seq;
	*ret_end = tcp_txq_at(q, i)->end;
	/* What lies behind may go with it, in a super-packet. */
	while (++i < q->n && *ret_end - *ret_seq < UINT16_MAX && tcp_txr_is_due(tcp_txq_at(q, i)))
		*ret_end = tcp_txq_at(q, i)->end;
	return true;
}

void tcp_txq_check(const struct tcp_conn *conn)
{
	const struct tcp_txq *q = conn->txq;
	struct tcp_txq sum = {.n = 0};
	uint32_t seq = conn->snd_una;

	if (!q)
		return;
	assert(q->n > 0 && q->n <= TCP_TXQ_MAX && q->first + q->n <= q->cap);
	for (uint32_t i = 0; i < q->n; i++) {
		const struct tcp_txrec *r = tcp_txq_at_const(q, i);

		assert(r->seq == seq && seq_lt(r->seq, r->end) && r->n_segs > 0);
		seq = r->end;
		/* What the peer holds is not lost. */
		assert(!(r->flags & TXR_HELD) || !(r->flags & (TXR_LOST | TXR_AGAIN)));
		assert(!(r->flags & TXR_AGAIN) || (r->flags & TXR_TWICE));
		assert(!tcp_txr_is_due(r) || seq_geq(r->seq, q->rexmt_seq));
		assert(!(r->flags & TXR_HELD) || seq_leq(r->end, q->held_top));
		assert(!(r->flags & TXR_AGAIN) || seq_lt(r->seq, q->again_top));
		assert(r->tx_ns <= tcp_now(conn));
		txq_count(&sum, r, true);
	}
	assert(seq == conn->snd_nxt);
	assert(!(tcp_txq_at_const(q, 0)->flags & TXR_HELD));
	assert(sum.held_bytes == q->held_bytes && sum.lost_bytes == q->lost_bytes);
	assert(sum.again_bytes == q->again_bytes && sum.due_bytes == q->due_bytes);
	assert(sum.held_segs == q->held_segs);
}
