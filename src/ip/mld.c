/* SPDX-License-Identifier: MIT */
/*
 * MLD on the wire of a stack (RFC 2710, RFC 3810): messages in to mcast_host.c and
 * mcast_querier.c, and out for them. Every message has hop limit 1, a router alert option, and a
 * link-local source (RFC 3810 §5); what comes without these is dropped. While no address has passed
 * duplicate detection, reports come from :: (RFC 3590).
 *
 * Besides what sockets join, an interface is in the groups that follow from its addresses: the
 * members of those are the interface's own.
 */
#include "ip/mld.h"

#include <errno.h>

#include "ip/ip6.h"
#include "ip/mcast.h"
#include "ip/mcast_querier.h"
#include "link/neigh.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/mld.h"
#include "wire/pseudo.h"

enum {
	MLD_EXT_LEN = 8, /* hop-by-hop options with router alert */
	MLD_PAYLOAD_MAX = 1500 - IP6_HDR_LEN - MLD_EXT_LEN,
};

#define ALL_V2_ROUTERS IP6_ADDR(0xff02000000000000, 0x16)

/*
 * Output.
 */

/* RFC 3810 §5.2.13: a link-local address, else ::. */
static struct ip6_addr mld_src(const struct netif *netif)
{
	const struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link)
		if (ip6_addr_is_link_local(&ifa->addr) && ifa->state >= IP6_ADDR_PREFERRED)
			return ifa->addr;
	return IP6_ADDR_ANY;
}

static bool mld_source(const struct netif *netif, struct ip_addr *ret)
{
	struct ip6_addr src = mld_src(netif);

	*ret = ip_addr_from_ip6(&src);
	return !ip6_addr_is_unspecified(&src);
}

static struct pkt *mld_pkt(struct netif *netif, struct wr *ret)
{
	struct pkt *pkt = pkt_alloc(&netif->stack->eng->pkts, MLD_PAYLOAD_MAX);

	if (pkt)
		*ret = wr_make(pkt->data, MLD_PAYLOAD_MAX);
	return pkt;
}

