/* SPDX-License-Identifier: MIT */
/* ARP: input, answers, solicitations and announcements. */
#include "link/arp.h"

#include "core/netif.h"
#include "core/stack.h"
#include "core/trace.h"
#include "link/eth.h"
#include "link/neigh.h"
#include "wire/arp.h"
#include "wire/eth.h"

/* Sends `arp` from our hardware address to `dst`. */
static void arp_send(struct netif *netif, const struct arp *arp, const struct eth_addr *dst)
{
	struct stack *st = netif->stack;
	struct pkt *pkt = pkt_alloc(&st->eng->pkts, ARP_LEN);
	struct wr w;

	if (!pkt) {
		netif->stats.tx_dropped++;
		st->drops[DROP_NOMEM]++;
		return;
	}
	w = wr_make(pkt_put(pkt, ARP_LEN), ARP_LEN);
	arp_write(&w, arp);
	pkt->l3_off = pkt_off(pkt);
	mib_inc(st, arp->op == ARP_REPLY ? MIB_ArpOutReplies : MIB_ArpOutRequests);
	(void)eth_output(netif, pkt, ETHERTYPE_ARP, dst);
}

/* RFC 3927 §2.5: whoever has the same link-local address is to hear of it, so everybody is. */
static const struct eth_addr *arp_to(const struct ip4_addr *spa, const struct eth_addr *one,
				     const struct eth_addr *everybody)
{
	return ip4_addr_is_link_local(spa) ? everybody : one;
}

/* Answers `req` for its target, which is ours. To a probe (RFC 5227) too: its sender learns that
 * the address is taken. */
static void arp_reply(struct netif *netif, const struct arp *req)
{
	const struct eth_addr broadcast = ETH_ADDR_BROADCAST;
	const struct arp reply = {
		.op = ARP_REPLY,
		.sha = netif->hwaddr,
		.spa = req->tpa,
		.tha = req->sha,
		.tpa = req->spa,
	};

	arp_send(netif, &reply, arp_to(&reply.spa, &req->sha, &broadcast));
}

/* neigh_ops: asks everybody for the entry's address, or its last known owner whether it is there.
 * Without an address of ours on this link nobody could answer, so nothing is sent. */
static void arp_solicit(struct neigh *n, bool is_unicast)
{
	const struct neigh_hooks *hooks = neigh_hooks(n->netif->stack);
	const struct eth_addr broadcast = ETH_ADDR_BROADCAST;
	struct arp req = {
		.op = ARP_REQUEST,
		.sha = n->netif->hwaddr,
		.tpa = ip_addr_to_ip4(&n->addr),
	};
	struct ip_addr src;

	if (!hooks->source || !hooks->source(n->netif, &n->addr, n->queue.first, &src) ||
	    !ip_addr_is_ip4(&src))
		return;
	req.spa = ip_addr_to_ip4(&src);
	if (is_unicast)
		req.tha = n->lladdr;
	arp_send(n->netif, &req,
		 is_unicast ? arp_to(&req.spa, &n->lladdr, &broadcast) : &broadcast);
}

void arp_announce(struct netif *netif, const struct ip4_addr *addr)
{
	const struct eth_addr broadcast = ETH_ADDR_BROADCAST;
	const struct arp req = {
		.op = ARP_REQUEST,
		.sha = netif->hwaddr,
		.spa = *addr,
		.tpa = *addr,
	};

	if (!netif_is_running(netif) || !(netif->flags & NETIF_BROADCAST) ||
	    (netif->flags & NETIF_NOARP))
		return;
	arp_send(netif, &req, &broadcast);
}

void arp_probe(struct netif *netif, const struct ip4_addr *addr)
{
	const struct eth_addr broadcast = ETH_ADDR_BROADCAST;
	const struct arp req = {.op = ARP_REQUEST, .sha = netif->hwaddr, .tpa = *addr};

	arp_send(netif, &req, &broadcast);
}

static bool arp_is_local(struct netif *netif, const struct ip4_addr *addr)
{
	const struct neigh_hooks *hooks = neigh_hooks(netif->stack);
	struct ip_addr ip = ip_addr_from_ip4(addr);

	return hooks->is_local && hooks->is_local(netif, &ip);
}

/* Hands what the packet says about its sender to the cache. True: there is an entry. */
static bool arp_learn(struct netif *netif, const struct arp *arp, uint32_t flags)
{
	struct ip_addr addr = ip_addr_from_ip4(&arp->spa);

	return neigh_update(netif, &addr, &arp->sha, flags) != NULL;
}

static bool arp_is_answered(struct netif *netif, const struct arp *arp)
{
	const struct neigh_hooks *hooks = neigh_hooks(netif->stack);

	return !hooks->arp_answers || hooks->arp_answers(netif, arp);
}

