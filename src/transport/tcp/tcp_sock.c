/* SPDX-License-Identifier: MIT */
/*
 * The application's side (RFC 9293 §3.10.1 to §3.10.6): open, listen, accept, send, receive,
 * shutdown, close, abort, and readiness, with Linux's semantics and errors.
 */
#include "transport/cmsg.h"
#include "transport/sock_audit.h"
#include "transport/stamp.h"
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"
#include "weft/limit.h"

static int tcp_sock_create(struct stack *st, int family, int protocol, struct sock **ret)
{
	struct tcp_conn *conn;

	if (protocol != 0 && protocol != WEFT_IPPROTO_TCP)
		return -EPROTONOSUPPORT;
	conn = tcp_conn_new(st, family);
	if (!conn)
		return -ENOMEM;
	*ret = &conn->sk;
	return 0;
}

static int tcp_sock_bind(struct sock *sk, const struct ip_addr *addr, uint16_t port)
{
	if (sk->conn.port)
		return -EINVAL;
	if (!ip_addr_is_unspecified(addr) && !(sk->flags & SOCK_F_TRANSPARENT) &&
	    !ip_addr_is_local(sk->stack, addr))
		return -EADDRNOTAVAIL;
	return sock_port_bind(sk, addr, port);
}

/* A connection to "any" is one to ourselves, as in Linux. */
static struct ip_addr tcp_connect_dst(const struct sock *sk, const struct ip_addr *addr)
{
	static const struct ip6_addr loopback6 = {{[15] = 1}};
	static const struct ip4_addr loopback4 = {{127, 0, 0, 1}};

	if (!ip_addr_is_unspecified(addr))
		return *addr;
	return sk->conn.family == WEFT_AF_INET6 ? ip_addr_from_ip6(&loopback6)
						: ip_addr_from_ip4(&loopback4);
}

/* Everything that a connection has from its first SYN on. */
static void tcp_connect_start(struct tcp_conn *conn, const struct ip_dst *dst)
{
	struct stack *st = conn->sk.stack;

	conn->sk.err = 0;
	conn->sk.dst = *dst;
	conn->gso_max = (uint16_t)tcp_min(dst->netif->gso_max_bytes, 65535);
	tcp_route_begin(conn);
	conn->iss = tcp_isn(st, &conn->sk.conn);
	conn->ts_off = tcp_ts_offset(st, &conn->sk.conn);
	conn->snd_una = conn->iss;
	conn->snd_nxt = conn->snd_end = conn->iss + 1;
	conn->flags |= TCPC_RTT_TIMING | TCPC_CONNECTING;
	conn->rtt_seq = conn->snd_nxt;
	tcp_mss_sync(conn);
	tcp_conn_hold(conn);
	tcp_set_state(conn, WEFT_TCP_SYN_SENT);
	mib_inc(st, MIB_TcpActiveOpens);
}

/* The first SYN, with data if a fast open lets it. */
static void tcp_connect_syn(struct tcp_conn *conn, const struct sock_msg *msg)
{
	bool is_fast = msg || tcp_sockopts(conn)->tfo_connect;

	conn->tfo &= (uint16_t)~TCP_TFO_DEFERRED;
	conn->rexmt_started_ms = tcp_clock_ms(conn->sk.stack);
	conn->rtt_us = tcp_clock_us(conn);
	if (is_fast && (tcp_conf(conn)->fastopen & TCP_TFO_CLIENT))
		tcp_tfo_syn(conn, msg);
	else
		(void)tcp_send_syn(conn);
	tcp_rexmt_restart(conn);
}

/*
 * 0: it may begin. As in Linux the first call after the handshake returns 0 (1 here), later ones
 * -EISCONN, also when the connection is over. The first call after an attempt that failed says why,
 * or -ECONNABORTED when SO_ERROR has said it; the next one begins anew.
 */
