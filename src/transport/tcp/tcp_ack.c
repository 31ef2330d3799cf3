/* SPDX-License-Identifier: MIT */
/*
 * RFC 9293 §3.10.7.4, fifth step, for synchronised states: what an acceptable ACK does. Send
 * window, scoreboard, round-trip time, recovery, and the end of our direction when the FIN is
 * acknowledged.
 */
#include "transport/stamp.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	TCP_ECHO_MAX_MS = 1000 * 1000, /* an echo older than any attempt of ours is none */
	SNDBUF_NEAR = 512 * 1024,      /* bytes: stays in a core's cache with what else is copied */
	SNDBUF_PER_US = 125000,        /* bytes: 1 Tbit/s */
	NEAR_PERIOD_MS = 1000,
};

void tcp_ack_window(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << (seg->flags & TCP_F_SYN ? 0 : conn->snd_wscale);

	tcp_snd_wnd_follow(conn, seg->seq, seg->ack, wnd);
}

static void tcp_ack_rtt(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (tcp_rtt_timed(conn))
		return;
	/* RFC 7323 §4.1: an echoed timestamp tells which transmission was acknowledged, so it ends
	 * a backoff (RFC 6298 §5.7) where Karn's rule has to wait for new data. */
	if ((conn->flags & TCPC_TS) && seg->opts.has_ts && seg->opts.ts_ecr &&
	    conn->n_backoffs > 0) {
		uint32_t ms = tcp_ts_age_ms(conn, seg->opts.ts_ecr);

		if (ms < TCP_ECHO_MAX_MS)
			tcp_rtt_sample(conn, tcp_max(tcp_min(ms, TCP_RTO_MAX_US / 1000), 1) * 1000);
	}
}

/* The least of late, since a path may become a longer one. */
static void tcp_ack_rtt_near(struct tcp_conn *conn, uint32_t us)
{
	struct tcp_sender *snd = tcp_sender(conn);
	uint32_t now_ms = tcp_clock_ms(conn->sk.stack);

	if (!snd)
		return;
	if (!snd->near_us[0] || now_ms - snd->near_ms >= NEAR_PERIOD_MS) {
		snd->near_us[1] = snd->near_us[0];
		snd->near_us[0] = us;
		snd->near_ms = now_ms;
	}
	snd->near_us[0] = tcp_min(snd->near_us[0], us);
}

void tcp_ack_rtt_min(struct tcp_conn *conn, int64_t rtt_ns)
{
	int64_t us = rtt_ns / TCP_NS_PER_US;

	if (us > 0 && us < UINT32_MAX && (!conn->rtt_min_us || us < conn->rtt_min_us))
		conn->rtt_min_us = (uint32_t)us;
	if (us >= 0 && us < UINT32_MAX)
		tcp_ack_rtt_near(conn, tcp_max((uint32_t)us, 1));
}

/*
 * What a buffer that grows by itself may become. A path holds what the fastest link there is sends
 * in a round trip, and no window beyond that makes it faster: it is memory through which the bytes
 * wander instead of staying in the processor's cache. Between two stacks of a process, where a
 * round trip takes no time, that decides the speed.
 */
static uint32_t tcp_ack_sndbuf_max(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	uint32_t near_us = snd ? snd->near_us[0] : 0;

	if (!near_us)
		return UINT32_MAX;
	if (snd->near_us[1])
		near_us = tcp_min(near_us, snd->near_us[1]);
	if (near_us > (UINT32_MAX - SNDBUF_NEAR) / SNDBUF_PER_US)
		return UINT32_MAX;
	return SNDBUF_NEAR + near_us * SNDBUF_PER_US;
}

void tcp_ack_wake_writer(struct tcp_conn *conn)
{
	/* One window in flight, and another for the time until the application is awake; and one
	 * more for a control that sends as much as before while losses are repaired. */
	uint32_t windows = conn->cc.ops->flags & CC_OWN_CWND ? 3 : 2;

	if (conn->cc.cwnd > conn->sk.sndbuf_bytes / windows)
		tcp_sndbuf_grow(conn, tcp_min(windows * conn->cc.cwnd, tcp_ack_sndbuf_max(conn)));
	tcp_sndq_wake(conn);
}

