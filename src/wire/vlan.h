/* SPDX-License-Identifier: MIT */
/*
 * VLAN tag codec (IEEE 802.1Q §9.6). A tag follows the source address: its first two bytes
 * (ETHERTYPE_VLAN or ETHERTYPE_QINQ) stand in the Ethernet header's type; the four bytes read here
 * are the control information and the type of what follows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/load.h"

enum {
	VLAN_HDR_LEN = 4,
	VLAN_VID_MAX = 0xfff, /* 0: priority only; 4095: reserved */
};

struct vlan_hdr {
	uint16_t vid; /* 12 bits */
	uint8_t pcp;  /* priority, 0 to 7 */
	bool dei;     /* may be dropped first */
	uint16_t type;
};

static inline uint16_t vlan_tci(uint16_t vid, uint8_t pcp, bool dei)
{
	return (uint16_t)((pcp & 7) << 13 | dei << 12 | (vid & VLAN_VID_MAX));
}

static inline void vlan_hdr_read(const uint8_t *p, struct vlan_hdr *ret)
{
	ret->vid = load_be16(p) & VLAN_VID_MAX;
	ret->pcp = p[0] >> 5;
	ret->dei = p[0] >> 4 & 1;
	ret->type = load_be16(p + 2);
}

static inline void vlan_hdr_write(uint8_t *p, const struct vlan_hdr *hdr)
{
	store_be16(p, vlan_tci(hdr->vid, hdr->pcp, hdr->dei));
	store_be16(p + 2, hdr->type);
}

/* Reads the tag and leaves `r` behind it. Returns 0, or -EBADMSG with `ret` untouched: cut off, or
 * the reserved identifier 4095. */
int vlan_hdr_parse(struct rd *r, struct vlan_hdr *ret) MUST_CHECK;
