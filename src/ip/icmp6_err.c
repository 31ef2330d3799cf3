/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6 errors: those we send (RFC 4443 §2.4) and those we receive.
 *
 * An error quotes the refused packet from its IPv6 header on (icmp_err.c), as much as fits into
 * 1280 bytes.
 *
 * A received error is believed when the packet that it quotes can be one of ours: source address
 * ours, not a later fragment. Whether it was really sent is for the transport to judge, by ports
 * and sequence numbers (RFC 5927).
 */
#include <errno.h>

#include "core/engine.h"
#include "ip/icmp.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "wire/ip4.h"
#include "wire/ip6_ext.h"

enum {
	/* What is looked at to find out whether a packet is an ICMPv6 message itself. */
	CHAIN_LOOK = 256,
};

/*
 * May an error be sent?
 */

/* RFC 4443 §2.4 (e.3): packet too big serves path MTU discovery of groups, and an option of that
 * kind wants its answer. */
static bool is_told_to_groups(uint8_t type, uint8_t code)
{
	return type == ICMP6_PACKET_TOO_BIG ||
	       (type == ICMP6_PARAM_PROBLEM && code == ICMP6_PARAM_OPTION);
}

/* About an ICMPv6 message only when it is surely none of an error nor a redirect. */
static bool is_icmp_error(const struct pkt *pkt, const struct ip6_hdr *hdr)
{
	uint32_t look = pkt->len < CHAIN_LOOK ? pkt->len : CHAIN_LOOK;
	uint8_t buf[CHAIN_LOOK];
	struct ip6_chain chain;
	uint32_t off;

	pkt_copy_out(pkt, 0, buf, look);
	if (ip6_chain_skip(buf + IP6_HDR_LEN, look - IP6_HDR_LEN, hdr->next_hdr, &chain) < 0)
		return false;
	off = IP6_HDR_LEN + chain.len;
	if (chain.proto != IP_PROTO_ICMPV6 || chain.is_later_frag)
		return false;
	return off >= look || icmp6_type_is_error(buf[off]) || buf[off] == ICMP6_REDIRECT;
}

static bool error_is_due(const struct pkt *pkt, const struct ip6_hdr *hdr, uint8_t type,
			 uint8_t code)
{
	bool to_group = (pkt->flags & (PKT_F_L2_BROADCAST | PKT_F_L2_MULTICAST)) ||
			ip6_addr_is_multicast(&hdr->dst);

	if (ip6_addr_is_unspecified(&hdr->src) || ip6_addr_is_multicast(&hdr->src) ||
	    ip6_addr_is_mapped(&hdr->src))
		return false;
	return (!to_group || is_told_to_groups(type, code)) && !is_icmp_error(pkt, hdr);
}

/*
 * Making one.
 */

static struct pkt *error_make(struct stack *st, const struct pkt *pkt, const struct icmp6_hdr *icmp)
{
	uint32_t frame_len = pkt_frame_l3_len(pkt);
	uint32_t quote_len = frame_len < ICMP6_QUOTE_MAX ? frame_len : ICMP6_QUOTE_MAX;
	struct pkt *err = pkt_alloc(&st->eng->pkts, ICMP6_HDR_LEN + quote_len);
	uint8_t *p;

	if (!err)
		return NULL;
	p = pkt_put(err, ICMP6_HDR_LEN + quote_len);
	icmp6_hdr_write(p, icmp);
	icmp_quote_write(pkt, p + ICMP6_HDR_LEN, quote_len, frame_len);
	return err;
}

/* Path MTU discovery stops without its errors, and what stays inside the host harms nobody. */
static bool error_is_withheld(struct stack *st, uint8_t type, const struct ip_dst *dst,
			      const struct ip_addr *to)
{
	if (type == ICMP6_PACKET_TOO_BIG || dst->is_local)
		return false;
	return !icmp_limit_allow(st, to, st->ip6->conf.ratelimit_ms);
}

void icmp6_error(struct stack *st, const struct pkt *pkt, uint8_t type, uint8_t code, uint32_t arg)
{
	const struct icmp6_hdr icmp = {.type = type, .code = code, .u.rest = arg};
	struct ip_out out = {.flow.proto = IP_PROTO_ICMPV6};
	struct ip_addr subject_dst;
	struct ip6_hdr hdr;
	struct ip_dst dst;
	struct pkt *err;

	ip6_hdr_read(pkt->data, &hdr);
	if (!error_is_due(pkt, &hdr, type, code))
		return;
	out.flow.dst = ip_addr_from_ip6(&hdr.src);
	/* RFC 4443 §2.2: from the address that was spoken to, else one fit for the source. */
	subject_dst = ip_addr_from_ip6(&hdr.dst);
	if (ip_addr_is_local(st, &subject_dst))
		out.flow.src = subject_dst;
	if (ip6_addr_is_link_local(&hdr.src) && pkt->netif &&
	    !(pkt->netif->flags & NETIF_LOOPBACK) && !ip6_own(st->ip6, &hdr.src))
		out.flow.oif = pkt->netif->index;
	if (ip_route(st, &out.flow, &dst, &out.flow.src) < 0) {
		mib_inc(st, MIB_Icmp6OutErrors);
		return;
	}
	if (error_is_withheld(st, type, &dst, &out.flow.dst)) {
		st->drops[DROP_ICMP_RATELIMIT]++;
		mib_inc(st, MIB_Icmp6OutRateLimitHost);
		return;
	}
	err = error_make(st, pkt, &icmp);
	if (!err) {
		mib_inc(st, MIB_Icmp6OutErrors);
		return;
	}
	out.dst = &dst;
	(void)!icmp6_output(st, err, &out); /* drops by itself */
}

