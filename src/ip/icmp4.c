/* SPDX-License-Identifier: MIT */
/*
 * ICMP input and echo. Types that nobody asked for (source quench, router discovery, address mask,
 * timestamp) are counted and dropped.
 */
#include "ip/icmp.h"

#include <errno.h>

#include "base/csum.h"
#include "core/engine.h"
#include "core/sysctl.h"
#include "ip/ip4.h"
#include "ip/ip4_opts.h"

/*
 * Input.
 */

static void icmp_count_in(struct stack *st, uint8_t type)
{
	switch (type) {
	case ICMP4_UNREACH:
		mib_inc(st, MIB_IcmpInDestUnreachs);
		break;
	case ICMP4_TIME_EXCEEDED:
		mib_inc(st, MIB_IcmpInTimeExcds);
		break;
	case ICMP4_PARAM_PROBLEM:
		mib_inc(st, MIB_IcmpInParmProbs);
		break;
	case ICMP4_REDIRECT:
		mib_inc(st, MIB_IcmpInRedirects);
		break;
	case ICMP4_ECHO:
		mib_inc(st, MIB_IcmpInEchos);
		break;
	case ICMP4_ECHO_REPLY:
		mib_inc(st, MIB_IcmpInEchoReps);
		break;
	default:
		break;
	}
}

static bool icmp4_csum_ok(const struct pkt *pkt)
{
	return pkt->csum != PKT_CSUM_NONE || csum_fold(pkt_csum_add(pkt, 0, pkt->len, 0)) == 0xffff;
}

/* The request becomes the reply: same bytes, type changed, addresses exchanged. */
static void icmp4_echo_turn(struct stack *st, struct pkt *pkt)
{
	if (pkt->csum == PKT_CSUM_PARTIAL)
		icmp4_type_store(pkt->data, ICMP4_ECHO_REPLY); /* the sum is still to be made */
	else
		icmp4_type_set(pkt->data, ICMP4_ECHO_REPLY);
	pkt->flags &= PKT_F_TRACED;
	pkt->l2_off = pkt->l3_off = PKT_NO_OFF;
	pkt->hash = 0;
	pkt->mark = 0;
	pkt->trace_id = ++st->eng->pkts.next_trace_id;
	pkt->n_hops = 0;
}

/* RFC 1122 §3.2.2.6. */
static enum drop icmp4_echo(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	struct ip_out out = {.flow = {.dst = info->src,
				      .src = info->dst,
				      .tos = info->tos,
				      .proto = IP_PROTO_ICMP}};
	struct ip_dst dst = {0};
	struct ip4_opts opts;

	if (info->is_foreign) /* never answered in its name */
		return st->icmp->echo_foreign(st, pkt, info);
	if (st->icmp->conf.echo_ignore_all)
		return DROP_ICMP_IGNORED;
	if (info->is_broadcast && st->icmp->conf.echo_ignore_broadcasts)
		return DROP_ICMP_BROADCAST;
	if (!ip_addr_is_local(st, &info->dst))
		out.flow.src = (struct ip_addr){{0}}; /* sent to a group: to be selected */
	if (ip_route(st, &out.flow, &dst, &out.flow.src) < 0)
		return DROP_IP_NO_ROUTE;
	if (unlikely(pkt->l4_off - pkt->l3_off > IP4_HDR_LEN)) {
		ip4_opts_echo(st, pkt_l3(pkt), (size_t)(pkt->l4_off - pkt->l3_off),
			      ip_addr_to_ip4(&out.flow.src), &opts);
		out.opts = &opts;
		if (opts.route) /* back along it, not the short way */
			dst = (struct ip_dst){0};
	}
	if (!pkt_make_writable(pkt, ICMP4_HDR_LEN))
		return DROP_NOMEM;
	icmp4_echo_turn(st, pkt);
	out.dst = &dst;
	icmp_count_out(st, ICMP4_ECHO_REPLY);
	(void)!ip_output(st, pkt, &out); /* taken, whatever becomes of the reply */
	return DROP_NONE;
}

static enum drop icmp4_dispatch(struct stack *st, struct pkt *pkt, const struct ip_info *info,
				const struct icmp4_hdr *hdr)
{
	if (info->is_foreign && hdr->type == ICMP4_REDIRECT)
		return DROP_ICMP_TYPE; /* said to somebody else */
	switch (hdr->type) {
	case ICMP4_ECHO:
		return icmp4_echo(st, pkt, info);
	case ICMP4_ECHO_REPLY:
		/* As Linux: nobody who was asked answers to a group. */
		if (info->is_broadcast)
			return DROP_ICMP_BROADCAST;
		return st->icmp->echo_reply ? st->icmp->echo_reply(st, pkt, info)
					    : DROP_ICMP_NO_SOCKET;
	case ICMP4_UNREACH:
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAM_PROBLEM:
		return icmp4_error_input(st, pkt, info, hdr);
	case ICMP4_REDIRECT:
		return redirect4_input(st, pkt, info, hdr);
	default:
		return DROP_ICMP_TYPE;
	}
}

