/* SPDX-License-Identifier: MIT */
/*
 * Explicit congestion notification (RFC 3168): routers mark instead of dropping, the receiver
 * echoes the mark, the sender answers as to a loss and says so.
 *
 *	sender                        router           receiver
 *	data, ECT(0)  ------------>   sets CE  ------>  ECE on every ACK
 *	window smaller, once  <-----------------------  until CWR comes
 *	new data with CWR  -------------------------->  ECE ends
 *
 * Agreed in the handshake: SYN with ECE and CWR, SYN-ACK with ECE. tcp_ecn says who asks: 0 nobody,
 * 1 we do, 2 (as Linux) only who is asked agrees; a control may ask by itself (DCTCP). A SYN that
 * has to be repeated asks no more (tcp_ecn_fallback): some middleboxes drop what they do not know.
 *
 * With DCTCP the receiver echoes exactly (RFC 8257 §3.2): ECE follows CE, and when CE changes an
 * ACK goes out for what came before.
 *
 * RFC-DEVIATION: RFC 3168 §6.1.2: the window shrinks at once, not as ACKs come in; nothing new is
 * sent until what is in flight fits it.
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	ECN_QUICKACKS = 2, /* a sender that was slowed down shall not wait for delayed ACKs */
	SYN_ECN = TCP_F_ECE | TCP_F_CWR,
};

static bool tcp_cc_wants_ecn(const struct tcp_conn *conn)
{
	return conn->cc.ops->flags & CC_ECN;
}

bool tcp_ecn_is_exact(const struct tcp_conn *conn)
{
	return conn->cc.ops->flags & CC_ECN_EXACT;
}

uint16_t tcp_ecn_syn_flags(struct tcp_conn *conn, bool is_reply, bool is_again)
{
	if (is_reply)
		return conn->ecn & TCP_ECN_OK ? TCP_F_ECE : 0;
	if (tcp_conf(conn)->ecn != 1 && !tcp_cc_wants_ecn(conn) && !(conn->ecn & TCP_ECN_ROUTE))
		return 0;
	if (is_again && tcp_conf(conn)->ecn_fallback)
		return 0;
	conn->ecn |= TCP_ECN_ASKED;
	return SYN_ECN;
}

void tcp_ecn_learn(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint16_t want = seg->flags & TCP_F_ACK ? TCP_F_ECE : SYN_ECN;

	if ((conn->ecn & TCP_ECN_ASKED) && (seg->flags & SYN_ECN) == want)
		conn->ecn |= TCP_ECN_OK;
	conn->ecn &= (uint8_t)~TCP_ECN_ASKED;
}

/* The way back asks for it (`ip route … features ecn`). */
static bool ecn_is_of_route(const struct tcp_conn *listener, const struct tcp_seg *seg)
{
	struct ip_flow flow = {.dst = seg->info->src, .src = seg->info->dst};

	return ip_route_metrics(listener->sk.stack, &flow).features & ROUTE_FEATURE_ECN;
}

/* RFC 3168 §6.1.1: a SYN is not ECT; from where it is, marks cannot be trusted. */
bool tcp_ecn_accepts(const struct tcp_conn *listener, const struct tcp_seg *seg)
{
	bool is_ect = (seg->info->tos & IP_ECN_MASK) != IP_ECN_NOT_ECT;

	if ((seg->flags & (SYN_ECN | TCP_F_AE)) != SYN_ECN)
		return false;
	return tcp_cc_wants_ecn(listener) ||
	       (!is_ect && (tcp_conf(listener)->ecn || ecn_is_of_route(listener, seg)));
}

