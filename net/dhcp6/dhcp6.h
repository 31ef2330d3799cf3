/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv6 server (RFC 8415) for the hosts of one link: an address for each association that asks
 * for one, of a range of a few, name servers and search list (RFC 3646). With no range it is
 * stateless: hosts make their addresses themselves, and ask for the rest. It is the only server of
 * its link.
 *
 * An ordinary application of the public API.
 */
#pragma once

#include "net/dhcp6/dhcp6_pool.h"
#include "weft/weft.h"

struct dhcp6_config {
	struct weft_addr prefix; /* of the link: what is within is on it */
	uint8_t prefix_len;      /* 1 to 128 */
	struct weft_addr first;  /* of the range; all of it within the prefix */
	uint32_t n_addrs;        /* up to DHCP6_POOL_MAX; 0: stateless */
	uint32_t lease_s;        /* the preferred lifetime; 0: 3600; else at least 60 */
	struct weft_addr dns[DHCP6_DNS_MAX];
	uint32_t n_dns;
	const char *search[DHCP6_SEARCH_MAX]; /* copied */
	uint32_t n_search;
	/* A client has got an address that it did not have. */
	void (*on_lease)(void *arg, const struct weft_addr *addr);
	void *arg;
};

struct dhcp6_stats {
	uint64_t n_queries; /* of the right form, and for us */
	/* What was not answered, by its reason: */
	uint64_t n_malformed; /* also what no client sends: a server's, a relay's */
	uint64_t n_not_local; /* not from an address of the link, or not to the group */
	uint64_t n_other;     /* for another server */
	uint64_t n_silent;    /* a Confirm without addresses */
	uint64_t n_advertised, n_replied;
	uint64_t n_leased; /* addresses given that the client did not have */
	uint64_t n_renewed, n_released, n_declined;
	uint64_t n_full;   /* associations that got no address, for none was left */
	uint64_t n_failed; /* replies that could not be sent */
	uint32_t n_leases; /* addresses in use now */
};

struct dhcp6;

/* Serves on `nif`, which must outlive it. 0; -EINVAL: a setting that is out of its range; -ENOMEM;
 * -Exxx of weft_socket() and weft_bind(). */
int dhcp6_new(struct weft_netif *nif, struct weft_stack *st, const struct dhcp6_config *cfg,
	      struct dhcp6 **ret) MUST_CHECK;
/* Another search list from now on: clients have it when they ask again. -EINVAL, with the old one
 * kept: too many, or one is no domain. */
int dhcp6_set_search(struct dhcp6 *d, const char *const *search, uint32_t n) MUST_CHECK;
/* NULL is fine. */
void dhcp6_free(struct dhcp6 *d);
void dhcp6_stats(const struct dhcp6 *d, struct dhcp6_stats *ret);
