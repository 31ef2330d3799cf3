/* SPDX-License-Identifier: MIT */
/*
 * What a raw ICMP socket hears, in terms of what was sent: an answer to an echo request, or an
 * error about a packet of ours that it quotes (RFC 792, RFC 1812 §4.3.2.3). For ping and
 * traceroute.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weft/types.h"

enum {
	ICMP_SEEN_ECHO_REPLY = 0,
	ICMP_SEEN_UNREACH = 3,
	ICMP_SEEN_REDIRECT = 5,
	ICMP_SEEN_ECHO = 8,
	ICMP_SEEN_TIME = 11,
};

struct icmp_seen {
	struct weft_addr from; /* who sent it */
	uint8_t ttl, tos;
	uint8_t type, code;
	bool is_error;   /* the fields about the quoted packet mean something */
	uint16_t mtu;    /* of "fragmentation needed"; 0: not said */
	size_t icmp_len; /* bytes of the ICMP message */
	/* An echo reply, or the echo message that is quoted. */
	uint16_t id, seq;
	/* The quoted packet. */
	struct weft_addr quoted_dst;
	uint8_t quoted_proto;
	uint16_t quoted_sport, quoted_dport; /* UDP, TCP */
};

/* Reads a datagram from its IPv4 header on. 0; -EBADMSG: malformed or cut; -ENOMSG: neither. */
int icmp_seen_parse(const uint8_t *packet, size_t len, struct icmp_seen *ret) MUST_CHECK;
/* Writes an echo request of `len` bytes, whose payload from byte 8 on is there already: type, id,
 * number and checksum. */
void icmp_echo_fill(uint8_t *message, size_t len, uint16_t id, uint16_t seq);
