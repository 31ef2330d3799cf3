/* SPDX-License-Identifier: MIT */
/* The Range field; the contract is in http_range.h. */
#include "net/http/http_range.h"

#include <string.h>

/* "-N": the last N bytes. */
static enum http_range_result parse_suffix(struct http_text digits, uint64_t size,
					   struct http_range *ret)
{
	uint64_t n;

	if (!http_text_u64(digits, &n))
		return HTTP_RANGE_WHOLE;
	if (n == 0)
		return HTTP_RANGE_UNSATISFIABLE;
	if (size == 0) /* §14.1.2 says satisfiable; but Content-Range has no form for nothing */
		return HTTP_RANGE_WHOLE;
	n = n < size ? n : size;
	*ret = (struct http_range){.off = size - n, .len = n};
	return HTTP_RANGE_PART;
}

/* "A-B" or "A-". */
static enum http_range_result parse_from(struct http_text first_digits,
					 struct http_text last_digits, uint64_t size,
					 struct http_range *ret)
{
	uint64_t first, last = UINT64_MAX;

	if (!http_text_u64(first_digits, &first) ||
	    (last_digits.len && !http_text_u64(last_digits, &last)) || last < first)
		return HTTP_RANGE_WHOLE;
	if (first >= size)
		return HTTP_RANGE_UNSATISFIABLE;
	last = last < size ? last : size - 1;
	*ret = (struct http_range){.off = first, .len = last - first + 1};
	return HTTP_RANGE_PART;
}

enum http_range_result http_range_parse(struct http_text value, uint64_t size,
					struct http_range *ret)
{
	static const char unit[] = "bytes=";
	size_t unit_len = sizeof(unit) - 1;
	struct http_text set, spec, second, first;
	const char *dash;

	if (value.len < unit_len || !http_text_is(http_text_make(value.p, unit_len), unit))
		return HTTP_RANGE_WHOLE;
	set = http_text_make(value.p + unit_len, value.len - unit_len);
	if (!http_text_next(&set, &spec) || http_text_next(&set, &second))
		return HTTP_RANGE_WHOLE;
	dash = memchr(spec.p, '-', spec.len);
	if (!dash)
		return HTTP_RANGE_WHOLE;
	first = http_text_make(spec.p, (size_t)(dash - spec.p));
	second = http_text_make(dash + 1, spec.len - first.len - 1);
	return first.len ? parse_from(first, second, size, ret) : parse_suffix(second, size, ret);
}
