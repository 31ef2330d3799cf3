/* SPDX-License-Identifier: MIT */
/* What the guest is told; the contract is in tell.h. */
#include "gateway/tell.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/load.h"
#include "gateway/resolvconf.h"
#include "lab/lab.h"

enum {
	RA_INTERVAL_S = 60,
	RA_LIFETIME_S = 1800,
	PREFIX_VALID_S = 86400,
	PREFIX_PREFERRED_S = 14400,
	LEASES = 16,  /* whoever else is behind the guest's bridge; the guest's address is the first
		       */
	CACHED = 256, /* answers that the forwarder keeps */
	COUNTED_AT = 12, /* of an IPv6 address: where the range counts */
};

struct tell {
	struct gateway_run *run;
	struct resolvconf conf; /* the host's, as it was heard of last */
	bool asks_hosts;        /* the forwarder asks the host's servers */
	bool has_hosts_search;  /* the guest searches the host's domains */
	uint64_t n_resolv_changes;
	const char *search[GATEWAY_RUN_SEARCH_MAX];
	uint32_t n_search;
	struct radv *radv;
	struct dhcp *dhcp;
	struct dhcp6 *dhcp6;
	struct dnsfwd *dns;
	struct weft_net *host; /* the forwarder's outside */
	int resolv_fd;         /* -1: none */
};

static int PRINTF_LIKE(3, 4) refuse(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, LAB_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

static uint32_t mtu_of(const struct gateway_run_config *cfg)
{
	struct gateway_run_config none;

	if (cfg->mtu)
		return cfg->mtu;
	gateway_run_defaults(&none);
	return none.mtu;
}

static void search_take(struct tell *t, const struct gateway_run_config *cfg)
{
	uint32_t n = cfg->no_search ? 0 : cfg->n_search ? cfg->n_search : t->conf.n_search;

	t->has_hosts_search = !cfg->no_search && !cfg->n_search;
	for (; t->n_search < n; t->n_search++)
		t->search[t->n_search] = t->has_hosts_search ? t->conf.search[t->n_search]
							     : cfg->search[t->n_search];
}

/*
 * Router advertisements.
 */

static void prefix_set(const struct gateway_run_config *cfg, struct radv_prefix *ret)
{
	*ret = (struct radv_prefix){.len = cfg->len6,
				    .on_link = true,
				    .autonomous = cfg->len6 == 64,
				    .valid_s = PREFIX_VALID_S,
				    .preferred_s = PREFIX_PREFERRED_S};
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t left = cfg->len6 > 8 * i ? cfg->len6 - 8 * i : 0;
		uint32_t mask = left >= 8 ? 0xff : 0xff00u >> left;

		ret->prefix[i] = cfg->addr6.bytes[i] & (uint8_t)mask;
	}
}

static int radv_start(struct tell *t, const struct gateway_run_config *cfg, char *msg)
{
	struct radv_config ra = radv_defaults;
	int err;

	if (cfg->no_ra || !cfg->addr6.family)
		return 0;
	ra.max_interval_s = RA_INTERVAL_S;
	ra.min_interval_s = 0;
	ra.lifetime_s = RA_LIFETIME_S;
	ra.mtu = mtu_of(cfg);
	ra.managed = t->dhcp6 && cfg->dhcp6 == GATEWAY_DHCP6_ADDRS;
	ra.other = t->dhcp6 != NULL;
	ra.n_prefixes = 1;
	prefix_set(cfg, &ra.prefixes[0]);
	if (cfg->dns6.family) {
		memcpy(ra.dns[0], cfg->dns6.bytes, 16);
		ra.n_dns = 1;
	}
	for (; ra.n_search < t->n_search; ra.n_search++)
		ra.search[ra.n_search] = t->search[ra.n_search];
	err = radv_new(gateway_run_netif(t->run), gateway_run_stack(t->run), &ra, &t->radv);
	if (err == -EINVAL && ra.n_search) {
		/* A long list that a host has had does not keep its guests from having a router. */
		ra.n_search = 0;
		err = radv_new(gateway_run_netif(t->run), gateway_run_stack(t->run), &ra, &t->radv);
	}
	return err ? refuse(msg, err, "router advertisements: %s", strerror(-err)) : 0;
}

/*
 * DHCP and DHCPv6.
 */

/* Forwards lead to who asked last. */
static void leased4(void *arg, const struct weft_addr *addr, const uint8_t mac[6] UNUSED)
{
	const struct tell *t = arg;

	gateway_set_guest(gateway_run_gateway(t->run), addr);
}

static void leased6(void *arg, const struct weft_addr *addr)
{
	const struct tell *t = arg;

	gateway_set_guest(gateway_run_gateway(t->run), addr);
}

