/* SPDX-License-Identifier: MIT */
/* Settings by name: a walk over the layers' tables. Setting and getting are rare. */
#include "core/sysctl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/netif.h"
#include "core/stack.h"

int sysctl_register(struct stack *st, const struct sysctl_table *table)
{
	if (st->n_sysctls == STACK_SYSCTLS)
		return -ENOSPC;
	st->sysctls[st->n_sysctls++] = table;
	return 0;
}

int64_t sysctl_load(const struct sysctl *ctl, const void *base)
{
	const char *field = (const char *)base + ctl->off;
	uint64_t v = 0;
	int64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (ctl->size) {
	case 1:
		v = *(const uint8_t *)field;
		break;
	case 2:
		memcpy(&v16, field, sizeof(v16));
		v = v16;
		break;
	case 4:
		memcpy(&v32, field, sizeof(v32));
		v = v32;
		break;
	default:
		assert(ctl->size == 8);
		memcpy(&v64, field, sizeof(v64));
		return v64 / ctl->scale;
	}
	/* Narrow fields are signed when their range is. */
	if (ctl->min < 0)
		v = (uint64_t)((int64_t)(v << (64 - 8 * ctl->size)) >> (64 - 8 * ctl->size));
	return (int64_t)v / ctl->scale;
}

static void field_store(const struct sysctl *ctl, void *base, int64_t value)
{
	char *field = (char *)base + ctl->off;
	uint64_t v = (uint64_t)(value * ctl->scale);

	switch (ctl->size) {
	case 1:
		memcpy(field, &(uint8_t){(uint8_t)v}, 1);
		break;
	case 2:
		memcpy(field, &(uint16_t){(uint16_t)v}, 2);
		break;
	case 4:
		memcpy(field, &(uint32_t){(uint32_t)v}, 4);
		break;
	default:
		assert(ctl->size == 8);
		memcpy(field, &v, 8);
	}
}

/* What a name means: a field of `base`, and of every interface besides when it is "all". */
struct sysctl_ref {
	const struct sysctl_table *table;
	const struct sysctl *ctl;
	void *base;
	struct netif *netif; /* whose it is; NULL: the stack's, or a default */
	bool is_all;
};

/* Whether `name` is `pattern` with something in place of its star, which is left in `ret`. */
static bool name_fits(const char *pattern, const char *name, char ret[static NETIF_NAME_MAX])
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : strlen(pattern);
	size_t after = star ? strlen(star + 1) : 0, len = strlen(name);

	if (!star)
		return strcmp(pattern, name) == 0;
	if (len <= before + after || len - before - after >= NETIF_NAME_MAX ||
	    memcmp(name, pattern, before) != 0 || strcmp(name + len - after, star + 1) != 0)
		return false;
	memcpy(ret, name + before, len - before - after);
	ret[len - before - after] = '\0';
	return true;
}

static int ref_of_netif(struct stack *st, const char *ifname, struct sysctl_ref *ref)
{
	ref->is_all = strcmp(ifname, "all") == 0;
	if (!ref->is_all && strcmp(ifname, "default") != 0) {
		ref->netif = netif_find(st, ifname);
		if (!ref->netif)
			return -ENODEV;
	}
	ref->base = ref->table->base_of(st, ref->netif);
	return ref->base ? 0 : -ENOENT;
}

static int sysctl_find(struct stack *st, const char *name, struct sysctl_ref *ret)
{
	char ifname[NETIF_NAME_MAX];

	for (uint32_t t = 0; t < st->n_sysctls; t++) {
		const struct sysctl_table *table = st->sysctls[t];

		for (size_t i = 0; i < table->n_entries; i++) {
			if (!name_fits(table->entries[i].name, name, ifname))
				continue;
			*ret = (struct sysctl_ref){.table = table, .ctl = &table->entries[i]};
			if (table->base_of)
				return ref_of_netif(st, ifname, ret);
			ret->base = table->base(st);
			return ret->base ? 0 : -ENOENT;
		}
	}
	return -ENOENT;
}

static void netif_set(struct netif *netif, const struct sysctl_ref *ref, int64_t value)
{
	void *base = ref->table->base_of(netif->stack, netif);

	if (!base)
		return;
	field_store(ref->ctl, base, value);
	if (ref->table->netif_changed)
		ref->table->netif_changed(netif, ref->ctl);
}

int sysctl_set(struct stack *st, const char *name, int64_t value)
{
	struct sysctl_ref ref;
	struct netif *netif;
	int err = sysctl_find(st, name, &ref);

	if (err)
		return err;
	if (value < ref.ctl->min || value > ref.ctl->max)
		return -EINVAL;
	if (ref.netif) {
		netif_set(ref.netif, &ref, value);
		return 0;
	}
	field_store(ref.ctl, ref.base, value);
	if (ref.is_all) {
		list_for_each_safe (netif, &st->netifs, link)
			netif_set(netif, &ref, value);
	}
	if (ref.table->changed)
		ref.table->changed(st, ref.ctl);
	return 0;
}

static int text_to_int(const char *text, int64_t *ret)
{
	bool is_negative = *text == '-';
	int64_t v = 0;

	text += is_negative;
	if (!*text)
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (v > (INT64_MAX - 9) / 10)
			return -EINVAL;
		v = v * 10 + (*text - '0');
	}
	*ret = is_negative ? -v : v;
	return *text ? -EINVAL : 0;
}

static int name_to_value(const struct sysctl *ctl, const char *text, int64_t *ret)
{
	for (int64_t v = ctl->min; v <= ctl->max; v++) {
		const char *name = ctl->value_name(v);

		if (name && strcmp(name, text) == 0) {
			*ret = v;
			return 0;
		}
	}
	return text_to_int(text, ret);
}

int sysctl_set_text(struct stack *st, const char *name, const char *text)
{
	struct sysctl_ref ref;
	int64_t v;
	int err = sysctl_find(st, name, &ref);

	if (err)
		return err;
	err = ref.ctl->value_name ? name_to_value(ref.ctl, text, &v) : text_to_int(text, &v);
	return err ? err : sysctl_set(st, name, v);
}

int sysctl_get_text(struct stack *st, const char *name, char *ret, size_t size)
{
	struct sysctl_ref ref;
	const char *value_name;
	int64_t v;
	int n, err = sysctl_find(st, name, &ref);

	if (err)
		return err;
	v = sysctl_load(ref.ctl, ref.base);
	value_name = ref.ctl->value_name ? ref.ctl->value_name(v) : NULL;
	if (value_name)
		n = snprintf(ret, size, "%s", value_name);
	else
		n = snprintf(ret, size, "%lld", (long long)v);
	return n >= 0 && (size_t)n < size ? 0 : -ENOSPC;
}

int sysctl_get(struct stack *st, const char *name, int64_t *ret)
{
	struct sysctl_ref ref;
	int err = sysctl_find(st, name, &ref);

	if (!err)
		*ret = sysctl_load(ref.ctl, ref.base);
	return err;
}

void sysctl_for_each(struct stack *st,
		     void (*fn)(void *arg, const struct sysctl *ctl, int64_t value), void *arg)
{
	for (uint32_t t = 0; t < st->n_sysctls; t++) {
		const struct sysctl_table *table = st->sysctls[t];
		void *base = table->base_of ? table->base_of(st, NULL) : table->base(st);

		for (size_t i = 0; base && i < table->n_entries; i++)
			fn(arg, &table->entries[i], sysctl_load(&table->entries[i], base));
	}
}
