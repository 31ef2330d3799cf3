/* SPDX-License-Identifier: MIT */
/*
 * What happens to a packet that goes from one stack to another inside the process: everything that
 * only the sender's stack knew is forgotten, as on a wire; its bytes, its journey and the states
 * that spare work (checksum, segmentation) stay.
 */
#pragma once

#include "core/netif.h"
#include "core/stack.h"
#include "pkt/pkt.h"

/* Of an interface that has nobody verify checksums, its stack does that, though we know it here. */
static inline void pkt_arrive(struct pkt *pkt, const struct netif *to)
{
	if (unlikely(pkt->csum == PKT_CSUM_VERIFIED && !netif_takes(to, NETIF_F_CSUM)))
		pkt->csum = PKT_CSUM_NONE;
}

static inline void pkt_cross(struct pkt *pkt, const struct netif *from, const struct netif *to)
{
	pkt->flags &= PKT_F_TRACED | PKT_F_SEEN;
	pkt->mark = 0;
	pkt->hash = 0;
	pkt->nexthop = (struct ip_addr){{0}};
	pkt_arrive(pkt, to);
	if (from->stack != to->stack)
		pkt_hop(pkt, HOP_STACK, to->stack->id);
}

/* An address for an interface of ours: random, locally administered, not a group. */
static inline struct eth_addr hwaddr_random(struct rng *rng)
{
	struct eth_addr addr;

	rng_bytes(rng, addr.b, sizeof(addr.b));
	addr.b[0] = 0x02;
	return addr;
}
