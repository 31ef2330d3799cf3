/* SPDX-License-Identifier: MIT */
/*
 * Redirects of IPv4 that a host heeds (RFC 792, RFC 1122 §3.2.2.2, RFC 1620): the gateway in use
 * says that another one on the link is nearer to a destination.
 *
 * As with IPv6 (redirect6.h), what a host has been told is a route to one destination, whatever the
 * message says of networks, of protocol "redirect", for REDIRECT4_S seconds from the last time it
 * was told; at most REDIRECT4_MAX of a stack, of which the oldest makes room. It goes when the new
 * gateway does not answer, and with the interface. Nothing is heeded while we forward packets, nor
 * with accept_redirects off.
 *
 * Who may say so: the gateway that the destination goes by now, on its link, about a packet from an
 * address of ours. The new gateway must be a unicast address of somebody else. Whoever is on the
 * link can forge all of that, and can forge ARP as well; from elsewhere it takes the gateway's
 * address as a source, which a border should not let pass (RFC 2827).
 */
#pragma once

#include "base/compiler.h"
#include "core/stack.h"
#include "wire/addr.h"
#include "wire/icmp4.h"

enum {
	REDIRECT4_MAX = 128,
	REDIRECT4_S = 300, /* Linux's net.ipv4.route.gc_timeout */
	REDIRECT4_METRIC = 1,
};

/* Of a stack. */
struct redirect4 {
	struct list entries; /* oldest first */
	uint32_t n_entries;
	struct wheel_timer timer; /* the oldest ends */
	struct stack *st;
};

void redirect4_init(struct stack *st);
/* Forgets those of an interface. */
void redirect4_flush(struct netif *netif);
/* A neighbour does not answer: what goes by it finds its way without. */
void redirect4_silent(struct netif *netif, struct ip4_addr via);
/* A redirect, checksum verified, `data` at its header. Takes `pkt` on DROP_NONE. */
enum drop redirect4_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			  const struct icmp4_hdr *icmp);
