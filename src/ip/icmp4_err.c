/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors: those we send (RFC 1122 §3.2.2, RFC 1812 §4.3.2) and those we receive.
 *
 * An error quotes the refused datagram from its IP header on (icmp_err.c), as much as fits into 576
 * bytes.
 *
 * A received error is believed when the datagram that it quotes can be one of ours: source address
 * ours, not a later fragment. Whether it was really sent is for the transport to judge, by ports
 * and sequence numbers (RFC 5927).
 */
#include <errno.h>

#include "base/csum.h"
#include "core/engine.h"
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "ip/ip4_opts.h"

enum {
	TOS_CONTROL = 0xc0, /* RFC 1812 §4.3.2.5: precedence of errors: internetwork control */
	TOS_KEEP = 0x1c,    /* what else an error takes from its subject; ECN is its own affair */
};

/*
 * May an error be sent?
 */

static bool is_host(struct stack *st, struct ip4_addr a)
{
	return !ip4_addr_is_unspecified(&a) && !ip4_src_is_martian(a) &&
	       ip4_own(st->ip4, a) != IP4_OWN_BROADCAST;
}

static bool is_to_group(struct stack *st, const struct pkt *pkt, struct ip4_addr dst)
{
	return (pkt->flags & (PKT_F_L2_BROADCAST | PKT_F_L2_MULTICAST)) || ip4_is_group(dst) ||
	       ip4_own(st->ip4, dst) == IP4_OWN_BROADCAST;
}

/* About an ICMP message only when it is surely none of an error: unknown types, and those cut off
 * before their type, count as errors (RFC 1122 §3.2.2: an unknown type is discarded in silence). */
static bool is_icmp_error(const struct pkt *pkt, const struct ip4_hdr *hdr)
{
	uint8_t type;

	if (hdr->proto != IP_PROTO_ICMP)
		return false;
	if (pkt->len <= hdr->hdr_len)
		return true;
	pkt_copy_out(pkt, hdr->hdr_len, &type, 1);
	return type != ICMP4_ECHO && type != ICMP4_ECHO_REPLY && type != ICMP4_TIMESTAMP &&
	       type != ICMP4_TIMESTAMP_REPLY;
}

static bool error_is_due(struct stack *st, const struct pkt *pkt, const struct ip4_hdr *hdr)
{
	return hdr->frag_off == 0 && is_host(st, hdr->src) && !is_to_group(st, pkt, hdr->dst) &&
	       !is_icmp_error(pkt, hdr);
}

/* Path MTU discovery stops without its errors, and what stays inside the host harms nobody. */
static bool error_is_limited(const struct stack *st, const struct icmp4_hdr *icmp,
			     const struct ip_dst *dst)
{
	return icmp->type < 32 && (st->icmp->conf.ratemask >> icmp->type & 1) && !dst->is_local &&
	       !(icmp->type == ICMP4_UNREACH && icmp->code == ICMP4_UNREACH_FRAG_NEEDED);
}

/*
 * Making one.
 */

static struct pkt *error_make(struct stack *st, const struct pkt *pkt, const struct icmp4_hdr *icmp)
{
	uint32_t frame_len = pkt_frame_l3_len(pkt);
	uint32_t quote_len = frame_len < ICMP4_QUOTE_MAX ? frame_len : ICMP4_QUOTE_MAX;
	struct pkt *err = pkt_alloc(&st->eng->pkts, ICMP4_HDR_LEN + quote_len);
	uint8_t *p;

	if (!err)
		return NULL;
	p = pkt_put(err, ICMP4_HDR_LEN + quote_len);
	err->l4_off = pkt_off(err);
	icmp4_hdr_write(p, icmp);
	icmp_quote_write(pkt, p + ICMP4_HDR_LEN, quote_len, frame_len);
	icmp4_csum_store(p, csum_finish(csum_add(err->pools->cpu, p, err->len, 0)));
	return err;
}

void icmp4_error(struct stack *st, const struct pkt *pkt, const struct icmp4_hdr *icmp)
{
	struct ip_out out = {.flow.proto = IP_PROTO_ICMP};
	struct ip_dst dst;
	struct ip_addr subject_dst;
	struct ip4_hdr hdr;
	struct pkt *err;

	ip4_hdr_read(pkt->data, &hdr);
	if (!error_is_due(st, pkt, &hdr))
		return;
	out.flow.dst = ip_addr_from_ip4(&hdr.src);
	out.flow.tos = (hdr.tos & TOS_KEEP) | TOS_CONTROL;
	/* RFC 1812 §4.3.2.4: from the address that was spoken to, else one of the interface that
	 * it leaves by. */
	subject_dst = ip_addr_from_ip4(&hdr.dst);
	if (ip_addr_is_local(st, &subject_dst))
		out.flow.src = subject_dst;
	if (ip_route(st, &out.flow, &dst, &out.flow.src) < 0) {
		mib_inc(st, MIB_IcmpOutErrors);
		return;
	}
	if (error_is_limited(st, icmp, &dst) &&
	    !icmp_limit_allow(st, &out.flow.dst, st->icmp->conf.ratelimit_ms)) {
		st->drops[DROP_ICMP_RATELIMIT]++;
		mib_inc(st, MIB_IcmpOutRateLimitHost);
		return;
	}
	err = error_make(st, pkt, icmp);
	if (!err) {
		mib_inc(st, MIB_IcmpOutErrors);
		return;
	}
	out.dst = &dst;
	icmp_count_out(st, icmp->type);
	(void)!ip_output(st, err, &out); /* drops by itself */
}

