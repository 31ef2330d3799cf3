/* SPDX-License-Identifier: MIT */
/*
 * One wheel node for all deadlines of a connection.
 *
 * Deadlines move far more often than they expire: every ACK pushes the retransmission back. So a
 * deadline is a field, and the wheel's node is only moved when a deadline is earlier than it; when
 * it fires too early it is set to what is next. A deadline that is cleared costs one idle firing.
 *
 *	rexmt_ns    retransmission, window probe, no memory      tcp_rto.c
 *	delack_ns   delayed ACK (RFC 9293 §3.8.6.3, RFC 5681 §4.2)
 *	pace_ns     the next segment may leave                   tcp_pace.c
 *	idle_ns     keepalive (RFC 9293 §3.8.4), FIN-WAIT-2 without an application
 */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

void tcp_timer_sync(struct tcp_conn *conn)
{
	const int64_t deadlines[] = {conn->rexmt_ns, conn->delack_ns, conn->idle_ns,
				     tcp_pace_deadline_ns(conn)};
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++)
		if (deadlines[i] && deadlines[i] < next)
			next = deadlines[i];
	if (next == INT64_MAX)
		return;
	if (!wheel_timer_is_pending(&conn->timer) || next < conn->timer.deadline_ns)
		wheel_start(&tcp_eng(conn)->wheel, &conn->timer, next);
}

void tcp_timer_stop_all(struct tcp_conn *conn)
{
	conn->rexmt_ns = conn->delack_ns = conn->idle_ns = 0;
	conn->rexmt_kind = TCP_REXMT_NONE;
	wheel_stop(&tcp_eng(conn)->wheel, &conn->timer);
}

static uint32_t tcp_keepidle_s(const struct tcp_conn *conn)
{
	return tcp_sockopts(conn)->keepidle_s ? tcp_sockopts(conn)->keepidle_s
					      : tcp_conf(conn)->keepalive_time_s;
}

static uint32_t tcp_keepintvl_s(const struct tcp_conn *conn)
{
	return tcp_sockopts(conn)->keepintvl_s ? tcp_sockopts(conn)->keepintvl_s
					       : tcp_conf(conn)->keepalive_intvl_s;
}

static bool tcp_is_kept_alive(const struct tcp_conn *conn)
{
	return (conn->sk.flags & SOCK_F_KEEPALIVE) && tcp_is_synced(conn);
}

/* In FIN-WAIT-2 after close(): TCP_LINGER2 or the stack's, but as long as the peer needs for its
 * FIN and a repetition (as Linux, three and a half timeouts). */
static int64_t tcp_fin_ns(const struct tcp_conn *conn)
{
	int64_t least_ns = tcp_rto_ns(conn) / 2 * 7;
	int64_t s = tcp_sockopts(conn)->linger2_s ? tcp_sockopts(conn)->linger2_s
						  : (int64_t)tcp_conf(conn)->fin_timeout_s;

	return s * TCP_NS_PER_S > least_ns ? s * TCP_NS_PER_S : least_ns;
}

void tcp_idle_arm(struct tcp_conn *conn)
{
	if (conn->state == WEFT_TCP_FIN_WAIT2 && (conn->sk.flags & SOCK_F_ORPHAN))
		conn->idle_ns = tcp_now(conn) + tcp_fin_ns(conn);
	else if (tcp_is_kept_alive(conn))
		conn->idle_ns = tcp_now(conn) + tcp_keepidle_s(conn) * TCP_NS_PER_S;
	else
		conn->idle_ns = 0;
	tcp_timer_sync(conn);
}

static void tcp_idle_in_ms(struct tcp_conn *conn, uint64_t ms)
{
	conn->idle_ns = tcp_now(conn) + (int64_t)(ms > 0 ? ms : 1) * TCP_NS_PER_MS;
}

static void tcp_keepalive_fire(struct tcp_conn *conn)
{
	uint64_t idle_ms = (uint64_t)tcp_keepidle_s(conn) * 1000;
	uint32_t quiet_ms = tcp_clock_ms(conn->sk.stack) - conn->last_rcv_ms;
	uint8_t max = tcp_sockopts(conn)->keepcnt ? tcp_sockopts(conn)->keepcnt
						  : tcp_conf(conn)->keepalive_probes;

	/* Data in flight is its own probe. */
	if (tcp_flight(conn) > 0 || tcp_unsent(conn) > 0) {
		tcp_idle_in_ms(conn, idle_ms);
		return;
	}
	if (quiet_ms < idle_ms) {
		conn->n_keepalives = 0;
		tcp_idle_in_ms(conn, idle_ms - quiet_ms);
		return;
	}
	if (tcp_sockopts(conn)->user_timeout_ms
		    ? conn->n_keepalives && quiet_ms >= tcp_sockopts(conn)->user_timeout_ms
		    : conn->n_keepalives >= max) {
		tcp_abort(conn, ETIMEDOUT);
		return;
	}
	conn->n_keepalives++;
	tcp_mib(conn, MIB_TcpExtTCPKeepAlive);
	tcp_send_probe(conn);
	tcp_idle_in_ms(conn, (uint64_t)tcp_keepintvl_s(conn) * 1000);
}

static void tcp_idle_fire(struct tcp_conn *conn)
{
	conn->idle_ns = 0;
	if (conn->state == WEFT_TCP_FIN_WAIT2 && (conn->sk.flags & SOCK_F_ORPHAN))
		tcp_done(conn); /* the peer never finished its side */
	else if (tcp_is_kept_alive(conn))
		tcp_keepalive_fire(conn);
}

static void tcp_delack_fire(struct tcp_conn *conn)
{
	conn->delack_ns = 0;
	if (!(conn->flags & TCPC_ACK_DELAYED))
		return;
	/* Nobody answered in time, so ACKs need not wait for answers. */
	conn->flags &= ~(uint32_t)TCPC_PINGPONG;
	tcp_mib(conn, MIB_TcpExtDelayedACKs);
	tcp_send_ack(conn);
}

void tcp_timer_fire(struct wheel_timer *timer, int64_t now_ns)
{
	struct tcp_conn *conn = container_of(timer, struct tcp_conn, timer);

	if (conn->state == WEFT_TCP_LISTEN) {
		tcp_listen_timer(conn);
		return;
	}
	sock_ref(&conn->sk);
	if (conn->delack_ns && conn->delack_ns <= now_ns)
		tcp_delack_fire(conn);
	if (conn->rexmt_ns && conn->rexmt_ns <= now_ns)
		tcp_rexmt_fire(conn);
	if (tcp_pace_deadline_ns(conn) && tcp_pace_deadline_ns(conn) <= now_ns)
		tcp_pace_fire(conn);
	if (conn->idle_ns && conn->idle_ns <= now_ns)
		tcp_idle_fire(conn);
	if (conn->state != WEFT_TCP_CLOSE)
		tcp_timer_sync(conn);
	sock_unref(&conn->sk);
}
