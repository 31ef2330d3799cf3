/* SPDX-License-Identifier: MIT */
/*
 * A YAML document as a tree with places, within limits.
 *
 * Made from libyaml's events, not by its document loader: that one leaks when memory runs out
 * (0.2.5), knows no limits, and forgets where aliases stood. Aliases are resolved: a node may hang
 * in several places, never inside of itself.
 */
#pragma once

#include "base/compiler.h"
#include "lab/arena.h"
#include "lab/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ynode_type {
	YNODE_SCALAR,
	YNODE_SEQ,
	YNODE_MAP,
};

struct ynode {
	enum ynode_type type;
	struct lab_pos pos;
	const char *tag; /* as resolved by libyaml; NULL where the file has none */

	const char *text; /* scalar: NUL behind it, and maybe in it */
	size_t len;       /* bytes of it */
	bool is_plain;    /* scalar without quotes, and no block */
	bool is_one_line;

	struct ynode **items; /* sequence: its items; mapping: key, value, key, value ... */
	uint32_t n_items;

	/* With aliases expanded: */
	uint32_t n_values; /* this one and all below */
	uint32_t height;   /* levels below this one */
	bool is_open;      /* its end has not come yet */
};

/*
 * The root of the document in `buf`, or NULL in *ret_root when there is nothing in it. Memory is
 * the arena's. -ENOMEM, or -EINVAL with one error in `errs`.
 */
int yaml_tree_parse(struct arena *arena, struct lab_errors *errs, const char *buf, size_t len,
		    struct ynode **ret_root) MUST_CHECK;
