/* SPDX-License-Identifier: MIT */
/* Access rules: whom the guest may reach; the contract is in gateway.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_priv.h"

static bool rule_fits(const struct gateway_rule *r, uint8_t proto, const struct weft_sockaddr *to)
{
	if (proto == WEFT_IPPROTO_ICMPV6)
		proto = WEFT_IPPROTO_ICMP;
	if (r->proto && r->proto != proto)
		return false;
	if (r->prefix.family && !gw_in_prefix(&to->addr, &r->prefix, r->prefix_len))
		return false;
	if (!r->port_first && !r->port_last)
		return true;
	return proto != WEFT_IPPROTO_ICMP && to->port >= r->port_first && to->port <= r->port_last;
}

/* The first that fits; NULL: none does. */
static struct gateway_rule_info *rule_for(const struct gateway *gw, uint8_t proto,
					  const struct weft_sockaddr *to)
{
	for (size_t i = 0; i < gw->n_rules; i++)
		if (rule_fits(&gw->rules[i].rule, proto, to))
			return &gw->rules[i];
	return NULL;
}

bool gw_rules_allow(const struct gateway *gw, uint8_t proto, const struct weft_sockaddr *to)
{
	struct gateway_rule_info *info = rule_for(gw, proto, to);

	if (!info)
		return true;
	info->n_hits++;
	return info->rule.is_allow;
}

uint32_t gw_rules_which(const struct gateway *gw, uint8_t proto, const struct weft_sockaddr *to)
{
	const struct gateway_rule_info *info = rule_for(gw, proto, to);
	struct weft_sockaddr host = *to;

	/* A mapped address is asked about by both of its names. */
	for (size_t i = 0; i < gw->n_maps_addr; i++)
		if (gw_addr_eq(&gw->maps_addr[i].guest, &to->addr))
			host.addr = gw->maps_addr[i].host;
	if (!info || info->rule.is_allow)
		info = rule_for(gw, proto, &host);
	return info && !info->rule.is_allow ? info->id : 0;
}

static bool rule_is_right(const struct gateway_rule *r)
{
	uint8_t max = r->prefix.family == WEFT_AF_INET ? 32 : 128;

	return (r->proto == 0 || r->proto == WEFT_IPPROTO_TCP || r->proto == WEFT_IPPROTO_UDP ||
		r->proto == WEFT_IPPROTO_ICMP) &&
	       (!r->prefix.family || r->prefix_len <= max) && r->port_first <= r->port_last;
}

int gateway_set_rules(struct gateway *gw, const struct gateway_rule *rules, size_t n)
{
	struct gateway_rule_info *all = NULL;

	if (n > GATEWAY_RULES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		if (!rule_is_right(&rules[i]))
			return -EINVAL;
	if (n) {
		all = calloc(n, sizeof(*all));
		if (!all)
			return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		all[i] = (struct gateway_rule_info){.id = ++gw->next_rule_id, .rule = rules[i]};
	free(gw->rules);
	gw->rules = all;
	gw->n_rules = n;
	return 0;
}

/* Its place; the number of rules: there is none. */
static size_t rule_at(const struct gateway *gw, uint32_t id)
{
	size_t i = 0;

	while (i < gw->n_rules && gw->rules[i].id != id)
		i++;
	return i;
}

int gateway_rule_add(struct gateway *gw, const struct gateway_rule *rule, uint32_t before,
		     uint32_t *ret_id)
{
	size_t at = before ? rule_at(gw, before) : gw->n_rules;
	struct gateway_rule_info *all;

	if (before && at == gw->n_rules)
		return -ENOENT;
	if (!rule_is_right(rule))
		return -EINVAL;
	if (gw->n_rules == GATEWAY_RULES_MAX)
		return -E2BIG;
	all = realloc(gw->rules, (gw->n_rules + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	memmove(all + at + 1, all + at, (gw->n_rules - at) * sizeof(*all));
	all[at] = (struct gateway_rule_info){.id = ++gw->next_rule_id, .rule = *rule};
	*ret_id = all[at].id;
	gw->rules = all;
	gw->n_rules++;
	return 0;
}

int gateway_rule_del(struct gateway *gw, uint32_t id)
{
	size_t at = rule_at(gw, id);

	if (at == gw->n_rules)
		return -ENOENT;
	gw->n_rules--;
	memmove(gw->rules + at, gw->rules + at + 1, (gw->n_rules - at) * sizeof(*gw->rules));
	return 0;
}

void gateway_rules(const struct gateway *gw,
		   void (*fn)(void *arg, const struct gateway_rule_info *info), void *arg)
{
	for (size_t i = 0; i < gw->n_rules; i++)
		fn(arg, &gw->rules[i]);
}