static int tcp_connect_state(struct tcp_conn *conn)
{
	int err;

	if (conn->tfo & TCP_TFO_DEFERRED)
		return -EISCONN;
	if (conn->state == WEFT_TCP_SYN_SENT || conn->state == WEFT_TCP_SYN_RECV)
		return -EALREADY;
	if (!(conn->flags & TCPC_CONNECTING))
		return conn->state == WEFT_TCP_CLOSE && !conn->established_ns ? 0 : -EISCONN;
	conn->flags &= ~(uint32_t)TCPC_CONNECTING;
	if (conn->state != WEFT_TCP_CLOSE)
		return 1;
	err = sock_take_err(&conn->sk);
	tcp_conn_reinit(conn);
	sock_addr_forget(&conn->sk);
	return err ? err : -ECONNABORTED;
}

/* `msg`: what MSG_FASTOPEN wants to send with it, or NULL. 0: it was connected already, or the SYN
 * waits for data; -EINPROGRESS: a SYN is under way. */
static int tcp_connect(struct sock *sk, const struct ip_addr *addr, uint16_t port,
		       const struct sock_msg *msg)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	struct ip_flow flow = {
		.src = sk->conn.laddr,
		.oif = sk->conn.ifindex,
		.mark = sk->mark,
		.tos = sk->tos,
		.proto = IP_PROTO_TCP,
	};
	struct ip_addr to = tcp_connect_dst(sk, addr);
	int err = tcp_connect_state(conn);
	struct ip_addr src;
	struct ip_dst dst;

	if (err)
		return err < 0 ? err : 0;
	if (ip_addr_is_multicast(&to) ||
	    (ip_addr_is_ip4(&to) && load_be32(to.b + 12) == UINT32_MAX))
		return -ENETUNREACH;
	flow.dst = tcp_via(conn, &to);
	flow.srcprefs = tcp_sockopts(conn)->ip6.srcprefs;
	if (port == 0)
		return -EADDRNOTAVAIL;
	err = ip_route(sk->stack, &flow, &dst, &src);
	if (err)
		return err;
	tcp_conn_reinit(conn);
	err = sock_limit_connect(sk, &to);
	if (err)
		return err;
	err = sock_conn_connect(sk, &src, &to, port);
	if (err) {
		sock_peer_release(sk, &to);
		return err;
	}
	tcp_connect_start(conn, &dst);
	if (!msg && tcp_tfo_defers(conn)) {
		conn->tfo |= TCP_TFO_DEFERRED;
		sock_wake(sk, SOCK_OUT);
		sock_audit_call(sk, WEFT_AUDIT_CONNECT, "connect", &flow.dst, port, 0);
		return 0;
	}
	tcp_connect_syn(conn, msg);
	return -EINPROGRESS;
}

static int tcp_sock_connect_state(struct sock *sk)
{
	return tcp_connect_state(tcp_conn_of(sk));
}

static int tcp_sock_connect(struct sock *sk, const struct ip_addr *addr, uint16_t port)
{
	return tcp_connect(sk, addr, port, NULL);
}

/* AF_UNSPEC: whatever the socket was, it is as new, but for its options and its port. */
static int tcp_sock_disconnect(struct sock *sk)
{
	struct tcp_conn *conn = tcp_conn_of(sk);

	if (conn->state == WEFT_TCP_LISTEN)
		tcp_listen_stop(conn);
	else
		tcp_abort(conn, ECONNRESET);
	tcp_conn_reinit(conn);
	sock_addr_forget(sk);
	return 0;
}

static int tcp_sock_listen(struct sock *sk, int backlog)
{
	static const struct ip_addr any = {{0}};
	struct tcp_conn *conn = tcp_conn_of(sk);
	int err = 0;

	if (conn->state == WEFT_TCP_LISTEN)
		return tcp_listen_start(conn, backlog);
	if (conn->state != WEFT_TCP_CLOSE || conn->established_ns ||
	    (conn->flags & TCPC_CONNECTING))
		return -EINVAL;
	if (!sk->conn.port)
		err = sock_port_bind(sk, sk->flags & SOCK_F_BOUND_ADDR ? &sk->conn.laddr : &any, 0);
	if (!err)
		err = sock_port_listen(sk);
	if (err)
		return err;
	err = tcp_listen_start(conn, backlog);
	if (err)
		sk->conn.flags &= (uint8_t)~CONN_F_RECEIVES;
	return err;
}

