/* SPDX-License-Identifier: MIT */
/* The lab's memory of packets; how it works is in trace_store.h. */
#include "lab/trace_store.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"

enum {
	LINE_MAX_BYTES = 4096,
	N_RINGS = TRACE_STORE_HOP + 1,
};

struct event {
	alignas(int64_t) uint8_t bytes[WEFT_TRACE_EVENT_BYTES];
};

struct event_ring {
	struct event *events; /* NULL: none has come */
	uint32_t size, next, n;
};

struct trace_store {
	struct weft_engine *eng;
	struct event_ring rings[N_RINGS];
	void (*fn)(void *arg, const char *line);
	void *arg;
	void (*figures_fn)(void *arg, const char *line);
	void *figures_arg;
};

static const struct weft_trace_event *event_at(const struct event *event)
{
	return (const struct weft_trace_event *)(const void *)event->bytes;
}

/* Without memory nothing is kept. */
static void ring_add(struct event_ring *ring, const struct weft_trace_event *ev)
{
	if (!ring->events)
		ring->events = calloc(ring->size, sizeof(*ring->events));
	if (!ring->events)
		return;
	memcpy(ring->events[ring->next].bytes, ev, WEFT_TRACE_EVENT_BYTES);
	ring->next = (ring->next + 1) % ring->size;
	if (ring->n < ring->size)
		ring->n++;
}

/* Frames that a switch has flooded to those that they are not for, and the like. */
static bool is_ordinary(const char *reason)
{
	static const char *const reasons[] = {"ARP_NOT_US", "ETH_OTHERHOST", "BRIDGE_SAME_PORT",
					      "BRIDGE_NO_PORT"};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(reason, reasons[i]))
			return true;
	return false;
}

static void figures_forward(struct trace_store *ts, const struct weft_trace_event *ev)
{
	char line[LINE_MAX_BYTES];

	if (ts->figures_fn && weft_trace_print(ts->eng, ev, line, sizeof(line)))
		ts->figures_fn(ts->figures_arg, line);
}

static void hop_forward(struct trace_store *ts, const struct weft_trace_event *ev)
{
	char line[LINE_MAX_BYTES];

	if (ts->fn && weft_trace_print(ts->eng, ev, line, sizeof(line)))
		ts->fn(ts->arg, line);
}

void trace_store_add(struct trace_store *ts, const struct weft_trace_event *ev)
{
	const char *kind = weft_trace_kind(ev), *reason = weft_trace_reason(ev);

	if (reason) {
		ring_add(&ts->rings[is_ordinary(reason) ? TRACE_STORE_ORDINARY_DROP
							: TRACE_STORE_DROP],
			 ev);
	} else if (!strcmp(kind, "rx") || !strcmp(kind, "tx")) {
		ring_add(&ts->rings[TRACE_STORE_HOP], ev);
		hop_forward(ts, ev);
	} else if (!strcmp(kind, "tcp") || !strcmp(kind, "queue")) {
		figures_forward(ts, ev);
	}
}

static void on_event(void *arg, const struct weft_trace_event *ev)
{
	trace_store_add(arg, ev);
}

int trace_store_new(struct lab *lab, struct trace_store **ret)
{
	struct trace_store *ts = calloc(1, sizeof(*ts));

	if (!ts)
		return -ENOMEM;
	ts->eng = lab->eng;
	ts->rings[TRACE_STORE_DROP].size = TRACE_STORE_DROPS;
	ts->rings[TRACE_STORE_ORDINARY_DROP].size = TRACE_STORE_ORDINARY;
	ts->rings[TRACE_STORE_HOP].size = TRACE_STORE_HOPS;
	weft_trace_watch(ts->eng, on_event, ts);
	*ret = ts;
	return 0;
}

void trace_store_free(struct trace_store *ts)
{
	if (!ts)
		return;
	weft_trace_watch(ts->eng, NULL, NULL);
	for (int i = 0; i < N_RINGS; i++)
		free(ts->rings[i].events);
	free(ts);
}

void trace_store_forward(struct trace_store *ts, void (*fn)(void *arg, const char *line), void *arg)
{
	ts->fn = fn;
	ts->arg = arg;
}

void trace_store_figures(struct trace_store *ts, void (*fn)(void *arg, const char *line), void *arg)
{
	ts->figures_fn = fn;
	ts->figures_arg = arg;
	weft_trace_figures(ts->eng, fn != NULL);
}

void trace_store_each(const struct trace_store *ts, enum trace_store_what what, uint32_t trace_id,
		      bool (*fn)(void *arg, const char *line), void *arg)
{
	const struct event_ring *ring = &ts->rings[what];

	for (uint32_t i = 1; i <= ring->n; i++) {
		const struct weft_trace_event *ev =
			event_at(&ring->events[(ring->next + ring->size - i) % ring->size]);
		char line[LINE_MAX_BYTES];

		if (trace_id && weft_trace_id(ev) != trace_id)
			continue;
		if (weft_trace_print(ts->eng, ev, line, sizeof(line)) && !fn(arg, line))
			return;
	}
}
