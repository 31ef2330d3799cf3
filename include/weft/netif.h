/* SPDX-License-Identifier: MIT */
/*
 * Interfaces, addresses, routes, neighbours, and links between stacks of one engine.
 *
 * An interface belongs to its stack and is freed with it, or by weft_netif_del(). Frames are
 * Ethernet II without FCS.
 */
#pragma once

#include "weft/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Two interfaces joined by a wire without loss or delay, in the same engine: a virtual wire. MTU
 * 1500; hand over 64 KiB super-packets whole. Both come up. Names are at most 15 bytes, without
 * '/' or space. -EEXIST, -EINVAL, -ENOMEM. */
WEFT_API int weft_veth_new(struct weft_stack *a, const char *a_name, struct weft_stack *b,
			   const char *b_name, struct weft_netif **ret_a,
			   struct weft_netif **ret_b);

/* How what jitter does to the delay is distributed. */
enum weft_link_dist {
	WEFT_LINK_UNIFORM,     /* added, evenly from 0 to the jitter */
	WEFT_LINK_NORMAL,      /* the jitter is the standard deviation, cut at four of it */
	WEFT_LINK_PARETO,      /* the same with a long tail (shape 3) */
	WEFT_LINK_PARETONORMAL /* a quarter of the normal, three quarters of the Pareto */
};

enum {
	WEFT_LINK_LOSE_MAX = 8,
};

/* What a link does to frames in one direction. All zero: nothing. */
struct weft_link_dir {
	uint64_t rate_bps; /* bits a second, of Ethernet frames without FCS; 0: unlimited */
	int64_t delay_ns;  /* one way, after serialisation */
	int64_t jitter_ns; /* varies the delay by jitter_dist; keeps the order */
	uint32_t loss_ppm; /* frames lost at random, millionths */
	uint32_t duplicate_ppm;
	uint32_t corrupt_ppm; /* one random bit is flipped */
	uint32_t reorder_ppm; /* frames that are delivered reorder_ns later than their turn */
	int64_t reorder_ns;   /* 0 with reorder_ppm: skip the delay instead, as netem does */
	uint32_t queue_pkts;  /* frames waiting for the rate limiter; 0: default (1000) */
	uint32_t queue_bytes; /* 0: no limit in bytes */
	uint32_t jitter_dist; /* enum weft_link_dist */
	/* Losses in bursts by the model of Gilbert and Elliott, millionths, with the names of
	 * tc-netem(8): p from the good state to the bad one with a frame, r back, 1-h lost in the
	 * bad state, 1-k lost in the good one. p and 1-k 0: none. */
	uint32_t gemodel_p_ppm, gemodel_r_ppm, gemodel_1h_ppm, gemodel_1k_ppm;
	uint32_t reorder_gap;      /* reordered frames are at least so many apart; 0: any */
	uint32_t reorder_corr_ppm; /* how often the last decision about reordering is repeated */
	uint32_t ecn_pkts;         /* frames are marked CE (RFC 3168) when so many wait; 0: never */
	/* For tests: frames that are lost, the next being 1 when this is set or changed. */
	uint32_t n_lose;
	struct {
		uint64_t first, last;
	} lose[WEFT_LINK_LOSE_MAX];
};

/* A link between two stacks (a may equal b) with its own behaviour in each direction, as a pair of
 * interfaces. Super-packets are split into frames when the link has a rate, loss, duplication,
 * corruption or reordering. */
struct weft_link;
WEFT_API int weft_link_new(struct weft_stack *a, const char *a_name, struct weft_stack *b,
			   const char *b_name, const struct weft_link_dir *a_to_b,
			   const struct weft_link_dir *b_to_a, struct weft_link **ret);
WEFT_API struct weft_netif *weft_link_netif(struct weft_link *link, int end); /* 0: a, 1: b */
/* Changes one direction (0: a to b) while frames are under way; they keep their times. -EINVAL. */
WEFT_API int weft_link_set(struct weft_link *link, int dir, const struct weft_link_dir *cfg);
/* A link that is down loses what it carries; both ends lose their carrier. */
WEFT_API void weft_link_set_up(struct weft_link *link, bool up);
struct weft_link_stats {
	uint64_t frames, bytes; /* delivered */
	uint64_t lost, queue_drops, duplicated, corrupted, reordered;
	uint64_t queue_peak_pkts;
	int64_t busy_ns;     /* time spent serialising: utilisation */
	uint64_t marked;     /* with CE */
	uint64_t queue_pkts; /* waiting now */
};
WEFT_API void weft_link_stats(const struct weft_link *link, int dir, struct weft_link_stats *ret);

