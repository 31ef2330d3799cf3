/* SPDX-License-Identifier: MIT */
/*
 * RFC 9293 §3.10.7.3: SYN-SENT. The peer's SYN-ACK completes the handshake; its own SYN makes the
 * open a simultaneous one; a RST that acknowledges our SYN refuses the connection.
 */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	TCP_DEFER_ACK_MS = 200,
};

static bool tcp_syn_ack_ok(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	return seq_gt(seg->ack, conn->iss) && seq_leq(seg->ack, conn->snd_nxt);
}

/* RFC 7323 §3.2: an echo of a timestamp that we did not send belongs to an older SYN. */
static bool tcp_syn_echo_ok(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint32_t waited_ms = tcp_clock_ms(conn->sk.stack) - conn->rexmt_started_ms + 1;
	uint32_t waited = waited_ms / tcp_conf(conn)->ts_tick_ms + 1;

	if (!seg->opts.has_ts || !seg->opts.ts_ecr)
		return true;
	return seq_leq(tcp_ts_now(conn) - waited, seg->opts.ts_ecr) &&
	       seq_leq(seg->opts.ts_ecr, tcp_ts_now(conn));
}

/* The window that our SYN offered was an offset from zero until now. */
static void tcp_syn_sent_learn(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint32_t offered = conn->rcv_adv;

	tcp_learn_syn(conn, seg);
	tcp_ecn_learn(conn, seg);
	conn->rcv_adv = conn->rcv_nxt + offered;
}

/* With TCP_DEFER_ACCEPT the first data shall carry the handshake's last ACK (as Linux). */
static void tcp_syn_sent_ack(struct tcp_conn *conn)
{
	if (tcp_sockopts(conn)->n_defer == 0) {
		tcp_conn_defer(conn, TCPC_ACK_NOW);
		return;
	}
	conn->flags |= TCPC_ACK_DELAYED;
	conn->delack_ns = tcp_now(conn) + TCP_DEFER_ACK_MS * TCP_NS_PER_MS;
	tcp_timer_sync(conn);
}

/* A SYN that was repeated: the echoed timestamp tells which one was answered (RFC 7323 §4.1). That
 * SYNs were lost stays known, for the initial window. */
static void tcp_syn_sent_rtt(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint8_t n_backoffs = conn->n_backoffs;

	if (!(conn->flags & TCPC_TS) || !seg->opts.ts_ecr)
		return;
	tcp_rtt_sample(
		conn,
		tcp_max(tcp_min(tcp_ts_age_ms(conn, seg->opts.ts_ecr), TCP_RTO_MAX_US / 1000), 1) *
			1000);
	conn->n_backoffs = n_backoffs;
}

static enum drop tcp_syn_sent_established(struct tcp_conn *conn, struct tcp_seg *seg)
{
	uint32_t rtt_us = tcp_clock_us(conn) - conn->rtt_us;

	tcp_syn_sent_learn(conn, seg);
	conn->snd_una = seg->ack;
	tcp_tfo_synack(conn, seg);
	if (conn->flags & TCPC_RTT_TIMING)
		tcp_rtt_sample(conn, rtt_us);
	else
		tcp_syn_sent_rtt(conn, seg);
	conn->flags &= ~(uint32_t)TCPC_RTT_TIMING;
	tcp_established(conn);
	tcp_syn_sent_ack(conn);
	tcp_tfo_resend(conn);
	/* "Other controls or text in the segment": the seventh and eighth steps, shifted past the
	 * SYN. */
	if (seg->len > 0 || (seg->flags & TCP_F_FIN)) {
		seg->seq++;
		return tcp_in_text(conn, seg);
	}
	return DROP_NONE;
}

/* Both SYNs crossed (RFC 9293 §3.5, figure 8). Text in the SYN is left for the peer to repeat; of a
 * fast open only the data that went out is remembered, until the handshake's end. */
static enum drop tcp_syn_sent_simultaneous(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	tcp_syn_sent_learn(conn, seg);
	conn->flags &= ~(uint32_t)TCPC_RTT_TIMING;
	conn->tfo &= TCP_TFO_DATA;
	tcp_set_state(conn, WEFT_TCP_SYN_RECV);
	(void)tcp_send_syn(conn);
	tcp_rexmt_restart(conn);
	return DROP_NONE;
}

enum drop tcp_in_syn_sent(struct tcp_conn *conn, struct tcp_seg *seg)
{
	bool has_ack = seg->flags & TCP_F_ACK;

	/* first: the ACK bit */
	if (has_ack && (!tcp_syn_ack_ok(conn, seg) || !tcp_syn_echo_ok(conn, seg))) {
		if (seg->flags & TCP_F_RST)
			return DROP_TCP_RST_SEQ;
		tcp_reset_for(conn->sk.stack, seg);
		return DROP_TCP_ACK_UNSENT;
	}
	/* second: the RST bit */
	if (seg->flags & TCP_F_RST) {
		if (!has_ack)
			return DROP_TCP_RST_SEQ;
		tcp_fail(conn, ECONNREFUSED);
		return DROP_NONE;
	}
	/* fourth: the SYN bit */
	if (!(seg->flags & TCP_F_SYN))
		return DROP_TCP_FLAGS;
	if (has_ack)
		return tcp_syn_sent_established(conn, seg);
	return tcp_syn_sent_simultaneous(conn, seg);
}
