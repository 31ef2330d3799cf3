/* SPDX-License-Identifier: MIT */
/*
 * Lifetimes of addresses (RFC 4862 §5.5.4): a preferred address becomes deprecated, and goes when
 * it is not valid any more. One timer an address, at whichever comes first.
 */
#include "ip/ip6.h"
#include "ip/ip6_priv.h"

#define NSEC_PER_SEC INT64_C(1000000000)

static int64_t life_end_ns(int64_t now_ns, uint32_t life_s)
{
	return life_s == IP6_LIFE_EVER ? INT64_MAX : now_ns + life_s * NSEC_PER_SEC;
}

/* What the clock says about a valid address. */
static enum ip6_addr_state life_state(const struct ip6_ifaddr *ifa, int64_t now_ns)
{
	return ifa->preferred_until_ns > now_ns ? IP6_ADDR_PREFERRED : IP6_ADDR_DEPRECATED;
}

/* False: its time is over and it has gone. */
static bool life_apply(struct ip6_ifaddr *ifa)
{
	struct engine *eng = ifa->netif->stack->eng;
	int64_t next_ns = ifa->valid_until_ns;

	if (ifa->valid_until_ns <= eng->now_ns) {
		ip6_ifaddr_free(ifa);
		return false;
	}
	if (ifa->preferred_until_ns > eng->now_ns && ifa->preferred_until_ns < next_ns)
		next_ns = ifa->preferred_until_ns;
	if (next_ns == INT64_MAX)
		wheel_stop(&eng->wheel, &ifa->life_timer);
	else
		wheel_start(&eng->wheel, &ifa->life_timer, next_ns);
	if (ip6_ifaddr_is_valid(ifa) && ifa->state != life_state(ifa, eng->now_ns))
		(void)!ip6_ifaddr_set_state(ifa, life_state(ifa, eng->now_ns)); /* stays valid */
	return true;
}

static void life_timer(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	(void)life_apply(container_of(timer, struct ip6_ifaddr, life_timer));
}

void ip6_life_init(struct ip6_ifaddr *ifa)
{
	ifa->preferred_until_ns = INT64_MAX;
	ifa->valid_until_ns = INT64_MAX;
	wheel_timer_init(&ifa->life_timer, life_timer);
}

enum ip6_addr_state ip6_life_state(const struct ip6_ifaddr *ifa)
{
	return life_state(ifa, ifa->netif->stack->eng->now_ns);
}

void ip6_ifaddr_set_until(struct ip6_ifaddr *ifa, int64_t preferred_until_ns,
			  int64_t valid_until_ns)
{
	ifa->updated_ns = ifa->netif->stack->eng->now_ns;
	ifa->preferred_until_ns = preferred_until_ns;
	ifa->valid_until_ns = valid_until_ns;
	(void)life_apply(ifa);
}

void ip6_ifaddr_set_life(struct ip6_ifaddr *ifa, uint32_t preferred_s, uint32_t valid_s)
{
	int64_t now_ns = ifa->netif->stack->eng->now_ns;

	ip6_ifaddr_set_until(ifa, life_end_ns(now_ns, preferred_s), life_end_ns(now_ns, valid_s));
}
