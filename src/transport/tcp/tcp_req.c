/* SPDX-License-Identifier: MIT */
/*
 * The SYN queue: passive SYN-RECEIVED (RFC 9293 §3.10.7.4), as entries of two cache lines instead
 * of connections, so that a flood of SYNs costs little (RFC 4987 §3.2 and §3.3).
 *
 * How it works: an entry stands in the connection table and in its listener's array. The SYN-ACK is
 * sent again after 1, 2, 4 … s, tcp_synack_retries times; the listener's timer walks the array.
 *
 * At the bound (tcp_max_syn_backlog) a newcomer takes the place of an entry whose SYN-ACK has been
 * repeated already, that is, one that had its chance for a second; eight entries are looked at.
 * When all of them are fresh the newcomer gets a cookie (tcp_cookie.c), or, with tcp_syncookies 0,
 * is dropped: its peer will send the SYN again.
 */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	REQS_MIN = 8,
	REQS_LOOK = 8,
};

uint32_t tcp_req_timeout_ms(const struct tcp_req *req)
{
	const struct tcp_conf *conf = tcp_conf(req->listener);
	uint64_t ms = (uint64_t)conf->rto_initial_ms << req->n_retries;

	return ms < conf->rto_max_ms ? (uint32_t)ms : conf->rto_max_ms;
}

/* The listener's timer fires no later than for this entry. */
static void tcp_req_arm(struct tcp_req *req)
{
	struct tcp_conn *listener = req->listener;
	int64_t at_ns = tcp_now(listener) + (int64_t)tcp_req_timeout_ms(req) * TCP_NS_PER_MS;

	req->due_ms = tcp_clock_ms(listener->sk.stack) + tcp_req_timeout_ms(req);
	if (!wheel_timer_is_pending(&listener->timer) || at_ns < listener->timer.deadline_ns)
		wheel_start(&tcp_eng(listener)->wheel, &listener->timer, at_ns);
}

static size_t tcp_req_bytes(const struct tcp_req *req)
{
	return req->node.flags & CONN_F_OPTS ? sizeof(struct tcp_req_opts) : sizeof(*req);
}

void tcp_req_free(struct stack *st, struct tcp_req *req)
{
	struct tcp_listen *lst = req->listener->listen;
	struct tcp_req *last = lst->reqs[--lst->n_reqs];

	lst->reqs[req->slot] = last;
	last->slot = req->slot;
	sock_conn_del(st, &req->node);
	mem_free(&st->eng->mem, req, tcp_req_bytes(req));
}

/* Within the bound there is room for one entry, or one has made it: of those that have not
 * answered. Who has, and is waited for by TCP_DEFER_ACCEPT, is no stranger. -ENOBUFS: none to give
 * way. */
static int tcp_reqs_reserve(struct tcp_conn *listener)
{
	struct tcp_listen *lst = listener->listen;
	struct stack *st = listener->sk.stack;

	if (lst->n_reqs < tcp_min(st->tcp->conf.max_syn_backlog, UINT16_MAX))
		return 0;
	for (uint32_t i = 0; i < tcp_min(REQS_LOOK, lst->n_reqs); i++) {
		struct tcp_req *req;

		lst->hand = (lst->hand + 1) % lst->n_reqs;
		req = lst->reqs[lst->hand];
		if (req->n_retries > 0 && !(req->flags & TCP_REQ_ACKED)) {
			tcp_req_free(st, req);
			return 0;
		}
	}
	return -ENOBUFS;
}

