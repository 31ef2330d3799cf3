/* SPDX-License-Identifier: MIT */
/* Apps of a lab: what is started on its nodes, and what is said of it, as text and as JSON. */
#include "unit.h"

#include "lab/apps.h"
#include "lab/lab.h"
#include "lab/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char lab_text[] =
	"lab: apps\n"
	"nodes:\n"
	"  a:\n"
	"    interfaces: { eth0: 10.0.0.1/24 }\n"
	"    apps:\n"
	"      - ping: { to: b, count: 3, at: 1s, interval: 10ms }\n"
	"      - bulk: { to: b, size: 1MB, at: 2s }\n"
	"      - echo: { to: b, count: 2, at: 3s }\n"
	"      - http: { url: \"http://b/none\", at: 60s }\n"
	"  b: { interfaces: { eth0: 10.0.0.2/24 }, services: [ discard, rr ] }\n"
	"links: [ { between: a:eth0 -- b:eth0, delay: 5ms, rate: 8mbit } ]\n";

static struct labfile *file;
static struct lab *lab;

static int setup(void **state UNUSED)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.is_sim = true};
	char msg[LAB_MSG_MAX];

	assert_int_equal(labfile_parse("apps.yaml", NULL, lab_text, strlen(lab_text), &file, errs),
			 0);
	free(errs);
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	(void)lab_stop(lab);
	labfile_free(file);
	return 0;
}

static void run_until(int64_t end_ns)
{
	while (!runner_is_over(lab->runner, end_ns))
		assert_int_equal(runner_turn(lab->runner, end_ns), 0);
}

static int64_t number(const json_t *app, const char *key)
{
	assert_true(json_is_integer(json_object_get(app, key)));
	return json_integer_value(json_object_get(app, key));
}

static void json_has_what_apps_have_done(void **state UNUSED)
{
	const json_t *ping, *bulk, *echo, *http;
	json_t *apps;

	run_until(30 * INT64_C(1000000000));
	apps = lab_apps_json(lab);
	assert_int_equal(json_array_size(apps), 4);
	ping = json_array_get(apps, 0);
	assert_string_equal(json_string_value(json_object_get(ping, "node")), "a");
	assert_string_equal(json_string_value(json_object_get(ping, "app")), "ping");
	assert_string_equal(json_string_value(json_object_get(ping, "to")), "b");
	assert_true(json_is_true(json_object_get(ping, "is_done")));
	assert_int_equal(number(ping, "ok"), 3);
	assert_int_equal(number(ping, "start_ns"), 1000000000);
	/* 98 bytes of frame at 8 Mbit/s, and the delay, each way. */
	assert_int_equal(number(ping, "time_min_ns"), 2 * (5000000 + 98 * 1000));
	assert_null(json_object_get(ping, "error"));
	bulk = json_array_get(apps, 1);
	assert_int_equal(number(bulk, "sent_bytes"), 1000000);
	assert_true(number(bulk, "rate_bps") > 6000000 && number(bulk, "rate_bps") < 8000000);
	echo = json_array_get(apps, 2);
	assert_int_equal(number(echo, "failed"), 2);
	assert_string_equal(json_string_value(json_object_get(echo, "error")),
			    "Connection refused");
	http = json_array_get(apps, 3);
	assert_string_equal(json_string_value(json_object_get(http, "to")), "http://b/none");
	assert_int_equal(number(http, "tries"), 0);
	assert_int_equal(number(http, "start_ns"), -1);
	json_decref(apps);
}

static void table_has_a_line_for_each_app(void **state UNUSED)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int n_lines = 0;

	run_until(2 * INT64_C(1000000000) - 1);
	lab_apps_print(lab, f);
	fclose(f);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n_lines++;
	assert_int_equal(n_lines, 5);
	assert_non_null(strstr(text, "a    ping b "));
	assert_non_null(strstr(text, " 10.196/"));
	free(text);
}

static void connection_under_way_has_figures_already(void **state UNUSED)
{
	json_t *apps;
	const json_t *bulk;

	run_until(2500000000);
	apps = lab_apps_json(lab);
	bulk = json_array_get(apps, 1);
	assert_true(json_is_false(json_object_get(bulk, "is_done")));
	assert_true(number(bulk, "sent_bytes") > 100000);
	assert_true(number(bulk, "sent_bytes") < 1000000);
	assert_int_equal(number(bulk, "end_ns"), 2500000000);
	json_decref(apps);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(json_has_what_apps_have_done),
		T(table_has_a_line_for_each_app),
		T(connection_under_way_has_figures_already),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