/* From the guest's on, as many as the link has before an address of ours or its end. */
static uint32_t leases4_of(const struct gateway_run_config *cfg)
{
	uint32_t guest = load_be32(cfg->gw.guest4.bytes), n = 1;
	uint32_t last = guest | (uint32_t)(UINT64_C(0xffffffff) >> cfg->len4);

	while (n < LEASES && guest + n < last && guest + n != load_be32(cfg->addr4.bytes) &&
	       (!cfg->dns4.family || guest + n != load_be32(cfg->dns4.bytes)))
		n++;
	return n;
}

static int dhcp_start(struct tell *t, const struct gateway_run_config *cfg, char *msg)
{
	struct dhcp_config dhcp = {.server = cfg->addr4,
				   .prefix_len = cfg->len4,
				   .first = cfg->gw.guest4,
				   .router = cfg->addr4,
				   .dns = {cfg->dns4},
				   .n_dns = cfg->dns4.family != 0,
				   .mtu = (uint16_t)mtu_of(cfg),
				   .on_lease = leased4,
				   .arg = t};
	int err;

	if (cfg->no_dhcp || !cfg->addr4.family || !cfg->gw.guest4.family)
		return 0;
	dhcp.n_addrs = leases4_of(cfg);
	for (; dhcp.n_search < t->n_search; dhcp.n_search++)
		dhcp.search[dhcp.n_search] = t->search[dhcp.n_search];
	err = dhcp_new(gateway_run_netif(t->run), gateway_run_stack(t->run), &dhcp, &t->dhcp);
	return err ? refuse(msg, err, "DHCP for the guest: %s", strerror(-err)) : 0;
}

static bool is_at(const struct weft_addr *addr, const struct weft_addr *first, uint32_t n)
{
	return addr->family && !memcmp(addr->bytes, first->bytes, COUNTED_AT) &&
	       load_be32(addr->bytes + COUNTED_AT) == load_be32(first->bytes + COUNTED_AT) + n;
}

static uint32_t leases6_of(const struct gateway_run_config *cfg)
{
	const struct weft_addr *first = &cfg->gw.guest6;
	uint32_t at = load_be32(first->bytes + COUNTED_AT), n = 1;
	uint32_t mask =
		cfg->len6 <= 96 ? UINT32_MAX : (uint32_t)(UINT64_C(0xffffffff) >> (cfg->len6 - 96));

	while (n < LEASES && at + n - 1 != (at | mask) && !is_at(&cfg->addr6, first, n) &&
	       !is_at(&cfg->dns6, first, n))
		n++;
	return n;
}

static int dhcp6_start(struct tell *t, const struct gateway_run_config *cfg, char *msg)
{
	struct dhcp6_config dhcp6 = {.prefix = cfg->addr6,
				     .prefix_len = cfg->len6,
				     .dns = {cfg->dns6},
				     .n_dns = cfg->dns6.family != 0,
				     .on_lease = leased6,
				     .arg = t};
	int err;

	if (cfg->dhcp6 == GATEWAY_DHCP6_NONE || !cfg->addr6.family)
		return 0;
	if (cfg->dhcp6 == GATEWAY_DHCP6_ADDRS && cfg->gw.guest6.family) {
		dhcp6.first = cfg->gw.guest6;
		dhcp6.n_addrs = leases6_of(cfg);
	}
	for (; dhcp6.n_search < t->n_search; dhcp6.n_search++)
		dhcp6.search[dhcp6.n_search] = t->search[dhcp6.n_search];
	err = dhcp6_new(gateway_run_netif(t->run), gateway_run_stack(t->run), &dhcp6, &t->dhcp6);
	return err ? refuse(msg, err, "DHCPv6 for the guest: %s", strerror(-err)) : 0;
}

/*
 * Names.
 */

/* What the host asks has changed. */
static void resolv_take(struct tell *t)
{
	if (t->dns && t->asks_hosts)
		(void)!dnsfwd_set_servers(t->dns, t->conf.servers, t->conf.n_servers);
	if (!t->has_hosts_search)
		return;
	for (t->n_search = 0; t->n_search < t->conf.n_search; t->n_search++)
		t->search[t->n_search] = t->conf.search[t->n_search];
	/* A list that one of them cannot tell is none of its own: as at the start. */
	if (t->dhcp && dhcp_set_search(t->dhcp, t->search, t->n_search))
		(void)!dhcp_set_search(t->dhcp, NULL, 0);
	if (t->dhcp6 && dhcp6_set_search(t->dhcp6, t->search, t->n_search))
		(void)!dhcp6_set_search(t->dhcp6, NULL, 0);
	if (t->radv && radv_set_search(t->radv, t->search, t->n_search))
		(void)!radv_set_search(t->radv, NULL, 0);
}

