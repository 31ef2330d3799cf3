/* SPDX-License-Identifier: MIT */
/*
 * virtio_net_hdr codec (VIRTIO 1.2 §5.1.6): what a TAP with IFF_VNET_HDR, a packet socket with
 * PACKET_VNET_HDR and vhost put in front of a frame to hand over unfinished checksums and
 * unsegmented super-packets. Little-endian (TUNSETVNETLE); 10 bytes, or 12 with num_buffers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/load.h"

enum {
	VNET_HDR_LEN = 10,
	VNET_HDR_MRG_LEN = 12, /* with num_buffers: VIRTIO 1.0 and mergeable buffers */
};

enum vnet_flag {
	VNET_F_NEEDS_CSUM =
		1, /* the checksum at csum_start + csum_offset holds the pseudo-header's sum */
	VNET_F_DATA_VALID = 2, /* the checksum has been verified or need not be */
	VNET_F_RSC_INFO = 4,   /* csum_start and csum_offset are counters of coalesced segments */
};

enum vnet_gso {
	VNET_GSO_NONE = 0,
	VNET_GSO_TCPV4 = 1,
	VNET_GSO_UDP = 3, /* UDP over IP fragments, out of use */
	VNET_GSO_TCPV6 = 4,
	VNET_GSO_UDP_L4 = 5, /* a row of datagrams of gso_size bytes */
	VNET_GSO_ECN = 0x80, /* flag: TCP, CWR set in the first segment only */
};

struct vnet_hdr {
	uint8_t flags;    /* VNET_F_* */
	uint8_t gso_type; /* enum vnet_gso, perhaps with VNET_GSO_ECN */
	uint16_t hdr_len; /* hint: Ethernet to transport header, bytes; 0: unknown */
	uint16_t gso_size;
	uint16_t csum_start;  /* from the start of the frame */
	uint16_t csum_offset; /* from csum_start */
	uint16_t num_buffers; /* only in 12 bytes; 1 on a TAP */
};

/* `hdr_len` is VNET_HDR_LEN or VNET_HDR_MRG_LEN and so many bytes are at `p`. */
static inline void vnet_hdr_read(const uint8_t *p, size_t hdr_len, struct vnet_hdr *ret)
{
	ret->flags = p[0];
	ret->gso_type = p[1];
	ret->hdr_len = load_le16(p + 2);
	ret->gso_size = load_le16(p + 4);
	ret->csum_start = load_le16(p + 6);
	ret->csum_offset = load_le16(p + 8);
	ret->num_buffers = hdr_len == VNET_HDR_MRG_LEN ? load_le16(p + 10) : 0;
}

static inline void vnet_hdr_write(uint8_t *p, size_t hdr_len, const struct vnet_hdr *hdr)
{
	p[0] = hdr->flags;
	p[1] = hdr->gso_type;
	store_le16(p + 2, hdr->hdr_len);
	store_le16(p + 4, hdr->gso_size);
	store_le16(p + 6, hdr->csum_start);
	store_le16(p + 8, hdr->csum_offset);
	if (hdr_len == VNET_HDR_MRG_LEN)
		store_le16(p + 10, hdr->num_buffers);
}

/*
 * Judges a header against the frame that it describes, of `frame_len` bytes after it: a checksum
 * field inside the frame, a known segmentation type with a size, headers (where hinted) inside the
 * frame. Returns 0 or -EBADMSG. The caller's check against the headers of the frame itself comes on
 * top.
 */
int vnet_hdr_check(const struct vnet_hdr *hdr, size_t frame_len) MUST_CHECK;

/* Reads a header of `hdr_len` (10 or 12) bytes, judges it against the frame in the rest of `r`, and
 * leaves `r` at the frame. Returns 0, or -EBADMSG with `ret` untouched. */
int vnet_hdr_parse(struct rd *r, size_t hdr_len, struct vnet_hdr *ret) MUST_CHECK;
