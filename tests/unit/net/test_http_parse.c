/* SPDX-License-Identifier: MIT */
/*
 * Requests, good and bad. Each is parsed whole, byte by byte, and cut in two at every place: the
 * results are the same, and no truncation of a good request is complete or refused.
 */
#include "net/http/http_parse.h"

#include "unit.h"

#include <stdio.h>

/* Copies of exactly the bytes given, so that a sanitizer sees the first one read past the end. */
static enum http_parse_result feed(struct http_parser *p, const char *bytes, size_t len)
{
	char *copy = malloc(len + 1);
	char *exact;
	enum http_parse_result r;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	exact = realloc(copy, len ? len : 1);
	assert_non_null(exact);
	r = http_parse(p, exact, len);
	free(exact);
	return r;
}

static enum http_parse_result parse_whole(struct http_parser *p, const char *bytes, size_t len)
{
	http_parser_init(p);
	return feed(p, bytes, len);
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

static void assert_same(enum http_parse_result ra, const struct http_parser *a,
			enum http_parse_result rb, const struct http_parser *b)
{
	assert_int_equal(ra, rb);
	assert_int_equal(a->status, b->status);
	assert_ptr_equal(a->why, b->why);
	assert_int_equal(a->head_len, b->head_len);
	assert_true(requests_are_same(&a->req, &b->req));
}

/* Cuts a request in every way. The parser stops at the first byte that decides. */
static void assert_cuts_do_not_matter(const char *bytes, size_t len)
{
	struct http_parser whole, cut;
	enum http_parse_result r = parse_whole(&whole, bytes, len), rc = HTTP_PARSE_MORE;

	http_parser_init(&cut);
	for (size_t n = 1; n <= len && rc == HTTP_PARSE_MORE; n++)
		rc = feed(&cut, bytes, n);
	assert_same(r, &whole, rc, &cut);
	for (size_t n = 0; n <= len; n += len > 2000 ? 97 : 1) {
		http_parser_init(&cut);
		rc = feed(&cut, bytes, n);
		if (rc == HTTP_PARSE_MORE)
			rc = feed(&cut, bytes, len);
		assert_same(r, &whole, rc, &cut);
	}
}

#define H  "Host: a\r\n"
#define OK 200
/* One request a line: the status it is refused with, or 200. */
static const struct {
	uint32_t status;
	const char *text;
} requests[] = {
	/* request lines */
	{OK, "GET / HTTP/1.1\r\n" H "\r\n"},
	{OK, "HEAD / HTTP/1.1\r\n" H "\r\n"},
	{OK, "GET / HTTP/1.0\r\n\r\n"},
	{OK, "GET / HTTP/1.9\r\n" H "\r\n"},
	{OK, "GET / HTTP/1.1\n"
	     "Host: a\n"
	     "\n"},
	{OK, "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"},
	{OK, "\n\n\n\nGET / HTTP/1.1\r\n" H "\r\n"},
	{400, "\n\n\n\n\nGET / HTTP/1.1\r\n" H "\r\n"},
	{OK, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n"},
	{OK, "BREW / HTTP/1.1\r\n" H "\r\n"},
	{OK, "get / HTTP/1.1\r\n" H "\r\n"},
	{OK, "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n" H "\r\n"},
	{400, "G(T / HTTP/1.1\r\n" H "\r\n"},
	{400, " GET / HTTP/1.1\r\n" H "\r\n"},
	{400, "GET  / HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /  HTTP/1.1\r\n" H "\r\n"},
	{400, "GET / HTTP/1.1 \r\n" H "\r\n"},
	{400, "GET\t/ HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /\tHTTP/1.1\r\n" H "\r\n"},
	{400, "GET / HTTP/1.1\t\r\n" H "\r\n"},
	{400, "GET / a HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /\r\n"},
	{400, "GET\r\n"},
	{400, "GET / \r\n"},
	{400, "/ HTTP/1.1\r\n"},
	{400, " / HTTP/1.1\r\n"},
	{400, "GET / http/1.1\r\n"},
	{400, "GET / HTTP/1\r\n"},
	{400, "GET / HTTP/1.10\r\n"},
	{400, "GET / HTTP/11\r\n"},
	{400, "GET / HTTP/a.1\r\n"},
	{400, "GET / HTTP/1.b\r\n"},
	{400, "GET / HTTPS/1.1\r\n"},
	{505, "GET / HTTP/2.0\r\n"},
	{505, "GET / HTTP/0.9\r\n"},
	{505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{400, "\x16\x03\x01\x02"},
	{400, "GET /\x01 HTTP/1.1\r\n"},
	{400, "GET / HTTP/1.1\r" H "\r\n"},
	{400, "GET / HTTP/1.1\r\r\n" H "\r\n"},
	{400, "GET /\x7f HTTP/1.1\r\n"},
	/* targets */
	{OK, "GET /a/b?c=d&e HTTP/1.1\r\n" H "\r\n"},
	{OK, "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n"},
	{OK, "GET http://b HTTP/1.1\r\n" H "\r\n"},
	{OK, "GET HTTP://b:80/c?d HTTP/1.1\r\n" H "\r\n"},
	{OK, "GET http://b?d HTTP/1.1\r\n" H "\r\n"},
	{OK, "GET http://[2001:db8::1]:80/ HTTP/1.1\r\n" H "\r\n"},
	{400, "GET http:// HTTP/1.1\r\n" H "\r\n"},
	{400, "GET http:///x HTTP/1.1\r\n" H "\r\n"},
	{400, "GET http://:80/x HTTP/1.1\r\n" H "\r\n"},
	{400, "GET http://u@b/x HTTP/1.1\r\n" H "\r\n"},
	{400, "GET https://b/x HTTP/1.1\r\n" H "\r\n"},
	{400, "GET a HTTP/1.1\r\n" H "\r\n"},
	{400, "GET * HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /a#b HTTP/1.1\r\n" H "\r\n"},
	{400, "GET ?a HTTP/1.1\r\n" H "\r\n"},
	{OK, "OPTIONS * HTTP/1.1\r\n" H "\r\n"},
	{OK, "OPTIONS / HTTP/1.1\r\n" H "\r\n"},
	{400, "OPTIONS ** HTTP/1.1\r\n" H "\r\n"},
	{OK, "CONNECT a:443 HTTP/1.1\r\n" H "\r\n"},
	{400, "CONNECT a HTTP/1.1\r\n" H "\r\n"},
	{400, "CONNECT :1 HTTP/1.1\r\n" H "\r\n"},
	{400, "CONNECT /a:1 HTTP/1.1\r\n" H "\r\n"},
	/* Host */
	{400, "GET / HTTP/1.1\r\n\r\n"},
	{400, "GET http://a/ HTTP/1.1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H H "\r\n"},
	{400, "GET / HTTP/1.0\r\n" H H "\r\n"},
	{OK, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\nhOST:\t a:8080 \t\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [g]\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
	/* field lines */
	{OK, "GET / HTTP/1.1\r\n" H "X:y\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\n" H "X:\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\n" H "X: a\tb\xff\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X : y\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X\t: y\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X y: z\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H ": y\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: y\r\n z\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: y\r\n\tz: a\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n X: y\r\n" H "\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: \x01\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X\xc3: a\r\n\r\n"},
	/* where the body ends */
	{OK, "GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\ncontent-length: 2\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: ,Chunked ,\r\n\r\n"},
	{501, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"},
	{501, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;a=b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	      "chunked\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
	      "Transfer-Encoding: chunked\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{400, "GET / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"},
	/* Connection, Expect */
	{OK, "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n"},
	{OK, "GET / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"},
	{417, "GET / HTTP/1.1\r\n" H "Expect: more\r\n\r\n"},
	{OK, "GET / HTTP/1.0\r\nExpect: more\r\n\r\n"},
};

static void requests_good_and_bad_get_their_status(void **state UNUSED)
{
	static struct http_parser p;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const char *text = requests[i].text;
		enum http_parse_result r = parse_whole(&p, text, strlen(text));
		bool ok = requests[i].status == OK;

		if (r != (ok ? HTTP_PARSE_DONE : HTTP_PARSE_BAD) ||
		    (!ok && p.status != requests[i].status))
			fail_msg("request %zu: %d, %u, %s\n%s", i, r, p.status, p.why ? p.why : "-",
				 text);
		if (ok)
			assert_int_equal(p.head_len, strlen(text));
		else
			assert_non_null(p.why);
		assert_true(p.head_len <= HTTP_HEAD_MAX);
	}
	assert_true(ARRAY_SIZE(requests) >= 80);
}

static void requests_cut_anywhere_give_the_same(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		assert_cuts_do_not_matter(requests[i].text, strlen(requests[i].text));
}

static void good_requests_truncated_are_incomplete(void **state UNUSED)
{
	static struct http_parser p;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		for (size_t n = 0; requests[i].status == OK && n < strlen(requests[i].text); n++)
			assert_int_equal(parse_whole(&p, requests[i].text, n), HTTP_PARSE_MORE);
}

/* With a control character in place of each byte of the head in turn. */
static void good_requests_with_nul_anywhere_are_refused(void **state UNUSED)
{
	static const char bad[] = {'\0', '\x01', '\x0b', '\x0c', '\x1b', '\x7f'};
	static struct http_parser p;
	char copy[256];

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		size_t len = strlen(requests[i].text);

		for (size_t n = 0; requests[i].status == OK && n < len; n++) {
			memcpy(copy, requests[i].text, len);
			copy[n] = bad[n % sizeof(bad)];
			assert_int_equal(parse_whole(&p, copy, len), HTTP_PARSE_BAD);
			assert_int_equal(p.status, 400);
		}
	}
}

static void assert_span(const char *buf, struct http_span span, const char *want)
{
	assert_int_equal(span.len, strlen(want));
	assert_memory_equal(buf + span.off, want, span.len);
}

static void request_parsed_has_its_parts(void **state UNUSED)
{
	static const char text[] = "\r\nHEAD /a%20b/?q=1?2 HTTP/1.1\r\nHost: h:8\r\nA: 1\r\n"
				   "a:  2 \t\r\nRange: bytes=0-\r\n\r\nGET / HTTP/1.1";
	static struct http_parser p;
	struct http_text value;
	uint32_t it = 0;

	assert_int_equal(parse_whole(&p, text, sizeof(text) - 1), HTTP_PARSE_DONE);
	assert_int_equal(p.head_len, strstr(text, "\r\n\r\n") + 4 - text);
	assert_int_equal(p.req.method, HTTP_HEAD);
	assert_int_equal(p.req.minor, 1);
	assert_span(text, p.req.line, "HEAD /a%20b/?q=1?2 HTTP/1.1");
	assert_span(text, p.req.path, "/a%20b/");
	assert_span(text, p.req.query, "?q=1?2");
	assert_span(text, p.req.host, "h:8");
	assert_false(p.req.is_absolute || p.req.is_asterisk || p.req.is_chunked ||
		     p.req.has_length);
	assert_int_equal(p.req.n_fields, 4);
	assert_true(http_request_next(&p.req, text, "A", &it, &value));
	assert_true(http_text_is(value, "1"));
	assert_true(http_request_next(&p.req, text, "A", &it, &value));
	assert_true(http_text_is(value, "2"));
	assert_false(http_request_next(&p.req, text, "A", &it, &value));
	assert_false(http_request_only(&p.req, text, "a", &value));
	assert_false(http_request_only(&p.req, text, "b", &value));
	assert_true(http_request_only(&p.req, text, "range", &value));
	assert_true(http_text_is(value, "bytes=0-"));
}

static void absolute_target_overrides_host(void **state UNUSED)
{
	static const char text[] = "GET http://b:1?x HTTP/1.1\r\nHost: a\r\n\r\n";
	static struct http_parser p;

	assert_int_equal(parse_whole(&p, text, sizeof(text) - 1), HTTP_PARSE_DONE);
	assert_true(p.req.is_absolute);
	assert_span(text, p.req.host, "b:1");
	assert_span(text, p.req.path, "");
	assert_span(text, p.req.query, "?x");
}

static void connection_options_decide_keep_alive(void **state UNUSED)
{
	static const struct {
		const char *version, *connection;
		bool keep_alive;
	} cases[] = {
		{"1.1", "X: y", true},
		{"1.1", "Connection: close", false},
		{"1.1", "Connection: keep-alive", true},
		{"1.1", "Connection: a, CLOSE ,b", false},
		{"1.1", "Connection: keep-alive, close", false},
		{"1.1", "Connection: closed", true},
		{"1.1", "Connection: keep-alive\r\nConnection: close", false},
		{"1.0", "X: y", false},
		{"1.0", "Connection: Keep-Alive", true},
		{"1.0", "Connection: keep-alive, close", false},
	};
	static struct http_parser p;
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int n = snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: a\r\n%s\r\n\r\n",
				 cases[i].version, cases[i].connection);

		assert_int_equal(parse_whole(&p, text, (size_t)n), HTTP_PARSE_DONE);
		assert_int_equal(p.req.keep_alive, cases[i].keep_alive);
	}
}

/* Bounds: the last size that is taken, and one more. */

static char *repeat(char *at, const char *text, size_t n)
{
	for (size_t len = strlen(text); n; n--, at += len)
		memcpy(at, text, len); /* NOLINT(bugprone-not-null-terminated-result) */
	return at;
}

static size_t with_request_line(char *buf, size_t line_len)
{
	char *at = repeat(buf, "GET /", 1);

	at = repeat(at, "a", line_len - strlen("GET / HTTP/1.1"));
	at = repeat(at, " HTTP/1.1\r\nHost: a\r\n\r\n", 1);
	return (size_t)(at - buf);
}

static void request_line_above_bound_is_414(void **state UNUSED)
{
	static struct http_parser p;
	static char buf[HTTP_LINE_MAX + 100];
	size_t len = with_request_line(buf, HTTP_LINE_MAX);

	assert_int_equal(parse_whole(&p, buf, len), HTTP_PARSE_DONE);
	len = with_request_line(buf, HTTP_LINE_MAX + 1);
	assert_int_equal(parse_whole(&p, buf, len), HTTP_PARSE_BAD);
	assert_int_equal(p.status, 414);
	assert_cuts_do_not_matter(buf, len);
	/* It need not end for that. */
	repeat(buf, "a", HTTP_LINE_MAX + 1);
	assert_int_equal(parse_whole(&p, buf, HTTP_LINE_MAX), HTTP_PARSE_MORE);
	assert_int_equal(parse_whole(&p, buf, HTTP_LINE_MAX + 1), HTTP_PARSE_BAD);
	assert_int_equal(p.status, 414);
}

static size_t with_fields_bytes(char *buf, size_t bytes)
{
	char *at = repeat(buf, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 1);

	at = repeat(at, "y", bytes - strlen("Host: a\r\nX: \r\n\r\n"));
	at = repeat(at, "\r\n\r\n", 1);
	return (size_t)(at - buf);
}

static void fields_above_bytes_bound_are_431(void **state UNUSED)
{
	static struct http_parser p;
	static char buf[HTTP_HEAD_MAX];
	size_t len = with_fields_bytes(buf, HTTP_FIELDS_BYTES);

	assert_int_equal(parse_whole(&p, buf, len), HTTP_PARSE_DONE);
	len = with_fields_bytes(buf, HTTP_FIELDS_BYTES + 1);
	assert_int_equal(parse_whole(&p, buf, len), HTTP_PARSE_BAD);
	assert_int_equal(p.status, 431);
	assert_cuts_do_not_matter(buf, len);
}

static void fields_above_count_bound_are_431(void **state UNUSED)
{
	static struct http_parser p;
	static char buf[HTTP_HEAD_MAX];
	char *at = repeat(buf, "GET / HTTP/1.1\r\nHost: a\r\n", 1);

	at = repeat(at, "X: y\r\n", HTTP_FIELDS_MAX - 1);
	memcpy(at, "\r\n", 2);
	assert_int_equal(parse_whole(&p, buf, (size_t)(at + 2 - buf)), HTTP_PARSE_DONE);
	assert_int_equal(p.req.n_fields, HTTP_FIELDS_MAX);
	at = repeat(at, "X: y\r\n", 1);
	assert_int_equal(parse_whole(&p, buf, (size_t)(at - buf)), HTTP_PARSE_BAD);
	assert_int_equal(p.status, 431);
}

static void longest_head_fits_its_bound(void **state UNUSED)
{
	static struct http_parser p;
	static char buf[2 * HTTP_HEAD_MAX];
	char *at = repeat(buf, "\r\n", HTTP_EMPTY_MAX);

	at = repeat(at, "GET /", 1);
	at = repeat(at, "a", HTTP_LINE_MAX - strlen("GET / HTTP/1.1"));
	at = repeat(at, " HTTP/1.1\r\nHost: a\r\nX: ", 1);
	at = repeat(at, "y", HTTP_FIELDS_BYTES - strlen("Host: a\r\nX: \r\n\r\n"));
	at = repeat(at, "\r\n\r\n", 1);
	assert_int_equal(at - buf, HTTP_HEAD_MAX);
	assert_int_equal(parse_whole(&p, buf, HTTP_HEAD_MAX), HTTP_PARSE_DONE);
	assert_int_equal(p.head_len, HTTP_HEAD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_good_and_bad_get_their_status),
		cmocka_unit_test(requests_cut_anywhere_give_the_same),
		cmocka_unit_test(good_requests_truncated_are_incomplete),
		cmocka_unit_test(good_requests_with_nul_anywhere_are_refused),
		cmocka_unit_test(request_parsed_has_its_parts),
		cmocka_unit_test(absolute_target_overrides_host),
		cmocka_unit_test(connection_options_decide_keep_alive),
		cmocka_unit_test(request_line_above_bound_is_414),
		cmocka_unit_test(fields_above_bytes_bound_are_431),
		cmocka_unit_test(fields_above_count_bound_are_431),
		cmocka_unit_test(longest_head_fits_its_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
