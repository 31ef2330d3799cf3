/* SPDX-License-Identifier: MIT */
/* Slices of text; the contracts are in http_text.h. */
#include "net/http/http_text.h"

#include <string.h>

bool http_is_tchar(char c)
{
	return http_is_digit(c) || http_is_alpha(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool http_text_is_token(struct http_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!http_is_tchar(t.p[i]))
			return false;
	return t.len > 0;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool http_text_is(struct http_text t, const char *word)
{
	if (strlen(word) != t.len)
		return false;
	for (size_t i = 0; i < t.len; i++)
		if (lower(t.p[i]) != lower(word[i]))
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct http_text http_text_trim(struct http_text t)
{
	while (t.len && is_blank(t.p[0])) {
		t.p++;
		t.len--;
	}
	while (t.len && is_blank(t.p[t.len - 1]))
		t.len--;
	return t;
}

bool http_text_next(struct http_text *list, struct http_text *ret_element)
{
	while (list->len) {
		const char *comma = memchr(list->p, ',', list->len);
		size_t len = comma ? (size_t)(comma - list->p) : list->len;
		struct http_text element = http_text_trim(http_text_make(list->p, len));
		size_t used = comma ? len + 1 : len;

		list->p += used;
		list->len -= used;
		if (element.len) {
			*ret_element = element;
			return true;
		}
	}
	return false;
}

bool http_text_u64(struct http_text t, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < t.len; i++) {
		if (!http_is_digit(t.p[i]))
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(t.p[i] - '0'), &value))
			value = UINT64_MAX;
	}
	if (!t.len)
		return false;
	*ret_value = value;
	return true;
}
