/* SPDX-License-Identifier: MIT */
/*
 * The short way of small segments: header prediction (V. Jacobson, "4BSD header prediction", 1990)
 * taken to its end, for who asks and answers in a few bytes.
 *
 * How it works: each of the three functions looks first whether its case is the plain one, without
 * changing anything, and then does in a straight line what the general path does then. Whatever is
 * not plain is the general path's, from the beginning.
 *
 *	tcp_fast_input    tcp_in.c -> tcp_ack() -> tcp_in_text()
 *	tcp_fast_send     tcp_sock_send() -> tcp_sndq_write() -> tcp_output() -> tcp_xmit()
 *	tcp_fast_recv     tcp_sock_recv() -> tcp_rcvq_read()
 *
 * What is plain, and why the rest has nothing to do then:
 *
 *  - the connection: ESTABLISHED, nothing lost, nothing out of order, no backoff; no FIN, urgent
 *    data, records, cork, fast open or ECN; all that was written has been sent (fast_is_plain()).
 *    So an ACK opens no window for more, and no recovery, probe or timer but the retransmission's
 *    is under way.
 *  - the segment: the next one, whole and linear, with ACK and perhaps PSH, the options that the
 *    connection has agreed on in their usual form, within the window, not older than TS.Recent
 *    (RFC 7323 §5.3). So the first four steps of RFC 9293 §3.10.7.4 pass it as it is.
 *  - its ACK: of nothing while nothing is in flight, or of all that is, one segment that was sent
 *    once. So there is one record and one sample; what is in flight was less than half of the
 *    window, so no control that says so (CC_REST) lets it grow.
 *  - its text: less than the largest segment seen, into an empty queue with room for any (tcp_mem's
 *    least). So it teaches nothing of the peer's segments, and nothing has to be packed or pruned.
 *  - the send: a message of one piece, no more than is copied into a packet, into an empty queue,
 *    with nothing in flight, a valid route, windows that take it, no pacing, no probing of the path
 *    MTU. So it leaves at once and as one segment, whatever Nagle, silly-window avoidance and the
 *    size of super-packets say.
 *
 * What the application and the peer see is the same either way, to the last figure:
 * test_fast.c runs worlds drawn at random both ways and compares.
 */
#include <errno.h>
#include <string.h>

#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	FAST_BARE = (TCP_HDR_LEN / 4) << 12 | TCP_F_ACK, /* data offset and flags */
	FAST_WITH_TS = ((TCP_HDR_LEN + TCP_OPTS_TS_LEN) / 4) << 12 | TCP_F_ACK,
	FAST_TS_WORD = 0x0101080a, /* NOP NOP TS, its length */
	/* tcp_conn->flags that are not plain */
	FAST_NOT = TCPC_OUTPUT | TCPC_DSACK | TCPC_FIN_QUEUED | TCPC_FIN_SENT | TCPC_FIN_RCVD |
		   TCPC_PMTU_FLOOR | TCPC_MEM_WAIT | TCPC_CWND_LIMITED | TCPC_MORE | TCPC_SND_URG |
		   TCPC_RCV_URG | TCPC_EOR | TCPC_MTUP,
	/* tcp_txrec->flags of what was sent once and is on its way */
	FAST_REC_NOT = TXR_HELD | TXR_LOST | TXR_AGAIN | TXR_TWICE,
};

/* What is read of a segment. */
struct fast_seg {
	uint32_t seq, ack, len;
	uint32_t ts_val; /* with has_ts */
	uint32_t hdr_len;
	uint16_t wnd;
	bool has_ts;
};

/* Nothing special is under way. */
static inline bool fast_is_plain(const struct tcp_conn *conn)
{
	return conn->state == WEFT_TCP_ESTABLISHED && conn->ca_state == TCP_CA_OPEN &&
	       !(conn->flags & FAST_NOT) && conn->snd_nxt == conn->snd_end && !conn->reasm &&
	       conn->n_backoffs == 0 && conn->tfo == 0 && !(conn->ecn & TCP_ECN_OK) &&
	       !(conn->sk.flags & SOCK_F_STAMPS) && !conn->sk.stack->tcp->has_no_fast;
}