/* What the SYN offers, as far as we want it. */
static void tcp_req_learn(struct tcp_req *req, const struct tcp_conf *conf,
			  const struct tcp_seg *seg)
{
	const struct tcp_opts *o = &seg->opts;

	req->irs = seg->seq;
	req->snd_wnd = seg->wnd;
	req->mss_peer = o->has_mss ? o->mss : 0;
	if (o->has_ts && conf->timestamps) {
		req->flags |= TCP_REQ_TS;
		req->ts_recent = o->ts_val;
	}
	if (o->sack_ok && conf->sack)
		req->flags |= TCP_REQ_SACK;
	req->wscales = TCP_REQ_NO_WSCALE;
	if (o->has_wscale && conf->window_scaling)
		req->wscales = (uint8_t)((uint32_t)tcp_wscale_offer(conf) << 4 |
					 tcp_min(o->wscale, TCP_WSCALE_MAX));
	if (tcp_ecn_accepts(req->listener, seg))
		req->flags |= TCP_REQ_ECN;
}

void tcp_req_init(struct tcp_req *ret, struct tcp_conn *listener, const struct tcp_seg *seg)
{
	*ret = (struct tcp_req){
		.node = {.raddr = seg->info->src,
			 .laddr = seg->info->dst,
			 .rport = seg->sport,
			 .lport = seg->dport,
			 .kind = CONN_SYN,
			 .flags = listener->sk.conn.flags & (CONN_F_REUSEADDR | CONN_F_REUSEPORT),
			 .proto = IP_PROTO_TCP,
			 .family = listener->sk.conn.family,
			 .ifindex = listener->sk.conn.ifindex},
		.listener = listener,
	};
	/* A link-local peer is behind the interface where it was heard. */
	if (ip_addr_is_link_local6(&seg->info->src) && seg->pkt->netif)
		ret->node.ifindex = seg->pkt->netif->index;
	tcp_req_learn(ret, tcp_conf(listener), seg);
}

/* As in Linux the answer to a SYN with IPv4 options has them, too, as a host leaves them. */
void tcp_req_opts_init(struct tcp_req_opts *ret, struct tcp_conn *listener,
		       const struct tcp_seg *seg)
{
	const struct pkt *pkt = seg->pkt;
	size_t hdr_len;

	tcp_req_init(&ret->req, listener, seg);
	if (likely(seg->info->is_ip6 || pkt->l3_off == PKT_NO_OFF))
		return;
	hdr_len = (size_t)(pkt->l4_off - pkt->l3_off);
	if (likely(hdr_len <= IP4_HDR_LEN))
		return;
	ip4_opts_echo(listener->sk.stack, pkt_l3(pkt), hdr_len, ip_addr_to_ip4(&seg->info->dst),
		      &ret->opts);
	if (ret->opts.len)
		ret->req.node.flags |= CONN_F_OPTS;
}

/* Room for one more in the listener's array. */
static int tcp_reqs_grow(struct tcp_conn *listener)
{
	struct tcp_listen *lst = listener->listen;
	uint32_t cap = lst->cap_reqs ? lst->cap_reqs * 2 : REQS_MIN;
	struct tcp_req **reqs;

	if (lst->n_reqs < lst->cap_reqs)
		return 0;
	if (lst->n_reqs >= UINT16_MAX)
		return -ENOMEM;
	reqs = mem_resize(&tcp_eng(listener)->mem, lst->reqs, lst->cap_reqs * sizeof(reqs[0]),
			  cap * sizeof(reqs[0]));
	if (!reqs)
		return -ENOMEM;
	lst->reqs = reqs;
	lst->cap_reqs = cap;
	return 0;
}

int tcp_req_insert(const struct tcp_req_opts *from, struct tcp_req **ret)
{
	struct tcp_conn *listener = from->req.listener;
	size_t n_bytes = tcp_req_bytes(&from->req);
	struct stack *st = listener->sk.stack;
	struct tcp_req *req;
	int err;

	if (tcp_reqs_grow(listener) < 0)
		return -ENOMEM;
	req = mem_alloc(&st->eng->mem, n_bytes);
	if (!req)
		return -ENOMEM;
	memcpy(req, from, n_bytes);
	err = sock_conn_add(st, &req->node);
	if (err) {
		mem_free(&st->eng->mem, req, n_bytes);
		return err;
	}
	req->slot = (uint16_t)listener->listen->n_reqs;
	listener->listen->reqs[listener->listen->n_reqs++] = req;
	*ret = req;
	return 0;
}

