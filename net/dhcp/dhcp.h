/* SPDX-License-Identifier: MIT */
/*
 * A DHCP server (RFC 2131, RFC 2132) for the hosts of one link: a few addresses, and what the
 * network tells its hosts. It is the only one of its link and says so: a client that asks for an
 * address that it cannot have is refused at once.
 *
 * An ordinary application of the public API.
 */
#pragma once

#include "net/dhcp/dhcp_pool.h"
#include "weft/weft.h"

struct dhcp_config {
	struct weft_addr server; /* ours, on the interface */
	uint8_t prefix_len;      /* of the link, 1 to 30 */
	struct weft_addr first;  /* of the range; all of it on the link, `server` not in it */
	uint32_t n_addrs;        /* 1 to DHCP_POOL_MAX */
	uint32_t lease_s;        /* 0: 3600; else at least 60 */
	struct weft_addr router; /* WEFT_AF_UNSPEC: none */
	struct weft_addr dns[DHCP_DNS_MAX];
	uint32_t n_dns;
	const char *search[DHCP_SEARCH_MAX]; /* copied */
	uint32_t n_search;
	uint16_t mtu; /* 0: not said */
	/* A client has got an address that it did not have. */
	void (*on_lease)(void *arg, const struct weft_addr *addr, const uint8_t mac[6]);
	void *arg;
};

struct dhcp_stats {
	uint64_t n_queries; /* of the right form, and for us */
	uint64_t n_invalid; /* of a wrong one, or from a relay */
	uint64_t n_offers, n_acks, n_naks, n_declines, n_releases;
	uint64_t n_full;   /* no address was left */
	uint64_t n_failed; /* replies that could not be sent */
};

struct dhcp;

/* Serves on `nif`, which must outlive it. 0; -EINVAL: a setting that is out of its range; -ENOMEM;
 * -Exxx of weft_socket() and weft_bind(). */
int dhcp_new(struct weft_netif *nif, struct weft_stack *st, const struct dhcp_config *cfg,
	     struct dhcp **ret) MUST_CHECK;
/* Another search list from now on: clients have it when they ask again. -EINVAL, with the old one
 * kept: too many, or one is no domain. */
int dhcp_set_search(struct dhcp *d, const char *const *search, uint32_t n) MUST_CHECK;
/* NULL is fine. */
void dhcp_free(struct dhcp *d);
void dhcp_stats(const struct dhcp *d, struct dhcp_stats *ret);
