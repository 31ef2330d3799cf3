/* SPDX-License-Identifier: MIT */
/*
 * Groups: what a datagram socket receives and sends of multicast (ip(7), ipv6(7), RFC 3678), with
 * Linux's option numbers; and what interfaces have joined and a querier has heard.
 *
 * A socket gets a group's datagrams when its port and address match and, if it is a member itself,
 * when its filter takes their source; as in Linux it also gets those of groups that others on its
 * host have joined, until WEFT_IP_MULTICAST_ALL is 0.
 */
#pragma once

#include "weft/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options of level WEFT_IPPROTO_IP. */
enum {
	WEFT_IP_MULTICAST_IF = 32,   /* struct weft_ip_mreqn, its first 8 bytes, or an address */
	WEFT_IP_MULTICAST_TTL = 33,  /* 0 to 255, -1: the default, which is 1; 0: this host */
	WEFT_IP_MULTICAST_LOOP = 34, /* our own sockets hear what we send; default 1 */
	WEFT_IP_ADD_MEMBERSHIP = 35, /* struct weft_ip_mreqn, or its first 8 bytes */
	WEFT_IP_DROP_MEMBERSHIP = 36,
	WEFT_IP_UNBLOCK_SOURCE = 37, /* struct weft_ip_mreq_source */
	WEFT_IP_BLOCK_SOURCE = 38,
	WEFT_IP_ADD_SOURCE_MEMBERSHIP = 39,
	WEFT_IP_DROP_SOURCE_MEMBERSHIP = 40,
	WEFT_IP_MULTICAST_ALL = 49, /* also what this socket has not joined; default 1 */
};
/* Options of level WEFT_IPPROTO_IPV6. */
enum {
	WEFT_IPV6_MULTICAST_IF = 17, /* int: an interface's index */
	WEFT_IPV6_MULTICAST_HOPS = 18,
	WEFT_IPV6_MULTICAST_LOOP = 19,
	WEFT_IPV6_ADD_MEMBERSHIP = 20, /* struct weft_ipv6_mreq */
	WEFT_IPV6_DROP_MEMBERSHIP = 21,
	WEFT_IPV6_MULTICAST_ALL = 29,
};
/* Options of both levels. */
enum {
	WEFT_MCAST_JOIN_GROUP = 42,   /* struct weft_group_req */
	WEFT_MCAST_BLOCK_SOURCE = 43, /* struct weft_group_source_req */
	WEFT_MCAST_UNBLOCK_SOURCE = 44,
	WEFT_MCAST_LEAVE_GROUP = 45, /* struct weft_group_req */
	WEFT_MCAST_JOIN_SOURCE_GROUP = 46,
	WEFT_MCAST_LEAVE_SOURCE_GROUP = 47,
	WEFT_MCAST_MSFILTER =
		48, /* struct weft_group_filter and the sources behind it; to read too */
};
enum {
	WEFT_MCAST_EXCLUDE = 0,
	WEFT_MCAST_INCLUDE = 1,
};

/* As Linux's struct ip_mreqn. The interface: by index, else by an address of it, else by the route
 * to the group. */
struct weft_ip_mreqn {
	uint8_t multiaddr[4];
	uint8_t address[4];
	int ifindex;
};
struct weft_ip_mreq_source {
	uint8_t multiaddr[4];
	uint8_t interface[4];
	uint8_t sourceaddr[4];
};
struct weft_ipv6_mreq {
	uint8_t multiaddr[16];
	int ifindex;
};
/* RFC 3678 §5, with weft's addresses. ifindex 0: by the route. */
struct weft_group_req {
	uint32_t ifindex;
	struct weft_addr group;
};
struct weft_group_source_req {
	uint32_t ifindex;
	struct weft_addr group;
	struct weft_addr source;
};
struct weft_group_filter {
	uint32_t ifindex;
	struct weft_addr group;
	uint32_t fmode;  /* WEFT_MCAST_EXCLUDE or WEFT_MCAST_INCLUDE */
	uint32_t n_srcs; /* to read: in: room; out: how many there are */
	struct weft_addr srcs[];
};

/* A group that an interface receives, or that its querier has heard somebody on the link wants. */
struct weft_group_info {
	struct weft_netif *netif;
	struct weft_addr group;
	bool is_heard;      /* by the querier; else ours */
	uint32_t users;     /* ours: memberships of sockets */
	uint8_t fmode;      /* WEFT_MCAST_* */
	uint16_t n_srcs;    /* INCLUDE: wanted; EXCLUDE: not wanted */
	uint8_t version;    /* of the protocol that is spoken there: IGMP 1 to 3, MLD 1 or 2 */
	int64_t expires_ns; /* heard, EXCLUDE: unless it is reported again; else 0 */
};
WEFT_API void weft_groups(struct weft_stack *st,
			  void (*fn)(void *arg, const struct weft_group_info *info), void *arg);

#ifdef __cplusplus
}
#endif
