/* SPDX-License-Identifier: MIT */
/*
 * System calls: name(arguments) = result [ERRNO (text)] [(note)], and the expressions in them.
 *
 * Structures are read by their form alone, `{name = value, name(count) = value, value}`; what they
 * mean is known to the call that gets them (call_*.c).
 */
#include <string.h>

#include "drill/parse_priv.h"

static bool parse_expr(struct drill_parser *ps, unsigned depth, struct drill_expr **ret);

static struct drill_expr *expr_new(struct drill_parser *ps, enum drill_expr_kind kind)
{
	struct drill_expr *e = arena_alloc(&ps->script->arena, sizeof(*e));

	if (!e) {
		drill_no_memory(ps);
		return NULL;
	}
	e->kind = kind;
	e->line = ps->lx.tok.line;
	return e;
}

/* Expressions with commas up to `close`, which is taken. */
static bool parse_list(struct drill_parser *ps, char close, unsigned depth,
		       struct drill_expr **ret_first, uint32_t *ret_n)
{
	struct drill_expr **tail = ret_first;

	*ret_first = NULL;
	*ret_n = 0;
	if (drill_accept(ps, close))
		return true;
	do {
		if (!parse_expr(ps, depth, tail))
			return false;
		tail = &(*tail)->next;
		(*ret_n)++;
	} while (drill_accept(ps, ','));
	return drill_need(ps, close);
}

/* name = value, name(count) = value, or value. */
static bool parse_item(struct drill_parser *ps, unsigned depth, struct drill_expr **ret)
{
	struct drill_expr *value;

	if (!parse_expr(ps, depth, ret))
		return false;
	if (!drill_accept(ps, '='))
		return true;
	if ((*ret)->kind != DRILL_EXPR_WORD && (*ret)->kind != DRILL_EXPR_CALL)
		return drill_fail(ps, "the name of a field is a word");
	if (!parse_expr(ps, depth, &value))
		return false;
	value->name = (*ret)->text;
	value->count = (*ret)->kind == DRILL_EXPR_CALL ? (*ret)->first : NULL;
	*ret = value;
	return true;
}

static bool parse_struct(struct drill_parser *ps, unsigned depth, struct drill_expr *e)
{
	struct drill_expr **tail = &e->first;

	if (drill_accept(ps, '}'))
		return true;
	do {
		if (!parse_item(ps, depth, tail))
			return false;
		tail = &(*tail)->next;
	} while (drill_accept(ps, ','));
	return drill_need(ps, '}');
}

