/* SPDX-License-Identifier: MIT */
/*
 * RFC 9293 §3.10.7.4, seventh step: segment text. In-order data goes to the receive queue, the rest
 * to the out-of-order queue; then it is decided when to acknowledge (RFC 9293 §3.8.6.3, RFC 5681
 * §4.2, RFC 2883).
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

/* The largest frame seen stands for the peer's segment size; a full one tells the round trip. */
static void tcp_learn_from_text(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (seg->frame_len > conn->rcv_mss)
		conn->rcv_mss = (uint16_t)tcp_min(seg->frame_len, conn->advmss);
	if (seg->opts.has_ts && seg->opts.ts_ecr && seg->frame_len >= conn->rcv_mss) {
		uint32_t ms = tcp_ts_age_ms(conn, seg->opts.ts_ecr);

		if (ms < TCP_RTO_MAX_US / 1000)
			tcp_rcvq_tune_rtt(conn, tcp_max(ms * 1000, 1));
	}
}

void tcp_ack_schedule(struct tcp_conn *conn)
{
	bool is_quick = conn->n_quickacks > 0 && !(conn->flags & TCPC_PINGPONG);

	/* RFC 9293 MUST-59: every second full segment; Linux's condition for it. */
	if (conn->rcv_nxt - conn->rcv_wup > conn->rcv_mss || is_quick || conn->reasm ||
	    (conn->flags & TCPC_QUICKACK)) {
		tcp_conn_defer(conn, TCPC_ACK_NOW);
		return;
	}
	if (conn->flags & TCPC_ACK_DELAYED)
		return;
	conn->flags |= TCPC_ACK_DELAYED;
	conn->delack_ns = tcp_now(conn) + (int64_t)tcp_conf(conn)->delack_ms * TCP_NS_PER_MS;
	tcp_timer_upto(conn, conn->delack_ns);
}

void tcp_note_dsack(struct tcp_conn *conn, uint32_t start, uint32_t end)
{
	/* The first of several counts, since one block tells of one range. */
	if (!(conn->flags & TCPC_SACK) || (conn->flags & TCPC_DSACK) || !seq_lt(start, end))
		return;
	conn->flags |= TCPC_DSACK;
	conn->dsack = (struct tcp_sack_block){start, end};
	tcp_mib(conn, seq_lt(start, conn->rcv_nxt) ? MIB_TcpExtTCPDSACKOldSent
						   : MIB_TcpExtTCPDSACKOfoSent);
}

/* What of [start, end) waits out of order already (RFC 2883 §4: its first piece). */
static void tcp_note_overlap(struct tcp_conn *conn, uint32_t start, uint32_t end)
{
	struct tcp_sack_block dup;

	if ((conn->flags & TCPC_SACK) && tcp_reasm_overlap(conn, start, end, &dup))
		tcp_note_dsack(conn, dup.start, dup.end);
}

/* RFC 5681 §4.2: every segment out of order is acknowledged at once. With SACK the blocks tell the
 * whole story, so that one ACK for a batch of frames will do; without, the peer counts them. */
static void tcp_ack_out_of_order(struct tcp_conn *conn)
{
	if (conn->flags & TCPC_SACK)
		tcp_conn_defer(conn, TCPC_ACK_NOW);
	else
		tcp_send_ack(conn);
}

/* Pulls the headers off and keeps [start, end) of the payload. Takes the packet from `seg`. */
static struct pkt *tcp_seg_take(struct tcp_seg *seg, uint32_t start, uint32_t end)
{
	struct pkt *pkt = seg->pkt;

	seg->pkt = NULL;
	pkt_pull(pkt, seg->hdr_len);
	pkt_trim(pkt, end - seg->seq);
	if (start != seg->seq)
		pkt_eat(pkt, start - seg->seq);
	return pkt;
}

/* Data in order may be kept. An empty queue always takes a segment: whatever others hold, this
 * connection moves. */
static bool tcp_text_fits(struct tcp_conn *conn, const struct pkt *pkt)
{
	uint32_t n = tcp_truesize(pkt);

	if (likely(tcp_mem_has_rcv(conn, n)) || tcp_prune(conn, conn->rcv_nxt, n))
		return true;
	if (!conn->rcvq.first)
		return true;
	tcp_mib(conn, MIB_TcpExtRcvPruned);
	tcp_mib(conn, MIB_TcpExtTCPRcvQDrop);
	return false;
}

static enum drop tcp_text_in_order(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t data_end)
{
	bool has_fin = (seg->flags & TCP_F_FIN) && seg->end_seq == data_end + 1;

