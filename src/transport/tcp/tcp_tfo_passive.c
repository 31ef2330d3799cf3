/* SPDX-License-Identifier: MIT */
/*
 * Fast open, the server (RFC 7413 §4.2.1): a SYN with a good cookie makes a connection at once, in
 * SYN-RECEIVED, with the SYN's data to read; the application accepts it and may answer before the
 * handshake has ended.
 *
 *	request, or a bad cookie   SYN-ACK of the SYN, with the right cookie
 *	a good cookie              SYN-ACK of the data; with one made by the older key: and the
 *	                           newer cookie
 *	queue full, off            SYN-ACK of the SYN: an ordinary handshake, as after a SYN
 *	                           cookie
 *
 * A listener bounds how many such connections wait for the end of their handshake (TCP_FASTOPEN).
 * One that was reset counts for a minute more (RFC 7413 §5.1): else an attacker, who got a cookie
 * for his address and sends SYNs in the names of others behind it, would be served without bound.
 *
 * The SYN-ACK is repeated by the connection's own retransmission timer; data that was sent early is
 * not, until the handshake is over.
 */
#include <string.h>

#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"

struct tcp_tfoq *tcp_tfoq_get(struct tcp_conn *listener)
{
	struct tcp_sockopts *o = tcp_sockopts_get(listener);

	if (o && !o->tfoq) {
		o->tfoq = mem_zalloc(&tcp_eng(listener)->mem, sizeof(*o->tfoq));
		if (o->tfoq)
			o->tfoq->refs = 1;
	}
	return o ? o->tfoq : NULL;
}

void tcp_tfoq_unref(struct tcp_conn *conn)
{
	struct tcp_tfoq *q = tcp_sockopts(conn)->tfoq;

	if (!q)
		return;
	conn->sockopts->tfoq = NULL;
	if (--q->refs == 0)
		mem_free(&tcp_eng(conn)->mem, q, sizeof(*q));
}

/* Forgets resets of more than a minute ago. */
static void tfoq_expire(struct tcp_tfoq *q, uint32_t now_s)
{
	if (now_s - q->rst_s >= TFO_RST_SLOTS) {
		memset(q->n_rst, 0, sizeof(q->n_rst));
		q->n_rst_all = 0;
		q->rst_s = now_s;
	}
	while (q->rst_s != now_s) {
		uint16_t *slot = &q->n_rst[++q->rst_s % TFO_RST_SLOTS];

		q->n_rst_all -= *slot;
		*slot = 0;
	}
}

static uint32_t tfo_now_s(const struct tcp_conn *conn)
{
	return (uint32_t)(tcp_now(conn) / TCP_NS_PER_S);
}

void tcp_tfoq_leave(struct tcp_conn *child, bool was_reset)
{
	struct tcp_tfoq *q = tcp_sockopts(child)->tfoq;
	uint16_t *slot;

	if (!(child->tfo & TCP_TFO_CHILD))
		return;
	child->tfo &= (uint16_t)~TCP_TFO_CHILD;
	if (!q) /* made by the application's word (tcp_ask.c) */
		return;
	q->n--;
	if (was_reset) {
		tfoq_expire(q, tfo_now_s(child));
		slot = &q->n_rst[q->rst_s % TFO_RST_SLOTS];
		if (*slot < UINT16_MAX) {
			*slot += 1;
			q->n_rst_all++;
		}
	}
	tcp_tfoq_unref(child);
}

static bool tfoq_has_room(struct tcp_conn *listener)
{
	struct tcp_tfoq *q = tcp_sockopts(listener)->tfoq;

	if (!q || q->max == 0)
		return false;
	tfoq_expire(q, tfo_now_s(listener));
	if (q->n + q->n_rst_all < q->max)
		return true;
	tcp_mib(listener, MIB_TcpExtTCPFastOpenListenOverflow);
	return false;
}

void tcp_tfo_listen(struct tcp_conn *listener)
{
	const struct tcp_conf *conf = tcp_conf(listener);
	struct tcp_tfoq *q;

	if (!(conf->fastopen & TCP_TFO_SERVER) || !(conf->fastopen & TCP_TFO_SERVER_ALL))
		return;
	q = tcp_tfoq_get(listener);
	if (q && q->max == 0)
		q->max = listener->listen->backlog;
}

static bool tfo_needs_no_cookie(const struct tcp_conn *listener)
{
	return (tcp_conf(listener)->fastopen & TCP_TFO_SERVER_NO_COOKIE) ||
	       tcp_sockopts(listener)->tfo_no_cookie;
}

/* 0: not ours; 1: by the key that makes cookies; 2: by the older one. `ret` is the first's. */
static int tfo_cookie_judge(const struct tcp_conn *listener, const struct tcp_seg *seg,
			    struct tcp_tfo_reply *ret)
{
	const struct ip_addr *client = &seg->info->src, *server = &seg->info->dst;
	uint8_t older[TCP_TFO_COOKIE_LEN];
	struct tcp_tfo_keys keys;

