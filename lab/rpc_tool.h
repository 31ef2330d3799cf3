/* SPDX-License-Identifier: MIT */
/* What ping and traceroute share: where to, from where, and names of addresses. */
#pragma once

#include "lab/lab.h"
#include "lab/rpc.h"

enum {
	IP_QUOTED_MAX = 1600, /* bytes of an ICMP message that are looked at */
};

struct rpc_tool_route {
	struct lab_node *node;
	struct weft_addr dst, src;
	const char *dev; /* the interface that was asked for; NULL: none was */
	enum weft_route_type type;
};

/*
 * Reads `node`, `host`, `source` and `dev` and finds the way: a weft node, a name or address, and a
 * route. False: the call has been refused, and *ret is what the method returns.
 */
bool rpc_tool_route(struct rpc_call *call, struct rpc_tool_route *route, int *ret);
/* Time since 1970, now. */
int64_t rpc_tool_wall_ns(const struct lab *lab);
/* `{addr, name}`; without a name when nobody in the lab has the address. */
json_t *rpc_tool_host_json(const struct lab_node *node, const struct weft_addr *addr);
json_t *rpc_tool_addr_json(const struct weft_addr *addr);