/* --- segments in --- */

/* Reads the header of a segment that may be plain. */
static inline bool fast_seg_read(const struct pkt *pkt, struct fast_seg *ret)
{
	const uint8_t *p = pkt->data;
	uint16_t word;

	if (pkt->gso_size || pkt->n_frags || pkt->len < TCP_HDR_LEN)
		return false;
	word = load_be16(p + 12) & (uint16_t)~TCP_F_PSH;
	ret->has_ts = word == FAST_WITH_TS;
	ret->hdr_len = TCP_HDR_LEN;
	ret->ts_val = 0;
	if (likely(ret->has_ts)) {
		ret->hdr_len += TCP_OPTS_TS_LEN;
		if (pkt->len < ret->hdr_len || load_be32(p + TCP_HDR_LEN) != FAST_TS_WORD)
			return false;
		ret->ts_val = load_be32(p + TCP_HDR_LEN + 4);
	} else if (word != FAST_BARE) {
		return false;
	}
	ret->len = pkt->len - ret->hdr_len;
	ret->seq = load_be32(p + 4);
	ret->ack = load_be32(p + 8);
	ret->wnd = load_be16(p + 14);
	return true;
}

/* The connection, when it is one of those that were found last. */
static inline struct tcp_conn *fast_conn(const struct stack *st, const struct pkt *pkt,
					 const struct ip_info *info)
{
	uint16_t rport = load_be16(pkt->data), lport = load_be16(pkt->data + 2);
	struct conn_node *node = *sock_recent_at(st->socks, lport, rport);

	if (!node || node->kind != CONN_SOCK || info->is_broadcast ||
	    !sock_node_is(node, &info->dst, &info->src, lport, rport, IP_PROTO_TCP))
		return NULL;
	if (unlikely(node->ifindex) && pkt->netif && node->ifindex != pkt->netif->index)
		return NULL;
	return tcp_conn_of(sock_of_conn(node));
}

static inline bool fast_is_next(const struct tcp_conn *conn, const struct fast_seg *seg)
{
	return seg->seq == conn->rcv_nxt && seq_leq(seg->seq + seg->len, conn->rcv_adv) &&
	       seg->has_ts == !!(conn->flags & TCPC_TS) &&
	       (!seg->has_ts || seq_geq(seg->ts_val, conn->ts_recent));
}

/* Its ACK is of nothing new, or of the one segment that is in flight. */
static inline bool fast_is_ack_plain(const struct tcp_conn *conn, const struct fast_seg *seg)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	uint32_t flight = tcp_flight(conn);
	const struct tcp_txq *q = conn->txq;

	if (seg->ack != conn->snd_nxt || (snd && (snd->marks & TCP_SND_TLP)))
		return false;
	if (flight == 0)
		return conn->rexmt_kind == TCP_REXMT_NONE;
	return snd && q && q->n == 1 && !(tcp_txq_at_const(q, 0)->flags & FAST_REC_NOT) &&
	       (conn->cc.ops->flags & (CC_REST | CC_OWN_CWND)) == CC_REST &&
	       conn->cc.cwnd >= 2 * flight && tcp_conf(conn)->slow_start_after_idle != 2;
}

/* tcp_truesize() without frags. */
static inline uint32_t fast_truesize(const struct pkt *pkt)
{
	return (uint32_t)sizeof(*pkt) + (pkt->buf ? pkt->buf->cap : 0);
}

static inline bool fast_is_text_plain(const struct tcp_conn *conn, const struct pkt *pkt,
				      const struct fast_seg *seg)
{
	if (seg->len == 0)
		return true;
	return seg->len < conn->rcv_mss && conn->rcvq.n_pkts == 0 &&
	       fast_truesize(pkt) <= tcp_conf(conn)->rmem_min;
}

