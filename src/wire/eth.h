/* SPDX-License-Identifier: MIT */
/*
 * Ethernet II header codec (IEEE 802.3 §3.2.6 with a type, RFC 894).
 *
 * Of every header on the data path there are two readers: X_hdr_read() takes a pointer to
 * X_HDR_LEN bytes that the caller has compared, and checks nothing; X_hdr_parse() checks everything
 * that the bytes alone can tell.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/load.h"
#include "wire/addr.h"

enum {
	ETH_HDR_LEN = 14,
	ETH_TYPE_MIN = 0x600, /* below, the field is an 802.3 length */
	ETH_FRAME_MIN = 60,   /* shorter frames are padded on a real wire; without FCS */
	ETH_MTU = 1500,
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_TEB = 0x6558, /* Ethernet in GRE, VXLAN-GPE */
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_PAUSE = 0x8808,
	ETHERTYPE_LACP = 0x8809,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_PPPOE_DISC = 0x8863,
	ETHERTYPE_PPPOE_SESS = 0x8864,
	ETHERTYPE_EAPOL = 0x888e,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_LLDP = 0x88cc,
};

struct eth_hdr {
	struct eth_addr dst;
	struct eth_addr src;
	uint16_t type; /* ETHERTYPE_*, or below ETH_TYPE_MIN a length */
};

static inline void eth_hdr_read(const uint8_t *p, struct eth_hdr *ret)
{
	memcpy(&ret->dst, p, 6);
	memcpy(&ret->src, p + 6, 6);
	ret->type = load_be16(p + 12);
}

static inline void eth_hdr_write(uint8_t *p, const struct eth_hdr *hdr)
{
	memcpy(p, &hdr->dst, 6);
	memcpy(p + 6, &hdr->src, 6);
	store_be16(p + 12, hdr->type);
}

/* The fields that are looked at one by one. */
static inline bool eth_hdr_dst_is(const uint8_t *p, const struct eth_addr *dst)
{
	return ((load_native32(p) ^ load_native32(dst->b)) |
		(load_native32(p + 2) ^ load_native32(dst->b + 2))) == 0;
}

static inline bool eth_hdr_src_is_multicast(const uint8_t *p)
{
	return p[6] & 1;
}

static inline uint16_t eth_hdr_type(const uint8_t *p)
{
	return load_be16(p + 12);
}

/* Another hop: the type stays. */
static inline void eth_hdr_addrs_write(uint8_t *p, const struct eth_addr *dst,
				       const struct eth_addr *src)
{
	memcpy(p, dst, 6);
	memcpy(p + 6, src, 6);
}

/* Reads the header and leaves `r` behind it. Returns 0, or -EBADMSG with `ret` untouched: cut off,
 * or not Ethernet II (an 802.3 length where the type belongs). */
int eth_hdr_parse(struct rd *r, struct eth_hdr *ret) MUST_CHECK;
