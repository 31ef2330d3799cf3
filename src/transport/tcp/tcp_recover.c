/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery: NewReno (RFC 6582) without SACK, RFC 6675 with it, limited transmit (RFC 3042),
 * and what follows a timeout (RFC 5681 §3.1, RFC 6298 §5.4).
 *
 * How it works: the records of what is in flight (tcp_txq.c) are marked held, lost, sent again.
 * "pipe", what is held to be in the network, is what is in flight less what is held, less what is
 * lost, plus what was sent again. Pieces that are lost go out while pipe is below cwnd, then new
 * data. What is lost depends on the state:
 *
 *	RECOVERY, SACK   what has enough held above it for RFC 6675's IsLost()
 *	RECOVERY         one segment at snd_una (NewReno: each partial ACK shows the next hole)
 *	LOSS             all that was in flight at the timeout
 *
 *	OPEN <-> DISORDER ---- lost ----> RECOVERY --.
 *	  ^          |                        |       | snd_una reaches `recover`
 *	  |          `------ timeout ------> LOSS     |
 *	  `----------------------------------+--------'
 */
#include <assert.h>

#include "transport/tcp/tcp_priv.h"

const char *tcp_ca_name(uint8_t ca_state)
{
	switch (ca_state) {
	case TCP_CA_OPEN:
		return "open";
	case TCP_CA_DISORDER:
		return "disorder";
	case TCP_CA_RECOVERY:
		return "recovery";
	default:
		return "loss";
	}
}

static bool tcp_has_sack(const struct tcp_conn *conn)
{
	return conn->flags & TCPC_SACK;
}

/* Without SACK every duplicate ACK stands for one segment that has left the network. */
static uint32_t tcp_reno_held(const struct tcp_conn *conn)
{
	uint32_t flight = tcp_flight(conn);
	uint32_t most = flight > conn->mss ? flight - conn->mss : 0;

	if (tcp_has_sack(conn))
		return 0;
	return tcp_min((uint32_t)conn->n_dupacks * conn->mss, most);
}

uint32_t tcp_pipe(const struct tcp_conn *conn)
{
	const struct tcp_txq *q = conn->txq;
	uint32_t n = tcp_flight(conn);

	if (q)
		n += q->again_bytes - q->held_bytes - q->lost_bytes;
	return n - tcp_min(n, tcp_reno_held(conn));
}

/* Marks what the scoreboard, or without SACK the duplicate ACKs, say is lost. */
static void tcp_mark_lost(struct tcp_conn *conn)
{
	if (tcp_has_sack(conn))
		tcp_txq_lose_below(conn, tcp_sack_lost_end(conn));
	else
		tcp_txq_lose_below(conn, seq_min(conn->snd_una + conn->mss, conn->recover));
}

/* RFC 5681 §3.2, RFC 6675 §5: three duplicate ACKs, or SACK blocks that say as much. */
static bool tcp_loss_found(const struct tcp_conn *conn)
{
	/* RFC 6582 §3.2 step 2: duplicate ACKs up to `recover` may stem from what was sent twice in
	 * the last recovery. With SACK they bring news, which only segments that arrived can. */
	if (conn->n_dupacks >= tcp_dup_thresh(conn))
		return tcp_has_sack(conn) || seq_gt(conn->snd_una, conn->recover);
	return tcp_sack_lost_end(conn) != conn->snd_una;
}

static void tcp_enter(struct tcp_conn *conn, enum tcp_ca_state ca_state)
{
	struct cc_loss loss = {
		.now_ns = tcp_now(conn),
		/* Without what limited transmit added (RFC 5681 §3.2). */
		.flight_bytes = tcp_min(tcp_flight(conn), conn->cc.cwnd),
		.is_timeout = ca_state == TCP_CA_LOSS,
		.is_repeated = ca_state == TCP_CA_LOSS && conn->n_backoffs > 0,
		.nxt = conn->snd_nxt,
	};

	cc_on_loss(&conn->cc, &loss);
	conn->ca_state = (uint8_t)ca_state;
	conn->recover = conn->snd_nxt;
}

static void tcp_enter_recovery(struct tcp_conn *conn)
{
	tcp_mib(conn, tcp_has_sack(conn) ? MIB_TcpExtTCPSackRecovery : MIB_TcpExtTCPRenoRecovery);
	tcp_mib(conn, MIB_TcpExtTCPFastRetrans);
	tcp_enter(conn, TCP_CA_RECOVERY);
	tcp_mark_lost(conn);
}

static void tcp_leave_recovery(struct tcp_conn *conn)
{
	if (conn->ca_state == TCP_CA_RECOVERY)
		cc_on_recovered(&conn->cc);
	tcp_txq_unlose_all(conn);
	conn->ca_state = tcp_held_bytes(conn) ? TCP_CA_DISORDER : TCP_CA_OPEN;
	conn->n_dupacks = 0;
}

