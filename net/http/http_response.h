/* SPDX-License-Identifier: MIT */
/* The head of a response (RFC 9112 §4, RFC 9110 §15), and the text of one that is an error. */
#pragma once

#include "net/http/http_cond.h"
#include "net/http/http_range.h"

enum {
	HTTP_TYPE_MAX = 128,      /* bytes of a Content-Type */
	HTTP_LOCATION_MAX = 4096, /* bytes of a Location */
	/* Room for any head and error text, with the NUL, but for the Location. */
	HTTP_RESPONSE_SIZE = 1536,
};

/* What is 0 or NULL is left out. */
struct http_response {
	uint32_t status;
	uint32_t retry_after_s;
	bool keep_alive;
	bool is_http10;   /* the request was: "keep-alive" has to be said */
	bool has_length;  /* there is a Content-Length */
	uint64_t length;  /* of the content, also when it is not sent (HEAD) */
	int64_t now_s;    /* for Date */
	const char *type; /* Content-Type */
	const struct http_validators *validators;
	bool accepts_ranges;
	struct http_range range;      /* of a 206; */
	uint64_t whole_length;        /* of a 206 and a 416: the document's length */
	const char *location, *query; /* of a 301: escaped path, query with its '?' */
	size_t query_len;
	bool allow; /* list the methods */
};

/* "Not Found"; "Unknown" for a status that this server does not send. */
const char *http_status_text(uint32_t status);

/* Writes the head with its empty line, and a NUL. Returns its length, or -ENAMETOOLONG. */
int http_response_write(const struct http_response *r, char *ret, size_t size)
	__attribute__((warn_unused_result));
