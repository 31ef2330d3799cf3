/* SPDX-License-Identifier: MIT */
/* What is too late, by the links; a machine that stands still; what is said of it. */
#include "unit.h"

#include "lab/belief.h"
#include "lab/lab.h"
#include "lab/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct labfile *file;
static struct lab *lab;

static void lab_open(const char *link, bool is_sim)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.is_sim = is_sim};
	char text[400], msg[LAB_MSG_MAX];

	snprintf(text, sizeof(text),
		 "lab: b\nnodes:\n  a: { interfaces: { eth0: 10.0.0.1/24 } }\n"
		 "  b: { interfaces: { eth0: 10.0.0.2/24 } }\n"
		 "links: [ { between: a:eth0 -- b:eth0, %s } ]\n",
		 link);
	assert_int_equal(labfile_parse("b.yaml", NULL, text, strlen(text), &file, errs), 0);
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	free(errs);
}

static int lab_close(void **state UNUSED)
{
	lab_stop(lab);
	labfile_free(file);
	return 0;
}

static int64_t tolerance(const char *link)
{
	struct lab_belief b;

	lab_open(link, false);
	lab_belief_get(lab, &b);
	lab_close(NULL);
	lab = NULL;
	file = NULL;
	return b.tolerance_ns;
}

static void tolerance_is_half_the_shortest_delay_within_bounds(void **state UNUSED)
{
	assert_true(tolerance("delay: 0") == 1000000);
	assert_true(tolerance("delay: 100us") == 1000000);
	assert_true(tolerance("delay: 8ms") == 4000000);
	assert_true(tolerance("delay: 8ms, b_to_a: { delay: 5ms }") == 2500000);
	assert_true(tolerance("delay: 8ms, b_to_a: { delay: 0 }") == 4000000);
	assert_true(tolerance("delay: 300ms") == 10000000);
}

static void simulation_is_always_believed(void **state UNUSED)
{
	struct lab_belief b;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	lab_open("delay: 1ms", true);
	assert_int_equal(runner_turn(lab->runner, 3600 * INT64_C(1000000000)), 0);
	lab_belief_get(lab, &b);
	assert_true(b.is_believable);
	lab_belief_print(lab, f);
	lab_belief_warn(lab, f);
	fclose(f);
	assert_int_equal(len, 0);
	free(text);
}

static void stand_still(void *arg)
{
	int64_t end_ns = weft_io_now_ns() + LAB_BELIEF_STALL_NS + 10000000;

	(void)arg;
	while (weft_io_now_ns() < end_ns)
		;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void machine_that_stood_still_is_not_believed(void **state UNUSED)
{
	struct weft_timer *work, *next;
	int64_t now_ns = weft_io_now_ns();
	struct lab_belief b;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	lab_open("delay: 10ms", false);
	work = weft_timer_new(lab->eng, stand_still, NULL);
	next = weft_timer_new(lab->eng, nothing, NULL);
	weft_timer_start(work, now_ns);
	weft_timer_start(next, now_ns + 1000000);
	while (!runner_is_over(lab->runner, now_ns + 300000000))
		assert_int_equal(runner_turn(lab->runner, now_ns + 300000000), 0);
	lab_belief_get(lab, &b);
	assert_true(b.n_late >= 1 && b.late_max_ns >= LAB_BELIEF_STALL_NS);
	assert_true(b.tolerance_ns == 5000000);
	assert_false(b.is_believable);
	lab_belief_warn(lab, f);
	fclose(f);
	assert_non_null(strstr(text, "weft: warning: this machine was too slow for lab b: "));
	free(text);
	weft_timer_free(work);
	weft_timer_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tolerance_is_half_the_shortest_delay_within_bounds),
		cmocka_unit_test_teardown(simulation_is_always_believed, lab_close),
		cmocka_unit_test_teardown(machine_that_stood_still_is_not_believed, lab_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