static char escape_char(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case '0':
		return '\0';
	default:
		return c;
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a text at *i, which goes to its last: \n, \xa1, or itself. */
static char text_char(const char *text, size_t len, size_t *i)
{
	if (text[*i] != '\\' || *i + 1 >= len)
		return text[*i];
	(*i)++;
	if (text[*i] == 'x' && *i + 2 < len && hex_value(text[*i + 1]) >= 0 &&
	    hex_value(text[*i + 2]) >= 0) {
		*i += 2;
		return (char)(hex_value(text[*i - 1]) * 16 + hex_value(text[*i]));
	}
	return escape_char(text[*i]);
}

/* Room for `n` bytes and a NUL behind the text. It doubles: what it was stays in the arena. */
static bool text_reserve(struct drill_parser *ps, struct drill_expr *e, size_t n, size_t *room)
{
	char *text;

	if (e->text && e->len + n < *room)
		return true;
	*room = 2 * (e->len + n) + 1;
	text = arena_alloc(&ps->script->arena, *room);
	if (!text)
		return drill_no_memory(ps);
	if (e->text)
		memcpy(text, e->text, e->len);
	e->text = text;
	return true;
}

/* "a" "b" is one string. */
static bool parse_string(struct drill_parser *ps, struct drill_expr *e)
{
	size_t room = 0;

	while (ps->lx.tok.kind == DRILL_TOK_STRING) {
		const struct drill_tok *tok = &ps->lx.tok;

		if (!text_reserve(ps, e, tok->len, &room))
			return false;
		for (size_t i = 0; i < tok->len; i++)
			e->text[e->len++] = text_char(tok->text, tok->len, &i);
		drill_lex_next(&ps->lx);
	}
	if (ps->lx.tok.kind == DRILL_TOK_ELLIPSIS) {
		e->is_open = true;
		drill_lex_next(&ps->lx);
	}
	return true;
}

static bool parse_word(struct drill_parser *ps, unsigned depth, struct drill_expr *e)
{
	uint32_t n;

	e->text = ps->lx.tok.text;
	drill_lex_next(&ps->lx);
	if (!drill_accept(ps, '('))
		return true;
	e->kind = DRILL_EXPR_CALL;
	if (!parse_list(ps, ')', depth, &e->first, &n))
		return false;
	return n == 1 || drill_fail(ps, "%s() takes one operand", e->text);
}

static bool parse_primary(struct drill_parser *ps, unsigned depth, struct drill_expr **ret)
{
	const struct drill_tok *tok = &ps->lx.tok;
	struct drill_expr *e = expr_new(ps, DRILL_EXPR_ELLIPSIS);
	uint32_t n;

	if (!e)
		return false;
	*ret = e;
	if (depth > DRILL_DEPTH_MAX)
		return drill_fail(ps, "nested too deeply");
	switch (tok->kind) {
	case DRILL_TOK_ELLIPSIS:
		drill_lex_next(&ps->lx);
		return true;
	case DRILL_TOK_INT:
		e->kind = DRILL_EXPR_INT;
		e->num = tok->num;
		drill_lex_next(&ps->lx);
		return true;
	case DRILL_TOK_STRING:
		e->kind = DRILL_EXPR_STRING;
		return parse_string(ps, e);
	case DRILL_TOK_WORD:
		e->kind = DRILL_EXPR_WORD;
		return parse_word(ps, depth + 1, e);
	default:
		break;
	}
	if (drill_accept(ps, '[')) {
		e->kind = DRILL_EXPR_LIST;
		return parse_list(ps, ']', depth + 1, &e->first, &n);
	}
	if (drill_accept(ps, '{')) {
		e->kind = DRILL_EXPR_STRUCT;
		return parse_struct(ps, depth + 1, e);
	}
	return drill_expected(ps, "a value");
}

static bool parse_expr(struct drill_parser *ps, unsigned depth, struct drill_expr **ret)
{
	if (!parse_primary(ps, depth, ret))
		return false;
	while (drill_accept(ps, '|')) {
		struct drill_expr *either = expr_new(ps, DRILL_EXPR_OR);

		if (!either)
			return false;
		either->first = *ret;
		*ret = either;
		if (!parse_primary(ps, depth, &either->second))
			return false;
	}
	return true;
}

/* (Operation now in progress): words for the reader. */
static bool skip_note(struct drill_parser *ps)
{
	unsigned depth = 0;

	do {
		if (ps->lx.tok.kind == DRILL_TOK_END || ps->lx.tok.kind == DRILL_TOK_BAD)
			return drill_expected(ps, "\")\"");
		if (drill_is_char(ps, '('))
			depth++;
		else if (drill_is_char(ps, ')'))
			depth--;
		drill_lex_next(&ps->lx);
	} while (depth > 0);
	return true;
}

bool drill_parse_call(struct drill_parser *ps, struct drill_call **ret)
{
	struct drill_call *call = arena_alloc(&ps->script->arena, sizeof(*call));

	if (!call)
		return drill_no_memory(ps);
	*ret = call;
	call->end_us = -1;
	if (ps->lx.tok.kind == DRILL_TOK_ELLIPSIS) {
		drill_lex_next(&ps->lx);
		if (!drill_parse_time(ps, &call->end_us))
			return false;
	}
	if (ps->lx.tok.kind != DRILL_TOK_WORD)
		return drill_expected(ps, "the name of a system call");
	call->name = ps->lx.tok.text;
	drill_lex_next(&ps->lx);
	if (!drill_need(ps, '(') || !parse_list(ps, ')', 0, &call->args, &call->n_args) ||
	    !drill_need(ps, '=') || !parse_expr(ps, 0, &call->result))
		return false;
	if (ps->lx.tok.kind == DRILL_TOK_WORD) {
		call->error = ps->lx.tok.text;
		drill_lex_next(&ps->lx);
	}
	return !drill_is_char(ps, '(') || skip_note(ps);
}