static void resolv_ready(void *arg, int fd, uint32_t events UNUSED)
{
	struct tell *t = arg;
	char text[RESOLVCONF_BYTES_MAX];
	ssize_t len;

	while ((len = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0) {
		resolvconf_parse(text, (size_t)len, &t->conf);
		resolv_take(t);
		t->n_resolv_changes++;
	}
	if (len == 0) /* nobody will tell us any more */
		(void)!weft_loop_watch(gateway_run_loop(t->run), fd, 0, NULL, NULL);
}

/* What was given stays. */
static int resolv_watch(struct tell *t, char *msg)
{
	int err;

	if (t->resolv_fd < 0 || (!t->asks_hosts && !t->has_hosts_search))
		return 0;
	err = weft_loop_watch(gateway_run_loop(t->run), t->resolv_fd, POLLIN, resolv_ready, t);
	return err ? refuse(msg, err, "resolv.conf: %s", strerror(-err)) : 0;
}

/* A forwarder where the guest looks for its name server. It is the host that asks, so a resolver on
 * the host's loopback is reached, whatever the guest itself may reach. */
static int dns_start(struct tell *t, const struct gateway_run_config *cfg, char *msg)
{
	struct dnsfwd_config dns = {0};
	struct weft_net inside;
	int err;

	if (cfg->n_resolvers > GATEWAY_RUN_RESOLVERS_MAX)
		return refuse(msg, -E2BIG, "more than %d resolvers", GATEWAY_RUN_RESOLVERS_MAX);
	if (cfg->dns4.family)
		dns.at[dns.n_at++].addr = cfg->dns4;
	if (cfg->dns6.family)
		dns.at[dns.n_at++].addr = cfg->dns6;
	if (!dns.n_at)
		return 0;
	dns.n_servers = cfg->n_resolvers ? cfg->n_resolvers : t->conf.n_servers;
	memcpy(dns.servers, cfg->n_resolvers ? cfg->resolvers : t->conf.servers,
	       dns.n_servers * sizeof(dns.servers[0]));
	dns.max_cached = CACHED;
	dns.bind4 = cfg->gw.bind4;
	dns.bind6 = cfg->gw.bind6;
	memcpy(dns.device, cfg->gw.bind_device, sizeof(dns.device));
	weft_net_of_stack(gateway_run_stack(t->run), &inside);
	err = weft_host_net_new(gateway_run_loop(t->run), &t->host);
	if (!err) {
		dns.inside = &inside;
		dns.outside = t->host;
		err = dnsfwd_new(&dns, &t->dns);
	}
	return err ? refuse(msg, err, "the DNS forwarder: %s", strerror(-err)) : 0;
}

/*
 * All of it.
 */

int tell_new(struct gateway_run *run, const struct gateway_run_config *cfg, struct tell **ret,
	     char *ret_msg)
{
	struct tell *t;
	int err;

	if (cfg->n_search > GATEWAY_RUN_SEARCH_MAX)
		return refuse(ret_msg, -E2BIG, "more than %d search domains",
			      GATEWAY_RUN_SEARCH_MAX);
	t = calloc(1, sizeof(*t));
	if (!t)
		return refuse(ret_msg, -ENOMEM, "out of memory");
	t->run = run;
	t->resolv_fd = cfg->resolv_fd;
	(void)!resolvconf_read("/etc/resolv.conf", &t->conf);
	search_take(t, cfg);
	t->asks_hosts = !cfg->n_resolvers;
	err = dhcp_start(t, cfg, ret_msg);
	if (!err)
		err = dhcp6_start(t, cfg, ret_msg);
	if (!err)
		err = radv_start(t, cfg, ret_msg);
	if (!err)
		err = dns_start(t, cfg, ret_msg);
	if (!err)
		err = resolv_watch(t, ret_msg);
	if (err) {
		tell_free(t);
		return err;
	}
	*ret = t;
	return 0;
}

void tell_free(struct tell *t)
{
	if (!t)
		return;
	if (t->resolv_fd >= 0)
		(void)!weft_loop_watch(gateway_run_loop(t->run), t->resolv_fd, 0, NULL, NULL);
	dnsfwd_free(t->dns);
	weft_host_net_free(t->host);
	radv_free(t->radv);
	dhcp6_free(t->dhcp6);
	dhcp_free(t->dhcp);
	free(t);
}

void tell_stats(const struct tell *t, struct tell_stats *ret)
{
	*ret = (struct tell_stats){.has_dhcp = t->dhcp != NULL,
				   .has_dhcp6 = t->dhcp6 != NULL,
				   .has_radv = t->radv != NULL,
				   .has_dns = t->dns != NULL,
				   .n_resolv_changes = t->n_resolv_changes};
	if (t->dhcp)
		dhcp_stats(t->dhcp, &ret->dhcp);
	if (t->dhcp6)
		dhcp6_stats(t->dhcp6, &ret->dhcp6);
	if (t->radv)
		radv_stats(t->radv, &ret->radv);
	if (t->dns)
		dnsfwd_stats(t->dns, &ret->dns);
}
