/* SPDX-License-Identifier: MIT */
/* IPv4 of a stack: set-up, settings, what interfaces tell it. */
#include "ip/ip4.h"

#include <errno.h>

#include "core/sysctl.h"
#include "ip/acd.h"
#include "ip/icmp.h"
#include "ip/ip4_priv.h"
#include "ip/ip6.h"
#include "ip/ra.h"
#include "link/neigh.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip4.h"

static const struct sysctl ip4_sysctls[] = {
	SYSCTL(struct ip4_conf, forward, "net.ipv4.ip_forward", 0, 1,
	       "forward packets between interfaces"),
	SYSCTL(struct ip4_conf, default_ttl, "net.ipv4.ip_default_ttl", 1, 255,
	       "time to live of packets sent, hops"),
	/* Before the table of interfaces, in which it would be any other setting. */
	SYSCTL(struct ip4_conf, forward, "net.ipv4.conf.all.forwarding", 0, 1,
	       "the same as net.ipv4.ip_forward"),
};

static void *ip4_sysctl_base(struct stack *st)
{
	return &st->ip4->conf;
}

/* Every interface has it from now on, also those to come. */
static void ip4_sysctl_changed(struct stack *st, const struct sysctl *ctl)
{
	struct netif *netif;

	if (ctl->off != offsetof(struct ip4_conf, forward))
		return;
	st->ip4->if_default.forwarding = st->ip4->conf.forward;
	list_for_each (netif, &st->netifs, link)
		netif->ip4->conf.forwarding = st->ip4->conf.forward;
}

static const struct sysctl_table ip4_sysctl_table = {
	.entries = ip4_sysctls,
	.n_entries = ARRAY_SIZE(ip4_sysctls),
	.base = ip4_sysctl_base,
	.changed = ip4_sysctl_changed,
};

static const struct sysctl ip4_reasm_sysctls[] = {
	SYSCTL(struct reasm_conf, high_thresh, "net.ipv4.ipfrag_high_thresh", 0, INT32_MAX,
	       "memory for incomplete datagrams, bytes; beyond, the oldest are dropped"),
	SYSCTL(struct reasm_conf, low_thresh, "net.ipv4.ipfrag_low_thresh", 0, INT32_MAX,
	       "and are dropped until this is left, bytes"),
	SYSCTL(struct reasm_conf, time_s, "net.ipv4.ipfrag_time", 0, 86400,
	       "how long a datagram waits for its fragments, s"),
	SYSCTL(struct reasm_conf, max_dist, "net.ipv4.ipfrag_max_dist", 0, INT32_MAX,
	       "fragments of its source that may overtake a datagram's next; 0: any number"),
};

static void *ip4_reasm_sysctl_base(struct stack *st)
{
	return &st->ip4->reasm.conf;
}

static const struct sysctl_table ip4_reasm_sysctl_table = {
	.entries = ip4_reasm_sysctls,
	.n_entries = ARRAY_SIZE(ip4_reasm_sysctls),
	.base = ip4_reasm_sysctl_base,
};

/*
 * What interfaces tell.
 */

static int ip4_netif_add(struct netif *netif)
{
	struct ip4 *ip4 = netif->stack->ip4;
	int err = ip4_addr_netif_add(netif);

	if (err || !(netif->flags & NETIF_LOOPBACK) || ip4->lo)
		return err;
	ip4->lo = netif;
	err = ip4_addr_add(netif, IP4_ADDR(127, 0, 0, 1), 8);
	if (err) {
		ip4->lo = NULL;
		ip4_addr_netif_del(netif);
	}
	return err;
}

static void ip4_netif_del(struct netif *netif)
{
	struct ip4 *ip4 = netif->stack->ip4;

	reasm_flush(&ip4->reasm);
	ip4_addr_netif_del(netif);
	redirect4_flush(netif);
	fib4_netif_del(&ip4->fib, netif);
	if (ip4->lo == netif)
		ip4->lo = NULL;
	ip_dst_invalidate_all(netif->stack);
}

