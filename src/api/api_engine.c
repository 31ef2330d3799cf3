/* SPDX-License-Identifier: MIT */
/* Engines of the public API: life, time, figures, application timers, trace. */
#include <assert.h>
#include <errno.h>
#include <stdalign.h>

#include "api/api_priv.h"
#include "base/fmt.h"
#include "core/door.h"
#include "core/trace.h"
#include "weft/engine.h"

enum {
	API_TRACE_LINE_MAX = 4096, /* of JSON, with the NUL */
};

static struct engine_config api_engine_config(const struct weft_engine_config *cfg)
{
	return (struct engine_config){
		.now_ns = cfg->now_ns,
		.epoch_ns = cfg->epoch_ns,
		.has_seed = cfg->has_seed,
		.seed = cfg->seed,
		.entropy = cfg->entropy,
		.entropy_ctx = cfg->entropy_ctx,
		.realloc = cfg->realloc,
		.mem_ctx = cfg->mem_ctx,
		.mem_limit_bytes = cfg->mem_limit_bytes,
		.limits = {.n_pkts = cfg->max_pkts, .n_bufs = {cfg->max_pkts}},
		.trace_events = cfg->trace_events,
		.trace_sample_every = cfg->trace_sample_every,
	};
}

int weft_engine_new(const struct weft_engine_config *cfg, struct weft_engine **ret)
{
	struct engine_config config = api_engine_config(cfg);
	struct api_engine *api;
	struct engine *eng;
	int err = engine_new(&config, &eng);

	if (err)
		return err;
	api = mem_zalloc(&eng->mem, sizeof(*api));
	if (!api) {
		engine_free(eng);
		return -ENOMEM;
	}
	api->eng = eng;
	api_zero_init(api, eng);
	eng->api = api;
	*ret = weft_engine_of(eng);
	return 0;
}

void weft_engine_free(struct weft_engine *handle)
{
	struct engine *eng = engine_of(handle);

	if (!eng)
		return;
	eng->trace.sink = NULL;
	engine_finish(eng);
	api_zero_fini(eng->api);
	mem_free(&eng->mem, eng->api, sizeof(struct api_engine));
	engine_free(eng);
}

void weft_engine_adopt(struct weft_engine *eng)
{
	engine_of(eng)->owner = cpu_thread();
}

bool weft_engine_run(struct weft_engine *eng, int64_t now_ns)
{
	return engine_run(engine_of(eng), now_ns);
}

int64_t weft_engine_next_ns(struct weft_engine *eng)
{
	return engine_next_ns(engine_of(eng));
}

void weft_engine_set_wake(struct weft_engine *eng, void (*wake)(void *arg), void *arg)
{
	engine_set_wake(engine_of(eng), wake, arg);
}

bool weft_engine_doze(struct weft_engine *eng)
{
	return engine_doze(engine_of(eng));
}

int64_t weft_engine_now_ns(const struct weft_engine *eng)
{
	return engine_of_const(eng)->now_ns;
}

void weft_engine_stats(const struct weft_engine *handle, struct weft_engine_stats *ret)
{
	const struct engine *eng = engine_of_const(handle);
	const struct list *link;

	*ret = (struct weft_engine_stats){
		.pkts_used = eng->pkts.pkts.n_used,
		.pkts_peak = eng->pkts.pkts.n_peak,
		.mem_bytes = eng->mem.n_bytes,
		.mem_peak_bytes = eng->mem.n_bytes_max,
		.n_alloc_failed = eng->mem.n_failed,
		.n_timers = eng->wheel.n_pending,
	};
	for (uint32_t i = 0; i < BUF_CLASSES; i++) {
		ret->bufs_used += eng->pkts.bufs[i].n_used;
		ret->bufs_peak += eng->pkts.bufs[i].n_peak;
	}
	for (link = eng->stacks.next; link != &eng->stacks; link = link->next)
		ret->n_stacks++;
}

uint64_t weft_engine_random(struct weft_engine *eng)
{
	return rng_u64(&engine_of(eng)->rng);
}

/* Application timers */

struct weft_timer {
	struct wheel_timer wheel;
	struct engine *eng;
	void (*fn)(void *arg);
	void *arg;
};

static void api_timer_fire(struct wheel_timer *wheel, int64_t now_ns UNUSED)
{
	struct weft_timer *t = container_of(wheel, struct weft_timer, wheel);

	t->fn(t->arg);
}

