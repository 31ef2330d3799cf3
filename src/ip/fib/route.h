/* SPDX-License-Identifier: MIT */
/* What routes of both families have in common; values as in Linux's rtnetlink, as `ip` shows them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum route_type {
	ROUTE_UNICAST = 1,
	ROUTE_LOCAL = 2,     /* an address of ours: deliver */
	ROUTE_BROADCAST = 3, /* deliver, and send as link-layer broadcast */
	ROUTE_BLACKHOLE = 6,
	ROUTE_UNREACHABLE = 7,
	ROUTE_PROHIBIT = 8,
};

/* Who made a route. */
enum route_proto {
	ROUTE_PROTO_REDIRECT = 1, /* a router said that there is a nearer one */
	ROUTE_PROTO_KERNEL = 2,   /* the stack itself: connected, local and broadcast routes */
	ROUTE_PROTO_BOOT = 3,     /* by hand, as `ip route add` */
	ROUTE_PROTO_STATIC = 4,   /* configuration; routing daemons use their own numbers */
	ROUTE_PROTO_RA = 9,       /* router advertisements */
};

enum {
	ROUTE_FEATURE_ECN = 1, /* as RTAX_FEATURE_ECN */
};

/* What a route says of the traffic that takes it; 0: nothing, the stack's settings hold. */
struct route_metrics {
	uint16_t mtu;      /* bytes; no more than the interface's */
	uint16_t initcwnd; /* segments */
	uint8_t congctl;   /* congestion control of TCP: one more than its index */
	uint8_t features;  /* ROUTE_FEATURE_* */
};

static inline bool route_metrics_are_set(const struct route_metrics *m)
{
	return m->mtu || m->initcwnd || m->congctl || m->features;
}

/* How far the destination is. */
enum route_scope {
	ROUTE_SCOPE_UNIVERSE = 0,
	ROUTE_SCOPE_LINK = 253,
	ROUTE_SCOPE_HOST = 254,
};
