/* SPDX-License-Identifier: MIT */
/* Reading of responses; the contracts are in http_reply.h. */
#include "net/http/http_reply.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* "HTTP/1.x NNN ..." */
static int status_line_read(struct http_reply *r)
{
	const char *p = r->line;

	if (r->n_line < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9' ||
	    p[8] != ' ' || (r->n_line > 12 && p[12] != ' '))
		return -EPROTO;
	r->status = 0;
	for (int i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -EPROTO;
		r->status = r->status * 10 + (uint32_t)(p[i] - '0');
	}
	r->is_chunked = false;
	r->has_length = false;
	r->state = HTTP_REPLY_FIELDS;
	return 0;
}

static int length_read(struct http_reply *r, const char *p, const char *end)
{
	uint64_t n = 0;

	if (p == end)
		return -EPROTO;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return -EPROTO;
	}
	if (r->has_length && r->length != n)
		return -EPROTO;
	r->has_length = true;
	r->length = n;
	return 0;
}

static int field_read(struct http_reply *r)
{
	const char *colon = memchr(r->line, ':', r->n_line);
	const char *p, *end = r->line + r->n_line;
	size_t n_name;

	if (!colon || colon == r->line)
		return -EPROTO;
	n_name = (size_t)(colon - r->line);
	for (p = colon + 1; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (n_name == 14 && !strncasecmp(r->line, "content-length", n_name))
		return length_read(r, p, end);
	if (n_name == 17 && !strncasecmp(r->line, "transfer-encoding", n_name)) {
		if (end - p != 7 || strncasecmp(p, "chunked", 7) != 0)
			return -EPROTO;
		r->is_chunked = true;
	}
	return 0;
}

/* The empty line: what comes now? */
static int head_end(struct http_reply *r)
{
	struct http_request framing = {
		.is_chunked = r->is_chunked,
		.has_length = r->has_length,
		.content_length = r->length,
	};

	if (r->status >= 100 && r->status < 200 && r->status != 101) {
		r->state = HTTP_REPLY_STATUS_LINE;
		return 0;
	}
	if (r->is_chunked && r->has_length)
		return -EPROTO;
	if (r->status == 204 || r->status == 304) {
		r->state = HTTP_REPLY_DONE;
	} else if (!r->is_chunked && !r->has_length) {
		r->state = HTTP_REPLY_BODY_TO_EOF;
	} else {
		http_body_init(&r->body, &framing, UINT64_MAX);
		r->state = r->body.state == HTTP_BODY_DONE ? HTTP_REPLY_DONE : HTTP_REPLY_BODY;
	}
	return 0;
}

static int line_end(struct http_reply *r)
{
	int err;

	if (r->n_line && r->line[r->n_line - 1] == '\r')
		r->n_line--;
	if (r->state == HTTP_REPLY_STATUS_LINE)
		err = status_line_read(r);
	else
		err = r->n_line ? field_read(r) : head_end(r);
	r->n_line = 0;
	return err;
}

/* Takes a part of a head: how many bytes, or -EPROTO. */
static ptrdiff_t head_read(struct http_reply *r, const char *buf, size_t len)
{
	const char *lf = memchr(buf, '\n', len);
	size_t n = lf ? (size_t)(lf - buf) : len;
	size_t n_taken = lf ? n + 1 : n;
	int err;

	if (n_taken > HTTP_REPLY_HEAD_MAX - r->head_bytes)
		return -EPROTO;
	memcpy(r->line + r->n_line, buf, n);
	r->n_line += (uint32_t)n;
	r->head_bytes += (uint32_t)n_taken;
	err = lf ? line_end(r) : 0;
	return err ? err : (ptrdiff_t)n_taken;
}

/* Takes a part of the body: how many bytes, or -EPROTO. What stands between chunks goes byte by
 * byte, so that its bound is counted from the last byte of the body, however the input is cut. */
static ptrdiff_t body_read(struct http_reply *r, const char *buf, size_t len)
{
	uint64_t before = r->body.total_left;
	size_t max = 1;
	size_t n;

	if (r->state == HTTP_REPLY_BODY_TO_EOF) {
		r->body_bytes += len;
		return (ptrdiff_t)len;
	}
	if (r->body.state == HTTP_BODY_BYTES)
		max = r->body.left < len ? (size_t)r->body.left : len;
	n = http_body_skip(&r->body, buf, max);
	if (before != r->body.total_left)
		r->body.line_bytes = 0;
	r->body_bytes += before - r->body.total_left;
	if (r->body.state == HTTP_BODY_BAD)
		return -EPROTO;
	if (r->body.state == HTTP_BODY_DONE)
		r->state = HTTP_REPLY_DONE;
	return (ptrdiff_t)n;
}

void http_reply_init(struct http_reply *r)
{
	r->state = HTTP_REPLY_STATUS_LINE;
	r->status = 0;
	r->body_bytes = 0;
	r->head_bytes = 0;
	r->n_line = 0;
}

void http_reply_read(struct http_reply *r, const char *buf, size_t len)
{
	while (len && r->state < HTTP_REPLY_DONE) {
		ptrdiff_t n = r->state < HTTP_REPLY_BODY ? head_read(r, buf, len)
							 : body_read(r, buf, len);

		if (n < 0) {
			r->state = HTTP_REPLY_BAD;
			return;
		}
		buf += n;
		len -= (size_t)n;
	}
}

void http_reply_eof(struct http_reply *r)
{
	if (r->state != HTTP_REPLY_DONE)
		r->state = r->state == HTTP_REPLY_BODY_TO_EOF ? HTTP_REPLY_DONE : HTTP_REPLY_BAD;
}
