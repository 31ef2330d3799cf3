/* SPDX-License-Identifier: MIT */
/* TCP_INFO: the figures of a connection. */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

static uint32_t tcp_segs_of(const struct tcp_conn *conn, uint32_t bytes)
{
	return (bytes + conn->mss - 1) / conn->mss;
}

static void tcp_info_flight(const struct tcp_conn *conn, struct weft_tcp_info *ret)
{
	const struct tcp_txq *q = conn->txq;

	ret->unacked = tcp_segs_of(conn, tcp_flight(conn));
	if (!q)
		return;
	ret->sacked = tcp_segs_of(conn, q->held_bytes);
	ret->retrans = tcp_segs_of(conn, q->again_bytes);
	ret->lost = tcp_segs_of(conn, q->lost_bytes);
}

static int64_t tcp_left_ns(const struct tcp_conn *conn, int64_t at_ns)
{
	return at_ns > tcp_now(conn) ? at_ns - tcp_now(conn) : 0;
}

/* The deadline that says most about the connection; a delayed ACK is none of those that ss shows.
 */
static void tcp_info_timer(const struct tcp_conn *conn, struct weft_tcp_info *ret)
{
	if (conn->rexmt_ns) {
		ret->timer =
			conn->rexmt_kind == TCP_REXMT_PROBE || conn->rexmt_kind == TCP_REXMT_MEM
				? WEFT_TCP_TIMER_PROBE
				: WEFT_TCP_TIMER_REXMT;
		ret->timer_tries = conn->n_retries;
		ret->timer_ns = tcp_left_ns(conn, conn->rexmt_ns);
	} else if (conn->idle_ns) {
		ret->timer = conn->state == WEFT_TCP_FIN_WAIT2 && (conn->sk.flags & SOCK_F_ORPHAN)
				     ? WEFT_TCP_TIMER_TIMEWAIT
				     : WEFT_TCP_TIMER_KEEPALIVE;
		ret->timer_tries = conn->n_keepalives;
		ret->timer_ns = tcp_left_ns(conn, conn->idle_ns);
	}
}

static void tcp_info_rates(const struct tcp_conn *conn, struct weft_tcp_info *ret)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	struct cc_info cc = {0};

	ret->pacing_rate = tcp_pace_rate(conn);
	ret->max_pacing_rate = UINT64_MAX;
	ret->is_paced = tcp_is_paced(conn);
	ret->cc_alpha_1024 = -1;
	if (!snd)
		return;
	ret->max_pacing_rate = snd->pacing_max_Bps;
	ret->delivery_rate = snd->rate_Bps;
	ret->is_delivery_app_limited = snd->is_rate_app_limited;
	ret->delivered_ce = snd->delivered_ce;
	if (!conn->cc.ops->info)
		return;
	conn->cc.ops->info(&conn->cc, &cc);
	if (cc.has_alpha)
		ret->cc_alpha_1024 = cc.alpha_1024;
	ret->cc_bw = cc.bw_Bps;
	ret->cc_min_rtt_us = cc.min_rtt_us == UINT32_MAX ? 0 : cc.min_rtt_us;
	ret->cc_pacing_gain_256 = cc.pacing_gain_256;
	ret->cc_cwnd_gain_256 = cc.cwnd_gain_256;
}

