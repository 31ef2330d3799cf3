/* SPDX-License-Identifier: MIT */
/*
 * ARP (RFC 826, RFC 1122 §2.3.2, RFC 5227): asks and answers for IPv4 addresses on a link, into the
 * neighbour cache.
 *
 * Learns as RFC 826 says: an entry that exists is brought up to date by any valid packet of its
 * owner, a new one is made only by a request for one of our addresses. Nothing is learned about an
 * address of ours: that is a conflict, counted and traced. Whether an address is ours, and from
 * which to ask, it asks the Internet layer through struct neigh_hooks.
 */
#pragma once

#include "base/compiler.h"
#include "wire/addr.h"

struct netif;
struct stack;

/* Registers with the stack and its neighbour cache. 0 or -Exxx. link_init() calls it. */
int arp_init(struct stack *st) MUST_CHECK;

/* Tells the link that `addr` is ours (gratuitous ARP, RFC 5227 §2.3). The Internet layer calls it
 * when an address is added to a running interface, and for each address when one starts to run.
 * Does nothing on interfaces without ARP. */
void arp_announce(struct netif *netif, const struct ip4_addr *addr);
/* Asks whether anybody has `addr`, without saying that we would (RFC 5227 §2.1.1). */
void arp_probe(struct netif *netif, const struct ip4_addr *addr);
