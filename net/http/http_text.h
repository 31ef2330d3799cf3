/* SPDX-License-Identifier: MIT */
/*
 * Slices of text, and the few lexical rules that all of HTTP shares (RFC 9110 §5.6): tokens, lists
 * with commas, optional white space, decimal numbers. ASCII only, whatever the locale.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not NUL-terminated; borrowed from whoever holds the bytes. */
struct http_text {
	const char *p;
	size_t len;
};

static inline struct http_text http_text_make(const char *p, size_t len)
{
	return (struct http_text){.p = p, .len = len};
}

static inline bool http_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool http_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 0 to 15, or -1. */
static inline int http_hex_value(char c)
{
	if (http_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* RFC 9110 §5.6.2: what methods and field names are made of. */
bool http_is_tchar(char c);
/* At least one tchar and nothing else. */
bool http_text_is_token(struct http_text t);
/* Equal without regard to case. */
bool http_text_is(struct http_text t, const char *word);
/* Without the blanks and tabs at both ends. */
struct http_text http_text_trim(struct http_text t);
/* Takes the next element off a list with commas, trimmed; empty ones are skipped (RFC 9110
 * §5.6.1.2). False: none left. Does not know quoted strings. */
bool http_text_next(struct http_text *list, struct http_text *ret_element);
/* Digits and nothing else; a number too large for 64 bits comes out as UINT64_MAX. */
bool http_text_u64(struct http_text t, uint64_t *ret_value);