/* An interface whose frames the application carries. */
struct weft_frame_ops {
	/* The stack sends a frame: linear Ethernet frame, checksums complete, at most MTU + 14
	 * bytes, and 4 more with a VLAN tag that a bridge passed on. Borrowed during the call,
	 * which must not call back into the engine. Returns 0; -ENOBUFS or another -Exxx: counted
	 * as a drop. */
	int (*tx)(void *arg, const void *frame, size_t len);
};
/* Comes up, with carrier. -EEXIST, -EINVAL (name, group address, MTU out of 68 to 65535), -ENOMEM.
 */
WEFT_API int weft_netif_new(struct weft_stack *st, const char *name, const uint8_t mac[6],
			    uint32_t mtu, const struct weft_frame_ops *ops, void *arg,
			    struct weft_netif **ret);
/* A frame arrived on an interface made by weft_netif_new(): copied, and processed at the next
 * weft_engine_run(). -ENOBUFS: pools or backlog are full; -EMSGSIZE: longer than 65549 bytes. */
WEFT_API int weft_netif_rx(struct weft_netif *nif, const void *frame, size_t len);

/* A learning bridge (IEEE 802.1D without spanning tree): frames between its ports. It has no
 * address of its own. Ports are interfaces of the same stack. */
struct weft_bridge;
WEFT_API int weft_bridge_new(struct weft_stack *st, struct weft_bridge **ret);
WEFT_API int weft_bridge_add(struct weft_bridge *br, struct weft_netif *port); /* -EBUSY, -ENOMEM */

WEFT_API void weft_netif_del(struct weft_netif *nif); /* a veth or link loses both ends */
WEFT_API struct weft_netif *weft_netif_find(struct weft_stack *st, const char *name); /* or NULL */
WEFT_API struct weft_netif *weft_netif_next(struct weft_stack *st,
					    struct weft_netif *prev); /* NULL: first/last */
WEFT_API const char *weft_netif_name(const struct weft_netif *nif);
WEFT_API uint32_t weft_netif_index(const struct weft_netif *nif);
WEFT_API void weft_netif_set_up(struct weft_netif *nif, bool up);
WEFT_API int weft_netif_set_mtu(struct weft_netif *nif, uint32_t mtu);
/* TCP's MSS option, in SYNs that are forwarded out of the interface or from it, becomes at most
 * `mss`: 48 to 65534 bytes, WEFT_MSS_PMTU: what fits both interfaces and the path, or 0: it is left
 * alone. -EINVAL. */
enum {
	WEFT_MSS_PMTU = 65535,
};
WEFT_API int weft_netif_set_mss_clamp(struct weft_netif *nif, uint32_t mss);
/* What the stack leaves to the interface, as `ethtool -K`. Without it, frames leave with their
 * checksums, and super-packets as the frames that they stand for. */
enum {
	WEFT_OFFLOAD_CSUM = 1 << 0, /* checksums of TCP and UDP: without it, both to make and to
				     * verify them, also where a link knows that they are right;
				     * those that the sender leaves unmade are not verified */
	WEFT_OFFLOAD_TSO = 1 << 1,  /* TCP's super-packets */
	WEFT_OFFLOAD_USO = 1 << 2,  /* those of WEFT_UDP_SEGMENT */
	WEFT_OFFLOAD_GRO = 1 << 4,  /* received frames of a flow go up as one super-packet, as
				     * many as there are at once; captures have the frames */
	WEFT_OFFLOAD_ALL = 7 | WEFT_OFFLOAD_GRO,
};
/* All are on at first, but WEFT_OFFLOAD_GRO of wires in the process (weft_veth_new(),
 * weft_link_new(), weft_cable_plug()) and of weft_netif_new(): what a lab shows of a connection is
 * what frames one by one do. An interface that cannot do one never does. -EINVAL: another bit. */
