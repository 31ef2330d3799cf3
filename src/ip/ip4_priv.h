/* SPDX-License-Identifier: MIT */
/* What the files of IPv4 share with each other alone. */
#pragma once

#include "base/mem.h"
#include "core/engine.h"
#include "ip/ip4.h"

int ip4_own_init(struct stack *st) MUST_CHECK;
void ip4_own_fini(struct stack *st);

/* What ip4_addr_add() and ip4_addr_del() do, without telling neighbours or acd.h. */
int ip4_addr_put(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len) MUST_CHECK;
int ip4_addr_remove(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len) MUST_CHECK;
bool ip4_ifaddr_is_right(struct ip4_addr addr, uint8_t prefix_len);
struct ip4_ifaddr *ip4_ifaddr_find(const struct netif *netif, struct ip4_addr addr,
				   uint8_t prefix_len);

int ip4_addr_netif_add(struct netif *netif) MUST_CHECK;
void ip4_addr_netif_del(struct netif *netif);

/*
 * Fragments (ip4_frag.c).
 */

extern const struct reasm_ops ip4_reasm_ops;

/* Cuts a datagram (`data` at its header, longer than `mtu`, no super-packet) into fragments that
 * fit, appended to `out`; the DF bit is the caller's affair. Takes `pkt` on DROP_NONE. */
enum drop ip4_fragment(struct stack *st, struct pkt *pkt, uint32_t mtu,
		       struct pktq *out) MUST_CHECK;
/* The same for what may be a super-packet. */
enum drop ip4_fragment_all(struct stack *st, struct pkt *pkt, uint32_t mtu,
			   struct pktq *out) MUST_CHECK;
/* A fragment for us. Takes `pkt` on DROP_NONE: then *ret is the whole datagram, with its header in
 * `ret_hdr`, or NULL as long as more is to come. */
enum drop ip4_reasm(struct stack *st, struct pkt *pkt, const struct ip4_hdr *hdr, struct pkt **ret,
		    struct ip4_hdr *ret_hdr) MUST_CHECK;
