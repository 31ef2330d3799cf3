/* SPDX-License-Identifier: MIT */
/* Parsing of code: see code.h; it is executed in code_run.c. */
#include "drill/code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/code_priv.h"

enum {
	CODE_DEPTH_MAX = 64,
	CODE_NODES_MAX = 1000, /* bounds how deep a tree can be, and so the stack */
};

struct code_parser {
	struct arena *arena;
	const char *p, *end;
	unsigned parens; /* newlines are space inside of parentheses */
	unsigned n_nodes;
	char *why;
	size_t why_size;
	int err;
};

static bool code_fail(struct code_parser *cp, const char *what)
{
	size_t left = (size_t)(cp->end - cp->p);
	const char *nl = memchr(cp->p, '\n', left);
	int n = (int)(nl ? nl - cp->p : cp->end - cp->p);

	if (!cp->err) {
		cp->err = -EINVAL;
		if (n == 0)
			snprintf(cp->why, cp->why_size, "expected %s, found the end", what);
		else
			snprintf(cp->why, cp->why_size, "expected %s, found \"%.*s\"", what,
				 n < 40 ? n : 40, cp->p);
	}
	return false;
}

static struct code_node *node_new(struct code_parser *cp, enum code_op op)
{
	struct code_node *n;

	if (++cp->n_nodes > CODE_NODES_MAX) {
		code_fail(cp, "less code");
		return NULL;
	}
	n = arena_alloc(cp->arena, sizeof(*n));
	if (!n)
		cp->err = -ENOMEM;
	else
		n->op = op;
	return n;
}

static void skip_space(struct code_parser *cp)
{
	while (cp->p < cp->end) {
		if (*cp->p == '#') {
			while (cp->p < cp->end && *cp->p != '\n')
				cp->p++;
		} else if (*cp->p == '\\' && cp->p + 1 < cp->end && cp->p[1] == '\n') {
			cp->p += 2;
		} else if (*cp->p == ' ' || *cp->p == '\t' || *cp->p == '\r' ||
			   (*cp->p == '\n' && cp->parens)) {
			cp->p++;
		} else {
			return;
		}
	}
}

static bool is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

/* An operator of symbols, not the start of a longer one. */
static bool accept(struct code_parser *cp, const char *op, const char *not_before)
{
	size_t len = strlen(op);

	skip_space(cp);
	if ((size_t)(cp->end - cp->p) < len || memcmp(cp->p, op, len) != 0)
		return false;
	if (*not_before && cp->p + len < cp->end && strchr(not_before, cp->p[len]))
		return false;
	cp->p += len;
	return true;
}

static bool accept_word(struct code_parser *cp, const char *word)
{
	size_t len = strlen(word);

	skip_space(cp);
	if ((size_t)(cp->end - cp->p) < len || memcmp(cp->p, word, len) != 0)
		return false;
	if (cp->p + len < cp->end && is_word_char(cp->p[len]))
		return false;
	cp->p += len;
	return true;
}

static struct code_node *parse_expr(struct code_parser *cp, unsigned depth);

static struct code_node *parse_number(struct code_parser *cp)
{
	struct code_node *n = node_new(cp, CODE_INT);
	char buf[64];
	size_t len = 0;
	char *rest;

	while (cp->p + len < cp->end && len + 1 < sizeof(buf) &&
	       (is_word_char(cp->p[len]) || cp->p[len] == '.'))
		len++;
	memcpy(buf, cp->p, len);
	buf[len] = '\0';
	if (!n)
		return NULL;
	errno = 0;
	n->value.num = strtoll(buf, &rest, 0);
	if (*rest == '.' || *rest == 'e' || *rest == 'E' || errno) {
		n->value.kind = DRILL_REAL;
		n->value.real = strtod(buf, &rest);
	}
	if (*rest) {
		code_fail(cp, "a number");
		return NULL;
	}
	cp->p += len;
	return n;
}

static struct code_node *parse_text(struct code_parser *cp)
{
	struct code_node *n = node_new(cp, CODE_INT);
	char quote = *cp->p++;
	size_t len = 0;

