/* SPDX-License-Identifier: MIT */
/*
 * Who has which address: the leases of a DHCP server. A range of a few addresses, each with the
 * client that it was last given to.
 *
 * How it works: an address is free, offered (for OFFER_S), leased, or set aside because a client
 * has found somebody else using it. A client that comes again gets what it had, as long as nobody
 * else needed it; a new one gets an address that nobody ever had, else that whose time ended first.
 * Nothing is allocated: the range is the bound, and when all are taken a client gets no answer.
 */
#pragma once

#include "net/dhcp/dhcp_msg.h"

enum {
	DHCP_POOL_MAX = 64,
	DHCP_OFFER_S = 60,
	DHCP_DECLINED_S = 600,
};

enum dhcp_lease_state {
	DHCP_FREE, /* also when its time has ended; the client is kept */
	DHCP_OFFERED,
	DHCP_LEASED,
	DHCP_DECLINED, /* no client's */
};

struct dhcp_lease {
	enum dhcp_lease_state state; /* ask dhcp_pool_is_free() */
	struct dhcp_client_id id;    /* len 0 with mac 0: nobody ever had it */
	uint8_t mac[6];
	int64_t until_ns; /* FREE: since when; else the end of that state */
};

struct dhcp_pool {
	dhcp_addr first;
	uint32_t n; /* 1 to DHCP_POOL_MAX */
	struct dhcp_lease leases[DHCP_POOL_MAX];
};

/* The address's lease; NULL: it is not of the range. */
struct dhcp_lease *dhcp_pool_at(struct dhcp_pool *pool, dhcp_addr addr);
dhcp_addr dhcp_pool_addr(const struct dhcp_pool *pool, const struct dhcp_lease *lease);
bool dhcp_lease_is_free(const struct dhcp_lease *lease, int64_t now_ns);
/* The client has it, had it, or it is offered to it. */
bool dhcp_lease_is_of(const struct dhcp_lease *lease, const struct dhcp_query *q);
/* The client's address, even if its time has ended; NULL: none. */
struct dhcp_lease *dhcp_pool_find(struct dhcp_pool *pool, const struct dhcp_query *q);
/* An address for the client: its own, the one that it asks for if that is free, or another. NULL:
 * there is none. Nothing changes. */
struct dhcp_lease *dhcp_pool_choose(struct dhcp_pool *pool, const struct dhcp_query *q,
				    int64_t now_ns);
/* It is offered or leased to the client until then; what else the client had is free. */
void dhcp_pool_give(struct dhcp_pool *pool, struct dhcp_lease *lease, const struct dhcp_query *q,
		    enum dhcp_lease_state state, int64_t until_ns);
/* It is the client's no more, but is kept for it while nobody else needs it. */
void dhcp_lease_free(struct dhcp_lease *lease, int64_t now_ns);
/* Somebody else uses it. */
void dhcp_lease_decline(struct dhcp_lease *lease, int64_t now_ns);
