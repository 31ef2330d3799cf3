/* SPDX-License-Identifier: MIT */
/*
 * What transports see of the Internet layer, the same for both families: where does a destination
 * go, and send this. Addresses are struct ip_addr (IPv4 as v4-mapped); ip4_*.c and ip6_*.c do the
 * work.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "core/stack.h"
#include "ip/addr_select.h"
#include "ip/fib/route.h"
#include "wire/addr.h"

struct ip4_opts;
struct ip6_exts;
struct neigh;

/* What a packet on its way out looks like to routing. */
struct ip_flow {
	struct ip_addr dst;
	struct ip_addr src; /* unspecified: to be selected */
	uint32_t oif;       /* interface index that it must leave by; 0: any */
	uint32_t mark;
	uint8_t tos;
	uint8_t proto;
	uint8_t srcprefs; /* IPv6: IP_SRC_* */
};

/* RFC 5014: which source is wanted when the rules of RFC 6724 leave a choice. */
enum {
	IP_SRC_PUBLIC = 1 << 0,
	IP_SRC_TEMPORARY = 1 << 1,
	IP_SRC_CARE_OF = 1 << 2,
};

/*
 * A resolved route, kept by sockets between packets. It is valid as long as `gen` is the current
 * one (any change of routes, addresses, interfaces or neighbour entries' lifetime moves it), which
 * ip_dst_is_valid() checks; nothing in it may be used before that. All zero: empty.
 */
struct ip_dst {
	struct netif *netif;
	struct neigh *neigh; /* cached neighbour entry; NULL: look it up */
	struct ip_addr nexthop;
	uint32_t gen;
	uint16_t mtu;          /* of the path as known, bytes from the IP header on */
	uint8_t prefix_len;    /* of the route, for the hop code */
	bool is_local : 1;     /* goes to ourselves */
	bool is_mtu_floor : 1; /* the path carries less than we believe: no DF */
	bool has_metrics : 1;  /* the route says more: ip_route_metrics() */
};
static_assert(sizeof(struct ip_dst) <= 40, "two of these fit a socket's cache line budget");

/* Settings of a packet to send. */
struct ip_out {
	struct ip_flow flow; /* src must be set */
	uint8_t ttl;         /* 0: the stack's default (64) */
	bool df;             /* IPv4: don't fragment */
	bool df_if_fits;     /* with `df`: what is too large goes in fragments, without it */
	bool no_frag;        /* IPv4 without `df`: what is too large is refused all the same */
	bool ignore_pmtu;    /* the interface's MTU counts, not the path's */
	bool no_loop;        /* a group packet does not come back to our own sockets */
	bool is_host_only;   /* a group packet goes to our own sockets alone (TTL 0) */
	bool may_broadcast;  /* the application allowed broadcast destinations */
	bool no_flow_label;  /* IPv6: the label is 0, whatever the setting is */
	uint16_t mtu_max;    /* packets are no larger; 0: as the path has it */
	const struct ip4_opts *opts; /* IPv4: ip/ip4_opts.h; NULL: none */
	const struct ip6_exts *exts; /* IPv6: ip/ip6_exts.h; NULL: none */
	struct ip_dst *dst;          /* cache of the caller, refreshed when stale; NULL: none */
};

/* Finds interface, next hop, MTU and, when flow->src is unspecified, the source address.
 * Returns 0, -ENETUNREACH (no route), -EHOSTUNREACH, -EACCES, -EINVAL (unreachable, prohibit,
 * blackhole routes), -ENETDOWN, -EADDRNOTAVAIL (no source), -EAFNOSUPPORT. `ret` is untouched on
 * failure. */
int ip_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
	     struct ip_addr *ret_src) MUST_CHECK;
/* What the route of such packets says besides; all zero: nothing. */
struct route_metrics ip_route_metrics(struct stack *st, const struct ip_flow *flow);
bool ip_dst_is_valid(const struct stack *st, const struct ip_dst *dst);
/* A neighbour that was forwarded to of late, valid like a struct ip_dst. All zero: none. */
struct ip_nexthop {
	struct neigh *neigh;
	struct netif *netif;
	struct ip_addr addr;
	uint32_t gen;
};
enum {
	IP_NEXTHOPS = 8, /* of a stack: routers have few neighbours that they forward to */
};
/* The entry of `addr` on the link of `netif`; NULL: neigh_output() has to find or make one. */
struct neigh *ip_nexthop_neigh(struct netif *netif, const struct ip_addr *addr);

/* A path to `dst` carries no more than `mtu`, as an ICMP error says that the transport has found to
 * be about a packet of its own (ip/pmtu.h). */
void ip_pmtu_learn(struct stack *st, const struct ip_addr *dst, uint32_t mtu);
/* What TCP's settings say about all of them. */
void ip_pmtu_conf_set(struct stack *st, uint32_t min_pmtu, uint32_t expires_s);
/* The current generation moves: every cached ip_dst of the stack becomes invalid. */
void ip_dst_invalidate_all(struct stack *st);

/* Sends a transport's packet (`data` and l4_off at the transport header, checksum PARTIAL with
 * csum_start/csum_off set, or complete). Consumes it. 0 or -Exxx as pkt_drop() and ip_route(). */
int ip_output(struct stack *st, struct pkt *pkt, const struct ip_out *out);

/* A packet of a connection, as small and as plain as most are: DF, no options, of the default route
 * of its socket, `dst`. */
struct ip_plain {
	struct ip_dst *dst;
	const struct ip_addr *src, *to;
	uint32_t mark;
	uint8_t proto, tos;
	uint8_t ttl; /* 0: the default of the stack, or of the interface */
};
enum {
	IP_NOT_PLAIN = 1,
};
/* ip_output() of such a packet of that family in a straight line, when its own room holds it, it
 * goes to a neighbour whose address is known, and no hook is in the way. Returns what that does; or
 * IP_NOT_PLAIN: it is not, and nothing was changed. */
int ip4_output_plain(struct stack *st, struct pkt *pkt, const struct ip_plain *out) MUST_CHECK;
int ip6_output_plain(struct stack *st, struct pkt *pkt, const struct ip_plain *out) MUST_CHECK;

/* The address is one of ours (any interface). */
bool ip_addr_is_local(const struct stack *st, const struct ip_addr *addr);
/* Sorts destinations by RFC 6724 §6: of `dsts` the addresses are set, everything else is found out.
 */
void ip_dsts_sort(struct stack *st, struct ip_sel_dst *dsts, size_t n);
/* Upper layers confirm that the next hop is alive (RFC 4861 §7.3.1): forward progress was made. */
void ip_dst_confirm(struct stack *st, struct ip_dst *dst);
