/* SPDX-License-Identifier: MIT */
/*
 * What a web server reads: the input is the bytes of a connection, requests one after the other,
 * each with its body. The first byte says into what pieces they are cut, which must not matter.
 * What a request says is taken apart as the server does.
 */
#include "fuzz.h"

#include "net/http/http_body.h"
#include "net/http/http_cond.h"
#include "net/http/http_date.h"
#include "net/http/http_parse.h"
#include "net/http/http_path.h"
#include "net/http/http_range.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	BODY_MAX = 300,
	DOC_SIZE = 1000,
	NOW_S = 1700000000,
};

static const struct http_validators validators = {
	.etag = "\"e\"",
	.has_mtime = true,
	.mtime_s = 784111777,
};

/* In pieces; each call sees a block of exactly the bytes so far. */
static enum http_parse_result parse_cut(struct http_parser *p, const char *buf, size_t len,
					size_t piece)
{
	enum http_parse_result r = HTTP_PARSE_MORE;

	http_parser_init(p);
	for (size_t n = 0; r == HTTP_PARSE_MORE && n < len;) {
		char *block;

		n = len - n < piece ? len : n + piece;
		block = malloc(n);
		if (!block)
			abort();
		memcpy(block, buf, n);
		r = http_parse(p, block, n);
		free(block);
	}
	return r;
}

static void check_path(struct http_text raw)
{
	char path[HTTP_PATH_SIZE], again[HTTP_PATH_SIZE], escaped[3 * HTTP_PATH_SIZE];
	int len = http_path_parse(raw, path);

	if (len < 0)
		return;
	assert((size_t)len == strlen(path) && path[0] == '/');
	assert(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../"));
	assert(len < 3 || strcmp(path + len - 3, "/..") != 0);
	assert(http_path_escape(path, escaped, sizeof(escaped)) == 0);
	assert(http_path_parse(http_text_make(escaped, strlen(escaped)), again) == len);
	assert(strcmp(path, again) == 0);
}

static void check_range(const struct http_request *req, const char *buf)
{
	struct http_range range;
	struct http_text value;

	if (!http_request_only(req, buf, "Range", &value) ||
	    http_range_parse(value, DOC_SIZE, &range) != HTTP_RANGE_PART)
		return;
	assert(range.len > 0 && range.off < DOC_SIZE && range.len <= DOC_SIZE - range.off);
}

static void check_date(const struct http_request *req, const char *buf)
{
	char text[HTTP_DATE_SIZE];
	struct http_text value;
	int64_t time_s, again_s;

	if (!http_request_only(req, buf, "If-Modified-Since", &value) ||
	    http_date_parse(value, NOW_S, &time_s) != 0)
		return;
	http_date_write(time_s, text);
	if (time_s < 253402300800) { /* a leap second may be the first second of the year 10000 */
		assert(http_date_parse(http_text_make(text, strlen(text)), NOW_S, &again_s) == 0);
		assert(again_s == time_s);
	}
}

static void check_request(const struct http_request *req, const char *buf)
{
	check_path(http_span_text(buf, req->path));
	check_range(req, buf);
	check_date(req, buf);
	if (http_cond_check(req, buf, &validators, NOW_S) == HTTP_COND_SEND)
		(void)http_cond_range_applies(req, buf, &validators, NOW_S);
}

/* Returns how many bytes the body takes; all of them when it does not end. */
static size_t skip_body(const struct http_request *req, const char *buf, size_t len, size_t piece)
{
	struct http_body whole, cut;
	size_t taken, n = 0;

	http_body_init(&whole, req, BODY_MAX);
	taken = http_body_skip(&whole, buf, len);
	assert(taken == len || whole.state == HTTP_BODY_DONE || whole.state == HTTP_BODY_BAD);
	http_body_init(&cut, req, BODY_MAX);
	while (n < len && cut.state != HTTP_BODY_DONE && cut.state != HTTP_BODY_BAD)
		n += http_body_skip(&cut, buf + n, len - n < piece ? len - n : piece);
	assert(n == taken && cut.state == whole.state);
	return whole.state == HTTP_BODY_DONE ? taken : len;
}

static bool spans_are_same(struct http_span a, struct http_span b)
{
	return a.off == b.off && a.len == b.len;
}

static bool requests_are_same(const struct http_request *a, const struct http_request *b)
{
	return a->method == b->method && a->minor == b->minor && a->is_absolute == b->is_absolute &&
	       a->is_asterisk == b->is_asterisk && a->keep_alive == b->keep_alive &&
	       a->expects_continue == b->expects_continue && a->is_chunked == b->is_chunked &&
	       a->has_length == b->has_length && a->content_length == b->content_length &&
	       spans_are_same(a->line, b->line) && spans_are_same(a->path, b->path) &&
	       spans_are_same(a->query, b->query) && spans_are_same(a->host, b->host) &&
	       a->n_fields == b->n_fields && memcmp(a->fields, b->fields, sizeof(a->fields)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_parser whole, cut;
	size_t piece = size ? (size_t)data[0] + 1 : 1;
	const char *buf = (const char *)data + 1;
	size_t left = size ? size - 1 : 0;

	while (left) {
		enum http_parse_result r, rc;

		http_parser_init(&whole);
		r = http_parse(&whole, buf, left < HTTP_HEAD_MAX ? left : HTTP_HEAD_MAX);
		rc = parse_cut(&cut, buf, left, piece);
		assert(left < HTTP_HEAD_MAX || r != HTTP_PARSE_MORE);
		assert(r == rc && whole.status == cut.status && whole.head_len == cut.head_len);
		assert(requests_are_same(&whole.req, &cut.req));
		if (r != HTTP_PARSE_DONE)
			return 0;
		check_request(&whole.req, buf);
		buf += whole.head_len;
		left -= whole.head_len;
		left -= skip_body(&whole.req, buf, left, piece);
		buf = (const char *)data + size - left;
	}
	return 0;
}
