/* SPDX-License-Identifier: MIT */
/* Options of levels IP and IPv6 that datagram sockets have and streams do not (ip(7), ipv6(7)). */
#include <errno.h>
#include <string.h>

#include "transport/dgram.h"
#include "weft/socket.h"

static const struct {
	int level, name;
	uint32_t want;
} dgram_wants[] = {
	{WEFT_IPPROTO_IP, WEFT_IP_PKTINFO, DGRAM_WANTS_PKTINFO},
	{WEFT_IPPROTO_IP, WEFT_IP_RECVTTL, DGRAM_WANTS_TTL},
	{WEFT_IPPROTO_IP, WEFT_IP_RECVTOS, DGRAM_WANTS_TOS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVPKTINFO, DGRAM_WANTS_PKTINFO6},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVHOPLIMIT, DGRAM_WANTS_HOPLIMIT},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVTCLASS, DGRAM_WANTS_TCLASS},
};

/* The bit of an option that asks for control messages; 0: it is none of those. */
static uint32_t dgram_want(const struct sock *sk, int level, int name)
{
	if (level == WEFT_IPPROTO_IPV6 && sk->conn.family != WEFT_AF_INET6)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(dgram_wants); i++)
		if (dgram_wants[i].level == level && dgram_wants[i].name == name)
			return dgram_wants[i].want;
	return 0;
}

int dgram_setopt(struct sock *sk, int level, int name, const void *val, size_t len)
{
	struct dgram_sock *ds = dgram_of(sk);
	uint32_t want = dgram_want(sk, level, name);
	int v = 0;

	if (level == WEFT_SOL_SOCKET)
		return sock_bpf_setopt(sk->stack, &ds->bpf, name, val, len);
	if (!want)
		return dgram_mcast_setopt(ds, level, name, val, len);
	if (len == 0)
		return -EINVAL;
	/* As in Linux, a single byte will do. */
	if (len < sizeof(v))
		v = *(const uint8_t *)val;
	else
		memcpy(&v, val, sizeof(v));
	ds->wants = v ? ds->wants | want : ds->wants & ~want;
	return 0;
}

int dgram_getopt(struct sock *sk, int level, int name, void *val, size_t *len)
{
	uint32_t want = dgram_want(sk, level, name);
	int v;

	if (level == WEFT_SOL_SOCKET)
		return sock_bpf_getopt(&dgram_of(sk)->bpf, name, val, len);
	if (!want)
		return dgram_mcast_getopt(dgram_of(sk), level, name, val, len);
	v = !!(dgram_of(sk)->wants & want);
	*len = *len < sizeof(v) ? *len : sizeof(v);
	memcpy(val, &v, *len);
	return 0;
}
