/* SPDX-License-Identifier: MIT */
/*
 * Fast open, the client (RFC 7413 §4.2): data in the SYN, when the server's cookie is known from an
 * earlier connection, else a request for one.
 *
 *	no cookie    SYN, asks       -> SYN-ACK with a cookie: kept for the next time
 *	a cookie     SYN, it, data   -> SYN-ACK of the data: a round trip is saved
 *	                             -> SYN-ACK of the SYN: the data goes again, as after a loss
 *	                                that is nobody's congestion
 *	                             -> nothing: SYNs from the second one on are ordinary ones
 *
 * Cookies are kept per pair of hosts, with the segment size that bounds the next SYN's data, for at
 * most TFO_PEERS of them; the one that was used least lately gives way. A server that did not
 * answer the request in the option's own form is asked in the experimental one the next time (RFC
 * 7413 appendix A), as in Linux.
 */
#include <string.h>

#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	TFO_PEERS = 256,
	TFO_PEERS_MIN = 8,
	TFO_OPTS_MAX = 40, /* what the SYN leaves for options */
};

/* What is known of a server. */
struct tcp_tfo_peer {
	struct ip_addr laddr, raddr;
	uint64_t used;                      /* a count: when it was used last */
	uint8_t cookie[TCP_TFO_COOKIE_MAX]; /* `len` of them; 0: none */
	uint16_t mss;                       /* 0: not known */
	uint8_t len;
	bool is_exp;     /* the cookie came in the experimental form */
	uint8_t try_exp; /* 1: the next request is in that form; 2: that was tried, too */
};

static struct tcp_tfo_peer *tfo_peer_find(struct tcp_conn *conn)
{
	struct tcp_tfo *tfo = &conn->sk.stack->tcp->tfo;

	for (uint32_t i = 0; i < tfo->n_peers; i++) {
		struct tcp_tfo_peer *p = &tfo->peers[i];

		if (ip_addr_eq(&p->raddr, &conn->sk.conn.raddr) &&
		    ip_addr_eq(&p->laddr, &conn->sk.conn.laddr)) {
			p->used = ++tfo->n_uses;
			return p;
		}
	}
	return NULL;
}

/* Room for one more, or the one that gives way. */
static struct tcp_tfo_peer *tfo_peer_make_room(struct tcp *tcp)
{
	struct tcp_tfo *tfo = &tcp->tfo;
	uint32_t cap = tfo->cap_peers ? 2 * tfo->cap_peers : TFO_PEERS_MIN;
	struct tcp_tfo_peer *oldest = tfo->peers, *peers;

	if (tfo->n_peers == tfo->cap_peers && cap <= TFO_PEERS) {
		peers = mem_resize(&tcp->st->eng->mem, tfo->peers, tfo->cap_peers * sizeof(*peers),
				   cap * sizeof(*peers));
		if (peers) {
			tfo->peers = peers;
			tfo->cap_peers = cap;
		}
	}
	if (tfo->n_peers < tfo->cap_peers)
		return &tfo->peers[tfo->n_peers++];
	for (uint32_t i = 1; i < tfo->n_peers; i++)
		if (tfo->peers[i].used < oldest->used)
			oldest = &tfo->peers[i];
	return oldest;
}

/* NULL: no memory for any. */
static struct tcp_tfo_peer *tfo_peer_get(struct tcp_conn *conn)
{
	struct tcp_tfo_peer *p = tfo_peer_find(conn);

	if (p)
		return p;
	p = tfo_peer_make_room(conn->sk.stack->tcp);
	if (p)
		*p = (struct tcp_tfo_peer){
			.laddr = conn->sk.conn.laddr,
			.raddr = conn->sk.conn.raddr,
			.used = ++conn->sk.stack->tcp->tfo.n_uses,
		};
	return p;
}

/* RFC 7413 §4.1.3 allows it where the application protects itself. */
static bool tfo_needs_no_cookie(const struct tcp_conn *conn)
{
	return (tcp_conf(conn)->fastopen & TCP_TFO_CLIENT_NO_COOKIE) ||
	       tcp_sockopts(conn)->tfo_no_cookie;
}

bool tcp_tfo_may_send(struct tcp_conn *conn)
{
	const struct tcp_tfo_peer *p = tfo_peer_find(conn);

	if (tcp_tfo_is_stopped(conn))
		return false;
	return tfo_needs_no_cookie(conn) || (p && p->len > 0);
}

bool tcp_tfo_defers(struct tcp_conn *conn)
{
	return tcp_sockopts(conn)->tfo_connect && (tcp_conf(conn)->fastopen & TCP_TFO_CLIENT) &&
	       tcp_tfo_may_send(conn);
}