static void mld_headers_write(uint8_t *p, const struct ip6_addr *src, const struct ip6_addr *dst,
			      uint32_t len)
{
	static const uint8_t router_alert[MLD_EXT_LEN] = {IP_PROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
	struct ip6_hdr hdr = {.src = *src,
			      .dst = *dst,
			      .payload_len = (uint16_t)(MLD_EXT_LEN + len),
			      .next_hdr = IP_PROTO_HOPOPTS,
			      .hop_limit = 1};

	ip6_hdr_write(p, &hdr);
	memcpy(p + IP6_HDR_LEN, router_alert, sizeof(router_alert));
}

static void mld_csum_fill(struct pkt *pkt, const struct ip6_addr *src, const struct ip6_addr *dst)
{
	struct ip_addr s = ip_addr_from_ip6(src), d = ip_addr_from_ip6(dst);
	uint64_t sum = pseudo_sum(&s, &d, IP_PROTO_ICMPV6, pkt->len);

	store_be16(pkt->data + ICMP6_CSUM_OFF, csum_finish(pkt_csum_add(pkt, 0, pkt->len, sum)));
}

static void mld_output(struct netif *netif, struct pkt *pkt, const struct wr *w,
		       const struct ip6_addr *dst)
{
	struct ip_addr nexthop = ip_addr_from_ip6(dst);
	struct ip6_addr src = mld_src(netif);
	struct stack *st = netif->stack;
	uint32_t len = (uint32_t)wr_len(w);
	uint8_t *p;

	if (!wr_ok(w)) {
		pkt_free(pkt); /* larger than any link that we know */
		return;
	}
	(void)pkt_put(pkt, len);
	mld_csum_fill(pkt, &src, dst);
	pkt->l4_off = pkt_off(pkt);
	p = pkt_push(pkt, IP6_HDR_LEN + MLD_EXT_LEN);
	if (!p) {
		pkt_drop(st, pkt, DROP_NOMEM);
		return;
	}
	pkt->l3_off = pkt_off(pkt);
	mld_headers_write(p, &src, dst, len);
	mib_inc(st, MIB_Ip6OutRequests);
	mib_inc(st, MIB_Ip6OutMcastPkts);
	mib_inc(st, MIB_Icmp6OutMsgs);
	mib_add(st, MIB_Ip6OutOctets, pkt->len);
	(void)!neigh_output(netif, pkt, &nexthop, ETHERTYPE_IPV6, NULL);
}

/* RFC 3810 §6: all nodes, and what does not leave the interface. */
static bool mld_is_silent(const struct ip_addr *group)
{
	const struct ip6_addr g = ip_addr_to_ip6(group), nodes = IP6_ADDR_ALL_NODES;

	return (g.b[1] & 0xf) <= IP6_SCOPE_INTERFACE || ip6_addr_eq(&g, &nodes);
}

static void mld_report(struct netif *netif, const struct group_record_out *recs, uint16_t n_recs)
{
	const struct ip6_addr dst = ALL_V2_ROUTERS;
	struct wr w;
	struct pkt *pkt = mld_pkt(netif, &w);

	if (!pkt)
		return;
	mld_report_write(&w, recs, n_recs);
	mld_output(netif, pkt, &w, &dst);
}

static void mld_report_old(struct netif *netif, uint8_t level UNUSED, const struct ip_addr *group)
{
	const struct ip6_addr dst = ip_addr_to_ip6(group);
	struct wr w;
	struct pkt *pkt = mld_pkt(netif, &w);

	if (!pkt)
		return;
	mld_write(&w, ICMP6_MLD_REPORT, 0, group);
	mld_output(netif, pkt, &w, &dst);
}

static void mld_leave_old(struct netif *netif, uint8_t level UNUSED, const struct ip_addr *group)
{
	const struct ip6_addr dst = IP6_ADDR_ALL_ROUTERS;
	struct wr w;
	struct pkt *pkt = mld_pkt(netif, &w);

	if (!pkt)
		return;
	mld_write(&w, ICMP6_MLD_DONE, 0, group);
	mld_output(netif, pkt, &w, &dst);
}

/* RFC 3810 §5.1.15; without a link-local address there is no query (§5.1.14). */
static void mld_query(struct netif *netif, const struct group_query *q,
		      const struct group_record_out *rec)
{
	bool is_general = ip_addr_is_unspecified(&q->group);
	const struct ip6_addr dst = is_general ? IP6_ADDR_ALL_NODES : ip_addr_to_ip6(&q->group);
	struct ip_addr src;
	struct pkt *pkt;
	struct wr w;

	if (!mld_source(netif, &src))
		return;
	pkt = mld_pkt(netif, &w);
	if (!pkt)
		return;
	if (q->level == GROUP_LEVEL_3)
		mld_query_write(&w, q, rec);
	else
		mld_write(&w, ICMP6_MLD_QUERY,
			  (uint16_t)(q->max_resp_ms < UINT16_MAX ? q->max_resp_ms : UINT16_MAX),
			  &q->group);
	mld_output(netif, pkt, &w, &dst);
}

const struct mcast_ops mld_ops = {
	.addr_len = sizeof(struct ip6_addr),
	.record_hdr_len = MLD_RECORD_HDR_LEN,
	.overhead = IP6_HDR_LEN + MLD_EXT_LEN + MLD_REPORT_HDR_LEN,
	.all_systems = {{0xff, 2, [15] = 1}},
	.is_silent = mld_is_silent,
	.source = mld_source,
	.report = mld_report,
	.report_old = mld_report_old,
	.leave_old = mld_leave_old,
	.query = mld_query,
};

/*
 * Input.
 */

static enum drop mld_records(struct mcast_side *side, struct mld *m)
{
	struct group_record rec;

	for (uint16_t i = 0; i < m->n_records; i++) {
		if (mld_record_parse(&m->records, &rec))
			return DROP_MLD_HDR;
		mcast_querier_record(side, &rec, mld_src_read);
	}
	return DROP_NONE;
}

static enum drop mld_message(struct mcast_side *side, struct mld *m, const struct ip_addr *src)
{
	switch (m->type) {
	case ICMP6_MLD_QUERY:
		mcast_querier_query(side, &m->query, src);
		mcast_host_query(side, &m->query, mld_src_read);
		return DROP_NONE;
	case ICMP6_MLD_REPORT:
		mcast_host_heard(side, &m->group);
		mcast_querier_report_old(side, GROUP_LEVEL_2, &m->group);
		return DROP_NONE;
	case ICMP6_MLD_DONE:
		mcast_querier_leave_old(side, &m->group);
		return DROP_NONE;
	default:
		return mld_records(side, m);
	}
}

/* RFC 3810 §6.2 and §7.4: from this link, and marked for routers. Reports of a host that has no
 * address yet are not heard (RFC 3590). */
static bool mld_is_from_link(const struct pkt *pkt, const struct ip_info *info)
{
	struct ip6_hdr hdr;

	if (info->ttl != 1 || pkt->l3_off == PKT_NO_OFF)
		return false;
	ip6_hdr_read(pkt_l3(pkt), &hdr);
	return hdr.next_hdr == IP_PROTO_HOPOPTS && ip6_addr_is_link_local(&hdr.src);
}

enum drop mld_input(struct stack *st UNUSED, struct pkt *pkt, const struct ip_info *info)
{
	enum drop why;
	struct mld m;
	struct rd r;

	if (!pkt->netif->mcast || !mld_is_from_link(pkt, info))
		return DROP_MLD_SRC;
	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	if (mld_parse(&r, &m))
		return DROP_MLD_HDR;
	why = mld_message(&pkt->netif->mcast->side[1], &m, &info->src);
	if (why == DROP_NONE)
		pkt_free(pkt);
	return why;
}

bool mld_is_message(const struct pkt *pkt, uint32_t icmp_off)
{
	uint8_t type;

	if (pkt->len <= icmp_off)
		return false;
	pkt_copy_out(pkt, icmp_off, &type, 1);
	return (type >= ICMP6_MLD_QUERY && type <= ICMP6_MLD_DONE) || type == ICMP6_MLD2_REPORT;
}

/*
 * Groups of the interface's own.
 */

static struct mcast_member *own_find(const struct mcast_if *mif, const struct ip6_addr *group)
{
	struct ip_addr addr = ip_addr_from_ip6(group);
	struct mcast_member *m;

	list_for_each (m, &mif->own, link)
		if (ip_addr_eq(&m->addr, &addr))
			return m;
	return NULL;
}

/* Without memory there is no report; the interface receives the group all the same. */
static void own_join(struct netif *netif, const struct ip6_addr *group)
{
	struct mem *mem = &netif->stack->eng->mem;
	struct mcast_member *m;

	if (own_find(netif->mcast, group))
		return;
	m = mem_zalloc(mem, sizeof(*m));
	if (!m)
		return;
	m->addr = ip_addr_from_ip6(group);
	m->filter.is_exclude = true;
	if (mcast_join(netif, m))
		mem_free(mem, m, sizeof(*m));
	else
		list_add_tail(&netif->mcast->own, &m->link);
}

/* A tentative address that waits for its random delay says nothing yet (RFC 4862 §5.4.2), and one
 * that another node has no more. It is received for all the same. */
static bool own_wants(const struct ip6_ifaddr *ifa)
{
	return ifa->state != IP6_ADDR_DUPLICATE && !ifa->dad_is_waiting;
}

static bool own_is_needed(const struct netif *netif, const struct ip6_addr *group)
{
	const struct ip6_addr routers = IP6_ADDR_ALL_ROUTERS;
	const struct ip6_ifaddr *ifa;

	if (ip6_addr_eq(group, &routers))
		return netif->stack->ip6->conf.forward;
	list_for_each (ifa, &netif->ip6->addrs, link) {
		struct ip6_addr solicited = ip6_solicited_node(&ifa->addr);

		if (own_wants(ifa) && ip6_addr_eq(&solicited, group))
			return true;
	}
	return false;
}

void mld_addrs_changed(struct netif *netif)
{
	const struct ip6_addr routers = IP6_ADDR_ALL_ROUTERS;
	const struct ip6_ifaddr *ifa;
	struct mcast_member *m;

	if (!netif->mcast || !netif->ip6 || (netif->flags & NETIF_LOOPBACK))
		return;
	list_for_each_safe (m, &netif->mcast->own, link) {
		struct ip6_addr group = ip_addr_to_ip6(&m->addr);

		if (own_is_needed(netif, &group))
			continue;
		list_del(&m->link);
		mcast_leave(m);
		mem_free(&netif->stack->eng->mem, m, sizeof(*m));
	}
	if (netif->stack->ip6->conf.forward)
		own_join(netif, &routers);
	list_for_each (ifa, &netif->ip6->addrs, link) {
		struct ip6_addr group = ip6_solicited_node(&ifa->addr);

		if (own_wants(ifa))
			own_join(netif, &group);
	}
}
