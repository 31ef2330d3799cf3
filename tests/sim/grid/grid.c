/* SPDX-License-Identifier: MIT */
/*
 * The grid: what each congestion control makes of losses, delays, buffers, reordering, jitter,
 * bursts, other flows and outages, in virtual time, as tables that are compared with those in the
 * tree.
 *
 *	grid [--update] [--long] [--ip6] [--dir DIR] [TABLE...]
 *
 * Each table is one file, DIR/NAME.golden, and DIR/NAME-ip6.golden with --ip6, with a head that
 * says what it shows. A new control gets a column by itself. The same code gives the same figures
 * with any compiler and option, so a difference is a change of behaviour: look at it, and --update
 * writes the tables anew.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell.h"

enum {
	CONTROLS_MAX = 16,
	TEXT_MAX = 32768,
};

#define MBIT UINT64_C(1000000)

/* ---- the controls there are ---- */

static const char *controls[CONTROLS_MAX];
static uint32_t n_controls;
static bool is_ip6; /* which family the cells have */

/* Of all names that are known, in the order of the columns. */
static void controls_find(void)
{
	static const char *const names[] = {"cubic", "reno",  "tahoe", "bbr",
					    "bbr3",  "dctcp", "vegas"};
	struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_sock *s;

	if (weft_engine_new(&cfg, &eng) || weft_stack_new(eng, "st", &st) ||
	    weft_socket(st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s))
		exit(2);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!weft_setsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_CONGESTION, names[i],
				     strlen(names[i])))
			controls[n_controls++] = names[i];
	weft_close(s);
	weft_stack_free(st);
	weft_engine_free(eng);
}

/* ---- text ---- */

struct text {
	char buf[TEXT_MAX];
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(t->buf + t->len, TEXT_MAX - t->len, fmt, ap);
	va_end(ap);
	if (t->len >= TEXT_MAX)
		abort();
}

static void add_columns(struct text *t, const char *first)
{
	add(t, "%-22s", first);
	for (uint32_t i = 0; i < n_controls; i++)
		add(t, " %8s", controls[i]);
	add(t, "\n");
}

static void add_tenths(struct text *t, uint32_t v)
{
	add(t, " %6u.%u", v / 10, v % 10);
}

static void add_hundredths(struct text *t, uint32_t v)
{
	add(t, " %5u.%02u", v / 100, v % 100);
}

/* ---- cells ---- */

/* One flow over 20 Mbit/s and 40 ms with a buffer of a bandwidth-delay product. */
static struct cell *cell_new(const char *cc)
{
	struct cell *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->is_ip6 = is_ip6;
	c->n_flows = 1;
	c->cc[0] = cc;
	c->seed = 1;
	c->rtt_ns[0] = 40 * MS;
	c->rate_bps = 20 * MBIT;
	c->marks = strcmp(cc, "dctcp") == 0;
	c->start_ns = 2 * S;
	c->end_ns = 32 * S;
	return c;
}

/* What a row is: `set` makes the cell of it. */
struct row {
	const char *name;
	int64_t a, b;
	bool is_long; /* with --long only */
};

struct figure {
	const char *title;
	uint32_t (*get)(const struct cell *c);
	void (*add)(struct text *t, uint32_t v);
};

/* One block of rows for each figure: the mean of `n_seeds` runs of the cell. */
static void add_means(struct text *t, const struct row *rows,
		      void (*set)(struct cell *, const struct row *), const struct figure *figures,
		      uint32_t n_seeds, bool is_long)
{
	static uint32_t v[4][32][CONTROLS_MAX];
	uint32_t n_rows = 0;

	for (; rows[n_rows].name; n_rows++) {
		if (rows[n_rows].is_long && !is_long)
			continue;
		for (uint32_t i = 0; i < n_controls; i++)
			for (uint32_t f = 0; figures[f].title; f++)
				v[f][n_rows][i] = 0;
		for (uint32_t i = 0; i < n_controls * n_seeds; i++) {
			struct cell *c = cell_new(controls[i / n_seeds]);

			c->seed = 1 + i % n_seeds;
			set(c, &rows[n_rows]);
			cell_run(c);
			for (uint32_t f = 0; figures[f].title; f++)
				v[f][n_rows][i / n_seeds] += figures[f].get(c);
			free(c);
		}
	}
	for (uint32_t f = 0; figures[f].title; f++) {
		add(t, "\n%s\n", figures[f].title);
		add_columns(t, "");
		for (uint32_t r = 0; r < n_rows; r++) {
			if (rows[r].is_long && !is_long)
				continue;
			add(t, "%-22s", rows[r].name);
			for (uint32_t i = 0; i < n_controls; i++)
				figures[f].add(t, v[f][r][i] / n_seeds);
			add(t, "\n");
		}
	}
}

