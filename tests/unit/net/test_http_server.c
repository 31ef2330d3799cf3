/* SPDX-License-Identifier: MIT */
/*
 * The web server's connections and answers, over sockets without a stack (fake_weft.h). Files are
 * in test_http_files.c.
 */
#include "net/http/http_server.h"

#include "fake_weft.h"
#include "net/http/http_parse.h"

#include <stdio.h>

static const int64_t second_ns = 1000000000;

enum {
	BIG_SIZE = 1000003,
};

static const struct http_doc docs[] = {
	{.path = "/", .text = "<p>home", .type = "text/html"},
	{.path = "/hello", .text = "hello\n", .type = "text/plain"},
	{.path = "/d/index.html", .text = "index"},
	{.path = "/empty", .text = ""},
	{.path = "/zero", .size = 0},
	{.path = "/big", .size = BIG_SIZE, .seed = 3},
	{.path = "/huge", .size = UINT64_MAX / 4},
};

static char last_log[2048];

static int64_t fixed_now(void *ctx UNUSED)
{
	return 784111777;
}

static void note_log(void *arg UNUSED, const char *line)
{
	snprintf(last_log, sizeof(last_log), "%s", line);
}

static const struct http_server_config config = {
	.port = 80,
	.docs = docs,
	.n_docs = ARRAY_SIZE(docs),
	.now_s = fixed_now,
	.log = note_log,
};

static struct http_server *srv;

static int set_up(void **state UNUSED)
{
	assert_int_equal(http_server_new(NULL, &config, &srv), 0);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	http_server_free(srv);
	srv = NULL;
	fake_end();
	return 0;
}

static struct http_server_stats stats(void)
{
	struct http_server_stats s;

	http_server_stats(srv, &s);
	return s;
}

static struct weft_sock *connected(void)
{
	struct weft_sock *s = fake_connect();

	fake_run();
	assert_false(fake_is_gone(s));
	return s;
}

/* A new connection that has sent `text`. */
static struct weft_sock *asked(const char *text)
{
	struct weft_sock *s = connected();

	fake_text(s, text);
	fake_run();
	return s;
}

static unsigned int status_of(struct weft_sock *s)
{
	unsigned int status = 0;

	assert_int_equal(sscanf(fake_sent(s), "HTTP/1.1 %u ", &status), 1);
	return status;
}

