/* SPDX-License-Identifier: MIT */
/*
 * Building a string in a buffer of fixed size.
 *
 * What does not fit is cut off, and `truncated` says so; after that nothing more is added, so the
 * text is always a prefix of what was meant. It ends in a NUL at any time (if there is a buffer).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct sb {
	char *buf;
	size_t cap; /* of `buf`, with room for the NUL */
	size_t len; /* without the NUL */
	bool truncated;
};

/* An empty string in `buf`, which is borrowed; it may be NULL when `cap` is 0. */
struct sb sb_make(char *buf, size_t cap);

void sb_printf(struct sb *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sb_char(struct sb *sb, char c);
void sb_str(struct sb *sb, const char *str);
void sb_strn(struct sb *sb, const char *str, size_t len);

/* A JSON string (RFC 8259 §7) with its quotes, or `null` for NULL. The bytes are taken as UTF-8;
 * those that are not become U+FFFD, so that the result is valid whatever a peer has sent. Escapes
 * and characters are never cut in half. */
void sb_json_str(struct sb *sb, const char *str);
/* The same for `len` bytes, which may include NULs. */
void sb_json_strn(struct sb *sb, const char *str, size_t len);
