/* SPDX-License-Identifier: MIT */
/*
 * Clients and small services without memory: a run with one of each is repeated, and each of its
 * allocations fails once, alone or with all that follow. What cannot be made says so; what was made
 * works or fails its tries; nothing is lost.
 *
 * The code under test is compiled once more for this, with malloc() and its like renamed; timers
 * and sockets are the engine's, whose allocator fails the same way.
 */
#include "net_oom.h"
#include "unit.h"

#include "net/bulk/bulk.h"
#include "net/bulk/discard.h"
#include "net/http/http_get.h"
#include "net/ping/prober.h"
#include "net/rr/rr.h"

#include <errno.h>
#include <stdlib.h>

static struct weft_sockaddr at(const char *text)
{
	struct weft_sockaddr sa;

	assert_int_equal(weft_sockaddr_parse(text, &sa), 0);
	return sa;
}

enum {
	N_APPS = 5,
};

static int app_make(int i, struct weft_stack *st, struct app **ret)
{
	const struct app_plan plan = {.count = 3, .timeout_ns = 1000000000};
	struct rr_config rr = {
		.to = at("127.0.0.1:5002"), .request = 100, .response = 100, .plan = plan};
	struct bulk_config bulk = {.to = at("127.0.0.1:9"), .size = 100000, .plan = plan};
	struct prober_config ping = {.to = at("127.0.0.1:0"), .size = 56, .plan = plan};
	struct http_get_config get = {
		.to = at("127.0.0.1:80"), .host = "x", .path = "/", .plan = plan};

	switch (i) {
	case 0:
		return rr_client_new(st, &rr, ret);
	case 1:
		rr.is_echo = true;
		return rr_client_new(st, &rr, ret);
	case 2:
		return bulk_new(st, &bulk, ret);
	case 3:
		return prober_new(st, &ping, ret);
	default:
		return http_get_new(st, &get, ret);
	}
}

/* One of each, on one host, for a while. */
static void run_all(void)
{
	const struct weft_engine_config ec = {.has_seed = true, .realloc = engine_realloc};
	struct app *apps[N_APPS] = {NULL};
	struct rr_server *rr = NULL;
	struct discard *discard = NULL;
	struct weft_engine *eng;
	struct weft_stack *st;
	int64_t now_ns = 0;

	assert_int_equal(weft_engine_new(&ec, &eng), 0);
	assert_int_equal(weft_stack_new(eng, "host", &st), 0);
	oom.is_on = true;
	if (rr_server_new(st, &(struct server_config){.port = 5002}, &rr) != 0)
		assert_null(rr);
	if (discard_new(st, &(struct server_config){.port = 9}, &discard) != 0)
		assert_null(discard);
	for (int i = 0; i < N_APPS; i++)
		if (app_make(i, st, &apps[i]) != 0)
			assert_null(apps[i]);
	for (int i = 0; i < 100000 && now_ns < 20000000000; i++) {
		weft_engine_run(eng, now_ns);
		now_ns = weft_engine_next_ns(eng);
	}
	oom.is_on = false;
	for (int i = 0; i < N_APPS; i++) {
		struct app_stats stats;

		if (!apps[i])
			continue;
		app_stats(apps[i], &stats);
		assert_int_equal(stats.n_tries, 3);
		assert_true(stats.is_done);
		app_free(apps[i]);
	}
	rr_server_free(rr);
	discard_free(discard);
	weft_stack_free(st);
	weft_engine_free(eng);
}

static void each_allocation_that_fails_is_survived(void **state UNUSED)
{
	for (int all = 0; all < 2; all++) {
		oom.and_all_after = all;
		oom.fail_at = 0;
		do {
			oom.n = 0;
			oom.n_failed = 0;
			run_all();
		} while (oom.n_failed && ++oom.fail_at < 3000);
		assert_true(oom.fail_at > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_that_fails_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
