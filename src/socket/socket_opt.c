/* SPDX-License-Identifier: MIT */
/*
 * Socket options that do not depend on the protocol: SOL_SOCKET and IPPROTO_IP, with Linux's
 * values, ranges and roundings. Everything else goes to the protocol.
 */
#include <errno.h>
#include <string.h>

#include "core/sysctl.h"
#include "socket/socket.h"
#include "transport/sock_table.h"
#include "transport/stamp.h"
#include "weft/intercept.h"
#include "weft/packet.h"
#include "weft/socket.h"
#include "wire/ip4.h"

/* An option that is an int, as most are. */
static int socket_opt_int(const void *val, size_t len, int *ret)
{
	if (len < sizeof(*ret))
		return -EINVAL;
	memcpy(ret, val, sizeof(*ret));
	return 0;
}

static int socket_opt_put(void *val, size_t *len, const void *from, size_t from_len)
{
	size_t n = *len < from_len ? *len : from_len;

	if (n)
		memcpy(val, from, n);
	*len = n;
	return 0;
}

static void socket_flag_set(struct sock *sk, uint32_t flag, bool on)
{
	sk->flags = on ? sk->flags | flag : sk->flags & ~flag;
}

static void socket_conn_flag_set(struct sock *sk, uint8_t flag, bool on)
{
	sk->conn.flags = (uint8_t)(on ? sk->conn.flags | flag : sk->conn.flags & ~flag);
}

/* Linux doubles what it is asked for, since memory behind the data counts too. */
static uint32_t socket_buf_bytes(int asked, uint32_t min, uint32_t max)
{
	uint32_t n = (uint32_t)asked < max ? (uint32_t)asked * 2 : max * 2;

	return n < min ? min : n;
}

static int socket_set_linger(struct sock *sk, const void *val, size_t len)
{
	struct weft_linger linger;

	if (len < sizeof(linger))
		return -EINVAL;
	memcpy(&linger, val, sizeof(linger));
	socket_flag_set(sk, SOCK_F_LINGER, linger.onoff);
	if (linger.linger_s < 0 || linger.linger_s > UINT16_MAX)
		sk->linger_s = UINT16_MAX;
	else
		sk->linger_s = (uint16_t)linger.linger_s;
	return 0;
}

static int socket_set_device(struct sock *sk, const void *val, size_t len)
{
	char name[NETIF_NAME_MAX] = {0};
	struct netif *netif;

	memcpy(name, val, len < sizeof(name) - 1 ? len : sizeof(name) - 1);
	netif = name[0] ? netif_find(sk->stack, name) : NULL;
	if (name[0] && !netif)
		return -ENODEV;
	sock_ifindex_set(sk, netif ? netif->index : 0);
	sk->dst = (struct ip_dst){0};
	return 0;
}

/* Each of the two replaces the other, and 0 ends both (socket(7)). */
static int socket_set_tstamp(struct sock *sk, int name, int v)
{
	socket_flag_set(sk, SOCK_F_TSTAMP, v != 0);
	socket_flag_set(sk, SOCK_F_TSTAMPNS, v != 0 && name == WEFT_SO_TIMESTAMPNS);
	return 0;
}

