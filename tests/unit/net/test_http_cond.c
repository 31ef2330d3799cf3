/* SPDX-License-Identifier: MIT */
/* Conditional requests, as a table. */
#include "net/http/http_cond.h"

#include "unit.h"

#include <stdio.h>

#define SEND   HTTP_COND_SEND
#define SAME   HTTP_COND_NOT_MODIFIED
#define FAILED HTTP_COND_FAILED

#define OLDER "Sun, 06 Nov 1994 08:49:36 GMT"
#define EXACT "Sun, 06 Nov 1994 08:49:37 GMT"
#define NEWER "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct http_validators file = {
	.etag = "\"a,b\"",
	.has_mtime = true,
	.mtime_s = 784111777,
};
static const struct http_validators made_up = {.etag = "\"a,b\""};

static enum http_parse_result request(struct http_parser *p, char *buf, size_t size,
				      const char *fields)
{
	int len = snprintf(buf, size, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", fields);

	http_parser_init(p);
	return http_parse(p, buf, (size_t)len);
}

static const struct {
	const char *fields;
	enum http_cond_result file, made_up;
} conds[] = {
	{"X: y", SEND, SEND},
	{"If-None-Match: \"a,b\"", SAME, SAME},
	{"If-None-Match: W/\"a,b\"", SAME, SAME},
	{"If-None-Match: *", SAME, SAME},
	{"If-None-Match: \"x\", \"a,b\"", SAME, SAME},
	{"If-None-Match: \"x\" , W/\"y\",,\"a,b\", \"z\"", SAME, SAME},
	{"If-None-Match: \"x\"\r\nIf-None-Match: \"a,b\"", SAME, SAME},
	{"If-None-Match: \"x\"", SEND, SEND},
	{"If-None-Match: \"A,B\"", SEND, SEND},
	{"If-None-Match: a,b", SEND, SEND},
	{"If-None-Match: \"a,b", SEND, SEND},
	{"If-None-Match: w/\"a,b\"", SEND, SEND},
	{"If-None-Match: W/", SEND, SEND},
	{"If-None-Match: \"", SEND, SEND},
	{"If-None-Match:", SEND, SEND},
	{"If-None-Match: x \"a,b\"", SEND, SEND},
	{"If-Modified-Since: " EXACT, SAME, SEND},
	{"If-Modified-Since: " NEWER, SAME, SEND},
	{"If-Modified-Since: " OLDER, SEND, SEND},
	{"If-Modified-Since: yesterday", SEND, SEND},
	{"If-Modified-Since: " NEWER "\r\nIf-Modified-Since: " NEWER, SEND, SEND},
	{"If-None-Match: \"x\"\r\nIf-Modified-Since: " NEWER, SEND, SEND},
	{"If-None-Match: \"a,b\"\r\nIf-Modified-Since: " OLDER, SAME, SAME},
	{"If-Match: \"a,b\"", SEND, SEND},
	{"If-Match: *", SEND, SEND},
	{"If-Match: \"x\"", FAILED, FAILED},
	{"If-Match: W/\"a,b\"", FAILED, FAILED},
	{"If-Match: \"x\"\r\nIf-Unmodified-Since: " NEWER, FAILED, FAILED},
	{"If-Match: \"a,b\"\r\nIf-None-Match: \"a,b\"", SAME, SAME},
	{"If-Unmodified-Since: " EXACT, SEND, SEND},
	{"If-Unmodified-Since: " OLDER, FAILED, SEND},
	{"If-Unmodified-Since: soon", SEND, SEND},
};

static void conditions_decide_what_is_sent(void **state UNUSED)
{
	static struct http_parser p;
	char buf[512];

	for (size_t i = 0; i < ARRAY_SIZE(conds); i++) {
		assert_int_equal(request(&p, buf, sizeof(buf), conds[i].fields), HTTP_PARSE_DONE);
		if (http_cond_check(&p.req, buf, &file, 800000000) != conds[i].file ||
		    http_cond_check(&p.req, buf, &made_up, 800000000) != conds[i].made_up)
			fail_msg("%s", conds[i].fields);
	}
}

static const struct {
	const char *fields;
	bool file, made_up;
} if_ranges[] = {
	{"X: y", true, true},
	{"If-Range: \"a,b\"", true, true},
	{"If-Range: \"x\"", false, false},
	{"If-Range: W/\"a,b\"", false, false},
	{"If-Range: *", false, false},
	{"If-Range:", false, false},
	{"If-Range: \"a,b\"\r\nIf-Range: \"a,b\"", false, false},
	{"If-Range: " EXACT, true, false},
	{"If-Range: " NEWER, false, false},
	{"If-Range: " OLDER, false, false},
};

static void if_range_decides_whether_range_counts(void **state UNUSED)
{
	static struct http_parser p;
	char buf[512];

	for (size_t i = 0; i < ARRAY_SIZE(if_ranges); i++) {
		assert_int_equal(request(&p, buf, sizeof(buf), if_ranges[i].fields),
				 HTTP_PARSE_DONE);
		if (http_cond_range_applies(&p.req, buf, &file, 800000000) != if_ranges[i].file ||
		    http_cond_range_applies(&p.req, buf, &made_up, 800000000) !=
			    if_ranges[i].made_up)
			fail_msg("%s", if_ranges[i].fields);
	}
}

static void if_range_date_of_this_second_does_not_count(void **state UNUSED)
{
	static struct http_parser p;
	char buf[512];

	assert_int_equal(request(&p, buf, sizeof(buf), "If-Range: " EXACT), HTTP_PARSE_DONE);
	assert_false(http_cond_range_applies(&p.req, buf, &file, file.mtime_s));
	assert_true(http_cond_range_applies(&p.req, buf, &file, file.mtime_s + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_decide_what_is_sent),
		cmocka_unit_test(if_range_decides_whether_range_counts),
		cmocka_unit_test(if_range_date_of_this_second_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
