/* SPDX-License-Identifier: MIT */
/*
 * Out-of-order queue: data beyond the first hole, until the hole is filled (RFC 9293 §3.10.7.4,
 * seventh step), and the SACK blocks that tell the peer of it (RFC 2018).
 *
 * How it works: the queue is a sorted array of runs; a run is a chain of touching packets.
 *
 *	rcv_nxt     run 0             run 1
 *	   |  hole  [pkt][pkt][pkt]  hole  [pkt]
 *
 * A segment is trimmed to what is missing, then starts a run or extends one; runs that come to
 * touch are joined by linking their chains. The search is binary and a run moves in the array by
 * one memmove() of at most TCP_REASM_RUNS_MAX entries, so no sequence of segments costs more than
 * that (SegmentSmack, CVE-2018-5390). What is queued is never thrown away, so what a SACK block
 * said stays true; at the bound a new run is refused. The in-order segment always gets through,
 * since it does not come here. The block exists while something is out of order.
 */
#include <assert.h>
#include <string.h>

#include "transport/tcp/tcp_priv.h"

enum {
	REASM_RUNS_MIN = 4,
	REASM_SINCE_MAX = 1 << 28, /* with two windows of 2^30 it is below 2^32 */
};

static size_t reasm_size(uint32_t cap)
{
	return sizeof(struct tcp_reasm) + cap * sizeof(struct tcp_run);
}

/* For PAWS: from here on. */
static void reasm_since_now(struct tcp_conn *conn)
{
	conn->reasm->ts_since = conn->ts_recent;
	conn->reasm->seq_since = conn->rcv_nxt;
}

/* Room for one more run. */
static enum drop reasm_reserve(struct tcp_conn *conn)
{
	struct tcp_reasm *old = conn->reasm, *r;
	uint32_t cap = old ? old->cap * 2 : REASM_RUNS_MIN;

	if (old && old->n < old->cap)
		return DROP_NONE;
	if (cap > TCP_REASM_RUNS_MAX)
		return DROP_TCP_REASM;
	r = mem_resize(&tcp_eng(conn)->mem, old, old ? reasm_size(old->cap) : 0, reasm_size(cap));
	if (!r)
		return DROP_NOMEM;
	if (!old)
		*r = (struct tcp_reasm){.n = 0};
	r->cap = cap;
	conn->reasm = r;
	if (!old)
		reasm_since_now(conn);
	return DROP_NONE;
}

static void reasm_release_if_empty(struct tcp_conn *conn)
{
	struct tcp_reasm *r = conn->reasm;

	if (!r || r->n > 0)
		return;
	mem_free(&tcp_eng(conn)->mem, r, reasm_size(r->cap));
	conn->reasm = NULL;
}

