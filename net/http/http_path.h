/* SPDX-License-Identifier: MIT */
/*
 * The path of a request's target: percent-decoded, in one normal form, and such that it names
 * nothing above the root (RFC 3986 §2.1, §6.2.2).
 *
 * The normal form starts with '/', has neither empty nor "." segments, and ends in '/' exactly if
 * the path named a directory ("/a/", "/a/."). Refused instead of normalised: ".." (clients resolve
 * it themselves before they ask), an encoded slash, a backslash, NUL and other control characters,
 * because each of them means one thing here and another elsewhere.
 */
#pragma once

#include "net/http/http_text.h"

enum {
	HTTP_PATH_SIZE = 4096, /* room for any path that is served, with the NUL: PATH_MAX */
};

/*
 * Writes the normal form of `raw` (no query; empty: "/") with a NUL into `ret_path`, which has room
 * for HTTP_PATH_SIZE bytes. Returns its length, or
 *   -EINVAL        a wrong escape, or something that is refused;
 *   -ENAMETOOLONG  it does not fit.
 */
int http_path_parse(struct http_text raw, char *ret_path) __attribute__((warn_unused_result));

/* Writes a path in normal form as it stands in a Location field, with a NUL: everything but
 * unreserved characters and '/' as escapes. -ENAMETOOLONG: longer than `size`. */
int http_path_escape(const char *path, char *ret, size_t size) __attribute__((warn_unused_result));
