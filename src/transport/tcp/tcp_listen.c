/* SPDX-License-Identifier: MIT */
/*
 * RFC 9293 §3.10.7.2: LISTEN, and the accept queue.
 *
 * A listener is a connection object in state LISTEN with a `struct tcp_listen` beside it. SYNs
 * become entries of its SYN queue (tcp_req.c); the ACK that completes a handshake turns an entry
 * into a connection, which waits here until the application accepts it.
 *
 * Both queues are bounded. When the accept queue is full (more than `backlog` wait, as in Linux)
 * new SYNs are dropped, and the last ACK of a handshake under way is ignored: the entry stays, its
 * SYN-ACK goes out again, and so the peer tries again.
 */
#include "transport/tcp/tcp_listen.h"

#include "transport/stamp.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

int tcp_listen_start(struct tcp_conn *conn, int backlog)
{
	struct tcp_listen *lst;

	if (conn->listen) {
		conn->listen->backlog = backlog > 0 ? (uint32_t)backlog : 0;
		return 0;
	}
	lst = mem_zalloc(&tcp_eng(conn)->mem, sizeof(*lst));
	if (!lst)
		return -ENOMEM;
	list_init(&lst->accept_q);
	lst->backlog = backlog > 0 ? (uint32_t)backlog : 0;
	conn->listen = lst;
	tcp_set_state(conn, WEFT_TCP_LISTEN);
	tcp_tfo_listen(conn);
	return 0;
}

void tcp_accept_remove(struct tcp_conn *child)
{
	if (!(child->flags & TCPC_ACCEPTQ))
		return;
	list_del(&child->accept_link);
	child->listen->n_accept--;
	child->listen = NULL;
	child->flags &= ~(uint32_t)TCPC_ACCEPTQ;
	tcp_rcvq_tune_start(child);
}

struct tcp_conn *tcp_accept_pop(struct tcp_conn *listener)
{
	struct list *first = list_first(&listener->listen->accept_q);
	struct tcp_conn *child;

	if (!first)
		return NULL;
	child = container_of(first, struct tcp_conn, accept_link);
	tcp_accept_remove(child);
	return child;
}

void tcp_listen_stop(struct tcp_conn *conn)
{
	struct stack *st = conn->sk.stack;
	struct tcp_listen *lst = conn->listen;
	struct tcp_conn *child;

	while (lst->n_reqs > 0)
		tcp_req_free(st, lst->reqs[lst->n_reqs - 1]);
	while ((child = tcp_accept_pop(conn))) {
		child->sk.flags |= SOCK_F_ORPHAN;
		tcp_abort(child, 0);
		sock_unref(&child->sk);
	}
	tcp_timer_stop_all(conn);
	tcp_set_state(conn, WEFT_TCP_CLOSE);
	conn->sk.conn.flags &= (uint8_t)~CONN_F_RECEIVES;
	tcp_release_port(conn);
	mem_free(&st->eng->mem, lst->reqs, lst->cap_reqs * sizeof(lst->reqs[0]));
	mem_free(&st->eng->mem, lst, sizeof(*lst));
	conn->listen = NULL;
}

static bool tcp_acceptq_is_full(const struct tcp_listen *lst)
{
	return lst->n_accept > lst->backlog;
}

/* The SYN will come again, unless a limit says that its peer shall know at once. */
static enum drop tcp_listen_refuse(struct tcp_conn *listener, const struct tcp_seg *seg,
				   enum drop why)
{
	struct stack *st = listener->sk.stack;

	mib_inc(st, MIB_TcpExtListenDrops);
	sock_audit_refuse(&listener->sk, seg->info, seg->sport, why);
	if (why >= DROP_LIMIT_SOCKS && why <= DROP_LIMIT_RATE && sock_limit_resets(&listener->sk))
		tcp_reset_for(st, seg);
	return why;
}

static enum drop tcp_listen_syn(struct tcp_conn *listener, struct tcp_seg *seg, uint32_t iss_hint)
{
	struct stack *st = listener->sk.stack;
	struct conn_node key = {
		.laddr = seg->info->dst,
		.raddr = seg->info->src,
		.lport = seg->dport,
		.rport = seg->sport,
	};
	struct tcp_tfo_reply tfo;
	enum drop why = sock_limit_accept(&listener->sk, &seg->info->src, false);
	struct tcp_req *req;
	uint32_t iss;
	int err;

