/* SPDX-License-Identifier: MIT */
/*
 * IPv6 of a stack: addresses, input, output, forwarding.
 *
 *	ip6_input (ip6_in.c) -+-> ip6_ext_input (ip6_ext.c) -> transport      for us
 *	                      +-> ip6_forward (ip6_fwd.c)
 *	ip6_output (ip6_out.c) --> neigh_output
 *	ip6_route (ip6_route.c): the forwarding table (fib/) and source selection
 *	ip6_addr_add (ip6_addr.c): addresses of interfaces and the routes that follow from them
 *
 * Transports see ip.h only. RFC 8200, RFC 4291, RFC 4007, RFC 6437, RFC 6724, RFC 8504.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/wheel.h"
#include "core/stack.h"
#include "ip/addr_select.h"
#include "ip/dst_cache.h"
#include "ip/fib/fib6.h"
#include "ip/hook.h"
#include "ip/ip.h"
#include "ip/ip6_conf.h"
#include "ip/reasm.h"
#include "ip/redirect6.h"
#include "wire/addr.h"
#include "wire/ip6.h"
#include "wire/special.h"

enum {
	IP6_HOPS_DEFAULT = 64,
	/* Addresses of one interface: a bound so that a mistake in a script does not take all
	 * memory. Those that routers make us have are bounded by themselves (max_addresses). */
	IP6_IF_ADDRS_MAX = 4096,
	IP6_DAD_NONCES = 3, /* of the last solicitations for an address: a loop may be that slow */
	IP6_METRIC_DEFAULT = 1024, /* of routes by hand, as Linux */
	IP6_REASM_S = 60,          /* RFC 8200 §4.5 */
	IP6_METRIC_PREFIX = 256,   /* of connected prefixes */
};

/* A lifetime without end, in seconds. */
static const uint32_t IP6_LIFE_EVER = UINT32_MAX;

#define IP6_ADDR(hi, lo)     ip6_addr_make(UINT64_C(hi), UINT64_C(lo))
#define IP6_ADDR_ANY         ip6_addr_make(0, 0)
#define IP6_ADDR_LOOPBACK    ip6_addr_make(0, 1)
#define IP6_ADDR_ALL_NODES   ip6_addr_make(UINT64_C(0xff02) << 48, 1)
#define IP6_ADDR_ALL_ROUTERS ip6_addr_make(UINT64_C(0xff02) << 48, 2)

static inline struct ip6_addr ip6_addr_make(uint64_t hi, uint64_t lo)
{
	struct ip6_addr a;

	store_be64(a.b, hi);
	store_be64(a.b + 8, lo);
	return a;
}

/* How far an address means something (RFC 4007 §4), as the scope field of a multicast address. */
enum ip6_scope {
	IP6_SCOPE_INTERFACE = 1,
	IP6_SCOPE_LINK = 2,
	IP6_SCOPE_SITE = 5,
	IP6_SCOPE_GLOBAL = 14,
};

/* RFC 4862 §2: what an address may be used for. */
enum ip6_addr_state {
	IP6_ADDR_TENTATIVE, /* nobody has objected yet: neither received for nor sent from */
	IP6_ADDR_DUPLICATE, /* somebody has */
	IP6_ADDR_PREFERRED,
	IP6_ADDR_DEPRECATED, /* received for; a source only when there is no other */
};

/* ip6_ifaddr->flags */
enum {
	IP6_ADDR_F_AUTO = 1 << 0,          /* made by us: link-local, or out of a router's prefix */
	IP6_ADDR_F_TEMPORARY = 1 << 1,     /* RFC 8981 */
	IP6_ADDR_F_NODAD = 1 << 2,         /* serves at once */
	IP6_ADDR_F_NOPREFIXROUTE = 1 << 3, /* its prefix is not known to be on the link */
	IP6_ADDR_F_LATE = 1 << 4, /* many hosts may make theirs now: DAD begins at random */
};

/* An address of an interface. */
enum {
	IP6_ADDR_ROUTERS = 4, /* that are remembered; the oldest makes room */
};

