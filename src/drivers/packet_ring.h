/* SPDX-License-Identifier: MIT */
/*
 * The receive ring of a packet socket: memory into which the kernel writes frames, and from which
 * they are read without a system call.
 *
 * How it works: there are two forms of it, after the kernel's versions of this interface.
 *
 *	slots (TPACKET_V2)   each frame in one of equal size; it is there at once
 *	blocks (TPACKET_V3)  frames one behind the other, as long as they are; a block is handed
 *	                     over when it is full, or after a time, which is latency
 *
 *	release ──► [ read, still held ] head ──► [ the kernel's, or to be read ] ──► release
 *
 * What packet_ring_next() gave stays as it is until packet_ring_release(). Where all is held the
 * kernel drops, and counts that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct packet_ring_conf {
	uint32_t ring_bytes; /* about so many in all */
	uint32_t frame_max;  /* bytes of the longest frame, with its Ethernet header */
	uint32_t timeout_ms; /* of blocks; 0: slots */
};

struct packet_ring {
	uint8_t *map;
	size_t map_bytes;
	uint32_t block_bytes, slot_bytes; /* slot_bytes 0: blocks */
	uint32_t slots_per_block;
	uint32_t n_units;  /* slots or blocks */
	uint32_t head;     /* the unit that is read next */
	uint32_t n_held;   /* units before it that the kernel has not got back */
	uint32_t n_left;   /* frames of the block at head that are to be read */
	const uint8_t *at; /* the next of them */
	uint32_t block_status;
};

/* A frame as the kernel gave it, without the VLAN tag that was in it. */
struct packet_frame {
	const uint8_t *bytes;
	uint32_t len;
	uint32_t full_len; /* as it was; more than `len`: it did not fit */
	uint32_t status;   /* TP_STATUS_* of packet(7) */
	uint16_t vlan_tci, vlan_tpid;
};

/* `fd` has all options that must be set before a ring is made. Returns 0; or -Exxx of setsockopt(2)
 * or mmap(2), after which packet_ring_close() is still right. */
int packet_ring_open(struct packet_ring *r, int fd, const struct packet_ring_conf *conf) MUST_CHECK;
void packet_ring_close(struct packet_ring *r);
/* False: there is none now. */
bool packet_ring_next(struct packet_ring *r, struct packet_frame *ret);
/* Gives the kernel back what was read to its end. */
void packet_ring_release(struct packet_ring *r);
