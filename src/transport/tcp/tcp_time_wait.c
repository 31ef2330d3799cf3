/* SPDX-License-Identifier: MIT */
/*
 * TIME-WAIT (RFC 9293 §3.6.1, §3.10.7.4): for two minutes' sake of old segments, and to acknowledge
 * a FIN that comes again.
 *
 * How it works: the connection is replaced by an entry of two cache lines, which stands in the
 * connection table in its place. All entries wait equally long, so they form a queue by when their
 * wait began, and one timer of the stack watches its head; what restarts the wait moves the entry
 * to the tail. A change of tcp_tw_timeout holds for all of them. The number of entries is bounded
 * by tcp_max_tw_buckets; beyond, connections end without TIME-WAIT, as in Linux.
 *
 * RFC-DEVIATION: RFC 9293 §3.4.2: the wait is a minute, as in Linux, instead of two MSL of two
 * minutes each; tcp_tw_timeout sets it.
 *
 * RFC-DEVIATION: RFC 9293 §3.10.7.4: a RST is ignored (RFC 1337) unless tcp_rfc1337 is 0. A SYN
 * that is certainly newer opens a new connection at once (RFC 6191, RFC 9293 §3.6.1 MAY-2).
 */
#include "transport/tcp/tcp_priv.h"

uint32_t tcp_tw_left_ms(const struct stack *st, const struct tcp_tw *tw)
{
	/* One up: milliseconds are cut, and the wait must not be shorter than promised. */
	uint32_t wait_ms = st->tcp->conf.tw_timeout_s * 1000 + 1;
	uint32_t waited_ms = tcp_clock_ms(st) - tw->since_ms;

	return waited_ms < wait_ms ? wait_ms - waited_ms : 0;
}

static void tcp_tw_arm(struct tcp *tcp)
{
	struct wheel *wheel = &tcp->st->eng->wheel;
	struct list *first = list_first(&tcp->tw);
	uint32_t left_ms;

	if (!first) {
		wheel_stop(wheel, &tcp->tw_timer);
		return;
	}
	left_ms = tcp_tw_left_ms(tcp->st, container_of(first, struct tcp_tw, link));
	if (!wheel_timer_is_pending(&tcp->tw_timer))
		wheel_start(wheel, &tcp->tw_timer,
			    tcp->st->eng->now_ns + left_ms * (int64_t)TCP_NS_PER_MS);
}

void tcp_tw_rearm(struct stack *st)
{
	wheel_stop(&st->eng->wheel, &st->tcp->tw_timer);
	tcp_tw_arm(st->tcp);
}

static void tcp_tw_start(struct stack *st, struct tcp_tw *tw)
{
	list_del(&tw->link);
	list_add_tail(&st->tcp->tw, &tw->link);
	tw->since_ms = tcp_clock_ms(st);
	tcp_tw_arm(st->tcp);
}

void tcp_tw_free(struct stack *st, struct tcp_tw *tw)
{
	list_del(&tw->link);
	sock_conn_del(st, &tw->node);
	st->tcp->n_tw--;
	mem_free(&st->eng->mem, tw, sizeof(*tw));
}

void tcp_tw_timer(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	struct tcp *tcp = container_of(timer, struct tcp, tw_timer);
	struct list *first;

	while ((first = list_first(&tcp->tw))) {
		struct tcp_tw *tw = container_of(first, struct tcp_tw, link);

		if (tcp_tw_left_ms(tcp->st, tw) > 0)
			break;
		tcp_tw_free(tcp->st, tw);
	}
	tcp_tw_arm(tcp);
}

void tcp_tw_purge(struct stack *st)
{
	struct list *first;

	while ((first = list_first(&st->tcp->tw)))
		tcp_tw_free(st, container_of(first, struct tcp_tw, link));
	tcp_tw_arm(st->tcp);
}

static struct tcp_tw *tcp_tw_new(struct tcp_conn *conn)
{
	struct stack *st = conn->sk.stack;
	struct tcp_tw *tw;