void tcp_ack_delivered(struct tcp_conn *conn, const struct tcp_txrec *rec, uint32_t n,
		       struct tcp_ack_event *ev)
{
	tcp_rate_delivered(conn, rec, n, ev);
	ev->delivered_bytes += n;
	if (conn->flags & TCPC_SACK)
		tcp_rack_delivered(conn, rec, rec->seq + n, ev);
	if (rec->flags & TXR_TWICE)
		return;
	if (seq_leq(rec->seq + n, conn->recover))
		ev->has_original = true;
	if (!ev->has_once || seq_lt(rec->seq, ev->once_seq))
		ev->once_seq = rec->seq;
	if (!ev->has_once || rec->tx_ns < ev->once_first_ns)
		ev->once_first_ns = rec->tx_ns;
	if (!ev->has_once || rec->tx_ns > ev->once_last_ns)
		ev->once_last_ns = rec->tx_ns;
	ev->has_once = true;
}

/* The bytes of a send that ends at `end`, as far as they are still there. */
static struct pkt *tcp_ack_stamp_bytes(struct tcp_conn *conn, uint32_t end, uint32_t len)
{
	uint32_t first = seq_max(conn->snd_una, end - len);
	struct pkt *pkt = NULL;

	if (len > 0 && seq_lt(first, end))
		pkt = pkt_alloc(&tcp_eng(conn)->pkts, 0);
	if (pkt)
		(void)tcp_sndq_fill(conn, pkt, first, end - first);
	return pkt;
}

/* Sends of which the last byte arrived (WEFT_SOF_TX_ACK). */
static void tcp_ack_stamps(struct tcp_conn *conn, uint32_t una)
{
	uint32_t seq, len;

	while (stamp_is_acked(&conn->sk, una, &seq, &len)) {
		struct pkt *pkt = tcp_ack_stamp_bytes(conn, seq + 1, len);

		stamp_acked(&conn->sk, pkt);
		pkt_free(pkt);
	}
}

/* snd_una moves to the segment's ACK. */
static void tcp_ack_advance(struct tcp_conn *conn, const struct tcp_seg *seg,
			    struct tcp_ack_event *ev)
{
	uint32_t bytes = tcp_sndq_bytes(conn);

	if (unlikely(conn->sk.flags & SOCK_F_STAMPS))
		tcp_ack_stamps(conn, seg->ack);
	conn->snd_una = seg->ack;
	conn->n_retries = 0;
	tcp_sndq_ack(conn);
	if (!tcp_txq_ack(conn, ev))
		tcp_mib(conn, MIB_TcpExtTCPSACKReneging);
	conn->bytes_acked += bytes - tcp_sndq_bytes(conn);
	tcp_ack_rtt(conn, seg);
	if (tcp_flight(conn) == 0 && tcp_unsent(conn) == 0)
		tcp_chrono_set(conn, TCP_CHRONO_NONE);
	if (conn->flags & TCPC_SND_URG)
		tcp_urg_acked(conn);
	if (conn->flags & TCPC_MTUP)
		tcp_mtup_on_ack(conn);
	ip_dst_confirm(conn->sk.stack, &conn->sk.dst);
}

/* RFC 5681 §2: a duplicate ACK tells that a segment has left the network. With SACK, only if it
 * brings news (RFC 6675 §2). */
static bool tcp_ack_is_dup(const struct tcp_conn *conn, const struct tcp_seg *seg, uint32_t wnd_was,
			   uint32_t sacked)
{
	if (seg->ack != conn->snd_una || tcp_flight(conn) == 0)
		return false;
	if (conn->flags & TCPC_SACK)
		return sacked > 0;
	return seg->len == 0 && !(seg->flags & (TCP_F_SYN | TCP_F_FIN)) && conn->snd_wnd == wnd_was;
}

/* Our FIN is acknowledged: RFC 9293 §3.10.7.4, fifth step, per state. */
static void tcp_ack_fin(struct tcp_conn *conn)
{
	switch (conn->state) {
	case WEFT_TCP_FIN_WAIT1:
		if ((conn->sk.flags & SOCK_F_ORPHAN) && tcp_sockopts(conn)->linger2_s < 0) {
			tcp_mib(conn, MIB_TcpExtTCPAbortOnLinger);
			tcp_abort(conn, 0);
			break;
		}
		tcp_set_state(conn, WEFT_TCP_FIN_WAIT2);
		sock_wake(&conn->sk, SOCK_OUT);
		tcp_idle_arm(conn);
		break;
	case WEFT_TCP_CLOSING:
		tcp_time_wait(conn);
		break;
	case WEFT_TCP_LAST_ACK:
		tcp_done(conn);
		break;
	default:
		break;
	}
}

