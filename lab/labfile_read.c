/* SPDX-License-Identifier: MIT */
/*
 * The document by the schema: walks both together and fills in the structs. It knows the shapes
 * of containers and the short forms, and nothing about networks.
 *
 * A mistake is reported with its path ("links[2].a_to_b.delay") and the walk goes on behind it, so
 * the functions here fail only for want of memory.
 */
#include "lab/labfile_reader.h"

#include "lab/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int read_value(struct reader *rd, const struct path *path, struct ynode *node,
		      const struct lab_key *key, void *base);
static int read_item(struct reader *rd, const struct path *path, struct ynode *node,
		     const struct lab_schema *schema, uint32_t key_flags, void *obj);

/* Where it is noted that a key was there: a bit, and the line. */
struct seen_slot {
	uint32_t *mask, bit, *line;
};

static struct seen_slot seen_slot(struct target *t, const struct lab_key *key, uint32_t also_offset)
{
	bool is_also = also_offset != 0;
	ptrdiff_t i = key - (is_also ? t->schema->also->keys : t->schema->keys);

	if (key->flags & LAB_KEY_ALIAS)
		i--;
	if (is_also)
		return (struct seen_slot){&t->seen.also, 1u << i, &t->seen.also_line[i]};
	return (struct seen_slot){&t->seen.own, 1u << i, &t->seen.own_line[i]};
}

static void suggest_keys(struct lab_suggest *s, const struct lab_schema *schema)
{
	for (const struct lab_key *key = schema->keys; key->name; key++)
		lab_suggest_try(s, key->name);
	if (schema->also)
		suggest_keys(s, schema->also);
}

static size_t list_keys(const struct lab_schema *schema, char *buf, size_t size, size_t at)
{
	for (const struct lab_key *key = schema->keys; key->name && at < size; key++) {
		if (!(key->flags & LAB_KEY_ALIAS))
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? ", " : "",
					       key->name);
	}
	return schema->also && at < size ? list_keys(schema->also, buf, size, at) : at;
}

/*
 * A key that there is not. What it was meant to be decides what is missing now: with a misspelt
 * "interfaces" there is no point in looking at links, with a misspelt "delay" there is.
 */
static void report_unknown(struct reader *rd, const struct path *path, const struct ynode *node,
			   const struct lab_schema *schema)
{
	struct lab_suggest s = lab_suggest_start(node->text);
	const struct lab_key *meant;
	char quote[LAB_QUOTE], keys[200] = "";
	uint32_t offset;

	suggest_keys(&s, schema);
	meant = s.best ? lab_schema_key(schema, s.best, &offset) : NULL;
	if (meant && !(meant->flags & (LAB_KEY_ASIDE | LAB_KEY_SEPARATE)))
		reader_mark_broken(rd);
	else if (meant && !(meant->flags & LAB_KEY_ASIDE))
		rd->b->broken |= rd->n_aside ? 0 : LAB_BROKEN_PLAN;

	node_quote(node, quote);
	if (meant) {
		reader_report_at(rd, path, node->pos, "unknown key %s; did you mean \"%s\"?", quote,
				 s.best);
		return;
	}
	list_keys(schema, keys, sizeof(keys), 0);
	reader_report_at(rd, path, node->pos, "unknown key %s; the keys of a %s are: %s", quote,
			 schema->name, keys);
}

static int read_keyed(struct reader *rd, const struct path *path, struct ynode *node,
		      const struct lab_key *key, void *base)
{
	uint32_t aside = !!(key->flags & LAB_KEY_ASIDE);
	uint32_t separate = !!(key->flags & LAB_KEY_SEPARATE);
	int err;

	rd->n_aside += aside;
	rd->n_separate += separate;
	err = read_value(rd, path, node, key, base);
	rd->n_aside -= aside;
	rd->n_separate -= separate;
	return err;
}

static void report_repeated(struct reader *rd, const struct path *path, const struct ynode *name,
			    const struct lab_key *key, uint32_t first_line)
{
	if (key->flags & LAB_KEY_ALIAS)
		reader_report(rd, path, name,
			      "\"%s\" is another name for a key that is given too, on line %u; "
			      "keep one of them",
			      key->name, first_line);
	else
		reader_report(rd, path, name,
			      "\"%s\" is given twice, first on line %u; keep one of them",
			      key->name, first_line);
}

