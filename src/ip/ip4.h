/* SPDX-License-Identifier: MIT */
/*
 * IPv4 of a stack: addresses, input, output, forwarding.
 *
 *	ip4_input (ip4_in.c) -+-> transport            for us
 *	                      +-> ip4_forward (ip4_fwd.c)
 *	ip4_output (ip4_out.c) --> neigh_output
 *	ip4_route (ip4_route.c): the forwarding table (fib/) and source selection
 *	ip4_addr_add (ip4_addr.c): addresses of interfaces and the routes that follow from them
 *
 * Transports see ip.h only. RFC 791, RFC 1122 §3, RFC 1812 §5, RFC 6864, RFC 6890.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "core/stack.h"
#include "ip/dst_cache.h"
#include "ip/fib/fib4.h"
#include "ip/hook.h"
#include "ip/ip.h"
#include "ip/ip4_conf.h"
#include "ip/pmtu.h"
#include "ip/reasm.h"
#include "ip/redirect4.h"
#include "wire/addr.h"
#include "wire/ip4.h"
#include "wire/special.h"

enum {
	IP4_TTL_DEFAULT = 64,
	IP4_REASM_S = 30, /* Linux's; RFC 1122 §3.3.2 has 60 to 120 */
	IP4_N_IDS = 64,
	/* Addresses of one interface: a bound so that a mistake in a script does not take all
	 * memory. */
	IP4_IF_ADDRS_MAX = 65536,
};

/* An address of an interface. */
struct ip4_ifaddr {
	struct list link; /* ip4_if->addrs: primary ones before secondary ones */
	struct netif *netif;
	struct ip4_addr addr;
	uint8_t prefix_len;
	bool is_secondary; /* another address of the same prefix was there first */
};

/* Why an address means us. */
enum ip4_own {
	IP4_OWN_NO,
	IP4_OWN_LOCAL,     /* an address of an interface */
	IP4_OWN_BROADCAST, /* the directed broadcast address of an interface's prefix */
};

/* Counts in how many ways an address means us; one for each in the table. */
struct ip4_own_entry {
	struct hlist_node node; /* ip4->own */
	struct ip4_addr addr;
	uint32_t n_local, n_broadcast;
};

struct ip4_if {
	struct ip4_if_conf conf;
	struct list addrs; /* struct ip4_ifaddr */
	uint32_t n_addrs;
	struct list acds; /* struct acd: addresses that are asked about, and defended */
	uint32_t n_acds;
	bool was_up;      /* as the routes know it */
	bool was_running; /* when it starts to run, addresses are announced */
};

struct ip4_conf {
	bool forward;        /* net.ipv4.ip_forward: any interface may, ip4_if_conf.forwarding */
	uint8_t default_ttl; /* net.ipv4.ip_default_ttl */
};

/* Addresses of a datagram for us that was judged of late, valid like a struct ip_dst. */
struct ip4_known {
	uint64_t addrs; /* source and destination, as they stand in the header */
	const struct netif *netif;
	uint32_t gen;
};

enum {
	IP4_KNOWNS = 8, /* of a stack: most are busy with few at a time */
};

struct ip4 {
	struct ip4_conf conf;
	struct ip4_if_conf if_default; /* of interfaces that come from now on */
	uint32_t dst_gen;              /* current generation of struct ip_dst; never 0 */
	struct netif *lo;              /* NULL: the stack has no loopback interface */
	struct fib4 fib;
	struct ip_hooks hooks;
	/* Table of our own addresses: one probe decides whether a packet is for us. It grows with
	 * their number; keys are ours, so the hash need not be keyed. */
	struct hlist *own;
	uint32_t own_mask; /* buckets - 1 */
	uint32_t n_own;
	struct reasm reasm;
	struct pmtu pmtu; /* of both families */
	struct redirect4 redirects;
	struct ip_nexthop nexthops[IP_NEXTHOPS]; /* by the last byte of the address */
	struct ip4_known knowns[IP4_KNOWNS];     /* by the last byte of the source */
	struct dst_cache dsts;                   /* of fastfwd.h */
	uint32_t ids[IP4_N_IDS]; /* next identification by hash of addresses and protocol */
};

/* Sets up IPv4 and ICMP: st->ip4, st->icmp, the EtherType, the layer, settings. After the neighbour
 * layer, before any interface. 0, -ENOMEM, -ENOSPC, -EEXIST; what was made is freed with the
 * stack. */
int ip4_init(struct stack *st) MUST_CHECK;

/*
 * Addresses (ip4_addr.c). A loopback interface gets 127.0.0.1/8 by itself.
 */

/* Adds an address with its local, connected and broadcast routes; announces it by gratuitous ARP.
 * 0; -EEXIST; -EINVAL: prefix longer than 32, unspecified, group, reserved or broadcast address;
 * -ENOSPC; -ENOMEM. */
int ip4_addr_add(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len) MUST_CHECK;
/* 0, or -EADDRNOTAVAIL. The routes that follow from the address go, also those that prefer it as
 * their source; the oldest secondary address of its prefix becomes primary. */
int ip4_addr_del(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len) MUST_CHECK;
/* The address for packets that leave by `netif` towards `nexthop`: the first whose prefix has it,
 * else the interface's first, else the first of any other interface but loopback (RFC 1122
 * §3.3.4.3). False: there is none. */
