/* SPDX-License-Identifier: MIT */
/*
 * Sharded nodes: several stacks, each run by a thread of its own, that are one host with the same
 * addresses, so that one server uses several cores.
 *
 * Flows are steered to a stack (a shard) by a keyed hash that is the same for both directions. The
 * application does in each shard what it would do in one stack: the same interface with the same
 * addresses, routes and settings, and a listening socket on the same port; each accepts what is
 * steered to it, as sockets with WEFT_SO_REUSEPORT share a port. What is different:
 *
 * - A socket that connects without a port of its own gets one for which the answers come to its
 *   shard. One bound to a port that leads elsewhere does not connect: -EADDRNOTAVAIL.
 * - A socket that has a port without a peer (bound to port 0; datagrams without connect; echo
 *   sockets' identifiers) gets one of own_first to own_last. Each port there belongs to one shard,
 *   whoever the peer is; binding another shard's is -EADDRINUSE. So a service that is to be in one
 *   shard only has its port there; a listener of only some shards on any other port gets its
 *   share of the connections, and the other shards reset theirs.
 * - Multicasts and broadcasts reach every shard, and so a socket in each that wants them.
 * - Shard 0, or the lowest that lives, speaks for all: it answers ARP, announces addresses, asks
 *   for routers. Bounds of a stack (ICMP rate limits, net.limit.*) hold in each shard by itself.
 *
 *	weft_shards_new(&cfg, &node);
 *	... for each shard, on the thread of its engine:
 *	weft_shard_new(node, i, eng, "server", &st);
 *	weft_shard_port(st, 0, "eth0", &eth0);          its interface, with address and routes
 *	weft_shard_uplink(st, 0, queue);                what carries the frames, if it has one
 *	...
 *	weft_shards_free(node);
 *
 * weft_stack_free() takes a shard away for good, before the stacks of its uplinks: its connections
 * are reset, and what comes for them, and for new ones, goes to those that are left, who reset it
 * or serve it. doc/sharding.md has the design and what it costs.
 */
#pragma once

#include "weft/netif.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	WEFT_SHARDS_MAX = 16,
	WEFT_SHARD_PORTS = 4,
};

struct weft_shards;

struct weft_shards_config {
	uint32_t n_shards;   /* 1 to WEFT_SHARDS_MAX */
	uint32_t ring_bytes; /* each way between two shards, 256 KiB to 1 GiB; 0: 1 MiB */
	uint32_t queue_pkts; /* that wait for room in such a ring; 0: 256 */
	/* Local ports that belong to one shard each (port modulo n_shards); it must meet the
	 * shards' net.ipv4.ip_local_port_range. Both 0: 49152 to 65535. */
	uint16_t own_first, own_last;
	/* The secret key of the hash, as in struct weft_engine_config; one must be given. Nodes
	 * with one seed steer alike, and have the same hardware addresses, if
	 * weft_netif_set_mac() does not give them others. */
	bool has_seed;
	uint64_t seed;
	int (*entropy)(void *ctx, void *buf, size_t len);
	void *entropy_ctx;
	/* Allocator of what the shards share, usable from each of their threads. */
	void *(*realloc)(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes);
	void *mem_ctx;
};

/* 0; -EINVAL: n_shards, ring_bytes or ports out of range, or neither seed nor entropy; -ENOMEM; or
 * what `entropy` returned. */
WEFT_API int weft_shards_new(const struct weft_shards_config *cfg, struct weft_shards **ret);
/* The caller is done with the handle. The node itself goes with the last of its shards. NULL is
 * fine. Any thread. */
WEFT_API void weft_shards_free(struct weft_shards *node);
/* The shard that has a flow: protocol (6, 17; 1 and 58: echo, with the identifier as both ports),
 * local and remote endpoint. Any thread. -EAFNOSUPPORT. */
WEFT_API int weft_shards_of(const struct weft_shards *node, uint8_t proto,
			    const struct weft_sockaddr *local, const struct weft_sockaddr *remote);

/* Makes shard `index`, an ordinary stack, on the thread that owns `eng`; each once. -EINVAL: no
 * such index; -EBUSY: there is, or was, that shard; -ENOMEM. */
WEFT_API int weft_shard_new(struct weft_shards *node, uint32_t index, struct weft_engine *eng,
			    const char *name, struct weft_stack **ret);
/* Port `no` (0 to WEFT_SHARD_PORTS - 1) as an interface of the shard (kind "shard"), MTU 1500, up;
 * the same hardware address in each shard. It has carrier while some shard has an uplink for it.
 * -EINVAL: no shard, no such port, or a bad name; -EBUSY: it has it already; -EEXIST, -ENOMEM. */
WEFT_API int weft_shard_port(struct weft_stack *st, uint32_t no, const char *name,
			     struct weft_netif **ret);
/* `nif`, an Ethernet interface of another stack of the same engine, carries the port's frames from
 * now on, until it is deleted. That stack has no addresses; IPv6 is turned off on `nif`. All
 * uplinks of a port lead to the same network, as the queues of one device. A shard without one
 * sends through the lowest shard that has one. -EINVAL: an interface of the shard itself, of
 * another engine or of no Ethernet; -EBUSY: the port has one, or `nif` is an uplink or a bridge's.
 */
WEFT_API int weft_shard_uplink(struct weft_stack *st, uint32_t no, struct weft_netif *nif);

/* Frames; super-packets count once. */
struct weft_shard_stats {
	uint64_t own;     /* of the own uplinks, for this shard */
	uint64_t away;    /* of the own uplinks, for others; a copy for each of all */
	uint64_t in;      /* handed over by other shards */
	uint64_t out;     /* sent through another shard's uplink */
	uint64_t again;   /* datagrams that were steered again when their fragments had come */
	uint64_t dropped; /* a ring was full, or no shard had an uplink */
	uint64_t quiet;   /* the first shard's to say, and not sent */
};
/* Of a stack that is no shard: zeroes. */
WEFT_API void weft_shard_stats(const struct weft_stack *st, struct weft_shard_stats *ret);

#ifdef __cplusplus
}
#endif
