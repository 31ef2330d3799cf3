/* SPDX-License-Identifier: MIT */
/*
 * Short ways beside the general one: a program whose packets or segments took one of them
 * (ip/fastfwd.h, tcp_fast.c) is run again with none, and after each of its operations all that was
 * sent until then, in its order, and what was counted must be the same. Not with memory that fails:
 * the two ways ask for it at different times.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "transport/tcp/tcp.h"

enum {
	TWIN_STEPS = 512, /* that are compared; more may follow */
};

struct twin {
	bool is_second; /* the run without short ways */
	uint32_t n_steps;
	uint64_t digest;
	uint64_t steps[TWIN_STEPS]; /* of the first run */
};

static inline void twin_start(struct twin *t, bool is_second)
{
	t->is_second = is_second;
	t->n_steps = 0;
	t->digest = 1;
}

static inline void twin_add(struct twin *t, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t v;

	for (size_t n; len; p += n, len -= n) {
		n = len < sizeof(v) ? len : sizeof(v);
		v = len;
		memcpy(&v, p, n);
		t->digest = (t->digest ^ v) * UINT64_C(0x9e3779b97f4a7c15);
		t->digest ^= t->digest >> 29;
	}
}

static inline void twin_add_frame(struct twin *t, uint32_t port, int64_t now_ns, const void *frame,
				  size_t len)
{
	twin_add(t, &port, sizeof(port));
	twin_add(t, &now_ns, sizeof(now_ns));
	twin_add(t, frame, len);
}

static inline void twin_add_stack(struct twin *t, const struct stack *st)
{
	twin_add(t, st->mib, sizeof(st->mib));
	twin_add(t, st->drops, sizeof(st->drops));
}

/* An operation is over. */
static inline void twin_step(struct twin *t)
{
	if (t->n_steps == TWIN_STEPS)
		return;
	if (t->is_second && t->steps[t->n_steps] != t->digest)
		abort();
	t->steps[t->n_steps++] = t->digest;
}

/* Whether a packet may have taken a short way. */
static inline bool twin_is_due(const struct stack *st)
{
	const struct netif *netif;

	if (st->tcp && st->tcp->n_fast[0] + st->tcp->n_fast[1])
		return true;
	list_for_each (netif, &st->netifs, link)
		if (netif->shortcut)
			return true;
	return false;
}

/* Routers leave packets of which some may be sampled to the ordinary way. */
static inline void twin_no_short(struct stack *st)
{
	st->eng->trace.sample_every = UINT32_MAX;
	if (st->tcp)
		st->tcp->has_no_fast = true;
}

/* Runs a program, which says whether it may have taken a short way, and then again without. */
static inline void twin_run(bool (*run)(struct twin *t, const uint8_t *data, size_t size),
			    const uint8_t *data, size_t size)
{
	static struct twin t;

	twin_start(&t, false);
	if (run(&t, data, size)) {
		twin_start(&t, true);
		(void)run(&t, data, size);
	}
}
