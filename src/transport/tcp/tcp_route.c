/* SPDX-License-Identifier: MIT */
/*
 * What a connection knows of its path: the cached route, and the segment size that fits (RFC 9293
 * §3.7.1, RFC 6691, RFC 1191).
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

uint16_t tcp_mss_default(const struct ip_addr *raddr)
{
	return ip_addr_is_ip4(raddr) ? TCP_MSS_DEFAULT : TCP_IP6_PMTU_MIN - TCP_IP6_HDRS;
}

uint16_t tcp_mtu_to_mss(const struct ip_addr *raddr, uint32_t mtu)
{
	uint32_t hdrs = ip_addr_is_ip4(raddr) ? TCP_IP4_HDRS : TCP_IP6_HDRS;
	uint32_t mss = mtu > hdrs ? mtu - hdrs : 0;

	return (uint16_t)tcp_max(tcp_min(mss, 65535 - hdrs), TCP_MSS_MIN);
}

void tcp_mss_sync(struct tcp_conn *conn)
{
	uint32_t mtu = conn->sk.dst.mtu ? conn->sk.dst.mtu : TCP_MSS_DEFAULT + TCP_IP4_HDRS;
	uint32_t mss;

	if (conn->pmtu)
		mtu = tcp_min(mtu, conn->pmtu);
	if (unlikely(conn->sockopts && conn->sockopts->ip6.mtu) &&
	    !ip_addr_is_ip4(&conn->sk.conn.raddr))
		mtu = tcp_min(mtu, conn->sockopts->ip6.mtu);
	mss = tcp_mtu_to_mss(&conn->sk.conn.raddr, mtu);
	if (tcp_sockopts(conn)->mss_user)
		mss = tcp_min(mss, tcp_sockopts(conn)->mss_user);
	if (!conn->advmss)
		conn->advmss = (uint16_t)mss;
	if (conn->mss_peer)
		mss = tcp_min(mss, conn->mss_peer);
	if (unlikely(conn->sockopts)) /* RFC 6691 §2: options of IP take from the segment */
		mss -= tcp_min(tcp_ip_opts_len(conn), mss);
	if (unlikely(conn->flags & TCPC_MTUP))
		mss = tcp_min(mss, tcp_mtu_to_mss(&conn->sk.conn.raddr, tcp_mtup_clip(conn, mtu)));
	mss = tcp_max(mss, tcp_conf(conn)->min_snd_mss);
	if (conn->flags & TCPC_TS)
		mss -= TCP_OPTS_TS_LEN;
	conn->mss = (uint16_t)mss;
	cc_set_mss(&conn->cc, mss);
}

void tcp_pmtu_learn(struct tcp_conn *conn, uint32_t mtu)
{
	bool is_ip4 = ip_addr_is_ip4(&conn->sk.conn.raddr);
	uint32_t least = is_ip4 ? tcp_conf(conn)->min_pmtu : TCP_IP6_PMTU_MIN;

	/* Anybody who can guess a sequence number may have sent the error, so it must not make us
	 * send crumbs: below the floor, which every sane link carries, routers may fragment. */
	if (mtu < least)
		conn->flags |= TCPC_PMTU_FLOOR;
	conn->pmtu = (uint16_t)tcp_min(tcp_max(mtu, least), 65535);
	ip_pmtu_learn(conn->sk.stack, &conn->sk.conn.raddr, mtu);
	conn->pmtu_s = (uint16_t)(tcp_now(conn) / TCP_NS_PER_S);
	tcp_mss_sync(conn);
}

void tcp_pmtu_age(struct tcp_conn *conn)
{
	uint16_t age_s = (uint16_t)((uint16_t)(tcp_now(conn) / TCP_NS_PER_S) - conn->pmtu_s);

	if (age_s < tcp_conf(conn)->mtu_expires_s)
		return;
	conn->pmtu = 0;
	conn->flags &= ~(uint32_t)TCPC_PMTU_FLOOR;
	tcp_mss_sync(conn);
}

/* Options of IPv4 or extension headers of IPv6 that segments have; NULL: none. */
const struct ip4_opts *tcp_ip4_opts(const struct tcp_conn *conn, const struct ip_addr *dst)
{
	const struct tcp_sockopts *o = conn->sockopts;

	return unlikely(o && o->ip4_opts.len) && ip_addr_is_ip4(dst) ? &o->ip4_opts : NULL;
}

const struct ip6_exts *tcp_exts(const struct tcp_conn *conn, const struct ip_addr *dst)
{
	const struct tcp_sockopts *o = conn->sockopts;

	return unlikely(o && o->ip6.exts) && !ip_addr_is_ip4(dst) ? o->ip6.exts : NULL;
}

uint32_t tcp_ip_opts_len(const struct tcp_conn *conn)
{
	const struct ip4_opts *opts = tcp_ip4_opts(conn, &conn->sk.conn.raddr);
	const struct ip6_exts *exts = tcp_exts(conn, &conn->sk.conn.raddr);

	if (exts)
		return ip6_exts_len(exts);
	return opts ? opts->len : 0;
}

struct ip_addr tcp_via(const struct tcp_conn *conn, const struct ip_addr *dst)
{
	struct ip_addr via = ip4_opts_via(tcp_ip4_opts(conn, dst), dst);

	return ip6_exts_via(tcp_exts(conn, dst), &via);
}

static struct ip_flow tcp_flow(const struct tcp_conn *conn)
{
	return (struct ip_flow){
		.dst = tcp_via(conn, &conn->sk.conn.raddr),
		.src = conn->sk.conn.laddr,
		.oif = conn->sk.conn.ifindex,
		.mark = conn->sk.mark,
		.tos = conn->sk.tos,
		.proto = IP_PROTO_TCP,
	};
}

struct route_metrics tcp_route_metrics(const struct tcp_conn *conn)
{
	struct ip_flow flow = tcp_flow(conn);

	if (likely(!conn->sk.dst.has_metrics))
		return (struct route_metrics){0};
	return ip_route_metrics(conn->sk.stack, &flow);
}

void tcp_route_begin(struct tcp_conn *conn)
{
	struct route_metrics m = tcp_route_metrics(conn);
	const struct cc_ops *ops = m.congctl ? cc_at(m.congctl - 1u) : NULL;

	if (ops)
		(void)!tcp_cc_set(conn, ops);
	if (m.features & ROUTE_FEATURE_ECN)
		conn->ecn |= TCP_ECN_ROUTE;
}

int tcp_route_sync(struct tcp_conn *conn)
{
	struct ip_flow flow = tcp_flow(conn);
	struct ip_addr src;
	struct ip_dst dst;
	int err = ip_route(conn->sk.stack, &flow, &dst, &src);

	if (err)
		return err;
	conn->sk.dst = dst;
	conn->gso_max = (uint16_t)tcp_min(dst.netif->gso_max_bytes, 65535);
	tcp_mss_sync(conn);
	return 0;
}