WEFT_API int weft_netif_set_offloads(struct weft_netif *nif, uint32_t offloads);
/* What it does of that, as `ethtool -k`. `ret_allowed`, NULL or where that goes: what is not
 * switched off, whether it can or not. */
WEFT_API uint32_t weft_netif_offloads(const struct weft_netif *nif, uint32_t *ret_allowed);
WEFT_API void weft_netif_set_mac(struct weft_netif *nif, const uint8_t mac[6]);
WEFT_API void weft_netif_mac(const struct weft_netif *nif, uint8_t ret[6]);
struct weft_netif_stats {
	uint64_t rx_packets, rx_bytes, rx_dropped, rx_errors;
	uint64_t tx_packets, tx_bytes, tx_dropped, tx_errors;
	uint64_t rx_units, tx_units; /* super-packets count once */
	uint64_t rx_multicast;       /* frames to groups, without broadcasts; of rx_packets */
};
WEFT_API void weft_netif_stats(const struct weft_netif *nif, struct weft_netif_stats *ret);

/* Flags of an interface, with the values of Linux's IFF_*. */
enum {
	WEFT_IFF_UP = 0x1, /* set up by the administrator */
	WEFT_IFF_BROADCAST = 0x2,
	WEFT_IFF_LOOPBACK = 0x8,
	WEFT_IFF_NOARP = 0x80,
	WEFT_IFF_PROMISC = 0x100,
	WEFT_IFF_MULTICAST = 0x1000,
	WEFT_IFF_LOWER_UP = 0x10000, /* has its carrier: the other end is there, and up */
};
struct weft_netif_info {
	const char *kind; /* "loopback", "link", "veth", "cable", "tap", "app" */
	uint32_t index;
	uint32_t flags;            /* WEFT_IFF_* */
	uint32_t mtu;              /* bytes from the IP header on */
	uint32_t min_mtu, max_mtu; /* what weft_netif_set_mtu() takes */
	uint32_t gso_max_bytes;    /* the largest super-packet, from the IP header on */
	uint8_t mac[6];
	uint16_t mss_clamp; /* as weft_netif_set_mss_clamp() */
};
WEFT_API void weft_netif_info(const struct weft_netif *nif, struct weft_netif_info *ret);

/* Addresses: `ip addr add ADDR/LEN dev NIF`; the prefix becomes a connected route.
 * An IPv6 interface that is up has a link-local address by itself. -EEXIST; -EINVAL (prefix too
 * long; group, broadcast, reserved or unspecified address); -ENOSPC (65,536 on the interface);
 * -ENOMEM. */
WEFT_API int weft_addr_add(struct weft_netif *nif, const struct weft_addr *addr,
			   uint8_t prefix_len);
/* The same with what IPv6 has besides. All zero: as weft_addr_add(), in use at once and for ever.
 */
struct weft_addr_how {
	bool dad; /* ask first whether another node has it (RFC 4862 §5.4): tentative until then */
	bool no_prefix_route;
	uint32_t preferred_s, valid_s; /* lifetimes; valid_s 0: for ever, both */
};
/* -EINVAL also: lifetimes of an IPv4 address, or longer preferred than valid. */
WEFT_API int weft_addr_put(struct weft_netif *nif, const struct weft_addr *addr, uint8_t prefix_len,
			   const struct weft_addr_how *how);
WEFT_API int weft_addr_del(struct weft_netif *nif, const struct weft_addr *addr,
			   uint8_t prefix_len); /* -EADDRNOTAVAIL */
/* The same, but nobody may have the address: others are asked for some 5 s each time that the link
 * comes up, and it is defended afterwards (RFC 5227; an IPv6 address by DAD, RFC 4862). Until
 * then it is in lists as tentative, or as duplicate when somebody has it. -EINVAL also: an
 * interface without ARP; -ENOSPC: 256 of these on the interface. */
WEFT_API int weft_addr_probe(struct weft_netif *nif, const struct weft_addr *addr,
			     uint8_t prefix_len);
