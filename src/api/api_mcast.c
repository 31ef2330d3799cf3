/* SPDX-License-Identifier: MIT */
/* Groups of the public API: what interfaces have joined, and what queriers have heard. */
#include "api/api_priv.h"
#include "ip/mcast.h"
#include "ip/mcast_querier.h"
#include "weft/mcast.h"

struct groups_walk {
	void (*fn)(void *arg, const struct weft_group_info *info);
	void *arg;
	const struct mcast_side *side;
};

/* IGMPv1 to v3; MLDv1 is of the second level. */
static uint8_t groups_version(const struct mcast_side *side, bool is_ip6)
{
	return (uint8_t)(mcast_host_level(side) + (is_ip6 ? 0 : 1));
}

static struct weft_group_info groups_info(const struct mcast_side *side,
					  const struct ip_addr *group)
{
	int family = ip_addr_family(group);

	return (struct weft_group_info){.netif = weft_netif_of(side->netif),
					.group = weft_addr_of(group, family),
					.version = groups_version(side, family == WEFT_AF_INET6)};
}

static void groups_joined(const struct groups_walk *walk, const struct mcast_group *g)
{
	struct weft_group_info info = groups_info(walk->side, &g->addr);
	const struct mcast_member *m;

	list_for_each (m, &g->members, group_link)
		info.users++;
	if (!info.users)
		return; /* only its end is still to be reported */
	info.fmode = g->state.is_exclude ? WEFT_MCAST_EXCLUDE : WEFT_MCAST_INCLUDE;
	info.n_srcs = g->state.n_srcs;
	walk->fn(walk->arg, &info);
}

static void groups_heard(void *arg, const struct mcast_heard_info *heard)
{
	const struct groups_walk *walk = arg;
	struct weft_group_info info = groups_info(walk->side, &heard->group);

	info.is_heard = true;
	info.fmode = heard->is_exclude ? WEFT_MCAST_EXCLUDE : WEFT_MCAST_INCLUDE;
	info.n_srcs = heard->n_srcs;
	info.expires_ns = heard->is_exclude ? heard->expires_ns : 0;
	walk->fn(walk->arg, &info);
}

static void groups_side(struct groups_walk *walk, const struct mcast_side *side)
{
	const struct mcast_group *g;

	if (!side->ops)
		return;
	walk->side = side;
	list_for_each (g, &side->groups, link)
		groups_joined(walk, g);
	mcast_querier_each(side, groups_heard, walk);
}

void weft_groups(struct weft_stack *st, void (*fn)(void *arg, const struct weft_group_info *info),
		 void *arg)
{
	struct groups_walk walk = {.fn = fn, .arg = arg};
	struct netif *netif;

	list_for_each (netif, &stack_of(st)->netifs, link)
		for (size_t i = 0; i < ARRAY_SIZE(netif->mcast->side); i++)
			groups_side(&walk, &netif->mcast->side[i]);
}
