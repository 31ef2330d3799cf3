/* SPDX-License-Identifier: MIT */
/*
 * Path MTUs learned from ICMP errors (RFC 1191, RFC 8201), one a destination, for both families.
 *
 *	transport (has checked that the error is about what it sent: RFC 5927) --> ip_pmtu_learn()
 *	ip4_route, ip6_route --> pmtu_cap(): struct ip_dst.mtu
 *
 * An entry only lowers, never raises: raising is what ageing is for. It ends after mtu_expires; all
 * cached routes are looked up anew then, and the next packet probes the path with its full size.
 *
 * Bounds: PMTU_ENTRIES_MAX, the oldest goes. Entries come of checked errors alone, so to fill the
 * table one must be on the path of as many flows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/htab.h"
#include "base/list.h"
#include "base/wheel.h"
#include "wire/addr.h"

struct stack;

enum {
	PMTU_ENTRIES_MAX = 4096,
	PMTU_MIN_DEFAULT = 552, /* Linux's min_pmtu: what every link worth its name carries */
	PMTU_EXPIRES_S = 600,
};

struct pmtu_conf {
	uint32_t min_pmtu;  /* IPv4; an error that says less means this, and no DF */
	uint32_t expires_s; /* 0: nothing is kept */
};

struct pmtu {
	struct pmtu_conf conf;
	struct stack *st;
	struct htab by_dst;
	struct list entries; /* oldest first */
	uint32_t n_entries;
	struct wheel_timer timer;
};

/* 0 or -ENOMEM; afterwards pmtu_fini() is fine. */
int pmtu_init(struct pmtu *p, struct stack *st) MUST_CHECK;
/* An all-zero object is fine. */
void pmtu_fini(struct pmtu *p);
/* A path to `dst` carries no more than `mtu`. True: that was news, and routes have changed. */
bool pmtu_learn(struct pmtu *p, const struct ip_addr *dst, uint32_t mtu);
/* The MTU of the path to `dst`, whose first link has `mtu`. *ret_is_floor: the path carries less
 * than min_pmtu, so that DF would be in vain. */
uint32_t pmtu_cap(const struct pmtu *p, const struct ip_addr *dst, uint32_t mtu,
		  bool *ret_is_floor);
/* Forgets all: routes have changed for good. */
void pmtu_flush(struct pmtu *p);
