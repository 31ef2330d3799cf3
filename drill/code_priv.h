/* SPDX-License-Identifier: MIT */
/* Code as a tree: made in code.c, executed in code_run.c. */
#pragma once

#include "drill/code.h"

enum code_op {
	CODE_INT, /* a value as it stands */
	CODE_NAME,
	CODE_FUNCTION, /* name(first, ...) */
	CODE_TUPLE,
	CODE_MINUS,
	CODE_INVERT,
	CODE_NOT,
	CODE_AND,
	CODE_OR,
	CODE_BIT_OR,
	CODE_XOR,
	CODE_BIT_AND,
	CODE_SHL,
	CODE_SHR,
	CODE_ADD,
	CODE_SUB,
	CODE_MUL,
	CODE_DIV,
	CODE_FLOORDIV,
	CODE_MOD, /* also texts: "%d" % x */
	CODE_EQ,
	CODE_NE,
	CODE_LT,
	CODE_LE,
	CODE_GT,
	CODE_GE,
	CODE_IN,
};

struct code_node {
	struct code_node *next; /* in a tuple or a list of operands */
	enum code_op op;
	struct drill_value value;
	char *name;
	struct code_node *first, *second;
};

struct drill_code {
	struct drill_code *next;
	enum {
		CODE_ASSERT,
		CODE_PRINT,
		CODE_SET
	} kind;
	struct code_node *first; /* PRINT: a list */
	struct code_node *message;
	char *name; /* SET */
	char *text; /* as written */
};

/* 0, or -EINVAL and why. */
int code_eval(const struct code_node *n, struct drill_code_env *env, struct drill_value *ret,
	      char *why, size_t why_size) MUST_CHECK;
