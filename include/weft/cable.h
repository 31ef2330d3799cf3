/* SPDX-License-Identifier: MIT */
/*
 * Cables: wires between stacks of different engines, which different threads run.
 *
 * A cable is like weft_veth_new()'s pair, but each of its ends may be in an engine of its own.
 * Frames cross by value through bounded rings, super-packets whole, and wake an engine that sleeps
 * in its loop (weft/io.h; weft_engine_set_wake() for others). When a ring is full, packets wait in
 * the sender's queue; when that is full too, they are dropped with IF_TX_QUEUE and counted as
 * tx_dropped.
 *
 *	weft_cable_new(NULL, &cable);
 *	... on the thread of stack a:  weft_cable_plug(cable, 0, a, "eth0", &nif);
 *	... on the thread of stack b:  weft_cable_plug(cable, 1, b, "eth0", &nif);
 *	weft_cable_free(cable);
 *
 * Times differ by where engines stand: an end receives at its own engine's time. So a run with
 * cables is not the same each time, whatever the seeds; a simulation uses one engine.
 * doc/sharding.md has more.
 */
#pragma once

#include "weft/netif.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weft_cable;

struct weft_cable_config {
	uint32_t ring_bytes; /* of each direction, 256 KiB to 1 GiB; 0: 1 MiB */
	uint32_t queue_pkts; /* that wait for room in the ring, each direction; 0: 256 */
	/* Allocator of the cable itself, usable from every thread that has an end; as in struct
	 * weft_engine_config. */
	void *(*realloc)(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes);
	void *mem_ctx;
};

/* `cfg` NULL: all zero. 0; -EINVAL: ring_bytes out of range; -ENOMEM. */
WEFT_API int weft_cable_new(const struct weft_cable_config *cfg, struct weft_cable **ret);
/* The caller is done with the handle, when its plugs are plugged. The cable itself goes with the
 * last of its ends. NULL is fine. Any thread. */
WEFT_API void weft_cable_free(struct weft_cable *cable);
/*
 * Plugs in end 0 or 1, on the thread that owns the stack's engine: an interface (kind "cable"), MTU
 * 1500, up. It has carrier while the other end is there and up. It goes with its stack or by
 * weft_netif_del(); then the other end loses its carrier, and what is under way is lost.
 * -EBUSY: the end is plugged in, or was; -EINVAL: no such end, or a bad name; -EEXIST, -ENOMEM.
 */
WEFT_API int weft_cable_plug(struct weft_cable *cable, int end, struct weft_stack *st,
			     const char *name, struct weft_netif **ret);

#ifdef __cplusplus
}
#endif
