/* SPDX-License-Identifier: MIT */
/* JSON-RPC 2.0 on the control socket, without a socket: lines in, lines out. */
#include "rpc_fix.h"

/* ---- a peer ------------------------------------------------------------------------------ */

static struct peer {
	struct rpc_peer peer;
	char *out; /* what has been sent */
	size_t len;
	size_t waiting; /* what it pretends not to have read */
	size_t n_fds;
} p;

static void peer_send(struct rpc_peer *peer UNUSED, char *line, size_t len, const int *fds,
		      size_t n_fds)
{
	assert_non_null(line);
	assert_int_equal(line[len - 1], '\n');
	p.out = realloc(p.out, p.len + len + 1);
	memcpy(p.out + p.len, line, len + 1);
	p.len += len;
	p.n_fds += n_fds;
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	free(line);
}

static size_t peer_waiting(const struct rpc_peer *peer UNUSED)
{
	return p.waiting;
}

static int setup(void **state UNUSED)
{
	fix_up();
	p = (struct peer){.len = 0};
	rpc_peer_init(&p.peer, fix_lab);
	p.peer.send = peer_send;
	p.peer.waiting = peer_waiting;
	return 0;
}

static int teardown(void **state UNUSED)
{
	rpc_peer_fini(&p.peer);
	free(p.out);
	fix_down();
	return 0;
}

static void line(const char *text)
{
	rpc_peer_line(&p.peer, text, strlen(text));
}

/* The next message that was sent; NULL: none. */
static json_t *message(void)
{
	char *end = p.len ? memchr(p.out, '\n', p.len) : NULL;
	json_t *m;

	if (!end)
		return NULL;
	m = json_loadb(p.out, (size_t)(end - p.out), 0, NULL);
	assert_non_null(m);
	p.len -= (size_t)(end + 1 - p.out);
	memmove(p.out, end + 1, p.len);
	return m;
}

static void expect_nothing(void)
{
	if (p.len)
		fail_msg("sent: %.*s", (int)p.len, p.out);
}

static void check_error(json_t *m, int code, const char *text)
{
	json_t *error = json_object_get(m, "error");
	const char *has = json_string_value(json_object_get(error, "message"));

	assert_non_null(has);
	assert_string_equal(json_string_value(json_object_get(m, "jsonrpc")), "2.0");
	assert_non_null(json_object_get(m, "id"));
	assert_null(json_object_get(m, "result"));
	if (json_integer_value(json_object_get(error, "code")) != code || !strstr(has, text))
		fail_msg("error %lld, %s",
			 (long long)json_integer_value(json_object_get(error, "code")), has);
}

/* One error and no more. Returns its `data`, borrowed until the next message, or NULL. */
static void expect_error(int code, const char *text)
{
	json_t *m = message();

	check_error(m, code, text);
	json_decref(m);
	expect_nothing();
}

static void expect_result(int id, const char *json)
{
	json_t *m = message(), *want = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(m);
	assert_int_equal(json_integer_value(json_object_get(m, "id")), id);
	assert_true(json_equal(json_object_get(m, "result"), want));
	assert_null(json_object_get(m, "error"));
	json_decref(m);
	json_decref(want);
}

#define REQUEST(id, method, params)                                           \
	"{\"jsonrpc\": \"2.0\", \"id\": " id ", \"method\": \"" method "\", " \
	"\"params\": " params "}"

/* ---- requests ---------------------------------------------------------------------------- */

static void request_is_answered_with_its_id(void **state UNUSED)
{
	json_t *m;

	line(REQUEST("7", "test.echo", "{\"text\": \"hallo\"}"));
	expect_result(7, "{\"text\": \"hallo\"}");
	line("{\"jsonrpc\": \"2.0\", \"id\": \"word\", \"method\": \"test.echo\"}\r");
	m = message();
	assert_string_equal(json_string_value(json_object_get(m, "id")), "word");
	json_decref(m);
	line(" \t\r");
	line("");
	expect_nothing();
}

static void text_that_is_no_json_is_a_parse_error(void **state UNUSED)
{
	static const char *const texts[] = {
		"{",           "}",     "{\"jsonrpc\": \"2.0\", \"method\"",
		"nonsense",    "{} {}", "{\"a\": 1, \"a\": 2}",
		"\"\xff\"",    "[1,]",  "99999999999999999999999999",
		"\"\\u0000\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		line(texts[i]);
		expect_error(RPC_PARSE_ERROR, "not JSON");
	}
}

