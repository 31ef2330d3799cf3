/* SPDX-License-Identifier: MIT */
/*
 * Life of a connection object: made by socket() or by a listener, ended by tcp_done(), freed with
 * its last reference.
 *
 * The application holds one reference until it closes. While the connection exists for the peer
 * (state other than CLOSED) the protocol holds another, so a closed socket can finish its FIN.
 * tcp_done() gives that one back; whoever calls it on an input path holds one more meanwhile.
 */
#include "transport/tcp/tcp_conn.h"

#include <string.h>

#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

static void tcp_conn_work(struct engine_work *work)
{
	struct tcp_conn *conn = container_of(work, struct tcp_conn, work);

	if (conn->state == WEFT_TCP_CLOSE)
		return;
	sock_ref(&conn->sk);
	if (conn->flags & TCPC_OUTPUT)
		tcp_output(conn);
	if (conn->flags & TCPC_ACK_NOW)
		tcp_send_ack(conn);
	sock_unref(&conn->sk);
}

void tcp_conn_defer(struct tcp_conn *conn, uint32_t flags)
{
	conn->flags |= flags;
	engine_work_defer(tcp_eng(conn), &conn->work);
}

/* What CLOSED needs no more. The receive queue stays: the application may still read it. */
static void tcp_conn_release(struct tcp_conn *conn)
{
	tcp_timer_stop_all(conn);
	engine_work_cancel(&conn->work);
	conn->flags &= ~(uint32_t)(TCPC_ACK_NOW | TCPC_OUTPUT | TCPC_ACK_DELAYED | TCPC_MEM_WAIT);
	tcp_sndq_purge(conn);
	tcp_txq_free(conn);
	tcp_reasm_purge(conn);
	tcp_sender_free(conn);
}

/* What a connection starts from, besides zeroes. */
static void tcp_conn_start(struct tcp_conn *conn)
{
	const struct tcp_conf *conf = tcp_conf(conn);

	conn->mss = TCP_MSS_DEFAULT;
	conn->rcv_mss = TCP_MSS_DEFAULT;
	conn->rto_us = conf->rto_initial_ms * 1000;
	conn->reordering = conf->reordering;
	conn->n_quickacks = conf->quickacks;
	tcp_cc_start(conn);
}

struct tcp_conn *tcp_conn_new(struct stack *st, int family)
{
	struct tcp_conn *conn = mem_zalloc(&st->eng->mem, sizeof(*conn));

	if (!conn)
		return NULL;
	st->tcp->n_conns++;
	sock_init(&conn->sk, st, &tcp_proto, family, WEFT_IPPROTO_TCP);
	conn->sk.sndbuf_bytes = st->tcp->conf.wmem_default;
	conn->sk.rcvbuf_bytes = st->tcp->conf.rmem_default;
	conn->state = WEFT_TCP_CLOSE;
	conn->cc.ops = cc_at(st->tcp->conf.congestion_control);
	pktq_init(&conn->rcvq);
	engine_work_init(&conn->work, tcp_conn_work);
	wheel_timer_init(&conn->timer, tcp_timer_fire);
	tcp_conn_start(conn);
	return conn;
}

void tcp_conn_reinit(struct tcp_conn *conn)
{
	struct tcp_conn fresh = {
		.state = WEFT_TCP_CLOSE,
		.flags = conn->flags & TCPC_OPTIONS,
		.cc.ops = conn->cc.ops,
		.sockopts = conn->sockopts,
	};

	assert(conn->state == WEFT_TCP_CLOSE && !conn->listen);
	tcp_conn_release(conn);
	tcp_rcvq_purge(conn);
	memcpy(&conn->state, &fresh.state, sizeof(fresh) - offsetof(struct tcp_conn, state));
	conn->sk.flags &=
		~(uint32_t)(SOCK_F_SHUT_RD | SOCK_F_SHUT_WR | SOCK_F_CONNECTED | TCP_SOCK_F_NOMEM);
	pktq_init(&conn->rcvq);
	engine_work_init(&conn->work, tcp_conn_work);
	wheel_timer_init(&conn->timer, tcp_timer_fire);
	tcp_conn_start(conn);
}

void tcp_conn_hold(struct tcp_conn *conn)
{
	if (conn->flags & TCPC_PROTO_REF)
		return;
	conn->flags |= TCPC_PROTO_REF;
	sock_ref(&conn->sk);
}

void tcp_report_end(struct tcp_conn *conn)
{
	struct tcp *tcp = conn->sk.stack->tcp;
	struct weft_tcp_info info;

	if ((conn->flags & TCPC_ENDED) || !conn->established_ns)
		return;
	conn->flags |= TCPC_ENDED;
	if (!tcp->on_end)
		return;
	tcp_info_fill(conn, &info);
	tcp->on_end(tcp->on_end_arg, &conn->sk, &info);
}

void tcp_release_port(struct tcp_conn *conn)
{
	struct sock *sk = &conn->sk;
	uint16_t port = sk->conn.lport;

	if (!(sk->flags & SOCK_F_BOUND_PORT) || (sk->flags & SOCK_F_ORPHAN)) {
		sock_conn_del(sk->stack, &sk->conn);
		sk->conn.lport = port;
	} else if (sk->conn.flags & CONN_F_HASHED) {
		sock_conn_disconnect(sk, &sk->conn.laddr);
	}
}

void tcp_done(struct tcp_conn *conn)
{
	if (conn->state == WEFT_TCP_CLOSE)
		return;
	tcp_report_end(conn);
	tcp_tfo_on_end(conn);
	tcp_conn_release(conn);
	tcp_set_state(conn, WEFT_TCP_CLOSE);
	tcp_release_port(conn);
	conn->sk.flags &= ~(uint32_t)SOCK_F_CONNECTED; /* no peer to be named */
	conn->sk.flags |= SOCK_F_SHUT_RD | SOCK_F_SHUT_WR;
	sock_wake(&conn->sk, SOCK_IN | SOCK_OUT | SOCK_HUP | SOCK_RDHUP);
	if (conn->flags & TCPC_PROTO_REF) {
		conn->flags &= ~(uint32_t)TCPC_PROTO_REF;
		sock_unref(&conn->sk);
	}
}

void tcp_fail(struct tcp_conn *conn, int err)
{
	if (conn->state == WEFT_TCP_CLOSE)
		return;
	sock_ref(&conn->sk);
	tcp_done(conn);
	if (err && !(conn->sk.flags & SOCK_F_ORPHAN))
		sock_set_err(&conn->sk, err);
	sock_unref(&conn->sk);
}

void tcp_abort(struct tcp_conn *conn, int err)
{
	if (tcp_is_synced(conn) || conn->state == WEFT_TCP_SYN_RECV)
		tcp_send_reset(conn);
	tcp_fail(conn, err);
}

void tcp_conn_destroy(struct sock *sk)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	struct mem *mem = &sk->stack->eng->mem;

	assert(conn->state == WEFT_TCP_CLOSE && !conn->listen);
	tcp_conn_release(conn);
	tcp_rcvq_purge(conn);
	sk->stack->tcp->n_conns--;
	tcp_tfoq_unref(conn);
	tcp_sockopts_free(conn);
	mem_free(mem, conn, sizeof(*conn));
}
