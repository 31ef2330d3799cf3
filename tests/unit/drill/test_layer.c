/* SPDX-License-Identifier: MIT */
/* Packets that scripts say header by header: words to bytes, bytes against words, mistakes. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "drill/drill.h"
#include "drill/layer.h"
#include "drill/parse.h"

static struct drill_result res;

static enum drill_verdict run(const char *text)
{
	struct drill_opts opts;

	drill_opts_init(&opts);
	opts.nothing_left = true;
	drill_run("t.pkt", text, strlen(text), &opts, &res);
	return res.verdict;
}

#define IPV6 "--ip_version=ipv6\n"
#define ASK  "0 < from fe80::2 to sol(local) ns local <slla remote>\n"

/* The frame of the first packet of `text`; its length. */
static size_t build(const char *text, struct drill_names *names, uint8_t *frame)
{
	struct drill_script *script;
	struct drill_error err;
	char why[100];
	size_t len;

	assert_int_equal(drill_parse("t.pkt", text, strlen(text), NULL, false, &script, &err), 0);
	len = drill_layers_build(names, script->events->packet, 1, frame, why, sizeof(why));
	drill_script_free(script);
	return len;
}

static void ipv6_solicitation_is_as_rfc_4861_draws_it(void **state UNUSED)
{
	static const uint8_t want[] = {
		0x33, 0x33, 0xff, 0,    0, 1,  2,  0,   0, 0, 0, 2, 0x86, 0xdd, /* Ethernet */
		0x60, 0,    0,    0,    0, 32, 58, 255,                         /* IPv6 */
		0xfe, 0x80, 0,    0,    0, 0,  0,  0,   0, 0, 0, 0, 0,    0,
		0,    2, /* source */
		0xff, 2,    0,    0,    0, 0,  0,  0,   0, 0, 0, 1, 0xff, 0,
		0,    1,                              /* destination */
		135,  0,    0x6c, 0xd0, 0, 0,  0,  0, /* ICMPv6 */
		0x20, 1,    0xd,  0xb8, 0, 0,  0,  0,   0, 0, 0, 0, 0,    0,
		0,    1,                              /* target */
		1,    1,    2,    0,    0, 0,  0,  2, /* option */
	};
	static uint8_t frame[DRILL_FRAME_MAX];
	struct drill_names names = {
		.local = {.family = WEFT_AF_INET6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}},
		.local_mac = {2, 0, 0, 0, 0, 1},
		.remote_mac = {2, 0, 0, 0, 0, 2}};

	assert_int_equal(build(ASK, &names, frame), sizeof(want));
	assert_memory_equal(frame, want, 56);
	assert_memory_equal(frame + 58, want + 58, sizeof(want) - 58);
	drill_names_fini(&names);
}

static void ipv6_answer_is_compared_field_by_field(void **state UNUSED)
{
	assert_int_equal(run(IPV6 ASK "+0 > from local to fe80::2 na local SO <tlla local>\n"),
			 DRILL_PASSED);
	assert_int_equal(run(IPV6 ASK "+0 > from local to fe80::2 na local S <tlla local>\n"),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, "flags: expected 40, seen 60"));
	assert_int_equal(run(IPV6 ASK "+0 > from local to fe80::2 na local SO\n"), DRILL_FAILED);
	assert_non_null(strstr(res.text, "payload length: expected 0018, seen 0020"));
	assert_int_equal(run(IPV6 ASK "+0 > from local to fe80::2 na local SO <...>\n"),
			 DRILL_PASSED);
	assert_int_equal(run(IPV6 ASK "+0 > from local to fe80::3 na local SO <...>\n"),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, "destination: expected fe80"));
	assert_int_equal(run(IPV6 ASK), DRILL_FAILED);
	assert_non_null(strstr(res.text, "the stack sent what it did not expect"));
}

static void ipv6_name_stands_for_what_was_seen_first(void **state UNUSED)
{
	assert_int_equal(run(IPV6 ASK "+0 > from $a to fe80::2 na $a SO <tlla local>\n"
				      "+0 < from fe80::2 to sol($a) ns $a <slla remote>\n"
				      "+0 > from $a to fe80::2 na local SO <tlla local>\n"),
			 DRILL_PASSED);
	assert_int_equal(run(IPV6 ASK "+0 > from $a to $a na local SO <tlla local>\n"),
			 DRILL_FAILED);
	assert_non_null(strstr(res.text, "$a: seen in two ways"));
	assert_int_equal(run(IPV6 "0 < from $b to local ns local\n"), DRILL_REFUSED);
	assert_non_null(strstr(res.text, "a name that nothing was seen of"));
}

static void frames_of_other_subjects_are_passed_over(void **state UNUSED)
{
	/* Nothing here is about ARP, by which the host announces itself. */
	assert_int_equal(run("0 < from remote to local echo_request id 1 (8)\n"
			     "+0 > from local to remote echo_reply id 1 (8)\n"),
			 DRILL_PASSED);
	assert_int_equal(run("0 > arp who_has local tell local\n"), DRILL_PASSED);
}