static uint32_t arp_announced_flags(struct netif *netif, const struct arp *arp)
{
	const struct neigh_hooks *hooks = neigh_hooks(netif->stack);
	bool is_wanted = hooks->arp_accepts && hooks->arp_accepts(netif, &arp->spa);

	return NEIGH_OVERRIDE | (is_wanted ? NEIGH_CREATE : 0u);
}

static enum drop arp_request_input(struct netif *netif, const struct arp *arp, bool is_probe)
{
	if (!arp_is_local(netif, &arp->tpa))
		return !is_probe && arp_learn(netif, arp, NEIGH_OVERRIDE_OLD) ? DROP_NONE
									      : DROP_ARP_NOT_US;
	if (!arp_is_answered(netif, arp))
		return DROP_ARP_NOT_US;
	if (!is_probe)
		(void)arp_learn(netif, arp, NEIGH_OVERRIDE_OLD | NEIGH_CREATE);
	arp_reply(netif, arp);
	return DROP_NONE;
}

/* Only an answer sent to us alone says that we can reach its sender; nothing is learned from one
 * that nobody asked for, unless there is an entry. */
static enum drop arp_reply_input(struct netif *netif, const struct arp *arp, bool is_to_us)
{
	uint32_t flags = NEIGH_OVERRIDE_OLD;

	if (is_to_us && arp_is_local(netif, &arp->tpa))
		flags |= NEIGH_SOLICITED;
	return arp_learn(netif, arp, flags) ? DROP_NONE : DROP_ARP_NOT_US;
}

static enum drop arp_conflict(struct netif *netif, const struct arp *arp)
{
	char ip[IP4_ADDR_STRLEN], mac[ETH_ADDR_STRLEN];

	mib_inc(netif->stack, MIB_ArpInConflicts);
	trace_text(netif->stack, TRACE_NOTE, 0, "arp %s dev %s: also used by %s",
		   ip4_addr_print(&arp->spa, ip), netif->name, eth_addr_print(&arp->sha, mac));
	return DROP_ARP_CONFLICT;
}

/* Whether the packet can be about us at all. */
static enum drop arp_check(struct netif *netif, struct pkt *pkt, struct arp *ret)
{
	struct rd r;

	if (pkt->flags & PKT_F_L2_OTHERHOST)
		return DROP_ETH_OTHERHOST;
	if (!pkt_pullup(pkt, ARP_LEN))
		return DROP_ARP_HDR;
	r = pkt_rd(pkt);
	if (arp_parse(&r, ret) < 0)
		return DROP_ARP_HDR;
	if ((netif->flags & (NETIF_NOARP | NETIF_LOOPBACK)) ||
	    eth_addr_eq(&ret->sha, &netif->hwaddr))
		return DROP_ARP_NOT_US; /* the latter: our own packet came back */
	return DROP_NONE;
}

static enum drop arp_input(struct netif *netif, struct pkt *pkt)
{
	bool is_to_us = !(pkt->flags & (PKT_F_L2_BROADCAST | PKT_F_L2_MULTICAST));
	struct arp arp;
	enum drop why = arp_check(netif, pkt, &arp);
	enum arp_kind kind;

	if (why != DROP_NONE)
		return why;
	kind = arp_classify(&arp);
	if (kind == ARP_KIND_BAD_OP || kind == ARP_KIND_BAD_SENDER || kind == ARP_KIND_BAD_TARGET)
		return DROP_ARP_HDR;
	mib_inc(netif->stack, arp.op == ARP_REPLY ? MIB_ArpInReplies : MIB_ArpInRequests);
	if (neigh_hooks(netif->stack)->arp_heard)
		neigh_hooks(netif->stack)->arp_heard(netif, &arp);
	if (kind != ARP_KIND_PROBE && arp_is_local(netif, &arp.spa))
		return arp_conflict(netif, &arp);

	if (kind == ARP_KIND_ANNOUNCEMENT)
		why = arp_learn(netif, &arp, arp_announced_flags(netif, &arp)) ? DROP_NONE
									       : DROP_ARP_NOT_US;
	else if (kind == ARP_KIND_REPLY)
		why = arp_reply_input(netif, &arp, is_to_us);
	else
		why = arp_request_input(netif, &arp, kind == ARP_KIND_PROBE);
	if (why == DROP_NONE)
		pkt_free(pkt);
	return why;
}

static const struct neigh_ops arp_neigh_ops = {
	.ethertype = ETHERTYPE_IPV4,
	.solicit = arp_solicit,
};

int arp_init(struct stack *st)
{
	neigh_ops_set(st, &arp_neigh_ops);
	return stack_eth_proto_add(st, ETHERTYPE_ARP, arp_input);
}
