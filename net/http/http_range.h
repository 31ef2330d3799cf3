/* SPDX-License-Identifier: MIT */
/*
 * The Range field (RFC 9110 §14): which part of a document is asked for.
 *
 * One range is served. A field that asks for several, in another unit, or that makes no sense, is
 * taken as if it were not there, which §14.2 allows: the answer is the whole document. Nobody can
 * make the server do much work with a short request that way.
 */
#pragma once

#include "net/http/http_text.h"

enum http_range_result {
	HTTP_RANGE_WHOLE,         /* serve everything, 200 */
	HTTP_RANGE_PART,          /* serve `ret`, 206 */
	HTTP_RANGE_UNSATISFIABLE, /* 416 */
};

struct http_range {
	uint64_t off; /* bytes from the start */
	uint64_t len; /* bytes; not 0 */
};

/* Of a document of `size` bytes. `ret` is set when the result is HTTP_RANGE_PART, and lies inside
 * the document then. */
enum http_range_result http_range_parse(struct http_text value, uint64_t size,
					struct http_range *ret);
