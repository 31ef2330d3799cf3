/* SPDX-License-Identifier: MIT */
/* Raw sockets: options, with Linux's numbers and errors. */
#include <errno.h>
#include <string.h>

#include "transport/raw.h"
#include "weft/socket.h"
#include "wire/ip4.h"

static int raw_int(const void *val, size_t len, int *ret)
{
	if (len < sizeof(*ret))
		return -EINVAL;
	memcpy(ret, val, sizeof(*ret));
	return 0;
}

/* Linux takes a shorter mask, and leaves the rest as it was. */
static int raw_set_mask(void *mask, size_t size, const void *val, size_t len)
{
	if (len > size)
		len = size;
	if (len)
		memcpy(mask, val, len);
	return 0;
}

static int raw_get(void *val, size_t *len, const void *from, size_t from_len)
{
	if (*len > from_len)
		*len = from_len;
	if (*len)
		memcpy(val, from, *len);
	return 0;
}

static bool raw_is_icmp(const struct sock *sk, int proto)
{
	return sk->conn.proto == proto;
}

/* Of ICMPv6 the place is fixed (RFC 3542 §3.1). */
static int raw_set_csum(struct raw_sock *rs, int level, int off)
{
	if (rs->ds.sk.conn.proto == IP_PROTO_ICMPV6 && (level == WEFT_IPPROTO_IPV6 || off != 2))
		return -EINVAL;
	if (off > 0 && (off & 1))
		return -EINVAL;
	rs->csum_off = off < 0 ? -1 : off;
	return 0;
}

static bool raw_is_csum(const struct sock *sk, int level, int name)
{
	return sk->conn.family == WEFT_AF_INET6 && name == WEFT_IPV6_CHECKSUM &&
	       (level == WEFT_IPPROTO_IPV6 || level == WEFT_SOL_RAW);
}

int raw_setopt(struct sock *sk, int level, int name, const void *val, size_t len)
{
	struct raw_sock *rs = raw_of(sk);
	int v, err;

	if (level == WEFT_IPPROTO_IP && name == WEFT_IP_HDRINCL &&
	    sk->conn.family == WEFT_AF_INET) {
		err = raw_int(val, len, &v);
		if (!err)
			rs->has_hdr = v;
		return err;
	}
	if (raw_is_csum(sk, level, name)) {
		err = raw_int(val, len, &v);
		return err ? err : raw_set_csum(rs, level, v);
	}
	if (level == WEFT_SOL_RAW && name == WEFT_ICMP_FILTER)
		return raw_is_icmp(sk, IP_PROTO_ICMP)
			       ? raw_set_mask(&rs->icmp_block, sizeof(rs->icmp_block), val, len)
			       : -EOPNOTSUPP;
	if (level == WEFT_IPPROTO_ICMPV6 && name == WEFT_ICMP6_FILTER)
		return raw_is_icmp(sk, IP_PROTO_ICMPV6)
			       ? raw_set_mask(rs->icmp6_block, sizeof(rs->icmp6_block), val, len)
			       : -EOPNOTSUPP;
	return dgram_setopt(sk, level, name, val, len);
}

int raw_getopt(struct sock *sk, int level, int name, void *val, size_t *len)
{
	const struct raw_sock *rs = raw_of(sk);
	int v = rs->has_hdr;

	if (level == WEFT_IPPROTO_IP && name == WEFT_IP_HDRINCL && sk->conn.family == WEFT_AF_INET)
		return raw_get(val, len, &v, sizeof(v));
	if (raw_is_csum(sk, level, name)) {
		v = rs->csum_off;
		return raw_get(val, len, &v, sizeof(v));
	}
	if (level == WEFT_SOL_RAW && name == WEFT_ICMP_FILTER)
		return raw_is_icmp(sk, IP_PROTO_ICMP)
			       ? raw_get(val, len, &rs->icmp_block, sizeof(rs->icmp_block))
			       : -EOPNOTSUPP;
	if (level == WEFT_IPPROTO_ICMPV6 && name == WEFT_ICMP6_FILTER)
		return raw_is_icmp(sk, IP_PROTO_ICMPV6)
			       ? raw_get(val, len, rs->icmp6_block, sizeof(rs->icmp6_block))
			       : -EOPNOTSUPP;
	return dgram_getopt(sk, level, name, val, len);
}
