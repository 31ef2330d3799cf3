/* SPDX-License-Identifier: MIT */
/* Engines, stacks and a pair of them. */
#include "weft_side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TURN_NS = 1000,
};

/* A run that is counted; no gauge: there is none. */
static struct {
	struct gauge *gauge;
	int64_t now_ns;
	uint64_t n_left;
} counted;

struct weft_engine *side_engine(void)
{
	struct weft_engine_config cfg = {.now_ns = weft_io_now_ns(), .entropy = weft_io_entropy};
	struct weft_engine *eng;

	if (counted.gauge)
		cfg = (struct weft_engine_config){.has_seed = true, .seed = 1};
	must(weft_engine_new(&cfg, &eng), "engine");
	return eng;
}

struct weft_stack *side_stack(struct weft_engine *eng, const char *name)
{
	struct weft_stack *st;

	must(weft_stack_new(eng, name, &st), "stack");
	return st;
}

void side_address(struct weft_netif *nif, const char *prefix)
{
	struct weft_addr addr;
	uint8_t len;

	must(weft_prefix_parse(prefix, &addr, &len), prefix);
	must(weft_addr_add(nif, &addr, len), prefix);
}

void side_sockaddr(struct weft_sockaddr *ret, const char *addr, uint16_t port)
{
	*ret = (struct weft_sockaddr){.port = port};
	must(weft_addr_parse(addr, &ret->addr), addr);
}

void side_pair_init(struct side_pair *p)
{
	p->eng = side_engine();
	p->st[0] = side_stack(p->eng, "a");
	p->st[1] = side_stack(p->eng, "b");
	must(weft_veth_new(p->st[0], "eth0", p->st[1], "eth0", &p->nif[0], &p->nif[1]), "veth");
	side_address(p->nif[0], "10.0.0.1/24");
	side_address(p->nif[1], "10.0.0.2/24");
	side_address(p->nif[0], "2001:db8::1/64");
	side_address(p->nif[1], "2001:db8::2/64");
}

void side_pair_fini(struct side_pair *p)
{
	weft_stack_free(p->st[0]);
	weft_stack_free(p->st[1]);
	weft_engine_free(p->eng);
}

void side_turn(void)
{
	if (!counted.gauge)
		return;
	counted.now_ns += TURN_NS;
	if (counted.n_left-- == 0)
		atomic_store(&counted.gauge->is_stopping, true);
}

void side_run(struct weft_engine *eng)
{
	side_turn();
	weft_engine_run(eng, counted.gauge ? counted.now_ns : weft_io_now_ns());
}

void side_count(void (*fn)(struct gauge *g, const void *arg), const void *arg, uint64_t n_turns)
{
	static struct gauge g;

	counted.gauge = &g;
	counted.n_left = n_turns;
	fn(&g, arg);
	printf("{\"turns\": %llu, \"bytes\": %llu, \"ops\": %llu}\n", (unsigned long long)n_turns,
	       (unsigned long long)g.n_bytes, (unsigned long long)g.n_ops);
}

uint64_t side_rss_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	uint64_t kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			kb = strtoull(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb * 1024;
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void setup_start(struct setup *s)
{
	s->rss_bytes = side_rss_bytes();
	s->start_cpu_ns = cpu_ns();
}

void setup_end(const struct setup *s, struct gauge *g)
{
	uint64_t rss_bytes = side_rss_bytes();

	atomic_store(&g->setup_ns, (uint64_t)(cpu_ns() - s->start_cpu_ns));
	atomic_store(&g->setup_bytes, rss_bytes > s->rss_bytes ? rss_bytes - s->rss_bytes : 0);
}