	if (!n)
		return NULL;
	n->value.kind = DRILL_TEXT;
	while (cp->p < cp->end && *cp->p != quote) {
		char c = *cp->p++;

		if (c == '\\' && cp->p < cp->end) {
			c = *cp->p++;
			c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
		}
		if (len + 1 < sizeof(n->value.text))
			n->value.text[len++] = c;
	}
	if (cp->p >= cp->end) {
		code_fail(cp, "the end of the text");
		return NULL;
	}
	cp->p++;
	return n;
}

/* Operands with commas, up to the closing parenthesis, which is taken. */
static bool parse_operands(struct code_parser *cp, unsigned depth, struct code_node **ret_first,
			   unsigned *ret_n, bool *ret_comma)
{
	struct code_node **tail = ret_first;

	*ret_n = 0;
	*ret_comma = false;
	cp->parens++;
	while (!accept(cp, ")", "")) {
		*tail = parse_expr(cp, depth + 1);
		if (!*tail)
			return false;
		tail = &(*tail)->next;
		(*ret_n)++;
		if (accept(cp, ",", ""))
			*ret_comma = true;
		else if (skip_space(cp), cp->p >= cp->end || *cp->p != ')')
			return code_fail(cp, "\")\"");
	}
	cp->parens--;
	return true;
}

static struct code_node *parse_name(struct code_parser *cp, unsigned depth)
{
	struct code_node *n = node_new(cp, CODE_NAME);
	size_t len = 0;
	unsigned n_args;
	bool comma;

	while (cp->p + len < cp->end && is_word_char(cp->p[len]))
		len++;
	if (!n)
		return NULL;
	n->name = arena_strndup(cp->arena, cp->p, len);
	if (!n->name) {
		cp->err = -ENOMEM;
		return NULL;
	}
	cp->p += len;
	if (!accept(cp, "(", ""))
		return n;
	n->op = CODE_FUNCTION;
	return parse_operands(cp, depth, &n->first, &n_args, &comma) ? n : NULL;
}

static struct code_node *parse_paren(struct code_parser *cp, unsigned depth)
{
	struct code_node *n = node_new(cp, CODE_TUPLE);
	unsigned n_items;
	bool comma;

	if (!n || !parse_operands(cp, depth, &n->first, &n_items, &comma))
		return NULL;
	return n_items == 1 && !comma ? n->first : n;
}

static struct code_node *parse_primary(struct code_parser *cp, unsigned depth)
{
	skip_space(cp);
	if (depth > CODE_DEPTH_MAX) {
		code_fail(cp, "less nesting");
		return NULL;
	}
	if (accept(cp, "(", ""))
		return parse_paren(cp, depth);
	if (cp->p < cp->end && (*cp->p == '"' || *cp->p == '\''))
		return parse_text(cp);
	if (cp->p < cp->end && ((*cp->p >= '0' && *cp->p <= '9') || *cp->p == '.'))
		return parse_number(cp);
	if (cp->p < cp->end && is_word_char(*cp->p))
		return parse_name(cp, depth);
	code_fail(cp, "a value");
	return NULL;
}

static struct code_node *parse_unary(struct code_parser *cp, unsigned depth)
{
	struct code_node *n;
	enum code_op op;

	if (accept(cp, "-", ""))
		op = CODE_MINUS;
	else if (accept(cp, "~", ""))
		op = CODE_INVERT;
	else
		return parse_primary(cp, depth);
	if (depth > CODE_DEPTH_MAX) {
		code_fail(cp, "less nesting");
		return NULL;
	}
	n = node_new(cp, op);
	if (!n)
		return NULL;
	n->first = parse_unary(cp, depth + 1);
	return n->first ? n : NULL;
}