	if (st->tcp->n_tw >= st->tcp->conf.max_tw_buckets)
		return NULL;
	tw = mem_zalloc(&st->eng->mem, sizeof(*tw));
	if (!tw)
		return NULL;
	tw->node.kind = CONN_TW;
	tw->node.proto = IP_PROTO_TCP;
	tw->node.family = conn->sk.conn.family;
	tw->snd_nxt = conn->snd_nxt;
	tw->rcv_nxt = conn->rcv_nxt;
	tw->ts_recent = conn->flags & TCPC_TS ? conn->ts_recent : 0;
	tw->node.hash_link.room = tcp_min(tcp_rcv_wnd(conn) >> conn->rcv_wscale, UINT16_MAX);
	list_init(&tw->link);
	st->tcp->n_tw++;
	return tw;
}

void tcp_time_wait(struct tcp_conn *conn)
{
	struct stack *st = conn->sk.stack;
	struct tcp_tw *tw = tcp_tw_new(conn);

	/* The ACK that takes the peer out of LAST-ACK must not be lost with the connection. */
	if (conn->flags & TCPC_ACK_NOW)
		tcp_send_ack(conn);
	tcp_set_state(conn, WEFT_TCP_TIME_WAIT);
	tcp_report_end(conn);
	if (tw) {
		mib_inc(st, MIB_TcpExtTW);
		sock_conn_replace(st, &conn->sk.conn, &tw->node);
		tcp_tw_start(st, tw);
	}
	tcp_done(conn);
}

static void tcp_tw_ack(struct stack *st, const struct tcp_tw *tw)
{
	struct tcp_ctl ctl = {
		.laddr = tw->node.laddr,
		.raddr = tw->node.raddr,
		.lport = tw->node.lport,
		.rport = tw->node.rport,
		.ifindex = tw->node.ifindex,
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.flags = TCP_F_ACK,
		.wnd = (uint16_t)tw->node.hash_link.room,
		.opts.has_ts = tw->ts_recent != 0,
	};

	if (ctl.opts.has_ts) {
		ctl.opts.ts_val = tcp_ts_clock(st) + tcp_ts_offset(st, &tw->node);
		ctl.opts.ts_ecr = tw->ts_recent;
	}
	(void)tcp_ctl_output(st, &ctl);
}

/* RFC 6191 §2: a newer timestamp, or without them a higher sequence number. */
bool tcp_tw_may_reopen(const struct tcp_tw *tw, const struct tcp_seg *seg)
{
	if ((seg->flags & (TCP_F_SYN | TCP_F_ACK | TCP_F_RST | TCP_F_FIN)) != TCP_F_SYN)
		return false;
	if (tw->ts_recent && seg->opts.has_ts && seg->opts.ts_val != tw->ts_recent)
		return seq_gt(seg->opts.ts_val, tw->ts_recent);
	return seq_gt(seg->seq, tw->rcv_nxt);
}

uint32_t tcp_tw_reopen(struct stack *st, struct tcp_tw *tw)
{
	/* Beyond any number that the old connection used. */
	uint32_t iss = tw->snd_nxt + 65535 + 2;

	mib_inc(st, MIB_TcpExtTWKilled);
	tcp_tw_free(st, tw);
	return iss ? iss : 1;
}

enum drop tcp_in_time_wait(struct stack *st, struct tcp_tw *tw, const struct tcp_seg *seg)
{
	bool is_old = tw->ts_recent && seg->opts.has_ts && seq_lt(seg->opts.ts_val, tw->ts_recent);

	if (seg->flags & TCP_F_RST) {
		if (seg->seq != tw->rcv_nxt || st->tcp->conf.rfc1337)
			return DROP_TCP_TIME_WAIT;
		mib_inc(st, MIB_TcpExtTWKilled);
		tcp_tw_free(st, tw);
		return DROP_NONE;
	}
	/* fifth: the ACK bit; a SYN is answered as any other that is not newer */
	if (!(seg->flags & (TCP_F_ACK | TCP_F_SYN)))
		return DROP_TCP_NO_ACK;
	/* An empty segment that is in order wants nothing of us. */
	if (!is_old && seg->seq == tw->rcv_nxt && seg->end_seq == seg->seq)
		return DROP_NONE;
	/* "The only thing that can arrive in this state is a retransmission of the remote FIN." */
	if (seg->flags & TCP_F_ACK)
		tcp_tw_start(st, tw);
	/* Data and FINs are answered each, as in Linux; anything else may be an answer to ours. */
	if (seg->len > 0 || (seg->flags & (TCP_F_FIN | TCP_F_SYN)) == TCP_F_FIN ||
	    !tcp_answer_is_limited(st, &tw->node))
		tcp_tw_ack(st, tw);
	return DROP_TCP_TIME_WAIT;
}
