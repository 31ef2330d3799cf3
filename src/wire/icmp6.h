/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6 message codec (RFC 4443; codes of RFC 4443 §3, RFC 4861 §4, RFC 7112, RFC 8883; length of
 * the quoted packet of RFC 4884). Bodies of neighbour discovery are in nd.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/load.h"
#include "wire/ip6.h"

enum {
	ICMP6_HDR_LEN = 8, /* of every message; what follows is data, a quote or a body */
	ICMP6_CSUM_OFF = 2,
	ICMP6_ID_OFF = 4, /* of echo messages */
	/* RFC 4443 §2.4 (c): the error does not exceed the least MTU. */
	ICMP6_QUOTE_MAX = IP6_MTU_MIN - IP6_HDR_LEN - ICMP6_HDR_LEN,
	ICMP6_QUOTE_L4_MIN = 8,    /* ports, and TCP's sequence number */
	ICMP6_QUOTE_EXT_MIN = 128, /* RFC 4884 §5.1: quote before extensions, zero padded */
	ICMP6_TYPE_INFO = 128,     /* from here on messages are no errors */
};

enum icmp6_type {
	ICMP6_UNREACH = 1,
	ICMP6_PACKET_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM_PROBLEM = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_MLD_QUERY = 130,
	ICMP6_MLD_REPORT = 131,
	ICMP6_MLD_DONE = 132,
	ICMP6_ROUTER_SOLICIT = 133,
	ICMP6_ROUTER_ADVERT = 134,
	ICMP6_NEIGH_SOLICIT = 135,
	ICMP6_NEIGH_ADVERT = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD2_REPORT = 143,
};

enum icmp6_unreach_code {
	ICMP6_UNREACH_NO_ROUTE = 0,
	ICMP6_UNREACH_ADMIN_PROHIBITED = 1,
	ICMP6_UNREACH_SCOPE = 2, /* beyond the scope of the source address */
	ICMP6_UNREACH_ADDR = 3,
	ICMP6_UNREACH_PORT = 4,
	ICMP6_UNREACH_POLICY = 5,
	ICMP6_UNREACH_REJECT_ROUTE = 6,
	ICMP6_UNREACH_CODE_MAX = 6,
};

enum icmp6_time_exceeded_code {
	ICMP6_EXCEEDED_HOPS = 0,
	ICMP6_EXCEEDED_REASM = 1,
};

enum icmp6_param_problem_code {
	ICMP6_PARAM_FIELD = 0,
	ICMP6_PARAM_NEXT_HDR = 1,
	ICMP6_PARAM_OPTION = 2,
	ICMP6_PARAM_FRAG_CHAIN = 3, /* RFC 7112: the first fragment lacks part of the headers */
};

/* The first eight bytes. Which of the union's members holds is told by the type. */
struct icmp6_hdr {
	uint8_t type; /* any; enum icmp6_type names those we know */
	uint8_t code;
	uint16_t csum; /* over pseudo-header and message, the caller's business */
	union {
		struct {
			uint16_t id;
			uint16_t seq;
		} echo;           /* request and reply */
		uint32_t mtu;     /* packet too big: next hop's */
		uint32_t pointer; /* parameter problem: offending byte of the quoted packet */
		uint32_t rest;    /* any other */
	} u;
	uint8_t quote_len; /* unreach, exceeded: quote before extensions, in 64-bit words; 0: no
			      extensions (RFC 4884 §4) */
};

/* The packet that an error is about, as far as it is quoted. */
struct icmp6_quote {
	struct ip6_hdr ip; /* payload_len may exceed what is quoted */
	uint8_t proto;     /* behind the extension headers */
	bool is_later_frag;
	const uint8_t *l4; /* what follows them; at least ICMP6_QUOTE_L4_MIN bytes */
	size_t l4_len;     /* padding and extensions of the error excluded */
};

/* Whether the message reports an error about another packet (RFC 4443 §2.1). */
static inline bool icmp6_type_is_error(uint8_t type)
{
	return type < ICMP6_TYPE_INFO;
}

/* Neighbour discovery, router discovery and redirects. */
static inline bool icmp6_type_is_nd(uint8_t type)
{
	return type >= ICMP6_ROUTER_SOLICIT && type <= ICMP6_REDIRECT;
}

/* Reads a header and leaves `r` at the body. Returns 0, or -EBADMSG (cut off) with `ret` untouched.
 * Unknown types and codes are no error. */
int icmp6_hdr_parse(struct rd *r, struct icmp6_hdr *ret) MUST_CHECK;

/* Writes ICMP6_HDR_LEN bytes at `p`. */
void icmp6_hdr_write(uint8_t *p, const struct icmp6_hdr *hdr);

/* Changes the type and nothing else: the checksum is the caller's business. */
static inline void icmp6_type_store(uint8_t *p, uint8_t type)
{
	p[0] = type;
}

static inline void icmp6_csum_store(uint8_t *p, uint16_t csum)
{
	store_be16(p + ICMP6_CSUM_OFF, csum);
}

/* Reads the body of an error, whose header `hdr` has been read from `r`. Returns 0, or -EBADMSG
 * with `ret` untouched: no whole IPv6 header, a chain of extension headers that is cut off, or
 * fewer than ICMP6_QUOTE_L4_MIN bytes behind it. */
int icmp6_quote_parse(struct rd *r, const struct icmp6_hdr *hdr,
		      struct icmp6_quote *ret) MUST_CHECK;
