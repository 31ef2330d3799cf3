/* SPDX-License-Identifier: MIT */
/*
 * The frame of a packet script: options, a first command, events with their times, a last command.
 * Packets are parsed in parse_packet.c, system calls in parse_call.c, assertions in code.c.
 */
#include "drill/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/code.h"
#include "drill/parse_priv.h"

bool drill_fail(struct drill_parser *ps, const char *fmt, ...)
{
	va_list ap;

	if (ps->has_failed)
		return false;
	ps->has_failed = true;
	ps->err->line = ps->lx.tok.line;
	ps->err->column = ps->lx.tok.column;
	va_start(ap, fmt);
	vsnprintf(ps->err->text, sizeof(ps->err->text), fmt, ap);
	va_end(ap);
	return false;
}

bool drill_expected(struct drill_parser *ps, const char *what)
{
	char found[120];

	drill_tok_name(&ps->lx.tok, found, sizeof(found));
	return drill_fail(ps, "expected %s, found %s", what, found);
}

bool drill_no_memory(struct drill_parser *ps)
{
	ps->lx.out_of_memory = true;
	return drill_fail(ps, "out of memory");
}

bool drill_is_char(const struct drill_parser *ps, char ch)
{
	return ps->lx.tok.kind == DRILL_TOK_CHAR && ps->lx.tok.ch == ch;
}

bool drill_is_word(const struct drill_parser *ps, const char *word)
{
	return ps->lx.tok.kind == DRILL_TOK_WORD && !strcmp(ps->lx.tok.text, word);
}

bool drill_accept(struct drill_parser *ps, char ch)
{
	if (!drill_is_char(ps, ch))
		return false;
	drill_lex_next(&ps->lx);
	return true;
}

bool drill_accept_word(struct drill_parser *ps, const char *word)
{
	if (!drill_is_word(ps, word))
		return false;
	drill_lex_next(&ps->lx);
	return true;
}

bool drill_need(struct drill_parser *ps, char ch)
{
	char what[4] = {'"', ch, '"', '\0'};

	return drill_accept(ps, ch) || drill_expected(ps, what);
}

bool drill_need_int(struct drill_parser *ps, const char *what, int64_t lo, int64_t hi, int64_t *ret)
{
	const struct drill_tok *tok = &ps->lx.tok;

	if (tok->kind != DRILL_TOK_INT)
		return drill_expected(ps, what);
	if (tok->num < lo || tok->num > hi)
		return drill_fail(ps, "%s is %lld; it must lie from %lld to %lld", what,
				  (long long)tok->num, (long long)lo, (long long)hi);
	*ret = tok->num;
	drill_lex_next(&ps->lx);
	return true;
}

bool drill_parse_time(struct drill_parser *ps, int64_t *ret)
{
	const struct drill_tok *tok = &ps->lx.tok;
	int64_t us;

	if (tok->kind == DRILL_TOK_INT && !tok->is_hex) {
		if (tok->num < 0)
			return drill_fail(ps, "a time cannot be negative");
		if (tok->num > DRILL_TIME_MAX_S)
			return drill_fail(ps, "a time of more than a year");
		us = tok->num * 1000000;
	} else if (tok->kind == DRILL_TOK_DECIMAL) {
		us = tok->num;
	} else {
		return drill_expected(ps, "a time in seconds");
	}
	if (us < 0)
		return drill_fail(ps, "a time cannot be negative");
	if (us / 1000000 > DRILL_TIME_MAX_S)
		return drill_fail(ps, "a time of more than a year");
	*ret = us;
	drill_lex_next(&ps->lx);
	return true;
}

/* `*`, T, T~T, +T, +T~+T */
static bool parse_when(struct drill_parser *ps, struct drill_event *ev)
{
	bool is_relative;

	if (drill_accept(ps, '*')) {
		ev->when = DRILL_ANY_TIME;
		return true;
	}
	is_relative = drill_accept(ps, '+');
	ev->when = is_relative ? DRILL_AFTER : DRILL_AT;
	if (!drill_parse_time(ps, &ev->us))
		return false;
	if (!drill_accept(ps, '~'))
		return true;
	ev->when = is_relative ? DRILL_AFT_RANGE : DRILL_AT_RANGE;
	if (is_relative && !drill_need(ps, '+'))
		return false;
	if (!drill_parse_time(ps, &ev->end_us))
		return false;
	return ev->end_us >= ev->us || drill_fail(ps, "the range of time ends before it begins");
}

/* Only packets that we wait for can come at any time of a range. */
static bool check_when(struct drill_parser *ps, const struct drill_event *ev)
{
	if (ev->when == DRILL_AT || ev->when == DRILL_AFTER)
		return true;
	if (ev->kind == DRILL_EV_PACKET && !ev->packet->is_in)
		return true;
	if (!drill_fail(ps, "%s only with expected packets (\">\")",
			ev->when == DRILL_ANY_TIME ? "the time * goes" : "ranges of time go"))
		ps->err->line = ev->line;
	return false;
}

static char *line_text(struct drill_parser *ps, size_t at)
{
	const char *s = ps->lx.text + at;
	const char *nl = memchr(s, '\n', ps->lx.len - at);
	size_t len = nl ? (size_t)(nl - s) : ps->lx.len - at;

	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\r'))
		len--;
	return arena_strndup(&ps->script->arena, s, len);
}

