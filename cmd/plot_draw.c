/* SPDX-License-Identifier: MIT */
/*
 * Drawing what `weft plot` has read: a script with the data in it for gnuplot, which makes SVG or
 * PNG of it. Lines are thinned to what a picture can show; of each stretch of time the least and
 * the greatest value stay.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/plot.h"

enum {
	POINTS_MAX = 360, /* of all lines of a panel together, about */
	POINTS_MIN = 100, /* of a line */
	WIDTH = 900,
	PANEL_HEIGHT = 210,
	MARGIN_HEIGHT = 60,
};

/* A line in a panel: values in thousandths of what the axis says. */
struct line {
	enum plot_field field;
	const char *suffix; /* of the flow's name in the key */
};

static const struct panel {
	const char *word, *label;
	bool is_queue;
	uint64_t mul, div; /* to thousandths of the label's unit */
	struct line lines[3];
	uint32_t n_lines;
} panels[PLOT_WHATS] = {
	[PLOT_CWND] = {"cwnd",
		       "kB",
		       false,
		       1,
		       1,
		       {{PLOT_F_CWND, "cwnd"}, {PLOT_F_SSTHRESH, "ssthresh"}},
		       2},
	[PLOT_RTT] = {"rtt", "ms", false, 1, 1, {{PLOT_F_SRTT, "smoothed round trip"}}, 1},
	[PLOT_FLIGHT] = {"flight", "kB", false, 1, 1, {{PLOT_F_FLIGHT, "in flight"}}, 1},
	[PLOT_QUEUE] = {"queue", "frames", true, 1000, 1, {{0, "waiting"}}, 1},
	[PLOT_SEQ] = {"seq",
		      "MB",
		      false,
		      1,
		      1000,
		      {{PLOT_F_UNA, "acknowledged"}, {PLOT_F_NXT, "sent"}},
		      2},
	[PLOT_RATE] = {"rate", "Mbit/s", false, 1, 1000, {{PLOT_F_RATE, "pacing"}}, 1},
};

const char *plot_what_name(uint32_t what)
{
	return panels[what].word;
}

