/* SPDX-License-Identifier: MIT */
/*
 * Making room for data when memory is short: by the stack's marks (tcp_mem.c), by the engine's
 * pools, or because a connection's out-of-order queue is at its own bound.
 *
 * What is done, in this order, until the segment fits:
 *
 *	1  the out-of-order queue, then the receive queue, are packed densely: nothing is lost
 *	2  data out of order that lies behind the segment is thrown away, the farthest first; the
 *	   peer still has it, though it was told of it (RFC 2018 §8: "discouraged", and the last
 *	   thing to do before data is refused)
 *	3  the segment itself is refused; but not data in order for an empty queue, without which
 *	   the connection could not move
 *
 * Data in order that was acknowledged is never touched.
 */
#include "transport/tcp/tcp_priv.h"

enum {
	PRUNE_REASM_SLACK = 64 * 1024,
};

/* A connection's own bound, whatever the stack has, is for data out of order: with ordinary frames
 * a full window fits, with tiny ones when the buffer is small. Data in order has none: the window
 * promised it, and it is packed densely when it comes (tcp_rcvq.c), so it cannot pile up. */
bool tcp_reasm_has_room(struct tcp_conn *conn, uint32_t n)
{
	return (uint64_t)conn->rcv_truesize + n <=
		       2ull * conn->sk.rcvbuf_bytes + PRUNE_REASM_SLACK &&
	       tcp_mem_has_rcv(conn, n);
}

static bool tcp_prune_is_done(struct tcp_conn *conn, uint32_t seq, uint32_t n)
{
	return seq == conn->rcv_nxt ? tcp_mem_has_rcv(conn, n) : tcp_reasm_has_room(conn, n);
}

bool tcp_prune(struct tcp_conn *conn, uint32_t seq, uint32_t n)
{
	bool is_done;

	tcp_mib(conn, MIB_TcpExtPruneCalled);
	if (conn->reasm)
		tcp_reasm_collapse(conn);
	tcp_rcvq_collapse(conn);
	is_done = tcp_prune_is_done(conn, seq, n);
	if (is_done || !conn->reasm || !seq_gt(tcp_reasm_last(conn), seq))
		return is_done;
	tcp_mib(conn, MIB_TcpExtOfoPruned);
	while (!is_done && conn->reasm && seq_gt(tcp_reasm_last(conn), seq)) {
		tcp_reasm_drop_last(conn);
		is_done = tcp_prune_is_done(conn, seq, n);
	}
	return is_done;
}