int tcp_req_add(struct tcp_conn *listener, const struct tcp_seg *seg, uint32_t iss,
		struct tcp_req **ret)
{
	struct tcp_req_opts req;
	int err = tcp_reqs_reserve(listener);

	if (err)
		return err;
	tcp_req_opts_init(&req, listener, seg);
	req.req.iss = iss;
	err = tcp_req_insert(&req, ret);
	if (!err)
		tcp_req_arm(*ret);
	return err;
}

/* Of a segment from us to the entry's peer. */
static struct tcp_ctl tcp_req_ctl(struct stack *st, const struct tcp_req *req, uint32_t ts)
{
	const struct sock *sk = &req->listener->sk;
	struct tcp_ctl ctl = {
		.laddr = req->node.laddr,
		.raddr = req->node.raddr,
		.lport = req->node.lport,
		.rport = req->node.rport,
		.ifindex = req->node.ifindex,
		.ack = req->irs + 1,
		.wnd = (uint16_t)tcp_syn_wnd(req->listener),
		.ttl = sk->ttl,
		.tos = sk->tos,
		.mark = sk->mark,
		.ip4_opts = tcp_req_ip4_opts(req),
		.opts.has_ts = req->flags & TCP_REQ_TS,
	};

	if (!ip_addr_is_ip4(&req->node.raddr))
		ctl.exts = tcp_sockopts(req->listener)->ip6.exts;

	if (ctl.opts.has_ts) {
		ctl.opts.ts_val = ts + tcp_ts_offset(st, &req->node);
		ctl.opts.ts_ecr = req->ts_recent;
	}
	return ctl;
}

void tcp_req_synack_tfo(struct stack *st, struct tcp_req *req, uint32_t ts,
			const struct tcp_tfo_reply *tfo)
{
	struct tcp_ctl ctl = tcp_req_ctl(st, req, ts);
	struct ip_addr via = ip4_opts_via(ctl.ip4_opts, &ctl.raddr);
	struct ip_flow flow = {
		.dst = ip6_exts_via(ctl.exts, &via),
		.src = ctl.laddr,
		.oif = ctl.ifindex,
		.mark = ctl.mark,
		.tos = ctl.tos,
		.proto = IP_PROTO_TCP,
	};
	struct ip_addr src;
	struct ip_dst dst;
	uint32_t mss;

	if (ip_route(st, &flow, &dst, &src) < 0)
		return; /* the timer tries again */
	mss = tcp_mtu_to_mss(&ctl.raddr, dst.mtu);
	if (tcp_sockopts(req->listener)->mss_user)
		mss = tcp_min(mss, tcp_sockopts(req->listener)->mss_user);
	ctl.dst = &dst;
	ctl.seq = req->iss;
	ctl.flags = TCP_F_SYN | TCP_F_ACK;
	if (req->flags & TCP_REQ_ECN)
		ctl.flags |= TCP_F_ECE;
	ctl.opts.has_mss = true;
	ctl.opts.mss = (uint16_t)mss;
	ctl.opts.sack_ok = req->flags & TCP_REQ_SACK;
	ctl.opts.has_wscale = tcp_req_has_wscale(req);
	ctl.opts.wscale = tcp_req_rcv_wscale(req);
	if (tfo)
		tcp_tfo_reply_opts(tfo, &ctl.opts);
	(void)tcp_ctl_output(st, &ctl);
}

void tcp_req_synack(struct stack *st, struct tcp_req *req, uint32_t ts)
{
	tcp_req_synack_tfo(st, req, ts, NULL);
}

