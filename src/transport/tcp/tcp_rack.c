/* SPDX-License-Identifier: MIT */
/*
 * RACK-TLP (RFC 8985): losses are found by time. What was sent well before something that has
 * arrived is lost; and when the last segments of a flight are, so that nothing behind them tells,
 * a probe makes the peer answer long before the retransmission timeout.
 *
 * How it works: of all that has arrived, RACK knows the transmission that left last (rack_ns,
 * rack_end) and how long it took. A record that left before it is held lost when its own time plus
 * that round trip plus the reordering window are over; if they are not over yet, the timer
 * TCP_REXMT_REO looks again when they will be. The window is zero until reordering has been seen
 * and loss is likely; a quarter of the least round trip then, and a quarter more for each round
 * trip in which the peer reported that a retransmission was needless (D-SACK).
 *
 * Retransmissions are found lost the same way, since a record has the time of the last one. The
 * walk goes over records in order and ends at the first that was sent once, and later than RACK's,
 * above all that was sent again: originals leave in order.
 *
 * As in Linux the loss probe's own loss detection (§7.4) makes the window smaller without a
 * recovery, and a probe is never sent while something is selectively acknowledged.
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	/* tcp_recovery */
	RACK_ON = 1,
	RACK_STATIC_WINDOW = 2,
	RACK_NO_DUPTHRESH = 4,
	RACK_KEEP = 16,      /* recoveries for which a larger window is kept */
	RACK_TICK_US = 2000, /* as Linux: timers do not fire earlier than this */
};

bool tcp_rack_is_on(const struct tcp_conn *conn)
{
	return (conn->flags & TCPC_SACK) && (tcp_conf(conn)->recovery & RACK_ON);
}

/* RFC 8985 §6.2 step 2: of two transmissions in the same instant the higher one left later. */
static bool rack_is_later(int64_t a_ns, uint32_t a_end, int64_t b_ns, uint32_t b_end)
{
	return a_ns > b_ns || (a_ns == b_ns && seq_gt(a_end, b_end));
}

/* The echo is of before the record was sent again: what arrived is an earlier transmission, which
 * left a round trip before (half of which is more than the lag). */
static bool rack_is_earlier_copy(const struct tcp_conn *conn, const struct tcp_txrec *rec,
				 const struct tcp_ack_event *ev)
{
	uint32_t tick_ms = tcp_conf(conn)->ts_tick_ms;
	uint32_t sent = (uint32_t)(rec->tx_ns / ((int64_t)tick_ms * TCP_NS_PER_MS)) + conn->ts_off;

	return ev->has_echo && seq_lt(ev->ts_ecr, sent - 2 * tcp_again_lag(conn));
}

void tcp_rack_delivered(struct tcp_conn *conn, const struct tcp_txrec *rec, uint32_t end,
			const struct tcp_ack_event *ev)
{
	struct tcp_sender *snd = tcp_sender(conn);
	int64_t rtt_us = (tcp_now(conn) - rec->tx_ns) / TCP_NS_PER_US;

	/* An ACK faster than any so far is of the first copy. */
	if ((rec->flags & TXR_TWICE) &&
	    (rtt_us < conn->rtt_min_us || rack_is_earlier_copy(conn, rec, ev)))
		return;
	snd->rack_has_news = true;
	snd->rack_rtt_us = (uint32_t)(rtt_us < UINT32_MAX / 4 ? rtt_us : UINT32_MAX / 4);
	if (!rack_is_later(rec->tx_ns, end, snd->rack_ns, snd->rack_end))
		return;
	snd->rack_ns = rec->tx_ns;
	snd->rack_end = end;
}

/* RFC 8985 §6.2 step 4. */
static uint32_t rack_window_us(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	uint32_t flags = tcp_conf(conn)->recovery;
	uint32_t srtt_us = conn->srtt_us8 / 8;
	uint64_t us = (conn->rtt_min_us ? conn->rtt_min_us : srtt_us) / 4;

	if (conn->n_reord_seen == 0) {
		if (conn->ca_state >= TCP_CA_RECOVERY)
			return 0;
		if (!(flags & RACK_NO_DUPTHRESH) && conn->txq &&
		    conn->txq->held_segs >= conn->reordering)
			return 0;
	}
	if (!(flags & RACK_STATIC_WINDOW))
		us *= snd->reo_steps + 1u;
	return us < srtt_us ? (uint32_t)us : srtt_us;
}

/* A round trip with needless retransmissions makes the window a step larger; it goes back after
 * some recoveries without. */
void tcp_rack_on_dsack(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (conn->n_reord_seen == 0 || (tcp_conf(conn)->recovery & RACK_STATIC_WINDOW) ||
	    (snd->reo_keep > 0 && seq_lt(conn->snd_una, snd->reo_round)))
		return;
	snd->reo_round = conn->snd_nxt;
	snd->reo_keep = RACK_KEEP;
	if (snd->reo_steps < UINT8_MAX - 1)
		snd->reo_steps++;
}

void tcp_rack_recovered(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (snd->reo_keep > 0 && --snd->reo_keep == 0)
		snd->reo_steps = 0;
}

int64_t tcp_rack_left_ns(const struct tcp_conn *conn, const struct tcp_txrec *rec,
			 uint32_t window_us)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	int64_t due_ns = rec->tx_ns + ((int64_t)snd->rack_rtt_us + window_us) * TCP_NS_PER_US;

	return due_ns - tcp_now(conn);
}

/* RFC 8985 §6.2 step 5. Returns the time until the last of those that are not lost yet may be; 0:
 * there is none. */
