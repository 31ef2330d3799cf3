/* SPDX-License-Identifier: MIT */
/*
 * Router advertisements on one interface (RFC 4861 §6.2, RFC 4191, RFC 8106).
 *
 * An ordinary application of the public API. The node should forward IPv6; nobody here checks that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "weft/weft.h"

enum {
	RADV_PREFIXES_MAX = 16,
	RADV_ROUTES_MAX = 16,
	RADV_DNS_MAX = 8,
	RADV_SEARCH_MAX = 8,
	/* Hosts that wait for an answer of their own; more are answered with all others. */
	RADV_ASKS_MAX = 16,
};

#define RADV_INFINITE_S UINT32_MAX

/* As on the wire (RFC 4191 §2.1). */
enum radv_pref {
	RADV_MEDIUM = 0,
	RADV_HIGH = 1,
	RADV_LOW = 3,
};

struct radv_prefix {
	uint8_t prefix[16];
	uint8_t len;
	bool on_link, autonomous;
	uint32_t valid_s, preferred_s; /* RADV_INFINITE_S: for ever */
};

struct radv_route {
	uint8_t prefix[16];
	uint8_t len;
	uint8_t pref; /* enum radv_pref */
	uint32_t lifetime_s;
};

struct radv_config {
	uint32_t max_interval_s; /* 4 to 1800 */
	uint32_t min_interval_s; /* 0: a third of the other; else 3 to three quarters of it */
	uint32_t lifetime_s;     /* of the default route: 0: none; else max_interval_s to 9000 */
	uint8_t pref;            /* enum radv_pref */
	bool managed, other;
	bool unicast;  /* solicitations are answered to who asks alone (§6.2.6, RFC 7772 §5.1) */
	bool run_down; /* prefixes have their lifetimes at the start, less from then on (§6.2.1) */
	uint8_t hop_limit; /* these four: 0: not said */
	uint32_t reachable_ms, retrans_ms;
	uint32_t mtu;
	/* No prefixes: those of the interface, with these lifetimes. */
	uint32_t valid_s, preferred_s;
	struct radv_prefix prefixes[RADV_PREFIXES_MAX];
	uint32_t n_prefixes;
	struct radv_route routes[RADV_ROUTES_MAX];
	uint32_t n_routes;
	uint8_t dns[RADV_DNS_MAX][16];
	uint32_t n_dns;
	const char *search[RADV_SEARCH_MAX]; /* domains, as text; borrowed */
	uint32_t n_search;
	uint32_t dns_lifetime_s; /* of both */
};

/* The defaults of RFC 4861 §6.2.1, with intervals of 600 s, and RFC 8106's. */
extern const struct radv_config radv_defaults;

struct radv_stats {
	uint64_t n_sent, n_failed;
	uint64_t n_unicast;      /* of those sent, to one host */
	uint64_t n_solicited;    /* solicitations heard */
	uint64_t n_invalid;      /* messages that break their rules */
	uint64_t n_heard;        /* advertisements of other routers */
	uint64_t n_inconsistent; /* of these, such that say something else than we do */
};

struct radv;

/* Begins to advertise on `nif`, which must outlive it. 0; -EINVAL: a number that is out of its
 * range, a search domain that is none, or more than fits the MTU; -Exxx of weft_socket(). */
int radv_new(struct weft_netif *nif, struct weft_stack *st, const struct radv_config *cfg,
	     struct radv **ret) __attribute__((warn_unused_result));
/* Another search list from now on, borrowed as that of the configuration, and told at once; a
 * domain that is in it no more stays with who has heard of it for its lifetime. -EINVAL, with the
 * old one kept: a domain that is none, or more than fits. */
int radv_set_search(struct radv *r, const char *const *search, uint32_t n)
	__attribute__((warn_unused_result));
/* Says goodbye. NULL is fine. */
void radv_free(struct radv *r);
void radv_stats(const struct radv *r, struct radv_stats *ret);
