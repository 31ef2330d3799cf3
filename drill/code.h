/* SPDX-License-Identifier: MIT */
/*
 * The code in %{ ... }%: assertions over the figures of a connection.
 *
 * A small language of its own that reads like the Python which such scripts hold: assert, print,
 * assignments, and expressions of integers, fractions and texts with Python's operators and their
 * precedence. There are no statements with blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "lab/arena.h"

struct drill_code;

enum {
	DRILL_VALUE_TEXT = 200
};

struct drill_value {
	enum {
		DRILL_INT,
		DRILL_REAL,
		DRILL_TEXT
	} kind;
	int64_t num;
	double real;
	char text[DRILL_VALUE_TEXT]; /* NUL-terminated, cut */
};

struct drill_code_env {
	/* A name that the code has not given a value itself. False: there is none. */
	bool (*find)(void *arg, const char *name, int64_t *ret);
	void (*print)(void *arg, const char *text);
	void *arg;
	/* What the code has given values; lives as long as the script runs. */
	struct drill_var {
		const char *name;
		struct drill_value value;
	} vars[16];
	unsigned n_vars;
};

/* 0; -EINVAL with the reason in `why`; -ENOMEM. */
int drill_code_parse(struct arena *arena, const char *text, size_t len, struct drill_code **ret,
		     char *why, size_t why_size) MUST_CHECK;
/* 0; -EINVAL: an assertion is false, or makes no sense; `why` says which. */
int drill_code_run(const struct drill_code *code, struct drill_code_env *env, char *why,
		   size_t why_size) MUST_CHECK;
/* An expression of integers alone, as in a shell's $((...)). 0 or -EINVAL. */
int drill_code_sum(const char *text, size_t len, int64_t *ret) MUST_CHECK;