	if (why != DROP_NONE)
		return tcp_listen_refuse(listener, seg, why);
	if (tcp_acceptq_is_full(listener->listen)) {
		mib_inc(st, MIB_TcpExtListenOverflows);
		return tcp_listen_refuse(listener, seg, DROP_TCP_ACCEPT_QUEUE);
	}
	iss = iss_hint ? iss_hint : tcp_isn(st, &key);
	err = st->tcp->conf.syncookies == 2 ? -ENOBUFS : tcp_req_add(listener, seg, iss, &req);
	if (err == -ENOBUFS && st->tcp->conf.syncookies) {
		tcp_cookie_synack(listener, seg);
		return DROP_NONE;
	}
	if (err)
		return tcp_listen_refuse(listener, seg,
					 err == -ENOMEM ? DROP_NOMEM : DROP_TCP_SYN_QUEUE);
	if (tcp_tfo_accepts(listener, seg, &tfo) &&
	    sock_limit_accept(&listener->sk, &seg->info->src, true) == DROP_NONE &&
	    tcp_tfo_child(listener, req, seg, &tfo))
		return DROP_NONE;
	tcp_req_synack_tfo(st, req, tcp_ts_clock(st), &tfo);
	return DROP_NONE;
}

enum drop tcp_in_listen(struct tcp_conn *listener, struct tcp_seg *seg, uint32_t iss_hint)
{
	/* first: RST; second: ACK; third: SYN; the rest cannot be of use */
	if (seg->flags & TCP_F_RST)
		return DROP_TCP_NO_SOCKET_RST;
	if (seg->flags & TCP_F_ACK) {
		enum drop why = DROP_TCP_NO_SOCKET;

		if (!(seg->flags & TCP_F_SYN))
			why = tcp_cookie_ack(listener, seg);
		if (why == DROP_TCP_NO_SOCKET)
			tcp_reset_for(listener->sk.stack, seg);
		return why;
	}
	if ((seg->flags & (TCP_F_SYN | TCP_F_FIN)) != TCP_F_SYN)
		return DROP_TCP_FLAGS;
	return tcp_listen_syn(listener, seg, iss_hint);
}

static int tcp_child_inherit_sockopts(struct tcp_conn *child, const struct tcp_conn *listener)
{
	if (!listener->sockopts)
		return 0;
	if (!tcp_sockopts_get(child))
		return -ENOMEM;
	*child->sockopts = *listener->sockopts;
	errq_init(&child->sockopts->errq);
	child->sockopts->ip6.exts = NULL;
	child->sockopts->ip4_opts.len = 0; /* a connection has those of its own SYN */
	/* The listener's own. */
	child->sockopts->n_defer = 0;
	child->sockopts->tfo_connect = child->sockopts->tfo_no_cookie = false;
	child->sockopts->tfoq = NULL;
	return sock_ip6_copy(&child->sk, &listener->sockopts->ip6, &child->sockopts->ip6);
}

/* RFC 1122 §4.2.3.8: the options of its SYN, turned round, are those of all its segments. */
static int tcp_child_ip4_opts(struct tcp_conn *child, const struct tcp_req *req)
{
	const struct ip4_opts *opts = tcp_req_ip4_opts(req);
	struct tcp_sockopts *o = opts ? tcp_sockopts_get(child) : NULL;

	if (opts && !o)
		return -ENOMEM;
	if (opts)
		o->ip4_opts = *opts;
	return 0;
}

/* The options that a listener's connections inherit. */
static int tcp_child_inherit(struct tcp_conn *child, const struct tcp_conn *listener)
{
	const struct sock *from = &listener->sk;
	struct sock *to = &child->sk;

	to->flags |= from->flags & (SOCK_F_KEEPALIVE | SOCK_F_LINGER | SOCK_F_TSTAMP |
				    SOCK_F_TSTAMPNS | SOCK_F_TSTAMPING | SOCK_F_NODELAY |
				    SOCK_F_CORK | SOCK_F_BROADCAST | SOCK_F_OOBINLINE);
	to->linger_s = from->linger_s;
	to->ttl = from->ttl;
	to->tos = from->tos;
	to->mark = from->mark;
	to->sndbuf_bytes = from->sndbuf_bytes;
	to->rcvbuf_bytes = from->rcvbuf_bytes;
	child->flags |= listener->flags & TCPC_OPTIONS;
	child->cc.ops = listener->cc.ops;
	if (unlikely(from->flags & SOCK_F_STAMPS) && stamp_set(to, stamp_get(from), 0))
		return -ENOMEM;
	return tcp_child_inherit_sockopts(child, listener);
}