int plot_what_parse(const char *word, uint32_t *ret)
{
	for (uint32_t i = 0; i < PLOT_WHATS; i++)
		if (!strcmp(panels[i].word, word)) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

/* ---- the script ---- */

struct draw {
	FILE *out;
	const struct plot *plot;
	const struct plot_options *o;
	int64_t end_ns;
	uint32_t n_blocks;
	const struct plot_series *flows[PLOT_FLOWS_MAX];
	uint32_t n_flows;
};

static void print_point(const struct draw *d, int64_t t_ns, uint64_t v)
{
	fprintf(d->out, "%" PRId64 ".%04d %" PRIu64 ".%03u\n", t_ns / 1000000000,
		(int)(t_ns % 1000000000 / 100000), v / 1000, (unsigned int)(v % 1000));
}

struct extreme {
	int64_t t_ns;
	uint64_t v;
};

/* The least and the greatest of a stretch, in the order of their times. */
static void print_stretch(const struct draw *d, struct extreme lo, struct extreme hi)
{
	if (lo.t_ns > hi.t_ns) {
		struct extreme swap = lo;

		lo = hi;
		hi = swap;
	}
	print_point(d, lo.t_ns, lo.v);
	if (hi.v != lo.v)
		print_point(d, hi.t_ns, hi.v);
}

/* A block of data, $bN, of one line. */
static void print_line(struct draw *d, const struct plot_series *s, const struct panel *panel,
		       enum plot_field field, uint32_t n_lines)
{
	int64_t span_ns = d->end_ns - d->o->from_ns, stretch = -1;
	uint32_t want = POINTS_MAX / (n_lines ? n_lines : 1) / 2;
	struct extreme lo = {0}, hi = {0};
	bool has = false;

	want = want > POINTS_MIN / 2 ? want : POINTS_MIN / 2;
	fprintf(d->out, "$b%u << EOD\n", d->n_blocks++);
	for (size_t i = 0; i < s->n; i++) {
		int64_t t_ns = s->points[i].t_ns - d->plot->start_ns, at;
		uint64_t raw = plot_value(&s->points[i], field), v;

		if (t_ns < d->o->from_ns || t_ns > d->end_ns || raw == PLOT_NONE)
			continue;
		v = raw * panel->mul / panel->div;
		at = (t_ns - d->o->from_ns) / (span_ns / want + 1);
		if (has && at != stretch) {
			print_stretch(d, lo, hi);
			has = false;
		}
		if (!has || v < lo.v)
			lo = (struct extreme){t_ns, v};
		if (!has || v > hi.v)
			hi = (struct extreme){t_ns, v};
		has = true;
		stretch = at;
	}
	if (has)
		print_stretch(d, lo, hi);
	fprintf(d->out, "EOD\n");
}

static bool is_drawn(const struct draw *d, const struct plot_series *s, const struct panel *panel)
{
	if (s->is_queue || panel->is_queue)
		return s->is_queue && panel->is_queue;
	for (uint32_t i = 0; i < d->n_flows; i++)
		if (d->flows[i] == s)
			return true;
	return false;
}

/* A queue that never grew says nothing, unless it is the only one. */
static bool queue_is_idle(const struct draw *d, const struct plot_series *s)
{
	uint64_t most = 0, of_any = 0;

	for (size_t k = 0; k < d->plot->n_series; k++) {
		const struct plot_series *other = &d->plot->series[k];

		for (size_t i = 0; other->is_queue && i < other->n; i++) {
			if (other->points[i].v[0] > of_any)
				of_any = other->points[i].v[0];
			if (other == s && other->points[i].v[0] > most)
				most = other->points[i].v[0];
		}
	}
	return most * 10 < of_any;
}

static uint32_t panel_series(const struct draw *d, const struct panel *panel,
			     const struct plot_series *ret[], uint32_t max)
{
	uint32_t n = 0;

	for (size_t i = 0; i < d->plot->n_series && n < max; i++) {
		const struct plot_series *s = &d->plot->series[i];

		if (is_drawn(d, s, panel) && !(panel->is_queue && queue_is_idle(d, s)))
			ret[n++] = s;
	}
	return n;
}

/* A name in single quotes of gnuplot's. */
static void print_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("''", out);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	fputc('\'', out);
}

/* Lines of a panel that have something to show, and whether any of it is more than 0. */
struct shown {
	struct {
		const struct plot_series *s;
		uint32_t flow, line; /* number of the series, and of the panel's lines */
	} lines[PLOT_FLOWS_MAX * 3];
	uint32_t n;
	bool has_height;
};

static void show_line(const struct draw *d, const struct panel *panel, struct shown *shown,
		      const struct plot_series *s, uint32_t flow, uint32_t line)
{
	bool has_points = false;

	for (size_t i = 0; i < s->n; i++) {
		uint64_t v = plot_value(&s->points[i], panel->lines[line].field);
		int64_t t_ns = s->points[i].t_ns - d->plot->start_ns;

		if (v == PLOT_NONE || t_ns < d->o->from_ns || t_ns > d->end_ns)
			continue;
		has_points = true;
		shown->has_height |= v > 0;
	}
	if (!has_points)
		return;
	shown->lines[shown->n].s = s;
	shown->lines[shown->n].flow = flow;
	shown->lines[shown->n].line = line;
	shown->n++;
}

static void print_plot_line(struct draw *d, const struct panel *panel, const struct shown *shown,
			    uint32_t i, uint32_t block)
{
	uint32_t line = shown->lines[i].line, flow = shown->lines[i].flow;
	bool is_alone = shown->lines[shown->n - 1].flow == 0;
	char name[2 * PLOT_NAME_MAX];

	snprintf(name, sizeof(name), "%s %s", shown->lines[i].s->name, panel->lines[line].suffix);
	fprintf(d->out, "%s$b%u using 1:2 with lines lw 1.3 lc %u %s title ", i ? ", " : "", block,
		(is_alone ? line : flow) + 1, line && !is_alone ? "dt 3" : "");
	print_quoted(d->out, name);
}

