/* SPDX-License-Identifier: MIT */
/*
 * `weft plot FILE`: what TCP connections and queues do over time, as a picture. FILE is a trace
 * that `weft up --trace` has written, or a lab file, which is run in virtual time for it.
 */
#include "cmd/plot.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/cmd.h"
#include "cmd/session.h"
#include "lab/suggest.h"
#include "lab/trace_store.h"
#include "lab/units.h"

enum {
	SERIES_MAX = 4096,
	DEFAULT_SECONDS = 10,
};

static void plot_help(FILE *out)
{
	fprintf(out,
		"usage: weft plot FILE -o PICTURE [--what LIST] [--flow TEXT] [--for TIME] [--seed "
		"N]\n"
		"                 [--from TIME] [--to TIME] [--title TEXT]\n\n"
		"Draws what TCP connections and queues of links do over time. FILE is a trace of\n"
		"`weft up --trace`, or a lab file, which is run in virtual time. Needs gnuplot.\n\n"
		"  -o, --output PICTURE  a name that ends in .svg or .png\n"
		"  --what LIST   panels, of: cwnd (with ssthresh), rtt, flight (bytes in flight),\n"
		"                queue (frames waiting), seq (sequence numbers), rate (of "
		"pacing);\n"
		"                without it cwnd,rtt,queue\n"
		"  --flow TEXT   only connections with TEXT in their name, which is\n"
		"                NODE:PORT>PORT; without it those that sent most\n"
		"  --for TIME    how long a lab file runs (10s)\n"
		"  --seed N      its random numbers\n"
		"  --from TIME, --to TIME  draw this part of it only\n"
		"  --title TEXT  above the picture\n");
}

/* ---- reading ---- */

struct reader {
	struct plot plot;
	uint64_t n_lines, n_bad;
	bool is_full; /* memory */
};

static struct plot_series *series_get(struct reader *r, const char *name, bool is_queue)
{
	struct plot *plot = &r->plot;
	struct plot_series *grown;

