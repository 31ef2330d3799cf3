/* SPDX-License-Identifier: MIT */
/*
 * The retransmission timer (RFC 6298), and the same timer's other uses: probing a closed window
 * (RFC 9293 §3.8.6.1), sending what Nagle or cork held back too long, and trying again when there
 * was no memory.
 *
 * RFC-DEVIATION: RFC 6298 §2.4: as in Linux the variance term is at least tcp_rto_min_ms, so RTO =
 * SRTT + max(200 ms, 4 RTTVAR): a delayed ACK never looks like a loss.
 */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

/* RFC 6298 §2, with SRTT in eighths and RTTVAR in quarters of a microsecond. */
void tcp_rtt_sample(struct tcp_conn *conn, uint32_t rtt_us)
{
	const struct tcp_conf *conf = tcp_conf(conn);

	rtt_us = tcp_max(rtt_us, 1);
	conn->n_backoffs = 0;
	if (!conn->rtt_min_us || rtt_us < conn->rtt_min_us)
		conn->rtt_min_us = rtt_us;
	if (conn->srtt_us8 == 0) {
		conn->srtt_us8 = rtt_us * 8;
		conn->rttvar_us4 = rtt_us * 2;
	} else {
		uint32_t srtt = conn->srtt_us8 / 8;
		uint32_t err = rtt_us > srtt ? rtt_us - srtt : srtt - rtt_us;

		conn->rttvar_us4 = conn->rttvar_us4 - conn->rttvar_us4 / 4 + err;
		conn->srtt_us8 = conn->srtt_us8 - conn->srtt_us8 / 8 + rtt_us;
		conn->srtt_us8 = tcp_max(conn->srtt_us8, 8);
	}
	if (conf->rto_min_of_variance)
		conn->rto_us =
			conn->srtt_us8 / 8 + tcp_max(conn->rttvar_us4, conf->rto_min_ms * 1000);
	else
		conn->rto_us = tcp_max(conn->srtt_us8 / 8 + tcp_max(conn->rttvar_us4, 1000),
				       conf->rto_min_ms * 1000);
	conn->rto_us = tcp_min(conn->rto_us, conf->rto_max_ms * 1000);
}

bool tcp_rtt_timed(struct tcp_conn *conn)
{
	uint32_t rtt_us;

	if (!(conn->flags & TCPC_RTT_TIMING) || seq_lt(conn->snd_una, conn->rtt_seq))
		return false;
	rtt_us = tcp_clock_us(conn) - conn->rtt_us;
	conn->flags &= ~(uint32_t)TCPC_RTT_TIMING;
	tcp_rtt_sample(conn, tcp_min(rtt_us, UINT32_MAX / 16));
	return true;
}

/* The timeout with its backoff (RFC 6298 §5.5), ns. */
int64_t tcp_rto_ns(const struct tcp_conn *conn)
{
	uint64_t us = (uint64_t)conn->rto_us << tcp_min(conn->n_backoffs, 16);

	uint64_t max_us = (uint64_t)tcp_conf(conn)->rto_max_ms * 1000;

	return (int64_t)(us < max_us ? us : max_us) * TCP_NS_PER_US;
}

/* The same, but no longer than the application still wants to wait. */
static int64_t tcp_rto_in_time_ns(const struct tcp_conn *conn)
{
	int64_t rto_ns = tcp_rto_ns(conn), left_ns;
	uint32_t waited_ms = tcp_clock_ms(conn->sk.stack) - conn->rexmt_started_ms;

	if (!tcp_sockopts(conn)->user_timeout_ms || conn->n_retries == 0)
		return rto_ns;
	left_ns = ((int64_t)tcp_sockopts(conn)->user_timeout_ms - waited_ms) * TCP_NS_PER_MS;
	left_ns = left_ns > TCP_NS_PER_MS ? left_ns : TCP_NS_PER_MS;
	return left_ns < rto_ns ? left_ns : rto_ns;
}

int64_t tcp_mem_retry_ns(struct tcp_conn *conn)
{
	int64_t ns = (int64_t)TCP_MEM_RETRY_MS * TCP_NS_PER_MS << conn->n_mem_tries;

	if (conn->n_mem_tries < TCP_MEM_RETRY_SHIFT_MAX)
		conn->n_mem_tries++;
	return ns;
}

void tcp_rexmt_set(struct tcp_conn *conn, enum tcp_rexmt_kind kind, int64_t delay_ns)
{
	conn->rexmt_kind = (uint8_t)kind;
	conn->rexmt_ns = tcp_now(conn) + delay_ns;
	tcp_timer_upto(conn, conn->rexmt_ns);
}

static enum tcp_rexmt_kind tcp_rexmt_needed(const struct tcp_conn *conn)
{
	if (conn->tfo & TCP_TFO_DEFERRED)
		return TCP_REXMT_NONE;
	if (conn->state == WEFT_TCP_SYN_SENT || conn->state == WEFT_TCP_SYN_RECV)
		return TCP_REXMT_RTO;
	if (!tcp_may_send(conn))
		return TCP_REXMT_NONE;
	if (conn->flags & TCPC_MEM_WAIT)
		return TCP_REXMT_MEM;
	if (tcp_flight(conn) > 0)
		return TCP_REXMT_RTO;
	return tcp_unsent(conn) > 0 || tcp_fin_waits(conn) ? TCP_REXMT_PROBE : TCP_REXMT_NONE;
}

