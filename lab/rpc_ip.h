/* SPDX-License-Identifier: MIT */
/* What the files of the `ip.*` methods share: rpc_ip.c shows, rpc_ip_set.c changes. */
#pragma once

#include "lab/rpc.h"
#include "weft/weft.h"

/* The stack of the node that the parameter `node` names; NULL: it has none of ours, and *ret is
 * what the method returns. */
struct weft_stack *rpc_ip_stack(struct rpc_call *call, int *ret);
/* The interface that the parameter `dev` names. NULL: there is none, and *ret is what the method
 * returns. */
struct weft_netif *rpc_ip_dev(struct rpc_call *call, struct weft_stack *st, int *ret);
/* Reads a parameter that is an address; with `ret_len`, a prefix or "default". One that is not
 * given leaves *ret_addr alone. False: *ret is what the method returns. */
bool rpc_ip_addr(struct rpc_call *call, const char *name, struct weft_addr *ret_addr,
		 uint8_t *ret_len, int *ret);
/* "kernel", "boot", "static" … or the number. */
const char *rpc_ip_proto(uint8_t proto, char buf[static 4]);
/* An address, "0.0.0.0" of no family. */
json_t *rpc_ip_addr_json(const struct weft_addr *addr);

int rpc_ip_addr_add(struct rpc_call *call) MUST_CHECK;
int rpc_ip_addr_del(struct rpc_call *call) MUST_CHECK;
int rpc_ip_link_set(struct rpc_call *call) MUST_CHECK;
int rpc_ip_route_add(struct rpc_call *call) MUST_CHECK;
int rpc_ip_route_del(struct rpc_call *call) MUST_CHECK;
int rpc_ip_neigh_set(struct rpc_call *call) MUST_CHECK;
int rpc_ip_neigh_del(struct rpc_call *call) MUST_CHECK;
