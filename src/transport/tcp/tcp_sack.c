/* SPDX-License-Identifier: MIT */
/*
 * The sender's scoreboard (RFC 2018, RFC 6675): which bytes beyond snd_una the peer says it holds.
 *
 * How it works: a sorted array of disjoint ranges that do not touch, all within (snd_una, snd_nxt].
 * A new block is merged in by a binary search and one memmove(); questions walk the array, which
 * TCP_SACK_RANGES_MAX bounds. At the bound a block that would need a new range is forgotten, which
 * costs a needless retransmission at worst. The block exists while there is a range in it.
 *
 * A peer may go back on what it said (reneging): data leaves the send queue only when it is
 * acknowledged cumulatively, and an ACK that ends within what is "held" clears the scoreboard.
 */
#include <string.h>

#include "transport/tcp/tcp_priv.h"

enum {
	SACKB_MIN = 4,
};

static size_t sackb_size(uint32_t cap)
{
	return sizeof(struct tcp_sackb) + cap * sizeof(struct tcp_sack_block);
}

static bool sackb_reserve(struct tcp_conn *conn)
{
	struct tcp_sackb *old = conn->sackb, *sb;
	uint32_t cap = old ? old->cap * 2 : SACKB_MIN;

	if (old && old->n < old->cap)
		return true;
	if (cap > TCP_SACK_RANGES_MAX)
		return false;
	sb = mem_resize(&tcp_eng(conn)->mem, old, old ? sackb_size(old->cap) : 0, sackb_size(cap));
	if (!sb)
		return false;
	if (!old)
		*sb = (struct tcp_sackb){.n = 0};
	sb->cap = cap;
	conn->sackb = sb;
	return true;
}

void tcp_sack_clear(struct tcp_conn *conn)
{
	if (conn->sackb)
		mem_free(&tcp_eng(conn)->mem, conn->sackb, sackb_size(conn->sackb->cap));
	conn->sackb = NULL;
}

