/* SPDX-License-Identifier: MIT */
/*
 * RFC 9293 §3.10.7.4: a segment in SYN-RECEIVED or any later state, one function a step.
 *
 *	first    sequence number, PAWS (RFC 7323 §5)     tcp_in_seq
 *	second   RST (RFC 5961 §3)                       tcp_in_rst
 *	fourth   SYN (RFC 5961 §4)                       tcp_in_syn
 *	fifth    ACK                                     tcp_in_ack
 *	sixth    URG (RFC 6093)                          tcp_urg.c
 *	seventh  text                                    tcp_in_text.c
 *	eighth   FIN                                     tcp_in_fin
 *
 * (The third step, security, is obsolete.) A step that ends the processing returns its verdict;
 * DROP_NONE with seg->stop unset goes on.
 */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"

enum {
	PAWS_VALID_S = 24 * 24 * 3600, /* RFC 7323 §5.5: after 24 days TS.Recent means nothing */
};

/* RFC 7323 §5.5 */
static bool tcp_ts_recent_has_expired(const struct tcp_conn *conn)
{
	return (uint32_t)(tcp_now(conn) / TCP_NS_PER_S) - conn->ts_recent_s >= PAWS_VALID_S;
}

/* An ACK that others have overtaken: it says nothing new of data and window, but perhaps of what
 * has arrived out of order (SACK), and that is not told again where much is missing.
 *
 * RFC-DEVIATION: RFC 7323 §5.3: it is taken, as in Linux, if it is no older than a timeout; not
 * with tcp_paws_window 0. */
static bool tcp_is_overtaken_ack(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << conn->snd_wscale;
	uint32_t age = conn->ts_recent - seg->opts.ts_val; /* ticks of the peer: a millisecond */

	return tcp_conf(conn)->paws_window > 0 && seg->len == 0 &&
	       (seg->flags & (TCP_F_ACK | TCP_F_SYN | TCP_F_FIN)) == TCP_F_ACK &&
	       seg->seq == conn->rcv_nxt && seg->ack == conn->snd_una && wnd > 0 &&
	       wnd <= conn->snd_wnd && age <= conn->rto_us / 1000;
}

/* Data that a retransmission has overtaken: that one filled the hole below and took its timestamp
 * along, so that what left shortly before it and comes late would be refused, and lost for no
 * reason but this one; the loss costs the peer a part of its window, and its retransmission
 * overtakes others again.
 *
 * RFC-DEVIATION: RFC 7323 §5.3: while something is missing, text is compared with TS.Recent of when
 * that began; not with tcp_paws_window 0. A duplicate from before the sequence numbers wrapped is
 * older: since then less than a wrap has come in (tcp_reasm.c). */
static bool tcp_is_overtaken_text(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	return tcp_conf(conn)->paws_window > 0 && seg->len > 0 && conn->reasm &&
	       seq_geq(seg->opts.ts_val, conn->reasm->ts_since);
}

static bool tcp_paws_rejects(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	/* RFC-DEVIATION: RFC 7323 §3.2: a segment without the timestamp that was agreed on is
	 * taken, as in Linux: there are boxes on the way that strip options.
	 *
	 * RFC-DEVIATION: RFC 7323 §5.3: a tick is forgiven (tcp_paws_window), as in Linux:
	 * neighbouring segments are overtaken more often than sequence numbers wrap in a
	 * millisecond. */
	return (conn->flags & TCPC_TS) && seg->opts.has_ts &&
	       seq_lt(seg->opts.ts_val + tcp_conf(conn)->paws_window, conn->ts_recent) &&
	       !tcp_ts_recent_has_expired(conn) && !tcp_is_overtaken_ack(conn, seg) &&
	       !tcp_is_overtaken_text(conn, seg);
}

/* RFC 9293 §3.10.7.4, first: the segment touches the window. The left edge is what we last
 * acknowledged, so that an empty segment overtaken by data is not answered (as Linux). */
static bool tcp_seq_is_acceptable(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	return seq_geq(seg->end_seq, conn->rcv_wup) &&
	       seq_leq(seg->seq, seq_max(conn->rcv_adv, conn->rcv_nxt));
}

/* An unacceptable segment is answered with an ACK, but empty ones at a bounded rate: two confused
 * peers must not answer each other's answers for ever. */
static void tcp_ack_unacceptable(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (seg->len > 0 || (seg->flags & TCP_F_FIN)) {
		if (seq_lt(seg->seq, conn->rcv_nxt))
			tcp_note_dsack(conn, seg->seq, seq_min(seg->end_seq, conn->rcv_nxt));
		tcp_conn_defer(conn, TCPC_ACK_NOW);
		return;
	}
	if (!tcp_answer_is_limited(conn->sk.stack, &conn->sk.conn))
		tcp_conn_defer(conn, TCPC_ACK_NOW);
}

