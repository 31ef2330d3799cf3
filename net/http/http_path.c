/* SPDX-License-Identifier: MIT */
/* Paths of requests; the contracts are in http_path.h. */
#include "net/http/http_path.h"

#include <errno.h>
#include <string.h>

/* Takes one byte off `raw`, decoded. Returns it, or -EINVAL. */
static int take_byte(struct http_text *raw)
{
	bool is_escape = raw->p[0] == '%';
	int c = (uint8_t)raw->p[0];

	if (is_escape) {
		int high = raw->len > 2 ? http_hex_value(raw->p[1]) : -1;
		int low = raw->len > 2 ? http_hex_value(raw->p[2]) : -1;

		if (high < 0 || low < 0)
			return -EINVAL;
		c = high << 4 | low;
	}
	if (c < ' ' || c == 0x7f || c == '\\' || (is_escape && c == '/'))
		return -EINVAL;
	raw->p += is_escape ? 3 : 1;
	raw->len -= is_escape ? 3 : 1;
	return c;
}

/* What a finished segment, the bytes after the slash before `len`, does to the path: its length
 * afterwards, or -EINVAL. */
static int finish_segment(const char *path, size_t start, size_t len)
{
	size_t n = len - start;

	if (n == 2 && path[start] == '.' && path[start + 1] == '.')
		return -EINVAL;
	if (n == 1 && path[start] == '.')
		return (int)start;
	return (int)len;
}

int http_path_parse(struct http_text raw, char *ret_path)
{
	char path[HTTP_PATH_SIZE] = "/";
	size_t start = 1, len = 1; /* of the segment that is being read; of all */
	int r;

	if (raw.len && raw.p[0] != '/')
		return -EINVAL;
	while (raw.len) {
		int c = take_byte(&raw);

		if (c < 0)
			return c;
		if (c == '/') {
			r = finish_segment(path, start, len);
			if (r < 0)
				return r;
			len = (size_t)r;
			start = len;
			if (path[len - 1] == '/')
				continue;
			start++;
		}
		if (len + 1 == sizeof(path))
			return -ENAMETOOLONG;
		path[len++] = (char)c;
	}
	r = finish_segment(path, start, len);
	if (r < 0)
		return r;
	memcpy(ret_path, path, (size_t)r);
	ret_path[r] = '\0';
	return r;
}

int http_path_escape(const char *path, char *ret, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = 0;

	for (; *path; path++) {
		uint8_t c = (uint8_t)*path;
		bool plain = http_is_alpha(*path) || http_is_digit(*path) || strchr("-._~/", c);

		if (len + (plain ? 1 : 3) >= size)
			return -ENAMETOOLONG;
		if (plain) {
			ret[len++] = *path;
		} else {
			ret[len++] = '%';
			ret[len++] = hex[c >> 4];
			ret[len++] = hex[c & 15];
		}
	}
	if (len >= size)
		return -ENAMETOOLONG;
	ret[len] = '\0';
	return 0;
}