/* tcp_ack() when all that is in flight is acknowledged, which is one record. */
static inline void fast_ack_new(struct tcp_conn *conn, uint32_t ack)
{
	struct tcp_sender *snd = tcp_sender(conn);
	const struct tcp_txrec *rec = tcp_txq_at(conn->txq, 0);

	conn->bytes_acked += ack - conn->snd_una;
	conn->snd_una = ack;
	conn->n_retries = 0;
	tcp_sndq_ack(conn);
	if (conn->flags & TCPC_SACK)
		tcp_rack_delivered(conn, rec, rec->end, NULL);
	(void)tcp_rtt_timed(conn);
	tcp_chrono_set(conn, TCP_CHRONO_NONE);
	ip_dst_confirm(conn->sk.stack, &conn->sk.dst);
	tcp_ack_rtt_min(conn, tcp_now(conn) - rec->tx_ns);
	conn->n_dupacks = 0;
	if (seq_gt(ack, conn->recover))
		conn->recover = ack - 1;
	if (unlikely(snd->marks & TCP_SND_UNDO))
		(void)tcp_undo_dsack(conn);
	cc_on_restart(&conn->cc, &(struct cc_restart){.now_ns = tcp_now(conn)});
	tcp_rate_on_plain_ack(conn, rec);
	tcp_txq_free(conn);
	conn->rexmt_ns = 0;
	conn->rexmt_kind = TCP_REXMT_NONE;
	if (unlikely(conn->cc.cwnd > conn->sk.sndbuf_bytes / 2 || (conn->flags & TCPC_NOSPACE)))
		tcp_ack_wake_writer(conn);
}

/* tcp_in_text() of a segment in order. Takes the packet. */
static inline void fast_text(struct tcp_conn *conn, struct pkt *pkt, const struct fast_seg *seg)
{
	conn->data_segs_in++;
	conn->last_text_ms = tcp_clock_ms(conn->sk.stack);
	pkt->tcp.truesize = fast_truesize(pkt);
	pkt_pull(pkt, seg->hdr_len);
	conn->rcv_nxt += seg->len;
	conn->bytes_rcvd += seg->len;
	tcp_mem_add_rcv(conn, pkt->tcp.truesize);
	pktq_push(&conn->rcvq, pkt);
	sock_wake(&conn->sk, SOCK_IN);
	tcp_ack_schedule(conn);
}

bool tcp_fast_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	struct tcp_conn *conn;
	struct fast_seg seg;

	if (!fast_seg_read(pkt, &seg))
		return false;
	conn = fast_conn(st, pkt, info);
	if (!conn || !fast_is_plain(conn) || !fast_is_next(conn, &seg) ||
	    !fast_is_ack_plain(conn, &seg) || !fast_is_text_plain(conn, pkt, &seg) ||
	    (pkt->csum == PKT_CSUM_NONE && !tcp_csum_ok(pkt, info)))
		return false;

	st->tcp->n_fast[0]++;
	mib_inc(st, MIB_TcpInSegs);
	pkt_hop(pkt, HOP_SOCK, IP_PROTO_TCP);
	conn->segs_in++;
	if (seg.has_ts && seq_leq(seg.seq, conn->rcv_wup)) {
		conn->ts_recent = seg.ts_val;
		conn->ts_recent_s = (uint32_t)(tcp_now(conn) / TCP_NS_PER_S);
	}
	tcp_ack_heard(conn);
	tcp_snd_wnd_follow(conn, seg.seq, seg.ack, (uint32_t)seg.wnd << conn->snd_wscale);
	if (seg.ack != conn->snd_una)
		fast_ack_new(conn, seg.ack);
	tcp_trace(conn);
	if (seg.len > 0)
		fast_text(conn, pkt, &seg);
	else
		pkt_free(pkt);
	return true;
}

/* --- sends --- */