static enum drop tcp_in_seq(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (tcp_paws_rejects(conn, seg) && !(seg->flags & TCP_F_RST)) {
		tcp_mib(conn, MIB_TcpExtPAWSEstab);
		/* A pure ACK that was overtaken is no reason to talk (RFC 7323 §5.2, Linux). */
		if (seg->len > 0 || seg->seq != conn->rcv_nxt)
			tcp_ack_unacceptable(conn, seg);
		return DROP_TCP_PAWS;
	}
	if (!tcp_seq_is_acceptable(conn, seg)) {
		if (!(seg->flags & TCP_F_RST))
			tcp_ack_unacceptable(conn, seg);
		return seq_lt(seg->seq, conn->rcv_nxt) ? DROP_TCP_OLD_SEQ : DROP_TCP_WINDOW;
	}
	return DROP_NONE;
}

/* RFC 7323 §4.3 (3): only a segment that spans what we last acknowledged sets TS.Recent. */
static void tcp_in_ts_recent(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (!(conn->flags & TCPC_TS) || !seg->opts.has_ts || seq_gt(seg->seq, conn->rcv_wup))
		return;
	/* Also the tick that PAWS forgives does not set it back. */
	if (seq_lt(seg->opts.ts_val, conn->ts_recent) && !tcp_ts_recent_has_expired(conn))
		return;
	conn->ts_recent = seg->opts.ts_val;
	conn->ts_recent_s = (uint32_t)(tcp_now(conn) / TCP_NS_PER_S);
}

void tcp_was_reset(struct tcp_conn *conn)
{
	switch (conn->state) {
	case WEFT_TCP_SYN_RECV:
		if (conn->tfo & TCP_TFO_CHILD) {
			tcp_tfoq_leave(conn, true);
			tcp_fail(conn, ECONNRESET);
			return;
		}
		tcp_fail(conn, ECONNREFUSED);
		return;
	case WEFT_TCP_ESTABLISHED:
		mib_inc(conn->sk.stack, MIB_TcpEstabResets);
		tcp_fail(conn, ECONNRESET);
		return;
	case WEFT_TCP_CLOSE_WAIT:
		mib_inc(conn->sk.stack, MIB_TcpEstabResets);
		tcp_fail(conn, EPIPE);
		return;
	case WEFT_TCP_FIN_WAIT1:
	case WEFT_TCP_FIN_WAIT2:
		tcp_fail(conn, ECONNRESET);
		return;
	default: /* CLOSING, LAST-ACK: the reset ends what was ending */
		tcp_done(conn);
		return;
	}
}

/* RFC 5961 §3.2: exactly the next number resets; elsewhere in the window the peer is asked. */
static enum drop tcp_in_rst(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (seg->seq != conn->rcv_nxt) {
		tcp_challenge_ack(conn);
		return DROP_TCP_RST_SEQ;
	}
	tcp_was_reset(conn);
	return DROP_NONE;
}

/* RFC 9293 §3.5 figure 8: in a simultaneous open the SYN comes again, now with an ACK. */
static bool tcp_is_simultaneous_synack(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	return conn->state == WEFT_TCP_SYN_RECV && (seg->flags & TCP_F_ACK) &&
	       seg->seq == conn->irs && seg->end_seq == conn->rcv_nxt &&
	       seq_gt(seg->ack, conn->iss) && seq_leq(seg->ack, conn->snd_nxt);
}

/* Fifth step in SYN-RECEIVED. */
static enum drop tcp_ack_syn_rcvd(struct tcp_conn *conn, struct tcp_seg *seg)
{
	if (!(seq_lt(conn->iss, seg->ack) && seq_leq(seg->ack, conn->snd_nxt))) {
		tcp_reset_for(conn->sk.stack, seg);
		return DROP_TCP_ACK_UNSENT;
	}
	conn->snd_una = conn->iss + 1;
	if (conn->tfo & TCP_TFO_CHILD)
		tcp_tfo_established(conn);
	else
		tcp_established(conn);
	return DROP_NONE;
}

void tcp_established(struct tcp_conn *conn)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	int64_t now = tcp_now(conn);

	conn->established_ns = now ? now : 1; /* 0 says not yet */
	conn->handshake_us = tcp_clock_us(conn) - conn->rtt_us;
	/* RFC 6298 §5.7: a SYN that was lost says that one second was too short. */
	if (conn->n_backoffs > 0 && conn->srtt_us8 == 0)
		conn->rto_us = TCP_RTO_FALLBACK_US;
	/* RFC 5681 §3.1: what lost a SYN shall not get ten segments at once. */
	if (conn->n_backoffs >= conf->syn_loss_iw)
		conn->cc.cwnd = conn->cc.mss;
	conn->n_backoffs = 0;
	conn->n_retries = 0;
	conn->n_keepalives = 0;
	conn->soft_err = 0;
	conn->snd_sml = conn->snd_una;
	conn->recover = conn->snd_una - 1;
	conn->last_snd_ms = tcp_clock_ms(conn->sk.stack);
	conn->last_rcv_ms = conn->last_snd_ms;
	tcp_sndbuf_grow(conn, 4 * conn->cc.cwnd);
	if (!(conn->flags & TCPC_PASSIVE))
		tcp_rcvq_tune_start(conn);
	tcp_set_state(conn, WEFT_TCP_ESTABLISHED);
	conn->sk.flags |= SOCK_F_CONNECTED;
	tcp_rexmt_restart(conn);
	tcp_idle_arm(conn);
	sock_wake(&conn->sk, SOCK_OUT);
}