enum drop icmp4_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	struct icmp4_hdr hdr;
	struct rd r;

	mib_inc(st, MIB_IcmpInMsgs);
	if (pkt->len < ICMP4_HDR_LEN) {
		mib_inc(st, MIB_IcmpInErrors);
		return DROP_ICMP_HDR;
	}
	if (!icmp4_csum_ok(pkt)) {
		mib_inc(st, MIB_IcmpInErrors);
		mib_inc(st, MIB_IcmpInCsumErrors);
		return DROP_ICMP_CSUM;
	}
	if (!pkt_pullup(pkt, ICMP4_HDR_LEN))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	if (icmp4_hdr_parse(&r, &hdr) < 0)
		return DROP_ICMP_HDR;
	icmp_count_in(st, hdr.type);
	return icmp4_dispatch(st, pkt, info, &hdr);
}

/* An error about an ICMP message of ours: only echo requests have someone who waits. */
static void icmp4_proto_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
			      uint32_t quote_len)
{
	if (st->icmp->echo_error && quote[0] == ICMP4_ECHO)
		st->icmp->echo_error(st, err, quote, quote_len);
}

/*
 * Set-up.
 */

static const struct ip_proto icmp4_proto = {
	.proto = IP_PROTO_ICMP,
	.input = icmp4_input,
	.error = icmp4_proto_error,
};

static const struct sysctl icmp_sysctls[] = {
	SYSCTL(struct icmp_conf, echo_ignore_all, "net.ipv4.icmp_echo_ignore_all", 0, 1,
	       "answer no echo requests"),
	SYSCTL(struct icmp_conf, echo_ignore_broadcasts, "net.ipv4.icmp_echo_ignore_broadcasts", 0,
	       1, "answer no echo requests to broadcast and multicast addresses"),
	SYSCTL(struct icmp_conf, ratelimit_ms, "net.ipv4.icmp_ratelimit", 0, 3600000,
	       "least time between two errors to one host, ms; 0: no such limit"),
	SYSCTL(struct icmp_conf, ratemask, "net.ipv4.icmp_ratemask", 0, UINT32_MAX,
	       "types that the limits hold for, bit n for type n"),
	SYSCTL(struct icmp_conf, msgs_per_sec, "net.ipv4.icmp_msgs_per_sec", 1, 1000000,
	       "limited errors a second to all hosts"),
	SYSCTL(struct icmp_conf, msgs_burst, "net.ipv4.icmp_msgs_burst", 1, 1000000,
	       "limited errors to all hosts at once"),
};

static void *icmp_sysctl_base(struct stack *st)
{
	return &st->icmp->conf;
}

static const struct sysctl_table icmp_sysctl_table = {
	.entries = icmp_sysctls,
	.n_entries = ARRAY_SIZE(icmp_sysctls),
	.base = icmp_sysctl_base,
};

int icmp_init(struct stack *st)
{
	struct icmp *icmp = mem_zalloc(&st->eng->mem, sizeof(*icmp));
	int err;

	if (!icmp)
		return -ENOMEM;
	icmp->conf = (struct icmp_conf){
		.echo_ignore_broadcasts = true,
		.ratelimit_ms = 1000,
		.ratemask = 1u << ICMP4_UNREACH | 1u << ICMP4_SOURCE_QUENCH |
			    1u << ICMP4_TIME_EXCEEDED | 1u << ICMP4_PARAM_PROBLEM,
		.msgs_per_sec = 1000,
		.msgs_burst = 50,
	};
	st->icmp = icmp;
	err = stack_ip_proto_add(st, &icmp4_proto);
	return err ? err : sysctl_register(st, &icmp_sysctl_table);
}

void icmp_fini(struct stack *st)
{
	struct icmp *icmp = st->icmp;

	if (!icmp)
		return;
	mem_free(&st->eng->mem, icmp->limit.hosts,
		 icmp->limit.hosts ? ICMP_LIMIT_HOSTS * sizeof(*icmp->limit.hosts) : 0);
	mem_free(&st->eng->mem, icmp, sizeof(*icmp));
	st->icmp = NULL;
}