static void deep_nesting_is_a_parse_error(void **state UNUSED)
{
	char *deep = malloc(100001);

	memset(deep, '[', 100000);
	deep[100000] = '\0';
	line(deep);
	expect_error(RPC_PARSE_ERROR, "not JSON");
	free(deep);
}

static void json_that_is_no_request_is_invalid(void **state UNUSED)
{
	static const char *const texts[] = {
		"1",
		"\"text\"",
		"null",
		"{}",
		"{\"jsonrpc\": \"1.0\", \"method\": \"test.echo\"}",
		"{\"jsonrpc\": 2.0, \"method\": \"test.echo\"}",
		"{\"jsonrpc\": \"2.0\"}",
		"{\"jsonrpc\": \"2.0\", \"method\": 1}",
		"{\"jsonrpc\": \"2.0\", \"method\": \"test.echo\", \"params\": 1}",
		"{\"jsonrpc\": \"2.0\", \"method\": \"test.echo\", \"id\": {}}",
		"{\"jsonrpc\": \"2.0\", \"method\": \"test.echo\", \"id\": 1.5}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		line(texts[i]);
		expect_error(RPC_INVALID_REQUEST, "");
	}
	assert_int_equal(fix_n_runs, 0);
}

static void unknown_method_gets_a_suggestion(void **state UNUSED)
{
	line(REQUEST("1", "test.ecko", "{}"));
	expect_error(RPC_METHOD_NOT_FOUND, "did you mean `test.echo`");
	line(REQUEST("1", "something.else", "{}"));
	expect_error(RPC_METHOD_NOT_FOUND, "rpc.list");
	line("{\"jsonrpc\": \"2.0\", \"method\": \"something.else\"}");
	expect_nothing();
}

static void notification_runs_and_is_not_answered(void **state UNUSED)
{
	line("{\"jsonrpc\": \"2.0\", \"method\": \"test.echo\"}");
	line("{\"jsonrpc\": \"2.0\", \"method\": \"test.refuse\"}");
	line("{\"jsonrpc\": \"2.0\", \"method\": \"test.pipe\"}");
	line("{\"jsonrpc\": \"2.0\", \"method\": \"test.silent\"}");
	expect_nothing();
	assert_int_equal(fix_n_runs, 1);
	assert_int_equal(p.peer.n_calls, 0);
}

/* ---- parameters -------------------------------------------------------------------------- */