static void add_grid(struct text *t, const struct row *rows,
		     void (*set)(struct cell *, const struct row *), const struct figure *figures,
		     bool is_long)
{
	add_means(t, rows, set, figures, 1, is_long);
}

#define GOODPUT                                                          \
	{                                                                \
		"goodput, % of the bottleneck", cell_goodput, add_tenths \
	}
#define AGAIN                                                        \
	{                                                            \
		"segments sent again, %", cell_again, add_hundredths \
	}
#define SPURIOUS                                                                      \
	{                                                                             \
		"segments sent again in vain (reported by D-SACK), %", cell_spurious, \
			add_hundredths                                                \
	}
#define NO_MORE                  \
	{                        \
		NULL, NULL, NULL \
	}

/* ---- tables ---- */

static void set_loss(struct cell *c, const struct row *row)
{
	c->link.loss_ppm = (uint32_t)row->a;
}

static void table_loss(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"0 %", 0, 0, false},      {"0.01 %", 100, 0, false},  {"0.1 %", 1000, 0, false},
		{"0.5 %", 5000, 0, false}, {"1 %", 10000, 0, false},   {"2 %", 20000, 0, false},
		{"5 %", 50000, 0, false},  {"10 %", 100000, 0, false}, {NULL, 0, 0, false},
	};
	static const struct figure figures[] = {GOODPUT, SPURIOUS, NO_MORE};

	add(t, "# Random loss. 20 Mbit/s, 40 ms, buffer 1 BDP; 30 s measured after 2 s.\n");
	add_grid(t, rows, set_loss, figures, is_long);
}

static void set_rtt(struct cell *c, const struct row *row)
{
	c->rtt_ns[0] = row->a * MS;
	c->start_ns = 5 * S;
	c->end_ns = 15 * S;
}

static void table_rtt(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"1 ms", 1, 0, false},   {"3 ms", 3, 0, false},     {"10 ms", 10, 0, false},
		{"30 ms", 30, 0, false}, {"100 ms", 100, 0, false}, {"300 ms", 300, 0, false},
		{NULL, 0, 0, false},
	};
	static const struct figure figures[] = {
		GOODPUT, {"queue on average, ms", cell_queue_avg, add_tenths}, NO_MORE};

	add(t, "# Round-trip time. 20 Mbit/s, buffer 1 BDP, but 4 frames at least; 10 s measured "
	       "after "
	       "5 s.\n");
	add_grid(t, rows, set_rtt, figures, is_long);
}

static void set_buffer(struct cell *c, const struct row *row)
{
	c->buffer_bytes = (uint64_t)row->a * 1000;
	c->start_ns = 4 * S;
	c->end_ns = 14 * S;
}

static void table_buffer(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"0.1 BDP", 10, 0, false}, {"0.25 BDP", 25, 0, false}, {"0.5 BDP", 50, 0, false},
		{"1 BDP", 100, 0, false},  {"2 BDP", 200, 0, false},   {"4 BDP", 400, 0, false},
		{NULL, 0, 0, false},
	};
	static const struct figure figures[] = {
		GOODPUT,
		AGAIN,
		{"queue on average, ms", cell_queue_avg, add_tenths},
		NO_MORE,
	};

	add(t,
	    "# Buffer before the bottleneck. 20 Mbit/s, 40 ms (BDP 100 kB); 10 s measured after 4 "
	    "s.\n");
	add_grid(t, rows, set_buffer, figures, is_long);
}

static void set_reorder(struct cell *c, const struct row *row)
{
	c->link.reorder_ppm = (uint32_t)row->a;
	c->link.reorder_ns = row->b;
}

