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
		.opts = ctl->ip4_opts,
		.exts = ctl->exts,
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

bool tcp_answer_is_limited(struct stack *st, struct conn_node *node)
{
	uint32_t now_ms = tcp_clock_ms(st), limit_ms = st->tcp->conf.invalid_ratelimit_ms;

	/* The noted time is odd so as not to be 0, hence up to one ahead. */
	if (limit_ms && node->answered_ms && now_ms + 1 - node->answered_ms <= limit_ms)
		return true;
	node->answered_ms = now_ms | 1;
	return false;
}

/*
 * All connections together, a second. How many there are is drawn anew for each second, around the
 * setting: a limit that an outsider knows would let him count, by what is left of it for his own
 * connection, whether his guesses about another one hit (CVE-2016-5696).
 */
static bool tcp_challenges_are_used_up(struct stack *st)
{
	uint32_t limit = st->tcp->conf.challenge_ack_limit, half = (limit + 1) / 2;
	uint32_t now_s = (uint32_t)(st->eng->now_ns / TCP_NS_PER_S);
	struct tcp *tcp = st->tcp;

	if (limit == INT32_MAX)
		return false;
	if (tcp->challenge_s != now_s + 1) { /* 0: none yet */
		tcp->challenge_s = now_s + 1;
		tcp->challenges_left = half + (uint32_t)rng_below(&st->eng->rng, limit ? limit : 1);
	}
	if (tcp->challenges_left == 0)
		return true;
	tcp->challenges_left--;
	return false;
}

bool tcp_challenge_is_due(struct stack *st, struct conn_node *node)
{
	/* The connection's own limit first: who floods one connection uses up nothing of the
	 * others'. */
	if (tcp_answer_is_limited(st, node) || tcp_challenges_are_used_up(st))
		return false;
	mib_inc(st, MIB_TcpExtTCPChallengeACK);
	return true;
}

void tcp_challenge_ack(struct tcp_conn *conn)
{
	if (tcp_challenge_is_due(conn->sk.stack, &conn->sk.conn))
		tcp_conn_defer(conn, TCPC_ACK_NOW);
}
