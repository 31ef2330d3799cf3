/* SPDX-License-Identifier: MIT */
/* Apps of weft nodes; the contract is in apps.h. */
#include "lab/apps.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lab/lab.h"
#include "net/app/app.h"
#include "net/bulk/bulk.h"
#include "net/http/http_get.h"
#include "net/ping/prober.h"
#include "net/rr/rr.h"

enum {
	APP_TARGET_MAX = 40, /* bytes of the target's column */
};

const char *lab_app_kind_name(const struct labfile_app *file)
{
	static const char *const names[] = {
		[LABFILE_APP_HTTP] = "http", [LABFILE_APP_ECHO] = "echo",
		[LABFILE_APP_BULK] = "bulk", [LABFILE_APP_RR] = "rr",
		[LABFILE_APP_PING] = "ping",
	};

	return names[file->kind];
}

static struct weft_sockaddr peer_of(const struct labfile_app_args *args)
{
	struct weft_sockaddr to = {.port = (uint16_t)args->port};

	to.addr.family = args->ip.family == LAB_IP4 ? WEFT_AF_INET : WEFT_AF_INET6;
	memcpy(to.addr.bytes, args->ip.bytes, sizeof(to.addr.bytes));
	return to;
}

static struct app_plan plan_of(const struct labfile_app_args *args)
{
	return (struct app_plan){
		.at_ns = args->at_ns,
		.count = args->count,
		.interval_ns = args->interval_ns,
		.timeout_ns = args->timeout_ns,
	};
}

static int http_start(struct weft_stack *st, const struct labfile_app_args *args, struct app **ret)
{
	struct http_get_config cfg = {
		.to = peer_of(args),
		.host = args->host,
		.path = args->path,
		.has_size = args->has_size,
		.size = args->size,
		.plan = plan_of(args),
	};

	return http_get_new(st, &cfg, ret);
}

static int bulk_start(struct weft_stack *st, const struct labfile_app_args *args, struct app **ret)
{
	struct bulk_config cfg = {
		.to = peer_of(args),
		.size = args->size,
		.time_ns = args->time_ns,
		.plan = plan_of(args),
	};

	return bulk_new(st, &cfg, ret);
}

static int rr_start(struct weft_stack *st, const struct labfile_app *file, struct app **ret)
{
	const struct labfile_app_args *args = &file->args;
	bool is_echo = file->kind == LABFILE_APP_ECHO;
	struct rr_config cfg = {
		.to = peer_of(args),
		.request = (uint32_t)(is_echo ? args->size : args->request),
		.response = (uint32_t)args->response,
		.is_echo = is_echo,
		.plan = plan_of(args),
	};

	return rr_client_new(st, &cfg, ret);
}

static int prober_start(struct weft_stack *st, const struct labfile_app *file, struct app **ret)
{
	const struct labfile_app_args *args = &file->args;
	struct prober_config cfg = {
		.to = peer_of(args),
		.is_udp = file->kind == LABFILE_APP_ECHO,
		.size = (uint32_t)args->size,
		.plan = plan_of(args),
	};

	return prober_new(st, &cfg, ret);
}

int lab_app_start(struct lab_node *node, const struct labfile_app *file, struct lab_app *ret)
{
	bool is_udp_echo = file->kind == LABFILE_APP_ECHO && file->args.proto == LABFILE_UDP;
	struct app *app = NULL;
	int err;

	if (file->kind == LABFILE_APP_HTTP)
		err = http_start(node->stack, &file->args, &app);
	else if (file->kind == LABFILE_APP_BULK)
		err = bulk_start(node->stack, &file->args, &app);
	else if (file->kind == LABFILE_APP_PING || is_udp_echo)
		err = prober_start(node->stack, file, &app);
	else
		err = rr_start(node->stack, file, &app);
	if (!err)
		*ret = (struct lab_app){file, app};
	return err;
}

void lab_app_stop(struct lab_app *app)
{
	app_free(app->app);
	app->app = NULL;
}

/* ---- What they have done ---- */

static const char *target_of(const struct labfile_app *file)
{
	return file->args.url ? file->args.url : file->args.target;
}

static const char *why_of(const struct app_stats *s)
{
	if (!s->err)
		return "";
	return s->why ? s->why : strerror(-s->err);
}

static void print_ms(FILE *out, int64_t ns)
{
	fprintf(out, "%" PRId64 ".%03" PRId64, ns / 1000000, ns / 1000 % 1000);
}