/* Nothing is in flight or waits, and the windows and the path take `len` bytes in one segment. */
static inline bool fast_may_send(const struct tcp_conn *conn, size_t len)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	const struct tcp_conf *conf = tcp_conf(conn);

	return len > 0 && len <= TCP_COPY_MAX && len < conn->mss && fast_is_plain(conn) &&
	       !(conn->flags & TCPC_NOSPACE) && !conn->sk.err &&
	       !(conn->sk.flags & (SOCK_F_SHUT_WR | SOCK_F_CORK)) &&
	       conn->snd_una == conn->snd_nxt && !conn->sockopts && !conn->pmtu && snd &&
	       !(snd->marks & TCP_SND_FRTO_NEW) && len < conn->sk.sndbuf_bytes &&
	       len <= conn->snd_wnd && len <= conn->cc.cwnd && conf->notsent_lowat == UINT32_MAX &&
	       conf->slow_start_after_idle != 2 && !tcp_is_paced(conn) &&
	       ip_dst_is_valid(conn->sk.stack, &conn->sk.dst);
}

/* tcp_out_after_idle() would do something. */
static inline bool fast_was_idle(const struct tcp_conn *conn)
{
	uint32_t idle_ms = tcp_clock_ms(conn->sk.stack) - conn->last_snd_ms;

	return (uint64_t)idle_ms * 1000 > conn->rto_us &&
	       tcp_conf(conn)->slow_start_after_idle == 1;
}

/* The header, whose checksum is left to whoever needs it. */
static inline void fast_header(struct tcp_conn *conn, struct pkt *pkt)
{
	uint32_t hdr_len = TCP_HDR_LEN + (conn->flags & TCPC_TS ? TCP_OPTS_TS_LEN : 0);
	struct tcp_hdr hdr = {
		.seq = conn->snd_nxt,
		.ack = conn->rcv_nxt,
		.src_port = conn->sk.conn.lport,
		.dst_port = conn->sk.conn.rport,
		.wnd = tcp_rcv_wnd_select(conn),
		.flags = TCP_F_ACK | TCP_F_PSH,
		.data_off = (uint8_t)hdr_len,
	};
	uint8_t *p = pkt->data - hdr_len;

	pkt->data = p;
	pkt->len += hdr_len;
	pkt->lin_len += hdr_len;
	pkt->l4_off = pkt_off(pkt);
	tcp_hdr_write(p, &hdr);
	if (conn->flags & TCPC_TS) {
		store_be32(p + TCP_HDR_LEN, FAST_TS_WORD);
		store_be32(p + TCP_HDR_LEN + 4, tcp_ts_now(conn));
		store_be32(p + TCP_HDR_LEN + 8, conn->ts_recent);
	}
	tcp_csum_defer(pkt, &conn->sk.conn.laddr, &conn->sk.conn.raddr);
}

static inline int fast_xmit_ip(struct tcp_conn *conn, struct pkt *pkt)
{
	struct sock *sk = &conn->sk;
	const struct ip_plain out = {.dst = &sk->dst,
				     .src = &sk->conn.laddr,
				     .to = &sk->conn.raddr,
				     .mark = sk->mark,
				     .proto = IP_PROTO_TCP,
				     .tos = sk->tos,
				     .ttl = sk->ttl};
	int err;

	if (ip_addr_is_ip4(out.to))
		err = ip4_output_plain(sk->stack, pkt, &out);
	else
		err = ip6_output_plain(sk->stack, pkt, &out);
	if (unlikely(err == IP_NOT_PLAIN))
		err = tcp_xmit_ip(conn, pkt, IP_ECN_NOT_ECT);
	return err;
}

/* tcp_rexmt_sent_new() */
static inline void fast_arm(struct tcp_conn *conn)
{
	int64_t us, rto_us;

	if (unlikely(conn->srtt_us8 == 0 || !tcp_tlp_is_on(conn))) {
		tcp_rexmt_sent_new(conn);
		return;
	}
	us = tcp_tlp_single_us(conn);
	rto_us = tcp_min(conn->rto_us, tcp_conf(conn)->rto_max_ms * 1000);
	if (rto_us > 0 && rto_us < us)
		us = rto_us;
	conn->rexmt_kind = TCP_REXMT_TLP;
	conn->rexmt_ns = tcp_now(conn) + us * TCP_NS_PER_US;
	tcp_timer_upto(conn, conn->rexmt_ns);
}

