/* SPDX-License-Identifier: MIT */
/* Journeys in words, and advice for every reason for which the stack drops packets. */
#include "unit.h"

#include "cmd/why_text.h"
#include "weft/weft.h"

#include <stdio.h>

static void reason_has_advice(void *arg UNUSED, const char *name, const char *text UNUSED,
			      uint64_t n UNUSED)
{
	if (!why_advice(name))
		fail_msg("%s has no advice in cmd/why_advice.c", name);
}

static void every_reason_has_advice(void **state UNUSED)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct weft_engine *eng;
	struct weft_stack *st;

	assert_int_equal(weft_engine_new(&cfg, &eng), 0);
	assert_int_equal(weft_stack_new(eng, "a", &st), 0);
	weft_stack_drops(st, reason_has_advice, NULL);
	weft_stack_free(st);
	weft_engine_free(eng);
	assert_null(why_advice("NO_SUCH_REASON"));
}

static void check(void (*print)(FILE *out, const json_t *json), const char *json,
		  const char *expected)
{
	json_t *value = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(value);
	assert_non_null(out);
	print(out, value);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

#define DROP                                                                                    \
	"{\"time_ns\": 5000000, \"ago_ns\": 1203000000, \"event\": \"drop\", \"node\": \"r\", " \
	"\"if\": \"lan\", \"trace\": 7, \"len\": 98, \"flow\": \"10.0.0.1 > 10.9.3.3 icmp\", "  \
	"\"reason\": \"IP_TTL\", \"layer\": \"ip\", \"why\": \"time to live exceeded\", "       \
	"\"hops\": [{\"hop\": \"stack\", \"node\": \"a\"}, {\"hop\": \"sock\", \"n\": 1}, "     \
	"{\"hop\": \"route\", \"n\": 16}, {\"hop\": \"queue\", \"n\": 3}, "                     \
	"{\"hop\": \"tx\", \"if\": \"eth0\"}, {\"hop\": \"stack\", \"node\": \"r\"}, "          \
	"{\"hop\": \"rx\", \"if\": \"lan\"}, {\"hop\": \"drop\", \"reason\": \"IP_TTL\"}]}"

static void drop_is_told_node_by_node_with_what_to_do(void **state UNUSED)
{
	check(why_print_drop, DROP,
	      "packet 7: 10.0.0.1 > 10.9.3.3 icmp, 98 bytes\n"
	      "dropped 1.203 s ago in r, interface lan: IP_TTL\n"
	      "\n"
	      "  a            sent by a socket, ICMP\n"
	      "               the route to 10.9.0.0/16 matches\n"
	      "               waits for its turn on the link, behind 2 packets\n"
	      "               leaves by eth0\n"
	      "  r            comes in by lan\n"
	      "               dropped: IP_TTL (time to live exceeded)\n"
	      "\n"
	      "What to do: The packet went round in a circle, or too far: `weft -n r traceroute "
	      "ADDRESS` shows where; with traceroute itself this is how it works.\n");
}

static void packet_of_a_link_that_has_gone_has_no_known_sender(void **state UNUSED)
{
	check(why_print_drop,
	      "{\"ago_ns\": 1000000, \"event\": \"drop\", \"node\": \"r\", \"if\": \"\", "
	      "\"trace\": 7, \"len\": 42, \"flow\": \"\", \"reason\": \"X\", \"why\": \"x\", "
	      "\"hops\": [{\"hop\": \"tx\", \"if\": \"\"}, "
	      "{\"hop\": \"stack\", \"node\": \"r\"}, {\"hop\": \"drop\", \"reason\": \"X\"}]}",
	      "packet 7: 42 bytes\n"
	      "dropped 0.001 s ago in r: X\n"
	      "\n"
	      "  ?            leaves by an interface\n"
	      "  r            dropped: X (x)\n");
}

static void advice_names_node_and_interface(void **state UNUSED)
{
	check(why_print_drop,
	      "{\"ago_ns\": 1000000, \"event\": \"drop\", \"node\": \"r\", \"if\": \"wan\", "
	      "\"trace\": 7, \"len\": 42, \"flow\": \"\", \"reason\": \"IF_DOWN\", "
	      "\"why\": \"interface is down\", "
	      "\"hops\": [{\"hop\": \"drop\", \"reason\": \"IF_DOWN\"}]}",
	      "packet 7: 42 bytes\n"
	      "dropped 0.001 s ago in r, interface wan: IF_DOWN\n"
	      "\n"
	      "  r            dropped: IF_DOWN (interface is down)\n"
	      "\n"
	      "What to do: Set the interface up: weft -n r ip link set wan up.\n");
}

static void drop_has_a_line(void **state UNUSED)
{
	check(why_print_line, DROP,
	      "       7  1.203 s ago  r:lan  IP_TTL  10.0.0.1 > 10.9.3.3 icmp  (time to live "
	      "exceeded)\n");
}

static void traced_packet_has_its_times(void **state UNUSED)
{
	check(why_print_trace,
	      "[{\"time_ns\": 1000000, \"ago_ns\": 2000000, \"event\": \"tx\", \"node\": \"a\", "
	      "\"if\": \"eth0\", \"trace\": 7, \"len\": 98, \"flow\": \"\", \"hops\": [{\"hop\": "
	      "\"stack\", \"node\": \"a\"}, {\"hop\": \"sock\", \"n\": 17}, {\"hop\": \"tx\", "
	      "\"if\": "
	      "\"eth0\"}]}, {\"time_ns\": 6500000, \"ago_ns\": 1, \"event\": \"rx\", \"node\": "
	      "\"b\", \"if\": \"eth0\", \"trace\": 7, \"len\": 98, \"flow\": \"\", \"hops\": "
	      "[{\"hop\": \"stack\", \"node\": \"a\"}, {\"hop\": \"sock\", \"n\": 17}, {\"hop\": "
	      "\"tx\", \"if\": \"eth0\"}, {\"hop\": \"stack\", \"node\": \"b\"}, {\"hop\": \"rx\", "
	      "\"if\": \"eth0\"}]}]",
	      "packet 7: 98 bytes\n"
	      "0.002 s ago:\n"
	      "\n"
	      "       0.000 ms  a            sent by a socket, UDP; leaves by eth0\n"
	      "       5.500 ms  b            comes in by eth0\n"
	      "\n"
	      "Nothing is known of a drop: the last node has taken it, or it is under way.\n");
}

/* An answer that is not what it should be prints something, and nothing else happens. */
static void answer_without_members_does_no_harm(void **state UNUSED)
{
	check(why_print_line, "{}", "       0  0.000 s ago      ()\n");
	check(why_print_trace, "[]", "");
	check(why_print_drop, "{\"hops\": [{}, 5, {\"hop\": \"route\", \"n\": 77}]}",
	      "packet 0: 0 bytes\ndropped 0.000 s ago in : \n\n"
	      "                0\n                0\n"
	      "               a route with a prefix of 77 bits matches\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_advice),
		cmocka_unit_test(drop_is_told_node_by_node_with_what_to_do),
		cmocka_unit_test(packet_of_a_link_that_has_gone_has_no_known_sender),
		cmocka_unit_test(advice_names_node_and_interface),
		cmocka_unit_test(drop_has_a_line),
		cmocka_unit_test(traced_packet_has_its_times),
		cmocka_unit_test(answer_without_members_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