static enum drop tcp_in_ack(struct tcp_conn *conn, struct tcp_seg *seg)
{
	enum drop why;

	if (conn->state == WEFT_TCP_SYN_RECV) {
		why = tcp_ack_syn_rcvd(conn, seg);
		if (why != DROP_NONE)
			return why;
		tcp_tfo_resend(conn); /* but for what this segment acknowledges */
	}
	return tcp_ack(conn, seg);
}

/* Eighth step. rcv_nxt is at the FIN, and everything before it has been queued. */
void tcp_in_fin(struct tcp_conn *conn)
{
	tcp_reasm_purge(conn); /* there is nothing after a FIN */
	conn->rcv_nxt++;
	conn->flags |= TCPC_FIN_RCVD;
	conn->rcv_adv = seq_max(conn->rcv_adv, conn->rcv_nxt);
	/* Who ends as soon as the peer does has one segment to send instead of two. */
	if (conn->state == WEFT_TCP_ESTABLISHED && tcp_conf(conn)->fin_ack_waits)
		tcp_ack_schedule(conn);
	else
		tcp_conn_defer(conn, TCPC_ACK_NOW);
	sock_wake(&conn->sk, SOCK_IN | SOCK_RDHUP | SOCK_HUP);
	switch (conn->state) {
	case WEFT_TCP_SYN_RECV:
	case WEFT_TCP_ESTABLISHED:
		tcp_set_state(conn, WEFT_TCP_CLOSE_WAIT);
		break;
	case WEFT_TCP_FIN_WAIT1:
		/* Had our FIN been acknowledged by this segment we would be in FIN-WAIT-2. */
		tcp_set_state(conn, WEFT_TCP_CLOSING);
		break;
	case WEFT_TCP_FIN_WAIT2:
		tcp_send_ack(conn);
		tcp_time_wait(conn);
		break;
	default:
		break;
	}
}

/* Data after the application has closed, or has shut down both ways: nobody will read it, the peer
 * must know (RFC 9293 §3.10.4, RFC 1122 §4.2.2.13). */
static bool tcp_is_data_after_close(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	return (conn->sk.flags & (SOCK_F_ORPHAN | SOCK_F_SHUT_RD)) && seg->len > 0 &&
	       (conn->state == WEFT_TCP_FIN_WAIT1 || conn->state == WEFT_TCP_FIN_WAIT2) &&
	       seq_gt(seg->seq + seg->len, conn->rcv_nxt);
}

/* A fast-open connection's SYN again: our answer was lost, or a box took the data out. */
static bool tcp_is_tfo_syn_again(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	return (conn->tfo & TCP_TFO_CHILD) && seg->seq == conn->irs &&
	       (seg->flags & (TCP_F_SYN | TCP_F_ACK | TCP_F_RST)) == TCP_F_SYN;
}

static enum drop tcp_in_tfo_syn_again(struct tcp_conn *conn)
{
	if (tcp_answer_is_limited(conn->sk.stack, &conn->sk.conn))
		return DROP_TCP_SYN_AGAIN;
	tcp_mib(conn, MIB_TcpExtTCPSynRetrans);
	(void)tcp_send_syn(conn);
	return DROP_NONE;
}

enum drop tcp_in_synced(struct tcp_conn *conn, struct tcp_seg *seg)
{
	enum drop why;

	if (unlikely(tcp_is_tfo_syn_again(conn, seg)))
		return tcp_in_tfo_syn_again(conn);

	if ((seg->flags & TCP_F_SYN) && tcp_is_simultaneous_synack(conn, seg)) {
		tcp_conn_defer(conn, TCPC_ACK_NOW);
		return tcp_in_ack(conn, seg);
	}
	why = tcp_in_seq(conn, seg);
	if (why != DROP_NONE)
		return why;
	if (seg->flags & TCP_F_RST)
		return tcp_in_rst(conn, seg);
	if (seg->flags & TCP_F_SYN) {
		/* RFC 5961 §4.2 */
		tcp_challenge_ack(conn);
		return DROP_TCP_SYN_IN_WINDOW;
	}
	if (!(seg->flags & TCP_F_ACK))
		return DROP_TCP_NO_ACK;
	tcp_in_ts_recent(conn, seg);
	why = tcp_in_ack(conn, seg);
	if (why != DROP_NONE || conn->state == WEFT_TCP_CLOSE)
		return why;
	if (tcp_is_data_after_close(conn, seg)) {
		tcp_mib(conn, MIB_TcpExtTCPAbortOnData);
		/* By the segment's ACK, which is the number that the peer expects: our FIN may be
		 * lost. */
		tcp_reset_for(conn->sk.stack, seg);
		tcp_fail(conn, ECONNRESET);
		return DROP_TCP_CLOSED;
	}
	if (seg->flags & TCP_F_URG)
		tcp_urg_input(conn, seg);
	return tcp_in_text(conn, seg);
}
