/* SPDX-License-Identifier: MIT */
/*
 * Addresses out of the prefixes that routers advertise (RFC 4862 §5.5). The upper half is the
 * prefix, the lower one as addr_gen_mode says; an address is tentative first like any other.
 *
 * RFC-DEVIATION: RFC 8064 §3: the default is the identifier of the hardware address, as in Linux.
 */
#include <string.h>

#include "core/engine.h"
#include "core/trace.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/ra.h"

#define NSEC_PER_SEC INT64_C(1000000000)
#define TWO_HOURS_NS (2 * 3600 * NSEC_PER_SEC)

enum {
	IDGEN_RETRIES = 3, /* RFC 7217 §6 */
	IID_PREFIX_LEN = 64,
};

/* RFC 4291 appendix A: out of the hardware address, with its universal bit turned over. */
static uint64_t iid_eui64(const struct eth_addr *mac)
{
	const uint8_t *m = mac->b;
	const uint8_t iid[8] = {m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};

	return load_be64(iid);
}

static bool iid_is_opaque(const struct netif *netif)
{
	return netif->ip6->conf.addr_gen_mode >= IP6_GEN_STABLE;
}

uint64_t slaac_iid(struct netif *netif, const struct ip6_addr *prefix, uint8_t n_try)
{
	return iid_is_opaque(netif) ? stable_id(netif, prefix, n_try) : iid_eui64(&netif->hwaddr);
}

bool slaac_is_from(const struct ip6_ifaddr *ifa, const struct ip6_addr *prefix)
{
	return (ifa->flags & IP6_ADDR_F_AUTO) && !ip6_addr_is_link_local(&ifa->addr) &&
	       load_be64(ifa->addr.b) == load_be64(prefix->b);
}

struct ip6_ifaddr *slaac_find(const struct netif *netif, const struct ip6_addr *prefix)
{
	struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link)
		if (slaac_is_from(ifa, prefix) && !(ifa->flags & IP6_ADDR_F_TEMPORARY))
			return ifa;
	return NULL;
}

static uint32_t slaac_count(const struct netif *netif)
{
	const struct ip6_ifaddr *ifa;
	uint32_t n = 0;

	list_for_each (ifa, &netif->ip6->addrs, link)
		n += (ifa->flags & IP6_ADDR_F_AUTO) && !ip6_addr_is_link_local(&ifa->addr);
	return n;
}

struct ip6_ifaddr *slaac_add(struct netif *netif, const struct ip6_addr *prefix, uint64_t iid,
			     uint8_t flags, int64_t preferred_until_ns, int64_t valid_until_ns)
{
	struct ip6_addr addr = ip6_addr_make(load_be64(prefix->b), iid);
	struct ip6_ifaddr *ifa;

	if (valid_until_ns <= netif->stack->eng->now_ns)
		return NULL;
	if (slaac_count(netif) >= netif->ip6->conf.max_addresses) {
		mib_inc(netif->stack, MIB_Ip6AutoconfLimit);
		return NULL;
	}
	/* -EEXIST: somebody has given it to us by hand. */
	if (ip6_addr_add(netif, &addr, IID_PREFIX_LEN,
			 IP6_ADDR_F_AUTO | IP6_ADDR_F_NOPREFIXROUTE | flags))
		return NULL;
	ifa = ip6_ifaddr_find(netif, &addr);
	ip6_ifaddr_set_until(ifa, preferred_until_ns, valid_until_ns);
	return ifa;
}

static int64_t end_ns(const struct netif *netif, uint32_t life_s)
{
	return life_s == ND_INFINITE_S ? INT64_MAX
				       : netif->stack->eng->now_ns + life_s * NSEC_PER_SEC;
}

/* RFC 4862 §5.5.3 (e): nobody on the link shortens what is left to less than two hours. */
static int64_t valid_end(const struct ip6_ifaddr *ifa, const struct nd_prefix *p)
{
	int64_t said_ns = end_ns(ifa->netif, p->valid_s);
	int64_t two_hours_ns = ifa->netif->stack->eng->now_ns + TWO_HOURS_NS;

	if (said_ns > two_hours_ns || said_ns > ifa->valid_until_ns)
		return said_ns;
	return ifa->valid_until_ns <= two_hours_ns ? ifa->valid_until_ns : two_hours_ns;
}

/* §5.5.3 (a) to (c). */
static bool prefix_is_for_us(const struct netif *netif, const struct nd_prefix *p)
{
	return netif->ip6->conf.autoconf && p->autonomous && !ip6_addr_is_link_local(&p->prefix) &&
	       !ip6_addr_is_multicast(&p->prefix) && p->preferred_s <= p->valid_s;
}

