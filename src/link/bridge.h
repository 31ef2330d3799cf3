/* SPDX-License-Identifier: MIT */
/*
 * A learning bridge (IEEE 802.1D §7, without spanning tree and VLANs).
 *
 * A port is an interface whose `input` is the bridge. It learns which addresses live behind which
 * port, sends frames for a known address there, and all others (unknown, broadcast, multicast) to
 * every other port. Super-packets and PARTIAL checksums pass as they are. Frames to 01:80:c2:00:
 * 00:0x stay on their link (§7.12.6). The bridge has no address of its own.
 *
 * Bounds: max_entries learned addresses (4096). At the bound an entry that has aged out goes; else
 * the new address is not learned, its frames are flooded, and n_full counts. An address that moves
 * to another port is learned there at once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

struct bridge;
struct netif;
struct stack;

enum {
	BRIDGE_MAX_ENTRIES = 4096,
	BRIDGE_AGEING_S = 300, /* IEEE 802.1D table 7-5 */
};

struct bridge_stats {
	uint64_t forwarded, flooded; /* frames received, by what was done */
	uint64_t learned, moved;
	uint64_t n_full; /* addresses not learned for lack of room */
};

/* Belongs to the stack, which frees it after its interfaces. 0 or -ENOMEM. */
int bridge_new(struct stack *st, struct bridge **ret) MUST_CHECK;
/* Its ports are interfaces of their own again. NULL is fine. */
void bridge_free(struct bridge *br);
/* Makes an interface of the same stack a port. 0; -EBUSY: it is one; -EINVAL: of another stack, or
 * not an Ethernet interface; -ENOMEM. */
int bridge_add(struct bridge *br, struct netif *netif) MUST_CHECK;
void bridge_del(struct netif *netif); /* no longer a port; nothing happens if it is none */
enum drop bridge_input(struct netif *netif, struct pkt *pkt) MUST_CHECK;

const struct bridge_stats *bridge_stats(const struct bridge *br);
uint32_t bridge_n_entries(const struct bridge *br);
/* The port behind which `addr` lives; NULL: not known. */
struct netif *bridge_find(const struct bridge *br, const struct eth_addr *addr);
void bridge_set_max_entries(struct bridge *br, uint32_t n);
/* Calls `fn` for every address learned, oldest first; it must not call into the bridge. */
void bridge_for_each(const struct bridge *br,
		     void (*fn)(void *arg, const struct eth_addr *addr, const struct netif *port,
				int64_t seen_ns),
		     void *arg);

/* For link.c: a port stopped to run; all bridges of a stack go. */
void bridge_port_down(struct netif *netif);
void bridge_fini(struct stack *st);