/* How much of the message goes with the SYN. */
static uint32_t tfo_syn_room(const struct tcp_conn *conn, const struct tcp_tfo_peer *p,
			     const struct sock_msg *msg)
{
	uint32_t mss = p && p->mss ? p->mss : tcp_mss_default(&conn->sk.conn.raddr);

	mss = tcp_min(mss, conn->mss);
	if (!msg || mss <= TFO_OPTS_MAX)
		return 0;
	return (uint32_t)(msg->n_bytes < mss - TFO_OPTS_MAX ? msg->n_bytes : mss - TFO_OPTS_MAX);
}

/* The SYN's option: the cookie, or the request for one. */
static void tfo_syn_option(struct tcp_conn *conn, const struct tcp_tfo_peer *p,
			   struct tcp_opts *ret)
{
	if (p && p->len > 0) {
		*ret = (struct tcp_opts){
			.has_tfo = true, .tfo_exp = p->is_exp, .tfo = p->cookie, .tfo_len = p->len};
	} else {
		*ret = (struct tcp_opts){.has_tfo = true, .tfo_exp = p && p->try_exp == 1};
		tcp_tfo_set_fail(conn, WEFT_TFO_COOKIE_UNAVAILABLE);
	}
	conn->tfo |= TCP_TFO_ASKED;
	if (ret->tfo_exp)
		conn->tfo |= TCP_TFO_EXP;
}

void tcp_tfo_syn(struct tcp_conn *conn, const struct sock_msg *msg)
{
	bool may_send = tcp_tfo_may_send(conn);
	const struct tcp_tfo_peer *p = tfo_peer_find(conn);
	struct tcp_opts opts = {.has_tfo = false};
	ptrdiff_t n = 0;

	if (!tcp_tfo_is_stopped(conn) && !tfo_needs_no_cookie(conn))
		tfo_syn_option(conn, p, &opts);
	if (may_send)
		n = tcp_sndq_write(conn, msg, 0, tfo_syn_room(conn, p, msg));
	if (n > 0)
		conn->tfo |= TCP_TFO_DATA;
	(void)tcp_send_syn_tfo(conn, &opts, n > 0 ? (uint32_t)n : 0);
	conn->snd_nxt = conn->snd_end;
}

/* What the SYN-ACK says of the server. */
static void tfo_peer_learn(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	bool was_asked = conn->tfo & TCP_TFO_ASKED, was_sent = conn->tfo & TCP_TFO_DATA;
	struct tcp_tfo_peer *p = tfo_peer_get(conn);

	if (!p)
		return;
	p->mss = conn->mss_peer;
	if (was_asked && seg->opts.has_tfo && seg->opts.tfo_len > 0) {
		memcpy(p->cookie, seg->opts.tfo, seg->opts.tfo_len);
		p->len = seg->opts.tfo_len;
		p->is_exp = seg->opts.tfo_exp;
	} else if (was_asked && !was_sent && !seg->opts.has_tfo && conn->n_backoffs == 0 &&
		   p->len == 0) {
		p->try_exp = (uint8_t)tcp_max(p->try_exp, conn->tfo & TCP_TFO_EXP ? 2 : 1);
	}
}

void tcp_tfo_synack(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	if (!(conn->tfo & (TCP_TFO_ASKED | TCP_TFO_DATA)))
		return;
	tfo_peer_learn(conn, seg);
	if (!(conn->tfo & TCP_TFO_DATA))
		return;
	conn->bytes_acked += conn->snd_una - (conn->iss + 1);
	tcp_sndq_ack(conn);
	if (conn->snd_una == conn->snd_nxt) {
		conn->tfo |= TCP_TFO_TAKEN;
		tcp_mib(conn, MIB_TcpExtTCPFastOpenActive);
		return;
	}
	tcp_tfo_set_fail(conn, conn->n_backoffs > 0 ? WEFT_TFO_SYN_RETRANSMITTED
						    : WEFT_TFO_DATA_NOT_ACKED);
	tcp_mib(conn, MIB_TcpExtTCPFastOpenActiveFail);
}

void tcp_tfo_resend(struct tcp_conn *conn)
{
	uint32_t n = conn->snd_nxt - conn->snd_una;

	if (!(conn->tfo & TCP_TFO_DATA) || n == 0)
		return;
	conn->snd_nxt = conn->snd_una;
	tcp_conn_defer(conn, TCPC_OUTPUT);
	if (!tcp_sender_get(conn) || !tcp_txq_open(conn))
		return; /* as if it was new */
	tcp_txq_sent(conn, n, 1);
	conn->snd_nxt += n;
	/* The server did not want it, or the path did not: no word of congestion (RFC 7413
	 * §4.2.2). */
	tcp_recover_on_mtu(conn);
}

void tcp_tfo_fini(struct tcp *tcp)
{
	mem_free(&tcp->st->eng->mem, tcp->tfo.peers,
		 tcp->tfo.cap_peers * sizeof(tcp->tfo.peers[0]));
	tcp->tfo.peers = NULL;
}