struct ip6_ifaddr {
	struct list link; /* ip6_if->addrs: of the widest scope first */
	struct netif *netif;
	struct ip6_addr addr;
	uint8_t prefix_len;
	uint8_t state;              /* enum ip6_addr_state */
	uint8_t flags;              /* IP6_ADDR_F_* */
	int64_t preferred_until_ns; /* INT64_MAX: for ever */
	int64_t valid_until_ns;
	int64_t created_ns, updated_ns; /* when it was made; when lifetimes were given last */
	struct wheel_timer life_timer;  /* the next of these ends */
	/* duplicate detection (dad.c) */
	struct wheel_timer dad_timer;
	bool dad_is_waiting; /* for the random delay: nothing is said about it yet */
	bool dad_is_looped;  /* our own solicitation came back */
	uint8_t dad_left;    /* solicitations still to be sent */
	uint8_t n_nonces;
	uint8_t nonces[IP6_DAD_NONCES][6]; /* newest first */
	uint8_t gen_try;                   /* how many of its kind others had before it */
	bool has_no_temp;                  /* all temporary ones beside it were taken */
	int64_t temp_preferred_ns;         /* of a temporary one: when it should be deprecated */
	/* RFC 6724 §5 rule 5.5: routers that have advertised its prefix, the last first; of
	 * temporary ones, those of the one that stays. */
	struct ip6_addr routers[IP6_ADDR_ROUTERS];
	uint8_t n_routers;
};

/* Counts on how many interfaces an address is ours; one for each in the table. */
struct ip6_own_entry {
	struct hlist_node node; /* ip6->own */
	struct ip6_addr addr;
	uint32_t n;
};

struct ip6_if {
	struct netif *netif;
	struct list addrs; /* struct ip6_ifaddr */
	uint32_t n_addrs;
	bool was_up;      /* as the routes know it */
	bool was_running; /* when it starts to run, tentative addresses are asked about */
	struct ip6_if_conf conf;
	/* routers (ra.h) */
	struct ra_if *ra; /* NULL: none has been heard */
	struct wheel_timer rs_timer;
	int32_t rs_left; /* solicitations still to be sent; -1: any number */
	int64_t rs_interval_ns;
	struct wheel_timer temp_timer; /* the next temporary address is due */
};

struct ip6_conf {
	bool forward;    /* net.ipv6.conf.all.forwarding */
	bool bindv6only; /* net.ipv6.bindv6only */
	bool auto_flowlabels;
	/* ICMPv6 */
	bool echo_ignore_all, echo_ignore_multicast;
	uint32_t ratelimit_ms; /* one error in that time to one host; 0: no limit of that kind */
};

enum {
	IP6_FLOW_MEMOS = 8,
};

/* A flow, as its label is computed from it, and the label; 0: none yet. */
struct ip6_flow_memo {
	uint64_t words[5];
	uint32_t label;
};

struct ip6 {
	struct ip6_conf conf;
	struct ip6_if_conf if_default; /* of interfaces that come from now on */
	struct netif *lo;              /* NULL: the stack has no loopback interface */
	struct fib6 fib;
	struct ip_hooks hooks;
	/* Table of our own addresses: one probe decides whether a packet is for us. */
	struct hlist *own;
	uint32_t own_mask; /* buckets - 1 */
	uint32_t n_own;
	struct siphash_key flow_key; /* of flow labels */
	struct ip6_flow_memo flow_memo[IP6_FLOW_MEMOS];
	bool has_secret;
	struct siphash_key secret; /* of stable_id.c */
	uint64_t n_ra_orders;      /* of routes that routers have advertised */
	struct redirect6 redirects;
	/* RFC 6724 §2.1, as the user has set it; NULL: the default table. */
	struct ip_policies *policies;
	struct reasm reasm;
	struct dst_cache dsts; /* of fastfwd.h */
};

/* Sets up IPv6, ICMPv6 and neighbour discovery: st->ip6, the EtherType, the layer, settings. After
 * ip4_init(), before any interface. 0, -ENOMEM, -ENOSPC, -EEXIST; what was made is freed with the
 * stack. */
int ip6_init(struct stack *st) MUST_CHECK;

/*
 * Addresses (ip6_addr.c). A loopback interface gets ::1/128 by itself, others a link-local address
 * when they are set up.
 */

