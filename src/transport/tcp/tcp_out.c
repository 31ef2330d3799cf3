/* SPDX-License-Identifier: MIT */
/*
 * Sending on a connection: what may go now (RFC 9293 §3.8.6.2.1, RFC 5681), and the building of
 * segments.
 *
 * Data leaves in super-packets of up to 64 KiB that refer to the send queue's bytes; `gso_size`
 * tells whoever is at the edge where to cut. Everything that a segment says about the receiving
 * side (ACK, window, SACK blocks) is taken from the connection as it is sent, so any segment
 * serves as an ACK.
 */
#include "transport/stamp.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

/* One segment or super-packet to build. */
struct tcp_tx {
	uint32_t seq;
	uint32_t len;      /* payload; out: what was sent */
	uint32_t n_frames; /* out: segments it is */
	uint32_t mss;      /* payload of a segment; 0: tcp_out_mss() */
	uint16_t flags;
	bool is_again;
	bool is_whole; /* it goes as a whole or not at all */
};

/* The options of any segment but a SYN. SACK blocks: RFC 2018 §4, a duplicate first (RFC 2883). */
static void tcp_out_opts(const struct tcp_conn *conn, struct tcp_opts *ret)
{
	uint8_t n = 0, max;

	*ret = (struct tcp_opts){.has_ts = conn->flags & TCPC_TS};
	if (ret->has_ts) {
		ret->ts_val = tcp_ts_now(conn);
		ret->ts_ecr = conn->ts_recent;
	}
	if (!(conn->flags & TCPC_SACK) || (!conn->reasm && !(conn->flags & TCPC_DSACK)))
		return;
	max = (uint8_t)tcp_opts_sack_room(ret);
	if (conn->flags & TCPC_DSACK)
		ret->sack[n++] = conn->dsack;
	n += tcp_reasm_blocks(conn, &ret->sack[n], (uint8_t)(max - n));
	ret->n_sack = n;
}

/* RFC 9293 §3.7.1, RFC 7323, RFC 2018. A SYN-ACK repeats only what the SYN offered. */
static void tcp_syn_opts(const struct tcp_conn *conn, struct tcp_opts *ret)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	bool is_reply = conn->state == WEFT_TCP_SYN_RECV;

	*ret = (struct tcp_opts){
		.has_mss = true,
		.mss = conn->advmss,
		.has_ts = is_reply ? conn->flags & TCPC_TS : conf->timestamps,
		.sack_ok = is_reply ? conn->flags & TCPC_SACK : conf->sack,
		.has_wscale = is_reply ? conn->flags & TCPC_WSCALE : conf->window_scaling,
		.wscale = tcp_wscale_offer(conf),
	};
	if (ret->has_ts) {
		ret->ts_val = tcp_ts_now(conn);
		ret->ts_ecr = conn->ts_recent;
	}
}

uint32_t tcp_out_mss(const struct tcp_conn *conn)
{
	struct tcp_opts opts;
	uint32_t base;

	if (likely(!conn->reasm && !(conn->flags & TCPC_DSACK)))
		return conn->mss;
	tcp_out_opts(conn, &opts);
	base = conn->mss + (uint32_t)(opts.has_ts ? TCP_OPTS_TS_LEN : 0);
	return tcp_max(base - tcp_min(base, (uint32_t)tcp_opts_len(&opts)), 8);
}

static void tcp_xmit_count(struct tcp_conn *conn, const struct tcp_tx *tx, uint32_t n_frames)
{
	struct stack *st = conn->sk.stack;

	conn->segs_out += n_frames;
	if (tx->len > 0)
		conn->data_segs_out += n_frames;
	if (tx->is_again) {
		conn->n_rexmt += n_frames;
		conn->bytes_rexmt += tx->len;
		mib_add(st, MIB_TcpRetransSegs, n_frames);
		return;
	}
	mib_add(st, MIB_TcpOutSegs, n_frames);
	if (tx->len > 0)
		mib_add(st, MIB_TcpExtTCPOrigDataSent, n_frames);
}