static void ip4_netif_change(struct netif *netif)
{
	bool up = netif->flags & NETIF_UP;
	bool starts = netif_is_running(netif) && !netif->ip4->was_running;
	bool stops = !netif_is_running(netif) && netif->ip4->was_running;

	ip_dst_invalidate_all(netif->stack); /* the MTU may be another one */
	if (up != netif->ip4->was_up)
		fib4_netif_set_up(&netif->stack->ip4->fib, netif, up);
	netif->ip4->was_up = up;
	netif->ip4->was_running = netif_is_running(netif);
	if (starts && netif->ip4->conf.arp_notify)
		ip4_addrs_announce(netif);
	if (starts || stops)
		acd_netif_change(netif, starts);
}

static void ip4_fini(struct stack *st)
{
	reasm_fini(&st->ip4->reasm);
	pmtu_fini(&st->ip4->pmtu);
	icmp_fini(st);
	dst_cache_fini(&st->ip4->dsts, &st->eng->mem);
	fib4_fini(&st->ip4->fib);
	ip4_own_fini(st);
	mem_free(&st->eng->mem, st->ip4, sizeof(*st->ip4));
	st->ip4 = NULL;
}

static const struct stack_layer ip4_layer = {
	.name = "ip4",
	.netif_add = ip4_netif_add,
	.netif_del = ip4_netif_del,
	.netif_change = ip4_netif_change,
	.fini = ip4_fini,
};

/*
 * What the neighbour cache asks.
 */

static void ip_neigh_freed(struct stack *st, struct neigh *n UNUSED)
{
	ip_dst_invalidate_all(st);
}

static void ip_neigh_unreach(struct netif *netif, struct pkt *pkt)
{
	if (netif->stack->ip6 && pkt->lin_len > 0 && pkt->data[0] >> 4 == 6)
		ip6_unreachable(netif, pkt);
	else
		ip4_unreachable(netif, pkt);
}

/* ARP asks these two; ND knows by itself. */
static bool ip4_neigh_is_local(struct netif *netif, const struct ip_addr *addr)
{
	return ip_addr_is_ip4(addr) &&
	       ip4_own(netif->stack->ip4, ip_addr_to_ip4(addr)) == IP4_OWN_LOCAL;
}

/* The source of a packet that waits, as arp_announce allows it. */
static bool ip4_arp_src_of(struct netif *netif, const struct pkt *waiting, struct ip4_addr target,
			   struct ip4_addr *ret)
{
	const struct ip4_ifaddr *ifa;
	struct ip4_hdr hdr;

	if (!waiting || netif->ip4->conf.arp_announce == IP4_ARP_SRC_BEST ||
	    waiting->lin_len < IP4_HDR_LEN)
		return false;
	ip4_hdr_read(waiting->data, &hdr);
	if (ip4_own(netif->stack->ip4, hdr.src) != IP4_OWN_LOCAL)
		return false;
	*ret = hdr.src;
	if (netif->ip4->conf.arp_announce == IP4_ARP_SRC_PACKET)
		return true;
	list_for_each (ifa, &netif->ip4->addrs, link)
		if (ip4_addr_eq(&ifa->addr, &hdr.src))
			return ip4_in_prefix(&target, &ifa->addr, ifa->prefix_len);
	return false;
}

static bool ip4_neigh_source(struct netif *netif, const struct ip_addr *target,
			     const struct pkt *waiting, struct ip_addr *ret)
{
	struct ip4_addr src, dst;

	if (!ip_addr_is_ip4(target))
		return false;
	dst = ip_addr_to_ip4(target);
	if (!ip4_arp_src_of(netif, waiting, dst, &src) &&
	    !ip4_addr_select(netif->stack, netif, dst, &src))
		return false;
	*ret = ip_addr_from_ip4(&src);
	return true;
}

static const struct ip4_ifaddr *ip4_ifaddr_of(const struct netif *netif, struct ip4_addr addr)
{
	const struct ip4_ifaddr *ifa;

	list_for_each (ifa, &netif->ip4->addrs, link)
		if (ip4_addr_eq(&ifa->addr, &addr))
			return ifa;
	return NULL;
}