static int64_t rack_detect(struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	uint32_t window_us = rack_window_us(conn);
	struct tcp_txq *q = conn->txq;
	int64_t wait_ns = 0;

	for (uint32_t i = 0; i < q->n; i++) {
		struct tcp_txrec *r = tcp_txq_at(q, i);
		int64_t left_ns;

		if ((r->flags & TXR_HELD) || tcp_txr_is_due(r))
			continue;
		if (!rack_is_later(snd->rack_ns, snd->rack_end, r->tx_ns, r->end)) {
			if (!(r->flags & TXR_TWICE) && seq_geq(r->seq, q->again_top))
				break;
			continue;
		}
		left_ns = tcp_rack_left_ns(conn, r, window_us);
		if (left_ns <= 0)
			tcp_txq_lose(conn, i);
		else if (left_ns > wait_ns)
			wait_ns = left_ns;
	}
	return wait_ns;
}

bool tcp_rack_find_lost(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);
	int64_t wait_ns;

	if (!snd->rack_has_news || !conn->txq)
		return false;
	snd->rack_has_news = false;
	wait_ns = rack_detect(conn);
	if (wait_ns == 0)
		return false;
	tcp_rexmt_set(conn, TCP_REXMT_REO, wait_ns + RACK_TICK_US * TCP_NS_PER_US);
	return true;
}

void tcp_rack_fire(struct tcp_conn *conn)
{
	uint32_t pipe = tcp_pipe(conn);
	int64_t wait_ns = rack_detect(conn);

	if (wait_ns > 0)
		tcp_rexmt_set(conn, TCP_REXMT_REO, wait_ns + RACK_TICK_US * TCP_NS_PER_US);
	if (tcp_pipe(conn) != pipe)
		tcp_recover_on_reo_timeout(conn, pipe - tcp_pipe(conn));
	tcp_output(conn);
}

/* Tail loss probe */

static int64_t tlp_pto_ns(const struct tcp_conn *conn)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	int64_t us = conn->srtt_us8 / 4;

	if (conn->srtt_us8 == 0)
		us = (int64_t)conf->rto_initial_ms * 1000;
	else if (conn->txq->n == 1 && tcp_txq_at(conn->txq, 0)->n_segs == 1)
		us = tcp_tlp_single_us(conn);
	else
		us += RACK_TICK_US;
	return us * TCP_NS_PER_US;
}

bool tcp_tlp_schedule(struct tcp_conn *conn, int64_t rto_ns)
{
	int64_t pto_ns;

	if (!tcp_tlp_is_on(conn) || conn->ca_state != TCP_CA_OPEN || !conn->txq ||
	    conn->txq->n == 0 || tcp_held_bytes(conn) > 0)
		return false;
	pto_ns = tlp_pto_ns(conn);
	if (rto_ns > 0 && rto_ns < pto_ns)
		pto_ns = rto_ns;
	tcp_rexmt_set(conn, TCP_REXMT_TLP, pto_ns);
	return true;
}

/* The last segment in flight, again. */
static bool tlp_send_last(struct tcp_conn *conn)
{
	struct tcp_txq *q = conn->txq;
	const struct tcp_txrec *r = tcp_txq_at(q, q->n - 1);
	uint32_t len = r->end - r->seq, last;

	if (r->flags & TXR_HELD)
		return false;
	last = len;
	if (r->n_segs > 1) {
		uint32_t before = (r->n_segs - 1u) * conn->mss;

		last = before < len ? len - before : tcp_min(len, conn->mss);
	}
	return tcp_send_again(conn, r->end - last, last) > 0;
}

/* RFC 8985 §7.3: new data if there is some and the peer takes it, else the last segment again. */
void tcp_tlp_fire(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);
	uint32_t n = tcp_min(tcp_unsent(conn), conn->mss);
	uint32_t nxt = conn->snd_nxt;
	bool is_sent = false;

	if (!(tcp_snd_marks(conn) & TCP_SND_TLP) && tcp_may_send(conn) && conn->txq) {
		snd->marks &= (uint8_t)~TCP_SND_TLP_AGAIN;
		if (n > 0 && tcp_snd_wnd_left(conn) >= n) {
			is_sent = tcp_send_override(conn) && conn->snd_nxt != nxt;
		} else if (tlp_send_last(conn)) {
			snd->marks |= TCP_SND_TLP_AGAIN;
			is_sent = true;
		}
	}
	if (is_sent) {
		snd->marks |= TCP_SND_TLP;
		snd->tlp_high = conn->snd_nxt;
		tcp_mib(conn, MIB_TcpExtTCPLossProbes);
	}
	tcp_rexmt_rto(conn, is_sent);
}

/* RFC 8985 §7.4.2 */
void tcp_tlp_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	struct tcp_sender *snd = tcp_sender(conn);
	bool was_again, is_repair, is_duplicate;

	if (!(snd->marks & TCP_SND_TLP) || seq_lt(conn->snd_una, snd->tlp_high))
		return;
	was_again = (snd->marks & TCP_SND_TLP_AGAIN) && !ev->has_tlp_dsack;
	is_repair = was_again && seq_gt(conn->snd_una, snd->tlp_high);
	is_duplicate = ev->acked_bytes == 0 && ev->sacked_bytes == 0 && ev->is_pure;
	if (was_again && !is_repair && !is_duplicate)
		return;
	snd->marks &= (uint8_t)~TCP_SND_TLP;
	if (is_repair) {
		/* The last segment was repaired by the probe alone: it was lost, and that is a sign
		 * of congestion as any other. */
		tcp_mib(conn, MIB_TcpExtTCPLossProbeRecovery);
		tcp_recover_on_tlp(conn);
	}
}