static int tcp_sock_accept(struct sock *sk, struct sock **ret)
{
	struct tcp_conn *conn = tcp_conn_of(sk), *child;

	if (conn->state != WEFT_TCP_LISTEN)
		return -EINVAL;
	child = tcp_accept_pop(conn);
	if (!child)
		return -EAGAIN;
	*ret = &child->sk;
	return 0;
}

static int tcp_send_check(struct tcp_conn *conn)
{
	if (conn->sk.err)
		return sock_take_err(&conn->sk);
	if (conn->sk.flags & SOCK_F_SHUT_WR)
		return -EPIPE;
	switch (conn->state) {
	case WEFT_TCP_ESTABLISHED:
	case WEFT_TCP_CLOSE_WAIT:
		return 0;
	case WEFT_TCP_SYN_RECV:
	case WEFT_TCP_SYN_SENT:
		if (conn->tfo & TCP_TFO_CHILD)
			return 0;
		conn->flags |= TCPC_NOSPACE;
		return -EAGAIN;
	default:
		return -EPIPE;
	}
}

static uint32_t tcp_send_room(const struct tcp_conn *conn)
{
	uint32_t used = tcp_sndq_bytes(conn), lowat = tcp_notsent_lowat(conn);
	uint32_t room = used < conn->sk.sndbuf_bytes ? conn->sk.sndbuf_bytes - used : 0;
	uint32_t unsent = tcp_unsent(conn);

	return tcp_min(room, unsent < lowat ? lowat - unsent : 0);
}

/* Takes what of the message, from its byte `off` on, fits into the send buffer. */
static ptrdiff_t tcp_send_queue(struct tcp_conn *conn, const struct sock_msg *msg, size_t off)
{
	uint32_t room = tcp_send_room(conn);
	size_t rest = msg->n_bytes - off, n = rest < room ? rest : room;
	ptrdiff_t done;

	tcp_rate_check_app(conn);
	conn->sk.flags &= ~(uint32_t)TCP_SOCK_F_NOMEM;
	done = room > 0 ? tcp_sndq_write(conn, msg, off, (uint32_t)n) : 0;

	/* Full now or before: the application will wait for room. */
	if (done < 0 || (size_t)done < rest || (uint32_t)done == room)
		conn->flags |= TCPC_NOSPACE;
	if (done == -ENOBUFS) {
		/* Whoever polls would spin otherwise. */
		conn->sk.flags |= TCP_SOCK_F_NOMEM;
		/* What is queued already will be acknowledged, and its timer must stay as it is;
		 * an empty queue has nothing else that would tell of memory. */
		if (!conn->rexmt_ns) {
			conn->flags |= TCPC_MEM_WAIT;
			tcp_rexmt_arm(conn);
		}
		return -EAGAIN;
	}
	return done > 0 || rest == 0 ? done : -EAGAIN;
}

static int tcp_connect_fast(struct tcp_conn *conn, const struct sock_msg *msg)
{
	int err = tcp_connect(&conn->sk, &msg->addr, msg->port, msg);

	/* As connect() tells: socket_connect(). */
	if (err < 0 && err != -EALREADY && err != -EISCONN)
		sock_audit_call(&conn->sk, WEFT_AUDIT_CONNECT, "connect", &msg->addr, msg->port,
				err == -EINPROGRESS ? 0 : err);
	return err;
}

/* The send that also connects: how much went with the SYN, or -EINPROGRESS. 0: connected already,
 * it is an ordinary send. As in Linux. */
static ptrdiff_t tcp_send_fast(struct tcp_conn *conn, const struct sock_msg *msg)
{
	int err = -EINPROGRESS;

	if (!(tcp_conf(conn)->fastopen & TCP_TFO_CLIENT))
		return -EOPNOTSUPP;
	if (conn->tfo & TCP_TFO_DEFERRED)
		tcp_connect_syn(conn, msg);
	else if (msg->has_addr)
		err = tcp_connect_fast(conn, msg);
	else
		err = conn->state == WEFT_TCP_CLOSE ? -EINVAL : tcp_connect_state(conn);
	if (err > 0)
		return 0;
	if (err == -EINPROGRESS && (conn->tfo & TCP_TFO_DATA))
		return (ptrdiff_t)(conn->snd_end - conn->iss - 1);
	return err;
}

