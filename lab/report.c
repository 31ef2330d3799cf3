/* SPDX-License-Identifier: MIT */
/* The report at the end of a run; what is in it is said in report.h. */
#include "lab/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lab/apps.h"
#include "lab/belief.h"
#include "lab/capture.h"
#include "lab/journey.h"
#include "lab/lab.h"
#include "lab/trace_store.h"

enum {
	NS_PER_US = 1000,
	NS_PER_MS = 1000000,
	CONNS_PRINTED = 5,
};

struct conn {
	char node[LABFILE_NODE_NAME_MAX + 1]; /* which may have gone by now */
	struct weft_sock_info info;
	struct weft_tcp_info tcp;
	int64_t end_ns; /* or when it was looked at, while it is open */
	bool is_open;
};

struct lab_report {
	struct lab *lab;
	struct journeys journeys;
	int64_t start_ns;
	struct conn conns[REPORT_CONNS]; /* that have ended, the first ones */
	uint32_t n_conns;                /* ever ended */
};

static void on_trace(void *arg, const char *line)
{
	struct lab_report *r = arg;

	journeys_event(&r->journeys, line);
}

static void conn_add(struct lab_node *node, const struct weft_sock_info *info, bool is_open)
{
	struct lab_report *r = node->lab->report;
	struct conn *c;

	if (r->n_conns++ >= REPORT_CONNS)
		return;
	c = &r->conns[r->n_conns - 1];
	snprintf(c->node, sizeof(c->node), "%s", node->file->name);
	c->info = *info;
	c->tcp = *info->tcp;
	c->info.tcp = &c->tcp;
	c->end_ns = weft_engine_now_ns(node->lab->eng);
	c->is_open = is_open;
}

static void on_tcp_end(void *arg, const struct weft_sock_info *info)
{
	if (info->tcp)
		conn_add(arg, info, false);
}

static void on_tcp_open(void *arg, const struct weft_sock_info *info)
{
	if (info->tcp && info->state != WEFT_TCP_LISTEN)
		conn_add(arg, info, true);
}

void lab_report_node(struct lab_node *node)
{
	if (node->lab->report && node->file->kind == LABFILE_WEFT)
		weft_stack_on_tcp_end(node->stack, on_tcp_end, node);
}

int lab_report_start(struct lab *lab)
{
	struct lab_report *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->lab = lab;
	r->start_ns = weft_engine_now_ns(lab->eng);
	lab->report = r;
	weft_trace_sample(lab->eng, REPORT_SAMPLE);
	trace_store_forward(lab->traces, on_trace, r);
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		lab_report_node(lab->nodes[i]);
	return 0;
}

void lab_report_free(struct lab *lab)
{
	if (lab->report)
		trace_store_forward(lab->traces, NULL, NULL);
	free(lab->report);
	lab->report = NULL;
}

