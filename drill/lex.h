/* SPDX-License-Identifier: MIT */
/*
 * Tokens of packet scripts. One token of look-ahead; a few things whose characters depend on where
 * they stand (TCP flags, addresses) are taken from the text itself with drill_lex_raw().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/arena.h"

enum drill_tok_kind {
	DRILL_TOK_END,
	DRILL_TOK_INT,     /* 12, -1, 0x1f: num */
	DRILL_TOK_DECIMAL, /* .1, 0.25: num in millionths */
	DRILL_TOK_WORD,
	DRILL_TOK_STRING,  /* "..." */
	DRILL_TOK_COMMAND, /* `...` */
	DRILL_TOK_CODE,    /* %{ ... }% */
	DRILL_TOK_OPTION,  /* --name, text without the dashes */
	DRILL_TOK_ELLIPSIS,
	DRILL_TOK_CHAR, /* any other: ch */
	DRILL_TOK_BAD,  /* `text` says what is wrong */
};

struct drill_tok {
	enum drill_tok_kind kind;
	uint32_t line, column;   /* from 1 */
	size_t at, end;          /* in the text */
	bool is_hex, is_defined; /* is_defined: came from a definition */
	int64_t num;
	char ch;
	char *text; /* in the arena; WORD, STRING, COMMAND, CODE, OPTION, BAD; digits of an INT */
	size_t len; /* of `text` */
};

/* NAME=VALUE: a word that stands for something else. */
struct drill_define {
	struct drill_define *next;
	char *name;
	char *value; /* with its quotes, when it has some */
};

struct drill_lex {
	struct arena *arena;
	const char *text;
	size_t len;
	size_t pos; /* behind `tok` */
	uint32_t line;
	size_t line_start;
	const struct drill_define *defines;
	struct drill_tok tok; /* the look-ahead */
	bool out_of_memory;
};

/* Sets up and reads the first token. */
void drill_lex_init(struct drill_lex *lx, struct arena *arena, const char *text, size_t len);
/* Goes to the next token. */
void drill_lex_next(struct drill_lex *lx);
/* From the start of the look-ahead on, the characters that stand in `set`, at least none; then the
 * next token is read. NULL: no memory. */
char *drill_lex_raw(struct drill_lex *lx, const char *set);
/* From behind the look-ahead, which is `=`, on: everything up to white space that is not in quotes.
 * Then the next token is read. NULL: no memory. */
char *drill_lex_value(struct drill_lex *lx);
/* How a token is called in a message: `the word "foo"`. Returns `buf`. */
const char *drill_tok_name(const struct drill_tok *tok, char *buf, size_t size);