static void tcp_xmit_header(struct tcp_conn *conn, struct pkt *pkt, const struct tcp_tx *tx,
			    const struct tcp_opts *opts)
{
	struct tcp_hdr hdr = {
		.seq = tx->seq,
		.ack = tx->flags & TCP_F_ACK ? conn->rcv_nxt : 0,
		.src_port = conn->sk.conn.lport,
		.dst_port = conn->sk.conn.rport,
		.wnd = tx->flags & TCP_F_RST ? 0 : tcp_rcv_wnd_select(conn),
		.flags = tx->flags,
	};

	if (conn->flags & TCPC_SND_URG)
		tcp_urg_header(conn, &hdr);
	tcp_opts_write(pkt->data + TCP_HDR_LEN, opts);
	hdr.data_off = (uint8_t)(TCP_HDR_LEN + tcp_opts_len(opts));
	tcp_hdr_write(pkt->data, &hdr);
	tcp_csum_defer(pkt, &conn->sk.conn.laddr, &conn->sk.conn.raddr);
}

/* What the application has set of the IP header. */
static void tcp_xmit_opts(const struct tcp_conn *conn, struct ip_out *out)
{
	const struct tcp_sockopts *o = conn->sockopts;

	out->opts = tcp_ip4_opts(conn, &out->flow.dst);
	out->exts = tcp_exts(conn, &out->flow.dst);
	out->no_flow_label = o->ip6.no_autolabel;
	out->df &= o->pmtudisc != WEFT_IP_PMTUDISC_DONT && o->pmtudisc != WEFT_IP_PMTUDISC_OMIT &&
		   o->pmtudisc != WEFT_IP_PMTUDISC_INTERFACE;
}

int tcp_xmit_ip(struct tcp_conn *conn, struct pkt *pkt, uint8_t ecn)
{
	const struct sock *sk = &conn->sk;
	struct ip_out out = {
		.flow = {.dst = sk->conn.raddr,
			 .src = sk->conn.laddr,
			 .oif = sk->conn.ifindex,
			 .mark = sk->mark,
			 .tos = sk->tos | ecn,
			 .proto = IP_PROTO_TCP},
		.ttl = sk->ttl,
		.df = !(conn->flags & TCPC_PMTU_FLOOR),
		.dst = &conn->sk.dst,
	};

	if (unlikely(conn->sockopts))
		tcp_xmit_opts(conn, &out);

	/* Here, since ip_output() would bring a route up to date without its segment size. */
	if (unlikely(!ip_dst_is_valid(sk->stack, &sk->dst)))
		(void)!tcp_route_sync(conn);
	pkt->mark = sk->mark;
	pkt_hop(pkt, HOP_SOCK, IP_PROTO_TCP);
	return ip_output(sk->stack, pkt, &out);
}

/* Builds and sends. `tx->len` becomes what fitted. 0; -ENOBUFS: nothing was sent, for want of
 * memory here or of room where packets wait for a neighbour; else the error of ip_output(), with
 * the segment lost. */
