/* SPDX-License-Identifier: MIT */
/*
 * Settings of the neighbour cache: those of IPv4, which are the table's too, and those of IPv6, of
 * which each interface has its own.
 */
#include "core/netif.h"
#include "core/stack.h"
#include "core/sysctl.h"
#include "link/neigh_priv.h"

enum {
	NEIGH_TIME_MAX_MS = 24 * 3600 * 1000,
};

const struct neigh_params neigh_params_default = {
	.retrans_time_ms = 1000,
	.base_reachable_time_ms = 30000,
	.delay_first_probe_ms = 5000,
	.failed_hold_ms = 1000,
	.gc_stale_time_ms = 60000,
	.locktime_ms = 1000,
	.mcast_solicit = 3,
	.ucast_solicit = 3,
	.unres_qlen = 101,
	.unres_qlen_bytes = 212992,
	.unres_qlen_total = 4096,
	.max_entries = 1024,
};

#define NEIGH_SYSCTL(field, lo, hi, text) \
	SYSCTL(struct neigh_params, field, "net.ipv4.neigh.default." #field, (lo), (hi), text)

static const struct sysctl neigh_sysctls[] = {
	NEIGH_SYSCTL(retrans_time_ms, 1, NEIGH_TIME_MAX_MS, "ms between solicitations"),
	NEIGH_SYSCTL(base_reachable_time_ms, 1, NEIGH_TIME_MAX_MS,
		     "ms for which a confirmation counts, on average"),
	NEIGH_SYSCTL(delay_first_probe_ms, 0, NEIGH_TIME_MAX_MS,
		     "ms from the first packet to a stale neighbour to the first probe"),
	NEIGH_SYSCTL(failed_hold_ms, 0, NEIGH_TIME_MAX_MS,
		     "ms for which packets to a neighbour that did not answer are refused at once"),
	NEIGH_SYSCTL(gc_stale_time_ms, 1, NEIGH_TIME_MAX_MS,
		     "ms after which a failed entry is forgotten"),
	NEIGH_SYSCTL(locktime_ms, 0, NEIGH_TIME_MAX_MS,
		     "ms for which an address just learned is not replaced"),
	NEIGH_SYSCTL(mcast_solicit, 1, 100, "solicitations before resolution fails"),
	NEIGH_SYSCTL(ucast_solicit, 0, 100, "probes before a known neighbour is given up"),
	NEIGH_SYSCTL(unres_qlen, 1, 65536, "packets that wait for one neighbour"),
	NEIGH_SYSCTL(unres_qlen_bytes, 1, 1 << 30, "bytes that wait for one neighbour"),
	NEIGH_SYSCTL(unres_qlen_total, 1, 1 << 20, "packets that wait for all neighbours"),
	NEIGH_SYSCTL(max_entries, 2, 1 << 20, "entries of the neighbour table"),
};

static void *neigh_sysctl_base(struct stack *st)
{
	return st->neigh ? &st->neigh->params : NULL;
}

static const struct sysctl_table neigh_sysctl_table = {
	.entries = neigh_sysctls,
	.n_entries = ARRAY_SIZE(neigh_sysctls),
	.base = neigh_sysctl_base,
};

#define NEIGH6_SYSCTL(field, lo, hi, text) \
	SYSCTL(struct neigh_params, field, "net.ipv6.neigh.*." #field, (lo), (hi), text)

static const struct sysctl neigh6_sysctls[] = {
	NEIGH6_SYSCTL(retrans_time_ms, 1, NEIGH_TIME_MAX_MS,
		      "ms between solicitations; routers may set it"),
	NEIGH6_SYSCTL(base_reachable_time_ms, 1, NEIGH_TIME_MAX_MS,
		      "ms for which a confirmation counts, on average; routers may set it"),
	NEIGH6_SYSCTL(delay_first_probe_ms, 0, NEIGH_TIME_MAX_MS,
		      "ms from the first packet to a stale neighbour to the first probe"),
	NEIGH6_SYSCTL(
		failed_hold_ms, 0, NEIGH_TIME_MAX_MS,
		"ms for which packets to a neighbour that did not answer are refused at once"),
	NEIGH6_SYSCTL(gc_stale_time_ms, 1, NEIGH_TIME_MAX_MS,
		      "ms after which a failed entry is forgotten"),
	NEIGH6_SYSCTL(mcast_solicit, 1, 100, "solicitations before resolution fails"),
	NEIGH6_SYSCTL(ucast_solicit, 0, 100, "probes before a known neighbour is given up"),
	NEIGH6_SYSCTL(unres_qlen, 1, 65536, "packets that wait for one neighbour"),
	NEIGH6_SYSCTL(unres_qlen_bytes, 1, 1 << 30, "bytes that wait for one neighbour"),
};

static void *neigh6_sysctl_base(struct stack *st, struct netif *netif)
{
	if (netif)
		return netif->neigh6;
	return st->neigh ? &st->neigh->params6 : NULL;
}

static const struct sysctl_table neigh6_sysctl_table = {
	.entries = neigh6_sysctls,
	.n_entries = ARRAY_SIZE(neigh6_sysctls),
	.base_of = neigh6_sysctl_base,
};

/* Linux's name for max_entries; the table has the neighbours of both families. */
static const struct sysctl neigh6_table_sysctls[] = {
	SYSCTL(struct neigh_params, max_entries, "net.ipv6.neigh.default.gc_thresh3", 2, 1 << 20,
	       "entries of the neighbour table, of both families"),
};

static const struct sysctl_table neigh6_table_sysctl_table = {
	.entries = neigh6_table_sysctls,
	.n_entries = ARRAY_SIZE(neigh6_table_sysctls),
	.base = neigh_sysctl_base,
};

int neigh_sysctls_register(struct stack *st)
{
	int err = sysctl_register(st, &neigh_sysctl_table);

	if (!err)
		err = sysctl_register(st, &neigh6_table_sysctl_table);
	return err ? err : sysctl_register(st, &neigh6_sysctl_table);
}
