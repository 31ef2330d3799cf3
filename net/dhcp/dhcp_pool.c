/* SPDX-License-Identifier: MIT */
/* Leases of addresses; contracts in dhcp_pool.h. */
#include "net/dhcp/dhcp_pool.h"

#include <string.h>

#define NSEC_PER_SEC INT64_C(1000000000)

struct dhcp_lease *dhcp_pool_at(struct dhcp_pool *pool, dhcp_addr addr)
{
	return addr >= pool->first && addr - pool->first < pool->n
		       ? &pool->leases[addr - pool->first]
		       : NULL;
}

dhcp_addr dhcp_pool_addr(const struct dhcp_pool *pool, const struct dhcp_lease *lease)
{
	return pool->first + (dhcp_addr)(lease - pool->leases);
}

bool dhcp_lease_is_free(const struct dhcp_lease *lease, int64_t now_ns)
{
	return lease->state == DHCP_FREE || lease->until_ns <= now_ns;
}

static bool lease_is_unused(const struct dhcp_lease *lease)
{
	static const uint8_t none[6];

	return !lease->id.len && !memcmp(lease->mac, none, sizeof(none));
}

/* RFC 2131 §4.2: by its identifier, and by the hardware's address when it has given none. */
bool dhcp_lease_is_of(const struct dhcp_lease *lease, const struct dhcp_query *q)
{
	if (lease->state == DHCP_DECLINED || lease->id.len != q->id.len)
		return false;
	if (q->id.len)
		return !memcmp(lease->id.b, q->id.b, q->id.len);
	return !memcmp(lease->mac, q->mac, sizeof(q->mac));
}

struct dhcp_lease *dhcp_pool_find(struct dhcp_pool *pool, const struct dhcp_query *q)
{
	for (uint32_t i = 0; i < pool->n; i++)
		if (dhcp_lease_is_of(&pool->leases[i], q))
			return &pool->leases[i];
	return NULL;
}

/* Nobody's before somebody's, and of those the one that ended first. */
static bool is_better(const struct dhcp_lease *a, const struct dhcp_lease *b)
{
	if (lease_is_unused(a) != lease_is_unused(b))
		return lease_is_unused(a);
	return !lease_is_unused(a) && a->until_ns < b->until_ns;
}

struct dhcp_lease *dhcp_pool_choose(struct dhcp_pool *pool, const struct dhcp_query *q,
				    int64_t now_ns)
{
	struct dhcp_lease *own = dhcp_pool_find(pool, q), *best = NULL;
	struct dhcp_lease *asked = dhcp_pool_at(pool, q->requested);

	if (own)
		return own;
	if (asked && dhcp_lease_is_free(asked, now_ns))
		return asked;
	for (uint32_t i = 0; i < pool->n; i++) {
		struct dhcp_lease *lease = &pool->leases[i];

		if (dhcp_lease_is_free(lease, now_ns) && (!best || is_better(lease, best)))
			best = lease;
	}
	return best;
}

void dhcp_pool_give(struct dhcp_pool *pool, struct dhcp_lease *lease, const struct dhcp_query *q,
		    enum dhcp_lease_state state, int64_t until_ns)
{
	struct dhcp_lease *had = dhcp_pool_find(pool, q);

	if (had && had != lease)
		*had = (struct dhcp_lease){.state = DHCP_FREE};
	/* An offer that repeats what stands takes nothing from the lease. */
	else if (had && state == DHCP_OFFERED && had->state == DHCP_LEASED &&
		 had->until_ns > until_ns)
		return;
	lease->state = state;
	lease->id = q->id;
	memcpy(lease->mac, q->mac, sizeof(lease->mac));
	lease->until_ns = until_ns;
}

void dhcp_lease_free(struct dhcp_lease *lease, int64_t now_ns)
{
	lease->state = DHCP_FREE;
	lease->until_ns = now_ns;
}

void dhcp_lease_decline(struct dhcp_lease *lease, int64_t now_ns)
{
	*lease = (struct dhcp_lease){.state = DHCP_DECLINED,
				     .until_ns = now_ns + DHCP_DECLINED_S * NSEC_PER_SEC};
}