/* The interface makes an address of 169.254.0.0/16 for itself, or gives that up (RFC 3927). When
 * somebody else has it, it takes another one. -EINVAL: an interface without ARP; -ENOMEM. */
WEFT_API int weft_netif_set_link_local(struct weft_netif *nif, bool on);
enum weft_addr_state {
	WEFT_ADDR_PREFERRED,
	WEFT_ADDR_DEPRECATED, /* not the source of anything new */
	WEFT_ADDR_TENTATIVE,  /* duplicates are still looked for; not in use yet */
	WEFT_ADDR_DUPLICATE,  /* another node has it; not in use */
};
struct weft_addr_info {
	struct weft_netif *dev;
	struct weft_addr addr;
	struct weft_addr broadcast; /* WEFT_AF_UNSPEC: none */
	uint8_t prefix_len;
	bool is_secondary; /* not the first of its prefix on the interface */
	bool is_auto;      /* made by the stack itself: link-local, or out of a router's prefix */
	bool is_dynamic;   /* has lifetimes: made from what a router said */
	bool is_temporary; /* RFC 8981 */
	enum weft_addr_state state;
	uint32_t preferred_s, valid_s; /* what is left; UINT32_MAX: for ever */
};
/* Calls `fn` for every address, by interface, primary ones first. `fn` must not change any. */
WEFT_API void weft_addrs(struct weft_stack *st,
			 void (*fn)(void *arg, const struct weft_addr_info *info), void *arg);

/* What IPv6 routers have said of the link (RFC 4861 §4.2); their routes and addresses are in the
 * lists of these. */
struct weft_ra_info {
	bool managed, other; /* addresses, other settings are to be had by DHCPv6 */
	uint8_t hop_limit;
	uint32_t mtu; /* of IPv6: the link's, or less */
	uint32_t reachable_ms, retrans_ms;
	int64_t heard_ago_ns;
};
/* -ENOENT: no router has been heard. */
WEFT_API int weft_ra_info(const struct weft_netif *nif, struct weft_ra_info *ret);
/* A name server, or a domain in which names are searched (RFC 8106). */
struct weft_ra_dns {
	struct weft_addr server; /* WEFT_AF_UNSPEC: a domain */
	const char *domain;      /* NULL: a server */
	uint32_t lifetime_s;     /* what is left; UINT32_MAX: for ever */
};
/* Calls `fn` for each that routers on this link have told of, servers first. */
WEFT_API void weft_ra_dns(const struct weft_netif *nif,
			  void (*fn)(void *arg, const struct weft_ra_dns *dns), void *arg);

enum weft_route_type {
	WEFT_ROUTE_UNICAST,
	WEFT_ROUTE_UNREACHABLE,
	WEFT_ROUTE_BLACKHOLE,
	WEFT_ROUTE_PROHIBIT,
	WEFT_ROUTE_LOCAL,     /* in lists only: comes with an address */
	WEFT_ROUTE_BROADCAST, /* the same */
	WEFT_ROUTE_MULTICAST, /* in answers of weft_route_get() only */
};
struct weft_route {
	struct weft_addr dst; /* family set; prefix_len 0 with zero bytes: default */
	uint8_t prefix_len;
	struct weft_addr via;   /* WEFT_AF_UNSPEC: on-link */
	struct weft_netif *dev; /* NULL: found from `via` */
	struct weft_addr src;   /* preferred source; WEFT_AF_UNSPEC: selected */
	uint32_t metric;        /* lower wins among equal prefixes; IPv6: 0 is 1024 */
	enum weft_route_type type;
	uint8_t proto; /* who makes it, as in rtnetlink; 0: by hand (3). In lists it is in the info
			*/
	/* What it says of the traffic that takes it; 0 and "": nothing. Del does not look at it. */
	uint32_t mtu;      /* bytes, up to 65535; what is longer than the interface's is not used */
	uint32_t initcwnd; /* TCP's initial window, segments, up to 65535 */
	bool ecn;          /* TCP asks for ECN and agrees to it */
	char congctl[16];  /* TCP's congestion control; sockets may choose another later */
};
/* -EEXIST (same prefix and metric), -ENETUNREACH (gateway not on-link), -EINVAL, -ENOMEM,
 * -EPROTONOSUPPORT (no such congestion control); -ESRCH from del when there is none. `proto`
 * matters to del only when it is not 0. */
