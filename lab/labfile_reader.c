/* SPDX-License-Identifier: MIT */
/*
 * The messages of the walk through a document. Where a mistake stands decides which later steps
 * still make sense (struct lab_build, broken).
 */
#include "lab/labfile_reader.h"

#include "lab/suggest.h"

#include <stdarg.h>
#include <string.h>

static size_t path_format(const struct path *path, char *buf, size_t size)
{
	size_t at;

	if (!path)
		return 0;
	at = path_format(path->up, buf, size);
	if (at >= size)
		return at;
	if (path->key)
		at += (size_t)snprintf(buf + at, size - at, "%s%.64s", at ? "." : "", path->key);
	else
		at += (size_t)snprintf(buf + at, size - at, "[%u]", path->index);
	return at;
}

void reader_mark_broken(struct reader *rd)
{
	if (rd->n_aside)
		return;
	rd->b->broken |= LAB_BROKEN_PLAN;
	if (!rd->n_separate)
		rd->b->broken |= LAB_BROKEN_NAMES;
}

void reader_report_at(struct reader *rd, const struct path *path, struct lab_pos pos,
		      const char *fmt, ...)
{
	char where[200] = "", text[LAB_ERROR_TEXT] = "";
	va_list ap;

	va_start(ap, fmt);
	if (!lab_errors_full(rd->b->errs)) {
		path_format(path, where, sizeof(where));
		vsnprintf(text, sizeof(text), fmt, ap);
	}
	va_end(ap);
	lab_error_add(rd->b->errs, pos, "%s%s%s", where, *where ? ": " : "", text);
}

static const char *did_you_mean(const char *best, char buf[static 100])
{
	buf[0] = '\0';
	if (best)
		snprintf(buf, 100, "did you mean \"%s\"? ", best);
	return buf;
}

static const char *word_suggest(const struct lab_word *words, const char *text)
{
	struct lab_suggest s = lab_suggest_start(text);

	for (; words && words->name; words++)
		lab_suggest_try(&s, words->name);
	return s.best;
}

void reader_report_value(struct reader *rd, const struct path *path, struct lab_pos pos,
			 const struct lab_key *key, const char *text, const char *why)
{
	char quote[LAB_QUOTE], advice[200], mean[100];

	reader_mark_broken(rd);
	reader_report_at(rd, path, pos, "%s %s; %s%s", lab_quote(text, strlen(text), quote), why,
			 did_you_mean(word_suggest(key->words, text), mean),
			 lab_key_advice(key, advice, sizeof(advice)));
}

void reader_report_form(struct reader *rd, const struct path *path, const struct ynode *node,
			const struct lab_key *key)
{
	char advice[200];

	reader_report(rd, path, node, "%s stands here; %s", node_type_name(node),
		      lab_key_advice(key, advice, sizeof(advice)));
}

bool node_is_plain(struct reader *rd, const struct path *path, const struct ynode *node)
{
	const char *tag = node->tag;
	char quote[LAB_QUOTE];

	if (tag && strcmp(tag, "!") != 0 && strncmp(tag, "tag:yaml.org,2002:", 18) != 0) {
		reader_report(rd, path, node, "the tag %s has no meaning in a lab file; remove it",
			      lab_quote(tag, strlen(tag), quote));
		return false;
	}
	if (node->type == YNODE_SCALAR && memchr(node->text, '\0', node->len)) {
		reader_report(rd, path, node, "%s contains a NUL character; remove it",
			      node_quote(node, quote));
		return false;
	}
	return true;
}
