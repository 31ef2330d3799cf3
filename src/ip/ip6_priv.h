/* SPDX-License-Identifier: MIT */
/* What the files of IPv6 share with each other alone. */
#pragma once

#include "base/mem.h"
#include "core/engine.h"
#include "ip/ip6.h"

int ip6_own_init(struct stack *st) MUST_CHECK;
void ip6_own_fini(struct stack *st);

int ip6_addr_netif_add(struct netif *netif) MUST_CHECK;
void ip6_addr_netif_del(struct netif *netif);
/* The interface was set up: it gets its link-local address, loopback its ::1, unless they have one.
 */
void ip6_addr_netif_up(struct netif *netif);
/* All its addresses go. */
void ip6_addrs_flush(struct netif *netif);

/*
 * The extension headers of a packet (ip6_ext.c): `data` at the IPv6 header. `off` is where the next
 * header begins, from there; `proto` what it is; `next_off` of the field that says so.
 */
struct ip6_walk {
	uint32_t off;
	uint32_t next_off;
	uint8_t proto;
	uint8_t n_exts;
};

/* The hop-by-hop options, which every node on the way may look at, when they come first. */
enum drop ip6_ext_hopopts(struct pkt *pkt, struct ip6_walk *w);
/* All headers up to the transport's. DROP_NONE: w->proto is none of an extension header. */
enum drop ip6_ext_walk(struct pkt *pkt, struct ip6_walk *w);
