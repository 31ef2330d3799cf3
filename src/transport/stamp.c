/* SPDX-License-Identifier: MIT */
/* Times of sending; contracts in stamp.h. */
#include "transport/stamp.h"

#include <errno.h>
#include <string.h>

#include "core/engine.h"
#include "transport/dgram.h"
#include "transport/sock_table.h"
#include "wire/seq.h"

/* A packet on its way to an interface, and who wants to know. */
struct stamp_wait {
	struct list link; /* sock_table.stamp_waits */
	struct sock *sk;
	uint32_t trace_id;
	uint32_t kinds; /* WEFT_SOF_TX_* */
	uint32_t key;
};

enum {
	STAMP_MARKS_MIN = 8,
};

static struct stamps *stamps_of(const struct sock *sk)
{
	return sk->flags & SOCK_F_STAMPS ? sock_watch_of(sk)->stamps : NULL;
}

static bool stamp_is_stream(const struct sock *sk)
{
	return sk->proto->type == WEFT_SOCK_STREAM;
}

/* NULL: no memory. */
static struct stamps *stamps_make(struct sock *sk)
{
	struct stamps *s = stamps_of(sk);
	struct sock_watch *watch;

	if (s)
		return s;
	watch = sock_watch_make(sk);
	s = mem_zalloc(&sk->stack->eng->mem, sizeof(*s));
	if (!watch || !s) {
		mem_free(&sk->stack->eng->mem, s, sizeof(*s));
		sock_watch_drop(sk);
		return NULL;
	}
	errq_init(&s->errq);
	watch->stamps = s;
	sk->flags |= SOCK_F_STAMPS;
	return s;
}

static void stamp_wait_free(struct stack *st, struct stamp_wait *w)
{
	list_del(&w->link);
	st->socks->n_stamp_waits--;
	mem_free(&st->eng->mem, w, sizeof(*w));
}

void stamp_end(struct sock *sk)
{
	struct stamps *s = stamps_of(sk);
	struct mem *mem = &sk->stack->eng->mem;
	struct stamp_wait *w;
	struct list *link, *next;

	if (!s)
		return;
	for (link = sk->stack->socks->stamp_waits.next; link != &sk->stack->socks->stamp_waits;
	     link = next) {
		next = link->next;
		w = container_of(link, struct stamp_wait, link);
		if (w->sk == sk)
			stamp_wait_free(sk->stack, w);
	}
	errq_purge(sk, &s->errq);
	mem_free(mem, s->marks, s->marks_cap * sizeof(*s->marks));
	mem_free(mem, s, sizeof(*s));
	sock_watch_of(sk)->stamps = NULL;
	sk->flags &= ~(uint32_t)SOCK_F_STAMPS;
	sock_watch_drop(sk);
}

int stamp_set(struct sock *sk, uint32_t flags, uint32_t key)
{
	uint32_t tx = flags & ~(uint32_t)STAMP_RX;
	struct stamps *s = stamps_of(sk);

	if (flags & ~(uint32_t)STAMP_KNOWN)
		return -EINVAL;
	if ((flags & WEFT_SOF_OPT_ID_TCP) && !(flags & WEFT_SOF_OPT_ID))
		return -EINVAL;
	if (tx && !s) {
		if (!sk->proto->recv_err) /* of packet sockets: nothing would tell */
			return -EINVAL;
		s = stamps_make(sk);
		if (!s)
			return -ENOMEM;
	}
	if (s) {
		if ((flags & WEFT_SOF_OPT_ID) && !(s->flags & WEFT_SOF_OPT_ID))
			s->key = key;
		s->flags = tx;
	}
	sk->flags &= ~(uint32_t)SOCK_F_TSTAMPING;
	sk->flags |= (flags & STAMP_RX) >> 2 << SOCK_F_TSTAMPING_SHIFT;
	return 0;
}

uint32_t stamp_get(const struct sock *sk)
{
	const struct stamps *s = stamps_of(sk);

	return (s ? s->flags : 0) | (sk->flags & SOCK_F_TSTAMPING) >> SOCK_F_TSTAMPING_SHIFT << 2;
}

int stamp_ctl(const struct cmsg *c, uint32_t *ret_kinds)
{
	int v;

	if (c->type != WEFT_SO_TIMESTAMPING || cmsg_int(c, &v) ||
	    ((uint32_t)v & ~(uint32_t)STAMP_KINDS))
		return -EINVAL;
	*ret_kinds = (uint32_t)v;
	return 0;
}

/* Tells of it; `pkt` NULL, or not wanted: the time alone. */
static void stamp_tell(struct sock *sk, struct stamps *s, uint32_t what, uint32_t key,
		       const struct pkt *pkt)
{
	struct errq_stamp stamp = {
		.what = what,
		.key = key,
		.has_cmsg = s->flags & WEFT_SOF_OPT_CMSG,
		.pkt = s->flags & WEFT_SOF_OPT_TSONLY ? NULL : pkt,
	};

	(void)errq_stamp(sk, stamp_is_stream(sk) ? &s->errq : &dgram_of(sk)->errq, &stamp);
}

static void stamp_wait_for(struct sock *sk, struct pkt *pkt, uint32_t kinds, uint32_t key)
{
	struct sock_table *t = sk->stack->socks;
	struct stamp_wait *w;

	if (t->n_stamp_waits >= STAMP_WAITS_MAX)
		stamp_wait_free(sk->stack,
				container_of(list_first(&t->stamp_waits), struct stamp_wait, link));
	w = mem_alloc(&sk->stack->eng->mem, sizeof(*w));
	if (!w)
		return;
	*w = (struct stamp_wait){.sk = sk, .trace_id = pkt->trace_id, .kinds = kinds, .key = key};
	list_add_tail(&t->stamp_waits, &w->link);
	t->n_stamp_waits++;
	pkt->flags |= PKT_F_STAMP;
}