/* What is set will do: RACK's timer and the loss probe come before a timeout, and set it. */
static bool tcp_rexmt_serves(const struct tcp_conn *conn, enum tcp_rexmt_kind kind)
{
	return conn->rexmt_kind == kind ||
	       (kind == TCP_REXMT_RTO &&
		(conn->rexmt_kind == TCP_REXMT_TLP || conn->rexmt_kind == TCP_REXMT_REO));
}

void tcp_rexmt_arm(struct tcp_conn *conn)
{
	enum tcp_rexmt_kind kind = tcp_rexmt_needed(conn);

	if (kind == TCP_REXMT_NONE) {
		conn->rexmt_kind = TCP_REXMT_NONE;
		conn->rexmt_ns = 0;
		return;
	}
	if (conn->rexmt_ns && tcp_rexmt_serves(conn, kind))
		return;
	if (kind == TCP_REXMT_MEM)
		tcp_rexmt_set(conn, kind, tcp_mem_retry_ns(conn));
	else
		tcp_rexmt_set(conn, kind, tcp_rto_in_time_ns(conn));
}

void tcp_rexmt_restart(struct tcp_conn *conn)
{
	conn->rexmt_ns = 0;
	conn->rexmt_kind = TCP_REXMT_NONE;
	if (tcp_rexmt_needed(conn) == TCP_REXMT_RTO &&
	    tcp_tlp_schedule(conn, tcp_rto_in_time_ns(conn)))
		return;
	tcp_rexmt_arm(conn);
}

/* Until the oldest data in flight has been there for a timeout. */
static int64_t tcp_rto_left_ns(const struct tcp_conn *conn)
{
	int64_t left_ns = tcp_rto_in_time_ns(conn);

	if (conn->txq && conn->txq->n > 0)
		left_ns -= tcp_now(conn) - tcp_txq_at(conn->txq, 0)->tx_ns;
	return left_ns > 0 ? left_ns : 0;
}

void tcp_rexmt_rto(struct tcp_conn *conn, bool is_from_now)
{
	if (tcp_rexmt_needed(conn) != TCP_REXMT_RTO) {
		tcp_rexmt_arm(conn);
		return;
	}
	tcp_rexmt_set(conn, TCP_REXMT_RTO,
		      is_from_now ? tcp_rto_in_time_ns(conn) : tcp_rto_left_ns(conn));
}

void tcp_rexmt_sent_new(struct tcp_conn *conn)
{
	if (tcp_rexmt_needed(conn) == TCP_REXMT_RTO &&
	    tcp_tlp_schedule(conn, tcp_rto_left_ns(conn)))
		return;
	tcp_rexmt_arm(conn);
}

/* Linux's reading of tcp_retries2: not a count but the time that so many timeouts of 200 ms would
 * take when each doubles, up to 120 s (RFC 9293 §3.8.3 R2). */
static uint64_t tcp_retries_ms(uint32_t rto_min_ms, uint32_t n_retries)
{
	uint64_t ms = 0, step = rto_min_ms;

	for (uint32_t i = 0; i <= n_retries; i++) {
		ms += step;
		step = step * 2 < TCP_RTO_MAX_US / 1000 ? step * 2 : TCP_RTO_MAX_US / 1000;
	}
	return ms;
}

/* RFC 4821 §7.7, by Linux's reading of tcp_retries1. */
static bool tcp_is_full_stop(const struct tcp_conn *conn)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	uint32_t waited_ms = tcp_clock_ms(conn->sk.stack) - conn->rexmt_started_ms;

	return waited_ms >= tcp_retries_ms(conf->rto_min_ms, conf->retries1);
}

static bool tcp_is_given_up(const struct tcp_conn *conn, bool is_probe)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	uint32_t waited_ms = tcp_clock_ms(conn->sk.stack) - conn->rexmt_started_ms;
	uint32_t n = conn->sk.flags & SOCK_F_ORPHAN ? conf->orphan_retries : conf->retries2;

	if (conn->n_retries == 0)
		return false;
	if (tcp_sockopts(conn)->user_timeout_ms && waited_ms >= tcp_sockopts(conn)->user_timeout_ms)
		return true;
	/* Of probes that nobody answers, as many as retransmissions; an answer starts the count
	 * anew. */
	if (is_probe && !(conn->sk.flags & SOCK_F_ORPHAN))
		return !tcp_sockopts(conn)->user_timeout_ms && conn->n_retries > conf->retries2;
	/*
	 * A peer that took its window back but still answers is alive (RFC 9293 §3.8.6.1).
	 *
	 * RFC-DEVIATION: RFC 9293 §3.8.6.1: after close() only progress counts, as in Linux: nobody
	 * is left who could end it, and a peer must not keep our memory for ever.
	 */
	if (conn->snd_wnd == 0 && tcp_is_synced(conn) && !(conn->sk.flags & SOCK_F_ORPHAN) &&
	    tcp_clock_ms(conn->sk.stack) - conn->last_rcv_ms < TCP_RTO_MAX_US / 1000)
		return false;
	if (conn->state == WEFT_TCP_SYN_SENT)
		return conn->n_retries > (tcp_sockopts(conn)->syncnt ? tcp_sockopts(conn)->syncnt
								     : conf->syn_retries);
	if (conn->state == WEFT_TCP_SYN_RECV)
		return conn->n_retries >= conf->synack_retries + 1;
	if (tcp_sockopts(conn)->user_timeout_ms)
		return false;
	return waited_ms >= tcp_retries_ms(conf->rto_min_ms, n);
}