WEFT_API int weft_route_add(struct weft_stack *st, const struct weft_route *r);
/* What becomes of routes that have the same prefix and metric: the verbs of `ip route`. */
enum weft_route_how {
	WEFT_ROUTE_ADD,     /* there may be none: weft_route_add() */
	WEFT_ROUTE_REPLACE, /* the first of them goes when the new one is in place */
	WEFT_ROUTE_CHANGE,  /* the same, and there must be one: -ENOENT */
	WEFT_ROUTE_APPEND,  /* it comes behind them; -EEXIST: one is the same in everything */
};
/* weft_route_add() in other words; nothing has changed when it fails. Its errors, and -ENOENT. */
WEFT_API int weft_route_put(struct weft_stack *st, const struct weft_route *r,
			    enum weft_route_how how);
WEFT_API int weft_route_del(struct weft_stack *st, const struct weft_route *r);
/* Reads "PREFIX|default [via ADDR] [dev IF] [metric N] [src ADDR] [mtu N] [initcwnd N]
 * [features ecn] [congctl NAME]" and adds it; also "unreachable PREFIX", "blackhole PREFIX",
 * "prohibit PREFIX". -EINVAL: not understood; -ENODEV: no such interface; else as
 * weft_route_add(). */
WEFT_API int weft_route_add_text(struct weft_stack *st, const char *text);
struct weft_route_info {
	struct weft_route route; /* src: of connected routes, the source that they lead to */
	uint8_t proto;           /* who made it, as in rtnetlink: 2 the stack, 3 by hand … */
	uint8_t scope;           /* as in rtnetlink: 0 global, 253 link, 254 host */
	uint8_t pref;            /* IPv6, RFC 4191: 0 medium, 1 high, 3 low */
	uint32_t expires_s;      /* what is left of its time; UINT32_MAX: it has no end */
	bool is_dead;            /* not in use: its interface is set down */
};
/* Calls `fn` for every route, by destination, prefix length and metric. `fn` must not change any.
 */
WEFT_API void weft_routes(struct weft_stack *st,
			  void (*fn)(void *arg, const struct weft_route_info *info), void *arg);

/*
 * Where a packet to `dst` would go, as `ip route get`: `ret->route` has the gateway (`via`), the
 * interface, the source it would have, and what kind of destination it is (unicast, local,
 * broadcast, multicast) with `dst` as asked for. `src`, `oif`: as a socket bound to them; may be
 * NULL. 0; -ENETUNREACH: no route, or `src` is not ours; -EHOSTUNREACH, -EACCES, -EINVAL: a route
 * of type unreachable, prohibit, blackhole; -ENETDOWN: `oif` is down; -EADDRNOTAVAIL: no source
 * address; -EAFNOSUPPORT.
 */
WEFT_API int weft_route_get(struct weft_stack *st, const struct weft_addr *dst,
			    const struct weft_addr *src, struct weft_netif *oif,
			    struct weft_route_info *ret);

/*
 * Text of addresses with a zone (RFC 4007 §11), the name or index of an interface of the stack:
 * "fe80::1%eth0". Without one, *ret_scope is 0. 0; -EINVAL: no address, or a zone behind one that
 * needs none (all but link-local ones and groups of less than global scope); -ENODEV: no such
 * interface. What is returned is untouched then.
 */
WEFT_API int weft_addr_parse_scoped(struct weft_stack *st, const char *text, struct weft_addr *ret,
				    uint32_t *ret_scope);
/* The same with a port: "[fe80::1%eth0]:80". */
WEFT_API int weft_sockaddr_parse_scoped(struct weft_stack *st, const char *text,
					struct weft_sockaddr *ret);
/* The other way: a scope that is not 0 is written as the interface's name. At most `size` bytes
 * with the NUL (WEFT_SOCKADDR_STRLEN is enough); returns `buf`. */
WEFT_API const char *weft_addr_print_scoped(struct weft_stack *st, const struct weft_addr *addr,
					    uint32_t scope, char *buf, size_t size);

