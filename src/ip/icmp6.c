/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6 input and echo (RFC 4443). Types that nobody asked for are counted and dropped; errors of
 * unknown type are passed on to the protocol that they quote (§2.4 (a)), the other unknown types
 * are dropped in silence (§2.4 (b)).
 */
#include "ip/icmp6.h"
#include "ip/mld.h"

#include <errno.h>

#include "base/csum.h"
#include "core/engine.h"
#include "core/sysctl.h"
#include "ip/icmp.h"
#include "ip/ip6.h"
#include "ip/ra.h"
#include "wire/ip4.h"
#include "wire/pseudo.h"

/*
 * Output.
 */

int icmp6_output(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	uint64_t sum = pseudo_sum(&out->flow.src, &out->flow.dst, IP_PROTO_ICMPV6, pkt->len);

	icmp6_csum_store(pkt->data, csum_fold(sum));
	pkt->l4_off = pkt_off(pkt);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = pkt->l4_off;
	pkt->csum_off = ICMP6_CSUM_OFF;
	icmp6_count_out(st, pkt->data[0]);
	return ip_output(st, pkt, out);
}

/*
 * Input.
 */

static void icmp6_count_in(struct stack *st, uint8_t type)
{
	static const struct {
		uint8_t type;
		enum mib mib;
	} counters[] = {
		{ICMP6_UNREACH, MIB_Icmp6InDestUnreachs},
		{ICMP6_PACKET_TOO_BIG, MIB_Icmp6InPktTooBigs},
		{ICMP6_TIME_EXCEEDED, MIB_Icmp6InTimeExcds},
		{ICMP6_PARAM_PROBLEM, MIB_Icmp6InParmProblems},
		{ICMP6_ECHO, MIB_Icmp6InEchos},
		{ICMP6_ECHO_REPLY, MIB_Icmp6InEchoReplies},
		{ICMP6_ROUTER_SOLICIT, MIB_Icmp6InRouterSolicits},
		{ICMP6_ROUTER_ADVERT, MIB_Icmp6InRouterAdvertisements},
		{ICMP6_NEIGH_SOLICIT, MIB_Icmp6InNeighborSolicits},
		{ICMP6_NEIGH_ADVERT, MIB_Icmp6InNeighborAdvertisements},
		{ICMP6_REDIRECT, MIB_Icmp6InRedirects},
	};

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		if (counters[i].type == type)
			mib_inc(st, counters[i].mib);
}

static bool icmp6_csum_ok(const struct pkt *pkt, const struct ip_info *info)
{
	uint64_t sum;

	if (pkt->csum != PKT_CSUM_NONE)
		return true;
	sum = pseudo_sum(&info->src, &info->dst, IP_PROTO_ICMPV6, pkt->len);
	return csum_fold(pkt_csum_add(pkt, 0, pkt->len, sum)) == 0xffff;
}

/* The request's bytes become the reply. */
static void icmp6_echo_turn(struct stack *st, struct pkt *pkt)
{
	icmp6_type_store(pkt->data, ICMP6_ECHO_REPLY);
	pkt->flags &= PKT_F_TRACED;
	pkt->l2_off = pkt->l3_off = PKT_NO_OFF;
	pkt->hash = 0;
	pkt->mark = 0;
	pkt->trace_id = ++st->eng->pkts.next_trace_id;
	pkt->n_hops = 0;
}

