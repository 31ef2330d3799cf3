/* SPDX-License-Identifier: MIT */
/*
 * Coalescing on reception: frames of a flow that a driver has one by one become super-packets, so
 * that the layers above work once for many.
 *
 * How it works: the driver hands in the frames of a burst, which stay where they are in its ring or
 * buffer, and says when the burst is over. A frame that continues what is held of its flow is
 * remembered; one that cannot ends that, and goes up behind it. Only when a super-packet is
 * finished are its bytes copied, so each is copied once, as without it.
 *
 *	gro_rx ──► held, by flow: [ frame, frame, frame ]    GRO_GROUPS of them
 *	                └── the burst or the flow ends, PSH, a bound ──► copied ──► netif_rx
 *
 * Invariants: what goes up is, cut into frames again, what came, byte for byte (wire/gro.h says
 * what may be joined); frames of a flow stay in their order; nothing waits beyond the burst.
 * Datagrams are joined only while a socket of the stack asks for that (UDP_GRO).
 */
#pragma once

#include <stdint.h>

#include "base/list.h"
#include "pkt/pkt.h"
#include "wire/gso.h"

struct netif;

enum {
	GRO_GROUPS = 8,           /* flows at a time; another one ends the oldest */
	GRO_FRAMES_MAX = 64,      /* of a super-packet */
	GRO_IP_BYTES_MAX = 65535, /* what the length field of a super-packet can say */
};

/* Frames of one flow that follow each other. */
struct gro_group {
	struct list link;   /* gro->held, or gro->idle */
	struct gso_hdr hdr; /* of the first frame */
	uint32_t n_frames;
	uint32_t n_payload;
	uint16_t
		gso_size; /* payload of the first: the others have as much, the last perhaps less */
	enum pkt_csum csum[GRO_FRAMES_MAX];
	const uint8_t *frames[GRO_FRAMES_MAX];
	uint32_t lens[GRO_FRAMES_MAX];
};

struct gro {
	struct netif *netif;
	struct list held, idle; /* struct gro_group; held: in the order of their first frames */
	struct gro_group groups[GRO_GROUPS];
};

/* `netif` is borrowed; that it has NETIF_F_GRO, and that is not switched off, makes the difference.
 */
void gro_init(struct gro *gro, struct netif *netif);
/* A whole Ethernet frame, borrowed until gro_flush(). `csum` as in a packet; PARTIAL: that of TCP
 * or UDP is to be completed. Calls netif_rx(), now or later, and so may be called where that may.
 */
void gro_rx(struct gro *gro, const uint8_t *frame, uint32_t len, enum pkt_csum csum);
/* The burst is over: what is held goes up. */
void gro_flush(struct gro *gro);
/* The states of a packet that is a super-packet now: `data` at its headers, which gro_hdr_patch()
 * has written. */
void gro_pkt_set(struct pkt *pkt, const struct gso_hdr *hdr, uint16_t gso_size);
