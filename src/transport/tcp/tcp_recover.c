/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery: what an ACK, a timeout or RACK's timer makes of the connection. Who finds losses:
 * RACK (RFC 8985, tcp_rack.c), with tcp_recovery 0 RFC 6675, without SACK duplicate ACKs (RFC 6582,
 * NewReno). How much is sent meanwhile: PRR (tcp_prr.c). Whether it was a loss at all: tcp_undo.c,
 * and F-RTO (RFC 5682) here. Limited transmit (RFC 3042) falls out of "pipe".
 *
 * How it works: the records of what is in flight (tcp_txq.c) are marked held, lost, sent again.
 * "pipe", what is held to be in the network, is what is in flight less what is held, less what is
 * lost, plus what was sent again. Pieces that are lost go out while pipe is below cwnd, then new
 * data.
 *
 *	OPEN <-> DISORDER ---- lost ----> RECOVERY --.
 *	  ^          |                        |       | snd_una reaches `recover`, or
 *	  |          `------ timeout ------> LOSS     | it was no loss
 *	  `----------------------------------+--------'
 */
#include <assert.h>

#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

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

static struct cc_loss tcp_cc_loss(const struct tcp_conn *conn)
{
	return (struct cc_loss){
		.now_ns = tcp_now(conn),
		/* Without what limited transmit added (RFC 5681 §3.2). */
		.flight_bytes = tcp_min(tcp_flight(conn), conn->cc.cwnd),
		.nxt = conn->snd_nxt,
	};
}

static void tcp_undo_start_now(struct tcp_conn *conn)
{
	const struct cc_state *cc = &conn->cc;

	tcp_undo_start(conn, cc->cwnd, tcp_max(cc->ssthresh, cc->cwnd / 4 * 3));
}

static void tcp_enter_recovery(struct tcp_conn *conn)
{
	struct cc_loss loss = tcp_cc_loss(conn);

	tcp_mib(conn, tcp_has_sack(conn) ? MIB_TcpExtTCPSackRecovery : MIB_TcpExtTCPRenoRecovery);
	tcp_mib(conn, MIB_TcpExtTCPFastRetrans);
	tcp_undo_start_now(conn);
	loss.flight_bytes = tcp_cwv_on_loss(conn, loss.flight_bytes);
	tcp_prr_start(conn, conn->cc.cwnd);
	tcp_sender(conn)->marks &= (uint8_t)~TCP_SND_TLP;
	cc_on_loss(&conn->cc, &loss);
	tcp_ecn_reduced(conn);
	conn->ca_state = TCP_CA_RECOVERY;
	conn->recover = conn->snd_nxt;
	tcp_sender(conn)->reduced_ns = tcp_now(conn);
	tcp_sender(conn)->marks &= (uint8_t)~TCP_SND_LOST_AGAIN;
}

/* With tcp_reduce_again a retransmission that is lost is a second sign of congestion, once for
 * those that have left since the last one.
 *
 * RFC-DEVIATION: RFC 5681 §4.3: not by default, as in Linux: what is sent while a loss is repaired
 * is in proportion to what arrives (PRR), so that the window is not kept up by losses; and flows
 * whose retransmissions are lost in a full queue are the small ones. */
static void tcp_reduce_again(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);
	struct cc_loss loss = tcp_cc_loss(conn);

	if (!(snd->marks & TCP_SND_LOST_AGAIN))
		return;
	snd->marks &= (uint8_t)~TCP_SND_LOST_AGAIN;
	if (!tcp_conf(conn)->reduce_again || conn->ca_state != TCP_CA_RECOVERY)
		return;
	tcp_undo_forget(conn);
	tcp_prr_start(conn, conn->cc.cwnd);
	cc_on_loss(&conn->cc, &loss);
	conn->recover = conn->snd_nxt;
	snd->reduced_ns = tcp_now(conn);
}

static void tcp_to_open(struct tcp_conn *conn)
{
	conn->ca_state =
		tcp_held_bytes(conn) > 0 || conn->n_dupacks > 0 ? TCP_CA_DISORDER : TCP_CA_OPEN;
}

/* snd_una has reached `recover`. */
static void tcp_leave_recovery(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	if (!tcp_undo_recovery(conn, ev)) {
		tcp_rack_recovered(conn);
		if (conn->ca_state == TCP_CA_RECOVERY)
			cc_on_recovered(&conn->cc);
	}
	tcp_cwv_recovered(conn, false);
	conn->n_dupacks = 0;
	tcp_to_open(conn);
}

