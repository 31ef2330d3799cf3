/* SPDX-License-Identifier: MIT */
/*
 * A sharded node: several stacks, each in an engine and on a thread of its own, that are one host
 * to everybody else, with the same addresses. core/steer.h says which of them has what.
 *
 * How it works
 * - Each stack (shard) has the same interfaces, called ports and numbered from 0, with the same
 *   hardware address. What carries a port's frames is an *uplink*: an interface of another stack of
 *   the shard's engine (a TAP's queue, a cable, a veth), whose frames come here instead of to that
 *   stack, as those of a bridge's ports do. One shard, some, or all have an uplink for a port; all
 *   uplinks of a port lead to the same network, as the queues of one device do.
 * - A frame that an uplink brings is steered: to the own shard as it is, to another one by value
 *   through the ring between the two (link/frame_ring.h), to all of them by copies.
 * - A shard sends through its own uplink; without one through the ring to the lowest that has one.
 *   What the speaker alone says (core/steer.h) is dropped from the others, silently.
 * - A datagram that came in fragments is steered again when it is whole.
 *
 *	uplink 0 --> steer --own--> port of shard 0        one engine, one thread
 *	               |  ^
 *	            ring 0->1, ring 1->0
 *	               v  |
 *	uplink 1 --> steer --own--> port of shard 1        another one
 *
 * Between each two shards there are two rings. Frames wait, bounded, when one is full, and are
 * dropped with IF_TX_QUEUE and counted when too many do.
 *
 * Memory: as a cable's (link/cable.h): one object, freed by the last of the shards and who made it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/steer.h"

struct netif;
struct shards;
struct stack;

enum {
	SHARD_PORTS = 4,
};

struct shards_config {
	struct siphash_key key;
	uint32_t n_shards;   /* 1 to STEER_SHARDS_MAX */
	uint32_t ring_bytes; /* each direction between two shards */
	uint32_t queue_pkts; /* packets that wait for room in such a ring */
	uint16_t own_first, own_last;
	mem_realloc_fn *realloc;
	void *mem_ctx;
};

struct shard_stats {
	uint64_t n_own;     /* frames of the own uplinks for this shard */
	uint64_t n_away;    /* … for others, or copies for all */
	uint64_t n_in;      /* frames that other shards handed over */
	uint64_t n_out;     /* frames sent through another shard's uplink */
	uint64_t n_again;   /* datagrams steered again when they were whole */
	uint64_t n_dropped; /* frames that found a ring full, or no uplink */
	uint64_t n_quiet;   /* frames that are the speaker's to send */
};

/* 0; -EINVAL: n_shards, ring_bytes or the ports are out of range; -ENOMEM. */
int shards_new(const struct shards_config *cfg, struct shards **ret) MUST_CHECK;
/* The maker's hold ends. NULL is fine. */
void shards_unref(struct shards *node);
const struct steer *shards_steer(const struct shards *node);

/* On the thread of the stack's engine: it becomes shard `index`, once and until it is freed.
 * -EINVAL: no such index; -EBUSY: somebody is or was it, or the stack is a shard. */
int shard_join(struct shards *node, uint32_t index, struct stack *st) MUST_CHECK;
/* Port `no` becomes an interface, down, of the shard. -EINVAL: there is none so high; -EBUSY; else
 * as netif_add(). It has carrier while any shard has an uplink for it. */
int shard_port_new(struct stack *st, uint32_t no, const char *name, struct netif **ret) MUST_CHECK;
/* `netif`, of another stack of the engine, becomes the port's uplink until it goes. -EINVAL: of
 * another engine, of this stack, no Ethernet, no such port; -EBUSY: there is one, or it is another
 * port's or a bridge's. */
int shard_uplink_add(struct stack *st, uint32_t no, struct netif *netif) MUST_CHECK;
/* The interface is no uplink any more; fine when it was none. */
void shard_uplink_del(struct netif *netif);
/* The stack goes, its interfaces have: it leaves. Fine when it is no shard. */
void shard_fini(struct stack *st);
void shard_stats(const struct stack *st, struct shard_stats *ret);