static int tcp_xmit(struct tcp_conn *conn, struct tcp_tx *tx, const struct tcp_opts *opts)
{
	uint32_t hdr_len = TCP_HDR_LEN + (uint32_t)tcp_opts_len(opts);
	struct pkt *pkt = pkt_alloc(&tcp_eng(conn)->pkts, 0);
	uint32_t mss = conn->mss, n_frames = 1, want = tx->len;
	uint8_t ecn;
	int err;

	if (!pkt)
		return -ENOBUFS;
	if (tx->len > 0) {
		mss = tx->mss ? tx->mss : tcp_out_mss(conn);
		/* Of a SYN with data the first byte follows the SYN's number. */
		tx->len = tcp_sndq_fill(conn, pkt, tx->seq + !!(tx->flags & TCP_F_SYN), tx->len);
		if (tx->is_whole && tx->len < want)
			tx->len = 0;
		if (tx->len < want) {
			tx->len -= tx->len > mss ? tx->len % mss : 0;
			tx->flags &= (uint16_t) ~(TCP_F_FIN | TCP_F_PSH);
			pkt_trim(pkt, tx->len);
		}
	}
	if ((want > 0 && tx->len == 0) || !pkt_push(pkt, hdr_len)) {
		pkt_free(pkt);
		return -ENOBUFS;
	}
	pkt->l4_off = pkt_off(pkt);
	if (tx->len > mss) {
		pkt->gso_size = (uint16_t)mss;
		pkt->gso_type = ip_addr_is_ip4(&conn->sk.conn.raddr) ? PKT_GSO_TCP4 : PKT_GSO_TCP6;
		n_frames = (tx->len + mss - 1) / mss;
		/* As Linux: the peer need not wait for more to put together. */
		if (tcp_conf(conn)->push_bursts)
			tx->flags |= TCP_F_PSH;
	}
	tx->n_frames = n_frames;
	ecn = tcp_ecn_output(conn, tx->len > 0 && !tx->is_again, &tx->flags);
	tcp_xmit_header(conn, pkt, tx, opts);
	tcp_xmit_count(conn, tx, n_frames);
	if (unlikely(conn->sk.flags & SOCK_F_STAMPS) && tx->len > 0)
		stamp_segment(&conn->sk, pkt, tx->seq + !!(tx->flags & TCP_F_SYN),
			      tx->seq + !!(tx->flags & TCP_F_SYN) + tx->len);
	if (tx->flags & TCP_F_ACK)
		tcp_ack_was_sent(conn);
	err = tcp_xmit_ip(conn, pkt, ecn);
	if (likely(err != -ENOBUFS))
		conn->n_mem_tries = 0;
	return err;
}

int tcp_send_syn_tfo(struct tcp_conn *conn, const struct tcp_opts *tfo, uint32_t n)
{
	bool is_reply = conn->state == WEFT_TCP_SYN_RECV;
	struct tcp_tx tx = {
		.seq = conn->iss,
		.len = n,
		.flags = (uint16_t)(TCP_F_SYN | (is_reply ? TCP_F_ACK : 0)),
		.is_again = conn->n_backoffs > 0,
	};
	struct tcp_opts opts;
	uint8_t wscale = conn->rcv_wscale;
	int err;

	tx.flags |= tcp_ecn_syn_flags(conn, is_reply, tx.is_again);
	tcp_syn_opts(conn, &opts);
	opts.has_tfo = tfo->has_tfo;
	opts.tfo_exp = tfo->tfo_exp;
	opts.tfo_len = tfo->tfo_len;
	opts.tfo = tfo->tfo;
	conn->rcv_wscale = 0; /* the window of a SYN is never scaled (RFC 7323 §2.2) */
	err = tcp_xmit(conn, &tx, &opts);
	conn->rcv_wscale = wscale;
	return err;
}

int tcp_send_syn(struct tcp_conn *conn)
{
	static const struct tcp_opts none;

	return tcp_send_syn_tfo(conn, &none, 0);
}

/* A segment without data, at snd_nxt. False: no memory. */
static bool tcp_send_empty(struct tcp_conn *conn, uint32_t seq, uint16_t flags)
{
	struct tcp_tx tx = {.seq = seq, .flags = flags};
	struct tcp_opts opts;

	tcp_out_opts(conn, &opts);
	return tcp_xmit(conn, &tx, &opts) != -ENOBUFS;
}

void tcp_send_ack(struct tcp_conn *conn)
{
	if (tcp_send_empty(conn, conn->snd_nxt, TCP_F_ACK))
		return;
	conn->flags &= ~(uint32_t)TCPC_ACK_NOW;
	conn->flags |= TCPC_ACK_DELAYED;
	conn->delack_ns = tcp_now(conn) + tcp_mem_retry_ns(conn);
	tcp_timer_sync(conn);
}

/* RFC-DEVIATION: RFC 9293 §3.8.6.1: a probe of a closed window carries no byte, as in Linux: being
 * outside of the window it is answered all the same, and leaves nothing to be taken back. */
