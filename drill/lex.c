/* SPDX-License-Identifier: MIT */
/* Tokens: see lex.h. Comments are those of C and C++; a definition replaces a word. */
#include "drill/lex.h"

#include <stdio.h>
#include <string.h>

static bool lex_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool lex_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool lex_is_word(char c)
{
	return lex_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char lex_at(const struct drill_lex *lx, size_t i)
{
	return (char)(i < lx->len ? lx->text[i] : '\0');
}

static void lex_advance(struct drill_lex *lx, size_t to)
{
	for (; lx->pos < to; lx->pos++) {
		if (lx->text[lx->pos] == '\n') {
			lx->line++;
			lx->line_start = lx->pos + 1;
		}
	}
}

static size_t lex_find(const struct drill_lex *lx, size_t from, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = from; i + n <= lx->len; i++)
		if (!memcmp(lx->text + i, what, n))
			return i;
	return lx->len;
}

/* False: a comment has no end. */
static bool lex_skip_space(struct drill_lex *lx)
{
	for (;;) {
		char c = lex_at(lx, lx->pos);

		if (lx->pos >= lx->len)
			return true;
		if (lex_is_space(c)) {
			lex_advance(lx, lx->pos + 1);
		} else if (c == '/' && lex_at(lx, lx->pos + 1) == '/') {
			lex_advance(lx, lex_find(lx, lx->pos, "\n"));
		} else if (c == '/' && lex_at(lx, lx->pos + 1) == '*') {
			size_t end = lex_find(lx, lx->pos + 2, "*/");

			if (end == lx->len)
				return false;
			lex_advance(lx, end + 2);
		} else {
			return true;
		}
	}
}

static void lex_copy(struct drill_lex *lx, const char *s, size_t len)
{
	lx->tok.text = arena_strndup(lx->arena, s, len);
	lx->tok.len = len;
	if (!lx->tok.text) {
		lx->out_of_memory = true;
		lx->tok.kind = DRILL_TOK_BAD;
	}
}

static void lex_bad(struct drill_lex *lx, const char *why)
{
	lx->tok.kind = DRILL_TOK_BAD;
	lex_copy(lx, why, strlen(why));
}

/* Digits of base 10 or 16; false: too large for us. */
static bool lex_number(const char *s, size_t len, unsigned base, int64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		unsigned d =
			lex_is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a') + 10;

		if (n > ((uint64_t)INT64_MAX - d) / base)
			return false;
		n = n * base + d;
	}
	*ret = (int64_t)n;
	return true;
}

static bool lex_all_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!lex_is_digit(s[i]) && ((s[i] | 32) < 'a' || (s[i] | 32) > 'f'))
			return false;
	return len > 0;
}

static bool lex_all_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!lex_is_digit(s[i]))
			return false;
	return len > 0;
}

/* A run of letters and digits: a number or a word. */
static void lex_classify(struct drill_lex *lx, const char *s, size_t len)
{
	struct drill_tok *tok = &lx->tok;
	bool ok = true;

	lex_copy(lx, s, len);
	if (tok->kind == DRILL_TOK_BAD)
		return;
	tok->kind = DRILL_TOK_WORD;
	if (lex_all_digits(s, len)) {
		tok->kind = DRILL_TOK_INT;
		ok = lex_number(s, len, 10, &tok->num);
	} else if (len > 2 && s[0] == '0' && (s[1] | 32) == 'x' && lex_all_hex(s + 2, len - 2)) {
		tok->kind = DRILL_TOK_INT;
		tok->is_hex = true;
		ok = lex_number(s + 2, len - 2, 16, &tok->num);
	}
	/* A long run of digits can still be the hexadecimal cookie of an option. */
	if (!ok)
		tok->kind = DRILL_TOK_WORD;
}

static void lex_defined(struct drill_lex *lx, const struct drill_define *def)
{
	size_t len = strlen(def->value);
	char q = def->value[0];

	lx->tok.is_defined = true;
	if (len >= 2 && (q == '"' || q == '`') && def->value[len - 1] == q) {
		lx->tok.kind = q == '"' ? DRILL_TOK_STRING : DRILL_TOK_COMMAND;
		lex_copy(lx, def->value + 1, len - 2);
		return;
	}
	lex_classify(lx, def->value, len);
}