/* tcp_sent_new() and what follows it in tcp_output(), of the only segment in flight. */
static inline void fast_was_sent(struct tcp_conn *conn, uint32_t len)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	cc_on_restart(&conn->cc, &(struct cc_restart){.now_ns = tcp_now(conn),
						      .total_bytes = snd->delivered_bytes,
						      .is_app_limited = snd->app_limited != 0});
	tcp_txq_sent_first(conn, len);
	conn->n_mem_tries = 0;
	conn->snd_nxt += len;
	conn->snd_sml = conn->snd_nxt;
	conn->last_snd_ms = tcp_clock_ms(conn->sk.stack);
	if (!(conn->flags & TCPC_RTT_TIMING)) {
		conn->flags |= TCPC_RTT_TIMING;
		conn->rtt_seq = conn->snd_nxt;
		conn->rtt_us = tcp_clock_us(conn);
	}
	tcp_chrono_set(conn, TCP_CHRONO_BUSY);
	fast_arm(conn);
	tcp_trace(conn);
}

/* The end of tcp_output() when there was no memory for what it wanted to send: later. */
static void fast_was_not_sent(struct tcp_conn *conn)
{
	conn->flags |= TCPC_MEM_WAIT;
	tcp_txq_free(conn);
	tcp_chrono_set(conn, TCP_CHRONO_BUSY);
	tcp_rexmt_arm(conn);
	tcp_trace(conn);
}

ptrdiff_t tcp_fast_send(struct sock *sk, const void *buf, size_t n)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	uint32_t len = (uint32_t)n;
	struct tcp_sender *snd;
	struct pkt *pkt;

	if (!fast_may_send(conn, n) || fast_was_idle(conn))
		return SOCK_NOT_PLAIN;
	pkt = pkt_alloc(&tcp_eng(conn)->pkts, 0);
	if (!pkt || !tcp_txq_open(conn) || !tcp_sndq_put_first(conn, buf, len)) {
		tcp_txq_free(conn);
		pkt_free(pkt);
		return SOCK_NOT_PLAIN;
	}

	conn->sk.stack->tcp->n_fast[1]++;
	snd = tcp_sender(conn);
	snd->app_limited = snd->delivered_bytes ? snd->delivered_bytes : 1;
	conn->sk.flags &= ~(uint32_t)TCP_SOCK_F_NOMEM;
	snd->usage_seq = conn->snd_nxt;
	if (conn->data_segs_in > 0)
		tcp_note_answer(conn);
	memcpy(pkt_put(pkt, len), buf, len);
	fast_header(conn, pkt);
	conn->segs_out++;
	conn->data_segs_out++;
	mib_inc(sk->stack, MIB_TcpOutSegs);
	mib_inc(sk->stack, MIB_TcpExtTCPOrigDataSent);
	tcp_ack_was_sent(conn);
	if (unlikely(fast_xmit_ip(conn, pkt) == -ENOBUFS))
		fast_was_not_sent(conn);
	else
		fast_was_sent(conn, len);
	return (ptrdiff_t)len;
}

/* --- receive calls --- */

ptrdiff_t tcp_fast_recv(struct sock *sk, void *buf, size_t n)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	struct pkt *pkt = conn->rcvq.first;
	uint32_t len;

	if (!pkt)
		return tcp_recv_nothing(conn);
	/* Of several packets, or of one that is not linear, the general path makes one read. */
	if ((conn->flags & TCPC_RCV_URG) || pkt->n_frags || n == 0 || (n > pkt->len && pkt->next))
		return SOCK_NOT_PLAIN;
	len = n < pkt->len ? (uint32_t)n : pkt->len;
	memcpy(buf, pkt->data, len);
	if (likely(len == pkt->len)) {
		(void)pktq_pop(&conn->rcvq);
		tcp_mem_sub_rcv(conn, pkt->tcp.truesize);
		pkt_free(pkt);
	} else {
		tcp_rcvq_eat(conn, len);
	}
	tcp_rcvq_was_read(conn);
	return (ptrdiff_t)len;
}