/* Without SACK (RFC 5681 §3.2, RFC 6582): three duplicate ACKs tell of a loss at snd_una, and in
 * recovery each partial ACK does. Duplicates up to `recover` may stem from what was sent twice in
 * the last recovery (RFC 6582 §3.2 step 2). */
static void tcp_find_lost_reno(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	bool is_found = conn->ca_state == TCP_CA_RECOVERY
				? ev->acked_bytes > 0
				: conn->ca_state < TCP_CA_RECOVERY &&
					  conn->n_dupacks >= tcp_dup_thresh(conn) &&
					  seq_gt(conn->snd_una, conn->recover);

	if (is_found)
		tcp_txq_lose_below(conn, seq_min(conn->snd_una + conn->mss, conn->snd_nxt));
}

/* RFC 6675 §5: IsLost(), or as many ACKs with news as there would be duplicates. */
static void tcp_find_lost_sack(struct tcp_conn *conn)
{
	uint32_t end = tcp_sack_lost_end(conn);

	if (end == conn->snd_una && conn->ca_state < TCP_CA_RECOVERY &&
	    conn->n_dupacks >= tcp_dup_thresh(conn))
		end = seq_min(conn->snd_una + conn->mss, conn->snd_nxt);
	tcp_txq_lose_below(conn, end);
}

/* Marks what this ACK shows to be lost. True: something was found. */
static bool tcp_find_lost(struct tcp_conn *conn, struct tcp_ack_event *ev)
{
	uint32_t due = conn->txq ? conn->txq->due_bytes : 0;

	if (!conn->txq)
		return false;
	if (!tcp_has_sack(conn))
		tcp_find_lost_reno(conn, ev);
	else if (tcp_rack_is_on(conn))
		ev->has_reo_timer = tcp_rack_find_lost(conn);
	else if (conn->ca_state != TCP_CA_LOSS)
		tcp_find_lost_sack(conn);
	return conn->txq->due_bytes > due;
}

/* The duplicate ACKs behind `acked` new bytes are used up: one for each segment but the first. */
static void tcp_reno_deflate(struct tcp_conn *conn, uint32_t acked)
{
	uint32_t n = acked / conn->mss;

	conn->n_dupacks -= (uint16_t)tcp_min(conn->n_dupacks, n > 0 ? n - 1 : 0);
}

/* What has arrived, as far as ACKs without SACK tell: a duplicate stands for a segment, and what is
 * acknowledged was partly told by duplicates before. */
static uint32_t tcp_delivered(const struct tcp_conn *conn, const struct tcp_ack_event *ev,
			      uint32_t n_dupacks_was)
{
	uint32_t told = n_dupacks_was * conn->mss;

	if (tcp_has_sack(conn))
		return ev->delivered_bytes;
	if (ev->acked_bytes == 0)
		return ev->is_dup ? conn->mss : 0;
	return tcp_max(ev->acked_bytes - tcp_min(told, ev->acked_bytes), conn->mss);
}

/* More is lost than is repaired, in a state that repairs nothing. */
static void tcp_enter_if_lost(struct tcp_conn *conn)
{
	if (conn->ca_state >= TCP_CA_RECOVERY || !conn->txq || conn->txq->due_bytes == 0)
		return;
	if (tcp_mtup_on_loss(conn))
		tcp_recover_on_probe(conn);
	else
		tcp_enter_recovery(conn);
}

/* OPEN or DISORDER. */
static void tcp_on_ack_open(struct tcp_conn *conn, struct tcp_ack_event *ev, bool *is_lost)
{
	if (ev->acked_bytes > 0) {
		conn->n_dupacks = 0;
		if (seq_gt(conn->snd_una, conn->recover))
			conn->recover = conn->snd_una - 1; /* must not fall behind by 2^31 */
	}
	(void)tcp_undo_dsack(conn);
	*is_lost = tcp_find_lost(conn, ev);
	tcp_to_open(conn);
	tcp_enter_if_lost(conn);
}

static void tcp_on_ack_recovery(struct tcp_conn *conn, struct tcp_ack_event *ev, bool *is_lost)
{
	if (ev->acked_bytes > 0 && !tcp_has_sack(conn))
		tcp_reno_deflate(conn, ev->acked_bytes);
	/* When every retransmission was needless this is no recovery; nor when the ACK is of what
	 * was sent first, of which the rest may still come. */
	if ((ev->acked_bytes > 0 && tcp_undo_partial(conn, ev)) || tcp_undo_dsack(conn)) {
		conn->n_dupacks = 0;
		tcp_to_open(conn);
	}
	*is_lost = tcp_find_lost(conn, ev);
	tcp_reduce_again(conn);
	tcp_enter_if_lost(conn);
}