/* Adds an address for ever, with its local and connected routes. Without IP6_ADDR_F_NODAD it is
 * tentative, and has no local route, until nobody has objected (dad.c), if the interface's settings
 * say so. 0; -EEXIST; -EINVAL: prefix longer than 128, unspecified, group, v4-mapped or (but on
 * loopback) loopback address; -EACCES: IPv6 is disabled; -ENOSPC; -ENOMEM. */
int ip6_addr_add(struct netif *netif, const struct ip6_addr *addr, uint8_t prefix_len,
		 uint8_t flags) MUST_CHECK;
/* The same with lifetimes in seconds, UINT32_MAX for ever: preferred_s <= valid_s, which is not 0.
 * -EINVAL: they are not so. */
int ip6_addr_add_for(struct netif *netif, const struct ip6_addr *addr, uint8_t prefix_len,
		     uint8_t flags, uint32_t preferred_s, uint32_t valid_s) MUST_CHECK;
/* Gives an address other lifetimes, from now on; valid_s 0: it goes. */
void ip6_ifaddr_set_life(struct ip6_ifaddr *ifa, uint32_t preferred_s, uint32_t valid_s);
/* The same by the clock, INT64_MAX for ever. May free it, when that is over. */
void ip6_ifaddr_set_until(struct ip6_ifaddr *ifa, int64_t preferred_until_ns,
			  int64_t valid_until_ns);
/* Changes the state, and what follows from it. 0; -ENOMEM: as it was. */
int ip6_ifaddr_set_state(struct ip6_ifaddr *ifa, enum ip6_addr_state state) MUST_CHECK;
/* Takes the address away and frees it. */
void ip6_ifaddr_free(struct ip6_ifaddr *ifa);
/* 0, or -EADDRNOTAVAIL. The routes that follow from the address go, also those that prefer it as
 * their source. */
int ip6_addr_del(struct netif *netif, const struct ip6_addr *addr, uint8_t prefix_len) MUST_CHECK;
/* The hardware address is another one: a link-local address that was made of the old one follows.
 */
void ip6_addr_mac_changed(struct netif *netif);
/* The interface's address `addr`, in whatever state; NULL: it has none such. */
struct ip6_ifaddr *ip6_ifaddr_find(const struct netif *netif, const struct ip6_addr *addr);
/* Packets to this address of ours are taken, and may come from it. */
static inline bool ip6_ifaddr_is_valid(const struct ip6_ifaddr *ifa)
{
	return ifa->state >= IP6_ADDR_PREFERRED;
}
/* The interface has this address and it is valid: all that counts for link-local ones. */
bool ip6_addr_is_on(const struct netif *netif, const struct ip6_addr *addr);
/* What a source address is wanted for. */
struct ip6_addr_want {
	const struct netif *out; /* packets leave by it */
	struct ip6_addr dst;
	bool only_out;          /* of the interface's own addresses alone */
	struct ip6_addr router; /* by which they go; unspecified: none, or all the same */
	uint8_t prefs;          /* IP_SRC_* */
};
/* The address for packets to `dst` that leave by `out` (RFC 6724 §5, ip/addr_select.h): of those of
 * `out`, and unless `only_out` is set or `dst` is of the link, of all others (§4). False: there is
 * none. */
bool ip6_addr_select_best(const struct stack *st, const struct ip6_addr_want *want,
			  struct ip6_addr *ret) MUST_CHECK;
/* The same without preferences. */
bool ip6_addr_select(const struct stack *st, const struct netif *out, const struct ip6_addr *dst,
		     bool only_out, struct ip6_addr *ret) MUST_CHECK;

/* The table of policies in use. */
const struct ip_policies *ip6_policies(const struct stack *st);
/* Another one; NULL: the default again. 0, or -ENOMEM. */
int ip6_policies_set(struct stack *st, const struct ip_policies *table) MUST_CHECK;
/* What RFC 6724 asks about an address of ours. False: it is none. */
bool ip6_sel_src_of(const struct stack *st, const struct ip6_addr *addr,
		    struct ip_sel_src *ret) MUST_CHECK;

