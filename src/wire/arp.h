/* SPDX-License-Identifier: MIT */
/*
 * ARP packet codec for IPv4 over Ethernet (RFC 826), with the terms of RFC 5227.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "wire/addr.h"

enum {
	ARP_LEN = 28, /* what follows in the frame is padding */
	ARP_HTYPE_ETHERNET = 1,
};

enum arp_op {
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

struct arp {
	uint16_t op;         /* any value: RFC 826 lets the receiver learn before it looks */
	struct eth_addr sha; /* sender */
	struct ip4_addr spa;
	struct eth_addr tha; /* target; in a request usually zero */
	struct ip4_addr tpa;
};

/* What a well-formed packet is, from its own fields. */
enum arp_kind {
	ARP_KIND_REQUEST,      /* who has tpa? tell spa */
	ARP_KIND_REPLY,        /* spa is at sha */
	ARP_KIND_PROBE,        /* request from 0.0.0.0: is tpa in use? (RFC 5227 §2.1.1) */
	ARP_KIND_ANNOUNCEMENT, /* request or reply, spa == tpa: gratuitous (RFC 5227 §2.3) */
	ARP_KIND_BAD_OP,       /* neither request nor reply */
	ARP_KIND_BAD_SENDER,   /* sha or spa cannot be a host's: group bit, zero sha, multicast,
				  loopback */
	ARP_KIND_BAD_TARGET,   /* tpa cannot be a host's: zero, multicast, broadcast, loopback */
};

/* Reads a packet and leaves `r` at the padding. Returns 0, or with `ret` untouched -EBADMSG (cut
 * off) or -EPROTONOSUPPORT (not IPv4 over Ethernet, by hardware or protocol type or length). */
int arp_parse(struct rd *r, struct arp *ret) MUST_CHECK;

enum arp_kind arp_classify(const struct arp *arp);

/* Writes ARP_LEN bytes. */
void arp_write(struct wr *w, const struct arp *arp);