struct weft_timer *weft_timer_new(struct weft_engine *handle, void (*fn)(void *arg), void *arg)
{
	struct engine *eng = engine_of(handle);
	struct weft_timer *t = mem_alloc(&eng->mem, sizeof(*t));

	if (!t)
		return NULL;
	wheel_timer_init(&t->wheel, api_timer_fire);
	t->eng = eng;
	t->fn = fn;
	t->arg = arg;
	return t;
}

void weft_timer_start(struct weft_timer *t, int64_t at_ns)
{
	engine_check_thread(t->eng);
	wheel_start(&t->eng->wheel, &t->wheel, at_ns);
}

void weft_timer_stop(struct weft_timer *t)
{
	wheel_stop(&t->eng->wheel, &t->wheel);
}

void weft_timer_free(struct weft_timer *t)
{
	if (!t)
		return;
	weft_timer_stop(t);
	mem_free(&t->eng->mem, t, sizeof(*t));
}

/* Trace */

size_t weft_trace_read(struct weft_engine *handle, char *buf, size_t size)
{
	struct engine *eng = engine_of(handle);
	struct trace_event ev;
	struct sb sb = sb_make(buf, size);

	if (size == 0 || !trace_read(eng, &ev))
		return 0;
	trace_event_json(eng, &ev, &sb);
	return sb.len;
}

void weft_trace_sample(struct weft_engine *handle, uint32_t every)
{
	struct trace *trace = &engine_of(handle)->trace;

	trace->sample_every = every;
	trace->sample_left = 0; /* the next one is the first */
}

void weft_trace_figures(struct weft_engine *handle, bool wanted)
{
	engine_of(handle)->trace.has_figures = wanted;
}

static_assert(sizeof(struct trace_event) <= WEFT_TRACE_EVENT_BYTES, "it fits what is copied");
static_assert(alignof(struct trace_event) <= alignof(int64_t), "it may lie there");

static const struct trace_event *event_of(const struct weft_trace_event *ev)
{
	return (const struct trace_event *)(const void *)ev;
}

static void api_trace_sink(void *ctx, const struct trace_event *ev)
{
	const struct api_engine *api = ctx;
	char line[API_TRACE_LINE_MAX];
	struct sb sb = sb_make(line, sizeof(line));

	if (api->watch_fn) {
		/* Its reader may copy all of the bytes. */
		union {
			struct trace_event ev;
			uint8_t bytes[WEFT_TRACE_EVENT_BYTES];
		} copy = {.bytes = {0}};

		copy.ev = *ev;
		api->watch_fn(api->watch_arg, (const struct weft_trace_event *)(const void *)&copy);
	}
	if (!api->trace_fn)
		return;
	trace_event_json(api->eng, ev, &sb);
	api->trace_fn(api->trace_arg, line);
}

static void api_trace_sink_set(struct engine *eng)
{
	const struct api_engine *api = eng->api;

	eng->trace.sink_ctx = eng->api;
	eng->trace.sink = api->trace_fn || api->watch_fn ? api_trace_sink : NULL;
}

void weft_trace_listen(struct weft_engine *handle, void (*fn)(void *arg, const char *line),
		       void *arg)
{
	struct engine *eng = engine_of(handle);
	struct api_engine *api = eng->api;

	api->trace_fn = fn;
	api->trace_arg = arg;
	api_trace_sink_set(eng);
}

void weft_trace_watch(struct weft_engine *handle,
		      void (*fn)(void *arg, const struct weft_trace_event *ev), void *arg)
{
	struct engine *eng = engine_of(handle);
	struct api_engine *api = eng->api;

	api->watch_fn = fn;
	api->watch_arg = arg;
	api_trace_sink_set(eng);
}

const char *weft_trace_kind(const struct weft_trace_event *ev)
{
	return trace_kind_name(event_of(ev)->kind);
}

const char *weft_trace_reason(const struct weft_trace_event *ev)
{
	return event_of(ev)->kind == TRACE_DROP ? drop_name(event_of(ev)->code) : NULL;
}

uint32_t weft_trace_id(const struct weft_trace_event *ev)
{
	return event_of(ev)->trace_id;
}

size_t weft_trace_print(struct weft_engine *handle, const struct weft_trace_event *ev, char *buf,
			size_t size)
{
	struct sb sb = sb_make(buf, size);

	if (size == 0)
		return 0;
	trace_event_json(engine_of(handle), event_of(ev), &sb);
	return sb.len;
}
