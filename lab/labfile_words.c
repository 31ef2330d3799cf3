/* SPDX-License-Identifier: MIT */
/* Routes in the words of ip(8): a prefix, then keys of the route's schema, each with its value. */
#include "lab/labfile_reader.h"

#include <errno.h>
#include <string.h>

/* A line of words, as it is read from left to right. */
struct words {
	struct reader *rd;
	const struct path *path;
	const struct ynode *node;
	const char *s; /* what is left of it */
};

struct word {
	char *text; /* NULL: there are no more */
	struct lab_pos pos;
};

static int words_next(struct words *w, struct word *ret)
{
	const char *start = w->s + strspn(w->s, " \t");
	size_t len = strcspn(start, " \t");

	*ret = (struct word){.pos = node_pos_inside(w->node, (size_t)(start - w->node->text))};
	w->s = start + len;
	if (len == 0)
		return 0;
	ret->text = arena_strndup(&w->rd->b->tmp, start, len);
	return ret->text ? 0 : -ENOMEM;
}

static void words_report(struct words *w, const struct word *word, const char *what,
			 const struct lab_schema *schema)
{
	char quote[LAB_QUOTE];

	reader_mark_broken(w->rd);
	reader_report_at(w->rd, w->path, word->pos, "%s %s; write %s",
			 lab_quote(word->text, strlen(word->text), quote), what,
			 schema->short_help);
	w->s += strlen(w->s);
}

/* "via 192.0.2.1": a word that names a key, and the value behind it. */
static int words_read_key(struct words *w, const struct word *name, struct target *t)
{
	uint32_t offset, bit;
	const struct lab_key *key = lab_schema_key(t->schema, name->text, &offset);
	struct word value;
	int err;

	bit = key ? 1u << (key - t->schema->keys) : 0;
	if (!key || t->seen.own & bit) {
		words_report(w, name, "does not belong here", t->schema);
		return 0;
	}
	t->seen.own |= bit;
	err = words_next(w, &value);
	if (err < 0)
		return err;
	if (!value.text) {
		words_report(w, name, "has nothing behind it", t->schema);
		return 0;
	}
	return read_text(w->rd, w->path, value.pos, value.text, key, (char *)t->obj + key->offset);
}

int read_route_words(struct reader *rd, const struct path *path, struct ynode *node,
		     struct target *t)
{
	struct words w = {.rd = rd, .path = path, .node = node, .s = node->text};
	uint32_t offset;
	const struct lab_key *to = lab_schema_key(t->schema, "to", &offset);
	struct word word;
	int err = words_next(&w, &word);

	if (err < 0)
		return err;
	t->seen.own |= 1u << (to - t->schema->keys);
	err = read_text(rd, path, word.pos, word.text ? word.text : "", to,
			(char *)t->obj + to->offset);
	while (err == 0) {
		err = words_next(&w, &word);
		if (err < 0 || !word.text)
			return err;
		err = words_read_key(&w, &word, t);
	}
	return err;
}
