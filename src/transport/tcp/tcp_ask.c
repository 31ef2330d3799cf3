/* SPDX-License-Identifier: MIT */
/*
 * SYNs for everybody: a connection that the application is asked about before anything is answered
 * (transport/intercept.h). RFC 9293 §3.10.7.2 as for a listener, but that its owner decides.
 *
 *	SYN -> tcp_ask_syn --> fresh --(request)--> told --+--> accept:      a connection, SYN-ACK
 *	                         |                    |    +--> refuse:      RST
 *	       RST, another SYN: gone, unseen         |    +--> unreachable: ICMP
 *	                                              |    `--> drop
 *	       RST, another SYN, no room              `--> gone --(cancelled)--> freed
 *
 * An entry stands in the connection table, so the SYN's repetitions find it and change nothing. It
 * has no timer: who asked repeats its SYN, or gives up, and the application has its own time.
 *
 * An accepted one becomes a connection in SYN-RECEIVED at once, the way of a fast open (RFC 7413),
 * so that the SYN-ACK is repeated by the connection's own timer and the other side's data may
 * follow it without waiting for a round trip.
 */
#include "transport/intercept.h"
#include "transport/sock_audit.h"
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "weft/limit.h"

enum {
	ASK_GIVES_WAY_S = 5,
};

/* What a connection of that family is modelled on. NULL: no memory. */
static struct tcp_conn *ask_model(struct intercept *ic, bool is_ip4)
{
	struct tcp_conn **model = &ic->models[is_ip4 ? 0 : 1];

	if (!*model)
		*model = tcp_conn_new(ic->netif->stack, is_ip4 ? WEFT_AF_INET : WEFT_AF_INET6);
	return *model;
}

static void ask_free(struct tcp_ask *ask)
{
	struct stack *st = ask->ic->netif->stack;

	sock_conn_del(st, &ask->req.node);
	list_del(&ask->link);
	if (!ask->is_cancelled)
		ask->ic->stats.n_requests--;
	mem_free(&st->eng->mem, ask, sizeof(*ask));
}

/* Its host does not want it any more, or it gives way. */
static void ask_cancel(struct tcp_ask *ask)
{
	struct intercept *ic = ask->ic;

	if (!ask->is_told) {
		ask_free(ask);
		return;
	}
	sock_conn_del(ic->netif->stack, &ask->req.node);
	ask->is_cancelled = true;
	ic->stats.n_requests--;
	ic->stats.cancelled++;
	list_del(&ask->link);
	list_add_tail(&ic->gone, &ask->link);
	intercept_wake(ic);
}

/* Within the bound there is room for one, or the oldest has made it. */
static bool ask_has_room(struct intercept *ic)
{
	int64_t old_ns = ic->netif->stack->eng->now_ns - ASK_GIVES_WAY_S * TCP_NS_PER_S;
	struct list *first = list_first(&ic->told);
	struct tcp_ask *oldest;

	if (ic->stats.n_requests < ic->cfg.max_requests)
		return true;
	ic->stats.refused_full++;
	if (!first)
		return false;
	oldest = container_of(first, struct tcp_ask, link);
	if (oldest->since_ns > old_ns)
		return false;
	ask_cancel(oldest);
	return true;
}

enum drop tcp_ask_syn(struct intercept *ic, struct tcp_seg *seg, uint32_t iss_hint)
{
	struct stack *st = ic->netif->stack;
	struct tcp_conn *model = ask_model(ic, ip_addr_is_ip4(&seg->info->src));
	struct tcp_ask *ask;

	if (!ask_has_room(ic))
		return DROP_TCP_REQUESTS_FULL;
	ask = model ? mem_zalloc(&st->eng->mem, sizeof(*ask)) : NULL;
	if (!ask)
		return DROP_NOMEM;
	tcp_req_init(&ask->req, model, seg);
	ask->req.node.kind = CONN_ASK;
	ask->req.iss = iss_hint;
	ask->ic = ic;
	ask->since_ns = st->eng->now_ns;
	ask->ttl = seg->info->ttl;
	ask->tos = seg->info->tos;
	if (sock_conn_add(st, &ask->req.node)) {
		mem_free(&st->eng->mem, ask, sizeof(*ask));
		return DROP_NOMEM;
	}
	list_add_tail(&ic->fresh, &ask->link);
	ic->stats.requests++;
	ic->stats.n_requests++;
	intercept_wake(ic);
	return DROP_NONE;
}

enum drop tcp_in_ask(struct stack *st, struct tcp_ask *ask, struct tcp_seg *seg)
{
	struct intercept *ic = ask->ic;

