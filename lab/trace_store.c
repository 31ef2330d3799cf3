/* SPDX-License-Identifier: MIT */
/* The lab's memory of packets; how it works is in trace_store.h. */
#include "lab/trace_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"

struct line_ring {
	char **lines; /* `size` of them; NULL: not used yet */
	uint32_t size, next;
};

struct trace_store {
	struct weft_engine *eng;
	struct line_ring drops, hops;
	void (*fn)(void *arg, const char *line);
	void *arg;
};

static int ring_init(struct line_ring *ring, uint32_t size)
{
	*ring = (struct line_ring){.lines = calloc(size, sizeof(*ring->lines)), .size = size};
	return ring->lines ? 0 : -ENOMEM;
}

static void ring_fini(struct line_ring *ring)
{
	for (uint32_t i = 0; ring->lines && i < ring->size; i++)
		free(ring->lines[i]);
	free(ring->lines);
}

/* Without memory the line is not kept. */
static void ring_add(struct line_ring *ring, const char *line)
{
	char *copy = strdup(line);

	if (!copy)
		return;
	free(ring->lines[ring->next]);
	ring->lines[ring->next] = copy;
	ring->next = (ring->next + 1) % ring->size;
}

static void ring_each(const struct line_ring *ring, bool (*fn)(void *arg, const char *line),
		      void *arg)
{
	for (uint32_t i = 1; i <= ring->size; i++) {
		const char *line = ring->lines[(ring->next + ring->size - i) % ring->size];

		if (!line || !fn(arg, line))
			return;
	}
}

static bool is_event(const char *line, const char *kind)
{
	const char *at = strstr(line, "\"event\":\"");

	return at && !strncmp(at + 9, kind, strlen(kind));
}

void trace_store_add(struct trace_store *ts, const char *line)
{
	if (is_event(line, "drop\""))
		ring_add(&ts->drops, line);
	else if (is_event(line, "rx\"") || is_event(line, "tx\""))
		ring_add(&ts->hops, line);
	if (ts->fn)
		ts->fn(ts->arg, line);
}

static void on_trace(void *arg, const char *line)
{
	trace_store_add(arg, line);
}

int trace_store_new(struct lab *lab, struct trace_store **ret)
{
	struct trace_store *ts = calloc(1, sizeof(*ts));

	if (!ts)
		return -ENOMEM;
	if (ring_init(&ts->drops, TRACE_STORE_DROPS) < 0 ||
	    ring_init(&ts->hops, TRACE_STORE_HOPS) < 0) {
		trace_store_free(ts);
		return -ENOMEM;
	}
	ts->eng = lab->eng;
	weft_trace_listen(ts->eng, on_trace, ts);
	*ret = ts;
	return 0;
}

void trace_store_free(struct trace_store *ts)
{
	if (!ts)
		return;
	if (ts->eng)
		weft_trace_listen(ts->eng, NULL, NULL);
	ring_fini(&ts->drops);
	ring_fini(&ts->hops);
	free(ts);
}

void trace_store_forward(struct trace_store *ts, void (*fn)(void *arg, const char *line), void *arg)
{
	ts->fn = fn;
	ts->arg = arg;
}

void trace_store_drops(const struct trace_store *ts, bool (*fn)(void *arg, const char *line),
		       void *arg)
{
	ring_each(&ts->drops, fn, arg);
}

void trace_store_hops(const struct trace_store *ts, bool (*fn)(void *arg, const char *line),
		      void *arg)
{
	ring_each(&ts->hops, fn, arg);
}