/* An ACK that tells the peer where we are: for what is not acceptable, and as challenge. */
static void tcp_req_ack(struct stack *st, const struct tcp_req *req)
{
	struct tcp_ctl ctl = tcp_req_ctl(st, req, tcp_ts_clock(st));

	ctl.seq = req->iss + 1;
	ctl.flags = TCP_F_ACK;
	ctl.wnd = (uint16_t)(ctl.wnd >> tcp_req_rcv_wscale(req));
	(void)tcp_ctl_output(st, &ctl);
}

static bool tcp_req_seq_ok(const struct tcp_req *req, const struct tcp_seg *seg)
{
	uint32_t rcv_nxt = req->irs + 1;
	uint32_t wnd = tcp_syn_wnd(req->listener);

	if ((req->flags & TCP_REQ_TS) && seg->opts.has_ts &&
	    seq_lt(seg->opts.ts_val, req->ts_recent) && !(seg->flags & TCP_F_RST))
		return false; /* PAWS */
	return seq_geq(seg->end_seq, rcv_nxt) && seq_leq(seg->seq, rcv_nxt + wnd);
}

/* Everything but the ACK that completes the handshake. DROP_NONE: it may. */
static enum drop tcp_req_check(struct stack *st, struct tcp_req *req, const struct tcp_seg *seg)
{
	if (!tcp_req_seq_ok(req, seg)) {
		if (!(seg->flags & TCP_F_RST) && !tcp_answer_is_limited(st, &req->node))
			tcp_req_ack(st, req);
		return seq_lt(seg->seq, req->irs + 1) ? DROP_TCP_OLD_SEQ : DROP_TCP_WINDOW;
	}
	if ((seg->flags & TCP_F_RST) && seg->seq != req->irs + 1) {
		if (tcp_challenge_is_due(st, &req->node))
			tcp_req_ack(st, req);
		return DROP_TCP_RST_SEQ;
	}
	if (seg->flags & TCP_F_RST)
		return DROP_NONE;
	/* Another SYN within the window: back to LISTEN, where the next one is answered. */
	if ((seg->flags & (TCP_F_SYN | TCP_F_ACK)) == TCP_F_SYN) {
		mib_inc(st, MIB_TcpAttemptFails);
		tcp_req_free(st, req);
		return DROP_TCP_SYN_IN_WINDOW;
	}
	if (seg->flags & TCP_F_SYN) {
		if (tcp_challenge_is_due(st, &req->node))
			tcp_req_ack(st, req);
		return DROP_TCP_SYN_IN_WINDOW;
	}
	if (!(seg->flags & TCP_F_ACK))
		return DROP_TCP_NO_ACK;
	if (seg->ack != req->iss + 1) {
		tcp_reset_for(st, seg);
		return DROP_TCP_ACK_UNSENT;
	}
	return DROP_NONE;
}

enum drop tcp_req_complete(struct stack *st, struct tcp_req *req, struct tcp_seg *seg, bool is_lent)
{
	struct tcp_listen *lst = req->listener->listen;
	struct tcp_conn *child = NULL;
	enum drop why;

	if (lst->n_accept > lst->backlog) {
		mib_inc(st, MIB_TcpExtListenOverflows);
		why = DROP_TCP_ACCEPT_QUEUE;
	} else {
		why = sock_limit_accept(&req->listener->sk, &req->node.raddr, true);
	}
	if (why != DROP_NONE) {
		mib_inc(st, MIB_TcpExtListenDrops);
		sock_audit_refuse(&req->listener->sk, seg->info, seg->sport, why);
	} else {
		why = DROP_NOMEM;
		child = tcp_listen_child(req, seg->ack);
	}
	if (!child) {
		if (is_lent)
			tcp_req_free(st, req);
		return why;
	}
	sock_ref(&child->sk);
	why = tcp_in_synced(child, seg);
	sock_unref(&child->sk);
	return why;
}

uint32_t tcp_req_age_ms(const struct stack *st, const struct tcp_req *req)
{
	return tcp_clock_ms(st) - (req->due_ms - tcp_req_timeout_ms(req));
}

/* The handshake is complete and its connection has to wait: the round trip ends here, whenever the
 * peer's data comes. */
