/* SPDX-License-Identifier: MIT */
/*
 * TCP input: from an IP payload to the endpoint it belongs to (RFC 9293 §3.10.7).
 *
 *	tcp_input -> tcp_seg_read            header, checksum, options
 *	          -> sock_lookup_conn        a connection     -> tcp_in_conn, by state
 *	                                     a half-open one  -> tcp_in_req
 *	                                     TIME-WAIT        -> tcp_in_time_wait
 *	          -> sock_lookup_receiver    a listener       -> tcp_in_listen
 *	          -> tcp_ask_syn             nobody, but an intercept asks the application
 *	          -> tcp_reset_for           nobody
 *
 * tcp_in_fast() is header prediction: the segment that comes next on a connection that just moves
 * data takes one comparison for all steps that it cannot concern.
 */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

/* RFC 1122 §4.2.3.10: TCP is between two hosts. */
static bool tcp_addrs_ok(const struct ip_info *info)
{
	return !info->is_broadcast && !ip_addr_is_unspecified(&info->src) &&
	       !ip_addr_is_multicast(&info->src) && !ip_addr_is_multicast(&info->dst) &&
	       !(ip_addr_is_ip4(&info->src) && load_be32(info->src.b + 12) == UINT32_MAX);
}

/* Payload bytes of the largest frame, and how many frames there are. */
static void tcp_seg_count_frames(struct tcp_seg *seg)
{
	uint32_t gso = seg->pkt->gso_size;

	seg->n_frames = 1;
	seg->frame_len = (uint16_t)seg->len;
	if (gso == 0 || seg->len <= gso)
		return;
	seg->n_frames = (seg->len + gso - 1) / gso;
	seg->frame_len = (uint16_t)gso;
}

static enum drop tcp_seg_opts(struct tcp_seg *seg)
{
	const uint8_t *p = seg->pkt->data + TCP_HDR_LEN;
	size_t len = seg->hdr_len - (size_t)TCP_HDR_LEN;

	if (likely(tcp_opts_is_ts_only(p, len))) {
		seg->opts = (struct tcp_opts){
			.has_ts = true,
			.ts_val = load_be32(p + 4),
			.ts_ecr = load_be32(p + 8),
		};
		return DROP_NONE;
	}
	return tcp_opts_parse(p, len, &seg->opts) < 0 ? DROP_TCP_OPTIONS : DROP_NONE;
}

static enum drop tcp_seg_read(struct tcp_seg *seg)
{
	struct pkt *pkt = seg->pkt;
	struct tcp_hdr hdr;

	if (!pkt_pullup(pkt, TCP_HDR_LEN))
		return DROP_TCP_HDR;
	tcp_hdr_read(pkt->data, &hdr);
	if (!tcp_hdr_len_ok(&hdr, pkt->len) || !pkt_pullup(pkt, hdr.data_off))
		return DROP_TCP_HDR;
	if (!tcp_csum_ok(pkt, seg->info))
		return DROP_TCP_CSUM;
	seg->seq = hdr.seq;
	seg->ack = hdr.ack;
	seg->flags = hdr.flags;
	seg->wnd = hdr.wnd;
	seg->urg = hdr.urg;
	seg->sport = hdr.src_port;
	seg->dport = hdr.dst_port;
	seg->hdr_len = hdr.data_off;
	seg->len = pkt->len - hdr.data_off;
	seg->end_seq = seg->seq + seg->len + ((hdr.flags & TCP_F_SYN) != 0) +
		       ((hdr.flags & TCP_F_FIN) != 0);
	tcp_seg_count_frames(seg);
	return tcp_seg_opts(seg);
}

/* The least scale that lets the largest receive buffer be offered (RFC 7323 §2.3). */
uint8_t tcp_wscale_offer(const struct tcp_conf *conf)
{
	uint8_t scale = 0;

	while (scale < TCP_WSCALE_MAX && (conf->rmem_max >> 16 >> scale) > 0)
		scale++;
	return scale;
}

/* Of the SYN that opened the connection, or the SYN-ACK; RFC 9293 §3.7.1, RFC 7323, RFC 2018. */
void tcp_learn_syn(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	const struct tcp_opts *o = &seg->opts;

	conn->irs = seg->seq;
	conn->rcv_nxt = seg->seq + 1;
	conn->rcv_wup = conn->rcv_nxt;
	conn->mss_peer = o->has_mss && o->mss ? o->mss : tcp_mss_default(&conn->sk.conn.raddr);
	if (o->has_ts && conf->timestamps) {
		conn->flags |= TCPC_TS;
		conn->ts_recent = o->ts_val;
		conn->ts_recent_s = (uint32_t)(tcp_now(conn) / TCP_NS_PER_S);
	}
	if (o->sack_ok && conf->sack)
		conn->flags |= TCPC_SACK;
	if (o->has_wscale && conf->window_scaling) {
		conn->flags |= TCPC_WSCALE;
		conn->snd_wscale = (uint8_t)tcp_min(o->wscale, TCP_WSCALE_MAX);
		conn->rcv_wscale = tcp_wscale_offer(conf);
	}
	conn->snd_wl1 = seg->seq;
	conn->snd_wl2 = seg->ack;
	conn->snd_wnd = seg->wnd;
	conn->snd_wnd_max = seg->wnd;
	tcp_mtup_start(conn);
	tcp_mss_sync(conn);
	tcp_cc_start(conn);
}

/* Next in order, nothing but ACK (and PSH), same window, timestamp not older: in ESTABLISHED only
 * the ACK and the data remain to be dealt with. */
