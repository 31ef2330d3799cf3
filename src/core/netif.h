/* SPDX-License-Identifier: MIT */
/*
 * A network interface: where frames enter and leave a stack.
 *
 * netif_rx() and netif_tx() are the two ends of every packet's path. A driver (veth, tap, media,
 * loopback) embeds or owns a netif and supplies `ops`; whoever owns the frames of an interface
 * (Ethernet input, a bridge) is its `input`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "pkt/pkt.h"

struct stack;
struct netif;
struct ip4_if;
struct ip6_if;
struct intercept;
struct mcast_if;
struct neigh_params;

enum {
	NETIF_NAME_MAX = 16, /* with the NUL, as Linux's IFNAMSIZ */
	NETIF_MTU_MIN = 68,  /* RFC 791 */
	NETIF_MTU_MAX = 65535,
	NETIF_MSS_PMTU = 65535, /* mss_clamp: by the path */
	NETIF_MSS_MIN = 48,
};

/* netif->flags */
enum {
	NETIF_UP = 1 << 0,      /* administratively up */
	NETIF_CARRIER = 1 << 1, /* the other end is there */
	NETIF_LOOPBACK = 1 << 2,
	NETIF_BROADCAST = 1 << 3, /* has Ethernet addresses: ARP, ND */
	NETIF_NOARP = 1 << 4,
	NETIF_PROMISC = 1 << 5,
	NETIF_QUEUED = 1 << 6, /* internal: on the engine's backlog */
	NETIF_FLUSH = 1 << 7,  /* internal: on the engine's flush list */
};

/* netif->features: what ops->tx takes as it is; netif_tx() resolves the rest. And what the driver
 * does with what comes. */
enum {
	NETIF_F_CSUM = 1 << 0,    /* PKT_CSUM_PARTIAL */
	NETIF_F_GSO_TCP = 1 << 1, /* PKT_GSO_TCP4, PKT_GSO_TCP6 */
	NETIF_F_GSO_UDP = 1 << 2,
	NETIF_F_FRAGS = 1 << 3, /* packets with frags; else the driver gets them linear */
	NETIF_F_GRO = 1 << 4,   /* received frames of a flow become one packet: core/gro.h, and
				   core/gro_join.h for what waits on the backlog */
};

struct netif_ops {
	const char *kind; /* "veth", "tap", "loopback", "bridge" … as `ip -d link` names them */
	/* Sends or queues a packet whose `data` is at the Ethernet header; consumes it. Calls
	 * pkt_drop() itself when it cannot. */
	void (*tx)(struct netif *netif, struct pkt *pkt);
	/* End of a burst: hand queued frames to the device. May be NULL. */
	void (*flush)(struct netif *netif);
	/* NETIF_UP, NETIF_PROMISC or the address has changed: tell the other end, or the device.
	 * May be NULL. */
	void (*change)(struct netif *netif);
	/* The stack or the caller removes the interface: release what `priv` holds. May be NULL. */
	void (*fini)(struct netif *netif);
};

/* Watches frames on an interface: captures, taps of tools. Borrowed; unlink before it goes. */
struct netif_tap {
	struct list link;
	/* `pkt->data` is at the Ethernet header; it may be a super-packet or PARTIAL. `is_tx` tells
	 * the direction. The tap must not keep or change the packet. */
	void (*frame)(struct netif_tap *tap, const struct netif *netif, const struct pkt *pkt,
		      bool is_tx);
	/* The packet is dropped (called before it is freed; its trace_id may be one seen before).
	 */
	void (*drop)(struct netif_tap *tap, const struct netif *netif, const struct pkt *pkt,
		     enum drop why);
	/* netif_rx()/netif_tx() is done with the packet last shown to frame(). May be NULL. */
	void (*done)(struct netif_tap *tap, const struct netif *netif);
	/* The interface goes; the tap must leave the list. */
	void (*gone)(struct netif_tap *tap);
};

/* Frames count as on the wire: a super-packet counts for all its frames. */
struct netif_stats {
	/* No two neighbours change together: compilers would join these into one vector, which
	 * takes thrice the instructions. */
	uint64_t rx_packets, rx_dropped, rx_bytes, rx_errors;
	uint64_t rx_units; /* packets as handed over: super-packets count once */
	uint64_t rx_multicast;
	uint64_t tx_packets, tx_dropped, tx_bytes, tx_errors;
	uint64_t tx_units;
};