/* The key of a pair as the schema knows it; NULL: it does not, and a message says so. */
static const struct lab_key *read_key(struct reader *rd, const struct path *path,
				      const struct ynode *name, const struct lab_schema *schema,
				      uint32_t *ret_offset)
{
	const struct lab_key *key;

	if (name->type != YNODE_SCALAR) {
		reader_report(rd, path, name,
			      "%s stands in place of a key; write a word and a colon",
			      node_type_name(name));
		return NULL;
	}
	if (!node_is_plain(rd, path, name))
		return NULL;
	if (schema == &lab_schema_file && strncmp(name->text, "x-", 2) == 0)
		return NULL; /* the user's own: no message */
	key = lab_schema_key(schema, name->text, ret_offset);
	if (!key)
		report_unknown(rd, path, name, schema);
	return key;
}

/* One key with its value. `merged`: it came through <<, so what stands here already wins. */
static int read_pair(struct reader *rd, const struct path *path, struct ynode *name,
		     struct ynode *value, struct target *t, bool merged)
{
	uint32_t offset;
	const struct lab_key *key = read_key(rd, path, name, t->schema, &offset);
	struct path at = {.up = path};
	struct seen_slot slot;

	if (!key)
		return 0;
	slot = seen_slot(t, key, offset);
	if (*slot.mask & slot.bit) {
		if (!merged)
			report_repeated(rd, path, name, key, *slot.line);
		return 0;
	}
	*slot.mask |= slot.bit;
	*slot.line = name->pos.line;
	if (value == rd->defaults && strcmp(key->name, "defaults") == 0)
		return 0; /* read already */
	if (t->is_template && key->flags & LAB_KEY_OWN) {
		reader_report(rd, path, name, "\"%s\" cannot be a default; write it for each %s",
			      key->name, t->schema->name);
		return 0;
	}
	at.key = key->name;
	return read_keyed(rd, &at, value, key, (char *)t->obj + offset);
}

static bool node_is_merge(const struct ynode *node)
{
	return node->type == YNODE_SCALAR && strcmp(node->text, "<<") == 0;
}

static int read_pairs(struct reader *rd, const struct path *path, struct ynode *node,
		      struct target *t, bool merged);

static int read_merged(struct reader *rd, const struct path *path, struct ynode *node,
		       struct target *t)
{
	struct path at = {.up = path, .key = "<<"};

	if (node->type == YNODE_MAP)
		return read_pairs(rd, path, node, t, true);
	reader_report(rd, &at, node, "%s stands here; write an alias of a mapping (*NAME)",
		      node_type_name(node));
	return 0;
}

/* "<<: *base", or a list of such: their keys, except for those that there are already. */
static int read_merge(struct reader *rd, const struct path *path, struct ynode *node,
		      struct target *t)
{
	int err = 0;

	if (node->type != YNODE_SEQ)
		return read_merged(rd, path, node, t);
	for (uint32_t i = 0; i < seq_len(node) && err == 0; i++)
		err = read_merged(rd, path, seq_get(node, i), t);
	return err;
}

static int read_pairs(struct reader *rd, const struct path *path, struct ynode *node,
		      struct target *t, bool merged)
{
	int err = 0;

	for (uint32_t i = 0; i < map_len(node) && err == 0; i++) {
		if (!node_is_merge(map_key(node, i)))
			err = read_pair(rd, path, map_key(node, i), map_value(node, i), t, merged);
	}
	for (uint32_t i = 0; i < map_len(node) && err == 0; i++) {
		if (node_is_merge(map_key(node, i)))
			err = read_merge(rd, path, map_value(node, i), t);
	}
	return err;
}

/* ---- Defaults ---- */

/* The value of a key, by itself or through <<; NULL: there is none. */
static struct ynode *map_find(const struct ynode *node, const char *name)
{
	struct ynode *found = NULL;

	for (uint32_t i = 0; node->type == YNODE_MAP && i < map_len(node) && !found; i++) {
		if (map_key(node, i)->type == YNODE_SCALAR &&
		    strcmp(map_key(node, i)->text, name) == 0)
			found = map_value(node, i);
	}
	for (uint32_t i = 0; node->type == YNODE_MAP && i < map_len(node) && !found; i++) {
		if (node_is_merge(map_key(node, i)))
			found = map_find(map_value(node, i), name);
	}
	for (uint32_t i = 0; node->type == YNODE_SEQ && i < seq_len(node) && !found; i++)
		found = map_find(seq_get(node, i), name);
	return found;
}

static const char *word_name(const struct lab_word *words, uint32_t value)
{
	while (words->name && words->value != value)
		words++;
	return words->name;
}

