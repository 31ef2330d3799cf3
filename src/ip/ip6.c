/* SPDX-License-Identifier: MIT */
/* IPv6 of a stack: set-up, settings, what interfaces tell it. */
#include "ip/ip6.h"

#include <errno.h>

#include "core/sysctl.h"
#include "ip/dad.h"
#include "ip/icmp6.h"
#include "ip/ip6_priv.h"
#include "ip/mld.h"
#include "ip/ra.h"
#include "wire/eth.h"

static const struct sysctl ip6_sysctls[] = {
	SYSCTL(struct ip6_conf, forward, "net.ipv6.conf.all.forwarding", 0, 1,
	       "forward packets between interfaces"),
	SYSCTL(struct ip6_conf, bindv6only, "net.ipv6.bindv6only", 0, 1,
	       "new IPv6 sockets take no IPv4 packets"),
	SYSCTL(struct ip6_conf, auto_flowlabels, "net.ipv6.auto_flowlabels", 0, 1,
	       "packets of TCP and UDP have flow labels"),
	SYSCTL(struct ip6_conf, echo_ignore_all, "net.ipv6.icmp.echo_ignore_all", 0, 1,
	       "answer no echo requests"),
	SYSCTL(struct ip6_conf, echo_ignore_multicast, "net.ipv6.icmp.echo_ignore_multicast", 0, 1,
	       "answer no echo requests to multicast addresses"),
	SYSCTL(struct ip6_conf, ratelimit_ms, "net.ipv6.icmp.ratelimit", 0, 3600000,
	       "least time between two errors to one host, ms; 0: no such limit"),
};

static const struct sysctl ip6_reasm_sysctls[] = {
	SYSCTL(struct reasm_conf, high_thresh, "net.ipv6.ip6frag_high_thresh", 0, INT32_MAX,
	       "memory for incomplete packets, bytes; beyond, the oldest are dropped"),
	SYSCTL(struct reasm_conf, low_thresh, "net.ipv6.ip6frag_low_thresh", 0, INT32_MAX,
	       "and are dropped until this is left, bytes"),
	SYSCTL(struct reasm_conf, time_s, "net.ipv6.ip6frag_time", 0, 86400,
	       "how long a packet waits for its fragments, s"),
};

static void *ip6_reasm_sysctl_base(struct stack *st)
{
	return &st->ip6->reasm.conf;
}

static const struct sysctl_table ip6_reasm_sysctl_table = {
	.entries = ip6_reasm_sysctls,
	.n_entries = ARRAY_SIZE(ip6_reasm_sysctls),
	.base = ip6_reasm_sysctl_base,
};

static void *ip6_sysctl_base(struct stack *st)
{
	return &st->ip6->conf;
}

static void ip6_sysctl_changed(struct stack *st, const struct sysctl *ctl);

static const struct sysctl_table ip6_sysctl_table = {
	.entries = ip6_sysctls,
	.n_entries = ARRAY_SIZE(ip6_sysctls),
	.base = ip6_sysctl_base,
	.changed = ip6_sysctl_changed,
};

/*
 * What interfaces tell.
 */

static int ip6_netif_add(struct netif *netif)
{
	struct ip6 *ip6 = netif->stack->ip6;
	int err = ip6_addr_netif_add(netif);

	if (err || !(netif->flags & NETIF_LOOPBACK) || ip6->lo)
		return err;
	ip6->lo = netif;
	ip6_addr_netif_up(netif);
	return 0;
}

static void ip6_netif_del(struct netif *netif)
{
	struct ip6 *ip6 = netif->stack->ip6;

	ip6_addr_netif_del(netif);
	fib6_netif_del(&ip6->fib, netif);
	reasm_flush(&ip6->reasm);
	if (ip6->lo == netif)
		ip6->lo = NULL;
	ip_dst_invalidate_all(netif->stack);
}

static void ip6_netif_change(struct netif *netif)
{
	bool up = netif->flags & NETIF_UP, runs = netif_is_running(netif);
	struct ip6_if *ifs = netif->ip6;

	ip_dst_invalidate_all(netif->stack); /* the MTU may be another one */
	if (up != ifs->was_up) {
		ifs->was_up = up;
		fib6_netif_set_up(&netif->stack->ip6->fib, netif, up);
		if (up)
			ip6_addr_netif_up(netif);
		else
			ra_flush(netif);
	}
	if (runs != ifs->was_running) {
		ifs->was_running = runs;
		dad_netif_change(netif);
		if (runs && !wheel_timer_is_pending(&ifs->rs_timer))
			rs_start(netif, false);
		else if (!runs)
			rs_stop(netif);
	}
}