/* One more attempt without an answer. False: that was the last, the connection is gone. */
static bool tcp_try_again(struct tcp_conn *conn, bool is_probe)
{
	bool is_last;

	/* Of a connect it is when the first SYN left. */
	if (conn->n_retries == 0 && conn->state != WEFT_TCP_SYN_SENT)
		conn->rexmt_started_ms = tcp_clock_ms(conn->sk.stack);
	if (conn->n_retries < UINT8_MAX)
		conn->n_retries++;
	is_last = tcp_is_given_up(conn, is_probe);
	tcp_tfo_on_timeout(conn, is_last);
	if (!is_last) {
		if (conn->n_backoffs < 16)
			conn->n_backoffs++;
		return true;
	}
	tcp_mib(conn, MIB_TcpExtTCPAbortOnTimeout);
	/* The reason that ICMP gave meanwhile says more than "timed out". */
	tcp_fail(conn, conn->soft_err ? conn->soft_err : ETIMEDOUT);
	return false;
}

static void tcp_rto_syn(struct tcp_conn *conn)
{
	if (!tcp_try_again(conn, false))
		return;
	tcp_mib(conn, MIB_TcpExtTCPSynRetrans);
	conn->flags &= ~(uint32_t)TCPC_RTT_TIMING;
	(void)tcp_send_syn(conn);
	tcp_rexmt_restart(conn);
}

/* RFC 6298 §5.4 to 5.6. The loss is dealt with before the backoff, which tells a repeated timeout.
 */
static void tcp_rto_data(struct tcp_conn *conn)
{
	tcp_mib(conn, MIB_TcpExtTCPTimeouts);
	if (conn->n_retries > 0 && tcp_is_full_stop(conn))
		tcp_mtup_on_black_hole(conn);
	tcp_recover_on_timeout(conn);
	if (!tcp_try_again(conn, false))
		return;
	conn->rexmt_ns = 0;
	/* RFC 7323, RFC 6298 §5.7: a path that failed may be another one now. */
	if (conn->n_backoffs == tcp_conf(conn)->retries1)
		conn->sk.dst.gen = 0;
	tcp_output(conn);
}

/* Something waits and nothing is in flight: a closed or tiny window, Nagle, cork. */
static void tcp_rto_probe(struct tcp_conn *conn)
{
	if (tcp_send_override(conn)) {
		tcp_rexmt_restart(conn);
		return;
	}
	if (!tcp_try_again(conn, true))
		return;
	tcp_mib(conn, MIB_TcpExtTCPWinProbe);
	tcp_send_probe(conn);
	tcp_rexmt_restart(conn);
}

/* There may be memory again, for segments and for the application that waits to write. */
static void tcp_rexmt_memory(struct tcp_conn *conn)
{
	tcp_output(conn);
	if (!(conn->flags & TCPC_NOSPACE) || (conn->flags & TCPC_MEM_WAIT))
		return;
	/* Full: an ACK will tell, and it must find the flag. */
	if (tcp_sndq_bytes(conn) >= conn->sk.sndbuf_bytes)
		return;
	tcp_sndq_wake_now(conn);
}

void tcp_rexmt_fire(struct tcp_conn *conn)
{
	enum tcp_rexmt_kind kind = (enum tcp_rexmt_kind)conn->rexmt_kind;

	conn->rexmt_ns = 0;
	conn->rexmt_kind = TCP_REXMT_NONE;
	switch (kind) {
	case TCP_REXMT_NONE:
		break;
	case TCP_REXMT_RTO:
		if (conn->state == WEFT_TCP_SYN_SENT || conn->state == WEFT_TCP_SYN_RECV)
			tcp_rto_syn(conn);
		else
			tcp_rto_data(conn);
		break;
	case TCP_REXMT_PROBE:
		tcp_rto_probe(conn);
		break;
	case TCP_REXMT_MEM:
		tcp_rexmt_memory(conn);
		break;
	case TCP_REXMT_TLP:
		tcp_tlp_fire(conn);
		break;
	case TCP_REXMT_REO:
		tcp_rack_fire(conn);
		if (conn->rexmt_kind != TCP_REXMT_REO && conn->state != WEFT_TCP_CLOSE)
			tcp_rexmt_rto(conn, false);
		break;
	}
}