/* RFC 4443 §4.2. */
static enum drop icmp6_echo(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	const struct ip6_conf *conf = &st->ip6->conf;
	struct ip_out out = {.flow = {.dst = info->src,
				      .src = info->dst,
				      .tos = info->tos,
				      .proto = IP_PROTO_ICMPV6}};
	struct ip_dst dst = {0};

	if (info->is_foreign) /* never answered in its name */
		return st->icmp->echo_foreign(st, pkt, info);
	if (conf->echo_ignore_all)
		return DROP_ICMP_IGNORED;
	if (info->is_broadcast && conf->echo_ignore_multicast)
		return DROP_ICMP_BROADCAST;
	if (ip_addr_is_unspecified(&info->src))
		return DROP_IP6_SRC;
	if (info->is_broadcast)
		out.flow.src = (struct ip_addr){{0}}; /* sent to a group: to be selected */
	if (pkt->netif && !(pkt->netif->flags & NETIF_LOOPBACK) &&
	    ip_addr_is_link_local6(&info->src))
		out.flow.oif = pkt->netif->index; /* an address of that link */
	if (ip_route(st, &out.flow, &dst, &out.flow.src) < 0)
		return DROP_IP_NO_ROUTE;
	if (!pkt_make_writable(pkt, ICMP6_HDR_LEN))
		return DROP_NOMEM;
	icmp6_echo_turn(st, pkt);
	out.dst = &dst;
	(void)!icmp6_output(st, pkt, &out); /* taken, whatever becomes of the reply */
	return DROP_NONE;
}

static enum drop icmp6_dispatch(struct stack *st, struct pkt *pkt, const struct ip_info *info,
				const struct icmp6_hdr *hdr)
{
	if (info->is_foreign && hdr->type != ICMP6_ECHO && !icmp6_type_is_error(hdr->type))
		return DROP_ICMP_TYPE; /* what is said between neighbours */
	switch (hdr->type) {
	case ICMP6_ECHO:
		return icmp6_echo(st, pkt, info);
	case ICMP6_ECHO_REPLY:
		return st->icmp->echo_reply ? st->icmp->echo_reply(st, pkt, info)
					    : DROP_ICMP_NO_SOCKET;
	case ICMP6_ROUTER_ADVERT:
		return ra_input(st, pkt, info, hdr);
	case ICMP6_REDIRECT:
		return redirect6_input(st, pkt, info, hdr);
	case ICMP6_NEIGH_SOLICIT:
	case ICMP6_NEIGH_ADVERT:
		return nd_input(st, pkt, info, hdr);
	case ICMP6_MLD_QUERY:
	case ICMP6_MLD_REPORT:
	case ICMP6_MLD_DONE:
	case ICMP6_MLD2_REPORT:
		return mld_input(st, pkt, info);
	default:
		return icmp6_type_is_error(hdr->type) ? icmp6_error_input(st, pkt, info, hdr)
						      : DROP_ICMP_TYPE;
	}
}

enum drop icmp6_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	struct icmp6_hdr hdr;
	struct rd r;

	if (!info->is_ip6) /* a protocol of IPv6 alone */
		return DROP_IP4_NO_PROTO;
	mib_inc(st, MIB_Icmp6InMsgs);
	if (pkt->len < ICMP6_HDR_LEN) {
		mib_inc(st, MIB_Icmp6InErrors);
		return DROP_ICMP_HDR;
	}
	if (!icmp6_csum_ok(pkt, info)) {
		mib_inc(st, MIB_Icmp6InErrors);
		mib_inc(st, MIB_Icmp6InCsumErrors);
		return DROP_ICMP_CSUM;
	}
	if (!pkt_pullup(pkt, ICMP6_HDR_LEN))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	if (icmp6_hdr_parse(&r, &hdr) < 0)
		return DROP_ICMP_HDR;
	icmp6_count_in(st, hdr.type);
	if (unlikely(info->was_frag && icmp6_type_is_nd(hdr.type)))
		return DROP_ND_FRAG; /* RFC 6980 §5 */
	return icmp6_dispatch(st, pkt, info, &hdr);
}

/* An error about a message of ours: only echo requests have someone who waits. */
static void icmp6_proto_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
			      uint32_t quote_len)
{
	if (st->icmp->echo_error && err->is_ip6 && quote[0] == ICMP6_ECHO)
		st->icmp->echo_error(st, err, quote, quote_len);
}

static const struct ip_proto icmp6_proto = {
	.proto = IP_PROTO_ICMPV6,
	.input = icmp6_input,
	.error = icmp6_proto_error,
};

int icmp6_init(struct stack *st)
{
	return stack_ip_proto_add(st, &icmp6_proto);
}