static void wrong_parameters_are_refused_by_name(void **state UNUSED)
{
	static const struct {
		const char *params, *text;
	} cases[] = {
		{"{\"txet\": \"x\"}", "did you mean `text`"},
		{"{\"zzzzzzzz\": \"x\"}", "no parameter `zzzzzzzz`"},
		{"{\"text\": 1}", "`text` must be a string"},
		{"{\"number\": \"1\"}", "`number` must be an integer"},
		{"{\"number\": 1.5}", "`number` must be an integer"},
		{"{\"number\": 0}", "from 1 to 10"},
		{"{\"number\": 11}", "from 1 to 10"},
		{"{\"flag\": 1}", "`flag` must be a boolean"},
		{"{\"object\": []}", "`object` must be an object"},
		{"{\"list\": {}}", "`list` must be an array"},
		{"{\"node\": 1}", "the name of a node"},
		{"[1]", "`text` must be a string"},
		{"[\"a\", 2, true, {}, [], \"alpha\", 0, 0]", "takes 7 parameters, not 8"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[300];

		snprintf(text, sizeof(text),
			 "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"test.echo\", \"params\": "
			 "%s}",
			 cases[i].params);
		line(text);
		expect_error(RPC_INVALID_PARAMS, cases[i].text);
	}
	line(REQUEST("1", "test.need", "{}"));
	expect_error(RPC_INVALID_PARAMS, "needs a parameter `node`");
	assert_int_equal(fix_n_runs, 0);
}

static void parameters_by_position_get_their_names(void **state UNUSED)
{
	line(REQUEST("1", "test.echo", "[\"a\", 10, true]"));
	expect_result(1, "{\"text\": \"a\", \"number\": 10, \"flag\": true}");
	line(REQUEST("2", "test.echo", "[null, 1]"));
	expect_result(2, "{\"number\": 1}");
	line(REQUEST("3", "test.echo", "[]"));
	expect_result(3, "{}");
}

static void unknown_node_gets_a_suggestion(void **state UNUSED)
{
	json_t *m, *data;

	line(REQUEST("1", "test.echo", "{\"node\": \"alhpa\"}"));
	m = message();
	check_error(m, RPC_NO_NODE, "did you mean `alpha`");
	data = json_object_get(json_object_get(m, "error"), "data");
	assert_string_equal(json_string_value(json_object_get(data, "did_you_mean")), "alpha");
	json_decref(m);
	line(REQUEST("1", "test.echo", "{\"node\": \"completely-different\"}"));
	expect_error(RPC_NO_NODE, "no node");
	line(REQUEST("1", "test.echo", "{\"node\": \"ALPHA\"}"));
	expect_result(1, "{\"node\": \"ALPHA\"}");
}

/* ---- errors of methods ------------------------------------------------------------------- */

static void refusal_carries_the_errno(void **state UNUSED)
{
	json_t *m, *data;

	line(REQUEST("1", "test.refuse", "{}"));
	m = message();
	check_error(m, RPC_FAILED, "the thing: File exists");
	data = json_object_get(json_object_get(m, "error"), "data");
	assert_string_equal(json_string_value(json_object_get(data, "errno")), "EEXIST");
	json_decref(m);
	line(REQUEST("1", "test.need", "{\"node\": \"beta\"}"));
	m = message();
	check_error(m, RPC_WRONG_KIND, "test.need works on kernel nodes; beta is of kind weft");
	json_decref(m);
}

static void method_that_does_not_answer_is_answered_for(void **state UNUSED)
{
	line(REQUEST("1", "test.silent", "{}"));
	expect_error(RPC_INTERNAL_ERROR, "did not answer");
}

static void answer_over_the_bound_becomes_an_error(void **state UNUSED)
{
	json_t *m;

	line(REQUEST("5", "test.large", "{\"size\": 8388608}"));
	m = message();
	check_error(m, RPC_FAILED, "larger than");
	assert_int_equal(json_integer_value(json_object_get(m, "id")), 5);
	json_decref(m);
}

static void text_that_is_no_utf8_is_made_so(void **state UNUSED)
{
	json_t *text = rpc_text("a\xff\xfe z");

	assert_string_equal(json_string_value(text), "a?? z");
	json_decref(text);
}

/* ---- later ------------------------------------------------------------------------------- */

static void call_is_answered_later(void **state UNUSED)
{
	line(REQUEST("1", "test.later", "{}"));
	line(REQUEST("2", "test.echo", "{}"));
	expect_result(2, "{}");
	assert_int_equal(rpc_reply(fix_open, json_integer(5)), 0);
	expect_result(1, "5");
	expect_nothing();
	assert_int_equal(p.peer.n_calls, 0);
}

static void id_of_an_open_call_is_refused(void **state UNUSED)
{
	line(REQUEST("1", "test.later", "{}"));
	line(REQUEST("1", "test.echo", "{}"));
	expect_error(RPC_INVALID_REQUEST, "open");
	assert_int_equal(rpc_reply(fix_open, json_true()), 0);
	line(REQUEST("1", "test.echo", "{}"));
	expect_result(1, "true");
	expect_result(1, "{}");
}

static void too_many_open_calls_are_refused(void **state UNUSED)
{
	for (int i = 0; i < RPC_CALLS_MAX; i++) {
		char text[120];

		snprintf(text, sizeof(text),
			 "{\"jsonrpc\": \"2.0\", \"id\": %d, \"method\": \"test.later\"}", i);
		line(text);
	}
	expect_nothing();
	line(REQUEST("1000", "test.echo", "{}"));
	expect_error(RPC_FAILED, "64 calls are open");
	/* Giving one up is always possible. */
	line(REQUEST("1001", "rpc.cancel", "{\"id\": 0}"));
	json_decref(message());
	expect_result(1001, "{}");
	line(REQUEST("1000", "test.echo", "{}"));
	expect_result(1000, "{}");
}

static void cancelled_call_releases_and_ends(void **state UNUSED)
{
	line(REQUEST("1", "test.later", "{}"));
	line(REQUEST("2", "rpc.cancel", "{\"id\": 1}"));
	assert_int_equal(fix_n_cancelled, 1);
	{
		json_t *m = message();

		check_error(m, RPC_CANCELLED, "cancelled");
		assert_int_equal(json_integer_value(json_object_get(m, "id")), 1);
		json_decref(m);
	}
	expect_result(2, "{}");
	line(REQUEST("2", "rpc.cancel", "{\"id\": 1}"));
	expect_error(RPC_FAILED, "no call");
	line(REQUEST("2", "rpc.cancel", "{\"id\": 2}"));
	expect_error(RPC_FAILED, "no call");
	assert_int_equal(fix_n_cancelled, 1);
}

static void call_without_a_way_out_cannot_be_cancelled(void **state UNUSED)
{
	line(REQUEST("1", "test.later", "{\"forever\": true}"));
	line(REQUEST("2", "rpc.cancel", "{\"id\": 1}"));
	expect_error(RPC_FAILED, "cannot be given up");
	assert_int_equal(rpc_reply(fix_open, json_true()), 0);
	expect_result(1, "true");
}

static void peer_that_goes_gives_its_calls_up(void **state UNUSED)
{
	struct rpc_call *forever;

	line(REQUEST("1", "test.later", "{\"forever\": true}"));
	forever = fix_open;
	line(REQUEST("2", "test.later", "{}"));
	rpc_peer_fini(&p.peer);
	assert_int_equal(fix_n_cancelled, 1);
	assert_false(rpc_notify(forever, "test.event", json_object()));
	assert_int_equal(rpc_reply(forever, json_true()), 0);
	expect_nothing();
}

static void node_that_goes_ends_the_calls_about_it(void **state UNUSED)
{
	struct rpc_call *other;

	line(REQUEST("1", "test.later", "{\"node\": \"alpha\"}"));
	other = fix_open;
	line(REQUEST("2", "test.later", "{\"node\": \"beta\"}"));
	rpc_node_gone(lab_node_find(fix_lab, "beta"), NULL);
	expect_error(RPC_CANCELLED, "removed");
	assert_int_equal(fix_n_cancelled, 1);
	assert_int_equal(rpc_reply(other, json_true()), 0);
	expect_result(1, "true");
}

static void notification_carries_the_id_of_its_call(void **state UNUSED)
{
	json_t *m, *params;

	line(REQUEST("9", "test.later", "{}"));
	assert_true(rpc_notify(fix_open, "test.event", json_pack("{s:i}", "n", 3)));
	m = message();
	params = json_object_get(m, "params");
	assert_string_equal(json_string_value(json_object_get(m, "method")), "test.event");
	assert_null(json_object_get(m, "id"));
	assert_int_equal(json_integer_value(json_object_get(params, "id")), 9);
	assert_int_equal(json_integer_value(json_object_get(params, "n")), 3);
	assert_null(json_object_get(params, "left_out"));
	json_decref(m);
	assert_int_equal(rpc_reply(fix_open, json_true()), 0);
}

static void notifications_for_a_slow_reader_are_left_out_and_counted(void **state UNUSED)
{
	json_t *m;

	line(REQUEST("9", "test.later", "{}"));
	p.waiting = RPC_OUT_MAX / 2 + 1;
	assert_false(rpc_notify(fix_open, "test.event", json_object()));
	assert_false(rpc_notify(fix_open, "test.event", json_object()));
	expect_nothing();
	p.waiting = 0;
	assert_true(rpc_notify(fix_open, "test.event", json_object()));
	m = message();
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(m, "params"), "left_out")), 2);
	json_decref(m);
	assert_true(rpc_notify(fix_open, "test.event", json_object()));
	m = message();
	assert_null(json_object_get(json_object_get(m, "params"), "left_out"));
	json_decref(m);
	assert_int_equal(rpc_call_left_out(fix_open), 2);
	assert_int_equal(rpc_reply(fix_open, json_true()), 0);
}