static void lex_word(struct drill_lex *lx)
{
	size_t start = lx->pos, end = start;
	const char *s = lx->text + start;

	while (lex_is_word(lex_at(lx, end)))
		end++;
	lex_advance(lx, end);
	for (const struct drill_define *d = lx->defines; d; d = d->next) {
		if (strlen(d->name) == end - start && !memcmp(d->name, s, end - start)) {
			lex_defined(lx, d);
			return;
		}
	}
	lex_classify(lx, s, end - start);
}

/* [digits].digits, in millionths; more than six decimals are cut. */
static bool lex_decimal(struct drill_lex *lx)
{
	size_t i = lx->pos, dot;
	int64_t whole = 0, frac = 0, unit = 100000;
	bool is_neg = lex_at(lx, i) == '-';

	i += is_neg;
	dot = i;
	while (lex_is_digit(lex_at(lx, dot)))
		dot++;
	if (lex_at(lx, dot) != '.' || !lex_is_digit(lex_at(lx, dot + 1)))
		return false;
	/* A fourth of four numbers with dots is an address; nobody asks for one with this function.
	 */
	if (!lex_number(lx->text + i, dot - i, 10, &whole) || whole > INT64_MAX / 1000000 - 1) {
		lex_bad(lx, "a number that is too large");
		lex_advance(lx, dot);
		return true;
	}
	for (i = dot + 1; lex_is_digit(lex_at(lx, i)); i++, unit /= 10)
		frac += (lex_at(lx, i) - '0') * unit;
	lx->tok.kind = DRILL_TOK_DECIMAL;
	lx->tok.num = (whole * 1000000 + frac) * (is_neg ? -1 : 1);
	lex_copy(lx, lx->text + lx->pos, i - lx->pos);
	lex_advance(lx, i);
	return true;
}

/* Up to the closing quote; a backslash keeps the next character from closing. */
static void lex_quoted(struct drill_lex *lx, char quote, enum drill_tok_kind kind)
{
	size_t start = lx->pos + 1, end = start;

	while (end < lx->len && lx->text[end] != quote)
		end += lx->text[end] == '\\' ? 2 : 1;
	if (end >= lx->len) {
		lex_bad(lx, quote == '"' ? "a string without its closing quote"
					 : "a command without its closing backtick");
		lex_advance(lx, lx->len);
		return;
	}
	lx->tok.kind = kind;
	lex_copy(lx, lx->text + start, end - start);
	lex_advance(lx, end + 1);
}

static void lex_code(struct drill_lex *lx)
{
	size_t start = lx->pos + 2, end = lex_find(lx, start, "}%");

	if (end == lx->len) {
		lex_bad(lx, "code without its closing }%");
		lex_advance(lx, lx->len);
		return;
	}
	lx->tok.kind = DRILL_TOK_CODE;
	lex_copy(lx, lx->text + start, end - start);
	lex_advance(lx, end + 2);
}

static void lex_option(struct drill_lex *lx)
{
	size_t start = lx->pos + 2, end = start;

	while (lex_is_word(lex_at(lx, end)))
		end++;
	lx->tok.kind = DRILL_TOK_OPTION;
	lex_copy(lx, lx->text + start, end - start);
	lex_advance(lx, end);
}

static void lex_token(struct drill_lex *lx)
{
	char c = lex_at(lx, lx->pos), c1 = lex_at(lx, lx->pos + 1);

	if (lex_decimal(lx))
		return;
	if (lex_is_word(c)) {
		lex_word(lx);
	} else if (c == '-' && lex_is_digit(c1)) {
		size_t start = lx->pos, end = start + 1;

		while (lex_is_digit(lex_at(lx, end)))
			end++;
		lx->tok.kind = DRILL_TOK_INT;
		if (!lex_number(lx->text + start + 1, end - start - 1, 10, &lx->tok.num))
			lex_bad(lx, "a number that is too large");
		lx->tok.num = -lx->tok.num;
		lex_advance(lx, end);
	} else if (c == '"') {
		lex_quoted(lx, c, DRILL_TOK_STRING);
	} else if (c == '`') {
		lex_quoted(lx, c, DRILL_TOK_COMMAND);
	} else if (c == '%' && c1 == '{') {
		lex_code(lx);
	} else if (c == '-' && c1 == '-' && lex_is_word(lex_at(lx, lx->pos + 2))) {
		lex_option(lx);
	} else if (c == '.' && c1 == '.' && lex_at(lx, lx->pos + 2) == '.') {
		lx->tok.kind = DRILL_TOK_ELLIPSIS;
		lex_advance(lx, lx->pos + 3);
	} else {
		lx->tok.kind = DRILL_TOK_CHAR;
		lx->tok.ch = c;
		lex_advance(lx, lx->pos + 1);
	}
}

