/* SPDX-License-Identifier: MIT */
/* Settings by name: a walk over the layers' tables. Setting and getting are rare. */
#include "core/sysctl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static const struct sysctl *sysctl_find(struct stack *st, const char *name,
					const struct sysctl_table **ret_table)
{
	for (uint32_t t = 0; t < st->n_sysctls; t++) {
		const struct sysctl_table *table = st->sysctls[t];

		for (size_t i = 0; i < table->n_entries; i++)
			if (strcmp(table->entries[i].name, name) == 0 && table->base(st)) {
				*ret_table = table;
				return &table->entries[i];
			}
	}
	return NULL;
}

int sysctl_set(struct stack *st, const char *name, int64_t value)
{
	const struct sysctl_table *table;
	const struct sysctl *ctl = sysctl_find(st, name, &table);

	if (!ctl)
		return -ENOENT;
	if (value < ctl->min || value > ctl->max)
		return -EINVAL;
	field_store(ctl, table->base(st), value);
	if (table->changed)
		table->changed(st, ctl);
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
	const struct sysctl_table *table;
	const struct sysctl *ctl = sysctl_find(st, name, &table);
	int64_t v;
	int err;

	if (!ctl)
		return -ENOENT;
	err = ctl->value_name ? name_to_value(ctl, text, &v) : text_to_int(text, &v);
	return err ? err : sysctl_set(st, name, v);
}

int sysctl_get_text(struct stack *st, const char *name, char *ret, size_t size)
{
	const struct sysctl_table *table;
	const struct sysctl *ctl = sysctl_find(st, name, &table);
	const char *value_name;
	int64_t v;
	int n;

	if (!ctl)
		return -ENOENT;
	v = sysctl_load(ctl, table->base(st));
	value_name = ctl->value_name ? ctl->value_name(v) : NULL;
	if (value_name)
		n = snprintf(ret, size, "%s", value_name);
	else
		n = snprintf(ret, size, "%lld", (long long)v);
	return n >= 0 && (size_t)n < size ? 0 : -ENOSPC;
}

int sysctl_get(struct stack *st, const char *name, int64_t *ret)
{
	const struct sysctl_table *table;
	const struct sysctl *ctl = sysctl_find(st, name, &table);

	if (!ctl)
		return -ENOENT;
	*ret = sysctl_load(ctl, table->base(st));
	return 0;
}

void sysctl_for_each(struct stack *st,
		     void (*fn)(void *arg, const struct sysctl *ctl, int64_t value), void *arg)
{
	for (uint32_t t = 0; t < st->n_sysctls; t++) {
		const struct sysctl_table *table = st->sysctls[t];
		void *base = table->base(st);

		for (size_t i = 0; base && i < table->n_entries; i++)
			fn(arg, &table->entries[i], sysctl_load(&table->entries[i], base));
	}
}