/* "12.3": a number of units of which each has `unit` parts, with one decimal. */
static void print_tenths(FILE *out, int64_t value, int64_t unit)
{
	int64_t tenths = (value * 10 + unit / 2) / unit;

	fprintf(out, "%" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
}

static void print_rate(FILE *out, uint64_t bps)
{
	if (bps >= 10000000000) {
		print_tenths(out, (int64_t)(bps / 1000), 1000000);
		fprintf(out, " Gbit/s");
	} else if (bps >= 1000000) {
		print_tenths(out, (int64_t)bps, 1000000);
		fprintf(out, " Mbit/s");
	} else {
		print_tenths(out, (int64_t)bps, 1000);
		fprintf(out, " kbit/s");
	}
}

/* Interfaces of a node follow each other: in, out. One line a node tells both times. */
static void print_path(FILE *out, const struct journey_path *p)
{
	int64_t n = (int64_t)p->n_journeys;
	int64_t before_ns = 0;

	fprintf(out,
		"path of %" PRIu64
		" packets (one in %d is followed), average time since the start:\n",
		p->n_journeys, REPORT_SAMPLE);
	for (uint32_t i = 0; i < p->n_steps; i++) {
		const struct journey_step *s = &p->steps[i];
		int64_t at_ns = s->t_ns / n;

		fprintf(out, "  %-3s %s:%-*s ", s->is_tx ? "out" : "in", s->node,
			(int)(24 - strlen(s->node)), s->iface);
		print_tenths(out, at_ns / 100, NS_PER_MS / 100);
		fprintf(out, " ms");
		if (i && at_ns - before_ns >= NS_PER_MS / 20) {
			fprintf(out, "  (+");
			print_tenths(out, (at_ns - before_ns) / 100, NS_PER_MS / 100);
			fprintf(out, ")");
		}
		fprintf(out, "\n");
		before_ns = at_ns;
	}
}

static bool is_one_place(const struct journey_path *p)
{
	for (uint32_t i = 1; i < p->n_steps; i++)
		if (strcmp(p->steps[i].node, p->steps[0].node))
			return false;
	return true;
}

/* The path with the most interfaces and journeys that starts elsewhere than `not_from`. */
static struct journey_path *path_next(struct journeys *js, const char *not_from)
{
	int best = -1;

	for (uint32_t i = 0; i < js->n_paths; i++) {
		if (is_one_place(&js->paths[i]) || !strcmp(js->paths[i].steps[0].node, not_from))
			continue;
		if (best < 0 || js->paths[i].n_steps * js->paths[i].n_journeys >
					js->paths[best].n_steps * js->paths[best].n_journeys)
			best = (int)i;
	}
	return best < 0 ? NULL : &js->paths[best];
}

/* The most used path, and the most used one that starts somewhere else: there and back. */
static void print_paths(struct lab_report *r, FILE *out)
{
	struct journey_path *there, *back;

	journeys_finish(&r->journeys);
	there = path_next(&r->journeys, "");
	if (!there)
		return;
	print_path(out, there);
	back = path_next(&r->journeys, there->steps[0].node);
	if (back)
		print_path(out, back);
}

/* The slowest link's rate: what a connection could have had at most. */
static uint64_t slowest_rate(const struct lab *lab)
{
	uint64_t min_bps = 0;

	for (uint32_t i = 0; i < lab->n_links; i++)
		for (int d = 0; d < 2; d++) {
			uint64_t bps = lab->links[i]->dir[d].rate_bps;

			if (bps && (!min_bps || bps < min_bps))
				min_bps = bps;
		}
	return min_bps;
}

static void print_conn(FILE *out, const struct conn *c, uint64_t link_bps)
{
	const struct weft_tcp_info *t = &c->tcp;
	char local[WEFT_SOCKADDR_STRLEN], peer[WEFT_SOCKADDR_STRLEN];
	int64_t took_ns = c->end_ns - t->established_ns;
	uint64_t bytes = t->bytes_acked > t->bytes_received ? t->bytes_acked : t->bytes_received;

	fprintf(out, "tcp  %s (%s) and %s: ", c->node,
		weft_sockaddr_print(&c->info.local, local, sizeof(local)),
		weft_sockaddr_print(&c->info.peer, peer, sizeof(peer)));
	if (!t->established_ns) {
		fprintf(out, "never established\n");
		return;
	}
	fprintf(out, "%" PRIu64 " bytes sent, %" PRIu64 " received%s\n     handshake ",
		t->bytes_acked, t->bytes_received, c->is_open ? ", still open" : "");
	print_tenths(out, t->handshake_ns / NS_PER_US, 1000);
	fprintf(out, " ms, RTT ");
	print_tenths(out, t->rtt_us, 1000);
	fprintf(out, " ms (least ");
	print_tenths(out, t->min_rtt_us, 1000);
	fprintf(out, "), %" PRIu64 " of %" PRIu64 " segments retransmitted", t->total_retrans,
		t->data_segs_out);
	if (t->busy_ns > 0)
		took_ns = t->busy_ns;
	if (took_ns > 0 && bytes > 10000) {
		uint64_t bps = bytes * 8 * 1000 / (uint64_t)(took_ns / NS_PER_MS + 1);

		fprintf(out, "\n     ");
		print_rate(out, bps);
		if (link_bps) {
			fprintf(out, ", %" PRIu64 " %% of the slowest link's ",
				bps * 100 / link_bps);
			print_rate(out, link_bps);
		}
	}
	fprintf(out, "\n");
}

/* Those that have ended, then those that have not: the last ACK may be under way still. */
static void print_conns(struct lab_report *r, FILE *out)
{
	uint64_t link_bps = slowest_rate(r->lab);
	uint32_t n_ended = r->n_conns;
	uint32_t n, n_shown;

	for (uint32_t i = 0; i < r->lab->n_nodes; i++)
		if (r->lab->nodes[i]->file->kind == LABFILE_WEFT)
			weft_stack_sockets(r->lab->nodes[i]->stack, on_tcp_open, r->lab->nodes[i]);
	n = r->n_conns < REPORT_CONNS ? r->n_conns : REPORT_CONNS;
	n_shown = n < CONNS_PRINTED ? n : CONNS_PRINTED;
	for (uint32_t i = 0; i < n_shown; i++)
		print_conn(out, &r->conns[i], link_bps);
	if (r->n_conns > n_shown)
		fprintf(out, "tcp  and %" PRIu32 " more connections\n", r->n_conns - n_shown);
	r->n_conns = n_ended;
}

static void print_links(const struct lab *lab, FILE *out)
{
	for (uint32_t i = 0; i < lab->n_links; i++)
		for (int d = 0; d < 2; d++) {
			struct weft_link_stats s;
			const struct labfile_link *l = lab->links[i]->file;

			weft_link_stats(lab->links[i]->link, d, &s);
			if (!s.lost && !s.queue_drops && !s.reordered && !s.duplicated &&
			    !s.corrupted)
				continue;
			fprintf(out,
				"link %s to %s: %" PRIu64 " frames, %" PRIu64 " lost, %" PRIu64
				" dropped by the full queue, %" PRIu64
				" reordered; at most %" PRIu64 " waited\n",
				l->ends[d].text, l->ends[!d].text, s.frames, s.lost, s.queue_drops,
				s.reordered, s.queue_peak_pkts);
		}
}

static uint64_t mean(uint64_t sum, uint64_t n)
{
	return n ? sum / n : 0;
}

/* How large the pieces were in which frames crossed to the kernel: super-packets, if all is well.
 */
static void print_taps(const struct lab *lab, FILE *out)
{
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		for (uint32_t k = 0; k < lab->nodes[i]->n_ifaces; k++) {
			const struct lab_iface *iface = &lab->nodes[i]->ifaces[k];
			struct weft_tap_stats s;

			if (!iface->tap)
				continue;
			weft_tap_stats(iface->tap, &s);
			fprintf(out,
				"tap %s:%s: %" PRIu64 " reads of %" PRIu64
				" bytes on average, %" PRIu64 " writes of %" PRIu64
				" bytes on average\n",
				lab->nodes[i]->file->name, iface->file->name, s.reads,
				mean(s.read_bytes, s.reads), s.writes,
				mean(s.write_bytes, s.writes));
		}
}

struct drop_printer {
	FILE *out;
	const char *node;
	uint64_t n;
};

static void print_drop(void *arg, const char *name, const char *text, uint64_t n)
{
	struct drop_printer *dp = arg;

	/* Broadcasts that ask for others are no news. */
	if (!n || !strcmp(name, "ARP_NOT_US"))
		return;
	fprintf(dp->out, "drop %-14s %6" PRIu64 "  %s: %s\n", dp->node, n, name, text);
	dp->n += n;
}

static void print_drops(const struct lab *lab, FILE *out)
{
	struct drop_printer dp = {.out = out};

	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		dp.node = lab->nodes[i]->file->name;
		weft_stack_drops(lab->nodes[i]->stack, print_drop, &dp);
	}
	if (!dp.n)
		fprintf(out, "drop none\n");
}

void lab_report_print(struct lab *lab, FILE *out)
{
	struct lab_report *r = lab->report;

	if (!r)
		return;
	fprintf(out, "\n-- what happened in lab %s --\n", lab->file->name);
	lab_apps_print(lab, out);
	print_paths(r, out);
	print_conns(r, out);
	print_links(lab, out);
	print_taps(lab, out);
	print_drops(lab, out);
	lab_belief_print(lab, out);
	if (lab_capture_path(lab))
		fprintf(out, "pcap %s: every frame, with its trace id and drop reason\n",
			lab_capture_path(lab));
	fflush(out);
}
