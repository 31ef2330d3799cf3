/* SPDX-License-Identifier: MIT */
/*
 * Skips the body of a request (RFC 9112 §6, §7.1), so that the next request on the connection is
 * found: a body of known length, or chunks and their trailer. No I/O, no allocation.
 *
 * A client cannot make it go on for ever: what is longer than the bound given at the start is
 * refused, and so is a chunk's head or a trailer beyond HTTP_BODY_LINES bytes in all.
 */
#pragma once

#include "net/http/http_parse.h"

enum {
	HTTP_BODY_LINES = 8192, /* bytes of chunk heads and trailer in all */
};

enum http_body_state {
	HTTP_BODY_BYTES,      /* `left` bytes of a body or chunk follow */
	HTTP_BODY_CHUNK_SIZE, /* digits */
	HTTP_BODY_CHUNK_EXT,  /* what follows the digits, up to the LF */
	HTTP_BODY_CHUNK_END,  /* the line end after a chunk's bytes */
	HTTP_BODY_TRAILER,    /* lines up to an empty one */
	HTTP_BODY_DONE,
	HTTP_BODY_BAD, /* not well-formed, or above a bound */
};

struct http_body {
	enum http_body_state state;
	uint64_t left; /* bytes of the body or chunk to come; while digits come, their value */
	uint64_t total_left; /* bytes of body that may still come */
	uint32_t line_bytes; /* of chunk heads and trailer so far */
	uint32_t n_digits;   /* of this chunk's size */
	uint32_t n_col;      /* bytes in this line of the trailer, without CR */
	bool is_chunked;
	bool has_cr; /* the last byte was a CR, and only LF may follow */
};

/* For the body of `req`, of at most `max_bytes`; `state` is HTTP_BODY_DONE at once when there is
 * none, and HTTP_BODY_BAD when it is known to be longer. */
void http_body_init(struct http_body *b, const struct http_request *req, uint64_t max_bytes);

/* Takes what belongs to the body off the `len` bytes at `buf`: returns how many. Fewer than `len`
 * only when the state is HTTP_BODY_DONE or HTTP_BODY_BAD afterwards. */
size_t http_body_skip(struct http_body *b, const char *buf, size_t len);
