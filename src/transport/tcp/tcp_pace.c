/* SPDX-License-Identifier: MIT */
/*
 * Pacing: segments leave at a rate instead of as fast as ACKs allow, where the control asks for it
 * (BBR; CUBIC in slow start with large windows) or the application set SO_MAX_PACING_RATE.
 *
 * How it works: each transmission says when the next may leave; until then tcp_output() sends
 * nothing, and the connection's wheel node fires at that time. Who comes late, since other work was
 * done, may be early by half of the next gap, so that the average is the rate. When the node itself
 * fires late, as the process did not get the processor, what should have left meanwhile leaves at
 * once: there is no interrupt that would have sent it in time, and every delay of a millisecond
 * would cost as much of the rate. The first ten segments are not paced, as in Linux: the initial
 * window leaves at once.
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	PACE_FREE_SEGS = 10,
	PACE_START_BYTES = 4 * 64 * 1024, /* some super-packets in a row */
	PACE_START_RTT_US = 10000,        /* below, the timer is no better than the clock of ACKs */
};
#define PACE_LATE_MAX_NS (20 * TCP_NS_PER_MS) /* a burst is no longer than this */

/* A window of slow start that an application fills, or that ACKs of whole super-packets double,
 * leaves in bursts of thousands of segments, which overflow the queue long before the path is full,
 * and always hit the same ones of several flows (RFC 9406 §4.3). */
static bool pace_is_start(const struct tcp_conn *conn)
{
	return (conn->cc.ops->flags & CC_PACED_START) && conn->cc.cwnd < conn->cc.ssthresh &&
	       conn->cc.cwnd > PACE_START_BYTES && conn->rtt_min_us >= PACE_START_RTT_US;
}

bool tcp_is_paced(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	return snd && ((conn->cc.ops->flags & CC_PACED) || snd->pacing_max_Bps != UINT64_MAX ||
		       pace_is_start(conn));
}

uint64_t tcp_pace_rate(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	const struct tcp_conf *conf = tcp_conf(conn);
	uint64_t Bps = cc_pacing_rate(&conn->cc);

	if (Bps == 0 && conn->srtt_us8 >= 8) {
		uint32_t percent = conn->cc.cwnd < conn->cc.ssthresh / 2 ? conf->pacing_ss_ratio
									 : conf->pacing_ca_ratio;

		Bps = (uint64_t)tcp_max(conn->cc.cwnd, tcp_flight(conn)) * 10000 * percent /
		      (conn->srtt_us8 / 8);
	} else if (Bps == 0) {
		Bps = UINT64_MAX;
	}
	return snd && snd->pacing_max_Bps < Bps ? snd->pacing_max_Bps : Bps;
}

bool tcp_pace_holds(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!tcp_is_paced(conn) || tcp_now(conn) >= snd->pace_ns)
		return false;
	if (!snd->is_pace_held) {
		snd->is_pace_held = true;
		tcp_timer_sync(conn);
	}
	return true;
}

void tcp_pace_sent(struct tcp_conn *conn, uint32_t bytes)
{
	struct tcp_sender *snd = tcp_sender(conn);
	int64_t gap_ns, late_ns, late_max_ns, now_ns = tcp_now(conn);
	uint64_t Bps;

	if (!tcp_is_paced(conn) || conn->data_segs_out < PACE_FREE_SEGS)
		return;
	Bps = tcp_pace_rate(conn);
	if (Bps == 0 || Bps == UINT64_MAX)
		return;
	gap_ns = (int64_t)((uint64_t)bytes * (uint64_t)TCP_NS_PER_S / Bps);
	late_ns = snd->pace_ns ? now_ns - snd->pace_ns : 0;
	late_max_ns = snd->is_pace_held ? PACE_LATE_MAX_NS : gap_ns / 2;
	snd->pace_ns = now_ns + gap_ns - (late_ns < late_max_ns ? late_ns : late_max_ns);
}

int64_t tcp_pace_deadline_ns(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	return snd && snd->is_pace_held ? snd->pace_ns : 0;
}

void tcp_pace_fire(struct tcp_conn *conn)
{
	struct tcp_sender *snd;

	tcp_output(conn);
	snd = tcp_sender(conn);
	if (snd && tcp_now(conn) >= snd->pace_ns)
		snd->is_pace_held = false;
}

int tcp_pace_set_max(struct tcp_conn *conn, uint64_t Bps)
{
	struct tcp_sender *snd;

	if (Bps == UINT64_MAX && !tcp_sender(conn))
		return 0;
	snd = tcp_sender_get(conn);
	if (!snd)
		return -ENOMEM;
	snd->pacing_max_Bps = Bps;
	return 0;
}