	tcp_tfo_keys_of(listener, &keys);
	tcp_tfo_cookie_make(&keys.keys[0], client, server, ret->cookie);
	if (seg->opts.tfo_len != TCP_TFO_COOKIE_LEN)
		return 0;
	if (memcmp(seg->opts.tfo, ret->cookie, TCP_TFO_COOKIE_LEN) == 0)
		return 1;
	if (keys.n < 2)
		return 0;
	tcp_tfo_cookie_make(&keys.keys[1], client, server, older);
	return memcmp(seg->opts.tfo, older, TCP_TFO_COOKIE_LEN) == 0 ? 2 : 0;
}

bool tcp_tfo_accepts(struct tcp_conn *listener, const struct tcp_seg *seg,
		     struct tcp_tfo_reply *ret)
{
	int key;

	*ret = (struct tcp_tfo_reply){.has_cookie = false};
	if (seg->opts.has_tfo && seg->opts.tfo_len == 0)
		tcp_mib(listener, MIB_TcpExtTCPFastOpenCookieReqd);
	if (!(tcp_conf(listener)->fastopen & TCP_TFO_SERVER) ||
	    (seg->len == 0 && !seg->opts.has_tfo) || !tfoq_has_room(listener))
		return false;
	if (tfo_needs_no_cookie(listener))
		return true;
	if (!seg->opts.has_tfo)
		return false;
	key = tfo_cookie_judge(listener, seg, ret);
	ret->has_cookie = true;
	ret->is_exp = seg->opts.tfo_exp;
	if (key == 0 && seg->opts.tfo_len > 0)
		tcp_mib(listener, MIB_TcpExtTCPFastOpenPassiveFail);
	ret->is_older_key = key == 2;
	return key != 0;
}

void tcp_tfo_reply_opts(const struct tcp_tfo_reply *reply, struct tcp_opts *ret)
{
	if (!reply->has_cookie)
		return;
	ret->has_tfo = true;
	ret->tfo_exp = reply->is_exp;
	ret->tfo = reply->cookie;
	ret->tfo_len = TCP_TFO_COOKIE_LEN;
}

/* The SYN's data, as far as our window reaches. */
static void tfo_take_data(struct tcp_conn *child, struct tcp_seg *seg)
{
	uint32_t n = tcp_min(seg->len, tcp_rcv_wnd(child));
	struct pkt *pkt = seg->pkt;

	if (n == 0)
		return;
	seg->pkt = NULL;
	pkt_pull(pkt, seg->hdr_len);
	pkt_trim(pkt, n);
	child->rcv_nxt += n;
	child->data_segs_in++;
	child->last_text_ms = tcp_clock_ms(child->sk.stack);
	child->tfo |= TCP_TFO_TAKEN;
	tcp_rcvq_push(child, pkt);
}

void tcp_tfo_established(struct tcp_conn *child)
{
	uint32_t rtt_us = tcp_clock_us(child) - child->rtt_us;

	if (child->flags & TCPC_RTT_TIMING)
		tcp_rtt_sample(child, tcp_min(rtt_us, TCP_RTO_MAX_US));
	child->flags &= ~(uint32_t)TCPC_RTT_TIMING;
	tcp_tfoq_leave(child, false);
	tcp_established(child);
	/* What the application did meanwhile; its FIN may have gone. */
	if (child->flags & TCPC_FIN_QUEUED)
		tcp_set_state(child, WEFT_TCP_FIN_WAIT1);
	if (tcp_unsent(child) > 0 || tcp_fin_waits(child))
		tcp_conn_defer(child, TCPC_OUTPUT);
}

bool tcp_tfo_child(struct tcp_conn *listener, struct tcp_req *req, struct tcp_seg *seg,
		   const struct tcp_tfo_reply *reply)
{
	struct tcp_tfoq *q = tcp_sockopts(listener)->tfoq;
	struct tcp_opts opts = {.has_tfo = false};
	struct tcp_conn *child = tcp_listen_child_early(req);

	if (!child) {
		tcp_mib(listener, MIB_TcpExtTCPFastOpenPassiveFail);
		return false;
	}
	child->sockopts->tfoq = q; /* the block is there, since the listener has one */
	child->tfo |= TCP_TFO_CHILD;
	q->refs++;
	q->n++;
	child->segs_in += seg->n_frames;
	tfo_take_data(child, seg);
	tcp_mib(listener, MIB_TcpExtTCPFastOpenPassive);
	if (reply->is_older_key) {
		tcp_mib(listener, MIB_TcpExtTCPFastOpenPassiveAltKey);
		tcp_tfo_reply_opts(reply, &opts);
	}
	(void)tcp_send_syn_tfo(child, &opts, 0);
	tcp_rexmt_restart(child);
	return true;
}
