/* SPDX-License-Identifier: MIT */
/* Timers: with many pending, one after the other in random order is stopped and started anew. */
#include <errno.h>
#include <stdlib.h>

#include "weft_side.h"

enum {
	SPREAD_BITS = 36, /* deadlines within 69 s */
	FAR_S = 1000,     /* none fires */
	LOOKS = 1024,     /* operations between two looks at the gauge */
};

/* xorshift64: cheap next to what is measured. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void never(void *arg)
{
	(void)arg;
	die("a timer fired", -EINVAL);
}

static int64_t deadline_ns(int64_t base_ns, uint64_t random)
{
	return base_ns + (int64_t)(random >> (64 - SPREAD_BITS));
}

void weft_timers(struct gauge *g, const void *arg)
{
	uint32_t n = *(const uint32_t *)arg;
	struct weft_engine *eng = side_engine();
	struct weft_timer **timers = calloc(n, sizeof(*timers));
	int64_t base_ns = weft_engine_now_ns(eng) + FAR_S * INT64_C(1000000000);
	uint64_t random = 88172645463325252;

	if (!timers)
		die("memory", -ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		timers[i] = weft_timer_new(eng, never, NULL);
		if (!timers[i])
			die("timer", -ENOMEM);
		weft_timer_start(timers[i], deadline_ns(base_ns, next_random(&random)));
	}
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		side_turn();
		for (int i = 0; i < LOOKS; i++) {
			uint64_t r = next_random(&random);
			struct weft_timer *t = timers[(r & UINT32_MAX) * n >> 32];

			weft_timer_stop(t);
			weft_timer_start(t, deadline_ns(base_ns, r));
		}
		gauge_add(&g->n_ops, LOOKS);
	}
	for (uint32_t i = 0; i < n; i++)
		weft_timer_free(timers[i]);
	free(timers);
	weft_engine_free(eng);
}