/* Binary operators, loosest first; `not_before`: characters that would make it another one. */
static const struct binary {
	const char *text, *not_before;
	enum code_op op;
	unsigned level;
} binaries[] = {
	{"|", "", CODE_BIT_OR, 0}, {"^", "", CODE_XOR, 1},       {"&", "", CODE_BIT_AND, 2},
	{"<<", "", CODE_SHL, 3},   {">>", "", CODE_SHR, 3},      {"+", "", CODE_ADD, 4},
	{"-", "", CODE_SUB, 4},    {"//", "", CODE_FLOORDIV, 5}, {"/", "/", CODE_DIV, 5},
	{"*", "*", CODE_MUL, 5},   {"%", "", CODE_MOD, 5},
};

enum {
	BINARY_LEVELS = 6
};

static const struct binary *accept_binary(struct code_parser *cp, unsigned level)
{
	for (size_t i = 0; i < ARRAY_SIZE(binaries); i++)
		if (binaries[i].level == level &&
		    accept(cp, binaries[i].text, binaries[i].not_before))
			return &binaries[i];
	return NULL;
}

static struct code_node *parse_binary(struct code_parser *cp, unsigned level, unsigned depth)
{
	const struct binary *b;
	struct code_node *left;

	if (level == BINARY_LEVELS)
		return parse_unary(cp, depth);
	left = parse_binary(cp, level + 1, depth);
	while (left && (b = accept_binary(cp, level))) {
		struct code_node *n = node_new(cp, b->op);

		if (!n)
			return NULL;
		n->first = left;
		n->second = parse_binary(cp, level + 1, depth);
		left = n->second ? n : NULL;
	}
	return left;
}

