/* SPDX-License-Identifier: MIT */
/*
 * Redirects of IPv6 (RFC 4861 §8): a router tells a host of a nearer first hop, and hosts heed it.
 *
 * What a host has been told is a route to one destination, of protocol "redirect", for
 * REDIRECT6_S seconds from the last time it was told; at most REDIRECT6_MAX of a stack, of which
 * the oldest makes room. It goes when the new first hop does not answer, and with the interface.
 */
#pragma once

#include "base/compiler.h"
#include "core/stack.h"
#include "ip/fib/fib6.h"
#include "wire/icmp6.h"
#include "wire/ip6.h"

enum {
	REDIRECT6_MAX = 128,
	REDIRECT6_S = 600,
	REDIRECT6_METRIC = 1,
};

/* Of a stack; all zero but the list is none. */
struct redirect6 {
	struct list entries; /* oldest first */
	uint32_t n_entries;
	struct wheel_timer timer; /* the oldest ends */
	struct stack *st;
};

void redirect6_init(struct stack *st);
/* Forgets those of an interface. */
void redirect6_flush(struct netif *netif);
/* A neighbour does not answer: what goes by it finds its way without. */
void redirect6_silent(struct netif *netif, const struct ip6_addr *via);

/* A packet of `hdr`, `data` at its header, leaves by the interface it came in on: tells its source,
 * if that is a neighbour, within the limits of errors. */
void redirect6_send(struct netif *netif, const struct pkt *pkt, const struct ip6_hdr *hdr,
		    const struct fib6_route *route);
/* A redirect, checksum verified. Takes `pkt` on DROP_NONE. */
enum drop redirect6_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			  const struct icmp6_hdr *icmp);