/* F-RTO (RFC 5682 §3.1, and §2.1 without SACK), after a timeout. What was sent once and before it
 * arrives: nothing was lost. If only what was sent again does, new data is sent instead of more
 * retransmissions (2.b), and what the next ACK tells decides (3). True: no retransmission now. */
static bool tcp_on_ack_frto(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (seq_gt(conn->snd_nxt, conn->recover)) {
		if (ev->sacked_bytes > 0 || ev->is_dup)
			snd->marks &= (uint8_t)~TCP_SND_FRTO; /* 3.a */
		return false;
	}
	if (ev->acked_bytes == 0 || seq_geq(conn->snd_una, conn->recover))
		return false;
	conn->recover = conn->snd_nxt;
	if (tcp_unsent(conn) > 0 && tcp_snd_wnd_left(conn) > 0) {
		snd->marks |= TCP_SND_FRTO_NEW;
		return true;
	}
	snd->marks &= (uint8_t)~TCP_SND_FRTO;
	return false;
}

static void tcp_on_ack_loss(struct tcp_conn *conn, struct tcp_ack_event *ev, bool *is_lost)
{
	bool is_recovered = seq_geq(conn->snd_una, conn->recover);
	bool is_undone = ev->acked_bytes > 0 && tcp_undo_loss(conn, ev, false);

	if (!is_undone && (tcp_snd_marks(conn) & TCP_SND_FRTO)) {
		is_undone = ev->has_original && tcp_undo_loss(conn, ev, true);
		if (!is_undone && tcp_on_ack_frto(conn, ev))
			return;
	}
	if (ev->acked_bytes > 0 && !tcp_has_sack(conn))
		tcp_reno_deflate(conn, ev->acked_bytes);
	if (is_undone) {
		conn->n_dupacks = 0;
		tcp_to_open(conn);
	} else if (ev->acked_bytes > 0 && is_recovered) {
		tcp_leave_recovery(conn, ev);
	}
	*is_lost = tcp_find_lost(conn, ev);
	tcp_enter_if_lost(conn);
}

/* Who says how large the window is now: the control, or PRR while a loss is repaired. */
static void tcp_window_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev,
			      uint32_t delivered, bool is_lost)
{
	if (conn->cc.ops->flags & CC_OWN_CWND) {
		if (ev->delivered_bytes > 0)
			tcp_cc_on_ack(conn, ev);
	} else if (conn->ca_state == TCP_CA_RECOVERY) {
		tcp_prr_on_ack(conn, delivered, ev->acked_bytes > 0 && !is_lost);
	} else if (ev->acked_bytes > 0) {
		tcp_cc_on_ack(conn, ev);
	}
}

void tcp_recover_on_ack(struct tcp_conn *conn, struct tcp_ack_event *ev)
{
	uint32_t n_dupacks_was = conn->n_dupacks;
	bool is_lost = false;

	if (!tcp_sender(conn))
		return; /* never sent anything */
	tcp_tlp_on_ack(conn, ev);
	if (ev->is_dup && conn->n_dupacks < UINT16_MAX)
		conn->n_dupacks++;
	if (conn->ca_state == TCP_CA_RECOVERY && ev->acked_bytes > 0 &&
	    seq_geq(conn->snd_una, conn->recover))
		tcp_leave_recovery(conn, ev);
	if (conn->ca_state == TCP_CA_RECOVERY)
		tcp_on_ack_recovery(conn, ev, &is_lost);
	else if (conn->ca_state == TCP_CA_LOSS)
		tcp_on_ack_loss(conn, ev, &is_lost);
	else
		tcp_on_ack_open(conn, ev, &is_lost);
	tcp_window_on_ack(conn, ev, tcp_delivered(conn, ev, n_dupacks_was), is_lost);
}

void tcp_recover_on_reo_timeout(struct tcp_conn *conn, uint32_t lost)
{
	tcp_reduce_again(conn);
	if (lost == 0 || conn->ca_state >= TCP_CA_RECOVERY)
		return;
	tcp_enter_if_lost(conn);
	if (conn->ca_state == TCP_CA_RECOVERY && !(conn->cc.ops->flags & CC_OWN_CWND))
		tcp_prr_on_ack(conn, conn->mss, false);
}