static void mistakes_are_told_with_their_place(void **state UNUSED)
{
	static const struct {
		const char *text, *what;
	} bad[] = {
		{"0 < from local fe80::2 ns local\n", "\"to\" and an address"},
		{"0 < from here to local ns local\n", "an address"},
		{"0 < from local to remote speak\n", "a message (ns, na,"},
		{"0 < from local to remote frag 4:8 ns local\n", "begins at a multiple of 8"},
		{"0 < from local to remote ns local <mac 1>\n", "an option: slla"},
		{"0 < from local to remote ns local <slla 1:2>\n", "a hardware address"},
		{"0 < from local to remote ns local <raw 123>\n", "two digits each"},
		{"0 < from local to remote hop <> ns local\n", "an option: pad1"},
		{"0 < from local to remote ra pref best\n", "high, medium, low"},
		{"0 < from local to remote mld2_report <in ff02::1>\n", "a record: is_in"},
		{"0 < from local to remote icmp 7\n", "a type of ICMP"},
		{"0 < arp local is_on remote to remote\n", "\"is_at\""},
		{"0 < from local to remote icmp unreachable about from local to remote icmp "
		 "unreachable about from local to remote icmp unreachable about from local to "
		 "remote icmp unreachable about from local to remote ns local\n",
		 "errors about errors"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(run(bad[i].text), DRILL_REFUSED);
		if (!strstr(res.text, bad[i].what))
			fail_msg("%s%s", bad[i].text, res.text);
		assert_non_null(strstr(res.text, "t.pkt:1:"));
	}
}

/* The first packet of `text` against a frame of exactly that length. */
static int match(const char *text, struct drill_names *names, const uint8_t *frame, size_t len)
{
	uint8_t *exact = malloc(len);
	struct drill_script *script;
	struct drill_error err;
	char why[100];
	int ret;

	assert_non_null(exact);
	memcpy(exact, frame, len);
	assert_int_equal(drill_parse("t.pkt", text, strlen(text), NULL, false, &script, &err), 0);
	ret = drill_layers_match(names, script->events->packet, exact, len, why, sizeof(why));
	drill_script_free(script);
	free(exact);
	return ret;
}

static void ipv6_name_in_a_fragment_is_learned_if_it_is_there(void **state UNUSED)
{
#define FRAG(dir, range, target) \
	"0 " dir " from fe80::1 to fe80::2 frag " range " id 5 ns " target "\n"
	static uint8_t frame[DRILL_FRAME_MAX];
	struct drill_names names = {.local = {.family = WEFT_AF_INET6}};
	size_t len = build(FRAG("<", "0:8", "fe80::7"), &names, frame);

	assert_int_equal(len, 14 + 40 + 8 + 8);
	assert_int_equal(match(FRAG(">", "0:8", "$x"), &names, frame, len), 0);
	assert_null(names.known);
	len = build(FRAG("<", "8:24", "fe80::7"), &names, frame);
	assert_int_equal(len, 14 + 40 + 8 + 16);
	assert_int_equal(match(FRAG(">", "8:24", "fe80::8"), &names, frame, len), -EINVAL);
	assert_int_equal(match(FRAG(">", "8:24", "$x"), &names, frame, len), 0);
	assert_true(names.known && names.known->len == 16 && names.known->bytes[15] == 7);
	drill_names_fini(&names);
}

/* Nothing that nests in a script nests without end. */
static void nesting_has_its_bounds(void **state UNUSED)
{
	static char text[200000];
	struct sb sb = sb_make(text, sizeof(text));

	sb_str(&sb, "0 < from local to remote ");
	for (int i = 0; i < 20000; i++)
		sb_str(&sb, "frag 0:8 ");
	sb_str(&sb, "ns local\n");
	assert_int_equal(run(text), DRILL_REFUSED);
	assert_non_null(strstr(res.text, "too many headers"));
	sb = sb_make(text, sizeof(text));
	sb_str(&sb, "0 < from ");
	for (int i = 0; i < 40000; i++)
		sb_str(&sb, "sol(");
	sb_str(&sb, "local\n");
	assert_false(sb.truncated);
	assert_int_equal(run(text), DRILL_REFUSED);
	assert_non_null(strstr(res.text, "an address"));
}

static void packet_that_is_too_long_is_refused(void **state UNUSED)
{
	static uint8_t frame[DRILL_FRAME_MAX];
	struct drill_names names = {.local = {.family = WEFT_AF_INET}};

	assert_int_equal(build("0 < from 10.0.0.1 to 10.0.0.2 udp 1 > 2 (65400)\n", &names, frame),
			 14 + 20 + 8 + 65400);
	assert_int_equal(build("0 < from 10.0.0.1 to 10.0.0.2 dst <padn 257, padn 257> icmp "
			       "unreachable about from local to remote udp 1 > 2 (65400)\n",
			       &names, frame),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv6_solicitation_is_as_rfc_4861_draws_it),
		cmocka_unit_test(ipv6_answer_is_compared_field_by_field),
		cmocka_unit_test(ipv6_name_stands_for_what_was_seen_first),
		cmocka_unit_test(frames_of_other_subjects_are_passed_over),
		cmocka_unit_test(mistakes_are_told_with_their_place),
		cmocka_unit_test(ipv6_name_in_a_fragment_is_learned_if_it_is_there),
		cmocka_unit_test(nesting_has_its_bounds),
		cmocka_unit_test(packet_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