/* What the flags say of the `n` bytes just queued; `is_all`: the whole message is. */
static void tcp_send_marks(struct tcp_conn *conn, const struct sock_msg *msg, uint32_t n,
			   bool is_all)
{
	if (msg->flags & WEFT_MSG_OOB)
		tcp_urg_mark(conn);
	if (is_all && (msg->flags & WEFT_MSG_EOR))
		tcp_sndq_end_record(conn);
	if (unlikely(msg->stamps))
		stamp_mark(&conn->sk, conn->snd_end - n, conn->snd_end, msg->stamps);
}

/* Control messages of a send: the level SOL_SOCKET alone means something to a stream, as in Linux.
 */
static int tcp_send_ctl(const struct sock *sk, struct sock_msg *msg)
{
	struct cmsg c;
	size_t pos = 0;
	int got, err = 0;

	msg->stamps = stamp_kinds(sk);
	if (likely(!msg->control_len))
		return 0;
	while (!err && (got = cmsg_next(msg, &pos, &c)) != 0) {
		if (got < 0)
			return got;
		if (c.level == WEFT_SOL_SOCKET)
			err = stamp_ctl(&c, &msg->stamps);
	}
	return err;
}

static void tcp_send_out(struct tcp_conn *conn)
{
	/* From a callback, with ACKs to come anyway: what else it writes, and what waits to be
	 * acknowledged, goes in the same segments at the end of the batch. */
	if (tcp_eng(conn)->is_running && tcp_flight(conn) > 0)
		tcp_conn_defer(conn, TCPC_OUTPUT);
	else
		tcp_output(conn);
}

static ptrdiff_t tcp_sock_send(struct sock *sk, struct sock_msg *msg)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	size_t total = 0;
	ptrdiff_t done = tcp_send_ctl(sk, msg);

	if (done < 0)
		return done;
	if (unlikely((msg->flags & WEFT_MSG_FASTOPEN) || (conn->tfo & TCP_TFO_DEFERRED))) {
		done = tcp_send_fast(conn, msg);
		if (done > 0 && msg->stamps)
			stamp_mark(sk, conn->snd_end - (uint32_t)done, conn->snd_end, msg->stamps);
		if (done != 0)
			return done;
	}
	done = tcp_send_check(conn);
	if (done < 0)
		return done;
	if (msg->flags & WEFT_MSG_MORE)
		conn->flags |= TCPC_MORE;
	else
		conn->flags &= ~(uint32_t)TCPC_MORE;
	while ((done = tcp_send_queue(conn, msg, total)) > 0) {
		total += (size_t)done;
		tcp_send_marks(conn, msg, (uint32_t)done, total == msg->n_bytes);
		tcp_send_out(conn);
		/* With TCP_NOTSENT_LOWAT there is room again for as much as has just left. */
		if (total == msg->n_bytes || tcp_notsent_lowat(conn) == UINT32_MAX)
			break;
	}
	return total > 0 ? (ptrdiff_t)total : done;
}

ptrdiff_t tcp_recv_nothing(struct tcp_conn *conn)
{
	if (conn->flags & TCPC_FIN_RCVD)
		return 0;
	if (conn->sk.err)
		return sock_take_err(&conn->sk);
	if (conn->sk.flags & SOCK_F_SHUT_RD)
		return 0;
	if (conn->state == WEFT_TCP_CLOSE || conn->state == WEFT_TCP_LISTEN)
		return -ENOTCONN;
	return -EAGAIN;
}

