/* SPDX-License-Identifier: MIT */
/*
 * What a raw ICMP socket hears, in terms of what was sent: an answer to an echo request, or an
 * error about a packet of ours that it quotes (RFC 792, RFC 1812 §4.3.2.3, RFC 4443). For ping and
 * traceroute, of both families.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weft/types.h"

/* Types of ICMP. */
enum {
	ICMP_SEEN_ECHO_REPLY = 0,
	ICMP_SEEN_UNREACH = 3,
	ICMP_SEEN_REDIRECT = 5,
	ICMP_SEEN_ECHO = 8,
	ICMP_SEEN_TIME = 11,
};

/* Types of ICMPv6. */
enum {
	ICMP6_SEEN_UNREACH = 1,
	ICMP6_SEEN_TOO_BIG = 2,
	ICMP6_SEEN_TIME = 3,
	ICMP6_SEEN_PROBLEM = 4,
	ICMP6_SEEN_ECHO = 128,
	ICMP6_SEEN_ECHO_REPLY = 129,
};

/* What it is about, in either family. */
enum icmp_seen_kind {
	ICMP_SEEN_ANSWER,
	ICMP_SEEN_IS_UNREACH,  /* the packet ends here; also too large to go on */
	ICMP_SEEN_IS_TIME,     /* its time to live has, or that of its fragments */
	ICMP_SEEN_IS_REDIRECT, /* it has arrived all the same */
	ICMP_SEEN_IS_OTHER,
};

struct icmp_seen {
	struct weft_addr from; /* who sent it */
	uint32_t scope_id;     /* the interface of a link-local `from` */
	uint8_t ttl, tos;
	uint8_t kind; /* enum icmp_seen_kind */
	uint8_t type, code;
	bool is_error;   /* the fields about the quoted packet mean something */
	uint32_t mtu;    /* of "fragmentation needed" and "packet too big"; 0: not said. Of a
			  * parameter problem of ICMPv6, the pointer */
	size_t icmp_len; /* bytes of the ICMP message */
	/* An echo reply, or the echo message that is quoted. */
	uint16_t id, seq;
	/* The quoted packet. */
	struct weft_addr quoted_dst;
	bool quotes_echo; /* else UDP, TCP or what is in quoted_proto */
	uint8_t quoted_proto;
	uint16_t quoted_sport, quoted_dport; /* UDP, TCP */
};

/* Reads a datagram from its IPv4 header on. 0; -EBADMSG: malformed or cut; -ENOMSG: neither. */
int icmp_seen_parse(const uint8_t *packet, size_t len, struct icmp_seen *ret) MUST_CHECK;
/* Reads an ICMPv6 message. `ret` has from, scope_id, ttl and tos already, and keeps them; nothing
 * else of it changes when it fails. */
int icmp6_seen_parse(const uint8_t *message, size_t len, struct icmp_seen *ret) MUST_CHECK;
/* Writes an echo request of `len` bytes, whose payload from byte 8 on is there already: type, id,
 * number and, in IPv4, checksum; that of ICMPv6 is the socket's. */
void icmp_echo_fill(uint8_t *message, size_t len, uint16_t id, uint16_t seq);
void icmp6_echo_fill(uint8_t *message, uint16_t id, uint16_t seq);
