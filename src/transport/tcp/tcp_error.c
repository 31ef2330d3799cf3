/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors about our segments (RFC 9293 §3.9.2.2, RFC 1122 §4.2.3.9, RFC 5461, RFC 5927).
 *
 * An error is believed only when the quoted sequence number is one that is in flight: who cannot
 * see the connection would have to guess it. While a connection opens, any "unreachable" ends the
 * attempt; later none does, since routes heal: it is kept as the reason to report if the
 * retransmissions run out.
 *
 * RFC-DEVIATION: RFC 1122 §4.2.3.9: net, host and source-route errors fail a connect() at once
 * instead of being soft, as in Linux (RFC 5461 §4.1); a user who mistyped an address is told so.
 * With tcp_icmp_fails_connect 0 they are soft.
 *
 * RFC-DEVIATION: RFC 1122 §4.2.3.9: protocol and port unreachable do not abort a connection, as in
 * Linux (RFC 5927 §5.2): a blind attacker could. With tcp_icmp_aborts 1 they do.
 */
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	TCP_QUOTE_MIN = 8, /* ports and sequence number */
};

/* RFC 1191, RFC 5927 §7.2: smaller segments from now on, and those in flight again. */
static void tcp_error_mtu(struct tcp_conn *conn, uint32_t mtu)
{
	uint16_t old = conn->mss;
	bool is_probe;

	if (conn->pmtu && conn->pmtu <= mtu)
		return;
	tcp_pmtu_learn(conn, mtu);
	if (!tcp_may_send(conn))
		return;
	is_probe = tcp_mtup_on_mtu(conn, mtu);
	if (conn->mss < old)
		tcp_recover_on_mtu(conn);
	else if (is_probe)
		tcp_recover_on_probe(conn);
	else
		return;
	tcp_conn_defer(conn, TCPC_OUTPUT);
}

/* RFC 1122 §4.2.3.9: who is there has no such protocol, or not the port. */
static bool tcp_error_is_final(const struct icmp_err *err)
{
	return err->is_hard && (err->err == ECONNREFUSED || err->err == ENOPROTOOPT);
}

/* As Linux with IP_RECVERR: while a connection opens the error is queued, with the segment that it
 * is about; later it is the next call's, and the connection goes on. True: that was all. */
static bool tcp_error_tell(struct tcp_conn *conn, const struct icmp_err *err, const uint8_t *quote,
			   uint32_t quote_len)
{
	if (tcp_is_synced(conn)) {
		sock_set_err(&conn->sk, err->err);
		return !(tcp_conf(conn)->icmp_aborts && tcp_error_is_final(err));
	}
	errq_icmp(&conn->sk, &conn->sockopts->errq, err, conn->sk.conn.rport, quote, quote_len);
	return false;
}

static void tcp_error_conn(struct tcp_conn *conn, const struct icmp_err *err, const uint8_t *quote,
			   uint32_t quote_len)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	uint32_t seq = load_be32(quote + 4);

	if (conn->state == WEFT_TCP_LISTEN || conn->state == WEFT_TCP_CLOSE)
		return;
	if (!seq_between(conn->snd_una, seq, conn->snd_nxt)) {
		tcp_mib(conn, MIB_TcpExtOutOfWindowIcmps);
		return;
	}
	if (err->mtu) {
		if (tcp_heeds_mtu(conn))
			tcp_error_mtu(conn, err->mtu);
		return;
	}
	if (tcp_wants_err(conn, err->is_ip6) && tcp_error_tell(conn, err, quote, quote_len))
		return;
	if (tcp_is_synced(conn) ? conf->icmp_aborts && tcp_error_is_final(err)
				: conf->icmp_fails_connect || tcp_error_is_final(err)) {
		tcp_fail(conn, err->err);
		return;
	}
	conn->soft_err = (uint8_t)(err->err <= UINT8_MAX ? err->err : EHOSTUNREACH);
}

/* No way to the peer, or nobody there after all. */
static bool tcp_error_ends_req(const struct icmp_err *err)
{
	return !err->mtu &&
	       (tcp_error_is_final(err) || err->err == EPROTO ||
		(!err->is_hard && (err->err == ENETUNREACH || err->err == EHOSTUNREACH)));
}

void tcp_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
	       uint32_t quote_len)
{
	struct sock_flow flow = {.laddr = err->src, .raddr = err->dst, .proto = IP_PROTO_TCP};
	struct conn_node *node;
	struct tcp_req *req;
	struct tcp_conn *conn;
	uint32_t seq;

	if (quote_len < TCP_QUOTE_MIN)
		return;
	flow.lport = load_be16(quote);
	flow.rport = load_be16(quote + 2);
	seq = load_be32(quote + 4);
	node = sock_lookup_conn(st, &flow);
	if (!node || node->kind == CONN_TW || node->kind == CONN_ASK)
		return;
	if (node->kind == CONN_SYN) {
		req = container_of(node, struct tcp_req, node);
		if (seq != req->iss)
			mib_inc(st, MIB_TcpExtOutOfWindowIcmps);
		else if (tcp_error_ends_req(err))
			tcp_req_free(st, req);
		return;
	}
	conn = tcp_conn_of(sock_of_conn(node));
	sock_ref(&conn->sk);
	tcp_error_conn(conn, err, quote, quote_len);
	sock_unref(&conn->sk);
}