void tcp_info_fill(const struct tcp_conn *conn, struct weft_tcp_info *ret)
{
	*ret = (struct weft_tcp_info){
		.state = conn->state,
		.ca_state = conn->ca_state < TCP_CA_REDUCED && tcp_ecn_is_reducing(conn)
				    ? TCP_CA_REDUCED
				    : conn->ca_state,
		.retransmits = conn->n_retries,
		.wait = (uint8_t)tcp_wait_reason(conn),
		.snd_wscale = conn->snd_wscale,
		.rcv_wscale = conn->rcv_wscale,
		.has_ts = conn->flags & TCPC_TS,
		.has_sack = conn->flags & TCPC_SACK,
		.has_wscale = conn->flags & TCPC_WSCALE,
		.rto_us = conn->rto_us,
		.ato_us = tcp_conf(conn)->delack_ms * 1000,
		.snd_mss = conn->mss,
		.rcv_mss = conn->rcv_mss,
		.advmss = conn->advmss,
		.pmtu = conn->pmtu ? conn->pmtu : conn->sk.dst.mtu,
		.rtt_us = conn->srtt_us8 / 8,
		.rttvar_us = conn->rttvar_us4 / 4,
		.min_rtt_us = conn->rtt_min_us,
		.snd_cwnd = conn->cc.cwnd / conn->mss,
		.snd_ssthresh =
			conn->cc.ssthresh == UINT32_MAX ? INT32_MAX : conn->cc.ssthresh / conn->mss,
		.snd_wnd = conn->snd_wnd,
		.rcv_wnd = tcp_rcv_wnd(conn),
		.total_retrans = conn->n_rexmt,
		.bytes_sent = conn->bytes_acked + tcp_sndq_bytes(conn) - tcp_unsent(conn) +
			      conn->bytes_rexmt,
		.bytes_acked = conn->bytes_acked,
		.bytes_received = conn->bytes_rcvd,
		.bytes_retrans = conn->bytes_rexmt,
		.segs_out = conn->segs_out,
		.segs_in = conn->segs_in,
		.data_segs_out = conn->data_segs_out,
		.data_segs_in = conn->data_segs_in,
		.notsent_bytes = tcp_unsent(conn),
		.sndq_bytes = tcp_sndq_bytes(conn),
		.rcvq_bytes = conn->rcvq.n_bytes,
		.ofoq_bytes = conn->reasm ? conn->reasm->n_bytes : 0,
		.established_ns = conn->established_ns,
		.handshake_ns = (int64_t)conn->handshake_us * TCP_NS_PER_US,
		.busy_ns = tcp_chrono_ns(conn, TCP_CHRONO_BUSY),
		.rwnd_limited_ns = tcp_chrono_ns(conn, TCP_CHRONO_RWND),
		.sndbuf_limited_ns = tcp_chrono_ns(conn, TCP_CHRONO_SNDBUF),
		.has_ecn = conn->ecn & TCP_ECN_OK,
		.has_ecn_seen = conn->ecn & TCP_ECN_SEEN,
		.cc = conn->cc.ops->name,
		.backoffs = conn->n_backoffs,
		.last_snd_ago_ms = tcp_clock_ms(conn->sk.stack) - conn->last_snd_ms,
		.last_rcv_ago_ms = tcp_clock_ms(conn->sk.stack) - conn->last_rcv_ms,
		/* Shares its place with the accept queue's link. */
		.rcv_space = conn->flags & TCPC_ACCEPTQ ? 0 : conn->drs_space,
		.rcv_ssthresh = tcp_rcv_wnd_space(conn),
		.rcv_rtt_us = conn->flags & TCPC_ACCEPTQ ? 0 : conn->drs_rtt_us,
		.reordering = conn->reordering,
		.reord_seen = conn->n_reord_seen,
		.dsack_dups = conn->n_dsack_in,
		.rcv_ooopack = conn->n_ooo_in,
	};
	tcp_info_rates(conn, ret);
	tcp_info_timer(conn, ret);
	tcp_info_flight(conn, ret);
	ret->delivered = conn->data_segs_out -
			 tcp_min(conn->data_segs_out, conn->n_rexmt + ret->unacked) + ret->sacked;
}

static_assert(sizeof(struct weft_tcp_info_linux) == 232, "Linux's struct tcp_info");

static uint8_t tcp_info_options(const struct tcp_conn *conn)
{
	return (uint8_t)((conn->flags & TCPC_TS ? 1 : 0) + (conn->flags & TCPC_SACK ? 2 : 0) +
			 (conn->flags & TCPC_WSCALE ? 4 : 0) + (conn->ecn & TCP_ECN_OK ? 8 : 0) +
			 (conn->ecn & TCP_ECN_SEEN ? 16 : 0) +
			 (conn->tfo & TCP_TFO_TAKEN ? 32 : 0));
}

/* Of a listener Linux tells its queue in two fields of segments. */
static void tcp_info_linux_listen(const struct tcp_conn *conn, struct weft_tcp_info_linux *ret)
{
	*ret = (struct weft_tcp_info_linux){
		.state = conn->state,
		.unacked = conn->listen->n_accept,
		.sacked = conn->listen->backlog,
		.reordering = conn->reordering,
	};
}

/* Until data comes, since the handshake ended. */
static uint32_t tcp_info_text_ago_ms(const struct tcp_conn *conn)
{
	uint32_t last_ms = conn->last_text_ms;

	if (conn->data_segs_in == 0)
		last_ms = (uint32_t)(conn->established_ns / TCP_NS_PER_MS);
	return tcp_clock_ms(conn->sk.stack) - last_ms;
}