static bool accept_comparison(struct code_parser *cp, enum code_op *ret)
{
	static const struct {
		const char *text, *not_before;
		enum code_op op;
	} ops[] = {
		{"==", "", CODE_EQ}, {"!=", "", CODE_NE}, {"<=", "", CODE_LE},
		{">=", "", CODE_GE}, {"<", "<", CODE_LT}, {">", ">", CODE_GT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (accept(cp, ops[i].text, ops[i].not_before)) {
			*ret = ops[i].op;
			return true;
		}
	}
	*ret = CODE_IN;
	return accept_word(cp, "in");
}

/* a < b <= c: all of them; `second` of a link is the operand it shares with the next. */
static struct code_node *parse_comparison(struct code_parser *cp, unsigned depth)
{
	struct code_node *left = parse_binary(cp, 0, depth), *all = NULL;
	enum code_op op;

	while (left && accept_comparison(cp, &op)) {
		struct code_node *n = node_new(cp, op);

		if (!n)
			return NULL;
		n->first = left;
		n->second = parse_binary(cp, 0, depth);
		if (!n->second)
			return NULL;
		left = n->second;
		if (all) {
			struct code_node *both = node_new(cp, CODE_AND);

			if (!both)
				return NULL;
			both->first = all;
			both->second = n;
			all = both;
		} else {
			all = n;
		}
	}
	return all && left ? all : left;
}

static struct code_node *parse_not(struct code_parser *cp, unsigned depth)
{
	struct code_node *n;

	if (!accept_word(cp, "not"))
		return parse_comparison(cp, depth);
	n = node_new(cp, CODE_NOT);
	if (depth > CODE_DEPTH_MAX)
		code_fail(cp, "less nesting");
	if (!n || cp->err)
		return NULL;
	n->first = parse_not(cp, depth + 1);
	return n->first ? n : NULL;
}

static struct code_node *parse_and_or(struct code_parser *cp, unsigned depth, bool is_or)
{
	struct code_node *left = is_or ? parse_and_or(cp, depth, false) : parse_not(cp, depth);

	while (left && accept_word(cp, is_or ? "or" : "and")) {
		struct code_node *n = node_new(cp, is_or ? CODE_OR : CODE_AND);

		if (!n)
			return NULL;
		n->first = left;
		n->second = is_or ? parse_and_or(cp, depth, false) : parse_not(cp, depth);
		left = n->second ? n : NULL;
	}
	return left;
}

static struct code_node *parse_expr(struct code_parser *cp, unsigned depth)
{
	if (depth > CODE_DEPTH_MAX) {
		code_fail(cp, "less nesting");
		return NULL;
	}
	return parse_and_or(cp, depth, true);
}

static bool parse_list(struct code_parser *cp, struct code_node **tail)
{
	do {
		*tail = parse_expr(cp, 0);
		if (!*tail)
			return false;
		tail = &(*tail)->next;
	} while (accept(cp, ",", ""));
	return true;
}

static bool parse_assign(struct code_parser *cp, struct drill_code *st)
{
	struct code_node *name;

	skip_space(cp);
	if (cp->p >= cp->end || !is_word_char(*cp->p) || (*cp->p >= '0' && *cp->p <= '9'))
		return code_fail(cp, "assert, print or NAME =");
	name = parse_name(cp, 0);
	if (!name)
		return false;
	st->kind = CODE_SET;
	st->name = name->name;
	if (name->op != CODE_NAME || !accept(cp, "=", "="))
		return code_fail(cp, "assert, print or NAME = VALUE");
	st->first = parse_expr(cp, 0);
	return st->first != NULL;
}

static bool parse_statement(struct code_parser *cp, struct drill_code **ret)
{
	struct drill_code *st = arena_alloc(cp->arena, sizeof(*st));
	const char *start;

	skip_space(cp);
	start = cp->p;
	if (!st) {
		cp->err = -ENOMEM;
		return false;
	}
	*ret = st;
	if (accept_word(cp, "assert")) {
		st->kind = CODE_ASSERT;
		st->first = parse_expr(cp, 0);
		if (!st->first)
			return false;
		if (accept(cp, ",", "") && !(st->message = parse_expr(cp, 0)))
			return false;
	} else if (accept_word(cp, "print")) {
		st->kind = CODE_PRINT;
		if (!parse_list(cp, &st->first))
			return false;
	} else if (!parse_assign(cp, st)) {
		return false;
	}
	st->text = arena_strndup(cp->arena, start, (size_t)(cp->p - start));
	if (!st->text)
		cp->err = -ENOMEM;
	return st->text != NULL;
}

/* Between statements: newlines and semicolons. */
static bool skip_separators(struct code_parser *cp)
{
	bool any = false;

	for (skip_space(cp); cp->p < cp->end && (*cp->p == '\n' || *cp->p == ';'); skip_space(cp)) {
		cp->p++;
		any = true;
	}
	return any;
}

int drill_code_parse(struct arena *arena, const char *text, size_t len, struct drill_code **ret,
		     char *why, size_t why_size)
{
	struct code_parser cp = {
		.arena = arena, .p = text, .end = text + len, .why = why, .why_size = why_size};
	struct drill_code *first = NULL, **tail = &first;

	skip_separators(&cp);
	while (cp.p < cp.end) {
		if (!parse_statement(&cp, tail))
			break;
		tail = &(*tail)->next;
		if (!skip_separators(&cp) && cp.p < cp.end) {
			code_fail(&cp, "the end of the statement");
			break;
		}
	}
	if (!cp.err && !first)
		code_fail(&cp, "assert or print");
	if (cp.err == -ENOMEM)
		snprintf(why, why_size, "out of memory");
	if (!cp.err)
		*ret = first;
	return cp.err;
}

int drill_code_sum(const char *text, size_t len, int64_t *ret)
{
	struct arena arena = {.blocks = NULL};
	char why[80];
	struct code_parser cp = {.arena = &arena,
				 .p = text,
				 .end = text + len,
				 .why = why,
				 .why_size = sizeof(why),
				 .parens = 1};
	struct drill_code_env env = {.find = NULL};
	struct code_node *n = parse_expr(&cp, 0);
	struct drill_value v;
	int err = cp.err;

	skip_space(&cp);
	if (!err &&
	    (cp.p < cp.end || code_eval(n, &env, &v, why, sizeof(why)) || v.kind != DRILL_INT))
		err = -EINVAL;
	if (!err)
		*ret = v.num;
	arena_fini(&arena);
	return err;
}
