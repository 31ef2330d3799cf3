/* SPDX-License-Identifier: MIT */
/* Options of levels IP and IPv6 that datagram sockets have and streams do not (ip(7), ipv6(7)). */
#include <errno.h>
#include <string.h>

#include "transport/dgram.h"
#include "weft/socket.h"

static bool dgram_is_opt(int level, int name, int ip4_name, int ip6_name)
{
	return level == WEFT_IPPROTO_IP ? name == ip4_name
					: level == WEFT_IPPROTO_IPV6 && name == ip6_name;
}

static int dgram_set_pmtudisc(struct dgram_sock *ds, int v)
{
	if (v < WEFT_IP_PMTUDISC_DONT || v > WEFT_IP_PMTUDISC_OMIT)
		return -EINVAL;
	ds->pmtudisc = (uint8_t)v;
	return 0;
}

/* The path's MTU, looked up anew when the route has changed (RFC 1191 §6.5). */
static int dgram_get_mtu(struct dgram_sock *ds, int *ret)
{
	struct sock *sk = &ds->sk;
	struct ip_addr src;
	int err = 0;

	if (!(sk->flags & SOCK_F_CONNECTED))
		return -ENOTCONN;
	if (!ip_dst_is_valid(sk->stack, &sk->dst))
		err = dgram_route_connect(ds, &sk->conn.raddr, &src);
	if (!err)
		*ret = sk->dst.mtu;
	return err;
}

/* As in Linux it is kept, and any datagram makes the socket readable. */
static int dgram_set_rcvlowat(struct dgram_sock *ds, const void *val, size_t len)
{
	int v;

	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	ds->rcvlowat = v < 0 ? INT32_MAX : v ? (uint32_t)v : 1;
	return 0;
}

static int dgram_set_opts(struct dgram_sock *ds, const void *val, size_t len)
{
	int err = ip4_opts_set(ds->sk.stack, &ds->opts, val, len);

	if (!err) /* a source route may lead another way */
		ds->sk.dst = (struct ip_dst){0};
	return err;
}

static int dgram_get_opts(const struct dgram_sock *ds, void *val, size_t *len)
{
	uint8_t bytes[IP4_OPTS_MAX];
	size_t n = ip4_opts_get(&ds->opts, bytes);

	*len = *len < n ? *len : n;
	if (*len)
		memcpy(val, bytes, *len);
	return 0;
}

int dgram_setopt(struct sock *sk, int level, int name, const void *val, size_t len)
{
	struct dgram_sock *ds = dgram_of(sk);
	uint32_t want = dgram_want(sk, level, name);
	int v = 0, err;

	if (level == WEFT_IPPROTO_IP && name == WEFT_IP_OPTIONS)
		return dgram_set_opts(ds, val, len);
	if (level == WEFT_IPPROTO_IPV6) {
		err = sock_ip6_set(sk, &ds->ip6, name, val, len);
		if (err != -ENOPROTOOPT)
			return err;
	}
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_RCVLOWAT)
		return dgram_set_rcvlowat(ds, val, len);
	if (level == WEFT_SOL_SOCKET)
		return sock_bpf_setopt(sk->stack, &ds->bpf, name, val, len);
	if (!want && !dgram_is_opt(level, name, WEFT_IP_MTU_DISCOVER, WEFT_IPV6_MTU_DISCOVER))
		return dgram_mcast_setopt(ds, level, name, val, len);
	err = dgram_opt_int(level, val, len, &v);
	if (err)
		return err;
	if (!want)
		return dgram_set_pmtudisc(ds, v);
	ds->wants = v ? ds->wants | want : ds->wants & ~want;
	if (want & (DGRAM_WANTS_ERR | DGRAM_WANTS_ERR6) && !v)
		errq_purge(sk, &ds->errq);
	return 0;
}

int dgram_getopt(struct sock *sk, int level, int name, void *val, size_t *len)
{
	uint32_t want = dgram_want(sk, level, name);
	struct dgram_sock *ds = dgram_of(sk);
	int v = !!(ds->wants & want), err = 0;

	if (level == WEFT_IPPROTO_IP && name == WEFT_IP_OPTIONS)
		return dgram_get_opts(ds, val, len);
	if (level == WEFT_IPPROTO_IPV6 && name == WEFT_IPV6_PATHMTU) {
		err = dgram_get_mtu(ds, &v);
		return err ? err : sock_ip6_get_pathmtu((uint32_t)v, val, len);
	}
	if (level == WEFT_IPPROTO_IPV6) {
		err = sock_ip6_get(sk, &ds->ip6, name, val, len);
		if (err != -ENOPROTOOPT)
			return err;
		err = 0;
	}
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_RCVLOWAT) {
		v = ds->rcvlowat ? (int)ds->rcvlowat : 1;
		*len = *len < sizeof(v) ? *len : sizeof(v);
		memcpy(val, &v, *len);
		return 0;
	}
	if (level == WEFT_SOL_SOCKET)
		return sock_bpf_getopt(&ds->bpf, name, val, len);
	if (dgram_is_opt(level, name, WEFT_IP_MTU_DISCOVER, WEFT_IPV6_MTU_DISCOVER))
		v = ds->pmtudisc;
	else if (dgram_is_opt(level, name, WEFT_IP_MTU, WEFT_IPV6_MTU))
		err = dgram_get_mtu(ds, &v);
	else if (!want)
		return dgram_mcast_getopt(ds, level, name, val, len);
	if (err)
		return err;
	*len = *len < sizeof(v) ? *len : sizeof(v);
	memcpy(val, &v, *len);
	return 0;
}
