/* SPDX-License-Identifier: MIT */
/*
 * Conditional requests (RFC 9110 §13): whether a document is sent at all, given what the client
 * says that it has.
 */
#pragma once

#include "net/http/http_parse.h"

enum {
	HTTP_ETAG_SIZE = 64, /* room for an entity tag with its quotes and the NUL */
};

/* What identifies a version of a document. */
struct http_validators {
	char etag[HTTP_ETAG_SIZE]; /* strong, with quotes */
	bool has_mtime;
	int64_t mtime_s; /* since 1970 */
};

enum http_cond_result {
	HTTP_COND_SEND,         /* as if there were no condition */
	HTTP_COND_NOT_MODIFIED, /* 304 */
	HTTP_COND_FAILED,       /* 412 */
};

/* The conditions of a GET or HEAD request in the order of §13.2.2. Dates that are no dates, or come
 * twice, count as not there. */
enum http_cond_result http_cond_check(const struct http_request *req, const char *buf,
				      const struct http_validators *v, int64_t now_s);

/* Whether the Range field counts: there is no If-Range, or it names this version (§13.1.5). */
bool http_cond_range_applies(const struct http_request *req, const char *buf,
			     const struct http_validators *v, int64_t now_s);
