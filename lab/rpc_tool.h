/* SPDX-License-Identifier: MIT */
/* What ping and traceroute share: where to, from where, and names of addresses. */
#pragma once

#include "lab/icmp_seen.h"
#include "lab/lab.h"
#include "lab/rpc.h"

enum {
	IP_QUOTED_MAX = 1600, /* bytes of an ICMP message that are looked at */
};

struct rpc_tool_route {
	struct lab_node *node;
	struct weft_addr dst, src;
	const char *dev;   /* the interface that was asked for; NULL: none was */
	uint32_t scope_id; /* of `dst` and `src` where they are of one link; else 0 */
	enum weft_route_type type;
};

/*
 * Reads `node`, `host`, `family`, `source` and `dev` and finds the way: a weft node, a name or
 * address (`fe80::1%eth0` too), and a route. Of the addresses of a name, the best destination by
 * RFC 6724 is taken. False: the call has been refused, and *ret is what the method returns.
 */
bool rpc_tool_route(struct rpc_call *call, struct rpc_tool_route *route, int *ret);
/* Time since 1970, now. */
int64_t rpc_tool_wall_ns(const struct lab *lab);
/* `{addr, name}`; without a name when nobody in the lab has the address. A link-local address has
 * its interface behind it, `scope_id`. */
json_t *rpc_tool_host_json(const struct lab_node *node, const struct weft_addr *addr,
			   uint32_t scope_id);
json_t *rpc_tool_addr_json(const struct weft_addr *addr);

/*
 * Sockets of probes, of the route's family.
 */

/* An ICMP socket, or one of UDP, with the source, interface and type of service that were asked
 * for. 0 or -Exxx; then *ret may be a socket all the same, to be closed. */
int rpc_tool_sock_open(const struct rpc_tool_route *route, bool is_udp, int tos,
		       struct weft_sock **ret) MUST_CHECK;
/* Time to live, hop limit. */
int rpc_tool_sock_ttl(struct weft_sock *sock, const struct weft_addr *dst, int ttl) MUST_CHECK;
/* Echo request number `seq`, the payload behind its first 8 bytes is there. */
void rpc_tool_echo_fill(const struct weft_addr *dst, uint8_t *message, size_t len, uint16_t id,
			uint16_t seq);
/* The next thing that the ICMP socket has heard, cut to IP_QUOTED_MAX bytes: 0; -ENOMSG, -EBADMSG:
 * it is nothing of ours; -EAGAIN, and other errors of sockets. */
int rpc_tool_icmp_recv(struct weft_sock *sock, const struct weft_addr *dst,
		       struct icmp_seen *ret) MUST_CHECK;
