/* SPDX-License-Identifier: MIT */
/*
 * Packets through a ring between engines, by value: the bytes are copied, the states that spare
 * work (a checksum that is still to be completed, segmentation) come along, so a super-packet
 * crosses whole. Everything else begins anew on the other side, as on a wire: the packet there is
 * of that engine's pools, with a trace id and a journey of its own.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/rec_ring.h"
#include "pkt/pkt.h"

enum {
	FRAME_RING_MAX = BUF_L - PKT_HEADROOM, /* bytes of a frame */
	FRAME_RING_BYTES_MIN = 1 << 18,        /* of a ring that takes such */
	FRAME_RING_BYTES = 1 << 20,
	FRAME_RING_BURST = 32, /* frames after which the other side is shown them */
};

/* The packet's bytes from `data` on, with a word of the caller's. 0; -EAGAIN: the ring is full;
 * -EMSGSIZE: more than FRAME_RING_MAX. The packet stays the caller's. */
int frame_ring_put(struct rec_ring *ring, const struct pkt *pkt, uint32_t tag) MUST_CHECK;

enum frame_got {
	FRAME_GOT,
	FRAME_NONE, /* the ring is empty */
	FRAME_LOST, /* there was one, but no memory: it is gone */
};
/* Takes the oldest; `data` at where it was. */
enum frame_got frame_ring_get(struct rec_ring *ring, struct pkt_pools *pools, struct pkt **ret,
			      uint32_t *ret_tag) MUST_CHECK;
