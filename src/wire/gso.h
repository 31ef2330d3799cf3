/* SPDX-License-Identifier: MIT */
/*
 * The headers of a super-packet, and those of the frames that it is split into.
 *
 * A super-packet is an Ethernet frame with one IP and one TCP or UDP header and up to 64 KiB of
 * payload. Every frame gets a copy of the headers in which only lengths, the IPv4 ID, the sequence
 * number, some flags and the checksums differ; gso_hdr_patch() writes those.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct gso_hdr {
	uint16_t l3_off; /* from the Ethernet header */
	uint16_t l4_off;
	uint16_t payload_off;
	uint16_t csum_off; /* of the L4 checksum field from l4_off */
	uint16_t ip_id;
	uint16_t flags;      /* TCP: the 16 bits with data offset and flags */
	uint32_t seq;        /* TCP */
	uint32_t pseudo_sum; /* addresses and protocol without the length, not folded */
	bool is_ip6;
	bool is_tcp;
};

enum {
	GSO_HDR_MAX = 14 + 4 + 60 + 60, /* bytes that gso_hdr_parse() may want to see */
};

/* Reads the headers at `p`, of which `len` bytes are there. 0, or -EBADMSG: not Ethernet with at
 * most one VLAN tag, then IPv4 or IPv6 without extension headers, then a whole TCP or UDP header.
 */
int gso_hdr_parse(const uint8_t *p, size_t len, struct gso_hdr *ret) MUST_CHECK;
/* The same from the IP header on; offsets count from there, so l3_off is 0. */
int gso_l3_parse(const uint8_t *ip, size_t len, struct gso_hdr *ret) MUST_CHECK;

/* Whether a frame of `len` bytes has the pseudo-header's sum in the place of its L4 checksum, as
 * those have who were never to be on a wire. */
bool gso_csum_is_open(const uint8_t *p, size_t len, const struct gso_hdr *hdr);

/* One frame of the super-packet. */
struct gso_seg {
	uint32_t i;           /* number, from 0 */
	uint32_t payload_pos; /* of its first byte in the whole payload */
	uint32_t n_payload;
	bool is_last;
};

/* Turns a copy of the whole headers at `p` into those of frame `seg`. The L4 checksum field gets
 * the folded pseudo-header sum only (PKT_CSUM_PARTIAL). */
void gso_hdr_patch(uint8_t *p, const struct gso_hdr *hdr, const struct gso_seg *seg);
