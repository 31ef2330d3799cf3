/* SPDX-License-Identifier: MIT */
/*
 * ICMP: echo, errors sent and errors received (RFC 792, RFC 1122 §3.2.2, RFC 1812 §4.3).
 *
 *	icmp4.c        input, echo reply
 *	icmp4_err.c    which errors are sent; which are believed, what they mean
 *	icmp_err.c     errors of both families: what they quote, who is told of one
 *	icmp_limit.c   how many errors are sent
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "core/stack.h"
#include "wire/icmp4.h"

struct icmp_conf {
	bool echo_ignore_all;
	bool echo_ignore_broadcasts;
	uint32_t ratelimit_ms; /* one error in that time to one host; 0: no limit of that kind */
	uint32_t ratemask;     /* bit n: type n is limited */
	uint32_t msgs_per_sec; /* limited errors to all hosts */
	uint32_t msgs_burst;
};

/* One host's bucket, or several hosts' whose hashes meet. */
struct icmp_limit_host {
	struct ip_addr addr;
	int64_t due_ns; /* when the bucket will be full again */
};

enum {
	ICMP_LIMIT_HOSTS = 256,
	ICMP_LIMIT_BURST = 6, /* errors to one host before ratelimit_ms counts */
};

struct icmp_limit {
	int64_t due_ns;                /* of the bucket for all hosts */
	struct icmp_limit_host *hosts; /* ICMP_LIMIT_HOSTS; NULL until the first error */
};

struct icmp {
	struct icmp_conf conf;
	struct icmp_limit limit;
	/* Echo replies, `data` at the ICMP header, checksum verified. Set by transport/ping.c. */
	enum drop (*echo_reply)(struct stack *st, struct pkt *pkt, const struct ip_info *info);
	/* Echo requests for somebody else, the same way. Set by transport/intercept.c. */
	enum drop (*echo_foreign)(struct stack *st, struct pkt *pkt, const struct ip_info *info);
	/* An error about an echo request of ours; `quote` is its ICMP header. */
	void (*echo_error)(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
			   uint32_t quote_len);
};

/* Makes st->icmp, registers protocol and settings. 0, -ENOMEM, -ENOSPC, -EEXIST. ip4_init() calls
 * it. */
int icmp_init(struct stack *st) MUST_CHECK;
void icmp_fini(struct stack *st);

/*
 * Tells the source of `pkt` that it was refused: type, code and u.err of `icmp`. `data` is at the
 * IPv4 header, which has been checked. The packet stays the caller's, unchanged.
 * Does nothing when no error may be sent (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7: about errors, groups,
 * later fragments, sources that are no host) or the rate limit withholds it.
 */
void icmp4_error(struct stack *st, const struct pkt *pkt, const struct icmp4_hdr *icmp);

/* The protocol's input; `data` at the ICMP header. */
enum drop icmp4_input(struct stack *st, struct pkt *pkt, const struct ip_info *info);
/* The part of it for errors: verified checksum, parsed header. Takes `pkt` on DROP_NONE. */
enum drop icmp4_error_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			    const struct icmp4_hdr *icmp);
/* What an error of either family quotes: the first bytes of a packet, `data` at its IP header,
 * whose frame (of a super-packet: the first) has `frame_len` bytes from there on. */
void icmp_quote_write(const struct pkt *pkt, uint8_t *quote, uint32_t quote_len,
		      uint32_t frame_len);
/* Hands an error about a packet of ours, of that protocol and quoted from its transport header on,
 * to those who may have sent it. False: there is nobody. */
bool icmp_error_deliver(struct stack *st, uint8_t ip_proto, const struct icmp_err *err,
			const uint8_t *quote, uint32_t quote_len) MUST_CHECK;
/* What an error means: Linux's errno (positive) and whether it is hard. False: not a known code. */
bool icmp4_errno(uint8_t type, uint8_t code, int *ret_err, bool *ret_is_hard) MUST_CHECK;
/* Next-hop MTU of "fragmentation needed" about a datagram of `tot_len` bytes; 0 from routers older
 * than RFC 1191 is replaced by the next lower plateau (§7.1). */
uint32_t icmp4_next_mtu(uint32_t mtu, uint32_t tot_len);

/* Whether a limited error may be sent to `addr` now; if so, it counts as sent. `ratelimit_ms`: one
 * in that time, of the family's; 0: no limit of that kind. */
bool icmp_limit_allow(struct stack *st, const struct ip_addr *addr,
		      uint32_t ratelimit_ms) MUST_CHECK;

static inline void icmp_count_out(struct stack *st, uint8_t type)
{
	mib_inc(st, MIB_IcmpOutMsgs);
	if (type == ICMP4_UNREACH)
		mib_inc(st, MIB_IcmpOutDestUnreachs);
	else if (type == ICMP4_TIME_EXCEEDED)
		mib_inc(st, MIB_IcmpOutTimeExcds);
	else if (type == ICMP4_REDIRECT)
		mib_inc(st, MIB_IcmpOutRedirects);
	else if (type == ICMP4_PARAM_PROBLEM)
		mib_inc(st, MIB_IcmpOutParmProbs);
	else if (type == ICMP4_ECHO)
		mib_inc(st, MIB_IcmpOutEchos);
	else if (type == ICMP4_ECHO_REPLY)
		mib_inc(st, MIB_IcmpOutEchoReps);
}