void tcp_send_probe(struct tcp_conn *conn)
{
	/* One within the window that tells of urgent data, as Linux. */
	if (conn->flags & TCPC_SND_URG)
		(void)tcp_send_empty(conn, conn->snd_una, TCP_F_ACK);
	(void)tcp_send_empty(conn, conn->snd_una - 1, TCP_F_ACK);
}

void tcp_send_reset(struct tcp_conn *conn)
{
	mib_inc(conn->sk.stack, MIB_TcpOutRsts);
	(void)tcp_send_empty(conn, conn->snd_nxt, TCP_F_RST | TCP_F_ACK);
}

bool tcp_nagle_holds(const struct tcp_conn *conn)
{
	if (conn->flags & (TCPC_FIN_QUEUED | TCPC_SND_URG))
		return false;
	if ((conn->sk.flags & SOCK_F_CORK) || (conn->flags & TCPC_MORE))
		return true;
	if (conn->sk.flags & SOCK_F_NODELAY)
		return false;
	if (!tcp_conf(conn)->nagle_minshall)
		return tcp_flight(conn) > 0;
	/* Where the last small segment ended was perhaps 2^31 bytes ago, and looks ahead then. */
	return seq_gt(conn->snd_sml, conn->snd_una) && seq_leq(conn->snd_sml, conn->snd_nxt);
}

/*
 * Payload of a super-packet, a multiple of the segment size. The largest on a short path; on a long
 * one what the window's rate sends in a millisecond, at least two segments, so that a queue on the
 * way does not see 64 KiB at once from a flow that is slow. Linux's rule (tcp_tso_autosize), with
 * its allowance of the full size halved for each half millisecond of round trip; but none for a
 * control that paces itself, whose model is a quantum of a millisecond: on a path of 20 Mbit/s and
 * 1 ms the allowance is two windows in one piece, and no queue of a few frames takes that.
 */
static uint32_t tcp_gso_payload(const struct tcp_conn *conn, uint32_t mss)
{
	uint32_t most = conn->gso_max > TCP_HDR_IP_MAX ? conn->gso_max - TCP_HDR_IP_MAX : 0;
	uint32_t srtt_us = conn->srtt_us8 / 8;
	uint32_t halvings = tcp_min(conn->rtt_min_us / 512, 31);
	uint64_t n = most;

	/* The pointer is relative to the segment, so each frame needs its own; and who cuts a
	 * super-packet knows no extension headers. */
	if ((conn->flags & TCPC_SND_URG) || unlikely(conn->sockopts && tcp_ip_opts_len(conn)))
		return mss;
	if (tcp_is_paced(conn)) {
		uint64_t Bps = tcp_pace_rate(conn);

		n = Bps >> 10;
		if (!(conn->cc.ops->flags & CC_PACED))
			n += most >> halvings;
		n = n < most ? n : most;
	} else if (srtt_us > 1000) {
		bool is_slow_start = conn->cc.cwnd < conn->cc.ssthresh / 2;

		n = (uint64_t)conn->cc.cwnd * (is_slow_start ? 2000 : 1200) / srtt_us;
		n += most >> halvings;
		n = n < most ? n : most;
	}
	n = n > 2 * mss ? n : 2 * mss;
	return n > most ? mss : (uint32_t)(n - n % mss);
}

/* A larger super-packet is worth waiting for while ACKs are sure to come; as Linux, at most a third
 * of the window is left unused. */
static bool tcp_tso_defers(const struct tcp_conn *conn, uint32_t n, uint32_t limit, uint32_t max)
{
	int64_t age_ns;

	if (!conn->txq || conn->txq->n == 0 || conn->ca_state != TCP_CA_OPEN || n >= max)
		return false;
	/* What left less than half a round trip ago brings no ACK soon. */
	age_ns = tcp_now(conn) - tcp_txq_at(conn->txq, 0)->tx_ns;
	if (age_ns < (int64_t)conn->srtt_us8 / 16 * TCP_NS_PER_US)
		return false;
	return limit < tcp_min(conn->cc.cwnd, conn->snd_wnd) / 3;
}