enum ip6_scope ip6_addr_scope(const struct ip6_addr *addr);
/* The group in which who has the address is asked for (RFC 4291 §2.7.1). */
struct ip6_addr ip6_solicited_node(const struct ip6_addr *addr);
/* RFC 4291 §2.5.5: they stand for IPv4 addresses and are on no wire. */
bool ip6_addr_is_mapped(const struct ip6_addr *addr);
/* The bits beyond `len` become zero. */
struct ip6_addr ip6_addr_prefix(const struct ip6_addr *addr, unsigned int len);
/* Bits that are the same from the top on. */
unsigned int ip6_common_len(const struct ip6_addr *a, const struct ip6_addr *b);

static inline uint32_t ip6_own_hash(const struct ip6 *ip6, const struct ip6_addr *addr)
{
	uint64_t h = (load_be64(addr->b) ^ load_be64(addr->b + 8)) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32) & ip6->own_mask;
}

/* The address is valid on some interface. */
static inline bool ip6_own(const struct ip6 *ip6, const struct ip6_addr *addr)
{
	const struct ip6_own_entry *e;

	hlist_for_each (e, &ip6->own[ip6_own_hash(ip6, addr)], node)
		if (ip6_addr_eq(&e->addr, addr))
			return true;
	return false;
}

/* The stack takes what comes to this group on `netif`. */
bool ip6_group_is_joined(const struct netif *netif, const struct ip6_addr *group);

/*
 * Routing (ip6_route.c).
 */

/* ip_route() for IPv6, with the reason of a refusal. */
struct route_metrics ip6_route_metrics(struct stack *st, const struct ip_flow *flow);
enum drop ip6_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
		    struct ip_addr *ret_src) MUST_CHECK;
/* The reason that a route of a refusing type, or none, gives. */
enum drop ip6_route_refusal(const struct fib6_route *route);

/* Adds a route as a user means it: finds the interface of a gateway when `netif` is NULL; metric 0
 * is IP6_METRIC_DEFAULT. `src` must be ours. 0, -EEXIST, -ENETUNREACH (gateway not on-link),
 * -EINVAL, -ENOMEM. */
int ip6_route_add(struct stack *st, const struct fib6_route *route) MUST_CHECK;
/* The same behind routes of its prefix and metric; -EEXIST only when one is the same in everything.
 * With `is_replacing`, the first of those goes afterwards; -ENOENT: there is none. */
int ip6_route_append(struct stack *st, const struct fib6_route *route,
		     bool is_replacing) MUST_CHECK;
/* 0, or -ESRCH. */
int ip6_route_del(struct stack *st, const struct fib6_key *key) MUST_CHECK;

/* The MTU of IPv6 on an interface: the link's, or less if a router says so. */
static inline uint32_t ip6_netif_mtu(const struct netif *netif)
{
	uint32_t mtu = netif->ip6->conf.mtu;

	return mtu && mtu < netif->mtu ? mtu : netif->mtu;
}

/*
 * Packets.
 */

/* A frame's IPv6 packet: `data` at its header, l3_off set (ip6_in.c). */
enum drop ip6_input(struct netif *netif, struct pkt *pkt);
/* A checked packet that is not for us; `data` at its header (ip6_fwd.c). */
enum drop ip6_forward(struct netif *in, struct pkt *pkt, const struct ip6_hdr *hdr);
/* A next hop did not answer: tells the source of a packet that waited for it, which stays the
 * caller's (ip6_fwd.c). */
void ip6_unreachable(struct netif *netif, struct pkt *pkt);
/* ip_output() for IPv6 (ip6_out.c). */
int ip6_output(struct stack *st, struct pkt *pkt, const struct ip_out *out);

/* Calls the hooks of a point; DROP_NONE with *ret_stolen set: the packet is gone. */
static inline enum drop ip6_hook(struct stack *st, enum ip_hook_point point, struct netif *in,
				 struct netif *out, struct pkt *pkt, bool *ret_stolen)
{
	struct ip_hook_ctx ctx = {.st = st, .point = point, .in = in, .out = out, .is_ip6 = true};
	enum ip_verdict verdict = ip_hooks_call(&st->ip6->hooks, pkt, &ctx);

	*ret_stolen = verdict == IP_STOLEN;
	return verdict == IP_DROP ? ctx.why : DROP_NONE;
}
