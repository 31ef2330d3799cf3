/* SPDX-License-Identifier: MIT */
/*
 * Neighbour cache: the link-layer address of a next hop, for both families (RFC 4861 §7.3 for the
 * states, RFC 826 and later RFC 4861 for how an address is asked for).
 *
 * How it works: one entry a (interface, address). A protocol (ARP, ND) registers how to solicit;
 * it hands what it hears to neigh_update(). Output calls neigh_output() and forgets the packet.
 *
 *	            packet              answer                  reachable time over
 *	  (none) ----------> INCOMPLETE --------> REACHABLE ---------------------> STALE
 *	                      |  ^                 ^  ^  ^                           |
 *	      no answer to    |  | packet, after   |  |  +-- confirmed by TCP --+    | packet
 *	  mcast_solicit tries |  | failed_hold     |  |        or an answer     |    v
 *	                      v  |                 |  +-----------------------DELAY<-+
 *	                     FAILED <--------------|-------- PROBE <------------+
 *	                         no answer to      +-----------+       delay_first_probe over
 *	                         ucast_solicit tries    answer
 *
 * Packets for an INCOMPLETE entry wait with it, the oldest going first at the bound. When nobody
 * answers they are shown to hooks->unreach (ICMP host unreachable) and dropped with NEIGH_FAILED:
 * mcast_solicit * retrans_time after the first of them, 3 s. For failed_hold after that, packets
 * to the same next hop are refused at once (forwarded ones after hooks->unreach); the first one
 * later asks again. A neighbour that
 * stopped answering (from PROBE) is asked for again by the very next packet, since it may only
 * have got another address (RFC 7048).
 *
 * Bounds, since a scan of a prefix makes an entry an address: max_entries entries, of which at
 * most half are INCOMPLETE; unres_qlen packets and unres_qlen_bytes bytes an entry, and
 * unres_qlen_total packets in all. At max_entries the oldest FAILED, else the oldest STALE entry
 * goes, in constant time; if there is none the packet is dropped with NEIGH_FULL.
 *
 * Lifetime: an entry may be freed by any call into the stack; hooks->on_free comes before, so that
 * routes that keep a pointer (ip_dst.neigh) become invalid.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/htab.h"
#include "base/list.h"
#include "base/wheel.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

struct arp;
struct netif;
struct stack;
struct neigh;
struct neigh_table;

enum neigh_state {
	NEIGH_NONE, /* being made, or being freed */
	NEIGH_INCOMPLETE,
	NEIGH_REACHABLE,
	NEIGH_STALE,
	NEIGH_DELAY,
	NEIGH_PROBE,
	NEIGH_FAILED,
	NEIGH_PERMANENT, /* set by the administrator: never changes by itself */
	NEIGH_STATES,
};

struct neigh_params {
	int64_t retrans_time_ms;        /* between solicitations: 1000 */
	int64_t base_reachable_time_ms; /* 30000; an entry's own is 0.5 to 1.5 of that at random */
	int64_t delay_first_probe_ms;   /* 5000 */
	int64_t failed_hold_ms;         /* packets are refused after a failure: 1000 */
	int64_t gc_stale_time_ms;       /* a FAILED entry nobody uses is freed after: 60000 */
	int64_t locktime_ms;            /* an address just learned is not replaced: 1000 */
	uint32_t mcast_solicit;         /* tries to resolve: 3 */
	uint32_t ucast_solicit;         /* probes of a known address: 3 */
	uint32_t unres_qlen;            /* packets waiting for an entry: 101 */
	uint32_t unres_qlen_bytes;      /* 212992 */
	uint32_t unres_qlen_total;      /* packets waiting in the table: 4096 */
	uint32_t max_entries;           /* 1024; PERMANENT ones count */
};

/* How a protocol asks for an address. */
struct neigh_ops {
	uint16_t ethertype; /* of the packets that wait: IPv4 for ARP */
	/* Sends one solicitation for n->addr: to n->lladdr when `is_unicast`, else to the group.
	 */
	void (*solicit)(struct neigh *n, bool is_unicast);
};

/* What the Internet layer does for its neighbours below; any may be NULL. */
struct neigh_hooks {
	/* `pkt`, with `data` at the network header and l3_off set, cannot be delivered because its
	 * next hop is silent. Borrowed: it is dropped afterwards. */
	void (*unreach)(struct netif *netif, struct pkt *pkt);
	/* `addr` is known to answer, or not to. */
	void (*heard)(struct netif *netif, const struct ip_addr *addr, bool is_silent);
	/* The entry is about to be freed: forget pointers to it. */
	void (*on_free)(struct stack *st, struct neigh *n);
	/* `addr` is one of ours, to be answered for on this interface. */
	bool (*is_local)(struct netif *netif, const struct ip_addr *addr);
	/* Our address from which to ask for `target` on this interface, for a packet that waits, at
	 * its network header (NULL: none does). False: none. */
	bool (*source)(struct netif *netif, const struct ip_addr *target, const struct pkt *waiting,
		       struct ip_addr *ret);
	/* Whether a question for an address of ours is answered here. NULL: always. */
	bool (*arp_answers)(struct netif *netif, const struct arp *req);
	/* Whether an announcement makes an entry for its sender. NULL: never. */
	bool (*arp_accepts)(struct netif *netif, const struct ip4_addr *addr);
	/* A well-formed ARP packet of somebody else, before anything follows from it. */
	void (*arp_heard)(struct netif *netif, const struct arp *arp);
};

