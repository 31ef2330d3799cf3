/* SPDX-License-Identifier: MIT */
/*
 * Options of levels IP and IPv6 that a stream has besides those of the socket layer (ip(7),
 * ipv6(7)): what its segments carry between IP and TCP, how it finds the path's MTU, the error
 * queue.
 */
#include <string.h>

#include "transport/dgram.h"
#include "transport/stamp.h"
#include "transport/tcp/tcp_priv.h"

bool tcp_wants_err(const struct tcp_conn *conn, bool is_ip6)
{
	const struct tcp_sockopts *o = conn->sockopts;

	return o && (o->wants & (is_ip6 ? DGRAM_WANTS_ERR6 : DGRAM_WANTS_ERR));
}

bool tcp_heeds_mtu(const struct tcp_conn *conn)
{
	uint8_t how = tcp_sockopts(conn)->pmtudisc;

	return how != WEFT_IP_PMTUDISC_DONT && how != WEFT_IP_PMTUDISC_INTERFACE &&
	       how != WEFT_IP_PMTUDISC_OMIT;
}

static bool errq_has_some(const struct tcp_conn *conn)
{
	return conn->sockopts && !errq_is_empty(&conn->sockopts->errq);
}

bool tcp_err_is_queued(const struct tcp_conn *conn)
{
	return errq_has_some(conn) || stamp_is_told(&conn->sk);
}

/* Errors before times of sending. */
ptrdiff_t tcp_recv_err(struct sock *sk, struct sock_msg *msg)
{
	struct tcp_conn *conn = tcp_conn_of(sk);

	return errq_has_some(conn) ? errq_recv(sk, &conn->sockopts->errq, msg)
				   : stamp_recv(sk, msg);
}

/* What follows the header of IP has changed, or where segments go first. */
static void tcp_ip_resync(struct tcp_conn *conn)
{
	conn->sk.dst = (struct ip_dst){0};
	if (tcp_is_synced(conn) && tcp_route_sync(conn) < 0)
		tcp_mss_sync(conn);
}

static int tcp_ip_set_opts(struct tcp_conn *conn, struct tcp_sockopts *o, const void *val,
			   size_t len)
{
	int err = ip4_opts_set(conn->sk.stack, &o->ip4_opts, val, len);

	if (!err)
		tcp_ip_resync(conn);
	return err;
}

static int tcp_ip_set_want(struct tcp_conn *conn, struct tcp_sockopts *o, uint32_t want, int v)
{
	o->wants = v ? o->wants | want : o->wants & ~want;
	if (want & (DGRAM_WANTS_ERR | DGRAM_WANTS_ERR6) && !v)
		errq_purge(&conn->sk, &o->errq);
	return 0;
}

static int tcp_ip_set_pmtudisc(struct tcp_sockopts *o, int v)
{
	if (v < WEFT_IP_PMTUDISC_DONT || v > WEFT_IP_PMTUDISC_OMIT)
		return -EINVAL;
	o->pmtudisc = (uint8_t)v;
	return 0;
}

static bool tcp_ip_has(int level, int name)
{
	return level == WEFT_IPPROTO_IP
		       ? name == WEFT_IP_OPTIONS || name == WEFT_IP_RECVERR ||
				 name == WEFT_IP_MTU_DISCOVER
		       : name == WEFT_IPV6_RECVERR || name == WEFT_IPV6_MTU_DISCOVER;
}

/* IPv6's own, of which extension headers and the MTU matter to a connection that stands. */
static int tcp_ip_set_ip6(struct tcp_conn *conn, int name, const void *val, size_t len)
{
	struct tcp_sockopts *o = tcp_sockopts_get(conn);
	int err;

	if (!o)
		return -ENOMEM;
	err = sock_ip6_set(&conn->sk, &o->ip6, name, val, len);
	if (!err)
		tcp_ip_resync(conn);
	return err;
}