static int socket_set_int(struct sock *sk, int name, int v)
{
	switch (name) {
	case WEFT_SO_TIMESTAMP:
	case WEFT_SO_TIMESTAMPNS:
		return socket_set_tstamp(sk, name, v);
	case WEFT_SO_TIMESTAMPING:
		return stamp_set(sk, (uint32_t)v, 0);
	case WEFT_SO_REUSEADDR:
		socket_conn_flag_set(sk, CONN_F_REUSEADDR, v);
		return 0;
	case WEFT_SO_REUSEPORT:
		socket_conn_flag_set(sk, CONN_F_REUSEPORT, v);
		return 0;
	case WEFT_SO_BROADCAST:
		socket_flag_set(sk, SOCK_F_BROADCAST, v);
		return 0;
	case WEFT_SO_KEEPALIVE:
		socket_flag_set(sk, SOCK_F_KEEPALIVE, v);
		return 0;
	case WEFT_SO_OOBINLINE:
		socket_flag_set(sk, SOCK_F_OOBINLINE, v);
		return 0;
	case WEFT_SO_MARK:
		sk->mark = (uint32_t)v;
		sk->dst = (struct ip_dst){0};
		return 0;
	case WEFT_SO_OWNER:
		return sock_owner_set(sk, (uint32_t)v);
	case WEFT_SO_SNDBUF:
		sk->sndbuf_bytes = socket_buf_bytes(v, SOCK_SNDBUF_MIN, sk->stack->socks->wmem_max);
		return 0;
	case WEFT_SO_RCVBUF:
		sk->rcvbuf_bytes = socket_buf_bytes(v, SOCK_RCVBUF_MIN, sk->stack->socks->rmem_max);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int socket_set_socket(struct sock *sk, int name, const void *val, size_t len)
{
	int v, err;

	if (name == WEFT_SO_BINDTODEVICE)
		return socket_set_device(sk, val, len);
	err = socket_opt_int(val, len, &v);
	if (err)
		return err;
	if (name == WEFT_SO_LINGER)
		return socket_set_linger(sk, val, len);
	return socket_set_int(sk, name, v);
}

/* IP options may also be given in a single byte, and in none, which is 0. */
static int socket_set_ip(struct sock *sk, int name, const void *val, size_t len)
{
	int v = 0;

	if (len == 0 && name == WEFT_IP_TTL)
		return -EINVAL;
	if (len > 0 && len < sizeof(v))
		v = *(const uint8_t *)val;
	else if (len > 0)
		memcpy(&v, val, sizeof(v));
	switch (name) {
	case WEFT_IP_TOS:
		/* TCP sets the ECN field itself. */
		if (sk->proto->type == WEFT_SOCK_STREAM)
			v = (v & ~IP_ECN_MASK) | (sk->tos & IP_ECN_MASK);
		sk->tos = (uint8_t)v;
		sk->dst = (struct ip_dst){0};
		return 0;
	case WEFT_IP_TTL:
		if (v != -1 && (v < 1 || v > UINT8_MAX))
			return -EINVAL;
		sk->ttl = v == -1 ? 0 : (uint8_t)v;
		return 0;
	case WEFT_IP_TRANSPARENT:
		sk->flags =
			(sk->flags & ~(uint32_t)SOCK_F_TRANSPARENT) | (v ? SOCK_F_TRANSPARENT : 0u);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* Options of SOL_SOCKET that are the protocol's, which has what they are about. */
static bool socket_opt_is_protos(const struct sock *sk, int level, int name)
{
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_MAX_PACING_RATE)
		return true;
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_RCVLOWAT)
		return true;
	return level == WEFT_SOL_SOCKET && sk->proto->type != WEFT_SOCK_STREAM &&
	       (name == WEFT_SO_ATTACH_FILTER || name == WEFT_SO_DETACH_FILTER ||
		name == WEFT_SO_LOCK_FILTER);
}

/* What may be set, and what it means, follows from where a stream is. */
static bool socket_opt_needs_state(const struct sock *sk, int level, int name)
{
	return level == WEFT_SOL_SOCKET && name == WEFT_SO_TIMESTAMPING &&
	       sk->proto->type == WEFT_SOCK_STREAM;
}

static int socket_set_v6only(struct sock *sk, int v)
{
	if (sk->conn.port) /* bound already: too late, as in Linux */
		return -EINVAL;
	socket_conn_flag_set(sk, CONN_F_V6ONLY, v);
	return 0;
}

/* Hop limit and traffic class are kept where IPv4's are: a socket speaks one of the families to one
 * peer. */
static int socket_set_ip6(struct sock *sk, int name, const void *val, size_t len)
{
	int v, err;

	if (sk->conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	if (name != WEFT_IPV6_V6ONLY && name != WEFT_IPV6_UNICAST_HOPS &&
	    name != WEFT_IPV6_TCLASS && name != WEFT_IPV6_TRANSPARENT)
		return -ENOPROTOOPT;
	err = socket_opt_int(val, len, &v);
	if (err)
		return err;
	if (name == WEFT_IPV6_TRANSPARENT)
		return socket_set_ip(sk, WEFT_IP_TRANSPARENT, &v, sizeof(v));
	if (name == WEFT_IPV6_V6ONLY)
		return socket_set_v6only(sk, v);
	if (v < -1 || v > UINT8_MAX)
		return -EINVAL;
	if (name == WEFT_IPV6_UNICAST_HOPS) {
		sk->ttl = v == -1 ? 0 : (uint8_t)v;
		return 0;
	}
	v = v == -1 ? 0 : v;
	return socket_set_ip(sk, WEFT_IP_TOS, &v, sizeof(v));
}

int socket_setopt(struct sock *sk, int level, int name, const void *val, size_t len)
{
	int err;

	if (socket_opt_is_protos(sk, level, name) || socket_opt_needs_state(sk, level, name))
		return sk->proto->setopt ? sk->proto->setopt(sk, level, name, val, len)
					 : -ENOPROTOOPT;
	if (level == WEFT_SOL_SOCKET)
		err = socket_set_socket(sk, name, val, len);
	else if (level == WEFT_IPPROTO_IP)
		err = socket_set_ip(sk, name, val, len);
	else if (level == WEFT_IPPROTO_IPV6)
		err = socket_set_ip6(sk, name, val, len);
	else
		err = -ENOPROTOOPT;
	if (err == -ENOPROTOOPT && level != WEFT_SOL_SOCKET && sk->proto->setopt)
		return sk->proto->setopt(sk, level, name, val, len);
	if (!err && sk->proto->setopt)
		(void)sk->proto->setopt(sk, level, name, val, len);
	return err;
}

static bool socket_is_listening(const struct sock *sk)
{
	return sk->proto->type == WEFT_SOCK_STREAM && (sk->conn.flags & CONN_F_RECEIVES);
}

static int socket_get_int(struct sock *sk, int name, int *ret)
{
	switch (name) {
	case WEFT_SO_REUSEADDR:
		*ret = !!(sk->conn.flags & CONN_F_REUSEADDR);
		return 0;
	case WEFT_SO_REUSEPORT:
		*ret = !!(sk->conn.flags & CONN_F_REUSEPORT);
		return 0;
	case WEFT_SO_BROADCAST:
		*ret = !!(sk->flags & SOCK_F_BROADCAST);
		return 0;
	case WEFT_SO_KEEPALIVE:
		*ret = !!(sk->flags & SOCK_F_KEEPALIVE);
		return 0;
	case WEFT_SO_OOBINLINE:
		*ret = !!(sk->flags & SOCK_F_OOBINLINE);
		return 0;
	case WEFT_SO_MARK:
		*ret = (int)sk->mark;
		return 0;
	case WEFT_SO_OWNER:
		*ret = (int)sock_owner(sk);
		return 0;
	case WEFT_SO_SNDBUF:
		*ret = (int)sk->sndbuf_bytes;
		return 0;
	case WEFT_SO_RCVBUF:
		*ret = (int)sk->rcvbuf_bytes;
		return 0;
	case WEFT_SO_TIMESTAMP:
		*ret = (sk->flags & SOCK_F_TSTAMP) && !(sk->flags & SOCK_F_TSTAMPNS);
		return 0;
	case WEFT_SO_TIMESTAMPNS:
		*ret = !!(sk->flags & SOCK_F_TSTAMPNS);
		return 0;
	case WEFT_SO_TIMESTAMPING:
		*ret = (int)stamp_get(sk);
		return 0;
	case WEFT_SO_SNDLOWAT:
		*ret = 1;
		return 0;
	case WEFT_SO_TYPE:
		*ret = sk->proto->type;
		return 0;
	case WEFT_SO_PROTOCOL:
		*ret = sk->conn.proto;
		return 0;
	case WEFT_SO_DOMAIN:
		*ret = sk->conn.family;
		return 0;
	case WEFT_SO_ACCEPTCONN:
		*ret = socket_is_listening(sk);
		return 0;
	case WEFT_SO_ERROR:
		*ret = -sock_take_err(sk);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int socket_get_linger(const struct sock *sk, void *val, size_t *len)
{
	struct weft_linger linger = {
		.onoff = !!(sk->flags & SOCK_F_LINGER),
		.linger_s = sk->linger_s,
	};

	return socket_opt_put(val, len, &linger, sizeof(linger));
}

static int socket_get_device(const struct sock *sk, void *val, size_t *len)
{
	const struct netif *netif =
		sk->conn.ifindex ? netif_find_index(sk->stack, sk->conn.ifindex) : NULL;

	if (*len < NETIF_NAME_MAX)
		return -EINVAL;
	return netif ? socket_opt_put(val, len, netif->name, strlen(netif->name) + 1)
		     : socket_opt_put(val, len, NULL, 0);
}

static int socket_get_ip(const struct sock *sk, int name, int *ret)
{
	int64_t ttl = sk->ttl;

	switch (name) {
	case WEFT_IP_TOS:
		*ret = sk->tos;
		return 0;
	case WEFT_IP_TTL:
		if (ttl == 0 && sysctl_get(sk->stack, "net.ipv4.ip_default_ttl", &ttl))
			return -ENOPROTOOPT;
		*ret = (int)ttl;
		return 0;
	case WEFT_IP_TRANSPARENT:
		*ret = !!(sk->flags & SOCK_F_TRANSPARENT);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int socket_get_ip6(const struct sock *sk, int name, int *ret)
{
	int64_t hops = sk->ttl;

	if (sk->conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	switch (name) {
	case WEFT_IPV6_V6ONLY:
		*ret = !!(sk->conn.flags & CONN_F_V6ONLY);
		return 0;
	case WEFT_IPV6_TCLASS:
		*ret = sk->tos;
		return 0;
	case WEFT_IPV6_TRANSPARENT:
		*ret = !!(sk->flags & SOCK_F_TRANSPARENT);
		return 0;
	case WEFT_IPV6_UNICAST_HOPS:
		if (hops == 0 && sysctl_get(sk->stack, "net.ipv6.conf.all.hop_limit", &hops))
			return -ENOPROTOOPT;
		*ret = (int)hops;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* As in Linux, asking at a level that an IPv4 socket has not is another error. */
static bool socket_level_is_known(const struct sock *sk, int level)
{
	return sk->conn.family != WEFT_AF_INET || level == WEFT_SOL_SOCKET ||
	       level == WEFT_IPPROTO_IP || level == sk->conn.proto ||
	       (level == WEFT_SOL_RAW && sk->proto->type == WEFT_SOCK_RAW);
}

/* As in Linux, less than an int is a byte when an int's lowest is all of it. */
static void socket_opt_shorten(const void *val, size_t *len)
{
	const uint8_t *b = val;

	if (*len < 2 || *len >= sizeof(int))
		return;
	for (size_t i = 1; i < *len; i++)
		if (b[i])
			return;
	*len = 1;
}

int socket_getopt(struct sock *sk, int level, int name, void *val, size_t *len)
{
	int v, err;

	if (socket_opt_is_protos(sk, level, name))
		return sk->proto->getopt ? sk->proto->getopt(sk, level, name, val, len)
					 : -ENOPROTOOPT;
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_LINGER)
		return socket_get_linger(sk, val, len);
	if (level == WEFT_SOL_SOCKET && name == WEFT_SO_BINDTODEVICE)
		return socket_get_device(sk, val, len);
	if (level == WEFT_SOL_SOCKET)
		err = socket_get_int(sk, name, &v);
	else if (level == WEFT_IPPROTO_IP)
		err = socket_get_ip(sk, name, &v);
	else if (level == WEFT_IPPROTO_IPV6)
		err = socket_get_ip6(sk, name, &v);
	else
		err = -ENOPROTOOPT;
	if (err == -ENOPROTOOPT && level != WEFT_SOL_SOCKET && sk->proto->getopt)
		err = sk->proto->getopt(sk, level, name, val, len);
	else if (!err)
		err = socket_opt_put(val, len, &v, sizeof(v));
	if (err == -ENOPROTOOPT && !socket_level_is_known(sk, level))
		return -EOPNOTSUPP;
	if (!err && level == WEFT_IPPROTO_IP)
		socket_opt_shorten(val, len);
	return err;
}
