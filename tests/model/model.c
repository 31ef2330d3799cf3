/* SPDX-License-Identifier: MIT */
/*
 * The model test's program; what a run is, is said in model.h.
 *
 *	model [--runs N] [--seed N] [--trace] [--pcap FILE]
 *
 * Runs N worlds (1000) with seeds from 1 on, or one with the seed given: a failure prints its seed,
 * and `--seed` of it fails again. --trace prints what the engine's trace points say, --pcap writes
 * every frame.
 */
#include "model.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum {
	TURNS_MAX = 20000000, /* of the engine in one run */
};

#define DONE_MAX_NS (3600 * MODEL_S) /* after all is well */
#define GONE_NS     (600 * MODEL_S)  /* FIN-WAIT-2, TIME-WAIT, retransmissions to nobody */

/* The last words of a run that aborts, written before it starts: a handler may not print. */
static char last_words[64];
static volatile sig_atomic_t last_words_len;

static void seed_is(uint64_t seed)
{
	int n = snprintf(last_words, sizeof(last_words), "\nmodel: --seed %" PRIu64 "\n", seed);

	last_words_len = n > 0 ? n : 0;
}

static void on_abort(int sig UNUSED)
{
	(void)!write(STDERR_FILENO, last_words, (size_t)last_words_len);
}

/* Where each end stands. */
static void print_ends(const struct model *m)
{
	for (uint32_t i = 0; i < 2 * m->n_pairs; i++) {
		const struct end *e = &m->pairs[i / 2].ends[i % 2];

		fprintf(stderr,
			"pair %u end %u: wrote %" PRIu64 " of %" PRIu64 ", read %" PRIu64
			", lazy %" PRId64 " ns, finish %d%s%s%s%s\n",
			i / 2, i % 2, e->written, e->to_write, e->read, e->lazy_ns, e->finish,
			e->is_connected ? ", connected" : "", e->has_shut ? ", shut" : "",
			e->has_eof ? ", eof" : "", e->is_done ? ", done" : "");
		if (e->s)
			fprintf(stderr, "  events %#x\n", weft_events(e->s));
	}
}

void model_fail(const struct model *m, const char *fmt, ...)
{
	va_list ap;

	printf("not ok - model: --seed %" PRIu64 "\n", m->seed);
	fflush(stdout);
	fprintf(stderr, "at %" PRId64 " ns: ", m->eng ? weft_engine_now_ns(m->eng) : 0);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	print_ends(m);
	_exit(1);
}

void must(struct model *m, int err, const char *what)
{
	if (err)
		model_fail(m, "%s: %s", what, strerror(-err));
}

uint64_t rnd_log(struct model *m, uint64_t lo, uint64_t hi)
{
	uint32_t n = 1, i;
	uint64_t a, b;

	while (lo << n < hi && n < 63)
		n++;
	i = (uint32_t)rnd(m, n);
	a = lo << i;
	b = a * 2 - 1 < hi ? a * 2 - 1 : hi;
	return b > a ? a + rnd(m, b - a + 1) : a;
}

static void print_line(void *arg UNUSED, const char *line)
{
	printf("%s\n", line);
}

static void pcap_write(void *arg, const void *blocks, size_t len)
{
	fwrite(blocks, 1, len, arg);
}

struct options {
	uint64_t first, n;
	bool has_trace;
	const char *pcap;
};

struct watch {
	struct weft_capture *cap;
	FILE *file;
};

static struct watch watch_start(struct model *m, const struct options *o)
{
	struct watch w = {.cap = NULL};

	if (o->has_trace)
		weft_trace_listen(m->eng, print_line, NULL);
	if (!o->pcap)
		return w;
	w.file = fopen(o->pcap, "w");
	if (!w.file)
		model_fail(m, "%s: %s", o->pcap, strerror(errno));
	must(m, weft_capture_new(m->eng, 0, pcap_write, w.file, &w.cap), "capture");
	must(m, weft_capture_add(w.cap, m->netifs[0]), "capture");
	must(m, weft_capture_add(w.cap, m->netifs[1]), "capture");
	return w;
}

static void watch_stop(const struct watch *w)
{
	weft_capture_free(w->cap);
	if (w->file)
		fclose(w->file);
}

/* Until every end is done. */
static void model_go(struct model *m)
{
	for (uint32_t n = 0; !model_pairs_are_done(m); n++) {
		int64_t next_ns = weft_engine_next_ns(m->eng);

		if (next_ns > m->heal_ns + GONE_NS && model_pairs_let_go(m))
			continue;
		if (next_ns == INT64_MAX)
			model_fail(m, "an end waits, and nothing will ever happen");
		if (next_ns > m->heal_ns + DONE_MAX_NS || n == TURNS_MAX)
			model_fail(m, "an end waits for ever");
		(void)weft_engine_run(m->eng, next_ns);
		model_check_host(m->hosts[0]);
		model_check_host(m->hosts[1]);
	}
}

/* What happens when nobody is left. */
static void model_settle(struct model *m)
{
	int64_t end_ns = weft_engine_now_ns(m->eng) + GONE_NS, next_ns;

	if (end_ns < m->heal_ns)
		end_ns = m->heal_ns + GONE_NS;
	while ((next_ns = weft_engine_next_ns(m->eng)) <= end_ns) {
		(void)weft_engine_run(m->eng, next_ns);
		model_check_host(m->hosts[0]);
		model_check_host(m->hosts[1]);
	}
	model_check_gone(m);
}

/* One world. Returns how many segments were received in it. */
static uint64_t model_run(uint64_t seed, const struct options *o)
{
	struct model m = {.seed = seed, .prng.x = seed};
	struct watch w;

	seed_is(seed);
	(void)prng_u64(&m.prng);
	model_net_new(&m);
	w = watch_start(&m, o);
	model_pairs_new(&m);
	model_net_starve(&m);
	model_go(&m);
	model_settle(&m);
	watch_stop(&w);
	model_pairs_free(&m);
	model_net_free(&m);
	return m.taps[0].n_segments + m.taps[1].n_segments;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (!*text || *end) {
		fprintf(stderr, "model: %s is no number\n", text);
		exit(2);
	}
	return n;
}

static struct options options_parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"runs", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{"trace", no_argument, NULL, 't'},
		{"pcap", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	struct options o = {.first = 1, .n = 0};
	bool has_seed = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			o.n = number(optarg);
			break;
		case 's':
			o.first = number(optarg);
			has_seed = true;
			break;
		case 't':
			o.has_trace = true;
			break;
		case 'p':
			o.pcap = optarg;
			break;
		default:
			fprintf(stderr,
				"usage: model [--runs N] [--seed N] [--trace] [--pcap FILE]\n");
			exit(2);
		}
	}
	if (!o.n)
		o.n = has_seed ? 1 : 1000;
	return o;
}

int main(int argc, char **argv)
{
	struct options o = options_parse(argc, argv);
	uint64_t n_segments = 0;

	signal(SIGABRT, on_abort);
	for (uint64_t i = 0; i < o.n; i++)
		n_segments += model_run(o.first + i, &o);
	printf("ok - model: %" PRIu64 " worlds from seed %" PRIu64 ", %" PRIu64 " segments\n", o.n,
	       o.first, n_segments);
	return 0;
}
