/* SPDX-License-Identifier: MIT */
/* The bytes of a lab file, before any of it is taken for YAML: UTF-8 text, and not nothing. */
#include "lab/labfile_priv.h"

#include <errno.h>
#include <string.h>

/* The number of bytes of the UTF-8 character at `p`, 0 when it is none (RFC 3629 §4). */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, n, min2, max2; /* bounds of the second byte */
	} forms[] = {
		{0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf},
		{0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
		{0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
		{0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf},
		{0xf4, 0xf4, 4, 0x80, 0x8f},
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (forms[i].n > left)
			return 0;
		if (forms[i].n > 1 && (p[1] < forms[i].min2 || p[1] > forms[i].max2))
			return 0;
		for (size_t k = 2; k < forms[i].n; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].n;
	}
	return 0;
}

static bool is_control(unsigned char c)
{
	return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

/* What libyaml takes for the end of a line; lines are counted as it does. */
static bool is_break(const unsigned char *p, size_t left)
{
	if (p[0] == '\n')
		return true;
	if (p[0] == '\r')
		return left < 2 || p[1] != '\n';
	if (p[0] == 0xc2)
		return p[1] == 0x85;
	return p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9);
}

/* libyaml compares each %TAG with all others; nobody needs more than %YAML. */
enum {
	TEXT_MAX_DIRECTIVES = 10,
};

static bool starts_with_utf16_mark(const unsigned char *p, size_t len)
{
	return len >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff));
}

int labfile_text_check(struct lab_build *b, const char *buf, size_t len)
{
	const unsigned char *p = (const unsigned char *)buf;
	struct lab_pos pos = {.line = 1, .col = 1};
	uint32_t n_directives = 0;

	if (starts_with_utf16_mark(p, len)) {
		lab_error_add(b->errs, pos, "the file is UTF-16; save it as UTF-8");
		return -EINVAL;
	}
	for (size_t at = 0, n; at < len; at += n) {
		n = utf8_len(p + at, len - at);
		if (n == 0) {
			lab_error_add(b->errs, pos,
				      "byte 0x%02x is not UTF-8; save the file as UTF-8", p[at]);
			return -EINVAL;
		}
		if (is_control(p[at])) {
			lab_error_add(b->errs, pos,
				      "control character 0x%02x; is this a text file?", p[at]);
			return -EINVAL;
		}
		if (p[at] == '%' && pos.col == 1 && ++n_directives > TEXT_MAX_DIRECTIVES) {
			lab_error_add(b->errs, pos, "more than %d lines with %% directives",
				      TEXT_MAX_DIRECTIVES);
			return -EINVAL;
		}
		if (is_break(p + at, len - at)) {
			pos.line++;
			pos.col = 1;
		} else {
			pos.col++;
		}
	}
	return 0;
}
