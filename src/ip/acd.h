/* SPDX-License-Identifier: MIT */
/*
 * IPv4 addresses that are asked about before they are used, and defended afterwards (RFC 5227), and
 * those that a host makes up for itself (RFC 3927: link-local ones).
 *
 *	         start, link up
 *	WAIT ----------------> PROBE x3 ----> QUIET ----> BOUND: ip4_addr_add(), announced twice
 *	  ^    0..1 s          1..2 s apart    2 s          |
 *	  |                      |               |          | a second conflict within 10 s
 *	  +---- link-local: another address <----+----------+
 *	        given address: DUPLICATE, until the link comes up again
 *
 * A conflict is any ARP packet of somebody else whose sender has the address, and until BOUND, a
 * probe for it. BOUND, the first conflict is answered by an announcement (§2.4 (b)). After ten
 * conflicts a new link-local address is tried only once a minute.
 *
 * While it is not BOUND an address is nobody's: not on the interface's list, not answered for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/wheel.h"
#include "wire/addr.h"
#include "wire/arp.h"

struct ip4_ifaddr;
struct netif;

enum {
	ACD_PER_IF_MAX = 256, /* addresses of one interface */
};

enum acd_state {
	ACD_DOWN, /* the link is */
	ACD_WAIT,
	ACD_PROBE,
	ACD_QUIET,
	ACD_BOUND,
	ACD_DUPLICATE,
};

struct acd {
	struct list link; /* ip4_if->acds */
	struct netif *netif;
	struct ip4_addr addr;
	uint8_t prefix_len;
	uint8_t state;        /* enum acd_state */
	uint8_t n_sent;       /* probes, or announcements */
	bool is_link_local;   /* made up: another one is, when it is taken */
	uint32_t n_conflicts; /* since the link came up or an address was bound */
	uint32_t n_made;      /* addresses given up for others that were made up */
	int64_t defended_ns;  /* when we last did; INT64_MIN: never */
	struct wheel_timer timer;
};

/* Adds the address when nobody objects, some 5 s after the link is up. 0; -EEXIST; -EINVAL: as
 * ip4_addr_add(), or the interface has no ARP; -ENOSPC; -ENOMEM. */
int acd_add(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len) MUST_CHECK;
/* 0, or -EADDRNOTAVAIL: there is none such. In use already, it is deleted. */
int acd_del(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len) MUST_CHECK;
/* The interface makes an address of 169.254/16 for itself, or gives it up. 0; -EINVAL: it has no
 * ARP; -ENOMEM. */
int acd_link_local_set(struct netif *netif, bool on) MUST_CHECK;
/* The address is one that the interface has made up. */
bool acd_is_made_up(const struct ip4_ifaddr *ifa);
/* An address that acd_add() or link-local has made is deleted by hand. */
void acd_forget(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len);
/* `addr` is in the prefix of an address that is asked about on the interface. */
bool acd_is_on_link(const struct netif *netif, struct ip4_addr addr);
/* The interface starts to run, or stops. */
void acd_netif_change(struct netif *netif, bool is_running);
/* All of an interface go. */
void acd_flush(struct netif *netif);
/* A well-formed packet of somebody else. */
void acd_arp_heard(struct netif *netif, const struct arp *arp);