/* How much new data may go in one super-packet now; 0: none. */
static uint32_t tcp_out_quota(struct tcp_conn *conn, uint32_t mss)
{
	uint32_t unsent = tcp_unsent(conn);
	uint32_t pipe = tcp_pipe(conn);
	uint32_t cwnd_left = conn->cc.cwnd > pipe ? conn->cc.cwnd - pipe : 0;
	uint32_t wnd_left = tcp_snd_wnd_left(conn);
	uint32_t limit = tcp_min(cwnd_left, wnd_left);
	uint32_t max = tcp_gso_payload(conn, mss);
	uint32_t record =
		conn->flags & TCPC_EOR ? tcp_sndq_record(conn, conn->snd_nxt, unsent) : unsent;
	uint32_t n = tcp_min(record, tcp_min(limit, max));

	if (unsent > cwnd_left && cwnd_left < max)
		conn->flags |= TCPC_CWND_LIMITED;
	if (n == 0)
		return 0;
	if (n == unsent) {
		/* The last bytes there are; what does not fill a segment may have to wait. */
		uint32_t rest = n % mss;

		return rest > 0 && tcp_nagle_holds(conn) ? n - rest : n;
	}
	if (n == record)
		return n; /* what follows does not fill it up */
	if (n >= mss)
		return tcp_tso_defers(conn, n, limit, max) ? 0 : n - n % mss;
	/* RFC 9293 §3.8.6.2.1 (3): less than a segment only if it is half the largest window. */
	return n == wnd_left && n >= conn->snd_wnd_max / 2 ? n : 0;
}

/* New numbers have gone out. */
static void tcp_sent_new(struct tcp_conn *conn, uint32_t n, uint32_t n_segs)
{
	tcp_txq_sent(conn, n, n_segs);
	tcp_prr_sent(conn, n);
	tcp_pace_sent(conn, n);
	conn->snd_nxt += n;
	conn->last_snd_ms = tcp_clock_ms(conn->sk.stack);
	if (conn->flags & TCPC_RTT_TIMING)
		return;
	conn->flags |= TCPC_RTT_TIMING;
	conn->rtt_seq = conn->snd_nxt;
	conn->rtt_us = tcp_clock_us(conn);
}

/* MSG_EOR: whoever wrote up to here did not mean more to come. */
static bool tcp_ends_record(struct tcp_conn *conn, uint32_t n)
{
	return (conn->flags & TCPC_EOR) &&
	       n == tcp_sndq_record(conn, conn->snd_nxt, tcp_unsent(conn));
}

/* The first data after nothing was in flight. */
static void tcp_out_restart(struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	cc_on_restart(&conn->cc, &(struct cc_restart){.now_ns = tcp_now(conn),
						      .total_bytes = snd->delivered_bytes,
						      .is_app_limited = snd->app_limited != 0});
}

/* Sends `n` bytes of new data (0: only a FIN) in segments of `mss`. False: no memory. */
static bool tcp_send_new(struct tcp_conn *conn, uint32_t n, uint32_t mss)
{
	struct tcp_tx tx = {
		.seq = conn->snd_nxt,
		.len = n,
		.mss = mss,
		.flags = TCP_F_ACK,
		.is_whole = mss > conn->mss,
	};
	struct tcp_opts opts;
	uint32_t wnd_left = tcp_snd_wnd_left(conn);

	if (n > 0 && (n == tcp_unsent(conn) || tcp_ends_record(conn, n)))
		tx.flags |= TCP_F_PSH;
	if (n == tcp_unsent(conn) && tcp_fin_waits(conn) && wnd_left > n)
		tx.flags |= TCP_F_FIN;
	if (n > 0 && conn->data_segs_in > 0)
		tcp_note_answer(conn);
	tcp_out_opts(conn, &opts);
	if (!tcp_sender_get(conn) || !tcp_txq_open(conn) ||
	    tcp_xmit(conn, &tx, &opts) == -ENOBUFS) {
		conn->flags |= TCPC_MEM_WAIT;
		if (tcp_flight(conn) == 0)
			tcp_txq_free(conn);
		return false;
	}
	if (tx.flags & TCP_F_FIN)
		conn->flags |= TCPC_FIN_SENT;
	if (tcp_flight(conn) == 0)
		tcp_out_restart(conn);
	tcp_sent_new(conn, tx.len + ((tx.flags & TCP_F_FIN) != 0), tx.n_frames);
	if (tx.len % mss != 0)
		conn->snd_sml = conn->snd_nxt;
	return true;
}