/*
 * Receiving one.
 */

struct meaning {
	int err;
	bool is_hard; /* as Linux has it */
};

static const struct meaning unreach_meanings[ICMP6_UNREACH_CODE_MAX + 1] = {
	[ICMP6_UNREACH_NO_ROUTE] = {ENETUNREACH, false},
	[ICMP6_UNREACH_ADMIN_PROHIBITED] = {EACCES, true},
	[ICMP6_UNREACH_SCOPE] = {EHOSTUNREACH, false},
	[ICMP6_UNREACH_ADDR] = {EHOSTUNREACH, false},
	[ICMP6_UNREACH_PORT] = {ECONNREFUSED, true},
	[ICMP6_UNREACH_POLICY] = {EACCES, true},
	[ICMP6_UNREACH_REJECT_ROUTE] = {EACCES, true},
};

bool icmp6_errno(uint8_t type, uint8_t code, int *ret_err, bool *ret_is_hard)
{
	struct meaning m = {EPROTO, false};

	switch (type) {
	case ICMP6_UNREACH:
		if (code <= ICMP6_UNREACH_CODE_MAX)
			m = unreach_meanings[code];
		break;
	case ICMP6_PACKET_TOO_BIG:
		m = (struct meaning){EMSGSIZE, false};
		break;
	case ICMP6_TIME_EXCEEDED:
		m = (struct meaning){EHOSTUNREACH, false};
		break;
	case ICMP6_PARAM_PROBLEM:
		m = (struct meaning){EPROTO, true};
		break;
	default:
		return false;
	}
	*ret_err = m.err;
	*ret_is_hard = m.is_hard;
	return true;
}

static enum drop error_parse(struct stack *st, struct pkt *pkt, const struct icmp6_hdr *icmp,
			     bool is_foreign, struct icmp_err *err, struct icmp6_quote *quote)
{
	uint32_t look = pkt->len < IP6_MTU_MIN ? pkt->len : IP6_MTU_MIN;
	struct rd r;

	if (!icmp6_errno(icmp->type, icmp->code, &err->err, &err->is_hard))
		return DROP_ICMP_TYPE;
	/* RFC 8201 §4: less than what every link carries must be discarded. */
	if (icmp->type == ICMP6_PACKET_TOO_BIG && icmp->u.mtu < IP6_MTU_MIN)
		return DROP_ICMP_QUOTE;
	if (!pkt_pullup(pkt, look))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	rd_skip(&r, ICMP6_HDR_LEN);
	if (icmp6_quote_parse(&r, icmp, quote) < 0 || quote->is_later_frag ||
	    ip6_addr_is_mapped(&quote->ip.src) || ip6_addr_is_mapped(&quote->ip.dst))
		return DROP_ICMP_QUOTE;
	err->src = ip_addr_from_ip6(&quote->ip.src);
	err->dst = ip_addr_from_ip6(&quote->ip.dst);
	/* What we sent in another's name is told to that one. */
	return is_foreign || ip_addr_is_local(st, &err->src) ? DROP_NONE : DROP_ICMP_QUOTE;
}

enum drop icmp6_error_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			    const struct icmp6_hdr *icmp)
{
	struct icmp_err err = {
		.offender = info->src, .type = icmp->type, .code = icmp->code, .is_ip6 = true};
	struct icmp6_quote quote;
	enum drop why = error_parse(st, pkt, icmp, info->is_foreign, &err, &quote);

	if (why == DROP_NONE) {
		if (icmp->type == ICMP6_PACKET_TOO_BIG)
			err.mtu = icmp->u.mtu;
		else if (icmp->type == ICMP6_PARAM_PROBLEM)
			err.pointer = icmp->u.pointer;
		err.proto = quote.proto;
		if (quote.proto == IP_PROTO_ICMP ||
		    !icmp_error_deliver(st, quote.proto, &err, quote.l4, (uint32_t)quote.l4_len))
			why = DROP_ICMP_QUOTE;
	}
	if (why == DROP_NONE)
		pkt_free(pkt);
	else if (why == DROP_ICMP_QUOTE)
		mib_inc(st, MIB_Icmp6InErrors);
	return why;
}