/* It begins to listen to routers, or ceases to: what they said is forgotten then. */
static void ra_heeded_changed(struct netif *netif)
{
	if (!ra_is_heeded(netif))
		ra_flush(netif);
	else if (!netif->ip6->ra)
		rs_start(netif, false);
}

/* Disabled, all addresses go; enabled again, the interface gets its own by itself. */
static void disable_changed(struct netif *netif)
{
	if (netif->ip6->conf.disable) {
		ra_flush(netif);
		ip6_addrs_flush(netif);
	} else if (netif->flags & NETIF_UP) {
		ip6_addr_netif_up(netif);
	}
}

/* A link-local address that it made by itself follows; none goes that somebody may use when from
 * now on it makes none. */
static void gen_mode_changed(struct netif *netif)
{
	if (netif->ip6->conf.addr_gen_mode != IP6_GEN_NONE)
		ip6_addr_mac_changed(netif);
}

void ip6_if_conf_changed(struct netif *netif, const struct sysctl *ctl)
{
	bool is_secret = ip6_conf_is_secret(ctl);

	if (is_secret)
		netif->ip6->conf.addr_gen_mode = IP6_GEN_STABLE;
	if (is_secret || ctl->off == offsetof(struct ip6_if_conf, addr_gen_mode))
		gen_mode_changed(netif);
	else if (ctl->off == offsetof(struct ip6_if_conf, disable))
		disable_changed(netif);
	else if (ctl->off == offsetof(struct ip6_if_conf, accept_ra))
		ra_heeded_changed(netif);
	ip_dst_invalidate_all(netif->stack);
}

/* A router listens to others only if it is told to, and is in the routers' group. */
static void ip6_sysctl_changed(struct stack *st, const struct sysctl *ctl)
{
	struct netif *netif;

	if (ctl->off != offsetof(struct ip6_conf, forward))
		return;
	list_for_each (netif, &st->netifs, link) {
		ra_heeded_changed(netif);
		mld_addrs_changed(netif);
	}
}

static void ip6_fini(struct stack *st)
{
	reasm_fini(&st->ip6->reasm);
	dst_cache_fini(&st->ip6->dsts, &st->eng->mem);
	fib6_fini(&st->ip6->fib);
	ip6_own_fini(st);
	mem_free(&st->eng->mem, st->ip6->policies, sizeof(*st->ip6->policies));
	mem_free(&st->eng->mem, st->ip6, sizeof(*st->ip6));
	st->ip6 = NULL;
}

static const struct stack_layer ip6_layer = {
	.name = "ip6",
	.netif_add = ip6_netif_add,
	.netif_del = ip6_netif_del,
	.netif_change = ip6_netif_change,
	.fini = ip6_fini,
};

int ip6_init(struct stack *st)
{
	struct ip6 *ip6 = mem_zalloc(&st->eng->mem, sizeof(*ip6));
	int err;

	if (!ip6)
		return -ENOMEM;
	ip6->conf = (struct ip6_conf){.auto_flowlabels = true, .ratelimit_ms = 1000};
	fib6_init(&ip6->fib, &st->eng->mem);
	ip_hooks_init(&ip6->hooks);
	rng_bytes(&st->eng->rng, &ip6->flow_key, sizeof(ip6->flow_key));
	st->ip6 = ip6;
	redirect6_init(st);
	err = stack_layer_add(st, &ip6_layer);
	if (err) {
		st->ip6 = NULL;
		mem_free(&st->eng->mem, ip6, sizeof(*ip6));
		return err;
	}
	/* From here on ip6_fini() frees whatever has been made. */
	err = ip6_own_init(st);
	if (!err)
		err = sysctl_register(st, &ip6_sysctl_table);
	if (!err)
		err = ip6_conf_init(st);
	if (!err)
		err = reasm_init(&ip6->reasm, st, &ip6_reasm_ops, IP6_REASM_S);
	if (!err)
		err = sysctl_register(st, &ip6_reasm_sysctl_table);
	if (!err)
		err = icmp6_init(st);
	if (!err)
		err = stack_eth_proto_add(st, ETHERTYPE_IPV6, ip6_input);
	if (!err)
		nd_init(st);
	return err;
}