void drill_lex_next(struct drill_lex *lx)
{
	bool ok = lex_skip_space(lx);

	lx->tok = (struct drill_tok){
		.kind = DRILL_TOK_END,
		.line = lx->line,
		.column = (uint32_t)(lx->pos - lx->line_start) + 1,
		.at = lx->pos,
	};
	if (!ok) {
		lex_bad(lx, "a comment without its end");
		lex_advance(lx, lx->len);
	} else if (lx->pos < lx->len) {
		lex_token(lx);
	}
	lx->tok.end = lx->pos;
}

void drill_lex_init(struct drill_lex *lx, struct arena *arena, const char *text, size_t len)
{
	const struct drill_define *defines = lx->defines;

	*lx = (struct drill_lex){
		.arena = arena, .text = text, .len = len, .line = 1, .defines = defines};
	drill_lex_next(lx);
}

/* Goes back to the look-ahead; no token that was read so spans lines. */
static void lex_rewind(struct drill_lex *lx)
{
	lx->pos = lx->tok.at;
	lx->line = lx->tok.line;
	lx->line_start = lx->tok.at - (lx->tok.column - 1);
}

static char *lex_take(struct drill_lex *lx, size_t start, size_t end)
{
	char *text = arena_strndup(lx->arena, lx->text + start, end - start);

	if (!text)
		lx->out_of_memory = true;
	lex_advance(lx, end);
	drill_lex_next(lx);
	return text;
}

char *drill_lex_value(struct drill_lex *lx)
{
	size_t start = lx->tok.at + 1, end = start;
	char quote = '\0';

	lex_rewind(lx);
	for (; end < lx->len; end++) {
		char c = lx->text[end];

		if (quote ? c == quote : c == '"' || c == '`')
			quote = (char)(quote ? '\0' : c);
		else if (!quote && lex_is_space(c))
			break;
	}
	return lex_take(lx, start, end);
}

char *drill_lex_raw(struct drill_lex *lx, const char *set)
{
	size_t start = lx->tok.at, end = start;

	while (end < lx->len && lx->text[end] != '\0' && strchr(set, lx->text[end]))
		end++;
	lex_rewind(lx);
	return lex_take(lx, start, end);
}

const char *drill_tok_name(const struct drill_tok *tok, char *buf, size_t size)
{
	switch (tok->kind) {
	case DRILL_TOK_END:
		snprintf(buf, size, "the end of the script");
		break;
	case DRILL_TOK_INT:
		snprintf(buf, size, tok->is_hex ? "the number %#llx" : "the number %lld",
			 (long long)tok->num);
		break;
	case DRILL_TOK_DECIMAL:
		snprintf(buf, size, "the number %.40s", tok->text);
		break;
	case DRILL_TOK_WORD:
		snprintf(buf, size, "\"%.40s\"", tok->text);
		break;
	case DRILL_TOK_STRING:
		snprintf(buf, size, "a string");
		break;
	case DRILL_TOK_COMMAND:
		snprintf(buf, size, "a command in backticks");
		break;
	case DRILL_TOK_CODE:
		snprintf(buf, size, "code");
		break;
	case DRILL_TOK_OPTION:
		snprintf(buf, size, "the option --%.40s", tok->text);
		break;
	case DRILL_TOK_ELLIPSIS:
		snprintf(buf, size, "\"...\"");
		break;
	case DRILL_TOK_BAD:
		snprintf(buf, size, "%.80s", tok->text ? tok->text : "nothing");
		break;
	case DRILL_TOK_CHAR:
		if (tok->ch > ' ' && tok->ch < 127)
			snprintf(buf, size, "\"%c\"", tok->ch);
		else
			snprintf(buf, size, "the byte 0x%02x", (unsigned char)tok->ch);
		break;
	}
	return buf;
}
