/* SPDX-License-Identifier: MIT */
/* Journeys in words, and advice for every reason for which the stack drops packets. */
#include "unit.h"

#include "cmd/why_text.h"
#include "weft/weft.h"

#include <stdio.h>
#include <string.h>

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

/* Of a gateway, which has no lab file, no links and no switches. */
static void reason_speaks_of_gateways(void *arg UNUSED, const char *name, const char *text UNUSED,
				      uint64_t n UNUSED)
{
	static const char *const words[] = {"lab file", "weft link", "weft node", "A-B",
					    "The link", "switch",    "The lab",   "corrupt"};
	const char *advice = why_advice_gateway(name);

	assert_non_null(advice);
	if (!strncmp(name, "LINK_", 5) || !strncmp(name, "BRIDGE_", 7))
		return; /* it has neither */
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(advice, words[i]))
			fail_msg("%s: \"%s\" speaks of labs: cmd/why_gateway.c", name, advice);
}

static void every_reason_has_advice_for_gateways(void **state UNUSED)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct weft_engine *eng;
	struct weft_stack *st;

	assert_int_equal(weft_engine_new(&cfg, &eng), 0);
	assert_int_equal(weft_stack_new(eng, "a", &st), 0);
	weft_stack_drops(st, reason_speaks_of_gateways, NULL);
	weft_stack_free(st);
	weft_engine_free(eng);
}

static void drop_print(FILE *out, const json_t *event)
{
	why_print_drop(out, event, false);
}

static void gateway_drop_print(FILE *out, const json_t *event)
{
	why_print_drop(out, event, true);
}