static ptrdiff_t tcp_sock_recv(struct sock *sk, struct sock_msg *msg)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	bool is_peek = msg->flags & WEFT_MSG_PEEK;
	uint32_t skip = tcp_urg_skip(conn);
	size_t done;

	if (msg->flags & WEFT_MSG_OOB)
		return tcp_urg_recv(conn, msg);
	if (pktq_is_empty(&conn->rcvq))
		return tcp_recv_nothing(conn);
	/* With nothing but the urgent byte there, which nobody wanted, it goes. */
	done = tcp_rcvq_read(conn, msg, is_peek, skip, tcp_urg_limit(conn));
	if (!is_peek) {
		tcp_urg_was_read(conn);
		if (done + skip > 0)
			tcp_rcvq_was_read(conn);
	}
	if (done == 0 && msg->n_bytes > 0)
		return tcp_recv_nothing(conn);
	if (unlikely(sk->flags & (SOCK_F_TSTAMP | SOCK_F_TSTAMPING)) && done)
		cmsg_put_time(sk, msg, msg->rx_ns ? msg->rx_ns : sk->stack->eng->now_ns);
	msg->has_inq = conn->flags & TCPC_INQ;
	msg->inq_bytes = tcp_urg_inq(conn) + ((conn->flags & TCPC_FIN_RCVD) && !conn->rcvq.n_bytes);
	return (ptrdiff_t)done;
}

/* Up to the urgent mark; what is at the mark is for those who copy. */
static ptrdiff_t tcp_sock_take(struct sock *sk, struct sock_msg *msg UNUSED, size_t max,
			       uint32_t max_pkts, struct pktq *q)
{
	struct tcp_conn *conn = tcp_conn_of(sk);
	uint32_t limit = max < INT32_MAX ? (uint32_t)max : INT32_MAX;
	ptrdiff_t done;

	if (pktq_is_empty(&conn->rcvq))
		return tcp_recv_nothing(conn);
	if (tcp_urg_skip(conn) || tcp_urg_limit(conn) < conn->rcvq.n_bytes ||
	    pkt_pools_are_short(&tcp_eng(conn)->pkts))
		return -ENOBUFS;
	done = tcp_rcvq_take(conn, limit, max_pkts, q);
	if (done <= 0)
		return done;
	tcp_urg_was_read(conn);
	tcp_rcvq_was_read(conn);
	return done;
}

void tcp_queue_fin(struct tcp_conn *conn)
{
	if (conn->flags & TCPC_FIN_QUEUED)
		return;
	conn->flags |= TCPC_FIN_QUEUED;
	tcp_set_state(conn,
		      conn->state == WEFT_TCP_CLOSE_WAIT ? WEFT_TCP_LAST_ACK : WEFT_TCP_FIN_WAIT1);
	tcp_output(conn);
}

/* A server that answers a fast open and closes is done in one round trip: the FIN goes with the
 * answer (RFC 7413 §4.2.2, as Linux); the state follows when the handshake is over.
 *
 * RFC-DEVIATION: RFC 9293 §3.10.4: also behind data, which by its text it waits for. */
static void tcp_queue_early_fin(struct tcp_conn *conn)
{
	conn->flags |= TCPC_FIN_QUEUED;
	tcp_output(conn);
}

static int tcp_sock_shutdown(struct sock *sk, bool rd, bool wr)
{
	struct tcp_conn *conn = tcp_conn_of(sk);

	if (conn->state == WEFT_TCP_CLOSE) {
		/* As in Linux, said and done. */
		sk->flags |= (rd ? SOCK_F_SHUT_RD : 0u) | (wr ? SOCK_F_SHUT_WR : 0u);
		return -ENOTCONN;
	}
	if (conn->state == WEFT_TCP_LISTEN) {
		if (rd)
			tcp_listen_stop(conn);
		return 0;
	}
	if (!(conn->tfo & TCP_TFO_CHILD) &&
	    (conn->state == WEFT_TCP_SYN_SENT || conn->state == WEFT_TCP_SYN_RECV)) {
		tcp_abort(conn, ECONNRESET);
		conn->flags &= ~(uint32_t)TCPC_CONNECTING; /* it has been told */
		sk->flags &= ~(uint32_t)(SOCK_F_SHUT_RD | SOCK_F_SHUT_WR);
		return 0;
	}
	if (rd)
		sk->flags |= SOCK_F_SHUT_RD;
	if (wr && !(sk->flags & SOCK_F_SHUT_WR)) {
		sk->flags |= SOCK_F_SHUT_WR;
		if (conn->state == WEFT_TCP_ESTABLISHED || conn->state == WEFT_TCP_CLOSE_WAIT)
			tcp_queue_fin(conn);
		else if (conn->tfo & TCP_TFO_CHILD)
			tcp_queue_early_fin(conn);
	}
	sock_wake(sk, SOCK_HUP | (rd ? SOCK_IN | SOCK_RDHUP : 0) | (wr ? SOCK_OUT : 0));
	return 0;
}