/* New data as a probe of the path MTU. True: one was sent, or nothing is to go before it. */
static bool tcp_out_probe(struct tcp_conn *conn, bool *ret_is_sent)
{
	uint32_t seq = conn->snd_nxt;
	bool waits;
	uint32_t n = tcp_mtup_due(conn, &waits);

	*ret_is_sent = n > 0 && tcp_send_new(conn, n, n);
	if (*ret_is_sent)
		tcp_mtup_sent(conn, seq, n);
	return *ret_is_sent || waits;
}

/* One piece of new data, or the bare FIN. True: sent, there may be more. */
static bool tcp_out_new(struct tcp_conn *conn)
{
	uint32_t mss, n;
	bool is_sent;

	if (unlikely(conn->flags & TCPC_MTUP) && tcp_out_probe(conn, &is_sent))
		return is_sent;
	mss = tcp_out_mss(conn);
	n = tcp_out_quota(conn, mss);
	if (n > 0)
		return tcp_send_new(conn, n, mss);
	if (tcp_unsent(conn) == 0 && tcp_fin_waits(conn) && tcp_snd_wnd_left(conn) > 0)
		return tcp_send_new(conn, 0, mss);
	return false;
}

/* RFC 2861 and RFC 5681 §4.1: a window that was not used for an RTO may be stale; or RFC 7661. */
static void tcp_out_after_idle(struct tcp_conn *conn)
{
	uint64_t idle_us;

	tcp_cwv_before_send(conn);
	if (tcp_flight(conn) > 0 || tcp_conf(conn)->slow_start_after_idle != 1 ||
	    !conn->data_segs_out)
		return;
	idle_us = (uint64_t)(tcp_clock_ms(conn->sk.stack) - conn->last_snd_ms) * 1000;
	if (idle_us > conn->rto_us)
		cc_on_idle(&conn->cc, idle_us, conn->rto_us);
}

/* Whether the window limits us is said once a round trip, since what is paced seldom meets it. */
static void tcp_out_usage(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (snd && tcp_is_paced(conn) && seq_lt(conn->snd_una, snd->usage_seq) &&
	    seq_leq(snd->usage_seq, conn->snd_nxt))
		return;
	conn->flags &= ~(uint32_t)TCPC_CWND_LIMITED;
	if (snd)
		snd->usage_seq = conn->snd_nxt;
}

/* What holds us back from now on (TCP_INFO, as Linux). */
static void tcp_out_chrono(struct tcp_conn *conn)
{
	uint32_t unsent = tcp_unsent(conn);
	enum tcp_chrono chrono = TCP_CHRONO_BUSY;

	if (unsent == 0 && tcp_flight(conn) == 0)
		chrono = TCP_CHRONO_NONE;
	else if (unsent > 0 && tcp_snd_wnd_left(conn) < tcp_min(unsent, conn->mss) &&
		 !(conn->flags & TCPC_CWND_LIMITED))
		chrono = TCP_CHRONO_RWND;
	else if (unsent == 0 && (conn->flags & TCPC_NOSPACE) && !(conn->flags & TCPC_CWND_LIMITED))
		chrono = TCP_CHRONO_SNDBUF;
	tcp_chrono_set(conn, chrono);
}

/* Segments must fit the path as it is now; without a route the old values serve. */
static void tcp_route_refresh(struct tcp_conn *conn)
{
	if (conn->pmtu)
		tcp_pmtu_age(conn);
	if (!ip_dst_is_valid(conn->sk.stack, &conn->sk.dst))
		(void)!tcp_route_sync(conn);
}