static void table_reorder(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"0.1 % by 5 ms", 1000, 5 * MS, false},  {"1 % by 5 ms", 10000, 5 * MS, false},
		{"3 % by 5 ms", 30000, 5 * MS, false},   {"10 % by 5 ms", 100000, 5 * MS, false},
		{"3 % by 1 ms", 30000, 1 * MS, false},   {"3 % by 20 ms", 30000, 20 * MS, false},
		{"3 % by 60 ms", 30000, 60 * MS, false}, {NULL, 0, 0, false},
	};
	static const struct figure figures[] = {GOODPUT, SPURIOUS, NO_MORE};

	add(t, "# Frames held back, so that others overtake them. 20 Mbit/s, 40 ms, buffer 1 BDP; "
	       "10 s "
	       "measured after 2 s.\n");
	add_grid(t, rows, set_reorder, figures, is_long);
}

static void set_jitter(struct cell *c, const struct row *row)
{
	c->link.jitter_ns = row->a;
	c->link.jitter_dist = (uint32_t)row->b;
}

static void table_jitter(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"1 ms normal", 1 * MS, WEFT_LINK_NORMAL, false},
		{"5 ms normal", 5 * MS, WEFT_LINK_NORMAL, false},
		{"20 ms normal", 20 * MS, WEFT_LINK_NORMAL, false},
		{"5 ms pareto", 5 * MS, WEFT_LINK_PARETO, false},
		{"20 ms paretonormal", 20 * MS, WEFT_LINK_PARETONORMAL, false},
		{NULL, 0, 0, false},
	};
	static const struct figure figures[] = {GOODPUT, SPURIOUS, NO_MORE};

	add(t,
	    "# Jitter that keeps the order. 20 Mbit/s, 40 ms, buffer 1 BDP; 30 s measured after 2 "
	    "s.\n");
	add_grid(t, rows, set_jitter, figures, is_long);
}

static void set_burst(struct cell *c, const struct row *row)
{
	c->link.gemodel_p_ppm = (uint32_t)row->a;
	c->link.gemodel_r_ppm = (uint32_t)row->b;
	c->link.gemodel_1h_ppm = 1000000;
}

static void table_burst(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"0.1 % of 2", 500, 500000, false},
		{"0.1 % of 10", 100, 100000, false},
		{"1 % of 2", 5000, 500000, false},
		{"1 % of 10", 1000, 100000, false},
		{"1 % of 50", 200, 20000, false},
		{"5 % of 10", 5000, 100000, false},
		{NULL, 0, 0, false},
	};
	static const struct figure figures[] = {GOODPUT, SPURIOUS, NO_MORE};

	add(t,
	    "# Losses in bursts (Gilbert and Elliott): so many in all, in bursts of so many "
	    "frames on\n"
	    "# average. 20 Mbit/s, 40 ms, buffer 1 BDP; 30 s measured after 2 s, the mean of five "
	    "runs:\n"
	    "# as the model counts frames, not time, timeouts with their backoff do not soon get "
	    "past a\n"
	    "# burst of 20 frames.\n");
	add_means(t, rows, set_burst, figures, 5, is_long);
}

static void set_outage(struct cell *c, const struct row *row)
{
	c->outage_ns = row->a * MS;
	c->start_ns = 5 * S;
	c->end_ns = 5 * S + 3 * c->outage_ns + 10 * S;
	if (c->end_ns > 110 * S)
		c->end_ns = 110 * S;
}

static void add_ms(struct text *t, uint32_t v)
{
	if (v == UINT32_MAX)
		add(t, " %8s", "never");
	else
		add(t, " %8u", v);
}

static void table_outage(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"0.1 s", 100, 0, false}, {"0.5 s", 500, 0, false},  {"1 s", 1000, 0, false},
		{"3 s", 3000, 0, false},  {"10 s", 10000, 0, false}, {"30 s", 30000, 0, true},
		{"60 s", 60000, 0, true}, {NULL, 0, 0, false},
	};
	static const struct figure figures[] = {
		{"until 90 % of the rate before is there again, ms", cell_recovery_ms, add_ms},
		NO_MORE,
	};

	add(t, "# Outages in which both directions lose everything, of so many seconds. 20 Mbit/s, "
	       "40 ms,\n"
	       "# buffer 1 BDP; the outage begins after 5 s.\n");
	add_grid(t, rows, set_outage, figures, is_long);
}

/* ---- more than one flow ---- */