/* ---- batches ----------------------------------------------------------------------------- */

static void batch_is_answered_with_an_array(void **state UNUSED)
{
	json_t *m;

	line("[" REQUEST("1", "test.echo", "{}") ", 1, {\"jsonrpc\": \"2.0\", \"method\": "
						 "\"test.echo\"}, " REQUEST("2", "test.ecko",
									    "{}") "]");
	m = message();
	assert_int_equal(json_array_size(m), 3);
	assert_non_null(json_object_get(json_array_get(m, 0), "result"));
	check_error(json_array_get(m, 1), RPC_INVALID_REQUEST, "object");
	check_error(json_array_get(m, 2), RPC_METHOD_NOT_FOUND, "");
	json_decref(m);
	expect_nothing();
	assert_int_equal(fix_n_runs, 2);
}

static void batch_of_notifications_is_not_answered(void **state UNUSED)
{
	line("[{\"jsonrpc\": \"2.0\", \"method\": \"test.echo\"}, "
	     "{\"jsonrpc\": \"2.0\", \"method\": \"test.ecko\"}]");
	expect_nothing();
}

static void empty_and_long_batches_are_invalid(void **state UNUSED)
{
	char text[4 * RPC_BATCH_MAX] = "[1";

	line("[]");
	expect_error(RPC_INVALID_REQUEST, "1 to 64");
	for (int i = 0; i < RPC_BATCH_MAX; i++)
		strncat(text, ",1", sizeof(text) - strlen(text) - 1);
	strncat(text, "]", sizeof(text) - strlen(text) - 1);
	line(text);
	expect_error(RPC_INVALID_REQUEST, "1 to 64");
}

