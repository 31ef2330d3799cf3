/* SPDX-License-Identifier: MIT */
/*
 * Settings of an interface: net.ipv6.conf.IF.*, with Linux's names, values and defaults. Times that
 * routers give us for an interface (reachable time, MTU) are state, not settings: struct ip6_if.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct stack;

/* How the lower half of an address is made. Linux's values. */
enum ip6_gen_mode {
	IP6_GEN_EUI64 = 0,  /* of the hardware address (RFC 4291 appendix A) */
	IP6_GEN_NONE = 1,   /* no link-local address by itself; the others as EUI64 */
	IP6_GEN_STABLE = 2, /* opaque, the same in the same network (RFC 7217) */
	IP6_GEN_RANDOM = 3, /* the same, with a secret of this stack, whatever stable_secret is */
};

/* accept_dad */
enum {
	IP6_DAD_OFF = 0,
	IP6_DAD_ON = 1,
	IP6_DAD_STRICT = 2, /* and give up IPv6 here when the hardware's link-local one is taken */
};

struct ip6_if_conf {
	bool disable; /* no packets, no addresses */
	uint8_t hop_limit;
	uint32_t mtu;          /* 0: the link's */
	uint8_t addr_gen_mode; /* enum ip6_gen_mode */
	/* Of IP6_GEN_STABLE, so that addresses outlive the stack; all 0: the stack's own, random.
	 */
	uint32_t stable_secret[4];
	/* duplicate address detection */
	uint8_t accept_dad;
	uint8_t dad_transmits;
	bool enhanced_dad; /* RFC 7527 */
	/* router discovery */
	uint8_t accept_ra; /* 0 no, 1 unless we forward, 2 always */
	bool accept_ra_defrtr, accept_ra_pinfo, accept_ra_mtu, accept_ra_rtr_pref;
	uint8_t accept_ra_rt_info_max_plen; /* of routes in advertisements (RFC 4191); 0: default
					       routes alone */
	int32_t router_solicitations;       /* -1: for ever; 0: none */
	uint32_t rtr_solicit_interval_s, rtr_solicit_max_interval_s, rtr_solicit_delay_s;
	/* addresses out of prefixes */
	bool autoconf;
	uint8_t use_tempaddr; /* 0 no, 1 have them, 2 prefer them (RFC 8981) */
	uint32_t temp_valid_s, temp_preferred_s, max_desync_s;
	uint8_t regen_max_retry; /* of temporary addresses that others have */
	uint32_t max_addresses;
	bool accept_redirects;
};

/* Fills in the stack's defaults and registers the settings. 0 or -ENOSPC. */
int ip6_conf_init(struct stack *st) MUST_CHECK;
