/* SPDX-License-Identifier: MIT */
/* Public calls for address selection (RFC 6724). */
#include "api/api_priv.h"
#include "base/mem.h"
#include "ip/ip6.h"

enum {
	SORT_MAX = 4096,
};

/* `old`: room for as many addresses. */
static int addrs_sort(struct stack *st, struct weft_addr *addrs, size_t n, struct weft_addr *old,
		      struct ip_sel_dst *dsts)
{
	for (size_t i = 0; i < n; i++) {
		int err = ip_addr_of(&addrs[i], &dsts[i].addr);

		if (err)
			return err;
		dsts[i].tag = (uint32_t)i;
		old[i] = addrs[i];
	}
	ip_dsts_sort(st, dsts, n);
	for (size_t i = 0; i < n; i++)
		addrs[i] = old[dsts[i].tag];
	return 0;
}

int weft_addrs_sort(struct weft_stack *wst, struct weft_addr *addrs, size_t n)
{
	struct stack *st = stack_of(wst);
	struct mem *mem = &st->eng->mem;
	struct ip_sel_dst *dsts;
	struct weft_addr *old;
	int err = -ENOMEM;

	if (n > SORT_MAX)
		return -E2BIG;
	if (n == 0)
		return 0;
	dsts = mem_zalloc_array(mem, n, sizeof(*dsts));
	old = mem_zalloc_array(mem, n, sizeof(*old));
	if (dsts && old)
		err = addrs_sort(st, addrs, n, old, dsts);
	mem_free(mem, dsts, n * sizeof(*dsts));
	mem_free(mem, old, n * sizeof(*old));
	return err;
}

/* The row, checked and with the bits behind its prefix cleared. */
static int policy_of(const struct weft_addr_policy *row, struct ip_policy *ret)
{
	struct ip6_addr prefix;

	if (row->prefix.family != WEFT_AF_INET6 || row->prefix_len > 128)
		return -EINVAL;
	memcpy(&prefix, row->prefix.bytes, sizeof(prefix));
	prefix = ip6_addr_prefix(&prefix, row->prefix_len);
	*ret = (struct ip_policy){.prefix = ip_addr_from_ip6(&prefix),
				  .prefix_len = row->prefix_len,
				  .precedence = row->precedence,
				  .label = row->label};
	return 0;
}

static bool has_policy(const struct ip_policies *table, const struct ip_policy *row)
{
	for (uint32_t i = 0; i < table->n; i++)
		if (table->rows[i].prefix_len == row->prefix_len &&
		    ip_addr_eq(&table->rows[i].prefix, &row->prefix))
			return true;
	return false;
}

int weft_addr_policies_set(struct weft_stack *wst, const struct weft_addr_policy *rows, size_t n)
{
	struct stack *st = stack_of(wst);
	struct ip_policies table = {.n = 0};

	if (!st->ip6)
		return -EAFNOSUPPORT;
	if (n > IP_POLICIES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		struct ip_policy row;

		if (policy_of(&rows[i], &row) || has_policy(&table, &row))
			return -EINVAL;
		table.rows[table.n++] = row;
	}
	return ip6_policies_set(st, n ? &table : NULL);
}

void weft_addr_policies(struct weft_stack *st,
			void (*fn)(void *arg, const struct weft_addr_policy *row), void *arg)
{
	const struct ip_policies *table = ip6_policies(stack_of(st));

	for (uint32_t i = 0; i < table->n; i++) {
		const struct ip_policy *row = &table->rows[i];
		const struct weft_addr_policy shown = {
			.prefix = weft_addr_of(&row->prefix, WEFT_AF_INET6),
			.prefix_len = row->prefix_len,
			.precedence = row->precedence,
			.label = row->label,
		};

		fn(arg, &shown);
	}
}