/*
 * Sorts addresses of either family, the best destination first, as getaddrinfo() does (RFC 6724
 * §6): those that there is a way to, whose scope and label the source has that they would be
 * reached from, IPv6 before IPv4; equals stay as they are. 0; -EAFNOSUPPORT; -E2BIG: more than
 * 4096; -ENOMEM.
 */
WEFT_API int weft_addrs_sort(struct weft_stack *st, struct weft_addr *addrs, size_t n);
/* A row of the policy table (RFC 6724 §2.1), which decides among sources and destinations that are
 * alike otherwise. IPv4 is within ::ffff:0:0/96. */
struct weft_addr_policy {
	struct weft_addr prefix;
	uint8_t prefix_len;
	uint8_t precedence; /* of a destination; the higher one is preferred */
	uint8_t label;      /* a source is preferred whose label is its destination's */
};
/* The table becomes these rows; n 0: the one of the RFC. -EINVAL: a prefix is no IPv6 prefix, or
 * there twice; -E2BIG: more than 64; -EAFNOSUPPORT: the stack has no IPv6; -ENOMEM. */
WEFT_API int weft_addr_policies_set(struct weft_stack *st, const struct weft_addr_policy *rows,
				    size_t n);
/* Calls `fn` for every row in use. */
WEFT_API void weft_addr_policies(struct weft_stack *st,
				 void (*fn)(void *arg, const struct weft_addr_policy *row),
				 void *arg);

/* A permanent neighbour entry; replaces one that is there. -EINVAL: no address of one host;
 * -ENOBUFS: table full; -ENOMEM. */
WEFT_API int weft_neigh_add(struct weft_netif *nif, const struct weft_addr *addr,
			    const uint8_t mac[6]);
/* The same in another state: one that ages from now on like what was learned from the wire. */
enum weft_neigh_nud {
	WEFT_NUD_PERMANENT,
	WEFT_NUD_REACHABLE,
	WEFT_NUD_STALE, /* is used, and asked whether it is still there */
};
WEFT_API int weft_neigh_set(struct weft_netif *nif, const struct weft_addr *addr,
			    const uint8_t mac[6], enum weft_neigh_nud nud);
WEFT_API int weft_neigh_del(struct weft_netif *nif, const struct weft_addr *addr); /* -ENOENT */
struct weft_neigh_info {
	struct weft_netif *dev;
	struct weft_addr addr;
	uint8_t mac[6];
	bool has_mac;
	const char *state;        /* as `ip neigh` prints it: "REACHABLE", "STALE", "FAILED" … */
	int64_t confirmed_ago_ns; /* since it was last known to be reachable */
	int64_t updated_ago_ns;   /* since its state last changed */
	uint32_t n_probes;        /* questions asked without an answer so far */
};
/* Calls `fn` for every neighbour, in no order. `fn` must not change any. */
WEFT_API void weft_neighs(struct weft_stack *st,
			  void (*fn)(void *arg, const struct weft_neigh_info *info), void *arg);

/*
 * A capture: frames of any interfaces of the engine as one pcapng stream. `fn` gets whole blocks,
 * section and interface headers first, from weft_engine_run() or weft_capture_free(); it must not
 * call into the engine, but may start a timer, for what it wants to do afterwards. Interfaces are
 * called "stack:interface" in the stream. A packet has its trace id and the reason for which it was
 * dropped as comments; a packet dropped later from a queue gets a record of its own. Super-packets
 * stay whole, with their checksum completed.
 */
struct weft_capture;
/* `snaplen`: most bytes kept of a frame; 0: all. -ENOMEM. */
WEFT_API int weft_capture_new(struct weft_engine *eng, uint32_t snaplen,
			      void (*fn)(void *arg, const void *blocks, size_t len), void *arg,
			      struct weft_capture **ret);
/* -EEXIST, -ENOMEM. An interface that goes leaves the capture by itself. */
WEFT_API int weft_capture_add(struct weft_capture *cap, struct weft_netif *nif);
/* Pending blocks are delivered, with interface statistics at the end. NULL is fine. */
WEFT_API void weft_capture_free(struct weft_capture *cap);

#ifdef __cplusplus
}
#endif
