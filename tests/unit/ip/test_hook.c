/* SPDX-License-Identifier: MIT */
/* Hook points: order and verdicts. */
#include "unit.h"

#include "ip/hook.h"

struct noted {
	struct ip_hook hook;
	char name;
	enum ip_verdict verdict;
};

static char order[8];
static size_t n_calls;

static enum ip_verdict note(struct ip_hook *hook, struct pkt *pkt UNUSED,
			    struct ip_hook_ctx *ctx UNUSED)
{
	struct noted *n = container_of(hook, struct noted, hook);

	order[n_calls++] = n->name;
	order[n_calls] = '\0';
	return n->verdict;
}

static enum ip_verdict call(struct ip_hooks *hooks, enum ip_hook_point point)
{
	struct ip_hook_ctx ctx = {.point = point};

	n_calls = 0;
	order[0] = '\0';
	return ip_hooks_call(hooks, NULL, &ctx);
}

static void functions_are_called_by_priority_then_age(void **state UNUSED)
{
	struct noted a = {{.fn = note, .priority = 5}, 'a', IP_ACCEPT};
	struct noted b = {{.fn = note, .priority = -5}, 'b', IP_ACCEPT};
	struct noted c = {{.fn = note, .priority = 5}, 'c', IP_ACCEPT};
	struct noted d = {{.fn = note, .priority = 0}, 'd', IP_ACCEPT};
	struct ip_hooks hooks;

	ip_hooks_init(&hooks);
	assert_true(ip_hooks_empty(&hooks, IP_HOOK_INPUT));
	ip_hook_add(&hooks, IP_HOOK_INPUT, &a.hook);
	ip_hook_add(&hooks, IP_HOOK_INPUT, &b.hook);
	ip_hook_add(&hooks, IP_HOOK_INPUT, &c.hook);
	ip_hook_add(&hooks, IP_HOOK_INPUT, &d.hook);
	assert_int_equal(call(&hooks, IP_HOOK_INPUT), IP_ACCEPT);
	assert_string_equal(order, "bdac");
	assert_int_equal(call(&hooks, IP_HOOK_OUTPUT), IP_ACCEPT);
	assert_string_equal(order, "");
	assert_true(ip_hooks_empty(&hooks, IP_HOOK_OUTPUT));
}

static void first_function_that_does_not_accept_ends_it(void **state UNUSED)
{
	struct noted a = {{.fn = note, .priority = 1}, 'a', IP_ACCEPT};
	struct noted b = {{.fn = note, .priority = 2}, 'b', IP_DROP};
	struct noted c = {{.fn = note, .priority = 3}, 'c', IP_STOLEN};
	struct ip_hooks hooks;

	ip_hooks_init(&hooks);
	ip_hook_add(&hooks, IP_HOOK_FORWARD, &a.hook);
	ip_hook_add(&hooks, IP_HOOK_FORWARD, &b.hook);
	ip_hook_add(&hooks, IP_HOOK_FORWARD, &c.hook);
	assert_int_equal(call(&hooks, IP_HOOK_FORWARD), IP_DROP);
	assert_string_equal(order, "ab");
	ip_hook_del(&b.hook);
	assert_int_equal(call(&hooks, IP_HOOK_FORWARD), IP_STOLEN);
	assert_string_equal(order, "ac");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_called_by_priority_then_age),
		cmocka_unit_test(first_function_that_does_not_accept_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
