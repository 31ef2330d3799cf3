/* SPDX-License-Identifier: MIT */
/*
 * What the files that read a document share: the walk's state, its messages, and the values that
 * hold no mapping.
 *
 *   labfile_reader.c  messages with the path to where they belong
 *   labfile_values.c  scalars, and lists of them
 *   labfile_words.c   routes in the words of ip(8)
 *   labfile_read.c    mappings and lists of mappings
 */
#pragma once

#include "lab/labfile_priv.h"
#include "lab/schema.h"

#include <string.h>

struct reader {
	struct lab_build *b;
	uint32_t n_aside;    /* how many keys with LAB_KEY_ASIDE we are inside of */
	uint32_t n_separate; /* likewise, LAB_KEY_SEPARATE */
	/* The value of `defaults`, read before the rest, and whether it is without mistakes. */
	struct ynode *defaults;
	bool defaults_good;
	uint32_t n_defaulted; /* values that came from it so far */
};

/* The way from the root to a value: a key, or an index where `key` is NULL. */
struct path {
	const struct path *up;
	const char *key;
	uint32_t index;
};

/* Which keys of a mapping there were, and on which line; those of `also` are apart. */
struct seen {
	uint32_t own, also; /* bit n: the n-th key of the schema */
	uint32_t own_line[32], also_line[32];
};

/* A mapping on its way into a struct. */
struct target {
	const struct lab_schema *schema;
	void *obj;
	bool is_template; /* LAB_KEY_TEMPLATE */
	struct seen seen;
};

/* ---- The document ---- */

/* The place `offset` bytes into a scalar, where that can be told; otherwise where it starts. */
static inline struct lab_pos node_pos_inside(const struct ynode *node, size_t offset)
{
	struct lab_pos pos = node->pos;

	if (node->is_plain && node->is_one_line)
		pos.col += (uint32_t)offset;
	return pos;
}

static inline const char *node_quote(const struct ynode *node, char buf[static LAB_QUOTE])
{
	return lab_quote(node->text, node->len, buf);
}

static inline bool node_is_null(const struct ynode *node)
{
	const char *s;

	if (node->type != YNODE_SCALAR || !node->is_plain)
		return false;
	s = node->text;
	return !*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0;
}

static inline const char *node_type_name(const struct ynode *node)
{
	if (node_is_null(node))
		return "nothing";
	if (node->type == YNODE_SCALAR)
		return "a single value";
	return node->type == YNODE_SEQ ? "a list" : "a mapping";
}

static inline uint32_t seq_len(const struct ynode *node)
{
	return node->n_items;
}

static inline struct ynode *seq_get(const struct ynode *node, uint32_t i)
{
	return node->items[i];
}

static inline uint32_t map_len(const struct ynode *node)
{
	return node->n_items / 2;
}

static inline struct ynode *map_key(const struct ynode *node, uint32_t i)
{
	return node->items[2 * i];
}

static inline struct ynode *map_value(const struct ynode *node, uint32_t i)
{
	return node->items[2 * i + 1];
}

/* ---- Messages ---- */

/* A mistake here: which later steps make no sense any more. */
void reader_mark_broken(struct reader *rd);

void reader_report_at(struct reader *rd, const struct path *path, struct lab_pos pos,
		      const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Both of the above, for a node. */
#define reader_report(rd, path, node, ...) \
	(reader_mark_broken(rd), reader_report_at(rd, path, node->pos, __VA_ARGS__))

/* The text at `pos` is no value of the key's type; `why` as in units.h. */
void reader_report_value(struct reader *rd, const struct path *path, struct lab_pos pos,
			 const struct lab_key *key, const char *text, const char *why);

/* The value has the wrong form altogether. */
void reader_report_form(struct reader *rd, const struct path *path, const struct ynode *node,
			const struct lab_key *key);

/* Tags such as !include promise what nobody here does; NUL bytes come from "\0". Reports them. */
bool node_is_plain(struct reader *rd, const struct path *path, const struct ynode *node);

/* ---- Values: 0 also after a mistake, which is reported; or -ENOMEM ---- */

int read_text(struct reader *rd, const struct path *path, struct lab_pos pos, const char *text,
	      const struct lab_key *key, void *field) MUST_CHECK;
int read_scalar(struct reader *rd, const struct path *path, struct ynode *node,
		const struct lab_key *key, void *field) MUST_CHECK;
int read_addrs(struct reader *rd, const struct path *path, struct ynode *node,
	       const struct lab_key *key, void *base) MUST_CHECK;
int read_words(struct reader *rd, const struct path *path, struct ynode *node,
	       const struct lab_key *key, uint32_t *ret_words) MUST_CHECK;
int read_ends(struct reader *rd, const struct path *path, struct ynode *node,
	      const struct lab_key *key, struct labfile_end *ends) MUST_CHECK;
int read_capture(struct reader *rd, const struct path *path, struct ynode *node,
		 const struct lab_key *key, void *base) MUST_CHECK;
int read_route_words(struct reader *rd, const struct path *path, struct ynode *node,
		     struct target *t) MUST_CHECK;

/* Stores what a list has become: the array and its length. */
void array_store(const struct lab_key *key, void *base, void *array, uint32_t n);
