/* SPDX-License-Identifier: MIT */
/* The list of errors of errors.h. */
#include "lab/errors.h"

#include <stdarg.h>
#include <string.h>

/* Cuts a text that did not fit with "...", never in the middle of a UTF-8 character. */
static void text_ellipsis(char *text, size_t size)
{
	size_t at = size - 4;

	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	memcpy(text + at, "...", 4);
}

static bool errors_has(const struct lab_errors *errs, struct lab_pos pos, bool is_warning)
{
	for (uint32_t i = 0; i < errs->n_list; i++) {
		const struct lab_error *e = &errs->list[i];

		if (e->is_warning == is_warning && e->pos.line == pos.line && e->pos.col == pos.col)
			return true;
	}
	return false;
}

/* Counts one more, and gives the entry to write it into; NULL: it is only counted. */
static struct lab_error *errors_new(struct lab_errors *errs, struct lab_pos pos, bool is_warning)
{
	struct lab_error *e;
	uint32_t n_before;

	if (errs->is_once && errors_has(errs, pos, is_warning))
		return NULL;
	n_before = is_warning ? errs->n_warnings++ : errs->n_errors++;
	if (n_before >= (is_warning ? LAB_WARNINGS_MAX : LAB_ERRORS_MAX))
		return NULL;
	e = &errs->list[errs->n_list++];
	e->pos = pos;
	e->is_warning = is_warning;
	return e;
}

void lab_error_add(struct lab_errors *errs, struct lab_pos pos, const char *fmt, ...)
{
	struct lab_error *e = errors_new(errs, pos, false);
	va_list ap;
	int len;

	if (!e)
		return;
	va_start(ap, fmt);
	len = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(e->text))
		text_ellipsis(e->text, sizeof(e->text));
}

void lab_warning_add(struct lab_errors *errs, struct lab_pos pos, const char *fmt, ...)
{
	struct lab_error *e = errors_new(errs, pos, true);
	va_list ap;
	int len;

	if (!e)
		return;
	va_start(ap, fmt);
	len = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(e->text))
		text_ellipsis(e->text, sizeof(e->text));
}

bool lab_errors_full(const struct lab_errors *errs)
{
	return errs->n_errors >= LAB_ERRORS_MAX;
}

bool lab_errors_wants(const struct lab_errors *errs, struct lab_pos pos)
{
	return !lab_errors_full(errs) && !(errs->is_once && errors_has(errs, pos, false));
}

static bool pos_before(struct lab_pos a, struct lab_pos b)
{
	return a.line != b.line ? a.line < b.line : a.col < b.col;
}

/* By insertion: at most forty, nearly in order, and equal places keep their order. */
void lab_errors_sort(struct lab_errors *errs)
{
	for (uint32_t i = 1; i < errs->n_list; i++) {
		struct lab_error e = errs->list[i];
		uint32_t at = i;

		for (; at > 0 && pos_before(e.pos, errs->list[at - 1].pos); at--)
			errs->list[at] = errs->list[at - 1];
		errs->list[at] = e;
	}
}

int lab_error_format(const struct lab_errors *errs, const struct lab_error *e, char *buf,
		     size_t size)
{
	const char *file = errs->file ? errs->file : "lab file";
	const char *kind = e->is_warning ? "warning: " : "";

	if (e->pos.line == 0)
		return snprintf(buf, size, "%s: %s%s", file, kind, e->text);
	return snprintf(buf, size, "%s:%u:%u: %s%s", file, e->pos.line, e->pos.col, kind, e->text);
}

static void print_rest(uint32_t n, uint32_t max, const char *what, FILE *out)
{
	if (n > max)
		fprintf(out, "... and %u more %s%s\n", n - max, what, n - max == 1 ? "" : "s");
}

void lab_errors_print(const struct lab_errors *errs, FILE *out)
{
	char line[LAB_ERROR_TEXT + 4200]; /* PATH_MAX and the numbers */

	for (uint32_t i = 0; i < errs->n_list; i++) {
		lab_error_format(errs, &errs->list[i], line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
	print_rest(errs->n_errors, LAB_ERRORS_MAX, "error", out);
	print_rest(errs->n_warnings, LAB_WARNINGS_MAX, "warning", out);
}

/* The letter of a backslash escape, 0 where \xNN is needed, -1 where nothing is. */
static int escape_of(unsigned char c)
{
	switch (c) {
	case '\n':
		return 'n';
	case '\t':
		return 't';
	case '\r':
		return 'r';
	case '"':
	case '\\':
		return c;
	default:
		return c < 0x20 || c == 0x7f ? 0 : -1;
	}
}

const char *lab_quote(const char *s, size_t len, char buf[static LAB_QUOTE])
{
	enum {
		QUOTE_MAX = 40
	};
	size_t cut = len;
	char *p = buf;

	if (len > QUOTE_MAX) {
		cut = QUOTE_MAX;
		while (cut > 0 && ((unsigned char)s[cut] & 0xc0) == 0x80)
			cut--;
	}
	*p++ = '"';
	for (size_t i = 0; i < cut; i++) {
		unsigned char c = (unsigned char)s[i];
		int esc = escape_of(c);

		if (esc < 0) {
			*p++ = (char)c;
		} else if (esc > 0) {
			*p++ = '\\';
			*p++ = (char)esc;
		} else {
			p += snprintf(p, 5, "\\x%02x", c);
		}
	}
	snprintf(p, LAB_QUOTE - (size_t)(p - buf), "%s\"", cut < len ? "..." : "");
	return buf;
}