/* What stands in `defaults` for a mapping of this schema goes where nothing stands already. */
static int read_defaults_for(struct reader *rd, const struct path *path, struct target *t)
{
	const struct lab_key *by = t->schema->defaults_key;
	const char *name = t->schema->defaults_name;
	struct ynode *section;
	uint32_t value;

	if (!rd->defaults_good || t->is_template || !(by || name))
		return 0;
	if (by) {
		memcpy(&value, (char *)t->obj + by->offset, sizeof(value));
		name = word_name(by->words, value);
	}
	section = name ? map_find(rd->defaults, name) : NULL;
	if (!section || section->type != YNODE_MAP)
		return 0;
	rd->n_defaulted += rd->defaults->n_values;
	if (rd->n_defaulted > LABFILE_MAX_DEFAULTED) {
		reader_report(rd, NULL, rd->defaults,
			      "defaults: too much to give to so many nodes and links; write it "
			      "where it is needed");
		rd->defaults_good = false; /* once is enough */
		return 0;
	}
	return read_pairs(rd, path, section, t, true);
}

/* "[tcp, udp]" as a default: every word that occurs in it. */
static void default_words(const struct lab_key *key, uint32_t *field)
{
	for (const struct lab_word *w = key->words; w->name; w++) {
		if (strstr(key->deflt, w->name))
			*field |= w->value;
	}
}

static int read_default(struct reader *rd, const struct lab_key *key, void *base)
{
	const char *why;
	void *field = (char *)base + key->offset;
	int err;

	if (!key->deflt || key->type == LAB_T_CAPTURE)
		return 0;
	if (key->type == LAB_T_WORDS) {
		default_words(key, field);
		return 0;
	}
	err = lab_value_parse(key, key->deflt, &rd->b->lab->arena, field, &why);
	return err == -ENOMEM ? err : 0;
}

/* What was left out: the default, or a complaint. A mapping in a mapping has its own defaults. */
static int read_absent(struct reader *rd, const struct path *path, struct lab_pos pos,
		       const struct lab_schema *schema, uint32_t seen, void *base)
{
	int err = 0;

	for (const struct lab_key *key = schema->keys; key->name && err == 0; key++) {
		if (key->flags & LAB_KEY_ALIAS || seen & 1u << (key - schema->keys))
			continue;
		if (key->flags & LAB_KEY_REQUIRED) {
			reader_mark_broken(rd);
			reader_report_at(rd, path, pos, "the key \"%s\" is missing; add it. %s",
					 key->name, key->help);
		}
		err = read_default(rd, key, base);
	}
	return err;
}

/* ---- Containers ---- */

/* A tag and its mapping; `node` NULL or null: with its defaults. */
static int read_tag(struct reader *rd, const struct path *path, struct ynode *name,
		    struct ynode *node, const struct lab_schema *schema, void *obj)
{
	uint32_t offset, kind;
	const struct lab_key *key = lab_schema_key(schema, name->text, &offset);
	struct path at = {.up = path, .key = name->text};

	if (!node_is_plain(rd, path, name))
		return 0;
	if (!key) {
		report_unknown(rd, path, name, schema);
		return 0;
	}
	kind = (uint32_t)(key - schema->keys);
	memcpy((char *)obj + schema->name_offset, &kind, sizeof(kind));
	return read_item(rd, &at, node, key->sub, 0, (char *)obj + key->offset);
}

/* A plain value or list where a mapping could stand. */
static int read_short(struct reader *rd, const struct path *path, struct ynode *node,
		      struct target *t)
{
	const struct lab_schema *schema = t->schema;
	const struct lab_key *key;
	struct seen_slot slot;
	uint32_t offset;

	if (*schema->short_key) {
		key = lab_schema_key(schema, schema->short_key, &offset);
		slot = seen_slot(t, key, offset);
		*slot.mask |= slot.bit;
		return read_keyed(rd, path, node, key, t->obj);
	}
	if (node->type == YNODE_SCALAR)
		return read_route_words(rd, path, node, t);
	reader_report(rd, path, node, "%s stands here; write %s", node_type_name(node),
		      schema->short_help);
	t->seen.own = UINT32_MAX; /* nothing more about what is missing */
	return 0;
}

/* What was read and what was not, for a schema whose struct takes note of it. */
static int read_rest(struct reader *rd, const struct path *path, struct lab_pos pos,
		     const struct lab_schema *schema, uint32_t seen, void *obj)
{
	memcpy(obj, &pos, sizeof(pos));
	if (schema->given_offset)
		memcpy((char *)obj + schema->given_offset, &seen, sizeof(seen));
	return read_absent(rd, path, pos, schema, seen, obj);
}