static void trace_print(FILE *out, const json_t *events)
{
	why_print_trace(out, events, false);
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
	check(drop_print, DROP,
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
	check(drop_print,
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
	check(drop_print,
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
	check(trace_print,
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
	check(trace_print, "[]", "");
	check(drop_print, "{\"hops\": [{}, 5, {\"hop\": \"route\", \"n\": 77}]}",
	      "packet 0: 0 bytes\ndropped 0.000 s ago in : \n\n"
	      "                0\n                0\n"
	      "               a route with a prefix of 77 bits matches\n");
}

static void drop_of_a_gateway_has_its_own_advice(void **state UNUSED)
{
	check(gateway_drop_print,
	      "{\"ago_ns\": 1000000, \"event\": \"drop\", \"node\": \"gateway\", "
	      "\"if\": \"guest\", \"trace\": 7, \"len\": 42, \"flow\": \"\", "
	      "\"reason\": \"IF_CARRIER\", \"why\": \"x\", \"hops\": []}",
	      "packet 7: 42 bytes\n"
	      "dropped 0.001 s ago in gateway, interface guest: IF_CARRIER\n"
	      "\n"
	      "\n"
	      "What to do: The guest's device has gone: its namespace has ended, or no QEMU guest "
	      "is there.\n");
}

#define END(address, port) "{\"address\": \"" address "\", \"port\": " port "}"
#define REFUSED(why, proto, more)                                     \
	"{\"why\": \"" why "\", \"proto\": \"" proto                  \
	"\", \"from\": " END("10.0.2.100", "47110") ", \"to\": " END( \
		"192.0.2.2", "80") ", \"n\": 3, \"ago_ns\": 1203000000" more "}"

static void refusal_of_a_rule_names_the_rule_that_would_allow_it(void **state UNUSED)
{
	check(why_print_refusal, REFUSED("rule", "tcp", ", \"rule\": 2"),
	      "10.0.2.100:47110 > 192.0.2.2:80 tcp\n"
	      "refused 1.203 s ago, the last of 3 in a row, by the gateway: an access rule denies "
	      "it (rule 2)\n"
	      "\n"
	      "What to do: `weft gateway rule list` shows rule 2. This one alone is let through by "
	      "`weft gateway rule add allow tcp 192.0.2.2 80 before 2`.\n");
}

static void advice_about_a_refusal_is_a_sentence(void **state UNUSED)
{
	static const char *const all[] = {
		REFUSED("rule", "tcp", ", \"rule\": 2"),
		REFUSED("host-loopback", "tcp", ""),
		REFUSED("nobody", "tcp", ""),
		REFUSED("on-link", "tcp", ""),
		REFUSED("source", "udp", ""),
		REFUSED("ping", "icmp", ""),
		REFUSED("full", "tcp", ""),
		REFUSED("half-open", "tcp", ""),
		REFUSED("filtered", "udp", ""),
		REFUSED("host", "tcp", ""),
		REFUSED("forward", "tcp", ""),
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		json_t *event = json_loads(all[i], 0, NULL);
		char text[1024] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");

		assert_non_null(event);
		assert_non_null(out);
		why_print_refusal(out, event);
		fclose(out);
		json_decref(event);
		assert_non_null(strstr(text, "What to do: "));
		assert_true(strlen(text) > 3);
		/* It ends with one mark, behind a word, a bracket or a command. */
		assert_null(strpbrk(text + strlen(text) - 3, "?!;,"));
		assert_string_equal(text + strlen(text) - 2, ".\n");
		assert_int_not_equal(text[strlen(text) - 3], '.');
	}
}

static void refusal_of_the_host_has_its_words(void **state UNUSED)
{
	check(why_print_refusal_line, REFUSED("host", "tcp", ", \"error\": \"Connection refused\""),
	      "       -  1.203 s ago  gateway  refused  10.0.2.100:47110 > 192.0.2.2:80 tcp  (the "
	      "host "
	      "could not connect: Connection refused)\n");
}

static void what_is_ordinary_is_taken_out(void **state UNUSED)
{
	json_t *drops = json_loads("[{\"reason\": \"MLD_SRC\"}, {\"reason\": \"IF_CARRIER\"}, "
				   "{\"reason\": \"ICMP_TYPE\"}, {\"reason\": \"X\"}]",
				   0, NULL);

	why_drop_ordinary(drops);
	assert_int_equal(json_array_size(drops), 2);
	json_decref(drops);
}

static void drops_and_refusals_are_merged_by_their_time(void **state UNUSED)
{
	json_t *drops = json_loads("[{\"ago_ns\": 2, \"hops\": []}, {\"ago_ns\": 5, \"hops\": []}]",
				   0, NULL);
	json_t *refused = json_loads("[{\"ago_ns\": 1}, {\"ago_ns\": 3}]", 0, NULL);
	json_t *all = why_merge(drops, refused, 3), *some = why_merge(drops, refused, 100);

	assert_int_equal(json_array_size(all), 3);
	assert_int_equal(json_array_size(some), 4);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(why_is_refusal(json_array_get(all, i)), i != 1);
	json_decref(all);
	json_decref(some);
	json_decref(drops);
	json_decref(refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_advice),
		cmocka_unit_test(every_reason_has_advice_for_gateways),
		cmocka_unit_test(drop_of_a_gateway_has_its_own_advice),
		cmocka_unit_test(refusal_of_a_rule_names_the_rule_that_would_allow_it),
		cmocka_unit_test(advice_about_a_refusal_is_a_sentence),
		cmocka_unit_test(refusal_of_the_host_has_its_words),
		cmocka_unit_test(what_is_ordinary_is_taken_out),
		cmocka_unit_test(drops_and_refusals_are_merged_by_their_time),
		cmocka_unit_test(drop_is_told_node_by_node_with_what_to_do),
		cmocka_unit_test(packet_of_a_link_that_has_gone_has_no_known_sender),
		cmocka_unit_test(advice_names_node_and_interface),
		cmocka_unit_test(drop_has_a_line),
		cmocka_unit_test(traced_packet_has_its_times),
		cmocka_unit_test(answer_without_members_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