uint8_t tcp_ecn_output(struct tcp_conn *conn, bool is_new_data, uint16_t *flags)
{
	if (!(conn->ecn & TCP_ECN_OK) || (*flags & (TCP_F_SYN | TCP_F_RST)))
		return IP_ECN_NOT_ECT;
	if (conn->ecn & TCP_ECN_ECE)
		*flags |= TCP_F_ECE;
	if (!is_new_data)
		return tcp_ecn_is_exact(conn) ? IP_ECN_ECT0 : IP_ECN_NOT_ECT;
	if (conn->ecn & TCP_ECN_CWR) {
		conn->ecn &= (uint8_t)~TCP_ECN_CWR;
		*flags |= TCP_F_CWR;
	}
	return IP_ECN_ECT0;
}

static void tcp_ecn_quickack(struct tcp_conn *conn)
{
	conn->flags &= ~(uint32_t)TCPC_PINGPONG;
	if (conn->n_quickacks < ECN_QUICKACKS)
		conn->n_quickacks = ECN_QUICKACKS;
}

/* RFC 8257 §3.2, figure 1. What came before the change has its own ACK. */
static void tcp_ecn_exact(struct tcp_conn *conn, bool is_ce)
{
	if (is_ce == !!(conn->ecn & TCP_ECN_CE))
		return;
	if (conn->flags & TCPC_ACK_DELAYED)
		tcp_send_ack(conn);
	conn->ecn ^= TCP_ECN_CE;
	conn->ecn = (uint8_t)(is_ce ? conn->ecn | TCP_ECN_ECE : conn->ecn & ~TCP_ECN_ECE);
	tcp_conn_defer(conn, TCPC_ACK_NOW);
}

void tcp_ecn_input(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint8_t ecn = seg->info->tos & IP_ECN_MASK;

	if (!(conn->ecn & TCP_ECN_OK))
		return;
	if (seg->flags & TCP_F_CWR) {
		if (!tcp_ecn_is_exact(conn))
			conn->ecn &= (uint8_t)~TCP_ECN_ECE;
		/* Its window may be a single segment now. */
		if (seg->len > 0)
			tcp_conn_defer(conn, TCPC_ACK_NOW);
	}
	if (ecn == IP_ECN_NOT_ECT) {
		/* Sent again, or the path removes the field. */
		if (conn->ecn & TCP_ECN_SEEN)
			tcp_ecn_quickack(conn);
		return;
	}
	conn->ecn |= TCP_ECN_SEEN;
	if (tcp_ecn_is_exact(conn)) {
		tcp_ecn_exact(conn, ecn == IP_ECN_CE);
	} else if (ecn == IP_ECN_CE && !(conn->ecn & TCP_ECN_ECE)) {
		conn->ecn |= TCP_ECN_ECE;
		tcp_ecn_quickack(conn);
	}
}

bool tcp_ecn_is_reducing(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	return snd && snd->is_cwr && seq_lt(conn->snd_una, snd->cwr_high);
}

void tcp_ecn_reduced(struct tcp_conn *conn)
{
	if (conn->ecn & TCP_ECN_OK)
		conn->ecn |= TCP_ECN_CWR;
}

void tcp_ecn_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	struct tcp_sender *snd = tcp_sender(conn);
	uint32_t n_segs = (ev->delivered_bytes + conn->mss - 1) / conn->mss;
	struct cc_loss loss = {
		.now_ns = tcp_now(conn),
		.flight_bytes = tcp_min(ev->flight_bytes, conn->cc.cwnd),
		.is_ecn = true,
		.nxt = conn->snd_nxt,
	};

	if (!snd)
		return;
	if (snd->is_cwr && seq_geq(conn->snd_una, snd->cwr_high))
		snd->is_cwr = false;
	if (!ev->is_ece)
		return;
	snd->delivered_ce += n_segs;
	mib_add(conn->sk.stack, MIB_TcpExtTCPDeliveredCE, n_segs);
	/* RFC 3168 §6.1.2: once a window, and not on top of the answer to a loss. */
	if (snd->is_cwr || conn->ca_state >= TCP_CA_RECOVERY)
		return;
	cc_on_loss(&conn->cc, &loss);
	snd->is_cwr = true;
	snd->cwr_high = conn->snd_nxt;
	tcp_ecn_reduced(conn);
}
