/* SPDX-License-Identifier: MIT */
/* The engine: set-up, and the order in which work is done. The contract is in engine.h. */
#include "core/engine.h"

#include <errno.h>
#include <stdint.h>

#include "core/door.h"
#include "core/netif.h"
#include "core/stack.h"

enum {
	ENGINE_PKTS = 65536,
	ENGINE_BUFS_S = 65536,
	ENGINE_BUFS_M = 16384,
	ENGINE_BUFS_L = 2048,
	ENGINE_TRACE_EVENTS = 1024,
	ENGINE_RECLAIM_NS = 10 * 1000 * 1000,
};

static struct pkt_limits engine_limits(const struct pkt_limits *asked)
{
	struct pkt_limits l = *asked;
	const uint32_t deflt[BUF_CLASSES] = {ENGINE_BUFS_S, ENGINE_BUFS_M, ENGINE_BUFS_L};

	if (!l.n_pkts)
		l.n_pkts = ENGINE_PKTS;
	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		if (!l.n_bufs[i])
			l.n_bufs[i] = deflt[i];
	return l;
}

static int engine_rng_init(struct engine *eng, const struct engine_config *cfg)
{
	if (!cfg->has_seed)
		return rng_init_entropy(&eng->rng, cfg->entropy, cfg->entropy_ctx);
	rng_init_seed(&eng->rng, cfg->seed);
	return 0;
}

/*
 * mem->reclaim: somebody wants memory that packet pools hold for nobody. When they had none to give
 * they are not asked again for a while, since to find that out costs as much as they hold.
 */
static bool engine_reclaim(void *ctx)
{
	struct engine *eng = ctx;
	uint64_t n = eng->mem.n_bytes;

	if (eng->now_ns < eng->reclaim_ns)
		return false;
	pkt_pools_trim(&eng->pkts);
	if (eng->mem.n_bytes < n)
		return true;
	eng->reclaim_ns = eng->now_ns + ENGINE_RECLAIM_NS;
	return false;
}

int engine_new(const struct engine_config *cfg, struct engine **ret)
{
	struct pkt_limits limits = engine_limits(&cfg->limits);
	struct mem mem;
	struct engine *eng;
	int err = -ENOMEM;

	if (!cfg->has_seed && !cfg->entropy)
		return -EINVAL;
	mem_init(&mem, cfg->realloc, cfg->mem_ctx, cfg->mem_limit_bytes);
	eng = mem_zalloc(&mem, sizeof(*eng));
	if (!eng)
		return -ENOMEM;
	eng->mem = mem;
	eng->now_ns = cfg->now_ns;
	eng->epoch_ns = cfg->epoch_ns;
	list_init(&eng->backlog);
	list_init(&eng->works);
	list_init(&eng->flush);
	list_init(&eng->doors);
	list_init(&eng->stacks);
	cpu_ops_init(&eng->cpu);
	wheel_init(&eng->wheel, cfg->now_ns);

	err = engine_rng_init(eng, cfg);
	if (err)
		goto fail;
	rng_bytes(&eng->rng, &eng->hash_key, sizeof(eng->hash_key));
	err = pkt_pools_init(&eng->pkts, &eng->mem, &limits, &eng->cpu);
	if (err)
		goto fail;
	err = trace_init(eng, cfg->trace_events ? cfg->trace_events : ENGINE_TRACE_EVENTS,
			 cfg->trace_sample_every);
	if (err) {
		pkt_pools_fini(&eng->pkts);
		goto fail;
	}
	eng->reclaim_ns = cfg->now_ns;
	eng->mem.reclaim_ctx = eng;
	eng->mem.reclaim = engine_reclaim;
	*ret = eng;
	return 0;
fail:
	mem = eng->mem;
	mem_free(&mem, eng, sizeof(*eng));
	return err;
}

void engine_free(struct engine *eng)
{
	struct mem mem;

	if (!eng)
		return;
	assert(list_is_empty(&eng->stacks) && list_is_empty(&eng->doors) && !eng->is_running);
	eng->mem.reclaim = NULL;
	trace_fini(eng);
	pkt_pools_fini(&eng->pkts);
	mem_free(&eng->mem, eng->stacks_by_id, eng->max_stack_ids * sizeof(*eng->stacks_by_id));
	mem = eng->mem;
	mem_free(&mem, eng, sizeof(*eng));
}

/* Frames of the interface whose turn it is; interfaces take turns. Returns how many. */
static uint32_t engine_backlog_step(struct engine *eng, uint32_t max)
{
	struct list *first = list_first(&eng->backlog);

	return netif_backlog_run(container_of(first, struct netif, backlog_link), max);
}

static void engine_work_step(struct engine *eng)
{
	struct engine_work *work = container_of(list_pop(&eng->works), struct engine_work, link);

	work->fn(work);
}

/* What is deferred now, each once. */
static void engine_works_once(struct engine *eng)
{
	struct list works = LIST_INIT(works);
	struct list *link;

	list_splice_tail(&works, &eng->works);
	while ((link = list_pop(&works))) {
		struct engine_work *work = container_of(link, struct engine_work, link);

		work->fn(work);
	}
}

void engine_finish(struct engine *eng)
{
	assert(list_is_empty(&eng->stacks));
	while (!list_is_empty(&eng->works))
		engine_work_step(eng);
}

static void engine_flush(struct engine *eng)
{
	struct list *link;

	while ((link = list_pop(&eng->flush))) {
		struct netif *netif = container_of(link, struct netif, flush_link);

		netif->flags &= ~(uint32_t)NETIF_FLUSH;
		netif->ops->flush(netif);
	}
}

bool engine_run(struct engine *eng, int64_t now_ns)
{
	uint32_t budget = ENGINE_BUDGET_PKTS;
	bool has_more = false;

	assert(!eng->is_running);
	if (unlikely(!eng->owner))
		eng->owner = cpu_thread();
	engine_check_thread(eng);
	eng->is_running = true;
	if (now_ns > eng->now_ns)
		eng->now_ns = now_ns;
	wheel_run(&eng->wheel, eng->now_ns);
	if (unlikely(!list_is_empty(&eng->doors)))
		has_more = engine_doors_take(eng);
	/* Frames first: what they cause (ACKs, wake-ups) then covers all of them at once. */
	while (budget && (!list_is_empty(&eng->backlog) || !list_is_empty(&eng->works))) {
		if (!list_is_empty(&eng->backlog)) {
			budget -= engine_backlog_step(eng, budget);
			continue;
		}
		budget--;
		engine_work_step(eng);
	}
	/* Frames that never end (a loop of bridges) must not keep callbacks waiting for ever. */
	if (!list_is_empty(&eng->backlog))
		engine_works_once(eng);
	engine_flush(eng);
	eng->is_running = false;
	return has_more || engine_bound_ns(eng) <= eng->now_ns;
}

static bool engine_has_work(const struct engine *eng)
{
	return !list_is_empty(&eng->backlog) || !list_is_empty(&eng->works) ||
	       !list_is_empty(&eng->flush);
}

int64_t engine_next_ns(struct engine *eng)
{
	return engine_has_work(eng) ? eng->now_ns : wheel_next_ns(&eng->wheel);
}

int64_t engine_bound_ns(const struct engine *eng)
{
	return engine_has_work(eng) ? eng->now_ns : wheel_bound_ns(&eng->wheel);
}