/* arp_ignore. */
static bool ip4_arp_is_heeded(const struct netif *netif, const struct arp *req)
{
	const struct ip4_ifaddr *ifa = ip4_ifaddr_of(netif, req->tpa);

	switch (netif->ip4->conf.arp_ignore) {
	case IP4_ARP_IF:
		return ifa;
	case IP4_ARP_IF_SUBNET:
		return ifa && ip4_in_prefix(&req->spa, &ifa->addr, ifa->prefix_len);
	case IP4_ARP_NONE:
		return false;
	default:
		return true;
	}
}

static bool ip4_arp_answers(struct netif *netif, const struct arp *req)
{
	const struct fib4_route *back;

	if (!ip4_arp_is_heeded(netif, req))
		return false;
	if (!netif->ip4->conf.arp_filter || ip4_addr_is_unspecified(&req->spa))
		return true;
	back = fib4_lookup(&netif->stack->ip4->fib, req->spa);
	return back && back->type == ROUTE_UNICAST && back->netif == netif;
}

static bool ip4_arp_accepts(struct netif *netif, const struct ip4_addr *addr)
{
	uint8_t how = netif->ip4->conf.arp_accept;

	return how == 1 || (how == 2 && ip4_addr_on_link(netif, *addr));
}

static void ip_neigh_heard(struct netif *netif, const struct ip_addr *addr, bool is_silent)
{
	struct ip6_addr ip6 = ip_addr_to_ip6(addr);

	if (netif->ip6 && !ip_addr_is_ip4(addr))
		ra_router_heard(netif, &ip6, is_silent);
	if (is_silent && ip_addr_is_ip4(addr))
		redirect4_silent(netif, ip_addr_to_ip4(addr));
	if (netif->ip6 && is_silent && !ip_addr_is_ip4(addr))
		redirect6_silent(netif, &ip6);
}

static const struct neigh_hooks ip_neigh_hooks = {
	.heard = ip_neigh_heard,
	.unreach = ip_neigh_unreach,
	.on_free = ip_neigh_freed,
	.is_local = ip4_neigh_is_local,
	.source = ip4_neigh_source,
	.arp_answers = ip4_arp_answers,
	.arp_accepts = ip4_arp_accepts,
	.arp_heard = acd_arp_heard,
};

int ip4_init(struct stack *st)
{
	struct ip4 *ip4 = mem_zalloc(&st->eng->mem, sizeof(*ip4));
	int err;

	if (!ip4)
		return -ENOMEM;
	ip4->conf = (struct ip4_conf){.default_ttl = IP4_TTL_DEFAULT};
	ip4->dst_gen = 1;
	fib4_init(&ip4->fib, &st->eng->mem);
	ip_hooks_init(&ip4->hooks);
	for (size_t i = 0; i < IP4_N_IDS; i++)
		ip4->ids[i] = rng_u32(&st->eng->rng);
	st->ip4 = ip4;
	redirect4_init(st);
	err = stack_layer_add(st, &ip4_layer);
	if (err) {
		st->ip4 = NULL;
		mem_free(&st->eng->mem, ip4, sizeof(*ip4));
		return err;
	}
	/* From here on ip4_fini() frees whatever has been made. */
	err = ip4_own_init(st);
	if (!err)
		err = reasm_init(&ip4->reasm, st, &ip4_reasm_ops, IP4_REASM_S);
	if (!err)
		err = pmtu_init(&ip4->pmtu, st);
	if (!err)
		err = sysctl_register(st, &ip4_sysctl_table);
	if (!err)
		err = ip4_conf_init(st);
	if (!err)
		err = sysctl_register(st, &ip4_reasm_sysctl_table);
	if (!err)
		err = icmp_init(st);
	if (!err)
		err = stack_eth_proto_add(st, ETHERTYPE_IPV4, ip4_input);
	if (!err)
		neigh_hooks_set(st, &ip_neigh_hooks);
	return err;
}
