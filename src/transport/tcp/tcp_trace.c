/* SPDX-License-Identifier: MIT */
/* A connection's figures for the trace: after each ACK and timeout, when somebody plots them. */
#include "core/trace.h"

#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

void tcp_trace_figures(const struct tcp_conn *conn)
{
	const struct trace_tcp figures = {
		.lport = conn->sk.conn.lport,
		.rport = conn->sk.conn.rport,
		.cwnd = conn->cc.cwnd,
		.ssthresh = conn->cc.ssthresh,
		.srtt_us = conn->srtt_us8 / 8,
		.flight = tcp_pipe(conn),
		.una = conn->snd_una - conn->iss - 1,
		.nxt = conn->snd_nxt - conn->iss - 1,
		.wnd = conn->snd_wnd,
		.rate_bps = cc_pacing_rate(&conn->cc) * 8,
	};

	trace_tcp(conn->sk.stack, &figures);
}
