/* SPDX-License-Identifier: MIT */
/*
 * Settings of a stack by their sysctl name ("net.ipv4.ip_forward"), for weft_stack_set() and _get()
 * and for documentation.
 *
 * A layer describes its settings in a const table and registers it once per stack. A setting is an
 * integer field of a struct that the table's `base` finds, so the layer itself reads the field and
 * nothing else:
 *
 *	static const struct sysctl entries[] = {
 *		SYSCTL(struct ip4_conf, forward, "net.ipv4.ip_forward", 0, 1, "forward packets …"),
 *		SYSCTL_SCALED(struct tcp_conf, keepidle_ns, NSEC_PER_SEC,
 *			      "net.ipv4.tcp_keepalive_time", 1, 32767, "seconds idle before …"),
 *	};
 *
 * Settings of interfaces have a '*' where the interface's name stands: "net.ipv6.conf.*.accept_ra".
 * "default" in its place is what interfaces get that come from now on; "all" is all there are, and
 * the default.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct netif;
struct stack;

struct sysctl {
	const char *name;
	const char *text; /* explanation with the unit, for doc/sysctl.md */
	int64_t min, max; /* inclusive, as the user writes them */
	int64_t scale;    /* the field holds the value times this */
	size_t off;       /* of the field in what `base` returns */
	uint8_t size;     /* of the field: 1, 2, 4 (unsigned or not, as min tells) or 8 (int64_t) */
	/* Names of the values from min to max, as people write them; NULL: they are numbers. */
	const char *(*value_name)(int64_t value);
};

#define SYSCTL_SCALED(type, field, factor, sysctl_name, lo, hi, explanation)            \
	{                                                                               \
		.name = (sysctl_name), .text = (explanation), .min = (lo), .max = (hi), \
		.scale = (factor), .off = offsetof(type, field),                        \
		.size = sizeof(((type *)0)->field)                                      \
	}
#define SYSCTL(type, field, sysctl_name, lo, hi, explanation) \
	SYSCTL_SCALED(type, field, 1, sysctl_name, lo, hi, explanation)

struct sysctl_table {
	const struct sysctl *entries;
	size_t n_entries;
	/* The struct that the offsets count from; NULL: this stack has none. */
	void *(*base)(struct stack *st);
	/* Called after a field has changed. May be NULL. */
	void (*changed)(struct stack *st, const struct sysctl *ctl);
	/* Instead of `base`, for settings of interfaces: the struct of `netif`, or the default's
	 * when that is NULL; NULL: it has none. */
	void *(*base_of)(struct stack *st, struct netif *netif);
	void (*netif_changed)(struct netif *netif, const struct sysctl *ctl); /* may be NULL */
};

/* `table` is borrowed for the life of the stack. 0; -ENOSPC: too many tables. */
int sysctl_register(struct stack *st, const struct sysctl_table *table) MUST_CHECK;
/* 0; -ENOENT: no such name; -ENODEV: no such interface; -EINVAL: out of range. */
int sysctl_set(struct stack *st, const char *name, int64_t value) MUST_CHECK;
int sysctl_get(struct stack *st, const char *name, int64_t *ret) MUST_CHECK;
/* The same as text: a decimal number or the name of a value. -EINVAL: neither. */
int sysctl_set_text(struct stack *st, const char *name, const char *text) MUST_CHECK;
/* -ENOSPC: `ret` is too small. */
int sysctl_get_text(struct stack *st, const char *name, char *ret, size_t size) MUST_CHECK;
/* The value of a setting in `base`, a struct of its table's. */
int64_t sysctl_load(const struct sysctl *ctl, const void *base);
/* Calls `fn` for every setting, in the order of registration; those of interfaces once, with the
 * default. */
void sysctl_for_each(struct stack *st,
		     void (*fn)(void *arg, const struct sysctl *ctl, int64_t value), void *arg);
