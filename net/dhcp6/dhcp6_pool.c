/* SPDX-License-Identifier: MIT */
/* Bindings of addresses; contracts in dhcp6_pool.h. */
#include "net/dhcp6/dhcp6_pool.h"

#include <string.h>

#include "base/load.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	COUNTED_AT = 12, /* of an address's bytes */
};

struct dhcp6_lease *dhcp6_pool_at(struct dhcp6_pool *pool, const struct dhcp6_addr *addr)
{
	uint32_t i = load_be32(addr->b + COUNTED_AT) - load_be32(pool->first.b + COUNTED_AT);

	return !memcmp(addr->b, pool->first.b, COUNTED_AT) && i < pool->n ? &pool->leases[i] : NULL;
}

struct dhcp6_addr dhcp6_pool_addr(const struct dhcp6_pool *pool, const struct dhcp6_lease *lease)
{
	struct dhcp6_addr addr = pool->first;

	store_be32(addr.b + COUNTED_AT,
		   load_be32(addr.b + COUNTED_AT) + (uint32_t)(lease - pool->leases));
	return addr;
}

bool dhcp6_lease_is_free(const struct dhcp6_lease *lease, int64_t now_ns)
{
	return lease->state == DHCP6_FREE || lease->until_ns <= now_ns;
}

bool dhcp6_lease_is_of(const struct dhcp6_lease *lease, const struct dhcp6_duid *client,
		       uint32_t iaid)
{
	return lease->client.len && lease->iaid == iaid && dhcp6_duid_eq(&lease->client, client);
}

struct dhcp6_lease *dhcp6_pool_find(struct dhcp6_pool *pool, const struct dhcp6_duid *client,
				    uint32_t iaid)
{
	for (uint32_t i = 0; i < pool->n; i++)
		if (dhcp6_lease_is_of(&pool->leases[i], client, iaid))
			return &pool->leases[i];
	return NULL;
}

/* Nobody's before somebody's, and of those the one that ended first. */
static bool is_better(const struct dhcp6_lease *a, const struct dhcp6_lease *b)
{
	if (!a->client.len != !b->client.len)
		return !a->client.len;
	return a->client.len && a->until_ns < b->until_ns;
}

struct dhcp6_lease *dhcp6_pool_choose(struct dhcp6_pool *pool, const struct dhcp6_duid *client,
				      const struct dhcp6_ia *ia, const bool taken[DHCP6_POOL_MAX],
				      int64_t now_ns)
{
	struct dhcp6_lease *best = dhcp6_pool_find(pool, client, ia->iaid);

	if (best && !taken[best - pool->leases])
		return best;
	for (uint32_t i = 0; i < ia->n_addrs; i++) {
		best = dhcp6_pool_at(pool, &ia->addrs[i]);
		if (best && !taken[best - pool->leases] && dhcp6_lease_is_free(best, now_ns))
			return best;
	}
	best = NULL;
	for (uint32_t i = 0; i < pool->n; i++) {
		struct dhcp6_lease *lease = &pool->leases[i];

		if (!taken[i] && dhcp6_lease_is_free(lease, now_ns) &&
		    (!best || is_better(lease, best)))
			best = lease;
	}
	return best;
}

void dhcp6_pool_give(struct dhcp6_lease *lease, const struct dhcp6_duid *client, uint32_t iaid,
		     int64_t until_ns)
{
	*lease = (struct dhcp6_lease){
		.state = DHCP6_LEASED, .client = *client, .iaid = iaid, .until_ns = until_ns};
}

void dhcp6_lease_free(struct dhcp6_lease *lease, int64_t now_ns)
{
	lease->state = DHCP6_FREE;
	lease->until_ns = now_ns;
}

void dhcp6_lease_decline(struct dhcp6_lease *lease, int64_t now_ns)
{
	*lease = (struct dhcp6_lease){.state = DHCP6_DECLINED,
				      .until_ns = now_ns + DHCP6_DECLINED_S * NSEC_PER_SEC};
}
