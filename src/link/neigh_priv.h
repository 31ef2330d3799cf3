/* SPDX-License-Identifier: MIT */
/* What the files of the neighbour cache share: its table, and its settings. */
#pragma once

#include "base/compiler.h"
#include "base/htab.h"
#include "base/list.h"
#include "link/neigh.h"

struct neigh_table {
	struct stack *st;
	const struct neigh_ops *ops4;
	const struct neigh_ops *ops6;
	const struct neigh_hooks *hooks;
	struct neigh_params params;  /* of IPv4, and of the table as a whole */
	struct neigh_params params6; /* of interfaces that come from now on */
	struct htab by_addr;
	struct list entries; /* all, in order of creation */
	struct list failed;  /* in order of failing */
	struct list stale;   /* in order of going stale */
	uint32_t n_entries;
	uint32_t n_incomplete;
	uint32_t n_queued; /* packets waiting at all entries */
};

/* neigh_conf.c */

extern const struct neigh_params neigh_params_default;
/* 0; -ENOSPC, -EEXIST. */
int neigh_sysctls_register(struct stack *st) MUST_CHECK;