static const char *body_of(struct weft_sock *s)
{
	const char *end = strstr(fake_sent(s), "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

/* The head has the line. */
static bool says(struct weft_sock *s, const char *line)
{
	char with_ends[256];

	snprintf(with_ends, sizeof(with_ends), "\r\n%s\r\n", line);
	return s->out && strstr(s->out, with_ends) && strstr(s->out, with_ends) < body_of(s);
}

#define GET(path)             "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_WITH(path, field) "GET " path " HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n"

/* Answers */

static void get_text_is_answered_byte_for_byte(void **state UNUSED)
{
	struct weft_sock *s = asked(GET("/hello"));

	assert_string_equal(
		fake_sent(s),
		"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: weft\r\n"
		"ETag: \"t6-a9bc80cca21f28b3\"\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
		"Accept-Ranges: bytes\r\n\r\nhello\n");
	assert_int_equal(s->n_sends, 1);
	assert_false(s->more);
	assert_false(s->out_fin);
	assert_string_equal(last_log, "192.0.2.1:4000 \"GET /hello HTTP/1.1\" 200 6 0ms");
	assert_int_equal(stats().n_requests, 1);
	assert_int_equal(stats().n_status[2], 1);
	assert_int_equal(stats().n_body_bytes, 6);
}

static void head_is_answered_like_get_without_content(void **state UNUSED)
{
	struct weft_sock *get = asked(GET("/big"));
	struct weft_sock *head = asked("HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n");
	size_t len = (size_t)(body_of(get) - fake_sent(get));

	assert_int_equal(head->out_len, len);
	assert_memory_equal(fake_sent(head), fake_sent(get), len);
	assert_int_equal(get->out_len, len + BIG_SIZE);
}

static void statuses_follow_from_requests(void **state UNUSED)
{
	static const struct {
		unsigned int status;
		const char *request, *line; /* a line of the head, or NULL */
	} cases[] = {
		{200, GET("/"), "Content-Type: text/html"},
		{200, GET("//."), "Content-Type: text/html"},
		{200, "GET http://x HTTP/1.1\r\nHost: a\r\n\r\n", "Content-Type: text/html"},
		{200, GET("/d/"), "Content-Type: text/html; charset=utf-8"},
		{200, GET("/hello?a=b"), "Content-Length: 6"},
		{200, GET("/%68ello"), "Content-Length: 6"},
		{200, GET("/empty"), "Content-Length: 0"},
		{200, GET("/zero"), "Content-Type: application/octet-stream"},
		{200, "GET /hello HTTP/1.0\r\n\r\n", "Connection: close"},
		{200, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		 "Connection: keep-alive"},
		{206, GET_WITH("/hello", "Range: bytes=1-2"), "Content-Range: bytes 1-2/6"},
		{206, GET_WITH("/hello", "Range: bytes=-2"), "Content-Length: 2"},
		{206, GET_WITH("/huge", "Range: bytes=4611686018427387902-"),
		 "Content-Range: bytes 4611686018427387902-4611686018427387902/"
		 "4611686018427387903"},
		{200, GET_WITH("/hello", "Range: bytes=0-1,3-4"), "Content-Length: 6"},
		{200, GET_WITH("/hello", "Range: bytes=0-1\r\nRange: bytes=0-1"),
		 "Content-Length: 6"},
		{200, GET_WITH("/hello", "Range: bytes=0-1\r\nIf-Range: \"x\""),
		 "Content-Length: 6"},
		{200, "HEAD /hello HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n",
		 "Content-Length: 6"},
		{416, GET_WITH("/hello", "Range: bytes=6-"), "Content-Range: bytes */6"},
		{416, GET_WITH("/empty", "Range: bytes=0-"), "Content-Range: bytes */0"},
		{304, GET_WITH("/hello", "If-None-Match: *"), NULL},
		{412, GET_WITH("/hello", "If-Match: \"x\""), NULL},
		{404, GET("/d"), NULL},
		{404, GET("/hello/"), NULL},
		{404, GET("/HELLO"), NULL},
		{400, GET("/../hello"), NULL},
		{400, GET("/%00"), NULL},
		{204, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "Allow: GET, HEAD, OPTIONS"},
		{405, "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "Allow: GET, HEAD, OPTIONS"},
		{405, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", NULL},
		{405, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", NULL},
		{501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", NULL},
		{400, "GET / HTTP/1.1\r\n\r\n", "Connection: close"},
		{505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "Connection: close"},
		{417, GET_WITH("/", "Expect: x"), "Connection: close"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct weft_sock *s = asked(cases[i].request);

		if (status_of(s) != cases[i].status || (cases[i].line && !says(s, cases[i].line)))
			fail_msg("%s\n%s", cases[i].request, fake_sent(s));
		assert_true(says(s, "Date: Sun, 06 Nov 1994 08:49:37 GMT"));
	}
}

static void not_modified_has_a_tag_and_no_content(void **state UNUSED)
{
	struct weft_sock *s = asked(GET_WITH("/hello", "If-None-Match: *"));

	assert_non_null(strstr(fake_sent(s), "\r\nETag: \""));
	assert_null(strstr(fake_sent(s), "Content-Length"));
	assert_string_equal(body_of(s), "");
}

static void errors_say_why_in_text(void **state UNUSED)
{
	struct weft_sock *s = asked("GET / HTTP/1.1\r\n\r\n");

	assert_string_equal(body_of(s), "400 Bad Request: there is no Host field\n");
	assert_true(says(s, "Content-Type: text/plain; charset=utf-8"));
	assert_non_null(strstr(last_log, " 400 0 0ms there is no Host field"));
	s = asked("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(status_of(s), 404);
	assert_string_equal(body_of(s), "");
	assert_true(says(s, "Content-Length: 14"));
}

static void log_escapes_what_the_client_chose(void **state UNUSED)
{
	asked(GET("/\"\\\xff"));
	assert_string_equal(last_log,
			    "192.0.2.1:4000 \"GET /\\x22\\x5c\\xff HTTP/1.1\" 400 0 0ms the path "
			    "has a wrong escape, \"..\" or a character that is not served");
}

static void made_up_document_arrives_whole_in_large_pieces(void **state UNUSED)
{
	static uint8_t want[BIG_SIZE];
	struct weft_sock *s = asked(GET("/big"));

	http_doc_read(&docs[5], 0, want, sizeof(want));
	assert_memory_equal(body_of(s), want, BIG_SIZE);
	assert_int_equal(s->n_sends, (BIG_SIZE + 131071) / 131072);
	assert_false(s->more);
}

static void range_of_made_up_document_is_its_part(void **state UNUSED)
{
	uint8_t want[300000];
	struct weft_sock *s = asked(GET_WITH("/big", "Range: bytes=100001-400000"));

	assert_int_equal(status_of(s), 206);
	http_doc_read(&docs[5], 100001, want, sizeof(want));
	assert_memory_equal(body_of(s), want, sizeof(want));
}

/* Connections */

static void requests_pipelined_are_answered_in_order(void **state UNUSED)
{
	static const char requests[] = GET("/hello")
		GET("/nothing") "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n"
				"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /"
				"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
				"3\r\nGET\r\n0\r\n\r\n"
				"\r\n" GET_WITH("/empty", "Connection: close");
	struct weft_sock *whole = asked(requests);
	struct weft_sock *cut = connected();
	const char *at = fake_sent(whole);
	static const char *const statuses[] = {"200", "404", "200", "405", "405", "200"};

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		at = strstr(at, "HTTP/1.1 ");
		assert_non_null(at);
		at += 9;
		assert_memory_equal(at, statuses[i], 3);
	}
	assert_null(strstr(at, "HTTP/1.1 "));
	assert_true(whole->out_fin);
	for (size_t i = 0; i < sizeof(requests) - 1; i++) {
		fake_feed(cut, requests + i, 1);
		fake_run();
	}
	assert_string_equal(fake_sent(cut), fake_sent(whole));
	assert_true(cut->out_fin);
}

/* More than one turn's worth of steps. */
static void many_requests_at_once_are_all_answered(void **state UNUSED)
{
	struct weft_sock *s = connected();

	for (int i = 0; i < 500; i++)
		fake_text(s, GET("/hello"));
	fake_run();
	assert_int_equal(stats().n_requests, 500);
}

static void client_that_does_not_read_is_not_read_from(void **state UNUSED)
{
	struct weft_sock *s = connected();
	size_t in_len;

	fake_set_room(s, 1000);
	for (int i = 0; i < 500; i++)
		fake_text(s, GET("/hello"));
	fake_run();
	assert_int_equal(s->out_len, 1000);
	in_len = s->in_len;
	fake_pass(second_ns);
	assert_int_equal(s->in_len, in_len);
	assert_true(in_len > 10000);
	fake_set_room(s, SIZE_MAX);
	fake_run();
	assert_int_equal(stats().n_requests, 500);
}

static void client_that_takes_little_gets_all_of_it(void **state UNUSED)
{
	static uint8_t want[BIG_SIZE];
	struct weft_sock *s = connected();
	size_t room = 1;

	fake_set_room(s, room);
	fake_text(s, GET("/big"));
	fake_run();
	for (int i = 0; i < 100000 && stats().n_requests == 0; i++) {
		room = room * 7 % 9973 + 1;
		fake_set_room(s, room);
		fake_run();
	}
	http_doc_read(&docs[5], 0, want, sizeof(want));
	assert_memory_equal(body_of(s), want, BIG_SIZE);
	assert_int_equal(s->out_len, (size_t)(body_of(s) - fake_sent(s)) + BIG_SIZE);
}

static void client_half_closed_still_gets_its_answer(void **state UNUSED)
{
	struct weft_sock *s = connected();

	fake_set_room(s, 100);
	fake_text(s, GET("/big"));
	fake_finish(s);
	fake_run();
	assert_false(fake_is_gone(s));
	fake_set_room(s, SIZE_MAX);
	fake_run();
	assert_int_equal(s->out_len, (size_t)(body_of(s) - fake_sent(s)) + BIG_SIZE);
	assert_true(s->is_closed && !s->is_aborted);
	assert_int_equal(stats().n_open, 0);
}

static void client_half_closed_amid_a_head_is_closed(void **state UNUSED)
{
	struct weft_sock *s = asked("GET / HT");

	fake_finish(s);
	fake_run();
	assert_true(s->is_closed);
	assert_int_equal(s->out_len, 0);
}

static void client_that_resets_is_forgotten(void **state UNUSED)
{
	struct weft_sock *s = connected();

	fake_set_room(s, 100);
	fake_text(s, GET("/huge"));
	fake_run();
	fake_reset(s);
	fake_run();
	assert_true(fake_is_gone(s));
	assert_int_equal(stats().n_open, 0);
	assert_int_equal(stats().n_broken, 1);
	assert_non_null(strstr(last_log, "broken off"));
}

static void close_waits_for_the_client(void **state UNUSED)
{
	struct weft_sock *s = asked(GET_WITH("/hello", "Connection: close"));

	assert_true(says(s, "Connection: close"));
	assert_true(s->out_fin);
	assert_false(fake_is_gone(s));
	fake_text(s, "more and more");
	fake_run();
	assert_false(fake_is_gone(s));
	assert_int_equal(s->in_len, 0);
	fake_finish(s);
	fake_run();
	assert_true(s->is_closed);
}

static void close_does_not_wait_for_ever(void **state UNUSED)
{
	struct weft_sock *s = asked("nonsense\r\n");

	assert_true(s->out_fin);
	for (int i = 0; i < 30 && !fake_is_gone(s); i++) {
		fake_text(s, "more");
		fake_pass(second_ns / 10);
	}
	assert_true(s->is_closed);
	assert_int_equal(fake.now_ns, 2 * second_ns);
}

/* Bodies of requests */

static void body_too_long_ends_the_connection(void **state UNUSED)
{
	struct weft_sock *s =
		asked("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n");

	assert_int_equal(status_of(s), 200);
	assert_true(says(s, "Connection: close"));
	assert_true(s->out_fin);
}

static void body_of_the_bound_is_skipped(void **state UNUSED)
{
	struct weft_sock *s =
		asked("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
	char bytes[1024] = {0};

	fake_clear(s);
	for (int i = 0; i < 64; i++) {
		fake_feed(s, bytes, sizeof(bytes));
		fake_run();
	}
	fake_text(s, GET("/hello"));
	fake_run();
	assert_int_equal(status_of(s), 200);
	assert_int_equal(stats().n_requests, 2);
}

static void chunks_that_are_none_end_the_connection(void **state UNUSED)
{
	struct weft_sock *s = asked(
		"GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");

	assert_int_equal(status_of(s), 200);
	assert_true(s->out_fin);
	assert_int_equal(stats().n_requests, 1);
}

static void client_that_expects_100_gets_the_answer_and_a_close(void **state UNUSED)
{
	struct weft_sock *s = asked("GET /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				    "Content-Length: 5\r\n\r\n");

	assert_int_equal(status_of(s), 200);
	assert_true(says(s, "Connection: close"));
	assert_true(s->out_fin);
}

static void client_that_finishes_amid_a_body_is_closed(void **state UNUSED)
{
	struct weft_sock *s =
		asked("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");

	fake_finish(s);
	fake_run();
	assert_true(s->is_closed);
	assert_int_equal(status_of(s), 200);
}

/* Time */

static void idle_connection_is_closed_after_60_s(void **state UNUSED)
{
	struct weft_sock *fresh = connected();
	struct weft_sock *used = asked(GET("/hello"));

	fake_pass(60 * second_ns - 1);
	assert_false(fake_is_gone(fresh) || fake_is_gone(used));
	fake_pass(1);
	assert_true(fresh->is_closed && used->is_closed);
	assert_int_equal(fresh->out_len, 0);
	assert_int_equal(stats().n_timeouts, 2);
}

static void head_that_does_not_end_gets_408_after_10_s(void **state UNUSED)
{
	struct weft_sock *s = connected();

	fake_pass(50 * second_ns);
	for (int i = 0; i < 9; i++) {
		fake_text(s, "G");
		fake_run();
		fake_pass(second_ns);
	}
	assert_int_equal(s->out_len, 0);
	fake_pass(second_ns);
	assert_int_equal(status_of(s), 408);
	assert_true(s->out_fin);
	fake_finish(s);
	fake_run();
	assert_true(s->is_closed);
}

static void client_that_takes_nothing_for_60_s_is_reset(void **state UNUSED)
{
	struct weft_sock *s = connected();

	fake_set_room(s, 1);
	fake_text(s, GET("/huge"));
	fake_run();
	for (int i = 0; i < 5; i++) {
		fake_pass(59 * second_ns);
		fake_set_room(s, 1);
		fake_run();
	}
	assert_false(fake_is_gone(s));
	fake_pass(60 * second_ns);
	assert_true(s->is_aborted);
	assert_int_equal(stats().n_timeouts, 1);
	assert_int_equal(stats().n_broken, 1);
}

static void body_that_does_not_come_ends_the_connection(void **state UNUSED)
{
	struct weft_sock *s = asked("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");

	fake_pass(10 * second_ns);
	assert_true(s->is_closed);
}

/* The server */

static void connections_above_the_bound_get_503_or_a_reset(void **state UNUSED)
{
	struct http_server_config cfg = config;
	struct weft_sock *socks[2 + 64 + 1];

	http_server_free(srv);
	cfg.max_conns = 2;
	assert_int_equal(http_server_new(NULL, &cfg, &srv), 0);
	for (size_t i = 0; i < ARRAY_SIZE(socks); i++)
		socks[i] = fake_connect();
	fake_run();
	assert_int_equal(socks[1]->out_len, 0);
	assert_int_equal(status_of(socks[2]), 503);
	assert_true(says(socks[2], "Retry-After: 1"));
	assert_true(socks[2]->out_fin);
	assert_int_equal(status_of(socks[65]), 503);
	assert_true(socks[66]->is_aborted);
	assert_int_equal(stats().n_refused, 65);
	fake_text(socks[1], GET("/hello"));
	fake_run();
	assert_int_equal(status_of(socks[1]), 200);
	fake_pass(2 * second_ns);
	assert_int_equal(stats().n_open, 2);
}

static void server_freed_resets_what_is_open(void **state UNUSED)
{
	struct weft_sock *idle = connected();
	struct weft_sock *partial = asked("GET");
	struct weft_sock *lingering = asked("nonsense\n");
	struct weft_sock *sending = connected();

	fake_set_room(sending, 10);
	fake_text(sending, GET("/huge"));
	fake_run();
	http_server_free(srv);
	srv = NULL;
	assert_true(idle->is_aborted && partial->is_aborted && lingering->is_aborted &&
		    sending->is_aborted);
	fake_run();
}

static void wrong_configurations_are_refused(void **state UNUSED)
{
	static const struct http_doc no_slash = {.path = "a", .text = ""};
	static const struct http_doc no_path = {.text = ""};
	static const struct http_doc bad_type = {.path = "/", .text = "", .type = "a\r\nb: c"};
	static const struct http_doc no_type = {.path = "/", .text = "", .type = ""};
	static const struct http_doc twice[] = {{.path = "/a", .text = ""}, {.path = "/a"}};
	static const struct {
		int err;
		struct http_server_config cfg;
	} cases[] = {
		{-EINVAL, {.port = 80, .docs = &no_slash, .n_docs = 1}},
		{-EINVAL, {.port = 80, .docs = &no_path, .n_docs = 1}},
		{-EINVAL, {.port = 80, .docs = &bad_type, .n_docs = 1}},
		{-EINVAL, {.port = 80, .docs = &no_type, .n_docs = 1}},
		{-EEXIST, {.port = 80, .docs = twice, .n_docs = 2}},
		{-ENOENT, {.port = 80, .root = "/nonexistent/folder"}},
		{-ENOTDIR, {.port = 80, .root = "/dev/null"}},
	};
	struct http_server *untouched = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(http_server_new(NULL, &cases[i].cfg, &untouched), cases[i].err);
		assert_null(untouched);
	}
	fake.listen_err = -EADDRINUSE;
	assert_int_equal(http_server_new(NULL, &config, &untouched), -EADDRINUSE);
	assert_null(untouched);
}

static bool always(void)
{
	return true;
}

static void timer_that_cannot_be_had_resets_the_connection(void **state UNUSED)
{
	struct weft_sock *s = fake_connect();

	fake.alloc_fails = always;
	fake_run();
	assert_true(s->is_aborted);
	assert_int_equal(stats().n_open, 0);
}

#define with_server(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(get_text_is_answered_byte_for_byte),
		with_server(head_is_answered_like_get_without_content),
		with_server(statuses_follow_from_requests),
		with_server(not_modified_has_a_tag_and_no_content),
		with_server(errors_say_why_in_text),
		with_server(log_escapes_what_the_client_chose),
		with_server(made_up_document_arrives_whole_in_large_pieces),
		with_server(range_of_made_up_document_is_its_part),
		with_server(requests_pipelined_are_answered_in_order),
		with_server(many_requests_at_once_are_all_answered),
		with_server(client_that_does_not_read_is_not_read_from),
		with_server(client_that_takes_little_gets_all_of_it),
		with_server(client_half_closed_still_gets_its_answer),
		with_server(client_half_closed_amid_a_head_is_closed),
		with_server(client_that_resets_is_forgotten),
		with_server(close_waits_for_the_client),
		with_server(close_does_not_wait_for_ever),
		with_server(body_too_long_ends_the_connection),
		with_server(body_of_the_bound_is_skipped),
		with_server(chunks_that_are_none_end_the_connection),
		with_server(client_that_expects_100_gets_the_answer_and_a_close),
		with_server(client_that_finishes_amid_a_body_is_closed),
		with_server(idle_connection_is_closed_after_60_s),
		with_server(head_that_does_not_end_gets_408_after_10_s),
		with_server(client_that_takes_nothing_for_60_s_is_reset),
		with_server(body_that_does_not_come_ends_the_connection),
		with_server(connections_above_the_bound_get_503_or_a_reset),
		with_server(server_freed_resets_what_is_open),
		with_server(wrong_configurations_are_refused),
		with_server(timer_that_cannot_be_had_resets_the_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