/* RFC 5961 §5.2: an ACK far outside of what we sent is an attacker's, or very old. */
static enum drop tcp_ack_out_of_range(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (seq_gt(seg->ack, conn->snd_nxt)) {
		tcp_challenge_ack(conn);
		return DROP_TCP_ACK_UNSENT;
	}
	if (seq_lt(seg->ack, conn->snd_una - conn->snd_wnd_max)) {
		tcp_challenge_ack(conn);
		return DROP_TCP_ACK_OLD;
	}
	return DROP_NONE;
}

/* The peer answers: probing may go on for as long as the application wants, which TCP_USER_TIMEOUT
 * says (as Linux: an answer without progress does not count then). */
static void tcp_ack_probe(struct tcp_conn *conn)
{
	if (conn->rexmt_kind == TCP_REXMT_PROBE && !(conn->sk.flags & SOCK_F_ORPHAN) &&
	    !tcp_sockopts(conn)->user_timeout_ms)
		conn->n_retries = 0;
}

/* The backoff of probes, or of retransmissions into a window that the peer took back, says nothing
 * about the path: once there is room the next attempt is one timeout away. */
static void tcp_ack_reopened(struct tcp_conn *conn, uint32_t wnd_was)
{
	bool is_probing = conn->rexmt_kind == TCP_REXMT_PROBE && tcp_snd_wnd_left(conn) > 0;

	if (!is_probing && !(wnd_was == 0 && conn->snd_wnd > 0))
		return;
	conn->n_backoffs = 0;
	tcp_rexmt_restart(conn);
}

enum drop tcp_ack(struct tcp_conn *conn, struct tcp_seg *seg)
{
	enum drop why = tcp_ack_out_of_range(conn, seg);
	uint32_t wnd_was = conn->snd_wnd;
	struct tcp_ack_event ev = {
		.flight_bytes = tcp_flight(conn),
		.held_top = tcp_held_top(conn),
		.was_cwnd_limited = conn->flags & TCPC_CWND_LIMITED,
		.has_echo = (conn->flags & TCPC_TS) && seg->opts.has_ts && seg->opts.ts_ecr,
		.ts_ecr = seg->opts.ts_ecr,
		.is_ece = (conn->ecn & TCP_ECN_OK) &&
			  (seg->flags & (TCP_F_ECE | TCP_F_SYN)) == TCP_F_ECE,
		.pipe_bytes = tcp_pipe(conn),
		.lost_before = tcp_sender(conn) ? tcp_sender(conn)->lost_bytes : 0,
	};

	if (why != DROP_NONE)
		return why;
	tcp_ack_heard(conn);
	tcp_ack_probe(conn);
	if (seq_geq(seg->ack, conn->snd_una))
		tcp_ack_window(conn, seg);
	if (conn->n_backoffs > 0)
		tcp_ack_reopened(conn, wnd_was);
	if (seq_gt(seg->ack, conn->snd_una)) {
		ev.acked_bytes = seg->ack - conn->snd_una;
		tcp_ack_advance(conn, seg, &ev);
	}
	if (seg->opts.n_sack > 0 && (conn->flags & TCPC_SACK))
		ev.sacked_bytes = tcp_sack_update(conn, seg, &ev);
	ev.is_dup = ev.acked_bytes == 0 && tcp_ack_is_dup(conn, seg, wnd_was, ev.sacked_bytes);
	if (ev.has_once)
		tcp_ack_rtt_min(conn, tcp_now(conn) - ev.once_last_ns);
	ev.is_pure = seg->len == 0 && conn->snd_wnd == wnd_was;
	tcp_sack_reordering(conn, &ev);
	if (ev.acked_bytes > 0 && tcp_sender(conn))
		tcp_cwv_on_ack(conn, ev.acked_bytes);
	if (ev.acked_bytes > 0 || ev.is_dup || ev.has_dsack || (tcp_snd_marks(conn) & TCP_SND_TLP))
		tcp_recover_on_ack(conn, &ev);
	tcp_rate_on_ack(conn, &ev);
	if (conn->ecn & TCP_ECN_OK)
		tcp_ecn_on_ack(conn, &ev);
	if (ev.acked_bytes > 0) {
		if (!ev.has_reo_timer)
			tcp_rexmt_restart(conn);
		tcp_ack_wake_writer(conn);
	}
	if ((conn->flags & TCPC_FIN_SENT) && conn->snd_una == conn->snd_nxt) {
		tcp_ack_fin(conn);
		return DROP_NONE;
	}
	if (tcp_unsent(conn) > 0 || tcp_fin_waits(conn) || conn->ca_state >= TCP_CA_RECOVERY)
		tcp_conn_defer(conn, TCPC_OUTPUT);
	else
		tcp_trace(conn);
	return DROP_NONE;
}