void stamp_pkt(struct sock *sk, struct pkt *pkt, uint32_t kinds)
{
	struct stamps *s = stamps_make(sk);

	if (!s || !(kinds & (WEFT_SOF_TX_SOFTWARE | WEFT_SOF_TX_SCHED)))
		return;
	stamp_wait_for(sk, pkt, kinds, s->flags & WEFT_SOF_OPT_ID ? s->key++ : 0);
}

/* stack->tx_stamp. The newest are looked at first: a packet that waits for nothing on its way is
 * found at once. */
static void stamp_tx(struct stack *st, struct pkt *pkt, bool is_sent)
{
	uint32_t kind = is_sent ? WEFT_SOF_TX_SOFTWARE : WEFT_SOF_TX_SCHED;
	uint32_t what = is_sent ? WEFT_SCM_TSTAMP_SND : WEFT_SCM_TSTAMP_SCHED;
	struct list *link, *prev;

	for (link = st->socks->stamp_waits.prev; link != &st->socks->stamp_waits; link = prev) {
		struct stamp_wait *w = container_of(link, struct stamp_wait, link);

		prev = link->prev;
		if (w->trace_id != pkt->trace_id)
			continue;
		if (w->kinds & kind)
			stamp_tell(w->sk, stamps_of(w->sk), what, w->key, pkt);
		if (is_sent)
			stamp_wait_free(st, w);
	}
	if (is_sent)
		pkt->flags &= (uint8_t)~PKT_F_STAMP;
}

void stamp_init(struct stack *st)
{
	list_init(&st->socks->stamp_waits);
	st->tx_stamp = stamp_tx;
}

/*
 * Streams.
 */

static bool stamp_marks_grow(struct mem *mem, struct stamps *s)
{
	uint32_t cap = s->marks_cap ? s->marks_cap * 2 : STAMP_MARKS_MIN;
	struct stamp_mark *marks;

	if (s->n_marks < s->marks_cap)
		return true;
	if (cap > STAMP_MARKS_MAX)
		return false;
	marks = mem_resize(mem, s->marks, s->marks_cap * sizeof(*marks), cap * sizeof(*marks));
	if (!marks)
		return false;
	s->marks = marks;
	s->marks_cap = cap;
	return true;
}

void stamp_mark(struct sock *sk, uint32_t seq, uint32_t end, uint32_t kinds)
{
	struct stamps *s = stamps_make(sk);

	if (s && stamp_marks_grow(&sk->stack->eng->mem, s))
		s->marks[s->n_marks++] =
			(struct stamp_mark){.seq = end - 1, .len = end - seq, .kinds = kinds};
}

static uint32_t stamp_mark_key(const struct stamps *s, uint32_t seq)
{
	return s->flags & WEFT_SOF_OPT_ID ? seq - s->key : 0;
}

void stamp_segment(struct sock *sk, struct pkt *pkt, uint32_t seq, uint32_t end)
{
	const struct stamps *s = stamps_of(sk);

	/* From the end: the newest is most likely. Then those of one segment come in order. */
	for (uint32_t i = s->n_marks; i-- > 0 && seq_geq(s->marks[i].seq, seq);) {
		const struct stamp_mark *m = &s->marks[i];

		if (seq_lt(m->seq, end) && (m->kinds & (WEFT_SOF_TX_SOFTWARE | WEFT_SOF_TX_SCHED)))
			stamp_wait_for(sk, pkt, m->kinds, stamp_mark_key(s, m->seq));
	}
}

static void stamp_marks_drop(struct stamps *s, uint32_t n)
{
	s->n_marks -= n;
	if (n && s->n_marks)
		memmove(s->marks, s->marks + n, s->n_marks * sizeof(*s->marks));
}

bool stamp_is_acked(struct sock *sk, uint32_t una, uint32_t *ret_seq, uint32_t *ret_len)
{
	struct stamps *s = stamps_of(sk);
	uint32_t n = 0;
	bool is_acked;

	while (n < s->n_marks && seq_lt(s->marks[n].seq, una) &&
	       !(s->marks[n].kinds & WEFT_SOF_TX_ACK))
		n++;
	stamp_marks_drop(s, n);
	is_acked = s->n_marks && seq_lt(s->marks[0].seq, una);
	if (is_acked) {
		*ret_seq = s->marks[0].seq;
		*ret_len = s->flags & WEFT_SOF_OPT_TSONLY ? 0 : s->marks[0].len;
	}
	return is_acked;
}

void stamp_acked(struct sock *sk, const struct pkt *pkt)
{
	struct stamps *s = stamps_of(sk);

	stamp_tell(sk, s, WEFT_SCM_TSTAMP_ACK, stamp_mark_key(s, s->marks[0].seq), pkt);
	stamp_marks_drop(s, 1);
}

bool stamp_is_told(const struct sock *sk)
{
	const struct stamps *s = stamps_of(sk);

	return s && !errq_is_empty(&s->errq);
}

ptrdiff_t stamp_recv(struct sock *sk, struct sock_msg *msg)
{
	struct stamps *s = stamps_of(sk);

	return s ? errq_recv(sk, &s->errq, msg) : -EAGAIN;
}