	if (seq_lt(seg->seq, conn->rcv_nxt))
		tcp_note_dsack(conn, seg->seq, seq_min(conn->rcv_nxt, data_end));
	if (conn->reasm)
		tcp_note_overlap(conn, conn->rcv_nxt, data_end);
	if (seg->len > 0 && seq_gt(data_end, conn->rcv_nxt)) {
		struct pkt *pkt;

		if (!tcp_text_fits(conn, seg->pkt)) {
			tcp_conn_defer(conn, TCPC_ACK_NOW);
			return DROP_TCP_RCVBUF;
		}
		pkt = tcp_seg_take(seg, conn->rcv_nxt, data_end);
		conn->rcv_nxt = data_end;
		tcp_rcvq_push(conn, pkt);
		if (conn->flags & TCPC_RCV_URG)
			sock_wake(&conn->sk, SOCK_PRI);
	}
	if (has_fin)
		tcp_reasm_purge(conn); /* nothing comes after a FIN */
	else if (conn->reasm)
		has_fin = tcp_reasm_drain(conn);
	sock_wake(&conn->sk, SOCK_IN);
	tcp_ack_schedule(conn);
	if (has_fin)
		tcp_in_fin(conn);
	return DROP_NONE;
}

static enum drop tcp_text_out_of_order(struct tcp_conn *conn, struct tcp_seg *seg,
				       uint32_t data_end)
{
	bool has_fin = (seg->flags & TCP_F_FIN) && seg->end_seq == data_end + 1;
	uint32_t hdr_len = seg->hdr_len;
	uint32_t len = seg->pkt->len;
	struct pkt *pkt = seg->pkt;
	enum drop why;

	conn->n_ooo_in += seg->n_frames;
	tcp_ack_out_of_order(conn);
	if (!tcp_reasm_has_room(conn, tcp_truesize(pkt)) &&
	    !tcp_prune(conn, seg->seq, tcp_truesize(pkt))) {
		tcp_mib(conn, MIB_TcpExtTCPOFODrop);
		return DROP_TCP_RCVBUF;
	}
	pkt->tcp.seq = seg->seq;
	pkt->tcp.end_seq = data_end + has_fin;
	pkt->tcp.flags = has_fin ? TCP_F_FIN : 0;
	pkt_pull(pkt, hdr_len);
	if (len - hdr_len > data_end - seg->seq)
		pkt_trim(pkt, data_end - seg->seq);
	tcp_note_overlap(conn, seg->seq, data_end);
	why = tcp_reasm_add(conn, pkt);
	if (why == DROP_NONE || why == DROP_TCP_OLD_SEQ) {
		seg->pkt = NULL;
		if (why == DROP_NONE)
			tcp_mib(conn, MIB_TcpExtTCPOFOQueue);
		return DROP_NONE;
	}
	pkt_unpull_to(pkt, pkt->l4_off);
	tcp_mib(conn, MIB_TcpExtTCPOFODrop);
	return why;
}

enum drop tcp_in_text(struct tcp_conn *conn, struct tcp_seg *seg)
{
	uint32_t edge = seq_max(conn->rcv_adv, conn->rcv_nxt);
	uint32_t data_end = seg->seq + seg->len;

	if (seg->len == 0 && !(seg->flags & TCP_F_FIN))
		return DROP_NONE;
	/* CLOSE-WAIT and later: "should not occur since a FIN has been received". */
	if (conn->flags & TCPC_FIN_RCVD) {
		tcp_conn_defer(conn, TCPC_ACK_NOW);
		return DROP_TCP_OLD_SEQ;
	}
	/* All of it came before. */
	if (seq_leq(seg->end_seq, conn->rcv_nxt)) {
		tcp_note_dsack(conn, seg->seq, seg->end_seq);
		tcp_conn_defer(conn, TCPC_ACK_NOW);
		return DROP_TCP_OLD_SEQ;
	}
	/* A probe of our closed window, or what begins where the window ends: nothing of it fits,
	 * and the peer wants to know. */
	if (seg->len > 0 && (seq_leq(edge, conn->rcv_nxt) || seq_leq(edge, seg->seq))) {
		tcp_conn_defer(conn, TCPC_ACK_NOW);
		return DROP_TCP_WINDOW;
	}
	tcp_learn_from_text(conn, seg);
	if (conn->ecn)
		tcp_ecn_input(conn, seg);
	conn->data_segs_in += seg->len > 0 ? seg->n_frames : 0;
	conn->last_text_ms = tcp_clock_ms(conn->sk.stack);
	/* What reaches beyond the window is cut off, the FIN with it. */
	data_end = seq_min(data_end, edge);
	if (seq_leq(seg->seq, conn->rcv_nxt))
		return tcp_text_in_order(conn, seg, data_end);
	return tcp_text_out_of_order(conn, seg, data_end);
}