struct neigh {
	/* what output touches */
	uint8_t state; /* enum neigh_state */
	uint8_t n_probes;
	struct eth_addr lladdr; /* valid except in NONE, INCOMPLETE, FAILED */
	struct netif *netif;
	struct neigh_table *table;
	const struct neigh_ops *ops;
	int64_t confirmed_ns; /* the last time it was known to be reachable */
	int64_t updated_ns;   /* last change of state */
	int64_t learned_ns;   /* last change of lladdr */
	int64_t retry_ns;     /* FAILED: packets are refused until then */
	int64_t reachable_ns; /* how long a confirmation counts */

	struct ip_addr addr;
	struct wheel_timer timer;
	struct htab_node hash_link;
	struct list link;    /* all entries of the table, in order of creation */
	struct list gc_link; /* FAILED, STALE: entries of that state, in order of entering it */
	struct pktq queue;   /* INCOMPLETE: packets, `data` at the network header */
};

/* Makes st->neigh and its settings (net.ipv4.neigh.default.*). 0 or -ENOMEM. link_init() calls it.
 */
int neigh_init(struct stack *st) MUST_CHECK;
void neigh_fini(struct stack *st);
/* An interface comes: it has settings of its own for IPv6. 0 or -ENOMEM. It goes, with all its
 * entries. */
int neigh_netif_add(struct netif *netif) MUST_CHECK;
void neigh_netif_del(struct netif *netif);
/* `ops` serves addresses of the family that its EtherType carries. Borrowed. */
void neigh_ops_set(struct stack *st, const struct neigh_ops *ops);
/* `hooks` is borrowed for the life of the stack. */
void neigh_hooks_set(struct stack *st, const struct neigh_hooks *hooks);
const struct neigh_hooks *neigh_hooks(const struct stack *st);

/*
 * Sends `pkt` (`data` and l3_off at the network header) to `nexthop` on the link: at once, or when
 * its address is known. `cached` is the entry if the caller has a valid pointer, else NULL: it is
 * looked up or made. Group addresses (RFC 1112 §6.4, RFC 2464 §7) and 255.255.255.255 need no
 * entry, nor do interfaces without ARP. Which other addresses are broadcast only routes know: for a
 * subnet's broadcast address pass 255.255.255.255 as next hop. Consumes it. 0: sent or waiting; or
 * the errno of the drop reason.
 */
int neigh_output(struct netif *netif, struct pkt *pkt, const struct ip_addr *nexthop,
		 uint16_t ethertype, struct neigh *cached);

/* Its address is known, and a packet to it changes nothing. */
static inline bool neigh_is_usable(const struct neigh *n)
{
	return n->state == NEIGH_REACHABLE || n->state == NEIGH_DELAY || n->state == NEIGH_PROBE ||
	       n->state == NEIGH_PERMANENT;
}

/* The entry to cache for a next hop; NULL: there is none (yet), or none is needed. */
struct neigh *neigh_find(struct netif *netif, const struct ip_addr *addr);
/* The neighbour is known to be reachable by what an upper layer saw (RFC 4861 §7.3.1). */
void neigh_confirm(struct neigh *n);

/* What a protocol has heard about `addr`. */
enum {
	NEIGH_SOLICITED = 1 << 0,    /* an answer to us: it is reachable */
	NEIGH_OVERRIDE = 1 << 1,     /* replaces another address */
	NEIGH_OVERRIDE_OLD = 1 << 2, /* the same, unless that was learned within locktime */
	NEIGH_CREATE = 1 << 3,       /* make an entry if there is none */
};
/* RFC 4861 §7.2.5, with `addr` at `lladdr`; sends what waited for it. The entry, or NULL: none. */
struct neigh *neigh_update(struct netif *netif, const struct ip_addr *addr,
			   const struct eth_addr *lladdr, uint32_t flags);

/* `ip neigh add … nud permanent`: replaces an entry that is there. 0; -EINVAL: group or unspecified
 * address on either layer; -ENOBUFS: table full; -ENOMEM. */
int neigh_add_permanent(struct netif *netif, const struct ip_addr *addr,
			const struct eth_addr *lladdr) MUST_CHECK;
/* Forgets an entry of any kind; what waits is dropped. 0 or -ENOENT. */
int neigh_del(struct netif *netif, const struct ip_addr *addr) MUST_CHECK;
/* Forgets the entries of an interface: all, or but the permanent ones (`ip neigh flush`). */
void neigh_flush(struct netif *netif, bool also_permanent);

/* Calls `fn` for every entry, oldest first; it must not call into the cache. */
void neigh_for_each(struct stack *st, void (*fn)(void *arg, const struct neigh *n), void *arg);
const char *neigh_state_name(enum neigh_state state); /* as `ip neigh` prints it */
struct neigh_params *neigh_params(struct stack *st);
uint32_t neigh_n_entries(const struct stack *st);