	(void)st;
	if ((seg->flags & TCP_F_RST) && seg->seq == ask->req.irs + 1) {
		ask_cancel(ask);
		return DROP_NONE;
	}
	if ((seg->flags & (TCP_F_SYN | TCP_F_ACK | TCP_F_RST | TCP_F_FIN)) != TCP_F_SYN)
		return DROP_TCP_REQUEST;
	if (seg->seq == ask->req.irs)
		return DROP_TCP_SYN_AGAIN;
	/* It has forgotten the first one. */
	ask_cancel(ask);
	return tcp_ask_syn(ic, seg, 0);
}

void tcp_asks_tell(struct intercept *ic)
{
	struct list *link;

	while ((link = list_first(&ic->gone))) {
		struct tcp_ask *ask = container_of(link, struct tcp_ask, link);

		if (ic->cfg.cancelled)
			ic->cfg.cancelled(ic->cfg.arg, (struct weft_tcp_request *)(void *)ask);
		ask_free(ask);
	}
	while ((link = list_first(&ic->fresh))) {
		struct tcp_ask *ask = container_of(link, struct tcp_ask, link);

		list_del(link);
		list_add_tail(&ic->told, link);
		ask->is_told = true;
		if (ic->cfg.request)
			ic->cfg.request(ic->cfg.arg, (struct weft_tcp_request *)(void *)ask);
		else
			tcp_ask_refuse(ask);
	}
}

void tcp_asks_fini(struct intercept *ic)
{
	struct list *const lists[] = {&ic->fresh, &ic->told, &ic->gone};
	struct list *link;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		while ((link = list_first(lists[i])))
			ask_free(container_of(link, struct tcp_ask, link));
	for (size_t i = 0; i < ARRAY_SIZE(ic->models); i++)
		if (ic->models[i])
			sock_unref(&ic->models[i]->sk);
}

void tcp_ask_info(const struct tcp_ask *ask, struct weft_tcp_request_info *ret)
{
	const struct tcp_req *req = &ask->req;

	*ret = (struct weft_tcp_request_info){
		.src = {.addr = intercept_addr(&req->node.raddr),
			.port = req->node.rport,
			.scope_id = req->node.ifindex},
		.dst = {.addr = intercept_addr(&req->node.laddr), .port = req->node.lport},
		.ttl = ask->ttl,
		.tos = ask->tos,
		.mss = req->mss_peer,
		.window = req->snd_wnd,
		.has_ts = req->flags & TCP_REQ_TS,
		.has_sack = req->flags & TCP_REQ_SACK,
		.has_wscale = tcp_req_has_wscale(req),
		.has_ecn = req->flags & TCP_REQ_ECN,
		.since_ns = ask->since_ns,
	};
}

void tcp_ask_set_data(struct tcp_ask *ask, void *data)
{
	ask->data = data;
}

void *tcp_ask_data(const struct tcp_ask *ask)
{
	return ask->data;
}

int tcp_ask_accept(struct tcp_ask *ask, struct sock **ret)
{
	struct stack *st = ask->ic->netif->stack;
	struct tcp_conn *child;
	int err;

	if (ask->is_cancelled) {
		ask_free(ask);
		return -ECONNABORTED;
	}
	err = sock_limit_asked(&ask->req.listener->sk, &ask->req.node.raddr);
	if (err)
		return err;
	if (!ask->req.iss)
		ask->req.iss = tcp_isn(st, &ask->req.node);
	child = tcp_child_new(&ask->req);
	if (!child)
		return -ENOMEM;
	ask_free(ask);
	child->flags &= ~(uint32_t)TCPC_ACCEPTQ;
	child->flags |= TCPC_RTT_TIMING;
	child->sk.flags |= SOCK_F_CONNECTED;
	child->tfo |= TCP_TFO_CHILD;
	child->rtt_seq = child->snd_nxt;
	child->rtt_us = tcp_clock_us(child);
	child->segs_in = 1;
	tcp_rcvq_tune_start(child);
	tcp_mib(child, MIB_TcpPassiveOpens);
	(void)tcp_send_syn(child);
	tcp_rexmt_restart(child);
	sock_audit_call(&child->sk, WEFT_AUDIT_ACCEPT, "accept", &child->sk.conn.raddr,
			child->sk.conn.rport, 0);
	*ret = &child->sk;
	return 0;
}

void tcp_ask_refuse(struct tcp_ask *ask)
{
	const struct tcp_req *req = &ask->req;
	struct stack *st = ask->ic->netif->stack;
	struct tcp_ctl ctl = {
		.laddr = req->node.laddr,
		.raddr = req->node.raddr,
		.lport = req->node.lport,
		.rport = req->node.rport,
		.ifindex = req->node.ifindex,
		.ack = req->irs + 1,
		.flags = TCP_F_RST | TCP_F_ACK,
	};

	if (!ask->is_cancelled) {
		mib_inc(st, MIB_TcpAttemptFails);
		mib_inc(st, MIB_TcpOutRsts);
		(void)tcp_ctl_output(st, &ctl);
	}
	ask_free(ask);
}

void tcp_ask_drop(struct tcp_ask *ask)
{
	ask_free(ask);
}
