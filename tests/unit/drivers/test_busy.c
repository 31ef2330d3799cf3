/* SPDX-License-Identifier: MIT */
/* When a loop looks before it sleeps, with waits and frames as written here. */
#include "drivers/busy.h"

#include "unit.h"

enum {
	MAX_NS = 50000,
	MS = 1000000,
};

/* A machine: how long a wait for the next message is for who sleeps, and for who looks. */
struct machine {
	struct busy b;
	int64_t now_ns;
	int64_t asleep_ns, looking_ns;
	uint32_t frame_len;
	uint32_t n_looks; /* turns that looked */
};

static struct machine machine_of(int64_t asleep_ns, int64_t looking_ns)
{
	struct machine m = {
		.now_ns = 1, .asleep_ns = asleep_ns, .looking_ns = looking_ns, .frame_len = 67};

	busy_init(&m.b, MAX_NS);
	return m;
}

static void turns(struct machine *m, int n)
{
	for (int i = 0; i < n; i++) {
		bool is_looking = busy_look_ns(&m->b) > 0;
		int64_t from_ns = m->now_ns;

		m->now_ns += is_looking ? m->looking_ns : m->asleep_ns;
		busy_note_wait(&m->b, from_ns, m->now_ns);
		busy_note_frame(&m->b, m->frame_len);
		m->now_ns += 10000; /* its work */
		m->n_looks += is_looking;
	}
}

static void faster_looking_is_kept(void **state UNUSED)
{
	struct machine m = machine_of(20000, 8000);

	turns(&m, 1000);
	m.n_looks = 0;
	turns(&m, 10000);
	assert_in_range(m.n_looks, 9500, 9999); /* now and then it sleeps, to see */
}

static void looking_that_gains_little_is_not_kept(void **state UNUSED)
{
	struct machine m = machine_of(20000, 18000);

	turns(&m, 1000);
	m.n_looks = 0;
	turns(&m, 10000);
	assert_in_range(m.n_looks, 1, 500);
}

static void what_becomes_better_is_found(void **state UNUSED)
{
	struct machine m = machine_of(20000, 19000);

	turns(&m, 3000);
	m.asleep_ns = 150000; /* others want the CPU too */
	m.looking_ns = 20000;
	turns(&m, 5000);
	m.n_looks = 0;
	turns(&m, 5000);
	assert_in_range(m.n_looks, 4700, 4999);
}

static void waits_longer_than_a_look_cost_few_looks(void **state UNUSED)
{
	struct machine m = machine_of(120000, 120000);

	turns(&m, 10000);
	assert_in_range(m.n_looks, 1, 60);
}

static void idle_loop_never_looks(void **state UNUSED)
{
	struct machine m = machine_of(20000, 8000);

	turns(&m, 1000);
	m.asleep_ns = m.looking_ns = 10 * MS;
	turns(&m, 10);
	m.n_looks = 0;
	turns(&m, 10000);
	assert_int_equal(m.n_looks, 0);
}

static void bulk_is_never_looked_for(void **state UNUSED)
{
	struct machine m = machine_of(20000, 8000);

	m.frame_len = 65000;
	turns(&m, 10000);
	assert_int_equal(m.n_looks, 0);
}

static void turns_without_frames_are_not_looked_for(void **state UNUSED)
{
	struct busy b;

	busy_init(&b, MAX_NS);
	for (int i = 0; i < 1000; i++) {
		busy_note_wait(&b, i * 20000, i * 20000 + 10000);
		assert_int_equal(busy_look_ns(&b), 0);
	}
}

static void never_looks_unless_it_is_asked_for(void **state UNUSED)
{
	struct machine m = machine_of(20000, 8000);

	busy_init(&m.b, 0);
	turns(&m, 10000);
	assert_int_equal(m.n_looks, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(faster_looking_is_kept),
		cmocka_unit_test(looking_that_gains_little_is_not_kept),
		cmocka_unit_test(what_becomes_better_is_found),
		cmocka_unit_test(waits_longer_than_a_look_cost_few_looks),
		cmocka_unit_test(idle_loop_never_looks),
		cmocka_unit_test(bulk_is_never_looked_for),
		cmocka_unit_test(turns_without_frames_are_not_looked_for),
		cmocka_unit_test(never_looks_unless_it_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
