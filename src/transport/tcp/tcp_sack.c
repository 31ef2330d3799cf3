/* SPDX-License-Identifier: MIT */
/*
 * What SACK blocks tell the sender (RFC 2018, RFC 2883): which bytes beyond snd_una the peer holds,
 * noted in the records of what is in flight (tcp_txq.c); duplicates that it got; and how far the
 * network reorders.
 *
 * A peer may go back on what it said (reneging): data leaves the send queue only when it is
 * acknowledged cumulatively, and an ACK that ends within what is "held" clears it.
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

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
 * What has arrived late was overtaken, not lost: the network reorders at least that far. RFC 4653's
 * idea, Linux's measure (in segments below the highest one held).
 */
static void sack_reordered(struct tcp_conn *conn, uint32_t seq, uint32_t held_top)
{
	uint32_t n_segs = (held_top - seq) / conn->mss + 1;

	if (conn->n_reord_seen < UINT16_MAX)
		conn->n_reord_seen++;
	n_segs = tcp_min(n_segs, tcp_conf(conn)->max_reordering);
	if (n_segs > conn->reordering)
		conn->reordering = (uint8_t)n_segs;
}

/* A hole that fills without having been retransmitted. */
void tcp_sack_reordering(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	if (!ev->has_once || !seq_lt(ev->once_seq, ev->held_top))
		return;
	tcp_mib(conn, MIB_TcpExtTCPSACKReorder);
	sack_reordered(conn, ev->once_seq, ev->held_top);
}

/* One that was retransmitted in vain, as the timestamp says. */
void tcp_sack_reordering_by_echo(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	uint32_t una_was = conn->snd_una - ev->acked_bytes;

	if (!(conn->flags & TCPC_SACK) || !seq_lt(una_was, ev->held_top))
		return;
	tcp_mib(conn, MIB_TcpExtTCPTSReorder);
	sack_reordered(conn, una_was, ev->held_top);
}

/* RFC 2883: we sent something needlessly. */
static void sack_on_dsack(struct tcp_conn *conn, const struct tcp_sack_block *b,
			  struct tcp_ack_event *ev)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	ev->has_dsack = true;
	tcp_mib(conn, MIB_TcpExtTCPDSACKRecv);
	if (conn->n_dsack_in < UINT16_MAX)
		conn->n_dsack_in++;
	if (!conn->bytes_rexmt || !snd)
		return; /* the network has duplicated it */
	if ((snd->marks & TCP_SND_TLP_AGAIN) && b->end == snd->tlp_high) {
		ev->has_tlp_dsack = true;
		return;
	}
	tcp_undo_on_dsack(conn, b);
	if (tcp_rack_is_on(conn))
		tcp_rack_on_dsack(conn);
	else if (conn->reordering < tcp_conf(conn)->max_reordering)
		conn->reordering++;
}

uint32_t tcp_sack_update(struct tcp_conn *conn, const struct tcp_seg *seg, struct tcp_ack_event *ev)
{
	uint32_t n_new = 0;

	for (uint32_t i = 0; i < seg->opts.n_sack; i++) {
		struct tcp_sack_block b = seg->opts.sack[i];

		if (sack_is_dsack(seg, i)) {
			if (!sack_dsack_ok(conn, &b))
				continue;
			sack_on_dsack(conn, &b, ev);
			continue;
		}
		/* Those of an old ACK, or of a hostile one. Held from snd_una on cannot be: it
		 * would have been acknowledged. */
		if (!seq_lt(b.start, b.end) || seq_gt(b.end, conn->snd_nxt) ||
		    seq_leq(b.start, conn->snd_una))
			continue;
		n_new += tcp_txq_hold(conn, b.start, b.end, ev);
	}
	return n_new;
}

uint32_t tcp_dup_thresh(const struct tcp_conn *conn)
{
	uint32_t most = tcp_flight(conn) / conn->mss * 2 / 3;

	return tcp_min(conn->reordering, tcp_max(most, tcp_conf(conn)->reordering));
}

uint32_t tcp_sack_lost_end(const struct tcp_conn *conn)
{
	const struct tcp_txq *q = conn->txq;
	uint32_t thresh = tcp_dup_thresh(conn);
	uint32_t above = 0, n_ranges = 0;

	if (!q || q->held_bytes == 0)
		return conn->snd_una;
	/* RFC 6675 §4 IsLost: DupThresh ranges, or more than DupThresh - 1 segments, above. */
	for (uint32_t i = q->n; i-- > 0;) {
		const struct tcp_txrec *r = tcp_txq_at_const(q, i);

		if (!(r->flags & TXR_HELD))
			continue;
		above += r->end - r->seq;
		n_ranges++;
		if (above > (thresh - 1) * conn->mss || n_ranges >= thresh)
			return r->seq;
	}
	return conn->snd_una;
}
