/* SPDX-License-Identifier: MIT */
/*
 * States of RFC 9293 §3.3.2: names, the one function that changes them, the invariants that hold
 * between any two steps, and the answer to "why does it not send?".
 */
#include <stdio.h>

#include "core/trace.h"
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

static const char *const tcp_state_names[] = {
	[0] = "NONE",
	[WEFT_TCP_ESTABLISHED] = "ESTABLISHED",
	[WEFT_TCP_SYN_SENT] = "SYN-SENT",
	[WEFT_TCP_SYN_RECV] = "SYN-RECEIVED",
	[WEFT_TCP_FIN_WAIT1] = "FIN-WAIT-1",
	[WEFT_TCP_FIN_WAIT2] = "FIN-WAIT-2",
	[WEFT_TCP_TIME_WAIT] = "TIME-WAIT",
	[WEFT_TCP_CLOSE] = "CLOSED",
	[WEFT_TCP_CLOSE_WAIT] = "CLOSE-WAIT",
	[WEFT_TCP_LAST_ACK] = "LAST-ACK",
	[WEFT_TCP_LISTEN] = "LISTEN",
	[WEFT_TCP_CLOSING] = "CLOSING",
};
static_assert(ARRAY_SIZE(tcp_state_names) == WEFT_TCP_CLOSING + 1, "one name a state");

const char *tcp_state_name(uint8_t state)
{
	return tcp_state_names[state < ARRAY_SIZE(tcp_state_names) ? state : 0];
}

uint8_t tcp_node_state(const struct conn_node *node)
{
	if (node->kind == CONN_SYN || node->kind == CONN_ASK)
		return WEFT_TCP_SYN_RECV;
	if (node->kind == CONN_TW)
		return WEFT_TCP_TIME_WAIT;
	return container_of(node, const struct tcp_conn, sk.conn)->state;
}

static void moved_print(const struct trace_moved *moved, uint8_t from, uint8_t to, char *buf,
			size_t size)
{
	snprintf(buf, size, "tcp %u:%u %s>%s", moved->lport, moved->rport, tcp_state_name(from),
		 tcp_state_name(to));
}

void tcp_set_state(struct tcp_conn *conn, uint8_t state)
{
	uint8_t old = conn->state;

	if (old == state)
		return;
	conn->state = state;
	if (state == WEFT_TCP_CLOSE && (old == WEFT_TCP_SYN_SENT || old == WEFT_TCP_SYN_RECV))
		tcp_mib(conn, MIB_TcpAttemptFails);
	trace_state(conn->sk.stack, old, state,
		    &(struct trace_moved){.print = moved_print,
					  .lport = conn->sk.conn.lport,
					  .rport = conn->sk.conn.rport});
}

enum weft_tcp_wait tcp_wait_reason(const struct tcp_conn *conn)
{
	uint32_t unsent = tcp_unsent(conn);

	if (conn->state == WEFT_TCP_SYN_SENT || conn->state == WEFT_TCP_SYN_RECV)
		return WEFT_TCP_WAIT_HANDSHAKE;
	if (!tcp_may_send(conn) || (unsent == 0 && !tcp_fin_waits(conn)))
		return WEFT_TCP_WAIT_APP;
	if (conn->flags & TCPC_MEM_WAIT)
		return WEFT_TCP_WAIT_MEM;
	if (tcp_snd_wnd_left(conn) == 0)
		return WEFT_TCP_WAIT_RWND;
	if (tcp_pipe(conn) + tcp_min(unsent, conn->mss) > conn->cc.cwnd)
		return WEFT_TCP_WAIT_CWND;
	if (tcp_snd_wnd_left(conn) < tcp_min(unsent, conn->mss))
		return WEFT_TCP_WAIT_RWND;
	if (tcp_pace_deadline_ns(conn))
		return WEFT_TCP_WAIT_PACING;
	if (unsent < conn->mss && tcp_nagle_holds(conn))
		return WEFT_TCP_WAIT_NAGLE;
	return WEFT_TCP_WAIT_NONE;
}