/* Index of the first range that ends at or after `seq`. */
static uint32_t sackb_find(const struct tcp_sackb *sb, uint32_t seq)
{
	uint32_t lo = 0, hi = sb->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_lt(sb->ranges[mid].end, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Merges [start, end) in; returns the bytes that were not there before. */
static uint32_t sackb_add(struct tcp_conn *conn, uint32_t start, uint32_t end)
{
	struct tcp_sackb *sb = conn->sackb;
	uint32_t i = sb ? sackb_find(sb, start) : 0;
	uint32_t j = i, was = 0;

	for (; sb && j < sb->n && seq_leq(sb->ranges[j].start, end); j++)
		was += sb->ranges[j].end - sb->ranges[j].start;
	if (j == i) {
		if (!sackb_reserve(conn))
			return 0;
		sb = conn->sackb;
		memmove(&sb->ranges[i + 1], &sb->ranges[i], (sb->n - i) * sizeof(sb->ranges[0]));
		sb->n++;
	} else {
		start = seq_min(start, sb->ranges[i].start);
		end = seq_max(end, sb->ranges[j - 1].end);
		memmove(&sb->ranges[i + 1], &sb->ranges[j], (sb->n - j) * sizeof(sb->ranges[0]));
		sb->n -= j - i - 1;
	}
	sb->ranges[i] = (struct tcp_sack_block){start, end};
	sb->n_bytes += end - start - was;
	return end - start - was;
}

/* RFC 2883 §4: a first block below the ACK, or within the second block, reports a duplicate. */
static bool sack_is_dsack(const struct tcp_seg *seg, uint32_t i)
{
	const struct tcp_sack_block *b = seg->opts.sack;

	if (i != 0)
		return false;
	if (seq_leq(b[0].end, seg->ack))
		return true;
	return seg->opts.n_sack > 1 && seq_geq(b[0].start, b[1].start) &&
	       seq_leq(b[0].end, b[1].end);
}

/* RFC 2883 §5: a duplicate of what we sent, not long ago. */
static bool sack_dsack_ok(const struct tcp_conn *conn, const struct tcp_sack_block *b)
{
	return seq_lt(b->start, b->end) && seq_leq(b->end, conn->snd_nxt) &&
	       seq_geq(b->start, conn->snd_una - conn->snd_wnd_max) && seq_gt(b->start, conn->iss);
}

/*
 * A hole that fills without having been retransmitted was overtaken, not lost: the network reorders
 * at least that far. RFC 4653's idea, Linux's measure (in segments below the highest one held).
 */
static void sack_note_reordering(struct tcp_conn *conn, uint32_t start, uint32_t top)
{
	uint32_t n_segs;

	if (!seq_lt(start, top) || seq_lt(start, conn->high_rxt))
		return;
	if (conn->n_reord_seen < UINT16_MAX)
		conn->n_reord_seen++;
	n_segs = (top - start) / conn->mss + 1;
	n_segs = tcp_min(n_segs, tcp_conf(conn)->max_reordering);
	if (n_segs > conn->reordering)
		conn->reordering = (uint8_t)n_segs;
}

uint32_t tcp_sack_update(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint32_t top = tcp_sack_top(conn);
	uint32_t n_new = 0;

	for (uint32_t i = 0; i < seg->opts.n_sack; i++) {
		struct tcp_sack_block b = seg->opts.sack[i];
		uint32_t added;

		if (sack_is_dsack(seg, i)) {
			if (!sack_dsack_ok(conn, &b))
				continue;
			/* We sent something needlessly: be slower to hold segments lost. */
			tcp_mib(conn, MIB_TcpExtTCPDSACKRecv);
			if (conn->n_dsack_in < UINT16_MAX)
				conn->n_dsack_in++;
			if (conn->bytes_rexmt && conn->reordering < tcp_conf(conn)->max_reordering)
				conn->reordering++;
			continue;
		}
		/* Those of an old ACK, or of a hostile one. Held from snd_una on cannot be: it
		 * would have been acknowledged. */
		if (!seq_lt(b.start, b.end) || seq_gt(b.end, conn->snd_nxt) ||
		    seq_leq(b.start, conn->snd_una))
			continue;
		added = sackb_add(conn, b.start, b.end);
		if (added > 0)
			sack_note_reordering(conn, b.start, top);
		n_new += added;
	}
	return n_new;
}

void tcp_sack_advance(struct tcp_conn *conn)
{
	struct tcp_sackb *sb = conn->sackb;
	uint32_t n = 0;

	if (!sb)
		return;
	while (n < sb->n && seq_leq(sb->ranges[n].end, conn->snd_una)) {
		sb->n_bytes -= sb->ranges[n].end - sb->ranges[n].start;
		n++;
	}
	/* The peer acknowledges less than it said to hold: it has let go of what came out of order
	 * (RFC 2018 §8), so that nothing of it is believed any more. */
	if (n == sb->n || seq_leq(sb->ranges[n].start, conn->snd_una)) {
		if (n < sb->n)
			tcp_mib(conn, MIB_TcpExtTCPSACKReneging);
		tcp_sack_clear(conn);
		return;
	}
	sb->n -= n;
	memmove(&sb->ranges[0], &sb->ranges[n], sb->n * sizeof(sb->ranges[0]));
}

uint32_t tcp_sack_missing(const struct tcp_conn *conn, uint32_t start, uint32_t end)
{
	const struct tcp_sackb *sb = conn->sackb;
	uint32_t n = end - start;

	if (!seq_lt(start, end))
		return 0;
	if (!sb)
		return n;
	for (uint32_t i = sackb_find(sb, start); i < sb->n && seq_lt(sb->ranges[i].start, end); i++)
		n -= seq_min(end, sb->ranges[i].end) - seq_max(start, sb->ranges[i].start);
	return n;
}

bool tcp_sack_hole(const struct tcp_conn *conn, uint32_t *start, uint32_t *ret_end, uint32_t limit)
{
	const struct tcp_sackb *sb = conn->sackb;
	uint32_t i = sb ? sackb_find(sb, *start) : 0;

	if (sb && i < sb->n && sb->ranges[i].end == *start)
		i++;
	if (sb && i < sb->n && seq_leq(sb->ranges[i].start, *start))
		*start = sb->ranges[i++].end;
	*ret_end = sb && i < sb->n ? seq_min(sb->ranges[i].start, limit) : limit;
	return seq_lt(*start, *ret_end);
}

uint32_t tcp_sack_top(const struct tcp_conn *conn)
{
	return conn->sackb ? conn->sackb->ranges[conn->sackb->n - 1].end : conn->snd_una;
}

uint32_t tcp_dup_thresh(const struct tcp_conn *conn)
{
	uint32_t most = tcp_flight(conn) / conn->mss * 2 / 3;

	return tcp_min(conn->reordering, tcp_max(most, tcp_conf(conn)->reordering));
}

uint32_t tcp_sack_lost_end(const struct tcp_conn *conn)
{
	const struct tcp_sackb *sb = conn->sackb;
	uint32_t thresh = tcp_dup_thresh(conn);
	uint32_t above = 0, n_ranges = 0;

	/* RFC 6675 §4 IsLost: DupThresh ranges, or more than DupThresh - 1 segments, above. */
	for (uint32_t i = sb ? sb->n : 0; i-- > 0;) {
		above += sb->ranges[i].end - sb->ranges[i].start;
		n_ranges++;
		if (above > (thresh - 1) * conn->mss || n_ranges >= thresh)
			return sb->ranges[i].start;
	}
	return conn->snd_una;
}
