/* SPDX-License-Identifier: MIT */
/*
 * Delivery rate samples (draft-cheng-iccrg-delivery-rate-estimation): how fast the path delivers,
 * from what each transmission's record says of the time it left and each ACK of what has arrived.
 *
 * How it works: a record remembers what had been delivered when it left, and when. When it is
 * acknowledged, what was delivered since, over the longer of the time in which it was sent and the
 * time in which it was acknowledged, is a rate that the path has carried:
 *
 *	sending     first_tx_ns ---------- tx_ns
 *	ACKs                  delivered_ns -------------- now
 *
 * The longer one, since ACKs can be squeezed together on their way, and bursts at the sender. A
 * sample from a time when the application had nothing to send is marked: it is a lower bound.
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

void tcp_rate_stamp(struct tcp_conn *conn, struct tcp_txrec *rec)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!snd)
		return;
	if (tcp_flight(conn) == 0)
		snd->first_tx_ns = snd->delivered_ns = tcp_now(conn);
	rec->delivered = snd->delivered_bytes;
	rec->delivered_ns = snd->delivered_ns;
	rec->first_tx_ns = snd->first_tx_ns;
	rec->lost = (uint32_t)snd->lost_bytes;
	rec->tx_in_flight = tcp_pipe(conn) + (rec->end - rec->seq);
	if (snd->app_limited)
		rec->flags |= TXR_APP_LIMITED;
}

void tcp_rate_delivered(struct tcp_conn *conn, const struct tcp_txrec *rec, uint32_t n,
			struct tcp_ack_event *ev)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!snd)
		return;
	snd->delivered_bytes += n;
	/* The newest tells most of now. */
	if (ev->has_rec && rec->tx_ns < ev->rec.tx_ns)
		return;
	ev->has_rec = true;
	ev->rec = *rec;
	snd->first_tx_ns = rec->tx_ns;
}

void tcp_rate_lost(struct tcp_conn *conn, const struct tcp_txrec *rec)
{
	struct tcp_sender *snd = tcp_sender(conn);
	struct cc_lost ev = {
		.now_ns = tcp_now(conn),
		.seq = rec->seq,
		.end = rec->end,
		.tx_in_flight_bytes = rec->tx_in_flight,
		.is_app_limited = rec->flags & TXR_APP_LIMITED,
		.has_no_sack = !(conn->flags & TCPC_SACK),
	};

	if (!snd)
		return;
	snd->lost_bytes += rec->end - rec->seq;
	ev.lost_bytes = (uint32_t)snd->lost_bytes - rec->lost;
	cc_on_lost(&conn->cc, &ev);
}

/* What is in flight now was not sent because the window allowed it. */
static void tcp_rate_limit(struct tcp_conn *conn, struct tcp_sender *snd)
{
	uint64_t until = snd->delivered_bytes + tcp_pipe(conn);

	snd->app_limited = until > 0 ? until : 1;
}

void tcp_rate_check_app(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!snd || tcp_unsent(conn) >= conn->mss || tcp_pipe(conn) >= conn->cc.cwnd)
		return;
	if (conn->txq && conn->txq->due_bytes > 0)
		return;
	tcp_rate_limit(conn, snd);
}

/* For TCP_INFO: the last sample that says what the path can, not what the application asked for. */
static void tcp_rate_keep(struct tcp_sender *snd, uint64_t bytes, int64_t interval_ns,
			  bool is_app_limited)
{
	uint64_t Bps = bytes * (uint64_t)TCP_NS_PER_S / (uint64_t)interval_ns;

	if (is_app_limited && Bps < snd->rate_Bps)
		return;
	snd->rate_Bps = Bps;
	snd->is_rate_app_limited = is_app_limited;
}

/* The longer of the times in which a record was sent and acknowledged; 0 when it is shorter than
 * any round trip: a retransmission that was not needed, or a peer that acknowledges what it has not
 * received. */
static int64_t tcp_rate_interval_ns(const struct tcp_conn *conn, const struct tcp_txrec *rec)
{
	int64_t send_ns = rec->tx_ns - rec->first_tx_ns;
	int64_t ack_ns = tcp_now(conn) - rec->delivered_ns;
	int64_t ns = send_ns > ack_ns ? send_ns : ack_ns;

	return ns < (int64_t)conn->rtt_min_us * TCP_NS_PER_US ? 0 : ns;
}