void tcp_recover_on_tlp(struct tcp_conn *conn)
{
	struct cc_loss loss = tcp_cc_loss(conn);

	if (conn->ca_state >= TCP_CA_RECOVERY)
		return;
	cc_on_loss(&conn->cc, &loss);
	cc_on_recovered(&conn->cc);
}

/* What left so recently that it may still arrive is not lost with the rest (as Linux). */
static void tcp_lose_on_timeout(struct tcp_conn *conn)
{
	struct tcp_txq *q = conn->txq;

	for (uint32_t i = 0; q && i < q->n; i++) {
		const struct tcp_txrec *r = tcp_txq_at(q, i);

		if (r->flags & TXR_HELD)
			continue;
		if (i > 0 && tcp_rack_is_on(conn) && tcp_rack_left_ns(conn, r, 0) > 0)
			continue;
		tcp_txq_lose(conn, i);
	}
}

void tcp_recover_on_timeout(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);
	struct cc_loss loss = tcp_cc_loss(conn);
	bool is_new = conn->ca_state < TCP_CA_RECOVERY || seq_leq(conn->recover, conn->snd_una) ||
		      (conn->ca_state == TCP_CA_LOSS && conn->n_retries == 0);

	loss.is_timeout = true;
	loss.is_repeated = !is_new;
	if (is_new)
		tcp_undo_start_now(conn);
	cc_on_loss(&conn->cc, &loss);
	tcp_ecn_reduced(conn);
	snd->marks &= (uint8_t) ~(TCP_SND_TLP | TCP_SND_FRTO | TCP_SND_FRTO_NEW);
	if (tcp_conf(conn)->frto && (is_new || conn->n_retries > 0))
		snd->marks |= TCP_SND_FRTO;
	tcp_cwv_recovered(conn, true);
	snd->prr_cwnd = 0;
	conn->n_dupacks = 0;
	conn->ca_state = TCP_CA_LOSS;
	conn->recover = conn->snd_nxt;
	tcp_lose_on_timeout(conn);
	/* RFC 5681 §3.1: one segment, beyond what is held to be on its way. */
	conn->cc.cwnd = tcp_min(tcp_pipe(conn) + conn->mss, CC_CWND_MAX);
}

void tcp_recover_on_probe(struct tcp_conn *conn)
{
	conn->ca_state = TCP_CA_LOSS;
	conn->recover = conn->snd_nxt;
	conn->n_dupacks = 0;
	if (tcp_sender(conn)) {
		tcp_undo_forget(conn);
		tcp_sender(conn)->marks &= (uint8_t) ~(TCP_SND_FRTO | TCP_SND_FRTO_NEW);
	}
}

void tcp_recover_on_mtu(struct tcp_conn *conn)
{
	tcp_recover_on_probe(conn);
	tcp_txq_lose_all(conn);
}

/* A peer that took its window back throws away what lies beyond (RFC 9293 §3.8.6, SHLD-16); the
 * first segment goes all the same, as a probe. Less than a unit of the field is no retraction: the
 * peer has rounded (RFC 7323 §2.4). False: nothing is left. */
static bool tcp_clip_to_window(const struct tcp_conn *conn, uint32_t start, uint32_t *end)
{
	uint32_t rounded = (1u << conn->snd_wscale) - 1;
	uint32_t edge = conn->snd_una + tcp_max(conn->snd_wnd + rounded, conn->mss);

	*end = seq_min(*end, edge);
	return seq_lt(start, *end);
}

/* RFC 6675 §4 NextSeg rule 3: nothing is surely lost and nothing is new, but there is a hole below
 * what is held: better than waiting for the timeout. */
static bool tcp_next_hole(struct tcp_conn *conn, uint32_t *start, uint32_t *end)
{
	struct tcp_txq *q = conn->txq;

	if (conn->ca_state != TCP_CA_RECOVERY || tcp_unsent(conn) > 0 || !q || !q->held_bytes ||
	    tcp_rack_is_on(conn))
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

	if (conn->ca_state < TCP_CA_RECOVERY || (tcp_snd_marks(conn) & TCP_SND_FRTO_NEW) ||
	    !tcp_next_again(conn, &start, &end))
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

bool tcp_recover_output_done(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!(tcp_snd_marks(conn) & TCP_SND_FRTO_NEW))
		return false;
	snd->marks &= (uint8_t)~TCP_SND_FRTO_NEW;
	if (seq_gt(conn->snd_nxt, conn->recover))
		return false;
	snd->marks &= (uint8_t)~TCP_SND_FRTO;
	return true;
}
