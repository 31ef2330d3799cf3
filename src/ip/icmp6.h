/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6: echo, errors sent and errors received (RFC 4443), and neighbour discovery (RFC 4861).
 *
 *	icmp6.c        input, echo reply, what all messages have in common
 *	icmp6_err.c    which errors are sent, what they quote; which are believed, what they mean
 *	nd.c           neighbours: solicitations and advertisements
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "core/stack.h"
#include "ip/ip.h"
#include "wire/icmp6.h"

struct neigh;

/* Registers protocol and settings. 0, -ENOSPC, -EEXIST. ip6_init() calls it. */
int icmp6_init(struct stack *st) MUST_CHECK;

/*
 * Tells the source of `pkt` that it was refused; `arg`: MTU or pointer. `data` is at the IPv6
 * header, which has been checked. The packet stays the caller's, unchanged.
 * Does nothing when no error may be sent (RFC 4443 §2.4 (e): about errors, redirects, groups,
 * sources that are no host) or the rate limit withholds it.
 */
void icmp6_error(struct stack *st, const struct pkt *pkt, uint8_t type, uint8_t code, uint32_t arg);

/* The protocol's input; `data` at the ICMPv6 header. */
enum drop icmp6_input(struct stack *st, struct pkt *pkt, const struct ip_info *info);
/* The part of it for errors: verified checksum, parsed header. Takes `pkt` on DROP_NONE. */
enum drop icmp6_error_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			    const struct icmp6_hdr *icmp);
/* What an error means: Linux's errno (positive) and whether it is hard. False: not a known type. */
bool icmp6_errno(uint8_t type, uint8_t code, int *ret_err, bool *ret_is_hard) MUST_CHECK;

/* Sends a message: `data` at its header, linear, out->flow complete; the checksum is left to
 * whoever puts the bytes on a wire. Takes `pkt`. As ip_output(). */
int icmp6_output(struct stack *st, struct pkt *pkt, const struct ip_out *out);

/* Neighbour discovery (nd.c): registers with the neighbour cache. */
void nd_init(struct stack *st);
/* A solicitation or advertisement of a neighbour, checksum verified. Takes `pkt` on DROP_NONE. */
enum drop nd_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
		   const struct icmp6_hdr *icmp);

/* Asks whether anybody has `target`, from no address (RFC 4862 §5.4.2). `nonce` may be NULL. */
void nd_send_probe(struct netif *netif, const struct ip6_addr *target, const uint8_t *nonce);
/* RetransTimer of the interface. */
int64_t nd_retrans_ms(const struct netif *netif);

static inline void icmp6_count_out(struct stack *st, uint8_t type)
{
	mib_inc(st, MIB_Icmp6OutMsgs);
	switch (type) {
	case ICMP6_UNREACH:
		mib_inc(st, MIB_Icmp6OutDestUnreachs);
		break;
	case ICMP6_PACKET_TOO_BIG:
		mib_inc(st, MIB_Icmp6OutPktTooBigs);
		break;
	case ICMP6_TIME_EXCEEDED:
		mib_inc(st, MIB_Icmp6OutTimeExcds);
		break;
	case ICMP6_PARAM_PROBLEM:
		mib_inc(st, MIB_Icmp6OutParmProblems);
		break;
	case ICMP6_ECHO:
		mib_inc(st, MIB_Icmp6OutEchos);
		break;
	case ICMP6_ECHO_REPLY:
		mib_inc(st, MIB_Icmp6OutEchoReplies);
		break;
	case ICMP6_ROUTER_SOLICIT:
		mib_inc(st, MIB_Icmp6OutRouterSolicits);
		break;
	case ICMP6_ROUTER_ADVERT:
		mib_inc(st, MIB_Icmp6OutRouterAdvertisements);
		break;
	case ICMP6_NEIGH_SOLICIT:
		mib_inc(st, MIB_Icmp6OutNeighborSolicits);
		break;
	case ICMP6_NEIGH_ADVERT:
		mib_inc(st, MIB_Icmp6OutNeighborAdvertisements);
		break;
	case ICMP6_REDIRECT:
		mib_inc(st, MIB_Icmp6OutRedirects);
		break;
	default:
		break;
	}
}