struct netif {
	/* data path */
	struct stack *stack;
	const struct netif_ops *ops;
	/* Verdict on a received frame; `data` is at the Ethernet header, l2_off is set. */
	enum drop (*input)(struct netif *netif, struct pkt *pkt);
	void *input_ctx; /* of whoever set `input` (a bridge's port) */
	/* A way around `input` and the layers above for packets that nothing is special about;
	 * NULL: none. Takes up to `max` of them from the front of `q`, having done with each all
	 * that netif_rx() does, and returns how many. It stops before one that is not for it, which
	 * is as it came, and after one that has made another interface wait for its turn. Set by
	 * ip/fastfwd.c. */
	uint32_t (*shortcut)(struct netif *netif, struct pktq *q, uint32_t max);
	uint32_t flags;
	uint32_t features;
	uint32_t features_off;  /* NETIF_F_* that are not to be used though the driver can */
	uint32_t mtu;           /* bytes from the IP header on */
	uint32_t gso_max_bytes; /* largest super-packet from the IP header on; <= 65535 */
	uint32_t n_promisc;     /* who want NETIF_PROMISC */
	uint32_t index;         /* from 1, unique in the stack, never reused */
	struct eth_addr hwaddr;
	struct ip4_if *ip4; /* addresses; owned by ip/ */
	struct ip6_if *ip6;
	struct mcast_if *mcast;      /* groups; owned by ip/ */
	struct neigh_params *neigh6; /* of IPv6 neighbours; owned by link/ */
	struct intercept *intercept; /* who has what is for others; owned by transport/ */
	struct list taps;            /* struct netif_tap */
	struct netif_stats stats;

	/* receive backlog: frames that another stack or a link in this process sent us */
	struct pktq backlog;
	struct list backlog_link; /* engine->backlog while NETIF_QUEUED */
	struct list flush_link;   /* engine->flush while NETIF_FLUSH */

	struct list link; /* stack->netifs */
	char name[NETIF_NAME_MAX];
	void *priv; /* the driver's */
	uint32_t backlog_max_pkts;
	/* What TCP's MSS becomes in what is forwarded: 0: nothing; NETIF_MSS_PMTU; else bytes
	 * (ip/mss_clamp.h). */
	uint16_t mss_clamp;
};

/*
 * Joins `netif` to a stack under a name that must be free there. The caller has zeroed it and set
 * ops, mtu, hwaddr, features and priv; memory stays the caller's (normally embedded in a driver's
 * struct) until ops->fini. Interfaces start down, without carrier.
 * Returns 0; -EEXIST: name taken; -EINVAL: name empty, too long or with '/' or space, bad MTU.
 */
int netif_add(struct stack *st, struct netif *netif, const char *name) MUST_CHECK;
/* Takes the interface down, tells the layers (addresses, routes, neighbours go), unlinks it, frees
 * its backlog and calls ops->fini. */
void netif_del(struct netif *netif);
/* By name or index; NULL: none. */
struct netif *netif_find(struct stack *st, const char *name);
struct netif *netif_find_index(struct stack *st, uint32_t index);
/* Administrative state and carrier; the layers are told of changes of "up and carrier". */
void netif_set_up(struct netif *netif, bool up);
void netif_set_carrier(struct netif *netif, bool carrier);
static inline bool netif_is_running(const struct netif *netif)
{
	return (netif->flags & (NETIF_UP | NETIF_CARRIER)) == (NETIF_UP | NETIF_CARRIER);
}
/* One more, or one less, who wants frames for other hosts too: NETIF_PROMISC while there is one. */
void netif_set_promisc(struct netif *netif, bool on);
int netif_set_mtu(struct netif *netif, uint32_t mtu) MUST_CHECK; /* 0 or -EINVAL */
/* Of these NETIF_F_*, what the driver can do and is not switched off. */
static inline uint32_t netif_takes(const struct netif *netif, uint32_t feature)
{
	return netif->features & ~netif->features_off & feature;
}

/* A frame arrived: `data` at the Ethernet header. Consumes it. Runs the stack at once, so only the
 * engine's thread, outside of any other call into the stack: drivers from their poll functions. */
void netif_rx(struct netif *netif, struct pkt *pkt);
/* The same from inside the stack (veth, media, loopback): the frame waits on the backlog until the
 * engine has finished what it does. Consumes it; drops with IF_BACKLOG at the bound. */
void netif_rx_later(struct netif *netif, struct pkt *pkt);
/* The engine's: it is this interface's turn, the first that has frames waiting. Deals with at most
 * `max` of them (not 0), at least one, and returns with how many. */
uint32_t netif_backlog_run(struct netif *netif, uint32_t max);
/* Sends a frame: `data` at the Ethernet header, l2_off/l3_off/l4_off set as far as known. Consumes
 * it. Completes checksums and splits super-packets that the driver cannot take. Returns 0 or the
 * errno of the drop reason. */
int netif_tx(struct netif *netif, struct pkt *pkt);
/* For drivers that queue: ops->flush is called at the end of this engine_run(). */
void netif_flush_later(struct netif *netif);
