/* SPDX-License-Identifier: MIT */
/*
 * Settings of IPv4 on an interface: net.ipv4.conf.IF.*, with Linux's names and defaults (but
 * rp_filter, which distributions set). Each interface has its own; new ones take the default's.
 * net.ipv4.ip_forward is net.ipv4.conf.all.forwarding.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct stack;

/* RFC 3704: whether the way back to a source is looked at, as Linux's rp_filter. */
enum ip4_rp_filter {
	IP4_RP_OFF,
	IP4_RP_STRICT, /* it must lead out of the interface that the packet came in on (§2.2) */
	IP4_RP_LOOSE,  /* there must be one (§2.4) */
};

/* arp_ignore: which questions for our addresses are answered. */
enum ip4_arp_ignore {
	IP4_ARP_ANY = 0,       /* whatever interface has the address */
	IP4_ARP_IF = 1,        /* that it was asked on has it */
	IP4_ARP_IF_SUBNET = 2, /* the same, and who asks is in its prefix */
	IP4_ARP_NO_HOST = 3,   /* as ANY: we have no addresses of the host's scope to ask for */
	IP4_ARP_NONE = 8,
};

/* arp_announce: which of our addresses asks. */
enum ip4_arp_announce {
	IP4_ARP_SRC_PACKET, /* that of the packet which waits, if it is ours */
	IP4_ARP_SRC_SUBNET, /* the same, if the one asked for is in its prefix */
	IP4_ARP_SRC_BEST,   /* the one for this link */
};

struct ip4_if_conf {
	bool forwarding;    /* what comes in here and is for others is sent on */
	bool bc_forwarding; /* so are broadcasts to other links of ours (RFC 1812 §5.3.5.2) */
	uint8_t rp_filter;  /* enum ip4_rp_filter */
	bool accept_source_route; /* datagrams with source routes are not dropped */
	bool send_redirects;
	/* What is heeded of them (redirect4.h). */
	bool accept_redirects, secure_redirects, shared_media;
	uint8_t arp_ignore;   /* enum ip4_arp_ignore */
	uint8_t arp_announce; /* enum ip4_arp_announce */
	bool arp_filter;      /* answered only where we would send to who asks */
	uint8_t arp_accept;   /* announcements make entries: 0 no, 1 yes, 2 of our prefixes */
	bool arp_notify;      /* addresses are announced when the interface starts to run */
};

/* The default's values, and the table. 0 or -ENOSPC. ip4_init() calls it. */
int ip4_conf_init(struct stack *st) MUST_CHECK;
