/* SPDX-License-Identifier: MIT */
/* Bounded string builder; contracts in fmt.h. */
#include "base/fmt.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct sb sb_make(char *buf, size_t cap)
{
	if (cap > 0)
		buf[0] = '\0';
	return (struct sb){.buf = buf, .cap = cap};
}

/* Bytes that still fit before the NUL. */
static size_t sb_room(const struct sb *sb)
{
	return sb->truncated || sb->cap == 0 ? 0 : sb->cap - 1 - sb->len;
}

void sb_printf(struct sb *sb, const char *fmt, ...)
{
	size_t room = sb_room(sb);
	va_list args;
	int n;

	if (sb->truncated)
		return;
	va_start(args, fmt);
	n = vsnprintf(sb->cap ? sb->buf + sb->len : NULL, sb->cap ? room + 1 : 0, fmt, args);
	va_end(args);
	if (n < 0) { /* a format that libc refuses: nothing is added */
		sb->truncated = true;
		if (sb->cap > 0)
			sb->buf[sb->len] = '\0';
		return;
	}
	sb->truncated = (size_t)n > room;
	sb->len += sb->truncated ? room : (size_t)n;
}

void sb_strn(struct sb *sb, const char *str, size_t len)
{
	size_t room = sb_room(sb);

	if (len > room) {
		len = room;
		sb->truncated = true;
	}
	if (len == 0)
		return;
	memcpy(sb->buf + sb->len, str, len);
	sb->len += len;
	sb->buf[sb->len] = '\0';
}

void sb_str(struct sb *sb, const char *str)
{
	sb_strn(sb, str, strlen(str));
}

void sb_char(struct sb *sb, char c)
{
	sb_strn(sb, &c, 1);
}

/* All of `str` or nothing. */
static void sb_whole(struct sb *sb, const char *str, size_t len)
{
	if (len > sb_room(sb))
		sb->truncated = true;
	else
		sb_strn(sb, str, len);
}

/* The least byte that may follow `lead`, and the most (RFC 3629 §4): this is what excludes overlong
 * forms, surrogates and values above U+10FFFF. */
static uint8_t utf8_second_min(uint8_t lead)
{
	return lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
}

static uint8_t utf8_second_max(uint8_t lead)
{
	return lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
}

/* Bytes of a character that begins with `lead`; 0: none does. */
static size_t utf8_len(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Bytes of the character at `p`, of which `left` are there; 0: it is not one. */
static size_t utf8_check(const uint8_t *p, size_t left)
{
	size_t n = utf8_len(p[0]);

	if (n == 0 || n > left)
		return 0;
	if (n > 1 && (p[1] < utf8_second_min(p[0]) || p[1] > utf8_second_max(p[0])))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Writes an ASCII character; `\b` and `\f` are not worth a case of their own. */
static void sb_json_ascii(struct sb *sb, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char unicode[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	char itself = (char)c;

	switch (c) {
	case '"':
		sb_whole(sb, "\\\"", 2);
		break;
	case '\\':
		sb_whole(sb, "\\\\", 2);
		break;
	case '\n':
		sb_whole(sb, "\\n", 2);
		break;
	case '\r':
		sb_whole(sb, "\\r", 2);
		break;
	case '\t':
		sb_whole(sb, "\\t", 2);
		break;
	default:
		if (c < 0x20 || c == 0x7f)
			sb_whole(sb, unicode, sizeof(unicode));
		else
			sb_whole(sb, &itself, 1);
	}
}

void sb_json_strn(struct sb *sb, const char *str, size_t len)
{
	const uint8_t *p = (const uint8_t *)str;

	sb_whole(sb, "\"", 1);
	for (size_t at = 0, n; at < len; at += n) {
		n = utf8_check(p + at, len - at);
		if (n == 1) {
			sb_json_ascii(sb, p[at]);
		} else if (n > 1) {
			sb_whole(sb, str + at, n);
		} else {
			sb_whole(sb, "\xef\xbf\xbd", 3);
			n = 1;
		}
	}
	sb_whole(sb, "\"", 1);
}

void sb_json_str(struct sb *sb, const char *str)
{
	if (str)
		sb_json_strn(sb, str, strlen(str));
	else
		sb_whole(sb, "null", 4);
}
