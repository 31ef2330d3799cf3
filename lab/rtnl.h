/* SPDX-License-Identifier: MIT */
/*
 * The few rtnetlink(7) requests that set up a kernel node: link up, MAC, MTU, addresses, routes.
 * Every call waits for the kernel's answer and returns it: 0 or -Exxx.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "lab/addr.h"

struct rtnl {
	int fd;
	uint32_t seq;
};

/* Opens a socket in the calling thread's network namespace. 0 or -Exxx. */
int rtnl_open(struct rtnl *nl) MUST_CHECK;
void rtnl_close(struct rtnl *nl);

/* Brings an interface up; `mac` NULL and mtu 0 leave what it has. */
int rtnl_link_up(struct rtnl *nl, int ifindex, const uint8_t *mac, uint32_t mtu) MUST_CHECK;
/* How many frames may wait to be sent; of a TAP, to be read. */
int rtnl_link_queue(struct rtnl *nl, int ifindex, uint32_t n_frames) MUST_CHECK;
int rtnl_addr_add(struct rtnl *nl, int ifindex, const struct lab_net *net) MUST_CHECK;
/* What a route says besides; 0 and NULL: nothing. */
struct rtnl_metrics {
	uint32_t metric;
	uint32_t mtu;
	uint32_t initcwnd;
	const char *congctl; /* less than 16 bytes; a longer one is refused */
};
/* `via` may be NULL (on-link), ifindex 0 (found from the gateway). */
int rtnl_route_add(struct rtnl *nl, const struct lab_net *dst, const struct lab_ip *via,
		   int ifindex, const struct rtnl_metrics *m) MUST_CHECK;
