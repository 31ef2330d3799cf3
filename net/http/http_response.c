/* SPDX-License-Identifier: MIT */
/* Heads of responses; the contracts are in http_response.h. */
#include "net/http/http_response.h"

#include "net/http/http_date.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A buffer that is filled up; once something did not fit, `len` is `size`. */
struct out {
	char *buf;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...)
{
	size_t left = o->size - o->len;
	va_list args;
	int n;

	va_start(args, fmt);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang-tidy 14 misses va_start() */
	n = vsnprintf(o->buf + o->len, left, fmt, args);
	va_end(args);
	o->len = n >= 0 && (size_t)n < left ? o->len + (size_t)n : o->size;
}

const char *http_status_text(uint32_t status)
{
	static const struct {
		uint32_t status;
		const char *text;
	} texts[] = {
		{200, "OK"},
		{204, "No Content"},
		{206, "Partial Content"},
		{301, "Moved Permanently"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{412, "Precondition Failed"},
		{414, "URI Too Long"},
		{416, "Range Not Satisfiable"},
		{417, "Expectation Failed"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unknown";
}

/* §8.8.2.1: not later than the Date. */
static void put_validators(struct out *o, const struct http_validators *v, int64_t now_s)
{
	char date[HTTP_DATE_SIZE];

	put(o, "ETag: %s\r\n", v->etag);
	if (!v->has_mtime)
		return;
	http_date_write(v->mtime_s < now_s ? v->mtime_s : now_s, date);
	put(o, "Last-Modified: %s\r\n", date);
}

static void put_content(struct out *o, const struct http_response *r)
{
	if (r->type)
		put(o, "Content-Type: %s\r\n", r->type);
	if (r->has_length)
		put(o, "Content-Length: %" PRIu64 "\r\n", r->length);
	if (r->status == 206)
		put(o, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", r->range.off,
		    r->range.off + r->range.len - 1, r->whole_length);
	if (r->status == 416)
		put(o, "Content-Range: bytes */%" PRIu64 "\r\n", r->whole_length);
	if (r->accepts_ranges)
		put(o, "Accept-Ranges: bytes\r\n");
}

int http_response_write(const struct http_response *r, char *ret, size_t size)
{
	struct out o = {.buf = ret, .size = size};
	char date[HTTP_DATE_SIZE];

	http_date_write(r->now_s, date);
	put(&o, "HTTP/1.1 %u %s\r\nDate: %s\r\nServer: weft\r\n", r->status,
	    http_status_text(r->status), date);
	if (r->validators)
		put_validators(&o, r->validators, r->now_s);
	put_content(&o, r);
	if (r->location)
		put(&o, "Location: %s%.*s\r\n", r->location, (int)r->query_len, r->query);
	if (r->allow)
		put(&o, "Allow: GET, HEAD, OPTIONS\r\n");
	if (r->retry_after_s)
		put(&o, "Retry-After: %u\r\n", r->retry_after_s);
	if (!r->keep_alive)
		put(&o, "Connection: close\r\n");
	else if (r->is_http10)
		put(&o, "Connection: keep-alive\r\n");
	put(&o, "\r\n");
	return o.len < o.size ? (int)o.len : -ENAMETOOLONG;
}
