/* SPDX-License-Identifier: MIT */
/* The parser of packet scripts: every form of the language, and mistakes with their places. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "drill/packet.h"
#include "drill/parse.h"

static struct drill_script *parse(const char *text)
{
	struct drill_script *script = NULL;
	struct drill_error err;
	int rc = drill_parse("t.pkt", text, strlen(text), NULL, false, &script, &err);

	if (rc)
		print_message("%u:%u: %s\n", err.line, err.column, err.text);
	assert_int_equal(rc, 0);
	return script;
}

/* "line:column: text" of the mistake in `text`. */
static const char *mistake(const char *text)
{
	static char out[500];
	struct drill_script *script = NULL;
	struct drill_error err;

	assert_int_equal(drill_parse("t.pkt", text, strlen(text), NULL, false, &script, &err),
			 -EINVAL);
	assert_null(script);
	snprintf(out, sizeof(out), "%u:%u: %s", err.line, err.column, err.text);
	return out;
}

/* What is printed for a packet reads as it was written. */
static void packet_reads_as_written(void **state UNUSED)
{
	static const char *const packets[] = {
		"< S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>",
		"> S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 100 ecr 10,nop,wscale 8>",
		"< FP. 1:1001(1000) ack 1 win 257 urg 3",
		"> - 5:5(0)",
		"< SEW 0:0(0) win 1 <md5 00112233445566778899aabbccddeeff,nop,nop>",
		"> . 4294967295:0(1) ack 1 <nop,nop,sack 1:2 3:4>",
		"> [ect0] 1000 > 2000 P. 1:11(10) ack 1 <...>",
		"< S 0:0(0) win 1 <FO 1122334455667788,nop,nop>",
		"< S 0:0(0) win 1 <FOEXP 11223344>",
		"< [tos 0x14] (ttl 3) udp 1 > 2 (100)",
		"> udp (0)",
		"< icmp unreachable frag_needed mtu 1300 [1:1461(1460)]",
		"< icmp unreachable port_unreachable [udp (8)]",
		"> icmp echo_reply",
	};

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		char text[200], got[DRILL_TEXT_MAX];
		struct drill_script *script;
		const char *want = packets[i];

		/* Two brackets are one in the language. */
		if (strstr(want, "] ("))
			want = "< [tos 0x14,ttl 3] udp 1 > 2 (100)";
		snprintf(text, sizeof(text), "0 %s", want);
		script = parse(text);
		assert_string_equal(drill_packet_text(script->events->packet, got, sizeof(got)),
				    packets[i]);
		drill_script_free(script);
	}
}

static void times_have_all_forms(void **state UNUSED)
{
	struct drill_script *script = parse("0.5 `true`\n+.1 > . 1:1(0) ack 1\n"
					    "* > . 1:1(0) ack 1\n1~2.5 > . 1:1(0) ack 1\n"
					    "+.1~+.2 > . 1:1(0) ack 1\n"
					    "+.1...0.200 connect(3, ..., ...) = 0");
	const struct drill_event *ev = script->events;

	/* A command in front of the events has no time; here it is an event. */
	assert_int_equal(ev->us, 500000);
	ev = ev->next;
	assert_int_equal(ev->when, DRILL_AFTER);
	assert_int_equal(ev->us, 100000);
	assert_int_equal(ev->next->when, DRILL_ANY_TIME);
	ev = ev->next->next;
	assert_int_equal(ev->when, DRILL_AT_RANGE);
	assert_int_equal(ev->end_us, 2500000);
	ev = ev->next;
	assert_int_equal(ev->when, DRILL_AFT_RANGE);
	assert_int_equal(ev->end_us, 200000);
	ev = ev->next;
	assert_int_equal(ev->call->end_us, 200000);
	assert_string_equal(ev->call->name, "connect");
	assert_int_equal(ev->line, 6);
	drill_script_free(script);
}

static void call_keeps_arguments_result_and_error(void **state UNUSED)
{
	struct drill_script *script =
		parse("0 poll([{fd=4, events=POLLIN|POLLOUT, revents=0}], 1, 0) = -1 EINTR "
		      "(Interrupted (really))");
	const struct drill_call *call = script->events->call;

	assert_int_equal(call->n_args, 3);
	assert_int_equal(call->args->kind, DRILL_EXPR_LIST);
	assert_string_equal(call->args->first->first->name, "fd");
	assert_int_equal(call->result->num, -1);
	assert_string_equal(call->error, "EINTR");
	drill_script_free(script);
}

static void message_header_has_counts(void **state UNUSED)
{
	struct drill_script *script =
		parse("0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{\"ab\" \"c\", 3}, {..., 4}], "
		      "msg_flags=0}, 0) = 7");
	const struct drill_expr *msg = script->events->call->args->next;

	assert_int_equal(msg->first->next->count->num, 2);
	assert_string_equal(msg->first->next->first->first->text, "abc");
	drill_script_free(script);
}