void tcp_info_linux(const struct tcp_conn *conn, struct weft_tcp_info_linux *ret)
{
	uint32_t now_ms = tcp_clock_ms(conn->sk.stack);
	bool is_probing = conn->rexmt_kind == TCP_REXMT_PROBE;
	struct weft_tcp_info i;

	if (conn->state == WEFT_TCP_LISTEN) {
		tcp_info_linux_listen(conn, ret);
		return;
	}
	tcp_info_fill(conn, &i);
	*ret = (struct weft_tcp_info_linux){
		.state = i.state,
		.ca_state = i.ca_state,
		.retransmits = is_probing ? 0 : conn->n_retries,
		.probes = is_probing ? conn->n_retries : conn->n_keepalives,
		.backoff = conn->n_backoffs,
		.options = tcp_info_options(conn),
		.wscales = (uint8_t)(i.snd_wscale | i.rcv_wscale << 4),
		.rto = (uint32_t)(tcp_rto_ns(conn) / TCP_NS_PER_US),
		.ato = i.ato_us,
		.snd_mss = i.snd_mss,
		.rcv_mss = i.rcv_mss,
		.unacked = i.unacked,
		.sacked = i.sacked,
		.lost = i.lost,
		.retrans = i.retrans,
		.last_data_sent = now_ms - conn->last_snd_ms,
		.last_data_recv = tcp_info_text_ago_ms(conn),
		.last_ack_recv = now_ms - conn->last_rcv_ms,
		.pmtu = i.pmtu,
		.rcv_ssthresh = i.rcv_ssthresh,
		.rtt = i.rtt_us,
		.rttvar = i.rttvar_us,
		.snd_ssthresh = i.snd_ssthresh,
		.snd_cwnd = i.snd_cwnd,
		.advmss = i.advmss,
		.reordering = i.reordering,
		.rcv_rtt = i.rcv_rtt_us,
		.rcv_space = i.rcv_space,
		.total_retrans = conn->n_rexmt,
		.pacing_rate = i.pacing_rate,
		.max_pacing_rate = i.max_pacing_rate,
		.bytes_acked = i.bytes_acked,
		.bytes_received = i.bytes_received,
		.segs_out = conn->segs_out,
		.segs_in = conn->segs_in,
		.notsent_bytes = i.notsent_bytes,
		.min_rtt = conn->rtt_min_us ? conn->rtt_min_us : UINT32_MAX,
		.data_segs_in = conn->data_segs_in,
		.data_segs_out = conn->data_segs_out,
		.delivery_rate = i.delivery_rate,
		.app_bits = (uint8_t)(i.is_delivery_app_limited |
				      (conn->tfo >> TCP_TFO_FAIL_SHIFT << 1)),
		.busy_time = (uint64_t)(i.busy_ns / TCP_NS_PER_US),
		.rwnd_limited = (uint64_t)(i.rwnd_limited_ns / TCP_NS_PER_US),
		.sndbuf_limited = (uint64_t)(i.sndbuf_limited_ns / TCP_NS_PER_US),
		.delivered_ce = i.delivered_ce,
		.delivered = i.delivered,
		.bytes_sent = i.bytes_sent,
		.bytes_retrans = i.bytes_retrans,
		.dsack_dups = i.dsack_dups,
		.reord_seen = i.reord_seen,
		.rcv_ooopack = i.rcv_ooopack,
		.snd_wnd = i.snd_wnd,
	};
}

void tcp_info_get(const struct sock *sk, struct weft_tcp_info *ret)
{
	tcp_info_fill(tcp_conn_of_const(sk), ret);
}

static int64_t tcp_until_ns(const struct stack *st, uint32_t at_ms)
{
	int32_t left_ms = seq_diff(at_ms, tcp_clock_ms(st));

	return left_ms > 0 ? (int64_t)left_ms * TCP_NS_PER_MS : 0;
}

void tcp_node_info(const struct stack *st, const struct conn_node *node, struct weft_sock_info *ret)
{
	if (node->kind == CONN_TW) {
		const struct tcp_tw *tw = container_of(node, const struct tcp_tw, node);

		ret->timer = WEFT_TCP_TIMER_TIMEWAIT;
		ret->timer_ns = (int64_t)tcp_tw_left_ms(st, tw) * TCP_NS_PER_MS;
	} else if (node->kind == CONN_SYN) {
		const struct tcp_req *req = container_of(node, const struct tcp_req, node);

		ret->owner = sock_owner(&req->listener->sk);
		ret->timer = WEFT_TCP_TIMER_REXMT;
		ret->timer_tries = req->n_retries;
		ret->timer_ns = tcp_until_ns(st, req->due_ms);
	}
}