/* Index of the first run that ends at or after `seq`; r->n when all end before. */
static uint32_t reasm_find(const struct tcp_reasm *r, uint32_t seq)
{
	uint32_t lo = 0, hi = r->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_lt(r->runs[mid].end_seq, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void reasm_remove(struct tcp_reasm *r, uint32_t i)
{
	r->n--;
	memmove(&r->runs[i], &r->runs[i + 1], (r->n - i) * sizeof(r->runs[0]));
}

/* For the order of SACK blocks (RFC 2018 §4): the run of `seq` grew last, and stands once in the
 * list, so that the others are still repeated: an ACK that was lost told of them too. */
static void reasm_note_recent(struct tcp_conn *conn, uint32_t seq)
{
	struct tcp_reasm *r = conn->reasm;
	const struct tcp_run *run = &r->runs[reasm_find(r, seq + 1)];
	uint32_t recent[TCP_SACK_MAX] = {seq}, n = 1;

	for (uint32_t k = 0; k < r->n_recent && n < TCP_SACK_MAX; k++) {
		uint32_t other = r->recent[k];

		if (seq_lt(other, conn->rcv_nxt) ||
		    (seq_geq(other, run->seq) && seq_lt(other, run->end_seq)))
			continue;
		recent[n++] = other;
	}
	memcpy(r->recent, recent, sizeof(recent));
	r->n_recent = n;
}

/* Cuts the packet down to [seq, end). The FIN, if it has one, is its last number. */
static void reasm_trim(struct pkt *pkt, uint32_t seq, uint32_t end)
{
	if (seq_gt(seq, pkt->tcp.seq)) {
		pkt_eat(pkt, tcp_min(pkt->len, seq - pkt->tcp.seq));
		pkt->tcp.seq = seq;
	}
	if (seq_lt(end, pkt->tcp.end_seq)) {
		pkt_trim(pkt, tcp_min(pkt->len, end - pkt->tcp.seq));
		pkt->tcp.end_seq = end;
		pkt->tcp.flags &= ~(uint32_t)TCP_F_FIN;
	}
}

static void reasm_count(struct tcp_conn *conn, struct pkt *pkt)
{
	pkt->next = NULL;
	pkt->tcp.truesize = tcp_truesize(pkt);
	tcp_mem_add_rcv(conn, pkt->tcp.truesize);
	conn->reasm->truesize += pkt->tcp.truesize;
	conn->reasm->n_bytes += pkt->tcp.end_seq - pkt->tcp.seq;
}

static void reasm_discard(struct tcp_conn *conn, struct pkt *pkt)
{
	tcp_mem_sub_rcv(conn, pkt->tcp.truesize);
	conn->reasm->truesize -= pkt->tcp.truesize;
	pkt_free(pkt);
}

/* Frees the packets of a run that a longer segment covers. */
static void reasm_drop_run(struct tcp_conn *conn, uint32_t i)
{
	struct tcp_run *run = &conn->reasm->runs[i];

	conn->reasm->n_bytes -= run->end_seq - run->seq;
	for (struct pkt *pkt = run->first, *next; pkt; pkt = next) {
		next = pkt->next;
		reasm_discard(conn, pkt);
	}
	reasm_remove(conn->reasm, i);
}

/* The packet continues the run: as a packet, or, when short, as bytes of the last one. */
static void reasm_append(struct tcp_conn *conn, struct tcp_run *run, struct pkt *pkt)
{
	uint32_t end_seq = pkt->tcp.end_seq, flags = pkt->tcp.flags;

	assert(run->last);
	if (tcp_pkt_is_small(pkt) && !(run->last->tcp.flags & TCP_F_FIN) &&
	    tcp_pkt_merge(run->last, pkt)) {
		conn->reasm->n_bytes += end_seq - run->end_seq;
		run->last->tcp.end_seq = end_seq;
		run->last->tcp.flags |= flags;
	} else {
		reasm_count(conn, pkt);
		run->last->next = pkt;
		run->last = pkt;
	}
	run->end_seq = end_seq;
}

/* Puts a packet that overlaps nothing next to or between runs i-1 and i. */
static void reasm_place(struct tcp_conn *conn, uint32_t i, struct pkt *pkt)
{
	struct tcp_reasm *r = conn->reasm;
	struct tcp_run *prev = i > 0 ? &r->runs[i - 1] : NULL;
	struct tcp_run *next = i < r->n ? &r->runs[i] : NULL;

	if (prev && prev->end_seq == pkt->tcp.seq) {
		reasm_append(conn, prev, pkt);
		if (next && next->seq == prev->end_seq) {
			prev->last->next = next->first;
			prev->last = next->last;
			prev->end_seq = next->end_seq;
			reasm_remove(r, i);
		}
		return;
	}
	reasm_count(conn, pkt);
	if (next && next->seq == pkt->tcp.end_seq) {
		pkt->next = next->first;
		next->first = pkt;
		next->seq = pkt->tcp.seq;
		return;
	}
	memmove(&r->runs[i + 1], &r->runs[i], (r->n - i) * sizeof(r->runs[0]));
	r->n++;
	r->runs[i] = (struct tcp_run){
		.seq = pkt->tcp.seq,
		.end_seq = pkt->tcp.end_seq,
		.first = pkt,
		.last = pkt,
	};
}

/* The segment needs no run of its own. */
static bool reasm_touches(const struct tcp_reasm *r, uint32_t seq, uint32_t end)
{
	uint32_t i = reasm_find(r, seq);

	return i < r->n && seq_leq(r->runs[i].seq, end);
}

bool tcp_reasm_overlap(const struct tcp_conn *conn, uint32_t start, uint32_t end,
		       struct tcp_sack_block *ret)
{
	const struct tcp_reasm *r = conn->reasm;
	uint32_t i = r ? reasm_find(r, start + 1) : 0;

	if (!r || i == r->n || !seq_lt(r->runs[i].seq, end))
		return false;
	*ret = (struct tcp_sack_block){seq_max(start, r->runs[i].seq),
				       seq_min(end, r->runs[i].end_seq)};
	return seq_lt(ret->start, ret->end);
}

enum drop tcp_reasm_add(struct tcp_conn *conn, struct pkt *pkt)
{
	uint32_t seq = pkt->tcp.seq, end = pkt->tcp.end_seq;
	enum drop why = reasm_reserve(conn);
	struct tcp_reasm *r = conn->reasm;
	uint32_t i;

	if (why != DROP_NONE && !(r && reasm_touches(r, seq, end)))
		return why;
	i = reasm_find(r, seq);
	if (i < r->n && seq_leq(r->runs[i].seq, seq)) {
		/* This run begins before the segment: only what lies behind its end is new. */
		if (seq_geq(r->runs[i].end_seq, end)) {
			reasm_note_recent(conn, seq);
			pkt_free(pkt);
			return DROP_TCP_OLD_SEQ;
		}
		seq = r->runs[i].end_seq;
		i++;
	}
	while (i < r->n && seq_leq(r->runs[i].end_seq, end))
		reasm_drop_run(conn, i);
	if (i < r->n)
		end = seq_min(end, r->runs[i].seq);
	reasm_trim(pkt, seq, end);
	reasm_place(conn, i, pkt);
	reasm_note_recent(conn, seq);
	if (conn->rcv_nxt - conn->reasm->seq_since > REASM_SINCE_MAX)
		reasm_since_now(conn);
	return DROP_NONE;
}

uint32_t tcp_reasm_last(const struct tcp_conn *conn)
{
	return conn->reasm->runs[conn->reasm->n - 1].seq;
}

void tcp_reasm_drop_last(struct tcp_conn *conn)
{
	reasm_drop_run(conn, conn->reasm->n - 1);
	reasm_release_if_empty(conn);
}

/* A FIN is left where it is. */
static void reasm_collapse_run(struct tcp_conn *conn, struct tcp_run *run)
{
	uint32_t n_bytes = run->end_seq - run->seq;

	if (run->first == run->last || (run->last->tcp.flags & TCP_F_FIN))
		return;
	for (const struct pkt *pkt = run->first; pkt; pkt = pkt->next)
		conn->reasm->truesize -= pkt->tcp.truesize;
	run->first = run->last = tcp_pkt_pack(conn, run->first, n_bytes);
	for (struct pkt *pkt = run->first; pkt; pkt = pkt->next) {
		conn->reasm->truesize += pkt->tcp.truesize;
		run->last = pkt;
	}
}

void tcp_reasm_collapse(struct tcp_conn *conn)
{
	struct tcp_reasm *r = conn->reasm;

	/* Packing looks at every packet: only when it is likely to help, and what has piled up
	 * since it was done last is worth it (SegmentSmack, CVE-2018-5390). */
	if (r->truesize / 3 < r->n_bytes / 2 || r->truesize < r->collapsed + r->collapsed / 4)
		return;
	for (uint32_t i = 0; i < r->n; i++)
		reasm_collapse_run(conn, &r->runs[i]);
	r->collapsed = r->truesize;
}

/* Moves a packet whose bytes are in order from rcv_nxt on, or that rcv_nxt has overtaken. */
static bool reasm_deliver(struct tcp_conn *conn, struct pkt *pkt)
{
	bool has_fin = pkt->tcp.flags & TCP_F_FIN;

	tcp_mem_sub_rcv(conn, pkt->tcp.truesize);
	conn->reasm->truesize -= pkt->tcp.truesize;
	if (seq_leq(pkt->tcp.end_seq, conn->rcv_nxt)) {
		pkt_free(pkt);
		return false;
	}
	reasm_trim(pkt, conn->rcv_nxt, pkt->tcp.end_seq);
	conn->rcv_nxt = pkt->tcp.end_seq - has_fin;
	if (pkt->len > 0)
		tcp_rcvq_push(conn, pkt);
	else
		pkt_free(pkt);
	return has_fin;
}

bool tcp_reasm_drain(struct tcp_conn *conn)
{
	struct tcp_reasm *r = conn->reasm;
	bool has_fin = false;

	while (r && r->n > 0 && !has_fin && seq_leq(r->runs[0].seq, conn->rcv_nxt)) {
		struct tcp_run run = r->runs[0];

		r->n_bytes -= run.end_seq - run.seq;
		reasm_remove(r, 0);
		for (struct pkt *pkt = run.first, *next; pkt; pkt = next) {
			next = pkt->next;
			if (has_fin)
				reasm_discard(conn, pkt);
			else
				has_fin = reasm_deliver(conn, pkt);
		}
	}
	reasm_release_if_empty(conn);
	return has_fin;
}

uint8_t tcp_reasm_blocks(const struct tcp_conn *conn, struct tcp_sack_block *ret, uint8_t max)
{
	const struct tcp_reasm *r = conn->reasm;
	uint8_t n = 0;

	for (uint32_t k = 0; r && k < r->n_recent && n < max; k++) {
		uint32_t i = reasm_find(r, r->recent[k] + 1);
		bool is_known = false;

		if (i == r->n || seq_gt(r->runs[i].seq, r->recent[k]))
			continue; /* delivered meanwhile */
		for (uint8_t j = 0; j < n; j++)
			is_known |= ret[j].start == r->runs[i].seq;
		if (!is_known)
			ret[n++] = (struct tcp_sack_block){r->runs[i].seq, r->runs[i].end_seq};
	}
	return n;
}

void tcp_reasm_purge(struct tcp_conn *conn)
{
	while (conn->reasm && conn->reasm->n > 0)
		reasm_drop_run(conn, conn->reasm->n - 1);
	reasm_release_if_empty(conn);
}