static void set_flows(struct cell *c, const struct row *row)
{
	c->n_flows = (uint32_t)row->a;
	for (uint32_t i = 1; i < c->n_flows; i++) {
		c->cc[i] = c->cc[0];
		c->rtt_ns[i] = c->rtt_ns[0];
	}
	c->stagger_ns = 100 * MS;
	c->start_ns = row->b;
	c->end_ns = row->b + 10 * S;
}

static void table_fairness(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"2 flows, 5 to 15 s", 2, 5 * S, false},
		{"2 flows, 20 to 30 s", 2, 20 * S, false},
		{"4 flows, 5 to 15 s", 4, 5 * S, false},
		{"4 flows, 20 to 30 s", 4, 20 * S, false},
		{"8 flows, 5 to 15 s", 8, 5 * S, false},
		{"8 flows, 20 to 30 s", 8, 20 * S, false},
		{"16 flows, 5 to 15 s", 16, 5 * S, false},
		{"16 flows, 20 to 30 s", 16, 20 * S, false},
		{NULL, 0, 0, false},
	};
	static const struct figure figures[] = {
		{"fairness, % (Jain's index; 100 is equal shares)", cell_fairness, add_tenths},
		GOODPUT,
		NO_MORE,
	};

	add(t, "# Flows of one control that start 0.1 s apart. 20 Mbit/s, 40 ms, buffer 1 BDP.\n");
	add_grid(t, rows, set_flows, figures, is_long);
}

static void set_rtts(struct cell *c, const struct row *row)
{
	c->n_flows = 4;
	for (uint32_t i = 0; i < 4; i++) {
		c->cc[i] = c->cc[0];
		c->rtt_ns[i] = (row->a << i) * MS;
	}
	c->buffer_bytes = 100000;
	c->stagger_ns = 100 * MS;
	c->start_ns = 10 * S;
	c->end_ns = 30 * S;
}

static void table_rtts(struct text *t, bool is_long)
{
	static const struct row rows[] = {
		{"5, 10, 20, 40 ms", 5, 0, false},
		{"20, 40, 80, 160 ms", 20, 0, false},
		{NULL, 0, 0, false},
	};
	static const struct figure figures[] = {
		{"fairness, % (Jain's index)", cell_fairness, add_tenths}, GOODPUT, NO_MORE};

	add(t, "# Four flows of one control with different round-trip times. 20 Mbit/s, buffer 100 "
	       "kB; 20 s\n"
	       "# measured after 10 s.\n");
	add_grid(t, rows, set_rtts, figures, is_long);
}

/* Two of one control and two of another: what the first two get. */
static void table_mixed(struct text *t, bool is_long)
{
	(void)is_long;
	add(t,
	    "# Two flows of the control of the row and two of that of the column: the share of the "
	    "first\n"
	    "# two, %%; 50 is fair. 20 Mbit/s, 40 ms, buffer 1 BDP; 15 s measured after 5 s.\n\n");
	add_columns(t, "");
	for (uint32_t r = 0; r < n_controls; r++) {
		add(t, "%-22s", controls[r]);
		for (uint32_t k = 0; k < n_controls; k++) {
			struct cell *c = cell_new(controls[r]);
			uint64_t first, all;

			set_flows(c, &(struct row){NULL, 4, 5 * S, false});
			c->end_ns = 20 * S;
			c->cc[1] = c->cc[3] = controls[k];
			c->marks |= strcmp(controls[k], "dctcp") == 0;
			cell_run(c);
			first = c->bytes[0] + c->bytes[2];
			all = first + c->bytes[1] + c->bytes[3];
			add_tenths(t, (uint32_t)(first * 1000 / (all ? all : 1)));
			free(c);
		}
		add(t, "\n");
	}
}

/* ---- over time ---- */

static void table_queue(struct text *t, bool is_long)
{
	(void)is_long;
	add(t,
	    "# The queue over time, ms, on average of each second. 20 Mbit/s, 40 ms, buffer 4 BDP "
	    "(160 ms).\n\n");
	add(t, "%-9s", "second");
	for (int s = 1; s <= 14; s++)
		add(t, " %6d", s);
	add(t, "\n");
	for (uint32_t i = 0; i < n_controls; i++) {
		struct cell *c = cell_new(controls[i]);

		c->buffer_bytes = 400000;
		c->start_ns = 0;
		c->end_ns = 14 * S;
		cell_run(c);
		add(t, "%-9s", controls[i]);
		for (int s = 0; s < 14; s++) {
			uint32_t v = cell_queue_between(c, s * S, (s + 1) * S);

			add(t, " %4u.%u", v / 10, v % 10);
		}
		add(t, "\n");
		free(c);
	}
}