/* A mapping of the schema in whatever form it may be written. */
static int read_item(struct reader *rd, const struct path *path, struct ynode *node,
		     const struct lab_schema *schema, uint32_t key_flags, void *obj)
{
	bool is_template = key_flags & LAB_KEY_TEMPLATE;
	struct target t = {.schema = schema, .obj = obj, .is_template = is_template};
	struct lab_pos pos = node->pos;
	int err = 0;

	memcpy(obj, &pos, sizeof(pos));
	if (!node_is_plain(rd, path, node))
		return 0;
	if (node->type == YNODE_MAP) {
		err = read_pairs(rd, path, node, &t, false);
	} else if (schema->short_key && !node_is_null(node) && !is_template) {
		err = read_short(rd, path, node, &t);
	} else if (!node_is_null(node)) {
		reader_report(rd, path, node,
			      "%s stands here; a %s is a mapping: write its keys below",
			      node_type_name(node), schema->name);
		return 0;
	}
	if (err == 0)
		err = read_defaults_for(rd, path, &t);
	if (err < 0 || is_template)
		return err;
	if (key_flags & LAB_KEY_OVERRIDE) {
		memcpy((char *)obj + schema->given_offset, &t.seen.own, sizeof(t.seen.own));
		return 0;
	}
	err = read_rest(rd, path, pos, schema, t.seen.own, obj);
	if (err == 0 && schema->also)
		err = read_rest(rd, path, pos, schema->also, t.seen.also,
				(char *)obj + schema->also_offset);
	return err;
}

static int read_tagged_item(struct reader *rd, const struct path *path, struct ynode *node,
			    const struct lab_schema *schema, void *obj)
{
	struct lab_pos pos = node->pos;

	memcpy(obj, &pos, sizeof(pos));
	if (!node_is_plain(rd, path, node))
		return 0;
	if (node->type == YNODE_SCALAR && !node_is_null(node)) {
		struct ynode none = {.text = "", .is_plain = true, .pos = pos};

		return read_tag(rd, path, node, &none, schema, obj);
	}
	if (node->type != YNODE_MAP || map_len(node) != 1 ||
	    map_key(node, 0)->type != YNODE_SCALAR) {
		reader_report(
			rd, path, node,
			"a %s is one key, the kind of %s, with its own keys indented below it",
			schema->name, schema->name);
		return 0;
	}
	return read_tag(rd, path, map_key(node, 0), map_value(node, 0), schema, obj);
}

static int read_list(struct reader *rd, const struct path *path, struct ynode *node,
		     const struct lab_key *key, void *base)
{
	char *items;
	int err = 0;

	if (!node_is_plain(rd, path, node) || node_is_null(node))
		return 0;
	if (node->type != YNODE_SEQ) {
		reader_report(rd, path, node,
			      "%s stands here; write a list, each %s with \"- \" before it",
			      node_type_name(node), key->sub->name);
		return 0;
	}
	items = arena_alloc_array(&rd->b->lab->arena, seq_len(node), key->sub->size);
	if (!items)
		return -ENOMEM;
	for (uint32_t i = 0; i < seq_len(node) && err == 0; i++) {
		struct path at = {.up = path, .index = i};
		char *item = items + i * key->sub->size;

		if (key->type == LAB_T_TAGGED)
			err = read_tagged_item(rd, &at, seq_get(node, i), key->sub, item);
		else
			err = read_item(rd, &at, seq_get(node, i), key->sub, 0, item);
	}
	array_store(key, base, items, seq_len(node));
	return err;
}

/* An item of a mapping from names, sorted to find what is given twice. */
struct named {
	const char *name;
	struct lab_pos pos;
	bool any_case; /* names that differ only in case are the same */
};

static int named_cmp(const void *a_, const void *b_)
{
	const struct named *a = a_, *b = b_;
	int cmp = a->any_case ? strcasecmp(a->name, b->name) : strcmp(a->name, b->name);

	if (cmp)
		return cmp;
	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	return a->pos.col < b->pos.col ? -1 : a->pos.col > b->pos.col;
}

static void report_twins(struct reader *rd, const struct path *path, struct named *names,
			 uint32_t n, const struct lab_schema *schema)
{
	qsort(names, n, sizeof(*names), named_cmp);
	for (uint32_t i = 1; i < n; i++) {
		const struct named *a = &names[i - 1], *b = &names[i];
		int cmp = a->any_case ? strcasecmp(a->name, b->name) : strcmp(a->name, b->name);

		if (cmp)
			continue;
		reader_mark_broken(rd);
		reader_report_at(rd, path, b->pos,
				 "the %s \"%.64s\" is given twice%s, first on line %u; rename one",
				 schema->name, b->name,
				 strcmp(a->name, b->name) ? " (case makes no difference)" : "",
				 a->pos.line);
	}
}

