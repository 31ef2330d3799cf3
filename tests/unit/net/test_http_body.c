/* SPDX-License-Identifier: MIT */
/* Bodies of requests that are skipped: where they end, and what is refused. */
#include "net/http/http_body.h"

#include "unit.h"

enum {
	BODY_MAX = 1000,
};

static struct http_body chunked(void)
{
	struct http_request req = {.is_chunked = true};
	struct http_body b;

	http_body_init(&b, &req, BODY_MAX);
	return b;
}

/* Skips in pieces of `piece` bytes; returns the bytes taken. */
static size_t feed(struct http_body *b, const char *text, size_t len, size_t piece)
{
	size_t off = 0;

	while (off < len) {
		size_t n = len - off < piece ? len - off : piece;
		size_t taken = http_body_skip(b, text + off, n);

		off += taken;
		if (taken < n)
			break;
	}
	return off;
}

/* Chunked bodies; `*` is where a good one ends. */
static const char *const good[] = {
	"0\r\n\r\n*",
	"0\r\n\r\n*GET /",
	"3\r\nabc\r\n0\r\n\r\n*x",
	"3\nabc\n0\n\n*x",
	"a\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n*",
	"00003\r\nabc\r\n000\r\n\r\n*",
	"A;name=value\r\n0123456789\r\n0;x\r\n\r\n*",
	"3 \r\nabc\r\n0\t\r\n\r\n*",
	"0\r\nTrailer: x\r\nB: y\r\n\r\n*next",
	"0\nTrailer: x\n\n*next",
};

static const char *const bad[] = {
	"\r\n",
	";x\r\n",
	"x\r\n",
	"-1\r\n",
	"0x3\r\n",
	"3\rx",
	"3\r\nabcd",
	"3\r\nabc\rx",
	"3\r\nabc0",
	"3e9\r\n",
	"ffffffffffffffff\r\n",
	"11111111111111111\r\n",
	"0\r\nA: b\rx",
	"1\r\nx\r\n\r\n",
};

static void chunks_are_skipped_up_to_their_end(void **state UNUSED)
{
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *star = strchr(good[i], '*');
		size_t end = (size_t)(star - good[i]), len = strlen(good[i]) - 1;

		memcpy(text, good[i], end);
		memcpy(text + end, star + 1, len - end);
		for (size_t piece = 1; piece <= len; piece++) {
			struct http_body b = chunked();

			assert_int_equal(feed(&b, text, len, piece), end);
			assert_int_equal(b.state, HTTP_BODY_DONE);
		}
		for (size_t n = 0; n < end; n++) {
			struct http_body b = chunked();

			assert_int_equal(feed(&b, text, n, n), n);
			assert_true(b.state != HTTP_BODY_DONE && b.state != HTTP_BODY_BAD);
		}
	}
}

static void chunks_not_well_formed_are_refused(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		for (size_t piece = 1; piece <= strlen(bad[i]); piece++) {
			struct http_body b = chunked();

			feed(&b, bad[i], strlen(bad[i]), piece);
			if (b.state != HTTP_BODY_BAD)
				fail_msg("%s", bad[i]);
		}
}

static void chunks_above_the_bound_in_all_are_refused(void **state UNUSED)
{
	struct http_body b = chunked();

	for (int i = 0; i < BODY_MAX / 10; i++)
		assert_int_equal(feed(&b, "a\r\n0123456789\r\n", 15, 15), 15);
	feed(&b, "1\r\n", 3, 3);
	assert_int_equal(b.state, HTTP_BODY_BAD);
}

static void chunk_lines_above_the_bound_are_refused(void **state UNUSED)
{
	struct http_body b = chunked();
	size_t n = 0;

	feed(&b, "1;", 2, 2);
	while (b.state != HTTP_BODY_BAD && n < 2 * HTTP_BODY_LINES)
		n += feed(&b, "xxxxxxxx", 8, 8);
	assert_int_equal(b.state, HTTP_BODY_BAD);
	assert_true(n <= HTTP_BODY_LINES);
	b = chunked();
	feed(&b, "0\r\n", 3, 3);
	for (n = 0; b.state != HTTP_BODY_BAD && n < 2 * HTTP_BODY_LINES;)
		n += feed(&b, "a: b\r\n", 6, 6);
	assert_int_equal(b.state, HTTP_BODY_BAD);
}

static void body_of_known_length_is_skipped(void **state UNUSED)
{
	struct http_request req = {.has_length = true, .content_length = 5};
	struct http_body b;

	http_body_init(&b, &req, BODY_MAX);
	assert_int_equal(http_body_skip(&b, "abc", 3), 3);
	assert_int_equal(b.state, HTTP_BODY_BYTES);
	assert_int_equal(http_body_skip(&b, "defgh", 5), 2);
	assert_int_equal(b.state, HTTP_BODY_DONE);
	assert_int_equal(http_body_skip(&b, "gh", 2), 0);
}

static void no_body_is_done_at_once(void **state UNUSED)
{
	struct http_request none = {.has_length = false};
	struct http_request empty = {.has_length = true};
	struct http_body b;

	http_body_init(&b, &none, BODY_MAX);
	assert_int_equal(b.state, HTTP_BODY_DONE);
	http_body_init(&b, &empty, BODY_MAX);
	assert_int_equal(b.state, HTTP_BODY_DONE);
}

static void body_known_to_be_too_long_is_refused_at_once(void **state UNUSED)
{
	struct http_request req = {.has_length = true, .content_length = BODY_MAX + 1};
	struct http_body b;

	http_body_init(&b, &req, BODY_MAX);
	assert_int_equal(b.state, HTTP_BODY_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_skipped_up_to_their_end),
		cmocka_unit_test(chunks_not_well_formed_are_refused),
		cmocka_unit_test(chunks_above_the_bound_in_all_are_refused),
		cmocka_unit_test(chunk_lines_above_the_bound_are_refused),
		cmocka_unit_test(body_of_known_length_is_skipped),
		cmocka_unit_test(no_body_is_done_at_once),
		cmocka_unit_test(body_known_to_be_too_long_is_refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
