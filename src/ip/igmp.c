/* SPDX-License-Identifier: MIT */
/*
 * IGMP on the wire of a stack (RFC 1112, RFC 2236, RFC 3376): messages in to mcast_host.c and
 * mcast_querier.c, and out for them. Every message has TTL 1, type of service 0xc0 and the router
 * alert option (RFC 3376 §4), and comes from an address of its interface, or 0.0.0.0 while that has
 * none (§4.2.13).
 *
 * A message whose TTL is not 1 came from somewhere else than this link and is dropped.
 */
#include "wire/igmp.h"

#include <errno.h>

#include "base/csum.h"
#include "ip/ip4.h"
#include "ip/mcast.h"
#include "ip/mcast_querier.h"
#include "link/neigh.h"
#include "wire/eth.h"

enum {
	IGMP_IP_HDR_LEN = IP4_HDR_LEN + 4, /* with router alert */
	IGMP_TOS = 0xc0,                   /* internetwork control */
	IGMP_PAYLOAD_MAX = 1500 - IGMP_IP_HDR_LEN,
};

#define ALL_SYSTEMS    IP4_ADDR(224, 0, 0, 1)
#define ALL_ROUTERS    IP4_ADDR(224, 0, 0, 2)
#define ALL_V3_ROUTERS IP4_ADDR(224, 0, 0, 22)

/*
 * Output.
 */

static struct ip4_addr igmp_src(const struct netif *netif)
{
	struct list *first = list_first(&netif->ip4->addrs);

	return first ? container_of(first, struct ip4_ifaddr, link)->addr : IP4_ADDR_ANY;
}

static void igmp_ip_hdr_write(const struct netif *netif, uint8_t *p, struct ip4_addr dst,
			      uint32_t len)
{
	static const uint8_t router_alert[4] = {IP4_OPT_RA, 4, 0, 0};
	struct ip4_hdr hdr = {.src = igmp_src(netif),
			      .dst = dst,
			      .hdr_len = IGMP_IP_HDR_LEN,
			      .tos = IGMP_TOS,
			      .tot_len = (uint16_t)(IGMP_IP_HDR_LEN + len),
			      .ttl = 1,
			      .proto = IP_PROTO_IGMP,
			      .df = true};

	memcpy(p + IP4_HDR_LEN, router_alert, sizeof(router_alert));
	ip4_hdr_write(p, &hdr);
}

/* A packet with room for a message; its writer. NULL: no memory. */
static struct pkt *igmp_pkt(struct netif *netif, struct wr *ret)
{
	struct pkt *pkt = pkt_alloc(&netif->stack->eng->pkts, IGMP_PAYLOAD_MAX);

	if (pkt)
		*ret = wr_make(pkt->data, IGMP_PAYLOAD_MAX);
	return pkt;
}

static void igmp_output(struct netif *netif, struct pkt *pkt, const struct wr *w,
			struct ip4_addr dst)
{
	struct ip_addr nexthop = ip_addr_from_ip4(&dst);
	struct stack *st = netif->stack;
	uint32_t len = (uint32_t)wr_len(w);
	uint8_t *p;

	if (!wr_ok(w)) {
		pkt_free(pkt); /* larger than any link that we know */
		return;
	}
	(void)pkt_put(pkt, len);
	store_be16(pkt->data + IGMP_CSUM_OFF, csum_finish(pkt_csum_add(pkt, 0, len, 0)));
	pkt->l4_off = pkt_off(pkt);
	p = pkt_push(pkt, IGMP_IP_HDR_LEN);
	if (!p) {
		pkt_drop(st, pkt, DROP_NOMEM);
		return;
	}
	pkt->l3_off = pkt_off(pkt);
	igmp_ip_hdr_write(netif, p, dst, len);
	mib_inc(st, MIB_IpOutRequests);
	mib_add(st, MIB_IpExtOutOctets, pkt->len);
	(void)!neigh_output(netif, pkt, &nexthop, ETHERTYPE_IPV4, NULL);
}

static bool igmp_source(const struct netif *netif, struct ip_addr *ret)
{
	struct ip4_addr src = igmp_src(netif);

	*ret = ip_addr_from_ip4(&src);
	return !ip4_addr_is_unspecified(&src);
}

static bool igmp_is_silent(const struct ip_addr *group)
{
	struct ip4_addr g = ip_addr_to_ip4(group);

	return ip4_addr_eq(&g, &ALL_SYSTEMS); /* RFC 3376 §5 */
}

static void igmp_report(struct netif *netif, const struct group_record_out *recs, uint16_t n_recs)
{
	struct wr w;
	struct pkt *pkt = igmp_pkt(netif, &w);

	if (!pkt)
		return;
	igmp_report_write(&w, recs, n_recs);
	igmp_output(netif, pkt, &w, ALL_V3_ROUTERS);
}

