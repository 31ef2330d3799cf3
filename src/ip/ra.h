/* SPDX-License-Identifier: MIT */
/*
 * What routers tell a host (RFC 4861 §6.3, RFC 4191, RFC 8106), of an interface.
 *
 *	rs_*       (rs.c)          asks for it
 *	ra_input   (ra_in.c)       checks an advertisement and hands out its parts:
 *	ra_routes  (ra_route.c)      default routers, routes, prefixes that are on the link
 *	slaac_*    (slaac.c)         addresses out of prefixes; stable_id.c, temp_addr.c
 *	ra_dns     (ra_dns.c)        name servers and search domains
 *
 * All of it has an end in time, and a bound in number: at the bound what is new is not taken, but a
 * default router takes the place of one that is silent or less preferred. It goes when the
 * interface is set down.
 *
 * How routes of one prefix are ordered (RFC 4191 §3.2, RFC 4861 §6.3.6): routers that are not known
 * to be silent first; among these by preference; then in the order in which they were heard of. The
 * forwarding table holds them in this order with the same metric, so its first is in use. A router
 * that does not answer becomes silent, and goes behind the others; it is heard again when it
 * advertises or answers. While all are silent, each failure moves one to the end, so that they are
 * tried in turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/wheel.h"
#include "core/stack.h"
#include "wire/addr.h"
#include "wire/icmp6.h"
#include "wire/nd.h"

struct ip6_ifaddr;
struct netif;
struct pkt;

enum {
	/* Of an interface. RFC 4861 §6.3.4 asks for two routers at least. */
	RA_ROUTERS_MAX = 8,
	RA_ROUTES_MAX = 32,
	RA_PREFIXES_MAX = 16,
	RA_DNS_MAX = 8,
	RA_SEARCH_MAX = 8,
	RA_NAME_MAX = 256,
	RA_METRIC = 1024, /* as Linux */
};

enum ra_route_kind {
	RA_ROUTER, /* a default route */
	RA_ROUTE,  /* RFC 4191 §2.3 */
	RA_PREFIX, /* on the link */
	RA_ROUTE_KINDS,
};

struct ra_route {
	struct list link; /* ra_if->routes of its kind, in the order heard of */
	struct netif *netif;
	struct ip6_addr prefix;
	struct ip6_addr router; /* unspecified: on the link */
	uint8_t prefix_len;
	uint8_t kind;
	uint8_t pref;      /* enum nd_pref */
	bool is_silent;    /* the router does not answer */
	bool is_installed; /* in the forwarding table */
	uint64_t order;    /* when it was heard of, or found silent */
	int64_t until_ns;  /* INT64_MAX: for ever */
};

struct ra_server {
	struct ip6_addr addr;
	int64_t until_ns;
};

struct ra_domain {
	char name[RA_NAME_MAX]; /* as text, without a dot at the end */
	int64_t until_ns;
};

/* What an interface has been told. Made with the first advertisement that is taken. */
struct ra_if {
	struct netif *netif;
	struct list routes[RA_ROUTE_KINDS]; /* struct ra_route */
	uint32_t n_routes[RA_ROUTE_KINDS];
	struct wheel_timer timer; /* the next of the routes ends */
	bool managed, other;      /* of the last advertisement: RFC 4861 §4.2's M and O */
	int64_t heard_ns;         /* when that was */
	uint32_t n_servers, n_domains;
	struct ra_server servers[RA_DNS_MAX];
	struct ra_domain domains[RA_SEARCH_MAX];
};

/* An advertisement, checksum verified. Takes `pkt` on DROP_NONE. */
enum drop ra_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
		   const struct icmp6_hdr *icmp);
/* Whether the interface listens to routers. */
bool ra_is_heeded(const struct netif *netif);
/* Forgets everything; the interface is set down or goes. */
void ra_flush(struct netif *netif);

/*
 * Routes (ra_route.c).
 */

struct ra_route_said {
	enum ra_route_kind kind;
	struct ip6_addr prefix;
	uint8_t prefix_len;
	struct ip6_addr router;
	uint8_t pref;
	uint32_t lifetime_s; /* 0: take it away */
};

void ra_routes_init(struct ra_if *ra);
void ra_routes_fini(struct ra_if *ra);
/* False: there is no room. */
bool ra_route_say(struct ra_if *ra, const struct ra_route_said *said);
/* A neighbour is silent, or has been heard: what goes by it is ordered anew. */
void ra_router_heard(struct netif *netif, const struct ip6_addr *router, bool is_silent);
bool ra_is_router(const struct netif *netif, const struct ip6_addr *addr);
/* It says that it is no router any more (RFC 4861 §7.2.5). */
void ra_router_gone(struct netif *netif, const struct ip6_addr *router);

/*
 * Name servers (ra_dns.c).
 */

void ra_dns_say(struct ra_if *ra, const struct nd_opts *opts);

/*
 * Solicitations (rs.c).
 */

void rs_init(struct netif *netif);
/* Begins to ask, if the interface is to listen, has a link-local address and runs. */
void rs_start(struct netif *netif, bool is_at_once);
void rs_stop(struct netif *netif);

/*
 * Addresses (slaac.c).
 */

/* `router` advertises a prefix to make addresses of (RFC 4862 §5.5.3). */
void slaac_prefix(struct netif *netif, const struct nd_prefix *prefix,
		  const struct ip6_addr *router);
/* Another node has an address that we have made: perhaps there is another one. May free it. */
void slaac_dad_failed(struct ip6_ifaddr *ifa);
/* The addresses that came out of prefixes go. */
void slaac_flush(struct netif *netif);
/* The lower half of an address of ours. */
uint64_t slaac_iid(struct netif *netif, const struct ip6_addr *prefix, uint8_t n_try);

/* It is one made of this prefix, which has 64 bits. */
bool slaac_is_from(const struct ip6_ifaddr *ifa, const struct ip6_addr *prefix);
/* The address has its prefix from this router; `*ret_other`: from others alone. */
bool slaac_is_by(const struct ip6_ifaddr *ifa, const struct ip6_addr *router, bool *ret_other);
/* The one that stays; NULL: there is none. */
struct ip6_ifaddr *slaac_find(const struct netif *netif, const struct ip6_addr *prefix);
/* NULL: refused, for its bound or memory, or because its time is over. */
struct ip6_ifaddr *slaac_add(struct netif *netif, const struct ip6_addr *prefix, uint64_t iid,
			     uint8_t flags, int64_t preferred_until_ns, int64_t valid_until_ns);

/* Temporary ones (temp_addr.c; RFC 8981). */
void temp_addr_init(struct netif *netif);
/* Lifetimes have changed, or time has passed. May free temporary addresses. */
void temp_addr_update(struct netif *netif);
/* Another node has this one, which goes. */
void temp_addr_again(struct ip6_ifaddr *old);

/*
 * Opaque identifiers (stable_id.c; RFC 7217).
 */

uint64_t stable_id(struct netif *netif, const struct ip6_addr *prefix, uint32_t n_try);
/* RFC 5453: no node may have this one. */
bool iid_is_reserved(uint64_t iid);
