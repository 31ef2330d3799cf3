/* SPDX-License-Identifier: MIT */
/*
 * Proportional rate reduction (RFC 6937, RFC 9937): how much is sent while a loss is repaired.
 *
 * The control has said what the window shall be at the end (ssthresh). While more than that is in
 * flight, sending is in proportion to what is delivered, so that the flight reaches ssthresh when
 * all of it has been replaced; below, the flight may grow back to ssthresh. How fast is Linux's
 * choice (SSRB or CRB): by one segment an ACK more than was delivered when the ACK moves forward
 * and tells of no further loss, else by no more than was delivered.
 *
 * Windows are bytes here, where RFC and Linux count segments; a segment is conn->mss.
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

void tcp_prr_start(struct tcp_conn *conn, uint32_t prior_cwnd)
{
	struct tcp_sender *snd = tcp_sender(conn);

	snd->prr_cwnd = prior_cwnd;
	snd->prr_delivered = 0;
	snd->prr_out = 0;
}

void tcp_prr_on_ack(struct tcp_conn *conn, uint32_t delivered, bool is_safe)
{
	struct tcp_sender *snd = tcp_sender(conn);
	uint32_t pipe = tcp_pipe(conn), ssthresh = conn->cc.ssthresh, mss = conn->mss;
	uint32_t out = snd->prr_out;
	uint64_t limit;

	if (delivered == 0 || snd->prr_cwnd == 0)
		return;
	snd->prr_delivered += tcp_min(delivered, UINT32_MAX - snd->prr_delivered);
	if (pipe > ssthresh) {
		uint64_t due = (uint64_t)ssthresh * snd->prr_delivered + snd->prr_cwnd - 1;

		limit = due / snd->prr_cwnd;
		limit = limit > out ? limit - out : 0;
	} else {
		uint64_t banked = snd->prr_delivered > out ? snd->prr_delivered - out : 0;

		limit = banked > delivered ? banked : delivered;
		limit += is_safe ? mss : 0;
		limit = limit < ssthresh - pipe ? limit : ssthresh - pipe;
	}
	/* The first retransmission goes in any case. */
	if (out == 0 && limit < mss)
		limit = mss;
	conn->cc.cwnd = (uint32_t)(pipe + limit < CC_CWND_MAX ? pipe + limit : CC_CWND_MAX);
	conn->cc.cwnd = tcp_max(conn->cc.cwnd, mss);
}

void tcp_prr_sent(struct tcp_conn *conn, uint32_t n)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (conn->ca_state == TCP_CA_RECOVERY)
		snd->prr_out += tcp_min(n, UINT32_MAX - snd->prr_out);
}