static void tcp_check_queues(const struct tcp_conn *conn)
{
	uint32_t n_bytes = 0, truesize = 0;

	pktq_for_each (pkt, &conn->rcvq) {
		n_bytes += pkt->len;
		truesize += pkt->tcp.truesize;
	}
	assert(n_bytes == conn->rcvq.n_bytes);
	if (conn->reasm) {
		uint32_t prev_end = conn->rcv_nxt;

		assert(conn->reasm->n > 0 && conn->reasm->n <= conn->reasm->cap);
		for (uint32_t i = 0; i < conn->reasm->n; i++) {
			const struct tcp_run *run = &conn->reasm->runs[i];

			/* Runs are in order, and there is a hole in front of each. */
			assert(seq_lt(prev_end, run->seq) && seq_lt(run->seq, run->end_seq));
			prev_end = run->end_seq;
			for (const struct pkt *p = run->first; p; p = p->next)
				truesize += p->tcp.truesize;
		}
	}
	assert(truesize == conn->rcv_truesize);
	tcp_txq_check(conn);
}

/* A connection that waits for its peer has an armed timer, and the wheel knows the earliest. */
static void tcp_check_timers(const struct tcp_conn *conn)
{
	const int64_t deadlines[] = {conn->rexmt_ns, conn->delack_ns, conn->idle_ns};
	bool is_orphan = conn->sk.flags & SOCK_F_ORPHAN;

	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++)
		assert(!deadlines[i] || (wheel_timer_is_pending(&conn->timer) &&
					 conn->timer.deadline_ns <= deadlines[i]));
	if ((conn->state == WEFT_TCP_SYN_SENT && !(conn->tfo & TCP_TFO_DEFERRED)) ||
	    conn->state == WEFT_TCP_SYN_RECV)
		assert(conn->rexmt_ns);
	if (tcp_may_send(conn) && !engine_work_is_pending(&conn->work)) {
		if (tcp_flight(conn) > 0 || tcp_unsent(conn) > 0 || tcp_fin_waits(conn))
			assert(conn->rexmt_ns && conn->rexmt_kind != TCP_REXMT_NONE);
	}
	if (conn->state == WEFT_TCP_FIN_WAIT2 && is_orphan)
		assert(conn->idle_ns);
	if (conn->flags & TCPC_ACK_DELAYED)
		assert(conn->delack_ns);
	if (conn->flags & (TCPC_ACK_NOW | TCPC_OUTPUT))
		assert(engine_work_is_pending(&conn->work));
}

void tcp_conn_check(const struct tcp_conn *conn)
{
	assert(conn->sk.refs > 0);
	tcp_check_queues(conn);
	if (conn->state == WEFT_TCP_LISTEN) {
		assert(conn->listen && conn->listen->n_reqs <= conn->listen->cap_reqs);
		assert(conn->listen->n_reqs == 0 || wheel_timer_is_pending(&conn->timer));
		return;
	}
	if (conn->state == WEFT_TCP_CLOSE) {
		assert(!wheel_timer_is_pending(&conn->timer) && !conn->sndq.first && !conn->txq);
		return;
	}
	assert(conn->flags & TCPC_PROTO_REF);
	assert(seq_leq(conn->snd_una, conn->snd_nxt));
	assert(seq_leq(conn->snd_nxt, conn->snd_end + 1));
	assert(!!(conn->flags & TCPC_FIN_SENT) == seq_gt(conn->snd_nxt, conn->snd_end));
	assert(conn->mss > 0 && conn->cc.cwnd >= conn->cc.mss);
	if (tcp_is_synced(conn)) { /* until then snd_una is at the SYN, which no queue holds */
		assert((tcp_sndq_bytes(conn) > 0) == (conn->sndq.first != NULL));
		assert(seq_leq(conn->rcv_wup, conn->rcv_nxt));
		assert(tcp_flight(conn) == 0 || conn->txq);
	}
	tcp_check_timers(conn);
}
