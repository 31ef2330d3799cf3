/* SPDX-License-Identifier: MIT */
/*
 * The head of an HTTP/1.x request, from bytes to a checked struct (RFC 9112, RFC 9110). No I/O, no
 * allocation.
 *
 * The caller collects the bytes of a request in a buffer and calls http_parse() whenever there are
 * more; each byte is looked at once, and the result does not depend on how the bytes were cut into
 * calls. Everything found is kept as an offset into that buffer, which may move between calls.
 *
 * It is strict where leniency lets two servers see different requests in the same bytes: no folded
 * lines, no blank before a colon, no bare CR, one length of the body and no more than one.
 */
#pragma once

#include "net/http/http_text.h"

enum {
	HTTP_LINE_MAX = 8192,      /* bytes of the request line; more: 414 */
	HTTP_FIELDS_BYTES = 16384, /* of all field lines and the empty one; more: 431 */
	HTTP_FIELDS_MAX = 100,     /* field lines; more: 431 */
	HTTP_EMPTY_MAX = 4, /* empty lines skipped before the request line (RFC 9112 §2.2) */
	/* The longest head there can be, and so the most that a caller stores. */
	HTTP_HEAD_MAX = 2 * HTTP_EMPTY_MAX + HTTP_LINE_MAX + 2 + HTTP_FIELDS_BYTES,
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_OPTIONS,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_CONNECT,
	HTTP_TRACE,
	HTTP_PATCH,
	HTTP_METHOD_UNKNOWN, /* a token, but none of these */
};

/* Bytes of the head. */
struct http_span {
	uint16_t off, len;
};

struct http_field {
	struct http_span name, value; /* the value without blanks around it */
};

struct http_request {
	enum http_method method;
	uint8_t minor;           /* of HTTP/1.x: 0, or 1 for all later ones */
	bool is_absolute;        /* the target was http://host/path */
	bool is_asterisk;        /* the target was * */
	bool keep_alive;         /* the client allows the connection to go on */
	bool expects_continue;   /* waits for 100 (Continue) before it sends the body */
	bool is_chunked;         /* the body comes in chunks ... */
	bool has_length;         /* ... or is this long; neither: there is none */
	uint64_t content_length; /* bytes; 0 unless has_length */
	struct http_span line;   /* the request line, for logs */
	struct http_span path;   /* as sent; empty: "/" is meant (http://host), or there is none */
	struct http_span query;  /* with its '?'; empty: none */
	struct http_span host;   /* with its port; from the target if that had one, else of Host */
	uint32_t n_fields;
	struct http_field fields[HTTP_FIELDS_MAX]; /* in their order */
};

enum http_parse_result {
	HTTP_PARSE_MORE, /* the head is not complete */
	HTTP_PARSE_DONE, /* `req` and `head_len` are set */
	HTTP_PARSE_BAD,  /* `status` and `why` are set; the connection cannot be used further */
};

struct http_parser {
	struct http_request req;
	uint32_t head_len; /* bytes up to and with the empty line */
	uint32_t status;   /* 400, 414, 417, 431, 501 or 505 */
	const char *why;   /* a sentence's part for people: "a field line is folded" */

	uint32_t pos;                    /* bytes looked at */
	uint32_t line_off;               /* where the current line starts */
	uint32_t fields_off;             /* where the first field line starts; 0: in front of it */
	uint32_t n_empty;                /* empty lines skipped */
	uint32_t n_host, n_length, n_te; /* fields of these names */
	bool wants_close, wants_keep_alive;
};

void http_parser_init(struct http_parser *p);

/* `buf` holds the `len` bytes since the request's start: those of the call before, and more. To be
 * called again only after HTTP_PARSE_MORE. */
enum http_parse_result http_parse(struct http_parser *p, const char *buf, size_t len);

static inline struct http_text http_span_text(const char *buf, struct http_span span)
{
	return http_text_make(buf + span.off, span.len);
}

/* Walks the fields of one name: sets `ret_value` to the next one's value. `it` starts at 0. False:
 * there is none left. */
bool http_request_next(const struct http_request *req, const char *buf, const char *name,
		       uint32_t *it, struct http_text *ret_value);

/* The value of the field of that name when there is exactly one. */
bool http_request_only(const struct http_request *req, const char *buf, const char *name,
		       struct http_text *ret_value);