/*
 * Receiving one.
 */

struct meaning {
	int err;
	bool is_hard; /* RFC 1122 §4.2.3.9: the connection cannot go on; as Linux has it */
};

static const struct meaning unreach_meanings[ICMP4_UNREACH_CODE_MAX + 1] = {
	[ICMP4_UNREACH_NET] = {ENETUNREACH, false},
	[ICMP4_UNREACH_HOST] = {EHOSTUNREACH, false},
	[ICMP4_UNREACH_PROTO] = {ENOPROTOOPT, true},
	[ICMP4_UNREACH_PORT] = {ECONNREFUSED, true},
	[ICMP4_UNREACH_FRAG_NEEDED] = {EMSGSIZE, false},
	[ICMP4_UNREACH_SRC_ROUTE] = {EOPNOTSUPP, false},
	[ICMP4_UNREACH_NET_UNKNOWN] = {ENETUNREACH, true},
	[ICMP4_UNREACH_HOST_UNKNOWN] = {EHOSTDOWN, true},
	[ICMP4_UNREACH_HOST_ISOLATED] = {ENONET, true},
	[ICMP4_UNREACH_NET_PROHIBITED] = {ENETUNREACH, true},
	[ICMP4_UNREACH_HOST_PROHIBITED] = {EHOSTUNREACH, true},
	[ICMP4_UNREACH_NET_TOS] = {ENETUNREACH, false},
	[ICMP4_UNREACH_HOST_TOS] = {EHOSTUNREACH, false},
	[ICMP4_UNREACH_ADMIN_PROHIBITED] = {EHOSTUNREACH, true},
	[ICMP4_UNREACH_HOST_PRECEDENCE] = {EHOSTUNREACH, true},
	[ICMP4_UNREACH_PRECEDENCE_CUTOFF] = {EHOSTUNREACH, true},
};

bool icmp4_errno(uint8_t type, uint8_t code, int *ret_err, bool *ret_is_hard)
{
	struct meaning m;

	if (type == ICMP4_UNREACH && code <= ICMP4_UNREACH_CODE_MAX)
		m = unreach_meanings[code];
	else if (type == ICMP4_TIME_EXCEEDED && code <= ICMP4_EXCEEDED_REASM)
		m = (struct meaning){EHOSTUNREACH, false};
	else if (type == ICMP4_PARAM_PROBLEM && code <= ICMP4_PARAM_LENGTH)
		m = (struct meaning){EPROTO, true};
	else
		return false;
	*ret_err = m.err;
	*ret_is_hard = m.is_hard;
	return true;
}

uint32_t icmp4_next_mtu(uint32_t mtu, uint32_t tot_len)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};

	if (mtu)
		return mtu < IP4_MTU_MIN ? IP4_MTU_MIN : mtu;
	for (size_t i = 0; i < ARRAY_SIZE(plateaus); i++)
		if (plateaus[i] < tot_len)
			return plateaus[i];
	return IP4_MTU_MIN;
}

static enum drop error_parse(struct stack *st, struct pkt *pkt, const struct icmp4_hdr *icmp,
			     bool is_foreign, struct icmp_err *err, struct icmp4_quote *quote)
{
	struct ip4_addr final;
	struct rd r;

	if (!icmp4_errno(icmp->type, icmp->code, &err->err, &err->is_hard))
		return DROP_ICMP_TYPE;
	if (!pkt_pullup(pkt, pkt->len < IP4_MIN_REASM ? pkt->len : IP4_MIN_REASM))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	rd_skip(&r, ICMP4_HDR_LEN);
	if (icmp4_quote_parse(&r, icmp, quote) < 0 || quote->ip.frag_off)
		return DROP_ICMP_QUOTE;
	err->src = ip_addr_from_ip4(&quote->ip.src);
	final = ip4_opts_final(quote->l4 - quote->ip.hdr_len, quote->ip.hdr_len, quote->ip.dst);
	err->dst = ip_addr_from_ip4(&final);
	/* What we sent in another's name is told to that one. */
	return is_foreign || ip_addr_is_local(st, &err->src) ? DROP_NONE : DROP_ICMP_QUOTE;
}

enum drop icmp4_error_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			    const struct icmp4_hdr *icmp)
{
	struct icmp_err err = {.offender = info->src, .type = icmp->type, .code = icmp->code};
	struct icmp4_quote quote;
	enum drop why = error_parse(st, pkt, icmp, info->is_foreign, &err, &quote);

	if (why == DROP_NONE) {
		if (icmp->type == ICMP4_UNREACH && icmp->code == ICMP4_UNREACH_FRAG_NEEDED)
			err.mtu = icmp4_next_mtu(icmp->u.err.mtu, quote.ip.tot_len);
		else if (icmp->type == ICMP4_PARAM_PROBLEM)
			err.pointer = icmp->u.err.pointer;
		err.quoted = quote.ip.tot_len;
		err.proto = quote.ip.proto;
		if (!icmp_error_deliver(st, quote.ip.proto, &err, quote.l4, (uint32_t)quote.l4_len))
			why = DROP_ICMP_QUOTE;
	}
	if (why == DROP_NONE)
		pkt_free(pkt);
	else if (why == DROP_ICMP_QUOTE)
		mib_inc(st, MIB_IcmpInErrors);
	return why;
}
