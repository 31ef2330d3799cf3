/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a lab file: a list of errors and warnings, each with its place. The list has
 * a fixed size and allocates nothing, so it also works when memory is what has run out.
 */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	LAB_ERRORS_MAX = 20,   /* kept; more are only counted */
	LAB_WARNINGS_MAX = 20, /* likewise */
	LAB_ERROR_TEXT = 400,  /* bytes of one message with its NUL; longer ones end in "..." */
};

/* A place in the file. Both count from 1, the column in characters; line 0: the whole file. */
struct lab_pos {
	uint32_t line;
	uint32_t col;
};

struct lab_error {
	struct lab_pos pos;
	bool is_warning;
	char text[LAB_ERROR_TEXT];
};

/* All zero is an empty list. */
struct lab_errors {
	const char *file;    /* name for messages; borrowed, must live as long as this */
	uint32_t n_errors;   /* found, also those that were not kept */
	uint32_t n_warnings; /* likewise */
	uint32_t n_list;
	bool is_once; /* of several for one place in the file, only the first is kept and counted */
	struct lab_error list[LAB_ERRORS_MAX + LAB_WARNINGS_MAX]; /* in the order of the file */
};

void lab_error_add(struct lab_errors *errs, struct lab_pos pos, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void lab_warning_add(struct lab_errors *errs, struct lab_pos pos, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* No further error would be kept: finding out more about the next one is wasted work. */
bool lab_errors_full(const struct lab_errors *errs);

/* Would an error at this place be kept? */
bool lab_errors_wants(const struct lab_errors *errs, struct lab_pos pos);

void lab_errors_sort(struct lab_errors *errs);

/* One line as people and editors know it, without the newline: "file:line:col: message". */
int lab_error_format(const struct lab_errors *errs, const struct lab_error *e, char *buf,
		     size_t size);

/* All of them, a line each, and a last line with how many there were beyond those. */
void lab_errors_print(const struct lab_errors *errs, FILE *out);

/*
 * `len` bytes of the file for a message: in double quotes, control characters escaped, cut off
 * (on a character) after some 40 bytes. `buf` has room for LAB_QUOTE bytes. Returns `buf`.
 */
enum {
	LAB_QUOTE = 200
};
const char *lab_quote(const char *s, size_t len, char buf[static LAB_QUOTE]);