static void text_has_escapes(void **state UNUSED)
{
	struct drill_script *script = parse("0 f(\"\\xa1\\n\\\\\\xg\\0z\") = 0");
	const struct drill_expr *e = script->events->call->args;

	assert_int_equal(e->len, 7);
	assert_memory_equal(e->text, "\xa1\n\\xg\0z", 7);
	drill_script_free(script);
}

static void definition_replaces_a_word(void **state UNUSED)
{
	struct drill_define def = {.name = (char *)"SIZE", .value = (char *)"100"};
	struct drill_script *script;
	struct drill_error err;
	const char *text = "--define=NAME=\"a b\"\n0 write(4, NAME, SIZE) = SIZE";

	assert_int_equal(drill_parse("t", text, strlen(text), &def, false, &script, &err), 0);
	assert_string_equal(script->events->call->args->next->text, "a b");
	assert_int_equal(script->events->call->result->num, 100);
	drill_script_free(script);
}

static void frame_of_a_script_is_kept(void **state UNUSED)
{
	struct drill_script *script = parse("--mtu=1300 // small\n--local_ip=10.0.0.1\n"
					    "`../a.sh`\n/* one\n two */ 0 < . 1:1(0) ack 1 win 1\n"
					    "`/tmp/b.sh`\n");

	assert_string_equal(script->options->value, "1300");
	assert_string_equal(script->options->next->value, "10.0.0.1");
	assert_string_equal(script->init, "../a.sh");
	assert_string_equal(script->cleanup, "/tmp/b.sh");
	assert_int_equal(script->events->line, 5);
	drill_script_free(script);
}

static void mistake_has_its_place(void **state UNUSED)
{
	assert_string_equal(mistake("0 socket(..., 1, 2 = 3"), "1:20: expected \")\", found \"=\"");
	assert_string_equal(mistake("\n0 < S 0:5(0) win 1"), "2:12: 0:5 is not as long as (0)");
	assert_string_equal(mistake("0 < S 0:0(0)"),
			    "1:13: expected \"win\" and the window, which an injected segment "
			    "needs, found the end of the script");
	assert_string_equal(mistake("0 > X 0:0(0)"),
			    "1:5: expected TCP flags, udp or icmp, found \"X\"");
	assert_string_equal(mistake("0 > . 0:0(0) <mss 1>, 2"),
			    "1:21: expected a time in seconds, found \",\"");
	assert_string_equal(
		mistake("0 > . 0:0(0) <sackOK>"),
		"1:21: the options have 2 bytes; add nop until that is a multiple of 4");
	assert_string_equal(mistake("0 > . 0:0(0) <foo 1>"),
			    "1:15: expected a TCP option, found \"foo\"");
	assert_string_equal(mistake("* close(3) = 0"),
			    "1:15: the time * goes only with expected packets (\">\")");
	assert_string_equal(mistake("2~1 > . 1:1(0) ack 1"),
			    "1:5: the range of time ends before it begins");
	assert_string_equal(mistake("0 < gre: . 1:1(0) win 1"),
			    "1:5: packets inside of packets (gre) are not supported");
	assert_string_equal(mistake("0 write(4, \"abc, 3) = 3"),
			    "1:12: expected a value, found a string without its closing quote");
	assert_string_equal(mistake("0 %{ assert }%"),
			    "1:3: in code: expected a value, found the end");
	assert_string_equal(mistake(""), "1:1: there is nothing to do in the script");
	assert_string_equal(mistake("-1 close(3) = 0"), "1:1: a time cannot be negative");
}

static void text_in_many_pieces_takes_little_memory(void **state UNUSED)
{
	enum {
		PIECES = 20000,
		LEN = 20000
	};
	static char text[LEN + 2 * PIECES + 100];
	struct drill_script *script;
	size_t n = (size_t)snprintf(text, sizeof(text), "0 write(3, \"");

	memset(text + n, 'a', LEN);
	n += LEN;
	text[n++] = '"';
	memset(text + n, '"', 2 * PIECES); /* empty pieces */
	n += 2 * PIECES;
	snprintf(text + n, sizeof(text) - n, "\"b\", 1) = 1");
	script = parse(text);
	assert_int_equal(script->events->call->args->next->len, LEN + 1);
	assert_int_equal(script->events->call->args->next->text[LEN], 'b');
	assert_true(script->arena.total_bytes < 2000000);
	drill_script_free(script);
}

static void nesting_is_bounded(void **state UNUSED)
{
	char text[1000] = "0 f(";

	memset(text + 4, '[', 500);
	assert_non_null(strstr(mistake(text), "nested too deeply"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_reads_as_written),
		cmocka_unit_test(times_have_all_forms),
		cmocka_unit_test(call_keeps_arguments_result_and_error),
		cmocka_unit_test(message_header_has_counts),
		cmocka_unit_test(text_has_escapes),
		cmocka_unit_test(definition_replaces_a_word),
		cmocka_unit_test(frame_of_a_script_is_kept),
		cmocka_unit_test(mistake_has_its_place),
		cmocka_unit_test(text_in_many_pieces_takes_little_memory),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