static void print_panel(struct draw *d, uint32_t what, bool is_last)
{
	const struct panel *panel = &panels[what];
	const struct plot_series *list[PLOT_FLOWS_MAX];
	uint32_t n = panel_series(d, panel, list, PLOT_FLOWS_MAX), first = d->n_blocks;
	struct shown shown = {.n = 0};

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < panel->n_lines; k++)
			show_line(d, panel, &shown, list[i], i, k);
	for (uint32_t i = 0; i < shown.n; i++)
		print_line(d, shown.lines[i].s, panel, panel->lines[shown.lines[i].line].field,
			   shown.n);
	fprintf(d->out, "set ylabel '%s'\nset xlabel '%s'\nset format x '%s'\n", panel->label,
		is_last ? "s" : "", is_last ? "%g" : "");
	/* Of numbers that only grow, a part of the time is a part of the height. */
	fprintf(d->out, "plot [%g:%g] [%s:%s] ", (double)d->o->from_ns / 1e9,
		(double)d->end_ns / 1e9, what == PLOT_SEQ && shown.n ? "*" : "0",
		shown.has_height ? "*" : "1");
	for (uint32_t i = 0; i < shown.n; i++)
		print_plot_line(d, panel, &shown, i, first + i);
	if (!shown.n)
		fprintf(d->out, "-1 title 'nothing of %s in the trace'", panel->word);
	fprintf(d->out, "\n");
}

static void print_script(struct draw *d)
{
	const struct plot_options *o = d->o;
	uint32_t height = o->n_what * PANEL_HEIGHT + MARGIN_HEIGHT;

	if (!strcmp(o->type, "svg"))
		fprintf(d->out,
			"set terminal svg size %d,%u font 'sans-serif,12' background rgb 'white'\n",
			WIDTH, height);
	else
		fprintf(d->out, "set terminal pngcairo size %d,%u font 'sans,10'\n", WIDTH, height);
	fprintf(d->out,
		"set grid y lc rgb '#dddddd'\nset key outside above right samplen 2\n"
		"set lmargin 10\nset rmargin 3\nset linetype 1 lc rgb '#1f77b4'\n"
		"set linetype 2 lc rgb '#d62728'\nset linetype 3 lc rgb '#2ca02c'\n"
		"set linetype 4 lc rgb '#9467bd'\nset linetype 5 lc rgb '#ff7f0e'\n"
		"set linetype 6 lc rgb '#17becf'\nset linetype 7 lc rgb '#8c564b'\n"
		"set linetype 8 lc rgb '#555555'\nset multiplot layout %u,1",
		o->n_what);
	if (o->title) {
		fprintf(d->out, " title ");
		print_quoted(d->out, o->title);
	}
	fprintf(d->out, "\n");
	for (uint32_t i = 0; i < o->n_what; i++)
		print_panel(d, o->what[i], i + 1 == o->n_what);
	fprintf(d->out, "unset multiplot\n");
}

static uint64_t series_sent(const struct plot_series *s)
{
	return s->n ? plot_value(&s->points[s->n - 1], PLOT_F_NXT) : 0;
}

/* The flows that were asked for, those that sent most before the others. */
static void choose_flows(struct draw *d)
{
	for (size_t i = 0; i < d->plot->n_series; i++) {
		const struct plot_series *s = &d->plot->series[i];
		uint32_t at = d->n_flows;

		if (s->is_queue || (d->o->flow && !strstr(s->name, d->o->flow)) ||
		    (!d->o->flow && series_sent(s) == 0))
			continue;
		while (at > 0 && series_sent(d->flows[at - 1]) < series_sent(s))
			at--;
		if (at == PLOT_FLOWS_MAX)
			continue;
		if (d->n_flows == PLOT_FLOWS_MAX)
			d->n_flows--;
		memmove(&d->flows[at + 1], &d->flows[at], (d->n_flows - at) * sizeof(d->flows[0]));
		d->flows[at] = s;
		d->n_flows++;
	}
}