/* RFC 9293 §3.10.4 and, for data that nobody read, RFC 1122 §4.2.2.13. */
static void tcp_close_conn(struct tcp_conn *conn, bool abort)
{
	bool is_unread = conn->rcvq.n_bytes > 0;

	switch (conn->state) {
	case WEFT_TCP_CLOSE:
		return;
	case WEFT_TCP_LISTEN:
		tcp_listen_stop(conn);
		return;
	case WEFT_TCP_SYN_SENT:
		tcp_done(conn);
		return;
	case WEFT_TCP_SYN_RECV:
		/* RFC-DEVIATION: RFC 9293 §3.10.4: a simultaneous open that the application closes
		 * before it is established is reset; it has carried nothing. */
		if (!(conn->tfo & TCP_TFO_CHILD) || abort || is_unread)
			tcp_abort(conn, 0);
		else
			tcp_queue_early_fin(conn);
		return;
	default:
		break;
	}
	if (is_unread)
		tcp_mib(conn, MIB_TcpExtTCPAbortOnClose);
	if (conn->state == WEFT_TCP_FIN_WAIT2 && tcp_sockopts(conn)->linger2_s < 0) {
		tcp_mib(conn, MIB_TcpExtTCPAbortOnLinger);
		abort = true;
	}
	if (abort || is_unread || ((conn->sk.flags & SOCK_F_LINGER) && conn->sk.linger_s == 0)) {
		tcp_abort(conn, 0);
		return;
	}
	if (conn->state == WEFT_TCP_ESTABLISHED || conn->state == WEFT_TCP_CLOSE_WAIT)
		tcp_queue_fin(conn);
	if (tcp_mem_is_out(conn)) {
		/* Nobody waits for what it has to send, and others have nothing left. */
		tcp_mib(conn, MIB_TcpExtTCPAbortOnMemory);
		tcp_abort(conn, 0);
		return;
	}
	tcp_idle_arm(conn);
}

static void tcp_sock_close(struct sock *sk, bool abort)
{
	struct tcp_conn *conn = tcp_conn_of(sk);

	sk->flags |= SOCK_F_ORPHAN | SOCK_F_SHUT_RD | SOCK_F_SHUT_WR;
	tcp_accept_remove(conn);
	tcp_close_conn(conn, abort);
	tcp_rcvq_purge(conn);
	sock_unref(sk);
}

static uint32_t tcp_listen_events(const struct tcp_conn *conn)
{
	return conn->listen->n_accept > 0 ? SOCK_IN : 0;
}

/* Of an established connection of which nothing has ended, and nothing else is wanted. */
static bool tcp_events_are_plain(const struct tcp_conn *conn)
{
	return conn->state == WEFT_TCP_ESTABLISHED && !conn->sockopts && !conn->sk.err &&
	       !(conn->flags & (TCPC_FIN_RCVD | TCPC_RCV_URG)) &&
	       !(conn->sk.flags & (SOCK_F_SHUT_RD | SOCK_F_SHUT_WR | SOCK_F_STAMPS));
}

