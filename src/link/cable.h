/* SPDX-License-Identifier: MIT */
/*
 * A cable: a pair of interfaces joined by a wire without loss or delay, like a veth, whose ends are
 * in two engines, each run by a thread of its own.
 *
 * How it works: frames cross by value through two rings, one a direction (link/frame_ring.h);
 * nothing of one engine is ever referred to by the other. An end sends into its ring during the
 * engine's run and shows the frames to the other end at its end (netif_ops.flush), or every
 * FRAME_RING_BURST frames; then it knocks at the other end's door (core/door.h), which wakes an
 * engine that sleeps.
 *
 *	end 0                                                   end 1
 *	netif_tx -> [queue] -> ring 0->1 --publish, knock--> take -> netif_rx
 *	netif_rx <- take <--knock, publish-- ring 1->0 <- [queue] <- netif_tx
 *
 * A ring that is full holds the sender back: packets wait, whole, in the end's bounded queue, and
 * the receiver knocks when it has made room. At the queue's bound they are dropped with IF_TX_QUEUE
 * and counted.
 *
 * Memory: cable and rings are one object that three may hold, each end and who made it; the last
 * frees it. It is of the cable's own allocator, which must be usable from any of these threads.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/mem.h"

struct cable;
struct netif;
struct stack;

struct cable_config {
	uint32_t ring_bytes; /* each direction */
	uint32_t queue_pkts; /* packets that wait for room, each direction */
	mem_realloc_fn *realloc;
	void *mem_ctx;
};

/* 0; -ENOMEM; -EINVAL: ring_bytes out of FRAME_RING_BYTES_MIN to 2^30, or no packet may wait. */
int cable_new(const struct cable_config *cfg, struct cable **ret) MUST_CHECK;
/* The maker's hold ends. NULL is fine. */
void cable_unref(struct cable *cable);
/* End 0 or 1 becomes an interface, down, of a stack: on the thread of its engine. -EBUSY: it is one
 * or was; else as netif_add(). It has carrier while the other end is up. */
int cable_plug(struct cable *cable, int end, struct stack *st, const char *name,
	       struct netif **ret) MUST_CHECK;
