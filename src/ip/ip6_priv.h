/* SPDX-License-Identifier: MIT */
/* What the files of IPv6 share with each other alone. */
#pragma once

#include "base/mem.h"
#include "core/engine.h"
#include "ip/ip6.h"

struct sysctl;

int ip6_own_init(struct stack *st) MUST_CHECK;
void ip6_own_fini(struct stack *st);

int ip6_addr_netif_add(struct netif *netif) MUST_CHECK;
void ip6_addr_netif_del(struct netif *netif);
/* The interface was set up: it gets its link-local address, loopback its ::1, unless they have one.
 */
void ip6_addr_netif_up(struct netif *netif);
/* A setting is a word of stable_secret. */
bool ip6_conf_is_secret(const struct sysctl *ctl);
/* One of its settings is another one. */
void ip6_if_conf_changed(struct netif *netif, const struct sysctl *ctl);
/* All its addresses go. */
void ip6_addrs_flush(struct netif *netif);

/* Prepares the timer of lifetimes (ip6_life.c). */
void ip6_life_init(struct ip6_ifaddr *ifa);
/* Preferred or deprecated, as its lifetimes say. */
enum ip6_addr_state ip6_life_state(const struct ip6_ifaddr *ifa);

/*
 * The extension headers of a packet (ip6_ext.c): `data` at the IPv6 header. `off` is where the next
 * header begins, from there; `proto` what it is; `next_off` of the field that says so.
 */
struct ip6_walk {
	uint32_t off;
	uint32_t next_off;
	uint8_t proto;
	uint8_t n_exts;
	bool has_frag_hdr; /* it came in fragments, or as an atomic one */
};

#define IP6_WALK_START ((struct ip6_walk){.off = IP6_HDR_LEN, .next_off = 6})

/* The hop-by-hop options, which every node on the way may look at, when they come first. */
enum drop ip6_ext_hopopts(struct pkt *pkt, struct ip6_walk *w);
/* All headers up to the transport's. DROP_NONE: w->proto is none of an extension header, or a
 * fragment's, which is linear then. */
enum drop ip6_ext_walk(struct pkt *pkt, struct ip6_walk *w);

/*
 * Fragments (ip6_frag.c).
 */

extern const struct reasm_ops ip6_reasm_ops;
/* Cuts a packet of ours, `data` at its header, for `mtu`, which is at least IP6_MTU_MIN; its
 * fragments are appended to `out`. `n_exts`: bytes of extension headers that are in all of them.
 * Takes `pkt` on DROP_NONE. */
enum drop ip6_fragment(struct stack *st, struct pkt *pkt, uint32_t mtu, uint32_t n_exts,
		       struct pktq *out) MUST_CHECK;
/* A fragment at whose header the walk stands. Takes `pkt` on DROP_NONE; then *ret is the whole
 * packet, without fragment header, or NULL: it is not complete. */
enum drop ip6_reasm(struct stack *st, struct pkt *pkt, const struct ip6_walk *w,
		    struct pkt **ret) MUST_CHECK;
