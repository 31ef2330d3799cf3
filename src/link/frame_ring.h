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
#include "core/door.h"
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
/*
 * The sending side: a ring with a bounded queue of packets that wait, whole, until it has room. It
 * is the netif_ops.flush of its owner that makes the other side see what was sent; in between it is
 * shown every FRAME_RING_BURST frames.
 */
struct frame_tx {
	struct rec_ring *ring;
	struct door *door; /* the other side's */
	struct pktq queue; /* the tag of each is in its cb */
	uint32_t queue_max;
	uint32_t n_hidden; /* put into the ring since it was last published */
};

void frame_tx_init(struct frame_tx *tx, struct rec_ring *ring, struct door *door,
		   uint32_t queue_max);
/* Frees what waits. */
void frame_tx_purge(struct frame_tx *tx);
/* DROP_NONE: takes `pkt`. IF_TX_QUEUE: ring and queue are full; IF_MTU: it is too long. */
enum drop frame_tx_send(struct frame_tx *tx, struct pkt *pkt, uint32_t tag) MUST_CHECK;
/* The same, but the packet stays the caller's, and nothing waits. */
enum drop frame_tx_copy(struct frame_tx *tx, const struct pkt *pkt, uint32_t tag) MUST_CHECK;
/* The end of a burst: publishes and knocks; what waits asks for room. */
void frame_tx_flush(struct frame_tx *tx);
/* Something waits, and room may have come since. */
static inline bool frame_tx_has_news(const struct frame_tx *tx)
{
	return !pktq_is_empty(&tx->queue) && rec_ring_has_room_news(tx->ring);
}

/* Takes the oldest; `data` at where it was. */
enum frame_got frame_ring_get(struct rec_ring *ring, struct pkt_pools *pools, struct pkt **ret,
			      uint32_t *ret_tag) MUST_CHECK;