/* The numbers and options that the handshake agreed on. */
static void tcp_child_agree(struct tcp_conn *child, const struct tcp_req *req)
{
	child->iss = req->iss;
	child->snd_una = child->snd_nxt = child->snd_end = req->iss + 1;
	child->irs = req->irs;
	child->rcv_nxt = child->rcv_wup = req->irs + 1;
	child->rcv_adv = child->rcv_nxt + tcp_syn_wnd(child);
	child->snd_wl1 = req->irs;
	child->snd_wl2 = req->iss;
	child->snd_wnd = child->snd_wnd_max = req->snd_wnd;
	child->mss_peer = req->mss_peer ? req->mss_peer : tcp_mss_default(&req->node.raddr);
	if (req->flags & TCP_REQ_SACK)
		child->flags |= TCPC_SACK;
	if (req->flags & TCP_REQ_ECN)
		child->ecn |= TCP_ECN_OK;
	if (tcp_req_has_wscale(req)) {
		child->flags |= TCPC_WSCALE;
		child->snd_wscale = req->wscales & 15;
		child->rcv_wscale = req->wscales >> 4;
	}
	if (req->flags & TCP_REQ_TS) {
		child->flags |= TCPC_TS;
		child->ts_recent = req->ts_recent;
		child->ts_recent_s = (uint32_t)(tcp_now(child) / TCP_NS_PER_S);
	}
}

/* The time from the SYN-ACK to its ACK, if it was sent once. */
static void tcp_child_rtt(struct tcp_conn *child, const struct tcp_req *req)
{
	uint32_t ms = tcp_req_age_ms(child->sk.stack, req), n_retries = req->n_retries;

	if (req->flags & TCP_REQ_ACKED) {
		ms = req->node.hash_link.room >> 4;
		n_retries = req->node.hash_link.room & 15;
	}
	child->rtt_us = tcp_clock_us(child) - ms * 1000;
	if (n_retries > 0) {
		child->n_backoffs = (uint8_t)n_retries;
		return;
	}
	tcp_rtt_sample(child, tcp_max(tcp_min(ms, TCP_RTO_MAX_US / 1000), 1) * 1000);
	child->rtt_min_us = 0; /* milliseconds are too coarse for it */
}

struct tcp_conn *tcp_child_new(struct tcp_req *req)
{
	struct tcp_conn *listener = req->listener;
	struct stack *st = listener->sk.stack;
	struct tcp_conn *child = tcp_conn_new(st, listener->sk.conn.family);

	if (!child)
		return NULL;
	sock_owner_inherit(&child->sk, &listener->sk);
	if (tcp_child_inherit(child, listener) < 0 || tcp_child_ip4_opts(child, req) < 0 ||
	    sock_peer_hold(&child->sk, &req->node.raddr) < 0) {
		sock_unref(&child->sk);
		return NULL;
	}
	sock_conn_replace(st, &req->node, &child->sk.conn);
	child->ts_off = tcp_ts_offset(st, &child->sk.conn);
	tcp_child_agree(child, req);
	tcp_mtup_start(child);
	if (tcp_route_sync(child) < 0)
		tcp_mss_sync(child);
	tcp_route_begin(child);
	tcp_cc_start(child);
	child->flags |= TCPC_PASSIVE | TCPC_ACCEPTQ;
	tcp_conn_hold(child);
	child->state = WEFT_TCP_SYN_RECV;
	return child;
}

static void tcp_child_offer(struct tcp_conn *child, struct tcp_conn *listener)
{
	tcp_mib(listener, MIB_TcpPassiveOpens);
	child->listen = listener->listen;
	list_add_tail(&child->listen->accept_q, &child->accept_link);
	child->listen->n_accept++;
	sock_wake(&listener->sk, SOCK_IN);
}

struct tcp_conn *tcp_listen_child(struct tcp_req *req, uint32_t ack)
{
	struct tcp_conn *listener = req->listener;
	struct tcp_conn *child = tcp_child_new(req);

	if (!child)
		return NULL;
	tcp_child_rtt(child, req);
	tcp_req_free(listener->sk.stack, req);
	child->snd_una = ack;
	tcp_established(child);
	tcp_child_offer(child, listener);
	return child;
}

struct tcp_conn *tcp_listen_child_early(struct tcp_req *req)
{
	struct tcp_conn *listener = req->listener;
	struct tcp_conn *child = tcp_child_new(req);

	if (!child)
		return NULL;
	tcp_req_free(listener->sk.stack, req);
	child->sk.flags |= SOCK_F_CONNECTED; /* it has a peer, and data may be sent */
	child->flags |= TCPC_RTT_TIMING;
	child->rtt_seq = child->snd_nxt;
	child->rtt_us = tcp_clock_us(child);
	tcp_child_offer(child, listener);
	return child;
}
