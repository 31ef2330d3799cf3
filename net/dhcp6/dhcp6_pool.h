/* SPDX-License-Identifier: MIT */
/*
 * Who has which address: the bindings of a DHCPv6 server. A range of a few addresses, each with the
 * identity association (a client's DUID and a number of its own, RFC 8415 §12) that it was last
 * given to.
 *
 * How it works: an address is free, leased, or set aside because a client has found somebody else
 * using it. What is only advertised is not kept: the same question has the same answer until
 * somebody else has taken the address. An association that comes again gets what it had, as long as
 * nobody else needed it; a new one an address that nobody ever had, else that whose time ended
 * first. Nothing is allocated: the range is the bound.
 */
#pragma once

#include "net/dhcp6/dhcp6_msg.h"

enum {
	DHCP6_POOL_MAX = 64,
	DHCP6_DECLINED_S = 600,
};

enum dhcp6_lease_state {
	DHCP6_FREE, /* also when its time has ended; the client is kept */
	DHCP6_LEASED,
	DHCP6_DECLINED, /* no client's */
};

struct dhcp6_lease {
	enum dhcp6_lease_state state; /* ask dhcp6_lease_is_free() */
	struct dhcp6_duid client;     /* len 0: nobody ever had it */
	uint32_t iaid;
	int64_t until_ns; /* FREE: since when; else the end of that state */
};

struct dhcp6_pool {
	struct dhcp6_addr first; /* the others count up in its last 32 bits, without a carry */
	uint32_t n;              /* 0 to DHCP6_POOL_MAX */
	struct dhcp6_lease leases[DHCP6_POOL_MAX];
};

/* The address's lease; NULL: it is not of the range. */
struct dhcp6_lease *dhcp6_pool_at(struct dhcp6_pool *pool, const struct dhcp6_addr *addr);
struct dhcp6_addr dhcp6_pool_addr(const struct dhcp6_pool *pool, const struct dhcp6_lease *lease);
bool dhcp6_lease_is_free(const struct dhcp6_lease *lease, int64_t now_ns);
/* The association has it or had it. */
bool dhcp6_lease_is_of(const struct dhcp6_lease *lease, const struct dhcp6_duid *client,
		       uint32_t iaid);
/* The association's address, even if its time has ended; NULL: none. */
struct dhcp6_lease *dhcp6_pool_find(struct dhcp6_pool *pool, const struct dhcp6_duid *client,
				    uint32_t iaid);
/* An address for it: its own, the first of those it names that is free, or another. `taken` has a
 * true for each address that another association of the same message gets. NULL: there is none.
 * Nothing changes. */
struct dhcp6_lease *dhcp6_pool_choose(struct dhcp6_pool *pool, const struct dhcp6_duid *client,
				      const struct dhcp6_ia *ia, const bool taken[DHCP6_POOL_MAX],
				      int64_t now_ns);
/* It is leased to the association until then. */
void dhcp6_pool_give(struct dhcp6_lease *lease, const struct dhcp6_duid *client, uint32_t iaid,
		     int64_t until_ns);
/* It is the client's no more, but is kept for it while nobody else needs it. */
void dhcp6_lease_free(struct dhcp6_lease *lease, int64_t now_ns);
/* Somebody else uses it. */
void dhcp6_lease_decline(struct dhcp6_lease *lease, int64_t now_ns);