static int read_named_item(struct reader *rd, const struct path *path, struct ynode *name,
			   struct ynode *value, const struct lab_schema *schema, char *item)
{
	struct lab_key key = {.type = schema->name_type};
	struct path at = {.up = path};
	uint32_t n_errors = rd->b->errs->n_errors;
	int err;

	if (name->type != YNODE_SCALAR || node_is_null(name)) {
		reader_report(rd, path, name, "%s stands in place of the name of a %s",
			      node_type_name(name), schema->name);
		return 0;
	}
	err = read_scalar(rd, path, name, &key, item + schema->name_offset);
	if (err < 0 || rd->b->errs->n_errors != n_errors)
		return err;
	at.key = name->text;
	err = read_item(rd, &at, value, schema, 0, item);
	memcpy(item, &name->pos, sizeof(name->pos));
	return err;
}

static int read_named(struct reader *rd, const struct path *path, struct ynode *node,
		      const struct lab_key *key, void *base)
{
	struct named *names;
	uint32_t n, n_ok = 0;
	char *items;
	int err = 0;

	if (!node_is_plain(rd, path, node) || node_is_null(node))
		return 0;
	if (node->type != YNODE_MAP) {
		reader_report(
			rd, path, node,
			"%s stands here; write the name of each %s with a colon and what it is",
			node_type_name(node), key->sub->name);
		return 0;
	}
	n = map_len(node);
	items = arena_alloc_array(&rd->b->lab->arena, n, key->sub->size);
	names = arena_alloc_array(&rd->b->tmp, n, sizeof(*names));
	if (!items || !names)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && err == 0; i++) {
		char *item = items + n_ok * key->sub->size;
		struct named *named = &names[n_ok];

		err = read_named_item(rd, path, map_key(node, i), map_value(node, i), key->sub,
				      item);
		memcpy(&named->name, item + key->sub->name_offset, sizeof(named->name));
		named->pos = map_key(node, i)->pos;
		named->any_case = key->sub->name_type == LAB_T_NODE_NAME ||
				  key->sub->name_type == LAB_T_HOST_NAME;
		n_ok += named->name != NULL; /* else the next one takes its place */
	}
	report_twins(rd, path, names, n_ok, key->sub);
	array_store(key, base, items, n_ok);
	return err;
}

static int read_value(struct reader *rd, const struct path *path, struct ynode *node,
		      const struct lab_key *key, void *base)
{
	void *field = (char *)base + key->offset;

	switch (key->type) {
	case LAB_T_WORDS:
		return read_words(rd, path, node, key, field);
	case LAB_T_ENDS:
		return read_ends(rd, path, node, key, field);
	case LAB_T_CAPTURE:
		return read_capture(rd, path, node, key, base);
	case LAB_T_ADDRS:
		return read_addrs(rd, path, node, key, base);
	case LAB_T_MAP:
		return read_item(rd, path, node, key->sub, key->flags, field);
	case LAB_T_LIST:
	case LAB_T_TAGGED:
		return read_list(rd, path, node, key, base);
	case LAB_T_NAMED:
		return read_named(rd, path, node, key, base);
	default:
		return read_scalar(rd, path, node, key, field);
	}
}

/* The defaults come first, wherever they stand: one mistake in them is not one in every node. */
static int read_defaults(struct reader *rd, const struct ynode *root)
{
	uint32_t n_errors = rd->b->errs->n_errors, offset;
	const struct lab_key *key = lab_schema_key(&lab_schema_file, "defaults", &offset);
	struct path at = {.key = key->name};
	int err;

	rd->defaults = map_find(root, key->name);
	if (!rd->defaults)
		return 0;
	err = read_value(rd, &at, rd->defaults, key, rd->b->lab);
	rd->defaults_good = rd->b->errs->n_errors == n_errors;
	if (!rd->defaults_good)
		reader_mark_broken(rd);
	return err;
}

int labfile_read(struct lab_build *b, struct ynode *root)
{
	struct reader rd = {.b = b};
	int err = read_defaults(&rd, root);

	return err < 0 ? err : read_item(&rd, NULL, root, &lab_schema_file, 0, b->lab);
}
