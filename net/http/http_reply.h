/* SPDX-License-Identifier: MIT */
/*
 * A response as a client reads it (RFC 9112): the head line by line up to the empty one, then a
 * body of known length, in chunks, or up to the end of the connection (§6.3). Responses 1xx are
 * skipped. No I/O, no allocation; the result does not depend on how the bytes were cut into calls.
 *
 * The body is counted, not stored; all heads together are at most HTTP_REPLY_HEAD_MAX bytes.
 * Lengths that contradict each other are refused, as a server refuses them in a request.
 */
#pragma once

#include "net/http/http_body.h"

enum {
	HTTP_REPLY_HEAD_MAX = 16384,
};

enum http_reply_state {
	HTTP_REPLY_STATUS_LINE,
	HTTP_REPLY_FIELDS,
	HTTP_REPLY_BODY,        /* of a length that is known by and by */
	HTTP_REPLY_BODY_TO_EOF, /* up to the end of the connection */
	HTTP_REPLY_DONE,
	HTTP_REPLY_BAD, /* not well-formed, or above a bound */
};

struct http_reply {
	enum http_reply_state state;
	uint32_t status;     /* of the last status line */
	uint64_t body_bytes; /* so far */

	bool is_chunked, has_length;
	uint64_t length;
	struct http_body body;
	uint32_t head_bytes; /* of all heads so far */
	uint32_t n_line;     /* bytes in `line` */
	char line[HTTP_REPLY_HEAD_MAX];
};

/* For the response to a GET. */
void http_reply_init(struct http_reply *r);
/* Takes bytes; those behind the end of the response are left alone. */
void http_reply_read(struct http_reply *r, const char *buf, size_t len);
/* The connection has ended: the response is complete now, or it is bad. */
void http_reply_eof(struct http_reply *r);