static void igmp_report_old(struct netif *netif, uint8_t level, const struct ip_addr *group)
{
	struct ip4_addr g = ip_addr_to_ip4(group);
	struct wr w;
	struct pkt *pkt = igmp_pkt(netif, &w);

	if (!pkt)
		return;
	igmp_write(&w, level == GROUP_LEVEL_1 ? IGMP_REPORT_V1 : IGMP_REPORT_V2, 0, g);
	igmp_output(netif, pkt, &w, g);
}

static void igmp_leave_old(struct netif *netif, uint8_t level UNUSED, const struct ip_addr *group)
{
	struct wr w;
	struct pkt *pkt = igmp_pkt(netif, &w);

	if (!pkt)
		return;
	igmp_write(&w, IGMP_LEAVE, 0, ip_addr_to_ip4(group));
	igmp_output(netif, pkt, &w, ALL_ROUTERS);
}

/* RFC 3376 §4.1.12: to all, or to the group. */
static void igmp_query(struct netif *netif, const struct group_query *q,
		       const struct group_record_out *rec)
{
	bool is_general = ip_addr_is_unspecified(&q->group);
	struct ip4_addr dst = is_general ? ALL_SYSTEMS : ip_addr_to_ip4(&q->group);
	struct wr w;
	struct pkt *pkt = igmp_pkt(netif, &w);

	if (!pkt)
		return;
	if (q->level == GROUP_LEVEL_3)
		igmp_query_write(&w, q, rec);
	else
		igmp_write(&w, IGMP_QUERY,
			   q->level == GROUP_LEVEL_1 ? 0 : (uint8_t)(q->max_resp_ms / 100),
			   is_general ? IP4_ADDR_ANY : dst);
	igmp_output(netif, pkt, &w, dst);
}

const struct mcast_ops igmp_ops = {
	.addr_len = sizeof(struct ip4_addr),
	.record_hdr_len = IGMP_RECORD_HDR_LEN,
	.overhead = IGMP_IP_HDR_LEN + IGMP_HDR_LEN,
	.all_systems = {{[10] = 0xff, 0xff, 224, 0, 0, 1}},
	.is_silent = igmp_is_silent,
	.source = igmp_source,
	.report = igmp_report,
	.report_old = igmp_report_old,
	.leave_old = igmp_leave_old,
	.query = igmp_query,
};

/*
 * Input.
 */

static enum drop igmp_records(struct mcast_side *side, struct igmp *m)
{
	struct group_record rec;

	for (uint16_t i = 0; i < m->n_records; i++) {
		if (igmp_record_parse(&m->records, &rec))
			return DROP_IGMP_HDR;
		mcast_querier_record(side, &rec, igmp_src_read);
	}
	return DROP_NONE;
}

static enum drop igmp_message(struct mcast_side *side, struct igmp *m, const struct ip_addr *src)
{
	switch (m->type) {
	case IGMP_QUERY:
		mcast_querier_query(side, &m->query, src);
		mcast_host_query(side, &m->query, igmp_src_read);
		return DROP_NONE;
	case IGMP_REPORT_V1:
	case IGMP_REPORT_V2:
		mcast_host_heard(side, &m->group);
		mcast_querier_report_old(
			side, m->type == IGMP_REPORT_V1 ? GROUP_LEVEL_1 : GROUP_LEVEL_2, &m->group);
		return DROP_NONE;
	case IGMP_LEAVE:
		mcast_querier_leave_old(side, &m->group);
		return DROP_NONE;
	default:
		return igmp_records(side, m);
	}
}

static enum drop igmp_input(struct stack *st UNUSED, struct pkt *pkt, const struct ip_info *info)
{
	struct igmp m;
	struct rd r;
	enum drop why;
	int err;

	if (pkt->len < IGMP_HDR_LEN)
		return DROP_IGMP_HDR;
	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	if (pkt->csum == PKT_CSUM_NONE && csum_fold(pkt_csum_add(pkt, 0, pkt->len, 0)) != 0xffff)
		return DROP_IGMP_CSUM;
	if (info->ttl != 1)
		return DROP_IGMP_TTL;
	r = pkt_rd(pkt);
	err = igmp_parse(&r, &m);
	if (err)
		return err == -EPROTONOSUPPORT ? DROP_IGMP_TYPE : DROP_IGMP_HDR;
	why = igmp_message(&pkt->netif->mcast->side[0], &m, &info->src);
	if (why == DROP_NONE)
		pkt_free(pkt);
	return why;
}

static const struct ip_proto igmp_proto = {
	.proto = IP_PROTO_IGMP,
	.input = igmp_input,
};

int igmp_init(struct stack *st)
{
	return stack_ip_proto_add(st, &igmp_proto);
}
