/* SPDX-License-Identifier: MIT */
/*
 * Segments that belong to no stream: resets for what nobody wants (RFC 9293 §3.5.2, §3.10.7.1),
 * SYN-ACKs and ACKs of entries that are no connections, and challenge ACKs (RFC 5961).
 */
#include "transport/tcp/tcp_priv.h"

int tcp_ctl_output(struct stack *st, const struct tcp_ctl *ctl)
{
	uint32_t hdr_len = TCP_HDR_LEN + (uint32_t)tcp_opts_len(&ctl->opts);
	struct tcp_hdr hdr = {
		.seq = ctl->seq,
		.ack = ctl->ack,
		.src_port = ctl->lport,
		.dst_port = ctl->rport,
		.wnd = ctl->wnd,
		.flags = ctl->flags,
		.data_off = (uint8_t)hdr_len,
	};
	struct ip_out out = {
		.flow = {.dst = ctl->raddr,
			 .src = ctl->laddr,
			 .oif = ctl->ifindex,
			 .mark = ctl->mark,
			 .tos = ctl->tos,
			 .proto = IP_PROTO_TCP},
		.ttl = ctl->ttl,
		.df = true,
		.dst = ctl->dst,
	};
	struct pkt *pkt = pkt_alloc(&st->eng->pkts, 0);

	if (!pkt)
		return -ENOBUFS;
	if (!pkt_push(pkt, hdr_len)) {
		pkt_free(pkt);
		return -ENOBUFS;
	}
	pkt->l4_off = pkt_off(pkt);
	pkt->mark = ctl->mark;
	tcp_opts_write(pkt->data + TCP_HDR_LEN, &ctl->opts);
	tcp_hdr_write(pkt->data, &hdr);
	tcp_csum_defer(pkt, &ctl->laddr, &ctl->raddr);
	pkt_hop(pkt, HOP_SOCK, IP_PROTO_TCP);
	mib_inc(st, MIB_TcpOutSegs);
	return ip_output(st, pkt, &out);
}

void tcp_reset_for(struct stack *st, const struct tcp_seg *seg)
{
	struct tcp_ctl ctl = {
		.laddr = seg->info->dst,
		.raddr = seg->info->src,
		.lport = seg->dport,
		.rport = seg->sport,
	};

	if (seg->flags & TCP_F_RST)
		return;
	if (seg->flags & TCP_F_ACK) {
		ctl.seq = seg->ack;
		ctl.flags = TCP_F_RST;
	} else {
		ctl.ack = seg->end_seq;
		ctl.flags = TCP_F_RST | TCP_F_ACK;
	}
	mib_inc(st, MIB_TcpOutRsts);
	(void)tcp_ctl_output(st, &ctl);
}

/* The limit is the connection's own: one shared by all would let an outsider count what others do
 * (CVE-2016-5696). */
void tcp_challenge_ack(struct tcp_conn *conn)
{
	uint32_t now_s = (uint32_t)(tcp_now(conn) / TCP_NS_PER_S);

	if (conn->challenge_s != now_s) {
		conn->challenge_s = now_s;
		conn->n_challenges = 0;
	}
	if (conn->n_challenges >= TCP_CHALLENGE_PER_S)
		return;
	conn->n_challenges++;
	tcp_mib(conn, MIB_TcpExtTCPChallengeACK);
	tcp_conn_defer(conn, TCPC_ACK_NOW);
}
