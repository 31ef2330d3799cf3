/* SPDX-License-Identifier: MIT */
/*
 * Frames: making those that a script injects, reading those that the stack sends, and both as text.
 *
 * The reading is strict and of our own, not the codec of the stack that is tested: lengths and
 * checksums must be right.
 */
#pragma once

#include "base/compiler.h"
#include "drill/script.h"
#include "weft/types.h"

enum {
	DRILL_ETH_LEN = 14,
	DRILL_FRAME_MAX = 65535 + 14,
	DRILL_TEXT_MAX = 800, /* a packet as text */
};

/* What an injected frame is made of besides its description, in numbers of the wire. */
struct drill_build {
	const struct drill_packet *pkt;
	uint8_t dst_mac[6], src_mac[6];
	struct weft_addr src, dst; /* of one family */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t opts[DRILL_TCP_OPTS_MAX]; /* pkt->opts_len bytes */
	uint16_t ip_id;
	/* Payload: the bytes of a stream from this position on (drill_pattern()). */
	uint64_t stream_pos;
	/* Of an ICMP error: ports of the quoted packet, which we sent; seq is its number. */
	uint8_t quote_proto;
};

/* Returns the length; `frame` has room for DRILL_FRAME_MAX. 0: it would be longer than that. */
size_t drill_build(const struct drill_build *b, uint8_t *frame) MUST_CHECK;

/* The byte at a position of a stream: so that one that is lost, doubled or moved is noticed. */
static inline uint8_t drill_pattern(uint64_t pos)
{
	return (uint8_t)(pos % 251);
}

/* A frame of the stack, as read. */
struct drill_seen {
	struct drill_seen *next;
	int64_t us; /* when, on the clock of the script */
	struct weft_addr src, dst;
	struct drill_packet pkt; /* numbers of the wire; ports, flags, options as they came */
	uint32_t icmp_rest;      /* the second word of an ICMP message */
	const uint8_t *payload;  /* in `frame`; pkt.len bytes */
	size_t len;
	uint8_t frame[];
};

/* Reads ret->frame, ret->len. 0; -EPROTONOSUPPORT: neither IP nor one of our protocols; -EBADMSG:
 * broken, and `why` says how. */
int drill_seen_read(struct drill_seen *ret, char *why, size_t why_size) MUST_CHECK;

/* As a script would write it, without the time. Returns `buf`. */
const char *drill_packet_text(const struct drill_packet *pkt, char *buf, size_t size);