bool ip4_addr_select(const struct stack *st, const struct netif *netif, struct ip4_addr nexthop,
		     struct ip4_addr *ret) MUST_CHECK;
/* Tells the neighbours where each address of the interface is, if it runs. */
void ip4_addrs_announce(struct netif *netif);
/* Its prefix's broadcast address. False: it has none. */
bool ip4_ifaddr_broadcast(const struct ip4_ifaddr *ifa, struct ip4_addr *ret) MUST_CHECK;
/* Our address in the prefix that `addr` is in, on `netif`; NULL: not on that link. */
const struct ip4_ifaddr *ip4_addr_on_link(const struct netif *netif, struct ip4_addr addr);

static inline uint32_t ip4_own_hash(const struct ip4 *ip4, struct ip4_addr addr)
{
	return (ip4_addr_u32(&addr) * 0x9e3779b1u >> 16) & ip4->own_mask;
}

static inline enum ip4_own ip4_own(const struct ip4 *ip4, struct ip4_addr addr)
{
	const struct ip4_own_entry *e;

	hlist_for_each (e, &ip4->own[ip4_own_hash(ip4, addr)], node)
		if (ip4_addr_eq(&e->addr, &addr))
			return e->n_local ? IP4_OWN_LOCAL : IP4_OWN_BROADCAST;
	return IP4_OWN_NO;
}

/* The stack takes what comes to this group on `netif`. */
bool ip4_group_is_joined(const struct netif *netif, struct ip4_addr group);

/*
 * Routing (ip4_route.c).
 */

/* ip_route() for IPv4, with the reason of a refusal. */
struct route_metrics ip4_route_metrics(struct stack *st, const struct ip_flow *flow);
enum drop ip4_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
		    struct ip_addr *ret_src) MUST_CHECK;
/* The reason that a route of a refusing type, or none, gives. */
enum drop ip4_route_refusal(const struct fib4_route *route);
/* Where a route sends `dst`; 255.255.255.255 for broadcasts of any kind. */
struct ip4_addr ip4_route_nexthop(const struct fib4_route *route, struct ip4_addr dst);

/* Adds a route as a user means it: finds the interface of a gateway when `netif` is NULL. `src`
 * must be ours. 0, -EEXIST, -ENETUNREACH (gateway not on-link), -EINVAL, -ENOMEM. */
int ip4_route_add(struct stack *st, const struct fib4_route *route) MUST_CHECK;
/* The same behind routes of its prefix and metric; -EEXIST only when one is the same in everything.
 * With `is_replacing`, the first of those goes afterwards; -ENOENT: there is none. */
int ip4_route_append(struct stack *st, const struct fib4_route *route,
		     bool is_replacing) MUST_CHECK;
/* 0, or -ESRCH. */
int ip4_route_del(struct stack *st, const struct fib4_key *key) MUST_CHECK;

/*
 * Packets.
 */

/* A frame's IPv4 datagram: `data` at its header, l3_off set (ip4_in.c). */
enum drop ip4_input(struct netif *netif, struct pkt *pkt);
/* A checked datagram that is not for us; `data` at its header (ip4_fwd.c). */
enum drop ip4_forward(struct netif *in, struct pkt *pkt, const struct ip4_hdr *hdr);
/* A copy of a directed broadcast goes to its link, if that is another one than `in`'s. */
void ip4_forward_broadcast(struct netif *in, struct pkt *pkt, const struct ip4_hdr *hdr);
/* A next hop did not answer: tells the source of a packet that waited for it, which stays the
 * caller's (ip4_fwd.c). */
void ip4_unreachable(struct netif *netif, struct pkt *pkt);
/* ip_output() for IPv4 (ip4_out.c). */
int ip4_output(struct stack *st, struct pkt *pkt, const struct ip_out *out);
/* The same for a packet that has its header already (`data` there, l3_off set); `out` says where it
 * goes, whatever the header's destination is. */
int ip4_output_hdr(struct stack *st, struct pkt *pkt, const struct ip_out *out);

/* Addresses that can be no packet's source, wherever it comes from (RFC 1122 §3.2.1.3, RFC 6890);
 * 0.0.0.0 can, sometimes, and loopback inside. */
static inline bool ip4_src_is_martian(struct ip4_addr a)
{
	return ip4_is_martian_src(a) && !ip4_addr_is_loopback(&a);
}

static inline bool ip4_is_group(struct ip4_addr a)
{
	return ip4_addr_is_multicast(&a) || ip4_addr_is_broadcast(&a);
}

/* Calls the hooks of a point; DROP_NONE with *ret_stolen set: the packet is gone. */
static inline enum drop ip4_hook(struct stack *st, enum ip_hook_point point, struct netif *in,
				 struct netif *out, struct pkt *pkt, bool *ret_stolen)
{
	struct ip_hook_ctx ctx = {.st = st, .point = point, .in = in, .out = out};
	enum ip_verdict verdict = ip_hooks_call(&st->ip4->hooks, pkt, &ctx);

	*ret_stolen = verdict == IP_STOLEN;
	return verdict == IP_DROP ? ctx.why : DROP_NONE;
}