static void print_times(FILE *out, const struct app_stats *s)
{
	char text[64];
	FILE *f = fmemopen(text, sizeof(text), "w");

	if (!f)
		return;
	if (s->n_times) {
		print_ms(f, s->time_min_ns);
		fputc('/', f);
		print_ms(f, s->time_sum_ns / (int64_t)s->n_times);
		fputc('/', f);
		print_ms(f, s->time_max_ns);
	} else {
		fputc('-', f);
	}
	fputc('\0', f);
	fclose(f);
	fprintf(out, " %26s", text);
}

static void print_rate(FILE *out, uint64_t bps)
{
	if (!bps)
		fprintf(out, " %13s", "-");
	else if (bps >= 1000000000)
		fprintf(out, " %4" PRIu64 ".%03" PRIu64 " Gbit", bps / 1000000000,
			bps / 1000000 % 1000);
	else if (bps >= 1000000)
		fprintf(out, " %4" PRIu64 ".%03" PRIu64 " Mbit", bps / 1000000, bps / 1000 % 1000);
	else
		fprintf(out, " %4" PRIu64 ".%03" PRIu64 " kbit", bps / 1000, bps % 1000);
}

static void app_print(const struct lab_node *node, const struct lab_app *app, int widths[2],
		      FILE *out)
{
	struct app_stats s;

	app_stats(app->app, &s);
	fprintf(out,
		"%-*s %-4s %-*.*s %6" PRIu64 " %6" PRIu64 " %5" PRIu64 " %6" PRIu64 " %10" PRIu64
		" %10" PRIu64,
		widths[0], node->file->name, lab_app_kind_name(app->file), widths[1], widths[1],
		target_of(app->file), s.n_tries, s.n_done, s.n_lost, s.n_failed, s.bytes_sent,
		s.bytes_received);
	print_rate(out, app_stats_rate_bps(&s));
	print_times(out, &s);
	fprintf(out, "%s%s\n", s.err ? "  " : "", why_of(&s));
}

static void width_grow(int *width, const char *text)
{
	int n = (int)strlen(text);

	if (n > *width)
		*width = n;
}

void lab_apps_print(const struct lab *lab, FILE *out)
{
	int widths[2] = {4, 2};
	uint32_t n = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		n += lab->nodes[i]->n_apps;
		if (lab->nodes[i]->n_apps)
			width_grow(&widths[0], lab->nodes[i]->file->name);
		for (uint32_t k = 0; k < lab->nodes[i]->n_apps; k++)
			width_grow(&widths[1], target_of(lab->nodes[i]->apps[k].file));
	}
	if (widths[1] > APP_TARGET_MAX)
		widths[1] = APP_TARGET_MAX;
	if (n)
		fprintf(out, "%-*s %-4s %-*s %6s %6s %5s %6s %10s %10s %13s %26s\n", widths[0],
			"node", "app", widths[1], "to", "tries", "ok", "lost", "failed", "sent B",
			"received B", "rate", "time min/avg/max ms");
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		for (uint32_t k = 0; k < lab->nodes[i]->n_apps; k++)
			app_print(lab->nodes[i], &lab->nodes[i]->apps[k], widths, out);
}

static json_t *app_json(const struct lab_node *node, const struct lab_app *app)
{
	int64_t lab_ns = node->lab->start_ns;
	struct app_stats s;

	app_stats(app->app, &s);
	return json_pack(
		"{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:s*}",
		"node", node->file->name, "app", lab_app_kind_name(app->file), "to",
		target_of(app->file), "is_done", s.is_done, "tries", (json_int_t)s.n_tries, "ok",
		(json_int_t)s.n_done, "lost", (json_int_t)s.n_lost, "failed",
		(json_int_t)s.n_failed, "sent_bytes", (json_int_t)s.bytes_sent, "received_bytes",
		(json_int_t)s.bytes_received, "rate_bps", (json_int_t)app_stats_rate_bps(&s),
		"start_ns", (json_int_t)(s.start_ns < 0 ? -1 : s.start_ns - lab_ns), "end_ns",
		(json_int_t)(s.start_ns < 0 ? -1 : s.end_ns - lab_ns), "busy_ns",
		(json_int_t)s.busy_ns, "time_min_ns", (json_int_t)s.time_min_ns, "time_avg_ns",
		(json_int_t)(s.n_times ? s.time_sum_ns / (int64_t)s.n_times : 0), "time_max_ns",
		(json_int_t)s.time_max_ns, "error", s.err ? why_of(&s) : NULL);
}

json_t *lab_apps_json(const struct lab *lab)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < lab->n_nodes; i++)
		for (uint32_t k = 0; list && k < lab->nodes[i]->n_apps; k++)
			if (json_array_append_new(
				    list, app_json(lab->nodes[i], &lab->nodes[i]->apps[k])) < 0) {
				json_decref(list);
				list = NULL;
			}
	return list;
}