static bool parse_action(struct drill_parser *ps, struct drill_event *ev)
{
	const struct drill_tok *tok = &ps->lx.tok;
	char why[120];

	switch (tok->kind) {
	case DRILL_TOK_COMMAND:
		ev->kind = DRILL_EV_COMMAND;
		ev->command = tok->text;
		drill_lex_next(&ps->lx);
		return true;
	case DRILL_TOK_CODE:
		ev->kind = DRILL_EV_CODE;
		if (drill_code_parse(&ps->script->arena, tok->text, tok->len, &ev->code, why,
				     sizeof(why)))
			return drill_fail(ps, "in code: %s", why);
		drill_lex_next(&ps->lx);
		return true;
	case DRILL_TOK_WORD:
	case DRILL_TOK_ELLIPSIS:
		ev->kind = DRILL_EV_CALL;
		return drill_parse_call(ps, &ev->call);
	case DRILL_TOK_CHAR:
		if (tok->ch == '<' || tok->ch == '>') {
			ev->kind = DRILL_EV_PACKET;
			return drill_parse_packet(ps, &ev->packet);
		}
		break;
	default:
		break;
	}
	return drill_expected(ps, "a packet, a system call, code or a command");
}

static bool parse_event(struct drill_parser *ps, struct drill_event **ret)
{
	struct drill_event *ev = arena_alloc(&ps->script->arena, sizeof(*ev));

	if (!ev)
		return drill_no_memory(ps);
	ev->line = ps->lx.tok.line;
	ev->text = line_text(ps, ps->lx.tok.at);
	if (!ev->text)
		return drill_no_memory(ps);
	if (!parse_when(ps, ev) || !parse_action(ps, ev) || !check_when(ps, ev))
		return false;
	ps->script->n_events++;
	*ret = ev;
	return true;
}

/* --define=NAME=VALUE of the script itself. */
static bool add_define(struct drill_parser *ps, char *value)
{
	struct drill_define *def = arena_alloc(&ps->script->arena, sizeof(*def));
	char *eq = value ? strchr(value, '=') : NULL;

	if (!def)
		return drill_no_memory(ps);
	if (!eq || eq == value || !eq[1])
		return drill_fail(ps, "--define wants NAME=VALUE");
	*eq = '\0';
	def->name = value;
	def->value = eq + 1;
	def->next = ps->defines;
	if (!ps->defines)
		def->next = (struct drill_define *)(uintptr_t)ps->lx.defines;
	ps->defines = def;
	ps->lx.defines = def;
	return true;
}

static bool parse_options(struct drill_parser *ps)
{
	struct drill_option **tail = &ps->script->options;

	while (ps->lx.tok.kind == DRILL_TOK_OPTION) {
		struct drill_option *opt = arena_alloc(&ps->script->arena, sizeof(*opt));

		if (!opt)
			return drill_no_memory(ps);
		opt->line = ps->lx.tok.line;
		opt->name = ps->lx.tok.text;
		drill_lex_next(&ps->lx);
		if (drill_is_char(ps, '=')) {
			opt->value = drill_lex_value(&ps->lx);
			if (!opt->value)
				return drill_no_memory(ps);
		}
		if ((!strcmp(opt->name, "define") ||
		     !strcmp(opt->name, ps->is_ip6 ? "define_ipv6" : "define_ipv4")) &&
		    !add_define(ps, opt->value))
			return false;
		*tail = opt;
		tail = &opt->next;
	}
	return true;
}

static bool parse_events(struct drill_parser *ps)
{
	struct drill_event **tail = &ps->script->events;

	while (ps->lx.tok.kind != DRILL_TOK_END && ps->lx.tok.kind != DRILL_TOK_COMMAND) {
		if (!parse_event(ps, tail))
			return false;
		tail = &(*tail)->next;
	}
	return ps->script->events || drill_fail(ps, "there is nothing to do in the script");
}

static bool parse_script(struct drill_parser *ps)
{
	struct drill_script *script = ps->script;

	if (!parse_options(ps))
		return false;
	if (ps->lx.tok.kind == DRILL_TOK_COMMAND) {
		script->init = ps->lx.tok.text;
		script->init_line = ps->lx.tok.line;
		drill_lex_next(&ps->lx);
	}
	if (!parse_events(ps))
		return false;
	if (ps->lx.tok.kind == DRILL_TOK_COMMAND) {
		script->cleanup = ps->lx.tok.text;
		script->cleanup_line = ps->lx.tok.line;
		drill_lex_next(&ps->lx);
	}
	return ps->lx.tok.kind == DRILL_TOK_END || drill_expected(ps, "the end of the script");
}

int drill_parse(const char *path, const char *text, size_t len, const struct drill_define *defines,
		bool is_ip6, struct drill_script **ret, struct drill_error *err)
{
	struct drill_parser ps = {.err = err, .is_ip6 = is_ip6};

	*err = (struct drill_error){.line = 0};
	if (len > DRILL_SCRIPT_MAX) {
		snprintf(err->text, sizeof(err->text), "the script is longer than %d bytes",
			 DRILL_SCRIPT_MAX);
		return -EINVAL;
	}
	ps.script = calloc(1, sizeof(*ps.script));
	if (!ps.script)
		return -ENOMEM;
	ps.script->path = arena_strdup(&ps.script->arena, path);
	ps.lx.defines = defines;
	drill_lex_init(&ps.lx, &ps.script->arena, text, len);
	if (ps.script->path && parse_script(&ps) && !ps.lx.out_of_memory) {
		*ret = ps.script;
		return 0;
	}
	drill_script_free(ps.script);
	return ps.has_failed && !ps.lx.out_of_memory ? -EINVAL : -ENOMEM;
}

void drill_script_free(struct drill_script *script)
{
	if (!script)
		return;
	arena_fini(&script->arena);
	free(script);
}