static uint32_t tcp_sock_events(const struct sock *sk)
{
	const struct tcp_conn *conn = tcp_conn_of_const(sk);
	bool is_rd_done = (conn->flags & TCPC_FIN_RCVD) || (sk->flags & SOCK_F_SHUT_RD);
	bool is_wr_done = sk->flags & SOCK_F_SHUT_WR;
	uint32_t events;

	if (likely(tcp_events_are_plain(conn)))
		return (conn->rcvq.n_bytes > 0 ? (uint32_t)SOCK_IN : 0) |
		       (tcp_sndq_is_writable(conn) ? (uint32_t)SOCK_OUT : 0);
	events = sk->err || tcp_err_is_queued(conn) ? SOCK_ERR : 0;
	if (conn->state == WEFT_TCP_LISTEN)
		return tcp_listen_events(conn);
	if (conn->tfo & TCP_TFO_DEFERRED)
		return events | SOCK_OUT;
	if (!(conn->tfo & TCP_TFO_CHILD) &&
	    (conn->state == WEFT_TCP_SYN_SENT || conn->state == WEFT_TCP_SYN_RECV))
		return events;
	if (conn->state == WEFT_TCP_CLOSE || (is_rd_done && is_wr_done))
		events |= SOCK_HUP;
	if (is_rd_done)
		events |= SOCK_IN | SOCK_RDHUP;
	if (tcp_rcvq_is_readable(conn))
		events |= SOCK_IN;
	if (tcp_urg_is_readable(conn))
		events |= SOCK_PRI;
	if (is_wr_done || conn->state == WEFT_TCP_CLOSE || tcp_sndq_is_writable(conn))
		events |= SOCK_OUT;
	return events;
}

/* What made it not writable may be an option set since, not a send that found it full. */
static void tcp_sock_want_out(struct sock *sk)
{
	if (tcp_is_synced(tcp_conn_of(sk)))
		tcp_conn_of(sk)->flags |= TCPC_NOSPACE;
}

static int tcp_sock_ioctl(struct sock *sk, unsigned int request, int *ret)
{
	const struct tcp_conn *conn = tcp_conn_of(sk);

	if (conn->state == WEFT_TCP_LISTEN && request != WEFT_SIOCATMARK)
		return -EINVAL;
	switch (request) {
	case WEFT_SIOCINQ:
		*ret = (int)tcp_urg_inq(conn);
		return 0;
	case WEFT_SIOCOUTQ:
		*ret = (int)tcp_sndq_bytes(conn);
		return 0;
	case WEFT_SIOCOUTQNSD:
		*ret = tcp_is_synced(conn) ? (int)tcp_unsent(conn) : 0;
		return 0;
	case WEFT_SIOCATMARK:
		*ret = tcp_urg_at_mark(conn);
		return 0;
	default:
		return -ENOTTY;
	}
}

static void tcp_sock_diag(const struct sock *sk, struct sock_diag *ret)
{
	const struct tcp_conn *conn = tcp_conn_of_const(sk);

	ret->state = conn->state;
	if (conn->state == WEFT_TCP_LISTEN) {
		ret->recv_q = conn->listen->n_accept;
		ret->send_q = conn->listen->backlog;
		return;
	}
	ret->mem_bytes = (uint64_t)conn->rcv_truesize + conn->snd_truesize;
	ret->recv_q = conn->rcvq.n_bytes;
	ret->send_q = tcp_sndq_bytes(conn);
}

const struct sock_proto tcp_proto = {
	.name = "tcp",
	.ip_proto = IP_PROTO_TCP,
	.type = WEFT_SOCK_STREAM,
	.create = tcp_sock_create,
	.bind = tcp_sock_bind,
	.connect = tcp_sock_connect,
	.connect_state = tcp_sock_connect_state,
	.disconnect = tcp_sock_disconnect,
	.listen = tcp_sock_listen,
	.accept = tcp_sock_accept,
	.send = tcp_sock_send,
	.recv = tcp_sock_recv,
	.send_plain = tcp_fast_send,
	.recv_plain = tcp_fast_recv,
	.take = tcp_sock_take,
	.can_lend = true,
	.recv_err = tcp_recv_err,
	.shutdown = tcp_sock_shutdown,
	.close = tcp_sock_close,
	.setopt = tcp_setopt,
	.getopt = tcp_getopt,
	.ioctl = tcp_sock_ioctl,
	.events = tcp_sock_events,
	.want_out = tcp_sock_want_out,
	.diag = tcp_sock_diag,
	.destroy = tcp_conn_destroy,
};