/* So many bytes were delivered now. */
static void tcp_rate_count(struct tcp_conn *conn, struct tcp_sender *snd)
{
	if (snd->app_limited && snd->delivered_bytes > snd->app_limited)
		snd->app_limited = 0;
	snd->delivered_ns = tcp_now(conn);
}

void tcp_rate_on_plain_ack(struct tcp_conn *conn, const struct tcp_txrec *rec)
{
	struct tcp_sender *snd = tcp_sender(conn);
	int64_t interval_ns = tcp_rate_interval_ns(conn, rec);

	snd->delivered_bytes += rec->end - rec->seq;
	snd->first_tx_ns = rec->tx_ns;
	tcp_rate_count(conn, snd);
	if (interval_ns > 0)
		tcp_rate_keep(snd, snd->delivered_bytes - rec->delivered, interval_ns,
			      rec->flags & TXR_APP_LIMITED);
}

uint32_t tcp_rate_rtt_us(const struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	int64_t us;

	if (!ev->has_once)
		return 0;
	us = (tcp_now(conn) - ev->once_last_ns) / TCP_NS_PER_US;
	return us < 1 ? 1 : us < UINT32_MAX / 16 ? (uint32_t)us : UINT32_MAX / 16;
}

static void tcp_rate_sample(struct tcp_conn *conn, const struct tcp_ack_event *ev,
			    struct cc_sample *ret)
{
	struct tcp_sender *snd = tcp_sender(conn);
	const struct tcp_txrec *rec = &ev->rec;

	*ret = (struct cc_sample){
		.total_bytes = snd->delivered_bytes,
		.lost_total_bytes = snd->lost_bytes,
		.newly_bytes = ev->delivered_bytes,
		.newly_lost_bytes = (uint32_t)(snd->lost_bytes - ev->lost_before),
		.rtt_us = tcp_rate_rtt_us(conn, ev),
		.has_no_sack = !(conn->flags & TCPC_SACK),
		.is_ack_delayed =
			ev->acked_bytes > 0 && ev->acked_bytes < conn->mss && ev->sacked_bytes == 0,
	};
	if (ev->delivered_bytes > 0)
		tcp_rate_count(conn, snd);
	if (!ev->has_rec)
		return;
	ret->prior_bytes = rec->delivered;
	ret->delivered_bytes = snd->delivered_bytes - rec->delivered;
	ret->prior_lost_bytes = snd->lost_bytes - (uint32_t)((uint32_t)snd->lost_bytes - rec->lost);
	ret->tx_in_flight_bytes = rec->tx_in_flight;
	ret->is_app_limited = rec->flags & TXR_APP_LIMITED;
	ret->interval_ns = tcp_rate_interval_ns(conn, rec);
	if (ret->interval_ns > 0)
		tcp_rate_keep(snd, ret->delivered_bytes, ret->interval_ns, ret->is_app_limited);
}

void tcp_rate_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	struct tcp_sender *snd = tcp_sender(conn);
	const struct cc_ops *ops = conn->cc.ops;
	struct cc_ack ack;

	if (!snd || (ev->delivered_bytes == 0 && snd->lost_bytes == ev->lost_before))
		return;
	ack = (struct cc_ack){
		.now_ns = tcp_now(conn),
		.acked_bytes = ev->acked_bytes,
		.flight_bytes = ev->pipe_bytes,
		.srtt_us = conn->srtt_us8 / 8,
		.is_cwnd_limited = ev->was_cwnd_limited,
		.una = conn->snd_una,
		.nxt = conn->snd_nxt,
		.pipe_bytes = tcp_pipe(conn),
		.phase = conn->ca_state == TCP_CA_RECOVERY ? CC_RECOVERY
			 : conn->ca_state == TCP_CA_LOSS   ? CC_LOSS
							   : CC_OPEN,
	};
	tcp_rate_sample(conn, ev, &ack.rate);
	if (!(ops->flags & CC_OWN_CWND))
		return;
	cc_on_ack(&conn->cc, &ack);
	if (ops->limits_itself && ops->limits_itself(&conn->cc))
		tcp_rate_limit(conn, snd);
}