static void tcp_req_acked(struct stack *st, struct tcp_req *req)
{
	if (req->flags & TCP_REQ_ACKED)
		return;
	req->flags |= TCP_REQ_ACKED;
	req->node.hash_link.room =
		tcp_min(tcp_req_age_ms(st, req), TCP_REQ_RTT_MAX_MS) << 4 | req->n_retries;
}

enum drop tcp_in_req(struct stack *st, struct tcp_req *req, struct tcp_seg *seg)
{
	enum drop why;

	/* The SYN again: our answer was lost. */
	if ((seg->flags & (TCP_F_SYN | TCP_F_ACK | TCP_F_RST)) == TCP_F_SYN &&
	    seg->seq == req->irs) {
		/* Once a while: who repeats it faster, or in another's name, is not served more. */
		if (tcp_answer_is_limited(st, &req->node))
			return DROP_TCP_SYN_AGAIN;
		mib_inc(st, MIB_TcpExtTCPSynRetrans);
		tcp_req_synack(st, req, tcp_ts_clock(st));
		return DROP_NONE;
	}
	why = tcp_req_check(st, req, seg);
	if (why != DROP_NONE)
		return why;
	if (seg->flags & TCP_F_RST) {
		mib_inc(st, MIB_TcpAttemptFails);
		tcp_req_free(st, req);
		return DROP_NONE;
	}
	/* TCP_DEFER_ACCEPT: the application wants to hear of the connection with its first data. */
	if (req->n_retries < tcp_sockopts(req->listener)->n_defer && seg->end_seq == req->irs + 1) {
		tcp_req_acked(st, req);
		return DROP_TCP_DEFER;
	}
	return tcp_req_complete(st, req, seg, false);
}

/* Once the handshake is complete the peer need not be asked again until the time to wait for data
 * is nearly over: the last SYN-ACKs give it the chance to be accepted without. */
static void tcp_req_due(struct stack *st, struct tcp_req *req)
{
	uint32_t syncnt = tcp_sockopts(req->listener)->syncnt,
		 n_defer = tcp_sockopts(req->listener)->n_defer;
	uint32_t max = syncnt ? tcp_min(syncnt, 14) : st->tcp->conf.synack_retries;
	bool is_waiting = req->flags & TCP_REQ_ACKED;

	if (req->n_retries >= max && (!is_waiting || req->n_retries >= n_defer)) {
		mib_inc(st, MIB_TcpAttemptFails);
		tcp_req_free(st, req);
		return;
	}
	req->n_retries = (req->n_retries + 1u) & 15;
	tcp_req_arm(req);
	if (is_waiting && req->n_retries < n_defer)
		return;
	mib_inc(st, MIB_TcpExtTCPSynRetrans);
	mib_inc(st, MIB_TcpRetransSegs);
	tcp_req_synack(st, req, tcp_ts_clock(st));
}

void tcp_listen_timer(struct tcp_conn *listener)
{
	struct tcp_listen *lst = listener->listen;
	struct stack *st = listener->sk.stack;
	uint32_t now_ms = tcp_clock_ms(st);
	int32_t next_ms = INT32_MAX;

	/* Backwards: freeing an entry moves the last one, which has been looked at, to its slot. */
	for (uint32_t i = lst->n_reqs; i-- > 0;) {
		struct tcp_req *req = lst->reqs[i];

		if (seq_leq(req->due_ms, now_ms))
			tcp_req_due(st, req);
	}
	for (uint32_t i = 0; i < lst->n_reqs; i++) {
		int32_t left = seq_diff(lst->reqs[i]->due_ms, now_ms);

		next_ms = left < next_ms ? left : next_ms;
	}
	if (lst->n_reqs > 0)
		wheel_start(&tcp_eng(listener)->wheel, &listener->timer,
			    tcp_now(listener) +
				    (int64_t)(next_ms > 0 ? next_ms : 1) * TCP_NS_PER_MS);
}
