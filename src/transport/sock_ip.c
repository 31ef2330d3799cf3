/* SPDX-License-Identifier: MIT */
/* Options of levels IP and IPv6 that datagram sockets heed and streams keep; contracts in dgram.h.
 */
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
	{WEFT_IPPROTO_IP, WEFT_IP_RECVERR, DGRAM_WANTS_ERR},
	{WEFT_IPPROTO_IP, WEFT_IP_RECVOPTS, DGRAM_WANTS_OPTS},
	{WEFT_IPPROTO_IP, WEFT_IP_RETOPTS, DGRAM_WANTS_RETOPTS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVERR, DGRAM_WANTS_ERR6},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVPKTINFO, DGRAM_WANTS_PKTINFO6},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVHOPLIMIT, DGRAM_WANTS_HOPLIMIT},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVTCLASS, DGRAM_WANTS_TCLASS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVHOPOPTS, DGRAM_WANTS_HOPOPTS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVDSTOPTS, DGRAM_WANTS_DSTOPTS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVRTHDR, DGRAM_WANTS_RTHDR},
};

uint32_t dgram_want(const struct sock *sk, int level, int name)
{
	if (level == WEFT_IPPROTO_IPV6 && sk->conn.family != WEFT_AF_INET6)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(dgram_wants); i++)
		if (dgram_wants[i].level == level && dgram_wants[i].name == name)
			return dgram_wants[i].want;
	return 0;
}

int dgram_opt_int(int level, const void *val, size_t len, int *ret)
{
	*ret = 0;
	if (level == WEFT_IPPROTO_IPV6 && len < sizeof(*ret))
		return -EINVAL;
	if (len > 0 && len < sizeof(*ret))
		*ret = *(const uint8_t *)val;
	else if (len > 0)
		memcpy(ret, val, sizeof(*ret));
	return 0;
}