/* A long fat pipe by default settings, as the project promises it. */
static void table_fat(struct text *t, bool is_long)
{
	static const uint32_t staggers_ms[] = {0, 10, 20, 30, 100};
	struct cell *c = cell_new(controls[0]);

	c->rate_bps = 1000 * MBIT;
	c->rtt_ns[0] = 100 * MS;
	c->marks = false;
	c->start_ns = 3 * S;
	c->end_ns = 8 * S;
	cell_run(c);
	add(t, "# One flow with default settings over 1 Gbit/s, 100 ms, buffer 1 BDP: goodput, "
	       "%%.\n\n");
	add(t, "3 to 8 s            ");
	add_tenths(t, cell_goodput(c));
	add(t, "\n");
	free(c);
	if (!is_long)
		return;
	for (uint32_t i = 0; i < sizeof(staggers_ms) / sizeof(staggers_ms[0]); i++) {
		c = cell_new(controls[0]);
		c->rate_bps = 1000 * MBIT;
		c->rtt_ns[0] = 100 * MS;
		c->marks = false;
		set_flows(c, &(struct row){NULL, 16, 30 * S, false});
		c->stagger_ns = staggers_ms[i] * MS;
		cell_run(c);
		add(t, "16 flows, started %3u ms apart, 30 to 40 s", staggers_ms[i]);
		add_tenths(t, cell_goodput(c));
		add(t, ", fairness");
		add_tenths(t, cell_fairness(c));
		add(t, "\n");
		free(c);
	}
}

static const struct table {
	const char *name;
	void (*make)(struct text *t, bool is_long);
} tables[] = {
	{"loss", table_loss},       {"rtt", table_rtt},           {"buffer", table_buffer},
	{"reorder", table_reorder}, {"jitter", table_jitter},     {"burst", table_burst},
	{"outage", table_outage},   {"fairness", table_fairness}, {"rtts", table_rtts},
	{"mixed", table_mixed},     {"queue", table_queue},       {"fat", table_fat},
};

/* ---- comparing ---- */

struct options {
	const char *dir;
	bool update, is_long;
};

/* True: the table is as in the tree. */
static bool table_check(const struct table *table, const struct options *o)
{
	static struct text t;
	char path[1000], *want = NULL;
	size_t cap = 0;
	bool is_same;
	FILE *f;

	t.len = 0;
	table->make(&t, o->is_long);
	snprintf(path, sizeof(path), "%s/%s%s%s.golden", o->dir, table->name,
		 o->is_long ? "-long" : "", is_ip6 ? "-ip6" : "");
	f = fopen(path, o->update ? "w" : "r");
	if (!f) {
		printf("not ok - grid: %s: %s: %s\n", table->name, path, strerror(errno));
		return false;
	}
	if (o->update)
		fputs(t.buf, f);
	is_same = o->update || (getdelim(&want, &cap, '\0', f) >= 0 && !strcmp(want, t.buf));
	fclose(f);
	free(want);
	printf("%s - grid: %s%s is as in the tree\n", is_same ? "ok" : "not ok", table->name,
	       is_ip6 ? ", over IPv6," : "");
	if (!is_same)
		printf("# found; `grid --update` writes it to %s\n%s", path, t.buf);
	return is_same;
}

static bool is_wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

int main(int argc, char **argv)
{
	struct options o = {.dir = "."};
	int status = 0;

	for (argv++; argc > 1 && *argv && (*argv)[0] == '-'; argv++) {
		if (!strcmp(*argv, "--update")) {
			o.update = true;
		} else if (!strcmp(*argv, "--long")) {
			o.is_long = true;
		} else if (!strcmp(*argv, "--ip6")) {
			is_ip6 = true;
		} else if (!strcmp(*argv, "--dir") && argv[1]) {
			o.dir = *++argv;
		} else {
			fprintf(stderr, "usage: grid [--update] [--long] [--ip6] [--dir DIR] "
					"[TABLE...]\n");
			return 2;
		}
	}
	controls_find();
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (is_wanted(tables[i].name, argv) && !table_check(&tables[i], &o))
			status = 1;
	return status;
}
