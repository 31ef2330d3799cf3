/* SPDX-License-Identifier: MIT */
/* UDP header codec (RFC 768). Pure: no state, no allocation, no I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/load.h"

enum {
	UDP_HDR_LEN = 8,
};

struct udp_hdr {
	uint16_t src_port; /* 0: the sender expects no reply */
	uint16_t dst_port;
	uint16_t len;  /* header and payload, bytes */
	uint16_t csum; /* 0: the sender computed none */
};

static inline void udp_hdr_read(const uint8_t *p, struct udp_hdr *ret)
{
	ret->src_port = load_be16(p);
	ret->dst_port = load_be16(p + 2);
	ret->len = load_be16(p + 4);
	ret->csum = load_be16(p + 6);
}

/* Whether the length field fits itself and `len`, the bytes present from the header on. More bytes
 * than it says are padding. */
static inline bool udp_hdr_len_ok(const struct udp_hdr *hdr, size_t len)
{
	return hdr->len >= UDP_HDR_LEN && hdr->len <= len;
}

/* Writes all four fields as given; the checksum is the caller's business. */
static inline void udp_hdr_write(uint8_t *p, const struct udp_hdr *hdr)
{
	store_be16(p, hdr->src_port);
	store_be16(p + 2, hdr->dst_port);
	store_be16(p + 4, hdr->len);
	store_be16(p + 6, hdr->csum);
}

/*
 * Reads a header from `r` and checks it against the bytes present. Bytes after `len` are
 * padding and stay in `r`.
 * Returns 0, or -EBADMSG with `ret` untouched.
 */
int udp_hdr_parse(struct rd *r, struct udp_hdr *ret) MUST_CHECK;