int tcp_ip_setopt(struct tcp_conn *conn, int level, int name, const void *val, size_t len)
{
	uint32_t want = dgram_want(&conn->sk, level, name);
	struct tcp_sockopts *o;
	int v, err;

	if (level == WEFT_IPPROTO_IPV6 && conn->sk.conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	if (level == WEFT_IPPROTO_IPV6 && sock_ip6_has(name))
		return tcp_ip_set_ip6(conn, name, val, len);
	if (!want && !tcp_ip_has(level, name))
		return -ENOPROTOOPT;
	o = tcp_sockopts_get(conn);
	if (!o)
		return -ENOMEM;
	if (level == WEFT_IPPROTO_IP && name == WEFT_IP_OPTIONS)
		return tcp_ip_set_opts(conn, o, val, len);
	err = dgram_opt_int(level, val, len, &v);
	if (err)
		return err;
	return want ? tcp_ip_set_want(conn, o, want, v) : tcp_ip_set_pmtudisc(o, v);
}

static int opt_put(void *val, size_t *len, const void *from, size_t n)
{
	*len = *len < n ? *len : n;
	if (*len)
		memcpy(val, from, *len);
	return 0;
}

/* Of the path, as far as it is known; -ENOTCONN: there is none. */
static int tcp_ip_mtu(struct tcp_conn *conn, uint32_t *ret)
{
	if (!tcp_is_synced(conn) && conn->state != WEFT_TCP_SYN_SENT &&
	    conn->state != WEFT_TCP_SYN_RECV)
		return -ENOTCONN;
	if (!ip_dst_is_valid(conn->sk.stack, &conn->sk.dst) && tcp_route_sync(conn) < 0)
		return -ENOTCONN;
	*ret = conn->sk.dst.mtu;
	if (conn->pmtu)
		*ret = tcp_min(*ret, conn->pmtu);
	return 0;
}

static int tcp_ip_get_mtu(struct tcp_conn *conn, bool is_info, void *val, size_t *len)
{
	uint32_t mtu;
	int v, err = tcp_ip_mtu(conn, &mtu);

	if (err)
		return err;
	if (is_info)
		return sock_ip6_get_pathmtu(mtu, val, len);
	v = (int)mtu;
	return opt_put(val, len, &v, sizeof(v));
}

static int tcp_ip_get_ip6(struct tcp_conn *conn, int name, void *val, size_t *len)
{
	const struct tcp_sockopts *o = tcp_sockopts(conn);
	int v;

	if (conn->sk.conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	switch (name) {
	case WEFT_IPV6_MTU:
	case WEFT_IPV6_PATHMTU:
		return tcp_ip_get_mtu(conn, name == WEFT_IPV6_PATHMTU, val, len);
	case WEFT_IPV6_MTU_DISCOVER:
		v = o->pmtudisc;
		break;
	default:
		return sock_ip6_get(&conn->sk, &o->ip6, name, val, len);
	}
	return opt_put(val, len, &v, sizeof(v));
}

int tcp_ip_getopt(struct tcp_conn *conn, int level, int name, void *val, size_t *len)
{
	const struct tcp_sockopts *o = tcp_sockopts(conn);
	uint32_t want = dgram_want(&conn->sk, level, name);
	uint8_t bytes[IP4_OPTS_MAX];
	int v = !!(o->wants & want);

	if (want)
		return opt_put(val, len, &v, sizeof(v));
	if (level == WEFT_IPPROTO_IPV6)
		return tcp_ip_get_ip6(conn, name, val, len);
	switch (name) {
	case WEFT_IP_OPTIONS:
		return opt_put(val, len, bytes, ip4_opts_get(&o->ip4_opts, bytes));
	case WEFT_IP_MTU:
		return tcp_ip_get_mtu(conn, false, val, len);
	case WEFT_IP_MTU_DISCOVER:
		v = o->pmtudisc;
		break;
	default:
		return -ENOPROTOOPT;
	}
	return opt_put(val, len, &v, sizeof(v));
}
