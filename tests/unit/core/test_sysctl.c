/* SPDX-License-Identifier: MIT */
/* Settings by name. */
#include "unit.h"

#include <errno.h>

#include "core/stack.h"
#include "core/sysctl.h"

struct conf {
	bool on;
	uint16_t port;
	int32_t level;
	uint32_t big;
	int64_t idle_ns;
};

static const struct sysctl entries[] = {
	SYSCTL(struct conf, on, "test.on", 0, 1, "a switch"),
	SYSCTL(struct conf, port, "test.port", 1, 65535, "a number"),
	SYSCTL(struct conf, level, "test.level", -20, 20, "below zero too"),
	SYSCTL(struct conf, big, "test.big", 0, UINT32_MAX, "all 32 bits"),
	SYSCTL_SCALED(struct conf, idle_ns, 1000000000, "test.idle", -1, 32767, "seconds"),
};

static int n_changed;

/* The tables' struct stack is only a key here. */
static struct conf conf;
static bool has_conf;

static void *base(struct stack *st UNUSED)
{
	return has_conf ? &conf : NULL;
}

static void changed(struct stack *st UNUSED, const struct sysctl *ctl UNUSED)
{
	n_changed++;
}

static const struct sysctl_table table = {
	.entries = entries,
	.n_entries = ARRAY_SIZE(entries),
	.base = base,
	.changed = changed,
};

static int setup(void **state)
{
	struct stack *st = calloc(1, sizeof(*st));

	assert_int_equal(sysctl_register(st, &table), 0);
	conf = (struct conf){.on = true, .port = 80, .level = -3, .big = 7, .idle_ns = 2000000000};
	has_conf = true;
	n_changed = 0;
	*state = st;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static int64_t get(struct stack *st, const char *name)
{
	int64_t v = INT64_MIN;

	assert_int_equal(sysctl_get(st, name, &v), 0);
	return v;
}

static void fields_of_every_size_are_read(void **state)
{
	struct stack *st = *state;

	assert_int_equal(get(st, "test.on"), 1);
	assert_int_equal(get(st, "test.port"), 80);
	assert_int_equal(get(st, "test.level"), -3);
	assert_int_equal(get(st, "test.big"), 7);
	assert_int_equal(get(st, "test.idle"), 2);
}

static void fields_of_every_size_are_written_and_reported(void **state)
{
	struct stack *st = *state;

	assert_int_equal(sysctl_set(st, "test.on", 0), 0);
	assert_int_equal(sysctl_set(st, "test.port", 65535), 0);
	assert_int_equal(sysctl_set(st, "test.level", -20), 0);
	assert_int_equal(sysctl_set(st, "test.big", UINT32_MAX), 0);
	assert_int_equal(sysctl_set(st, "test.idle", -1), 0);
	assert_false(conf.on);
	assert_int_equal(conf.port, 65535);
	assert_int_equal(conf.level, -20);
	assert_int_equal(conf.big, UINT32_MAX);
	assert_int_equal(conf.idle_ns, -1000000000);
	assert_int_equal(get(st, "test.level"), -20);
	assert_int_equal(get(st, "test.big"), UINT32_MAX);
	assert_int_equal(get(st, "test.idle"), -1);
	assert_int_equal(n_changed, 5);
}

static void values_out_of_range_change_nothing(void **state)
{
	struct stack *st = *state;

	assert_int_equal(sysctl_set(st, "test.on", 2), -EINVAL);
	assert_int_equal(sysctl_set(st, "test.port", 0), -EINVAL);
	assert_int_equal(sysctl_set(st, "test.level", 21), -EINVAL);
	assert_int_equal(sysctl_set(st, "test.idle", INT64_MAX), -EINVAL);
	assert_int_equal(n_changed, 0);
	assert_int_equal(conf.port, 80);
}

static void unknown_names_and_absent_layers_are_not_found(void **state)
{
	struct stack *st = *state;
	int64_t v = 5;

	assert_int_equal(sysctl_set(st, "test", 1), -ENOENT);
	assert_int_equal(sysctl_get(st, "test.onn", &v), -ENOENT);
	has_conf = false;
	assert_int_equal(sysctl_get(st, "test.on", &v), -ENOENT);
	assert_int_equal(sysctl_set(st, "test.on", 1), -ENOENT);
	assert_int_equal(v, 5);
}

static void count(void *arg, const struct sysctl *ctl, int64_t value)
{
	int *n = arg;

	assert_string_equal(ctl->name, entries[*n].name);
	assert_in_range(value + 100, ctl->min + 100, ctl->max + 100);
	++*n;
}

static void walk_shows_all_in_order(void **state)
{
	struct stack *st = *state;
	int n = 0;

	sysctl_for_each(st, count, &n);
	assert_int_equal(n, ARRAY_SIZE(entries));
	has_conf = false;
	n = 0;
	sysctl_for_each(st, count, &n);
	assert_int_equal(n, 0);
}

static void too_many_tables_are_refused(void **state)
{
	struct stack *st = *state;

	for (int i = 1; i < STACK_SYSCTLS; i++)
		assert_int_equal(sysctl_register(st, &table), 0);
	assert_int_equal(sysctl_register(st, &table), -ENOSPC);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fields_of_every_size_are_read),
		T(fields_of_every_size_are_written_and_reported),
		T(values_out_of_range_change_nothing),
		T(unknown_names_and_absent_layers_are_not_found),
		T(walk_shows_all_in_order),
		T(too_many_tables_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
