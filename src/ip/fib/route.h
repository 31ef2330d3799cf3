/* SPDX-License-Identifier: MIT */
/* What routes of both families have in common; values as in Linux's rtnetlink, as `ip` shows them.
 */
#pragma once

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

/* How far the destination is. */
enum route_scope {
	ROUTE_SCOPE_UNIVERSE = 0,
	ROUTE_SCOPE_LINK = 253,
	ROUTE_SCOPE_HOST = 254,
};