/* ---- gnuplot ---- */

static int plot_failed(const char *what, int err)
{
	fprintf(stderr, "weft plot: %s: %s\n", what, strerror(err));
	return EXIT_FAILED;
}

static int gnuplot_spawn(int in, int out, pid_t *ret_pid)
{
	char *argv[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char[]){"-"}, NULL};
	posix_spawn_file_actions_t files;
	int err = posix_spawn_file_actions_init(&files);

	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawnp(ret_pid, "gnuplot", &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

static int gnuplot_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return plot_failed("waitpid", errno);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "weft plot: gnuplot failed\n");
	return EXIT_FAILED;
}

/* The script goes through a file of its own: gnuplot may say what is wrong before it has read it.
 */
static int picture_draw(struct draw *d, int out)
{
	FILE *script = tmpfile();
	pid_t pid;
	int err;

	if (!script)
		return plot_failed("temporary file", errno);
	d->out = script;
	print_script(d);
	if (fflush(script) != 0 || lseek(fileno(script), 0, SEEK_SET) < 0) {
		err = errno;
		fclose(script);
		return plot_failed("temporary file", err);
	}
	err = gnuplot_spawn(fileno(script), out, &pid);
	fclose(script);
	if (err == ENOENT) {
		fprintf(stderr, "weft plot: there is no program `gnuplot`: install it (apt install "
				"gnuplot-nox), or write the trace (weft up --trace) and plot it on "
				"a machine that has it\n");
		return EXIT_FAILED;
	}
	return err ? plot_failed("gnuplot", err) : gnuplot_wait(pid);
}

/* Beside its place first and then renamed: a failure leaves what was there. */
static int picture_write(struct draw *d, const char *path)
{
	size_t size = strlen(path) + sizeof(".XXXXXX");
	char *tmp = malloc(size);
	mode_t mask = umask(0);
	int fd, status;

	umask(mask);
	if (!tmp)
		return plot_failed(path, ENOMEM);
	snprintf(tmp, size, "%s.XXXXXX", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		status = plot_failed(path, errno);
		free(tmp);
		return status;
	}
	status = picture_draw(d, fd);
	if (!status && (fchmod(fd, 0666 & ~mask) < 0 || rename(tmp, path) < 0))
		status = plot_failed(path, errno);
	if (status)
		unlink(tmp);
	close(fd);
	free(tmp);
	return status;
}

int plot_draw(struct plot *plot, const struct plot_options *o, const char *path)
{
	struct draw d = {.plot = plot, .o = o, .end_ns = 0};

	for (size_t i = 0; i < plot->n_series; i++) {
		const struct plot_series *s = &plot->series[i];

		if (s->n && s->points[s->n - 1].t_ns - plot->start_ns > d.end_ns)
			d.end_ns = s->points[s->n - 1].t_ns - plot->start_ns;
	}
	if (o->to_ns < d.end_ns)
		d.end_ns = o->to_ns;
	choose_flows(&d);
	if (!d.n_flows && o->flow) {
		fprintf(stderr, "weft plot: no connection has `%s` in its name; there are:\n",
			o->flow);
		for (size_t i = 0; i < plot->n_series; i++)
			if (!plot->series[i].is_queue)
				fprintf(stderr, "  %s\n", plot->series[i].name);
		return EXIT_FAILED;
	}
	if (d.end_ns <= o->from_ns) {
		fprintf(stderr, "weft plot: nothing happened in that time\n");
		return EXIT_FAILED;
	}
	return picture_write(&d, path);
}
