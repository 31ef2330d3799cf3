/* SPDX-License-Identifier: MIT */
/*
 * ICMP message codec (RFC 792; codes of RFC 1122 §3.2.2 and RFC 1812 §5.2.7; next-hop MTU of RFC
 * 1191; length of the quoted datagram of RFC 4884).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/csum.h"
#include "base/cursor.h"
#include "wire/addr.h"
#include "wire/ip4.h"

enum {
	ICMP4_HDR_LEN = 8, /* of every message read here; what follows is data or a quote */
	ICMP4_TIMESTAMP_LEN = 20,
	ICMP4_QUOTE_MAX =
		548, /* RFC 1812 §4.3.2.3: the error's datagram does not exceed 576 bytes */
	ICMP4_QUOTE_L4_MIN = 8,    /* RFC 792: the first 64 bits of the quoted datagram's data */
	ICMP4_QUOTE_EXT_MIN = 128, /* RFC 4884 §5.1: quote before extensions, zero padded */
};

enum icmp4_type {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACH = 3,
	ICMP4_SOURCE_QUENCH = 4, /* deprecated (RFC 6633): ignored, never sent */
	ICMP4_REDIRECT = 5,
	ICMP4_ECHO = 8,
	ICMP4_ROUTER_ADVERT = 9, /* RFC 1256 */
	ICMP4_ROUTER_SOLICIT = 10,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAM_PROBLEM = 12,
	ICMP4_TIMESTAMP = 13,
	ICMP4_TIMESTAMP_REPLY = 14,
};

enum icmp4_unreach_code {
	ICMP4_UNREACH_NET = 0,
	ICMP4_UNREACH_HOST = 1,
	ICMP4_UNREACH_PROTO = 2,
	ICMP4_UNREACH_PORT = 3,
	ICMP4_UNREACH_FRAG_NEEDED = 4,
	ICMP4_UNREACH_SRC_ROUTE = 5,
	ICMP4_UNREACH_NET_UNKNOWN = 6,
	ICMP4_UNREACH_HOST_UNKNOWN = 7,
	ICMP4_UNREACH_HOST_ISOLATED = 8, /* obsolete */
	ICMP4_UNREACH_NET_PROHIBITED = 9,
	ICMP4_UNREACH_HOST_PROHIBITED = 10,
	ICMP4_UNREACH_NET_TOS = 11,
	ICMP4_UNREACH_HOST_TOS = 12,
	ICMP4_UNREACH_ADMIN_PROHIBITED = 13,
	ICMP4_UNREACH_HOST_PRECEDENCE = 14,
	ICMP4_UNREACH_PRECEDENCE_CUTOFF = 15,
	ICMP4_UNREACH_CODE_MAX = 15,
};

enum icmp4_redirect_code {
	ICMP4_REDIRECT_NET = 0,
	ICMP4_REDIRECT_HOST = 1,
	ICMP4_REDIRECT_TOS_NET = 2,
	ICMP4_REDIRECT_TOS_HOST = 3,
};

enum icmp4_time_exceeded_code {
	ICMP4_EXCEEDED_TTL = 0,
	ICMP4_EXCEEDED_REASM = 1,
};

enum icmp4_param_problem_code {
	ICMP4_PARAM_POINTER = 0,
	ICMP4_PARAM_OPTION_MISSING = 1,
	ICMP4_PARAM_LENGTH = 2,
};

/* The first eight bytes. Which of the union's members holds is told by the type (and code). */
struct icmp4_hdr {
	uint8_t type; /* any; enum icmp4_type names those we know */
	uint8_t code;
	uint16_t csum; /* over the whole message, the caller's business */
	union {
		struct {
			uint16_t id;
			uint16_t seq;
		} echo; /* echo and timestamp, request and reply */
		struct {
			uint16_t mtu;      /* unreachable, fragmentation needed: next hop's; 0: old
					      router */
			uint8_t pointer;   /* parameter problem: offending byte of the quoted header
					    */
			uint8_t quote_len; /* unreach, exceeded, param: quote before extensions, in
					    * 32-bit words; 0: no extensions (RFC 4884 §4) */
		} err;
		struct ip4_addr gateway; /* redirect */
		uint32_t rest;           /* any other */
	} u;
};

/* Body of a timestamp message, ms since midnight UT (RFC 792). */
struct icmp4_timestamp {
	uint32_t originate;
	uint32_t receive;
	uint32_t transmit;
};

/* The datagram that an error is about, as far as it is quoted. */
struct icmp4_quote {
	struct ip4_hdr ip;  /* tot_len may exceed what is quoted */
	const uint8_t *hdr; /* ip.hdr_len bytes, in place */
	const uint8_t *l4;  /* what follows; at least ICMP4_QUOTE_L4_MIN bytes */
	size_t l4_len;      /* padding and extensions excluded, never beyond ip.tot_len */
};

/* Whether the message reports an error about another datagram. About those no error is sent
 * (RFC 1122 §3.2.2). */
static inline bool icmp4_type_is_error(uint8_t type)
{
	return type == ICMP4_UNREACH || type == ICMP4_SOURCE_QUENCH || type == ICMP4_REDIRECT ||
	       type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAM_PROBLEM;
}

/* Reads a header and leaves `r` at the body. Returns 0, or -EBADMSG (cut off) with `ret` untouched.
 * Unknown types and codes are no error. */
int icmp4_hdr_parse(struct rd *r, struct icmp4_hdr *ret) MUST_CHECK;

/* Writes ICMP4_HDR_LEN bytes at `p`, fields that the type does not have as zero. */
void icmp4_hdr_write(uint8_t *p, const struct icmp4_hdr *hdr);

/* Stores the checksum, made with the field as zero (csum_finish()). */
static inline void icmp4_csum_store(uint8_t *p, uint16_t csum)
{
	store_be16(p + 2, csum);
}

/* Changes the type and nothing else: the checksum is the caller's business. */
static inline void icmp4_type_store(uint8_t *p, uint8_t type)
{
	p[0] = type;
}

/* Changes the type and brings the checksum up to date: an echo request becomes its reply. */
static inline void icmp4_type_set(uint8_t *p, uint8_t type)
{
	uint16_t was = load_be16(p), csum;

	icmp4_type_store(p, type);
	csum = csum_update16(load_be16(p + 2), was, load_be16(p));
	/* A reply may be all zero, and then only 0xffff is right; elsewhere both are. */
	icmp4_csum_store(p, csum ? csum : 0xffff);
}

/* Reads the body of an error, whose header `hdr` has been read from `r`. Returns 0, or -EBADMSG
 * with `ret` untouched: no whole IPv4 header with 8 bytes of data in it, or lengths that disagree.
 */
int icmp4_quote_parse(struct rd *r, const struct icmp4_hdr *hdr,
		      struct icmp4_quote *ret) MUST_CHECK;

/* Body of ICMP4_TIMESTAMP and _REPLY. Returns 0, or -EBADMSG (cut off) with `ret` untouched. */
int icmp4_timestamp_parse(struct rd *r, struct icmp4_timestamp *ret) MUST_CHECK;
void icmp4_timestamp_write(struct wr *w, const struct icmp4_timestamp *ts);