/* The duplicate ACKs behind `acked` new bytes are used up: one for each segment but the first. */
static void tcp_reno_deflate(struct tcp_conn *conn, uint32_t acked)
{
	uint32_t n = acked / conn->mss;

	conn->n_dupacks -= (uint16_t)tcp_min(conn->n_dupacks, n > 0 ? n - 1 : 0);
}

void tcp_recover_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	if (ev->is_dup && conn->n_dupacks < UINT16_MAX)
		conn->n_dupacks++;
	if (conn->ca_state >= TCP_CA_RECOVERY) {
		if (ev->acked_bytes > 0 && seq_geq(conn->snd_una, conn->recover)) {
			tcp_leave_recovery(conn);
		} else if (ev->acked_bytes > 0) {
			if (!tcp_has_sack(conn))
				tcp_reno_deflate(conn, ev->acked_bytes);
			if (conn->ca_state == TCP_CA_LOSS)
				tcp_cc_on_ack(conn, ev);
		}
		if (conn->ca_state == TCP_CA_RECOVERY)
			tcp_mark_lost(conn);
		return;
	}
	if (ev->acked_bytes > 0) {
		conn->n_dupacks = 0;
		if (seq_gt(conn->snd_una, conn->recover))
			conn->recover = conn->snd_una - 1; /* must not fall behind by 2^31 */
		if (!tcp_loss_found(conn))
			tcp_cc_on_ack(conn, ev);
	}
	if (tcp_loss_found(conn))
		tcp_enter_recovery(conn);
	else
		conn->ca_state =
			tcp_held_bytes(conn) || conn->n_dupacks ? TCP_CA_DISORDER : TCP_CA_OPEN;
}

void tcp_recover_on_timeout(struct tcp_conn *conn)
{
	conn->n_dupacks = 0;
	tcp_enter(conn, TCP_CA_LOSS);
	tcp_txq_lose_all(conn);
}

void tcp_recover_on_mtu(struct tcp_conn *conn)
{
	conn->ca_state = TCP_CA_LOSS;
	conn->recover = conn->snd_nxt;
	conn->n_dupacks = 0;
	tcp_txq_lose_all(conn);
}

/* A peer that took its window back throws away what lies beyond (RFC 9293 §3.8.6, SHLD-16); the
 * first segment goes all the same, as a probe. False: nothing is left. */
static bool tcp_clip_to_window(const struct tcp_conn *conn, uint32_t start, uint32_t *end)
{
	uint32_t edge = conn->snd_una + tcp_max(conn->snd_wnd, conn->mss);

	*end = seq_min(*end, edge);
	return seq_lt(start, *end);
}

/* RFC 6675 §4 NextSeg rule 3: nothing is surely lost and nothing is new, but there is a hole below
 * what is held: better than waiting for the timeout. */
static bool tcp_next_hole(struct tcp_conn *conn, uint32_t *start, uint32_t *end)
{
	struct tcp_txq *q = conn->txq;

	if (conn->ca_state != TCP_CA_RECOVERY || tcp_unsent(conn) > 0 || !q || !q->held_bytes)
		return false;
	for (uint32_t i = 0; i < q->n && seq_lt(tcp_txq_at(q, i)->seq, q->held_top); i++) {
		const struct tcp_txrec *r = tcp_txq_at(q, i);

		if (r->flags & (TXR_HELD | TXR_AGAIN))
			continue;
		*start = r->seq;
		*end = r->end;
		return true;
	}
	return false;
}

/* The next piece to send again: [*start, *end). */
static bool tcp_next_again(struct tcp_conn *conn, uint32_t *start, uint32_t *end)
{
	if (!tcp_txq_next_lost(conn, start, end) && !tcp_next_hole(conn, start, end))
		return false;
	return tcp_clip_to_window(conn, *start, end);
}

bool tcp_recover_output(struct tcp_conn *conn)
{
	uint32_t start, end, room, pipe;

	if (conn->ca_state < TCP_CA_RECOVERY || !tcp_next_again(conn, &start, &end))
		return false;
	assert(conn->mss > 0);
	pipe = tcp_pipe(conn);
	/* RFC 6675 §5 (C): a full segment must fit; the first retransmission always goes. */
	room = conn->cc.cwnd > pipe ? conn->cc.cwnd - pipe : 0;
	if (room < conn->mss && start != conn->snd_una)
		return false;
	room = tcp_max(room - room % conn->mss, conn->mss);
	return tcp_send_again(conn, start, tcp_min(end - start, room)) > 0;
}
