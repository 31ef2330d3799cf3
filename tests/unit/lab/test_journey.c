/* SPDX-License-Identifier: MIT */
/* Journeys out of trace lines. */
#include "unit.h"

#include "lab/journey.h"

#include <stdio.h>

static void event(struct journeys *js, uint32_t trace, const char *kind, const char *node,
		  const char *iface, int64_t t_ns)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "{\"t_ns\":%lld,\"event\":\"%s\",\"stack\":\"%s\",\"if\":\"%s\",\"trace\":%u}",
		 (long long)t_ns, kind, node, iface, trace);
	journeys_event(js, line);
}

static void packets_along_the_same_interfaces_are_one_path(void **state UNUSED)
{
	struct journeys *js = calloc(1, sizeof(*js));

	for (uint32_t i = 1; i <= 10; i++) {
		event(js, i, "tx", "a", "eth0", 1000 * i);
		event(js, i, "rx", "b", "eth0", 1000 * i + 100 * i);
	}
	journeys_finish(js);
	assert_int_equal(js->n_paths, 1);
	assert_int_equal(js->paths[0].n_journeys, 10);
	assert_int_equal(js->paths[0].n_steps, 2);
	assert_int_equal(js->paths[0].steps[1].t_ns, 5500);
	assert_string_equal(js->paths[0].steps[1].node, "b");
	assert_true(js->paths[0].steps[0].is_tx);
	free(js);
}

static void direction_and_interface_make_another_path(void **state UNUSED)
{
	struct journeys *js = calloc(1, sizeof(*js));

	event(js, 1, "tx", "a", "eth0", 1);
	event(js, 2, "rx", "a", "eth0", 1);
	event(js, 3, "tx", "a", "eth1", 1);
	journeys_finish(js);
	assert_int_equal(js->n_paths, 3);
	free(js);
}

static void other_events_and_junk_are_ignored(void **state UNUSED)
{
	struct journeys *js = calloc(1, sizeof(*js));

	journeys_event(js,
		       "{\"event\":\"drop\",\"stack\":\"a\",\"if\":\"x\",\"t_ns\":1,\"trace\":1}");
	journeys_event(js, "{\"event\":\"rx\"}");
	journeys_event(js,
		       "{\"event\":\"rx\",\"stack\":\"a\",\"if\":\"x\",\"t_ns\":1,\"trace\":-5}");
	journeys_event(js, "not json");
	journeys_event(js, "");
	journeys_finish(js);
	assert_int_equal(js->n_paths, 0);
	free(js);
}

static void everything_is_bounded(void **state UNUSED)
{
	struct journeys *js = calloc(1, sizeof(*js));
	char name[80];

	/* More live packets, more steps and longer names than there is room for. */
	for (uint32_t i = 1; i <= 3 * REPORT_JOURNEYS; i++)
		for (uint32_t k = 0; k < 3; k++) {
			snprintf(name, sizeof(name), "%u%070d", i % 100, 0);
			event(js, i, "rx", name, "a-name-longer-than-16", i);
		}
	for (uint32_t k = 0; k < 3 * REPORT_STEPS; k++)
		event(js, 99999, "rx", "loop", "eth0", k);
	journeys_finish(js);
	assert_int_equal(js->n_paths, REPORT_PATHS);
	assert_true(js->n_lost > 0);
	free(js);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_along_the_same_interfaces_are_one_path),
		cmocka_unit_test(direction_and_interface_make_another_path),
		cmocka_unit_test(other_events_and_junk_are_ignored),
		cmocka_unit_test(everything_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