static void batch_waits_for_its_last_answer(void **state UNUSED)
{
	json_t *m;

	line("[" REQUEST("1", "test.later", "{}") ", " REQUEST("2", "test.echo", "{}") "]");
	expect_nothing();
	assert_int_equal(rpc_reply(fix_open, json_true()), 0);
	m = message();
	assert_int_equal(json_array_size(m), 2);
	json_decref(m);
}

static void batch_of_a_peer_that_goes_is_forgotten(void **state UNUSED)
{
	line("[" REQUEST("1", "test.later", "{}") ", " REQUEST(
		"2", "test.later", "{\"forever\": true}") ", " REQUEST("3", "test.echo", "{}") "]");
	rpc_peer_fini(&p.peer);
	expect_nothing();
	assert_int_equal(fix_n_cancelled, 1);
	assert_int_equal(rpc_reply(fix_open, json_true()), 0);
	expect_nothing();
}

static void descriptors_do_not_travel_in_a_batch(void **state UNUSED)
{
	json_t *m;

	line("[" REQUEST("1", "test.pipe", "{}") "]");
	m = message();
	check_error(json_array_get(m, 0), RPC_FAILED, "alone");
	json_decref(m);
	assert_int_equal(p.n_fds, 0);
	line(REQUEST("1", "test.pipe", "{}"));
	expect_result(1, "true");
	assert_int_equal(p.n_fds, 1);
}

static void list_describes_every_method(void **state UNUSED)
{
	json_t *m, *list;

	line(REQUEST("1", "rpc.list", "{}"));
	m = message();
	list = json_object_get(m, "result");
	assert_int_equal(json_array_size(list), 9);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 2), "name")),
			    "test.echo");
	json_decref(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(request_is_answered_with_its_id),
		TEST(text_that_is_no_json_is_a_parse_error),
		TEST(deep_nesting_is_a_parse_error),
		TEST(json_that_is_no_request_is_invalid),
		TEST(unknown_method_gets_a_suggestion),
		TEST(notification_runs_and_is_not_answered),
		TEST(wrong_parameters_are_refused_by_name),
		TEST(parameters_by_position_get_their_names),
		TEST(unknown_node_gets_a_suggestion),
		TEST(refusal_carries_the_errno),
		TEST(method_that_does_not_answer_is_answered_for),
		TEST(answer_over_the_bound_becomes_an_error),
		TEST(text_that_is_no_utf8_is_made_so),
		TEST(call_is_answered_later),
		TEST(id_of_an_open_call_is_refused),
		TEST(too_many_open_calls_are_refused),
		TEST(cancelled_call_releases_and_ends),
		TEST(call_without_a_way_out_cannot_be_cancelled),
		TEST(peer_that_goes_gives_its_calls_up),
		TEST(node_that_goes_ends_the_calls_about_it),
		TEST(notification_carries_the_id_of_its_call),
		TEST(notifications_for_a_slow_reader_are_left_out_and_counted),
		TEST(batch_is_answered_with_an_array),
		TEST(batch_of_notifications_is_not_answered),
		TEST(empty_and_long_batches_are_invalid),
		TEST(batch_waits_for_its_last_answer),
		TEST(batch_of_a_peer_that_goes_is_forgotten),
		TEST(descriptors_do_not_travel_in_a_batch),
		TEST(list_describes_every_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