static bool tcp_in_is_predicted(const struct tcp_conn *conn, const struct tcp_seg *seg)
{
	return conn->state == WEFT_TCP_ESTABLISHED && seg->seq == conn->rcv_nxt &&
	       (seg->flags & ~TCP_F_PSH) == TCP_F_ACK && seq_leq(seg->ack, conn->snd_nxt) &&
	       seq_geq(seg->ack, conn->snd_una) && seq_leq(seg->end_seq, conn->rcv_adv) &&
	       seg->opts.has_ts == !!(conn->flags & TCPC_TS) &&
	       (!seg->opts.has_ts || seq_geq(seg->opts.ts_val, conn->ts_recent));
}

static enum drop tcp_in_fast(struct tcp_conn *conn, struct tcp_seg *seg)
{
	enum drop why;

	if (seg->opts.has_ts && seq_leq(seg->seq, conn->rcv_wup)) {
		conn->ts_recent = seg->opts.ts_val;
		conn->ts_recent_s = (uint32_t)(tcp_now(conn) / TCP_NS_PER_S);
	}
	why = tcp_ack(conn, seg);
	if (why != DROP_NONE || seg->len == 0 || conn->state != WEFT_TCP_ESTABLISHED)
		return why;
	return tcp_in_text(conn, seg);
}

static enum drop tcp_in_conn(struct tcp_conn *conn, struct tcp_seg *seg)
{
	enum drop why;

	sock_ref(&conn->sk);
	conn->segs_in += seg->n_frames;
	if (likely(tcp_in_is_predicted(conn, seg)))
		why = tcp_in_fast(conn, seg);
	else if (conn->state == WEFT_TCP_SYN_SENT)
		why = tcp_in_syn_sent(conn, seg);
	else
		why = tcp_in_synced(conn, seg);
	sock_unref(&conn->sk);
	return why;
}

/* The application is asked about it. */
static struct intercept *tcp_in_asked(const struct tcp_seg *seg)
{
	const struct netif *netif = seg->pkt->netif;

	if (!netif || seg->info->is_broadcast ||
	    (seg->flags & (TCP_F_SYN | TCP_F_ACK | TCP_F_RST | TCP_F_FIN)) != TCP_F_SYN)
		return NULL;
	return netif->intercept;
}

static struct sock *tcp_in_listener(struct stack *st, const struct tcp_seg *seg,
				    const struct sock_flow *flow)
{
	return seg->info->is_foreign ? NULL : sock_lookup_receiver(st, flow);
}

static enum drop tcp_in_nobody(struct stack *st, struct tcp_seg *seg, uint32_t iss_hint)
{
	struct intercept *asked = tcp_in_asked(seg);

	if (asked)
		return tcp_ask_syn(asked, seg, iss_hint);
	if (seg->flags & TCP_F_RST)
		return DROP_TCP_NO_SOCKET_RST;
	tcp_reset_for(st, seg);
	return DROP_TCP_NO_SOCKET;
}

static enum drop tcp_in_receiver(struct stack *st, struct tcp_seg *seg,
				 const struct sock_flow *flow, uint32_t iss_hint)
{
	struct sock *sk = tcp_in_listener(st, seg, flow);
	enum drop why;

	if (!sk)
		return tcp_in_nobody(st, seg, iss_hint);
	sock_ref(sk);
	why = tcp_in_listen(tcp_conn_of(sk), seg, iss_hint);
	sock_unref(sk);
	return why;
}

static enum drop tcp_in_tw(struct stack *st, struct tcp_tw *tw, struct tcp_seg *seg,
			   const struct sock_flow *flow)
{
	/* Only a listener that takes the SYN ends the wait; else it is answered like any other. */
	if (!tcp_tw_may_reopen(tw, seg) || (!tcp_in_asked(seg) && !tcp_in_listener(st, seg, flow)))
		return tcp_in_time_wait(st, tw, seg);
	return tcp_in_receiver(st, seg, flow, tcp_tw_reopen(st, tw));
}

static enum drop tcp_demux(struct stack *st, struct tcp_seg *seg)
{
	struct sock_flow flow = {
		.laddr = seg->info->dst,
		.raddr = seg->info->src,
		.lport = seg->dport,
		.rport = seg->sport,
		.proto = IP_PROTO_TCP,
		.ifindex = seg->pkt->netif ? seg->pkt->netif->index : 0,
	};
	struct conn_node *node = sock_lookup_conn(st, &flow);

	if (!node)
		return tcp_in_receiver(st, seg, &flow, 0);
	switch ((enum conn_kind)node->kind) {
	case CONN_SYN:
		return tcp_in_req(st, container_of(node, struct tcp_req, node), seg);
	case CONN_TW:
		return tcp_in_tw(st, container_of(node, struct tcp_tw, node), seg, &flow);
	case CONN_ASK:
		return tcp_in_ask(st, container_of(node, struct tcp_ask, req.node), seg);
	case CONN_SOCK:
		break;
	}
	return tcp_in_conn(tcp_conn_of(sock_of_conn(node)), seg);
}

enum drop tcp_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	struct tcp_seg seg;
	enum drop why;

	if (likely(tcp_fast_input(st, pkt, info)))
		return DROP_NONE;
	seg = (struct tcp_seg){.pkt = pkt, .info = info, .n_frames = 1};
	why = tcp_addrs_ok(info) ? tcp_seg_read(&seg) : DROP_TCP_BAD_ADDR;
	mib_add(st, MIB_TcpInSegs, seg.n_frames);
	if (why != DROP_NONE) {
		mib_inc(st, MIB_TcpInErrs);
		if (why == DROP_TCP_CSUM)
			mib_inc(st, MIB_TcpInCsumErrors);
		return why;
	}
	pkt_hop(pkt, HOP_SOCK, IP_PROTO_TCP);
	why = tcp_demux(st, &seg);
	if (why == DROP_NONE)
		pkt_free(seg.pkt); /* NULL when a queue took it */
	return why;
}