	for (size_t i = plot->n_series; i-- > 0;)
		if (plot->series[i].is_queue == is_queue && !strcmp(plot->series[i].name, name))
			return &plot->series[i];
	if (plot->n_series == SERIES_MAX)
		return NULL;
	grown = realloc(plot->series, (plot->n_series + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	plot->series = grown;
	grown += plot->n_series++;
	*grown = (struct plot_series){.is_queue = is_queue};
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	return grown;
}

static void series_add(struct reader *r, const char *name, bool is_queue,
		       const struct plot_point *point)
{
	struct plot_series *s = series_get(r, name, is_queue);

	if (s && s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 256;
		struct plot_point *grown = realloc(s->points, cap * sizeof(*grown));

		if (grown) {
			s->points = grown;
			s->cap = cap;
		}
	}
	if (!s || s->n == s->cap) {
		r->is_full = true;
		return;
	}
	s->points[s->n++] = *point;
	if (point->t_ns < r->plot.start_ns)
		r->plot.start_ns = point->t_ns;
}

static uint64_t number(const json_t *ev, const char *key)
{
	const json_t *v = json_object_get(ev, key);

	return json_is_integer(v) && json_integer_value(v) >= 0 ? (uint64_t)json_integer_value(v)
								: PLOT_NONE;
}

static void event_add(struct reader *r, const json_t *ev)
{
	const char *kind = json_string_value(json_object_get(ev, "event"));
	const char *stack = json_string_value(json_object_get(ev, "stack"));
	const char *nif = json_string_value(json_object_get(ev, "if"));
	struct plot_point p = {.t_ns = json_integer_value(json_object_get(ev, "t_ns"))};
	char name[PLOT_NAME_MAX];

	if (!kind || !stack)
		return;
	if (!strcmp(kind, "queue") && nif) {
		snprintf(name, sizeof(name), "%s:%s", stack, nif);
		p.v[0] = number(ev, "waiting");
		series_add(r, name, true, &p);
	} else if (!strcmp(kind, "tcp")) {
		snprintf(name, sizeof(name), "%s:%d>%d", stack, (int)number(ev, "lport"),
			 (int)number(ev, "rport"));
		p.v[PLOT_F_CWND] = number(ev, "cwnd");
		p.v[PLOT_F_SSTHRESH] = number(ev, "ssthresh");
		p.v[PLOT_F_SRTT] = number(ev, "srtt_us");
		p.v[PLOT_F_FLIGHT] = number(ev, "flight");
		p.more[PLOT_F_UNA - 4] = number(ev, "una");
		p.more[PLOT_F_NXT - 4] = number(ev, "nxt");
		p.more[PLOT_F_WND - 4] = number(ev, "wnd");
		p.more[PLOT_F_RATE - 4] = number(ev, "rate_bps");
		series_add(r, name, false, &p);
	}
}

static void line_add(void *arg, const char *line)
{
	struct reader *r = arg;
	json_error_t error;
	json_t *ev = json_loads(line, 0, &error);

	r->n_lines++;
	if (!json_is_object(ev))
		r->n_bad++;
	else
		event_add(r, ev);
	json_decref(ev);
}

static int trace_read_file(struct reader *r, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;

	if (!f) {
		fprintf(stderr, "weft plot: %s: %s\n", path, strerror(errno));
		return EXIT_FAILED;
	}
	while (getline(&line, &cap, f) >= 0 && r->n_bad < 10)
		line_add(r, line);
	free(line);
	fclose(f);
	if (r->n_bad) {
		fprintf(stderr,
			"weft plot: %s: has lines that are no trace events; write one with "
			"`weft up --trace`\n",
			path);
		return EXIT_FAILED;
	}
	return 0;
}

static void on_signal(struct session *s, int signo, bool from_tty)
{
	(void)signo;
	(void)from_tty;
	s->is_ending = true;
}

static int trace_run(struct reader *r, const char *path, struct lab_config *cfg, int64_t for_ns)
{
	struct session s = {.sigfd = -1, .on_signal = on_signal};
	int status;

	cfg->is_sim = true;
	status = session_start(&s, path, cfg);
	if (!status) {
		trace_store_figures(s.lab->traces, line_add, r);
		status = session_loop(&s, for_ns);
		trace_store_figures(s.lab->traces, NULL, NULL);
	}
	return session_end(&s, status);
}

/* A trace's lines are objects; no lab file of ours begins with a brace. */
static bool is_trace(const char *path)
{
	FILE *f = fopen(path, "re");
	int c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	return c == '{';
}

/* ---- options ---- */

static bool what_read(struct plot_options *o, char *list)
{
	for (char *save, *word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		struct lab_suggest near = lab_suggest_start(word);
		uint32_t what;

		if (o->n_what < PLOT_WHATS && !plot_what_parse(word, &what)) {
			o->what[o->n_what++] = what;
			continue;
		}
		for (uint32_t i = 0; i < PLOT_WHATS; i++)
			lab_suggest_try(&near, plot_what_name(i));
		fprintf(stderr,
			"weft plot: --what: `%s` is nothing to plot; write some of "
			"cwnd,rtt,flight,queue,seq,rate",
			word);
		fprintf(stderr, near.best ? " (did you mean %s?)\n" : "\n", near.best);
		return false;
	}
	return o->n_what;
}

static bool time_read(const char *option, const char *text, int64_t *ret_ns)
{
	const char *why;

	if (lab_duration_parse(text, ret_ns, &why) == 0)
		return true;
	fprintf(stderr, "weft plot: %s %s: %s\n", option, text, why);
	return false;
}

static bool seed_read(const char *text, struct lab_config *cfg)
{
	const char *why;

	cfg->has_seed = true;
	if (lab_uint_parse(text, 0, UINT64_MAX, &cfg->seed, &why) == 0)
		return true;
	fprintf(stderr, "weft plot: --seed %s: %s\n", text, why);
	return false;
}

static const char *picture_type(const char *path)
{
	const char *dot = path ? strrchr(path, '.') : NULL;

	if (dot && !strcasecmp(dot, ".svg"))
		return "svg";
	return dot && !strcasecmp(dot, ".png") ? "png" : NULL;
}

static int plot_make(const char *path, struct plot_options *o, struct lab_config *cfg,
		     int64_t for_ns, const char *picture)
{
	struct reader r = {.plot.start_ns = INT64_MAX};
	int status = is_trace(path) ? trace_read_file(&r, path) : trace_run(&r, path, cfg, for_ns);

	/* A lab's clock starts at 0, and so do its pictures. */
	if (!is_trace(path))
		r.plot.start_ns = r.plot.n_series ? 0 : INT64_MAX;
	if (!status && r.is_full)
		fprintf(stderr,
			"weft plot: too much for the memory; the picture is not complete\n");
	if (!status && r.plot.start_ns == INT64_MAX) {
		fprintf(stderr, "weft plot: %s: no TCP connection and no queue did anything\n",
			path);
		status = EXIT_FAILED;
	}
	if (!status)
		status = plot_draw(&r.plot, o, picture);
	for (size_t i = 0; i < r.plot.n_series; i++)
		free(r.plot.series[i].points);
	free(r.plot.series);
	return status;
}

static int plot_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {
		{"output", required_argument, NULL, 'o'}, {"what", required_argument, NULL, 'w'},
		{"flow", required_argument, NULL, 'f'},   {"for", required_argument, NULL, 'F'},
		{"seed", required_argument, NULL, 's'},   {"from", required_argument, NULL, 'a'},
		{"to", required_argument, NULL, 'b'},     {"title", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	struct plot_options o = {.to_ns = INT64_MAX};
	int64_t for_ns = DEFAULT_SECONDS * INT64_C(1000000000);
	struct lab_config cfg = {.pcap = NULL};
	const char *picture = NULL;
	bool is_good = true;
	int opt;

	(void)env;
	while (is_good && (opt = getopt_long(argc, argv, "o:h", opts, NULL)) != -1) {
		switch (opt) {
		case 'o':
			picture = optarg;
			break;
		case 'w':
			is_good = what_read(&o, optarg);
			break;
		case 'f':
			o.flow = optarg;
			break;
		case 'F':
			is_good = time_read("--for", optarg, &for_ns);
			break;
		case 's':
			is_good = seed_read(optarg, &cfg);
			break;
		case 'a':
			is_good = time_read("--from", optarg, &o.from_ns);
			break;
		case 'b':
			is_good = time_read("--to", optarg, &o.to_ns);
			break;
		case 't':
			o.title = optarg;
			break;
		default:
			plot_help(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : EXIT_USAGE;
		}
	}
	if (!is_good)
		return EXIT_USAGE;
	if (optind + 1 != argc || !picture) {
		plot_help(stderr);
		return EXIT_USAGE;
	}
	o.type = picture_type(picture);
	if (!o.type) {
		fprintf(stderr, "weft plot: -o %s: write a name that ends in .svg or .png\n",
			picture);
		return EXIT_USAGE;
	}
	if (!o.n_what) {
		o.what[o.n_what++] = PLOT_CWND;
		o.what[o.n_what++] = PLOT_RTT;
		o.what[o.n_what++] = PLOT_QUEUE;
	}
	return plot_make(argv[optind], &o, &cfg, for_ns, picture);
}

const struct cmd cmd_plot = {"plot", "FILE -o PICTURE [--what LIST]", "draw TCP over time",
			     plot_run, CMD_FILE};