void tcp_output(struct tcp_conn *conn)
{
	uint32_t nxt = conn->snd_nxt;

	conn->flags &= ~(uint32_t)(TCPC_OUTPUT | TCPC_MEM_WAIT);
	if (!tcp_may_send(conn))
		return;
	tcp_route_refresh(conn);
	if (tcp_unsent(conn) > 0) {
		tcp_out_usage(conn);
		tcp_out_after_idle(conn);
	}
	do {
		while (!tcp_pace_holds(conn) && (tcp_recover_output(conn) || tcp_out_new(conn)))
			;
	} while (tcp_recover_output_done(conn));
	tcp_out_chrono(conn);
	if (conn->snd_nxt != nxt)
		tcp_rexmt_sent_new(conn);
	else
		tcp_rexmt_arm(conn);
	/* With TCP_NOTSENT_LOWAT sending makes room, not only what is acknowledged. */
	if ((conn->flags & TCPC_NOSPACE) && tcp_notsent_lowat(conn) != UINT32_MAX)
		tcp_sndq_wake(conn);
	tcp_trace(conn);
}

bool tcp_send_override(struct tcp_conn *conn)
{
	uint32_t mss, n;

	tcp_route_refresh(conn);
	mss = tcp_out_mss(conn);
	n = tcp_min(tcp_unsent(conn), tcp_min(tcp_snd_wnd_left(conn), mss));
	if (n == 0 && !(tcp_unsent(conn) == 0 && tcp_fin_waits(conn) && tcp_snd_wnd_left(conn) > 0))
		return false;
	(void)!tcp_send_new(conn, n, mss);
	return true;
}

/* A loss probe is none of this: it repairs nothing yet. */
static void tcp_sent_again(struct tcp_conn *conn, uint32_t seq, const struct tcp_tx *tx)
{
	if (conn->ca_state < TCP_CA_RECOVERY)
		return;
	tcp_prr_sent(conn, tx->len);
	tcp_undo_sent_again(conn, tx->len);
	if (conn->ca_state == TCP_CA_LOSS)
		mib_add(conn->sk.stack, MIB_TcpExtTCPSlowStartRetrans, tx->n_frames);
	/* The oldest data has a full timeout from now on. */
	if (seq == conn->snd_una && conn->rexmt_ns && conn->rexmt_kind != TCP_REXMT_REO)
		tcp_rexmt_rto(conn, true);
}

uint32_t tcp_send_again(struct tcp_conn *conn, uint32_t seq, uint32_t len)
{
	uint32_t data = seq_lt(seq, conn->snd_end) ? conn->snd_end - seq : 0;
	struct tcp_tx tx = {.seq = seq, .flags = TCP_F_ACK, .is_again = true};
	struct tcp_opts opts;

	/* A loss probe comes from its timer, not through tcp_output(). */
	tcp_route_refresh(conn);
	tx.len = tcp_min(tcp_min(len, data), tcp_gso_payload(conn, tcp_out_mss(conn)));
	if ((conn->flags & TCPC_EOR) && tx.len > 0)
		tx.len = tcp_sndq_record(conn, seq, tx.len);
	if (tx.len == data && len > data)
		tx.flags |= TCP_F_FIN;
	if (tx.len > 0 && tx.len == data)
		tx.flags |= TCP_F_PSH;
	/* Karn: what is sent twice measures nothing. */
	conn->flags &= ~(uint32_t)TCPC_RTT_TIMING;
	tcp_out_opts(conn, &opts);
	if (opts.has_ts)
		opts.ts_val = tcp_again_ts(conn);
	if (tcp_xmit(conn, &tx, &opts) == -ENOBUFS) {
		conn->flags |= TCPC_MEM_WAIT;
		return 0;
	}
	tx.len += (tx.flags & TCP_F_FIN) != 0;
	tcp_txq_again(conn, seq, tx.len);
	if (conn->flags & TCPC_MTUP)
		tcp_mtup_sent_again(conn, seq, tx.len);
	tcp_sent_again(conn, seq, &tx);
	tcp_pace_sent(conn, tx.len);
	return tx.len;
}