/* The last heard comes first. */
static void router_note(struct ip6_ifaddr *ifa, const struct ip6_addr *router)
{
	uint8_t at = 0;

	while (at < ifa->n_routers && !ip6_addr_eq(&ifa->routers[at], router))
		at++;
	if (at == ifa->n_routers && ifa->n_routers < IP6_ADDR_ROUTERS)
		ifa->n_routers++;
	if (at == IP6_ADDR_ROUTERS)
		at--;
	memmove(&ifa->routers[1], &ifa->routers[0], at * sizeof(ifa->routers[0]));
	ifa->routers[0] = *router;
}

bool slaac_is_by(const struct ip6_ifaddr *ifa, const struct ip6_addr *router, bool *ret_other)
{
	const struct ip6_addr prefix = ip6_addr_prefix(&ifa->addr, IID_PREFIX_LEN);
	const struct ip6_ifaddr *from =
		ifa->flags & IP6_ADDR_F_TEMPORARY ? slaac_find(ifa->netif, &prefix) : ifa;

	*ret_other = false;
	if (!from || !from->n_routers)
		return false;
	for (uint8_t i = 0; i < from->n_routers; i++)
		if (ip6_addr_eq(&from->routers[i], router))
			return true;
	*ret_other = true;
	return false;
}

void slaac_prefix(struct netif *netif, const struct nd_prefix *p, const struct ip6_addr *router)
{
	struct ip6_ifaddr *ifa;

	if (!prefix_is_for_us(netif, p) || p->len != IID_PREFIX_LEN)
		return;
	ifa = slaac_find(netif, &p->prefix);
	if (ifa)
		ip6_ifaddr_set_until(ifa, end_ns(netif, p->preferred_s), valid_end(ifa, p));
	else if (p->valid_s)
		ifa = slaac_add(netif, &p->prefix, slaac_iid(netif, &p->prefix, 0), IP6_ADDR_F_LATE,
				end_ns(netif, p->preferred_s), end_ns(netif, p->valid_s));
	if (!ifa)
		return;
	router_note(ifa, router);
	temp_addr_update(netif);
}

/* RFC 7217 §6: another one, up to IDGEN_RETRIES times. */
static void stable_again(struct ip6_ifaddr *old)
{
	struct netif *netif = old->netif;
	struct ip6_addr prefix = ip6_addr_prefix(&old->addr, IID_PREFIX_LEN);
	int64_t preferred_ns = old->preferred_until_ns, valid_ns = old->valid_until_ns;
	bool is_link_local = ip6_addr_is_link_local(&old->addr);
	uint8_t n_try = old->gen_try + 1;
	struct ip6_ifaddr *ifa = NULL;
	struct ip6_addr addr;

	if (n_try > IDGEN_RETRIES)
		return; /* it stays, as a duplicate, to be seen */
	ip6_ifaddr_free(old);
	if (is_link_local) {
		addr = ip6_addr_make(load_be64(prefix.b), slaac_iid(netif, &prefix, n_try));
		if (!ip6_addr_add(netif, &addr, IID_PREFIX_LEN, IP6_ADDR_F_AUTO | IP6_ADDR_F_LATE))
			ifa = ip6_ifaddr_find(netif, &addr);
	} else {
		ifa = slaac_add(netif, &prefix, slaac_iid(netif, &prefix, n_try), IP6_ADDR_F_LATE,
				preferred_ns, valid_ns);
	}
	if (ifa)
		ifa->gen_try = n_try;
}

void slaac_dad_failed(struct ip6_ifaddr *ifa)
{
	struct netif *netif = ifa->netif;

	if (!(ifa->flags & IP6_ADDR_F_AUTO))
		return;
	if (ifa->flags & IP6_ADDR_F_TEMPORARY) {
		temp_addr_again(ifa);
	} else if (iid_is_opaque(netif)) {
		stable_again(ifa);
	} else if (ip6_addr_is_link_local(&ifa->addr) &&
		   netif->ip6->conf.accept_dad == IP6_DAD_STRICT) {
		/* RFC 4862 §5.4.5: somebody has our hardware address. */
		trace_text(netif->stack, TRACE_NOTE, 0, "dev %s: IPv6 is disabled", netif->name);
		netif->ip6->conf.disable = true;
		ra_flush(netif);
		ip6_addrs_flush(netif);
	}
}

void slaac_flush(struct netif *netif)
{
	struct ip6_ifaddr *ifa;

	wheel_stop(&netif->stack->eng->wheel, &netif->ip6->temp_timer);
	list_for_each_safe (ifa, &netif->ip6->addrs, link)
		if ((ifa->flags & IP6_ADDR_F_AUTO) && !ip6_addr_is_link_local(&ifa->addr))
			ip6_ifaddr_free(ifa);
}
