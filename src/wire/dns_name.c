/* SPDX-License-Identifier: MIT */
/* Names of DNS: text, comparison, and reading them out of a message; contracts in dns.h. */
#include <errno.h>

#include "wire/dns.h"

enum {
	DNS_POINTER = 0xc0, /* the two top bits of a length: the other 14 say where */
	DNS_POINTER_OFF = 0x3fff,
};

static uint8_t name_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* A byte of a label as text: itself, \X or \DDD. False: neither. */
static bool name_unescape(const char **text, uint8_t *ret)
{
	const char *p = *text;
	unsigned int v = 0;

	if (*p != '\\') {
		*ret = (uint8_t)*p;
		*text = p + 1;
		return true;
	}
	p++;
	if (*p < '0' || *p > '9') {
		*ret = (uint8_t)*p;
		*text = p + 1;
		return *p != '\0';
	}
	for (int i = 0; i < 3; i++, p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (unsigned int)(*p - '0');
	}
	*ret = (uint8_t)v;
	*text = p;
	return v <= UINT8_MAX;
}

int dns_name_parse(const char *text, struct dns_name *ret)
{
	struct dns_name name = {.len = 1};
	size_t label = 0; /* where the length of the label under way is */

	if (text[0] == '.' && text[1] == '\0') {
		*ret = name;
		return 0;
	}
	if (*text == '\0')
		return -EINVAL;
	while (*text) {
		uint8_t c = 0;
		bool is_dot = *text == '.';

		if (is_dot) {
			text++;
			if (name.b[label] == 0)
				return -EINVAL;
			label = name.len;
			if (*text == '\0')
				break;
		} else if (!name_unescape(&text, &c) || name.b[label] == DNS_LABEL_MAX) {
			return -EINVAL;
		} else {
			name.b[label]++;
		}
		/* One byte must be left for the root. */
		if (name.len == DNS_NAME_MAX - 1)
			return -EINVAL;
		name.b[name.len++] = c;
	}
	if (name.b[label] != 0)
		label = name.len;
	name.b[label] = 0;
	name.len = (uint8_t)(label + 1);
	*ret = name;
	return 0;
}

static bool name_is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static void name_put(struct wr *w, uint8_t c)
{
	if (name_is_plain(c)) {
		wr_u8(w, c);
		return;
	}
	wr_u8(w, '\\');
	if (c > ' ' && c < 0x7f) {
		wr_u8(w, c);
		return;
	}
	wr_u8(w, (uint8_t)('0' + c / 100));
	wr_u8(w, (uint8_t)('0' + c / 10 % 10));
	wr_u8(w, (uint8_t)('0' + c % 10));
}

const char *dns_name_print(const struct dns_name *name, char *buf, size_t size)
{
	struct wr w = wr_make((uint8_t *)buf, size ? size - 1 : 0);

	if (!size)
		return buf;
	if (name->len <= 1)
		wr_u8(&w, '.');
	for (size_t i = 0; i < name->len && name->b[i];) {
		size_t end = i + 1 + name->b[i];

		if (i)
			wr_u8(&w, '.');
		for (i++; i < end; i++)
			name_put(&w, name->b[i]);
	}
	*w.p = '\0';
	return buf;
}

/* Lengths are below 'A', so that lowering a whole name leaves them as they are. */
static bool name_bytes_eq(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name_lower(a[i]) != name_lower(b[i]))
			return false;
	return true;
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && name_bytes_eq(a->b, b->b, a->len);
}

bool dns_name_eq_case(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

bool dns_name_is_within(const struct dns_name *name, const struct dns_name *zone)
{
	size_t i = 0;

	/* Only where a label begins: "badexample" is not in "example". */
	while (i < name->len && name->len - i > zone->len)
		i += 1u + name->b[i];
	return i < name->len && name->len - i == zone->len &&
	       name_bytes_eq(name->b + i, zone->b, zone->len);
}

unsigned int dns_name_n_labels(const struct dns_name *name)
{
	unsigned int n = 0;

	for (size_t i = 0; i < name->len && name->b[i]; i += 1u + name->b[i])
		n++;
	return n;
}

void dns_name_lower(struct dns_name *name)
{
	for (size_t i = 0; i < name->len; i++)
		name->b[i] = name_lower(name->b[i]);
}

int dns_name_join(const struct dns_name *name, const struct dns_name *zone, struct dns_name *ret)
{
	struct dns_name both = *name;

	if (name->len - 1 + zone->len > DNS_NAME_MAX)
		return -EINVAL;
	memcpy(both.b + both.len - 1, zone->b, zone->len);
	both.len = (uint8_t)(both.len - 1 + zone->len);
	*ret = both;
	return 0;
}

/*
 * `low` is where the run of labels under way began: a pointer has to lead before it, so each one
 * leads further to the front and the walk ends.
 */
int dns_name_read(struct rd *r, const uint8_t *msg, struct dns_name *ret)
{
	struct dns_name name = {.len = 0};
	struct rd at = *r;
	size_t low = (size_t)(at.p - msg);
	unsigned int n_pointers = 0;
	uint8_t n;

	while ((n = rd_u8(&at)) != 0) {
		size_t off;

		if ((n & DNS_POINTER) == DNS_POINTER) {
			off = (size_t)(n << 8 | rd_u8(&at)) & DNS_POINTER_OFF;
			if (!rd_ok(&at) || off >= low || ++n_pointers > DNS_POINTERS_MAX)
				goto fail;
			if (n_pointers == 1)
				*r = at;
			at.p = msg + off;
			low = off;
			continue;
		}
		if (n > DNS_LABEL_MAX || name.len + 1u + n >= DNS_NAME_MAX)
			goto fail;
		name.b[name.len] = n;
		rd_copy(&at, &name.b[name.len + 1], n);
		name.len = (uint8_t)(name.len + 1 + n);
	}
	if (!rd_ok(&at))
		goto fail;
	if (n_pointers == 0)
		*r = at;
	name.b[name.len++] = 0;
	*ret = name;
	return 0;
fail:
	r->bad = true;
	return -EBADMSG;
}
