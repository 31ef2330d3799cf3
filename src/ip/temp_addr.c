/* SPDX-License-Identifier: MIT */
/*
 * Temporary addresses (RFC 8981): beside the address of a prefix that stays, one with a random
 * lower half that is preferred for a day or so, with the next one made shortly before that is over.
 *
 * temp_addr_update() looks at all prefixes and brings everything to where it should be; it is
 * called when lifetimes have changed and at the time when the next address is due.
 */
#include "core/engine.h"
#include "core/trace.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/ra.h"

#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)

/* RFC 8981 §3.8: REGEN_ADVANCE, enough to find out that an address is taken. */
static int64_t regen_advance_ns(const struct netif *netif)
{
	const struct ip6_if_conf *conf = &netif->ip6->conf;

	return 2 * NSEC_PER_SEC +
	       conf->regen_max_retry * conf->dad_transmits * nd_retrans_ms(netif) * NSEC_PER_MSEC;
}

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* §3.3.2 and §3.4: never longer than the address that stays, nor than the settings say. */
static int64_t temp_valid_ns(const struct ip6_ifaddr *pub, int64_t created_ns)
{
	return min_ns(pub->valid_until_ns,
		      created_ns + pub->netif->ip6->conf.temp_valid_s * NSEC_PER_SEC);
}

static struct ip6_ifaddr *newest(const struct ip6_ifaddr *pub)
{
	struct ip6_ifaddr *best = NULL, *ifa;

	list_for_each (ifa, &pub->netif->ip6->addrs, link)
		if (slaac_is_from(ifa, &pub->addr) && (ifa->flags & IP6_ADDR_F_TEMPORARY) &&
		    ifa->state != IP6_ADDR_DUPLICATE &&
		    (!best || ifa->temp_preferred_ns > best->temp_preferred_ns))
			best = ifa;
	return best;
}

static uint64_t random_iid(struct netif *netif)
{
	uint64_t iid;

	do {
		iid = rng_u64(&netif->stack->eng->rng);
	} while (iid_is_reserved(iid));
	return iid;
}

static struct ip6_ifaddr *temp_new(const struct ip6_ifaddr *pub, uint8_t n_try)
{
	struct netif *netif = pub->netif;
	const struct ip6_if_conf *conf = &netif->ip6->conf;
	struct engine *eng = netif->stack->eng;
	int64_t now_ns = eng->now_ns, preferred_ns;
	uint64_t max_desync_ns, desync_ns;
	struct ip6_ifaddr *ifa;

	/* §3.8: so much that something is left to be preferred. */
	max_desync_ns = (uint64_t)min_ns(conf->max_desync_s, conf->temp_preferred_s * 2 / 5) *
			(uint64_t)NSEC_PER_SEC;
	desync_ns = rng_below(&eng->rng, max_desync_ns + 1);
	preferred_ns = now_ns + conf->temp_preferred_s * NSEC_PER_SEC - (int64_t)desync_ns;
	/* §3.4 (5): one that would be replaced at once is not made. */
	if (min_ns(preferred_ns, pub->preferred_until_ns) - now_ns <= regen_advance_ns(netif))
		return NULL;
	ifa = slaac_add(
		netif, &pub->addr, random_iid(netif),
		IP6_ADDR_F_TEMPORARY | (n_try ? 0 : IP6_ADDR_F_LATE),
		min_ns(preferred_ns, min_ns(pub->preferred_until_ns, temp_valid_ns(pub, now_ns))),
		temp_valid_ns(pub, now_ns));
	if (!ifa)
		return NULL;
	ifa->temp_preferred_ns = preferred_ns;
	ifa->gen_try = n_try;
	return ifa;
}

/* The address that stays has other lifetimes now: its temporary ones follow. */
static void temps_follow(const struct ip6_ifaddr *pub)
{
	struct ip6_ifaddr *ifa;

	list_for_each_safe (ifa, &pub->netif->ip6->addrs, link) {
		int64_t valid_ns;

		if (!slaac_is_from(ifa, &pub->addr) || !(ifa->flags & IP6_ADDR_F_TEMPORARY))
			continue;
		valid_ns = temp_valid_ns(pub, ifa->created_ns);
		ip6_ifaddr_set_until(
			ifa,
			min_ns(valid_ns, min_ns(ifa->temp_preferred_ns, pub->preferred_until_ns)),
			valid_ns);
	}
}

/* When the next one is due for this prefix; INT64_MAX: never, as things are. */
static int64_t prefix_update(struct ip6_ifaddr *pub)
{
	int64_t advance_ns = regen_advance_ns(pub->netif), now_ns = pub->netif->stack->eng->now_ns;
	struct ip6_ifaddr *temp;

	temps_follow(pub);
	temp = newest(pub);
	if (!pub->has_no_temp && (!temp || temp->temp_preferred_ns - advance_ns <= now_ns))
		temp = temp_new(pub, 0);
	if (!temp || temp->temp_preferred_ns - advance_ns <= now_ns)
		return INT64_MAX;
	return temp->temp_preferred_ns - advance_ns;
}

void temp_addr_update(struct netif *netif)
{
	struct engine *eng = netif->stack->eng;
	int64_t next_ns = INT64_MAX;
	struct ip6_ifaddr *ifa;

	if (!netif->ip6->conf.use_tempaddr)
		return;
	/* What is added here comes behind, and is none of those that stay; what is freed is
	 * temporary, and `ifa` is not. */
	list_for_each (ifa, &netif->ip6->addrs, link) {
		if (!(ifa->flags & IP6_ADDR_F_AUTO) || (ifa->flags & IP6_ADDR_F_TEMPORARY) ||
		    ip6_addr_is_link_local(&ifa->addr))
			continue;
		next_ns = min_ns(next_ns, prefix_update(ifa));
	}
	if (next_ns == INT64_MAX)
		wheel_stop(&eng->wheel, &netif->ip6->temp_timer);
	else
		wheel_start(&eng->wheel, &netif->ip6->temp_timer, next_ns);
}

/* §3.4 (7): another one, but not for ever. */
void temp_addr_again(struct ip6_ifaddr *old)
{
	struct netif *netif = old->netif;
	uint8_t n_try = old->gen_try + 1;
	struct ip6_ifaddr *pub = slaac_find(netif, &old->addr);

	ip6_ifaddr_free(old);
	if (!pub)
		return;
	if (n_try <= netif->ip6->conf.regen_max_retry) {
		(void)temp_new(pub, n_try);
	} else {
		pub->has_no_temp = true;
		trace_text(netif->stack, TRACE_NOTE, 0,
			   "dev %s: every temporary address is taken: no more of this prefix",
			   netif->name);
	}
	temp_addr_update(netif);
}

static void temp_timer(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	temp_addr_update(container_of(timer, struct ip6_if, temp_timer)->netif);
}

void temp_addr_init(struct netif *netif)
{
	wheel_timer_init(&netif->ip6->temp_timer, temp_timer);
}
