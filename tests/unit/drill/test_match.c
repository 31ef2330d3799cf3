/* SPDX-License-Identifier: MIT */
/* Frames: what is built is read back; what differs from the script is named; broken ones are. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "drill/match.h"
#include "drill/packet.h"
#include "drill/parse.h"

static struct drill_script *script;

/* A packet of a script, as text. */
static const struct drill_packet *packet(const char *text)
{
	struct drill_error err;
	char line[300];

	drill_script_free(script);
	snprintf(line, sizeof(line), "0 %s", text);
	assert_int_equal(drill_parse("t", line, strlen(line), NULL, false, &script, &err), 0);
	return script->events->packet;
}

static const char *differs(const char *want_text, const char *got_text)
{
	static char why[200];
	struct drill_match m = {.is_ip4 = true, .ts_tolerance = 2};
	struct drill_packet want = *packet(want_text), got = *packet(got_text);

	return drill_match(&m, &want, &got, why, sizeof(why)) ? why : NULL;
}

static int teardown(void **state UNUSED)
{
	drill_script_free(script);
	script = NULL;
	return 0;
}

static void same_packet_matches(void **state UNUSED)
{
	assert_null(differs("> P. 1:11(10) ack 5 win 3", "> P. 1:11(10) ack 5 win 3"));
	assert_null(differs("> P. 1:11(10) ack 5", "> P. 1:11(10) ack 5 win 3"));
	assert_null(differs("> . 1:1(0) ack 5 <...>", "> . 1:1(0) ack 5 <nop,nop,nop,nop>"));
	assert_null(differs("> [ect01] . 1:1(0) ack 1", "> [ect0] . 1:1(0) ack 1"));
	assert_null(differs("> . 1:1(0) ack 1 <nop,nop,TS val 10 ecr 5>",
			    "> . 1:1(0) ack 1 <nop,nop,TS val 12 ecr 5>"));
}

static void first_difference_is_named(void **state UNUSED)
{
	assert_string_equal(differs("> P. 1:1(0) ack 1", "> . 1:1(0) ack 1"),
			    "flag PSH: expected 1, seen 0");
	assert_string_equal(differs("> . 1:1(0) ack 1", "> . 2:2(0) ack 1"),
			    "sequence number: expected 1, seen 2");
	assert_string_equal(differs("> . 1:1(0) ack 1", "> . 1:1(0) ack 9"),
			    "acknowledgement: expected 1, seen 9");
	assert_string_equal(differs("> . 1:1(0) ack 1 win 4", "> . 1:1(0) ack 1 win 5"),
			    "window: expected 4, seen 5");
	assert_string_equal(differs("> . 1:1(0) ack 1", "> . 1:1(0) ack 1 <mss 1>"),
			    "TCP options differ");
	assert_string_equal(differs("> . 1:1(0) ack 1 <mss 2>", "> . 1:1(0) ack 1 <mss 1>"),
			    "TCP option 2 has another value");
	assert_string_equal(differs("> . 1:1(0) ack 1 <nop,nop,TS val 10 ecr 5>",
				    "> . 1:1(0) ack 1 <nop,nop,TS val 13 ecr 5>"),
			    "TS val: expected 10, seen 13");
	assert_string_equal(differs("> [ce] . 1:1(0) ack 1", "> [ect0] . 1:1(0) ack 1"),
			    "ECN bits: expected 3, seen 2");
	assert_string_equal(differs("> udp (1)", "> . 1:1(0) ack 1"), "another protocol");
	assert_string_equal(differs("> udp (1)", "> udp (2)"), "payload: expected 1, seen 2");
}

static void pieces_of_a_segment_continue_it(void **state UNUSED)
{
	struct drill_packet first = *packet("> . 1:11(10) ack 5 win 3");
	struct drill_packet next = *packet("> FP. 11:21(10) ack 5 win 3");
	struct drill_packet gap = *packet("> . 12:21(9) ack 5 win 3");
	struct drill_packet bare = *packet("> . 1:1(0) ack 5 win 3");
	struct drill_packet other = *packet("> . 11:21(10) ack 6 win 3");

	assert_true(drill_continues(&first, &next));
	assert_false(drill_continues(&first, &gap));
	assert_false(drill_continues(&bare, &first));
	assert_false(drill_continues(&first, &other));
	assert_false(drill_continues(&next, &first));
}

/* Builds `text`, reads it back and prints that. */
static const char *round_trip(const char *text, uint8_t family, int flip, int *ret_err)
{
	static char out[DRILL_TEXT_MAX];
	struct drill_build b = {
		.pkt = packet(text),
		.src = {.family = family, .bytes = {192, 0, 2, 1, 5}},
		.dst = {.family = family, .bytes = {192, 168, 0, 1, 7}},
		.sport = 1000,
		.dport = 2000,
		.quote_proto = 6,
	};
	uint8_t *frame = malloc(DRILL_FRAME_MAX);
	struct drill_seen *seen;
	size_t len;

	b.seq = b.pkt->seq;
	b.ack = b.pkt->ack;
	memcpy(b.opts, b.pkt->opts, b.pkt->opts_len);
	len = drill_build(&b, frame);
	assert_true(len > 0);
	seen = calloc(1, sizeof(*seen) + len);
	memcpy(seen->frame, frame, len);
	if (flip >= 0)
		seen->frame[flip] ^= 1;
	seen->len = len;
	*ret_err = drill_seen_read(seen, out, sizeof(out));
	if (!*ret_err) {
		seen->pkt.is_in = true;
		seen->pkt.ttl = 0;
		drill_packet_text(&seen->pkt, out, sizeof(out));
	}
	free(seen);
	free(frame);
	return out;
}

static void built_frame_is_read_back(void **state UNUSED)
{
	static const char *const packets[] = {
		"< P. 1:1001(1000) ack 7 win 20 <nop,nop,TS val 1 ecr 2>",
		"< SEW 0:0(0) win 32792 <mss 1460,sackOK,nop,nop>",
		"< R 5:5(0) win 0",
		"< udp (7)",
		"< . 1:60001(60000) ack 1 win 1",
	};
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		assert_string_equal(round_trip(packets[i], WEFT_AF_INET, -1, &err), packets[i]);
		assert_int_equal(err, 0);
		assert_string_equal(round_trip(packets[i], WEFT_AF_INET6, -1, &err), packets[i]);
		assert_int_equal(err, 0);
	}
	assert_string_equal(round_trip("< icmp echo_request id 9", WEFT_AF_INET, -1, &err),
			    "< icmp echo_request id 9");
}

static void broken_frame_is_refused(void **state UNUSED)
{
	int err;

	assert_string_equal(round_trip("< P. 1:11(10) ack 7 win 20", WEFT_AF_INET, 60, &err),
			    "a TCP segment with a wrong checksum");
	assert_int_equal(err, -EBADMSG);
	assert_string_equal(round_trip("< P. 1:11(10) ack 7 win 20", WEFT_AF_INET, 22, &err),
			    "an IPv4 header with a wrong checksum");
	assert_string_equal(round_trip("< udp (10)", WEFT_AF_INET, 45, &err),
			    "a UDP datagram with a wrong checksum");
	(void)round_trip("< udp (10)", WEFT_AF_INET, 12, &err);
	assert_int_equal(err, -EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(same_packet_matches, teardown),
		cmocka_unit_test_teardown(first_difference_is_named, teardown),
		cmocka_unit_test_teardown(pieces_of_a_segment_continue_it, teardown),
		cmocka_unit_test_teardown(built_frame_is_read_back, teardown),
		cmocka_unit_test_teardown(broken_frame_is_refused, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
